/* SPDX-License-Identifier: MIT */
/* For a script that holds the reins: `gate`, where a stage begins, and `end`,
 * where a stage or the run is over. Both record what a driver of ours would. */
#include <string.h>

#include "pipeline/gate.h"
#include "pipeline/keep.h"
#include "pipeline/skip.h"
#include "pipeline/step.h"

/* The run that there must be, with us as its driver for a moment. */
static int
take_reins(struct sk_auto *a, struct sk_run *run, struct sk_err *err)
{
	bool found = false;
	int rc = sk_auto_look(a, run, &found, err);

	if (rc == 0 && !found) {
		(void)sk_fail(err, SK_NEGATIVE, "no_run", "'%s' has no run yet",
		    a->spec.id);
		return sk_hint(err,
		    "make one: eval \"$(sk-auto env %s --new)\"", a->spec.id);
	}
	if (rc == 0)
		rc = sk_driver_start(
		    a->db, a->run, a->opts->wait, &a->driver, err);
	if (rc != 0)
		return rc;
	a->driving = true;
	sk_config_hash(a->conf, a->config_hash);
	return sk_phase_load(a, err);
}

/* Decided and recorded as in a run. */
static int
leave_out(struct sk_auto *a, struct sk_step *s, struct sk_err *err)
{
	bool out = false;
	int rc = sk_skip_decide(a, s, &out, err);

	if (rc == 0 && out) {
		sk_report_skipped(a, s);
		sk_evidence_skipped(a, s, 1);
	}
	return rc != 0 ? rc : out ? 0 : SK_NEGATIVE;
}

/* What must hold before its agents are asked. */
static int
only_look(struct sk_auto *a, const struct sk_step *s, struct sk_err *err)
{
	int rc = sk_auto_needs(a, s->stage, err);

	if (rc == 0)
		rc = sk_guardrail(a, s, s->first, err);
	return rc != 0 ? rc : sk_gate_run(a, s->stage, err);
}

int
sk_auto_gate(struct sk_auto *a, const char *word, bool begin, bool skip,
    struct sk_err *err)
{
	struct sk_step s = { .first = begin };
	const bool starts = a->opts->agents.n > 0;
	struct sk_run run;
	int rc;

	rc = sk_stage_parse(word != NULL ? word : "plan", &s.stage, err);
	if (rc == 0 && starts)
		rc = sk_auto_lineup(a, s.stage, &s.specs, &s.names, err);
	if (rc == 0)
		rc = take_reins(a, &run, err);
	if (rc == 0)
		rc = sk_phase_go(a, SK_EV_BEGIN, err);
	if (rc == 0)
		rc = sk_step_settle(a, s.stage, err);
	if (rc == 0 && (starts || skip))
		rc = sk_run_state(
		    a->db, a->run, "running", a->driver.epoch, err);
	if (rc == 0)
		rc = skip     ? leave_out(a, &s, err)
		     : starts ? sk_step_begin(a, &s, err)
		              : only_look(a, &s, err);
	sk_step_free(&s);
	return rc;
}

/* ---- end ---- */

/* The script's word must fit what was decided. */
static int
end_stage(struct sk_auto *a, const char *word, int exit, struct sk_err *err)
{
	struct sk_step s = { .exit = exit };
	struct sk_decision *d = NULL;
	struct sk_stage_row *row;
	size_t n = 0;
	int rc;

	rc = sk_stage_parse(word, &s.stage, err);
	if (rc == 0)
		rc = sk_stage_row_of(a, s.stage->name, &row, err);
	if (rc == 0 && row == NULL)
		rc = sk_fail(err, SK_ORDER, "stage_not_started",
		    "stage '%s' of run '%s' was not started", s.stage->name,
		    a->run);
	if (rc == 0)
		rc = sk_decision_list(a->db, a->run, a->branch, a->spec.id,
		    s.stage->name, 1, &d, &n, &a->arena, err);
	if (rc == 0 && (n == 0 || !d->acked)) {
		(void)sk_fail(err, SK_ORDER, "not_acknowledged",
		    "stage '%s' of run '%s' has no acknowledged decision",
		    s.stage->name, a->run);
		rc = sk_hint(err, "see sk-consensus pending");
	}
	if (rc == 0 && (strcmp(d->status, "ok") == 0) != (exit == 0))
		rc = sk_fail(err, SK_USAGE, "wrong_status",
		    "stage '%s' was %sagreed on, and cannot end with %d",
		    s.stage->name, exit == 0 ? "not " : "", exit);
	/* (Said already.) */
	if (rc != 0 || strcmp(row->state, "running") != 0)
		return rc;
	s.settled = d;
	s.round = d->round;
	rc = sk_phase_go(a, SK_EV_BEGIN, err);
	if (rc == 0)
		rc = sk_step_record(a, &s, err);
	if (rc == 0)
		sk_evidence_commit(a, &s);
	sk_step_free(&s);
	return rc;
}

/* A stage that a command of the script ended: what it said is not known here,
 * unless it was a gate. */
static int
end_open(struct sk_auto *a, int exit, struct sk_err *err)
{
	struct sk_step s = { 0 };
	struct sk_stage_row *row;
	struct sk_err why = { 0 };
	int rc = sk_stage_row_of(a, NULL, &row, err);

	if (rc != 0 || row == NULL || row->exit != 0)
		return rc;
	if (exit == 0)
		return sk_fail(err, SK_USAGE, "stage_open",
		    "stage '%s' of run '%s' has not ended", row->stage, a->run);
	s.stage = sk_stage_find(row->stage);
	s.round = row->round;
	(void)sk_fail(&why, exit, "ended", "a command ended with %d", exit);
	if (s.stage != NULL)
		sk_step_failed(a, &s, exit, &why);
	sk_err_clear(&why);
	return 0;
}

/* Whoever waits for a person goes on waiting. */
static int
end_phase(struct sk_auto *a, int exit, struct sk_err *err)
{
	enum sk_phase to = exit == 0 ? SK_PH_DONE : SK_PH_HALTED;
	int rc = 0;

	if (a->phase == to || (exit != 0 && (a->phase == SK_PH_WAITING ||
						a->phase == SK_PH_PAUSED)))
		return 0;
	if (a->phase == SK_PH_IDLE)
		rc = sk_phase_go(a, SK_EV_BEGIN, err);
	return rc != 0
	           ? rc
	           : sk_phase_go(a, exit == 0 ? SK_EV_FINISH : SK_EV_HALT, err);
}

static int
end_run(struct sk_auto *a, int exit, struct sk_err *err)
{
	struct sk_step steps[SK_STAGES] = { 0 };
	size_t n = 0;
	int rc;

	rc = sk_auto_steps(a, steps, &n, err);
	if (rc == 0)
		rc = end_open(a, exit, err);
	if (rc == 0)
		rc = end_phase(a, exit, err);
	if (rc == 0)
		rc = sk_run_state(a->db, a->run, exit == 0 ? "done" : "halted",
		    a->driver.epoch, err);
	if (rc != 0)
		return rc;
	sk_evidence_skipped(a, steps, n);
	sk_evidence_close(a);
	return 0;
}

int
sk_auto_end(struct sk_auto *a, const char *word, int exit, struct sk_err *err)
{
	struct sk_run run;
	int rc = take_reins(a, &run, err);

	/* Who was stopped, or fenced, has nothing to say any more. */
	if (rc != 0 || sk_run_closed(run.state) || exit == SK_ORDER)
		return rc;
	return word != NULL ? end_stage(a, word, exit, err)
	                    : end_run(a, exit, err);
}
