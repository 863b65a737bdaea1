/* SPDX-License-Identifier: MIT */
/* The driver's phase, where others can see it. */
#include <signal.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/step.h"

int
sk_phase_load(struct sk_auto *a, struct sk_err *err)
{
	struct sk_lease lease;
	bool found;
	int rc;

	rc = sk_lease_get(a->db, a->run, &lease, &found, err);
	a->phase = sk_phase_parse(lease.phase);
	if (rc == 0 && a->phase == SK_PH_COUNT)
		return sk_fail(err, SK_DAMAGED, "unknown_phase",
		    "run '%s' is in the unknown phase '%s'", a->run,
		    lease.phase);
	return rc;
}

int
sk_phase_go(struct sk_auto *a, enum sk_phase_event e, struct sk_err *err)
{
	enum sk_phase to = sk_phase_after(a->phase, e);
	int rc;

	if (to == SK_PH_COUNT && a->phase == SK_PH_CANCELLED) {
		(void)sk_fail(err, SK_ORDER, "run_cancelled",
		    "run '%s' was cancelled", a->run);
		return sk_hint(
		    err, "begin anew: sk-auto run %s --new", a->spec.id);
	}
	if (to == SK_PH_COUNT)
		return sk_fail(err, SK_ORDER, "wrong_phase",
		    "run '%s' is %s and cannot %s", a->run,
		    sk_phase_word(a->phase), sk_phase_event_word(e));
	/* A request to stop is seen between any two steps, wherever it came
	 * from; only leaving is still possible then. */
	if (e != SK_EV_HALT && e != SK_EV_CANCEL) {
		struct sk_run run;
		bool found;

		rc = sk_run_get(a->db, a->run, &run, &found, &a->arena, err);
		if (rc == 0 && found && sk_run_closed(run.state))
			rc = sk_fail(err, SK_ORDER, "run_stopped",
			    "run '%s' was stopped", a->run);
		if (rc != 0)
			return rc;
	}
	rc = sk_phase_move(a->db, a->run, sk_phase_word(a->phase),
	    sk_phase_word(to), a->driver.epoch, err);
	if (rc != 0)
		return rc;
	sk_report_phase(a, sk_phase_word(a->phase), sk_phase_word(to));
	a->phase = to;
	return 0;
}

/* ---- cancelling from somewhere else ---- */

/* Longer than the grace that agents get, and what it takes to clean up. */
#define END_MS 60000

/* Tells the driver, if there is one, and waits for its end. Its kernel lock
 * says whether it lives; the lease only says who to tell. */
static int
end_driver(struct sk_auto *a, bool *told, struct sk_err *err)
{
	struct sk_lease lease;
	bool found = false;
	int rc;

	*told = false;
	rc = sk_driver_start(a->db, a->run, 0, &a->driver, err);
	if (rc != SK_AGAIN)
		return rc;
	sk_err_clear(err);
	rc = sk_lease_get(a->db, a->run, &lease, &found, err);
	if (rc == 0 && found && sk_proc_alive(&lease.proc))
		/* (One that was stopped hears it only when it goes on.) */
		*told = kill((pid_t)lease.proc.pid, SIGTERM) == 0 &&
		        kill((pid_t)lease.proc.pid, SIGCONT) == 0;
	return rc != 0
	           ? rc
	           : sk_driver_start(a->db, a->run, END_MS, &a->driver, err);
}

static void
say_cancelled(const struct sk_auto *a, bool already, bool told)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json) {
		sk_outf("run %s %s\n", a->run,
		    already ? "was cancelled already" : "cancelled");
		return;
	}
	sk_out_json_begin(&w, &b, "sk.stop/1");
	sk_jw_kstr(&w, "run", a->run);
	sk_jw_kbool(&w, "stopped", true);
	sk_jw_kbool(&w, "already", already);
	sk_jw_kbool(&w, "driver_ended", told);
	sk_out_json_end(&w);
}

int
sk_auto_cancel(struct sk_auto *a, struct sk_err *err)
{
	bool found = false, already = false, told = false;
	const bool json = a->json;
	struct sk_run run;
	int rc;

	rc = sk_auto_look(a, &run, &found, err);
	if (rc != 0)
		return rc;
	if (!found)
		return sk_fail(err, SK_NEGATIVE, "no_run",
		    "'%s' has no run to cancel", a->spec.id);
	if (strcmp(run.state, "cancelled") == 0) {
		say_cancelled(a, true, false);
		return 0;
	}
	/* Durable first: whatever becomes of the rest, no answer that comes
	 * later counts, and no driver goes on. */
	rc = sk_run_stop(a->db, a->run, &already, err);
	if (rc == 0)
		rc = end_driver(a, &told, err);
	if (rc != 0)
		return rc;
	a->driving = true;
	/* Our product is one document, not a stream of events. */
	a->json = false;
	rc = sk_phase_load(a, err);
	if (rc == 0 && a->phase != SK_PH_CANCELLED &&
	    sk_phase_after(a->phase, SK_EV_CANCEL) != SK_PH_COUNT)
		rc = sk_phase_go(a, SK_EV_CANCEL, err);
	if (rc == 0)
		rc = sk_run_state(
		    a->db, a->run, "cancelled", a->driver.epoch, err);
	a->json = json;
	if (rc == 0)
		say_cancelled(a, false, told);
	return rc;
}
