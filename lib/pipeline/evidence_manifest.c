/* SPDX-License-Identifier: MIT */
/*
 * The manifest of a specification's evidence, as sha256sum -c takes it.
 *
 * Several databases may be used on one tree. Each has a part of the manifest,
 * remembers the hash of that part, and changes no word of another's: a line of
 * a file that it wrote over, or put away, only gets a "# " before it. So each
 * can prove its own part. The part of the first one has no title.
 */
#include <stdio.h>
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

static int
list_in(const char *base, const char *rel, const char *prefix,
    struct sk_strv *paths, struct sk_err *err)
{
	char *dir = sk_path_join(base, rel), *path;
	struct sk_strv names = { 0 };
	int rc = sk_below_list(dir, &names, err);

	for (size_t i = 0; i < names.n; i++) {
		if (!sk_has_prefix(names.v[i], prefix))
			continue;
		path = sk_path_join(rel, names.v[i]);
		sk_strv_add(paths, path);
		free(path);
	}
	sk_strv_free(&names);
	free(dir);
	return rc;
}

int
sk_evidence_list(
    const struct sk_auto *a, struct sk_strv *paths, struct sk_err *err)
{
	static const char *const own[] = { "consensus", "commands", "logs" };
	static const char *const shared[] = { "costs", "archives" };
	char *base = sk_evidence_base(a), *s;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(own); i++) {
		s = sk_path_join(own[i], a->spec.id);
		rc = list_in(base, s, "", paths, err);
		free(s);
	}
	s = sk_asprintf("%s_", a->spec.id);
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(shared); i++)
		rc = list_in(base, shared[i], s, paths, err);
	free(s);
	sk_strv_sort(paths);
	free(base);
	return rc;
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

/* ---- lines ---- */

static const char title[] = "# database ";

void
sk_manifest_add(struct sk_manifest *m, const char *owner, const char *path,
    const char *hash, bool live)
{
	struct sk_claim *c;

	m->v = sk_reallocarray(m->v, m->n + 1, sizeof(*m->v));
	c = &m->v[m->n++];
	c->path = sk_strdup(path);
	(void)snprintf(c->hash, sizeof(c->hash), "%s", hash);
	(void)snprintf(c->owner, sizeof(c->owner), "%s", owner);
	c->live = live;
}

void
sk_manifest_free(struct sk_manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		free(m->v[i].path);
	free(m->v);
	memset(m, 0, sizeof(*m));
}

struct sk_claim *
sk_manifest_live(const struct sk_manifest *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->v[i].live && strcmp(m->v[i].path, path) == 0)
			return &m->v[i];
	return NULL;
}

bool
sk_claim_mine(const struct sk_manifest *m, const struct sk_claim *c)
{
	return strcmp(c->owner, m->me) == 0;
}

struct sk_claim *
sk_manifest_own(const struct sk_manifest *m, const char *path)
{
	for (size_t i = 0; i < m->n; i++)
		if (sk_claim_mine(m, &m->v[i]) &&
		    strcmp(m->v[i].path, path) == 0)
			return &m->v[i];
	return NULL;
}

/* "HASH  PATH", "# HASH  PATH", or the title of a part. */
static void
take_line(struct sk_manifest *m, char *line, char owner[SK_HEX32_LEN])
{
	const char *of = line + sizeof(title) - 1;
	bool live = line[0] != '#';

	if (sk_has_prefix(line, title) && strlen(of) == SK_HEX32_LEN - 1 &&
	    strspn(of, "0123456789abcdef") == SK_HEX32_LEN - 1) {
		memcpy(owner, of, SK_HEX32_LEN);
		return;
	}
	line += live || line[1] == '\0' ? 0 : 2;
	if (strlen(line) < 67 || strncmp(line + 64, "  ", 2) != 0)
		return;
	line[64] = '\0';
	sk_manifest_add(m, owner, line + 66, line, live);
}

/* Which part is ours: with our title, else, where we wrote before or nobody
 * did, the one without. */
static int
find_me(struct sk_auto *a, struct sk_manifest *m, struct sk_err *err)
{
	char id[SK_HEX32_LEN];
	int rc;

	if (a->db == NULL)
		return 0;
	rc = sk_manifest_last(
	    a->db, a->spec.id, a->conf->project_root, m->noted, err);
	if (rc == 0)
		rc = sk_db_incarnation(a->db, id, err);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		if (strcmp(m->v[i].owner, id) == 0)
			memcpy(m->me, id, sizeof(m->me));
	if (rc == 0 && m->noted[0][0] == '\0' && m->n > 0)
		memcpy(m->me, id, sizeof(m->me));
	return rc;
}

int
sk_manifest_read(struct sk_auto *a, struct sk_manifest *m, struct sk_err *err)
{
	char *name = manifest_name(a), *below, *copy, *line, *next;
	char owner[SK_HEX32_LEN] = "";
	const char *root;
	struct sk_buf b;
	int rc;

	memset(m, 0, sizeof(*m));
	below = sk_bundle_below(a, "evidence", name, &root);
	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	rc = sk_below_read(root, below, &b, &m->there, err);
	copy = sk_strndup(b.p, b.len);
	for (line = copy; rc == 0 && *line != '\0'; line = next) {
		next = line + strcspn(line, "\n");
		if (*next == '\n')
			*next++ = '\0';
		take_line(m, line, owner);
	}
	if (rc == 0)
		rc = find_me(a, m, err);
	free(copy);
	sk_buf_free(&b);
	free(below);
	free(name);
	return rc;
}

/* The lines of a part; plain: without what marks them. */
static void
put_part(const struct sk_manifest *m, const char *owner, bool plain,
    struct sk_buf *b)
{
	for (size_t i = 0; i < m->n; i++)
		if (strcmp(m->v[i].owner, owner) == 0)
			sk_buf_printf(b, "%s%s  %s\n",
			    plain || m->v[i].live ? "" : "# ", m->v[i].hash,
			    m->v[i].path);
}

void
sk_manifest_hash(const struct sk_manifest *m, char sha256[SK_SHA256_LEN])
{
	struct sk_buf b;

	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	put_part(m, m->me, true, &b);
	sha256[0] = '\0';
	if (b.len > 0)
		sk_sha256(b.p, b.len, sha256);
	sk_buf_free(&b);
}

/* What it is to be is in the database first: of a kill in between, verify
 * knows the hash before it as well. */
int
sk_manifest_write(
    struct sk_auto *a, const struct sk_manifest *m, struct sk_err *err)
{
	char *name = manifest_name(a), *below, *slash;
	struct sk_strv done = { 0 };
	char sha[SK_SHA256_LEN];
	const char *root;
	struct sk_buf b;
	struct sk_dir d;
	int rc = 0;

	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	put_part(m, "", false, &b);
	sk_strv_add(&done, "");
	for (size_t i = 0; i < m->n; i++) {
		if (sk_strv_has(&done, m->v[i].owner))
			continue;
		sk_strv_add(&done, m->v[i].owner);
		sk_buf_printf(&b, "%s%s\n", title, m->v[i].owner);
		put_part(m, m->v[i].owner, false, &b);
	}
	sk_manifest_hash(m, sha);
	if (a->db != NULL && strcmp(m->noted[0], sha) != 0)
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
	sk_strv_free(&done);
	sk_buf_free(&b);
	free(below);
	free(name);
	return rc;
}

/* ---- sealing ---- */

int
sk_evidence_documents(
    struct sk_auto *a, struct sk_manifest *docs, struct sk_err *err)
{
	struct sk_decision *v;
	size_t n = 0;
	int rc;

	memset(docs, 0, sizeof(*docs));
	if (a->db == NULL || a->run[0] == '\0')
		return 0;
	rc = sk_decision_list(a->db, a->run, a->branch, a->spec.id, NULL, 0, &v,
	    &n, &a->arena, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (v[i].artefact != NULL && v[i].acked &&
		    sk_manifest_live(docs, v[i].artefact) == NULL)
			sk_manifest_add(docs, "", v[i].artefact,
			    v[i].artefact_sha256, true);
	return rc;
}

const char *
sk_claim_document(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static bool
is_document(const struct sk_claim *c)
{
	return strchr(c->path, '/') == NULL;
}

static bool
shared(const struct sk_manifest *m)
{
	for (size_t i = 0; i < m->n; i++)
		if (!sk_claim_mine(m, &m->v[i]))
			return true;
	return false;
}

/* Another database must be able to tell our documents from edited ones of its
 * own. */
static int
seal_documents(struct sk_auto *a, const struct sk_manifest *old,
    struct sk_manifest *now, struct sk_err *err)
{
	struct sk_strv have = { 0 };
	struct sk_manifest docs;
	int rc;

	if (!shared(now))
		return 0;
	rc = sk_evidence_documents(a, &docs, err);
	for (size_t i = 0; rc == 0 && i < docs.n; i++) {
		const char *name = sk_claim_document(docs.v[i].path);

		sk_strv_add(&have, name);
		sk_manifest_add(now, now->me, name, docs.v[i].hash, false);
	}
	for (size_t i = 0; rc == 0 && i < old->n; i++)
		if (sk_claim_mine(old, &old->v[i]) && is_document(&old->v[i]) &&
		    !sk_strv_has(&have, old->v[i].path))
			sk_manifest_add(now, now->me, old->v[i].path,
			    old->v[i].hash, false);
	sk_manifest_free(&docs);
	sk_strv_free(&have);
	return rc;
}

/* Is it gone, or another's, and rightly so? */
bool
sk_claim_given_up(const struct sk_manifest *m, const struct sk_claim *c,
    const struct sk_strv *removed)
{
	char *line;
	bool gone;

	if (c->live)
		return false;
	if (sk_manifest_live(m, c->path) != NULL)
		return true;
	line = sk_asprintf("%s  %s", c->hash, c->path);
	gone = sk_strv_has(removed, line);
	free(line);
	return gone;
}

/* The parts of others; what we wrote over is theirs no more. */
static void
keep_others(const struct sk_manifest *old, const struct sk_strv *mine,
    const struct sk_strv *paths, struct sk_manifest *now)
{
	for (size_t i = 0; i < old->n; i++) {
		const struct sk_claim *c = &old->v[i];
		bool ours = mine != NULL && sk_strv_has(mine, c->path) &&
		            sk_strv_has(paths, c->path);

		if (!sk_claim_mine(old, c))
			sk_manifest_add(
			    now, c->owner, c->path, c->hash, c->live && !ours);
	}
}

int
sk_evidence_seal(struct sk_auto *a, const struct sk_strv *mine, bool accept,
    struct sk_err *err)
{
	struct sk_strv paths = { 0 }, removed = { 0 };
	struct sk_manifest old, now = { 0 };
	char sha[SK_SHA256_LEN];
	int rc;

	rc = sk_manifest_read(a, &old, err);
	memcpy(now.me, old.me, sizeof(now.me));
	memcpy(now.noted, old.noted, sizeof(now.noted));
	if (rc == 0)
		rc = sk_evidence_list(a, &paths, err);
	keep_others(&old, mine, &paths, &now);
	/* What is gone stays in it, so that it is missed. */
	sk_evidence_removed(a, &removed);
	for (size_t i = 0; rc == 0 && !accept && i < old.n; i++)
		if (sk_claim_mine(&old, &old.v[i]) && !is_document(&old.v[i]) &&
		    !sk_claim_given_up(&old, &old.v[i], &removed) &&
		    !sk_strv_has(&paths, old.v[i].path))
			sk_strv_add(&paths, old.v[i].path);
	sk_strv_sort(&paths);
	for (size_t i = 0; rc == 0 && i < paths.n; i++) {
		const struct sk_claim *was = sk_manifest_own(&old, paths.v[i]);

		if (sk_manifest_live(&now, paths.v[i]) != NULL)
			continue;
		if (was == NULL || accept ||
		    (mine != NULL && sk_strv_has(mine, paths.v[i])))
			sk_evidence_hash(a, paths.v[i], sha);
		else
			memcpy(sha, was->hash, sizeof(sha));
		if (sha[0] != '\0')
			sk_manifest_add(&now, now.me, paths.v[i], sha, true);
	}
	if (rc == 0)
		rc = seal_documents(a, &old, &now, err);
	if (rc == 0 && now.n > 0)
		rc = sk_manifest_write(a, &now, err);
	sk_manifest_free(&old);
	sk_manifest_free(&now);
	sk_strv_free(&paths);
	sk_strv_free(&removed);
	return rc;
}
