/* SPDX-License-Identifier: MIT */
/*
 * pipeline/money: joins what agents do with what it may cost and did cost.
 *
 * Promises: a call is made when every budget has room for it, and what it used
 * is booked in the transaction that records its answer.
 *
 * Ownership: the struct must outlive the run that it was joined to.
 */
#ifndef SK_PIPELINE_MONEY_H
#define SK_PIPELINE_MONEY_H

#include "agent/agent.h"
#include "metrics/metrics.h"

struct sk_money_join {
	struct sk_meter meter;
	struct sk_money hooks;
	const char *root;
};
/* unpriced: "allow", "refuse", or NULL for what is configured. */
void sk_money_begin(struct sk_money_join *j, const struct sk_config *conf,
    const char *unpriced, struct sk_ask *ask);
/* Says what was noted about budgets that run out. */
void sk_money_end(struct sk_money_join *j);

#endif
