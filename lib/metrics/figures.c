/* SPDX-License-Identifier: MIT */
/* Figures of a run or of a stream: gathered row by row. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics/metrics.h"

void
sk_figures_init(struct sk_figures *f)
{
	memset(f, 0, sizeof(*f));
	sk_session_init(&f->session, SK_WINDOW);
	sk_estimator_init(&f->est);
}

void
sk_figures_free(struct sk_figures *f)
{
	free(f->agents.v);
	free(f->stages.v);
	free(f->models.v);
	sk_strv_free(&f->called);
	sk_strv_free(&f->answered);
	sk_strv_free(&f->unpriced_models);
	sk_arena_free(&f->arena);
	memset(f, 0, sizeof(*f));
}

/* ---- one row ---- */

static struct sk_part *
part_of(struct sk_figures *f, struct sk_parts *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i].name, name) == 0)
			return &p->v[i];
	SK_GROW(NULL, p->v, p->n, p->cap);
	memset(&p->v[p->n], 0, sizeof(*p->v));
	p->v[p->n].name = sk_arena_strdup(&f->arena, name);
	return &p->v[p->n++];
}

static void
add_part(
    struct sk_part *p, const struct sk_tokens *t, int64_t cost, int64_t window)
{
	sk_tokens_add(&p->t, t);
	p->calls++;
	if (cost < 0)
		p->unpriced++;
	else
		p->cost += cost;
	if ((t->flags & SK_TF_FAILED) != 0)
		p->failed++;
	if ((t->flags & SK_TF_ESTIMATED) != 0)
		p->estimated++;
	if ((t->flags & SK_TF_NONE) == 0) {
		p->context_used = sk_tokens_input(t);
		p->context_window = window;
	}
}

static void
copy(char *to, size_t n, const char *s)
{
	if (s != NULL && s[0] != '\0')
		(void)snprintf(to, n, "%s", s);
}

/* Whom the newest stage called: all that is known of figures without requests,
 * such as those of 'record'. */
static void
add_agent(struct sk_figures *f, const struct sk_usage_row *row)
{
	const char *stage = row->stage != NULL ? row->stage : "";

	if (stage[0] != '\0' && strcmp(stage, f->stage) != 0) {
		sk_strv_free(&f->called);
		sk_strv_free(&f->answered);
	}
	if (row->agent == NULL)
		return;
	if (!sk_strv_has(&f->called, row->agent))
		sk_strv_add(&f->called, row->agent);
	if ((row->flags & SK_TF_FAILED) == 0 &&
	    !sk_strv_has(&f->answered, row->agent))
		sk_strv_add(&f->answered, row->agent);
	f->agents_all = (int64_t)f->called.n;
	f->agents_done = (int64_t)f->answered.n;
}

static void
add_row(
    struct sk_figures *f, struct sk_prices *p, const struct sk_usage_row *row)
{
	struct sk_tokens t = { row->fresh, row->cache_read, row->cache_write,
		row->output, row->reasoning, row->flags };
	const char *model = row->model != NULL ? row->model : "";
	const struct sk_model *m;
	int64_t window = 0;

	if (sk_price_find(p, model, &m))
		window = m->context_window;
	if ((t.flags & SK_TF_NONE) == 0) {
		sk_session_turn(&f->session, &t);
		sk_estimator_add(&f->est, t.fresh);
		copy(f->model, sizeof(f->model), model);
	}
	add_part(&f->all, &t, row->cost, window);
	if (row->agent != NULL)
		add_part(
		    part_of(f, &f->agents, row->agent), &t, row->cost, window);
	add_part(
	    part_of(f, &f->stages,
		row->stage != NULL && row->stage[0] != '\0' ? row->stage : "-"),
	    &t, row->cost, window);
	add_part(part_of(f, &f->models, model[0] != '\0' ? model : "-"), &t,
	    row->cost, window);
	if ((t.flags & SK_TF_SUSPECT) != 0)
		f->suspect++;
	/* Who has no model has a name. */
	if (model[0] == '\0' && row->agent != NULL)
		model = row->agent;
	if (row->cost < 0 && !sk_strv_has(&f->unpriced_models, model))
		sk_strv_add(&f->unpriced_models, model);
	add_agent(f, row);
	copy(f->run, sizeof(f->run), row->run);
	copy(f->branch, sizeof(f->branch), row->branch);
	copy(f->spec, sizeof(f->spec), row->spec);
	copy(f->stage, sizeof(f->stage), row->stage);
}

/* ---- records ---- */

static int64_t
cost_of(struct sk_prices *p, const struct sk_jv *v, const char *model,
    const char *adapter, struct sk_tokens *t)
{
	const struct sk_model *m;
	int64_t cost;

	if (sk_jget_int(sk_jget(v, "cost"), "micro_usd", &cost) &&
	    (cost > 0 || (cost == 0 && sk_tokens_total(t) == 0))) {
		t->flags |= SK_TF_REPORTED;
		return cost;
	}
	if ((t->flags & SK_TF_NONE) != 0 ||
	    (!sk_price_find(p, model, &m) && !sk_price_find(p, adapter, &m)))
		return -1;
	return sk_cost_of(m, t);
}

static void
add_answer(struct sk_figures *f, struct sk_prices *p, const struct sk_jv *v)
{
	struct sk_usage_row r = { 0 };
	struct sk_tokens t;

	(void)sk_tokens_read(
	    &t, sk_jget(v, "usage"), sk_jget_str(v, "adapter"));
	r.model = sk_jget_str(v, "model");
	r.cost = cost_of(p, v, r.model, sk_jget_str(v, "adapter"), &t);
	if (sk_streq(sk_jget_str(v, "status"), "failed"))
		t.flags |= SK_TF_FAILED;
	r.agent = sk_jget_str(v, "agent");
	r.stage = sk_jget_str(v, "stage");
	r.run = sk_jget_str(v, "run");
	r.branch = sk_jget_str(v, "branch");
	r.spec = sk_jget_str(v, "spec");
	r.fresh = t.fresh;
	r.cache_read = t.cache_read;
	r.cache_write = t.cache_write;
	r.output = t.output;
	r.reasoning = t.reasoning;
	r.flags = t.flags;
	add_row(f, p, &r);
}

/* Figures of an earlier call take the place of what was counted. */
static void
sync(struct sk_figures *f, const struct sk_jv *v)
{
	struct sk_tokens total, last;
	int64_t turns = 0;

	(void)sk_tokens_read(&total, sk_jget(v, "totals"), NULL);
	(void)sk_tokens_read(&last, sk_jget(v, "last_turn"), NULL);
	(void)sk_jget_int(v, "turns", &turns);
	if (turns < 0 || turns > UINT32_MAX)
		turns = 0;
	sk_session_sync(&f->session, &total, &last, (uint32_t)turns);
	copy(f->run, sizeof(f->run), sk_jget_str(v, "run"));
	copy(f->branch, sizeof(f->branch), sk_jget_str(v, "branch"));
	copy(f->spec, sizeof(f->spec), sk_jget_str(v, "spec"));
	copy(f->stage, sizeof(f->stage), sk_jget_str(v, "stage"));
}

bool
sk_figures_record(
    struct sk_figures *f, struct sk_prices *p, const struct sk_jv *v)
{
	const char *schema = sk_jget_str(v, "schema");
	const char *result;

	if (sk_streq(schema, "sk.answer/1")) {
		add_answer(f, p, v);
	} else if (sk_streq(schema, "sk.metrics/1")) {
		sync(f, v);
	} else if (sk_streq(schema, "sk.intake/1")) {
		result = sk_jget_str(v, "result");
		if (sk_streq(result, "duplicate"))
			sk_session_duplicates(&f->session, 1);
		else if (sk_streq(result, "known"))
			sk_session_replay(&f->session);
	} else {
		return false;
	}
	return true;
}

/* ---- the database ---- */

struct load {
	struct sk_figures *f;
	struct sk_prices *p;
};

static int
load_row(void *arg, const struct sk_usage_row *row, struct sk_err *err)
{
	const struct load *l = arg;

	(void)err;
	add_row(l->f, l->p, row);
	return 0;
}

/* Who has to answer in the newest stage, and who has. */
static int
load_agents(struct sk_figures *f, struct sk_db *db, struct sk_err *err)
{
	struct sk_key k = { f->run, f->branch, f->spec, f->stage, NULL, 0 };
	struct sk_stage_row *rows = NULL;
	struct sk_stored *st = NULL;
	size_t n = 0, m = 0;
	int64_t round, all = 0, done = 0;
	int rc;

	rc = sk_stage_list(db, f->run, f->branch, &rows, &n, &f->arena, err);
	if (rc == 0 && n > 0) {
		copy(f->stage, sizeof(f->stage), rows[n - 1].stage);
		all = rows[n - 1].agents[0] != '\0';
		for (const char *s = rows[n - 1].agents; *s != '\0'; s++)
			all += *s == ',';
	}
	if (rc == 0)
		rc = sk_answers_of(db, &k, &st, &m, &round, &f->arena, err);
	for (size_t i = 0; rc == 0 && i < m; i++)
		done += st[i].ok;
	if (all < (int64_t)m)
		all = (int64_t)m;
	if (all > 0) {
		f->agents_all = all;
		f->agents_done = done;
	}
	return rc;
}

int
sk_figures_load(struct sk_figures *f, struct sk_db *db, struct sk_prices *p,
    const char *run, const char *branch, const char *stage, struct sk_err *err)
{
	struct load l = { f, p };
	struct sk_run r;
	bool found = false;
	int64_t duplicates = 0;
	int rc;

	rc = sk_run_get(db, run, &r, &found, &f->arena, err);
	if (rc == 0 && !found)
		return sk_no_run(run, err);
	if (rc == 0)
		rc = sk_usage_each(db, run, branch, stage, load_row, &l, err);
	if (rc == 0)
		rc = sk_duplicates_of(db, run, &duplicates, err);
	if (rc != 0)
		return rc;
	sk_session_duplicates(&f->session, (uint32_t)duplicates);
	copy(f->run, sizeof(f->run), run);
	copy(f->branch, sizeof(f->branch), branch != NULL ? branch : r.branch);
	copy(f->spec, sizeof(f->spec), r.spec);
	copy(f->stage, sizeof(f->stage), stage);
	return load_agents(f, db, err);
}

/* ---- context ---- */

/* The sum of several requests may be more than the window; no single one can,
 * so it says nothing. */
int
sk_context_percent(const struct sk_part *p)
{
	if (p->context_window <= 0 || p->context_used > p->context_window)
		return -1;
	return (int)(p->context_used * 100 / p->context_window);
}

const char *
sk_context_level(int percent)
{
	if (percent > 90)
		return "critical";
	return percent > 80 ? "warning" : "";
}
