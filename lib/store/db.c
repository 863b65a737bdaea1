/* SPDX-License-Identifier: MIT */
/* Opening and closing the one shared file, and what its errors mean. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "store/internal.h"

/* ---- errors ---- */

int
sk_db_hint_writable(const char *path, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	int n = slash != NULL && slash != path ? (int)(slash - path) : 1;

	return sk_hint(err,
	    "the file and its directory '%.*s' must be writable for you; "
	    "--db or SK_DB names another file",
	    n, slash != NULL ? path : ".");
}

static int
fail_permission(
    struct sk_err *err, const char *path, const char *what, const char *why)
{
	(void)sk_fail(err, SK_IO, "permission", "%s '%s': %s", what, path, why);
	return sk_db_hint_writable(path, err);
}

static int
fail_no_space(struct sk_err *err, const char *path, const char *what)
{
	(void)sk_fail(err, SK_IO, "no_space",
	    "%s '%s': no space left on device", what, path);
	return sk_hint(
	    err, "free some disk space and repeat; what was recorded is safe");
}

static int
fail_damaged(
    struct sk_err *err, const char *path, const char *code, const char *why)
{
	(void)sk_fail(
	    err, SK_DAMAGED, code, "cannot use database '%s': %s", path, why);
	return sk_hint(err,
	    "copy the file and its -wal and -shm together, then run "
	    "'sqlite3 COPY .recover' on the copy");
}

int
sk_db_fail_at(
    sqlite3 *h, const char *path, int rc, const char *what, struct sk_err *err)
{
	const char *text = sqlite3_errstr(rc);
	int e = h != NULL ? sqlite3_system_errno(h) : 0;

	/* The system's errno is left over from older calls, so it only counts
	 * where the result code says that a system call failed. */
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return fail_no_space(err, path, what);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		(void)sk_fail(
		    err, SK_AGAIN, "busy", "%s '%s': %s", what, path, text);
		return sk_hint(err, "try again in a moment");
	case SQLITE_CORRUPT:
		return fail_damaged(err, path, "corrupt", text);
	case SQLITE_NOTADB:
		(void)sk_fail(err, SK_DAMAGED, "not_a_database",
		    "cannot use '%s': it is not a database", path);
		return sk_hint(err, "--db or SK_DB names another file");
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return fail_permission(err, path, what, text);
	case SQLITE_NOMEM:
		return sk_fail(err, SK_NOMEM, "out_of_memory", "%s '%s': %s",
		    what, path, text);
	case SQLITE_CANTOPEN:
		if (e == ENOSPC || e == EDQUOT)
			return fail_no_space(err, path, what);
		return fail_permission(
		    err, path, what, e != 0 ? strerror(e) : text);
	case SQLITE_IOERR:
		if (rc == SQLITE_IOERR_NOMEM)
			return sk_fail(err, SK_NOMEM, "out_of_memory",
			    "%s '%s': %s", what, path, text);
		/* The index cannot grow: a full disk, met before a write. */
		if (rc == SQLITE_IOERR_SHMSIZE || e == ENOSPC || e == EDQUOT)
			return fail_no_space(err, path, what);
		return sk_fail(err, SK_IO, "io", "%s '%s': %s (%d): %s", what,
		    path, text, rc, e != 0 ? strerror(e) : "unknown cause");
	case SQLITE_TOOBIG:
		return sk_fail(err, SK_DAMAGED, "too_large", "%s '%s': %s",
		    what, path, text);
	default:
		return sk_fail(err, SK_BUG, "store", "%s '%s': %s (%d): %s",
		    what, path, text, rc, h != NULL ? sqlite3_errmsg(h) : "-");
	}
}

int
sk_db_fail(struct sk_db *db, int rc, const char *what, struct sk_err *err)
{
	return sk_db_fail_at(db->h, db->path, rc, what, err);
}

/* ---- the path ---- */

char *
sk_db_default_path(const char *path, struct sk_err *err)
{
	char *dir, *full;

	if (path == NULL)
		path = getenv("SK_DB");
	if (path != NULL && path[0] != '\0')
		return sk_strdup(path);
	dir = sk_xdg_dir("XDG_STATE_HOME", ".local/state", err);
	if (dir == NULL)
		return NULL;
	full = sk_path_join(dir, "sk.db");
	free(dir);
	return full;
}

/* SQLite puts -wal beside the real file, so our locks must stand there too:
 * links are resolved, also when only the directory exists yet. */
static char *
real_path(const char *path, bool create, struct sk_err *err)
{
	char buf[PATH_MAX], *copy, *slash, *out;
	const char *name;
	int rc = 0;

	if (realpath(path, buf) != NULL)
		return sk_strdup(buf);
	if (errno != ENOENT) {
		(void)sk_fail_errno(err, "cannot open database '%s'", path);
		return NULL;
	}
	copy = sk_strdup(path);
	slash = strrchr(copy, '/');
	name = slash != NULL ? slash + 1 : copy;
	if (!create || name[0] == '\0') {
		(void)sk_fail(err, SK_USAGE, "no_database",
		    "there is no database '%s'", path);
		(void)sk_hint(err,
		    "it is made by the first sk-run or sk-consensus; --db "
		    "or SK_DB names another file");
		free(copy);
		return NULL;
	}
	if (slash != NULL && slash != copy) {
		*slash = '\0';
		rc = sk_mkdirs(copy, 0700, err);
		if (rc != 0)
			(void)sk_hint(err, "--db, SK_DB or XDG_STATE_HOME "
					   "names another place");
	}
	out = NULL;
	if (rc == 0) {
		const char *dir = slash == NULL   ? "."
		                  : slash == copy ? "/"
		                                  : copy;

		if (realpath(dir, buf) == NULL)
			(void)sk_fail_errno(
			    err, "cannot open database '%s'", path);
		else
			out = sk_path_join(buf, name);
	}
	free(copy);
	return out;
}

/* Shared memory and locks do not hold on these (wal.html). */
static int
check_fs(const char *path, struct sk_err *err)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} bad[] = { { 0x6969, "NFS" }, { 0x517b, "SMB" },
		{ 0xff534d42, "CIFS" }, { 0xfe534d42, "SMB" },
		{ 0x01021997, "9p" }, { 0x65735546, "FUSE" },
		{ 0x5346414f, "AFS" }, { 0x00c36400, "Ceph" },
		{ 0x73757245, "Coda" } };
	const char *slash = strrchr(path, '/');
	struct statfs fs;
	char dir[PATH_MAX];

	if (statfs(path, &fs) != 0) {
		(void)snprintf(dir, sizeof(dir), "%.*s",
		    slash > path ? (int)(slash - path) : 1, path);
		if (statfs(dir, &fs) != 0)
			return 0; /* the open will tell */
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++) {
		if (((unsigned long)fs.f_type & 0xffffffff) != bad[i].magic)
			continue;
		(void)sk_fail(err, SK_USAGE, "network_file_system",
		    "cannot use '%s': locks do not hold on %s", path,
		    bad[i].name);
		return sk_hint(
		    err, "put the database on a local disk with SK_DB");
	}
	return 0;
}

/* Once per process. One thread: SQLite needs no mutexes, which are a tenth of
 * what a short command spends in it. */
static void
set_up_library(void)
{
	static bool done;

	if (done)
		return;
	done = true;
	(void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
	(void)sqlite3_hard_heap_limit64((sqlite3_int64)256 << 20);
}

/* ---- settings ---- */

static int
on_wal(void *arg, sqlite3 *h, const char *name, int pages)
{
	struct sk_db *db = arg;

	(void)h;
	(void)name;
	db->wal_pages = pages;
	return SQLITE_OK;
}

/* Function calls, not PRAGMAs, where there is one: they need no parsing. */
static int
configure(struct sk_db *db)
{
	static const struct {
		int what, on;
	} set[] = { { SQLITE_DBCONFIG_DEFENSIVE, 1 },
		{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
		{ SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1 },
		{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
		{ SQLITE_DBCONFIG_DQS_DML, 0 }, { SQLITE_DBCONFIG_DQS_DDL, 0 },
		{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 } };
	static const struct {
		int what, max;
	} lim[] = { { SQLITE_LIMIT_LENGTH, SK_CONTENT_MAX },
		{ SQLITE_LIMIT_SQL_LENGTH, 100000 },
		{ SQLITE_LIMIT_ATTACHED, 0 }, { SQLITE_LIMIT_VDBE_OP, 250000 },
		{ SQLITE_LIMIT_WORKER_THREADS, 0 } };
	int rc = SQLITE_OK;

	(void)sqlite3_extended_result_codes(db->h, 1);
	(void)sqlite3_busy_timeout(db->h, SK_QUEUE_WAIT_MS);
	for (size_t i = 0; i < SK_ARRAY_SIZE(set) && rc == SQLITE_OK; i++)
		rc = sqlite3_db_config(
		    db->h, set[i].what, set[i].on, (int *)NULL);
	for (size_t i = 0; i < SK_ARRAY_SIZE(lim); i++)
		(void)sqlite3_limit(db->h, lim[i].what, lim[i].max);
	/* Our hook replaces the automatic checkpoint, which may lose commits
	 * (the WAL-reset bug): it would run outside the queue. */
	(void)sqlite3_wal_hook(db->h, on_wal, db);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db->h,
		    "PRAGMA cell_size_check=1;PRAGMA temp_store=2;"
		    "PRAGMA synchronous=2",
		    NULL, NULL, NULL);
	if (rc == SQLITE_OK && SK_MUTANT("no_walsync"))
		rc = sqlite3_exec(
		    db->h, "PRAGMA synchronous=1", NULL, NULL, NULL);
	return rc;
}

/*
 * The first 100 bytes through SQLite's own descriptor (an open and close of
 * ours would drop its locks). The log may be newer, so this can only say no:
 * a file of another program is refused before SQLite touches it.
 */
static int
check_header(struct sk_db *db, struct sk_err *err)
{
	static const char magic[16] = "SQLite format 3";
	const unsigned char *id;
	unsigned char head[100];
	sqlite3_file *f = NULL;
	sqlite3_int64 size = 0;
	uint32_t app;
	int rc;

	rc = sqlite3_file_control(db->h, "main", SQLITE_FCNTL_FILE_POINTER, &f);
	if (rc != SQLITE_OK || f == NULL || f->pMethods == NULL)
		return 0;
	rc = f->pMethods->xFileSize(f, &size);
	if (rc != SQLITE_OK || size == 0)
		return 0;
	memset(head, 0, sizeof(head));
	rc = f->pMethods->xRead(f, head, sizeof(head), 0);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
		return sk_db_fail(db, rc, "cannot read", err);
	if (memcmp(head, magic, sizeof(magic)) != 0)
		return sk_db_fail(db, SQLITE_NOTADB, "cannot read", err);
	id = head + 68;
	app = (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 |
	      (uint32_t)id[2] << 8 | id[3];
	if (app == 0 || app == SK_APPLICATION_ID)
		return 0;
	(void)sk_fail(err, SK_DAMAGED, "foreign_database",
	    "cannot use '%s': it is the database of another program "
	    "(application id %08x)",
	    db->path, app);
	return sk_hint(err, "--db or SK_DB names another file");
}

/* ---- open and close ---- */

/* The answers of agents are nobody else's business. */
static void
make_private(const char *path)
{
	static const char *const parts[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		char *p = sk_asprintf("%s%s", path, parts[i]);

		(void)chmod(p, 0600);
		free(p);
	}
}

static int
check_file(struct sk_db *db, struct sk_err *err)
{
	struct stat st;

	if (stat(db->path, &st) != 0)
		return sk_fail_errno(
		    err, "cannot open database '%s'", db->path);
	db->dev = (uint64_t)st.st_dev;
	db->ino = (uint64_t)st.st_ino;
	if (st.st_nlink > 1) {
		(void)sk_fail(err, SK_USAGE, "hard_link",
		    "cannot use '%s': the file has a second name (hard link)",
		    db->path);
		return sk_hint(err,
		    "each name would get a log of its own, which destroys "
		    "the file: remove one name or work on a copy");
	}
	if ((st.st_mode & 077) != 0 && st.st_uid == geteuid())
		make_private(db->path);
	return 0;
}

int
sk_open_private(const char *path, sqlite3 **h, int how)
{
	mode_t mask = umask(077);
	int rc = sqlite3_open_v2(path, h, how, NULL);

	(void)umask(mask);
	return rc;
}

static int
open_file(struct sk_db *db, unsigned flags, struct sk_err *err)
{
	int rc, how = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	              SQLITE_OPEN_PRIVATECACHE;
	struct stat st;

	if ((flags & SK_DB_CREATE) != 0)
		how |= SQLITE_OPEN_CREATE;
	/* SQLite would say only "unable to open", or wait on a FIFO. */
	if (stat(db->path, &st) == 0 && !S_ISREG(st.st_mode))
		return sk_fail(err, SK_USAGE, "not_a_file",
		    "cannot use '%s' as database: it is not a file", db->path);
	rc = sk_open_private(db->path, &db->h, how);
	if (rc == SQLITE_OK)
		return 0;
	return sk_db_fail(db, rc, "cannot open database", err);
}

int
sk_db_open(
    struct sk_db **out, const char *path, unsigned flags, struct sk_err *err)
{
	struct sk_db *db;
	char *name;
	int rc;

	*out = NULL;
	name = sk_db_default_path(path, err);
	if (name == NULL)
		return err->exit;
	db = sk_calloc(1, sizeof(*db));
	db->readonly = (flags & SK_DB_READONLY) != 0;
	db->path =
	    real_path(name, (flags & SK_DB_CREATE) != 0 && !db->readonly, err);
	free(name);
	if (db->path == NULL) {
		free(db);
		return err->exit;
	}
	SK_FAULT_FILE(db->path);
	set_up_library();
	rc = check_fs(db->path, err);
	if (rc == 0)
		rc = open_file(db, flags, err);
	if (rc == 0)
		rc = check_file(db, err);
	if (rc == 0)
		rc = check_header(db, err);
	if (rc == 0) {
		rc = configure(db);
		if (rc != SQLITE_OK)
			rc = sk_db_fail(db, rc, "cannot open", err);
	}
	if (rc == 0)
		rc = sk_db_migrate(db, err);
	if (rc != 0) {
		sk_db_close(db);
		return rc;
	}
	*out = db;
	return 0;
}

void
sk_db_close(struct sk_db *db)
{
	if (db == NULL)
		return;
	sk_db_rollback(db);
	for (size_t i = 0; i < db->nstmt; i++)
		(void)sqlite3_finalize(db->stmt[i].st);
	(void)sqlite3_close(db->h);
	if (db->lock_open)
		sk_lock_close(&db->wlock);
	free(db->path);
	free(db);
}

#if defined(__SANITIZE_ADDRESS__) || defined(SK_LEAK)
#define LEAKS_ARE_COUNTED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LEAKS_ARE_COUNTED 1
#endif
#endif

void
sk_db_leave(struct sk_db *db)
{
#ifdef LEAKS_ARE_COUNTED
	sk_db_close(db);
#else
	if (db != NULL)
		sk_db_rollback(db);
#endif
}

const char *
sk_db_path(const struct sk_db *db)
{
	return db->path;
}

void
sk_db_trim(struct sk_db *db)
{
	(void)sqlite3_db_release_memory(db->h);
}
