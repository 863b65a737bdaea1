/* SPDX-License-Identifier: MIT */
/*
 * When guardian and worker are both killed at once, nobody is left to end what
 * the agents started. So every worker says in a locked file that it is there,
 * and every child carries the file's name in its environment and as a brand.
 * The kernel drops the lock with the process: whoever starts next finds the
 * file unlocked, and kills what carries its name. Only then does anybody look
 * through /proc.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"

#define ROUNDS 100

/* ---- processes that carry a name ---- */

static bool
carries(int proc, const char *want)
{
	int fd = openat(proc, "environ", O_RDONLY | O_CLOEXEC);
	struct sk_buf b;
	ssize_t r;
	bool found;

	if (fd < 0)
		return false;
	sk_buf_init(&b, 4u << 20);
	while (sk_buf_room(&b, 8192) && (r = read(fd, b.p + b.len, 8192)) > 0)
		b.len += (size_t)r;
	close(fd);
	found = memmem(b.p, b.len, want, strlen(want)) != NULL;
	sk_buf_free(&b);
	return found;
}

/*
 * Kill one process of ours that carries the name. The directory in /proc is
 * that of this process for as long as we hold it open, and the pidfd is taken
 * before we look: a recycled pid is never hit.
 */
static bool
kill_one(long pid, const char *id, const char *want)
{
	char path[32];
	struct stat st;
	int proc, pidfd;
	bool killed = false;

	snprintf(path, sizeof(path), "/proc/%ld", pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return false;
	pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	if (fstat(proc, &st) == 0 && st.st_uid == geteuid() &&
	    pid != getpid() &&
	    (sk_branded((pid_t)pid, id) || carries(proc, want))) {
		/* (A kernel without pidfd: the moment between is short.) */
		sk_tree_signal_below((pid_t)pid, SIGKILL);
		killed = pidfd >= 0 ? syscall(SYS_pidfd_send_signal, pidfd,
					  SIGKILL, NULL, 0) == 0
		                    : kill((pid_t)pid, SIGKILL) == 0;
	}
	if (pidfd >= 0)
		close(pidfd);
	close(proc);
	return killed;
}

static size_t
kill_marked(const char *id)
{
	char want[96];
	size_t killed = 0;

	snprintf(want, sizeof(want), "SK_AGENT_TOKEN=%s.", id);
	/* Until a whole look finds nobody: they may be forking. */
	for (int round = 0; round < ROUNDS; round++) {
		DIR *d = opendir("/proc");
		struct timespec ts = { 0, 1000000 };
		struct dirent *e;
		size_t n = 0;

		while (d != NULL && (e = readdir(d)) != NULL) {
			char *end;
			long pid = strtol(e->d_name, &end, 10);

			if (pid > 1 && *end == '\0')
				n += kill_one(pid, id, want);
		}
		if (d != NULL)
			closedir(d);
		if (n > killed)
			killed = n;
		if (n == 0)
			break;
		nanosleep(&ts, NULL);
	}
	return killed;
}

/* ---- marks of the dead ---- */

/* Cuts the first line off; "" when there is none. */
static char *
line(char **rest)
{
	char *at = *rest, *nl = strchr(at, '\n');

	*rest = nl != NULL ? nl + 1 : at + strlen(at);
	if (nl != NULL)
		*nl = '\0';
	return at;
}

/* "boot id\ntemporary directory\n", and perhaps "cgroup\n". */
static void
bury(int fd, const char *id, size_t *killed)
{
	char buf[8800], *rest = buf, *boot, *dir, *cgroup, *nl;
	ssize_t n = pread(fd, buf, sizeof(buf) - 1, 0);

	buf[n > 0 ? n : 0] = '\0';
	boot = line(&rest);
	dir = line(&rest);
	cgroup = line(&rest);
	if (sk_streq(boot, sk_boot_id())) {
		if (*cgroup != '\0')
			sk_cgroup_bury(cgroup);
		*killed += kill_marked(id);
	}
	/* (What the file says is believed only as far as we would write it.) */
	nl = strrchr(dir, '/');
	if (dir[0] == '/' && sk_has_prefix(nl, "/sk-") && strlen(nl) == 10)
		sk_tmpdir_remove(dir);
}

static size_t
reap_dead(int dirfd_)
{
	int again = openat(dirfd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = again >= 0 ? fdopendir(again) : NULL;
	struct dirent *e;
	size_t killed = 0;

	while (d != NULL && (e = readdir(d)) != NULL) {
		struct stat st;
		int fd;

		if (!sk_ident_ok(e->d_name))
			continue;
		fd = openat(dirfd_, e->d_name,
		    O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (fd < 0)
			continue;
		/* A file that is being made is not locked yet and empty. */
		if (fstat(fd, &st) == 0 && st.st_uid == geteuid() &&
		    st.st_size > 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
			bury(fd, e->d_name, &killed);
			(void)unlinkat(dirfd_, e->d_name, 0);
		}
		close(fd);
	}
	if (d != NULL)
		closedir(d);
	return killed;
}

/* ---- our own ---- */

int
sk_mark_open(
    struct sk_mark *m, const char *dir, size_t *killed, struct sk_err *err)
{
	struct sk_buf b;
	int fd, rc;

	m->dirfd = m->fd = -1;
	m->tmp = NULL;
	*killed = 0;
	sk_id_new(m->id);
	if ((rc = sk_mkdirs(dir, 0700, err)) != 0)
		return rc;
	m->dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (m->dirfd < 0)
		return sk_fail_errno(err, "cannot open '%s'", dir);
	*killed = reap_dead(m->dirfd);
	if ((m->tmp = sk_tmpdir_new(err)) == NULL)
		return err->exit;
	sk_guard_leftover(m->tmp);
	fd = openat(m->dirfd, m->id,
	    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return sk_fail_errno(err, "cannot write in '%s'", dir);
	m->fd = fd;
	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "%s\n%s\n", sk_boot_id(), m->tmp);
	rc = flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	             sk_write_all(fd, b.p, b.len) != 0
	         ? sk_fail_errno(err, "cannot write in '%s'", dir)
	         : 0;
	sk_buf_free(&b);
	return rc;
}

void
sk_mark_cgroup(struct sk_mark *m, const char *dir)
{
	char *s = sk_asprintf("%s\n", dir);

	/* (Without it the empty group stays, and nothing else.) */
	(void)!sk_write_all(m->fd, s, strlen(s));
	free(s);
}

void
sk_mark_close(struct sk_mark *m)
{
	if (m->tmp != NULL)
		sk_tmpdir_remove(m->tmp);
	sk_guard_leftover(NULL);
	if (m->fd >= 0) {
		(void)unlinkat(m->dirfd, m->id, 0);
		close(m->fd);
	}
	if (m->dirfd >= 0)
		close(m->dirfd);
	free(m->tmp);
	m->tmp = NULL;
	m->dirfd = m->fd = -1;
}
