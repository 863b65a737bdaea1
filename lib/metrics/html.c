/* SPDX-License-Identifier: MIT */
/*
 * A run as one page that needs nothing else: no script, no font, no network.
 * Agents are rows, attempts bars, waits between attempts dashed lines; below
 * stand tokens and cost per stage. What agents chose is text, never markup.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/internal.h"

#define LEFT 150 /* names */
#define WIDE 1000 /* of the drawing */
#define ROW 30
#define TOP 44 /* stages and the axis */

struct bar {
	char *agent, *stage, *status, *kind;
	int64_t from, to, attempt;
};
struct page {
	struct sk_buf *b;
	struct sk_arena arena;
	struct bar *v;
	size_t n, cap;
	char **agents;
	size_t nagents, cap_agents;
	int64_t from, to;
};

/* ---- text ---- */

static void
text(struct sk_buf *b, const char *s)
{
	sk_buf_markup_visible(b, s, strlen(s));
}

static void
duration(struct sk_buf *b, int64_t ms)
{
	char s[32];

	sk_duration_text(ms, s, sizeof(s));
	sk_buf_str(b, s);
}

static const char style[] =
    ":root{color-scheme:light dark;--bg:#fff;--fg:#1d2329;--mute:#66707a;"
    "--line:#d5dae0;--band:#f3f5f7;--ok:#2f7d5b;--bad:#c23b3b;--late:#b7791f;"
    "--run:#5a6b7b;--in:#3d6fb4;--cache:#9dbce0;--out:#c4752c}"
    "@media(prefers-color-scheme:dark){:root{--bg:#14181c;--fg:#e4e8ec;"
    "--mute:#98a2ad;--line:#333b43;--band:#1c2227;--ok:#4aa67e;--bad:#e06565;"
    "--late:#d39a3c;--run:#8394a4;--in:#6b9ae0;--cache:#38557c;--out:#dd9a55}}"
    "body{margin:0 auto;padding:24px;max-width:1200px;background:var(--bg);"
    "color:var(--fg);font:15px/1.45 system-ui,sans-serif}"
    "h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:32px 0 8px}"
    "p{margin:0 0 12px;color:var(--mute)}"
    ".sum{display:flex;flex-wrap:wrap;gap:12px 36px;margin:20px 0}"
    ".sum b{display:block;font-size:22px;font-weight:600;color:var(--fg)}"
    ".sum span{color:var(--mute)}"
    "svg{display:block;width:100%;height:auto;font:12px system-ui,sans-serif}"
    "svg text{fill:var(--fg)}svg .m{fill:var(--mute)}"
    ".wrap{overflow-x:auto}svg{min-width:720px}"
    "table{border-collapse:collapse;width:100%;font-variant-numeric:"
    "tabular-nums;table-layout:fixed}th,td{padding:5px "
    "10px;text-align:right;border-bottom:1px "
    "solid var(--line)}th:first-child,td:first-child{text-align:left}"
    "th{color:var(--mute);font-weight:500}th:first-child{width:30%}"
    ".key i{display:inline-block;width:12px;height:12px;margin:0 6px 0 14px;"
    "vertical-align:-1px;border-radius:2px}.key i:first-child{margin-left:0}"
    "@media(max-width:640px){th,td{padding:5px 3px;font-size:12px}}";

/* ---- what is drawn ---- */

static int
take(void *arg, const struct sk_attempt_row *row, struct sk_err *err)
{
	struct page *p = arg;
	struct bar *x;
	size_t i = 0;

	(void)err;
	SK_GROW(NULL, p->v, p->n, p->cap);
	x = &p->v[p->n++];
	x->agent = sk_arena_strdup(&p->arena, row->key.agent);
	x->stage = sk_arena_strdup(&p->arena, row->key.stage);
	x->status = sk_arena_strdup(&p->arena, row->status);
	x->kind =
	    sk_arena_strdup(&p->arena, row->kind != NULL ? row->kind : "");
	x->attempt = row->attempt;
	x->from = row->started_ms;
	x->to =
	    row->ended_ms > row->started_ms ? row->ended_ms : row->started_ms;
	if (p->from == 0 || x->from < p->from)
		p->from = x->from;
	if (x->to > p->to)
		p->to = x->to;
	while (i < p->nagents && strcmp(p->agents[i], x->agent) != 0)
		i++;
	if (i < p->nagents)
		return 0;
	SK_GROW(NULL, p->agents, p->nagents, p->cap_agents);
	p->agents[p->nagents++] = x->agent;
	return 0;
}

static int
by_start(const void *a, const void *b)
{
	const struct bar *x = a, *y = b;

	if (x->from != y->from)
		return (x->from > y->from) - (x->from < y->from);
	return (x->attempt > y->attempt) - (x->attempt < y->attempt);
}

static double
at(const struct page *p, int64_t ms)
{
	int64_t span = p->to - p->from;

	return LEFT + (double)(ms - p->from) * (WIDE - LEFT - 34) /
	                  (double)(span > 0 ? span : 1);
}

static const char *
colour(const struct bar *x)
{
	if (strcmp(x->status, "accepted") == 0)
		return "ok";
	if (strcmp(x->status, "failed") == 0)
		return "bad";
	return strcmp(x->status, "spawned") == 0 ? "run" : "late";
}

/* A step of 1, 2 or 5 that makes about eight ticks. */
static int64_t
step_of(int64_t span)
{
	static const int64_t nice[] = { 100, 200, 500, 1000, 2000, 5000, 10000,
		15000, 30000, 60000, 120000, 300000, 600000, 900000, 1800000,
		3600000, 7200000, 14400000, 28800000, 86400000 };

	for (size_t i = 0; i < SK_ARRAY_SIZE(nice); i++)
		if (span / nice[i] <= 8)
			return nice[i];
	return span / 8;
}

static void
axis(struct page *p, double bottom)
{
	int64_t span = p->to - p->from, step = step_of(span);

	for (int64_t t = 0; t <= span; t += step) {
		double x = at(p, p->from + t);

		sk_buf_printf(p->b,
		    "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.0f\" "
		    "stroke=\"var(--line)\"/><text class=\"m\" x=\"%.1f\" "
		    "y=\"%d\" text-anchor=\"middle\">",
		    x, x, TOP, bottom, x, TOP - 6);
		if (t == 0)
			sk_buf_ch(p->b, '0');
		else
			duration(p->b, t);
		sk_buf_str(p->b, "</text>");
	}
}

/* A band from the first start to the last end of a stage, as long as no other
 * stage lies between. */
static void
stages(struct page *p, double bottom)
{
	bool dark = false;
	double end = 0, need; /* of the name before; of this one */

	for (size_t i = 0, j; i < p->n; i = j, dark = !dark) {
		int64_t to = p->v[i].to;
		double x0 = at(p, p->v[i].from), x1;

		for (j = i;
		     j < p->n && strcmp(p->v[j].stage, p->v[i].stage) == 0; j++)
			if (p->v[j].to > to)
				to = p->v[j].to;
		x1 = at(p, to);
		if (dark)
			sk_buf_printf(p->b,
			    "<rect x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
			    "height=\"%.0f\" fill=\"var(--band)\"/>",
			    x0, 0, x1 - x0, bottom);
		/* A name wider than what is free would run into the next; the
		 * last may begin before its band instead of being cut off. */
		x1 = j < p->n ? at(p, p->v[j].from) : WIDE;
		need = (double)strlen(p->v[i].stage) * 8 + 6;
		if (j == p->n && x0 + need > WIDE && WIDE - need - 1 > end)
			x0 = WIDE - need - 1;
		sk_buf_printf(p->b,
		    "<text x=\"%.1f\" y=\"16\" font-weight=\"600\">", x0 + 3);
		end = x0 + 16;
		if (need <= x1 - x0) {
			text(p->b, p->v[i].stage);
			end = x0 + need;
		} else if (x1 - x0 > 12) {
			sk_buf_printf(p->b, "%.1s", p->v[i].stage);
		}
		sk_buf_str(p->b, "</text>");
	}
}

static void
one_bar(struct page *p, const struct bar *x, double y)
{
	double x0 = at(p, x->from), w = at(p, x->to) - x0;

	sk_buf_printf(p->b,
	    "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" height=\"16\" "
	    "rx=\"2\" fill=\"var(--%s)\"><title>",
	    x0, y, w < 2 ? 2 : w, colour(x));
	text(p->b, x->agent);
	sk_buf_str(p->b, ", ");
	text(p->b, x->stage);
	sk_buf_printf(
	    p->b, ", attempt %lld: %s ", (long long)x->attempt, x->status);
	text(p->b, x->kind);
	sk_buf_str(p->b, " ");
	duration(p->b, x->to - x->from);
	sk_buf_str(p->b, "</title></rect>");
}

static void
agent_row(struct page *p, size_t k, double y)
{
	const struct bar *last = NULL;

	sk_buf_printf(p->b, "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">",
	    LEFT - 12, y + 13);
	text(p->b, p->agents[k]);
	sk_buf_str(p->b, "</text>");
	for (size_t i = 0; i < p->n; i++) {
		const struct bar *x = &p->v[i];

		if (strcmp(x->agent, p->agents[k]) != 0)
			continue;
		/* Between two attempts of a request somebody waited. */
		if (last != NULL && strcmp(last->stage, x->stage) == 0 &&
		    x->attempt > last->attempt && x->from > last->to)
			sk_buf_printf(p->b,
			    "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"%.0f\" "
			    "y2=\"%.0f\" stroke=\"var(--late)\" "
			    "stroke-width=\"2\" stroke-dasharray=\"4 3\">"
			    "<title>wait</title></line>",
			    at(p, last->to), at(p, x->from), y + 8, y + 8);
		one_bar(p, x, y);
		last = x;
	}
}

static void
timeline(struct page *p)
{
	double bottom = TOP + (double)p->nagents * ROW + 6;

	sk_buf_printf(p->b,
	    "<h2>Timeline</h2><div class=\"wrap\"><svg viewBox=\"0 0 %d "
	    "%.0f\" role=\"img\" aria-label=\"agents over time\">",
	    WIDE, bottom + 4);
	stages(p, bottom);
	axis(p, bottom);
	for (size_t i = 0; i < p->nagents; i++)
		agent_row(p, i, TOP + 8 + (double)i * ROW);
	sk_buf_str(p->b,
	    "</svg></div><p class=\"key\"><i style=\"background:var(--ok)\">"
	    "</i>answered<i style=\"background:var(--bad)\"></i>failed"
	    "<i style=\"background:var(--late)\"></i>late or waiting"
	    "<i style=\"background:var(--run)\"></i>not ended</p>");
}

/* ---- tokens and cost ---- */

static void
stacked(struct sk_buf *b, const struct sk_part *s, double y, int64_t most)
{
	const int64_t part[3] = { s->t.fresh + s->t.cache_write,
		s->t.cache_read, s->t.output };
	static const char *const fill[3] = { "in", "cache", "out" };
	double x = LEFT, room = 560 - LEFT;

	for (int i = 0; i < 3; i++) {
		double w = most > 0 ? (double)part[i] * room / (double)most : 0;

		if (w > 0)
			sk_buf_printf(b,
			    "<rect x=\"%.1f\" y=\"%.0f\" width=\"%.1f\" "
			    "height=\"16\" fill=\"var(--%s)\"/>",
			    x, y, w, fill[i]);
		x += w;
	}
	sk_buf_printf(
	    b, "<text class=\"m\" x=\"%.1f\" y=\"%.0f\">", x + 6, y + 13);
	sk_count_text(b, sk_tokens_total(&s->t));
	sk_buf_str(b, "</text>");
}

static void
money(struct sk_buf *b, const struct sk_part *s, double y, int64_t most)
{
	/* ("about $12.34 and unknown" has room beside the longest.) */
	double x = 660, w = most > 0 ? (double)s->cost * 160 / (double)most : 0;
	char usd[SK_USD_LEN];

	if (w > 0)
		sk_buf_printf(b,
		    "<rect x=\"%.0f\" y=\"%.0f\" width=\"%.1f\" "
		    "height=\"16\" fill=\"var(--run)\"/>",
		    x, y, w);
	sk_usd_short(s->unpriced == s->calls ? -1 : s->cost, usd);
	sk_buf_printf(b,
	    "<text class=\"m\" x=\"%.1f\" y=\"%.0f\">%s%s%s</text>", x + w + 6,
	    y + 13, s->estimated > 0 ? "about " : "",
	    usd[0] == '?' ? "no price" : usd,
	    s->unpriced > 0 && s->unpriced < s->calls ? " and unknown" : "");
}

static void
per_stage(struct sk_buf *b, const struct sk_figures *f)
{
	int64_t tokens = 0, cost = 0;

	for (size_t i = 0; i < f->stages.n; i++) {
		const struct sk_part *s = &f->stages.v[i];

		if (sk_tokens_total(&s->t) > tokens)
			tokens = sk_tokens_total(&s->t);
		if (s->cost > cost)
			cost = s->cost;
	}
	sk_buf_printf(b,
	    "<h2>Tokens and cost per stage</h2><div class=\"wrap\"><svg "
	    "viewBox=\"0 0 %d %zu\" role=\"img\" aria-label=\"tokens and cost "
	    "per stage\"><text class=\"m\" x=\"%d\" y=\"14\">tokens</text>"
	    "<text class=\"m\" x=\"660\" y=\"14\">cost</text>",
	    WIDE, 28 + f->stages.n * ROW, LEFT);
	for (size_t i = 0; i < f->stages.n; i++) {
		double y = 24 + (double)i * ROW;

		sk_buf_printf(b,
		    "<text x=\"%d\" y=\"%.0f\" text-anchor=\"end\">", LEFT - 12,
		    y + 13);
		text(b, f->stages.v[i].name);
		sk_buf_str(b, "</text>");
		stacked(b, &f->stages.v[i], y, tokens);
		money(b, &f->stages.v[i], y, cost);
	}
	sk_buf_str(b,
	    "</svg></div><p class=\"key\"><i style=\"background:var(--in)\">"
	    "</i>fresh input<i style=\"background:var(--cache)\"></i>from the "
	    "cache<i style=\"background:var(--out)\"></i>output</p>");
}

static void
cell(struct sk_buf *b, int64_t n)
{
	sk_buf_str(b, "<td>");
	sk_count_text(b, n);
	sk_buf_str(b, "</td>");
}

static void
table(struct sk_buf *b, const char *head, const struct sk_parts *p)
{
	char usd[SK_USD_LEN];

	sk_buf_printf(b,
	    "<div class=\"wrap\"><table><tr><th>%s</th><th>calls</th><th>"
	    "failed</th><th>input</th><th>cached</th><th>output</th><th>cost"
	    "</th></tr>",
	    head);
	for (size_t i = 0; i < p->n; i++) {
		const struct sk_part *x = &p->v[i];

		sk_buf_str(b, "<tr><td>");
		text(b, x->name);
		sk_buf_printf(b, "</td><td>%lld</td><td>%lld</td>",
		    (long long)x->calls, (long long)x->failed);
		cell(b, sk_tokens_input(&x->t));
		cell(b, x->t.cache_read);
		cell(b, x->t.output);
		sk_usd_short(x->unpriced == x->calls ? -1 : x->cost, usd);
		sk_buf_printf(b, "<td>%s%s%s</td></tr>",
		    x->estimated > 0 ? "~" : "",
		    usd[0] == '?' ? "no price" : usd,
		    x->unpriced > 0 && x->unpriced < x->calls ? " +?" : "");
	}
	sk_buf_str(b, "</table></div>");
}

/* ---- the page ---- */

static void
figure(struct sk_buf *b, const char *value, const char *what)
{
	sk_buf_printf(b, "<div><b>%s</b><span>%s</span></div>", value, what);
}

static void
summary(struct page *p, const struct sk_figures *f)
{
	char usd[SK_USD_LEN], s[40];
	struct sk_buf n;

	sk_buf_str(p->b, "<div class=\"sum\">");
	sk_duration_text(p->to - p->from, s, sizeof(s));
	figure(p->b, s, "from first to last");
	(void)snprintf(s, sizeof(s), "%zu", p->n);
	figure(p->b, s, p->n == 1 ? "call" : "calls");
	(void)snprintf(s, sizeof(s), "%lld", (long long)f->all.failed);
	figure(p->b, s, "failed");
	sk_buf_init(&n, 0);
	sk_count_text(&n, sk_tokens_input(&f->session.total));
	figure(p->b, n.p, "tokens in");
	sk_buf_clear(&n);
	sk_count_text(&n, f->session.total.output);
	figure(p->b, n.p, "tokens out");
	sk_buf_free(&n);
	sk_usd_short(f->all.unpriced == f->all.calls ? -1 : f->all.cost, usd);
	figure(p->b, usd[0] == '?' ? "unknown" : usd,
	    f->all.unpriced > 0 && f->all.unpriced < f->all.calls
		? "and calls without a price"
	    : f->all.estimated > 0 ? "cost, in part estimated"
				   : "cost");
	sk_buf_str(p->b, "</div>");
}

static void
write_page(struct page *p, const char *run, const struct sk_figures *f)
{
	char from[SK_TIME_LEN];

	sk_time_text(p->from, from);
	sk_buf_str(p->b,
	    "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
	    "<meta name=\"viewport\" content=\"width=device-width\">"
	    "<meta http-equiv=\"Content-Security-Policy\" "
	    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
	    "<title>");
	text(p->b, f->spec[0] != '\0' ? f->spec : run);
	sk_buf_printf(
	    p->b, "</title><style>%s</style></head><body><h1>", style);
	text(p->b, f->spec[0] != '\0' ? f->spec : "Run");
	sk_buf_str(p->b, "</h1><p>run ");
	text(p->b, run);
	if (p->n > 0)
		sk_buf_printf(p->b, ", began %s", from);
	sk_buf_str(p->b, "</p>");
	summary(p, f);
	if (p->n > 0)
		timeline(p);
	if (sk_tokens_total(&f->session.total) > 0)
		per_stage(p->b, f);
	else
		sk_buf_str(p->b, "<p>No agent said what it used.</p>");
	if (f->agents.n > 0) {
		sk_buf_str(p->b, "<h2>Agents</h2>");
		table(p->b, "agent", &f->agents);
		sk_buf_str(p->b, "<h2>Models</h2>");
		table(p->b, "model", &f->models);
	}
	sk_buf_str(p->b, "</body></html>\n");
}

int
sk_html_run(struct sk_buf *b, struct sk_db *db, const char *run,
    const struct sk_figures *f, struct sk_err *err)
{
	struct page p = { .b = b };
	int rc;

	rc = sk_attempts_each(db, run, NULL, NULL, take, &p, err);
	if (rc == 0) {
		if (p.n > 0)
			qsort(p.v, p.n, sizeof(*p.v), by_start);
		write_page(&p, run, f);
	}
	free(p.v);
	free(p.agents);
	sk_arena_free(&p.arena);
	return rc;
}
