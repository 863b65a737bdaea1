/* SPDX-License-Identifier: MIT */
/*
 * JSON Lines from a descriptor. A line has a ceiling, so input without a
 * newline cannot eat the memory; each byte is looked at once.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

#define CHUNK ((size_t)65536)

void
sk_lines_init(struct sk_lines *l, int fd, size_t max)
{
	memset(l, 0, sizeof(*l));
	l->fd = fd;
	l->max = max;
	/* Room for one longest line and the chunk that shows it too long. */
	sk_buf_init(&l->buf, max + 2 * CHUNK);
}

void
sk_lines_free(struct sk_lines *l)
{
	sk_buf_free(&l->buf);
	memset(l, 0, sizeof(*l));
	l->fd = -1;
}

static bool
blank(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r')
			return false;
	return true;
}

/* The next line that is not blank, if a whole one is here: pos is at its start
 * then, and *n is its length without the newline. */
static bool
whole_line(struct sk_lines *l, size_t *n)
{
	struct sk_buf *b = &l->buf;

	for (;;) {
		char *nl = memchr(b->p + l->scan, '\n', b->len - l->scan);
		size_t end = nl != NULL ? (size_t)(nl - b->p) : b->len;

		if (nl == NULL) {
			l->scan = b->len;
			if (!l->eof || end == l->pos)
				return false;
		}
		*n = end - l->pos;
		if (!blank(b->p + l->pos, *n)) {
			l->scan = end;
			return true;
		}
		l->lineno += nl != NULL;
		l->pos = l->scan = end + (nl != NULL);
	}
}

/* One read(2) into the buffer. */
static int
fill(struct sk_lines *l, struct sk_err *err)
{
	struct sk_buf *b = &l->buf;
	struct pollfd pfd = { .fd = l->fd, .events = POLLIN };
	ssize_t r;

	if (!sk_buf_room(b, CHUNK))
		sk_bug("no room for a line of %zu bytes", l->max);
	for (;;) {
		r = read(l->fd, b->p + b->len, CHUNK);
		if (r >= 0)
			break;
		if (errno == EAGAIN) {
			(void)poll(&pfd, 1, -1);
		} else if (errno != EINTR) {
			if (l->fd == STDIN_FILENO)
				return sk_fail_errno(
				    err, "cannot read standard input");
			return sk_fail_errno(
			    err, "cannot read descriptor %d", l->fd);
		}
	}
	b->len += (size_t)r;
	b->p[b->len] = '\0';
	l->eof = r == 0;
	return 0;
}

/* Forget the lines that were handed out. */
static void
compact(struct sk_lines *l)
{
	struct sk_buf *b = &l->buf;

	if (l->pos == 0)
		return;
	memmove(b->p, b->p + l->pos, b->len - l->pos);
	b->len -= l->pos;
	b->p[b->len] = '\0';
	l->scan -= l->pos;
	l->pos = 0;
}

int
sk_lines_next(struct sk_lines *l, char **line, size_t *n, struct sk_err *err)
{
	size_t len = 0;
	bool found;
	int rc;

	while (!(found = whole_line(l, &len))) {
		if (l->eof)
			return 0;
		if (l->buf.len - l->pos > l->max)
			break;
		compact(l);
		if ((rc = fill(l, err)) != 0)
			return -rc;
	}
	if (!found || len > l->max)
		return -sk_fail(err, SK_DAMAGED, "line_too_long",
		    "line %llu of the input is longer than %zu bytes",
		    (unsigned long long)l->lineno + 1, l->max);
	l->lineno++;
	*line = l->buf.p + l->pos;
	*n = len;
	if (l->pos + len < l->buf.len)
		(*line)[len++] = '\0'; /* in place of the newline */
	l->pos += len;
	l->scan = l->pos;
	return 1;
}

/*
 * Reads what is there without waiting, because a pipe that holds half a line
 * would make next() wait. An earlier line's pointer is no longer valid then.
 */
bool
sk_lines_would_block(struct sk_lines *l)
{
	struct pollfd pfd = { .fd = l->fd, .events = POLLIN };
	struct sk_err err = { 0 };
	size_t n;

	for (;;) {
		if (whole_line(l, &n) || l->eof || l->buf.len - l->pos > l->max)
			return false;
		if (poll(&pfd, 1, 0) <= 0)
			return true;
		compact(l);
		if (fill(l, &err) != 0) {
			/* next() will meet the same error and report it. */
			sk_err_clear(&err);
			return false;
		}
	}
}
