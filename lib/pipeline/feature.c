/* SPDX-License-Identifier: MIT */
/* Which feature of a GitHub spec-kit project is being worked on. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/branch.h"
#include "pipeline/pipeline.h"
#include "json/json.h"

static size_t
digits(const char *s)
{
	return strspn(s, "0123456789");
}

/* Length of "001" or "20260319-143022" when a dash and a name follow; 0 = this
 * is no feature's name. */
static size_t
number_of(const char *name)
{
	size_t n = digits(name);

	if (n == 8 && name[8] == '-' && digits(name + 9) == 6 &&
	    name[15] == '-')
		return 15;
	/* (A date and a time that are cut short are not a number.) */
	if ((n == 7 || n == 8) && name[n] == '-' && digits(name + n + 1) == 6)
		return 0;
	return n >= 3 && name[n] == '-' ? n : 0;
}

/* "feat/004-name" → "004-name"; a longer path is taken as it is. */
static const char *
without_kind(const char *branch)
{
	const char *slash = strchr(branch, '/');

	return slash != NULL && strchr(slash + 1, '/') == NULL ? slash + 1
	                                                       : branch;
}

/* By the number in front: several branches may work on one feature. */
static int
by_branch(
    const char *root, const char *branch, struct sk_spec *s, struct sk_err *err)
{
	const char *name = without_kind(branch);
	size_t n = number_of(name);
	char *id = n > 0 ? sk_strndup(name, n) : sk_strdup(name);
	int rc = sk_spec_find(root, id, s, err);

	free(id);
	return rc;
}

/* .specify/feature.json: what its specify command wrote down last. */
static char *
noted(const char *root)
{
	char *path = sk_path_join(root, ".specify/feature.json"), *dir = NULL;
	struct sk_arena a = { 0 };
	struct sk_buf text;
	struct sk_jv *v;

	sk_buf_init(&text, 0);
	if (sk_read_file(path, (size_t)1 << 20, &text, &(struct sk_err){ 0 }) ==
		0 &&
	    sk_json_parse(&a, text.p, text.len, NULL, &v, NULL) == 0 &&
	    sk_jget_str(v, "feature_directory") != NULL)
		dir = sk_strdup(sk_jget_str(v, "feature_directory"));
	sk_buf_free(&text);
	sk_arena_free(&a);
	free(path);
	return dir;
}

/* Without git the newest folder is meant: the latest date, else the highest
 * number. *name is malloc'd, NULL = there is none. */
static int
newest(const char *root, char **name, struct sk_err *err)
{
	char *path = sk_path_join(root, "specs");
	const char *best = NULL;
	struct sk_strv all = { 0 };
	size_t n, most = 0;
	int rc = sk_dir_names(path, &all, err);

	for (size_t i = 0; i < all.n; i++) {
		n = number_of(all.v[i]);
		if (n == 0 || (best != NULL &&
				  (n < most || (n == most && strcmp(all.v[i],
								 best) < 0))))
			continue;
		best = all.v[i];
		most = n;
	}
	*name = rc == 0 && best != NULL ? sk_strdup(best) : NULL;
	sk_strv_free(&all);
	free(path);
	return rc;
}

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

static int
nothing_says(struct sk_err *err)
{
	(void)sk_fail(err, SK_USAGE, "no_spec",
	    "no specification is named, and nothing here says which is meant");
	return sk_hint(err, "name one, as in 'sk-auto status SPEC-7', or be on "
			    "its git branch, "
			    "or set SPECIFY_FEATURE");
}

int
sk_spec_here(const char *root, struct sk_spec *s, struct sk_err *err)
{
	struct sk_arena arena = { 0 };
	struct sk_git git = { 0 };
	char *dir, *top;
	int rc;

	if (env("SPECIFY_FEATURE_DIRECTORY") != NULL)
		return sk_spec_find(
		    root, env("SPECIFY_FEATURE_DIRECTORY"), s, err);
	if (env("SPECIFY_FEATURE") != NULL)
		return by_branch(root, env("SPECIFY_FEATURE"), s, err);
	dir = noted(root);
	if (dir != NULL) {
		rc = sk_spec_find(root, dir, s, err);
		free(dir);
		return rc;
	}
	top = sk_find_upward(root, ".git", false);
	if (top != NULL) {
		free(top);
		rc = sk_git_facts(root, &git, &arena, err);
		if (rc == 0 && git.branch[0] != '\0' &&
		    number_of(without_kind(git.branch)) > 0)
			rc = by_branch(root, git.branch, s, err);
		else if (rc == 0)
			rc = nothing_says(err);
		sk_arena_free(&arena);
		return rc;
	}
	if ((rc = newest(root, &dir, err)) != 0)
		return rc;
	rc = dir != NULL ? sk_spec_find(root, dir, s, err) : nothing_says(err);
	free(dir);
	return rc;
}
