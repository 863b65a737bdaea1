/* SPDX-License-Identifier: MIT */
/* Who may begin: what a fan-out does with providers in its transaction. */
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"

#define POLL_MIN_MS 20
#define POLL_MAX_MS 500

/* ---- in the transaction ---- */

/* Providers that the transaction has looked at. */
struct desk {
	struct sk_provider v[8];
	bool changed[8];
	size_t n;
};

static int
at_desk(struct sk_fan *r, struct desk *d, const char *name, size_t *at)
{
	int rc = 0;

	for (*at = 0; *at < d->n; (*at)++)
		if (strcmp(d->v[*at].name, name) == 0)
			return 0;
	if (d->n == SK_ARRAY_SIZE(d->v)) {
		/* Many providers: the first makes room. */
		if (d->changed[0])
			rc = sk_provider_put(r->db, &d->v[0], r->err);
		memmove(d->v, d->v + 1, (d->n - 1) * sizeof(d->v[0]));
		memmove(d->changed, d->changed + 1, d->n - 1);
		d->n--;
	}
	*at = d->n;
	if (rc == 0)
		rc = sk_provider_get(r->db, name, &d->v[d->n], r->err);
	d->changed[d->n] = false;
	d->n += rc == 0;
	return rc;
}

static int
ended(struct sk_fan *r, struct desk *d, size_t i)
{
	struct sk_control *c = r->ctl;
	struct sk_turn *t = &c->turn[i];
	struct sk_answer *a = &r->ans[i];
	size_t at;
	int rc;

	if (!t->lease)
		return 0;
	rc = at_desk(r, d, a->slot->provider, &at);
	if (rc != 0)
		return rc;
	sk_limit_end(&c->pol, &d->v[at], a->o.kind, t->trial, t->began,
	    t->until, sk_now_ms());
	d->changed[at] = true;
	t->lease = t->trial = false;
	sk_control_poke(r);
	return 0;
}

/* Closed for longer than this agent may wait, or for a while. */
static void
refused(struct sk_fan *r, size_t i, const struct sk_leave *l)
{
	struct sk_control *c = r->ctl;
	struct sk_turn *t = &c->turn[i];
	struct sk_answer *a = &r->ans[i];
	int64_t now = sk_mono_ms(), wait_ms;
	char at[SK_TIME_LEN];
	uint64_t rnd;

	sk_random(&rnd, sizeof(rnd));
	if (l->until_ms == 0) {
		t->poll_ms = t->poll_ms == 0 ? POLL_MIN_MS : t->poll_ms * 2;
		if (t->poll_ms > POLL_MAX_MS)
			t->poll_ms = POLL_MAX_MS;
		sk_control_say_wait(r, i, l, 0);
		sk_turn_wait(r, i,
		    now + t->poll_ms / 2 +
			(int64_t)(rnd % (uint64_t)t->poll_ms));
		return;
	}
	t->poll_ms = 0;
	if (t->first_bad == 0)
		t->first_bad = now;
	wait_ms = l->until_ms - sk_now_ms();
	if (c->pol.jitter_ms > 0)
		wait_ms += (int64_t)(rnd % (uint64_t)c->pol.jitter_ms);
	if (sk_retry_affords(&c->pol, now - t->first_bad, wait_ms) &&
	    (r->deadline == 0 || now + wait_ms < r->deadline)) {
		sk_control_say_wait(r, i, l, wait_ms);
		sk_turn_wait(r, i, now + (wait_ms > 0 ? wait_ms : 0));
		return;
	}
	sk_time_text(l->until_ms, at);
	a->o.started_ms = a->o.ended_ms = sk_now_ms();
	sk_outcome_fail(&a->o, l->kind, "%s of '%s' until %s: not asked",
	    strcmp(l->why, "circuit_open") == 0 ? "circuit breaker"
						: "rate limit",
	    a->slot->provider, at);
	t->kind = a->o.kind;
	t->step.next = SK_NEXT_SUSPEND;
	t->step.wait_ms = l->until_ms - sk_now_ms();
	if (sk_turn_stand_in(r, i))
		return;
	sk_turn_suspend(a, l->until_ms);
	sk_turn_over(r, i);
}

static int
reserve(struct sk_fan *r, size_t i)
{
	struct sk_answer *a = &r->ans[i];
	struct sk_turn *t = &r->ctl->turn[i];
	struct sk_key k;
	int64_t seq = 0;
	int rc = 0;

	sk_fan_key(r, a->slot, &k);
	if (t->reserve)
		rc = sk_request_reserve(r->db, &k, a->slot->adapter_name,
		    a->slot->model, &a->attempt, &seq, r->err);
	/* (Answered by somebody else meanwhile: ours will be a duplicate.) */
	if (rc == 0 && t->reserve) {
		t->reserve = false;
		rc = sk_fan_money(r, i);
	}
	return rc == 0 ? sk_request_begin(r->db, &k, a->attempt, r->err) : rc;
}

/* A budget has no room for another call: what failed has failed. */
static void
no_money(struct sk_fan *r, size_t i)
{
	struct sk_answer *a = &r->ans[i];

	a->o.started_ms = a->o.ended_ms = sk_now_ms();
	sk_outcome_fail(&a->o, SK_K_QUOTA_EXHAUSTED, "not asked again: %s",
	    r->err->message);
	sk_err_clear(r->err);
	memset(r->err, 0, sizeof(*r->err));
	r->ctl->turn[i].kind = a->o.kind;
	sk_turn_over(r, i);
}

static int
admit(struct sk_fan *r, struct desk *d, size_t i)
{
	struct sk_control *c = r->ctl;
	struct sk_turn *t = &c->turn[i];
	const char *provider = r->ans[i].slot->provider;
	struct sk_leave leave = { .go = true };
	size_t at = 0;
	int rc = 0;

	if (provider != NULL && !c->pol.no_limits) {
		rc = at_desk(r, d, provider, &at);
		if (rc != 0)
			return rc;
		sk_limit_ask(&c->pol, &d->v[at], sk_now_ms(), &leave);
		t->lease = leave.go;
		t->trial = leave.trial;
		d->changed[at] |= leave.go;
	}
	if (!leave.go) {
		refused(r, i, &leave);
		return 0;
	}
	rc = reserve(r, i);
	if (rc == SK_BUDGET) {
		no_money(r, i);
		return 0;
	}
	if (rc == 0)
		sk_turn_go(r, i);
	return rc;
}

int
sk_control_commit(struct sk_fan *r, size_t from, size_t to)
{
	struct sk_control *c = r->ctl;
	struct desk *d = sk_calloc(1, sizeof(*d));
	size_t n = c->len;
	int rc = 0;

	for (size_t i = from; rc == 0 && i < to; i++)
		rc = ended(r, d, r->ready[i]);
	for (size_t i = 0; rc == 0 && i < c->n_lost; i++) {
		rc = sk_fan_record(r, &r->ans[c->lost[i]]);
		if (rc == 0)
			rc = ended(r, d, c->lost[i]);
	}
	/* Who is refused now must not be recorded before it is looked at. */
	c->recorded = c->n_lost;
	while (rc == 0 && n-- > 0 && sk_control_room(r))
		rc = admit(r, d, sk_control_pop(r));
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		if (d->changed[i])
			rc = sk_provider_put(r->db, &d->v[i], r->err);
	free(d);
	return rc;
}
