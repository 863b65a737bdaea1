/* SPDX-License-Identifier: MIT */
/* Asking git where we are. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/git.h"
#include "sys/sys.h"

#define GIT_MS 5000
#define GIT_OUT ((size_t)64 << 10)

/* 0 and what git printed, or -1 when it could not be asked. */
static int
ask(const char *dir, const char *const *words, struct sk_buf *out, int *status)
{
	struct sk_git_call c = { .dir = dir, .wait_ms = GIT_MS };
	struct sk_err e = { 0 };
	int rc;

	sk_buf_clear(out);
	rc = sk_git_ask(&c, words, out, status, &e);
	/* No git is no news; a git that hangs is. */
	if (rc == SK_TIMEOUT)
		sk_warn("git did not answer in %d s, going on without it",
		    GIT_MS / 1000);
	sk_err_clear(&e);
	while (out->len > 0 && out->p[out->len - 1] == '\n')
		out->p[--out->len] = '\0';
	return rc == 0 ? 0 : -1;
}

bool
sk_git_is_hash(const char *s)
{
	size_t n = strlen(s);

	return (n == 40 || n == 64) && s[strspn(s, "0123456789abcdef")] == '\0';
}

void
sk_git_set_branch(struct sk_git *git, const char *name)
{
	if (strlen(name) < sizeof(git->branch))
		(void)snprintf(git->branch, sizeof(git->branch), "%s", name);
	else
		sk_sha256(name, strlen(name), git->branch);
}

/* Top and head in one call; before the first commit the head is missing and
 * git fails, but it has printed the top. */
static bool
top_and_head(const char *dir, struct sk_git *git, struct sk_arena *a)
{
	static const char *const words[] = { "rev-parse", "--show-toplevel",
		"HEAD", NULL };
	struct sk_buf out;
	char *last;
	int status;

	sk_buf_init(&out, GIT_OUT);
	if (ask(dir, words, &out, &status) == 0 && out.p[0] == '/') {
		/* (The top's name may hold a newline, the last line may not.)
		 */
		last = strrchr(out.p, '\n');
		if (last != NULL) {
			*last++ = '\0';
			if (status == 0 && sk_git_is_hash(last))
				(void)snprintf(
				    git->head, sizeof(git->head), "%s", last);
		}
		git->root = sk_arena_strdup(a, out.p);
	}
	sk_buf_free(&out);
	return git->root != NULL;
}

static void
branch_name(const char *dir, struct sk_git *git)
{
	static const char heads[] = "refs/heads/";
	static const char *const words[] = { "symbolic-ref", "-q", "HEAD",
		NULL };
	const char *name;
	struct sk_buf out;
	int status;

	sk_buf_init(&out, GIT_OUT);
	if (ask(dir, words, &out, &status) == 0) {
		name = out.p;
		if (sk_has_prefix(name, heads))
			name += sizeof(heads) - 1;
		if (status == 0)
			sk_git_set_branch(git, name);
		git->detached = status == 1;
	}
	sk_buf_free(&out);
}

int
sk_git_facts(
    const char *dir, struct sk_git *git, struct sk_arena *a, struct sk_err *err)
{
	char *top;
	bool done;

	(void)err;
	memset(git, 0, sizeof(*git));
	top = sk_find_upward(dir, ".git", false);
	if (top == NULL)
		return 0;
	done = sk_git_read(top, dir, git, a);
	free(top);
	if (done)
		return 0;
	if (top_and_head(dir, git, a))
		branch_name(dir, git);
	return 0;
}

void
sk_git_changes(const char *dir, struct sk_strv *out, bool *known)
{
	static const char *const words[] = { "status", "--porcelain", "-z",
		"--untracked-files=all", "--", ".", NULL };
	const char *p, *end;
	struct sk_buf b;
	int status = -1;
	char *top;

	*known = false;
	top = sk_find_upward(dir, ".git", false);
	if (top == NULL)
		return;
	free(top);
	sk_buf_init(&b, (size_t)4 << 20);
	*known = ask(dir, words, &b, &status) == 0 && status == 0;
	p = b.p;
	for (end = p + b.len; *known && p < end && out->n < 1000;
	     p += strlen(p) + 1) {
		if (strlen(p) < 4)
			break;
		sk_strv_add(out, p);
		/* The old name of what was renamed follows by itself. */
		if (p[0] == 'R' || p[0] == 'C')
			p += strlen(p) + 1;
	}
	sk_buf_free(&b);
}

int
sk_project_git(const struct sk_config *c, struct sk_git *git,
    struct sk_arena *a, struct sk_err *err)
{
	int rc = sk_git_facts(c->project_root, git, a, err);

	git->root = c->project_root;
	return rc;
}
