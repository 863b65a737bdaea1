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
	size_t weight_here; /* of the voters with any value */
	size_t count; /* voters behind the agreed value */
	bool agreed; /* a quorum stands behind it */
	const char *key; /* records: the key they are aligned by */
	const struct sk_jv *value; /* what was agreed, NULL = nothing */
	struct sk_jv *agents; /* who stands behind it, where one value won */
	const char *key_from; /* "policy", "known", "found", "assigned" */
	struct sk_jv *normalised; /* the views that were compared, or NULL */
	struct sk_jv *interval; /* measurements: [lowest, highest] */
	const struct sk_jv *condorcet; /* rankings: beats every other */
	struct sk_jv *cycle; /* rankings: beat each other in a circle */
	struct sk_jv *kemeny; /* rankings: the order that least is against */
	const struct sk_jv *tau; /* rankings: how far the voters share it */
	bool disputed; /* several values: the margin says by how much */
	size_t margin; /* weight of the first before the second */
	const struct sk_jv *medoid; /* words in dispute: the nearest to all */
	struct sk_jv *clusters; /* prose: who says much the same */
	size_t different, common; /* sets: elements, and those all have */
	struct sk_jv *numbers, *negation; /* prose: where they differ */
	size_t weight; /* of those behind the value, where votes have weights */
	struct sk_jv *elements; /* sets, records, unions: support per element */
};
/* One disagreement or one value without a quorum. */
struct sk_dis {
	const char *path;
	bool conflict; /* a quorum spoke and did not agree */
	bool text; /* prose: counts only where it is required */
	bool required; /* it stands behind the status conflict */
	bool tie; /* two values had the quorum alike */
	struct sk_jv *values; /* [{value, agents}] */
};
struct sk_vote {
	struct sk_arena *a;
	const struct sk_policy *policy;
	const struct sk_voter *voters;
	size_t n_voters;
	size_t quorum; /* in weights */
	size_t *weights; /* by voter; NULL = 1 each */
	struct sk_jv **names; /* by voter: its name, once */
	struct sk_buf path; /* the path under vote */
	size_t weight_here; /* of those who have a value there */
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

/* object.c */
struct sk_jv *
sk_vote_object(struct sk_vote *vt, const struct sk_vv *vals, size_t n);

/* align.c */
struct sk_jv *sk_vote_set(struct sk_vote *vt, struct sk_vv *vals, size_t n);
struct sk_jv *sk_vote_records(struct sk_vote *vt, struct sk_vv *vals, size_t n);
/* findings.c */
struct sk_jv *sk_vote_union(struct sk_vote *vt, struct sk_vv *vals, size_t n);

/* verdict_json.c: an agent's family; base may be what is returned. */
const char *sk_family_of(const struct sk_jv *families, const char *agent,
    const char *model, char base[SK_IDENT_LEN]);

/* text.c */
/* Numbers and negation apart: two texts may share all words but these. */
void sk_text_check(
    struct sk_vote *vt, struct sk_res *r, const struct sk_vv *vals, size_t n);
/* Index of the medoid of n texts: the real answer nearest to the others. ids
 * may be NULL, else it gets a number for each: of one number are those that a
 * chain of texts that are half alike joins. */
size_t sk_text_medoid(const struct sk_vv *vals, size_t n, size_t *ids);
/* The same of n short words by edits, each with a weight; n when one of them is
 * too long for that. */
size_t
sk_word_medoid(const struct sk_vv *vals, const size_t *weights, size_t n);

/* vote.c: votes are counted by weight, agents by number. */
size_t sk_weight_of(const struct sk_vote *vt, size_t voter);
/* Of the different voters in vals, which are in voter order or of one value. */
size_t sk_weight(const struct sk_vote *vt, const struct sk_vv *vals, size_t n);

/* rank.c */
struct sk_jv *sk_vote_ranking(struct sk_vote *vt, struct sk_vv *vals, size_t n);

/* measure.c */
struct sk_jv *sk_vote_measure(struct sk_vote *vt, struct sk_vv *vals, size_t n);

/* norm.c */
#define SK_VIEW_NFC 1u
#define SK_VIEW_CASE 2u
#define SK_VIEW_SPACE 4u
#define SK_VIEW_PUNCT 8u
#define SK_VIEW_DIGITS 16u
#define SK_VIEW_WORDS 32u
void sk_norm_text(struct sk_buf *b, const char *s, size_t n, unsigned views);
struct sk_tolerance {
	bool on;
	int64_t rel; /* parts of 10^9 */
	__int128 abs; /* times 10^9 */
};
bool sk_tolerance_parse(const char *s, struct sk_tolerance *t);
__int128
sk_tolerance_at(const struct sk_tolerance *t, __int128 lo, __int128 hi);
bool sk_unit_ok(const char *s);
bool sk_measure(const struct sk_jv *v, const char *unit, __int128 *out);

/* policy_rules.c: what a policy says of one path. */
bool sk_views_parse(const char *s, unsigned *out);
unsigned sk_policy_views(const struct sk_policy *p, const char *path);
struct sk_jv *sk_policy_view_words(
    const struct sk_policy *p, const char *path, struct sk_arena *a);
/* The word that stands for s at path; NULL = itself. */
const char *sk_policy_alias(
    const struct sk_policy *p, const char *path, const char *s, size_t n);
bool sk_policy_tolerance(
    const struct sk_policy *p, const char *path, struct sk_tolerance *t);
const char *sk_policy_unit(const struct sk_policy *p, const char *path);

#endif
