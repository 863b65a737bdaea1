/* SPDX-License-Identifier: MIT */
/*
 * json: our wire. Exact bounded reading, one-line pure-ASCII writing, JSON
 * Pointer, canonical form, JSON found in prose, JSON Schema, and TOML read
 * into the same tree with the same kind of error (line, column, pointer).
 *
 * Promises: reading never recurses on the C stack and never rounds a number:
 * number text is kept. Two equal keys, lone surrogates, invalid UTF-8, NaN and
 * numbers out of range are errors. Output is one line of [\x20-\x7e] and holds
 * no two '#' in a row.
 *
 * Ownership: every tree lives in the arena given to the function that made it;
 * values may share, nobody frees a single value.
 */
#ifndef SK_JSON_H
#define SK_JSON_H

#include "core/core.h"

enum sk_jtype {
	SK_J_NULL,
	SK_J_FALSE,
	SK_J_TRUE,
	SK_J_NUM,
	SK_J_STR,
	SK_J_ARR,
	SK_J_OBJ
};

/*
 * One value. For NUM, s is the number's source text; for STR, the decoded
 * bytes (NUL-terminated; may hold NUL bytes, so use n). For ARR and OBJ, n
 * children in source order.
 */
struct sk_jv {
	enum sk_jtype type;
	uint32_t line, col; /* 1-based position in the source; 0 = built */
	size_t n;
	union {
		const char *s;
		struct sk_jv **a;
		struct sk_jm *m;
	};
	/* Room for children, kept by the builders; 0 in parsed trees = n. */
	uint32_t cap;
	/* TOML date-times are strings that remember it (0 otherwise). */
	uint8_t toml_kind;
	/* Of KEY = VALUE in TOML: the key's column, on the value's line
	 * (0 otherwise, or when it is beyond 65,535). */
	uint16_t key_col;
};
struct sk_jm {
	const char *key;
	size_t klen;
	struct sk_jv *v;
};

/* ---- reading (read.c) ---- */

struct sk_jlimits {
	size_t bytes; /* 64 MiB */
	size_t depth; /* 64 */
	size_t tokens; /* 1,000,000 */
	size_t string; /* 16 MiB */
	size_t key; /* 1 KiB */
};
extern const struct sk_jlimits sk_jlimits_default;

/* One document, the whole of p; lim NULL = default. SK_DAMAGED with line,
 * column and reason in the message ("line 3, column 14: …"), code
 * "bad_json", details {"line":…,"column":…,"offset":…,"pointer":…}. Columns
 * count characters, offsets count bytes. err may be NULL here and below. */
int sk_json_parse(struct sk_arena *a, const char *p, size_t n,
    const struct sk_jlimits *lim, struct sk_jv **out, struct sk_err *err);
/* What was wrong, in one word, of an error of these: "cut" (it ends too early),
 * "twice" (a key), "limit", "syntax". */
const char *sk_json_why(const struct sk_err *err);
/* A text that is nobody's document: with the default limits, but NUL characters
 * in keys, which JSON has and no document of ours does. */
int sk_json_parse_any(struct sk_arena *a, const char *p, size_t n,
    struct sk_jv **out, struct sk_err *err);
/* One document at the start of p; *used = bytes eaten. For prose scanning. */
int sk_json_prefix(struct sk_arena *a, const char *p, size_t n,
    const struct sk_jlimits *lim, struct sk_jv **out, size_t *used,
    struct sk_err *err);

/* ---- looking (tree.c) ---- */

/* All are NULL-safe: a NULL value, a wrong type or an absent key gives the
 * "nothing" result. */
struct sk_jv *sk_jget(const struct sk_jv *o, const char *key);
struct sk_jv *sk_jgetn(const struct sk_jv *o, const char *key, size_t n);
struct sk_jv *sk_jat(const struct sk_jv *arr, size_t i);
/* Decoded text of a string without NUL bytes, else NULL. */
const char *sk_jstr(const struct sk_jv *v);
const char *sk_jget_str(const struct sk_jv *o, const char *key);
/* Of the first of these keys (NULL ends) that has one. */
const char *sk_jget_first(const struct sk_jv *o, const char *const *keys);
/* Integer with |x| < 2^53 written in any exact form (12, 1.2e1). */
bool sk_jint(const struct sk_jv *v, int64_t *out);
bool sk_jget_int(const struct sk_jv *o, const char *key, int64_t *out);
bool sk_jget_bool(const struct sk_jv *o, const char *key, bool dflt);
double sk_jdouble(const struct sk_jv *v, double dflt);
size_t sk_jlen(const struct sk_jv *v); /* children of ARR/OBJ, else 0 */
/* JSON Pointer (RFC 6901); "" is the whole. NULL when nothing is there. */
struct sk_jv *sk_jptr(const struct sk_jv *root, const char *ptr);
/* Append "/token" with ~0 and ~1 escapes. */
void sk_jptr_add(struct sk_buf *b, const char *key, size_t klen);
bool sk_jptr_ok(const char *ptr);
/* 0, or SK_USAGE "bad_pointer" with how one looks. */
int sk_jptr_check(const char *ptr, struct sk_err *err);
const char *sk_jtype_name(enum sk_jtype t);

/* ---- building (tree.c) ---- */

struct sk_jv *
sk_jnew(struct sk_arena *a, enum sk_jtype t); /* null/bool/[]/{} */
struct sk_jv *sk_jnew_str(struct sk_arena *a, const char *s, size_t n);
struct sk_jv *sk_jnew_cstr(struct sk_arena *a, const char *s); /* NULL → null */
struct sk_jv *sk_jnew_int(struct sk_arena *a, int64_t i);
struct sk_jv *sk_jnew_bool(struct sk_arena *a, bool b);
/* s must be a JSON number; anything else is sk_bug(). */
struct sk_jv *sk_jnew_num(struct sk_arena *a, const char *s, size_t n);
/* Append or replace; keeps order. */
void
sk_jset(struct sk_arena *a, struct sk_jv *o, const char *key, struct sk_jv *v);
void sk_jsetn(struct sk_arena *a, struct sk_jv *o, const char *key, size_t n,
    struct sk_jv *v);
/* Append without looking for the key: for a caller that knows it is new. The
 * key is not copied. */
void sk_jadd(struct sk_arena *a, struct sk_jv *o, const char *key, size_t n,
    struct sk_jv *v);
void sk_jpush(struct sk_arena *a, struct sk_jv *arr, struct sk_jv *v);
struct sk_jv *sk_jcopy(struct sk_arena *a, const struct sk_jv *v); /* deep */

/* ---- canonical form (canon.c, decimal.c) ---- */

/* Keys sorted by bytes, numbers as exact canonical decimals (1.0 = 1e0 = 1,
 * -0 = 0, no float parsing), strings minimally escaped UTF-8. Two values are
 * equal when their canonical forms are. */
void sk_json_canon(struct sk_buf *b, const struct sk_jv *v);
bool sk_json_eq(const struct sk_jv *x, const struct sk_jv *y);
/* Canonical decimal of one number text: "-12.5", "1e400" stays exact. */
void sk_num_canon(struct sk_buf *b, const char *s, size_t n);
int sk_num_cmp(const char *a, size_t an, const char *b, size_t bn);

/* ---- writing (write.c) ---- */

/*
 * Writer over a buffer with a sticky error (the buffer's `full`). Commas and
 * nesting are tracked; unbalanced use is sk_bug(). Strings are taken as UTF-8,
 * invalid bytes become U+FFFD. Output is pure ASCII on one line; '<', '>', '&',
 * DEL and the second '#' of a pair are escaped.
 */
struct sk_jw {
	struct sk_buf *b;
	uint8_t depth;
	bool comma;
	char stack[64];
};
void sk_jw_init(struct sk_jw *w, struct sk_buf *b);
void sk_jw_obj(struct sk_jw *w);
void sk_jw_arr(struct sk_jw *w);
void sk_jw_end(struct sk_jw *w); /* closes the innermost */
void sk_jw_key(struct sk_jw *w, const char *key);
void sk_jw_keyn(struct sk_jw *w, const char *key, size_t n);
void sk_jw_str(struct sk_jw *w, const char *s); /* NULL → null */
void sk_jw_strn(struct sk_jw *w, const char *s, size_t n);
void sk_jw_int(struct sk_jw *w, int64_t i);
void sk_jw_bool(struct sk_jw *w, bool x);
void sk_jw_null(struct sk_jw *w);
void sk_jw_value(struct sk_jw *w, const struct sk_jv *v); /* NULL → null */
/* Text that is already one JSON value in our output form. */
void sk_jw_raw(struct sk_jw *w, const char *json, size_t n);
/* key + value in one call */
void sk_jw_kstr(struct sk_jw *w, const char *k, const char *s);
void sk_jw_kint(struct sk_jw *w, const char *k, int64_t i);
void sk_jw_kbool(struct sk_jw *w, const char *k, bool x);
void sk_jw_knull(struct sk_jw *w, const char *k);
void sk_jw_kvalue(struct sk_jw *w, const char *k, const struct sk_jv *v);
/* "at":"2025-…Z"; ms 0 → null */
void sk_jw_ktime(struct sk_jw *w, const char *k, int64_t ms);
/* What may be absent, then null: a word that is NULL or "", a positive number
 * that is 0 or less, a count below 0. */
void sk_jw_kword(struct sk_jw *w, const char *k, const char *s);
void sk_jw_kpos(struct sk_jw *w, const char *k, int64_t i);
void sk_jw_kcount(struct sk_jw *w, const char *k, int64_t i);
/* An array of strings; v NULL = an empty one. */
void sk_jw_kstrv(struct sk_jw *w, const char *k, const struct sk_strv *v);
/* "k":{ and "k":[ */
void sk_jw_kobj(struct sk_jw *w, const char *k);
void sk_jw_karr(struct sk_jw *w, const char *k);
/* A document {"schema":schema,…} in b, to be ended by sk_jw_done(). */
void sk_jw_doc(struct sk_jw *w, struct sk_buf *b, const char *schema);
/* End of document: closes the outermost object or array, newline; sk_bug when
 * more is open. */
void sk_jw_done(struct sk_jw *w);
/* One string with its quotes, or one value, to a buffer; no newline. */
void sk_json_write_str(struct sk_buf *b, const char *s, size_t n);
void sk_json_write(struct sk_buf *b, const struct sk_jv *v);
/* Indented form for people (still ASCII, control-free but for the newlines;
 * none at the end). */
void sk_json_pretty(struct sk_buf *b, const struct sk_jv *v);

/* ---- JSON in prose (find.c) ---- */

enum sk_jfound {
	SK_JFOUND_NONE,
	SK_JFOUND_DIRECT, /* the whole text */
	SK_JFOUND_FENCE, /* the last ```json (or bare) fence that parses */
	SK_JFOUND_INLINE /* the largest balanced object or array in the prose */
};
/* The JSON object or array that an answer holds (a bare scalar counts only
 * when it is the whole text). Linear in n. A piece of a
 * document that is cut off or wrong is not an answer. */
enum sk_jfound
sk_json_find(struct sk_arena *a, const char *p, size_t n, struct sk_jv **out);

/* ---- schema (schema.c) ---- */

/* One finding of the validator. */
struct sk_schema_msg {
	char *pointer; /* into the instance */
	char *keyword; /* "type", "required", … */
	char *message; /* expected … found … */
	uint32_t line, col;
};
struct sk_schema_out {
	struct sk_arena arena; /* owns the messages */
	struct sk_schema_msg *v;
	size_t n;
};
/* draft-07. True when valid; all findings (at most 100) are collected. */
bool sk_schema_check(const struct sk_jv *schema, const struct sk_jv *v,
    struct sk_schema_out *out);
void sk_schema_out_free(struct sk_schema_out *out);

/* ---- TOML (toml.c) ---- */

/* TOML 1.0 into the JSON tree; integers beyond 2^53 keep their text; inf and
 * nan become strings with toml_kind set. Errors: SK_USAGE "bad_toml", message
 * "FILE:LINE:COL: …" with `name` as FILE. */
enum sk_toml_kind {
	SK_TOML_NONE,
	SK_TOML_FLOAT, /* also inf, nan (type STR then) */
	SK_TOML_DATETIME,
	SK_TOML_DATETIME_LOCAL,
	SK_TOML_DATE_LOCAL,
	SK_TOML_TIME_LOCAL
};
int sk_toml_parse(struct sk_arena *a, const char *p, size_t n, const char *name,
    struct sk_jv **out, struct sk_err *err);
/* The tree as the tagged JSON of the public test suite (toml_tag.c). */
void sk_toml_tagged(struct sk_jw *w, const struct sk_jv *v);

#endif
