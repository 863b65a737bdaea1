/* SPDX-License-Identifier: MIT */
/* sk-metrics: budgets and reservations. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "metrics/verbs.h"

/* ---- budgets ---- */

static int
print_budgets(const struct sk_ctx *ctx, struct sk_mbase *b,
    const struct sk_budgets *g, const char *key, int64_t cost,
    struct sk_err *err)
{
	double warn = sk_budget_threshold(&b->conf);
	struct sk_buf out;
	int rc;

	if (ctx->format == SK_FMT_TEXT)
		return sk_budget_text(b->db, g, warn, err);
	sk_buf_init(&out, 0);
	rc = sk_budget_json(&out, b->db, g, key, cost, warn, err);
	if (rc == 0)
		sk_out_json(&out);
	sk_buf_free(&out);
	return rc;
}

int
sk_mverb_budget(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_budgets g = { 0 };
	struct sk_mbase b = { 0 };
	int rc;

	rc = sk_mbase_names(o, err);
	if (rc != 0)
		return rc;
	rc = sk_mbase_open(ctx, &b, SK_DB_CREATE, err);
	if (rc == 0) {
		struct sk_key k = { o->run, o->branch, o->spec, "", "", 1 };

		sk_budgets_of(
		    &g, &b.conf, &k, b.conf.project_root, NULL, sk_now_ms());
		sk_budgets_providers(&g, &b.conf, sk_now_ms());
		rc = print_budgets(ctx, &b, &g, NULL, -1, err);
	}
	sk_budgets_free(&g);
	sk_mbase_close(&b);
	return rc;
}

/* Who holds it: by default whoever called us, since we end at once. */
static int
find_holder(
    const struct sk_metrics_opts *o, struct sk_proc_id *id, struct sk_err *err)
{
	pid_t pid = o->holder > 0 ? (pid_t)o->holder : getppid();

	if (sk_proc_of(pid, id))
		return 0;
	return sk_fail(err, SK_USAGE, "no_such_process",
	    "there is no process %lld", (long long)pid);
}

static int
read_call(struct sk_metrics_opts *o, struct sk_call *c, struct sk_err *err)
{
	struct sk_buf prompt;
	int rc;

	if (o->amount != NULL && sk_usd_parse(o->amount, &c->cost))
		return 0;
	if (o->amount != NULL) {
		(void)sk_fail(err, SK_USAGE, "bad_argument",
		    "option '--amount': '%s' is no amount", o->amount);
		return sk_hint(err, "US dollars, like 2 or 0.35");
	}
	sk_buf_init(&prompt, 0);
	rc = sk_read_fd(
	    STDIN_FILENO, (size_t)64 << 20, &prompt, "standard input", err);
	c->prompt_bytes = prompt.len;
	sk_buf_free(&prompt);
	return rc;
}

int
sk_mverb_reserve(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_metrics_opts *o = ctx->opts;
	struct sk_budgets g = { 0 };
	struct sk_proc_id holder;
	struct sk_mbase b = { 0 };
	struct sk_call c = { .cost = -1, .attempt = 1 };
	char id[SK_ID_LEN];
	int rc;

	rc = sk_mbase_names(o, err);
	if (rc == 0)
		rc = read_call(o, &c, err);
	if (rc == 0)
		rc = find_holder(o, &holder, err);
	if (rc != 0)
		return rc;
	sk_id_new(id);
	c.key = (struct sk_key){ o->run, o->branch, o->spec, "", "-", 1 };
	c.name = o->key != NULL ? o->key : id;
	c.model = o->model;
	c.holder = &holder;
	rc = sk_mbase_open(ctx, &b, SK_DB_CREATE, err);
	c.root = b.loaded ? b.conf.project_root : NULL;
	if (o->unpriced != NULL)
		b.meter.unpriced = sk_streq(o->unpriced, "allow");
	if (rc == 0)
		rc = sk_meter_reserve(&b.meter, &c, err);
	sk_meter_warn(&b.meter);
	if (rc == 0) {
		sk_budgets_of(&g, &b.conf, &c.key, c.root, NULL, sk_now_ms());
		rc = print_budgets(ctx, &b, &g, c.name, b.meter.held, err);
	}
	sk_budgets_free(&g);
	sk_mbase_close(&b);
	return rc;
}

int
sk_mverb_release(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_metrics_opts *o = ctx->opts;
	const char *key = ctx->argv[0];
	struct sk_mbase b = { 0 };
	bool already = false;
	int64_t cost = 0;
	int rc;

	if (o->cost != NULL && !sk_usd_parse(o->cost, &cost))
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "option '--cost': '%s' is no amount", o->cost);
	rc = sk_mbase_open(ctx, &b, 0, err);
	if (rc == 0 && o->cost != NULL)
		rc = sk_meter_charge(&b.meter, key, cost, &already, err);
	else if (rc == 0)
		rc = sk_release(b.db, key, NULL, err);
	sk_mbase_close(&b);
	return rc;
}
