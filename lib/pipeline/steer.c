/* SPDX-License-Identifier: MIT */
/* One step at a time, for scripts that hold the reins. */
#include <string.h>

#include "cli/cli.h"
#include "pipeline/gate.h"
#include "pipeline/pipeline.h"

#define STAGES 6

/* Where a run stands. */
struct place {
	struct sk_run run;
	bool found; /* there is a run */
	const struct sk_stage *next; /* NULL = all are done */
	const struct sk_stage_row *row; /* its row, NULL = never started */
};

static const struct sk_stage_row *
row_of(const struct sk_stage_row *rows, size_t n, const char *stage)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].stage, stage) == 0)
			return &rows[i];
	return NULL;
}

/* A fork goes on after what its ancestors agreed on. known: they decided
 * something on it. */
static int
inherited(struct sk_auto *a, const struct sk_stage *st, bool *yes, bool *known,
    struct sk_err *err)
{
	struct sk_decision d;
	bool found = false;
	int rc;

	rc = sk_decision_seen(
	    a->db, a->branch, a->spec.id, st->name, &d, &found, &a->arena, err);
	*yes = rc == 0 && found && d.acked && strcmp(d.status, "ok") == 0 &&
	       strcmp(d.branch, a->branch) != 0;
	*known = found;
	return rc;
}

/* Nor does it go back to what they left out on their way to that. */
static int
behind(
    struct sk_auto *a, const struct sk_stage *st, bool *yes, struct sk_err *err)
{
	bool known = false;
	int rc;

	rc = inherited(a, st, yes, &known, err);
	if (rc != 0 || known)
		return rc;
	for (st++; rc == 0 && !*yes && st->name != NULL; st++)
		rc = inherited(a, st, yes, &known, err);
	return rc;
}

/* The first stage that is not done, counted from the one the run began with: a
 * run that was started at a later stage does not go back. */
static int
find_place(struct sk_auto *a, struct place *p, struct sk_err *err)
{
	struct sk_stage_row *rows = NULL;
	const struct sk_stage_row *r;
	size_t n = 0, at = 0;
	bool done;
	int rc;

	memset(p, 0, sizeof(*p));
	rc = sk_auto_look(a, &p->run, &p->found, err);
	if (rc == 0 && p->found && sk_run_closed(p->run.state)) {
		(void)sk_fail(err, SK_ORDER, "run_cancelled",
		    "run '%s' of '%s' was cancelled", a->run, a->spec.id);
		return sk_hint(
		    err, "begin anew: sk-auto run %s --new", a->spec.id);
	}
	if (rc == 0 && p->found)
		rc = sk_stage_list(
		    a->db, a->run, a->branch, &rows, &n, &a->arena, err);
	while (n > 0 && row_of(rows, n, sk_stages[at].name) == NULL)
		at++;
	for (; rc == 0 && at < STAGES; at++) {
		r = row_of(rows, n, sk_stages[at].name);
		done = !sk_auto_wanted(a, &sk_stages[at]) ||
		       (r != NULL && strcmp(r->state, "done") == 0);
		if (!done && r == NULL && p->found)
			rc = behind(a, &sk_stages[at], &done, err);
		if (rc != 0 || done)
			continue;
		p->next = &sk_stages[at];
		p->row = r;
		break;
	}
	return rc;
}

static int
finished(const struct sk_auto *a, struct sk_err *err)
{
	(void)sk_fail(err, SK_NEGATIVE, "run_finished",
	    "run '%s' of '%s' is finished", a->run, a->spec.id);
	return sk_hint(err, "begin anew: sk-auto run %s --new", a->spec.id);
}

/* Options of our own for the run that follows; they end with it. */
static int
go(struct sk_auto *a, bool one, struct sk_err *err)
{
	const struct sk_auto_opts *given = a->opts;
	struct sk_auto_opts o = *given;
	struct place p = { 0 };
	int rc;

	rc = sk_auto_take(a, err);
	if (rc == 0 && o.fresh)
		p.next = &sk_stages[0];
	else if (rc == 0)
		rc = find_place(a, &p, err);
	if (rc != 0)
		return rc;
	if (p.next == NULL)
		return finished(a, err);
	if (!p.found && !one && !o.fresh) {
		(void)sk_fail(err, SK_NEGATIVE, "no_run", "'%s' has no run yet",
		    a->spec.id);
		return sk_hint(err, "sk-auto run %s", a->spec.id);
	}
	o.from = one ? NULL : p.next->name;
	o.only = one ? p.next->name : NULL;
	o.stepping = one;
	if (one)
		o.to = NULL;
	o.fresh = !p.found;
	if (p.found)
		o.run = a->run;
	a->opts = &o;
	rc = sk_auto_run(a, err);
	a->opts = given;
	return rc;
}

int
sk_auto_step(struct sk_auto *a, struct sk_err *err)
{
	return go(a, true, err);
}

int
sk_auto_resume(struct sk_auto *a, struct sk_err *err)
{
	return go(a, false, err);
}

/* Has a person said what the stage's gate asked, so that it can go on? */
static int
answered(
    struct sk_auto *a, const struct place *p, bool *yes, struct sk_err *err)
{
	const struct sk_gate *g = sk_gate_before(p->next);
	struct sk_gate_row row;
	bool found = false;
	int rc = 0;

	if (g != NULL && p->row != NULL)
		rc = sk_gate_get(a->db, a->run, a->branch, g->name, &row,
		    &found, &a->arena, err);
	*yes = rc == 0 && found && strcmp(row.state, "answered") == 0;
	return rc;
}

/* Does the run wait for a person's hands, and not for an answer? */
static bool
is_paused(const struct sk_auto *a)
{
	struct sk_err ignored = { 0 };
	struct sk_lease lease;
	bool found = false;
	int rc = sk_lease_get(a->db, a->run, &lease, &found, &ignored);

	sk_err_clear(&ignored);
	return rc == 0 && found && sk_phase_parse(lease.phase) == SK_PH_PAUSED;
}

/* What stopped the stage, as the status of whoever asks. */
static int
halted(const struct sk_auto *a, const struct place *p, struct sk_err *err)
{
	const struct sk_stage_row *r = p->row;
	int status = r != NULL && r->exit != 0 ? r->exit : SK_DEGRADED;
	struct sk_buf cmd;

	(void)sk_fail(err, status, "halted", "run '%s' is halted in '%s'%s%s",
	    a->run, p->next->name, r != NULL && r->reason != NULL ? ": " : "",
	    r != NULL && r->reason != NULL ? r->reason : "");
	sk_buf_init(&cmd, 0);
	if (status == SK_PAUSED && !is_paused(a))
		sk_report_answer(a, &cmd);
	else
		sk_report_command(a, "resume", NULL, &cmd);
	(void)sk_hint(err, "%s", cmd.p);
	sk_buf_free(&cmd);
	return status;
}

int
sk_auto_next(struct sk_auto *a, struct sk_err *err)
{
	struct place p = { 0 };
	struct sk_buf cmd;
	bool go_on = false;
	int rc = 0;

	/* Nobody is to be told to start a second driver. */
	if (a->db != NULL)
		rc = sk_auto_lock(a, a->opts->wait, err);
	if (rc == 0)
		rc = find_place(a, &p, err);
	if (rc != 0)
		return rc;
	if (p.next == NULL)
		return finished(a, err);
	if (p.found && strcmp(p.run.state, "halted") == 0) {
		rc = answered(a, &p, &go_on, err);
		if (rc != 0 || !go_on)
			return rc != 0 ? rc : halted(a, &p, err);
	}
	/* A command that would be refused is none: a loop would ask for it for
	 * ever. */
	if (a->db != NULL && p.found)
		rc = sk_auto_needs(a, p.next, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&cmd, 0);
	sk_report_command(a, "step", NULL, &cmd);
	sk_outf("%s\n", cmd.p);
	sk_buf_free(&cmd);
	return 0;
}
