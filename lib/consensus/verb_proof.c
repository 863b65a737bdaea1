/* SPDX-License-Identifier: MIT */
/* verify: is this verdict what its answers say? explain: why it is so. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/proof.h"
#include "consensus/verbs.h"

int
sk_verb_read_doc(const char *file, struct sk_buf *b, struct sk_err *err)
{
	sk_buf_init(b, SK_BUF_MAX - 1);
	if (strcmp(file, "-") == 0)
		return sk_read_fd(
		    STDIN_FILENO, SK_BUF_MAX - 2, b, "standard input", err);
	return sk_read_file(file, SK_BUF_MAX - 2, b, err);
}

/* ---- verify ---- */

/* The directory of a file and the stamp in its name; both malloc'd. */
static void
split_name(const char *file, const char *dir_given, char **dir, char **stamp)
{
	const char *name = strrchr(file, '/'), *end, *p;

	if (dir_given != NULL)
		*dir = sk_strdup(dir_given);
	else if (strcmp(file, "-") == 0)
		*dir = NULL;
	else if (name == NULL)
		*dir = sk_strdup(".");
	else
		*dir = sk_strndup(file, (size_t)(name - file) + 1);
	name = name != NULL ? name + 1 : file;
	*stamp = NULL;
	if (!sk_has_suffix(name, "_synthesis.json"))
		return;
	end = name + strlen(name) - strlen("_synthesis.json");
	for (p = end; p > name && p[-1] != '_'; p--)
		;
	*stamp = sk_strndup(p, (size_t)(end - p));
}

/* What was verified before, for the links between files. */
struct link {
	char branch[SK_BRANCH_LEN], hash[SK_SHA256_LEN];
	int64_t seq;
};
struct links {
	struct link *v;
	size_t n;
};

/* Two decisions in a row must be linked. */
static void
check_links(struct links *l, struct sk_proof *p)
{
	const char *branch = sk_jstr(sk_jptr(p->doc, "/decision/branch"));
	const char *hash = sk_jstr(sk_jptr(p->doc, "/decision/chain/hash"));
	const char *prev = sk_jstr(sk_jptr(p->doc, "/decision/chain/prev"));
	struct link *x;
	int64_t seq;

	if (branch == NULL || hash == NULL || prev == NULL ||
	    !sk_jget_int(p->doc, "decision_seq", &seq))
		return;
	for (size_t i = 0; i < l->n; i++) {
		struct sk_jv *o;

		if (strcmp(l->v[i].branch, branch) != 0 ||
		    l->v[i].seq + 1 != seq || strcmp(l->v[i].hash, prev) == 0)
			continue;
		o = sk_jnew(&p->arena, SK_J_OBJ);
		sk_jset(&p->arena, o, "what",
		    sk_jnew_cstr(&p->arena, "chain_broken"));
		sk_jset(&p->arena, o, "detail",
		    sk_jnew_cstr(&p->arena,
			"it does not follow the decision before it"));
		sk_jpush(&p->arena, p->findings, o);
	}
	l->v = sk_reallocarray(l->v, l->n + 1, sizeof(*l->v));
	x = &l->v[l->n++];
	(void)snprintf(x->branch, sizeof(x->branch), "%s", branch);
	(void)snprintf(x->hash, sizeof(x->hash), "%s", hash);
	x->seq = seq;
}

static const char *
result_of(const struct sk_proof *p)
{
	if (p->absent == sk_jlen(p->findings))
		return p->absent > 0 ? "incomplete" : "verified";
	return "altered";
}

static void
put_proof(const struct sk_ctx *ctx, const char *file, const struct sk_proof *p)
{
	const char *result = result_of(p);
	struct sk_buf b;
	struct sk_jw w;

	sk_buf_init(&b, 0);
	if (ctx->format != SK_FMT_JSON) {
		sk_buf_printf(&b, "%-10s ", result);
		sk_buf_visible(&b, file, strlen(file), false);
		sk_buf_ch(&b, '\n');
		for (size_t i = 0; i < sk_jlen(p->findings); i++) {
			const char *s =
			    sk_jget_str(p->findings->a[i], "detail");

			sk_buf_str(&b, "           ");
			sk_buf_visible(&b, s != NULL ? s : "",
			    s != NULL ? strlen(s) : 0, false);
			sk_buf_ch(&b, '\n');
		}
		sk_out(b.p, b.len);
		sk_buf_free(&b);
		return;
	}
	sk_jw_doc(&w, &b, "sk.verify/1");
	sk_jw_kstr(&w, "file", file);
	sk_jw_kvalue(&w, "run", sk_jptr(p->doc, "/decision/run"));
	sk_jw_kvalue(&w, "branch", sk_jptr(p->doc, "/decision/branch"));
	sk_jw_kvalue(&w, "decision_seq", sk_jget(p->doc, "decision_seq"));
	sk_jw_kvalue(&w, "status", sk_jget(p->doc, "status"));
	sk_jw_kstr(&w, "result", result);
	sk_jw_kvalue(&w, "findings", p->findings);
	sk_jw_kobj(&w, "answers");
	sk_jw_kint(&w, "embedded", (int64_t)p->embedded);
	sk_jw_kint(&w, "files", (int64_t)p->files);
	sk_jw_kint(&w, "database", (int64_t)p->database);
	sk_jw_kint(&w, "absent", (int64_t)p->absent);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

static int
verify_one(struct sk_ctx *ctx, const char *file, struct sk_db **db,
    struct links *links, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct sk_answers_from from = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_proof p = { .absent = 0 };
	char *dir, *stamp;
	struct sk_buf b;
	int rc;

	split_name(file, o->evidence_dir, &dir, &stamp);
	from.dir = dir;
	from.stamp = stamp;
	rc = sk_verb_read_doc(file, &b, err);
	if (rc == 0)
		rc = sk_verify(&p, b.p, b.len, &from, err);
	/* The database is asked last: a verdict should stand by itself. */
	if (rc == 0 && p.absent > 0) {
		if (*db == NULL)
			(void)sk_db_open(db, ctx->db, 0, &ignored);
		sk_err_clear(&ignored);
		from.db = *db;
		if (*db != NULL) {
			sk_proof_free(&p);
			rc = sk_verify(&p, b.p, b.len, &from, err);
		}
	}
	if (rc == 0) {
		check_links(links, &p);
		put_proof(ctx, file, &p);
		if (strcmp(result_of(&p), "verified") != 0)
			rc = p.absent == sk_jlen(p.findings) ? SK_DEGRADED
			                                     : SK_DAMAGED;
	}
	sk_proof_free(&p);
	sk_buf_free(&b);
	free(dir);
	free(stamp);
	return rc;
}

int
sk_verb_verify(struct sk_ctx *ctx, struct sk_err *err)
{
	struct links links = { 0 };
	struct sk_db *db = NULL;
	int rc = 0, worst = 0;

	for (int i = 0; i < ctx->argc && err->exit == 0; i++) {
		rc = verify_one(ctx, ctx->argv[i], &db, &links, err);
		worst = rc > worst ? rc : worst;
	}
	free(links.v);
	sk_db_close(db);
	return err->exit != 0 ? err->exit : worst;
}

/* ---- explain ---- */

int
sk_verb_explain(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	const char *path = ctx->argc > 1 ? ctx->argv[1] : NULL;
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf b, out;
	int rc;

	if (path != NULL && (rc = sk_jptr_check(path, err)) != 0)
		return rc;
	rc = sk_verb_read_doc(ctx->argv[0], &b, err);
	if (rc == 0)
		rc = sk_json_parse(&a, b.p, b.len, &sk_verdict_limits, &v, err);
	if (rc == 0 && !sk_streq(sk_jget_str(v, "schema"), "sk.verdict/1"))
		rc = sk_fail(err, SK_DAMAGED, "not_a_verdict",
		    "'%.200s' is no verdict", ctx->argv[0]);
	if (rc == 0) {
		sk_buf_init(&out, 0);
		if (o->html)
			sk_explain_html(&out, v, path);
		else
			/* One path is wanted whole. */
			sk_explain_text(&out, v, path,
			    path == NULL ? (size_t)sk_width() : 0);
		sk_out(out.p, out.len);
		sk_buf_free(&out);
	}
	sk_buf_free(&b);
	sk_arena_free(&a);
	return rc;
}
