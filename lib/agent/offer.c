/* SPDX-License-Identifier: MIT */
/* Logging in on the way: see offer.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/control.h"
#include "agent/http.h"
#include "agent/offer.h"
#include "cli/cli.h"

/* A pipeline that was left alone for the night must not wait for a word. */
#define ANSWER_MS 60000
#define LOGIN_MS ((int64_t)20 * 60 * 1000)

extern char **environ;

enum stand { OPEN, ASKED, RUNS, DONE, REFUSED };

/* One login, wanted by any number of agents. */
struct wish {
	enum stand stand;
	struct sk_strv argv;
	const struct sk_slot *slot; /* whose environment it runs in */
	int64_t since; /* of DONE, wall clock: earlier failures may try again */
};
struct sk_offer {
	struct wish *v;
	size_t n, at;
	bool busy; /* v[at] has the terminal */
	size_t *of; /* by slot: 1 + its wish; 0 = it waits for none */
	int tty;
	pid_t pid;
	int64_t timer_id;
};

/* ---- what to run ---- */

static bool
has_key(const struct sk_slot *slot, const struct sk_jv *names)
{
	for (size_t i = 0; i < sk_jlen(names); i++) {
		const char *name = sk_jstr(names->a[i]);
		const char *v = name != NULL ? getenv(name) : NULL;

		if ((v != NULL && *v != '\0') ||
		    (name != NULL && sk_jget(slot->env, name) != NULL))
			return true;
	}
	return false;
}

static bool
api_command(const struct sk_slot *slot, struct sk_strv *argv)
{
	struct sk_http_req q = { 0 };
	struct sk_err ignored = { 0 };
	const char *provider = NULL;
	enum sk_http_key kind = SK_KEY_NONE;
	char *path = NULL;

	if (sk_http_settle(&q, slot, &ignored) == 0 &&
	    sk_http_key_find(&q, slot, &kind, &provider, &ignored) == 0 &&
	    kind == SK_KEY_LOGIN && sk_ident_ok(provider))
		path = sk_http_login_path();
	if (path != NULL) {
		sk_strv_add(argv, path);
		sk_strv_add(argv, "login");
		sk_strv_add(argv, provider);
	}
	sk_err_clear(&ignored);
	sk_http_req_free(&q);
	free(path);
	return argv->n > 0;
}

/* What logs this agent's program or API in; false when there is nothing that
 * would help. The words are added to argv. */
static bool
login_command(const struct sk_slot *slot, struct sk_strv *argv)
{
	const struct sk_jv *cmd;

	if (slot->ad == NULL || slot->remote)
		return false; /* it would have to happen over there */
	if (slot->ad->http != NULL)
		return api_command(slot, argv);
	cmd = sk_jget(slot->ad->login, "command");
	/* A key in the environment comes before any login. */
	if (sk_jlen(cmd) == 0 || has_key(slot, sk_jget(slot->ad->login, "env")))
		return false;
	for (size_t i = 0; i < sk_jlen(cmd); i++)
		sk_strv_add(argv, i == 0 && slot->command.n > 0
				      ? slot->command.v[0]
				      : sk_jstr(cmd->a[i]));
	return true;
}

/* ---- opening ---- */

/* Also on our own standard streams: what is not typed by a person is no
 * consent, and what is not seen by one is no question. */
static bool
person(const struct sk_fan *r)
{
	const char *ci = getenv("CI");

	return r->p->ask->may_ask && !sk_quiet && r->p->ask->replay == NULL &&
	       isatty(STDIN_FILENO) == 1 && sk_stderr_tty() &&
	       (ci == NULL || *ci == '\0');
}

void
sk_offer_open(struct sk_fan *r)
{
	struct sk_offer *o;
	int tty;

	if (!person(r))
		return;
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0)
		return;
	o = r->offer = sk_calloc(1, sizeof(*o));
	o->tty = tty;
	o->of = sk_calloc(r->p->slots.n, sizeof(*o->of));
}

void
sk_offer_close(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;

	if (o == NULL)
		return;
	for (size_t i = 0; i < o->n; i++)
		sk_strv_free(&o->v[i].argv);
	close(o->tty);
	free(o->v);
	free(o->of);
	free(o);
	r->offer = NULL;
}

bool
sk_offer_busy(const struct sk_fan *r)
{
	return r->offer != NULL && r->offer->busy;
}

/* ---- one at a time ---- */

static void next(struct sk_fan *r);

static void
quiet(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;

	if (o->timer_id != 0)
		sk_loop_cancel(r->loop, o->timer_id);
	o->timer_id = 0;
	sk_loop_del(r->loop, o->tty);
}

/* The one at the terminal is through; its agents go on, the next is asked. */
static void
through(struct sk_fan *r, enum stand stand)
{
	struct sk_offer *o = r->offer;
	size_t at = o->at;

	o->busy = false;
	o->v[at].stand = stand;
	o->v[at].since = sk_now_ms();
	for (size_t i = 0; i < r->p->slots.n; i++)
		if (o->of[i] == at + 1) {
			o->of[i] = 0;
			sk_control_answered(r, i, stand == DONE);
		}
	next(r);
}

static void
on_login(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct sk_fan *r = arg;
	struct sk_offer *o = r->offer;
	bool ok = WIFEXITED(wstatus) && WEXITSTATUS(wstatus) == 0;

	(void)l;
	if (o == NULL || pid != o->pid)
		return; /* dropped */
	o->pid = 0;
	if (o->timer_id != 0)
		sk_loop_cancel(r->loop, o->timer_id);
	o->timer_id = 0;
	if (!ok)
		sk_say("'%s' did not succeed", o->v[o->at].argv.v[0]);
	through(r, ok ? DONE : REFUSED);
}

static void
on_login_time(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	(void)l;
	r->offer->timer_id = 0;
	if (r->offer->pid > 0) /* its end comes as any other */
		kill(r->offer->pid, SIGTERM);
}

/* Sooner when everything has to be over by then. */
static int64_t
latest(const struct sk_fan *r, int64_t ms)
{
	int64_t at = sk_mono_ms() + ms;

	return r->deadline != 0 && r->deadline < at ? r->deadline : at;
}

static bool
sets(const struct sk_jv *t, const char *name, size_t n)
{
	for (size_t i = 0; i < sk_jlen(t); i++)
		if (t->type == SK_J_OBJ && t->m[i].klen == n &&
		    memcmp(t->m[i].key, name, n) == 0)
			return true;
	return false;
}

static void
add_table(struct sk_strv *env, const struct sk_jv *t, const struct sk_jv *first)
{
	for (size_t i = 0; t != NULL && t->type == SK_J_OBJ && i < t->n; i++) {
		const char *v = sk_jstr(t->m[i].v);
		char *s;

		if (v == NULL || sets(first, t->m[i].key, t->m[i].klen))
			continue;
		s = sk_asprintf("%s=%s", t->m[i].key, v);
		sk_strv_add(env, s);
		free(s);
	}
}

/* A person's program: their environment, with what the agent is given. */
static void
environment(const struct sk_slot *slot, struct sk_strv *env)
{
	add_table(env, slot->env, NULL);
	add_table(env, slot->ad->set, slot->env);
	for (char **e = environ; *e != NULL; e++) {
		size_t n = strcspn(*e, "=");

		if (!sets(slot->env, *e, n) && !sets(slot->ad->set, *e, n))
			sk_strv_add(env, *e);
	}
}

static void
begin(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;
	struct wish *w = &o->v[o->at];
	struct sk_spawn sp = {
		.fd_in = o->tty, .fd_out = o->tty, .fd_err = o->tty
	};
	struct sk_strv env = { 0 };
	struct sk_err err = { 0 };

	environment(w->slot, &env);
	sp.argv = (const char *const *)w->argv.v;
	sp.envp = (const char *const *)env.v;
	w->stand = RUNS;
	if (sk_spawn(&sp, &o->pid, &err) == 0) {
		sk_loop_child(r->loop, o->pid, on_login, r);
		o->timer_id = sk_loop_timer(
		    r->loop, latest(r, LOGIN_MS), on_login_time, r);
	} else {
		o->pid = 0;
		sk_say("cannot run the login: %s", err.message);
		through(r, REFUSED);
	}
	sk_err_clear(&err);
	sk_strv_free(&env);
}

static void
on_answer(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_fan *r = arg;
	char line[64];
	ssize_t n = read(fd, line, sizeof(line) - 1);

	(void)l;
	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	quiet(r);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strcasecmp(line, "y") == 0 || strcasecmp(line, "yes") == 0)
		begin(r);
	else
		through(r, REFUSED);
}

static void
on_no_answer(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	(void)l;
	r->offer->timer_id = 0;
	quiet(r);
	(void)sk_write_all(r->offer->tty, "\n", 1);
	sk_say("nobody answers: going on without");
	through(r, REFUSED);
}

static bool
ask(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;
	struct wish *w = &o->v[o->at];
	struct sk_err err = { 0 };
	struct sk_buf b;

	/* Who was put into the background is not stopped by a question. */
	if (tcgetpgrp(o->tty) != getpgrp())
		return false;
	if (sk_loop_add(r->loop, o->tty, SK_EV_READ, on_answer, r, &err) != 0) {
		sk_err_clear(&err);
		return false;
	}
	sk_live_wipe(r);
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "Log in now, with '");
	for (size_t i = 0; i < w->argv.n; i++) {
		const char *word = w->argv.v[i], *own = strrchr(word, '/');

		/* Our own by its name alone, wherever it is. */
		if (i == 0 && own != NULL && sk_streq(own, "/sk-login"))
			word = own + 1;
		if (i > 0)
			sk_buf_ch(&b, ' ');
		sk_buf_visible(&b, word, strlen(word), false);
	}
	sk_buf_str(&b, "'? [y/N] ");
	/* What was typed before the question is no answer to it. */
	(void)tcflush(o->tty, TCIFLUSH);
	(void)sk_write_all(o->tty, b.p, b.len);
	sk_buf_free(&b);
	w->stand = ASKED;
	o->timer_id =
	    sk_loop_timer(r->loop, latest(r, ANSWER_MS), on_no_answer, r);
	return true;
}

static void
next(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;

	for (size_t i = 0; !o->busy && i < o->n; i++)
		if (o->v[i].stand == OPEN) {
			o->at = i;
			o->busy = true;
			if (!ask(r))
				through(r, REFUSED);
			return;
		}
}

/* The loop's next turn: an attempt's end is not the place to start things. */
static void
on_next(struct sk_loop *l, void *arg)
{
	struct sk_fan *r = arg;

	(void)l;
	if (r->offer != NULL)
		next(r);
}

/* ---- for the control ---- */

static size_t
wish_of(struct sk_offer *o, const struct sk_slot *slot)
{
	struct sk_strv argv = { 0 };
	size_t at = 0;

	if (!login_command(slot, &argv)) {
		sk_strv_free(&argv);
		return SIZE_MAX;
	}
	for (; at < o->n; at++) {
		const struct sk_strv *a = &o->v[at].argv;
		size_t k = 0;

		while (k < a->n && k < argv.n && sk_streq(a->v[k], argv.v[k]))
			k++;
		if (k == a->n && k == argv.n && slot->env == o->v[at].slot->env)
			break;
	}
	if (at < o->n) {
		sk_strv_free(&argv);
		return at;
	}
	o->v = sk_reallocarray(o->v, o->n + 1, sizeof(*o->v));
	o->v[o->n++] = (struct wish){ .argv = argv, .slot = slot };
	return at;
}

bool
sk_offer_make(struct sk_fan *r, size_t i)
{
	struct sk_offer *o = r->offer;
	const struct sk_answer *a = &r->ans[i];
	const struct sk_turn *t = &r->ctl->turn[i];
	size_t at, before;

	if (o == NULL)
		return false;
	before = o->n;
	at = wish_of(o, a->slot);
	if (at == SIZE_MAX || o->v[at].stand == REFUSED)
		return false;
	/* It was asked after the login, and still: that is its answer. */
	if (o->v[at].stand == DONE && t->began >= o->v[at].since)
		return false;
	o->of[i] = at + 1;
	if (o->n > before) {
		sk_live_wipe(r);
		sk_say("agent '%s': %s: %s", a->slot->name,
		    sk_kind_word(a->o.kind), sk_outcome_text(&a->o));
	}
	(void)sk_loop_timer(r->loop, sk_mono_ms(), on_next, r);
	return true;
}

void
sk_offer_drop(struct sk_fan *r)
{
	struct sk_offer *o = r->offer;

	if (o == NULL)
		return;
	if (o->busy && o->v[o->at].stand == ASKED) {
		quiet(r);
		(void)sk_write_all(o->tty, "\n", 1);
	}
	if (o->timer_id != 0)
		sk_loop_cancel(r->loop, o->timer_id);
	o->timer_id = 0;
	if (o->pid > 0)
		kill(o->pid, SIGTERM);
	o->pid = 0;
	for (size_t i = 0; i < o->n; i++)
		o->v[i].stand = REFUSED;
	memset(o->of, 0, r->p->slots.n * sizeof(*o->of));
	o->busy = false;
}
