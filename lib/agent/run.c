/* SPDX-License-Identifier: MIT */
/*
 * The run: reserve everything in one transaction, launch, and commit what
 * finished in one turn of the loop in one transaction before it is printed.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"
#include "agent/prepare.h"
#include "cli/cli.h"

#define SWEEP_ROUNDS 500

struct run {
	struct sk_prep *p;
	struct sk_loop *loop;
	struct sk_db *db;
	struct sk_answer *ans; /* one per slot */
	struct sk_attempt **live; /* NULL unless running */
	size_t *ready, nready; /* finished, not yet committed */
	bool *stored; /* answered before, nothing to ask */
	size_t next, running, printed, jobs, reused;
	int stop_signal; /* first signal that arrived */
	int guard_fd;
	int64_t start;
	int rc; /* fatal: nothing can be recorded any more */
	size_t unsaved; /* answers that could not be committed */
	struct sk_err why; /* the first cause of that */
	struct sk_err *err;
};

/* ---- records out ---- */

static void
flush(struct run *r)
{
	if (r->rc == 0)
		r->rc = sk_out_flush(r->err);
}

static void
print_started(struct run *r, size_t i)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!r->p->ask->events || r->p->ask->text)
		return;
	sk_buf_init(&b, 0);
	sk_event_open(&w, &b, "started", &r->p->round);
	sk_jw_kstr(&w, "agent", r->ans[i].slot->name);
	sk_jw_kint(&w, "attempt", r->ans[i].attempt);
	if (r->live[i]->pid != 0)
		sk_jw_kint(&w, "pid", r->live[i]->pid);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
	flush(r);
}

static void
print_answer(struct run *r, struct sk_answer *a)
{
	struct sk_buf b;

	if (r->p->ask->text) {
		sk_show_answer(a);
	} else {
		sk_buf_init(&b, 0);
		sk_answer_json(&b, &r->p->round, a);
		sk_out_json(&b);
		sk_buf_free(&b);
	}
	/* Thousands of answers must not stay in memory. */
	free(a->o.content);
	a->o.content = NULL;
	r->printed++;
}

static void
print_end(struct run *r)
{
	size_t n = r->p->slots.n, ok = 0;
	struct sk_buf b;
	struct sk_jw w;

	for (size_t i = 0; i < n; i++)
		ok += r->ans[i].o.kind == SK_K_NONE;
	if (r->p->ask->text) {
		sk_show_table(&r->p->round, r->ans, n);
		return;
	}
	sk_buf_init(&b, 0);
	sk_event_open(&w, &b, "run.end", &r->p->round);
	sk_jw_kint(&w, "agents", (int64_t)n);
	sk_jw_kint(&w, "ok", (int64_t)ok);
	sk_jw_kint(&w, "failed", (int64_t)(n - ok));
	sk_jw_kint(&w, "reused", (int64_t)r->reused);
	sk_jw_kint(&w, "duration_ms", sk_mono_ms() - r->start);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
}

/* ---- the store ---- */

static void
key_of(const struct run *r, const struct sk_slot *slot, struct sk_key *k)
{
	const struct sk_round *round = &r->p->round;

	*k = (struct sk_key){ round->run, round->branch, round->spec,
		round->stage, slot->name, round->round };
}

static int
record(struct run *r, struct sk_answer *a)
{
	struct sk_answer_row row = { 0 };
	struct sk_intake_res res = { 0 };
	struct sk_outcome *o = &a->o;
	struct sk_buf meta;
	int rc;

	sk_buf_init(&meta, 0);
	sk_answer_meta(&meta, &r->p->round, a);
	key_of(r, a->slot, &row.key);
	row.attempt = a->attempt;
	row.ok = o->kind == SK_K_NONE;
	row.failure_kind = row.ok ? NULL : sk_kind_word(o->kind);
	row.failure_message = row.ok ? NULL : o->message;
	row.model = o->model != NULL ? o->model : a->slot->model;
	row.adapter = a->slot->adapter_name;
	row.session = o->session;
	row.host = r->p->round.host;
	row.content = o->content != NULL ? o->content : "";
	row.content_n = o->content_n;
	row.sha256 = o->sha256[0] != '\0' ? o->sha256 : NULL;
	row.meta_json = meta.p;
	row.exit_code = o->exit_code;
	row.signal = o->signal;
	row.started_ms = o->started_ms;
	row.ended_ms = o->ended_ms;
	rc = sk_answer_intake(r->db, &row, &res, r->err);
	sk_buf_free(&meta);
	if (rc != 0)
		return rc;
	if (row.ok)
		a->seq = res.seq;
	if (res.kind == SK_IN_STOPPED)
		sk_outcome_fail(o, SK_K_CANCELLED, "the run is stopped");
	return 0;
}

static int
commit_ready(struct run *r)
{
	int rc = sk_db_begin(r->db, r->err);

	/* Answers are dear: a busy database is asked a few times. */
	for (int i = 0; rc == SK_AGAIN && i < 3; i++) {
		sk_err_clear(r->err);
		rc = sk_db_begin(r->db, r->err);
	}
	for (size_t i = 0; rc == 0 && i < r->nready; i++)
		rc = record(r, &r->ans[r->ready[i]]);
	if (rc == 0)
		rc = sk_db_commit(r->db, r->err);
	if (rc != 0)
		sk_db_rollback(r->db);
	return rc;
}

/* All reservations of the call, and the run itself, in one transaction. */
static int
reserve_all(struct run *r)
{
	struct sk_round *round = &r->p->round;
	struct sk_git git = { .root = r->p->conf->project_root };
	struct sk_key k;
	size_t n = r->p->slots.n;
	int rc;

	if ((rc = sk_db_begin(r->db, r->err)) != 0)
		return rc;
	rc = sk_run_ensure(r->db, round->run, round->branch, round->spec,
	    r->p->ask->git != NULL ? r->p->ask->git : &git, r->err);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		const struct sk_slot *s = &r->p->slots.v[i];
		int64_t seq = 0;

		key_of(r, s, &k);
		rc = sk_request_reserve(r->db, &k, s->adapter_name, s->model,
		    &r->ans[i].attempt, &seq, r->err);
		r->stored[i] = seq > 0;
		r->reused += r->stored[i];
	}
	if (rc == 0)
		rc = sk_db_commit(r->db, r->err);
	if (rc != 0)
		sk_db_rollback(r->db);
	return rc;
}

/* What was accepted before is printed again and nobody is asked. */
static int
print_stored(struct run *r)
{
	struct sk_arena arena = { 0 };
	struct sk_stored *st;
	struct sk_key k;
	size_t n = 0;
	int64_t round;
	int rc;

	if (r->reused == 0)
		return 0;
	key_of(r, &r->p->slots.v[0], &k);
	rc = sk_answers_of(r->db, &k, &st, &n, &round, &arena, r->err);
	for (size_t i = 0; rc == 0 && i < r->p->slots.n; i++) {
		size_t j = 0;

		if (!r->stored[i])
			continue;
		while (j < n && strcmp(st[j].agent, r->ans[i].slot->name) != 0)
			j++;
		if (j == n || st[j].seq == 0) {
			rc = sk_fail(r->err, SK_DAMAGED, "lost_answer",
			    "the accepted answer of '%s' is not in the "
			    "database",
			    r->ans[i].slot->name);
			break;
		}
		sk_answer_from_stored(&r->ans[i], &st[j]);
		print_answer(r, &r->ans[i]);
	}
	sk_arena_free(&arena);
	return rc;
}

/* ---- attempts ---- */

static void start_more(struct run *r);

static void
on_done(struct sk_attempt *at, void *arg)
{
	struct run *r = arg;
	size_t i = 0;

	while (r->live[i] != at)
		i++;
	r->live[i] = NULL;
	sk_attempt_free(at);
	r->running--;
	r->ready[r->nready++] = i;
	start_more(r);
}

static void
start_one(struct run *r, size_t i)
{
	struct sk_prep *p = r->p;
	struct sk_answer *a = &r->ans[i];
	struct sk_attempt_opts o = { a->slot, p->round.stage, p->round.spec,
		p->prompt_path, p->max_output, p->schema, on_done, r, 0 };

	if (r->stop_signal != 0) {
		a->o.started_ms = a->o.ended_ms = sk_now_ms();
		sk_outcome_fail(
		    &a->o, SK_K_CANCELLED, "cancelled before it was started");
	} else {
		r->live[i] = sk_attempt_start(r->loop, &o, &a->o);
	}
	if (r->live[i] == NULL) {
		r->ready[r->nready++] = i;
		return;
	}
	r->running++;
	print_started(r, i);
}

static void
start_more(struct run *r)
{
	while (r->rc == 0 && r->running < r->jobs && r->next < r->p->slots.n) {
		size_t i = r->next++;

		if (!r->stored[i])
			start_one(r, i);
	}
}

/* A full disk must not cost what was paid for: the answers go out without a
 * seq, the other agents go on, and the end says what was not recorded. */
static void
keep_unsaved(struct run *r)
{
	if (r->unsaved == 0)
		r->why = *r->err;
	else
		sk_err_clear(r->err);
	memset(r->err, 0, sizeof(*r->err));
	for (size_t i = 0; i < r->nready; i++)
		r->ans[r->ready[i]].seq = 0;
	r->unsaved += r->nready;
	r->rc = 0;
}

/* Between two waits: record and print what has finished. */
static void
on_idle(struct sk_loop *l, void *arg)
{
	struct run *r = arg;

	if (r->nready > 0 && r->rc == 0) {
		r->rc = commit_ready(r);
		if (r->rc == SK_IO || r->rc == SK_AGAIN)
			keep_unsaved(r);
		for (size_t i = 0; r->rc == 0 && i < r->nready; i++)
			print_answer(r, &r->ans[r->ready[i]]);
		r->nready = 0;
		flush(r);
	}
	if (r->rc != 0 || r->printed == r->p->slots.n)
		sk_loop_stop(l);
}

/* ---- being stopped ---- */

static void
cancel_all(struct run *r, bool now)
{
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_cancel(r->live[i], now);
	start_more(r);
}

static void
on_guard(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct run *r = arg;
	unsigned char sig;
	ssize_t n;

	(void)l;
	(void)events;
	while ((n = read(fd, &sig, 1)) == 1) {
		bool now = r->stop_signal != 0 || sig == SIGQUIT;

		if (r->stop_signal == 0)
			r->stop_signal = sig;
		cancel_all(r, now);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The guardian is dead: nobody waits for us, take all along. */
	(void)sk_tree_sweep(NULL, 0, SWEEP_ROUNDS);
	_exit(128 + SIGKILL);
}

/* ---- the whole ---- */

static int
verdict(const struct run *r)
{
	size_t n = r->p->slots.n, ok = 0;
	int common = -1;

	if (r->stop_signal != 0)
		return r->stop_signal == SIGINT ? SK_INT : SK_TERM;
	for (size_t i = 0; i < n; i++) {
		int e = sk_kind_exit(r->ans[i].o.kind);

		if (e == SK_OK)
			ok++;
		else if (common < 0)
			common = e;
		else if (common != e)
			common = SK_NOANSWER;
	}
	if (ok == n)
		return 0;
	return ok > 0 ? SK_DEGRADED : common;
}

static int
loop(struct run *r)
{
	r->loop = sk_loop_new(r->err);
	if (r->loop == NULL)
		return r->err->exit;
	r->rc =
	    sk_loop_add(r->loop, r->guard_fd, SK_EV_READ, on_guard, r, r->err);
	sk_loop_idle(r->loop, on_idle, r);
	start_more(r);
	if (r->rc == 0) {
		int rc = sk_loop_run(r->loop, r->err);

		if (r->rc == 0)
			r->rc = rc;
	}
	if (r->running > 0) /* only after a fatal error */
		cancel_all(r, true);
	(void)sk_tree_sweep(NULL, 0, SWEEP_ROUNDS);
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_free(r->live[i]);
	sk_loop_free(r->loop);
	return r->rc;
}

static int
run_all(struct run *r)
{
	int rc;

	rc = sk_db_open(&r->db, r->p->ask->db, SK_DB_CREATE, r->err);
	if (rc == 0)
		rc = reserve_all(r);
	if (rc == 0)
		rc = print_stored(r);
	if (rc == 0)
		rc = loop(r);
	if (rc == 0) {
		print_end(r);
		rc = sk_out_flush(r->err);
	}
	sk_db_close(r->db);
	return rc;
}

int
sk_ask_run(const struct sk_ask *ask, struct sk_config *conf, int guard_fd,
    struct sk_err *err)
{
	struct sk_prep p;
	struct run r = { .p = &p, .guard_fd = guard_fd, .err = err };
	size_t n;
	int rc;

	r.start = sk_mono_ms();
	rc = sk_prep_make(&p, ask, conf, err);
	if (rc != 0 || ask->dry_run) {
		if (rc == 0)
			sk_prep_plan(&p);
		sk_prep_free(&p);
		return rc;
	}
	n = p.slots.n;
	r.ans = sk_calloc(n, sizeof(*r.ans));
	r.live = sk_calloc(n, sizeof(*r.live));
	r.ready = sk_calloc(n, sizeof(*r.ready));
	r.stored = sk_calloc(n, sizeof(*r.stored));
	for (size_t i = 0; i < n; i++) {
		r.ans[i].slot = &p.slots.v[i];
		sk_outcome_init(&r.ans[i].o);
	}
	r.jobs = p.jobs > 0 && (size_t)p.jobs < n ? (size_t)p.jobs : n;
	if (r.jobs > 200)
		sk_nofile_raise();
	rc = run_all(&r);
	if (rc == 0) {
		sk_warn_failures(r.ans, n);
		rc = verdict(&r);
	}
	if (r.unsaved > 0 && err->exit == 0) {
		rc = sk_fail(err, r.why.exit, r.why.code,
		    "%zu of %zu answers are not in the database, only on "
		    "standard output: %s",
		    r.unsaved, n, r.why.message);
		(void)sk_hint(err, "keep the output; with space again, "
				   "'sk-consensus intake' takes it");
	}
	sk_err_clear(&r.why);
	for (size_t i = 0; i < n; i++)
		sk_outcome_free(&r.ans[i].o);
	free(r.ans);
	free(r.live);
	free(r.ready);
	free(r.stored);
	sk_prep_free(&p);
	return rc;
}
