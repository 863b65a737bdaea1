/* SPDX-License-Identifier: MIT */
/*
 * pipeline/context: the data of a prompt, within a budget.
 *
 * Promises: nothing is left out silently: each text that was cut says how much
 * of it is missing, and a line above all of them says so once more. The
 * specification is the last to be cut.
 *
 * Ownership: texts are copied and live until sk_context_free().
 */
#ifndef SK_PIPELINE_CONTEXT_H
#define SK_PIPELINE_CONTEXT_H

#include "core/core.h"
#include "json/json.h"

/* In the order in which they are cut. */
enum sk_context_kind {
	SK_CTX_EARLIER, /* what earlier stages came to: the oldest first */
	SK_CTX_EXTRA, /* files beside the specification: the longest first */
	SK_CTX_ANSWER, /* answers of this stage so far: the longest first */
	SK_CTX_GOAL,
	SK_CTX_SPEC
};
struct sk_context_text {
	enum sk_context_kind kind;
	char name[80]; /* "plan.json" */
	char *p;
	size_t n, shown; /* bytes; shown <= n */
};
struct sk_context {
	struct sk_context_text *v;
	size_t n, cap;
	size_t budget; /* bytes of all texts together */
};
/* In the order in which they are to be shown. */
void sk_context_add(struct sk_context *c, enum sk_context_kind kind,
    const char *name, const char *p, size_t n);
/* Decides how much of each is shown. */
void sk_context_fit(struct sk_context *c);
/* Each between lines that hold mark, which no text can know. */
void sk_context_write(
    const struct sk_context *c, const char *mark, struct sk_buf *out);
/* [{"name":…,"bytes":…,"shown":…}] of what was cut; NULL = nothing was. */
struct sk_jv *
sk_context_left_out(const struct sk_context *c, struct sk_arena *a);
void sk_context_free(struct sk_context *c);

#endif
