/* SPDX-License-Identifier: MIT */
/* The live view: its picture, and its lines where there is no terminal. */
#include <stdio.h>
#include <string.h>

#include "pipeline/watch.h"

#define NARROW 60 /* columns; below, the short form of the status line */

/* Seconds that move are whole, or nobody could read them. */
static void
took(struct sk_buf *b, int64_t ms)
{
	char text[32];

	if (ms < 60000)
		(void)snprintf(
		    text, sizeof(text), "%llds", (long long)(ms / 1000));
	else
		sk_duration_text(ms, text, sizeof(text));
	sk_buf_printf(b, "%8s", text);
}

static int64_t
so_long(int64_t since_ms, int64_t ms)
{
	if (ms > 0 || since_ms == 0)
		return ms;
	ms = sk_now_ms() - since_ms;
	return ms > 0 ? ms : 0;
}

/* ---- the picture ---- */

static void
head(struct sk_buf *b, const struct sk_watched *w, size_t cols)
{
	char usd[SK_USD_LEN];

	if (cols >= NARROW) {
		sk_line_stage(b, &w->figures);
		sk_buf_ch(b, '\n');
	}
	sk_line_tokens(b, &w->figures, cols < NARROW);
	sk_usd_short(w->figures.all.cost, usd);
	sk_buf_printf(b, "\n%s%s  %s", usd,
	    w->figures.all.unpriced > 0 ? "+" : "",
	    w->run.state[0] != '\0' ? w->run.state : "new");
	if (w->alive)
		sk_buf_printf(b, ", %s by %s (pid %lld)", w->lease.phase,
		    w->lease.program, (long long)w->lease.proc.pid);
	else if (strcmp(w->run.state, "running") == 0)
		sk_buf_str(b, ", its driver is gone");
	sk_buf_str(b, "\n\n");
}

static const struct sk_stage_row *
row_of(const struct sk_watched *w, const char *stage)
{
	const struct sk_stage_row *r = NULL;

	for (size_t i = 0; i < w->nrows; i++)
		if (strcmp(w->rows[i].stage, stage) == 0)
			r = &w->rows[i];
	return r;
}

static void
agents(struct sk_buf *b, const struct sk_watched *w)
{
	for (size_t i = 0; i < w->n; i++) {
		const struct sk_watch_agent *x = &w->agents[i];

		sk_buf_printf(b, "  %-16s %-9s", x->name, x->state);
		if (strcmp(x->state, "waiting") != 0)
			took(b, so_long(x->since_ms, x->ms));
		if (x->attempt > 1)
			sk_buf_printf(
			    b, "  attempt %lld", (long long)x->attempt);
		if (x->kind != NULL && strcmp(x->state, "failed") == 0)
			sk_buf_printf(b, "  %s", x->kind);
		sk_buf_ch(b, '\n');
	}
}

void
sk_watch_picture(struct sk_buf *b, const struct sk_auto *a,
    const struct sk_watched *w, size_t cols)
{
	const struct sk_stage_row *r;

	(void)a;
	head(b, w, cols);
	for (const struct sk_stage *st = sk_stages; st->name != NULL; st++) {
		r = row_of(w, st->name);
		sk_buf_printf(b, "%-10s %-8s", st->name,
		    r != NULL ? r->state : "pending");
		if (r != NULL) {
			sk_buf_printf(
			    b, " %-9s", r->status[0] != '\0' ? r->status : "");
			took(b, r->ended_ms > 0 || w->alive
				    ? so_long(r->started_ms,
					  r->ended_ms > 0
					      ? r->ended_ms - r->started_ms + 1
					      : 0)
				    : 0);
		}
		sk_buf_ch(b, '\n');
		if (r != NULL && r == w->now)
			agents(b, w);
		if (r != NULL && r == w->now && r->reason != NULL)
			sk_buf_printf(b, "  %s\n", r->reason);
	}
}

/* ---- what changed ---- */

struct teller {
	struct sk_buf *b;
	const struct sk_auto *a;
};

static void
open_event(struct sk_jw *w, const struct teller *t, const char *event)
{
	sk_jw_doc(w, t->b, "sk.event/1");
	sk_jw_kstr(w, "event", event);
	sk_jw_ktime(w, "at", sk_now_ms());
	sk_jw_kstr(w, "run", t->a->run);
	sk_jw_kstr(w, "branch", t->a->branch);
	sk_jw_kstr(w, "spec", t->a->spec.id);
}

static void
close_event(struct sk_jw *w)
{
	sk_jw_done(w);
}

static void
tell_agent(
    const struct teller *t, const char *stage, const struct sk_watch_agent *x)
{
	char text[32];
	struct sk_jw w;

	if (t->a->json) {
		open_event(&w, t, "agent");
		sk_jw_kstr(&w, "stage", stage);
		sk_jw_kstr(&w, "agent", x->name);
		sk_jw_kstr(&w, "state", x->state);
		if (x->kind != NULL)
			sk_jw_kstr(&w, "kind", x->kind);
		sk_jw_kint(&w, "duration_ms", x->ms);
		close_event(&w);
		return;
	}
	sk_buf_printf(t->b, "%s: %s %s", stage, x->name, x->state);
	if (x->ms > 0) {
		sk_duration_text(x->ms, text, sizeof(text));
		sk_buf_printf(t->b, ", %s", text);
	}
	if (x->kind != NULL && strcmp(x->state, "failed") == 0)
		sk_buf_printf(t->b, ", %s", x->kind);
	sk_buf_ch(t->b, '\n');
}

static void
tell_stage(const struct teller *t, const struct sk_stage_row *r)
{
	bool ended = strcmp(r->state, "running") != 0;
	char text[32];
	struct sk_jw w;

	if (t->a->json) {
		open_event(&w, t, ended ? "stage.end" : "stage.start");
		sk_jw_kstr(&w, "stage", r->stage);
		sk_jw_kstr(&w, "state", r->state);
		sk_jw_kword(&w, "status", r->status);
		sk_jw_kint(&w, "duration_ms",
		    r->ended_ms > 0 ? r->ended_ms - r->started_ms : 0);
		close_event(&w);
		return;
	}
	sk_buf_printf(t->b, "%s: %s", r->stage, ended ? r->state : "begins");
	if (r->status[0] != '\0')
		sk_buf_printf(t->b, ", %s", r->status);
	if (ended && r->ended_ms > 0) {
		sk_duration_text(
		    r->ended_ms - r->started_ms, text, sizeof(text));
		sk_buf_printf(t->b, ", %s", text);
	}
	if (r->reason != NULL) {
		sk_buf_str(t->b, ", ");
		sk_buf_visible(t->b, r->reason, strlen(r->reason), false);
	}
	sk_buf_ch(t->b, '\n');
}

/* The line of the run as a whole, when it begins to be watched and when
 * somebody else or nobody drives it. */
static void
tell_run(const struct teller *t, const struct sk_watched *w)
{
	const char *state = w->run.state[0] != '\0' ? w->run.state : "new";
	struct sk_jw jw;
	struct sk_buf line;

	if (t->a->json) {
		open_event(&jw, t, "run");
		sk_jw_kstr(&jw, "state", state);
		sk_jw_kbool(&jw, "driver_alive", w->alive);
		close_event(&jw);
		return;
	}
	sk_buf_init(&line, 0);
	sk_line_stage(&line, &w->figures);
	sk_buf_printf(t->b, "%s | %s%s\n", line.p, state,
	    !w->alive && strcmp(state, "running") == 0 ? ", its driver is gone"
						       : "");
	sk_buf_free(&line);
}

static void
tell_end(const struct teller *t, const struct sk_watched *w)
{
	char usd[SK_USD_LEN];

	if (t->a->json)
		return;
	sk_line_tokens(t->b, &w->figures, false);
	sk_usd_short(w->figures.all.cost, usd);
	sk_buf_printf(t->b, " | %s\n", usd);
}

static bool
same_agent(const struct sk_watched *was, const struct sk_watch_agent *x)
{
	for (size_t i = 0; i < was->n; i++)
		if (strcmp(was->agents[i].name, x->name) == 0)
			return strcmp(was->agents[i].state, x->state) == 0 &&
			       was->agents[i].attempt == x->attempt;
	return false;
}

static bool
same_row(const struct sk_watched *was, const struct sk_stage_row *r)
{
	const struct sk_stage_row *old = row_of(was, r->stage);

	return old != NULL && strcmp(old->state, r->state) == 0 &&
	       strcmp(old->status, r->status) == 0 &&
	       old->started_ms == r->started_ms;
}

void
sk_watch_changes(struct sk_buf *b, const struct sk_auto *a,
    const struct sk_watched *was, const struct sk_watched *w)
{
	struct teller t = { b, a };
	bool same_stage;
	int end;

	if (was == NULL || was->alive != w->alive ||
	    strcmp(was->run.state, w->run.state) != 0)
		tell_run(&t, w);
	same_stage = was != NULL && was->now != NULL && w->now != NULL &&
	             strcmp(was->now->stage, w->now->stage) == 0 &&
	             was->now->started_ms == w->now->started_ms;
	for (size_t i = 0; i < w->nrows; i++) {
		bool changed = was == NULL || !same_row(was, &w->rows[i]);
		bool begins =
		    changed && strcmp(w->rows[i].state, "running") == 0;

		if (begins)
			tell_stage(&t, &w->rows[i]);
		/* Its agents stand between its beginning and its end. */
		for (size_t k = 0; &w->rows[i] == w->now && k < w->n; k++)
			if ((!same_stage || !same_agent(was, &w->agents[k])) &&
			    strcmp(w->agents[k].state, "waiting") != 0)
				tell_agent(&t, w->now->stage, &w->agents[k]);
		if (changed && !begins)
			tell_stage(&t, &w->rows[i]);
	}
	if (sk_watched_over(w, &end))
		tell_end(&t, w);
}
