/* SPDX-License-Identifier: MIT */
/*
 * The run: reserve everything in one transaction, launch, and commit what
 * finished in one turn of the loop in one transaction before it is printed.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/early.h"
#include "agent/offer.h"
#include "agent/replay.h"
#include "agent/run.h"

#define SWEEP_ROUNDS 500

/* ---- attempts ---- */

/* The outcome of a slot is final: it goes to the store and out, together with
 * what ends in the same turn of the loop; long answers do not wait for that. */
static void
settled(struct sk_fan *r, size_t i)
{
	r->ready[r->nready++] = i;
	r->waiting += r->ans[i].o.content_n;
	if (r->waiting > SK_OUT_HIGH) {
		sk_fan_commit(r);
		(void)sk_fan_print(r);
	}
}

/* An attempt is over, its outcome is in r->ans[i].o; the next agent starts in
 * the loop's idle call. */
static void
on_done(struct sk_attempt *at, void *arg)
{
	struct sk_fan *r = arg;
	size_t i = 0;

	while (r->live[i] != at)
		i++;
	r->live[i] = NULL;
	if (r->straggler > 0 && r->ans[i].o.kind == SK_K_NONE)
		r->took[r->ntook++] = r->ans[i].o.duration_ms;
	sk_attempt_free(at);
	r->running--;
	if (!sk_control_again(r, i))
		settled(r, i);
}

/* Somebody wants this to end: no agent is started any more. */
static bool
stopping(const struct sk_fan *r)
{
	return r->stop_signal != 0 || r->gone;
}

static void
start_one(struct sk_fan *r, size_t i)
{
	struct sk_prep *p = r->p;
	struct sk_answer *a = &r->ans[i];
	struct sk_attempt_opts o = { a->slot, p->round.stage, p->round.spec,
		p->prompt_path, p->max_output, p->schema, on_done, r,
		r->deadline, &r->ground, a->attempt, sk_fan_delta(r) };

	r->live[i] = sk_attempt_start(r->loop, &o, &a->o);
	if (r->live[i] == NULL) {
		if (!sk_control_again(r, i))
			settled(r, i);
		return;
	}
	r->running++;
	sk_fan_started(r, i);
}

static bool
can_start(struct sk_fan *r)
{
	return sk_control_ready(r) || sk_control_hungry(r);
}

static void
start_more(struct sk_fan *r)
{
	size_t i;

	if (stopping(r) || r->decided)
		sk_control_stop(r);
	while (sk_control_next(r, &i))
		start_one(r, i);
}

static void
cancel_all(struct sk_fan *r, bool now)
{
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_cancel(r->live[i], now);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* Once half of the agents, and two at least, have answered, nobody may take
 * much longer than they did. */
static void
limit_stragglers(struct sk_fan *r)
{
	size_t n = r->ntook;
	int64_t median;

	if (n == r->nlimited || n < 2 || 2 * n < r->p->slots.n)
		return;
	r->nlimited = n;
	qsort(r->took, n, sizeof(*r->took), by_value);
	median = (r->took[(n - 1) / 2] + r->took[n / 2]) / 2;
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_limit(r->live[i],
			    r->live[i]->start + r->straggler * median);
}

/* Between two waits: start, record and print what can be. */
static void
on_idle(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;
	bool over, was_gone;

	do {
		was_gone = r->gone;
		start_more(r);
		limit_stragglers(r);
		sk_fan_commit(r);
		over = sk_fan_print(r);
		if ((r->gone && !was_gone) || sk_early_decided(r)) {
			cancel_all(r, false);
			sk_control_stop(r); /* nothing else may wake us */
		}
	} while (!over && (r->committed < r->nready || can_start(r)));
	if (over)
		sk_loop_stop(l);
}

/* ---- being stopped ---- */

static void
on_stop_grace(struct sk_loop *l, void *arg)
{
	(void)l;
	(void)arg;
	sk_tree_kill_all();
}

static void
on_guard(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_fan *r = arg;
	unsigned char sig;
	ssize_t n;

	(void)l;
	(void)events;
	while ((n = read(fd, &sig, 1)) == 1) {
		bool now = r->stop_signal != 0 || sig == SIGQUIT;

		/* A thousand agents are not looked through a thousand times.
		 * (Its timer is older than those of the agents.) */
		if (now)
			sk_tree_kill_all();
		else
			(void)sk_loop_timer(r->loop,
			    sk_mono_ms() + r->p->slots.v[0].grace_ms,
			    on_stop_grace, r);
		if (r->stop_signal == 0)
			r->stop_signal = sig;
		r->hurry = now;
		cancel_all(r, now);
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* The guardian is dead: nobody waits for us, take all along. */
	(void)sk_tree_sweep(NULL, 0, SWEEP_ROUNDS);
	sk_ground_close(&r->ground);
	_exit(128 + SIGKILL);
}

/* ---- the whole ---- */

static int
verdict(const struct sk_fan *r)
{
	size_t n = r->p->slots.n, ok = 0;
	int common = -1;

	if (r->gone)
		return SK_PIPE;
	if (r->stop_signal != 0)
		return r->stop_signal == SIGINT ? SK_INT : SK_TERM;
	for (size_t i = 0; i < n; i++) {
		int e = sk_kind_exit(r->ans[i].o.kind);

		if (e != SK_OK && r->ans[i].resume_ms != 0)
			e = SK_AGAIN; /* it would work later */
		if (e == SK_OK || sk_early_excused(&r->ans[i]))
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
loop(struct sk_fan *r)
{
	int rc;

	r->rc =
	    sk_loop_add(r->loop, r->guard_fd, SK_EV_READ, on_guard, r, r->err);
	sk_loop_idle(r->loop, on_idle, r);
	if (r->rc == 0 && (rc = sk_loop_run(r->loop, r->err)) != 0 &&
	    r->rc == 0)
		r->rc = rc;
	if (r->running > 0) /* only after a fatal error */
		cancel_all(r, true);
	(void)sk_tree_sweep(NULL, 0, SWEEP_ROUNDS);
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (r->live[i] != NULL)
			sk_attempt_free(r->live[i]);
	return r->rc;
}

static int
run_all(struct sk_fan *r)
{
	int rc;

	if ((r->loop = sk_loop_new(r->err)) == NULL)
		return r->err->exit;
	rc = sk_fan_out_open(r);
	if (rc == 0)
		rc = sk_db_open(&r->db, r->p->ask->db, SK_DB_CREATE, r->err);
	if (rc == 0)
		rc = sk_ground_open(
		    &r->ground, r->p->ask, sk_db_path(r->db), r->err);
	if (rc == 0 && r->p->slots.n > SK_MANY)
		sk_tmpdir_spread(r->ground.mark.tmp);
	if (rc == 0)
		rc = sk_tape_open(r, r->err);
	if (rc == 0)
		rc = sk_fan_reserve(r);
	if (rc == 0)
		rc = sk_fan_stored(r);
	if (rc == 0) {
		sk_offer_open(r);
		rc = loop(r);
		sk_offer_close(r);
	}
	sk_tape_close(r);
	sk_control_close(r);
	sk_db_close(r->db);
	sk_ground_close(&r->ground);
	sk_fan_out_close(r);
	sk_loop_free(r->loop);
	return rc;
}

int
sk_ask_run(const struct sk_ask *ask, struct sk_config *conf, int guard_fd,
    struct sk_err *err)
{
	struct sk_prep p;
	struct sk_fan r = { .p = &p, .guard_fd = guard_fd, .err = err };
	size_t n;
	int rc;

	r.start = sk_mono_ms();
	r.ground.mark.fd = r.ground.mark.dirfd = -1;
	rc = sk_prep_make(&p, ask, conf, err);
	if (rc != 0 || ask->dry_run) {
		if (rc == 0)
			sk_prep_plan(&p);
		sk_prep_free(&p);
		return rc;
	}
	n = p.slots.n;
	rc = sk_control_check(ask, err);
	if (rc == 0)
		rc = sk_tally_quorum(ask, n, &r.required, err);
	if (rc != 0) {
		sk_prep_free(&p);
		return rc;
	}
	r.ans = sk_calloc(n, sizeof(*r.ans));
	r.live = sk_calloc(n, sizeof(*r.live));
	r.ready = sk_calloc(n, sizeof(*r.ready));
	if (p.deadline_ms > 0)
		r.deadline = r.start + p.deadline_ms;
	r.straggler = p.straggler;
	r.stored = sk_calloc(n, sizeof(*r.stored));
	r.took = sk_calloc(n, sizeof(*r.took));
	for (size_t i = 0; i < n; i++) {
		r.ans[i].slot = &p.slots.v[i];
		sk_outcome_init(&r.ans[i].o);
	}
	r.jobs = p.jobs > 0 && (size_t)p.jobs < n ? (size_t)p.jobs : n;
	if (r.jobs > 200)
		sk_nofile_raise();
	rc = run_all(&r);
	if (rc == 0) {
		if (!r.gone)
			sk_warn_failures(r.ans, n, r.required);
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
	for (size_t i = 0; i < n; i++) {
		sk_outcome_free(&r.ans[i].o);
		free(r.ans[i].reused);
	}
	free(r.ans);
	free(r.live);
	free(r.ready);
	free(r.stored);
	free(r.took);
	sk_prep_free(&p);
	return rc;
}
