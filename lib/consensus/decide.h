/* SPDX-License-Identifier: MIT */
/* What deciding, evidence and showing share. */
#ifndef SK_CONSENSUS_DECIDE_H
#define SK_CONSENSUS_DECIDE_H

#include "consensus/consensus.h"

/* The evidence directory of a specification; fd -1 = it is not open. */
struct sk_place {
	struct sk_dir dir;
	bool swept;
	bool look; /* make no directory */
};
int sk_place_open(struct sk_place *at, const struct sk_decide_opts *o,
    const char *spec, struct sk_err *err);
void sk_place_close(struct sk_place *at);
/* The one writer among programs that ask; sweeps orphans the first time. */
void sk_place_lock(struct sk_place *at);
/* SK_DAMAGED "older_database": evidence here is ahead of the database. */
int sk_place_check(const struct sk_place *at, struct sk_db *db,
    const struct sk_group *g, struct sk_err *err);
/* One JSON file of the directory, never through a link. */
int
sk_place_read(const struct sk_place *at, const char *name, struct sk_arena *a,
    struct sk_buf *raw, struct sk_jv **out, struct sk_err *err);

/* Files that were published for a decision; paths are absolute. */
struct sk_evidence {
	char *synthesis; /* NULL = none */
	char *telemetry;
	struct sk_strv agents;
};
int sk_evidence_publish(struct sk_place *at, struct sk_db *db,
    const struct sk_decide_opts *o, const struct sk_decision *d, int64_t epoch,
    const struct sk_stored *stored, size_t n, struct sk_evidence *ev,
    struct sk_err *err);
/* Of the stored answers those that a verdict was made from, its arbiter's
 * included; out has room for n. */
size_t sk_answers_used(const struct sk_jv *verdict,
    const struct sk_stored *stored, size_t n, struct sk_stored *out);
/* The stamp in the names of a decision's files: the first of these that no
 * other decision has. */
#define SK_EVIDENCE_STAMPS 3
#define SK_EVIDENCE_STAMP 64
void sk_evidence_stamp(
    const struct sk_decision *d, int i, char stamp[SK_EVIDENCE_STAMP]);
/* Where the synthesis of a decision is; malloc'd, NULL = nowhere here. */
char *sk_evidence_find(const struct sk_place *at, const struct sk_decision *d);
void sk_evidence_free(struct sk_evidence *ev);

/* What is known of a decision beside its row. */
struct sk_more {
	bool replayed;
	int64_t duplicates, divergents; /* of the round, so far */
	const struct sk_evidence *evidence;
	const struct sk_jv *answers; /* to stand in the file; NULL = not */
	bool last; /* say where the synthesis is, at the top */
	const char *synthesis_path;
};
/* The part of an agent's file name that names it. */
const char *sk_agent_file(const char *agent);
enum sk_face {
	SK_FACE_LINE, /* what the filter, show and pending print */
	SK_FACE_FILE /* the synthesis: only what a replay writes again */
};
/* One sk.verdict/1 line; more NULL = nothing more is known. */
int sk_decision_write(struct sk_buf *out, const struct sk_decision *d,
    enum sk_face face, const struct sk_more *more, struct sk_err *err);

#ifdef SK_FAULTS
/* hurt.c: may change the case and its inputs, on purpose. */
int sk_hurt_verdict(struct sk_case *c, struct sk_input *in, struct sk_arena *a,
    struct sk_err *err);
#endif

#endif
