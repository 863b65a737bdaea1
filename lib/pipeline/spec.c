/* SPDX-License-Identifier: MIT */
/* Finding a specification's folder under the project root. */
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/pipeline.h"

static const char *const parents[] = { "docs", "specs" };

/* Folder names below root/parent that hold a spec.md. */
static void
folders(const char *root, const char *parent, struct sk_strv *out)
{
	char *dir = sk_path_join(root, parent), *file;
	const struct dirent *e;
	DIR *d = opendir(dir);

	while (d != NULL && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		file = sk_asprintf("%s/%s/spec.md", dir, e->d_name);
		if (access(file, F_OK) == 0)
			sk_strv_add(out, e->d_name);
		free(file);
	}
	if (d != NULL)
		(void)closedir(d);
	free(dir);
	sk_strv_sort(out);
}

/* NAME is ID, or ID and a dash and more. */
static bool
is_of(const char *name, const char *id)
{
	size_t n = strlen(id);

	return strncmp(name, id, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

void
sk_spec_list(const char *root, struct sk_strv *ids)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(parents); i++)
		folders(root, parents[i], ids);
	sk_strv_sort(ids);
}

static int
none(const char *root, const char *id, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	const char *near = NULL;

	sk_spec_list(root, &all);
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

int
sk_spec_find(
    const char *root, const char *id, struct sk_spec *s, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	char *dir;

	memset(s, 0, sizeof(*s));
	if (!sk_ident_ok(id))
		return sk_fail(err, SK_USAGE, "bad_identifier",
		    "'%s' is not a specification id", id);
	for (size_t i = 0; i < SK_ARRAY_SIZE(parents); i++) {
		folders(root, parents[i], &names);
		for (size_t k = 0; k < names.n; k++) {
			if (!is_of(names.v[k], id))
				continue;
			dir = sk_asprintf(
			    "%s/%s/%s", root, parents[i], names.v[k]);
			if (s->dir != NULL) {
				(void)sk_fail(err, SK_USAGE, "ambiguous_spec",
				    "two folders match '%s': '%s' and '%s'", id,
				    s->dir, dir);
				(void)sk_hint(err, "rename one of them");
				free(dir);
				sk_strv_free(&names);
				sk_spec_free(s);
				return SK_USAGE;
			}
			s->dir = dir;
		}
		sk_strv_free(&names);
	}
	if (s->dir == NULL)
		return none(root, id, err);
	memcpy(s->id, id, strlen(id) + 1);
	s->file = sk_path_join(s->dir, "spec.md");
	return 0;
}

void
sk_spec_free(struct sk_spec *s)
{
	free(s->dir);
	free(s->file);
	memset(s, 0, sizeof(*s));
}
