/* SPDX-License-Identifier: MIT */
/*
 * Verdicts in the forms that others read. What agents said is data in all of
 * them: escaped for the form, on one line, cut where the reader has limits; no
 * agent's word becomes a command, a link, a path outside the tree or a name of
 * ours.
 */
#ifndef SK_CONSENSUS_EXPORT_H
#define SK_CONSENSUS_EXPORT_H

#include "consensus/consensus.h"

enum sk_level { SK_LEVEL_NOTE, SK_LEVEL_WARNING, SK_LEVEL_ERROR };

/* One finding of the agreed value; texts are those of the verdict. */
struct sk_finding {
	const struct sk_jv *whole, *agents; /* agents may be NULL */
	const char *list; /* pointer of the list that it is in */
	const char *file; /* below the project, '/' between; NULL = none */
	const char *where; /* else what it is about, NULL = not said */
	const char *rule; /* NULL = none */
	const char *tier; /* "all", "quorum", "some", "single" */
	const char *severity; /* a word that is known, or NULL */
	enum sk_level level;
	int64_t line, end_line, column; /* 0 = not said */
	struct sk_buf text; /* one visible line */
	/* The same when lines move, another agent sees it too, or it is worded
	 * anew under the same rule; nth tells equal ones of a file apart. */
	char fingerprint[SK_SHA256_LEN];
	int64_t nth;
};
/* One verdict, made ready. */
struct sk_exported {
	const struct sk_jv *v;
	const char *spec, *stage; /* identifiers, or "" */
	const char *status;
	int64_t round, seq; /* seq 0 = nothing was decided */
	struct sk_finding *f; /* the heaviest first */
	size_t n;
};
struct sk_export {
	struct sk_arena arena;
	struct sk_exported *v;
	size_t n;
	const char *file; /* of findings that name none; NULL = nowhere */
	size_t left_out; /* findings that the form could not hold */
};

/* export.c */
void sk_export_add(struct sk_export *x, const struct sk_jv *verdict);
void sk_export_free(struct sk_export *x);
/* A path below the project as an agent named it, or NULL: no root, no "..", no
 * scheme, nothing that a terminal would not show. */
const char *sk_export_path(struct sk_arena *a, const char *s, size_t n);
/* "a, b" */
void sk_export_names(struct sk_buf *b, const struct sk_jv *list);
/* "conflict at /size: 3 [a, b], 4 [c]" or "a reports: …", on one line. */
void sk_export_conflict(struct sk_buf *b, const struct sk_jv *conflict);
/* "missing_agent c: timeout_total" */
void sk_export_reason(struct sk_buf *b, const struct sk_jv *reason);
/* Visible text, cut after max bytes at a character's start; says how much more
 * there was, and the hash of all. */
void sk_export_text(struct sk_buf *b, const char *p, size_t n, size_t max);

/* One function for each form. */
void sk_export_sarif(struct sk_buf *b, struct sk_export *x);
void sk_export_junit(struct sk_buf *b, struct sk_export *x);
void sk_export_github(struct sk_buf *b, struct sk_export *x);
void sk_export_gitlab(struct sk_buf *b, struct sk_export *x);
void sk_export_md(struct sk_buf *b, struct sk_export *x);
void sk_export_env(struct sk_buf *b, struct sk_export *x);

#endif
