/* SPDX-License-Identifier: MIT */
/* What is known of a login, without its secrets and without the network. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/internal.h"

struct look {
	struct sk_idp p;
	struct sk_jv *acc;
	const char *name;
};

/* Somebody is at it, or nobody is and the mark was left behind. */
static bool
going_on(struct sk_auth *a, const char *provider)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct sk_err ignored = { 0 };
	bool busy;

	busy = auth_doc_lock(a, provider, 0, &d, &ignored) == SK_AGAIN;
	sk_err_clear(&ignored);
	auth_doc_free(&d);
	return busy;
}

static const char *
state_word(struct sk_auth *a, const char *provider, const struct look *j,
    int64_t *left)
{
	enum auth_state s;

	*left = -1;
	if (j->acc == NULL)
		return "none";
	s = auth_state(&j->p, j->acc, -1, left);
	if (s == AUTH_VALID)
		return "valid";
	if (sk_jget_str(sk_jget(j->acc, "dead"), "reason") != NULL)
		return "dead";
	if (auth_interrupted(&j->p, j->acc))
		return going_on(a, provider) ? "refreshing" : "interrupted";
	return s == AUTH_DUE ? "due" : "expired";
}

/* Nothing here is a secret: names, times, counts. */
static void
status_fields(
    const struct look *j, const char *state, bool usable, struct sk_jw *w)
{
	static const char *const texts[] = { "kind", "email", "display",
		"account_id", "plan", "workspace", "scope", "origin" };
	int64_t at = 0, generation = 0;

	sk_jw_kstr(w, "state", state);
	sk_jw_kbool(w, "usable", usable);
	sk_jw_kstr(w, "account", j->acc != NULL ? j->name : NULL);
	for (size_t i = 0; i < SK_ARRAY_SIZE(texts); i++)
		sk_jw_kstr(w, texts[i], sk_jget_str(j->acc, texts[i]));
	(void)sk_jget_int(j->acc, "obtained_at", &at);
	sk_jw_ktime(w, "obtained_at", at);
	at = 0;
	(void)sk_jget_int(j->acc, "expires_at", &at);
	sk_jw_ktime(w, "expires_at", at);
	sk_jw_kbool(w, "refreshable",
	    j->acc != NULL && auth_can_refresh(&j->p, j->acc));
	(void)sk_jget_int(j->acc, "generation", &generation);
	sk_jw_kint(w, "generation", generation);
	sk_jw_kstr(w, "dead", sk_jget_str(sk_jget(j->acc, "dead"), "reason"));
	sk_jw_kstr(
	    w, "id_token_refused", sk_jget_str(j->acc, "id_token_refused"));
}

/* The server's own word: "accepted", "refused" or "unknown". */
static const char *
ask_server(struct sk_auth *a, const char *provider, struct look *j,
    const struct sk_token_opts *o)
{
	struct sk_token_opts to = { .account = o->account, .min_ttl_ms = -1 };
	struct auth_request q = { .what = "userinfo", .get = true };
	const char *origin = sk_jget_str(j->acc, "origin");
	const struct auth_why *why;
	const char *word = "unknown";
	struct sk_err err = { 0 };
	struct auth_reply r;
	struct auth_url u;
	struct sk_buf t;

	if (provider_endpoint(&j->p, "userinfo", &q.url, &err) != 0 ||
	    q.url == NULL || !auth_url_parse(q.url, &u, &why) ||
	    (!sk_streq(origin, u.origin) &&
		auth_origin_ok(&j->p, j->acc, q.url, &err) != 0)) {
		sk_err_clear(&err);
		return word;
	}
	if (sk_auth_token(a, provider, &to, &t, &err) == 0) {
		q.bearer = t.p;
		if (auth_http(&q, &j->p, &r, &err) == 0) {
			word = r.status >= 200 && r.status < 300 ? "accepted"
			       : r.status == 401                 ? "refused"
			                                         : "unknown";
			auth_reply_free(&r);
		}
	} else if (err.exit == SK_LOGIN) {
		word = "refused";
	}
	sk_auth_wipe(&t);
	sk_err_clear(&err);
	return word;
}

int
sk_auth_status(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, struct sk_jw *w, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct look j = { 0 };
	const char *state = NULL, *var = NULL, *online = NULL;
	bool usable = false;
	int64_t left = -1;
	int rc;

	rc = sk_idp_get(&j.p, provider, err);
	if (rc != 0)
		return rc;
	sk_jw_kstr(w, "provider", provider);
	if (o->from != NULL) {
		struct sk_buf t;
		struct sk_err why = { 0 };

		auth_buf(&t, 8192);
		usable = auth_foreign(&j.p, o->from, &t, &left, &why) == 0 &&
		         (left < 0 || left > sk_now_ms());
		sk_auth_wipe(&t);
		state = usable ? "foreign" : "none";
		sk_err_clear(&why);
	} else if (o->account == NULL &&
		   auth_from_environment(&j.p, &var) != NULL) {
		state = "environment";
		usable = true;
	} else {
		rc = auth_load(
		    a, provider, o->account, &d, &j.acc, &j.name, &j.p, err);
		if (rc == 0) {
			state = state_word(a, provider, &j, &left);
			usable =
			    sk_streq(state, "valid") || left > 0 ||
			    (j.acc != NULL && auth_can_refresh(&j.p, j.acc));
		}
	}
	if (rc == 0 && usable && o->online && j.acc != NULL) {
		online = ask_server(a, provider, &j, o);
		usable = !sk_streq(online, "refused");
	}
	if (rc == 0) {
		status_fields(&j, state, usable, w);
		sk_jw_kstr(w, "online", online);
		sk_jw_kstr(w, "environment", var);
		rc = usable ? 0 : SK_LOGIN;
	}
	auth_doc_free(&d);
	if (j.p.root != NULL)
		sk_idp_free(&j.p);
	return rc;
}

/* ---- a command with the token ---- */

int
sk_auth_exec(const char *provider, const char *env, const char *token,
    char **argv, struct sk_err *err)
{
	const char *dirs = getenv("PATH");
	char *var = sk_asprintf("PATH=%s", dirs != NULL ? dirs : ""), *path;
	const char *with[] = { var, NULL };
	struct sk_idp p;
	int rc, why = 0;

	path = sk_find_program(argv[0], with, &why);
	free(var);
	if (path == NULL)
		return sk_fail(err, SK_USAGE, "not_found",
		    "cannot run '%s': %s", argv[0], strerror(why));
	rc = sk_idp_get(&p, provider, err);
	if (rc == 0 && env == NULL)
		env = sk_idp_str(&p, "exec_env");
	if (rc == 0 && (env == NULL || env[0] == '\0' || strchr(env, '='))) {
		(void)sk_fail(err, SK_USAGE, "no_variable",
		    "no variable is known for the token of '%s'", provider);
		rc = sk_hint(err, "name one: --env NAME");
	}
	if (rc == 0 && setenv(env, token, 1) != 0)
		rc = sk_fail_errno(err, "cannot set '%s'", env);
	if (rc == 0) {
		(void)execv(path, argv);
		rc = sk_fail_errno(err, "cannot run '%s'", argv[0]);
	}
	free(path);
	if (p.root != NULL)
		sk_idp_free(&p);
	return rc;
}
