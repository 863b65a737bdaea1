/* SPDX-License-Identifier: MIT */
/*
 * What follows a decision: its artefact, its acknowledgement, the end of the
 * run. What is refused changes nothing but is counted, in the journal.
 */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

/* branch "" means the run's newest: people ack by hand. */
static int
which_branch(struct sk_db *db, const char *run, const char *branch,
    char out[SK_BRANCH_LEN], struct sk_err *err)
{
	if (branch == NULL || branch[0] == '\0')
		return sk_run_newest(db, run, out, err);
	(void)snprintf(out, SK_BRANCH_LEN, "%s", branch);
	return 0;
}

/* ---- refusals ---- */

static void
details(struct sk_err *err, const char *result, int64_t pending)
{
	err->details =
	    pending > 0
		? sk_asprintf("{\"result\":\"%s\",\"pending\":%lld}", result,
		      (long long)pending)
		: sk_asprintf("{\"result\":\"%s\",\"pending\":null}", result);
}

void
sk_count_refusal(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, const struct sk_err *why)
{
	struct sk_err ignored = { 0 };
	bool own;
	int rc;

	if (why->exit != SK_ORDER)
		return;
	rc = sk_tx_enter(db, &own, &ignored);
	if (rc == 0) {
		rc = sk_journal(db, "refused", run, branch, seq, why->code,
		    epoch, &ignored);
		(void)sk_tx_leave(db, own, rc, &ignored);
	}
	/* The refusal stands whether it could be counted or not. */
	sk_err_clear(&ignored);
}

/* ---- the end of a run ---- */

int
sk_run_open(struct sk_db *db, const char *run, struct sk_err *err)
{
	char state[16] = "";
	sqlite3_stmt *st;
	int rc;

	rc = sk_run_row(db, &st, run, err);
	if (rc <= 0)
		return rc < 0 ? -rc : sk_no_run(run, err);
	SK_COL(st, SK_RUN_STATE, state);
	sk_q_end(st);
	if (!sk_run_closed(state) || SK_MUTANT("no_stop"))
		return 0;
	(void)sk_fail(
	    err, SK_ORDER, "run_stopped", "run '%s' is %s", run, state);
	details(err, "after_stop", 0);
	return sk_hint(err, "nothing was changed; start another run");
}

static int
stop(struct sk_db *db, const char *run, bool *already, struct sk_err *err)
{
	int rc;

	rc = sk_run_open(db, run, err);
	if (rc == SK_ORDER) {
		*already = true;
		sk_err_clear(err);
		return 0;
	}
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE runs SET state='stopped' WHERE run_id=?1", "t",
		    run);
	if (rc == 0)
		rc = sk_journal(db, "stop", run, NULL, 0, NULL, 0, err);
	SK_WHERE(db, "stop");
	return rc;
}

int
sk_run_stop(
    struct sk_db *db, const char *run, bool *already, struct sk_err *err)
{
	bool own;
	int rc;

	*already = false;
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = stop(db, run, already, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- acknowledging ---- */

enum state { ABSENT, PENDING, ACKED };

static int
state_of(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    enum state *out, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*out = ABSENT;
	rc = sk_q_first(db, &st, err,
	    "SELECT state='acked' FROM decisions "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND run_id=?3",
	    "tit", branch, seq, run);
	if (rc <= 0)
		return -rc;
	*out = sk_col_int(st, 0) != 0 ? ACKED : PENDING;
	sk_q_end(st);
	return 0;
}

/* Refused by its number: nobody has decided so far yet. */
static int
out_of_order(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    struct sk_err *err)
{
	int64_t pending = 0;
	sqlite3_stmt *st;
	int rc;

	rc = sk_q_first(db, &st, err,
	    "SELECT decision_seq FROM decisions "
	    "WHERE branch_id=?1 AND state='pending'",
	    "t", branch);
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		pending = sk_col_int(st, 0);
		sk_q_end(st);
	}
	(void)sk_fail(err, SK_ORDER, "out_of_order",
	    "decision %lld of run '%s' is not the pending one", (long long)seq,
	    run);
	details(err, "future", pending);
	if (pending == 0)
		return sk_hint(err, "no decision of this branch is pending");
	return sk_hint(err, "decision %lld is pending", (long long)pending);
}

static int
ack(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    int64_t epoch, bool *already, struct sk_err *err)
{
	char b[SK_BRANCH_LEN];
	enum state state;
	int rc;

	rc = which_branch(db, run, branch, b, err);
	if (rc == 0 && !SK_MUTANT("no_ack_epoch"))
		rc = sk_epoch_check(db, run, epoch, err);
	if (rc == 0)
		rc = state_of(db, run, b, seq, &state, err);
	if (rc != 0)
		return rc;
	*already = state == ACKED;
	if (state == ACKED)
		return sk_journal(
		    db, "ack_again", run, b, seq, NULL, epoch, err);
	if (state == ABSENT)
		return out_of_order(db, run, b, seq, err);
	rc = sk_run_open(db, run, err);
	if (rc != 0)
		return rc;
	if (SK_FAULT("store.ack.checked") != 0)
		return sk_fail_errno(err, "cannot acknowledge");
	rc = sk_q_run(db, err,
	    "UPDATE decisions SET state='acked',ack_epoch=?3,acked_at=?4 "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND state='pending'",
	    "tiii", b, seq, epoch, sk_now_ms());
	if (rc == 0)
		rc = sk_branch_touch(db, b, err);
	if (rc == 0 && !SK_MUTANT("no_ack_journal"))
		rc = sk_journal(db, "ack", run, b, seq, NULL, epoch, err);
	SK_WHERE(db, "ack");
	return rc;
}

int
sk_decision_ack(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, bool *already, struct sk_err *err)
{
	bool own;
	int rc;

	*already = false;
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = ack(db, run, branch, seq, epoch, already, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- the artefact of a pending decision ---- */

static int
same_artefact(struct sk_db *db, const char *branch, int64_t seq,
    const char *path, const char *sha256, bool *same, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*same = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT 1 FROM decisions WHERE branch_id=?1 AND decision_seq=?2 "
	    "AND artefact IS ?3 AND artefact_sha256 IS ?4",
	    "tiee", branch, seq, path, sha256);
	if (rc <= 0)
		return -rc;
	*same = true;
	sk_q_end(st);
	return 0;
}

static int
artefact(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    int64_t epoch, const char *path, const char *sha256, struct sk_err *err)
{
	char b[SK_BRANCH_LEN];
	enum state state;
	bool same = false;
	int rc;

	rc = which_branch(db, run, branch, b, err);
	if (rc == 0)
		rc = sk_epoch_check(db, run, epoch, err);
	if (rc == 0)
		rc = state_of(db, run, b, seq, &state, err);
	if (rc == 0)
		rc = same_artefact(db, b, seq, path, sha256, &same, err);
	if (rc != 0 || same)
		return rc;
	if (state != PENDING)
		return out_of_order(db, run, b, seq, err);
	rc = sk_q_run(db, err,
	    "UPDATE decisions SET artefact=?3,artefact_sha256=?4 "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND state='pending'",
	    "tiee", b, seq, path, sha256);
	if (rc == 0)
		rc =
		    sk_journal(db, "artefact", run, b, seq, sha256, epoch, err);
	SK_WHERE(db, "artefact");
	return rc;
}

int
sk_decision_artefact(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, const char *path, const char *sha256,
    struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = artefact(db, run, branch, seq, epoch, path, sha256, err);
	return sk_tx_leave(db, own, rc, err);
}
