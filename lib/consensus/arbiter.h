/* SPDX-License-Identifier: MIT */
/*
 * The arbiter: somebody who did not vote is asked about the conflicts of a
 * verdict. It chooses among values that are there, by labels of ours; it names
 * no agent, no path and no value of its own. What it says stands beside the
 * mechanical verdict, and settles it only where the policy says so.
 */
#ifndef SK_CONSENSUS_ARBITER_H
#define SK_CONSENSUS_ARBITER_H

#include "consensus/decide.h"

/* What may be answered to a conflict. */
enum sk_choice {
	SK_CHOICE_NONE, /* not asked: its values are no values of the path */
	SK_CHOICE_ONE, /* one of the values */
	SK_CHOICE_SOME, /* of the elements of a set, those that stay */
	SK_CHOICE_CLAIM /* a conflict that an agent reports: is there one? */
};
struct sk_question {
	char id[24]; /* "c1" */
	const struct sk_jv *conflict;
	const char *path;
	enum sk_choice choice;
	/* {value, agents}, in the order of their hashes: "v1", "v2" … */
	const struct sk_jv **options;
	size_t n;
};
/* The conflicts of a verdict as questions; the same for the same verdict. */
struct sk_question *sk_arbiter_questions(
    struct sk_arena *a, const struct sk_jv *verdict, size_t *n);
/* What an answer must be like: JSON Schema. */
struct sk_jv *
sk_arbiter_schema(struct sk_arena *a, const struct sk_question *q, size_t n);
/* Its form for people and models, with the options of this verdict. */
struct sk_jv *
sk_arbiter_form(struct sk_arena *a, const struct sk_question *q, size_t n);

/* What an arbiter said of a decision. */
struct sk_opinion {
	const char *agent, *family; /* family NULL = not known */
	const char *text, *sha256; /* text NULL: there is none, see note */
	size_t text_n;
	const char *note; /* why there is no text */
	int64_t of; /* number of the decision that was judged mechanically */
};
/* The mechanical verdict and an opinion as one verdict: a pure function of
 * both. An opinion that does not fit is in it as such and changes nothing. */
int sk_arbiter_apply(const char *verdict, size_t n, const struct sk_opinion *op,
    struct sk_verdict *out, struct sk_err *err);
/* The arbiter of a verdict document, without the text; false: it has none. */
bool sk_arbiter_of(const struct sk_jv *verdict, struct sk_opinion *op);
/* The stage under which the arbiter of a stage is asked; false when the name
 * would be too long. And back; false when it is none. */
bool sk_arbiter_stage(const char *stage, char out[SK_IDENT_LEN]);
bool sk_arbiter_stage_of(const char *stage, char out[SK_IDENT_LEN]);

/* arbiter_ask.c: the text for sk-run. */
int sk_arbiter_request(struct sk_buf *out, const char *agent,
    const struct sk_decision *d, const struct sk_stored *answers, size_t n,
    struct sk_err *err);

/* arbiter_find.c */
/* The decision that an arbiter is asked about: d, or the one that d is an
 * arbiter's opinion of. SK_USAGE "no_conflict" when there is none to settle. */
int sk_arbiter_base(struct sk_db *db, const struct sk_decision *d,
    struct sk_decision *base, struct sk_arena *a, struct sk_err *err);
/* The same for an answer: SK_ORDER "superseded" when another decision on that
 * round was made meanwhile, SK_USAGE "wrong_stage". */
int sk_arbiter_about(struct sk_db *db, const char *run, const char *branch,
    const char *arbiters_stage, int64_t seq, struct sk_decision *base,
    struct sk_arena *a, struct sk_err *err);
/* The answer of the arbiter whose opinion is in a decision; *n = 0 when there
 * is none. */
int sk_arbiter_answer(struct sk_db *db, const struct sk_decision *d,
    struct sk_stored **out, size_t *n, struct sk_arena *a, struct sk_err *err);
/* The hash by which a mechanical verdict is looked up: its own, or that of the
 * round's newest decision when it is an opinion on this very verdict. So an
 * opinion holds when the same answers are judged again. */
int sk_arbiter_stands(struct sk_db *db, const struct sk_key *key,
    const struct sk_verdict *v, char standing[SK_SHA256_LEN],
    struct sk_err *err);

/* decide.c: the decision that an opinion makes of base, to its end. */
int sk_decide_arbitrated(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_decision *base,
    const struct sk_stored *arbiter, struct sk_buf *out, char status[16],
    struct sk_err *err);

#endif
