/* SPDX-License-Identifier: MIT */
/*
 * consensus: take each answer once, decide whether the agents agree, prove it.
 *
 * Promises: sk_verdict_make() is a pure function of the case (policy, expected
 * agents, answers): the same bytes for every arrival order. Text of an answer
 * is never interpreted: it is compared, counted and quoted, and no field of
 * ours is ever read out of it. Intake, decision, evidence and ack are separate
 * steps that can each be asked again after a crash with the same result.
 *
 * Ownership: results live in the arena of the struct that carries them; a
 * case's strings belong to the caller and must outlive the call.
 */
#ifndef SK_CONSENSUS_H
#define SK_CONSENSUS_H

#include "cli/cli.h"
#include "core/core.h"
#include "store/store.h"
#include "json/json.h"

/* ---- policy (policy.c, policy_rules.c) ---- */

/* How many of n must agree: a count, or the exact fraction num/den of n. */
struct sk_quorum {
	int64_t num, den; /* den 0 = count num; num 0 = floor(n/2)+1 */
};
/* "3", "2/3", "0.67" (exact decimal); SK_USAGE "bad_quorum" otherwise. */
int sk_quorum_parse(const char *s, struct sk_quorum *q, struct sk_err *err);
/* The count for n expected agents (a fraction rounds up); at least 1. */
size_t sk_quorum_of(const struct sk_quorum *q, size_t n);

/* What a path holds; decided from the values unless a policy names it. */
enum sk_path_kind {
	SK_PATH_AUTO,
	SK_PATH_SCALAR,
	SK_PATH_TEXT,
	SK_PATH_SET,
	SK_PATH_RECORDS,
	SK_PATH_UNION,
	SK_PATH_EXACT, /* the whole value, compared as one */
	SK_PATH_OBJECT,
	SK_PATH_MEASURE, /* numbers within a tolerance */
	SK_PATH_RANKING, /* an array in order of preference */
	SK_PATH_IGNORE
};
const char *sk_path_kind_word(enum sk_path_kind k);

struct sk_policy {
	struct sk_arena arena;
	const char *name; /* NULL = no policy */
	char sha256[SK_SHA256_LEN];
	struct sk_quorum quorum;
	int64_t min; /* 0 = not said */
	struct sk_strv require, expect;
	bool has_require;
	struct sk_strv optional; /* never lower the status, wherever they are */
	struct sk_strv members; /* must be behind every required value */
	struct sk_jv *kinds, *keys; /* {pointer: word}, may be NULL */
	struct sk_jv *tolerance, *units, *normalise; /* the same */
	struct sk_jv *aliases; /* {pointer: {word: [words]}} */
	struct sk_jv *weights; /* {agent: number} */
	struct sk_jv *families; /* {family: [agents]} */
	int64_t line_window; /* findings this near are one; 3 unless said */
	struct sk_jv *tree; /* all of it, as it was read; NULL = no policy */
};
/* A FILE, or (without a slash, when no such file is there) the shipped policy
 * NAME. NULL gives the empty policy. SK_USAGE "bad_policy" or
 * "no_such_policy". */
int sk_policy_load(
    struct sk_policy *p, const char *file_or_name, struct sk_err *err);
/* The same from the tree of another one (a certificate's). */
int sk_policy_from_json(
    struct sk_policy *p, const struct sk_jv *tree, struct sk_err *err);
void sk_policy_free(struct sk_policy *p);
/* Kind and record key that the policy names for a path; a '*' token of the
 * pattern matches any one token. */
enum sk_path_kind sk_policy_kind(const struct sk_policy *p, const char *path);
const char *sk_policy_key(const struct sk_policy *p, const char *path);
/* Does a pointer with '*' for any one token name this path? */
bool sk_path_match(const char *pattern, const char *path);
/* The weight of an agent's vote, 1 unless the policy says more; x counts for
 * x.1, x.2 … as well. */
size_t sk_policy_weight(const struct sk_policy *p, const char *agent);

/* ---- the verdict, a pure function (verdict.c and what it calls) ---- */

enum sk_input_state {
	SK_INPUT_OK,
	SK_INPUT_FAILED, /* the agent failed: note = its failure kind */
	SK_INPUT_INVALID /* its record or answer was refused: note = why */
};
/* Note of an agent that was stopped because the verdict was decided: no
 * failure, as long as the others do decide it. */
#define SK_NOTE_NOT_NEEDED "not_needed"
struct sk_input {
	const char *agent;
	enum sk_input_state state;
	const char *note; /* may be NULL */
	const char *text; /* content; NULL unless OK */
	size_t text_n;
	const char *sha256; /* of text */
	const char *family; /* of its model, NULL = not known */
};
/* Everything a verdict depends on. inputs in any order; one per agent (the
 * first of two equal names counts). */
struct sk_case {
	const char *spec, *stage; /* "" = none */
	int64_t round;
	const struct sk_policy *policy;
	struct sk_quorum quorum; /* the effective one */
	int64_t min; /* the effective one: 2 unless said */
	int64_t faulty; /* agents that may lie; 0 = not said */
	const struct sk_strv *require; /* NULL = not given */
	const struct sk_strv *expect; /* agents; any order */
	const struct sk_input *inputs;
	size_t n_inputs;
	bool complete; /* expected was given, or the stream had its end */
};
enum sk_status { SK_ST_OK, SK_ST_DEGRADED, SK_ST_CONFLICT, SK_ST_UNKNOWN };
struct sk_verdict {
	struct sk_arena arena;
	enum sk_status status;
	struct sk_buf json; /* the pure part: one object, no newline */
	char input_sha256[SK_SHA256_LEN];
};
int sk_verdict_make(
    const struct sk_case *c, struct sk_verdict *v, struct sk_err *err);
/* Can these settings bear so many agents that lie? SK_USAGE "cannot_hold". */
int sk_quorum_bears(
    int64_t faulty, size_t n, size_t total, size_t quorum, struct sk_err *err);
void sk_verdict_free(struct sk_verdict *v);
/*
 * May the agents that have not answered yet be left alone? True only when it is
 * proven for whatever they may answer on the required paths, which must be
 * named (by the case or its policy): else SK_SETTLED_NO. An input of any state
 * is an agent that is through; an expected agent without input is outstanding.
 * (An agent that is never asked reports no conflict; that is all that AGREED
 * takes for granted.)
 */
enum sk_settled {
	SK_SETTLED_NO,
	SK_SETTLED_AGREED, /* every required path keeps its value and quorum */
	SK_SETTLED_SPLIT, /* it cannot become ok or degraded any more */
	SK_SETTLED_ALL /* nobody is outstanding */
};
enum sk_settled sk_verdict_settled(const struct sk_case *c);
const char *sk_status_word(enum sk_status st);
/* ok 0, conflict 1, degraded and unknown 3. */
int sk_status_exit(const char *word);
/* Of several verdicts: 1 over 3 over 0. */
int sk_status_worse(int a, int b);

/* How alike two strings are, in parts of 10^9. */
uint64_t sk_text_similarity(const struct sk_jv *x, const struct sk_jv *y);

/* ---- intake (record.c, intake.c) ---- */

/* One group of answers that is judged together, in first-seen order. */
struct sk_group {
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	char spec[SK_IDENT_LEN], stage[SK_IDENT_LEN];
	int64_t round;
	struct sk_strv invalid; /* agents whose record was refused … */
	struct sk_strv why; /* … and for which word */
	bool ended; /* its run.end event was seen */
	size_t answers; /* records taken from this input */
	uint64_t looked; /* batch in which decided was looked up */
	bool decided; /* the round has a decision: answers are late */
};
/* One answer's result, after its commit. */
struct sk_intake_note {
	struct sk_key key;
	/* sk_intake_word(), "late" (accepted, after the round was decided),
	 * "wrong_run", "wrong_branch" or "invalid" */
	const char *result;
	const char *reason; /* of "invalid" */
	int64_t attempt, seq;
	const char *sha256; /* may be NULL */
	uint64_t line;
	bool last; /* of its commit */
};
struct sk_intake {
	struct sk_db *db;
	const char *run, *branch; /* --run or SK_RUN, --branch; NULL = none */
	const struct sk_git *git; /* facts for runs made here */
	/* Each group of records without a run gets a branch of its own, so that
	 * all their decisions can be pending at once. */
	bool branch_each;
	/* Called after the commit that holds the answer; may be NULL. */
	void (*note)(void *arg, const struct sk_intake_note *n);
	void *arg;
	/* Results. */
	struct sk_group *groups;
	size_t n_groups;
	size_t answers, invalid;
	struct sk_intake_state *state;
};
/* Everything on fd, to its end. Stops at the first line that is no record
 * (SK_DAMAGED with its number) and at sk.error/1 (becomes err); what came
 * before is committed in both cases. A record that is refused alone is noted,
 * counted in `invalid` and does not stop the others. */
int sk_intake_fd(struct sk_intake *in, int fd, struct sk_err *err);
void sk_intake_free(struct sk_intake *in);
/* What a reason of "invalid" means, for a person. */
const char *sk_refusal_text(const char *reason);
/* One sk.intake/1 line. */
void sk_intake_json(struct sk_buf *b, const struct sk_intake_note *n);

/* ---- deciding (decide.c, decision_json.c, evidence_check.c) ---- */

/* For reading records and verdicts of our own back: what was accepted once must
 * never be refused later. */
extern const struct sk_jlimits sk_verdict_limits;

struct sk_decide_opts {
	const struct sk_policy *policy;
	struct sk_strv require, expect; /* empty = not given */
	const char *quorum; /* NULL = not given */
	int64_t min; /* 0 = not given */
	int64_t faulty; /* 0 = not given */
	bool no_evidence, no_ack, telemetry;
	bool embed; /* the answers stand in the synthesis */
	/* Where evidence goes: base below root is made component by component
	 * and no component may be a symbolic link. base may be absolute. */
	const char *evidence_root, *evidence_base;
};
/* Drivers taken by this process, one per run. */
struct sk_drivers {
	struct sk_driver *v;
	size_t n;
	/* Branch and specification whose evidence was looked through last. */
	char here[SK_BRANCH_LEN + SK_IDENT_LEN];
};
/* The epoch of a run: SK_EPOCH when SK_RUN is this run, else the driver lock is
 * taken (10 s, then SK_AGAIN) and held until sk_drivers_end(). */
int sk_drivers_epoch(struct sk_drivers *d, struct sk_db *db, const char *run,
    int64_t *epoch, struct sk_err *err);
void sk_drivers_end(struct sk_drivers *d);

/* Answers of one group → verdict → decision → evidence → ack; the whole
 * sk.verdict/1 line (with newline) goes to out. */
int sk_decide_group(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_group *g,
    struct sk_buf *out, char status[16], struct sk_err *err);
/* A recorded decision once more: its evidence (the same bytes in the same
 * place) and, unless no_ack, its ack. Nothing is judged. */
int sk_decide_again(struct sk_db *db, struct sk_drivers *drivers,
    const struct sk_decide_opts *o, const struct sk_decision *d,
    struct sk_buf *out, char status[16], struct sk_err *err);
/* The sk.verdict/1 document of a stored decision. */
int sk_decision_json(
    struct sk_buf *out, const struct sk_decision *d, struct sk_err *err);
/* Does the evidence of an acknowledged decision stand as it was published,
 * below base in root? SK_DEGRADED "evidence_missing" names a file that is gone,
 * SK_DAMAGED "evidence_altered" one that was edited, with its hash. */
int sk_evidence_stands(const char *root, const char *base,
    const struct sk_decision *d, struct sk_err *err);
/* ---- proof, and what people see (proof.c, explain_*.c, show.c) ---- */

/* Where the answers of a verdict may be, beside those that stand in it. */
struct sk_answers_from {
	const char *dir; /* agent files, NULL = none */
	const char *stamp; /* of their names */
	struct sk_db *db; /* NULL = none */
};
struct sk_proof {
	struct sk_arena arena;
	struct sk_jv *doc; /* the verdict as it was read */
	struct sk_verdict again; /* derived afresh */
	struct sk_jv *findings; /* [{what, detail}]: what does not hold */
	size_t embedded, files, database, absent; /* answers, by place */
};
/* Derives the verdict in p again and holds it against every byte of it. The
 * result is in the findings and in absent; an error is only what cannot be
 * read as a verdict at all. */
int sk_verify(struct sk_proof *p, const char *text, size_t n,
    const struct sk_answers_from *from, struct sk_err *err);
void sk_proof_free(struct sk_proof *p);
/* A verdict as a table for a person, in lines of so many columns (0 = of any
 * length), or as one page; path NULL = all. */
void sk_explain_text(struct sk_buf *b, const struct sk_jv *verdict,
    const char *path, size_t width);
void sk_explain_html(
    struct sk_buf *b, const struct sk_jv *verdict, const char *path);

/* One acknowledgement as sk.ack/1. */
void sk_ack_json(struct sk_buf *b, const char *run, const char *branch,
    int64_t seq, bool already);
/* Its first lines: status, who answered, why. */
void sk_verdict_head(struct sk_buf *b, const struct sk_jv *verdict);
/* A verdict document as lines for a person. */
void sk_verdict_text(struct sk_buf *b, const struct sk_jv *verdict);

/* ---- the verbs of sk-consensus (verb_*.c); their tables are its own ---- */

struct sk_verb_opts {
	const char *run, *branch, *spec, *stage;
	struct sk_strv expect; /* the filter and decide */
	struct sk_strv history; /* audit */
	struct sk_decide_opts decide;
	const char *policy, *evidence_dir;
	const char *form, *file; /* export */
	const char *agent; /* arbitrate */
	int64_t seq, round;
	bool all, counts, html, take, settling;
};

int sk_verb_filter(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_intake(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_decide(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_replay(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_ack(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_stop(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_pending(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_show(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_log(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_last(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_verify(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_judge(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_audit(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_explain(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_export(struct sk_ctx *ctx, struct sk_err *err);
int sk_verb_arbitrate(struct sk_ctx *ctx, struct sk_err *err);

#endif
