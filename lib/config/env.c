/* SPDX-License-Identifier: MIT */
/*
 * SPECKIT_<SECTION>__<FIELD>: the environment as a layer. Names are the keys in
 * capitals, '.' and '-' as '_', two underscores between levels.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"

#define PREFIX "SPECKIT_"

/* ---- values ---- */

static struct sk_jv *
number(struct sk_config *c, const char *text, bool integer)
{
	struct sk_jv *v = NULL;
	int64_t i;

	if (sk_json_parse(&c->arena, text, strlen(text), NULL, &v, NULL) != 0 ||
	    v->type != SK_J_NUM || (integer && !sk_jint(v, &i)))
		return NULL;
	return v;
}

static struct sk_jv *
list(struct sk_config *c, const char *text, uint32_t line)
{
	struct sk_jv *arr = sk_jnew(&c->arena, SK_J_ARR), *v;
	struct sk_strv parts = { 0 };

	sk_strv_split(&parts, text, ',');
	for (size_t i = 0; i < parts.n; i++) {
		v = sk_jnew_cstr(&c->arena, parts.v[i]);
		v->line = line;
		sk_jpush(&c->arena, arr, v);
	}
	sk_strv_free(&parts);
	return arr;
}

/* text as a value of schema s; NULL and a finding when it is none. */
static struct sk_jv *
value_of(struct sk_config *c, int layer, uint32_t line, const char *key,
    const struct sk_jv *s, const char *text)
{
	const struct sk_jv *schema = c->origins->schema;
	const struct sk_jv at = { .line = line };
	const char *want = "a string";
	struct sk_jv *v = NULL;
	bool on;

	if (sk_config_type_has(schema, s, "array")) {
		v = list(c, text, line);
	} else if (sk_config_type_has(schema, s, "boolean")) {
		want = "true or false";
		if (text[0] != '\0' && sk_parse_bool(text, &on))
			v = sk_jnew_bool(&c->arena, on);
	} else {
		want = "a number";
		if (sk_config_type_has(schema, s, "number")) {
			v = number(c, text, false);
		} else if (sk_config_type_has(schema, s, "integer")) {
			want = "an integer";
			v = number(c, text, true);
		}
		if (v == NULL && sk_config_type_has(schema, s, "string"))
			v = sk_jnew_cstr(&c->arena, text);
	}
	if (v == NULL) {
		sk_config_finding(c, layer, &at, key, "bad_value", NULL,
		    "expected %s, found '%s'", want, text);
		return NULL;
	}
	v->line = line;
	v->col = 0;
	return v;
}

/* ---- names ---- */

static char
env_char(char ch)
{
	if (ch == '-' || ch == '.')
		return '_';
	return (char)toupper((unsigned char)ch);
}

/* Is key, written as part of a variable's name, the n bytes at seg? */
static bool
spelt(const char *key, const char *seg, size_t n)
{
	if (strlen(key) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (env_char(key[i]) != seg[i])
			return false;
	return true;
}

void
sk_config_env_add(struct sk_buf *b, const char *key)
{
	for (; *key != '\0'; key++)
		sk_buf_ch(b, env_char(*key));
}

static char *
lower(struct sk_config *c, const char *seg, size_t n)
{
	char *s = sk_arena_strndup(&c->arena, seg, n);

	for (size_t i = 0; i < n; i++)
		s[i] = (char)tolower((unsigned char)s[i]);
	return s;
}

/* A table's member for one part of a name; NULL when there is none. */
static const char *
member(struct sk_config *c, const struct sk_jv *s, const struct sk_jv *have,
    const char *seg, size_t n)
{
	const struct sk_jv *t = sk_config_ref(c->origins->schema, s);
	const struct sk_jv *p = sk_jget(t, "properties");
	char *name;

	for (size_t i = 0; i < sk_jlen(p); i++)
		if (spelt(p->m[i].key, seg, n))
			return p->m[i].key;
	if (n == 0 || sk_jget(t, "additionalProperties") == NULL ||
	    sk_jget(t, "additionalProperties")->type != SK_J_OBJ)
		return NULL;
	if (sk_streq(sk_jget_str(t, "x-case"), "keep"))
		return sk_arena_strndup(&c->arena, seg, n);
	/* A name that a file has is meant, whatever its letters. */
	for (size_t i = 0;
	     have != NULL && have->type == SK_J_OBJ && i < have->n; i++)
		if (spelt(have->m[i].key, seg, n))
			return have->m[i].key;
	name = lower(c, seg, n);
	for (size_t i = 0; i < n; i++)
		if (isupper((unsigned char)seg[i]) == 0 &&
		    isalpha((unsigned char)seg[i]) != 0)
			return NULL; /* lower case is not how these are spelt */
	return name;
}

/* ---- unknown ones ---- */

/* "SPECKIT_CONSENSUS_MIN_AGENTS": one underscore where two belong. */
static bool
one_underscore(struct sk_config *c, const char *rest, struct sk_buf *b)
{
	const struct sk_jv *p = sk_jget(c->origins->schema, "properties");
	size_t n;

	for (size_t i = 0; i < sk_jlen(p); i++) {
		n = strlen(p->m[i].key);
		if (strlen(rest) <= n + 1 || !spelt(p->m[i].key, rest, n) ||
		    rest[n] != '_' || rest[n + 1] == '_')
			continue;
		sk_buf_printf(b, PREFIX "%.*s__%s", (int)n, rest, rest + n + 1);
		return true;
	}
	return false;
}

static void
warn_unknown(struct sk_config *c, const char *var, size_t n,
    const struct sk_jv *s, const char *seg, size_t seg_n)
{
	const char *near = s != NULL ? sk_config_suggest(c->origins->schema, s,
					   lower(c, seg, seg_n))
	                             : NULL;
	const char *rest = seg + seg_n;
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	if (near != NULL) {
		sk_buf_add(&b, var, (size_t)(seg - var));
		sk_config_env_add(&b, near);
		sk_buf_add(&b, rest, (size_t)(var + n - rest));
	}
	if (near != NULL || one_underscore(c,
				sk_arena_strndup(&c->arena,
				    var + strlen(PREFIX), n - strlen(PREFIX)),
				&b))
		sk_warn("ignoring unknown environment variable '%.*s', did you "
			"mean '%s'?",
		    (int)n, var, b.p);
	else
		sk_warn("ignoring unknown environment variable '%.*s'", (int)n,
		    var);
	sk_buf_free(&b);
}

/* Names of the same prefix that are not the configuration's. */
static bool
reserved(const char *rest)
{
	return sk_has_prefix(rest, "MODEL_ID_") ||
	       sk_has_prefix(rest, "MODEL_RELEASE_") ||
	       sk_has_prefix(rest, "REASONING_MODE_");
}

/* ---- one variable ---- */

#define LEVELS 8

/* The keys that a variable's name spells; 0 and a warning when it spells none.
 * *sp becomes the schema of the value. */
static size_t
spell(struct sk_config *c, const char *var, size_t n, const char *keys[LEVELS],
    const struct sk_jv **sp)
{
	const struct sk_jv *schema = sk_config_schema(c);
	const struct sk_jv *s = schema, *have = c->root;
	const char *seg = var + strlen(PREFIX), *end = var + n, *cut;
	size_t nk = 0, seg_n;

	for (;; seg = cut + 2) {
		cut = memmem(seg, (size_t)(end - seg), "__", 2);
		/* Here every letter belongs to one name. */
		if (sk_streq(sk_jget_str(s, "x-case"), "keep"))
			cut = NULL;
		seg_n = (size_t)((cut != NULL ? cut : end) - seg);
		if (nk == LEVELS ||
		    (keys[nk] = member(c, s, have, seg, seg_n)) == NULL) {
			warn_unknown(c, var, n, s, seg, seg_n);
			return 0;
		}
		s = sk_config_ref(
		    schema, sk_config_member(schema, s, keys[nk]));
		have = sk_jget(have, keys[nk++]);
		if (cut == NULL)
			break;
	}
	if (sk_config_type_has(schema, s, "object")) {
		warn_unknown(c, var, n, NULL, end, 0);
		return 0;
	}
	*sp = s;
	return nk;
}

static void
take(struct sk_config *c, int layer, const char *var, const char *value)
{
	struct sk_layer *l = &c->origins->layers[layer];
	uint32_t line = (uint32_t)l->names.n;
	struct sk_jv *at = l->root, *v;
	const char *keys[LEVELS];
	const struct sk_jv *s = NULL;
	struct sk_buf dotted;
	size_t n;

	n = spell(c, var, strlen(var), keys, &s);
	if (n == 0)
		return;
	sk_buf_init(&dotted, 0);
	for (size_t i = 0; i < n; i++)
		sk_config_key_add(&dotted, keys[i]);
	v = value_of(c, layer, line, dotted.p, s, value);
	sk_buf_free(&dotted);
	for (size_t i = 0; v != NULL && i + 1 < n; i++) {
		struct sk_jv *in = sk_jget(at, keys[i]);

		if (in == NULL) {
			in = sk_jnew(&c->arena, SK_J_OBJ);
			in->line = line;
			sk_jset(&c->arena, at, keys[i], in);
		}
		at = in;
	}
	if (v != NULL)
		sk_jset(&c->arena, at, keys[n - 1], v);
}

void
sk_config_env(struct sk_config *c, int layer, char *const *env)
{
	struct sk_layer *l = &c->origins->layers[layer];
	const char *eq;
	char *name;

	for (; env != NULL && *env != NULL; env++) {
		if (strncmp(*env, PREFIX, strlen(PREFIX)) != 0)
			continue;
		eq = strchr(*env, '=');
		if (eq == NULL || reserved(*env + strlen(PREFIX)))
			continue;
		if (l->root == NULL)
			l->root = sk_jnew(&c->arena, SK_J_OBJ);
		name = sk_strndup(*env, (size_t)(eq - *env));
		sk_strv_add(&l->names, name);
		take(c, layer, name, eq + 1);
		free(name);
	}
}
