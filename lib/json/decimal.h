/* SPDX-License-Identifier: MIT */
/*
 * Exact decimals on number text, inside the json room: no binary floating
 * point takes part, so 0.1 stays 0.1 and 1e400 stays 1e400.
 */
#ifndef SK_JSON_DECIMAL_H
#define SK_JSON_DECIMAL_H

#include "json/json.h"

/* Trees from the readers are at most 64 deep; a tree built deeper than this
 * holds itself. */
#define SK_JSON_DEEP 2000

/*
 * One number without its spelling: 0.DIGITS * 10^top, where DIGITS is the n
 * bytes of a followed by those of b, with no zero at either end. Zero has no
 * digits and no sign.
 */
struct sk_dec {
	bool neg;
	const char *a, *b;
	size_t an, bn;
	int64_t top;
};

/* Length of the JSON number at the start of p, 0 when there is none. */
size_t sk_num_len(const char *p, size_t n);
/* False for what no double can hold; plain integers are exempt. */
bool sk_num_in_range(const char *s, size_t n);
/* s must be a JSON number. */
void sk_dec_read(struct sk_dec *d, const char *s, size_t n);
bool sk_dec_is_int(const struct sk_dec *d);
/* x is an integer times m; m is not zero. */
bool sk_dec_multiple(const struct sk_dec *x, const struct sk_dec *m);

static inline size_t
sk_dec_len(const struct sk_dec *d)
{
	return d->an + d->bn;
}

static inline char
sk_dec_digit(const struct sk_dec *d, size_t i)
{
	return i < d->an ? d->a[i] : d->b[i - d->an];
}

#endif
