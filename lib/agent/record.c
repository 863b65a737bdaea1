/* SPDX-License-Identifier: MIT */
/* sk.answer/1 and sk.event/1: the keys and their order. */
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

/* ---- parts ---- */

static void
put_usage(struct sk_jw *w, const struct sk_answer *a)
{
	const struct sk_usage *u = &a->o.usage;

	sk_jw_key(w, "usage");
	if (!u->known) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kcount(w, "input_fresh", u->input);
	sk_jw_kcount(w, "cache_read", u->cache_read);
	sk_jw_kcount(w, "cache_write", u->cache_write);
	sk_jw_kcount(w, "output", u->output);
	sk_jw_kcount(w, "reasoning", u->reasoning);
	sk_jw_kword(w, "scope",
	    a->o.scope != NULL    ? a->o.scope
	    : a->slot->ad != NULL ? a->slot->ad->scope
				  : NULL);
	sk_jw_end(w);
}

static void
put_cost(struct sk_jw *w, const struct sk_outcome *o, bool reused)
{
	char usd[SK_USD_LEN];

	sk_jw_key(w, "cost");
	if (o->cost_micro < 0) {
		sk_jw_null(w);
		return;
	}
	sk_usd(o->cost_micro, usd);
	sk_jw_obj(w);
	sk_jw_kint(w, "micro_usd", o->cost_micro);
	sk_jw_kstr(w, "usd", usd);
	sk_jw_kstr(w, "source", reused ? "reused" : "agent");
	sk_jw_end(w);
}

static void
put_timings(struct sk_jw *w, const struct sk_outcome *o)
{
	sk_jw_kobj(w, "timings");
	sk_jw_ktime(w, "started_at", o->started_ms);
	sk_jw_ktime(w, "ended_at", o->ended_ms);
	sk_jw_kint(w, "duration_ms", o->duration_ms);
	sk_jw_kcount(w, "first_byte_ms", o->first_byte_ms);
	sk_jw_end(w);
}

static void
put_failure(struct sk_jw *w, const struct sk_outcome *o)
{
	sk_jw_key(w, "failure");
	if (o->kind == SK_K_NONE) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(w, "kind", sk_kind_word(o->kind));
	sk_jw_kword(w, "code", o->code);
	sk_jw_kstr(w, "message", sk_outcome_text(o));
	sk_jw_kpos(w, "retry_after_ms", o->retry_after_ms);
	sk_jw_ktime(w, "reset_at", o->reset_at_ms);
	sk_jw_end(w);
}

static void
put_diff(struct sk_jw *w, const struct sk_outcome *o)
{
	if (o->diff == NULL)
		return;
	sk_jw_kstr(w, "diff", o->diff);
	sk_jw_kstr(w, "diff_base", o->base);
}

static void
put_content(struct sk_jw *w, const struct sk_outcome *o)
{
	struct sk_arena arena = { 0 };
	struct sk_jv *data = NULL;

	sk_jw_key(w, "content");
	if (o->content == NULL)
		sk_jw_null(w);
	else
		sk_jw_strn(w, o->content, o->content_n);
	if (o->content != NULL && o->kind == SK_K_NONE)
		(void)sk_json_find(&arena, o->content, o->content_n, &data);
	sk_jw_kvalue(w, "data", data);
	put_diff(w, o);
	sk_arena_free(&arena);
}

static const char *
model_of(const struct sk_answer *a)
{
	return a->o.model != NULL ? a->o.model : a->slot->model;
}

/* Who answered in the place of the one that was asked, and whose stored answer
 * this is. */
static void
put_origin(struct sk_jw *w, const struct sk_answer *a)
{
	sk_jw_kstr(w, "fallback", a->slot->stands_in ? a->slot->base : NULL);
	sk_jw_key(w, "reused");
	if (a->reused == NULL) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(w, "run", a->reused);
	sk_jw_kint(w, "seq", a->reused_seq);
	sk_jw_end(w);
}

/* ---- the answer ---- */

int64_t
sk_answer_attempt(const struct sk_answer *a)
{
	return a->shown > 0 ? a->shown : a->attempt;
}

void
sk_answer_json(
    struct sk_buf *b, const struct sk_round *r, const struct sk_answer *a)
{
	const struct sk_outcome *o = &a->o;
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.answer/1");
	sk_jw_kword(&w, "run", r->run);
	sk_jw_kword(&w, "branch", r->branch);
	sk_jw_kword(&w, "spec", r->spec);
	sk_jw_kword(&w, "stage", r->stage);
	sk_jw_kint(&w, "round", r->round);
	sk_jw_kstr(&w, "agent", a->slot->name);
	sk_jw_kword(&w, "adapter", a->slot->adapter_name);
	sk_jw_kword(&w, "model", model_of(a));
	sk_jw_kint(&w, "attempt", sk_answer_attempt(a));
	sk_jw_kpos(&w, "seq", a->seq);
	sk_jw_kstr(&w, "status", o->kind == SK_K_NONE ? "ok" : "failed");
	put_failure(&w, o);
	put_content(&w, o);
	sk_jw_kbool(&w, "lossy", o->lossy);
	put_usage(&w, a);
	put_cost(&w, o, a->reused != NULL);
	put_timings(&w, o);
	sk_jw_kcount(&w, "exit", o->exit_code);
	sk_jw_kcount(&w, "signal", o->signal);
	sk_jw_kword(&w, "session", o->session);
	sk_jw_kword(&w, "sha256", o->sha256);
	sk_jw_kword(&w, "host", o->host != NULL ? o->host : r->host);
	put_origin(&w, a);
	sk_jw_done(&w);
}

void
sk_answer_meta(
    struct sk_buf *b, const struct sk_round *r, const struct sk_answer *a)
{
	const struct sk_outcome *o = &a->o;
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kbool(&w, "lossy", o->lossy);
	put_usage(&w, a);
	put_cost(&w, o, a->reused != NULL);
	put_timings(&w, o);
	sk_jw_kcount(&w, "exit", o->exit_code);
	sk_jw_kcount(&w, "signal", o->signal);
	sk_jw_kword(&w, "host", r->host);
	sk_jw_kint(&w, "output_bytes", (int64_t)o->output_bytes);
	put_diff(&w, o);
	put_origin(&w, a);
	sk_jw_kstr(&w, "asked", a->slot->asked);
	sk_jw_kstr(&w, "question", r->question);
	sk_jw_end(&w);
}

/* ---- back from the store ---- */

static int64_t
count_of(const struct sk_jv *o, const char *k)
{
	int64_t x;

	return sk_jget_int(o, k, &x) && x >= 0 ? x : -1;
}

static void
from_meta(struct sk_outcome *o, const struct sk_jv *m)
{
	const struct sk_jv *u = sk_jget(m, "usage");
	const struct sk_jv *t = sk_jget(m, "timings");

	o->lossy = sk_jget_bool(m, "lossy", false);
	if (u != NULL && u->type == SK_J_OBJ) {
		o->usage.input = count_of(u, "input_fresh");
		o->usage.cache_read = count_of(u, "cache_read");
		o->usage.cache_write = count_of(u, "cache_write");
		o->usage.output = count_of(u, "output");
		o->usage.reasoning = count_of(u, "reasoning");
		o->usage.known = true;
	}
	o->cost_micro = count_of(sk_jget(m, "cost"), "micro_usd");
	o->exit_code = (int)count_of(m, "exit");
	o->signal = (int)count_of(m, "signal");
	if (t != NULL) {
		o->duration_ms = count_of(t, "duration_ms");
		o->first_byte_ms = count_of(t, "first_byte_ms");
	}
	if (sk_jget_str(m, "diff") != NULL)
		o->diff = sk_strdup(sk_jget_str(m, "diff"));
	if (sk_jget_str(m, "diff_base") != NULL)
		o->base = sk_strdup(sk_jget_str(m, "diff_base"));
	if (sk_jget_str(m, "host") != NULL)
		o->host = sk_strdup(sk_jget_str(m, "host"));
}

void
sk_answer_from_stored(struct sk_answer *a, const struct sk_stored *st)
{
	struct sk_outcome *o = &a->o;
	struct sk_arena arena = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_jv *m = NULL;

	a->seq = st->seq;
	a->attempt = st->attempt;
	o->started_ms = st->started_ms;
	o->ended_ms = st->ended_ms;
	o->duration_ms = st->ended_ms - st->started_ms;
	o->content = sk_malloc(st->content_n + 1);
	if (st->content_n > 0)
		memcpy(o->content, st->content, st->content_n);
	o->content[st->content_n] = '\0';
	o->content_n = st->content_n;
	memcpy(o->sha256, st->sha256, sizeof(o->sha256));
	if (st->session != NULL)
		o->session = sk_strdup(st->session);
	if (st->model != NULL && *st->model != '\0')
		o->model = sk_strdup(st->model);
	if (st->meta_json != NULL &&
	    sk_json_parse(&arena, st->meta_json, strlen(st->meta_json), NULL,
		&m, &ignored) == 0)
		from_meta(o, m);
	free(ignored.details);
	sk_arena_free(&arena);
}

/* ---- events ---- */

void
sk_event_open(struct sk_jw *w, struct sk_buf *b, const char *event,
    const struct sk_round *r)
{
	sk_jw_doc(w, b, "sk.event/1");
	sk_jw_kstr(w, "event", event);
	sk_jw_ktime(w, "at", sk_now_ms());
	sk_jw_kword(w, "run", r->run);
	sk_jw_kword(w, "branch", r->branch);
	sk_jw_kword(w, "spec", r->spec);
	sk_jw_kword(w, "stage", r->stage);
	sk_jw_kint(w, "round", r->round);
}
