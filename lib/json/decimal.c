/* SPDX-License-Identifier: MIT */
/* Exact decimals on number text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "json/decimal.h"

/* Far beyond what a document may hold, far from overflow. */
#define EXP_CLAMP ((int64_t)1 << 60)

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

size_t
sk_num_len(const char *p, size_t n)
{
	size_t i = 0, j;

	if (i < n && p[i] == '-')
		i++;
	if (i >= n || !is_digit(p[i]))
		return 0;
	if (p[i] == '0')
		i++;
	else
		while (i < n && is_digit(p[i]))
			i++;
	if (i < n && p[i] == '.') {
		j = i + 1;
		while (j < n && is_digit(p[j]))
			j++;
		if (j == i + 1)
			return 0;
		i = j;
	}
	if (i < n && (p[i] == 'e' || p[i] == 'E')) {
		j = i + 1;
		if (j < n && (p[j] == '+' || p[j] == '-'))
			j++;
		if (j >= n || !is_digit(p[j]))
			return 0;
		while (j < n && is_digit(p[j]))
			j++;
		i = j;
	}
	return i;
}

/* The exponent behind 'e', clamped. */
static int64_t
read_exp(const char *s, size_t n)
{
	int64_t e = 0;
	bool neg = false;
	size_t i = 0;

	if (i < n && (s[i] == '+' || s[i] == '-'))
		neg = s[i++] == '-';
	for (; i < n; i++)
		if (e < EXP_CLAMP / 16)
			e = e * 10 + (s[i] - '0');
		else
			e = EXP_CLAMP;
	return neg ? -e : e;
}

void
sk_dec_read(struct sk_dec *d, const char *s, size_t n)
{
	int64_t exp = 0;
	size_t i = 0, j;

	memset(d, 0, sizeof(*d));
	if (n > 0 && s[0] == '-') {
		d->neg = true;
		i = 1;
	}
	for (j = i; j < n && is_digit(s[j]); j++)
		;
	d->a = s + i;
	d->an = j - i;
	d->b = s + j;
	if (j < n && s[j] == '.') {
		d->b = s + ++j;
		while (j < n && is_digit(s[j]))
			j++;
		d->bn = (size_t)(s + j - d->b);
	}
	if (j < n && (s[j] == 'e' || s[j] == 'E'))
		exp = read_exp(s + j + 1, n - j - 1);
	while (d->an > 0 && d->a[0] == '0') {
		d->a++;
		d->an--;
	}
	d->top = exp + (int64_t)d->an;
	if (d->an == 0)
		while (d->bn > 0 && d->b[0] == '0') {
			d->b++;
			d->bn--;
			d->top--;
		}
	while (d->bn > 0 && d->b[d->bn - 1] == '0')
		d->bn--;
	if (d->bn == 0)
		while (d->an > 0 && d->a[d->an - 1] == '0')
			d->an--;
	if (sk_dec_len(d) == 0) {
		d->neg = false;
		d->top = 0;
	}
}

/* Compare sizes without signs. */
static int
cmp_abs(const struct sk_dec *x, const struct sk_dec *y)
{
	size_t xn = sk_dec_len(x), yn = sk_dec_len(y);

	if (xn == 0 || yn == 0)
		return (xn > 0) - (yn > 0);
	if (x->top != y->top)
		return x->top < y->top ? -1 : 1;
	for (size_t i = 0; i < xn && i < yn; i++) {
		char a = sk_dec_digit(x, i), b = sk_dec_digit(y, i);

		if (a != b)
			return a < b ? -1 : 1;
	}
	return (xn > yn) - (xn < yn);
}

int
sk_num_cmp(const char *a, size_t an, const char *b, size_t bn)
{
	struct sk_dec x, y;

	sk_dec_read(&x, a, an);
	sk_dec_read(&y, b, bn);
	if (x.neg != y.neg)
		return x.neg ? -1 : 1;
	return x.neg ? cmp_abs(&y, &x) : cmp_abs(&x, &y);
}

bool
sk_dec_is_int(const struct sk_dec *d)
{
	return d->top >= (int64_t)sk_dec_len(d);
}

/* Digit i of the integer d * 10^shift, where len says how many it has. */
static unsigned
int_digit(const struct sk_dec *d, size_t i)
{
	return i < sk_dec_len(d) ? (unsigned)(sk_dec_digit(d, i) - '0') : 0;
}

/* Remainder test with a divisor of any length: schoolbook subtraction on
 * digit bytes, most significant first. */
static bool
multiple_long(
    const struct sk_dec *x, size_t xn, const struct sk_dec *m, size_t mn)
{
	uint8_t *rem = sk_calloc(mn + 1, 1);
	bool zero = true;

	for (size_t i = 0; i < xn; i++) {
		memmove(rem, rem + 1, mn);
		rem[mn] = (uint8_t)int_digit(x, i);
		for (;;) {
			size_t k = 0;

			while (rem[0] == 0 && k < mn &&
			       rem[k + 1] == int_digit(m, k))
				k++;
			if (rem[0] == 0 && k < mn &&
			    rem[k + 1] < int_digit(m, k))
				break;
			for (k = mn; k > 0; k--) {
				int v = rem[k] - (int)int_digit(m, k - 1);

				if (v < 0) {
					v += 10;
					rem[k - 1]--;
				}
				rem[k] = (uint8_t)v;
			}
		}
	}
	for (size_t k = 0; k <= mn; k++)
		zero = zero && rem[k] == 0;
	free(rem);
	return zero;
}

bool
sk_dec_multiple(const struct sk_dec *x, const struct sk_dec *m)
{
	int64_t xe = x->top - (int64_t)sk_dec_len(x);
	int64_t me = m->top - (int64_t)sk_dec_len(m);
	int64_t low = xe < me ? xe : me, xn, mn;
	uint64_t div = 0, rem = 0;

	if (sk_dec_len(x) == 0)
		return true;
	/* Both as integers times 10^low. */
	xn = x->top - low;
	mn = m->top - low;
	if (mn > xn || xn > (1 << 24))
		return false;
	if (mn > 18)
		return multiple_long(x, (size_t)xn, m, (size_t)mn);
	for (size_t i = 0; i < (size_t)mn; i++)
		div = div * 10 + int_digit(m, i);
	for (size_t i = 0; i < (size_t)xn; i++)
		rem = (rem * 10 + int_digit(x, i)) % div;
	return rem == 0;
}

/* A number that no double can hold would change its value in the next reader
 * of our output. Plain integers are exempt: they are ids. */
bool
sk_num_in_range(const char *s, size_t n)
{
	struct sk_dec d;
	char *copy;
	bool ok;

	if (memchr(s, '.', n) == NULL && memchr(s, 'e', n) == NULL &&
	    memchr(s, 'E', n) == NULL)
		return true;
	sk_dec_read(&d, s, n);
	if (sk_dec_len(&d) == 0 || (d.top <= 308 && d.top > -323))
		return true;
	if (d.top > 309 || d.top < -325)
		return false;
	copy = sk_strndup(s, n);
	ok = isfinite(strtod(copy, NULL)) && strtod(copy, NULL) != 0;
	free(copy);
	return ok;
}
