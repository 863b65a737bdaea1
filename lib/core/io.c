/* SPDX-License-Identifier: MIT */
/* Reading with a ceiling, publishing files, checked standard output. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"
#include "faults/faults.h"

/* A temporary file of this age has no writer any more. */
#define ORPHAN_S 10

int
sk_write_all(int fd, const void *p, size_t n)
{
	const char *q = p;
	ssize_t r;

	while (n > 0) {
		r = write(fd, q, n);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			/* Somebody made our pipe non-blocking: wait for room
			 * instead of losing output. */
			if (errno == EAGAIN && poll(&(struct pollfd){ .fd = fd,
							.events = POLLOUT },
						   1, -1) >= 0)
				continue;
			return -1;
		}
		q += r;
		n -= (size_t)r;
	}
	return 0;
}

int
sk_read_fd(int fd, size_t max, struct sk_buf *out, const char *what,
    struct sk_err *err)
{
	size_t chunk = 16384;
	ssize_t r;

	for (;;) {
		/* One byte more than allowed tells that it is too big. */
		if (chunk > max + 1 - out->len)
			chunk = max + 1 - out->len;
		if (!sk_buf_room(out, chunk))
			break;
		r = read(fd, out->p + out->len, chunk);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return sk_fail_errno(err, "cannot read '%s'", what);
		}
		if (r == 0) {
			out->p[out->len] = '\0';
			return 0;
		}
		out->len += (size_t)r;
		out->p[out->len] = '\0';
		if (out->len > max)
			break;
		if (chunk < (size_t)1 << 20)
			chunk *= 2;
	}
	return sk_fail(err, SK_DAMAGED, "too_large",
	    "'%s' is larger than the limit of %zu bytes", what, max);
}

int
sk_read_file(
    const char *path, size_t max, struct sk_buf *out, struct sk_err *err)
{
	int fd, rc;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return sk_fail_errno(err, "cannot open '%s'", path);
	rc = sk_read_fd(fd, max, out, path, err);
	(void)close(fd);
	return rc;
}

int
sk_mkdirs(const char *path, mode_t mode, struct sk_err *err)
{
	struct stat st;
	char *copy, *p;
	int rc = 0;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	copy = sk_strdup(path);
	for (p = copy + 1; rc == 0; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) != 0 && errno != EEXIST)
			rc = sk_fail_errno(
			    err, "cannot create directory '%s'", copy);
		*p = c;
		if (c == '\0')
			break;
	}
	free(copy);
	/* EEXIST may also have been a file of that name. */
	if (rc == 0 && (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))) {
		errno = ENOTDIR;
		rc = sk_fail_errno(err, "cannot create directory '%s'", path);
	}
	return rc;
}

static void
pub_free(struct sk_pub *p)
{
	if (p->dirfd >= 0)
		(void)close(p->dirfd);
	free(p->dir);
	free(p->name);
	free(p->tmp);
	memset(p, 0, sizeof(*p));
	p->dirfd = -1;
}

int
sk_pub_begin(struct sk_pub *p, const char *path, const void *data, size_t n,
    mode_t mode, struct sk_err *err)
{
	const char *slash = strrchr(path, '/');
	char rnd[SK_HEX32_LEN];
	struct stat st;
	int fd, rc;

	memset(p, 0, sizeof(*p));
	if (slash == NULL)
		p->dir = sk_strdup(".");
	else if (slash == path)
		p->dir = sk_strdup("/");
	else
		p->dir = sk_strndup(path, (size_t)(slash - path));
	p->name = sk_strdup(slash != NULL ? slash + 1 : path);
	p->dirfd = open(p->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (p->dirfd < 0) {
		rc = sk_fail_errno(err, "cannot open directory '%s'", p->dir);
		pub_free(p);
		return rc;
	}
	sk_hex32_new(rnd);
	p->tmp = sk_asprintf(".tmp.%.16s", rnd);
	fd = openat(p->dirfd, p->tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0) {
		rc = sk_fail_errno(err, "cannot write in '%s'", p->dir);
		pub_free(p);
		return rc;
	}
	if (mode == SK_DOC_FILE &&
	    fstatat(p->dirfd, p->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode))
		(void)fchmod(fd, st.st_mode & 0777);
	/* After one failed fdatasync the page may be dropped and look clean:
	 * never retried on the same descriptor. */
	if (sk_write_all(fd, data, n) != 0 ||
	    (!SK_MUTANT("no_datasync") && fdatasync(fd) != 0)) {
		rc = sk_fail_errno(err, "cannot write '%s'", path);
		(void)close(fd);
		sk_pub_abort(p);
		return rc;
	}
	if (close(fd) != 0) {
		rc = sk_fail_errno(err, "cannot write '%s'", path);
		sk_pub_abort(p);
		return rc;
	}
	return 0;
}

int
sk_pub_commit(struct sk_pub *p, struct sk_err *err)
{
	int rc = 0;

	if (renameat(p->dirfd, p->tmp, p->dirfd, p->name) != 0) {
		rc = sk_fail_errno(
		    err, "cannot rename to '%s/%s'", p->dir, p->name);
		sk_pub_abort(p);
		return rc;
	}
	if (fsync(p->dirfd) != 0)
		rc = sk_fail_errno(err, "cannot sync directory '%s'", p->dir);
	pub_free(p);
	return rc;
}

void
sk_pub_abort(struct sk_pub *p)
{
	if (p->tmp != NULL && p->dirfd >= 0)
		(void)unlinkat(p->dirfd, p->tmp, 0);
	pub_free(p);
}

static void
drop_orphan(int dirfd, const char *name, void *arg)
{
	const struct timespec *now = arg;
	struct stat st;

	if (!sk_has_prefix(name, ".tmp.") || strlen(name) != 5 + 16 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode) || now->tv_sec - st.st_ctime < ORPHAN_S)
		return;
	(void)unlinkat(dirfd, name, 0);
}

void
sk_pub_sweep(int dirfd)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!SK_MUTANT("no_sweep"))
		sk_dir_each(dirfd, drop_orphan, &now);
}

int
sk_write_file(const char *path, const void *data, size_t n, mode_t mode,
    struct sk_err *err)
{
	struct sk_pub p;
	int rc;

	rc = sk_pub_begin(&p, path, data, n, mode, err);
	return rc != 0 ? rc : sk_pub_commit(&p, err);
}

void
sk_sanitise_fds(void)
{
	int fd;

	/* A closed descriptor 1 must stay something that cannot be written, so
	 * that output nobody gets is an error; 0 and 2 are read and written. */
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd == STDOUT_FILENO) {
			(void)close(fd);
			fd = open("/dev/null", O_RDONLY);
		}
	} while (fd >= 0 && fd <= 2);
	if (fd > 2)
		(void)close(fd);
	(void)sigaction(
	    SIGPIPE, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
	/* A limit on the size of files is an error like a full disk. */
	(void)sigaction(
	    SIGXFSZ, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
}

int
sk_memfd(const void *p, size_t n, struct sk_err *err)
{
	int fd = memfd_create("sk", MFD_CLOEXEC);

	if (fd < 0)
		return sk_fail_errno(err, "cannot make a memory file"), -1;
	if (sk_write_all(fd, p, n) != 0 || lseek(fd, 0, SEEK_SET) != 0) {
		(void)sk_fail_errno(err, "cannot write a memory file");
		(void)close(fd);
		return -1;
	}
	return fd;
}

char *
sk_path_join(const char *a, const char *b)
{
	if (b[0] == '/')
		return sk_strdup(b);
	if (a[0] == '\0')
		return sk_strdup(b);
	return sk_asprintf("%s%s%s", a, sk_has_suffix(a, "/") ? "" : "/", b);
}

char *
sk_xdg_dir(const char *var, const char *home_rel, struct sk_err *err)
{
	const char *dir = getenv(var), *home;
	char *rel, *path;

	/* The XDG specification: a relative path is invalid, ignore it. */
	if (dir != NULL && dir[0] == '/')
		return sk_path_join(dir, "sk");
	home = getenv("HOME");
	if (home == NULL || home[0] != '/') {
		(void)sk_fail(err, SK_USAGE, "no_home",
		    "neither '%s' nor 'HOME' names an absolute directory", var);
		(void)sk_hint(err, "set %s or HOME", var);
		return NULL;
	}
	rel = sk_path_join(home, home_rel);
	path = sk_path_join(rel, "sk");
	free(rel);
	return path;
}

/* ---- standard output ---- */

static struct sk_buf out;
static int out_errno;
#define OUT_CHUNK ((size_t)65536)

static sk_sink_fn sink;
static void *sink_arg;

void
sk_out_sink(sk_sink_fn fn, void *arg)
{
	sink = fn;
	sink_arg = arg;
}

static void
emit(const void *p, size_t n)
{
	if (out_errno != 0)
		return;
	if (sink != NULL)
		sink(p, n, sink_arg);
	else if (sk_write_all(STDOUT_FILENO, p, n) != 0)
		out_errno = errno;
}

static void
out_write(void)
{
	if (out.len > 0)
		emit(out.p, out.len);
	sk_buf_clear(&out);
}

void
sk_out(const void *p, size_t n)
{
	if (out.p == NULL)
		sk_buf_init(&out, 0);
	if (out.len + n > OUT_CHUNK)
		out_write();
	if (n > OUT_CHUNK) {
		emit(p, n);
		return;
	}
	sk_buf_add(&out, p, n);
}

void
sk_out_str(const char *s)
{
	sk_out(s, strlen(s));
}

void
sk_out_visible(const char *s)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (s != NULL)
		sk_buf_visible(&b, s, strlen(s), false);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

void
sk_outf(const char *fmt, ...)
{
	struct sk_buf b;
	va_list ap;

	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

int
sk_out_flush(struct sk_err *err)
{
	if (out.p != NULL)
		out_write();
	if (out_errno == 0)
		return 0;
	errno = out_errno;
	if (errno == EPIPE) {
		(void)sk_fail(
		    err, SK_PIPE, "pipe_closed", "standard output was closed");
		return SK_PIPE;
	}
	return sk_fail_errno(err, "cannot write to standard output");
}
