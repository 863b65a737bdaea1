/* SPDX-License-Identifier: MIT */
/* Inside the TOML reader: tables and lines (toml.c), strings
 * (toml_string.c), other values (toml_value.c). */
#ifndef SK_JSON_TOML_H
#define SK_JSON_TOML_H

#include "json/json.h"

#define SK_TOML_DEEP 64

struct sk_toml_key {
	const char *s;
	size_t n, at;
};

struct sk_toml {
	struct sk_arena *a;
	const char *p;
	size_t n, i;
	const char *name;
	struct sk_err *err;
	int rc;
	/* The place last asked for: asking goes forward, so that counting
	 * lines and characters costs one pass. */
	size_t pos_at;
	uint32_t pos_line, pos_col;
	struct sk_buf tmp;
	/* The dotted key that is being read. */
	struct sk_toml_key key[SK_TOML_DEEP];
	size_t nkey;
	/* (table, key) → member */
	struct sk_toml_slot *slots;
	size_t nslots, used;
	/* All tables, to clear their marks at the end. */
	struct sk_jv **tabs;
	size_t ntabs, tabs_cap;
};

/* Returns false after noting the error; at is a byte offset. */
bool
sk_toml_bad(struct sk_toml *t, size_t at, const char *fmt, ...) SK_PRINTF(3, 4);
void sk_toml_ws(struct sk_toml *t);
/* Blanks, newlines and comments. */
bool sk_toml_gap(struct sk_toml *t);
bool sk_toml_newline(struct sk_toml *t);
int sk_toml_peek(const struct sk_toml *t, size_t ahead); /* -1 at the end */
struct sk_jv *sk_toml_new(struct sk_toml *t, enum sk_jtype type, size_t at);
/* KEY = VALUE into tab, which stands `depth` deep. */
bool sk_toml_pair(struct sk_toml *t, struct sk_jv *tab, size_t depth);
struct sk_jv *sk_toml_inline_table(struct sk_toml *t, size_t at);

/* toml_string.c: a string at t->i. */
bool sk_toml_string(struct sk_toml *t, bool key, const char **s, size_t *n);
/* toml_value.c */
struct sk_jv *sk_toml_value(struct sk_toml *t, size_t depth);

#endif
