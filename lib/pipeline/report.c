/* SPDX-License-Identifier: MIT */
/* What a run says: sk.event/1 lines and a summary for programs, or progress on
 * stderr and a table for a person. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/pipeline.h"
#include "pipeline/tools.h"

static void
emit(struct sk_buf *b)
{
	struct sk_err err = { 0 };

	sk_out(b->p, b->len);
	/* Flushed as it happens; main reports a broken output at the end. */
	(void)sk_out_flush(&err);
	sk_err_clear(&err);
	sk_buf_free(b);
}

void
sk_report_open(struct sk_jw *w, const struct sk_auto *a, const char *schema,
    const char *event)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "schema", schema);
	if (event != NULL)
		sk_jw_kstr(w, "event", event);
	sk_jw_ktime(w, "at", sk_now_ms());
	sk_jw_kstr(w, "run", a->run);
	sk_jw_kstr(w, "branch", a->branch);
	sk_jw_kstr(w, "spec", a->spec.id);
}

static void
event_open(struct sk_jw *w, struct sk_buf *b, const struct sk_auto *a,
    const char *schema, const char *event)
{
	sk_buf_init(b, 0);
	sk_jw_init(w, b);
	sk_report_open(w, a, schema, event);
}

void
sk_report_start(const struct sk_auto *a)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json) {
		sk_say("%s: run %s", a->spec.id, a->run);
		return;
	}
	event_open(&w, &b, a, "sk.event/1", "run.start");
	sk_jw_done(&w);
	emit(&b);
}

void
sk_report_phase(const struct sk_auto *a, const char *from, const char *to)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json)
		return;
	event_open(&w, &b, a, "sk.event/1", "phase");
	sk_jw_kstr(&w, "from", from);
	sk_jw_kstr(&w, "to", to);
	sk_jw_done(&w);
	emit(&b);
}

static void
stage_fields(struct sk_jw *w, const struct sk_step *s)
{
	sk_jw_kstr(w, "stage", s->stage->name);
	sk_jw_kint(w, "round", s->round);
	sk_jw_kstrv(w, "lineup", &s->names);
}

static void
result_fields(struct sk_jw *w, const struct sk_step *s)
{
	sk_jw_kint(w, "answered", (int64_t)s->answered);
	sk_jw_kword(w, "status", s->status);
	sk_jw_kpos(w, "decision_seq", s->decision_seq);
	sk_jw_kint(w, "exit", s->exit);
	sk_jw_kword(w, "reason",
	    s->exit != 0 || strcmp(s->status, "skipped") == 0 ? s->reason
							      : NULL);
	sk_jw_kword(w, "artefact", s->artefact);
	sk_jw_kword(w, "evidence", s->evidence);
	sk_jw_kint(w, "duration_ms", s->ended_ms - s->started_ms);
	if (s->left_out != NULL)
		sk_jw_kvalue(w, "left_out", s->left_out);
}

/* How it stands in one word: the verdict, else what stopped it before. */
static const char *
word(const struct sk_step *s)
{
	if (s->status[0] != '\0')
		return s->status;
	if (s->exit != SK_NEGATIVE)
		return sk_exit_word(s->exit);
	return s->reason != NULL && sk_has_prefix(s->reason, "guardrail ")
	           ? "guardrail"
	           : "halted";
}

void
sk_report_stage(const struct sk_auto *a, const struct sk_step *s, bool done)
{
	char took[32];
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json && done) {
		sk_duration_text(
		    s->ended_ms - s->started_ms, took, sizeof(took));
		sk_say("%s: %s, %zu of %zu agents, %s", s->stage->name, word(s),
		    s->answered, s->names.n, took);
	}
	if (!a->json) {
		sk_ci_fold(a, s->stage->name, done);
		return;
	}
	event_open(&w, &b, a, "sk.event/1", done ? "stage.end" : "stage.start");
	stage_fields(&w, s);
	sk_jw_kword(&w, "config", a->config_hash);
	if (done)
		result_fields(&w, s);
	sk_jw_done(&w);
	emit(&b);
}

void
sk_report_skipped(const struct sk_auto *a, const struct sk_step *s)
{
	struct sk_buf b;
	struct sk_jw w;

	if (!a->json) {
		sk_say("%s: skipped, %s", s->stage->name, s->reason);
		return;
	}
	event_open(&w, &b, a, "sk.event/1", "stage.skipped");
	sk_jw_kstr(&w, "stage", s->stage->name);
	sk_jw_kstr(&w, "reason", s->reason);
	sk_jw_done(&w);
	emit(&b);
}

void
sk_report_left_out(const struct sk_auto *a, const char *stage, int64_t round,
    const struct sk_jv *list)
{
	size_t n = sk_jlen(list);
	struct sk_buf b;
	struct sk_jw w;

	if (n == 0)
		return;
	if (!a->json) {
		sk_say("%s: %zu text%s did not fit into the prompt and %s cut",
		    stage, n, n == 1 ? "" : "s", n == 1 ? "was" : "were");
		return;
	}
	event_open(&w, &b, a, "sk.event/1", "context.cut");
	sk_jw_kstr(&w, "stage", stage);
	sk_jw_kint(&w, "round", round);
	sk_jw_kvalue(&w, "left_out", list);
	sk_jw_done(&w);
	emit(&b);
}

void
sk_report_reload(const struct sk_auto *a, const struct sk_strv *sections,
    const struct sk_err *e)
{
	struct sk_arena arena = { 0 };
	struct sk_jv *root = NULL;
	struct sk_buf b;
	struct sk_jw w;

	if (e != NULL)
		sk_warn("%s; the old configuration stays", e->message);
	if (!a->json) {
		if (e == NULL)
			sk_say("%s: configuration reloaded", a->spec.id);
		return;
	}
	event_open(&w, &b, a, "sk.event/1",
	    e == NULL ? "reload_success" : "reload_failed");
	if (e == NULL) {
		sk_jw_kstrv(&w, "sections", sections);
	} else {
		if (e->details != NULL)
			(void)sk_json_parse(&arena, e->details,
			    strlen(e->details), NULL, &root, NULL);
		sk_jw_kstr(&w, "message", e->message);
		sk_jw_kvalue(&w, "errors", sk_jget(root, "errors"));
	}
	sk_jw_kword(&w, "config", a->config_hash);
	sk_jw_done(&w);
	emit(&b);
	sk_arena_free(&arena);
}

/* One of our programs as the reader can type it: its name when that finds it,
 * else the path beside us, from here when it is below. */
static void
program(struct sk_buf *b, const char *name)
{
	char *on_path = sk_program_find(name, false), *path = NULL;
	char *cwd = getcwd(NULL, 0);
	size_t n = cwd != NULL ? strlen(cwd) : 0;

	if (on_path == NULL)
		path = sk_program_find(name, true);
	if (path != NULL && n > 1 && strncmp(path, cwd, n) == 0 &&
	    path[n] == '/')
		sk_shell_quote(b, path + n + 1);
	else
		sk_shell_quote(b, path != NULL ? path : name);
	free(on_path);
	free(path);
	free(cwd);
}

/* A database that the reader's shell would not find by itself. */
static void
database(const struct sk_auto *a, struct sk_buf *b)
{
	const char *path = a->db_file != NULL ? a->db_file : getenv("SK_DB");

	if (path == NULL || path[0] == '\0')
		return;
	sk_buf_str(b, " --db ");
	sk_shell_quote(b, a->db != NULL ? sk_db_path(a->db) : path);
}

/* "sk-auto VERB SPEC --run …" */
static void
verb_on(const struct sk_auto *a, const char *verb, struct sk_buf *b)
{
	program(b, "sk-auto");
	sk_buf_printf(b, " %s %s", verb, a->spec.id);
	if (a->run[0] != '\0')
		sk_buf_printf(b, " --run %s", a->run);
	if (a->opts->branch != NULL)
		sk_buf_printf(b, " --branch %s", a->branch);
}

static void
files(const struct sk_auto *a, struct sk_buf *b)
{
	if (a->config_file != NULL) {
		sk_buf_str(b, " --config ");
		sk_shell_quote(b, a->config_file);
	}
	database(a, b);
}

void
sk_report_answer(const struct sk_auto *a, struct sk_buf *b)
{
	verb_on(a, "answer", b);
	files(a, b);
	sk_buf_str(b, " --list");
}

void
sk_report_command(const struct sk_auto *a, const char *verb,
    const struct sk_stage *from, struct sk_buf *b)
{
	verb_on(a, verb, b);
	if (from != NULL)
		sk_buf_printf(b, " --from %s", from->name);
	for (size_t i = 0; i < SK_ARRAY_SIZE(a->opts->skip); i++)
		if (a->opts->skip[i])
			sk_buf_printf(b, " --skip-%s", sk_stages[i].name);
	for (size_t i = 0; i < a->opts->agents.n; i++) {
		sk_buf_str(b, " -a ");
		sk_shell_quote(b, a->opts->agents.v[i]);
	}
	if (a->opts->only != NULL || a->opts->to != NULL)
		sk_buf_printf(b, " --to %s",
		    sk_stage_find(
			a->opts->only != NULL ? a->opts->only : a->opts->to)
			->name);
	if (a->opts->allow_dirty)
		sk_buf_str(b, " --allow-dirty");
	if (a->opts->worktree)
		sk_buf_str(b, " --worktree");
	if (a->opts->on_gate != NULL)
		sk_buf_printf(b, " --on-gate %s", a->opts->on_gate);
	if (a->opts->timeout > 0)
		sk_buf_printf(
		    b, " --timeout %lldms", (long long)a->opts->timeout);
	files(a, b);
}

static void
summary_json(const struct sk_auto *a, const struct sk_step *steps, size_t n,
    int exit_class, int64_t started_ms, const char *resume)
{
	struct sk_buf b;
	struct sk_jw w;

	event_open(&w, &b, a, "sk.summary/1", NULL);
	sk_jw_kstr(&w, "state",
	    exit_class == 0             ? "done"
	    : a->phase == SK_PH_WAITING ? "waiting"
	    : a->phase == SK_PH_PAUSED  ? "paused"
					: "halted");
	sk_jw_kint(&w, "exit", exit_class);
	sk_jw_kint(&w, "duration_ms", sk_now_ms() - started_ms);
	sk_jw_karr(&w, "stages");
	for (size_t i = 0; i < n; i++) {
		sk_jw_obj(&w);
		stage_fields(&w, &steps[i]);
		result_fields(&w, &steps[i]);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_kstr(&w, "artefacts", a->spec.dir);
	sk_jw_kword(&w, "resume", resume);
	sk_jw_done(&w);
	emit(&b);
}

static void
summary_text(const struct sk_auto *a, const struct sk_step *steps, size_t n,
    const char *resume)
{
	const struct sk_step *last = n > 0 ? &steps[n - 1] : NULL;
	const char *evidence = NULL, *slash;
	struct sk_table t;
	struct sk_buf cmd;
	char took[32];

	sk_table_init(&t, 5, 8);
	sk_table_cell(&t, "STAGE");
	sk_table_cell(&t, "AGENTS");
	sk_table_cell(&t, "STATUS");
	sk_table_cell(&t, "DURATION");
	sk_table_cell(&t, "ARTEFACT");
	for (size_t i = 0; i < n; i++) {
		const struct sk_step *s = &steps[i];

		sk_duration_text(
		    s->ended_ms - s->started_ms, took, sizeof(took));
		slash = s->artefact != NULL ? strrchr(s->artefact, '/') : NULL;
		sk_table_cell(&t, s->stage->name);
		sk_table_cellf(&t, "%zu/%zu", s->answered, s->names.n);
		sk_table_cell(&t, word(s));
		sk_table_cell(&t, took);
		sk_table_cell(&t, slash != NULL ? slash + 1 : "-");
		if (s->evidence != NULL)
			evidence = s->evidence;
	}
	sk_table_print(&t);
	sk_out_str("\nartefacts  ");
	sk_out_visible(a->spec.dir);
	sk_out_str("\n");
	if (evidence != NULL) {
		char *dir = sk_strdup(evidence), *end = strrchr(dir, '/');

		if (end != NULL)
			*end = '\0';
		sk_out_str("evidence   ");
		sk_out_visible(dir);
		sk_out_str("\n");
		free(dir);
	}
	sk_buf_init(&cmd, 0);
	program(&cmd, "sk-consensus");
	sk_buf_printf(&cmd, " show --all --run %s", a->run);
	database(a, &cmd);
	sk_outf("verdicts   %s\n", cmd.p);
	sk_buf_free(&cmd);
	if (resume == NULL)
		return;
	if (a->phase == SK_PH_WAITING) {
		sk_buf_init(&cmd, 0);
		sk_report_answer(a, &cmd);
		sk_outf("answer     %s\n", cmd.p);
		sk_buf_free(&cmd);
	}
	if (last != NULL && last->reason != NULL && last->reason[0] != '\0') {
		sk_outf("%-10s ", a->phase == SK_PH_WAITING  ? "waiting"
				  : a->phase == SK_PH_PAUSED ? "paused"
							     : "halted");
		sk_out_visible(last->reason);
		sk_out_str("\n");
	}
	sk_outf("resume     %s\n", resume);
}

void
sk_report_end(const struct sk_auto *a, const struct sk_step *steps, size_t n,
    int exit_class, int64_t started_ms)
{
	struct sk_buf resume;

	sk_buf_init(&resume, 0);
	if (exit_class != 0 && n > 0)
		sk_report_command(a, "run", steps[n - 1].stage, &resume);
	if (a->json)
		summary_json(a, steps, n, exit_class, started_ms, resume.p);
	else if (!sk_ci_format(a->opts->format))
		summary_text(a, steps, n, resume.len > 0 ? resume.p : NULL);
	sk_buf_free(&resume);
}
