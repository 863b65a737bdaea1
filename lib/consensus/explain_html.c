/* SPDX-License-Identifier: MIT */
/* An explanation as one page that needs nothing else: no script, no network. */
#include <stdlib.h>
#include <string.h>

#include "consensus/explain.h"

#define VALUE_MAX 2000

static const char head_text[] =
    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
    "<meta name=\"viewport\" content=\"width=device-width\">"
    "<meta http-equiv=\"Content-Security-Policy\" "
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    "<title>";
static const char style[] =
    "</title><style>\n"
    ":root{color-scheme:light dark;--fg:#1d2329;--bg:#fff;--line:#ccc;"
    "--mute:#666;--bad:#b00020;--ok:#1b7040;--late:#8a5a00}"
    "@media(prefers-color-scheme:dark){:root{--fg:#e4e8ec;--bg:#14181c;"
    "--line:#3a424a;--mute:#98a2ad;--bad:#ff7b7b;--ok:#6ecf98;"
    "--late:#e0b060}}"
    "body{font:15px/1.45 sans-serif;margin:2em;max-width:80em;"
    "color:var(--fg);background:var(--bg)}"
    "pre{overflow-x:auto}table{border-collapse:collapse;width:100%}"
    "td,th{border:1px solid var(--line);padding:.3em .6em;"
    "text-align:left;vertical-align:top}"
    ".path,.value{overflow-wrap:anywhere}"
    ".path{min-width:8em;max-width:18em}"
    ".is,th{white-space:nowrap}.how{min-width:7em;max-width:24em}"
    "ul{margin:0;padding-left:1.2em}span{color:var(--mute)}"
    ".o0 .is,.o5 .is{color:var(--ok)}.o4 .is{color:var(--late)}"
    ".o1 .is{color:var(--bad);font-weight:bold}"
    "\n</style></head><body>\n";

/* A cell is visible text already. */
static void
td(struct sk_buf *b, struct sk_buf *cell, const char *class)
{
	sk_buf_printf(b, "<td class=\"%s\">", class);
	sk_buf_markup(b, cell->p, cell->len);
	sk_buf_str(b, "</td>");
	sk_buf_clear(cell);
}

static void
values(struct sk_buf *b, const struct sk_row *r, const struct sk_jv *list)
{
	struct sk_buf c;

	sk_buf_init(&c, 0);
	sk_buf_str(b, "<td class=\"value\"><ul>");
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *one = sk_jat(list, i);

		sk_buf_str(b, "<li><code>");
		sk_cell_value(&c, sk_row_value(r, list, i), VALUE_MAX);
		sk_buf_markup(b, c.p, c.len);
		sk_buf_clear(&c);
		sk_buf_str(b, "</code> <span>");
		sk_cell_names(&c, sk_jget(one, "agents"));
		if (sk_jget(one, "tier") != NULL)
			sk_buf_str(&c, "; ");
		sk_cell_tier(&c, one);
		sk_buf_markup(b, c.p, c.len);
		sk_buf_clear(&c);
		sk_buf_str(b, "</span></li>");
	}
	sk_buf_str(b, "</ul></td>");
	sk_buf_free(&c);
}

static void
row(struct sk_buf *b, const struct sk_row *r, const struct sk_jv *v)
{
	const struct sk_jv *list = r->values;
	struct sk_buf c;

	sk_buf_init(&c, 0);
	sk_buf_printf(b, "<tr class=\"o%d\">", (int)r->is);
	sk_buf_visible(&c, r->path, r->path_n, false);
	if (r->path_n == 0)
		sk_buf_str(&c, "(the whole)");
	td(b, &c, "path");
	sk_buf_str(&c, sk_outcome_word(r->is));
	td(b, &c, "is");
	sk_cell_how(&c, r, v);
	if (r->ruling != NULL)
		sk_buf_str(&c, "; ");
	sk_cell_ruling(&c, r, VALUE_MAX);
	td(b, &c, "how");
	if (list == NULL)
		list = sk_jget(r->support, "elements");
	if (list != NULL) {
		values(b, r, list);
	} else {
		if (sk_jget(r->support, "value") != NULL)
			sk_cell_value(
			    &c, sk_jget(r->support, "value"), VALUE_MAX);
		sk_buf_str(&c, "  ");
		sk_cell_who(&c, r, v);
		td(b, &c, "value");
	}
	sk_buf_str(b, "</tr>\n");
	sk_buf_free(&c);
}

static void
title(struct sk_buf *b, const struct sk_jv *v)
{
	static const char *const keys[] = { "spec", "stage", "status" };

	sk_buf_str(b, "Verdict");
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		const char *s = sk_jget_str(v, keys[i]);

		if (s == NULL)
			continue;
		sk_buf_ch(b, ' ');
		sk_buf_markup_visible(b, s, strlen(s));
	}
}

void
sk_explain_html(struct sk_buf *b, const struct sk_jv *verdict, const char *path)
{
	struct sk_rows r;
	struct sk_buf head;

	sk_buf_str(b, head_text);
	title(b, verdict);
	sk_buf_str(b, style);
	sk_buf_str(b, "<h1>");
	title(b, verdict);
	sk_buf_str(b, "</h1>\n<pre>");
	sk_buf_init(&head, 0);
	sk_verdict_head(&head, verdict);
	sk_buf_markup(b, head.p, head.len);
	sk_buf_free(&head);
	sk_buf_str(b,
	    "</pre>\n<table><thead><tr><th>Path</th><th>Result</th>"
	    "<th>How</th><th>What was said, and by whom</th></tr></thead>"
	    "<tbody>\n");
	sk_rows_collect(&r, verdict, path);
	for (size_t i = 0; i < r.n; i++)
		row(b, &r.v[i], verdict);
	free(r.v);
	sk_buf_str(b, "</tbody></table>\n</body></html>\n");
}
