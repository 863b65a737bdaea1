/* SPDX-License-Identifier: MIT */
/* The driver's phase, where others can see it. */
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
	rc = sk_phase_move(a->db, a->run, sk_phase_word(a->phase),
	    sk_phase_word(to), a->driver.epoch, err);
	if (rc != 0)
		return rc;
	sk_report_phase(a, sk_phase_word(a->phase), sk_phase_word(to));
	a->phase = to;
	return 0;
}
