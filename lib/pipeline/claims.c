/* SPDX-License-Identifier: MIT */
/* The papers as claims, a claim as words: as much of a language as it takes to
 * hold one sentence against another. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/gate_check.h"

#define MOST_CLAIMS 4000 /* of one paper */
#define MOST_WORDS 400 /* of one claim */

const char *const sk_paper_names[SK_PAPERS] = { "spec.md", "plan.md",
	"tasks.md" };

bool
sk_word_is_small(const char *s)
{
	static const char *const small[] = { "the", "and", "for", "its", "are",
		"was", "has", "have", "that", "this", "which", "each", "all",
		"any", "from", "into", "then", "than", "must", "shall",
		"should", "will", "may", "can", "not", "never", "also", "being",
		"been", "they", "their", "there", "these", "those", NULL };

	if (strlen(s) < 3)
		return true;
	for (size_t i = 0; small[i] != NULL; i++)
		if (strcmp(small[i], s) == 0)
			return true;
	return false;
}

bool
sk_word_alike(const char *x, const char *y)
{
	size_t n = strlen(x), m = strlen(y);

	if (n > 5 && m > 5)
		return strncmp(x, y, 5) == 0;
	if (n > 3 && x[n - 1] == 's')
		n--;
	if (m > 3 && y[m - 1] == 's')
		m--;
	return n == m && memcmp(x, y, n) == 0;
}

/* ---- words ---- */

/* "10,000.5" at p: its length; what is a date, a range, a version or a time is
 * no number (*num is then false). */
static size_t
number(const char *p, size_t n, double *v, bool *num)
{
	char digits[40];
	size_t i = 0, k = 0;
	bool point = false;

	for (; i < n; i++) {
		bool more = i + 1 < n && isdigit((unsigned char)p[i + 1]);

		if (isdigit((unsigned char)p[i]) && k < sizeof(digits) - 1)
			digits[k++] = p[i];
		else if (p[i] == '.' && more && !point && k < 20) {
			digits[k++] = '.';
			point = true;
		} else if (p[i] != ',' || !more)
			break;
	}
	digits[k] = '\0';
	*num = i == n || strchr("-./:_", p[i]) == NULL || i + 1 == n ||
	       !isdigit((unsigned char)p[i + 1]);
	while (!*num && i < n &&
	       (isalnum((unsigned char)p[i]) || strchr("-./:_", p[i]) != NULL))
		i++;
	*v = strtod(digits, NULL);
	return i;
}

static size_t
sign(const char *p, size_t n, const char **word)
{
	static const struct {
		const char *is, *word;
	} signs[] = { { "\xe2\x89\xa4", "<=" }, { "\xe2\x89\xa5", ">=" },
		{ "<=", "<=" }, { ">=", ">=" }, { "<", "<" }, { ">", ">" },
		{ "%", "%" } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(signs); i++)
		if (n >= strlen(signs[i].is) &&
		    memcmp(p, signs[i].is, strlen(signs[i].is)) == 0) {
			*word = signs[i].word;
			return strlen(signs[i].is);
		}
	return 0;
}

static bool
ends_sentence(const char *p, size_t n)
{
	return (p[0] == '.' || p[0] == ';' || p[0] == '!' || p[0] == '?') &&
	       (n == 1 || isspace((unsigned char)p[1]));
}

static char *
lower(struct sk_arena *a, const char *p, size_t n)
{
	char *s = sk_arena_strndup(a, p, n);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)tolower((unsigned char)s[i]);
	return s;
}

static void
words(struct sk_claim *c, const char *p, size_t n, struct sk_arena *a)
{
	struct sk_word v[MOST_WORDS];
	size_t i = 0, len;

	while (i < n && c->n < MOST_WORDS) {
		struct sk_word w = { .at = p + i };
		const char *word = NULL;
		bool begins = i == 0 || (!isalnum((unsigned char)p[i - 1]) &&
					    strchr("#_$", p[i - 1]) == NULL);

		if (isdigit((unsigned char)p[i])) {
			len = number(p + i, n - i, &w.num, &w.is_num);
			w.is_num = w.is_num && begins;
			w.s = lower(a, p + i, len);
		} else if (isalpha((unsigned char)p[i])) {
			for (len = 1;
			     i + len < n &&
			     (isalnum((unsigned char)p[i + len]) ||
				 (strchr("-_", p[i + len]) != NULL &&
				     i + len + 1 < n &&
				     isalnum((unsigned char)p[i + len + 1])));
			     len++)
				;
			w.s = lower(a, p + i, len);
		} else if ((len = sign(p + i, n - i, &word)) > 0) {
			w.s = sk_arena_strdup(a, word);
		} else {
			len = 1;
			if (ends_sentence(p + i, n - i))
				w.s = sk_arena_strdup(a, "");
		}
		w.n = len;
		if (w.s != NULL)
			v[c->n++] = w;
		i += len;
	}
	c->w = sk_arena_alloc(a, (c->n + 1) * sizeof(*c->w));
	memcpy(c->w, v, c->n * sizeof(*c->w));
}

/* ---- claims ---- */

static bool
begins_item(const struct sk_md_line *l)
{
	size_t i = 0, from;

	while (i < l->n && (l->p[i] == ' ' || l->p[i] == '\t'))
		i++;
	if (i < l->n && strchr("-*+|>", l->p[i]) != NULL)
		return true;
	from = i;
	while (i < l->n && isdigit((unsigned char)l->p[i]))
		i++;
	return i > from && i < l->n && (l->p[i] == '.' || l->p[i] == ')');
}

static bool
is_empty(const struct sk_md_line *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (!isspace((unsigned char)l->p[i]))
			return false;
	return true;
}

/* The requirement, when the text is about one only. */
static void
about(struct sk_claim *c, const char *p, size_t n)
{
	char id[SK_MD_ID_LEN];
	size_t at = 0;

	while (sk_md_next_id(p, n, &at, id)) {
		if (!sk_md_is_requirement(id) || strcmp(id, c->id) == 0)
			continue;
		if (c->id[0] != '\0') {
			c->id[0] = '\0';
			return;
		}
		memcpy(c->id, id, sizeof(c->id));
	}
}

static void
claims_of(int paper, const char *text, size_t len, struct sk_claim *out,
    size_t *n, struct sk_arena *a)
{
	const size_t most = *n + MOST_CLAIMS;
	struct sk_md m;
	size_t to;

	sk_md_scan(&m, text, len);
	for (size_t i = 0; i < m.n && *n < most; i = to) {
		struct sk_claim *c = &out[*n];
		const struct sk_md_line *l = &m.v[i];

		to = i + 1;
		if (l->code || is_empty(l))
			continue;
		while (l->level == 0 && to < m.n && m.v[to].level == 0 &&
		       !m.v[to].code && !is_empty(&m.v[to]) &&
		       !begins_item(&m.v[to]))
			to++;
		*c = (struct sk_claim){ .paper = paper, .line = i + 1 };
		/* (The lines stand behind each other in the text.) */
		len = (size_t)(m.v[to - 1].p + m.v[to - 1].n - l->p);
		about(c, l->p, len);
		words(c, l->p, len, a);
		(*n)++;
	}
	sk_md_free(&m);
}

struct sk_claim *
sk_claims(const struct sk_papers *p, size_t *n, struct sk_arena *a)
{
	const struct sk_buf *v[SK_PAPERS] = { &p->spec, &p->plan, &p->tasks };
	struct sk_claim *c;

	*n = 0;
	c = sk_arena_alloc(a, SK_PAPERS * MOST_CLAIMS * sizeof(*c));
	for (int i = 0; i < SK_PAPERS; i++)
		claims_of(i, v[i]->p, v[i]->len, c, n, a);
	return c;
}

void
sk_claims_chain(const struct sk_claim *c, size_t n, const size_t **first,
    const size_t **next, struct sk_arena *a)
{
	struct sk_slice *ids = sk_arena_alloc(a, (n + 1) * sizeof(*ids));
	uint32_t *group = sk_arena_alloc(a, (n + 1) * sizeof(*group));
	size_t *begin = sk_arena_alloc(a, (n + 1) * sizeof(*begin));
	size_t *after = sk_arena_alloc(a, (n + 1) * sizeof(*after));
	size_t *head = sk_arena_alloc(a, (n + 1) * sizeof(*head));
	size_t *last = sk_arena_alloc(a, (n + 1) * sizeof(*last));
	uint32_t seen = 0;

	for (size_t i = 0; i < n; i++)
		ids[i] = (struct sk_slice){ c[i].id, strlen(c[i].id) };
	(void)sk_group(ids, n, group);
	for (size_t i = 0; i < n; i++) {
		uint32_t g = group[i];

		begin[i] = i;
		after[i] = n;
		if (g == seen) {
			seen++;
			head[g] = i;
		} else if (c[i].id[0] != '\0') {
			begin[i] = head[g];
			after[last[g]] = i;
		}
		last[g] = i;
	}
	*first = begin;
	*next = after;
}
