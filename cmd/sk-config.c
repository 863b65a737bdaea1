/* SPDX-License-Identifier: MIT */
/* sk-config: the effective configuration and where each value comes from. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"
#include "data/data.h"

/* ---- loading ---- */

/* What verbs have that look at the layers; it comes first in their options. */
struct layer_opts {
	const char *spec;
};

#define O_SPEC(T) \
	SK_OPT_STR(T, 's', "spec", "SPEC", layers.spec, SK_C_SPEC, \
	    "with the pipeline.toml of this specification", \
	    "The layer docs/SPEC/pipeline.toml stands between the " \
	    "project's file and the named one.")

struct spec_opts {
	struct layer_opts layers;
};

static const struct sk_opt spec_opts[] = { O_SPEC(struct spec_opts),
	SK_OPT_END };

static int
load(const struct sk_ctx *ctx, const char *file, struct sk_config *conf,
    struct sk_err *err)
{
	const struct layer_opts *o = ctx->opts;

	return sk_config_load_spec(conf, file, o->spec, err);
}

/* ---- get ---- */

static int
verb_get(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_config_info info;
	struct sk_config conf;
	const struct sk_jv *v;
	struct sk_buf b;
	int rc;

	rc = load(ctx, ctx->config, &conf, err);
	if (rc != 0)
		return rc;
	rc = sk_config_explain(&conf, ctx->argv[0], &info, err);
	v = info.value;
	if (rc != 0 || v == NULL) {
		rc = rc != 0 ? rc : SK_NEGATIVE; /* known, but not set */
	} else {
		sk_buf_init(&b, 0);
		sk_config_put_value(&b, v);
		sk_buf_ch(&b, '\n');
		sk_out(b.p, b.len);
		sk_buf_free(&b);
	}
	sk_config_free(&conf);
	return rc;
}

/* ---- list ---- */

struct list_opts {
	struct layer_opts layers;
	bool show_origin;
};

static const struct sk_opt list_opts[] = { O_SPEC(struct list_opts),
	SK_OPT_FLAG(struct list_opts, 'o', "show-origin", show_origin,
	    "say where each value comes from", "JSON output always says so."),
	SK_OPT_END };

struct listing {
	struct sk_arena *a;
	struct sk_table table;
	struct sk_jw w;
	bool json, origin;
};

static void
list_one(void *arg, const char *key, const struct sk_jv *v, const char *origin)
{
	struct listing *l = arg;
	struct sk_buf b;

	v = sk_config_masked(l->a, key, v);
	if (l->json) {
		sk_jw_obj(&l->w);
		sk_jw_kstr(&l->w, "key", key);
		sk_jw_kvalue(&l->w, "value", v);
		sk_jw_kstr(&l->w, "origin", origin);
		sk_jw_end(&l->w);
		return;
	}
	sk_buf_init(&b, 0);
	sk_config_put_value(&b, v);
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
	struct sk_config conf;
	struct listing l = { .a = &conf.arena,
		.json = ctx->format == SK_FMT_JSON,
		.origin = o->show_origin };
	char hash[SK_SHA256_LEN];
	struct sk_buf b;
	int rc;

	rc = load(ctx, ctx->config, &conf, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&b, 0);
	if (l.json) {
		sk_jw_doc(&l.w, &b, "sk.config/1");
		sk_jw_kstr(&l.w, "project_root", conf.project_root);
		sk_config_hash(&conf, hash);
		sk_jw_kstr(&l.w, "config", hash);
		sk_jw_karr(&l.w, "values");
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

	sk_jw_doc(&w, b, "sk.config-path/1");
	sk_jw_kstr(&w, "project_root", conf->project_root);
	sk_jw_karr(&w, "files");
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "layer", f[i].layer);
		sk_jw_kstr(&w, "path", f[i].path);
		sk_jw_kstr(&w, "state", f[i].state);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

/* A named file may say where the project is. One that has mistakes says
 * nothing, and its place is told all the same. */
static void
named_root(struct sk_config *conf, const char *named)
{
	struct sk_config full;
	struct sk_err err = { 0 };
	char *root;

	if (conf->named_file != NULL &&
	    sk_config_load(&full, named, &err) == 0) {
		root = conf->project_root;
		conf->project_root = full.project_root;
		full.project_root = root;
		sk_config_free(&full);
	}
	sk_err_clear(&err);
}

static int
verb_path(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct layer_opts *o = ctx->opts;
	const struct sk_config_file *f;
	struct sk_config conf;
	struct sk_table t;
	struct sk_buf b;
	size_t n;
	int rc;

	rc = sk_config_locate(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	named_root(&conf, ctx->config);
	if (o->spec != NULL)
		rc = sk_config_spec(&conf, o->spec, NULL, err);
	if (rc != 0) {
		sk_config_free(&conf);
		return rc;
	}
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

struct warned {
	struct sk_jw *w; /* NULL: lines on standard error */
};

static void
warned(void *arg, const char *where, const char *key, const char *message,
    const char *hint)
{
	struct sk_jw *w = ((struct warned *)arg)->w;

	if (w == NULL) {
		sk_warn("%s: %s: %s%s%s%s", where, key, message,
		    hint != NULL ? " (" : "", hint != NULL ? hint : "",
		    hint != NULL ? ")" : "");
		return;
	}
	sk_jw_obj(w);
	sk_jw_kstr(w, "where", where);
	sk_jw_kstr(w, "key", key);
	sk_jw_kstr(w, "message", message);
	sk_jw_kstr(w, "hint", hint);
	sk_jw_end(w);
}

static void
valid_json(struct sk_config *conf)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.config-check/1");
	sk_jw_kstr(&w, "status", "ok");
	sk_jw_karr(&w, "warnings");
	(void)sk_config_warnings(conf, warned, &(struct warned){ &w });
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static int
verb_check(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *file = ctx->argc > 0 ? ctx->argv[0] : ctx->config;
	bool json = ctx->format == SK_FMT_JSON;
	struct sk_config conf;
	int rc;

	rc = load(ctx, file, &conf, err);
	if (rc != 0) {
		if (!json && err->details != NULL) {
			print_findings(err->details);
			(void)sk_fail(err, rc, "bad_config",
			    "the configuration is not valid");
		}
		return rc;
	}
	if (json) {
		valid_json(&conf);
	} else {
		(void)sk_config_warnings(
		    &conf, warned, &(struct warned){ NULL });
		sk_out_str("the configuration is valid\n");
	}
	sk_config_free(&conf);
	return 0;
}

/* ---- explain, models ---- */

static int
verb_explain(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_config conf;
	int rc;

	rc = load(ctx, ctx->config, &conf, err);
	if (rc != 0)
		return rc;
	rc = sk_config_show_key(
	    &conf, ctx->argv[0], ctx->format == SK_FMT_JSON, err);
	sk_config_free(&conf);
	return rc;
}

static int
verb_models(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_config conf;
	int rc;

	rc = load(ctx, ctx->config, &conf, err);
	if (rc != 0)
		return rc;
	rc = sk_config_show_models(
	    &conf, ctx->argv[0], ctx->format == SK_FMT_JSON, err);
	sk_config_free(&conf);
	return rc;
}

/* ---- watch ---- */

struct watch_opts {
	struct layer_opts layers;
	bool once;
};

static const struct sk_opt watch_opts[] = { O_SPEC(struct watch_opts),
	SK_OPT_FLAG(struct watch_opts, 0, "once", once,
	    "stop after the first change; 0 when it was good", NULL),
	SK_OPT_END };

static int
verb_watch(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct watch_opts *o = ctx->opts;
	struct sk_config conf;
	int rc;

	rc = load(ctx, ctx->config, &conf, err);
	if (rc != 0)
		return rc;
	rc = sk_config_follow(&conf, ctx->format == SK_FMT_JSON, o->once, err);
	sk_config_free(&conf);
	return rc;
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
		rc = sk_json_parse_any(&a, in.p, in.len, &v, err);
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
		sk_toml_tagged(&w, v);
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
static const char *const explain_ex[] = { "sk-config explain run.timeout",
	"sk-config explain stages.plan", NULL };
static const char *const models_ex[] = { "sk-config models",
	"sk-config models claude --json", NULL };
static const char *const watch_ex[] = { "sk-config watch",
	"sk-config watch --once --json | jq -c .event", NULL };
static const char *const path_ex[] = { "sk-config path", NULL };
static const char *const check_ex[] = { "sk-config check",
	"sk-config check sk.toml", NULL };

static const struct sk_verb verbs[] = {
	{ .name = "get",
	    .operands = "KEY",
	    .purpose = "print one value; status 1 when it is not set",
	    .examples = get_ex,
	    .opts = spec_opts,
	    .opts_size = sizeof(struct spec_opts),
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
	    .opts = spec_opts,
	    .opts_size = sizeof(struct spec_opts),
	    .flags = SK_V_CONFIG,
	    .run = verb_path },
	{ .name = "check",
	    .operands = "[FILE]",
	    .purpose = "check all layers, FILE as the one named",
	    .examples = check_ex,
	    .opts = spec_opts,
	    .opts_size = sizeof(struct spec_opts),
	    .max_args = 1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_CONFIG,
	    .run = verb_check },
	{ .name = "explain",
	    .operands = "KEY",
	    .purpose = "print what a key is and who sets it",
	    .examples = explain_ex,
	    .opts = spec_opts,
	    .opts_size = sizeof(struct spec_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_CONFIG,
	    .run = verb_explain },
	{ .name = "models",
	    .operands = "[NAME]",
	    .purpose = "print the models that are known, with prices",
	    .examples = models_ex,
	    .opts = spec_opts,
	    .opts_size = sizeof(struct spec_opts),
	    .max_args = 1,
	    .flags = SK_V_CONFIG,
	    .run = verb_models },
	{ .name = "watch",
	    .purpose = "follow the files, report what each change did",
	    .examples = watch_ex,
	    .opts = watch_opts,
	    .opts_size = sizeof(struct watch_opts),
	    .flags = SK_V_CONFIG,
	    .run = verb_watch },
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

static const char *const schemas[] = { "config", "config-check",
	"config-explain", "config-file", "config-path", "event", "model-list",
	/* and the sections of config-file */
	"project", "run", "retry", "consensus", "quality_gates", "cost",
	"evidence", "pipeline", "guardrails", "landing", "recovery",
	"hot_reload", "stages", "agents", "models", NULL };

/* Nothing is the whole file. */
static bool
schema(const char *name, struct sk_buf *out)
{
	const struct sk_data_file *f;

	if (name == NULL) {
		f = sk_data_find("schemas/config-file.json");
		sk_buf_add(out, f->text, f->n);
		return true;
	}
	if (sk_has_prefix(name, "config-file."))
		name += strlen("config-file.");
	return sk_config_section_schema(name, out);
}
static const char *const see_also[] = { "sk-auto 1", "sk-run 1", "sk-config 5",
	NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-config",
	.purpose = "show the effective configuration",
	.verbs = verbs,
	.schemas = schemas,
	.schema = schema,
	.see_also = see_also,
};
