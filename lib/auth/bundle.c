/* SPDX-License-Identifier: MIT */
/*
 * Logins between machines: the documents of some providers in one sealed
 * message, as text that survives mail and terminals, under a passphrase of its
 * own.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/internal.h"

#define BEGIN "-----BEGIN SK LOGIN BUNDLE-----\n"
#define END "-----END SK LOGIN BUNDLE-----\n"
#define LINE 64u

static void
armour(const struct sk_buf *raw, struct sk_buf *out)
{
	size_t n =
	    sodium_base64_encoded_len(raw->len, sodium_base64_VARIANT_ORIGINAL);
	char *text = sk_malloc(n);

	(void)sodium_bin2base64(text, n, (const unsigned char *)raw->p,
	    raw->len, sodium_base64_VARIANT_ORIGINAL);
	sk_buf_str(out, BEGIN);
	n = strlen(text);
	for (size_t i = 0; i < n; i += LINE) {
		sk_buf_add(out, text + i, n - i < LINE ? n - i : LINE);
		sk_buf_ch(out, '\n');
	}
	sk_buf_str(out, END);
	free(text);
}

static int
unarmour(const char *p, size_t n, struct sk_buf *raw, struct sk_err *err)
{
	const char *from = memmem(p, n, BEGIN, strlen(BEGIN)), *to;
	size_t len = 0;

	if (from == NULL)
		return sk_fail(err, SK_DAMAGED, "not_a_bundle",
		    "the input is not a bundle of logins");
	from += strlen(BEGIN);
	to = memmem(from, n - (size_t)(from - p), END, strlen(END) - 1);
	if (to == NULL)
		return sk_fail(
		    err, SK_DAMAGED, "bundle_torn", "the bundle is cut off");
	if (!sk_buf_room(raw, (size_t)(to - from)) ||
	    sodium_base642bin((unsigned char *)raw->p, raw->cap, from,
		(size_t)(to - from), " \r\n\t", &len, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0)
		return sk_fail(
		    err, SK_DAMAGED, "bundle_damaged", "the bundle is damaged");
	raw->len = len;
	return 0;
}

/* The key of a bundle: always by a passphrase, derived with care. */
static int
bundle_key(struct auth_header *h, int64_t fd, bool no_input, bool twice,
    unsigned char *key, struct sk_err *err)
{
	struct sk_buf pass = { 0 };
	int rc;

	rc = auth_passphrase(
	    fd, no_input, twice, "passphrase of the bundle: ", &pass, err);
	if (rc == 0)
		rc = auth_kdf(h, &pass, key, err);
	if (pass.p != NULL)
		sk_auth_wipe(&pass);
	return rc;
}

int
sk_auth_export(struct sk_auth *a, char *const *providers, int64_t pass_fd,
    struct sk_buf *out, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	struct auth_header h = { .kind = AUTH_KEY_PASS };
	unsigned char key[AUTH_KEY_LEN] = { 0 };
	struct sk_arena ar = { 0 };
	struct sk_buf plain, raw;
	struct sk_jv *all = sk_jnew(&ar, SK_J_OBJ);
	int rc;

	rc = auth_names(a, providers, &names, err);
	if (rc == 0 && names.n == 0)
		rc = sk_fail(err, SK_LOGIN, "not_logged_in",
		    "there is no login to export");
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		struct auth_doc d = { .lock = { .fd = -1 } };

		rc = auth_doc_load(a, names.v[i], AUTH_EXT_TOKEN, &d, err);
		if (rc == 0 && d.root == NULL)
			rc = auth_login_needed(names.v[i], NULL, err);
		if (rc == 0)
			sk_jset(&ar, all, names.v[i], sk_jcopy(&ar, d.root));
		auth_doc_free(&d);
	}
	auth_buf(&plain, 65536);
	sk_buf_init(&raw, AUTH_FILE_MAX * 2);
	if (rc == 0) {
		sk_json_write(&plain, all);
		auth_kdf_level(&h, a->set.kdf);
		sk_random(h.salt, sizeof(h.salt));
		rc = bundle_key(&h, pass_fd, a->o.no_input, true, key, err);
	}
	if (rc == 0) {
		auth_seal(&h, key, plain.p, plain.len, &raw);
		armour(&raw, out);
	}
	sodium_memzero(key, sizeof(key));
	sk_auth_wipe(&plain);
	sk_buf_free(&raw);
	auth_wipe_tree(all);
	sk_arena_free(&ar);
	sk_strv_free(&names);
	return rc;
}

/* One provider's document into the store. */
static int
take(struct sk_auth *a, const char *name, const struct sk_jv *doc, bool replace,
    struct sk_err *err)
{
	const struct sk_jv *from = sk_jget(doc, "accounts");
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct sk_jv *all;
	int rc;

	if (!sk_ident_ok(name) || from == NULL || from->type != SK_J_OBJ)
		return sk_fail(err, SK_DAMAGED, "bundle_damaged",
		    "the bundle holds something else than logins");
	rc = auth_doc_lock(a, name, 90000, &d, err);
	if (rc == 0)
		rc = auth_doc_load(a, name, AUTH_EXT_TOKEN, &d, err);
	if (rc == 0 && d.root == NULL)
		d.root = sk_jnew(&d.arena, SK_J_OBJ);
	all = sk_jget(d.root, "accounts");
	if (rc == 0 && all == NULL) {
		all = sk_jnew(&d.arena, SK_J_OBJ);
		sk_jset(&d.arena, d.root, "accounts", all);
		sk_jset(&d.arena, d.root, "current",
		    sk_jcopy(&d.arena, sk_jget(doc, "current")));
	}
	for (size_t i = 0; rc == 0 && i < from->n; i++) {
		if (sk_jget(all, from->m[i].key) != NULL && !replace) {
			(void)sk_fail(err, SK_USAGE, "account_exists",
			    "'%s' has the account '%s' already", name,
			    from->m[i].key);
			rc = sk_hint(err, "--replace takes the bundle's");
		} else {
			sk_jset(&d.arena, all, from->m[i].key,
			    sk_jcopy(&d.arena, from->m[i].v));
		}
	}
	if (rc == 0)
		rc = auth_doc_save(a, name, AUTH_EXT_TOKEN, &d, err);
	auth_doc_free(&d);
	return rc;
}

/* What is inside the bundle, as a tree. */
static int
open_bundle(struct sk_auth *a, const struct sk_buf *text, int64_t pass_fd,
    struct sk_arena *ar, struct sk_jv **all, struct sk_err *err)
{
	static const struct sk_jlimits lim = { .bytes = AUTH_FILE_MAX * 2,
		.depth = 16,
		.tokens = 200000,
		.string = AUTH_TOKEN_MAX,
		.key = 1024 };
	unsigned char key[AUTH_KEY_LEN] = { 0 }, id[8];
	struct sk_buf raw, plain;
	struct auth_header h;
	int rc;

	sk_buf_init(&raw, AUTH_FILE_MAX * 2);
	auth_buf(&plain, 65536);
	rc = unarmour(text->p, text->len, &raw, err);
	if (rc == 0)
		rc = auth_header_read(raw.p, raw.len, &h, "the bundle", err);
	if (rc == 0 && h.kind != AUTH_KEY_PASS)
		rc = sk_fail(err, SK_DAMAGED, "bundle_damaged",
		    "the bundle is not under a passphrase");
	if (rc == 0)
		rc = bundle_key(&h, pass_fd, a->o.no_input, false, key, err);
	if (rc == 0) {
		auth_key_id(key, id);
		if (sodium_memcmp(id, h.key_id, sizeof(id)) != 0)
			rc = sk_fail(err, SK_LOGIN, "wrong_key",
			    "the passphrase is not the bundle's");
	}
	if (rc == 0)
		rc = auth_unseal(
		    &h, key, raw.p, raw.len, "the bundle", &plain, err);
	if (rc == 0 &&
	    (sk_json_parse(ar, plain.p, plain.len, &lim, all, NULL) != 0 ||
		(*all)->type != SK_J_OBJ)) {
		*all = NULL;
		rc = sk_fail(err, SK_DAMAGED, "bundle_damaged",
		    "the bundle holds something else than logins");
	}
	sodium_memzero(key, sizeof(key));
	sk_auth_wipe(&plain);
	sk_buf_free(&raw);
	return rc;
}

int
sk_auth_import(struct sk_auth *a, const char *file, int64_t pass_fd,
    bool replace, struct sk_strv *names, struct sk_err *err)
{
	const size_t max = AUTH_FILE_MAX * 3;
	struct sk_arena ar = { 0 };
	struct sk_jv *all = NULL;
	struct sk_buf text;
	int rc;

	sk_buf_init(&text, max);
	rc = file != NULL && !sk_streq(file, "-")
	         ? sk_read_file(file, max, &text, err)
	         : sk_read_fd(STDIN_FILENO, max, &text, "standard input", err);
	if (rc == 0)
		rc = auth_need_store(a, err);
	if (rc == 0)
		rc = open_bundle(a, &text, pass_fd, &ar, &all, err);
	for (size_t i = 0; rc == 0 && i < sk_jlen(all); i++) {
		rc = take(a, all->m[i].key, all->m[i].v, replace, err);
		if (rc == 0)
			sk_strv_add(names, all->m[i].key);
	}
	auth_wipe_tree(all);
	sk_arena_free(&ar);
	sk_buf_free(&text);
	return rc;
}
