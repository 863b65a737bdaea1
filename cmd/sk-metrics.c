/* SPDX-License-Identifier: MIT */
/* sk-metrics: tokens, money, estimates, budgets. */
#include "cli/cli.h"
#include "metrics/metrics.h"

#define T struct sk_metrics_opts

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
static const struct sk_opt import_opts[] = {
	SK_OPT_ENUM(T, 0, "source", "PROGRAM", source,
	    "claude codex gemini opencode",
	    "whose logs these are (found by looking)", NULL),
	SK_OPT_STR(T, 0, "since", "DATE", since, SK_C_NONE,
	    "leave out what is older: 2026-11-01, or 7d", NULL),
	SK_OPT_FLAG(T, 0, "explain-dedupe", explain,
	    "say how one call is told from another, and count", NULL),
	SK_OPT_FLAG(T, 0, "again", again,
	    "read files from the beginning, not from where we were", NULL),
	SK_OPT_END
};
static const struct sk_opt report_opts[] = {
	SK_OPT_ENUM(T, 0, "by", "WHAT", by,
	    "day week month run branch spec stage agent model provider source",
	    "one line for each of these (day)", NULL),
	SK_OPT_STR(T, 0, "since", "DATE", since, SK_C_NONE,
	    "from this day on: 2026-11-01, or 7d", NULL),
	SK_OPT_STR(
	    T, 0, "until", "DATE", until, SK_C_NONE, "up to this day", NULL),
	SPEC_OPT("only of this specification"), STAGE_OPT("only of this stage"),
	SK_OPT_STR(T, 'a', "agent", "NAME", agent, SK_C_AGENT,
	    "only of this agent", NULL),
	SK_OPT_STR(T, 'm', "model", "MODEL", model, SK_C_NONE,
	    "only of this model", NULL),
	SK_OPT_FLAG(T, 0, "csv", csv, "as comma-separated values", NULL),
	SK_OPT_STR(T, 0, "html", "FILE", html, SK_C_FILE,
	    "write a page about one run, with its timeline", NULL),
	RUN_OPT("the run of the page (SK_RUN, else the newest)"), SK_OPT_END
};
static const struct sk_opt estimate_opts[] = {
	SK_OPT_FLAG(T, 'e', "explain", explain_estimate,
	    "say how it was made, and how wrong it was so far", NULL),
	RUN_OPT("after the calls of this run (SK_RUN, else the newest)"),
	BRANCH_OPT("only of this branch"), SPEC_OPT("of its newest run"),
	SK_OPT_END
};
static const struct sk_opt watch_opts[] = { SK_OPT_DUR(T, 0, "every",
						"DURATION", every,
						"look so often (1s)", NULL),
	RUN_OPT("this run (SK_RUN, else the newest)"),
	BRANCH_OPT("only this branch"),
	SPEC_OPT("the newest run of this specification"), SK_OPT_END };
static const struct sk_opt no_opts[] = { SK_OPT_END };
static const struct sk_opt release_opts[] = {
	SK_OPT_STR(T, 0, "cost", "USD", cost, SK_C_NONE,
	    "book this much of it; without it nothing was spent", NULL),
	SK_OPT_END
};

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
static const char *const import_ex[] = { "sk-metrics import",
	"sk-metrics import --explain-dedupe ~/.claude/projects", NULL };
static const char *const report_ex[] = { "sk-metrics report --by model",
	"sk-metrics report --by day --since 7d --csv",
	"sk-metrics report --html run.html", NULL };
static const char *const prices_ex[] = { "sk-metrics prices claude-opus-5-5",
	"sk-metrics prices import model_prices_and_context_window.json", NULL };
static const char *const estimate_ex[] = { "sk-metrics estimate --explain",
	"sk-metrics estimate claude-opus-5-5 gpt-5-codex <prompt.md", NULL };
static const char *const watch_ex[] = { "sk-metrics watch --spec SPEC-7",
	NULL };
static const char *const record_ex[] = { "sk-metrics record <answers.jsonl",
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

#define OPTS(o) .opts = o, .opts_size = sizeof(struct sk_metrics_opts)

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "Add up the records on standard input.",
	    .examples = filter_ex,
	    OPTS(filter_opts),
	    .flags = SK_V_CONFIG,
	    .run = sk_mverb_filter },
	{ .name = "settle",
	    .operands = "",
	    .purpose = "book what the calls of a run cost, once",
	    .examples = settle_ex,
	    OPTS(settle_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_settle },
	{ .name = "show",
	    .operands = "[SPEC]",
	    .purpose = "figures of a run",
	    .examples = show_ex,
	    OPTS(show_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_show },
	{ .name = "status",
	    .operands = "",
	    .purpose = "one line for a prompt or tmux",
	    .examples = status_ex,
	    OPTS(status_opts),
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_mverb_status },
	{ .name = "budget",
	    .operands = "",
	    .purpose = "what may still be spent",
	    .examples = budget_ex,
	    OPTS(budget_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_budget },
	{ .name = "reserve",
	    .operands = "",
	    .purpose = "hold money for a call, or refuse it (7)",
	    .examples = reserve_ex,
	    OPTS(reserve_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_reserve },
	{ .name = "release",
	    .operands = "KEY",
	    .purpose = "let go of a reservation, or book its cost",
	    .examples = release_ex,
	    OPTS(release_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_release },
	{ .name = "import",
	    .operands = "[PATH]...",
	    .purpose = "book what agents wrote into their own logs",
	    .examples = import_ex,
	    OPTS(import_opts),
	    .max_args = -1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_import },
	{ .name = "report",
	    .operands = "",
	    .purpose = "usage by day, stage, agent and so on",
	    .examples = report_ex,
	    OPTS(report_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_report },
	{ .name = "estimate",
	    .operands = "[MODEL]...",
	    .purpose = "the next prompt, or what this prompt will cost",
	    .examples = estimate_ex,
	    OPTS(estimate_opts),
	    .max_args = -1,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_estimate },
	{ .name = "prices",
	    .operands = "[import] [MODEL]...",
	    .purpose = "what models cost, with date and source",
	    .examples = prices_ex,
	    OPTS(no_opts),
	    .max_args = -1,
	    .flags = SK_V_CONFIG,
	    .run = sk_mverb_prices },
	{ .name = "record",
	    .operands = "",
	    .purpose = "book the records on standard input",
	    .examples = record_ex,
	    OPTS(no_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_record },
	{ .name = "watch",
	    .operands = "",
	    .purpose = "figures of a run on the terminal, as they change",
	    .examples = watch_ex,
	    OPTS(watch_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_mverb_watch },
	{ .run = NULL }
};

static const char *const schemas[] = { "metrics", "budget", "import", "report",
	"estimate", "prices", "answer", "error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-auto 1", "sk-branch 1",
	"sk-config 5", "sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-metrics",
	.purpose = "tokens, money, estimates and budgets",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
