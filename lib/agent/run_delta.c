/* SPDX-License-Identifier: MIT */
/* Answers as they grow: one sk.event/1 for what came in one turn of the loop,
 * not one for each piece of a provider's. */
#include "agent/run.h"
#include "cli/cli.h"

static void
on_delta(struct sk_attempt *at, const char *p, size_t n, void *arg)
{
	struct sk_fan *r = arg;
	struct sk_buf b;
	struct sk_jw w;
	size_t i = 0;

	while (i < r->p->slots.n && r->live[i] != at)
		i++;
	if (i == r->p->slots.n || r->gone)
		return;
	sk_buf_init(&b, 0);
	sk_event_open(&w, &b, "delta", &r->p->round);
	sk_jw_kstr(&w, "agent", r->ans[i].slot->name);
	sk_jw_kint(&w, "attempt", sk_answer_attempt(&r->ans[i]));
	sk_jw_key(&w, "text");
	sk_jw_strn(&w, p, n);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
	(void)sk_out_flush(r->err); /* into the queue, whose owner checks it */
}

void (*sk_fan_delta(const struct sk_fan *r))(
    struct sk_attempt *at, const char *p, size_t n, void *arg)
{
	return r->p->ask->stream && !r->p->ask->text ? on_delta : NULL;
}
