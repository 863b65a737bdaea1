/* SPDX-License-Identifier: MIT */
/*
 * A git work tree for each agent that may write: they do not see each other's
 * files, nor we theirs; what an agent changed is part of its answer. The tree
 * is what HEAD says, without changes that nobody has committed.
 *
 * Each is a repository of its own that borrows the project's objects, not a
 * linked work tree of git's: what an agent configures, hooks, stashes, renames
 * or collects there (npm install writes core.hooksPath) happens to nobody else.
 * And what is in its .git is never read again: what it did is found out by
 * holding its files against the commit, from a second such repository that it
 * has not seen.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/internal.h"

#define LIST_MAX ((size_t)128 << 20) /* of references, of paths */

static void
chomp(struct sk_buf *b)
{
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
}

/* ---- what all trees are made from ---- */

static int
ask_place(struct sk_trees *t, struct sk_err *err)
{
	static const char *const place[] = { "rev-parse",
		"--path-format=absolute", "--show-toplevel", "--git-path",
		"objects", "--git-path", "info/exclude", "--show-object-format",
		NULL };
	static const char *const head[] = { "rev-parse", "--verify", "-q",
		"HEAD^{commit}", NULL };
	struct sk_git_call c = { .dir = "." };
	struct sk_strv lines = { 0 };
	struct sk_err ignored = { 0 };
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 65536);
	rc = sk_git_do(&c, place, &b, err);
	if (rc == 0)
		sk_strv_split(&lines, b.p, '\n');
	if (rc != 0 || lines.n != 4)
		rc = sk_fail(err, SK_USAGE, "no_git",
		    "a work tree for each agent needs a git repository");
	if (rc == 0) {
		t->top = sk_strdup(lines.v[0]);
		t->objects = sk_strdup(lines.v[1]);
		t->sha256 = sk_streq(lines.v[3], "sha256");
		/* (Few have one.) */
		(void)sk_read_file(
		    lines.v[2], SK_PATTERNS_MAX, &t->exclude, &ignored);
		sk_err_clear(&ignored);
		sk_buf_clear(&b);
		if ((rc = sk_git_do(&c, head, &b, err)) != 0)
			rc = sk_fail(err, SK_USAGE, "no_commit",
			    "the git repository has no commit to start from");
		chomp(&b);
		t->base = sk_strdup(b.p);
	}
	sk_strv_free(&lines);
	sk_buf_free(&b);
	return rc;
}

/* One value of a configuration file of git's. */
static void
add_value(struct sk_buf *conf, const char *key, const char *value)
{
	sk_buf_printf(conf, "\t%s = \"", key);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			sk_buf_ch(conf, '\\');
		if (*value == '\n')
			sk_buf_str(conf, "\\n");
		else
			sk_buf_ch(conf, *value);
	}
	sk_buf_str(conf, "\"\n");
}

/* Of the project's configuration a tree gets who its commits are from, and what
 * is nobody's work. */
static void
ask_config(struct sk_trees *t)
{
	static const char *const words[] = { "config", "-z", "--type=path",
		"--get-regexp", "^(user\\.(name|email)|core\\.excludesfile)$",
		NULL };
	struct sk_git_call c = { .dir = "." };
	struct sk_err ignored = { 0 };
	const char *p, *end, *value;
	struct sk_buf b;
	int status = -1;

	sk_buf_init(&b, 65536);
	if (sk_git_ask(&c, words, &b, &status, &ignored) != 0 || status != 0)
		sk_buf_clear(&b);
	for (p = b.p, end = p + b.len; p < end; p += strlen(p) + 1) {
		value = strchr(p, '\n');
		if (value == NULL)
			continue;
		sk_buf_str(&t->config,
		    sk_has_prefix(p, "user.") ? "[user]\n" : "[core]\n");
		add_value(&t->config,
		    sk_has_prefix(p, "user.name")    ? "name"
		    : sk_has_prefix(p, "user.email") ? "email"
						     : "excludesFile",
		    value + 1);
	}
	sk_err_clear(&ignored);
	sk_buf_free(&b);
}

/* Where git would enter another repository to see whether it was changed: it
 * would do there what is configured there. */
static int
ask_submodules(struct sk_trees *t, struct sk_err *err)
{
	const char *const words[] = { "ls-tree", "-r", "-z", "--full-tree",
		t->base, NULL };
	struct sk_git_call c = { .dir = t->top };
	const char *p, *end, *tab;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, LIST_MAX);
	rc = sk_git_do(&c, words, &b, err);
	for (p = b.p, end = p + b.len; rc == 0 && p < end; p += strlen(p) + 1) {
		tab = strchr(p, '\t');
		if (tab != NULL && sk_has_prefix(p, "160000 "))
			sk_buf_add(
			    &t->submodules, tab + 1, strlen(tab + 1) + 1);
	}
	sk_buf_free(&b);
	return rc;
}

static void
add_file_state(struct sk_buf *b, int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		sk_buf_printf(b, "%s %o %llu %llu %lld.%09ld\n", name,
		    st.st_mode, (unsigned long long)st.st_ino,
		    (unsigned long long)st.st_size,
		    (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec);
}

static void
add_hook(int dir, const char *name, void *arg)
{
	if (!sk_has_suffix(name, ".sample"))
		add_file_state(arg, dir, name);
}

/* The files by which the project's repository makes git run programs. */
static void
control_state(const struct sk_trees *t, char sha[SK_SHA256_LEN])
{
	static const char *const names[] = { "config", "config.worktree",
		"info/attributes", "objects/info/alternates" };
	char *dir = sk_asprintf("%s/..", t->objects);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), hooks = -1;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; fd >= 0 && i < SK_ARRAY_SIZE(names); i++)
		add_file_state(&b, fd, names[i]);
	if (fd >= 0)
		hooks = openat(fd, "hooks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (hooks >= 0) {
		sk_dir_each(hooks, add_hook, &b);
		(void)close(hooks);
	}
	if (fd >= 0)
		(void)close(fd);
	sk_sha256(b.p, b.len, sha);
	sk_buf_free(&b);
	free(dir);
}

int
sk_trees_open(struct sk_trees *t, struct sk_err *err)
{
	static const char *const refs[] = { "for-each-ref",
		"--format=%(objectname) %(refname)", "refs/heads", "refs/tags",
		"refs/remotes", NULL };
	struct sk_git_call c = { .dir = "." };
	int rc;

	sk_buf_init(&t->exclude, SK_PATTERNS_MAX);
	sk_buf_init(&t->config, 65536);
	sk_buf_init(&t->refs, LIST_MAX);
	sk_buf_init(&t->submodules, LIST_MAX);
	rc = ask_place(t, err);
	if (rc == 0)
		rc = sk_git_do(&c, refs, &t->refs, err);
	if (rc == 0)
		rc = ask_submodules(t, err);
	if (rc == 0) {
		ask_config(t);
		control_state(t, t->control);
	}
	return rc;
}

void
sk_trees_close(struct sk_trees *t)
{
	char now[SK_SHA256_LEN];

	/* Nothing in an agent's tree leads there, so this is either a person
	 * or an agent that went looking for it. */
	if (t->control[0] != '\0') {
		control_state(t, now);
		if (strcmp(now, t->control) != 0)
			sk_warn("git's configuration or hooks of '%s' changed "
				"while agents were at work: look at them "
				"before git is used there",
			    t->top);
	}
	if (t->exclude.p != NULL) {
		sk_buf_free(&t->exclude);
		sk_buf_free(&t->config);
		sk_buf_free(&t->refs);
		sk_buf_free(&t->submodules);
	}
	free(t->top);
	free(t->base);
	free(t->objects);
	memset(t, 0, sizeof(*t));
}

/* ---- a repository that borrows ---- */

static int
put(const char *dir, const char *name, const void *p, size_t n,
    struct sk_err *err)
{
	char *path = sk_path_join(dir, name);
	int fd, rc = 0;

	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 || sk_write_all(fd, p, n) != 0)
		rc = sk_fail_errno(err, "cannot write '%s'", path);
	if (fd >= 0)
		(void)close(fd);
	free(path);
	return rc;
}

static int
put_text(const char *dir, const char *name, const char *s, struct sk_err *err)
{
	return put(dir, name, s, strlen(s), err);
}

/* git's files in an empty directory, at the commit, on no branch. */
static int
repository(const struct sk_trees *t, const char *dir, struct sk_err *err)
{
	static const char *const dirs[] = { "objects/info", "refs/heads",
		"info" };
	char *head = sk_asprintf("%s\n", t->base);
	char *from = sk_asprintf("%s\n", t->objects), *path;
	struct sk_buf conf;
	int rc = 0;

	sk_buf_init(&conf, 0);
	sk_buf_printf(&conf,
	    "[core]\n\trepositoryformatversion = %d\n\tfilemode = true\n"
	    "\tbare = false\n",
	    t->sha256);
	if (t->sha256)
		sk_buf_str(&conf, "[extensions]\n\tobjectFormat = sha256\n");
	sk_buf_add(&conf, t->config.p, t->config.len);
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(dirs); i++) {
		path = sk_path_join(dir, dirs[i]);
		rc = sk_mkdirs(path, 0700, err);
		free(path);
	}
	if (rc == 0)
		rc = put_text(dir, "HEAD", head, err);
	if (rc == 0)
		rc = put_text(dir, "objects/info/alternates", from, err);
	if (rc == 0)
		rc = put(dir, "config", conf.p, conf.len, err);
	if (rc == 0)
		rc =
		    put(dir, "info/exclude", t->exclude.p, t->exclude.len, err);
	sk_buf_free(&conf);
	free(head);
	free(from);
	return rc;
}

/* ---- a tree ---- */

int
sk_tree_make(const struct sk_trees *t, struct sk_tree *tree, const char *path,
    struct sk_err *err)
{
	static const char *const fill[] = { "reset", "-q", "--hard", NULL };
	struct sk_git_call c = { .dir = path, .alone = true };
	char *dir = sk_path_join(path, ".git");
	struct stat st;
	int rc = 0;

	tree->path = sk_strdup(path);
	if (mkdir(path, 0700) != 0 || lstat(path, &st) != 0 ||
	    mkdir(dir, 0700) != 0) {
		rc = sk_fail_errno(err, "cannot make '%s'", path);
	} else {
		tree->dev = st.st_dev;
		tree->ino = st.st_ino;
		rc = repository(t, dir, err);
	}
	if (rc == 0)
		rc = put(dir, "packed-refs", t->refs.p, t->refs.len, err);
	if (rc == 0)
		rc = sk_git_do(&c, fill, NULL, err);
	free(dir);
	return rc;
}

/* What is at the path is still what we made, not a way to somewhere else. */
static bool
stands(const struct sk_tree *tree)
{
	struct stat st;

	return lstat(tree->path, &st) == 0 && S_ISDIR(st.st_mode) &&
	       st.st_dev == tree->dev && st.st_ino == tree->ino;
}

/* Every file that it holds now into the index of the second repository. */
static int
take_in(const struct sk_trees *t, const struct sk_git_call *from,
    struct sk_err *err)
{
	const char *const read[] = { "read-tree", t->base, NULL };
	static const char *const skip[] = { "update-index", "-z",
		"--skip-worktree", "--stdin", NULL };
	static const char *const add[] = { "add", "-A", "--", ":/", NULL };
	struct sk_git_call c = *from;
	int rc;

	rc = sk_git_do(&c, read, NULL, err);
	if (rc == 0 && t->submodules.len > 0) {
		c.in = t->submodules.p;
		c.n = t->submodules.len;
		rc = sk_git_do(&c, skip, NULL, err);
	}
	c = *from;
	return rc == 0 ? sk_git_do(&c, add, NULL, err) : rc;
}

static int
diff(const struct sk_trees *t, const struct sk_git_call *from,
    struct sk_buf *text, struct sk_err *err)
{
	const char *const words[] = { "diff", "--cached", "--binary",
		"--full-index", "--no-renames", "--no-ext-diff",
		"--no-textconv", "--no-color", "--src-prefix=a/",
		"--dst-prefix=b/", "--ignore-submodules=dirty", t->base, NULL };
	struct sk_git_call c = *from;

	sk_buf_clear(text);
	return sk_git_do(&c, words, text, err);
}

/*
 * A record is UTF-8: files in another encoding are told byte by byte, because a
 * patch with a replaced character in it fits nowhere. What we say of attributes
 * is before anything that is said in the tree.
 */
static int
read_tree(const struct sk_trees *t, const struct sk_tree *tree, const char *dir,
    struct sk_buf *text, struct sk_err *err)
{
	char *git_dir = sk_asprintf("GIT_DIR=%s", dir);
	char *work = sk_asprintf("GIT_WORK_TREE=%s", tree->path);
	const char *const env[] = { git_dir, work, NULL };
	static const char *const conf[] = { "advice.addEmbeddedRepo=false",
		NULL };
	struct sk_git_call c = {
		.dir = tree->path, .env = env, .conf = conf, .alone = true
	};
	int rc;

	rc = repository(t, dir, err);
	if (rc == 0)
		rc = take_in(t, &c, err);
	if (rc == 0)
		rc = diff(t, &c, text, err);
	if (rc == 0 && !sk_utf8_ok(text->p, text->len)) {
		rc = put_text(dir, "info/attributes", "* -diff\n", err);
		if (rc == 0)
			rc = diff(t, &c, text, err);
	}
	free(git_dir);
	free(work);
	return rc;
}

void
sk_tree_diff(const struct sk_trees *t, const struct sk_tree *tree,
    const char *near, size_t max, struct sk_outcome *o)
{
	char *dir = sk_asprintf("%s/read-XXXXXX", near);
	struct sk_err err = { 0 };
	struct sk_buf text;
	int rc;

	sk_buf_init(&text, max);
	if (!stands(tree)) {
		sk_outcome_fail(o, SK_K_INVALID,
		    "no diff of its work: its work tree is no longer the "
		    "directory that it was given");
	} else {
		rc = mkdtemp(dir) == NULL
		         ? sk_fail_errno(&err, "cannot make '%s'", dir)
		         : read_tree(t, tree, dir, &text, &err);
		if (rc != 0) {
			/* (What git refuses it would refuse again.) */
			sk_outcome_fail(o,
			    sk_streq(err.code, "git") ? SK_K_INVALID
						      : SK_K_INTERNAL,
			    "no diff of its work: %s", err.message);
		} else {
			free(o->diff);
			free(o->base);
			o->diff = sk_buf_detach(&text);
			o->base = sk_strdup(t->base);
		}
		sk_tmpdir_remove(dir);
	}
	sk_err_clear(&err);
	sk_buf_free(&text);
	free(dir);
}

void
sk_tree_drop(struct sk_tree *tree)
{
	if (tree->path != NULL)
		sk_tmpdir_remove(tree->path);
	free(tree->path);
	tree->path = NULL;
}
