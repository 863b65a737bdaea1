/* SPDX-License-Identifier: MIT */
/* sk-consensus: take each answer once, decide whether the agents agree. */
#include <stddef.h>

#include "consensus/consensus.h"

#define T struct sk_verb_opts

#define RUN_OPT(help) \
	SK_OPT_STR(T, 'r', "run", "RUN", run, SK_C_RUN, help, NULL)
#define BRANCH_OPT(help) \
	SK_OPT_STR(T, 'b', "branch", "BRANCH", branch, SK_C_BRANCH, help, NULL)

/* How answers are judged. */
#define EXPECT_OPT \
	SK_OPT_LIST(T, 'e', "expect", "A,B,...", expect, SK_C_AGENT, \
	    "the agents that have to answer", \
	    "Agents of the policy, else those that were asked in this round, " \
	    "unless this option says who.")
#define QUORUM_OPT \
	SK_OPT_STR(T, 'n', "quorum", "N|FRACTION", decide.quorum, SK_C_NONE, \
	    "how many must agree: 3, 2/3 (more than half)", NULL)
#define REQUIRE_OPT \
	SK_OPT_LIST(T, 'p', "require", "POINTER", decide.require, SK_C_NONE, \
	    "a path that must have a quorum (JSON Pointer)", \
	    "The whole answer is the empty pointer.")
#define POLICY_OPT \
	SK_OPT_STR(T, 0, "policy", "FILE|NAME", policy, SK_C_FILE, \
	    "rules of this file, or of this shipped policy", NULL)
#define MIN_OPT \
	SK_OPT_INT(T, 0, "min", "N", decide.min, 1, 1000000, \
	    "degraded with fewer expected agents (2)", NULL)
#define FAULTY_OPT \
	SK_OPT_INT(T, 0, "faulty", "F", decide.faulty, 1, 1000, \
	    "refuse settings that do not bear F agents that lie", NULL)
/* Where the evidence goes. */
#define NO_EVIDENCE_OPT \
	SK_OPT_FLAG(T, 0, "no-evidence", decide.no_evidence, \
	    "write no evidence files", NULL)
#define EVIDENCE_DIR_OPT \
	SK_OPT_STR(T, 0, "evidence-dir", "DIR", evidence_dir, SK_C_DIR, \
	    "where evidence files go (evidence.base_dir)", NULL)
#define EMBED_OPT \
	SK_OPT_FLAG(T, 0, "embed", decide.embed, \
	    "put the answers into the synthesis", NULL)
#define SEQ_OPT(help) \
	SK_OPT_INT(T, 's', "seq", "N", seq, 1, INT64_MAX, help, NULL)

static const struct sk_opt filter_opts[] = { EXPECT_OPT, QUORUM_OPT,
	REQUIRE_OPT, POLICY_OPT, MIN_OPT, FAULTY_OPT, NO_EVIDENCE_OPT,
	EVIDENCE_DIR_OPT, EMBED_OPT,
	SK_OPT_FLAG(T, 0, "no-ack", decide.no_ack,
	    "leave the decision pending, for 'ack'", NULL),
	RUN_OPT("take the answers into this run (SK_RUN)"),
	BRANCH_OPT("take the answers into this branch (SK_BRANCH)"),
	SK_OPT_END };
static const struct sk_opt decide_opts[] = {
	RUN_OPT("decide a round of this run (SK_RUN)"),
	BRANCH_OPT("of this branch (SK_BRANCH, else the newest)"),
	SK_OPT_STR(T, 0, "spec", "SPEC", spec, SK_C_SPEC,
	    "of this specification (the run's)", NULL),
	SK_OPT_STR(T, 0, "stage", "STAGE", stage, SK_C_STAGE,
	    "of this stage (none)", NULL),
	SK_OPT_INT(T, 0, "round", "N", round, 1, 1000000,
	    "this round (the newest)", NULL),
	EXPECT_OPT, QUORUM_OPT, REQUIRE_OPT, POLICY_OPT, MIN_OPT, FAULTY_OPT,
	NO_EVIDENCE_OPT, EVIDENCE_DIR_OPT, EMBED_OPT, SK_OPT_END
};
static const struct sk_opt replay_opts[] = {
	RUN_OPT("a decision of this run (SK_RUN)"),
	BRANCH_OPT("of this branch (SK_BRANCH)"),
	SEQ_OPT("the decision of this number (the pending one)"),
	SK_OPT_FLAG(T, 0, "no-ack", decide.no_ack,
	    "only the evidence, no acknowledgement", NULL),
	NO_EVIDENCE_OPT, EVIDENCE_DIR_OPT, EMBED_OPT, SK_OPT_END
};
static const struct sk_opt stop_opts[] = { RUN_OPT("the run to stop (SK_RUN)"),
	SK_OPT_END };
static const struct sk_opt log_opts[] = { RUN_OPT("the run (SK_RUN)"),
	SK_OPT_FLAG(T, 0, "counts", counts,
	    "how often each kind of event occurred", NULL),
	SK_OPT_END };
static const struct sk_opt last_opts[] = {
	RUN_OPT("look in this run only (SK_RUN)"),
	BRANCH_OPT("look in this branch only (SK_BRANCH)"), EVIDENCE_DIR_OPT,
	SK_OPT_END
};
static const struct sk_opt verify_opts[] = {
	SK_OPT_STR(T, 0, "evidence", "DIR", evidence_dir, SK_C_DIR,
	    "where the answers are (beside FILE)", NULL),
	SK_OPT_END
};
static const struct sk_opt judge_opts[] = {
	SK_OPT_STR(T, 0, "evidence", "DIR", evidence_dir, SK_C_DIR,
	    "the evidence directory, or one of its own", NULL),
	SK_OPT_END
};
static const struct sk_opt audit_opts[] = {
	SK_OPT_STR(T, 0, "evidence", "DIR", evidence_dir, SK_C_DIR,
	    "hold the synthesis files below DIR against it", NULL),
	SK_OPT_LIST(T, 0, "history", "FILE", history, SK_C_FILE,
	    "what the tools have printed must be there",
	    "Records of intake, verdicts and acknowledgements, as they were "
	    "printed."),
	SK_OPT_END
};
static const struct sk_opt explain_opts[] = {
	SK_OPT_FLAG(T, 0, "html", html, "one page instead of a table", NULL),
	SK_OPT_END
};
static const struct sk_opt arbitrate_opts[] = {
	SK_OPT_STR(T, 'a', "agent", "NAME[=ADAPTER]", agent, SK_C_AGENT,
	    "who is asked; nobody who voted", NULL),
	SK_OPT_FLAG(T, 0, "settling", settling,
	    "refuse where the policy lets it settle nothing", NULL),
	SK_OPT_FLAG(T, 0, "take", take, "take the answer from standard input",
	    "It is recorded beside the mechanical verdict, as a decision that "
	    "supersedes it."),
	SEQ_OPT("about the decision of this number (the newest)"),
	RUN_OPT("of this run (SK_RUN)"),
	BRANCH_OPT("of this branch (SK_BRANCH)"),
	SK_OPT_FLAG(T, 0, "no-ack", decide.no_ack,
	    "leave the decision pending, for 'ack'", NULL),
	NO_EVIDENCE_OPT, EVIDENCE_DIR_OPT, EMBED_OPT, SK_OPT_END
};
static const struct sk_opt export_opts[] = {
	SK_OPT_ENUM(T, 0, "format", "FORM", form,
	    "sarif junit github gitlab md env", "the form to write",
	    "SARIF 2.1.0; JUnit XML; workflow commands; a code quality "
	    "report; Markdown for a step's summary; KEY=VALUE lines that hold "
	    "no word of an agent."),
	SK_OPT_STR(T, 0, "file", "PATH", file, SK_C_FILE,
	    "where findings are shown that name no file", NULL),
	SK_OPT_END
};
static const struct sk_opt intake_opts[] = {
	RUN_OPT("take the answers into this run (SK_RUN)"),
	BRANCH_OPT("take the answers into this branch (SK_BRANCH)"), SK_OPT_END
};
static const struct sk_opt ack_opts[] = { SEQ_OPT(
					      "number of the pending decision"),
	RUN_OPT("the decision's run (SK_RUN)"),
	BRANCH_OPT("the decision's branch (SK_BRANCH, else the newest)"),
	SK_OPT_END };
static const struct sk_opt pending_opts[] = {
	RUN_OPT("look in this run only (SK_RUN)"),
	BRANCH_OPT("look in this branch only (SK_BRANCH)"), SK_OPT_END
};
static const struct sk_opt show_opts[] = { SEQ_OPT(
					       "the decision of this number"),
	SK_OPT_FLAG(T, 0, "all", all, "all decisions, the oldest first", NULL),
	RUN_OPT("look in this run only (SK_RUN)"),
	BRANCH_OPT("look in this branch only (SK_BRANCH)"), SK_OPT_END };

/* ---- the tool ---- */

static const char *const filter_ex[] = {
	"sk-run -a claude -a codex <prompt.md | sk-consensus | jq .status",
	"sk-consensus --expect a,b,c --quorum 2/3 <answers.jsonl",
	"sk-consensus --require /answer --no-evidence <answers.jsonl", NULL
};
static const char *const intake_ex[] = {
	"sk-consensus intake --run \"$SK_RUN\" <answers.jsonl", NULL
};
static const char *const decide_ex[] = {
	"sk-consensus decide --run \"$SK_RUN\" --stage plan --policy plan", NULL
};
static const char *const replay_ex[] = {
	"sk-consensus replay --run \"$SK_RUN\"", NULL
};
static const char *const stop_ex[] = { "sk-consensus stop --run \"$SK_RUN\"",
	NULL };
static const char *const log_ex[] = {
	"sk-consensus log --run \"$SK_RUN\" --counts", NULL
};
static const char *const last_ex[] = {
	"sk-consensus last SPEC-7 plan | jq -r .synthesis_path", NULL
};
static const char *const verify_ex[] = {
	"sk-consensus verify docs/evidence/consensus/SPEC-7/*_synthesis.json",
	NULL
};
static const char *const judge_ex[] = {
	"sk-consensus judge --evidence docs/evidence SPEC-7 plan", NULL
};
static const char *const audit_ex[] = {
	"sk-consensus audit --evidence docs/evidence", NULL
};
static const char *const explain_ex[] = {
	"sk-consensus explain verdict.json /risks",
	"sk-consensus show SPEC-7 plan | sk-consensus explain --html - >v.html",
	NULL
};
static const char *const arbitrate_ex[] = {
	"sk-consensus arbitrate --agent judge SPEC-7 plan | sk-run >a.jsonl",
	"sk-consensus arbitrate --take <a.jsonl | jq .status", NULL
};
static const char *const export_ex[] = {
	"sk-consensus show SPEC-7 audit | sk-consensus export --format sarif",
	"sk-consensus export --format md v.json >>\"$GITHUB_STEP_SUMMARY\"",
	NULL
};
static const char *const ack_ex[] = {
	"sk-consensus ack --run \"$SK_RUN\" --seq 3", NULL
};
static const char *const pending_ex[] = {
	"sk-consensus pending --run \"$SK_RUN\"", NULL
};
static const char *const show_ex[] = { "sk-consensus show SPEC-7 plan", NULL };

#define OPTS(o) .opts = o, .opts_size = sizeof(struct sk_verb_opts)

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "Judge the answers on standard input.",
	    .examples = filter_ex,
	    OPTS(filter_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_verb_filter },
	{ .name = "intake",
	    .operands = "",
	    .purpose = "record answers without judging them",
	    .examples = intake_ex,
	    OPTS(intake_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_intake },
	{ .name = "decide",
	    .operands = "",
	    .purpose = "judge a round whose answers are recorded",
	    .examples = decide_ex,
	    OPTS(decide_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_verb_decide },
	{ .name = "replay",
	    .operands = "",
	    .purpose = "finish a decision: evidence again, then its ack",
	    .examples = replay_ex,
	    OPTS(replay_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_verb_replay },
	{ .name = "ack",
	    .operands = "",
	    .purpose = "acknowledge the pending decision",
	    .examples = ack_ex,
	    OPTS(ack_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_ack },
	{ .name = "pending",
	    .operands = "",
	    .purpose = "print the decision that waits for its ack",
	    .examples = pending_ex,
	    OPTS(pending_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_pending },
	{ .name = "show",
	    .operands = "[SPEC] [STAGE]",
	    .purpose = "print the newest verdict",
	    .examples = show_ex,
	    OPTS(show_opts),
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB,
	    .run = sk_verb_show },
	{ .name = "stop",
	    .operands = "",
	    .purpose = "end a run: no answer, decision or ack any more",
	    .examples = stop_ex,
	    OPTS(stop_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_stop },
	{ .name = "log",
	    .operands = "",
	    .purpose = "print the history of a run",
	    .examples = log_ex,
	    OPTS(log_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_log },
	{ .name = "last",
	    .operands = "SPEC STAGE",
	    .purpose = "print the newest verdict and where its synthesis is",
	    .examples = last_ex,
	    OPTS(last_opts),
	    .min_args = 2,
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_verb_last },
	{ .name = "verify",
	    .operands = "FILE...",
	    .purpose = "derive verdicts again, and compare every byte",
	    .examples = verify_ex,
	    OPTS(verify_opts),
	    .min_args = 1,
	    .max_args = -1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_DB,
	    .run = sk_verb_verify },
	{ .name = "judge",
	    .operands = "[SPEC] [STAGE]",
	    .purpose = "judge again from the evidence files alone",
	    .examples = judge_ex,
	    OPTS(judge_opts),
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .run = sk_verb_judge },
	{ .name = "explain",
	    .operands = "FILE [PATH]",
	    .purpose = "show who said what at each path, and why it won",
	    .examples = explain_ex,
	    OPTS(explain_opts),
	    .min_args = 1,
	    .max_args = 2,
	    .comp = SK_C_FILE,
	    .flags = SK_V_RAW,
	    .run = sk_verb_explain },
	{ .name = "arbitrate",
	    .operands = "[SPEC] [STAGE]",
	    .purpose = "ask somebody who did not vote about a conflict",
	    .examples = arbitrate_ex,
	    OPTS(arbitrate_opts),
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_verb_arbitrate },
	{ .name = "export",
	    .operands = "[FILE]...",
	    .purpose = "verdicts as SARIF, JUnit, annotations, Markdown",
	    .examples = export_ex,
	    OPTS(export_opts),
	    .max_args = -1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_RAW,
	    .run = sk_verb_export },
	{ .name = "audit",
	    .operands = "",
	    .purpose = "hold the database against its rules",
	    .examples = audit_ex,
	    OPTS(audit_opts),
	    .flags = SK_V_DB,
	    .run = sk_verb_audit },
	{ .run = NULL }
};

static const char *const schemas[] = { "verdict", "intake", "ack", "pending",
	"stop", "log", "counts", "verify", "audit", "answer", "request",
	"error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-auto 1", "sk-branch 1",
	"sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-consensus",
	.purpose = "take each answer once and decide whether the agents agree",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
