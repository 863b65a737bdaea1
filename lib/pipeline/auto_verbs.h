/* SPDX-License-Identifier: MIT */
/* pipeline/auto_verbs: the verbs of sk-auto; their tables are its own. */
#ifndef SK_PIPELINE_AUTO_VERBS_H
#define SK_PIPELINE_AUTO_VERBS_H

#include "cli/cli.h"
#include "pipeline/land.h"
#include "pipeline/pipeline.h"

struct sk_prompt_opts {
	struct sk_auto_opts common;
	const char *stage, *answers;
};
struct sk_status_opts {
	struct sk_auto_opts common;
	int64_t stale_hours; /* status */
	int64_t every; /* watch, ms */
};
struct sk_gate_opts {
	struct sk_auto_opts common;
	const char *stage;
	bool begin, skip;
};
struct sk_end_opts {
	struct sk_auto_opts common;
	const char *stage;
	int64_t exit;
};
struct sk_answer_opts {
	struct sk_auto_opts common;
	bool list, resume;
};

/* Loads the configuration, finds the specification that the first operand
 * names, opens the database, and calls fn. */
int sk_auto_with(struct sk_ctx *ctx, const struct sk_auto_opts *opts,
    unsigned db_flags,
    int (*fn)(struct sk_auto *a, void *arg, struct sk_err *err), void *arg,
    struct sk_err *err);

int sk_averb_run(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_step(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_resume(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_cancel(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_next(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_prompt(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_artefact(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_status(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_diff(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_apply(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_undo(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_watch(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_report(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_env(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_check(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_gate(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_end(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_answer(struct sk_ctx *ctx, struct sk_err *err);

#endif
