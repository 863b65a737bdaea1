/* SPDX-License-Identifier: MIT */
/*
 * pipeline/watch: how a run stands at this moment, for the live view.
 *
 * Promises: looking changes nothing and holds nothing: a run can be watched by
 * anybody, from any terminal, without slowing it down.
 */
#ifndef SK_PIPELINE_WATCH_H
#define SK_PIPELINE_WATCH_H

#include "cli/cli.h"
#include "metrics/metrics.h"
#include "pipeline/pipeline.h"

/* One agent of the newest stage. */
struct sk_watch_agent {
	const char *name;
	const char *state; /* "waiting", "running", "answered", "failed" */
	const char *kind; /* of a failure, or NULL */
	int64_t since_ms, ms; /* began; took, 0 = not ended */
	int64_t attempt;
};
struct sk_watched {
	struct sk_arena arena;
	struct sk_run run;
	struct sk_lease lease;
	bool alive; /* somebody drives it */
	struct sk_stage_row *rows;
	size_t nrows;
	const struct sk_stage_row *now; /* the stage that began last, or NULL */
	struct sk_watch_agent *agents;
	size_t n, answered;
	struct sk_figures figures;
};
/* Nobody works on it any more; *exit is what its end came to. */
bool sk_watched_over(const struct sk_watched *w, int *exit);

/* watch_show.c: a picture of several lines, cols wide */
void sk_watch_picture(struct sk_buf *b, const struct sk_auto *a,
    const struct sk_watched *w, size_t cols);
/* What differs from the picture before (NULL: nothing was seen yet), a line for
 * each, as text or as sk.event/1. */
void sk_watch_changes(struct sk_buf *b, const struct sk_auto *a,
    const struct sk_watched *was, const struct sk_watched *w);

/* The verb `watch`. */
int sk_auto_watch(struct sk_auto *a, int64_t every_ms, struct sk_err *err);
/* The specification of this project's newest activity, for verbs without one;
 * malloc'd, NULL when there is none. */
char *sk_watch_newest(struct sk_ctx *ctx);

#endif
