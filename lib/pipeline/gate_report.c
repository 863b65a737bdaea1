/* SPDX-License-Identifier: MIT */
/* What is said of a gate, to people and programs, and what is kept of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/gate.h"
#include "pipeline/skip.h"

static size_t
count_of(const struct sk_jv *issues, const char *resolution)
{
	size_t n = 0;

	for (size_t i = 0; i < sk_jlen(issues); i++)
		n += sk_streq(
		    sk_jget_str(sk_jat(issues, i), "resolution"), resolution);
	return n;
}

static void
counts_json(struct sk_jw *w, const struct sk_jv *issues)
{
	static const char *const ends[] = { "noted", "applied", "answered",
		"accepted", "open" };
	int64_t n[3];

	sk_severities(issues, n);
	sk_jw_kint(w, "issues", (int64_t)sk_jlen(issues));
	sk_jw_kint(w, "critical", n[2]);
	sk_jw_kint(w, "important", n[1]);
	sk_jw_kint(w, "minor", n[0]);
	for (size_t i = 0; i < SK_ARRAY_SIZE(ends); i++)
		sk_jw_kint(w, ends[i], (int64_t)count_of(issues, ends[i]));
}

/* ---- for people ---- */

/* "2 important, 3 minor" */
static void
weights(struct sk_buf *b, const struct sk_jv *issues)
{
	static const char *const words[] = { "minor", "important", "critical" };
	int64_t n[3];

	sk_severities(issues, n);
	for (int i = 2; i >= 0; i--)
		if (n[i] > 0)
			sk_buf_printf(b, "%s%lld %s", b->len > 0 ? ", " : "",
			    (long long)n[i], words[i]);
}

static void
said(const struct sk_auto *a, const struct sk_gate *g, const char *what,
    const struct sk_jv *issues)
{
	size_t applied = count_of(issues, "applied");
	size_t answered = count_of(issues, "answered");
	size_t open = sk_gate_open(issues);
	struct sk_buf b;

	/* (What is not worth a line is not said.) */
	if (strcmp(what, "gate.start") == 0 || sk_jlen(issues) == 0)
		return;
	sk_buf_init(&b, 0);
	weights(&b, issues);
	if (applied > 0)
		sk_buf_printf(
		    &b, "; %zu written into %s", applied, "the specification");
	if (answered > 0)
		sk_buf_printf(&b, "; %zu answered", answered);
	if (open > 0)
		sk_buf_printf(&b, "; %zu open", open);
	if (applied + answered + open == 0)
		sk_buf_printf(&b, "; sk-auto check %s shows them", a->spec.id);
	sk_say("%s: %s", g->name, b.p);
	sk_buf_free(&b);
}

void
sk_gate_say(const struct sk_auto *a, const struct sk_gate *g, const char *what,
    const struct sk_jv *issues)
{
	struct sk_err err = { 0 };
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json) {
		said(a, g, what, issues);
		return;
	}
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_report_open(&w, a, "sk.event/1", what);
	sk_jw_kstr(&w, "gate", g->name);
	sk_jw_kstr(&w, "stage", g->stage);
	counts_json(&w, issues);
	sk_jw_done(&w);
	sk_out(b.p, b.len);
	(void)sk_out_flush(&err);
	sk_err_clear(&err);
	sk_buf_free(&b);
}

/* ---- questions ---- */

static void
question_json(struct sk_jw *w, const struct sk_jv *x)
{
	static const char *const keys[] = { "id", "severity", "type",
		"requirement", "where", "question", "majority", "note",
		"validation" };

	sk_jw_obj(w);
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		sk_jw_kvalue(w, keys[i], sk_jget(x, keys[i]));
	sk_jw_kvalue(w, "answers", sk_jget(x, "answers"));
	sk_jw_knull(w, "answer");
	sk_jw_end(w);
}

void
sk_gate_questions(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_jv *issues, struct sk_buf *b)
{
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_report_open(&w, a, "sk.questions/1", NULL);
	sk_jw_kstr(&w, "gate", g->name);
	sk_jw_kstr(&w, "stage", g->stage);
	sk_jw_karr(&w, "questions");
	for (size_t i = 0; i < sk_jlen(issues); i++)
		if (sk_streq(
			sk_jget_str(sk_jat(issues, i), "resolution"), "open"))
			question_json(&w, sk_jat(issues, i));
	sk_jw_end(&w);
	sk_jw_done(&w);
}

void
sk_gate_question_text(struct sk_buf *b, const struct sk_jv *x, bool letters)
{
	const struct sk_jv *list = sk_jget(x, "answers"), *y;
	const char *where = sk_jget_str(x, "where"), *s;

	sk_buf_printf(b, "%s (%s%s%s): ", sk_jget_str(x, "id"),
	    sk_jget_str(x, "severity"), where != NULL ? ", " : "",
	    where != NULL ? where : "");
	s = sk_jget_str(x, "question");
	sk_buf_visible(b, s != NULL ? s : "", s != NULL ? strlen(s) : 0, false);
	sk_buf_ch(b, '\n');
	s = sk_jget_str(x, "note");
	if (s != NULL)
		sk_buf_printf(b, "   (the answer was not written: %s)\n", s);
	s = sk_jget_str(sk_jget(x, "validation"), "reasoning");
	if (s != NULL) {
		sk_buf_printf(b,
		    "   %s: ", sk_jget_str(sk_jget(x, "validation"), "agent"));
		sk_buf_visible(b, s, strlen(s), false);
		sk_buf_ch(b, '\n');
	}
	for (size_t i = 0; i < sk_jlen(list) && i < 26; i++) {
		y = sk_jat(list, i);
		s = sk_jget_str(y, "answer");
		if (letters)
			sk_buf_printf(b, "  %c) ", (char)('a' + (int)i));
		else
			sk_buf_str(b, "   - ");
		sk_buf_visible(
		    b, s != NULL ? s : "", s != NULL ? strlen(s) : 0, false);
		sk_buf_printf(b, " [%s]\n", sk_jget_str(y, "agent"));
	}
}

/* ---- how they stand ---- */

static int
view(struct sk_auto *a, const struct sk_stage_row *rows, size_t n,
    struct sk_gate_view *v, struct sk_err *err)
{
	bool found = false;
	int rc;

	v->state = sk_gate_on(a) ? "pending" : "off";
	if (rows == NULL)
		return 0;
	rc = sk_gate_get(a->db, a->run, a->branch, v->g->name, &v->row, &found,
	    &a->arena, err);
	if (rc == 0 && found) {
		v->state = v->row.state;
		return sk_json_parse(&a->arena, v->row.issues,
		    strlen(v->row.issues), NULL, &v->issues, err);
	}
	for (size_t i = 0; i < n; i++)
		if (sk_gate_on(a) && strcmp(rows[i].stage, v->g->stage) == 0 &&
		    strcmp(rows[i].state, "done") == 0 &&
		    !sk_skip_row(&rows[i]))
			v->state = "passed";
	return rc;
}

int
sk_gate_views(struct sk_auto *a, const struct sk_stage_row *rows, size_t n,
    struct sk_gate_view v[SK_GATES], struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < SK_GATES; i++) {
		v[i] = (struct sk_gate_view){ .g = &sk_gates[i] };
		rc = view(a, rows, n, &v[i], err);
	}
	return rc;
}

static bool
is_open(const struct sk_jv *issue)
{
	return sk_streq(sk_jget_str(issue, "resolution"), "open");
}

void
sk_gate_views_json(struct sk_jw *w, const struct sk_gate_view *v)
{
	static const char *const keys[] = { "id", "severity", "requirement",
		"where", "question" };

	sk_jw_karr(w, "gates");
	for (size_t i = 0; i < SK_GATES; i++) {
		sk_jw_obj(w);
		sk_jw_kstr(w, "gate", v[i].g->name);
		sk_jw_kstr(w, "stage", v[i].g->stage);
		sk_jw_kstr(w, "state", v[i].state);
		sk_jw_ktime(w, "at", v[i].row.at_ms);
		counts_json(w, v[i].issues);
		sk_jw_karr(w, "questions");
		for (size_t k = 0; k < sk_jlen(v[i].issues); k++) {
			const struct sk_jv *x = sk_jat(v[i].issues, k);

			if (!is_open(x))
				continue;
			sk_jw_obj(w);
			for (size_t j = 0; j < SK_ARRAY_SIZE(keys); j++)
				sk_jw_kvalue(w, keys[j], sk_jget(x, keys[j]));
			sk_jw_end(w);
		}
		sk_jw_end(w);
		sk_jw_end(w);
	}
	sk_jw_end(w);
}

void
sk_gate_views_text(struct sk_buf *b, const struct sk_gate_view *v)
{
	sk_buf_str(b, "gates   ");
	for (size_t i = 0; i < SK_GATES; i++) {
		size_t open = sk_gate_open(v[i].issues);

		sk_buf_printf(
		    b, "%s%s %s", i > 0 ? ", " : "", v[i].g->name, v[i].state);
		if (open > 0)
			sk_buf_printf(b, " (%zu open)", open);
	}
	sk_buf_ch(b, '\n');
	for (size_t i = 0; i < SK_GATES; i++)
		for (size_t k = 0; k < sk_jlen(v[i].issues); k++)
			if (is_open(sk_jat(v[i].issues, k)))
				sk_gate_question_text(
				    b, sk_jat(v[i].issues, k), false);
}

/* ---- evidence ---- */

static void
details(struct sk_jw *w, const char *key, const struct sk_jv *issues,
    const char *const *ends)
{
	sk_jw_karr(w, key);
	for (size_t i = 0; i < sk_jlen(issues); i++) {
		const char *r = sk_jget_str(sk_jat(issues, i), "resolution");

		for (const char *const *e = ends; *e != NULL; e++)
			if (sk_streq(r, *e))
				sk_jw_value(w, sk_jat(issues, i));
	}
	sk_jw_end(w);
}

void
sk_gate_evidence(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_jv *issues, const char *state, size_t missing)
{
	static const char *const settled[] = { "applied", NULL };
	static const char *const raised[] = { "open", "answered", "accepted",
		NULL };
	static const char *const noted[] = { "noted", NULL };
	size_t n_raised = sk_gate_open(issues) + count_of(issues, "answered") +
	                  count_of(issues, "accepted");
	char stamp[SK_STAMP_LEN], name[120];
	struct sk_err err = { 0 };
	struct sk_buf b;
	struct sk_jw w;

	if (!sk_config_bool(a->conf, "evidence.enabled", true) ||
	    (n_raised + count_of(issues, "applied") == 0 &&
		!sk_streq(getenv("SPEC_KIT_TELEMETRY_ENABLED"), "1")))
		return;
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "command", "quality-gate");
	sk_jw_kstr(&w, "specId", a->spec.id);
	sk_jw_kstr(&w, "sessionId", a->run);
	sk_jw_kstr(&w, "checkpoint", g->checkpoint);
	sk_jw_ktime(&w, "timestamp", sk_now_ms());
	sk_jw_kstr(&w, "schemaVersion", "v1.1");
	sk_jw_kstr(&w, "state", state);
	sk_jw_karr(&w, "gates");
	sk_jw_str(&w, g->name);
	sk_jw_end(&w);
	sk_jw_kobj(&w, "summary");
	sk_jw_kint(&w, "total_issues", (int64_t)sk_jlen(issues));
	sk_jw_kint(&w, "auto_resolved", (int64_t)count_of(issues, "applied"));
	sk_jw_kint(&w, "escalated", (int64_t)n_raised);
	sk_jw_kint(&w, "degraded_missing_agents", (int64_t)missing);
	sk_jw_end(&w);
	details(&w, "auto_resolved_details", issues, settled);
	details(&w, "escalated_details", issues, raised);
	details(&w, "noted_details", issues, noted);
	sk_jw_done(&w);
	sk_time_stamp(sk_now_ms(), stamp);
	(void)snprintf(name, sizeof(name), "quality-gate-%s_%s_%ld.json",
	    g->checkpoint, stamp, (long)getpid());
	if (sk_evidence_write(a, name, &b, &err) != 0)
		sk_warn("%s", err.message);
	sk_err_clear(&err);
	sk_buf_free(&b);
}
