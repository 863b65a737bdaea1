/* SPDX-License-Identifier: MIT */
/*
 * What CI systems show beside the code: GitHub's workflow commands, GitLab's
 * code quality report, and the plain facts as variables. The first two hold
 * words of agents, each escaped for its form; the variables hold none.
 */
#include <stdio.h>
#include <string.h>

#include "consensus/export.h"

/* ---- GitHub ---- */

/* GitHub shows this many of each kind for a step, and drops the others without
 * a word; the last note is ours. */
#define EACH_MAX 10
#define KINDS 3

static const char *const commands[] = { "notice", "warning", "error" };

struct said {
	size_t n[KINDS], left[KINDS];
};

/* Is there room for one more of this kind? */
static bool
room(struct said *s, enum sk_level level)
{
	size_t max = level == SK_LEVEL_NOTE ? EACH_MAX - 1 : EACH_MAX;

	if (s->n[level] < max) {
		s->n[level]++;
		return true;
	}
	s->left[level]++;
	return false;
}

static void
command(struct sk_buf *b, const struct sk_export *x, enum sk_level level,
    const struct sk_finding *f, const char *title, const struct sk_buf *text)
{
	const char *file = f != NULL && f->file != NULL ? f->file : x->file;

	sk_buf_printf(b, "::%s ", commands[level]);
	if (f != NULL && file != NULL) {
		sk_buf_str(b, "file=");
		sk_buf_workflow(b, file, strlen(file), true);
		sk_buf_ch(b, ',');
		if (f->line > 0)
			sk_buf_printf(b, "line=%lld,", (long long)f->line);
		if (f->end_line > 0)
			sk_buf_printf(
			    b, "endLine=%lld,", (long long)f->end_line);
		if (f->column > 0)
			sk_buf_printf(b, "col=%lld,", (long long)f->column);
	}
	sk_buf_str(b, "title=");
	sk_buf_workflow(b, title, strlen(title), true);
	sk_buf_str(b, "::");
	sk_buf_workflow(b, text->p, text->len, false);
	sk_buf_ch(b, '\n');
}

static void
say_status(struct sk_buf *b, const struct sk_export *x,
    const struct sk_exported *e, const char *title, struct said *s)
{
	const struct sk_jv *list = sk_jptr(e->v, "/consensus/conflicts");
	const struct sk_jv *reasons = sk_jget(e->v, "reasons");
	enum sk_level level = strcmp(e->status, "ok") == 0 ? SK_LEVEL_NOTE
	                      : strcmp(e->status, "conflict") == 0
	                          ? SK_LEVEL_ERROR
	                          : SK_LEVEL_WARNING;
	struct sk_buf text;

	sk_buf_init(&text, 0);
	sk_buf_str(&text, e->status);
	for (size_t i = 0; i < sk_jlen(reasons) && text.len < 1000; i++) {
		sk_buf_str(&text, i > 0 ? "; " : ": ");
		sk_export_reason(&text, sk_jat(reasons, i));
	}
	if (room(s, level))
		command(b, x, level, NULL, title, &text);
	for (size_t i = 0; i < sk_jlen(list); i++) {
		sk_buf_clear(&text);
		sk_export_conflict(&text, sk_jat(list, i));
		if (room(s, SK_LEVEL_ERROR))
			command(b, x, SK_LEVEL_ERROR, NULL, title, &text);
	}
	sk_buf_free(&text);
}

static void
say_findings(struct sk_buf *b, const struct sk_export *x,
    const struct sk_exported *e, const char *title, struct said *s)
{
	struct sk_buf text;

	sk_buf_init(&text, 0);
	for (size_t i = 0; i < e->n; i++) {
		if (!room(s, e->f[i].level))
			continue;
		sk_buf_clear(&text);
		sk_buf_add(&text, e->f[i].text.p, e->f[i].text.len);
		sk_buf_str(&text, " [");
		sk_export_names(&text, e->f[i].agents);
		sk_buf_ch(&text, ']');
		command(b, x, e->f[i].level, &e->f[i], title, &text);
	}
	sk_buf_free(&text);
}

void
sk_export_github(struct sk_buf *b, struct sk_export *x)
{
	char title[2 * SK_IDENT_LEN + 16];
	struct said s = { 0 };
	struct sk_buf text;
	size_t left;

	for (size_t i = 0; i < x->n; i++) {
		const struct sk_exported *e = &x->v[i];

		(void)snprintf(
		    title, sizeof(title), "sk %s %s", e->spec, e->stage);
		say_status(b, x, e, title, &s);
		say_findings(b, x, e, title, &s);
	}
	left = s.left[SK_LEVEL_ERROR] + s.left[SK_LEVEL_WARNING] +
	       s.left[SK_LEVEL_NOTE];
	if (left > 0) {
		sk_buf_init(&text, 0);
		sk_buf_printf(&text,
		    "%zu more errors, %zu more warnings and %zu more notices "
		    "are not shown here; the SARIF file and the summary have "
		    "them",
		    s.left[SK_LEVEL_ERROR], s.left[SK_LEVEL_WARNING],
		    s.left[SK_LEVEL_NOTE]);
		command(b, x, SK_LEVEL_NOTE, NULL, "sk", &text);
		sk_buf_free(&text);
	}
	x->left_out += left;
}

/* ---- GitLab ---- */

static const char *
gitlab_severity(const struct sk_finding *f)
{
	static const char *const map[][2] = { { "blocker", "blocker" },
		{ "critical", "critical" }, { "high", "critical" },
		{ "error", "major" }, { "major", "major" },
		{ "medium", "major" }, { "moderate", "major" },
		{ "low", "minor" }, { "minor", "minor" },
		{ "warning", "minor" }, { "note", "info" },
		{ "info", "info" } };

	for (size_t i = 0; f->severity != NULL && i < SK_ARRAY_SIZE(map); i++)
		if (strcmp(f->severity, map[i][0]) == 0)
			return map[i][1];
	return "minor";
}

static void
quality(struct sk_jw *w, const char *file, const struct sk_exported *e,
    const struct sk_finding *f)
{
	char print[SK_SHA256_LEN], all[3 * SK_SHA256_LEN + 2 * SK_IDENT_LEN];
	char check[2 * SK_IDENT_LEN + 8];
	int n;

	/* Unique in the report: a finding is told apart by its verdict too. */
	n = snprintf(all, sizeof(all), "%s:%s:%s:%lld", e->spec, e->stage,
	    f->fingerprint, (long long)f->nth);
	sk_sha256(all, (size_t)n, print);
	(void)snprintf(check, sizeof(check), "sk/%s/%s", e->spec, e->stage);
	sk_jw_obj(w);
	sk_jw_key(w, "description");
	sk_jw_strn(w, f->text.p, f->text.len);
	sk_jw_kstr(w, "check_name", check);
	sk_jw_kstr(w, "fingerprint", print);
	sk_jw_kstr(w, "severity", gitlab_severity(f));
	sk_jw_kobj(w, "location");
	sk_jw_kstr(w, "path", file);
	sk_jw_kobj(w, "lines");
	sk_jw_kint(w, "begin", f->line > 0 ? f->line : 1);
	if (f->end_line > 0)
		sk_jw_kint(w, "end", f->end_line);
	sk_jw_end(w);
	sk_jw_end(w);
	sk_jw_end(w);
}

void
sk_export_gitlab(struct sk_buf *b, struct sk_export *x)
{
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_arr(&w);
	for (size_t i = 0; i < x->n; i++)
		for (size_t k = 0; k < x->v[i].n; k++) {
			const struct sk_finding *f = &x->v[i].f[k];
			const char *file = f->file != NULL ? f->file : x->file;

			/* The report has no place for what has no file. */
			if (file == NULL)
				x->left_out++;
			else
				quality(&w, file, &x->v[i], f);
		}
	sk_jw_done(&w);
}

/* ---- variables ---- */

/* Numbers, known words and hashes: no line of these can hold another one. */
void
sk_export_env(struct sk_buf *b, struct sk_export *x)
{
	for (size_t i = 0; i < x->n; i++) {
		const struct sk_exported *e = &x->v[i];
		const char *sha = sk_jget_str(e->v, "input_sha256");
		bool hex = sha != NULL && strlen(sha) == SK_SHA256_LEN - 1 &&
		           strspn(sha, "0123456789abcdef") == strlen(sha);

		sk_buf_printf(b,
		    "sk_status=%s\nsk_decision_seq=%lld\nsk_round=%lld\n"
		    "sk_answered=%zu\nsk_missing=%zu\nsk_conflicts=%zu\n"
		    "sk_findings=%zu\nsk_input_sha256=%s\n",
		    e->status, (long long)e->seq, (long long)e->round,
		    sk_jlen(sk_jget(e->v, "present")),
		    sk_jlen(sk_jget(e->v, "missing_agents")),
		    sk_jlen(sk_jptr(e->v, "/consensus/conflicts")), e->n,
		    hex ? sha : "");
	}
}
