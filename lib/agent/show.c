/* SPDX-License-Identifier: MIT */
/* What a person sees: each answer as it comes, made visible, then a table; and
 * the one line on standard error when agents failed. */
#include <string.h>

#include "agent/early.h"
#include "agent/internal.h"
#include "cli/cli.h"

/* Every line of an agent's text stands behind "| ": what it prints can then
 * start neither a CI command nor a line of ours. */
static void
show_content(const char *p, size_t n)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	while (n > 0) {
		const char *nl = memchr(p, '\n', n);
		size_t k = nl != NULL ? (size_t)(nl - p) : n;

		sk_buf_str(&b, "| ");
		sk_buf_visible(&b, p, k, true);
		sk_buf_ch(&b, '\n');
		if (nl == NULL)
			break;
		p += k + 1;
		n -= k + 1;
	}
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

void
sk_show_answer(const struct sk_answer *a)
{
	const struct sk_outcome *o = &a->o;
	char span[32];
	struct sk_buf b;

	sk_duration_text(o->duration_ms, span, sizeof(span));
	if (o->kind == SK_K_NONE) {
		sk_outf("%s: ok (%s)\n", a->slot->name, span);
		show_content(o->content, o->content_n);
		return;
	}
	sk_buf_init(&b, 0);
	sk_buf_visible(
	    &b, sk_outcome_text(o), strlen(sk_outcome_text(o)), false);
	sk_outf("%s: failed, %s: %s (%s)\n", a->slot->name,
	    sk_kind_word(o->kind), b.p, span);
	sk_buf_free(&b);
}

void
sk_show_table(const struct sk_round *r, const struct sk_answer *a, size_t n)
{
	struct sk_table t;

	sk_outf("\n");
	sk_table_init(&t, 5, 1u << 3);
	sk_table_cell(&t, "AGENT");
	sk_table_cell(&t, "STATUS");
	sk_table_cell(&t, "CAUSE");
	sk_table_cell(&t, "TIME");
	sk_table_cell(&t, "MODEL");
	for (size_t i = 0; i < n; i++) {
		const struct sk_outcome *o = &a[i].o;
		const char *m = o->model != NULL ? o->model : a[i].slot->model;
		char span[32];

		sk_duration_text(o->duration_ms, span, sizeof(span));
		sk_table_cell(&t, a[i].slot->name);
		sk_table_cell(&t, o->kind == SK_K_NONE ? "ok" : "failed");
		sk_table_cell(&t, sk_kind_word(o->kind));
		sk_table_cell(&t, span);
		sk_table_cell(&t, m != NULL ? m : "");
	}
	sk_table_print(&t);
	sk_outf("run %s\n", r->run);
}

/* Too few for a quorum is more than the failures of some. */
static void
add_shortage(struct sk_buf *b, const struct sk_tally *t)
{
	if (t->error != NULL && strcmp(t->error, "insufficient_agents") == 0)
		sk_buf_printf(b,
		    "; insufficient agents: %zu of %zu answered, "
		    "%zu required",
		    t->ok, t->agents, t->required);
}

/* What to type, once for each program. */
static void
add_logins(struct sk_buf *b, const struct sk_answer *a, size_t n)
{
	const struct sk_adapter *told = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct sk_adapter *ad = a[i].slot->ad;
		const char *how =
		    ad != NULL ? sk_jget_str(ad->login, "how") : NULL;

		if (a[i].o.kind != SK_K_AUTH || how == NULL || ad == told)
			continue;
		told = ad;
		sk_buf_printf(b, "; to log in: %s", how);
	}
}

void
sk_warn_failures(const struct sk_answer *a, size_t n, size_t required)
{
	struct sk_tally t;
	struct sk_buf b;
	size_t failed, shown = 0;

	sk_tally(a, n, required, &t);
	failed = n - t.ok - t.not_needed;
	if (failed == 0)
		return;
	sk_buf_init(&b, 0);
	for (size_t i = 0; i < n && shown < 5; i++) {
		if (a[i].o.kind == SK_K_NONE || sk_early_excused(&a[i]))
			continue;
		if (failed == 1)
			sk_buf_printf(&b, "agent '%s' failed: %s (%s)",
			    a[i].slot->name, sk_outcome_text(&a[i].o),
			    sk_kind_word(a[i].o.kind));
		else
			sk_buf_printf(&b, "%s%s (%s)", shown > 0 ? ", " : "",
			    a[i].slot->name, sk_kind_word(a[i].o.kind));
		shown++;
	}
	if (failed > shown)
		sk_buf_str(&b, ", ...");
	add_shortage(&b, &t);
	add_logins(&b, a, n);
	if (failed == 1)
		sk_warn("%s", b.p);
	else
		sk_warn("%zu of %zu agents failed: %s", failed, n, b.p);
	sk_buf_free(&b);
}
