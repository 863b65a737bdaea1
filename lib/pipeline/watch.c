/* SPDX-License-Identifier: MIT */
/* The verb `watch`: a run as it goes on, seen from another terminal. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/watch.h"
#include "sys/sys.h"

/* ---- what is seen ---- */

static void
look_at_agent(struct sk_watch_agent *w, const char *name,
    const struct sk_stored *v, size_t n)
{
	memset(w, 0, sizeof(*w));
	w->name = name;
	w->state = "waiting";
	for (size_t i = 0; i < n; i++) {
		const struct sk_stored *x = &v[i];

		if (strcmp(x->agent, name) != 0)
			continue;
		w->since_ms = x->started_ms;
		w->attempt = x->attempt;
		if (x->ended_ms > x->started_ms)
			w->ms = x->ended_ms - x->started_ms;
		w->kind = x->failure_kind;
		w->state = x->ok                     ? "answered"
		           : x->failure_kind != NULL ? "failed"
		           : x->started_ms > 0       ? "running"
		                                     : "waiting";
	}
}

static int
look_at_stage(struct sk_auto *a, struct sk_watched *w, struct sk_err *err)
{
	struct sk_key key = { a->run, a->branch, a->spec.id, w->now->stage, "",
		0 };
	struct sk_strv names = { 0 };
	struct sk_stored *v = NULL;
	int64_t round;
	size_t n = 0;
	int rc;

	/* A round that is to begin has no requests yet, and the one before is
	 * shown until then; but not that of a fork's ancestor. */
	rc = sk_answers_of(a->db, &key, &v, &n, &round, &w->arena, err);
	if (rc != 0)
		return rc;
	if (w->now->agents != NULL)
		sk_strv_split(&names, w->now->agents, ',');
	w->agents =
	    sk_arena_alloc(&w->arena, (names.n + 1) * sizeof(*w->agents));
	for (size_t i = 0; i < names.n; i++) {
		look_at_agent(&w->agents[i],
		    sk_arena_strdup(&w->arena, names.v[i]), v, n);
		/* Of another round: asked anew. */
		if (w->agents[i].since_ms < w->now->started_ms &&
		    strcmp(w->now->state, "running") == 0 &&
		    strcmp(w->agents[i].state, "answered") != 0)
			w->agents[i].state = "waiting";
		w->answered += strcmp(w->agents[i].state, "answered") == 0;
	}
	w->n = names.n;
	sk_strv_free(&names);
	return 0;
}

static void
copy(char *to, size_t n, const char *from)
{
	size_t len = strlen(from);

	if (len >= n)
		len = n - 1;
	memcpy(to, from, len);
	to[len] = '\0';
}

/* Everything anew. */
static int
load(struct sk_auto *a, struct sk_prices *prices, struct sk_watched *out,
    struct sk_err *err)
{
	bool found = false;
	int rc;

	memset(out, 0, sizeof(*out));
	sk_figures_init(&out->figures);
	rc = sk_run_get(a->db, a->run, &out->run, &found, &out->arena, err);
	if (rc == 0)
		rc = sk_lease_get(a->db, a->run, &out->lease, &found, err);
	out->alive = rc == 0 && found && sk_proc_alive(&out->lease.proc);
	if (rc == 0)
		rc = sk_stage_list(a->db, a->run, a->branch, &out->rows,
		    &out->nrows, &out->arena, err);
	if (rc == 0 && out->nrows > 0) {
		out->now = &out->rows[out->nrows - 1];
		rc = look_at_stage(a, out, err);
	}
	if (rc == 0)
		rc = sk_figures_load(
		    &out->figures, a->db, prices, a->run, a->branch, NULL, err);
	if (rc != 0)
		return rc;
	/* The lines speak of what is going on, even before anything was used.
	 */
	copy(out->figures.spec, sizeof(out->figures.spec), a->spec.id);
	copy(out->figures.branch, sizeof(out->figures.branch), a->branch);
	if (out->now != NULL)
		copy(out->figures.stage, sizeof(out->figures.stage),
		    out->now->stage);
	out->figures.agents_done = (int64_t)out->answered;
	out->figures.agents_all = (int64_t)out->n;
	return 0;
}

static void
free_watched(struct sk_watched *w)
{
	sk_figures_free(&w->figures);
	sk_arena_free(&w->arena);
	memset(w, 0, sizeof(*w));
}

bool
sk_watched_over(const struct sk_watched *w, int *exit)
{
	*exit = 0;
	if (w->alive &&
	    (strcmp(w->run.state, "running") == 0 || w->run.state[0] == '\0'))
		return false;
	if (strcmp(w->run.state, "done") == 0)
		return true;
	*exit = SK_ORDER;
	if (strcmp(w->run.state, "cancelled") == 0 ||
	    strcmp(w->run.state, "stopped") == 0)
		return true;
	/* Halted, or its driver is gone. */
	*exit =
	    w->now != NULL && w->now->exit != 0 ? w->now->exit : SK_DEGRADED;
	return true;
}

/* ---- watching ---- */

struct watching {
	struct sk_auto *a;
	struct sk_prices prices;
	struct sk_watched was;
	bool any; /* was is filled */
	struct sk_screen screen;
	bool live;
	int64_t every;
	int rc;
	struct sk_err *err;
};

static bool
in_ci(void)
{
	const char *ci = getenv("CI"), *term = getenv("TERM");

	return (ci != NULL && ci[0] != '\0') || term == NULL ||
	       strcmp(term, "dumb") == 0;
}

static void
show(struct watching *t, const struct sk_watched *w)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (t->live) {
		sk_watch_picture(&b, t->a, w, sk_screen_cols(t->screen.fd));
		sk_screen_draw(&t->screen, b.p);
	} else {
		sk_watch_changes(&b, t->a, t->any ? &t->was : NULL, w);
		sk_out(b.p, b.len);
		if (t->rc == 0)
			t->rc = sk_out_flush(t->err);
	}
	sk_buf_free(&b);
}

/* One look; true when there will be nothing more to see. */
static bool
look(struct watching *t)
{
	struct sk_watched w;
	int end = 0;
	bool over;

	t->rc = load(t->a, &t->prices, &w, t->err);
	if (t->rc != 0) {
		free_watched(&w);
		return true;
	}
	show(t, &w);
	over = sk_watched_over(&w, &end);
	if (t->any)
		free_watched(&t->was);
	t->was = w;
	t->any = true;
	if (over && t->rc == 0)
		t->rc = end;
	return over || t->rc != 0;
}

static void
on_timer(struct sk_loop *l, void *arg)
{
	struct watching *t = arg;

	if (look(t))
		sk_loop_stop(l);
	else
		(void)sk_loop_timer(l, sk_mono_ms() + t->every, on_timer, t);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct watching *t = arg;

	if (signo == SIGWINCH) {
		if (t->any && t->live)
			show(t, &t->was);
		return;
	}
	t->rc = 128 + signo;
	sk_loop_stop(l);
}

static int
go_on(struct watching *t, struct sk_err *err)
{
	static const int signos[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP };
	struct sk_loop *l = sk_loop_new(err);
	int rc;

	if (l == NULL)
		return err->exit;
	rc = sk_loop_signals(
	    l, signos, SK_ARRAY_SIZE(signos), on_signal, t, err);
	if (rc == 0) {
		(void)sk_loop_timer(l, sk_mono_ms() + t->every, on_timer, t);
		rc = sk_loop_run(l, err);
	}
	sk_loop_free(l);
	return rc != 0 ? rc : t->rc;
}

int
sk_auto_watch(struct sk_auto *a, int64_t every_ms, struct sk_err *err)
{
	struct watching t = { .a = a, .every = every_ms, .err = err };
	struct sk_run run;
	bool found = false;
	int rc;

	rc = sk_auto_look(a, &run, &found, err);
	if (rc != 0)
		return rc;
	if (!found) {
		(void)sk_fail(err, SK_NEGATIVE, "no_run", "'%s' has no run yet",
		    a->spec.id);
		return sk_hint(err, "sk-auto run %s", a->spec.id);
	}
	t.screen.fd = STDOUT_FILENO;
	t.live = !a->json && sk_stdout_tty() && !in_ci();
	sk_prices_init(&t.prices, a->conf);
	rc = look(&t) ? t.rc : go_on(&t, err);
	sk_screen_end(&t.screen);
	if (t.any)
		free_watched(&t.was);
	sk_prices_free(&t.prices);
	return rc;
}

char *
sk_watch_newest(struct sk_ctx *ctx)
{
	struct sk_branch_filter f = { .limit = 20 };
	struct sk_branch *v = NULL;
	struct sk_arena arena = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_config conf;
	struct sk_db *db = NULL;
	size_t n = 0, left;
	char *spec = NULL;

	if (sk_config_load(&conf, ctx->config, &ignored) == 0 &&
	    sk_db_open(&db, ctx->db, 0, &ignored) == 0) {
		f.root = conf.project_root;
		if (sk_branch_list(db, &f, &v, &n, &left, &arena, &ignored) !=
		    0)
			n = 0;
	}
	for (size_t i = 0; spec == NULL && i < n; i++)
		if (v[i].spec[0] != '\0')
			spec = sk_strdup(v[i].spec);
	sk_db_close(db);
	sk_arena_free(&arena);
	sk_config_free(&conf);
	sk_err_clear(&ignored);
	return spec;
}
