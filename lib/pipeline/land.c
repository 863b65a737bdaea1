/* SPDX-License-Identifier: MIT */
/* Applying an agent's work to the project's tree, and taking it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "faults/faults.h"
#include "pipeline/branch.h"
#include "pipeline/land_show.h"

bool
sk_land_trees(const struct sk_auto *a, const struct sk_stage *st)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.worktree", st->name);
	return (a->opts->worktree && strcmp(st->name, "implement") == 0) ||
	       sk_config_bool(a->conf, key, false);
}

static const char *
rule_of(const struct sk_auto *a, const struct sk_land_opts *o)
{
	const char *conf = sk_config_str(a->conf, "landing.apply", "never");

	if (o->from != NULL)
		return "named";
	if (o->choose != NULL)
		return o->choose;
	return strcmp(conf, "never") == 0 ? "agreed" : conf;
}

static void
limits_of(const struct sk_auto *a, const struct sk_land_opts *o,
    struct sk_land_limits *lim)
{
	const char *s = sk_config_str(a->conf, "landing.max_bytes", "10MiB");

	lim->files = sk_config_int(a->conf, "landing.max_files", 500);
	if (!sk_parse_size(s, &lim->bytes))
		lim->bytes = (int64_t)10 << 20;
	lim->binary =
	    o->binary || sk_config_bool(a->conf, "landing.binary", false);
}

/* ---- before ---- */

/* What nobody has committed would be mixed with what an agent did. */
static int
check_clean(struct sk_auto *a, struct sk_err *err)
{
	struct sk_strv changes = { 0 };
	bool known = false;
	size_t n = 0;
	char one[200] = "";

	if (a->opts->allow_dirty ||
	    sk_streq(getenv("SPEC_OPS_ALLOW_DIRTY"), "1"))
		return 0;
	(void)sk_git_changes(a->conf->project_root, &changes, &known);
	for (size_t i = 0; i < changes.n; i++)
		if (!sk_guardrail_ours(changes.v[i] + 3) && n++ == 0)
			(void)snprintf(
			    one, sizeof(one), "%s", changes.v[i] + 3);
	sk_strv_free(&changes);
	if (n == 0)
		return 0;
	(void)sk_fail(err, SK_NEGATIVE, "dirty_tree",
	    "the work tree has %zu change%s that no commit holds: '%s'%s", n,
	    n == 1 ? "" : "s", one, n > 1 ? ", ..." : "");
	return sk_hint(err, "commit or stash them; or --allow-dirty, which "
			    "still touches no file that was changed");
}

/* The newest landing of this specification in this tree, whatever came of it;
 * *found false when there is none. */
static int
newest(
    struct sk_auto *a, struct sk_landing *out, bool *found, struct sk_err *err)
{
	struct sk_landing *v = NULL;
	size_t n = 0;
	int rc;

	rc = sk_landing_list(a->db,
	    &(struct sk_landing_filter){
		.spec = a->spec.id, .root = a->conf->project_root },
	    &v, &n, &a->arena, err);
	*found = rc == 0 && n > 0;
	if (*found)
		*out = v[0];
	return rc;
}

static int
take_up(struct sk_auto *a, bool need_run, struct sk_err *err)
{
	struct sk_run run;
	bool found = false;
	int rc;

	rc = sk_auto_look(a, &run, &found, err);
	if (rc == 0 && !found && need_run) {
		(void)sk_fail(err, SK_NEGATIVE, "no_run", "'%s' has no run yet",
		    a->spec.id);
		return sk_hint(err, "sk-auto run %s --worktree", a->spec.id);
	}
	return rc;
}

/* ---- doing ---- */

/* The plan of the row, with what its files were and, again from what the agent
 * did, what they are to become. */
static int
plan_of(struct sk_auto *a, const struct sk_landing *l, const char *diff,
    size_t n, struct sk_land_plan *p, struct sk_err *err)
{
	const struct sk_land_limits any = { INT32_MAX, INT64_MAX, true };
	struct sk_land_plan again = { 0 };
	int rc;

	rc = sk_land_replan(p, l, &a->arena, err);
	if (rc == 0)
		rc = sk_land_plan(
		    &again, l->root, l->base, diff, n, &any, &a->arena, err);
	for (size_t i = 0; rc == 0 && i < p->n; i++) {
		struct sk_land_side *to = &p->v[i].after;

		if (again.n != p->n ||
		    strcmp(again.v[i].path, p->v[i].path) != 0 ||
		    strcmp(again.v[i].after.sha256, to->sha256) != 0)
			rc = sk_fail(err, SK_DAMAGED, "bad_plan",
			    "what '%s' did is no longer what was to be applied",
			    l->agent);
		else
			to->p = again.v[i].after.p;
	}
	sk_strv_free(&again.made);
	return rc;
}

/* Forward from whatever state the files are in; back when it cannot be. */
static int
go_on(struct sk_auto *a, struct sk_landing *l, const struct sk_land_plan *p,
    struct sk_err *err)
{
	struct sk_err second = { 0 };
	int rc;

	rc = sk_land_go(p, false, l->id, err);
	if (rc == 0 && SK_FAULT("land.before_applied") != 0)
		rc = sk_fail_errno(err, "cannot finish the landing");
	if (rc == 0)
		return sk_landing_move(a->db, l, "applied", err);
	if (sk_land_go(p, true, l->id, &second) == 0)
		(void)sk_landing_move(a->db, l, "undone", &second);
	sk_err_clear(&second);
	return rc;
}

static int
decline(struct sk_auto *a, const struct sk_cands *c,
    const struct sk_land_opts *o, struct sk_err *err)
{
	struct sk_landing l = { .round = c->round };
	int rc;

	memcpy(l.run, a->run, sizeof(l.run));
	memcpy(l.branch, a->branch, sizeof(l.branch));
	memcpy(l.spec, a->spec.id, sizeof(l.spec));
	(void)snprintf(l.stage, sizeof(l.stage), "%s", c->stage->name);
	(void)snprintf(l.rule, sizeof(l.rule), "none");
	(void)snprintf(l.state, sizeof(l.state), "declined");
	l.root = a->conf->project_root;
	rc = o->dry_run ? 0 : sk_landing_begin(a->db, &l, err);
	if (rc == 0)
		sk_land_show(a, "apply", &l, NULL, false, o->dry_run);
	return rc;
}

static void
fill(struct sk_auto *a, struct sk_landing *l, const struct sk_cands *c,
    const struct sk_cand *x, const char *rule, char *plan)
{
	struct sk_decision d;
	struct sk_err ignored = { 0 };
	bool found = false;

	memset(l, 0, sizeof(*l));
	memcpy(l->run, a->run, sizeof(l->run));
	memcpy(l->branch, a->branch, sizeof(l->branch));
	memcpy(l->spec, a->spec.id, sizeof(l->spec));
	(void)snprintf(l->stage, sizeof(l->stage), "%s", c->stage->name);
	(void)snprintf(l->agent, sizeof(l->agent), "%s", x->agent);
	(void)snprintf(l->rule, sizeof(l->rule), "%s", rule);
	(void)snprintf(l->state, sizeof(l->state), "applying");
	memcpy(l->patch_sha256, x->sha256, sizeof(l->patch_sha256));
	l->round = c->round;
	l->root = a->conf->project_root;
	l->base = sk_arena_strdup(&a->arena, x->base != NULL ? x->base : "");
	l->plan = plan;
	if (sk_decision_seen(a->db, a->branch, a->spec.id, c->stage->name, &d,
		&found, &a->arena, &ignored) == 0 &&
	    found && d.round == c->round)
		l->decision_seq = d.seq;
	sk_err_clear(&ignored);
}

/* One that was cut off is finished, whatever was asked for now. */
static int
finish(struct sk_auto *a, struct sk_landing *l, struct sk_err *err)
{
	const struct sk_cand *x = NULL;
	struct sk_land_plan p = { 0 };
	struct sk_cands c;
	int rc;

	if (strcmp(l->state, "undoing") == 0) {
		(void)sk_fail(err, SK_ORDER, "landing_open",
		    "taking back the work of '%s' was cut off", l->agent);
		return sk_hint(err, "sk-auto undo %s finishes it", a->spec.id);
	}
	memcpy(a->run, l->run, sizeof(a->run));
	memcpy(a->branch, l->branch, sizeof(a->branch));
	rc = sk_cands_load(a, sk_stage_find(l->stage), &c, err);
	if (rc == 0)
		rc = sk_cands_pick(a, &c, l->rule, l->agent, &x, err);
	if (rc == 0)
		rc = plan_of(a, l, x->diff, x->n, &p, err);
	if (rc == 0)
		rc = go_on(a, l, &p, err);
	if (rc == 0)
		sk_land_show(a, "apply", l, &p, false, false);
	sk_strv_free(&p.made);
	return rc;
}

/* The same again is done already; another one must wait for an undo. */
static int
check_again(struct sk_auto *a, const struct sk_landing *l,
    const struct sk_cand *x, bool *already, struct sk_err *err)
{
	*already = false;
	if (strcmp(l->state, "applied") != 0 || strcmp(l->run, a->run) != 0)
		return 0;
	if (strcmp(l->patch_sha256, x->sha256) == 0 &&
	    sk_streq(l->base, x->base)) {
		*already = true;
		return 0;
	}
	(void)sk_fail(err, SK_ORDER, "applied_already",
	    "the work of '%s' is applied already", l->agent);
	return sk_hint(err, "first: sk-auto undo %s", a->spec.id);
}

static int
apply_one(struct sk_auto *a, const struct sk_cands *c, const struct sk_cand *x,
    const struct sk_land_opts *o, struct sk_err *err)
{
	struct sk_land_plan p = { 0 };
	struct sk_land_limits lim;
	struct sk_landing l;
	struct sk_buf plan;
	int rc;

	limits_of(a, o, &lim);
	rc = check_clean(a, err);
	if (rc == 0)
		rc = sk_land_plan(&p, a->conf->project_root, x->base, x->diff,
		    x->n, &lim, &a->arena, err);
	if (rc == 0)
		rc = sk_land_check(&p, err);
	if (rc != 0) {
		sk_strv_free(&p.made);
		return rc;
	}
	sk_buf_init(&plan, 0);
	sk_land_plan_json(&p, &plan);
	fill(a, &l, c, x, rule_of(a, o), plan.p);
	if (!o->dry_run) {
		rc = sk_landing_begin(a->db, &l, err);
		if (rc == 0)
			rc = go_on(a, &l, &p, err);
	}
	if (rc == 0)
		sk_land_show(a, "apply", &l, &p, false, o->dry_run);
	sk_buf_free(&plan);
	sk_strv_free(&p.made);
	return rc;
}

int
sk_auto_apply(
    struct sk_auto *a, const struct sk_land_opts *o, struct sk_err *err)
{
	const struct sk_stage *st = NULL;
	const struct sk_cand *x = NULL;
	struct sk_landing l;
	struct sk_cands c;
	bool found = false, already = false;
	int rc = 0;

	if (o->none && (o->from != NULL || o->choose != NULL))
		return sk_fail(err, SK_USAGE, "options_exclude",
		    "--none excludes --from and --choose");
	if (o->stage != NULL)
		rc = sk_stage_parse(o->stage, &st, err);
	if (rc == 0 && a->db != NULL && !a->driving)
		rc = sk_auto_lock(a, a->opts->wait, err);
	if (rc == 0)
		rc = take_up(a, true, err);
	if (rc == 0)
		rc = newest(a, &l, &found, err);
	if (rc == 0 && found && sk_landing_open(&l) && !o->dry_run)
		return finish(a, &l, err);
	if (rc == 0)
		rc = sk_cands_load(a, st, &c, err);
	if (rc == 0 && o->none)
		return decline(a, &c, o, err);
	if (rc == 0)
		rc = sk_cands_pick(a, &c, rule_of(a, o), o->from, &x, err);
	if (rc == 0 && x->n == 0)
		rc = sk_fail(err, SK_NEGATIVE, "no_change",
		    "'%s' changed nothing", x->agent);
	if (rc == 0 && found)
		rc = check_again(a, &l, x, &already, err);
	if (rc != 0)
		return rc;
	if (already) {
		sk_land_show(a, "apply", &l, NULL, true, false);
		return 0;
	}
	return apply_one(a, &c, x, o, err);
}

/* ---- back ---- */

int
sk_auto_undo(
    struct sk_auto *a, const struct sk_land_opts *o, struct sk_err *err)
{
	struct sk_land_plan p = { 0 };
	struct sk_landing l;
	bool found = false, done;
	int rc = 0;

	if (a->db != NULL)
		rc = sk_auto_lock(a, a->opts->wait, err);
	if (rc == 0 && a->db != NULL)
		rc = newest(a, &l, &found, err);
	if (rc == 0 && (!found || strcmp(l.state, "declined") == 0)) {
		(void)sk_fail(err, SK_NEGATIVE, "nothing_applied",
		    "nothing was applied for '%s'", a->spec.id);
		return sk_hint(err, "sk-auto apply %s", a->spec.id);
	}
	if (rc != 0)
		return rc;
	done = strcmp(l.state, "undone") == 0;
	if (!done)
		rc = sk_land_replan(&p, &l, &a->arena, err);
	if (rc == 0 && !done)
		rc = sk_land_check(&p, err);
	if (rc == 0 && !done && !o->dry_run) {
		if (strcmp(l.state, "undoing") != 0)
			rc = sk_landing_move(a->db, &l, "undoing", err);
		if (rc == 0)
			rc = sk_land_go(&p, true, l.id, err);
		if (rc == 0 && SK_FAULT("land.before_undone") != 0)
			rc = sk_fail_errno(err, "cannot finish the undo");
		if (rc == 0)
			rc = sk_landing_move(a->db, &l, "undone", err);
	}
	if (rc == 0)
		sk_land_show(a, "undo", &l, &p, done, o->dry_run);
	sk_strv_free(&p.made);
	return rc;
}

/* ---- unasked ---- */

int
sk_land_auto(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err)
{
	const char *rule = sk_config_str(a->conf, "landing.apply", "never");
	struct sk_land_opts o = { .choose = rule, .stage = st->name };
	struct sk_err why = { 0 };
	struct sk_landing l;
	bool found = false;
	int rc;

	if (strcmp(rule, "never") == 0 || !sk_land_trees(a, st))
		return 0;
	rc = newest(a, &l, &found, err);
	if (rc != 0)
		return rc;
	rc = sk_auto_apply(a, &o, &why);
	if (rc != 0)
		sk_warn("%s is not applied: %s", st->name, why.message);
	sk_err_clear(&why);
	/* A signal or a lost database is not for a later guardrail. */
	return rc > 128 || rc == SK_IO ? rc : 0;
}
