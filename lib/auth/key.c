/* SPDX-License-Identifier: MIT */
/* Settings of the store, and where its key comes from. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "auth/internal.h"

#define KERNEL_KEY_MS (10 * 60 * 1000)

/* ---- settings ---- */

static int
setting(struct auth_settings *s, const char *key, const char *choices,
    const char **out, struct sk_err *err)
{
	struct sk_jv *v = sk_jget(s->root, key);
	struct sk_strv ok = { 0 };
	const char *text = sk_jstr(v);
	int rc = 0;

	if (v == NULL)
		return 0;
	sk_strv_split(&ok, choices, ' ');
	if (text == NULL || (ok.n > 0 && !sk_strv_has(&ok, text)))
		rc = sk_fail(err, SK_USAGE, "bad_setting",
		    "'%s' in 'login.toml' is not one of: %s", key, choices);
	else
		*out = text;
	sk_strv_free(&ok);
	return rc;
}

static int
settings_read(struct auth_settings *s, const char *path, struct sk_err *err)
{
	static const char *const known[] = { "store", "key", "key_file",
		"key_command", "kdf", NULL };
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 1u << 20);
	rc = sk_read_file(path, 1u << 20, &b, err);
	if (rc == 0)
		rc = sk_toml_parse(&s->arena, b.p, b.len, path, &s->root, err);
	sk_buf_free(&b);
	for (size_t i = 0; rc == 0 && i < sk_jlen(s->root); i++) {
		const char *near, *key = s->root->m[i].key;
		bool found = false;

		for (size_t k = 0; known[k] != NULL; k++)
			found = found || sk_streq(known[k], key);
		if (found)
			continue;
		near = sk_closest(key, known);
		rc = sk_fail(err, SK_USAGE, "unknown_setting",
		    "unknown key '%s' in '%s'", key, path);
		if (near != NULL)
			(void)sk_hint(err, "did you mean '%s'?", near);
	}
	return rc;
}

static void
key_file_from_environment(struct auth_settings *s)
{
	const char *env = getenv("SK_KEY_FILE");
	char *path;

	if (env != NULL && env[0] != '\0') {
		s->key_file = env;
		s->key_file_named = true;
		return;
	}
	env = getenv("CREDENTIALS_DIRECTORY");
	if (env == NULL || env[0] != '/')
		return;
	path = sk_path_join(env, "sk-login.key");
	if (access(path, F_OK) == 0) {
		s->key_file = sk_arena_strdup(&s->arena, path);
		s->key_file_named = true;
	}
	free(path);
}

int
auth_settings_load(struct auth_settings *s, struct sk_err *err)
{
	char *dir = sk_xdg_dir("XDG_CONFIG_HOME", ".config", err), *path;
	const char *env;
	int rc = 0;

	if (dir == NULL)
		return err->exit;
	path = sk_path_join(dir, "login.toml");
	if (access(path, F_OK) == 0)
		rc = settings_read(s, path, err);
	free(path);
	s->store = "file";
	s->kdf = "moderate";
	if (rc == 0)
		rc = setting(
		    s, "store", "file keyring auto ephemeral", &s->store, err);
	if (rc == 0)
		rc = setting(s, "key", "file passphrase command", &s->key, err);
	if (rc == 0)
		rc = setting(
		    s, "kdf", "interactive moderate sensitive", &s->kdf, err);
	if (rc == 0)
		rc = setting(s, "key_file", "", &s->key_file, err);
	s->key_command = sk_jget(s->root, "key_command");
	if (rc == 0 && s->key_file != NULL && s->key_file[0] != '/')
		rc = sk_fail(err, SK_USAGE, "bad_setting",
		    "'key_file' in 'login.toml' is not an absolute path");
	env = getenv("SK_LOGIN_STORE");
	if (rc == 0 && env != NULL && env[0] != '\0')
		s->store = env;
	if (rc == 0 && s->key_file == NULL) {
		path = sk_path_join(dir, "login.key");
		s->key_file = sk_arena_strdup(&s->arena, path);
		free(path);
	}
	key_file_from_environment(s);
	free(dir);
	return rc;
}

/* ---- a key file ---- */

static int
key_file_check(const char *path, const struct stat *st, struct sk_err *err)
{
	if (!S_ISREG(st->st_mode) || st->st_nlink != 1)
		return sk_fail(err, SK_USAGE, "key_file_kind",
		    "key file '%s' is not a plain file of one name", path);
	if (st->st_uid != geteuid() && st->st_uid != 0)
		return sk_fail(err, SK_USAGE, "key_file_owner",
		    "key file '%s' belongs to another user", path);
	if ((st->st_mode & 077) != 0) {
		(void)sk_fail(err, SK_USAGE, "key_file_mode",
		    "key file '%s' can be read by others (mode %03o)", path,
		    (unsigned)st->st_mode & 0777);
		return sk_hint(err, "make a new key if others may have read "
				    "it; else chmod 600");
	}
	if (st->st_size != (off_t)AUTH_KEY_LEN)
		return sk_fail(err, SK_USAGE, "key_file_size",
		    "key file '%s' has %lld bytes, a key has %u", path,
		    (long long)st->st_size, AUTH_KEY_LEN);
	return 0;
}

static int
key_file_read(const char *path, unsigned char *key, struct sk_err *err)
{
	struct stat st;
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0 && errno == ENOENT) {
		(void)sk_fail(err, SK_LOGIN, "key_missing",
		    "the store's key file '%s' is not there", path);
		return sk_hint(err, "restore it, or name it in SK_KEY_FILE; "
				    "without it the tokens cannot be read");
	}
	if (fd < 0)
		return sk_fail_errno(err, "cannot open key file '%s'", path);
	if (fstat(fd, &st) != 0)
		rc = sk_fail_errno(err, "cannot look at key file '%s'", path);
	else
		rc = key_file_check(path, &st, err);
	if (rc == 0 && read(fd, key, AUTH_KEY_LEN) != (ssize_t)AUTH_KEY_LEN)
		rc = sk_fail_errno(err, "cannot read key file '%s'", path);
	(void)close(fd);
	return rc;
}

/* Reads the key file, or makes it when it is not there. */
static int
key_file_make(const char *path, unsigned char *key, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc = 0;

	if (access(path, F_OK) == 0)
		return key_file_read(path, key, err);
	if (slash != NULL && slash != path) {
		dir = sk_strndup(path, (size_t)(slash - path));
		rc = sk_mkdirs(dir, 0700, err);
		free(dir);
	}
	sk_random(key, AUTH_KEY_LEN);
	if (rc == 0)
		rc = sk_write_file(path, key, AUTH_KEY_LEN, 0600, err);
	/* (What is on the disk counts.) */
	return rc != 0 ? rc : key_file_read(path, key, err);
}

/* ---- a passphrase ---- */

static int
tty_line(int fd, const char *ask, struct sk_buf *out, struct sk_err *err)
{
	struct termios old, quiet;
	ssize_t r;
	char c;

	if (tcgetattr(fd, &old) != 0)
		return sk_fail_errno(err, "cannot use the terminal");
	quiet = old;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	(void)tcsetattr(fd, TCSAFLUSH, &quiet);
	(void)sk_write_all(fd, ask, strlen(ask));
	while ((r = read(fd, &c, 1)) == 1 && c != '\n')
		sk_buf_ch(out, c);
	(void)tcsetattr(fd, TCSAFLUSH, &old);
	(void)sk_write_all(fd, "\n", 1);
	return r < 0 ? sk_fail_errno(err, "cannot read the terminal") : 0;
}

static int
fd_line(int fd, struct sk_buf *out, struct sk_err *err)
{
	ssize_t r;
	char c;

	while ((r = read(fd, &c, 1)) == 1 && c != '\n')
		sk_buf_ch(out, c);
	return r < 0 ? sk_fail_errno(
			   err, "cannot read the passphrase from %d", fd)
	             : 0;
}

int
auth_passphrase(int64_t fd, bool no_input, bool twice, const char *ask,
    struct sk_buf *out, struct sk_err *err)
{
	struct sk_buf again;
	int tty, rc;

	auth_buf(out, 1024);
	out->max = 1024;
	if (fd >= 0) {
		rc = fd_line((int)fd, out, err);
	} else {
		tty = no_input ? -1 : open("/dev/tty", O_RDWR | O_CLOEXEC);
		if (tty < 0) {
			(void)sk_fail(err, SK_PAUSED, "passphrase_needed",
			    "a passphrase is needed and there is no terminal "
			    "to ask");
			return sk_hint(err, "type 'sk-login unlock' first, or "
					    "give --passphrase-fd N");
		}
		rc = tty_line(tty, ask, out, err);
		if (rc == 0 && twice) {
			auth_buf(&again, 1024);
			rc = tty_line(tty, "once more: ", &again, err);
			if (rc == 0 && strcmp(again.p, out->p) != 0)
				rc =
				    sk_fail(err, SK_USAGE, "passphrase_differs",
					"the two passphrases are not the same");
			sk_auth_wipe(&again);
		}
		(void)close(tty);
	}
	if (rc == 0 && (out->len == 0 || out->full))
		rc = sk_fail(err, SK_USAGE, "bad_passphrase",
		    out->full ? "the passphrase is longer than 1024 bytes"
			      : "the passphrase is empty");
	return rc;
}

void
auth_kdf_level(struct auth_header *h, const char *level)
{
	bool inter = sk_streq(level, "interactive");
	bool sens = sk_streq(level, "sensitive");

	h->ops = inter  ? (uint32_t)crypto_pwhash_OPSLIMIT_INTERACTIVE
	         : sens ? (uint32_t)crypto_pwhash_OPSLIMIT_SENSITIVE
	                : (uint32_t)crypto_pwhash_OPSLIMIT_MODERATE;
	h->mem_kib = inter ? (uint32_t)crypto_pwhash_MEMLIMIT_INTERACTIVE / 1024
	             : sens ? (uint32_t)crypto_pwhash_MEMLIMIT_SENSITIVE / 1024
	                    : (uint32_t)crypto_pwhash_MEMLIMIT_MODERATE / 1024;
}

int
auth_kdf(struct auth_header *h, const struct sk_buf *pass, unsigned char *key,
    struct sk_err *err)
{
	if (crypto_pwhash(key, AUTH_KEY_LEN, pass->p, pass->len, h->salt,
		h->ops, (size_t)h->mem_kib * 1024,
		crypto_pwhash_ALG_ARGON2ID13) != 0)
		return sk_fail(err, SK_NOMEM, "no_memory",
		    "not enough memory to derive the key (%u MiB)",
		    h->mem_kib / 1024);
	return 0;
}

static int
passphrase_key(struct sk_auth *a, struct auth_header *h, unsigned char *key,
    bool twice, struct sk_err *err)
{
	struct sk_buf pass = { 0 };
	int rc;

	if (!twice && a->o.passphrase_fd < 0 && auth_kernel_get(h->salt, key))
		return 0;
	rc = auth_passphrase(a->o.passphrase_fd, a->o.no_input, twice,
	    "passphrase of the token store: ", &pass, err);
	if (rc == 0)
		rc = auth_kdf(h, &pass, key, err);
	if (pass.p != NULL)
		sk_auth_wipe(&pass);
	/* So that the next of many processes neither asks nor derives. */
	if (rc == 0)
		(void)auth_kernel_put(h->salt, key, KERNEL_KEY_MS);
	return rc;
}

/* ---- the key ---- */

void
auth_key_free(struct auth_key *k)
{
	if (k->k != NULL)
		sodium_free(k->k); /* overwrites */
	k->k = NULL;
}

static void
key_alloc(struct auth_key *k)
{
	if (k->k == NULL && (k->k = sodium_malloc(AUTH_KEY_LEN)) == NULL)
		sk_oom();
}

char *
auth_key_place(const struct sk_auth *a, enum auth_key_kind kind)
{
	return sk_asprintf("%s%s",
	    kind == AUTH_KEY_SECRET ? a->dir : a->set.key_file,
	    a->next ? ".next" : "");
}

static int
secret_key(
    struct sk_auth *a, const char *place, bool making, struct sk_err *err)
{
	struct auth_key *k = &a->key;
	bool found;
	int rc;

	rc = auth_secret_get(place, k->k, &found, err);
	if (rc == 0 && making && (!found || a->next)) {
		sk_random(k->k, AUTH_KEY_LEN);
		return auth_secret_put(place, k->k, err);
	}
	if (rc != 0 || found)
		return rc;
	(void)sk_fail(err, SK_LOGIN, "key_missing",
	    "the Secret Service does not have the store's key");
	return sk_hint(err, "unlock your keyring");
}

/* The key of a store whose kind is known. making: it may be made. */
static int
key_by_kind(
    struct sk_auth *a, struct auth_header *h, bool making, struct sk_err *err)
{
	struct auth_key *k = &a->key;
	char *place;
	int rc;

	key_alloc(k);
	if (h->kind == AUTH_KEY_PASS) {
		(void)snprintf(k->where, sizeof(k->where), "passphrase");
		return passphrase_key(a, h, k->k, making, err);
	}
	if (h->kind == AUTH_KEY_COMMAND && !a->set.key_file_named) {
		(void)snprintf(k->where, sizeof(k->where), "key command");
		return auth_key_command(a->set.key_command, k->k, err);
	}
	/* A key is a key, wherever it lay before. */
	if (h->kind == AUTH_KEY_FILE || a->set.key_file_named) {
		place = auth_key_place(a, AUTH_KEY_FILE);
		(void)snprintf(
		    k->where, sizeof(k->where), "key file '%s'", place);
		rc = making ? key_file_make(place, k->k, err)
		            : key_file_read(place, k->k, err);
	} else {
		place = auth_key_place(a, AUTH_KEY_SECRET);
		(void)snprintf(k->where, sizeof(k->where), "Secret Service");
		rc = secret_key(a, place, making, err);
	}
	free(place);
	return rc;
}

/* Reads the key, and tells whether it is the one of this header. */
static int
key_try(struct sk_auth *a, const struct auth_header *h, bool next, bool *right,
    struct sk_err *err)
{
	struct auth_key *k = &a->key;
	unsigned char id[8];
	int rc;

	k->h = *h;
	a->next = next;
	rc = key_by_kind(a, &k->h, false, err);
	*right = false;
	if (rc == 0) {
		auth_key_id(k->k, id);
		*right = sodium_memcmp(id, h->key_id, sizeof(id)) == 0;
	}
	if (!*right)
		auth_key_free(k);
	return rc;
}

/* A change of keys that was cut short left its key beside the old one; one that
 * is going on may put it in its place between our two looks. */
static int
key_find(struct sk_auth *a, const struct auth_header *h, bool *right,
    struct sk_err *err)
{
	struct sk_err ignored = { 0 };
	int rc;

	rc = key_try(a, h, false, right, err);
	if (*right || (h->kind != AUTH_KEY_FILE && h->kind != AUTH_KEY_SECRET))
		return rc;
	if (key_try(a, h, true, right, &ignored) != 0 || !*right) {
		sk_err_clear(&ignored);
		memset(&ignored, 0, sizeof(ignored));
		if (rc == 0)
			rc = key_try(a, h, false, right, err);
	}
	if (*right) {
		sk_err_clear(err);
		memset(err, 0, sizeof(*err));
		rc = 0;
	}
	sk_err_clear(&ignored);
	return rc;
}

int
auth_key_open(struct sk_auth *a, const struct auth_header *h, const char *what,
    struct sk_err *err)
{
	unsigned char id[8];
	bool right = false;
	int rc;

	if (a->key.k != NULL) {
		auth_key_id(a->key.k, id);
		right = sodium_memcmp(id, h->key_id, sizeof(id)) == 0;
	} else {
		rc = key_find(a, h, &right, err);
		if (rc != 0)
			return rc;
		if (!right && h->kind == AUTH_KEY_PASS)
			(void)auth_kernel_drop(h->salt);
	}
	if (right)
		return 0;
	(void)sk_fail(err, SK_LOGIN, "wrong_key",
	    h->kind == AUTH_KEY_PASS
		? "the passphrase is not the one that '%s' was sealed with"
		: "'%s' was sealed with another key",
	    what);
	return sk_hint(
	    err, h->kind == AUTH_KEY_PASS
		     ? "try again"
		     : "name the right key in SK_KEY_FILE, or in login.toml");
}

int
auth_key_make(struct sk_auth *a, struct sk_err *err)
{
	struct auth_settings *s = &a->set;
	struct auth_header *h = &a->key.h;
	int rc;

	memset(h, 0, sizeof(*h));
	if (!s->key_file_named && sk_streq(s->store, "keyring"))
		h->kind = AUTH_KEY_SECRET;
	else if (s->key_file_named || s->key == NULL)
		h->kind = AUTH_KEY_FILE;
	else if (sk_streq(s->key, "passphrase"))
		h->kind = AUTH_KEY_PASS;
	else if (sk_streq(s->key, "command"))
		h->kind = AUTH_KEY_COMMAND;
	if (h->kind == AUTH_KEY_PASS) {
		auth_kdf_level(h, s->kdf);
		sk_random(h->salt, sizeof(h->salt));
	}
	if (!s->key_file_named && sk_streq(s->store, "auto") &&
	    h->kind == AUTH_KEY_FILE) {
		struct auth_header secret = { .kind = AUTH_KEY_SECRET };

		if (key_by_kind(a, &secret, true, err) == 0) {
			*h = secret;
			return 0;
		}
		sk_err_clear(err);
		sk_say(
		    "no Secret Service: the key is kept in '%s'", s->key_file);
	}
	rc = key_by_kind(a, h, true, err);
	if (rc != 0)
		auth_key_free(&a->key);
	return rc;
}
