/* SPDX-License-Identifier: MIT */
/* One exchange: asked under our rules, bounded, watched by clocks. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/internal.h"

#define CONNECT_MS 15000
#define HEADER_MAX ((size_t)64 << 10)
#define BODY_MAX ((uint64_t)16 << 20)
#define FIELDS_MAX 256
#define PIECE (64L << 10)

/* ---- the end ---- */

static void
wipe_lines(struct curl_slist *l)
{
	for (struct curl_slist *i = l; i != NULL; i = i->next)
		explicit_bzero(i->data, strlen(i->data));
	curl_slist_free_all(l);
}

static void
release(struct sk_net_call *c)
{
	struct sk_net_call **p = &c->net->heard;

	while (*p != NULL && *p != c)
		p = &(*p)->next_heard;
	if (*p == c)
		*p = c->next_heard;
	if (c->clock_id != 0)
		sk_loop_cancel(c->net->loop, c->clock_id);
	if (c->easy != NULL) {
		(void)curl_multi_remove_handle(c->net->multi, c->easy);
		curl_easy_cleanup(c->easy);
	}
	wipe_lines(c->lines);
	sk_strv_free(&c->head.fields);
	c->net->calls--;
	free(c);
}

static void
finish(struct sk_net_call *c, struct sk_net_result *r)
{
	void (*done)(void *, const struct sk_net_result *) = c->req.done;
	void *arg = c->req.arg;

	r->status = c->head.status;
	r->body_bytes = c->body_bytes;
	release(c);
	done(arg, r);
}

void
sk_net_call_done(struct sk_net_call *c, CURLcode code)
{
	struct sk_net_result r = { 0 };

	if (c->class != SK_NET_OK)
		sk_net_result_set(&r, c->class, c->code, "%s", c->message);
	else if (code != CURLE_OK)
		sk_net_fault(c, code, &r);
	finish(c, &r);
}

void
sk_net_cancel(struct sk_net_call *c)
{
	release(c);
}

/* Our own verdict; the transfer is aborted by whoever called. */
static void
verdict(struct sk_net_call *c, enum sk_net_class class, const char *code,
    const char *what)
{
	if (c->class != SK_NET_OK)
		return;
	c->class = class;
	snprintf(c->code, sizeof(c->code), "%s", code);
	snprintf(
	    c->message, sizeof(c->message), "'%.150s' %s", c->url.host, what);
}

/* ---- clocks ---- */

static void arm(struct sk_net_call *c);

/* When the next clock runs out and what that means; 0 = none runs. */
static int64_t
due(const struct sk_net_call *c, enum sk_net_class *class)
{
	const struct sk_net_req *q = &c->req;
	bool heard = c->header_bytes + c->body_bytes > 0;
	int64_t span = heard ? q->idle_ms : q->first_byte_ms, at = 0;

	if (span > 0 && !c->paused) {
		at = c->heard_at + span;
		*class = heard ? SK_NET_IDLE : SK_NET_FIRST_BYTE;
	}
	if (q->total_ms > 0 && (at == 0 || c->start + q->total_ms < at)) {
		at = c->start + q->total_ms;
		*class = SK_NET_TOTAL;
	}
	return at;
}

static void
on_clock(struct sk_loop *l, void *arg)
{
	struct sk_net_call *c = arg;
	struct sk_net_result r = { 0 };
	enum sk_net_class class = SK_NET_TOTAL;

	(void)l;
	c->clock_id = 0;
	if (due(c, &class) > sk_mono_ms()) {
		arm(c);
		return;
	}
	if (class == SK_NET_FIRST_BYTE)
		sk_net_result_set(&r, class, "first_byte_timeout",
		    "not a byte from '%s' in time", c->url.host);
	else if (class == SK_NET_IDLE)
		sk_net_result_set(
		    &r, class, "idle_timeout", "'%s' fell silent", c->url.host);
	else
		sk_net_result_set(&r, class, "total_timeout",
		    "'%s' was not done in time", c->url.host);
	finish(c, &r);
}

static void
arm(struct sk_net_call *c)
{
	enum sk_net_class class;
	int64_t at = due(c, &class);

	if (c->clock_id != 0)
		sk_loop_cancel(c->net->loop, c->clock_id);
	c->clock_id =
	    at != 0 ? sk_loop_timer(c->net->loop, at, on_clock, c) : 0;
}

/* A stream comes in thousands of pieces a turn: they are only counted here. */
static void
heard(struct sk_net_call *c, size_t n)
{
	if (c->fresh == 0) {
		c->next_heard = c->net->heard;
		c->net->heard = c;
	}
	c->fresh += n;
}

void
sk_net_tell_heard(struct sk_net *n)
{
	struct sk_net_call *c;

	while ((c = n->heard) != NULL) {
		bool first = c->header_bytes + c->body_bytes == c->fresh;
		size_t k = c->fresh;

		n->heard = c->next_heard;
		c->fresh = 0;
		c->heard_at = sk_mono_ms();
		if (first)
			arm(c);
		if (c->req.heard != NULL)
			c->req.heard(c->req.arg, k);
	}
}

void
sk_net_pause(struct sk_net_call *c, bool on)
{
	if (c->paused == on)
		return;
	c->paused = on;
	c->heard_at = sk_mono_ms();
	arm(c);
	/* Going on may deliver at once and end the call. */
	(void)curl_easy_pause(c->easy, on ? CURLPAUSE_RECV : CURLPAUSE_CONT);
}

/* ---- headers ---- */

static void
status_line(struct sk_net_call *c, const char *p, size_t n)
{
	const char *sp = memchr(p, ' ', n);

	sk_strv_free(&c->head.fields); /* those of an interim response */
	c->head.status = 0;
	if (sp != NULL && n - (size_t)(sp - p) >= 4)
		for (int i = 1; i <= 3 && sp[i] >= '0' && sp[i] <= '9'; i++)
			c->head.status = c->head.status * 10 + (sp[i] - '0');
}

static void
field(struct sk_net_call *c, const char *p, size_t n)
{
	const char *colon = memchr(p, ':', n);
	char *name, *value;

	if (colon == NULL || c->head.fields.n >= 2 * FIELDS_MAX)
		return;
	name = sk_strndup(p, (size_t)(colon - p));
	for (char *q = name; *q != '\0'; q++)
		if (*q >= 'A' && *q <= 'Z')
			*q = (char)(*q - 'A' + 'a');
	n -= (size_t)(colon + 1 - p);
	p = colon + 1;
	while (n > 0 && (*p == ' ' || *p == '\t')) {
		p++;
		n--;
	}
	while (n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	value = sk_strndup(p, n);
	sk_strv_add(&c->head.fields, name);
	sk_strv_add(&c->head.fields, value);
	free(name);
	free(value);
}

const char *
sk_net_field(const struct sk_net_head *h, const char *name)
{
	for (size_t i = 0; i + 1 < h->fields.n; i += 2)
		if (strcmp(h->fields.v[i], name) == 0)
			return h->fields.v[i + 1];
	return NULL;
}

/* Where a redirect leads, in one word; there gets the origin for people. */
static const char *
redirect_word(
    const struct sk_net_call *c, const char *to, char *there, size_t n)
{
	struct sk_net_url u;
	struct sk_err why = { 0 };
	const char *word = "redirect";

	(void)snprintf(there, n, "another path");
	/* (A path alone stays on the server, "//" begins a host.) */
	if (to == NULL || (to[0] == '/' && to[1] != '/') ||
	    to[strcspn(to, ":/?#")] != ':') {
		if (to == NULL || (to[0] == '/' && to[1] == '/'))
			word = "redirect_host";
	} else if (sk_net_url(to, &u, &why) != 0) {
		word = sk_streq(why.code, "insecure_url") ? "redirect_insecure"
		                                          : "redirect_scheme";
	} else if (!sk_streq(u.origin, c->url.origin)) {
		(void)snprintf(there, n, "%.119s", u.origin);
		sk_err_clear(&why);
		return "redirect_host";
	}
	if (!sk_streq(word, "redirect"))
		(void)snprintf(there, n, "somewhere else");
	sk_err_clear(&why);
	return word;
}

/* A redirect asks us to tell our secret to somebody else. */
static void
redirected(struct sk_net_call *c)
{
	const char *to = sk_net_field(&c->head, "location");
	char there[120];

	verdict(
	    c, SK_NET_REFUSED, redirect_word(c, to, there, sizeof(there)), "");
	snprintf(c->message, sizeof(c->message),
	    "'%.100s' answers with a redirect to %s; none is followed",
	    c->url.host, there);
}

static bool
head_done(struct sk_net_call *c)
{
	const char *enc = sk_net_field(&c->head, "content-encoding");

	c->head_told = true;
	if (c->head.status >= 300 && c->head.status <= 399)
		redirected(c);
	else if (enc != NULL && *enc != '\0' &&
		 strcasecmp(enc, "identity") != 0)
		verdict(c, SK_NET_REFUSED, "compressed",
		    "sends a compressed body, which was not asked for");
	else if (c->req.head != NULL && !c->req.head(c->req.arg, &c->head))
		verdict(c, SK_NET_STOPPED, "", "");
	return c->class == SK_NET_OK;
}

static size_t
on_header(char *p, size_t size, size_t nmemb, void *arg)
{
	struct sk_net_call *c = arg;
	size_t n = size * nmemb, k = n;

	c->header_bytes += n;
	heard(c, n);
	if (c->header_bytes > c->req.max_header) {
		verdict(c, SK_NET_TOO_LARGE,
		    c->head.status >= 100 && c->head.status <= 199
			? "interim_without_end"
			: "header_too_large",
		    "sends a header without end");
		return 0;
	}
	while (k > 0 && (p[k - 1] == '\n' || p[k - 1] == '\r'))
		k--;
	if (memchr(p, '\0', k) != NULL) {
		verdict(c, SK_NET_BROKEN, "header_nul",
		    "sends a header with a NUL byte in it");
		return 0;
	}
	if (c->body_begun)
		return n; /* trailers: counted, else nobody's */
	if (k > 5 && memcmp(p, "HTTP/", 5) == 0)
		status_line(c, p, k);
	else if (k > 0)
		field(c, p, k);
	else if (c->head.status >= 200 && !head_done(c))
		return 0;
	return n;
}

/* ---- body ---- */

static size_t
on_body(char *p, size_t size, size_t nmemb, void *arg)
{
	struct sk_net_call *c = arg;
	size_t n = size * nmemb;

	c->body_begun = true;
	c->body_bytes += n;
	heard(c, n);
	if (!c->head_told && !head_done(c))
		return 0;
	if (c->body_bytes > c->req.max_body) {
		verdict(c, SK_NET_TOO_LARGE, "body_too_large",
		    "sends a body without end");
		return 0;
	}
	if (c->req.body_part != NULL && !c->req.body_part(c->req.arg, p, n)) {
		verdict(c, SK_NET_STOPPED, "", "");
		return 0;
	}
	return n;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct sk_net_call *c = arg;

	if (purpose != CURLSOCKTYPE_IPCXN ||
	    (!c->proxied && !sk_net_address_ok(&a->addr, c->url.loopback,
				c->req.public_only))) {
		c->address_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- the start ---- */

#define SET(opt, value) \
	do { \
		if (curl_easy_setopt(c->easy, opt, value) != CURLE_OK) \
			return false; \
	} while (0)

/* What is the same for every exchange. */
static bool
set_rules(struct sk_net_call *c)
{
	const char *ca = getenv("SSL_CERT_FILE"), *dir = getenv("SSL_CERT_DIR");
	const char *crl = getenv("SK_CRL_FILE");

	SET(CURLOPT_PROTOCOLS_STR, c->url.tls ? "https" : "http");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_FRESH_CONNECT, 1L);
	SET(CURLOPT_FORBID_REUSE, 1L);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_QUICK_EXIT, 1L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_BUFFERSIZE, PIECE);
	SET(CURLOPT_USERAGENT, "sk/" SK_VERSION);
	SET(CURLOPT_CONNECTTIMEOUT_MS,
	    (long)(c->req.connect_ms > 0 ? c->req.connect_ms : CONNECT_MS));
	if (ca != NULL && *ca != '\0')
		SET(CURLOPT_CAINFO, ca);
	if (dir != NULL && *dir != '\0')
		SET(CURLOPT_CAPATH, dir);
	if (crl != NULL && *crl != '\0')
		SET(CURLOPT_CRLFILE, crl);
	return true;
}

static bool
set_way(struct sk_net_call *c)
{
	const char *proxy = sk_net_proxy(&c->url);

	/* An empty string means none, whatever the environment says. Who is
	 * spared is decided once, by us: what goes directly has its address
	 * looked at. */
	SET(CURLOPT_PROXY, proxy != NULL ? proxy : "");
	SET(CURLOPT_NOPROXY, "");
	/* Our headers, the secret among them, are not the proxy's business. */
	SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	c->proxied = proxy != NULL;
	SET(CURLOPT_OPENSOCKETFUNCTION, on_open);
	SET(CURLOPT_OPENSOCKETDATA, c);
	return true;
}

static bool
set_callbacks(struct sk_net_call *c)
{
	SET(CURLOPT_PRIVATE, (char *)c);
	SET(CURLOPT_ERRORBUFFER, c->errbuf);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	SET(CURLOPT_HEADERDATA, c);
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, c);
	return true;
}

static void
line(struct sk_net_call *c, const char *text)
{
	struct curl_slist *l = curl_slist_append(c->lines, text);

	if (l == NULL)
		sk_oom();
	c->lines = l;
}

static bool
set_request(struct sk_net_call *c)
{
	const struct sk_net_req *q = &c->req;

	SET(CURLOPT_URL, q->url);
	if (q->body != NULL) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDS, q->body);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body_n);
	}
	if (q->method != NULL)
		SET(CURLOPT_CUSTOMREQUEST, q->method);
	line(c, "Expect:"); /* no waiting for a 100 before the body */
	for (size_t i = 0; q->headers != NULL && i < q->headers->n; i++)
		line(c, q->headers->v[i]);
	if (q->secret != NULL)
		line(c, q->secret);
	SET(CURLOPT_HTTPHEADER, c->lines);
	return true;
}

#undef SET

static bool
lines_ok(const struct sk_net_req *q)
{
	for (size_t i = 0; q->headers != NULL && i < q->headers->n; i++)
		if (!sk_net_value_ok(q->headers->v[i]))
			return false;
	return q->secret == NULL || sk_net_value_ok(q->secret);
}

/* Everything that can be wrong with a request before it is made. */
static bool
acceptable(
    const struct sk_net_req *q, struct sk_net_url *u, struct sk_net_result *r)
{
	struct sk_err err = { 0 };

	if (sk_net_url(q->url, u, &err) != 0) {
		sk_net_result_set(r, SK_NET_USAGE, err.code, "%s", err.message);
		sk_err_clear(&err);
		return false;
	}
	if (q->secret != NULL &&
	    (q->origin == NULL || strcmp(q->origin, u->origin) != 0)) {
		sk_net_result_set(r, SK_NET_USAGE, "wrong_origin",
		    "the key is not for '%s'", u->origin);
		return false;
	}
	if (!lines_ok(q)) {
		sk_net_result_set(r, SK_NET_USAGE, "bad_header",
		    "a key or header holds a control byte");
		return false;
	}
	return true;
}

struct sk_net_call *
sk_net_start(
    struct sk_net *n, const struct sk_net_req *req, struct sk_net_result *r)
{
	struct sk_net_call *c;
	struct sk_net_url u;

	memset(r, 0, sizeof(*r));
	if (!acceptable(req, &u, r))
		return NULL;
	c = sk_calloc(1, sizeof(*c));
	c->net = n;
	c->req = *req;
	c->url = u;
	n->calls++;
	if (c->req.max_header == 0)
		c->req.max_header = HEADER_MAX;
	if (c->req.max_body == 0)
		c->req.max_body = BODY_MAX;
	c->start = c->heard_at = sk_mono_ms();
	c->easy = curl_easy_init();
	if (c->easy == NULL)
		sk_oom();
	if (!set_rules(c) || !set_way(c) || !set_callbacks(c) ||
	    !set_request(c) ||
	    curl_multi_add_handle(n->multi, c->easy) != CURLM_OK) {
		sk_net_result_set(r, SK_NET_USAGE, "bad_request",
		    "'%s' cannot be asked that way", c->url.host);
		release(c);
		return NULL;
	}
	arm(c);
	return c;
}
