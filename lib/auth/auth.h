/* SPDX-License-Identifier: MIT */
/*
 * auth: providers, device flows, the token store, refresh.
 *
 * Promises: a secret leaves this room only as the text that
 * sk_auth_token() gives, to be written to a pipe; it is in no error message,
 * no log and no argument. Tokens on disk are encrypted, and a file that cannot
 * be read is never written over. A refresh is decided inside one lock, and a
 * refresh token is not sent again after a request began, unless the provider
 * says that it may be. Everything a server says is data: checked, bounded, and
 * shown only with its control bytes visible.
 *
 * Ownership: a provider, a document and a session own all that they point to
 * until they are freed; freeing overwrites what was secret.
 */
#ifndef SK_AUTH_H
#define SK_AUTH_H

#include "core/core.h"
#include "json/json.h"

/* ---- this process (harden.c) ---- */

/* No core files, not dumpable, memory locked where it is allowed. */
void sk_auth_harden(void);

/* ---- providers (provider.c) ---- */

/* An identity provider: who gives tokens. */
struct sk_idp {
	struct sk_arena arena;
	struct sk_jv *root; /* defaults, shipped file, user's file, options */
	const char *id;
	/* Shipped and not the user's: its hosts are public ones. */
	bool shipped;
};
int sk_idp_get(struct sk_idp *p, const char *id, struct sk_err *err);
void sk_idp_free(struct sk_idp *p);
/* The names of all, sorted. */
void sk_idp_names(struct sk_strv *names);
/* Dotted keys ("refresh.skew"). */
struct sk_jv *sk_idp_val(const struct sk_idp *p, const char *key);
const char *sk_idp_str(const struct sk_idp *p, const char *key);
/* One option of the caller's over the file: "issuer", "client_id", … */
void sk_idp_set(struct sk_idp *p, const char *key, const char *value);
/* The client's id or secret: literal, environment or file; NULL = none. */
int sk_idp_client(
    struct sk_idp *p, const char *key, const char **out, struct sk_err *err);

/* ---- the store (store.c, rekey.c) ---- */

struct sk_auth;
struct sk_auth_opts {
	const char *store; /* file, keyring, auto, ephemeral; NULL = settings */
	int64_t passphrase_fd; /* -1 = none */
	bool no_input;
	bool read_only; /* never refreshes, never writes */
};
/* Opens nothing yet: the store is opened by the first use of it. */
struct sk_auth *sk_auth_new(const struct sk_auth_opts *o);
void sk_auth_free(struct sk_auth *a);
/* Makes it when it is not there; writes, reads back and removes a probe. */
int sk_auth_probe(struct sk_auth *a, struct sk_err *err);
/* "file '/…/tokens', key file '…'" for people. */
const char *sk_auth_where(struct sk_auth *a);
/* Keep the key of a passphrase for a while. */
int sk_auth_unlock(struct sk_auth *a, int64_t ms, struct sk_err *err);
int sk_auth_lock_again(struct sk_auth *a, struct sk_err *err);

struct sk_rekey {
	const char
	    *key; /* file, passphrase, command, keyring; NULL = settings */
	const char *key_file; /* absolute; NULL = in the old one's place */
	int64_t passphrase_fd; /* of the new one; -1 = the terminal */
};
/*
 * Seals all that is stored under another key. The whole of it changes at one
 * instant: until then, and whenever it is killed before, the store is the old
 * one. SK_AGAIN while others write.
 */
int
sk_auth_rekey(struct sk_auth *a, const struct sk_rekey *o, struct sk_err *err);

/* ---- logging in (login.c, wait.c, show.c) ---- */

struct sk_login_opts {
	const char *account; /* NULL = by the login itself, or "default" */
	const char *method; /* paste, loopback, token; NULL = by the rest */
	struct sk_strv workspaces; /* empty = any */
	const char *issuer, *client_id, *scope, *discovery;
	bool no_input;
	int64_t timeout_ms; /* 0 = the server's */
};
/* What a flow tells its caller: a finished event, one JSON object. */
typedef void (*sk_login_fn)(void *arg, const struct sk_jv *event);

/* The whole of it: device flow, code flow, or a token from standard input. */
int
sk_login(struct sk_auth *a, const char *provider, const struct sk_login_opts *o,
    sk_login_fn tell, void *arg, struct sk_err *err);
/* In two steps: the event "code" has a handle; wait ends when approved. */
int sk_login_start(struct sk_auth *a, const char *provider,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err);
int sk_login_wait(struct sk_auth *a, const char *handle,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err);
int sk_login_cancel(struct sk_auth *a, const char *handle, struct sk_err *err);

/* A QR code on standard error, a browser: by the programs that do it, if they
 * are there. */
void sk_auth_show_qr(const char *uri);
void sk_auth_open_browser(const char *uri);

/* ---- using (refresh.c, harden.c, status.c, account.c, keep.c) ---- */

struct sk_token_opts {
	const char *account; /* NULL = the current one */
	const char *from; /* another program's login: "codex" */
	const char *origin; /* refuse unless the token is for this origin */
	bool force; /* refresh though it is not due */
	/* The token that was refused with 401: refresh only if it is still
	 * the stored one. NULL = none. */
	const char *rejected;
	int64_t min_ttl_ms; /* -1 = the provider's skew */
	bool online; /* status: ask the server whether it takes the token */
};
/* The access token, appended to out (wipe it with sk_auth_wipe()). */
int sk_auth_token(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, struct sk_buf *out, struct sk_err *err);
/* Overwrites and frees. */
void sk_auth_wipe(struct sk_buf *b);
/* Refresh now and say what was done: "refreshed", "fresh", "not_refreshable" */
int sk_auth_refresh(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, const char **what, struct sk_err *err);
/* Becomes argv with the token in the variable env (NULL = the provider's). */
int sk_auth_exec(const char *provider, const char *env, const char *token,
    char **argv, struct sk_err *err);
/* state (valid, due, expired, dead, interrupted, none, environment),
 * usable, account, email, plan, scope, expires_at … into the open object.
 * Returns 0 or SK_LOGIN with no message. */
int sk_auth_status(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, struct sk_jw *w, struct sk_err *err);
/* What was done; not_revoked: why the server was not told, in a word, or "". */
struct sk_logout {
	bool was, revoked;
	char not_revoked[40];
};
/* Local by default; account NULL = all of the provider's. */
int sk_auth_logout(struct sk_auth *a, const char *provider, const char *account,
    bool revoke, struct sk_logout *done, struct sk_err *err);
int sk_auth_switch(struct sk_auth *a, const char *provider, const char *account,
    struct sk_err *err);
/* An API key or a long-lived token, read by the caller. */
int sk_auth_put(struct sk_auth *a, const char *provider, const char *account,
    const char *token, size_t n, struct sk_err *err);

/* ---- showing (report.c) ---- */

/* An event of a login, to the person at standard error. */
void sk_auth_say(const struct sk_jv *event, bool browser, bool qr);
/* The documents on standard output. providers is NULL-terminated; none = all
 * that are stored. SK_LOGIN without a message when a login is needed. */
int sk_auth_show_status(struct sk_auth *a, char *const *providers,
    const struct sk_token_opts *o, bool text, struct sk_err *err);
int sk_auth_show_whoami(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, bool text, struct sk_err *err);
void sk_auth_show_change(bool text, const char *action, const char *provider,
    const char *account, const char *result);
void sk_auth_show_logout(bool text, const char *provider, const char *account,
    const struct sk_logout *done);
/* All providers, or the whole of one; a table goes out by itself. */
int sk_auth_providers(
    struct sk_buf *b, const char *name, bool text, struct sk_err *err);

/* ---- between machines (bundle.c) ---- */

/* Those named (NULL-terminated), or all when none is. */
int sk_auth_export(struct sk_auth *a, char *const *providers, int64_t pass_fd,
    struct sk_buf *out, struct sk_err *err);
/* file NULL or "-" = standard input; names gets what was taken. */
int sk_auth_import(struct sk_auth *a, const char *file, int64_t pass_fd,
    bool replace, struct sk_strv *names, struct sk_err *err);

/* ---- git's credential protocol (gitcred.c) ---- */

/* op: get, store, erase; git's text comes from fd; the answer goes to out. */
int sk_auth_git(struct sk_auth *a, const char *op, int fd, struct sk_buf *out,
    struct sk_err *err);

#endif
