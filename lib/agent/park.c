/* SPDX-License-Identifier: MIT */
/*
 * What agents have said so far, on disk while they go on: a hundred of them
 * that have each written a book must not need the memory of a hundred books. It
 * is read back when one is judged.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"

#define PARK_FROM ((size_t)256 << 10)

static void
park(struct sk_reader *r, struct sk_buf *b, struct sk_parked *out)
{
	size_t max = b->max - b->len;

	if (b->len < PARK_FROM || b->full)
		return;
	if (out->fd < 0 && (out->fd = sk_tmpfile(r->dir)) < 0)
		return; /* then it stays where it is */
	if (sk_write_all(out->fd, b->p, b->len) != 0) {
		/* The rest is of no use without this. */
		r->park_error = errno;
		return;
	}
	out->n += b->len;
	sk_buf_free(b);
	sk_buf_init(b, max > 0 ? max : 1);
}

void
sk_reader_park(struct sk_reader *r)
{
	if (r->dir == NULL || r->park_error != 0)
		return;
	park(r, &r->content, &r->content_out);
	park(r, &r->fallback, &r->fallback_out);
}

void
sk_parked_drop(struct sk_parked *out, struct sk_buf *b)
{
	b->max += out->n;
	out->n = 0;
	if (out->fd >= 0)
		close(out->fd);
	out->fd = -1;
}

bool
sk_reader_unpark(struct sk_buf *b, struct sk_parked *out)
{
	struct sk_buf all;
	ssize_t n;

	if (out->n == 0)
		return true;
	sk_buf_init(&all, b->max + out->n);
	while (all.len < out->n && sk_buf_room(&all, out->n - all.len) &&
	       (n = pread(out->fd, all.p + all.len, out->n - all.len,
		    (off_t)all.len)) > 0)
		all.len += (size_t)n;
	if (all.len < out->n) {
		sk_buf_free(&all);
		return false;
	}
	sk_buf_add(&all, b->p, b->len);
	all.full |= b->full;
	sk_buf_free(b);
	*b = all;
	close(out->fd);
	*out = (struct sk_parked){ .fd = -1 };
	return true;
}
