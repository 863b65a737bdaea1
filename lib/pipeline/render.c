/* SPDX-License-Identifier: MIT */
/* An agreed value as Markdown, for people: a pure function of the verdict. */
#include <string.h>

#include "pipeline/md.h"
#include "pipeline/pipeline.h"

static void
inline_value(struct sk_buf *b, const struct sk_jv *v)
{
	struct sk_buf json;

	if (v == NULL || v->type == SK_J_NULL)
		return;
	if (v->type == SK_J_STR || v->type == SK_J_NUM) {
		sk_md_text(b, v->s, v->n);
		return;
	}
	if (v->type == SK_J_ARR) {
		for (size_t i = 0; i < v->n; i++) {
			if (i > 0)
				sk_buf_str(b, ", ");
			inline_value(b, v->a[i]);
		}
		return;
	}
	sk_buf_init(&json, 0);
	sk_json_write(&json, v);
	sk_md_text(b, json.p, json.len);
	sk_buf_free(&json);
}

/* "work_breakdown" → "Work breakdown". */
static void
heading(struct sk_buf *b, const char *key, size_t n)
{
	struct sk_buf s;

	sk_buf_init(&s, 0);
	for (size_t i = 0; i < n; i++) {
		char c = key[i] == '_' ? ' ' : key[i];

		if (i == 0 && c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		sk_buf_ch(&s, c);
	}
	sk_md_text(b, s.p, s.len);
	sk_buf_free(&s);
}

static bool
all_objects(const struct sk_jv *v)
{
	for (size_t i = 0; i < v->n; i++)
		if (v->a[i]->type != SK_J_OBJ)
			return false;
	return v->n > 0;
}

/* Records as a table: the columns are the keys in order of appearance. */
static void
table(struct sk_buf *b, const struct sk_jv *v)
{
	struct sk_strv cols = { 0 };
	const struct sk_jv *r;

	for (size_t i = 0; i < v->n; i++)
		for (size_t k = 0; k < v->a[i]->n; k++)
			if (!sk_strv_has(&cols, v->a[i]->m[k].key))
				sk_strv_add(&cols, v->a[i]->m[k].key);
	sk_buf_ch(b, '|');
	for (size_t c = 0; c < cols.n; c++) {
		sk_buf_ch(b, ' ');
		heading(b, cols.v[c], strlen(cols.v[c]));
		sk_buf_str(b, " |");
	}
	sk_buf_str(b, "\n|");
	for (size_t c = 0; c < cols.n; c++)
		sk_buf_str(b, " --- |");
	sk_buf_ch(b, '\n');
	for (size_t i = 0; i < v->n; i++) {
		r = v->a[i];
		sk_buf_ch(b, '|');
		for (size_t c = 0; c < cols.n; c++) {
			sk_buf_ch(b, ' ');
			inline_value(b, sk_jget(r, cols.v[c]));
			sk_buf_str(b, " |");
		}
		sk_buf_ch(b, '\n');
	}
	sk_strv_free(&cols);
}

/* Tasks as GitHub's spec-kit and code hosts tick them off. */
static void
checklist(struct sk_buf *b, const struct sk_jv *v)
{
	for (size_t i = 0; i < v->n; i++) {
		const struct sk_jv *t = v->a[i];
		const struct sk_jv *after = sk_jget(t, "depends_on");

		sk_buf_str(b, "- [ ] ");
		inline_value(b, sk_jget(t, "id"));
		sk_buf_ch(b, ' ');
		inline_value(b, sk_jget(t, "title"));
		if (sk_jget_str(t, "requirement") != NULL) {
			sk_buf_str(b, " (");
			inline_value(b, sk_jget(t, "requirement"));
			sk_buf_ch(b, ')');
		}
		if (sk_jlen(after) > 0) {
			sk_buf_str(b, ", after ");
			inline_value(b, after);
		}
		sk_buf_ch(b, '\n');
	}
}

static void
section(struct sk_buf *b, const struct sk_jm *m, bool feature)
{
	sk_buf_str(b, "\n## ");
	heading(b, m->key, m->klen);
	sk_buf_str(b, "\n\n");
	if (m->v->type == SK_J_ARR && m->v->n == 0) {
		sk_buf_str(b, "None.\n");
	} else if (m->v->type == SK_J_ARR && all_objects(m->v)) {
		if (feature && strcmp(m->key, "tasks") == 0)
			checklist(b, m->v);
		else
			table(b, m->v);
	} else if (m->v->type == SK_J_ARR) {
		for (size_t i = 0; i < m->v->n; i++) {
			sk_buf_str(b, "- ");
			inline_value(b, m->v->a[i]);
			sk_buf_ch(b, '\n');
		}
	} else if (m->v->type == SK_J_OBJ) {
		for (size_t i = 0; i < m->v->n; i++) {
			sk_buf_str(b, "- ");
			heading(b, m->v->m[i].key, m->v->m[i].klen);
			sk_buf_str(b, ": ");
			inline_value(b, m->v->m[i].v);
			sk_buf_ch(b, '\n');
		}
	} else {
		inline_value(b, m->v);
		sk_buf_ch(b, '\n');
	}
}

static void
names(struct sk_buf *b, const char *label, const struct sk_jv *list)
{
	if (sk_jlen(list) == 0)
		return;
	sk_buf_printf(b, "- %s: ", label);
	inline_value(b, list);
	sk_buf_ch(b, '\n');
}

int
sk_artefact_render(const struct sk_jv *verdict, const struct sk_stage *st,
    bool feature, struct sk_buf *out, struct sk_err *err)
{
	const struct sk_jv *merged = sk_jget(verdict, "merged");
	const char *spec = sk_jget_str(verdict, "spec");
	const struct sk_jv *open;

	if (merged == NULL || merged->type != SK_J_OBJ || spec == NULL)
		return sk_fail(err, SK_DAMAGED, "no_agreed_value",
		    "the verdict holds no agreed object to write");
	sk_buf_printf(out, "# %s: ", st->title);
	sk_md_text(out, spec, strlen(spec));
	sk_buf_ch(out, '\n');
	for (size_t i = 0; i < merged->n; i++)
		section(out, &merged->m[i], feature);
	sk_buf_str(out, "\n## Agreement\n\n");
	names(out, "Agents", sk_jget(verdict, "present"));
	names(out, "Missing", sk_jget(verdict, "missing_agents"));
	open = sk_jget(verdict, "optional_conflicts");
	for (size_t i = 0; i < sk_jlen(open); i++) {
		sk_buf_str(out, "- Not agreed: ");
		inline_value(out, sk_jget(sk_jat(open, i), "path"));
		sk_buf_ch(out, '\n');
	}
	return 0;
}
