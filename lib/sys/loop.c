/* SPDX-License-Identifier: MIT */
/*
 * The event loop: one epoll, a heap of timers, a signalfd, a table of children.
 *
 * The order within a batch matters. A wake-up may deliver SIGCHLD and the last
 * bytes of a pipe together; whoever handles the signal first loses the bytes.
 * So the signalfd is always looked at last.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

/* What a descriptor is watched for. Slots are indexed by descriptor; gen tells
 * a closed and reused number from the one an event was meant for. */
struct src {
	sk_fd_fn fn;
	void *arg;
	uint32_t gen;
	bool used;
};

struct timer {
	int64_t at, id;
	sk_timer_fn fn;
	void *arg;
};

struct child {
	pid_t pid; /* 0 = free */
	sk_child_fn fn;
	void *arg;
};

#define BATCH 64

struct sk_loop {
	int ep, sfd;
	struct src *src;
	size_t nsrc, live_src;
	uint32_t gen;
	struct timer *heap;
	size_t nheap, cap_heap;
	int64_t next_id;
	struct child *kid; /* open addressing, power of two */
	size_t cap_kid, nkid;
	sigset_t mask, old_mask;
	sk_signal_fn sig_fn;
	void *sig_arg;
	sk_timer_fn idle_fn;
	void *idle_arg;
	bool stop;
};

struct sk_loop *
sk_loop_new(struct sk_err *err)
{
	struct sk_loop *l = sk_calloc(1, sizeof(*l));
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = UINT64_MAX };

	l->ep = l->sfd = -1;
	sigemptyset(&l->mask);
	sigaddset(&l->mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &l->mask, &l->old_mask);
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep >= 0)
		l->sfd = signalfd(-1, &l->mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->ep < 0 || l->sfd < 0 ||
	    epoll_ctl(l->ep, EPOLL_CTL_ADD, l->sfd, &ev) < 0) {
		sk_fail_errno(err, "cannot make an event loop");
		sk_loop_free(l);
		return NULL;
	}
	return l;
}

void
sk_loop_free(struct sk_loop *l)
{
	if (l == NULL)
		return;
	if (l->ep >= 0)
		close(l->ep);
	if (l->sfd >= 0)
		close(l->sfd);
	sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
	free(l->src);
	free(l->heap);
	free(l->kid);
	free(l);
}

/* ---- descriptors ---- */

static uint32_t
to_epoll(unsigned events)
{
	return ((events & SK_EV_READ) ? (uint32_t)EPOLLIN : 0u) |
	       ((events & SK_EV_WRITE) ? (uint32_t)EPOLLOUT : 0u);
}

int
sk_loop_add(struct sk_loop *l, int fd, unsigned events, sk_fd_fn fn, void *arg,
    struct sk_err *err)
{
	struct epoll_event ev = { 0 };
	struct src *s;

	if ((size_t)fd >= l->nsrc) {
		size_t n = (size_t)fd + 16;

		l->src = sk_reallocarray(l->src, n, sizeof(*l->src));
		memset(l->src + l->nsrc, 0, (n - l->nsrc) * sizeof(*l->src));
		l->nsrc = n;
	}
	s = &l->src[fd];
	if (s->used)
		sk_bug("descriptor %d is in the loop already", fd);
	s->gen = ++l->gen;
	ev.events = to_epoll(events);
	ev.data.u64 = (uint64_t)s->gen << 32 | (uint32_t)fd;
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev) < 0)
		return sk_fail_errno(err, "cannot watch a descriptor");
	s->fn = fn;
	s->arg = arg;
	s->used = true;
	l->live_src++;
	return 0;
}

void
sk_loop_mod(struct sk_loop *l, int fd, unsigned events)
{
	struct epoll_event ev = { 0 };

	if (fd < 0 || (size_t)fd >= l->nsrc || !l->src[fd].used)
		sk_bug("descriptor %d is not in the loop", fd);
	ev.events = to_epoll(events);
	ev.data.u64 = (uint64_t)l->src[fd].gen << 32 | (uint32_t)fd;
	(void)epoll_ctl(l->ep, EPOLL_CTL_MOD, fd, &ev);
}

void
sk_loop_del(struct sk_loop *l, int fd)
{
	if (fd < 0 || (size_t)fd >= l->nsrc || !l->src[fd].used)
		return;
	(void)epoll_ctl(l->ep, EPOLL_CTL_DEL, fd, NULL);
	l->src[fd].used = false;
	l->live_src--;
}

/* ---- timers: a binary heap by time, then by id ---- */

static bool
earlier(const struct timer *a, const struct timer *b)
{
	return a->at != b->at ? a->at < b->at : a->id < b->id;
}

static void
sift(struct sk_loop *l, size_t i)
{
	struct timer t = l->heap[i];
	size_t c;

	while (i > 0 && earlier(&t, &l->heap[(i - 1) / 2])) {
		l->heap[i] = l->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	for (; (c = 2 * i + 1) < l->nheap; i = c) {
		if (c + 1 < l->nheap && earlier(&l->heap[c + 1], &l->heap[c]))
			c++;
		if (!earlier(&l->heap[c], &t))
			break;
		l->heap[i] = l->heap[c];
	}
	l->heap[i] = t;
}

int64_t
sk_loop_timer(struct sk_loop *l, int64_t at, sk_timer_fn fn, void *arg)
{
	struct timer t = { at, ++l->next_id, fn, arg };

	SK_GROW(NULL, l->heap, l->nheap, l->cap_heap);
	l->heap[l->nheap] = t;
	sift(l, l->nheap++);
	return t.id;
}

static void
timer_remove(struct sk_loop *l, size_t i)
{
	if (i != --l->nheap) {
		l->heap[i] = l->heap[l->nheap];
		sift(l, i);
	}
}

void
sk_loop_cancel(struct sk_loop *l, int64_t id)
{
	for (size_t i = 0; i < l->nheap; i++)
		if (l->heap[i].id == id) {
			timer_remove(l, i);
			return;
		}
}

static void
run_timers(struct sk_loop *l)
{
	int64_t now;

	if (l->nheap == 0)
		return;
	now = sk_mono_ms();
	while (l->nheap > 0 && l->heap[0].at <= now && !l->stop) {
		struct timer t = l->heap[0];

		timer_remove(l, 0);
		t.fn(l, t.arg);
	}
}

/* ---- children ---- */

static size_t
kid_slot(const struct sk_loop *l, pid_t pid)
{
	size_t i = (size_t)pid * 2654435761u & (l->cap_kid - 1);

	while (l->kid[i].pid != 0 && l->kid[i].pid != pid)
		i = (i + 1) & (l->cap_kid - 1);
	return i;
}

void
sk_loop_child(struct sk_loop *l, pid_t pid, sk_child_fn fn, void *arg)
{
	struct child *old = l->kid;
	size_t n = l->cap_kid;

	if (2 * (l->nkid + 1) > n) {
		l->cap_kid = n != 0 ? n * 2 : 16;
		l->kid = sk_calloc(l->cap_kid, sizeof(*l->kid));
		for (size_t i = 0; i < n; i++)
			if (old[i].pid != 0)
				l->kid[kid_slot(l, old[i].pid)] = old[i];
		free(old);
	}
	l->kid[kid_slot(l, pid)] = (struct child){ pid, fn, arg };
	l->nkid++;
}

bool
sk_loop_has_child(const struct sk_loop *l, pid_t pid)
{
	return l->cap_kid != 0 && l->kid[kid_slot(l, pid)].pid == pid;
}

bool
sk_loop_alone(const struct sk_loop *l, pid_t pid)
{
	return l->nkid == (sk_loop_has_child(l, pid) ? 1u : 0u);
}

/* Take a slot out and move what was displaced by it back. */
static struct child
kid_take(struct sk_loop *l, size_t i)
{
	struct child c = l->kid[i];

	l->kid[i].pid = 0;
	l->nkid--;
	for (size_t j = (i + 1) & (l->cap_kid - 1); l->kid[j].pid != 0;
	     j = (j + 1) & (l->cap_kid - 1)) {
		struct child m = l->kid[j];

		l->kid[j].pid = 0;
		l->kid[kid_slot(l, m.pid)] = m;
	}
	return c;
}

static void
reap(struct sk_loop *l)
{
	int st;
	pid_t pid;

	while ((pid = waitpid(-1, &st, WNOHANG)) > 0) {
		struct child c;

		if (!sk_loop_has_child(l, pid))
			continue; /* an orphan that came to us as subreaper */
		c = kid_take(l, kid_slot(l, pid));
		c.fn(l, pid, st, c.arg);
	}
}

/* ---- signals ---- */

int
sk_loop_signals(struct sk_loop *l, const int *signos, size_t n, sk_signal_fn fn,
    void *arg, struct sk_err *err)
{
	for (size_t i = 0; i < n; i++)
		sigaddset(&l->mask, signos[i]);
	sigprocmask(SIG_BLOCK, &l->mask, NULL);
	if (signalfd(l->sfd, &l->mask, 0) < 0)
		return sk_fail_errno(err, "cannot watch signals");
	l->sig_fn = fn;
	l->sig_arg = arg;
	return 0;
}

static void
read_signals(struct sk_loop *l)
{
	struct signalfd_siginfo si[8];
	ssize_t r;

	while ((r = read(l->sfd, si, sizeof(si))) > 0) {
		for (size_t i = 0; i < (size_t)r / sizeof(si[0]); i++) {
			int signo = (int)si[i].ssi_signo;

			if (signo != SIGCHLD && l->sig_fn != NULL &&
			    sigismember(&l->mask, signo) == 1)
				l->sig_fn(l, signo, l->sig_arg);
		}
		if ((size_t)r < sizeof(si))
			break;
	}
	/* Whatever it was: a child that nobody asks about is waited for. */
	reap(l);
}

/* ---- running ---- */

void
sk_loop_stop(struct sk_loop *l)
{
	l->stop = true;
}

void
sk_loop_idle(struct sk_loop *l, sk_timer_fn fn, void *arg)
{
	l->idle_fn = fn;
	l->idle_arg = arg;
}

static int
wait_ms(const struct sk_loop *l)
{
	int64_t d;

	if (l->nheap == 0)
		return -1;
	d = l->heap[0].at - sk_mono_ms();
	if (d <= 0)
		return 0;
	return d > 3600000 ? 3600000 : (int)d;
}

static void
dispatch(struct sk_loop *l, const struct epoll_event *ev)
{
	uint32_t gen = (uint32_t)(ev->data.u64 >> 32);
	size_t fd = (uint32_t)ev->data.u64;
	unsigned what = 0;

	if (fd >= l->nsrc || !l->src[fd].used || l->src[fd].gen != gen)
		return; /* removed by an earlier callback of this batch */
	if (ev->events & EPOLLIN)
		what |= SK_EV_READ;
	if (ev->events & EPOLLOUT)
		what |= SK_EV_WRITE;
	if (ev->events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP))
		what |= SK_EV_HUP;
	l->src[fd].fn(l, (int)fd, what, l->src[fd].arg);
}

int
sk_loop_run(struct sk_loop *l, struct sk_err *err)
{
	struct epoll_event ev[BATCH];

	l->stop = false;
	/* A child that ended before its signal was taken is not told again. */
	reap(l);
	for (;;) {
		bool signals = false;
		int n;

		if (l->idle_fn != NULL)
			l->idle_fn(l, l->idle_arg);
		if (l->stop ||
		    (l->live_src == 0 && l->nheap == 0 && l->nkid == 0))
			return 0;
		n = epoll_wait(l->ep, ev, BATCH, wait_ms(l));
		if (n < 0 && errno != EINTR)
			return sk_fail_errno(err, "cannot wait for events");
		for (int i = 0; i < n && !l->stop; i++) {
			if (ev[i].data.u64 == UINT64_MAX)
				signals = true;
			else
				dispatch(l, &ev[i]);
		}
		if (signals && !l->stop)
			read_signals(l);
		if (!l->stop)
			run_timers(l);
	}
}
