/* SPDX-License-Identifier: MIT */
/* sk-metrics: figures of a stream and of the database. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "metrics/verbs.h"

/* ---- shared ---- */

int
sk_mbase_open(
    struct sk_ctx *ctx, struct sk_mbase *b, unsigned flags, struct sk_err *err)
{
	int rc;

	memset(b, 0, sizeof(*b));
	rc = sk_config_load(&b->conf, ctx->config, err);
	b->loaded = rc == 0;
	if (rc == 0)
		rc = sk_db_open(&b->db, ctx->db, flags, err);
	sk_meter_init(&b->meter, b->db, b->loaded ? &b->conf : NULL);
	return rc;
}

void
sk_mbase_close(struct sk_mbase *b)
{
	sk_meter_free(&b->meter);
	sk_arena_free(&b->arena);
	if (b->db != NULL)
		sk_db_leave(b->db);
	if (b->loaded)
		sk_config_free(&b->conf);
}

static const char *
env(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
int
sk_mbase_names(struct sk_metrics_opts *o, struct sk_err *err)
{
	const char *run = env("SK_RUN");
	int rc;

	if (o->branch == NULL && o->spec == NULL &&
	    (o->run == NULL || (run != NULL && strcmp(o->run, run) == 0)))
		o->branch = env("SK_BRANCH");
	if (o->run == NULL && o->spec == NULL)
		o->run = run;
	rc = sk_check_name("a run", o->run, sk_ident_ok, err);
	if (rc == 0)
		rc = sk_check_name("a branch", o->branch, sk_branch_id_ok, err);
	if (rc == 0)
		rc = sk_check_name("a stage", o->stage, sk_ident_ok, err);
	return rc != 0 ? rc
	               : sk_check_name(
			     "a specification", o->spec, sk_ident_ok, err);
}

static void
print_figures(const struct sk_ctx *ctx, const struct sk_figures *f,
    const struct sk_settlement *s)
{
	struct sk_buf b;

	if (ctx->format == SK_FMT_TEXT) {
		sk_figures_text(f);
		return;
	}
	sk_buf_init(&b, 0);
	sk_figures_json(&b, f, s);
	sk_out_json(&b);
	sk_buf_free(&b);
}

/* The newest run of this project, else one that belongs to no project (what was
 * piped in), else, unless a specification is named, any. */
static int
newest(struct sk_mbase *b, struct sk_metrics_opts *o, struct sk_err *err)
{
	struct sk_branch_filter f = { .limit = 1, .spec = o->spec };
	struct sk_branch *v;
	size_t n = 0, left;
	int rc;

	f.root = b->conf.project_root;
	rc = sk_branch_list(b->db, &f, &v, &n, &left, &b->arena, err);
	if (rc == 0 && n > 0)
		o->run = v[0].run;
	if (rc != 0 || n > 0)
		return rc;
	f.root = NULL;
	f.limit = 100;
	rc = sk_branch_list(b->db, &f, &v, &n, &left, &b->arena, err);
	for (size_t i = 0; rc == 0 && o->run == NULL && i < n; i++)
		if (v[i].root == NULL)
			o->run = v[i].run;
	if (rc == 0 && o->run == NULL && n > 0 && o->spec == NULL)
		o->run = v[0].run;
	return rc;
}

int
sk_mbase_run(struct sk_mbase *b, struct sk_metrics_opts *o, struct sk_err *err)
{
	int rc;

	if (o->run != NULL)
		return 0;
	rc = newest(b, o, err);
	if (rc != 0 || o->run != NULL)
		return rc;
	if (o->spec != NULL)
		(void)sk_fail(err, SK_NEGATIVE, "no_run",
		    "there is no run of '%s' here", o->spec);
	else
		(void)sk_fail(err, SK_NEGATIVE, "no_run", "there is no run");
	return sk_hint(err, "sk-run and sk-auto make runs; "
			    "'sk-branch list --all' shows them");
}

int
sk_mbase_load(struct sk_mbase *b, const struct sk_metrics_opts *o,
    struct sk_figures *f, struct sk_err *err)
{
	return sk_figures_load(
	    f, b->db, &b->meter.prices, o->run, o->branch, o->stage, err);
}

/* ---- the filter ---- */

static int
one_record(struct sk_figures *f, struct sk_prices *p, const char *line,
    size_t n, uint64_t lineno, size_t *used, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_err bad = { 0 };
	struct sk_jv *v = NULL;
	int rc = 0;

	if (sk_json_parse(&a, line, n, NULL, &v, &bad) != 0) {
		f->skipped++;
		sk_warn("line %llu is skipped: %s", (unsigned long long)lineno,
		    bad.message);
	} else if (sk_error_from_json(v, err)) {
		rc = err->exit;
	} else if (sk_figures_record(f, p, v)) {
		(*used)++;
	}
	sk_err_clear(&bad);
	sk_arena_free(&a);
	return rc;
}

int
sk_mverb_filter(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_figures f;
	struct sk_config conf;
	struct sk_prices prices;
	struct sk_lines lines;
	char *line;
	size_t n, used = 0;
	int rc, more;

	if (isatty(STDIN_FILENO) != 0) {
		(void)sk_fail(err, SK_USAGE, "no_input",
		    "standard input is a terminal, expected records");
		return sk_hint(
		    err, "'sk-metrics show' has the figures of the database");
	}
	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0) {
		sk_config_free(&conf);
		return rc;
	}
	sk_prices_init(&prices, &conf);
	sk_figures_init(&f);
	sk_lines_init(&lines, STDIN_FILENO, (size_t)64 << 20);
	while ((more = sk_lines_next(&lines, &line, &n, err)) > 0) {
		rc = one_record(&f, &prices, line, n, lines.lineno, &used, err);
		if (rc != 0)
			break;
	}
	if (more < 0)
		rc = -more;
	if (rc == 0 && used == 0) {
		(void)sk_fail(err, f.skipped > 0 ? SK_DAMAGED : SK_USAGE,
		    "no_records", "no sk.answer/1 on standard input");
		rc = sk_hint(err, "pipe records in: sk-run ... | sk-metrics; "
				  "'sk-metrics show' reads the database");
	}
	if (rc == 0)
		print_figures(ctx, &f, NULL);
	sk_lines_free(&lines);
	sk_figures_free(&f);
	sk_prices_free(&prices);
	sk_config_free(&conf);
	return rc;
}

/* ---- settle, show ---- */

int
sk_mverb_settle(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_settlement s = { 0 };
	struct sk_figures f;
	struct sk_run run;
	struct sk_mbase b = { 0 };
	bool found = true;
	int rc;

	rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	if (o->run == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "neither --run nor SK_RUN says which run");
		return sk_hint(err, "'sk-branch list --all' shows the runs");
	}
	sk_figures_init(&f);
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0)
		rc = sk_run_get(b.db, o->run, &run, &found, &b.arena, err);
	if (rc == 0 && !found)
		rc = sk_no_run(o->run, err);
	if (rc == 0)
		rc = sk_meter_settle(
		    &b.meter, o->run, o->branch, o->stage, &s, err);
	if (rc == 0)
		rc = sk_mbase_load(&b, o, &f, err);
	if (rc == 0)
		print_figures(ctx, &f, &s);
	sk_figures_free(&f);
	sk_mbase_close(&b);
	return rc;
}

int
sk_mverb_show(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_figures f;
	struct sk_mbase b = { 0 };
	int rc;

	if (ctx->argc > 0)
		o->spec = ctx->argv[0];
	rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	sk_figures_init(&f);
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0)
		rc = sk_mbase_run(&b, o, err);
	if (rc == 0)
		rc = sk_mbase_load(&b, o, &f, err);
	if (rc == 0)
		print_figures(ctx, &f, NULL);
	sk_figures_free(&f);
	sk_mbase_close(&b);
	return rc;
}

/* ---- status ---- */

static void
print_status(const struct sk_figures *f, const struct sk_metrics_opts *o)
{
	int percent = sk_context_percent(&f->all);
	bool tmux = sk_streq(o->format, "tmux"), colour;
	int64_t width = o->columns > 0 ? o->columns : sk_width();
	struct sk_buf b;

	sk_buf_init(&b, 0);
	if (sk_streq(o->format, "json")) {
		sk_figures_json(&b, f, NULL);
		sk_out_json(&b);
		sk_buf_free(&b);
		return;
	}
	if (width >= 60 && f->spec[0] != '\0' && !tmux) {
		sk_line_stage(&b, f);
		sk_buf_ch(&b, '\n');
	}
	colour = percent > 80;
	if (tmux && colour)
		sk_buf_str(&b, percent > 90 ? "#[fg=red]" : "#[fg=yellow]");
	else if (colour && sk_color())
		sk_buf_str(&b, percent > 90 ? "\033[31m" : "\033[33m");
	sk_line_tokens(&b, f, width < 60);
	if (tmux && colour)
		sk_buf_str(&b, "#[default]");
	else if (colour && sk_color())
		sk_buf_str(&b, "\033[0m");
	sk_buf_ch(&b, '\n');
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

int
sk_mverb_status(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_figures f;
	struct sk_mbase b = { 0 };
	int rc;

	rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	if (ctx->format_given && o->format == NULL)
		o->format = ctx->format == SK_FMT_JSON ? "json" : "plain";
	sk_figures_init(&f);
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0)
		rc = sk_mbase_run(&b, o, err);
	if (rc == 0)
		rc = sk_mbase_load(&b, o, &f, err);
	if (rc == 0)
		print_status(&f, o);
	sk_figures_free(&f);
	sk_mbase_close(&b);
	return rc;
}
