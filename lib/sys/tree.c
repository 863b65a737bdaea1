/* SPDX-License-Identifier: MIT */
/*
 * The whole tree of descendants. A process group is not enough: agents start
 * their tools in sessions of their own, and daemons leave their parents. As a
 * subreaper we are the parent of whatever lost its own, so everything that an
 * agent started is either below it or a direct child of ours.
 *
 * Killing by pid is safe against reuse for our own children, which keep their
 * pid until we reap them; for deeper ones the window is the microseconds
 * between reading the list and the signal.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"

struct pids {
	pid_t *v;
	size_t n, cap;
};

void
sk_subreaper(void)
{
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
}

static void
add(struct pids *p, pid_t pid)
{
	SK_GROW(NULL, p->v, p->n, p->cap);
	p->v[p->n++] = pid;
}

static bool
has(const pid_t *v, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == pid)
			return true;
	return false;
}

/* ---- reading /proc ---- */

/* Pids from one children file; false when the file cannot be read. */
static bool
read_children(const char *path, struct pids *out)
{
	char buf[4096];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r;
	pid_t pid = 0;

	if (fd < 0)
		return false;
	while ((r = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t i = 0; i < r; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = pid * 10 + (buf[i] - '0');
			} else if (pid != 0) {
				add(out, pid);
				pid = 0;
			}
		}
	if (pid != 0)
		add(out, pid);
	close(fd);
	return true;
}

/* Kernels without CONFIG_PROC_CHILDREN: look at everybody's parent. */
static void
scan_ppid(pid_t parent, struct pids *out)
{
	DIR *d = opendir("/proc");
	struct dirent *e;

	if (d == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		char path[64], buf[512], *p;
		long pid = strtol(e->d_name, &p, 10);
		int fd, ppid;
		ssize_t r;

		if (pid <= 0 || *p != '\0')
			continue;
		snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
		if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
			continue;
		r = read(fd, buf, sizeof(buf) - 1);
		close(fd);
		if (r <= 0)
			continue;
		buf[r] = '\0';
		/* The name in parentheses may hold anything: take the last. */
		p = strrchr(buf, ')');
		if (p != NULL && sscanf(p + 1, " %*c %d", &ppid) == 1 &&
		    ppid == parent)
			add(out, (pid_t)pid);
	}
	closedir(d);
}

static void
children(pid_t pid, struct pids *out)
{
	static int have = -1; /* is there a children file at all? */
	char path[96];
	DIR *d;
	struct dirent *e;

	if (have < 0) {
		snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		    (int)getpid());
		have = access(path, R_OK) == 0;
	}
	if (!have) {
		scan_ppid(pid, out);
		return;
	}
	if (pid == getpid()) { /* one thread, ours */
		snprintf(path, sizeof(path), "/proc/self/task/%d/children",
		    (int)pid);
		(void)read_children(path, out);
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	if ((d = opendir(path)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%.16s/children",
		    (int)pid, e->d_name);
		(void)read_children(path, out);
	}
	closedir(d);
}

/* Everything below the pids that are in out from index `from` on. */
static void
descend(struct pids *out, size_t from)
{
	for (size_t i = from; i < out->n; i++)
		children(out->v[i], out);
}

static void
nap(int round)
{
	struct timespec ts = { 0, round < 4 ? 200000 : 2000000 };

	nanosleep(&ts, NULL);
}

static void
read_environ(pid_t pid, struct sk_buf *b)
{
	char path[64];
	int fd;
	ssize_t r;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return;
	while (sk_buf_room(b, 8192) && (r = read(fd, b->p + b->len, 8192)) > 0)
		b->len += (size_t)r;
	close(fd);
}

/* Is it branded, or does its environment hold SK_AGENT_TOKEN=token? */
static bool
has_token(pid_t pid, const char *token)
{
	char want[96];
	struct sk_buf b;
	bool found;

	if (sk_branded(pid, token))
		return true;
	sk_buf_init(&b, 4u << 20);
	/* In the middle of an exec there is nothing to read: look again. */
	for (int i = 0; i < 4 && b.len == 0; i++) {
		if (i > 0)
			nap(i);
		read_environ(pid, &b);
	}
	snprintf(want, sizeof(want), "SK_AGENT_TOKEN=%s", token);
	/* With the NUL that ends it: x.1 is not x.12. */
	found = memmem(b.p, b.len, want, strlen(want) + 1) != NULL;
	sk_buf_free(&b);
	return found;
}

/* ---- one child and what belongs to it ---- */

/*
 * All of pid's tree without pid itself: what is below it, and those of our own
 * children that it left behind (same session, or our mark in the environment)
 * with what is below them. Children that the loop knows are other people's;
 * when it knows no other, every orphan is pid's, whatever it did to its
 * environment.
 */
static void
collect(const struct sk_loop *l, pid_t pid, const char *token, struct pids *out)
{
	struct pids ours = { 0 };
	bool all = l != NULL && sk_loop_alone(l, pid);

	/* A pid that was reaped may be somebody else's by now; what it left
	 * behind is with us. */
	if (l == NULL || sk_loop_has_child(l, pid))
		children(pid, out);
	children(getpid(), &ours);
	for (size_t i = 0; i < ours.n; i++) {
		pid_t c = ours.v[i];

		if (c == pid || (l != NULL && sk_loop_has_child(l, c)))
			continue;
		if (waitpid(c, NULL, WNOHANG) == c)
			continue; /* dead already, and now buried */
		if (all || getsid(c) == pid ||
		    (token != NULL && has_token(c, token)))
			add(out, c);
	}
	free(ours.v);
	descend(out, 0);
}

void
sk_tree_signal_below(pid_t pid, int signo)
{
	struct pids p = { 0 };

	children(pid, &p);
	descend(&p, 0);
	for (size_t i = 0; i < p.n; i++)
		(void)kill(p.v[i], signo);
	free(p.v);
}

void
sk_tree_signal(pid_t pid, int signo)
{
	sk_loop_tree_signal(NULL, pid, NULL, signo);
}

void
sk_loop_tree_signal(
    const struct sk_loop *l, pid_t pid, const char *token, int signo)
{
	struct pids p = { 0 };

	/* Without a token nothing of ours can be taken for an orphan of pid,
	 * so children of the caller that merely share its session are safe. */
	if (token != NULL) {
		collect(l, pid, token, &p);
	} else {
		children(pid, &p);
		descend(&p, 0);
	}
	(void)kill(pid, signo);
	if (getpgid(pid) == pid)
		(void)kill(-pid, signo);
	for (size_t i = 0; i < p.n; i++)
		(void)kill(p.v[i], signo);
	free(p.v);
}

size_t
sk_loop_tree_kill(const struct sk_loop *l, pid_t pid, const char *token)
{
	bool ours = l == NULL || sk_loop_has_child(l, pid);
	size_t killed = 0;

	/* It must still be there when its children are listed, and must not
	 * start more meanwhile: stopped first, killed after. */
	if (ours)
		(void)kill(pid, SIGSTOP);
	/* What is killed takes a moment to die and may have forked meanwhile:
	 * look again until nothing is left. */
	for (int round = 0; round < 50; round++) {
		struct pids p = { 0 };
		size_t n;

		collect(l, pid, token, &p);
		if (ours)
			(void)kill(pid, SIGKILL);
		for (size_t i = 0; i < p.n; i++)
			(void)kill(p.v[i], SIGKILL);
		n = p.n;
		if (n > killed)
			killed = n;
		free(p.v);
		if (n == 0)
			break;
		nap(round);
	}
	return killed;
}

/* ---- everything ---- */

void
sk_tree_kill_all(void)
{
	struct pids p = { 0 };

	children(getpid(), &p);
	descend(&p, 0);
	for (size_t i = 0; i < p.n; i++)
		(void)kill(p.v[i], SIGKILL);
	free(p.v);
}

size_t
sk_tree_sweep(const pid_t *keep, size_t nkeep, int rounds)
{
	size_t killed = 0;

	for (int round = 0; round < rounds; round++) {
		struct pids p = { 0 };
		size_t top, n = 0;

		children(getpid(), &p);
		for (size_t i = 0; i < p.n;) {
			if (has(keep, nkeep, p.v[i]) ||
			    waitpid(p.v[i], NULL, WNOHANG) == p.v[i])
				p.v[i] = p.v[--p.n];
			else
				i++;
		}
		top = p.n;
		descend(&p, 0);
		for (size_t i = 0; i < p.n; i++)
			if (!has(keep, nkeep, p.v[i])) {
				(void)kill(p.v[i], SIGKILL);
				n++;
			}
		if (n > killed)
			killed = n;
		free(p.v);
		if (top == 0)
			break;
		nap(round);
	}
	return killed;
}
