/* SPDX-License-Identifier: MIT */
/* Copies of the file, the removal of old runs, hashes of evidence. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/move.h"

/* ---- evidence ---- */

/* Which specification of which project, in a word of known length. */
static void
place(const char *spec, const char *root, char out[SK_SHA256_LEN])
{
	char *s = sk_asprintf("%s\n%s", spec, root != NULL ? root : "");

	sk_sha256(s, strlen(s), out);
	free(s);
}

/* Of no run: a run's history is the same wherever its files are. */
int
sk_manifest_note(struct sk_db *db, const char *spec, const char *root,
    const char *sha256, struct sk_err *err)
{
	char key[2 * SK_SHA256_LEN], of[SK_SHA256_LEN];
	bool own;
	int rc = sk_tx_enter(db, &own, err);

	if (rc != 0)
		return rc;
	place(spec, root, of);
	(void)snprintf(key, sizeof(key), "%s:%s", sha256, of);
	rc = sk_journal(db, "manifest", NULL, NULL, 0, key, 0, err);
	return sk_tx_leave(db, own, rc, err);
}

int
sk_manifest_last(struct sk_db *db, const char *spec, const char *root,
    char sha256[2][SK_SHA256_LEN], struct sk_err *err)
{
	char of[SK_SHA256_LEN];
	sqlite3_stmt *st;
	int rc, i = 0;

	sha256[0][0] = sha256[1][0] = '\0';
	place(spec, root, of);
	st = sk_q(db, err,
	    "SELECT substr(key,1,64)FROM journal WHERE kind='manifest' AND "
	    "substr(key,66)=?1 ORDER BY lsn DESC LIMIT 2",
	    "t", of);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0 && i < 2)
		sk_col_copy(st, 0, sha256[i++], SK_SHA256_LEN);
	return -rc;
}

int
sk_db_incarnation(struct sk_db *db, char out[SK_HEX32_LEN], struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc = sk_q_first(db, &st, err, "SELECT incarnation FROM meta", "");

	out[0] = '\0';
	if (rc <= 0)
		return -rc;
	sk_col_copy(st, 0, out, SK_HEX32_LEN);
	sk_q_end(st);
	return 0;
}

/* ---- backup ---- */

static int
copy_into(struct sk_db *db, const char *tmp, struct sk_err *err)
{
	sqlite3_backup *b = NULL;
	sqlite3 *to = NULL;
	int rc;

	rc = sk_open_private(
	    tmp, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	if (rc == SQLITE_OK) {
		b = sqlite3_backup_init(to, "main", db->h, "main");
		/* All of it in one step: one moment, and no writer waits for
		 * longer than a commit. */
		rc = b != NULL ? sqlite3_backup_step(b, -1)
		               : sqlite3_errcode(to);
		if (rc == SQLITE_DONE)
			rc = SQLITE_OK;
		(void)sqlite3_backup_finish(b);
	}
	/* One file, complete without a log beside it. */
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(
		    to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		rc = sk_db_fail_at(to, tmp, rc, "cannot write", err);
	(void)sqlite3_close(to);
	return rc;
}

static int
sync_file(const char *path, struct sk_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_DIRECTORY), rc = 0;

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		rc = sk_fail_errno(err, "cannot write '%s'", path);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

int
sk_db_backup(struct sk_db *db, const char *file, struct sk_err *err)
{
	char *tmp = sk_asprintf("%s.part.%ld", file, (long)getpid());
	char *dir = sk_strdup(file), *slash = strrchr(dir, '/');
	struct stat st;
	int rc = 0;

	if (slash != NULL)
		*slash = '\0';
	if (lstat(file, &st) == 0) {
		(void)sk_fail(
		    err, SK_USAGE, "exists", "'%s' is there already", file);
		rc = sk_hint(err, "a backup writes over nothing: name "
				  "another file");
	}
	if (rc == 0)
		rc = copy_into(db, tmp, err);
	if (rc == 0)
		rc = sync_file(tmp, err);
	/* Never over a file that came meanwhile. */
	if (rc == 0 && link(tmp, file) != 0)
		rc = sk_fail_errno(err, "cannot write '%s'", file);
	(void)unlink(tmp);
	if (rc == 0)
		rc = sync_file(slash == NULL ? "." : dir, err);
	free(dir);
	free(tmp);
	return rc;
}

/* ---- pruning ---- */

#define SQL_IDLE \
	"r.state<>'running' AND NOT EXISTS(SELECT 1 FROM decisions d " \
	"WHERE d.run_id=r.run_id AND d.state='pending')AND NOT EXISTS(" \
	"SELECT 1 FROM landings l WHERE l.run_id=r.run_id AND l.state IN(" \
	"'applying','undoing'))AND max(r.created_at,ifnull((SELECT " \
	"max(b.active_at)FROM branches b WHERE b.run_id=r.run_id),0))<?1 "

/* A driver that is alive has its run, whatever the row says. */
static int
is_driven(struct sk_db *db, const char *run, bool *yes, struct sk_err *err)
{
	struct sk_lease l;
	bool found = false;
	int rc = sk_lease_get(db, run, &l, &found, err);

	*yes = rc == 0 && found && sk_proc_alive(&l.proc);
	return rc;
}

int
sk_prune_list(struct sk_db *db, int64_t before_ms, struct sk_prune **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_prune *v = NULL;
	size_t cap = 0, kept = 0;
	sqlite3_stmt *st;
	bool driven;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    "SELECT r.run_id,r.spec_id,r.state,max(r.created_at,ifnull("
	    "(SELECT max(b.active_at)FROM branches b WHERE "
	    "b.run_id=r.run_id),0)),(SELECT count(*)FROM agent_outputs o "
	    "JOIN requests q ON q.request_id=o.request_id WHERE "
	    "q.run_id=r.run_id),(SELECT count(*)FROM decisions d WHERE "
	    "d.run_id=r.run_id),(SELECT ifnull(sum(length(o.content)),0)"
	    "FROM agent_outputs o JOIN requests q ON "
	    "q.request_id=o.request_id WHERE q.run_id=r.run_id)"
	    "FROM runs r WHERE " SQL_IDLE "ORDER BY r.created_at",
	    "i", before_ms);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		struct sk_prune *p;

		SK_GROW(a, v, *n, cap);
		p = &v[(*n)++];
		SK_COL(st, 0, p->run);
		SK_COL(st, 1, p->spec);
		SK_COL(st, 2, p->state);
		p->active_ms = sk_col_int(st, 3);
		p->answers = sk_col_int(st, 4);
		p->decisions = sk_col_int(st, 5);
		p->bytes = sk_col_int(st, 6);
	}
	for (size_t i = 0; rc == 0 && i < *n; i++) {
		rc = -is_driven(db, v[i].run, &driven, err);
		if (rc == 0 && !driven)
			v[kept++] = v[i];
	}
	*out = v;
	*n = kept;
	return -rc;
}

/* Belts that hold rows for ever are taken off for the time of one transaction
 * that takes a whole run out, and are put back as they were. */
static int
belts(struct sk_db *db, bool on, struct sk_err *err)
{
	int rc;

	if (!on) {
		rc = sk_q_run(db, err, "DROP TRIGGER acked_delete", "");
		if (rc == 0)
			rc = sk_q_run(db, err, "DROP TRIGGER epoch_delete", "");
		if (rc == 0)
			rc = sk_q_run(
			    db, err, "DROP TRIGGER journal_delete", "");
		return rc;
	}
	rc = sk_q_run(db, err, SK_SQL_ACKED_DELETE, "");
	if (rc == 0)
		rc = sk_q_run(db, err, SK_SQL_EPOCH_DELETE, "");
	if (rc == 0)
		rc = sk_q_run(db, err, SK_SQL_JOURNAL_DELETE, "");
	return rc;
}

static int
still_idle(
    struct sk_db *db, const char *run, int64_t before_ms, struct sk_err *err)
{
	sqlite3_stmt *st;
	bool driven = false;
	int rc;

	st = sk_q(db, err,
	    "SELECT 1 FROM runs r WHERE " SQL_IDLE "AND r.run_id=?2", "it",
	    before_ms, run);
	rc = st != NULL ? sk_q_step(db, st, err) : -err->exit;
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		sk_q_end(st);
		rc = is_driven(db, run, &driven, err);
		if (rc != 0 || !driven)
			return rc;
	}
	return sk_fail(
	    err, SK_ORDER, "in_use", "run '%s' is in use again", run);
}

static int
take_out(struct sk_db *db, const char *run, struct sk_err *err)
{
	size_t n = 0;
	int rc;

	rc = sk_q_run(db, err, "PRAGMA defer_foreign_keys=1", "");
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "INSERT INTO pruned(run_id,spec_id,at,events,answers,"
		    "decisions,chain)SELECT r.run_id,r.spec_id,?2,(SELECT "
		    "count(*)FROM journal j WHERE j.run_id=r.run_id),(SELECT "
		    "count(*)FROM agent_outputs o JOIN requests q ON "
		    "q.request_id=o.request_id WHERE q.run_id=r.run_id),"
		    "(SELECT count(*)FROM decisions d WHERE "
		    "d.run_id=r.run_id),(SELECT substr(d.chain,65)FROM "
		    "decisions d WHERE d.run_id=r.run_id ORDER BY "
		    "d.consensus_run DESC LIMIT 1)FROM runs r WHERE "
		    "r.run_id=?1",
		    "ti", run, sk_now_ms());
	if (rc == 0)
		rc = belts(db, false, err);
	while (sk_move_tables[n].name != NULL)
		n++;
	while (rc == 0 && n-- > 0)
		if (sk_move_tables[n].remove != NULL)
			rc = sk_q_run(
			    db, err, sk_move_tables[n].remove, "t", run);
	if (rc == 0)
		rc = sk_q_run(
		    db, err, "DELETE FROM usage WHERE run_id=?1", "t", run);
	if (rc == 0)
		rc = sk_q_run(
		    db, err, "DELETE FROM leases WHERE run_id=?1", "t", run);
	if (rc == 0)
		rc = sk_q_run(
		    db, err, "DELETE FROM journal WHERE run_id=?1", "t", run);
	return rc == 0 ? belts(db, true, err) : rc;
}

int
sk_prune_run(
    struct sk_db *db, const char *run, int64_t before_ms, struct sk_err *err)
{
	int rc = sk_db_begin(db, err);

	if (rc != 0)
		return rc;
	rc = still_idle(db, run, before_ms, err);
	/* The newest event must stay, so that no number is given twice. */
	if (rc == 0)
		rc = sk_journal(db, "prune", NULL, NULL, 0, run, 0, err);
	if (rc == 0)
		rc = take_out(db, run, err);
	SK_WHERE(db, "prune");
	if (rc == 0)
		return sk_db_commit(db, err);
	sk_db_rollback(db);
	return rc;
}

static int
pages(struct sk_db *db, int64_t *n, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(db, err,
	    "SELECT page_count*page_size FROM pragma_page_count,"
	    "pragma_page_size",
	    "");
	int rc = st != NULL ? sk_q_step(db, st, err) : -err->exit;

	if (rc > 0) {
		*n = sk_col_int(st, 0);
		sk_q_end(st);
	}
	return rc < 0 ? -rc : 0;
}

int
sk_db_shrink(
    struct sk_db *db, int64_t *before, int64_t *after, struct sk_err *err)
{
	sqlite3_stmt *st;
	int64_t mode = 0;
	int rc;

	*before = *after = 0;
	rc = sk_queue_enter(db, err);
	if (rc != 0)
		return rc;
	rc = pages(db, before, err);
	st = rc == 0 ? sk_q(db, err, "PRAGMA auto_vacuum", "") : NULL;
	if (st != NULL && sk_q_step(db, st, err) > 0) {
		mode = sk_col_int(st, 0);
		sk_q_end(st);
	}
	/* A file that was made without the bookkeeping gets it once, by being
	 * written anew; from then on only free pages are given back. */
	if (rc == 0 && mode != 2) {
		rc = sk_q_run(db, err, "PRAGMA auto_vacuum=2", "");
		/* (It writes into a second one that it attaches.) */
		(void)sqlite3_limit(db->h, SQLITE_LIMIT_ATTACHED, 1);
		if (rc == 0)
			rc = sk_q_run(db, err, "VACUUM", "");
		(void)sqlite3_limit(db->h, SQLITE_LIMIT_ATTACHED, 0);
	} else if (rc == 0) {
		st = sk_q(db, err, "PRAGMA incremental_vacuum", "");
		rc = st == NULL ? -err->exit : 1;
		while (rc > 0)
			rc = sk_q_step(db, st, err);
		rc = -rc;
	}
	if (rc == 0)
		rc = sk_ckpt_locked(db, 2000, err);
	if (rc == 0)
		rc = pages(db, after, err);
	sk_queue_leave(db);
	return rc;
}
