/* SPDX-License-Identifier: MIT */
/* Directories below a root, walked without following links. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

/* One component further; made when it is absent and make says so. */
static int
step(struct sk_dir *d, const char *name, bool make, struct sk_err *err)
{
	struct stat st;
	int fd;

	if (d->path.len > 0 && d->path.p[d->path.len - 1] != '/')
		sk_buf_ch(&d->path, '/');
	sk_buf_str(&d->path, name);
	if (make && mkdirat(d->fd, name, SK_DOC_DIR) != 0 && errno != EEXIST)
		return sk_fail_errno(
		    err, "cannot make directory '%s'", d->path.p);
	fd = openat(
	    d->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT &&
	    fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISLNK(st.st_mode))
		return sk_fail(err, SK_IO, "symlink",
		    "directory '%s' is a symbolic link", d->path.p);
	if (fd < 0)
		return sk_fail_errno(
		    err, "cannot open directory '%s'", d->path.p);
	(void)close(d->fd);
	d->fd = fd;
	return 0;
}

int
sk_dir_open(struct sk_dir *d, const char *root, const char *rel, bool make,
    struct sk_err *err)
{
	struct sk_strv parts = { 0 };
	int rc = 0;

	sk_buf_init(&d->path, 65536);
	d->fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->fd < 0)
		return sk_fail_errno(err, "cannot open directory '%s'", root);
	sk_buf_str(&d->path, root);
	sk_strv_split(&parts, rel, '/');
	for (size_t i = 0; rc == 0 && i < parts.n; i++)
		if (parts.v[i][0] != '\0' && strcmp(parts.v[i], ".") != 0)
			rc = step(d, parts.v[i], make, err);
	sk_strv_free(&parts);
	if (rc != 0)
		sk_dir_close(d);
	return rc;
}

void
sk_dir_close(struct sk_dir *d)
{
	if (d->fd >= 0)
		(void)close(d->fd);
	d->fd = -1;
	sk_buf_free(&d->path);
}

int
sk_dir_write(const struct sk_dir *d, const char *name, const void *data,
    size_t n, mode_t mode, struct sk_err *err)
{
	/* Through the directory that was walked to: whoever swaps a component
	 * for a link meanwhile moves nothing. */
	char *held = sk_asprintf("/proc/self/fd/%d/%s", d->fd, name);
	int rc = sk_write_file(held, data, n, mode, err);

	free(held);
	if (rc != 0)
		(void)sk_fail(err, err->exit, err->code, "cannot write '%s/%s'",
		    d->path.p, name);
	return rc;
}

void
sk_dir_each(
    int dirfd, void (*fn)(int dirfd, const char *name, void *arg), void *arg)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((e = readdir(d)) != NULL)
		fn(dirfd, e->d_name, arg);
	(void)closedir(d);
}

static int
read_names(DIR *d, const char *path, struct sk_strv *names, struct sk_err *err)
{
	struct dirent *e;
	int rc = 0;

	for (errno = 0; (e = readdir(d)) != NULL; errno = 0)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			sk_strv_add(names, e->d_name);
	if (errno != 0)
		rc = sk_fail_errno(err, "cannot read '%s'", path);
	(void)closedir(d);
	return rc;
}

int
sk_dir_names(const char *path, struct sk_strv *names, struct sk_err *err)
{
	DIR *d = opendir(path);

	if (d == NULL)
		return errno == ENOENT || errno == ENOTDIR
		           ? 0
		           : sk_fail_errno(err, "cannot read '%s'", path);
	return read_names(d, path, names, err);
}

int
sk_dir_names_at(
    int dirfd, const char *path, struct sk_strv *names, struct sk_err *err)
{
	int rc, fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (d != NULL)
		return read_names(d, path, names, err);
	rc = sk_fail_errno(err, "cannot read '%s'", path);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}
