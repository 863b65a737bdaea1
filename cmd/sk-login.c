/* SPDX-License-Identifier: MIT */
/* sk-login: log in, and give tokens to other tools. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/auth.h"
#include "cli/cli.h"

/* ---- what the verbs share ---- */

struct store_opts {
	const char *store;
	int64_t passphrase_fd;
};
#define STORE_INIT \
	{ \
		.passphrase_fd = -1 \
	}
#define STORE_OPTS(T) \
	SK_OPT_ENUM(T, 0, "store", "MODE", s.store, \
	    "file keyring auto ephemeral", "where tokens are kept", \
	    "The default is an encrypted file."), \
	    SK_OPT_INT(T, 0, "passphrase-fd", "N", s.passphrase_fd, -1, 1023, \
		"read a passphrase from descriptor N", NULL)
#define ACCOUNT_OPT(T) \
	SK_OPT_STR(T, 'a', "account", "NAME", account, SK_C_NONE, \
	    "another account than the current one", NULL)

static struct sk_auth *
open_auth(const struct sk_ctx *ctx, const struct store_opts *s, bool read_only)
{
	struct sk_auth_opts o = { .store = s->store,
		.passphrase_fd = s->passphrase_fd,
		.no_input = ctx->no_input,
		.read_only = read_only };

	sk_auth_harden();
	return sk_auth_new(&o);
}

static void
change(const struct sk_ctx *ctx, const char *action, const char *provider,
    const char *account, const char *result)
{
	sk_auth_show_change(
	    ctx->format == SK_FMT_TEXT, action, provider, account, result);
}

/* Of the verbs with few options. */
struct plain_opts {
	struct store_opts s;
	struct sk_rekey r;
	const char *account;
	int64_t time;
	bool replace, revoke;
};
static const struct plain_opts plain_init = {
	.s = STORE_INIT, .r.passphrase_fd = -1, .time = 600000
};
/* ---- login ---- */

struct login_opts {
	struct store_opts s;
	const char *account, *method, *issuer, *client_id, *scope, *discovery;
	struct sk_strv workspace;
	bool browser, no_qr;
	int64_t timeout;
};
static const struct login_opts login_init = { .s = STORE_INIT };
static const struct sk_opt login_opts[] = {
	SK_OPT_STR(struct login_opts, 'a', "account", "NAME", account,
	    SK_C_NONE, "keep it under this name",
	    "The default is what the login says of itself, or default."),
	SK_OPT_LIST(struct login_opts, 'w', "workspace", "ID", workspace,
	    SK_C_NONE, "refuse a login for any other workspace", NULL),
	SK_OPT_ENUM(struct login_opts, 'm', "method", "HOW", method,
	    "paste loopback token", "how the code or the token comes in",
	    "With token, one that was made elsewhere is read from standard "
	    "input."),
	SK_OPT_FLAG(struct login_opts, 'b', "browser", browser,
	    "open a browser", "It is never opened unasked."),
	SK_OPT_FLAG(struct login_opts, 0, "no-qr", no_qr,
	    "no QR code on the terminal", NULL),
	SK_OPT_STR(struct login_opts, 0, "issuer", "URL", issuer, SK_C_NONE,
	    "the server, for the provider oidc", NULL),
	SK_OPT_STR(struct login_opts, 0, "client-id", "ID", client_id,
	    SK_C_NONE, "the client to log in as", NULL),
	SK_OPT_STR(struct login_opts, 0, "scope", "SCOPES", scope, SK_C_NONE,
	    "what to ask for, separated by blanks", NULL),
	SK_OPT_ENUM(struct login_opts, 0, "discovery", "HOW", discovery,
	    "none oidc rfc8414", "how the server's endpoints are found", NULL),
	SK_OPT_DUR(struct login_opts, 't', "timeout", "TIME", timeout,
	    "wait so long, not as long as the code is valid", NULL),
	STORE_OPTS(struct login_opts), SK_OPT_END
};

struct telling {
	const struct sk_ctx *ctx;
	const struct login_opts *o;
};

static void
tell(void *arg, const struct sk_jv *e)
{
	const struct telling *t = arg;
	struct sk_err ignored = { 0 };
	const char *id;
	struct sk_buf b;

	sk_auth_say(e, t->o->browser, !t->o->no_qr);
	if (t->ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		sk_json_write(&b, e);
		sk_buf_ch(&b, '\n');
		sk_out_json(&b);
		sk_buf_free(&b);
		/* Who waits for the code must see it now. */
		(void)sk_out_flush(&ignored);
		sk_err_clear(&ignored);
	} else if (sk_streq(sk_jget_str(e, "event"), "login")) {
		id = sk_jget_str(e, "account");
		sk_buf_init(&b, 0);
		sk_buf_visible(&b, id, strlen(id), false);
		sk_outf(
		    "logged in to %s as %s\n", sk_jget_str(e, "provider"), b.p);
		sk_buf_free(&b);
	} else if (sk_jget(e, "handle") != NULL &&
		   sk_streq(t->ctx->argv[0], "start")) {
		sk_outf("%s\n", sk_jget_str(e, "handle"));
	}
}

static int
verb_login(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct login_opts *o = ctx->opts;
	struct sk_login_opts lo = { .account = o->account,
		.method = o->method,
		.workspaces = o->workspace,
		.issuer = o->issuer,
		.client_id = o->client_id,
		.scope = o->scope,
		.discovery = o->discovery,
		.no_input = ctx->no_input,
		.timeout_ms = o->timeout };
	struct telling t = { .ctx = ctx, .o = o };
	const char *verb = ctx->argv[0], *what = ctx->argv[1];
	struct sk_auth *a;
	int rc;

	if ((sk_streq(verb, "start") || sk_streq(verb, "wait") ||
		sk_streq(verb, "cancel")) != (what != NULL)) {
		(void)sk_fail(err, SK_USAGE, "usage",
		    what == NULL ? "'%s' needs an operand"
				 : "'%s' takes no operand",
		    verb);
		return sk_hint(err, "sk-login login PROVIDER, or login start "
				    "PROVIDER and login wait HANDLE");
	}
	a = open_auth(ctx, &o->s, false);
	if (what == NULL) {
		rc = sk_login(a, verb, &lo, tell, &t, err);
	} else if (sk_streq(verb, "start")) {
		rc = sk_login_start(a, what, &lo, tell, &t, err);
	} else if (sk_streq(verb, "wait")) {
		rc = sk_login_wait(a, what, &lo, tell, &t, err);
	} else {
		rc = sk_login_cancel(a, what, err);
		if (rc == 0)
			change(ctx, "cancel", NULL, NULL, "cancelled");
	}
	sk_auth_free(a);
	return rc;
}

/* ---- token, exec, refresh ---- */

struct token_opts {
	struct store_opts s;
	const char *account, *from, *origin, *env;
	int64_t fd, rejected_fd, min_ttl;
	bool print, no_refresh;
};
static const struct token_opts token_init = {
	.s = STORE_INIT, .fd = -1, .rejected_fd = -1, .min_ttl = -1
};
#define USE_OPTS(T) \
	ACCOUNT_OPT(T), \
	    SK_OPT_STR(T, 0, "from", "PROGRAM", from, SK_C_NONE, \
		"read the login of codex, gh, gemini, claude, qwen", \
		"Its file is read and never written."), \
	    SK_OPT_STR(T, 0, "for", "URL", origin, SK_C_NONE, \
		"refuse unless the token is for this address", \
		"Scheme, host and port are compared exactly with " \
		"api_origins."), \
	    SK_OPT_FLAG(T, 0, "no-refresh", no_refresh, \
		"read-only: never refresh, never write", \
		"As with SK_LOGIN_READ_ONLY=1.")
static const struct sk_opt token_opts[] = { USE_OPTS(struct token_opts),
	SK_OPT_INT(struct token_opts, 0, "fd", "N", fd, 3, 1023,
	    "write it to descriptor N", NULL),
	SK_OPT_FLAG(struct token_opts, 0, "print", print,
	    "print it on a terminal, too", NULL),
	SK_OPT_INT(struct token_opts, 0, "rejected-fd", "N", rejected_fd, 0,
	    1023, "a token refused with 401; refresh if it is this one", NULL),
	SK_OPT_DUR(struct token_opts, 0, "min-ttl", "TIME", min_ttl,
	    "refresh when it holds for less", NULL),
	STORE_OPTS(struct token_opts), SK_OPT_END };
static const struct sk_opt exec_opts[] = { USE_OPTS(struct token_opts),
	SK_OPT_STR(struct token_opts, 'e', "env", "NAME", env, SK_C_NONE,
	    "the variable that gets the token", NULL),
	STORE_OPTS(struct token_opts), SK_OPT_END };

static int
read_rejected(int64_t fd, struct sk_buf *b, struct sk_err *err)
{
	int rc;

	rc = sk_read_fd((int)fd, (size_t)2 << 20, b, "rejected token", err);
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
	return rc;
}

static int
get_token(struct sk_ctx *ctx, const struct token_opts *o, struct sk_buf *t,
    struct sk_err *err)
{
	struct sk_token_opts to = { .account = o->account,
		.from = o->from,
		.origin = o->origin,
		.min_ttl_ms = o->min_ttl };
	struct sk_buf rejected;
	struct sk_auth *a;
	int rc = 0;

	sk_buf_init(&rejected, (size_t)4 << 20);
	a = open_auth(ctx, &o->s, o->no_refresh);
	if (o->rejected_fd >= 0) {
		rc = read_rejected(o->rejected_fd, &rejected, err);
		to.rejected = rejected.p;
	}
	if (rc == 0)
		rc = sk_auth_token(a, ctx->argv[0], &to, t, err);
	sk_auth_wipe(&rejected);
	sk_auth_free(a);
	return rc;
}

static int
verb_token(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct token_opts *o = ctx->opts;
	struct sk_buf t = { 0 };
	int rc;

	if (o->fd < 0 && sk_stdout_tty() && !o->print) {
		(void)sk_fail(err, SK_USAGE, "terminal",
		    "a token is not printed on a terminal");
		return sk_hint(
		    err, "give it to a program by a pipe, or say --print");
	}
	rc = get_token(ctx, o, &t, err);
	if (rc == 0)
		sk_buf_ch(&t, '\n');
	if (rc == 0 && o->fd >= 0 && sk_write_all((int)o->fd, t.p, t.len) != 0)
		rc = sk_fail_errno(
		    err, "cannot write to descriptor %d", (int)o->fd);
	else if (rc == 0 && o->fd < 0)
		sk_out(t.p, t.len);
	if (t.p != NULL)
		sk_auth_wipe(&t);
	return rc;
}

static int
verb_exec(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct token_opts *o = ctx->opts;
	struct sk_buf t = { 0 };
	int rc;

	rc = get_token(ctx, o, &t, err);
	if (rc == 0)
		rc =
		    sk_auth_exec(ctx->argv[0], o->env, t.p, ctx->argv + 1, err);
	if (t.p != NULL)
		sk_auth_wipe(&t);
	return rc;
}

static int
verb_refresh(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_token_opts to = {
		.account = o->account, .force = true, .min_ttl_ms = -1
	};
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	const char *what = "";
	int rc;

	rc = sk_auth_refresh(a, ctx->argv[0], &to, &what, err);
	if (rc == 0)
		change(ctx, "refresh", ctx->argv[0], o->account, what);
	sk_auth_free(a);
	return rc;
}

/* ---- status, whoami ---- */

struct status_opts {
	struct store_opts s;
	const char *account, *from;
	bool online;
};
static const struct status_opts status_init = { .s = STORE_INIT };
static const struct sk_opt status_opts[] = { ACCOUNT_OPT(struct status_opts),
	SK_OPT_STR(struct status_opts, 0, "from", "PROGRAM", from, SK_C_NONE,
	    "look at another program's login", NULL),
	SK_OPT_FLAG(struct status_opts, 0, "online", online,
	    "ask the server whether it takes the token",
	    "By the provider's userinfo endpoint; what is due is refreshed."),
	STORE_OPTS(struct status_opts), SK_OPT_END };

static int
verb_status(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct status_opts *o = ctx->opts;
	struct sk_token_opts to = { .account = o->account,
		.from = o->from,
		.online = o->online,
		.min_ttl_ms = -1 };
	struct sk_auth *a = open_auth(ctx, &o->s, !o->online);
	bool text = ctx->format == SK_FMT_TEXT;
	int rc;

	if (sk_streq(ctx->verb->name, "whoami"))
		rc = sk_auth_show_whoami(a, ctx->argv[0], &to, text, err);
	else
		rc = sk_auth_show_status(a, ctx->argv, &to, text, err);
	sk_auth_free(a);
	return rc;
}

/* ---- providers ---- */

static int
verb_providers(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_auth_harden();
	sk_buf_init(&b, 0);
	rc = sk_auth_providers(
	    &b, ctx->argv[0], ctx->format == SK_FMT_TEXT, err);
	if (rc == 0)
		sk_out(b.p, b.len);
	sk_buf_free(&b);
	return rc;
}

/* ---- logout, switch, unlock, lock ---- */

static const struct sk_opt logout_opts[] = {
	SK_OPT_STR(struct plain_opts, 'a', "account", "NAME", account,
	    SK_C_NONE, "only this account", NULL),
	SK_OPT_FLAG(struct plain_opts, 0, "revoke", revoke,
	    "tell the server too", "It may end the login on other machines."),
	STORE_OPTS(struct plain_opts), SK_OPT_END
};

static int
verb_logout(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	struct sk_logout done;
	int rc;

	rc = sk_auth_logout(a, ctx->argv[0], o->account, o->revoke, &done, err);
	if (rc == 0)
		sk_auth_show_logout(ctx->format == SK_FMT_TEXT, ctx->argv[0],
		    o->account, &done);
	sk_auth_free(a);
	return rc;
}

static const struct sk_opt refresh_opts[] = { ACCOUNT_OPT(struct plain_opts),
	STORE_OPTS(struct plain_opts), SK_OPT_END };
static const struct sk_opt plain_opts[] = { STORE_OPTS(struct plain_opts),
	SK_OPT_END };
static const struct sk_opt unlock_opts[] = { SK_OPT_DUR(struct plain_opts, 't',
						 "time", "TIME", time,
						 "for so long (10m)", NULL),
	STORE_OPTS(struct plain_opts), SK_OPT_END };
static const struct sk_opt import_opts[] = {
	SK_OPT_FLAG(struct plain_opts, 0, "replace", replace,
	    "take the bundle's where both have an account", NULL),
	STORE_OPTS(struct plain_opts), SK_OPT_END
};

static int
verb_switch(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	int rc;

	rc = sk_auth_switch(a, ctx->argv[0], ctx->argv[1], err);
	if (rc == 0)
		change(ctx, "switch", ctx->argv[0], ctx->argv[1], "switched");
	sk_auth_free(a);
	return rc;
}

/* ---- the store's key ---- */

static const struct sk_opt rekey_opts[] = {
	SK_OPT_ENUM(struct plain_opts, 0, "key", "KIND", r.key,
	    "file passphrase command keyring", "what the new key is",
	    "The default is what login.toml says for a new store."),
	SK_OPT_STR(struct plain_opts, 0, "key-file", "FILE", r.key_file,
	    SK_C_FILE, "the new key's file, made if it is not there",
	    "The default is the old one's place."),
	SK_OPT_INT(struct plain_opts, 0, "new-passphrase-fd", "N",
	    r.passphrase_fd, -1, 1023, "read the new passphrase from N", NULL),
	STORE_OPTS(struct plain_opts), SK_OPT_END
};

/* unlock, lock, rekey */
static int
verb_key(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	const char *verb = ctx->verb->name, *done = "unlocked";
	int rc;

	if (sk_streq(verb, "lock")) {
		rc = sk_auth_lock_again(a, err);
		done = "locked";
	} else if (sk_streq(verb, "rekey")) {
		rc = sk_auth_rekey(a, &o->r, err);
		done = "rekeyed";
	} else {
		rc = sk_auth_unlock(a, o->time, err);
	}
	if (rc == 0)
		change(ctx, verb, NULL, NULL, done);
	sk_auth_free(a);
	return rc;
}

/* ---- export, import ---- */

static int
verb_export(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, true);
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_auth_export(a, ctx->argv, o->s.passphrase_fd, &b, err);
	if (rc == 0)
		sk_out(b.p, b.len);
	sk_buf_free(&b);
	sk_auth_free(a);
	return rc;
}

static int
verb_import(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	struct sk_strv names = { 0 };
	int rc;

	rc = sk_auth_import(
	    a, ctx->argv[0], o->s.passphrase_fd, o->replace, &names, err);
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		change(ctx, "import", names.v[i], NULL, "imported");
	sk_strv_free(&names);
	sk_auth_free(a);
	return rc;
}

/* ---- git ---- */

static int
verb_git(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct plain_opts *o = ctx->opts;
	struct sk_auth *a = open_auth(ctx, &o->s, false);
	struct sk_buf out = { 0 };
	int rc;

	rc = sk_auth_git(a, ctx->verb->name, STDIN_FILENO, &out, err);
	if (rc == 0)
		sk_out(out.p, out.len);
	if (out.p != NULL)
		sk_auth_wipe(&out);
	sk_auth_free(a);
	return rc;
}

/* ---- the tool ---- */

#define VERB(n, ops, why, ex, o, init, lo, hi, fl, fn) \
	{ \
		.name = n, .operands = ops, .purpose = why, .examples = ex, \
		.opts = o, .opts_size = sizeof(init), .opts_init = &init, \
		.min_args = lo, .max_args = hi, .flags = fl, .run = fn \
	}

static const char *const login_ex[] = { "sk-login login openai",
	"sk-login login oidc --issuer https://id.example.org --client-id cli",
	"h=$(sk-login login start github --json | jq -r .handle)",
	"sk-login login wait \"$h\"", NULL };
static const char *const token_ex[] = {
	"sk-login token openai --for https://api.openai.com | other-tool", NULL
};
static const char *const exec_ex[] = { "sk-login exec github -- gh repo list",
	NULL };
static const char *const status_ex[] = { "sk-login status",
	"sk-login status openai --json | jq -r '.providers[0].state'", NULL };
static const char *const export_ex[] = {
	"sk-login export openai --passphrase-fd 3 3<phrase >bundle", NULL
};
static const char *const get_ex[] = {
	"git config credential.https://github.com.helper '!sk-login'", NULL
};

/* clang-format off */
static const struct sk_verb verbs[] = {
	VERB("login", "[start|wait|cancel] PROVIDER|HANDLE",
	    "log in; start and wait are its two halves", login_ex,
	    login_opts, login_init, 1, 2, 0, verb_login),
	VERB("status", "[PROVIDER]…", "what is valid; 4 when login is needed",
	    status_ex, status_opts, status_init, 0, -1, 0, verb_status),
	VERB("token", "PROVIDER", "give the token to a pipe or a descriptor",
	    token_ex, token_opts, token_init, 1, 1, SK_V_RAW, verb_token),
	VERB("exec", "PROVIDER -- COMMAND [ARG]…",
	    "run a command with the token in its environment", exec_ex,
	    exec_opts, token_init, 2, -1, SK_V_RAW, verb_exec),
	VERB("refresh", "PROVIDER", "get a new token now", NULL, refresh_opts,
	    plain_init, 1, 1, 0, verb_refresh),
	VERB("logout", "PROVIDER", "forget a login, here or at the server too",
	    NULL, logout_opts, plain_init, 1, 1, 0, verb_logout),
	VERB("whoami", "PROVIDER", "who is logged in", NULL, status_opts,
	    status_init, 1, 1, 0, verb_status),
	VERB("providers", "[PROVIDER]", "list providers and what each needs",
	    NULL, NULL, plain_init, 0, 1, 0, verb_providers),
	VERB("switch", "PROVIDER ACCOUNT", "use another account from now on",
	    NULL, plain_opts, plain_init, 2, 2, 0, verb_switch),
	VERB("export", "[PROVIDER]…", "logins as an encrypted bundle",
	    export_ex, plain_opts, plain_init, 0, -1, SK_V_RAW, verb_export),
	VERB("import", "[FILE]", "take the logins of a bundle", NULL,
	    import_opts, plain_init, 0, 1, 0, verb_import),
	VERB("unlock", NULL, "keep the key of a passphrase for a while", NULL,
	    unlock_opts, plain_init, 0, 0, 0, verb_key),
	VERB("lock", NULL, "forget the key of a passphrase", NULL, plain_opts,
	    plain_init, 0, 0, 0, verb_key),
	VERB("rekey", NULL, "seal the store under another key", NULL,
	    rekey_opts, plain_init, 0, 0, 0, verb_key),
	VERB("get", NULL, "git's credential protocol: give", get_ex,
	    plain_opts, plain_init, 0, 0, SK_V_RAW, verb_git),
	VERB("store", NULL, "git's credential protocol: keep", NULL,
	    plain_opts, plain_init, 0, 0, SK_V_RAW, verb_git),
	VERB("erase", NULL, "git's credential protocol: refused", NULL,
	    plain_opts, plain_init, 0, 0, SK_V_RAW, verb_git),
	{ .run = NULL }
};
/* clang-format on */

static const char *const schemas[] = { "login", "login-change",
	"login-provider", "login-providers", "login-status", "login-whoami",
	NULL };
static const char *const see_also[] = { "sk-run 1", "sk-config 5",
	"sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-login",
	.purpose = "log in, and give tokens to other tools",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
