/* SPDX-License-Identifier: MIT */
/*
 * Providers are data: the defaults, the shipped file and the user's file of the
 * same name, each over the one before. Nothing is read from a project: where a
 * secret goes is never a repository's choice.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/internal.h"
#include "data/data.h"

/* ---- looking ---- */

struct sk_jv *
sk_idp_val(const struct sk_idp *p, const char *key)
{
	struct sk_jv *v = p->root;
	size_t n;

	while (v != NULL) {
		n = strcspn(key, ".");
		v = sk_jgetn(v, key, n);
		if (key[n] == '\0')
			break;
		key += n + 1;
	}
	return v;
}

const char *
sk_idp_str(const struct sk_idp *p, const char *key)
{
	const char *s = sk_jstr(sk_idp_val(p, key));

	return s != NULL && s[0] != '\0' ? s : NULL;
}

int64_t
provider_int(const struct sk_idp *p, const char *key, int64_t d)
{
	int64_t i;

	return sk_jint(sk_idp_val(p, key), &i) ? i : d;
}

bool
provider_bool(const struct sk_idp *p, const char *key)
{
	const struct sk_jv *v = sk_idp_val(p, key);

	return v != NULL && v->type == SK_J_TRUE;
}

struct sk_jv *
provider_pick(const struct sk_idp *p, const char *key, const struct sk_jv *v)
{
	const struct sk_jv *list = sk_idp_val(p, key);
	struct sk_jv *found = NULL;

	for (size_t i = 0; i < sk_jlen(list) && found == NULL; i++) {
		found = sk_jptr(v, sk_jstr(sk_jat(list, i)));
		if (found != NULL && found->type == SK_J_NULL)
			found = NULL;
	}
	return found;
}

bool
provider_lists(const struct sk_idp *p, const char *key, const char *item)
{
	const struct sk_jv *list = sk_idp_val(p, key);

	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jstr(sk_jat(list, i)), item))
			return true;
	return false;
}

bool
provider_match(const struct sk_idp *p, const char *key, int status,
    const char *code, bool codes)
{
	const struct sk_jv *list = sk_idp_val(p, key);
	char text[12];
	const char *row;
	size_t n;

	(void)snprintf(text, sizeof(text), "%d", status);
	for (size_t i = 0; i < sk_jlen(list); i++) {
		row = sk_jstr(sk_jat(list, i));
		if (row == NULL || (n = strcspn(row, " ")) == 0 ||
		    row[n] == '\0')
			continue;
		if (!(n == 1 && row[0] == '*') &&
		    (n != strlen(text) || memcmp(row, text, n) != 0))
			continue;
		row += n + 1;
		if (sk_streq(row, "*")
			? !codes
			: codes && code != NULL && strcasecmp(row, code) == 0)
			return true;
	}
	return false;
}

/* ---- files ---- */

/* Where the user's providers are; malloc'd or NULL. */
static char *
user_dir(void)
{
	struct sk_err ignored = { 0 };
	char *sk = sk_xdg_dir("XDG_CONFIG_HOME", ".config", &ignored), *dir;

	if (sk == NULL)
		return NULL;
	dir = sk_path_join(sk, "providers");
	free(sk);
	return dir;
}

/* Tables are merged, everything else is replaced. */
static void
merge(struct sk_arena *a, struct sk_jv *base, struct sk_jv *over)
{
	for (size_t i = 0; i < over->n; i++) {
		const struct sk_jm *m = &over->m[i];
		struct sk_jv *old = sk_jgetn(base, m->key, m->klen);

		if (old != NULL && old->type == SK_J_OBJ &&
		    m->v->type == SK_J_OBJ && !sk_streq(m->key, "send"))
			merge(a, old, m->v);
		else
			sk_jsetn(a, base, m->key, m->klen, m->v);
	}
}

/* What a file may say: s string, i integer, n number, b flag, l list of
 * strings, t table of strings, c client (string or table). */
static const char *const known[] = { "s display_name", "s kind", "l methods",
	"s issuer", "s discovery", "s pkce", "c client_id", "c client_secret",
	"s scope", "l allowed_scopes", "t extra_params", "b http_error_on_200",
	"b accept_form_response", "l error_path", "l error_text",
	"l verification_hosts", "l id_token_issuers", "l keep", "l env_tokens",
	"s exec_env", "l api_origins", "l git_hosts", "s git_username",
	"l require_workspace", "s client_auth.device", "s client_auth.poll",
	"s client_auth.exchange", "s client_auth.refresh",
	"s client_auth.revoke", "s encoding.device", "s encoding.poll",
	"s encoding.exchange", "s encoding.refresh", "s encoding.revoke",
	"s endpoints.device", "s endpoints.poll", "s endpoints.token",
	"s endpoints.authorize", "s endpoints.revoke", "s endpoints.userinfo",
	"s endpoints.verification", "s endpoints.redirect",
	"s endpoints.paste_redirect", "b device.send_scope",
	"l device.disabled", "l reply.device_code", "l reply.user_code",
	"l reply.verification_uri", "l reply.verification_uri_complete",
	"l reply.interval", "l reply.expires_in", "l reply.expires_at",
	"s poll.grant_type", "t poll.send", "b poll.send_client_id",
	"s poll.result", "l poll.pending", "l poll.slow_down", "l poll.denied",
	"l poll.expired", "l poll.disabled", "l tokens.access_token",
	"l tokens.refresh_token", "l tokens.id_token", "l tokens.token_type",
	"l tokens.scope", "l tokens.expires_in", "i timing.interval",
	"i timing.interval_min", "i timing.interval_max", "n timing.multiplier",
	"i timing.slow_step", "i timing.slow_limit", "b timing.first_wait",
	"i timing.expires_in", "i timing.expires_max", "i timing.blips",
	"i timing.connect_timeout", "i timing.request_timeout",
	"s refresh.style", "b refresh.rotates", "i refresh.grace",
	"i refresh.skew", "i refresh.age_days", "l refresh.permanent",
	"l refresh.expired", "l refresh.reused", "l refresh.revoked",
	"s revoke.style", "s revoke.prefer", "i revoke.timeout",
	"l claims.account_id", "l claims.email", "l claims.name",
	"l claims.plan", "l claims.workspace", "s notes.need",
	"s notes.disabled", "s notes.challenge", "s notes.revoke",
	"s notes.scope", "s foreign.app", "s foreign.env", "s foreign.path",
	"s foreign.file", "s foreign.format", "s foreign.host",
	"s foreign.access_token", "s foreign.expires_ms", NULL };

static bool
list_ok(const struct sk_jv *v)
{
	if (v->type != SK_J_ARR)
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (sk_jstr(v->a[i]) == NULL)
			return false;
	return true;
}

static bool
table_ok(const struct sk_jv *v)
{
	if (v->type != SK_J_OBJ)
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (sk_jstr(v->m[i].v) == NULL)
			return false;
	return true;
}

static bool
type_ok(char type, const struct sk_jv *v)
{
	int64_t i;

	switch (type) {
	case 's':
		return sk_jstr(v) != NULL;
	case 'i':
		return sk_jint(v, &i) && i >= 0;
	case 'n':
		return v->type == SK_J_NUM;
	case 'b':
		return v->type == SK_J_TRUE || v->type == SK_J_FALSE;
	case 'l':
		return list_ok(v);
	case 't':
		return table_ok(v);
	default:
		return sk_jstr(v) != NULL || table_ok(v);
	}
}

/* Every leaf of a file is known and of its type. */
static int
check(const struct sk_jv *v, const char *prefix, const char *file,
    struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < v->n; i++) {
		char *key = sk_asprintf("%s%s", prefix, v->m[i].key);
		const struct sk_jv *child = v->m[i].v;
		const char *spec = NULL, *names[SK_ARRAY_SIZE(known)];
		const char *near;
		bool table = false;
		size_t k;

		for (k = 0; known[k] != NULL; k++) {
			names[k] = known[k] + 2;
			if (sk_streq(names[k], key))
				spec = known[k];
			table = table || (sk_has_prefix(names[k], key) &&
					     names[k][strlen(key)] == '.');
		}
		names[k] = NULL;
		if (spec != NULL && !type_ok(spec[0], child)) {
			rc = sk_fail(err, SK_USAGE, "bad_provider",
			    "%s:%u: '%s' has the wrong type", file, child->line,
			    key);
		} else if (spec == NULL && table && child->type == SK_J_OBJ) {
			char *sub = sk_asprintf("%s.", key);

			rc = check(child, sub, file, err);
			free(sub);
		} else if (spec == NULL) {
			near = sk_closest(key, names);
			rc = sk_fail(err, SK_USAGE, "bad_provider",
			    "%s:%u: unknown key '%s'", file, child->line, key);
			if (near != NULL)
				(void)sk_hint(err, "did you mean '%s'?", near);
		}
		free(key);
	}
	return rc;
}

static int
add_shipped(struct sk_idp *p, const char *id, bool *found, struct sk_err *err)
{
	char *name = sk_asprintf("providers/%s.toml", id);
	const struct sk_data_file *f = sk_data_find(name);
	struct sk_jv *root;
	int rc = 0;

	*found = f != NULL;
	if (f != NULL) {
		rc = sk_toml_parse(&p->arena, f->text, f->n, name, &root, err);
		if (rc == 0 && p->root == NULL)
			p->root = root;
		else if (rc == 0)
			merge(&p->arena, p->root, root);
	}
	free(name);
	return rc;
}

static int
add_user(struct sk_idp *p, const char *id, bool *found, struct sk_err *err)
{
	char *dir = user_dir(), *name, *path;
	struct sk_jv *root;
	struct sk_buf b;
	int rc = 0;

	if (dir == NULL)
		return 0;
	name = sk_asprintf("%s.toml", id);
	path = sk_path_join(dir, name);
	if (access(path, F_OK) == 0) {
		*found = true;
		sk_buf_init(&b, 1u << 20);
		rc = sk_read_file(path, 1u << 20, &b, err);
		if (rc == 0)
			rc = sk_toml_parse(
			    &p->arena, b.p, b.len, path, &root, err);
		if (rc == 0)
			rc = check(root, "", path, err);
		if (rc == 0)
			merge(&p->arena, p->root, root);
		sk_buf_free(&b);
	}
	free(path);
	free(name);
	free(dir);
	return rc;
}

static int
no_such(const char *id, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	const char *near;

	(void)sk_fail(
	    err, SK_USAGE, "no_such_provider", "no provider '%.64s'", id);
	sk_idp_names(&all);
	near = sk_closest(id, (const char *const *)all.v);
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	else
		(void)sk_hint(err, "'sk-login providers' lists them");
	sk_strv_free(&all);
	return err->exit;
}

/* SK_LOGIN_URL_OPENAI_API_TOKEN: for "openai-api" and "token". */
static const char *
endpoint_env(const struct sk_idp *p, const char *name)
{
	char *var = sk_asprintf("SK_LOGIN_URL_%s_%s", p->id, name);
	const char *v;

	for (char *c = var; *c != '\0'; c++)
		*c = *c == '-' || *c == '.' ? '_'
		                            : (char)toupper((unsigned char)*c);
	v = getenv(var);
	free(var);
	return v != NULL && v[0] != '\0' ? v : NULL;
}

/* Where a user's environment moves a provider to. (What was logged in before
 * does not move with it: tokens are bound to their origin.) */
static void
environment(struct sk_idp *p)
{
	static const char *const names[] = { "issuer", "device", "poll",
		"token", "authorize", "revoke", "userinfo", "verification",
		"redirect" };
	const char *v;
	char key[64];

	for (size_t i = 0; i < SK_ARRAY_SIZE(names); i++) {
		v = endpoint_env(p, names[i]);
		if (v == NULL)
			continue;
		(void)snprintf(key, sizeof(key), "%s%s",
		    i == 0 ? "" : "endpoints.", names[i]);
		sk_idp_set(p, key, v);
	}
}

int
sk_idp_get(struct sk_idp *p, const char *id, struct sk_err *err)
{
	bool base, shipped = false, user = false;
	int rc;

	memset(p, 0, sizeof(*p));
	if (!sk_ident_ok(id) || sk_streq(id, "defaults"))
		return no_such(id, err);
	p->id = sk_arena_strdup(&p->arena, id);
	rc = add_shipped(p, "defaults", &base, err);
	if (rc == 0)
		rc = add_shipped(p, id, &shipped, err);
	if (rc == 0)
		rc = add_user(p, id, &user, err);
	if (rc == 0 && !shipped && !user)
		rc = no_such(id, err);
	p->shipped = shipped && !user;
	if (rc == 0)
		environment(p);
	if (rc != 0)
		sk_idp_free(p);
	return rc;
}

void
sk_idp_free(struct sk_idp *p)
{
	sk_arena_free(&p->arena);
	memset(p, 0, sizeof(*p));
}

/* "x.toml" → "x", once. */
static void
add_name(struct sk_strv *names, const char *base)
{
	char *name;

	if (!sk_has_suffix(base, ".toml"))
		return;
	name = sk_strndup(base, strlen(base) - 5);
	if (sk_ident_ok(name) && !sk_streq(name, "defaults") &&
	    !sk_strv_has(names, name))
		sk_strv_add(names, name);
	free(name);
}

void
sk_idp_names(struct sk_strv *names)
{
	char *dir = user_dir();
	DIR *d = dir != NULL ? opendir(dir) : NULL;
	struct dirent *e;

	while (d != NULL && (e = readdir(d)) != NULL)
		add_name(names, e->d_name);
	if (d != NULL)
		(void)closedir(d);
	free(dir);
	for (size_t i = 0; sk_data_files[i].name != NULL; i++)
		if (sk_has_prefix(sk_data_files[i].name, "providers/"))
			add_name(names, sk_data_files[i].name + 10);
	sk_strv_sort(names);
}

/* ---- values with an origin of their own ---- */

void
sk_idp_set(struct sk_idp *p, const char *key, const char *value)
{
	struct sk_jv *o = p->root, *next;
	size_t n;

	p->shipped = false;
	while (key[n = strcspn(key, ".")] == '.') {
		next = sk_jgetn(o, key, n);
		if (next == NULL || next->type != SK_J_OBJ) {
			next = sk_jnew(&p->arena, SK_J_OBJ);
			sk_jsetn(&p->arena, o, key, n, next);
		}
		o = next;
		key += n + 1;
	}
	sk_jset(&p->arena, o, key, sk_jnew_cstr(&p->arena, value));
}

int
sk_idp_client(
    struct sk_idp *p, const char *key, const char **out, struct sk_err *err)
{
	const struct sk_jv *v = sk_idp_val(p, key);
	const char *env, *file;
	struct sk_buf b;
	int rc;

	*out = NULL;
	if (v == NULL || v->type == SK_J_STR) {
		*out = sk_idp_str(p, key);
		return 0;
	}
	env = sk_jget_str(v, "env");
	file = sk_jget_str(v, "file");
	if (env != NULL) {
		*out = getenv(env);
		if (*out != NULL && (*out)[0] == '\0')
			*out = NULL;
	}
	if (*out != NULL || file == NULL)
		return 0;
	sk_buf_init(&b, 4096);
	rc = sk_read_file(file, 4096, &b, err);
	while (b.len > 0 && isspace((unsigned char)b.p[b.len - 1]))
		b.len--;
	if (rc == 0)
		*out = sk_arena_strndup(&p->arena, b.p, b.len);
	sk_auth_wipe(&b);
	return rc;
}

int
provider_endpoint(
    struct sk_idp *p, const char *name, const char **out, struct sk_err *err)
{
	char key[64];
	const char *tmpl, *issuer, *at;
	struct auth_url u;
	struct sk_buf b;

	*out = NULL;
	(void)snprintf(key, sizeof(key), "endpoints.%s", name);
	tmpl = sk_idp_str(p, key);
	if (tmpl == NULL)
		return 0;
	issuer = sk_idp_str(p, "issuer");
	sk_buf_init(&b, 4096);
	at = strstr(tmpl, "{issuer}");
	if (at != NULL) {
		sk_buf_add(&b, tmpl, (size_t)(at - tmpl));
		sk_buf_str(&b, issuer != NULL ? issuer : "");
		while (b.len > 0 && b.p[b.len - 1] == '/')
			b.len--;
		sk_buf_str(&b, at + strlen("{issuer}"));
	} else {
		sk_buf_str(&b, tmpl);
	}
	*out = sk_arena_strndup(&p->arena, b.p, b.len);
	sk_buf_free(&b);
	return auth_url_check(name, *out, &u, err);
}
