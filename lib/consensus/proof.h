/* SPDX-License-Identifier: MIT */
/* What proving and judging from evidence share. */
#ifndef SK_CONSENSUS_PROOF_H
#define SK_CONSENSUS_PROOF_H

#include "consensus/decide.h"

/* A case that was read back from a verdict; strings are those of the document.
 * Answers have no text yet. */
struct sk_recase {
	struct sk_case c;
	struct sk_policy policy;
	struct sk_strv expect, require;
	struct sk_input *inputs; /* those of c */
};
int sk_recase(struct sk_recase *r, struct sk_arena *a, const struct sk_jv *doc,
    struct sk_err *err);
void sk_recase_free(struct sk_recase *r);

#endif
