/* SPDX-License-Identifier: MIT */
/*
 * pipeline/skip: stages that are left out when a condition holds.
 *
 * Promises: a condition is looked at when the stage would begin, and what was
 * decided is recorded in the same moment and stays for the run. What cannot be
 * looked at leaves nothing out: the stage runs, and a warning says why.
 */
#ifndef SK_PIPELINE_SKIP_H
#define SK_PIPELINE_SKIP_H

#include "pipeline/pipeline.h"

/* ---- the decision (skip.c) ---- */

/* When the stage will be left out, for who looks ahead: "when the tree has no
 * tests", malloc'd; NULL = never. *always (may be NULL) = whatever comes. */
char *
sk_skip_may(const struct sk_auto *a, const struct sk_stage *st, bool *always);
/* How many files match what files_below counts, as the tree is now, and no more
 * than it wants; -1 = another condition, or it cannot be told. */
int64_t sk_skip_matches(const struct sk_auto *a, const struct sk_stage *st);
/*
 * Is the stage of s left out of the run in hand? *out is set, and s->status is
 * "skipped" with a reason. A stage that has begun in this run is not left out
 * any more, one that was left out stays so. The caller drives the run.
 */
int sk_skip_decide(
    struct sk_auto *a, struct sk_step *s, bool *out, struct sk_err *err);
/* Is this the row of a stage that was left out? */
bool sk_skip_row(const struct sk_stage_row *r);
/* The reason that is recorded of a stage; NULL = it was not left out, or that
 * is not known. In the arena of a. */
const char *sk_skip_recorded(struct sk_auto *a, const struct sk_stage *st);

/* ---- files (skip_files.c) ---- */

typedef bool sk_file_fn(void *arg, const char *path); /* true = enough */
/* Each file below root by its path from there: what git knows of or would add,
 * and without a repository what is there, through no links and into no
 * directory that begins with a dot. */
int
sk_skip_files(const char *root, sk_file_fn *fn, void *arg, struct sk_err *err);
/* '*' is any text, '/' too, as in git; '?' is one byte. */
bool sk_skip_glob(const char *pattern, const char *path);
/* Does it look like a test? See sk-auto(1). */
bool sk_skip_is_test(const char *path);

#endif
