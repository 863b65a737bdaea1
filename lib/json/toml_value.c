/* SPDX-License-Identifier: MIT */
/* TOML values: numbers, dates, words, arrays, inline tables. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/decimal.h"
#include "json/toml.h"

static bool
is_digit(int c)
{
	return c >= '0' && c <= '9';
}

/* ---- dates and times ---- */

/* n digits at *s as a number in [min, max], stepping over them. */
static bool
field(const char **s, int n, int min, int max, int *out)
{
	int v = 0;

	for (int i = 0; i < n; i++) {
		if (!is_digit((*s)[i]))
			return false;
		v = v * 10 + ((*s)[i] - '0');
	}
	*s += n;
	*out = v;
	return v >= min && v <= max;
}

static bool
skip_char(const char **s, const char *any)
{
	if (**s == '\0' || strchr(any, **s) == NULL)
		return false;
	++*s;
	return true;
}

static bool
full_date(const char **s)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };
	int y, m, d, max;

	/* (No calendar has a year 0, and readers of dates differ about it.) */
	if (!field(s, 4, 1, 9999, &y) || !skip_char(s, "-") ||
	    !field(s, 2, 1, 12, &m) || !skip_char(s, "-") ||
	    !field(s, 2, 1, 31, &d))
		return false;
	max = days[m - 1];
	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		max = 29;
	return d <= max;
}

static bool
partial_time(const char **s)
{
	int x;

	if (!field(s, 2, 0, 23, &x) || !skip_char(s, ":") ||
	    !field(s, 2, 0, 59, &x) || !skip_char(s, ":") ||
	    !field(s, 2, 0, 60, &x))
		return false;
	if (**s != '.')
		return true;
	++*s;
	if (!is_digit(**s))
		return false;
	while (is_digit(**s))
		++*s;
	return true;
}

static bool
offset(const char **s)
{
	int x;

	if (skip_char(s, "Zz"))
		return true;
	return skip_char(s, "+-") && field(s, 2, 0, 23, &x) &&
	       skip_char(s, ":") && field(s, 2, 0, 59, &x);
}

/* Which of the four kinds, or SK_TOML_NONE. */
static enum sk_toml_kind
date_kind(const char *s)
{
	if (s[2] == ':')
		return partial_time(&s) && *s == '\0' ? SK_TOML_TIME_LOCAL
		                                      : SK_TOML_NONE;
	if (!full_date(&s))
		return SK_TOML_NONE;
	if (*s == '\0')
		return SK_TOML_DATE_LOCAL;
	if (!skip_char(&s, "Tt ") || !partial_time(&s))
		return SK_TOML_NONE;
	if (*s == '\0')
		return SK_TOML_DATETIME_LOCAL;
	return offset(&s) && *s == '\0' ? SK_TOML_DATETIME : SK_TOML_NONE;
}

/* ---- numbers ---- */

/* Copy without underscores and without a plus in front; false where an
 * underscore does not stand between two digits. */
static bool
no_underscores(struct sk_buf *b, const char *s, const char *digits)
{
	if (*s == '+')
		s++;
	for (size_t i = 0; s[i] != '\0'; i++)
		if (s[i] != '_')
			sk_buf_ch(b, s[i]);
		else if (i == 0 || s[i + 1] == '\0' ||
			 strchr(digits, s[i - 1]) == NULL ||
			 strchr(digits, s[i + 1]) == NULL)
			return false;
	return true;
}

static struct sk_jv *
integer(struct sk_toml *t, size_t at, const char *s, const char *shown)
{
	static const char dec[] = "0123456789",
			  hex[] = "0123456789abcdefABCDEF";
	const char *digits = dec, *body = s;
	char *end, text[24];
	struct sk_jv *v = NULL;
	struct sk_buf b;
	long long x;
	int base = 10, n;

	sk_buf_init(&b, 0);
	if (s[0] == '0' && s[1] != '\0' && strchr("xob", s[1]) != NULL) {
		base = s[1] == 'x' ? 16 : s[1] == 'o' ? 8 : 2;
		digits = base == 16 ? hex : base == 8 ? "01234567" : "01";
		body = s + 2;
		if (*body == '+')
			goto malformed;
	}
	if (!no_underscores(&b, body, digits))
		goto malformed;
	body = b.p + (base == 10 && b.p[0] == '-');
	if (*body == '\0' || body[strspn(body, digits)] != '\0' ||
	    (base == 10 && body[0] == '0' && body[1] != '\0'))
		goto malformed;
	errno = 0;
	x = strtoll(b.p, &end, base);
	if (errno != 0) {
		sk_toml_bad(
		    t, at, "the integer '%s' needs more than 64 bits", shown);
		goto out;
	}
	n = snprintf(text, sizeof(text), "%lld", x);
	v = sk_toml_new(t, SK_J_NUM, at);
	v->s = sk_arena_strndup(t->a, text, (size_t)n);
	v->n = (size_t)n;
	goto out;
malformed:
	sk_toml_bad(t, at, "'%s' is no integer", shown);
out:
	sk_buf_free(&b);
	return v;
}

static struct sk_jv *
floating(struct sk_toml *t, size_t at, const char *s, const char *shown)
{
	struct sk_jv *v = NULL;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	/* What is left is the grammar of JSON. */
	if (!no_underscores(&b, s, "0123456789") || b.len == 0 ||
	    sk_num_len(b.p, b.len) != b.len) {
		sk_toml_bad(t, at, "'%s' is no number", shown);
	} else if (!sk_num_in_range(b.p, b.len)) {
		sk_toml_bad(t, at, "the number '%s' is out of range", shown);
	} else {
		v = sk_toml_new(t, SK_J_NUM, at);
		v->s = sk_arena_strndup(t->a, b.p, b.len);
		v->n = b.len;
		v->toml_kind = SK_TOML_FLOAT;
	}
	sk_buf_free(&b);
	return v;
}

/* ---- what stands without quotes ---- */

static struct sk_jv *
text_value(struct sk_toml *t, size_t at, const char *s, enum sk_toml_kind kind)
{
	struct sk_jv *v = sk_toml_new(t, SK_J_STR, at);
	char *copy = sk_arena_strdup(t->a, s);

	v->s = copy;
	v->n = strlen(copy);
	v->toml_kind = (uint8_t)kind;
	if (kind == SK_TOML_FLOAT)
		return v;
	/* One spelling: T between date and time, Z for UTC. */
	for (; *copy != '\0'; copy++)
		if (*copy == ' ' || *copy == 't')
			*copy = 'T';
		else if (*copy == 'z')
			*copy = 'Z';
	return v;
}

/* The letters, digits and signs at t->i; a date may go on behind a blank. */
static size_t
word_len(const struct sk_toml *t)
{
	size_t n = 0;
	int c;

	for (;; n++) {
		c = sk_toml_peek(t, n);
		if (c == ' ' && n == 10 && t->p[t->i + 4] == '-' &&
		    is_digit(sk_toml_peek(t, 11)))
			continue;
		if (!is_digit(c) && !(c >= 'a' && c <= 'z') &&
		    !(c >= 'A' && c <= 'Z') && c != '+' && c != '-' &&
		    c != '_' && c != '.' && c != ':')
			return n;
	}
}

static struct sk_jv *
word_value(struct sk_toml *t, size_t at, const char *s)
{
	const char *unsign = s + (*s == '+' || *s == '-');
	enum sk_toml_kind kind;
	char shown[64];

	snprintf(shown, sizeof(shown), "%s", s);
	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
		return sk_toml_new(t, *s == 't' ? SK_J_TRUE : SK_J_FALSE, at);
	if (strcmp(unsign, "inf") == 0 || strcmp(unsign, "nan") == 0)
		return text_value(t, at,
		    *s == '-' && unsign[0] == 'i' ? s : unsign, SK_TOML_FLOAT);
	if (strlen(s) >= 5 && is_digit(s[0]) &&
	    (s[2] == ':' || (s[4] == '-' && strpbrk(s, "eE") == NULL))) {
		kind = date_kind(s);
		if (kind != SK_TOML_NONE)
			return text_value(t, at, s, kind);
		sk_toml_bad(t, at, "'%s' is no date or time", shown);
		return NULL;
	}
	if (!is_digit(*unsign)) {
		sk_toml_bad(
		    t, at, "'%s' is no value; a string needs quotes", shown);
		return NULL;
	}
	if (strpbrk(s, ".eE") != NULL && strncmp(s, "0x", 2) != 0)
		return floating(t, at, s, shown);
	return integer(t, at, s, shown);
}

/* ---- arrays and inline tables ---- */

static struct sk_jv *
array(struct sk_toml *t, size_t depth)
{
	struct sk_jv *arr = sk_toml_new(t, SK_J_ARR, t->i), *v;
	size_t at = t->i++;

	for (;;) {
		if (!sk_toml_gap(t))
			return NULL;
		if (sk_toml_peek(t, 0) == ']')
			break;
		v = sk_toml_value(t, depth + 1);
		if (v == NULL)
			return NULL;
		sk_jpush(t->a, arr, v);
		if (!sk_toml_gap(t))
			return NULL;
		if (sk_toml_peek(t, 0) == ']')
			break;
		if (sk_toml_peek(t, 0) == ',') {
			t->i++;
			continue;
		}
		if (t->i >= t->n)
			sk_toml_bad(t, at, "this array never ends");
		else
			sk_toml_bad(t, t->i, "no ',' or ']' after the value");
		return NULL;
	}
	t->i++;
	return arr;
}

static struct sk_jv *
inline_table(struct sk_toml *t, size_t depth)
{
	struct sk_jv *tab = sk_toml_inline_table(t, t->i);

	t->i++;
	sk_toml_ws(t);
	if (sk_toml_peek(t, 0) == '}') {
		t->i++;
		return tab;
	}
	for (;;) {
		if (!sk_toml_pair(t, tab, depth))
			return NULL;
		sk_toml_ws(t);
		if (sk_toml_peek(t, 0) == '}')
			break;
		if (sk_toml_peek(t, 0) != ',') {
			sk_toml_bad(t, t->i,
			    "no ',' or '}' after the value; an inline table "
			    "stays on one line");
			return NULL;
		}
		t->i++;
	}
	t->i++;
	return tab;
}

struct sk_jv *
sk_toml_value(struct sk_toml *t, size_t depth)
{
	int c = sk_toml_peek(t, 0);
	size_t at = t->i, n;
	const char *s;
	struct sk_jv *v;

	if (c == '[' || c == '{') {
		if (depth >= SK_TOML_DEEP) {
			sk_toml_bad(
			    t, at, "nested more than %d deep", SK_TOML_DEEP);
			return NULL;
		}
		return c == '[' ? array(t, depth) : inline_table(t, depth);
	}
	if (c == '"' || c == '\'') {
		if (!sk_toml_string(t, false, &s, &n))
			return NULL;
		v = sk_toml_new(t, SK_J_STR, at);
		v->s = s;
		v->n = n;
		return v;
	}
	n = word_len(t);
	if (n == 0) {
		sk_toml_bad(t, at, "no value here");
		return NULL;
	}
	t->i += n;
	return word_value(t, at, sk_arena_strndup(t->a, t->p + at, n));
}
