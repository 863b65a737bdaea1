/* SPDX-License-Identifier: MIT */
/* An account's fields: what a reply brings, how long it holds, where it may
 * go. */
#include <stdio.h>
#include <string.h>

#include "auth/internal.h"

struct sk_jv *
auth_account(const struct auth_doc *d, const char *account, const char **name)
{
	const struct sk_jv *all = sk_jget(d->root, "accounts");

	if (account == NULL)
		account = sk_jget_str(d->root, "current");
	if (name != NULL)
		*name = account;
	return account != NULL ? sk_jget(all, account) : NULL;
}

/* ---- from a reply ---- */

static void
keep(struct sk_arena *a, struct sk_jv *acc, const char *key,
    const struct sk_jv *v)
{
	if (v != NULL && v->type != SK_J_NULL)
		sk_jset(a, acc, key, sk_jcopy(a, v));
}

/* Texts for display: numbers too, bounded, never the raw tree. */
static void
keep_text(struct sk_arena *a, struct sk_jv *acc, const char *key,
    const struct sk_jv *v)
{
	if (v == NULL || (v->type != SK_J_STR && v->type != SK_J_NUM) ||
	    v->n > 256 || (v->type == SK_J_STR && v->n == 0))
		return;
	if (v->type == SK_J_STR && sk_jstr(v) == NULL)
		return;
	sk_jset(a, acc, key, sk_jnew_str(a, v->s, v->n));
}

static void
keep_claims(struct sk_arena *a, struct sk_idp *p, struct sk_jv *acc,
    const char *issuer, const char *client)
{
	static const struct {
		const char *key, *field;
	} rows[] = { { "claims.account_id", "account_id" },
		{ "claims.email", "email" }, { "claims.name", "display" },
		{ "claims.plan", "plan" },
		{ "claims.workspace", "workspace" } };
	const char *jwt = sk_jget_str(acc, "id_token"), *why = NULL;
	struct sk_arena tmp = { 0 };
	struct sk_jv *claims;

	if (jwt == NULL)
		return;
	claims = auth_id_token(&tmp, p, jwt, issuer, client, sk_now_ms(), &why);
	for (size_t i = 0; claims != NULL && i < SK_ARRAY_SIZE(rows); i++)
		keep_text(a, acc, rows[i].field,
		    provider_pick(p, rows[i].key, claims));
	sk_jset(a, acc, "id_token_refused", sk_jnew_cstr(a, why));
	auth_wipe_tree(claims);
	sk_arena_free(&tmp);
}

/* When it ends: said by the reply, or by the token itself. */
static int64_t
life_ms(struct sk_idp *p, const struct sk_jv *reply, const char *token)
{
	int64_t s = auth_seconds(provider_pick(p, "tokens.expires_in", reply));
	struct sk_arena tmp = { 0 };
	struct sk_jv *claims;
	const char *alg;
	int64_t exp, ms = -1;

	if (s > 0)
		return s * 1000;
	claims = auth_jwt_payload(&tmp, token, &alg);
	if (sk_jget_int(claims, "exp", &exp) && exp > 0 &&
	    exp < INT64_MAX / 1000)
		ms = exp * 1000 - sk_now_ms();
	auth_wipe_tree(claims);
	sk_arena_free(&tmp);
	return ms > 0 ? ms : -1;
}

/* Bytes that cannot stand in a header line make a token unusable, and a
 * terminal's victim. */
const char *
auth_token_fault(const struct sk_jv *v)
{
	if (v == NULL || v->type == SK_J_NULL)
		return "no_token";
	if (v->type != SK_J_STR)
		return "token_no_text";
	if (v->n == 0)
		return "token_empty";
	if (v->n > AUTH_TOKEN_MAX)
		return "token_too_large";
	for (size_t i = 0; i < v->n; i++)
		if (v->s[i] <= ' ' || v->s[i] > '~')
			return "token_bytes";
	return NULL;
}

static void
set_life(struct sk_arena *a, struct sk_jv *acc, int64_t ms)
{
	int64_t now = sk_now_ms();

	sk_jset(a, acc, "obtained_at", sk_jnew_int(a, now));
	if (ms <= 0) {
		sk_jset(a, acc, "expires_at", sk_jnew(a, SK_J_NULL));
		return;
	}
	/* Both clocks: the one that cannot jump counts while this boot
	 * lasts. */
	sk_jset(a, acc, "expires_at", sk_jnew_int(a, now + ms));
	sk_jset(a, acc, "boot_id", sk_jnew_cstr(a, sk_boot_id()));
	sk_jset(a, acc, "boot_expires", sk_jnew_int(a, sk_boot_ms() + ms));
	sk_jset(a, acc, "life_ms", sk_jnew_int(a, ms));
}

int
auth_account_fill(struct sk_arena *a, struct sk_idp *p,
    const struct sk_jv *reply, const struct sk_jv *old, struct sk_jv **out,
    struct sk_err *err)
{
	static const char *const same[] = { "refresh_token", "id_token",
		"scope", "token_type", "account_id", "email", "display", "plan",
		"workspace", "extra", "over", "kind", "origin" };
	struct sk_jv *token = provider_pick(p, "tokens.access_token", reply);
	struct sk_jv *second = provider_pick(p, "tokens.refresh_token", reply);
	const char *fault = auth_token_fault(token);
	struct sk_jv *extra, *acc = sk_jnew(a, SK_J_OBJ), *v;
	struct sk_jv *list = sk_idp_val(p, "keep");
	const char *issuer, *client, *id;
	int64_t generation = 0;
	int rc;

	if (fault == NULL && second != NULL && second->type != SK_J_NULL)
		fault = auth_token_fault(second);
	if (fault != NULL)
		return sk_fail(err, SK_NOANSWER, fault,
		    "'%s' gave a token that is none", p->id);
	sk_jset(a, acc, "kind", sk_jnew_cstr(a, "oauth"));
	for (size_t i = 0; i < SK_ARRAY_SIZE(same); i++)
		keep(a, acc, same[i], sk_jget(old, same[i]));
	(void)sk_jget_int(old, "generation", &generation);
	sk_jset(a, acc, "generation", sk_jnew_int(a, generation + 1));
	keep(a, acc, "access_token", token);
	keep(a, acc, "refresh_token", second);
	v = provider_pick(p, "tokens.id_token", reply);
	if (sk_jstr(v) != NULL)
		keep(a, acc, "id_token", v);
	keep_text(a, acc, "scope", provider_pick(p, "tokens.scope", reply));
	keep_text(
	    a, acc, "token_type", provider_pick(p, "tokens.token_type", reply));
	set_life(a, acc, life_ms(p, reply, token->s));
	extra = sk_jget(acc, "extra");
	for (size_t i = 0; i < sk_jlen(list); i++) {
		id = sk_jstr(sk_jat(list, i));
		v = id != NULL ? sk_jget(reply, id) : NULL;
		if (v == NULL)
			continue;
		if (extra == NULL)
			sk_jset(a, acc, "extra", extra = sk_jnew(a, SK_J_OBJ));
		keep_text(a, extra, id, v);
	}
	issuer = sk_idp_str(p, "issuer");
	rc = sk_idp_client(p, "client_id", &client, err);
	if (rc != 0)
		return rc;
	if (sk_jget(reply, "id_token") != NULL)
		keep_claims(a, p, acc, issuer, client);
	*out = acc;
	return 0;
}

/* ---- how long it holds ---- */

enum auth_state
auth_state(const struct sk_idp *p, const struct sk_jv *acc, int64_t min_ttl_ms,
    int64_t *left_ms)
{
	int64_t at, boot, left, skew, life, age;
	unsigned char r;

	*left_ms = -1;
	if (!sk_jget_int(acc, "expires_at", &at)) {
		age = provider_int(p, "refresh.age_days", 0) * 86400000;
		if (age > 0 && sk_jget_int(acc, "obtained_at", &at) &&
		    sk_now_ms() - at > age)
			return AUTH_DUE;
		return AUTH_VALID;
	}
	left = at - sk_now_ms();
	if (sk_streq(sk_jget_str(acc, "boot_id"), sk_boot_id()) &&
	    sk_jget_int(acc, "boot_expires", &boot))
		left = boot - sk_boot_ms();
	*left_ms = left < 0 ? 0 : left;
	if (left <= 0)
		return AUTH_EXPIRED;
	if (min_ttl_ms >= 0)
		return left <= min_ttl_ms ? AUTH_DUE : AUTH_VALID;
	/* Spread a little, so that a crowd does not come due at once, and
	 * never so much that a short-lived token is due from the start. */
	sk_random(&r, 1);
	skew = provider_int(p, "refresh.skew", 300) * 1000;
	skew = skew * (90 + r % 21) / 100;
	if (sk_jget_int(acc, "life_ms", &life) && skew > life / 4)
		skew = life / 4;
	return left <= skew ? AUTH_DUE : AUTH_VALID;
}

/* ---- where it may go ---- */

int
auth_provider_of(struct sk_idp *p, const char *id, const struct sk_jv *acc,
    struct sk_err *err)
{
	const struct sk_jv *over = sk_jget(acc, "over");
	int rc;

	rc = sk_idp_get(p, id, err);
	for (size_t i = 0; rc == 0 && i < sk_jlen(over); i++)
		sk_idp_set(p, over->m[i].key, sk_jstr(over->m[i].v));
	return rc;
}

int
auth_bound(const struct sk_idp *p, const struct sk_jv *acc, const char *url,
    struct sk_err *err)
{
	const char *origin = sk_jget_str(acc, "origin");
	struct auth_url u;
	int rc;

	rc = auth_url_check("token", url, &u, err);
	if (rc != 0 || origin == NULL || sk_streq(origin, u.origin))
		return rc;
	(void)sk_fail(err, SK_LOGIN, "origin_changed",
	    "the login of '%s' is for '%s' and is not sent to '%s'", p->id,
	    origin, u.origin);
	return sk_hint(err, "log in again: sk-login login %s", p->id);
}

void
auth_dead_code(const char *reason, char code[40])
{
	(void)snprintf(code, 40, "%s%.30s",
	    sk_streq(reason, "account_mismatch") ? "" : "refresh_", reason);
}

int
auth_login_needed(const char *id, const struct sk_jv *acc, struct sk_err *err)
{
	const char *reason = sk_jget_str(sk_jget(acc, "dead"), "reason");
	const struct sk_jv *intent = sk_jget(acc, "intent");
	char code[40];

	if (acc == NULL)
		(void)sk_fail(err, SK_LOGIN, "not_logged_in",
		    "not logged in to '%s'", id);
	else if (reason != NULL) {
		auth_dead_code(reason, code);
		(void)sk_fail(err, SK_LOGIN, code,
		    "the login of '%s' has ended (%s)", id, reason);
	} else if (intent != NULL && intent->type == SK_J_OBJ)
		(void)sk_fail(err, SK_LOGIN, "refresh_interrupted",
		    "a refresh of '%s' was interrupted: its token may be used "
		    "up and is not sent again",
		    id);
	else
		(void)sk_fail(err, SK_LOGIN, "login_expired",
		    "the login of '%s' has expired", id);
	return sk_hint(err, "sk-login login %s", id);
}
