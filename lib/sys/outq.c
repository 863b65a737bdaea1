/* SPDX-License-Identifier: MIT */
/*
 * A way out that never blocks: bytes for a descriptor whose reader may be slow,
 * stopped or gone, written from the loop.
 *
 * The descriptor is shared with other processes, so it must not be made
 * non-blocking itself. A pipe or terminal is opened anew through /proc, which
 * gives a description of our own; where that is refused, no more is written at
 * once than a pipe that reports room is bound to take.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/sys.h"

#define KEEP ((size_t)256 << 10) /* memory kept while nothing waits */

enum mode {
	DIRECT, /* a file: it never waits for anybody */
	OWN, /* a non-blocking description of ours */
	SOCKET,
	CAREFUL /* small pieces, and only after poll() */
};

struct sk_outq {
	struct sk_loop *loop;
	int fd; /* what is written to */
	enum mode mode;
	bool watched, wanting;
	struct sk_buf buf;
	size_t pos; /* written of buf */
	size_t high;
	int error; /* errno of the first failure */
	sk_outq_fn fn;
	void *arg;
};

static int
open_own(int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static void
choose(struct sk_outq *q, int fd)
{
	struct stat st;
	int own;

	q->fd = fd;
	q->mode = DIRECT;
	if (fstat(fd, &st) < 0)
		return;
	if (S_ISSOCK(st.st_mode)) {
		q->mode = SOCKET;
	} else if (S_ISFIFO(st.st_mode) ||
		   (S_ISCHR(st.st_mode) && isatty(fd) == 1)) {
		own = open_own(fd);
		q->mode = own >= 0 ? OWN : CAREFUL;
		if (own >= 0)
			q->fd = own;
	}
}

/* ---- writing ---- */

static ssize_t
put(struct sk_outq *q, const char *p, size_t n)
{
	struct pollfd pf = { .fd = q->fd, .events = POLLOUT };
	struct stat st;

	switch (q->mode) {
	case DIRECT:
	case OWN:
		return write(q->fd, p, n);
	case SOCKET:
		return send(q->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
	case CAREFUL:
		break;
	}
	if (poll(&pf, 1, 0) <= 0 || (pf.revents & (POLLOUT | POLLERR)) == 0) {
		errno = EAGAIN;
		return -1;
	}
	/* A pipe with room takes a page; a terminal takes less. */
	if (fstat(q->fd, &st) == 0 && S_ISCHR(st.st_mode))
		return write(q->fd, p, n < 256 ? n : 256);
	return write(q->fd, p, n < 4096 ? n : 4096);
}

static void
drain(struct sk_outq *q)
{
	while (q->error == 0 && q->pos < q->buf.len) {
		ssize_t n = put(q, q->buf.p + q->pos, q->buf.len - q->pos);

		if (n >= 0)
			q->pos += (size_t)n;
		else if (errno == EAGAIN && q->mode != DIRECT)
			return;
		else if (errno == EAGAIN)
			/* A caller's own non-blocking file or device. */
			(void)poll(
			    &(struct pollfd){ .fd = q->fd, .events = POLLOUT },
			    1, 100);
		else if (errno != EINTR)
			q->error = errno;
	}
	q->pos = 0;
	if (q->buf.cap > KEEP) {
		sk_buf_free(&q->buf);
		sk_buf_init(&q->buf, SIZE_MAX / 2);
	}
	sk_buf_clear(&q->buf);
}

/* Ask to be told of room only while something waits; of a vanished reader we
 * are told always. */
static void
want(struct sk_outq *q)
{
	bool wanting = q->error == 0 && q->pos < q->buf.len;

	if (!q->watched)
		return;
	if (q->error != 0) {
		sk_loop_del(q->loop, q->fd);
		q->watched = false;
	} else if (wanting != q->wanting) {
		sk_loop_mod(q->loop, q->fd, wanting ? SK_EV_WRITE : 0);
	}
	q->wanting = wanting;
}

static void
on_event(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_outq *q = arg;

	(void)l;
	(void)fd;
	if ((events & SK_EV_HUP) != 0 && q->error == 0)
		q->error = EPIPE;
	drain(q);
	want(q);
	q->fn(q, q->arg);
}

/* ---- face ---- */

struct sk_outq *
sk_outq_new(struct sk_loop *l, int fd, size_t high, sk_outq_fn fn, void *arg,
    struct sk_err *err)
{
	struct sk_outq *q = sk_calloc(1, sizeof(*q));
	struct sigaction sa = { .sa_handler = SIG_IGN };

	/* From here on a vanished reader is an error to deal with. (Children
	 * are started with every signal at its default.) */
	(void)sigaction(SIGPIPE, &sa, NULL);
	q->loop = l;
	q->high = high;
	q->fn = fn;
	q->arg = arg;
	sk_buf_init(&q->buf, SIZE_MAX / 2);
	choose(q, fd);
	if (q->mode != DIRECT) {
		if (sk_loop_add(l, q->fd, 0, on_event, q, err) != 0) {
			sk_outq_free(q);
			return NULL;
		}
		q->watched = true;
	}
	return q;
}

void
sk_outq_add(struct sk_outq *q, const void *p, size_t n)
{
	if (q->error != 0 || n == 0)
		return;
	if (q->pos > q->buf.len / 2) {
		memmove(q->buf.p, q->buf.p + q->pos, q->buf.len - q->pos);
		q->buf.len -= q->pos;
		q->pos = 0;
	}
	sk_buf_add(&q->buf, p, n);
	drain(q);
	want(q);
}

size_t
sk_outq_len(const struct sk_outq *q)
{
	return q->error != 0 ? 0 : q->buf.len - q->pos;
}

bool
sk_outq_full(const struct sk_outq *q)
{
	return sk_outq_len(q) >= q->high;
}

int
sk_outq_error(const struct sk_outq *q)
{
	return q->error;
}

void
sk_outq_free(struct sk_outq *q)
{
	if (q->watched)
		sk_loop_del(q->loop, q->fd);
	if (q->mode == OWN)
		close(q->fd);
	sk_buf_free(&q->buf);
	free(q);
}
