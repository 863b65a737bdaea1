/* SPDX-License-Identifier: MIT */
/* sk.metrics/1, and the same for a person. */
#include <string.h>

#include "cli/cli.h"
#include "metrics/internal.h"

/* ---- JSON ---- */

static void
put_tokens(struct sk_jw *w, const struct sk_tokens *t)
{
	sk_jw_kint(w, "input", sk_tokens_input(t));
	sk_jw_kint(w, "input_fresh", t->fresh);
	sk_jw_kint(w, "cache_read", t->cache_read);
	sk_jw_kint(w, "cache_write", t->cache_write);
	sk_jw_kint(w, "output", t->output);
	sk_jw_kint(w, "reasoning", t->reasoning);
	sk_jw_kint(w, "total", sk_tokens_total(t));
}

/* What no price is known of adds nothing, so it is counted beside it. */
static void
put_cost(struct sk_jw *w, const struct sk_part *p)
{
	char usd[SK_USD_LEN];

	sk_jw_kobj(w, "cost");
	if (p->calls > 0 && p->unpriced == p->calls) {
		sk_jw_knull(w, "micro_usd");
		sk_jw_knull(w, "usd");
	} else {
		sk_usd(p->cost, usd);
		sk_jw_kint(w, "micro_usd", p->cost);
		sk_jw_kstr(w, "usd", usd);
	}
	sk_jw_kint(w, "unpriced_calls", p->unpriced);
	sk_jw_kint(w, "estimated_calls", p->estimated);
	sk_jw_end(w);
}

static void
put_context(struct sk_jw *w, const struct sk_part *p, const char *model)
{
	int percent = sk_context_percent(p);

	sk_jw_kobj(w, "context");
	if (model != NULL)
		sk_jw_kword(w, "model", model);
	sk_jw_kint(w, "used", p->context_used);
	sk_jw_kpos(w, "window", p->context_window);
	sk_jw_kcount(w, "percent", percent);
	sk_jw_kword(w, "level", sk_context_level(percent));
	sk_jw_end(w);
}

static void
put_parts(struct sk_jw *w, const char *key, const struct sk_parts *p)
{
	sk_jw_karr(w, key);
	for (size_t i = 0; i < p->n; i++) {
		sk_jw_obj(w);
		sk_jw_kstr(w, "name", p->v[i].name);
		sk_jw_kint(w, "calls", p->v[i].calls);
		sk_jw_kint(w, "failed", p->v[i].failed);
		put_tokens(w, &p->v[i].t);
		put_cost(w, &p->v[i]);
		put_context(w, &p->v[i], NULL);
		sk_jw_end(w);
	}
	sk_jw_end(w);
}

static void
put_estimate(struct sk_jw *w, const struct sk_figures *f)
{
	struct sk_estimate e;

	sk_estimator_ask(&f->est, &e);
	sk_jw_kobj(w, "estimate");
	sk_jw_kint(w, "next_prompt", sk_session_estimate(&f->session));
	sk_jw_kstr(w, "basis", sk_session_basis(&f->session));
	sk_jw_karr(w, "window");
	for (size_t i = 0; i < f->session.n; i++)
		sk_jw_int(w, f->session.recent[i]);
	sk_jw_end(w);
	sk_jw_kobj(w, "better");
	sk_jw_kint(w, "next_prompt", e.value);
	sk_jw_kint(w, "low", e.low);
	sk_jw_kint(w, "high", e.high);
	sk_jw_kstr(w, "basis", e.basis);
	if (e.judged > 0) {
		sk_jw_kint(w, "mean_error", e.mae);
		sk_jw_kint(w, "mean_error_of_three", e.mae3);
	} else {
		sk_jw_knull(w, "mean_error");
		sk_jw_knull(w, "mean_error_of_three");
	}
	sk_jw_kint(w, "judged_on", (int64_t)e.judged);
	sk_jw_end(w);
	sk_jw_end(w);
}

static void
put_settled(struct sk_jw *w, const struct sk_settlement *s)
{
	sk_jw_key(w, "settled");
	if (s == NULL) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kint(w, "booked", s->booked);
	sk_jw_kint(w, "known", s->known);
	sk_jw_kint(w, "lost_attempts", s->lost);
	sk_jw_kint(w, "released", s->released);
	sk_jw_kint(w, "open_attempts", s->open);
	sk_jw_end(w);
}

void
sk_figures_json(
    struct sk_buf *b, const struct sk_figures *f, const struct sk_settlement *s)
{
	const char *warning;
	bool critical;
	struct sk_jw w;

	sk_jw_doc(&w, b, "sk.metrics/1");
	sk_jw_ktime(&w, "at", sk_now_ms());
	sk_jw_kword(&w, "run", f->run);
	sk_jw_kword(&w, "branch", f->branch);
	sk_jw_kword(&w, "spec", f->spec);
	sk_jw_kword(&w, "stage", f->stage);
	sk_jw_kint(&w, "calls", f->all.calls);
	sk_jw_kint(&w, "failed", f->all.failed);
	sk_jw_kint(&w, "turns", f->session.turns);
	sk_jw_kobj(&w, "totals");
	put_tokens(&w, &f->session.total);
	sk_jw_end(&w);
	sk_jw_kobj(&w, "last_turn");
	put_tokens(&w, &f->session.last);
	sk_jw_end(&w);
	put_cost(&w, &f->all);
	sk_jw_kstrv(&w, "unpriced_models", &f->unpriced_models);
	sk_jw_kint(&w, "replays", f->session.replays);
	sk_jw_kint(&w, "duplicates", f->session.duplicates);
	warning = sk_session_warning(&f->session, &critical);
	sk_jw_kword(&w, "warning", warning);
	put_estimate(&w, f);
	put_context(&w, &f->all, f->model);
	put_parts(&w, "agents", &f->agents);
	put_parts(&w, "stages", &f->stages);
	put_parts(&w, "models", &f->models);
	sk_jw_kint(&w, "suspect", f->suspect);
	sk_jw_kint(&w, "skipped", f->skipped);
	put_settled(&w, s);
	sk_jw_done(&w);
}

/* ---- text ---- */

static void
row(struct sk_table *t, const char *name, const struct sk_part *p)
{
	sk_table_cell(t, name);
	sk_table_cellf(t, "%lld", (long long)p->calls);
	sk_table_cellf(t, "%lld", (long long)p->failed);
	sk_cell_count(t, sk_tokens_input(&p->t));
	sk_cell_count(t, p->t.cache_read);
	sk_cell_count(t, p->t.output);
	sk_cell_cost(t, p->cost, p->calls, p->unpriced, p->estimated);
}

static void
table(const char *head, const struct sk_parts *p)
{
	struct sk_table t;

	if (p->n == 0)
		return;
	sk_table_init(&t, 7, 0x7e);
	sk_table_cell(&t, head);
	sk_table_cell(&t, "CALLS");
	sk_table_cell(&t, "FAILED");
	sk_table_cell(&t, "INPUT");
	sk_table_cell(&t, "CACHED");
	sk_table_cell(&t, "OUTPUT");
	sk_table_cell(&t, "COST");
	for (size_t i = 0; i < p->n; i++)
		row(&t, p->v[i].name, &p->v[i]);
	sk_out_str("\n");
	sk_table_print(&t);
}

/* A model as an agent calls it: anything may stand there. */
static void
named(struct sk_buf *b, const char *model)
{
	sk_buf_ch(b, ' ');
	sk_buf_visible(b, model, strlen(model), false);
}

void
sk_figures_text(const struct sk_figures *f)
{
	char usd[SK_USD_LEN];
	struct sk_buf b;
	int percent = sk_context_percent(&f->all);
	const char *warning;
	bool critical;

	sk_buf_init(&b, 0);
	if (f->branch[0] != '\0') {
		sk_line_stage(&b, f);
		sk_buf_ch(&b, '\n');
	}
	sk_line_tokens(&b, f, sk_width() < 60);
	sk_usd_short(f->all.calls > 0 && f->all.unpriced == f->all.calls
			 ? -1
			 : f->all.cost,
	    usd);
	sk_buf_printf(&b, "\nCost: %s", usd);
	if (f->all.unpriced > 0) {
		sk_buf_printf(&b, ", no price for %lld of %lld calls:",
		    (long long)f->all.unpriced, (long long)f->all.calls);
		for (size_t i = 0; i < f->unpriced_models.n; i++)
			named(&b, f->unpriced_models.v[i]);
	}
	if (f->all.estimated > 0)
		sk_buf_printf(&b,
		    "; %lld of %lld calls did not say what they "
		    "used and are estimated",
		    (long long)f->all.estimated, (long long)f->all.calls);
	sk_buf_ch(&b, '\n');
	if (percent > 80) {
		sk_buf_printf(&b, "Context %s: %d%% of",
		    sk_context_level(percent), percent);
		named(&b, f->model);
		sk_buf_ch(&b, '\n');
	}
	if (f->suspect > 0)
		sk_buf_printf(
		    &b, "Suspect figures: %lld calls\n", (long long)f->suspect);
	warning = sk_session_warning(&f->session, &critical);
	if (warning != NULL)
		sk_buf_printf(
		    &b, "%s: %s\n", critical ? "Critical" : "Warning", warning);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	table("AGENT", &f->agents);
	table("STAGE", &f->stages);
	table("MODEL", &f->models);
}
