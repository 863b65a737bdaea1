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

static struct sk_jv *
elements(struct sk_vote *vt, const struct table *t, size_t voters)
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
	(void)voters;
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

struct sk_jv *
sk_vote_ranking(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	struct table *t = sk_calloc(1, sizeof(*t));
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR), *round;
	size_t r = sk_res_add(vt, SK_PATH_RANKING, n);
	bool tie, enough;

	if (!gather(vt, t, vals, n) || t->n == 0) {
		free(t);
		(void)sk_dis_add(vt, sk_weight(vt, vals, n) >= vt->quorum,
		    sk_vote_values(vt, vals, n));
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		count_list(vt, t, &vals[i]);
	round = cycles(vt, t);
	vt->res[r].condorcet = condorcet(t);
	qsort(t->v, t->n, sizeof(t->v[0]), points_cmp);
	tie = t->n > 1 && t->v[0].points == t->v[1].points;
	enough = sk_weight(vt, vals, n) >= vt->quorum;
	for (size_t i = 0; i < t->n; i++)
		sk_jpush(vt->a, won, t->v[i].vv.v);
	vt->res[r].count = n;
	vt->res[r].cycle = round;
	vt->res[r].elements = elements(vt, t, n);
	vt->res[r].agreed = enough && !tie && round == NULL;
	vt->res[r].value = vt->res[r].agreed ? won : NULL;
	if (enough && !vt->res[r].agreed)
		(void)sk_dis_add(vt, true, sk_vote_values(vt, vals, n));
	free(t);
	return vt->res[r].agreed ? won : NULL;
}
