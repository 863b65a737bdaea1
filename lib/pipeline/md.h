/* SPDX-License-Identifier: MIT */
/*
 * pipeline/md: as much of Markdown as it takes to look at a specification and
 * to edit it: lines, headings, fenced code, and the identifiers of requirements
 * (FR-001, REQ-7, …).
 *
 * Ownership: what is found points into the text, which must outlive it.
 */
#ifndef SK_PIPELINE_MD_H
#define SK_PIPELINE_MD_H

#include "core/core.h"

#define SK_MD_ID_LEN 32

struct sk_md_line {
	const char *p; /* without the newline */
	size_t n;
	unsigned level; /* of a heading, 0 = none */
	bool code; /* in a fence, or its edge */
};
struct sk_md_id {
	char id[SK_MD_ID_LEN];
	size_t line, last; /* where it is defined: first and last line */
	size_t words; /* of its paragraph */
};
struct sk_md {
	struct sk_md_line *v;
	size_t n;
	bool open; /* the last fence is not closed */
	struct sk_md_id *ids; /* defined requirements, in order */
	size_t n_ids;
	struct sk_md_id **by_id; /* the same by id, then in order */
};
void sk_md_scan(struct sk_md *m, const char *text, size_t n);
void sk_md_free(struct sk_md *m);
/* Line of the first heading that holds one of the words (any case, NULL ends);
 * m->n when there is none. */
size_t sk_md_heading(const struct sk_md *m, const char *const *words);
/* The line after a heading's section: where its level comes again, or one
 * above. */
size_t sk_md_section_end(const struct sk_md *m, size_t heading);
/* The first one of this id, or NULL. */
const struct sk_md_id *sk_md_id_find(const struct sk_md *m, const char *id);
/* The next identifier of a requirement in p from *at on; false = no more. */
bool sk_md_next_id(const char *p, size_t n, size_t *at, char id[SK_MD_ID_LEN]);
/* Of a requirement, and not of its acceptance criterion, task or risk. */
bool sk_md_is_requirement(const char *id);
/* Where identifiers are named: to be added in order, then sorted by id once. */
struct sk_md_mention {
	char id[SK_MD_ID_LEN];
	size_t line;
};
struct sk_md_mentions {
	struct sk_md_mention *v;
	size_t n, cap;
};
void
sk_md_mention(struct sk_md_mentions *s, const char *p, size_t n, size_t line);
void sk_md_mentions_sort(struct sk_md_mentions *s);
/* The first of *n of this id; *n = 0 when it is not named. */
const struct sk_md_mention *
sk_md_mentions_of(const struct sk_md_mentions *s, const char *id, size_t *n);
void sk_md_mentions_free(struct sk_md_mentions *s);
/* Hostile text as one line that nobody can mistake for markup, appended. */
void sk_md_text(struct sk_buf *b, const char *s, size_t n);

#endif
