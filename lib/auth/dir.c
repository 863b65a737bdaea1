/* SPDX-License-Identifier: MIT */
/* Where the store is, and whether nobody else can look into it. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "auth/internal.h"

/* Memory that does not outlive the machine's run: a directory in tmpfs. */
static int
ephemeral_dir(char **dir, struct sk_err *err)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	char *base;
	struct statfs fs;

	base = run != NULL && run[0] == '/'
	           ? sk_path_join(run, "sk")
	           : sk_asprintf("/dev/shm/sk-%u", (unsigned)geteuid());
	if (sk_mkdirs(base, 0700, err) != 0) {
		free(base);
		return err->exit;
	}
	if (statfs(base, &fs) != 0 ||
	    (fs.f_type != TMPFS_MAGIC && fs.f_type != RAMFS_MAGIC)) {
		(void)sk_fail(err, SK_USAGE, "not_ephemeral",
		    "'%s' is not in memory: an ephemeral store cannot be there",
		    base);
		free(base);
		return err->exit;
	}
	*dir = sk_path_join(base, "tokens");
	free(base);
	return 0;
}

/* Settings, and where the store is; nothing is opened. */
int
auth_settle(struct sk_auth *a, struct sk_err *err)
{
	static const char *const modes[] = { "file", "keyring", "auto",
		"ephemeral", NULL };
	const char *near;
	char *state;
	int rc;

	if (a->have_set)
		return 0;
	rc = auth_settings_load(&a->set, err);
	if (rc != 0)
		return rc;
	if (a->o.store != NULL)
		a->set.store = a->o.store;
	for (size_t i = 0; !sk_streq(modes[i], a->set.store); i++) {
		if (modes[i + 1] != NULL)
			continue;
		rc = sk_fail(err, SK_USAGE, "bad_store", "no store mode '%s'",
		    a->set.store);
		near = sk_closest(a->set.store, modes);
		if (near != NULL)
			(void)sk_hint(err, "did you mean '%s'?", near);
		return rc;
	}
	if (sk_streq(a->set.store, "ephemeral")) {
		rc = ephemeral_dir(&a->dir, err);
		/* A key that stays on the disk would be of no use. */
		if (rc == 0 && !a->set.key_file_named && a->set.key == NULL) {
			char *key = sk_asprintf("%s.key", a->dir);

			a->set.key_file = sk_arena_strdup(&a->set.arena, key);
			free(key);
		}
	} else {
		state = sk_xdg_dir("XDG_STATE_HOME", ".local/state", err);
		if (state == NULL)
			return err->exit;
		a->dir = sk_path_join(state, "tokens");
		free(state);
	}
	a->have_set = rc == 0;
	return rc;
}

static int
dir_check(struct sk_auth *a, struct sk_err *err)
{
	struct stat st;

	if (fstat(a->dirfd, &st) != 0)
		return sk_fail_errno(err, "cannot look at '%s'", a->dir);
	if (st.st_uid != geteuid())
		return sk_fail(err, SK_USAGE, "store_dir_owner",
		    "'%s' belongs to another user", a->dir);
	if ((st.st_mode & 077) != 0) {
		(void)sk_fail(err, SK_USAGE, "store_dir_mode",
		    "'%s' is open to others (mode %03o)", a->dir,
		    (unsigned)st.st_mode & 0777);
		return sk_hint(err, "chmod 700 '%s'", a->dir);
	}
	return 0;
}

int
auth_dir_open(struct sk_auth *a, bool create, struct sk_err *err)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	int rc;

	if (a->dirfd >= 0)
		return 0;
	a->dirfd = open(a->dir, flags);
	if (a->dirfd < 0 && errno == ENOENT) {
		if (!create)
			return 0;
		rc = sk_mkdirs(a->dir, 0700, err);
		if (rc != 0)
			return sk_hint(
			    err, "XDG_STATE_HOME names another place");
		a->dirfd = open(a->dir, flags);
	}
	if (a->dirfd < 0)
		return sk_fail_errno(err, "cannot open '%s'", a->dir);
	rc = dir_check(a, err);
	if (rc != 0) {
		(void)close(a->dirfd);
		a->dirfd = -1;
	}
	return rc;
}

bool
auth_dir_moved(struct sk_auth *a)
{
	struct sk_err ignored = { 0 };
	struct stat ours, there;
	bool moved;

	if (a->dirfd < 0 || fstat(a->dirfd, &ours) != 0 ||
	    stat(a->dir, &there) != 0 ||
	    (ours.st_ino == there.st_ino && ours.st_dev == there.st_dev))
		return false;
	(void)close(a->dirfd);
	a->dirfd = -1;
	auth_key_free(&a->key);
	moved = auth_dir_open(a, false, &ignored) == 0 && a->dirfd >= 0;
	sk_err_clear(&ignored);
	return moved;
}

void
auth_sweep(struct sk_auth *a)
{
	/* Longer than any code is valid, and any write lasts. */
	const time_t old = time(NULL) - 2 * 3600;
	struct dirent *e;
	struct stat st;
	int fd = openat(a->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	while (d != NULL && (e = readdir(d)) != NULL)
		if ((sk_has_suffix(e->d_name, AUTH_EXT_LOGIN) ||
			sk_has_suffix(e->d_name, ".probe") ||
			sk_has_prefix(e->d_name, ".tmp.")) &&
		    fstatat(a->dirfd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    st.st_mtime < old)
			(void)unlinkat(a->dirfd, e->d_name, 0);
	if (d != NULL)
		(void)closedir(d);
}
