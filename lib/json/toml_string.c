/* SPDX-License-Identifier: MIT */
/* TOML strings: basic and literal, on one line or several. */
#include <string.h>

#include "json/toml.h"

static bool
hex_escape(struct sk_toml *t, size_t digits)
{
	size_t at = t->i;
	uint32_t cp = 0;

	t->i += 2;
	for (size_t k = 0; k < digits; k++, t->i++) {
		int c = sk_toml_peek(t, 0);

		if (c >= '0' && c <= '9')
			cp = cp * 16 + (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			cp = cp * 16 + (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			cp = cp * 16 + (uint32_t)(c - 'A' + 10);
		else
			return sk_toml_bad(t, at,
			    "\\%c needs %zu hexadecimal digits", t->p[at + 1],
			    digits);
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return sk_toml_bad(t, at, "U+%04X is no character", cp);
	sk_buf_utf8(&t->tmp, cp);
	return true;
}

/* A backslash at the end of a line takes the white space up to the next text
 * with it. */
static bool
joined_line(struct sk_toml *t)
{
	size_t at = t->i++;

	sk_toml_ws(t);
	if (!sk_toml_newline(t))
		return sk_toml_bad(t, at, "a backslash that escapes nothing");
	do
		sk_toml_ws(t);
	while (sk_toml_newline(t));
	return true;
}

static bool
escape(struct sk_toml *t, bool multi)
{
	static const char from[] = "btnfr\"\\", to[] = "\b\t\n\f\r\"\\";
	int c = sk_toml_peek(t, 1);
	const char *e = c > 0 ? strchr(from, c) : NULL;

	if (e != NULL) {
		sk_buf_ch(&t->tmp, to[e - from]);
		t->i += 2;
		return true;
	}
	if (c == 'u' || c == 'U')
		return hex_escape(t, c == 'u' ? 4 : 8);
	if (multi && (c == ' ' || c == '\t' || c == '\r' || c == '\n'))
		return joined_line(t);
	return sk_toml_bad(t, t->i, "a backslash that escapes nothing%s",
	    multi ? "" : " (in '…' it stands for itself)");
}

/* How many of the quote are here, up to five: two may belong to the text. */
static size_t
quotes(const struct sk_toml *t, int q)
{
	size_t n = 0;

	while (n < 5 && sk_toml_peek(t, n) == q)
		n++;
	return n;
}

static bool
multi_line(struct sk_toml *t, int q)
{
	size_t at = t->i, n;
	int c;

	t->i += 3;
	sk_toml_newline(t);
	for (;;) {
		c = sk_toml_peek(t, 0);
		if (c < 0)
			return sk_toml_bad(t, at, "this string never ends");
		if (c == q && (n = quotes(t, q)) >= 3) {
			for (size_t k = 3; k < n; k++)
				sk_buf_ch(&t->tmp, (char)q);
			t->i += n;
			return true;
		}
		if (c == '\\' && q == '"') {
			if (!escape(t, true))
				return false;
		} else if (sk_toml_newline(t)) {
			sk_buf_ch(&t->tmp, '\n');
		} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return sk_toml_bad(t, t->i,
			    "control byte 0x%02x in a string", (unsigned)c);
		} else {
			sk_buf_ch(&t->tmp, (char)c);
			t->i++;
		}
	}
}

static bool
one_line(struct sk_toml *t, int q)
{
	size_t at = t->i++, from;
	int c;

	for (;;) {
		from = t->i;
		while (t->i < t->n && (unsigned char)t->p[t->i] >= 0x20 &&
		       t->p[t->i] != q && t->p[t->i] != '\\' &&
		       t->p[t->i] != 0x7f)
			t->i++;
		sk_buf_add(&t->tmp, t->p + from, t->i - from);
		c = sk_toml_peek(t, 0);
		if (c == q) {
			t->i++;
			return true;
		}
		if (c < 0 || c == '\n' || c == '\r')
			return sk_toml_bad(
			    t, at, "this string does not end on its line");
		if (c == '\\' && q == '"') {
			if (!escape(t, false))
				return false;
		} else if ((c < 0x20 && c != '\t') || c == 0x7f) {
			return sk_toml_bad(t, t->i,
			    "control byte 0x%02x in a string", (unsigned)c);
		} else {
			sk_buf_ch(&t->tmp, (char)c);
			t->i++;
		}
	}
}

bool
sk_toml_string(struct sk_toml *t, bool key, const char **s, size_t *n)
{
	int q = sk_toml_peek(t, 0);
	size_t at = t->i;
	bool multi = sk_toml_peek(t, 1) == q && sk_toml_peek(t, 2) == q;

	sk_buf_clear(&t->tmp);
	if (multi && key)
		return sk_toml_bad(t, at, "a key cannot span lines");
	if (!(multi ? multi_line(t, q) : one_line(t, q)))
		return false;
	if (t->tmp.len >
	    (key ? sk_jlimits_default.key : sk_jlimits_default.string))
		return sk_toml_bad(t, at, "a %s of more than %zu bytes",
		    key ? "key" : "string",
		    key ? sk_jlimits_default.key : sk_jlimits_default.string);
	*s = sk_arena_strndup(t->a, t->tmp.p, t->tmp.len);
	*n = t->tmp.len;
	return true;
}
