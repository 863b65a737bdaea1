/* SPDX-License-Identifier: MIT */
/*
 * Arrays: sets by the support of each element, and records aligned by a key. An
 * order is kept where nobody contradicts it.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

/* One element of one voter's array. canon is what it is told apart by: its own
 * canonical form, or that of a record's key. */
struct elem {
	struct sk_vv vv; /* the element; vv.canon set */
	struct sk_jv *whole; /* the record, when vv.v is its key */
	size_t pos; /* in its voter's array */
};

static int
elem_cmp(const void *x, const void *y)
{
	const struct elem *a = x, *b = y;
	int c = sk_vv_cmp(&a->vv, &b->vv);

	return c != 0 ? c : (a->pos > b->pos) - (a->pos < b->pos);
}

static bool
same_elem(const struct elem *a, const struct elem *b)
{
	return a->vv.canon_n == b->vv.canon_n &&
	       memcmp(a->vv.canon, b->vv.canon, a->vv.canon_n) == 0;
}

/* A record's key: a number, or a string without NUL (a path is a C string). */
static struct sk_jv *
key_of(const struct sk_jv *record, const char *key)
{
	struct sk_jv *k = sk_jget(record, key);

	if (k == NULL)
		return NULL;
	return k->type == SK_J_NUM || sk_jstr(k) != NULL ? k : NULL;
}

/* Elements that take no part: they are listed, not lost. */
struct lost {
	struct sk_vv *v;
	size_t n;
};

static void
lose(struct lost *l, const struct elem *e)
{
	if (l != NULL)
		l->v[l->n++] =
		    (struct sk_vv){ .v = e->whole, .voter = e->vv.voter };
}

/* All elements, sorted by what they are told apart by; key NULL = the element
 * itself. The second of two equal ones in one answer counts for nothing. */
static struct elem *
elems_of(struct sk_vote *vt, const struct sk_vv *vals, size_t n,
    const char *key, size_t *total, struct lost *lost)
{
	struct elem *e;
	size_t k = 0, out = 0;

	for (size_t i = 0; i < n; i++)
		k += vals[i].v->n;
	e = sk_calloc(k + 1, sizeof(*e));
	if (lost != NULL)
		*lost = (struct lost){ sk_calloc(k + 1, sizeof(*lost->v)), 0 };
	*total = 0;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < vals[i].v->n; j++) {
			struct sk_jv *v = vals[i].v->a[j];
			struct elem *x = &e[*total];

			x->whole = v;
			x->vv.v = key != NULL ? key_of(v, key) : v;
			x->vv.voter = vals[i].voter;
			x->pos = j;
			if (x->vv.v == NULL) {
				lose(lost, x);
				continue;
			}
			sk_vv_canon(vt, &x->vv);
			(*total)++;
		}
	qsort(e, *total, sizeof(*e), elem_cmp);
	for (size_t i = 0; i < *total; i++)
		if (out == 0 || e[out - 1].vv.voter != e[i].vv.voter ||
		    !same_elem(&e[out - 1], &e[i]))
			e[out++] = e[i];
		else
			lose(lost, &e[i]);
	*total = out;
	return e;
}

/* ---- order ---- */

/* One agreed element: a run of elems, and its place in the result. */
struct run {
	size_t from, n;
	size_t rank;
};

static int
run_cmp(const void *x, const void *y)
{
	const struct run *a = x, *b = y;

	if (a->rank != b->rank)
		return a->rank > b->rank ? 1 : -1;
	return (a->from > b->from) - (a->from < b->from);
}

/*
 * Ranks by one voter's positions when that voter has every agreed element and
 * no other voter contradicts them; the first such voter (by name) gives the
 * order. Otherwise canonical order stays.
 */
static bool
rank_by(const struct elem *e, struct run *runs, size_t nr, size_t voter)
{
	for (size_t i = 0; i < nr; i++) {
		bool has = false;

		for (size_t j = runs[i].from; j < runs[i].from + runs[i].n; j++)
			if (e[j].vv.voter == voter) {
				runs[i].rank = e[j].pos;
				has = true;
			}
		if (!has)
			return false;
	}
	return true;
}

static bool
contradicts(
    const struct elem *e, const struct run *sorted, size_t nr, size_t voter)
{
	size_t last = 0;
	bool any = false;

	for (size_t i = 0; i < nr; i++)
		for (size_t j = sorted[i].from;
		     j < sorted[i].from + sorted[i].n; j++) {
			if (e[j].vv.voter != voter)
				continue;
			if (any && e[j].pos < last)
				return true;
			any = true;
			last = e[j].pos;
		}
	return false;
}

static void
keep_order(
    const struct sk_vote *vt, const struct elem *e, struct run *runs, size_t nr)
{
	bool ok = false;

	for (size_t v = 0; !ok && nr > 1 && v < vt->n_voters; v++)
		ok = rank_by(e, runs, nr, v);
	if (ok)
		qsort(runs, nr, sizeof(*runs), run_cmp);
	for (size_t v = 0; ok && v < vt->n_voters; v++)
		ok = !contradicts(e, runs, nr, v);
	if (ok)
		return;
	for (size_t i = 0; i < nr; i++)
		runs[i].rank = 0;
	qsort(runs, nr, sizeof(*runs), run_cmp);
}

/* ---- cutting into runs ---- */

/* Runs with a quorum into `runs`, the others into one disagreement that lists
 * them; returns the number of runs. *least = the smallest support. */
static size_t
cut(struct sk_vote *vt, const struct elem *e, size_t total, struct run *runs,
    struct sk_jv *elements, size_t *least)
{
	struct sk_jv *below = sk_jnew(vt->a, SK_J_ARR), *ev;
	struct sk_vv *vv = sk_calloc(vt->n_voters + 1, sizeof(*vv));
	size_t nr = 0, j;

	*least = 0;
	for (size_t i = 0; i < total; i = j) {
		for (j = i; j < total && same_elem(&e[i], &e[j]); j++)
			vv[j - i] = e[j].vv;
		ev = sk_value_agents(vt, e[i].vv.v, vv, j - i);
		sk_jpush(vt->a, elements, ev);
		if (sk_weight(vt, vv, j - i) < vt->quorum) {
			sk_jpush(vt->a, below, ev);
			continue;
		}
		runs[nr++] = (struct run){ i, j - i, 0 };
		if (*least == 0 || j - i < *least)
			*least = j - i;
	}
	if (below->n > 0)
		(void)sk_dis_add(vt, false, below);
	free(vv);
	return nr;
}

/* How many say "none": a quorum of them is an agreement too. */
static size_t
empties(
    const struct sk_vote *vt, const struct sk_vv *vals, size_t n, bool *enough)
{
	size_t none = 0, w = 0;

	for (size_t i = 0; i < n; i++)
		if (vals[i].v->n == 0) {
			none++;
			w += sk_weight_of(vt, vals[i].voter);
		}
	*enough = w >= vt->quorum;
	return none;
}

struct sk_jv *
sk_vote_set(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	size_t total, nr, least, r = sk_res_add(vt, SK_PATH_SET, n);
	struct elem *e = elems_of(vt, vals, n, NULL, &total, NULL);
	struct run *runs = sk_calloc(total + 1, sizeof(*runs));
	bool enough;
	size_t none = empties(vt, vals, n, &enough);
	struct sk_jv *elements = sk_jnew(vt->a, SK_J_ARR);
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR);

	nr = cut(vt, e, total, runs, elements, &least);
	keep_order(vt, e, runs, nr);
	for (size_t i = 0; i < nr; i++)
		sk_jpush(vt->a, won, e[runs[i].from].vv.v);
	vt->res[r].agreed = nr > 0 || enough;
	vt->res[r].count = nr > 0 ? least : none;
	vt->res[r].elements = elements;
	vt->res[r].value = vt->res[r].agreed ? won : NULL;
	free(e);
	free(runs);
	return vt->res[r].agreed ? won : NULL;
}

/* ---- records ---- */

static const char *const key_names[] = { "id", "key", "task_id", "path", "file",
	"name", "requirement", "order", "step", "title", "topic" };

/* How well a key tells records apart. Answers count before records, so that
 * one answer with broken or very many records cannot take the key away from
 * the others. */
struct worth {
	size_t answers; /* whose every record has it, each another one */
	size_t records; /* that have one of their own */
	size_t shared; /* values that a quorum of answers has */
};

static struct worth
key_worth(
    struct sk_vote *vt, const struct sk_vv *vals, size_t n, const char *key)
{
	size_t total, *own = sk_calloc(vt->n_voters + 1, sizeof(*own));
	struct elem *e = elems_of(vt, vals, n, key, &total, NULL);
	struct worth w = { 0, total, 0 };

	for (size_t i = 0, j; i < total; i = j) {
		for (j = i; j < total && same_elem(&e[i], &e[j]); j++)
			own[e[j].vv.voter]++;
		w.shared += j - i >= vt->quorum;
	}
	for (size_t i = 0; i < n; i++)
		w.answers +=
		    vals[i].v->n > 0 && own[vals[i].voter] == vals[i].v->n;
	free(own);
	free(e);
	return w;
}

/* A member that nobody gave a name for: one that is in every record of a quorum
 * and has the same values in several answers. The first in byte order of those
 * that are shared most. */
static const char *
discover_key(struct sk_vote *vt, const struct sk_vv *vals, size_t n)
{
	struct sk_strv names = { 0 };
	const char *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0;
		     vals[i].v->n > 0 && k < sk_jlen(vals[i].v->a[0]); k++) {
			const struct sk_jv *o = vals[i].v->a[0];

			if (o->type == SK_J_OBJ && names.n < 64 &&
			    strlen(o->m[k].key) == o->m[k].klen &&
			    !sk_strv_has(&names, o->m[k].key))
				sk_strv_add(&names, o->m[k].key);
		}
	sk_strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct worth w = key_worth(vt, vals, n, names.v[i]);

		if (w.answers < vt->quorum || w.shared <= most)
			continue;
		most = w.shared;
		best = names.v[i];
	}
	best = best != NULL ? sk_arena_strdup(vt->a, best) : NULL;
	sk_strv_free(&names);
	return best;
}

static const char *
choose_key(
    struct sk_vote *vt, const struct sk_vv *vals, size_t n, const char **from)
{
	const char *key = sk_policy_key(vt->policy, vt->path.p), *best = NULL;
	struct worth w, most = { 0, 0, 0 };
	size_t all = 0;

	*from = "policy";
	if (key != NULL && key_worth(vt, vals, n, key).records > 0)
		return key;
	*from = "known";
	for (size_t i = 0; i < n; i++)
		all += vals[i].v->n;
	for (size_t i = 0; i < SK_ARRAY_SIZE(key_names) && most.records < all;
	     i++) {
		w = key_worth(vt, vals, n, key_names[i]);
		if (w.answers > most.answers ||
		    (w.answers == most.answers && w.records > most.records)) {
			most = w;
			best = key_names[i];
		}
	}
	/* A key that most answers and records lack tells nothing. */
	if (most.answers >= vt->quorum || most.records * 2 > all)
		return best;
	*from = "found";
	return discover_key(vt, vals, n);
}

/* A record's place in the path is its key's text, not its index: indexes differ
 * between answers. */
static void
push_key(struct sk_vote *vt, const struct elem *e)
{
	const char *s = e->vv.canon;
	size_t n = e->vv.canon_n;
	bool text = n > 0 && s[0] == '"';
	struct sk_buf b;

	if (text) {
		s++;
		n--;
	}
	/* No two keys may share a path: the number 1 is '#1', the string "1" is
	 * '1' and the string "#1" is '##1'. */
	sk_buf_init(&b, 0);
	if (!text || (n > 0 && s[0] == '#'))
		sk_buf_ch(&b, '#');
	sk_buf_add(&b, s, n);
	sk_jptr_add(&vt->path, b.p, b.len);
	sk_buf_free(&b);
}

struct sk_jv *
sk_vote_records(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	const char *from, *key = choose_key(vt, vals, n, &from);
	size_t total, nr, least, r, len = vt->path.len, none;
	struct sk_jv *elements, *won, *one;
	struct lost lost;
	struct sk_vv *g;
	struct elem *e;
	struct run *runs;
	bool enough;

	if (key == NULL)
		return sk_vote_set(vt, vals, n);
	r = sk_res_add(vt, SK_PATH_RECORDS, n);
	e = elems_of(vt, vals, n, key, &total, &lost);
	none = empties(vt, vals, n, &enough);
	runs = sk_calloc(total + 1, sizeof(*runs));
	g = sk_calloc(vt->n_voters + 1, sizeof(*g));
	elements = sk_jnew(vt->a, SK_J_ARR);
	won = sk_jnew(vt->a, SK_J_ARR);
	nr = cut(vt, e, total, runs, elements, &least);
	if (lost.n > 0)
		(void)sk_dis_add(vt, false, sk_vote_values(vt, lost.v, lost.n));
	free(lost.v);
	keep_order(vt, e, runs, nr);
	for (size_t i = 0; i < nr; i++) {
		for (size_t j = 0; j < runs[i].n; j++)
			g[j] = (struct sk_vv){ .v = e[runs[i].from + j].whole,
				.voter = e[runs[i].from + j].vv.voter };
		push_key(vt, &e[runs[i].from]);
		one = sk_vote_at(vt, g, runs[i].n);
		vt->path.len = len;
		vt->path.p[len] = '\0';
		if (one != NULL)
			sk_jpush(vt->a, won, one);
	}
	vt->res[r].agreed = nr > 0 || enough;
	vt->res[r].count = nr > 0 ? least : none;
	vt->res[r].key = key;
	vt->res[r].key_from = from;
	vt->res[r].elements = elements;
	vt->res[r].value = vt->res[r].agreed ? won : NULL;
	free(e);
	free(runs);
	free(g);
	return vt->res[r].agreed ? won : NULL;
}
