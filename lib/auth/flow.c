/* SPDX-License-Identifier: MIT */
/*
 * The device flow as a function of what the server said and of the time: RFC
 * 8628 section 3.5, with the care that its users have asked for since.
 */
#include <string.h>

#include "auth/internal.h"

int64_t
auth_seconds(const struct sk_jv *v)
{
	const int64_t max = 366 * 24 * 3600;
	int64_t s;

	if (v == NULL)
		return -1;
	if (v->type == SK_J_STR) {
		if (!sk_parse_int(v->s, 0, INT64_MAX, &s))
			return -1;
	} else if (!sk_jint(v, &s)) {
		double d = sk_jdouble(v, -1);

		s = d >= (double)max ? max : d > 0 ? (int64_t)d : -1;
	}
	return s < 0 ? -1 : s > max ? max : s;
}

static int64_t
clamp(int64_t v, int64_t lo, int64_t hi)
{
	return v < lo ? lo : v > hi ? hi : v;
}

/* The wait before the next question, with the provider's margin. */
static int64_t
wait_ms(const struct auth_flow *f)
{
	double m = f->multiplier;

	/* A clock that runs fast is answered with slow_down: more margin. */
	if (f->slow > 0 && m > 1.0)
		m += 0.2;
	return (int64_t)((double)f->interval_ms * m);
}

void
auth_flow_begin(struct auth_flow *f, const struct sk_idp *p,
    int64_t interval_ms, int64_t life_ms, int64_t now)
{
	double m;

	memset(f, 0, sizeof(*f));
	f->min_ms = provider_int(p, "timing.interval_min", 1) * 1000;
	f->max_ms = provider_int(p, "timing.interval_max", 60) * 1000;
	f->step_ms = provider_int(p, "timing.slow_step", 5) * 1000;
	f->slow_limit = (int)provider_int(p, "timing.slow_limit", 0);
	f->blip_limit = (int)provider_int(p, "timing.blips", 6);
	m = sk_jdouble(sk_idp_val(p, "timing.multiplier"), 1.0);
	f->multiplier = m < 1.0 ? 1.0 : m > 10.0 ? 10.0 : m;
	if (interval_ms < 0)
		interval_ms = provider_int(p, "timing.interval", 5) * 1000;
	f->interval_ms = clamp(interval_ms, f->min_ms, f->max_ms);
	if (life_ms <= 0)
		life_ms = provider_int(p, "timing.expires_in", 900) * 1000;
	life_ms = clamp(
	    life_ms, 1000, provider_int(p, "timing.expires_max", 3600) * 1000);
	f->deadline = now + life_ms;
	f->next =
	    provider_bool(p, "timing.first_wait") ? now + wait_ms(f) : now;
}

enum auth_step
auth_flow_step(
    struct auth_flow *f, enum auth_poll poll, int64_t slow_ms, int64_t now)
{
	switch (poll) {
	case AUTH_POLL_OK:
		return AUTH_STEP_DONE;
	case AUTH_POLL_DENIED:
		return AUTH_STEP_DENIED;
	case AUTH_POLL_EXPIRED:
		return AUTH_STEP_EXPIRED;
	case AUTH_POLL_CHALLENGE:
		return AUTH_STEP_CHALLENGE;
	case AUTH_POLL_DISABLED:
		return AUTH_STEP_DISABLED;
	case AUTH_POLL_BAD:
		return AUTH_STEP_BAD;
	case AUTH_POLL_BLIP:
		/* The user may have approved already: one lost answer must
		 * not cost the login. */
		if (++f->blips >= f->blip_limit + 1)
			return AUTH_STEP_LOST;
		f->blip_ms = f->blip_ms == 0 ? f->interval_ms : f->blip_ms * 2;
		f->next = now + clamp(f->blip_ms, f->interval_ms, f->max_ms);
		break;
	case AUTH_POLL_SLOW:
		f->slow++;
		if (f->slow_limit > 0 && f->slow > f->slow_limit)
			return AUTH_STEP_CLOCK;
		f->interval_ms = clamp(slow_ms > f->interval_ms
					   ? slow_ms
					   : f->interval_ms + f->step_ms,
		    f->min_ms, f->max_ms * 5);
		f->blips = 0;
		f->blip_ms = 0;
		f->next = now + wait_ms(f);
		break;
	case AUTH_POLL_PENDING:
		f->blips = 0;
		f->blip_ms = 0;
		f->next = now + wait_ms(f);
		break;
	}
	/* A question after the end has no answer; one just before it does. */
	if (now >= f->deadline)
		return AUTH_STEP_EXPIRED;
	if (f->next > f->deadline)
		f->next = f->deadline;
	return AUTH_STEP_WAIT;
}
