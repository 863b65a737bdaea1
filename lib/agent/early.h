/* SPDX-License-Identifier: MIT */
/* Stopping early, and what the number of answers comes to. */
#ifndef SK_AGENT_EARLY_H
#define SK_AGENT_EARLY_H

#include "agent/run.h"

/* True once: what is committed decides, the others are not needed. */
bool sk_early_decided(struct sk_fan *r);
/* Stopped because nothing that it says would matter. */
bool sk_early_excused(const struct sk_answer *a);
void sk_early_excuse(struct sk_outcome *o);

/* How many answers there are and how many were wanted: error is NULL when all
 * have answered, else "partial_failure", "insufficient_agents" or
 * "total_failure". */
struct sk_tally {
	size_t agents, ok, not_needed, required;
	const char *error;
};
int sk_tally_quorum(
    const struct sk_ask *ask, size_t n, size_t *required, struct sk_err *err);
void sk_tally(
    const struct sk_answer *a, size_t n, size_t required, struct sk_tally *out);

#endif
