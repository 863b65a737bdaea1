/* SPDX-License-Identifier: MIT */
/* Inside the JSON reader: the machine (read.c) and its leaves (read_leaf.c). */
#ifndef SK_JSON_READ_H
#define SK_JSON_READ_H

#include "json/json.h"

/* A child of a container that is still open. */
struct item {
	const char *key;
	size_t klen, off;
	struct sk_jv *v;
};
struct frame {
	struct sk_jv *v;
	size_t base; /* its first item */
};

struct reader {
	struct sk_arena *a;
	const char *p;
	size_t n, i;
	const struct sk_jlimits *lim;
	bool nul_keys;
	size_t tokens;
	/* position: where this line starts and how many continuation bytes it
	 * had, since columns count characters */
	uint32_t line;
	size_t line_at, cont;
	struct sk_jv *pool;
	size_t pool_left, pool_size;
	char *text;
	size_t text_left;
	struct item *items;
	size_t nitems, items_cap;
	struct frame *frames;
	size_t nframes, frames_cap;
	size_t bad_at;
	char why[200];
	/* Enough for most documents; memory is only asked for beyond. */
	struct item items0[48];
	struct frame frames0[16];
};

/* Note the error and return false. */
bool
sk_rd_bad(struct reader *r, size_t at, const char *fmt, ...) SK_PRINTF(3, 4);
/* The byte at r->i, or the end, where something else was wanted. */
bool sk_rd_unexpected(struct reader *r, const char *wanted);
struct sk_jv *sk_rd_value(struct reader *r, enum sk_jtype t);
bool sk_rd_string(struct reader *r, size_t limit, const char *what,
    const char **out, size_t *outn);
bool sk_rd_number(struct reader *r, struct sk_jv *v);
bool sk_rd_word(struct reader *r, const char *word);

#endif
