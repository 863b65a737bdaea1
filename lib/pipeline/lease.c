/* SPDX-License-Identifier: MIT */
/*
 * A driver's lease. The kernel's lock says that a driver is there; the lease,
 * renewed while it works, that it does something. One that was stopped, or
 * hangs, is fenced by whoever comes next, and then ended.
 */
#include <string.h>

#include "pipeline/pipeline.h"
#include "pipeline/step.h"

#define SLICE_MS 200

int64_t
sk_auto_lease_ms(const struct sk_auto *a)
{
	int64_t ms = sk_config_duration(a->conf, "recovery.lease", 60000);

	/* 0 is for life. Less than half a second could not be kept. */
	return ms > 0 && ms < 500 ? 500 : ms;
}

int
sk_auto_drive(struct sk_auto *a, struct sk_err *err)
{
	int rc = sk_driver_lease(
	    a->db, a->run, a->opts->wait, sk_auto_lease_ms(a), &a->driver, err);

	a->driving = rc == 0;
	return rc;
}

int
sk_auto_renew(const struct sk_auto *a, int64_t lease_ms, struct sk_err *err)
{
	struct sk_err e = { 0 };
	int rc;

	if (!a->driving || lease_ms <= 0)
		return 0;
	rc = sk_driver_renew(a->db, &a->driver, lease_ms, &e);
	if (rc == SK_ORDER)
		*err = e;
	else
		/* A database that is busy now is not in a moment. */
		sk_err_clear(&e);
	return rc == SK_ORDER ? rc : 0;
}

/* Ends the driver of the run that is meant, if its lease has run out. What we
 * become driver of for a moment is taken up properly later. */
static bool
take_over(struct sk_auto *a)
{
	struct sk_driver d = { .lock_fd = -1 };
	struct sk_err e = { 0 };
	struct sk_lease lease;
	struct sk_run run;
	bool found = false;
	int rc;

	rc = a->opts->run != NULL
	         ? sk_run_get(a->db, a->opts->run, &run, &found, &a->arena, &e)
	         : sk_run_latest(a->db, a->spec.id, a->conf->project_root, &run,
		       &found, &a->arena, &e);
	if (rc == 0 && found)
		rc = sk_lease_get(a->db, run.id, &lease, &found, &e);
	found = rc == 0 && found && lease.hung && sk_proc_alive(&lease.proc);
	if (found) {
		sk_say("the driver of run '%s' (pid %lld) hangs, taking over",
		    run.id, (long long)lease.proc.pid);
		found = sk_driver_lease(
			    a->db, run.id, 0, sk_auto_lease_ms(a), &d, &e) == 0;
		sk_driver_end(&d);
	}
	sk_err_clear(&e);
	return found;
}

int
sk_auto_take(struct sk_auto *a, struct sk_err *err)
{
	int64_t until = sk_mono_ms() + a->opts->wait, left;
	bool again = true;
	int rc;

	for (;;) {
		left = until - sk_mono_ms();
		rc = sk_auto_lock(a, left < SLICE_MS ? left : SLICE_MS, err);
		if (rc != SK_AGAIN)
			return rc;
		/* Once: who does not let go then is not in our hands. */
		if (again && take_over(a)) {
			again = false;
			if (until < sk_mono_ms() + 1000)
				until = sk_mono_ms() + 1000;
		} else if (left <= 0) {
			return rc;
		}
		sk_err_clear(err);
	}
}
