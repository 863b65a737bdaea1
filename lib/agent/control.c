/* SPDX-License-Identifier: MIT */
/* The queue of a fan-out: see control.h. */
#include <stdlib.h>
#include <string.h>

#include "agent/control.h"
#include "agent/early.h"
#include "agent/offer.h"
#include "agent/replay.h"

/* ---- rings ---- */

static void
push(size_t *ring, size_t n, size_t head, size_t *len, size_t i)
{
	ring[(head + (*len)++) % n] = i;
}

static size_t
pop(const size_t *ring, size_t n, size_t *head, size_t *len)
{
	size_t i = ring[*head];

	*head = (*head + 1) % n;
	(*len)--;
	return i;
}

size_t
sk_control_pop(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	return pop(c->queue, r->p->slots.n, &c->head, &c->len);
}

static void
enqueue(struct sk_fan *r, size_t i)
{
	struct sk_control *c = r->ctl;

	c->turn[i].state = SK_TURN_QUEUED;
	push(c->queue, r->p->slots.n, c->head, &c->len, i);
}

void
sk_turn_go(struct sk_fan *r, size_t i)
{
	struct sk_control *c = r->ctl;

	c->turn[i].state = SK_TURN_GO;
	push(c->go, r->p->slots.n, c->go_head, &c->go_len, i);
}

void
sk_turn_over(struct sk_fan *r, size_t i)
{
	r->ctl->turn[i].state = SK_TURN_OVER;
	r->ready[r->nready++] = i;
}

/* ---- opening ---- */

int
sk_control_check(const struct sk_ask *ask, struct sk_err *err)
{
	if (ask->record != NULL && ask->replay != NULL)
		return sk_fail(err, SK_USAGE, "bad_option",
		    "'--record' and '--replay' exclude each other");
	/* A copy of an answer changes no files. */
	if (ask->write && (ask->reuse || ask->replay != NULL))
		return sk_fail(err, SK_USAGE, "bad_option",
		    "'--write' excludes '--%s'",
		    ask->reuse ? "reuse" : "replay");
	return 0;
}

int
sk_control_open(struct sk_fan *r, struct sk_err *err)
{
	const struct sk_ask *ask = r->p->ask;
	size_t n = r->p->slots.n;
	struct sk_control *c;
	int rc;

	c = r->ctl = sk_calloc(1, sizeof(*c));
	rc = sk_retry_load(&c->pol, r->p->conf, ask->attempts,
	    ask->retry_ms > 0 ? ask->retry_ms : -1, err);
	c->pol.no_limits = ask->replay != NULL;
	c->turn = sk_calloc(n, sizeof(*c->turn));
	c->queue = sk_calloc(n, sizeof(*c->queue));
	c->go = sk_calloc(n, sizeof(*c->go));
	c->lost = sk_calloc(n, sizeof(*c->lost));
	c->next_due = INT64_MAX;
	for (size_t i = 0; i < n; i++) {
		if (r->stored[i])
			c->turn[i].state = SK_TURN_OVER;
		else if (r->ans[i].reused != NULL)
			sk_turn_over(r, i);
		else
			enqueue(r, i);
	}
	return rc;
}

void
sk_control_close(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	if (c == NULL)
		return;
	free(c->turn);
	free(c->queue);
	free(c->go);
	free(c->lost);
	free(c);
	r->ctl = NULL;
}

/* ---- waiting ---- */

static void
on_due(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	(void)l;
	r->ctl->timer_id = 0; /* the loop's idle call does the rest */
}

static void
arm(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	if (c->timer_id != 0)
		sk_loop_cancel(r->loop, c->timer_id);
	c->timer_id = 0;
	c->armed = c->next_due;
	if (c->waits > 0)
		c->timer_id = sk_loop_timer(r->loop, c->next_due, on_due, r);
}

void
sk_turn_wait(struct sk_fan *r, size_t i, int64_t due)
{
	struct sk_control *c = r->ctl;

	c->turn[i].state = SK_TURN_WAITS;
	c->turn[i].due = due;
	c->waits++;
	if (due < c->next_due)
		c->next_due = due;
}

/* Those whose time has come stand in the queue again, in their order. */
static void
wake(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;
	int64_t now = sk_mono_ms();

	if (c->waits == 0)
		return;
	if (now >= c->next_due) {
		c->next_due = INT64_MAX;
		for (size_t i = 0; i < r->p->slots.n; i++) {
			struct sk_turn *t = &c->turn[i];

			if (t->state != SK_TURN_WAITS)
				continue;
			if (t->due <= now) {
				c->waits--;
				enqueue(r, i);
			} else if (t->due < c->next_due) {
				c->next_due = t->due;
			}
		}
		arm(r);
	} else if (c->timer_id == 0 || c->next_due < c->armed) {
		arm(r);
	}
}

/* A call of ours has ended: whoever waits for room may look again. */
void
sk_control_poke(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	for (size_t i = 0; c->waits > 0 && i < r->p->slots.n; i++)
		if (c->turn[i].state == SK_TURN_WAITS &&
		    c->turn[i].poll_ms > 0) {
			c->turn[i].due = 0;
			c->next_due = 0;
		}
}

/* ---- beginning ---- */

bool
sk_control_room(const struct sk_fan *r)
{
	return r->rc == 0 && !r->held && r->running + r->ctl->go_len < r->jobs;
}

/* Needs neither a provider's leave nor a number of its own, and no budget wants
 * to know when it began. */
static bool
easy(const struct sk_fan *r, size_t i)
{
	const struct sk_control *c = r->ctl;

	return !c->turn[i].reserve && !r->ans[i].held &&
	       (c->pol.no_limits || r->ans[i].slot->provider == NULL);
}

bool
sk_control_ready(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	wake(r);
	while (c->len > 0 && sk_control_room(r) && easy(r, c->queue[c->head]))
		sk_turn_go(r, sk_control_pop(r));
	return c->go_len > 0 && r->rc == 0 && !r->held;
}

bool
sk_control_next(struct sk_fan *r, size_t *i)
{
	struct sk_control *c = r->ctl;
	struct sk_turn *t;

	if (!sk_control_ready(r))
		return false;
	*i = pop(c->go, r->p->slots.n, &c->go_head, &c->go_len);
	t = &c->turn[*i];
	t->state = SK_TURN_RUNS;
	t->calls++;
	t->all++;
	t->began = sk_now_ms();
	t->until = 0;
	t->said = false;
	t->poll_ms = 0;
	return true;
}

bool
sk_control_hungry(const struct sk_fan *r)
{
	return r->ctl->n_lost > 0 || (r->ctl->len > 0 && sk_control_room(r));
}

/* ---- after a failure ---- */

static int64_t
hint_of(const struct sk_outcome *o)
{
	if (o->retry_after_ms > 0)
		return o->retry_after_ms;
	return o->reset_at_ms > 0 ? o->reset_at_ms - sk_now_ms() : SK_NO_HINT;
}

static void
lose(struct sk_fan *r, size_t i)
{
	struct sk_control *c = r->ctl;

	c->turn[i].state = SK_TURN_LOST;
	c->lost[c->n_lost++] = i;
}

/* Another one answers in its place, when there is one and that can help. */
bool
sk_turn_stand_in(struct sk_fan *r, size_t i)
{
	struct sk_answer *a = &r->ans[i];
	struct sk_turn *t = &r->ctl->turn[i];
	bool can = t->step.next != SK_NEXT_WAIT && a->slot->fallback != NULL &&
	           r->ctl->pol.rule[a->o.kind].fallback;

	sk_tape_step(r, i, &t->step, &can);
	(void)sk_tape_keep(r, i);
	if (!can)
		return false;
	t->next = a->slot->fallback;
	sk_control_say_fallback(r, i);
	lose(r, i);
	return true;
}

void
sk_turn_suspend(struct sk_answer *a, int64_t resume_ms)
{
	a->resume_ms = resume_ms;
	if (a->o.reset_at_ms == 0)
		a->o.reset_at_ms = resume_ms;
}

static bool
ends_here(const struct sk_fan *r)
{
	return r->stop_signal != 0 || r->gone || r->decided || r->rc != 0;
}

/* What the step says: true when there will be another call. */
static bool
follow(struct sk_fan *r, size_t i)
{
	struct sk_turn *t = &r->ctl->turn[i];

	if (sk_turn_stand_in(r, i))
		return true;
	if (t->step.next == SK_NEXT_WAIT) {
		sk_control_say_retry(r, i);
		lose(r, i);
		return true;
	}
	if (t->step.next == SK_NEXT_SUSPEND)
		sk_turn_suspend(&r->ans[i], t->step.resume_ms);
	t->state = SK_TURN_OVER;
	return false;
}

bool
sk_control_again(struct sk_fan *r, size_t i)
{
	struct sk_control *c = r->ctl;
	struct sk_turn *t = &c->turn[i];
	struct sk_answer *a = &r->ans[i];
	int64_t now = sk_mono_ms(), hint = hint_of(&a->o);
	struct sk_retry own;
	uint64_t rnd;

	sk_tape_done(r, i);
	t->kind = a->o.kind;
	t->next = NULL;
	memset(&t->step, 0, sizeof(t->step));
	if (a->o.kind == SK_K_NONE || ends_here(r)) {
		t->state = SK_TURN_OVER;
		(void)sk_tape_keep(r, i);
		return false;
	}
	if (t->first_bad == 0)
		t->first_bad = now;
	sk_random(&rnd, sizeof(rnd));
	sk_retry_step(sk_retry_for(&c->pol, &a->slot->patience, &own), t->kind,
	    t->calls, hint, now - t->first_bad, sk_now_ms(), rnd, &t->step);
	if (t->step.next == SK_NEXT_WAIT && r->deadline != 0 &&
	    now + t->step.wait_ms >= r->deadline)
		t->step.next = SK_NEXT_SUSPEND;
	if (a->o.final)
		t->step.next = SK_NEXT_END;
	if (hint != SK_NO_HINT)
		t->until = sk_now_ms() + hint + c->pol.buffer_ms;
	else if (t->kind == SK_K_RATE_LIMITED)
		t->until = t->step.resume_ms;
	if (t->kind == SK_K_AUTH && sk_offer_make(r, i)) {
		t->state = SK_TURN_ASKS;
		return true;
	}
	return follow(r, i);
}

void
sk_control_answered(struct sk_fan *r, size_t i, bool in)
{
	struct sk_turn *t = &r->ctl->turn[i];

	if (in)
		t->step = (struct sk_step){ .next = SK_NEXT_WAIT,
			.resume_ms = sk_now_ms() };
	if (!follow(r, i))
		sk_turn_over(r, i);
}

/* ---- after it ---- */

static void
once_more(struct sk_fan *r, size_t i)
{
	struct sk_turn *t = &r->ctl->turn[i];
	struct sk_answer *a = &r->ans[i];

	if (ends_here(r)) {
		sk_turn_over(r, i); /* with the failure that it has */
		return;
	}
	sk_outcome_free(&a->o);
	sk_outcome_init(&a->o);
	t->reserve = true;
	if (t->next != NULL) {
		a->slot = t->next;
		t->calls = 0;
		t->first_bad = 0;
		enqueue(r, i);
	} else {
		sk_turn_wait(r, i,
		    sk_mono_ms() +
			(r->p->ask->replay == NULL ? t->step.wait_ms : 0));
	}
}

/* Nothing can be recorded: first calls go on without leave, there is no second
 * one. */
static void
without_store(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	for (size_t i = 0; i < c->n_lost; i++)
		sk_turn_over(r, c->lost[i]);
	c->n_lost = 0;
	while (c->len > 0 && sk_control_room(r)) {
		size_t i = sk_control_pop(r);

		if (!c->turn[i].reserve) {
			sk_turn_go(r, i);
			continue;
		}
		sk_outcome_fail(&r->ans[i].o, c->turn[i].kind,
		    "another call could not be recorded");
		sk_turn_over(r, i);
	}
}

void
sk_control_committed(struct sk_fan *r, bool ok)
{
	struct sk_control *c = r->ctl;

	if (!ok) {
		without_store(r);
		return;
	}
	for (size_t i = 0; i < c->recorded; i++)
		once_more(r, c->lost[i]);
	c->n_lost -= c->recorded;
	memmove(c->lost, c->lost + c->recorded, c->n_lost * sizeof(*c->lost));
	c->recorded = 0;
}

void
sk_control_stop(struct sk_fan *r)
{
	struct sk_control *c = r->ctl;

	sk_offer_drop(r);
	for (size_t i = 0; i < r->p->slots.n; i++) {
		struct sk_turn *t = &c->turn[i];
		struct sk_outcome *o = &r->ans[i].o;

		if (t->state == SK_TURN_ASKS) {
			(void)sk_tape_keep(r, i);
			sk_turn_over(r, i); /* with the failure that it has */
			continue;
		}
		if (t->state != SK_TURN_QUEUED && t->state != SK_TURN_WAITS &&
		    t->state != SK_TURN_GO)
			continue;
		o->started_ms = o->ended_ms = sk_now_ms();
		if (r->decided)
			sk_early_excuse(o);
		else if (t->calls == 0)
			sk_outcome_fail(o, SK_K_CANCELLED,
			    "cancelled before it was started");
		else
			sk_outcome_fail(o, SK_K_CANCELLED,
			    "cancelled while it waited (%s)",
			    sk_kind_word(t->kind));
		sk_turn_over(r, i);
	}
	c->len = c->go_len = c->waits = 0;
	c->next_due = INT64_MAX;
}

int64_t
sk_control_resume(const struct sk_fan *r)
{
	int64_t last = 0;

	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->ans[i].o.kind != SK_K_NONE && r->ans[i].resume_ms > last)
			last = r->ans[i].resume_ms;
	return last;
}
