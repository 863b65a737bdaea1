/* SPDX-License-Identifier: MIT */
/* Where a run stands in its pipeline: one row per stage of a branch. */
#include <string.h>

#include "store/internal.h"

static int
start(struct sk_db *db, const char *run, const char *branch, const char *stage,
    const char *agents, int64_t epoch, struct sk_err *err)
{
	int rc;

	rc = sk_epoch_check(db, run, epoch, err);
	/* A stage that starts again moves to the end: what stood after it was
	 * made from its old result. */
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "INSERT OR REPLACE INTO stages(branch_id,stage,run_id,"
		    "position,state,agents,started_at)VALUES(?1,?2,?3,"
		    "(SELECT 1+ifnull(max(position),0)FROM stages "
		    "WHERE branch_id=?1),'running',?4,?5)",
		    "tttti", branch, stage, run, agents != NULL ? agents : "",
		    sk_now_ms());
	return rc;
}

int
sk_stage_start(struct sk_db *db, const char *run, const char *branch,
    const char *stage, const char *agents, int64_t epoch, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = start(db, run, branch, stage, agents, epoch, err);
	if (rc == 0)
		rc = sk_branch_touch(db, branch, err);
	if (rc == 0)
		rc = sk_journal(db, "stage", run, branch, 0, stage, epoch, err);
	SK_WHERE(db, "stage");
	return sk_tx_leave(db, own, rc, err);
}

static int
end(struct sk_db *db, const char *run, const char *branch,
    const struct sk_stage_row *row, int64_t epoch, struct sk_err *err)
{
	int rc;

	rc = sk_epoch_check(db, run, epoch, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err,
	    "UPDATE stages SET state=?3,status=?4,round=?5,artefact=?6,"
	    "reason=?7,decision_seq=?8,ended_at=?9,"
	    "agents=ifnull(?10,agents),exit=?11,config=ifnull(?12,config)"
	    "WHERE branch_id=?1 AND stage=?2",
	    "ttttieeiieie", branch, row->stage, row->state, row->status,
	    row->round, row->artefact, row->reason, row->decision_seq,
	    row->ended_ms != 0 ? row->ended_ms : sk_now_ms(), row->agents,
	    (int64_t)row->exit, row->config);
	if (rc == 0 && sk_q_changes(db) == 0)
		rc = sk_fail(err, SK_ORDER, "stage_not_started",
		    "stage '%s' of run '%s' was not started", row->stage, run);
	return rc;
}

const char *
sk_stage_state(const struct sk_stage_row *row)
{
	if (strcmp(row->state, "running") != 0 || row->exit == 0)
		return row->state;
	return row->exit < SK_INT ? "halted" : "interrupted";
}

int
sk_stage_end(struct sk_db *db, const char *run, const char *branch,
    const struct sk_stage_row *row, int64_t epoch, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = end(db, run, branch, row, epoch, err);
	if (rc == 0)
		rc = sk_branch_touch(db, branch, err);
	if (rc == 0)
		rc = sk_journal(db, "stage_end", run, branch, row->decision_seq,
		    row->stage, epoch, err);
	SK_WHERE(db, "stage_end");
	return sk_tx_leave(db, own, rc, err);
}

int
sk_stage_list(struct sk_db *db, const char *run, const char *branch,
    struct sk_stage_row **out, size_t *n, struct sk_arena *a,
    struct sk_err *err)
{
	struct sk_stage_row *v = NULL, *r;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    "SELECT stage,state,status,round,started_at,ended_at,"
	    "decision_seq,agents,artefact,reason,exit,config FROM stages "
	    "WHERE branch_id=?1 AND run_id=?2 ORDER BY position",
	    "tt", branch, run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		r = &v[(*n)++];
		memset(r, 0, sizeof(*r));
		SK_COL(st, 0, r->stage);
		SK_COL(st, 1, r->state);
		SK_COL(st, 2, r->status);
		r->round = sk_col_int(st, 3);
		r->started_ms = sk_col_int(st, 4);
		r->ended_ms = sk_col_int(st, 5);
		r->decision_seq = sk_col_int(st, 6);
		r->agents = sk_col_dup(st, 7, a);
		r->artefact = sk_col_dup(st, 8, a);
		r->reason = sk_col_dup(st, 9, a);
		r->exit = (int)sk_col_int(st, 10);
		r->config = sk_col_dup(st, 11, a);
	}
	*out = v;
	return -rc;
}
