/* SPDX-License-Identifier: MIT */
/* What a login brought, into the store. */
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

/* A name for people and for --account. */
static const char *
account_name(struct sk_arena *a, const struct sk_jv *acc, const char *wanted)
{
	static const char *const keys[] = { "email", "display", "account_id" };
	struct sk_buf b;
	const char *s = wanted, *out;

	for (size_t i = 0; s == NULL && i < SK_ARRAY_SIZE(keys); i++)
		s = sk_jget_str(acc, keys[i]);
	if (s == NULL)
		return "default";
	sk_buf_init(&b, 128);
	for (; *s != '\0' && b.len < 128; s++)
		sk_buf_ch(&b, *s > ' ' && *s < 0x7f ? *s : '_');
	out = sk_arena_strndup(a, b.p, b.len);
	sk_buf_free(&b);
	return out;
}

/* allowed: the caller's list beside the provider's own, may be empty. */
int
auth_workspace(const struct sk_idp *p, const struct sk_jv *acc,
    const struct sk_strv *allowed, struct sk_err *err)
{
	const struct sk_jv *list = sk_idp_val(p, "require_workspace");
	const char *have = sk_jget_str(acc, "workspace");

	if (allowed->n == 0 && sk_jlen(list) == 0)
		return 0;
	if (have == NULL)
		return sk_fail(err, SK_LOGIN, "workspace_unknown",
		    "the login of '%s' does not say which workspace it is for",
		    p->id);
	if ((allowed->n > 0 && !sk_strv_has(allowed, have)) ||
	    (sk_jlen(list) > 0 &&
		!provider_lists(p, "require_workspace", have)))
		return sk_fail(err, SK_LOGIN, "workspace_refused",
		    "the login of '%s' is for workspace '%.100s', which is not "
		    "allowed",
		    p->id, have);
	return 0;
}

void
auth_tell_login(struct sk_auth *a, struct sk_idp *p, const char *name,
    const struct sk_jv *acc, sk_login_fn tell, void *arg)
{
	static const char *const keys[] = { "email", "display", "plan",
		"scope" };
	struct sk_arena *ar = &p->arena;
	struct sk_jv *e = sk_jnew(ar, SK_J_OBJ);
	char text[SK_TIME_LEN];
	int64_t at;

	sk_jset(ar, e, "schema", sk_jnew_cstr(ar, "sk.login/1"));
	sk_jset(ar, e, "event", sk_jnew_cstr(ar, "login"));
	sk_jset(ar, e, "provider", sk_jnew_cstr(ar, p->id));
	sk_jset(ar, e, "account", sk_jnew_cstr(ar, name));
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		sk_jset(ar, e, keys[i],
		    sk_jnew_cstr(ar, sk_jget_str(acc, keys[i])));
	if (sk_jget_int(acc, "expires_at", &at)) {
		sk_time_text(at, text);
		sk_jset(ar, e, "expires_at", sk_jnew_cstr(ar, text));
	} else {
		sk_jset(ar, e, "expires_at", sk_jnew(ar, SK_J_NULL));
	}
	sk_jset(ar, e, "refreshable",
	    sk_jnew_bool(ar, sk_jget_str(acc, "refresh_token") != NULL));
	sk_jset(ar, e, "id_token_refused",
	    sk_jnew_cstr(ar, sk_jget_str(acc, "id_token_refused")));
	sk_jset(ar, e, "store", sk_jnew_cstr(ar, sk_auth_where(a)));
	if (tell != NULL)
		tell(arg, e);
}

/* Puts an account into a provider's document, under its lock. */
static int
keep_account(struct sk_auth *a, const char *id, const char *name,
    const struct sk_jv *acc, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct sk_jv *all;
	int rc;

	rc = auth_doc_lock(a, id, 90000, &d, err);
	if (rc == 0)
		rc = auth_doc_load(a, id, AUTH_EXT_TOKEN, &d, err);
	if (rc == 0) {
		if (d.root == NULL)
			d.root = sk_jnew(&d.arena, SK_J_OBJ);
		all = sk_jget(d.root, "accounts");
		if (all == NULL)
			sk_jset(&d.arena, d.root, "accounts",
			    all = sk_jnew(&d.arena, SK_J_OBJ));
		sk_jset(&d.arena, all, name, sk_jcopy(&d.arena, acc));
		sk_jset(
		    &d.arena, d.root, "current", sk_jnew_cstr(&d.arena, name));
		rc = auth_doc_save(a, id, AUTH_EXT_TOKEN, &d, err);
	}
	auth_doc_free(&d);
	return rc;
}

/* A token reply becomes the current account; p may hold "over": what the
 * caller's options and discovery said. */
int
auth_login_store(struct sk_auth *a, struct sk_idp *p,
    const struct sk_login_opts *o, const struct sk_jv *reply, sk_login_fn tell,
    void *arg, struct sk_err *err)
{
	struct sk_jv *over = sk_idp_val(p, "over");
	struct sk_arena *ar = &p->arena;
	struct sk_jv *acc = NULL;
	const char *url, *name;
	struct auth_url u;
	int rc;

	rc = auth_account_fill(ar, p, reply, NULL, &acc, err);
	if (rc == 0)
		rc = auth_workspace(p, acc, &o->workspaces, err);
	if (rc == 0)
		rc = provider_endpoint(p, "token", &url, err);
	if (rc == 0)
		rc = auth_url_check("token", url, &u, err);
	if (rc == 0) {
		sk_jset(ar, acc, "origin", sk_jnew_cstr(ar, u.origin));
		if (over != NULL)
			sk_jset(ar, acc, "over", over);
		name = account_name(ar, acc, o->account);
		rc = keep_account(a, p->id, name, acc, err);
	}
	if (rc == 0)
		auth_tell_login(a, p, name, acc, tell, arg);
	auth_wipe_tree(sk_jget(acc, "access_token"));
	auth_wipe_tree(sk_jget(acc, "refresh_token"));
	auth_wipe_tree(sk_jget(acc, "id_token"));
	return rc;
}

int
sk_auth_put(struct sk_auth *a, const char *provider, const char *account,
    const char *token, size_t n, struct sk_err *err)
{
	struct sk_login_opts o = { .account = account };
	struct sk_arena ar = { 0 };
	struct sk_idp p;
	struct sk_jv *acc;
	const char *name;
	int rc;

	rc = sk_idp_get(&p, provider, err);
	if (rc != 0)
		return rc;
	rc = sk_auth_probe(a, err);
	acc = sk_jnew(&ar, SK_J_OBJ);
	if (rc == 0) {
		for (size_t i = 0; rc == 0 && i < n; i++)
			if (token[i] <= ' ' || token[i] > '~')
				rc = sk_fail(err, SK_USAGE, "bad_token",
				    "what was given is no token: it has "
				    "blanks or strange bytes");
		if (n > AUTH_TOKEN_MAX)
			rc = sk_fail(err, SK_USAGE, "bad_token",
			    "the token is too long");
		if (n == 0) {
			(void)sk_fail(
			    err, SK_USAGE, "bad_token", "no token was given");
			rc = sk_hint(err, "it comes by standard input: "
					  "sk-login login NAME <FILE");
		}
	}
	if (rc == 0) {
		sk_jset(&ar, acc, "kind", sk_jnew_cstr(&ar, "static"));
		sk_jset(&ar, acc, "generation", sk_jnew_int(&ar, 1));
		sk_jset(&ar, acc, "access_token", sk_jnew_str(&ar, token, n));
		sk_jset(&ar, acc, "obtained_at", sk_jnew_int(&ar, sk_now_ms()));
		name = account_name(&ar, acc, o.account);
		rc = keep_account(a, provider, name, acc, err);
	}
	auth_wipe_tree(acc);
	sk_arena_free(&ar);
	sk_idp_free(&p);
	return rc;
}
