/* SPDX-License-Identifier: MIT */
/* curl_multi on the event loop: its sockets are sources, its timer a timer. */
#include <stdlib.h>

#include "net/internal.h"

/* Tell the calls that ended. One may start others from its callback. */
static void
harvest(struct sk_net *n)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(n->multi, &left)) != NULL) {
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;
		char *p = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
		sk_net_call_done((struct sk_net_call *)(void *)p, code);
	}
}

static void
destroy(struct sk_net *n)
{
	(void)curl_multi_cleanup(n->multi);
	if (n->timer_id != 0)
		sk_loop_cancel(n->loop, n->timer_id);
	free(n);
}

static void
act(struct sk_net *n, curl_socket_t fd, int what)
{
	int running;

	n->busy++;
	(void)curl_multi_socket_action(n->multi, fd, what, &running);
	sk_net_tell_heard(n);
	harvest(n);
	if (--n->busy == 0 && n->dead)
		destroy(n);
}

static void
on_socket_event(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	int what = 0;

	(void)l;
	if (events & (SK_EV_READ | SK_EV_HUP))
		what |= CURL_CSELECT_IN;
	if (events & (SK_EV_WRITE | SK_EV_HUP))
		what |= CURL_CSELECT_OUT;
	act(arg, fd, what);
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct sk_net *n = arg;
	struct sk_err err = { 0 };
	unsigned events;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		sk_loop_del(n->loop, fd);
		return 0;
	}
	events = (what & CURL_POLL_IN ? SK_EV_READ : 0u) |
	         (what & CURL_POLL_OUT ? SK_EV_WRITE : 0u);
	if (known != NULL) {
		sk_loop_mod(n->loop, fd, events);
		return 0;
	}
	if (sk_loop_add(n->loop, fd, events, on_socket_event, n, &err) != 0) {
		sk_err_clear(&err);
		return -1;
	}
	(void)curl_multi_assign(n->multi, fd, n);
	return 0;
}

static void
on_timer(struct sk_loop *l, void *arg)
{
	struct sk_net *n = arg;

	(void)l;
	n->timer_id = 0;
	act(n, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct sk_net *n = arg;

	(void)multi;
	if (n->timer_id != 0)
		sk_loop_cancel(n->loop, n->timer_id);
	n->timer_id = 0;
	if (ms >= 0)
		n->timer_id =
		    sk_loop_timer(n->loop, sk_mono_ms() + ms, on_timer, n);
	return 0;
}

struct sk_net *
sk_net_new(struct sk_loop *l, struct sk_err *err)
{
	struct sk_net *n;

	if (sk_curl_load(err) != 0)
		return NULL;
	n = sk_calloc(1, sizeof(*n));
	n->loop = l;
	n->multi = curl_multi_init();
	if (n->multi == NULL)
		sk_oom();
	(void)curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
	(void)curl_multi_setopt(
	    n->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
	(void)curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
	return n;
}

void
sk_net_free(struct sk_net *n)
{
	if (n == NULL)
		return;
	if (n->calls != 0)
		sk_bug("%zu exchanges are under way", n->calls);
	if (n->busy == 0)
		destroy(n);
	else
		n->dead = true; /* the last call ended in its own callback */
}
