/* SPDX-License-Identifier: MIT */
/* The filter, and its first two steps one by one: intake and decide. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "consensus/verbs.h"

/* ---- what intake says ---- */

/* Nothing could be used: why. */
static int
nothing(const struct sk_intake *in, struct sk_err *err)
{
	if (in->invalid > 0)
		return sk_fail(err, SK_DAMAGED, "bad_record",
		    "no record could be used, %zu refused", in->invalid);
	(void)sk_fail(
	    err, SK_USAGE, "no_answers", "no sk.answer/1 on standard input");
	return sk_hint(err,
	    "pipe records in: sk-run ... | %s, or print "
	    "{\"schema\":\"sk.answer/1\",\"agent\":\"x\",\"content\":\"...\"}",
	    sk_prog);
}

static void
warn_refused(void *arg, const struct sk_intake_note *n)
{
	(void)arg;
	if (n->reason != NULL)
		sk_warn("record in line %llu refused: %s (%s)",
		    (unsigned long long)n->line, n->reason,
		    sk_refusal_text(n->reason));
	else if (strcmp(n->result, "wrong_run") == 0 ||
		 strcmp(n->result, "wrong_branch") == 0)
		sk_warn("record in line %llu refused: %s (%s)",
		    (unsigned long long)n->line, n->result,
		    "it belongs elsewhere than what was asked for");
	else if (strcmp(n->result, "stopped") == 0)
		sk_warn("answer of '%s' in line %llu is not recorded: the run "
			"is stopped",
		    n->key.agent, (unsigned long long)n->line);
	else if (strcmp(n->result, "divergent") == 0)
		sk_warn("answer of '%s' in line %llu differs from the "
			"accepted one and is not used",
		    n->key.agent, (unsigned long long)n->line);
}

/* ---- the filter ---- */

static int
judge_all(struct sk_ctx *ctx, struct sk_verb_opts *o, struct sk_intake *in,
    struct sk_err *err)
{
	struct sk_drivers drivers = { 0 };
	struct sk_buf line;
	char status[16];
	int rc = 0, worst = 0;

	sk_buf_init(&line, 0);
	for (size_t i = 0; rc == 0 && i < in->n_groups; i++) {
		if (in->groups[i].answers == 0)
			continue;
		sk_buf_clear(&line);
		rc = sk_decide_group(in->db, &drivers, &o->decide,
		    &in->groups[i], &line, status, err);
		if (rc != 0)
			break;
		sk_verb_put_verdict(ctx, &line);
		worst = sk_status_worse(worst, sk_status_exit(status));
	}
	sk_drivers_end(&drivers);
	sk_buf_free(&line);
	return rc != 0 ? rc : worst;
}

static bool
has_stage(const struct sk_intake *in)
{
	for (size_t i = 0; i < in->n_groups; i++)
		if (in->groups[i].spec[0] != '\0' &&
		    in->groups[i].stage[0] != '\0')
			return true;
	return false;
}

/* All of standard input into the store. */
static int
take_in(struct sk_ctx *ctx, struct sk_verb_opts *o, struct sk_intake *in,
    struct sk_setup *s, struct sk_err *err)
{
	int rc;

	rc = sk_setup_root(s, ctx, err);
	if (rc == 0)
		rc = sk_db_open(&in->db, ctx->db, SK_DB_CREATE, err);
	if (rc != 0)
		return rc;
	in->run = o->run;
	in->branch = o->branch;
	in->git = &s->git;
	rc = sk_intake_fd(in, STDIN_FILENO, err);
	return rc == 0 && in->answers == 0 ? nothing(in, err) : rc;
}

int
sk_verb_filter(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_intake in = { .note = warn_refused,
		.branch_each = o->decide.no_ack };
	struct sk_setup s = { 0 };
	int rc;

	rc = sk_verb_names(o, err);
	if (rc == 0)
		rc = sk_setup_policy(&s, o, err);
	if (rc == 0)
		rc = sk_verb_no_terminal(err);
	if (rc == 0)
		rc = take_in(ctx, o, &in, &s, err);
	if (rc == 0)
		rc = sk_setup_evidence(&s, ctx, o, has_stage(&in), err);
	if (rc == 0)
		rc = judge_all(ctx, o, &in, err);
	sk_intake_free(&in);
	sk_db_leave(in.db);
	sk_setup_free(&s, o);
	return rc;
}

/* ---- intake ---- */

static void
print_note(void *arg, const struct sk_intake_note *n)
{
	const struct sk_ctx *ctx = arg;
	struct sk_err ignored = { 0 };
	struct sk_buf b;

	if (ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		sk_intake_json(&b, n);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else {
		sk_outf("%-10s %s%s%s\n", n->result,
		    n->key.agent != NULL ? n->key.agent : "?",
		    n->reason != NULL ? "  " : "",
		    n->reason != NULL ? n->reason : "");
	}
	/* A result is seen when it is safe, not at the end of the stream. */
	if (n->last)
		(void)sk_out_flush(&ignored);
	sk_err_clear(&ignored);
}

int
sk_verb_intake(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_intake in = { .note = print_note, .arg = ctx };
	struct sk_setup s = { 0 };
	int rc;

	rc = sk_verb_names(o, err);
	if (rc == 0)
		rc = sk_verb_no_terminal(err);
	if (rc == 0)
		rc = take_in(ctx, o, &in, &s, err);
	if (rc == 0 && in.invalid > 0)
		rc = SK_DEGRADED;
	sk_intake_free(&in);
	sk_db_leave(in.db);
	sk_setup_free(&s, o);
	return rc;
}

/* ---- decide ---- */

/* The round that is meant, from the store. */
static int
find_group(struct sk_db *db, const struct sk_verb_opts *o, struct sk_group *g,
    struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_stored *stored;
	struct sk_key key;
	struct sk_run run;
	bool found = false;
	size_t n = 0;
	int rc;

	memset(g, 0, sizeof(*g));
	rc = sk_run_get(db, o->run, &run, &found, &a, err);
	if (rc == 0 && !found)
		rc = sk_no_run(o->run, err);
	if (rc == 0) {
		memcpy(g->run, run.id, sizeof(g->run));
		(void)snprintf(g->branch, sizeof(g->branch), "%s",
		    o->branch != NULL ? o->branch : run.branch);
		(void)snprintf(g->spec, sizeof(g->spec), "%s",
		    o->spec != NULL ? o->spec : run.spec);
		(void)snprintf(g->stage, sizeof(g->stage), "%s",
		    o->stage != NULL ? o->stage : "");
		key = (struct sk_key){ .run = g->run,
			.branch = g->branch,
			.spec = g->spec,
			.stage = g->stage,
			.agent = "",
			.round = o->round };
		rc = sk_answers_of(db, &key, &stored, &n, &g->round, &a, err);
	}
	/* Whoever asks for a decision says that the round is over. */
	g->ended = true;
	if (rc == 0 && n == 0) {
		(void)sk_fail(err, SK_USAGE, "no_answers",
		    "run '%s' was asked nothing in stage '%s'", g->run,
		    g->stage);
		rc = sk_hint(err, "--spec, --stage and --round say what is "
				  "to be decided");
	}
	sk_arena_free(&a);
	return rc;
}

int
sk_verb_decide(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_drivers drivers = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	struct sk_group g;
	struct sk_buf line;
	char status[16];
	int rc;

	o->decide.no_ack = true;
	sk_buf_init(&line, 0);
	rc = sk_verb_need_run(o, err);
	if (rc == 0)
		rc = sk_setup_policy(&s, o, err);
	if (rc == 0)
		rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = find_group(db, o, &g, err);
	if (rc == 0)
		rc = sk_setup_evidence(
		    &s, ctx, o, g.spec[0] != '\0' && g.stage[0] != '\0', err);
	if (rc == 0)
		rc = sk_decide_group(
		    db, &drivers, &o->decide, &g, &line, status, err);
	sk_drivers_end(&drivers);
	if (rc == 0) {
		sk_verb_put_verdict(ctx, &line);
		rc = sk_status_exit(status);
	}
	sk_db_leave(db);
	sk_setup_free(&s, o);
	sk_buf_free(&line);
	return rc;
}
