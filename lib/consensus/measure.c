/* SPDX-License-Identifier: MIT */
/* Measurements: the interval that most agents are in, and the one in its
 * middle, which is a value that somebody gave. */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

struct point {
	__int128 x;
	struct sk_vv vv;
};

static int
point_cmp(const void *x, const void *y)
{
	const struct point *a = x, *b = y;

	if (a->x != b->x)
		return a->x > b->x ? 1 : -1;
	return sk_vv_cmp(&a->vv, &b->vv);
}

static int
voter_cmp(const void *x, const void *y)
{
	const struct sk_vv *a = x, *b = y;

	return (a->voter > b->voter) - (a->voter < b->voter);
}

/* The points that are measurements, in order; the others are listed. */
static size_t
points_of(struct sk_vote *vt, struct sk_vv *vals, size_t n, struct point *p)
{
	const char *unit = sk_policy_unit(vt->policy, vt->path.p);
	struct sk_vv *lost = sk_calloc(n + 1, sizeof(*lost));
	size_t k = 0, l = 0;

	for (size_t i = 0; i < n; i++) {
		sk_vv_canon(vt, &vals[i]);
		p[k].vv = vals[i];
		if (sk_measure(vals[i].v, unit, &p[k].x))
			k++;
		else
			lost[l++] = vals[i];
	}
	if (l > 0)
		(void)sk_dis_add(vt, false, sk_vote_values(vt, lost, l));
	free(lost);
	qsort(p, k, sizeof(*p), point_cmp);
	return k;
}

/* The heaviest window whose ends are within the tolerance; of equal ones the
 * narrower, then the lower. A second one as heavy elsewhere is a tie. */
static size_t
densest(struct sk_vote *vt, const struct sk_tolerance *t, const struct point *p,
    size_t n, size_t *from, size_t *to, bool *tie)
{
	size_t best = 0, j = 0, w = 0;

	*tie = false;
	for (size_t i = 0; i < n; i++) {
		if (j < i)
			j = i;
		while (j < n &&
		       p[j].x - p[i].x <= sk_tolerance_at(t, p[i].x, p[j].x))
			w += sk_weight_of(vt, p[j++].vv.voter);
		if (w > best) {
			best = w;
			*tie = false;
			*from = i;
			*to = j;
		} else if (w == best && i >= *to) {
			*tie = true;
		} else if (w == best &&
			   p[j - 1].x - p[i].x < p[*to - 1].x - p[*from].x) {
			*from = i;
			*to = j;
		}
		w -= sk_weight_of(vt, p[i].vv.voter);
	}
	return best;
}

struct sk_jv *
sk_vote_measure(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	struct point *p = sk_calloc(n + 1, sizeof(*p));
	struct sk_vv *in = sk_calloc(n + 1, sizeof(*in));
	size_t r = sk_res_add(vt, SK_PATH_MEASURE, n), k, w, from = 0, to = 0;
	struct sk_tolerance t;
	struct sk_jv *won = NULL;
	bool tie;

	if (!sk_policy_tolerance(vt->policy, vt->path.p, &t))
		(void)sk_tolerance_parse("3%", &t);
	k = points_of(vt, vals, n, p);
	w = densest(vt, &t, p, k, &from, &to, &tie);
	for (size_t i = from; i < to; i++)
		in[i - from] = p[i].vv;
	vt->res[r].count = to - from;
	vt->res[r].weight = w;
	if (k > 0 && w >= vt->quorum && !tie) {
		won = p[from + (to - from - 1) / 2].vv.v;
		vt->res[r].agreed = true;
		vt->res[r].value = won;
		vt->res[r].interval = sk_jnew(vt->a, SK_J_ARR);
		sk_jpush(vt->a, vt->res[r].interval, p[from].vv.v);
		sk_jpush(vt->a, vt->res[r].interval, p[to - 1].vv.v);
		qsort(in, to - from, sizeof(*in), voter_cmp);
		if (to - from < vt->n_voters)
			vt->res[r].agents = sk_agents_of(vt, in, to - from);
	} else if (k > 0) {
		for (size_t i = 0; i < k; i++)
			in[i] = p[i].vv;
		sk_dis_add(vt, sk_weight(vt, in, k) >= vt->quorum,
		    sk_vote_values(vt, in, k))
		    ->tie = tie && w >= vt->quorum;
	}
	free(p);
	free(in);
	return won;
}
