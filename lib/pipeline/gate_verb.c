/* SPDX-License-Identifier: MIT */
/* The verb `check`, which only looks. */
#include <string.h>

#include "cli/cli.h"
#include "pipeline/gate.h"
#include "pipeline/step.h"

/* ---- check ---- */

struct look {
	struct sk_auto *a;
	struct sk_jw *w;
	struct sk_table *t;
	int64_t n[3]; /* by severity */
};

static void
row(struct sk_table *t, const struct sk_jv *x)
{
	const char *where = sk_jget_str(x, "where");

	sk_table_cell(t, sk_jget_str(x, "id"));
	sk_table_cell(t, sk_jget_str(x, "severity"));
	sk_table_cell(t, where != NULL ? where : "-");
	sk_table_cell(t, sk_jget_str(x, "question"));
}

static int
look_at(struct look *l, const struct sk_gate *g, bool named, struct sk_err *err)
{
	struct sk_papers p;
	struct sk_jv *list;
	int64_t n[3];
	int rc = sk_papers_read(l->a, g, &p, err);

	/* Before there is a plan there is nothing to hold it against. */
	if (rc == 0 && !named && strcmp(g->name, "analyze") == 0 &&
	    p.plan.len + p.tasks.len == 0)
		goto out;
	if (rc != 0)
		goto out;
	list = sk_gate_check(g, &p, &l->a->arena);
	sk_severities(list, n);
	sk_jw_obj(l->w);
	sk_jw_kstr(l->w, "gate", g->name);
	sk_jw_kstr(l->w, "stage", g->stage);
	sk_jw_kvalue(l->w, "issues", list);
	sk_jw_end(l->w);
	for (size_t i = 0; i < sk_jlen(list); i++)
		row(l->t, sk_jat(list, i));
	for (size_t i = 0; i < 3; i++)
		l->n[i] += n[i];
out:
	sk_papers_free(&p);
	return rc;
}

static int
score_json(struct look *l, struct sk_score *s, struct sk_err *err)
{
	struct sk_papers p;
	char grade[2] = { 0 };
	int rc = sk_papers_read(l->a, &sk_gates[0], &p, err);

	if (rc == 0) {
		sk_gate_score(&p, s);
		grade[0] = s->grade;
		sk_jw_kobj(l->w, "score");
		sk_jw_kint(l->w, "completeness", s->completeness);
		sk_jw_kint(l->w, "clarity", s->clarity);
		sk_jw_kint(l->w, "testability", s->testability);
		sk_jw_kint(l->w, "consistency", s->consistency);
		sk_jw_kint(l->w, "overall", s->overall);
		sk_jw_kstr(l->w, "grade", grade);
		sk_jw_end(l->w);
	}
	sk_papers_free(&p);
	return rc;
}

static int
which(const char *word, const struct sk_gate **g, struct sk_err *err)
{
	static const char *const names[] = { "clarify", "checklist", "analyze",
		NULL };
	const char *near;

	*g = word != NULL ? sk_gate_find(word) : NULL;
	if (word == NULL || *g != NULL)
		return 0;
	near = sk_closest(word, names);
	(void)sk_fail(err, SK_USAGE, "unknown_gate", "unknown gate '%s'", word);
	return sk_hint(err,
	    near != NULL ? "did you mean '%s'?"
			 : "gates are %s, checklist, analyze",
	    near != NULL ? near : "clarify");
}

int
sk_auto_check(struct sk_auto *a, const char *word, struct sk_err *err)
{
	struct sk_table t;
	struct sk_buf b;
	struct sk_jw w;
	struct look l = { .a = a, .w = &w, .t = &t };
	const struct sk_gate *only, *g;
	struct sk_score s = { 0 };
	int rc = which(word, &only, err);

	if (rc != 0)
		return rc;
	sk_table_init(&t, 4, 0);
	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.check/1");
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_kstr(&w, "file", a->spec.file);
	sk_jw_karr(&w, "gates");
	for (g = sk_gates; rc == 0 && g->name != NULL; g++)
		if (only == NULL || only == g)
			rc = look_at(&l, g, only != NULL, err);
	sk_jw_end(&w);
	if (rc == 0)
		rc = score_json(&l, &s, err);
	sk_jw_kint(&w, "critical", l.n[2]);
	sk_jw_kint(&w, "important", l.n[1]);
	sk_jw_kint(&w, "minor", l.n[0]);
	sk_jw_done(&w);
	if (rc == 0 && a->json)
		sk_out_json(&b);
	if (rc == 0 && !a->json) {
		sk_table_print(&t);
		sk_outf("%s%s: grade %c (%d: completeness %d, clarity %d, "
			"testability %d, consistency %d)\n",
		    l.n[0] + l.n[1] + l.n[2] > 0 ? "\n" : "", a->spec.id,
		    s.grade, s.overall, s.completeness, s.clarity,
		    s.testability, s.consistency);
	} else {
		sk_strv_free(&t.cells);
	}
	sk_buf_free(&b);
	return rc != 0 ? rc : l.n[2] > 0 ? SK_NEGATIVE : 0;
}
