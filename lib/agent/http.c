/* SPDX-License-Identifier: MIT */
/* An attempt that is an exchange over HTTP: from start to verdict. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/http.h"

struct http {
	struct sk_attempt at;
	struct sk_http_req req;
	struct sk_http_body body;
	struct sk_tap tap;
	struct sk_net_call *call;
	struct sk_http_login *login;
	bool token; /* of sk-login, and not the API's own kind of key */
	size_t told; /* of the content, as events */
	int64_t end_id;
	bool ready; /* tap and body are there */
};

/* One for all exchanges of the loop, made when the first begins: programs that
 * only run programs never initialise libcurl. */
static struct sk_net *net;
static size_t users;

/* ---- the verdict ---- */

static void
fail(struct http *h, enum sk_kind k, const char *code, const char *message)
{
	if (h->at.o->kind != SK_K_NONE)
		return;
	sk_outcome_fail(h->at.o, k, "%s", message);
	snprintf(h->at.o->code, sizeof(h->at.o->code), "%s", code);
}

static enum sk_kind
kind_of(enum sk_net_class c)
{
	switch (c) {
	case SK_NET_USAGE:
		return SK_K_USAGE;
	case SK_NET_REFUSED:
		return SK_K_DENIED;
	case SK_NET_FIRST_BYTE:
		return SK_K_TIMEOUT_FIRST_BYTE;
	case SK_NET_IDLE:
		return SK_K_TIMEOUT_IDLE;
	case SK_NET_TOTAL:
		return SK_K_TIMEOUT_TOTAL;
	case SK_NET_TOO_LARGE:
		return SK_K_TRUNCATED;
	case SK_NET_BROKEN:
		return SK_K_INVALID;
	default:
		return SK_K_TRANSPORT;
	}
}

/* What the network did to it, and what was no document. */
static void
judge_transfer(struct http *h, const struct sk_net_result *res)
{
	struct sk_http_body *b = &h->body;
	const struct sk_reader *r = &h->tap.r;
	bool ended = res->class == SK_NET_OK || res->class == SK_NET_STOPPED;

	if (b->bad)
		fail(h, SK_K_INVALID, "bad_json",
		    b->form == SK_HTTP_WHOLE && res->body_bytes == 0
			? "the answer is of a type that nobody asked for"
			: "the answer holds something that is no JSON");
	else if (h->tap.flooded || r->content.full)
		fail(h, SK_K_TRUNCATED, "answer_too_large",
		    "the answer is longer than was asked for (--max-output)");
	else if (!ended && !b->end && !(r->ok && !r->failed) && !r->failed)
		fail(h, kind_of(res->class), res->code, res->message);
}

/* What no list of words knows, by its status alone. */
static enum sk_kind
by_status(int status)
{
	if (status == 404)
		return SK_K_NOT_FOUND;
	if (status == 408 || status == 409 || status == 425)
		return SK_K_TRANSPORT;
	if (status >= 500)
		return SK_K_OVERLOADED;
	return status >= 400 ? SK_K_USAGE : SK_K_INVALID;
}

static void
judge(struct http *h, const struct sk_net_result *res)
{
	struct sk_outcome *o = h->at.o;
	struct sk_errtap none = { 0 };

	if (res->class == SK_NET_OK || res->class == SK_NET_STOPPED)
		sk_http_body_end(&h->body);
	judge_transfer(h, res);
	sk_outcome_judge(o, &h->tap, &none, 0, h->at.opts.schema);
	o->exit_code = -1; /* there is no process */
	sk_errtap_free(&none);
	if (o->kind == SK_K_CRASHED)
		o->kind = by_status(h->body.status);
	if (o->kind != SK_K_NONE && o->code[0] == '\0' && h->body.status > 299)
		snprintf(o->code, sizeof(o->code), "http_%d", h->body.status);
}

/* ---- deltas ---- */

/* What the answer has grown by, as it is: an event never splits a character. */
static void
tell(struct http *h)
{
	const struct sk_buf *c = &h->tap.r.content;

	if (h->at.opts.delta == NULL || c->len <= h->told || c->full)
		return;
	h->at.opts.delta(
	    &h->at, c->p + h->told, c->len - h->told, h->at.opts.arg);
	h->told = c->len;
}

/* ---- callbacks of the exchange ---- */

static bool
on_head(void *arg, const struct sk_net_head *head)
{
	struct http *h = arg;

	return sk_http_body_head(&h->body, head, h->req.stream);
}

static bool
on_part(void *arg, const char *p, size_t n)
{
	struct http *h = arg;

	return sk_http_body_part(&h->body, p, n);
}

static void
on_heard(void *arg, size_t n)
{
	struct http *h = arg;

	sk_attempt_heard(&h->at, n, true);
	tell(h);
}

static void
on_done(void *arg, const struct sk_net_result *res)
{
	struct http *h = arg;

	h->call = NULL;
	tell(h);
	judge(h, res);
	sk_attempt_end(&h->at);
}

/* ---- the start ---- */

static enum sk_kind
start_kind(const struct sk_err *err)
{
	if (err->exit == SK_LOGIN)
		return SK_K_AUTH;
	return err->exit == SK_USAGE ? SK_K_USAGE : SK_K_INTERNAL;
}

static bool
failed(struct http *h, struct sk_err *err)
{
	char text[700];

	if (err->hint[0] != '\0')
		snprintf(text, sizeof(text), "%.300s; %.90s", err->message,
		    err->hint);
	else
		snprintf(text, sizeof(text), "%s", err->message);
	fail(h, start_kind(err), err->code, text);
	sk_err_clear(err);
	return false;
}

static bool
send_it(struct http *h)
{
	const struct sk_attempt_opts *opts = &h->at.opts;
	uint64_t flood = (uint64_t)opts->max_output * 64 + ((uint64_t)64 << 20);
	struct sk_net_result res;
	struct sk_net_req q = { .url = h->req.url,
		.origin = h->req.origin,
		.secret = h->req.secret,
		.headers = &h->req.headers,
		.public_only = h->req.shipped,
		.max_body = flood,
		.head = on_head,
		.body_part = on_part,
		.heard = on_heard,
		.done = on_done,
		.arg = h };
	struct sk_err err = { 0 };

	if (sk_http_body(&h->req, opts->slot, opts->prompt_path, opts->schema,
		&err) != 0)
		return failed(h, &err);
	q.body = h->req.body.p;
	q.body_n = h->req.body.len;
	h->call = sk_net_start(net, &q, &res);
	if (h->call != NULL)
		return true;
	fail(h, kind_of(res.class), res.code, res.message);
	return false;
}

static void
on_end(struct sk_loop *l, void *arg)
{
	struct http *h = arg;

	(void)l;
	h->end_id = 0;
	if (h->ready)
		h->at.o->output_bytes = h->tap.total;
	sk_attempt_end(&h->at);
}

static void
end_soon(struct http *h)
{
	if (h->end_id == 0)
		h->end_id = sk_loop_timer(h->at.loop, sk_mono_ms(), on_end, h);
}

static void
on_login(void *arg, char *key, const char *why)
{
	struct http *h = arg;
	struct sk_err err = { 0 };

	h->login = NULL;
	if (key == NULL)
		fail(h, SK_K_AUTH, "no_key", why);
	else if (sk_http_key_set(
		     &h->req, h->at.opts.slot, h->token, key, &err) != 0)
		(void)failed(h, &err);
	else if (send_it(h))
		return;
	sk_attempt_end(&h->at);
}

static bool
begin(struct http *h, struct sk_err *err)
{
	const struct sk_slot *slot = h->at.opts.slot;
	const char *provider = NULL;
	enum sk_http_key kind;

	if (sk_http_settle(&h->req, slot, err) != 0 ||
	    sk_http_key_find(&h->req, slot, &kind, &provider, err) != 0)
		return failed(h, err);
	if (kind != SK_KEY_LOGIN)
		return send_it(h);
	h->token = !sk_streq(provider, sk_jget_str(slot->ad->http, "login"));
	h->login = sk_http_login_start(
	    h->at.loop, provider, h->req.origin, on_login, h, err);
	return h->login != NULL || failed(h, err);
}

static void
clear(struct sk_attempt *at)
{
	struct http *h = (struct http *)at;

	if (h->call != NULL)
		sk_net_cancel(h->call);
	if (h->login != NULL)
		sk_http_login_stop(h->login);
	if (h->end_id != 0)
		sk_loop_cancel(at->loop, h->end_id);
	sk_http_req_free(&h->req);
	if (h->ready) {
		sk_http_body_free(&h->body);
		sk_tap_free(&h->tap);
	}
	if (--users == 0) {
		sk_net_free(net);
		net = NULL;
	}
}

static bool
start(struct sk_attempt *at)
{
	struct http *h = (struct http *)at;
	struct sk_err err = { 0 };

	if (users++ == 0 && (net = sk_net_new(at->loop, &err)) == NULL) {
		users--;
		return failed(h, &err);
	}
	sk_tap_init(&h->tap, at->opts.slot->ad, at->o, at->opts.max_output);
	sk_http_body_init(
	    &h->body, at->opts.slot->ad, &h->tap, at->opts.max_output);
	h->ready = true;
	if (begin(h, &err))
		return true;
	clear(at);
	return false;
}

/* ---- stopping ---- */

static void
stop(struct sk_attempt *at, bool now)
{
	struct http *h = (struct http *)at;

	(void)now; /* there is nothing to be polite to */
	if (h->call != NULL)
		sk_net_cancel(h->call);
	h->call = NULL;
	if (h->login != NULL)
		sk_http_login_stop(h->login);
	h->login = NULL;
	end_soon(h);
}

static void
pause_it(struct sk_attempt *at, bool on)
{
	struct http *h = (struct http *)at;

	if (h->call != NULL)
		sk_net_pause(h->call, on);
}

const struct sk_attempt_ops sk_attempt_http = { sizeof(struct http), start,
	stop, pause_it, clear };
