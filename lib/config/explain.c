/* SPDX-License-Identifier: MIT */
/* What a key is: its schema, its default, its variable, who sets it. */
#include <string.h>

#include "config/internal.h"

/* ---- dotted keys ---- */

struct path {
	const char *names[8];
	size_t n;
	const struct sk_jv *schema; /* of the value */
	bool project; /* may a file that was found set it? */
};

/* How many bytes of s are the next name. Names of agents may hold dots, so in a
 * table of names the longest is meant that is there. */
static size_t
name_len(const char *s, const struct sk_jv *have, bool names)
{
	size_t best = strcspn(s, "."), n;

	for (size_t i = 0; names && i < sk_jlen(have); i++) {
		n = have->m[i].klen;
		if (n > best && strncmp(s, have->m[i].key, n) == 0 &&
		    (s[n] == '.' || s[n] == '\0'))
			best = n;
	}
	return best;
}

/* The next name at *s; NULL when there is none. */
static const char *
next_name(
    struct sk_config *c, const char **s, const struct sk_jv *have, bool names)
{
	const char *at = *s, *end;
	size_t n;

	if (*at == '"') {
		end = strchr(++at, '"');
		if (end == NULL || (end[1] != '.' && end[1] != '\0'))
			return NULL;
		n = (size_t)(end - at);
		end++;
	} else {
		n = name_len(at, have, names);
		end = at + n;
	}
	if (n == 0 || (*end == '.' && end[1] == '\0'))
		return NULL;
	*s = *end == '.' ? end + 1 : end;
	return sk_arena_strndup(&c->arena, at, n);
}

static int
unknown(struct sk_config *c, const char *key, const struct path *p,
    const struct sk_jv *s, const char *name, struct sk_err *err)
{
	const struct sk_jv *schema = c->origins->schema, *list;
	const char *near =
	    name != NULL ? sk_config_suggest(schema, s, name) : NULL;
	struct sk_buf b;

	(void)sk_fail(err, SK_USAGE, "unknown_key", "unknown key '%s'", key);
	sk_buf_init(&b, 280);
	for (size_t i = 0; i < p->n; i++)
		sk_config_key_add(&b, p->names[i]);
	list = sk_jget(sk_config_ref(schema, s), "properties");
	if (near != NULL) {
		sk_config_key_add(&b, near);
		(void)sk_hint(err, "did you mean '%s'?", b.p);
	} else if (sk_jlen(list) != 0) {
		if (b.len != 0)
			sk_buf_str(&b, " has ");
		else
			sk_buf_str(&b, "there is ");
		for (size_t i = 0; i < list->n; i++)
			sk_buf_printf(
			    &b, "%s%s", i != 0 ? ", " : "", list->m[i].key);
		(void)sk_hint(err, "%s", b.p);
	} else if (p->n != 0) {
		(void)sk_hint(err, "'%s' is a value, not a table", b.p);
	}
	sk_buf_free(&b);
	return SK_USAGE;
}

/* The names of a dotted key; SK_USAGE "unknown_key" when there can be no such
 * key. */
static int
split(struct sk_config *c, const char *key, struct path *p, struct sk_err *err)
{
	const struct sk_jv *s = sk_config_schema(c), *have = c->root, *t, *m,
			   *x;
	const char *whole = key;
	const char *name;

	memset(p, 0, sizeof(*p));
	do {
		t = sk_config_ref(c->origins->schema, s);
		name =
		    next_name(c, &key, have, sk_jget(t, "properties") == NULL);
		m = name != NULL && p->n < SK_ARRAY_SIZE(p->names)
		        ? sk_config_member(c->origins->schema, s, name)
		        : NULL;
		if (m == NULL)
			return unknown(c, whole, p, s, name, err);
		if ((x = sk_jget(m, "x-project")) != NULL)
			p->project = x->type == SK_J_TRUE;
		p->names[p->n++] = name;
		s = m;
		have = sk_jget(have, name);
	} while (*key != '\0');
	p->schema = s;
	return 0;
}

static const struct sk_jv *
at_path(const struct sk_jv *t, const struct path *p)
{
	for (size_t i = 0; t != NULL && i < p->n; i++)
		t = sk_jget(t, p->names[i]);
	return t;
}

/* ---- one key ---- */

/* A word beside a $ref wins over the same word behind it. */
static const struct sk_jv *
word(const struct sk_config *c, const struct sk_jv *s, const char *name)
{
	const struct sk_jv *v = sk_jget(s, name);

	if (v == NULL)
		v = sk_jget(sk_config_ref(c->origins->schema, s), name);
	return v;
}

static const char *
type_of(const struct sk_config *c, const struct sk_jv *s)
{
	static const char *const kinds[][2] = { { "duration", "duration" },
		{ "size", "size" }, { "quorum", "count or fraction" },
		{ "pointers", "list of JSON pointers" },
		{ "lineup", "list of agents" }, { "command", "list of words" },
		{ "path", "path" }, { "inside", "path" }, { "root", "path" },
		{ "identifier", "name" } };
	const char *kind = sk_jstr(word(c, s, "x-kind"));
	const struct sk_jv *t = word(c, s, "type");

	for (size_t i = 0; kind != NULL && i < SK_ARRAY_SIZE(kinds); i++)
		if (strcmp(kind, kinds[i][0]) == 0)
			return kinds[i][1];
	if (word(c, s, "enum") != NULL)
		return "one of several words";
	if (sk_streq(sk_jstr(t), "object"))
		return "table";
	if (sk_streq(sk_jstr(t), "array"))
		return "list of strings";
	return sk_jstr(t) != NULL ? sk_jstr(t) : "value";
}

static const char *
variable(struct sk_config *c, const struct path *p)
{
	struct sk_buf b;
	char *s;

	sk_buf_init(&b, 0);
	sk_buf_str(&b, "SPECKIT_");
	for (size_t i = 0; i < p->n; i++) {
		if (i != 0)
			sk_buf_str(&b, "__");
		/* Variables of an agent are spelt as they are. */
		if (i == 3 && strcmp(p->names[0], "agents") == 0)
			sk_buf_str(&b, p->names[i]);
		else
			sk_config_env_add(&b, p->names[i]);
	}
	s = sk_arena_strdup(&c->arena, b.p);
	sk_buf_free(&b);
	return s;
}

static void
bounds(struct sk_config *c, const struct path *p, struct sk_config_info *out)
{
	const struct sk_jv *s = p->schema, *items = word(c, s, "items");

	out->minimum = word(c, s, "minimum");
	out->maximum = word(c, s, "maximum");
	out->min_items = word(c, s, "minItems");
	out->max_items = word(c, s, "maxItems");
	out->words = word(c, s, "enum");
	if (out->words == NULL && items != NULL)
		out->words = word(c, items, "enum");
	out->examples = word(c, s, "examples");
	/* The bounds of a duration are of its form as a number only. */
	if (strcmp(out->type, "duration") == 0 ||
	    strcmp(out->type, "size") == 0)
		out->minimum = out->maximum = NULL;
}

int
sk_config_explain(struct sk_config *c, const char *key,
    struct sk_config_info *out, struct sk_err *err)
{
	struct path p;
	const struct sk_jv *t;
	struct sk_buf b;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = split(c, key, &p, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&b, 0);
	for (size_t i = 0; i < p.n; i++)
		sk_config_key_add(&b, p.names[i]);
	out->key = sk_arena_strdup(&c->arena, b.p);
	sk_buf_free(&b);
	out->type = type_of(c, p.schema);
	out->description = sk_jstr(word(c, p.schema, "description"));
	out->project = p.project;
	out->secret = sk_config_secret(out->key);
	out->dflt = at_path(c->origins->layers[0].root, &p);
	out->value = at_path(c->root, &p);
	t = sk_config_ref(c->origins->schema, p.schema);
	if (sk_config_type_has(c->origins->schema, t, "object")) {
		out->members = sk_jget(t, "properties");
		out->named = out->members == NULL;
	} else {
		out->env = variable(c, &p);
		if (out->value != NULL)
			out->origin = sk_config_origin_of(c, out->value);
	}
	bounds(c, &p, out);
	return 0;
}

void
sk_config_each_setting(
    struct sk_config *c, const char *key, sk_config_fn fn, void *arg)
{
	struct path p;
	struct sk_err err = { 0 };
	const struct sk_jv *v;

	if (split(c, key, &p, &err) != 0) {
		sk_err_clear(&err);
		return;
	}
	for (int i = 0; i < c->origins->n; i++) {
		v = at_path(c->origins->layers[i].root, &p);
		if (v != NULL)
			fn(arg, key, v, sk_config_layer_text(c, i, v));
	}
}

/* ---- schemas ---- */

/* Copy what a section refers to, and what that refers to. */
static void
definitions(struct sk_arena *a, const struct sk_jv *all, const struct sk_jv *s,
    struct sk_jv *into)
{
	const char *ref = sk_jget_str(s, "$ref"), *name;

	if (ref != NULL && sk_has_prefix(ref, "#/definitions/")) {
		name = ref + strlen("#/definitions/");
		if (sk_jget(into, name) == NULL) {
			sk_jset(a, into, name, sk_jget(all, name));
			definitions(a, all, sk_jget(all, name), into);
		}
	}
	for (size_t i = 0; s != NULL && i < sk_jlen(s); i++)
		definitions(
		    a, all, s->type == SK_J_OBJ ? s->m[i].v : s->a[i], into);
}

bool
sk_config_section_schema(const char *section, struct sk_buf *out)
{
	struct sk_config c = { 0 };
	struct sk_config_origin o = { 0 };
	const struct sk_jv *whole, *s;
	struct sk_jv *doc, *defs;
	char *id;

	c.origins = &o;
	whole = sk_config_schema(&c);
	s = sk_jget(sk_jget(whole, "properties"), section);
	if (s != NULL) {
		doc = sk_jnew(&c.arena, SK_J_OBJ);
		defs = sk_jnew(&c.arena, SK_J_OBJ);
		sk_jset(&c.arena, doc, "$schema", sk_jget(whole, "$schema"));
		id = sk_arena_printf(&c.arena, "sk.config-file.%s/1", section);
		sk_jset(&c.arena, doc, "$id", sk_jnew_cstr(&c.arena, id));
		id = sk_arena_printf(&c.arena,
		    "Section [%s] of the configuration of sk", section);
		sk_jset(&c.arena, doc, "title", sk_jnew_cstr(&c.arena, id));
		for (size_t i = 0; i < s->n; i++)
			sk_jset(&c.arena, doc, s->m[i].key, s->m[i].v);
		definitions(&c.arena, sk_jget(whole, "definitions"), s, defs);
		if (defs->n != 0)
			sk_jset(&c.arena, doc, "definitions", defs);
		sk_json_pretty(out, doc);
		sk_buf_ch(out, '\n');
	}
	sk_arena_free(&c.arena);
	return s != NULL;
}
