/* SPDX-License-Identifier: MIT */
/*
 * What a diff would make of the project, found out with git in a private
 * directory: an index of its own, and an object store of its own that only
 * borrows from the project's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/land_show.h"
#include "sys/sys.h"

#define GIT_OUT ((size_t)512 << 20)

struct git {
	char *top, *objects, *tmp;
	struct sk_strv env;
};

/* Nothing may change bytes on their way. */
static const char *const exact[] = { "core.autocrlf=false",
	"core.safecrlf=false", "apply.ignoreWhitespace=no",
	"core.untrackedCache=false", NULL };

/* 0 and its status, and the first line of what it said in talk. */
static int
git(const struct git *g, const char *dir, const char *const *words,
    const void *in, size_t n, struct sk_buf *out, char talk[300], int *status,
    struct sk_err *err)
{
	struct sk_git_call c = { .dir = dir,
		.conf = exact,
		.env = (const char *const *)g->env.v,
		.in = in,
		.n = n };
	int rc = sk_git_ask(&c, words, out, status, err);

	if (talk != NULL)
		(void)snprintf(talk, 300, "%s", c.said);
	return rc;
}

static void
git_close(struct git *g)
{
	if (g->tmp != NULL)
		sk_tmpdir_remove(g->tmp);
	free(g->top);
	free(g->objects);
	free(g->tmp);
	sk_strv_free(&g->env);
}

/* Top, object store and commit of the tree that root is in. */
static int
git_ask(struct git *g, const char *root, struct sk_err *err)
{
	static const char *const ask[] = { "rev-parse",
		"--path-format=absolute", "--show-toplevel", "--git-path",
		"objects", NULL };
	struct sk_strv lines = { 0 };
	struct sk_buf out;
	int status = 0, rc;

	sk_buf_init(&out, 65536);
	rc = git(g, root, ask, NULL, 0, &out, NULL, &status, err);
	if (rc == 0 && status == 0)
		sk_strv_split(&lines, out.p, '\n');
	if (rc == 0 &&
	    (lines.n != 2 || lines.v[0][0] != '/' || lines.v[1][0] != '/')) {
		rc = sk_fail(err, SK_USAGE, "no_git",
		    "'%s' is in no git work tree", root);
	} else if (rc == 0) {
		g->top = sk_strdup(lines.v[0]);
		g->objects = sk_strdup(lines.v[1]);
	}
	sk_strv_free(&lines);
	sk_buf_free(&out);
	return rc;
}

static void
add_env(struct git *g, const char *name, const char *path)
{
	char *e = sk_asprintf("%s=%s", name, path);

	sk_strv_add(&g->env, e);
	free(e);
}

/* The object store of the copy: (a list of others in the environment would be
 * cut at every colon of a path). */
static int
borrow(struct git *g, struct sk_err *err)
{
	char *path = sk_path_join(g->tmp, "objects");
	char *info = sk_path_join(path, "info");
	char *list = sk_path_join(info, "alternates");
	char *line = sk_asprintf("%s\n", g->objects);
	int rc = sk_mkdirs(info, 0700, err);

	if (rc == 0)
		rc = sk_write_file(list, line, strlen(line), 0600, err);
	add_env(g, "GIT_OBJECT_DIRECTORY", path);
	free(path);
	free(info);
	free(list);
	free(line);
	path = sk_path_join(g->tmp, "index");
	add_env(g, "GIT_INDEX_FILE", path);
	free(path);
	return rc;
}

static int
git_open(struct git *g, const char *root, bool work, struct sk_err *err)
{
	int rc;

	memset(g, 0, sizeof(*g));
	rc = git_ask(g, root, err);
	if (rc != 0 || !work)
		return rc;
	g->tmp = sk_tmpdir_new(err);
	return g->tmp != NULL ? borrow(g, err) : err->exit;
}

/* ---- the copy of the index ---- */

static bool
is_hash(const char *s)
{
	size_t n = s != NULL ? strlen(s) : 0;

	return (n == 40 || n == 64) && strspn(s, "0123456789abcdef") == n;
}

/* The commit must be there, and where we are must have grown from it. */
static int
check_base(const struct git *g, const char *base, struct sk_err *err)
{
	const char *const ask[] = { "merge-base", "--is-ancestor", base, "HEAD",
		NULL };
	struct sk_buf out;
	int status = 0, rc;

	if (!is_hash(base))
		return sk_fail(err, SK_DAMAGED, "bad_base",
		    "the record does not say from which commit the work began");
	sk_buf_init(&out, 65536);
	rc = git(g, g->top, ask, NULL, 0, &out, NULL, &status, err);
	sk_buf_free(&out);
	if (rc != 0 || status == 0)
		return rc;
	if (status == 1) {
		(void)sk_fail(err, SK_ORDER, "other_base",
		    "the work began at commit %.12s, and HEAD has not grown "
		    "from it",
		    base);
		return sk_hint(err, "git switch to where it began, or ask "
				    "again from here");
	}
	(void)sk_fail(err, SK_ORDER, "no_base",
	    "commit %.12s, from which the work began, is not in '%s'", base,
	    g->top);
	return sk_hint(err, "git fetch it first");
}

static int
apply_to_index(const struct git *g, const char *base, const char *diff,
    size_t n, struct sk_err *err)
{
	const char *const tree[] = { "read-tree", base, NULL };
	static const char *const apply[] = { "apply", "--cached",
		"--whitespace=nowarn", "-p1", "-", NULL };
	char talk[300] = "";
	struct sk_buf out;
	int status = 0, rc;

	sk_buf_init(&out, 65536);
	rc = git(g, g->top, tree, NULL, 0, &out, talk, &status, err);
	if (rc == 0 && status == 0)
		rc = git(g, g->top, apply, diff, n, &out, talk, &status, err);
	if (rc == 0 && status != 0)
		rc = sk_fail(err, SK_DAMAGED, "bad_patch",
		    "git does not take the diff: %s", talk);
	sk_buf_free(&out);
	return rc;
}

/* ---- what is allowed ---- */

static int
side_of(struct sk_land_side *s, const char *mode, const char *path,
    struct sk_err *err)
{
	s->there = strcmp(mode, "000000") != 0;
	s->exec = strcmp(mode, "100755") == 0;
	if (!s->there || s->exec || strcmp(mode, "100644") == 0)
		return 0;
	return sk_land_refuse(err, path,
	    strcmp(mode, "120000") == 0   ? "makes or changes a symbolic link"
	    : strcmp(mode, "160000") == 0 ? "is about a repository in the tree"
					  : "is about more than plain files");
}

/* The blobs of both sides of a file; "" where there is none. */
struct blobs {
	char id[2][80];
};

/* ":100644 100755 OLD NEW M\0PATH\0" … */
static int
read_raw(struct sk_land_plan *p, const struct sk_buf *raw, const char *below,
    const struct sk_land_limits *lim, struct blobs **ids, struct sk_arena *a,
    struct sk_err *err)
{
	const char *s = raw->p, *end = raw->p + raw->len;
	char mode[2][8], kind[8];
	size_t cap = 0, n;
	struct sk_land_file *f;
	int rc = 0;

	while (rc == 0 && s < end) {
		struct blobs b;

		if (sscanf(s, ":%7s %7s %79s %79s %7s", mode[0], mode[1],
			b.id[0], b.id[1], kind) != 5)
			return sk_fail(err, SK_BUG, "git",
			    "git diff-index said what it never says");
		s += strlen(s) + 1;
		if (s >= end)
			break;
		if ((int64_t)p->n >= lim->files) {
			(void)sk_fail(err, SK_DAMAGED, "too_many_files",
			    "the diff changes more than %lld files",
			    (long long)lim->files);
			return sk_hint(err, "landing.max_files raises that");
		}
		if (p->n == cap) {
			n = cap != 0 ? 2 * cap : 32;
			f = sk_arena_alloc(a, n * sizeof(*f));
			if (p->n != 0)
				memcpy(f, p->v, p->n * sizeof(*f));
			p->v = f;
			*ids = sk_reallocarray(*ids, n, sizeof(**ids));
			cap = n;
		}
		f = &p->v[p->n];
		(*ids)[p->n++] = b;
		memset(f, 0, sizeof(*f));
		f->path = sk_arena_strdup(a, s);
		s += strlen(s) + 1;
		rc = sk_land_path(f->path, below, err);
		if (rc == 0)
			rc = side_of(&f->before, mode[0], f->path, err);
		if (rc == 0)
			rc = side_of(&f->after, mode[1], f->path, err);
	}
	return rc;
}

/* ---- bytes ---- */

static bool
is_binary(const struct sk_land_side *s)
{
	return s->there &&
	       memchr(s->p, '\0', s->n < 8000 ? s->n : 8000) != NULL;
}

/* "<id> blob <size>\n<bytes>\n" for each that was asked for, in order. */
static int
take_blob(struct sk_land_side *s, const char **p, const char *end,
    struct sk_arena *a, struct sk_err *err)
{
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));
	char id[80], kind[16];
	long long n = -1;

	if (nl == NULL || nl - *p > 150 ||
	    sscanf(*p, "%79s %15s %lld", id, kind, &n) != 3 ||
	    strcmp(kind, "blob") != 0 || n < 0 || n + 1 > end - (nl + 1))
		return sk_fail(err, SK_ORDER, "no_object",
		    "the repository lacks a file of the commit from which the "
		    "work began");
	s->n = (size_t)n;
	s->p = sk_arena_strndup(a, nl + 1, s->n);
	sk_sha256(s->p, s->n, s->sha256);
	*p = nl + 1 + n + 1;
	return 0;
}

static int
read_blobs(const struct git *g, struct sk_land_plan *p, const struct blobs *ids,
    struct sk_arena *a, struct sk_err *err)
{
	static const char *const ask[] = { "cat-file", "--batch", NULL };
	struct sk_buf in, out;
	const char *s;
	int status = 0, rc;

	sk_buf_init(&in, 0);
	sk_buf_init(&out, GIT_OUT);
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].before.there)
			sk_buf_printf(&in, "%s\n", ids[i].id[0]);
		if (p->v[i].after.there)
			sk_buf_printf(&in, "%s\n", ids[i].id[1]);
	}
	rc = git(g, g->top, ask, in.p, in.len, &out, NULL, &status, err);
	s = out.p;
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		if (p->v[i].before.there)
			rc = take_blob(
			    &p->v[i].before, &s, out.p + out.len, a, err);
		if (rc == 0 && p->v[i].after.there)
			rc = take_blob(
			    &p->v[i].after, &s, out.p + out.len, a, err);
	}
	sk_buf_free(&in);
	sk_buf_free(&out);
	return rc;
}

static int
check_bytes(const struct sk_land_plan *p, const struct sk_land_limits *lim,
    struct sk_err *err)
{
	int64_t sum = 0;

	for (size_t i = 0; i < p->n; i++) {
		const struct sk_land_file *f = &p->v[i];

		sum += (int64_t)f->after.n;
		if (sum > lim->bytes) {
			(void)sk_fail(err, SK_DAMAGED, "too_large",
			    "the files that the diff changes have more than "
			    "%lld bytes",
			    (long long)lim->bytes);
			return sk_hint(err, "landing.max_bytes raises that");
		}
		if (lim->binary ||
		    !(is_binary(&f->before) || is_binary(&f->after)))
			continue;
		(void)sk_fail(err, SK_DAMAGED, "binary",
		    "the diff changes a binary file: '%s'", f->path);
		return sk_hint(err, "--binary lets it pass");
	}
	return 0;
}

/* ---- the plan ---- */

/* As git makes a file. */
static unsigned
fresh_mode(bool exec)
{
	mode_t mask = umask(077);

	(void)umask(mask);
	return (exec ? 0777U : 0666U) & ~(unsigned)mask;
}

/* What git does not keep of a file's mode stays as it is. */
static void
note_mode(const struct sk_land_plan *p, struct sk_land_file *f)
{
	char *full = sk_path_join(p->top, f->path);
	unsigned mode = fresh_mode(f->before.exec);
	struct stat st;

	if (f->before.there && lstat(full, &st) == 0 && S_ISREG(st.st_mode))
		mode = st.st_mode & 0777;
	f->before.mode = mode;
	if (!f->before.there)
		mode = fresh_mode(f->after.exec);
	else if (f->after.exec && !f->before.exec)
		mode |= (mode & 0444) >> 2;
	else if (!f->after.exec)
		mode &= 0666;
	f->after.mode = mode;
	free(full);
}

/* Directories that a new file needs, to be removed again with it. */
static void
note_made(struct sk_land_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		char *dir = sk_strdup(p->v[i].path), *slash, *full;
		struct stat st;

		note_mode(p, &p->v[i]);
		while (p->v[i].after.there &&
		       (slash = strrchr(dir, '/')) != NULL) {
			*slash = '\0';
			full = sk_path_join(p->top, dir);
			if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
				*dir = '\0';
			else if (!sk_strv_has(&p->made, dir))
				sk_strv_add(&p->made, dir);
			free(full);
		}
		free(dir);
	}
	sk_strv_sort(&p->made);
}

/* Where the project is below the top: "" or "sub/project/". */
static char *
below(const char *top, const char *root)
{
	char *real = realpath(root, NULL), *rtop = realpath(top, NULL);
	char *b = NULL;
	size_t n;

	if (real != NULL && rtop != NULL) {
		n = strlen(rtop);
		if (strncmp(real, rtop, n) == 0 && real[n] == '/')
			b = sk_asprintf("%s/", real + n + 1);
	}
	free(real);
	free(rtop);
	return b != NULL ? b : sk_strdup("");
}

int
sk_land_plan(struct sk_land_plan *p, const char *root, const char *base,
    const char *diff, size_t n, const struct sk_land_limits *lim,
    struct sk_arena *a, struct sk_err *err)
{
	static const char list[] = "diff-index";
	const char *const raw_of[] = { list, "--cached", "--raw", "-z",
		"--no-renames", "--no-abbrev", base, NULL };
	struct blobs *ids = NULL;
	struct sk_buf raw;
	char *sub = NULL;
	struct git g;
	int status = 0, rc;

	memset(p, 0, sizeof(*p));
	sk_buf_init(&raw, (size_t)64 << 20);
	rc = git_open(&g, root, true, err);
	if (rc == 0) {
		p->top = sk_arena_strdup(a, g.top);
		sub = below(g.top, root);
		rc = check_base(&g, base, err);
	}
	if (rc == 0)
		rc = apply_to_index(&g, base, diff, n, err);
	if (rc == 0)
		rc = git(&g, g.top, raw_of, NULL, 0, &raw, NULL, &status, err);
	if (rc == 0)
		rc = read_raw(p, &raw, sub, lim, &ids, a, err);
	if (rc == 0)
		rc = read_blobs(&g, p, ids, a, err);
	if (rc == 0)
		rc = check_bytes(p, lim, err);
	if (rc == 0)
		note_made(p);
	free(ids);
	free(sub);
	sk_buf_free(&raw);
	git_close(&g);
	return rc;
}

/* The bytes that files had at the commit. */
int
sk_land_replan(struct sk_land_plan *p, const struct sk_landing *l,
    struct sk_arena *a, struct sk_err *err)
{
	static const char *const ask[] = { "cat-file", "--batch", NULL };
	char sha[SK_SHA256_LEN];
	struct sk_buf in, out;
	int status = 0, rc;
	const char *s;
	struct git g;

	memset(p, 0, sizeof(*p));
	sk_buf_init(&in, 0);
	sk_buf_init(&out, GIT_OUT);
	rc = git_open(&g, l->root, false, err);
	if (rc == 0) {
		p->top = sk_arena_strdup(a, g.top);
		rc = sk_land_plan_read(p, l, a, err);
	}
	for (size_t i = 0; rc == 0 && i < p->n; i++)
		if (p->v[i].before.there)
			sk_buf_printf(&in, "%s:%s\n", l->base, p->v[i].path);
	if (rc == 0 && in.len > 0)
		rc =
		    git(&g, g.top, ask, in.p, in.len, &out, NULL, &status, err);
	s = out.p;
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		if (!p->v[i].before.there)
			continue;
		memcpy(sha, p->v[i].before.sha256, sizeof(sha));
		rc = take_blob(&p->v[i].before, &s, out.p + out.len, a, err);
		if (rc == 0 && strcmp(sha, p->v[i].before.sha256) != 0)
			rc = sk_fail(err, SK_DAMAGED, "bad_plan",
			    "'%s' was something else at commit %.12s",
			    p->v[i].path, l->base);
	}
	sk_buf_free(&in);
	sk_buf_free(&out);
	git_close(&g);
	return rc;
}
