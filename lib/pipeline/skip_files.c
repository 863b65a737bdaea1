/* SPDX-License-Identifier: MIT */
/* The files of a project, for the conditions that count them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/skip.h"
#include "sys/sys.h"

#define LIST_MAX ((size_t)64 << 20) /* bytes of git's answer */
#define LIST_MS 20000
#define WALK_MAX 200000 /* entries; more is no project, or a home */
#define WALK_DEPTH 64

/* ---- matching ---- */

bool
sk_skip_glob(const char *pattern, const char *path)
{
	const char *star = NULL, *from = NULL;

	/* Going back to the last star is enough: no pattern costs more than
	 * its length times the path's. */
	while (*path != '\0') {
		if (*pattern == '*') {
			star = ++pattern;
			from = path;
		} else if (*pattern == '?' || *pattern == *path) {
			pattern++;
			path++;
		} else if (star != NULL) {
			pattern = star;
			path = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

static bool
one_of(const char *p, size_t n)
{
	static const char *const dirs[] = { "test", "tests", "spec",
		"__tests__" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(dirs); i++)
		if (strlen(dirs[i]) == n && memcmp(dirs[i], p, n) == 0)
			return true;
	return false;
}

bool
sk_skip_is_test(const char *path)
{
	const char *base = path;
	size_t n;

	/* (The last part as well: a link or a submodule has no slash.) */
	for (;; base += n + 1) {
		n = strcspn(base, "/");
		if (one_of(base, n))
			return true;
		if (base[n] == '\0' || base[n + 1] == '\0')
			break;
	}
	return sk_has_prefix(base, "test_") || strstr(base, "_test.") != NULL ||
	       strstr(base, ".test.") != NULL ||
	       strstr(base, ".spec.") != NULL || sk_has_suffix(base, ".bats");
}

/* ---- where git knows the files ---- */

/* What no commit holds yet counts, too: a stage before may have made it. */
static int
by_git(const char *root, sk_file_fn *fn, void *arg, struct sk_err *err)
{
	static const char *const words[] = { "ls-files", "-z", "--cached",
		"--others", "--exclude-standard", "--", ".", NULL };
	struct sk_git_call c = { .dir = root, .wait_ms = LIST_MS };
	const char *p, *end, *last = "";
	struct sk_buf out;
	int rc;

	sk_buf_init(&out, LIST_MAX);
	rc = sk_git_do(&c, words, &out, err);
	end = out.p + out.len;
	for (p = out.p; rc == 0 && p < end; p += strlen(p) + 1) {
		/* (A path with a conflict is listed once for each side.) */
		if (strcmp(p, last) != 0 && fn(arg, p))
			break;
		last = p;
	}
	sk_buf_free(&out);
	return rc;
}

/* ---- where it does not ---- */

struct walk {
	sk_file_fn *fn;
	void *arg;
	size_t seen;
	bool enough;
	struct sk_err *err;
};

static int
walk(struct walk *w, int at, const char *name, const char *path, int depth);

static int
entry(struct walk *w, int fd, const char *name, const char *path, int depth)
{
	char *below =
	    path[0] != '\0' ? sk_path_join(path, name) : sk_strdup(name);
	struct stat st;
	int rc = 0;

	if (++w->seen > WALK_MAX)
		rc = sk_fail(w->err, SK_DAMAGED, "too_large",
		    "there are more than %d files below the project's root",
		    WALK_MAX);
	else if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		rc = errno == ENOENT
		         ? 0
		         : sk_fail_errno(w->err, "cannot look at '%s'", below);
	else if (!S_ISDIR(st.st_mode))
		w->enough = w->fn(w->arg, below);
	else if (name[0] != '.')
		rc = walk(w, fd, name, below, depth + 1);
	free(below);
	return rc;
}

static int
walk(struct walk *w, int at, const char *name, const char *path, int depth)
{
	struct dirent *e = NULL;
	DIR *d = NULL;
	int fd, rc = 0;

	if (depth > WALK_DEPTH)
		return sk_fail(w->err, SK_DAMAGED, "too_deep",
		    "'%s' is more than %d directories deep", path, WALK_DEPTH);
	fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		d = fdopendir(fd);
	if (d == NULL) {
		rc = sk_fail_errno(
		    w->err, "cannot read '%s'", path[0] != '\0' ? path : name);
		if (fd >= 0)
			(void)close(fd);
		return rc;
	}
	while (rc == 0 && !w->enough) {
		errno = 0;
		e = readdir(d);
		if (e == NULL)
			break;
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			rc = entry(w, fd, e->d_name, path, depth);
	}
	if (rc == 0 && !w->enough && errno != 0)
		rc = sk_fail_errno(
		    w->err, "cannot read '%s'", path[0] != '\0' ? path : name);
	(void)closedir(d);
	return rc;
}

int
sk_skip_files(const char *root, sk_file_fn *fn, void *arg, struct sk_err *err)
{
	struct walk w = { .fn = fn, .arg = arg, .err = err };
	char *top = sk_find_upward(root, ".git", false);

	if (top == NULL)
		return walk(&w, AT_FDCWD, root, "", 0);
	free(top);
	return by_git(root, fn, arg, err);
}
