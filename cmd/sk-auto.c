/* SPDX-License-Identifier: MIT */
/* sk-auto: drive a specification through its stages. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/land.h"
#include "pipeline/pipeline.h"

#define O_AGENT \
	SK_OPT_LIST(struct sk_auto_opts, 'a', "agent", "NAME", agents, \
	    SK_C_AGENT, "ask this agent: NAME[=ADAPTER][:COUNT]", \
	    "May be repeated. Without it the line-up is " \
	    "stages.STAGE.agents, else pipeline.agents of the configuration.")
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
#define O_SKIP(i, name) \
	SK_OPT_FLAG(struct sk_auto_opts, 0, "skip-" name, skip[i], \
	    "leave out the stage " name, NULL)
#define O_SKIPS \
	O_SKIP(0, "plan"), O_SKIP(1, "tasks"), O_SKIP(2, "implement"), \
	    O_SKIP(3, "validate"), O_SKIP(4, "audit"), O_SKIP(5, "unlock")

static const struct sk_opt step_opts[] = { O_AGENT, O_RUN, O_BRANCH, O_SKIPS,
	SK_OPT_FLAG(
	    struct sk_auto_opts, 0, "new", fresh, "make a new run", NULL),
	O_DIRTY, O_TREES, O_TIMEOUT, O_WAIT, SK_OPT_END };
static const struct sk_opt go_on_opts[] = { O_AGENT, O_RUN, O_BRANCH, O_SKIPS,
	O_DIRTY, O_TREES, O_TIMEOUT, O_WAIT, SK_OPT_END };

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
	O_SKIPS, O_DIRTY, O_TREES, O_TIMEOUT, O_WAIT,
	SK_OPT_FLAG(struct sk_auto_opts, 'n', "dry-run", dry_run,
	    "show who would be asked what, ask nobody", NULL),
	SK_OPT_RAWFLAG(struct sk_auto_opts, 0, "print-script", print_script,
	    "print a POSIX script that does the same", NULL),
	SK_OPT_END };

struct prompt_opts {
	struct sk_auto_opts common;
	const char *stage, *answers;
};

static const struct sk_opt prompt_opts[] = {
	SK_OPT_STR(struct prompt_opts, 's', "stage", "STAGE", stage, SK_C_STAGE,
	    "the stage to ask about (plan)", NULL),
	SK_OPT_STR(struct prompt_opts, 0, "answers", "FILE", answers, SK_C_FILE,
	    "records whose answers the agent shall see", NULL),
	SK_OPT_STR(struct prompt_opts, 'r', "run", "RUN", common.run, SK_C_RUN,
	    "embed the earlier answers of this run", NULL),
	SK_OPT_STR(struct prompt_opts, 'b', "branch", "BRANCH", common.branch,
	    SK_C_BRANCH, "and of this branch", NULL),
	SK_OPT_END
};

static const struct sk_opt env_opts[] = { SK_OPT_FLAG(struct sk_auto_opts, 0,
					      "new", fresh,
					      "make a new run first", NULL),
	O_RUN, O_BRANCH, SK_OPT_END };

struct status_opts {
	struct sk_auto_opts common;
	int64_t stale_hours;
};

static const struct sk_opt status_opts[] = { SK_OPT_STR(struct status_opts, 'r',
						 "run", "RUN", common.run,
						 SK_C_RUN, "of this run", NULL),
	SK_OPT_STR(struct status_opts, 'b', "branch", "BRANCH", common.branch,
	    SK_C_BRANCH, "of this branch", NULL),
	SK_OPT_INT(struct status_opts, 0, "stale-hours", "N", stale_hours, 1,
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

static const struct sk_opt look_opts[] = { O_RUN, O_BRANCH, SK_OPT_END };
static const struct sk_opt no_opts[] = { SK_OPT_END };

static int
with(struct sk_ctx *ctx, const struct sk_auto_opts *opts, unsigned db_flags,
    int (*fn)(struct sk_auto *a, void *arg, struct sk_err *err), void *arg,
    struct sk_err *err)
{
	struct sk_config conf;
	struct sk_auto a = {
		.conf = &conf, .opts = opts, .spec_lock = -1, .snapshot = -1
	};
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	a.config_file = ctx->config != NULL ? conf.named_file : NULL;
	a.db_file = ctx->db;
	a.json = ctx->format == SK_FMT_JSON;
	rc = sk_auto_open(&a, ctx->argv[0], db_flags, err);
	if (rc == 0)
		rc = fn(&a, arg, err);
	sk_auto_close(&a);
	sk_config_free(&conf);
	return rc;
}

static int
do_run(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_run(a, err);
}

static int
verb_run(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = with(ctx, o, SK_DB_CREATE, do_run, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
do_step(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_step(a, err);
}

static int
do_resume(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_resume(a, err);
}

static int
do_next(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_next(a, err);
}

static int
verb_step(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = with(ctx, o, SK_DB_CREATE, do_step, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
verb_resume(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = with(ctx, o, SK_DB_CREATE, do_resume, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
do_cancel(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_cancel(a, err);
}

static int
verb_cancel(struct sk_ctx *ctx, struct sk_err *err)
{
	return with(ctx, ctx->opts, 0, do_cancel, NULL, err);
}

static int
verb_next(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_auto_opts *o = ctx->opts;
	int rc = with(ctx, o, 0, do_next, NULL, err);

	sk_strv_free(&o->agents);
	return rc;
}

static int
do_prompt(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_prompt(a, ((struct prompt_opts *)arg)->stage,
	    ((struct prompt_opts *)arg)->answers, err);
}

static int
verb_prompt(struct sk_ctx *ctx, struct sk_err *err)
{
	struct prompt_opts *o = ctx->opts;

	return with(ctx, &o->common, 0, do_prompt, o, err);
}

static int
do_artefact(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_artefact(a, STDIN_FILENO, err);
}

static int
verb_artefact(struct sk_ctx *ctx, struct sk_err *err)
{
	static const struct sk_auto_opts none;

	return with(ctx, &none, SK_DB_CREATE, do_artefact, NULL, err);
}

static int
do_status(struct sk_auto *a, void *arg, struct sk_err *err)
{
	int64_t hours = ((struct status_opts *)arg)->stale_hours;

	return sk_auto_status(a, hours != 0 ? hours : 24, err);
}

static int
verb_status(struct sk_ctx *ctx, struct sk_err *err)
{
	struct status_opts *o = ctx->opts;

	return with(ctx, &o->common, 0, do_status, o, err);
}

static int
do_diff(struct sk_auto *a, void *arg, struct sk_err *err)
{
	struct sk_ctx *ctx = arg;
	const struct sk_land_opts *o = ctx->opts;

	/* A patch is one raw value unless it was asked for as JSON. */
	if (o->agent != NULL && !ctx->format_given)
		a->json = false;
	return sk_auto_diff(a, ctx->argv[1], o, err);
}

static int
verb_diff(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return with(ctx, &o->common, 0, do_diff, ctx, err);
}

static int
do_apply(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_apply(a, arg, err);
}

static int
verb_apply(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return with(ctx, &o->common, 0, do_apply, o, err);
}

static int
do_undo(struct sk_auto *a, void *arg, struct sk_err *err)
{
	return sk_auto_undo(a, arg, err);
}

static int
verb_undo(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_land_opts *o = ctx->opts;

	return with(ctx, &o->common, 0, do_undo, o, err);
}

static int
do_env(struct sk_auto *a, void *arg, struct sk_err *err)
{
	(void)arg;
	return sk_auto_env(a, err);
}

static int
verb_env(struct sk_ctx *ctx, struct sk_err *err)
{
	return with(ctx, ctx->opts, SK_DB_CREATE, do_env, NULL, err);
}

static const char *const run_examples[] = {
	"sk-auto run SPEC-7 -a claude -a codex -a gemini",
	"sk-auto run SPEC-7 --from tasks",
	"sk-auto run SPEC-7 --print-script >run.sh", NULL
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
static const char *const env_examples[] = {
	"eval \"$(sk-auto env SPEC-7 --new)\"", NULL
};

static const struct sk_verb verbs[] = {
	{ .name = "run",
	    .operands = "SPEC",
	    .purpose = "run the stages of a specification",
	    .examples = run_examples,
	    .opts = run_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_run },
	{ .name = "step",
	    .operands = "SPEC",
	    .purpose = "run one stage, the next one",
	    .examples = step_examples,
	    .opts = step_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_step },
	{ .name = "next",
	    .operands = "SPEC",
	    .purpose = "print the command that would come next",
	    .examples = next_examples,
	    .opts = go_on_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_next },
	{ .name = "resume",
	    .operands = "SPEC",
	    .purpose = "go on where the newest run stopped",
	    .examples = resume_examples,
	    .opts = go_on_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_resume },
	{ .name = "cancel",
	    .operands = "SPEC",
	    .purpose = "stop a run for good, from any terminal",
	    .examples = cancel_examples,
	    .opts = look_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_cancel },
	{ .name = "status",
	    .operands = "SPEC",
	    .purpose = "show the newest run, stage by stage",
	    .examples = status_examples,
	    .opts = status_opts,
	    .opts_size = sizeof(struct status_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_status },
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
	    .run = verb_diff },
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
	    .run = verb_apply },
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
	    .run = verb_undo },
	{ .name = "prompt",
	    .operands = "SPEC",
	    .purpose = "print the prompt of a stage",
	    .examples = prompt_examples,
	    .opts = prompt_opts,
	    .opts_size = sizeof(struct prompt_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_prompt },
	{ .name = "artefact",
	    .operands = "SPEC",
	    .purpose = "write what a verdict on stdin agreed on",
	    .examples = artefact_examples,
	    .opts = no_opts,
	    .opts_size = 1,
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_artefact },
	{ .name = "env",
	    .operands = "SPEC",
	    .purpose = "print the run's variables for eval",
	    .examples = env_examples,
	    .opts = env_opts,
	    .opts_size = sizeof(struct sk_auto_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_SPEC,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_env },
	{ .run = NULL }
};

static const char *const schemas[] = { "diff", "landing", "event", "outline",
	"status", "summary", "stop", "error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-consensus 1",
	"sk-pipelines 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-auto",
	.purpose = "drive a specification through its stages",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
