/* SPDX-License-Identifier: MIT */
/* Rate-limit window and concurrency of one provider: halved when it says that
 * there were too many, one more after each success. */
#include <stdio.h>
#include <string.h>

#include "agent/retry.h"

/* How many calls at once; 0 = any number. */
static int64_t
ceiling(const struct sk_retry *p, const struct sk_provider *v)
{
	int64_t own = v->concurrency;

	if (p->concurrency > 0 && (own == 0 || own > p->concurrency))
		return p->concurrency;
	return own;
}

void
sk_limit_ask(const struct sk_retry *p, struct sk_provider *v, int64_t now_ms,
    struct sk_leave *out)
{
	enum sk_circuit circuit = sk_breaker_state(p, v, now_ms);
	int64_t max;

	memset(out, 0, sizeof(*out));
	if (v->limited_until_ms > now_ms) {
		out->until_ms = v->limited_until_ms;
		out->kind = SK_K_RATE_LIMITED;
		(void)sk_kind_of(v->reason, &out->kind);
		out->why = "rate_limited";
		return;
	}
	if (circuit == SK_OPEN || (circuit == SK_HALF_OPEN && v->trials > 0)) {
		out->until_ms =
		    circuit == SK_OPEN ? v->opened_ms + p->cool_down_ms : 0;
		out->kind = SK_K_OVERLOADED;
		out->why = "circuit_open";
		return;
	}
	if (v->concurrency != 0 && now_ms - v->cut_ms > p->quiet_ms)
		v->concurrency = 0;
	max = ceiling(p, v);
	if (max > 0 && v->in_flight >= max) {
		out->why = "concurrency";
		return;
	}
	out->go = true;
	out->trial = circuit == SK_HALF_OPEN;
	v->in_flight++;
	v->mine++;
	v->trials += out->trial;
	v->my_trials += out->trial;
}

/* Calls that began before the last cut were too many together: they are one
 * complaint, not one each. */
static void
cut(struct sk_provider *v, int64_t in_flight, int64_t started, int64_t now)
{
	int64_t n = in_flight;

	if (v->cut_ms != 0 && started <= v->cut_ms)
		return;
	if (v->concurrency > 0 && v->concurrency < n)
		n = v->concurrency;
	v->concurrency = n / 2 > 1 ? n / 2 : 1;
	v->cut_ms = now;
}

void
sk_limit_end(const struct sk_retry *p, struct sk_provider *v, enum sk_kind kind,
    bool trial, int64_t started_ms, int64_t until_ms, int64_t now_ms)
{
	const struct sk_rule *r = &p->rule[kind];
	int64_t in_flight = v->in_flight;

	if (v->mine > 0) {
		v->mine--;
		v->in_flight--;
	}
	if (trial && v->my_trials > 0) {
		v->my_trials--;
		v->trials--;
	}
	if (r->breaker != SK_WEIGH_NOT)
		sk_breaker_note(
		    p, v, r->breaker == SK_WEIGH_GOOD, trial, now_ms);
	if (r->limits && until_ms > v->limited_until_ms) {
		v->limited_until_ms = until_ms;
		(void)snprintf(
		    v->reason, sizeof(v->reason), "%s", sk_kind_word(kind));
	}
	if (r->cuts)
		cut(v, in_flight, started_ms, now_ms);
	else if (kind == SK_K_NONE && v->concurrency > 0)
		v->concurrency++;
}
