/* SPDX-License-Identifier: MIT */
/* What a run leaves beside its verdicts: what it cost, what happened, which
 * stages were left out, and a commit of it where one is wanted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/bundle.h"
#include "pipeline/keep.h"
#include "pipeline/skip.h"
#include "pipeline/step.h"
#include "sys/sys.h"

/* ---- cost ---- */

struct cost {
	int64_t spent, calls, unpriced;
	int64_t stage[8]; /* in the order of sk_stages */
	struct sk_strv models;
	int64_t model[64];
};

static int
add_usage(void *arg, const struct sk_usage_row *u, struct sk_err *err)
{
	int64_t cost = u->cost > 0 ? u->cost : 0;
	struct cost *c = arg;

	(void)err;
	c->calls++;
	c->unpriced += u->cost < 0;
	c->spent += cost;
	for (size_t i = 0; sk_stages[i].name != NULL && i < 8; i++)
		if (strcmp(sk_stages[i].name, u->stage) == 0)
			c->stage[i] += cost;
	for (size_t i = 0; i < c->models.n; i++)
		if (strcmp(c->models.v[i], u->model) == 0) {
			c->model[i] += cost;
			return 0;
		}
	if (c->models.n < SK_ARRAY_SIZE(c->model)) {
		c->model[c->models.n] = cost;
		sk_strv_add(&c->models, u->model);
	}
	return 0;
}

/* An exact decimal of US dollars. */
static void
kusd(struct sk_jw *w, const char *key, int64_t micro)
{
	char s[SK_USD_LEN];

	sk_usd(micro, s);
	sk_jw_key(w, key);
	sk_jw_raw(w, s, strlen(s));
}

static void
cost_json(struct sk_auto *a, const struct cost *c, const struct sk_run *run,
    const struct sk_stage_row *rows, size_t n, struct sk_buf *b)
{
	const struct sk_jv *limit =
	    sk_config_get(a->conf, "cost.run_limit_usd");
	int64_t end = run->created_ms;
	char key[80];
	struct sk_jw w;

	for (size_t i = 0; i < n; i++)
		if (rows[i].ended_ms > end)
			end = rows[i].ended_ms;
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "spec_id", a->spec.id);
	sk_jw_kstr(&w, "run", a->run);
	kusd(&w, "total_spent", c->spent);
	sk_jw_kvalue(&w, "budget", limit);
	sk_jw_key(&w, "utilization");
	if (limit != NULL && limit->type == SK_J_NUM &&
	    strtod(limit->s, NULL) > 0) {
		(void)snprintf(key, sizeof(key), "%.4f",
		    (double)c->spent / 1e6 / strtod(limit->s, NULL));
		sk_jw_raw(&w, key, strlen(key));
	} else {
		sk_jw_null(&w);
	}
	sk_jw_kint(&w, "call_count", c->calls);
	sk_jw_kint(&w, "unpriced", c->unpriced);
	sk_jw_kobj(&w, "per_stage");
	for (size_t i = 0; sk_stages[i].name != NULL && i < 8; i++) {
		(void)snprintf(key, sizeof(key), "spec-%s", sk_stages[i].name);
		for (size_t k = 0; k < n; k++)
			if (strcmp(rows[k].stage, sk_stages[i].name) == 0)
				kusd(&w, key, c->stage[i]);
	}
	sk_jw_end(&w);
	sk_jw_kobj(&w, "per_model");
	for (size_t i = 0; i < c->models.n; i++)
		kusd(&w, c->models.v[i][0] != '\0' ? c->models.v[i] : "-",
		    c->model[i]);
	sk_jw_end(&w);
	sk_jw_kint(&w, "duration", (end - run->created_ms) / 1000);
	sk_jw_karr(&w, "stage_notes");
	for (size_t i = 0; i < n; i++) {
		if (rows[i].reason == NULL || sk_skip_row(&rows[i]))
			continue;
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "stage", rows[i].stage);
		sk_jw_kstr(&w, "escalation_reason", rows[i].reason);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

/* ---- the execution log: the history in the reference's words ---- */

static void
log_line(void *arg, const struct sk_event_row *e)
{
	static const char *const words[][2] = { { "run", "run_start" },
		{ "lease", "driver_start" }, { "stage", "stage_start" },
		{ "reserve", "agent_spawn" }, { "intake", "agent_complete" },
		{ "failed", "agent_failed" },
		{ "decide", "consensus_complete" },
		{ "ack", "consensus_acknowledged" },
		{ "artefact", "artefact_written" },
		{ "stage_end", "stage_complete" }, { "state", "run_state" },
		{ "phase", "phase_transition" }, { "gate", "quality_gate" },
		{ "landing", "landing" } };
	struct sk_jw w;

	/* (The manifest comes after the log that it has the hash of.) */
	if (e->kind == NULL || strcmp(e->kind, "manifest") == 0)
		return;
	sk_jw_init(&w, arg);
	sk_jw_obj(&w);
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strcmp(words[i][0], e->kind) == 0) {
			sk_jw_kstr(&w, "type", words[i][1]);
			break;
		} else if (i + 1 == SK_ARRAY_SIZE(words)) {
			sk_jw_kstr(&w, "type", e->kind);
		}
	sk_jw_ktime(&w, "timestamp", e->at);
	sk_jw_kstr(&w, "run_id", e->run);
	if (e->branch != NULL)
		sk_jw_kstr(&w, "branch_id", e->branch);
	if (e->key != NULL)
		sk_jw_kstr(&w, "what", e->key);
	if (e->seq != 0)
		sk_jw_kint(&w, "seq", e->seq);
	sk_jw_kint(&w, "lsn", e->lsn);
	sk_jw_done(&w);
}

/* ---- writing ---- */

static int
put(struct sk_auto *a, const char *rel, const char *name,
    const struct sk_buf *b, struct sk_strv *mine, struct sk_err *err)
{
	char *path = sk_path_join(rel, name), *below;
	const char *root;
	struct sk_dir d;
	int rc;

	below = sk_bundle_below(a, "evidence", rel, &root);
	rc = sk_dir_open(&d, root, below, true, err);
	if (rc == 0) {
		rc = sk_dir_write(&d, name, b->p, b->len, SK_DOC_FILE, err);
		sk_dir_close(&d);
	}
	if (rc == 0 && mine != NULL)
		sk_strv_add(mine, path);
	free(below);
	free(path);
	return rc;
}

static char *
skipped_path(const struct sk_auto *a, const char *stage)
{
	return sk_asprintf(
	    "commands/%s/speckit-%s_SKIPPED.json", a->spec.id, stage);
}

/* That a stage was left out is true no more when it has begun after all. */
static int
drop_skipped(struct sk_auto *a, const struct sk_stage_row *rows, size_t n,
    struct sk_err *err)
{
	struct sk_strv paths = { 0 };
	char *path;
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct sk_stage *st = sk_stage_find(rows[i].stage);

		if (st == NULL || sk_skip_row(&rows[i]))
			continue;
		path = skipped_path(a, st->name);
		sk_strv_add(&paths, path);
		free(path);
	}
	rc = sk_evidence_drop(a, &paths, "superseded", err);
	sk_strv_free(&paths);
	return rc;
}

static int
write_all(struct sk_auto *a, struct sk_err *err)
{
	struct sk_strv mine = { 0 };
	struct cost c = { .spent = 0 };
	struct sk_stage_row *rows = NULL;
	struct sk_run run;
	char name[200], rel[100];
	struct sk_buf b;
	bool found = false;
	size_t n = 0;
	int rc;

	rc = sk_run_get(a->db, a->run, &run, &found, &a->arena, err);
	if (rc == 0)
		rc = sk_stage_list(
		    a->db, a->run, a->branch, &rows, &n, &a->arena, err);
	if (rc == 0)
		rc = sk_usage_each(
		    a->db, a->run, NULL, NULL, add_usage, &c, err);
	if (rc != 0 || !found) {
		sk_strv_free(&c.models);
		return rc;
	}
	sk_buf_init(&b, SK_BUNDLE_FILE_MAX);
	cost_json(a, &c, &run, rows, n, &b);
	(void)snprintf(name, sizeof(name), "%s_cost_summary.json", a->spec.id);
	rc = put(a, "costs", name, &b, &mine, err);
	sk_buf_clear(&b);
	if (rc == 0)
		rc = sk_event_each(a->db, a->run, log_line, &b, err);
	(void)snprintf(
	    name, sizeof(name), "spec_auto_%s_%s.jsonl", a->spec.id, a->run);
	(void)snprintf(rel, sizeof(rel), "logs/%s", a->spec.id);
	if (rc == 0)
		rc = put(a, rel, name, &b, &mine, err);
	if (rc == 0)
		rc = drop_skipped(a, rows, n, err);
	if (rc == 0)
		rc = sk_evidence_seal(a, &mine, false, err);
	sk_buf_free(&b);
	sk_strv_free(&mine);
	sk_strv_free(&c.models);
	return rc;
}

void
sk_evidence_close(struct sk_auto *a)
{
	struct sk_err why = { 0 };

	if (!sk_config_bool(a->conf, "evidence.enabled", true) ||
	    a->db == NULL || a->run[0] == '\0')
		return;
	if (write_all(a, &why) != 0)
		sk_warn("evidence is not complete: %s", why.message);
	sk_err_clear(&why);
}

/* ---- stages that were left out ---- */

/* Why a stage is not part of what was run; NULL = it is, or its turn comes. */
static const char *
why_skipped(
    struct sk_auto *a, const struct sk_stage *st, const struct sk_step *first)
{
	struct sk_err ignored = { 0 };
	struct sk_stage_row *row = NULL;
	struct sk_decision d;
	bool found = true;
	struct stat sb;
	char *path;
	int rc;

	/* Whatever is said now, it began in this run. */
	if (a->db != NULL)
		(void)sk_stage_row_of(a, st->name, &row, &ignored);
	sk_err_clear(&ignored);
	if (row != NULL && !sk_skip_row(row))
		return NULL;
	if (a->opts->skip[st - sk_stages])
		return "left out by an option";
	if (!sk_auto_wanted(a, st))
		return "not in pipeline.stages";
	/* (What was left out before has its file already.) */
	if (st >= first->stage || a->db == NULL ||
	    sk_skip_recorded(a, st) != NULL)
		return NULL;
	/* The run began after it: what came later stands on what there is. */
	rc = sk_decision_seen(a->db, a->branch, a->spec.id, st->name, &d,
	    &found, &a->arena, &ignored);
	sk_err_clear(&ignored);
	if (rc != 0 || found)
		return NULL;
	path = sk_asprintf("%s/%s.md", a->spec.dir, st->name);
	found = stat(path, &sb) == 0;
	free(path);
	return found ? "the run began after it, and its file stands in"
	             : "the run began after it, and nothing stands in";
}

/* A driver that died behind the record of it has left no file. */
static const char *
not_written(struct sk_auto *a, const struct sk_stage *st)
{
	const char *reason = sk_skip_recorded(a, st);
	char *base = sk_evidence_base(a), *rel = skipped_path(a, st->name);
	char *path = sk_path_join(base, rel);
	bool there = access(path, F_OK) == 0;

	free(path);
	free(rel);
	free(base);
	return there ? NULL : reason;
}

static void
skipped_json(struct sk_auto *a, const struct sk_stage *st, const char *why,
    bool by_rule, struct sk_buf *b)
{
	bool option = a->opts->skip[st - sk_stages] || sk_auto_wanted(a, st);
	char command[80], key[80];
	struct sk_jw w;

	(void)snprintf(key, sizeof(key), "stages.%s.skip_if", st->name);

	(void)snprintf(command, sizeof(command), "speckit.%s", st->name);
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "command", command);
	sk_jw_kstr(&w, "specId", a->spec.id);
	sk_jw_kstr(&w, "sessionId", a->run);
	sk_jw_kstr(&w, "stage", st->name);
	sk_jw_kstr(&w, "action", "skipped");
	sk_jw_kstr(&w, "reason", why);
	sk_jw_kstr(&w, "configSource",
	    by_rule  ? sk_config_origin(a->conf, key)
	    : option ? "option"
		     : sk_config_origin(a->conf, "pipeline.stages"));
	sk_jw_ktime(&w, "timestamp", sk_now_ms());
	sk_jw_kstr(&w, "schemaVersion", "1.0");
	sk_jw_done(&w);
}

void
sk_evidence_skipped(struct sk_auto *a, const struct sk_step *steps, size_t n)
{
	const struct sk_stage *st;
	struct sk_strv mine = { 0 };
	struct sk_err why = { 0 };
	const char *reason;
	struct sk_buf b;
	char name[100], rel[100];
	bool by_rule;
	size_t i = 0;

	if (!sk_config_bool(a->conf, "evidence.enabled", true) || n == 0)
		return;
	sk_buf_init(&b, 0);
	(void)snprintf(rel, sizeof(rel), "commands/%s", a->spec.id);
	for (st = sk_stages; st->name != NULL && st <= steps[n - 1].stage;
	     st++) {
		while (i < n && steps[i].stage < st)
			i++;
		by_rule = i < n && steps[i].stage == st;
		if (!by_rule)
			reason = why_skipped(a, st, &steps[0]);
		else
			reason = strcmp(steps[i].status, "skipped") == 0
			             ? steps[i].reason
			             : NULL;
		if (reason == NULL) {
			reason = not_written(a, st);
			by_rule = true;
		}
		if (reason == NULL)
			continue;
		sk_buf_clear(&b);
		skipped_json(a, st, reason, by_rule, &b);
		(void)snprintf(
		    name, sizeof(name), "speckit-%s_SKIPPED.json", st->name);
		if (put(a, rel, name, &b, &mine, &why) != 0)
			sk_warn("%s", why.message);
		sk_err_clear(&why);
	}
	if (mine.n > 0 && sk_evidence_seal(a, &mine, false, &why) != 0)
		sk_warn("%s", why.message);
	sk_err_clear(&why);
	sk_buf_free(&b);
	sk_strv_free(&mine);
}

/* ---- a commit ---- */

/* A commit of documents runs nobody's programs. */
static int
git(struct sk_auto *a, const struct sk_strv *words, struct sk_err *err)
{
	struct sk_git_call c = { .dir = a->conf->project_root };

	return sk_git_do(&c, (const char *const *)words->v, NULL, err);
}

void
sk_evidence_commit(struct sk_auto *a, const struct sk_step *s)
{
	const char *env = getenv("SPEC_KIT_AUTO_COMMIT");
	struct sk_strv add = { 0 }, commit = { 0 }, paths = { 0 };
	struct sk_err why = { 0 };
	char *base, *msg;
	bool on;

	if (env == NULL || !sk_parse_bool(env, &on))
		on = sk_config_bool(a->conf, "evidence.auto_commit", false);
	if (!on || s->exit != 0)
		return;
	sk_evidence_close(a);
	base = sk_evidence_base(a);
	if (s->artefact != NULL)
		sk_strv_add(&paths, s->artefact);
	sk_strv_add(&paths, base);
	msg = sk_asprintf(
	    "feat(%s): complete %s stage", a->spec.id, s->stage->title);
	sk_strv_add(&add, "add");
	sk_strv_add(&add, "--");
	sk_strv_add(&commit, "commit");
	sk_strv_add(&commit, "-q");
	sk_strv_add(&commit, "-m");
	sk_strv_add(&commit, msg);
	sk_strv_add(&commit, "--");
	for (size_t i = 0; i < paths.n; i++) {
		sk_strv_add(&add, paths.v[i]);
		sk_strv_add(&commit, paths.v[i]);
	}
	/* These paths alone: what a person has staged stays staged. */
	if (git(a, &add, &why) != 0 || git(a, &commit, &why) != 0)
		sk_warn("not committed: %s", why.message);
	sk_err_clear(&why);
	sk_strv_free(&add);
	sk_strv_free(&commit);
	sk_strv_free(&paths);
	free(base);
	free(msg);
}
