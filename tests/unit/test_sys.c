/* SPDX-License-Identifier: MIT */
/* sys: loop, spawn, the tree of descendants, the guardian pair. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"
#include "tap.h"

static void
nap_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

/* Dead, or only a zombie that its parent has not buried. */
static bool
gone(pid_t pid)
{
	char path[64], buf[256], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return true;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	p = strrchr(buf, ')');
	return p == NULL || p[2] == 'Z' || p[2] == 'X';
}

static bool
gone_soon(pid_t pid)
{
	for (int i = 0; i < 500; i++) {
		if (gone(pid))
			return true;
		nap_ms(10);
	}
	return false;
}

/* ---- loop ---- */

static int order[8], norder;

static void
note(struct sk_loop *l, void *arg)
{
	(void)l;
	order[norder++] = *(int *)arg;
}

static void
test_timers(void)
{
	static int one = 1, two = 2, three = 3;
	struct sk_err err = { 0 };
	struct sk_loop *l = sk_loop_new(&err);
	int64_t now = sk_mono_ms(), id;

	sk_loop_timer(l, now + 20, note, &three);
	id = sk_loop_timer(l, now + 10, note, &two);
	sk_loop_timer(l, now + 10, note, &one);
	sk_loop_timer(l, now + 1, note, &one);
	sk_loop_cancel(l, id);
	CHECK(sk_loop_run(l, &err) == 0);
	CHECK_INT(norder, 3);
	CHECK(order[0] == 1 && order[1] == 1 && order[2] == 3);
	CHECK(sk_mono_ms() - now >= 20);
	sk_loop_free(l);
}

struct seen {
	struct sk_buf b;
	int fd, wstatus, idles, other;
	bool reaped;
	size_t at_reap;
};

static void
on_read(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct seen *s = arg;
	char tmp[100];
	ssize_t n = read(fd, tmp, sizeof(tmp)); /* little on purpose */

	(void)events;
	if (n > 0) {
		sk_buf_add(&s->b, tmp, (size_t)n);
	} else if (n == 0) {
		sk_loop_del(l, fd);
		close(fd);
	}
}

static void
on_reaped(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct seen *s = arg;

	(void)l;
	(void)pid;
	s->reaped = true;
	s->wstatus = wstatus;
	s->at_reap = s->b.len;
}

static void
on_idle(struct sk_loop *l, void *arg)
{
	(void)l;
	((struct seen *)arg)->idles++;
}

static void
test_child(void)
{
	const char *argv[] = { "sh", "-c",
		"i=0; while [ $i -lt 100 ]; do echo 0123456789abcde; "
		"i=$((i+1)); done; exit 7",
		NULL };
	struct sk_err err = { 0 };
	struct sk_loop *l = sk_loop_new(&err);
	struct sk_spawn sp = { .argv = argv, .fd_in = -1, .fd_err = -2 };
	struct seen s = { 0 };
	int p[2];
	pid_t pid;

	sk_buf_init(&s.b, 0);
	CHECK(sk_pipe(p, true, &err) == 0);
	sp.fd_out = p[1];
	CHECK(sk_spawn(&sp, &pid, &err) == 0);
	close(p[1]);
	CHECK(sk_loop_add(l, p[0], SK_EV_READ, on_read, &s, &err) == 0);
	sk_loop_child(l, pid, on_reaped, &s);
	CHECK(sk_loop_has_child(l, pid));
	sk_loop_idle(l, on_idle, &s);
	CHECK(sk_loop_run(l, &err) == 0);
	CHECK(s.reaped && WEXITSTATUS(s.wstatus) == 7);
	CHECK_INT(s.b.len, 1600);
	CHECK(s.idles > 1);
	CHECK(!sk_loop_has_child(l, pid));
	sk_buf_free(&s.b);
	sk_loop_free(l);
}

/* A callback may remove a source whose event is in the same batch. */
static int other_fd, calls;

static void
on_pair(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	(void)events;
	(void)arg;
	calls++;
	sk_loop_del(l, other_fd == fd ? -1 : other_fd);
	sk_loop_del(l, fd);
	sk_loop_stop(l);
}

static void
on_pair2(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	(void)fd;
	other_fd = *(int *)arg;
	on_pair(l, fd, events, arg);
}

static void
test_removal(void)
{
	struct sk_err err = { 0 };
	struct sk_loop *l = sk_loop_new(&err);
	int a[2], b[2];

	CHECK(sk_pipe(a, true, &err) == 0 && sk_pipe(b, true, &err) == 0);
	CHECK(write(a[1], "x", 1) == 1 && write(b[1], "x", 1) == 1);
	(void)sk_loop_add(l, a[0], SK_EV_READ, on_pair2, &b[0], &err);
	(void)sk_loop_add(l, b[0], SK_EV_READ, on_pair2, &a[0], &err);
	CHECK(sk_loop_run(l, &err) == 0);
	CHECK(sk_loop_run(l, &err) == 0); /* nothing left to wait for */
	CHECK_INT(calls, 1);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
	sk_loop_free(l);
}

/* Many children at once: the table must find each again. */
static int ended;

static void
count(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	(void)l;
	(void)arg;
	if (pid > 0 && WIFEXITED(wstatus))
		ended++;
}

static void
test_many(void)
{
	const char *argv[] = { "/bin/true", NULL };
	struct sk_err err = { 0 };
	struct sk_loop *l = sk_loop_new(&err);
	struct sk_spawn sp = { .argv = argv,
		.fd_in = -1,
		.fd_out = -1,
		.fd_err = -1,
		.new_session = true };
	pid_t pid;
	int started = 0;

	for (int i = 0; i < 100; i++)
		if (sk_spawn(&sp, &pid, &err) == 0) {
			sk_loop_child(l, pid, count, NULL);
			started++;
		}
	CHECK(sk_loop_run(l, &err) == 0);
	CHECK_INT(started, 100);
	CHECK_INT(ended, 100);
	sk_loop_free(l);
}

/* ---- spawn ---- */

static void
test_spawn_errors(void)
{
	static const struct {
		const char *prog, *cwd, *code;
	} t[] = {
		{ "/nonexistent/prog", NULL, "not_found" },
		{ "no-such-program-here", NULL, "not_found" },
		{ "", NULL, "not_found" },
		{ "/etc/passwd", NULL, "not_executable" },
		{ "/", NULL, "not_executable" },
		{ "./script", NULL, "not_executable" },
		{ "/bin/true", "/nonexistent", "no_such_directory" },
	};
	int fd = open("script", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);

	CHECK(fd >= 0 && write(fd, "#!/no/such/sh\n", 14) == 14);
	close(fd);
	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		const char *argv[] = { t[i].prog, NULL };
		struct sk_spawn sp = { .argv = argv,
			.cwd = t[i].cwd,
			.fd_in = -1,
			.fd_out = -1,
			.fd_err = -1 };
		struct sk_err err = { 0 };
		pid_t pid;

		CHECK_INT(sk_spawn(&sp, &pid, &err), SK_USAGE);
		CHECK_STR(err.code, t[i].code);
	}
	unlink("script");
}

/* The action of the next spawn that is refused, counted from 0; -1 = none. */
static int refused = -1;

static bool
refuse(void)
{
	return refused >= 0 && refused-- == 0;
}

#define INTERPOSE(name, params, args) \
	int name params \
	{ \
		int(*real) params; \
		void *found = dlsym(RTLD_NEXT, #name); \
\
		memcpy(&real, &found, sizeof(real)); \
		return refuse() ? ENOMEM : real args; \
	}
INTERPOSE(posix_spawn_file_actions_adddup2,
    (posix_spawn_file_actions_t * a, int fd, int to), (a, fd, to))
INTERPOSE(posix_spawn_file_actions_addclosefrom_np,
    (posix_spawn_file_actions_t * a, int from), (a, from))
INTERPOSE(posix_spawn_file_actions_addchdir_np,
    (posix_spawn_file_actions_t * a, const char *path), (a, path))

/* Nothing runs on our streams, with our locks, or where we are, because there
 * was no memory to say otherwise. */
static void
test_spawn_whole(void)
{
	const char *argv[] = { "touch", "ran", NULL };
	struct sk_spawn sp = { .argv = argv,
		.cwd = ".",
		.fd_in = -1,
		.fd_out = -1,
		.fd_err = -1 };
	struct sk_err err = { 0 };
	int st;
	pid_t pid;

	for (int i = 0; i < 5; i++) {
		refused = i;
		CHECK_INT(sk_spawn(&sp, &pid, &err), SK_NOMEM);
		CHECK_INT(refused, -1);
		CHECK(access("ran", F_OK) != 0);
		sk_err_clear(&err);
	}
	CHECK(sk_spawn(&sp, &pid, &err) == 0);
	CHECK(waitpid(pid, &st, 0) == pid && st == 0);
	CHECK(unlink("ran") == 0);
}

/* Signals default and unblocked, descriptors closed, the child's own PATH. */
static void
test_clean_child(void)
{
	const char *argv[] = { "probe", NULL };
	const char *envp[] = { "PATH=./p1:./p2", NULL };
	struct sk_spawn sp = { .argv = argv, .envp = envp };
	struct sk_err err = { 0 };
	struct sk_buf out;
	int st, fd, leak = fcntl(STDERR_FILENO, F_DUPFD, 77);
	static const char script[] = "#!/bin/sh\n"
				     "while read -r k v; do case $k in "
				     "SigBlk:) echo blk $v;; esac; "
				     "done </proc/self/status\n"
				     "for f in /proc/self/fd/*; do "
				     "echo ${f##*/}; done\n";

	sk_buf_init(&out, 0);
	(void)mkdir("p1", 0700);
	(void)mkdir("p2", 0700);
	fd = open("p2/probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	CHECK(write(fd, script, sizeof(script) - 1) > 0);
	close(fd);
	CHECK(leak >= 77);
	CHECK(sk_capture(&sp, NULL, 0, &out, NULL, 5000, &st, &err) == 0);
	CHECK(strstr(out.p, "blk 0000000000000000\n") != NULL);
	CHECK(strstr(out.p, "\n0\n1\n") != NULL);
	CHECK(strstr(out.p, "\n2\n") != NULL);
	CHECK(strstr(out.p, "\n7") == NULL);
	close(leak);
	unlink("p2/probe");
	rmdir("p1");
	rmdir("p2");
	sk_buf_free(&out);
}

/* ---- the tree ---- */

/* Spawn a script in a session; returns the pid it prints on a line. */
static pid_t
spawn_script(const char *script, const char *const *envp, pid_t *pid)
{
	const char *argv[] = { "/bin/sh", "-c", script, NULL };
	struct sk_spawn sp = { .argv = argv,
		.envp = envp,
		.fd_in = -1,
		.fd_err = -1,
		.new_session = true };
	struct sk_err err = { 0 };
	char buf[64] = "";
	size_t n = 0;
	int p[2];

	if (sk_pipe(p, false, &err) != 0)
		return -1;
	sp.fd_out = p[1];
	if (sk_spawn(&sp, pid, &err) != 0)
		return -1;
	close(p[1]);
	while (n < sizeof(buf) - 1 && strchr(buf, '\n') == NULL) {
		ssize_t r = read(p[0], buf + n, sizeof(buf) - 1 - n);

		if (r <= 0)
			break;
		n += (size_t)r;
		buf[n] = '\0';
	}
	close(p[0]);
	return (pid_t)strtol(buf, NULL, 10);
}

static void
test_tree(void)
{
	static const char *const envp[] = { "PATH=/usr/local/bin:/usr/bin:/bin",
		"SK_AGENT_TOKEN=tok3n", NULL };
	pid_t pid, deep;

	/* A grandchild in a session of its own, below the child. */
	deep = spawn_script(
	    "setsid sh -c 'echo $$; exec sleep 300' & wait", NULL, &pid);
	CHECK(deep > 0 && !gone(deep));
	(void)sk_loop_tree_kill(NULL, pid, NULL);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(gone_soon(deep));

	/* A daemon: its parent is gone, only the mark tells whose it was. */
	deep = spawn_script(
	    "(setsid sh -c 'echo $$; exec sleep 300' &) ; exit 0", envp, &pid);
	CHECK(deep > 0);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(!gone(deep));
	CHECK(sk_loop_tree_kill(NULL, pid, "other") == 0 && !gone(deep));
	CHECK(sk_loop_tree_kill(NULL, pid, "tok3n") == 1);
	CHECK(gone_soon(deep));

	/* Whatever it is, the sweep finds it; and keeps what it is told to. */
	deep =
	    spawn_script("(setsid env -i sh -c 'echo $$; exec sleep 300' &) ; "
			 "exec sleep 300",
		envp, &pid);
	CHECK(deep > 0);
	CHECK(sk_tree_sweep(&pid, 1, 500) >= 1);
	CHECK(gone_soon(deep) && !gone(pid));
	CHECK(sk_tree_sweep(NULL, 0, 500) == 1);
	CHECK(gone_soon(pid));

	/* A signal reaches another session too. */
	deep = spawn_script("setsid sh -c 'trap \"exit 0\" TERM; echo $$; "
			    "while :; do sleep 0.01; done' & wait",
	    NULL, &pid);
	sk_tree_signal(pid, SIGTERM);
	CHECK(waitpid(pid, NULL, 0) == pid);
	CHECK(gone_soon(deep));
	(void)sk_tree_sweep(NULL, 0, 500);
}

/* ---- the guardian ---- */

/* The program under guard: reports worker and agent pid, then does as told. */
static int
guarded(const char *what)
{
	struct sk_err err = { 0 };
	unsigned char sig;
	pid_t agent, daemon_pid;
	int fd;

	if (sk_guard(&fd, &err) != 0)
		return 70;
	daemon_pid = spawn_script("(setsid sh -c 'echo $$; exec sleep 300' &) ;"
				  "exec sleep 300",
	    NULL, &agent);
	sk_outf("%d %d %d\n", (int)getpid(), (int)agent, (int)daemon_pid);
	(void)sk_out_flush(&err);
	if (strcmp(what, "exit") == 0)
		return 42;
	(void)fcntl(fd, F_SETFL, 0); /* wait for a byte or the end */
	if (read(fd, &sig, 1) == 1)
		return 100 + sig;
	(void)sk_tree_sweep(NULL, 0, 500);
	_exit(99);
}

struct pair {
	pid_t front;
	int worker, agent, daemon;
};

static bool
start_pair(const char *self, const char *what, struct pair *p)
{
	const char *argv[] = { self, "guarded", what, NULL };
	struct sk_spawn sp = { .argv = argv, .fd_in = -1, .fd_err = -2 };
	struct sk_err err = { 0 };
	char buf[128] = "";
	int fd[2];
	bool ok;

	if (sk_pipe(fd, false, &err) != 0)
		return false;
	sp.fd_out = fd[1];
	ok = sk_spawn(&sp, &p->front, &err) == 0;
	close(fd[1]);
	ok = ok && read(fd[0], buf, sizeof(buf) - 1) > 0 &&
	     sscanf(buf, "%d %d %d", &p->worker, &p->agent, &p->daemon) == 3;
	close(fd[0]);
	return ok;
}

static void
test_guard(const char *self)
{
	struct pair p;
	int st;

	CHECK(start_pair(self, "exit", &p));
	CHECK(waitpid(p.front, &st, 0) == p.front);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 42);
	CHECK(gone_soon(p.agent) && gone_soon(p.daemon));

	CHECK(start_pair(self, "wait", &p));
	CHECK(p.worker != p.front);
	kill(p.front, SIGTERM); /* becomes a byte */
	CHECK(waitpid(p.front, &st, 0) == p.front);
	CHECK(WIFEXITED(st) && WEXITSTATUS(st) == 100 + SIGTERM);
	CHECK(gone_soon(p.agent) && gone_soon(p.daemon));

	CHECK(start_pair(self, "wait", &p));
	kill(p.worker, SIGKILL);
	CHECK(waitpid(p.front, &st, 0) == p.front);
	CHECK(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL);
	CHECK(gone_soon(p.agent) && gone_soon(p.daemon));

	CHECK(start_pair(self, "wait", &p));
	kill(p.front, SIGKILL);
	CHECK(waitpid(p.front, &st, 0) == p.front);
	CHECK(gone_soon(p.worker) && gone_soon(p.agent));
	CHECK(gone_soon(p.daemon));
	(void)sk_tree_sweep(NULL, 0, 500);
}

/* ---- private directories ---- */

static void
test_tmpdir(void)
{
	struct sk_err err = { 0 };
	char *dir = sk_tmpdir_new(&err), *file;
	struct rlimit all, none;

	CHECK(dir != NULL);
	/* Not one descriptor is to be had. */
	CHECK_INT(getrlimit(RLIMIT_NOFILE, &all), 0);
	none = all;
	none.rlim_cur = 0;
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &none), 0);
	sk_tmpdir_remove(dir);
	CHECK_INT(setrlimit(RLIMIT_NOFILE, &all), 0);
	CHECK(access(dir, F_OK) != 0);
	free(dir);
	dir = sk_tmpdir_new(&err);
	file = sk_path_join(dir, "a/b/c");
	CHECK_INT(sk_mkdirs(file, 0700, &err), 0);
	sk_tmpdir_remove(dir);
	CHECK(access(dir, F_OK) != 0);
	free(file);
	free(dir);
}

int
main(int argc, char **argv)
{
	char dir[] = "/tmp/sk-test-sys-XXXXXX";
	char *self;

	if (argc == 3 && strcmp(argv[1], "guarded") == 0)
		return guarded(argv[2]);
	self = realpath("/proc/self/exe", NULL);
	if (self == NULL || mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	sk_subreaper();
	test_timers();
	test_child();
	test_removal();
	test_many();
	test_spawn_errors();
	test_spawn_whole();
	test_clean_child();
	test_tree();
	test_guard(self);
	test_tmpdir();
	free(self);
	if (chdir("/") != 0 || rmdir(dir) != 0)
		return 1;
	return tap_done();
}
