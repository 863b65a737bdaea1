/* SPDX-License-Identifier: MIT */
/* store, inside: the connection, prepared statements, own transactions. */
#ifndef SK_STORE_INTERNAL_H
#define SK_STORE_INTERNAL_H

#include <sqlite3.h>

#include "faults/faults.h"
#include "store/store.h"
#include "sys/sys.h"

#define SK_APPLICATION_ID 0x534B4954 /* "SKIT" */
#define SK_CKPT_PAGES 500
#define SK_QUEUE_WAIT_MS 10000
#define SK_CONTENT_MAX (80 << 20) /* 64 MB of content and its row */

/* A statement is known by the address of its literal. */
struct sk_stmt {
	const char *sql;
	sqlite3_stmt *st;
};
#define SK_NSTMT 64

struct sk_db {
	sqlite3 *h;
	char *path; /* real path: one name, one queue */
	struct sk_lock wlock;
	uint64_t dev, ino;
	bool lock_open, in_tx, readonly;
	int64_t wal_pages; /* as of our last commit */
	int64_t checkpoints; /* made by ourselves after a commit */
	struct sk_stmt stmt[SK_NSTMT];
	size_t nstmt;
#ifdef SK_FAULTS
	const char *where[4]; /* what the open transaction did */
#endif
};

/* Mark what a transaction does, for the fail-points around its commit. */
#ifdef SK_FAULTS
void sk_db_where(struct sk_db *db, const char *where);
#define SK_WHERE(db, w) sk_db_where(db, w)
#else
#define SK_WHERE(db, w) ((void)0)
#endif

/* SQLite's result code as our error; what = "cannot write to". */
int sk_db_fail(struct sk_db *db, int rc, const char *what, struct sk_err *err);
/* The same for an open that failed half way, h may be NULL. */
int sk_db_fail_at(
    sqlite3 *h, const char *path, int rc, const char *what, struct sk_err *err);
/* sqlite3_open_v2(); a file that is made is 0600, and so is its log. */
int sk_open_private(const char *path, sqlite3 **h, int how);
/* SQLite keeps files beside the file, so the directory matters as well. */
int sk_db_hint_writable(const char *path, struct sk_err *err);

/*
 * Statements. The text must be a literal (the cache goes by its address).
 * fmt binds from 1 on: t const char * (NULL = null), e const char * ("" or
 * NULL = null), i int64_t, b const char * + size_t as text. The bound bytes
 * must live until sk_q_end().
 */
sqlite3_stmt *sk_q(struct sk_db *db, struct sk_err *err, const char *sql,
    const char *fmt, ...);
/* 1 = a row, 0 = no more (statement ended), else -(exit class), ended. */
int sk_q_step(struct sk_db *db, sqlite3_stmt *st, struct sk_err *err);
void sk_q_end(sqlite3_stmt *st);
/* Both in one, for one row: *st is to be ended when it returned 1. */
int sk_q_first(struct sk_db *db, sqlite3_stmt **st, struct sk_err *err,
    const char *sql, const char *fmt, ...);
/* A statement without a result. */
int sk_q_run(struct sk_db *db, struct sk_err *err, const char *sql,
    const char *fmt, ...);
int64_t sk_q_changes(struct sk_db *db);

/* Columns: text into an inline array (cut off when too long: our own ids never
 * are), or into the arena (NULL stays NULL). */
void sk_col_copy(sqlite3_stmt *st, int i, char *out, size_t n);
#define SK_COL(st, i, arr) sk_col_copy(st, i, arr, sizeof(arr))
char *sk_col_dup(sqlite3_stmt *st, int i, struct sk_arena *a);
char *sk_col_dupn(sqlite3_stmt *st, int i, struct sk_arena *a, size_t *n);
int64_t sk_col_int(sqlite3_stmt *st, int i);
/* Valid until the next step. NULL is a NULL, never want of memory: of that the
 * process dies, as of any other, or a prompt would be taken for empty. */
const char *sk_col_text(sqlite3_stmt *st, int i);

/* Join the caller's transaction or open one of our own; leave commits or
 * rolls back what enter opened and returns rc or the error of the commit. */
int sk_tx_enter(struct sk_db *db, bool *own, struct sk_err *err);
int sk_tx_leave(struct sk_db *db, bool own, int rc, struct sk_err *err);
/* The queue lock alone, for checkpoint, migration and publish. */
int sk_queue_enter(struct sk_db *db, struct sk_err *err);
void sk_queue_leave(struct sk_db *db);
/* Move the log into the file; the queue lock is held. */
int sk_ckpt_locked(struct sk_db *db, int64_t wait_ms, struct sk_err *err);

/* Bring the schema to this build's version, or refuse. */
int sk_db_migrate(struct sk_db *db, struct sk_err *err);
/* An empty database in memory with this build's schema; to be closed also
 * after an error. */
int sk_schema_fresh(sqlite3 **h, struct sk_err *err);
/* Step i takes user_version i to i + 1; NULL ends. */
extern const char *const sk_migrate_steps[];
#define SK_SCHEMA_VERSION 10

/* The belt of acked decisions, taken off only where a run leaves as a whole. */
#define SK_SQL_ACKED_DELETE \
	"CREATE TRIGGER acked_delete BEFORE DELETE ON decisions " \
	"WHEN old.state='acked' BEGIN " \
	"SELECT raise(ABORT,'an acked decision cannot be deleted');END"

#define SK_SQL_EPOCH_DELETE \
	"CREATE TRIGGER epoch_delete BEFORE DELETE ON leases BEGIN " \
	"SELECT raise(ABORT,'a lease cannot be deleted');END"
#define SK_SQL_JOURNAL_DELETE \
	"CREATE TRIGGER journal_delete BEFORE DELETE ON journal BEGIN " \
	"SELECT raise(ABORT,'the journal cannot be changed');END"

/* Shared by the q_ files. */
static inline const char *
sk_or_empty(const char *s)
{
	return s != NULL ? s : "";
}
static inline int64_t
sk_round_of(const struct sk_key *k)
{
	return k->round > 0 ? k->round : 1;
}
void sk_branch_name(char out[SK_BRANCH_LEN], const char *spec);
int sk_branch_taken(
    struct sk_db *db, const char *branch, bool *taken, struct sk_err *err);
/* parent NULL = root branch of the run. */
int sk_branch_insert(struct sk_db *db, const char *branch, const char *run,
    const char *parent, int64_t after, const struct sk_git *git,
    struct sk_err *err);
int sk_branch_touch(struct sk_db *db, const char *branch, struct sk_err *err);
/* A run's row, as by sk_q_first(). One statement for all who look, because
 * preparing costs more than looking. */
int sk_run_row(
    struct sk_db *db, sqlite3_stmt **st, const char *run, struct sk_err *err);
enum { SK_RUN_BRANCH, SK_RUN_SPEC, SK_RUN_ROOT, SK_RUN_STATE };
/* The run's newest branch; SK_USAGE "no_such_run". */
int sk_run_newest(struct sk_db *db, const char *run, char branch[SK_BRANCH_LEN],
    struct sk_err *err);

#endif
