/* SPDX-License-Identifier: MIT */
/* arbitrate: the question to an arbiter, for sk-run; --take: the answer. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "consensus/arbiter.h"
#include "consensus/verbs.h"

/* ---- asking ---- */

/* An arbiter is nobody who voted: NAME of NAME[=ADAPTER]. */
static int
check_agent(const struct sk_jv *v, const char *agent, struct sk_err *err)
{
	const struct sk_jv *lists[] = { sk_jget(v, "expected"),
		sk_jget(v, "unexpected_agents") };
	char name[SK_IDENT_LEN + 1];

	(void)snprintf(name, sizeof(name), "%.*s",
	    (int)(strcspn(agent, "=") < SK_IDENT_LEN ? strcspn(agent, "=")
						     : SK_IDENT_LEN),
	    agent);
	if (!sk_ident_ok(name))
		return sk_check_name("an agent", name, sk_ident_ok, err);
	for (size_t i = 0; i < SK_ARRAY_SIZE(lists); i++)
		for (size_t k = 0; k < sk_jlen(lists[i]); k++)
			if (sk_streq(sk_jstr(sk_jat(lists[i], k)), name)) {
				(void)sk_fail(err, SK_USAGE, "arbiter_votes",
				    "agent '%s' voted itself: it cannot be "
				    "the arbiter",
				    name);
				return sk_hint(err,
				    "another one, or the same program under "
				    "another name: --agent judge=%s",
				    name);
			}
	return 0;
}

static int
check_policy(
    const struct sk_jv *v, const struct sk_decision *d, struct sk_err *err)
{
	if (sk_streq(
		sk_jstr(sk_jptr(v, "/certificate/policy/arbiter")), "settles"))
		return 0;
	(void)sk_fail(err, SK_NEGATIVE, "not_settling",
	    "the policy of decision %lld lets no arbiter settle",
	    (long long)d->seq);
	return sk_hint(
	    err, "arbiter = \"settles\" in a policy of its own does");
}

/* The answers that a decision was made from. */
static int
answers_of(struct sk_db *db, const struct sk_decision *d,
    const struct sk_jv *verdict, struct sk_stored **out, size_t *n,
    struct sk_arena *a, struct sk_err *err)
{
	struct sk_key key = { .run = d->run,
		.branch = d->branch,
		.spec = d->spec,
		.stage = d->stage,
		.agent = "",
		.round = d->round };
	struct sk_stored *all;
	int64_t round;
	int rc;

	rc = sk_answers_of(db, &key, &all, n, &round, a, err);
	if (rc != 0)
		return rc;
	*out = sk_arena_alloc(a, (*n + 1) * sizeof(**out));
	*n = sk_answers_used(verdict, all, *n, *out);
	return 0;
}

static int
find(struct sk_ctx *ctx, struct sk_setup *s, struct sk_db **db,
    struct sk_decision *base, struct sk_arena *a, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct sk_decision *d;
	size_t n = 0;
	int rc;

	rc = sk_verb_decisions(ctx, s, db,
	    (struct sk_decision_filter){ .seq = o->seq, .limit = 1 }, &d, &n, a,
	    err);
	if (rc == 0 && n == 0) {
		(void)sk_fail(
		    err, SK_USAGE, "no_decision", "there is no such decision");
		rc = sk_hint(err, "name SPEC and STAGE, or --run and --seq");
	}
	return rc != 0 ? rc : sk_arbiter_base(*db, d, base, a, err);
}

static void
put_request(const struct sk_ctx *ctx, const struct sk_buf *line)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	const char *prompt = NULL;

	if (ctx->format != SK_FMT_JSON &&
	    sk_json_parse(
		&a, line->p, line->len, &sk_verdict_limits, &v, NULL) == 0)
		prompt = sk_jget_str(v, "prompt");
	if (prompt != NULL)
		sk_out_str(prompt);
	else
		sk_out_json(line);
	sk_arena_free(&a);
}

static int
ask(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct sk_decision base;
	struct sk_stored *answers;
	struct sk_arena a = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	struct sk_jv *v = NULL;
	struct sk_buf line;
	size_t n = 0;
	int rc;

	sk_buf_init(&line, 0);
	rc = find(ctx, &s, &db, &base, &a, err);
	if (rc == 0)
		rc = sk_json_parse(&a, base.verdict, strlen(base.verdict),
		    &sk_verdict_limits, &v, err);
	if (rc == 0 && o->settling)
		rc = check_policy(v, &base, err);
	if (rc == 0)
		rc = check_agent(v, o->agent, err);
	if (rc == 0)
		rc = answers_of(db, &base, v, &answers, &n, &a, err);
	if (rc == 0)
		rc =
		    sk_arbiter_request(&line, o->agent, &base, answers, n, err);
	if (rc == 0)
		put_request(ctx, &line);
	sk_setup_free(&s, ctx->opts);
	sk_buf_free(&line);
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

/* ---- taking ---- */

/* The one arbiter's answer of the input. */
struct heard {
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN], spec[SK_IDENT_LEN];
	char stage[SK_IDENT_LEN], agent[SK_IDENT_LEN];
	int64_t round;
	size_t arbiters, others;
};

static void
hear(void *arg, const struct sk_intake_note *n)
{
	struct heard *h = arg;
	char base[SK_IDENT_LEN];
	const struct sk_key *k = &n->key;

	if (k->stage == NULL || k->agent == NULL || k->run == NULL ||
	    k->branch == NULL || !sk_arbiter_stage_of(k->stage, base)) {
		h->others++;
		return;
	}
	if (h->arbiters > 0 && strcmp(h->agent, k->agent) == 0 &&
	    strcmp(h->branch, k->branch) == 0 && h->round == k->round)
		return;
	h->arbiters++;
	(void)snprintf(h->run, sizeof(h->run), "%s", k->run);
	(void)snprintf(h->branch, sizeof(h->branch), "%s", k->branch);
	(void)snprintf(
	    h->spec, sizeof(h->spec), "%s", k->spec != NULL ? k->spec : "");
	(void)snprintf(h->stage, sizeof(h->stage), "%s", k->stage);
	(void)snprintf(h->agent, sizeof(h->agent), "%s", k->agent);
	h->round = k->round;
}

static int
check_heard(const struct heard *h, struct sk_err *err)
{
	if (h->arbiters == 1)
		return 0;
	if (h->arbiters > 1)
		return sk_fail(err, SK_USAGE, "several_arbiters",
		    "%zu arbiters' answers, expected one", h->arbiters);
	(void)sk_fail(err, SK_USAGE, "no_arbiter",
	    "no arbiter's answer on standard input");
	return sk_hint(err, "sk-consensus arbitrate --agent NAME ... | sk-run "
			    "| sk-consensus arbitrate --take");
}

/* The accepted answer, which may be another one than that of the input. */
static int
accepted(struct sk_db *db, const struct heard *h, struct sk_stored *out,
    struct sk_arena *a, struct sk_err *err)
{
	struct sk_key key = { .run = h->run,
		.branch = h->branch,
		.spec = h->spec,
		.stage = h->stage,
		.agent = "",
		.round = h->round };
	struct sk_stored *v;
	int64_t round;
	size_t n = 0;
	int rc;

	rc = sk_answers_of(db, &key, &v, &n, &round, a, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (strcmp(v[i].agent, h->agent) == 0) {
			*out = v[i];
			if (v[i].ok)
				return 0;
			(void)sk_fail(err, SK_NOANSWER, "arbiter_unavailable",
			    "arbiter '%s' gave no answer: %s", h->agent,
			    v[i].failure_kind != NULL ? v[i].failure_kind
						      : "refused");
			return sk_hint(err, "the mechanical verdict stands");
		}
	return rc != 0 ? rc
	               : sk_fail(err, SK_NOANSWER, "arbiter_unavailable",
			     "arbiter '%s' gave no answer", h->agent);
}

/* An answer that does not fit decides nothing: who asks again can have a better
 * one from another arbiter, and a decision for each would only be noise. */
static int
check_opinion(const struct sk_decision *base, const struct sk_stored *s,
    struct sk_err *err)
{
	struct sk_opinion op = { .agent = s->agent,
		.text = s->content,
		.text_n = s->content_n,
		.sha256 = s->sha256,
		.of = base->seq };
	struct sk_verdict v = { 0 };
	struct sk_arena a = { 0 };
	struct sk_jv *doc = NULL, *mech = NULL;
	const char *note;
	int rc;

	rc = sk_json_parse(&a, base->verdict, strlen(base->verdict),
	    &sk_verdict_limits, &mech, err);
	if (rc == 0)
		rc = check_agent(mech, s->agent, err);
	if (rc == 0)
		rc = sk_arbiter_apply(
		    base->verdict, strlen(base->verdict), &op, &v, err);
	if (rc == 0)
		rc = sk_json_parse(
		    &a, v.json.p, v.json.len, &sk_verdict_limits, &doc, err);
	if (rc == 0 &&
	    !sk_streq(sk_jstr(sk_jptr(doc, "/arbiter/state")), "ok")) {
		note = sk_jstr(sk_jptr(doc, "/arbiter/note"));
		(void)sk_fail(err, SK_NOANSWER, "arbiter_invalid",
		    "the answer of arbiter '%s' does not fit: %s", s->agent,
		    note != NULL ? note : "it is no answer to the question");
		rc = sk_hint(err, "the mechanical verdict stands");
	}
	if (v.json.p != NULL)
		sk_verdict_free(&v);
	sk_arena_free(&a);
	return rc;
}

static int
settle(struct sk_ctx *ctx, struct sk_db *db, const struct heard *h,
    struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_drivers drivers = { 0 };
	struct sk_decision base;
	struct sk_stored said;
	struct sk_arena a = { 0 };
	struct sk_buf line;
	char status[16];
	int rc;

	sk_buf_init(&line, 0);
	rc = sk_arbiter_about(
	    db, h->run, h->branch, h->stage, h->round, &base, &a, err);
	if (rc == 0)
		rc = accepted(db, h, &said, &a, err);
	if (rc == 0)
		rc = check_opinion(&base, &said, err);
	if (rc == 0)
		rc = sk_decide_arbitrated(
		    db, &drivers, &o->decide, &base, &said, &line, status, err);
	sk_drivers_end(&drivers);
	if (rc == 0) {
		sk_verb_put_verdict(ctx, &line);
		rc = sk_status_exit(status);
	}
	sk_buf_free(&line);
	sk_arena_free(&a);
	return rc;
}

static int
take(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct heard h = { .round = 0 };
	struct sk_intake in = { .note = hear, .arg = &h };
	struct sk_setup s = { 0 };
	int rc;

	rc = sk_verb_names(o, err);
	if (rc == 0)
		rc = sk_verb_no_terminal(err);
	if (rc == 0)
		rc = sk_setup_root(&s, ctx, err);
	if (rc == 0)
		rc = sk_db_open(&in.db, ctx->db, SK_DB_CREATE, err);
	in.run = o->run;
	in.branch = o->branch;
	in.git = &s.git;
	if (rc == 0)
		rc = sk_intake_fd(&in, STDIN_FILENO, err);
	if (rc == 0)
		rc = check_heard(&h, err);
	if (rc == 0)
		rc = sk_setup_evidence(&s, ctx, o, true, err);
	if (rc == 0)
		rc = settle(ctx, in.db, &h, err);
	sk_intake_free(&in);
	sk_db_leave(in.db);
	sk_setup_free(&s, o);
	return rc;
}

int
sk_verb_arbitrate(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;

	if (o->take && (o->agent != NULL || ctx->argc > 0))
		return sk_fail(err, SK_USAGE, "bad_combination",
		    "--take reads who and what from the answer");
	if (o->take)
		return take(ctx, err);
	if (o->agent != NULL)
		return ask(ctx, err);
	(void)sk_fail(err, SK_USAGE, "missing_option",
	    "no --agent says who is the arbiter");
	return sk_hint(err, "its answer goes to 'sk-consensus arbitrate "
			    "--take'");
}
