/* SPDX-License-Identifier: MIT */
/* Runs. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

int
sk_run_row(
    struct sk_db *db, sqlite3_stmt **st, const char *run, struct sk_err *err)
{
	return sk_q_first(db, st, err,
	    "SELECT branch_id,spec_id,root,state FROM runs WHERE run_id=?1",
	    "t", run);
}

bool
sk_run_closed(const char *state)
{
	return strcmp(state, "stopped") == 0 || strcmp(state, "cancelled") == 0;
}

int
sk_no_run(const char *run, struct sk_err *err)
{
	(void)sk_fail(
	    err, SK_USAGE, "no_such_run", "there is no run '%s'", run);
	return sk_hint(err, "'sk-branch list --all' shows the runs");
}

int
sk_run_newest(struct sk_db *db, const char *run, char branch[SK_BRANCH_LEN],
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = sk_run_row(db, &st, run, err);
	if (rc <= 0)
		return rc < 0 ? -rc : sk_no_run(run, err);
	sk_col_copy(st, SK_RUN_BRANCH, branch, SK_BRANCH_LEN);
	sk_q_end(st);
	return 0;
}

/* ---- make sure that a run is there ---- */

static int
check_names(
    const char *run, const char *branch, const char *spec, struct sk_err *err)
{
	const char *bad = NULL;

	if (run[0] != '\0' && !sk_ident_ok(run))
		bad = run;
	else if (branch[0] != '\0' && !sk_branch_id_ok(branch))
		bad = branch;
	else if (spec[0] != '\0' && !sk_ident_ok(spec))
		bad = spec;
	if (bad == NULL)
		return 0;
	(void)sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not an identifier", bad);
	return sk_hint(err, "letters, digits, '.', '_' and '-', at most 64, "
			    "beginning with a letter or digit");
}

/* What is known of one side only does not disagree. */
static int
mismatch(struct sk_err *err, const char *run, const char *what, const char *has,
    const char *given)
{
	if (has == NULL || has[0] == '\0' || given == NULL ||
	    given[0] == '\0' || strcmp(has, given) == 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "run_mismatch",
	    "run '%s' belongs to %s '%s', not '%s'", run, what, has, given);
	return sk_hint(err, "start another run, or leave --run and SK_RUN out");
}

static int
branch_of_run(struct sk_db *db, const char *run, const char *branch,
    bool *found, struct sk_err *err)
{
	char owner[SK_RUN_LEN];
	sqlite3_stmt *st;
	int rc;

	*found = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT run_id FROM branches WHERE branch_id=?1", "t", branch);
	if (rc <= 0)
		return -rc;
	SK_COL(st, 0, owner);
	sk_q_end(st);
	*found = strcmp(owner, run) == 0;
	return 0;
}

/* *found: the run is there, agrees, and branch is filled. */
static int
look_up(struct sk_db *db, const char *run, char branch[SK_BRANCH_LEN],
    const char *spec, const char *root, bool *found, struct sk_err *err)
{
	char newest[SK_BRANCH_LEN];
	bool mine = true;
	sqlite3_stmt *st;
	int rc;

	*found = false;
	rc = sk_run_row(db, &st, run, err);
	if (rc <= 0)
		return -rc;
	SK_COL(st, SK_RUN_BRANCH, newest);
	rc = mismatch(err, run, "spec", sk_col_text(st, SK_RUN_SPEC), spec);
	if (rc == 0)
		rc = mismatch(
		    err, run, "project", sk_col_text(st, SK_RUN_ROOT), root);
	sk_q_end(st);
	if (rc == 0 && branch[0] == '\0')
		(void)snprintf(branch, SK_BRANCH_LEN, "%s", newest);
	else if (rc == 0 && strcmp(branch, newest) != 0)
		rc = branch_of_run(db, run, branch, &mine, err);
	if (rc == 0 && !mine) {
		(void)sk_fail(err, SK_USAGE, "wrong_branch",
		    "run '%s' has no branch '%s'", run, branch);
		rc = sk_hint(err, "'sk-branch list' shows the branches");
	}
	*found = rc == 0;
	return rc;
}

static int
insert(struct sk_db *db, const char *run, const char *branch, const char *spec,
    const struct sk_git *git, struct sk_err *err)
{
	const char *root = git != NULL ? git->root : NULL;
	int64_t now = sk_now_ms();
	int rc;

	rc = sk_q_run(db, err,
	    "INSERT INTO runs(run_id,spec_id,root,branch_id,created_at)"
	    "VALUES(?1,?2,?3,?4,?5)",
	    "tteti", run, spec, root, branch, now);
	if (rc == 0)
		rc = sk_branch_insert(db, branch, run, NULL, 0, git, err);
	if (rc == 0)
		rc = sk_journal(db, "run", run, branch, 0, spec, 0, err);
	SK_WHERE(db, "run");
	return rc;
}

/* In a transaction. */
static int
create(struct sk_db *db, char run[SK_RUN_LEN], char branch[SK_BRANCH_LEN],
    const char *spec, const struct sk_git *git, struct sk_err *err)
{
	bool found = false;
	int rc;

	if (run[0] == '\0') {
		char id[SK_ID_LEN];

		sk_id_new(id);
		(void)snprintf(run, SK_RUN_LEN, "%s", id);
	} else {
		/* Somebody may have been faster. */
		rc = look_up(db, run, branch, spec,
		    git != NULL ? git->root : NULL, &found, err);
		if (rc != 0 || found)
			return rc;
	}
	if (branch[0] == '\0') {
		sk_branch_name(branch, spec);
	} else {
		rc = sk_branch_taken(db, branch, &found, err);
		if (rc != 0)
			return rc;
		if (found) {
			(void)sk_fail(err, SK_USAGE, "wrong_branch",
			    "branch '%s' belongs to another run than '%s'",
			    branch, run);
			return sk_hint(
			    err, "'sk-branch show %s' says which", branch);
		}
	}
	return insert(db, run, branch, spec, git, err);
}

int
sk_run_ensure(struct sk_db *db, char run[SK_RUN_LEN],
    char branch[SK_BRANCH_LEN], const char *spec, const struct sk_git *git,
    struct sk_err *err)
{
	bool found = false, own;
	int rc;

	if (spec == NULL)
		spec = "";
	rc = check_names(run, branch, spec, err);
	if (rc != 0)
		return rc;
	if (run[0] != '\0') {
		rc = look_up(db, run, branch, spec,
		    git != NULL ? git->root : NULL, &found, err);
		if (rc != 0 || found)
			return rc;
	}
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = create(db, run, branch, spec, git, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- looking ---- */

static int
take_run(struct sk_db *db, sqlite3_stmt *st, struct sk_run *out, bool *found,
    struct sk_arena *a, struct sk_err *err)
{
	int rc;

	memset(out, 0, sizeof(*out));
	*found = false;
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	*found = true;
	SK_COL(st, 0, out->id);
	SK_COL(st, 1, out->branch);
	SK_COL(st, 2, out->spec);
	SK_COL(st, 3, out->state);
	out->root = sk_col_dup(st, 4, a);
	out->created_ms = sk_col_int(st, 5);
	out->active_ms = sk_col_int(st, 6);
	out->goal = sk_col_dup(st, 7, a);
	sk_q_end(st);
	return 0;
}

#define RUN_COLS \
	"SELECT r.run_id,r.branch_id,r.spec_id,r.state,r.root,r.created_at," \
	"(SELECT max(b.active_at)FROM branches b " \
	"WHERE b.run_id=r.run_id),r.goal " \
	"FROM runs r "

int
sk_run_get(struct sk_db *db, const char *run, struct sk_run *out, bool *found,
    struct sk_arena *a, struct sk_err *err)
{
	return take_run(db, sk_q(db, err, RUN_COLS "WHERE run_id=?1", "t", run),
	    out, found, a, err);
}

int
sk_run_latest(struct sk_db *db, const char *spec, const char *root,
    struct sk_run *out, bool *found, struct sk_arena *a, struct sk_err *err)
{
	return take_run(db,
	    sk_q(db, err,
		RUN_COLS "WHERE spec_id=?1 AND(?2 IS NULL OR root=?2)"
			 "ORDER BY created_at DESC,run_id DESC LIMIT 1",
		"te", spec, root),
	    out, found, a, err);
}

int
sk_run_state(struct sk_db *db, const char *run, const char *state,
    int64_t epoch, struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_epoch_check(db, run, epoch, err);
	/* Nothing but a cancellation follows a stop. */
	if (rc == 0 && strcmp(state, "cancelled") != 0)
		rc = sk_run_open(db, run, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE runs SET state=?2 WHERE run_id=?1", "tt", run,
		    state);
	if (rc == 0 && sk_q_changes(db) == 0)
		rc = sk_no_run(run, err);
	if (rc == 0)
		rc = sk_journal(db, "state", run, NULL, 0, state, epoch, err);
	SK_WHERE(db, "state");
	return sk_tx_leave(db, own, rc, err);
}
