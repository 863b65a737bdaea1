/* SPDX-License-Identifier: MIT */
/*
 * Records that no key tells apart: each voter's are assigned to those of one of
 * them, so that they are most alike in sum; what is left over is assigned among
 * itself. Alikeness is counted in parts of 10^9, in whole numbers.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/elem.h"

/* Beyond these a list is voted on as a set: the cost grows with the square of
 * the records and the cube of one list. */
#define RECORDS_MAX 256
#define LIST_MAX 64
#define MEMBERS_MAX 64
#define BYTES_MAX ((size_t)256 << 10) /* of all together */
/* Less than half alike is another one. */
#define ALIKE 500000000

struct records {
	const struct sk_vote *vt;
	struct sk_elem *e; /* all, by voter and position */
	size_t n;
	uint32_t *sim; /* n x n */
	size_t from[RECORDS_MAX + 1], lists; /* where each voter's begin */
	size_t group[RECORDS_MAX]; /* 0 = none yet */
};

/* ---- how alike two values are ---- */

static uint32_t
alike_values(const struct sk_jv *x, const struct sk_jv *y)
{
	struct sk_buf a, b;
	bool same;

	if (x->type != y->type)
		return 0;
	sk_buf_init(&a, 0);
	sk_buf_init(&b, 0);
	sk_json_canon(&a, x);
	sk_json_canon(&b, y);
	same = a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
	sk_buf_free(&a);
	sk_buf_free(&b);
	if (same)
		return 1000000000;
	return x->type == SK_J_STR ? (uint32_t)sk_text_similarity(x, y) : 0;
}

/* The mean over all members that one of them has. */
static uint32_t
alike(const struct sk_jv *x, const struct sk_jv *y)
{
	uint64_t sum = 0;
	size_t n;

	if (x->type != SK_J_OBJ || y->type != SK_J_OBJ || x->n + y->n == 0)
		return alike_values(x, y);
	n = x->n + y->n;
	for (size_t i = 0; i < x->n; i++) {
		const struct sk_jv *v = sk_jgetn(y, x->m[i].key, x->m[i].klen);

		if (v == NULL)
			continue;
		n--;
		sum += alike_values(x->m[i].v, v);
	}
	return (uint32_t)(sum / n);
}

/* ---- one list to another ---- */

/*
 * The assignment of the n rows to m >= n columns that costs least in sum
 * (Kuhn and Munkres, by shortest augmenting paths); col[i] = column of row i.
 * Of equally good ones it finds always the same.
 */
static void
assign(int64_t cost[LIST_MAX][LIST_MAX], size_t n, size_t m, size_t *col)
{
	int64_t u[LIST_MAX + 1] = { 0 }, v[LIST_MAX + 1] = { 0 };
	size_t row[LIST_MAX + 1] = { 0 }, way[LIST_MAX + 1] = { 0 };

	for (size_t i = 1; i <= n; i++) {
		int64_t least[LIST_MAX + 1];
		bool used[LIST_MAX + 1] = { false };
		size_t at = 0;

		for (size_t j = 0; j <= m; j++)
			least[j] = INT64_MAX;
		row[0] = i;
		do {
			size_t next = 0, r = row[at];
			int64_t delta = INT64_MAX;

			used[at] = true;
			for (size_t j = 1; j <= m; j++) {
				int64_t c = cost[r - 1][j - 1] - u[r] - v[j];

				if (used[j])
					continue;
				if (c < least[j]) {
					least[j] = c;
					way[j] = at;
				}
				if (least[j] < delta) {
					delta = least[j];
					next = j;
				}
			}
			for (size_t j = 0; j <= m; j++)
				if (used[j]) {
					u[row[j]] += delta;
					v[j] -= delta;
				} else {
					least[j] -= j > 0 ? delta : 0;
				}
			at = next;
		} while (row[at] != 0);
		for (; at != 0; at = way[at])
			row[at] = row[way[at]];
	}
	for (size_t j = 1; j <= m; j++)
		if (row[j] != 0)
			col[row[j] - 1] = j - 1;
}

/* Those of list k that are in no group yet. */
static size_t
left_of(const struct records *r, size_t k, size_t *out)
{
	size_t n = 0;

	for (size_t i = r->from[k]; i < r->from[k + 1]; i++)
		if (r->group[i] == 0)
			out[n++] = i;
	return n;
}

static uint32_t
sim(const struct records *r, size_t i, size_t j)
{
	uint32_t s = r->sim[i * r->n + j];

	return s >= ALIKE ? s : 0;
}

/* What is left of list k into the groups of p, each at most one. */
static void
match(struct records *r, const size_t *p, size_t np, size_t k)
{
	int64_t cost[LIST_MAX][LIST_MAX];
	size_t q[LIST_MAX], col[LIST_MAX], nq = left_of(r, k, q);
	bool turned = np > nq;
	size_t n = turned ? nq : np, m = turned ? np : nq;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < m; j++)
			cost[i][j] = -(int64_t)(turned ? sim(r, p[j], q[i])
						       : sim(r, p[i], q[j]));
	assign(cost, n, m, col);
	for (size_t i = 0; i < n; i++) {
		size_t a = turned ? p[col[i]] : p[i];
		size_t b = turned ? q[i] : q[col[i]];

		if (sim(r, a, b) > 0)
			r->group[b] = r->group[a];
	}
}

/* The list whose records have the most alike ones elsewhere; the first of equal
 * ones by name. r->lists = nothing is left anywhere. */
static size_t
pivot(const struct records *r)
{
	size_t best = r->lists, x[LIST_MAX], y[LIST_MAX];
	uint64_t most = 0;

	for (size_t k = 0; k < r->lists; k++) {
		size_t n = left_of(r, k, x);
		uint64_t sum = 0;

		for (size_t o = 0; o < r->lists; o++) {
			size_t m = o != k ? left_of(r, o, y) : 0;

			for (size_t i = 0; i < n; i++) {
				uint32_t near = 0;

				for (size_t j = 0; j < m; j++)
					if (sim(r, x[i], y[j]) > near)
						near = sim(r, x[i], y[j]);
				sum += near;
			}
		}
		if (n > 0 && (best == r->lists || sum > most)) {
			best = k;
			most = sum;
		}
	}
	return best;
}

static size_t
group_all(struct records *r)
{
	size_t groups = 0, p[LIST_MAX], k;

	while ((k = pivot(r)) < r->lists) {
		size_t np = left_of(r, k, p);

		for (size_t i = 0; i < np; i++)
			r->group[p[i]] = ++groups;
		for (size_t o = 0; o < r->lists; o++)
			if (o != k)
				match(r, p, np, o);
	}
	return groups;
}

/* ---- the whole ---- */

/* Nobody may make a verdict dear for all. */
static bool
few_enough(const struct sk_vv *vals, size_t n, size_t *total)
{
	struct sk_buf b;
	bool ok = true;

	*total = 0;
	sk_buf_init(&b, BYTES_MAX + 1);
	for (size_t i = 0; ok && i < n; i++) {
		*total += vals[i].v->n;
		ok = vals[i].v->n <= LIST_MAX && *total <= RECORDS_MAX;
		for (size_t k = 0; ok && k < vals[i].v->n; k++) {
			ok = sk_jlen(vals[i].v->a[k]) <= MEMBERS_MAX;
			if (ok)
				sk_json_canon(&b, vals[i].v->a[k]);
			ok = ok && b.len <= BYTES_MAX;
		}
	}
	sk_buf_free(&b);
	return ok;
}

static bool
gather(struct records *r, const struct sk_vv *vals, size_t n)
{
	size_t total;

	if (!few_enough(vals, n, &total))
		return false;
	r->e = sk_calloc(total + 1, sizeof(*r->e));
	for (size_t i = 0; i < n; i++) {
		if (vals[i].v->n == 0)
			continue;
		r->from[r->lists++] = r->n;
		for (size_t k = 0; k < vals[i].v->n; k++)
			r->e[r->n++] = (struct sk_elem){
				.vv.voter = vals[i].voter,
				.whole = vals[i].v->a[k],
				.pos = k,
			};
	}
	r->from[r->lists] = r->n;
	return true;
}

/* The record of the group that is nearest to all others of it. */
static size_t
nearest(const struct records *r, size_t group)
{
	size_t best = r->n;
	uint64_t most = 0;

	for (size_t i = 0; i < r->n; i++) {
		uint64_t sum = 0;

		for (size_t j = 0; r->group[i] == group && j < r->n; j++)
			if (r->group[j] == group)
				sum += r->sim[i * r->n + j];
		if (r->group[i] == group && sum > most) {
			most = sum;
			best = i;
		}
	}
	return best;
}

/* One group after the other, called after the record that it begins with:
 * "agent:0" is the first record of that agent. */
static struct sk_elem *
lay_out(struct records *r)
{
	struct sk_elem *out = sk_calloc(r->n + 1, sizeof(*out));
	bool done[RECORDS_MAX + 1] = { false };
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		size_t g = r->group[i], best;
		const char *name;

		if (done[g])
			continue;
		done[g] = true;
		best = nearest(r, g);
		name = sk_arena_printf(r->vt->a, "\"%s:%zu",
		    r->vt->voters[r->e[i].vv.voter].agent, r->e[i].pos);
		for (size_t j = i; j < r->n; j++) {
			if (r->group[j] != g)
				continue;
			out[n] = r->e[j];
			out[n].vv.v = r->e[best].whole;
			out[n].vv.canon = name;
			out[n++].vv.canon_n = strlen(name);
		}
	}
	return out;
}

struct sk_elem *
sk_assign(struct sk_vote *vt, const struct sk_vv *vals, size_t n, size_t *total)
{
	struct records *r = sk_calloc(1, sizeof(*r));
	struct sk_elem *out = NULL;

	r->vt = vt;
	if (gather(r, vals, n)) {
		r->sim = sk_calloc(r->n * r->n + 1, sizeof(*r->sim));
		for (size_t i = 0; i < r->n; i++)
			for (size_t j = 0; j <= i; j++)
				r->sim[i * r->n + j] = r->sim[j * r->n + i] =
				    alike(r->e[i].whole, r->e[j].whole);
		(void)group_all(r);
		out = lay_out(r);
		*total = r->n;
	}
	free(r->sim);
	free(r->e);
	free(r);
	return out;
}
