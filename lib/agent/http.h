/* SPDX-License-Identifier: MIT */
/*
 * An attempt that is an exchange over HTTP. The adapter's table [http] says
 * where to, with which headers and what body; its rules read the documents that
 * come back, as they read the lines of a program.
 *
 *	http.c        the attempt: from start to verdict
 *	http_read.c   what comes back, until it is documents
 *	http_fast.c   the same document again and again, only the text differs
 *	http_req.c    URL, headers and body
 *	http_key.c    the key: environment, descriptor, sk-login
 *	http_check.c  the adapter's table, checked when it is loaded
 */
#ifndef SK_AGENT_HTTP_H
#define SK_AGENT_HTTP_H

#include "agent/internal.h"
#include "net/net.h"

#define SK_HTTP_KEY_MAX ((size_t)16 << 10)
#define SK_HTTP_ERROR_KEPT ((size_t)256 << 10) /* of an error's body */

/* ---- http_req.c ---- */

struct sk_http_req {
	char *url, *secret; /* secret: a whole header line, or NULL */
	char origin[SK_ORIGIN_LEN];
	struct sk_strv headers;
	struct sk_buf body;
	bool stream;
	bool shipped; /* the adapter's own endpoint: public, its key known */
	bool paired; /* base URL and key come from the same environment */
};
/* URL and headers; not the key, not the body. SK_USAGE. */
int sk_http_settle(
    struct sk_http_req *q, const struct sk_slot *slot, struct sk_err *err);
int sk_http_body(struct sk_http_req *q, const struct sk_slot *slot,
    const char *prompt_path, const struct sk_jv *schema, struct sk_err *err);
void sk_http_req_free(struct sk_http_req *q);
/* What a plan shows in place of an argv: "POST", URL. */
int sk_http_argv(struct sk_slot *slot, struct sk_err *err);

/* ---- http_key.c ---- */

enum sk_http_key { SK_KEY_NONE, SK_KEY_HERE, SK_KEY_LOGIN };
/* Where the key is: q->secret is filled, or *provider is to be asked. SK_LOGIN
 * when there must be one and is none. */
int sk_http_key_find(struct sk_http_req *q, const struct sk_slot *slot,
    enum sk_http_key *kind, const char **provider, struct sk_err *err);
/* Make the header line of a key, which is wiped; login: by the adapter's
 * login_header, for tokens that are not the API's own keys. */
int sk_http_key_set(struct sk_http_req *q, const struct sk_slot *slot,
    bool login, char *key, struct sk_err *err);

/* Our own sk-login, beside us, else on PATH; malloc'd or NULL. */
char *sk_http_login_path(void);

struct sk_http_login;
typedef void (*sk_http_login_fn)(void *arg, char *key, const char *why);
/* Run `sk-login token --for ORIGIN PROVIDER`; fn gets the key, or NULL and a
 * reason, once and not from within. */
struct sk_http_login *
sk_http_login_start(struct sk_loop *l, const char *provider, const char *origin,
    sk_http_login_fn fn, void *arg, struct sk_err *err);
void sk_http_login_stop(struct sk_http_login *g);

/* ---- http_fast.c ---- */

/* NULL takes and learns nothing. */
struct sk_http_fast;
struct sk_http_fast *sk_http_fast_new(const struct sk_adapter *ad);
void sk_http_fast_free(struct sk_http_fast *f);
/* Of a document like the one that was learnt: true when its text has been
 * appended, and nothing else in it can matter. */
bool sk_http_fast_take(
    struct sk_http_fast *f, struct sk_buf *content, const char *p, size_t n);
/* From a valid document that did nothing but append one text. */
void sk_http_fast_learn(struct sk_http_fast *f, const char *p, size_t n);

/* ---- http_read.c ---- */

enum sk_http_form { SK_HTTP_WHOLE, SK_HTTP_EVENTS };
struct sk_http_body {
	const struct sk_adapter *ad;
	struct sk_tap *tap;
	enum sk_http_form form;
	int status;
	size_t max;
	struct sk_buf whole;
	struct sk_stream stream;
	bool stream_on;
	struct sk_http_fast *fast;
	bool end; /* the document that is the last one was seen */
	bool bad; /* something was no document */
	bool cut; /* of an error's body: enough of it is kept */
};
void sk_http_body_init(struct sk_http_body *b, const struct sk_adapter *ad,
    struct sk_tap *tap, size_t max);
void sk_http_body_free(struct sk_http_body *b);
/* The head says what the body is; false when that is nothing for us. */
bool sk_http_body_head(
    struct sk_http_body *b, const struct sk_net_head *h, bool streamed);
/* False: no more is wanted. */
bool sk_http_body_part(struct sk_http_body *b, const char *p, size_t n);
void sk_http_body_end(struct sk_http_body *b);

/* ---- http_check.c ---- */

int
sk_http_check(const struct sk_jv *http, const char *file, struct sk_err *err);

#endif
