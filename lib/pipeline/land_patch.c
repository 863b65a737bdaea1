/* SPDX-License-Identifier: MIT */
/* Counting and comparing what git diff printed. Nothing is decided by it: what
 * a patch does is what git makes of it. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/land.h"

struct reader {
	struct sk_patch *p;
	struct sk_arena *a;
	struct sk_patch_file *f; /* the one in hand */
	size_t cap, lines_cap;
	int64_t old, new; /* lines left of the hunk */
	bool binary; /* in base85 */
	uint64_t path;
};

static uint64_t
hash(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)p[i]) * 0x100000001b3u;
	return h;
}

static void
add_line(struct reader *r, const char *p, size_t n)
{
	struct sk_patch *k = r->p;

	SK_GROW(r->a, k->lines, k->n_lines, r->lines_cap);
	k->lines[k->n_lines++] = hash(r->path, p, n);
}

/* "diff --git a/PATH b/PATH": the two are the same, renames are not told. */
static void
begin_file(struct reader *r, const char *p, size_t n)
{
	struct sk_patch *k = r->p;

	SK_GROW(r->a, k->v, k->n, r->cap);
	r->f = &k->v[k->n++];
	memset(r->f, 0, sizeof(*r->f));
	r->old = r->new = 0;
	r->binary = false;
	/* Half of what is left, without the prefix; a quoted name likewise. */
	if (n >= 9 && p[0] == '"')
		r->f->path = sk_arena_strndup(r->a, p + 3, (n - 1) / 2 - 4);
	else if (n >= 5)
		r->f->path = sk_arena_strndup(r->a, p + 2, (n - 1) / 2 - 2);
	else
		r->f->path = sk_arena_strdup(r->a, "?");
	r->path = hash(0xcbf29ce484222325u, r->f->path, strlen(r->f->path) + 1);
}

/* One number of "@@ -12,3 +12,4 @@"; one line when none is said. */
static const char *
range(const char *p, const char *end, int64_t *count)
{
	*count = 1;
	while (p < end && *p >= '0' && *p <= '9')
		p++;
	if (p < end && *p == ',') {
		*count = 0;
		for (p++; p < end && *p >= '0' && *p <= '9'; p++)
			if (*count < INT32_MAX)
				*count = 10 * *count + (*p - '0');
	}
	return p;
}

static void
begin_hunk(struct reader *r, const char *p, const char *end)
{
	p = range(p + 4, end, &r->old);
	if (end - p > 2 && p[0] == ' ' && p[1] == '+')
		(void)range(p + 2, end, &r->new);
}

static bool
is(const char *p, size_t n, const char *word)
{
	size_t k = strlen(word);

	return n >= k && memcmp(p, word, k) == 0;
}

static void
in_hunk(struct reader *r, const char *p, size_t n)
{
	struct sk_patch *k = r->p;
	char c = n > 0 ? p[0] : ' ';

	if (c == '\\')
		return; /* "\ No newline at end of file" */
	if (c == '+') {
		r->new --;
		r->f->added++;
		k->added++;
	} else if (c == '-') {
		r->old--;
		r->f->removed++;
		k->removed++;
	} else {
		r->old--;
		r->new --;
		return;
	}
	add_line(r, p, n);
}

static void
one_line(struct reader *r, const char *p, size_t n)
{
	if (r->f != NULL && (r->old > 0 || r->new > 0)) {
		in_hunk(r, p, n);
	} else if (is(p, n, "diff --git ")) {
		begin_file(r, p + 11, n - 11);
	} else if (r->f == NULL) {
		return;
	} else if (r->binary) {
		add_line(r, p, n);
	} else if (is(p, n, "@@ -")) {
		begin_hunk(r, p, p + n);
	} else if (is(p, n, "new file mode ")) {
		r->f->is_new = true;
		add_line(r, p, n);
	} else if (is(p, n, "deleted file mode ")) {
		r->f->is_gone = true;
		add_line(r, p, n);
	} else if (is(p, n, "old mode ") || is(p, n, "new mode ")) {
		add_line(r, p, n);
	} else if (is(p, n, "GIT binary patch")) {
		r->f->binary = r->binary = true;
	}
}

static int
by_value(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

void
sk_patch_read(
    struct sk_patch *p, const char *text, size_t n, struct sk_arena *a)
{
	struct reader r = { .p = p, .a = a };
	const char *end = text + n, *nl;
	size_t k = 0;

	memset(p, 0, sizeof(*p));
	for (; text < end; text = nl + 1) {
		nl = memchr(text, '\n', (size_t)(end - text));
		if (nl == NULL)
			nl = end;
		one_line(&r, text, (size_t)(nl - text));
	}
	if (p->n_lines == 0)
		return;
	qsort(p->lines, p->n_lines, sizeof(*p->lines), by_value);
	for (size_t i = 0; i < p->n_lines; i++)
		if (i == 0 || p->lines[i] != p->lines[i - 1])
			p->lines[k++] = p->lines[i];
	p->n_lines = k;
}

unsigned
sk_patch_likeness(const struct sk_patch *x, const struct sk_patch *y)
{
	size_t i = 0, k = 0, both = 0, all;

	while (i < x->n_lines && k < y->n_lines) {
		if (x->lines[i] == y->lines[k]) {
			both++;
			i++;
			k++;
		} else if (x->lines[i] < y->lines[k]) {
			i++;
		} else {
			k++;
		}
	}
	all = x->n_lines + y->n_lines - both;
	return all == 0 ? 1000 : (unsigned)(both * 1000 / all);
}
