/* SPDX-License-Identifier: MIT */
/* sk-metrics: tokens, money, estimates, budgets. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "config/config.h"
#include "metrics/metrics.h"
#include "store/store.h"

struct opts {
	const char *run, *branch, *stage, *spec;
	const char *format; /* status */
	int64_t columns; /* status */
	const char *amount, *model, *key, *unpriced, *cost; /* budgets */
	int64_t holder;
};

#define T struct opts

#define RUN_OPT(help) \
	SK_OPT_STR(T, 'r', "run", "RUN", run, SK_C_RUN, help, NULL)
#define BRANCH_OPT(help) \
	SK_OPT_STR(T, 'b', "branch", "BRANCH", branch, SK_C_BRANCH, help, NULL)
#define STAGE_OPT(help) \
	SK_OPT_STR(T, 's', "stage", "STAGE", stage, SK_C_STAGE, help, NULL)
#define SPEC_OPT(help) \
	SK_OPT_STR(T, 0, "spec", "SPEC", spec, SK_C_SPEC, help, NULL)

static const struct sk_opt filter_opts[] = { SK_OPT_END };
static const struct sk_opt settle_opts[] = { RUN_OPT(
						 "settle this run (SK_RUN)"),
	BRANCH_OPT("only this branch of it (SK_BRANCH)"),
	STAGE_OPT("only this stage"), SK_OPT_END };
static const struct sk_opt show_opts[] = {
	RUN_OPT("figures of this run (SK_RUN, else the newest)"),
	BRANCH_OPT("only this branch of it"), STAGE_OPT("only this stage"),
	SK_OPT_END
};
static const struct sk_opt status_opts[] = {
	SK_OPT_ENUM(T, 0, "format", "FORMAT", format, "plain tmux json text",
	    "for a prompt, for tmux, or as JSON (plain)", NULL),
	SK_OPT_INT(T, 'c', "columns", "N", columns, 1, 10000,
	    "width; the short form below 60 (the terminal's)", NULL),
	RUN_OPT("of this run (SK_RUN, else the newest)"),
	BRANCH_OPT("only this branch of it"),
	SPEC_OPT("of the newest run of this specification"), SK_OPT_END
};

static const struct sk_opt budget_opts[] = {
	RUN_OPT("with the budget of this run (SK_RUN)"),
	BRANCH_OPT("with the budget of this branch (SK_BRANCH)"),
	SPEC_OPT("with the budget of this specification"), SK_OPT_END
};
static const struct sk_opt reserve_opts[] = {
	SK_OPT_STR(T, 'a', "amount", "USD", amount, SK_C_NONE,
	    "hold this much (what the prompt may cost)",
	    "Without it the prompt is read from standard input, and the most "
	    "that it is likely to cost with the model is held."),
	SK_OPT_STR(T, 'm', "model", "MODEL", model, SK_C_NONE,
	    "the model that will be asked", NULL),
	SK_OPT_STR(T, 'k', "key", "KEY", key, SK_C_NONE,
	    "name of the reservation (a new one)", NULL),
	SK_OPT_INT(T, 'p', "holder", "PID", holder, 1, INT32_MAX,
	    "ends with this process (the caller)", NULL),
	SK_OPT_ENUM(T, 0, "unpriced", "WHAT", unpriced, "refuse allow",
	    "when the price is not known (refuse)", NULL),
	RUN_OPT("from the budget of this run (SK_RUN)"),
	BRANCH_OPT("from the budget of this branch (SK_BRANCH)"),
	SPEC_OPT("from the budget of this specification"), SK_OPT_END
};
static const struct sk_opt release_opts[] = {
	SK_OPT_STR(T, 0, "cost", "USD", cost, SK_C_NONE,
	    "book this much of it; without it nothing was spent", NULL),
	SK_OPT_END
};

/* ---- shared ---- */

/* What most verbs stand on. */
struct base {
	struct sk_db *db;
	struct sk_config conf;
	bool loaded;
	struct sk_meter meter;
	struct sk_arena arena;
};

static int
open_all(struct sk_ctx *ctx, struct base *b, unsigned flags, struct sk_err *err)
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

static void
close_all(struct base *b)
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

static int
check_name(const char *what, const char *s, bool (*ok)(const char *),
    struct sk_err *err)
{
	if (s == NULL || ok(s))
		return 0;
	return sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not the name of %s", s, what);
}

/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
static int
names(struct opts *o, struct sk_err *err)
{
	const char *run = env("SK_RUN");
	int rc;

	if (o->branch == NULL && o->spec == NULL &&
	    (o->run == NULL || (run != NULL && strcmp(o->run, run) == 0)))
		o->branch = env("SK_BRANCH");
	if (o->run == NULL && o->spec == NULL)
		o->run = run;
	rc = check_name("a run", o->run, sk_ident_ok, err);
	if (rc == 0)
		rc = check_name("a branch", o->branch, sk_branch_id_ok, err);
	if (rc == 0)
		rc = check_name("a stage", o->stage, sk_ident_ok, err);
	return rc != 0
	           ? rc
	           : check_name("a specification", o->spec, sk_ident_ok, err);
}

static void
print_figures(const struct sk_ctx *ctx, const struct sk_figures *f,
    const struct sk_settled *s)
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
newest(struct base *b, struct opts *o, struct sk_err *err)
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

static int
pick_run(struct base *b, struct opts *o, struct sk_err *err)
{
	int rc;

	if (o->run != NULL)
		return 0;
	rc = newest(b, o, err);
	if (rc != 0 || o->run != NULL)
		return rc;
	if (o->spec != NULL)
		(void)sk_fail(err, SK_USAGE, "no_run",
		    "there is no run of '%s' here", o->spec);
	else
		(void)sk_fail(err, SK_USAGE, "no_run", "there is no run");
	return sk_hint(err, "sk-run and sk-auto make runs; "
			    "'sk-branch list --all' shows them");
}

static int
load(struct base *b, const struct opts *o, struct sk_figures *f,
    struct sk_err *err)
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

static int
filter(struct sk_ctx *ctx, struct sk_err *err)
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

static int
settle(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_settled s = { 0 };
	struct sk_figures f;
	struct sk_run run;
	struct base b = { 0 };
	bool found = true;
	int rc;

	rc = names(o, err);
	if (rc != 0)
		return rc;
	if (o->run == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "neither --run nor SK_RUN says which run");
		return sk_hint(err, "'sk-branch list' shows the runs");
	}
	sk_figures_init(&f);
	rc = open_all(ctx, &b, 0, err);
	if (rc == 0)
		rc = sk_run_get(b.db, o->run, &run, &found, &b.arena, err);
	if (rc == 0 && !found)
		rc = sk_fail(err, SK_USAGE, "no_such_run",
		    "there is no run '%s'", o->run);
	if (rc == 0)
		rc = sk_meter_settle(
		    &b.meter, o->run, o->branch, o->stage, &s, err);
	if (rc == 0)
		rc = load(&b, o, &f, err);
	if (rc == 0)
		print_figures(ctx, &f, &s);
	sk_figures_free(&f);
	close_all(&b);
	return rc;
}

static int
show(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_figures f;
	struct base b = { 0 };
	int rc;

	if (ctx->argc > 0)
		o->spec = ctx->argv[0];
	rc = names(o, err);
	if (rc != 0)
		return rc;
	sk_figures_init(&f);
	rc = open_all(ctx, &b, 0, err);
	if (rc == 0)
		rc = pick_run(&b, o, err);
	if (rc == 0)
		rc = load(&b, o, &f, err);
	if (rc == 0)
		print_figures(ctx, &f, NULL);
	sk_figures_free(&f);
	close_all(&b);
	return rc;
}

/* ---- status ---- */

static void
print_status(const struct sk_figures *f, const struct opts *o)
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

static int
status(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_figures f;
	struct base b = { 0 };
	int rc;

	rc = names(o, err);
	if (rc != 0)
		return rc;
	if (ctx->format_given && o->format == NULL)
		o->format = ctx->format == SK_FMT_JSON ? "json" : "plain";
	sk_figures_init(&f);
	rc = open_all(ctx, &b, 0, err);
	if (rc == 0)
		rc = pick_run(&b, o, err);
	if (rc == 0)
		rc = load(&b, o, &f, err);
	if (rc == 0)
		print_status(&f, o);
	sk_figures_free(&f);
	close_all(&b);
	return rc;
}

/* ---- budgets ---- */

static int
print_budgets(const struct sk_ctx *ctx, struct base *b,
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

static int
budget(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_budgets g = { 0 };
	struct base b = { 0 };
	int rc;

	rc = names(o, err);
	if (rc != 0)
		return rc;
	rc = open_all(ctx, &b, SK_DB_CREATE, err);
	if (rc == 0) {
		struct sk_key k = { o->run, o->branch, o->spec, "", "", 1 };

		sk_budgets_of(
		    &g, &b.conf, &k, b.conf.project_root, NULL, sk_now_ms());
		sk_budgets_providers(&g, &b.conf, sk_now_ms());
		rc = print_budgets(ctx, &b, &g, NULL, -1, err);
	}
	sk_budgets_free(&g);
	close_all(&b);
	return rc;
}

/* Who holds it: by default whoever called us, since we end at once. */
static int
find_holder(const struct opts *o, struct sk_proc_id *id, struct sk_err *err)
{
	pid_t pid = o->holder > 0 ? (pid_t)o->holder : getppid();

	if (sk_proc_of(pid, id))
		return 0;
	return sk_fail(err, SK_USAGE, "no_such_process",
	    "there is no process %lld", (long long)pid);
}

static int
read_call(struct opts *o, struct sk_call *c, struct sk_err *err)
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

static int
reserve(struct sk_ctx *ctx, struct sk_err *err)
{
	struct opts *o = ctx->opts;
	struct sk_budgets g = { 0 };
	struct sk_proc_id holder;
	struct base b = { 0 };
	struct sk_call c = { .cost = -1, .attempt = 1 };
	char id[SK_ID_LEN];
	int rc;

	rc = names(o, err);
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
	rc = open_all(ctx, &b, SK_DB_CREATE, err);
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
	close_all(&b);
	return rc;
}

static int
release(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct opts *o = ctx->opts;
	const char *key = ctx->argv[0];
	struct base b = { 0 };
	bool already = false;
	int64_t cost = 0;
	int rc;

	if (o->cost != NULL && !sk_usd_parse(o->cost, &cost))
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "option '--cost': '%s' is no amount", o->cost);
	rc = open_all(ctx, &b, 0, err);
	if (rc == 0 && o->cost != NULL)
		rc = sk_meter_charge(&b.meter, key, cost, &already, err);
	else if (rc == 0)
		rc = sk_release(b.db, key, NULL, err);
	close_all(&b);
	return rc;
}

/* ---- the tool ---- */

static const char *const filter_ex[] = {
	"sk-run -a claude -a codex <prompt.md | sk-metrics | jq .cost",
	"sk-run -a claude <prompt.md | tee answers.jsonl | sk-metrics", NULL
};
static const char *const settle_ex[] = {
	"sk-metrics settle --run \"$SK_RUN\" --stage plan", NULL
};
static const char *const show_ex[] = { "sk-metrics show SPEC-7", NULL };
static const char *const budget_ex[] = { "sk-metrics budget --spec SPEC-7",
	NULL };
static const char *const reserve_ex[] = {
	"sk-metrics reserve --amount 0.25 --key job-7 && my-agent",
	"sk-metrics reserve --model claude-opus-5-5 <prompt.md", NULL
};
static const char *const release_ex[] = {
	"sk-metrics release job-7 --cost 0.11", NULL
};
static const char *const status_ex[] = {
	"set -g status-right '#(sk-metrics status --format tmux)'", NULL
};

#define OPTS(o) .opts = o, .opts_size = sizeof(struct opts)

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "Add up the records on standard input.",
	    .examples = filter_ex,
	    OPTS(filter_opts),
	    .flags = SK_V_CONFIG,
	    .run = filter },
	{ .name = "settle",
	    .operands = "",
	    .purpose = "book what the calls of a run cost, once",
	    .examples = settle_ex,
	    OPTS(settle_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = settle },
	{ .name = "show",
	    .operands = "[SPEC]",
	    .purpose = "figures of a run",
	    .examples = show_ex,
	    OPTS(show_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = show },
	{ .name = "status",
	    .operands = "",
	    .purpose = "one line for a prompt or tmux",
	    .examples = status_ex,
	    OPTS(status_opts),
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = status },
	{ .name = "budget",
	    .operands = "",
	    .purpose = "what may still be spent",
	    .examples = budget_ex,
	    OPTS(budget_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = budget },
	{ .name = "reserve",
	    .operands = "",
	    .purpose = "hold money for a call, or refuse it (7)",
	    .examples = reserve_ex,
	    OPTS(reserve_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = reserve },
	{ .name = "release",
	    .operands = "KEY",
	    .purpose = "let go of a reservation, or book its cost",
	    .examples = release_ex,
	    OPTS(release_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = release },
	{ .run = NULL }
};

static const char *const schemas[] = { "metrics", "budget", "answer", "error",
	NULL };
static const char *const see_also[] = { "sk-run 1", "sk-auto 1", "sk-branch 1",
	"sk-config 5", "sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-metrics",
	.purpose = "tokens, money, estimates and budgets",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
