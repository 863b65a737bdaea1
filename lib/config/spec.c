/* SPDX-License-Identifier: MIT */
/*
 * docs/SPEC/pipeline.toml: the layer between the project's file and the named
 * one. Which it is is known only after the others were read, because a named
 * file may say where the project is.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/internal.h"

static bool
is_of(const char *name, const char *id)
{
	size_t n = strlen(id);

	return strncmp(name, id, n) == 0 && (name[n] == '\0' || name[n] == '-');
}

static bool
holds(const char *dir, const char *name, const char *file)
{
	char *path = sk_asprintf("%s/%s/%s", dir, name, file);
	bool yes = access(path, F_OK) == 0;

	free(path);
	return yes;
}

/* Folders of the specification below root. One that holds neither the
 * specification nor its configuration is somebody else's. */
static int
folders(
    const char *root, const char *id, struct sk_strv *out, struct sk_err *err)
{
	static const char *const parents[] = { "docs", "specs" };
	struct sk_strv all = { 0 };
	char *dir, *path;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(parents); i++) {
		dir = sk_path_join(root, parents[i]);
		rc = sk_dir_names(dir, &all, err);
		for (size_t k = 0; k < all.n; k++) {
			if (!is_of(all.v[k], id) ||
			    (!holds(dir, all.v[k], "spec.md") &&
				!holds(dir, all.v[k], "pipeline.toml")))
				continue;
			path = sk_path_join(dir, all.v[k]);
			sk_strv_add(out, path);
			free(path);
		}
		sk_strv_free(&all);
		free(dir);
	}
	return rc;
}

static int
find(struct sk_config *c, const char *id, const char **dir, struct sk_err *err)
{
	struct sk_strv found = { 0 };
	int rc = 0;

	rc = sk_check_name("a specification", id, sk_ident_ok, err);
	if (rc != 0)
		return rc;
	rc = folders(c->project_root, id, &found, err);
	if (rc == 0 && found.n > 1) {
		rc = sk_fail(err, SK_USAGE, "ambiguous_spec",
		    "two folders match '%s': '%s' and '%s'", id, found.v[0],
		    found.v[1]);
		rc = sk_hint(err, "rename one of them");
	}
	*dir = rc == 0 && found.n == 1 ? sk_arena_strdup(&c->arena, found.v[0])
	                               : NULL;
	sk_strv_free(&found);
	return rc;
}

static struct sk_layer *
layer_of(struct sk_config_origin *o, enum sk_layer_kind kind)
{
	for (int i = 0; i < o->n; i++)
		if (o->layers[i].kind == kind)
			return &o->layers[i];
	return NULL;
}

int
sk_config_spec_read(
    struct sk_config *c, const char *id, const char *dir, struct sk_err *err)
{
	struct sk_config_origin *o = c->origins;
	struct sk_layer *l = layer_of(o, SK_LAYER_SPEC);
	int rc = 0;

	if (l == NULL) /* a snapshot has it already */
		return 0;
	if (dir == NULL)
		rc = find(c, id, &dir, err);
	if (rc != 0 || dir == NULL)
		return rc;
	/* (They may be o's own.) */
	id = sk_arena_strdup(&c->arena, id);
	dir = sk_arena_strdup(&c->arena, dir);
	free(o->spec);
	o->spec = sk_strdup(id);
	free(o->spec_dir);
	o->spec_dir = sk_strdup(dir);
	l->file = sk_config_abs(c, dir, "pipeline.toml");
	l->root = NULL;
	sk_config_look(l);
	if (sk_config_same_file(l->file, c->named_file)) {
		l->state = "shadowed";
		return 0;
	}
	if (o->located)
		return 0;
	sk_config_read(c, (int)(l - o->layers));
	if (l->root != NULL) {
		sk_config_check(c, (int)(l - o->layers));
		sk_config_remerge(c);
	}
	return 0;
}

int
sk_config_spec(
    struct sk_config *c, const char *id, const char *dir, struct sk_err *err)
{
	struct sk_config_origin *o = c->origins;
	struct sk_layer *l = layer_of(o, SK_LAYER_SPEC);
	int rc = sk_config_spec_read(c, id, dir, err);

	if (rc != 0)
		return rc;
	if (l != NULL && l->root != NULL)
		sk_config_cross(c);
	rc = sk_config_verdict(c, err);
	if (rc != 0) {
		l->root = NULL;
		o->n_findings = 0;
		sk_config_remerge(c);
	}
	return rc;
}
