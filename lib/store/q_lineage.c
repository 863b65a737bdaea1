/* SPDX-License-Identifier: MIT */
/* What a branch sees: its own decisions and its ancestors' up to the forks. */
#include <string.h>

#include "store/internal.h"

int
sk_decision_seen(struct sk_db *db, const char *branch, const char *spec,
    const char *stage, struct sk_decision *out, bool *found, struct sk_arena *a,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*found = false;
	memset(out, 0, sizeof(*out));
	/* The depth ends a ring, which only a damaged file can hold. */
	rc = sk_q_first(db, &st, err,
	    "WITH RECURSIVE up(branch,most,depth)AS("
	    "SELECT ?1,9223372036854775807,0 UNION ALL "
	    "SELECT b.parent_id,b.fork_decision_seq,depth+1 FROM up "
	    "JOIN branches b ON b.branch_id=up.branch "
	    "WHERE b.parent_id IS NOT NULL AND depth<10000)"
	    "SELECT d.run_id,d.branch_id,d.round,d.decision_seq,"
	    "d.state='acked',c.status,c.synthesis_json,d.artefact "
	    "FROM up JOIN decisions d ON d.branch_id=up.branch "
	    "AND d.decision_seq<=up.most AND d.spec_id=?2 AND d.stage=?3 "
	    "JOIN consensus_runs c ON c.id=d.consensus_run "
	    "ORDER BY up.depth,d.decision_seq DESC LIMIT 1",
	    "ttt", branch, spec, stage);
	if (rc <= 0)
		return -rc;
	*found = true;
	SK_COL(st, 0, out->run);
	SK_COL(st, 1, out->branch);
	out->round = sk_col_int(st, 2);
	out->seq = sk_col_int(st, 3);
	out->acked = sk_col_int(st, 4) != 0;
	SK_COL(st, 5, out->status);
	out->verdict = sk_col_dup(st, 6, a);
	out->artefact = sk_col_dup(st, 7, a);
	sk_q_end(st);
	return 0;
}

int
sk_lineage(struct sk_db *db, const char *branch, struct sk_seen **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_seen *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    "WITH RECURSIVE up(branch,d,s,depth)AS("
	    "SELECT ?1,9223372036854775807,9223372036854775807,0 UNION ALL "
	    "SELECT b.parent_id,b.fork_decision_seq,b.fork_seq,depth+1 FROM up "
	    "JOIN branches b ON b.branch_id=up.branch "
	    "WHERE b.parent_id IS NOT NULL AND depth<10000)"
	    "SELECT branch,d,s FROM up ORDER BY depth",
	    "t", branch);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		SK_COL(st, 0, v[*n].branch);
		v[*n].decision = sk_col_int(st, 1);
		v[(*n)++].answer = sk_col_int(st, 2);
	}
	*out = v;
	return -rc;
}
