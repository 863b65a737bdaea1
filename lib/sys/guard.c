/* SPDX-License-Identifier: MIT */
/*
 * The guardian pair. kill -9 cannot be caught, so two processes watch each
 * other: the front (the process that the caller started and waits for) and the
 * worker (a fork of it, the one place where fork is allowed). Both are
 * subreapers; whichever dies, the other kills what the agents left.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

#define SWEEP_ROUNDS 1000

/* Both see it: what is to be removed when the worker did not. */
static char *leftover;

void
sk_guard_leftover(const char *path)
{
	if (leftover == NULL)
		return;
	leftover[0] = '\0';
	if (path != NULL && strlen(path) < PATH_MAX)
		memcpy(leftover, path, strlen(path) + 1);
}

/* End as the worker did, so that the caller's shell sees the truth. */
SK_NORETURN static void
end_like(int wstatus)
{
	struct rlimit none = { 0, 0 };
	sigset_t s;
	int sig;

	if (WIFEXITED(wstatus))
		_exit(WEXITSTATUS(wstatus));
	sig = WTERMSIG(wstatus);
	setrlimit(RLIMIT_CORE, &none); /* the worker's core is enough */
	{
		struct sigaction sa = { .sa_handler = SIG_DFL };

		(void)sigaction(sig, &sa, NULL);
	}
	sigemptyset(&s);
	sigaddset(&s, sig);
	sigprocmask(SIG_UNBLOCK, &s, NULL);
	kill(getpid(), sig);
	_exit(128 + sig);
}

static void
tidy(void)
{
	if (leftover != NULL && leftover[0] != '\0')
		sk_tmpdir_remove(leftover);
}

SK_NORETURN static void
front(pid_t worker, int to_worker, const sigset_t *watch)
{
	int asked = 0;

	for (;;) {
		int sig = sigwaitinfo(watch, NULL);
		unsigned char b = (unsigned char)sig;
		int st;
		pid_t pid;

		if (sig < 0)
			continue; /* EINTR after SIGCONT */
		if (sig != SIGCHLD) {
			while (write(to_worker, &b, 1) < 0 && errno == EINTR)
				;
			/* A worker whose reader stalls cannot listen. */
			if (++asked > 2)
				(void)kill(worker, SIGKILL);
			continue;
		}
		while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
			if (pid == worker) {
				sk_on_oom = tidy;
				(void)sk_tree_sweep(NULL, 0, SWEEP_ROUNDS);
				tidy();
				end_like(st);
			}
	}
}

/* nohup and shells' background jobs ignore signals on purpose: stay deaf. */
static void
add_unless_ignored(sigset_t *s, int sig)
{
	struct sigaction sa;

	if (sigaction(sig, NULL, &sa) == 0 && sa.sa_handler != SIG_IGN)
		sigaddset(s, sig);
}

int
sk_guard(int *fd, struct sk_err *err)
{
	sigset_t watch;
	int p[2], rc;
	pid_t pid, parent = getppid();

	if ((rc = sk_pipe(p, true, err)) != 0)
		return rc;
	/* The front must not die by SIGPIPE when the worker is gone already. */
	(void)fcntl(p[1], F_SETFL, O_NONBLOCK);
	sigemptyset(&watch);
	add_unless_ignored(&watch, SIGINT);
	add_unless_ignored(&watch, SIGTERM);
	add_unless_ignored(&watch, SIGHUP);
	/* Ctrl-\ would kill both at once and strand the agents. */
	add_unless_ignored(&watch, SIGQUIT);
	sigaddset(&watch, SIGCHLD);
	sigprocmask(SIG_BLOCK, &watch, NULL);
	sk_subreaper();
	if (getenv("SK_EPOCH") != NULL) {
		/* Driven by sk-auto: do not outlive it. The parent may have
		 * died before the call took effect. */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
		if (getppid() != parent)
			kill(getpid(), SIGTERM);
	}
	leftover = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (leftover == MAP_FAILED)
		leftover = NULL;
	if ((pid = fork()) < 0) {
		close(p[0]);
		close(p[1]);
		return sk_fail_errno(err, "cannot start the worker");
	}
	if (pid > 0) {
		struct sigaction sa = { .sa_handler = SIG_IGN };

		(void)sigaction(SIGPIPE, &sa, NULL);
		close(p[0]);
		front(pid, p[1], &watch);
	}
	close(p[1]);
	sk_subreaper(); /* not inherited */
	*fd = p[0];
	return 0;
}
