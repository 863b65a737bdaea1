/* SPDX-License-Identifier: MIT */
/*
 * One layer against the schema. JSON Schema says what types and bounds are;
 * the walk here says what it cannot: which key was meant, what a found project
 * file may not set, and whether a text is a duration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"
#include "config/kind.h"
#include "data/data.h"

#define FINDINGS_MAX 1000

/* ---- findings ---- */

static const char *
where_text(
    struct sk_config *c, const struct sk_layer *l, const struct sk_jv *at)
{
	if (l->file != NULL) {
		if (at == NULL || at->line == 0)
			return l->file[0] != '\0' ? l->file : "--config";
		return sk_arena_printf(
		    &c->arena, "%s:%u:%u", l->file, at->line, at->col);
	}
	if (at == NULL || at->line == 0 || at->line > l->names.n)
		return "configuration";
	return sk_arena_strdup(&c->arena, l->names.v[at->line - 1]);
}

void
sk_config_finding(struct sk_config *c, int layer, const struct sk_jv *at,
    const char *key, const char *code, const char *hint, const char *fmt, ...)
{
	struct sk_config_origin *o = c->origins;
	struct sk_finding *f;
	struct sk_buf b;
	va_list ap;

	if (o->n_findings >= FINDINGS_MAX)
		return; /* nobody reads on, and a file may hold a million */
	sk_buf_init(&b, 4096);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	o->findings = sk_reallocarray(
	    o->findings, o->n_findings + 1, sizeof(*o->findings));
	f = &o->findings[o->n_findings++];
	f->layer = layer;
	f->line = at != NULL ? at->line : 0;
	f->col = at != NULL ? at->col : 0;
	f->where = where_text(c, &o->layers[layer], at);
	f->key = sk_arena_strdup(&c->arena, key);
	f->code = code;
	f->message = sk_arena_strdup(&c->arena, b.p);
	f->hint = hint != NULL ? sk_arena_strdup(&c->arena, hint) : NULL;
	f->exit = SK_USAGE;
	sk_buf_free(&b);
}

/* A value that has a finding needs no second one from the schema. */
static bool
known_finding(const struct sk_config *c, size_t from, const char *key,
    const struct sk_jv *at)
{
	for (size_t i = from; i < c->origins->n_findings; i++) {
		const struct sk_finding *f = &c->origins->findings[i];

		if (f->line == at->line && f->col == at->col &&
		    strcmp(f->key, key) == 0)
			return true;
	}
	return false;
}

/* ---- the schema ---- */

struct sk_jv *
sk_config_schema(struct sk_config *c)
{
	const struct sk_data_file *f;
	struct sk_err e = { 0 };

	if (c->origins->schema != NULL)
		return c->origins->schema;
	f = sk_data_find("schemas/config-file.json");
	if (f == NULL || sk_json_parse(&c->arena, f->text, f->n, NULL,
			     &c->origins->schema, &e) != 0)
		sk_bug("schema of the configuration: %s", e.message);
	return c->origins->schema;
}

const struct sk_jv *
sk_config_ref(const struct sk_jv *schema, const struct sk_jv *s)
{
	const char *ref = sk_jget_str(s, "$ref");

	return ref != NULL && ref[0] == '#' ? sk_jptr(schema, ref + 1) : s;
}

/* A word beside a $ref wins over the same word behind it. */
static const struct sk_jv *
word(const struct sk_jv *schema, const struct sk_jv *s, const char *name)
{
	const struct sk_jv *v = sk_jget(s, name);

	return v != NULL ? v : sk_jget(sk_config_ref(schema, s), name);
}

bool
sk_config_type_has(
    const struct sk_jv *schema, const struct sk_jv *s, const char *type)
{
	const struct sk_jv *t = sk_jget(sk_config_ref(schema, s), "type");

	if (t == NULL)
		return strcmp(type, "string") == 0; /* an enum of words */
	if (t->type == SK_J_STR)
		return sk_streq(sk_jstr(t), type);
	for (size_t i = 0; i < sk_jlen(t); i++)
		if (sk_streq(sk_jstr(sk_jat(t, i)), type))
			return true;
	return false;
}

const struct sk_jv *
sk_config_member(
    const struct sk_jv *schema, const struct sk_jv *s, const char *key)
{
	const struct sk_jv *t = sk_config_ref(schema, s), *m;

	m = sk_jget(sk_jget(t, "properties"), key);
	if (m != NULL)
		return m;
	m = sk_jget(t, "additionalProperties");
	return m != NULL && m->type == SK_J_OBJ ? m : NULL;
}

const char *
sk_config_suggest(
    const struct sk_jv *schema, const struct sk_jv *s, const char *key)
{
	const struct sk_jv *p = sk_jget(sk_config_ref(schema, s), "properties");
	const char **names, *best;
	size_t n = sk_jlen(p);

	names = sk_calloc(n + 1, sizeof(*names));
	for (size_t i = 0; i < n; i++)
		names[i] = p->m[i].key;
	best = sk_closest(key, names);
	free(names);
	return best;
}

void
sk_config_key_add(struct sk_buf *b, const char *key)
{
	static const char bare[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789_-";

	if (b->len != 0)
		sk_buf_ch(b, '.');
	if (key[0] != '\0' && key[strspn(key, bare)] == '\0') {
		sk_buf_str(b, key);
		return;
	}
	sk_buf_ch(b, '"');
	for (; *key != '\0'; key++) {
		if (*key == '"' || *key == '\\')
			sk_buf_ch(b, '\\');
		sk_buf_ch(b, *key);
	}
	sk_buf_ch(b, '"');
}

/* ---- the walk ---- */

struct walk {
	struct sk_config *c;
	const struct sk_jv *schema;
	int layer;
	struct sk_buf key;
};

/* In a file that was merely found only what is marked may stand. */
static void
check_trust(struct walk *w, const struct sk_jv *v)
{
	const struct sk_layer *user = NULL;
	char hint[300];

	for (int i = 0; i < w->c->origins->n; i++)
		if (w->c->origins->layers[i].kind == SK_LAYER_USER)
			user = &w->c->origins->layers[i];
	if (user != NULL && user->file != NULL)
		(void)snprintf(hint, sizeof(hint),
		    "to allow it, name this file with --config or SK_CONFIG, "
		    "or move the key to %s",
		    user->file);
	else
		(void)snprintf(hint, sizeof(hint),
		    "to allow it, name this file with --config or SK_CONFIG");
	sk_config_finding(w->c, w->layer, v, w->key.p, "untrusted_key", hint,
	    "a project file that was merely found cannot set this");
}

/* Where the key of v stands: what is said of a key shows the key. */
static struct sk_jv
at_key(const struct sk_jv *v)
{
	struct sk_jv at = *v;

	if (v->key_col != 0)
		at.col = v->key_col;
	return at;
}

static void
unknown_key(struct walk *w, const struct sk_jv *v, const struct sk_jv *s,
    const char *key)
{
	const struct sk_jv *p =
	    sk_jget(sk_config_ref(w->schema, s), "properties");
	const char *near = sk_config_suggest(w->schema, s, key);
	struct sk_jv at = at_key(v);
	struct sk_buf b;

	sk_buf_init(&b, 300);
	if (near != NULL) {
		sk_buf_printf(&b, "did you mean '%s'?", near);
	} else {
		sk_buf_str(&b, "there is ");
		for (size_t i = 0; i < sk_jlen(p); i++)
			sk_buf_printf(
			    &b, "%s%s", i != 0 ? ", " : "", p->m[i].key);
	}
	sk_config_finding(
	    w->c, w->layer, &at, w->key.p, "unknown_key", b.p, "unknown key");
	sk_buf_free(&b);
}

static bool
variable_ok(const char *s)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz_0123456789";

	return s[0] != '\0' && strchr("0123456789", s[0]) == NULL &&
	       s[strspn(s, letters)] == '\0';
}

static void
check_name(
    struct walk *w, const struct sk_jv *v, const char *rule, const char *name)
{
	struct sk_jv at = at_key(v);

	if (sk_streq(rule, "identifier") && !sk_ident_ok(name))
		sk_config_finding(w->c, w->layer, &at, w->key.p, "bad_name",
		    NULL,
		    "expected a name of letters, digits, '.', '_' and "
		    "'-' (at most 64), found '%s'",
		    name);
	if (sk_streq(rule, "variable") && !variable_ok(name))
		sk_config_finding(w->c, w->layer, &at, w->key.p, "bad_name",
		    NULL, "expected the name of a variable, found '%s'", name);
}

/* A word that is not one of those allowed; the schema would say so, too, but
 * not which one was meant. */
static void
check_enum(struct walk *w, const struct sk_jv *v, const struct sk_jv *allowed)
{
	size_t n = sk_jlen(allowed), k = 0;
	const char **words, *near, *s = sk_jstr(v);
	char hint[120] = "";
	struct sk_buf b;

	if (n == 0 || s == NULL || v->toml_kind != SK_TOML_NONE)
		return;
	words = sk_calloc(n + 1, sizeof(*words));
	sk_buf_init(&b, 0);
	for (size_t i = 0; i < n; i++) {
		const char *one = sk_jstr(sk_jat(allowed, i));

		if (one == NULL)
			continue;
		if (strcmp(one, s) == 0)
			goto out;
		words[k++] = one;
		sk_buf_printf(&b, "%s'%s'",
		    i == 0       ? ""
		    : i + 1 == n ? " or "
				 : ", ",
		    one);
	}
	near = sk_closest(s, words);
	if (near != NULL)
		(void)snprintf(hint, sizeof(hint), "did you mean '%s'?", near);
	sk_config_finding(w->c, w->layer, v, w->key.p, "bad_value",
	    near != NULL ? hint : NULL, "expected %s, found string '%.60s'",
	    b.p, s);
out:
	sk_buf_free(&b);
	free(words);
}

/* A value as it stands: its words, and what its text must be besides. */
static void
check_value(struct walk *w, struct sk_jv *v, const struct sk_jv *s)
{
	const struct sk_jv *items = word(w->schema, s, "items");
	const struct sk_jv *kind = word(w->schema, s, "x-kind");
	const char *type = sk_jstr(word(w->schema, s, "type"));

	if (kind == NULL && v->type == SK_J_ARR && items != NULL)
		kind = word(w->schema, items, "x-kind");
	sk_config_kind(w->c, w->layer, w->key.p, v, sk_jstr(kind),
	    type != NULL ? type : "string");
	check_enum(w, v, word(w->schema, s, "enum"));
	for (size_t i = 0; v->type == SK_J_ARR && items != NULL && i < v->n;
	     i++)
		check_enum(w, v->a[i], word(w->schema, items, "enum"));
}

static void
walk(struct walk *w, struct sk_jv *v, const struct sk_jv *s, bool trusted)
{
	const struct sk_jv *x = word(w->schema, s, "x-project"), *m;
	const char *rule = sk_jstr(word(w->schema, s, "x-names"));
	size_t len = w->key.len;

	if (x != NULL)
		trusted = x->type == SK_J_TRUE;
	if (v->type != SK_J_OBJ ||
	    !sk_config_type_has(w->schema, s, "object")) {
		if (!trusted &&
		    sk_config_found(&w->c->origins->layers[w->layer]))
			check_trust(w, v);
		else
			check_value(w, v, s);
		return;
	}
	for (size_t i = 0; i < v->n; i++) {
		const char *key = v->m[i].key;

		sk_config_key_add(&w->key, key);
		m = sk_config_member(w->schema, s, key);
		if (m == NULL) {
			unknown_key(w, v->m[i].v, s, key);
		} else {
			check_name(w, v->m[i].v, rule, key);
			walk(w, v->m[i].v, m, trusted);
		}
		w->key.len = len;
		w->key.p[len] = '\0';
	}
}

/* "/agents/a~1b/env" → agents."a/b".env */
static void
pointer_key(struct sk_buf *b, const char *ptr)
{
	struct sk_buf part;

	sk_buf_init(&part, 0);
	while (*ptr == '/') {
		sk_buf_clear(&part);
		for (ptr++; *ptr != '\0' && *ptr != '/'; ptr++)
			if (ptr[0] == '~' && (ptr[1] == '0' || ptr[1] == '1'))
				sk_buf_ch(&part, *++ptr == '0' ? '~' : '/');
			else
				sk_buf_ch(&part, *ptr);
		sk_config_key_add(b, part.p);
	}
	sk_buf_free(&part);
}

static void
check_schema(struct sk_config *c, int layer, size_t before)
{
	struct sk_schema_out out = { 0 };
	struct sk_jv at = { 0 };
	struct sk_buf key;

	sk_buf_init(&key, 0);
	(void)sk_schema_check(
	    c->origins->schema, c->origins->layers[layer].root, &out);
	for (size_t i = 0; i < out.n; i++) {
		const struct sk_schema_msg *m = &out.v[i];

		if (strcmp(m->keyword, "additionalProperties") == 0)
			continue; /* the walk names the key that was meant */
		sk_buf_clear(&key);
		pointer_key(&key, m->pointer);
		at.line = m->line;
		at.col = m->col;
		if (!known_finding(c, before, key.p, &at))
			sk_config_finding(c, layer, &at, key.p, "bad_value",
			    NULL, "%s",
			    sk_config_secret(key.p) ? "not a valid value"
						    : m->message);
	}
	sk_schema_out_free(&out);
	sk_buf_free(&key);
}

void
sk_config_check(struct sk_config *c, int layer)
{
	struct walk w = { .c = c, .layer = layer };
	size_t before = c->origins->n_findings;

	w.schema = sk_config_schema(c);
	sk_buf_init(&w.key, 0);
	walk(&w, c->origins->layers[layer].root, w.schema, false);
	check_schema(c, layer, before);
	sk_buf_free(&w.key);
}
