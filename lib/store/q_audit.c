/* SPDX-License-Identifier: MIT */
/* Reading the history back. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

int
sk_event_each(struct sk_db *db, const char *run, sk_event_fn fn, void *arg,
    struct sk_err *err)
{
	struct sk_event_row e;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT lsn,at,kind,run_id,branch_id,seq,key,epoch,pid FROM "
	    "journal "
	    "WHERE ?1 IS NULL OR run_id=?1 ORDER BY lsn",
	    "e", run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		e.lsn = sk_col_int(st, 0);
		e.at = sk_col_int(st, 1);
		e.kind = (const char *)sqlite3_column_text(st, 2);
		e.run = (const char *)sqlite3_column_text(st, 3);
		e.branch = (const char *)sqlite3_column_text(st, 4);
		e.seq = sk_col_int(st, 5);
		e.key = (const char *)sqlite3_column_text(st, 6);
		e.epoch = sk_col_int(st, 7);
		e.pid = sk_col_int(st, 8);
		fn(arg, &e);
	}
	return -rc;
}

int
sk_event_counts(struct sk_db *db, const char *run, struct sk_event_count **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_event_count *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    "SELECT iif(kind='refused',kind||'.'||ifnull(key,''),kind)w,"
	    "count(*)FROM journal WHERE run_id=?1 GROUP BY w ORDER BY w",
	    "t", run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		SK_COL(st, 0, v[*n].what);
		v[(*n)++].count = sk_col_int(st, 1);
	}
	*out = v;
	return -rc;
}
