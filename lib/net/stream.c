/* SPDX-License-Identifier: MIT */
/* Readers of event streams: SSE and lines, in pieces of any size. */
#include <string.h>

#include "net/net.h"

#define LINE_EXTRA 8 /* "data: " or a mark before what is counted */

void
sk_stream_init(struct sk_stream *s, enum sk_stream_kind kind, size_t max,
    sk_stream_fn fn, void *arg)
{
	memset(s, 0, sizeof(*s));
	s->kind = kind;
	s->max = max;
	s->fn = fn;
	s->arg = arg;
	sk_buf_init(&s->line, max + LINE_EXTRA + 1);
	sk_buf_init(&s->data, max + 1);
}

void
sk_stream_free(struct sk_stream *s)
{
	sk_buf_free(&s->line);
	sk_buf_free(&s->data);
}

static bool
over(struct sk_stream *s)
{
	s->too_long = true;
	sk_buf_free(&s->line); /* up to the limit, and no use any more */
	sk_buf_free(&s->data);
	sk_buf_init(&s->line, 1);
	sk_buf_init(&s->data, 1);
	return false;
}

/* An event goes out; p may be the whole of it in the caller's bytes. */
static bool
dispatch(struct sk_stream *s, const char *p, size_t n)
{
	if (!s->fn(s->arg, s->name, p, n))
		s->stopped = true;
	s->name[0] = '\0';
	s->has_data = false;
	sk_buf_clear(&s->data);
	return !s->stopped;
}

static bool
field_is(const char *p, size_t n, const char *name, size_t len)
{
	return n >= len && memcmp(p, name, len) == 0 &&
	       (n == len || p[len] == ':');
}

/* What follows the colon, without the one space that may stand there. */
static void
value_of(const char **p, size_t *n, size_t name)
{
	size_t skip = name;

	if (skip < *n) /* the colon */
		skip++;
	if (skip < *n && (*p)[skip] == ' ')
		skip++;
	*p += skip;
	*n -= skip;
}

static bool
add_data(struct sk_stream *s, const char *p, size_t n)
{
	if (s->data.len + (s->has_data ? 1 : 0) + n > s->max)
		return over(s);
	if (s->has_data)
		sk_buf_ch(&s->data, '\n');
	sk_buf_add(&s->data, p, n);
	s->has_data = true;
	return true;
}

/* One line of SSE without its end. last: an empty line follows at once, so
 * that an event of a single data line needs no copy. */
static bool
sse_line(struct sk_stream *s, const char *p, size_t n, bool last)
{
	size_t k;

	if (n == 0) {
		if (s->has_data)
			return dispatch(s, s->data.p, s->data.len);
		s->name[0] = '\0';
		return true;
	}
	if (field_is(p, n, "data", 4)) {
		value_of(&p, &n, 4);
		if (last && !s->has_data && n <= s->max)
			return dispatch(s, p, n);
		return add_data(s, p, n);
	}
	if (field_is(p, n, "event", 5)) {
		value_of(&p, &n, 5);
		k = n < sizeof(s->name) ? n : sizeof(s->name) - 1;
		memcpy(s->name, p, k);
		s->name[k] = '\0';
	}
	return true; /* comments, id, retry, and what nobody knows */
}

static bool
take_line(struct sk_stream *s, const char *p, size_t n, bool last)
{
	if (!s->begun && n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	s->begun = true;
	if (s->kind == SK_STREAM_SSE)
		return sse_line(s, p, n, last);
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	if (n > s->max)
		return over(s);
	return n == 0 || dispatch(s, p, n);
}

/* Where the line ends: LF, CRLF or CR alone. *lf is the next LF (stop: there is
 * none), kept so that a piece full of CRs is not searched again and again. */
static const char *
line_end(const char *p, const char *stop, const char **lf)
{
	const char *cr;

	if (*lf < p) {
		*lf = memchr(p, '\n', (size_t)(stop - p));
		if (*lf == NULL)
			*lf = stop;
	}
	cr = memchr(p, '\r', (size_t)(*lf - p));
	if (cr != NULL)
		return cr;
	return *lf < stop ? *lf : NULL;
}

bool
sk_stream_feed(struct sk_stream *s, const char *p, size_t n)
{
	const char *stop = p + n, *lf = NULL;

	while (p < stop && !s->stopped && !s->too_long) {
		const char *end;
		size_t k;
		bool last;

		if (s->skip_lf) {
			s->skip_lf = false;
			if (*p == '\n') {
				p++;
				continue;
			}
		}
		end = line_end(p, stop, &lf);
		k = end != NULL ? (size_t)(end - p) : (size_t)(stop - p);
		if (s->line.len + k > s->max + LINE_EXTRA)
			return over(s);
		if (end == NULL || s->line.len > 0)
			sk_buf_add(&s->line, p, k);
		if (end == NULL)
			break;
		s->skip_lf = *end == '\r';
		last = end + 1 < stop && end[1] == '\n' && *end == '\n';
		if (s->line.len > 0) {
			if (take_line(s, s->line.p, s->line.len, last))
				sk_buf_clear(&s->line);
		} else {
			(void)take_line(s, p, k, last);
		}
		p = end + 1;
	}
	return !s->stopped && !s->too_long;
}

bool
sk_stream_end(struct sk_stream *s)
{
	if (s->stopped || s->too_long)
		return false;
	if (s->line.len > 0) {
		if (!take_line(s, s->line.p, s->line.len, false))
			return false;
		sk_buf_clear(&s->line);
	}
	return !s->has_data || dispatch(s, s->data.p, s->data.len);
}
