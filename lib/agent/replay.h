/* SPDX-License-Identifier: MIT */
/*
 * A tape: what every call of a fan-out came to, one file each, and run.json
 * with the question. Recording writes it; replaying takes outcomes, their
 * order and what was done after each from it, and asks nobody.
 */
#ifndef SK_AGENT_REPLAY_H
#define SK_AGENT_REPLAY_H

#include "agent/retry.h"
#include "agent/run.h"

/* Before the agents are known: what the tape says of them, where neither the
 * options nor a request did. */
int sk_tape_peek(struct sk_prep *p, struct sk_err *err);
int sk_tape_open(struct sk_fan *r, struct sk_err *err);
void sk_tape_close(struct sk_fan *r);
/* A call has begun: true when its turn to be told comes later. */
bool sk_tape_started(struct sk_fan *r, size_t i);
/* A call is over, before anything is decided. */
void sk_tape_done(struct sk_fan *r, size_t i);
/* What is done next: kept, or taken from the tape. */
void
sk_tape_step(struct sk_fan *r, size_t i, struct sk_step *step, bool *stand_in);
/* Write down what sk_tape_step() was told. */
int sk_tape_keep(struct sk_fan *r, size_t i);

/* ---- replay_reuse.c ---- */

/* Fills the answer of a slot when the same question was answered before. */
int sk_reuse(struct sk_fan *r, size_t i, struct sk_err *err);

#endif
