/* SPDX-License-Identifier: MIT */
/* An explanation for a terminal: a line for each path, and below it one for
 * each value, cut at the edge of the screen. */
#include <stdlib.h>
#include <string.h>

#include "consensus/explain.h"

#define PATH_MIN 8
#define VALUE_MIN 20

struct table {
	struct sk_buf *out;
	const struct sk_jv *verdict;
	size_t path_width, width; /* width 0 = lines may have any length */
};

/* What is left of a line after so much of it. */
static size_t
left(const struct table *t, size_t used)
{
	if (t->width == 0)
		return SIZE_MAX / 2;
	return t->width > used + VALUE_MIN ? t->width - used : VALUE_MIN;
}

/* "      VALUE  [AGENTS]  TIER" */
static void
value_line(const struct table *t, const struct sk_row *r,
    const struct sk_jv *list, size_t i)
{
	const struct sk_jv *one = sk_jat(list, i);
	struct sk_buf who;

	sk_buf_init(&who, 0);
	sk_buf_str(&who, "  [");
	sk_cell_names(&who, sk_jget(one, "agents"));
	sk_buf_ch(&who, ']');
	if (sk_jget(one, "tier") != NULL)
		sk_buf_str(&who, "  ");
	sk_cell_tier(&who, one);
	sk_buf_str(t->out, "      ");
	sk_cell_value(t->out, sk_row_value(r, list, i), left(t, 6 + who.len));
	sk_buf_add(t->out, who.p, who.len);
	sk_buf_ch(t->out, '\n');
	sk_buf_free(&who);
}

static void
row(const struct table *t, const struct sk_row *r)
{
	const struct sk_jv *list = r->values;
	struct sk_buf *out = t->out, b;
	size_t from = out->len, pad;

	sk_buf_visible(out, r->path, r->path_n, false);
	if (r->path_n == 0)
		sk_buf_str(out, "(the whole)");
	pad = out->len - from < t->path_width
	          ? t->path_width - (out->len - from)
	          : 0;
	sk_buf_printf(out, "%*s  %-8s  ", (int)pad, "", sk_outcome_word(r->is));
	sk_buf_init(&b, 0);
	sk_cell_how(&b, r, t->verdict);
	sk_buf_add(out, b.p, b.len);
	sk_buf_clear(&b);
	if (r->is == SK_OUT_AGREED) {
		sk_cell_who(&b, r, t->verdict);
		if (sk_jget(r->support, "value") != NULL) {
			sk_buf_str(out, "  ");
			sk_cell_value(out, sk_jget(r->support, "value"),
			    left(t, out->len - from + b.len + 4));
		}
		if (b.len > 0)
			sk_buf_printf(out, "  [%s]", b.p);
	}
	sk_buf_ch(out, '\n');
	sk_buf_clear(&b);
	sk_cell_ruling(&b, r, left(t, 6));
	if (b.len > 0)
		sk_buf_printf(out, "      %s\n", b.p);
	sk_buf_free(&b);
	if (list == NULL)
		list = sk_jget(r->support, "elements");
	for (size_t i = 0; i < sk_jlen(list); i++)
		value_line(t, r, list, i);
}

void
sk_explain_text(struct sk_buf *b, const struct sk_jv *verdict, const char *path,
    size_t width)
{
	struct table t = { .out = b,
		.verdict = verdict,
		.path_width = PATH_MIN,
		.width = width };
	struct sk_rows r;

	if (path == NULL) {
		struct sk_buf head;

		sk_buf_init(&head, 0);
		sk_verdict_head(&head, verdict);
		sk_buf_add(b, head.p, head.len);
		sk_buf_ch(b, '\n');
		sk_buf_free(&head);
	}
	sk_rows_collect(&r, verdict, path);
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].path_n > t.path_width)
			t.path_width = r.v[i].path_n < 32 ? r.v[i].path_n : 32;
	for (size_t i = 0; i < r.n; i++)
		row(&t, &r.v[i]);
	if (r.n == 0)
		sk_buf_str(b, "nobody said anything there\n");
	free(r.v);
}
