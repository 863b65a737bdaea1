/* SPDX-License-Identifier: MIT */
/* Questions of a verdict, and what an opinion on them makes of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "consensus/arbiter.h"
#include "consensus/internal.h"
#include "consensus/merged.h"

#define WHY_MAX 2000

/* ---- names ---- */

bool
sk_arbiter_stage(const char *stage, char out[SK_IDENT_LEN])
{
	if (stage == NULL || stage[0] == '\0')
		stage = SK_ARBITER_STAGE;
	else if (strlen(stage) + 1 + strlen(SK_ARBITER_STAGE) >= SK_IDENT_LEN)
		return false;
	if (strcmp(stage, SK_ARBITER_STAGE) == 0)
		(void)snprintf(out, SK_IDENT_LEN, "%s", stage);
	else
		(void)snprintf(
		    out, SK_IDENT_LEN, "%s.%s", stage, SK_ARBITER_STAGE);
	return true;
}

bool
sk_arbiter_stage_of(const char *stage, char out[SK_IDENT_LEN])
{
	size_t n = strlen(stage);

	if (strcmp(stage, SK_ARBITER_STAGE) == 0) {
		out[0] = '\0';
		return true;
	}
	if (!sk_has_suffix(stage, "." SK_ARBITER_STAGE) || n >= SK_IDENT_LEN)
		return false;
	n -= strlen("." SK_ARBITER_STAGE);
	memcpy(out, stage, n);
	out[n] = '\0';
	return n > 0;
}

bool
sk_arbiter_of(const struct sk_jv *verdict, struct sk_opinion *op)
{
	const struct sk_jv *a = sk_jget(verdict, "arbiter");

	memset(op, 0, sizeof(*op));
	op->agent = sk_jget_str(a, "agent");
	op->family = sk_jget_str(a, "model_family");
	op->sha256 = sk_jget_str(a, "sha256");
	if (op->agent != NULL && sk_jget_int(a, "of", &op->of))
		return true;
	op->agent = NULL;
	return false;
}

/* ---- questions ---- */

struct option {
	char sha[SK_SHA256_LEN];
	const struct sk_jv *v;
};

static int
option_cmp(const void *x, const void *y)
{
	const struct option *a = x, *b = y;

	return strcmp(a->sha, b->sha);
}

/* Neither the number of votes nor a name shows in the order. */
static void
shuffle(struct sk_arena *a, struct sk_question *q, const char *salt)
{
	const struct sk_jv *values = sk_jget(q->conflict, "values");
	struct option *o = sk_calloc(sk_jlen(values) + 1, sizeof(*o));
	struct sk_buf b;

	sk_buf_init(&b, 0);
	q->n = sk_jlen(values);
	q->options = sk_arena_alloc(a, (q->n + 1) * sizeof(*q->options));
	for (size_t i = 0; i < q->n; i++) {
		o[i].v = sk_jat(values, i);
		sk_buf_clear(&b);
		sk_buf_printf(&b, "%s\n%s\n", salt, q->path);
		sk_json_canon(&b, sk_jget(o[i].v, "value"));
		sk_sha256(b.p, b.len, o[i].sha);
	}
	qsort(o, q->n, sizeof(*o), option_cmp);
	for (size_t i = 0; i < q->n; i++)
		q->options[i] = o[i].v;
	sk_buf_free(&b);
	free(o);
}

static enum sk_choice
choice_of(const struct sk_jv *verdict, const struct sk_question *q)
{
	static const char *const whole[] = { "scalar", "exact", "text",
		"measure", "ranking" };
	const char *kind;

	if (sk_jget(q->conflict, "text") != NULL)
		return SK_CHOICE_CLAIM;
	if (sk_jlen(sk_jget(q->conflict, "values")) == 0)
		return SK_CHOICE_NONE;
	kind =
	    sk_jget_str(sk_jget(sk_jget(verdict, "support"), q->path), "kind");
	if (sk_streq(kind, "set"))
		return SK_CHOICE_SOME;
	for (size_t i = 0; i < SK_ARRAY_SIZE(whole); i++)
		if (sk_streq(kind, whole[i]))
			return SK_CHOICE_ONE;
	return SK_CHOICE_NONE;
}

struct sk_question *
sk_arbiter_questions(struct sk_arena *a, const struct sk_jv *verdict, size_t *n)
{
	const struct sk_jv *list = sk_jptr(verdict, "/consensus/conflicts");
	const char *salt = sk_jget_str(verdict, "input_sha256");
	struct sk_question *q =
	    sk_arena_alloc(a, (sk_jlen(list) + 1) * sizeof(*q));

	*n = 0;
	for (size_t i = 0; i < sk_jlen(list); i++) {
		struct sk_question *x = &q[*n];

		x->conflict = sk_jat(list, i);
		x->path = sk_jget_str(x->conflict, "path");
		if (x->path == NULL)
			continue;
		(*n)++;
		(void)snprintf(x->id, sizeof(x->id), "c%zu", *n);
		x->choice = choice_of(verdict, x);
		shuffle(a, x, salt != NULL ? salt : "");
	}
	return q;
}

/* ---- what may be answered ---- */

static struct sk_jv *
labels(struct sk_arena *a, const struct sk_question *q)
{
	struct sk_jv *list = sk_jnew(a, SK_J_ARR);

	for (size_t i = 0; i < q->n; i++)
		sk_jpush(a, list,
		    sk_jnew_cstr(a, sk_arena_printf(a, "v%zu", i + 1)));
	return list;
}

static struct sk_jv *
typed(struct sk_arena *a, const char *type)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);

	sk_jset(a, o, "type", sk_jnew_cstr(a, type));
	return o;
}

static struct sk_jv *
choice_schema(struct sk_arena *a, const struct sk_question *q)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ), *list = labels(a, q), *any;
	struct sk_jv *none = sk_jnew(a, SK_J_OBJ);

	if (q->choice == SK_CHOICE_CLAIM) {
		list = sk_jnew(a, SK_J_ARR);
		sk_jpush(a, list, sk_jnew_cstr(a, "upheld"));
		sk_jpush(a, list, sk_jnew_cstr(a, "dismissed"));
	}
	if (q->choice != SK_CHOICE_SOME) {
		sk_jpush(a, list, sk_jnew_cstr(a, "none"));
		sk_jset(a, o, "enum", list);
		return o;
	}
	sk_jset(a, o, "enum", list);
	any = typed(a, "array");
	sk_jset(a, any, "items", o);
	sk_jset(a, any, "uniqueItems", sk_jnew_bool(a, true));
	sk_jset(a, none, "const", sk_jnew_cstr(a, "none"));
	list = sk_jnew(a, SK_J_ARR);
	sk_jpush(a, list, any);
	sk_jpush(a, list, none);
	o = sk_jnew(a, SK_J_OBJ);
	sk_jset(a, o, "anyOf", list);
	return o;
}

/* An object of exactly these members; a second list says which must be. */
static struct sk_jv *
closed(struct sk_arena *a, struct sk_jv *properties, struct sk_jv *required)
{
	struct sk_jv *o = typed(a, "object");

	sk_jset(a, o, "required", required);
	sk_jset(a, o, "additionalProperties", sk_jnew_bool(a, false));
	sk_jset(a, o, "properties", properties);
	return o;
}

struct sk_jv *
sk_arbiter_schema(struct sk_arena *a, const struct sk_question *q, size_t n)
{
	struct sk_jv *all = sk_jnew(a, SK_J_OBJ), *ids = sk_jnew(a, SK_J_ARR);
	struct sk_jv *top = sk_jnew(a, SK_J_OBJ), *one, *must;

	for (size_t i = 0; i < n; i++) {
		struct sk_jv *why = typed(a, "string");

		if (q[i].choice == SK_CHOICE_NONE)
			continue;
		sk_jset(a, why, "maxLength", sk_jnew_int(a, WHY_MAX));
		one = sk_jnew(a, SK_J_OBJ);
		sk_jset(a, one, "choice", choice_schema(a, &q[i]));
		sk_jset(a, one, "why", why);
		must = sk_jnew(a, SK_J_ARR);
		sk_jpush(a, must, sk_jnew_cstr(a, "choice"));
		sk_jset(a, all, q[i].id, closed(a, one, must));
		sk_jpush(a, ids, sk_jnew_cstr(a, q[i].id));
	}
	sk_jset(a, top, "rulings", closed(a, all, ids));
	must = sk_jnew(a, SK_J_ARR);
	sk_jpush(a, must, sk_jnew_cstr(a, "rulings"));
	return closed(a, top, must);
}

/* No option is the example: that would be a hint. */
static struct sk_jv *
form_of(struct sk_arena *a, const struct sk_question *q)
{
	struct sk_jv *list, *word;

	if (q->choice == SK_CHOICE_CLAIM)
		return sk_jnew_cstr(a, "upheld, dismissed or none");
	word =
	    sk_jnew_cstr(a, sk_arena_printf(a, "v1 to v%zu%s", q->n,
				q->choice == SK_CHOICE_ONE ? ", or none" : ""));
	if (q->choice == SK_CHOICE_ONE)
		return word;
	list = sk_jnew(a, SK_J_ARR);
	sk_jpush(a, list, word);
	return list;
}

struct sk_jv *
sk_arbiter_form(struct sk_arena *a, const struct sk_question *q, size_t n)
{
	struct sk_jv *all = sk_jnew(a, SK_J_OBJ), *top = sk_jnew(a, SK_J_OBJ);

	for (size_t i = 0; i < n; i++) {
		struct sk_jv *one = sk_jnew(a, SK_J_OBJ);

		if (q[i].choice == SK_CHOICE_NONE)
			continue;
		sk_jset(a, one, "choice", form_of(a, &q[i]));
		sk_jset(a, one, "why", sk_jnew_cstr(a, "one sentence"));
		sk_jset(a, all, q[i].id, one);
	}
	sk_jset(a, top, "rulings", all);
	return top;
}
