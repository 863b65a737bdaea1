/* SPDX-License-Identifier: MIT */
/* Faults of agents: see hurt.h. In a release this file is empty. */
#include "agent/internal.h"

#ifdef SK_FAULTS
#include <signal.h>
#include <string.h>

#include "agent/hurt.h"

static bool
is(const struct sk_attempt *at, const char *kind)
{
	return strcmp(at->fault.kind, kind) == 0;
}

/* ---- instead of the call ---- */

static void
time_out(struct sk_outcome *o, const struct sk_slot *slot,
    const struct sk_fault_call *f)
{
	bool idle = strcmp(f->word, "idle") == 0;
	bool total = strcmp(f->word, "total") == 0;
	char span[32];

	/* Unless said otherwise the one that is asked again: who had all the
	 * time there is, is not. */
	sk_duration_text(f->arg >= 0 ? f->arg
			 : idle      ? slot->idle_ms
			 : total     ? slot->timeout_ms
				     : slot->first_byte_ms,
	    span, sizeof(span));
	sk_outcome_fail(o,
	    idle    ? SK_K_TIMEOUT_IDLE
	    : total ? SK_K_TIMEOUT_TOTAL
		    : SK_K_TIMEOUT_FIRST_BYTE,
	    "%s %s",
	    idle    ? "silent for"
	    : total ? "no answer within"
		    : "not a byte within",
	    span);
}

static void
limit_rate(struct sk_outcome *o, const struct sk_fault_call *f)
{
	if (f->word[0] == '\0') {
		sk_outcome_fail(o, SK_K_RATE_LIMITED,
		    "rate limit exceeded: 429 Too Many Requests");
		return;
	}
	sk_outcome_fail(o, SK_K_RATE_LIMITED,
	    "rate limit exceeded: retry after %lld seconds",
	    (long long)(f->arg / 1000));
	if (strchr(f->word, ':') != NULL) /* a date, and no span */
		(void)sk_time_parse(f->word, &o->reset_at_ms);
	else
		o->retry_after_ms = f->arg;
}

bool
sk_hurt_before(struct sk_attempt *at)
{
	struct sk_outcome *o = at->o;
	enum sk_kind k;

	if (!sk_fault_next(
		at->opts.slot->name, at->opts.stage, SK_FAULT_CALL, &at->fault))
		return false;
	if (is(at, "agent_timeout"))
		time_out(o, at->opts.slot, &at->fault);
	else if (is(at, "rate_limit"))
		limit_rate(o, &at->fault);
	else if (is(at, "disconnect") && strcmp(at->fault.word, "mid") != 0)
		sk_outcome_fail(
		    o, SK_K_TRANSPORT, "stream disconnected before completion");
	else if (is(at, "agent_fail") && sk_kind_of(at->fault.word, &k))
		sk_outcome_fail(o, k, "%s (injected)", at->fault.word);
	return o->kind != SK_K_NONE;
}

/* ---- while it runs ---- */

static void
cut(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;

	(void)l;
	at->fault_id = 0;
	if (at->over)
		return;
	sk_outcome_fail(
	    at->o, SK_K_TRANSPORT, "stream disconnected before completion");
	at->ops->stop(at, true);
}

/* An agent that is slow is not begun yet: every clock of ours runs, and nothing
 * it does can be too early. */
static void
end_now(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;

	(void)l;
	at->fault_id = 0;
	sk_attempt_end(at);
}

static void
stop_waiting(struct sk_attempt *at, bool now)
{
	(void)now;
	if (at->fault_id != 0)
		sk_loop_cancel(at->loop, at->fault_id);
	at->fault_id = sk_loop_timer(at->loop, sk_mono_ms(), end_now, at);
}

static void
pause_nothing(struct sk_attempt *at, bool on)
{
	(void)at;
	(void)on;
}

static void
clear_nothing(struct sk_attempt *at)
{
	(void)at;
}

static const struct sk_attempt_ops waiting = {
	.stop = stop_waiting, .pause = pause_nothing, .clear = clear_nothing
};

static void
begin_late(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;

	at->fault_id = 0;
	at->ops = at->opts.slot->ops;
	if (at->ops->start(at))
		return;
	at->ops = &waiting;
	end_now(l, at);
}

bool
sk_hurt_late(struct sk_attempt *at)
{
	if (!is(at, "agent_slow"))
		return false;
	at->ops = &waiting;
	at->fault_id = sk_loop_timer(
	    at->loop, sk_mono_ms() + at->fault.arg, begin_late, at);
	return true;
}

void
sk_hurt_begun(struct sk_attempt *at)
{
	if (is(at, "agent_kill") && at->pid != 0)
		sk_tree_signal(at->pid, SIGKILL);
}

void
sk_hurt_heard(struct sk_attempt *at)
{
	if (at->fault_id == 0 && at->bytes > 0 &&
	    (is(at, "disconnect") || is(at, "agent_kill")))
		at->fault_id = sk_loop_timer(at->loop, sk_mono_ms(), cut, at);
}

/* ---- with the answer ---- */

static void
cut_short(struct sk_attempt *at)
{
	struct sk_outcome *o = at->o;
	size_t n = o->content_n / 2;

	if (at->fault.arg >= 0 && (uint64_t)at->fault.arg < o->content_n)
		n = (size_t)at->fault.arg;
	sk_outcome_again(o, o->content, n, NULL);
	sk_outcome_fail(
	    o, SK_K_TRUNCATED, "the answer stops after %zu bytes", n);
}

static void
damage(struct sk_attempt *at)
{
	struct sk_outcome *o = at->o;
	struct sk_buf b;

	/* JSON is none any more, and text is not UTF-8. */
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "{\xff\"");
	for (size_t i = 0; i < o->content_n; i++)
		if (o->content[i] != '}' && o->content[i] != '{')
			sk_buf_ch(&b, o->content[i]);
	sk_outcome_again(o, b.p, b.len, at->opts.schema);
	sk_buf_free(&b);
}

void
sk_hurt_end(struct sk_attempt *at)
{
	struct sk_outcome *o = at->o;

	/* What is no process of ours cannot be killed. */
	if (is(at, "disconnect") || (is(at, "agent_kill") && at->pid == 0))
		sk_outcome_fail(
		    o, SK_K_TRANSPORT, "stream disconnected before completion");
	if (o->kind != SK_K_NONE || o->content == NULL)
		return;
	if (is(at, "agent_kill")) { /* it was faster than we */
		sk_outcome_fail(o, SK_K_KILLED, "ended by signal 9");
		o->exit_code = -1;
		o->signal = SIGKILL;
	} else if (is(at, "agent_empty"))
		sk_outcome_again(o, "", 0, NULL);
	else if (is(at, "agent_truncated"))
		cut_short(at);
	else if (is(at, "agent_malformed"))
		damage(at);
}

void
sk_hurt_free(struct sk_attempt *at)
{
	if (at->fault_id != 0)
		sk_loop_cancel(at->loop, at->fault_id);
	at->fault_id = 0;
}

/* ---- on its way out ---- */

const char *
sk_hurt_print(const char *agent, const char *stage)
{
	struct sk_fault_call f;

	if (!sk_fault_next(agent, stage, SK_FAULT_PRINT, &f))
		return "";
	return strcmp(f.kind, "reorder") == 0 ? "reorder" : "duplicate";
}
#endif
