/* SPDX-License-Identifier: MIT */
/* The manifest of a specification's evidence, as sha256sum -c takes it. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/bundle.h"
#include "pipeline/keep.h"

char *
sk_evidence_base(const struct sk_auto *a)
{
	const char *root;
	char *below = sk_bundle_below(a, "evidence", "", &root), *full;
	size_t n = strlen(below);

	while (n > 1 && below[n - 1] == '/')
		below[--n] = '\0';
	full = strcmp(root, "/") == 0 ? sk_strdup(below)
	                              : sk_path_join(root, below);
	free(below);
	return full;
}

static void
list_in(const struct sk_auto *a, const char *base, const char *rel,
    const char *prefix, struct sk_strv *paths)
{
	char *dir = sk_path_join(base, rel), *path;
	struct sk_strv names = { 0 };

	(void)a;
	sk_below_list(dir, &names);
	for (size_t i = 0; i < names.n; i++) {
		if (!sk_has_prefix(names.v[i], prefix))
			continue;
		path = sk_path_join(rel, names.v[i]);
		sk_strv_add(paths, path);
		free(path);
	}
	sk_strv_free(&names);
	free(dir);
}

void
sk_evidence_list(const struct sk_auto *a, struct sk_strv *paths)
{
	char *base = sk_evidence_base(a), *s;

	s = sk_asprintf("consensus/%s", a->spec.id);
	list_in(a, base, s, "", paths);
	free(s);
	s = sk_asprintf("commands/%s", a->spec.id);
	list_in(a, base, s, "", paths);
	free(s);
	s = sk_asprintf("logs/%s", a->spec.id);
	list_in(a, base, s, "", paths);
	free(s);
	s = sk_asprintf("%s_", a->spec.id);
	list_in(a, base, "costs", s, paths);
	list_in(a, base, "archives", s, paths);
	free(s);
	sk_strv_sort(paths);
	free(base);
}

void
sk_evidence_hash(
    const struct sk_auto *a, const char *path, char sha256[SK_SHA256_LEN])
{
	const char *root;
	char *below = sk_bundle_below(a, "evidence", path, &root);
	struct sk_err ignored = { 0 };
	struct sk_buf b;
	bool there = false;

	sha256[0] = '\0';
	sk_buf_init(&b, SK_BUNDLE_FILE_MAX + 1);
	if (sk_below_read(root, below, &b, &there, &ignored) == 0 && there)
		sk_sha256(b.p, b.len, sha256);
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	free(below);
}

static char *
manifest_name(const struct sk_auto *a)
{
	return sk_asprintf("%s.sha256", a->spec.id);
}

/* "HASH  PATH" */
int
sk_manifest_read(const struct sk_auto *a, struct sk_manifest *m,
    char sha256[SK_SHA256_LEN], struct sk_err *err)
{
	char *name = manifest_name(a), *below, *copy, *line, *next;
	const char *root;
	bool there = false;
	struct sk_buf b;
	int rc;

	memset(m, 0, sizeof(*m));
	sha256[0] = '\0';
	below = sk_bundle_below(a, "evidence", name, &root);
	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	rc = sk_below_read(root, below, &b, &there, err);
	if (rc == 0 && there)
		sk_sha256(b.p, b.len, sha256);
	copy = sk_strndup(b.p, b.len);
	for (line = copy; rc == 0 && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		if (strlen(line) < 67 || strncmp(line + 64, "  ", 2) != 0)
			continue;
		line[64] = '\0';
		sk_strv_add(&m->hashes, line);
		sk_strv_add(&m->paths, line + 66);
	}
	free(copy);
	sk_buf_free(&b);
	free(below);
	free(name);
	return rc;
}

void
sk_manifest_free(struct sk_manifest *m)
{
	sk_strv_free(&m->paths);
	sk_strv_free(&m->hashes);
}

/* What it is to be is in the database first: of a kill in between, verify
 * knows the hash before it as well. */
int
sk_manifest_write(
    struct sk_auto *a, const struct sk_manifest *m, struct sk_err *err)
{
	char last[2][SK_SHA256_LEN], sha[SK_SHA256_LEN];
	char *name = manifest_name(a), *below, *slash;
	const char *root;
	struct sk_buf b;
	struct sk_dir d;
	int rc = 0;

	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	for (size_t i = 0; i < m->paths.n; i++)
		sk_buf_printf(&b, "%s  %s\n", m->hashes.v[i], m->paths.v[i]);
	sk_sha256(b.p, b.len, sha);
	if (a->db != NULL)
		rc = sk_manifest_last(
		    a->db, a->spec.id, a->conf->project_root, last, err);
	if (rc == 0 && a->db != NULL && strcmp(last[0], sha) != 0)
		rc = sk_manifest_note(
		    a->db, a->spec.id, a->conf->project_root, sha, err);
	below = sk_bundle_below(a, "evidence", name, &root);
	slash = strrchr(below, '/');
	*slash = '\0';
	if (rc == 0)
		rc = sk_dir_open(&d, root, below, true, err);
	if (rc == 0) {
		rc = sk_dir_write(&d, name, b.p, b.len, SK_DOC_FILE, err);
		sk_dir_close(&d);
	}
	sk_buf_free(&b);
	free(below);
	free(name);
	return rc;
}

static const char *
hash_in(const struct sk_manifest *m, const char *path)
{
	for (size_t i = 0; i < m->paths.n; i++)
		if (strcmp(m->paths.v[i], path) == 0)
			return m->hashes.v[i];
	return NULL;
}

int
sk_evidence_seal(struct sk_auto *a, const struct sk_strv *mine, bool accept,
    struct sk_err *err)
{
	struct sk_manifest old, now = { 0 };
	struct sk_strv paths = { 0 };
	char sha[SK_SHA256_LEN];
	int rc;

	rc = sk_manifest_read(a, &old, sha, err);
	sk_evidence_list(a, &paths);
	/* What is gone stays in it, so that it is missed. */
	for (size_t i = 0; rc == 0 && !accept && i < old.paths.n; i++)
		if (!sk_strv_has(&paths, old.paths.v[i]))
			sk_strv_add(&paths, old.paths.v[i]);
	sk_strv_sort(&paths);
	for (size_t i = 0; rc == 0 && i < paths.n; i++) {
		const char *was = hash_in(&old, paths.v[i]);

		if (was == NULL || accept ||
		    (mine != NULL && sk_strv_has(mine, paths.v[i]))) {
			sk_evidence_hash(a, paths.v[i], sha);
			was = sha;
		}
		if (was[0] == '\0')
			continue;
		sk_strv_add(&now.paths, paths.v[i]);
		sk_strv_add(&now.hashes, was);
	}
	if (rc == 0 && now.paths.n > 0)
		rc = sk_manifest_write(a, &now, err);
	sk_manifest_free(&old);
	sk_manifest_free(&now);
	sk_strv_free(&paths);
	return rc;
}
