/* SPDX-License-Identifier: MIT */
/* sk-metrics: prices, estimates, and a display that stays. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "metrics/verbs.h"

#define HISTORY 64

/* ---- prices ---- */

static void
put_price(struct sk_jw *w, const struct sk_model *m)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "model", m->name);
	sk_jw_kstr(w, "provider", m->provider);
	sk_jw_kcount(w, "input", m->price.input);
	sk_jw_kcount(w, "cached_input", m->price.cached_input);
	sk_jw_kcount(w, "cache_write", m->price.cache_write);
	sk_jw_kcount(w, "output", m->price.output);
	sk_jw_key(w, "long_prompts");
	if (m->long_over > 0) {
		sk_jw_obj(w);
		sk_jw_kint(w, "over", m->long_over);
		sk_jw_kcount(w, "input", m->longer.input);
		sk_jw_kcount(w, "cached_input", m->longer.cached_input);
		sk_jw_kcount(w, "cache_write", m->longer.cache_write);
		sk_jw_kcount(w, "output", m->longer.output);
		sk_jw_end(w);
	} else {
		sk_jw_null(w);
	}
	sk_jw_kcount(w, "context_window",
	    m->context_window > 0 ? m->context_window : -1);
	sk_jw_kstr(w, "date", m->date);
	sk_jw_kstr(w, "source", m->source);
	sk_jw_kstr(w, "origin", m->origin);
	sk_jw_end(w);
}

static int
import_prices(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_prices_import n;
	struct sk_buf json;
	char *path = sk_prices_path(err);
	int rc = err->exit;

	sk_buf_init(&json, (size_t)32 << 20);
	if (path != NULL)
		rc = strcmp(ctx->argv[1], "-") == 0
		         ? sk_read_fd(STDIN_FILENO, (size_t)32 << 20, &json,
			       "standard input", err)
		         : sk_read_file(
			       ctx->argv[1], (size_t)32 << 20, &json, err);
	if (rc == 0)
		rc = sk_prices_import(
		    json.p, json.len, ctx->argv[1], path, &n, err);
	if (rc == 0)
		sk_say("%zu models taken, %zu of them without a price, %zu "
		       "entries passed over",
		    n.taken, n.unpriced, n.bad);
	sk_buf_free(&json);
	free(path);
	return rc;
}

static void
collect(void *arg, const struct sk_model *m)
{
	sk_strv_add(arg, m->name);
}

static int
print_prices(struct sk_ctx *ctx, struct sk_prices *p, const struct sk_strv *v)
{
	const struct sk_model *m;
	char in[SK_USD_LEN], cached[SK_USD_LEN], out[SK_USD_LEN];
	struct sk_table t;
	struct sk_buf b;
	struct sk_jw w;
	int rc = 0;

	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.prices/1");
	sk_jw_karr(&w, "prices");
	sk_table_init(&t, 6, 0x0e);
	for (const char *const *h = (const char *const[]){ "MODEL", "INPUT",
		 "CACHED", "OUTPUT", "DATE", "SOURCE", NULL };
	     *h != NULL; h++)
		sk_table_cell(&t, *h);
	for (size_t i = 0; i < v->n; i++) {
		if (!sk_price_find(p, v->v[i], &m))
			rc = SK_NEGATIVE;
		put_price(&w, m);
		sk_usd_short(m->price.input, in);
		sk_usd_short(m->price.cached_input, cached);
		sk_usd_short(m->price.output, out);
		sk_table_cell(&t, m->name);
		sk_table_cell(&t, in);
		sk_table_cell(&t, cached);
		sk_table_cell(&t, out);
		sk_table_cell(&t, m->date != NULL ? m->date : "");
		sk_table_cell(&t, m->source != NULL ? m->source : "unknown");
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
	if (ctx->format == SK_FMT_JSON) {
		sk_out_json(&b);
		sk_strv_free(&t.cells);
	} else {
		sk_table_print(&t);
	}
	sk_buf_free(&b);
	return rc;
}

int
sk_mverb_prices(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_strv v = { 0 };
	struct sk_config conf;
	struct sk_prices p;
	int rc;

	if (ctx->argc == 2 && strcmp(ctx->argv[0], "import") == 0)
		return import_prices(ctx, err);
	if (ctx->argc == 1 && strcmp(ctx->argv[0], "import") == 0) {
		(void)sk_fail(err, SK_USAGE, "missing_operand",
		    "no list of prices to import");
		return sk_hint(err, "sk-metrics prices import FILE");
	}
	rc = sk_config_load(&conf, ctx->config, err);
	if (rc == 0) {
		sk_prices_init(&p, &conf);
		for (int i = 0; i < ctx->argc; i++)
			sk_strv_add(&v, ctx->argv[i]);
		if (ctx->argc == 0)
			sk_model_each(&conf, collect, &v);
		rc = print_prices(ctx, &p, &v);
		sk_prices_free(&p);
	}
	sk_strv_free(&v);
	sk_config_free(&conf);
	return rc;
}

/* ---- estimate ---- */

static void
put_range(
    struct sk_jw *w, const char *key, int64_t low, int64_t likely, int64_t high)
{
	sk_jw_kobj(w, key);
	sk_jw_kcount(w, "low", low);
	sk_jw_kcount(w, "likely", likely);
	sk_jw_kcount(w, "high", high);
	sk_jw_end(w);
}

/* What the prompt will cost with a line-up, before anybody is asked. */
static int
before(struct sk_ctx *ctx, struct sk_mbase *b, struct sk_err *err)
{
	int64_t outputs[HISTORY], low = 0, likely = 0, high = 0;
	const struct sk_model *m;
	struct sk_call_cost c;
	struct sk_buf prompt, out;
	struct sk_jw w;
	size_t n;
	int rc;

	sk_buf_init(&prompt, 0);
	rc = sk_read_fd(
	    STDIN_FILENO, (size_t)64 << 20, &prompt, "standard input", err);
	sk_buf_init(&out, 0);
	sk_jw_doc(&w, &out, "sk.estimate/1");
	sk_jw_kint(&w, "prompt_bytes", (int64_t)prompt.len);
	sk_jw_karr(&w, "calls");
	for (int i = 0; rc == 0 && i < ctx->argc; i++) {
		bool known = sk_price_find(&b->meter.prices, ctx->argv[i], &m);

		rc = sk_usage_outputs(
		    b->db, NULL, ctx->argv[i], outputs, HISTORY, &n, err);
		sk_call_cost(known ? m : NULL, prompt.len, outputs, n, &c);
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "model", ctx->argv[i]);
		put_range(&w, "input", c.in_low, c.in_likely, c.in_high);
		put_range(&w, "output", c.out_low, c.out_likely, c.out_high);
		put_range(&w, "micro_usd", c.low, c.likely, c.high);
		sk_jw_kint(&w, "history", (int64_t)c.history);
		sk_jw_end(&w);
		low = low < 0 || c.low < 0 ? -1 : low + c.low;
		likely = likely < 0 || c.likely < 0 ? -1 : likely + c.likely;
		high = high < 0 || c.high < 0 ? -1 : high + c.high;
	}
	sk_jw_end(&w);
	put_range(&w, "micro_usd", low, likely, high);
	sk_jw_done(&w);
	if (rc == 0 && ctx->format == SK_FMT_JSON) {
		sk_out_json(&out);
	} else if (rc == 0) {
		char l[SK_USD_LEN], k[SK_USD_LEN], h[SK_USD_LEN];

		sk_usd_short(low, l);
		sk_usd_short(likely, k);
		sk_usd_short(high, h);
		sk_outf("at least %s, likely %s, at most %s\n", l, k, h);
	}
	sk_buf_free(&prompt);
	sk_buf_free(&out);
	return rc;
}

static void
explain(const struct sk_figures *f)
{
	struct sk_estimate e;

	sk_estimator_ask(&f->est, &e);
	sk_outf("next prompt: ~%lld tokens (%s of the last %zu)\n",
	    (long long)sk_session_estimate(&f->session),
	    sk_session_basis(&f->session), f->session.n);
	sk_outf("better: ~%lld, between %lld and %lld (%s)\n",
	    (long long)e.value, (long long)e.low, (long long)e.high, e.basis);
	if (e.judged > 0)
		sk_outf("on %zu past prompts it was wrong by %lld tokens on "
			"average, the mean of three by %lld\n",
		    e.judged, (long long)e.mae, (long long)e.mae3);
	else
		sk_out_str("there is no past to judge it by\n");
}

int
sk_mverb_estimate(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_figures f;
	struct sk_mbase b = { 0 };
	struct sk_buf out;
	int rc;

	rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	sk_figures_init(&f);
	rc = sk_mbase_open(ctx, &b, SK_DB_CREATE, err);
	if (rc == 0 && ctx->argc > 0) {
		rc = before(ctx, &b, err);
	} else if (rc == 0) {
		rc = sk_mbase_run(&b, o, err);
		if (rc == 0)
			rc = sk_mbase_load(&b, o, &f, err);
		if (rc == 0 &&
		    (ctx->format == SK_FMT_TEXT ||
			(o->explain_estimate && !ctx->format_given))) {
			explain(&f);
		} else if (rc == 0) {
			sk_buf_init(&out, 0);
			sk_figures_json(&out, &f, NULL);
			sk_out_json(&out);
			sk_buf_free(&out);
		}
	}
	sk_figures_free(&f);
	sk_mbase_close(&b);
	return rc;
}

/* ---- watch ---- */

static void
keep(const void *p, size_t n, void *arg)
{
	struct sk_buf *b = arg;

	sk_buf_add(b, p, n);
}

/* The first lines that fit, over what stood there: nothing scrolls, wraps or
 * flickers, and the figures that matter most stay in sight. */
static void
show_screen(const char *text)
{
	struct winsize ws;
	int rows = 24;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_row > 0)
		rows = ws.ws_row;
	sk_out_str("\033[?7l\033[H");
	for (; *text != '\0' && rows > 1; rows--) {
		size_t n = strcspn(text, "\n");

		sk_out(text, n);
		sk_out_str("\033[K\n");
		text += n + (text[n] == '\n');
	}
	sk_out_str("\033[J\033[?7h");
}

static int
draw(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_buf text;
	struct sk_metrics_opts o = *(struct sk_metrics_opts *)ctx->opts;
	struct sk_figures f;
	struct sk_mbase b = { 0 };
	int rc;

	sk_figures_init(&f);
	/* Open only while looking: nobody shall wait for us. */
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0)
		rc = sk_mbase_run(&b, &o, err);
	if (rc == 0)
		rc = sk_mbase_load(&b, &o, &f, err);
	if (rc == 0) {
		sk_buf_init(&text, 0);
		sk_out_sink(keep, &text);
		sk_figures_text(&f);
		rc = sk_out_flush(err);
		sk_out_sink(NULL, NULL);
		if (rc == 0 && text.len > 0)
			show_screen(text.p);
		sk_buf_free(&text);
		if (rc == 0)
			rc = sk_out_flush(err);
	}
	sk_figures_free(&f);
	sk_mbase_close(&b);
	return rc;
}

int
sk_mverb_watch(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_metrics_opts *o = ctx->opts;
	int64_t every = o->every > 0 ? o->every : 1000;
	int rc;

	if (!sk_stdout_tty()) {
		(void)sk_fail(err, SK_USAGE, "no_terminal",
		    "standard output is no terminal");
		return sk_hint(
		    err, "'sk-metrics show' prints the figures once");
	}
	rc = sk_mbase_names(ctx->opts, err);
	while (rc == 0) {
		rc = draw(ctx, err);
		if (rc == 0 && poll(NULL, 0, (int)every) < 0 && errno != EINTR)
			rc = sk_fail_errno(err, "cannot wait");
	}
	return rc;
}
