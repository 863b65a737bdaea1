/* SPDX-License-Identifier: MIT */
/*
 * Faults of agents in a development build: what an attempt meets on purpose.
 * What comes of it is an outcome like any other and goes the same way, into the
 * database, the retry policy, the breaker and the record. In a release these
 * are nothing.
 */
#ifndef SK_AGENT_HURT_H
#define SK_AGENT_HURT_H

#include "faults/faults.h"

#ifdef SK_FAULTS
/* True: the call is not made, its outcome is there. */
bool sk_hurt_before(struct sk_attempt *at);
/* True: the call begins later. */
bool sk_hurt_late(struct sk_attempt *at);
void sk_hurt_begun(struct sk_attempt *at);
void sk_hurt_heard(struct sk_attempt *at);
void sk_hurt_end(struct sk_attempt *at);
void sk_hurt_free(struct sk_attempt *at);
/* The answer is to be delivered so: "duplicate", "reorder", or "". */
const char *sk_hurt_print(const char *agent, const char *stage);
#define SK_HURT_BEFORE(at) sk_hurt_before(at)
#define SK_HURT_LATE(at) sk_hurt_late(at)
#define SK_HURT_BEGUN(at) sk_hurt_begun(at)
#define SK_HURT_HEARD(at) sk_hurt_heard(at)
#define SK_HURT_END(at) sk_hurt_end(at)
#define SK_HURT_FREE(at) sk_hurt_free(at)
#else
#define SK_HURT_BEFORE(at) false
#define SK_HURT_LATE(at) false
#define SK_HURT_BEGUN(at) ((void)0)
#define SK_HURT_HEARD(at) ((void)0)
#define SK_HURT_END(at) ((void)0)
#define SK_HURT_FREE(at) ((void)0)
#endif

#endif
