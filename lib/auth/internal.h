/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef SK_AUTH_INTERNAL_H
#define SK_AUTH_INTERNAL_H

#include "auth/auth.h"
#include "sys/sys.h"

#define AUTH_FILE_MAX ((size_t)8 << 20)
#define AUTH_TOKEN_MAX ((size_t)2 << 20)
#define AUTH_KEY_LEN 32u

/* ---- harden.c ---- */

void auth_wipe_tree(struct sk_jv *v);
void auth_buf(struct sk_buf *b, size_t room);
void auth_nap(int64_t ms);

/* ---- seal.c: one message in a file ---- */

/* Where the key comes from: a byte of the header. */
enum auth_key_kind {
	AUTH_KEY_FILE,
	AUTH_KEY_PASS,
	AUTH_KEY_COMMAND,
	AUTH_KEY_SECRET, /* the Secret Service */
	AUTH_KEY_KINDS
};
#define AUTH_HEADER_LEN 64u
struct auth_header {
	uint8_t kind;
	uint32_t ops, mem_kib; /* Argon2id */
	unsigned char salt[16];
	unsigned char key_id[8];
	unsigned char nonce[24];
};
/* Foreign, torn, newer and hostile headers are refused; what = its name. */
int auth_header_read(const char *p, size_t n, struct auth_header *h,
    const char *what, struct sk_err *err);
/* Fills h->key_id and a fresh nonce; out gets header and ciphertext. */
void auth_seal(struct auth_header *h, const unsigned char *key, const char *p,
    size_t n, struct sk_buf *out);
/* out gets the plain text (an auth_buf). */
int auth_unseal(const struct auth_header *h, const unsigned char *key,
    const char *p, size_t n, const char *what, struct sk_buf *out,
    struct sk_err *err);
void auth_key_id(const unsigned char *key, unsigned char id[8]);

/* ---- key.c ---- */

struct auth_key {
	unsigned char *k; /* sodium_malloc, NULL = not there yet */
	struct auth_header h; /* kind, ops, mem, salt as in new files */
	char where[300];
};
struct auth_settings {
	struct sk_arena arena;
	const char *store; /* file, keyring, auto, ephemeral */
	const char *key; /* file, passphrase, command; NULL = by the rest */
	const char *key_file;
	struct sk_jv *key_command;
	const char *kdf; /* interactive, moderate, sensitive */
	struct sk_jv *root;
	bool key_file_named; /* by SK_KEY_FILE or $CREDENTIALS_DIRECTORY */
};
int auth_settings_load(struct auth_settings *s, struct sk_err *err);
/* The key that a file with this header was sealed with. */
int auth_key_open(struct sk_auth *a, const struct auth_header *h,
    const char *what, struct sk_err *err);
/* A new store's key; with a->next, beside the one that is there. */
int auth_key_make(struct sk_auth *a, struct sk_err *err);
/* Where the key file or the Secret Service's entry is; malloc'd. */
char *auth_key_place(const struct sk_auth *a, enum auth_key_kind kind);
void auth_key_free(struct auth_key *k);
/* One line from a descriptor or, when fd is -1, from the terminal. */
int auth_passphrase(int64_t fd, bool no_input, bool twice, const char *ask,
    struct sk_buf *out, struct sk_err *err);
int auth_kdf(struct auth_header *h, const struct sk_buf *pass,
    unsigned char *key, struct sk_err *err);
void auth_kdf_level(struct auth_header *h, const char *level);

/* ---- kernel's keyring, Secret Service (keyring.c) ---- */

bool auth_kernel_get(const unsigned char salt[16], unsigned char *key);
bool auth_kernel_put(
    const unsigned char salt[16], const unsigned char *key, int64_t ms);
bool auth_kernel_drop(const unsigned char salt[16]);
int auth_secret_get(
    const char *store, unsigned char *key, bool *found, struct sk_err *err);
/* Stored, and read back: a keyring that says yes and stores nothing fails. */
int auth_secret_put(
    const char *store, const unsigned char *key, struct sk_err *err);
int
auth_key_command(struct sk_jv *argv, unsigned char *key, struct sk_err *err);

/* ---- dir.c, store.c ---- */

struct sk_auth {
	struct sk_auth_opts o;
	struct auth_settings set;
	bool have_set;
	char *dir;
	int dirfd; /* -1 = not open */
	struct auth_key key;
	bool next; /* the key in hand is one that a change left beside */
	char where[700];
};
/* One provider's document with its lock. */
struct auth_doc {
	struct sk_arena arena;
	struct sk_jv *root; /* NULL = nothing stored */
	struct sk_lock lock;
	bool locked;
};
int auth_settle(struct sk_auth *a, struct sk_err *err);
/* Opens (or makes) the directory; not there is no error: dirfd stays -1. */
int auth_dir_open(struct sk_auth *a, bool create, struct sk_err *err);
int auth_open(struct sk_auth *a, bool create, bool *there, struct sk_err *err);
/* Another directory is in its place since we opened it (rekey.c): opens that
 * one, and forgets the key of the old. */
bool auth_dir_moved(struct sk_auth *a);
/* A file below the store, unsealed into an auth_buf; *there false when it is
 * not. */
int auth_file_open(struct sk_auth *a, const char *file, struct sk_buf *plain,
    bool *there, struct sk_err *err);
int auth_doc_load(struct sk_auth *a, const char *name, const char *ext,
    struct auth_doc *d, struct sk_err *err);
int auth_doc_save(struct sk_auth *a, const char *name, const char *ext,
    struct auth_doc *d, struct sk_err *err);
int auth_doc_remove(
    struct sk_auth *a, const char *name, const char *ext, struct sk_err *err);
int auth_doc_lock(struct sk_auth *a, const char *name, int64_t wait_ms,
    struct auth_doc *d, struct sk_err *err);
/* Forgets the tree (not the lock), so that it can be loaded anew. */
void auth_doc_reset(struct auth_doc *d);
void auth_doc_free(struct auth_doc *d);
/* What killed processes and forgotten logins left behind. */
void auth_sweep(struct sk_auth *a);
int auth_names(struct sk_auth *a, char *const *named, struct sk_strv *names,
    struct sk_err *err);
#define AUTH_EXT_TOKEN ".token"
#define AUTH_EXT_LOGIN ".login"

/* ---- url.c ---- */

struct auth_url {
	bool https, loopback;
	int port;
	char host[256];
	char origin[300]; /* "https://host" or with ":port" when not default */
};
/* What is wrong with a URL: the code of an error, and words for its message. */
struct auth_why {
	const char *code, *text;
};
/* Absolute http(s) URL of plain ASCII without user part; false and why. */
bool
auth_url_parse(const char *s, struct auth_url *u, const struct auth_why **why);
/* https, or http to a loopback address. */
int auth_url_check(
    const char *what, const char *s, struct auth_url *u, struct sk_err *err);
void auth_pct(struct sk_buf *b, const char *s, size_t n);
/* key=value with & before it when it is not the first */
void auth_form_add(struct sk_buf *b, const char *key, const char *value);
/* A form text as an object of strings; false when it is none. */
bool auth_form_parse(
    struct sk_arena *a, const char *p, size_t n, struct sk_jv **out);

/* ---- provider.c ---- */

int64_t provider_int(const struct sk_idp *p, const char *key, int64_t d);
bool provider_bool(const struct sk_idp *p, const char *key);
/* First pointer of the list at key that leads to something in v. */
struct sk_jv *
provider_pick(const struct sk_idp *p, const char *key, const struct sk_jv *v);
/* Is ITEM in the list of strings at key? */
bool provider_lists(const struct sk_idp *p, const char *key, const char *item);
/* "endpoints.NAME": environment, template filled in, checked; NULL and 0 when
 * there is none. */
int provider_endpoint(
    struct sk_idp *p, const char *name, const char **out, struct sk_err *err);
/* "STATUS CODE" rows at key: codes first when code is not NULL. */
bool provider_match(const struct sk_idp *p, const char *key, int status,
    const char *code, bool codes);

/* ---- reply.c: what a server said ---- */

struct auth_reply {
	struct sk_arena arena;
	int status; /* 0 = no answer */
	bool sent; /* the request may have reached the server */
	bool html, challenge;
	bool refused; /* by us: a certificate, a redirect */
	bool unfit; /* and it is our own side: no such file of certificates */
	int64_t retry_after_ms;
	struct sk_jv *json; /* NULL = no JSON, no form */
	const char *code; /* error code or NULL */
	const char *text; /* the server's words or NULL, visible and short */
	char why[200]; /* of status 0 */
	/* What is wrong with the exchange or the body, in one word: net's, or
	 * "json_cut"; "" = nothing. */
	char fault[24];
};
void auth_reply_read(struct auth_reply *r, const struct sk_idp *p,
    const char *type, const char *body, size_t n);
void auth_reply_free(struct auth_reply *r);
/* Why there is nothing usable in it, in one word: the error's code. needed:
 * what a good reply would have had ("no_token"). */
const char *auth_reply_word(struct auth_reply *r, const char *needed);
/* The status when there is no reply: later, unless it is refused by us, which
 * asking again does not change. */
int auth_reply_lost(const struct auth_reply *r);
/* Why this cannot be used as a token, in one word; NULL = it can. */
const char *auth_token_fault(const struct sk_jv *v);

enum auth_poll {
	AUTH_POLL_OK,
	AUTH_POLL_PENDING,
	AUTH_POLL_SLOW,
	AUTH_POLL_BLIP, /* transport fault or server error */
	AUTH_POLL_DENIED,
	AUTH_POLL_EXPIRED,
	AUTH_POLL_CHALLENGE,
	AUTH_POLL_DISABLED,
	AUTH_POLL_BAD /* anything else ends the login */
};
enum auth_poll
auth_poll_class(const struct sk_idp *p, const struct auth_reply *r);

enum auth_fresh {
	AUTH_FRESH_OK,
	AUTH_FRESH_DEAD, /* log in again; reason says why */
	AUTH_FRESH_RETRY, /* nothing happened: try later */
	AUTH_FRESH_UNSURE /* the server may have used the token up */
};
enum auth_fresh auth_refresh_class(
    const struct sk_idp *p, const struct auth_reply *r, const char **reason);

/* ---- flow.c: the device flow without time or network ---- */

struct auth_flow {
	int64_t interval_ms, deadline, next; /* on the caller's clock */
	int64_t step_ms, max_ms, min_ms;
	double multiplier;
	int slow, slow_limit, blips, blip_limit;
	int64_t blip_ms;
};
enum auth_step {
	AUTH_STEP_WAIT, /* until flow.next */
	AUTH_STEP_DONE,
	AUTH_STEP_EXPIRED,
	AUTH_STEP_DENIED,
	AUTH_STEP_CLOCK, /* slow_down without end */
	AUTH_STEP_LOST, /* too many faults of the transport */
	AUTH_STEP_CHALLENGE,
	AUTH_STEP_DISABLED,
	AUTH_STEP_BAD
};
/* interval_ms and life_ms: what the server said, -1 = nothing usable. */
void auth_flow_begin(struct auth_flow *f, const struct sk_idp *p,
    int64_t interval_ms, int64_t life_ms, int64_t now);
/* slow_ms: the interval in a slow_down reply, -1 = none. */
enum auth_step auth_flow_step(
    struct auth_flow *f, enum auth_poll poll, int64_t slow_ms, int64_t now);
/* A number or a text with one, in seconds; -1 = none or nonsense. */
int64_t auth_seconds(const struct sk_jv *v);

/* ---- http.c ---- */

struct auth_request {
	const char *url; /* checked by provider_endpoint() */
	const char *what; /* "refresh", for messages */
	bool json; /* encoding of fields, else a form */
	bool get;
	struct sk_jv *fields; /* object of strings */
	const char *bearer;
	const char *user, *password; /* HTTP Basic or NULL */
	int64_t timeout_ms; /* 0 = the provider's */
};
/* Always fills r; r->status 0 and r->why when there was no answer. SK_* only
 * for our own faults. */
int auth_http(const struct auth_request *q, const struct sk_idp *p,
    struct auth_reply *r, struct sk_err *err);
/* client_id, secret by the provider's client_auth.CALL. */
int auth_client_fields(struct sk_idp *p, const char *call, struct sk_arena *a,
    struct auth_request *q, struct sk_err *err);
int auth_discover(struct sk_idp *p, struct sk_err *err);

/* ---- idtoken.c ---- */

/* The payload of a JWT, unverified; NULL when it is none. */
struct sk_jv *
auth_jwt_payload(struct sk_arena *a, const char *jwt, const char **alg);
/* Claims for display after the checks of OpenID Core 3.1.3.7, NULL and why
 * otherwise. */
struct sk_jv *auth_id_token(struct sk_arena *a, const struct sk_idp *p,
    const char *jwt, const char *issuer, const char *client_id, int64_t now_ms,
    const char **why);

/* ---- token.c ---- */

/* An account of a document, NULL when it is not there. */
struct sk_jv *
auth_account(const struct auth_doc *d, const char *account, const char **name);
/* What a token reply brings becomes the account's fields. old: the account
 * before, for what the reply leaves out. */
int auth_account_fill(struct sk_arena *a, struct sk_idp *p,
    const struct sk_jv *reply, const struct sk_jv *old, struct sk_jv **out,
    struct sk_err *err);
enum auth_state {
	AUTH_VALID,
	AUTH_DUE, /* still usable, should be refreshed */
	AUTH_EXPIRED
};
/* refresh.c: would sending the refresh token be sending it twice? */
int auth_origin_ok(const struct sk_idp *p, const struct sk_jv *acc,
    const char *origin, struct sk_err *err);
bool auth_interrupted(const struct sk_idp *p, const struct sk_jv *acc);
bool auth_can_refresh(const struct sk_idp *p, const struct sk_jv *acc);
const char *auth_from_environment(const struct sk_idp *p, const char **var);
int auth_load(struct sk_auth *a, const char *provider, const char *account,
    struct auth_doc *d, struct sk_jv **acc, const char **name, struct sk_idp *p,
    struct sk_err *err);
enum auth_state auth_state(const struct sk_idp *p, const struct sk_jv *acc,
    int64_t min_ttl_ms, int64_t *left_ms);
/* The provider as the account was made with: issuer, endpoints, client. */
int auth_provider_of(struct sk_idp *p, const char *id, const struct sk_jv *acc,
    struct sk_err *err);
/* May this account's secrets go to url? Exact origin. */
int auth_bound(const struct sk_idp *p, const struct sk_jv *acc, const char *url,
    struct sk_err *err);
/* The code of an error about a login that the server has ended. */
void auth_dead_code(const char *reason, char code[40]);
/* Dead, interrupted, expired: the error that says "log in again". */
int
auth_login_needed(const char *id, const struct sk_jv *acc, struct sk_err *err);

/* ---- foreign.c: other programs' logins, read only ---- */

int auth_foreign(const struct sk_idp *p, const char *app, struct sk_buf *out,
    int64_t *expires_ms, struct sk_err *err);
/* gcloud's Application Default Credentials of type authorized_user */
int auth_adc(struct sk_arena *a, struct sk_jv **out, struct sk_err *err);

/* ---- login.c ---- */

int auth_login_store(struct sk_auth *a, struct sk_idp *p,
    const struct sk_login_opts *o, const struct sk_jv *reply, sk_login_fn tell,
    void *arg, struct sk_err *err);
int auth_need_store(struct sk_auth *a, struct sk_err *err);

/* keep.c: what a login brought */
int auth_workspace(const struct sk_idp *p, const struct sk_jv *acc,
    const struct sk_strv *allowed, struct sk_err *err);
void auth_tell_login(struct sk_auth *a, struct sk_idp *p, const char *name,
    const struct sk_jv *acc, sk_login_fn tell, void *arg);

/* code.c: authorization code with PKCE */
void auth_pkce(char verifier[64], char challenge[64]);
int auth_login_code(struct sk_auth *a, struct sk_idp *p,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err);
int auth_exchange(struct sk_idp *p, const char *code, const char *verifier,
    const char *redirect, struct auth_reply *r, struct sk_err *err);
/* It came back without a token. */
int auth_exchange_failed(
    const struct sk_idp *p, struct auth_reply *r, struct sk_err *err);

/* show.c */
int auth_show_uri(const struct sk_idp *p, const char *uri, struct sk_err *err);
int auth_show_code(const char *code, struct sk_err *err);

#endif
