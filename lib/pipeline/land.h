/* SPDX-License-Identifier: MIT */
/*
 * pipeline/land: agents' work from their git work trees into the project's.
 *
 * Promises: a diff is data of somebody we do not trust. It is applied to a copy
 * of the index in a private directory, by git, and what came out of that is
 * looked at before a file is touched: paths inside of the project, plain files
 * only, nothing of git's own or ours. The row that says what each file was and
 * is to become is committed before the first file is written, files change by
 * rename, and so a landing that was cut off can be finished or taken back.
 *
 * Ownership: what is filled here lives in the arena that was passed.
 */
#ifndef SK_PIPELINE_LAND_H
#define SK_PIPELINE_LAND_H

#include "core/core.h"
#include "pipeline/pipeline.h"

/* ---- reading a diff (land_patch.c) ---- */

struct sk_patch_file {
	char *path; /* as the diff has it, without a/ and b/ */
	size_t added, removed; /* lines */
	bool binary, is_new, is_gone;
};
struct sk_patch {
	struct sk_patch_file *v;
	size_t n, added, removed;
	uint64_t *lines; /* hashes of path, sign and text; sorted, unique */
	size_t n_lines;
};
/* What git diff printed, for counting and comparing only: linear, and whatever
 * the text is, it is never an error. */
void sk_patch_read(
    struct sk_patch *p, const char *text, size_t n, struct sk_arena *a);
/* Jaccard of the changed lines, in thousandths; two empty ones are the same. */
unsigned sk_patch_likeness(const struct sk_patch *x, const struct sk_patch *y);

/* ---- who did what (land_pick.c) ---- */

struct sk_cand {
	const struct sk_stored *answer;
	const char *agent, *diff, *base; /* diff NULL = no work tree */
	size_t n; /* of diff */
	char sha256[SK_SHA256_LEN]; /* of diff */
	struct sk_patch patch;
	size_t group; /* index of the first one that did exactly this */
	unsigned likeness; /* mean to the others that did something */
};
struct sk_cands {
	struct sk_cand *v;
	size_t n; /* everybody who was asked */
	size_t diffs; /* who worked in a tree */
	size_t works; /* who changed something there */
	int64_t round;
	const struct sk_stage *stage;
};
/* The newest round of a stage (NULL: the newest stage with work trees, else
 * implement); SK_NEGATIVE "no_diffs" when nobody worked in a tree. */
int sk_cands_load(struct sk_auto *a, const struct sk_stage *stage,
    struct sk_cands *c, struct sk_err *err);
/* The one that a rule chooses ("agreed", "medoid"), or the agent named; NULL
 * and SK_NEGATIVE "no_choice" with what a person can do. */
int sk_cands_pick(struct sk_auto *a, const struct sk_cands *c, const char *rule,
    const char *agent, const struct sk_cand **out, struct sk_err *err);
/* Did anybody's work of this run wait to be applied? *stage = of which. */
int sk_land_waiting(struct sk_auto *a, const char **stage, struct sk_err *err);

/* ---- what it would change (land_git.c, land_plan.c) ---- */

struct sk_land_side {
	bool there, exec;
	unsigned mode; /* of the file; what git keeps of it is exec */
	char sha256[SK_SHA256_LEN];
	const char *p; /* the bytes, when they are known */
	size_t n;
};
struct sk_land_file {
	char *path; /* below the top of the work tree */
	struct sk_land_side before, after;
};
struct sk_land_plan {
	char *top; /* of the work tree */
	struct sk_land_file *v;
	size_t n;
	struct sk_strv made; /* directories that are not there yet */
};
struct sk_land_limits {
	int64_t files, bytes;
	bool binary;
};
/* Everything is checked and read; nothing of the project is touched. */
int sk_land_plan(struct sk_land_plan *p, const char *root, const char *base,
    const char *diff, size_t n, const struct sk_land_limits *lim,
    struct sk_arena *a, struct sk_err *err);
/* The plan of a row, with the bytes of before read from base. */
int sk_land_replan(struct sk_land_plan *p, const struct sk_landing *l,
    struct sk_arena *a, struct sk_err *err);
void sk_land_plan_json(const struct sk_land_plan *p, struct sk_buf *b);

/* ---- doing it (land_tree.c) ---- */

/* Every file to after (or back to before), in an order in which each can be.
 * Each must be one of the two: SK_ORDER "changed_since" names those that are
 * neither, and then nothing was touched. Safe to repeat. */
int sk_land_go(
    const struct sk_land_plan *p, bool back, int64_t id, struct sk_err *err);

/* ---- the verbs (land.c, land_show.c) ---- */

struct sk_land_opts {
	struct sk_auto_opts common;
	const char *agent; /* diff: the patch of this one */
	const char *output; /* and into this file */
	const char *from, *choose, *stage;
	bool none, dry_run, binary;
};
int sk_auto_diff(struct sk_auto *a, const char *stage,
    const struct sk_land_opts *o, struct sk_err *err);
int sk_auto_apply(
    struct sk_auto *a, const struct sk_land_opts *o, struct sk_err *err);
int sk_auto_undo(
    struct sk_auto *a, const struct sk_land_opts *o, struct sk_err *err);
/* After a stage: what the configuration says is to be done with its work. The
 * run goes on whatever comes of it; what waits is a guardrail's matter. */
int
sk_land_auto(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err);
/* Do agents of this stage get work trees? */
bool sk_land_trees(const struct sk_auto *a, const struct sk_stage *st);

#endif
