/* SPDX-License-Identifier: MIT */
/*
 * Why a verdict is as it is: path by path who said what, and what came of it.
 * As a table for a terminal, or as one page that needs no script. What agents
 * said is made visible in the one and escaped in the other.
 */
#include <stdlib.h>
#include <string.h>

#include "consensus/consensus.h"

#define CELL_MAX 48

/* ---- rows ---- */

enum outcome { AGREED, CONFLICT, DIFFERS, UNSUPPORTED, SETTLED };
struct row {
	const char *path;
	size_t path_n;
	const char *kind, *why;
	enum outcome is;
	const struct sk_jv *values; /* [{value, agents}] or NULL */
	const struct sk_jv *support; /* the path's entry or NULL */
	const struct sk_jv *ruling; /* an arbiter's, or NULL */
};
struct rows {
	struct row *v;
	size_t n;
};

static const char *const words[] = { "agreed", "CONFLICT", "differs", "too few",
	"settled" };

static bool
wanted(const char *at, size_t n, const char *path)
{
	size_t len;

	if (path == NULL)
		return true;
	len = strlen(path);
	return n >= len && memcmp(at, path, len) == 0 &&
	       (n == len || at[len] == '/');
}

static void
add(struct rows *r, struct row row, const char *path)
{
	if (!wanted(row.path, row.path_n, path))
		return;
	r->v = sk_reallocarray(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n++] = row;
}

static const struct sk_jv *
ruling_at(const struct sk_jv *verdict, const char *path)
{
	const struct sk_jv *list = sk_jptr(verdict, "/arbiter/rulings");

	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jget_str(sk_jat(list, i), "path"), path) &&
		    sk_jget(sk_jat(list, i), "choice") != NULL)
			return sk_jat(list, i);
	return NULL;
}

static void
add_list(struct rows *r, const struct sk_jv *verdict, const struct sk_jv *list,
    enum outcome is, const char *path)
{
	const struct sk_jv *support = sk_jget(verdict, "support"), *s;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *at = sk_jget_str(list->a[i], "path");

		if (at == NULL || sk_jget(list->a[i], "values") == NULL)
			continue;
		s = sk_jget(support, at);
		add(r,
		    (struct row){ .path = at,
			.path_n = strlen(at),
			.is = is,
			.kind = sk_jget_str(s, "kind"),
			.values = sk_jget(list->a[i], "values"),
			.support = s,
			.ruling = is == CONFLICT || is == SETTLED
		                      ? ruling_at(verdict, at)
		                      : NULL },
		    path);
	}
}

static void
collect(struct rows *r, const struct sk_jv *v, const char *path)
{
	const struct sk_jv *s = sk_jget(v, "support");

	memset(r, 0, sizeof(*r));
	add_list(r, v, sk_jptr(v, "/consensus/conflicts"), CONFLICT, path);
	if (sk_jget_bool(sk_jget(v, "arbiter"), "settled", false))
		add_list(
		    r, v, sk_jptr(v, "/mechanical/conflicts"), SETTLED, path);
	add_list(r, v, sk_jget(v, "optional_conflicts"), DIFFERS, path);
	for (size_t i = 0; i < sk_jlen(s); i++)
		if (sk_jget_bool(s->m[i].v, "agreed", false))
			add(r,
			    (struct row){ .path = s->m[i].key,
				.path_n = s->m[i].klen,
				.is = AGREED,
				.kind = sk_jget_str(s->m[i].v, "kind"),
				.support = s->m[i].v },
			    path);
	add_list(r, v, sk_jget(v, "unsupported"), UNSUPPORTED, path);
}

/* ---- cells ---- */

static void
value_cell(struct sk_buf *b, const struct sk_jv *v, size_t max)
{
	struct sk_buf t;

	sk_buf_init(&t, 0);
	sk_json_write(&t, v);
	if (t.len > max)
		sk_buf_printf(b, "%.*s...", (int)max, t.p);
	else
		sk_buf_add(b, t.p, t.len);
	sk_buf_free(&t);
}

static void
names_cell(struct sk_buf *b, const struct sk_jv *list)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *s = sk_jstr(list->a[i]);

		sk_buf_str(b, i > 0 ? ", " : "");
		sk_buf_visible(
		    b, s != NULL ? s : "?", s != NULL ? strlen(s) : 1, false);
	}
}

/* "3 of 4", "by id", "case space" */
static void
how_cell(struct sk_buf *b, const struct row *r)
{
	const struct sk_jv *views = sk_jget(r->support, "normalised");
	const char *key = sk_jget_str(r->support, "key");
	int64_t count, of;

	if (sk_jget_int(r->support, "count", &count) &&
	    sk_jget_int(r->support, "of", &of))
		sk_buf_printf(
		    b, "%lld of %lld", (long long)count, (long long)of);
	if (key != NULL) {
		sk_buf_str(b, ", by ");
		sk_buf_visible(b, key, strlen(key), false);
	}
	if (sk_jlen(views) > 0) {
		sk_buf_str(b, ", compared by ");
		names_cell(b, views);
	}
	if (r->ruling != NULL) {
		sk_buf_str(b, "; the arbiter chose ");
		value_cell(b, sk_jget(r->ruling, "choice"), CELL_MAX);
		if (sk_jget(r->ruling, "why") != NULL)
			sk_buf_str(b, ": ");
		if (sk_jget(r->ruling, "why") != NULL)
			value_cell(b, sk_jget(r->ruling, "why"), CELL_MAX);
	}
	if (sk_jget(r->support, "interval") != NULL) {
		sk_buf_str(b, ", within ");
		value_cell(b, sk_jget(r->support, "interval"), CELL_MAX);
	}
}

static void
who_cell(struct sk_buf *b, const struct row *r, const struct sk_jv *verdict)
{
	const struct sk_jv *agents = sk_jget(r->support, "agents");

	if (agents != NULL) {
		names_cell(b, agents);
	} else if (r->kind != NULL && (strcmp(r->kind, "scalar") == 0 ||
					  strcmp(r->kind, "exact") == 0)) {
		sk_buf_str(b, "all: ");
		names_cell(b, sk_jget(verdict, "present"));
	}
}

/* ---- the table ---- */

static void
table_row(struct sk_buf *out, const struct row *r, const struct sk_jv *v)
{
	struct sk_buf b;
	size_t from = out->len;

	sk_buf_init(&b, 0);
	sk_buf_visible(out, r->path, r->path_n, false);
	if (r->path_n == 0)
		sk_buf_str(out, "(the whole)");
	sk_buf_printf(out, "%*s  %-8s  ",
	    (int)(out->len - from < 32 ? 32 - (out->len - from) : 0), "",
	    words[r->is]);
	how_cell(&b, r);
	sk_buf_printf(out, "%s", b.p);
	sk_buf_clear(&b);
	if (r->is == AGREED && sk_jget(r->support, "value") != NULL) {
		sk_buf_str(out, "  ");
		value_cell(out, sk_jget(r->support, "value"), CELL_MAX);
	}
	if (r->is == AGREED) {
		who_cell(&b, r, v);
		if (b.len > 0)
			sk_buf_printf(out, "  [%s]", b.p);
	}
	sk_buf_ch(out, '\n');
	for (size_t i = 0; i < sk_jlen(r->values); i++) {
		sk_buf_str(out, "      ");
		value_cell(out, sk_jget(r->values->a[i], "value"), CELL_MAX);
		sk_buf_str(out, "  [");
		names_cell(out, sk_jget(r->values->a[i], "agents"));
		sk_buf_str(out, "]\n");
	}
	if (r->is == AGREED)
		for (size_t i = 0; i < sk_jlen(sk_jget(r->support, "elements"));
		     i++) {
			const struct sk_jv *e =
			    sk_jget(r->support, "elements")->a[i];
			const char *tier = sk_jget_str(e, "tier");

			sk_buf_str(out, "      ");
			value_cell(out, sk_jget(e, "value"), CELL_MAX);
			sk_buf_str(out, "  [");
			names_cell(out, sk_jget(e, "agents"));
			sk_buf_printf(out, "]%s%s\n", tier != NULL ? "  " : "",
			    tier != NULL ? tier : "");
		}
	sk_buf_free(&b);
}

void
sk_explain_text(struct sk_buf *b, const struct sk_jv *verdict, const char *path)
{
	struct rows r;

	if (path == NULL) {
		struct sk_buf head;

		sk_buf_init(&head, 0);
		sk_verdict_head(&head, verdict);
		sk_buf_add(b, head.p, head.len);
		sk_buf_ch(b, '\n');
		sk_buf_free(&head);
	}
	collect(&r, verdict, path);
	for (size_t i = 0; i < r.n; i++)
		table_row(b, &r.v[i], verdict);
	if (r.n == 0)
		sk_buf_str(b, "nobody said anything there\n");
	free(r.v);
}

/* ---- the page ---- */

/* A cell is visible text already. */
static void
td(struct sk_buf *b, struct sk_buf *cellp, const char *class)
{
	sk_buf_printf(b, "<td class=\"%s\">", class);
	sk_buf_markup(b, cellp->p, cellp->len);
	sk_buf_str(b, "</td>");
	sk_buf_clear(cellp);
}

static void
html_values(struct sk_buf *b, const struct sk_jv *list)
{
	struct sk_buf c;

	sk_buf_init(&c, 0);
	sk_buf_str(b, "<td><ul>");
	for (size_t i = 0; i < sk_jlen(list); i++) {
		sk_buf_str(b, "<li><code>");
		value_cell(&c, sk_jget(list->a[i], "value"), 2000);
		sk_buf_markup(b, c.p, c.len);
		sk_buf_clear(&c);
		sk_buf_str(b, "</code> <span>");
		names_cell(&c, sk_jget(list->a[i], "agents"));
		sk_buf_markup(b, c.p, c.len);
		sk_buf_clear(&c);
		sk_buf_str(b, "</span></li>");
	}
	sk_buf_str(b, "</ul></td>");
	sk_buf_free(&c);
}

static void
html_row(struct sk_buf *b, const struct row *r, const struct sk_jv *v)
{
	const struct sk_jv *list = r->values;
	struct sk_buf c;

	sk_buf_init(&c, 0);
	sk_buf_printf(b, "<tr class=\"s%d\">", (int)r->is);
	sk_buf_visible(&c, r->path, r->path_n, false);
	if (r->path_n == 0)
		sk_buf_str(&c, "(the whole)");
	td(b, &c, "path");
	sk_buf_str(&c, words[r->is]);
	td(b, &c, "is");
	how_cell(&c, r);
	td(b, &c, "how");
	if (list == NULL)
		list = sk_jget(r->support, "elements");
	if (list != NULL) {
		html_values(b, list);
	} else {
		if (sk_jget(r->support, "value") != NULL)
			value_cell(&c, sk_jget(r->support, "value"), 2000);
		sk_buf_str(&c, "  ");
		who_cell(&c, r, v);
		td(b, &c, "value");
	}
	sk_buf_str(b, "</tr>\n");
	sk_buf_free(&c);
}

void
sk_explain_html(struct sk_buf *b, const struct sk_jv *verdict, const char *path)
{
	struct sk_buf head;
	struct rows r;

	sk_buf_str(b,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta http-equiv=\"Content-Security-Policy\" "
	    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
	    "<title>Verdict</title><style>\n"
	    "body{font:15px/1.4 sans-serif;margin:2em;max-width:80em}"
	    "table{border-collapse:collapse;width:100%}"
	    "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:left;"
	    "vertical-align:top;overflow-wrap:anywhere}"
	    "ul{margin:0;padding-left:1.2em}span{color:#666}"
	    ".s1 .is{color:#b00;font-weight:bold}.s0 .is{color:#070}"
	    "\n</style></head><body>\n<h1>Verdict</h1>\n<pre>");
	sk_buf_init(&head, 0);
	sk_verdict_head(&head, verdict);
	sk_buf_markup(b, head.p, head.len);
	sk_buf_free(&head);
	sk_buf_str(b,
	    "</pre>\n<table><thead><tr><th>Path</th><th>Result</th>"
	    "<th>How</th><th>What was said, and by whom</th></tr></thead>"
	    "<tbody>\n");
	collect(&r, verdict, path);
	for (size_t i = 0; i < r.n; i++)
		html_row(b, &r.v[i], verdict);
	free(r.v);
	sk_buf_str(b, "</tbody></table>\n</body></html>\n");
}
