/* SPDX-License-Identifier: MIT */
/* The work of a stage's agents side by side, and which of it is chosen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/consensus.h"
#include "pipeline/land.h"

/* A diff is as long as an agent's output may be. */
static const struct sk_jlimits meta_limits = { .bytes = (size_t)256 << 20,
	.depth = 64,
	.tokens = 1000000,
	.string = (size_t)256 << 20,
	.key = 1024 };

static void
read_answer(struct sk_auto *a, const struct sk_stored *s, struct sk_cand *c)
{
	struct sk_jv *m = NULL;
	const struct sk_jv *d;

	memset(c, 0, sizeof(*c));
	c->answer = s;
	c->agent = s->agent;
	if (!s->ok || s->meta_json == NULL ||
	    sk_json_parse(&a->arena, s->meta_json, strlen(s->meta_json),
		&meta_limits, &m, NULL) != 0)
		return;
	d = sk_jget(m, "diff");
	if (d == NULL || d->type != SK_J_STR)
		return;
	c->diff = d->s;
	c->n = d->n;
	c->base = sk_jget_str(m, "diff_base");
	sk_sha256(c->diff, c->n, c->sha256);
	sk_patch_read(&c->patch, c->diff, c->n, &a->arena);
}

/* Groups of the same work, and how near each is to all others. */
static void
compare(struct sk_cands *c)
{
	uint64_t sum;

	for (size_t i = 0; i < c->n; i++) {
		struct sk_cand *x = &c->v[i];

		x->group = i;
		if (x->diff == NULL)
			continue;
		c->diffs++;
		c->works += x->n > 0;
		for (size_t k = 0; k < i && x->group == i; k++)
			if (c->v[k].diff != NULL &&
			    strcmp(c->v[k].sha256, x->sha256) == 0 &&
			    sk_streq(c->v[k].base, x->base))
				x->group = c->v[k].group;
	}
	for (size_t i = 0; i < c->n; i++) {
		sum = 0;
		for (size_t k = 0; k < c->n && c->v[i].n > 0; k++)
			if (k != i && c->v[k].n > 0)
				sum += sk_patch_likeness(
				    &c->v[i].patch, &c->v[k].patch);
		c->v[i].likeness =
		    c->works > 1 ? (unsigned)(sum / (c->works - 1)) : 1000;
	}
}

static int
load_stage(struct sk_auto *a, const struct sk_stage *st, struct sk_cands *c,
    struct sk_err *err)
{
	struct sk_key key = { a->run, a->branch, a->spec.id, st->name, "", 0 };
	struct sk_stored *stored = NULL;
	size_t n = 0;
	int rc;

	memset(c, 0, sizeof(*c));
	c->stage = st;
	rc = sk_answers_of(a->db, &key, &stored, &n, &c->round, &a->arena, err);
	if (rc != 0 || n == 0)
		return rc;
	c->v = sk_arena_alloc(&a->arena, n * sizeof(*c->v));
	c->n = n;
	for (size_t i = 0; i < n; i++)
		read_answer(a, &stored[i], &c->v[i]);
	compare(c);
	return 0;
}

int
sk_cands_load(struct sk_auto *a, const struct sk_stage *stage,
    struct sk_cands *c, struct sk_err *err)
{
	char word[SK_IDENT_LEN] = "";
	int rc = 0;

	if (stage == NULL) {
		rc = sk_landing_stage(a->db, a->branch, word, err);
		stage = sk_stage_find(word);
		if (stage == NULL)
			stage = sk_stage_find("implement");
	}
	if (rc == 0)
		rc = load_stage(a, stage, c, err);
	if (rc != 0 || c->diffs > 0)
		return rc;
	(void)sk_fail(err, SK_NEGATIVE, "no_diffs",
	    "no agent of stage '%s' worked in a git work tree of its own",
	    c->stage->name);
	return sk_hint(err, "sk-auto run %s --from %s --worktree", a->spec.id,
	    c->stage->name);
}

/* ---- choosing ---- */

static int
no_choice(struct sk_auto *a, struct sk_err *err, const char *why)
{
	(void)sk_fail(err, SK_NEGATIVE, "no_choice", "%s", why);
	return sk_hint(err,
	    "look: sk-auto diff %s; then name one: sk-auto "
	    "apply %s --from AGENT",
	    a->spec.id, a->spec.id);
}

static size_t
quorum_of(struct sk_auto *a, const struct sk_cands *c, struct sk_err *err)
{
	const struct sk_jv *v = sk_stage_rule(a, c->stage, "quorum");
	struct sk_quorum q = { 0 };

	if (v != NULL && sk_quorum_parse(v->s, &q, err) != 0)
		sk_err_clear(err);
	return sk_quorum_of(&q, c->n);
}

/* Exactly the same work by as many as it takes. */
static const struct sk_cand *
agreed(struct sk_auto *a, const struct sk_cands *c, struct sk_err *err)
{
	size_t need = quorum_of(a, c, err), votes;

	for (size_t i = 0; i < c->n; i++) {
		votes = 0;
		for (size_t k = 0; k < c->n && c->v[i].n > 0; k++)
			votes += c->v[k].n > 0 && c->v[k].group == i;
		if (votes >= need)
			return &c->v[i];
	}
	return NULL;
}

static const struct sk_cand *
medoid(const struct sk_cands *c)
{
	const struct sk_cand *best = NULL;

	/* By name in a tie: they are sorted. */
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].n > 0 &&
		    (best == NULL || c->v[i].likeness > best->likeness))
			best = &c->v[i];
	return best;
}

static int
named(struct sk_auto *a, const struct sk_cands *c, const char *agent,
    const struct sk_cand **out, struct sk_err *err)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].agent, agent) == 0)
			*out = &c->v[i];
	if (*out == NULL)
		(void)sk_fail(err, SK_USAGE, "no_such_agent",
		    "'%s' was not asked in stage '%s'", agent, c->stage->name);
	else if ((*out)->diff == NULL)
		(void)sk_fail(err, SK_NEGATIVE, "no_diffs",
		    "'%s' has no diff of stage '%s'", agent, c->stage->name);
	else
		return 0;
	*out = NULL;
	return sk_hint(err, "sk-auto diff %s %s shows who has", a->spec.id,
	    c->stage->name);
}

/* Without a name somebody must have decided: the stage's verdict. */
static int
check_verdict(struct sk_auto *a, const struct sk_cands *c, struct sk_err *err)
{
	struct sk_decision d;
	bool found = false;
	int rc;

	rc = sk_decision_seen(a->db, a->branch, a->spec.id, c->stage->name, &d,
	    &found, &a->arena, err);
	if (rc != 0)
		return rc;
	if (!found || d.round != c->round || !d.acked)
		return no_choice(a, err, "the stage has no verdict yet");
	if (strcmp(d.status, "ok") != 0)
		return no_choice(a, err,
		    "the stage's verdict is not ok, so nothing is chosen");
	return 0;
}

int
sk_cands_pick(struct sk_auto *a, const struct sk_cands *c, const char *rule,
    const char *agent, const struct sk_cand **out, struct sk_err *err)
{
	int rc;

	*out = NULL;
	if (agent != NULL)
		return named(a, c, agent, out, err);
	rc = check_verdict(a, c, err);
	if (rc != 0)
		return rc;
	if (c->works == 0)
		return no_choice(a, err, "no agent changed anything");
	*out = strcmp(rule, "medoid") == 0 ? medoid(c) : agreed(a, c, err);
	return *out != NULL ? 0
	                    : no_choice(a, err,
				  "no quorum of agents did exactly the same");
}

int
sk_land_waiting(struct sk_auto *a, const char **stage, struct sk_err *err)
{
	char word[SK_IDENT_LEN] = "";
	struct sk_landing *v = NULL;
	struct sk_cands c;
	size_t n = 0;
	int rc;

	*stage = NULL;
	rc = sk_landing_stage(a->db, a->branch, word, err);
	if (rc != 0 || sk_stage_find(word) == NULL)
		return rc;
	rc = load_stage(a, sk_stage_find(word), &c, err);
	if (rc != 0 || c.works == 0)
		return rc;
	rc = sk_landing_list(a->db,
	    &(struct sk_landing_filter){
		.run = a->run, .stage = c.stage->name },
	    &v, &n, &a->arena, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (v[i].round == c.round && strcmp(v[i].state, "undone") != 0)
			return 0;
	if (rc == 0)
		*stage = c.stage->name;
	return rc;
}
