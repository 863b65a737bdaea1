/* SPDX-License-Identifier: MIT */
/* Drivers: a kernel lock says who is alive, an epoch says who may write. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/internal.h"

/* ---- epochs ---- */

int
sk_epoch_check(
    struct sk_db *db, const char *run, int64_t epoch, struct sk_err *err)
{
	int64_t now = 0;
	sqlite3_stmt *st;
	int rc;

	st =
	    sk_q(db, err, "SELECT epoch FROM leases WHERE run_id=?1", "t", run);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		now = sk_col_int(st, 0);
		sk_q_end(st);
	}
	if (now == epoch)
		return 0;
	(void)sk_fail(err, SK_ORDER, "fenced",
	    "run '%s' has another driver now (epoch %lld, ours is %lld)", run,
	    (long long)now, (long long)epoch);
	return sk_hint(err, "nothing was changed; the newer driver goes on");
}

/* Who drives now, and until when. */
struct lease {
	struct sk_proc_id who;
	int64_t expires; /* ms since boot; 0 = for life */
};

/* The clock counts suspension and is not moved by anybody; after a reboot it
 * means nothing, but then nobody holds the lock either. */
static bool
has_run_out(const struct lease *l)
{
	return l->expires > 0 && !SK_MUTANT("no_lease") &&
	       strcmp(l->who.boot_id, sk_boot_id()) == 0 &&
	       l->expires < sk_boot_ms();
}

/* ---- what a driver is doing ---- */

int
sk_lease_get(struct sk_db *db, const char *run, struct sk_lease *out,
    bool *found, struct sk_err *err)
{
	sqlite3_stmt *st;
	struct lease l;
	int rc;

	*found = false;
	memset(out, 0, sizeof(*out));
	(void)snprintf(out->phase, sizeof(out->phase), "idle");
	rc = sk_q_first(db, &st, err,
	    "SELECT epoch,boot_id,pid,start_ticks,program,since,phase,"
	    "ifnull(phase_at,0),expires FROM leases WHERE run_id=?1",
	    "t", run);
	if (rc <= 0)
		return -rc;
	*found = true;
	out->epoch = sk_col_int(st, 0);
	SK_COL(st, 1, out->proc.boot_id);
	out->proc.pid = sk_col_int(st, 2);
	out->proc.start_ticks = sk_col_int(st, 3);
	SK_COL(st, 4, out->program);
	out->since_ms = sk_col_int(st, 5);
	SK_COL(st, 6, out->phase);
	out->phase_ms = sk_col_int(st, 7);
	l.who = out->proc;
	l.expires = sk_col_int(st, 8);
	out->hung = has_run_out(&l);
	sk_q_end(st);
	return 0;
}

static int
move(struct sk_db *db, const char *run, const char *from, const char *to,
    int64_t epoch, struct sk_err *err)
{
	char key[40];
	int rc;

	rc = sk_epoch_check(db, run, epoch, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err,
	    "UPDATE leases SET phase=?3,phase_at=?4 "
	    "WHERE run_id=?1 AND phase=?2",
	    "ttti", run, from, to, sk_now_ms());
	if (rc == 0 && sk_q_changes(db) == 0)
		return sk_fail(err, SK_ORDER, "wrong_phase",
		    "run '%s' is no longer %s", run, from);
	(void)snprintf(key, sizeof(key), "%s>%s", from, to);
	if (rc == 0)
		rc = sk_journal(db, "phase", run, NULL, 0, key, epoch, err);
	return rc;
}

int
sk_phase_move(struct sk_db *db, const char *run, const char *from,
    const char *to, int64_t epoch, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = move(db, run, from, to, epoch, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- drivers ---- */

/* expires 0 = never. */
static int
next_epoch(struct sk_db *db, const char *run, int64_t expires, int64_t *epoch,
    struct sk_err *err)
{
	struct sk_proc_id self;
	sqlite3_stmt *st;
	int rc;

	sk_proc_self(&self);
	rc = sk_q_first(db, &st, err,
	    "INSERT INTO leases(run_id,epoch,boot_id,pid,start_ticks,program,"
	    "since,expires)VALUES(?1,1,?2,?3,?4,?5,?6,?7)ON CONFLICT DO "
	    "UPDATE SET epoch=epoch+?8,boot_id=?2,pid=?3,start_ticks=?4,"
	    "program=?5,since=?6,expires=?7 RETURNING epoch",
	    "ttiitiii", run, self.boot_id, self.pid, self.start_ticks, sk_prog,
	    sk_now_ms(), expires, (int64_t)!SK_MUTANT("no_new_epoch"));
	if (rc < 0)
		return -rc;
	*epoch = sk_col_int(st, 0);
	sk_q_end(st);
	SK_WHERE(db, "lease");
	return sk_journal(db, "lease", run, NULL, 0, sk_prog, *epoch, err);
}

static int
read_lease(
    struct sk_db *db, const char *run, struct lease *l, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(l, 0, sizeof(*l));
	rc = sk_q_first(db, &st, err,
	    "SELECT boot_id,pid,start_ticks,expires FROM leases "
	    "WHERE run_id=?1",
	    "t", run);
	if (rc <= 0)
		return -rc;
	SK_COL(st, 0, l->who.boot_id);
	l->who.pid = sk_col_int(st, 1);
	l->who.start_ticks = sk_col_int(st, 2);
	l->expires = sk_col_int(st, 3);
	sk_q_end(st);
	return 0;
}

/* Ends a driver that hangs, and nobody who only has its pid: the descriptor
 * is opened before the identity is looked at, so it cannot change hands. */
static void
end_hung(const struct lease *l)
{
	int fd;

	if (l->who.pid <= 1 || SK_MUTANT("no_end_hung"))
		return;
	fd = (int)syscall(SYS_pidfd_open, (pid_t)l->who.pid, 0);
	if (fd < 0)
		return;
	if (sk_proc_alive(&l->who))
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
	(void)close(fd);
}

/* Waits for the lock, or for the lease of a driver that hangs to run out. */
static int
take_lock(struct sk_db *db, const char *path, const char *run, int64_t wait_ms,
    int *fd, struct lease *hung, struct sk_err *err)
{
	int64_t until = sk_mono_ms() + wait_ms, left = wait_ms;
	struct sk_err why = { 0 };
	int rc;

	for (;;) {
		rc = read_lease(db, run, hung, err);
		if (rc != 0)
			return rc;
		if (SK_MUTANT("no_driver_lock")) {
			hung->expires = 0;
			return 0;
		}
		rc = sk_namelock_take(fd, path, run,
		    hung->expires > 0 && left > 100 ? 100 : left, err);
		left = until - sk_mono_ms();
		if (rc == 0)
			hung->expires = 0;
		if (rc != SK_AGAIN)
			return rc;
		rc = read_lease(db, run, hung, &why);
		sk_err_clear(&why);
		if (rc == 0 && has_run_out(hung)) {
			sk_err_clear(err);
			return 0;
		}
		if (left <= 0)
			return err->exit;
		sk_err_clear(err);
	}
}

int
sk_driver_start(struct sk_db *db, const char *run, int64_t wait_ms,
    struct sk_driver *d, struct sk_err *err)
{
	return sk_driver_lease(db, run, wait_ms, 0, d, err);
}

int
sk_driver_lease(struct sk_db *db, const char *run, int64_t wait_ms,
    int64_t lease_ms, struct sk_driver *d, struct sk_err *err)
{
	char *path, hint[sizeof(err->hint)];
	struct sk_err ignored = { 0 };
	struct lease hung;
	bool own;
	int rc;

	memset(d, 0, sizeof(*d));
	d->lock_fd = -1;
	if (db->in_tx)
		sk_bug("a driver cannot start inside a transaction");
	(void)snprintf(d->run, sizeof(d->run), "%s", run);
	path = sk_asprintf("%s-drivers", db->path);
	rc = take_lock(db, path, run, wait_ms, &d->lock_fd, &hung, err);
	if (rc == SK_AGAIN) {
		memcpy(hint, err->hint, sizeof(hint));
		(void)sk_fail(err, SK_AGAIN, "driver_alive",
		    "cannot drive run '%s': the driver lock %s", run,
		    err->message);
		(void)sk_hint(err, "%s", hint);
	}
	if (rc == 0)
		rc = sk_tx_enter(db, &own, err);
	if (rc == 0) {
		rc = next_epoch(db, run,
		    lease_ms > 0 ? sk_boot_ms() + lease_ms : 0, &d->epoch, err);
		rc = sk_tx_leave(db, own, rc, err);
	}
	/* Fenced first, ended then; the lock follows when it is free. */
	if (rc == 0 && hung.expires > 0) {
		end_hung(&hung);
		(void)sk_namelock_take(&d->lock_fd, path, run, 500, &ignored);
		sk_err_clear(&ignored);
	}
	free(path);
	if (rc != 0)
		sk_driver_end(d);
	return rc;
}

int
sk_driver_renew(struct sk_db *db, const struct sk_driver *d, int64_t lease_ms,
    struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_epoch_check(db, d->run, d->epoch, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE leases SET expires=?2 WHERE run_id=?1", "ti",
		    d->run, sk_boot_ms() + lease_ms);
	return sk_tx_leave(db, own, rc, err);
}

void
sk_driver_end(struct sk_driver *d)
{
	sk_namelock_drop(&d->lock_fd);
}

/* ---- publishing inside the fence ---- */

static int
rename_fenced(struct sk_db *db, const char *run, int64_t epoch,
    struct sk_pub *pub, struct sk_err *err)
{
	int rc = 0;

	if (!SK_MUTANT("no_publish_epoch")) {
		rc = sk_epoch_check(db, run, epoch, err);
		if (rc != 0)
			return rc;
	}
	if (SK_FAULT("store.publish.before_rename") != 0 ||
	    renameat(pub->dirfd, pub->tmp, pub->dirfd, pub->name) != 0)
		return sk_fail_errno(
		    err, "cannot rename to '%s/%s'", pub->dir, pub->name);
	return 0;
}

int
sk_db_publish(struct sk_db *db, const char *run, int64_t epoch,
    struct sk_pub *pub, struct sk_err *err)
{
	int rc;

	rc = sk_queue_enter(db, err);
	if (rc == 0) {
		rc = rename_fenced(db, run, epoch, pub, err);
		/* The directory is synced when others may write again. */
		sk_queue_leave(db);
	}
	if (rc == 0 && !SK_MUTANT("no_dirsync") &&
	    (SK_FAULT("store.publish.after_rename") != 0 ||
		fsync(pub->dirfd) != 0))
		rc = sk_fail_errno(err, "cannot sync directory '%s'", pub->dir);
	/* Frees; and unlinks the temporary when it was not renamed. */
	sk_pub_abort(pub);
	return rc;
}
