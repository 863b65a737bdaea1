/* SPDX-License-Identifier: MIT */
/*
 * SARIF 2.1.0: one run for each verdict, one result for each finding. What
 * lowered the status is a notification of the run, not a result: it is nobody's
 * line of code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/export.h"

/* What the large consumers take: more is refused as a whole. */
#define RESULTS_MAX 25000
#define RULE_MAX 200

static const char *const levels[] = { "note", "warning", "error" };

/* In a message "[text](target)" is a link, and nothing else is. */
static void
message(struct sk_jw *w, const char *key, const char *p, size_t n)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '(' && i > 0 && p[i - 1] == ']')
			sk_buf_ch(&b, ' ');
		sk_buf_ch(&b, p[i]);
	}
	sk_jw_kobj(w, key);
	sk_jw_key(w, "text");
	sk_jw_strn(w, b.p, b.len);
	sk_jw_end(w);
	sk_buf_free(&b);
}

/* A path as a relative reference: percent-encoded but for what needs none. */
static void
uri(struct sk_jw *w, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789-._~/";
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (; *path != '\0'; path++)
		if (strchr(plain, *path) != NULL)
			sk_buf_ch(&b, *path);
		else
			sk_buf_printf(&b, "%%%02X", (unsigned char)*path);
	sk_jw_kstr(w, "uri", b.p);
	sk_buf_free(&b);
}

/* ---- rules ---- */

/* "SQLI" as the agents call it, else the name of the list: "findings". */
static void
rule_id(struct sk_buf *b, const struct sk_finding *f)
{
	const char *s = f->rule, *slash;

	if (s == NULL) {
		slash = strrchr(f->list, '/');
		s = slash != NULL && slash[1] != '\0' ? slash + 1 : "finding";
	}
	sk_export_text(b, s, strlen(s), RULE_MAX);
}

/* The place of a rule in the run's list, which is added to. */
static size_t
rule_index(struct sk_strv *rules, const struct sk_finding *f)
{
	struct sk_buf b;
	size_t i = 0;

	sk_buf_init(&b, 0);
	rule_id(&b, f);
	while (i < rules->n && strcmp(rules->v[i], b.p) != 0)
		i++;
	if (i == rules->n)
		sk_strv_add(rules, b.p);
	sk_buf_free(&b);
	return i;
}

static void
driver(struct sk_jw *w, const struct sk_strv *rules)
{
	sk_jw_kobj(w, "tool");
	sk_jw_kobj(w, "driver");
	sk_jw_kstr(w, "name", "sk-consensus");
	sk_jw_kstr(w, "semanticVersion", SK_VERSION);
	sk_jw_karr(w, "rules");
	for (size_t i = 0; i < rules->n; i++) {
		sk_jw_obj(w);
		sk_jw_kstr(w, "id", rules->v[i]);
		message(
		    w, "shortDescription", rules->v[i], strlen(rules->v[i]));
		sk_jw_end(w);
	}
	sk_jw_end(w);
	sk_jw_end(w);
	sk_jw_end(w);
}

/* ---- results ---- */

static void
region(struct sk_jw *w, const struct sk_finding *f)
{
	if (f->line == 0)
		return;
	sk_jw_kobj(w, "region");
	sk_jw_kint(w, "startLine", f->line);
	if (f->column > 0)
		sk_jw_kint(w, "startColumn", f->column);
	if (f->end_line > 0)
		sk_jw_kint(w, "endLine", f->end_line);
	sk_jw_end(w);
}

static void
location(struct sk_jw *w, const struct sk_export *x, const struct sk_finding *f)
{
	const char *file = f->file != NULL ? f->file : x->file;
	struct sk_buf b;

	sk_jw_karr(w, "locations");
	sk_jw_obj(w);
	if (file != NULL) {
		sk_jw_kobj(w, "physicalLocation");
		sk_jw_kobj(w, "artifactLocation");
		uri(w, file);
		sk_jw_kstr(w, "uriBaseId", "%SRCROOT%");
		sk_jw_end(w);
		region(w, f);
		sk_jw_end(w);
	}
	sk_jw_karr(w, "logicalLocations");
	sk_jw_obj(w);
	sk_buf_init(&b, 0);
	if (f->where != NULL)
		sk_export_text(&b, f->where, strlen(f->where), RULE_MAX);
	else
		sk_export_text(&b, f->list, strlen(f->list), RULE_MAX);
	sk_jw_kstr(w, "fullyQualifiedName", b.p);
	sk_buf_free(&b);
	sk_jw_end(w);
	sk_jw_end(w);
	sk_jw_end(w);
	sk_jw_end(w);
}

static void
prints(struct sk_jw *w, const struct sk_finding *f)
{
	char s[SK_SHA256_LEN + 24];

	(void)snprintf(
	    s, sizeof(s), "%s:%lld", f->fingerprint, (long long)f->nth);
	sk_jw_kobj(w, "partialFingerprints");
	sk_jw_kstr(w, "skFinding/v1", s);
	/* The one that code scanning goes by. */
	sk_jw_kstr(w, "primaryLocationLineHash", s);
	sk_jw_end(w);
}

static void
result(struct sk_jw *w, const struct sk_export *x, const struct sk_finding *f,
    size_t rule, const char *id)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "ruleId", id);
	sk_jw_kint(w, "ruleIndex", (int64_t)rule);
	sk_jw_kstr(w, "level", levels[f->level]);
	message(w, "message", f->text.p, f->text.len);
	location(w, x, f);
	prints(w, f);
	sk_jw_kobj(w, "properties");
	sk_jw_kvalue(w, "agents", f->agents);
	sk_jw_kint(w, "support", (int64_t)sk_jlen(f->agents));
	sk_jw_kstr(w, "tier", f->tier);
	sk_jw_kstr(w, "severity", f->severity);
	sk_jw_end(w);
	sk_jw_end(w);
}

/* ---- the run ---- */

static void
notification(struct sk_jw *w, const char *level, const struct sk_buf *text)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "level", level);
	message(w, "message", text->p, text->len);
	sk_jw_end(w);
}

static void
invocation(struct sk_jw *w, const struct sk_exported *e, size_t left)
{
	const struct sk_jv *reasons = sk_jget(e->v, "reasons");
	const struct sk_jv *conflicts = sk_jptr(e->v, "/consensus/conflicts");
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_jw_karr(w, "invocations");
	sk_jw_obj(w);
	sk_jw_kbool(w, "executionSuccessful", true);
	sk_jw_karr(w, "toolExecutionNotifications");
	for (size_t i = 0; i < sk_jlen(conflicts); i++) {
		sk_buf_clear(&b);
		sk_export_conflict(&b, sk_jat(conflicts, i));
		notification(w, "error", &b);
	}
	for (size_t i = 0; i < sk_jlen(reasons); i++) {
		sk_buf_clear(&b);
		sk_export_reason(&b, sk_jat(reasons, i));
		notification(w, "warning", &b);
	}
	if (left > 0) {
		sk_buf_clear(&b);
		sk_buf_printf(&b, "%zu more findings were left out", left);
		notification(w, "warning", &b);
	}
	sk_jw_end(w);
	sk_jw_end(w);
	sk_jw_end(w);
	sk_buf_free(&b);
}

static void
run(struct sk_jw *w, struct sk_export *x, const struct sk_exported *e)
{
	size_t n = e->n < RESULTS_MAX ? e->n : RESULTS_MAX;
	size_t *at = sk_calloc(n + 1, sizeof(*at));
	struct sk_strv rules = { 0 };
	char id[2 * SK_IDENT_LEN + 8];

	for (size_t i = 0; i < n; i++)
		at[i] = rule_index(&rules, &e->f[i]);
	sk_jw_obj(w);
	driver(w, &rules);
	(void)snprintf(id, sizeof(id), "sk/%s/%s/", e->spec, e->stage);
	sk_jw_kobj(w, "automationDetails");
	sk_jw_kstr(w, "id", id);
	sk_jw_end(w);
	invocation(w, e, e->n - n);
	sk_jw_kstr(w, "columnKind", "unicodeCodePoints");
	sk_jw_karr(w, "results");
	for (size_t i = 0; i < n; i++)
		result(w, x, &e->f[i], at[i], rules.v[at[i]]);
	sk_jw_end(w);
	sk_jw_kobj(w, "properties");
	sk_jw_kstr(w, "status", e->status);
	sk_jw_kvalue(w, "input_sha256", sk_jget(e->v, "input_sha256"));
	sk_jw_end(w);
	sk_jw_end(w);
	x->left_out += e->n - n;
	sk_strv_free(&rules);
	free(at);
}

void
sk_export_sarif(struct sk_buf *b, struct sk_export *x)
{
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(
	    &w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	sk_jw_kstr(&w, "version", "2.1.0");
	sk_jw_karr(&w, "runs");
	for (size_t i = 0; i < x->n; i++)
		run(&w, x, &x->v[i]);
	sk_jw_end(&w);
	sk_jw_done(&w);
}
