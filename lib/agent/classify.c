/* SPDX-License-Identifier: MIT */
/*
 * From an error text to a failure kind. The text is hostile, so there is no
 * regular expression here: patterns are lower-case words with '*' for "some
 * bytes on the same line", matched in one linear pass each over a bounded head.
 */
#include <ctype.h>
#include <string.h>

#include "agent/internal.h"
#include "data/data.h"

static bool
alnum(char c)
{
	return isalnum((unsigned char)c) != 0;
}

/*
 * Where part occurs in text at or after p. A part that starts or ends with a
 * digit must not touch another letter or digit there: "429" is not in "f4291".
 */
static const char *
find_part(const char *text, const char *p, const char *end, const char *part,
    size_t n)
{
	while ((size_t)(end - p) >= n) {
		const char *m = memmem(p, (size_t)(end - p), part, n);

		if (m == NULL)
			return NULL;
		if (!(isdigit((unsigned char)part[0]) && m > text &&
			alnum(m[-1])) &&
		    !(isdigit((unsigned char)part[n - 1]) && m + n < end &&
			alnum(m[n])))
			return m;
		p = m + 1;
	}
	return NULL;
}

/* Do the parts between '*' occur in this order on one line? */
static bool
match_line(const char *p, const char *end, const char *pat)
{
	const char *text = p;

	for (;;) {
		size_t n = strcspn(pat, "*");

		if (n > 0) {
			p = find_part(text, p, end, pat, n);
			if (p == NULL)
				return false;
			p += n;
		}
		if (pat[n] == '\0')
			return true;
		pat += n + 1;
	}
}

static bool
match(const char *text, size_t n, const char *pat)
{
	const char *end = text + n;

	while (text < end) {
		const char *nl = memchr(text, '\n', (size_t)(end - text));
		const char *stop = nl != NULL ? nl : end;

		if (match_line(text, stop, pat))
			return true;
		text = stop + 1;
	}
	return false;
}

static enum sk_kind
by_list(const struct sk_jv *list, const char *low, size_t n, int64_t http)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *e = sk_jat(list, i);
		const struct sk_jv *st = sk_jget(e, "status");
		const struct sk_jv *any = sk_jget(e, "any");
		enum sk_kind k;
		int64_t code;

		if (!sk_kind_of(sk_jget_str(e, "kind"), &k))
			continue;
		for (size_t j = 0; http > 0 && j < sk_jlen(st); j++)
			if (sk_jint(sk_jat(st, j), &code) && code == http)
				return k;
		for (size_t j = 0; j < sk_jlen(any); j++) {
			const char *pat = sk_jstr(sk_jat(any, j));

			if (pat != NULL && match(low, n, pat))
				return k;
		}
	}
	return SK_K_NONE;
}

static const struct sk_jv *
common_list(void)
{
	static struct sk_arena arena;
	static struct sk_jv *root;

	if (root == NULL) {
		const struct sk_data_file *f = sk_data_find("classify.toml");
		struct sk_err err = { 0 };

		if (f == NULL || sk_toml_parse(&arena, f->text, f->n, f->name,
				     &root, &err) != 0)
			sk_bug("classify.toml: %s", err.message);
	}
	return sk_jget(root, "classify");
}

enum sk_kind
sk_classify(
    const struct sk_adapter *ad, const char *text, size_t n, int64_t http)
{
	char low[SK_TEXT_KEPT];
	enum sk_kind k;

	/* Of too long a text the end tells more: the last error is final. */
	if (n > sizeof(low)) {
		text += n - sizeof(low);
		n = sizeof(low);
	}
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)text[i]);
	k = by_list(ad->classify, low, n, http);
	if (k == SK_K_NONE && ad->common)
		k = by_list(common_list(), low, n, http);
	return k;
}

/* ---- hints ---- */

/* One number with its unit at *p, as ms; false when there is none. */
static bool
one_span(const char **p, const char *end, double *ms)
{
	static const struct {
		const char *word;
		double ms;
	} unit[] = { { "milliseconds", 1 }, { "ms", 1 }, { "seconds", 1000 },
		{ "second", 1000 }, { "sec", 1000 }, { "s", 1000 },
		{ "minutes", 60000 }, { "minute", 60000 }, { "min", 60000 },
		{ "m", 60000 }, { "hours", 3600000 }, { "hour", 3600000 },
		{ "h", 3600000 }, { "days", 86400000 }, { "day", 86400000 },
		{ "d", 86400000 } };
	const char *q = *p;
	double x = 0, f = 1;
	bool digits = false;

	while (q < end && *q == ' ')
		q++;
	for (; q < end && isdigit((unsigned char)*q); q++, digits = true)
		x = x < 1e12 ? x * 10 + (*q - '0') : x;
	if (digits && q + 1 < end && *q == '.' && isdigit((unsigned char)q[1]))
		for (q++; q < end && isdigit((unsigned char)*q); q++)
			x += (*q - '0') * (f /= 10);
	if (!digits)
		return false;
	while (q < end && *q == ' ')
		q++;
	for (size_t i = 0; i < SK_ARRAY_SIZE(unit); i++) {
		size_t n = strlen(unit[i].word);

		if ((size_t)(end - q) >= n && memcmp(q, unit[i].word, n) == 0 &&
		    ((size_t)(end - q) == n || !isalpha((unsigned char)q[n]))) {
			*ms += x * unit[i].ms;
			*p = q + n;
			return true;
		}
	}
	*ms += x * 1000; /* a bare number is seconds */
	*p = end;
	return true;
}

int64_t
sk_retry_hint(const char *text, size_t n)
{
	static const char *const lead[] = { "try again in", "retry in",
		"retry after", "retry-after:", "try again after", NULL };
	char low[SK_TEXT_KEPT];

	if (n > sizeof(low)) {
		text += n - sizeof(low);
		n = sizeof(low);
	}
	for (size_t i = 0; i < n; i++)
		low[i] = (char)tolower((unsigned char)text[i]);
	for (size_t i = 0; lead[i] != NULL; i++) {
		const char *end = low + n;
		const char *p = memmem(low, n, lead[i], strlen(lead[i]));
		double ms = 0;

		if (p == NULL)
			continue;
		p += strlen(lead[i]);
		if (!one_span(&p, end, &ms))
			continue;
		while (p < end && isdigit((unsigned char)*p) &&
		       one_span(&p, end, &ms))
			;
		return ms < 4e12 ? (int64_t)(ms + 0.5) : 0;
	}
	return 0;
}
