/* SPDX-License-Identifier: MIT */
/* pipeline/keep_verbs: the verbs of sk-auto that keep, move and tidy. */
#ifndef SK_PIPELINE_KEEP_VERBS_H
#define SK_PIPELINE_KEEP_VERBS_H

#include "cli/cli.h"
#include "pipeline/bundle.h"
#include "pipeline/keep.h"

int sk_averb_export(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_import(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_evidence(struct sk_ctx *ctx, struct sk_err *err);
int sk_averb_db(struct sk_ctx *ctx, struct sk_err *err);

#endif
