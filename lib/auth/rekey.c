/* SPDX-License-Identifier: MIT */
/*
 * Another key for the store. A second directory is filled beside the first,
 * sealed anew and read back; then the two change places in one system call. A
 * key file (or an entry of the Secret Service) that takes the place of another
 * waits beside it until then: who finds that the key does not fit looks there,
 * so that there is no moment at which the tokens could not be read.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "auth/internal.h"
#include "faults/faults.h"

#define BUSY_MS 30000

struct rekey {
	struct sk_auth *old;
	struct sk_auth neu; /* the same store under the new key */
	struct sk_strv files;
	bool in_place; /* the new key goes where the old one is */
};

static bool
is_ours(const char *name)
{
	return sk_has_suffix(name, AUTH_EXT_TOKEN) ||
	       sk_has_suffix(name, AUTH_EXT_LOGIN) ||
	       sk_has_suffix(name, ".check");
}

static int
list(struct rekey *r, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	int rc = sk_dir_names_at(r->old->dirfd, r->old->dir, &all, err);

	for (size_t i = 0; i < all.n; i++)
		if (is_ours(all.v[i]))
			sk_strv_add(&r->files, all.v[i]);
	sk_strv_free(&all);
	sk_strv_sort(&r->files);
	return rc;
}

/* Nobody else writes from here on. */
static int
alone(struct sk_auth *a, struct sk_err *err)
{
	int64_t until = sk_mono_ms() + BUSY_MS;

	while (flock(a->dirfd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return sk_fail_errno(err, "cannot lock '%s'", a->dir);
		if (sk_mono_ms() >= until) {
			(void)sk_fail(err, SK_AGAIN, "store_busy",
			    "others are writing to '%s'", a->dir);
			return sk_hint(
			    err, "try again when logins that wait have ended");
		}
		auth_nap(20);
	}
	if (auth_dir_moved(a))
		return sk_fail(err, SK_AGAIN, "store_busy",
		    "the key of '%s' has just been changed", a->dir);
	return 0;
}

/* What a run that was killed left beside the store; and, after the exchange,
 * what was the store: overwritten first, as for a logout. */
static void
discard(const char *dir)
{
	struct sk_auth gone = { .dir = (char *)(uintptr_t)dir };
	struct sk_err ignored = { 0 };
	struct dirent *e;
	DIR *d = opendir(dir);

	if (d == NULL)
		return;
	gone.dirfd = dirfd(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' || sk_has_prefix(e->d_name, ".tmp.")) {
			(void)auth_doc_remove(&gone, e->d_name, "", &ignored);
			sk_err_clear(&ignored);
		}
	(void)closedir(d);
	(void)rmdir(dir);
}

/* ---- the new key ---- */

static int
settle(struct rekey *r, const struct sk_rekey *o, struct sk_err *err)
{
	struct auth_settings *s = &r->neu.set;

	r->neu.o = r->old->o;
	r->neu.o.passphrase_fd = o->passphrase_fd;
	r->neu.dirfd = -1;
	*s = r->old->set; /* (its arena stays the old one's) */
	if (o->key != NULL) {
		s->store = sk_streq(o->key, "keyring") ? "keyring" : "file";
		s->key = sk_streq(o->key, "keyring") ? NULL : o->key;
		s->key_file_named = false;
	}
	if (o->key_file == NULL)
		return 0;
	if (o->key_file[0] != '/')
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "option '--key-file': '%s' is not an absolute path",
		    o->key_file);
	s->key_file = o->key_file;
	s->key_file_named = true;
	return 0;
}

static int
make_key(struct rekey *r, const struct sk_rekey *o, struct sk_err *err)
{
	const unsigned char *was = r->old->key.k;
	struct auth_settings *s = &r->neu.set;
	char *next;
	int rc;

	/* A key that is in use is not written over before its time. */
	r->in_place =
	    o->key_file == NULL || sk_streq(o->key_file, r->old->set.key_file);
	r->neu.next = r->in_place;
	if (r->in_place && !sk_streq(s->key, "passphrase")) {
		next = auth_key_place(&r->neu, AUTH_KEY_FILE);
		(void)unlink(next);
		free(next);
	}
	rc = auth_key_make(&r->neu, err);
	if (rc != 0)
		return rc;
	r->in_place = r->in_place && (r->neu.key.h.kind == AUTH_KEY_FILE ||
					 r->neu.key.h.kind == AUTH_KEY_SECRET);
	if (sodium_memcmp(was, r->neu.key.k, AUTH_KEY_LEN) != 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "same_key",
	    "the new key is the one that the store has");
	return sk_hint(err, "--key-file names another, --key another kind");
}

/* The new key goes where the old one was. After the exchange: until it is done
 * the key is found beside it. */
static int
settle_key(struct rekey *r, struct sk_err *err)
{
	char *next, *place;
	int rc = 0;

	if (!r->in_place)
		return 0;
	next = auth_key_place(&r->neu, r->neu.key.h.kind);
	r->neu.next = false;
	place = auth_key_place(&r->neu, r->neu.key.h.kind);
	if (r->neu.key.h.kind == AUTH_KEY_SECRET)
		rc = auth_secret_put(place, r->neu.key.k, err);
	else if (rename(next, place) != 0)
		rc = sk_fail_errno(
		    err, "cannot move the new key to '%s'", place);
	free(next);
	free(place);
	return rc;
}

static void
forget_next(struct rekey *r)
{
	char *next;

	r->neu.next = true;
	next = auth_key_place(&r->neu, AUTH_KEY_FILE);
	(void)unlink(next);
	free(next);
}

/* ---- the second directory ---- */

/* One file, sealed anew, and read back. */
static int
carry(struct rekey *r, const char *file, struct sk_err *err)
{
	struct auth_header h = r->neu.key.h;
	struct sk_buf plain, sealed, back;
	char *path = sk_path_join(r->neu.dir, file);
	bool there = false;
	int rc;

	auth_buf(&plain, 16384);
	auth_buf(&back, 16384);
	sk_buf_init(&sealed, AUTH_FILE_MAX);
	rc = auth_file_open(r->old, file, &plain, &there, err);
	if (rc == 0) {
		auth_seal(&h, r->neu.key.k, plain.p, plain.len, &sealed);
		rc = sk_write_file(path, sealed.p, sealed.len, 0600, err);
	}
	if (rc == 0)
		rc = auth_file_open(&r->neu, file, &back, &there, err);
	if (rc == 0 && (!there || back.len != plain.len ||
			   memcmp(back.p, plain.p, plain.len) != 0))
		rc = sk_fail(err, SK_IO, "store_lost",
		    "'%s' does not read back as it was written", path);
	(void)SK_FAULT("auth.rekey.file");
	sk_auth_wipe(&plain);
	sk_auth_wipe(&back);
	sk_buf_free(&sealed);
	free(path);
	return rc;
}

static int
exchange(struct rekey *r, struct sk_err *err)
{
	(void)SK_FAULT("auth.rekey.before_exchange");
	if (renameat2(AT_FDCWD, r->neu.dir, AT_FDCWD, r->old->dir,
		RENAME_EXCHANGE) != 0)
		return sk_fail_errno(
		    err, "cannot exchange '%s' with its copy", r->old->dir);
	(void)SK_FAULT("auth.rekey.after_exchange");
	return 0;
}

static int
copy_all(struct rekey *r, struct sk_err *err)
{
	int rc;

	discard(r->neu.dir);
	rc = sk_mkdirs(r->neu.dir, 0700, err);
	if (rc == 0)
		rc = auth_dir_open(&r->neu, false, err);
	for (size_t i = 0; rc == 0 && i < r->files.n; i++)
		rc = carry(r, r->files.v[i], err);
	if (rc == 0 && fsync(r->neu.dirfd) != 0)
		rc = sk_fail_errno(err, "cannot write '%s'", r->neu.dir);
	return rc;
}

/* A change that was killed before its last step left the key beside its place:
 * that step is done now. */
static void
finish_last(struct sk_auth *a)
{
	char *next, *place;

	if (!a->next || a->key.h.kind != AUTH_KEY_FILE)
		return;
	next = auth_key_place(a, AUTH_KEY_FILE);
	a->next = false;
	place = auth_key_place(a, AUTH_KEY_FILE);
	if (rename(next, place) != 0)
		a->next = true;
	free(next);
	free(place);
}

static int
change(struct rekey *r, const struct sk_rekey *o, struct sk_err *err)
{
	struct sk_buf plain;
	bool there = false;
	int rc;

	auth_buf(&plain, 4096);
	rc = auth_file_open(r->old, "store.check", &plain, &there, err);
	sk_auth_wipe(&plain);
	if (rc == 0 && !there)
		rc = sk_fail(err, SK_USAGE, "no_store",
		    "'%s' holds nothing yet", r->old->dir);
	if (rc == 0) {
		finish_last(r->old);
		rc = list(r, err);
	}
	if (rc == 0)
		rc = settle(r, o, err);
	if (rc == 0)
		rc = make_key(r, o, err);
	if (rc == 0)
		rc = copy_all(r, err);
	return rc != 0 ? rc : exchange(r, err);
}

int
sk_auth_rekey(struct sk_auth *a, const struct sk_rekey *o, struct sk_err *err)
{
	struct rekey r = { .old = a, .neu = { .dirfd = -1 } };
	int rc;

	rc = auth_settle(a, err);
	if (rc == 0)
		rc = auth_dir_open(a, false, err);
	if (rc == 0 && a->dirfd < 0)
		rc = sk_fail(err, SK_USAGE, "no_store",
		    "there is no store in '%s'", a->dir);
	if (rc != 0)
		return rc;
	r.neu.dir = sk_asprintf("%s.new", a->dir);
	rc = alone(a, err);
	if (rc == 0)
		rc = change(&r, o, err);
	/* Either is the store that is not used any more. */
	if (rc == 0) {
		rc = settle_key(&r, err);
		if (a->key.h.kind == AUTH_KEY_PASS)
			(void)auth_kernel_drop(a->key.h.salt);
	} else if (r.in_place && r.neu.key.h.kind == AUTH_KEY_FILE)
		forget_next(&r);
	if (r.neu.dirfd >= 0)
		discard(r.neu.dir);
	if (r.neu.dirfd >= 0)
		(void)close(r.neu.dirfd);
	auth_key_free(&r.neu.key);
	sk_strv_free(&r.files);
	free(r.neu.dir);
	return rc;
}
