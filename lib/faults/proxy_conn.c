/* SPDX-License-Identifier: MIT */
/*
 * One connection of the proxy: a request, the fault that it is due, and the
 * answer of the server, passed through or broken. One exchange a connection.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults/proxy.h"

#define HIGH ((size_t)256 << 10) /* then the server is not read */

struct sk_proxy_conn {
	struct sk_proxy *p;
	struct sk_proxy_conn *next, **prev;
	int fd, out_fd; /* the same socket, read from and written to */
	struct sk_buf in;
	struct sk_proxy_req req;
	struct sk_outq *out;
	struct sk_net_call *call;
	const struct sk_fault_rule *fault; /* NULL = none */
	uint64_t n; /* of exchanges */
	int64_t start, timer;
	int status; /* told to the client */
	bool asked, headed, chunked, ended, reset, paused;
	uint64_t body; /* bytes of it that were passed on */
	struct sk_buf slow; /* waits for its time */
	bool upstream_done;
};

static bool
is(const struct sk_proxy_conn *c, const char *kind)
{
	return c->fault != NULL && strcmp(c->fault->name, kind) == 0;
}

/* ---- the end ---- */

static void
note(const struct sk_proxy_conn *c)
{
	size_t path = c->req.target != NULL ? strcspn(c->req.target, "?") : 0;
	char *where = sk_strndup(path > 0 ? c->req.target : "", path);
	int64_t ms = sk_mono_ms() - c->start;
	struct sk_buf b;
	struct sk_jw w;

	/* (What stands after '?' may be a key.) */
	if (c->p->json) {
		sk_out_json_begin(&w, &b, "sk.exchange/1");
		sk_jw_kint(&w, "n", (int64_t)c->n);
		sk_jw_kstr(&w, "method", c->req.method);
		sk_jw_kstr(&w, "path", where);
		if (c->status != 0)
			sk_jw_kint(&w, "status", c->status);
		else
			sk_jw_knull(&w, "status");
		sk_jw_kint(&w, "bytes", (int64_t)c->body);
		sk_jw_kstr(
		    &w, "fault", c->fault != NULL ? c->fault->name : NULL);
		sk_jw_kint(&w, "duration_ms", ms);
		sk_out_json_end(&w);
		(void)sk_out_flush(&(struct sk_err){ 0 });
	} else {
		sk_say("%llu: %s %s %d, %llu bytes, %lld ms%s%s",
		    (unsigned long long)c->n, c->req.method, where, c->status,
		    (unsigned long long)c->body, (long long)ms,
		    c->fault != NULL ? ", fault: " : "",
		    c->fault != NULL ? c->fault->name : "");
	}
	free(where);
}

static void
drop(struct sk_proxy_conn *c)
{
	struct linger rst = { .l_onoff = 1, .l_linger = 0 };

	if (c->asked)
		note(c);
	if (c->call != NULL)
		sk_net_cancel(c->call);
	if (c->timer != 0)
		sk_loop_cancel(c->p->loop, c->timer);
	sk_loop_del(c->p->loop, c->fd);
	if (c->out != NULL)
		sk_outq_free(c->out);
	if (c->reset)
		(void)setsockopt(
		    c->fd, SOL_SOCKET, SO_LINGER, &rst, sizeof(rst));
	close(c->fd);
	close(c->out_fd);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	explicit_bzero(c->in.p, c->in.cap);
	sk_buf_free(&c->in);
	sk_buf_free(&c->slow);
	sk_proxy_req_free(&c->req);
	free(c);
}

static void
on_drop(struct sk_loop *l, void *arg)
{
	struct sk_proxy_conn *c = arg;

	(void)l;
	c->timer = 0;
	drop(c);
}

/* Not from within the callbacks of the call or the queue, which use it still.
 */
static void
drop_soon(struct sk_proxy_conn *c)
{
	if (c->timer != 0)
		sk_loop_cancel(c->p->loop, c->timer);
	c->timer = sk_loop_timer(c->p->loop, sk_mono_ms(), on_drop, c);
}

static void
finish(struct sk_proxy_conn *c, bool clean)
{
	if (c->ended)
		return;
	c->ended = true;
	c->reset = !clean;
	if (clean && c->chunked)
		sk_outq_add(c->out, "0\r\n\r\n", 5);
	if (!clean || sk_outq_len(c->out) == 0)
		drop_soon(c);
}

/* The connection ends in the middle, once what there is has been taken. */
static void
cut(struct sk_proxy_conn *c)
{
	c->ended = true;
	if (sk_outq_len(c->out) == 0)
		drop_soon(c);
}

/* Is there more for the client than we keep? */
static bool
plenty(const struct sk_proxy_conn *c)
{
	return sk_outq_full(c->out) || c->slow.len > HIGH;
}

static void
resume(struct sk_proxy_conn *c)
{
	if (!c->paused || c->call == NULL || plenty(c))
		return;
	c->paused = false;
	sk_net_pause(c->call, false);
}

/* The client took something, or is gone. */
static void
on_out(struct sk_outq *q, void *arg)
{
	struct sk_proxy_conn *c = arg;

	if (sk_outq_error(q) != 0 || (c->ended && sk_outq_len(q) == 0)) {
		drop_soon(c);
		return;
	}
	resume(c);
}

/* ---- what we say ourselves ---- */

static void
say(struct sk_proxy_conn *c, int status, const char *headers, const char *type,
    const char *message)
{
	struct sk_buf b, body;
	struct sk_jw w;

	sk_buf_init(&body, 0);
	if (type != NULL) {
		sk_jw_init(&w, &body);
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "type", "error");
		sk_jw_kobj(&w, "error");
		sk_jw_kstr(&w, "type", type);
		sk_jw_kstr(&w, "code", type);
		sk_jw_kstr(&w, "message", message);
		sk_jw_end(&w);
		sk_jw_done(&w);
	}
	sk_buf_init(&b, 0);
	sk_buf_printf(&b,
	    "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: %zu\r\n%sConnection: close\r\n\r\n",
	    status, sk_proxy_reason(status), body.len, headers);
	sk_outq_add(c->out, b.p, b.len);
	if (strcmp(c->req.method, "HEAD") != 0)
		sk_outq_add(c->out, body.p, body.len);
	c->status = status;
	c->headed = true;
	c->body = body.len;
	sk_buf_free(&b);
	sk_buf_free(&body);
	finish(c, true);
}

/* Seconds give Retry-After in seconds, now+Ns the header in milliseconds, and a
 * time the date: the three forms that servers use. */
static void
say_limited(struct sk_proxy_conn *c)
{
	const char *word = c->fault->word;
	char line[96] = "", date[40];
	int64_t after = 0;

	if (word[0] != '\0' && sk_fault_reset(word, sk_now_ms(), &after)) {
		if (strncmp(word, "now+", 4) == 0) {
			(void)snprintf(line, sizeof(line),
			    "retry-after-ms: %lld\r\n", (long long)after);
		} else if (strchr(word, ':') != NULL) {
			sk_proxy_date(sk_now_ms() + after, date);
			(void)snprintf(
			    line, sizeof(line), "Retry-After: %s\r\n", date);
		} else {
			(void)snprintf(line, sizeof(line),
			    "Retry-After: %lld\r\n", (long long)(after / 1000));
		}
	}
	say(c, 429, line, "rate_limit_error",
	    "Rate limit exceeded (fault injected)");
}

/* ---- what the server says ---- */

static void
pass(struct sk_proxy_conn *c, const char *p, size_t n)
{
	char size[24];

	if (n == 0 || c->ended)
		return;
	if (c->chunked) {
		(void)snprintf(size, sizeof(size), "%zx\r\n", n);
		sk_outq_add(c->out, size, strlen(size));
	}
	sk_outq_add(c->out, p, n);
	if (c->chunked)
		sk_outq_add(c->out, "\r\n", 2);
	c->body += n;
}

static void
on_slow(struct sk_loop *l, void *arg)
{
	struct sk_proxy_conn *c = arg;
	size_t n = (size_t)c->p->o->slow_bytes;

	c->timer = 0;
	if (n > c->slow.len)
		n = c->slow.len;
	pass(c, c->slow.p, n);
	memmove(c->slow.p, c->slow.p + n, c->slow.len - n);
	c->slow.len -= n;
	if (c->slow.len > 0)
		c->timer =
		    sk_loop_timer(l, sk_mono_ms() + c->fault->arg, on_slow, c);
	else if (c->upstream_done)
		finish(c, true);
	resume(c);
}

/* Body bytes under a fault. */
static void
hurt(struct sk_proxy_conn *c, const char *p, size_t n)
{
	uint64_t limit = c->fault->arg >= 0 ? (uint64_t)c->fault->arg : n / 2;
	char *copy;

	if (is(c, "agent_slow")) {
		sk_buf_add(&c->slow, p, n);
		if (c->timer == 0)
			c->timer = sk_loop_timer(c->p->loop,
			    sk_mono_ms() + c->fault->arg, on_slow, c);
	} else if (is(c, "agent_truncated")) {
		if (c->body + n < limit) {
			pass(c, p, n);
			return;
		}
		pass(c, p, (size_t)(limit > c->body ? limit - c->body : 0));
		finish(c, true);
	} else if (is(c, "disconnect")) {
		pass(c, p, n / 2);
		cut(c);
	} else if (is(c, "agent_timeout")) {
		if (c->body == 0)
			pass(c, p, n); /* then silence */
	} else {
		copy = sk_malloc(n);
		for (size_t i = 0; i < n; i++)
			copy[i] = i % 7 == 3 && p[i] > ' ' ? (char)(p[i] | 0x80)
			                                   : p[i];
		pass(c, copy, n);
		free(copy);
	}
}

static bool
on_part(void *arg, const char *p, size_t n)
{
	struct sk_proxy_conn *c = arg;

	if (c->ended)
		return false;
	if (c->fault != NULL)
		hurt(c, p, n);
	else
		pass(c, p, n);
	return !c->ended;
}

/* Between two pieces: a client that is slow slows the server down. */
static void
on_heard(void *arg, size_t n)
{
	struct sk_proxy_conn *c = arg;

	(void)n;
	if (c->call != NULL && !c->paused && plenty(c)) {
		c->paused = true;
		sk_net_pause(c->call, true);
	}
}

static bool
of_one_hop(const char *name)
{
	static const char *const words[] = { "connection", "keep-alive",
		"transfer-encoding", "trailer", "upgrade", "alt-svc", NULL };

	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(words[i], name) == 0)
			return true;
	return false;
}

static bool
on_head(void *arg, const struct sk_net_head *h)
{
	struct sk_proxy_conn *c = arg;
	bool none = strcmp(c->req.method, "HEAD") == 0 || h->status == 204;
	bool length = false;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_printf(
	    &b, "HTTP/1.1 %d %s\r\n", h->status, sk_proxy_reason(h->status));
	for (size_t i = 0; i + 1 < h->fields.n; i += 2) {
		bool is_length = strcmp(h->fields.v[i], "content-length") == 0;

		/* A body that is broken must not be told by its length. */
		if (of_one_hop(h->fields.v[i]) ||
		    (is_length && c->fault != NULL && !none))
			continue;
		length = length || is_length;
		sk_buf_printf(
		    &b, "%s: %s\r\n", h->fields.v[i], h->fields.v[i + 1]);
	}
	c->chunked = !none && !length;
	sk_buf_printf(&b, "%sConnection: close\r\n\r\n",
	    c->chunked ? "Transfer-Encoding: chunked\r\n" : "");
	sk_outq_add(c->out, b.p, b.len);
	sk_buf_free(&b);
	c->status = h->status;
	c->headed = true;
	return !none;
}

static void
on_done(void *arg, const struct sk_net_result *r)
{
	struct sk_proxy_conn *c = arg;

	c->call = NULL;
	c->upstream_done = true;
	if (c->ended || (is(c, "agent_timeout") && c->headed))
		return;
	if (!c->headed)
		say(c, 502, "", "bad_gateway", r->message);
	else if (r->class != SK_NET_OK && r->class != SK_NET_STOPPED)
		cut(c); /* as it was, so it is passed on */
	else if (c->slow.len == 0)
		finish(c, true);
}

/* ---- the request ---- */

static void
forward(struct sk_proxy_conn *c)
{
	char *url = sk_asprintf("%s%s", c->p->base, c->req.target);
	struct sk_net_req q = { .url = url,
		.headers = &c->req.headers,
		.method = c->req.method,
		.max_header = SK_PROXY_HEAD,
		.max_body = UINT64_MAX,
		.head = on_head,
		.body_part = on_part,
		.heard = on_heard,
		.done = on_done,
		.arg = c };
	struct sk_net_result r;

	if (c->req.body.len > 0 || strcmp(c->req.method, "POST") == 0) {
		q.body = c->req.body.p != NULL ? c->req.body.p : "";
		q.body_n = c->req.body.len;
	}
	c->call = sk_net_start(c->p->net, &q, &r);
	if (c->call == NULL)
		say(c, 502, "", "bad_gateway", r.message);
	explicit_bzero(url, strlen(url));
	free(url);
}

/* A complete request: the fault that it is due, else the server. */
static void
answer(struct sk_proxy_conn *c)
{
	const char *word;

	c->fault = sk_proxy_fault(c->p, &c->req);
	word = c->fault != NULL ? c->fault->word : "";
	if (is(c, "rate_limit"))
		say_limited(c);
	else if (is(c, "http"))
		say(c, (int)c->fault->arg, "",
		    c->fault->arg >= 500 ? "overloaded_error"
					 : "invalid_request",
		    "fault injected");
	else if (is(c, "agent_empty"))
		say(c, 200, "", NULL, NULL);
	else if (is(c, "disconnect") && strcmp(word, "mid") != 0)
		finish(c, false);
	else if (is(c, "agent_timeout") && strcmp(word, "idle") != 0)
		return; /* silence, until the client has enough */
	else
		forward(c);
}

static void
on_readable(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_proxy_conn *c = arg;
	ssize_t n;
	int rc;

	(void)events;
	if (!sk_buf_room(&c->in, 65536)) {
		drop(c);
		return;
	}
	n = recv(fd, c->in.p + c->in.len, 65536, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		sk_loop_mod(l, fd, 0);
		/* Gone before it asked; or while we keep it waiting. */
		if (n < 0 || !c->asked || (c->call == NULL && c->timer == 0))
			drop_soon(c);
		return;
	}
	if (c->asked)
		return; /* one exchange a connection */
	c->in.len += (size_t)n;
	c->in.p[c->in.len] = '\0';
	rc = sk_proxy_read(&c->req, &c->in);
	if (rc == 0 && c->req.expect && c->req.head == c->in.len) {
		c->req.expect = false;
		sk_outq_add(c->out, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	}
	if (rc == 0)
		return;
	c->asked = true;
	c->n = ++c->p->served;
	if (rc == 1)
		answer(c);
	else
		say(c, rc, "", "invalid_request", "not a request for a server");
}

void
sk_proxy_conn_new(struct sk_proxy *p, int fd)
{
	struct sk_proxy_conn *c = sk_calloc(1, sizeof(*c));
	struct sk_err err = { 0 };

	c->p = p;
	c->fd = fd;
	c->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	c->start = sk_mono_ms();
	sk_buf_init(&c->in, SK_PROXY_HEAD + 2 * SK_PROXY_BODY);
	sk_buf_init(&c->slow, 0);
	c->next = p->conns;
	c->prev = &p->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	p->conns = c;
	if (c->out_fd >= 0)
		c->out = sk_outq_new(p->loop, c->out_fd, HIGH, on_out, c, &err);
	if (c->out == NULL ||
	    sk_loop_add(p->loop, fd, SK_EV_READ, on_readable, c, &err) != 0)
		drop(c);
	sk_err_clear(&err);
}

void
sk_proxy_conns_free(struct sk_proxy *p)
{
	while (p->conns != NULL) {
		p->conns->asked = false; /* nothing more to be said */
		drop(p->conns);
	}
}
