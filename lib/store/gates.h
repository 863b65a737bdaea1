/* SPDX-License-Identifier: MIT */
/* store: what a run is to achieve, and what its quality gates came to
 * (q_gate.c). */
#ifndef SK_STORE_GATES_H
#define SK_STORE_GATES_H

/* From now on; the run must exist. */
int sk_run_goal(
    struct sk_db *db, const char *run, const char *goal, struct sk_err *err);

/* What the run was told, for who goes on with it when a person has answered:
 * the newest note. NULL = none; a run that came from elsewhere has none of
 * before. */
int sk_run_note(
    struct sk_db *db, const char *run, const char *options, struct sk_err *err);
int sk_run_noted(struct sk_db *db, const char *run, char **options,
    struct sk_arena *a, struct sk_err *err);

struct sk_gate_row {
	char branch[SK_BRANCH_LEN], gate[SK_IDENT_LEN];
	char state[16]; /* writing, waiting, answered, passed, failed */
	/* Hashes of what was looked at, and of that after our edits. */
	char before[SK_SHA256_LEN], after[SK_SHA256_LEN];
	int64_t round, at_ms;
	char *issues; /* JSON */
};
int sk_gate_put(struct sk_db *db, const char *run,
    const struct sk_gate_row *row, int64_t epoch, struct sk_err *err);
/* This branch's, else the newest of the run. */
int sk_gate_get(struct sk_db *db, const char *run, const char *branch,
    const char *gate, struct sk_gate_row *out, bool *found, struct sk_arena *a,
    struct sk_err *err);

#endif
