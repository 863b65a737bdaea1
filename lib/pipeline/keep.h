/* SPDX-License-Identifier: MIT */
/*
 * pipeline/keep: the evidence of a specification as a whole, and the database
 * file: what is there, whether it is what was written, what may go.
 *
 * Promises: whatever removes says first what it would remove, and removes only
 * when it is told to; what is recorded of it is written before a file goes, so
 * that it can be repeated after a kill. Nothing of a run that is going on, and
 * nothing of a specification whose evidence is being written, is touched.
 */
#ifndef SK_PIPELINE_KEEP_H
#define SK_PIPELINE_KEEP_H

#include "pipeline/pipeline.h"

struct sk_keep_opts {
	struct sk_auto_opts common;
	int64_t older; /* ms; 0 = the default of the action */
	bool yes, accept;
};

/* ---- the manifest (evidence_manifest.c, evidence_keep.c) ---- */

/*
 * What one database says of one file. Not live: another one wrote over it or
 * put it away, or it is a document beside the specification (a name without a
 * slash), of which sha256sum is to know nothing.
 */
struct sk_claim {
	char *path, hash[SK_SHA256_LEN];
	char owner[SK_HEX32_LEN]; /* its incarnation; "" = the first one here */
	bool live;
};
struct sk_manifest {
	struct sk_claim *v;
	size_t n;
	bool there;
	char me[SK_HEX32_LEN]; /* the owner that we are */
	char noted[2][SK_SHA256_LEN]; /* of our part, in the database */
};
/* Directory of all evidence; malloc'd. */
char *sk_evidence_base(const struct sk_auto *a);
/* Files of this specification below base, sorted; the manifest aside. What
 * cannot be read whole is an error. */
int sk_evidence_list(
    const struct sk_auto *a, struct sk_strv *paths, struct sk_err *err);
int
sk_manifest_read(struct sk_auto *a, struct sk_manifest *m, struct sk_err *err);
int sk_manifest_write(
    struct sk_auto *a, const struct sk_manifest *m, struct sk_err *err);
void sk_manifest_free(struct sk_manifest *m);
void sk_manifest_add(struct sk_manifest *m, const char *owner, const char *path,
    const char *hash, bool live);
/* Who vouches for a file; NULL = nobody. */
struct sk_claim *
sk_manifest_live(const struct sk_manifest *m, const char *path);
/* What we say of it. */
struct sk_claim *sk_manifest_own(const struct sk_manifest *m, const char *path);
bool sk_claim_mine(const struct sk_manifest *m, const struct sk_claim *c);
/* Another one vouches for the file, or says in removed that it put it away. */
bool sk_claim_given_up(const struct sk_manifest *m, const struct sk_claim *c,
    const struct sk_strv *removed);
/* Of our part; "" when there is none. */
void sk_manifest_hash(const struct sk_manifest *m, char sha256[SK_SHA256_LEN]);
/* "" when it cannot be read. */
void sk_evidence_hash(
    const struct sk_auto *a, const char *path, char sha256[SK_SHA256_LEN]);
/* What a document is called in a claim. */
const char *sk_claim_document(const char *path);
/* Documents that the run in hand published, by their full paths. */
int sk_evidence_documents(
    struct sk_auto *a, struct sk_manifest *docs, struct sk_err *err);
/* "HASH  PATH" of each file that was ever put away. */
void sk_evidence_removed(const struct sk_auto *a, struct sk_strv *lines);
/* Removes those of the files that are there, with a record that says why. */
int sk_evidence_drop(struct sk_auto *a, const struct sk_strv *paths,
    const char *why, struct sk_err *err);
/* Adds what is new; what was in it keeps its hash, unless it is in mine (NULL =
 * none) or accept. What another database vouches for is left to it. */
int sk_evidence_seal(struct sk_auto *a, const struct sk_strv *mine, bool accept,
    struct sk_err *err);

/* ---- what a run leaves (evidence_run.c) ---- */

/* After a run or a stage: cost summary, execution log, manifest. Trouble with
 * them is a warning: the run is what it is. */
void sk_evidence_close(struct sk_auto *a);
/* Stages that were left out, each with a file that says why. */
void
sk_evidence_skipped(struct sk_auto *a, const struct sk_step *steps, size_t n);
/* A commit of what a stage wrote, when evidence.auto_commit says so. */
void sk_evidence_commit(struct sk_auto *a, const struct sk_step *s);

/* ---- the verbs (evidence_keep.c, evidence_verify.c, db_verbs.c) ---- */

/* SK_DAMAGED when ours was edited or deleted, SK_DEGRADED when something was
 * added or nothing is sealed; without a word. */
int sk_evidence_verify(struct sk_auto *a, struct sk_err *err);

int sk_evidence_verb(struct sk_auto *a, const char *action,
    const struct sk_keep_opts *o, struct sk_err *err);
int sk_db_verb(struct sk_auto *a, const char *action, const char *file,
    const struct sk_keep_opts *o, struct sk_err *err);

#endif
