/* SPDX-License-Identifier: MIT */
/*
 * Inside the draft-07 validator: the walk (schema.c), assertions
 * (schema_words.c), applicators (schema_apply.c), references (schema_ref.c),
 * patterns (schema_regex.c).
 */
#ifndef SK_JSON_SCHEMA_H
#define SK_JSON_SCHEMA_H

#include "json/json.h"

/* Where in the instance we are; lives on the C stack. */
struct sk_sc_path {
	const struct sk_sc_path *up;
	const char *key; /* NULL: index */
	size_t n; /* length of the key, or the index */
};

/* A schema together with the URI that its references start from. */
struct sk_sc_at {
	const struct sk_jv *s;
	const char *base;
};

/* An application of a schema to a value that is under way. */
struct sk_sc_active {
	const struct sk_sc_active *up;
	const struct sk_jv *s, *v;
};

/* A reference that was followed before, by the schema that holds it. */
struct sk_sc_seen {
	const struct sk_jv *s;
	struct sk_sc_at to;
	struct sk_sc_seen *next;
};

struct sk_sc_id {
	const char *uri; /* without an empty fragment */
	const struct sk_jv *s;
};

struct sk_sc_regex {
	const char *text; /* by identity: the schema does not change */
	struct sk_re *re; /* NULL: it cannot be used, */
	const char *why; /* for this reason */
};

/* Where messages go; the arena is the one of the result. */
struct sk_sc_sink {
	struct sk_schema_msg *v;
	size_t n, max;
};

struct sk_sc {
	struct sk_arena *a;
	const struct sk_jv *root;
	struct sk_sc_sink *sink;
	const struct sk_sc_active *active;
	size_t depth;
	uint64_t steps, max_steps;
	struct sk_sc_seen *seen[64];
	struct sk_sc_id *ids;
	size_t nids, ids_cap;
	struct sk_sc_regex *pats;
	size_t npats;
	/* The first fault of the schema itself: it is reported even when it
	 * was met where messages do not count, such as inside "not". */
	struct sk_schema_msg fault;
	size_t nfault;
	bool meta; /* the meta-schema is among the ids */
};

/* schema.c: apply a schema; false = invalid, messages are in the sink. */
bool sk_sc_check(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p);
/* The same for an answer only: the first message goes to *first (may be
 * NULL). */
bool sk_sc_try(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p, const char **first);
/* Note a message; returns false. */
bool
sk_sc_bad(struct sk_sc *c, const struct sk_jv *v, const struct sk_sc_path *p,
    const char *keyword, const char *fmt, ...) SK_PRINTF(5, 6);
/* Note a fault of the schema; returns false. */
bool
sk_sc_fault(struct sk_sc *c, const struct sk_jv *v, const struct sk_sc_path *p,
    const char *keyword, const char *fmt, ...) SK_PRINTF(5, 6);
/* Nobody will read another message: work for the answer alone. */
static inline bool
sk_sc_full(const struct sk_sc *c)
{
	return c->sink->n >= c->sink->max;
}
/* "string 'abc'", "number 12", "array of 3 items": in the arena. */
const char *sk_sc_show(struct sk_sc *c, const struct sk_jv *v);
/* Text of people or agents, cut and made visible: in the arena. */
const char *sk_sc_text(struct sk_sc *c, const char *s, size_t n);

/* One keyword: its value k in the schema at, applied to v. */
typedef bool sk_sc_fn(struct sk_sc *c, struct sk_sc_at at,
    const struct sk_jv *k, const struct sk_jv *v, const struct sk_sc_path *p);

/* schema_words.c */
sk_sc_fn sk_sc_type, sk_sc_enum, sk_sc_const, sk_sc_required, sk_sc_pattern,
    sk_sc_unique, sk_sc_format;
sk_sc_fn sk_sc_minimum, sk_sc_maximum, sk_sc_over, sk_sc_under, sk_sc_multiple,
    sk_sc_min_len, sk_sc_max_len, sk_sc_min_items, sk_sc_max_items,
    sk_sc_min_props, sk_sc_max_props;
/* Does the pattern match? One that cannot be used matches all, and becomes a
 * message in the end. */
bool sk_sc_matches(
    struct sk_sc *c, const char *text, size_t textn, const char *s, size_t n);

/* schema_apply.c */
sk_sc_fn sk_sc_properties, sk_sc_pattern_props, sk_sc_additional_props,
    sk_sc_property_names, sk_sc_items, sk_sc_additional_items, sk_sc_contains,
    sk_sc_all, sk_sc_any, sk_sc_one, sk_sc_not, sk_sc_if, sk_sc_dependencies;

/* schema_ref.c */
void sk_sc_ids(struct sk_sc *c, const struct sk_jv *s, const char *base);
/* The base that applies inside s. */
const char *
sk_sc_base(const struct sk_sc *c, const struct sk_jv *s, const char *base);
/* Follow a reference; s is NULL when it leads nowhere. */
struct sk_sc_at
sk_sc_resolve(struct sk_sc *c, const char *base, const char *ref);
extern const char sk_sc_meta[]; /* schema_meta.c */
#define SK_SC_META_URI "http://json-schema.org/draft-07/schema"

/*
 * schema_regex.c: ECMA 262 regular expressions without look-around and
 * back-references, matched in time linear in the text whatever it holds, over
 * code points. NULL and *why when a pattern cannot be used.
 */
struct sk_re *sk_re_new(const char *p, size_t n, const char **why);
bool sk_re_search(const struct sk_re *re, const char *s, size_t n);
void sk_re_free(struct sk_re *re);

#endif
