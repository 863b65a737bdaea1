/* SPDX-License-Identifier: MIT */
/*
 * The fan-out: what one call of sk-run holds while it is under way.
 *
 * The way of an agent: start_one() → sk_attempt_start() → on_done() (here an
 * attempt ends; what wants another one decides there) → settled: into ready[]
 * → committed → printed. A slot enters ready[] once.
 */
#ifndef SK_AGENT_RUN_H
#define SK_AGENT_RUN_H

#include "agent/internal.h"
#include "agent/prepare.h"

#define SK_MANY ((size_t)64) /* agents for which it pays to prepare */
#define SK_OUT_HIGH ((size_t)1 << 20) /* output that may wait for its reader */

struct sk_control;
struct sk_offer;
struct sk_tape;

struct sk_fan {
	struct sk_prep *p;
	struct sk_control *ctl; /* who may begin, and who begins again */
	struct sk_offer *offer; /* NULL = nobody can be asked to log in */
	struct sk_tape *tape; /* NULL = neither recorded nor replayed */
	struct sk_loop *loop;
	struct sk_outq *outq;
	struct sk_db *db;
	struct sk_ground ground;
	struct sk_answer *ans; /* one per slot */
	struct sk_attempt **live; /* NULL unless running */
	/* Slots in the order in which they were settled: [0, printed) are out,
	 * [printed, committed) wait for the reader, the rest for the store. */
	size_t *ready, printed, committed, nready;
	size_t waiting; /* bytes of answers that are not committed */
	bool *stored; /* answered before, nothing to ask */
	size_t running, jobs, reused;
	bool decided; /* the missing answers do not matter any more */
	size_t judged; /* committed answers that it was asked about */
	size_t required; /* answers for a quorum */
	int64_t start, deadline; /* monotonic; deadline 0 = none */
	int64_t *took, straggler; /* times of those that answered; see run.c */
	size_t ntook, nlimited;
	int stop_signal; /* first signal that arrived */
	bool gone; /* nobody reads what we print: stop as for a signal */
	bool hurry; /* a second one did */
	bool held; /* the reader is behind: nobody is read or started */
	bool ended; /* run.end has been printed */
	bool busy; /* in the transaction that commits */
	int64_t give_up_id;
	int64_t tick_id; /* of the lines on a terminal; 0 = there are none */
	bool drawn;
	int guard_fd;
	int rc; /* fatal: nothing can be recorded any more */
	size_t unsaved; /* answers that could not be committed */
	struct sk_err why; /* the first cause of that */
	struct sk_err *err;
};

/* ---- run_store.c ---- */

/* All reservations of the call, and the run itself, in one transaction. */
int sk_fan_reserve(struct sk_fan *r);
/* What is settled and not committed, in one transaction. */
void sk_fan_commit(struct sk_fan *r);
/* Answers that were accepted before: taken from the store as settled. */
int sk_fan_stored(struct sk_fan *r);
/* The text of an answer that was forgotten because the store has it. */
int sk_fan_fetch(struct sk_fan *r, struct sk_answer *a);

/* One attempt of a slot, final or not; in a transaction. */
int sk_fan_record(struct sk_fan *r, struct sk_answer *a);
/* Room in every budget for this slot's next call, or SK_BUDGET. */
int sk_fan_money(struct sk_fan *r, size_t i);
void sk_fan_key(
    const struct sk_fan *r, const struct sk_slot *slot, struct sk_key *k);

/* ---- run_live.c ---- */

void sk_live_open(struct sk_fan *r);
void sk_live_close(struct sk_fan *r);
/* Off the terminal, before something else is printed there. */
void sk_live_wipe(struct sk_fan *r);

/* ---- run_out.c ---- */

int sk_fan_out_open(struct sk_fan *r);
void sk_fan_out_close(struct sk_fan *r);
void sk_fan_started(struct sk_fan *r, size_t i);
/* What an attempt calls when its answer grows; NULL unless that is asked for
 * (run_delta.c). */
void (*sk_fan_delta(const struct sk_fan *r))(
    struct sk_attempt *at, const char *p, size_t n, void *arg);
/* One event that its caller has ended, when events are wanted. */
bool sk_fan_talks(const struct sk_fan *r);
void sk_fan_settle(struct sk_fan *r);
void sk_fan_event(struct sk_fan *r, struct sk_jw *w);
/* Print what is committed while the reader takes it; run.end after the last.
 * True when everything is out, or given up. */
bool sk_fan_print(struct sk_fan *r);

#endif
