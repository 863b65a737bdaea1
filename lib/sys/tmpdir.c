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

static DIR *
open_dir(int at, const char *name)
{
	int fd;
	DIR *d;

	unlock(at, name);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	d = fdopendir(fd);
	if (d == NULL)
		close(fd);
	return d;
}

/* One pass over a directory; false when something was moved up to `top`, which
 * then has to be looked at again. */
static bool
empty(int top, int at, const char *name, int depth, unsigned *moved)
{
	DIR *d = open_dir(at, name);
	struct dirent *e;
	bool clean = true;

	while (d != NULL && (e = readdir(d)) != NULL) {
		char up[32];

		if (sk_streq(e->d_name, ".") || sk_streq(e->d_name, "..") ||
		    unlinkat(dirfd(d), e->d_name, 0) == 0)
			continue;
		if (depth < DEEP) {
			clean &=
			    empty(top, dirfd(d), e->d_name, depth + 1, moved);
			(void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
			continue;
		}
		snprintf(up, sizeof(up), ".up-%u", ++*moved);
		unlock(dirfd(d), e->d_name);
		if (renameat(dirfd(d), e->d_name, top, up) == 0)
			clean = false;
	}
	if (d != NULL)
		closedir(d);
	return clean;
}

void
sk_tmpdir_remove(const char *path)
{
	unsigned moved = 0;
	int top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (top < 0)
		return;
	for (int i = 0; i < 100000; i++)
		if (empty(top, top, ".", 0, &moved))
			break;
	close(top);
	(void)rmdir(path);
}
