/* SPDX-License-Identifier: MIT */
/* Schema keywords that look at one value alone. */
#include <stdlib.h>
#include <string.h>

#include "json/decimal.h"
#include "json/schema.h"

/* ---- type, enum, const ---- */

static const char *const types[] = { "array", "boolean", "integer", "null",
	"number", "object", "string", NULL };

static bool
is_type(const struct sk_jv *v, const char *type)
{
	struct sk_dec d;

	if (strcmp(type, "integer") != 0)
		return strcmp(type, sk_jtype_name(v->type)) == 0;
	if (v->type != SK_J_NUM)
		return false;
	sk_dec_read(&d, v->s, v->n);
	return sk_dec_is_int(&d);
}

bool
sk_sc_type(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	size_t n = k->type == SK_J_ARR ? k->n : 1;
	struct sk_buf b;
	bool ok = false;

	(void)at;
	sk_buf_init(&b, 300);
	for (size_t i = 0; i < n && !ok; i++) {
		const char *t = sk_jstr(k->type == SK_J_ARR ? k->a[i] : k);
		size_t w = 0;

		while (
		    t != NULL && types[w] != NULL && strcmp(types[w], t) != 0)
			w++;
		if (t == NULL || types[w] == NULL) {
			sk_sc_fault(c, v, p, "type",
			    "the schema names an unknown type '%.60s'",
			    t != NULL ? t : "");
			goto out;
		}
		ok = is_type(v, t);
		if (i > 0)
			sk_buf_str(&b, i + 1 < n ? ", " : " or ");
		sk_buf_str(&b, t);
	}
	if (!ok)
		sk_sc_bad(c, v, p, "type", "expected %s, found %s", b.p,
		    sk_sc_show(c, v));
out:
	sk_buf_free(&b);
	return ok;
}

bool
sk_sc_enum(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	const char **words, *near = NULL;
	struct sk_buf b;
	size_t n = sk_jlen(k), w = 0;

	(void)at;
	for (size_t i = 0; i < n; i++)
		if (sk_json_eq(sk_jat(k, i), v))
			return true;
	if (sk_sc_full(c))
		return false;
	sk_buf_init(&b, 300);
	words = sk_calloc(n + 1, sizeof(*words));
	for (size_t i = 0; i < n; i++) {
		const struct sk_jv *e = sk_jat(k, i);

		if (sk_jstr(e) != NULL)
			words[w++] = sk_jstr(e);
		if (i > 0)
			sk_buf_str(&b, i + 1 < n ? ", " : " or ");
		sk_buf_str(&b, e == NULL || e->type == SK_J_STR
				   ? (e ? sk_sc_text(c, e->s, e->n) : "")
				   : sk_sc_show(c, e));
	}
	if (sk_jstr(v) != NULL && v->n < 100)
		near = sk_closest(v->s, words);
	free(words);
	if (near != NULL)
		sk_sc_bad(c, v, p, "enum",
		    "expected %s, found %s; did you mean %s?", b.p,
		    sk_sc_show(c, v), sk_sc_text(c, near, strlen(near)));
	else
		sk_sc_bad(c, v, p, "enum", "expected %s, found %s", b.p,
		    sk_sc_show(c, v));
	sk_buf_free(&b);
	return false;
}

bool
sk_sc_const(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	(void)at;
	return sk_json_eq(k, v) ||
	       sk_sc_bad(c, v, p, "const", "expected %s, found %s",
		   sk_sc_show(c, k), sk_sc_show(c, v));
}

/* ---- numbers ---- */

static int
cmp(const struct sk_jv *v, const struct sk_jv *k)
{
	return sk_num_cmp(v->s, v->n, k->s, k->n);
}

/* A keyword whose value is not what the draft asks for constrains nothing:
 * the meta-schema is the place to find that. */
#define BOUND(fn, word, ok, text) \
	bool fn(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k, \
	    const struct sk_jv *v, const struct sk_sc_path *p) \
	{ \
		(void)at; \
		return k->type != SK_J_NUM || (ok) || \
		       sk_sc_bad(c, v, p, word, \
			   "expected " text " %.60s, found " \
			   "%s", \
			   k->s, sk_sc_show(c, v)); \
	}

BOUND(sk_sc_minimum, "minimum", cmp(v, k) >= 0, "at least")
BOUND(sk_sc_maximum, "maximum", cmp(v, k) <= 0, "at most")
BOUND(sk_sc_over, "exclusiveMinimum", cmp(v, k) > 0, "more than")
BOUND(sk_sc_under, "exclusiveMaximum", cmp(v, k) < 0, "less than")

bool
sk_sc_multiple(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	struct sk_dec x, m;

	(void)at;
	if (k->type != SK_J_NUM)
		return true;
	sk_dec_read(&m, k->s, k->n);
	sk_dec_read(&x, v->s, v->n);
	return sk_dec_len(&m) == 0 || sk_dec_multiple(&x, &m) ||
	       sk_sc_bad(c, v, p, "multipleOf",
		   "expected a multiple of %.60s, found %s", k->s,
		   sk_sc_show(c, v));
}

/* ---- sizes ---- */

/* The size against a limit that may be written 2.0 or 1e400. */
static int
cmp_size(size_t n, const struct sk_jv *k)
{
	char text[24];
	size_t i = sizeof(text);

	do
		text[--i] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return sk_num_cmp(text + i, sizeof(text) - i, k->s, k->n);
}

static size_t
characters(const struct sk_jv *v)
{
	size_t n = 0;

	for (size_t i = 0; i < v->n; i++)
		n += ((unsigned char)v->s[i] & 0xc0) != 0x80;
	return n;
}

#define SIZE(fn, word, size, op, text, unit) \
	bool fn(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k, \
	    const struct sk_jv *v, const struct sk_sc_path *p) \
	{ \
		size_t have = size; \
\
		(void)at; \
		return k->type != SK_J_NUM || cmp_size(have, k) op 0 || \
		       sk_sc_bad(c, v, p, word, \
			   "expected at " text " %.20s " unit ", found %zu", \
			   k->s, have); \
	}

SIZE(sk_sc_min_len, "minLength", characters(v), >=, "least", "characters")
SIZE(sk_sc_max_len, "maxLength", characters(v), <=, "most", "characters")
SIZE(sk_sc_min_items, "minItems", v->n, >=, "least", "items")
SIZE(sk_sc_max_items, "maxItems", v->n, <=, "most", "items")
SIZE(sk_sc_min_props, "minProperties", v->n, >=, "least", "keys")
SIZE(sk_sc_max_props, "maxProperties", v->n, <=, "most", "keys")

/* ---- strings ---- */

bool
sk_sc_matches(
    struct sk_sc *c, const char *text, size_t textn, const char *s, size_t n)
{
	struct sk_sc_regex *pat = NULL;

	for (size_t i = 0; i < c->npats && pat == NULL; i++)
		if (c->pats[i].text == text)
			pat = &c->pats[i];
	if (pat == NULL) {
		c->pats =
		    sk_reallocarray(c->pats, c->npats + 1, sizeof(*c->pats));
		pat = &c->pats[c->npats++];
		pat->text = text;
		pat->re = sk_re_new(text, textn, &pat->why);
	}
	return pat->re == NULL || sk_re_search(pat->re, s, n);
}

bool
sk_sc_pattern(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	(void)at;
	if (k->type != SK_J_STR)
		return true;
	return sk_sc_matches(c, k->s, k->n, v->s, v->n) ||
	       sk_sc_bad(c, v, p, "pattern", "expected a match of %s, found %s",
		   sk_sc_text(c, k->s, k->n), sk_sc_show(c, v));
}

bool
sk_sc_format(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	const char *name = sk_jstr(k), *s = sk_jstr(v);
	int64_t ms;

	(void)at;
	if (name == NULL || strcmp(name, "date-time") != 0)
		return true;
	return (s != NULL && sk_time_parse(s, &ms)) ||
	       sk_sc_bad(c, v, p, "format",
		   "expected a date and time such as 2025-10-04T10:15:00Z, "
		   "found %s",
		   sk_sc_show(c, v));
}

/* ---- arrays and objects ---- */

static int
cmp_text(const void *x, const void *y)
{
	const struct sk_buf *a = x, *b = y;
	size_t n = a->len < b->len ? a->len : b->len;
	int r = memcmp(a->p, b->p, n);

	return r != 0 ? r : (a->len > b->len) - (a->len < b->len);
}

bool
sk_sc_unique(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	struct sk_buf *text;
	const char *twin = NULL;

	(void)at;
	if (k->type != SK_J_TRUE || v->n < 2)
		return true;
	text = sk_malloc(v->n * sizeof(*text));
	for (size_t i = 0; i < v->n; i++) {
		sk_buf_init(&text[i], 0);
		sk_json_canon(&text[i], v->a[i]);
	}
	qsort(text, v->n, sizeof(*text), cmp_text);
	for (size_t i = 1; i < v->n && twin == NULL; i++)
		if (cmp_text(&text[i - 1], &text[i]) == 0)
			twin = sk_sc_text(c, text[i].p, text[i].len);
	for (size_t i = 0; i < v->n; i++)
		sk_buf_free(&text[i]);
	free(text);
	return twin == NULL ||
	       sk_sc_bad(c, v, p, "uniqueItems",
		   "expected no two equal items, found %s twice", twin);
}

bool
sk_sc_required(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *k,
    const struct sk_jv *v, const struct sk_sc_path *p)
{
	bool ok = true;

	(void)at;
	for (size_t i = 0; i < sk_jlen(k); i++) {
		const struct sk_jv *e = sk_jat(k, i);

		if (e != NULL && e->type == SK_J_STR &&
		    sk_jgetn(v, e->s, e->n) == NULL)
			ok = sk_sc_bad(c, v, p, "required",
			    "the key %s is missing", sk_sc_text(c, e->s, e->n));
	}
	return ok;
}
