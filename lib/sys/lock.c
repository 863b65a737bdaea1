/* SPDX-License-Identifier: MIT */
/* Blocking kernel locks broken by a timer, whose holder has a name. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"
#include "sys/sys.h"

/* One holder record: "<name hash> <pid> <start ticks> <boot id> <program>". */
#define BODY_LEN 128
/* Records of a name lock file: two names that share a record are told apart
 * by the hash in it. */
#define BODY_SLOTS 1021u

/* ---- a timer that breaks a blocking call ---- */

struct breaker {
	timer_t timer;
	struct sigaction old_act;
	sigset_t old_mask;
};

static void
on_alarm(int signo)
{
	(void)signo; /* its only task is to be there, without SA_RESTART */
}

/*
 * SIGALRM at wait_ms and then every 20 ms: a signal that comes just before the
 * blocking call began is lost, the next is not. A program with a signalfd loop
 * has the signal blocked, so it is opened for the time of the wait.
 */
static int
breaker_start(struct breaker *b, int64_t wait_ms)
{
	struct sigaction act = { .sa_handler = on_alarm };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGALRM };
	struct itimerspec its = { .it_interval = { .tv_nsec = 20000000 } };
	sigset_t set;

	its.it_value.tv_sec = (time_t)(wait_ms / 1000);
	its.it_value.tv_nsec = (long)(wait_ms % 1000) * 1000000 + 1;
	if (timer_create(CLOCK_MONOTONIC, &ev, &b->timer) != 0)
		return -1;
	(void)sigaction(SIGALRM, &act, &b->old_act);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGALRM);
	(void)sigprocmask(SIG_UNBLOCK, &set, &b->old_mask);
	return timer_settime(b->timer, 0, &its, NULL);
}

static void
breaker_stop(struct breaker *b)
{
	/* No signal is made after the delete, and what was made before it was
	 * delivered at the latest on its return. */
	(void)timer_delete(b->timer);
	(void)sigprocmask(SIG_SETMASK, &b->old_mask, NULL);
	(void)sigaction(SIGALRM, &b->old_act, NULL);
}

/* ---- the two kinds of lock
 * --------------------------------------------------- */

/* What is locked: the whole file by flock (len 0), or a byte of it. */
struct target {
	int fd;
	off_t byte; /* -1 = the whole file */
};

static int
lock_op(const struct target *t, bool block)
{
	struct flock fl = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = t->byte,
		.l_len = 1 };

	if (t->byte < 0)
		return flock(t->fd, LOCK_EX | (block ? 0 : LOCK_NB));
	return fcntl(t->fd, block ? F_OFD_SETLKW : F_OFD_SETLK, &fl);
}

/* 0 = locked, 1 = not within the time, -1 = errno. wait_ms < 0 = for ever. */
static int
lock_wait(const struct target *t, int64_t wait_ms)
{
	struct breaker b;
	int64_t end;
	int rc, e;

	while ((rc = lock_op(t, false)) != 0 && errno == EINTR)
		;
	if (rc == 0)
		return 0;
	if (errno != EWOULDBLOCK && errno != EAGAIN && errno != EACCES)
		return -1;
	if (wait_ms == 0)
		return 1;
	end = sk_mono_ms() + wait_ms;
	if (wait_ms > 0 && breaker_start(&b, wait_ms) != 0)
		return -1;
	while ((rc = lock_op(t, true)) != 0 && errno == EINTR &&
	       (wait_ms < 0 || sk_mono_ms() < end))
		;
	e = errno;
	if (wait_ms > 0)
		breaker_stop(&b);
	errno = e;
	if (rc == 0)
		return 0;
	return e == EINTR ? 1 : -1;
}

/* ---- who holds it
 * --------------------------------------------------------------- */

static void
body_write(int fd, off_t at, uint64_t hash)
{
	struct sk_proc_id self;
	char body[BODY_LEN];
	int n;

	sk_proc_self(&self);
	n = snprintf(body, sizeof(body),
	    "%016" PRIx64 " %" PRId64 " %" PRId64 " %s %s\n", hash, self.pid,
	    self.start_ticks, self.boot_id, sk_prog);
	if (n > 0 && n < (int)sizeof(body)) {
		memset(body + n, ' ', sizeof(body) - (size_t)n - 1);
		body[sizeof(body) - 1] = '\n';
	}
	/* Only a help for people: a full disk must not make the lock fail. */
	(void)!pwrite(fd, body, sizeof(body), at);
}

/* The state letter of /proc/pid/stat, '?' when unknown. */
static char
proc_state(int64_t pid)
{
	char path[64], line[512], *p;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '?';
	n = read(fd, line, sizeof(line) - 1);
	(void)close(fd);
	if (n <= 0)
		return '?';
	line[n] = '\0';
	p = strrchr(line, ')'); /* the name may hold anything */
	return p != NULL && p[1] == ' ' ? p[2] : '?';
}

static bool
is_stopped(int64_t pid)
{
	char state = proc_state(pid);

	return state == 'T' || state == 't';
}

static int
held_by(struct sk_err *err, const char *code, const char *what,
    const char *prog, int64_t pid)
{
	bool stopped = is_stopped(pid);

	(void)sk_fail(err, SK_AGAIN, code,
	    "%s is held by '%s' (pid %" PRId64 "), which is %s", what, prog,
	    pid, stopped ? "stopped" : "alive");
	return stopped ? sk_hint(err,
			     "let it go on with 'kill -CONT %" PRId64
			     "', or end it",
			     pid)
	               : sk_hint(err, "try again when it is done");
}

static int
held_by_nobody(struct sk_err *err, const char *code, const char *what)
{
	(void)sk_fail(err, SK_AGAIN, code,
	    "%s is held by a process that did not say its name", what);
	return sk_hint(err, "try again in a moment");
}

/* By what the holder wrote into the file; 0 = it did not, or is gone. */
static int64_t
body_read(int fd, off_t at, uint64_t hash, char prog[64])
{
	char body[BODY_LEN];
	struct sk_proc_id id = { .pid = 0 };
	uint64_t h = 0;
	ssize_t n;

	n = pread(fd, body, sizeof(body) - 1, at);
	body[n > 0 ? n : 0] = '\0';
	if (sscanf(body, "%16" SCNx64 " %" SCNd64 " %" SCNd64 " %36s %63s", &h,
		&id.pid, &id.start_ticks, id.boot_id, prog) != 5 ||
	    h != hash || !sk_proc_alive(&id))
		return 0;
	return id.pid;
}

static int
busy(struct sk_err *err, int fd, off_t at, uint64_t hash, const char *code,
    const char *what)
{
	char prog[64];
	int64_t pid = body_read(fd, at, hash, prog);

	return pid != 0 ? held_by(err, code, what, prog, pid)
	                : held_by_nobody(err, code, what);
}

/* A directory has no place for a name, but the kernel knows: "1: FLOCK ADVISORY
 * WRITE <pid> <major>:<minor>:<inode> 0 EOF". 0 = not found. */
static int64_t
holder_of(int fd)
{
	FILE *f = fopen("/proc/locks", "re");
	unsigned long long ino;
	char line[200], kind[16];
	int64_t pid = 0, p;
	struct stat st;

	if (fstat(fd, &st) != 0)
		st.st_ino = 0;
	while (f != NULL && pid == 0 && fgets(line, sizeof(line), f) != NULL)
		if (sscanf(line, "%*s %15s %*s %*s %" SCNd64 " %*x:%*x:%llu",
			kind, &p, &ino) == 3 &&
		    strcmp(kind, "FLOCK") == 0 && ino == st.st_ino && p > 0)
			pid = p;
	if (f != NULL)
		(void)fclose(f);
	return pid;
}

static int
busy_dir(struct sk_err *err, int fd, const char *what)
{
	int64_t pid = holder_of(fd);
	char path[64];
	struct sk_buf comm;
	struct sk_err ignored = { 0 };
	int rc;

	if (pid == 0)
		return held_by_nobody(err, "busy", what);
	(void)snprintf(path, sizeof(path), "/proc/%" PRId64 "/comm", pid);
	sk_buf_init(&comm, 0);
	(void)sk_read_file(path, 100, &comm, &ignored);
	sk_err_clear(&ignored);
	if (comm.len > 0 && comm.p[comm.len - 1] == '\n')
		comm.p[--comm.len] = '\0';
	rc = held_by(err, "busy", what, comm.p, pid);
	sk_buf_free(&comm);
	return rc;
}

static int
open_lock_file(const char *path, struct sk_err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		(void)sk_fail_errno(err, "cannot open lock file '%s'", path);
	return fd;
}

/* ---- public
 * -------------------------------------------------------------------- */

int
sk_lock_open(struct sk_lock *l, const char *path, struct sk_err *err)
{
	l->path = NULL;
	l->fd = open_lock_file(path, err);
	if (l->fd < 0)
		return err->exit;
	l->path = sk_strdup(path);
	return 0;
}

/*
 * Whoever lets go and comes back at once would win against those who were woken
 * and are not running yet. So there is a turnstile before the door: the next
 * one waits in it alone for the door, all others wait in the line before it.
 */
static int
take_in_line(int fd, int64_t wait_ms)
{
	struct target door = { .fd = fd, .byte = -1 };
	struct target turnstile = { .fd = fd, .byte = 0 };
	struct flock open = { .l_type = F_UNLCK,
		.l_whence = SEEK_SET,
		.l_start = 0,
		.l_len = 1 };
	int64_t end = sk_mono_ms() + wait_ms;
	int rc, e;

	rc = lock_wait(&turnstile, wait_ms);
	if (rc != 0)
		return rc;
	if (wait_ms > 0) {
		wait_ms = end - sk_mono_ms();
		wait_ms = wait_ms > 0 ? wait_ms : 0;
	}
	rc = lock_wait(&door, wait_ms);
	e = errno;
	(void)fcntl(fd, F_OFD_SETLK, &open);
	errno = e;
	return rc;
}

int
sk_lock_take(
    struct sk_lock *l, int64_t wait_ms, const char *what, struct sk_err *err)
{
	switch (take_in_line(l->fd, wait_ms)) {
	case 0:
		body_write(l->fd, 0, 0);
		return 0;
	case 1:
		return busy(err, l->fd, 0, 0, "busy", what);
	default:
		return sk_fail_errno(err, "cannot lock '%s'", l->path);
	}
}

bool
sk_lock_stopped(const struct sk_lock *l)
{
	char prog[64];
	int64_t pid = body_read(l->fd, 0, 0, prog);

	return pid != 0 && is_stopped(pid);
}

void
sk_lock_drop(struct sk_lock *l)
{
	(void)flock(l->fd, LOCK_UN);
}

void
sk_lock_close(struct sk_lock *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	free(l->path);
	l->fd = -1;
	l->path = NULL;
}

/* FNV-1a with a final mix: its low bits alone are weak. */
static uint64_t
name_hash(const char *name)
{
	uint64_t h = UINT64_C(14695981039346656037);

	for (; *name != '\0'; name++)
		h = (h ^ (unsigned char)*name) * UINT64_C(1099511628211);
	h ^= h >> 33;
	h *= UINT64_C(0xff51afd7ed558ccd);
	return h ^ h >> 33;
}

int
sk_namelock_take(int *fd, const char *path, const char *name, int64_t wait_ms,
    struct sk_err *err)
{
	uint64_t h = name_hash(name);
	struct target t = { .byte = (off_t)(h >> 2) };
	off_t at = (off_t)(h % BODY_SLOTS) * BODY_LEN;
	char what[200];
	int rc;

	*fd = -1;
	t.fd = open_lock_file(path, err);
	if (t.fd < 0)
		return err->exit;
	switch (lock_wait(&t, wait_ms)) {
	case 0:
		body_write(t.fd, at, h);
		*fd = t.fd;
		return 0;
	case 1:
		(void)snprintf(what, sizeof(what), "'%s'", name);
		rc = busy(err, t.fd, at, h, "busy", what);
		break;
	default:
		rc = sk_fail_errno(err, "cannot lock '%s'", path);
	}
	(void)close(t.fd);
	return rc;
}

int
sk_dirlock_take(int *fd, const char *dir, int64_t wait_ms, struct sk_err *err)
{
	struct target t = { .byte = -1 };
	char what[300];
	int rc = 0;

	*fd = -1;
	t.fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t.fd < 0)
		return 0;
	switch (lock_wait(&t, wait_ms)) {
	case 0:
		*fd = t.fd;
		return 0;
	case 1:
		(void)snprintf(what, sizeof(what), "the folder '%s'", dir);
		rc = busy_dir(err, t.fd, what);
		break;
	default:
		break; /* a file system without locks */
	}
	(void)close(t.fd);
	return rc;
}

void
sk_namelock_drop(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}
