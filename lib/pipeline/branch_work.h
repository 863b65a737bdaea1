/* SPDX-License-Identifier: MIT */
/* What the verbs of sk-branch work on; their tables are in cmd/. */
#ifndef SK_PIPELINE_BRANCH_WORK_H
#define SK_PIPELINE_BRANCH_WORK_H

#include "cli/cli.h"
#include "pipeline/branch.h"

/* Every option of every verb; a verb looks at its own. */
struct sk_branch_opts {
	struct sk_branch_ask ask; /* --run --spec --parent */
	const char *git_branch; /* "-" = made without one */
	const char *root, *state, *stage, *after;
	int64_t limit, at, older;
	bool all, last, exact, remove;
};
struct sk_branch_work {
	struct sk_ctx *ctx;
	const struct sk_branch_opts *o;
	struct sk_config conf;
	struct sk_git git; /* where we are */
	struct sk_db *db; /* NULL: there is no database yet */
	struct sk_arena a;
	struct sk_buf out; /* printed when the verb succeeds */
};
typedef int (*sk_branch_verb)(struct sk_branch_work *w, struct sk_err *err);

/* Loads the configuration, opens the database (absent is NULL unless flags say
 * SK_DB_CREATE), runs the verb. */
int sk_branch_with(
    struct sk_ctx *ctx, unsigned flags, sk_branch_verb fn, struct sk_err *err);

/* The branch that a word names: its id, or the only one whose id, time or
 * unique part begins with the word. SK_USAGE "no_such_branch", or
 * "ambiguous_branch" with the candidates. */
int sk_branch_resolve(struct sk_branch_work *w, const char *word,
    struct sk_branch *out, struct sk_err *err);
/* What the options of list and resume select. */
int sk_branch_filter_of(
    struct sk_branch_work *w, struct sk_branch_filter *f, struct sk_err *err);
/* The decisions that a branch sees, its own last, stage NULL = of all. */
int sk_branch_decisions(struct sk_branch_work *w, const struct sk_branch *b,
    const char *stage, struct sk_decision **out, size_t *n, struct sk_err *err);

int sk_bverb_new(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_fork(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_current(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_list(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_show(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_tree(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_replay(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_filter(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_diff(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_resume(struct sk_branch_work *w, struct sk_err *err);
int sk_bverb_prune(struct sk_branch_work *w, struct sk_err *err);

#endif
