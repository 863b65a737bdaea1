/* SPDX-License-Identifier: MIT */
/* The circuit breaker of one provider. It is open for a cool-down, then one
 * call tries; the others wait for what becomes of it. */
#include <string.h>

#include "agent/retry.h"

enum sk_circuit
sk_breaker_state(
    const struct sk_retry *p, const struct sk_provider *v, int64_t now_ms)
{
	if (v->opened_ms == 0)
		return SK_CLOSED;
	/* A clock that was set back must not keep it open for a year. */
	if (now_ms < v->opened_ms || now_ms - v->opened_ms >= p->cool_down_ms)
		return SK_HALF_OPEN;
	return SK_OPEN;
}

static void
remember_call(const struct sk_retry *p, struct sk_provider *v, bool good)
{
	size_t n = strlen(v->calls);
	size_t keep = (size_t)p->window;

	if (n >= keep) {
		memmove(v->calls, v->calls + (n - keep + 1), keep - 1);
		n = keep - 1;
	}
	v->calls[n] = good ? '.' : 'x';
	v->calls[n + 1] = '\0';
}

/* Newest last; 0 = nothing yet. */
static void
remember_failure(const struct sk_retry *p, struct sk_provider *v, int64_t now)
{
	size_t n = (size_t)p->burst;

	memmove(v->bad_ms, v->bad_ms + 1, (n - 1) * sizeof(v->bad_ms[0]));
	v->bad_ms[n - 1] = now;
}

static bool
too_many(const struct sk_retry *p, const struct sk_provider *v, int64_t now)
{
	int64_t n = (int64_t)strlen(v->calls), bad = 0;

	if (v->bad_ms[0] != 0 && now - v->bad_ms[0] <= p->burst_ms)
		return true;
	for (int64_t i = 0; i < n; i++)
		bad += v->calls[i] == 'x';
	return n >= p->least && bad * 100 >= n * p->percent;
}

void
sk_breaker_note(const struct sk_retry *p, struct sk_provider *v, bool good,
    bool trial, int64_t now_ms)
{
	if (v->opened_ms != 0) {
		/* Calls from before it opened prove nothing any more. */
		if (!trial)
			return;
		if (!good) {
			v->opened_ms = now_ms;
			return;
		}
		v->opened_ms = 0;
		v->calls[0] = '\0';
		memset(v->bad_ms, 0, sizeof(v->bad_ms));
	}
	remember_call(p, v, good);
	if (good)
		return;
	remember_failure(p, v, now_ms);
	if (too_many(p, v, now_ms))
		v->opened_ms = now_ms;
}
