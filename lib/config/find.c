/* SPDX-License-Identifier: MIT */
/* Where the layers' files and the project are; nothing is read here. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/internal.h"

char *
sk_find_upward(const char *dir, const char *name, bool only_dir)
{
	char *at = sk_strdup(dir), *path, *slash;
	struct stat st;
	bool there;

	for (;;) {
		path = sk_path_join(at[0] != '\0' ? at : "/", name);
		there =
		    stat(path, &st) == 0 && (!only_dir || S_ISDIR(st.st_mode));
		free(path);
		if (there || at[0] == '\0')
			break;
		slash = strrchr(at, '/');
		if (slash == NULL)
			slash = at;
		*slash = '\0';
	}
	if (!there) {
		free(at);
		return NULL;
	}
	if (at[0] != '\0')
		return at;
	free(at);
	return sk_strdup("/");
}

char *
sk_config_abs(struct sk_config *c, const char *base, const char *path)
{
	char *all = sk_path_join(base, path), *out, *p, *end;
	size_t n = 0, len;

	out = sk_arena_alloc(&c->arena, strlen(all) + 2);
	for (p = all; *p != '\0'; p = end) {
		while (*p == '/')
			p++;
		end = p + strcspn(p, "/");
		len = (size_t)(end - p);
		if (len == 0 || (len == 1 && p[0] == '.'))
			continue;
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			while (n > 0 && out[--n] != '/')
				continue;
			continue;
		}
		out[n++] = '/';
		memcpy(out + n, p, len);
		n += len;
	}
	if (n == 0)
		out[n++] = '/';
	out[n] = '\0';
	free(all);
	return out;
}

static struct sk_layer *
add(struct sk_config *c, enum sk_layer_kind kind, const char *file)
{
	struct sk_layer *l = &c->origins->layers[c->origins->n++];

	l->kind = kind;
	l->file = file;
	l->state = "absent";
	return l;
}

bool
sk_config_same_file(const char *a, const char *b)
{
	struct stat x, y;

	return a != NULL && b != NULL && stat(a, &x) == 0 && stat(b, &y) == 0 &&
	       x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

static const char *
user_file(struct sk_config *c)
{
	struct sk_err err = { 0 };
	char *dir = sk_xdg_dir("XDG_CONFIG_HOME", ".config", &err);
	char *path = NULL;

	/* A service without a home has no user file; that is no error. */
	if (dir != NULL)
		path = sk_config_abs(c, dir, "config.toml");
	free(dir);
	sk_err_clear(&err);
	return path;
}

static const char *
named_file(
    struct sk_config *c, const struct sk_config_where *w, const char *cwd)
{
	const char *name = w->named;

	if (name == NULL) {
		name = getenv("SK_CONFIG");
		if (name == NULL || name[0] == '\0')
			return NULL;
	}
	/* An empty --config must not become the working directory. */
	if (name[0] == '\0')
		return "";
	return sk_config_abs(c, cwd, name);
}

/* What sk_config_files() shows before anything was read. */
void
sk_config_look(struct sk_layer *l)
{
	struct stat st;

	if (l->file == NULL || stat(l->file, &st) != 0)
		return;
	l->state = S_ISDIR(st.st_mode) || access(l->file, R_OK) != 0
	               ? "unreadable"
	               : "used";
}

int
sk_config_find(
    struct sk_config *c, const struct sk_config_where *w, struct sk_err *err)
{
	const char *named, *project = NULL;
	char *cwd = getcwd(NULL, 0), *sk, *git = NULL;
	struct sk_layer *l;

	if (cwd == NULL)
		return sk_fail_errno(err, "cannot find the working directory");
	sk = sk_find_upward(cwd, ".sk", true);
	if (sk == NULL)
		git = sk_find_upward(cwd, ".git", false);
	c->project_root = sk_strdup(sk != NULL ? sk : git != NULL ? git : cwd);
	if (sk != NULL)
		project = sk_config_abs(c, sk, ".sk/config.toml");
	named = named_file(c, w, cwd);
	free(sk);
	free(git);
	free(cwd);

	sk_config_look(add(c, SK_LAYER_SYSTEM, w->system));
	sk_config_look(add(c, SK_LAYER_USER, user_file(c)));
	l = add(c, SK_LAYER_PROJECT, project);
	sk_config_look(l);
	/* Whoever names the project's file trusts it. */
	if (sk_config_same_file(project, named))
		l->state = "shadowed";
	/* Empty until somebody says which specification. */
	(void)add(c, SK_LAYER_SPEC, NULL);
	if (named != NULL) {
		sk_config_look(add(c, SK_LAYER_NAMED, named));
		c->named_file = sk_strdup(named);
	}
	return 0;
}

size_t
sk_config_files(const struct sk_config *c, const struct sk_config_file **out)
{
	static const char *const words[] = { "default", "system", "user",
		"project", "spec", "named" };
	struct sk_config_origin *o = c->origins;
	size_t n = 0;

	free(o->files);
	o->files = sk_calloc(SK_LAYERS_MAX, sizeof(*o->files));
	for (int i = 0; i < o->n; i++) {
		const struct sk_layer *l = &o->layers[i];

		if (l->file != NULL)
			o->files[n++] = (struct sk_config_file){ words[l->kind],
				l->file, l->state };
	}
	*out = o->files;
	return n;
}
