/* SPDX-License-Identifier: MIT */
/* Is a specification's evidence what was published? Of several databases on
 * one tree each judges what is its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/bundle.h"
#include "pipeline/keep.h"

struct finding {
	struct sk_strv path, what;
	bool damaged, added;
	int64_t others; /* files of other databases */
};

static void
found(struct finding *f, const char *path, const char *what)
{
	sk_strv_add(&f->path, path);
	sk_strv_add(&f->what, what);
	f->added = f->added || strcmp(what, "added") == 0;
	f->damaged = f->damaged || strcmp(what, "edited") == 0 ||
	             strcmp(what, "deleted") == 0;
}

/* Does another database say that this is its document? */
static bool
is_theirs(const struct sk_manifest *m, const char *path, const char *sha)
{
	const char *name = sk_claim_document(path);

	for (size_t i = 0; i < m->n; i++)
		if (!sk_claim_mine(m, &m->v[i]) &&
		    strcmp(m->v[i].path, name) == 0 &&
		    strcmp(m->v[i].hash, sha) == 0)
			return true;
	return false;
}

/* What the database says of the documents beside the specification. */
static int
check_documents(struct sk_auto *a, const struct sk_manifest *m,
    struct finding *f, struct sk_err *err)
{
	char sha[SK_SHA256_LEN];
	struct sk_manifest docs;
	struct sk_buf b;
	int rc = sk_evidence_documents(a, &docs, err);

	for (size_t i = 0; rc == 0 && i < docs.n; i++) {
		const struct sk_claim *c = &docs.v[i];
		struct sk_err ignored = { 0 };

		sk_buf_init(&b, SK_BUNDLE_FILE_MAX + 1);
		if (sk_read_file(c->path, SK_BUNDLE_FILE_MAX, &b, &ignored) !=
		    0) {
			found(f, c->path, "deleted");
		} else {
			sk_sha256(b.p, b.len, sha);
			if (strcmp(sha, c->hash) != 0)
				found(f, c->path,
				    is_theirs(m, c->path, sha) ? "replaced"
							       : "edited");
		}
		sk_err_clear(&ignored);
		sk_buf_free(&b);
	}
	sk_manifest_free(&docs);
	return rc;
}

/* One line of our part: "" when the file is as it says. */
static const char *
look(struct sk_auto *a, const struct sk_manifest *m, const struct sk_claim *c,
    const struct sk_strv *removed)
{
	char sha[SK_SHA256_LEN];

	sk_evidence_hash(a, c->path, sha);
	if (sk_claim_given_up(m, c, removed))
		return sha[0] != '\0' ? "replaced" : "removed";
	return sha[0] == '\0'                          ? "deleted"
	       : strcmp(sha, c->hash) != 0 || !c->live ? "edited"
	                                               : "";
}

static int
check_files(struct sk_auto *a, const struct sk_manifest *m, struct finding *f,
    struct sk_err *err)
{
	/* Who has nothing here has nothing to go by but the whole of it. */
	bool all = m->noted[0][0] == '\0';
	struct sk_strv paths = { 0 }, removed = { 0 };
	const char *what;
	char sha[SK_SHA256_LEN];
	int rc;

	sk_manifest_hash(m, sha);
	if (!all && strcmp(sha, m->noted[0]) != 0 &&
	    (sha[0] == '\0' || strcmp(sha, m->noted[1]) != 0)) {
		char *name = sk_asprintf("%s.sha256", a->spec.id);

		found(f, name, m->there ? "edited" : "deleted");
		free(name);
	}
	rc = sk_evidence_list(a, &paths, err);
	sk_evidence_removed(a, &removed);
	for (size_t i = 0; i < m->n; i++) {
		const struct sk_claim *c = &m->v[i];

		if (all ? !c->live : !sk_claim_mine(m, c)) {
			f->others += c->live && !all;
		} else if (strchr(c->path, '/') != NULL) {
			what = look(a, m, c, &removed);
			if (what[0] != '\0')
				found(f, c->path, what);
		}
	}
	for (size_t i = 0; i < paths.n; i++)
		if (sk_manifest_live(m, paths.v[i]) == NULL &&
		    (all || sk_manifest_own(m, paths.v[i]) == NULL))
			found(f, paths.v[i], "added");
	sk_strv_free(&paths);
	sk_strv_free(&removed);
	return rc;
}

static void
print_json(const struct sk_auto *a, const struct finding *f, bool any,
    const char *result)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.evidence/1");
	sk_jw_kstr(&w, "action", "verify");
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_kbool(&w, "manifest", any);
	sk_jw_kstr(&w, "result", result);
	sk_jw_kint(&w, "others", f->others);
	sk_jw_karr(&w, "findings");
	for (size_t i = 0; i < f->path.n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "path", f->path.v[i]);
		sk_jw_kstr(&w, "what", f->what.v[i]);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static void
print_text(const struct sk_auto *a, const struct finding *f, bool alone,
    const char *result)
{
	static const char *const words[][2] = { { "added", "files were added" },
		{ "unsealed", "there is no manifest yet" } };

	for (size_t i = 0; i < f->path.n; i++) {
		sk_outf("%-8s ", f->what.v[i]);
		sk_out_visible(f->path.v[i]);
		sk_out_str("\n");
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strcmp(words[i][0], result) == 0)
			result = words[i][1];
	sk_outf("%s: %s", a->spec.id, result);
	if (f->others > 0)
		sk_outf("; %lld file%s of another database not judged",
		    (long long)f->others, f->others == 1 ? "" : "s");
	if (alone)
		sk_outf(" by the manifest, of which this database knows "
			"nothing");
	sk_outf("\n");
}

int
sk_evidence_verify(struct sk_auto *a, struct sk_err *err)
{
	struct finding f = { .damaged = false };
	struct sk_manifest m;
	const char *result;
	int rc;

	rc = sk_manifest_read(a, &m, err);
	if (rc == 0)
		rc = check_files(a, &m, &f, err);
	if (rc == 0)
		rc = check_documents(a, &m, &f, err);
	if (rc == 0) {
		result = f.damaged ? "altered"
		         : f.added ? "added"
		         : m.there ? "sound"
		                   : "unsealed";
		if (a->json)
			print_json(a, &f, m.there, result);
		else
			print_text(
			    a, &f, m.there && m.noted[0][0] == '\0', result);
		rc = f.damaged             ? SK_DAMAGED
		     : f.added || !m.there ? SK_DEGRADED
		                           : 0;
	}
	sk_manifest_free(&m);
	sk_strv_free(&f.path);
	sk_strv_free(&f.what);
	return rc;
}
