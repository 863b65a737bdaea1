/* SPDX-License-Identifier: MIT */
/* Stopping early, and what the number of answers comes to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/early.h"

bool
sk_early_excused(const struct sk_answer *a)
{
	return a->o.kind == SK_K_CANCELLED &&
	       strcmp(a->o.code, SK_NOT_NEEDED) == 0;
}

/* ---- decided ---- */

static bool
ask_caller(struct sk_fan *r)
{
	const struct sk_ask *ask = r->p->ask;
	size_t n = r->p->slots.n;
	struct sk_through *v = sk_calloc(r->committed + 1, sizeof(*v));
	struct sk_strv expected = { 0 };
	bool yes;

	for (size_t i = 0; i < n; i++)
		sk_strv_add(&expected, r->p->slots.v[i].name);
	for (size_t i = 0; i < r->committed; i++) {
		const struct sk_answer *a = &r->ans[r->ready[i]];

		v[i].agent = a->slot->name;
		v[i].sha256 = a->o.sha256;
		if (a->o.kind == SK_K_NONE) {
			v[i].text = a->o.content != NULL ? a->o.content : "";
			v[i].text_n = a->o.content_n;
		} else {
			v[i].failure = sk_kind_word(a->o.kind);
		}
	}
	yes = ask->decided(ask->decided_arg, &expected, v, r->committed);
	sk_strv_free(&expected);
	free(v);
	return yes;
}

bool
sk_early_decided(struct sk_fan *r)
{
	const struct sk_ask *ask = r->p->ask;

	if (!ask->until_decided || ask->decided == NULL || r->decided ||
	    r->rc != 0 || r->stop_signal != 0 || r->gone ||
	    r->committed == r->judged || r->committed == r->p->slots.n)
		return false;
	r->judged = r->committed;
	if (!ask_caller(r))
		return false;
	r->decided = true;
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_early_excuse(&r->ans[i].o);
	return true;
}

void
sk_early_excuse(struct sk_outcome *o)
{
	if (o->kind != SK_K_NONE)
		return; /* it has failed already */
	sk_outcome_fail(
	    o, SK_K_CANCELLED, "not needed: the verdict is decided without it");
	(void)snprintf(o->code, sizeof(o->code), "%s", SK_NOT_NEEDED);
}

/* ---- how many ---- */

int
sk_tally_quorum(
    const struct sk_ask *ask, size_t n, size_t *required, struct sk_err *err)
{
	size_t num = (size_t)ask->quorum_num, den = (size_t)ask->quorum_den;

	*required = n / 2 + 1;
	if (num == 0)
		return 0;
	*required = den == 0 ? num : (n * num + den - 1) / den;
	if (*required <= n)
		return 0;
	(void)sk_fail(err, SK_USAGE, "bad_quorum",
	    "a quorum of %zu needs more than %zu agents", *required, n);
	return sk_hint(err, "name more agents, or a smaller quorum");
}

void
sk_tally(
    const struct sk_answer *a, size_t n, size_t required, struct sk_tally *out)
{
	memset(out, 0, sizeof(*out));
	out->agents = n;
	out->required = required;
	for (size_t i = 0; i < n; i++) {
		out->ok += a[i].o.kind == SK_K_NONE;
		out->not_needed += sk_early_excused(&a[i]);
	}
	if (out->ok + out->not_needed == n)
		out->error = NULL;
	else if (out->ok == 0)
		out->error = "total_failure";
	else if (out->ok < required)
		out->error = "insufficient_agents";
	else
		out->error = "partial_failure";
}
