/* SPDX-License-Identifier: MIT */
/*
 * Values made comparable: the views of a short string that a policy asks for,
 * aliases, units, and numbers within a tolerance. What is compared is never
 * what is shown: the value that wins is one that an agent gave. Numbers are
 * exact decimals throughout; a double would make neighbours of strangers.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/internal.h"

/* ---- strings ---- */

/* ASCII, Latin, Greek and Cyrillic: enough for words that agents answer with,
 * and the same everywhere, because no locale is asked. */
static uint32_t
fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c + 32;
	if ((c >= 0xc0 && c <= 0xde && c != 0xd7) ||
	    (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
		return c + 32;
	if (c >= 0x400 && c <= 0x40f)
		return c + 80;
	if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177))
		return c | 1;
	if (c >= 0x139 && c <= 0x148)
		return (c & 1) != 0 ? c + 1 : c;
	return c == 0x3c2 ? 0x3c3 : c;
}

/* A base letter and a combining mark as the one letter that they are. */
static uint32_t
compose(uint32_t base, uint32_t mark)
{
	static const struct {
		uint16_t mark;
		const char *bases;
		uint16_t made[14];
	} table[] = {
		{ 0x300, "AEIOUaeiou",
		    { 0xc0, 0xc8, 0xcc, 0xd2, 0xd9, 0xe0, 0xe8, 0xec, 0xf2,
			0xf9 } },
		{ 0x301, "AEIOUYaeiouy",
		    { 0xc1, 0xc9, 0xcd, 0xd3, 0xda, 0xdd, 0xe1, 0xe9, 0xed,
			0xf3, 0xfa, 0xfd } },
		{ 0x302, "AEIOUaeiou",
		    { 0xc2, 0xca, 0xce, 0xd4, 0xdb, 0xe2, 0xea, 0xee, 0xf4,
			0xfb } },
		{ 0x303, "ANOano", { 0xc3, 0xd1, 0xd5, 0xe3, 0xf1, 0xf5 } },
		{ 0x308, "AEIOUaeiouy",
		    { 0xc4, 0xcb, 0xcf, 0xd6, 0xdc, 0xe4, 0xeb, 0xef, 0xf6,
			0xfc, 0xff } },
		{ 0x30a, "Aa", { 0xc5, 0xe5 } },
		{ 0x30c, "CDENRSTZcenrsz",
		    { 0x10c, 0x10e, 0x11a, 0x147, 0x158, 0x160, 0x164, 0x17d,
			0x10d, 0x11b, 0x148, 0x159, 0x161, 0x17e } },
		{ 0x327, "CScs", { 0xc7, 0x15e, 0xe7, 0x15f } },
	};
	const char *at;

	if (base >= 0x80)
		return 0;
	for (size_t i = 0; i < SK_ARRAY_SIZE(table); i++)
		if (table[i].mark == mark &&
		    (at = strchr(table[i].bases, (int)base)) != NULL &&
		    base != 0)
			return table[i].made[at - table[i].bases];
	return 0;
}

static bool
is_space(uint32_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 ||
	       (c >= 0x2000 && c <= 0x200b) || c == 0x3000;
}

static bool
is_punct(uint32_t c)
{
	if (c < 0x80)
		return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') ||
		       (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
	return (c >= 0x2010 && c <= 0x2027) || (c >= 0x2030 && c <= 0x205e) ||
	       c == 0xab || c == 0xbb;
}

/* Words in byte order: "b a" and "a b" are one. */
static void
sort_words(struct sk_buf *b, size_t from)
{
	struct sk_strv v = { 0 };
	char *s = sk_strdup(b->p + from);

	sk_strv_split(&v, s, ' ');
	sk_strv_sort(&v);
	b->len = from;
	b->p[from] = '\0';
	for (size_t i = 0; i < v.n; i++) {
		if (i > 0)
			sk_buf_ch(b, ' ');
		sk_buf_str(b, v.v[i]);
	}
	sk_strv_free(&v);
	free(s);
}

void
sk_norm_text(struct sk_buf *b, const char *s, size_t n, unsigned views)
{
	uint32_t c, next, made;
	size_t i = 0, k, from = b->len;
	bool gap = false;

	sk_trim(&s, &n);
	while (i < n) {
		c = sk_utf8_next(s, n, &i);
		for (k = i; (views & SK_VIEW_NFC) != 0 && k < n; i = k) {
			next = sk_utf8_next(s, n, &k);
			made = compose(c, next);
			if (made == 0)
				break;
			c = made;
		}
		if ((views & SK_VIEW_CASE) != 0)
			c = fold(c);
		if ((views & SK_VIEW_PUNCT) != 0 && is_punct(c))
			c = ' ';
		if ((views & SK_VIEW_DIGITS) != 0 && (c < '0' || c > '9'))
			continue;
		if ((views & (SK_VIEW_SPACE | SK_VIEW_WORDS | SK_VIEW_PUNCT)) !=
			0 &&
		    is_space(c)) {
			gap = true;
			continue;
		}
		if (gap && b->len > from)
			sk_buf_ch(b, ' ');
		gap = false;
		sk_buf_utf8(b, c);
	}
	if ((views & SK_VIEW_WORDS) != 0)
		sort_words(b, from);
}

/* ---- numbers with units ---- */

/* Value times 10^-9, as far as it fits: 19 digits before the point. */
#define SCALE 9

static bool
fixed(const char *s, size_t n, __int128 *out)
{
	struct sk_buf b;
	__int128 x = 0;
	size_t i = 0, frac = 0;
	bool neg, point = false, ok = true;
	int64_t exp = 0;

	/* "-12.5", "1e400": whole digits, a point, an exponent. */
	sk_buf_init(&b, 1000);
	sk_num_canon(&b, s, n);
	neg = b.p[0] == '-';
	for (i = neg; i < b.len; i++) {
		if (b.p[i] == '.') {
			point = true;
		} else if (b.p[i] == 'e' || b.p[i] == 'E') {
			ok = sk_parse_int(b.p + i + 1, -60, 60, &exp);
			break;
		} else if (x < (__int128)1 << 100) {
			x = x * 10 + (b.p[i] - '0');
			frac += point;
		} else {
			ok = false;
		}
	}
	exp += SCALE - (int64_t)frac;
	for (; ok && exp > 0; exp--) {
		ok = x < (__int128)1 << 100;
		x *= 10;
	}
	for (; ok && exp < 0; exp++) {
		ok = x % 10 == 0;
		x /= 10;
	}
	sk_buf_free(&b);
	*out = neg ? -x : x;
	return ok;
}

struct unit {
	const char *name;
	char what; /* t time, b bytes, r ratio */
	int64_t num, den;
};
static const struct unit units[] = {
	{ "ns", 't', 1, 1000000000 },
	{ "us", 't', 1, 1000000 },
	{ "ms", 't', 1, 1000 },
	{ "s", 't', 1, 1 },
	{ "sec", 't', 1, 1 },
	{ "min", 't', 60, 1 },
	{ "h", 't', 3600, 1 },
	{ "d", 't', 86400, 1 },
	{ "B", 'b', 1, 1 },
	{ "kB", 'b', 1000, 1 },
	{ "KB", 'b', 1000, 1 },
	{ "MB", 'b', 1000000, 1 },
	{ "GB", 'b', 1000000000, 1 },
	{ "KiB", 'b', 1024, 1 },
	{ "MiB", 'b', 1048576, 1 },
	{ "GiB", 'b', 1073741824, 1 },
	{ "%", 'r', 1, 100 },
	{ "", 'r', 1, 1 },
};

static const struct unit *
unit_of(const char *s, size_t n)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(units); i++)
		if (strlen(units[i].name) == n &&
		    memcmp(units[i].name, s, n) == 0)
			return &units[i];
	return NULL;
}

bool
sk_unit_ok(const char *s)
{
	return unit_of(s, strlen(s)) != NULL;
}

/* 1500, "1500", "1.5 s" in the unit that the policy names; false when it is no
 * such thing. */
bool
sk_measure(const struct sk_jv *v, const char *unit, __int128 *out)
{
	const struct unit *from,
	    *to = unit != NULL ? unit_of(unit, strlen(unit)) : NULL;
	const char *s = v->s;
	size_t n = v->n, num;

	if (v->type == SK_J_NUM)
		return fixed(s, n, out);
	if (v->type != SK_J_STR)
		return false;
	sk_trim(&s, &n);
	for (num = 0; num < n && (strchr("0123456789.-+", s[num]) != NULL);
	     num++)
		;
	if (num == 0 || s[0] == '+' || s[0] == '.' || s[num - 1] == '.' ||
	    memchr(s + 1, '-', num - 1) != NULL || !fixed(s, num, out))
		return false;
	s += num;
	n -= num;
	sk_trim(&s, &n);
	if (n == 0)
		return true;
	from = unit_of(s, n);
	if (from == NULL || to == NULL || from->what != to->what)
		return false;
	if (*out > ((__int128)1 << 90) || *out < -((__int128)1 << 90))
		return false;
	*out = *out * from->num * to->den / from->den / to->num;
	return true;
}

/* "3%", "0.5" or "3% + 0.5": relative in parts of 10^9, absolute as above. */
bool
sk_tolerance_parse(const char *s, struct sk_tolerance *t)
{
	struct sk_strv parts = { 0 };
	bool ok;

	memset(t, 0, sizeof(*t));
	sk_strv_split(&parts, s, '+');
	ok = parts.n > 0 && parts.n <= 2;
	for (size_t i = 0; ok && i < parts.n; i++) {
		char *p = parts.v[i];
		size_t n = strlen(p);
		bool rel = n > 1 && p[n - 1] == '%';
		__int128 x;

		n -= rel;
		ok = n > 0 && strspn(p, "0123456789.") == n && p[0] != '.' &&
		     p[n - 1] != '.' && strchr(p, '.') == strrchr(p, '.') &&
		     fixed(p, n, &x);
		if (ok && rel)
			t->rel = (int64_t)(x / 100);
		else if (ok)
			t->abs = x;
		ok = ok && (!rel || x / 100 <= 1000000000);
	}
	sk_strv_free(&parts);
	t->on = ok;
	return ok;
}

/* How far apart two values may be that are one measurement. */
__int128
sk_tolerance_at(const struct sk_tolerance *t, __int128 lo, __int128 hi)
{
	__int128 a = lo < 0 ? -lo : lo, b = hi < 0 ? -hi : hi;
	__int128 big = a > b ? a : b;

	if (big > ((__int128)1 << 95))
		return t->abs;
	return t->abs + big * t->rel / 1000000000;
}
