/* SPDX-License-Identifier: MIT */
/*
 * An attempt that is a process. Done is: reaped, and both pipes at their end or
 * the drain time over. Then whatever the agent left behind is killed, and only
 * then is the outcome judged.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/internal.h"

#define USAGE_MAX ((size_t)1 << 20)

struct proc {
	struct sk_attempt at;
	struct sk_tap *tap; /* NULL until something is read */
	struct sk_spool spool; /* unless it is read line by line */
	struct sk_errtap errs;
	char token[SK_ID_LEN + 24];
	char *tmp; /* its TMPDIR */
	char *cgroup; /* its own, or NULL */
	struct sk_tree tree; /* its git work tree, if it has one */
	int tee[2]; /* copies of both streams; -1 = none */
	int fd[2]; /* its standard output and error; -1 = at the end */
	int wstatus;
	bool reaped;
	int64_t grace_id, drain_id;
};

static void
cancel_timer(struct proc *p, int64_t *id)
{
	if (*id != 0)
		sk_loop_cancel(p->at.loop, *id);
	*id = 0;
}

static void
close_fd(struct proc *p, int *fd)
{
	if (*fd < 0)
		return;
	sk_loop_del(p->at.loop, *fd);
	close(*fd);
	*fd = -1;
}

/* ---- output ---- */

/* A thousand agents that think cost little: most of what reading takes is made
 * with the first byte. */
static struct sk_tap *
tap_of(struct proc *p)
{
	const struct sk_attempt_opts *o = &p->at.opts;

	if (p->tap != NULL)
		return p->tap;
	p->tap = sk_malloc(sizeof(*p->tap));
	sk_tap_init(p->tap, o->slot->ad, p->at.o, o->max_output);
	sk_tap_dir(p->tap, o->ground->mark.tmp);
	p->tap->form = sk_adapter_form(o->slot->ad, o->slot->argv.v);
	return p->tap;
}

/* Lines are read as they come, all else when it is complete. */
static bool
by_line(struct proc *p)
{
	return tap_of(p)->form == SK_OUT_JSONL;
}

static void
open_tee(struct proc *p)
{
	static const char *const ext[] = { "out", "err" };
	const struct sk_attempt_opts *o = &p->at.opts;

	p->tee[0] = p->tee[1] = -1;
	for (size_t i = 0; o->ground->tee != NULL && i < 2; i++) {
		char *path = sk_asprintf("%s/%s.%lld.%s", o->ground->tee,
		    o->slot->name, (long long)o->attempt, ext[i]);

		p->tee[i] = open(path,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
		    0600);
		if (p->tee[i] < 0)
			sk_warn("cannot write '%s': %s", path, strerror(errno));
		free(path);
	}
}

static void
copy(struct proc *p, size_t which, const char *s, size_t n)
{
	if (sk_write_all(p->tee[which], s, n) == 0)
		return;
	sk_warn("cannot keep the output of '%s': %s", p->at.opts.slot->name,
	    strerror(errno));
	close(p->tee[which]);
	p->tee[which] = -1;
}

/* False at the end of the pipe. */
static bool
drain(struct proc *p, size_t which)
{
	static char chunk[65536];

	for (int i = 0; i < 16; i++) {
		ssize_t n = read(p->fd[which], chunk, sizeof(chunk));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		sk_attempt_heard(&p->at, (size_t)n, which == 0);
		if (p->tee[which] >= 0)
			copy(p, which, chunk, (size_t)n);
		if (which == 1)
			sk_errtap_feed(&p->errs, chunk, (size_t)n);
		else if (by_line(p))
			sk_tap_feed(tap_of(p), chunk, (size_t)n);
		else
			sk_spool_add(&p->spool, chunk, (size_t)n);
		if ((size_t)n < sizeof(chunk) / 2)
			break;
	}
	return true;
}

/* ---- the end ---- */

/* The agent with all that it started. */
static void
kill_all(struct proc *p)
{
	if (p->cgroup != NULL)
		sk_cgroup_kill(p->cgroup);
	(void)sk_loop_tree_kill(p->at.loop, p->at.pid, p->token);
}

/* Its directories, when nothing of it runs any more. */
static void
drop_places(struct proc *p)
{
	sk_tree_drop(&p->tree);
	if (p->cgroup != NULL)
		sk_cgroup_drop(p->cgroup);
	free(p->cgroup);
	p->cgroup = NULL;
	if (p->tmp != NULL)
		sk_tmpdir_remove(p->tmp);
	free(p->tmp);
	p->tmp = NULL;
}

/* Where it is to write what it does not print; NULL = nowhere. */
static char *
usage_path(const struct proc *p)
{
	return p->tmp != NULL ? sk_path_join(p->tmp, "sk-usage.json") : NULL;
}

/* What it wrote there, before its directory goes. */
static void
read_usage(struct proc *p)
{
	struct sk_err ignored = { 0 };
	char *path = usage_path(p);
	struct sk_buf b;
	struct stat st;

	/* (Everything it started is dead: nobody exchanges the file now.) */
	sk_buf_init(&b, 0);
	if (path != NULL && lstat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	    sk_read_file(path, USAGE_MAX, &b, &ignored) == 0)
		sk_tap_extra(tap_of(p), b.p, b.len);
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	free(path);
}

static void
finish(struct proc *p)
{
	struct sk_attempt *at = &p->at;

	cancel_timer(p, &p->grace_id);
	cancel_timer(p, &p->drain_id);
	for (size_t i = 0; i < 2; i++) {
		if (p->fd[i] >= 0) /* what came while we did not look */
			(void)drain(p, i);
		close_fd(p, &p->fd[i]);
	}
	kill_all(p);
	read_usage(p);
	if (p->spool.error != 0)
		sk_outcome_fail(at->o, SK_K_INTERNAL,
		    "cannot keep the output: %s", strerror(p->spool.error));
	if (!by_line(p))
		sk_spool_feed(&p->spool, tap_of(p));
	sk_outcome_judge(
	    at->o, tap_of(p), &p->errs, p->wstatus, at->opts.schema);
	if (p->tree.path != NULL)
		sk_tree_diff(&at->opts.ground->trees, &p->tree,
		    at->opts.ground->mark.tmp, at->opts.max_output, at->o);
	drop_places(p);
	sk_attempt_end(at);
}

static void
on_output(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct proc *p = arg;
	size_t which = fd == p->fd[0] ? 0 : 1;

	(void)l;
	(void)events;
	if (drain(p, which))
		return;
	close_fd(p, &p->fd[which]);
	if (p->reaped && p->fd[0] < 0 && p->fd[1] < 0)
		finish(p);
}

static void
on_drained(struct sk_loop *l, void *arg)
{
	struct proc *p = arg;

	(void)l;
	p->drain_id = 0;
	finish(p);
}

static void
on_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct proc *p = arg;

	(void)pid;
	p->reaped = true;
	p->wstatus = wstatus;
	/* It ended by itself in time: whatever is still to be read came
	 * before that, so the clocks do not matter any more. */
	sk_attempt_hush(&p->at);
	cancel_timer(p, &p->grace_id);
	if (p->fd[0] < 0 && p->fd[1] < 0)
		finish(p);
	else
		p->drain_id =
		    sk_loop_timer(l, sk_mono_ms() + SK_DRAIN_MS, on_drained, p);
}

/* ---- stopping ---- */

static void
on_grace(struct sk_loop *l, void *arg)
{
	struct proc *p = arg;

	(void)l;
	p->grace_id = 0;
	kill_all(p);
}

static void
proc_stop(struct sk_attempt *at, bool now)
{
	struct proc *p = (struct proc *)at;
	const struct sk_slot *slot = at->opts.slot;

	if (p->reaped)
		return;
	if (now) {
		kill_all(p);
		return;
	}
	if (p->grace_id != 0)
		return;
	sk_loop_tree_signal(at->loop, at->pid, p->token, slot->ad->stop_signal);
	p->grace_id =
	    sk_loop_timer(at->loop, sk_mono_ms() + slot->grace_ms, on_grace, p);
}

/* ---- the start ---- */

static enum sk_kind
spawn_kind(const struct sk_err *err)
{
	if (sk_streq(err->code, "not_found"))
		return SK_K_NOT_FOUND;
	return err->exit == SK_USAGE ? SK_K_USAGE : SK_K_INTERNAL;
}

/* "{file:NAME}" → a file in its directory with the adapter's text. */
static int
add_file(const struct proc *p, const char *word, struct sk_strv *argv,
    struct sk_err *err)
{
	char *name = sk_strndup(word + 6, strlen(word) - 7), *path;
	const char *text = sk_jget_str(p->at.opts.slot->ad->files, name);
	int rc = SK_USAGE;

	if (text == NULL)
		sk_fail(err, SK_USAGE, "bad_adapter",
		    "the adapter has no file '%s'", name);
	else if (p->tmp == NULL)
		rc = sk_fail(
		    err, SK_IO, "io", "there is no place for '%s'", name);
	else {
		path = sk_asprintf("%s/sk-%s", p->tmp, name);
		rc = sk_write_file(path, text, strlen(text), 0600, err);
		sk_strv_add(argv, path);
		free(path);
	}
	free(name);
	return rc;
}

/* Its argv, with the names of such files in their places. */
static int
fill_argv(const struct proc *p, struct sk_strv *argv, struct sk_err *err)
{
	const struct sk_strv *from = &p->at.opts.slot->argv;
	char *path = usage_path(p);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < from->n; i++)
		if (sk_streq(from->v[i], "{usage_file}"))
			sk_strv_add(argv, path != NULL ? path : "/dev/null");
		else if (sk_has_prefix(from->v[i], "{file:") &&
			 sk_has_suffix(from->v[i], "}"))
			rc = add_file(p, from->v[i], argv, err);
		else
			sk_strv_add(argv, from->v[i]);
	free(path);
	return rc;
}

static int
make_tree(struct proc *p, struct sk_err *err)
{
	const struct sk_ground *g = p->at.opts.ground;
	char *path;
	int rc;

	p->fd[0] = p->fd[1] = -1;
	if (g->trees.top == NULL)
		return 0;
	path = sk_asprintf(
	    "%s/%llu.tree", g->mark.tmp, (unsigned long long)g->serial);
	rc = sk_tree_make(&g->trees, &p->tree, path, err);
	free(path);
	return rc;
}

/* Where it works: its own tree, at the place in it where we are. */
static char *
work_dir(const struct proc *p)
{
	const struct sk_slot *slot = p->at.opts.slot;
	char *here, *there;

	if (p->tree.path == NULL)
		return slot->cwd != NULL ? sk_strdup(slot->cwd) : NULL;
	here = sk_asprintf("%s%s", p->tree.path, p->at.opts.ground->prefix);
	if (slot->cwd == NULL)
		return here;
	there = sk_path_join(here, slot->cwd);
	free(here);
	return there;
}

/* Prompt, pipes, environment, and the program. */
static int
launch(struct proc *p, struct sk_err *err)
{
	const struct sk_attempt_opts *opts = &p->at.opts;
	const struct sk_slot *slot = opts->slot;
	struct sk_strv env = { 0 }, argv = { 0 };
	char *cwd = work_dir(p);
	struct sk_spawn sp = { .cwd = cwd, .new_session = true };
	int out[2] = { -1, -1 }, er[2] = { -1, -1 };
	int rc;

	/* A description of its own: agents must not share a file offset. */
	sp.fd_in = open(opts->prompt_path, O_RDONLY | O_CLOEXEC);
	if (sp.fd_in < 0)
		rc = sk_fail_errno(err, "cannot open the prompt");
	else if ((rc = sk_pipe(out, true, err)) == 0)
		rc = sk_pipe(er, true, err);
	if (rc == 0)
		rc = fill_argv(p, &argv, err);
	if (rc == 0) {
		sk_agent_env(
		    slot, opts->stage, opts->spec, p->token, p->tmp, &env);
		sp.argv = (const char *const *)argv.v;
		sp.envp = (const char *const *)env.v;
		sp.fd_out = out[1];
		sp.fd_err = er[1];
		p->cgroup = sk_cgroup_enter(
		    &opts->ground->cgroup, opts->ground->serial);
		rc = sk_spawn(&sp, &p->at.pid, err);
		if (p->cgroup != NULL)
			sk_cgroup_leave(&opts->ground->cgroup);
	}
	sk_strv_free(&env);
	sk_strv_free(&argv);
	if (sp.fd_in >= 0)
		close(sp.fd_in);
	if (out[1] >= 0)
		close(out[1]);
	if (er[1] >= 0)
		close(er[1]);
	p->fd[0] = out[0];
	p->fd[1] = er[0];
	free(cwd);
	return rc;
}

static void
listen_to(struct proc *p)
{
	struct sk_err err = { 0 };

	for (size_t i = 0; i < 2; i++)
		if (p->fd[i] >= 0 && sk_loop_add(p->at.loop, p->fd[i],
					 SK_EV_READ, on_output, p, &err) != 0)
			sk_oom(); /* a pipe is only refused for that */
}

/* Its own place for temporary files, gone with it. Agents leave whole
 * conversations in files of guessable names. */
static void
make_places(struct proc *p)
{
	const struct sk_ground *g = p->at.opts.ground;

	p->tmp =
	    sk_asprintf("%s/%llu", g->mark.tmp, (unsigned long long)g->serial);
	if (mkdir(p->tmp, 0700) == 0)
		return;
	free(p->tmp); /* it then shares ours */
	p->tmp = NULL;
}

static bool
proc_start(struct sk_attempt *at)
{
	struct proc *p = (struct proc *)at;
	struct sk_ground *g = at->opts.ground;
	struct sk_err err = { 0 };

	g->serial++;
	snprintf(p->token, sizeof(p->token), "%s.%llu", g->mark.id,
	    (unsigned long long)g->serial);
	make_places(p);
	open_tee(p);
	if (make_tree(p, &err) != 0 || launch(p, &err) != 0) {
		sk_outcome_fail(at->o, spawn_kind(&err), "%s", err.message);
		sk_err_clear(&err);
		for (size_t i = 0; i < 2; i++)
			if (p->fd[i] >= 0)
				close(p->fd[i]);
		drop_places(p);
		return false;
	}
	sk_spool_init(&p->spool, g->mark.tmp, at->opts.max_output);
	listen_to(p);
	sk_loop_child(at->loop, at->pid, on_child, p);
	return true;
}

/* Out of the loop altogether: a pipe without a writer is reported even when
 * nothing is asked for. */
static void
proc_pause(struct sk_attempt *at, bool on)
{
	struct proc *p = (struct proc *)at;

	if (!on) {
		listen_to(p);
		return;
	}
	for (size_t i = 0; i < 2; i++)
		if (p->fd[i] >= 0)
			sk_loop_del(at->loop, p->fd[i]);
}

static void
proc_clear(struct sk_attempt *at)
{
	struct proc *p = (struct proc *)at;

	cancel_timer(p, &p->grace_id);
	cancel_timer(p, &p->drain_id);
	for (size_t i = 0; i < 2; i++) {
		close_fd(p, &p->fd[i]);
		if (p->tee[i] >= 0)
			close(p->tee[i]);
	}
	drop_places(p);
	sk_spool_free(&p->spool);
	if (p->tap != NULL)
		sk_tap_free(p->tap);
	free(p->tap);
	sk_errtap_free(&p->errs);
}

const struct sk_attempt_ops sk_attempt_proc = {
	.size = sizeof(struct proc),
	.start = proc_start,
	.stop = proc_stop,
	.pause = proc_pause,
	.clear = proc_clear,
};
