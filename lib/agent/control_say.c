/* SPDX-License-Identifier: MIT */
/* Waits, retries and stand-ins are announced once each: one line on standard
 * error, one event. */
#include <string.h>

#include "agent/control.h"

static void
open_event(struct sk_fan *r, size_t i, const char *name, struct sk_jw *w,
    struct sk_buf *b)
{
	sk_fan_settle(r);
	sk_buf_init(b, 0);
	sk_event_open(w, b, name, &r->p->round);
	sk_jw_kstr(w, "agent", r->ans[i].slot->name);
	sk_jw_kint(w, "attempt", sk_answer_attempt(&r->ans[i]));
}

void
sk_control_say_retry(struct sk_fan *r, size_t i)
{
	const struct sk_answer *a = &r->ans[i];
	const struct sk_turn *t = &r->ctl->turn[i];
	char span[32], passed[32];
	struct sk_buf b;
	struct sk_jw w;

	sk_duration_text(t->step.wait_ms, span, sizeof(span));
	sk_duration_text(sk_mono_ms() - t->first_bad, passed, sizeof(passed));
	sk_live_wipe(r);
	if (t->kind != SK_K_AUTH) /* else it was said before the login */
		sk_say("agent '%s': %s (attempt %lld): %s; retrying in %s "
		       "(elapsed %s)",
		    a->slot->name, sk_kind_word(a->o.kind),
		    (long long)sk_answer_attempt(a), sk_outcome_text(&a->o),
		    span, passed);
	else
		sk_say("agent '%s': %s (attempt %lld); asking again at once",
		    a->slot->name, sk_kind_word(a->o.kind),
		    (long long)sk_answer_attempt(a));
	if (!sk_fan_talks(r))
		return;
	open_event(r, i, "retry", &w, &b);
	sk_jw_kstr(&w, "kind", sk_kind_word(a->o.kind));
	sk_jw_kstr(&w, "message", sk_outcome_text(&a->o));
	sk_jw_kint(&w, "wait_ms", t->step.wait_ms);
	sk_jw_ktime(&w, "resume_at", t->step.resume_ms);
	sk_jw_kbool(&w, "hinted", t->step.hinted);
	sk_fan_event(r, &w);
}

void
sk_control_say_wait(
    struct sk_fan *r, size_t i, const struct sk_leave *l, int64_t wait_ms)
{
	const struct sk_slot *s = r->ans[i].slot;
	struct sk_turn *t = &r->ctl->turn[i];
	char span[32];
	struct sk_buf b;
	struct sk_jw w;

	if (t->said)
		return;
	t->said = true;
	/* Room is made all the time; only times are worth a person's eyes. */
	if (l->until_ms != 0) {
		sk_duration_text(wait_ms, span, sizeof(span));
		sk_live_wipe(r);
		sk_say("agent '%s': %s of '%s'; waiting %s", s->name,
		    strcmp(l->why, "circuit_open") == 0 ? "circuit breaker"
							: "rate limit",
		    s->provider, span);
	}
	if (!sk_fan_talks(r))
		return;
	open_event(r, i, "waiting", &w, &b);
	sk_jw_kstr(&w, "provider", s->provider);
	sk_jw_kstr(&w, "reason", l->why);
	if (l->until_ms != 0)
		sk_jw_kint(&w, "wait_ms", wait_ms);
	sk_jw_ktime(&w, "resume_at", l->until_ms);
	sk_fan_event(r, &w);
}

void
sk_control_say_fallback(struct sk_fan *r, size_t i)
{
	const struct sk_answer *a = &r->ans[i];
	const struct sk_turn *t = &r->ctl->turn[i];
	struct sk_buf b;
	struct sk_jw w;

	sk_live_wipe(r);
	sk_say("agent '%s': %s (attempt %lld): %s; asking '%s' in its place",
	    a->slot->name, sk_kind_word(a->o.kind),
	    (long long)sk_answer_attempt(a), sk_outcome_text(&a->o),
	    t->next->base);
	if (!sk_fan_talks(r))
		return;
	open_event(r, i, "fallback", &w, &b);
	sk_jw_kstr(&w, "kind", sk_kind_word(a->o.kind));
	sk_jw_kstr(&w, "message", sk_outcome_text(&a->o));
	sk_jw_kstr(&w, "to", t->next->base);
	sk_fan_event(r, &w);
}
