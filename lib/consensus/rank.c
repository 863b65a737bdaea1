/* SPDX-License-Identifier: MIT */
/*
 * Rankings: Borda points over ordered lists. An agent's opinion of itself does
 * not count; items that a list leaves out share its last places. Ties are told,
 * and a cycle among pairs is a conflict, because then no order is theirs.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

#define ITEMS_MAX 64
/* The exact order costs two to the power of this. */
#define KEMENY_MAX 8

struct item {
	struct sk_vv vv;
	uint64_t points; /* twice, so that shared places stay whole */
	size_t lists;
};
struct table {
	struct item v[ITEMS_MAX];
	size_t n;
	size_t beats[ITEMS_MAX]
		    [ITEMS_MAX]; /* weight of those who put i first */
};

static bool
same(const struct sk_vv *x, const struct sk_vv *y)
{
	return x->canon_n == y->canon_n &&
	       memcmp(x->canon, y->canon, x->canon_n) == 0;
}

static bool
is_self(const struct sk_vote *vt, const struct sk_vv *v)
{
	const char *name = vt->voters[v->voter].agent;

	return v->v->type == SK_J_STR && v->v->n == strlen(name) &&
	       memcmp(v->v->s, name, v->v->n) == 0;
}

static int
item_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	return sk_vv_cmp(&a->vv, &b->vv);
}

static int
points_cmp(const void *x, const void *y)
{
	const struct item *a = x, *b = y;

	if (a->points != b->points)
		return a->points > b->points ? -1 : 1;
	return sk_vv_cmp(&a->vv, &b->vv);
}

static size_t
find(const struct table *t, const struct sk_vv *v)
{
	for (size_t i = 0; i < t->n; i++)
		if (same(&t->v[i].vv, v))
			return i;
	return t->n;
}

/* False: more items than can be told apart pair by pair. */
static bool
gather(struct sk_vote *vt, struct table *t, const struct sk_vv *vals, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < vals[i].v->n; k++) {
			struct sk_vv x = { .v = vals[i].v->a[k],
				.voter = vals[i].voter };

			sk_vv_canon(vt, &x);
			if (find(t, &x) < t->n)
				continue;
			if (t->n == ITEMS_MAX)
				return false;
			x.voter = 0;
			t->v[t->n++].vv = x;
		}
	qsort(t->v, t->n, sizeof(t->v[0]), item_cmp);
	return true;
}

/* The place of every item in one list; absent ones share the last. */
static void
count_list(struct sk_vote *vt, struct table *t, const struct sk_vv *list)
{
	size_t place[ITEMS_MAX], named = 0, absent, weight;

	weight = sk_weight_of(vt, list->voter);
	for (size_t i = 0; i < t->n; i++)
		place[i] = ITEMS_MAX;
	for (size_t k = 0; k < list->v->n; k++) {
		struct sk_vv x = { .v = list->v->a[k], .voter = list->voter };
		size_t at;

		if (is_self(vt, &x))
			continue;
		sk_vv_canon(vt, &x);
		at = find(t, &x);
		if (at < t->n && place[at] == ITEMS_MAX)
			place[at] = named++;
	}
	absent = t->n - named;
	for (size_t i = 0; i < t->n; i++) {
		t->v[i].points +=
		    weight * (place[i] < ITEMS_MAX ? 2 * (t->n - 1 - place[i])
						   : absent - 1);
		t->v[i].lists += place[i] < ITEMS_MAX;
		for (size_t j = 0; j < t->n; j++)
			if (place[i] < place[j])
				t->beats[i][j] += weight;
	}
}

/* Items that beat each other round and round; NULL when there are none. */
static struct sk_jv *
cycles(struct sk_vote *vt, const struct table *t)
{
	bool reach[ITEMS_MAX][ITEMS_MAX];
	struct sk_jv *r = sk_jnew(vt->a, SK_J_ARR);

	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->n; j++)
			reach[i][j] = t->beats[i][j] > t->beats[j][i];
	for (size_t k = 0; k < t->n; k++)
		for (size_t i = 0; i < t->n; i++)
			for (size_t j = 0; j < t->n; j++)
				reach[i][j] =
				    reach[i][j] || (reach[i][k] && reach[k][j]);
	for (size_t i = 0; i < t->n; i++)
		if (reach[i][i])
			sk_jpush(vt->a, r, t->v[i].vv.v);
	return r->n > 0 ? r : NULL;
}

/* ---- beside Borda ---- */

/* Weight of those who are against i before j. */
static uint64_t
against(const struct table *t, size_t i, size_t j)
{
	return t->beats[j][i];
}

/*
 * Kemeny: the order that the fewest pairs of places speak against, found over
 * all sets of items; of equally good ones the first in canonical order.
 */
static struct sk_jv *
kemeny(struct sk_vote *vt, const struct table *t)
{
	uint64_t cost[1 << KEMENY_MAX] = { 0 };
	struct sk_jv *r = sk_jnew(vt->a, SK_J_ARR);
	size_t full = ((size_t)1 << t->n) - 1, left = full;

	/* cost[s] = of the items of s in their best order. */
	for (size_t s = 1; s <= full; s++) {
		cost[s] = UINT64_MAX;
		for (size_t i = 0; i < t->n; i++) {
			uint64_t c = 0;

			if ((s >> i & 1) == 0)
				continue;
			for (size_t j = 0; j < t->n; j++)
				if (j != i && (s >> j & 1) != 0)
					c += against(t, i, j);
			c += cost[s & ~((size_t)1 << i)];
			cost[s] = c < cost[s] ? c : cost[s];
		}
	}
	while (left != 0)
		for (size_t i = 0; i < t->n; i++) {
			size_t rest = left & ~((size_t)1 << i);
			uint64_t c = cost[rest];

			for (size_t j = 0; j < t->n; j++)
				if ((rest >> j & 1) != 0)
					c += against(t, i, j);
			if (rest == left || c != cost[left])
				continue;
			sk_jpush(vt->a, r, t->v[i].vv.v);
			left = rest;
			break;
		}
	return r;
}

/* Kendall's tau over all voters: of all pairs that somebody put in order, how
 * many more are as in this order than against it. From -1 to 1. */
static const struct sk_jv *
tau(struct sk_vote *vt, const struct table *t, const struct sk_jv *order)
{
	size_t at[ITEMS_MAX];
	int64_t with = 0, all = 0, mille;
	const char *text;

	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < order->n; k++)
			if (order->a[k] == t->v[i].vv.v)
				at[i] = k;
	for (size_t i = 0; i < t->n; i++)
		for (size_t j = 0; j < t->n; j++) {
			all += (int64_t)t->beats[i][j];
			with += at[i] < at[j] ? (int64_t)t->beats[i][j]
			                      : -(int64_t)t->beats[i][j];
		}
	if (all == 0)
		return NULL;
	mille = with * 1000 / all;
	text = sk_arena_printf(vt->a, "%s%lld.%03lld", mille < 0 ? "-" : "",
	    (long long)(mille < 0 ? -mille : mille) / 1000,
	    (long long)(mille < 0 ? -mille : mille) % 1000);
	return sk_jnew_num(vt->a, text, strlen(text));
}

static bool
same_order(const struct sk_jv *x, const struct sk_jv *y)
{
	for (size_t i = 0; i < x->n; i++)
		if (x->a[i] != y->a[i])
			return false;
	return true;
}

static struct sk_jv *
elements(struct sk_vote *vt, const struct table *t)
{
	struct sk_jv *r = sk_jnew(vt->a, SK_J_ARR), *o;

	for (size_t i = 0; i < t->n; i++) {
		o = sk_jnew(vt->a, SK_J_OBJ);
		sk_jset(vt->a, o, "value", t->v[i].vv.v);
		/* Half points: a shared place is a place and a half. */
		sk_jset(vt->a, o, "points2",
		    sk_jnew_int(vt->a, (int64_t)t->v[i].points));
		sk_jset(vt->a, o, "named_by",
		    sk_jnew_int(vt->a, (int64_t)t->v[i].lists));
		sk_jset(vt->a, o, "tied",
		    sk_jnew_bool(vt->a,
			(i > 0 && t->v[i - 1].points == t->v[i].points) ||
			    (i + 1 < t->n &&
				t->v[i + 1].points == t->v[i].points)));
		sk_jpush(vt->a, r, o);
	}
	return r;
}

static const struct sk_jv *
condorcet(const struct table *t)
{
	for (size_t i = 0; i < t->n; i++) {
		bool all = true;

		for (size_t j = 0; all && j < t->n; j++)
			all = i == j || t->beats[i][j] > t->beats[j][i];
		if (all)
			return t->v[i].vv.v;
	}
	return NULL;
}

/* The order by points, and *how it came to be; *tie: two stand first. */
static struct sk_jv *
borda(struct sk_vote *vt, const struct table *t, bool *tie, struct sk_jv **how)
{
	struct table *by = sk_calloc(1, sizeof(*by));
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR);

	*by = *t;
	qsort(by->v, by->n, sizeof(by->v[0]), points_cmp);
	*tie = by->n > 1 && by->v[0].points == by->v[1].points;
	for (size_t i = 0; i < by->n; i++)
		sk_jpush(vt->a, won, by->v[i].vv.v);
	*how = elements(vt, by);
	free(by);
	return won;
}

struct sk_jv *
sk_vote_ranking(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	struct table *t = sk_calloc(1, sizeof(*t));
	size_t at = sk_res_add(vt, SK_PATH_RANKING, n);
	struct sk_res *r = &vt->res[at];
	bool tie, enough = sk_weight(vt, vals, n) >= vt->quorum;
	struct sk_jv *won;

	if (!gather(vt, t, vals, n) || t->n == 0) {
		free(t);
		(void)sk_dis_add(vt, enough, sk_vote_values(vt, vals, n));
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		count_list(vt, t, &vals[i]);
	won = borda(vt, t, &tie, &r->elements);
	r->count = n;
	r->cycle = cycles(vt, t);
	r->condorcet = condorcet(t);
	r->tau = tau(vt, t, won);
	if (t->n <= KEMENY_MAX) {
		r->kemeny = kemeny(vt, t);
		if (same_order(r->kemeny, won))
			r->kemeny = NULL;
	}
	free(t);
	r->agreed = enough && !tie && r->cycle == NULL;
	r->value = r->agreed ? won : NULL;
	if (enough && !r->agreed)
		sk_dis_add(vt, true, sk_vote_values(vt, vals, n))->tie = tie;
	return r->agreed ? won : NULL;
}
