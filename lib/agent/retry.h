/* SPDX-License-Identifier: MIT */
/*
 * What follows a failure, as pure functions: the policy (lib/data/retry.toml),
 * the next step of one agent, the circuit breaker and the limits of a provider.
 * Nothing here waits, looks at a clock or writes.
 */
#ifndef SK_AGENT_RETRY_H
#define SK_AGENT_RETRY_H

#include "agent/agent.h"

#define SK_KINDS ((size_t)SK_K_INTERNAL + 1)

struct sk_delay {
	int64_t base_ms, max_ms;
	int64_t low, high; /* percent of the doubled delay */
};
enum sk_weigh { SK_WEIGH_NOT, SK_WEIGH_GOOD, SK_WEIGH_BAD };
struct sk_rule {
	const struct sk_delay *delay; /* NULL = never again */
	int64_t calls; /* the first one included */
	bool limits, cuts, fallback;
	enum sk_weigh breaker;
};
struct sk_retry {
	struct sk_delay local, provider;
	struct sk_rule rule[SK_KINDS];
	int64_t buffer_ms, jitter_ms; /* above a hint */
	int64_t budget_ms; /* from the first failure on */
	int64_t window, least, percent; /* breaker: share of the last calls */
	int64_t burst, burst_ms; /* or so many within this time */
	int64_t cool_down_ms, quiet_ms;
	int64_t concurrency; /* calls at once of a provider; 0 = any number */
	double scale; /* of all our own times */
	bool no_limits; /* ask nobody's leave: a replay */
};
/* The shipped policy, then [retry] of the configuration, then the options
 * (calls 0, budget_ms -1 = not given). */
int sk_retry_load(struct sk_retry *p, const struct sk_config *conf,
    int64_t calls, int64_t budget_ms, struct sk_err *err);

/* What is said of one model alone; -1 = nothing. */
struct sk_patience {
	int64_t calls, base_ms, max_ms;
};
/* The policy for such a model: own, or p itself when nothing is said. Only what
 * a provider's failure cures is changed: a program that crashed is another
 * matter. own must stay where it is. */
const struct sk_retry *sk_retry_for(const struct sk_retry *p,
    const struct sk_patience *of, struct sk_retry *own);

enum sk_next {
	SK_NEXT_END, /* this failure stays */
	SK_NEXT_WAIT, /* another call after wait_ms */
	SK_NEXT_SUSPEND /* it would work at resume_ms: too late */
};
struct sk_step {
	enum sk_next next;
	int64_t wait_ms, resume_ms; /* resume on the wall clock */
	bool hinted;
};
/* Failure number `call` of an agent. hint_ms: until the time that was named,
 * may be negative; SK_NO_HINT when there was none. elapsed_ms: since its first
 * failure. rnd: 64 random bits. */
#define SK_NO_HINT INT64_MIN
void sk_retry_step(const struct sk_retry *p, enum sk_kind kind, int64_t call,
    int64_t hint_ms, int64_t elapsed_ms, int64_t now_ms, uint64_t rnd,
    struct sk_step *out);
/* May a wait of this length begin? */
bool
sk_retry_affords(const struct sk_retry *p, int64_t elapsed_ms, int64_t wait_ms);

/* ---- circuit breaker (breaker.c), state in struct sk_provider ---- */

enum sk_circuit { SK_CLOSED, SK_OPEN, SK_HALF_OPEN };
enum sk_circuit sk_breaker_state(
    const struct sk_retry *p, const struct sk_provider *v, int64_t now_ms);
/* One call came to its end. */
void sk_breaker_note(const struct sk_retry *p, struct sk_provider *v, bool good,
    bool trial, int64_t now_ms);

/* ---- what a provider allows (limit.c) ---- */

struct sk_leave {
	bool go;
	bool trial; /* the one call while the circuit is half open */
	int64_t until_ms; /* wall clock; 0 = when another call ends */
	enum sk_kind kind; /* of the refusal, for the record */
	const char *why; /* "rate_limited", "circuit_open", "concurrency" */
};
/* May one more call begin? When it may, it is counted. */
void sk_limit_ask(const struct sk_retry *p, struct sk_provider *v,
    int64_t now_ms, struct sk_leave *out);
/* A call that was let in came to its end. until_ms: the provider is closed
 * until then; 0 = nothing said. */
void
sk_limit_end(const struct sk_retry *p, struct sk_provider *v, enum sk_kind kind,
    bool trial, int64_t started_ms, int64_t until_ms, int64_t now_ms);

#endif
