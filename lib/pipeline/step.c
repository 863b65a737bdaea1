/* SPDX-License-Identifier: MIT */
/* One stage: ask, judge, write, acknowledge. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/branch.h"
#include "pipeline/gate.h"
#include "pipeline/keep.h"
#include "pipeline/land.h"
#include "pipeline/pipeline.h"
#include "pipeline/step.h"

/* The one verdict in what sk-consensus printed (status is its own), or its
 * error. */
static int
find_verdict(struct sk_auto *a, const struct sk_buf *out, int status,
    struct sk_jv **verdict, struct sk_err *err)
{
	const char *p = out->p, *end = out->p + out->len, *nl;
	struct sk_jv *v;
	int rc;

	*verdict = NULL;
	for (; p < end; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		if (nl == p)
			continue;
		rc = sk_json_parse(&a->arena, p, (size_t)(nl - p),
		    &sk_verdict_limits, &v, err);
		if (rc != 0)
			return rc;
		if (sk_error_from_json(v, err))
			return err->exit;
		if (sk_streq(sk_jget_str(v, "schema"), "sk.verdict/1"))
			*verdict = v;
	}
	if (*verdict != NULL)
		return 0;
	return sk_fail(err, status != 0 ? status : SK_BUG, "no_verdict",
	    "sk-consensus gave no verdict (status %d)", status);
}

int
sk_stage_row_of(struct sk_auto *a, const char *stage, struct sk_stage_row **row,
    struct sk_err *err)
{
	struct sk_stage_row *rows = NULL;
	size_t n = 0;
	int rc;

	*row = NULL;
	rc = sk_stage_list(a->db, a->run, a->branch, &rows, &n, &a->arena, err);
	for (size_t i = 0; rc == 0 && i < n; i++)
		if (stage != NULL ? strcmp(rows[i].stage, stage) == 0
				  : strcmp(rows[i].state, "running") == 0)
			*row = &rows[i];
	return rc;
}

int
sk_verdict_ask(struct sk_auto *a, const struct sk_strv *argv, const char *in,
    size_t n, struct sk_jv **verdict, struct sk_err *err)
{
	struct sk_buf out;
	int rc, status = 0, interrupted = 0;

	sk_buf_init(&out, SK_RECORDS_MAX);
	rc = sk_child_run(a, argv, in, n, &out, &status, &interrupted, err);
	if (rc == 0)
		rc = sk_stopped(interrupted, err);
	if (rc == 0)
		rc = find_verdict(a, &out, status, verdict, err);
	sk_buf_free(&out);
	return rc;
}

void
sk_judge_words(
    const struct sk_auto *a, const struct sk_step *s, struct sk_strv *argv)
{
	const struct sk_jv *quorum = sk_stage_rule(a, s->stage, "quorum");
	const struct sk_jv *require = sk_stage_rule(a, s->stage, "require");
	char *policy = sk_stage_policy(a, s->stage);
	struct sk_buf expect;

	sk_buf_init(&expect, 0);
	sk_buf_join(&expect, &s->names, ",");
	sk_strv_add(argv, "sk-consensus");
	sk_strv_add(argv, "--json");
	sk_strv_add(argv, "--no-ack");
	sk_arg2(argv, "--expect", expect.p);
	sk_arg2(argv, "--policy", policy);
	/* (A count may be written as a number.) */
	if (quorum != NULL)
		sk_arg2(argv, "--quorum", quorum->s);
	for (size_t i = 0; i < sk_jlen(require); i++)
		sk_arg2(argv, "--require", sk_jstr(sk_jat(require, i)));
	if (s->names.n == 1)
		/* A line-up of one was asked for in so many words. */
		sk_arg2(argv, "--min", "1");
	sk_buf_free(&expect);
	free(policy);
}

static int
judge(struct sk_auto *a, const struct sk_step *s, const struct sk_buf *records,
    struct sk_jv **verdict, struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	int rc;

	sk_judge_words(a, s, &argv);
	if (a->config_file != NULL)
		sk_arg2(&argv, "--config", a->config_file);
	rc = sk_verdict_ask(a, &argv, records->p, records->len, verdict, err);
	sk_strv_free(&argv);
	return rc;
}

int
sk_settle_cost(struct sk_auto *a, const char *stage, struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	struct sk_buf out;
	int rc, status = 0, interrupted = 0;

	sk_buf_init(&out, SK_RECORDS_MAX);
	sk_strv_add(&argv, "sk-metrics");
	sk_strv_add(&argv, "settle");
	sk_strv_add(&argv, "--json");
	sk_arg2(&argv, "--run", a->run);
	sk_arg2(&argv, "--branch", a->branch);
	sk_arg2(&argv, "--stage", stage);
	if (a->config_file != NULL)
		sk_arg2(&argv, "--config", a->config_file);
	rc = sk_child_run(a, &argv, "", 0, &out, &status, &interrupted, err);
	sk_strv_free(&argv);
	sk_buf_free(&out);
	if (rc == 0)
		rc = sk_stopped(interrupted, err);
	if (rc == 0 && status != 0)
		rc = sk_fail(err, status, "cost_not_settled",
		    "the cost of stage '%s' was not booked", stage);
	return rc;
}

static int
acknowledge(struct sk_auto *a, int64_t seq, struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	struct sk_buf out;
	int rc, status = 0, interrupted = 0;

	sk_buf_init(&out, 0);
	sk_strv_add(&argv, "sk-consensus");
	sk_strv_add(&argv, "ack");
	sk_strv_add(&argv, "--json");
	sk_arg2(&argv, "--run", a->run);
	sk_arg2(&argv, "--branch", a->branch);
	sk_arg_int(&argv, "--seq", seq, "");
	rc = sk_child_run(a, &argv, "", 0, &out, &status, &interrupted, err);
	sk_strv_free(&argv);
	sk_buf_free(&out);
	if (rc == 0 && status != 0)
		rc = sk_fail(err, status, "ack_refused",
		    "decision %lld was not acknowledged", (long long)seq);
	return rc;
}

/* "quorum at /complexity (2 required, 1 found); missing a3" */
static void
reasons(const struct sk_jv *verdict, struct sk_buf *b)
{
	const struct sk_jv *list = sk_jget(verdict, "reasons"), *r;
	const char *kind, *path, *agent;
	int64_t want, got;

	for (size_t i = 0; i < sk_jlen(list); i++) {
		r = sk_jat(list, i);
		kind = sk_jget_str(r, "kind");
		path = sk_jget_str(r, "path");
		agent = sk_jget_str(r, "agent");
		sk_buf_printf(b, "%s%s", b->len > 0 ? "; " : "",
		    kind != NULL ? kind : "?");
		if (path != NULL && path[0] != '\0')
			sk_buf_printf(b, " at %s", path);
		if (agent != NULL)
			sk_buf_printf(b, " (%s)", agent);
		if (sk_jget_int(r, "required", &want) &&
		    sk_jget_int(r, "actual", &got))
			sk_buf_printf(b, " (%lld required, %lld found)",
			    (long long)want, (long long)got);
	}
}

static int
status_class(const char *status)
{
	if (strcmp(status, "ok") == 0)
		return 0;
	return strcmp(status, "conflict") == 0 ? SK_NEGATIVE : SK_DEGRADED;
}

static void
note_verdict(struct sk_step *s, const struct sk_jv *verdict)
{
	const char *status = sk_jget_str(verdict, "status");
	const char *path =
	    sk_jstr(sk_jptr(verdict, "/decision/evidence/synthesis"));
	struct sk_buf b;

	(void)snprintf(s->status, sizeof(s->status), "%s",
	    status != NULL ? status : "unknown");
	s->answered = sk_jlen(sk_jget(verdict, "present"));
	(void)sk_jget_int(verdict, "decision_seq", &s->decision_seq);
	free(s->evidence);
	s->evidence = path != NULL ? sk_strdup(path) : NULL;
	free(s->reason);
	sk_buf_init(&b, 2000);
	reasons(verdict, &b);
	s->reason = sk_buf_detach(&b);
}

/* A decision that a dead driver left unacknowledged is taken as it is: nobody
 * is asked before it is settled. */
static int
take_pending(struct sk_auto *a, const struct sk_step *s, struct sk_jv **verdict,
    struct sk_err *err)
{
	struct sk_strv argv = { 0 };
	struct sk_decision d;
	bool found = false;
	int rc;

	*verdict = NULL;
	rc = sk_decision_pending(
	    a->db, a->run, a->branch, &d, &found, &a->arena, err);
	if (rc != 0 || !found || strcmp(d.stage, s->stage->name) != 0)
		return rc;
	sk_strv_add(&argv, "sk-consensus");
	sk_strv_add(&argv, "pending");
	sk_strv_add(&argv, "--json");
	sk_arg2(&argv, "--run", a->run);
	sk_arg2(&argv, "--branch", a->branch);
	rc = sk_verdict_ask(a, &argv, "", 0, verdict, err);
	sk_strv_free(&argv);
	return rc;
}

int
sk_step_settle(
    struct sk_auto *a, const struct sk_stage *first, struct sk_err *err)
{
	struct sk_step s = { 0 };
	struct sk_jv *verdict = NULL;
	struct sk_decision d;
	bool found = false;
	int rc;

	rc = sk_decision_pending(
	    a->db, a->run, a->branch, &d, &found, &a->arena, err);
	if (rc != 0 || !found || strcmp(d.stage, first->name) == 0)
		return rc;
	/* Nothing waits for a gate's decision: it has a row of its own. */
	if (sk_gate_find(d.stage) != NULL)
		return acknowledge(a, d.seq, err);
	s.stage = sk_stage_find(d.stage);
	if (s.stage == NULL)
		return 0;
	rc = take_pending(a, &s, &verdict, err);
	if (rc == 0 && verdict != NULL && strcmp(d.status, "ok") == 0)
		rc = sk_artefact_publish(
		    a, verdict, a->driver.epoch, &s.artefact, err);
	if (rc == 0)
		rc = sk_settle_cost(a, d.stage, err);
	if (rc == 0)
		rc = acknowledge(a, d.seq, err);
	sk_step_free(&s);
	return rc;
}

int64_t
sk_step_rounds(const struct sk_auto *a, const struct sk_stage *st)
{
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.max_rounds", st->name);
	return sk_config_int(a->conf, key, 2);
}

/* Ask and judge; what is degraded is given another try, in which sk-run asks
 * only the agents that have no accepted answer. */
static int
ask_and_judge(struct sk_auto *a, struct sk_step *s, struct sk_jv **verdict,
    int *worst, struct sk_err *err)
{
	const int64_t most = sk_step_rounds(a, s->stage);
	struct sk_buf records;
	int rc;

	sk_buf_init(&records, SK_RECORDS_MAX);
	rc = take_pending(a, s, verdict, err);
	if (rc == 0 && *verdict != NULL)
		rc = sk_phase_go(a, SK_EV_JUDGE, err);
	for (int64_t tries = 1; rc == 0 && tries <= most; tries++) {
		if (tries > 1 || *verdict == NULL) {
			rc = sk_ask_all(a, s, &records, worst, err);
			if (rc == 0 && records.len == 0)
				rc = sk_fail(err,
				    *worst > 0 && *worst < 128 ? *worst
							       : SK_NOANSWER,
				    "no_records",
				    "sk-run printed nothing and ended with %d",
				    *worst);
			if (rc == 0)
				rc = sk_phase_go(a, SK_EV_JUDGE, err);
			if (rc == 0)
				rc = judge(a, s, &records, verdict, err);
		}
		if (rc != 0)
			break;
		note_verdict(s, *verdict);
		if (status_class(s->status) != SK_DEGRADED || tries == most ||
		    s->gave_up ||
		    sk_jlen(sk_jget(*verdict, "missing_agents")) == 0)
			break;
		/* Only one decision may be pending. */
		rc = acknowledge(a, s->decision_seq, err);
	}
	sk_buf_free(&records);
	return rc;
}

static int
settle_conflict(struct sk_auto *a, struct sk_step *s, struct sk_jv **verdict,
    struct sk_err *err)
{
	bool wanted = sk_arbiter_wanted(a, s->stage, *verdict);
	struct sk_jv *ruled = NULL;
	char name[SK_IDENT_LEN];
	int rc = 0;

	if (wanted) {
		/* Only one decision may be pending. */
		rc = acknowledge(a, s->decision_seq, err);
		if (rc == 0)
			rc = sk_arbiter_ask(a, s, &ruled, err);
	}
	if (rc == 0 && ruled != NULL) {
		*verdict = ruled;
		note_verdict(s, ruled);
	}
	/* What it cost, also when a driver died before it was booked. */
	if (rc == 0 && (wanted || sk_jget(*verdict, "arbiter") != NULL)) {
		(void)snprintf(
		    name, sizeof(name), "%s.arbiter", s->stage->name);
		rc = sk_settle_cost(a, name, err);
	}
	return rc;
}

static int
record_end(struct sk_auto *a, const struct sk_step *s, struct sk_err *err)
{
	struct sk_stage_row row = { 0 };

	(void)snprintf(row.stage, sizeof(row.stage), "%s", s->stage->name);
	(void)snprintf(row.state, sizeof(row.state), "%s",
	    s->exit == 0 ? "done" : "halted");
	memcpy(row.status, s->status, sizeof(row.status));
	row.round = s->round;
	row.started_ms = s->started_ms;
	row.ended_ms = s->ended_ms;
	row.decision_seq = s->decision_seq;
	row.artefact = s->artefact;
	row.reason = s->exit == 0 ? NULL : s->reason;
	row.exit = s->exit;
	row.config = a->config_hash[0] != '\0' ? a->config_hash : NULL;
	return sk_stage_end(
	    a->db, a->run, a->branch, &row, a->driver.epoch, err);
}

static int
record_start(struct sk_auto *a, const struct sk_step *s, struct sk_err *err)
{
	struct sk_buf agents, where;
	struct sk_git git;
	int rc;

	sk_buf_init(&agents, 0);
	sk_buf_init(&where, 0);
	sk_buf_join(&agents, &s->names, ",");
	rc = sk_project_git(a->conf, &git, &a->arena, err);
	/* A run may go on elsewhere than it began: each stage says where. */
	sk_buf_printf(&where, "%s %s", git.branch[0] != '\0' ? git.branch : "-",
	    git.head[0] != '\0' ? git.head : "-");
	if (rc == 0)
		rc = sk_db_begin(a->db, err);
	if (rc == 0) {
		rc = sk_stage_start(a->db, a->run, a->branch, s->stage->name,
		    agents.p, a->driver.epoch, err);
		if (rc == 0 && strcmp(where.p, "- -") != 0)
			rc = sk_journal(a->db, "git", a->run, a->branch, 0,
			    where.p, a->driver.epoch, err);
		if (rc == 0)
			rc = sk_db_commit(a->db, err);
		else
			sk_db_rollback(a->db);
	}
	sk_buf_free(&agents);
	sk_buf_free(&where);
	return rc;
}

/* Who answered before it ended without a verdict. */
static size_t
answered(struct sk_auto *a, const struct sk_step *s)
{
	struct sk_key key = { a->run, a->branch, a->spec.id, s->stage->name, "",
		s->round };
	struct sk_stored *v = NULL;
	struct sk_err err = { 0 };
	int64_t round;
	size_t n = 0, ok = 0;

	if (s->round == 0 ||
	    sk_answers_of(a->db, &key, &v, &n, &round, &a->arena, &err) != 0)
		n = 0;
	for (size_t i = 0; i < n; i++)
		ok += v[i].ok;
	sk_err_clear(&err);
	return ok;
}

/* No verdict: the stage stays open, so that the next start goes on in it, but
 * says why nobody is in it. What stopped us may be the database. */
void
sk_step_failed(
    struct sk_auto *a, struct sk_step *s, int exit, const struct sk_err *e)
{
	struct sk_stage_row row = { .state = "running", .exit = exit };
	struct sk_err err = { 0 };

	s->exit = exit;
	free(s->reason);
	s->reason = sk_strdup(e->message);
	if (exit != SK_ORDER) {
		(void)snprintf(
		    row.stage, sizeof(row.stage), "%s", s->stage->name);
		row.round = s->round;
		row.started_ms = s->started_ms;
		row.reason = s->reason;
		row.config = a->config_hash[0] != '\0' ? a->config_hash : NULL;
		(void)sk_stage_end(
		    a->db, a->run, a->branch, &row, a->driver.epoch, &err);
		sk_err_clear(&err);
		s->answered = answered(a, s);
	}
}

int
sk_step_record(struct sk_auto *a, struct sk_step *s, struct sk_err *err)
{
	const struct sk_decision *d = s->settled;
	struct sk_jv *v;
	int rc;

	rc = sk_json_parse(&a->arena, d->verdict, strlen(d->verdict),
	    &sk_verdict_limits, &v, err);
	if (rc != 0)
		return rc;
	note_verdict(s, v);
	s->decision_seq = d->seq;
	s->artefact = d->artefact != NULL ? sk_strdup(d->artefact) : NULL;
	s->ended_ms = sk_now_ms();
	rc = sk_phase_go(a, SK_EV_JUDGE, err);
	if (rc == 0 && s->exit == 0)
		rc = sk_phase_go(a, SK_EV_WRITE, err);
	return rc != 0 ? rc : record_end(a, s, err);
}

int
sk_step_begin(struct sk_auto *a, struct sk_step *s, struct sk_err *err)
{
	int rc = record_start(a, s, err);

	/* What it needs may have been left out on the way. */
	if (rc == 0)
		rc = sk_auto_needs(a, s->stage, err);
	if (rc == 0)
		rc = sk_guardrail(a, s, s->first, err);
	if (rc == 0)
		rc = sk_gate_run(a, s->stage, err);
	/* (A gate may have shown, and then changed it.) */
	a->spec_shown[0] = '\0';
	if (rc != 0)
		sk_step_failed(a, s, rc, err);
	return rc;
}

int
sk_step_run(struct sk_auto *a, struct sk_step *s, struct sk_err *err)
{
	struct sk_jv *verdict = NULL;
	int rc, worst = 0;

	s->started_ms = sk_now_ms();
	if (s->settled != NULL)
		return sk_step_record(a, s, err);
	rc = sk_step_begin(a, s, err);
	if (rc != 0)
		return rc;
	rc = ask_and_judge(a, s, &verdict, &worst, err);
	if (rc == 0)
		rc = settle_conflict(a, s, &verdict, err);
	if (rc != 0) {
		sk_step_failed(a, s, rc, err);
		return rc;
	}
	s->exit = status_class(s->status);
	/* No answer at all has a cause of its own: login, budget, … */
	if (s->exit == SK_DEGRADED && worst != 0)
		s->exit = worst;
	if (s->exit == 0)
		rc = sk_phase_go(a, SK_EV_WRITE, err);
	if (rc == 0 && s->exit == 0)
		rc = sk_artefact_publish(
		    a, verdict, a->driver.epoch, &s->artefact, err);
	if (rc == 0)
		rc = sk_settle_cost(a, s->stage->name, err);
	if (rc == 0)
		rc = acknowledge(a, s->decision_seq, err);
	s->ended_ms = sk_now_ms();
	if (rc == 0)
		rc = record_end(a, s, err);
	if (rc == 0 && s->exit == 0)
		rc = sk_land_auto(a, s->stage, err);
	if (rc == 0)
		sk_evidence_commit(a, s);
	if (rc != 0)
		s->exit = rc;
	return rc;
}

void
sk_step_free(struct sk_step *s)
{
	sk_strv_free(&s->specs);
	sk_strv_free(&s->names);
	free(s->artefact);
	free(s->evidence);
	free(s->reason);
}
