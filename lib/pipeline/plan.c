/* SPDX-License-Identifier: MIT */
/* A dry run: what would be asked of whom, checked by sk-run itself, and what it
 * would cost. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "metrics/metrics.h"
#include "pipeline/gate.h"
#include "pipeline/pipeline.h"
#include "pipeline/skip.h"

#define HISTORY 50 /* of an agent's calls, for guesses */
#define BYTES_A_TOKEN 4

/* Micro USD; -1 = a price is not known. */
struct range {
	int64_t low, likely, high;
};

struct outline {
	struct sk_auto *a;
	struct sk_meter meter;
	struct sk_db *past; /* for what agents answered before; may be NULL */
	struct range all;
	struct sk_jv *unpriced; /* agents, once each */
	/* What earlier stages will have added to a prompt, in bytes. */
	size_t likely_more, most_more;
	struct sk_buf b;
	struct sk_jw w;
	struct sk_table t;
	struct sk_buf skips; /* lines for people */
};

/* A stage or a gate. */
struct part {
	const char *name, *mode;
	struct sk_prompt prompt;
	const struct sk_strv *specs, *names;
	bool sequential;
	/* Results. */
	size_t bytes;
	struct sk_jv *agents; /* of sk.plan/1 */
	struct range cost;
	struct sk_jv *unpriced;
	size_t likely_out, most_out; /* bytes of the longest answer */
};

/* ---- what sk-run would do ---- */

static int
ask_plan(struct outline *o, struct part *p, struct sk_err *err)
{
	struct sk_auto *a = o->a;
	struct sk_strv argv = { 0 };
	struct sk_buf prompt, out;
	struct sk_jv *plan = NULL;
	int rc, status = 0, interrupted = 0;

	sk_buf_init(&prompt, 0);
	sk_buf_init(&out, 0);
	rc = sk_prompt_build(a, &p->prompt, &prompt, NULL, err);
	p->bytes = prompt.len;
	sk_strv_add(&argv, "sk-run");
	sk_strv_add(&argv, "--dry-run");
	sk_strv_add(&argv, "--json");
	sk_strv_add(&argv, "--spec");
	sk_strv_add(&argv, a->spec.id);
	sk_strv_add(&argv, "--stage");
	sk_strv_add(&argv, p->name);
	if (a->config_file != NULL) {
		sk_strv_add(&argv, "--config");
		sk_strv_add(&argv, a->config_file);
	}
	for (size_t i = 0; i < p->specs->n; i++) {
		sk_strv_add(&argv, "--agent");
		sk_strv_add(&argv, p->specs->v[i]);
	}
	if (rc == 0)
		rc = sk_child_run(a, &argv, prompt.p, prompt.len, &out, &status,
		    &interrupted, err);
	if (rc == 0 && out.len > 0)
		rc = sk_json_parse(&a->arena, out.p, out.len, NULL, &plan, err);
	if (rc == 0 && sk_error_from_json(plan, err))
		rc = err->exit;
	if (rc == 0 && status != 0)
		rc = sk_fail(err, status, "dry_run",
		    "sk-run --dry-run for "
		    "stage '%s' ended with %d",
		    p->name, status);
	p->agents = sk_jget(plan, "agents");
	sk_strv_free(&argv);
	sk_buf_free(&prompt);
	sk_buf_free(&out);
	return rc;
}

/* ---- what it would cost ---- */

static int64_t
plus(int64_t x, int64_t y)
{
	return x < 0 || y < 0 ? -1 : x + y;
}

static void
add(struct range *sum, const struct range *r)
{
	sum->low = plus(sum->low, r->low);
	sum->likely = plus(sum->likely, r->likely);
	sum->high = plus(sum->high, r->high);
}

static void
name_once(struct sk_jv *list, const char *name, struct sk_arena *a)
{
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jstr(sk_jat(list, i)), name))
			return;
	sk_jpush(a, list, sk_jnew_cstr(a, name));
}

static struct sk_jv *
range_value(const struct range *r, struct sk_arena *a)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ);

	sk_jset(a, o, "low",
	    r->low < 0 ? sk_jnew(a, SK_J_NULL) : sk_jnew_int(a, r->low));
	sk_jset(a, o, "likely",
	    r->likely < 0 ? sk_jnew(a, SK_J_NULL) : sk_jnew_int(a, r->likely));
	sk_jset(a, o, "high",
	    r->high < 0 ? sk_jnew(a, SK_J_NULL) : sk_jnew_int(a, r->high));
	return o;
}

/* One call, with what the prompt will have grown by until then. *answer gets
 * the bytes of its answer. */
static struct range
cost_of(struct outline *o, const struct part *p, const struct sk_jv *agent,
    size_t likely_more, size_t most_more, size_t answer[2])
{
	const char *name = sk_jget_str(agent, "agent");
	const char *model = sk_jget_str(agent, "model");
	struct sk_call_cost least, likely, most;
	int64_t outputs[HISTORY];
	struct sk_err err = { 0 };
	const struct sk_model *m;
	size_t n = 0;
	bool known;

	known =
	    sk_meter_model(&o->meter, model, sk_jget_str(agent, "adapter"), &m);
	/* (A past that cannot be read is no past.) */
	if (o->past != NULL && sk_usage_outputs(o->past, name, model, outputs,
				   HISTORY, &n, &err) != 0)
		n = 0;
	sk_err_clear(&err);
	sk_call_cost(known ? m : NULL, p->bytes, outputs, n, &least);
	sk_call_cost(
	    known ? m : NULL, p->bytes + likely_more, outputs, n, &likely);
	sk_call_cost(known ? m : NULL, p->bytes + most_more, outputs, n, &most);
	answer[0] = (size_t)likely.out_likely * BYTES_A_TOKEN;
	answer[1] = (size_t)most.out_high * BYTES_A_TOKEN;
	return (struct range){ least.low, likely.likely, most.high };
}

static void
cost(struct outline *o, struct part *p)
{
	struct sk_arena *a = &o->a->arena;
	size_t likely = o->likely_more, most = o->most_more, answer[2];
	struct range r;

	p->unpriced = sk_jnew(a, SK_J_ARR);
	for (size_t i = 0; i < sk_jlen(p->agents); i++) {
		struct sk_jv *x = sk_jat(p->agents, i);

		r = cost_of(o, p, x, likely, most, answer);
		sk_jset(a, x, "micro_usd", range_value(&r, a));
		add(&p->cost, &r);
		if (r.high < 0) {
			name_once(p->unpriced, sk_jget_str(x, "agent"), a);
			name_once(o->unpriced, sk_jget_str(x, "agent"), a);
		}
		if (answer[0] > p->likely_out)
			p->likely_out = answer[0];
		if (answer[1] > p->most_out)
			p->most_out = answer[1];
		/* Whoever comes later sees this answer. */
		likely += p->sequential ? answer[0] : 0;
		most += p->sequential ? answer[1] : 0;
	}
	add(&o->all, &p->cost);
}

/* ---- showing ---- */

static void
usd(struct sk_table *t, const struct range *r, const struct sk_jv *unpriced)
{
	char low[SK_USD_LEN], high[SK_USD_LEN];

	if (sk_jlen(unpriced) > 0) {
		sk_table_cell(t, "?");
		return;
	}
	sk_usd_short(r->low, low);
	sk_usd_short(r->high, high);
	sk_table_cellf(t, "%s to %s", low, high);
}

static void
show(struct outline *o, const struct part *p)
{
	struct sk_buf who;

	sk_buf_init(&who, 0);
	sk_buf_join(&who, p->names, ", ");
	sk_table_cell(&o->t, p->name);
	sk_table_cell(&o->t, p->mode);
	sk_table_cell(&o->t, who.p);
	sk_table_cellf(&o->t, "%zu", p->bytes);
	usd(&o->t, &p->cost, p->unpriced);
	sk_buf_free(&who);
	sk_jw_kstr(&o->w, "mode", p->sequential ? "sequential" : "parallel");
	sk_jw_kint(&o->w, "prompt_bytes", (int64_t)p->bytes);
	sk_jw_kvalue(&o->w, "agents", p->agents);
	sk_jw_kvalue(&o->w, "micro_usd", range_value(&p->cost, &o->a->arena));
	sk_jw_kvalue(&o->w, "unpriced", p->unpriced);
}

/* Whoever confirms what most agents of a gate say is asked only when they say
 * something that is to be confirmed: at least, it costs nothing. */
static int
validator(struct outline *o, const struct sk_stage *st, const struct sk_gate *g,
    const struct part *voters, struct sk_err *err)
{
	struct sk_strv specs = { 0 }, names = { 0 };
	struct part p = { .mode = "validator",
		.specs = &specs,
		.names = &names,
		.prompt = { .task = "confirm", .before = st, .found = "[]" } };
	const size_t likely = o->likely_more, most = o->most_more;
	const int64_t low = o->all.low;
	char name[SK_IDENT_LEN];
	bool asked;
	int rc;

	rc = sk_gate_validator(o->a, g, voters->names, &specs, &names, err);
	asked = names.n > 0 && sk_gate_resolves(o->a, voters->names->n);
	if (rc == 0 && asked) {
		(void)snprintf(name, sizeof(name), "%s-confirm", g->name);
		p.name = name;
		rc = ask_plan(o, &p, err);
	}
	if (rc == 0 && asked) {
		/* It sees what each of them said. */
		o->likely_more += voters->likely_out * voters->names->n;
		o->most_more += voters->most_out * voters->names->n;
		cost(o, &p);
		o->likely_more = likely;
		o->most_more = most;
		o->all.low = low;
		p.cost.low = 0;
		sk_jw_kobj(&o->w, "validator");
		show(o, &p);
		sk_jw_end(&o->w);
	}
	sk_strv_free(&specs);
	sk_strv_free(&names);
	return rc;
}

/* The gate before a stage, when agents are asked there. */
static int
gate(struct outline *o, const struct sk_stage *st, struct sk_err *err)
{
	const struct sk_gate *g = sk_gate_before(st);
	struct sk_strv specs = { 0 }, names = { 0 };
	struct part p = { .mode = "gate", .specs = &specs, .names = &names };
	int rc = 0;

	if (g != NULL)
		rc = sk_gate_lineup(o->a, g, &specs, &names, err);
	if (rc == 0 && names.n > 0) {
		p.name = g->name;
		p.prompt = (struct sk_prompt){ .task = g->name, .before = st };
		rc = ask_plan(o, &p, err);
		if (rc == 0) {
			cost(o, &p);
			sk_jw_kobj(&o->w, "gate");
			sk_jw_kstr(&o->w, "gate", p.name);
			show(o, &p);
			rc = validator(o, st, g, &p, err);
			sk_jw_end(&o->w);
		}
	}
	sk_strv_free(&specs);
	sk_strv_free(&names);
	return rc;
}

static int
stage(struct outline *o, const struct sk_step *s, struct sk_err *err)
{
	bool sequential = sk_auto_sequential(o->a, s->stage);
	struct part p = { .name = s->stage->name,
		.mode = sequential ? "sequential" : "parallel",
		.prompt = { .task = s->stage->name, .before = s->stage },
		.specs = &s->specs,
		.names = &s->names,
		.sequential = sequential };
	struct range before = o->all;
	bool always;
	char *may = sk_skip_may(o->a, s->stage, &always);
	int64_t matches = -1;
	int rc;

	sk_jw_obj(&o->w);
	sk_jw_kstr(&o->w, "stage", p.name);
	if (may != NULL) {
		sk_jw_kstr(&o->w, "may_skip", may);
		matches = sk_skip_matches(o->a, s->stage);
		if (matches >= 0)
			sk_jw_kint(&o->w, "matches", matches);
		sk_buf_printf(&o->skips, "%s %s be skipped: %s%s\n", p.name,
		    always ? "will" : "may", may,
		    matches == 0 ? " (none does now)" : "");
	}
	rc = gate(o, s->stage, err);
	if (rc == 0)
		rc = ask_plan(o, &p, err);
	if (rc == 0) {
		cost(o, &p);
		show(o, &p);
	}
	/* What may be left out costs nothing at least; what will be, at all. */
	if (rc == 0 && always) {
		o->all = before;
	} else if (rc == 0) {
		if (may != NULL)
			o->all.low = before.low;
		o->likely_more += p.likely_out;
		o->most_more += p.most_out;
	}
	free(may);
	sk_jw_end(&o->w);
	return rc;
}

static void
total_text(const struct outline *o)
{
	char low[SK_USD_LEN], likely[SK_USD_LEN], high[SK_USD_LEN];

	if (sk_jlen(o->unpriced) > 0) {
		sk_out_str("\nestimated cost is not known: no price for ");
		for (size_t i = 0; i < sk_jlen(o->unpriced); i++) {
			sk_out_str(i > 0 ? ", " : "");
			sk_out_visible(sk_jstr(sk_jat(o->unpriced, i)));
		}
		sk_out_str("\n");
		return;
	}
	sk_usd_short(o->all.low, low);
	sk_usd_short(o->all.likely, likely);
	sk_usd_short(o->all.high, high);
	sk_outf(
	    "\nestimated cost at least %s, likely %s, at most %s, when each "
	    "agent is asked once\n",
	    low, likely, high);
}

static void
begin(struct outline *o)
{
	static const char *const head[] = { "STAGE", "MODE", "AGENTS",
		"PROMPT BYTES", "COST" };
	struct sk_err err = { 0 };

	sk_meter_init(&o->meter, NULL, o->a->conf);
	/* What is not there must not be made by looking. */
	if (sk_db_open(&o->past, o->a->db_file, SK_DB_READONLY, &err) != 0)
		o->past = NULL;
	sk_err_clear(&err);
	o->unpriced = sk_jnew(&o->a->arena, SK_J_ARR);
	sk_buf_init(&o->b, 0);
	sk_buf_init(&o->skips, 0);
	sk_jw_init(&o->w, &o->b);
	sk_table_init(&o->t, SK_ARRAY_SIZE(head), 24);
	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		sk_table_cell(&o->t, head[i]);
}

int
sk_auto_plan(struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_err *err)
{
	struct outline o = { .a = a };
	int rc = 0;

	begin(&o);
	sk_jw_obj(&o.w);
	sk_jw_kstr(&o.w, "schema", "sk.outline/1");
	sk_jw_kstr(&o.w, "spec", a->spec.id);
	sk_jw_karr(&o.w, "stages");
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = stage(&o, &steps[i], err);
	sk_jw_end(&o.w);
	sk_jw_kvalue(&o.w, "micro_usd", range_value(&o.all, &a->arena));
	sk_jw_kvalue(&o.w, "unpriced", o.unpriced);
	sk_jw_done(&o.w);
	if (rc == 0 && a->json)
		sk_out_json(&o.b);
	if (rc == 0 && sk_ci_format(a->opts->format))
		rc = sk_json_parse(
		    &a->arena, o.b.p, o.b.len, NULL, &a->outline, err);
	if (rc == 0 && !a->json && a->outline == NULL) {
		sk_table_print(&o.t);
		if (o.skips.len > 0)
			sk_outf("\n%s", o.skips.p);
		total_text(&o);
	} else {
		sk_strv_free(&o.t.cells);
	}
	sk_meter_free(&o.meter);
	sk_db_close(o.past);
	sk_buf_free(&o.b);
	sk_buf_free(&o.skips);
	return rc;
}
