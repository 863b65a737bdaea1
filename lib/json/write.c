/* SPDX-License-Identifier: MIT */
/*
 * The JSON writer. Its output is safe to print anywhere: one line of printable
 * ASCII in which no CI system finds a command and no browser finds a tag.
 */
#include <inttypes.h>
#include <string.h>

#include "json/decimal.h"

/* What is copied as it stands. '#' is not, since two in a row are special. */
static bool
plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '#' &&
	       c != '<' && c != '>' && c != '&';
}

static void
put_u(struct sk_buf *b, uint32_t unit)
{
	static const char hex[] = "0123456789abcdef";
	char t[6] = { '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15],
		hex[unit >> 4 & 15], hex[unit & 15] };

	sk_buf_add(b, t, sizeof(t));
}

static void
put_ascii(struct sk_buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *e = c != 0 ? strchr(from, c) : NULL;

	if (e != NULL) {
		char t[2] = { '\\', to[e - from] };

		sk_buf_add(b, t, 2);
	} else if (c == '#' && (b->len == 0 || b->p[b->len - 1] != '#')) {
		sk_buf_ch(b, '#');
	} else {
		put_u(b, c);
	}
}

void
sk_json_write_str(struct sk_buf *b, const char *s, size_t n)
{
	size_t i = 0, at;
	uint32_t cp;

	sk_buf_ch(b, '"');
	while (i < n) {
		for (at = i; i < n && plain((unsigned char)s[i]); i++)
			;
		sk_buf_add(b, s + at, i - at);
		if (i >= n)
			break;
		if ((unsigned char)s[i] < 0x80) {
			put_ascii(b, (unsigned char)s[i++]);
			continue;
		}
		cp = sk_utf8_next(s, n, &i);
		if (cp == (uint32_t)-1)
			cp = 0xfffd;
		if (cp >= 0x10000) {
			put_u(b, 0xd800 + ((cp - 0x10000) >> 10));
			cp = 0xdc00 + (cp & 0x3ff);
		}
		put_u(b, cp);
	}
	sk_buf_ch(b, '"');
}

/* indent < 0: one line. */
static void
newline(struct sk_buf *b, int indent)
{
	if (indent < 0)
		return;
	sk_buf_ch(b, '\n');
	for (int i = 0; i < indent; i++)
		sk_buf_add(b, "  ", 2);
}

static void
put_value(struct sk_buf *b, const struct sk_jv *v, int indent, int depth)
{
	int in = indent < 0 ? indent : indent + 1;

	if (depth > SK_JSON_DEEP)
		sk_bug("JSON tree is deeper than %d", SK_JSON_DEEP);
	switch (v->type) {
	case SK_J_NULL:
		sk_buf_add(b, "null", 4);
		break;
	case SK_J_FALSE:
		sk_buf_add(b, "false", 5);
		break;
	case SK_J_TRUE:
		sk_buf_add(b, "true", 4);
		break;
	case SK_J_NUM:
		sk_buf_add(b, v->s, v->n);
		break;
	case SK_J_STR:
		sk_json_write_str(b, v->s, v->n);
		break;
	case SK_J_ARR:
		sk_buf_ch(b, '[');
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_ch(b, ',');
			newline(b, in);
			put_value(b, v->a[i], in, depth + 1);
		}
		if (v->n > 0)
			newline(b, indent);
		sk_buf_ch(b, ']');
		break;
	case SK_J_OBJ:
		sk_buf_ch(b, '{');
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_ch(b, ',');
			newline(b, in);
			sk_json_write_str(b, v->m[i].key, v->m[i].klen);
			sk_buf_add(b, ": ", indent < 0 ? 1 : 2);
			put_value(b, v->m[i].v, in, depth + 1);
		}
		if (v->n > 0)
			newline(b, indent);
		sk_buf_ch(b, '}');
		break;
	}
}

void
sk_json_write(struct sk_buf *b, const struct sk_jv *v)
{
	if (v == NULL)
		sk_buf_add(b, "null", 4);
	else
		put_value(b, v, -1, 0);
}

void
sk_json_pretty(struct sk_buf *b, const struct sk_jv *v)
{
	if (v == NULL)
		sk_buf_add(b, "null", 4);
	else
		put_value(b, v, 0, 0);
}

/* ---- the streaming writer ---- */

/* In stack: '[' array, '{' object that wants a key, ':' object that wants a
 * value; at the bottom '.' once the document has its value. */
void
sk_jw_init(struct sk_jw *w, struct sk_buf *b)
{
	memset(w, 0, sizeof(*w));
	w->b = b;
}

/* Before any value. */
static void
value(struct sk_jw *w)
{
	char *top = &w->stack[w->depth];

	switch (*top) {
	case '\0':
		*top = '.';
		break;
	case '[':
		if (w->comma)
			sk_buf_ch(w->b, ',');
		break;
	case ':':
		*top = '{';
		break;
	case '{':
		sk_bug("JSON value without a key");
	default:
		sk_bug("second JSON value in one document");
	}
	w->comma = true;
}

static void
open_level(struct sk_jw *w, char c)
{
	value(w);
	if (w->depth + 1u >= sizeof(w->stack))
		sk_bug("JSON written more than %zu deep", sizeof(w->stack));
	w->stack[++w->depth] = c;
	w->comma = false;
	sk_buf_ch(w->b, c);
}

void
sk_jw_obj(struct sk_jw *w)
{
	open_level(w, '{');
}

void
sk_jw_arr(struct sk_jw *w)
{
	open_level(w, '[');
}

void
sk_jw_end(struct sk_jw *w)
{
	char c = w->stack[w->depth];

	if (w->depth == 0 || c == ':')
		sk_bug("JSON closed too early");
	sk_buf_ch(w->b, c == '[' ? ']' : '}');
	w->depth--;
	w->comma = true;
}

void
sk_jw_keyn(struct sk_jw *w, const char *key, size_t n)
{
	if (w->stack[w->depth] != '{')
		sk_bug("JSON key '%.*s' outside of an object",
		    (int)(n < 64 ? n : 64), key);
	if (w->comma)
		sk_buf_ch(w->b, ',');
	sk_json_write_str(w->b, key, n);
	sk_buf_ch(w->b, ':');
	w->stack[w->depth] = ':';
}

void
sk_jw_key(struct sk_jw *w, const char *key)
{
	sk_jw_keyn(w, key, strlen(key));
}

void
sk_jw_strn(struct sk_jw *w, const char *s, size_t n)
{
	value(w);
	sk_json_write_str(w->b, s, n);
}

void
sk_jw_str(struct sk_jw *w, const char *s)
{
	if (s == NULL)
		sk_jw_null(w);
	else
		sk_jw_strn(w, s, strlen(s));
}

void
sk_jw_int(struct sk_jw *w, int64_t i)
{
	value(w);
	sk_buf_printf(w->b, "%" PRId64, i);
}

void
sk_jw_bool(struct sk_jw *w, bool x)
{
	value(w);
	sk_buf_str(w->b, x ? "true" : "false");
}

void
sk_jw_null(struct sk_jw *w)
{
	value(w);
	sk_buf_add(w->b, "null", 4);
}

void
sk_jw_value(struct sk_jw *w, const struct sk_jv *v)
{
	value(w);
	sk_json_write(w->b, v);
}

void
sk_jw_raw(struct sk_jw *w, const char *json, size_t n)
{
	value(w);
	sk_buf_add(w->b, json, n);
}

void
sk_jw_kstr(struct sk_jw *w, const char *k, const char *s)
{
	sk_jw_key(w, k);
	sk_jw_str(w, s);
}

void
sk_jw_kint(struct sk_jw *w, const char *k, int64_t i)
{
	sk_jw_key(w, k);
	sk_jw_int(w, i);
}

void
sk_jw_kbool(struct sk_jw *w, const char *k, bool x)
{
	sk_jw_key(w, k);
	sk_jw_bool(w, x);
}

void
sk_jw_knull(struct sk_jw *w, const char *k)
{
	sk_jw_key(w, k);
	sk_jw_null(w);
}

void
sk_jw_kvalue(struct sk_jw *w, const char *k, const struct sk_jv *v)
{
	sk_jw_key(w, k);
	sk_jw_value(w, v);
}

void
sk_jw_ktime(struct sk_jw *w, const char *k, int64_t ms)
{
	char text[SK_TIME_LEN];

	sk_jw_key(w, k);
	if (ms == 0) {
		sk_jw_null(w);
		return;
	}
	sk_time_text(ms, text);
	sk_jw_str(w, text);
}

void
sk_jw_kword(struct sk_jw *w, const char *k, const char *s)
{
	sk_jw_kstr(w, k, s != NULL && s[0] != '\0' ? s : NULL);
}

void
sk_jw_kpos(struct sk_jw *w, const char *k, int64_t i)
{
	sk_jw_kcount(w, k, i > 0 ? i : -1);
}

void
sk_jw_kcount(struct sk_jw *w, const char *k, int64_t i)
{
	if (i < 0)
		sk_jw_knull(w, k);
	else
		sk_jw_kint(w, k, i);
}

void
sk_jw_kstrv(struct sk_jw *w, const char *k, const struct sk_strv *v)
{
	sk_jw_karr(w, k);
	for (size_t i = 0; v != NULL && i < v->n; i++)
		sk_jw_str(w, v->v[i]);
	sk_jw_end(w);
}

void
sk_jw_kobj(struct sk_jw *w, const char *k)
{
	sk_jw_key(w, k);
	sk_jw_obj(w);
}

void
sk_jw_karr(struct sk_jw *w, const char *k)
{
	sk_jw_key(w, k);
	sk_jw_arr(w);
}

void
sk_jw_doc(struct sk_jw *w, struct sk_buf *b, const char *schema)
{
	sk_jw_init(w, b);
	sk_jw_obj(w);
	sk_jw_kstr(w, "schema", schema);
}

void
sk_jw_done(struct sk_jw *w)
{
	if (w->depth == 1)
		sk_jw_end(w);
	if (w->depth != 0 || w->stack[0] != '.')
		sk_bug("JSON document is not complete");
	sk_buf_ch(w->b, '\n');
}
