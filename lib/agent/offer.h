/* SPDX-License-Identifier: MIT */
/*
 * An agent that fails for want of a login, and a person at the terminal: ask
 * whether to log in now, run the login, and ask the agent again. Nobody is
 * asked where standard input or standard error is no terminal, in CI, under
 * --no-input, or in the background; then the failure stands at once.
 *
 * One question at a time, one for all agents with the same login. The other
 * agents go on meanwhile.
 */
#ifndef SK_AGENT_OFFER_H
#define SK_AGENT_OFFER_H

#include "agent/run.h"

void sk_offer_open(struct sk_fan *r);
void sk_offer_close(struct sk_fan *r);
/* A failure of kind auth: true when the agent waits for what the person says,
 * which sk_control_answered() is told; never from within. */
bool sk_offer_make(struct sk_fan *r, size_t i);
/* Nobody waits any more: the question goes, a login that runs is ended. */
void sk_offer_drop(struct sk_fan *r);
/* The terminal belongs to the question or to the login. */
bool sk_offer_busy(const struct sk_fan *r);

#endif
