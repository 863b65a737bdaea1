/* SPDX-License-Identifier: MIT */
/* Growable bytes with a ceiling and a sticky `full`. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

static char empty[1];

void
sk_buf_init(struct sk_buf *b, size_t max)
{
	b->p = empty;
	b->len = b->cap = 0;
	b->max = max != 0 ? max : SK_BUF_MAX;
	b->full = false;
}

void
sk_buf_free(struct sk_buf *b)
{
	size_t max = b->max;

	if (b->cap != 0)
		free(b->p);
	sk_buf_init(b, max);
}

void
sk_buf_clear(struct sk_buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->cap != 0)
		b->p[0] = '\0';
}

bool
sk_buf_room(struct sk_buf *b, size_t n)
{
	size_t cap;

	if (b->full)
		return false;
	if (n > b->max || b->len > b->max - n) {
		b->full = true;
		return false;
	}
	if (b->len + n < b->cap)
		return true;
	cap = b->cap != 0 ? b->cap : 64;
	while (cap <= b->len + n)
		cap *= 2;
	b->p = sk_realloc(b->cap != 0 ? b->p : NULL, cap);
	b->p[b->len] = '\0';
	b->cap = cap;
	return true;
}

void
sk_buf_add(struct sk_buf *b, const void *p, size_t n)
{
	if (n == 0)
		return;
	if (!sk_buf_room(b, n)) {
		/* What still fits is kept: a truncated text is of more use
		 * than none. */
		if (b->len >= b->max)
			return;
		n = b->max - b->len;
		b->full = false;
		(void)sk_buf_room(b, n);
		b->full = true;
	}
	memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void
sk_buf_str(struct sk_buf *b, const char *s)
{
	sk_buf_add(b, s, strlen(s));
}

void
sk_buf_ch(struct sk_buf *b, char c)
{
	sk_buf_add(b, &c, 1);
}

void
sk_buf_vprintf(struct sk_buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	if (!sk_buf_room(b, 127))
		b->full = false;
	va_copy(again, ap);
	n = vsnprintf(b->cap != 0 ? b->p + b->len : NULL,
	    b->cap != 0 ? b->cap - b->len : 0, fmt, ap);
	if (n < 0)
		sk_bug("bad format '%s'", fmt);
	if (b->cap != 0 && (size_t)n < b->cap - b->len &&
	    (size_t)n <= b->max - b->len) {
		b->len += (size_t)n;
	} else {
		char *s = sk_malloc((size_t)n + 1);

		(void)vsnprintf(s, (size_t)n + 1, fmt, again);
		if (b->cap != 0)
			b->p[b->len] = '\0';
		sk_buf_add(b, s, (size_t)n);
		free(s);
	}
	va_end(again);
}

void
sk_buf_printf(struct sk_buf *b, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	sk_buf_vprintf(b, fmt, ap);
	va_end(ap);
}

char *
sk_buf_detach(struct sk_buf *b)
{
	char *p = b->cap != 0 ? b->p : sk_strdup("");

	sk_buf_init(b, b->max);
	return p;
}
