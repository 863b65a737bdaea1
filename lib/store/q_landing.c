/* SPDX-License-Identifier: MIT */
/* What of an agent's work was put into the project's tree, and taken back. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define LANDING_COLS \
	"SELECT landing_id,run_id,branch_id,spec_id,stage,round,agent_name," \
	"decision_seq,rule,state,root,base,patch_sha256,plan,created_at " \
	"FROM landings "

static int
note(struct sk_db *db, const char *run, const char *branch, int64_t id,
    const char *state, const char *agent, struct sk_err *err)
{
	char key[SK_IDENT_LEN + 20];

	(void)snprintf(key, sizeof(key), "%s:%s", state, agent);
	return sk_journal(db, "landing", run, branch, id, key, 0, err);
}

static int
begin(struct sk_db *db, struct sk_landing *l, struct sk_err *err)
{
	int rc;

	l->created_ms = sk_now_ms();
	rc = sk_q_run(db, err,
	    "INSERT INTO landings(run_id,branch_id,spec_id,stage,round,"
	    "agent_name,decision_seq,rule,state,root,base,patch_sha256,plan,"
	    "created_at,changed_at)VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,"
	    "?12,?13,?14,?14)",
	    "ttttititttttti", l->run, l->branch, l->spec, l->stage, l->round,
	    l->agent, l->decision_seq, l->rule, l->state, l->root,
	    l->base != NULL ? l->base : "", l->patch_sha256,
	    l->plan != NULL ? l->plan : "{}", l->created_ms);
	l->id = sqlite3_last_insert_rowid(db->h);
	if (rc == 0)
		rc =
		    note(db, l->run, l->branch, l->id, l->state, l->agent, err);
	SK_WHERE(db, "landing");
	return rc;
}

int
sk_landing_begin(struct sk_db *db, struct sk_landing *l, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = begin(db, l, err);
	return sk_tx_leave(db, own, rc, err);
}

static int
move(struct sk_db *db, struct sk_landing *l, const char *to, struct sk_err *err)
{
	int rc;

	rc = sk_q_run(db, err,
	    "UPDATE landings SET state=?3,changed_at=?4 WHERE landing_id=?1 "
	    "AND state=?2",
	    "itti", l->id, l->state, to, sk_now_ms());
	if (rc == 0 && sk_q_changes(db) == 0)
		return sk_fail(err, SK_ORDER, "landing_moved",
		    "the landing of '%s' is no longer %s", l->spec, l->state);
	if (rc == 0)
		rc = note(db, l->run, l->branch, l->id, to, l->agent, err);
	SK_WHERE(db, "landing");
	return rc;
}

int
sk_landing_move(
    struct sk_db *db, struct sk_landing *l, const char *to, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = move(db, l, to, err);
	rc = sk_tx_leave(db, own, rc, err);
	if (rc == 0)
		(void)snprintf(l->state, sizeof(l->state), "%s", to);
	return rc;
}

static void
take(sqlite3_stmt *st, struct sk_landing *l, struct sk_arena *a)
{
	memset(l, 0, sizeof(*l));
	l->id = sk_col_int(st, 0);
	SK_COL(st, 1, l->run);
	SK_COL(st, 2, l->branch);
	SK_COL(st, 3, l->spec);
	SK_COL(st, 4, l->stage);
	l->round = sk_col_int(st, 5);
	SK_COL(st, 6, l->agent);
	l->decision_seq = sk_col_int(st, 7);
	SK_COL(st, 8, l->rule);
	SK_COL(st, 9, l->state);
	l->root = sk_col_dup(st, 10, a);
	l->base = sk_col_dup(st, 11, a);
	SK_COL(st, 12, l->patch_sha256);
	l->plan = sk_col_dup(st, 13, a);
	l->created_ms = sk_col_int(st, 14);
}

int
sk_landing_list(struct sk_db *db, const struct sk_landing_filter *f,
    struct sk_landing **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_landing *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    LANDING_COLS
	    "WHERE(?1 IS NULL OR run_id=?1)AND(?2 IS NULL OR spec_id=?2)"
	    "AND(?3 IS NULL OR root=?3)AND(?4 IS NULL OR stage=?4)"
	    "ORDER BY landing_id DESC",
	    "eeee", f->run, f->spec, f->root, f->stage);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		take(st, &v[(*n)++], a);
	}
	*out = v;
	return -rc;
}

bool
sk_landing_open(const struct sk_landing *l)
{
	return strcmp(l->state, "applying") == 0 ||
	       strcmp(l->state, "undoing") == 0;
}

int
sk_landing_stage(struct sk_db *db, const char *branch, char stage[SK_IDENT_LEN],
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	stage[0] = '\0';
	/* (The keys of that text are ours, and nothing else begins so.) */
	rc = sk_q_first(db, &st, err,
	    "SELECT q.stage FROM requests q JOIN agent_executions e "
	    "ON e.request_id=q.request_id WHERE q.branch_id=?1 "
	    "AND e.status='accepted' AND instr(e.meta,',\"diff_base\":')"
	    "ORDER BY q.request_id DESC LIMIT 1",
	    "t", branch);
	if (rc <= 0)
		return -rc;
	sk_col_copy(st, 0, stage, SK_IDENT_LEN);
	sk_q_end(st);
	return 0;
}
