/* SPDX-License-Identifier: MIT */
/*
 * A verdict derived again from what it says it was made from: its certificate
 * and the answers, each known by its hash. Whatever was changed in the file
 * since shows, because every byte of it is written anew and compared.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/arbiter.h"
#include "consensus/proof.h"

#define ANSWER_MAX ((size_t)80 << 20)

static void finding(struct sk_proof *p, const char *what, const char *fmt, ...)
    SK_PRINTF(3, 4);
static void
finding(struct sk_proof *p, const char *what, const char *fmt, ...)
{
	struct sk_jv *o = sk_jnew(&p->arena, SK_J_OBJ);
	struct sk_buf b;
	va_list ap;

	sk_buf_init(&b, 4096);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	sk_jset(&p->arena, o, "what", sk_jnew_cstr(&p->arena, what));
	sk_jset(&p->arena, o, "detail", sk_jnew_str(&p->arena, b.p, b.len));
	sk_jpush(&p->arena, p->findings, o);
	sk_buf_free(&b);
}

/* ---- the case that a document describes ---- */

static void
take_strings(struct sk_strv *out, const struct sk_jv *v)
{
	for (size_t i = 0; i < sk_jlen(v); i++)
		if (sk_jstr(v->a[i]) != NULL)
			sk_strv_add(out, sk_jstr(v->a[i]));
}

static enum sk_input_state
state_of(const char *word)
{
	if (sk_streq(word, "failed"))
		return SK_INPUT_FAILED;
	return SK_INPUT_INVALID;
}

int
sk_recase(struct sk_recase *r, struct sk_arena *a, const struct sk_jv *doc,
    struct sk_err *err)
{
	const struct sk_jv *c = sk_jget(doc, "certificate"), *in;
	struct sk_case *k = &r->c;
	int rc;

	memset(r, 0, sizeof(*r));
	if (!sk_streq(sk_jget_str(doc, "schema"), "sk.verdict/1") || c == NULL)
		return sk_fail(err, SK_DAMAGED, "not_a_verdict",
		    "this is no verdict with a certificate");
	rc = sk_policy_from_json(&r->policy, sk_jget(c, "policy"), err);
	if (rc != 0)
		return rc;
	k->spec = sk_jget_str(doc, "spec");
	k->stage = sk_jget_str(doc, "stage");
	(void)sk_jget_int(doc, "round", &k->round);
	k->policy = &r->policy;
	(void)sk_jget_int(sk_jget(c, "quorum"), "num", &k->quorum.num);
	(void)sk_jget_int(sk_jget(c, "quorum"), "den", &k->quorum.den);
	(void)sk_jget_int(c, "min", &k->min);
	(void)sk_jget_int(c, "faulty", &k->faulty);
	k->complete = sk_jget_bool(c, "complete", false);
	take_strings(&r->expect, sk_jget(doc, "expected"));
	k->expect = &r->expect;
	if (sk_jlen(sk_jget(c, "require")) > 0) {
		take_strings(&r->require, sk_jget(c, "require"));
		k->require = &r->require;
	}
	in = sk_jget(doc, "inputs");
	r->inputs = sk_arena_alloc(a, (sk_jlen(in) + 1) * sizeof(*r->inputs));
	for (size_t i = 0; i < sk_jlen(in); i++) {
		struct sk_input *x = &r->inputs[i];

		x->agent = sk_jget_str(in->a[i], "agent");
		if (x->agent == NULL)
			x->agent = "";
		x->sha256 = sk_jget_str(in->a[i], "sha256");
		x->family = sk_jget_str(in->a[i], "model_family");
		/* What has a hash was an answer, whatever it was good for. */
		x->state = x->sha256 != NULL
		               ? SK_INPUT_OK
		               : state_of(sk_jget_str(in->a[i], "state"));
		if (x->state != SK_INPUT_OK)
			x->note = sk_jget_str(in->a[i], "note");
	}
	k->inputs = r->inputs;
	k->n_inputs = sk_jlen(in);
	return 0;
}

void
sk_recase_free(struct sk_recase *r)
{
	sk_policy_free(&r->policy);
	sk_strv_free(&r->expect);
	sk_strv_free(&r->require);
}

/* ---- the answers ---- */

static bool
is_answer(const char *p, size_t n, const char *sha256)
{
	char is[SK_SHA256_LEN];

	sk_sha256(p, n, is);
	return strcmp(is, sha256) == 0;
}

static bool
from_doc(struct sk_proof *p, struct sk_input *in)
{
	const struct sk_jv *list = sk_jget(p->doc, "answers"), *c;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		c = sk_jget(list->a[i], "content");
		if (!sk_streq(sk_jget_str(list->a[i], "agent"), in->agent) ||
		    c == NULL || c->type != SK_J_STR)
			continue;
		in->text = c->s;
		in->text_n = c->n;
		p->embedded++;
		return true;
	}
	return false;
}

/* The agent's file beside the synthesis. */
static bool
from_dir(struct sk_proof *p, const struct sk_answers_from *from,
    const char *stage, struct sk_input *in)
{
	struct sk_err ignored = { 0 };
	struct sk_jv *v = NULL, *c;
	struct sk_buf b;
	char *path;

	if (from->dir == NULL || from->stamp == NULL || stage == NULL ||
	    !sk_ident_ok(in->agent))
		return false;
	path = sk_asprintf("%s/spec-%s_%s_%s.json", from->dir, stage,
	    from->stamp, sk_agent_file(in->agent));
	sk_buf_init(&b, ANSWER_MAX);
	if (sk_read_file(path, ANSWER_MAX, &b, &ignored) == 0)
		(void)sk_json_parse(
		    &p->arena, b.p, b.len, &sk_verdict_limits, &v, &ignored);
	sk_err_clear(&ignored);
	free(path);
	c = sk_jget(v, "content");
	if (c != NULL && c->type == SK_J_STR) {
		in->text = sk_arena_strndup(&p->arena, c->s, c->n);
		in->text_n = c->n;
		p->files++;
	}
	sk_buf_free(&b);
	return in->text != NULL;
}

static bool
from_db(struct sk_proof *p, const struct sk_answers_from *from,
    const struct sk_case *c, struct sk_input *in)
{
	const char *run = sk_jstr(sk_jptr(p->doc, "/decision/run"));
	const char *branch = sk_jstr(sk_jptr(p->doc, "/decision/branch"));
	struct sk_err ignored = { 0 };
	struct sk_stored *v;
	struct sk_key k;
	int64_t round;
	size_t n;

	if (from->db == NULL || run == NULL || branch == NULL)
		return false;
	k = (struct sk_key){ .run = run,
		.branch = branch,
		.spec = c->spec,
		.stage = c->stage,
		.agent = "",
		.round = c->round };
	if (sk_answers_of(from->db, &k, &v, &n, &round, &p->arena, &ignored) !=
	    0)
		n = 0;
	sk_err_clear(&ignored);
	for (size_t i = 0; i < n; i++)
		if (v[i].ok && strcmp(v[i].agent, in->agent) == 0) {
			in->text = v[i].content;
			in->text_n = v[i].content_n;
			p->database++;
			return true;
		}
	return false;
}

/* One answer, wherever it is; stage is that of the files. */
static void
find_answer(struct sk_proof *p, const struct sk_case *c, const char *stage,
    const struct sk_answers_from *from, struct sk_input *in)
{
	char is[SK_SHA256_LEN];

	if (!from_doc(p, in) && !from_dir(p, from, stage, in) &&
	    !from_db(p, from, c, in)) {
		p->absent++;
		finding(p, "answer_absent",
		    "the answer of '%.100s' (sha256 %.64s) is nowhere",
		    in->agent, in->sha256);
	} else if (!is_answer(in->text, in->text_n, in->sha256)) {
		sk_sha256(in->text, in->text_n, is);
		finding(p, "answer_altered",
		    "the answer of '%.100s' has sha256 %s, not %.64s",
		    in->agent, is, in->sha256);
	}
}

static void
find_answers(struct sk_proof *p, struct sk_recase *r,
    const struct sk_answers_from *from, struct sk_opinion *op)
{
	struct sk_case c = r->c;
	char stage[SK_IDENT_LEN];
	struct sk_input in;

	for (size_t i = 0; i < r->c.n_inputs; i++)
		if (r->inputs[i].state == SK_INPUT_OK)
			find_answer(p, &r->c, r->c.stage, from, &r->inputs[i]);
	if (op->agent == NULL || op->sha256 == NULL ||
	    !sk_arbiter_stage(c.stage, stage))
		return;
	/* The arbiter's answer is to a question of its own. */
	in = (struct sk_input){ .agent = op->agent, .sha256 = op->sha256 };
	c.stage = stage;
	c.round = op->of;
	find_answer(p, &c, r->c.stage, from, &in);
	op->text = in.text;
	op->text_n = in.text_n;
}

/* ---- holding it against the file ---- */

static void
copy(char *out, size_t n, const struct sk_jv *v)
{
	const char *s = sk_jstr(v);
	size_t len = s != NULL ? strlen(s) : 0;

	if (len >= n)
		len = n - 1;
	memcpy(out, s != NULL ? s : "", len);
	out[len] = '\0';
}

static void
take_decision(const struct sk_jv *doc, struct sk_decision *d)
{
	const struct sk_jv *x = sk_jget(doc, "decision");
	const char *at = sk_jget_str(x, "decided_at");

	memset(d, 0, sizeof(*d));
	copy(d->run, sizeof(d->run), sk_jget(x, "run"));
	copy(d->branch, sizeof(d->branch), sk_jget(x, "branch"));
	copy(d->spec, sizeof(d->spec), sk_jget(doc, "spec"));
	copy(d->stage, sizeof(d->stage), sk_jget(doc, "stage"));
	copy(d->status, sizeof(d->status), sk_jget(doc, "status"));
	copy(d->chain_prev, sizeof(d->chain_prev), sk_jptr(x, "/chain/prev"));
	copy(d->chain, sizeof(d->chain), sk_jptr(x, "/chain/hash"));
	(void)sk_jget_int(doc, "round", &d->round);
	(void)sk_jget_int(doc, "decision_seq", &d->seq);
	(void)sk_jget_int(x, "supersedes", &d->supersedes);
	(void)sk_jget_int(x, "epoch", &d->epoch);
	if (at != NULL)
		(void)sk_time_parse(at, &d->decided_ms);
}

/* The first path at which two trees differ, for a person. */
static bool
differs(const struct sk_jv *x, const struct sk_jv *y, struct sk_buf *path)
{
	size_t len = path->len;

	if (x == NULL || y == NULL || x->type != y->type)
		return true;
	if (x->type != SK_J_OBJ)
		return !sk_json_eq(x, y);
	for (size_t i = 0; i < x->n; i++) {
		sk_jptr_add(path, x->m[i].key, x->m[i].klen);
		if (differs(x->m[i].v, sk_jgetn(y, x->m[i].key, x->m[i].klen),
			path))
			return true;
		path->len = len;
		path->p[len] = '\0';
	}
	return false;
}

/* A line as the filter prints it says more than the file: what is not in the
 * file is taken over. */
static bool
is_line(const struct sk_jv *doc)
{
	return sk_jptr(doc, "/decision/acked") != NULL;
}

static void
compare(struct sk_proof *p, const char *text, size_t n, struct sk_decision *d)
{
	struct sk_err ignored = { 0 };
	char link[SK_SHA256_LEN];
	struct sk_jv *now = NULL;
	struct sk_buf b, path;
	bool same;

	sk_chain_link(d, p->again.json.p, p->again.json.len, link);
	if (strcmp(link, d->chain) != 0)
		finding(p, "chain_broken",
		    "the link of decision %lld is %s, not %.64s",
		    (long long)d->seq, link, d->chain);
	d->verdict = p->again.json.p;
	sk_buf_init(&b, 0);
	sk_buf_init(&path, 4096);
	if (sk_decision_write(&b, d, SK_FACE_FILE,
		&(struct sk_more){ .answers = sk_jget(p->doc, "answers") },
		&ignored) == 0)
		(void)sk_json_parse(
		    &p->arena, b.p, b.len, &sk_verdict_limits, &now, &ignored);
	same = b.len == n && memcmp(b.p, text, n) == 0;
	if (!same && is_line(p->doc)) {
		same = !differs(now, p->doc, &path);
	} else if (!same) {
		(void)differs(p->doc, now, &path);
	}
	if (!same)
		finding(p, "text_altered", "it differs from what follows%s%s",
		    path.len > 0 ? " at " : "", path.p);
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	sk_buf_free(&path);
}

/* From the answers to the verdict, and with the opinion on it, if there is one,
 * to that. */
static int
derive(struct sk_proof *p, const struct sk_recase *r,
    const struct sk_opinion *op, struct sk_err *err)
{
	struct sk_verdict mechanical = { 0 };
	int rc;

	sk_buf_free(&p->again.json);
	if (op->agent == NULL)
		return sk_verdict_make(&r->c, &p->again, err);
	sk_buf_init(&p->again.json, 0);
	rc = sk_verdict_make(&r->c, &mechanical, err);
	if (rc == 0)
		rc = sk_arbiter_apply(
		    mechanical.json.p, mechanical.json.len, op, &p->again, err);
	if (mechanical.json.p != NULL)
		sk_verdict_free(&mechanical);
	return rc;
}

int
sk_verify(struct sk_proof *p, const char *text, size_t n,
    const struct sk_answers_from *from, struct sk_err *err)
{
	struct sk_decision d;
	struct sk_opinion op;
	struct sk_recase r;
	int rc;

	memset(p, 0, sizeof(*p));
	sk_buf_init(&p->again.json, 0);
	p->findings = sk_jnew(&p->arena, SK_J_ARR);
	rc =
	    sk_json_parse(&p->arena, text, n, &sk_verdict_limits, &p->doc, err);
	if (rc != 0)
		return rc;
	rc = sk_recase(&r, &p->arena, p->doc, err);
	if (rc == 0) {
		(void)sk_arbiter_of(p->doc, &op);
		find_answers(p, &r, from, &op);
		/* Without all answers nothing can be derived. */
		if (p->absent == 0)
			rc = derive(p, &r, &op, err);
		if (rc == 0 && p->absent == 0) {
			take_decision(p->doc, &d);
			compare(p, text, n, &d);
		}
	}
	sk_recase_free(&r);
	return rc;
}

void
sk_proof_free(struct sk_proof *p)
{
	sk_verdict_free(&p->again);
	sk_arena_free(&p->arena);
}
