/* SPDX-License-Identifier: MIT */
/*
 * Keys that others keep: the kernel's keyring (the key of a passphrase, for
 * some minutes), the Secret Service by way of secret-tool, a command.
 */
#include <linux/keyctl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/internal.h"

/* A desktop may ask its user first. */
#define SECRET_WAIT_MS 120000
#define COMMAND_WAIT_MS 60000

/* ---- the kernel ---- */

static void
describe(const unsigned char salt[16], char out[64])
{
	char hex[33];

	(void)sodium_bin2hex(hex, sizeof(hex), salt, 16);
	(void)snprintf(out, 64, "sk-login:%s", hex);
}

static long
kernel_find(const unsigned char salt[16])
{
	char desc[64];

	describe(salt, desc);
	return syscall(
	    SYS_keyctl, KEYCTL_SEARCH, KEY_SPEC_USER_KEYRING, "user", desc, 0);
}

bool
auth_kernel_get(const unsigned char salt[16], unsigned char *key)
{
	long id = kernel_find(salt);

	return id > 0 && syscall(SYS_keyctl, KEYCTL_READ, id, key,
			     AUTH_KEY_LEN) == (long)AUTH_KEY_LEN;
}

bool
auth_kernel_put(
    const unsigned char salt[16], const unsigned char *key, int64_t ms)
{
	/* All rights for the possessor and for this user: a program without
	 * a session keyring possesses nothing. */
	const unsigned long all = 0x3f3f0000;
	char desc[64];
	long id;

	describe(salt, desc);
	id = syscall(SYS_add_key, "user", desc, key, (size_t)AUTH_KEY_LEN,
	    KEY_SPEC_USER_KEYRING);
	if (id <= 0)
		return false;
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, id, all) != 0 ||
	    syscall(SYS_keyctl, KEYCTL_SET_TIMEOUT, id,
		(unsigned)((ms + 999) / 1000)) != 0) {
		(void)syscall(SYS_keyctl, KEYCTL_INVALIDATE, id);
		return false;
	}
	return true;
}

bool
auth_kernel_drop(const unsigned char salt[16])
{
	long id = kernel_find(salt);

	return id > 0 && syscall(SYS_keyctl, KEYCTL_INVALIDATE, id) == 0;
}

/* ---- programs that print a key ---- */

/* 32 bytes as they are, or as text: hexadecimal or base64. */
static bool
key_text(const char *p, size_t n, unsigned char *key)
{
	size_t len = 0;

	if (n == AUTH_KEY_LEN) {
		memcpy(key, p, n);
		return true;
	}
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	if (n == AUTH_KEY_LEN * 2 &&
	    sodium_hex2bin(key, AUTH_KEY_LEN, p, n, NULL, &len, NULL) == 0 &&
	    len == AUTH_KEY_LEN)
		return true;
	return sodium_base642bin(key, AUTH_KEY_LEN, p, n, NULL, &len, NULL,
		   sodium_base64_VARIANT_ORIGINAL) == 0 &&
	       len == AUTH_KEY_LEN;
}

/* Runs argv with in on its standard input; *status is its exit status. */
static int
run(const char *const *argv, const char *in, struct sk_buf *out, int64_t ms,
    int *status, struct sk_err *err)
{
	struct sk_spawn s = { .argv = argv,
		.fd_in = -1,
		.fd_out = -1,
		.fd_err = -1,
		.new_session = true };
	struct sk_buf err_out;
	int rc, ws = 0;

	sk_buf_init(&err_out, 4096);
	auth_buf(out, 4096);
	out->max = 4096 * 2;
	rc = sk_capture(
	    &s, in, in != NULL ? strlen(in) : 0, out, &err_out, ms, &ws, err);
	/* What it says may hold what it was asked to keep: not shown. */
	sk_auth_wipe(&err_out);
	*status = rc == 0 && WIFEXITED(ws) ? WEXITSTATUS(ws) : -1;
	return rc;
}

int
auth_key_command(struct sk_jv *words, unsigned char *key, struct sk_err *err)
{
	const char *argv[64];
	struct sk_buf out;
	size_t n = sk_jlen(words);
	int rc, status;

	if (n == 0 || n >= SK_ARRAY_SIZE(argv))
		return sk_fail(err, SK_USAGE, "no_key_command",
		    "the store's key comes from a command, and "
		    "'key_command' does not name one");
	for (size_t i = 0; i < n; i++)
		if ((argv[i] = sk_jstr(sk_jat(words, i))) == NULL)
			return sk_fail(err, SK_USAGE, "bad_setting",
			    "'key_command' is not a list of strings");
	argv[n] = NULL;
	rc = run(argv, NULL, &out, COMMAND_WAIT_MS, &status, err);
	if (rc == 0 && status != 0)
		rc = sk_fail(err, SK_LOGIN, "key_command_failed",
		    "the key command '%s' failed with status %d", argv[0],
		    status);
	else if (rc == 0 && !key_text(out.p, out.len, key))
		rc = sk_fail(err, SK_DAMAGED, "bad_key",
		    "the key command '%s' did not print a key of 32 bytes "
		    "(raw, hexadecimal or base64)",
		    argv[0]);
	sk_auth_wipe(&out);
	return rc;
}

/* Runs secret-tool. */
static int
secret_tool(const char *const *argv, const char *in, struct sk_buf *out,
    int *status, struct sk_err *err)
{
	int rc = run(argv, in, out, SECRET_WAIT_MS, status, err);

	if (rc == 0 || !sk_streq(err->code, "not_found"))
		return rc;
	sk_err_clear(err);
	(void)sk_fail(err, SK_USAGE, "no_keyring",
	    "there is no way to the Secret Service: 'secret-tool' is not "
	    "installed");
	return sk_hint(err, "install libsecret-tools, or keep the key in a "
			    "file: --store file");
}

int
auth_secret_get(
    const char *store, unsigned char *key, bool *found, struct sk_err *err)
{
	const char *argv[] = { "secret-tool", "lookup", "service", "sk-login",
		"store", store, NULL };
	struct sk_buf out;
	int rc, status;

	*found = false;
	rc = secret_tool(argv, NULL, &out, &status, err);
	if (rc == 0 && status == 0 && out.len > 0) {
		*found = key_text(out.p, out.len, key);
		if (!*found)
			rc = sk_fail(err, SK_DAMAGED, "bad_key",
			    "what the Secret Service keeps for 'sk-login' is "
			    "not a key");
	}
	sk_auth_wipe(&out);
	return rc;
}

int
auth_secret_put(const char *store, const unsigned char *key, struct sk_err *err)
{
	const char *argv[] = { "secret-tool", "store", "--label=sk-login",
		"service", "sk-login", "store", store, NULL };
	unsigned char back[AUTH_KEY_LEN] = { 0 };
	char text[AUTH_KEY_LEN * 2 + 1];
	struct sk_buf out;
	bool found = false;
	int rc, status;

	(void)sodium_bin2hex(text, sizeof(text), key, AUTH_KEY_LEN);
	rc = secret_tool(argv, text, &out, &status, err);
	sk_auth_wipe(&out);
	sodium_memzero(text, sizeof(text));
	if (rc == 0 && status != 0)
		rc = sk_fail(err, SK_IO, "keyring_failed",
		    "the Secret Service refused to keep the key (secret-tool "
		    "ended with %d)",
		    status);
	if (rc == 0)
		rc = auth_secret_get(store, back, &found, err);
	if (rc == 0 && (!found || sodium_memcmp(back, key, AUTH_KEY_LEN) != 0))
		rc = sk_fail(err, SK_IO, "keyring_lost",
		    "the Secret Service said yes and did not keep the key");
	sodium_memzero(back, sizeof(back));
	if (rc != 0)
		(void)sk_hint(
		    err, "use --store file: it needs no Secret Service");
	return rc;
}
