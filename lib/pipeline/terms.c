/* SPDX-License-Identifier: MIT */
/*
 * One thing under two names: a compound that is written in two ways, and a
 * requirement that is repeated with one word changed for another which the
 * specification does not know. Its own word is what is proposed.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/gate_check.h"

static void
propose(struct sk_finder *f, const struct sk_claim *c, const char *id,
    const char *text, const char *with)
{
	struct sk_jv *issue, *o;

	issue = sk_found(f, SK_MINOR, "terminology", sk_paper_names[c->paper],
	    c->line, id,
	    sk_arena_printf(f->a,
		"%s says \"%s\" where spec.md says \"%s\". If it is the same, "
		"replace \"%s\" with \"%s\".",
		sk_paper_names[c->paper], text, with, text, with));
	if (issue == NULL)
		return;
	o = sk_jnew(f->a, SK_J_OBJ);
	sk_jset(f->a, o, "text", sk_jnew_cstr(f->a, text));
	sk_jset(f->a, o, "with", sk_jnew_cstr(f->a, with));
	sk_jset(f->a, issue, "replace", o);
}

/* ---- compounds ---- */

struct form {
	const char *key; /* its letters alone, without an ending */
	const char *s; /* as it is written */
	const struct sk_claim *c;
	size_t seq;
};

static bool
is_letters(const char *s)
{
	for (; *s != '\0'; s++)
		if (!isalpha((unsigned char)*s))
			return false;
	return true;
}

/* "set up" is no "setup", and "any one" not "anyone". */
static bool
is_compound(const char *x, const char *y)
{
	static const char *const second[] = { "out", "off", "down", "over",
		"back", "one", "time", "times", "thing", "where", "how", "body",
		"day", "self", "more", "ever", "while", "all", "through",
		"away", "ward", NULL };
	static const char *const first[] = { "every", "some", "any", "over",
		"under", "with", "out", "one", "where", NULL };

	if (strlen(x) < 3 || strlen(y) < 3 || sk_word_is_small(x) ||
	    sk_word_is_small(y) || !is_letters(x) || !is_letters(y))
		return false;
	for (size_t i = 0; second[i] != NULL; i++)
		if (strcmp(second[i], y) == 0)
			return false;
	for (size_t i = 0; first[i] != NULL; i++)
		if (strcmp(first[i], x) == 0)
			return false;
	return true;
}

static const char *
key_of(struct sk_arena *a, const char *s)
{
	char *k = sk_arena_strdup(a, s), *to = k;

	for (; *s != '\0'; s++)
		if (isalpha((unsigned char)*s))
			*to++ = *s;
	if (to - k > 4 && to[-1] == 's')
		to--;
	*to = '\0';
	return k;
}

static int
by_key(const void *x, const void *y)
{
	const struct form *a = x, *b = y;
	int c = strcmp(a->key, b->key);

	return c != 0 ? c : a->seq < b->seq ? -1 : a->seq > b->seq;
}

static bool
is_joined(const char *s)
{
	return is_letters(s);
}

/* How the specification writes it, in one word or in two: the way that it has
 * more often, else the one that comes first; NULL when it does not. */
static const char *
preferred(const struct form *v, size_t n)
{
	const char *begins[2] = { NULL, NULL }; /* by is_joined() */
	size_t count[2] = { 0, 0 };
	bool way = false;

	for (size_t i = 0; i < n; i++) {
		bool joined = is_joined(v[i].s);

		if (v[i].c->paper != 0)
			continue;
		if (count[0] + count[1] == 0)
			way = joined;
		if (count[joined]++ == 0)
			begins[joined] = v[i].s;
	}
	return begins[count[!way] > count[way] ? !way : way];
}

/* All ways of one key: each paper's first that is not the specification's. */
static void
compare_forms(struct sk_finder *f, const struct form *v, size_t n)
{
	const char *best = preferred(v, n);
	bool told[SK_PAPERS] = { false };

	if (best == NULL)
		return;
	for (size_t i = 0; i < n; i++) {
		if (is_joined(v[i].s) == is_joined(best) || told[v[i].c->paper])
			continue;
		told[v[i].c->paper] = true;
		propose(f, v[i].c, v[i].c->id[0] != '\0' ? v[i].c->id : NULL,
		    v[i].s, best);
	}
}

static void
find_compounds(struct sk_finder *f, const struct sk_claim *c, size_t n)
{
	struct form *v = NULL;
	size_t count = 0, cap = 0, to;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < c[i].n; k++) {
			const char *s = c[i].w[k].s;
			const char *next =
			    k + 1 < c[i].n ? c[i].w[k + 1].s : "";

			if (count + 2 > cap) {
				cap = cap == 0 ? 1024 : 2 * cap;
				v = sk_reallocarray(v, cap, sizeof(*v));
			}
			if (strlen(s) > 4 && !isdigit((unsigned char)s[0]) &&
			    strpbrk(s, "_0123456789") == NULL) {
				v[count] = (struct form){ key_of(f->a, s), s,
					&c[i], count };
				count++;
			}
			if (is_compound(s, next)) {
				s = sk_arena_printf(f->a, "%s %s", s, next);
				v[count] = (struct form){ key_of(f->a, s), s,
					&c[i], count };
				count++;
			}
		}
	if (count > 0)
		qsort(v, count, sizeof(*v), by_key);
	for (size_t i = 0; i < count; i = to) {
		for (to = i + 1;
		     to < count && strcmp(v[to].key, v[i].key) == 0;)
			to++;
		compare_forms(f, v + i, to - i);
	}
	free(v);
}

/* ---- a word for another ---- */

/* The words of a paper, each once. */
struct vocabulary {
	const char **w;
	size_t n;
};

static void
learn(struct vocabulary *v, const struct sk_claim *c, size_t n, int paper,
    struct sk_arena *a)
{
	struct sk_slice *all;
	uint32_t *group;
	size_t count = 0, i = 0;

	for (size_t k = 0; k < n; k++)
		count += c[k].paper == paper ? c[k].n : 0;
	all = sk_reallocarray(NULL, count + 1, sizeof(*all));
	group = sk_reallocarray(NULL, count + 1, sizeof(*group));
	for (size_t k = 0; k < n; k++)
		for (size_t w = 0; c[k].paper == paper && w < c[k].n; w++)
			all[i++] = (struct sk_slice){ c[k].w[w].s,
				strlen(c[k].w[w].s) };
	v->n = 0;
	v->w = sk_arena_alloc(
	    a, (sk_group(all, count, group) + 1) * sizeof(*v->w));
	for (i = 0; i < count; i++)
		if (group[i] == v->n)
			v->w[v->n++] = all[i].p;
	free(all);
	free(group);
}

static bool
says(const struct vocabulary *v, const char *word)
{
	for (size_t i = 0; i < v->n; i++)
		if (sk_word_alike(v->w[i], word))
			return true;
	return false;
}

static bool
is_term(const struct sk_word *w)
{
	return strlen(w->s) > 3 && is_letters(w->s) && !sk_word_is_small(w->s);
}

/* The same words beside both. */
static bool
same_place(
    const struct sk_claim *c, size_t i, const struct sk_claim *d, size_t k)
{
	return i > 0 && k > 0 && i + 1 < c->n && k + 1 < d->n &&
	       strcmp(c->w[i - 1].s, d->w[k - 1].s) == 0 &&
	       strcmp(c->w[i + 1].s, d->w[k + 1].s) == 0 &&
	       (is_term(&c->w[i - 1]) || is_term(&c->w[i + 1]));
}

static void
compare_words(struct sk_finder *f, const struct vocabulary *v,
    const struct sk_claim *spec, const struct sk_claim *d)
{
	for (size_t i = 0; i < spec->n; i++) {
		if (!is_term(&spec->w[i]))
			continue;
		for (size_t k = 0; k < d->n; k++) {
			const char *x = spec->w[i].s, *y = d->w[k].s;

			/* (What is rarest is asked first.) */
			if (!same_place(spec, i, d, k) || !is_term(&d->w[k]) ||
			    sk_word_alike(x, y) || says(&v[0], y) ||
			    says(&v[d->paper], x))
				continue;
			propose(f, d, d->id, y, x);
		}
	}
}

void
sk_find_terms(struct sk_finder *f, const struct sk_claim *c, size_t n)
{
	struct vocabulary v[SK_PAPERS];
	const size_t *first, *next;

	find_compounds(f, c, n);
	for (int p = 0; p < SK_PAPERS; p++)
		learn(&v[p], c, n, p, f->a);
	sk_claims_chain(c, n, &first, &next, f->a);
	for (size_t i = 0; i < n; i++)
		for (size_t k = first[i]; k < i; k = next[k])
			if (c[k].paper == 0 && c[i].paper != 0)
				compare_words(f, v, &c[k], &c[i]);
}
