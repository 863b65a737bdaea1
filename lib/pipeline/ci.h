/* SPDX-License-Identifier: MIT */
/*
 * pipeline/ci: a run in the forms that CI systems read.
 *
 * Promises: all of them say the same, from the database, so that a run can be
 * reported by another job than the one that made it. What agents said is data
 * in each form: on one line, escaped, never a command.
 */
#ifndef SK_PIPELINE_CI_H
#define SK_PIPELINE_CI_H

#include "pipeline/pipeline.h"

enum sk_ci_result { SK_CI_OK, SK_CI_SKIPPED, SK_CI_FAILED, SK_CI_ERROR };

/* One thing that went well or did not: an agent, a guardrail, a verdict. */
struct sk_ci_case {
	const char *name; /* "agent a", "guardrail", "verdict": ours */
	enum sk_ci_result result;
	const char *type; /* "timeout_total", "conflict"; "" = none */
	const char *text; /* anybody's words; NULL = none */
	int64_t ms;
};
struct sk_ci_stage {
	const char *name, *status, *artefact;
	int64_t started_ms, ms;
	size_t answered, asked;
	struct sk_ci_case *v;
	size_t n, cap;
};
struct sk_ci {
	struct sk_auto *a; /* NULL = it did not come so far */
	const char *spec, *state; /* "" when not known */
	const struct sk_err *err; /* why nothing or no more was run */
	int exit;
	const char *resume; /* the command, or NULL */
	struct sk_ci_stage *v;
	size_t n, count[SK_CI_ERROR + 1];
	struct sk_arena arena;
};

/* ci_junit.c, ci_text.c: a whole report each */
void sk_ci_junit(struct sk_buf *b, const struct sk_ci *c);
void sk_ci_tap(struct sk_buf *b, const struct sk_ci *c);
void sk_ci_md(struct sk_buf *b, const struct sk_ci *c);
void sk_ci_github(struct sk_buf *b, const struct sk_ci *c);
void sk_ci_gitlab(struct sk_buf *b, const struct sk_ci *c);
/* md cut below max bytes before one of its headings, with a note. */
void sk_ci_cut(struct sk_buf *md, size_t max);

#endif
