/* SPDX-License-Identifier: MIT */
/* What the quality gates of a run came to, and what a run is to achieve. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

static int
put(struct sk_db *db, const char *run, const struct sk_gate_row *row,
    int64_t epoch, struct sk_err *err)
{
	int rc;

	rc = sk_epoch_check(db, run, epoch, err);
	if (rc == 0)
		rc = sk_run_open(db, run, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "INSERT OR REPLACE INTO gates(branch_id,gate,run_id,round,"
		    "state,before_sha256,after_sha256,issues,at)"
		    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9)",
		    "tttitteti", row->branch, row->gate, run, row->round,
		    row->state, row->before, row->after, row->issues,
		    sk_now_ms());
	return rc;
}

int
sk_gate_put(struct sk_db *db, const char *run, const struct sk_gate_row *row,
    int64_t epoch, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = put(db, run, row, epoch, err);
	if (rc == 0)
		rc = sk_branch_touch(db, row->branch, err);
	if (rc == 0) {
		char key[2 * SK_IDENT_LEN];

		(void)snprintf(
		    key, sizeof(key), "%s %s", row->gate, row->state);
		rc = sk_journal(
		    db, "gate", run, row->branch, 0, key, epoch, err);
	}
	SK_WHERE(db, "gate");
	return sk_tx_leave(db, own, rc, err);
}

int
sk_gate_get(struct sk_db *db, const char *run, const char *branch,
    const char *gate, struct sk_gate_row *out, bool *found, struct sk_arena *a,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	*found = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT branch_id,gate,state,before_sha256,after_sha256,round,at,"
	    "issues FROM gates WHERE run_id=?1 AND gate=?2 "
	    "ORDER BY branch_id=?3 DESC,at DESC LIMIT 1",
	    "ttt", run, gate, branch);
	if (rc <= 0)
		return -rc;
	*found = true;
	SK_COL(st, 0, out->branch);
	SK_COL(st, 1, out->gate);
	SK_COL(st, 2, out->state);
	SK_COL(st, 3, out->before);
	SK_COL(st, 4, out->after);
	out->round = sk_col_int(st, 5);
	out->at_ms = sk_col_int(st, 6);
	out->issues = sk_col_dup(st, 7, a);
	sk_q_end(st);
	return 0;
}

int
sk_run_goal(
    struct sk_db *db, const char *run, const char *goal, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err,
	    "UPDATE runs SET goal=?2 WHERE run_id=?1 AND goal IS NOT ?2", "tt",
	    run, goal);
	if (rc == 0 && sk_q_changes(db) > 0)
		rc = sk_journal(db, "goal", run, NULL, 0, NULL, 0, err);
	return sk_tx_leave(db, own, rc, err);
}

int
sk_run_note(
    struct sk_db *db, const char *run, const char *options, struct sk_err *err)
{
	bool own;
	int rc = sk_tx_enter(db, &own, err);

	if (rc != 0)
		return rc;
	rc = sk_journal(db, "options", run, NULL, 0, options, 0, err);
	return sk_tx_leave(db, own, rc, err);
}

int
sk_run_noted(struct sk_db *db, const char *run, char **options,
    struct sk_arena *a, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc = sk_q_first(db, &st, err,
	    "SELECT key FROM journal WHERE run_id=?1 AND kind='options' "
	    "AND lsn>ifnull((SELECT max(lsn)FROM journal WHERE run_id=?1 "
	    "AND kind='import'),0)ORDER BY lsn DESC LIMIT 1",
	    "t", run);

	*options = NULL;
	if (rc <= 0)
		return -rc;
	*options = sk_col_dup(st, 0, a);
	sk_q_end(st);
	return 0;
}
