/* SPDX-License-Identifier: MIT */
/* Running our own tools: one child, its input from memory, signals passed on.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/pipeline.h"
#include "sys/sys.h"

extern char **environ;

struct child {
	pid_t pid;
	int out_fd, wstatus, interrupted;
	int broken; /* errno of reading what it prints */
	bool dead;
	struct sk_buf *out;
	const struct sk_auto *a;
	int64_t lease;
	int fenced; /* SK_ORDER: another driver took over */
	struct sk_err *err;
};

static void
on_output(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct child *c = arg;
	char chunk[65536];
	ssize_t n;

	(void)events;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		sk_buf_add(c->out, chunk, (size_t)n);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0)
		c->broken = errno;
	sk_loop_del(l, fd);
	(void)close(fd);
	c->out_fd = -1;
	if (c->dead)
		sk_loop_stop(l);
}

static void
on_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct child *c = arg;

	(void)pid;
	c->dead = true;
	c->wstatus = wstatus;
	/* Done is reaped and drained; our tools leave nobody behind who could
	 * hold the pipe open. */
	if (c->out_fd < 0)
		sk_loop_stop(l);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct child *c = arg;

	(void)l;
	c->interrupted = signo;
	if (!c->dead)
		(void)kill(c->pid, signo);
}

/* While a child works we are at work. Who was fenced has no business here, and
 * neither has what he started. */
static void
on_lease(struct sk_loop *l, void *arg)
{
	struct child *c = arg;

	c->fenced = sk_auto_renew(c->a, c->lease, c->err);
	if (c->fenced == 0)
		(void)sk_loop_timer(
		    l, sk_mono_ms() + c->lease / 3, on_lease, c);
	else if (!c->dead)
		(void)kill(c->pid, SIGTERM);
}

/* The environment of a child: ours, with run, branch and epoch replaced. */
static char **
child_env(const struct sk_auto *a, struct sk_strv *env)
{
	static const char *const ours[] = {
		"SK_RUN=", "SK_BRANCH=", "SK_EPOCH=", "SK_DB="
	};
	char line[SK_BRANCH_LEN + 16];
	bool skip;

	for (char **e = environ; *e != NULL; e++) {
		skip = false;
		for (size_t i = 0; i < SK_ARRAY_SIZE(ours); i++)
			skip = skip || sk_has_prefix(*e, ours[i]);
		if (!skip)
			sk_strv_add(env, *e);
	}
	if (a->run[0] != '\0') {
		(void)snprintf(line, sizeof(line), "SK_RUN=%s", a->run);
		sk_strv_add(env, line);
		(void)snprintf(line, sizeof(line), "SK_BRANCH=%s", a->branch);
		sk_strv_add(env, line);
	}
	if (a->driving) {
		(void)snprintf(line, sizeof(line), "SK_EPOCH=%lld",
		    (long long)a->driver.epoch);
		sk_strv_add(env, line);
	}
	if (a->db != NULL) {
		char *db = sk_asprintf("SK_DB=%s", sk_db_path(a->db));

		sk_strv_add(env, db);
		free(db);
	}
	return env->v;
}

/* Our tools stand beside us; elsewhere on PATH only when they do not. */
static void
beside(const char *tool, char *out, size_t n)
{
	ssize_t len = readlink("/proc/self/exe", out, n - 1);
	char *slash;

	if (len > 0) {
		out[len] = '\0';
		slash = strrchr(out, '/');
		if (slash != NULL &&
		    (size_t)(slash - out) + strlen(tool) + 2 < n) {
			memcpy(slash + 1, tool, strlen(tool) + 1);
			if (access(out, X_OK) == 0)
				return;
		}
	}
	(void)snprintf(out, n, "%s", tool);
}

/* The loop takes the signals before the child starts: one that ends at once
 * must not end unseen. */
static int
watch(struct child *c, struct sk_spawn *s, struct sk_err *err)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP };
	struct sk_loop *l = sk_loop_new(err);
	int rc;

	if (l == NULL)
		return err->exit;
	rc = sk_loop_signals(
	    l, signos, SK_ARRAY_SIZE(signos), on_signal, c, err);
	if (rc == 0)
		rc = sk_loop_add(l, c->out_fd, SK_EV_READ, on_output, c, err);
	if (rc == 0)
		rc = sk_spawn(s, &c->pid, err);
	/* Our copy of the writing end must not keep the pipe open. */
	(void)close(s->fd_out);
	if (rc == 0 && c->a->driving && c->lease > 0)
		(void)sk_loop_timer(
		    l, sk_mono_ms() + c->lease / 3, on_lease, c);
	if (rc == 0) {
		sk_loop_child(l, c->pid, on_child, c);
		rc = sk_loop_run(l, err);
	}
	sk_loop_free(l);
	return rc;
}

int
sk_child_run(const struct sk_auto *a, const struct sk_strv *argv,
    const void *in, size_t in_n, struct sk_buf *out, int *status,
    int *interrupted, struct sk_err *err)
{
	return sk_child_run_in(
	    a, NULL, argv, in, in_n, out, status, interrupted, err);
}

int
sk_child_run_in(const struct sk_auto *a, const char *cwd,
    const struct sk_strv *argv, const void *in, size_t in_n, struct sk_buf *out,
    int *status, int *interrupted, struct sk_err *err)
{
	struct child c = { .out_fd = -1, .out = out, .a = a, .err = err };
	struct sk_spawn s = {
		.fd_in = -1, .fd_out = -1, .fd_err = -2, .new_session = true
	};
	struct sk_strv env = { 0 };
	char path[4096];
	const char **av;
	int fds[2], rc;

	beside(argv->v[0], path, sizeof(path));
	av = sk_reallocarray(NULL, argv->n + 1, sizeof(*av));
	for (size_t i = 0; i <= argv->n; i++)
		av[i] = argv->v[i];
	av[0] = path;
	s.argv = av;
	s.cwd = cwd;
	s.envp = (const char *const *)child_env(a, &env);
	s.fd_in = sk_memfd(in, in_n, err);
	rc = s.fd_in < 0 ? err->exit : sk_pipe(fds, true, err);
	c.lease = sk_auto_lease_ms(a);
	if (rc == 0) {
		c.out_fd = fds[0];
		s.fd_out = fds[1];
		rc = watch(&c, &s, err);
	}
	if (s.fd_in >= 0)
		(void)close(s.fd_in);
	if (c.out_fd >= 0)
		(void)close(c.out_fd);
	free(av);
	sk_strv_free(&env);
	if (rc != 0)
		return rc;
	if (c.fenced != 0)
		return c.fenced;
	*interrupted = c.interrupted;
	*status = WIFSIGNALED(c.wstatus) ? 128 + WTERMSIG(c.wstatus)
	                                 : WEXITSTATUS(c.wstatus);
	if (c.broken != 0) {
		errno = c.broken;
		return sk_fail_errno(
		    err, "cannot read what '%s' prints", argv->v[0]);
	}
	if (out->full)
		return sk_fail(err, SK_DAMAGED, "too_large",
		    "'%s' printed more than %zu bytes", argv->v[0], out->max);
	return 0;
}
