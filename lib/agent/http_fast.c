/* SPDX-License-Identifier: MIT */
/*
 * A stream is one document again and again in which only the text differs, and
 * perhaps numbers and ids that no rule looks at. Such a document is learnt: its
 * bytes are cut where those values stand. The next one that has the same bytes
 * everywhere else means the same, so its text can be taken without building a
 * tree. Whatever does not fit goes the ordinary way.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"

#define HOLES_MAX 32
#define DEPTH_MAX 16

enum hole { END, TEXT, STRING, NUMBER }; /* TEXT: the answer's */

struct sk_http_fast {
	struct sk_strv named; /* pointers that rules look at */
	struct sk_strv text; /* where the answer's text may stand */
	struct sk_strv each, each_text; /* the same in lists */
	struct sk_buf doc; /* the bytes between the holes, one after another */
	struct {
		size_t len; /* of the bytes before it */
		enum hole kind;
	} part[HOLES_MAX + 1];
	size_t nparts; /* 0 = nothing is learnt */
};

/* ---- what the rules look at ---- */

static void
collect(struct sk_strv *out, const struct sk_jv *v)
{
	if (sk_jstr(v) != NULL && sk_jstr(v)[0] == '/')
		sk_strv_add(out, sk_jstr(v));
	for (size_t i = 0; i < sk_jlen(v); i++) {
		if (v->type == SK_J_OBJ && v->m[i].key[0] == '/')
			sk_strv_add(out, v->m[i].key);
		collect(out, v->type == SK_J_OBJ ? v->m[i].v : v->a[i]);
	}
}

static void
collect_rule(struct sk_http_fast *f, const struct sk_jv *rule)
{
	for (size_t i = 0; i < sk_jlen(rule); i++) {
		const struct sk_jv *v = rule->m[i].v;

		if (sk_streq(rule->m[i].key, "content"))
			collect(&f->text, v);
		else if (sk_streq(rule->m[i].key, "content_each") &&
			 sk_jget_str(v, "each") != NULL &&
			 sk_jget_str(v, "text") != NULL) {
			sk_strv_add(&f->each, sk_jget_str(v, "each"));
			sk_strv_add(&f->each_text, sk_jget_str(v, "text"));
		} else {
			collect(&f->named, rule->m[i].v);
		}
		collect(&f->named, sk_jget(v, "in"));
	}
}

struct sk_http_fast *
sk_http_fast_new(const struct sk_adapter *ad)
{
	struct sk_http_fast *f = sk_calloc(1, sizeof(*f));

	sk_buf_init(&f->doc, (size_t)64 << 10);
	for (size_t i = 0; i < sk_jlen(ad->rules); i++)
		collect_rule(f, ad->rules->a[i]);
	collect(&f->named, sk_jget(ad->http, "last"));
	return f;
}

void
sk_http_fast_free(struct sk_http_fast *f)
{
	if (f == NULL)
		return;
	sk_strv_free(&f->named);
	sk_strv_free(&f->text);
	sk_strv_free(&f->each);
	sk_strv_free(&f->each_text);
	sk_buf_free(&f->doc);
	free(f);
}

/* Is one of the two at or below the other? */
static bool
related(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), k = n < m ? n : m;

	return memcmp(a, b, k) == 0 && (n == m || (n > m ? a[m] : b[n]) == '/');
}

static bool
is_named(const struct sk_strv *v, const char *ptr)
{
	for (size_t i = 0; i < v->n; i++)
		if (related(v->v[i], ptr))
			return true;
	return false;
}

static enum hole
hole_at(const struct sk_http_fast *f, const char *ptr, char first)
{
	bool each = false;

	if (is_named(&f->named, ptr))
		return END;
	for (size_t i = 0; i < f->each.n; i++) {
		if (!related(f->each.v[i], ptr))
			continue;
		each = true;
		if (first == '"' && sk_has_suffix(ptr, f->each_text.v[i]))
			return TEXT;
	}
	if (first == '"' && sk_strv_has(&f->text, ptr))
		return TEXT;
	if (each || is_named(&f->text, ptr))
		return END;
	return first == '"' ? STRING : NUMBER;
}

/* ---- learning ---- */

/* A walk over bytes that are known to be one valid document. */
struct walk {
	struct sk_http_fast *f;
	const char *p;
	size_t n, i, from; /* from: after the last hole */
	struct sk_buf ptr;
	size_t texts;
};

static void
blanks(struct walk *w)
{
	while (w->i < w->n && strchr(" \t\r\n", w->p[w->i]) != NULL)
		w->i++;
}

/* Past a string whose opening quote is at i. */
static void
past_string(struct walk *w)
{
	for (w->i++; w->p[w->i] != '"'; w->i++)
		if (w->p[w->i] == '\\')
			w->i++;
	w->i++;
}

static bool
scalar(struct walk *w)
{
	struct sk_http_fast *f = w->f;
	char first = w->p[w->i];
	size_t start = first == '"' ? w->i + 1 : w->i, end;
	enum hole k = END;

	if (first == '"') {
		past_string(w);
		end = w->i - 1;
	} else {
		w->i += strcspn(w->p + w->i, ",]} \t\r\n");
		end = w->i;
	}
	if (first == '"' || first == '-' || (first >= '0' && first <= '9'))
		k = hole_at(f, w->ptr.p, first);
	if (k == END)
		return true;
	if (f->nparts == HOLES_MAX)
		return false;
	w->texts += k == TEXT;
	f->part[f->nparts].len = start - w->from;
	f->part[f->nparts++].kind = k;
	sk_buf_add(&f->doc, w->p + w->from, start - w->from);
	w->from = end;
	return true;
}

static bool value(struct walk *w, int depth);

static bool
member(struct walk *w, size_t index, bool object, int depth)
{
	size_t had = w->ptr.len, key;
	bool ok;

	if (object) {
		key = w->i + 1;
		past_string(w);
		if (memchr(w->p + key, '\\', w->i - 1 - key) != NULL)
			return false;
		sk_jptr_add(&w->ptr, w->p + key, w->i - 1 - key);
		blanks(w);
		w->i++; /* the colon */
	} else {
		sk_buf_printf(&w->ptr, "/%zu", index);
	}
	ok = value(w, depth);
	w->ptr.len = had;
	w->ptr.p[had] = '\0';
	return ok;
}

/* (Depth is bounded, so this is no way to exhaust the stack.) */
static bool
value(struct walk *w, int depth)
{
	bool object;

	blanks(w);
	if (w->p[w->i] != '{' && w->p[w->i] != '[')
		return scalar(w);
	if (depth == DEPTH_MAX)
		return false;
	object = w->p[w->i++] == '{';
	for (size_t index = 0;; index++) {
		blanks(w);
		if (w->p[w->i] == '}' || w->p[w->i] == ']')
			break;
		if (w->p[w->i] == ',') {
			w->i++;
			blanks(w);
		}
		if (!member(w, index, object, depth + 1))
			return false;
		blanks(w);
	}
	w->i++;
	return true;
}

void
sk_http_fast_learn(struct sk_http_fast *f, const char *p, size_t n)
{
	struct walk w = { .f = f, .n = n };
	struct sk_buf copy;
	bool ok;

	if (f == NULL)
		return;
	f->nparts = 0;
	sk_buf_clear(&f->doc);
	if (n > (size_t)16 << 10)
		return;
	sk_buf_init(&copy, 0); /* ends in a NUL, which the walk may look at */
	sk_buf_add(&copy, p, n);
	sk_buf_init(&w.ptr, 4096);
	w.p = copy.p;
	ok = value(&w, 0);
	blanks(&w);
	if (ok && w.i == n && w.texts == 1 && !f->doc.full && !w.ptr.full) {
		sk_buf_add(&f->doc, w.p + w.from, n - w.from);
		f->part[f->nparts].len = n - w.from;
		f->part[f->nparts++].kind = END;
	} else {
		f->nparts = 0;
	}
	sk_buf_free(&w.ptr);
	sk_buf_free(&copy);
}

/* ---- taking ---- */

/* The length of a string without escapes and of ASCII alone up to its quote;
 * anything else is for the ordinary way. */
static bool
plain_string(const char *p, size_t n, size_t *len)
{
	size_t i = 0;

	while (i < n && p[i] >= ' ' && p[i] != '"' && p[i] != '\\')
		i++;
	*len = i;
	return i < n && p[i] == '"';
}

static bool
plain_number(const char *p, size_t n, size_t *len)
{
	size_t i = 0, digits;

	if (i < n && p[i] == '-')
		i++;
	digits = i;
	while (i < n && p[i] >= '0' && p[i] <= '9')
		i++;
	*len = i;
	if (i == digits || i - digits > 15 ||
	    (p[digits] == '0' && i > digits + 1))
		return false;
	/* 1.5 and 1e3 begin like this too. */
	return i < n && (p[i] == ',' || p[i] == '}' || p[i] == ']');
}

static bool
unescape(struct sk_buf *b, char c)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *at = c != '\0' ? strchr(from, c) : NULL;

	if (at == NULL)
		return false;
	sk_buf_ch(b, to[at - from]);
	return true;
}

/* The answer's text, decoded, to the end of b. */
static bool
take_text(struct sk_buf *b, const char *p, size_t n, size_t *len)
{
	size_t i = 0;

	for (;;) {
		size_t run = i;
		unsigned char high = 0;

		while (i < n && (unsigned char)p[i] >= ' ' && p[i] != '"' &&
		       p[i] != '\\')
			high |= (unsigned char)p[i++];
		if (i == n || (unsigned char)p[i] < ' ' ||
		    ((high & 0x80) != 0 && !sk_utf8_ok(p + run, i - run)))
			return false;
		sk_buf_add(b, p + run, i - run);
		if (p[i] == '"')
			break;
		if (i + 1 == n || !unescape(b, p[i + 1]))
			return false; /* \u: two of them may belong together */
		i += 2;
	}
	*len = i;
	return true;
}

bool
sk_http_fast_take(
    struct sk_http_fast *f, struct sk_buf *content, const char *p, size_t n)
{
	const char *lit;
	size_t had = content->len, i = 0;

	if (f == NULL)
		return false;
	lit = f->doc.p;
	for (size_t k = 0; k < f->nparts; k++) {
		size_t len = f->part[k].len;
		bool ok = true;

		if (n - i < len || memcmp(p + i, lit, len) != 0)
			break;
		lit += len;
		i += len;
		if (f->part[k].kind == END) {
			if (i != n)
				break;
			return true;
		}
		if (f->part[k].kind == TEXT)
			ok = take_text(content, p + i, n - i, &len);
		else if (f->part[k].kind == STRING)
			ok = plain_string(p + i, n - i, &len);
		else
			ok = plain_number(p + i, n - i, &len);
		if (!ok)
			break;
		i += len;
	}
	if (!content->full) {
		content->len = had;
		content->p[had] = '\0';
	}
	return false;
}
