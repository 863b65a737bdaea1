/* SPDX-License-Identifier: MIT */
/* The leaves of the JSON reader: strings, numbers, words, and the words for
 * what is wrong with them. */
#include <stdio.h>
#include <string.h>

#include "json/decimal.h"
#include "json/read.h"

bool
sk_rd_bad(struct reader *r, size_t at, const char *fmt, ...)
{
	va_list ap;

	r->bad_at = at;
	va_start(ap, fmt);
	vsnprintf(r->why, sizeof(r->why), fmt, ap);
	va_end(ap);
	return false;
}

bool
sk_rd_unexpected(struct reader *r, const char *wanted)
{
	unsigned char c;

	if (r->i >= r->n)
		return sk_rd_bad(
		    r, r->i, "the text ends where %s should be", wanted);
	c = (unsigned char)r->p[r->i];
	if (c == 0xef && r->i == 0 && r->n > 2 &&
	    memcmp(r->p, "\xef\xbb\xbf", 3) == 0)
		return sk_rd_bad(r, r->i, "a byte order mark is not JSON");
	if (c > 0x20 && c < 0x7f)
		return sk_rd_bad(
		    r, r->i, "found '%c' where %s should be", c, wanted);
	return sk_rd_bad(
	    r, r->i, "found byte 0x%02x where %s should be", c, wanted);
}

/* Values come from blocks that grow, so that one small document stays small
 * and a large one does not pay for each value alone. */
struct sk_jv *
sk_rd_value(struct reader *r, enum sk_jtype t)
{
	struct sk_jv *v;

	if (r->pool_left == 0) {
		r->pool_size = r->pool_size < 128 ? r->pool_size * 2 : 256;
		r->pool =
		    sk_arena_alloc(r->a, r->pool_size * sizeof(struct sk_jv));
		r->pool_left = r->pool_size;
	}
	v = r->pool++;
	r->pool_left--;
	v->type = t;
	v->line = r->line;
	v->col = (uint32_t)(r->i - r->line_at - r->cont + 1);
	return v;
}

/* Unaligned room for the n bytes of a string and its NUL. */
static char *
new_text(struct reader *r, size_t n)
{
	size_t want = n + 1, size;
	char *s;

	if (want > r->text_left) {
		if (want > 512)
			return sk_arena_alloc(r->a, want);
		size = r->n - r->i + want < 4096 ? r->n - r->i + want : 4096;
		r->text = sk_arena_alloc(r->a, size);
		r->text_left = size;
	}
	s = r->text;
	r->text += want;
	r->text_left -= want;
	return s;
}

/* ---- strings ---- */

static int
hex4(const char *p, const char *end)
{
	int v = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v * 16 + (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v * 16 + (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v * 16 + (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

static size_t
utf8_len(uint32_t cp)
{
	return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* Check the escape at p[*i] and step over it; *cp is what it stands for. */
static bool
escape(struct reader *r, size_t *i, uint32_t *cp)
{
	const char *p = r->p, *end = p + r->n;
	size_t at = *i;
	int hi, lo;

	if (at + 1 >= r->n)
		return sk_rd_bad(r, at, "the text ends inside a string");
	*i = at + 2;
	switch (p[at + 1]) {
	case '"':
	case '\\':
	case '/':
		*cp = (uint32_t)p[at + 1];
		return true;
	case 'b':
		*cp = '\b';
		return true;
	case 'f':
		*cp = '\f';
		return true;
	case 'n':
		*cp = '\n';
		return true;
	case 'r':
		*cp = '\r';
		return true;
	case 't':
		*cp = '\t';
		return true;
	case 'u':
		break;
	default:
		return sk_rd_bad(r, at, "a backslash that escapes nothing");
	}
	hi = hex4(p + at + 2, end);
	if (hi < 0)
		return sk_rd_bad(r, at, "\\u needs four hexadecimal digits");
	*i = at + 6;
	if (hi < 0xd800 || hi > 0xdfff) {
		*cp = (uint32_t)hi;
		return true;
	}
	if (hi < 0xdc00 && r->n - at >= 12 && p[at + 6] == '\\' &&
	    p[at + 7] == 'u') {
		lo = hex4(p + at + 8, end);
		if (lo >= 0xdc00 && lo <= 0xdfff) {
			*i = at + 12;
			*cp = 0x10000u + (((uint32_t)hi & 0x3ff) << 10) +
			      ((uint32_t)lo & 0x3ff);
			return true;
		}
	}
	return sk_rd_bad(r, at, "\\u%04x is half of a surrogate pair", hi);
}

/* Eight bytes at a time as long as all are plain ASCII. */
static size_t
skip_plain(const char *p, size_t i, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, high = ones << 7;

	while (n - i >= 8) {
		uint64_t w, q, b;

		memcpy(&w, p + i, 8);
		q = w ^ (ones * '"');
		b = w ^ (ones * '\\');
		if (((w | (w - ones * 0x20) | ((q - ones) & ~q) |
			 ((b - ones) & ~b)) &
			high) != 0)
			break;
		i += 8;
	}
	return i;
}

/* From the opening quote at r->i to behind the closing one: check all, find
 * the decoded length. */
static bool
scan_string(struct reader *r, size_t *end, size_t *len, bool *esc, size_t *cont)
{
	size_t i = r->i + 1, at, n = 0;
	uint32_t cp;

	*esc = false;
	*cont = 0;
	for (;;) {
		at = i;
		i = skip_plain(r->p, i, r->n);
		n += i - at;
		if (i >= r->n)
			return sk_rd_bad(
			    r, r->n, "the text ends inside a string");
		switch (r->p[i]) {
		case '"':
			*end = i;
			*len = n;
			return true;
		case '\\':
			*esc = true;
			if (!escape(r, &i, &cp))
				return false;
			n += utf8_len(cp);
			continue;
		default:
			break;
		}
		if ((unsigned char)r->p[i] < 0x20)
			return sk_rd_bad(r, i,
			    "control byte 0x%02x in a string",
			    (unsigned char)r->p[i]);
		if ((unsigned char)r->p[i] < 0x80) {
			i++;
			n++;
			continue;
		}
		at = i;
		if (sk_utf8_next(r->p, r->n, &i) == (uint32_t)-1)
			return sk_rd_bad(r, at, "invalid UTF-8 in a string");
		n += i - at;
		*cont += i - at - 1;
	}
}

static void
put_utf8(char **to, uint32_t cp)
{
	char *s = *to;

	if (cp < 0x80) {
		*s++ = (char)cp;
	} else if (cp < 0x800) {
		*s++ = (char)(0xc0 | cp >> 6);
		*s++ = (char)(0x80 | (cp & 0x3f));
	} else if (cp < 0x10000) {
		*s++ = (char)(0xe0 | cp >> 12);
		*s++ = (char)(0x80 | (cp >> 6 & 0x3f));
		*s++ = (char)(0x80 | (cp & 0x3f));
	} else {
		*s++ = (char)(0xf0 | cp >> 18);
		*s++ = (char)(0x80 | (cp >> 12 & 0x3f));
		*s++ = (char)(0x80 | (cp >> 6 & 0x3f));
		*s++ = (char)(0x80 | (cp & 0x3f));
	}
	*to = s;
}

bool
sk_rd_string(struct reader *r, size_t limit, const char *what, const char **out,
    size_t *outn)
{
	size_t end = 0, len = 0, cont = 0, i = r->i + 1;
	uint32_t cp = 0;
	char *s, *to;
	bool esc;

	if (!scan_string(r, &end, &len, &esc, &cont))
		return false;
	if (len > limit)
		return sk_rd_bad(
		    r, r->i, "a %s of more than %zu bytes", what, limit);
	s = to = new_text(r, len);
	while (esc && i < end)
		if (r->p[i] == '\\') {
			escape(r, &i, &cp);
			put_utf8(&to, cp);
		} else {
			*to++ = r->p[i++];
		}
	if (!esc)
		memcpy(s, r->p + i, len);
	r->i = end + 1;
	r->cont += cont;
	*out = s;
	*outn = len;
	return true;
}

/* ---- scalars ---- */

bool
sk_rd_number(struct reader *r, struct sk_jv *v)
{
	const char *p = r->p + r->i;
	size_t n = sk_num_len(p, r->n - r->i), at;
	char *s;

	if (n == 0)
		return sk_rd_bad(r, r->i, "a number that is not complete");
	at = r->i + n;
	if (at < r->n && r->p[at] >= '0' && r->p[at] <= '9')
		return sk_rd_bad(r, r->i, "a number with a leading zero");
	if (n > r->lim->string)
		return sk_rd_bad(r, r->i, "a number of more than %zu digits",
		    r->lim->string);
	if (!sk_num_in_range(p, n))
		return sk_rd_bad(r, r->i, "a number out of range");
	s = new_text(r, n);
	memcpy(s, p, n);
	v->s = s;
	v->n = n;
	r->i = at;
	return true;
}

bool
sk_rd_word(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	if (r->n - r->i < n || memcmp(r->p + r->i, word, n) != 0)
		return sk_rd_unexpected(r, "a value");
	r->i += n;
	return true;
}
