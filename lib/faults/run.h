/* SPDX-License-Identifier: MIT */
/* Between the runtime and the functions of the C library that it replaces. */
#ifndef SK_FAULTS_RUN_H
#define SK_FAULTS_RUN_H

#include "faults/plan.h"

/* The rule that applies to this call, noted; NULL = none. all: the name that
 * stands for many, or NULL. */
const struct sk_fault_rule *sk_fault_call(const char *name, const char *all);
/* Dies, waits, or returns an errno value that is set as well. */
int sk_fault_do(const struct sk_fault_rule *r);

#endif
