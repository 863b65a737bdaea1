/* SPDX-License-Identifier: MIT */
/* Tapes: see replay.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/control.h"
#include "agent/replay.h"

#define TAPE_MAX ((size_t)128 << 20)
#define ORDER_LAST ((int64_t)1 << 52) /* of what is not on the tape */

static const struct sk_jlimits limits = { .bytes = TAPE_MAX,
	.depth = 64,
	.tokens = 1000000,
	.string = TAPE_MAX,
	.key = 1024 };
static const char *const next_words[] = { [SK_NEXT_END] = "end",
	[SK_NEXT_WAIT] = "retry",
	[SK_NEXT_SUSPEND] = "suspend" };

/* One agent's part of the tape. */
struct reel {
	int64_t calls; /* written or played so far */
	/* Of the call that is under way: its places in the order of everything,
	 * begun -1 = it never did. */
	int64_t begun, order;
	bool told, telling; /* that it has begun */
	int64_t duration_ms, first_byte_ms, wait_ms;
	enum sk_next next;
	bool stand_in;
	struct sk_attempt *live; /* waits for its turn */
};
struct sk_tape {
	const char *dir;
	bool play;
	struct reel *reel;
	int64_t order; /* the next to be written or played */
	size_t pending;
	int64_t timer_id;
	struct sk_err err; /* the first that could not be written */
};

/* ---- the question, in run.json ---- */

static char *
run_file(const char *dir)
{
	return sk_path_join(dir, "run.json");
}

static void
write_question(const struct sk_prep *p, struct sk_buf *b)
{
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.tape/1");
	sk_jw_kstr(&w, "prompt_sha256", p->prompt_sha256);
	sk_jw_kstr(&w, "schema_sha256",
	    p->schema_sha256[0] != '\0' ? p->schema_sha256 : NULL);
	sk_jw_kword(&w, "spec", p->round.spec);
	sk_jw_kword(&w, "stage", p->round.stage);
	sk_jw_kint(&w, "round", p->round.round);
	sk_jw_karr(&w, "agents");
	for (size_t i = 0; i < p->slots.n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "agent", p->slots.v[i].name);
		sk_jw_kstr(&w, "adapter", p->slots.v[i].adapter_name);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

static int
read_file(
    struct sk_arena *a, const char *path, struct sk_jv **v, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, TAPE_MAX);
	rc = sk_read_file(path, TAPE_MAX, &b, err);
	if (rc == 0)
		rc = sk_json_parse(a, b.p, b.len, &limits, v, err);
	if (rc == 0 && !sk_streq(sk_jget_str(*v, "schema"), "sk.tape/1"))
		rc = sk_fail(err, SK_DAMAGED, "bad_recording",
		    "'%s' is no recording", path);
	if (rc != 0 && sk_streq(err->code, "bad_json")) {
		char *why = sk_strdup(err->message);

		rc = sk_fail(err, SK_DAMAGED, "bad_recording",
		    "cannot read recording '%s': %s", path, why);
		free(why);
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_tape_peek(struct sk_prep *p, struct sk_err *err)
{
	struct sk_request *q = &p->req;
	const struct sk_jv *l;
	struct sk_jv *v;
	char *path;
	int rc;

	if (p->ask->replay == NULL)
		return 0;
	path = run_file(p->ask->replay);
	rc = read_file(&q->arena, path, &v, err);
	free(path);
	if (rc != 0)
		return rc;
	if (!sk_streq(sk_jget_str(v, "prompt_sha256"), p->prompt_sha256)) {
		(void)sk_fail(err, SK_USAGE, "other_recording",
		    "the recording in '%s' is of another prompt",
		    p->ask->replay);
		return sk_hint(err, "give the prompt that it was made with");
	}
	if (q->spec == NULL)
		q->spec = sk_jget_str(v, "spec");
	if (q->stage == NULL)
		q->stage = sk_jget_str(v, "stage");
	if (q->round == 0)
		(void)sk_jget_int(v, "round", &q->round);
	l = sk_jget(v, "agents");
	for (size_t i = 0, n = q->agents.n; n == 0 && i < sk_jlen(l); i++) {
		const char *name = sk_jget_str(l->a[i], "agent");
		const char *adapter = sk_jget_str(l->a[i], "adapter");

		if (name != NULL)
			sk_strv_add(&q->agents,
			    sk_arena_printf(&q->arena, "%s=%s", name,
				adapter != NULL ? adapter : "exec"));
	}
	return 0;
}

/* ---- opening and closing ---- */

static int
open_record(struct sk_fan *r, const char *dir, struct sk_err *err)
{
	char *path = run_file(dir);
	struct sk_buf b;
	struct stat st;
	int rc;

	rc = sk_mkdirs(dir, 0700, err);
	if (rc == 0 && stat(path, &st) == 0) {
		(void)sk_fail(err, SK_USAGE, "recording_exists",
		    "there is a recording in '%s' already", dir);
		rc = sk_hint(err, "name another directory");
	}
	sk_buf_init(&b, 0);
	write_question(r->p, &b);
	if (rc == 0)
		rc = sk_write_file(path, b.p, b.len, 0600, err);
	sk_buf_free(&b);
	free(path);
	return rc;
}

static const struct sk_attempt_ops play; /* below */

/* Nobody is asked, so nothing has to be installed. */
static int
open_replay(struct sk_fan *r, struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < r->p->slots.n; i++) {
		struct sk_slot *t = &r->p->slots.v[i];

		for (; rc == 0 && t != NULL; t = t->fallback) {
			t->ops = &play;
			t->broken = SK_K_NONE;
			if (t->ad == NULL)
				rc = sk_adapter_get("exec", &t->ad, err);
		}
	}
	return rc;
}

int
sk_tape_open(struct sk_fan *r, struct sk_err *err)
{
	const struct sk_ask *ask = r->p->ask;
	struct sk_tape *t;

	if (ask->record == NULL && ask->replay == NULL)
		return 0;
	t = r->tape = sk_calloc(1, sizeof(*t));
	t->play = ask->replay != NULL;
	t->dir = t->play ? ask->replay : ask->record;
	t->reel = sk_calloc(r->p->slots.n, sizeof(*t->reel));
	for (size_t i = 0; i < r->p->slots.n; i++)
		t->reel[i].begun = -1;
	return t->play ? open_replay(r, err) : open_record(r, t->dir, err);
}

void
sk_tape_close(struct sk_fan *r)
{
	struct sk_tape *t = r->tape;

	if (t == NULL)
		return;
	if (t->err.exit != 0 && r->err->exit == 0)
		*r->err = t->err;
	else
		sk_err_clear(&t->err);
	free(t->reel);
	free(t);
	r->tape = NULL;
}

/* ---- one call ---- */

static char *
call_file(const struct sk_tape *t, const struct sk_slot *s, int64_t n)
{
	/* Names are identifiers: they cannot lead out of the directory. */
	return sk_asprintf("%s/%s.%lld.json", t->dir, s->name, (long long)n);
}

int
sk_tape_keep(struct sk_fan *r, size_t i)
{
	struct sk_tape *t = r->tape;
	struct sk_answer *a = &r->ans[i];
	struct reel *reel;
	struct sk_buf b, answer;
	struct sk_jw w;
	char *path;
	int rc;

	if (t == NULL || t->play || t->err.exit != 0)
		return 0;
	reel = &t->reel[i];
	sk_buf_init(&answer, TAPE_MAX);
	sk_answer_json(&answer, &r->p->round, a);
	sk_buf_init(&b, TAPE_MAX);
	sk_jw_doc(&w, &b, "sk.tape/1");
	sk_jw_kint(&w, "begun", reel->begun);
	sk_jw_kint(&w, "order", t->order++);
	sk_jw_kstr(&w, "next", next_words[reel->next]);
	sk_jw_kbool(&w, "stand_in", reel->stand_in);
	sk_jw_kint(&w, "wait_ms", reel->wait_ms);
	sk_jw_key(&w, "answer");
	sk_jw_raw(&w, answer.p, answer.len - 1);
	sk_jw_done(&w);
	reel->begun = -1;
	path = call_file(t, a->slot, ++reel->calls);
	rc = sk_write_file(path, b.p, b.len, 0600, &t->err);
	free(path);
	sk_buf_free(&b);
	sk_buf_free(&answer);
	return rc;
}

void
sk_tape_step(struct sk_fan *r, size_t i, struct sk_step *step, bool *stand_in)
{
	struct sk_tape *t = r->tape;
	struct reel *reel;

	if (t == NULL)
		return;
	reel = &t->reel[i];
	if (!t->play) {
		reel->next = step->next;
		reel->stand_in = *stand_in;
		reel->wait_ms = step->wait_ms;
		return;
	}
	step->next = reel->next;
	step->resume_ms = sk_now_ms() + reel->wait_ms;
	step->wait_ms = reel->wait_ms; /* is said, and not waited for */
	*stand_in = reel->stand_in && r->ans[i].slot->fallback != NULL;
}

bool
sk_tape_started(struct sk_fan *r, size_t i)
{
	struct sk_tape *t = r->tape;

	if (t == NULL)
		return false;
	if (!t->play)
		t->reel[i].begun = t->order++;
	return t->play && !t->reel[i].telling;
}

void
sk_tape_done(struct sk_fan *r, size_t i)
{
	struct sk_outcome *o = &r->ans[i].o;

	if (r->tape == NULL || !r->tape->play)
		return;
	o->duration_ms = r->tape->reel[i].duration_ms;
	o->first_byte_ms = r->tape->reel[i].first_byte_ms;
}

/* ---- playing ---- */

static void
take_failure(struct sk_outcome *o, const struct sk_jv *f)
{
	const char *at = sk_jget_str(f, "reset_at");
	const char *text = sk_jget_str(f, "message");
	enum sk_kind k = SK_K_INTERNAL;

	if (f == NULL || f->type != SK_J_OBJ)
		return;
	(void)sk_kind_of(sk_jget_str(f, "kind"), &k);
	sk_outcome_fail(o, k, "%s", text != NULL ? text : "");
	if (sk_jget_str(f, "code") != NULL)
		(void)snprintf(
		    o->code, sizeof(o->code), "%s", sk_jget_str(f, "code"));
	(void)sk_jget_int(f, "retry_after_ms", &o->retry_after_ms);
	if (at != NULL)
		(void)sk_time_parse(at, &o->reset_at_ms);
}

/* An answer record becomes the outcome that it was. */
static void
take_answer(
    struct sk_arena *a, struct sk_outcome *o, const struct sk_jv *answer)
{
	const struct sk_jv *c = sk_jget(answer, "content");
	const char *sha = sk_jget_str(answer, "sha256");
	struct sk_answer tmp = { 0 };
	struct sk_stored st = { 0 };
	struct sk_buf meta;

	sk_buf_init(&meta, TAPE_MAX);
	sk_json_write(&meta, answer);
	st.meta_json = meta.p;
	st.model = (char *)(uintptr_t)sk_jget_str(answer, "model");
	st.session = (char *)(uintptr_t)sk_jget_str(answer, "session");
	if (c != NULL && c->type == SK_J_STR) {
		st.content = sk_arena_strndup(a, c->s, c->n);
		st.content_n = c->n;
	}
	(void)snprintf(
	    st.sha256, sizeof(st.sha256), "%s", sha != NULL ? sha : "");
	sk_outcome_init(&tmp.o);
	sk_answer_from_stored(&tmp, &st);
	if (st.content == NULL) {
		free(tmp.o.content);
		tmp.o.content = NULL;
	}
	free(tmp.o.host);
	tmp.o.host = NULL; /* it is played here */
	tmp.o.started_ms = o->started_ms;
	sk_outcome_free(o);
	*o = tmp.o;
	take_failure(o, sk_jget(answer, "failure"));
	sk_buf_free(&meta);
}

static void
load(struct sk_fan *r, size_t i, struct sk_outcome *o)
{
	struct sk_tape *t = r->tape;
	struct reel *reel = &t->reel[i];
	char *path = call_file(t, r->ans[i].slot, ++reel->calls);
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	const char *next;
	struct sk_jv *v;

	reel->next = SK_NEXT_END;
	reel->stand_in = false;
	reel->wait_ms = 0;
	reel->order = ORDER_LAST;
	reel->begun = -1;
	r->ans[i].shown = 0;
	if (read_file(&a, path, &v, &err) != 0) {
		sk_outcome_fail(o, SK_K_INTERNAL, "%s", err.message);
		sk_err_clear(&err);
	} else {
		take_answer(&a, o, sk_jget(v, "answer"));
		(void)sk_jget_int(
		    sk_jget(v, "answer"), "attempt", &r->ans[i].shown);
		(void)sk_jget_int(v, "order", &reel->order);
		(void)sk_jget_int(v, "begun", &reel->begun);
		(void)sk_jget_int(v, "wait_ms", &reel->wait_ms);
		next = sk_jget_str(v, "next");
		for (size_t k = 0; k < SK_ARRAY_SIZE(next_words); k++)
			if (sk_streq(next, next_words[k]))
				reel->next = (enum sk_next)k;
		reel->stand_in = sk_jget_bool(v, "stand_in", false);
	}
	reel->told = reel->begun < 0;
	reel->duration_ms = o->duration_ms;
	reel->first_byte_ms = o->first_byte_ms;
	sk_arena_free(&a);
	free(path);
}

/* Is anything on its way that could have an earlier turn? */
static bool
in_motion(const struct sk_fan *r)
{
	const struct sk_control *c = r->ctl;

	return c->go_len > 0 || c->n_lost > 0 || c->waits > 0 ||
	       (c->len > 0 && r->running < r->jobs) || r->committed < r->nready;
}

static int64_t
place(const struct reel *reel)
{
	return reel->told ? reel->order : reel->begun;
}

static void
turn(struct sk_fan *r, size_t i)
{
	struct sk_tape *t = r->tape;
	struct reel *reel = &t->reel[i];
	struct sk_attempt *at = reel->live;

	t->order = place(reel) + 1;
	if (!reel->told) {
		reel->told = reel->telling = true;
		sk_fan_started(r, i);
		reel->telling = false;
		return;
	}
	reel->live = NULL;
	t->pending--;
	sk_attempt_end(at);
}

/* Calls begin and end in the order in which they did, whatever else is
 * different. */
static void
on_turn(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;
	struct sk_tape *t = r->tape;
	size_t best = 0, n = r->p->slots.n;

	t->timer_id = 0;
	while (best < n && t->reel[best].live == NULL)
		best++;
	for (size_t i = best; i < n; i++)
		if (t->reel[i].live != NULL &&
		    place(&t->reel[i]) < place(&t->reel[best]))
			best = i;
	if (best == n)
		return;
	if (place(&t->reel[best]) <= t->order || !in_motion(r))
		turn(r, best);
	if (t->pending > 0 && t->timer_id == 0)
		t->timer_id = sk_loop_timer(l, sk_mono_ms(), on_turn, r);
}

static size_t
slot_of(const struct sk_fan *r, const struct sk_attempt *at)
{
	size_t i = 0;

	while (&r->ans[i].o != at->o)
		i++;
	return i;
}

static bool
play_start(struct sk_attempt *at)
{
	struct sk_fan *r = at->opts.arg;
	struct sk_tape *t = r->tape;
	size_t i = slot_of(r, at);

	load(r, i, at->o);
	t->reel[i].live = at;
	t->pending++;
	if (t->timer_id == 0)
		t->timer_id = sk_loop_timer(r->loop, sk_mono_ms(), on_turn, r);
	return true;
}

static void
play_stop(struct sk_attempt *at, bool now)
{
	(void)at; /* its turn comes at once */
	(void)now;
}

static void
play_pause(struct sk_attempt *at, bool on)
{
	(void)at;
	(void)on;
}

static void
play_clear(struct sk_attempt *at)
{
	struct sk_fan *r = at->opts.arg;
	size_t i = slot_of(r, at);

	if (r->tape != NULL && r->tape->reel[i].live == at) {
		r->tape->reel[i].live = NULL;
		r->tape->pending--;
	}
}

static const struct sk_attempt_ops play = { sizeof(struct sk_attempt),
	play_start, play_stop, play_pause, play_clear };
