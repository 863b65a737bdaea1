/* SPDX-License-Identifier: MIT */
/*
 * Private directories for temporary files, and their removal. What is in them
 * was put there by somebody who may want us to delete something else: no link
 * is followed, nothing is named by more than one component, and depth costs no
 * descriptors (what is deep is moved up first).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/sys.h"

#define DEEP 16

char *
sk_tmpdir_new(struct sk_err *err)
{
	const char *base = getenv("TMPDIR");
	char *path;

	if (base == NULL || base[0] != '/')
		base = "/tmp";
	path = sk_asprintf("%s/sk-XXXXXX", base);
	if (mkdtemp(path) == NULL) {
		(void)sk_fail_errno(
		    err, "cannot make a directory in '%s'", base);
		(void)sk_hint(err, "TMPDIR names the place for it");
		free(path);
		return NULL;
	}
	return path;
}

void
sk_tmpdir_spread(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int flags; /* the kernel takes an int here, whatever the name says */

	if (fd < 0)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
		flags |= FS_TOPDIR_FL;
		(void)ioctl(fd, FS_IOC_SETFLAGS, &flags);
	}
	close(fd);
}

int
sk_tmpfile(const char *dir)
{
	return open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* Its owner may have closed it to itself. If this does not help, the next step
 * fails. */
static void
unlock(int at, const char *name)
{
	if (fchmodat(at, name, 0700, 0) != 0)
		return;
}

static int
open_dir(int at, const char *name)
{
	unlock(at, name);
	return openat(
	    at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* What opendir() would do, without memory of its own: a process that has none
 * left tidies up, too. */
struct dir {
	int fd;
	ssize_t n, pos; /* of what was read last */
	_Alignas(struct dirent64) char buf[2048];
};

static const char *
next_name(struct dir *d)
{
	const struct dirent64 *e;

	do {
		if (d->pos >= d->n) {
			d->pos = 0;
			d->n = getdents64(d->fd, d->buf, sizeof(d->buf));
			if (d->n <= 0)
				return NULL;
		}
		e = (const struct dirent64 *)(const void *)(d->buf + d->pos);
		d->pos += e->d_reclen;
	} while (sk_streq(e->d_name, ".") || sk_streq(e->d_name, ".."));
	return e->d_name;
}

/* One pass over a directory; false when something was moved up to `top`, which
 * then has to be looked at again. */
static bool
empty(int top, int at, const char *name, int depth, unsigned *moved)
{
	struct dir d = { .fd = open_dir(at, name) };
	const char *e;
	bool clean = true;

	while (d.fd >= 0 && (e = next_name(&d)) != NULL) {
		char up[32];

		if (unlinkat(d.fd, e, 0) == 0)
			continue;
		if (depth < DEEP) {
			clean &= empty(top, d.fd, e, depth + 1, moved);
			(void)unlinkat(d.fd, e, AT_REMOVEDIR);
			continue;
		}
		snprintf(up, sizeof(up), ".up-%u", ++*moved);
		unlock(d.fd, e);
		if (renameat(d.fd, e, top, up) == 0)
			clean = false;
	}
	if (d.fd >= 0)
		close(d.fd);
	return clean;
}

void
sk_tmpdir_remove(const char *path)
{
	unsigned moved = 0;
	int top;

	/* Again when it did not work: somebody may hold all descriptors for a
	 * moment. An empty one needs none. */
	for (int k = 0; rmdir(path) != 0 && errno != ENOENT && k < 3; k++) {
		top =
		    open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		for (int i = 0; top >= 0 && i < 100000; i++)
			if (empty(top, top, ".", 0, &moved))
				break;
		if (top >= 0)
			close(top);
	}
}
