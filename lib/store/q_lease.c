/* SPDX-License-Identifier: MIT */
/* Drivers: a kernel lock says who is alive, an epoch says who may write. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* ---- drivers ---- */

static int
next_epoch(
    struct sk_db *db, const char *run, int64_t *epoch, struct sk_err *err)
{
	struct sk_proc_id self;
	sqlite3_stmt *st;
	int rc;

	sk_proc_self(&self);
	st = sk_q(db, err,
	    "INSERT INTO leases(run_id,epoch,boot_id,pid,start_ticks,program,"
	    "since)VALUES(?1,1,?2,?3,?4,?5,?6)ON CONFLICT DO UPDATE SET "
	    "epoch=epoch+1,boot_id=?2,pid=?3,start_ticks=?4,program=?5,"
	    "since=?6 RETURNING epoch",
	    "ttiiti", run, self.boot_id, self.pid, self.start_ticks, sk_prog,
	    sk_now_ms());
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc < 0)
		return -rc;
	*epoch = sk_col_int(st, 0);
	sk_q_end(st);
	SK_WHERE(db, "lease");
	return sk_journal(db, "lease", run, NULL, 0, sk_prog, *epoch, err);
}

int
sk_driver_start(struct sk_db *db, const char *run, int64_t wait_ms,
    struct sk_driver *d, struct sk_err *err)
{
	char *path, hint[sizeof(err->hint)];
	bool own;
	int rc;

	memset(d, 0, sizeof(*d));
	d->lock_fd = -1;
	if (db->in_tx)
		sk_bug("a driver cannot start inside a transaction");
	(void)snprintf(d->run, sizeof(d->run), "%s", run);
	path = sk_asprintf("%s-drivers", db->path);
	rc = sk_namelock_take(&d->lock_fd, path, run, wait_ms, err);
	free(path);
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
		rc = next_epoch(db, run, &d->epoch, err);
		rc = sk_tx_leave(db, own, rc, err);
	}
	if (rc != 0)
		sk_driver_end(d);
	return rc;
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
	int rc;

	rc = sk_epoch_check(db, run, epoch, err);
	if (rc != 0)
		return rc;
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
	if (rc == 0 && (SK_FAULT("store.publish.after_rename") != 0 ||
			   fsync(pub->dirfd) != 0))
		rc = sk_fail_errno(err, "cannot sync directory '%s'", pub->dir);
	/* Frees; and unlinks the temporary when it was not renamed. */
	sk_pub_abort(pub);
	return rc;
}
