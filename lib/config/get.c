/* SPDX-License-Identifier: MIT */
/* Looking values up, and setting one on top of all layers. */
#include <string.h>

#include "config/internal.h"

/* ---- dotted keys ---- */

/*
 * The member of t that *key starts with; steps over it and its dot. Names may
 * hold dots themselves, so the longest that fits is meant; "a.b" in quotes is
 * one name in any case.
 */
static struct sk_jv *
step(const struct sk_jv *t, const char **key)
{
	const struct sk_jm *best = NULL;
	const char *s = *key, *end = s;
	size_t n;

	if (t == NULL || t->type != SK_J_OBJ)
		return NULL;
	if (*s == '"') {
		end = strchr(++s, '"');
		if (end == NULL || (end[1] != '.' && end[1] != '\0'))
			return NULL;
		n = (size_t)(end - s);
		*key = end[1] == '.' ? end + 2 : end + 1;
		return sk_jgetn(t, s, n);
	}
	for (size_t i = 0; i < t->n; i++) {
		n = t->m[i].klen;
		if (strncmp(s, t->m[i].key, n) == 0 &&
		    (s[n] == '.' || s[n] == '\0') &&
		    (best == NULL || n > best->klen))
			best = &t->m[i];
	}
	if (best == NULL)
		return NULL;
	end = s + best->klen;
	*key = *end == '.' ? end + 1 : end;
	return best->v;
}

struct sk_jv *
sk_config_get(const struct sk_config *c, const char *key)
{
	struct sk_jv *v = c->root;

	/* (A key that ends in a dot names nothing.) */
	if (key[0] == '\0' || key[strlen(key) - 1] == '.')
		return NULL;
	while (v != NULL && *key != '\0')
		v = step(v, &key);
	return v;
}

struct sk_jv *
sk_config_agent(const struct sk_config *c, const char *name)
{
	return sk_jget(sk_jget(c->root, "agents"), name);
}

const char *
sk_config_str(const struct sk_config *c, const char *key, const char *dflt)
{
	const struct sk_jv *v = sk_config_get(c, key);

	if (v == NULL || (v->type != SK_J_STR && v->type != SK_J_NUM))
		return dflt;
	return v->s;
}

int64_t
sk_config_int(const struct sk_config *c, const char *key, int64_t dflt)
{
	int64_t i;

	return sk_jint(sk_config_get(c, key), &i) ? i : dflt;
}

bool
sk_config_bool(const struct sk_config *c, const char *key, bool dflt)
{
	const struct sk_jv *v = sk_config_get(c, key);

	if (v == NULL || (v->type != SK_J_TRUE && v->type != SK_J_FALSE))
		return dflt;
	return v->type == SK_J_TRUE;
}

int64_t
sk_config_duration(const struct sk_config *c, const char *key, int64_t dflt_ms)
{
	const char *s = sk_config_str(c, key, NULL);
	int64_t ms;

	/* A number is seconds, and so is a bare number in a string. */
	return s != NULL && sk_parse_duration(s, &ms) ? ms : dflt_ms;
}

bool
sk_config_secret(const char *key)
{
	static const char *const words[] = { "token", "secret", "password",
		"passwd", "api_key", "apikey", "api-key", "credential" };
	const char *last = strrchr(key, '.');

	/* Whatever an agent finds in its environment may be a key to somewhere.
	 */
	if (sk_has_prefix(key, "agents.") &&
	    (strstr(key + 7, ".env.") != NULL ||
		strstr(key + 7, ".headers.") != NULL ||
		sk_has_suffix(key, ".key")))
		return true;
	last = last != NULL ? last + 1 : key;
	if (strcmp(last, "max_tokens") == 0)
		return false;
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strcasestr(last, words[i]) != NULL)
			return true;
	return false;
}

/* "http://user:password@host/" without what stands before the host. */
static const struct sk_jv *
masked_text(struct sk_arena *a, const struct sk_jv *v)
{
	const char *host = memmem(v->s, v->n, "://", 3), *end = v->s + v->n;
	const char *at = NULL;
	char *s;

	if (host == NULL)
		return v;
	host += 3;
	for (const char *p = host; p < end && strchr("/?#", *p) == NULL; p++)
		if (*p == '@')
			at = p;
	if (at == NULL)
		return v;
	s = sk_arena_printf(a, "%.*s" SK_CONFIG_MASK "%.*s", (int)(host - v->s),
	    v->s, (int)(end - at), at);
	return sk_jnew_cstr(a, s);
}

const struct sk_jv *
sk_config_masked(struct sk_arena *a, const char *key, const struct sk_jv *v)
{
	struct sk_jv *out;
	struct sk_buf b;
	size_t len;

	if (v == NULL)
		return NULL;
	if (sk_config_secret(key))
		return sk_jnew_cstr(a, SK_CONFIG_MASK);
	if (v->type == SK_J_STR)
		return masked_text(a, v);
	if (v->type == SK_J_ARR) {
		out = sk_jnew(a, SK_J_ARR);
		for (size_t i = 0; i < v->n; i++)
			sk_jpush(a, out,
			    sk_jcopy(a, sk_config_masked(a, key, v->a[i])));
		return out;
	}
	if (v->type != SK_J_OBJ)
		return v;
	out = sk_jnew(a, SK_J_OBJ);
	sk_buf_init(&b, 0);
	sk_buf_str(&b, key);
	len = b.len;
	for (size_t i = 0; i < v->n; i++) {
		const struct sk_jm *m = &v->m[i];

		sk_config_key_add(&b, m->key);
		sk_jadd(a, out, m->key, m->klen,
		    sk_jcopy(a, sk_config_masked(a, b.p, m->v)));
		b.len = len;
		b.p[len] = '\0';
	}
	sk_buf_free(&b);
	return out;
}

/* ---- one value on top ---- */

/* TOML text, unless only a string fits or it is no TOML. */
static struct sk_jv *
option_value(
    struct sk_config *c, const struct sk_jv *s, const char *text, uint32_t line)
{
	char *doc = sk_arena_printf(&c->arena, "v = %s", text);
	struct sk_jv *root = NULL, *v = NULL;

	if (sk_toml_parse(&c->arena, doc, strlen(doc), "option", &root, NULL) ==
		0 &&
	    root->n == 1)
		v = sk_jget(root, "v");
	if (v == NULL || (v->type != SK_J_STR && v->type != SK_J_ARR &&
			     v->type != SK_J_OBJ &&
			     !sk_config_type_has(c->origins->schema, s,
				 v->type == SK_J_NUM ? "number" : "boolean") &&
			     !sk_config_type_has(c->origins->schema, s,
				 v->type == SK_J_NUM ? "integer" : "boolean")))
		v = sk_jnew_cstr(&c->arena, text);
	v->line = line;
	v->col = 0;
	return v;
}

/* The next name of a dotted key, quotes taken off; NULL when there is none. */
static char *
next_name(struct sk_config *c, const char **key)
{
	const char *s = *key, *end;

	if (*s == '"') {
		end = strchr(++s, '"');
		if (end == NULL || (end[1] != '.' && end[1] != '\0'))
			return NULL;
		*key = end + 1;
	} else {
		end = s + strcspn(s, ".");
		*key = end;
	}
	if (**key == '.')
		(*key)++;
	return end == s ? NULL
	                : sk_arena_strndup(&c->arena, s, (size_t)(end - s));
}

static int
option_layer(struct sk_config *c)
{
	struct sk_config_origin *o = c->origins;

	if (o->n == 0 || o->layers[o->n - 1].kind != SK_LAYER_OPTION)
		o->layers[o->n++].kind = SK_LAYER_OPTION;
	return o->n - 1;
}

int
sk_config_set(struct sk_config *c, const char *key, const char *value,
    const char *origin, struct sk_err *err)
{
	const struct sk_jv *s = sk_config_schema(c);
	const char *rest = key;
	int layer = option_layer(c), rc;
	struct sk_layer *l = &c->origins->layers[layer];
	struct sk_jv *at, *in, *before = l->root;
	uint32_t line;
	char *name;

	sk_strv_add(&l->names, origin);
	line = (uint32_t)l->names.n;
	at = l->root = sk_jnew(&c->arena, SK_J_OBJ);
	while ((name = next_name(c, &rest)) != NULL) {
		/* An unknown key has no schema; the check will say so. */
		s = sk_config_member(c->origins->schema, s, name);
		if (*rest == '\0')
			break;
		in = sk_jnew(&c->arena, SK_J_OBJ);
		in->line = line;
		sk_jset(&c->arena, at, name, in);
		at = in;
	}
	if (name == NULL) {
		l->root = before;
		return sk_fail(err, SK_USAGE, "bad_key",
		    "'%s' is not a key of the configuration", key);
	}
	sk_jset(&c->arena, at, name, option_value(c, s, value, line));
	sk_config_check(c, layer);
	if (c->origins->n_findings == 0) {
		sk_config_merge(c, layer);
		sk_models_free(c->origins->models);
		c->origins->models = NULL;
		sk_config_cross(c);
	}
	rc = sk_config_verdict(c, err);
	c->origins->n_findings = 0;
	in = l->root;
	l->root = before != NULL ? before : sk_jnew(&c->arena, SK_J_OBJ);
	if (rc != 0) {
		sk_config_remerge(c);
		return rc;
	}
	sk_config_merge_into(c, l->root, in, layer);
	sk_strv_add(&c->origins->set, key);
	sk_strv_add(&c->origins->set, value);
	sk_strv_add(&c->origins->set, origin);
	return rc;
}
