/* SPDX-License-Identifier: MIT */
/*
 * Functions of the C library as fail-points of a development build: a program
 * that defines write() is asked by its libraries, too, so this reaches calls
 * of SQLite and libcurl. Not with a sanitiser, which does the same for itself.
 */
#undef _FORTIFY_SOURCE /* or the headers define some of these */
#include "faults/faults.h"

#if defined(SK_FAULTS) && !defined(__SANITIZE_ADDRESS__)
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faults/run.h"

#define SYS "syscall"

/* The function that we stand before. */
#define REAL(var, name) \
	do { \
		if ((var) == NULL) { \
			void *p_ = dlsym(RTLD_NEXT, name); \
			memcpy(&(var), &p_, sizeof(p_)); \
		} \
	} while (0)

/* Must this call fail? errno says how. */
static bool
fails(const char *name)
{
	const struct sk_fault_rule *r = sk_fault_call(name, SYS);

	return r != NULL && sk_fault_do(r) != 0;
}

/* ---- memory ---- */

#ifdef SK_LEAK /* LSan stands before the C library, and must go on to */
#define MEMORY(fn) __interceptor_##fn
#else
#define MEMORY(fn) __libc_##fn
#endif
void *MEMORY(malloc)(size_t n);
void *MEMORY(calloc)(size_t n, size_t size);
void *MEMORY(realloc)(void *p, size_t n);

static bool
no_memory(void)
{
	const struct sk_fault_rule *r = sk_fault_call("malloc", NULL);

	return r != NULL && sk_fault_do(r) != 0;
}

void *
malloc(size_t n)
{
	return no_memory() ? NULL : MEMORY(malloc)(n);
}

void *
calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : MEMORY(calloc)(n, size);
}

void *
realloc(void *p, size_t n)
{
	return no_memory() ? NULL : MEMORY(realloc)(p, n);
}

/* ---- files ---- */

/* (What is given without O_CREAT is not read.) */
#define OPEN(fn, decl, args) \
	int fn decl \
	{ \
		static int(*real) decl; \
		mode_t mode = 0; \
		va_list ap; \
\
		REAL(real, #fn); \
		if ((flags & O_CREAT) != 0 || \
		    (flags & O_TMPFILE) == O_TMPFILE) { \
			va_start(ap, flags); \
			mode = va_arg(ap, mode_t); \
			va_end(ap); \
		} \
		return fails("open") ? -1 : real args; \
	}
/* clang-format off */
OPEN(open, (const char *path, int flags, ...), (path, flags, mode))
OPEN(open64, (const char *path, int flags, ...), (path, flags, mode))
OPEN(openat, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))
OPEN(openat64, (int dir, const char *path, int flags, ...),
    (dir, path, flags, mode))

/* TYPE NAME(DECL) that fails with BAD at POINT. */
#define PLAIN(type, fn, decl, args, point, bad) \
	type fn decl \
	{ \
		static type(*real) decl; \
\
		REAL(real, #fn); \
		return fails(point) ? (bad) : real args; \
	}
PLAIN(int, mkdir, (const char *path, mode_t mode), (path, mode), "mkdir", -1)
PLAIN(int, mkdirat, (int dir, const char *path, mode_t mode),
    (dir, path, mode), "mkdir", -1)
PLAIN(void *, mmap,
    (void *at, size_t n, int prot, int flags, int fd, off_t off),
    (at, n, prot, flags, fd, off), "mmap", MAP_FAILED)
PLAIN(void *, mmap64,
    (void *at, size_t n, int prot, int flags, int fd, off64_t off),
    (at, n, prot, flags, fd, off), "mmap", MAP_FAILED)
PLAIN(int, flock, (int fd, int op), (fd, op), "flock", -1)
PLAIN(int, pipe2, (int fd[2], int flags), (fd, flags), "pipe", -1)
PLAIN(int, epoll_wait, (int fd, struct epoll_event *ev, int n, int ms),
    (fd, ev, n, ms), "epoll_wait", -1)
PLAIN(int, connect, (int fd, const struct sockaddr *a, socklen_t n),
    (fd, a, n), "connect", -1)

/* The same, and "drop" says that it was done. */
#define DROPS(fn, decl, args, point) \
	int fn decl; \
	int fn decl \
	{ \
		static int(*real) decl; \
		const struct sk_fault_rule *r = sk_fault_call(point, SYS); \
\
		REAL(real, #fn); \
		if (r != NULL && sk_fault_do(r) != 0) \
			return -1; \
		if (r != NULL && r->action == SK_FAULT_DROP) \
			return 0; \
		if (r != NULL && r->action == SK_FAULT_TWICE) \
			(void)real args; \
		return real args; \
	}
DROPS(fsync, (int fd), (fd), "fsync")
DROPS(fdatasync, (int fd), (fd), "fsync")
DROPS(rename, (const char *from, const char *to), (from, to), "rename")
DROPS(renameat, (int d, const char *from, int e, const char *to),
    (d, from, e, to), "rename")
DROPS(renameat2,
    (int d, const char *from, int e, const char *to, unsigned flags),
    (d, from, e, to, flags), "rename")
DROPS(unlink, (const char *path), (path), "unlink")
DROPS(unlinkat, (int dir, const char *path, int flags), (dir, path, flags),
    "unlink")
DROPS(ftruncate, (int fd, off_t n), (fd, n), "ftruncate")
DROPS(ftruncate64, (int fd, off64_t n), (fd, n), "ftruncate")
/* clang-format on */

/* ---- reading and writing ---- */

static void
spoil(void *p, ssize_t n)
{
	unsigned char *c = p;

	for (ssize_t i = 0; i < n; i++)
		c[i] = (unsigned char)(0x80 + i * 37 % 0x80);
}

/* How much of n a read may ask for. */
static size_t
reading(const struct sk_fault_rule *r, size_t n)
{
	if (r != NULL && r->action == SK_FAULT_SHORT && n > 1)
		return n / 2;
	return r != NULL && r->action == SK_FAULT_TRICKLE && n > 1 ? 1 : n;
}

#define READS(fn, decl, args, point) \
	ssize_t fn decl \
	{ \
		static ssize_t(*real) decl; \
		const struct sk_fault_rule *r = sk_fault_call(point, SYS); \
		ssize_t got; \
\
		REAL(real, #fn); \
		if (r != NULL && sk_fault_do(r) != 0) \
			return -1; \
		n = reading(r, n); \
		got = real args; \
		if (r != NULL && r->action == SK_FAULT_GARBAGE) \
			spoil(p, got); \
		return got; \
	}
/* clang-format off */
READS(read, (int fd, void *p, size_t n), (fd, p, n), "read")
READS(pread, (int fd, void *p, size_t n, off_t at), (fd, p, n, at), "read")
READS(pread64, (int fd, void *p, size_t n, off64_t at), (fd, p, n, at), "read")
READS(recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags), "recv")

#define WRITES(fn, decl, args, point) \
	ssize_t fn decl \
	{ \
		static ssize_t(*real) decl; \
		const struct sk_fault_rule *r = sk_fault_call(point, SYS); \
		size_t all = n; \
\
		REAL(real, #fn); \
		if (r != NULL && sk_fault_do(r) != 0) \
			return -1; \
		if (r != NULL && r->action == SK_FAULT_DROP) \
			return (ssize_t)n; \
		if (r != NULL && all > 1 && (r->action == SK_FAULT_SHORT || \
						r->action == SK_FAULT_TORN)) \
			n = all / 2; \
		if (r != NULL && r->action == SK_FAULT_TWICE) \
			(void)real args; \
		if (r == NULL || r->action != SK_FAULT_TORN) \
			return real args; \
		(void)real args; \
		errno = EIO; \
		return -1; \
	}
WRITES(write, (int fd, const void *p, size_t n), (fd, p, n), "write")
WRITES(pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at),
    "write")
WRITES(pwrite64, (int fd, const void *p, size_t n, off64_t at), (fd, p, n, at),
    "write")
WRITES(send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags),
    "send")
/* clang-format on */

/* ---- processes and time ---- */

int
posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *fa,
    const posix_spawnattr_t *attr, char *const argv[], char *const envp[])
{
	static int (*real)(pid_t *, const char *,
	    const posix_spawn_file_actions_t *, const posix_spawnattr_t *,
	    char *const[], char *const[]);

	REAL(real, "posix_spawn");
	if (fails("spawn"))
		return errno;
	return real(pid, path, fa, attr, argv, envp);
}

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	static int (*real)(clockid_t, struct timespec *);
	static int64_t jumped;
	const struct sk_fault_rule *r = sk_fault_call("clock", NULL);
	int rc;

	REAL(real, "clock_gettime");
	if (r != NULL && sk_fault_do(r) != 0)
		return -1;
	if (r != NULL && r->action == SK_FAULT_JUMP)
		jumped += r->arg;
	rc = real(id, ts);
	if (rc == 0 && id == CLOCK_REALTIME && jumped != 0) {
		ts->tv_sec += (time_t)(jumped / 1000);
		ts->tv_nsec += (long)(jumped % 1000) * 1000000;
		if (ts->tv_nsec < 0 || ts->tv_nsec >= 1000000000) {
			ts->tv_sec += ts->tv_nsec < 0 ? -1 : 1;
			ts->tv_nsec +=
			    ts->tv_nsec < 0 ? 1000000000 : -1000000000;
		}
	}
	return rc;
}
#endif
