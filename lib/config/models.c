/* SPDX-License-Identifier: MIT */
/*
 * The model registry: what lib/data/models.toml knows, and what [models.NAME]
 * of the configuration adds to it or changes of it. Read when it is first asked
 * for, because most programs never ask.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "config/internal.h"
#include "data/data.h"

struct sk_models {
	struct sk_arena arena;
	struct sk_model *v;
	size_t n;
};

#define NAMES_MAX 440 /* bytes of a message that lists names */

static const struct sk_model nothing = {
	.price = { -1, -1, -1, -1 },
	.longer = { -1, -1, -1, -1 },
};

/* ---- reading ---- */

static void
take_int(const struct sk_jv *t, const char *key, int64_t *out)
{
	(void)sk_jget_int(t, key, out);
}

static void
take_text(const struct sk_jv *t, const char *key, const char **out)
{
	const char *s = sk_jget_str(t, key);

	if (s != NULL)
		*out = s;
}

static void
take_price(const struct sk_jv *t, struct sk_model_price *p)
{
	take_int(t, "input", &p->input);
	take_int(t, "cached_input", &p->cached_input);
	take_int(t, "cache_write", &p->cache_write);
	take_int(t, "output", &p->output);
}

/* What both kinds of table have. */
static void
take_common(const struct sk_jv *t, struct sk_model *m)
{
	take_text(t, "provider", &m->provider);
	take_text(t, "model", &m->model);
	take_text(t, "tier", &m->tier);
	take_text(t, "endpoint", &m->endpoint);
	take_int(t, "context_window", &m->context_window);
	if (sk_jget(t, "aliases") != NULL)
		m->aliases = sk_jget(t, "aliases");
}

/* "0.25" US dollars → 250000; -1 when the text is no such amount. */
static int64_t
micro_usd(const char *s)
{
	int64_t v = 0;
	int after = -1;

	for (; *s != '\0'; s++) {
		if (*s == '.' && after < 0) {
			after = 0;
			continue;
		}
		if (isdigit((unsigned char)*s) == 0 || v > INT64_MAX / 100)
			return -1;
		if (after >= 6)
			continue; /* less than a micro dollar */
		v = 10 * v + (*s - '0');
		after += after >= 0;
	}
	for (after = after < 0 ? 0 : after; after < 6; after++) {
		if (v > INT64_MAX / 100)
			return -1;
		v *= 10;
	}
	return v;
}

static void
take_cost(const struct sk_jv *t, const char *key, int64_t *out)
{
	const struct sk_jv *v = sk_jget(t, key);
	double usd;
	struct sk_buf b;

	if (v == NULL || v->type != SK_J_NUM)
		return;
	sk_buf_init(&b, 0);
	sk_num_canon(&b, v->s, v->n);
	*out = micro_usd(b.p);
	usd = sk_jdouble(v, -1);
	if (*out < 0 && usd >= 0 && usd < 1e9) /* it has an exponent */
		*out = (int64_t)(usd * 1e6 + 0.5);
	sk_buf_free(&b);
}

/* ---- names ---- */

/* Vendors and programs write one name in several ways: "claude-sonnet-4.5",
 * "anthropic/claude-sonnet-4-5", "claude-sonnet-4-5-20250929[1m]". */
static void
fold(struct sk_buf *b, const char *name)
{
	const char *slash = strrchr(name, '/');
	char ch;

	for (name = slash != NULL ? slash + 1 : name; *name != '\0'; name++) {
		ch = (char)tolower((unsigned char)*name);
		if (ch == '[')
			break;
		sk_buf_ch(b, ch == '.' || ch == '_' || ch == ' ' || ch == '@'
				 ? '-'
				 : ch);
	}
}

static bool
all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (isdigit((unsigned char)s[i]) == 0)
			return false;
	return true;
}

/* Without "-20250929", "-2025-09-29", "-latest", "-preview" at its end. */
static bool
cut_version(struct sk_buf *b)
{
	static const char *const words[] = { "-latest", "-preview" };
	size_t n = b->len, cut = 0;
	const char *p = b->p;

	if (n > 9 && p[n - 9] == '-' && all_digits(p + n - 8, 8))
		cut = 9;
	else if (n > 11 && p[n - 11] == '-' && all_digits(p + n - 10, 4) &&
		 p[n - 6] == '-' && all_digits(p + n - 5, 2) &&
		 p[n - 3] == '-' && all_digits(p + n - 2, 2))
		cut = 11;
	for (size_t i = 0; cut == 0 && i < SK_ARRAY_SIZE(words); i++)
		if (sk_has_suffix(p, words[i]))
			cut = strlen(words[i]);
	b->len -= cut;
	b->p[b->len] = '\0';
	return cut != 0;
}

static bool
folded_eq(const char *known, const char *folded)
{
	struct sk_buf b;
	bool same;

	sk_buf_init(&b, 0);
	fold(&b, known);
	same = strcmp(b.p, folded) == 0;
	sk_buf_free(&b);
	return same;
}

/* By its canonical name, then as the provider calls it, then by an alias: a
 * model of the user's that is named like an alias of ours is the user's. */
static const struct sk_model *
look(const struct sk_models *r, const char *name,
    bool (*same)(const char *known, const char *name))
{
	const char *alias;

	for (size_t i = 0; i < r->n; i++)
		if (same(r->v[i].name, name))
			return &r->v[i];
	for (size_t i = 0; i < r->n; i++)
		if (same(r->v[i].model, name))
			return &r->v[i];
	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < sk_jlen(r->v[i].aliases); k++) {
			alias = sk_jstr(sk_jat(r->v[i].aliases, k));
			if (alias != NULL && same(alias, name))
				return &r->v[i];
		}
	return NULL;
}

static bool
exact(const char *known, const char *name)
{
	return strcmp(known, name) == 0;
}

static const struct sk_model *
find(const struct sk_models *r, const char *name)
{
	const struct sk_model *m = look(r, name, exact);
	struct sk_buf b;

	if (m != NULL)
		return m;
	sk_buf_init(&b, 4096);
	fold(&b, name);
	if (b.len != 0)
		m = look(r, b.p, folded_eq);
	while (m == NULL && cut_version(&b) && b.len != 0)
		m = look(r, b.p, folded_eq);
	sk_buf_free(&b);
	return m;
}

/* ---- the registry ---- */

static void
read_built_in(struct sk_models *r)
{
	const struct sk_data_file *f = sk_data_find("models.toml");
	struct sk_jv *root = NULL;
	struct sk_err e = { 0 };

	if (f == NULL ||
	    sk_toml_parse(&r->arena, f->text, f->n, f->name, &root, &e) != 0)
		sk_bug("built-in models: %s", e.message);
	r->v = sk_calloc(root->n + 1, sizeof(*r->v));
	for (size_t i = 0; i < root->n; i++) {
		struct sk_model *m = &r->v[r->n++];
		const struct sk_jv *t = root->m[i].v;

		*m = nothing;
		m->name = m->model = root->m[i].key;
		m->origin = "default";
		take_common(t, m);
		take_price(sk_jget(t, "price"), &m->price);
		take_price(sk_jget(t, "long"), &m->longer);
		take_int(sk_jget(t, "long"), "over", &m->long_over);
		take_text(t, "date", &m->date);
		take_text(t, "source", &m->source);
	}
}

/* Prices of the user's own have no long form, no date and no source. */
static void
take_costs(const struct sk_jv *t, struct sk_model *m)
{
	const struct sk_model_price before = m->price;

	take_cost(t, "cost_per_input_million", &m->price.input);
	take_cost(t, "cost_per_cached_input_million", &m->price.cached_input);
	take_cost(t, "cost_per_cache_write_million", &m->price.cache_write);
	take_cost(t, "cost_per_output_million", &m->price.output);
	if (memcmp(&before, &m->price, sizeof(before)) == 0)
		return;
	m->longer = nothing.longer;
	m->long_over = 0;
	m->date = m->source = NULL;
}

static void
add_own(struct sk_models *r, const struct sk_config *c, const char *name,
    const struct sk_jv *t)
{
	const char *model = sk_jget_str(t, "model");
	const struct sk_model *base = NULL;
	struct sk_model m = nothing;
	size_t at = r->n;
	struct sk_buf key;

	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->v[i].name, name) == 0)
			at = i;
	/* What is known of the model that it names, or of the name itself. */
	if (model != NULL)
		base = find(r, model);
	else
		base = find(r, name);
	if (base != NULL)
		m = *base;
	m.name = name;
	if (m.model == NULL)
		m.model = name;
	if (base != NULL && at == r->n)
		m.aliases = NULL; /* they stay the other's */
	take_common(t, &m);
	take_costs(t, &m);
	sk_buf_init(&key, 0);
	sk_config_key_add(&key, "models");
	sk_config_key_add(&key, name);
	m.origin = sk_config_origin(c, key.p);
	sk_buf_free(&key);
	if (at == r->n) {
		r->v = sk_reallocarray(r->v, r->n + 1, sizeof(*r->v));
		r->n++;
	}
	r->v[at] = m;
}

static int
by_name(const void *a, const void *b)
{
	const struct sk_model *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static const struct sk_models *
registry(const struct sk_config *c)
{
	const struct sk_jv *own = sk_jget(c->root, "models");
	struct sk_models *r = c->origins->models;

	if (r != NULL)
		return r;
	r = c->origins->models = sk_calloc(1, sizeof(*r));
	read_built_in(r);
	for (size_t i = 0; own != NULL && i < sk_jlen(own); i++)
		add_own(r, c, own->m[i].key, own->m[i].v);
	qsort(r->v, r->n, sizeof(*r->v), by_name);
	return r;
}

void
sk_models_free(struct sk_models *r)
{
	if (r == NULL)
		return;
	sk_arena_free(&r->arena);
	free(r->v);
	free(r);
}

/* ---- asking ---- */

bool
sk_model_find(const struct sk_config *c, const char *name, struct sk_model *out)
{
	const struct sk_model *m =
	    name != NULL ? find(registry(c), name) : NULL;

	*out = m != NULL ? *m : nothing;
	return m != NULL;
}

void
sk_model_each(const struct sk_config *c, sk_model_fn fn, void *arg)
{
	const struct sk_models *r = registry(c);

	for (size_t i = 0; i < r->n; i++)
		fn(arg, &r->v[i]);
}

int
sk_model_unknown(
    const struct sk_config *c, const char *name, struct sk_err *err)
{
	const struct sk_models *r = registry(c);
	const char **names, *near;
	size_t n = 0, k = 0, left = 0;
	struct sk_buf b, all;
	struct sk_jw w;

	for (size_t i = 0; i < r->n; i++)
		n += 1 + sk_jlen(r->v[i].aliases);
	names = sk_calloc(n + 1, sizeof(*names));
	sk_buf_init(&b, 0);
	sk_buf_init(&all, 0);
	sk_jw_init(&w, &all);
	sk_jw_obj(&w);
	sk_jw_karr(&w, "available");
	for (size_t i = 0; i < r->n; i++) {
		/* (A message has an end; the details have not.) */
		if (b.len + strlen(r->v[i].name) < NAMES_MAX)
			sk_buf_printf(
			    &b, "%s%s", i != 0 ? ", " : "", r->v[i].name);
		else
			left++;
		sk_jw_str(&w, r->v[i].name);
		names[k++] = r->v[i].name;
		for (size_t j = 0; j < sk_jlen(r->v[i].aliases); j++)
			names[k++] = sk_jstr(sk_jat(r->v[i].aliases, j));
	}
	sk_jw_end(&w);
	sk_jw_end(&w);
	if (left != 0)
		sk_buf_printf(&b, " and %zu more", left);
	near = sk_closest(name, names);
	(void)sk_fail(err, SK_USAGE, "unknown_model",
	    "unknown model '%.64s'; available: %s", name, b.p);
	err->details = sk_buf_detach(&all);
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	else
		(void)sk_hint(err, "'sk-config models' shows them");
	free(names);
	sk_buf_free(&b);
	return SK_USAGE;
}
