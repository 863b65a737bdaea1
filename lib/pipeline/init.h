/* SPDX-License-Identifier: MIT */
/* The verb `init` of sk-auto: its options, and itself. */
#ifndef SK_PIPELINE_INIT_H
#define SK_PIPELINE_INIT_H

#include "cli/cli.h"
#include "pipeline/pipeline.h"

struct sk_init_opts {
	struct sk_strv agents;
	const char *ci; /* github, gitlab, none; NULL = not said */
};
/* Writes what is not there: .sk/config.toml, docs/<SPEC>/spec.md, a CI job.
 * Asks on a terminal for what no option says. */
int sk_auto_init(struct sk_ctx *ctx, struct sk_err *err);

#endif
