/* SPDX-License-Identifier: MIT */
/* The mechanical verdict and an arbiter's opinion as one verdict. */
#include <string.h>

#include "consensus/arbiter.h"
#include "consensus/internal.h"
#include "consensus/merged.h"

struct apply {
	struct sk_arena a;
	struct sk_jv *doc; /* the mechanical verdict */
	const struct sk_opinion *op;
	struct sk_question *q;
	size_t n;
	const struct sk_jv *said; /* its "rulings", NULL = nothing that fits */
	const char *state, *note;
	struct sk_jv *rulings, *open, *merged;
	bool settled;
};

/* ---- reading ---- */

/* Its answer, if it fits the schema to the letter: the schema is made anew from
 * the verdict, whatever sk-run was told. */
static void
read_opinion(struct apply *x)
{
	struct sk_schema_out out = { 0 };
	struct sk_jv *v = NULL;

	x->state = "invalid";
	if (x->op->text == NULL) {
		x->state = "missing";
		x->note = x->op->note;
		return;
	}
	if (sk_json_find(&x->a, x->op->text, x->op->text_n, &v) ==
	    SK_JFOUND_NONE) {
		x->note = "no JSON in the answer";
		return;
	}
	if (sk_schema_check(sk_arbiter_schema(&x->a, x->q, x->n), v, &out)) {
		x->state = "ok";
		x->said = sk_jget(v, "rulings");
	} else {
		x->note = sk_arena_printf(&x->a, "%.200s: %.300s",
		    out.v[0].pointer, out.v[0].message);
	}
	sk_schema_out_free(&out);
}

/* ---- rulings ---- */

static void
leave_open(struct apply *x, const char *path, const char *why)
{
	struct sk_jv *o = sk_jnew(&x->a, SK_J_OBJ);

	sk_jset(&x->a, o, "path", sk_jnew_cstr(&x->a, path));
	sk_jset(&x->a, o, "why", sk_jnew_cstr(&x->a, why));
	sk_jpush(&x->a, x->open, o);
}

/* "v2" → the option; the schema let nothing else through. */
static const struct sk_jv *
option(const struct sk_question *q, const struct sk_jv *label)
{
	const char *s = sk_jstr(label);
	int64_t i = 0;

	if (s == NULL || s[0] != 'v' ||
	    !sk_parse_int(s + 1, 1, (int64_t)q->n, &i))
		return NULL;
	return q->options[i - 1];
}

/* The elements that it keeps, in the order of the verdict. */
static struct sk_jv *
kept(struct apply *x, const struct sk_question *q, const struct sk_jv *choice)
{
	const struct sk_jv *values = sk_jget(q->conflict, "values");
	struct sk_jv *list = sk_jnew(&x->a, SK_J_ARR);

	for (size_t i = 0; i < sk_jlen(values); i++)
		for (size_t k = 0; k < sk_jlen(choice); k++)
			if (option(q, sk_jat(choice, k)) == sk_jat(values, i))
				sk_jpush(&x->a, list,
				    sk_jget(sk_jat(values, i), "value"));
	return list;
}

/* One ruling: the value that it puts in its place, and who had said so. */
static void
rule(struct apply *x, const struct sk_question *q)
{
	const struct sk_jv *r = sk_jget(x->said, q->id), *one = NULL;
	const struct sk_jv *choice = sk_jget(r, "choice");
	struct sk_jv *o = sk_jnew(&x->a, SK_J_OBJ), *value = NULL;

	if (q->choice == SK_CHOICE_NONE) {
		leave_open(x, q->path, "there is nothing to choose among");
		return;
	}
	if (sk_streq(sk_jstr(choice), "none")) {
		leave_open(x, q->path, "the arbiter chose none");
		return;
	}
	sk_jset(&x->a, o, "path", sk_jnew_cstr(&x->a, q->path));
	if (q->choice == SK_CHOICE_CLAIM) {
		sk_jset(&x->a, o, "claim", sk_jcopy(&x->a, choice));
		if (!sk_streq(sk_jstr(choice), "dismissed"))
			leave_open(x, q->path, "the claim is upheld");
	} else if (q->choice == SK_CHOICE_SOME) {
		value = kept(x, q, choice);
	} else {
		one = option(q, choice);
		value = sk_jget(one, "value");
	}
	if (value != NULL) {
		value = sk_jcopy(&x->a, value);
		sk_jset(&x->a, o, "choice", value);
		if (one != NULL)
			sk_jset(&x->a, o, "agents",
			    sk_jcopy(&x->a, sk_jget(one, "agents")));
		if (!sk_merged_put(&x->a, x->doc, &x->merged, q->path, value))
			leave_open(x, q->path, "the value has no place");
	}
	if (sk_jget(r, "why") != NULL)
		sk_jset(&x->a, o, "why", sk_jcopy(&x->a, sk_jget(r, "why")));
	sk_jpush(&x->a, x->rulings, o);
}

/* ---- what is left ---- */

static bool
within(const char *path, const char *outer)
{
	size_t n = strlen(outer);

	return strncmp(path, outer, n) == 0 &&
	       (path[n] == '\0' || path[n] == '/');
}

static bool
asked_about(const struct apply *x, const char *path)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->q[i].choice != SK_CHOICE_CLAIM &&
		    within(x->q[i].path, path))
			return true;
	return false;
}

static const char *
kind_of(const struct sk_jv *reason)
{
	const char *s = sk_jget_str(reason, "kind");

	return s != NULL ? s : "";
}

/* Reasons for a conflict that no choice among values can take away. */
static void
check_reasons(struct apply *x)
{
	const struct sk_jv *list = sk_jget(x->doc, "reasons");

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *r = sk_jat(list, i);
		const char *path = sk_jget_str(r, "path");

		if (path == NULL)
			path = "";
		if (strcmp(kind_of(r), "member_against") == 0)
			leave_open(
			    x, path, "a member that must agree is against");
		if (strcmp(kind_of(r), "no_quorum") == 0 &&
		    !asked_about(x, path))
			leave_open(x, path, "there is nothing to choose among");
	}
}

static bool
lowers(const struct sk_jv *reason)
{
	static const char *const kinds[] = { "missing_agent", "invalid_answer",
		"too_few_agents", "incomplete_stream", "member_missing" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (strcmp(kind_of(reason), kinds[i]) == 0)
			return true;
	return false;
}

static bool
is_settled(const struct sk_jv *reason)
{
	return strcmp(kind_of(reason), "no_quorum") == 0 ||
	       strcmp(kind_of(reason), "reported_conflict") == 0;
}

static void
judge(struct apply *x, bool may)
{
	x->rulings = sk_jnew(&x->a, SK_J_ARR);
	x->open = sk_jnew(&x->a, SK_J_ARR);
	if (sk_jget(x->doc, "merged") != NULL)
		x->merged = sk_jcopy(&x->a, sk_jget(x->doc, "merged"));
	read_opinion(x);
	if (x->said == NULL)
		return;
	for (size_t i = 0; i < x->n; i++)
		rule(x, &x->q[i]);
	check_reasons(x);
	x->settled = may && x->open->n == 0 &&
	             sk_streq(sk_jget_str(x->doc, "status"), "conflict");
}

/* ---- writing ---- */

static enum sk_status
status_of(const struct apply *x)
{
	const struct sk_jv *list = sk_jget(x->doc, "reasons");
	const char *was = sk_jget_str(x->doc, "status");

	for (int st = SK_ST_OK; !x->settled && st <= SK_ST_UNKNOWN; st++)
		if (sk_streq(was, sk_status_word((enum sk_status)st)))
			return (enum sk_status)st;
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (lowers(sk_jat(list, i)))
			return SK_ST_DEGRADED;
	return x->settled ? SK_ST_OK : SK_ST_UNKNOWN;
}

static void
put_reason(struct sk_jw *w, const char *kind, const char *path,
    const char *agent, const char *detail)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "kind", kind);
	if (path != NULL)
		sk_jw_kstr(w, "path", path);
	sk_jw_kstr(w, "agent", agent);
	if (detail != NULL)
		sk_jw_kstr(w, "detail", detail);
	sk_jw_end(w);
}

static void
put_reasons(struct sk_jw *w, const struct apply *x)
{
	const struct sk_jv *list = sk_jget(x->doc, "reasons");

	sk_jw_karr(w, "reasons");
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (!x->settled || !is_settled(sk_jat(list, i)))
			sk_jw_value(w, sk_jat(list, i));
	for (size_t i = 0; x->settled && i < x->rulings->n; i++)
		put_reason(w, "arbitrated",
		    sk_jget_str(x->rulings->a[i], "path"), x->op->agent, NULL);
	if (x->said == NULL)
		put_reason(
		    w, "arbiter_unavailable", NULL, x->op->agent, x->note);
	sk_jw_end(w);
}

static void
put_consensus(struct sk_jw *w, const struct apply *x)
{
	const struct sk_jv *c = sk_jget(x->doc, "consensus");

	sk_jw_kobj(w, "consensus");
	sk_jw_kvalue(w, "agreements", sk_jget(c, "agreements"));
	sk_jw_karr(w, "conflicts");
	for (size_t i = 0; !x->settled && i < sk_jlen(sk_jget(c, "conflicts"));
	     i++)
		sk_jw_value(w, sk_jat(sk_jget(c, "conflicts"), i));
	sk_jw_end(w);
	sk_jw_end(w);
}

/* Who errs together with the arbiter: a model asked about itself. */
static void
put_family(struct sk_jw *w, const struct apply *x)
{
	const struct sk_jv *families =
	    sk_jptr(x->doc, "/certificate/policy/families");
	const struct sk_jv *in = sk_jget(x->doc, "inputs");
	char own[SK_IDENT_LEN], other[SK_IDENT_LEN];
	const char *f =
	    sk_family_of(families, x->op->agent, x->op->family, own);

	sk_jw_kstr(w, "model_family", x->op->family);
	sk_jw_karr(w, "same_family");
	for (size_t i = 0; i < sk_jlen(in); i++) {
		const char *agent = sk_jget_str(sk_jat(in, i), "agent");

		if (agent != NULL &&
		    strcmp(f, sk_family_of(families, agent,
				  sk_jget_str(sk_jat(in, i), "model_family"),
				  other)) == 0)
			sk_jw_str(w, agent);
	}
	sk_jw_end(w);
}

static void
put_arbiter(struct sk_jw *w, const struct apply *x, bool may)
{
	sk_jw_kobj(w, "arbiter");
	sk_jw_kstr(w, "agent", x->op->agent);
	put_family(w, x);
	sk_jw_kstr(w, "state", x->state);
	sk_jw_kstr(w, "note", x->note);
	sk_jw_kstr(w, "sha256", x->op->sha256);
	sk_jw_kint(w, "of", x->op->of);
	sk_jw_kbool(w, "may_settle", may);
	sk_jw_kbool(w, "settled", x->settled);
	sk_jw_kvalue(w, "rulings", x->rulings);
	sk_jw_kvalue(w, "open", x->open);
	sk_jw_end(w);
	sk_jw_kobj(w, "mechanical");
	sk_jw_kvalue(w, "status", sk_jget(x->doc, "status"));
	sk_jw_kvalue(w, "reasons", sk_jget(x->doc, "reasons"));
	sk_jw_kvalue(w, "conflicts", sk_jptr(x->doc, "/consensus/conflicts"));
	sk_jw_kvalue(w, "merged", sk_jget(x->doc, "merged"));
	sk_jw_kvalue(w, "input_sha256", sk_jget(x->doc, "input_sha256"));
	sk_jw_end(w);
}

static void
hash(const struct apply *x, char out[SK_SHA256_LEN])
{
	const char *was = sk_jget_str(x->doc, "input_sha256");
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "sk.arbitrated/1\n%s\n%s\n%s\n%s\n%lld\n",
	    was != NULL ? was : "", x->op->agent,
	    x->op->family != NULL ? x->op->family : "",
	    x->op->sha256 != NULL ? x->op->sha256 : "", (long long)x->op->of);
	sk_sha256(b.p, b.len, out);
	sk_buf_free(&b);
}

static void
write_verdict(struct apply *x, struct sk_verdict *out, bool may)
{
	struct sk_jw w;

	out->status = status_of(x);
	hash(x, out->input_sha256);
	sk_jw_init(&w, &out->json);
	sk_jw_obj(&w);
	for (size_t i = 0; i < sk_jlen(x->doc); i++) {
		const char *k = x->doc->m[i].key;

		if (strcmp(k, "status") == 0) {
			sk_jw_kstr(&w, k, sk_status_word(out->status));
		} else if (strcmp(k, "reasons") == 0) {
			put_reasons(&w, x);
		} else if (strcmp(k, "consensus") == 0) {
			put_consensus(&w, x);
		} else if (strcmp(k, "merged") == 0) {
			sk_jw_kvalue(
			    &w, k, x->settled ? x->merged : x->doc->m[i].v);
		} else if (strcmp(k, "input_sha256") == 0) {
			put_arbiter(&w, x, may);
			sk_jw_kstr(&w, k, out->input_sha256);
		} else {
			sk_jw_keyn(&w, k, x->doc->m[i].klen);
			sk_jw_value(&w, x->doc->m[i].v);
		}
	}
	sk_jw_end(&w);
}

int
sk_arbiter_apply(const char *verdict, size_t n, const struct sk_opinion *op,
    struct sk_verdict *out, struct sk_err *err)
{
	struct apply x = { .op = op };
	bool may;
	int rc;

	memset(out, 0, sizeof(*out));
	sk_buf_init(&out->json, 0);
	rc = sk_json_parse(&x.a, verdict, n, &sk_verdict_limits, &x.doc, err);
	if (rc == 0) {
		may = sk_streq(
		    sk_jstr(sk_jptr(x.doc, "/certificate/policy/arbiter")),
		    "settles");
		x.q = sk_arbiter_questions(&x.a, x.doc, &x.n);
		judge(&x, may);
		write_verdict(&x, out, may);
		if (out->json.full)
			rc = sk_fail(err, SK_DAMAGED, "too_large",
			    "the verdict is too large");
	}
	sk_arena_free(&x.a);
	return rc;
}
