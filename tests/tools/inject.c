/* SPDX-License-Identifier: MIT */
/*
 * Runs a command under ptrace and makes one of its system calls go wrong.
 *
 *   inject count       -- COMMAND…   prints how many calls could fail
 *   inject error N     -- COMMAND…   the Nth fails, with an errno of its kind
 *   inject kill N      -- COMMAND…   kill -9 of who makes the Nth, before it
 *
 * Counted are the calls below, of programs whose name begins with "sk", over
 * all processes in the order in which they are made, without those of the
 * dynamic loader. What the call was goes to descriptor 9, when that is open.
 * The status is the command's, 128 + signal when one ended it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/user.h>

#define PROCS 4096

/* Calls that can fail for a reason outside the program, and such a reason. */
static const struct hurt {
	long nr;
	int err;
	const char *name;
} hurts[] = {
	{ SYS_openat, EMFILE, "openat" },
	{ SYS_read, EIO, "read" },
	{ SYS_pread64, EIO, "pread64" },
	{ SYS_write, ENOSPC, "write" },
	{ SYS_pwrite64, ENOSPC, "pwrite64" },
	{ SYS_writev, ENOSPC, "writev" },
	{ SYS_fsync, EIO, "fsync" },
	{ SYS_fdatasync, EIO, "fdatasync" },
	{ SYS_ftruncate, ENOSPC, "ftruncate" },
	{ SYS_fallocate, ENOSPC, "fallocate" },
	{ SYS_mmap, ENOMEM, "mmap" },
	{ SYS_rename, EACCES, "rename" },
	{ SYS_renameat, EACCES, "renameat" },
	{ SYS_renameat2, EACCES, "renameat2" },
	{ SYS_linkat, EACCES, "linkat" },
	{ SYS_unlink, EACCES, "unlink" },
	{ SYS_unlinkat, EACCES, "unlinkat" },
	{ SYS_mkdir, EACCES, "mkdir" },
	{ SYS_mkdirat, EACCES, "mkdirat" },
	{ SYS_newfstatat, EACCES, "newfstatat" },
	{ SYS_getdents64, EIO, "getdents64" },
	{ SYS_flock, ENOLCK, "flock" },
	{ SYS_pipe2, EMFILE, "pipe2" },
	{ SYS_socketpair, EMFILE, "socketpair" },
	{ SYS_signalfd4, EMFILE, "signalfd4" },
	{ SYS_eventfd2, EMFILE, "eventfd2" },
	{ SYS_memfd_create, EMFILE, "memfd_create" },
	{ SYS_epoll_create1, EMFILE, "epoll_create1" },
	{ SYS_epoll_ctl, ENOMEM, "epoll_ctl" },
	{ SYS_clone, EAGAIN, "clone" },
	{ SYS_clone3, EAGAIN, "clone3" },
	{ SYS_vfork, EAGAIN, "vfork" },
	{ SYS_dup2, EMFILE, "dup2" },
	{ SYS_chdir, EACCES, "chdir" },
	{ SYS_fchmod, EPERM, "fchmod" },
};

struct proc {
	pid_t pid;
	bool ours; /* its program's name begins with sk */
	bool entered; /* between the two stops of one call */
	int fail; /* what to answer at the second stop */
	uint64_t ld_from, ld_to; /* the loader */
};

static struct proc procs[PROCS];
static size_t nprocs;
static long at, seen;
static enum { COUNT, ERROR, KILL } mode;

static void
die(const char *what)
{
	fprintf(stderr, "inject: %s: %s\n", what, strerror(errno));
	exit(125);
}

static struct proc *
find(pid_t pid)
{
	for (size_t i = 0; i < nprocs; i++)
		if (procs[i].pid == pid)
			return &procs[i];
	if (nprocs == PROCS) {
		errno = E2BIG;
		die("processes");
	}
	procs[nprocs] = (struct proc){ .pid = pid };
	return &procs[nprocs++];
}

static void
forget(pid_t pid)
{
	struct proc *p = find(pid);

	*p = procs[--nprocs];
}

/* Its program and where the loader is, after an exec or in a new child. */
static void
look(struct proc *p)
{
	char path[64], line[512], exe[512];
	ssize_t n;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/exe", (int)p->pid);
	n = readlink(path, exe, sizeof(exe) - 1);
	exe[n > 0 ? n : 0] = '\0';
	p->ours = strrchr(exe, '/') != NULL &&
	          strncmp(strrchr(exe, '/'), "/sk", 3) == 0;
	p->ld_from = p->ld_to = 0;
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->pid);
	f = fopen(path, "re");
	if (f == NULL)
		return;
	while (fgets(line, sizeof(line), f) != NULL) {
		char *end;
		uint64_t from = strtoull(line, &end, 16);
		uint64_t to = strtoull(end + 1, NULL, 16);

		if (strstr(line, "/ld-linux") == NULL)
			continue;
		if (p->ld_from == 0)
			p->ld_from = from;
		p->ld_to = to;
	}
	(void)fclose(f);
}

static const struct hurt *
hurt_of(uint64_t nr)
{
	for (size_t i = 0; i < sizeof(hurts) / sizeof(hurts[0]); i++)
		if ((uint64_t)hurts[i].nr == nr)
			return &hurts[i];
	return NULL;
}

static void
entry(struct proc *p, const struct __ptrace_syscall_info *info)
{
	const struct hurt *h = hurt_of(info->entry.nr);
	struct user_regs_struct regs;

	p->entered = true;
	p->fail = 0;
	if (!p->ours || h == NULL ||
	    (info->instruction_pointer >= p->ld_from &&
		info->instruction_pointer < p->ld_to))
		return;
	if (++seen != at || mode == COUNT)
		return;
	(void)dprintf(9, "call %ld: %s\n", at, h->name);
	if (mode == KILL) {
		(void)kill(p->pid, SIGKILL);
		return;
	}
	/* No call is made, and at its end the answer is written over. */
	if (ptrace(PTRACE_GETREGS, p->pid, NULL, &regs) != 0)
		return;
	regs.orig_rax = (unsigned long long)-1;
	(void)ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	p->fail = h->err;
}

static void
leave(struct proc *p)
{
	struct user_regs_struct regs;

	p->entered = false;
	if (p->fail == 0 || ptrace(PTRACE_GETREGS, p->pid, NULL, &regs) != 0)
		return;
	regs.rax = (unsigned long long)-p->fail;
	(void)ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	p->fail = 0;
}

/* One stop of pid; the signal to hand on. */
static int
stopped(pid_t pid, int status)
{
	struct proc *p = find(pid);
	struct __ptrace_syscall_info info;
	int sig = WSTOPSIG(status);
	unsigned event = (unsigned)status >> 16;

	if (sig == (SIGTRAP | 0x80)) {
		if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) <=
		    0)
			return 0;
		if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
			entry(p, &info);
		else if (info.op == PTRACE_SYSCALL_INFO_EXIT)
			leave(p);
		return 0;
	}
	if (event == PTRACE_EVENT_EXEC) {
		look(p);
		return 0;
	}
	if (event == PTRACE_EVENT_STOP) {
		if (p->ld_to == 0)
			look(p); /* a new child */
		return 0;
	}
	return event != 0 ? 0 : sig;
}

static int
follow(pid_t first)
{
	int status, result = 125;
	pid_t pid;

	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			forget(pid);
			if (pid == first)
				result = WIFEXITED(status)
				             ? WEXITSTATUS(status)
				             : 128 + WTERMSIG(status);
			continue;
		}
		if (!WIFSTOPPED(status))
			continue;
		status = stopped(pid, status);
		(void)ptrace(
		    PTRACE_SYSCALL, pid, NULL, (void *)(intptr_t)status);
	}
	return result;
}

int
main(int argc, char **argv)
{
	int hold[2], i = 2;
	char byte = 0;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "error") == 0)
		mode = ERROR;
	else if (argc > 1 && strcmp(argv[1], "kill") == 0)
		mode = KILL;
	if (argc > 2 && mode != COUNT)
		at = strtol(argv[i++], NULL, 10);
	if (argc < i + 2 || strcmp(argv[i], "--") != 0) {
		fprintf(
		    stderr, "usage: inject count|error N|kill N -- COMMAND\n");
		return 125;
	}
	argv += i + 1;
	if (pipe2(hold, O_CLOEXEC) != 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		(void)close(hold[1]);
		(void)!read(hold[0], &byte, 1);
		(void)execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 ||
	    ptrace(PTRACE_SEIZE, pid, NULL,
		(void *)(intptr_t)(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC |
				   PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
				   PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)) !=
		0 ||
	    ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) != 0)
		die("ptrace");
	(void)close(hold[0]);
	(void)close(hold[1]);
	i = follow(pid);
	if (mode == COUNT)
		(void)dprintf(9, "%ld\n", seen);
	return i;
}
