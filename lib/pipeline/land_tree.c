/* SPDX-License-Identifier: MIT */
/*
 * Changing the project's files, one rename at a time. Every path is walked to
 * from the top without following a link; a file that is neither what it was nor
 * what it is to become is somebody's work, and stops everything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/faults.h"
#include "pipeline/land_show.h"

/* The directory of a path; *name its last part. -1 and errno. */
static int
open_parent(int top, const char *path, bool make, const char **name)
{
	const char *p = path, *slash;
	char part[256];
	int fd = fcntl(top, F_DUPFD_CLOEXEC, 0), next;
	size_t n;

	while (fd >= 0 && (slash = strchr(p, '/')) != NULL) {
		n = (size_t)(slash - p);
		if (n == 0 || n >= sizeof(part)) {
			(void)close(fd);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(part, p, n);
		part[n] = '\0';
		if (make)
			(void)mkdirat(fd, part, SK_DOC_DIR);
		next = openat(
		    fd, part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		n = (size_t)errno;
		(void)close(fd);
		errno = (int)n;
		fd = next;
		p = slash + 1;
	}
	*name = p;
	return fd;
}

/* Does the plan have files below this path? */
static bool
is_above(const struct sk_land_plan *p, const char *path)
{
	size_t n = strlen(path);

	for (size_t i = 0; i < p->n; i++)
		if (strncmp(p->v[i].path, path, n) == 0 &&
		    p->v[i].path[n] == '/')
			return true;
	return false;
}

/* A file on the way is gone once it has become a directory. */
static bool
way_is_cleared(const struct sk_land_plan *p, const char *path)
{
	size_t n;

	for (size_t i = 0; i < p->n; i++) {
		const struct sk_land_file *f = &p->v[i];

		n = strlen(f->path);
		if (strncmp(f->path, path, n) == 0 && path[n] == '/' &&
		    (!f->after.there || !f->before.there))
			return true;
	}
	return false;
}

static bool
is_side(const struct sk_land_side *s, const char *sha, mode_t mode)
{
	return s->there && strcmp(s->sha256, sha) == 0 &&
	       s->exec == ((mode & S_IXUSR) != 0);
}

static bool
hash_file(int fd, char sha[SK_SHA256_LEN])
{
	struct sk_sha256_st st;
	char chunk[65536];
	ssize_t n;

	sk_sha256_init(&st);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		sk_sha256_add(&st, chunk, (size_t)n);
	sk_sha256_end(&st, sha);
	return n == 0;
}

enum is { BEFORE, AFTER, OTHER };
/* What a file is now. A file that is the same before and after is AFTER. */
static enum is
look(const struct sk_land_plan *p, int top, const struct sk_land_file *f)
{
	enum is is = OTHER;
	char sha[SK_SHA256_LEN];
	const char *name;
	struct stat st;
	bool absent;
	int dir, fd = -1;

	dir = open_parent(top, f->path, false, &name);
	absent =
	    dir < 0 && (errno == ENOENT ||
			   (errno == ENOTDIR && way_is_cleared(p, f->path)));
	if (dir >= 0) {
		fd = openat(
		    dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		absent = fd < 0 && errno == ENOENT;
		/* A directory in its place, which goes with its last file. */
		if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) &&
		    is_above(p, f->path))
			absent = true;
		(void)close(dir);
	}
	if (absent && !f->after.there)
		is = AFTER;
	else if (absent && !f->before.there)
		is = BEFORE;
	else if (!absent && fd >= 0 && fstat(fd, &st) == 0 &&
		 S_ISREG(st.st_mode) && hash_file(fd, sha))
		is = is_side(&f->after, sha, st.st_mode)    ? AFTER
		     : is_side(&f->before, sha, st.st_mode) ? BEFORE
		                                            : OTHER;
	if (fd >= 0)
		(void)close(fd);
	return is;
}

/* ---- one file ---- */

static int
fail(const char *what, const char *path, struct sk_err *err)
{
	return sk_fail_errno(err, "cannot %s '%s'", what, path);
}

static int
changed(const char *path, struct sk_err *err)
{
	(void)sk_fail(err, SK_ORDER, "changed_since",
	    "'%s' is neither what it was when the work began nor what the work "
	    "makes of it",
	    path);
	return sk_hint(err, "move your change away (git stash), and repeat");
}

/* One name per landing, so that what a killed one left is found. */
#define TMP_LEN 64
static void
tmp_name(char tmp[TMP_LEN], int64_t id)
{
	(void)snprintf(tmp, TMP_LEN, ".sk-landing.%lld", (long long)id);
}

static int
put(int top, const struct sk_land_file *f, const struct sk_land_side *to,
    int64_t id, struct sk_err *err)
{
	const char *name;
	char tmp[TMP_LEN];
	int dir, fd, rc = 0;

	if (to->p == NULL)
		return sk_fail(err, SK_BUG, "no_bytes",
		    "the bytes of '%s' are not at hand", f->path);
	dir = open_parent(top, f->path, true, &name);
	if (dir < 0)
		return fail("reach", f->path, err);
	tmp_name(tmp, id);
	fd = openat(dir, tmp,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, (mode_t)to->mode) != 0 ||
	    sk_write_all(fd, to->p, to->n) != 0 || fdatasync(fd) != 0)
		rc = fail("write", f->path, err);
	if (fd >= 0)
		(void)close(fd);
	if (rc == 0 && SK_FAULT("land.before_rename") != 0)
		rc = fail("write", f->path, err);
	if (rc == 0 && renameat(dir, tmp, dir, name) != 0)
		rc = fail("write", f->path, err);
	if (rc != 0)
		(void)unlinkat(dir, tmp, 0);
	else if (fsync(dir) != 0)
		rc = fail("write", f->path, err);
	(void)close(dir);
	return rc;
}

static int
drop(int top, const struct sk_land_file *f, struct sk_err *err)
{
	const char *name;
	int dir, rc = 0;

	dir = open_parent(top, f->path, false, &name);
	if (dir < 0)
		return errno == ENOENT ? 0 : fail("reach", f->path, err);
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		rc = fail("remove", f->path, err);
	else if (fsync(dir) != 0)
		rc = fail("remove", f->path, err);
	(void)close(dir);
	return rc;
}

/* Directories that are empty now go, as git does it: those above a file that
 * was removed, from the innermost; on the way back only those that we made. */
static void
sweep(const struct sk_land_plan *p, int top, const char *path, bool back)
{
	char *dir = sk_strdup(path), *slash;
	const char *name;
	int fd, rc;

	while ((slash = strrchr(dir, '/')) != NULL) {
		*slash = '\0';
		if (back && !sk_strv_has(&p->made, dir))
			break;
		fd = open_parent(top, dir, false, &name);
		if (fd < 0)
			break;
		rc = unlinkat(fd, name, AT_REMOVEDIR);
		(void)close(fd);
		if (rc != 0)
			break;
	}
	free(dir);
}

/* What one that was killed here left in the middle of a file. */
static void
tidy(const struct sk_land_plan *p, int top, bool back, int64_t id)
{
	const char *name;
	char tmp[TMP_LEN];
	int dir;

	tmp_name(tmp, id);
	for (size_t i = 0; i < p->n; i++) {
		dir = open_parent(top, p->v[i].path, false, &name);
		if (dir < 0)
			continue;
		(void)unlinkat(dir, tmp, 0);
		(void)close(dir);
		if (back && !p->v[i].before.there)
			sweep(p, top, p->v[i].path, back);
	}
}

/* ---- all of them ---- */

static const struct sk_land_side *
target(const struct sk_land_file *f, bool back)
{
	return back ? &f->before : &f->after;
}

static bool
done(enum is is, const struct sk_land_file *f, bool back)
{
	const struct sk_land_side *x = &f->before, *y = &f->after;

	if (is == OTHER)
		return false;
	return (is == AFTER) != back ||
	       (x->there == y->there && x->exec == y->exec &&
		   strcmp(x->sha256, y->sha256) == 0);
}

/* Nobody's work may be in the way, before anything is touched. */
static int
look_at_all(const struct sk_land_plan *p, int top, struct sk_err *err)
{
	struct sk_buf b;
	size_t n = 0;
	int rc = 0;

	sk_buf_init(&b, 400);
	for (size_t i = 0; i < p->n; i++) {
		if (look(p, top, &p->v[i]) != OTHER)
			continue;
		if (n++ < 5)
			sk_buf_printf(
			    &b, "%s'%s'", n > 1 ? ", " : "", p->v[i].path);
	}
	if (n == 1) {
		for (size_t i = 0; rc == 0 && i < p->n; i++)
			if (look(p, top, &p->v[i]) == OTHER)
				rc = changed(p->v[i].path, err);
	} else if (n > 1) {
		(void)sk_fail(err, SK_ORDER, "changed_since",
		    "%zu files are neither what they were when the work began "
		    "nor "
		    "what the work makes of them: %s%s",
		    n, b.p, n > 5 ? ", ..." : "");
		rc = sk_hint(
		    err, "move your changes away (git stash), and repeat");
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_land_check(const struct sk_land_plan *p, struct sk_err *err)
{
	int top = open(p->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (top < 0)
		return fail("open", p->top, err);
	rc = look_at_all(p, top, err);
	(void)close(top);
	return rc;
}

static int
step(const struct sk_land_plan *p, int top, const struct sk_land_file *f,
    bool back, int64_t id, struct sk_err *err)
{
	enum is is = look(p, top, f);
	int rc;

	if (is == OTHER)
		return changed(f->path, err);
	if (done(is, f, back))
		return 0;
	rc = target(f, back)->there ? put(top, f, target(f, back), id, err)
	                            : drop(top, f, err);
	if (rc == 0 && !target(f, back)->there)
		sweep(p, top, f->path, back);
	if (rc == 0 && SK_FAULT("land.file") != 0)
		rc = fail("write", f->path, err);
	return rc;
}

int
sk_land_go(
    const struct sk_land_plan *p, bool back, int64_t id, struct sk_err *err)
{
	int top = open(p->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;

	if (top < 0)
		return fail("open", p->top, err);
	/* Whichever database they have: one at a time in one tree. */
	if (flock(top, LOCK_EX | LOCK_NB) != 0) {
		(void)close(top);
		return sk_fail(err, SK_AGAIN, "busy",
		    "another landing is at work in '%s'", p->top);
	}
	rc = look_at_all(p, top, err);
	if (rc == 0)
		tidy(p, top, back, id);
	/* What goes makes room for what comes. */
	for (size_t i = 0; rc == 0 && i < p->n; i++)
		if (!target(&p->v[i], back)->there)
			rc = step(p, top, &p->v[i], back, id, err);
	for (size_t i = 0; rc == 0 && i < p->n; i++)
		if (target(&p->v[i], back)->there)
			rc = step(p, top, &p->v[i], back, id, err);
	(void)close(top);
	return rc;
}
