/* SPDX-License-Identifier: MIT */
/*
 * From an error text to a failure kind. The text is hostile, so there is no
 * regular expression here: patterns are lower-case words with '*' for "some
 * bytes on the same line", matched in one linear pass each over a bounded tail.
 * A pattern matches whole words; with '*' at an edge it may go on there.
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
 * Where part occurs in text at or after p. At an edge that is the pattern's own
 * it must not go on with a letter or digit: "auth" is not in "author", "429"
 * not in "f4291".
 */
static const char *
find_part(const char *text, const char *p, const char *end, const char *part,
    size_t n, bool first, bool last)
{
	while ((size_t)(end - p) >= n) {
		const char *m = memmem(p, (size_t)(end - p), part, n);

		if (m == NULL)
			return NULL;
		if (!(first && alnum(part[0]) && m > text && alnum(m[-1])) &&
		    !(last && alnum(part[n - 1]) && m + n < end && alnum(m[n])))
			return m;
		p = m + 1;
	}
	return NULL;
}

/* Do the parts between '*' occur in this order on one line? */
static bool
match_line(const char *p, const char *end, const char *pat)
{
	const char *text = p, *start = pat;

	for (;;) {
		size_t n = strcspn(pat, "*");

		if (n > 0) {
			p = find_part(
			    text, p, end, pat, n, pat == start, pat[n] == '\0');
			if (p == NULL)
				return false;
			p += n;
		}
		if (pat[n] == '\0')
			return true;
		pat += n + 1;
	}
}

bool
sk_pattern_in(const char *text, size_t n, const char *pat)
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

/* ---- HTTP status ---- */

/* Words that stand before a status, and after one. A number alone says
 * nothing: there are token counts, ports and ids in these texts. */
static const char *const before[] = { "status", "status code", "statuscode",
	"http", "http/1.0", "http/1.1", "http/2", "http/3", "error",
	"error code", "code", "response", "errno", NULL };
static const char *const behind[] = { "too many requests", "unauthorized",
	"forbidden", "not found", "bad gateway", "bad request",
	"internal server error", "service unavailable", "gateway time",
	"payload too large", "payment required", "overloaded",
	"<unknown status code>", "request timeout", NULL };

static bool
word_before(const char *text, const char *at)
{
	while (at > text && strchr(" :=\"'", at[-1]) != NULL)
		at--;
	for (size_t i = 0; before[i] != NULL; i++) {
		size_t n = strlen(before[i]);

		if ((size_t)(at - text) >= n &&
		    memcmp(at - n, before[i], n) == 0 &&
		    (at - n == text || !alnum(at[-n - 1])))
			return true;
	}
	return false;
}

static bool
word_behind(const char *p, const char *end)
{
	while (p < end && *p == ' ')
		p++;
	for (size_t i = 0; behind[i] != NULL; i++) {
		size_t n = strlen(behind[i]);

		if ((size_t)(end - p) >= n && memcmp(p, behind[i], n) == 0)
			return true;
	}
	return false;
}

/* The HTTP status that a text names as such ("status 429"); 0 = none. */
static int64_t
status_in(const char *low, size_t n)
{
	const char *end = low + n;
	int64_t last = 0;

	for (const char *p = low; end - p >= 3; p++) {
		bool alone = (p == low || !alnum(p[-1])) &&
		             isdigit((unsigned char)p[1]) &&
		             isdigit((unsigned char)p[2]) &&
		             (end - p == 3 || !alnum(p[3]));

		if ((*p != '4' && *p != '5') || !alone ||
		    (end - p > 4 && p[3] == '.' &&
			isdigit((unsigned char)p[4])))
			continue;
		if (word_before(low, p) || word_behind(p + 3, end) ||
		    (p > low && p[-1] == '(' && end - p > 3 && p[3] == ')'))
			last = (p[0] - '0') * 100 + (p[1] - '0') * 10 +
			       (p[2] - '0');
	}
	return last;
}

/* ---- lists ---- */

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

			if (pat != NULL && sk_pattern_in(low, n, pat))
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
	if (http == 0)
		http = status_in(low, n);
	k = by_list(ad->classify, low, n, http);
	if (k == SK_K_NONE && ad->common)
		k = by_list(common_list(), low, n, http);
	return k;
}
