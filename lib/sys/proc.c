/* SPDX-License-Identifier: MIT */
/*
 * Spawning: posix_spawn with everything named. Its return value is the exec
 * error, so no status pipe is needed and no child ever exits 127 for us.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

extern char **environ;

/* ---- descriptors ---- */

int
sk_pipe(int fd[2], bool nonblock_read, struct sk_err *err)
{
	if (pipe2(fd, O_CLOEXEC) < 0)
		return sk_fail_errno(err, "cannot make a pipe");
	if (nonblock_read)
		(void)fcntl(fd[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static struct rlimit nofile_start;
static bool nofile_raised;

void
sk_nofile_raise(void)
{
	struct rlimit r;

	if (nofile_raised || getrlimit(RLIMIT_NOFILE, &nofile_start) < 0 ||
	    nofile_start.rlim_cur >= nofile_start.rlim_max)
		return;
	r = nofile_start;
	r.rlim_cur = r.rlim_max;
	nofile_raised = setrlimit(RLIMIT_NOFILE, &r) == 0;
}

/* One /dev/null for all children: opening it in the child would fail there
 * when we hold more descriptors than the child's limit allows. */
static int
null_fd(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	return fd;
}

/* ---- finding the program ---- */

static const char *
env_path(const char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (strncmp(*envp, "PATH=", 5) == 0)
			return *envp + 5;
	return "/usr/local/bin:/usr/bin:/bin";
}

/* 0, EPERM for a file that may not be run, else why there is none. */
static int
runnable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode) || access(path, X_OK) < 0)
		return EPERM;
	return 0;
}

char *
sk_find_program(const char *name, const char *const *envp, int *why)
{
	const char *p, *e;
	int w;

	*why = ENOENT;
	if (name[0] == '\0')
		return NULL;
	if (strchr(name, '/') != NULL)
		return sk_strdup(name);
	for (p = env_path(envp);; p = e + 1) {
		char *path;

		e = strchrnul(p, ':');
		path = sk_asprintf(
		    "%.*s%s%s", (int)(e - p), p, e > p ? "/" : "./", name);
		if ((w = runnable(path)) == 0) {
			*why = 0;
			return path;
		}
		free(path);
		/* A directory that may not be searched holds nothing for us;
		 * a file that may not be run is worth saying. */
		if (w == EPERM)
			*why = EACCES;
		if (*e == '\0')
			return NULL;
	}
}

static int
spawn_error(
    const struct sk_spawn *s, const char *path, int e, struct sk_err *err)
{
	const char *name = s->argv[0];
	struct stat st;

	errno = e;
	if (e != ENOENT && e != EACCES && e != ENOTDIR && e != ENOEXEC &&
	    e != ELOOP && e != ENAMETOOLONG)
		return sk_fail_errno(err, "cannot run '%s'", name);
	if (s->cwd != NULL && (stat(s->cwd, &st) < 0 || !S_ISDIR(st.st_mode) ||
				  access(s->cwd, X_OK) < 0))
		return sk_fail(err, SK_USAGE, "no_such_directory",
		    "cannot enter '%s'", s->cwd);
	if (e == ENOENT && path != NULL && stat(path, &st) == 0)
		return sk_fail(err, SK_USAGE, "not_executable",
		    "cannot run '%s': its interpreter is missing", name);
	if (e == EACCES || e == ENOEXEC)
		return sk_fail(err, SK_USAGE, "not_executable",
		    "cannot run '%s': not an executable program", name);
	sk_fail(err, SK_USAGE, "not_found", "cannot find program '%s'", name);
	if (strchr(name, '/') == NULL)
		sk_hint(err, "install it, or add its directory to PATH");
	return err->exit;
}

/* ---- sk_spawn ---- */

static int
wire(posix_spawn_file_actions_t *fa, int fd, int target)
{
	if (fd == -2)
		return 0;
	if (fd < 0 && (fd = null_fd()) < 0)
		return errno;
	return posix_spawn_file_actions_adddup2(fa, fd, target);
}

/* 0 or errno. An action that is missing is no detail: the child would write to
 * our streams, hold our locks, or work in our directory. */
static int
actions(const struct sk_spawn *s, posix_spawn_file_actions_t *fa)
{
	int e = wire(fa, s->fd_in, 0);

	if (e == 0)
		e = wire(fa, s->fd_out, 1);
	if (e == 0)
		e = wire(fa, s->fd_err, 2);
	if (e == 0)
		e = posix_spawn_file_actions_addclosefrom_np(fa, 3);
	if (e == 0 && s->cwd != NULL)
		e = posix_spawn_file_actions_addchdir_np(fa, s->cwd);
	return e;
}

static const char *
token_of(const char *const *envp)
{
	for (; *envp != NULL; envp++)
		if (sk_has_prefix(*envp, "SK_AGENT_TOKEN="))
			return *envp + strlen("SK_AGENT_TOKEN=");
	return NULL;
}

static int
do_spawn(const struct sk_spawn *s, const char *path, const char *const *envp,
    pid_t *pid)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	sigset_t none, all;
	short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
	const char *token = envp != s->envp ? NULL : token_of(envp);
	struct rlimit files, brand;
	char **argv, **env;
	bool branded;
	int e;

	/* posix_spawn does not write to these; its prototype is older than
	 * const. */
	memcpy(&argv, &s->argv, sizeof(argv));
	memcpy(&env, &envp, sizeof(env));
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawnattr_init(&at);
	if (s->new_session)
		flags = (short)(flags | POSIX_SPAWN_SETSID);
	posix_spawnattr_setflags(&at, flags);
	posix_spawnattr_setsigmask(&at, &none);
	posix_spawnattr_setsigdefault(&at, &all);
	e = actions(s, &fa);
	if (e != 0)
		goto out;
	/* Limits are inherited: they are ours for the moment of the spawn. */
	if (nofile_raised) {
		getrlimit(RLIMIT_NOFILE, &files);
		setrlimit(RLIMIT_NOFILE, &nofile_start);
	}
	branded = token != NULL && sk_brand_put(token, &brand);
	e = posix_spawn(pid, path, &fa, &at, argv, env);
	if (branded)
		sk_brand_take(&brand);
	if (nofile_raised)
		setrlimit(RLIMIT_NOFILE, &files);
out:
	posix_spawn_file_actions_destroy(&fa);
	posix_spawnattr_destroy(&at);
	return e;
}

int
sk_spawn(const struct sk_spawn *s, pid_t *pid, struct sk_err *err)
{
	const char *const *envp = s->envp;
	char *path;
	int e;

	if (envp == NULL) {
		char *const *ours = environ;

		memcpy(&envp, &ours, sizeof(envp));
	}
	path = sk_find_program(s->argv[0], envp, &e);
	if (path == NULL)
		return spawn_error(s, NULL, e, err);
	e = do_spawn(s, path, envp, pid);
	if (e != 0)
		e = spawn_error(s, path, e, err);
	free(path);
	return e;
}

/* ---- sk_capture ---- */

/* How long output is waited for after the program itself has ended. */
#define DRAIN_MS 250

struct cap {
	pid_t pid;
	int pidfd;
	struct pollfd p[3]; /* stdout, stderr, pidfd */
	struct sk_buf *b[2];
	int wstatus;
	int error; /* of reading; 0 = none. What cannot be read is no end */
	bool reaped;
};

static void
cap_read(struct cap *c, size_t i)
{
	char tmp[65536];
	ssize_t r = read(c->p[i].fd, tmp, sizeof(tmp));

	if (r > 0) {
		if (c->b[i] != NULL)
			sk_buf_add(c->b[i], tmp, (size_t)r);
		return;
	}
	if (r < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (r < 0)
		c->error = errno;
	close(c->p[i].fd);
	c->p[i].fd = -1;
}

static void
cap_reap(struct cap *c)
{
	if (!c->reaped && waitpid(c->pid, &c->wstatus, WNOHANG) != 0) {
		c->reaped = true;
		c->p[2].fd = -1;
	}
}

/* Until reaped and at EOF, or drained, or out of time (then killed). */
static bool
cap_loop(struct cap *c, int64_t timeout_ms)
{
	int64_t end = timeout_ms > 0 ? sk_mono_ms() + timeout_ms : INT64_MAX;
	bool timed_out = false;

	for (;;) {
		int64_t left = end - sk_mono_ms();
		int ms = end == INT64_MAX ? -1
		         : left > 3600000 ? 3600000
		                          : (int)left;

		if (left <= 0) {
			if (c->reaped || timed_out)
				return timed_out;
			timed_out = true;
			sk_tree_signal(c->pid, SIGKILL);
			end = sk_mono_ms() + DRAIN_MS;
			continue;
		}
		if (c->pidfd < 0 && !c->reaped && (ms < 0 || ms > 5))
			ms = 5; /* no pidfd in this kernel: look often */
		(void)poll(c->p, 3, ms);
		for (size_t i = 0; i < 2; i++)
			if (c->p[i].fd >= 0 && c->p[i].revents != 0)
				cap_read(c, i);
		if (!c->reaped && (c->pidfd < 0 || c->p[2].revents != 0)) {
			cap_reap(c);
			if (c->reaped && !timed_out)
				end = sk_mono_ms() + DRAIN_MS;
		}
		if (c->reaped && c->p[0].fd < 0 && c->p[1].fd < 0)
			return timed_out;
	}
}

static int
cap_start(struct cap *c, const struct sk_spawn *s, int in_fd, bool want_err,
    struct sk_err *err)
{
	struct sk_spawn sp = *s;
	int out[2] = { -1, -1 }, er[2] = { -1, -1 };
	int rc;

	if ((rc = sk_pipe(out, true, err)) != 0)
		return rc;
	if (want_err && (rc = sk_pipe(er, true, err)) != 0) {
		close(out[0]);
		close(out[1]);
		return rc;
	}
	sp.fd_in = in_fd;
	sp.fd_out = out[1];
	sp.fd_err = want_err ? er[1] : -2;
	rc = sk_spawn(&sp, &c->pid, err);
	close(out[1]);
	if (want_err)
		close(er[1]);
	if (rc != 0) {
		close(out[0]);
		if (want_err)
			close(er[0]);
		return rc;
	}
	c->p[0] = (struct pollfd){ .fd = out[0], .events = POLLIN };
	c->p[1] = (struct pollfd){ .fd = er[0], .events = POLLIN };
	c->pidfd = (int)syscall(SYS_pidfd_open, c->pid, 0);
	c->p[2] = (struct pollfd){ .fd = c->pidfd, .events = POLLIN };
	return 0;
}

int
sk_capture(const struct sk_spawn *s, const void *in, size_t in_n,
    struct sk_buf *out, struct sk_buf *err_out, int64_t timeout_ms,
    int *wstatus, struct sk_err *err)
{
	struct cap c = { .pidfd = -1, .b = { out, err_out } };
	int in_fd = -1, rc;
	bool timed_out;

	if (in != NULL && (in_fd = sk_memfd(in, in_n, err)) < 0)
		return err->exit;
	rc = cap_start(&c, s, in_fd, err_out != NULL, err);
	if (in_fd >= 0)
		close(in_fd);
	if (rc != 0)
		return rc;
	timed_out = cap_loop(&c, timeout_ms);
	for (size_t i = 0; i < 2; i++)
		if (c.p[i].fd >= 0)
			close(c.p[i].fd);
	if (c.pidfd >= 0)
		close(c.pidfd);
	if (!c.reaped)
		(void)waitpid(c.pid, &c.wstatus, 0);
	*wstatus = c.wstatus;
	if (timed_out)
		return sk_fail(err, SK_TIMEOUT, "timeout",
		    "'%s' did not end within %lld ms", s->argv[0],
		    (long long)timeout_ms);
	errno = c.error;
	return c.error == 0 ? 0
	                    : sk_fail_errno(err, "cannot read what '%s' says",
				  s->argv[0]);
}
