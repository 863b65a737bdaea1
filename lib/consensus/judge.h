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
	size_t total; /* weight of the expected */
	size_t voted; /* weight of the voters */
	struct sk_strv expected, missing, unexpected, required;
	struct sk_strv spared; /* not asked to the end, not needed */
	struct sk_voter *voters; /* JSON answers, by agent */
	size_t n_voters;
	struct sk_voter *prose; /* answers without JSON, by agent */
	size_t n_prose;
	struct sk_vote vt;
	struct sk_res **res; /* those of vt, by path */
	struct sk_dis **dis;
	struct sk_jv *merged, *reasons;
};
/* case.c: from a case to its voters; the vote and the paths that count. */
void sk_judge_open(
    struct sk_judge *j, const struct sk_case *c, struct sk_verdict *v);
void sk_judge_vote(struct sk_judge *j);
void sk_judge_close(struct sk_judge *j);
/* NULL: nothing of this agent. */
const struct sk_input *
sk_judge_input(const struct sk_judge *j, const char *agent);
bool sk_input_spared(const struct sk_input *in); /* NULL-safe */
/* Is this agent in one of our lists, which are in order? */
bool sk_judge_listed(const struct sk_strv *sorted, const char *agent);
/* How many voters have a value there. */
size_t sk_judge_supplied(const struct sk_judge *j, const char *path);
/* The hash of everything that the verdict depends on. */
void sk_judge_hash(struct sk_judge *j);
/* The pure part of sk.verdict/1. */
void sk_judge_write(struct sk_judge *j);

#endif
