/* SPDX-License-Identifier: MIT */
/* What the files of the explorer share. */
#ifndef SK_FAULTS_EXPLORE_H
#define SK_FAULTS_EXPLORE_H

#include "faults/child.h"

#define SK_EXPLORE_AGENTS 4
#define SK_EXPLORE_ATTEMPTS 4
#define SK_EXPLORE_KINDS 8
#define SK_EXPLORE_FAULTS (SK_EXPLORE_AGENTS * SK_EXPLORE_ATTEMPTS)

/* Who fails how, at which attempt. */
struct sk_schedule {
	struct sk_fault_rule v[SK_EXPLORE_FAULTS];
	size_t n;
};
struct sk_explorer {
	size_t agents, attempts, nkinds;
	struct sk_fault_rule kinds[SK_EXPLORE_KINDS];
	int64_t timeout_ms;
	char *dir, *config, *schema; /* private; removed at the end */
	char *bin; /* where the tools are */
	uint64_t runs;
};
/* The pipeline under a schedule, in a directory of its own. 0, or an error of
 * ours; *broken (malloc'd) is the rule that did not hold, NULL = all did. */
int sk_explore_run(struct sk_explorer *x, const struct sk_schedule *s,
    char **broken, struct sk_err *err);

#endif
