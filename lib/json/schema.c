/* SPDX-License-Identifier: MIT */
/* JSON Schema draft-07: the walk through schema and value. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/schema.h"

#define MAX_MESSAGES 100
/* Applications of one schema to one value, in all and per value. Honest
 * schemas need a few per value; alternatives nested in references can double
 * with every level. */
#define STEPS_BASE 1000000u
#define STEPS_EACH 100u
#define MAX_DEPTH 1000

/* ---- messages ---- */

const char *
sk_sc_text(struct sk_sc *c, const char *s, size_t n)
{
	const size_t most = 60;
	const char *out;
	struct sk_buf b;
	size_t cut = n;

	if (sk_sc_full(c))
		return "";
	if (cut > most) {
		cut = most;
		while (((unsigned char)s[cut] & 0xc0) == 0x80)
			cut--;
	}
	sk_buf_init(&b, 0);
	sk_buf_ch(&b, '\'');
	sk_buf_visible(&b, s, cut, false);
	sk_buf_str(&b, cut < n ? "…'" : "'");
	out = sk_arena_strndup(c->a, b.p, b.len);
	sk_buf_free(&b);
	return out;
}

const char *
sk_sc_show(struct sk_sc *c, const struct sk_jv *v)
{
	if (sk_sc_full(c))
		return "";
	switch (v->type) {
	case SK_J_NULL:
		return "null";
	case SK_J_FALSE:
		return "false";
	case SK_J_TRUE:
		return "true";
	case SK_J_NUM:
		return sk_arena_printf(c->a, "number %.60s", v->s);
	case SK_J_STR:
		return sk_arena_printf(
		    c->a, "string %s", sk_sc_text(c, v->s, v->n));
	case SK_J_ARR:
		return sk_arena_printf(
		    c->a, "array of %zu item%s", v->n, v->n == 1 ? "" : "s");
	default:
		return sk_arena_printf(
		    c->a, "object of %zu key%s", v->n, v->n == 1 ? "" : "s");
	}
}

static void
put_path(struct sk_buf *b, const struct sk_sc_path *p)
{
	char text[24];
	int n;

	if (p == NULL)
		return;
	put_path(b, p->up);
	if (p->key != NULL) {
		sk_jptr_add(b, p->key, p->n);
		return;
	}
	n = snprintf(text, sizeof(text), "%zu", p->n);
	sk_jptr_add(b, text, (size_t)n);
}

SK_PRINTF(6, 0)
static void
note(struct sk_sc *c, struct sk_schema_msg *m, const struct sk_jv *v,
    const struct sk_sc_path *p, const char *keyword, const char *fmt,
    va_list ap)
{
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	put_path(&b, p);
	m->pointer = sk_arena_strndup(c->a, b.p, b.len);
	sk_buf_clear(&b);
	sk_buf_vprintf(&b, fmt, ap);
	m->message = sk_arena_strndup(c->a, b.p, b.len);
	sk_buf_free(&b);
	m->keyword = sk_arena_strdup(c->a, keyword);
	m->line = v->line;
	m->col = v->col;
}

bool
sk_sc_bad(struct sk_sc *c, const struct sk_jv *v, const struct sk_sc_path *p,
    const char *keyword, const char *fmt, ...)
{
	va_list ap;

	if (sk_sc_full(c))
		return false;
	va_start(ap, fmt);
	note(c, &c->sink->v[c->sink->n++], v, p, keyword, fmt, ap);
	va_end(ap);
	return false;
}

bool
sk_sc_fault(struct sk_sc *c, const struct sk_jv *v, const struct sk_sc_path *p,
    const char *keyword, const char *fmt, ...)
{
	va_list ap;

	if (c->nfault > 0)
		return false;
	va_start(ap, fmt);
	note(c, &c->fault, v, p, keyword, fmt, ap);
	va_end(ap);
	c->nfault = 1;
	return false;
}

/* ---- the walk ---- */

#define ON(t) (1u << (t))
#define ANY 0x7fu
#define NUM ON(SK_J_NUM)
#define STR ON(SK_J_STR)
#define ARR ON(SK_J_ARR)
#define OBJ ON(SK_J_OBJ)

/* In strcmp() order, with the types of value that each one looks at. */
static const struct keyword {
	const char *name;
	unsigned on;
	sk_sc_fn *fn;
} keywords[] = {
	{ "additionalItems", ARR, sk_sc_additional_items },
	{ "additionalProperties", OBJ, sk_sc_additional_props },
	{ "allOf", ANY, sk_sc_all },
	{ "anyOf", ANY, sk_sc_any },
	{ "const", ANY, sk_sc_const },
	{ "contains", ARR, sk_sc_contains },
	{ "dependencies", OBJ, sk_sc_dependencies },
	{ "enum", ANY, sk_sc_enum },
	{ "exclusiveMaximum", NUM, sk_sc_under },
	{ "exclusiveMinimum", NUM, sk_sc_over },
	{ "format", STR, sk_sc_format },
	{ "if", ANY, sk_sc_if },
	{ "items", ARR, sk_sc_items },
	{ "maxItems", ARR, sk_sc_max_items },
	{ "maxLength", STR, sk_sc_max_len },
	{ "maxProperties", OBJ, sk_sc_max_props },
	{ "maximum", NUM, sk_sc_maximum },
	{ "minItems", ARR, sk_sc_min_items },
	{ "minLength", STR, sk_sc_min_len },
	{ "minProperties", OBJ, sk_sc_min_props },
	{ "minimum", NUM, sk_sc_minimum },
	{ "multipleOf", NUM, sk_sc_multiple },
	{ "not", ANY, sk_sc_not },
	{ "oneOf", ANY, sk_sc_one },
	{ "pattern", STR, sk_sc_pattern },
	{ "patternProperties", OBJ, sk_sc_pattern_props },
	{ "properties", OBJ, sk_sc_properties },
	{ "propertyNames", OBJ, sk_sc_property_names },
	{ "required", OBJ, sk_sc_required },
	{ "uniqueItems", ARR, sk_sc_unique },
};

static int
cmp_keyword(const void *key, const void *k)
{
	return strcmp(key, ((const struct keyword *)k)->name);
}

static bool
reference(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p)
{
	struct sk_sc_seen **bucket, *r;
	const char *ref;

	bucket = &c->seen[((uintptr_t)at.s >> 4) % SK_ARRAY_SIZE(c->seen)];
	for (r = *bucket; r != NULL && r->s != at.s; r = r->next)
		;
	if (r == NULL) {
		ref = sk_jget_str(at.s, "$ref");
		r = sk_arena_alloc(c->a, sizeof(*r));
		r->s = at.s;
		r->to = sk_sc_resolve(c, at.base, ref);
		r->next = *bucket;
		*bucket = r;
		if (r->to.s == NULL)
			sk_sc_fault(c, v, p, "$ref",
			    "the schema's reference '%.200s' leads nowhere",
			    ref);
	}
	return r->to.s != NULL && sk_sc_check(c, r->to, v, p);
}

static bool
apply(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p)
{
	const struct sk_jv *type;
	const struct keyword *k;
	bool ok = true;

	if (sk_jget_str(at.s, "$ref") != NULL)
		return reference(c, at, v, p);
	at.base = sk_sc_base(c, at.s, at.base);
	/* The wrong type says it all. */
	type = sk_jget(at.s, "type");
	if (type != NULL && !sk_sc_type(c, at, type, v, p))
		return false;
	for (size_t i = 0; i < at.s->n; i++) {
		k = bsearch(at.s->m[i].key, keywords, SK_ARRAY_SIZE(keywords),
		    sizeof(keywords[0]), cmp_keyword);
		if (k != NULL && (k->on & ON(v->type)) != 0 &&
		    !k->fn(c, at, at.s->m[i].v, v, p))
			ok = false;
		if (!ok && sk_sc_full(c))
			return false;
	}
	return ok;
}

bool
sk_sc_check(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p)
{
	struct sk_sc_active here = { c->active, at.s, v };
	bool ok;

	if (at.s->type == SK_J_TRUE)
		return true;
	if (at.s->type == SK_J_FALSE)
		return sk_sc_bad(c, v, p, "false", "nothing is allowed here");
	if (at.s->type != SK_J_OBJ)
		return sk_sc_fault(c, v, p, "$schema",
		    "the schema holds a %s where a schema should be",
		    sk_jtype_name(at.s->type));
	for (const struct sk_sc_active *x = c->active; x != NULL && x->v == v;
	     x = x->up)
		if (x->s == at.s)
			return sk_sc_fault(c, v, p, "$ref",
			    "the schema refers to itself without end");
	if (c->depth >= MAX_DEPTH || ++c->steps > c->max_steps)
		return sk_sc_fault(c, v, p, "$ref",
		    "the schema takes too many steps on this value");
	c->active = &here;
	c->depth++;
	ok = apply(c, at, v, p);
	c->depth--;
	c->active = here.up;
	return ok;
}

bool
sk_sc_try(struct sk_sc *c, struct sk_sc_at at, const struct sk_jv *v,
    const struct sk_sc_path *p, const char **first)
{
	struct sk_schema_msg msg = { 0 };
	struct sk_sc_sink sink = { &msg, 0, first != NULL }, *outer = c->sink;
	struct sk_buf b;
	bool ok;

	c->sink = &sink;
	ok = sk_sc_check(c, at, v, p);
	c->sink = outer;
	if (ok || first == NULL || sink.n == 0)
		return ok;
	sk_buf_init(&b, 4096);
	put_path(&b, p);
	/* Where it is, when it is not right here. */
	*first = strcmp(b.p, msg.pointer) == 0 ? msg.message
	                                       : sk_arena_printf(c->a, "%s: %s",
						     msg.pointer, msg.message);
	sk_buf_free(&b);
	return ok;
}

static uint64_t
count(const struct sk_jv *v)
{
	uint64_t n = 1;

	for (size_t i = 0; i < sk_jlen(v); i++)
		n += count(v->type == SK_J_ARR ? v->a[i] : v->m[i].v);
	return n;
}

bool
sk_schema_check(const struct sk_jv *schema, const struct sk_jv *v,
    struct sk_schema_out *out)
{
	static const struct sk_jv null = { .type = SK_J_NULL };
	struct sk_schema_out own;
	struct sk_sc_sink sink = { .max = MAX_MESSAGES };
	struct sk_sc c = { .root = schema, .sink = &sink };
	bool ok;

	if (out == NULL)
		out = &own;
	memset(out, 0, sizeof(*out));
	if (schema == NULL)
		return true;
	if (v == NULL)
		v = &null;
	c.a = &out->arena;
	c.max_steps = STEPS_BASE + STEPS_EACH * count(v);
	sink.v = sk_arena_alloc(c.a, MAX_MESSAGES * sizeof(*sink.v));
	sk_sc_ids(&c, schema, "");
	ok = sk_sc_check(&c, (struct sk_sc_at){ schema, "" }, v, NULL);
	for (size_t i = 0; i < c.npats; i++) {
		if (c.pats[i].re == NULL)
			sk_sc_fault(&c, v, NULL, "pattern",
			    "the schema's pattern '%.200s' cannot be used: %s",
			    c.pats[i].text, c.pats[i].why);
		sk_re_free(c.pats[i].re);
	}
	if (c.nfault > 0) {
		ok = false;
		if (sink.n == sink.max)
			sink.n--;
		sink.v[sink.n++] = c.fault;
	}
	free(c.pats);
	free(c.ids);
	out->v = sink.v;
	out->n = sink.n;
	if (out == &own)
		sk_schema_out_free(out);
	return ok;
}

void
sk_schema_out_free(struct sk_schema_out *out)
{
	sk_arena_free(&out->arena);
	memset(out, 0, sizeof(*out));
}
