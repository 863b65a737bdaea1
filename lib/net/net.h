/* SPDX-License-Identifier: MIT */
/*
 * net: HTTP on the event loop, and readers of event streams. The only room that
 * includes curl; libcurl is loaded with the first sk_net_new() or URL.
 *
 * Promises: https, or http to this very machine, and nothing else. A request is
 * bound to one origin (scheme, host, port, compared exactly); its secret is
 * sent there or nowhere. No redirect is followed, no certificate is let
 * through, no compressed body is taken, no cookie, .netrc or environment of
 * curl is read. Headers and bodies have ceilings, waiting has clocks. Every
 * failure has a stable word. One exchange is one connection: nothing is sent
 * twice behind our back. No secret is ever in a message.
 *
 * Ownership: the caller keeps url, body and headers alive until done; what the
 * callbacks are given lives until they return.
 */
#ifndef SK_NET_H
#define SK_NET_H

#include "core/core.h"
#include "sys/sys.h"

/* ---- URLs and origins (url.c) ---- */

#define SK_ORIGIN_LEN 300
struct sk_net_url {
	char origin[SK_ORIGIN_LEN]; /* "https://api.openai.com:443" */
	char host[256];
	bool tls, loopback; /* loopback: 127.0.0.0/8, ::1, localhost */
};
/* SK_USAGE "bad_url" or "insecure_url". User names and passwords in a URL are
 * refused: they end in logs. */
int sk_net_url(const char *url, struct sk_net_url *out, struct sk_err *err);
/* May this stand in a header line? (No control bytes, so no second line.) */
bool sk_net_value_ok(const char *s);
/* One path segment: everything but unreserved bytes and '/' as %XX. */
void sk_net_escape(struct sk_buf *b, const char *s);

/* ---- one exchange (call.c on multi.c) ---- */

enum sk_net_class {
	SK_NET_OK, /* a complete response, whatever its status */
	SK_NET_STOPPED, /* the caller had enough */
	SK_NET_USAGE, /* cannot be asked for: URL, header, CA file */
	SK_NET_REFUSED, /* we refuse the other side: certificate, redirect */
	SK_NET_UNREACHABLE, /* no name, no connection, reset: try again */
	SK_NET_FIRST_BYTE,
	SK_NET_IDLE,
	SK_NET_TOTAL,
	SK_NET_CUT, /* began well, ended too early */
	SK_NET_TOO_LARGE,
	SK_NET_BROKEN /* not HTTP as we know it */
};

/* Response headers: "name" and "value" alternating, names in lower case. */
struct sk_net_head {
	int status;
	struct sk_strv fields;
};
/* The first of that (lower-case) name, or NULL. */
const char *sk_net_field(const struct sk_net_head *h, const char *name);

struct sk_net_result {
	enum sk_net_class class;
	char code[24]; /* "tls_expired", "connect_timeout"; "" when OK */
	char message[300];
	int status; /* 0 = no status line was seen */
	uint64_t body_bytes;
};

struct sk_net_req {
	const char *url;
	/* The secret goes to this origin ("" = there is no secret). A URL of
	 * another origin is SK_NET_USAGE before anything is sent. */
	const char *origin;
	const char *secret; /* a whole header line; NULL = none */
	const struct sk_strv *headers; /* whole lines; may be NULL */
	const char *method; /* NULL: POST with a body, else GET */
	const void *body;
	size_t body_n;
	/* Shipped endpoints are public: an address that is private or local
	 * comes from a lying name server. */
	bool public_only;
	int64_t connect_ms; /* 0 = 15 s */
	int64_t first_byte_ms, idle_ms, total_ms; /* 0 = not watched */
	size_t max_header; /* 0 = 64 KiB, all header lines together */
	uint64_t max_body; /* 0 = 16 MiB */
	/* Once, before any body; false = that is enough. May be NULL. */
	bool (*head)(void *arg, const struct sk_net_head *h);
	bool (*body_part)(void *arg, const char *p, size_t n);
	/* Any bytes at all, headers too: for clocks of the caller's. */
	void (*heard)(void *arg, size_t n);
	/* Once; never from within sk_net_start(). The call is gone then. */
	void (*done)(void *arg, const struct sk_net_result *r);
	void *arg;
};

struct sk_net;
struct sk_net_call;
struct sk_net *sk_net_new(struct sk_loop *l, struct sk_err *err);
/* Every call must be done or cancelled; also from within the last callback. */
void sk_net_free(struct sk_net *n);
/* NULL when it cannot be asked for; *r says why. req is copied. */
struct sk_net_call *sk_net_start(
    struct sk_net *n, const struct sk_net_req *req, struct sk_net_result *r);
/* Drop it without a word; not from within its own callbacks. */
void sk_net_cancel(struct sk_net_call *c);
void sk_net_pause(struct sk_net_call *c, bool on);

/* ---- event streams (stream.c) ---- */

/*
 * Pieces of any size in, whole events out: text/event-stream (SSE) or a line
 * each (NDJSON). Only line ends are looked for, so a character that is split
 * between two pieces comes out whole. The callback returns false to stop.
 */
typedef bool (*sk_stream_fn)(
    void *arg, const char *name, const char *data, size_t n);
enum sk_stream_kind { SK_STREAM_SSE, SK_STREAM_LINES };
struct sk_stream {
	enum sk_stream_kind kind;
	size_t max; /* of one event */
	sk_stream_fn fn;
	void *arg;
	struct sk_buf line, data; /* not complete yet */
	char name[64]; /* of the event, cut */
	bool has_data, skip_lf, begun, stopped;
	bool too_long; /* an event passed max: nothing after it is read */
};
void sk_stream_init(struct sk_stream *s, enum sk_stream_kind kind, size_t max,
    sk_stream_fn fn, void *arg);
/* False once stopped or too_long. */
bool sk_stream_feed(struct sk_stream *s, const char *p, size_t n);
/* No more will come: an event whose lines are whole counts. */
bool sk_stream_end(struct sk_stream *s);
void sk_stream_free(struct sk_stream *s);

#endif
