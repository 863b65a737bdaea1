/* SPDX-License-Identifier: MIT */
/*
 * What a run prints. Standard output is written from the loop: a reader that
 * stops reading stops neither clocks nor signals. While too much waits for it,
 * no agent is read and none is started, so memory stays bounded.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/early.h"
#include "agent/replay.h"
#include "agent/run.h"
#include "cli/cli.h"

/* ---- the way out ---- */

static void
on_out(struct sk_outq *q, void *arg)
{
	(void)q;
	(void)arg; /* the loop's idle call looks at the queue */
}

static void
sink(const void *p, size_t n, void *arg)
{
	struct sk_fan *r = arg;

	sk_outq_add(r->outq, p, n);
}

int
sk_fan_out_open(struct sk_fan *r)
{
	r->outq =
	    sk_outq_new(r->loop, STDOUT_FILENO, SK_OUT_HIGH, on_out, r, r->err);
	if (r->outq == NULL)
		return r->err->exit;
	sk_out_sink(sink, r);
	sk_live_open(r);
	return 0;
}

void
sk_fan_out_close(struct sk_fan *r)
{
	if (r->outq == NULL)
		return;
	sk_live_close(r);
	sk_out_sink(NULL, NULL);
	sk_outq_free(r->outq);
	r->outq = NULL;
}

/* A reader that went away is no error of ours to talk about. */
static void
check(struct sk_fan *r)
{
	if (r->rc != 0 || sk_outq_error(r->outq) == 0)
		return;
	errno = sk_outq_error(r->outq);
	if (errno == EPIPE)
		r->gone = true;
	else
		r->rc =
		    sk_fail_errno(r->err, "cannot write to standard output");
}

static void
flush(struct sk_fan *r)
{
	sk_live_wipe(r);
	(void)sk_out_flush(r->err); /* into the queue */
	check(r);
}

/* ---- records ---- */

bool
sk_fan_talks(const struct sk_fan *r)
{
	return r->p->ask->events && !r->p->ask->text && !r->gone;
}

void
sk_fan_event(struct sk_fan *r, struct sk_jw *w)
{
	sk_out_json_end(w);
	flush(r);
}

/* What is recorded is told in the order in which it happened, so that a replay
 * can tell it again: answers that are settled come before the next event. */
void
sk_fan_settle(struct sk_fan *r)
{
	if (r->tape == NULL || r->busy || r->committed == r->nready ||
	    !sk_fan_talks(r))
		return;
	sk_fan_commit(r);
	(void)sk_fan_print(r);
}

void
sk_fan_started(struct sk_fan *r, size_t i)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_fan_settle(r);
	if (sk_tape_started(r, i) || !sk_fan_talks(r))
		return;
	sk_buf_init(&b, 0);
	sk_event_open(&w, &b, "started", &r->p->round);
	sk_jw_kstr(&w, "agent", r->ans[i].slot->name);
	sk_jw_kint(&w, "attempt", sk_answer_attempt(&r->ans[i]));
	if (r->live[i] != NULL && r->live[i]->pid != 0)
		sk_jw_kint(&w, "pid", r->live[i]->pid);
	sk_fan_event(r, &w);
}

#ifdef SK_FAULTS
/* May the next answer be printed? One that is to come late changes places with
 * the one after it, as soon as there is one. */
static bool
deliver_next(struct sk_fan *r)
{
	size_t *at = &r->ready[r->printed], first = *at;
	struct sk_answer *a = &r->ans[first];

	if (a->deliver == NULL)
		a->deliver = sk_hurt_print(a->slot->name, r->p->round.stage);
	if (strcmp(a->deliver, "reorder") != 0)
		return true;
	if (r->printed + 1 >= r->committed)
		return r->committed == r->p->slots.n || r->gone;
	a->deliver = "";
	at[0] = at[1];
	at[1] = first;
	a = &r->ans[at[0]];
	if (a->deliver == NULL)
		a->deliver = sk_hurt_print(a->slot->name, r->p->round.stage);
	return true;
}
#define DELIVER_NEXT(r) deliver_next(r)
#define DELIVERED_TWICE(a) (strcmp((a)->deliver, "duplicate") == 0)
#else
#define DELIVER_NEXT(r) true
#define DELIVERED_TWICE(a) false
#endif

static void
print_answer(struct sk_fan *r, struct sk_answer *a)
{
	struct sk_buf b;

	if (r->gone) {
		/* It is in the store. */
	} else if (r->p->ask->text) {
		sk_show_answer(a);
	} else {
		sk_buf_init(&b, 0);
		sk_answer_json(&b, &r->p->round, a);
		sk_out_json(&b);
		if (DELIVERED_TWICE(a))
			sk_out_json(&b);
		sk_buf_free(&b);
	}
	/* Thousands of answers must not stay in memory. */
	if (r->p->ask->until_decided)
		return;
	free(a->o.content);
	a->o.content = NULL;
}

static void
print_end(struct sk_fan *r)
{
	size_t n = r->p->slots.n;
	struct sk_tally t;
	struct sk_buf b;
	struct sk_jw w;

	sk_tally(r->ans, n, r->required, &t);
	if (r->p->ask->text) {
		sk_show_table(&r->p->round, r->ans, n);
		return;
	}
	sk_buf_init(&b, 0);
	sk_event_open(&w, &b, "run.end", &r->p->round);
	sk_jw_kint(&w, "agents", (int64_t)n);
	sk_jw_kint(&w, "ok", (int64_t)t.ok);
	sk_jw_kint(&w, "failed", (int64_t)(n - t.ok - t.not_needed));
	sk_jw_kint(&w, "not_needed", (int64_t)t.not_needed);
	sk_jw_kint(&w, "reused", (int64_t)r->reused);
	sk_jw_kint(&w, "required", (int64_t)t.required);
	sk_jw_kstr(&w, "error", t.error);
	sk_jw_ktime(&w, "resume_at", sk_control_resume(r));
	sk_jw_kint(&w, "duration_ms", sk_mono_ms() - r->start);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

/* ---- how far it is ---- */

static void
hold(struct sk_fan *r, bool on)
{
	if (r->held == on)
		return;
	r->held = on;
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_pause(r->live[i], on);
}

static void
on_give_up(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	r->hurry = true;
	sk_loop_stop(l);
}

bool
sk_fan_print(struct sk_fan *r)
{
	size_t n = r->p->slots.n;

	check(r);
	while (
	    r->rc == 0 && r->printed < r->committed && !sk_outq_full(r->outq)) {
		struct sk_answer *a;

		if (!DELIVER_NEXT(r))
			break;
		a = &r->ans[r->ready[r->printed++]];

		if (!r->gone && (r->rc = sk_fan_fetch(r, a)) != 0)
			return true;
		print_answer(r, a);
		flush(r);
	}
	if (r->rc == 0 && r->printed == n && !r->ended) {
		r->ended = true;
		print_end(r);
		flush(r);
	}
	if (r->rc != 0)
		return true;
	hold(r, sk_outq_full(r->outq));
	if (r->committed < n)
		return false;
	if (r->ended && sk_outq_len(r->outq) == 0)
		return true;
	/* All is recorded, and only the reader keeps us: somebody who said stop
	 * does not have to wait for it. */
	if (r->stop_signal != 0 && r->give_up_id == 0)
		r->give_up_id = sk_loop_timer(r->loop,
		    sk_mono_ms() + r->p->slots.v[0].grace_ms, on_give_up, r);
	return r->hurry;
}
