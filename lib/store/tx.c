/* SPDX-License-Identifier: MIT */
/* The writer queue, transactions under it, checkpoints under it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/internal.h"

/* ---- the queue ---- */

/* The file under our name must still be the one that we opened: a database
 * that was replaced would take our rows into an unlinked file. */
static int
same_file(struct sk_db *db, struct sk_err *err)
{
	struct stat st;
	int rc = stat(db->path, &st);

	if (rc == 0 && (uint64_t)st.st_dev == db->dev &&
	    (uint64_t)st.st_ino == db->ino)
		return 0;
	if (rc != 0 && errno != ENOENT && errno != ENOTDIR)
		return sk_fail_errno(err, "cannot look at '%s'", db->path);
	(void)sk_fail(err, SK_DAMAGED, "replaced",
	    "'%s' was deleted or replaced while it was open", db->path);
	return sk_hint(err, "start the program again");
}

int
sk_queue_enter(struct sk_db *db, struct sk_err *err)
{
	char path[4200], what[4300];
	int rc;

	if (db->readonly || db->in_tx)
		sk_bug("write through a %s database handle",
		    db->readonly ? "read-only" : "busy");
	if (!db->lock_open) {
		(void)snprintf(path, sizeof(path), "%s-wlock", db->path);
		rc = sk_lock_open(&db->wlock, path, err);
		if (rc != 0)
			return sk_streq(err->code, "permission")
			           ? sk_db_hint_writable(db->path, err)
			           : rc;
		db->lock_open = true;
	}
	(void)snprintf(
	    what, sizeof(what), "the writer queue of '%s'", db->path);
	rc = sk_lock_take(&db->wlock, SK_QUEUE_WAIT_MS, what, err);
	if (rc != 0)
		return rc;
	rc = same_file(db, err);
	if (rc != 0)
		sk_lock_drop(&db->wlock);
	return rc;
}

void
sk_queue_leave(struct sk_db *db)
{
	sk_lock_drop(&db->wlock);
}

int
sk_ckpt_locked(struct sk_db *db, int64_t wait_ms, struct sk_err *err)
{
	int rc, log = 0, done = 0, mode = SQLITE_CHECKPOINT_TRUNCATE;

	if (SK_FAULT("store.checkpoint.before") != 0)
		return sk_fail_errno(err, "cannot checkpoint '%s'", db->path);
	/* TRUNCATE, so that the next fresh process has no log to recover. It
	 * does the passive part first; when a reader is in the way and does
	 * not go, that is all, and BUSY is no error. A process that is here
	 * again will soon be once more: it leaves the log its length, because a
	 * file that grows costs every flush the journal of the file system. */
	if (wait_ms == 0 && db->checkpoints++ > 0)
		mode = SQLITE_CHECKPOINT_PASSIVE;
	(void)sqlite3_busy_timeout(db->h, (int)wait_ms);
	rc = sqlite3_wal_checkpoint_v2(db->h, NULL, mode, &log, &done);
	(void)sqlite3_busy_timeout(db->h, SK_QUEUE_WAIT_MS);
	if (rc == SQLITE_OK)
		db->wal_pages = 0;
	if ((rc & 0xff) != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY &&
	    (rc & 0xff) != SQLITE_LOCKED)
		return sk_db_fail(db, rc, "cannot checkpoint", err);
	if (SK_FAULT("store.checkpoint.after") != 0)
		return sk_fail_errno(err, "cannot checkpoint '%s'", db->path);
	return 0;
}

/* ---- transactions ---- */

#ifdef SK_FAULTS
void
sk_db_where(struct sk_db *db, const char *where)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(db->where); i++) {
		if (db->where[i] == NULL)
			db->where[i] = where;
		if (strcmp(db->where[i], where) == 0)
			return;
	}
}

static int
around_commit(struct sk_db *db, const char *side)
{
	char point[64];
	int e = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(db->where); i++)
		if (db->where[i] != NULL && e == 0) {
			(void)snprintf(point, sizeof(point), "store.%s.%s",
			    db->where[i], side);
			e = sk_fault_hit(point);
		}
	return e;
}
#define AROUND_COMMIT(db, side) around_commit(db, side)
#define FORGET_WHERE(db) memset((db)->where, 0, sizeof((db)->where))
#else
#define AROUND_COMMIT(db, side) 0
#define FORGET_WHERE(db) ((void)0)
#endif

/* A fail-point has set errno: what SQLite would have made of it. */
static int
fault(const struct sk_db *db, struct sk_err *err)
{
	if (errno == EBUSY || errno == EAGAIN)
		return sk_fail(err, SK_AGAIN, "busy",
		    "cannot write to '%s': database is locked", db->path);
	return sk_fail_errno(err, "cannot write to '%s'", db->path);
}

int
sk_db_begin(struct sk_db *db, struct sk_err *err)
{
	int rc;

	if (SK_FAULT("store.begin") != 0)
		return fault(db, err);
	rc = sk_queue_enter(db, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err, "BEGIN IMMEDIATE", "");
	if (rc != 0) {
		sk_queue_leave(db);
		return rc;
	}
	db->in_tx = true;
	FORGET_WHERE(db);
	return 0;
}

void
sk_db_rollback(struct sk_db *db)
{
	struct sk_err ignored = { 0 };

	if (!db->in_tx)
		return;
	for (size_t i = 0; i < db->nstmt; i++)
		sk_q_end(db->stmt[i].st);
	db->in_tx = false;
	/* SQLite may have rolled back by itself: full disk, I/O error. */
	if (!sqlite3_get_autocommit(db->h))
		(void)sk_q_run(db, &ignored, "ROLLBACK", "");
	sk_err_clear(&ignored);
	sk_queue_leave(db);
}

int
sk_db_commit(struct sk_db *db, struct sk_err *err)
{
	struct sk_err ckpt = { 0 };
	int rc;

	if (!db->in_tx)
		sk_bug("commit without a transaction");
	if (AROUND_COMMIT(db, "before_commit") != 0 ||
	    SK_FAULT("store.commit") != 0) {
		rc = fault(db, err);
		sk_db_rollback(db);
		return rc;
	}
	rc = sk_q_run(db, err, "COMMIT", "");
	if (rc != 0) {
		sk_db_rollback(db);
		return rc;
	}
	db->in_tx = false;
	(void)AROUND_COMMIT(db, "after_commit");
	/* What is committed is committed: a checkpoint that fails must not
	 * look like a lost write. The next one tries again. */
	if (db->wal_pages >= SK_CKPT_PAGES &&
	    sk_ckpt_locked(db, 0, &ckpt) != 0) {
		sk_warn("%s", ckpt.message);
		sk_err_clear(&ckpt);
	}
	sk_queue_leave(db);
	return 0;
}

bool
sk_db_in_tx(const struct sk_db *db)
{
	return db->in_tx;
}

int
sk_tx_enter(struct sk_db *db, bool *own, struct sk_err *err)
{
	*own = !db->in_tx;
	return *own ? sk_db_begin(db, err) : 0;
}

int
sk_tx_leave(struct sk_db *db, bool own, int rc, struct sk_err *err)
{
	if (!own)
		return rc;
	if (rc == 0)
		return sk_db_commit(db, err);
	sk_db_rollback(db);
	return rc;
}

/* ---- statements ---- */

static sqlite3_stmt *
prepared(struct sk_db *db, const char *sql, struct sk_err *err)
{
	struct sk_stmt *s;
	int rc;

	for (size_t i = 0; i < db->nstmt; i++)
		if (db->stmt[i].sql == sql)
			return db->stmt[i].st;
	if (db->nstmt == SK_NSTMT)
		sk_bug("more than %d statements", SK_NSTMT);
	s = &db->stmt[db->nstmt];
	rc = sqlite3_prepare_v2(db->h, sql, -1, &s->st, NULL);
	if (rc != SQLITE_OK) {
		(void)sk_db_fail(db, rc, "cannot use", err);
		return NULL;
	}
	s->sql = sql;
	db->nstmt++;
	return s->st;
}

static int
bind_all(sqlite3_stmt *st, const char *fmt, va_list ap)
{
	const char *s;
	size_t n;
	int rc = SQLITE_OK;

	for (int i = 1; *fmt != '\0' && rc == SQLITE_OK; fmt++, i++)
		switch (*fmt) {
		case 'i':
			rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
			break;
		case 'b':
			s = va_arg(ap, const char *);
			n = va_arg(ap, size_t);
			rc = sqlite3_bind_text64(st, i, s != NULL ? s : "", n,
			    SQLITE_STATIC, SQLITE_UTF8);
			break;
		default:
			s = va_arg(ap, const char *);
			if (s == NULL || (*fmt == 'e' && *s == '\0'))
				rc = sqlite3_bind_null(st, i);
			else
				rc = sqlite3_bind_text(
				    st, i, s, -1, SQLITE_STATIC);
		}
	return rc;
}

static sqlite3_stmt *
query(struct sk_db *db, struct sk_err *err, const char *sql, const char *fmt,
    va_list ap)
{
	sqlite3_stmt *st;
	int rc;

	/* After SQLite rolled back by itself, a further statement would be a
	 * small transaction of its own. */
	if (db->in_tx && sqlite3_get_autocommit(db->h)) {
		(void)sk_fail(err, SK_IO, "io",
		    "the transaction on '%s' was rolled back", db->path);
		return NULL;
	}
	st = prepared(db, sql, err);
	if (st == NULL)
		return NULL;
	rc = bind_all(st, fmt, ap);
	if (rc != SQLITE_OK) {
		sk_q_end(st);
		(void)sk_db_fail(db, rc, "cannot write to", err);
		return NULL;
	}
	return st;
}

sqlite3_stmt *
sk_q(
    struct sk_db *db, struct sk_err *err, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, fmt);
	st = query(db, err, sql, fmt, ap);
	va_end(ap);
	return st;
}

int
sk_q_step(struct sk_db *db, sqlite3_stmt *st, struct sk_err *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE) {
		sk_q_end(st);
		return 0;
	}
	rc = sk_db_fail(db, rc,
	    sqlite3_stmt_readonly(st) && (rc & 0xff) != SQLITE_FULL
		? "cannot read"
		: "cannot write to",
	    err);
	sk_q_end(st);
	return -rc;
}

void
sk_q_end(sqlite3_stmt *st)
{
	(void)sqlite3_reset(st);
	(void)sqlite3_clear_bindings(st);
}

int
sk_q_first(struct sk_db *db, sqlite3_stmt **st, struct sk_err *err,
    const char *sql, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	*st = query(db, err, sql, fmt, ap);
	va_end(ap);
	return *st != NULL ? sk_q_step(db, *st, err) : -err->exit;
}

int
sk_q_run(
    struct sk_db *db, struct sk_err *err, const char *sql, const char *fmt, ...)
{
	sqlite3_stmt *st;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	st = query(db, err, sql, fmt, ap);
	va_end(ap);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc > 0)
		sk_q_end(st);
	return rc < 0 ? -rc : 0;
}

int64_t
sk_q_changes(struct sk_db *db)
{
	return sqlite3_changes64(db->h);
}

const char *
sk_col_text(sqlite3_stmt *st, int i)
{
	const unsigned char *s = sqlite3_column_text(st, i);

	if (s == NULL && sqlite3_errcode(sqlite3_db_handle(st)) == SQLITE_NOMEM)
		sk_oom();
	return (const char *)s;
}

void
sk_col_copy(sqlite3_stmt *st, int i, char *out, size_t n)
{
	const char *s = sk_col_text(st, i);

	(void)snprintf(out, n, "%s", s != NULL ? s : "");
}

char *
sk_col_dupn(sqlite3_stmt *st, int i, struct sk_arena *a, size_t *n)
{
	const char *s = sk_col_text(st, i);

	*n = (size_t)sqlite3_column_bytes(st, i);
	return s != NULL ? sk_arena_strndup(a, s, *n) : NULL;
}

char *
sk_col_dup(sqlite3_stmt *st, int i, struct sk_arena *a)
{
	size_t n;

	return sk_col_dupn(st, i, a, &n);
}

int64_t
sk_col_int(sqlite3_stmt *st, int i)
{
	return sqlite3_column_int64(st, i);
}
