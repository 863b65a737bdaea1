/* SPDX-License-Identifier: MIT */
/* Branches: attempts at one run that do not see each other's later work. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

/* <SPEC>-<YYYYmmddHHMMSS>-<32 hex> */
void
sk_branch_name(char out[SK_BRANCH_LEN], const char *spec)
{
	char stamp[SK_STAMP_LEN], hex[SK_HEX32_LEN];

	sk_time_stamp(sk_now_ms(), stamp);
	sk_hex32_new(hex);
	(void)snprintf(out, SK_BRANCH_LEN, "%s-%.8s%.6s-%s",
	    spec[0] != '\0' ? spec : "run", stamp, stamp + 9, hex);
}

int
sk_branch_taken(
    struct sk_db *db, const char *branch, bool *taken, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	st = sk_q(
	    db, err, "SELECT 1 FROM branches WHERE branch_id=?1", "t", branch);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc < 0)
		return -rc;
	*taken = rc > 0;
	if (rc > 0)
		sk_q_end(st);
	return 0;
}

int
sk_branch_insert(struct sk_db *db, const char *branch, const char *run,
    const char *parent, int64_t after, const struct sk_git *git,
    struct sk_err *err)
{
	int rc;

	rc = sk_q_run(db, err,
	    "INSERT INTO branches(branch_id,run_id,parent_id,git_branch,"
	    "git_head,git_detached,root,created_at,active_at)"
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?8)",
	    "tteeeiei", branch, run, parent, git != NULL ? git->branch : NULL,
	    git != NULL ? git->head : NULL,
	    (int64_t)(git != NULL && git->detached),
	    git != NULL ? git->root : NULL, sk_now_ms());
	if (rc != 0 || parent == NULL)
		return rc;
	/* The fork point: a decision of the parent, and the newest answer that
	 * a decision up to there was made from. */
	return sk_q_run(db, err,
	    "UPDATE branches SET fork_decision_seq=f.d,fork_seq=ifnull((SELECT "
	    "max(seq)FROM decision_answers WHERE branch_id=?2 "
	    "AND decision_seq<=f.d),0)FROM(SELECT CASE WHEN ?3<0 THEN "
	    "decision_seq ELSE ?3 END AS d FROM branches WHERE branch_id=?2)f "
	    "WHERE branch_id=?1",
	    "tti", branch, parent, after);
}

int
sk_branch_touch(struct sk_db *db, const char *branch, struct sk_err *err)
{
	return sk_q_run(db, err,
	    "UPDATE branches SET active_at=?2 WHERE branch_id=?1 "
	    "AND active_at<?2",
	    "ti", branch, sk_now_ms());
}

/* As sk_stage_state(); the driver tells of signals. */
#define STANDS \
	"CASE WHEN s.state='running'AND s.exit BETWEEN 1 AND 127 " \
	"THEN'halted'ELSE s.state END"

/* Of a branch that was driven the stage that began last says how it stands: its
 * state is the expression `last`. */
#define BRANCH_COLS(last) \
	"SELECT b.branch_id,b.parent_id,b.run_id,r.spec_id," \
	"coalesce(b.root,r.root),b.git_branch,b.git_head,b.created_at," \
	"b.active_at,(SELECT count(*)FROM decisions d WHERE " \
	"d.branch_id=b.branch_id AND d.state='acked')," \
	"b.fork_decision_seq,b.decision_seq>0,r.state," last \
	",r.branch_id=b.branch_id,l.boot_id,l.pid,l.start_ticks " \
	"FROM branches b JOIN runs r USING(run_id)" \
	"LEFT JOIN leases l USING(run_id)"

static void
take_state(sqlite3_stmt *st, struct sk_branch *b)
{
	struct sk_proc_id driver = { 0 };
	char run[16], last[16];
	bool newest = sk_col_int(st, 14) != 0;

	SK_COL(st, 12, run);
	SK_COL(st, 13, last);
	if (strcmp(run, "stopped") == 0 || strcmp(run, "cancelled") == 0)
		(void)snprintf(last, sizeof(last), "cancelled");
	else if (last[0] == '\0')
		(void)snprintf(last, sizeof(last), "%s",
		    sk_col_int(st, 11) != 0 ? "open" : "new");
	else if (strcmp(last, "done") == 0 && newest &&
		 strcmp(run, "running") == 0)
		(void)snprintf(last, sizeof(last), "running");
	if (strcmp(last, "running") == 0) {
		SK_COL(st, 15, driver.boot_id);
		driver.pid = sk_col_int(st, 16);
		driver.start_ticks = sk_col_int(st, 17);
		if (!sk_proc_alive(&driver))
			(void)snprintf(last, sizeof(last), "interrupted");
	}
	(void)snprintf(b->state, sizeof(b->state), "%s", last);
}

static void
take(sqlite3_stmt *st, struct sk_branch *b, struct sk_arena *a)
{
	SK_COL(st, 0, b->id);
	SK_COL(st, 1, b->parent);
	SK_COL(st, 2, b->run);
	SK_COL(st, 3, b->spec);
	b->root = sk_col_dup(st, 4, a);
	b->git_branch = sk_col_dup(st, 5, a);
	b->git_head = sk_col_dup(st, 6, a);
	b->created_ms = sk_col_int(st, 7);
	b->active_ms = sk_col_int(st, 8);
	b->decisions = sk_col_int(st, 9);
	b->fork = sk_col_int(st, 10);
	take_state(st, b);
}

int
sk_branch_get(struct sk_db *db, const char *id, struct sk_branch *out,
    struct sk_arena *a, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = sk_q_first(db, &st, err,
	    BRANCH_COLS("(SELECT " STANDS " FROM stages s WHERE "
			"s.branch_id=b.branch_id ORDER BY position DESC "
			"LIMIT 1)") "WHERE b.branch_id=?1",
	    "t", id);
	if (rc < 0)
		return -rc;
	if (rc == 0) {
		(void)sk_fail(err, SK_USAGE, "no_such_branch",
		    "there is no branch '%s'", id);
		return sk_hint(err, "'sk-branch list' shows the branches");
	}
	take(st, out, a);
	sk_q_end(st);
	return 0;
}

/* What is forked from must be settled: a pending decision may yet be another.
 */
static int
check_fork(
    struct sk_db *db, const char *parent, int64_t after, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	if (after <= 0)
		return 0;
	rc = sk_q_first(db, &st, err,
	    "SELECT 1 FROM decisions WHERE branch_id=?1 AND decision_seq=?2 "
	    "AND state='acked'",
	    "ti", parent, after);
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		sk_q_end(st);
		return 0;
	}
	(void)sk_fail(err, SK_USAGE, "no_such_decision",
	    "branch '%s' has no acknowledged decision %lld", parent,
	    (long long)after);
	return sk_hint(err, "'sk-branch tree' shows the decisions");
}

static int
create(struct sk_db *db, const char *run, const char *parent, int64_t after,
    const struct sk_git *git, struct sk_branch *out, struct sk_arena *a,
    struct sk_err *err)
{
	char newest[SK_BRANCH_LEN], id[SK_BRANCH_LEN];
	struct sk_branch up;
	int rc;

	rc = sk_run_newest(db, run, newest, err);
	if (rc == 0)
		rc = sk_branch_get(
		    db, parent[0] != '\0' ? parent : newest, &up, a, err);
	if (rc != 0)
		return rc;
	if (strcmp(up.run, run) != 0)
		return sk_fail(err, SK_USAGE, "wrong_branch",
		    "run '%s' has no branch '%s'", run, parent);
	sk_branch_name(id, up.spec);
	rc = check_fork(db, up.id, after, err);
	if (rc == 0)
		rc = sk_branch_insert(db, id, run, up.id, after, git, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE runs SET branch_id=?2 WHERE run_id=?1", "tt", run,
		    id);
	if (rc == 0)
		rc = sk_journal(db, "branch", run, id, 0, up.id, 0, err);
	SK_WHERE(db, "branch");
	return rc != 0 ? rc : sk_branch_get(db, id, out, a, err);
}

int
sk_branch_create(struct sk_db *db, const char *run, const char *parent,
    int64_t after, const struct sk_git *git, struct sk_branch *out,
    struct sk_arena *a, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = create(
	    db, run, parent != NULL ? parent : "", after, git, out, a, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- lists ---- */

/* There is something left to do in it, and nobody is doing it. */
static bool
can_go_on(const struct sk_branch *b)
{
	return strcmp(b->state, "done") != 0 &&
	       strcmp(b->state, "cancelled") != 0 &&
	       strcmp(b->state, "running") != 0;
}

static int
count_of(struct sk_db *db, const char *spec, size_t *n, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = sk_q_first(db, &st, err,
	    "SELECT count(*)FROM branches JOIN runs r USING(run_id)"
	    "WHERE ?1 IS NULL OR r.spec_id=?1",
	    "e", spec);
	if (rc <= 0)
		return -rc;
	*n = (size_t)sk_col_int(st, 0);
	sk_q_end(st);
	return 0;
}

/* Which, in which order. "" asks for those that were made without a git
 * branch. */
#define WANTED \
	"WHERE(?1 IS NULL OR r.spec_id=?1)AND(?2 IS NULL OR b.run_id=?2)" \
	"AND(?3 IS NULL OR ifnull(b.git_branch,'')=?3)" \
	"AND(?4 IS NULL OR coalesce(b.root,r.root)=?4)" \
	"ORDER BY b.active_at DESC,b.created_at DESC,b.branch_id DESC "

static bool
wanted(const struct sk_branch *b, const struct sk_branch_filter *f)
{
	return (f->state == NULL || strcmp(f->state, b->state) == 0) &&
	       (!f->open || can_go_on(b));
}

/* One after the other: how the rest stands is not looked up. */
static int
few(struct sk_db *db, const struct sk_branch_filter *f, struct sk_branch **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_branch *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc = 0;

	st = sk_q(db, err,
	    "SELECT b.branch_id FROM branches b JOIN runs r "
	    "USING(run_id)" WANTED,
	    "eete", f->spec, f->run, f->git_branch, f->root);
	if (st == NULL)
		return err->exit;
	while ((f->limit == 0 || *n < f->limit) &&
	       (rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		rc = sk_branch_get(db, sk_col_text(st, 0), &v[*n], a, err);
		if (rc != 0) {
			sk_q_end(st);
			return rc;
		}
		*n += wanted(&v[*n], f);
	}
	if (rc == 0) /* (It may have been enough before the end.) */
		sk_q_end(st);
	*out = v;
	return -rc;
}

static int
every(struct sk_db *db, const struct sk_branch_filter *f,
    struct sk_branch **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_branch b, *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    BRANCH_COLS(STANDS) "LEFT JOIN(SELECT branch_id,state,exit,"
				"max(position)FROM stages GROUP BY "
				"branch_id)s USING(branch_id)" WANTED,
	    "eete", f->spec, f->run, f->git_branch, f->root);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		memset(&b, 0, sizeof(b));
		take(st, &b, a);
		if ((f->limit != 0 && *n == f->limit) || !wanted(&b, f))
			continue;
		SK_GROW(a, v, *n, cap);
		v[(*n)++] = b;
	}
	*out = v;
	return -rc;
}

int
sk_branch_list(struct sk_db *db, const struct sk_branch_filter *f,
    struct sk_branch **out, size_t *n, size_t *left_out, struct sk_arena *a,
    struct sk_err *err)
{
	bool alone = f->spec != NULL || f->run != NULL ||
	             (f->limit != 0 && f->state == NULL && !f->open);
	size_t all = 0;
	int rc;

	*out = NULL;
	*n = 0;
	*left_out = 0;
	rc = count_of(db, f->spec, &all, err);
	if (rc == 0)
		rc = alone ? few(db, f, out, n, a, err)
		           : every(db, f, out, n, a, err);
	*left_out = all > *n ? all - *n : 0;
	return rc;
}

int
sk_branch_names(struct sk_db *db,
    void (*fn)(void *arg, const char *branch, const char *spec), void *arg,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT b.branch_id,r.spec_id FROM branches b JOIN runs r "
	    "USING(run_id)ORDER BY b.active_at DESC,b.branch_id DESC",
	    "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0)
		fn(arg, sk_col_text(st, 0), sk_col_text(st, 1));
	return -rc;
}
