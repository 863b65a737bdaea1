/* SPDX-License-Identifier: MIT */
/*
 * Why a verdict is as it is: path by path who said what, and what came of it.
 * What agents said is made visible here; the table and the page only place it.
 */
#include <string.h>

#include "consensus/explain.h"
#include "consensus/merged.h"

const char *
sk_outcome_word(enum sk_outcome is)
{
	static const char *const words[] = { "agreed", "CONFLICT", "differs",
		"too few", "settled", "united" };

	return words[is];
}

/* ---- rows ---- */

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
add(struct sk_rows *r, struct sk_row row, const char *path)
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
add_list(struct sk_rows *r, const struct sk_jv *verdict,
    const struct sk_jv *list, enum sk_outcome is, const char *path)
{
	const struct sk_jv *support = sk_jget(verdict, "support"), *s;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		const struct sk_jv *one = sk_jat(list, i);
		const char *at = sk_jget_str(one, "path");

		if (at == NULL || sk_jget(one, "values") == NULL)
			continue;
		s = sk_jget(support, at);
		add(r,
		    (struct sk_row){ .path = at,
			.path_n = strlen(at),
			.is = is,
			.kind = sk_jget_str(s, "kind"),
			.values = sk_jget(one, "values"),
			.support = s,
			.ruling = is == SK_OUT_CONFLICT || is == SK_OUT_SETTLED
		                      ? ruling_at(verdict, at)
		                      : NULL },
		    path);
	}
}

/* The list in the agreed value, if it is that of the elements. */
static const struct sk_jv *
findings_at(
    const struct sk_jv *v, const char *path, const struct sk_jv *support)
{
	const struct sk_jv *list = sk_merged_at(v, path);

	return sk_jlen(list) == sk_jlen(sk_jget(support, "elements")) ? list
	                                                              : NULL;
}

const struct sk_jv *
sk_row_value(const struct sk_row *r, const struct sk_jv *list, size_t i)
{
	return r->whole != NULL ? sk_jat(r->whole, i)
	                        : sk_jget(sk_jat(list, i), "value");
}

void
sk_rows_collect(struct sk_rows *r, const struct sk_jv *v, const char *path)
{
	const struct sk_jv *s = sk_jget(v, "support");

	memset(r, 0, sizeof(*r));
	add_list(
	    r, v, sk_jptr(v, "/consensus/conflicts"), SK_OUT_CONFLICT, path);
	if (sk_jget_bool(sk_jget(v, "arbiter"), "settled", false))
		add_list(r, v, sk_jptr(v, "/mechanical/conflicts"),
		    SK_OUT_SETTLED, path);
	add_list(r, v, sk_jget(v, "optional_conflicts"), SK_OUT_DIFFERS, path);
	for (size_t i = 0; s != NULL && s->type == SK_J_OBJ && i < s->n; i++) {
		const struct sk_jv *x = s->m[i].v;
		const char *kind = sk_jget_str(x, "kind");
		bool united = sk_streq(kind, "union");

		if (united || sk_jget_bool(x, "agreed", false))
			add(r,
			    (struct sk_row){ .path = s->m[i].key,
				.path_n = s->m[i].klen,
				.is = united ? SK_OUT_UNITED : SK_OUT_AGREED,
				.kind = kind,
				.support = x,
				.whole = united ? findings_at(v, s->m[i].key, x)
			                        : NULL },
			    path);
	}
	add_list(r, v, sk_jget(v, "unsupported"), SK_OUT_FEW, path);
}

/* ---- cells ---- */

void
sk_cell_value(struct sk_buf *b, const struct sk_jv *v, size_t max)
{
	struct sk_buf t;

	sk_buf_init(&t, 0);
	sk_json_write(&t, v);
	if (t.len > max)
		sk_buf_printf(b, "%.*s...", (int)(max > 3 ? max - 3 : 0), t.p);
	else
		sk_buf_add(b, t.p, t.len);
	sk_buf_free(&t);
}

void
sk_cell_names(struct sk_buf *b, const struct sk_jv *list)
{
	for (size_t i = 0; i < sk_jlen(list); i++) {
		const char *s = sk_jstr(sk_jat(list, i));

		sk_buf_str(b, i > 0 ? ", " : "");
		sk_buf_visible(
		    b, s != NULL ? s : "?", s != NULL ? strlen(s) : 1, false);
	}
}

void
sk_cell_ruling(struct sk_buf *b, const struct sk_row *r, size_t max)
{
	const struct sk_jv *why = sk_jget(r->ruling, "why");
	size_t from = b->len;

	if (r->ruling == NULL)
		return;
	sk_buf_str(b, "the arbiter chose ");
	sk_cell_value(b, sk_jget(r->ruling, "choice"), max / 2);
	if (why == NULL)
		return;
	sk_buf_str(b, ": ");
	from = b->len - from;
	sk_cell_value(b, why, max > from ? max - from : 0);
}

void
sk_cell_how(
    struct sk_buf *b, const struct sk_row *r, const struct sk_jv *verdict)
{
	const struct sk_jv *views = sk_jget(r->support, "normalised");
	const char *key = sk_jget_str(r->support, "key");
	int64_t count, of, need;

	if (sk_jget_int(r->support, "count", &count) &&
	    sk_jget_int(r->support, "of", &of))
		sk_buf_printf(
		    b, "%lld of %lld", (long long)count, (long long)of);
	if (r->is != SK_OUT_AGREED && r->is != SK_OUT_UNITED &&
	    sk_jget_int(sk_jget(verdict, "quorum"), "required", &need))
		sk_buf_printf(b, ", %lld needed", (long long)need);
	if (key != NULL) {
		sk_buf_str(b, ", by ");
		sk_buf_visible(b, key, strlen(key), false);
	}
	if (sk_jlen(views) > 0) {
		sk_buf_str(b, ", compared by ");
		sk_cell_names(b, views);
	}
	if (sk_jget(r->support, "interval") != NULL) {
		sk_buf_str(b, ", within ");
		sk_cell_value(b, sk_jget(r->support, "interval"), 48);
	}
}

void
sk_cell_who(
    struct sk_buf *b, const struct sk_row *r, const struct sk_jv *verdict)
{
	const struct sk_jv *agents = sk_jget(r->support, "agents");

	if (agents != NULL) {
		sk_cell_names(b, agents);
	} else if (sk_streq(r->kind, "scalar") || sk_streq(r->kind, "exact")) {
		sk_buf_str(b, "all: ");
		sk_cell_names(b, sk_jget(verdict, "present"));
	}
}

void
sk_cell_tier(struct sk_buf *b, const struct sk_jv *element)
{
	const struct sk_jv *given = sk_jget(element, "severities");
	const char *tier = sk_jget_str(element, "tier");
	int64_t n;

	if (tier != NULL)
		sk_buf_visible(b, tier, strlen(tier), false);
	for (size_t i = 0;
	     given != NULL && given->type == SK_J_OBJ && i < given->n; i++) {
		if (!sk_jint(given->m[i].v, &n))
			continue;
		sk_buf_str(b, i == 0 ? ", " : " ");
		sk_buf_visible(b, given->m[i].key, given->m[i].klen, false);
		sk_buf_printf(b, " %lld", (long long)n);
	}
}
