/* SPDX-License-Identifier: MIT */
/* Which run and which branch a verb is about. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/branch.h"
#include "pipeline/pipeline.h"
#include "pipeline/skip.h"

int
sk_auto_needs(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err)
{
	const struct sk_stage *need;
	struct sk_decision d;
	struct sk_buf file;
	bool found;
	char *path;
	int rc;

	if (st->needs == NULL)
		return 0;
	need = sk_stage_find(st->needs);
	rc = sk_decision_seen(a->db, a->branch, a->spec.id, need->name, &d,
	    &found, &a->arena, err);
	if (rc != 0 || (found && strcmp(d.status, "ok") == 0))
		return rc;
	path = sk_asprintf("%s/%s.md", a->spec.dir, need->name);
	sk_buf_init(&file, 0);
	rc = sk_read_file(path, SK_BUF_MAX, &file, err);
	sk_buf_free(&file);
	free(path);
	if (rc == 0)
		return 0;
	(void)sk_fail(err, SK_USAGE, "stage_order",
	    "stage '%s' needs '%s', which has no agreed answer", st->name,
	    need->name);
	/* Going back to it would leave it out again. */
	if (sk_skip_recorded(a, need) != NULL)
		return sk_hint(err,
		    "it was left out: write %s.md beside the specification, "
		    "or sk-auto run %s --only %s",
		    need->name, a->spec.id, need->name);
	return sk_hint(err, "sk-auto run %s --from %s", a->spec.id, need->name);
}

/* The same before anything is done: what an earlier step makes will be there.
 */
static int
check_needs(struct sk_auto *a, const struct sk_step *steps, size_t at,
    struct sk_err *err)
{
	const struct sk_stage *st = steps[at].stage;

	for (size_t i = 0; st->needs != NULL && i < at; i++)
		if (steps[i].stage == sk_stage_find(st->needs))
			return 0;
	return sk_auto_needs(a, st, err);
}

bool
sk_auto_wanted(const struct sk_auto *a, const struct sk_stage *st)
{
	const struct sk_jv *list = sk_config_get(a->conf, "pipeline.stages");

	if (a->opts->skip[st - sk_stages])
		return false;
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jstr(sk_jat(list, i)), st->name))
			return true;
	return list == NULL || a->opts->only != NULL;
}

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

/* The run that was named: by --run, by --branch, by SK_RUN or by SK_BRANCH;
 * NULL when by none. a->branch is filled when a branch was named. */
static int
named(struct sk_auto *a, const char **run, struct sk_err *err)
{
	const char *branch = a->opts->branch;
	struct sk_branch b;
	int rc;

	*run = a->opts->run;
	if (a->opts->fresh)
		return 0;
	if (*run == NULL && branch == NULL)
		*run = env("SK_RUN");
	if (branch == NULL && (*run == NULL || *run == env("SK_RUN")))
		branch = env("SK_BRANCH");
	rc = sk_check_name("a run", *run, sk_ident_ok, err);
	if (rc != 0 || branch == NULL)
		return rc;
	rc = sk_branch_get(a->db, branch, &b, &a->arena, err);
	if (rc == 0 && *run != NULL && strcmp(*run, b.run) != 0)
		rc = sk_fail(err, SK_USAGE, "wrong_branch",
		    "branch '%s' is not of run '%s'", branch, *run);
	if (rc != 0)
		return rc;
	memcpy(a->branch, b.id, sizeof(a->branch));
	*run = sk_arena_strdup(&a->arena, b.run);
	return 0;
}

static int
must_exist(
    struct sk_auto *a, const char *run, struct sk_run *out, struct sk_err *err)
{
	bool found = false;
	int rc;

	rc = sk_run_get(a->db, run, out, &found, &a->arena, err);
	if (rc != 0 || found)
		return rc;
	(void)sk_fail(err, SK_USAGE, "no_such_run",
	    "there is no run '%s' in '%s'", run, sk_db_path(a->db));
	return sk_hint(err, "--db or SK_DB names another database; without "
			    "--run a new run is made");
}

int
sk_auto_look(
    struct sk_auto *a, struct sk_run *run, bool *found, struct sk_err *err)
{
	const char *name = NULL;
	int rc;

	*found = false;
	if (a->db == NULL)
		return 0;
	rc = named(a, &name, err);
	if (rc == 0 && name != NULL) {
		rc = must_exist(a, name, run, err);
		*found = rc == 0;
	} else if (rc == 0) {
		rc = sk_run_latest(a->db, a->spec.id, a->conf->project_root,
		    run, found, &a->arena, err);
	}
	if (rc != 0 || !*found)
		return rc;
	if (strcmp(run->spec, a->spec.id) != 0)
		return sk_fail(err, SK_USAGE, "run_mismatch",
		    "run '%s' is of specification '%s', not '%s'", run->id,
		    run->spec, a->spec.id);
	if (a->goal == NULL)
		a->goal = run->goal;
	memcpy(a->run, run->id, sizeof(a->run));
	if (a->branch[0] == '\0')
		memcpy(a->branch, run->branch, sizeof(a->branch));
	return 0;
}

static int
goal_of(struct sk_auto *a, struct sk_err *err)
{
	struct sk_run run;
	bool found;
	int rc;

	rc = sk_run_get(a->db, a->run, &run, &found, &a->arena, err);
	if (rc == 0 && found)
		a->goal = run.goal;
	return rc;
}

/* The run named, the spec's newest when going on, else a new one. */
int
sk_auto_choose_run(struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_err *err)
{
	struct sk_run latest;
	struct sk_git git;
	bool found = false;
	const char *run;
	int rc;

	rc = named(a, &run, err);
	if (rc == 0 && run != NULL) {
		rc = must_exist(a, run, &latest, err);
		if (rc == 0)
			memcpy(a->run, latest.id, sizeof(a->run));
	} else if (rc == 0 && !a->opts->fresh &&
		   (a->opts->from != NULL || a->opts->only != NULL)) {
		rc = sk_run_latest(a->db, a->spec.id, a->conf->project_root,
		    &latest, &found, &a->arena, err);
		if (rc == 0 && found)
			memcpy(a->run, latest.id, sizeof(a->run));
	}
	if (rc != 0)
		return rc;
	rc = sk_git_facts(a->conf->project_root, &git, &a->arena, err);
	if (rc != 0)
		return rc;
	git.root = a->conf->project_root;
	rc = sk_db_begin(a->db, err);
	if (rc != 0)
		return rc;
	rc = sk_run_ensure(a->db, a->run, a->branch, a->spec.id, &git, err);
	/* What a run is to achieve is said once, and again to change it. */
	if (rc == 0 && a->opts->goal != NULL)
		rc = sk_run_goal(a->db, a->run, a->opts->goal, err);
	else if (rc == 0)
		rc = goal_of(a, err);
	/* A new run that cannot begin leaves no trace. */
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = check_needs(a, steps, i, err);
	if (rc != 0) {
		sk_db_rollback(a->db);
		return rc;
	}
	return sk_db_commit(a->db, err);
}

int
sk_auto_env(struct sk_auto *a, struct sk_err *err)
{
	struct sk_run run;
	struct sk_buf b;
	bool found = false;
	int rc;

	if (a->opts->fresh) {
		rc = sk_auto_choose_run(a, NULL, 0, err);
	} else {
		rc = sk_auto_look(a, &run, &found, err);
		if (rc == 0 && !found) {
			(void)sk_fail(err, SK_NEGATIVE, "no_run",
			    "'%s' has no run yet", a->spec.id);
			return sk_hint(
			    err, "make one: sk-auto env %s --new", a->spec.id);
		}
	}
	if (rc != 0)
		return rc;
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "SK_RUN=");
	sk_shell_quote(&b, a->run);
	sk_buf_str(&b, "\nSK_BRANCH=");
	sk_shell_quote(&b, a->branch);
	sk_buf_str(&b, "\nexport SK_RUN SK_BRANCH\n");
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	return 0;
}
