/* SPDX-License-Identifier: MIT */
/* sk-faults: plans explained, armed, looked at and reset. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faults/child.h"

int
sk_faults_need(struct sk_err *err)
{
#ifdef SK_FAULTS
	(void)err;
	return 0;
#else
	(void)sk_fail(err, SK_USAGE, "no_faults",
	    "this is a release: it has no fail-points");
	return sk_hint(err, "'make FAULTS=1' builds programs that have; "
			    "'sk-faults proxy' works in every build");
#endif
}

int
sk_faults_read(struct sk_fault_plan *plan, const char *text, struct sk_err *err)
{
	memset(plan, 0, sizeof(*plan));
	return text != NULL ? sk_fault_parse(plan, text, NULL, err)
	                    : sk_fault_parse_env(plan, err);
}

/* ---- plan ---- */

static void
rule_json(struct sk_jw *w, const struct sk_fault_rule *r)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_jw_obj(w);
	sk_fault_text(&b, r);
	sk_jw_kstr(w, "rule", b.p);
	sk_jw_kstr(w, "name", r->name);
	sk_jw_kword(w, "agent", r->agent);
	sk_jw_kword(w, "stage", r->stage);
	sk_buf_clear(&b);
	sk_fault_explain(&b, r);
	sk_jw_kstr(w, "means", b.p);
	sk_buf_free(&b);
}

static void
open_json(struct sk_jw *w, struct sk_buf *b, const struct sk_fault_plan *plan)
{
	struct sk_buf text;

	sk_out_json_begin(w, b, "sk.faults/1");
#ifdef SK_FAULTS
	sk_jw_kstr(w, "build", "development");
#else
	sk_jw_kstr(w, "build", "release");
#endif
	sk_buf_init(&text, 0);
	sk_fault_plan_text(&text, plan);
	sk_jw_kstr(w, "plan", text.p);
	sk_buf_free(&text);
}

static void
plan_text(const struct sk_fault_plan *plan)
{
	struct sk_table t;
	struct sk_buf b;

	sk_table_init(&t, 2, 0);
	for (size_t i = 0; i < plan->n; i++) {
		sk_buf_init(&b, 0);
		sk_fault_text(&b, &plan->v[i]);
		sk_table_cell(&t, b.p);
		sk_buf_clear(&b);
		sk_fault_explain(&b, &plan->v[i]);
		sk_table_cell(&t, b.p);
		sk_buf_free(&b);
	}
	sk_table_print(&t);
}

/* All words there are. */
static void
words_text(void)
{
	struct sk_table t;

	sk_table_init(&t, 3, 0);
	for (const struct sk_fault_kind *k = sk_fault_kinds; k->name; k++) {
		sk_table_cell(&t, k->name);
		sk_table_cell(&t, k->aliases != NULL ? k->aliases : "");
		sk_table_cell(&t, k->purpose);
	}
	sk_table_print(&t);
	sk_out_str("\nfail-points:\n");
	for (const struct sk_fault_point *p = sk_fault_points; p->name; p++)
		sk_outf("%s\n", p->name);
}

static void
words_json(struct sk_jw *w)
{
	sk_jw_karr(w, "kinds");
	for (const struct sk_fault_kind *k = sk_fault_kinds; k->name; k++) {
		sk_jw_obj(w);
		sk_jw_kstr(w, "name", k->name);
		sk_jw_kstr(w, "aliases", k->aliases);
		sk_jw_kstr(w, "means", k->purpose);
		sk_jw_kstr(w, "words", k->words);
		sk_jw_end(w);
	}
	sk_jw_end(w);
	sk_jw_karr(w, "points");
	for (const struct sk_fault_point *p = sk_fault_points; p->name; p++)
		sk_jw_str(w, p->name);
	sk_jw_end(w);
}

int
sk_faults_plan(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *text = ctx->argc > 0 ? ctx->argv[0] : NULL;
	struct sk_fault_plan plan;
	struct sk_buf b;
	struct sk_jw w;
	int rc = sk_faults_read(&plan, text, err);

	if (rc != 0)
		return rc;
	if (ctx->format == SK_FMT_JSON) {
		open_json(&w, &b, &plan);
		sk_jw_karr(&w, "rules");
		for (size_t i = 0; i < plan.n; i++) {
			rule_json(&w, &plan.v[i]);
			sk_jw_end(&w);
		}
		sk_jw_end(&w);
		if (plan.n == 0)
			words_json(&w);
		sk_out_json_end(&w);
	} else if (plan.n > 0) {
		plan_text(&plan);
	} else {
		words_text();
	}
	return 0;
}

/* ---- the file ---- */

static int
open_table(const char *db, bool create, const struct sk_fault_plan *plan,
    struct sk_fault_table **t, struct sk_err *err)
{
	char *path = sk_fault_path(db);
	int rc = 0;

	*t = NULL;
	if (path == NULL)
		return sk_fail(err, SK_USAGE, "no_home",
		    "neither 'XDG_STATE_HOME' nor 'HOME' names a directory");
	*t = sk_fault_table_open(path, create, plan);
	if (*t == NULL && errno == EINVAL) {
		rc = sk_fail(err, SK_DAMAGED, "not_counters",
		    "'%s' holds no counters of faults", path);
	} else if (*t == NULL && errno == ENOBUFS) {
		(void)sk_fail(err, SK_USAGE, "no_counters",
		    "'%s' is full of counters", path);
		rc = sk_hint(err, "'sk-faults reset' forgets them");
	} else if (*t == NULL && (create || errno != ENOENT)) {
		rc = sk_fail_errno(err, "cannot open '%s'", path);
	}
	free(path);
	return rc;
}

/* A plan that is to be in force. */
static int
read_armed(struct sk_fault_plan *plan, const char *text, struct sk_err *err)
{
	int rc = sk_faults_read(plan, text, err);

	if (rc == 0)
		rc = sk_fault_inside(plan, err);
	if (rc != 0 || plan->n > 0)
		return rc;
	(void)sk_fail(err, SK_USAGE, "bad_fault", "the plan is empty");
	return sk_hint(err, "'sk-faults reset --disarm' forgets the last one");
}

int
sk_faults_arm(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_fault_table *t;
	struct sk_fault_plan plan;
	struct sk_buf b;
	struct sk_jw w;
	int rc = sk_faults_need(err);

	if (rc == 0)
		rc = read_armed(&plan, ctx->argv[0], err);
	if (rc == 0)
		rc = open_table(ctx->db, true, NULL, &t, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&b, sizeof(t->plan) - 1);
	sk_fault_plan_text(&b, &plan);
	if (b.full) {
		sk_buf_free(&b);
		return sk_fail(
		    err, SK_USAGE, "bad_fault", "the plan is too long");
	}
	memcpy(t->plan, b.p, b.len + 1);
	sk_buf_free(&b);
	sk_fault_clear(t, &plan);
	if (ctx->format == SK_FMT_JSON) {
		open_json(&w, &b, &plan);
		sk_out_json_end(&w);
	} else {
		plan_text(&plan);
	}
	return 0;
}

/* ---- status ---- */

/* The command that brings all hits back. */
static void
again(struct sk_buf *b, const struct sk_fault_table *t)
{
	struct sk_buf plan;

	sk_buf_init(&plan, 0);
	if (t != NULL)
		sk_fault_again(&plan, t);
	if (plan.len > 0) {
		sk_buf_str(b, "SPEC_KIT_FAULTS=");
		sk_shell_quote(b, plan.p);
	}
	sk_buf_free(&plan);
}

static void
status_json(const struct sk_fault_table *t)
{
	struct sk_fault_plan none = { .n = 0 }, plan = { .n = 0 };
	struct sk_err ignored = { 0 };
	struct sk_buf b, line;
	struct sk_jw w;

	if (t != NULL && sk_fault_parse(&plan, t->plan, NULL, &ignored) != 0)
		plan = none;
	sk_err_clear(&ignored);
	open_json(&w, &b, &plan);
	sk_jw_karr(&w, "counters");
	for (size_t i = 0; t != NULL && i < SK_FAULT_SLOTS; i++) {
		const struct sk_fault_slot *s = &t->slot[i];

		if (s->key[0] == '\0')
			break;
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "fault", s->key);
		sk_jw_kint(&w, "calls", (int64_t)atomic_load(&s->calls));
		sk_jw_kint(&w, "hits", (int64_t)atomic_load(&s->hits));
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_karr(&w, "hits");
	for (size_t i = 0; t != NULL && i < SK_FAULT_HITS; i++) {
		const struct sk_fault_hit *h = &t->hit[i];

		if (atomic_load(&h->ordinal) == 0)
			continue;
		sk_jw_obj(&w);
		sk_jw_kint(&w, "ordinal", (int64_t)(i + 1));
		sk_jw_ktime(&w, "at", h->ms);
		sk_jw_kstr(&w, "program", h->prog);
		sk_jw_kint(&w, "pid", h->pid);
		sk_jw_kint(&w, "call", (int64_t)h->call);
		sk_jw_kstr(&w, "rule", h->rule);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_buf_init(&line, 0);
	again(&line, t);
	sk_jw_kstr(&w, "again", line.len > 0 ? line.p : NULL);
	sk_jw_kint(&w, "unlogged", t != NULL ? (int64_t)sk_fault_lost(t) : 0);
	sk_buf_free(&line);
	sk_out_json_end(&w);
}

static void
status_text(const struct sk_fault_table *t)
{
	struct sk_table tab;
	struct sk_buf b;
	char at[SK_TIME_LEN];

	sk_outf("plan: %s\n",
	    t != NULL && t->plan[0] != '\0' ? t->plan : "none armed");
	if (t == NULL)
		return;
	sk_table_init(&tab, 3, 2u | 4u);
	sk_table_cell(&tab, "FAULT");
	sk_table_cell(&tab, "CALLS");
	sk_table_cell(&tab, "HITS");
	for (size_t i = 0; i < SK_FAULT_SLOTS && t->slot[i].key[0]; i++) {
		sk_table_cell(&tab, t->slot[i].key);
		sk_table_cellf(&tab, "%llu",
		    (unsigned long long)atomic_load(&t->slot[i].calls));
		sk_table_cellf(&tab, "%llu",
		    (unsigned long long)atomic_load(&t->slot[i].hits));
	}
	sk_table_print(&tab);
	for (size_t i = 0; i < SK_FAULT_HITS; i++) {
		const struct sk_fault_hit *h = &t->hit[i];

		if (atomic_load(&h->ordinal) == 0)
			continue;
		sk_time_text(h->ms, at);
		sk_outf("hit %zu: %s %s (%d) %s\n", i + 1, at, h->prog,
		    (int)h->pid, h->rule);
	}
	sk_buf_init(&b, 0);
	again(&b, t);
	if (b.len > 0)
		sk_outf("again: %s\n", b.p);
	if (sk_fault_lost(t) > 0)
		sk_outf("%llu more hits are not written down\n",
		    (unsigned long long)sk_fault_lost(t));
	sk_buf_free(&b);
}

int
sk_faults_status(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_faults_opts *o = ctx->opts;
	struct sk_fault_table *t;
	struct sk_buf b;
	int rc = sk_faults_need(err);

	if (rc == 0)
		rc = open_table(ctx->db, false, NULL, &t, err);
	if (rc != 0)
		return rc;
	if (o->line) {
		sk_buf_init(&b, 0);
		again(&b, t);
		if (b.len > 0)
			sk_outf("%s\n", b.p);
		if (t != NULL && sk_fault_lost(t) > 0)
			sk_warn("%llu more hits are not written down",
			    (unsigned long long)sk_fault_lost(t));
		rc = b.len > 0 ? 0 : SK_NEGATIVE;
		sk_buf_free(&b);
	} else if (ctx->format == SK_FMT_JSON) {
		status_json(t);
	} else {
		status_text(t);
	}
	return rc;
}

/* The armed plan of a table. */
static int
armed(const struct sk_fault_table *t, struct sk_fault_plan *plan,
    struct sk_err *err)
{
	memset(plan, 0, sizeof(*plan));
	return sk_fault_parse(plan, t->plan, NULL, err);
}

int
sk_faults_reset(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_faults_opts *o = ctx->opts;
	struct sk_fault_plan plan;
	struct sk_fault_table *t;
	int rc = sk_faults_need(err);

	if (rc == 0)
		rc = open_table(ctx->db, false, NULL, &t, err);
	if (rc != 0 || t == NULL)
		return rc;
	if (o->disarm)
		t->plan[0] = '\0';
	rc = armed(t, &plan, err);
	sk_fault_clear(t, &plan);
	return rc;
}

/* ---- next ---- */

/* For agents that are scripts. */
static bool
for_call(const struct sk_fault_rule *r, const void *arg)
{
	const struct sk_faults_opts *o = arg;

	return r->kind != NULL && (r->kind->places & SK_FAULT_AT_AGENT) != 0 &&
	       (r->agent[0] == '\0' || sk_streq(r->agent, o->agent)) &&
	       (r->stage[0] == '\0' || sk_streq(r->stage, o->stage));
}

/* The fault that this call of an agent is due. */
int
sk_faults_next(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_fault_rule *r = NULL;
	struct sk_fault_plan plan;
	struct sk_fault_table *t;
	int rc = sk_faults_need(err);

	if (rc == 0)
		rc = sk_faults_read(&plan, NULL, err);
	if (rc == 0)
		rc = open_table(ctx->db, plan.n > 0, &plan, &t, err);
	if (rc == 0 && t != NULL)
		rc = sk_fault_parse(&plan, t->plan, NULL, err);
	if (rc != 0)
		return rc;
	if (t != NULL)
		r = sk_fault_take(t, &plan, for_call, ctx->opts);
	if (r == NULL)
		return SK_NEGATIVE;
	sk_outf("%s%s%s\n", r->name, r->word[0] != '\0' ? "=" : "", r->word);
	return 0;
}
