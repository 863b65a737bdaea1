/* SPDX-License-Identifier: MIT */
/* The program that a pattern becomes: made by schema_regex.c, run by
 * schema_match.c. */
#ifndef SK_JSON_SCHEMA_REGEX_H
#define SK_JSON_SCHEMA_REGEX_H

#include "json/schema.h"

enum op { CHAR, SET, SPLIT, JUMP, START, END, WORD_EDGE, NO_EDGE, MATCH };

/* SPLIT goes on at x and at y, JUMP at x; both relative, so that code can be
 * copied and moved. SET: index of the set. */
struct inst {
	uint8_t op;
	bool neg;
	int32_t x, y;
};
struct range {
	uint32_t lo, hi;
};
struct set {
	size_t at, n; /* in ranges */
};

struct sk_re {
	struct inst *prog;
	size_t n, cap;
	struct range *ranges;
	size_t nranges, ranges_cap;
	struct set *sets;
	size_t nsets;
};

/* [0-9A-Za-z_] */
static inline bool
sk_re_word(uint32_t cp)
{
	return (cp >= '0' && cp <= '9') || (cp >= 'A' && cp <= 'Z') ||
	       cp == '_' || (cp >= 'a' && cp <= 'z');
}

#endif
