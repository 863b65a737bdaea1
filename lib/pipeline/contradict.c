/* SPDX-License-Identifier: MIT */
/*
 * Contradictions that need no agent: one requirement with two numbers, and what
 * must be done in one place and must not in another. Only what is said in the
 * same way is compared (a limit with a limit, seconds with minutes): a finding
 * that is none costs more trust than one that is missed.
 */
#include <stdio.h>
#include <string.h>

#include "pipeline/gate_check.h"

#define NEAR 6 /* words around a number that say what it is about */
#define ALIKE 60 /* percent of the words of two sentences */

/* ---- numbers ---- */

enum kind { PLAIN, UPPER, LOWER, PERIOD };
struct quantity {
	double value; /* in the dimension's unit */
	const char *dim; /* "time", "size", "percent", or what is counted */
	enum kind kind;
	size_t at, to; /* words of the claim: the first, behind the last */
};

static const struct {
	const char *word, *dim;
	double factor;
} units[] = { { "ms", "time", 1 }, { "millisecond", "time", 1 },
	{ "s", "time", 1e3 }, { "sec", "time", 1e3 }, { "second", "time", 1e3 },
	{ "min", "time", 6e4 }, { "minute", "time", 6e4 },
	{ "h", "time", 36e5 }, { "hour", "time", 36e5 },
	{ "day", "time", 864e5 }, { "week", "time", 6048e5 },
	{ "byte", "size", 1 }, { "kb", "size", 1024 }, { "kib", "size", 1024 },
	{ "mb", "size", 1048576 }, { "mib", "size", 1048576 },
	{ "gb", "size", 1073741824 }, { "gib", "size", 1073741824 },
	{ "tb", "size", 1099511627776 }, { "%", "percent", 1 },
	{ "percent", "percent", 1 } };

static bool
is_word(const struct sk_claim *c, size_t i, const char *s)
{
	return i < c->n && strcmp(c->w[i].s, s) == 0;
}

static bool
one_of(const struct sk_claim *c, size_t i, const char *const *list)
{
	for (; i < c->n && *list != NULL; list++)
		if (strcmp(c->w[i].s, *list) == 0)
			return true;
	return false;
}

/* What the words before and after a number make of it. */
static enum kind
kind_of(const struct sk_claim *c, size_t i, size_t after, size_t *from)
{
	static const char *const upper[] = { "within", "under", "below", "in",
		"max", "maximum", "most", "<", "<=", "limit", NULL };
	static const char *const lower[] = { "over", "above", "min", "minimum",
		"least", ">", ">=", NULL };
	static const char *const every[] = { "every", "each", "per", NULL };
	static const char *const no[] = { "no", "not", NULL };
	static const char *const more[] = { "more", "longer", "greater", NULL };
	static const char *const less[] = { "less", "fewer", "shorter", NULL };
	size_t b = i - 1;

	*from = i;
	if (is_word(c, after, "or"))
		return one_of(c, after + 1, less)   ? UPPER
		       : one_of(c, after + 1, more) ? LOWER
		                                    : PLAIN;
	if (i > 1 && is_word(c, b, "of"))
		b--;
	if (i == 0)
		return PLAIN;
	*from = b > 0 && is_word(c, b - 1, "at") ? b - 1 : b;
	if (one_of(c, b, upper))
		return UPPER;
	if (one_of(c, b, lower))
		return LOWER;
	if (one_of(c, b, every))
		return PERIOD;
	*from = b > 0 ? b - 1 : b;
	if (b > 0 && is_word(c, b, "to") && is_word(c, b - 1, "up"))
		return UPPER;
	if (b > 1 && is_word(c, b, "than") && one_of(c, b - 1, more))
		return one_of(c, b - 2, no) ? UPPER : LOWER;
	if (b > 1 && is_word(c, b, "than") && one_of(c, b - 1, less))
		return one_of(c, b - 2, no) ? LOWER : UPPER;
	*from = i;
	return PLAIN;
}

/* "an hour", "three attempts" */
static bool
value_of(const struct sk_claim *c, size_t i, double *v)
{
	static const char *const names[] = { "one", "two", "three", "four",
		"five", "six", "seven", "eight", "nine", "ten", "eleven",
		"twelve", NULL };

	*v = c->w[i].num;
	if (c->w[i].is_num)
		return true;
	for (size_t k = 0; names[k] != NULL; k++)
		if (is_word(c, i, names[k])) {
			*v = (double)(k + 1);
			return true;
		}
	*v = 1;
	return is_word(c, i, "a") || is_word(c, i, "an");
}

static bool
quantity_at(const struct sk_claim *c, size_t i, struct quantity *q)
{
	bool article = is_word(c, i, "a") || is_word(c, i, "an");
	const char *unit;
	size_t n;

	if (i + 1 >= c->n || !value_of(c, i, &q->value))
		return false;
	unit = c->w[i + 1].s;
	n = strlen(unit);
	q->dim = NULL;
	for (size_t k = 0; k < SK_ARRAY_SIZE(units) && q->dim == NULL; k++) {
		size_t len = strlen(units[k].word);

		if (strncmp(unit, units[k].word, len) != 0 ||
		    (n != len && (len < 3 || n != len + 1 || unit[len] != 's')))
			continue;
		q->dim = units[k].dim;
		q->value *= units[k].factor;
	}
	if (q->dim == NULL &&
	    (article || n < 4 || c->w[i + 1].is_num || sk_word_is_small(unit) ||
		strpbrk(unit, "-_0123456789") != NULL))
		return false;
	if (q->dim == NULL)
		q->dim = unit;
	q->to = i + 2;
	q->kind = kind_of(c, i, q->to, &q->at);
	return true;
}

/* How much work it is says nothing of the requirement. */
static bool
is_estimate(const struct sk_claim *c)
{
	static const char *const signs[] = { "effort", "estimate", "estimated",
		"estimation", NULL };

	for (size_t i = 0; i < c->n; i++)
		if (one_of(c, i, signs))
			return true;
	return false;
}

static bool
same_measure(const struct quantity *x, const struct quantity *y)
{
	return x->kind == y->kind && sk_word_alike(x->dim, y->dim);
}

static bool
is_about(const struct sk_claim *c, size_t i, const struct quantity *q)
{
	return (i < q->at || i >= q->to) && !c->w[i].is_num &&
	       strlen(c->w[i].s) > 3 && !sk_word_is_small(c->w[i].s);
}

/* A number alone is a limit of something: a word beside both says of what. */
static bool
same_thing(const struct sk_claim *c, const struct quantity *x,
    const struct sk_claim *d, const struct quantity *y)
{
	size_t i = x->at > NEAR ? x->at - NEAR : 0, k;

	if (x->kind != PLAIN ||
	    (strcmp(x->dim, "time") != 0 && strcmp(x->dim, "size") != 0 &&
		strcmp(x->dim, "percent") != 0))
		return true;
	for (; i < c->n && i < x->to + NEAR; i++)
		for (k = y->at > NEAR ? y->at - NEAR : 0;
		     is_about(c, i, x) && k < d->n && k < y->to + NEAR; k++)
			if (is_about(d, k, y) &&
			    sk_word_alike(c->w[i].s, d->w[k].s))
				return true;
	return false;
}

/* Is this value said in the claim, in this measure? */
static bool
says(const struct sk_claim *c, const struct quantity *q)
{
	struct quantity x;

	for (size_t i = 0; i < c->n; i++)
		if (quantity_at(c, i, &x) && same_measure(&x, q) &&
		    x.value > q->value - 1e-9 && x.value < q->value + 1e-9)
			return true;
	return false;
}

static const char *
phrase(const struct sk_claim *c, const struct quantity *q, struct sk_arena *a)
{
	const char *p = c->w[q->at].at;
	size_t n = (size_t)(c->w[q->to - 1].at + c->w[q->to - 1].n - p);
	char *s = sk_arena_strndup(a, p, n);

	for (size_t i = 0; i < n; i++)
		if (s[i] == '\n' || s[i] == '\r')
			s[i] = ' ';
	return s;
}

/* A narrower limit keeps the wider one. */
static bool
is_stricter(const struct quantity *q, const struct quantity *than)
{
	return (q->kind == UPPER && q->value < than->value) ||
	       (q->kind == LOWER && q->value > than->value);
}

static void
tell_numbers(struct sk_finder *f, const struct sk_claim *c,
    const struct quantity *x, const struct sk_claim *d,
    const struct quantity *y)
{
	(void)sk_found(f, is_stricter(y, x) ? SK_MINOR : SK_IMPORTANT,
	    "contradiction", sk_paper_names[d->paper], d->line, c->id,
	    sk_arena_printf(f->a,
		"%s is \"%s\" in %s, line %zu, and \"%s\" in %s, line %zu. "
		"Which one holds?",
		c->id, phrase(c, x, f->a), sk_paper_names[c->paper], c->line,
		phrase(d, y, f->a), sk_paper_names[d->paper], d->line));
}

static bool
two_numbers(
    struct sk_finder *f, const struct sk_claim *c, const struct sk_claim *later)
{
	struct quantity x, y, told = { .dim = "" };
	bool any = false;

	for (size_t i = 0; i < c->n; i++) {
		if (!quantity_at(c, i, &x) || says(later, &x) ||
		    same_measure(&x, &told))
			continue;
		for (size_t k = 0; k < later->n; k++) {
			if (!quantity_at(later, k, &y) ||
			    !same_measure(&x, &y) || says(c, &y) ||
			    !same_thing(c, &x, later, &y))
				continue;
			tell_numbers(f, c, &x, later, &y);
			told = x;
			any = true;
			break;
		}
	}
	return any;
}

/* ---- must, and must not ---- */

struct rule {
	const struct sk_claim *c;
	size_t from, verb, to; /* words of its sentence */
	bool never;
};

static bool
rule_at(const struct sk_claim *c, size_t i, struct rule *r)
{
	static const char *const must[] = { "must", "shall", NULL };
	static const char *const not [] = { "not", "never", NULL };
	size_t v = i + 1;

	if (is_word(c, i, "cannot")) {
		r->never = true;
	} else if (one_of(c, i, must)) {
		r->never = one_of(c, v, not );
		v += r->never;
	} else {
		return false;
	}
	if (is_word(c, v, "be"))
		v++;
	if (v >= c->n || c->w[v].s[0] == '\0')
		return false;
	r->c = c;
	r->verb = v;
	for (r->from = i; r->from > 0 && c->w[r->from - 1].s[0] != '\0';)
		r->from--;
	for (r->to = v; r->to < c->n && c->w[r->to].s[0] != '\0';)
		r->to++;
	return true;
}

static bool
has_meaning(const struct rule *r, size_t i)
{
	const char *s = r->c->w[i].s;
	size_t n = strlen(s);

	/* (An identifier names the claim, and is no part of it.) */
	return i != r->verb && !sk_word_is_small(s) &&
	       strcmp(s, "cannot") != 0 &&
	       !(strchr(s, '-') != NULL && s[n - 1] >= '0' && s[n - 1] <= '9');
}

static bool
holds(const struct rule *r, const char *word)
{
	for (size_t i = r->from; i < r->to; i++)
		if (has_meaning(r, i) && sk_word_alike(r->c->w[i].s, word))
			return true;
	return false;
}

/* The same verb, and most of the other words. */
static bool
same_rule(const struct rule *x, const struct rule *y)
{
	size_t both = 0, all = 0;

	if (!sk_word_alike(x->c->w[x->verb].s, y->c->w[y->verb].s))
		return false;
	for (size_t i = x->from; i < x->to; i++)
		if (has_meaning(x, i)) {
			all++;
			both += holds(y, x->c->w[i].s);
		}
	for (size_t i = y->from; i < y->to; i++)
		all += has_meaning(y, i) && !holds(x, y->c->w[i].s);
	return both > 1 && 100 * both >= ALIKE * all;
}

static void
both_ways(struct sk_finder *f, const struct rule *x, const struct rule *y)
{
	const struct sk_claim *c = x->c, *d = y->c;
	const char *id = c->id[0] != '\0' ? c->id : d->id;

	(void)sk_found(f, SK_CRITICAL, "contradiction",
	    sk_paper_names[d->paper], d->line, id[0] != '\0' ? id : NULL,
	    sk_arena_printf(f->a,
		"%s, line %zu, says it must %s%s, and %s, line %zu, that it "
		"must %s%s. Which one holds?",
		sk_paper_names[c->paper], c->line, x->never ? "not " : "",
		c->w[x->verb].s, sk_paper_names[d->paper], d->line,
		y->never ? "not " : "", d->w[y->verb].s));
}

#define MOST_RULES 2000
static void
find_rules(struct sk_finder *f, const struct sk_claim *c, size_t n)
{
	struct rule *v = sk_arena_alloc(f->a, MOST_RULES * sizeof(*v));
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < c[i].n && count < MOST_RULES; k++)
			count += rule_at(&c[i], k, &v[count]);
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < i; k++)
			if (v[i].never != v[k].never &&
			    same_rule(&v[k], &v[i])) {
				both_ways(f, &v[k], &v[i]);
				break;
			}
}

void
sk_find_contradictions(struct sk_finder *f, const struct sk_claim *c, size_t n)
{
	const size_t *first, *next;

	find_rules(f, c, n);
	sk_claims_chain(c, n, &first, &next, f->a);
	for (size_t i = 0; i < n; i++)
		for (size_t k = first[i]; k < i; k = next[k])
			if (!is_estimate(&c[k]) && !is_estimate(&c[i]) &&
			    two_numbers(f, &c[k], &c[i]))
				break;
}
