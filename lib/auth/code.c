/* SPDX-License-Identifier: MIT */
/*
 * Authorization code with PKCE, for providers whose device flow does not give
 * what is needed: the code comes back to a port of this machine, or the user
 * pastes it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "auth/internal.h"

#define WAIT_MS (5 * 60 * 1000)
#define REQUEST_MAX 8192u

static void
base64url(const unsigned char *p, size_t n, char *out, size_t cap)
{
	(void)sodium_bin2base64(
	    out, cap, p, n, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void
auth_pkce(char verifier[64], char challenge[64])
{
	unsigned char r[32], h[crypto_hash_sha256_BYTES];

	sk_random(r, sizeof(r));
	base64url(r, sizeof(r), verifier, 64);
	(void)crypto_hash_sha256(
	    h, (const unsigned char *)verifier, strlen(verifier));
	base64url(h, sizeof(h), challenge, 64);
}

int
auth_exchange(struct sk_idp *p, const char *code, const char *verifier,
    const char *redirect, struct auth_reply *r, struct sk_err *err)
{
	struct auth_request q = { .what = "exchange" };
	struct sk_arena tmp = { 0 };
	int rc;

	memset(r, 0, sizeof(*r));
	rc = provider_endpoint(p, "token", &q.url, err);
	if (rc == 0 && q.url == NULL)
		rc = sk_fail(err, SK_USAGE, "no_endpoint",
		    "'%s' names no token endpoint", p->id);
	q.fields = sk_jnew(&tmp, SK_J_OBJ);
	sk_jset(&tmp, q.fields, "grant_type",
	    sk_jnew_cstr(&tmp, "authorization_code"));
	sk_jset(&tmp, q.fields, "code", sk_jnew_cstr(&tmp, code));
	if (redirect != NULL)
		sk_jset(&tmp, q.fields, "redirect_uri",
		    sk_jnew_cstr(&tmp, redirect));
	if (rc == 0)
		rc = auth_client_fields(p, "exchange", &tmp, &q, err);
	if (verifier != NULL)
		sk_jset(&tmp, q.fields, "code_verifier",
		    sk_jnew_cstr(&tmp, verifier));
	if (rc == 0)
		rc = auth_http(&q, p, r, err);
	auth_wipe_tree(q.fields);
	sk_arena_free(&tmp);
	return rc;
}

int
auth_exchange_failed(
    const struct sk_idp *p, struct auth_reply *r, struct sk_err *err)
{
	const char *word =
	    auth_token_fault(provider_pick(p, "tokens.access_token", r->json));
	char status[24];

	(void)snprintf(status, sizeof(status), "status %d", r->status);
	word = r->code != NULL
	           ? "exchange_failed"
	           : auth_reply_word(r, word != NULL ? word : "no_token");
	return sk_fail(err, SK_NOANSWER, word,
	    "'%s' gives no token for its code (%s%s%s)", p->id,
	    r->status == 0 ? r->why : status, r->text != NULL ? ": " : "",
	    r->text != NULL ? r->text : "");
}

/* ---- the code comes to a port ---- */

static int
listen_loopback(int *port, struct sk_err *err)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	union {
		struct sockaddr_in *in;
		struct sockaddr *any;
	} u = { .in = &sa };
	int fd;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, u.any, sizeof(sa)) != 0 || listen(fd, 8) != 0 ||
	    getsockname(fd, u.any, &len) != 0) {
		(void)sk_fail_errno(err, "cannot wait on a loopback port");
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	*port = ntohs(sa.sin_port);
	return fd;
}

/* "GET /path?query HTTP/1.1" → path?query, in place; NULL when it is none. */
static char *
request_target(char *line)
{
	char *sp;

	if (!sk_has_prefix(line, "GET /"))
		return NULL;
	sp = strchr(line + 4, ' ');
	if (sp == NULL || !sk_has_prefix(sp, " HTTP/1."))
		return NULL;
	*sp = '\0';
	return line + 4;
}

static void
answer(int fd, const char *status, const char *text)
{
	char b[512];
	int n;

	n = snprintf(b, sizeof(b),
	    "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Length: %zu\r\nCache-Control: no-store\r\n"
	    "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n%s",
	    status, strlen(text), text);
	if (n > 0)
		(void)send(fd, b, (size_t)n, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
}

/* The head of one request, within some seconds. */
static bool
read_head(int fd, char *b, size_t cap)
{
	int64_t end = sk_mono_ms() + 5000, left;
	size_t n = 0;
	ssize_t r;

	while ((left = end - sk_mono_ms()) > 0 && n + 1 < cap) {
		struct pollfd p = { .fd = fd, .events = POLLIN };

		if (poll(&p, 1, (int)left) <= 0)
			continue;
		r = recv(fd, b + n, cap - 1 - n, MSG_DONTWAIT);
		if (r <= 0)
			return false;
		n += (size_t)r;
		b[n] = '\0';
		if (strstr(b, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

/* The values of a redirect: state compared, error told apart. */
static int
redirect_values(struct sk_idp *p, const char *query, const char *state,
    bool need_state, const char **code, struct sk_err *err)
{
	struct sk_jv *form;
	const char *got, *error;

	if (!auth_form_parse(&p->arena, query, strlen(query), &form))
		return sk_fail(err, SK_NOANSWER, "bad_redirect",
		    "what came back from the browser has no code");
	got = sk_jget_str(form, "state");
	if ((got != NULL || need_state) &&
	    (got == NULL || strlen(got) != strlen(state) ||
		sodium_memcmp(got, state, strlen(state)) != 0))
		return sk_fail(err, SK_NOANSWER, "state_mismatch",
		    "what came back from the browser is not the answer to "
		    "this login");
	error = sk_jget_str(form, "error");
	if (error != NULL)
		return sk_fail(err, SK_LOGIN,
		    sk_streq(error, "access_denied") ? "access_denied"
						     : "login_refused",
		    "the login of '%s' was refused: %.100s", p->id, error);
	*code = sk_jget_str(form, "code");
	if (*code == NULL)
		return sk_fail(err, SK_NOANSWER, "bad_redirect",
		    "what came back from the browser has no code");
	return 0;
}

/* One visitor of the port. True when it brought the answer (or its error). */
static bool
visitor(struct sk_idp *p, int fd, const char *state, const char **code, int *rc,
    struct sk_err *err)
{
	char head[REQUEST_MAX], *target, *query;

	if (!read_head(fd, head, sizeof(head)) ||
	    (target = request_target(head)) == NULL) {
		answer(fd, "400 Bad Request", "not understood\n");
		return false;
	}
	query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	if (query == NULL || !sk_streq(target, "/oauth2callback")) {
		answer(fd, "404 Not Found", "not here\n");
		return false;
	}
	*rc = redirect_values(p, query, state, true, code, err);
	if (*rc != 0 && sk_streq(err->code, "state_mismatch")) {
		/* Any page can send its visitors here. */
		sk_err_clear(err);
		*rc = 0;
		answer(fd, "400 Bad Request", "not this login\n");
		return false;
	}
	answer(fd, "200 OK",
	    *rc == 0 ? "Logged in: go back to the terminal.\n"
		     : "Not logged in: go back to the terminal.\n");
	sodium_memzero(head, sizeof(head));
	return true;
}

static int
wait_loopback(struct sk_idp *p, int fd, const char *state, int64_t timeout_ms,
    const char **code, struct sk_err *err)
{
	int64_t end = sk_mono_ms() + (timeout_ms > 0 ? timeout_ms : WAIT_MS);
	int64_t left;
	int c, rc = 0;
	bool done = false;

	while (!done && (left = end - sk_mono_ms()) > 0) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };

		if (poll(&pfd, 1, (int)left) <= 0)
			continue;
		c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c < 0)
			continue;
		done = visitor(p, c, state, code, &rc, err);
		(void)close(c);
	}
	if (!done)
		return sk_fail(err, SK_TIMEOUT, "code_expired",
		    "nothing came back from the browser in time");
	return rc;
}

/* ---- the code is pasted ---- */

static int
wait_paste(struct sk_idp *p, const char *state, const struct sk_login_opts *o,
    const char **code, struct sk_err *err)
{
	struct sk_buf b;
	const char *query;
	size_t n;
	int rc;

	if (isatty(STDIN_FILENO) != 0) {
		rc = auth_passphrase(-1, o->no_input, false,
		    "code, or the whole address the browser ended at: ", &b,
		    err);
	} else {
		auth_buf(&b, 8192);
		rc = sk_read_fd(STDIN_FILENO, 8191, &b, "standard input", err);
	}
	/* A terminal's line may have been broken when it was copied. */
	n = 0;
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] > ' ' && b.p[i] <= '~')
			b.p[n++] = b.p[i];
	b.len = n;
	b.p[n] = '\0';
	if (rc == 0 && n == 0)
		rc = sk_fail(err, SK_USAGE, "no_code", "no code was given");
	query = strchr(b.p, '?');
	if (rc == 0 && query != NULL)
		rc = redirect_values(p, query + 1, state, true, code, err);
	else if (rc == 0)
		*code = sk_arena_strndup(&p->arena, b.p, n);
	sk_auth_wipe(&b);
	return rc;
}

/* ---- the flow ---- */

static int
authorize_url(struct sk_idp *p, const char *redirect, const char *state,
    const char *challenge, struct sk_buf *b, struct sk_err *err)
{
	const struct sk_jv *extra = sk_idp_val(p, "extra_params");
	const char *scope = sk_idp_str(p, "scope"), *base, *client;
	struct auth_request q = { 0 };
	int rc;

	rc = provider_endpoint(p, "authorize", &base, err);
	if (rc == 0 && base == NULL)
		rc = sk_fail(err, SK_USAGE, "no_endpoint",
		    "'%s' names no authorization endpoint", p->id);
	/* (Also says what is missing.) */
	if (rc == 0)
		rc = auth_client_fields(p, "exchange", &p->arena, &q, err);
	if (rc == 0)
		rc = sk_idp_client(p, "client_id", &client, err);
	if (rc != 0)
		return rc;
	auth_form_add(b, "response_type", "code");
	auth_form_add(b, "client_id", client);
	auth_form_add(b, "redirect_uri", redirect);
	if (scope != NULL)
		auth_form_add(b, "scope", scope);
	auth_form_add(b, "code_challenge", challenge);
	auth_form_add(b, "code_challenge_method", "S256");
	auth_form_add(b, "state", state);
	for (size_t i = 0; i < sk_jlen(extra); i++)
		auth_form_add(b, extra->m[i].key, sk_jstr(extra->m[i].v));
	/* The address goes before what was built. */
	{
		char *query = sk_strdup(b->p);

		sk_buf_clear(b);
		sk_buf_str(b, base);
		sk_buf_ch(b, strchr(base, '?') != NULL ? '&' : '?');
		sk_buf_str(b, query);
		free(query);
	}
	return 0;
}

static void
tell_url(struct sk_idp *p, const char *url, const char *method,
    sk_login_fn tell, void *arg)
{
	struct sk_arena *ar = &p->arena;
	struct sk_jv *e = sk_jnew(ar, SK_J_OBJ);

	sk_jset(ar, e, "schema", sk_jnew_cstr(ar, "sk.login/1"));
	sk_jset(ar, e, "event", sk_jnew_cstr(ar, "browser"));
	sk_jset(ar, e, "provider", sk_jnew_cstr(ar, p->id));
	sk_jset(ar, e, "name", sk_jnew_cstr(ar, sk_idp_str(p, "display_name")));
	sk_jset(ar, e, "method", sk_jnew_cstr(ar, method));
	sk_jset(ar, e, "url", sk_jnew_cstr(ar, url));
	if (tell != NULL)
		tell(arg, e);
}

static const char *
choose(const struct sk_idp *p, const struct sk_login_opts *o)
{
	bool screen =
	    (getenv("DISPLAY") != NULL || getenv("WAYLAND_DISPLAY") != NULL) &&
	    getenv("SSH_CONNECTION") == NULL;

	if (o->method != NULL)
		return o->method;
	return screen && provider_lists(p, "methods", "loopback") ? "loopback"
	                                                          : "paste";
}

int
auth_login_code(struct sk_auth *a, struct sk_idp *p,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err)
{
	const char *method = choose(p, o), *redirect, *code = NULL;
	char verifier[64], challenge[64], state[64];
	unsigned char rnd[32];
	struct auth_reply r = { 0 };
	struct sk_buf url;
	int fd = -1, port = 0, rc = 0;

	auth_pkce(verifier, challenge);
	sk_random(rnd, sizeof(rnd));
	base64url(rnd, sizeof(rnd), state, sizeof(state));
	auth_buf(&url, 4096);
	if (sk_streq(method, "loopback")) {
		fd = listen_loopback(&port, err);
		rc = fd < 0 ? err->exit : 0;
		redirect = sk_arena_printf(
		    &p->arena, "http://127.0.0.1:%d/oauth2callback", port);
	} else {
		rc = provider_endpoint(p, "paste_redirect", &redirect, err);
	}
	if (rc == 0)
		rc = authorize_url(p, redirect, state, challenge, &url, err);
	if (rc == 0) {
		tell_url(p, url.p, method, tell, arg);
		rc = fd >= 0 ? wait_loopback(
				   p, fd, state, o->timeout_ms, &code, err)
		             : wait_paste(p, state, o, &code, err);
	}
	if (rc == 0)
		rc = auth_exchange(p, code, verifier, redirect, &r, err);
	if (rc == 0 &&
	    sk_jstr(provider_pick(p, "tokens.access_token", r.json)) == NULL)
		rc = auth_exchange_failed(p, &r, err);
	if (rc == 0)
		rc = auth_login_store(a, p, o, r.json, tell, arg, err);
	if (fd >= 0)
		(void)close(fd);
	auth_reply_free(&r);
	sk_auth_wipe(&url);
	sodium_memzero(verifier, sizeof(verifier));
	return rc;
}
