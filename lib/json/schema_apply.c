/* SPDX-License-Identifier: MIT */
/* Schema keywords that apply other schemas. */
#include <stdlib.h>
#include <string.h>

#include "json/schema.h"

static struct sk_sc_at
sub(struct sk_sc_at at, const struct sk_jv *s)
{
	at.s = s;
	return at;
}

static struct sk_sc_path
member(const struct sk_sc_path *up, const struct sk_jm *m)
{
	return (struct sk_sc_path){ up, m->key, m->klen };
}

static struct sk_sc_path
element(const struct sk_sc_path *up, size_t i)
{
	return (struct sk_sc_path){ up, NULL, i };
}

static bool
is_schema(const struct sk_jv *s)
{
	return s->type == SK_J_OBJ || s->type == SK_J_TRUE ||
	       s->type == SK_J_FALSE;
}

/* ---- objects ---- */

bool
sk_sc_properties(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	for (size_t i = 0; k->type == SK_J_OBJ && i < k->n; i++) {
		struct sk_sc_path in = member(p, &k->m[i]);
		struct sk_jv *x = sk_jgetn(v, k->m[i].key, k->m[i].klen);

		if (x != NULL && !sk_sc_check(c, sub(at, k->m[i].v), x, &in))
			ok = false;
	}
	return ok;
}

bool
sk_sc_pattern_props(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	for (size_t i = 0; k->type == SK_J_OBJ && i < k->n; i++)
		for (size_t j = 0; j < v->n; j++) {
			struct sk_sc_path in = member(p, &v->m[j]);

			if (sk_sc_matches(c, k->m[i].key, k->m[i].klen,
				v->m[j].key, v->m[j].klen) &&
			    !sk_sc_check(c, sub(at, k->m[i].v), v->m[j].v, &in))
				ok = false;
		}
	return ok;
}

/* Do properties or patternProperties beside this keyword know the key? */
static bool
known(struct sk_sc *c, const struct sk_jv *s, const struct sk_jm *m)
{
	const struct sk_jv *pats = sk_jget(s, "patternProperties");

	if (sk_jgetn(sk_jget(s, "properties"), m->key, m->klen) != NULL)
		return true;
	for (size_t i = 0;
	     pats != NULL && pats->type == SK_J_OBJ && i < pats->n; i++)
		if (sk_sc_matches(
			c, pats->m[i].key, pats->m[i].klen, m->key, m->klen))
			return true;
	return false;
}

/* "no such key", with the one that was probably meant. */
static void
unknown_key(struct sk_sc *c, const struct sk_jv *s, const struct sk_jv *v,
    const struct sk_jm *m, const struct sk_sc_path *p)
{
	const struct sk_jv *props = sk_jget(s, "properties");
	const char **words, *near = NULL;
	size_t n = sk_jlen(props), w = 0;

	if (sk_sc_full(c))
		return;
	words = sk_calloc(n + 1, sizeof(*words));
	for (size_t i = 0; i < n; i++)
		/* One that is there already was not meant. */
		if (props->type == SK_J_OBJ &&
		    sk_jgetn(v, props->m[i].key, props->m[i].klen) == NULL)
			words[w++] = props->m[i].key;
	if (m->klen < 100)
		near = sk_closest(m->key, words);
	free(words);
	if (near != NULL)
		sk_sc_bad(c, m->v, p, "additionalProperties",
		    "unknown key %s; did you mean %s?",
		    sk_sc_text(c, m->key, m->klen),
		    sk_sc_text(c, near, strlen(near)));
	else
		sk_sc_bad(c, m->v, p, "additionalProperties", "unknown key %s",
		    sk_sc_text(c, m->key, m->klen));
}

bool
sk_sc_additional_props(struct sk_sc *c, struct sk_sc_at at,
    const struct sk_jv *k, const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	if (k->type == SK_J_TRUE)
		return true;
	for (size_t i = 0; i < v->n && (ok || !sk_sc_full(c)); i++) {
		struct sk_sc_path in = member(p, &v->m[i]);

		if (known(c, at.s, &v->m[i]))
			continue;
		if (k->type == SK_J_FALSE) {
			unknown_key(c, at.s, v, &v->m[i], &in);
			ok = false;
		} else if (!sk_sc_check(c, sub(at, k), v->m[i].v, &in)) {
			ok = false;
		}
	}
	return ok;
}

bool
sk_sc_property_names(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	const char *why;
	bool ok = true;

	for (size_t i = 0; i < v->n && (ok || !sk_sc_full(c)); i++) {
		struct sk_sc_path in = member(p, &v->m[i]);
		struct sk_jv name = {
			.type = SK_J_STR,
			.line = v->m[i].v->line,
			.col = v->m[i].v->col,
			.n = v->m[i].klen,
			.s = v->m[i].key,
		};

		why = "";
		if (!sk_sc_try(c, sub(at, k), &name, &in, &why))
			ok = sk_sc_bad(c, v->m[i].v, &in, "propertyNames",
			    "the key %s is not allowed%s%s",
			    sk_sc_text(c, name.s, name.n), *why ? ": " : "",
			    why);
	}
	return ok;
}

bool
sk_sc_dependencies(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	for (size_t i = 0; k->type == SK_J_OBJ && i < k->n; i++) {
		const struct sk_jv *d = k->m[i].v;

		if (sk_jgetn(v, k->m[i].key, k->m[i].klen) == NULL)
			continue;
		if (d->type != SK_J_ARR) {
			ok = sk_sc_check(c, sub(at, d), v, p) && ok;
			continue;
		}
		for (size_t j = 0; j < d->n; j++)
			if (d->a[j]->type == SK_J_STR &&
			    sk_jgetn(v, d->a[j]->s, d->a[j]->n) == NULL)
				ok = sk_sc_bad(c, v, p, "dependencies",
				    "the key %s is missing, which %s needs",
				    sk_sc_text(c, d->a[j]->s, d->a[j]->n),
				    sk_sc_text(c, k->m[i].key, k->m[i].klen));
	}
	return ok;
}

/* ---- arrays ---- */

bool
sk_sc_items(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool tuple = k->type == SK_J_ARR, ok = true;
	size_t n = tuple && k->n < v->n ? k->n : v->n;

	for (size_t i = 0; i < n && (ok || !sk_sc_full(c)); i++) {
		struct sk_sc_path in = element(p, i);

		if (!sk_sc_check(c, sub(at, tuple ? k->a[i] : k), v->a[i], &in))
			ok = false;
	}
	return ok;
}

bool
sk_sc_additional_items(struct sk_sc *c, struct sk_sc_at at,
    const struct sk_jv *k, const struct sk_jv *v, const struct sk_sc_path *p)
{
	const struct sk_jv *items = sk_jget(at.s, "items");
	bool ok = true;

	/* Without the list form of items there is nothing additional. */
	if (items == NULL || items->type != SK_J_ARR)
		return true;
	if (k->type == SK_J_FALSE && v->n > items->n)
		return sk_sc_bad(c, v, p, "additionalItems",
		    "expected at most %zu items, found %zu", items->n, v->n);
	for (size_t i = items->n; i < v->n && (ok || !sk_sc_full(c)); i++) {
		struct sk_sc_path in = element(p, i);

		if (!sk_sc_check(c, sub(at, k), v->a[i], &in))
			ok = false;
	}
	return ok;
}

bool
sk_sc_contains(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	const char *why = "";

	for (size_t i = 0; i < v->n; i++) {
		struct sk_sc_path in = element(p, i);

		if (sk_sc_try(
			c, sub(at, k), v->a[i], &in, i == 0 ? &why : NULL))
			return true;
	}
	return sk_sc_bad(c, v, p, "contains", "no item is as wanted%s%s",
	    *why ? ": " : "", why);
}

/* ---- logic ---- */

bool
sk_sc_all(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	for (size_t i = 0; k->type == SK_J_ARR && i < k->n; i++)
		ok = sk_sc_check(c, sub(at, k->a[i]), v, p) && ok;
	return ok;
}

static size_t
fitting(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p, size_t stop)
{
	size_t fit = 0;

	for (size_t i = 0; i < k->n && fit < stop; i++)
		fit += sk_sc_try(c, sub(at, k->a[i]), v, p, NULL);
	return fit;
}

/* No alternative fits: say why not, of each. A second walk, so that the
 * common case builds no messages. */
static bool
none_fits(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p, const char *keyword)
{
	struct sk_buf whys;
	const char *why;

	if (sk_sc_full(c))
		return false;
	sk_buf_init(&whys, 600);
	for (size_t i = 0; i < k->n && i < 5; i++) {
		why = "";
		sk_sc_try(c, sub(at, k->a[i]), v, p, &why);
		sk_buf_printf(
		    &whys, "%s (%zu) %s", i > 0 ? ";" : ":", i + 1, why);
	}
	sk_sc_bad(
	    c, v, p, keyword, "fits none of %zu alternatives%s", k->n, whys.p);
	sk_buf_free(&whys);
	return false;
}

bool
sk_sc_any(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	return k->type != SK_J_ARR || fitting(c, at, k, v, p, 1) > 0 ||
	       none_fits(c, at, k, v, p, "anyOf");
}

bool
sk_sc_one(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	size_t n = k->type == SK_J_ARR ? fitting(c, at, k, v, p, 2) : 1;

	if (n == 0)
		return none_fits(c, at, k, v, p, "oneOf");
	return n == 1 || sk_sc_bad(c, v, p, "oneOf",
			     "fits more than one of %zu alternatives", k->n);
}

bool
sk_sc_not(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	return !is_schema(k) || !sk_sc_try(c, sub(at, k), v, p, NULL) ||
	       sk_sc_bad(c, v, p, "not", "%s is what the schema excludes",
		   sk_sc_show(c, v));
}

bool
sk_sc_if(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	const struct sk_jv *next;

	next = sk_jget(
	    at.s, sk_sc_try(c, sub(at, k), v, p, NULL) ? "then" : "else");
	return next == NULL || sk_sc_check(c, sub(at, next), v, p);
}
