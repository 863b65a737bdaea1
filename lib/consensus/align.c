/* SPDX-License-Identifier: MIT */
/*
 * Arrays: sets by the support of each element, and records aligned by a key. An
 * order is kept where nobody contradicts it.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/elem.h"

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
lose(struct lost *l, const struct sk_elem *e)
{
	if (l != NULL)
		l->v[l->n++] =
		    (struct sk_vv){ .v = e->whole, .voter = e->vv.voter };
}

/* All elements, sorted by what they are told apart by; key NULL = the element
 * itself. The second of two equal ones in one answer counts for nothing. */
static struct sk_elem *
elems_of(struct sk_vote *vt, const struct sk_vv *vals, size_t n,
    const char *key, size_t *total, struct lost *lost)
{
	struct sk_elem *e;
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
			struct sk_elem *x = &e[*total];

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
	qsort(e, *total, sizeof(*e), sk_elem_cmp);
	for (size_t i = 0; i < *total; i++)
		if (out == 0 || e[out - 1].vv.voter != e[i].vv.voter ||
		    !sk_elem_same(&e[out - 1], &e[i]))
			e[out++] = e[i];
		else
			lose(lost, &e[i]);
	*total = out;
	return e;
}

/* ---- cutting into spans ---- */

/* Runs with a quorum into `runs`, the others into one disagreement that lists
 * them; returns the number of runs. *least = the smallest support. */
static size_t
cut(struct sk_vote *vt, const struct sk_elem *e, size_t total,
    struct sk_span *runs, struct sk_jv *elements, size_t *least)
{
	struct sk_jv *below = sk_jnew(vt->a, SK_J_ARR), *ev;
	struct sk_vv *vv = sk_calloc(vt->n_voters + 1, sizeof(*vv));
	size_t nr = 0, j;

	*least = 0;
	for (size_t i = 0; i < total; i = j) {
		for (j = i; j < total && sk_elem_same(&e[i], &e[j]); j++)
			vv[j - i] = e[j].vv;
		ev = sk_value_agents(vt, e[i].vv.v, vv, j - i);
		sk_jpush(vt->a, elements, ev);
		if (sk_weight(vt, vv, j - i) < vt->quorum) {
			sk_jpush(vt->a, below, ev);
			continue;
		}
		runs[nr++] = (struct sk_span){ i, j - i, 0 };
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
	struct sk_elem *e = elems_of(vt, vals, n, NULL, &total, NULL);
	struct sk_span *runs = sk_calloc(total + 1, sizeof(*runs));
	bool enough;
	size_t none = empties(vt, vals, n, &enough);
	struct sk_jv *elements = sk_jnew(vt->a, SK_J_ARR);
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR);

	nr = cut(vt, e, total, runs, elements, &least);
	vt->res[r].different = elements->n;
	for (size_t i = 0; i < elements->n; i++)
		vt->res[r].common +=
		    sk_jlen(sk_jget(elements->a[i], "agents")) == n;
	sk_keep_order(vt, e, runs, nr);
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
	struct sk_elem *e = elems_of(vt, vals, n, key, &total, NULL);
	struct worth w = { 0, total, 0 };

	for (size_t i = 0, j; i < total; i = j) {
		for (j = i; j < total && sk_elem_same(&e[i], &e[j]); j++)
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

/* Sentences that happen to be equal are no names. */
static bool
is_sentence(const struct sk_vv *vals, size_t n, const char *key)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < vals[i].v->n; k++) {
			const struct sk_jv *v = sk_jget(vals[i].v->a[k], key);

			if (v != NULL && v->type == SK_J_STR &&
			    sk_has_space(v->s, v->n))
				return true;
		}
	return false;
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

		if (w.answers < vt->quorum || w.shared <= most ||
		    is_sentence(vals, n, names.v[i]))
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
push_key(struct sk_vote *vt, const struct sk_elem *e)
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

/* The values of one element's voters, path and all. */
static struct sk_jv *
vote_record(struct sk_vote *vt, const struct sk_elem *e, size_t n)
{
	struct sk_vv *g = sk_calloc(n + 1, sizeof(*g));
	size_t len = vt->path.len;
	struct sk_jv *one;

	for (size_t j = 0; j < n; j++)
		g[j] =
		    (struct sk_vv){ .v = e[j].whole, .voter = e[j].vv.voter };
	push_key(vt, e);
	one = sk_vote_at(vt, g, n);
	vt->path.len = len;
	vt->path.p[len] = '\0';
	free(g);
	return one;
}

struct sk_jv *
sk_vote_records(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	const char *from, *key = choose_key(vt, vals, n, &from);
	size_t total = 0, nr, least, r, none;
	struct sk_jv *elements, *won, *one;
	struct lost lost = { NULL, 0 };
	struct sk_elem *e;
	struct sk_span *runs;
	bool enough;

	e = key != NULL ? elems_of(vt, vals, n, key, &total, &lost)
	                : sk_assign(vt, vals, n, &total);
	if (e == NULL)
		return sk_vote_set(vt, vals, n);
	r = sk_res_add(vt, SK_PATH_RECORDS, n);
	none = empties(vt, vals, n, &enough);
	runs = sk_calloc(total + 1, sizeof(*runs));
	elements = sk_jnew(vt->a, SK_J_ARR);
	won = sk_jnew(vt->a, SK_J_ARR);
	nr = cut(vt, e, total, runs, elements, &least);
	if (lost.n > 0)
		(void)sk_dis_add(vt, false, sk_vote_values(vt, lost.v, lost.n));
	free(lost.v);
	sk_keep_order(vt, e, runs, nr);
	for (size_t i = 0; i < nr; i++) {
		one = vote_record(vt, &e[runs[i].from], runs[i].n);
		if (one != NULL)
			sk_jpush(vt->a, won, one);
	}
	vt->res[r].agreed = nr > 0 || enough;
	vt->res[r].count = nr > 0 ? least : none;
	vt->res[r].key = key;
	vt->res[r].key_from = key != NULL ? from : "assigned";
	vt->res[r].elements = elements;
	vt->res[r].value = vt->res[r].agreed ? won : NULL;
	free(e);
	free(runs);
	return vt->res[r].agreed ? won : NULL;
}
