/* SPDX-License-Identifier: MIT */
/* sk-auto: drive a specification through its stages. */
#include "cli/cli.h"
#include "pipeline/auto_verbs.h"
#include "pipeline/init.h"
#include "pipeline/keep_verbs.h"

#define O_AGENT \
	SK_OPT_LIST(struct sk_auto_opts, 'a', "agent", "NAME", agents, \
	    SK_C_AGENT, "ask this agent: NAME[=ADAPTER][:COUNT]", \
	    "Without it the line-up is stages.STAGE.agents, else " \
	    "pipeline.agents of the configuration.")
#define O_RUN \
	SK_OPT_STR(struct sk_auto_opts, 'r', "run", "RUN", run, SK_C_RUN, \
	    "go on with this run", NULL)

#define O_BRANCH \
	SK_OPT_STR(struct sk_auto_opts, 'b', "branch", "BRANCH", branch, \
	    SK_C_BRANCH, "go on with this branch", NULL)

#define O_TIMEOUT \
	SK_OPT_DUR(struct sk_auto_opts, 't', "timeout", "DURATION", timeout, \
	    "stop an agent after this long", NULL)
#define O_WAIT \
	SK_OPT_DUR(struct sk_auto_opts, 0, "wait", "DURATION", wait, \
	    "wait this long for another driver to end", NULL)
#define O_DIRTY \
	SK_OPT_FLAG(struct sk_auto_opts, 0, "allow-dirty", allow_dirty, \
	    "begin although git knows of changes without a commit", NULL)
#define O_TREES \
	SK_OPT_FLAG(struct sk_auto_opts, 0, "worktree", worktree, \
	    "give each agent of implement a git work tree", \
	    "What they did there is seen by sk-auto diff, and applied by " \
	    "sk-auto apply.")

#define O_ON_GATE \
	SK_OPT_ENUM(struct sk_auto_opts, 0, "on-gate", "WHAT", on_gate, \
	    "fail pause accept", "what a gate's question does to the run", \
	    "What a quality gate does with a question to a person: end the " \
	    "run with status 1, ask on the terminal or wait with status 5, " \
	    "or leave it open and go on (quality_gates.on_gate).")
#define O_GOAL \
	SK_OPT_STR(struct sk_auto_opts, 0, "goal", "TEXT", goal, SK_C_NONE, \
	    "what the run is to achieve, for the agents", \
	    "Words after SPEC are the same. It is kept with the run.")
#define O_FORMAT \
	SK_OPT_ENUM(struct sk_auto_opts, 0, "format", "FORMAT", format, \
	    "json text github gitlab junit tap md", \
	    "text on a terminal, else JSON; or for a CI system", \
	    "With github the log is folded by stage, what went wrong is " \
	    "annotated, and a summary is appended to the file that " \
	    "GITHUB_STEP_SUMMARY names; gitlab folds the log; junit, tap " \
	    "and md are reports.")
#define O_SKIP(i, name) \
	SK_OPT_FLAG(struct sk_auto_opts, 0, "skip-" name, skip[i], \
	    "leave out the stage " name, NULL)
#define O_SKIPS \
	O_SKIP(0, "plan"), O_SKIP(1, "tasks"), O_SKIP(2, "implement"), \
	    O_SKIP(3, "validate"), O_SKIP(4, "audit"), O_SKIP(5, "unlock")

static const struct sk_opt step_opts[] = { O_AGENT, O_RUN, O_BRANCH, O_SKIPS,
	SK_OPT_FLAG(
	    struct sk_auto_opts, 0, "new", fresh, "make a new run", NULL),
	O_GOAL, O_DIRTY, O_TREES, O_ON_GATE, O_TIMEOUT, O_WAIT, O_FORMAT,
	SK_OPT_END };
#define GO_ON \
	O_AGENT, O_RUN, O_BRANCH, O_SKIPS, O_DIRTY, O_TREES, O_ON_GATE, \
	    O_TIMEOUT, O_WAIT
static const struct sk_opt next_opts[] = { GO_ON, SK_OPT_END };
static const struct sk_opt resume_opts[] = { GO_ON, O_FORMAT, SK_OPT_END };

static const struct sk_opt run_opts[] = { O_AGENT,
	SK_OPT_STR(struct sk_auto_opts, 0, "from", "STAGE", from, SK_C_STAGE,
	    "start at this stage of the newest run", NULL),
	SK_OPT_STR(struct sk_auto_opts, 0, "to", "STAGE", to, SK_C_STAGE,
	    "stop after this stage", NULL),
	SK_OPT_STR(struct sk_auto_opts, 0, "only", "STAGE", only, SK_C_STAGE,
	    "run this one stage", NULL),
	O_RUN, O_BRANCH,
	SK_OPT_FLAG(struct sk_auto_opts, 0, "new", fresh,
	    "make a new run even with --from or --only", NULL),
	O_SKIPS, O_GOAL, O_DIRTY, O_TREES, O_ON_GATE, O_TIMEOUT, O_WAIT,
	O_FORMAT,
	SK_OPT_FLAG(struct sk_auto_opts, 'n', "dry-run", dry_run,
	    "show who would be asked what, ask nobody", NULL),
	SK_OPT_RAWFLAG(struct sk_auto_opts, 0, "print-script", print_script,
	    "print a POSIX script that does the same", NULL),
	SK_OPT_END };

static const struct sk_opt prompt_opts[] = {
	SK_OPT_STR(struct sk_prompt_opts, 's', "stage", "STAGE", stage,
	    SK_C_STAGE, "the stage to ask about (plan)", NULL),
	SK_OPT_STR(struct sk_prompt_opts, 0, "answers", "FILE", answers,
	    SK_C_FILE, "records whose answers the agent shall see", NULL),
	SK_OPT_STR(struct sk_prompt_opts, 'r', "run", "RUN", common.run,
	    SK_C_RUN, "embed the earlier answers of this run", NULL),
	SK_OPT_STR(struct sk_prompt_opts, 'b', "branch", "BRANCH",
	    common.branch, SK_C_BRANCH, "and of this branch", NULL),
	SK_OPT_END
};

static const struct sk_opt env_opts[] = { SK_OPT_FLAG(struct sk_auto_opts, 0,
					      "new", fresh,
					      "make a new run first", NULL),
	O_GOAL, O_RUN, O_BRANCH, SK_OPT_END };

static const struct sk_opt status_opts[] = { SK_OPT_STR(struct sk_status_opts,
						 'r', "run", "RUN", common.run,
						 SK_C_RUN, "of this run", NULL),
	SK_OPT_STR(struct sk_status_opts, 'b', "branch", "BRANCH",
	    common.branch, SK_C_BRANCH, "of this branch", NULL),
	SK_OPT_INT(struct sk_status_opts, 0, "stale-hours", "N", stale_hours, 1,
	    1000000, "call a stage stale after N hours (24)", NULL),
	SK_OPT_END };

#define L(f) common.f
#define O_LAND_RUN \
	SK_OPT_STR(struct sk_land_opts, 'r', "run", "RUN", L(run), SK_C_RUN, \
	    "of this run", NULL), \
	    SK_OPT_STR(struct sk_land_opts, 'b', "branch", "BRANCH", \
		L(branch), SK_C_BRANCH, "of this branch", NULL)
#define O_LAND_DRY \
	SK_OPT_FLAG(struct sk_land_opts, 'n', "dry-run", dry_run, \
	    "say what would be done, do nothing", NULL)

static const struct sk_opt diff_opts[] = {
	{ 0, "agent", SK_O_STR, SK_C_AGENT, "NAME", NULL,
	    SK_OFF_(struct sk_land_opts, agent, const char *), 0, 0, SK_OF_RAW,
	    "print the patch of this one, as git apply takes it",
	    "On a terminal, and where the environment has CI, control "
	    "characters in it are shown and not obeyed." },
	SK_OPT_STR(struct sk_land_opts, 'o', "output", "FILE", output,
	    SK_C_FILE, "write that patch to FILE", NULL),
	O_LAND_RUN, SK_OPT_END
};
static const struct sk_opt apply_opts[] = {
	SK_OPT_STR(struct sk_land_opts, 'f', "from", "AGENT", from, SK_C_AGENT,
	    "the work of this agent, whatever the verdict says", NULL),
	SK_OPT_ENUM(struct sk_land_opts, 0, "choose", "RULE", choose,
	    "agreed medoid", "agreed: of a quorum; medoid: the most typical",
	    "Without --from and --choose it is landing.apply of the "
	    "configuration, else agreed."),
	SK_OPT_FLAG(struct sk_land_opts, 0, "none", none,
	    "of nobody: the run goes on without it", NULL),
	SK_OPT_STR(struct sk_land_opts, 's', "stage", "STAGE", stage,
	    SK_C_STAGE, "the work of this stage (the newest)", NULL),
	SK_OPT_FLAG(struct sk_land_opts, 0, "binary", binary,
	    "let it change binary files", NULL),
	SK_OPT_FLAG(struct sk_land_opts, 0, "allow-dirty", L(allow_dirty),
	    "though other files have changes without a commit", NULL),
	SK_OPT_DUR(struct sk_land_opts, 0, "wait", "DURATION", L(wait),
	    "wait this long for a driver to end", NULL),
	O_LAND_RUN, O_LAND_DRY, SK_OPT_END
};
static const struct sk_opt undo_opts[] = {
	SK_OPT_DUR(struct sk_land_opts, 0, "wait", "DURATION", L(wait),
	    "wait this long for a driver to end", NULL),
	O_LAND_DRY, SK_OPT_END
};
#undef L
static const struct sk_opt check_opts[] = { SK_OPT_END };

static const struct sk_opt gate_opts[] = {
	SK_OPT_STR(struct sk_gate_opts, 's', "stage", "STAGE", stage,
	    SK_C_STAGE, "the stage that comes next (plan)", NULL),
	SK_OPT_FLAG(struct sk_gate_opts, 0, "begin", begin,
	    "the run begins with it: look at the work tree", NULL),
	SK_OPT_FLAG(struct sk_gate_opts, 0, "skip", skip,
	    "only: is the stage left out? 1 = no",
	    "The condition is "
	    "stages.STAGE.skip_if; that it is left out is recorded."),
	O_DIRTY, O_ON_GATE, O_RUN, O_BRANCH, O_TIMEOUT, O_WAIT,
	SK_OPT_LIST(struct sk_gate_opts, 'a', "agent", "NAME", common.agents,
	    SK_C_AGENT, "the stage begins, and this agent is asked",
	    "NAME[=ADAPTER][:COUNT]. It is recorded as by a run, and so must "
	    "be its end: sk-auto end."),
	SK_OPT_END
};
#define E(f) common.f
static const struct sk_opt end_opts[] = {
	SK_OPT_STR(struct sk_end_opts, 's', "stage", "STAGE", stage, SK_C_STAGE,
	    "this stage is over, not the run", NULL),
	SK_OPT_INT(struct sk_end_opts, 0, "exit", "N", exit, 0, 255,
	    "the status that it ended with (0)", NULL),
	SK_OPT_STR(struct sk_end_opts, 0, "from", "STAGE", E(from), SK_C_STAGE,
	    "the run began at this stage", NULL),
	SK_OPT_STR(struct sk_end_opts, 0, "to", "STAGE", E(to), SK_C_STAGE,
	    "the run had this one as its last", NULL),
	SK_OPT_STR(struct sk_end_opts, 0, "only", "STAGE", E(only), SK_C_STAGE,
	    "the run was this one stage", NULL),
	O_SKIPS, O_RUN, O_BRANCH, O_WAIT, SK_OPT_END
};
#undef E

static const struct sk_opt answer_opts[] = {
	SK_OPT_FLAG(struct sk_answer_opts, 'l', "list", list,
	    "only show the questions", NULL),
	SK_OPT_FLAG(struct sk_answer_opts, 0, "resume", resume,
	    "go on with the run when none is open", NULL),
	O_RUN, O_BRANCH, O_WAIT, SK_OPT_END
};

static const struct sk_opt watch_opts[] = {
	SK_OPT_STR(struct sk_status_opts, 'r', "run", "RUN", common.run,
	    SK_C_RUN, "this run, not the newest", NULL),
	SK_OPT_STR(struct sk_status_opts, 'b', "branch", "BRANCH",
	    common.branch, SK_C_BRANCH, "this branch", NULL),
	SK_OPT_DUR(struct sk_status_opts, 0, "every", "DURATION", every,
	    "look so often (500ms)", NULL),
	SK_OPT_END
};
static const struct sk_opt report_opts[] = { O_RUN, O_BRANCH,
	SK_OPT_ENUM(struct sk_auto_opts, 0, "format", "FORMAT", format,
	    "github gitlab junit tap md", "the form of the report (md)", NULL),
	SK_OPT_END };
static const struct sk_opt init_opts[] = {
	SK_OPT_LIST(struct sk_init_opts, 'a', "agent", "NAME", agents,
	    SK_C_AGENT, "ask this agent in every stage", NULL),
	SK_OPT_ENUM(struct sk_init_opts, 0, "ci", "SYSTEM", ci,
	    "github gitlab none", "a job for this CI system (none)", NULL),
	SK_OPT_END
};
static const struct sk_opt look_opts[] = { O_RUN, O_BRANCH, SK_OPT_END };
static const struct sk_opt export_opts[] = {
	SK_OPT_STR(struct sk_bundle_opts, 'o', "output", "FILE", output,
	    SK_C_FILE, "into FILE, not to standard output", NULL),
	SK_OPT_FLAG(struct sk_bundle_opts, 0, "redact", redact,
	    "hashes in the place of texts: to be checked only", NULL),
	SK_OPT_FLAG(struct sk_bundle_opts, 0, "no-files", no_files,
	    "rows of the database alone", NULL),
	SK_OPT_END
};
static const struct sk_opt import_opts[] = {
	SK_OPT_FLAG(struct sk_bundle_opts, 0, "check", check,
	    "look at it and say what would be done, do nothing", NULL),
	SK_OPT_FLAG(struct sk_bundle_opts, 0, "no-files", no_files,
	    "rows of the database alone", NULL),
	SK_OPT_END
};
static const struct sk_opt keep_opts[] = {
	SK_OPT_DUR(struct sk_keep_opts, 0, "older-than", "AGE", older,
	    "what nobody has touched for so long", NULL),
	SK_OPT_FLAG(struct sk_keep_opts, 'y', "yes", yes,
	    "do it; without, only say what would be done", NULL),
	SK_OPT_END
};
static const struct sk_opt evidence_opts[] = {
	SK_OPT_DUR(struct sk_keep_opts, 0, "older-than", "AGE", older,
	    "archive (30d), purge (180d): files of that age", NULL),
	SK_OPT_FLAG(struct sk_keep_opts, 'y', "yes", yes,
	    "do it; without, only say what would be done", NULL),
	SK_OPT_FLAG(struct sk_keep_opts, 0, "accept", accept,
	    "seal: what was changed or deleted is right so", NULL),
	SK_OPT_END
};
static const struct sk_opt no_opts[] = { SK_OPT_END };

static const char *const run_examples[] = {
	"sk-auto run SPEC-7 -a claude -a codex -a gemini",
	"sk-auto run SPEC-7 --from tasks",
	"sk-auto run SPEC-7 --print-script >run.sh", NULL
};
static const char *const init_examples[] = { "sk-auto init SPEC-1",
	"sk-auto init SPEC-1 -a claude -a codex --ci github --no-input", NULL };
static const char *const watch_examples[] = { "sk-auto watch",
	"sk-auto watch SPEC-7 --format text >>log", NULL };
static const char *const report_examples[] = {
	"sk-auto report SPEC-7 --format junit >report.xml", NULL
};
static const char *const step_examples[] = { "sk-auto step SPEC-7 --new",
	"sk-auto step SPEC-7", NULL };
static const char *const next_examples[] = {
	"while c=$(sk-auto next SPEC-7); do eval \"$c\" || break; done", NULL
};
static const char *const resume_examples[] = { "sk-auto resume SPEC-7", NULL };
static const char *const cancel_examples[] = { "sk-auto cancel SPEC-7", NULL };
static const char *const prompt_examples[] = {
	"sk-auto prompt SPEC-7 --stage plan | sk-run -a claude --stage plan",
	NULL
};
static const char *const artefact_examples[] = {
	"sk-consensus --no-ack <records | sk-auto artefact SPEC-7", NULL
};
static const char *const status_examples[] = { "sk-auto status SPEC-7",
	"sk-auto status SPEC-7 --json | jq -r .state", NULL };
static const char *const diff_examples[] = { "sk-auto diff SPEC-7",
	"sk-auto diff SPEC-7 --agent claude | git apply --stat", NULL };
static const char *const apply_examples[] = { "sk-auto apply SPEC-7",
	"sk-auto apply SPEC-7 --from claude --dry-run", NULL };
static const char *const undo_examples[] = { "sk-auto undo SPEC-7", NULL };
static const char *const check_examples[] = { "sk-auto check SPEC-7",
	"sk-auto check SPEC-7 analyze --json", NULL };
static const char *const gate_examples[] = {
	"sk-auto gate SPEC-7 --stage plan --on-gate fail", NULL
};
static const char *const end_examples[] = { "sk-auto end SPEC-7 --stage plan",
	"sk-auto end SPEC-7 --exit 1", NULL };
static const char *const answer_examples[] = { "sk-auto answer SPEC-7 --list",
	"sk-auto answer SPEC-7 Q-001='at most 5 s' --resume",
	"sk-auto answer SPEC-7 <answers.json", NULL };
static const char *const export_examples[] = {
	"sk-auto export SPEC-7 -o run.skb",
	"sk-auto export SPEC-7 --redact | gzip >for-others.gz", NULL
};
static const char *const import_examples[] = { "sk-auto import run.skb",
	"sk-auto import --check run.skb", NULL };
static const char *const evidence_examples[] = {
	"sk-auto evidence verify SPEC-7",
	"sk-auto evidence archive SPEC-7 --yes", NULL
};
static const char *const db_examples[] = { "sk-auto db backup sk-copy.db",
	"sk-auto db check", "sk-auto db prune --older-than 90d --yes", NULL };
static const char *const env_examples[] = {
	"eval \"$(sk-auto env SPEC-7 --new)\"", NULL
};

static const struct sk_verb verbs[] = {
	{ .name = "run",
	    .operands = "[SPEC [GOAL]…]",
	    .purpose = "run the stages of a specification",
	    .examples = run_examples,
	    .opts = run_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = -1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_run },
	{ .name = "init",
	    .operands = "[SPEC]",
	    .purpose = "write a configuration and a spec.md to begin with",
	    .examples = init_examples,
	    .opts = init_opts,
	    .opts_size = sizeof(struct sk_init_opts),
	    .max_args = 1,
	    .flags = SK_V_CONFIG,
	    .run = sk_auto_init },
	{ .name = "step",
	    .operands = "[SPEC]",
	    .purpose = "run one stage, the next one",
	    .examples = step_examples,
	    .opts = step_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_step },
	{ .name = "next",
	    .operands = "[SPEC]",
	    .purpose = "print the command that would come next",
	    .examples = next_examples,
	    .opts = next_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_next },
	{ .name = "resume",
	    .operands = "[SPEC]",
	    .purpose = "go on where the newest run stopped",
	    .examples = resume_examples,
	    .opts = resume_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_resume },
	{ .name = "cancel",
	    .operands = "[SPEC]",
	    .purpose = "stop a run for good, from any terminal",
	    .examples = cancel_examples,
	    .opts = look_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_cancel },
	{ .name = "status",
	    .operands = "[SPEC]",
	    .purpose = "show the newest run, stage by stage",
	    .examples = status_examples,
	    .opts = status_opts,
	    .opts_size = sizeof(struct sk_status_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_status },
	{ .name = "watch",
	    .operands = "[SPEC]",
	    .purpose = "show a run as it goes on",
	    .examples = watch_examples,
	    .opts = watch_opts,
	    .opts_size = sizeof(struct sk_status_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_watch },
	{ .name = "report",
	    .operands = "[SPEC]",
	    .purpose = "print the newest run for a CI system",
	    .examples = report_examples,
	    .opts = report_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_report },
	{ .name = "diff",
	    .operands = "SPEC [STAGE]",
	    .purpose = "show what agents did in their work trees",
	    .examples = diff_examples,
	    .opts = diff_opts,
	    .opts_size = sizeof(struct sk_land_opts),
	    .min_args = 1,
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_diff },
	{ .name = "apply",
	    .operands = "SPEC",
	    .purpose = "put an agent's work into the project's tree",
	    .examples = apply_examples,
	    .opts = apply_opts,
	    .opts_size = sizeof(struct sk_land_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_apply },
	{ .name = "undo",
	    .operands = "SPEC",
	    .purpose = "take the applied work back",
	    .examples = undo_examples,
	    .opts = undo_opts,
	    .opts_size = sizeof(struct sk_land_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_undo },
	{ .name = "export",
	    .operands = "RUN",
	    .purpose = "write a run into one file, for another machine",
	    .examples = export_examples,
	    .opts = export_opts,
	    .opts_size = sizeof(struct sk_bundle_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_RUN,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_export },
	{ .name = "import",
	    .operands = "FILE",
	    .purpose = "take in a run that was exported",
	    .examples = import_examples,
	    .opts = import_opts,
	    .opts_size = sizeof(struct sk_bundle_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_FILE,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_import },
	{ .name = "evidence",
	    .operands = "stats|verify|seal|archive|purge SPEC",
	    .purpose = "look after a specification's evidence",
	    .examples = evidence_examples,
	    .opts = evidence_opts,
	    .opts_size = sizeof(struct sk_keep_opts),
	    .min_args = 2,
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_evidence },
	{ .name = "db",
	    .operands = "backup|check|prune [FILE]",
	    .purpose = "look after the database",
	    .examples = db_examples,
	    .opts = keep_opts,
	    .opts_size = sizeof(struct sk_keep_opts),
	    .min_args = 1,
	    .max_args = 2,
	    .comp = SK_C_FILE,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_db },
	{ .name = "prompt",
	    .operands = "[SPEC]",
	    .purpose = "print the prompt of a stage",
	    .examples = prompt_examples,
	    .opts = prompt_opts,
	    .opts_size = sizeof(struct sk_prompt_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_prompt },
	{ .name = "artefact",
	    .operands = "[SPEC]",
	    .purpose = "write what a verdict on stdin agreed on",
	    .examples = artefact_examples,
	    .opts = no_opts,
	    .opts_size = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_artefact },
	{ .name = "check",
	    .operands = "[SPEC [GATE]]",
	    .purpose = "look at a specification, ask nobody",
	    .examples = check_examples,
	    .opts = check_opts,
	    .opts_size = 1,
	    .max_args = 2,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_CONFIG,
	    .run = sk_averb_check },
	{ .name = "answer",
	    .operands = "[SPEC] [ID=TEXT]…",
	    .purpose = "answer what a quality gate asks",
	    .examples = answer_examples,
	    .opts = answer_opts,
	    .opts_size = sizeof(struct sk_answer_opts),
	    .max_args = -1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_answer },
	{ .name = "gate",
	    .operands = "[SPEC]",
	    .purpose = "what must hold before a stage, for scripts",
	    .examples = gate_examples,
	    .opts = gate_opts,
	    .opts_size = sizeof(struct sk_gate_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_gate },
	{ .name = "end",
	    .operands = "[SPEC]",
	    .purpose = "record how a stage or run ended, for scripts",
	    .examples = end_examples,
	    .opts = end_opts,
	    .opts_size = sizeof(struct sk_end_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = sk_averb_end },
	{ .name = "env",
	    .operands = "[SPEC]",
	    .purpose = "print the run's variables for eval",
	    .examples = env_examples,
	    .opts = env_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = sk_averb_env },
	{ .run = NULL }
};

static const char *const schemas[] = { "check", "diff", "landing", "evidence",
	"db", "moved", "event", "init", "outline", "questions", "status",
	"summary", "stop", "error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-consensus 1",
	"sk-pipelines 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-auto",
	.purpose = "drive a specification through its stages",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
