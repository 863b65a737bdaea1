/* SPDX-License-Identifier: MIT */
/* What is known of a specification and its newest run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/gate.h"
#include "pipeline/pipeline.h"
#include "pipeline/skip.h"

#define STAGES 6
#define HOUR_MS ((int64_t)3600000)
#define MB ((int64_t)1 << 20)

struct stage_view {
	const struct sk_stage_row *row; /* NULL = never started */
	struct sk_stored *answers; /* of its newest round */
	size_t n, answered;
	bool artefact, stale;
};

struct view {
	struct sk_run run;
	struct sk_lease lease;
	bool found, leased, alive; /* a run, a driver ever, one now */
	struct stage_view stage[STAGES];
	struct sk_gate_view gate[SK_GATES];
	int64_t evidence, warn, block;
	struct sk_evidence files;
	struct sk_strv warnings;
};

/* ---- gathering ---- */

static bool
has_file(const struct sk_auto *a, const char *name)
{
	char *path = sk_path_join(a->spec.dir, name);
	bool yes = access(path, F_OK) == 0;

	free(path);
	return yes;
}

static void
warn(struct view *v, char *text)
{
	sk_strv_add(&v->warnings, text);
	free(text);
}

static int
view_stage(struct sk_auto *a, struct view *v, size_t i, int64_t stale_ms,
    const struct sk_stage_row *rows, size_t n, struct sk_err *err)
{
	const struct sk_stage *st = &sk_stages[i];
	struct stage_view *s = &v->stage[i];
	struct sk_key key = { a->run, a->branch, a->spec.id, st->name, "", 0 };
	char file[80];
	int64_t round;
	int rc = 0;

	(void)snprintf(file, sizeof(file), "%s.md", st->name);
	s->artefact = has_file(a, file);
	/* A stage may have run more than once; the last counts. */
	for (size_t k = 0; k < n; k++)
		if (strcmp(rows[k].stage, st->name) == 0)
			s->row = &rows[k];
	if (s->row == NULL)
		return 0;
	rc = sk_answers_of(
	    a->db, &key, &s->answers, &s->n, &round, &a->arena, err);
	for (size_t k = 0; rc == 0 && k < s->n; k++)
		s->answered += s->answers[k].ok;
	s->stale =
	    s->row->ended_ms > 0 && sk_now_ms() - s->row->ended_ms > stale_ms;
	if (s->row->ended_ms > 0 && !s->artefact && !sk_skip_row(s->row) &&
	    strcmp(s->row->state, "done") == 0)
		warn(v,
		    sk_asprintf("%s is done, but %s is gone", st->name, file));
	return rc;
}

static void
view_evidence(struct sk_auto *a, struct view *v)
{
	v->warn =
	    MB * sk_config_int(a->conf, "evidence.max_size_per_spec_mb", 25);
	v->block =
	    MB * sk_config_int(a->conf, "evidence.block_size_per_spec_mb", 50);
	v->evidence = sk_evidence_size(a, &v->files);
	if (v->evidence > v->warn) {
		char size[32], limit[32];

		sk_size_text(v->evidence, size, sizeof(size));
		sk_size_text(v->evidence > v->block ? v->block : v->warn, limit,
		    sizeof(limit));
		warn(v, sk_asprintf(
			    "evidence is %s, the limit is %s", size, limit));
	}
}

static int
gather(struct sk_auto *a, struct view *v, int64_t stale_ms, struct sk_err *err)
{
	struct sk_stage_row *rows = NULL;
	size_t n = 0;
	int rc;

	rc = sk_auto_look(a, &v->run, &v->found, err);
	if (rc == 0 && v->found)
		rc = sk_stage_list(
		    a->db, a->run, a->branch, &rows, &n, &a->arena, err);
	if (rc == 0 && v->found)
		rc = sk_lease_get(a->db, a->run, &v->lease, &v->leased, err);
	v->alive = v->leased && sk_proc_alive(&v->lease.proc);
	for (size_t i = 0; rc == 0 && i < STAGES; i++)
		rc = view_stage(a, v, i, stale_ms, rows, n, err);
	if (rc == 0)
		rc = sk_gate_views(a, rows, n, v->gate, err);
	if (rc != 0)
		return rc;
	if (v->found && strcmp(v->run.state, "running") == 0 && !v->alive)
		warn(v, sk_asprintf("the driver is gone; sk-auto resume %s",
			    a->spec.id));
	view_evidence(a, v);
	return 0;
}

/* ---- for programs ---- */

static void
driver_json(struct sk_jw *w, const struct view *v)
{
	sk_jw_kstr(w, "phase", v->found ? v->lease.phase : NULL);
	sk_jw_ktime(w, "phase_at", v->leased ? v->lease.phase_ms : 0);
	sk_jw_key(w, "driver");
	if (!v->leased) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kbool(w, "alive", v->alive);
	sk_jw_kstr(w, "program", v->lease.program);
	sk_jw_kint(w, "pid", v->lease.proc.pid);
	sk_jw_ktime(w, "since", v->lease.since_ms);
	sk_jw_end(w);
}

static void
coverage_json(struct sk_jw *w, const struct stage_view *s)
{
	sk_jw_karr(w, "coverage");
	for (size_t i = 0; i < s->n; i++) {
		const struct sk_stored *x = &s->answers[i];

		sk_jw_obj(w);
		sk_jw_kstr(w, "agent", x->agent);
		sk_jw_kbool(w, "answered", x->ok);
		sk_jw_kstr(w, "model", x->model);
		sk_jw_kstr(w, "failure", x->ok ? NULL : x->failure_kind);
		sk_jw_end(w);
	}
	sk_jw_end(w);
}

static void
stage_json(
    struct sk_jw *w, const struct sk_stage *st, const struct stage_view *s)
{
	const struct sk_stage_row *r = s->row;

	sk_jw_obj(w);
	sk_jw_kstr(w, "stage", st->name);
	sk_jw_kstr(w, "state", r != NULL ? sk_stage_state(r) : "pending");
	sk_jw_kstr(
	    w, "status", r != NULL && r->status[0] != '\0' ? r->status : NULL);
	sk_jw_kstr(w, "agents", r != NULL ? r->agents : NULL);
	sk_jw_kbool(w, "artefact", s->artefact);
	sk_jw_ktime(w, "started_at", r != NULL ? r->started_ms : 0);
	sk_jw_ktime(w, "ended_at", r != NULL ? r->ended_ms : 0);
	sk_jw_kstr(w, "reason", r != NULL ? r->reason : NULL);
	sk_jw_kstr(w, "config", r != NULL ? r->config : NULL);
	sk_jw_kint(w, "exit", r != NULL ? r->exit : 0);
	sk_jw_kbool(w, "stale", s->stale);
	coverage_json(w, s);
	sk_jw_end(w);
}

static void
files_json(struct sk_jw *w, const struct sk_evidence *ev)
{
	sk_jw_kstr(w, "latest", ev->latest_ms > 0 ? ev->latest : NULL);
	sk_jw_ktime(w, "latest_at", ev->latest_ms);
	sk_jw_karr(w, "largest");
	for (size_t i = 0; i < SK_ARRAY_SIZE(ev->top); i++) {
		if (ev->top[i].name[0] == '\0')
			break;
		sk_jw_obj(w);
		sk_jw_kstr(w, "file", ev->top[i].name);
		sk_jw_kint(w, "bytes", ev->top[i].bytes);
		sk_jw_end(w);
	}
	sk_jw_end(w);
}

static void
status_json(const struct sk_auto *a, const struct view *v)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.status/1");
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_kstr(&w, "dir", a->spec.dir);
	sk_jw_kstr(&w, "run", v->found ? v->run.id : NULL);
	sk_jw_kstr(&w, "branch", v->found ? a->branch : NULL);
	sk_jw_kstr(&w, "state", v->found ? v->run.state : NULL);
	sk_jw_ktime(&w, "active_at", v->found ? v->run.active_ms : 0);
	driver_json(&w, v);
	sk_jw_karr(&w, "stages");
	for (size_t i = 0; i < STAGES; i++)
		stage_json(&w, &sk_stages[i], &v->stage[i]);
	sk_jw_end(&w);
	sk_gate_views_json(&w, v->gate);
	sk_jw_kobj(&w, "evidence");
	sk_jw_kint(&w, "bytes", v->evidence);
	sk_jw_kint(&w, "largest_bytes", v->files.top[0].bytes);
	sk_jw_kint(&w, "warn_bytes", v->warn);
	sk_jw_kint(&w, "block_bytes", v->block);
	files_json(&w, &v->files);
	sk_jw_end(&w);
	sk_jw_kstrv(&w, "warnings", &v->warnings);
	sk_out_json_end(&w);
}

/* ---- for a person ---- */

/* "a1 a2 a3(timeout_total)": who answered, and why not. */
static void
coverage_text(const struct stage_view *s, struct sk_buf *b)
{
	for (size_t i = 0; i < s->n; i++) {
		const struct sk_stored *x = &s->answers[i];

		sk_buf_printf(b, "%s%s", i > 0 ? " " : "", x->agent);
		if (!x->ok)
			sk_buf_printf(b, "(%s)",
			    x->failure_kind != NULL ? x->failure_kind
						    : "no answer");
	}
	if (s->n == 0)
		sk_buf_str(b, "-");
}

static void
head_text(const struct sk_auto *a, const struct view *v)
{
	char ago[32];

	sk_outf("%s  ", a->spec.id);
	sk_out_visible(a->spec.dir);
	sk_out_str("\npacket  spec.md");
	for (size_t i = 0; i < STAGES; i++)
		if (v->stage[i].artefact)
			sk_outf(" %s.md", sk_stages[i].name);
	sk_out_str("\n");
	if (!v->found) {
		sk_out_str("no run yet\n");
		return;
	}
	sk_duration_text(sk_now_ms() - v->run.active_ms, ago, sizeof(ago));
	sk_outf("run %s  %s", v->run.id,
	    v->run.state[0] != '\0' ? v->run.state : "new");
	if (v->alive)
		sk_outf(", %s by %s (pid %lld)", v->lease.phase,
		    v->lease.program, (long long)v->lease.proc.pid);
	sk_outf(", active %s ago\n", ago);
}

static void
stages_text(const struct view *v)
{
	static const char *const head[] = { "STAGE", "STATE", "STATUS",
		"ANSWERS", "DURATION", "AGENTS" };
	struct sk_table t;
	struct sk_buf who;
	char took[32];

	sk_table_init(&t, SK_ARRAY_SIZE(head), 16);
	for (size_t i = 0; i < SK_ARRAY_SIZE(head); i++)
		sk_table_cell(&t, head[i]);
	for (size_t i = 0; i < STAGES; i++) {
		const struct stage_view *s = &v->stage[i];
		const struct sk_stage_row *r = s->row;

		(void)snprintf(took, sizeof(took), "-");
		if (r != NULL && r->ended_ms > 0)
			sk_duration_text(
			    r->ended_ms - r->started_ms, took, sizeof(took));
		sk_buf_init(&who, 0);
		coverage_text(s, &who);
		sk_table_cell(&t, sk_stages[i].name);
		sk_table_cellf(&t, "%s%s",
		    r != NULL ? sk_stage_state(r) : "pending",
		    s->stale ? " (stale)" : "");
		sk_table_cell(
		    &t, r != NULL && r->status[0] != '\0' ? r->status : "-");
		if (s->n > 0)
			sk_table_cellf(&t, "%zu/%zu", s->answered, s->n);
		else
			sk_table_cell(&t, "-");
		sk_table_cell(&t, took);
		sk_table_cell(&t, who.p);
		sk_buf_free(&who);
	}
	sk_table_print(&t);
}

static void
evidence_text(const struct view *v)
{
	char ago[32], size[32], most[32];
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_duration_text(sk_now_ms() - v->files.latest_ms, ago, sizeof(ago));
	sk_size_text(v->evidence, size, sizeof(size));
	sk_size_text(v->block, most, sizeof(most));
	sk_buf_printf(
	    &b, "\nevidence  %s of %s, the latest %s ago: ", size, most, ago);
	sk_buf_visible(&b, v->files.latest, strlen(v->files.latest), false);
	sk_buf_str(&b, "\nlargest  ");
	for (size_t i = 0; i < SK_ARRAY_SIZE(v->files.top); i++) {
		if (v->files.top[i].name[0] == '\0')
			break;
		sk_buf_ch(&b, ' ');
		sk_buf_visible(&b, v->files.top[i].name,
		    strlen(v->files.top[i].name), false);
		sk_size_text(v->files.top[i].bytes, size, sizeof(size));
		sk_buf_printf(&b, " (%s)%s", size,
		    i + 1 < SK_ARRAY_SIZE(v->files.top) &&
			    v->files.top[i + 1].name[0] != '\0'
			? ","
			: "");
	}
	sk_buf_ch(&b, '\n');
	sk_out(b.p, b.len);
	sk_buf_free(&b);
}

static void
status_text(const struct sk_auto *a, const struct view *v)
{
	const struct sk_stage_row *r;
	struct sk_buf b;

	head_text(a, v);
	stages_text(v);
	if (v->found) {
		sk_buf_init(&b, 0);
		sk_buf_ch(&b, '\n');
		sk_gate_views_text(&b, v->gate);
		sk_out(b.p, b.len);
		sk_buf_free(&b);
	}
	if (v->evidence > 0)
		evidence_text(v);
	for (size_t i = 0; i < v->warnings.n; i++) {
		sk_out_str("warning   ");
		sk_out_visible(v->warnings.v[i]);
		sk_out_str("\n");
	}
	for (size_t i = 0; i < STAGES; i++) {
		r = v->stage[i].row;
		/* (A stage that was cut off says why in its row, too.) */
		if (r == NULL || (r->exit == 0 && r->reason == NULL))
			continue;
		sk_buf_init(&b, 0);
		if (r->reason != NULL)
			sk_buf_visible(&b, r->reason, strlen(r->reason), false);
		if (sk_skip_row(r))
			sk_outf("\nskipped %s: %s\n", sk_stages[i].name, b.p);
		else if (r->exit == SK_PAUSED && v->lease.phase[0] != '\0' &&
			 sk_phase_parse(v->lease.phase) == SK_PH_PAUSED)
			sk_outf("\npaused  %s: %s\nresume  sk-auto resume %s "
				"--run %s\n",
			    sk_stages[i].name, b.p, a->spec.id, v->run.id);
		else if (r->exit == SK_PAUSED)
			sk_outf("\nwaits   %s: %s\nanswer  sk-auto answer %s "
				"--run %s --list\n",
			    sk_stages[i].name, b.p, a->spec.id, v->run.id);
		else
			sk_outf("\nhalted  %s: %s\nresume  sk-auto run %s "
				"--run %s --from %s\n",
			    sk_stages[i].name, b.p, a->spec.id, v->run.id,
			    sk_stages[i].name);
		sk_buf_free(&b);
	}
}

int
sk_auto_status(struct sk_auto *a, int64_t stale_hours, struct sk_err *err)
{
	struct view v = { 0 };
	int rc;

	rc = gather(a, &v, stale_hours * HOUR_MS, err);
	if (rc == 0 && a->json)
		status_json(a, &v);
	else if (rc == 0)
		status_text(a, &v);
	sk_strv_free(&v.warnings);
	return rc;
}
