/* SPDX-License-Identifier: MIT */
/*
 * The JSON that an answer holds: the whole text, else the last fenced block,
 * else the largest object or array in the prose.
 *
 * The prose scanner must stay linear on hostile text. From each bracket it
 * runs one lexer that knows strings, and that marks every bracket that it
 * meets outside of strings; a marked bracket never starts a lexer of its own.
 * Of two lexers over the same bytes one is inside strings where the other is
 * outside (else the later one would have started on a marked bracket), and a
 * backslash outside of strings, which could bring them in step, ends a lexer.
 * So every byte is read at most twice.
 *
 * A piece of a broken document is not an answer: where the text around a good
 * container looks like JSON itself but is cut off or wrong, the piece does not
 * count.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "json/json.h"

/* Containers deeper than what the reader takes are never answers, so only the
 * innermost levels are kept. */
#define KEEP 256

enum want {
	WANT_VALUE,
	WANT_FIRST,
	WANT_KEY,
	WANT_FIRST_KEY,
	WANT_COLON,
	WANT_COMMA
};

struct level {
	size_t at; /* its bracket */
	size_t bad; /* where it stopped being JSON, else SIZE_MAX */
	size_t cands; /* how many candidates there were when it opened */
	char open;
	bool jsonlike;
	uint8_t want;
};

struct cand {
	size_t at, n;
	char open;
};

struct scan {
	const char *p;
	size_t n;
	uint8_t *marks; /* one bit per byte */
	struct cand *cands;
	size_t ncands, cap;
	struct level level[KEEP];
	size_t depth; /* open levels; the innermost KEEP are in level[] */
	size_t kept;
	bool deep; /* an outer level was forgotten */
};

static struct level *
top(struct scan *s)
{
	return &s->level[(s->depth - 1) % KEEP];
}

static void
add_cand(struct scan *s, size_t at, size_t n, char open)
{
	SK_GROW(NULL, s->cands, s->ncands, s->cap);
	s->cands[s->ncands++] = (struct cand){ at, n, open };
}

/* Note that the innermost level is not JSON from byte i on. */
static void
spoil(struct scan *s, size_t i)
{
	if (s->kept > 0 && top(s)->bad == SIZE_MAX)
		top(s)->bad = i;
}

/* A value begins at i: is this its place? */
static void
expect_value(struct scan *s, size_t i)
{
	struct level *l;

	if (s->kept == 0)
		return;
	l = top(s);
	if (l->want != WANT_VALUE && l->want != WANT_FIRST)
		spoil(s, i);
	l->want = WANT_COMMA;
}

static void
push(struct scan *s, size_t i)
{
	struct level *l;

	expect_value(s, i);
	s->depth++;
	if (s->kept < KEEP)
		s->kept++;
	else
		s->deep = true;
	l = top(s);
	l->at = i;
	l->bad = SIZE_MAX;
	l->cands = s->ncands;
	l->open = s->p[i];
	l->jsonlike = false;
	l->want = l->open == '{' ? WANT_FIRST_KEY : WANT_FIRST;
	s->marks[i / 8] |= (uint8_t)(1u << (i % 8));
}

/* The levels that are open when the lexer ends never close: what a JSON-like
 * one held before it went wrong, or was cut off, does not count. */
static void
drop_pieces(struct scan *s)
{
	size_t lv = s->depth - s->kept, to, end = 0;

	if (s->kept == 0)
		return;
	to = s->level[lv % KEEP].cands;
	for (size_t i = to; i < s->ncands; i++) {
		for (; lv < s->depth && s->level[lv % KEEP].cands <= i; lv++)
			if (s->level[lv % KEEP].jsonlike &&
			    s->level[lv % KEEP].bad > end)
				end = s->level[lv % KEEP].bad;
		if (s->cands[i].at >= end)
			s->cands[to++] = s->cands[i];
	}
	s->ncands = to;
}

/* A closing bracket at i. Returns true when it closed a level. */
static bool
pop(struct scan *s, size_t i)
{
	struct level *l;
	size_t bad;

	if (s->kept == 0) {
		/* A level too far out to be remembered. */
		s->depth--;
		return true;
	}
	l = top(s);
	if (s->p[i] != (l->open == '{' ? '}' : ']')) {
		spoil(s, i);
		return false;
	}
	if (l->want != WANT_COMMA && l->want != WANT_FIRST &&
	    l->want != WANT_FIRST_KEY)
		spoil(s, i);
	bad = l->bad;
	if (bad == SIZE_MAX || l->jsonlike)
		s->ncands = l->cands;
	/* An empty one says nothing: "- [ ] to do", "main() {}". */
	if (bad == SIZE_MAX && l->want == WANT_COMMA)
		add_cand(s, l->at, i + 1 - l->at, l->open);
	s->depth--;
	s->kept--;
	if (bad != SIZE_MAX)
		spoil(s, bad);
	return true;
}

/* From the opening quote to behind the closing one, or the end. */
static size_t
skip_string(struct scan *s, size_t i)
{
	bool clean = true;
	size_t at = i++;

	while (i < s->n && s->p[i] != '"') {
		if ((unsigned char)s->p[i] < 0x20)
			clean = false;
		i += s->p[i] == '\\' ? 2 : 1;
	}
	if (!clean || i >= s->n)
		spoil(s, at);
	return i < s->n ? i + 1 : s->n;
}

static void
string_token(struct scan *s, size_t at)
{
	struct level *l;

	if (s->kept == 0)
		return;
	l = top(s);
	if (l->want == WANT_KEY || l->want == WANT_FIRST_KEY)
		l->want = WANT_COLON;
	else
		expect_value(s, at);
}

/* A number, true, false or null; or a word of prose. */
static size_t
word_token(struct scan *s, size_t i)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t at = i;

	while (i < s->n && strchr("{}[]\",:\\ \t\r\n", s->p[i]) == NULL)
		i++;
	if (i == at)
		i++; /* a NUL byte, which strchr finds */
	expect_value(s, at);
	if (s->p[at] == '-' || (s->p[at] >= '0' && s->p[at] <= '9'))
		return i;
	for (size_t k = 0; k < SK_ARRAY_SIZE(words); k++)
		if (strlen(words[k]) == i - at &&
		    memcmp(words[k], s->p + at, i - at) == 0)
			return i;
	spoil(s, at);
	return i;
}

static void
punctuation(struct scan *s, size_t i)
{
	struct level *l;
	bool obj;

	if (s->kept == 0)
		return;
	l = top(s);
	obj = l->open == '{';
	if (s->p[i] == ':') {
		if (l->want != WANT_COLON)
			spoil(s, i);
		else if (l->bad == SIZE_MAX)
			l->jsonlike = true;
		l->want = obj ? WANT_VALUE : WANT_COMMA;
		return;
	}
	if (l->want != WANT_COMMA)
		spoil(s, i);
	else if (l->bad == SIZE_MAX)
		l->jsonlike = true;
	l->want = obj ? WANT_KEY : WANT_VALUE;
}

/* The lexer, from the bracket at i until its level closes, the text ends, or a
 * backslash stands outside of strings. Returns where scanning goes on. */
static size_t
run(struct scan *s, size_t i)
{
	size_t first = i, before = s->ncands, at;
	bool closed = false;

	s->depth = s->kept = 0;
	s->deep = false;
	do {
		switch (s->p[i]) {
		case '{':
		case '[':
			push(s, i++);
			break;
		case '}':
		case ']':
			closed = pop(s, i++);
			break;
		case '"':
			at = i;
			i = skip_string(s, i);
			string_token(s, at);
			break;
		case ',':
		case ':':
			punctuation(s, i++);
			break;
		case ' ':
		case '\t':
		case '\r':
		case '\n':
			i++;
			break;
		case '\\':
			goto out;
		default:
			i = word_token(s, i);
		}
	} while (s->depth > 0 && i < s->n);
	/* A good container, or a broken document: nothing more in it. */
	if (closed && s->depth == 0 &&
	    ((s->ncands > before && s->cands[s->ncands - 1].at == first) ||
		(!s->deep && s->level[0].jsonlike)))
		return i;
out:
	drop_pieces(s);
	return first + 1;
}

static int
cmp_cand(const void *x, const void *y)
{
	const struct cand *a = x, *b = y;

	if (a->n != b->n)
		return a->n > b->n ? -1 : 1;
	if (a->open != b->open)
		return a->open == '{' ? -1 : 1;
	return (a->at < b->at) - (a->at > b->at);
}

static struct sk_jv *
try_parse(struct sk_arena *a, const char *p, size_t n)
{
	struct sk_jv *v;

	return sk_json_parse(a, p, n, NULL, &v, NULL) == 0 ? v : NULL;
}

/* try_parse() for what must be an object or an array. */
static struct sk_jv *
try_container(struct sk_arena *a, const char *p, size_t n)
{
	struct sk_jv *v;
	size_t i = 0;

	while (i < n && strchr(" \t\r\n", p[i]) != NULL && p[i] != '\0')
		i++;
	if (i >= n || (p[i] != '{' && p[i] != '['))
		return NULL;
	v = try_parse(a, p + i, n - i);
	return v;
}

static struct sk_jv *
find_inline(struct sk_arena *a, const char *p, size_t n)
{
	struct scan *s = sk_calloc(1, sizeof(*s));
	struct sk_jv *v = NULL;

	s->p = p;
	s->n = n;
	s->marks = sk_calloc(n / 8 + 1, 1);
	for (size_t i = 0; i < n;)
		if ((p[i] == '{' || p[i] == '[') &&
		    (s->marks[i / 8] >> (i % 8) & 1) == 0)
			i = run(s, i);
		else
			i++;
	if (s->ncands > 1)
		qsort(s->cands, s->ncands, sizeof(*s->cands), cmp_cand);
	for (size_t i = 0; v == NULL && i < s->ncands; i++)
		v = try_container(a, p + s->cands[i].at, s->cands[i].n);
	free(s->cands);
	free(s->marks);
	free(s);
	return v;
}

/* ---- fences ---- */

struct fence {
	char c; /* '`' or '~'; 0 = none */
	size_t run;
	const char *info;
	size_t infon;
};

static bool
blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Is this line a fence? */
static struct fence
fence_line(const char *p, size_t n)
{
	struct fence f = { 0 };
	size_t i = 0, at;

	while (n > 0 && blank(p[n - 1]))
		n--;
	while (i < n && blank(p[i]))
		i++;
	at = i;
	if (i >= n || (p[i] != '`' && p[i] != '~'))
		return f;
	while (i < n && p[i] == p[at])
		i++;
	f.run = i - at;
	while (i < n && blank(p[i]))
		i++;
	f.info = p + i;
	f.infon = n - i;
	if (f.run >= 3 && memchr(f.info, '`', f.infon) == NULL)
		f.c = p[at];
	return f;
}

static bool
json_tag(const struct fence *f)
{
	return f->infon >= 4 && strncasecmp(f->info, "json", 4) == 0;
}

static struct sk_jv *
find_fenced(struct sk_arena *a, const char *p, size_t n)
{
	struct sk_jv *v, *last = NULL;
	struct fence open = { 0 }, f;
	size_t body = 0, end;

	for (size_t i = 0; i <= n; i = end + 1) {
		const char *nl = memchr(p + i, '\n', n - i);

		end = nl != NULL ? (size_t)(nl - p) : n;
		f = fence_line(p + i, end - i);
		if (open.c == 0 || (f.c != 0 && json_tag(&f))) {
			/* A tagged fence opens even inside a stray one. */
			if (f.c != 0) {
				open = f;
				body = end < n ? end + 1 : n;
			}
		} else if ((f.c == open.c && f.run >= open.run &&
			       f.infon == 0) ||
			   end == n) {
			/* An answer that was cut may lack its last line. */
			v = NULL;
			if (open.infon == 0 || json_tag(&open))
				v = try_container(a, p + body,
				    (f.c == open.c ? i : n) - body);
			if (v != NULL)
				last = v;
			open.c = 0;
		}
	}
	return last;
}

enum sk_jfound
sk_json_find(struct sk_arena *a, const char *p, size_t n, struct sk_jv **out)
{
	*out = NULL;
	if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) {
		p += 3;
		n -= 3;
	}
	if (n == 0 || n > sk_jlimits_default.bytes)
		return SK_JFOUND_NONE;
	*out = try_parse(a, p, n);
	if (*out != NULL)
		return SK_JFOUND_DIRECT;
	*out = find_fenced(a, p, n);
	if (*out != NULL)
		return SK_JFOUND_FENCE;
	*out = find_inline(a, p, n);
	return *out != NULL ? SK_JFOUND_INLINE : SK_JFOUND_NONE;
}
