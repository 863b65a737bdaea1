/* SPDX-License-Identifier: MIT */
/* Branches as the tools speak of them: new ones, those here, records. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/branch.h"

static int
check_ids(const struct sk_branch_ask *q, struct sk_err *err)
{
	int rc = sk_check_name("a run", q->run, sk_ident_ok, err);

	if (rc == 0)
		rc =
		    sk_check_name("a specification", q->spec, sk_ident_ok, err);
	return rc != 0
	           ? rc
	           : sk_check_name("a branch", q->parent, sk_branch_id_ok, err);
}

/* --run, else the parent's, else SK_RUN, else "" = a new one. */
static int
choose_run(struct sk_db *db, const struct sk_branch_ask *q,
    char run[SK_RUN_LEN], struct sk_arena *a, struct sk_err *err)
{
	const char *name = q->run, *env = getenv("SK_RUN");
	struct sk_branch up;
	int rc;

	if (name == NULL && q->parent != NULL) {
		rc = sk_branch_get(db, q->parent, &up, a, err);
		if (rc != 0)
			return rc;
		name = up.run;
	} else if (name == NULL && env != NULL && env[0] != '\0') {
		rc = sk_check_name("a run (SK_RUN)", env, sk_ident_ok, err);
		if (rc != 0)
			return rc;
		name = env;
	}
	(void)snprintf(run, SK_RUN_LEN, "%s", name != NULL ? name : "");
	return 0;
}

static int
make(struct sk_db *db, const struct sk_branch_ask *q, const struct sk_git *git,
    struct sk_branch *out, struct sk_arena *a, struct sk_err *err)
{
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN] = "";
	struct sk_run there;
	bool found = false;
	int rc;

	rc = choose_run(db, q, run, a, err);
	if (rc == 0 && run[0] != '\0')
		rc = sk_run_get(db, run, &there, &found, a, err);
	if (rc != 0)
		return rc;
	if (!found && q->spec == NULL) {
		if (run[0] != '\0')
			(void)sk_fail(err, SK_USAGE, "no_such_run",
			    "there is no run '%s'", run);
		else
			(void)sk_fail(err, SK_USAGE, "no_spec",
			    "neither a run nor a specification is named");
		return sk_hint(err, "--spec SPEC makes a new run, --run RUN "
				    "names one that exists");
	}
	/* This also holds the run against the project and the spec. */
	rc = sk_run_ensure(
	    db, run, branch, q->spec != NULL ? q->spec : "", git, err);
	if (rc != 0)
		return rc;
	if (!found)
		return sk_branch_get(db, branch, out, a, err);
	return sk_branch_create(db, run, q->parent != NULL ? q->parent : "",
	    SK_FORK_NEWEST, git, out, a, err);
}

int
sk_branch_make(struct sk_db *db, const struct sk_branch_ask *q,
    const struct sk_git *git, struct sk_branch *out, struct sk_arena *a,
    struct sk_err *err)
{
	int rc = check_ids(q, err);

	if (rc == 0)
		rc = sk_db_begin(db, err);
	if (rc != 0)
		return rc;
	rc = make(db, q, git, out, a, err);
	if (rc == 0)
		return sk_db_commit(db, err);
	sk_db_rollback(db);
	return rc;
}

void
sk_branch_here(
    struct sk_branch_filter *f, const struct sk_git *git, const char *spec)
{
	memset(f, 0, sizeof(*f));
	f->spec = spec;
	f->root = git->root;
	f->git_branch = git->branch;
}

void
sk_branch_write(struct sk_jw *w, const struct sk_branch *b)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "schema", "sk.branch/1");
	sk_jw_kstr(w, "branch", b->id);
	sk_jw_kword(w, "parent", b->parent);
	sk_jw_kstr(w, "run", b->run);
	sk_jw_kword(w, "spec", b->spec);
	sk_jw_kword(w, "root", b->root);
	sk_jw_kobj(w, "git");
	sk_jw_kword(w, "branch", b->git_branch);
	sk_jw_kword(w, "head", b->git_head);
	sk_jw_end(w);
	sk_jw_ktime(w, "created_at", b->created_ms);
	sk_jw_ktime(w, "active_at", b->active_ms);
	sk_jw_kint(w, "decisions", b->decisions);
	sk_jw_kint(w, "fork", b->fork);
	sk_jw_kstr(w, "state", b->state);
	sk_jw_end(w);
}
