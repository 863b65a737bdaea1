/* SPDX-License-Identifier: MIT */
/*
 * Files followed by their directories. An inode is the wrong thing to watch:
 * editors write a new file and rename it over the old one. What does not exist
 * yet is waited for in the nearest directory that does, and a symbolic link in
 * the directory of what it points to as well.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/sys.h"

#define MASK \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | \
	    IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)

/* What a file looks like from outside. */
struct look {
	bool there;
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime, ctime;
};

struct sk_watch {
	struct sk_loop *loop;
	int fd;
	int64_t quiet_ms, timer; /* 0 = no change is waiting */
	sk_watch_fn fn;
	void *arg;
	struct sk_strv paths;
	struct look *seen, *last; /* when it was told; at the last event */
	int *wds; /* of directories; -1 = free */
	size_t nwds;
};

static void
look_at(const char *path, struct look *l)
{
	struct stat st;

	memset(l, 0, sizeof(*l));
	if (stat(path, &st) != 0)
		return;
	l->there = true;
	l->dev = st.st_dev;
	l->ino = st.st_ino;
	l->size = st.st_size;
	l->mtime = st.st_mtim;
	l->ctime = st.st_ctim;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_look(const struct look *a, const struct look *b)
{
	return a->there == b->there && a->dev == b->dev && a->ino == b->ino &&
	       a->size == b->size && same_time(&a->mtime, &b->mtime) &&
	       same_time(&a->ctime, &b->ctime);
}

/* ---- directories ---- */

static bool
has_wd(const int *v, size_t n, int wd)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == wd)
			return true;
	return false;
}

static void
note_wd(int **v, size_t *n, int wd)
{
	if (wd < 0 || has_wd(*v, *n, wd))
		return;
	*v = sk_reallocarray(*v, *n + 1, sizeof(**v));
	(*v)[(*n)++] = wd;
}

/* The directory of path, or the nearest above it that exists. */
static void
watch_dir_of(struct sk_watch *w, const char *path, int **v, size_t *n)
{
	char *dir = sk_strdup(path), *slash;
	int wd = -1;

	while (wd < 0 && (slash = strrchr(dir, '/')) != NULL) {
		*slash = '\0';
		wd = inotify_add_watch(
		    w->fd, dir[0] != '\0' ? dir : "/", MASK | IN_ONLYDIR);
	}
	note_wd(v, n, wd);
	free(dir);
}

/* Every directory that matters as things are now; others are let go. Adding one
 * that is watched gives the same number. */
static void
rearm(struct sk_watch *w)
{
	int *v = NULL;
	size_t n = 0;
	char *real;

	for (size_t i = 0; i < w->paths.n; i++) {
		watch_dir_of(w, w->paths.v[i], &v, &n);
		real = realpath(w->paths.v[i], NULL);
		if (real != NULL && strcmp(real, w->paths.v[i]) != 0)
			watch_dir_of(w, real, &v, &n);
		free(real);
	}
	for (size_t i = 0; i < w->nwds; i++)
		if (!has_wd(v, n, w->wds[i]))
			(void)inotify_rm_watch(w->fd, w->wds[i]);
	free(w->wds);
	w->wds = v;
	w->nwds = n;
}

/* ---- changes ---- */

/* Has one of the files changed since we last looked? Others live in these
 * directories, too. */
static bool
moved_on(struct sk_watch *w)
{
	bool any = false;
	struct look now;

	for (size_t i = 0; i < w->paths.n; i++) {
		look_at(w->paths.v[i], &now);
		if (!same_look(&now, &w->last[i]))
			any = true;
		w->last[i] = now;
	}
	return any;
}

static void
quiet(struct sk_loop *l, void *arg)
{
	struct sk_watch *w = arg;
	struct sk_strv changed = { 0 };
	struct look now;

	(void)l;
	w->timer = 0;
	rearm(w);
	for (size_t i = 0; i < w->paths.n; i++) {
		look_at(w->paths.v[i], &now);
		if (!same_look(&now, &w->seen[i]))
			sk_strv_add(&changed, w->paths.v[i]);
		w->seen[i] = w->last[i] = now;
	}
	/* (Put back as it was while we waited: nothing has happened.) */
	if (changed.n != 0)
		w->fn(w, &changed, w->arg);
	sk_strv_free(&changed);
}

static void
readable(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	_Alignas(struct inotify_event) char buf[16384];
	struct sk_watch *w = arg;

	(void)events;
	/* What happened is seen better by looking than from the records: a
	 * directory may have come, or its queue may have been too short. */
	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
	rearm(w);
	if (!moved_on(w))
		return;
	if (w->timer != 0)
		sk_loop_cancel(l, w->timer);
	w->timer = sk_loop_timer(l, sk_mono_ms() + w->quiet_ms, quiet, w);
}

struct sk_watch *
sk_watch_new(struct sk_loop *l, int64_t quiet_ms, sk_watch_fn fn, void *arg,
    struct sk_err *err)
{
	struct sk_watch *w = sk_calloc(1, sizeof(*w));

	w->loop = l;
	w->quiet_ms = quiet_ms;
	w->fn = fn;
	w->arg = arg;
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0) {
		(void)sk_fail_errno(err, "cannot watch files");
		free(w);
		return NULL;
	}
	if (sk_loop_add(l, w->fd, SK_EV_READ, readable, w, err) != 0) {
		(void)close(w->fd);
		free(w);
		return NULL;
	}
	return w;
}

void
sk_watch_quiet(struct sk_watch *w, int64_t quiet_ms)
{
	w->quiet_ms = quiet_ms;
}

void
sk_watch_files(struct sk_watch *w, const struct sk_strv *paths)
{
	sk_strv_free(&w->paths);
	for (size_t i = 0; i < paths->n; i++)
		sk_strv_add(&w->paths, paths->v[i]);
	w->seen = sk_reallocarray(w->seen, paths->n + 1, sizeof(*w->seen));
	w->last = sk_reallocarray(w->last, paths->n + 1, sizeof(*w->last));
	rearm(w);
	for (size_t i = 0; i < paths->n; i++) {
		look_at(paths->v[i], &w->seen[i]);
		w->last[i] = w->seen[i];
	}
}

void
sk_watch_free(struct sk_watch *w)
{
	if (w == NULL)
		return;
	if (w->timer != 0)
		sk_loop_cancel(w->loop, w->timer);
	sk_loop_del(w->loop, w->fd);
	(void)close(w->fd);
	sk_strv_free(&w->paths);
	free(w->seen);
	free(w->last);
	free(w->wds);
	free(w);
}
