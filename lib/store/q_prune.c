/* SPDX-License-Identifier: MIT */
/* Taking away branches in which nothing ever happened. What was decided is
 * history and stays; the journal keeps that the branch was there. */
#include <string.h>

#include "store/internal.h"

/* A run that was driven keeps its lease, and with it itself. */
static int
find(struct sk_db *db, const char *root, const char *spec, int64_t before_ms,
    struct sk_prunable **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_prunable *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*n = 0;
	st = sk_q(db, err,
	    "SELECT b.branch_id,b.run_id,r.spec_id,b.active_at,"
	    "NOT EXISTS(SELECT 1 FROM branches o WHERE o.run_id=b.run_id "
	    "AND o.branch_id<>b.branch_id)AS alone "
	    "FROM branches b JOIN runs r USING(run_id)"
	    "WHERE b.active_at<?3 AND(?1 IS NULL OR r.root=?1)"
	    "AND(?2 IS NULL OR r.spec_id=?2)AND b.decision_seq=0 "
	    "AND NOT EXISTS(SELECT 1 FROM requests q "
	    "WHERE q.branch_id=b.branch_id)"
	    "AND NOT EXISTS(SELECT 1 FROM stages s "
	    "WHERE s.branch_id=b.branch_id)"
	    "AND NOT EXISTS(SELECT 1 FROM gates g "
	    "WHERE g.branch_id=b.branch_id)"
	    "AND NOT EXISTS(SELECT 1 FROM branches c "
	    "WHERE c.parent_id=b.branch_id)"
	    "AND NOT(alone AND EXISTS(SELECT 1 FROM leases l "
	    "WHERE l.run_id=b.run_id))ORDER BY b.active_at,b.branch_id",
	    "eei", root, spec, before_ms);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		memset(&v[*n], 0, sizeof(v[*n]));
		SK_COL(st, 0, v[*n].id);
		SK_COL(st, 1, v[*n].run);
		SK_COL(st, 2, v[*n].spec);
		v[*n].active_ms = sk_col_int(st, 3);
		v[(*n)++].whole_run = sk_col_int(st, 4) != 0;
	}
	*out = v;
	return -rc;
}

static int
take_away(struct sk_db *db, const struct sk_prunable *p, struct sk_err *err)
{
	int rc;

	rc = sk_q_run(
	    db, err, "DELETE FROM branches WHERE branch_id=?1", "t", p->id);
	if (rc == 0 && p->whole_run)
		rc = sk_q_run(
		    db, err, "DELETE FROM runs WHERE run_id=?1", "t", p->run);
	else if (rc == 0)
		/* The newest that is left is the run's. */
		rc = sk_q_run(db, err,
		    "UPDATE runs SET branch_id=(SELECT branch_id FROM branches "
		    "WHERE run_id=?1 ORDER BY created_at DESC,branch_id DESC "
		    "LIMIT 1)WHERE run_id=?1 AND branch_id=?2",
		    "tt", p->run, p->id);
	if (rc == 0)
		rc = sk_journal(db, "prune", p->run, p->id, 0, p->spec, 0, err);
	return rc;
}

int
sk_branch_prune(struct sk_db *db, const char *root, const char *spec,
    int64_t before_ms, bool remove, struct sk_prunable **out, size_t *n,
    struct sk_arena *a, struct sk_err *err)
{
	bool own;
	int rc;

	*out = NULL;
	*n = 0;
	if (!remove)
		return find(db, root, spec, before_ms, out, n, a, err);
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = find(db, root, spec, before_ms, out, n, a, err);
	for (size_t i = 0; rc == 0 && i < *n; i++)
		rc = take_away(db, &(*out)[i], err);
	return sk_tx_leave(db, own, rc, err);
}
