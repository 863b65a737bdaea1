/* SPDX-License-Identifier: MIT */
/*
 * The token store: a directory of sealed files, one for each provider, so that
 * one provider's refresh cannot touch another's tokens. What cannot be read is
 * an error and stays as it is: nothing here writes over it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/internal.h"
#include "faults/faults.h"

#define CHECK_NAME "store"
#define CHECK_EXT ".check"

struct sk_auth *
sk_auth_new(const struct sk_auth_opts *o)
{
	struct sk_auth *a = sk_calloc(1, sizeof(*a));
	const char *env = getenv("SK_LOGIN_READ_ONLY");
	bool on;

	a->o = *o;
	a->dirfd = -1;
	if (env != NULL && sk_parse_bool(env, &on) && on)
		a->o.read_only = true;
	return a;
}

void
sk_auth_free(struct sk_auth *a)
{
	if (a == NULL)
		return;
	if (a->dirfd >= 0)
		(void)close(a->dirfd);
	auth_key_free(&a->key);
	sk_arena_free(&a->set.arena);
	free(a->dir);
	free(a);
}

/* ---- files ---- */

static char *
file_name(const char *name, const char *ext)
{
	return sk_asprintf("%s%s", name, ext);
}

static int
file_check(const char *what, const struct stat *st, struct sk_err *err)
{
	/* (0 names: another process has put a new file in its place between our
	 * two calls, and this one is whole.) */
	if (!S_ISREG(st->st_mode) || st->st_nlink > 1)
		return sk_fail(err, SK_DAMAGED, "store_kind",
		    "'%s' is not a plain file of one name", what);
	if (st->st_uid != geteuid())
		return sk_fail(err, SK_USAGE, "store_owner",
		    "'%s' belongs to another user", what);
	if ((st->st_mode & 077) != 0) {
		(void)sk_fail(err, SK_USAGE, "store_mode",
		    "'%s' can be read by others (mode %03o)", what,
		    (unsigned)st->st_mode & 0777);
		return sk_hint(err, "chmod 600 '%s'", what);
	}
	return 0;
}

/* The bytes of a file; *there false when it is not. */
static int
file_read(struct sk_auth *a, const char *file, struct sk_buf *out, bool *there,
    struct sk_err *err)
{
	const int flags =
	    O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
	char *what = sk_path_join(a->dir, file);
	struct stat st;
	int fd, rc;

	fd = openat(a->dirfd, file, flags);
	if (fd < 0 && errno == ENOENT && auth_dir_moved(a))
		fd = openat(a->dirfd, file, flags);
	*there = fd >= 0;
	if (fd < 0) {
		rc = errno == ENOENT ? 0
		     : errno == ELOOP
		         ? sk_fail(err, SK_DAMAGED, "store_link",
			       "'%s' is a link, which is not followed", what)
		         : sk_fail_errno(err, "cannot open '%s'", what);
	} else {
		rc = fstat(fd, &st) != 0
		         ? sk_fail_errno(err, "cannot look at '%s'", what)
		         : file_check(what, &st, err);
		if (rc == 0)
			rc = sk_read_fd(fd, AUTH_FILE_MAX, out, what, err);
		(void)close(fd);
	}
	free(what);
	return rc;
}

static int
open_once(struct sk_auth *a, const char *file, struct sk_buf *plain,
    bool *there, struct sk_err *err)
{
	struct auth_header h;
	struct sk_buf raw;
	char *what;
	int rc;

	sk_buf_init(&raw, AUTH_FILE_MAX);
	rc = file_read(a, file, &raw, there, err);
	if (rc == 0 && *there) {
		what = sk_path_join(a->dir, file);
		rc = auth_header_read(raw.p, raw.len, &h, what, err);
		if (rc == 0)
			rc = auth_key_open(a, &h, what, err);
		if (rc == 0)
			rc = auth_unseal(
			    &h, a->key.k, raw.p, raw.len, what, plain, err);
		free(what);
	}
	sk_buf_free(&raw);
	return rc;
}

/* What was read before a change of keys, and opened after it, is read again. */
int
auth_file_open(struct sk_auth *a, const char *file, struct sk_buf *plain,
    bool *there, struct sk_err *err)
{
	int rc = open_once(a, file, plain, there, err);

	/* (What was the store is overwritten while it is removed.) */
	if ((rc != SK_LOGIN && rc != SK_DAMAGED) || !auth_dir_moved(a))
		return rc;
	sk_err_clear(err);
	memset(err, 0, sizeof(*err));
	sk_buf_clear(plain);
	return open_once(a, file, plain, there, err);
}

/* Seals, publishes and reads back. */
static int
file_save(struct sk_auth *a, const char *file, const char *p, size_t n,
    struct sk_err *err)
{
	struct auth_header h = a->key.h;
	struct sk_buf out, back, plain;
	char *path = sk_path_join(a->dir, file);
	struct sk_pub pub;
	bool there;
	int rc, e;

	sk_buf_init(&out, AUTH_FILE_MAX);
	sk_buf_init(&back, AUTH_FILE_MAX);
	auth_buf(&plain, n + 1);
	auth_seal(&h, a->key.k, p, n, &out);
	e = SK_FAULT("auth.save.begin");
	if (e != 0) {
		errno = e;
		rc = sk_fail_errno(err, "cannot write '%s'", path);
	} else {
		rc = sk_pub_begin(&pub, path, out.p, out.len, 0600, err);
	}
	if (rc == 0) {
		(void)SK_FAULT("auth.save.before_rename");
		rc = sk_pub_commit(&pub, err);
		(void)SK_FAULT("auth.save.after_rename");
	}
	/* A disk or a file system that keeps nothing is found here, not at
	 * the next start. */
	if (rc == 0)
		rc = file_read(a, file, &back, &there, err);
	if (rc == 0 && (!there || back.len != out.len ||
			   memcmp(back.p, out.p, out.len) != 0))
		rc = sk_fail(err, SK_IO, "store_lost",
		    "'%s' does not read back as it was written", path);
	sk_auth_wipe(&plain);
	sk_buf_free(&back);
	sk_buf_free(&out);
	free(path);
	return rc;
}

/* ---- opening ---- */

/* The first login: the key, and a file that says what kind it is. */
static int
store_make(struct sk_auth *a, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	struct sk_buf plain;
	bool there;
	int rc;

	rc = auth_doc_lock(a, CHECK_NAME, 30000, &d, err);
	if (rc != 0)
		return rc;
	auth_buf(&plain, 4096);
	/* Another process may have made it while we waited. */
	rc = auth_file_open(a, CHECK_NAME CHECK_EXT, &plain, &there, err);
	if (rc == 0 && !there) {
		if (a->key.k == NULL)
			rc = auth_key_make(a, err);
		if (rc == 0)
			rc = file_save(a, CHECK_NAME CHECK_EXT, "{}", 2, err);
	}
	sk_auth_wipe(&plain);
	auth_doc_free(&d);
	return rc;
}

int
auth_open(struct sk_auth *a, bool create, bool *there, struct sk_err *err)
{
	struct sk_buf plain;
	int rc;

	rc = auth_settle(a, err);
	if (rc == 0)
		rc = auth_dir_open(a, create, err);
	*there = a->dirfd >= 0;
	if (rc != 0 || !*there || !create || a->key.k != NULL)
		return rc;
	auth_buf(&plain, 4096);
	rc = auth_file_open(a, CHECK_NAME CHECK_EXT, &plain, there, err);
	sk_auth_wipe(&plain);
	if (rc == 0 && !*there) {
		rc = store_make(a, err);
		*there = rc == 0;
	}
	return rc;
}

const char *
sk_auth_where(struct sk_auth *a)
{
	struct sk_err ignored = { 0 };

	if (auth_settle(a, &ignored) != 0)
		return "unknown";
	(void)snprintf(a->where, sizeof(a->where), "%s '%s', %s",
	    sk_streq(a->set.store, "ephemeral") ? "memory" : "encrypted file",
	    a->dir,
	    a->key.where[0] != '\0' ? a->key.where : "key not read yet");
	return a->where;
}

/* Who writes shares the directory with others who do; who changes the key has
 * it alone, and puts another one in its place. */
static int
share_dir(struct sk_auth *a, int64_t wait_ms, struct sk_err *err)
{
	int64_t until = sk_mono_ms() + wait_ms;

	for (;;) {
		if (flock(a->dirfd, LOCK_SH | LOCK_NB) == 0) {
			if (!auth_dir_moved(a))
				return 0;
			continue;
		}
		if (errno != EWOULDBLOCK && errno != EINTR)
			return sk_fail_errno(err, "cannot lock '%s'", a->dir);
		if (sk_mono_ms() >= until)
			return sk_fail(err, SK_AGAIN, "store_busy",
			    "the key of '%s' is being changed", a->dir);
		auth_nap(20);
	}
}

int
sk_auth_probe(struct sk_auth *a, struct sk_err *err)
{
	char name[SK_ID_LEN];
	char *file;
	bool there;
	int rc;

	rc = auth_open(a, true, &there, err);
	if (rc != 0)
		return rc;
	rc = share_dir(a, 30000, err);
	if (rc == 0 && a->key.k == NULL)
		rc = auth_open(a, true, &there, err);
	if (rc != 0)
		return rc;
	sk_id_new(name);
	file = file_name(name, ".probe");
	rc = file_save(a, file, name, strlen(name), err);
	(void)unlinkat(a->dirfd, file, 0);
	/* What comes next may be a person's minutes: nobody waits for those. */
	(void)flock(a->dirfd, LOCK_UN);
	free(file);
	return rc;
}

/* Providers with something in the store; 0 also when there is no store. */
static int
stored(struct sk_auth *a, struct sk_strv *names, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	bool there;
	int rc;

	rc = auth_open(a, false, &there, err);
	if (rc != 0 || !there)
		return rc;
	rc = sk_dir_names_at(a->dirfd, a->dir, &all, err);
	for (size_t i = 0; i < all.n; i++) {
		if (!sk_has_suffix(all.v[i], AUTH_EXT_TOKEN))
			continue;
		all.v[i][strlen(all.v[i]) - strlen(AUTH_EXT_TOKEN)] = '\0';
		if (sk_ident_ok(all.v[i]))
			sk_strv_add(names, all.v[i]);
	}
	sk_strv_free(&all);
	sk_strv_sort(names);
	return rc;
}

/* Those named, else all that have something. */
int
auth_names(struct sk_auth *a, char *const *named, struct sk_strv *names,
    struct sk_err *err)
{
	for (size_t i = 0; named[i] != NULL; i++)
		sk_strv_add(names, named[i]);
	return names->n > 0 ? 0 : stored(a, names, err);
}

int
sk_auth_unlock(struct sk_auth *a, int64_t ms, struct sk_err *err)
{
	bool there;
	int rc;

	rc = auth_open(a, true, &there, err);
	if (rc != 0 || a->key.h.kind != AUTH_KEY_PASS)
		return rc;
	if (!auth_kernel_put(a->key.h.salt, a->key.k, ms)) {
		(void)sk_fail_errno(
		    err, "cannot keep the key in the kernel's keyring");
		return sk_hint(err, "each call will ask for the passphrase; "
				    "use a key file instead");
	}
	return 0;
}

int
sk_auth_lock_again(struct sk_auth *a, struct sk_err *err)
{
	struct auth_header h;
	struct sk_buf raw;
	bool there;
	int rc;

	rc = auth_settle(a, err);
	if (rc == 0)
		rc = auth_dir_open(a, false, err);
	if (rc != 0 || a->dirfd < 0)
		return rc;
	sk_buf_init(&raw, AUTH_FILE_MAX);
	rc = file_read(a, CHECK_NAME CHECK_EXT, &raw, &there, err);
	if (rc == 0 && there)
		rc = auth_header_read(raw.p, raw.len, &h, "store.check", err);
	if (rc == 0 && there && h.kind == AUTH_KEY_PASS)
		(void)auth_kernel_drop(h.salt);
	sk_buf_free(&raw);
	return rc;
}

/* ---- documents ---- */

void
auth_doc_reset(struct auth_doc *d)
{
	auth_wipe_tree(d->root);
	sk_arena_free(&d->arena);
	d->arena = (struct sk_arena){ 0 };
	d->root = NULL;
}

void
auth_doc_free(struct auth_doc *d)
{
	auth_doc_reset(d);
	if (d->locked)
		sk_lock_drop(&d->lock);
	if (d->lock.path != NULL)
		sk_lock_close(&d->lock);
	d->locked = false;
}

/* Who refreshes may need a minute; who is stopped is not waited for so long. */
#define STOPPED_MS 20000

int
auth_doc_lock(struct sk_auth *a, const char *name, int64_t wait_ms,
    struct auth_doc *d, struct sk_err *err)
{
	char *file = file_name(name, ".lock");
	char *path = sk_path_join(a->dir, file);
	int64_t first;
	int rc;

	rc = share_dir(a, wait_ms, err);
	if (rc == 0)
		rc = sk_lock_open(&d->lock, path, err);
	if (rc == 0) {
		first = wait_ms < STOPPED_MS ? wait_ms : STOPPED_MS;
		rc = sk_lock_take(&d->lock, first, "token store", err);
		if (rc == SK_AGAIN && wait_ms > first &&
		    !sk_lock_stopped(&d->lock)) {
			sk_err_clear(err);
			rc = sk_lock_take(
			    &d->lock, wait_ms - first, "token store", err);
		}
		d->locked = rc == 0;
		if (rc != 0)
			sk_lock_close(&d->lock);
	}
	free(path);
	free(file);
	return rc;
}

int
auth_doc_load(struct sk_auth *a, const char *name, const char *ext,
    struct auth_doc *d, struct sk_err *err)
{
	static const struct sk_jlimits lim = { .bytes = AUTH_FILE_MAX,
		.depth = 16,
		.tokens = 20000,
		.string = AUTH_TOKEN_MAX,
		.key = 1024 };
	struct sk_buf plain;
	char *file;
	bool there;
	int rc;

	d->root = NULL;
	rc = auth_open(a, false, &there, err);
	if (rc != 0 || !there)
		return rc;
	file = file_name(name, ext);
	/* (Opening it makes the room, so that no more is touched and
	 * overwritten than was needed.) */
	auth_buf(&plain, 0);
	rc = auth_file_open(a, file, &plain, &there, err);
	if (rc == 0 && there &&
	    (sk_json_parse(
		 &d->arena, plain.p, plain.len, &lim, &d->root, NULL) != 0 ||
		!sk_streq(sk_jget_str(d->root, "name"), name))) {
		/* (No reason given: it could quote what is inside.) */
		auth_doc_reset(d);
		rc = sk_fail(err, SK_DAMAGED, "store_other",
		    "'%s/%s' does not hold what its name says", a->dir, file);
	}
	sk_auth_wipe(&plain);
	free(file);
	return rc;
}

int
auth_doc_save(struct sk_auth *a, const char *name, const char *ext,
    struct auth_doc *d, struct sk_err *err)
{
	struct sk_buf plain;
	char *file;
	bool there;
	int rc;

	if (a->o.read_only)
		return sk_fail(err, SK_USAGE, "read_only",
		    "the token store is read-only here");
	rc = auth_open(a, true, &there, err);
	if (rc == 0)
		rc = share_dir(a, 30000, err);
	if (rc == 0 && a->key.k == NULL)
		rc = auth_open(a, true, &there, err);
	if (rc != 0)
		return rc;
	sk_jset(&d->arena, d->root, "schema",
	    sk_jnew_cstr(&d->arena, "sk.tokens/1"));
	sk_jset(&d->arena, d->root, "name", sk_jnew_cstr(&d->arena, name));
	auth_buf(&plain, 65536);
	sk_json_write(&plain, d->root);
	file = file_name(name, ext);
	if (plain.full || plain.len > AUTH_FILE_MAX / 2)
		rc = sk_fail(err, SK_USAGE, "too_large",
		    "the tokens of '%s' are too large to keep", name);
	else
		rc = file_save(a, file, plain.p, plain.len, err);
	free(file);
	sk_auth_wipe(&plain);
	return rc;
}

int
auth_doc_remove(
    struct sk_auth *a, const char *name, const char *ext, struct sk_err *err)
{
	static const char zero[4096];
	char *file = file_name(name, ext);
	struct stat st;
	int fd, rc = 0;

	/* Overwritten first, for file systems that write in place. */
	fd = openat(a->dirfd, file, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_nlink == 1)
			for (off_t at = 0; at < st.st_size; at += 4096)
				if (pwrite(fd, zero, sizeof(zero), at) < 0)
					break;
		(void)fdatasync(fd);
		(void)close(fd);
	}
	if (unlinkat(a->dirfd, file, 0) != 0 && errno != ENOENT)
		rc = sk_fail_errno(err, "cannot remove '%s/%s'", a->dir, file);
	else
		(void)fsync(a->dirfd);
	free(file);
	return rc;
}
