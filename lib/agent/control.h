/* SPDX-License-Identifier: MIT */
/*
 * Who may begin, and who begins again. Every slot that is to be asked stands
 * in one queue; it leaves it when its provider lets it, comes back after a
 * failure that another call may cure, and is through when it is settled.
 *
 * Attempts of agents without a provider need nobody's leave. For the others the
 * store is asked in the transaction that commits answers anyway.
 */
#ifndef SK_AGENT_CONTROL_H
#define SK_AGENT_CONTROL_H

#include "agent/retry.h"
#include "agent/run.h"

enum sk_turn_state {
	SK_TURN_QUEUED, /* wants to begin */
	SK_TURN_WAITS, /* not before due */
	SK_TURN_GO, /* may begin */
	SK_TURN_RUNS,
	SK_TURN_ASKS, /* failed; a person is asked to log in, see offer.h */
	SK_TURN_LOST, /* failed; recorded with the next commit, then again */
	SK_TURN_OVER
};
struct sk_turn {
	enum sk_turn_state state;
	bool reserve; /* the next call needs a number */
	bool lease, trial; /* counted at its provider */
	bool said; /* that it waits */
	int64_t calls, all; /* of this agent; with those it stands in for */
	int64_t first_bad; /* monotonic; 0 = not yet */
	int64_t due; /* monotonic */
	int64_t began, until; /* wall clock: this call; provider closed */
	int64_t poll_ms;
	struct sk_step step; /* after the failure */
	const struct sk_slot *next; /* who stands in */
	enum sk_kind kind; /* of the last failure */
};
struct sk_control {
	struct sk_retry pol;
	struct sk_turn *turn;
	size_t *queue, head, len; /* ring of those that are QUEUED */
	size_t *go, go_head, go_len; /* ring of those that may begin */
	size_t *lost, n_lost, recorded; /* of them, with this commit */
	size_t waits;
	int64_t next_due, armed, timer_id;
};

/* Options that exclude each other. */
int sk_control_check(const struct sk_ask *ask, struct sk_err *err);
int sk_control_open(struct sk_fan *r, struct sk_err *err);
void sk_control_close(struct sk_fan *r);
/* Is somebody there who may begin now? */
bool sk_control_ready(struct sk_fan *r);
/* The next one to begin, which has begun then. */
bool sk_control_next(struct sk_fan *r, size_t *i);
/* An attempt is over: true when there will be another one, false when its
 * outcome is final. */
bool sk_control_again(struct sk_fan *r, size_t i);
/* What came of the login that it waited for: in = it may try again. */
void sk_control_answered(struct sk_fan *r, size_t i, bool in);
/* Does the store have to be asked? */
bool sk_control_hungry(const struct sk_fan *r);
/* In the transaction: what has ended (final: ready[from..to)), what was lost,
 * who may begin. */
int sk_control_commit(struct sk_fan *r, size_t from, size_t to);
/* After the commit, or (ok false) when there was none. */
void sk_control_committed(struct sk_fan *r, bool ok);
/* Everybody who has not begun or waits is through: fail says why. */
void sk_control_stop(struct sk_fan *r);
/* When those that are suspended may be asked again; 0 = nobody is. */
int64_t sk_control_resume(const struct sk_fan *r);

/* ---- between control.c and control_admit.c ---- */

bool sk_control_room(const struct sk_fan *r); /* for one more at once */
size_t sk_control_pop(struct sk_fan *r); /* the head of the queue */
void sk_control_poke(struct sk_fan *r); /* who waits for room looks again */
void sk_turn_go(struct sk_fan *r, size_t i);
void sk_turn_over(struct sk_fan *r, size_t i);
void sk_turn_wait(struct sk_fan *r, size_t i, int64_t due);
bool sk_turn_stand_in(struct sk_fan *r, size_t i);
void sk_turn_suspend(struct sk_answer *a, int64_t resume_ms);

/* ---- control_say.c ---- */

void sk_control_say_retry(struct sk_fan *r, size_t i);
void sk_control_say_wait(
    struct sk_fan *r, size_t i, const struct sk_leave *l, int64_t wait_ms);
void sk_control_say_fallback(struct sk_fan *r, size_t i);

#endif
