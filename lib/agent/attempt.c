/* SPDX-License-Identifier: MIT */
/*
 * One attempt under supervision. Done is: reaped, and both pipes at their end
 * or the drain time over. Then whatever the agent left behind is killed, and
 * only then is the outcome judged. Reading never stops before that.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"

struct sk_attempt {
	struct sk_loop *loop;
	struct sk_attempt_opts opts;
	struct sk_outcome *o;
	struct sk_tap tap;
	struct sk_errtap errs;
	char token[SK_ID_LEN];
	pid_t pid;
	int out_fd, err_fd;
	int wstatus;
	bool reaped;
	int64_t start; /* monotonic */
	int64_t timeout_id, grace_id, drain_id;
};

static void
cancel_timer(struct sk_attempt *at, int64_t *id)
{
	if (*id != 0)
		sk_loop_cancel(at->loop, *id);
	*id = 0;
}

static void
close_fd(struct sk_attempt *at, int *fd)
{
	if (*fd < 0)
		return;
	sk_loop_del(at->loop, *fd);
	close(*fd);
	*fd = -1;
}

/* ---- the end ---- */

static void
finish(struct sk_attempt *at)
{
	struct sk_outcome *o = at->o;

	cancel_timer(at, &at->timeout_id);
	cancel_timer(at, &at->grace_id);
	cancel_timer(at, &at->drain_id);
	close_fd(at, &at->out_fd);
	close_fd(at, &at->err_fd);
	(void)sk_loop_tree_kill(at->loop, at->pid, at->token);
	o->ended_ms = sk_now_ms();
	o->duration_ms = sk_mono_ms() - at->start;
	sk_outcome_judge(o, &at->tap, &at->errs, at->wstatus, at->opts.schema);
	sk_tap_free(&at->tap);
	sk_errtap_free(&at->errs);
	at->opts.done(at, at->opts.arg);
}

static void
maybe_finish(struct sk_attempt *at)
{
	if (at->reaped && at->out_fd < 0 && at->err_fd < 0)
		finish(at);
}

static void
on_drained(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;

	(void)l;
	at->drain_id = 0;
	finish(at);
}

static void
on_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct sk_attempt *at = arg;

	(void)pid;
	at->reaped = true;
	at->wstatus = wstatus;
	/* It ended by itself in time: whatever is still to be read came
	 * before that, so the clock does not matter any more. */
	cancel_timer(at, &at->timeout_id);
	cancel_timer(at, &at->grace_id);
	if (at->out_fd < 0 && at->err_fd < 0)
		finish(at);
	else
		at->drain_id = sk_loop_timer(
		    l, sk_mono_ms() + SK_DRAIN_MS, on_drained, at);
}

/* ---- output ---- */

/* False at the end of the pipe. */
static bool
drain(struct sk_attempt *at, int fd)
{
	static char chunk[65536];

	for (int i = 0; i < 16; i++) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		if (n == 0)
			return false;
		if (fd == at->err_fd) {
			sk_errtap_feed(&at->errs, chunk, (size_t)n);
		} else {
			if (at->o->first_byte_ms < 0)
				at->o->first_byte_ms = sk_mono_ms() - at->start;
			sk_tap_feed(&at->tap, chunk, (size_t)n);
		}
		if ((size_t)n < sizeof(chunk) / 2)
			break;
	}
	return true;
}

static void
on_output(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_attempt *at = arg;

	(void)l;
	(void)events;
	if (drain(at, fd))
		return;
	close_fd(at, fd == at->out_fd ? &at->out_fd : &at->err_fd);
	maybe_finish(at);
}

/* ---- stopping ---- */

static void
on_grace(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;

	at->grace_id = 0;
	(void)sk_loop_tree_kill(l, at->pid, at->token);
}

static void
stop(struct sk_attempt *at)
{
	if (at->reaped || at->grace_id != 0)
		return;
	sk_loop_tree_signal(
	    at->loop, at->pid, at->token, at->opts.slot->ad->stop_signal);
	at->grace_id = sk_loop_timer(
	    at->loop, sk_mono_ms() + at->opts.slot->grace_ms, on_grace, at);
}

static void
on_timeout(struct sk_loop *l, void *arg)
{
	struct sk_attempt *at = arg;
	char span[32];

	(void)l;
	at->timeout_id = 0;
	sk_duration_text(at->opts.slot->timeout_ms, span, sizeof(span));
	sk_outcome_fail(at->o, SK_K_TIMEOUT_TOTAL, "no answer within %s", span);
	stop(at);
}

void
sk_attempt_cancel(struct sk_attempt *at, bool now)
{
	sk_outcome_fail(at->o, SK_K_CANCELLED, "cancelled");
	if (at->reaped)
		return;
	if (now)
		(void)sk_loop_tree_kill(at->loop, at->pid, at->token);
	else
		stop(at);
}

/* ---- the start ---- */

static enum sk_kind
spawn_kind(const struct sk_err *err)
{
	if (sk_streq(err->code, "not_found"))
		return SK_K_NOT_FOUND;
	return err->exit == SK_USAGE ? SK_K_USAGE : SK_K_INTERNAL;
}

/* Prompt, pipes, environment, and the program. */
static int
launch(struct sk_attempt *at, struct sk_err *err)
{
	const struct sk_slot *slot = at->opts.slot;
	struct sk_strv env = { 0 };
	struct sk_spawn sp = { .cwd = slot->cwd, .new_session = true };
	int out[2] = { -1, -1 }, er[2] = { -1, -1 };
	int rc;

	/* A description of its own: agents must not share a file offset. */
	sp.fd_in = open(at->opts.prompt_path, O_RDONLY | O_CLOEXEC);
	if (sp.fd_in < 0)
		rc = sk_fail_errno(err, "cannot open the prompt");
	else if ((rc = sk_pipe(out, true, err)) == 0)
		rc = sk_pipe(er, true, err);
	if (rc == 0) {
		sk_agent_env(
		    slot, at->opts.stage, at->opts.spec, at->token, &env);
		sp.argv = (const char *const *)slot->argv.v;
		sp.envp = (const char *const *)env.v;
		sp.fd_out = out[1];
		sp.fd_err = er[1];
		rc = sk_spawn(&sp, &at->pid, err);
		sk_strv_free(&env);
	}
	for (size_t i = 0; i < 2; i++) {
		int fd = i == 0 ? sp.fd_in : out[1];

		if (fd >= 0)
			close(fd);
	}
	if (er[1] >= 0)
		close(er[1]);
	at->out_fd = out[0];
	at->err_fd = er[0];
	return rc;
}

struct sk_attempt *
sk_attempt_start(
    struct sk_loop *l, const struct sk_attempt_opts *opts, struct sk_outcome *o)
{
	const struct sk_slot *slot = opts->slot;
	struct sk_attempt *at;
	struct sk_err err = { 0 };

	o->started_ms = o->ended_ms = sk_now_ms();
	if (slot->broken != SK_K_NONE) {
		sk_outcome_fail(o, slot->broken, "%s", slot->broken_why);
		return NULL;
	}
	at = sk_calloc(1, sizeof(*at));
	at->loop = l;
	at->opts = *opts;
	at->o = o;
	at->start = sk_mono_ms();
	sk_id_new(at->token);
	if (launch(at, &err) != 0) {
		sk_outcome_fail(o, spawn_kind(&err), "%s", err.message);
		free(err.details);
		if (at->out_fd >= 0)
			close(at->out_fd);
		if (at->err_fd >= 0)
			close(at->err_fd);
		free(at);
		return NULL;
	}
	sk_tap_init(&at->tap, slot->ad, o, opts->max_output);
	if (sk_loop_add(l, at->out_fd, SK_EV_READ, on_output, at, &err) != 0 ||
	    sk_loop_add(l, at->err_fd, SK_EV_READ, on_output, at, &err) != 0)
		sk_bug("%s", err.message); /* fresh pipes can be watched */
	sk_loop_child(l, at->pid, on_child, at);
	at->timeout_id =
	    sk_loop_timer(l, at->start + slot->timeout_ms, on_timeout, at);
	return at;
}

pid_t
sk_attempt_pid(const struct sk_attempt *at)
{
	return at->pid;
}

void
sk_attempt_abandon(struct sk_attempt *at)
{
	cancel_timer(at, &at->timeout_id);
	cancel_timer(at, &at->grace_id);
	cancel_timer(at, &at->drain_id);
	close_fd(at, &at->out_fd);
	close_fd(at, &at->err_fd);
	sk_tap_free(&at->tap);
	sk_errtap_free(&at->errs);
	free(at);
}

void
sk_attempt_free(struct sk_attempt *at)
{
	free(at);
}
