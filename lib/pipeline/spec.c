/* SPDX-License-Identifier: MIT */
/* Finding a specification's folder under the project root. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/pipeline.h"

static const char *const parents[] = { "docs", "specs" };

/* Folder names below root/parent that hold a spec.md. */
static int
folders(const char *root, const char *parent, struct sk_strv *out,
    struct sk_err *err)
{
	char *dir = sk_path_join(root, parent), *file;
	struct sk_strv all = { 0 };
	int rc = sk_dir_names(dir, &all, err);

	for (size_t i = 0; i < all.n; i++) {
		if (all.v[i][0] == '.')
			continue;
		file = sk_asprintf("%s/%s/spec.md", dir, all.v[i]);
		if (access(file, F_OK) == 0)
			sk_strv_add(out, all.v[i]);
		free(file);
	}
	sk_strv_free(&all);
	free(dir);
	sk_strv_sort(out);
	return rc;
}

/* NAME is ID, or ID and a dash and more. */
static bool
is_of(const char *name, const char *id)
{
	size_t n = strlen(id);

	return strncmp(name, id, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

static int
none(const char *root, const char *id, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	const char *near = NULL;

	for (size_t i = 0; i < SK_ARRAY_SIZE(parents); i++)
		if (folders(root, parents[i], &all, err) != 0) {
			sk_strv_free(&all);
			return err->exit;
		}
	if (all.n > 0)
		near = sk_closest(id, (const char *const *)all.v);
	(void)sk_fail(err, SK_USAGE, "no_such_spec",
	    "no specification '%s' under '%s'", id, root);
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	else
		(void)sk_hint(err, "write docs/%s/spec.md", id);
	sk_strv_free(&all);
	return err->exit;
}

static int
two(const char *id, const char *one, const char *other, struct sk_err *err)
{
	(void)sk_fail(err, SK_USAGE, "ambiguous_spec",
	    "two folders match '%s': '%s' and '%s'", id, one, other);
	return sk_hint(err, "rename one of them");
}

/* specs/001-name, specs/001-name/ and specs/001-name/spec.md name a folder. */
static char *
last_part(const char *word)
{
	char *w = sk_strdup(word), *slash, *name;
	size_t n = strlen(w);

	if (sk_has_suffix(w, "/spec.md"))
		n -= strlen("/spec.md");
	while (n > 1 && w[n - 1] == '/')
		n--;
	w[n] = '\0';
	slash = strrchr(w, '/');
	name = sk_strdup(slash != NULL ? slash + 1 : w);
	free(w);
	return name;
}

static int
find(const char *root, const char *id, struct sk_spec *s, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	const char *own = id;
	int rc = 0;
	char *dir;

	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(parents); i++) {
		rc = folders(root, parents[i], &names, err);
		for (size_t k = 0; rc == 0 && k < names.n; k++) {
			if (!is_of(names.v[k], id))
				continue;
			dir = sk_asprintf(
			    "%s/%s/%s", root, parents[i], names.v[k]);
			if (s->dir != NULL) {
				rc = two(id, s->dir, dir, err);
				free(dir);
				break;
			}
			s->dir = dir;
			s->feature = strcmp(parents[i], "specs") == 0;
			/* One folder must not be two specifications, by its
			 * number and by its name. */
			if (s->feature && sk_ident_ok(names.v[k]))
				own = names.v[k];
			(void)snprintf(s->id, sizeof(s->id), "%s", own);
		}
		sk_strv_free(&names);
	}
	if (rc == 0 && s->dir == NULL)
		rc = none(root, id, err);
	return rc;
}

int
sk_spec_find(
    const char *root, const char *word, struct sk_spec *s, struct sk_err *err)
{
	char *id = strchr(word, '/') != NULL && word[0] != '.'
	               ? last_part(word)
	               : sk_strdup(word);
	int rc;

	memset(s, 0, sizeof(*s));
	if (sk_ident_ok(id))
		rc = find(root, id, s, err);
	else
		rc = sk_check_name("a specification", word, sk_ident_ok, err);
	free(id);
	if (rc != 0)
		sk_spec_free(s);
	else
		s->file = sk_path_join(s->dir, "spec.md");
	return rc;
}

int
sk_spec_read(const struct sk_spec *s, struct sk_buf *text, struct sk_err *err)
{
	int rc = sk_read_file(s->file, SK_BUF_MAX, text, err);

	if (rc == 0 && strspn(text->p, " \t\r\n") == text->len)
		rc = sk_fail(err, SK_USAGE, "empty_spec",
		    "specification '%s' is empty", s->file);
	if (rc == 0 &&
	    (!sk_utf8_ok(text->p, text->len) || strlen(text->p) != text->len))
		rc = sk_fail(err, SK_USAGE, "not_text",
		    "specification '%s' is not UTF-8 text", s->file);
	return rc;
}

void
sk_spec_free(struct sk_spec *s)
{
	free(s->dir);
	free(s->file);
	memset(s, 0, sizeof(*s));
}
