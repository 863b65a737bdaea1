/* SPDX-License-Identifier: MIT */
/*
 * Markdown for a step's summary. Words of agents stand in fenced blocks alone,
 * whose fence is longer than any run of backticks in them, and without anything
 * that could begin a tag there; all else is ours. The whole stays below what a
 * summary may have: sections that do not fit are left out and counted.
 */
#include <string.h>

#include "consensus/export.h"

/* The runner drops a summary of 1 MiB, and other steps write into it, too. */
#define WHOLE_MAX ((size_t)1000000)
#define ENTRY_MAX ((size_t)8192)

static bool
letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Lines of text as a fenced block. */
static void
fenced(struct sk_buf *b, const struct sk_buf *text)
{
	size_t run = 0, longest = 2;

	for (size_t i = 0; i < text->len; i++) {
		run = text->p[i] == '`' ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	for (size_t i = 0; i <= longest; i++)
		sk_buf_ch(b, '`');
	sk_buf_str(b, "text\n");
	for (size_t i = 0; i < text->len; i++) {
		char c = text->p[i],
		     next = i + 1 < text->len ? text->p[i + 1] : '\0';

		if (c == '<' &&
		    (letter(next) || next == '/' || next == '!' || next == '?'))
			sk_buf_str(b, "&lt;");
		else if (c == '&' && (letter(next) || next == '#'))
			sk_buf_str(b, "&amp;");
		else
			sk_buf_ch(b, c);
	}
	for (size_t i = 0; i <= longest; i++)
		sk_buf_ch(b, '`');
	sk_buf_str(b, "\n\n");
}

/* A section, unless the whole would grow too large: then it is counted. */
static void
section(struct sk_buf *b, const char *title, const struct sk_buf *text,
    size_t *left)
{
	if (text->len == 0)
		return;
	if (b->len + text->len + text->len / 4 > WHOLE_MAX) {
		(*left)++;
		return;
	}
	sk_buf_printf(b, "#### %s\n\n", title);
	fenced(b, text);
}

/* ---- parts ---- */

/* `a`, `b`: an agent's name cannot hold a backtick, unless it is no name. */
static void
names(struct sk_buf *b, const char *label, const struct sk_jv *list)
{
	size_t n = 0;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *s = sk_jstr(sk_jat(list, i));

		if (s == NULL || !sk_ident_ok(s))
			continue;
		if (n++ == 0)
			sk_buf_printf(b, "| %s | ", label);
		else
			sk_buf_str(b, ", ");
		sk_buf_printf(b, "`%s`", s);
	}
	if (n > 0)
		sk_buf_str(b, " |\n");
}

static void
facts(struct sk_buf *b, const struct sk_exported *e)
{
	int64_t need = 0, of = 0;

	sk_buf_printf(b, "### %s", e->status);
	if (e->spec[0] != '\0')
		sk_buf_printf(b, " `%s`", e->spec);
	if (e->stage[0] != '\0')
		sk_buf_printf(b, " `%s`", e->stage);
	sk_buf_str(b, "\n\n| | |\n|---|---|\n");
	if (e->seq > 0)
		sk_buf_printf(b, "| decision | %lld |\n", (long long)e->seq);
	sk_buf_printf(b, "| round | %lld |\n", (long long)e->round);
	if (sk_jget_int(sk_jget(e->v, "quorum"), "required", &need) &&
	    sk_jget_int(sk_jget(e->v, "quorum"), "of", &of))
		sk_buf_printf(b, "| quorum | %lld of %lld |\n", (long long)need,
		    (long long)of);
	names(b, "answered", sk_jget(e->v, "present"));
	names(b, "missing", sk_jget(e->v, "missing_agents"));
	sk_buf_printf(b, "| findings | %zu |\n\n", e->n);
}

static void
list(struct sk_buf *text, const struct sk_jv *v,
    void (*put)(struct sk_buf *b, const struct sk_jv *one))
{
	struct sk_buf one;

	sk_buf_init(&one, 0);
	for (size_t i = 0; i < sk_jlen(v); i++) {
		sk_buf_clear(&one);
		put(&one, sk_jat(v, i));
		/* A line that begins with "::" is a command, wherever the
		 * summary is printed. */
		sk_buf_str(text, "- ");
		sk_export_text(text, one.p, one.len, ENTRY_MAX);
		sk_buf_ch(text, '\n');
	}
	sk_buf_free(&one);
}

static void
finding(struct sk_buf *text, const struct sk_finding *f)
{
	struct sk_buf one;

	sk_buf_init(&one, 0);
	if (f->severity != NULL)
		sk_buf_printf(&one, "%s ", f->severity);
	if (f->file != NULL) {
		sk_buf_str(&one, f->file);
		if (f->line > 0)
			sk_buf_printf(&one, ":%lld", (long long)f->line);
		sk_buf_str(&one, ": ");
	} else if (f->where != NULL) {
		sk_export_text(&one, f->where, strlen(f->where), 200);
		sk_buf_str(&one, ": ");
	}
	sk_buf_add(&one, f->text.p, f->text.len);
	if (f->rule != NULL) {
		sk_buf_str(&one, " (");
		sk_export_text(&one, f->rule, strlen(f->rule), 200);
		sk_buf_ch(&one, ')');
	}
	sk_buf_str(&one, " [");
	sk_export_names(&one, f->agents);
	sk_buf_str(&one, "]");
	sk_buf_str(text, "- ");
	sk_export_text(text, one.p, one.len, ENTRY_MAX);
	sk_buf_ch(text, '\n');
	sk_buf_free(&one);
}

/* As many findings of a weight as there is room for. */
static void
findings(struct sk_buf *b, struct sk_export *x, const struct sk_exported *e,
    enum sk_level level, const char *title)
{
	struct sk_buf text;
	size_t left = 0;

	sk_buf_init(&text, 0);
	for (size_t i = 0; i < e->n; i++) {
		if (e->f[i].level != level)
			continue;
		if (b->len + text.len + text.len / 4 + 2 * ENTRY_MAX >
		    WHOLE_MAX)
			left++;
		else
			finding(&text, &e->f[i]);
	}
	section(b, title, &text, &left);
	if (left > 0)
		sk_buf_printf(b,
		    "*%zu more of these are not shown here; the SARIF file has "
		    "them.*\n\n",
		    left);
	x->left_out += left;
	sk_buf_free(&text);
}

void
sk_export_md(struct sk_buf *b, struct sk_export *x)
{
	struct sk_buf text;
	size_t left = 0, verdicts = 0;

	sk_buf_init(&text, 0);
	for (size_t i = 0; i < x->n; i++) {
		const struct sk_exported *e = &x->v[i];

		if (b->len + 65536 > WHOLE_MAX) {
			verdicts++;
			x->left_out += e->n;
			continue;
		}
		facts(b, e);
		sk_buf_clear(&text);
		list(&text, sk_jget(e->v, "reasons"), sk_export_reason);
		section(b, "Why", &text, &left);
		sk_buf_clear(&text);
		list(&text, sk_jptr(e->v, "/consensus/conflicts"),
		    sk_export_conflict);
		section(b, "Conflicts", &text, &left);
		findings(b, x, e, SK_LEVEL_ERROR, "Errors");
		findings(b, x, e, SK_LEVEL_WARNING, "Warnings");
		findings(b, x, e, SK_LEVEL_NOTE, "Notes");
	}
	if (left + verdicts > 0)
		sk_buf_printf(b,
		    "*%zu sections and %zu verdicts did not fit into this "
		    "summary.*\n",
		    left, verdicts);
	sk_buf_free(&text);
}
