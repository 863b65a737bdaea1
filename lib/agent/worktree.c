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

static void
chomp(struct sk_buf *b)
{
	while (b->len > 0 && b->p[b->len - 1] == '\n')
		b->p[--b->len] = '\0';
}

int
sk_tree_top(char **top, char **base, struct sk_err *err)
{
	static const char *const ask[] = { "rev-parse", "--show-toplevel",
		NULL };
	static const char *const head[] = { "rev-parse", "--verify", "-q",
		"HEAD^{commit}", NULL };
	struct sk_buf b;
	int rc;

	*top = *base = NULL;
	sk_buf_init(&b, 65536);
	rc = git(".", ask, &b, err);
	if (rc != 0) {
		rc = sk_fail(err, SK_USAGE, "no_git",
		    "a work tree for each agent needs a git repository");
	} else {
		chomp(&b);
		*top = sk_strdup(b.p);
		sk_buf_clear(&b);
		if ((rc = git(".", head, &b, err)) != 0)
			rc = sk_fail(err, SK_USAGE, "no_commit",
			    "the git repository has no commit to start from");
		chomp(&b);
		*base = sk_strdup(b.p);
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_tree_make(
    const char *top, const char *base, const char *path, struct sk_err *err)
{
	const char *const add[] = { "worktree", "add", "--detach", "-f", "-q",
		path, base, NULL };

	return git(top, add, NULL, err);
}

/* The diff of what is staged in path; every file as bytes when as_bytes. */
static int
diff(const char *path, const char *base, bool as_bytes, struct sk_buf *text,
    struct sk_err *err)
{
	char *attr = sk_asprintf("core.attributesFile=%s.attr", path);
	const char *const words[] = { "-c", as_bytes ? attr : "core.abbrev=40",
		"diff", "--cached", "--binary", "--full-index", "--no-renames",
		"--no-ext-diff", "--no-textconv", "--no-color",
		"--src-prefix=a/", "--dst-prefix=b/", base, NULL };
	static const char all[] = "* -diff\n";
	int rc = 0;

	if (as_bytes)
		rc = sk_write_file(attr + strlen("core.attributesFile="), all,
		    strlen(all), 0600, err);
	if (rc == 0)
		rc = git(path, words, text, err);
	if (rc == 0 && text->full)
		rc = sk_fail(err, SK_USAGE, "too_long", "more than %zu bytes",
		    text->max);
	free(attr);
	return rc;
}

/*
 * What was changed since base, commits included. A record is UTF-8: files in
 * another encoding are told byte by byte, because a patch with a replaced
 * character in it fits nowhere.
 */
void
sk_tree_diff(
    const char *base, const char *path, size_t max, struct sk_outcome *o)
{
	static const char *const all[] = { "add", "-A", "--", ":/", NULL };
	struct sk_err err = { 0 };
	struct sk_buf text;

	sk_buf_init(&text, max);
	if (git(path, all, NULL, &err) == 0 &&
	    diff(path, base, false, &text, &err) == 0 &&
	    !sk_utf8_ok(text.p, text.len)) {
		sk_buf_clear(&text);
		if (diff(path, base, true, &text, &err) == 0 &&
		    !sk_utf8_ok(text.p, text.len))
			(void)sk_fail(&err, SK_USAGE, "encoding",
			    "a file that .gitattributes declares as text is "
			    "not UTF-8");
	}
	if (err.exit != 0) {
		sk_outcome_fail(
		    o, SK_K_INTERNAL, "no diff of its work: %s", err.message);
	} else {
		free(o->diff);
		free(o->base);
		o->diff = sk_buf_detach(&text);
		o->base = sk_strdup(base);
	}
	sk_err_clear(&err);
	sk_buf_free(&text);
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
