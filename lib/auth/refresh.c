/* SPDX-License-Identifier: MIT */
/*
 * Tokens for use, and refresh. The decision to refresh is taken inside the
 * provider's lock, after reading again; what a request may have used up is
 * written down before it is sent. A process that is killed in between leaves a
 * mark, and who finds the mark does not send the refresh token again.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"
#include "faults/faults.h"

#define LOCK_WAIT_MS 90000
#define ATTEMPTS 3
#define PAUSE_MS 200

/* ---- signals wait while a token is on its way ---- */

static void
hold_signals(sigset_t *old)
{
	sigset_t set;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigaddset(&set, SIGQUIT);
	(void)sigprocmask(SIG_BLOCK, &set, old);
}

/* ---- one refresh, the lock is held ---- */

struct job {
	struct sk_auth *a;
	struct sk_idp p;
	const char *id, *name; /* provider, account */
	struct auth_doc *d;
	struct sk_jv *acc;
	struct sk_jv *adc; /* gcloud's credentials or NULL */
};

static void
put_account(struct job *j, struct sk_jv *acc)
{
	struct sk_arena *a = &j->d->arena;
	struct sk_jv *all;

	if (j->d->root == NULL)
		j->d->root = sk_jnew(a, SK_J_OBJ);
	all = sk_jget(j->d->root, "accounts");
	if (all == NULL) {
		all = sk_jnew(a, SK_J_OBJ);
		sk_jset(a, j->d->root, "accounts", all);
		sk_jset(a, j->d->root, "current", sk_jnew_cstr(a, j->name));
	}
	sk_jset(a, all, j->name, acc);
	j->acc = acc;
}

static int
save(struct job *j, struct sk_err *err)
{
	return auth_doc_save(j->a, j->id, AUTH_EXT_TOKEN, j->d, err);
}

static void
mark(struct job *j, const char *key, const char *reason)
{
	struct sk_arena *a = &j->d->arena;
	struct sk_jv *m;

	if (j->acc == NULL)
		return;
	m = sk_jnew(a, reason != NULL ? SK_J_OBJ : SK_J_NULL);
	if (reason != NULL) {
		sk_jset(a, m, "reason", sk_jnew_cstr(a, reason));
		sk_jset(a, m, "at", sk_jnew_int(a, sk_now_ms()));
	}
	sk_jset(a, j->acc, key, m);
}

/* Others shall not run into the same wall at once. */
static void
mark_retry(struct job *j, int64_t ms)
{
	struct sk_arena *a = &j->d->arena;

	if (j->acc == NULL)
		return;
	sk_jset(a, j->acc, "retry_boot", sk_jnew_cstr(a, sk_boot_id()));
	sk_jset(a, j->acc, "retry_at", sk_jnew_int(a, sk_boot_ms() + ms));
}

/* How long nobody should ask, 0 = now. */
static int64_t
retry_left(const struct sk_jv *acc)
{
	int64_t at, left;

	if (!sk_streq(sk_jget_str(acc, "retry_boot"), sk_boot_id()) ||
	    !sk_jget_int(acc, "retry_at", &at))
		return 0;
	left = at - sk_boot_ms();
	return left > 0 ? left : 0;
}

static int
post(struct job *j, const char *url, struct auth_reply *r, struct sk_err *err)
{
	struct sk_arena tmp = { 0 };
	struct auth_request q = { .url = url, .what = "refresh" };
	const char *token =
	    sk_jget_str(j->adc != NULL ? j->adc : j->acc, "refresh_token");
	int rc;

	q.fields = sk_jnew(&tmp, SK_J_OBJ);
	sk_jset(
	    &tmp, q.fields, "grant_type", sk_jnew_cstr(&tmp, "refresh_token"));
	sk_jset(&tmp, q.fields, "refresh_token", sk_jnew_cstr(&tmp, token));
	rc = auth_client_fields(&j->p, "refresh", &tmp, &q, err);
	if (rc == 0)
		rc = auth_http(&q, &j->p, r, err);
	auth_wipe_tree(q.fields);
	sk_arena_free(&tmp);
	return rc;
}

/* The new tokens are written before anybody sees them. */
static int
adopt(struct job *j, const struct auth_reply *r, const char *url,
    struct sk_err *err)
{
	const char *was = sk_jget_str(j->acc, "account_id"), *now;
	struct sk_arena *a = &j->d->arena;
	struct sk_jv *fresh;
	struct auth_url u;
	int rc;

	rc = auth_account_fill(a, &j->p, r->json, j->acc, &fresh, err);
	if (rc == 0)
		rc = auth_url_check("token", url, &u, err);
	if (rc != 0)
		return rc;
	now = sk_jget_str(fresh, "account_id");
	if (was != NULL && now != NULL && !sk_streq(was, now)) {
		mark(j, "dead", "account_mismatch");
		mark(j, "intent", NULL);
		(void)save(j, err);
		return auth_login_needed(j->id, j->acc, err);
	}
	sk_jset(a, fresh, "origin", sk_jnew_cstr(a, u.origin));
	if (j->adc != NULL)
		sk_jset(a, fresh, "kind", sk_jnew_cstr(a, "adc"));
	put_account(j, fresh);
	return save(j, err);
}

static int
transient(
    struct job *j, struct auth_reply *r, const char *reason, struct sk_err *err)
{
	int64_t wait = r->retry_after_ms > 2000 ? r->retry_after_ms : 2000;

	mark(j, "intent", NULL);
	mark_retry(j, wait);
	if (j->acc != NULL && save(j, err) != 0)
		return err->exit;
	if (r->status == 0)
		(void)sk_fail(err, auth_reply_lost(r),
		    auth_reply_word(r, "no_token"),
		    "cannot refresh the login of '%s': %s", j->id, r->why);
	else
		(void)sk_fail(err, SK_AGAIN, auth_reply_word(r, "no_token"),
		    "cannot refresh the login of '%s': status %d, %s%s%s",
		    j->id, r->status, reason, r->text != NULL ? ": " : "",
		    r->text != NULL ? r->text : "");
	if (r->refused)
		return sk_hint(err, "the login is kept");
	err->retry_after_ms = wait;
	if (r->challenge && sk_idp_str(&j->p, "notes.challenge") != NULL)
		return sk_hint(err, "%s", sk_idp_str(&j->p, "notes.challenge"));
	return sk_hint(err, "the login is kept; try again later");
}

static int
unsure(struct job *j, struct auth_reply *r, struct sk_err *err)
{
	const char *word = auth_token_fault(
	    provider_pick(&j->p, "tokens.access_token", r->json));

	if (word == NULL)
		word = auth_token_fault(
		    provider_pick(&j->p, "tokens.refresh_token", r->json));
	word = auth_reply_word(r, word != NULL ? word : "no_token");
	/* The mark stays: it is what the next process has to know. */
	(void)sk_fail(err, SK_LOGIN, word,
	    "the refresh of '%s' was sent and its answer is lost: %s%s%s",
	    j->id, r->status == 0 ? r->why : "the reply is not usable (",
	    r->status == 0 ? "" : word, r->status == 0 ? "" : ")");
	return sk_hint(err, "sk-login login %s", j->id);
}

static int
refused(struct job *j, const struct auth_reply *r, const char *reason,
    struct sk_err *err)
{
	char code[40];

	mark(j, "intent", NULL);
	mark(j, "dead", reason);
	if (j->acc != NULL && save(j, err) != 0)
		return err->exit;
	auth_dead_code(reason, code);
	(void)sk_fail(err, SK_LOGIN, code,
	    "the login of '%s' has ended (%s)%s%s", j->id, reason,
	    r->text != NULL ? ": " : "", r->text != NULL ? r->text : "");
	return j->adc != NULL
	           ? sk_hint(err, "gcloud auth application-default login")
	           : sk_hint(err, "sk-login login %s", j->id);
}

static int
attempts(struct job *j, const char *url, bool single_use, struct sk_err *err)
{
	bool grace = provider_int(&j->p, "refresh.grace", 0) > 0;
	const char *reason = NULL;
	struct auth_reply r;
	enum auth_fresh class;
	int rc;

	for (int i = 1;; i++) {
		rc = post(j, url, &r, err);
		(void)SK_FAULT("auth.refresh.after_post");
		if (rc != 0)
			return rc;
		class = auth_refresh_class(&j->p, &r, &reason);
		/* An answer that is lost may be asked for again where an old
		 * token is taken for a while, or for good. */
		if (class == AUTH_FRESH_UNSURE && (!single_use || grace))
			class = AUTH_FRESH_RETRY;
		if (class != AUTH_FRESH_RETRY || i >= ATTEMPTS ||
		    r.retry_after_ms > 2000 || r.challenge || r.refused)
			break;
		auth_reply_free(&r);
		auth_nap(PAUSE_MS << (i - 1));
	}
	if (class == AUTH_FRESH_OK) {
		rc = adopt(j, &r, url, err);
		/* What came is no token: the old one may be gone all the
		 * same. */
		if (rc == SK_NOANSWER)
			rc = unsure(j, &r, err);
	} else if (class == AUTH_FRESH_DEAD) {
		rc = refused(j, &r, reason, err);
	} else if (class == AUTH_FRESH_UNSURE) {
		rc = unsure(j, &r, err);
	} else {
		rc = transient(j, &r, reason, err);
	}
	auth_reply_free(&r);
	return rc;
}

static int
refresh_locked(struct job *j, struct sk_err *err)
{
	bool single_use =
	    j->adc == NULL && provider_bool(&j->p, "refresh.rotates");
	const char *url;
	sigset_t old;
	int64_t left;
	int rc;

	rc = provider_endpoint(&j->p, "token", &url, err);
	if (rc == 0 && url == NULL)
		rc = sk_fail(err, SK_USAGE, "no_endpoint",
		    "'%s' names no token endpoint", j->id);
	if (rc == 0 && j->adc == NULL)
		rc = auth_bound(&j->p, j->acc, url, err);
	if (rc != 0)
		return rc;
	left = retry_left(j->acc);
	if (left > 0) {
		(void)sk_fail(err, SK_AGAIN, "refresh_failed",
		    "the last refresh of '%s' failed a moment ago", j->id);
		err->retry_after_ms = left;
		return err->exit;
	}
	hold_signals(&old);
	if (single_use) {
		(void)SK_FAULT("auth.refresh.before_intent");
		mark(j, "intent", "refresh");
		rc = save(j, err);
		(void)SK_FAULT("auth.refresh.after_intent");
	}
	if (rc == 0)
		rc = attempts(j, url, single_use, err);
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

/* ---- a token for use ---- */

static int
give(struct sk_buf *out, const struct sk_jv *acc, struct sk_err *err)
{
	const char *t = sk_jget_str(acc, "access_token");

	if (t == NULL)
		return sk_fail(err, SK_LOGIN, "no_token",
		    "the store has no token of this account");
	/* (With room for its caller's newline: it must not move.) */
	(void)sk_buf_room(out, strlen(t) + 2);
	sk_buf_str(out, t);
	return 0;
}

bool
auth_interrupted(const struct sk_idp *p, const struct sk_jv *acc)
{
	const struct sk_jv *m = sk_jget(acc, "intent");
	int64_t at, grace = provider_int(p, "refresh.grace", 0) * 1000;

	if (m == NULL || m->type != SK_J_OBJ)
		return false;
	return !provider_bool(p, "refresh.rotates")
	           ? false
	           : grace == 0 || !sk_jget_int(m, "at", &at) ||
	                 sk_now_ms() - at > grace || sk_now_ms() < at;
}

/* Without the lock a mark of a refresh says nothing: it may be going on. */
static bool
may_refresh(const struct sk_idp *p, const struct sk_jv *acc)
{
	if (sk_streq(sk_idp_str(p, "kind"), "adc"))
		return true;
	return sk_jget_str(acc, "refresh_token") != NULL &&
	       sk_jget_str(sk_jget(acc, "dead"), "reason") == NULL;
}

bool
auth_can_refresh(const struct sk_idp *p, const struct sk_jv *acc)
{
	return may_refresh(p, acc) && !auth_interrupted(p, acc);
}

enum need { NEED_NOTHING, NEED_SOON, NEED_NOW };

static enum need
need(const struct job *j, const struct sk_token_opts *o, int64_t seen)
{
	bool adc = sk_streq(sk_idp_str(&j->p, "kind"), "adc");
	int64_t left, generation = 0;
	enum auth_state s;

	if (j->acc == NULL)
		return adc ? NEED_NOW : NEED_NOTHING;
	(void)sk_jget_int(j->acc, "generation", &generation);
	/* Somebody has done it since we looked. */
	if (o->force && generation == seen)
		return NEED_NOW;
	if (o->rejected != NULL &&
	    sk_streq(o->rejected, sk_jget_str(j->acc, "access_token")))
		return NEED_NOW;
	s = auth_state(&j->p, j->acc, o->min_ttl_ms, &left);
	return s == AUTH_EXPIRED ? NEED_NOW
	       : s == AUTH_DUE   ? NEED_SOON
	                         : NEED_NOTHING;
}

/* The account as it is stored; p becomes the provider as it was made with. */
int
auth_load(struct sk_auth *a, const char *provider, const char *account,
    struct auth_doc *d, struct sk_jv **acc, const char **name, struct sk_idp *p,
    struct sk_err *err)
{
	int rc;

	auth_doc_reset(d);
	rc = auth_doc_load(a, provider, AUTH_EXT_TOKEN, d, err);
	if (rc != 0)
		return rc;
	*acc = auth_account(d, account, name);
	if (*name == NULL)
		*name = "default";
	if (sk_jget(*acc, "over") == NULL)
		return 0;
	sk_idp_free(p);
	return auth_provider_of(p, provider, *acc, err);
}

static int
load(struct job *j, const struct sk_token_opts *o, struct sk_err *err)
{
	return auth_load(
	    j->a, j->id, o->account, j->d, &j->acc, &j->name, &j->p, err);
}

static int
load_adc(struct job *j, struct sk_err *err)
{
	static const char *const keys[] = { "client_id", "client_secret" };
	bool there;
	int rc;

	rc = auth_open(j->a, true, &there, err);
	if (rc == 0)
		rc = auth_adc(&j->p.arena, &j->adc, err);
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(keys); i++)
		sk_idp_set(&j->p, keys[i], sk_jget_str(j->adc, keys[i]));
	return rc;
}

/* Takes the lock, looks again, refreshes when that is still the thing to do.
 * *did: was there a request? */
static int
under_lock(struct job *j, const struct sk_token_opts *o, int64_t seen,
    int64_t wait_ms, bool *did, struct sk_err *err)
{
	bool adc = sk_streq(sk_idp_str(&j->p, "kind"), "adc");
	int rc = 0;

	*did = false;
	if (adc)
		rc = load_adc(j, err);
	if (rc == 0)
		rc = auth_doc_lock(j->a, j->id, wait_ms, j->d, err);
	if (rc == 0)
		rc = load(j, o, err);
	if (rc != 0 || need(j, o, seen) == NEED_NOTHING)
		return rc;
	if (!auth_can_refresh(&j->p, j->acc))
		return auth_login_needed(j->id, j->acc, err);
	*did = true;
	return refresh_locked(j, err);
}

static void
unlock(struct job *j)
{
	if (j->d->locked)
		sk_lock_drop(&j->d->lock);
	j->d->locked = false;
}

/*
 * The account's token is good to give when this returns 0. A token that still
 * holds is given although its refresh failed: the failure is reported when it
 * matters.
 */
static int
make_good(struct job *j, const struct sk_token_opts *o, const char **what,
    struct sk_err *err)
{
	int64_t seen = 0, left;
	bool did, must;
	enum need n;
	int rc;

	(void)sk_jget_int(j->acc, "generation", &seen);
	n = need(j, o, seen);
	*what = "fresh";
	if (n == NEED_NOTHING)
		return 0;
	must = o->force || o->rejected != NULL || j->acc == NULL ||
	       auth_state(&j->p, j->acc, 0, &left) == AUTH_EXPIRED;
	if (!may_refresh(&j->p, j->acc) || j->a->o.read_only) {
		*what = "not_refreshable";
		return must ? auth_login_needed(j->id, j->acc, err) : 0;
	}
	/* While it holds, nobody waits for another's refresh. */
	rc = under_lock(j, o, seen, must ? LOCK_WAIT_MS : 0, &did, err);
	unlock(j);
	*what = did ? "refreshed" : "fresh";
	if (rc != 0 && !must) {
		*what = "failed";
		sk_err_clear(err);
		rc = j->d->root != NULL ? 0 : load(j, o, err);
	}
	return rc;
}

/* ---- what the caller may ask ---- */

const char *
auth_from_environment(const struct sk_idp *p, const char **var)
{
	const struct sk_jv *list = sk_idp_val(p, "env_tokens");

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *name = sk_jstr(sk_jat(list, i)), *v;

		v = name != NULL ? getenv(name) : NULL;
		if (v != NULL && v[0] != '\0') {
			if (var != NULL)
				*var = name;
			return v;
		}
	}
	return NULL;
}

/* May this provider's token go to that origin? */
int
auth_origin_ok(const struct sk_idp *p, const struct sk_jv *acc,
    const char *origin, struct sk_err *err)
{
	const struct sk_jv *list = sk_idp_val(p, "api_origins");
	const char *extra = sk_jget_str(sk_jget(acc, "extra"), "resource_url");
	struct auth_url want, u;
	const struct auth_why *why;
	int rc;

	rc = auth_url_check("target", origin, &want, err);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_jstr(sk_jat(list, i)) != NULL &&
		    auth_url_parse(sk_jstr(sk_jat(list, i)), &u, &why) &&
		    sk_streq(u.origin, want.origin))
			return 0;
	if (extra != NULL && auth_url_parse(extra, &u, &why) &&
	    sk_streq(u.origin, want.origin))
		return 0;
	(void)sk_fail(err, SK_USAGE, "wrong_origin",
	    "the token of '%s' is not for '%s'", p->id, want.origin);
	return sk_hint(err,
	    "list it in api_origins of providers/%s.toml if "
	    "it is",
	    p->id);
}

static int
use(struct sk_auth *a, const char *provider, const struct sk_token_opts *o,
    struct sk_buf *out, const char **what, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct job j = { .a = a, .id = provider, .d = &d };
	const struct sk_strv any = { 0 };
	const char *env = NULL;
	int rc;

	rc = sk_idp_get(&j.p, provider, err);
	if (rc != 0)
		return rc;
	if (o->account == NULL && out != NULL)
		env = auth_from_environment(&j.p, NULL);
	if (env == NULL && o->from == NULL)
		rc = load(&j, o, err);
	if (rc == 0 && j.acc != NULL)
		rc = auth_workspace(&j.p, j.acc, &any, err);
	if (rc == 0 && o->origin != NULL)
		rc = auth_origin_ok(&j.p, j.acc, o->origin, err);
	if (rc == 0 && env != NULL) {
		sk_buf_str(out, env);
	} else if (rc == 0 && o->from != NULL) {
		int64_t until;

		rc = auth_foreign(&j.p, o->from, out, &until, err);
	} else if (rc == 0) {
		if (j.acc == NULL && !sk_streq(sk_idp_str(&j.p, "kind"), "adc"))
			rc = auth_login_needed(provider, NULL, err);
		else
			rc = make_good(&j, o, what, err);
		if (rc == 0 && out != NULL)
			rc = give(out, j.acc, err);
	}
	auth_wipe_tree(j.adc);
	auth_doc_free(&d);
	if (j.p.root != NULL)
		sk_idp_free(&j.p);
	return rc;
}

int
sk_auth_token(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, struct sk_buf *out, struct sk_err *err)
{
	const char *what;

	auth_buf(out, 2048);
	return use(a, provider, o, out, &what, err);
}

int
sk_auth_refresh(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, const char **what, struct sk_err *err)
{
	return use(a, provider, o, NULL, what, err);
}
