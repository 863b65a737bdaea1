/* SPDX-License-Identifier: MIT */
/*
 * Findings are united: what one agent saw is not voted away. Two are one when
 * they say the same of the same thing, or stand within a few lines of one file
 * and share their rule or their words.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "consensus/elem.h"

/* ---- what a finding is ---- */

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
representative(struct sk_vote *vt, const struct sk_elem *e, size_t n)
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
tell_apart(struct sk_vote *vt, struct sk_elem *e, size_t total)
{
	size_t j;

	qsort(e, total, sizeof(*e), sk_elem_cmp);
	for (size_t i = 0; i < total; i = j) {
		bool twice = false;

		for (j = i + 1; j < total && sk_elem_same(&e[i], &e[j]); j++)
			twice = twice || e[j].vv.voter == e[j - 1].vv.voter;
		for (size_t k = i; twice && k < j; k++) {
			e[k].vv.v = e[k].whole;
			sk_vv_canon(vt, &e[k].vv);
		}
	}
	qsort(e, total, sizeof(*e), sk_elem_cmp);
}

/* ---- near each other ---- */

/* All elements of one identity, and where it is. */
struct place {
	size_t from, n; /* in the elements */
	size_t root; /* the place that it is united with */
	const char *file, *rule;
	const struct sk_jv *text;
	int64_t line;
};

static void
locate(struct place *p, const struct sk_elem *e)
{
	static const char *const files[] = { "file", "path", "filename", NULL };
	static const char *const rules[] = { "rule", "rule_id", "ruleId",
		"check", NULL };
	static const char *const texts[] = { "message", "what", "title",
		"description", "text", "risk", NULL };
	const struct sk_jv *w = e[p->from].whole;

	p->line = -1;
	if (w->type != SK_J_OBJ)
		return;
	p->file = sk_jget_first(w, files);
	p->rule = sk_jget_first(w, rules);
	for (const char *const *k = texts; p->text == NULL && *k != NULL; k++)
		if (sk_jget_str(w, *k) != NULL)
			p->text = sk_jget(w, *k);
	if (!sk_jget_int(w, "line", &p->line))
		(void)sk_jget_int(w, "start_line", &p->line);
}

static int
near_cmp(const void *x, const void *y)
{
	const struct place *const *a = x, *const *b = y;
	int c = strcmp((*a)->file, (*b)->file);

	if (c != 0)
		return c;
	if ((*a)->line != (*b)->line)
		return (*a)->line > (*b)->line ? 1 : -1;
	return ((*a)->from > (*b)->from) - ((*a)->from < (*b)->from);
}

static bool
alike(const struct place *a, const struct place *b)
{
	if (a->rule != NULL && b->rule != NULL)
		return strcmp(a->rule, b->rule) == 0;
	return a->text != NULL && b->text != NULL &&
	       sk_text_similarity(a->text, b->text) >= 500000000u;
}

/* Does any agent have a finding in both? Its own two are two. */
static bool
shared_voter(const struct sk_elem *e, const struct place *p, size_t np,
    size_t x, size_t y)
{
	for (size_t i = 0; i < np; i++)
		for (size_t j = 0; p[i].root == x && j < np; j++) {
			if (p[j].root != y)
				continue;
			for (size_t k = 0; k < p[i].n; k++)
				for (size_t m = 0; m < p[j].n; m++)
					if (e[p[i].from + k].vv.voter ==
					    e[p[j].from + m].vv.voter)
						return true;
		}
	return false;
}

static void
unite_near(const struct sk_vote *vt, const struct sk_elem *e, struct place *p,
    size_t np)
{
	struct place **at = sk_calloc(np + 1, sizeof(struct place *));
	size_t n = 0;

	for (size_t i = 0; i < np; i++)
		if (p[i].file != NULL && p[i].line >= 0)
			at[n++] = &p[i];
	qsort(at, n, sizeof(struct place *), near_cmp);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1;
		     j < n && strcmp(at[i]->file, at[j]->file) == 0 &&
		     at[j]->line - at[i]->line <= vt->policy->line_window;
		     j++) {
			size_t x = at[i]->root, y = at[j]->root;

			if (x == y || !alike(at[i], at[j]) ||
			    shared_voter(e, p, np, x, y))
				continue;
			for (size_t k = 0; k < np; k++)
				if (p[k].root == (x > y ? x : y))
					p[k].root = x > y ? y : x;
		}
	free(at);
}

/* ---- the union ---- */

static const char *
tier(const struct sk_vote *vt, const struct sk_vv *g, size_t n)
{
	if (n == vt->n_voters)
		return "all";
	if (sk_weight(vt, g, n) >= vt->quorum)
		return "quorum";
	return n > 1 ? "some" : "single";
}

/* {"high": 2, "low": 1}, heaviest first; NULL when nobody said. */
static struct sk_jv *
weights_given(struct sk_vote *vt, const struct sk_elem *e, size_t n)
{
	struct sk_jv *o = sk_jnew(vt->a, SK_J_OBJ);

	for (size_t s = SK_ARRAY_SIZE(severities) + 1; s-- > 1;) {
		int64_t count = 0;

		for (size_t i = 0; i < n; i++)
			count +=
			    severity_rank(sk_jget(e[i].whole, "severity")) == s;
		if (count > 0)
			sk_jset(vt->a, o, severities[s - 1],
			    sk_jnew_int(vt->a, count));
	}
	return o->n > 0 ? o : NULL;
}

/* All elements of one finding; g gets its voters, in order, once each. */
static void
put_finding(struct sk_vote *vt, size_t r, struct sk_elem *e, size_t n,
    struct sk_jv *won, struct sk_vv *g)
{
	struct sk_jv *one = representative(vt, e, n), *ev, *given;
	size_t ng = 0;

	for (size_t v = 0; v < vt->n_voters; v++)
		for (size_t i = 0; i < n; i++)
			if (e[i].vv.voter == v) {
				g[ng++] = e[i].vv;
				break;
			}
	sk_jpush(vt->a, won, one);
	ev = sk_value_agents(vt, sk_jcopy(vt->a, label(one)), g, ng);
	sk_jset(vt->a, ev, "tier", sk_jnew_cstr(vt->a, tier(vt, g, ng)));
	given = weights_given(vt, e, n);
	if (given != NULL)
		sk_jset(vt->a, ev, "severities", given);
	sk_jpush(vt->a, vt->res[r].elements, ev);
	if (ng > vt->res[r].count)
		vt->res[r].count = ng;
}

static size_t
places_of(const struct sk_elem *e, size_t total, struct place *p)
{
	size_t np = 0, j;

	for (size_t i = 0; i < total; i = j) {
		for (j = i; j < total && sk_elem_same(&e[i], &e[j]); j++)
			;
		p[np] = (struct place){ .from = i, .n = j - i, .root = np };
		locate(&p[np++], e);
	}
	return np;
}

struct sk_jv *
sk_vote_union(struct sk_vote *vt, struct sk_vv *vals, size_t n)
{
	size_t total = 0, k = 0, np, r = sk_res_add(vt, SK_PATH_UNION, n);
	struct sk_vv *g = sk_calloc(vt->n_voters + 1, sizeof(*g));
	struct sk_jv *won = sk_jnew(vt->a, SK_J_ARR);
	struct sk_elem *e, *group;
	struct place *p;

	for (size_t i = 0; i < n; i++)
		k += vals[i].v->n;
	e = sk_calloc(k + 1, sizeof(*e));
	group = sk_calloc(k + 1, sizeof(*group));
	p = sk_calloc(k + 1, sizeof(*p));
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < vals[i].v->n; j++) {
			struct sk_elem *x = &e[total++];

			x->whole = vals[i].v->a[j];
			x->vv.v = identity(vt, x->whole);
			x->vv.voter = vals[i].voter;
			x->pos = j;
			sk_vv_canon(vt, &x->vv);
		}
	tell_apart(vt, e, total);
	np = places_of(e, total, p);
	unite_near(vt, e, p, np);
	vt->res[r].elements = sk_jnew(vt->a, SK_J_ARR);
	for (size_t i = 0; i < np; i++) {
		size_t ng = 0;

		for (size_t j = i; p[i].root == i && j < np; j++)
			if (p[j].root == i) {
				memcpy(&group[ng], &e[p[j].from],
				    p[j].n * sizeof(*e));
				ng += p[j].n;
			}
		if (ng > 0)
			put_finding(vt, r, group, ng, won, g);
	}
	if (total == 0)
		vt->res[r].count = n;
	vt->res[r].agreed = sk_weight(vt, vals, n) >= vt->quorum;
	vt->res[r].value = won;
	free(e);
	free(group);
	free(p);
	free(g);
	return won;
}
