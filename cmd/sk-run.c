/* SPDX-License-Identifier: MIT */
/* sk-run: ask agents, one record per answer. */
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "cli/cli.h"
#include "pipeline/branch.h"
#include "sys/sys.h"

#define T struct sk_ask

static const struct sk_opt opts[] = {
	SK_OPT_LIST(T, 'a', "agent", "NAME", agents, SK_C_AGENT,
	    "ask this agent: NAME[=ADAPTER][:COUNT]",
	    "An agent of the configuration, else an adapter of that name, "
	    "else a program on PATH. With a COUNT it is asked that often, as "
	    "NAME.1, NAME.2 and so on. May be repeated."),
	SK_OPT_LIST(T, 'x', "exec", "NAME=COMMAND", execs, SK_C_NONE,
	    "ask a program: NAME[:COUNT]=COMMAND",
	    "The command is split into words, with quotes but without any "
	    "expansion; no shell runs. The prompt is its standard input, its "
	    "standard output the answer."),
	SK_OPT_STR(T, 'r', "run", "RUN", run, SK_C_RUN,
	    "belong to this run (SK_RUN, else a new one)", NULL),
	SK_OPT_STR(T, 'b', "branch", "BRANCH", branch, SK_C_BRANCH,
	    "belong to this branch of the run (SK_BRANCH)", NULL),
	SK_OPT_STR(T, 0, "spec", "SPEC", spec, SK_C_SPEC,
	    "the specification that is asked about", NULL),
	SK_OPT_STR(T, 's', "stage", "STAGE", stage, SK_C_STAGE,
	    "the stage that is asked about", NULL),
	SK_OPT_INT(T, 0, "round", "N", round, 1, 1000000,
	    "round of questions of this stage (1)",
	    "An agent that has answered this round of this run and branch is "
	    "not asked again: its stored answer is printed."),
	SK_OPT_STR(T, 'm', "model", "MODEL", model, SK_C_NONE,
	    "model, for agents that have a choice", NULL),
	SK_OPT_STR(T, 0, "schema", "FILE", schema_file, SK_C_FILE,
	    "JSON Schema that every answer must fit", NULL),
	SK_OPT_STR(T, 'p', "prompt-file", "FILE", prompt_file, SK_C_FILE,
	    "read the prompt from here instead of standard input", NULL),
	SK_OPT_DUR(T, 't', "timeout", "DURATION", timeout_ms,
	    "stop an agent after this long (20m)", NULL),
	SK_OPT_INT(T, 'j', "jobs", "N", jobs, 1, 100000,
	    "run at most N agents at once (all)", NULL),
	SK_OPT_SIZE(T, 0, "max-output", "SIZE", max_output,
	    "keep at most this much of an answer (16M)", NULL),
	SK_OPT_FLAG(T, 'n', "dry-run", dry_run,
	    "show what would be run, run and write nothing", NULL),
	SK_OPT_FLAG(T, 'e', "events", events,
	    "print sk.event/1 records about progress too", NULL),
	SK_OPT_END
};

static int
run(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_ask *ask = ctx->opts;
	struct sk_arena arena = { 0 };
	struct sk_config conf;
	struct sk_git git;
	int fd = -1, rc;

	if (!ask->dry_run && (rc = sk_guard(&fd, err)) != 0)
		return rc;
	ask->text = ctx->format == SK_FMT_TEXT;
	ask->db = ctx->db;
	rc = sk_config_load(&conf, ctx->config, err);
	/* A run that is made here records where the project stands. */
	if (rc == 0 && !ask->dry_run && ask->run == NULL &&
	    getenv("SK_RUN") == NULL) {
		if (sk_project_git(&conf, &git, &arena, err) == 0)
			ask->git = &git;
		sk_err_clear(err);
	}
	if (rc == 0)
		rc = sk_ask_run(ask, &conf, fd, err);
	sk_arena_free(&arena);
	sk_config_free(&conf);
	sk_strv_free(&ask->agents);
	sk_strv_free(&ask->execs);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static const char *const examples[] = {
	"sk-run -a claude -a codex --stage plan --spec SPEC-7 <prompt.md",
	"sk-run --exec 'x=my-agent --fast' <prompt.md | sk-consensus",
	"sk-run -a claude:3 --schema answer.json -p prompt.md", NULL
};

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "Ask agents and print one record per answer.",
	    .examples = examples,
	    .opts = opts,
	    .opts_size = sizeof(T),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = run },
	{ .run = NULL }
};

static const char *const schemas[] = { "answer", "event", "request", "plan",
	"error", NULL };
static const char *const see_also[] = { "sk-consensus 1", "sk-auto 1",
	"sk-config 1", "sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-run",
	.purpose = "ask several agents at once, one record per answer",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
