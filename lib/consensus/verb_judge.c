/* SPDX-License-Identifier: MIT */
/*
 * judge: decides again from the evidence files alone. A file that was deleted
 * is an agent that is missing; one that was edited is named by its hash. last:
 * the newest verdict, and where its evidence is.
 */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "consensus/arbiter.h"
#include "consensus/proof.h"
#include "consensus/verbs.h"

#define SYNTHESIS "_synthesis.json"

/* ---- the newest synthesis of a directory ---- */

struct pick {
	const char *spec, *stage; /* NULL = any */
	char *dir, *name, *stamp;
	struct sk_jv *doc;
	int64_t seq;
};

/* By stamp, then by number: two decisions may be of one second. */
static bool
newer(const struct pick *p, const char *stamp, int64_t seq)
{
	int c =
	    p->stamp != NULL ? strncmp(stamp, p->stamp, SK_STAMP_LEN - 1) : 1;

	return c > 0 || (c == 0 && seq > p->seq);
}

static int
consider(struct pick *p, const char *dir, const char *name, struct sk_arena *a,
    struct sk_err *err)
{
	const char *end = name + strlen(name) - strlen(SYNTHESIS), *stamp = end;
	struct sk_jv *v = NULL;
	struct sk_buf b;
	int64_t seq = 0;
	char *path;
	int rc;

	while (stamp > name && stamp[-1] != '_')
		stamp--;
	if (p->stage != NULL &&
	    ((size_t)(stamp - name) != strlen("spec-") + strlen(p->stage) + 1 ||
		strncmp(name + 5, p->stage, strlen(p->stage)) != 0))
		return 0;
	if (p->stamp != NULL && strncmp(stamp, p->stamp, SK_STAMP_LEN - 1) < 0)
		return 0;
	path = sk_path_join(dir, name);
	sk_buf_init(&b, 0);
	rc = sk_read_file(path, SK_BUF_MAX - 1, &b, err);
	if (rc == 0)
		rc = sk_json_parse(a, b.p, b.len, &sk_verdict_limits, &v, err);
	if (rc != 0 && err->hint[0] == '\0')
		(void)sk_hint(err,
		    "'%.200s' is damaged: 'sk-consensus replay' "
		    "writes it again",
		    path);
	(void)sk_jget_int(v, "decision_seq", &seq);
	if (rc == 0 && newer(p, stamp, seq) &&
	    (p->spec == NULL || sk_streq(sk_jget_str(v, "spec"), p->spec))) {
		free(p->dir);
		free(p->name);
		free(p->stamp);
		p->dir = sk_strdup(dir);
		p->name = sk_strdup(name);
		p->stamp = sk_strndup(stamp, (size_t)(end - stamp));
		p->doc = v;
		p->seq = seq;
	}
	sk_buf_free(&b);
	free(path);
	return rc;
}

static int
look_in(struct pick *p, const char *dir, struct sk_arena *a, struct sk_err *err)
{
	struct dirent *e;
	int rc = 0;
	DIR *d;

	d = opendir(dir);
	if (d == NULL)
		return sk_fail_errno(err, "cannot open directory '%s'", dir);
	while (rc == 0 && (e = readdir(d)) != NULL)
		if (sk_has_prefix(e->d_name, "spec-") &&
		    sk_has_suffix(e->d_name, SYNTHESIS))
			rc = consider(p, dir, e->d_name, a, err);
	(void)closedir(d);
	return rc;
}

/* The directories of all specifications; none is no error. */
static int
look_below(
    struct pick *p, const char *dir, struct sk_arena *a, struct sk_err *err)
{
	struct dirent *e;
	struct stat st;
	int rc = 0;
	DIR *d;

	d = opendir(dir);
	while (rc == 0 && d != NULL && (e = readdir(d)) != NULL) {
		char *sub;

		if (!sk_ident_ok(e->d_name))
			continue;
		sub = sk_path_join(dir, e->d_name);
		if (lstat(sub, &st) == 0 && S_ISDIR(st.st_mode))
			rc = look_in(p, sub, a, err);
		free(sub);
	}
	if (d != NULL)
		(void)closedir(d);
	return rc;
}

/* base is the evidence directory, its consensus/, or that of one
 * specification: what a person may have at hand. */
static int
pick_newest(
    struct pick *p, const char *base, struct sk_arena *a, struct sk_err *err)
{
	char *all = sk_path_join(base, "consensus");
	char *own = sk_path_join(all, p->spec != NULL ? p->spec : ".");
	struct stat st;
	int rc;

	if (p->spec != NULL && stat(own, &st) == 0) {
		rc = look_in(p, own, a, err);
	} else {
		rc = look_in(p, base, a, err);
		if (rc == 0 && p->name == NULL)
			rc = look_below(p, all, a, err);
		if (rc == 0 && p->name == NULL)
			rc = look_below(p, base, a, err);
	}
	free(all);
	free(own);
	if (rc != 0 || p->name != NULL)
		return rc;
	(void)sk_fail(err, SK_USAGE, "no_synthesis",
	    "there is no synthesis%s%s%s%s in '%s'",
	    p->stage != NULL ? " of stage " : "",
	    p->stage != NULL ? p->stage : "", p->spec != NULL ? " of " : "",
	    p->spec != NULL ? p->spec : "", base);
	return sk_hint(err, "name the evidence directory, or one such as "
			    "docs/evidence/consensus/SPEC");
}

/* ---- the answers as the files have them ---- */

static void
embedded(struct sk_input *in, const struct sk_jv *doc)
{
	const struct sk_jv *list = sk_jget(doc, "answers"), *c;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		c = sk_jget(list->a[i], "content");
		if (c != NULL && c->type == SK_J_STR &&
		    sk_streq(sk_jget_str(list->a[i], "agent"), in->agent)) {
			in->text = c->s;
			in->text_n = c->n;
		}
	}
}

static void
take_file(struct sk_input *in, const struct pick *p, const char *stage,
    struct sk_arena *a)
{
	char is[SK_SHA256_LEN], *path;
	struct sk_err why = { 0 };
	struct sk_jv *v = NULL, *c;
	struct sk_buf b;
	int rc;

	path = sk_asprintf("%s/spec-%s_%s_%s.json", p->dir, stage, p->stamp,
	    sk_agent_file(in->agent));
	sk_buf_init(&b, 0);
	rc = sk_read_file(path, SK_BUF_MAX - 1, &b, &why);
	if (rc == 0)
		rc = sk_json_parse(a, b.p, b.len, &sk_verdict_limits, &v, &why);
	c = sk_jget(v, "content");
	if (rc == 0 && c != NULL && c->type == SK_J_STR) {
		in->text = c->s;
		in->text_n = c->n;
	} else if (strcmp(why.code, "not_found") == 0) {
		embedded(in, p->doc);
		if (in->text == NULL) {
			in->state = SK_INPUT_FAILED;
			in->note = "no evidence file";
		}
	} else {
		in->state = SK_INPUT_INVALID;
		in->note = sk_arena_printf(a, "the evidence file is damaged");
	}
	if (in->text != NULL) {
		sk_sha256(in->text, in->text_n, is);
		if (strcmp(is, in->sha256) != 0) {
			in->state = SK_INPUT_INVALID;
			in->note = sk_arena_printf(
			    a, "sha256 %s, not %.64s", is, in->sha256);
		}
	}
	sk_err_clear(&why);
	sk_buf_free(&b);
	free(path);
}

/* The verdict without a decision: nothing is recorded. */
static void
put_judgement(struct sk_ctx *ctx, const struct sk_verdict *v)
{
	struct sk_arena a = { 0 };
	struct sk_jv *doc = NULL;
	struct sk_buf b;
	struct sk_jw w;

	(void)sk_json_parse(
	    &a, v->json.p, v->json.len, &sk_verdict_limits, &doc, NULL);
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	for (size_t i = 0; i < sk_jlen(doc); i++) {
		sk_jw_keyn(&w, doc->m[i].key, doc->m[i].klen);
		sk_jw_value(&w, doc->m[i].v);
		if (strcmp(doc->m[i].key, "round") == 0)
			sk_jw_knull(&w, "decision_seq");
	}
	sk_jw_knull(&w, "decision");
	sk_jw_done(&w);
	sk_verb_put_verdict(ctx, &b);
	sk_buf_free(&b);
	sk_arena_free(&a);
}

/* The opinion on it, from its file: without one, or with another, the
 * mechanical verdict is all that there is. */
static int
add_opinion(struct sk_verdict *v, const struct pick *p, const char *stage,
    struct sk_arena *a, struct sk_err *err)
{
	struct sk_verdict mechanical = *v;
	struct sk_opinion op;
	struct sk_input in;
	int rc;

	if (!sk_arbiter_of(p->doc, &op) || op.sha256 == NULL ||
	    !sk_ident_ok(op.agent))
		return 0;
	in = (struct sk_input){
		.agent = op.agent, .sha256 = op.sha256, .state = SK_INPUT_OK
	};
	take_file(&in, p, stage, a);
	op.note = in.note;
	if (in.state == SK_INPUT_OK) {
		op.text = in.text;
		op.text_n = in.text_n;
	}
	rc = sk_arbiter_apply(
	    mechanical.json.p, mechanical.json.len, &op, v, err);
	sk_verdict_free(&mechanical);
	return rc;
}

static int
judge_newest(struct sk_ctx *ctx, const char *base, struct pick *p,
    enum sk_status *status, struct sk_err *err)
{
	struct sk_verdict v = { 0 };
	struct sk_arena a = { 0 };
	struct sk_recase r = { 0 };
	int rc;

	rc = pick_newest(p, base, &a, err);
	if (rc == 0)
		rc = sk_recase(&r, &a, p->doc, err);
	if (rc == 0 && r.c.stage == NULL)
		rc = sk_fail(err, SK_DAMAGED, "not_a_verdict",
		    "'%s/%s' has no stage", p->dir, p->name);
	if (rc == 0) {
		for (size_t i = 0; i < r.c.n_inputs; i++)
			if (r.inputs[i].state == SK_INPUT_OK &&
			    sk_ident_ok(r.inputs[i].agent))
				take_file(&r.inputs[i], p, r.c.stage, &a);
		rc = sk_verdict_make(&r.c, &v, err);
	}
	if (rc == 0)
		rc = add_opinion(&v, p, r.c.stage, &a, err);
	if (rc == 0) {
		*status = v.status;
		put_judgement(ctx, &v);
	}
	if (v.json.p != NULL)
		sk_verdict_free(&v);
	sk_recase_free(&r);
	sk_arena_free(&a);
	free(p->dir);
	free(p->name);
	free(p->stamp);
	return rc;
}

int
sk_verb_judge(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_verb_opts *o = ctx->opts;
	struct pick p = { .spec = ctx->argc > 0 ? ctx->argv[0] : NULL,
		.stage = ctx->argc > 1 ? ctx->argv[1] : NULL };
	enum sk_status status = SK_ST_UNKNOWN;
	int rc;

	if (o->evidence_dir == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "no --evidence says which files");
		return sk_hint(err, "sk-consensus judge --evidence "
				    "docs/evidence SPEC STAGE");
	}
	rc = sk_check_name("a specification", p.spec, sk_ident_ok, err);
	if (rc == 0)
		rc = sk_check_name("a stage", p.stage, sk_ident_ok, err);
	if (rc == 0)
		rc = judge_newest(ctx, o->evidence_dir, &p, &status, err);
	return rc != 0 ? rc : sk_status_exit(sk_status_word(status));
}

/* ---- last ---- */

int
sk_verb_last(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_verb_opts *o = ctx->opts;
	struct sk_place at = { .dir.fd = -1, .look = true };
	struct sk_more more = { .last = true };
	struct sk_err ignored = { 0 };
	struct sk_decision *d = NULL;
	struct sk_arena a = { 0 };
	struct sk_setup s = { 0 };
	struct sk_db *db = NULL;
	char *path = NULL;
	struct sk_buf b;
	size_t n = 0;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_verb_names(o, err);
	if (rc == 0)
		rc = sk_setup_evidence(&s, ctx, o, true, err);
	if (rc == 0)
		rc = sk_db_open(&db, ctx->db, 0, err);
	if (rc == 0)
		rc = sk_decision_find(db,
		    &(struct sk_decision_filter){ .run = o->run,
			.branch = o->branch,
			.spec = ctx->argv[0],
			.stage = ctx->argv[1],
			.root = o->run == NULL && s.loaded ? s.conf.project_root
		                                           : NULL,
			.limit = 1 },
		    &d, &n, &a, err);
	if (rc == 0 && n == 0)
		rc = sk_verb_no_decision(ctx, err);
	if (rc == 0 && o->decide.evidence_base != NULL &&
	    sk_place_open(&at, &o->decide, d->spec, &ignored) == 0) {
		path = sk_evidence_find(&at, d);
		sk_place_close(&at);
	}
	more.synthesis_path = path;
	if (rc == 0)
		rc = sk_decision_write(&b, d, SK_FACE_LINE, &more, err);
	if (rc == 0) {
		sk_verb_put_verdict(ctx, &b);
		rc = sk_status_exit(d->status);
	}
	sk_err_clear(&ignored);
	free(path);
	sk_setup_free(&s, o);
	sk_arena_free(&a);
	sk_buf_free(&b);
	sk_db_close(db);
	return rc;
}
