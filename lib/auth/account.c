/* SPDX-License-Identifier: MIT */
/* Logging out, revoking, choosing between accounts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

/* ---- revoking ---- */

static int
revoke_one(struct sk_idp *p, const struct sk_jv *acc, const char *token,
    const char *hint, struct sk_err *err)
{
	const char *style = sk_idp_str(p, "revoke.style"), *url;
	struct auth_request q = { .what = "revoke" };
	struct sk_arena tmp = { 0 };
	struct auth_reply r;
	int rc;

	rc = provider_endpoint(p, "revoke", &url, err);
	if (rc == 0 && url == NULL)
		rc = sk_fail(err, SK_USAGE, "no_revocation",
		    "'%s' names no address to revoke at", p->id);
	if (rc == 0)
		rc = auth_bound(p, acc, url, err);
	if (rc != 0)
		return rc;
	q.url = url;
	q.timeout_ms = provider_int(p, "revoke.timeout", 10) * 1000;
	q.fields = sk_jnew(&tmp, SK_J_OBJ);
	sk_jset(&tmp, q.fields, "token", sk_jnew_cstr(&tmp, token));
	if (!sk_streq(style, "token_only")) {
		sk_jset(&tmp, q.fields, "token_type_hint",
		    sk_jnew_cstr(&tmp, hint));
		rc = auth_client_fields(p, "revoke", &tmp, &q, err);
	}
	memset(&r, 0, sizeof(r));
	if (rc == 0)
		rc = auth_http(&q, p, &r, err);
	if (rc == 0 && r.status == 0)
		rc = sk_fail(err, auth_reply_lost(&r),
		    auth_reply_word(&r, "no_reply"),
		    "cannot revoke at '%s': %s", p->id, r.why);
	else if (rc == 0 && (r.status < 200 || r.status > 299))
		rc = sk_fail(err,
		    r.status == 503 || r.status == 429 ? SK_AGAIN : SK_NOANSWER,
		    auth_reply_word(&r, "no_reply"),
		    "'%s' does not revoke (status %d%s%s)", p->id, r.status,
		    r.code != NULL ? ", " : "", r.code != NULL ? r.code : "");
	auth_reply_free(&r);
	auth_wipe_tree(q.fields);
	sk_arena_free(&tmp);
	return rc;
}

/* The refresh token takes its access tokens with it. */
static int
revoke(const char *id, const struct sk_jv *acc, struct sk_err *err)
{
	const char *token = sk_jget_str(acc, "refresh_token"), *note;
	const char *hint = "refresh_token";
	struct sk_idp p;
	int rc;

	rc = auth_provider_of(&p, id, acc, err);
	if (rc != 0)
		return rc;
	if (sk_streq(sk_idp_str(&p, "revoke.style"), "none")) {
		note = sk_idp_str(&p, "notes.revoke");
		(void)sk_fail(err, SK_USAGE, "no_revocation",
		    "'%s' cannot be told to revoke", id);
		rc = note != NULL ? sk_hint(err, "%s", note) : err->exit;
	} else {
		if (token == NULL ||
		    sk_streq(sk_idp_str(&p, "revoke.prefer"), "access_token")) {
			token = sk_jget_str(acc, "access_token");
			hint = "access_token";
		}
		if (token != NULL)
			rc = revoke_one(&p, acc, token, hint, err);
	}
	sk_idp_free(&p);
	return rc;
}

/* ---- logging out ---- */

/* The document without one account; NULL name = without any. */
static struct sk_jv *
without(struct auth_doc *d, const char *name)
{
	const struct sk_jv *all = sk_jget(d->root, "accounts");
	struct sk_jv *rest = sk_jnew(&d->arena, SK_J_OBJ);

	for (size_t i = 0; name != NULL && i < sk_jlen(all); i++)
		if (!sk_streq(all->m[i].key, name))
			sk_jset(&d->arena, rest, all->m[i].key, all->m[i].v);
	return rest;
}

static int
drop(struct sk_auth *a, const char *provider, const char *account,
    struct auth_doc *d, struct sk_err *err)
{
	struct sk_jv *rest = without(d, account);

	if (sk_jlen(rest) == 0)
		return auth_doc_remove(a, provider, AUTH_EXT_TOKEN, err);
	sk_jset(&d->arena, d->root, "accounts", rest);
	if (sk_streq(sk_jget_str(d->root, "current"), account))
		sk_jset(&d->arena, d->root, "current",
		    sk_jnew_cstr(&d->arena, rest->m[0].key));
	return auth_doc_save(a, provider, AUTH_EXT_TOKEN, d, err);
}

int
sk_auth_logout(struct sk_auth *a, const char *provider, const char *account,
    bool with_revoke, struct sk_logout *done, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct sk_err why = { 0 };
	const struct sk_jv *all;
	struct sk_idp p;
	bool there;
	int rc;

	memset(done, 0, sizeof(*done));
	rc = sk_idp_get(&p, provider, err);
	if (rc != 0)
		return rc;
	sk_idp_free(&p);
	if (a->o.read_only)
		return sk_fail(err, SK_USAGE, "read_only",
		    "the token store is read-only here");
	rc = auth_open(a, false, &there, err);
	if (rc != 0 || !there)
		return rc;
	rc = auth_doc_lock(a, provider, 90000, &d, err);
	if (rc == 0)
		rc = auth_doc_load(a, provider, AUTH_EXT_TOKEN, &d, err);
	all = sk_jget(d.root, "accounts");
	for (size_t i = 0; rc == 0 && i < sk_jlen(all); i++) {
		if (account != NULL && !sk_streq(all->m[i].key, account))
			continue;
		done->was = true;
		if (!with_revoke)
			continue;
		/* That it could not be revoked keeps nobody logged in here. */
		if (revoke(provider, all->m[i].v, &why) == 0)
			done->revoked = true;
		else {
			(void)snprintf(done->not_revoked,
			    sizeof(done->not_revoked), "%s", why.code);
			sk_warn("%s%s%s%s", why.message,
			    why.hint[0] != '\0' ? " (" : "", why.hint,
			    why.hint[0] != '\0' ? ")" : "");
		}
		sk_err_clear(&why);
	}
	if (rc == 0 && done->was)
		rc = drop(a, provider, account, &d, err);
	auth_doc_free(&d);
	return rc;
}

int
sk_auth_switch(struct sk_auth *a, const char *provider, const char *account,
    struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	const struct sk_jv *all;
	struct sk_strv names = { 0 };
	bool there;
	int rc;

	rc = auth_open(a, false, &there, err);
	if (rc == 0 && !there)
		rc = auth_login_needed(provider, NULL, err);
	if (rc == 0)
		rc = auth_doc_lock(a, provider, 90000, &d, err);
	if (rc == 0)
		rc = auth_doc_load(a, provider, AUTH_EXT_TOKEN, &d, err);
	if (rc == 0 && d.root == NULL)
		rc = auth_login_needed(provider, NULL, err);
	all = sk_jget(d.root, "accounts");
	if (rc == 0 && sk_jget(all, account) == NULL) {
		const char *near;

		for (size_t i = 0; i < sk_jlen(all); i++)
			sk_strv_add(&names, all->m[i].key);
		rc = sk_fail(err, SK_USAGE, "no_such_account",
		    "'%s' has no account '%.128s'", provider, account);
		near = names.n > 0
		           ? sk_closest(account, (const char *const *)names.v)
		           : NULL;
		if (near == NULL && names.n > 0)
			near = names.v[0];
		if (near != NULL)
			(void)sk_hint(err, "there is '%s'", near);
		sk_strv_free(&names);
	}
	if (rc == 0) {
		sk_jset(&d.arena, d.root, "current",
		    sk_jnew_cstr(&d.arena, account));
		rc = auth_doc_save(a, provider, AUTH_EXT_TOKEN, &d, err);
	}
	auth_doc_free(&d);
	return rc;
}
