/* SPDX-License-Identifier: MIT */
/* What the verbs of sk-metrics stand on. */
#ifndef SK_METRICS_VERBS_H
#define SK_METRICS_VERBS_H

#include "cli/cli.h"
#include "metrics/internal.h"

/* What most verbs stand on. */
struct sk_mbase {
	struct sk_db *db;
	struct sk_config conf;
	bool loaded;
	struct sk_meter meter;
	struct sk_arena arena;
};
int sk_mbase_open(
    struct sk_ctx *ctx, struct sk_mbase *b, unsigned flags, struct sk_err *err);
void sk_mbase_close(struct sk_mbase *b);
/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
int sk_mbase_names(struct sk_metrics_opts *o, struct sk_err *err);
/* The run that is meant: named, of the specification, or the newest here. */
int
sk_mbase_run(struct sk_mbase *b, struct sk_metrics_opts *o, struct sk_err *err);
int sk_mbase_load(struct sk_mbase *b, const struct sk_metrics_opts *o,
    struct sk_figures *f, struct sk_err *err);

#endif
