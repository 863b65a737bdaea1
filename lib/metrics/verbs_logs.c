/* SPDX-License-Identifier: MIT */
/* sk-metrics: logs of agents, and reports. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "metrics/verbs.h"

/* ---- import ---- */

/* "2026-11-01", a whole time, or so long ago: "7d". */
static int
parse_date(const char *option, const char *s, int64_t *ms, struct sk_err *err)
{
	char day[32];
	int64_t ago;

	*ms = 0;
	if (s == NULL)
		return 0;
	if (strlen(s) == 10) {
		(void)snprintf(day, sizeof(day), "%sT00:00:00Z", s);
		if (sk_time_parse(day, ms))
			return 0;
	}
	if (sk_time_parse(s, ms))
		return 0;
	if (sk_parse_duration(s, &ago)) {
		*ms = sk_now_ms() - ago;
		return 0;
	}
	(void)sk_fail(err, SK_USAGE, "bad_argument",
	    "option '--%s': '%.100s' is no date", option, s);
	return sk_hint(err, "like 2026-11-01, or 7d for the last seven days");
}

static int
import_all(struct sk_ctx *ctx, struct sk_mbase *b,
    const struct sk_import_opts *io, struct sk_err *err)
{
	const struct sk_metrics_opts *o = ctx->opts;
	struct sk_import *im = sk_import_open(&b->meter, io, err);
	struct sk_buf out;
	size_t n = (size_t)ctx->argc;
	int rc = err->exit;

	if (rc == 0 && ctx->argc == 0)
		rc = sk_import_home(im, &n, err);
	for (int i = 0; rc == 0 && i < ctx->argc; i++)
		rc = sk_import_path(im, ctx->argv[i], err);
	if (rc == 0 && n == 0) {
		(void)sk_fail(err, SK_USAGE, "no_logs",
		    "no agent has written a log here");
		rc = sk_hint(err, "name the file or the directory");
	}
	if (rc == 0)
		rc = sk_import_finish(im, err);
	if (rc == 0 && ctx->format == SK_FMT_TEXT) {
		sk_import_text(im, o->explain);
	} else if (rc == 0) {
		sk_buf_init(&out, 0);
		sk_import_json(&out, im);
		sk_out_json(&out);
		sk_buf_free(&out);
	}
	sk_import_close(im);
	return rc;
}

int
sk_mverb_import(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_metrics_opts *o = ctx->opts;
	struct sk_import_opts io = { .source = o->source, .again = o->again };
	struct sk_mbase b = { 0 };
	int rc;

	rc = parse_date("since", o->since, &io.since_ms, err);
	if (rc != 0)
		return rc;
	rc = sk_mbase_open(ctx, &b, SK_DB_CREATE, err);
	if (rc == 0)
		rc = import_all(ctx, &b, &io, err);
	sk_mbase_close(&b);
	return rc;
}

/* ---- report ---- */

static int
page(struct sk_mbase *b, struct sk_metrics_opts *o, struct sk_err *err)
{
	struct sk_figures f;
	struct sk_buf out;
	int rc;

	sk_buf_init(&out, 0);
	sk_figures_init(&f);
	rc = sk_mbase_run(b, o, err);
	if (rc == 0)
		rc = sk_mbase_load(b, o, &f, err);
	if (rc == 0)
		rc = sk_html_run(&out, b->db, o->run, &f, err);
	if (rc == 0 && strcmp(o->html, "-") == 0)
		sk_out(out.p, out.len);
	else if (rc == 0)
		rc = sk_write_file(o->html, out.p, out.len, SK_DOC_FILE, err);
	sk_figures_free(&f);
	sk_buf_free(&out);
	return rc;
}

static int
print_report(const struct sk_ctx *ctx, const struct sk_metrics_opts *o,
    const struct sk_report *r)
{
	struct sk_buf out;

	if (ctx->format == SK_FMT_TEXT && !o->csv) {
		sk_report_text(r);
		return 0;
	}
	sk_buf_init(&out, 0);
	if (o->csv)
		sk_report_csv(&out, r);
	else
		sk_report_json(&out, r);
	if (sk_stdout_tty()) {
		struct sk_buf seen;

		/* (Names are what agents called themselves.) */
		sk_buf_init(&seen, 0);
		sk_buf_visible(&seen, out.p, out.len, true);
		sk_out(seen.p, seen.len);
		sk_buf_free(&seen);
	} else {
		sk_out(out.p, out.len);
	}
	sk_buf_free(&out);
	return 0;
}

static int
report_filter(
    struct sk_metrics_opts *o, struct sk_report *r, struct sk_err *err)
{
	int64_t since = 0, until = 0;
	int rc;

	rc = parse_date("since", o->since, &since, err);
	if (rc == 0)
		rc = parse_date("until", o->until, &until, err);
	r->by_name = o->by != NULL ? o->by : "day";
	(void)sk_by_parse(r->by_name, &r->by);
	r->filter.since = since / 86400000;
	r->filter.until = until / 86400000;
	r->filter.spec = o->spec;
	r->filter.stage = o->stage;
	r->filter.agent = o->agent;
	r->filter.model = o->model;
	return rc;
}

int
sk_mverb_report(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_report r = { 0 };
	struct sk_mbase b = { 0 };
	int rc;

	rc = report_filter(o, &r, err);
	if (rc == 0 && o->html != NULL)
		rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0 && o->html != NULL) {
		rc = page(&b, o, err);
	} else if (rc == 0) {
		/* A SPEC means this project's. */
		if (o->spec != NULL)
			r.filter.root = b.conf.project_root;
		rc = sk_report_load(&r, b.db, err);
		if (rc == 0)
			rc = print_report(ctx, o, &r);
	}
	sk_report_free(&r);
	sk_mbase_close(&b);
	return rc;
}
