/* SPDX-License-Identifier: MIT */
/* Elements of arrays: what sets, records and findings have in common. */
#ifndef SK_CONSENSUS_ELEM_H
#define SK_CONSENSUS_ELEM_H

#include "consensus/internal.h"

/* One element of one voter's array. vv.canon is what it is told apart by: its
 * own canonical form, that of a record's key, or of the group it was put in. */
struct sk_elem {
	struct sk_vv vv;
	struct sk_jv *whole; /* the element, when vv.v is its key */
	size_t pos; /* in its voter's array */
};
/* Equal elements that stand together, and their place in the result. */
struct sk_span {
	size_t from, n;
	size_t rank;
};

/* elem.c: by canonical form, voter, position. */
int sk_elem_cmp(const void *x, const void *y);
bool sk_elem_same(const struct sk_elem *a, const struct sk_elem *b);

/* order.c: the spans in the order that the voters gave them, as far as there is
 * one; else in canonical order. */
void sk_keep_order(const struct sk_vote *vt, const struct sk_elem *e,
    struct sk_span *spans, size_t n);

/* assign.c: the records of all voters in groups, most alike with most alike,
 * where no key tells them apart. Groups stand together; vv.v is the record of
 * the group that is nearest to the others. NULL: they are too many. free(3). */
struct sk_elem *sk_assign(
    struct sk_vote *vt, const struct sk_vv *vals, size_t n, size_t *total);

#endif
