/* SPDX-License-Identifier: MIT */
/*
 * Regular expressions for schemas. Patterns become a program for a machine
 * that follows all alternatives at once, so that no text, however hostile,
 * makes it go back: time is length of the text times length of the program.
 */
#include <stdlib.h>
#include <string.h>

#include "json/schema_regex.h"

#define MAX_PROG 20000
#define MAX_GROUPS 100
#define MAX_COUNT 1000

struct parser {
	struct sk_re *re;
	const char *p;
	size_t n, i;
	int depth;
	const char *why;
};

static const struct range digits[] = { { '0', '9' } };
static const struct range words[] = { { '0', '9' }, { 'A', 'Z' }, { '_', '_' },
	{ 'a', 'z' } };
static const struct range blanks[] = { { 9, 13 }, { ' ', ' ' }, { 0xa0, 0xa0 },
	{ 0x1680, 0x1680 }, { 0x2000, 0x200a }, { 0x2028, 0x2029 },
	{ 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
	{ 0xfeff, 0xfeff } };
static const struct range line_ends[] = { { '\n', '\n' }, { '\r', '\r' },
	{ 0x2028, 0x2029 } };

/* ---- making the program ---- */

static bool
fail(struct parser *r, const char *why)
{
	if (r->why == NULL)
		r->why = why;
	return false;
}

/* Open a gap of k instructions at `at`. */
static bool
room(struct parser *r, size_t at, size_t k)
{
	struct sk_re *re = r->re;

	if (re->n + k > MAX_PROG)
		return fail(r, "it is too large");
	while (re->n + k > re->cap) {
		re->cap = re->cap ? re->cap * 2 : 32;
		re->prog =
		    sk_reallocarray(re->prog, re->cap, sizeof(*re->prog));
	}
	memmove(
	    re->prog + at + k, re->prog + at, (re->n - at) * sizeof(*re->prog));
	re->n += k;
	return true;
}

static bool
emit(struct parser *r, enum op op, int32_t x, int32_t y, bool neg)
{
	if (!room(r, r->re->n, 1))
		return false;
	r->re->prog[r->re->n - 1] =
	    (struct inst){ .op = (uint8_t)op, .neg = neg, .x = x, .y = y };
	return true;
}

static void
add_range(struct sk_re *re, uint32_t lo, uint32_t hi)
{
	SK_GROW(NULL, re->ranges, re->nranges, re->ranges_cap);
	re->ranges[re->nranges++] = (struct range){ lo, hi };
}

static void
add_ranges(struct sk_re *re, const struct range *v, size_t n, bool neg)
{
	uint32_t from = 0;

	for (size_t i = 0; i < n; i++) {
		if (!neg)
			add_range(re, v[i].lo, v[i].hi);
		else if (v[i].lo > from)
			add_range(re, from, v[i].lo - 1);
		from = v[i].hi + 1;
	}
	if (neg)
		add_range(re, from, 0x10ffff);
}

static bool
emit_set(struct parser *r, size_t from, bool neg)
{
	struct sk_re *re = r->re;

	re->sets = sk_reallocarray(re->sets, re->nsets + 1, sizeof(*re->sets));
	re->sets[re->nsets] = (struct set){ from, re->nranges - from };
	return emit(r, SET, (int32_t)re->nsets++, 0, neg);
}

/* ---- reading the pattern ---- */

static int
peek(const struct parser *r)
{
	return r->i < r->n ? (unsigned char)r->p[r->i] : -1;
}

/* \d \w \s and their opposites: add to the ranges. */
static bool
class_escape(struct parser *r, int c)
{
	switch (c) {
	case 'd':
	case 'D':
		add_ranges(r->re, digits, SK_ARRAY_SIZE(digits), c == 'D');
		return true;
	case 'w':
	case 'W':
		add_ranges(r->re, words, SK_ARRAY_SIZE(words), c == 'W');
		return true;
	case 's':
	case 'S':
		add_ranges(r->re, blanks, SK_ARRAY_SIZE(blanks), c == 'S');
		return true;
	default:
		return false;
	}
}

static bool
hex(struct parser *r, int n, uint32_t *cp)
{
	*cp = 0;
	for (int i = 0; i < n; i++) {
		int c = peek(r);

		if (c >= '0' && c <= '9')
			c -= '0';
		else if (c >= 'a' && c <= 'f')
			c -= 'a' - 10;
		else if (c >= 'A' && c <= 'F')
			c -= 'A' - 10;
		else
			return fail(r, "a hexadecimal escape is incomplete");
		*cp = *cp * 16 + (uint32_t)c;
		r->i++;
	}
	return true;
}

/* \uXXXX, a pair of them, or \u{…}; r->i is behind the u. */
static bool
unicode_escape(struct parser *r, uint32_t *cp)
{
	uint32_t lo;
	size_t at;

	if (peek(r) == '{') {
		for (at = ++r->i; peek(r) != '}' && peek(r) >= 0; r->i++)
			;
		lo = (uint32_t)(r->i - at);
		r->i = at;
		if (lo == 0 || lo > 6 || !hex(r, (int)lo, cp) || *cp > 0x10ffff)
			return fail(r, "\\u{…} needs one to six digits");
		r->i++;
		return true;
	}
	if (!hex(r, 4, cp))
		return false;
	if (*cp >= 0xd800 && *cp < 0xdc00 && r->n - r->i >= 6 &&
	    r->p[r->i] == '\\' && r->p[r->i + 1] == 'u') {
		r->i += 2;
		if (!hex(r, 4, &lo))
			return false;
		*cp = 0x10000 + ((*cp & 0x3ff) << 10) + (lo & 0x3ff);
	}
	return true;
}

/* An escape that stands for one character; r->i is behind the backslash. */
static bool
char_escape(struct parser *r, bool in_set, uint32_t *cp)
{
	static const char from[] = "tnvfr", to[] = "\t\n\v\f\r";
	int c = peek(r);
	const char *e = c > 0 ? strchr(from, c) : NULL;

	if (c < 0)
		return fail(r, "it ends in a backslash");
	if (c >= 0x80) {
		*cp = sk_utf8_next(r->p, r->n, &r->i);
		return true;
	}
	r->i++;
	if (e != NULL) {
		*cp = (uint32_t)to[e - from];
		return true;
	}
	*cp = (uint32_t)c;
	if (c == 'x')
		return hex(r, 2, cp);
	if (c == 'u')
		return unicode_escape(r, cp);
	if (c == 'c') {
		c = peek(r) | 0x20;
		if (c < 'a' || c > 'z')
			return fail(r, "\\c needs a letter");
		*cp = (uint32_t)(r->p[r->i++] & 0x1f);
		return true;
	}
	if (c == 'b' && in_set) {
		*cp = '\b';
		return true;
	}
	if (c == '0') {
		*cp = 0;
		return true;
	}
	if (c >= '1' && c <= '9')
		return fail(r, "back-references are not supported");
	if (c == 'p' || c == 'P')
		return fail(r, "\\p{…} is not supported");
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return fail(r, "it has an unknown escape");
	return true;
}

/* One end of a range in […]; *cp is -1 for a class such as \d. */
static bool
set_atom(struct parser *r, int64_t *cp)
{
	uint32_t c;

	if (peek(r) == '\\') {
		r->i++;
		if (class_escape(r, peek(r))) {
			r->i++;
			*cp = -1;
			return true;
		}
		if (!char_escape(r, true, &c))
			return false;
	} else {
		c = sk_utf8_next(r->p, r->n, &r->i);
	}
	*cp = c;
	return true;
}

static bool
bracket(struct parser *r)
{
	size_t from = r->re->nranges;
	int64_t lo, hi;
	bool neg = false;

	r->i++;
	if (peek(r) == '^') {
		neg = true;
		r->i++;
	}
	while (peek(r) != ']') {
		if (peek(r) < 0)
			return fail(r, "a '[' is not closed");
		if (!set_atom(r, &lo))
			return false;
		if (lo >= 0 && peek(r) == '-' && r->i + 1 < r->n &&
		    r->p[r->i + 1] != ']') {
			r->i++;
			if (!set_atom(r, &hi))
				return false;
			if (hi < 0) {
				/* [a-\d]: the dash is itself */
				add_range(r->re, '-', '-');
				hi = lo;
			}
			if (hi < lo)
				return fail(r, "a range in […] is reversed");
			add_range(r->re, (uint32_t)lo, (uint32_t)hi);
		} else if (lo >= 0) {
			add_range(r->re, (uint32_t)lo, (uint32_t)lo);
		}
	}
	r->i++;
	return emit_set(r, from, neg);
}

static bool alternatives(struct parser *r);

static bool
group(struct parser *r)
{
	int c;

	r->i++;
	if (peek(r) == '?') {
		c = r->i + 1 < r->n ? r->p[r->i + 1] : 0;
		if (c == '<' && r->i + 2 < r->n && r->p[r->i + 2] != '=' &&
		    r->p[r->i + 2] != '!') {
			while (peek(r) >= 0 && peek(r) != '>')
				r->i++;
			r->i++;
		} else if (c == ':') {
			r->i += 2;
		} else {
			return fail(r, "look-around is not supported");
		}
	}
	if (++r->depth > MAX_GROUPS)
		return fail(r, "its groups are nested too deep");
	if (!alternatives(r))
		return false;
	r->depth--;
	if (peek(r) != ')')
		return fail(r, "a '(' is not closed");
	r->i++;
	return true;
}

static bool
escape_atom(struct parser *r, bool *assertion)
{
	size_t from = r->re->nranges;
	uint32_t cp;

	r->i++;
	if (peek(r) == 'b' || peek(r) == 'B') {
		*assertion = true;
		return emit(
		    r, r->p[r->i++] == 'b' ? WORD_EDGE : NO_EDGE, 0, 0, false);
	}
	if (class_escape(r, peek(r))) {
		r->i++;
		return emit_set(r, from, false);
	}
	return char_escape(r, false, &cp) &&
	       emit(r, CHAR, (int32_t)cp, 0, false);
}

static bool
atom(struct parser *r, bool *assertion)
{
	size_t from = r->re->nranges;
	uint32_t cp;

	*assertion = false;
	switch (peek(r)) {
	case '^':
	case '$':
		*assertion = true;
		return emit(r, r->p[r->i++] == '^' ? START : END, 0, 0, false);
	case '.':
		r->i++;
		add_ranges(r->re, line_ends, SK_ARRAY_SIZE(line_ends), false);
		return emit_set(r, from, true);
	case '[':
		return bracket(r);
	case '(':
		return group(r);
	case '\\':
		return escape_atom(r, assertion);
	case '*':
	case '+':
	case '?':
		return fail(r, "there is nothing to repeat");
	default:
		cp = sk_utf8_next(r->p, r->n, &r->i);
		return emit(r, CHAR, (int32_t)cp, 0, false);
	}
}

/* {n}, {n,} or {n,m} at r->i; other braces stand for themselves. */
static bool
braces(struct parser *r, int *min, int *max)
{
	size_t i = r->i + 1;
	int v[2] = { 0, -1 }, k = 0;
	bool any = false;

	for (; i < r->n; i++) {
		char c = r->p[i];

		if (c >= '0' && c <= '9') {
			if (v[k] < 0)
				v[k] = 0;
			if (v[k] <= MAX_COUNT)
				v[k] = v[k] * 10 + (c - '0');
			any = true;
		} else if (c == ',' && k == 0 && any) {
			k = 1;
		} else if (c == '}' && any) {
			*min = v[0];
			*max = k == 0 ? v[0] : v[1];
			r->i = i + 1;
			return true;
		} else {
			return false;
		}
	}
	return false;
}

/* Repeat the code from `at` on: min times, then up to max (-1 = for ever). */
static bool
repeat(struct parser *r, size_t at, int min, int max)
{
	struct sk_re *re = r->re;
	size_t len = re->n - at;
	int copies = max < 0 ? (min > 0 ? min : 1) : max;
	int32_t skip = (int32_t)len + 1;

	if (min > MAX_COUNT || max > MAX_COUNT)
		return fail(r, "it repeats something too often");
	if (max >= 0 && max < min)
		return fail(r, "a repetition in {…} is reversed");
	if (max == 0) {
		re->n = at;
		return true;
	}
	for (int k = 1; k < copies; k++) {
		size_t to = re->n;

		if (!room(r, to, len))
			return false;
		memcpy(re->prog + to, re->prog + at, len * sizeof(*re->prog));
	}
	if (max < 0 && min > 0)
		return emit(r, SPLIT, -(int32_t)len, 1, false);
	if (max < 0) {
		if (!room(r, at, 1))
			return false;
		re->prog[at] = (struct inst){ SPLIT, false, 1, skip + 1 };
		return emit(r, JUMP, -skip, 0, false);
	}
	/* The optional copies, from the last to the first: each may be left
	 * out with all that follow. */
	for (int k = max - 1; k >= min; k--) {
		size_t to = at + (size_t)k * len;

		if (!room(r, to, 1))
			return false;
		re->prog[to] =
		    (struct inst){ SPLIT, false, 1, (int32_t)(re->n - to) };
	}
	return true;
}

static bool
quantified(struct parser *r)
{
	size_t at = r->re->n;
	int min = 1, max = 1, c;
	bool assertion;

	if (!atom(r, &assertion))
		return false;
	c = peek(r);
	if (c == '*' || c == '+' || c == '?') {
		min = c == '+';
		max = c == '?' ? 1 : -1;
		r->i++;
	} else if (c != '{' || !braces(r, &min, &max)) {
		return true;
	}
	if (assertion)
		return fail(r, "there is nothing to repeat");
	/* Greedy or not decides what is captured, not whether it matches. */
	if (peek(r) == '?')
		r->i++;
	return repeat(r, at, min, max);
}

static bool
alternatives(struct parser *r)
{
	size_t at = r->re->n, ends = 0, last = 0;

	for (;;) {
		while (peek(r) >= 0 && peek(r) != '|' && peek(r) != ')')
			if (!quantified(r))
				return false;
		if (peek(r) != '|')
			break;
		r->i++;
		/* SPLIT before this alternative, JUMP behind it; the jumps
		 * form a chain until the end is known. */
		if (!room(r, at, 1))
			return false;
		r->re->prog[at] = (struct inst){ SPLIT, false, 1,
			(int32_t)(r->re->n - at + 1) };
		last = r->re->n;
		if (!emit(r, JUMP, (int32_t)ends, 0, false))
			return false;
		ends = last;
		at = r->re->n;
	}
	while (ends != 0) {
		last = (size_t)r->re->prog[ends].x;
		r->re->prog[ends].x = (int32_t)(r->re->n - ends);
		ends = last;
	}
	return true;
}

struct sk_re *
sk_re_new(const char *p, size_t n, const char **why)
{
	struct sk_re *re = sk_calloc(1, sizeof(*re));
	struct parser r = { .re = re, .p = p, .n = n };

	if (alternatives(&r) && r.i < n)
		fail(&r, "a ')' was not opened");
	if (r.why == NULL)
		emit(&r, MATCH, 0, 0, false);
	if (r.why != NULL) {
		*why = r.why;
		sk_re_free(re);
		return NULL;
	}
	return re;
}

void
sk_re_free(struct sk_re *re)
{
	if (re == NULL)
		return;
	free(re->prog);
	free(re->ranges);
	free(re->sets);
	free(re);
}
