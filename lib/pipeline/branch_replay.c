/* SPDX-License-Identifier: MIT */
/*
 * sk-branch: replay, which says again what is recorded and asks nobody, and
 * filter, which lets a stream's records of one branch through.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/consensus.h"
#include "pipeline/branch_work.h"

#define LINE_MAX_BYTES ((size_t)64 << 20)

/* ---- replay ---- */

static void
put_failure(struct sk_jw *w, const struct sk_stored *x)
{
	sk_jw_key(w, "failure");
	if (x->ok) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(
	    w, "kind", x->failure_kind != NULL ? x->failure_kind : "internal");
	sk_jw_kstr(
	    w, "message", x->failure_message != NULL ? x->failure_message : "");
	sk_jw_knull(w, "retry_after_ms");
	sk_jw_knull(w, "reset_at");
	sk_jw_end(w);
}

/* The record that sk-run printed, from what the database kept of it. */
static void
put_answer(struct sk_branch_work *w, const struct sk_decision *d,
    const struct sk_stored *x)
{
	static const char *const kept[] = { "usage", "cost", "timings", "exit",
		"signal", "host" };
	struct sk_jv *meta = NULL, *data = NULL;
	struct sk_jw jw;

	if (x->meta_json != NULL)
		(void)sk_json_parse(&w->a, x->meta_json, strlen(x->meta_json),
		    &sk_verdict_limits, &meta, NULL);
	if (x->ok && x->content != NULL)
		(void)sk_json_find(&w->a, x->content, x->content_n, &data);
	sk_jw_doc(&jw, &w->out, "sk.answer/1");
	sk_jw_kstr(&jw, "run", d->run);
	sk_jw_kstr(&jw, "branch", d->branch);
	sk_jw_kword(&jw, "spec", d->spec);
	sk_jw_kword(&jw, "stage", d->stage);
	sk_jw_kint(&jw, "round", d->round);
	sk_jw_kstr(&jw, "agent", x->agent);
	sk_jw_kword(&jw, "adapter", x->adapter);
	sk_jw_kword(&jw, "model", x->model);
	sk_jw_kint(&jw, "attempt", x->attempt);
	sk_jw_kpos(&jw, "seq", x->seq);
	sk_jw_kstr(&jw, "status", x->ok ? "ok" : "failed");
	put_failure(&jw, x);
	sk_jw_key(&jw, "content");
	if (x->ok)
		sk_jw_strn(&jw, x->content, x->content_n);
	else
		sk_jw_null(&jw);
	sk_jw_kvalue(&jw, "data", data);
	for (size_t i = 0; i < SK_ARRAY_SIZE(kept); i++)
		if (sk_jget(meta, kept[i]) != NULL)
			sk_jw_kvalue(&jw, kept[i], sk_jget(meta, kept[i]));
	sk_jw_kword(&jw, "session", x->session);
	sk_jw_kword(&jw, "sha256", x->ok ? x->sha256 : NULL);
	sk_jw_done(&jw);
}

static void
put_text(struct sk_branch_work *w, const struct sk_decision *d,
    const struct sk_stored *v, size_t n)
{
	sk_buf_printf(&w->out, "%lld  %s  round %lld  %s  (%s)\n",
	    (long long)d->seq, d->stage[0] != '\0' ? d->stage : "-",
	    (long long)d->round, d->status, d->branch);
	for (size_t i = 0; i < n; i++) {
		sk_buf_printf(&w->out, "   %s  ", v[i].agent);
		if (v[i].ok)
			sk_buf_printf(&w->out, "answer %lld, %zu bytes",
			    (long long)v[i].seq, v[i].content_n);
		else
			sk_buf_visible(&w->out,
			    v[i].failure_kind != NULL ? v[i].failure_kind
						      : "no answer",
			    strlen(v[i].failure_kind != NULL ? v[i].failure_kind
							     : "no answer"),
			    false);
		sk_buf_ch(&w->out, '\n');
	}
}

/* Answers of the round, then the verdict: as the pipe carried them. A round
 * that was decided twice says its answers once, before the first. */
static int
one_decision(struct sk_branch_work *w, const struct sk_decision *d, bool again,
    struct sk_err *err)
{
	struct sk_key key = { d->run, d->branch, d->spec, d->stage, "",
		d->round };
	struct sk_stored *v = NULL;
	size_t n = 0;
	int64_t round;
	int rc = 0;

	if (!again)
		rc = sk_answers_of(w->db, &key, &v, &n, &round, &w->a, err);
	if (rc != 0)
		return rc;
	if (w->ctx->format != SK_FMT_JSON) {
		put_text(w, d, v, n);
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		put_answer(w, d, &v[i]);
	return sk_decision_json(&w->out, d, err);
}

int
sk_bverb_replay(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_decision *d, *last = NULL;
	struct sk_branch b;
	bool again;
	size_t n = 0;
	int rc;

	rc = sk_branch_resolve(w, w->ctx->argv[0], &b, err);
	if (rc == 0)
		rc = sk_branch_decisions(w, &b, w->o->stage, &d, &n, err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		again = last != NULL && last->round == d[i].round &&
		        strcmp(last->stage, d[i].stage) == 0 &&
		        strcmp(last->branch, d[i].branch) == 0;
		rc = one_decision(w, &d[i], again, err);
		last = &d[i];
		/* Answers are large: what was said need not be kept. */
		sk_out(w->out.p, w->out.len);
		sk_buf_clear(&w->out);
	}
	if (rc == 0 && n == 0)
		sk_say("branch '%s' has no decision%s%s", b.id,
		    w->o->stage != NULL ? " on " : "",
		    w->o->stage != NULL ? w->o->stage : "");
	return rc;
}

/* ---- filter ---- */

/* Does the branch see this record? Of an ancestor what was accepted up to the
 * fork; what has no number there is not part of what was decided. */
static bool
sees(const struct sk_seen *up, size_t n, const struct sk_jv *v)
{
	const char *branch = sk_jget_str(v, "branch");
	int64_t seq;

	/* A verdict says its branch in the part about this decision. */
	if (branch == NULL)
		branch = sk_jstr(sk_jptr(v, "/decision/branch"));
	if (branch == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(up[i].branch, branch) != 0)
			continue;
		if (up[i].answer == INT64_MAX)
			return true;
		if (sk_jget_int(v, "decision_seq", &seq))
			return seq <= up[i].decision;
		return sk_jget_int(v, "seq", &seq) && seq <= up[i].answer;
	}
	return false;
}

static int
one_line(struct sk_branch_work *w, const struct sk_seen *up, size_t n,
    const char *line, size_t len, uint64_t lineno, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_err bad = { 0 };
	struct sk_jv *v = NULL;
	struct sk_jw jw;
	int rc = 0;

	(void)w;
	if (sk_json_parse(&a, line, len, &sk_verdict_limits, &v, &bad) != 0) {
		rc = sk_fail(err, SK_DAMAGED, "bad_record",
		    "line %llu of the input is no JSON: %s",
		    (unsigned long long)lineno, bad.message);
	} else if (sk_error_from_json(v, err)) {
		rc = err->exit;
	} else if (sees(up, n, v)) {
		struct sk_buf b;

		/* Written anew: what comes out is ours, whoever wrote it. */
		sk_buf_init(&b, 0);
		sk_jw_init(&jw, &b);
		sk_jw_value(&jw, v);
		sk_jw_done(&jw);
		sk_out(b.p, b.len);
		sk_buf_free(&b);
	}
	sk_err_clear(&bad);
	sk_arena_free(&a);
	return rc;
}

static int
lineage(struct sk_branch_work *w, struct sk_seen **up, size_t *n,
    struct sk_err *err)
{
	const char *word = w->ctx->argv[0];
	struct sk_branch b;
	int rc;

	/* Exactly this branch needs no database, so that a stream from
	 * elsewhere can be filtered too. */
	if (w->o->exact && !sk_branch_id_ok(word))
		return sk_check_name("a branch", word, sk_branch_id_ok, err);
	if (w->o->exact) {
		*up = sk_arena_alloc(&w->a, sizeof(**up));
		memcpy((*up)->branch, word, strlen(word) + 1);
		(*up)->decision = (*up)->answer = INT64_MAX;
		*n = 1;
		return 0;
	}
	rc = sk_branch_resolve(w, word, &b, err);
	return rc != 0 ? rc : sk_lineage(w->db, b.id, up, n, &w->a, err);
}

int
sk_bverb_filter(struct sk_branch_work *w, struct sk_err *err)
{
	struct sk_seen *up = NULL;
	struct sk_lines lines;
	size_t n = 0, len;
	char *line;
	int rc, more;

	if (isatty(STDIN_FILENO) != 0) {
		(void)sk_fail(err, SK_USAGE, "no_input",
		    "standard input is a terminal, expected records");
		return sk_hint(err, "'sk-branch replay' has the records of the "
				    "database");
	}
	rc = lineage(w, &up, &n, err);
	if (rc != 0)
		return rc;
	sk_lines_init(&lines, STDIN_FILENO, LINE_MAX_BYTES);
	while ((more = sk_lines_next(&lines, &line, &len, err)) > 0) {
		rc = one_line(w, up, n, line, len, lines.lineno, err);
		if (rc == 0 && sk_lines_would_block(&lines))
			rc = sk_out_flush(err);
		if (rc != 0)
			break;
	}
	sk_lines_free(&lines);
	return more < 0 ? -more : rc;
}
