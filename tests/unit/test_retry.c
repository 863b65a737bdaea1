/* SPDX-License-Identifier: MIT */
/* The policy after failures, step by step, and its shipped file. */
#include <stdlib.h>

#include "agent/retry.h"
#include "tap.h"

#define NOW ((int64_t)1790000000000)

static struct sk_retry pol;

static void
load(int64_t calls, int64_t budget)
{
	struct sk_config conf = { 0 };
	struct sk_err err = { 0 };

	CHECK_INT(sk_retry_load(&pol, &conf, calls, budget, &err), 0);
}

static struct sk_step
step(enum sk_kind k, int64_t call, int64_t hint, int64_t elapsed, uint64_t rnd)
{
	struct sk_step s;

	sk_retry_step(&pol, k, call, hint, elapsed, NOW, rnd, &s);
	return s;
}

static void
test_never(void)
{
	static const enum sk_kind never[] = { SK_K_AUTH, SK_K_REFUSED,
		SK_K_NEEDS_INPUT, SK_K_DENIED, SK_K_CONTEXT_TOO_LONG,
		SK_K_USAGE, SK_K_CANCELLED, SK_K_KILLED, SK_K_NOT_FOUND,
		SK_K_TIMEOUT_TOTAL, SK_K_QUOTA_EXHAUSTED };

	load(50, 3600000);
	for (size_t i = 0; i < SK_ARRAY_SIZE(never); i++)
		CHECKF(step(never[i], 1, SK_NO_HINT, 0, 7).next == SK_NEXT_END,
		    "%s is not asked again", sk_kind_word(never[i]));
	/* A hint makes the one of them that a time cures another matter. */
	CHECK_INT(step(SK_K_QUOTA_EXHAUSTED, 1, 1000, 0, 0).next, SK_NEXT_WAIT);
	CHECK_INT(step(SK_K_AUTH, 1, 1000, 0, 0).next, SK_NEXT_END);
}

/* Lowest and highest wait of a call. */
static void
range(enum sk_kind k, int64_t call, int64_t *lo, int64_t *hi)
{
	*lo = INT64_MAX;
	*hi = 0;
	for (uint64_t r = 0; r < 3000000; r += 997) {
		struct sk_step s = step(k, call, SK_NO_HINT, 0, r);

		*lo = s.wait_ms < *lo ? s.wait_ms : *lo;
		*hi = s.wait_ms > *hi ? s.wait_ms : *hi;
	}
}

static void
test_delays(void)
{
	static const struct {
		enum sk_kind k;
		int64_t call, lo, hi;
	} want[] = {
		{ SK_K_CRASHED, 1, 50, 150 },
		{ SK_K_CRASHED, 2, 100, 300 },
		{ SK_K_CRASHED, 5, 800, 2400 },
		{ SK_K_CRASHED, 8, 5000, 15000 },
		{ SK_K_CRASHED, 60, 5000, 15000 },
		{ SK_K_OVERLOADED, 1, 0, 1000 },
		{ SK_K_OVERLOADED, 4, 0, 8000 },
		{ SK_K_OVERLOADED, 10, 0, 512000 },
		{ SK_K_OVERLOADED, 11, 0, 900000 },
		{ SK_K_OVERLOADED, 64, 0, 900000 },
	};
	int64_t lo, hi, width;

	load(1000, INT64_MAX / 2);
	for (size_t i = 0; i < SK_ARRAY_SIZE(want); i++) {
		range(want[i].k, want[i].call, &lo, &hi);
		width = (want[i].hi - want[i].lo) / 20;
		CHECKF(lo >= want[i].lo && lo <= want[i].lo + width,
		    "%s call %lld: lowest %lld", sk_kind_word(want[i].k),
		    (long long)want[i].call, (long long)lo);
		CHECKF(hi < want[i].hi && hi >= want[i].hi - width,
		    "%s call %lld: highest %lld", sk_kind_word(want[i].k),
		    (long long)want[i].call, (long long)hi);
	}
}

static void
test_hints(void)
{
	struct sk_step s;
	int64_t lo = INT64_MAX, hi = 0;

	load(3, 600000);
	for (uint64_t r = 0; r < 4000; r++) {
		s = step(SK_K_RATE_LIMITED, 1, 30000, 0, r << 32);
		lo = s.wait_ms < lo ? s.wait_ms : lo;
		hi = s.wait_ms > hi ? s.wait_ms : hi;
	}
	CHECK_INT(lo, 35000);
	CHECK_INT(hi, 37999);
	/* A time that is past still waits for the buffer. */
	s = step(SK_K_RATE_LIMITED, 1, -99999, 0, 0);
	CHECK_INT(s.wait_ms, 5000);
	s = step(SK_K_RATE_LIMITED, 1, 0, 0, 0);
	CHECK_INT(s.wait_ms, 5000);
	CHECK_INT(s.resume_ms, NOW + 5000);
	/* A floor, not the wait: the backoff may be longer. */
	load(30, INT64_MAX / 2);
	s = step(SK_K_RATE_LIMITED, 12, 1000, 0, 899999);
	CHECK_INT(s.wait_ms, 899999);
}

static void
test_ends(void)
{
	struct sk_step s;

	load(0, 60000);
	/* attempts are calls: of five, the fifth failure is the last. */
	CHECK_INT(
	    step(SK_K_OVERLOADED, 4, SK_NO_HINT, 0, 0).next, SK_NEXT_WAIT);
	CHECK_INT(step(SK_K_OVERLOADED, 5, SK_NO_HINT, 0, 0).next, SK_NEXT_END);
	CHECK_INT(step(SK_K_CRASHED, 1, SK_NO_HINT, 0, 0).next, SK_NEXT_END);
	load(3, 60000);
	CHECK_INT(step(SK_K_CRASHED, 2, SK_NO_HINT, 0, 0).next, SK_NEXT_WAIT);
	CHECK_INT(step(SK_K_CRASHED, 3, SK_NO_HINT, 0, 0).next, SK_NEXT_END);
	load(1, 60000);
	CHECK_INT(step(SK_K_OVERLOADED, 1, SK_NO_HINT, 0, 0).next, SK_NEXT_END);
	/* The elapsed budget: the wait must fit, to the millisecond. */
	load(3, 60000);
	s = step(SK_K_RATE_LIMITED, 1, 55000, 0, 0);
	CHECK_INT(s.next, SK_NEXT_WAIT);
	CHECK_INT(s.wait_ms, 60000);
	s = step(SK_K_RATE_LIMITED, 1, 55001, 0, 0);
	CHECK_INT(s.next, SK_NEXT_SUSPEND);
	CHECK_INT(s.resume_ms, NOW + 60001);
	CHECK_INT(
	    step(SK_K_RATE_LIMITED, 1, 55000, 1, 0).next, SK_NEXT_SUSPEND);
	/* Even the last call says when it would work. */
	CHECK_INT(
	    step(SK_K_RATE_LIMITED, 3, 90000, 0, 0).next, SK_NEXT_SUSPEND);
	CHECK_INT(step(SK_K_OVERLOADED, 1, SK_NO_HINT, 60001, 0).next,
	    SK_NEXT_SUSPEND);
	load(3, 0);
	CHECK_INT(step(SK_K_RATE_LIMITED, 1, 0, 0, 0).next, SK_NEXT_SUSPEND);
	/* Nothing overflows. */
	s = step(SK_K_RATE_LIMITED, INT64_MAX, INT64_MAX / 4, INT64_MAX / 2, 0);
	CHECK_INT(s.next, SK_NEXT_SUSPEND);
}

static void
test_scale(void)
{
	struct sk_config conf = { 0 };
	struct sk_err err = { 0 };
	struct sk_step s;
	const char *text = "[retry]\nscale = 0.001\nattempts = 7\n"
			   "budget = \"2s\"\nconcurrency = 4\n";

	CHECK_INT(sk_toml_parse(
		      &conf.arena, text, strlen(text), "t", &conf.root, &err),
	    0);
	CHECK_INT(sk_retry_load(&pol, &conf, 0, -1, &err), 0);
	CHECK_INT(pol.provider.base_ms, 1);
	CHECK_INT(pol.provider.max_ms, 900);
	CHECK_INT(pol.buffer_ms, 5);
	CHECK_INT(pol.cool_down_ms, 30);
	CHECK_INT(pol.burst_ms, 60);
	CHECK_INT(pol.budget_ms, 2000);
	CHECK_INT(pol.concurrency, 4);
	CHECK_INT(pol.rule[SK_K_CRASHED].calls, 7);
	CHECK_INT(pol.rule[SK_K_AUTH].calls, 1);
	/* What a provider says is not ours to scale. */
	s = step(SK_K_RATE_LIMITED, 1, 100, 0, 0);
	CHECK_INT(s.wait_ms, 105);
	sk_arena_free(&conf.arena);
}

/* What is said of one model changes what its provider's failures come to. */
static void
test_model(void)
{
	struct sk_patience none = { -1, -1, -1 }, some = { 2, 10, 20 };
	struct sk_retry own;
	const struct sk_retry *p;
	struct sk_step s;

	load(0, 3600000);
	CHECKF(sk_retry_for(&pol, &none, &own) == &pol, "nothing is said");
	p = sk_retry_for(&pol, &some, &own);
	CHECK_INT(p->rule[SK_K_RATE_LIMITED].calls, 2);
	CHECK_INT(p->rule[SK_K_QUOTA_EXHAUSTED].calls, 2);
	CHECK_INT(p->rule[SK_K_CRASHED].calls, pol.rule[SK_K_CRASHED].calls);
	CHECK_INT(p->rule[SK_K_AUTH].calls, pol.rule[SK_K_AUTH].calls);
	for (uint64_t r = 0; r < 100; r++) {
		sk_retry_step(p, SK_K_OVERLOADED, 9, SK_NO_HINT, 0, NOW, r, &s);
		CHECK_INT(s.wait_ms < 20, 1);
		CHECK_INT(s.next, SK_NEXT_END);
	}
	sk_retry_step(p, SK_K_INTERNAL, 1, SK_NO_HINT, 0, NOW, 7, &s);
	CHECK_INT(s.wait_ms >= 50, 1);
	/* (The policy itself is as it was.) */
	CHECK_INT(pol.provider.base_ms, 1000);
	CHECK_INT(
	    step(SK_K_OVERLOADED, 4, SK_NO_HINT, 0, 0).next, SK_NEXT_WAIT);
}

int
main(void)
{
	test_never();
	test_model();
	test_delays();
	test_hints();
	test_ends();
	test_scale();
	return tap_done();
}
