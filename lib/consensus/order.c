/* SPDX-License-Identifier: MIT */
/*
 * The order of what was agreed. Where nobody contradicts anybody it is theirs;
 * where they do, each pair goes as the heavier half of its voters has it, and
 * what that leaves open stays in canonical order.
 */
#include <stdlib.h>

#include "consensus/elem.h"

/* Pairs cost the square: longer lists keep an order that nobody contradicts. */
#define PAIRS_MAX 64

static int
span_cmp(const void *x, const void *y)
{
	const struct sk_span *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank > b->rank ? 1 : -1;
	return (a->from > b->from) - (a->from < b->from);
}

/* Ranks by the positions of one voter. */
static void
rank_by(const struct sk_elem *e, struct sk_span *s, size_t n, size_t voter)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = s[i].from; j < s[i].from + s[i].n; j++)
			if (e[j].vv.voter == voter)
				s[i].rank = e[j].pos;
}

/* Is nobody against this order? last = by voter, all 0. */
static bool
unopposed(
    const struct sk_elem *e, const struct sk_span *s, size_t n, size_t *last)
{
	for (size_t i = 0; i < n; i++)
		for (size_t j = s[i].from; j < s[i].from + s[i].n; j++) {
			size_t v = e[j].vv.voter;

			if (e[j].pos + 1 < last[v])
				return false;
			last[v] = e[j].pos + 1;
		}
	return true;
}

/* The order of the first voter (by name) that has everything, if nobody is
 * against it. */
static bool
undisputed(const struct sk_vote *vt, const struct sk_elem *e, struct sk_span *s,
    size_t n)
{
	size_t *has = sk_calloc(vt->n_voters + 1, sizeof(*has));
	size_t *last = sk_calloc(vt->n_voters + 1, sizeof(*last));
	size_t v = 0;
	bool ok;

	for (size_t i = 0; i < n; i++)
		for (size_t j = s[i].from; j < s[i].from + s[i].n; j++)
			has[e[j].vv.voter]++;
	while (v < vt->n_voters && has[v] < n)
		v++;
	ok = v < vt->n_voters;
	if (ok) {
		rank_by(e, s, n, v);
		qsort(s, n, sizeof(*s), span_cmp);
		ok = unopposed(e, s, n, last);
	}
	free(has);
	free(last);
	return ok;
}

/* How much more weight has x before y than y before x? Voters are in order in
 * both spans. */
static int64_t
before(const struct sk_vote *vt, const struct sk_elem *e,
    const struct sk_span *x, const struct sk_span *y)
{
	size_t i = x->from, j = y->from;
	int64_t sum = 0;

	while (i < x->from + x->n && j < y->from + y->n) {
		size_t v = e[i].vv.voter, w = e[j].vv.voter;

		if (v == w)
			sum += (e[i].pos < e[j].pos ? 1 : -1) *
			       (int64_t)sk_weight_of(vt, v);
		i += v <= w;
		j += w <= v;
	}
	return sum;
}

/* Ranks by pairwise majority: again and again the first, in canonical order,
 * that nothing left goes before. In a circle the one that least weight is
 * against goes next. */
static void
by_majority(const struct sk_vote *vt, const struct sk_elem *e,
    struct sk_span *s, size_t n)
{
	int64_t m[PAIRS_MAX][PAIRS_MAX];
	bool placed[PAIRS_MAX] = { false };

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++) {
			m[i][j] = before(vt, e, &s[i], &s[j]);
			m[j][i] = -m[i][j];
		}
	for (size_t rank = 0; rank < n; rank++) {
		size_t best = n;
		int64_t least = 0;

		for (size_t i = 0; i < n; i++) {
			int64_t against = 0;

			for (size_t j = 0; j < n; j++)
				if (j != i && !placed[j] && m[j][i] > 0)
					against += m[j][i];
			if (!placed[i] && (best == n || against < least)) {
				best = i;
				least = against;
			}
		}
		placed[best] = true;
		s[best].rank = rank;
	}
}

void
sk_keep_order(const struct sk_vote *vt, const struct sk_elem *e,
    struct sk_span *s, size_t n)
{
	if (n < 2 || undisputed(vt, e, s, n))
		return;
	for (size_t i = 0; i < n; i++)
		s[i].rank = 0;
	qsort(s, n, sizeof(*s), span_cmp);
	if (n > PAIRS_MAX)
		return;
	by_majority(vt, e, s, n);
	qsort(s, n, sizeof(*s), span_cmp);
}
