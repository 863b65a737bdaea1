/* SPDX-License-Identifier: MIT */
/*
 * One answer, made ready for the vote: its JSON is found, our own words are
 * taken out (an answer cannot say who it is or what stage it belongs to), and
 * what it claims about agreement is set apart.
 */
#include <string.h>

#include "consensus/internal.h"

static const char *const meta_keys[] = { "stage", "agent", "model",
	"prompt_version", "model_release", "reasoning_mode" };

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' ||
	       c == '\v';
}

void
sk_trim(const char **s, size_t *n)
{
	while (*n > 0 && blank((*s)[*n - 1]))
		(*n)--;
	while (*n > 0 && blank(**s)) {
		(*s)++;
		(*n)--;
	}
}

bool
sk_has_space(const char *s, size_t n)
{
	sk_trim(&s, &n);
	for (size_t i = 0; i < n; i++)
		if (blank(s[i]))
			return true;
	return false;
}

static bool
too_deep(const struct sk_jv *v, size_t left)
{
	if (v->type == SK_J_ARR) {
		if (left == 0)
			return true;
		for (size_t i = 0; i < v->n; i++)
			if (too_deep(v->a[i], left - 1))
				return true;
	} else if (v->type == SK_J_OBJ) {
		if (left == 0)
			return true;
		for (size_t i = 0; i < v->n; i++)
			if (too_deep(v->m[i].v, left - 1))
				return true;
	}
	return false;
}

/* A shallow copy without the keys that skip() names. */
static struct sk_jv *
without(struct sk_arena *a, const struct sk_jv *o,
    bool (*skip)(const struct sk_jm *m))
{
	struct sk_jv *r = sk_arena_alloc(a, sizeof(*r));

	*r = *o;
	r->n = 0;
	r->m = sk_arena_alloc(a, (o->n + 1) * sizeof(*r->m));
	for (size_t i = 0; i < o->n; i++)
		if (!skip(&o->m[i]))
			r->m[r->n++] = o->m[i];
	return r;
}

static bool
is_claims(const struct sk_jm *m)
{
	return strcmp(m->key, "consensus") == 0 && m->v->type == SK_J_OBJ;
}

static bool
is_meta(const struct sk_jm *m)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(meta_keys); i++)
		if (strcmp(m->key, meta_keys[i]) == 0)
			return true;
	return is_claims(m);
}

/* Strings that say something; other values as their JSON text, because a
 * conflict that an agent reports must not vanish for its shape. */
static struct sk_jv *
claim_list(struct sk_arena *a, const struct sk_jv *v)
{
	struct sk_jv *r = sk_jnew(a, SK_J_ARR);

	if (v == NULL || v->type == SK_J_NULL)
		return r;
	r->a = sk_arena_alloc(a, (v->n + 1) * sizeof(struct sk_jv *));
	for (size_t i = 0; i < (v->type == SK_J_ARR ? v->n : 1); i++) {
		const struct sk_jv *e = v->type == SK_J_ARR ? v->a[i] : v;
		const char *s = e->s;
		size_t n = e->n;
		struct sk_buf b;

		if (e->type == SK_J_STR) {
			sk_trim(&s, &n);
			if (n > 0)
				r->a[r->n++] = sk_jnew_str(a, s, n);
		} else if (sk_jlen(e) > 0 || e->type == SK_J_TRUE ||
			   e->type == SK_J_NUM) {
			sk_buf_init(&b, 0);
			sk_json_canon(&b, e);
			r->a[r->n++] = sk_jnew_str(a, b.p, b.len);
			sk_buf_free(&b);
		}
	}
	return r;
}

/* Both places count: an empty claim at the top must not hide another. */
static void
add_claims(struct sk_arena *a, struct sk_jv **to, const struct sk_jv *v)
{
	struct sk_jv *more = claim_list(a, v);

	if (*to == NULL)
		*to = more;
	else
		for (size_t i = 0; i < more->n; i++)
			sk_jpush(a, *to, more->a[i]);
}

static void
take_claims(struct sk_arena *a, struct sk_voter *v, const struct sk_jv *o)
{
	const struct sk_jv *c = sk_jget(o, "consensus");

	if (c == NULL || c->type != SK_J_OBJ)
		return;
	add_claims(a, &v->claims_a, sk_jget(c, "agreements"));
	add_claims(a, &v->claims_c, sk_jget(c, "conflicts"));
}

void
sk_voter_read(struct sk_arena *a, struct sk_voter *v)
{
	struct sk_jv *root = NULL, *plan;

	v->data = NULL;
	if (sk_json_find(a, v->text, v->text_n, &root) == SK_JFOUND_NONE ||
	    too_deep(root, SK_VOTE_DEPTH))
		return;
	v->data = root;
	if (root->type != SK_J_OBJ)
		return;
	take_claims(a, v, root);
	plan = sk_jget(root, "final_plan");
	if (plan != NULL && plan->type == SK_J_OBJ)
		take_claims(a, v, plan);
	v->data = without(a, root, is_meta);
	if (plan == NULL || plan->type != SK_J_OBJ)
		return;
	for (size_t i = 0; i < v->data->n; i++)
		if (v->data->m[i].v == plan)
			v->data->m[i].v = without(a, plan, is_claims);
}
