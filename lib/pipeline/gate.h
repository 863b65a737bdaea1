/* SPDX-License-Identifier: MIT */
/*
 * pipeline/gate: the quality gates clarify, checklist and analyze, before the
 * stages plan, tasks and implement.
 *
 * Promises: what the checks find and what becomes of what agents say are pure
 * functions of the texts. A gate's agents are asked once for one state of the
 * papers, whoever is killed when; nothing is written into the specification
 * that the agents did not agree on or a person did not say; what is open is
 * never forgotten because something else was settled.
 *
 * An issue is a JSON object (sk.questions/1 has its form); lists of them live
 * in the arena that was passed.
 */
#ifndef SK_PIPELINE_GATE_H
#define SK_PIPELINE_GATE_H

#include "pipeline/md.h"
#include "pipeline/pipeline.h"

struct sk_gate {
	const char *name; /* "clarify" */
	const char *stage; /* that it stands before: "plan" */
	const char *checkpoint; /* its name in evidence: "before-specify" */
};
extern const struct sk_gate sk_gates[]; /* in order; name NULL ends */
const struct sk_gate *sk_gate_find(const char *name); /* or NULL */
const struct sk_gate *sk_gate_before(const struct sk_stage *st); /* or NULL */

/* ---- the checks that need no agent (check_*.c) ---- */

/* What is looked at; texts that are not there are empty. */
struct sk_papers {
	struct sk_buf spec, plan, tasks, constitution;
	struct sk_md md; /* of the specification */
	char sha256[SK_SHA256_LEN]; /* of all that the gate looks at */
};
int sk_papers_read(const struct sk_auto *a, const struct sk_gate *g,
    struct sk_papers *p, struct sk_err *err);
void sk_papers_free(struct sk_papers *p);
/* The hash that they would have with this specification. */
void sk_papers_hash(const struct sk_papers *p, const char *spec, size_t n,
    char hex[SK_SHA256_LEN]);
/* A list of issues, the heaviest first. */
struct sk_jv *sk_gate_check(
    const struct sk_gate *g, const struct sk_papers *p, struct sk_arena *a);
/* The checklist's figures, in percent. */
struct sk_score {
	int completeness, clarity, testability, consistency, overall;
	char grade; /* A to D, F */
};
void sk_gate_score(const struct sk_papers *p, struct sk_score *s);
/* How many of each severity. */
void sk_severities(const struct sk_jv *issues, int64_t n[3]);

/* ---- what agents say (gate_merge.c) ---- */

struct sk_gate_rules {
	size_t agents; /* who was to answer */
	size_t min; /* fewest answers that count */
	double threshold; /* share of the answers that makes a majority */
	bool resolve; /* write what is agreed on */
	bool confirm; /* somebody can be asked about a majority's answer */
	bool ask; /* a critical finding of a check is a question */
};
/* One agent's answer: what it says of issues, found of the checks. */
struct sk_gate_voice {
	const char *agent;
	const struct sk_jv *data; /* {"issues":[…]}; NULL = did not answer */
};
/* All issues, each once, with its answers, their agreement and what becomes of
 * it ("resolution"): noted, applied, open, or confirm, for sk_gate_validate().
 * Independent of the voices' order. */
struct sk_jv *
sk_gate_merge(const struct sk_jv *found, const struct sk_gate_voice *v,
    size_t n, const struct sk_gate_rules *r, struct sk_arena *a);
size_t sk_gate_open(const struct sk_jv *issues); /* how many questions */
/* What is open may stay so. */
void sk_gate_accept(struct sk_jv *issues, struct sk_arena *a);

/* ---- who is asked about a majority's answer (gate_confirm.c) ---- */

struct sk_gate_ask {
	const struct sk_gate *gate;
	const struct sk_stage *stage;
	int64_t round;
	const char *spec, *name; /* of the agent: as configured, alone */
};
/* Asks it, when anything is to be confirmed: that is applied or open after what
 * it says, open when that is nothing usable. */
int sk_gate_validate(struct sk_auto *a, const struct sk_gate_ask *g,
    struct sk_jv *issues, struct sk_err *err);

/* ---- the gate itself (gate.c) ---- */

/* What these agents said in a round, from the answers that were accepted. */
int sk_gate_hear(struct sk_auto *a, const char *stage, int64_t round,
    const struct sk_strv *names, struct sk_gate_voice **voices, size_t *n,
    struct sk_err *err);

/*
 * The gate that is due before a stage, if there is one and it has not passed
 * for the papers as they are. We drive the run and are checking. SK_PAUSED
 * "needs_person" with the phase "waiting", SK_NEGATIVE "gate".
 */
int
sk_gate_run(struct sk_auto *a, const struct sk_stage *st, struct sk_err *err);
/* Is the specification as a gate of this run left it? */
int sk_gate_wrote(struct sk_auto *a, bool *yes, struct sk_err *err);
/* Who is asked at a gate; nobody: only the checks are made. */
int sk_gate_lineup(const struct sk_auto *a, const struct sk_gate *g,
    struct sk_strv *specs, struct sk_strv *names, struct sk_err *err);
/* Who confirms what most of these say, and has no vote: one agent or nobody. */
int sk_gate_validator(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_strv *voters, struct sk_strv *specs, struct sk_strv *names,
    struct sk_err *err);
/* May what so many agents say be written without a person? */
bool sk_gate_resolves(const struct sk_auto *a, size_t agents);
bool sk_gate_on(const struct sk_auto *a); /* not switched off */

/* ---- editing (spec_edit.c) ---- */

/*
 * The specification with the answers of all issues that are applied or answered
 * and not written yet. An answer whose edit would break the structure is left
 * out and its issue becomes a question ("open", with the reason in "note").
 * True when anything changed.
 */
bool sk_spec_edit(const char *text, size_t n, struct sk_jv *issues,
    const char *date, struct sk_buf *out, struct sk_arena *a);
/* NULL, or what is broken in `after` that was whole in `before`. */
const char *
sk_spec_damage(const char *before, size_t bn, const char *after, size_t an);

/* ---- a person's answers (answer.c) ---- */

/* Asks on the terminal; *all = nothing is open any more. A signal is its
 * class. */
int sk_gate_talk(
    struct sk_auto *a, struct sk_jv *issues, bool *all, struct sk_err *err);

/* ---- what is said and kept (gate_report.c) ---- */

void sk_gate_say(const struct sk_auto *a, const struct sk_gate *g,
    const char *what, const struct sk_jv *issues);
/* sk.questions/1: what is open, for `sk-auto answer`. */
void sk_gate_questions(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_jv *issues, struct sk_buf *b);
/* The gates of a run as they stand, for who only looks. A gate without a row
 * found nothing, or was not reached. */
#define SK_GATES 3
struct sk_gate_view {
	const struct sk_gate *g;
	const char *state; /* of its row, or pending, off */
	struct sk_gate_row row;
	struct sk_jv *issues; /* NULL = none */
};
int sk_gate_views(struct sk_auto *a, const struct sk_stage_row *rows, size_t n,
    struct sk_gate_view v[SK_GATES], struct sk_err *err);
void sk_gate_views_json(struct sk_jw *w, const struct sk_gate_view *v);
void sk_gate_views_text(struct sk_buf *b, const struct sk_gate_view *v);
/* One question as lines for a person; letters: its answers can be chosen. */
void sk_gate_question_text(
    struct sk_buf *b, const struct sk_jv *issue, bool letters);
/* The gate's evidence file; failing to write it is a warning. */
void sk_gate_evidence(const struct sk_auto *a, const struct sk_gate *g,
    const struct sk_jv *issues, const char *state, size_t missing);

#endif
