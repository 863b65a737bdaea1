/* SPDX-License-Identifier: MIT */
/* What was used, looked at: rows of a run, sums by day and what not. */
#include <string.h>

#include "store/internal.h"

/* ---- attempts ---- */

int
sk_attempts_each(struct sk_db *db, const char *run, const char *branch,
    const char *stage, sk_attempt_row_fn fn, void *arg, struct sk_err *err)
{
	struct sk_attempt_row r = { 0 };
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT q.branch_id,q.spec_id,q.stage,q.agent_name,q.round,"
	    "e.attempt,e.spawned_at,e.completed_at,e.status,e.adapter,e.model,"
	    "e.session,e.meta,e.failure_kind,r.root,"
	    "e.status='spawned' AND e.attempt<q.attempt,"
	    /* What did not run ended when it began. */
	    "iif(e.status='spawned',e.begun_at IS NOT NULL,e.status<>'failed' "
	    "OR e.exit_code IS NOT NULL OR e.signal IS NOT NULL "
	    "OR e.completed_at>e.spawned_at)"
	    "FROM branches b JOIN requests q USING(branch_id)"
	    "JOIN agent_executions e USING(request_id)"
	    "JOIN runs r ON r.run_id=q.run_id "
	    "WHERE b.run_id=?1 AND(?2 IS NULL OR b.branch_id=?2)"
	    "AND(?3 IS NULL OR q.stage=?3)"
	    "ORDER BY ifnull(e.completed_at,e.spawned_at),q.request_id,"
	    "e.attempt",
	    "ttt", run, branch, stage);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		r.key = (struct sk_key){ run, sk_col_text(st, 0),
			sk_col_text(st, 1), sk_col_text(st, 2),
			sk_col_text(st, 3), sk_col_int(st, 4) };
		r.attempt = sk_col_int(st, 5);
		r.started_ms = sk_col_int(st, 6);
		r.ended_ms = sk_col_int(st, 7);
		r.status = sk_col_text(st, 8);
		r.adapter = sk_col_text(st, 9);
		r.model = sk_col_text(st, 10);
		r.session = sk_col_text(st, 11);
		r.meta_json = sk_col_text(st, 12);
		r.kind = sk_col_text(st, 13);
		r.root = sk_col_text(st, 14);
		r.lost = sk_col_int(st, 15) != 0;
		r.ran = sk_col_int(st, 16) != 0;
		rc = fn(arg, &r, err);
		if (rc != 0) {
			sk_q_end(st);
			return rc;
		}
	}
	return -rc;
}

int
sk_duplicates_of(
    struct sk_db *db, const char *run, int64_t *n, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*n = 0;
	rc = sk_q_first(db, &st, err,
	    "SELECT ifnull(sum(q.duplicates),0)FROM branches b "
	    "JOIN requests q USING(branch_id)WHERE b.run_id=?1",
	    "t", run);
	if (rc <= 0)
		return -rc;
	*n = sk_col_int(st, 0);
	sk_q_end(st);
	return 0;
}

/* ---- rows ---- */

int
sk_usage_each(struct sk_db *db, const char *run, const char *branch,
    const char *stage, sk_usage_row_fn fn, void *arg, struct sk_err *err)
{
	struct sk_usage_row r = { 0 };
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT key,branch_id,root,spec_id,stage,agent_name,provider,"
	    "model,source,session,at,fresh,cache_read,cache_write,output,"
	    "reasoning,ifnull(cost,-1),flags FROM usage WHERE run_id=?1 "
	    "AND(?2 IS NULL OR branch_id=?2)AND(?3 IS NULL OR stage=?3)"
	    "ORDER BY at,usage_id",
	    "ttt", run, branch, stage);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		r.key = sk_col_text(st, 0);
		r.run = run;
		r.branch = sk_col_text(st, 1);
		r.root = sk_col_text(st, 2);
		r.spec = sk_col_text(st, 3);
		r.stage = sk_col_text(st, 4);
		r.agent = sk_col_text(st, 5);
		r.provider = sk_col_text(st, 6);
		r.model = sk_col_text(st, 7);
		r.source = sk_col_text(st, 8);
		r.session = sk_col_text(st, 9);
		r.at_ms = sk_col_int(st, 10);
		r.fresh = sk_col_int(st, 11);
		r.cache_read = sk_col_int(st, 12);
		r.cache_write = sk_col_int(st, 13);
		r.output = sk_col_int(st, 14);
		r.reasoning = sk_col_int(st, 15);
		r.cost = sk_col_int(st, 16);
		r.flags = sk_col_int(st, 17);
		rc = fn(arg, &r, err);
		if (rc != 0) {
			sk_q_end(st);
			return rc;
		}
	}
	return -rc;
}

int
sk_usage_session(struct sk_db *db, const char *run, const char *session,
    struct sk_usage_row *sum, bool *any, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(sum, 0, sizeof(*sum));
	*any = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT count(*),sum(fresh),sum(cache_read),sum(cache_write),"
	    "sum(output),sum(reasoning),sum(cost),max(at)FROM usage "
	    "WHERE run_id=?1 AND session=?2",
	    "tt", run, session);
	if (rc <= 0)
		return -rc;
	*any = sk_col_int(st, 0) > 0;
	sum->fresh = sk_col_int(st, 1);
	sum->cache_read = sk_col_int(st, 2);
	sum->cache_write = sk_col_int(st, 3);
	sum->output = sk_col_int(st, 4);
	sum->reasoning = sk_col_int(st, 5);
	sum->cost = sk_col_int(st, 6);
	sum->at_ms = sk_col_int(st, 7);
	sk_q_end(st);
	return 0;
}

/* ---- sums ---- */

/* Runs and branches are many, come and go: they have no sums of their own. */
static sqlite3_stmt *
sums_of_rows(struct sk_db *db, enum sk_by by, const struct sk_sum_filter *f,
    struct sk_err *err)
{
	return sk_q(db, err,
	    "SELECT iif(?1,run_id,branch_id)AS x,count(*),sum(fresh),"
	    "sum(cache_read),sum(cache_write),sum(output),sum(reasoning),"
	    "sum(ifnull(cost,0)),sum(cost IS NULL),sum(flags&1),"
	    "sum(flags>>6&1)FROM usage WHERE run_id IS NOT NULL "
	    "AND at>=?2*86400000 AND at<(?3+1)*86400000 "
	    "AND(?4 IS NULL OR root=?4)AND(?5 IS NULL OR spec_id=?5)"
	    "AND(?6 IS NULL OR stage=?6)AND(?7 IS NULL OR agent_name=?7)"
	    "AND(?8 IS NULL OR model=?8)GROUP BY x ORDER BY min(at),x",
	    "iiittttt", (int64_t)(by == SK_BY_RUN), f->since,
	    f->until > 0 ? f->until : (int64_t)100000000, f->root, f->spec,
	    f->stage, f->agent, f->model);
}

static sqlite3_stmt *
sums_of_days(struct sk_db *db, enum sk_by by, const struct sk_sum_filter *f,
    struct sk_err *err)
{
	return sk_q(db, err,
	    "SELECT CASE ?1 WHEN 0 THEN '' "
	    "WHEN 1 THEN date(day*86400,'unixepoch')"
	    "WHEN 2 THEN date((day-(day+3)%7)*86400,'unixepoch')"
	    "WHEN 3 THEN strftime('%Y-%m',day*86400,'unixepoch')"
	    "WHEN 4 THEN spec_id WHEN 5 THEN stage WHEN 6 THEN agent_name "
	    "WHEN 7 THEN model WHEN 8 THEN provider ELSE source END AS x,"
	    "sum(calls),sum(fresh),sum(cache_read),sum(cache_write),"
	    "sum(output),sum(reasoning),sum(cost),sum(unpriced),sum(suspect),"
	    "sum(estimated)"
	    "FROM usage_days WHERE day>=?2 AND day<=?3 "
	    "AND(?4 IS NULL OR root=?4)AND(?5 IS NULL OR spec_id=?5)"
	    "AND(?6 IS NULL OR stage=?6)AND(?7 IS NULL OR agent_name=?7)"
	    "AND(?8 IS NULL OR model=?8)GROUP BY x ORDER BY x",
	    "iiittttt", (int64_t)by, f->since,
	    f->until > 0 ? f->until : INT64_MAX, f->root, f->spec, f->stage,
	    f->agent, f->model);
}

int
sk_usage_sums(struct sk_db *db, enum sk_by by, const struct sk_sum_filter *f,
    struct sk_sum **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	int rc;

	*out = NULL;
	*n = 0;
	st = by == SK_BY_RUN || by == SK_BY_BRANCH
	         ? sums_of_rows(db, by, f, err)
	         : sums_of_days(db, by, f, err);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		struct sk_sum *s;

		SK_GROW(a, *out, *n, cap);
		s = &(*out)[(*n)++];
		s->name = sk_col_dup(st, 0, a);
		s->calls = sk_col_int(st, 1);
		s->fresh = sk_col_int(st, 2);
		s->cache_read = sk_col_int(st, 3);
		s->cache_write = sk_col_int(st, 4);
		s->output = sk_col_int(st, 5);
		s->reasoning = sk_col_int(st, 6);
		s->cost = sk_col_int(st, 7);
		s->unpriced = sk_col_int(st, 8);
		s->suspect = sk_col_int(st, 9);
		s->estimated = sk_col_int(st, 10);
	}
	return -rc;
}

int
sk_usage_outputs(struct sk_db *db, const char *agent, const char *model,
    int64_t *out, size_t max, size_t *n, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*n = 0;
	/* The newest rows only: a guess must not read a year. */
	st = sk_q(db, err,
	    "SELECT output FROM(SELECT output,agent_name,model,"
	    "fresh+cache_read+cache_write+output AS said FROM usage "
	    "ORDER BY usage_id DESC LIMIT 2000)"
	    "WHERE said>0 AND(?1 IS NULL OR agent_name=?1)AND(?2 IS NULL OR "
	    "model=?2)"
	    "LIMIT ?3",
	    "tti", agent, model, (int64_t)max);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0)
		out[(*n)++] = sk_col_int(st, 0);
	return -rc;
}

/* ---- imports ---- */

int
sk_import_get(struct sk_db *db, const char *path, struct sk_import_row *out,
    bool *found, struct sk_arena *a, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	*found = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT ino,offset,head,state FROM imports WHERE path=?1", "t",
	    path);
	if (rc <= 0)
		return -rc;
	*found = true;
	out->ino = sk_col_int(st, 0);
	out->offset = sk_col_int(st, 1);
	SK_COL(st, 2, out->head);
	out->state = sk_col_dup(st, 3, a);
	sk_q_end(st);
	return 0;
}

int
sk_import_put(struct sk_db *db, const char *path,
    const struct sk_import_row *row, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err,
	    "INSERT OR REPLACE INTO imports(path,ino,offset,head,state)"
	    "VALUES(?1,?2,?3,?4,?5)",
	    "tiitt", path, row->ino, row->offset, row->head,
	    row->state != NULL ? row->state : "");
	SK_WHERE(db, "import");
	return sk_tx_leave(db, own, rc, err);
}

int
sk_sessions_each(struct sk_db *db, sk_text_fn fn, void *arg, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT DISTINCT session FROM agent_executions "
	    "WHERE session IS NOT NULL",
	    "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0)
		fn(arg, sk_col_text(st, 0));
	return -rc;
}

/* ---- another program's database ---- */

static int
each_message(sqlite3 *h, const char *path, sk_message_fn fn, void *arg,
    struct sk_err *err)
{
	sqlite3_stmt *st = NULL;
	int rc, ours = 0;

	rc = sqlite3_prepare_v2(h,
	    "SELECT id,session_id,iif(length(data)<4194304,data,NULL)"
	    "FROM message",
	    -1, &st, NULL);
	while (rc == SQLITE_OK && ours == 0 &&
	       (rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (sk_col_text(st, 0) != NULL && sk_col_text(st, 1) != NULL)
			ours = fn(arg, sk_col_text(st, 0), sk_col_text(st, 1),
			    sk_col_text(st, 2), err);
		rc = SQLITE_OK;
	}
	(void)sqlite3_finalize(st);
	if (ours != 0 || rc == SQLITE_DONE)
		return ours;
	return sk_fail(err, SK_DAMAGED, "not_a_database",
	    "cannot read messages of '%s': %s", path, sqlite3_errmsg(h));
}

int
sk_foreign_messages(
    const char *path, sk_message_fn fn, void *arg, struct sk_err *err)
{
	sqlite3 *h = NULL;
	int rc;

	rc = sqlite3_open_v2(
	    path, &h, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc == SQLITE_OK) {
		(void)sqlite3_busy_timeout(h, 2000);
		(void)sqlite3_db_config(
		    h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)NULL);
		(void)sqlite3_db_config(
		    h, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)NULL);
		rc = each_message(h, path, fn, arg, err);
	} else {
		rc = sk_fail(err, SK_DAMAGED, "not_a_database",
		    "cannot open '%s': %s", path, sqlite3_errstr(rc));
	}
	(void)sqlite3_close_v2(h);
	return rc;
}
