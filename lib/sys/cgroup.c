/* SPDX-License-Identifier: MIT */
/*
 * A cgroup for each agent, where we may make one (version 2): killing it is one
 * atomic step, which no fork bomb outruns. Never needed: where it is not to be
 * had the tree is swept as always.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sys/sys.h"

static int
put(const char *dir, const char *file, const char *text)
{
	char *path = sk_asprintf("%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = -1;

	free(path);
	if (fd < 0)
		return -1;
	rc = sk_write_all(fd, text, strlen(text));
	close(fd);
	return rc;
}

/* Where version 2 is mounted: "… - cgroup2 …" in mountinfo, fifth field. */
static char *
mounted(void)
{
	struct sk_err ignored = { 0 };
	struct sk_buf b;
	char *line, *nl, *found = NULL;

	sk_buf_init(&b, 1u << 20);
	if (sk_read_file("/proc/self/mountinfo", 1u << 20, &b, &ignored) != 0)
		sk_buf_clear(&b);
	for (line = b.p; line != NULL && found == NULL; line = nl) {
		char at[1024];

		if ((nl = strchr(line, '\n')) != NULL)
			*nl++ = '\0';
		if (strstr(line, " - cgroup2 ") != NULL &&
		    sscanf(line, "%*s %*s %*s %*s %1023s", at) == 1)
			found = sk_strdup(at);
	}
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	return found;
}

/* Our own one: "0::/path". */
static char *
ours(const char *mount)
{
	struct sk_err ignored = { 0 };
	struct sk_buf b;
	char *p, *nl, *found = NULL;

	sk_buf_init(&b, 65536);
	if (sk_read_file("/proc/self/cgroup", 65536, &b, &ignored) == 0) {
		p = sk_has_prefix(b.p, "0::/") ? b.p : strstr(b.p, "\n0::/");
		if (p != NULL) {
			p = strchr(p, '/');
			if ((nl = strchr(p, '\n')) != NULL)
				*nl = '\0';
			found = sk_asprintf(
			    "%s%s", mount, strcmp(p, "/") != 0 ? p : "");
		}
	}
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	return found;
}

int
sk_cgroup_new(struct sk_cgroup *g, const char *id, struct sk_err *err)
{
	char *mount = mounted();

	g->home = mount != NULL ? ours(mount) : NULL;
	g->dir = NULL;
	free(mount);
	if (g->home == NULL)
		return sk_fail(err, SK_USAGE, "no_cgroup",
		    "no cgroup version 2 is mounted here");
	g->dir = sk_asprintf("%s/sk-%s", g->home, id);
	if (mkdir(g->dir, 0755) < 0) {
		(void)sk_fail_errno(
		    err, "cannot make a cgroup in '%s'", g->home);
		sk_cgroup_free(g);
		return err->exit;
	}
	return 0;
}

char *
sk_cgroup_enter(const struct sk_cgroup *g, uint64_t n)
{
	char *sub;

	if (g->dir == NULL)
		return NULL;
	sub = sk_asprintf("%s/%llu", g->dir, (unsigned long long)n);
	/* What we start is born where we are: no moment outside. */
	if (mkdir(sub, 0755) == 0) {
		if (put(sub, "cgroup.procs", "0") == 0)
			return sub;
		(void)rmdir(sub);
	}
	free(sub);
	return NULL;
}

void
sk_cgroup_leave(const struct sk_cgroup *g)
{
	(void)put(g->home, "cgroup.procs", "0");
}

void
sk_cgroup_kill(const char *sub)
{
	(void)put(sub, "cgroup.kill", "1");
}

void
sk_cgroup_drop(const char *sub)
{
	struct timespec ts = { 0, 1000000 };

	/* What was killed needs a moment to leave. */
	for (int i = 0; i < 100 && rmdir(sub) < 0 && errno == EBUSY; i++) {
		sk_cgroup_kill(sub);
		nanosleep(&ts, NULL);
	}
}

void
sk_cgroup_free(struct sk_cgroup *g)
{
	if (g->dir != NULL) {
		sk_cgroup_kill(g->dir);
		(void)rmdir(g->dir);
	}
	free(g->dir);
	free(g->home);
	g->dir = g->home = NULL;
}

void
sk_cgroup_bury(const char *dir)
{
	const char *name = strrchr(dir, '/');
	struct dirent *e;
	DIR *d;

	/* (What a file says is believed only as far as we would write it.) */
	if (dir[0] != '/' || !sk_has_prefix(name, "/sk-"))
		return;
	sk_cgroup_kill(dir);
	d = opendir(dir);
	while (d != NULL && (e = readdir(d)) != NULL)
		if (e->d_name[0] >= '0' && e->d_name[0] <= '9') {
			char *sub = sk_asprintf("%s/%s", dir, e->d_name);

			sk_cgroup_drop(sub);
			free(sub);
		}
	if (d != NULL)
		closedir(d);
	(void)rmdir(dir);
}
