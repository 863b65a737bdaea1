/* SPDX-License-Identifier: MIT */
/* A case under judgement: what verdict.c fills and verdict_json.c writes. */
#ifndef SK_CONSENSUS_JUDGE_H
#define SK_CONSENSUS_JUDGE_H

#include "consensus/internal.h"

struct sk_judge {
	const struct sk_case *c;
	struct sk_verdict *v;
	size_t quorum;
	const struct sk_input **in; /* by agent, one each */
	size_t n_in;
	struct sk_strv expected, missing, unexpected, required;
	struct sk_voter *voters; /* JSON answers, by agent */
	size_t n_voters;
	struct sk_voter *prose; /* answers without JSON, by agent */
	size_t n_prose;
	struct sk_vote vt;
	struct sk_jv *merged, *reasons;
};
/* The hash of everything that the verdict depends on. */
void sk_judge_hash(struct sk_judge *j);
/* The pure part of sk.verdict/1. */
void sk_judge_write(struct sk_judge *j);

#endif
