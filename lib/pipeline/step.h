/* SPDX-License-Identifier: MIT */
/* What the files about one stage share. */
#ifndef SK_PIPELINE_STEP_H
#define SK_PIPELINE_STEP_H

#include "pipeline/phase.h"
#include "pipeline/pipeline.h"

/* More than this from one stage's agents is refused (sk-run bounds each). */
#define SK_RECORDS_MAX ((size_t)256 << 20)

void sk_arg2(struct sk_strv *v, const char *opt, const char *value);
void
sk_arg_int(struct sk_strv *v, const char *opt, int64_t i, const char *unit);
/* 128 + signal when a person or a manager ended us, else 0. */
int sk_stopped(int interrupted, struct sk_err *err);

/* What is stored about a stage of the run; stage NULL = the one that runs. *row
 * is NULL when there is none, and lives as long as the arena. */
int sk_stage_row_of(struct sk_auto *a, const char *stage,
    struct sk_stage_row **row, struct sk_err *err);
/* The one verdict that sk-consensus prints, or its error; in = its standard
 * input. */
int sk_verdict_ask(struct sk_auto *a, const struct sk_strv *argv,
    const char *in, size_t n, struct sk_jv **verdict, struct sk_err *err);
/* The words of the sk-consensus that judges a stage, without --config. */
void sk_judge_words(
    const struct sk_auto *a, const struct sk_step *s, struct sk_strv *argv);
/* How often its agents are asked at most before a degraded stage halts. */
int64_t sk_step_rounds(const struct sk_auto *a, const struct sk_stage *st);
/* Longest time of one fan-out in seconds; 0 = nobody said. */
int64_t sk_ask_seconds(const struct sk_auto *a);
/* What the stage's calls cost is booked before the decision is acknowledged, so
 * that a driver which dies in between books it the next time. */
int sk_settle_cost(struct sk_auto *a, const char *stage, struct sk_err *err);

/* One sk-run on a stage or a gate; its records are appended, *status is its
 * own. */
int sk_ask_run(struct sk_auto *a, const char *stage, int64_t round,
    const char *const *specs, size_t n, const struct sk_buf *prompt,
    struct sk_buf *records, int *status, struct sk_err *err);
/*
 * Asks, and asks again when nobody can be reached: the phase is then
 * recovering, and `again` leads back. once() asks everybody once; its *worst is
 * that of sk_ask_all().
 */
struct sk_patience {
	const char *who; /* the stage or gate */
	enum sk_phase_event again;
	int (*once)(struct sk_auto *a, void *arg, struct sk_buf *records,
	    int *worst, struct sk_err *err);
	void *arg;
	bool gave_up;
};
int sk_ask_patiently(struct sk_auto *a, struct sk_patience *p,
    struct sk_buf *records, int *worst, struct sk_err *err);
/*
 * All agents of the stage: side by side, or one after the other so that each
 * sees what was answered before. *worst = the status of the last sk-run that
 * had no answer at all, 0 when any had one.
 */
int sk_ask_all(struct sk_auto *a, struct sk_step *s, struct sk_buf *records,
    int *worst, struct sk_err *err);

/* ---- a stage's row (step.c, run.c) ---- */

/* The stage begins: its row, guardrails and gate. */
int sk_step_begin(struct sk_auto *a, struct sk_step *s, struct sk_err *err);
/* It ended without a verdict, and e says why: it stays open. */
void sk_step_failed(
    struct sk_auto *a, struct sk_step *s, int exit, const struct sk_err *e);
/* It ended with the acknowledged decision s->settled and the status s->exit. */
int sk_step_record(struct sk_auto *a, struct sk_step *s, struct sk_err *err);

/* The steps of the options, without anybody to ask; at most SK_STAGES. */
#define SK_STAGES 6
int sk_auto_steps(const struct sk_auto *a, struct sk_step *steps, size_t *n,
    struct sk_err *err);

/* ---- what a run was told (options.c) ---- */

int sk_options_note(struct sk_auto *a, struct sk_err *err);
/* Into o, whose list of agents the caller frees; the rest is in the arena. */
int
sk_options_take(struct sk_auto *a, struct sk_auto_opts *o, struct sk_err *err);

/* ---- the arbiter (arbiter.c) ---- */

/* Whom the configuration names for a stage; NULL = nobody. */
const char *sk_arbiter_name(const struct sk_auto *a, const struct sk_stage *st);
/* Is this verdict a conflict that somebody may settle who is named? */
bool sk_arbiter_wanted(
    const struct sk_auto *a, const struct sk_stage *st, const struct sk_jv *v);
/* Asks about the stage's decision, which must be acknowledged. *verdict is the
 * one that supersedes it, not acknowledged; NULL, and a warning, when there is
 * none. */
int sk_arbiter_ask(struct sk_auto *a, const struct sk_step *s,
    struct sk_jv **verdict, struct sk_err *err);

/* ---- the driver's phase, in the database and as an event (drive.c) ---- */

int sk_phase_load(struct sk_auto *a, struct sk_err *err);
int sk_phase_go(struct sk_auto *a, enum sk_phase_event e, struct sk_err *err);

#endif
