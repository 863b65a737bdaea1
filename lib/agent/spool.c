/* SPDX-License-Identifier: MIT */
/*
 * Output of a form that is read only when it is complete. A hundred agents that
 * print sixteen megabytes each must not need the memory of all of them, so what
 * is long waits in a file and is read when its agent is judged.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"

void
sk_spool_init(struct sk_spool *s, const char *dir, size_t max)
{
	memset(s, 0, sizeof(*s));
	sk_buf_init(&s->head, 0);
	s->fd = -1;
	s->dir = dir;
	s->max = max;
}

static void
to_file(struct sk_spool *s, const char *p, size_t n)
{
	if (s->fd < 0 && s->dir != NULL)
		s->fd = sk_tmpfile(s->dir);
	if (s->fd < 0)
		s->fd = sk_memfd("", 0, &(struct sk_err){ 0 });
	if (s->fd < 0 || sk_write_all(s->fd, p, n) != 0)
		s->error = errno;
}

void
sk_spool_add(struct sk_spool *s, const char *p, size_t n)
{
	/* One byte above the limit shows that it was passed. */
	uint64_t room = (uint64_t)s->max + 1 - s->kept;

	s->total += n;
	if (n > room)
		n = (size_t)room;
	if (n == 0 || s->error != 0)
		return;
	s->kept += n;
	if (s->fd < 0 && s->head.len + n <= SK_HEAD_KEPT)
		sk_buf_add(&s->head, p, n);
	else
		to_file(s, p, n);
}

void
sk_spool_feed(struct sk_spool *s, struct sk_tap *t)
{
	/* Of too much only the head is looked at, by people. */
	bool flood = s->total > s->max;
	uint64_t left = flood && s->max > SK_HEAD_KEPT ? SK_HEAD_KEPT : s->kept;
	char chunk[16384];
	off_t at = 0;
	ssize_t n;

	n = (ssize_t)(s->head.len < left ? s->head.len : left);
	if (n > 0)
		sk_tap_feed(t, s->head.p, (size_t)n);
	left -= (uint64_t)n;
	while (s->fd >= 0 && left > 0 &&
	       (n = pread(s->fd, chunk,
		    left < sizeof(chunk) ? (size_t)left : sizeof(chunk), at)) >
		   0) {
		sk_tap_feed(t, chunk, (size_t)n);
		at += n;
		left -= (uint64_t)n;
	}
	t->flooded |= flood;
	t->total = s->total;
	sk_spool_free(s);
}

void
sk_spool_load(const struct sk_spool *s, struct sk_buf *out)
{
	size_t want = (size_t)s->kept;
	ssize_t n;

	sk_buf_add(out, s->head.p, s->head.len);
	while (s->fd >= 0 && out->len < want &&
	       sk_buf_room(out, want - out->len) &&
	       (n = pread(s->fd, out->p + out->len, want - out->len,
		    (off_t)(out->len - s->head.len))) > 0)
		out->len += (size_t)n;
}

void
sk_spool_reset(struct sk_spool *s)
{
	sk_buf_clear(&s->head);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	s->total = s->kept = 0;
}

void
sk_spool_free(struct sk_spool *s)
{
	sk_buf_free(&s->head);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}
