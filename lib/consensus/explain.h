/* SPDX-License-Identifier: MIT */
/* The rows of an explanation: what the table and the page have in common. */
#ifndef SK_CONSENSUS_EXPLAIN_H
#define SK_CONSENSUS_EXPLAIN_H

#include "consensus/consensus.h"

enum sk_outcome {
	SK_OUT_AGREED,
	SK_OUT_CONFLICT,
	SK_OUT_DIFFERS,
	SK_OUT_FEW,
	SK_OUT_SETTLED, /* by an arbiter */
	SK_OUT_UNITED /* findings: nobody's are voted away */
};
struct sk_row {
	const char *path;
	size_t path_n;
	const char *kind;
	enum sk_outcome is;
	const struct sk_jv *values; /* [{value, agents}] or NULL */
	const struct sk_jv *support; /* the path's entry or NULL */
	const struct sk_jv *ruling; /* an arbiter's, or NULL */
	/* Of findings: themselves, in the order of the support's elements. */
	const struct sk_jv *whole;
};
struct sk_rows {
	struct sk_row *v;
	size_t n;
};
/* All rows at path and below; path NULL = all. v is the caller's to free. */
void sk_rows_collect(
    struct sk_rows *r, const struct sk_jv *verdict, const char *path);
const char *sk_outcome_word(enum sk_outcome is);

/* What to show of the i-th of a row's values or elements. */
const struct sk_jv *
sk_row_value(const struct sk_row *r, const struct sk_jv *list, size_t i);

/* Cells of one line, visible; values are cut after max bytes. */
void sk_cell_value(struct sk_buf *b, const struct sk_jv *v, size_t max);
void sk_cell_names(struct sk_buf *b, const struct sk_jv *list);
/* "2 of 3, 2 needed, by id, compared by case space, within [1,2]" */
void sk_cell_how(
    struct sk_buf *b, const struct sk_row *r, const struct sk_jv *verdict);
/* "the arbiter chose 5: because" in about max bytes; nothing without one. */
void sk_cell_ruling(struct sk_buf *b, const struct sk_row *r, size_t max);
/* Who stands behind an agreed value; nothing where that is not one value. */
void sk_cell_who(
    struct sk_buf *b, const struct sk_row *r, const struct sk_jv *verdict);
/* "quorum, high 2 low 1" of a finding, or nothing. */
void sk_cell_tier(struct sk_buf *b, const struct sk_jv *element);

#endif
