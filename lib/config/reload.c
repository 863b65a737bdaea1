/* SPDX-License-Identifier: MIT */
/*
 * The configuration as it stands, and as it stands now: its hash, what differs,
 * taking over what was edited, and handing it to our own children unchanged
 * while they work.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/internal.h"

#define SNAPSHOT "SK_CONFIG_SNAPSHOT"

void
sk_config_hash(const struct sk_config *c, char hex[SK_SHA256_LEN])
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_json_canon(&b, c->root);
	sk_sha256(b.p, b.len, hex);
	sk_buf_free(&b);
}

/* ---- reloading ---- */

/* What was read from a pipe cannot be read again. */
static bool
once_only(const struct sk_config *c)
{
	struct stat st;

	if (c->origins->snapshot)
		return true;
	return c->named_file != NULL && stat(c->named_file, &st) == 0 &&
	       !S_ISREG(st.st_mode);
}

static int
load_again(struct sk_config *to, const struct sk_config *c, struct sk_err *err)
{
	const struct sk_config_origin *o = c->origins;
	const struct sk_config_where w = { .system = o->system,
		.named = c->named_file,
		.spec = o->spec,
		.spec_dir = o->spec_dir,
		.env = environ };
	int rc = sk_config_load_from(to, &w, err);

	if (rc != 0)
		return rc;
	for (size_t i = 0; rc == 0 && i + 2 < o->set.n; i += 3)
		rc = sk_config_set(
		    to, o->set.v[i], o->set.v[i + 1], o->set.v[i + 2], err);
	if (rc != 0)
		sk_config_free(to);
	return rc;
}

/* The sections that differ, in byte order. */
static void
differences(
    const struct sk_jv *a, const struct sk_jv *b, struct sk_strv *sections)
{
	const struct sk_jv *other;

	for (size_t i = 0; i < sk_jlen(a); i++) {
		other = sk_jget(b, a->m[i].key);
		if (other == NULL || !sk_json_eq(a->m[i].v, other))
			sk_strv_add(sections, a->m[i].key);
	}
	for (size_t i = 0; i < sk_jlen(b); i++)
		if (sk_jget(a, b->m[i].key) == NULL)
			sk_strv_add(sections, b->m[i].key);
	sk_strv_sort(sections);
}

int
sk_config_reload(
    struct sk_config *c, struct sk_strv *sections, struct sk_err *err)
{
	struct sk_config new;
	char *root;
	int rc;

	if (once_only(c))
		return 0;
	rc = load_again(&new, c, err);
	if (rc != 0)
		return rc;
	differences(c->root, new.root, sections);
	/* Whoever drives a project stays in it, and in what he was told. */
	root = new.project_root;
	new.project_root = c->project_root;
	c->project_root = root;
	root = new.named_file;
	new.named_file = c->named_file;
	c->named_file = root;
	sk_config_free(c);
	*c = new;
	return 0;
}

/* ---- snapshots ---- */

int
sk_config_snapshot(const struct sk_config *c, int *fd, struct sk_err *err)
{
	char hex[SK_SHA256_LEN], value[SK_SHA256_LEN + 60];
	struct sk_buf b;
	struct sk_jw w;
	int new;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "project_root", c->project_root);
	sk_jw_kstr(&w, "named", c->named_file);
	sk_jw_kvalue(&w, "values", c->root);
	sk_jw_done(&w);
	sk_sha256(b.p, b.len, hex);
	new = sk_memfd(b.p, b.len, err);
	sk_buf_free(&b);
	if (new < 0)
		return err->exit;
	(void)snprintf(value, sizeof(value), "%s:/proc/%lld/fd/%d", hex,
	    (long long)getpid(), new);
	if (setenv(SNAPSHOT, value, 1) != 0)
		sk_oom();
	if (*fd >= 0)
		(void)close(*fd);
	*fd = new;
	return 0;
}

static int
gone(struct sk_err *err)
{
	(void)sk_fail(err, SK_USAGE, "no_snapshot",
	    "the configuration that " SNAPSHOT " names is gone");
	return sk_hint(err, "unset " SNAPSHOT);
}

/* The layer of a snapshot, below the environment's. */
static void
take(struct sk_config *c, struct sk_jv *root)
{
	struct sk_config_origin *o = c->origins;
	struct sk_layer *l = &o->layers[o->n++];
	struct sk_jv *named = sk_jget(root, "named");

	l->kind = SK_LAYER_NAMED;
	l->root = sk_jget(root, "values");
	sk_strv_add(&l->names, "the run's configuration");
	o->snapshot = true;
	free(c->project_root);
	c->project_root = sk_strdup(sk_jget_str(root, "project_root"));
	if (sk_jstr(named) != NULL)
		c->named_file = sk_strdup(sk_jstr(named));
	sk_config_merge(c, o->n - 1);
}

/*
 * 0 and *found when the layers are those of the snapshot that the environment
 * names. A --config of another file than the snapshot was made with is the
 * user's word against it.
 */
int
sk_config_from_snapshot(struct sk_config *c, const struct sk_config_where *w,
    bool *found, struct sk_err *err)
{
	const char *value = getenv(SNAPSHOT), *path, *made_with;
	char hex[SK_SHA256_LEN], *cwd;
	struct sk_err why = { 0 };
	struct sk_jv *root = NULL;
	struct sk_buf b;
	bool same = true;
	int rc = 0;

	*found = false;
	if (value == NULL || value[0] == '\0')
		return 0;
	path = strchr(value, ':');
	if (path == NULL || path - value != SK_SHA256_LEN - 1)
		return gone(err);
	sk_buf_init(&b, 0);
	if (sk_read_file(path + 1, sk_jlimits_default.bytes, &b, &why) != 0) {
		/* (A file that is there and cannot be read is not gone; one of
		 * somebody else's process is.) */
		if (strcmp(why.code, "not_found") == 0 ||
		    strcmp(why.code, "permission") == 0)
			rc = gone(err);
		else
			rc =
			    sk_fail(err, why.exit, why.code, "%s", why.message);
	}
	sk_err_clear(&why);
	if (rc == 0) {
		sk_sha256(b.p, b.len, hex);
		if (strncmp(hex, value, SK_SHA256_LEN - 1) != 0 ||
		    sk_json_parse(&c->arena, b.p, b.len, NULL, &root, NULL) !=
			0 ||
		    sk_jget_str(root, "project_root") == NULL)
			rc = gone(err);
	}
	sk_buf_free(&b);
	if (rc != 0)
		return rc;
	made_with = sk_jget_str(root, "named");
	if (w->named != NULL) {
		cwd = getcwd(NULL, 0);
		same = cwd != NULL && made_with != NULL &&
		       strcmp(sk_config_abs(c, cwd, w->named), made_with) == 0;
		free(cwd);
	}
	if (!same)
		return 0;
	*found = true;
	take(c, root);
	return 0;
}
