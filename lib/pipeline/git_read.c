/* SPDX-License-Identifier: MIT */
/*
 * Where we are, read from git's own files. Starting git twice costs more than
 * all else that most of our verbs do. Only the plain layout that every git
 * writes is read here; at anything else the caller asks git.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/git.h"

#define SMALL ((size_t)4096)
#define CONFIG_MAX ((size_t)256 << 10)
#define PACKED_MAX ((size_t)64 << 20)

struct repo {
	char *top, *dir, *common; /* work tree, its gitdir, the shared one */
	struct sk_buf buf;
};

/* A regular file, not a link: dir/name into r->buf without newlines at the end.
 * False when it is none or too large. */
static bool
slurp(struct repo *r, const char *dir, const char *name, size_t max)
{
	char *path = sk_path_join(dir, name);
	struct sk_buf *b = &r->buf;
	struct stat st;
	ssize_t got = -1;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	free(path);
	if (fd < 0)
		return false;
	sk_buf_clear(b);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size <= max &&
	    sk_buf_room(b, (size_t)st.st_size + 1)) {
		got = read(fd, b->p, (size_t)st.st_size);
		/* A file that is being rewritten is git's to read. */
		if (got != st.st_size)
			got = -1;
	}
	(void)close(fd);
	if (got < 0)
		return false;
	b->len = (size_t)got;
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		b->len--;
	b->p[b->len] = '\0';
	return strlen(b->p) == b->len;
}

static bool
there(const char *dir, const char *name, struct stat *st)
{
	char *path = sk_path_join(dir, name);
	bool yes = stat(path, st) == 0;

	free(path);
	return yes;
}

static char *
below(const char *dir, const char *path)
{
	return path[0] == '/' ? sk_strdup(path) : sk_path_join(dir, path);
}

/* git refuses repositories of other users, and so they are left to it. */
static bool
ours(const char *dir, const char *name, bool directory)
{
	struct stat st;

	return there(dir, name, &st) && st.st_uid == geteuid() &&
	       (!directory || S_ISDIR(st.st_mode));
}

/* .git, or what the .git file of a linked work tree names. */
static bool
find_dirs(struct repo *r)
{
	static const char word[] = "gitdir: ";
	struct stat st;

	if (!ours(r->top, ".", true) || !there(r->top, ".git", &st))
		return false;
	if (S_ISDIR(st.st_mode)) {
		r->dir = sk_path_join(r->top, ".git");
	} else {
		if (!slurp(r, r->top, ".git", SMALL) ||
		    !sk_has_prefix(r->buf.p, word))
			return false;
		r->dir = below(r->top, r->buf.p + sizeof(word) - 1);
	}
	if (!ours(r->dir, ".", true))
		return false;
	r->common = slurp(r, r->dir, "commondir", SMALL)
	                ? below(r->dir, r->buf.p)
	                : sk_strdup(r->dir);
	return ours(r->common, "objects", true) &&
	       ours(r->common, "refs", true);
}

/* Nothing in the configuration that changes what the files mean: another work
 * tree, no work tree, another kind of references, parts in other files. */
static bool
is_plain(struct repo *r)
{
	static const char *const odd[] = { "worktree", "refstorage", "include",
		"bare = true", "bare=true" };

	if (!slurp(r, r->common, "config", CONFIG_MAX))
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(odd); i++)
		if (strcasestr(r->buf.p, odd[i]) != NULL)
			return false;
	return true;
}

/* The commit that a branch is at: its own file, else the packed ones; "" before
 * the first. */
static bool
find_commit(struct repo *r, const char *ref, struct sk_git *git)
{
	char *line;
	struct stat st;
	const char *at;

	if (slurp(r, r->common, ref, SMALL)) {
		(void)snprintf(git->head, sizeof(git->head), "%s", r->buf.p);
		return sk_git_is_hash(r->buf.p);
	}
	if (there(r->common, ref, &st) && !S_ISDIR(st.st_mode))
		return false;
	if (!slurp(r, r->common, "packed-refs", PACKED_MAX))
		return !there(r->common, "packed-refs", &st);
	sk_buf_ch(&r->buf, '\n');
	line = sk_asprintf(" %s\n", ref);
	at = strstr(r->buf.p, line);
	free(line);
	if (at == NULL)
		return true;
	for (line = r->buf.p + (at - r->buf.p); line > r->buf.p; line--)
		if (line[-1] == '\n')
			break;
	if (at - line != 40 && at - line != 64)
		return false;
	(void)snprintf(
	    git->head, sizeof(git->head), "%.*s", (int)(at - line), line);
	return sk_git_is_hash(git->head);
}

static bool
read_head(struct repo *r, struct sk_git *git)
{
	static const char ref[] = "ref: ", heads[] = "refs/heads/";
	char *name;
	bool ok;

	if (!slurp(r, r->dir, "HEAD", SMALL))
		return false;
	if (sk_git_is_hash(r->buf.p)) {
		git->detached = true;
		(void)snprintf(git->head, sizeof(git->head), "%s", r->buf.p);
		return true;
	}
	if (!sk_has_prefix(r->buf.p, ref))
		return false;
	name = sk_strdup(r->buf.p + sizeof(ref) - 1);
	/* Other references have homes of their own, and ".invalid" says that
	 * the truth is elsewhere. */
	ok = sk_has_prefix(name, heads) && strstr(name, "..") == NULL &&
	     strstr(name, "/.") == NULL;
	if (ok) {
		sk_git_set_branch(git, name + sizeof(heads) - 1);
		ok = find_commit(r, name, git);
	}
	free(name);
	return ok;
}

bool
sk_git_read(
    const char *top, const char *dir, struct sk_git *git, struct sk_arena *a)
{
	char real[PATH_MAX], at[PATH_MAX];
	struct repo r = { 0 };
	bool ok = false;

	if (realpath(top, real) == NULL || realpath(dir, at) == NULL)
		return false;
	r.top = sk_strdup(real);
	sk_buf_init(&r.buf, PACKED_MAX + SMALL);
	if (find_dirs(&r) && is_plain(&r))
		/* Inside of git's own directory there is no work tree. */
		ok = !(sk_has_prefix(at, r.dir) &&
			 strlen(at) >= strlen(r.dir)) &&
		     read_head(&r, git);
	if (ok)
		git->root = sk_arena_strdup(a, real);
	else
		memset(git, 0, sizeof(*git));
	sk_buf_free(&r.buf);
	free(r.top);
	free(r.dir);
	free(r.common);
	return ok;
}

bool
sk_git_has_branch(const char *dir, const char *branch, bool *has)
{
	char *top = sk_find_upward(dir, ".git", false), *ref;
	struct repo r = { .top = top };
	struct sk_git git = { 0 };
	bool known = false;

	*has = false;
	if (top == NULL)
		return false;
	sk_buf_init(&r.buf, PACKED_MAX + SMALL);
	ref = sk_asprintf("refs/heads/%s", branch);
	if (strstr(ref, "..") == NULL && strstr(ref, "/.") == NULL &&
	    find_dirs(&r) && is_plain(&r))
		known = find_commit(&r, ref, &git);
	*has = known && git.head[0] != '\0';
	sk_buf_free(&r.buf);
	free(ref);
	free(top);
	free(r.dir);
	free(r.common);
	return known;
}
