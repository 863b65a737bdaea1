/* SPDX-License-Identifier: MIT */
/* What the files of the checks share: a finding, and the papers as words. */
#ifndef SK_PIPELINE_GATE_CHECK_H
#define SK_PIPELINE_GATE_CHECK_H

#include "pipeline/gate.h"

enum { SK_MINOR, SK_IMPORTANT, SK_CRITICAL };
struct sk_finder {
	const struct sk_papers *p;
	struct sk_jv *by[3]; /* by severity */
	struct sk_arena *a;
	size_t n;
};
/* line from 1, 0 = of no line; id may be NULL. The issue, or NULL when there
 * are enough. */
struct sk_jv *sk_found(struct sk_finder *f, int severity, const char *type,
    const char *paper, size_t line, const char *id, const char *question);

/* ---- claims (claims.c) ---- */

#define SK_PAPERS 3
extern const char *const sk_paper_names[SK_PAPERS]; /* "spec.md", … */

struct sk_word {
	char *s; /* lower case; "" = a sentence ends */
	double num;
	bool is_num;
	const char *at; /* in the claim's text, to */
	size_t n;
};
/* A paragraph, or an item of a list or a table. */
struct sk_claim {
	int paper; /* of sk_paper_names */
	size_t line; /* from 1 */
	char id[SK_MD_ID_LEN]; /* the one requirement it names, or "" */
	struct sk_word *w;
	size_t n;
};
/* All of the papers, in order; in the arena. */
struct sk_claim *
sk_claims(const struct sk_papers *p, size_t *n, struct sk_arena *a);
/* Those of one requirement one after another: first[i] is the first that names
 * the one of claim i, next[i] the one after it, n = none. Who names none is
 * alone. In the arena. */
void sk_claims_chain(const struct sk_claim *c, size_t n, const size_t **first,
    const size_t **next, struct sk_arena *a);
/* Words that mean nothing by themselves. */
bool sk_word_is_small(const char *s);
/* The same word: up to its ending. */
bool sk_word_alike(const char *x, const char *y);

/* ---- what does not fit (contradict.c, terms.c) ---- */

void
sk_find_contradictions(struct sk_finder *f, const struct sk_claim *c, size_t n);
void sk_find_terms(struct sk_finder *f, const struct sk_claim *c, size_t n);

#endif
