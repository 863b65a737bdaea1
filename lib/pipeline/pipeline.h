/* SPDX-License-Identifier: MIT */
/*
 * pipeline: the driver of a specification through its stages.
 *
 * Promises: it has no private way of doing things: agents are asked by sk-run,
 * judged by sk-consensus, and what passes between them is what a script would
 * pipe. A stage that is not ok halts the run with the reason and the command
 * that resumes it; a decision is acknowledged only after its artefact is on the
 * disk; killed anywhere, the next start goes on without asking again an agent
 * whose answer was committed.
 *
 * Ownership: structs filled here own their strings until the matching free;
 * text from the store lives in the arena that was passed.
 */
#ifndef SK_PIPELINE_H
#define SK_PIPELINE_H

#include "config/config.h"
#include "core/core.h"
#include "pipeline/phase.h"
#include "store/store.h"
#include "json/json.h"

struct sk_step; /* one stage of a run, below */

/* ---- stages (stage.c) ---- */

struct sk_stage {
	const char *name; /* "plan": key of rows, policies, prompts */
	const char *title; /* "Plan" */
	const char *needs; /* hard dependency or NULL */
	bool sequential; /* each agent sees the earlier answers */
};
extern const struct sk_stage sk_stages[]; /* in order; name NULL ends */
/* "plan", "spec-plan", any case; NULL when unknown. */
const struct sk_stage *sk_stage_find(const char *word);
/* SK_USAGE "unknown_stage" with the list and a suggestion. */
int sk_stage_parse(
    const char *word, const struct sk_stage **out, struct sk_err *err);

/* What a stage is judged by: the file that the configuration names, else the
 * shipped policy of the stage's name; malloc'd. */
struct sk_auto;
char *sk_stage_policy(const struct sk_auto *a, const struct sk_stage *st);
/* stages.STAGE.NAME, else consensus.NAME: what its answers must agree on; NULL
 * when neither is set. */
const struct sk_jv *sk_stage_rule(
    const struct sk_auto *a, const struct sk_stage *st, const char *name);

/* ---- specifications (spec.c, feature.c) ---- */

struct sk_spec {
	char id[SK_IDENT_LEN];
	char *dir; /* absolute */
	char *file; /* dir/spec.md */
	bool feature; /* a folder below specs/, as GitHub's spec-kit makes */
};
/*
 * docs/<ID>/, docs/<ID>-<text>/, and GitHub spec-kit's specs/<feature>/ by its
 * name, its number (001) or its path, with a spec.md under root. A feature's id
 * is the name of its folder, however it was found. SK_USAGE "no_such_spec" or
 * "ambiguous_spec".
 */
int sk_spec_find(
    const char *root, const char *id, struct sk_spec *s, struct sk_err *err);
/*
 * The feature that is being worked on, as spec-kit finds it:
 * SPECIFY_FEATURE_DIRECTORY, SPECIFY_FEATURE, .specify/feature.json, the git
 * branch (its number counts), and without git the newest folder. SK_USAGE
 * "no_spec" when nothing says.
 */
int sk_spec_here(const char *root, struct sk_spec *s, struct sk_err *err);
/* Its text: SK_USAGE "empty_spec" or "not_text" when it cannot be worked on. */
int
sk_spec_read(const struct sk_spec *s, struct sk_buf *text, struct sk_err *err);
void sk_spec_free(struct sk_spec *s);

/* ---- a run in hand (run.c, which.c) ---- */

struct sk_auto_opts {
	const char *from, *to, *only;
	struct sk_strv agents; /* -a NAME[=ADAPTER][:COUNT] */
	const char *on_gate; /* fail, pause, accept; NULL = configured */
	const char *goal; /* what the run is to achieve; NULL = not said */
	const char *run; /* NULL = new, or the latest for --from */
	const char *branch; /* NULL = the run's newest */
	int64_t timeout; /* ms per agent, 0 = configured */
	bool skip[6]; /* in the order of the stages */
	bool dry_run, print_script, events, fresh, allow_dirty;
	bool stepping; /* only is the next stage, and not a person's word */
	bool worktree; /* agents of implement get git work trees */
	int64_t wait; /* ms for another driver to end */
	const char *format; /* see sk_ci_format(); NULL = as usual */
};

/* What every verb of sk-auto works on. */
struct sk_auto {
	struct sk_config *conf;
	const char *config_file; /* --config, passed on to the children */
	const char *db_file; /* --db, passed on */
	struct sk_spec spec;
	struct sk_db *db;
	struct sk_driver driver;
	int spec_lock; /* its name beside the database; -1 = not locked */
	int tree_lock; /* the folder itself; likewise */
	bool driving; /* driver lock held here */
	bool whole; /* its options are the run's, not those of one command */
	enum sk_phase phase; /* while driving */
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	const struct sk_auto_opts *opts;
	const char *goal; /* of this run, or NULL */
	bool no_input; /* nobody is to be asked on the terminal */
	bool json; /* events as JSON Lines on standard output */
	struct sk_jv *outline; /* of a dry run that is to be reported */
	/* What the present stage runs with: see sk_auto_boundary(). */
	char config_hash[SK_SHA256_LEN];
	/* Of the specification as a stage's first prompt showed it; "" = not
	 * shown by us. */
	char spec_shown[SK_SHA256_LEN];
	int snapshot; /* the memory file of it; -1 = none */
	struct sk_arena arena;
};

/* Agents of a stage: options, else [stages.X] agents, else [pipeline] agents.
 * specs are the -a words, names the expanded names (x:2 → x.1, x.2). */
int sk_auto_lineup(const struct sk_auto *a, const struct sk_stage *st,
    struct sk_strv *specs, struct sk_strv *names, struct sk_err *err);
/* One word of a line-up, NAME[=ADAPTER][:COUNT], to NAME or NAME.1 … */
int
sk_lineup_expand(const char *word, struct sk_strv *names, struct sk_err *err);
/* Not left out by an option, nor by pipeline.stages; --only is stronger. */
bool sk_auto_wanted(const struct sk_auto *a, const struct sk_stage *st);
bool sk_auto_sequential(const struct sk_auto *a, const struct sk_stage *st);

/* Finds the specification (NULL: sk_spec_here()) and opens the database;
 * without SK_DB_CREATE an absent one leaves db NULL. */
int sk_auto_open(
    struct sk_auto *a, const char *spec, unsigned db_flags, struct sk_err *err);
void sk_auto_close(struct sk_auto *a);
/* Fill run and branch: the run of the options, the newest one of the
 * specification when going on (--from, --only, not fresh), else a new one.
 * What the steps need and do not make themselves must be there. */
int sk_auto_choose_run(struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_err *err);
/* What a stage stands on is there: an agreed earlier stage, or its file;
 * SK_USAGE "stage_order". */
int
sk_auto_needs(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err);
/* For verbs that only look: the run that was named (options, SK_RUN,
 * SK_BRANCH), else the newest of the specification; *found false when there is
 * none. Fills run and branch. */
int sk_auto_look(
    struct sk_auto *a, struct sk_run *run, bool *found, struct sk_err *err);
/* The verb `run`: 0, or the class that halted it. */
int sk_auto_run(struct sk_auto *a, struct sk_err *err);

/* ---- between two stages (reload.c) ---- */

/*
 * Before the step `at` of n: take over what was edited in the configuration
 * since the step before, line up the steps that are left anew, and give our
 * children a snapshot. An invalid configuration is reported and the old one
 * stays.
 */
int sk_auto_boundary(struct sk_auto *a, struct sk_step *steps, size_t at,
    size_t n, struct sk_err *err);

/* ---- one step at a time (steer.c, drive.c, run.c) ---- */

/* The verbs `step` (one stage, the next one), `resume` (from the stage that is
 * not done to the end) and `next` (the command that would come next, as one
 * line on standard output; 1 when there is none, the status of the halt when
 * halted, 75 while a driver is alive). */
int sk_auto_step(struct sk_auto *a, struct sk_err *err);
int sk_auto_resume(struct sk_auto *a, struct sk_err *err);
int sk_auto_next(struct sk_auto *a, struct sk_err *err);
/* The verb `cancel`: a durable stop, the driver told and waited for, its agents
 * with it. */
int sk_auto_cancel(struct sk_auto *a, struct sk_err *err);
/* Hold the specification's folder against other drivers, also of another
 * database; once is enough. */
int sk_auto_lock(struct sk_auto *a, int64_t wait_ms, struct sk_err *err);

/* ---- leases (lease.c) ---- */

/* How long a driver may be silent. */
int64_t sk_auto_lease_ms(const struct sk_auto *a);
/* The same as sk_auto_lock(), for as long as --wait says; a driver whose lease
 * has run out is fenced and ended. */
int sk_auto_take(struct sk_auto *a, struct sk_err *err);
/* Become the driver of the run in hand. */
int sk_auto_drive(struct sk_auto *a, struct sk_err *err);
/* Still here; SK_ORDER when another one took over. Does nothing for who does
 * not drive. */
int
sk_auto_renew(const struct sk_auto *a, int64_t lease_ms, struct sk_err *err);

/* ---- one stage (step.c) ---- */

struct sk_step {
	const struct sk_stage *stage;
	struct sk_strv specs, names;
	int64_t round, started_ms, ended_ms, decision_seq;
	size_t answered;
	char status[16]; /* verdict status, or "" when there is none */
	char *artefact, *evidence, *reason;
	struct sk_jv *left_out; /* of the newest prompt, NULL = nothing */
	bool first; /* the run begins here */
	bool gave_up; /* nobody could be reached, several times */
	const struct sk_decision *settled; /* acknowledged by a dead driver */
	int exit; /* 0 or the class that halts the run */
};
int sk_step_run(struct sk_auto *a, struct sk_step *s, struct sk_err *err);
/* Finish what a dead driver left pending on another stage than the first: its
 * artefact, then its acknowledgement. */
int sk_step_settle(
    struct sk_auto *a, const struct sk_stage *first, struct sk_err *err);
void sk_step_free(struct sk_step *s);

/* ---- prompts (prompt.c) ---- */

/*
 * The prompt of a stage or a gate: embedded text with ${…} substituted in one
 * pass; the specification, the goal, the merged answers of earlier stages of
 * this branch (or their artefacts on disk), what a GitHub spec-kit project
 * keeps for its agents, and in sequential mode the answers so far. Data stands
 * between lines that no text of it can know, within pipeline.context bytes.
 */
struct sk_prompt {
	const char *task; /* of lib/data/prompts */
	const struct sk_stage *before; /* whose predecessors are shown */
	const char *records; /* answers so far, JSON Lines; may be NULL */
	size_t n;
	const char *found; /* JSON: what a gate's checks found, or NULL */
};
/* *left_out (may be NULL): see sk_context_left_out(). */
int sk_prompt_build(struct sk_auto *a, const struct sk_prompt *q,
    struct sk_buf *out, struct sk_jv **left_out, struct sk_err *err);

/* The verb `prompt`: that text on standard output; word NULL is plan, answers
 * NULL or a file of records. */
int sk_auto_prompt(struct sk_auto *a, const char *word, const char *answers,
    struct sk_err *err);

/* Is the evidence of an earlier decision as it was published? SK_DEGRADED
 * "evidence_missing", SK_DAMAGED "evidence_altered" with the file
 * (evidence.c). */
int sk_earlier_stands(
    struct sk_auto *a, const struct sk_decision *seen, struct sk_err *err);

/* ---- artefacts (artefact.c, render.c) ---- */

/* Markdown of an ok verdict: a pure function of its agreed value. In a feature
 * of GitHub's spec-kit tasks are a list to tick off. */
int sk_artefact_render(const struct sk_jv *verdict, const struct sk_stage *st,
    bool feature, struct sk_buf *out, struct sk_err *err);
/* Render and publish <spec dir>/<stage>.md inside the fence, then record it
 * with the decision. path is malloc'd. */
int sk_artefact_publish(struct sk_auto *a, const struct sk_jv *verdict,
    int64_t epoch, char **path, struct sk_err *err);

/* What an artefact was made from, as its last line says it: the hash of the
 * paper ("spec.md") at that time. False = it does not say. */
bool sk_made_from(
    const char *text, size_t n, const char *paper, char sha[SK_SHA256_LEN]);

/* ---- children (child.c) ---- */

/*
 * One of our own tools to its end: stdin from memory, stdout into out (bounded
 * by its ceiling), stderr inherited. TERM, INT and HUP that reach us are passed
 * on, *interrupted is then the signal. exit status as a shell sees it.
 */
int sk_child_run(const struct sk_auto *a, const struct sk_strv *argv,
    const void *in, size_t in_n, struct sk_buf *out, int *status,
    int *interrupted, struct sk_err *err);

/* The same in another directory (NULL: ours). */
int sk_child_run_in(const struct sk_auto *a, const char *cwd,
    const struct sk_strv *argv, const void *in, size_t in_n, struct sk_buf *out,
    int *status, int *interrupted, struct sk_err *err);

/* ---- guardrails (guardrail.c) ---- */

/*
 * What must hold before a stage's agents are asked: the specification's files,
 * a clean work tree before code is written (first: only where the run begins),
 * the size of the evidence, and the stage's own command. What was found is
 * written to <evidence>/commands/<SPEC>/guardrail-<stage>-<stamp>_<pid>.json.
 * SK_NEGATIVE "guardrail" names the first thing that does not hold.
 */
int sk_guardrail(
    struct sk_auto *a, const struct sk_step *s, bool first, struct sk_err *err);
/* A file among the specification's evidence of what was run. */
int sk_evidence_write(const struct sk_auto *a, const char *name,
    const struct sk_buf *json, struct sk_err *err);
/* Is this a path of what the pipeline itself writes? */
bool sk_guardrail_ours(const char *path);
struct sk_evidence {
	struct {
		char name[256]; /* "" = there are fewer */
		int64_t bytes;
	} top[3]; /* the largest files */
	char latest[256];
	int64_t latest_ms; /* 0 = there is none */
};
/* Bytes of a specification's evidence, and what of it is worth a look. */
int64_t sk_evidence_size(const struct sk_auto *a, struct sk_evidence *ev);

/* ---- other faces (plan.c, script.c, status.c, which.c, artefact.c) ---- */

/* A dry run: each stage's line-up is checked by `sk-run --dry-run`. */
int sk_auto_plan(struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_err *err);
/* A POSIX script that does what `run` would do. */
void sk_auto_script(const struct sk_auto *a, const struct sk_step *steps,
    size_t n, struct sk_buf *out);
/* The newest run of the specification, stage by stage, on standard output; a
 * stage that ended longer ago is stale. */
int sk_auto_status(struct sk_auto *a, int64_t stale_hours, struct sk_err *err);
/* SK_RUN and SK_BRANCH of the newest (or a new) run as shell assignments. */
int sk_auto_env(struct sk_auto *a, struct sk_err *err);
/* A verdict on fd: its artefact is written when it is ok; the decision's number
 * goes to standard output, for `sk-consensus ack --seq`. */
int sk_auto_artefact(struct sk_auto *a, int fd, struct sk_err *err);

/* ---- quality gates (gate_verb.c, answer.c; see gate.h) ---- */

/* The verb `check`: what the gates (word NULL: all) find without an agent.
 * SK_NEGATIVE, without a word, when something critical is among it. */
int sk_auto_check(struct sk_auto *a, const char *word, struct sk_err *err);
/* The verb `gate`: guardrails and the gate before a stage, as in a run. begin:
 * the run begins there. With agents the stage itself begins (reins.c). skip:
 * only whether the stage is left out, which is then recorded: 0, or SK_NEGATIVE
 * without a word. */
int sk_auto_gate(struct sk_auto *a, const char *word, bool begin, bool skip,
    struct sk_err *err);
/* The verb `end`: the stage (word), or the run with the stages of the options
 * (NULL), is over with this status. Saying it again changes nothing. */
int
sk_auto_end(struct sk_auto *a, const char *word, int exit, struct sk_err *err);
/* The verb `answer`: words are ID=TEXT; none: the terminal, or JSON on standard
 * input. list: only show what is open. resume: go on when nothing is. */
int sk_auto_answer(struct sk_auto *a, char *const *words, size_t n, bool list,
    bool resume, struct sk_err *err);

/* ---- CI systems (ci.c) ---- */

bool sk_ci_format(const char *word); /* github, gitlab, junit, tap, md */
/*
 * The run in hand as a report on standard output; a NULL when it did not come
 * so far. why = the error that ended it, or NULL. github also appends to the
 * files that GITHUB_STEP_SUMMARY and GITHUB_OUTPUT name.
 */
int sk_ci_report(struct sk_auto *a, const char *format, int exit_class,
    const struct sk_err *why, struct sk_err *err);
/* What follows in the log belongs to this stage, until done. */
void sk_ci_fold(const struct sk_auto *a, const char *stage, bool done);

/* ---- talk (report.c) ---- */

/* "sk-auto VERB SPEC --run … STAGE OPTIONS" with what this run was told, as a
 * person can type it. */
void sk_report_command(const struct sk_auto *a, const char *verb,
    const struct sk_stage *from, struct sk_buf *b);
/* Begins a record: schema, event (NULL = none), time, run, branch, spec. */
void sk_report_open(struct sk_jw *w, const struct sk_auto *a,
    const char *schema, const char *event);
/* "sk-auto answer SPEC … --list", likewise. */
void sk_report_answer(const struct sk_auto *a, struct sk_buf *b);
void sk_report_phase(const struct sk_auto *a, const char *from, const char *to);
void sk_report_start(const struct sk_auto *a);
void
sk_report_stage(const struct sk_auto *a, const struct sk_step *s, bool done);
/* The stage is left out, for s->reason. */
void sk_report_skipped(const struct sk_auto *a, const struct sk_step *s);
/* Of a stage's or gate's prompt something was cut (list may be NULL). */
void sk_report_left_out(const struct sk_auto *a, const char *stage,
    int64_t round, const struct sk_jv *list);
/* sections were taken over, or (NULL) e is why they were not. */
void sk_report_reload(const struct sk_auto *a, const struct sk_strv *sections,
    const struct sk_err *e);
void sk_report_end(const struct sk_auto *a, const struct sk_step *steps,
    size_t n, int exit_class, int64_t started_ms);

#endif
