/* SPDX-License-Identifier: MIT */
/* What a verdict has to say to others: its findings, each with a place, a
 * weight and a fingerprint that outlives the next edit. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "consensus/export.h"
#include "consensus/merged.h"

#define TEXT_MAX ((size_t)1000)
#define PATH_BYTES ((size_t)1024)

/* ---- text ---- */

void
sk_export_text(struct sk_buf *b, const char *p, size_t n, size_t max)
{
	char sha[SK_SHA256_LEN];
	size_t cut = n;

	if (n > max) {
		cut = max;
		while (cut > 0 && ((unsigned char)p[cut] & 0xc0) == 0x80)
			cut--;
	}
	sk_buf_visible(b, p, cut, false);
	if (cut == n)
		return;
	sk_sha256(p, n, sha);
	sk_buf_printf(b, "... (%zu more bytes, sha256 %.16s...)", n - cut, sha);
}

static void
value_text(struct sk_buf *b, const struct sk_jv *v, size_t max)
{
	struct sk_buf t;

	sk_buf_init(&t, 0);
	if (v != NULL && v->type == SK_J_STR)
		sk_buf_add(&t, v->s, v->n);
	else
		sk_json_write(&t, v);
	sk_export_text(b, t.p, t.len, max);
	sk_buf_free(&t);
}

void
sk_export_names(struct sk_buf *b, const struct sk_jv *list)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		sk_buf_str(b, i > 0 ? ", " : "");
		value_text(b, sk_jat(list, i), SK_IDENT_LEN);
	}
}

void
sk_export_conflict(struct sk_buf *b, const struct sk_jv *c)
{
	const struct sk_jv *values = sk_jget(c, "values");

	if (sk_jget(c, "text") != NULL) {
		value_text(b, sk_jget(c, "reported_by"), SK_IDENT_LEN);
		sk_buf_str(b, " reports: ");
		value_text(b, sk_jget(c, "text"), TEXT_MAX);
		return;
	}
	sk_buf_str(b, "conflict at ");
	value_text(b, sk_jget(c, "path"), TEXT_MAX);
	for (size_t i = 0; i < sk_jlen(values); i++) {
		sk_buf_str(b, i > 0 ? ", " : ": ");
		if (i == 20) {
			sk_buf_printf(
			    b, "and %zu more values", sk_jlen(values) - i);
			break;
		}
		value_text(b, sk_jget(sk_jat(values, i), "value"), 200);
		sk_buf_str(b, " [");
		sk_export_names(b, sk_jget(sk_jat(values, i), "agents"));
		sk_buf_ch(b, ']');
	}
}

void
sk_export_reason(struct sk_buf *b, const struct sk_jv *r)
{
	static const char *const parts[] = { "path", "agent", "detail" };
	static const char *const before[] = { " at ", ", agent ", ": " };
	int64_t want, got;

	value_text(b, sk_jget(r, "kind"), SK_IDENT_LEN);
	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++) {
		const struct sk_jv *x = sk_jget(r, parts[i]);

		if (x == NULL || x->type != SK_J_STR || x->n == 0)
			continue;
		sk_buf_str(b, before[i]);
		value_text(b, x, TEXT_MAX);
	}
	if (sk_jget_int(r, "required", &want) && sk_jget_int(r, "actual", &got))
		sk_buf_printf(b, ", %lld needed, %lld found", (long long)want,
		    (long long)got);
}

/* ---- where ---- */

const char *
sk_export_path(struct sk_arena *a, const char *s, size_t n)
{
	struct sk_buf seen;
	bool same;

	while (n >= 2 && s[0] == '.' && s[1] == '/') {
		s += 2;
		n -= 2;
	}
	if (n == 0 || n > PATH_BYTES || s[0] == '/' || s[0] == '~' ||
	    memchr(s, '\\', n) != NULL || memchr(s, ':', n) != NULL)
		return NULL;
	sk_buf_init(&seen, 0);
	sk_buf_visible(&seen, s, n, false);
	same = seen.len == n && memcmp(seen.p, s, n) == 0;
	sk_buf_free(&seen);
	for (size_t i = 0, from = 0; same && i <= n; i++)
		if (i == n || s[i] == '/') {
			/* Neither "", ".", nor "..". */
			same = strncmp(s + from, "..", i - from) != 0;
			from = i + 1;
		}
	return same ? sk_arena_strndup(a, s, n) : NULL;
}

/* "src/a.c:12:5" → the path; the numbers unless they are known. */
static const char *
split_place(struct sk_arena *a, struct sk_finding *f, const char *s)
{
	size_t n = strlen(s);
	int64_t num[2] = { 0, 0 };
	size_t k = 0;
	char digits[16];

	while (k < 2 && n > 0) {
		size_t d = n;

		while (d > 0 && s[d - 1] >= '0' && s[d - 1] <= '9')
			d--;
		if (d == n || d == 0 || s[d - 1] != ':' ||
		    n - d >= sizeof(digits))
			break;
		memcpy(digits, s + d, n - d);
		digits[n - d] = '\0';
		if (!sk_parse_int(digits, 1, INT32_MAX, &num[k]))
			break;
		k++;
		n = d - 1;
	}
	if (k > 0 && f->line == 0) {
		f->line = num[k - 1];
		f->column = k == 2 ? num[0] : f->column;
	}
	return sk_export_path(a, s, n);
}

static void
first_int(const struct sk_jv *v, const char *const *keys, int64_t *out)
{
	for (; *keys != NULL && *out == 0; keys++)
		if (!sk_jget_int(v, *keys, out) || *out < 1 || *out > INT32_MAX)
			*out = 0;
}

/* Does it look like a file, and not like a requirement's name? */
static bool
is_file_like(const char *s)
{
	return strchr(s, '/') != NULL || strchr(s, '.') != NULL;
}

static void
locate(struct sk_arena *a, struct sk_finding *f)
{
	static const char *const files[] = { "file", "path", "filename", NULL };
	static const char *const wheres[] = { "where", "location",
		"requirement", NULL };
	static const char *const lines[] = { "line", "start_line", "startLine",
		NULL };
	static const char *const ends[] = { "end_line", "endLine", NULL };
	static const char *const columns[] = { "column", "col", NULL };
	const char *s = sk_jget_first(f->whole, files);

	first_int(f->whole, lines, &f->line);
	first_int(f->whole, ends, &f->end_line);
	first_int(f->whole, columns, &f->column);
	if (s != NULL)
		f->file = split_place(a, f, s);
	f->where =
	    s != NULL && f->file == NULL ? s : sk_jget_first(f->whole, wheres);
	if (s == NULL && f->where != NULL && is_file_like(f->where))
		f->file = split_place(a, f, f->where);
	if (f->file == NULL)
		f->line = f->end_line = f->column = 0;
	if (f->end_line < f->line)
		f->end_line = 0;
}

/* ---- what ---- */

static void
weigh(struct sk_finding *f)
{
	static const struct {
		const char *word;
		enum sk_level level;
	} known[] = { { "blocker", SK_LEVEL_ERROR },
		{ "critical", SK_LEVEL_ERROR }, { "high", SK_LEVEL_ERROR },
		{ "major", SK_LEVEL_ERROR }, { "error", SK_LEVEL_ERROR },
		{ "medium", SK_LEVEL_WARNING },
		{ "moderate", SK_LEVEL_WARNING },
		{ "warning", SK_LEVEL_WARNING }, { "minor", SK_LEVEL_NOTE },
		{ "low", SK_LEVEL_NOTE }, { "info", SK_LEVEL_NOTE },
		{ "note", SK_LEVEL_NOTE } };
	const char *s = sk_jget_str(f->whole, "severity");

	f->level = SK_LEVEL_WARNING;
	for (size_t i = 0; s != NULL && i < SK_ARRAY_SIZE(known); i++)
		if (strcasecmp(s, known[i].word) == 0) {
			f->severity = known[i].word;
			f->level = known[i].level;
		}
}

/* Letters alone, in lower case: what a text says, not how it is set, nor which
 * line it counts. */
static void
squeeze(struct sk_buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 'A' && c <= 'Z')
			sk_buf_ch(b, (char)(c + ('a' - 'A')));
		else if (c >= 0x80 || (c >= 'a' && c <= 'z'))
			sk_buf_ch(b, (char)c);
	}
}

/* A rule and a file tell a finding; without a rule, its words do. */
static void
fingerprint(struct sk_finding *f, const struct sk_jv *text)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "skFinding/v1\n%s\n%s\n%s\n", f->list,
	    f->file != NULL    ? f->file
	    : f->where != NULL ? f->where
			       : "",
	    f->rule != NULL ? f->rule : "");
	if (f->rule == NULL && text != NULL)
		squeeze(&b, text->s, text->n);
	else if (f->rule == NULL)
		sk_json_canon(&b, f->whole);
	sk_sha256(b.p, b.len, f->fingerprint);
	sk_buf_free(&b);
}

static void
read_finding(struct sk_arena *a, struct sk_finding *f)
{
	static const char *const rules[] = { "rule", "rule_id", "ruleId",
		"check", NULL };
	static const char *const texts[] = { "message", "what", "title",
		"description", "text", "risk", "issue", NULL };
	const struct sk_jv *text = NULL;

	f->rule = sk_jget_first(f->whole, rules);
	for (const char *const *k = texts; text == NULL && *k != NULL; k++)
		if (sk_jget_str(f->whole, *k) != NULL)
			text = sk_jget(f->whole, *k);
	if (f->whole->type == SK_J_STR)
		text = f->whole;
	weigh(f);
	locate(a, f);
	sk_buf_init(&f->text, 0);
	value_text(&f->text, text != NULL ? text : f->whole, TEXT_MAX);
	fingerprint(f, text);
}

/* ---- all of them ---- */

static int
text_cmp(const char *x, const char *y)
{
	return strcmp(x != NULL ? x : "", y != NULL ? y : "");
}

/* Where it is: the order in which equal ones are numbered. */
static int
by_place(const void *x, const void *y)
{
	const struct sk_finding *a = x, *b = y;
	int c = strcmp(a->fingerprint, b->fingerprint);

	if (c == 0)
		c = (a->line > b->line) - (a->line < b->line);
	if (c == 0)
		c = (a->column > b->column) - (a->column < b->column);
	return c != 0 ? c : strcmp(a->text.p, b->text.p);
}

/* The heaviest first, then what most have seen. */
static int
by_weight(const void *x, const void *y)
{
	const struct sk_finding *a = x, *b = y;
	size_t n = sk_jlen(a->agents), m = sk_jlen(b->agents);
	int c;

	if (a->level != b->level)
		return a->level > b->level ? -1 : 1;
	if (n != m)
		return n > m ? -1 : 1;
	c = text_cmp(a->file, b->file);
	if (c == 0)
		c = (a->line > b->line) - (a->line < b->line);
	if (c == 0)
		c = strcmp(a->fingerprint, b->fingerprint);
	return c != 0 ? c : (a->nth > b->nth) - (a->nth < b->nth);
}

/* The findings of one list: in the agreed value and, in the same order, in the
 * support of its path. */
static void
add_list(struct sk_arena *a, struct sk_exported *e, const char *path,
    const struct sk_jv *support)
{
	const struct sk_jv *list = sk_merged_at(e->v, path);
	const struct sk_jv *ev = sk_jget(support, "elements");

	if (list == NULL || list->type != SK_J_ARR)
		return;
	e->f = sk_reallocarray(e->f, e->n + list->n + 1, sizeof(*e->f));
	for (size_t i = 0; i < list->n; i++) {
		struct sk_finding *f = &e->f[e->n++];
		const struct sk_jv *s = sk_jat(ev, i);

		*f = (struct sk_finding){ .whole = list->a[i],
			.list = path,
			.agents = sk_jget(s, "agents"),
			.tier = sk_jget_str(s, "tier") };
		read_finding(a, f);
	}
}

static const char *
ident_of(const struct sk_jv *v, const char *key)
{
	const char *s = sk_jget_str(v, key);

	return s != NULL && sk_ident_ok(s) ? s : "";
}

void
sk_export_add(struct sk_export *x, const struct sk_jv *verdict)
{
	static const char *const known[] = { "ok", "degraded", "conflict" };
	const struct sk_jv *support = sk_jget(verdict, "support");
	struct sk_exported *e;

	x->v = sk_reallocarray(x->v, x->n + 1, sizeof(*x->v));
	e = &x->v[x->n++];
	*e = (struct sk_exported){ .v = verdict,
		.spec = ident_of(verdict, "spec"),
		.stage = ident_of(verdict, "stage"),
		.status = "unknown",
		.round = 1 };
	for (size_t i = 0; i < SK_ARRAY_SIZE(known); i++)
		if (sk_streq(sk_jget_str(verdict, "status"), known[i]))
			e->status = known[i];
	(void)sk_jget_int(verdict, "round", &e->round);
	(void)sk_jget_int(verdict, "decision_seq", &e->seq);
	for (size_t i = 0;
	     support != NULL && support->type == SK_J_OBJ && i < support->n;
	     i++)
		if (sk_streq(sk_jget_str(support->m[i].v, "kind"), "union"))
			add_list(
			    &x->arena, e, support->m[i].key, support->m[i].v);
	if (e->n == 0)
		return;
	qsort(e->f, e->n, sizeof(*e->f), by_place);
	for (size_t i = 0; i < e->n; i++)
		e->f[i].nth = i > 0 && strcmp(e->f[i].fingerprint,
					   e->f[i - 1].fingerprint) == 0
		                  ? e->f[i - 1].nth + 1
		                  : 1;
	qsort(e->f, e->n, sizeof(*e->f), by_weight);
}

void
sk_export_free(struct sk_export *x)
{
	for (size_t i = 0; i < x->n; i++) {
		for (size_t k = 0; k < x->v[i].n; k++)
			sk_buf_free(&x->v[i].f[k].text);
		free(x->v[i].f);
	}
	free(x->v);
	sk_arena_free(&x->arena);
}
