/* SPDX-License-Identifier: MIT */
/*
 * Arrays: sets by the support of each element, records aligned by a key, and
 * findings united. An order is kept where nobody contradicts it.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
		if (j - i < vt->quorum) {
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
empties(const struct sk_vv *vals, size_t n)
{
	size_t none = 0;

	for (size_t i = 0; i < n; i++)
		none += vals[i].v->n == 0;
	return none;
}

struct sk_jv *
sk_vote_set(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	size_t total, nr, least, r = sk_res_add(vt, SK_PATH_SET, n);
	struct elem *e = elems_of(vt, vals, n, NULL, &total, NULL);
	struct run *runs = sk_calloc(total + 1, sizeof(*runs));
	size_t none = empties(vals, n);
	struct sk_jv *elements = sk_jnew(vt->a, SK_J_ARR);
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR);

	nr = cut(vt, e, total, runs, elements, &least);
	keep_order(vt, e, runs, nr);
	for (size_t i = 0; i < nr; i++)
		sk_jpush(vt->a, won, e[runs[i].from].vv.v);
	vt->res[r].agreed = nr > 0 || none >= vt->quorum;
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
};

static struct worth
key_worth(
    struct sk_vote *vt, const struct sk_vv *vals, size_t n, const char *key)
{
	size_t total, *own = sk_calloc(vt->n_voters + 1, sizeof(*own));
	struct elem *e = elems_of(vt, vals, n, key, &total, NULL);
	struct worth w = { 0, total };

	for (size_t i = 0; i < total; i++)
		own[e[i].vv.voter]++;
	for (size_t i = 0; i < n; i++)
		w.answers +=
		    vals[i].v->n > 0 && own[vals[i].voter] == vals[i].v->n;
	free(own);
	free(e);
	return w;
}

static const char *
choose_key(struct sk_vote *vt, const struct sk_vv *vals, size_t n)
{
	const char *key = sk_policy_key(vt->policy, vt->path.p), *best = NULL;
	struct worth w, most = { 0, 0 };
	size_t all = 0;

	if (key != NULL && key_worth(vt, vals, n, key).records > 0)
		return key;
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
	return most.answers >= vt->quorum || most.records * 2 > all ? best
	                                                            : NULL;
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
	const char *key = choose_key(vt, vals, n);
	size_t total, nr, least, r, len = vt->path.len, none;
	struct sk_jv *elements, *won, *one;
	struct lost lost;
	struct sk_vv *g;
	struct elem *e;
	struct run *runs;

	if (key == NULL)
		return sk_vote_set(vt, vals, n);
	r = sk_res_add(vt, SK_PATH_RECORDS, n);
	e = elems_of(vt, vals, n, key, &total, &lost);
	none = empties(vals, n);
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
	vt->res[r].agreed = nr > 0 || none >= vt->quorum;
	vt->res[r].count = nr > 0 ? least : none;
	vt->res[r].key = key;
	vt->res[r].elements = elements;
	vt->res[r].value = vt->res[r].agreed ? won : NULL;
	free(e);
	free(runs);
	free(g);
	return vt->res[r].agreed ? won : NULL;
}

/* ---- findings ---- */

static const char *const severities[] = { "info", "low", "minor", "medium",
	"moderate", "major", "high", "critical", "blocker" };

static size_t
severity_rank(const struct sk_jv *v)
{
	const char *s = sk_jstr(v);

	for (size_t i = 0; s != NULL && i < SK_ARRAY_SIZE(severities); i++)
		if (strcasecmp(s, severities[i]) == 0)
			return i + 1;
	return 0;
}

/* "F-1", "R2", "17": a running number of one agent, which names nothing. */
static bool
is_serial(const char *s, size_t n)
{
	size_t i = 0, digits;

	while (i < n && i < 3 &&
	       ((s[i] >= 'A' && s[i] <= 'Z') || (s[i] >= 'a' && s[i] <= 'z')))
		i++;
	if (i < n && (s[i] == '-' || s[i] == '_' || s[i] == '#'))
		i++;
	digits = n - i;
	for (; i < n; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return digits > 0 && digits <= 4;
}

/* What a finding is about: its short scalars except a running number and the
 * judgement of its weight; when that is nothing, its text. */
static struct sk_jv *
identity(struct sk_vote *vt, struct sk_jv *v)
{
	struct sk_jv *o = sk_jnew(vt->a, SK_J_OBJ);

	if (v->type != SK_J_OBJ)
		return v;
	for (size_t i = 0; i < v->n; i++) {
		const struct sk_jv *x = v->m[i].v;
		const char *k = v->m[i].key;

		if (strcmp(k, "severity") == 0 || strcmp(k, "confidence") == 0)
			continue;
		if (x->type != SK_J_STR && x->type != SK_J_NUM)
			continue;
		if (strcmp(k, "id") == 0 && is_serial(x->s, x->n))
			continue;
		if (x->type == SK_J_STR && sk_has_space(x->s, x->n))
			continue;
		sk_jadd(vt->a, o, k, v->m[i].klen, v->m[i].v);
	}
	return o->n > 0 ? o : v;
}

/* The most frequent wording, with the heaviest severity anybody gave. */
static struct sk_jv *
representative(struct sk_vote *vt, const struct elem *e, size_t n)
{
	struct sk_vv *vv = sk_calloc(n, sizeof(*vv));
	struct sk_jv *best, *sev, *worst = NULL;
	size_t at = 0, most = 0, rank = 0;
	bool known = true;

	for (size_t i = 0; i < n; i++) {
		vv[i] =
		    (struct sk_vv){ .v = e[i].whole, .voter = e[i].vv.voter };
		sk_vv_canon(vt, &vv[i]);
		sev = sk_jget(e[i].whole, "severity");
		known = known && (sev == NULL || severity_rank(sev) > 0);
		if (severity_rank(sev) > rank) {
			worst = sev;
			rank = severity_rank(sev);
		}
	}
	qsort(vv, n, sizeof(*vv), sk_vv_cmp);
	for (size_t i = 0, j; i < n; i = j) {
		for (j = i;
		     j < n && vv[j].canon_n == vv[i].canon_n &&
		     memcmp(vv[j].canon, vv[i].canon, vv[i].canon_n) == 0;
		     j++)
			;
		if (j - i > most) {
			most = j - i;
			at = i;
		}
	}
	best = sk_jcopy(vt->a, vv[at].v);
	/* A word that nobody can rank is not replaced by a lighter one. */
	if (worst != NULL && known && best->type == SK_J_OBJ)
		sk_jset(vt->a, best, "severity", worst);
	free(vv);
	return best;
}

static const struct sk_jv *
label(const struct sk_jv *v)
{
	const struct sk_jv *id = sk_jget(v, "id");

	return id != NULL ? id : v;
}

/* Sorted by identity; where one agent has two findings of one identity, it is
 * none, and their whole text tells them apart. Nothing is united away. */
static void
tell_apart(struct sk_vote *vt, struct elem *e, size_t total)
{
	size_t j;

	qsort(e, total, sizeof(*e), elem_cmp);
	for (size_t i = 0; i < total; i = j) {
		bool twice = false;

		for (j = i + 1; j < total && same_elem(&e[i], &e[j]); j++)
			twice = twice || e[j].vv.voter == e[j - 1].vv.voter;
		for (size_t k = i; twice && k < j; k++) {
			e[k].vv.v = e[k].whole;
			sk_vv_canon(vt, &e[k].vv);
		}
	}
	qsort(e, total, sizeof(*e), elem_cmp);
}

struct sk_jv *
sk_vote_union(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	size_t total = 0, k = 0, j, r = sk_res_add(vt, SK_PATH_UNION, n);
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR), *one, *ev;
	struct sk_jv *elements = sk_jnew(vt->a, SK_J_ARR);
	struct sk_vv *g = sk_calloc(vt->n_voters + 1, sizeof(*g));
	struct elem *e;

	for (size_t i = 0; i < n; i++)
		k += vals[i].v->n;
	e = sk_calloc(k + 1, sizeof(*e));
	for (size_t i = 0; i < n; i++)
		for (j = 0; j < vals[i].v->n; j++) {
			struct elem *x = &e[total++];

			x->whole = vals[i].v->a[j];
			x->vv.v = identity(vt, x->whole);
			x->vv.voter = vals[i].voter;
			x->pos = j;
			sk_vv_canon(vt, &x->vv);
		}
	tell_apart(vt, e, total);
	for (size_t i = 0; i < total; i = j) {
		size_t ng = 0;

		for (j = i; j < total && same_elem(&e[i], &e[j]); j++)
			if (ng == 0 || g[ng - 1].voter != e[j].vv.voter)
				g[ng++] = e[j].vv;
		one = representative(vt, &e[i], j - i);
		sk_jpush(vt->a, won, one);
		ev = sk_value_agents(vt, sk_jcopy(vt->a, label(one)), g, ng);
		sk_jpush(vt->a, elements, ev);
		if (ng > vt->res[r].count)
			vt->res[r].count = ng;
	}
	if (total == 0)
		vt->res[r].count = n;
	vt->res[r].agreed = n >= vt->quorum;
	vt->res[r].elements = elements;
	vt->res[r].value = won;
	free(e);
	free(g);
	return won;
}
