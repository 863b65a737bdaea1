/* SPDX-License-Identifier: MIT */
/* From whatever is in the file to this build's schema, once. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/internal.h"

struct version {
	int64_t app, user;
	bool empty; /* no table, index, view or trigger */
};

static int
read_int(struct sk_db *db, const char *sql, int64_t *out, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	/* Not through the cache: these run once. */
	rc = sqlite3_prepare_v2(db->h, sql, -1, &st, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW)
			*out = sqlite3_column_int64(st, 0);
		rc = sqlite3_finalize(st);
	}
	return rc == SQLITE_OK
	           ? 0
	           : sk_db_fail(db, rc, "cannot open database", err);
}

/* 0 = ours or empty, else why not. */
static int
refuse(struct sk_db *db, const struct version *v, struct sk_err *err)
{
	if (v->app != SK_APPLICATION_ID && !v->empty) {
		(void)sk_fail(err, SK_DAMAGED, "foreign_database",
		    "cannot use '%s': it is the database of another program",
		    db->path);
		return sk_hint(err, "--db or SK_DB names another file");
	}
	if (v->user > SK_SCHEMA_VERSION) {
		(void)sk_fail(err, SK_NEWER, "newer_schema",
		    "cannot use '%s': its schema is version %lld, this "
		    "program knows up to %d",
		    db->path, (long long)v->user, SK_SCHEMA_VERSION);
		return sk_hint(err, "update sk, or name another file by --db");
	}
	return 0;
}

/* Of a file that is ours or empty. */
static int
read_version(struct sk_db *db, struct version *v, struct sk_err *err)
{
	int64_t rows = 0;
	int rc;

	memset(v, 0, sizeof(*v));
	rc = read_int(db, "PRAGMA application_id", &v->app, err);
	if (rc == 0)
		rc = read_int(db, "PRAGMA user_version", &v->user, err);
	if (rc == 0 && v->app == 0) {
		rc = read_int(
		    db, "SELECT count(*) FROM sqlite_schema", &rows, err);
		v->empty = rows == 0 && v->user == 0;
	}
	/* Three looks are not one snapshot: who finds tables but no name may
	 * have looked before and after the file was made. */
	if (rc == 0 && v->app == 0 && !v->empty) {
		rc = read_int(db, "PRAGMA application_id", &v->app, err);
		if (rc == 0)
			rc = read_int(db, "PRAGMA user_version", &v->user, err);
	}
	return rc == 0 ? refuse(db, v, err) : rc;
}

/*
 * The switch to WAL does not ask the busy handler (3.40), and a reader that
 * looks at a new file at the same moment is in its way: a loop of our own.
 */
static int
switch_to_wal(struct sk_db *db, struct sk_err *err)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	int64_t end = sk_mono_ms() + SK_QUEUE_WAIT_MS;
	int rc;

	for (;;) {
		rc = sqlite3_exec(
		    db->h, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if (rc == SQLITE_OK)
			return 0;
		if (((rc & 0xff) != SQLITE_BUSY &&
			(rc & 0xff) != SQLITE_LOCKED) ||
		    sk_mono_ms() > end)
			return sk_db_fail(db, rc, "cannot open database", err);
		(void)nanosleep(&pause, NULL);
	}
}

/* What the engine itself guards, left out to see who notices. */
static int
drop_guards(struct sk_db *db)
{
	int rc = SQLITE_OK;

	if (SK_MUTANT("no_gate_key"))
		rc = sqlite3_exec(
		    db->h, "DROP INDEX one_pending", NULL, NULL, NULL);
	if (SK_MUTANT("no_answer_key"))
		rc = sqlite3_exec(db->h,
		    "DROP TABLE agent_outputs;CREATE TABLE agent_outputs("
		    "seq INTEGER PRIMARY KEY,"
		    "request_id INTEGER NOT NULL REFERENCES requests,"
		    "attempt INTEGER NOT NULL,agent_name TEXT NOT NULL,"
		    "model_version TEXT,output_timestamp INTEGER NOT NULL,"
		    "sha256 TEXT NOT NULL,content TEXT NOT NULL)STRICT",
		    NULL, NULL, NULL);
	if (SK_MUTANT("no_journal_guard"))
		rc = sqlite3_exec(
		    db->h, "DROP TRIGGER journal_delete", NULL, NULL, NULL);
	return rc;
}

/* The steps and their mark in one transaction; the queue lock is held. */
static int
run_steps(struct sk_db *db, const struct version *v, struct sk_err *err)
{
	char hex[SK_HEX32_LEN], sql[100], key[32];
	int rc;

	rc = sqlite3_exec(db->h, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	for (int64_t i = v->user; rc == SQLITE_OK && i < SK_SCHEMA_VERSION; i++)
		rc = sqlite3_exec(db->h, sk_migrate_steps[i], NULL, NULL, NULL);
	rc = rc == SQLITE_OK ? drop_guards(db) : rc;
	if (rc == SQLITE_OK) {
		/* PRAGMA takes no bound values; both are our own numbers. */
		(void)snprintf(sql, sizeof(sql),
		    "PRAGMA application_id=%d;PRAGMA user_version=%d",
		    SK_APPLICATION_ID, SK_SCHEMA_VERSION);
		rc = sqlite3_exec(db->h, sql, NULL, NULL, NULL);
	}
	if (rc != SQLITE_OK)
		return sk_db_fail(db, rc, "cannot migrate database", err);
	if (v->user == 0) {
		sk_hex32_new(hex);
		rc = sk_q_run(db, err,
		    "INSERT INTO meta(id,incarnation,created_at)"
		    "VALUES(1,?1,?2)",
		    "ti", hex, sk_now_ms());
		if (rc != 0)
			return rc;
	}
	(void)snprintf(
	    key, sizeof(key), "%d-%d", (int)v->user, SK_SCHEMA_VERSION);
	rc = sk_journal(db, "migrate", NULL, NULL, 0, key, 0, err);
	if (rc != 0)
		return rc;
	if (SK_FAULT("store.migrate.before_commit") != 0)
		return sk_fail_errno(
		    err, "cannot migrate database '%s'", db->path);
	rc = sqlite3_exec(db->h, "COMMIT", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return sk_db_fail(db, rc, "cannot migrate database", err);
	return 0;
}

static int
migrate_locked(struct sk_db *db, struct sk_err *err)
{
	struct sk_err ckpt = { 0 };
	struct version v;
	int rc;

	/* Somebody may have been faster. */
	rc = read_version(db, &v, err);
	if (rc != 0 || v.user == SK_SCHEMA_VERSION)
		return rc;
	if (v.empty)
		rc = switch_to_wal(db, err);
	if (rc == 0)
		rc = run_steps(db, &v, err);
	if (rc != 0) {
		if (!sqlite3_get_autocommit(db->h))
			(void)sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
		return rc;
	}
	/* Into the file itself, so that its header says whose it is. When it
	 * does not work now, a later checkpoint does it. */
	if (sk_ckpt_locked(db, 0, &ckpt) != 0)
		sk_err_clear(&ckpt);
	return 0;
}

int
sk_db_migrate(struct sk_db *db, struct sk_err *err)
{
	struct version v;
	int rc;

	rc = read_version(db, &v, err);
	if (rc != 0 || v.user == SK_SCHEMA_VERSION)
		return rc;
	if (db->readonly && v.empty)
		return sk_fail(err, SK_USAGE, "no_database",
		    "there is nothing in database '%s' yet", db->path);
	if (db->readonly) {
		(void)sk_fail(err, SK_USAGE, "old_schema",
		    "cannot read '%s': its schema is version %lld of %d",
		    db->path, (long long)v.user, SK_SCHEMA_VERSION);
		return sk_hint(
		    err, "any writing command, such as sk-run, updates it");
	}
	rc = sk_queue_enter(db, err);
	if (rc != 0)
		return rc;
	rc = migrate_locked(db, err);
	sk_queue_leave(db);
	return rc;
}

int
sk_schema_fresh(sqlite3 **h, struct sk_err *err)
{
	int rc = sqlite3_open_v2(
	    ":memory:", h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	for (int64_t i = 0; rc == SQLITE_OK && i < SK_SCHEMA_VERSION; i++)
		rc = sqlite3_exec(*h, sk_migrate_steps[i], NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0
	                       : sk_db_fail_at(*h, ":memory:", rc,
				     "cannot make the schema in", err);
}
