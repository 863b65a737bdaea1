/* SPDX-License-Identifier: MIT */
/*
 * Logging in. What is needed to go on is sealed in the store before the user
 * sees a code, so another process can wait for the approval; nothing that was
 * stored before is touched until the new login is complete.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/internal.h"

/* ---- the provider with the caller's options ---- */

static const char *const over_keys[] = { "issuer", "client_id", "discovery",
	"endpoints.device", "endpoints.poll", "endpoints.token",
	"endpoints.revoke", "endpoints.userinfo", "endpoints.authorize",
	"client_auth.device", "client_auth.poll", "client_auth.exchange",
	"client_auth.refresh", "client_auth.revoke" };

static int
scope_ok(const struct sk_idp *p, struct sk_err *err)
{
	const char *scope = sk_idp_str(p, "scope");
	struct sk_strv want = { 0 };
	int rc = 0;

	if (sk_idp_val(p, "allowed_scopes") == NULL || scope == NULL)
		return 0;
	sk_strv_split(&want, scope, ' ');
	for (size_t i = 0; rc == 0 && i < want.n; i++) {
		if (provider_lists(p, "allowed_scopes", want.v[i]))
			continue;
		rc = sk_fail(err, SK_USAGE, "scope_refused",
		    "the device flow of '%s' does not give the scope '%.200s'",
		    p->id, want.v[i]);
		if (sk_idp_str(p, "notes.scope") != NULL)
			(void)sk_hint(err, "%s", sk_idp_str(p, "notes.scope"));
	}
	sk_strv_free(&want);
	return rc;
}

static int
configure(struct sk_idp *p, const char *id, const struct sk_login_opts *o,
    struct sk_jv **over, struct sk_err *err)
{
	const struct {
		const char *key, *value;
	} opts[] = { { "issuer", o->issuer }, { "client_id", o->client_id },
		{ "scope", o->scope }, { "discovery", o->discovery } };
	bool given = false;
	const char *how, *v;
	struct auth_url u;
	int rc;

	*over = NULL;
	rc = sk_idp_get(p, id, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < SK_ARRAY_SIZE(opts); i++)
		if (opts[i].value != NULL) {
			sk_idp_set(p, opts[i].key, opts[i].value);
			given = true;
		}
	v = sk_idp_str(p, "issuer");
	if (v != NULL)
		rc = auth_url_check("issuer", v, &u, err);
	if (rc == 0)
		rc = scope_ok(p, err);
	how = sk_idp_str(p, "discovery");
	if (rc == 0 && !sk_streq(how, "none")) {
		rc = auth_discover(p, err);
		given = true;
		sk_idp_set(p, "discovery", "none");
	}
	if (rc != 0 || !given)
		return rc;
	*over = sk_jnew(&p->arena, SK_J_OBJ);
	for (size_t i = 0; i < SK_ARRAY_SIZE(over_keys); i++)
		if ((v = sk_idp_str(p, over_keys[i])) != NULL)
			sk_jset(&p->arena, *over, over_keys[i],
			    sk_jnew_cstr(&p->arena, v));
	return 0;
}

/* ---- device flow: the start ---- */

static int
start_failed(struct sk_idp *p, struct auth_reply *r, struct sk_err *err)
{
	const char *hint = NULL;

	if (r->status == 0) {
		(void)sk_fail(err, auth_reply_lost(r),
		    auth_reply_word(r, "no_code"),
		    "cannot ask '%s' for a code: %s", p->id, r->why);
		if (sk_streq(r->fault, "tls_self_signed") ||
		    sk_streq(r->fault, "tls_unknown_issuer"))
			hint =
			    "SSL_CERT_FILE names other certificates to trust";
	} else if (r->challenge) {
		(void)sk_fail(err, SK_NOANSWER, "challenge",
		    "'%s' answers with a browser check (Cloudflare) instead "
		    "of a code",
		    p->id);
		hint = sk_idp_str(p, "notes.challenge");
		if (hint == NULL)
			hint = "try again later or from another network";
	} else if (provider_match(
		       p, "device.disabled", r->status, r->code, true) ||
		   (!r->html && provider_match(p, "device.disabled", r->status,
				    r->code, false))) {
		(void)sk_fail(err, SK_NOANSWER, "device_disabled",
		    "'%s' does not allow device login here (status %d%s%s)",
		    p->id, r->status, r->code != NULL ? ", " : "",
		    r->code != NULL ? r->code : "");
		hint = sk_idp_str(p, "notes.disabled");
	} else if (r->status == 429 || r->status >= 500 ||
		   sk_streq(r->code, "rate_limit_exceeded")) {
		(void)sk_fail(err, SK_AGAIN, auth_reply_word(r, "no_code"),
		    "'%s' gives no code now (status %d)", p->id, r->status);
		err->retry_after_ms = r->retry_after_ms;
	} else {
		(void)sk_fail(err, SK_NOANSWER,
		    r->code != NULL ? "login_refused"
				    : auth_reply_word(r, "no_code"),
		    "'%s' gives no code (status %d%s%s%s%s)", p->id, r->status,
		    r->code != NULL ? ", " : "", r->code != NULL ? r->code : "",
		    r->text != NULL ? ": " : "",
		    r->text != NULL ? r->text : "");
	}
	return hint != NULL ? sk_hint(err, "%s", hint) : err->exit;
}

static int
ask_code(struct sk_idp *p, const char *challenge, struct auth_reply *r,
    struct sk_err *err)
{
	struct sk_arena *ar = &p->arena;
	struct auth_request q = { .what = "device" };
	const struct sk_jv *extra = sk_idp_val(p, "extra_params");
	const char *scope = sk_idp_str(p, "scope");
	int rc;

	memset(r, 0, sizeof(*r));
	rc = provider_endpoint(p, "device", &q.url, err);
	if (rc == 0 && q.url == NULL) {
		(void)sk_fail(err, SK_USAGE, "no_device_flow",
		    "'%s' has no device flow", p->id);
		rc = sk_hint(err, "its server names no endpoint for it");
	}
	if (rc == 0)
		rc = auth_client_fields(p, "device", ar, &q, err);
	if (rc != 0)
		return rc;
	if (q.fields == NULL)
		q.fields = sk_jnew(ar, SK_J_OBJ);
	if (scope != NULL && provider_bool(p, "device.send_scope"))
		sk_jset(ar, q.fields, "scope", sk_jnew_cstr(ar, scope));
	for (size_t i = 0; i < sk_jlen(extra); i++)
		sk_jset(ar, q.fields, extra->m[i].key, extra->m[i].v);
	if (challenge != NULL) {
		sk_jset(ar, q.fields, "code_challenge",
		    sk_jnew_cstr(ar, challenge));
		sk_jset(ar, q.fields, "code_challenge_method",
		    sk_jnew_cstr(ar, "S256"));
	}
	return auth_http(&q, p, r, err);
}

/* Seconds from now, by a number or by a point in time. */
static int64_t
code_life_ms(const struct sk_idp *p, const struct sk_jv *json)
{
	int64_t s, at;
	const char *text;

	s = auth_seconds(provider_pick(p, "reply.expires_in", json));
	if (s > 0)
		return s * 1000;
	text = sk_jstr(provider_pick(p, "reply.expires_at", json));
	if (text != NULL && sk_time_parse(text, &at) && at > sk_now_ms())
		return at - sk_now_ms();
	return -1;
}

static const char *
reply_text(const struct sk_idp *p, const char *key, const struct sk_jv *json)
{
	const char *s = sk_jstr(provider_pick(p, key, json));

	return s != NULL && s[0] != '\0' ? s : NULL;
}

static void
put(struct auth_doc *d, const char *key, const char *v)
{
	sk_jset(&d->arena, d->root, key, sk_jnew_cstr(&d->arena, v));
}

static void
put_int(struct auth_doc *d, const char *key, int64_t v)
{
	sk_jset(&d->arena, d->root, key, sk_jnew_int(&d->arena, v));
}

/* The waiting login as it is sealed. */
static int
pending_make(struct sk_idp *p, const struct sk_login_opts *o,
    struct auth_reply *r, struct auth_doc *d, struct sk_err *err)
{
	const char *device = reply_text(p, "reply.device_code", r->json);
	const char *user = reply_text(p, "reply.user_code", r->json);
	const char *uri = reply_text(p, "reply.verification_uri", r->json);
	const char *full =
	    reply_text(p, "reply.verification_uri_complete", r->json);
	int64_t step =
	    auth_seconds(provider_pick(p, "reply.interval", r->json));
	struct auth_flow f;
	int64_t boot = sk_boot_ms();
	struct sk_jv *list;
	int rc;

	if (uri == NULL) {
		rc = provider_endpoint(p, "verification", &uri, err);
		if (rc != 0)
			return rc;
	}
	if (device == NULL || user == NULL || uri == NULL)
		return start_failed(p, r, err);
	rc = auth_show_uri(p, uri, err);
	if (rc == 0 && full != NULL)
		rc = auth_show_uri(p, full, err);
	if (rc == 0)
		rc = auth_show_code(user, err);
	if (rc != 0)
		return rc;
	auth_flow_begin(
	    &f, p, step > 0 ? step * 1000 : -1, code_life_ms(p, r->json), boot);
	d->root = sk_jnew(&d->arena, SK_J_OBJ);
	put(d, "provider", p->id);
	put(d, "account", o->account);
	put(d, "device_code", device);
	put(d, "user_code", user);
	put(d, "verification_uri", uri);
	put(d, "verification_uri_complete", full);
	put_int(d, "interval_ms", f.interval_ms);
	put(d, "boot_id", sk_boot_id());
	put_int(d, "boot_deadline", f.deadline);
	put_int(d, "deadline", sk_now_ms() + f.deadline - boot);
	list = sk_jnew(&d->arena, SK_J_ARR);
	for (size_t i = 0; i < o->workspaces.n; i++)
		sk_jpush(&d->arena, list,
		    sk_jnew_cstr(&d->arena, o->workspaces.v[i]));
	sk_jset(&d->arena, d->root, "workspaces", list);
	return 0;
}

static void
tell_code(const struct auth_doc *d, const char *handle, struct sk_idp *p,
    sk_login_fn tell, void *arg)
{
	static const char *const keys[] = { "user_code", "verification_uri",
		"verification_uri_complete", "interval_ms" };
	struct sk_arena *ar = &p->arena;
	struct sk_jv *e = sk_jnew(ar, SK_J_OBJ);
	const char *name = sk_idp_str(p, "display_name");
	char text[SK_TIME_LEN];
	int64_t at = 0;

	sk_jset(ar, e, "schema", sk_jnew_cstr(ar, "sk.login/1"));
	sk_jset(ar, e, "event", sk_jnew_cstr(ar, "code"));
	sk_jset(ar, e, "provider", sk_jnew_cstr(ar, p->id));
	sk_jset(ar, e, "name", sk_jnew_cstr(ar, name != NULL ? name : p->id));
	sk_jset(ar, e, "handle", sk_jnew_cstr(ar, handle));
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		sk_jset(
		    ar, e, keys[i], sk_jcopy(ar, sk_jget(d->root, keys[i])));
	(void)sk_jget_int(d->root, "deadline", &at);
	sk_time_text(at, text);
	sk_jset(ar, e, "expires_at", sk_jnew_cstr(ar, text));
	if (tell != NULL)
		tell(arg, e);
}

static int
device_start(struct sk_auth *a, struct sk_idp *p, struct sk_jv *over,
    const struct sk_login_opts *o, char handle[SK_ID_LEN], sk_login_fn tell,
    void *arg, struct sk_err *err)
{
	bool pkce = sk_streq(sk_idp_str(p, "pkce"), "client");
	struct auth_doc d = { .lock = { .fd = -1 } };
	char verifier[64], challenge[64];
	struct auth_reply r;
	int rc;

	if (pkce)
		auth_pkce(verifier, challenge);
	rc = ask_code(p, pkce ? challenge : NULL, &r, err);
	if (rc == 0 && (r.status < 200 || r.status > 299 || r.json == NULL))
		rc = start_failed(p, &r, err);
	if (rc == 0)
		rc = pending_make(p, o, &r, &d, err);
	if (rc == 0) {
		if (pkce)
			put(&d, "verifier", verifier);
		if (over != NULL)
			sk_jset(
			    &d.arena, d.root, "over", sk_jcopy(&d.arena, over));
		sk_id_new(handle);
		rc = auth_doc_save(a, handle, AUTH_EXT_LOGIN, &d, err);
	}
	if (rc == 0)
		tell_code(&d, handle, p, tell, arg);
	auth_reply_free(&r);
	auth_doc_free(&d);
	return rc;
}

/* The store must work, and must not hold what could not be kept, before the
 * user is sent to a browser. */
int
auth_need_store(struct sk_auth *a, struct sk_err *err)
{
	if (a->o.read_only)
		return sk_fail(err, SK_USAGE, "read_only",
		    "the token store is read-only here");
	return sk_auth_probe(a, err);
}

static int
old_readable(struct sk_auth *a, const char *id, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	int rc;

	rc = auth_doc_load(a, id, AUTH_EXT_TOKEN, &d, err);
	auth_doc_free(&d);
	return rc;
}

/* ---- the other kinds ---- */

static int
login_token(struct sk_auth *a, struct sk_idp *p, const struct sk_login_opts *o,
    sk_login_fn tell, void *arg, struct sk_err *err)
{
	struct sk_jv *acc;
	struct sk_buf b;
	char *ask;
	int rc;

	auth_buf(&b, 65536);
	if (isatty(STDIN_FILENO) != 0) {
		ask = sk_asprintf("%s, token: ", sk_idp_str(p, "display_name"));
		sk_buf_free(&b);
		rc = auth_passphrase(-1, o->no_input, false, ask, &b, err);
		free(ask);
	} else {
		rc = sk_read_fd(
		    STDIN_FILENO, AUTH_TOKEN_MAX, &b, "standard input", err);
	}
	while (b.len > 0 && (b.p[b.len - 1] == '\n' || b.p[b.len - 1] == '\r' ||
				b.p[b.len - 1] == ' '))
		b.len--;
	if (rc == 0)
		rc = sk_auth_put(a, p->id, o->account, b.p, b.len, err);
	sk_auth_wipe(&b);
	if (rc == 0) {
		acc = sk_jnew(&p->arena, SK_J_OBJ);
		auth_tell_login(a, p,
		    o->account != NULL ? o->account : "default", acc, tell,
		    arg);
	}
	return rc;
}

static int
login_adc(struct sk_auth *a, struct sk_idp *p, sk_login_fn tell, void *arg,
    struct sk_err *err)
{
	struct sk_token_opts t = { .force = true, .min_ttl_ms = -1 };
	const char *what;
	int rc;

	rc = sk_auth_refresh(a, p->id, &t, &what, err);
	if (rc == 0)
		auth_tell_login(
		    a, p, "default", sk_jnew(&p->arena, SK_J_OBJ), tell, arg);
	return rc;
}

/* Everything up to the code; *done when there is nothing to wait for. */
static int
begin(struct sk_auth *a, const char *provider, const struct sk_login_opts *o,
    char handle[SK_ID_LEN], bool *done, sk_login_fn tell, void *arg,
    struct sk_err *err)
{
	struct sk_jv *over;
	struct sk_idp p;
	const char *kind;
	int rc;

	*done = false;
	/* (The store first: it costs nothing and needs no network.) */
	rc = auth_need_store(a, err);
	if (rc == 0)
		rc = old_readable(a, provider, err);
	if (rc != 0)
		return rc;
	auth_sweep(a);
	rc = configure(&p, provider, o, &over, err);
	if (rc != 0) {
		if (p.root != NULL)
			sk_idp_free(&p);
		return rc;
	}
	kind = sk_idp_str(&p, "kind");
	*done = true;
	if (sk_streq(kind, "static_token") || sk_streq(kind, "api_key") ||
	    sk_streq(o->method, "token")) {
		rc = login_token(a, &p, o, tell, arg, err);
	} else if (sk_streq(kind, "adc")) {
		rc = login_adc(a, &p, tell, arg, err);
	} else if (sk_streq(kind, "auth_code")) {
		if (over != NULL)
			sk_jset(&p.arena, p.root, "over", over);
		rc = auth_login_code(a, &p, o, tell, arg, err);
	} else {
		*done = false;
		rc = device_start(a, &p, over, o, handle, tell, arg, err);
	}
	sk_idp_free(&p);
	return rc;
}

int
sk_login_start(struct sk_auth *a, const char *provider,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err)
{
	char handle[SK_ID_LEN];
	bool done;

	return begin(a, provider, o, handle, &done, tell, arg, err);
}

int
sk_login(struct sk_auth *a, const char *provider, const struct sk_login_opts *o,
    sk_login_fn tell, void *arg, struct sk_err *err)
{
	char handle[SK_ID_LEN];
	bool done;
	int rc;

	rc = begin(a, provider, o, handle, &done, tell, arg, err);
	if (rc != 0 || done)
		return rc;
	return sk_login_wait(a, handle, o, tell, arg, err);
}
