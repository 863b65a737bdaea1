/* SPDX-License-Identifier: MIT */
/* sk-config: the effective configuration and where each value comes from. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"

#define MASK "***"

/* ---- get ---- */

/* A scalar as its text, a table or array as one line of JSON. */
static void
put_value(struct sk_buf *b, const struct sk_jv *v)
{
	if (v->type == SK_J_STR)
		sk_buf_add(b, v->s, v->n);
	else
		sk_json_write(b, v);
}

static int
verb_get(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_config conf;
	const struct sk_jv *v;
	struct sk_buf b;
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	v = sk_config_get(&conf, ctx->argv[0]);
	if (v == NULL) {
		rc = SK_NEGATIVE;
	} else {
		sk_buf_init(&b, 0);
		put_value(&b, v);
		sk_buf_ch(&b, '\n');
		sk_out(b.p, b.len);
		sk_buf_free(&b);
	}
	sk_config_free(&conf);
	return rc;
}

/* ---- list ---- */

struct list_opts {
	bool show_origin;
};

static const struct sk_opt list_opts[] = {
	SK_OPT_FLAG(struct list_opts, 'o', "show-origin", show_origin,
	    "say where each value comes from", "JSON output always says so."),
	SK_OPT_END
};

struct listing {
	struct sk_table table;
	struct sk_jw w;
	bool json, origin;
};

static void
list_one(void *arg, const char *key, const struct sk_jv *v, const char *origin)
{
	struct listing *l = arg;
	bool secret = sk_config_secret(key);
	struct sk_buf b;

	if (l->json) {
		sk_jw_obj(&l->w);
		sk_jw_kstr(&l->w, "key", key);
		if (secret)
			sk_jw_kstr(&l->w, "value", MASK);
		else
			sk_jw_kvalue(&l->w, "value", v);
		sk_jw_kstr(&l->w, "origin", origin);
		sk_jw_end(&l->w);
		return;
	}
	sk_buf_init(&b, 0);
	if (secret)
		sk_buf_str(&b, MASK);
	else
		put_value(&b, v);
	sk_table_cell(&l->table, key);
	sk_table_cell(&l->table, b.p);
	if (l->origin)
		sk_table_cell(&l->table, origin);
	sk_buf_free(&b);
}

static int
verb_list(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct list_opts *o = ctx->opts;
	struct listing l = { .json = ctx->format == SK_FMT_JSON,
		.origin = o->show_origin };
	struct sk_config conf;
	struct sk_buf b;
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&b, 0);
	if (l.json) {
		sk_jw_init(&l.w, &b);
		sk_jw_obj(&l.w);
		sk_jw_kstr(&l.w, "schema", "sk.config/1");
		sk_jw_kstr(&l.w, "project_root", conf.project_root);
		sk_jw_key(&l.w, "values");
		sk_jw_arr(&l.w);
	} else {
		sk_table_init(&l.table, l.origin ? 3 : 2, 0);
		sk_table_cell(&l.table, "KEY");
		sk_table_cell(&l.table, "VALUE");
		if (l.origin)
			sk_table_cell(&l.table, "ORIGIN");
	}
	sk_config_each(&conf, list_one, &l);
	if (l.json) {
		sk_jw_end(&l.w);
		sk_jw_end(&l.w);
		sk_jw_done(&l.w);
		sk_out_json(&b);
	} else {
		sk_table_print(&l.table);
	}
	sk_buf_free(&b);
	sk_config_free(&conf);
	return 0;
}

/* ---- path ---- */

static void
path_json(struct sk_buf *b, const struct sk_config *conf)
{
	const struct sk_config_file *f;
	size_t n = sk_config_files(conf, &f);
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "schema", "sk.config-path/1");
	sk_jw_kstr(&w, "project_root", conf->project_root);
	sk_jw_key(&w, "files");
	sk_jw_arr(&w);
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "layer", f[i].layer);
		sk_jw_kstr(&w, "path", f[i].path);
		sk_jw_kstr(&w, "state", f[i].state);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_end(&w);
	sk_jw_done(&w);
}

static int
verb_path(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_config_file *f;
	struct sk_config conf;
	struct sk_table t;
	struct sk_buf b;
	size_t n;
	int rc;

	rc = sk_config_locate(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	if (ctx->format == SK_FMT_JSON) {
		sk_buf_init(&b, 0);
		path_json(&b, &conf);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else {
		n = sk_config_files(&conf, &f);
		sk_table_init(&t, 3, 0);
		for (size_t i = 0; i < n; i++) {
			sk_table_cell(&t, f[i].layer);
			sk_table_cell(&t, f[i].state);
			sk_table_cell(&t, f[i].path);
		}
		sk_table_print(&t);
	}
	sk_config_free(&conf);
	return 0;
}

/* ---- check ---- */

/* One line per finding, as compilers print them: editors can jump there. */
static void
print_findings(const char *details)
{
	struct sk_arena a = { 0 };
	const struct sk_jv *list, *f;
	struct sk_jv *root = NULL;
	const char *key, *hint;
	struct sk_buf line, seen;

	sk_buf_init(&line, 0);
	sk_buf_init(&seen, 0);
	if (sk_json_parse(&a, details, strlen(details), NULL, &root, NULL) == 0)
		list = sk_jget(root, "errors");
	else
		list = NULL;
	for (size_t i = 0; i < sk_jlen(list); i++) {
		f = sk_jat(list, i);
		key = sk_jget_str(f, "key");
		hint = sk_jget_str(f, "hint");
		sk_buf_clear(&line);
		sk_buf_printf(&line, "%s: %s%s%s", sk_jget_str(f, "where"),
		    key != NULL ? key : "", key != NULL ? ": " : "",
		    sk_jget_str(f, "message"));
		if (hint != NULL)
			sk_buf_printf(&line, " (%s)", hint);
		sk_buf_visible(&seen, line.p, line.len, false);
		sk_buf_ch(&seen, '\n');
	}
	sk_out(seen.p, seen.len);
	sk_buf_free(&line);
	sk_buf_free(&seen);
	sk_arena_free(&a);
}

static int
verb_check(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *file = ctx->argc > 0 ? ctx->argv[0] : ctx->config;
	bool json = ctx->format == SK_FMT_JSON;
	struct sk_config conf;
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	rc = sk_config_load(&conf, file, err);
	if (rc != 0) {
		if (!json && err->details != NULL) {
			print_findings(err->details);
			(void)sk_fail(err, rc, "bad_config",
			    "the configuration is not valid");
		}
		return rc;
	}
	if (json) {
		sk_buf_init(&b, 0);
		sk_jw_init(&w, &b);
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "schema", "sk.config-check/1");
		sk_jw_kstr(&w, "status", "ok");
		sk_jw_end(&w);
		sk_jw_done(&w);
		sk_out_json(&b);
		sk_buf_free(&b);
	} else {
		sk_out_str("the configuration is valid\n");
	}
	sk_config_free(&conf);
	return 0;
}

/* ---- filters for the public test suites ---- */

static int
verb_json(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_buf in, out;
	struct sk_jv *v;
	int rc;

	(void)ctx;
	sk_buf_init(&in, 0);
	rc = sk_read_fd(
	    STDIN_FILENO, sk_jlimits_default.bytes, &in, "standard input", err);
	if (rc == 0)
		rc = sk_json_parse(&a, in.p, in.len, NULL, &v, err);
	if (rc == 0) {
		sk_buf_init(&out, 0);
		sk_json_canon(&out, v);
		sk_buf_ch(&out, '\n');
		sk_out(out.p, out.len);
		sk_buf_free(&out);
	}
	sk_buf_free(&in);
	sk_arena_free(&a);
	return rc;
}

/* The suite's word for a value; NULL for tables and arrays. */
static const char *
tag_of(const struct sk_jv *v)
{
	switch ((enum sk_toml_kind)v->toml_kind) {
	case SK_TOML_FLOAT:
		return "float";
	case SK_TOML_DATETIME:
		return "datetime";
	case SK_TOML_DATETIME_LOCAL:
		return "datetime-local";
	case SK_TOML_DATE_LOCAL:
		return "date-local";
	case SK_TOML_TIME_LOCAL:
		return "time-local";
	case SK_TOML_NONE:
		break;
	}
	if (v->type == SK_J_STR)
		return "string";
	if (v->type == SK_J_NUM)
		return "integer";
	return v->type == SK_J_TRUE || v->type == SK_J_FALSE ? "bool" : NULL;
}

static void
write_tagged(struct sk_jw *w, const struct sk_jv *v)
{
	const char *tag = tag_of(v);

	if (v->type == SK_J_OBJ) {
		sk_jw_obj(w);
		for (size_t i = 0; i < v->n; i++) {
			sk_jw_keyn(w, v->m[i].key, v->m[i].klen);
			write_tagged(w, v->m[i].v);
		}
		sk_jw_end(w);
	} else if (v->type == SK_J_ARR) {
		sk_jw_arr(w);
		for (size_t i = 0; i < v->n; i++)
			write_tagged(w, v->a[i]);
		sk_jw_end(w);
	} else {
		sk_jw_obj(w);
		sk_jw_kstr(w, "type", tag);
		sk_jw_key(w, "value");
		if (v->type == SK_J_STR || v->type == SK_J_NUM)
			sk_jw_strn(w, v->s, v->n);
		else
			sk_jw_str(w, v->type == SK_J_TRUE ? "true" : "false");
		sk_jw_end(w);
	}
}

static int
verb_toml_json(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_buf in, out;
	struct sk_jv *v;
	struct sk_jw w;
	int rc;

	(void)ctx;
	sk_buf_init(&in, 0);
	rc = sk_read_fd(
	    STDIN_FILENO, sk_jlimits_default.bytes, &in, "standard input", err);
	if (rc == 0)
		rc = sk_toml_parse(&a, in.p, in.len, "stdin", &v, err);
	if (rc == 0) {
		sk_buf_init(&out, 0);
		sk_jw_init(&w, &out);
		write_tagged(&w, v);
		sk_jw_done(&w);
		sk_out(out.p, out.len);
		sk_buf_free(&out);
	}
	sk_buf_free(&in);
	sk_arena_free(&a);
	return rc;
}

/* ---- the tool ---- */

static const char *const get_ex[] = { "sk-config get run.timeout",
	"sk-config get stages.plan.agents | jq -r '.[]'", NULL };
static const char *const list_ex[] = { "sk-config list --show-origin",
	"sk-config list --json | jq -r '.values[].key'", NULL };
static const char *const path_ex[] = { "sk-config path", NULL };
static const char *const check_ex[] = { "sk-config check",
	"sk-config check sk.toml", NULL };

static const struct sk_verb verbs[] = {
	{ .name = "get",
	    .operands = "KEY",
	    .purpose = "print one value; status 1 when it is not set",
	    .examples = get_ex,
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_CONFIG | SK_V_RAW,
	    .run = verb_get },
	{ .name = "list",
	    .purpose = "print every value, secrets masked",
	    .examples = list_ex,
	    .opts = list_opts,
	    .opts_size = sizeof(struct list_opts),
	    .flags = SK_V_CONFIG,
	    .run = verb_list },
	{ .name = "path",
	    .purpose = "print the files of the layers",
	    .examples = path_ex,
	    .flags = SK_V_CONFIG,
	    .run = verb_path },
	{ .name = "check",
	    .operands = "[FILE]",
	    .purpose = "check all layers, FILE as the one named",
	    .examples = check_ex,
	    .max_args = 1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_CONFIG,
	    .run = verb_check },
	{ .name = "json",
	    .purpose = "JSON text to its canonical form",
	    .flags = SK_V_RAW | SK_V_HIDDEN,
	    .run = verb_json },
	{ .name = "toml-json",
	    .purpose = "TOML text to tagged JSON",
	    .flags = SK_V_RAW | SK_V_HIDDEN,
	    .run = verb_toml_json },
	{ .run = NULL }
};

static const char *const schemas[] = { "config", "config-check", "config-file",
	"config-path", NULL };
static const char *const see_also[] = { "sk-auto 1", "sk-run 1", "sk-config 5",
	NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-config",
	.purpose = "show the effective configuration",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
