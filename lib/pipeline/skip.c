/* SPDX-License-Identifier: MIT */
/* Is a stage left out? What its condition says, and what was decided. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "consensus/consensus.h"
#include "pipeline/skip.h"
#include "pipeline/step.h"

static const char *
setting(const struct sk_auto *a, const struct sk_stage *st, const char *name)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.%s", st->name, name);
	return sk_config_str(a->conf, key, NULL);
}

static int64_t
below(const struct sk_auto *a, const struct sk_stage *st)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.skip_below", st->name);
	return sk_config_int(a->conf, key, 0);
}

/* NULL = never. Whoever names one stage with --only means it. */
static const char *
rule_of(const struct sk_auto *a, const struct sk_stage *st)
{
	const char *rule = setting(a, st, "skip_if");

	if (a->opts->only != NULL && !a->opts->stepping)
		return NULL;
	return rule == NULL || strcmp(rule, "never") == 0 ? NULL : rule;
}

/* What the configuration says for people. It may be anybody's: no byte of it
 * moves a cursor or begins a line. */
static void
add_note(struct sk_buf *b, const struct sk_auto *a, const struct sk_stage *st)
{
	const char *note = setting(a, st, "skip_reason");

	if (note == NULL)
		return;
	sk_buf_str(b, ": ");
	sk_buf_visible(b, note, strlen(note), false);
}

static void
add_pattern(struct sk_buf *b, const char *pattern)
{
	sk_buf_ch(b, '\'');
	sk_buf_visible(b, pattern, strlen(pattern), false);
	sk_buf_ch(b, '\'');
}

char *
sk_skip_may(const struct sk_auto *a, const struct sk_stage *st, bool *always)
{
	const char *rule = rule_of(a, st), *files;
	struct sk_buf b;

	if (always != NULL)
		*always = rule != NULL && strcmp(rule, "always") == 0;
	if (rule == NULL)
		return NULL;
	sk_buf_init(&b, 0);
	if (strcmp(rule, "always") == 0) {
		sk_buf_str(&b, "always");
	} else if (strcmp(rule, "no_tests") == 0) {
		sk_buf_str(&b, "when the tree has no tests");
	} else if (strcmp(rule, "low_risk") == 0) {
		sk_buf_str(&b, "when the agreed plan is of low complexity and "
			       "names no risk above low");
	} else {
		files = setting(a, st, "skip_files");
		if (below(a, st) > 1)
			sk_buf_printf(&b, "when fewer than %lld files match ",
			    (long long)below(a, st));
		else
			sk_buf_str(&b, "when no file matches ");
		add_pattern(&b, files != NULL ? files : "");
	}
	add_note(&b, a, st);
	return sk_buf_detach(&b);
}

/* ---- conditions ---- */

static bool
found_test(void *arg, const char *path)
{
	bool *any = arg;

	*any = sk_skip_is_test(path);
	return *any;
}

struct counted {
	const char *pattern;
	int64_t n, limit;
};

static bool
count_file(void *arg, const char *path)
{
	struct counted *c = arg;

	c->n += sk_skip_glob(c->pattern, path);
	return c->n >= c->limit;
}

static bool
says_low(const struct sk_jv *risk)
{
	static const char *const keys[] = { "severity", "level" };
	const struct sk_jv *v;
	size_t said = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		v = sk_jget(risk, keys[i]);
		if (v == NULL)
			continue;
		if (!sk_streq(sk_jstr(v), "low"))
			return false;
		said++;
	}
	return said > 0;
}

/* What a plan does not say is no low risk. */
static bool
is_low(const struct sk_jv *plan)
{
	const struct sk_jv *risks = sk_jget(plan, "risks");

	if (!sk_streq(sk_jget_str(plan, "complexity"), "low") ||
	    risks == NULL || risks->type != SK_J_ARR)
		return false;
	for (size_t i = 0; i < sk_jlen(risks); i++)
		if (!says_low(sk_jat(risks, i)))
			return false;
	return true;
}

static int
low_risk(struct sk_auto *a, bool *yes, struct sk_err *err)
{
	struct sk_decision d;
	struct sk_jv *v = NULL;
	bool found = false;
	int rc;

	rc = sk_decision_seen(
	    a->db, a->branch, a->spec.id, "plan", &d, &found, &a->arena, err);
	if (rc != 0 || !found || !d.acked || strcmp(d.status, "ok") != 0)
		return rc;
	rc = sk_json_parse(&a->arena, d.verdict, strlen(d.verdict),
	    &sk_verdict_limits, &v, err);
	*yes = rc == 0 && is_low(sk_jget(v, "merged"));
	return rc;
}

/* A pattern that matches nothing may be a slip, and a slip must not leave a
 * stage out; whoever means none says so with skip_below = 1. */
static int
maybe_slip(const struct counted *c, struct sk_err *err)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	add_pattern(&b, c->pattern);
	(void)sk_fail(err, SK_DEGRADED, "no_match",
	    "no file matches %s, which may be a slip (skip_below = 1 is for "
	    "none)",
	    b.p);
	sk_buf_free(&b);
	return SK_DEGRADED;
}

int64_t
sk_skip_matches(const struct sk_auto *a, const struct sk_stage *st)
{
	struct counted c = { .pattern = setting(a, st, "skip_files"),
		.limit = below(a, st) };
	const char *rule = rule_of(a, st);
	struct sk_err ignored = { 0 };
	int rc;

	if (!sk_streq(rule, "files_below") || c.pattern == NULL || c.limit < 1)
		return -1;
	rc = sk_skip_files(a->conf->project_root, count_file, &c, &ignored);
	sk_err_clear(&ignored);
	return rc == 0 ? c.n : -1;
}

/* Does the condition hold? Then why is a sentence that says so. */
static int
holds(struct sk_auto *a, const struct sk_stage *st, const char *rule, bool *yes,
    struct sk_buf *why, struct sk_err *err)
{
	const char *root = a->conf->project_root;
	struct counted c = { .pattern = setting(a, st, "skip_files"),
		.limit = below(a, st) };
	bool tests = false;
	int rc = 0;

	*yes = false;
	if (strcmp(rule, "always") == 0) {
		*yes = true;
		sk_buf_str(why, "skip_if is 'always'");
	} else if (strcmp(rule, "no_tests") == 0) {
		rc = sk_skip_files(root, found_test, &tests, err);
		*yes = rc == 0 && !tests;
		sk_buf_str(why, "the tree has no tests");
	} else if (strcmp(rule, "low_risk") == 0) {
		rc = low_risk(a, yes, err);
		sk_buf_str(why, "the agreed plan is of low complexity and "
				"names no risk above low");
	} else if (c.pattern != NULL && c.limit > 0) {
		rc = sk_skip_files(root, count_file, &c, err);
		if (rc == 0 && c.n == 0 && c.limit > 1)
			rc = maybe_slip(&c, err);
		*yes = rc == 0 && c.n < c.limit;
		if (c.n == 0)
			sk_buf_str(why, "no file matches ");
		else
			sk_buf_printf(why, "%lld file%s ", (long long)c.n,
			    c.n == 1 ? " matches" : "s match");
		add_pattern(why, c.pattern);
		if (c.n > 0)
			sk_buf_printf(
			    why, ", fewer than %lld", (long long)c.limit);
	}
	add_note(why, a, st);
	return rc;
}

/* ---- the record ---- */

bool
sk_skip_row(const struct sk_stage_row *r)
{
	return r != NULL && strcmp(r->status, "skipped") == 0;
}

const char *
sk_skip_recorded(struct sk_auto *a, const struct sk_stage *st)
{
	struct sk_stage_row *row = NULL;
	struct sk_err ignored = { 0 };

	if (a->db != NULL)
		(void)sk_stage_row_of(a, st->name, &row, &ignored);
	sk_err_clear(&ignored);
	return sk_skip_row(row) ? row->reason : NULL;
}

/* Was anybody asked already? A script leaves no row, but answers. */
static int
has_begun(
    struct sk_auto *a, const struct sk_stage *st, bool *yes, struct sk_err *err)
{
	struct sk_key key = { a->run, a->branch, a->spec.id, st->name, "", 0 };
	struct sk_stored *stored;
	int64_t round;
	size_t n = 0;
	int rc =
	    sk_answers_of(a->db, &key, &stored, &n, &round, &a->arena, err);

	*yes = n > 0;
	return rc;
}

/* It begins and ends in one transaction: nobody sees it half. */
static int
record(struct sk_auto *a, const struct sk_step *s, struct sk_err *err)
{
	struct sk_stage_row row = { .state = "done", .status = "skipped" };
	int rc;

	(void)snprintf(row.stage, sizeof(row.stage), "%s", s->stage->name);
	row.reason = s->reason;
	row.config = a->config_hash[0] != '\0' ? a->config_hash : NULL;
	rc = sk_db_begin(a->db, err);
	if (rc != 0)
		return rc;
	rc = sk_stage_start(
	    a->db, a->run, a->branch, s->stage->name, "", a->driver.epoch, err);
	if (rc == 0)
		rc = sk_stage_end(
		    a->db, a->run, a->branch, &row, a->driver.epoch, err);
	if (rc == 0)
		return sk_db_commit(a->db, err);
	sk_db_rollback(a->db);
	return rc;
}

static void
set(struct sk_step *s, char *reason)
{
	(void)snprintf(s->status, sizeof(s->status), "skipped");
	free(s->reason);
	s->reason = reason;
	s->started_ms = s->ended_ms = sk_now_ms();
}

int
sk_skip_decide(
    struct sk_auto *a, struct sk_step *s, bool *out, struct sk_err *err)
{
	const char *rule = rule_of(a, s->stage);
	struct sk_stage_row *row = NULL;
	struct sk_err why = { 0 };
	struct sk_buf text;
	bool begun = false;
	int rc;

	*out = false;
	if (a->opts->only != NULL && !a->opts->stepping)
		return 0;
	rc = sk_stage_row_of(a, s->stage->name, &row, err);
	if (rc == 0 && row != NULL) {
		*out = sk_skip_row(row);
		if (*out)
			set(s, sk_strdup(row->reason != NULL ? row->reason
							     : "left out"));
		return 0;
	}
	if (rc == 0 && rule != NULL)
		rc = has_begun(a, s->stage, &begun, err);
	if (rc != 0 || rule == NULL || begun)
		return rc;
	sk_buf_init(&text, 0);
	if (holds(a, s->stage, rule, out, &text, &why) != 0) {
		*out = false;
		sk_warn("whether '%s' is to be left out cannot be told, so it "
			"runs: %s",
		    s->stage->name, why.message);
	}
	sk_err_clear(&why);
	if (*out) {
		set(s, sk_buf_detach(&text));
		rc = record(a, s, err);
	} else {
		sk_buf_free(&text);
	}
	return rc;
}
