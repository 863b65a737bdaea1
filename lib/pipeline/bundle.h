/* SPDX-License-Identifier: MIT */
/*
 * pipeline/bundle: a run as one file, between machines and jobs.
 *
 * Promises: a bundle is JSON Lines of plain ASCII: a header (sk.bundle/1), rows
 * of the database, files, and a last line with the hash of all before it. A
 * bundle that was cut, altered or made up is refused before anything is
 * written; what is taken in is one transaction, and doing it again changes
 * nothing. A redacted bundle has hashes in the place of texts, which can be
 * checked and not taken in.
 */
#ifndef SK_PIPELINE_BUNDLE_H
#define SK_PIPELINE_BUNDLE_H

#include "pipeline/pipeline.h"

struct sk_bundle_opts {
	const char *output; /* NULL: standard output */
	bool redact;
	bool check; /* look at it only */
	bool no_files; /* rows alone */
};
/* run: an id, or a specification, whose newest run is meant. Of a, only the
 * configuration and the database are used. */
int sk_bundle_export(struct sk_auto *a, const char *run,
    const struct sk_bundle_opts *o, struct sk_err *err);
/* file: a path, or "-". */
int sk_bundle_import(struct sk_auto *a, const char *file,
    const struct sk_bundle_opts *o, struct sk_err *err);

/* ---- between the files of this part ---- */

#define SK_BUNDLE_MAX ((size_t)1 << 30)
#define SK_BUNDLE_FILE_MAX ((size_t)64 << 20)
#define SK_BUNDLE_FILES 10000

extern const struct sk_jlimits sk_bundle_limits;

/* What a bundle says of itself, and what was found in it. */
struct sk_bundle {
	struct sk_buf text;
	char run[SK_RUN_LEN], spec[SK_IDENT_LEN];
	bool redacted;
	int64_t rows, files, answers, decisions;
	char sha256[SK_SHA256_LEN]; /* of all but the last line */
};
/* Reads and checks all of it, writes nothing. */
int sk_bundle_read(struct sk_bundle *b, const char *file, struct sk_err *err);
void sk_bundle_free(struct sk_bundle *b);
/* One line after another: 0 at the end, 1, or -(exit class). */
int sk_bundle_line(const struct sk_bundle *b, size_t *at, struct sk_arena *a,
    struct sk_jv **out, struct sk_err *err);

/* Where a file of a bundle belongs. */
bool sk_bundle_path_ok(const char *in, const char *path, const char *spec);
/* A path of "evidence" or "project" below the root that is walked from without
 * following links; malloc'd. */
char *sk_bundle_below(const struct sk_auto *a, const char *in, const char *path,
    const char **root);
/* Plain names in a directory, sorted; none when there is no such directory. */
int sk_below_list(const char *dir, struct sk_strv *names, struct sk_err *err);
/* A regular file below root, no link on the way; *there false when none. */
int sk_below_read(const char *root, const char *path, struct sk_buf *b,
    bool *there, struct sk_err *err);
/* Adds a line for each file of the run. */
int sk_bundle_files(struct sk_auto *a, const char *run, const char *spec,
    bool redact, struct sk_buf *out, int64_t *n, struct sk_err *err);
/* All files of the bundle: either there with these bytes, or written (make);
 * SK_NEGATIVE "file_differs" names one that is there with others. */
int sk_bundle_unpack(struct sk_auto *a, const struct sk_bundle *b, bool make,
    int64_t *written, struct sk_err *err);

#endif
