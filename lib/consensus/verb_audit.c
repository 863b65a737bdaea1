/* SPDX-License-Identifier: MIT */
/*
 * audit: the database against its rules, the evidence against the database, and
 * both against what was said outside: whatever a tool has printed as done must
 * be there.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consensus/proof.h"
#include "consensus/verbs.h"

/* More are counted, but not told. */
#define TOLD_MAX 1000

struct report {
	struct sk_arena a;
	struct sk_jv *list;
	struct sk_audit_counts n;
	int64_t files, lines;
	bool outside; /* of a rule that the database alone cannot show */
};

static void
note(void *arg, const struct sk_violation *v)
{
	struct report *r = arg;
	struct sk_jv *o;

	if (r->outside)
		r->n.violations++;
	if (r->list->n >= TOLD_MAX)
		return;
	o = sk_jnew(&r->a, SK_J_OBJ);
	sk_jset(&r->a, o, "rule", sk_jnew_cstr(&r->a, v->rule));
	sk_jset(&r->a, o, "row", sk_jnew_cstr(&r->a, v->row));
	sk_jset(&r->a, o, "detail", sk_jnew_cstr(&r->a, v->detail));
	sk_jpush(&r->a, r->list, o);
}

static void
outside(struct report *r, const char *rule, const char *row, const char *detail)
{
	note(r, &(struct sk_violation){
		    .rule = rule, .row = row, .detail = detail });
}

/* ---- evidence: S6, S7 ---- */

static int
check_file(
    struct sk_db *db, struct report *r, const char *path, struct sk_err *err)
{
	struct sk_err why = { 0 };
	struct sk_decision *d;
	struct sk_arena a = { 0 };
	const char *run, *hash;
	struct sk_jv *v = NULL;
	struct sk_buf b;
	int64_t seq = 0;
	size_t n = 0;
	int rc = 0;

	r->files++;
	sk_buf_init(&b, 0);
	if (sk_read_file(path, SK_BUF_MAX - 1, &b, &why) != 0 ||
	    sk_json_parse(&a, b.p, b.len, &sk_verdict_limits, &v, &why) != 0)
		outside(r, "S6", path, "it is not complete");
	sk_err_clear(&why);
	run = sk_jstr(sk_jptr(v, "/decision/run"));
	hash = sk_jstr(sk_jptr(v, "/decision/chain/hash"));
	if (run != NULL && hash != NULL &&
	    sk_jget_int(v, "decision_seq", &seq)) {
		rc = sk_decision_find(db,
		    &(struct sk_decision_filter){ .run = run,
			.branch = sk_jstr(sk_jptr(v, "/decision/branch")),
			.seq = seq },
		    &d, &n, &a, err);
		if (rc == 0 && n == 0)
			outside(r, "S6", path, "there is no such decision");
		else if (rc == 0 && strcmp(d->chain, hash) != 0)
			outside(r, "S7", path,
			    "it is of another decision of that number");
	}
	sk_arena_free(&a);
	sk_buf_free(&b);
	return rc;
}

static int
check_dir(struct sk_db *db, struct report *r, const char *dir, int depth,
    struct sk_err *err)
{
	struct sk_strv names = { 0 };
	struct stat st;
	int rc, fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(err, "cannot open directory '%s'", dir);
	rc = sk_dir_names_at(fd, dir, &names, err);
	sk_strv_sort(&names);
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		const char *name = names.v[i];
		char *path;

		if (name[0] == '.')
			continue;
		path = sk_path_join(dir, name);
		if (depth > 0 &&
		    fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISDIR(st.st_mode))
			rc = check_dir(db, r, path, depth - 1, err);
		else if (sk_has_suffix(name, "_synthesis.json"))
			rc = check_file(db, r, path, err);
		free(path);
	}
	sk_strv_free(&names);
	(void)close(fd);
	return rc;
}

/* ---- what was said outside: S1, S8 ---- */

static int
check_line(struct sk_db *db, struct report *r, const struct sk_jv *v,
    const char *row, struct sk_err *err)
{
	const char *schema = sk_jget_str(v, "schema");
	const char *run = sk_jget_str(v, "run"), *sha;
	bool is = true, verdict = sk_streq(schema, "sk.verdict/1");
	struct sk_arena a = { 0 };
	struct sk_decision *d;
	int64_t seq = 0;
	size_t n = 0;
	int rc = 0;

	if (sk_streq(schema, "sk.intake/1") && sk_jget_int(v, "seq", &seq) &&
	    (sha = sk_jget_str(v, "sha256")) != NULL) {
		rc = sk_audit_answer(db, seq, sha, &is, err);
		if (rc == 0 && !is)
			outside(r, "S1", row, "that answer is not there");
	} else if (verdict || sk_streq(schema, "sk.ack/1")) {
		if (verdict)
			run = sk_jstr(sk_jptr(v, "/decision/run"));
		if (run == NULL || !sk_jget_int(v, "decision_seq", &seq))
			return 0;
		rc = sk_decision_find(db,
		    &(struct sk_decision_filter){ .run = run,
			.branch = verdict
		                      ? sk_jstr(sk_jptr(v, "/decision/branch"))
		                      : sk_jget_str(v, "branch"),
			.seq = seq },
		    &d, &n, &a, err);
		if (rc == 0 && n == 0)
			outside(r, "S1", row, "that decision is not there");
		else if (rc == 0 && !d->acked &&
			 (!verdict || sk_jget_bool(sk_jget(v, "decision"),
					  "acked", false)))
			outside(r, "S8", row, "that decision is not acked");
		else if (rc == 0 && verdict &&
			 !sk_streq(sk_jstr(sk_jptr(v, "/decision/chain/hash")),
			     d->chain))
			outside(r, "S1", row,
			    "the decision of that number is another one");
	}
	sk_arena_free(&a);
	return rc;
}

static int
check_history(
    struct sk_db *db, struct report *r, const char *file, struct sk_err *err)
{
	struct sk_err why = { 0 };
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, SK_BUF_MAX);
	rc = sk_read_file(file, SK_BUF_MAX - 1, &b, err);
	for (char *p = b.p, *nl; rc == 0 && p < b.p + b.len; p = nl + 1) {
		struct sk_arena a = { 0 };
		struct sk_jv *v = NULL;
		char row[100];

		nl = memchr(p, '\n', (size_t)(b.p + b.len - p));
		/* The last line of a program that was killed may be cut. */
		if (nl == NULL)
			break;
		r->lines++;
		(void)snprintf(
		    row, sizeof(row), "line %lld", (long long)r->lines);
		if (sk_json_parse(&a, p, (size_t)(nl - p), &sk_verdict_limits,
			&v, &why) == 0)
			rc = check_line(db, r, v, row, err);
		sk_err_clear(&why);
		sk_arena_free(&a);
	}
	sk_buf_free(&b);
	return rc;
}

/* ---- the verb ---- */

static void
put_report(const struct sk_ctx *ctx, const struct report *r)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	if (ctx->format != SK_FMT_JSON) {
		for (size_t i = 0; i < sk_jlen(r->list); i++) {
			const struct sk_jv *x = r->list->a[i];

			sk_outf("%-4s ", sk_jget_str(x, "rule"));
			sk_out_visible(sk_jget_str(x, "row"));
			sk_out_str(": ");
			sk_out_visible(sk_jget_str(x, "detail"));
			sk_out_str("\n");
		}
		sk_outf("%s: %lld violations in %lld events, %lld answers, "
			"%lld decisions\n",
		    r->n.violations == 0 ? "sound" : "violated",
		    (long long)r->n.violations, (long long)r->n.events,
		    (long long)r->n.answers, (long long)r->n.decisions);
		sk_buf_free(&b);
		return;
	}
	sk_jw_doc(&w, &b, "sk.audit/1");
	sk_jw_kstr(&w, "result", r->n.violations == 0 ? "sound" : "violated");
	sk_jw_kint(&w, "count", r->n.violations);
	sk_jw_kvalue(&w, "violations", r->list);
	sk_jw_kobj(&w, "checked");
	sk_jw_kint(&w, "events", r->n.events);
	sk_jw_kint(&w, "answers", r->n.answers);
	sk_jw_kint(&w, "decisions", r->n.decisions);
	sk_jw_kint(&w, "files", r->files);
	sk_jw_kint(&w, "lines", r->lines);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

int
sk_verb_audit(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct report r = { .lines = 0 };
	struct sk_db *db = NULL;
	int rc;

	r.list = sk_jnew(&r.a, SK_J_ARR);
	rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = sk_audit(db, note, &r, &r.n, err);
	r.outside = true;
	if (rc == 0 && o->evidence_dir != NULL)
		rc = check_dir(db, &r, o->evidence_dir, 3, err);
	for (size_t i = 0; rc == 0 && i < o->history.n; i++)
		rc = check_history(db, &r, o->history.v[i], err);
	if (rc == 0) {
		put_report(ctx, &r);
		rc = r.n.violations == 0 ? 0 : SK_DAMAGED;
	}
	sk_arena_free(&r.a);
	sk_db_close(db);
	return rc;
}
