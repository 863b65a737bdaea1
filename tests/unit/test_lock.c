/* SPDX-License-Identifier: MIT */
/* Locks between processes: the wait is bounded and the holder has a name. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"
#include "sys/sys.h"
#include "tap.h"

static char path[] = "/tmp/sk-test-lock.XXXXXX";
static struct sk_err err;
static struct sk_lock mine;

/* A child that takes the lock (a name's, when given) and keeps it. */
static pid_t
holder(const char *name)
{
	struct sk_lock l;
	int ready[2], fd;
	pid_t pid;
	char c = 0;

	if (pipe(ready) != 0)
		exit(1);
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		sk_prog = "holder";
		if (name == NULL)
			c = sk_lock_open(&l, path, &err) == 0 &&
			    sk_lock_take(&l, 5000, "it", &err) == 0;
		else
			c = sk_namelock_take(&fd, path, name, 5000, &err) == 0;
		(void)!write(ready[1], &c, 1);
		for (;;)
			(void)pause();
	}
	(void)close(ready[1]);
	CHECK(read(ready[0], &c, 1) == 1 && c == 1);
	(void)close(ready[0]);
	return pid;
}

static void
end(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}

static void
stop(pid_t pid)
{
	int st;

	(void)kill(pid, SIGSTOP);
	(void)waitpid(pid, &st, WUNTRACED);
}

static void
test_holder(void)
{
	char want[100];
	int64_t t;
	pid_t pid = holder(NULL);

	CHECK_INT(sk_lock_take(&mine, 0, "the queue", &err), SK_AGAIN);
	CHECK_STR(err.code, "busy");
	(void)snprintf(want, sizeof(want),
	    "the queue is held by 'holder' (pid %d), which is alive", (int)pid);
	CHECK_STR(err.message, want);
	t = sk_mono_ms();
	CHECK_INT(sk_lock_take(&mine, 120, "the queue", &err), SK_AGAIN);
	t = sk_mono_ms() - t;
	CHECKF(t >= 120, "waited %lld ms of 120", (long long)t);
	stop(pid);
	CHECK_INT(sk_lock_take(&mine, 20, "the queue", &err), SK_AGAIN);
	CHECK(strstr(err.message, "which is stopped") != NULL);
	CHECK(strstr(err.hint, "kill -CONT") != NULL);
	end(pid); /* the kernel lets go for it, also when stopped */
	CHECK_INT(sk_lock_take(&mine, 5000, "the queue", &err), 0);
	sk_lock_drop(&mine);
}

static volatile sig_atomic_t alarms;

static void
count_alarm(int signo)
{
	(void)signo;
	alarms++;
}

/* A program with SIGALRM of its own, blocked as for a signalfd. */
static void
test_signals(void)
{
	struct sigaction act = { .sa_handler = count_alarm }, now;
	sigset_t set, old;
	pid_t pid = holder(NULL);

	(void)sigaction(SIGALRM, &act, NULL);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK_INT(sk_lock_take(&mine, 50, "it", &err), SK_AGAIN);
	(void)sigprocmask(SIG_BLOCK, NULL, &old);
	CHECK(sigismember(&old, SIGALRM));
	(void)sigaction(SIGALRM, NULL, &now);
	CHECK(now.sa_handler == count_alarm);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_INT(alarms, 0);
	(void)raise(SIGALRM);
	CHECK_INT(alarms, 1);
	end(pid);
}

static void
test_names(void)
{
	pid_t pid = holder("run-1");
	int fd, other;

	CHECK_INT(sk_namelock_take(&fd, path, "run-1", 30, &err), SK_AGAIN);
	CHECK(fd == -1);
	CHECK(sk_has_prefix(err.message, "'run-1' is held by 'holder' (pid "));
	CHECK_INT(sk_namelock_take(&fd, path, "run-2", 0, &err), 0);
	/* Also a second descriptor of the same process has to wait. */
	CHECK_INT(sk_namelock_take(&other, path, "run-2", 0, &err), SK_AGAIN);
	CHECK(sk_has_prefix(err.message, "'run-2' is held by 'test_lock'"));
	sk_namelock_drop(&fd);
	CHECK(fd == -1);
	CHECK_INT(sk_namelock_take(&other, path, "run-2", 0, &err), 0);
	sk_namelock_drop(&other);
	end(pid);
	CHECK_INT(sk_namelock_take(&fd, path, "run-1", 5000, &err), 0);
	sk_namelock_drop(&fd);
	sk_namelock_drop(&fd);
}

int
main(void)
{
	struct sk_lock none;

	sk_prog = "test_lock";
	(void)close(mkstemp(path));
	CHECK_INT(sk_lock_open(&none, "/nowhere/x", &err), SK_IO);
	CHECK_STR(err.code, "not_found");
	CHECK_INT(sk_lock_open(&mine, path, &err), 0);
	test_holder();
	test_signals();
	sk_lock_close(&mine);
	test_names();
	(void)unlink(path);
	sk_err_clear(&err);
	return tap_done();
}
