/* SPDX-License-Identifier: MIT */
/* Strict parsing of small things, word lists, shell quoting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/core.h"

bool
sk_streq(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

bool
sk_has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
sk_has_suffix(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}

/* Digits at *s into *out, advancing; false on overflow or no digit. */
static bool
digits(const char **s, int64_t *out)
{
	const char *p = *s;
	int64_t v = 0;

	if (*p < '0' || *p > '9')
		return false;
	for (; *p >= '0' && *p <= '9'; p++)
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *p - '0', &v))
			return false;
	*s = p;
	*out = v;
	return true;
}

bool
sk_parse_int(const char *s, int64_t min, int64_t max, int64_t *out)
{
	bool neg = *s == '-';
	int64_t v;

	if (neg)
		s++;
	if (!digits(&s, &v) || *s != '\0')
		return false;
	if (neg)
		v = -v;
	if (v < min || v > max)
		return false;
	*out = v;
	return true;
}

bool
sk_parse_duration(const char *s, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 },
		{ "h", 3600000 }, { "d", 86400000 } };
	int64_t total = 0, v, last = INT64_MAX;
	size_t i, n;

	do {
		if (!digits(&s, &v))
			return false;
		/* The longest unit first: "ms" before "m". */
		for (i = 0; i < SK_ARRAY_SIZE(units); i++) {
			n = strlen(units[i].unit);
			if (strncmp(s, units[i].unit, n) == 0)
				break;
		}
		if (i == SK_ARRAY_SIZE(units)) {
			if (*s != '\0' || last != INT64_MAX)
				return false;
			i = 1; /* a bare number is seconds */
			n = 0;
		}
		/* Units must fall: 1h30m, not 30m1h. */
		if (units[i].ms >= last ||
		    __builtin_mul_overflow(v, units[i].ms, &v) ||
		    __builtin_add_overflow(total, v, &total))
			return false;
		last = units[i].ms;
		s += n;
	} while (*s != '\0');
	*ms = total;
	return true;
}

bool
sk_parse_size(const char *s, int64_t *bytes)
{
	static const char units[] = "KMGT";
	const char *u;
	int64_t v, factor = 1;

	if (!digits(&s, &v))
		return false;
	if (*s != '\0' && *s != 'B') {
		u = strchr(units, *s == 'k' ? 'K' : *s);
		if (u == NULL)
			return false;
		factor = (int64_t)1 << (10 * (u - units + 1));
		s++;
		if (*s == 'i')
			s++;
	}
	if (*s == 'B')
		s++;
	if (*s != '\0' || __builtin_mul_overflow(v, factor, &v))
		return false;
	*bytes = v;
	return true;
}

void
sk_usd(int64_t micro, char out[SK_USD_LEN])
{
	if (micro < 0)
		(void)snprintf(out, SK_USD_LEN, "?");
	else
		(void)snprintf(out, SK_USD_LEN, "%lld.%06lld",
		    (long long)(micro / 1000000), (long long)(micro % 1000000));
}

void
sk_usd_least(int64_t micro, int least, char out[SK_USD_LEN])
{
	char *end;

	sk_usd(micro, out);
	if (micro < 0)
		return;
	end = out + strlen(out);
	for (int i = 6; i > least && end[-1] == '0'; i--)
		end--;
	if (end[-1] == '.')
		end--;
	*end = '\0';
}

bool
sk_parse_bool(const char *s, bool *out)
{
	static const char *const yes[] = { "1", "true", "yes", "on" };
	static const char *const no[] = { "0", "false", "no", "off", "" };
	char word[8] = "";
	size_t n;

	s += strspn(s, " \t\r\n");
	n = strlen(s);
	while (n > 0 && strchr(" \t\r\n", s[n - 1]) != NULL)
		n--;
	if (n >= sizeof(word))
		return false;
	memcpy(word, s, n);
	for (size_t i = 0; i < SK_ARRAY_SIZE(yes); i++)
		if (strcasecmp(word, yes[i]) == 0) {
			*out = true;
			return true;
		}
	for (size_t i = 0; i < SK_ARRAY_SIZE(no); i++)
		if (strcasecmp(word, no[i]) == 0) {
			*out = false;
			return true;
		}
	return false;
}

static bool
alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z');
}

static bool
ident(const char *s, size_t max)
{
	size_t n = strlen(s);

	if (n == 0 || n > max || !alnum(s[0]) || strstr(s, "..") != NULL)
		return false;
	for (size_t i = 1; i < n; i++)
		if (!alnum(s[i]) && s[i] != '.' && s[i] != '_' && s[i] != '-')
			return false;
	return true;
}

bool
sk_ident_ok(const char *s)
{
	return ident(s, 64);
}

bool
sk_branch_id_ok(const char *s)
{
	return ident(s, 128);
}

/* Edit distance with transposition, words cut at 31 bytes. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned d[32][32], sub, best;
	size_t n = strnlen(a, 31), m = strnlen(b, 31);

	for (size_t i = 0; i <= n; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= m; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++)
		for (size_t j = 1; j <= m; j++) {
			sub = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (sub < best)
				best = sub;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[n][m];
}

int
sk_check_name(const char *what, const char *s, bool (*ok)(const char *),
    struct sk_err *err)
{
	if (s == NULL || ok(s))
		return 0;
	(void)sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not the name of %s", s, what);
	return sk_hint(err,
	    "letters, digits, '.', '_' and '-', at most %d, a letter or digit "
	    "first, no '..'",
	    ok == sk_branch_id_ok ? 128 : 64);
}

const char *
sk_closest(const char *word, const char *const *list)
{
	const char *best = NULL;
	/* The dashes of an option resemble those of any other. */
	size_t letters = strnlen(word, 31) - strspn(word, "-");
	unsigned d, min = (unsigned)(letters / 3) + 2;

	for (; *list != NULL; list++) {
		d = distance(word, *list);
		/* As many edits as letters is not a resemblance. */
		if (d < min && d < strlen(*list)) {
			min = d;
			best = *list;
		}
	}
	return best;
}

void
sk_shell_quote(struct sk_buf *b, const char *s)
{
	static const char safe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";

	if (*s != '\0' && strspn(s, safe) == strlen(s)) {
		sk_buf_str(b, s);
		return;
	}
	sk_buf_ch(b, '\'');
	for (; *s != '\0'; s++)
		if (*s == '\'')
			sk_buf_str(b, "'\\''");
		else
			sk_buf_ch(b, *s);
	sk_buf_ch(b, '\'');
}

void
sk_buf_join(struct sk_buf *b, const struct sk_strv *v, const char *sep)
{
	for (size_t i = 0; i < v->n; i++)
		sk_buf_printf(b, "%s%s", i > 0 ? sep : "", v->v[i]);
}

void
sk_strv_add(struct sk_strv *v, const char *s)
{
	/* Capacity is the next power of two above n, so it need not be kept. */
	if (v->v == NULL || ((v->n + 1) & v->n) == 0)
		v->v = sk_reallocarray(v->v, (v->n + 1) * 2 + 1, sizeof(*v->v));
	v->v[v->n++] = sk_strdup(s);
	v->v[v->n] = NULL;
}

bool
sk_strv_has(const struct sk_strv *v, const char *s)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->v[i], s) == 0)
			return true;
	return false;
}

static int
by_bytes(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void
sk_strv_sort(struct sk_strv *v)
{
	if (v->n > 1)
		qsort(v->v, v->n, sizeof(*v->v), by_bytes);
}

void
sk_strv_free(struct sk_strv *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->v[i]);
	free(v->v);
	v->v = NULL;
	v->n = 0;
}

void
sk_strv_split(struct sk_strv *v, const char *s, char sep)
{
	const char *end;
	char *part;
	size_t n;

	for (;; s = end + 1) {
		end = strchr(s, sep);
		n = end != NULL ? (size_t)(end - s) : strlen(s);
		part = sk_strndup(s, n);
		while (n > 0 && strchr(" \t\r\n", part[n - 1]) != NULL)
			part[--n] = '\0';
		if (part[strspn(part, " \t\r\n")] != '\0')
			sk_strv_add(v, part + strspn(part, " \t\r\n"));
		free(part);
		if (end == NULL)
			return;
	}
}

int
sk_strv_words(struct sk_strv *v, const char *s, struct sk_err *err)
{
	const char *all = s;
	struct sk_buf w;
	bool in_word = false;
	char quote = 0;

	sk_buf_init(&w, 0);
	for (; *s != '\0'; s++) {
		if (quote == 0 && strchr(" \t\r\n", *s) != NULL) {
			if (in_word)
				sk_strv_add(v, w.p);
			sk_buf_clear(&w);
			in_word = false;
			continue;
		}
		in_word = true;
		if (quote == 0 && (*s == '\'' || *s == '"')) {
			quote = *s;
		} else if (*s == quote) {
			quote = 0;
		} else if (*s == '\\' && quote != '\'' && s[1] != '\0' &&
			   (quote == 0 || strchr("\"\\$`", s[1]) != NULL)) {
			sk_buf_ch(&w, *++s);
		} else {
			sk_buf_ch(&w, *s);
		}
	}
	if (in_word)
		sk_strv_add(v, w.p);
	sk_buf_free(&w);
	if (quote != 0)
		return sk_fail(err, SK_USAGE, "unclosed_quote",
		    "unclosed quote in '%s'", all);
	return 0;
}
