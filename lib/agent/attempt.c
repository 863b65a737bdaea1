/* SPDX-License-Identifier: MIT */
/*
 * What all kinds of attempt share: the clocks, being stopped, the end. A kind
 * (a process, an exchange over HTTP) says when bytes arrive and when it is
 * over; everything about time is decided here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/internal.h"

/* ---- clocks ---- */

struct due {
	int64_t at;
	enum sk_kind kind;
	char why[96];
};

static void
sooner(
    struct due *d, int64_t at, enum sk_kind kind, const char *fmt, int64_t span)
{
	char text[32];

	if (at >= d->at)
		return;
	d->at = at;
	d->kind = kind;
	sk_duration_text(span, text, sizeof(text));
	/* fmt is one of the literals below. */
	snprintf(d->why, sizeof(d->why), "%s %s", fmt, text);
}

/*
 * The clock that runs out first. Silence counts only for what streams, and only
 * while we listen: an agent that waits for us is not silent.
 */
static void
next_due(const struct sk_attempt *at, struct due *d)
{
	const struct sk_slot *slot = at->opts.slot;

	d->at = INT64_MAX;
	sooner(d, at->start + slot->timeout_ms, SK_K_TIMEOUT_TOTAL,
	    "no answer within", slot->timeout_ms);
	if (at->opts.deadline != 0)
		sooner(d, at->opts.deadline, SK_K_TIMEOUT_TOTAL,
		    "the deadline came after", at->opts.deadline - at->start);
	if (at->limit != 0)
		sooner(d, at->limit, SK_K_TIMEOUT_TOTAL,
		    "far slower than its peers: no answer within",
		    at->limit - at->start);
	if (!slot->ad->streams || at->paused)
		return;
	if (at->bytes == 0 && slot->first_byte_ms > 0)
		sooner(d, at->heard + slot->first_byte_ms,
		    SK_K_TIMEOUT_FIRST_BYTE, "not a byte within",
		    slot->first_byte_ms);
	else if (at->bytes > 0 && slot->idle_ms > 0)
		sooner(d, at->heard + slot->idle_ms, SK_K_TIMEOUT_IDLE,
		    "silent for", slot->idle_ms);
}

static void arm(struct sk_attempt *at);

static void
unarm(struct sk_attempt *at)
{
	if (at->clock_id != 0)
		sk_loop_cancel(at->loop, at->clock_id);
	at->clock_id = 0;
}

/* It has ended by itself, although we have not come to hear of it. */
static bool
ended(const struct sk_attempt *at)
{
	siginfo_t si = { 0 };

	return at->over || (at->pid != 0 &&
			       waitid(P_PID, (id_t)at->pid, &si,
				   WEXITED | WNOHANG | WNOWAIT) == 0 &&
			       si.si_pid == at->pid);
}

static void
on_clock(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;
	struct due d;

	(void)l;
	at->clock_id = 0;
	next_due(at, &d);
	if (d.at > sk_mono_ms()) {
		arm(at); /* it was heard meanwhile */
		return;
	}
	if (ended(at))
		return;
	sk_outcome_fail(at->o, d.kind, "%s", d.why);
	at->ops->stop(at, false);
}

static void
arm(struct sk_attempt *at)
{
	struct due d;

	unarm(at);
	next_due(at, &d);
	at->clock_id = sk_loop_timer(at->loop, d.at, on_clock, at);
}

void
sk_attempt_hush(struct sk_attempt *at)
{
	unarm(at);
	at->over = true;
}

void
sk_attempt_heard(struct sk_attempt *at, size_t n, bool answer)
{
	at->heard = sk_mono_ms();
	/* Timers are not moved for every byte; but between the first byte and
	 * silence another span counts. */
	at->bytes += n;
	SK_HURT_HEARD(at);
	if (at->bytes == n && at->clock_id != 0)
		arm(at);
	if (answer && at->o->first_byte_ms < 0)
		at->o->first_byte_ms = at->heard - at->start;
}

void
sk_attempt_limit(struct sk_attempt *at, int64_t limit)
{
	at->limit = limit;
	if (at->clock_id != 0)
		arm(at);
}

void
sk_attempt_pause(struct sk_attempt *at, bool on)
{
	if (at->paused == on)
		return;
	at->paused = on;
	at->heard = sk_mono_ms();
	at->ops->pause(at, on);
	if (at->clock_id != 0)
		arm(at);
}

/* ---- from start to end ---- */

struct sk_attempt *
sk_attempt_start(
    struct sk_loop *l, const struct sk_attempt_opts *opts, struct sk_outcome *o)
{
	const struct sk_slot *slot = opts->slot;
	struct sk_attempt *at;

	o->started_ms = o->ended_ms = sk_now_ms();
	if (slot->broken != SK_K_NONE) {
		sk_outcome_fail(o, slot->broken, "%s", slot->broken_why);
		return NULL;
	}
	if (opts->deadline != 0 && sk_mono_ms() >= opts->deadline) {
		sk_outcome_fail(o, SK_K_TIMEOUT_TOTAL,
		    "the deadline came before it was started");
		return NULL;
	}
	at = sk_calloc(1, slot->ops->size);
	at->ops = slot->ops;
	at->loop = l;
	at->opts = *opts;
	at->o = o;
	at->start = at->heard = sk_mono_ms();
	if (SK_HURT_BEFORE(at) || (!SK_HURT_LATE(at) && !at->ops->start(at))) {
		free(at);
		return NULL;
	}
	SK_HURT_BEGUN(at);
	arm(at);
	return at;
}

void
sk_attempt_cancel(struct sk_attempt *at, bool now)
{
	if (ended(at))
		return;
	/* The first cause stays: what timed out was not cancelled. */
	sk_outcome_fail(at->o, SK_K_CANCELLED, "cancelled");
	at->ops->stop(at, now);
}

void
sk_attempt_end(struct sk_attempt *at)
{
	sk_attempt_hush(at);
	SK_HURT_END(at);
	at->o->ended_ms = sk_now_ms();
	at->o->duration_ms = sk_mono_ms() - at->start;
	at->opts.done(at, at->opts.arg); /* which frees it */
}

void
sk_attempt_free(struct sk_attempt *at)
{
	unarm(at);
	SK_HURT_FREE(at);
	at->ops->clear(at);
	free(at);
}
