/* SPDX-License-Identifier: MIT */
/*
 * A git work tree for each agent that may write: they do not see each other's
 * files, nor we theirs; what an agent changed is part of its answer. The tree
 * is what HEAD says, without changes that nobody has committed.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/internal.h"

#define GIT_MS 60000

/* Nothing of the repository's or the user's configuration may run programs. */
static const char *const safe[] = { "git", "-c", "core.hooksPath=/dev/null",
	"-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-C", NULL };

/* git -C DIR WORDS…; out NULL = not wanted. */
static int
git(const char *dir, const char *const *words, struct sk_buf *out,
    struct sk_err *err)
{
	struct sk_strv argv = { 0 }, env = { 0 };
	static const char *const keep[] = { "PATH", "HOME", "XDG_CONFIG_HOME" };
	struct sk_spawn s = { .fd_in = -1, .fd_out = -1, .fd_err = -1 };
	struct sk_buf none, talk;
	int st = 0, rc;

	for (size_t i = 0; i < SK_ARRAY_SIZE(keep); i++) {
		const char *v = getenv(keep[i]);
		char *e = v != NULL ? sk_asprintf("%s=%s", keep[i], v) : NULL;

		if (e != NULL)
			sk_strv_add(&env, e);
		free(e);
	}
	sk_strv_add(&env, "LC_ALL=C");
	for (size_t i = 0; safe[i] != NULL; i++)
		sk_strv_add(&argv, safe[i]);
	sk_strv_add(&argv, dir);
	for (size_t i = 0; words[i] != NULL; i++)
		sk_strv_add(&argv, words[i]);
	s.argv = (const char *const *)argv.v;
	s.envp = (const char *const *)env.v;
	sk_buf_init(&none, 65536);
	sk_buf_init(&talk, 65536);
	rc = sk_capture(
	    &s, NULL, 0, out != NULL ? out : &none, &talk, GIT_MS, &st, err);
	if (rc == 0 && (!WIFEXITED(st) || WEXITSTATUS(st) != 0)) {
		char *nl = strchr(talk.p, '\n');

		if (nl != NULL)
			*nl = '\0';
		rc = sk_fail(err, SK_USAGE, "git", "git %s: %s", words[0],
		    talk.len > 0 ? talk.p : "failed");
	}
	sk_buf_free(&none);
	sk_buf_free(&talk);
	sk_strv_free(&argv);
	sk_strv_free(&env);
	return rc;
}

int
sk_tree_top(char **top, struct sk_err *err)
{
	static const char *const ask[] = { "rev-parse", "--show-toplevel",
		NULL };
	static const char *const head[] = { "rev-parse", "--verify", "-q",
		"HEAD^{commit}", NULL };
	struct sk_buf b;
	int rc;

	*top = NULL;
	sk_buf_init(&b, 65536);
	rc = git(".", ask, &b, err);
	if (rc != 0) {
		rc = sk_fail(err, SK_USAGE, "no_git",
		    "a work tree for each agent needs a git repository");
	} else {
		while (b.len > 0 && b.p[b.len - 1] == '\n')
			b.p[--b.len] = '\0';
		*top = sk_strdup(b.p);
		if ((rc = git(".", head, NULL, err)) != 0)
			rc = sk_fail(err, SK_USAGE, "no_commit",
			    "the git repository has no commit to start from");
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_tree_make(const char *top, const char *path, struct sk_err *err)
{
	const char *const add[] = { "worktree", "add", "--detach", "-f", "-q",
		path, "HEAD", NULL };

	return git(top, add, NULL, err);
}

/* What was changed since HEAD of the user's tree, commits included. */
void
sk_tree_diff(
    const char *top, const char *path, size_t max, struct sk_outcome *o)
{
	static const char *const base[] = { "rev-parse", "HEAD", NULL };
	static const char *const all[] = { "add", "-A", "--", ":/", NULL };
	const char *diff[] = { "diff", "--cached", "--binary", "--no-ext-diff",
		"--no-textconv", "--no-color", NULL, NULL };
	struct sk_err err = { 0 };
	struct sk_buf head, text, clean;

	sk_buf_init(&head, 256);
	sk_buf_init(&text, max);
	sk_buf_init(&clean, 4 * max);
	if (git(top, base, &head, &err) == 0 &&
	    git(path, all, NULL, &err) == 0) {
		while (head.len > 0 && head.p[head.len - 1] == '\n')
			head.p[--head.len] = '\0';
		diff[6] = head.p;
		if (git(path, diff, &text, &err) == 0 && text.full)
			(void)sk_fail(&err, SK_USAGE, "too_long",
			    "more than %zu bytes", max);
	}
	if (err.exit != 0) {
		sk_outcome_fail(
		    o, SK_K_INTERNAL, "no diff of its work: %s", err.message);
	} else {
		(void)sk_utf8_clean(&clean, text.p, text.len);
		o->diff = sk_buf_detach(&clean);
	}
	sk_err_clear(&err);
	sk_buf_free(&head);
	sk_buf_free(&text);
	sk_buf_free(&clean);
}

void
sk_tree_drop(const char *top, const char *path)
{
	const char *const remove[] = { "worktree", "remove", "--force",
		"--force", path, NULL };
	static const char *const prune[] = { "worktree", "prune", NULL };
	struct sk_err ignored = { 0 };

	if (git(top, remove, NULL, &ignored) != 0) {
		sk_tmpdir_remove(path);
		sk_err_clear(&ignored);
		(void)git(top, prune, NULL, &ignored);
	}
	sk_err_clear(&ignored);
}
