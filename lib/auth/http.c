/* SPDX-License-Identifier: MIT */
/* One exchange with a provider, and its discovery document. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/internal.h"
#include "net/net.h"

#define BODY_MAX ((uint64_t)4 << 20)

struct exchange {
	struct sk_loop *loop;
	struct sk_buf body;
	struct sk_net_result result;
	struct auth_reply *reply;
	char type[100];
	bool mitigated, ray;
};

/* Retry-After: seconds or a date. */
static int64_t
retry_after(const char *v)
{
	const int64_t day = 86400;
	struct tm tm = { 0 };
	int64_t s;

	if (v == NULL)
		return 0;
	if (sk_parse_int(v, 0, INT64_MAX, &s))
		return (s > day ? day : s) * 1000;
	if (strptime(v, "%a, %d %b %Y %H:%M:%S GMT", &tm) == NULL)
		return 0;
	s = (int64_t)timegm(&tm) * 1000 - sk_now_ms();
	return s < 0 ? 0 : s > day * 1000 ? day * 1000 : s;
}

static bool
on_head(void *arg, const struct sk_net_head *h)
{
	struct exchange *x = arg;
	const char *type = sk_net_field(h, "content-type");
	const char *timing = sk_net_field(h, "server-timing");

	x->reply->status = h->status;
	x->reply->retry_after_ms = retry_after(sk_net_field(h, "retry-after"));
	if (type != NULL)
		(void)snprintf(x->type, sizeof(x->type), "%s", type);
	x->mitigated = sk_net_field(h, "cf-mitigated") != NULL ||
	               (timing != NULL && strstr(timing, "chlray") != NULL);
	x->ray = sk_net_field(h, "cf-ray") != NULL;
	return true;
}

static bool
on_body(void *arg, const char *p, size_t n)
{
	struct exchange *x = arg;

	sk_buf_add(&x->body, p, n);
	return !x->body.full;
}

static void
on_done(void *arg, const struct sk_net_result *r)
{
	struct exchange *x = arg;

	x->result = *r;
	sk_loop_stop(x->loop);
}

/* Did it end before a byte of the request could leave? */
static bool
not_sent(const struct sk_net_result *r)
{
	static const char *const codes[] = { "dns", "proxy", "connect_failed",
		"connect_timeout", "address_refused" };

	if (r->class == SK_NET_USAGE || sk_has_prefix(r->code, "tls_"))
		return true;
	for (size_t i = 0; i < SK_ARRAY_SIZE(codes); i++)
		if (sk_streq(codes[i], r->code))
			return true;
	return false;
}

static void
form(struct sk_buf *b, const struct sk_jv *fields)
{
	for (size_t i = 0; i < sk_jlen(fields); i++)
		if (sk_jstr(fields->m[i].v) != NULL)
			auth_form_add(
			    b, fields->m[i].key, sk_jstr(fields->m[i].v));
}

/* The line with the secret: Basic or Bearer. */
static void
secret_line(struct sk_buf *b, const struct auth_request *q)
{
	struct sk_buf pair;
	size_t n;

	auth_buf(b, 8192);
	if (q->bearer != NULL) {
		sk_buf_str(b, "Authorization: Bearer ");
		sk_buf_str(b, q->bearer);
	} else if (q->user != NULL) {
		auth_buf(&pair, 4096);
		/* RFC 6749 2.3.1: both are form-encoded first. */
		auth_pct(&pair, q->user, strlen(q->user));
		sk_buf_ch(&pair, ':');
		auth_pct(&pair, q->password, strlen(q->password));
		n = sodium_base64_encoded_len(
		    pair.len, sodium_base64_VARIANT_ORIGINAL);
		sk_buf_str(b, "Authorization: Basic ");
		if (sk_buf_room(b, n)) {
			(void)sodium_bin2base64(b->p + b->len, n,
			    (const unsigned char *)pair.p, pair.len,
			    sodium_base64_VARIANT_ORIGINAL);
			b->len += strlen(b->p + b->len);
		}
		sk_auth_wipe(&pair);
	}
}

static void
finish(struct exchange *x, const struct sk_idp *p)
{
	struct auth_reply *r = x->reply;

	r->sent = !not_sent(&x->result);
	r->unfit = x->result.class == SK_NET_USAGE;
	r->refused = r->unfit || x->result.class == SK_NET_REFUSED;
	if (x->result.class != SK_NET_OK) {
		/* Half an answer is none. */
		r->status = 0;
		(void)snprintf(
		    r->why, sizeof(r->why), "%.199s", x->result.message);
		(void)snprintf(
		    r->fault, sizeof(r->fault), "%s", x->result.code);
		return;
	}
	r->challenge = x->mitigated;
	auth_reply_read(r, p, x->type, x->body.p, x->body.len);
	r->challenge = r->challenge || (r->html && x->ray && r->status >= 400);
}

static int
exchange(struct exchange *x, struct sk_net_req *req, struct sk_err *err)
{
	struct sk_net *net;
	int rc = 0;

	x->loop = sk_loop_new(err);
	if (x->loop == NULL)
		return err->exit;
	net = sk_net_new(x->loop, err);
	if (net == NULL) {
		sk_loop_free(x->loop);
		return err->exit;
	}
	if (sk_net_start(net, req, &x->result) != NULL)
		rc = sk_loop_run(x->loop, err);
	sk_net_free(net);
	sk_loop_free(x->loop);
	return rc;
}

static int64_t
patience(const struct sk_idp *p, const char *key, int64_t s)
{
	if (p != NULL)
		s = provider_int(p, key, s);
	return (s > 0 ? s : 1) * 1000;
}

int
auth_http(const struct auth_request *q, const struct sk_idp *p,
    struct auth_reply *r, struct sk_err *err)
{
	struct exchange x = { .reply = r };
	struct sk_strv headers = { 0 };
	struct sk_buf body, secret;
	struct sk_net_req req = { .url = q->url,
		.headers = &headers,
		.connect_ms = patience(p, "timing.connect_timeout", 5),
		.total_ms = q->timeout_ms > 0
		                ? q->timeout_ms
		                : patience(p, "timing.request_timeout", 20),
		.max_body = BODY_MAX,
		.head = on_head,
		.body_part = on_body,
		.done = on_done,
		.arg = &x };
	struct auth_url u;
	int rc;

	memset(r, 0, sizeof(*r));
	rc = auth_url_check(q->what, q->url, &u, err);
	if (rc != 0)
		return rc;
	/* No byte, silence in the middle, and too slow have names of their
	 * own. */
	req.first_byte_ms = req.total_ms;
	req.idle_ms = req.total_ms / 2;
	/* Whatever the body holds belongs to this origin alone; net compares
	 * and follows no redirect. */
	req.origin = u.origin;
	req.public_only = p != NULL && p->shipped && !u.loopback;
	auth_buf(&body, 16384);
	auth_buf(&x.body, 65536);
	sk_strv_add(&headers, "Accept: application/json");
	sk_strv_add(&headers, "User-Agent: sk-login/" SK_VERSION);
	secret_line(&secret, q);
	if (secret.len > 0)
		req.secret = secret.p;
	if (!q->get) {
		if (q->json)
			sk_json_write(&body, q->fields);
		else
			form(&body, q->fields);
		sk_strv_add(
		    &headers, q->json ? "Content-Type: application/json"
				      : "Content-Type: "
					"application/x-www-form-urlencoded");
		req.method = "POST";
		req.body = body.p;
		req.body_n = body.len;
	}
	rc = exchange(&x, &req, err);
	if (rc == 0)
		finish(&x, p);
	sk_auth_wipe(&secret);
	sk_auth_wipe(&body);
	sk_auth_wipe(&x.body);
	sk_strv_free(&headers);
	return rc;
}

int
auth_client_fields(struct sk_idp *p, const char *call, struct sk_arena *a,
    struct auth_request *q, struct sk_err *err)
{
	const char *id, *secret, *how, *encoding;
	char key[64];
	int rc;

	(void)snprintf(key, sizeof(key), "encoding.%s", call);
	encoding = sk_idp_str(p, key);
	q->json = sk_streq(encoding, "json");
	(void)snprintf(key, sizeof(key), "client_auth.%s", call);
	how = sk_idp_str(p, key);
	rc = sk_idp_client(p, "client_id", &id, err);
	if (rc == 0)
		rc = sk_idp_client(p, "client_secret", &secret, err);
	if (rc != 0)
		return rc;
	if (id == NULL) {
		const struct sk_jv *v = sk_idp_val(p, "client_id");
		const char *env = sk_jget_str(v, "env");

		(void)sk_fail(err, SK_USAGE, "no_client_id",
		    "'%s' needs a client id of yours", p->id);
		return env != NULL ? sk_hint(err,
					 "set %s, or client_id in "
					 "providers/%s.toml",
					 env, p->id)
		                   : sk_hint(err, "give --client-id");
	}
	if (q->fields == NULL)
		q->fields = sk_jnew(a, SK_J_OBJ);
	if (secret != NULL && sk_streq(how, "basic")) {
		q->user = id;
		q->password = secret;
		return 0;
	}
	sk_jset(a, q->fields, "client_id", sk_jnew_cstr(a, id));
	if (secret != NULL && sk_streq(how, "post"))
		sk_jset(a, q->fields, "client_secret", sk_jnew_cstr(a, secret));
	return 0;
}

/* ---- discovery ---- */

/* RFC 8414 puts the well-known part between host and path, OpenID after. */
static char *
well_known(const char *issuer, bool oidc)
{
	const char *slashes = strstr(issuer, "://");
	const char *path = slashes != NULL ? strchr(slashes + 3, '/') : NULL;
	size_t n = strlen(issuer);

	while (n > 0 && issuer[n - 1] == '/')
		n--;
	if (oidc)
		return sk_asprintf(
		    "%.*s/.well-known/openid-configuration", (int)n, issuer);
	if (path == NULL || (size_t)(path - issuer) >= n)
		return sk_asprintf(
		    "%.*s/.well-known/oauth-authorization-server", (int)n,
		    issuer);
	return sk_asprintf("%.*s/.well-known/oauth-authorization-server%.*s",
	    (int)(path - issuer), issuer, (int)(n - (size_t)(path - issuer)),
	    path);
}

static bool
has_word(const struct sk_jv *list, const char *word)
{
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jstr(sk_jat(list, i)), word))
			return true;
	return false;
}

static int
take(struct sk_idp *p, const struct sk_jv *doc, struct sk_err *err)
{
	static const struct {
		const char *field, *key;
	} rows[] = { { "device_authorization_endpoint", "endpoints.device" },
		{ "token_endpoint", "endpoints.token" },
		{ "revocation_endpoint", "endpoints.revoke" },
		{ "userinfo_endpoint", "endpoints.userinfo" },
		{ "authorization_endpoint", "endpoints.authorize" } };
	static const char *const calls[] = { "client_auth.device",
		"client_auth.poll", "client_auth.exchange",
		"client_auth.refresh", "client_auth.revoke" };
	const struct sk_jv *how;
	const char *secret;
	struct auth_url u;
	int rc;

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		const char *v = sk_jget_str(doc, rows[i].field);

		/* What the registry names goes before what is discovered. */
		if (v == NULL || sk_idp_str(p, rows[i].key) != NULL)
			continue;
		rc = auth_url_check(rows[i].field, v, &u, err);
		if (rc != 0)
			return rc;
		sk_idp_set(p, rows[i].key, v);
	}
	rc = sk_idp_client(p, "client_secret", &secret, err);
	if (rc != 0 || secret == NULL)
		return rc;
	how = sk_jget(doc, "token_endpoint_auth_methods_supported");
	for (size_t i = 0; i < SK_ARRAY_SIZE(calls); i++)
		if (sk_streq(sk_idp_str(p, calls[i]), "none"))
			sk_idp_set(p, calls[i],
			    has_word(how, "client_secret_post") ? "post"
								: "basic");
	return 0;
}

int
auth_discover(struct sk_idp *p, struct sk_err *err)
{
	const char *how = sk_idp_str(p, "discovery"), *issuer, *said;
	struct auth_request q = { .what = "discovery", .get = true };
	struct auth_reply r;
	char *url;
	int rc;

	if (how == NULL || sk_streq(how, "none"))
		return 0;
	issuer = sk_idp_str(p, "issuer");
	if (issuer == NULL) {
		(void)sk_fail(err, SK_USAGE, "no_issuer",
		    "'%s' needs the address of its server", p->id);
		return sk_hint(err, "give --issuer URL");
	}
	url = well_known(issuer, sk_streq(how, "oidc"));
	q.url = url;
	rc = auth_http(&q, p, &r, err);
	said = sk_jget_str(r.json, "issuer");
	if (rc == 0 && r.status == 0)
		rc = sk_fail(err, auth_reply_lost(&r),
		    auth_reply_word(&r, "no_endpoints"),
		    "cannot ask '%s' for its endpoints: %s", url, r.why);
	else if (rc == 0 && (r.status != 200 || r.json == NULL))
		rc = sk_fail(err, SK_NOANSWER,
		    auth_reply_word(&r, "no_endpoints"),
		    "'%s' has no description of its endpoints (status %d)", url,
		    r.status);
	else if (rc == 0 && !sk_streq(said, issuer))
		rc = sk_fail(err, SK_NOANSWER, "issuer_mismatch",
		    "'%s' says that it is another issuer than '%s'", url,
		    issuer);
	if (rc == 0)
		rc = take(p, r.json, err);
	auth_reply_free(&r);
	free(url);
	return rc;
}
