/* SPDX-License-Identifier: MIT */
/* The JSON tree: looking into it and building it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/decimal.h"

/* ---- looking ---- */

struct sk_jv *
sk_jgetn(const struct sk_jv *o, const char *key, size_t n)
{
	if (o == NULL || o->type != SK_J_OBJ)
		return NULL;
	for (size_t i = 0; i < o->n; i++)
		if (o->m[i].klen == n && memcmp(o->m[i].key, key, n) == 0)
			return o->m[i].v;
	return NULL;
}

struct sk_jv *
sk_jget(const struct sk_jv *o, const char *key)
{
	return sk_jgetn(o, key, strlen(key));
}

struct sk_jv *
sk_jat(const struct sk_jv *arr, size_t i)
{
	if (arr == NULL || arr->type != SK_J_ARR || i >= arr->n)
		return NULL;
	return arr->a[i];
}

const char *
sk_jstr(const struct sk_jv *v)
{
	if (v == NULL || v->type != SK_J_STR ||
	    memchr(v->s, '\0', v->n) != NULL)
		return NULL;
	return v->s;
}

const char *
sk_jget_str(const struct sk_jv *o, const char *key)
{
	return sk_jstr(sk_jget(o, key));
}

const char *
sk_jget_first(const struct sk_jv *o, const char *const *keys)
{
	for (; *keys != NULL; keys++)
		if (sk_jget_str(o, *keys) != NULL)
			return sk_jget_str(o, *keys);
	return NULL;
}

bool
sk_jint(const struct sk_jv *v, int64_t *out)
{
	const int64_t max = ((int64_t)1 << 53) - 1;
	struct sk_dec d;
	int64_t x = 0;

	if (v == NULL || v->type != SK_J_NUM)
		return false;
	sk_dec_read(&d, v->s, v->n);
	if (!sk_dec_is_int(&d) || d.top > 16)
		return false;
	for (size_t i = 0; i < (size_t)d.top; i++)
		x = x * 10 +
		    (i < sk_dec_len(&d) ? sk_dec_digit(&d, i) - '0' : 0);
	if (x > max)
		return false;
	*out = d.neg ? -x : x;
	return true;
}

bool
sk_jget_int(const struct sk_jv *o, const char *key, int64_t *out)
{
	return sk_jint(sk_jget(o, key), out);
}

bool
sk_jget_bool(const struct sk_jv *o, const char *key, bool dflt)
{
	const struct sk_jv *v = sk_jget(o, key);

	if (v == NULL || (v->type != SK_J_TRUE && v->type != SK_J_FALSE))
		return dflt;
	return v->type == SK_J_TRUE;
}

double
sk_jdouble(const struct sk_jv *v, double dflt)
{
	if (v == NULL || v->type != SK_J_NUM)
		return dflt;
	return strtod(v->s, NULL);
}

size_t
sk_jlen(const struct sk_jv *v)
{
	if (v == NULL || (v->type != SK_J_ARR && v->type != SK_J_OBJ))
		return 0;
	return v->n;
}

const char *
sk_jtype_name(enum sk_jtype t)
{
	static const char *const names[] = { "null", "boolean", "boolean",
		"number", "string", "array", "object" };

	return names[t];
}

/* ---- JSON Pointer ---- */

bool
sk_jptr_ok(const char *ptr)
{
	if (*ptr != '\0' && *ptr != '/')
		return false;
	for (; *ptr != '\0'; ptr++)
		if (*ptr == '~' && ptr[1] != '0' && ptr[1] != '1')
			return false;
	return true;
}

int
sk_jptr_check(const char *ptr, struct sk_err *err)
{
	if (sk_jptr_ok(ptr))
		return 0;
	(void)sk_fail(err, SK_USAGE, "bad_pointer",
	    "'%.200s' is not a JSON Pointer", ptr);
	return sk_hint(err, "it begins with a slash: /answer, /items/0");
}

/* Does the escaped token spell this key? */
static bool
token_is(const char *tok, size_t n, const char *key, size_t klen)
{
	size_t k = 0;

	for (size_t i = 0; i < n; i++, k++) {
		char c = tok[i];

		if (c == '~')
			c = tok[++i] == '1' ? '/' : '~';
		if (k >= klen || key[k] != c)
			return false;
	}
	return k == klen;
}

static struct sk_jv *
step(const struct sk_jv *v, const char *tok, size_t n)
{
	size_t i = 0;

	if (v->type == SK_J_OBJ) {
		for (i = 0; i < v->n; i++)
			if (token_is(tok, n, v->m[i].key, v->m[i].klen))
				return v->m[i].v;
		return NULL;
	}
	/* An index has no leading zero and is short of any overflow. */
	if (v->type != SK_J_ARR || n == 0 || n > 9 || (n > 1 && tok[0] == '0'))
		return NULL;
	for (size_t k = 0; k < n; k++) {
		if (tok[k] < '0' || tok[k] > '9')
			return NULL;
		i = i * 10 + (size_t)(tok[k] - '0');
	}
	return i < v->n ? v->a[i] : NULL;
}

struct sk_jv *
sk_jptr(const struct sk_jv *root, const char *ptr)
{
	union {
		const struct sk_jv *in;
		struct sk_jv *out;
	} v = { .in = root };

	if (!sk_jptr_ok(ptr))
		return NULL;
	while (v.in != NULL && *ptr == '/') {
		size_t n = strcspn(++ptr, "/");

		v.in = step(v.in, ptr, n);
		ptr += n;
	}
	return v.out;
}

void
sk_jptr_add(struct sk_buf *b, const char *key, size_t klen)
{
	sk_buf_ch(b, '/');
	for (size_t i = 0; i < klen; i++)
		if (key[i] == '~')
			sk_buf_add(b, "~0", 2);
		else if (key[i] == '/')
			sk_buf_add(b, "~1", 2);
		else
			sk_buf_ch(b, key[i]);
}

/* ---- building ---- */

struct sk_jv *
sk_jnew(struct sk_arena *a, enum sk_jtype t)
{
	struct sk_jv *v = sk_arena_alloc(a, sizeof(*v));

	v->type = t;
	if (t == SK_J_STR)
		v->s = "";
	else if (t == SK_J_NUM) {
		v->s = "0";
		v->n = 1;
	}
	return v;
}

struct sk_jv *
sk_jnew_str(struct sk_arena *a, const char *s, size_t n)
{
	struct sk_jv *v = sk_jnew(a, SK_J_STR);

	v->s = sk_arena_strndup(a, s, n);
	v->n = n;
	return v;
}

struct sk_jv *
sk_jnew_cstr(struct sk_arena *a, const char *s)
{
	return s == NULL ? sk_jnew(a, SK_J_NULL) : sk_jnew_str(a, s, strlen(s));
}

struct sk_jv *
sk_jnew_num(struct sk_arena *a, const char *s, size_t n)
{
	struct sk_jv *v = sk_jnew(a, SK_J_NUM);

	if (n == 0 || sk_num_len(s, n) != n)
		sk_bug("not a JSON number");
	v->s = sk_arena_strndup(a, s, n);
	v->n = n;
	return v;
}

struct sk_jv *
sk_jnew_int(struct sk_arena *a, int64_t i)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRId64, i);

	return sk_jnew_num(a, text, (size_t)n);
}

struct sk_jv *
sk_jnew_bool(struct sk_arena *a, bool b)
{
	return sk_jnew(a, b ? SK_J_TRUE : SK_J_FALSE);
}

/* Room for one more child. The old block stays in the arena; doubling keeps
 * that waste below the size of the result. */
static void
grow(struct sk_arena *a, struct sk_jv *v, size_t size)
{
	size_t cap;
	void *p;

	if (v->n < v->cap)
		return;
	cap = v->n < 4 ? 4 : v->n * 2;
	if (cap > UINT32_MAX)
		sk_oom();
	p = sk_arena_alloc(a, cap * size);
	if (v->n > 0)
		memcpy(p, v->type == SK_J_ARR ? (void *)v->a : (void *)v->m,
		    v->n * size);
	if (v->type == SK_J_ARR)
		v->a = p;
	else
		v->m = p;
	v->cap = (uint32_t)cap;
}

void
sk_jadd(struct sk_arena *a, struct sk_jv *o, const char *key, size_t n,
    struct sk_jv *v)
{
	grow(a, o, sizeof(*o->m));
	o->m[o->n].key = key;
	o->m[o->n].klen = n;
	o->m[o->n++].v = v;
}

void
sk_jsetn(struct sk_arena *a, struct sk_jv *o, const char *key, size_t n,
    struct sk_jv *v)
{
	if (o->type != SK_J_OBJ)
		sk_bug("member for a JSON %s", sk_jtype_name(o->type));
	if (v == NULL)
		v = sk_jnew(a, SK_J_NULL);
	for (size_t i = 0; i < o->n; i++)
		if (o->m[i].klen == n && memcmp(o->m[i].key, key, n) == 0) {
			o->m[i].v = v;
			return;
		}
	sk_jadd(a, o, sk_arena_strndup(a, key, n), n, v);
}

void
sk_jset(struct sk_arena *a, struct sk_jv *o, const char *key, struct sk_jv *v)
{
	sk_jsetn(a, o, key, strlen(key), v);
}

void
sk_jpush(struct sk_arena *a, struct sk_jv *arr, struct sk_jv *v)
{
	if (arr->type != SK_J_ARR)
		sk_bug("element for a JSON %s", sk_jtype_name(arr->type));
	grow(a, arr, sizeof(struct sk_jv *));
	arr->a[arr->n++] = v != NULL ? v : sk_jnew(a, SK_J_NULL);
}

static struct sk_jv *
copy(struct sk_arena *a, const struct sk_jv *v, int depth)
{
	struct sk_jv *c;

	if (depth > SK_JSON_DEEP)
		sk_bug("JSON tree is deeper than %d", SK_JSON_DEEP);
	c = sk_arena_alloc(a, sizeof(*c));
	*c = *v;
	c->cap = 0;
	switch (v->type) {
	case SK_J_NUM:
	case SK_J_STR:
		c->s = sk_arena_strndup(a, v->s, v->n);
		break;
	case SK_J_ARR:
		c->a = sk_arena_alloc(a, v->n * sizeof(*c->a));
		for (size_t i = 0; i < v->n; i++)
			c->a[i] = copy(a, v->a[i], depth + 1);
		break;
	case SK_J_OBJ:
		c->m = sk_arena_alloc(a, v->n * sizeof(*c->m));
		for (size_t i = 0; i < v->n; i++) {
			c->m[i].key =
			    sk_arena_strndup(a, v->m[i].key, v->m[i].klen);
			c->m[i].klen = v->m[i].klen;
			c->m[i].v = copy(a, v->m[i].v, depth + 1);
		}
		break;
	default:
		break;
	}
	return c;
}

struct sk_jv *
sk_jcopy(struct sk_arena *a, const struct sk_jv *v)
{
	return v == NULL ? sk_jnew(a, SK_J_NULL) : copy(a, v, 0);
}
