/* SPDX-License-Identifier: MIT */
/*
 * pipeline/branch: git facts of a project, and branches of its runs.
 *
 * Promises: where we are is read from git's files, in a fraction of a
 * millisecond; only what is laid out in an unusual way is asked of git, by
 * argv, without our GIT_* variables, for at most a few seconds. Whatever is not
 * known (no git, no repository, no commit,
 * detached HEAD) is an empty field, never an error.
 *
 * Ownership: what is filled here lives in the arena that was passed.
 */
#ifndef SK_PIPELINE_BRANCH_H
#define SK_PIPELINE_BRANCH_H

#include "config/config.h"
#include "core/core.h"
#include "store/store.h"
#include "json/json.h"

/* ---- git (git.c, git_read.c) ---- */

/* Facts of the repository that dir is in; root is its top, NULL without one. */
int sk_git_facts(const char *dir, struct sk_git *git, struct sk_arena *a,
    struct sk_err *err);
/* The same for the configured project, with root as the project's root: what a
 * run records. */
int sk_project_git(const struct sk_config *c, struct sk_git *git,
    struct sk_arena *a, struct sk_err *err);

/* Whether the repository that dir is in has this branch; false when that cannot
 * be told. */
bool sk_git_has_branch(const char *dir, const char *branch, bool *has);

/* Changes below dir that git does not know yet, each "XY PATH", at most 1,000;
 * *known false when git could not say. */
void sk_git_changes(const char *dir, struct sk_strv *out, bool *known);

/* ---- branches (branch.c) ---- */

/* What `sk-branch new` was asked for; NULL = not said. */
struct sk_branch_ask {
	const char *run, *spec, *parent;
};
/*
 * A new branch below parent, else below the newest of the run; a run that is
 * not there yet is made, which needs a spec, and its root branch is the answer.
 * Without a run: the parent's, else SK_RUN, else a new one. One transaction.
 */
int sk_branch_make(struct sk_db *db, const struct sk_branch_ask *ask,
    const struct sk_git *git, struct sk_branch *out, struct sk_arena *a,
    struct sk_err *err);
/*
 * What belongs to this place: the project's root and the git branch that is
 * checked out. A detached HEAD is no branch and sees what was made without one.
 */
void sk_branch_here(
    struct sk_branch_filter *f, const struct sk_git *git, const char *spec);
/* One sk.branch/1 object. */
void sk_branch_write(struct sk_jw *w, const struct sk_branch *b);

#endif
