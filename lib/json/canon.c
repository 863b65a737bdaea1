/* SPDX-License-Identifier: MIT */
/* The canonical form: what two values have in common when they are equal. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json/decimal.h"

/* Up to this many zeros are written out; beyond, the form is scientific, so
 * that a short text never becomes a long one. */
#define ZEROS 40

static void
put_digits(struct sk_buf *b, const struct sk_dec *d, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++)
		sk_buf_ch(b, sk_dec_digit(d, i));
}

static void
put_zeros(struct sk_buf *b, int64_t n)
{
	while (n-- > 0)
		sk_buf_ch(b, '0');
}

void
sk_num_canon(struct sk_buf *b, const char *s, size_t n)
{
	struct sk_dec d;
	int64_t len;

	sk_dec_read(&d, s, n);
	len = (int64_t)sk_dec_len(&d);
	if (len == 0) {
		sk_buf_ch(b, '0');
		return;
	}
	if (d.neg)
		sk_buf_ch(b, '-');
	if (d.top - len > ZEROS || d.top <= -ZEROS) {
		put_digits(b, &d, 0, 1);
		if (len > 1)
			sk_buf_ch(b, '.');
		put_digits(b, &d, 1, (size_t)len);
		sk_buf_printf(b, "e%" PRId64, d.top - 1);
	} else if (d.top >= len) {
		put_digits(b, &d, 0, (size_t)len);
		put_zeros(b, d.top - len);
	} else if (d.top > 0) {
		put_digits(b, &d, 0, (size_t)d.top);
		sk_buf_ch(b, '.');
		put_digits(b, &d, (size_t)d.top, (size_t)len);
	} else {
		sk_buf_str(b, "0.");
		put_zeros(b, -d.top);
		put_digits(b, &d, 0, (size_t)len);
	}
}

/* UTF-8 as it is; only what must be escaped is. */
static void
canon_str(struct sk_buf *b, const char *s, size_t n)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	size_t at = 0;

	sk_buf_ch(b, '"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		const char *e = c != 0 ? strchr(from, c) : NULL;

		if (e == NULL && c >= 0x20)
			continue;
		sk_buf_add(b, s + at, i - at);
		at = i + 1;
		if (e != NULL) {
			sk_buf_ch(b, '\\');
			sk_buf_ch(b, to[e - from]);
		} else {
			sk_buf_printf(b, "\\u%04x", c);
		}
	}
	sk_buf_add(b, s + at, n - at);
	sk_buf_ch(b, '"');
}

static int
cmp_member(const void *x, const void *y)
{
	const struct sk_jm *a = *(const struct sk_jm *const *)x;
	const struct sk_jm *b = *(const struct sk_jm *const *)y;
	size_t n = a->klen < b->klen ? a->klen : b->klen;
	int c = memcmp(a->key, b->key, n);

	if (c != 0)
		return c;
	return (a->klen > b->klen) - (a->klen < b->klen);
}

/* The members in byte order of their keys; the caller frees the array. */
static const struct sk_jm **
sorted(const struct sk_jv *v)
{
	const struct sk_jm **m = sk_reallocarray(NULL, v->n + 1, sizeof(*m));

	for (size_t i = 0; i < v->n; i++)
		m[i] = &v->m[i];
	qsort(m, v->n, sizeof(*m), cmp_member);
	return m;
}

static void
canon(struct sk_buf *b, const struct sk_jv *v, int depth)
{
	const struct sk_jm **m;

	if (depth > SK_JSON_DEEP)
		sk_bug("JSON tree is deeper than %d", SK_JSON_DEEP);
	switch (v->type) {
	case SK_J_NUM:
		sk_num_canon(b, v->s, v->n);
		break;
	case SK_J_STR:
		canon_str(b, v->s, v->n);
		break;
	case SK_J_ARR:
		sk_buf_ch(b, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_ch(b, ',');
			canon(b, v->a[i], depth + 1);
		}
		sk_buf_ch(b, ']');
		break;
	case SK_J_OBJ:
		m = sorted(v);
		sk_buf_ch(b, '{');
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_ch(b, ',');
			canon_str(b, m[i]->key, m[i]->klen);
			sk_buf_ch(b, ':');
			canon(b, m[i]->v, depth + 1);
		}
		sk_buf_ch(b, '}');
		free(m);
		break;
	default:
		sk_json_write(b, v);
	}
}

void
sk_json_canon(struct sk_buf *b, const struct sk_jv *v)
{
	if (v == NULL)
		sk_buf_add(b, "null", 4);
	else
		canon(b, v, 0);
}

static bool
eq_objects(const struct sk_jv *x, const struct sk_jv *y)
{
	const struct sk_jm **a = sorted(x), **b = sorted(y);
	bool same = true;

	for (size_t i = 0; same && i < x->n; i++)
		same = cmp_member(&a[i], &b[i]) == 0 &&
		       sk_json_eq(a[i]->v, b[i]->v);
	free(a);
	free(b);
	return same;
}

bool
sk_json_eq(const struct sk_jv *x, const struct sk_jv *y)
{
	if (x == y)
		return true;
	if (x == NULL)
		return y->type == SK_J_NULL;
	if (y == NULL)
		return x->type == SK_J_NULL;
	if (x->type != y->type)
		return false;
	if (x->type == SK_J_NUM)
		return sk_num_cmp(x->s, x->n, y->s, y->n) == 0;
	if (x->type <= SK_J_TRUE)
		return true;
	if (x->n != y->n)
		return false;
	if (x->type == SK_J_STR)
		return memcmp(x->s, y->s, x->n) == 0;
	if (x->type == SK_J_OBJ)
		return eq_objects(x, y);
	for (size_t i = 0; i < x->n; i++)
		if (!sk_json_eq(x->a[i], y->a[i]))
			return false;
	return true;
}
