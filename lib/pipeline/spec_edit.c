/* SPDX-License-Identifier: MIT */
/*
 * Answers written into a specification: where the requirement is defined, in
 * the place of a [NEEDS CLARIFICATION] mark, or in a section of their own, as
 * GitHub's spec-kit keeps them. Nothing that was there goes, but such a mark.
 */
#include <stdio.h>
#include <string.h>

#include "pipeline/gate.h"

static const char mark[] = "[NEEDS CLARIFICATION";

/* ---- what must stay whole ---- */

static bool
same_line(const struct sk_md_line *x, const struct sk_md_line *y)
{
	return x->n == y->n && memcmp(x->p, y->p, x->n) == 0;
}

static size_t
code_lines(const struct sk_md *m)
{
	size_t n = 0;

	for (size_t i = 0; i < m->n; i++)
		n += m->v[i].code;
	return n;
}

static const char *
damage(const struct sk_md *x, const struct sk_md *y)
{
	size_t k = 0;

	if (x->open != y->open || code_lines(x) != code_lines(y))
		return "a fenced block would change";
	for (size_t i = 0; i < x->n; i++) {
		if (x->v[i].level == 0)
			continue;
		while (k < y->n && !same_line(&x->v[i], &y->v[k]))
			k++;
		if (k++ >= y->n)
			return "a heading would be lost";
	}
	if (x->n_ids != y->n_ids)
		return "the requirements would be others";
	for (size_t i = 0; i < x->n_ids; i++)
		if (strcmp(x->ids[i].id, y->ids[i].id) != 0)
			return "the requirements would be others";
	return NULL;
}

const char *
sk_spec_damage(const char *before, size_t bn, const char *after, size_t an)
{
	struct sk_md x, y;
	const char *what;

	if (!sk_utf8_ok(after, an) || memchr(after, '\0', an) != NULL)
		return "it would not be text";
	sk_md_scan(&x, before, bn);
	sk_md_scan(&y, after, an);
	what = damage(&x, &y);
	sk_md_free(&x);
	sk_md_free(&y);
	return what;
}

/* ---- one answer ---- */

static void
lines_to(struct sk_buf *out, const char *text, const char *to)
{
	sk_buf_add(out, text, (size_t)(to - text));
}

/* The mark in the line that the issue is about, in place of which the answer is
 * written; NULL when it is not there (any more). */
static const char *
mark_at(const struct sk_md *m, const struct sk_jv *issue, const char **end)
{
	const char *where = sk_jget_str(issue, "where"), *p, *q;
	int64_t line = 0;

	if (!sk_streq(sk_jget_str(issue, "type"), "placeholder") ||
	    where == NULL || !sk_has_prefix(where, "spec.md:") ||
	    !sk_parse_int(where + strlen("spec.md:"), 1, (int64_t)m->n, &line))
		return NULL;
	p = memmem(m->v[line - 1].p, m->v[line - 1].n, mark, sizeof(mark) - 1);
	if (p == NULL)
		return NULL;
	q = memchr(p, ']', (size_t)(m->v[line - 1].p + m->v[line - 1].n - p));
	*end = q != NULL ? q + 1 : NULL;
	return q != NULL ? p : NULL;
}

/* The line after which the definition of the issue's requirement ends; NULL
 * when nothing can be added to it (a heading, a table). */
static const struct sk_md_line *
definition(const struct sk_md *m, const struct sk_jv *issue)
{
	const char *id = sk_jget_str(issue, "requirement");
	const struct sk_md_id *d = id != NULL ? sk_md_id_find(m, id) : NULL;
	const struct sk_md_line *l;

	if (d == NULL)
		return NULL;
	l = &m->v[d->line];
	if (l->level > 0 || l->code || l->p[strspn(l->p, " \t")] == '|')
		return NULL;
	return &m->v[d->last];
}

/* Where an item of the section of clarifications goes; NULL = there is no such
 * section. *today = it has a part for this day. */
static const char *
clarifications(const struct sk_md *m, const char *date, bool *today)
{
	static const char *const words[] = { "clarifications", NULL };
	size_t at = sk_md_heading(m, words), end;
	char head[64];

	*today = false;
	if (at == m->n)
		return NULL;
	end = sk_md_section_end(m, at);
	(void)snprintf(head, sizeof(head), "### Session %s", date);
	for (size_t i = at; i < end; i++)
		if (m->v[i].n == strlen(head) &&
		    memcmp(m->v[i].p, head, m->v[i].n) == 0) {
			*today = true;
			end = sk_md_section_end(m, i);
			break;
		}
	while (end > at + 1 && m->v[end - 1].n == 0)
		end--;
	return m->v[end - 1].p + m->v[end - 1].n;
}

static void
add_item(struct sk_buf *out, const struct sk_jv *issue, const char *answer)
{
	const char *q = sk_jget_str(issue, "question");

	sk_buf_str(out, "\n- Q: ");
	sk_md_text(out, q != NULL ? q : "", q != NULL ? strlen(q) : 0);
	sk_buf_str(out, " \xe2\x86\x92 A: ");
	sk_buf_str(out, answer);
}

static void
edit_one(const struct sk_md *m, const char *text, size_t n,
    const struct sk_jv *issue, const char *date, struct sk_buf *out)
{
	const char *answer = sk_jget_str(issue, "answer"), *at, *end;
	const struct sk_md_line *l;
	struct sk_buf a;
	bool today;

	sk_buf_init(&a, 0);
	sk_md_text(&a, answer, strlen(answer));
	if ((at = mark_at(m, issue, &end)) != NULL) {
		lines_to(out, text, at);
		sk_buf_str(out, a.p);
	} else if ((l = definition(m, issue)) != NULL) {
		end = l->p + l->n;
		lines_to(out, text, end);
		sk_buf_printf(out, " (clarified: %s)", a.p);
	} else if ((end = clarifications(m, date, &today)) != NULL) {
		lines_to(out, text, end);
		if (!today)
			sk_buf_printf(out, "\n\n### Session %s\n", date);
		add_item(out, issue, a.p);
	} else {
		end = text + n;
		lines_to(out, text, end);
		if (n > 0 && text[n - 1] != '\n')
			sk_buf_ch(out, '\n');
		sk_buf_printf(
		    out, "\n## Clarifications\n\n### Session %s\n", date);
		add_item(out, issue, a.p);
		sk_buf_ch(out, '\n');
	}
	sk_buf_add(out, end, (size_t)(text + n - end));
	sk_buf_free(&a);
}

bool
sk_spec_edit(const char *text, size_t n, struct sk_jv *issues, const char *date,
    struct sk_buf *out, struct sk_arena *a)
{
	struct sk_buf next;
	struct sk_md m;
	bool any = false;

	sk_buf_clear(out);
	sk_buf_add(out, text, n);
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		struct sk_jv *x = sk_jat(issues, i);
		const char *what = sk_jget_str(x, "resolution"), *bad;

		if ((!sk_streq(what, "applied") &&
			!sk_streq(what, "answered")) ||
		    sk_jget_bool(x, "written", false) ||
		    sk_jget_str(x, "answer") == NULL)
			continue;
		sk_buf_init(&next, 0);
		sk_md_scan(&m, out->p, out->len);
		edit_one(&m, out->p, out->len, x, date, &next);
		sk_md_free(&m);
		bad = sk_spec_damage(out->p, out->len, next.p, next.len);
		if (bad != NULL) {
			sk_jset(a, x, "resolution", sk_jnew_cstr(a, "open"));
			sk_jset(a, x, "note", sk_jnew_cstr(a, bad));
			sk_buf_free(&next);
			continue;
		}
		sk_buf_free(out);
		*out = next;
		any = true;
	}
	return any;
}
