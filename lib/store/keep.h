/* SPDX-License-Identifier: MIT */
/*
 * Included by store.h: what of a run leaves the database, and what of the
 * database is kept: agents' work in the project's tree, runs on their way to
 * another machine, copies, and the removal of what is old.
 */
#ifndef SK_STORE_KEEP_H
#define SK_STORE_KEEP_H

/* ---- agents' work in the project's tree (q_landing.c) ---- */

struct sk_landing {
	int64_t id, round, decision_seq;
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	char spec[SK_IDENT_LEN], stage[SK_IDENT_LEN];
	char agent[SK_IDENT_LEN]; /* "" = none of them */
	char rule[16]; /* how it was chosen: named, agreed, medoid, none */
	/* applying, applied, undoing, undone, declined */
	char state[16];
	char patch_sha256[SK_SHA256_LEN];
	char *root, *base; /* work tree; commit the work began from */
	char *plan; /* JSON: each file before and after */
	int64_t created_ms;
};
/* A new row in l->state; fills id and created_ms. Only one landing of a tree
 * may be open: the caller holds that tree. */
int
sk_landing_begin(struct sk_db *db, struct sk_landing *l, struct sk_err *err);
/* From the state that l has to another; SK_ORDER "landing_moved" when it is no
 * longer in it. */
int sk_landing_move(
    struct sk_db *db, struct sk_landing *l, const char *to, struct sk_err *err);
struct sk_landing_filter {
	const char *run, *spec, *root, *stage; /* NULL or "" = any */
};
/* Newest first. */
int sk_landing_list(struct sk_db *db, const struct sk_landing_filter *f,
    struct sk_landing **out, size_t *n, struct sk_arena *a, struct sk_err *err);
/* The stage of this branch whose agents worked in git work trees last; "" when
 * none did. */
int sk_landing_stage(struct sk_db *db, const char *branch,
    char stage[SK_IDENT_LEN], struct sk_err *err);
/* Was it cut off between two steps? */
bool sk_landing_open(const struct sk_landing *l);

/* ---- the same question again (q_reuse.c) ---- */

struct sk_reusable {
	int64_t seq;
	char *run, *model, *session, *content, *meta_json;
	size_t content_n;
	char sha256[SK_SHA256_LEN];
};
/* The newest accepted answer of this agent whose meta says "asked": asked. */
int sk_answer_asked(struct sk_db *db, const char *agent, const char *asked,
    struct sk_reusable *out, bool *found, struct sk_arena *a,
    struct sk_err *err);

/* ---- evidence (q_keep.c) ---- */

/* Remember the hash of a specification's manifest of evidence. */
int sk_manifest_note(struct sk_db *db, const char *spec, const char *root,
    const char *sha256, struct sk_err *err);
/* The last two that were remembered, newest first; "" = none. */
int sk_manifest_last(struct sk_db *db, const char *spec, const char *root,
    char sha256[2][SK_SHA256_LEN], struct sk_err *err);

/* ---- the file itself (q_keep.c) ---- */

/* Which database it is, the same wherever the file is moved. */
int
sk_db_incarnation(struct sk_db *db, char out[SK_HEX32_LEN], struct sk_err *err);

/* A copy as of one moment, beside running writers; file must not exist. */
int sk_db_backup(struct sk_db *db, const char *file, struct sk_err *err);
struct sk_prune {
	char run[SK_RUN_LEN], spec[SK_IDENT_LEN], state[16];
	int64_t active_ms, answers, decisions, bytes;
};
/* Runs without activity since, none of them running or with a decision that
 * waits for its acknowledgement. */
int sk_prune_list(struct sk_db *db, int64_t before_ms, struct sk_prune **out,
    size_t *n, struct sk_arena *a, struct sk_err *err);
/* One run with all its rows, in one transaction; what is left says that it was
 * there. SK_ORDER "in_use" when it is no longer what the list said. */
int sk_prune_run(
    struct sk_db *db, const char *run, int64_t before_ms, struct sk_err *err);
/* Give the room back to the file system. */
int sk_db_shrink(
    struct sk_db *db, int64_t *before, int64_t *after, struct sk_err *err);

/* ---- a run on its way to another database (q_move.c, q_move_in.c) ---- */

/* One row as a JSON object; numbers of rows are this database's. */
typedef int (*sk_move_fn)(
    void *arg, const char *table, const struct sk_buf *row, struct sk_err *err);
/* All rows of a run, the history first, as of one moment. Paths below root are
 * told relative to it. redact: texts of agents and of verdicts become their
 * size and hash. */
int sk_run_export(struct sk_db *db, const char *run, const char *root,
    bool redact, sk_move_fn fn, void *arg, struct sk_err *err);

struct sk_jv;
struct sk_move;
enum sk_moved {
	SK_MOVED_NEW, /* the run was not here */
	SK_MOVED_KNOWN, /* all of it is here, perhaps more */
	SK_MOVED_ADVANCED /* the history here was the beginning of it */
};
/* sk_chain_link() from the hash of the verdict's bytes. */
void sk_chain_link_of(
    const struct sk_decision *d, const char *sha, char out[SK_SHA256_LEN]);
/* Rows as they were told, in that order, in one transaction; those that refer
 * to what is not there, or are of another history of the run, are refused:
 * SK_DAMAGED "bad_row", SK_ORDER "other_history". */
int sk_move_begin(struct sk_move **m, struct sk_db *db, const char *run,
    const char *root, struct sk_err *err);
int sk_move_row(struct sk_move *m, const char *table, const struct sk_jv *row,
    struct sk_err *err);
/* rc 0: holds the whole against the rules, and commits (or not: dry_run).
 * Anything else rolls back. Frees m. Returns rc, or its own error. */
int sk_move_end(struct sk_move *m, int rc, bool dry_run, enum sk_moved *what,
    struct sk_err *err);

#endif
