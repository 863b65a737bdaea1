/* SPDX-License-Identifier: MIT */
/* What the files of the verdict engine share. */
#ifndef SK_CONSENSUS_INTERNAL_H
#define SK_CONSENSUS_INTERNAL_H

#include "consensus/consensus.h"

/* Deeper answers are not voted on: a verdict must stay readable under the
 * depth limit of our own reader. */
#define SK_VOTE_DEPTH 48

/* An answer that votes. */
struct sk_voter {
	const char *agent;
	const char *text; /* as it came */
	size_t text_n;
	struct sk_jv *data; /* what is voted on; NULL = prose */
	struct sk_jv *claims_a, *claims_c; /* arrays of strings, or NULL */
};
/* One value of one voter at a path. */
struct sk_vv {
	struct sk_jv *v;
	size_t voter; /* index; voters are in agent order */
	const char *canon;
	size_t canon_n;
};
/* What the vote found at a path. */
struct sk_res {
	const char *path;
	enum sk_path_kind kind;
	size_t supplied; /* voters with a value of the winning type */
	size_t count; /* voters behind the agreed value */
	bool agreed; /* a quorum stands behind it */
	const char *key; /* records: the key they are aligned by */
	const struct sk_jv *value; /* what was agreed, NULL = nothing */
	struct sk_jv *agents; /* who stands behind it, where one value won */
	struct sk_jv *elements; /* sets, records, unions: support per element */
};
/* One disagreement or one value without a quorum. */
struct sk_dis {
	const char *path;
	bool conflict; /* a quorum spoke and did not agree */
	bool text; /* prose: counts only where it is required */
	bool required; /* it stands behind the status conflict */
	struct sk_jv *values; /* [{value, agents}] */
};
struct sk_vote {
	struct sk_arena *a;
	const struct sk_policy *policy;
	const struct sk_voter *voters;
	size_t n_voters;
	size_t quorum;
	struct sk_buf path; /* the path under vote */
	struct sk_buf scratch;
	struct sk_res *res;
	size_t n_res, cap_res;
	struct sk_dis *dis;
	size_t n_dis, cap_dis;
};

/* answer.c */
/* Finds the JSON of an answer, drops our own keys, takes the claims apart. */
void sk_voter_read(struct sk_arena *a, struct sk_voter *v);
bool sk_has_space(const char *s, size_t n); /* inside, after trimming */
void sk_trim(const char **s, size_t *n);

/* vote.c */
/* The agreed value at the current path, or NULL. vals are not null. */
struct sk_jv *sk_vote_at(struct sk_vote *vt, struct sk_vv *vals, size_t n);
/* The whole: fills res and dis, returns the merged value or NULL. */
struct sk_jv *sk_vote_all(struct sk_vote *vt);
void sk_vote_free(struct sk_vote *vt);
void sk_vv_canon(struct sk_vote *vt, struct sk_vv *v);
/* An index into vt->res, which may move when more is added. */
size_t sk_res_add(struct sk_vote *vt, enum sk_path_kind kind, size_t supplied);
/* [{value, agents}] of vals grouped by canonical form, most first. */
struct sk_jv *sk_vote_values(struct sk_vote *vt, struct sk_vv *vals, size_t n);
struct sk_dis *
sk_dis_add(struct sk_vote *vt, bool conflict, struct sk_jv *values);
struct sk_jv *
sk_agents_of(struct sk_vote *vt, const struct sk_vv *vals, size_t n);
/* By canonical bytes, then voter. */
int sk_vv_cmp(const void *x, const void *y);
/* {value, agents} for one value. */
struct sk_jv *sk_value_agents(struct sk_vote *vt, struct sk_jv *value,
    const struct sk_vv *vals, size_t n);

/* align.c */
struct sk_jv *sk_vote_set(struct sk_vote *vt, struct sk_vv *vals, size_t n);
struct sk_jv *sk_vote_records(struct sk_vote *vt, struct sk_vv *vals, size_t n);
struct sk_jv *sk_vote_union(struct sk_vote *vt, struct sk_vv *vals, size_t n);

/* text.c */
/* Index of the medoid of n texts: the real answer nearest to the others. */
size_t sk_text_medoid(const struct sk_vv *vals, size_t n);

#endif
