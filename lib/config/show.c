/* SPDX-License-Identifier: MIT */
/* What sk-config prints of a key, and of the models. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "config/internal.h"

/* ---- explain ---- */

void
sk_config_put_value(struct sk_buf *b, const struct sk_jv *v)
{
	if (v->type == SK_J_STR)
		sk_buf_add(b, v->s, v->n);
	else
		sk_json_write(b, v);
}

struct explaining {
	struct sk_arena *a;
	struct sk_jw *w;
	struct sk_table *t;
	size_t n;
};

static void
explain_setting(
    void *arg, const char *key, const struct sk_jv *v, const char *origin)
{
	struct explaining *e = arg;
	struct sk_buf b;

	v = sk_config_masked(e->a, key, v);
	if (e->w != NULL) {
		sk_jw_obj(e->w);
		sk_jw_kstr(e->w, "origin", origin);
		sk_jw_kvalue(e->w, "value", v);
		sk_jw_end(e->w);
		return;
	}
	sk_buf_init(&b, 0);
	sk_config_put_value(&b, v);
	sk_table_cell(e->t, e->n++ == 0 ? "said by" : "then by");
	sk_table_cellf(e->t, "%s: %s", origin, b.p);
	sk_buf_free(&b);
}

static void
explain_json(struct sk_config *conf, const struct sk_config_info *i)
{
	struct explaining e = { .a = &conf->arena };
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.config-explain/1");
	sk_jw_kstr(&w, "key", i->key);
	sk_jw_kstr(&w, "type", i->type);
	sk_jw_kstr(&w, "description", i->description);
	sk_jw_kvalue(&w, "default", i->dflt);
	sk_jw_kvalue(&w, "minimum", i->minimum);
	sk_jw_kvalue(&w, "maximum", i->maximum);
	sk_jw_kvalue(&w, "min_items", i->min_items);
	sk_jw_kvalue(&w, "max_items", i->max_items);
	sk_jw_kvalue(&w, "allowed", i->words);
	sk_jw_kvalue(&w, "examples", i->examples);
	sk_jw_kstr(&w, "environment", i->env);
	sk_jw_kbool(&w, "project_may_set", i->project);
	sk_jw_karr(&w, "keys");
	for (size_t k = 0; k < sk_jlen(i->members); k++)
		sk_jw_str(&w, i->members->m[k].key);
	sk_jw_end(&w);
	sk_jw_kvalue(&w, "value", sk_config_masked(e.a, i->key, i->value));
	sk_jw_kstr(&w, "origin", i->origin);
	sk_jw_karr(&w, "settings");
	e.w = &w;
	if (i->env != NULL)
		sk_config_each_setting(conf, i->key, explain_setting, &e);
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static void
row(struct sk_table *t, const char *what, const struct sk_jv *v)
{
	struct sk_buf b;

	if (v == NULL)
		return;
	sk_buf_init(&b, 0);
	sk_config_put_value(&b, v);
	sk_table_cell(t, what);
	sk_table_cell(t, b.p);
	sk_buf_free(&b);
}

static void
explain_text(struct sk_config *conf, const struct sk_config_info *i)
{
	struct explaining e = { .a = &conf->arena };
	struct sk_table t;
	struct sk_buf b;

	sk_outf("%s\n", i->key);
	if (i->description != NULL)
		sk_outf("%s\n", i->description);
	sk_table_init(&t, 2, 0);
	sk_table_cell(&t, "type");
	sk_table_cell(&t, i->type);
	row(&t, "default", i->dflt);
	row(&t, "at least", i->minimum);
	row(&t, "at most", i->maximum);
	row(&t, "fewest items", i->min_items);
	row(&t, "most items", i->max_items);
	row(&t, "allowed", i->words);
	row(&t, "examples", i->examples);
	if (i->env != NULL) {
		sk_table_cell(&t, "environment");
		sk_table_cell(&t, i->env);
	}
	sk_buf_init(&b, 0);
	for (size_t k = 0; k < sk_jlen(i->members); k++)
		sk_buf_printf(
		    &b, "%s%s", k != 0 ? ", " : "", i->members->m[k].key);
	if (b.len != 0) {
		sk_table_cell(&t, "keys");
		sk_table_cell(&t, b.p);
	} else if (i->env != NULL) {
		sk_table_cell(&t, "a project's file");
		sk_table_cell(&t, i->project ? "may set it" : "may not set it");
	}
	sk_buf_clear(&b);
	if (i->value != NULL && i->env != NULL) {
		sk_config_put_value(
		    &b, sk_config_masked(e.a, i->key, i->value));
		sk_table_cell(&t, "value");
		sk_table_cell(&t, b.p);
		e.t = &t;
		sk_config_each_setting(conf, i->key, explain_setting, &e);
	} else if (i->env != NULL) {
		sk_table_cell(&t, "value");
		sk_table_cell(&t, "not set");
	}
	sk_table_print(&t);
	sk_buf_free(&b);
}

int
sk_config_show_key(
    struct sk_config *conf, const char *key, bool json, struct sk_err *err)
{
	struct sk_config_info info;
	int rc = sk_config_explain(conf, key, &info, err);

	if (rc == 0 && json)
		explain_json(conf, &info);
	else if (rc == 0)
		explain_text(conf, &info);
	return rc;
}

/* ---- models ---- */

static void
price_json(struct sk_jw *w, const char *key, int64_t micro)
{
	char name[40], text[SK_USD_LEN];

	(void)snprintf(name, sizeof(name), "%s_micro_usd", key);
	sk_jw_kcount(w, name, micro);
	(void)snprintf(name, sizeof(name), "%s_usd", key);
	sk_usd_least(micro, 2, text);
	sk_jw_kstr(w, name, micro < 0 ? NULL : text);
}

static void
prices_json(struct sk_jw *w, const struct sk_model_price *p, int64_t over)
{
	sk_jw_obj(w);
	if (over != 0)
		sk_jw_kint(w, "over", over);
	price_json(w, "input", p->input);
	price_json(w, "cached_input", p->cached_input);
	price_json(w, "cache_write", p->cache_write);
	price_json(w, "output", p->output);
	sk_jw_end(w);
}

static void
model_json(void *arg, const struct sk_model *m)
{
	struct sk_jw *w = arg;

	sk_jw_obj(w);
	sk_jw_kstr(w, "name", m->name);
	sk_jw_kstr(w, "provider", m->provider);
	sk_jw_kstr(w, "model", m->model);
	sk_jw_kstr(w, "tier", m->tier);
	sk_jw_kstr(w, "endpoint", m->endpoint);
	sk_jw_kpos(w, "context_window", m->context_window);
	sk_jw_key(w, "price");
	prices_json(w, &m->price, 0);
	sk_jw_key(w, "long_price");
	if (m->long_over != 0)
		prices_json(w, &m->longer, m->long_over);
	else
		sk_jw_null(w);
	sk_jw_kstr(w, "date", m->date);
	sk_jw_kstr(w, "source", m->source);
	sk_jw_karr(w, "aliases");
	for (size_t i = 0; i < sk_jlen(m->aliases); i++)
		sk_jw_str(w, sk_jstr(sk_jat(m->aliases, i)));
	sk_jw_end(w);
	sk_jw_kstr(w, "origin", m->origin);
	sk_jw_end(w);
}

static void
cell_usd(struct sk_table *t, int64_t micro)
{
	char text[SK_USD_LEN];

	sk_usd_least(micro, 2, text);
	sk_table_cell(t, micro < 0 ? "-" : text);
}

static void
model_row(void *arg, const struct sk_model *m)
{
	struct sk_table *t = arg;
	struct sk_buf b;

	sk_table_cell(t, m->name);
	sk_table_cell(t, m->provider != NULL ? m->provider : "-");
	sk_table_cell(t, m->tier != NULL ? m->tier : "-");
	if (m->context_window > 0)
		sk_table_cellf(t, "%lld", (long long)m->context_window);
	else
		sk_table_cell(t, "-");
	cell_usd(t, m->price.input);
	cell_usd(t, m->price.cached_input);
	cell_usd(t, m->price.output);
	sk_table_cell(t, m->date != NULL ? m->date : "-");
	sk_buf_init(&b, 0);
	for (size_t i = 0; i < sk_jlen(m->aliases); i++)
		sk_buf_printf(&b, "%s%s", i != 0 ? ", " : "",
		    sk_jstr(sk_jat(m->aliases, i)));
	sk_table_cell(t, b.p);
	sk_buf_free(&b);
}

static void
models_text(const struct sk_config *conf, const struct sk_model *one)
{
	static const char *const heads[] = { "MODEL", "PROVIDER", "TIER",
		"CONTEXT", "INPUT", "CACHED", "OUTPUT", "PRICES OF",
		"ALIASES" };
	struct sk_table t;

	sk_table_init(&t, SK_ARRAY_SIZE(heads), 8 | 16 | 32 | 64);
	for (size_t i = 0; i < SK_ARRAY_SIZE(heads); i++)
		sk_table_cell(&t, heads[i]);
	if (one != NULL)
		model_row(&t, one);
	else
		sk_model_each(conf, model_row, &t);
	sk_table_print(&t);
}

static void
models_json(const struct sk_config *conf, const struct sk_model *one)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.model-list/1");
	sk_jw_karr(&w, "models");
	if (one != NULL)
		model_json(&w, one);
	else
		sk_model_each(conf, model_json, &w);
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

int
sk_config_show_models(const struct sk_config *conf, const char *name, bool json,
    struct sk_err *err)
{
	struct sk_model m;

	if (name != NULL && !sk_model_find(conf, name, &m))
		return sk_model_unknown(conf, name, err);
	if (json)
		models_json(conf, name != NULL ? &m : NULL);
	else
		models_text(conf, name != NULL ? &m : NULL);
	return 0;
}
