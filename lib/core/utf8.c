/* SPDX-License-Identifier: MIT */
/* Strict UTF-8, and text made visible for terminals and logs. */
#include <string.h>

#include "core/core.h"

#define BAD ((uint32_t)-1)

uint32_t
sk_utf8_next(const char *s, size_t n, size_t *i)
{
	const unsigned char *p = (const unsigned char *)s;
	uint32_t c = p[*i], min;
	size_t more;

	(*i)++;
	if (c < 0x80)
		return c;
	if (c >= 0xc2 && c <= 0xdf) {
		more = 1;
		min = 0x80;
		c &= 0x1f;
	} else if (c >= 0xe0 && c <= 0xef) {
		more = 2;
		min = 0x800;
		c &= 0x0f;
	} else if (c >= 0xf0 && c <= 0xf4) {
		more = 3;
		min = 0x10000;
		c &= 0x07;
	} else {
		return BAD;
	}
	if (n - *i < more)
		return BAD;
	for (size_t k = 0; k < more; k++) {
		if ((p[*i + k] & 0xc0) != 0x80)
			return BAD;
		c = c << 6 | (p[*i + k] & 0x3f);
	}
	/* Overlong forms, surrogates and what lies beyond Unicode. */
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return BAD;
	*i += more;
	return c;
}

bool
sk_utf8_ok(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n)
		if (sk_utf8_next(p, n, &i) == BAD)
			return false;
	return true;
}

void
sk_buf_utf8(struct sk_buf *b, uint32_t cp)
{
	char s[4];
	size_t n;

	if (cp < 0x80) {
		s[0] = (char)cp;
		n = 1;
	} else if (cp < 0x800) {
		s[0] = (char)(0xc0 | cp >> 6);
		s[1] = (char)(0x80 | (cp & 0x3f));
		n = 2;
	} else if (cp < 0x10000) {
		s[0] = (char)(0xe0 | cp >> 12);
		s[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		s[2] = (char)(0x80 | (cp & 0x3f));
		n = 3;
	} else {
		s[0] = (char)(0xf0 | cp >> 18);
		s[1] = (char)(0x80 | (cp >> 12 & 0x3f));
		s[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		s[3] = (char)(0x80 | (cp & 0x3f));
		n = 4;
	}
	sk_buf_add(b, s, n);
}

bool
sk_utf8_clean(struct sk_buf *b, const char *p, size_t n)
{
	size_t i = 0, from = 0, at;
	bool lossy = false;

	while (i < n) {
		at = i;
		if (sk_utf8_next(p, n, &i) != BAD)
			continue;
		sk_buf_add(b, p + from, at - from);
		sk_buf_utf8(b, 0xfffd);
		lossy = true;
		from = i;
	}
	sk_buf_add(b, p + from, n - from);
	return lossy;
}

/* Code points that change how a terminal shows what stands around them. */
static bool
is_trick(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

void
sk_buf_visible(struct sk_buf *b, const char *p, size_t n, bool keep_nl)
{
	size_t i = 0, at;
	uint32_t c;

	while (i < n) {
		at = i;
		c = sk_utf8_next(p, n, &i);
		if (c == BAD)
			sk_buf_printf(b, "\\x%02x", (unsigned char)p[at]);
		else if (keep_nl && (c == '\n' || c == '\t'))
			sk_buf_ch(b, (char)c);
		else if (c == '\n')
			sk_buf_str(b, "\\n");
		else if (c == '\t')
			sk_buf_str(b, "\\t");
		else if (c == '#' && b->len > 0 && b->p[b->len - 1] == '#')
			/* "##[" anywhere in a line is a command to CI. */
			sk_buf_str(b, "\\x23");
		else if (c < 0x100 && is_trick(c))
			sk_buf_printf(b, "\\x%02x", c);
		else if (is_trick(c))
			sk_buf_printf(b, "\\u%04x", c);
		else
			sk_buf_add(b, p + at, i - at);
	}
}
