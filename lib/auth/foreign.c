/* SPDX-License-Identifier: MIT */
/* Other programs' logins: read when asked for, never written. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/internal.h"

#define FOREIGN_MAX ((size_t)1 << 20)

/* $ENV/FILE, else $HOME/PATH/FILE; malloc'd. */
static char *
foreign_path(
    const char *env_name, const char *rel, const char *file, struct sk_err *err)
{
	const char *env = env_name != NULL ? getenv(env_name) : NULL;
	const char *home = getenv("HOME");
	char *dir, *path;

	if (env != NULL && env[0] == '/')
		return sk_path_join(env, file);
	if (home == NULL || home[0] != '/') {
		(void)sk_fail(err, SK_USAGE, "no_home",
		    "'HOME' names no absolute directory");
		return NULL;
	}
	dir = sk_path_join(home, rel);
	path = sk_path_join(dir, file);
	free(dir);
	return path;
}

/* "github.com:" and below it, further in, "oauth_token: …": all of YAML that
 * gh writes there. */
static int
gh_token(const char *p, const char *host, const char *path, struct sk_buf *out,
    struct sk_err *err)
{
	bool on = false;
	size_t n, hn = strlen(host);

	for (; *p != '\0'; p += n + (p[n] == '\n')) {
		const char *s = p;

		n = strcspn(p, "\n");
		if (*s != ' ' && *s != '\t') {
			on = strncmp(s, host, hn) == 0 && s[hn] == ':';
			continue;
		}
		while (*s == ' ' || *s == '\t')
			s++;
		if (!on || !sk_has_prefix(s, "oauth_token:"))
			continue;
		s += strlen("oauth_token:");
		while (*s == ' ' || *s == '"')
			s++;
		sk_buf_add(out, s, strcspn(s, " \"\r\n"));
		return 0;
	}
	(void)sk_fail(err, SK_LOGIN, "foreign_empty",
	    "'%s' has no token for '%s'", path, host);
	return sk_hint(err, "gh keeps it elsewhere; use GH_TOKEN=$(gh auth "
			    "token)");
}

static int
json_token(const struct sk_idp *p, const struct sk_buf *b, const char *path,
    struct sk_buf *out, int64_t *expires_ms, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_jv *root, *claims;
	const char *token, *alg, *at;
	int64_t exp;
	int rc = 0;

	if (sk_json_parse(&a, b->p, b->len, NULL, &root, NULL) != 0) {
		rc = sk_fail(err, SK_DAMAGED, "foreign_damaged",
		    "'%s' is not valid JSON", path);
	} else {
		token = sk_jstr(
		    sk_jptr(root, sk_idp_str(p, "foreign.access_token")));
		at = sk_idp_str(p, "foreign.expires_ms");
		if (token == NULL || token[0] == '\0')
			rc = sk_fail(err, SK_LOGIN, "foreign_empty",
			    "'%s' has no token", path);
		else
			sk_buf_str(out, token);
		if (at == NULL || !sk_jint(sk_jptr(root, at), expires_ms)) {
			claims = auth_jwt_payload(&a, token, &alg);
			if (sk_jget_int(claims, "exp", &exp) &&
			    exp < INT64_MAX / 1000)
				*expires_ms = exp * 1000;
		}
		auth_wipe_tree(root);
	}
	sk_arena_free(&a);
	return rc;
}

int
auth_foreign(const struct sk_idp *p, const char *app, struct sk_buf *out,
    int64_t *expires_ms, struct sk_err *err)
{
	const char *its = sk_idp_str(p, "foreign.app");
	struct sk_buf b;
	char *path;
	int rc;

	*expires_ms = -1;
	if (!sk_streq(its, app)) {
		(void)sk_fail(err, SK_USAGE, "no_such_foreign",
		    "'%s' cannot be read from '%.64s'", p->id, app);
		return its != NULL ? sk_hint(err, "--from %s", its)
		                   : sk_hint(err,
					 "no other program keeps it; "
					 "'sk-login login %s'",
					 p->id);
	}
	path = foreign_path(sk_idp_str(p, "foreign.env"),
	    sk_idp_str(p, "foreign.path"), sk_idp_str(p, "foreign.file"), err);
	if (path == NULL)
		return err->exit;
	auth_buf(&b, 65536);
	if (access(path, F_OK) != 0) {
		rc = sk_fail(err, SK_LOGIN, "foreign_missing",
		    "there is no login of '%s' ('%s')", app, path);
	} else {
		rc = sk_read_file(path, FOREIGN_MAX, &b, err);
	}
	if (rc == 0 && sk_streq(sk_idp_str(p, "foreign.format"), "gh"))
		rc = gh_token(
		    b.p, sk_idp_str(p, "foreign.host"), path, out, err);
	else if (rc == 0)
		rc = json_token(p, &b, path, out, expires_ms, err);
	if (rc == 0 && *expires_ms >= 0 && *expires_ms <= sk_now_ms()) {
		(void)sk_fail(err, SK_LOGIN, "foreign_expired",
		    "the login of '%s' has expired", app);
		(void)sk_hint(err, "run %s once: it refreshes its own", app);
		rc = err->exit;
	}
	sk_auth_wipe(&b);
	free(path);
	return rc;
}

int
auth_adc(struct sk_arena *a, struct sk_jv **out, struct sk_err *err)
{
	static const char *const need[] = { "client_id", "client_secret",
		"refresh_token" };
	const char *env = getenv("GOOGLE_APPLICATION_CREDENTIALS"), *type;
	struct sk_buf b;
	char *path;
	int rc;

	path = env != NULL && env[0] != '\0'
	           ? sk_strdup(env)
	           : foreign_path("CLOUDSDK_CONFIG", ".config/gcloud",
			 "application_default_credentials.json", err);
	if (path == NULL)
		return err->exit;
	auth_buf(&b, 16384);
	if (access(path, F_OK) != 0) {
		(void)sk_fail(err, SK_LOGIN, "foreign_missing",
		    "there are no Application Default Credentials ('%s')",
		    path);
		rc = sk_hint(err, "gcloud auth application-default login");
	} else {
		rc = sk_read_file(path, FOREIGN_MAX, &b, err);
	}
	if (rc == 0 && sk_json_parse(a, b.p, b.len, NULL, out, NULL) != 0)
		rc = sk_fail(err, SK_DAMAGED, "foreign_damaged",
		    "'%s' is not valid JSON", path);
	type = rc == 0 ? sk_jget_str(*out, "type") : NULL;
	if (rc == 0 && !sk_streq(type, "authorized_user")) {
		(void)sk_fail(err, SK_USAGE, "adc_type",
		    "credentials of type '%.64s' are not supported in '%s'",
		    type != NULL ? type : "(none)", path);
		rc = sk_hint(err, "only authorized_user is: gcloud auth "
				  "application-default login");
	}
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(need); i++)
		if (sk_jget_str(*out, need[i]) == NULL)
			rc = sk_fail(err, SK_DAMAGED, "foreign_damaged",
			    "'%s' has no '%s'", path, need[i]);
	sk_auth_wipe(&b);
	free(path);
	return rc;
}
