/* SPDX-License-Identifier: MIT */
/* What comes after a decision: replay, ack, stop; and what was: pending, show,
 * log. */
#include <string.h>

#include "consensus/verbs.h"

/* ---- ack ---- */

static int
do_ack(struct sk_db *db, const struct sk_verb_opts *o, const char *branch,
    bool *already, struct sk_err *err)
{
	struct sk_drivers drivers = { 0 };
	int64_t epoch = 0;
	int rc;

	rc = sk_drivers_epoch(&drivers, db, o->run, &epoch, err);
	if (rc == 0)
		rc = sk_decision_ack(
		    db, o->run, branch, o->seq, epoch, already, err);
	if (rc == SK_ORDER)
		sk_count_refusal(db, o->run, branch, o->seq, epoch, err);
	sk_drivers_end(&drivers);
	return rc;
}

static int
find_run(struct sk_db *db, const struct sk_verb_opts *o, struct sk_run *run,
    struct sk_arena *a, struct sk_err *err)
{
	bool found = false;
	int rc;

	rc = sk_run_get(db, o->run, run, &found, a, err);
	if (rc == 0 && !found)
		rc = sk_no_run(o->run, err);
	return rc;
}

int
sk_verb_ack(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_db *db = NULL;
	struct sk_arena a = { 0 };
	const char *branch = NULL;
	struct sk_run run;
	struct sk_buf b;
	bool already = false;
	int rc;

	if (o->seq == 0) {
		(void)sk_fail(
		    err, SK_USAGE, "missing_option", "no --seq given");
		return sk_hint(err, "'sk-consensus pending' shows what waits");
	}
	rc = sk_verb_need_run(o, err);
	if (rc == 0)
		rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = find_run(db, o, &run, &a, err);
	if (rc == 0) {
		branch = o->branch != NULL ? o->branch : run.branch;
		rc = do_ack(db, o, branch, &already, err);
	}
	if (rc == 0 && ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		sk_ack_json(&b, o->run, branch, o->seq, already);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else if (rc == 0) {
		sk_outf("decision %lld %s\n", (long long)o->seq,
		    already ? "was acknowledged already" : "acknowledged");
	}
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

/* ---- stop ---- */

int
sk_verb_stop(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_db *db = NULL;
	bool already = false;
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	rc = sk_verb_need_run(o, err);
	if (rc == 0)
		rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = sk_run_stop(db, o->run, &already, err);
	if (rc == 0 && ctx->format == SK_FMT_JSON) {
		sk_out_json_begin(&w, &b, "sk.stop/1");
		sk_jw_kstr(&w, "run", o->run);
		sk_jw_kbool(&w, "stopped", true);
		sk_jw_kbool(&w, "already", already);
		sk_out_json_end(&w);
	} else if (rc == 0) {
		sk_outf("run %s %s\n", o->run,
		    already ? "was stopped already" : "stopped");
	}
	sk_db_close(db);
	return rc;
}

/* ---- what was decided ---- */

/* What the options and operands select; nothing where there is no database. */
static int
select_all(struct sk_ctx *ctx, struct sk_setup *s, struct sk_db **db,
    struct sk_decision_filter f, struct sk_decision **v, size_t *n,
    struct sk_arena *a, struct sk_err *err)
{
	int rc;

	*n = 0;
	rc = sk_verb_decisions(ctx, s, db, f, v, n, a, err);
	if (rc != 0 && strcmp(err->code, "no_database") == 0) {
		sk_err_clear(err);
		return 0;
	}
	return rc;
}

static int
print_decision(
    struct sk_ctx *ctx, const struct sk_decision *d, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_decision_json(&b, d, err);
	if (rc == 0)
		sk_verb_put_verdict(ctx, &b);
	sk_buf_free(&b);
	return rc;
}

int
sk_verb_pending(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_decision *v = NULL;
	struct sk_arena a = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	size_t n;
	int rc;

	rc = select_all(ctx, &s, &db,
	    (struct sk_decision_filter){ .pending = true, .limit = 1 }, &v, &n,
	    &a, err);
	if (rc == 0 && n > 0)
		rc = print_decision(ctx, &v[0], err);
	else if (rc == 0)
		sk_out_str(
		    ctx->format == SK_FMT_JSON
			? "{\"schema\":\"sk.pending/1\",\"pending\":null}\n"
			: "nothing is pending\n");
	sk_setup_free(&s, ctx->opts);
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

int
sk_verb_no_decision(const struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (o->seq != 0)
		sk_buf_printf(&b, " %lld", (long long)o->seq);
	if (ctx->argc > 1)
		sk_buf_printf(&b, " on stage '%s'", ctx->argv[1]);
	if (ctx->argc > 0)
		sk_buf_printf(&b, " of '%s'", ctx->argv[0]);
	if (o->run != NULL)
		sk_buf_printf(&b, " in run '%s'", o->run);
	(void)sk_fail(err, SK_USAGE, "no_decision", "there is no decision%s",
	    b.len > 0 ? b.p : "");
	sk_buf_free(&b);
	return sk_hint(
	    err, "'sk-branch list --all' shows what was decided where");
}

int
sk_verb_show(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct sk_decision *v = NULL;
	struct sk_arena a = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	size_t n;
	int rc;

	rc = select_all(ctx, &s, &db,
	    (struct sk_decision_filter){
		.seq = o->seq, .limit = o->all ? 0 : 1 },
	    &v, &n, &a, err);
	if (rc == 0 && n == 0)
		rc = sk_verb_no_decision(ctx, err);
	/* All of them in the order in which they were decided. */
	for (size_t i = n; rc == 0 && i > 0; i--)
		rc = print_decision(ctx, &v[i - 1], err);
	sk_setup_free(&s, ctx->opts);
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}

/* ---- replay ---- */

int
sk_verb_replay(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_drivers drivers = { 0 };
	struct sk_decision *v = NULL;
	struct sk_arena a = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	struct sk_buf line;
	char status[16];
	size_t n = 0;
	int rc;

	sk_buf_init(&line, 0);
	rc = sk_verb_need_run(o, err);
	if (rc == 0)
		rc = select_all(ctx, &s, &db,
		    (struct sk_decision_filter){
			.seq = o->seq, .pending = o->seq == 0, .limit = 1 },
		    &v, &n, &a, err);
	if (rc == 0 && n == 0 && o->seq == 0) {
		(void)sk_fail(err, SK_USAGE, "no_decision",
		    "no decision of run '%s' is pending", o->run);
		rc = sk_hint(err, "--seq N replays an earlier one");
	} else if (rc == 0 && n == 0) {
		rc = sk_verb_no_decision(ctx, err);
	}
	if (rc == 0)
		rc = sk_setup_evidence(&s, ctx, o, true, err);
	if (rc == 0)
		rc = sk_decide_again(
		    db, &drivers, &o->decide, &v[0], &line, status, err);
	sk_drivers_end(&drivers);
	if (rc == 0) {
		sk_verb_put_verdict(ctx, &line);
		rc = sk_status_exit(status);
	}
	sk_setup_free(&s, o);
	sk_arena_free(&a);
	sk_buf_free(&line);
	sk_db_close(db);
	return rc;
}

/* ---- log ---- */

static void
put_event(void *arg, const struct sk_event_row *e)
{
	const struct sk_ctx *ctx = arg;
	char at[SK_TIME_LEN];
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	if (ctx->format == SK_FMT_JSON) {
		sk_jw_doc(&w, &b, "sk.log/1");
		sk_jw_kint(&w, "lsn", e->lsn);
		sk_jw_ktime(&w, "at", e->at);
		sk_jw_kstr(&w, "kind", e->kind);
		sk_jw_kstr(&w, "run", e->run);
		sk_jw_kstr(&w, "branch", e->branch);
		sk_jw_kpos(&w, "seq", e->seq);
		sk_jw_kstr(&w, "key", e->key);
		sk_jw_kint(&w, "epoch", e->epoch);
		sk_jw_kint(&w, "pid", e->pid);
		sk_jw_done(&w);
		sk_out_json(&b);
	} else {
		sk_time_text(e->at, at);
		sk_buf_printf(
		    &b, "%8lld  %s  %-10s", (long long)e->lsn, at, e->kind);
		if (e->seq > 0)
			sk_buf_printf(&b, " %lld", (long long)e->seq);
		if (e->key != NULL) {
			sk_buf_str(&b, "  ");
			sk_buf_visible(&b, e->key, strlen(e->key), false);
		}
		sk_buf_ch(&b, '\n');
		sk_out(b.p, b.len);
	}
	sk_buf_free(&b);
}

static void
put_counts(const struct sk_ctx *ctx, const char *run,
    const struct sk_event_count *v, size_t n)
{
	struct sk_buf b;
	struct sk_jw w;

	if (ctx->format != SK_FMT_JSON) {
		for (size_t i = 0; i < n; i++)
			sk_outf(
			    "%-24s %lld\n", v[i].what, (long long)v[i].count);
		return;
	}
	sk_out_json_begin(&w, &b, "sk.counts/1");
	sk_jw_kstr(&w, "run", run);
	sk_jw_kobj(&w, "counts");
	for (size_t i = 0; i < n; i++)
		sk_jw_kint(&w, v[i].what, v[i].count);
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

int
sk_verb_log(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_event_count *v;
	struct sk_arena a = { 0 };
	struct sk_db *db = NULL;
	struct sk_run run;
	size_t n;
	int rc;

	rc = sk_verb_need_run(o, err);
	if (rc == 0)
		rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = find_run(db, o, &run, &a, err);
	if (rc == 0 && o->counts) {
		rc = sk_event_counts(db, o->run, &v, &n, &a, err);
		if (rc == 0)
			put_counts(ctx, o->run, v, n);
	} else if (rc == 0) {
		rc = sk_event_each(db, o->run, put_event, ctx, err);
	}
	sk_arena_free(&a);
	sk_db_close(db);
	return rc;
}
