/* SPDX-License-Identifier: MIT */
/*
 * metrics: tokens, money, estimates, budgets.
 *
 * Promises: an attempt is charged once, under one key, whether it failed or
 * not; every vendor's figures become fresh + cache_read + cache_write + output,
 * and these four are the total; money is whole micro US dollars; a price that
 * is not known is named and never 0; a figure that cannot be true is clamped
 * and flagged. A budget is reserved in the transaction that would spend it.
 *
 * Ownership: texts in structs belong to who filled them; an arena that is given
 * owns what is put into it.
 */
#ifndef SK_METRICS_H
#define SK_METRICS_H

#include "config/config.h"
#include "core/core.h"
#include "store/store.h"
#include "json/json.h"

/* ---- tokens (tokens.c) ---- */

#define SK_TOKENS_MAX ((int64_t)1 << 40)
/* A figure that cannot be true was clamped. */
#define SK_TF_SUSPECT SK_USAGE_SUSPECT
#define SK_TF_NONE 2 /* nothing was said about tokens */
#define SK_TF_DELTA 4 /* difference of a running total */
#define SK_TF_REPORTED 8 /* the cost is what the agent said */
#define SK_TF_MISMATCH 16 /* its own total is another */
#define SK_TF_FAILED 32 /* of an attempt that failed */
#define SK_TF_ESTIMATED SK_USAGE_ESTIMATED /* it ran and did not say */

struct sk_tokens {
	int64_t fresh, cache_read, cache_write, output;
	int64_t reasoning; /* part of output */
	int64_t flags;
};
int64_t sk_tokens_input(const struct sk_tokens *t); /* the whole prompt */
int64_t sk_tokens_total(const struct sk_tokens *t);
/* Saturating, field by field. */
void sk_tokens_add(struct sk_tokens *t, const struct sk_tokens *u);
/*
 * One usage object as a vendor writes it: our own form, Anthropic, OpenAI
 * (Responses, Chat), codex, Gemini (API, program), opencode, qwen, copilot,
 * Ollama. vendor is a hint or NULL; the keys decide. False when it says nothing
 * about tokens (then t has SK_TF_NONE).
 */
bool sk_tokens_read(
    struct sk_tokens *t, const struct sk_jv *usage, const char *vendor);
/* now - before for a running total. An earlier total than one that was seen is
 * nothing new (later = false); one that started again counts whole. */
struct sk_tokens sk_tokens_delta(
    const struct sk_tokens *now, const struct sk_tokens *before, bool later);

/* ---- prices (price.c, litellm.c) ---- */

/* The registry, what was imported, and the user's own; see sk_model_find(). */
struct sk_prices {
	const struct sk_config *conf; /* NULL = no registry */
	struct sk_buf imported; /* the file, or empty */
	bool loaded;
	char last[128]; /* the newest question and its answer */
	struct sk_model model;
	bool found;
	struct sk_arena arena;
};
void sk_prices_init(struct sk_prices *p, const struct sk_config *conf);
void sk_prices_free(struct sk_prices *p);
/* False when nothing is known; m->name is the name asked for then. */
bool sk_price_find(
    struct sk_prices *p, const char *model, const struct sk_model **m);
/* Micro USD; -1 when a rate that is needed is not known. */
int64_t sk_cost_of(const struct sk_model *m, const struct sk_tokens *t);
/* Where imported prices are kept; malloc'd. */
char *sk_prices_path(struct sk_err *err);
struct sk_prices_import {
	size_t taken, unpriced, bad;
};
/* LiteLLM's model_prices_and_context_window.json → our table. */
int sk_prices_import(const char *json, size_t n, const char *source,
    const char *path, struct sk_prices_import *out, struct sk_err *err);
/* "$0.12" for people. */
void sk_usd_short(int64_t micro, char out[SK_USD_LEN]);
/* "2", "0.50" US dollars → micro; false when it is no amount. */
bool sk_usd_parse(const char *s, int64_t *micro);

/* ---- SessionMetrics (session.c) ---- */

#define SK_WINDOW 3
#define SK_WINDOW_MAX 64
#define SK_PROMPT_GUESS 4000
#define SK_HISTORY 32 /* calls that a guess looks back at */
struct sk_session {
	struct sk_tokens total, last;
	uint32_t turns, replays, duplicates;
	size_t window, n; /* n of recent[] are filled, oldest first */
	int64_t recent[SK_WINDOW_MAX];
};
void sk_session_init(struct sk_session *m, size_t window); /* at least 1 */
void sk_session_turn(struct sk_session *m, const struct sk_tokens *u);
/* The totals are known from elsewhere. */
void sk_session_sync(struct sk_session *m, const struct sk_tokens *total,
    const struct sk_tokens *last, uint32_t turns);
void sk_session_replay(struct sk_session *m);
void sk_session_duplicates(struct sk_session *m, uint32_t n);
/* As at the beginning; the window's size stays. */
void sk_session_reset(struct sk_session *m);
int64_t sk_session_estimate(const struct sk_session *m);
/* "window", "last_turn", "default" */
const char *sk_session_basis(const struct sk_session *m);
/* NULL, or what looks like a loop; *critical tells its weight. */
const char *sk_session_warning(const struct sk_session *m, bool *critical);

/* ---- a better guess (estimate.c) ---- */

/* Several simple predictors; the one that was best so far on this sequence is
 * believed, and its own errors make the interval. */
#define SK_EXPERTS 7
#define SK_ERRORS_MAX 64
struct sk_estimator {
	double x[SK_EXPERTS]; /* what each says next */
	double loss[SK_EXPERTS]; /* of late, decaying */
	double level, trend, fast, slow, sum;
	double recent[9];
	size_t n, nrecent;
	double err[SK_ERRORS_MAX]; /* ratio of truth to guess */
	size_t nerr;
	double abs_err, abs_err3; /* sums, ours and the mean of three's */
	size_t judged;
};
struct sk_estimate {
	int64_t value, low, high; /* low to high: 80 % of past errors */
	const char *basis;
	int64_t mae, mae3; /* mean absolute error, the mean of three's; -1 */
	size_t judged;
};
void sk_estimator_init(struct sk_estimator *e);
void sk_estimator_add(struct sk_estimator *e, int64_t tokens);
void sk_estimator_ask(const struct sk_estimator *e, struct sk_estimate *out);

/* What a call will cost: the least, the likely and the most. */
struct sk_call_cost {
	int64_t in_low, in_likely, in_high; /* tokens */
	int64_t out_low, out_likely, out_high;
	int64_t low, likely, high; /* micro USD, -1 = price unknown */
	size_t history; /* calls that the output was guessed from */
};
void sk_call_cost(const struct sk_model *m, size_t prompt_bytes,
    const int64_t *outputs, size_t n, struct sk_call_cost *out);

/* ---- booking (book.c) ---- */

struct sk_meter {
	struct sk_db *db;
	const struct sk_config *conf;
	struct sk_prices prices;
	bool unpriced; /* let calls pass whose price is not known */
	int64_t held; /* by the newest reservation; -1 = price unknown */
	bool limited; /* it is for a budget with a limit */
	char warning[300]; /* of a budget that runs out */
};
void sk_meter_init(
    struct sk_meter *m, struct sk_db *db, const struct sk_config *conf);
void sk_meter_free(struct sk_meter *m);
/* What is known of the model, or of an adapter without one. */
bool sk_meter_model(struct sk_meter *m, const char *model, const char *adapter,
    const struct sk_model **out);
/* "RUN/BRANCH/SPEC/STAGE/ROUND/AGENT#ATTEMPT" */
void sk_usage_key(struct sk_buf *b, const struct sk_key *k, int64_t attempt);
/* Book an attempt that has ended; what was booked is known, not an error. One
 * that ran and did not say what it used is charged what was reserved for it, or
 * the likely cost, as an estimate; what it says later takes its place. */
int sk_meter_book(struct sk_meter *m, const struct sk_attempt_row *row,
    enum sk_booked *what, struct sk_err *err);

struct sk_settlement {
	int64_t booked, known, lost, released; /* attempts */
	int64_t open; /* not ended, as far as is known */
};
/* All ended attempts of (run, branch, stage): booked once, reservations let go
 * of. branch, stage NULL = all. Idempotent. */
int sk_meter_settle(struct sk_meter *m, const char *run, const char *branch,
    const char *stage, struct sk_settlement *out, struct sk_err *err);
/* Reservations of dead processes: a call that was begun is charged, any other
 * is let go of; *n = how many. Within the caller's transaction. */
int sk_meter_sweep(struct sk_meter *m, int64_t *n, struct sk_err *err);

/* ---- budgets (budget.c, budget_show.c) ---- */

/* One call that is about to be made. */
struct sk_call {
	struct sk_key key;
	int64_t attempt;
	const char *root, *adapter, *model;
	size_t prompt_bytes;
	int64_t cost; /* micro USD when it is known, -1 = guess */
	const struct sk_proc_id *holder; /* NULL = this process */
	const char *name; /* key of the reservation, NULL = the attempt's */
};
/* Scopes that a call belongs to, with the limits of the configuration. */
struct sk_budgets {
	struct sk_scope v[SK_SCOPES_MAX + 24]; /* room for providers */
	size_t n;
	bool limited;
	struct sk_arena arena;
};
void sk_budgets_of(struct sk_budgets *b, const struct sk_config *conf,
    const struct sk_key *k, const char *root, const char *provider,
    int64_t now_ms);
void sk_budgets_free(struct sk_budgets *b);
/* When the scope starts again, ms; 0 = never. */
int64_t sk_scope_resets(const char *scope, int64_t now_ms);
/*
 * Room for one more call in every budget, or SK_BUDGET: "budget_exceeded" with
 * scope, limit, used, requested and resets_at in details, or "unpriced". Does
 * nothing when there are no budgets. Within the caller's transaction.
 */
int sk_meter_reserve(
    struct sk_meter *m, const struct sk_call *c, struct sk_err *err);
/* Say what was noted, after the transaction. */
void sk_meter_warn(struct sk_meter *m);
double sk_budget_threshold(const struct sk_config *conf);
/* What a reservation came to: booked under its key, to the budgets that it was
 * reserved in. SK_USAGE "no_reservation" unless it is there or was charged. */
int sk_meter_charge(struct sk_meter *m, const char *key, int64_t cost,
    bool *already, struct sk_err *err);
/* "", "warning" from 80 %, "critical" from 90 %, "exceeded" from 100 %. */
const char *sk_budget_level(int64_t used, int64_t limit, double warn);
/* sk.budget/1 */
int
sk_budget_json(struct sk_buf *out, struct sk_db *db, const struct sk_budgets *b,
    const char *reserved, int64_t cost, double warn, struct sk_err *err);
int sk_budget_text(struct sk_db *db, const struct sk_budgets *b, double warn,
    struct sk_err *err); /* prints */
/* All providers that have a limit, beside what sk_budgets_of() found. */
void sk_budgets_providers(
    struct sk_budgets *b, const struct sk_config *conf, int64_t now_ms);

/* ---- figures (figures.c, figures_json.c, line.c) ---- */

struct sk_part {
	char *name;
	struct sk_tokens t;
	int64_t calls, cost, unpriced, failed, estimated;
	int64_t context_used, context_window; /* of the newest; 0 = unknown */
};
struct sk_parts {
	struct sk_part *v;
	size_t n, cap;
};
/* Everything that is known of a run, a branch or a stream of records. */
struct sk_figures {
	struct sk_arena arena;
	struct sk_session session;
	struct sk_estimator est;
	struct sk_parts agents, stages, models;
	struct sk_part all;
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN], spec[SK_IDENT_LEN];
	char stage[SK_IDENT_LEN]; /* the newest */
	struct sk_strv unpriced_models;
	struct sk_strv called, answered; /* agents of the newest stage */
	char model[128]; /* of the newest turn */
	int64_t suspect, skipped;
	int64_t agents_done, agents_all; /* of the newest stage */
};
void sk_figures_init(struct sk_figures *f);
void sk_figures_free(struct sk_figures *f);
/* A record: sk.answer/1 is added, sk.metrics/1 syncs, sk.intake/1 tells of
 * duplicates; false when it is none of these. */
bool sk_figures_record(
    struct sk_figures *f, struct sk_prices *p, const struct sk_jv *v);
/* branch, stage NULL = all. */
int sk_figures_load(struct sk_figures *f, struct sk_db *db, struct sk_prices *p,
    const char *run, const char *branch, const char *stage, struct sk_err *err);
/* In percent; -1 = not known. */
int sk_context_percent(const struct sk_part *p);
const char *sk_context_level(int percent); /* "", "warning", "critical" */
void sk_figures_json(struct sk_buf *b, const struct sk_figures *f,
    const struct sk_settlement *s);
void sk_figures_text(const struct sk_figures *f); /* prints */

/* "12.5k", "4k", "1.2M" */
void sk_count_text(struct sk_buf *b, int64_t n);
/* The lines of the manual, without newline. */
void sk_line_tokens(struct sk_buf *b, const struct sk_figures *f, bool narrow);
void sk_line_stage(struct sk_buf *b, const struct sk_figures *f);

/* ---- logs of agents (import.c, import_logs.c, import_show.c) ---- */

struct sk_import_count {
	int64_t files, bytes, lines, calls, fresh, revised, known;
	/* by what a call was told from others */
	int64_t by_message, by_request, by_content;
	/* what was left out, and why */
	int64_t bad, too_long, cut, own, synthetic, repeated, copied, before,
	    suspect;
};
struct sk_import_opts {
	const char *source; /* NULL = by looking */
	int64_t since_ms; /* earlier calls are left out */
	bool again; /* from the beginning */
};
struct sk_import *sk_import_open(
    struct sk_meter *m, const struct sk_import_opts *o, struct sk_err *err);
/* A file, or every log below a directory. */
int sk_import_path(struct sk_import *im, const char *path, struct sk_err *err);
/* What the programs of this user have written; *n = places that are there. */
int sk_import_home(struct sk_import *im, size_t *n, struct sk_err *err);
int sk_import_finish(struct sk_import *im, struct sk_err *err);
void sk_import_json(struct sk_buf *b, const struct sk_import *im);
void sk_import_text(const struct sk_import *im, bool explain); /* prints */
void sk_import_close(struct sk_import *im);

/* ---- reports (report.c, html.c) ---- */

struct sk_report {
	enum sk_by by;
	const char *by_name;
	struct sk_sum_filter filter;
	struct sk_sum *rows;
	size_t n;
	struct sk_sum all;
	struct sk_arena arena;
};
/* "day" → SK_BY_DAY; false when nobody knows it. */
bool sk_by_parse(const char *word, enum sk_by *by);
int sk_report_load(struct sk_report *r, struct sk_db *db, struct sk_err *err);
void sk_report_free(struct sk_report *r);
void sk_report_json(struct sk_buf *b, const struct sk_report *r);
void sk_report_csv(struct sk_buf *b, const struct sk_report *r);
void sk_report_text(const struct sk_report *r); /* prints, with bars */
/* One self-contained page about a run: who worked when, what it cost. */
int sk_html_run(struct sk_buf *b, struct sk_db *db, const char *run,
    const struct sk_figures *f, struct sk_err *err);

/* ---- the tool's verbs (verbs*.c) ---- */

/* Every option of every verb; a verb looks at its own. */
struct sk_metrics_opts {
	const char *run, *branch, *stage, *spec;
	const char *format; /* status */
	int64_t columns; /* status */
	const char *amount, *model, *key, *unpriced, *cost; /* budgets */
	int64_t holder;
	const char *source, *since; /* import, report */
	bool explain, again; /* import */
	bool explain_estimate;
	int64_t every; /* watch */
	const char *by, *until, *agent, *html; /* report */
	bool csv;
};
struct sk_ctx;
int sk_mverb_filter(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_settle(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_show(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_status(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_budget(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_reserve(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_release(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_import(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_report(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_prices(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_estimate(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_watch(struct sk_ctx *ctx, struct sk_err *err);
int sk_mverb_record(struct sk_ctx *ctx, struct sk_err *err);

#endif
