/* SPDX-License-Identifier: MIT */
/* Lines, headings, fences and requirements of a Markdown text. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/md.h"

static size_t
run_of(const char *p, size_t n, char c)
{
	size_t i = 0;

	while (i < n && p[i] == c)
		i++;
	return i;
}

static size_t
blanks(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && (p[i] == ' ' || p[i] == '\t'))
		i++;
	return i;
}

static unsigned
level_of(const char *p, size_t n)
{
	size_t in = run_of(p, n, ' '), h;

	if (in > 3)
		return 0;
	h = run_of(p + in, n - in, '#');
	if (h == 0 || h > 6 || (in + h < n && p[in + h] != ' '))
		return 0;
	return (unsigned)h;
}

/* A line that opens or closes a fence; *len and *mark describe it. */
static bool
is_fence(const char *p, size_t n, char *mark, size_t *len)
{
	size_t in = run_of(p, n, ' ');

	if (in > 3 || in == n || (p[in] != '`' && p[in] != '~'))
		return false;
	*mark = p[in];
	*len = run_of(p + in, n - in, p[in]);
	return *len >= 3;
}

static bool
is_blank(const struct sk_md_line *l)
{
	return blanks(l->p, l->n) == l->n;
}

/* Four blanks after an empty line are an example, unless a list goes on. */
static bool
is_indented(const struct sk_md *m, const struct sk_md_line *l)
{
	size_t i = m->n - 1, k;

	if (is_blank(l) || (run_of(l->p, l->n, ' ') < 4 && l->p[0] != '\t') ||
	    i == 0)
		return false;
	if (!is_blank(&m->v[i - 1]))
		return m->v[i - 1].code;
	while (i > 0 && is_blank(&m->v[i - 1]))
		i--;
	if (i == 0)
		return true;
	k = blanks(m->v[i - 1].p, m->v[i - 1].n);
	return m->v[i - 1].code ||
	       (k == 0 && strchr("-*+0123456789", m->v[i - 1].p[0]) == NULL);
}

static void
lines(struct sk_md *m, const char *text, size_t n)
{
	const char *p = text, *end = text + n, *nl;
	size_t cap = 0, len, fence = 0;
	char mark, open = '\0';

	for (; p < end; p = nl + 1) {
		struct sk_md_line *l;

		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		SK_GROW(NULL, m->v, m->n, cap);
		l = &m->v[m->n++];
		*l = (struct sk_md_line){ .p = p, .n = (size_t)(nl - p) };
		if (l->n > 0 && l->p[l->n - 1] == '\r')
			l->n--;
		l->code = open != '\0' || is_indented(m, l);
		if (is_fence(l->p, l->n, &mark, &len)) {
			l->code = true;
			if (open == '\0') {
				open = mark;
				fence = len;
			} else if (mark == open && len >= fence) {
				open = '\0';
			}
		}
		if (!l->code)
			l->level = level_of(l->p, l->n);
	}
	m->open = open != '\0';
}

/* ---- identifiers ---- */

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* "FR-001" at p: two capitals or more, a dash, digits; 0 = none. */
static size_t
id_at(const char *p, size_t n)
{
	size_t i = 0, d;

	while (i < n && p[i] >= 'A' && p[i] <= 'Z')
		i++;
	if (i < 2 || i == n || p[i] != '-')
		return 0;
	d = ++i;
	while (i < n && isdigit((unsigned char)p[i]))
		i++;
	return i == d || i >= SK_MD_ID_LEN || (i < n && is_word(p[i])) ? 0 : i;
}

bool
sk_md_next_id(const char *p, size_t n, size_t *at, char id[SK_MD_ID_LEN])
{
	size_t len;

	for (size_t i = *at; i < n; i++) {
		if (i > 0 && is_word(p[i - 1]))
			continue;
		len = id_at(p + i, n - i);
		if (len == 0)
			continue;
		memcpy(id, p + i, len);
		id[len] = '\0';
		*at = i + len;
		return true;
	}
	return false;
}

void
sk_md_mention(struct sk_md_mentions *s, const char *p, size_t n, size_t line)
{
	char id[SK_MD_ID_LEN];
	size_t at = 0;

	while (sk_md_next_id(p, n, &at, id)) {
		SK_GROW(NULL, s->v, s->n, s->cap);
		s->v[s->n].line = line;
		memcpy(s->v[s->n++].id, id, sizeof(id));
	}
}

static int
by_mention(const void *x, const void *y)
{
	const struct sk_md_mention *a = x, *b = y;

	return strcmp(a->id, b->id);
}

void
sk_md_mentions_sort(struct sk_md_mentions *s)
{
	if (s->n > 0)
		qsort(s->v, s->n, sizeof(*s->v), by_mention);
}

const struct sk_md_mention *
sk_md_mentions_of(const struct sk_md_mentions *s, const char *id, size_t *n)
{
	size_t low = 0, high = s->n, to;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(s->v[mid].id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (to = low; to < s->n && strcmp(s->v[to].id, id) == 0;)
		to++;
	*n = to - low;
	return *n > 0 ? &s->v[low] : NULL;
}

void
sk_md_mentions_free(struct sk_md_mentions *s)
{
	free(s->v);
	memset(s, 0, sizeof(*s));
}

bool
sk_md_is_requirement(const char *id)
{
	static const char *const kinds[] = { "FR-", "NFR-", "REQ-" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++)
		if (sk_has_prefix(id, kinds[i]))
			return true;
	return false;
}

/* Where the text of a line begins: after its list mark, its emphasis and the
 * marks of a heading or a table. */
static size_t
text_at(const struct sk_md_line *l)
{
	size_t i = blanks(l->p, l->n), d = i;

	while (d < l->n && isdigit((unsigned char)l->p[d]))
		d++;
	if (d > i && d + 1 < l->n && (l->p[d] == '.' || l->p[d] == ')') &&
	    l->p[d + 1] == ' ')
		i = d + 1;
	while (i < l->n && strchr(" \t-*+#|>_[]", l->p[i]) != NULL)
		i++;
	return i;
}

/* Length of the identifier that a line defines, at *at; 0 = none. It is
 * followed by a colon, or begins a list item, a heading or a cell; a line that
 * was broken before a reference begins with one, too. */
static size_t
defined_at(const struct sk_md_line *l, size_t *at)
{
	size_t from = blanks(l->p, l->n), len, i;

	*at = text_at(l);
	len = l->code ? 0 : id_at(l->p + *at, l->n - *at);
	for (i = *at + len; i < l->n && strchr("*_`])", l->p[i]) != NULL; i++)
		;
	if (len == 0 || i == l->n)
		return 0;
	return l->p[i] == ':' || (l->p[from] != l->p[*at] && l->p[i] == ' ')
	           ? len
	           : 0;
}

static size_t
words_of(const char *p, size_t n)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += !isspace((unsigned char)p[i]) &&
		         (i == 0 || isspace((unsigned char)p[i - 1]));
	return count;
}

/* A requirement is defined where a line begins with its identifier; it goes on
 * to the end of its paragraph or list item. */
static void
requirements(struct sk_md *m)
{
	size_t cap = 0, at, len;

	for (size_t i = 0; i < m->n; i++) {
		const struct sk_md_line *l = &m->v[i];
		struct sk_md_id *d;

		len = defined_at(l, &at);
		if (len == 0)
			continue;
		SK_GROW(NULL, m->ids, m->n_ids, cap);
		d = &m->ids[m->n_ids];
		memcpy(d->id, l->p + at, len);
		d->id[len] = '\0';
		if (!sk_md_is_requirement(d->id))
			continue;
		m->n_ids++;
		d->line = i;
		d->last = i;
		d->words = words_of(l->p, l->n);
		while (d->last + 1 < m->n && l->level == 0) {
			const struct sk_md_line *x = &m->v[d->last + 1];
			size_t t;

			if (is_blank(x) || x->level > 0 || x->code ||
			    (x->n > 0 && strchr("-*+|", x->p[0]) != NULL) ||
			    defined_at(x, &t) > 0)
				break;
			d->last++;
			d->words += words_of(x->p, x->n);
		}
	}
}

static int
by_id(const void *x, const void *y)
{
	const struct sk_md_id *const *a = x, *const *b = y;
	int c = strcmp((*a)->id, (*b)->id);

	return c != 0 ? c : *a < *b ? -1 : *a > *b;
}

static void
index_ids(struct sk_md *m)
{
	if (m->n_ids == 0)
		return;
	m->by_id = sk_reallocarray(NULL, m->n_ids, sizeof(struct sk_md_id *));
	for (size_t i = 0; i < m->n_ids; i++)
		m->by_id[i] = &m->ids[i];
	qsort(m->by_id, m->n_ids, sizeof(struct sk_md_id *), by_id);
}

void
sk_md_scan(struct sk_md *m, const char *text, size_t n)
{
	memset(m, 0, sizeof(*m));
	lines(m, text, n);
	requirements(m);
	index_ids(m);
}

void
sk_md_free(struct sk_md *m)
{
	free(m->v);
	free(m->ids);
	free(m->by_id);
	memset(m, 0, sizeof(*m));
}

size_t
sk_md_heading(const struct sk_md *m, const char *const *words)
{
	for (size_t i = 0; i < m->n; i++) {
		char *line;
		bool is = false;

		if (m->v[i].level == 0)
			continue;
		line = sk_strndup(m->v[i].p, m->v[i].n);
		for (const char *const *w = words; *w != NULL && !is; w++)
			is = strcasestr(line, *w) != NULL;
		free(line);
		if (is)
			return i;
	}
	return m->n;
}

size_t
sk_md_section_end(const struct sk_md *m, size_t heading)
{
	size_t i = heading + 1;

	while (i < m->n &&
	       (m->v[i].level == 0 || m->v[i].level > m->v[heading].level))
		i++;
	return i;
}

const struct sk_md_id *
sk_md_id_find(const struct sk_md *m, const char *id)
{
	size_t low = 0, high = m->n_ids;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(m->by_id[mid]->id, id) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->n_ids && strcmp(m->by_id[low]->id, id) == 0
	           ? m->by_id[low]
	           : NULL;
}

/* Agents' text is hostile: nothing of it may become markup. */
void
sk_md_text(struct sk_buf *b, const char *s, size_t n)
{
	struct sk_buf vis;

	sk_buf_init(&vis, 0);
	sk_buf_visible(&vis, s, n, true);
	for (size_t i = 0; i < vis.len; i++) {
		char c = vis.p[i];

		if (c == '\n' || c == '\t')
			sk_buf_ch(b, ' ');
		else if (c == '<')
			sk_buf_str(b, "&lt;");
		else if (c == '&')
			sk_buf_str(b, "&amp;");
		else if (c == '@')
			/* Mentions call people on code hosts. */
			sk_buf_str(b, "&#64;");
		else if (strchr("\\`*_[]>|~", c) != NULL ||
			 (i == 0 && strchr("#=+-", c) != NULL) ||
			 ((c == '.' || c == ')') && i > 0 &&
			     strspn(vis.p, "0123456789") == i))
			sk_buf_printf(b, "\\%c", c);
		else
			sk_buf_ch(b, c);
	}
	sk_buf_free(&vis);
}
