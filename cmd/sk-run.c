/* SPDX-License-Identifier: MIT */
/* sk-run: ask agents, one record per answer. */
#include <stdlib.h>
#include <unistd.h>

#include "agent/agent.h"
#include "cli/cli.h"
#include "consensus/consensus.h"
#include "pipeline/branch.h"
#include "pipeline/money.h"
#include "sys/sys.h"

#define T struct sk_ask

static const struct sk_opt opts[] = {
	SK_OPT_LIST(T, 'a', "agent", "NAME", agents, SK_C_AGENT,
	    "ask this agent: NAME[=ADAPTER][:COUNT]",
	    "An agent of the configuration, else an adapter of that name, "
	    "else a program on PATH. With a COUNT it is asked that often, as "
	    "NAME.1, NAME.2 and so on."),
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
	SK_OPT_LIST(T, 'm', "model", "[AGENT=]MODEL", models, SK_C_NONE,
	    "model of an agent, or of all", "What names an agent counts more."),
	SK_OPT_STR(T, 0, "schema", "FILE", schema_file, SK_C_FILE,
	    "JSON Schema that every answer must fit", NULL),
	SK_OPT_STR(T, 'p', "prompt-file", "FILE", prompt_file, SK_C_FILE,
	    "read the prompt from here instead of standard input", NULL),
	SK_OPT_DUR(T, 't', "timeout", "DURATION", timeout_ms,
	    "stop an agent after this long (20m)",
	    "A time without a unit is in seconds; 0 is as without the "
	    "option."),
	SK_OPT_DUR(T, 0, "deadline", "DURATION", deadline_ms,
	    "stop everything after this long",
	    "Counted from the start of sk-run: calls, waits and retries of all "
	    "agents have to fit in."),
	SK_OPT_INT(T, 0, "straggler", "FACTOR", straggler, 2, 1000,
	    "stop an agent at FACTOR times its peers' median",
	    "Counts once half of the agents, and at least two, have "
	    "answered."),
	SK_OPT_STR(T, 'l', "launcher", "PREFIX", launcher, SK_C_NONE,
	    "words before each agent's command: 'srun -N1 --'",
	    "Split like --exec. The far side needs nothing of ours; the "
	    "prompt goes in by standard input. When the program is ssh, the "
	    "agent's words are quoted for the shell over there."),
	SK_OPT_FLAG(T, 0, "worktree", worktree,
	    "give each agent a git work tree of its own",
	    "At HEAD, without changes that are not committed. What an agent "
	    "did in it is the key diff of its record. The tree is a "
	    "repository that borrows the project's objects: whatever the "
	    "agent does to it, ours is not changed and nothing it left there "
	    "is run. Filters (LFS) are not run either, and submodules stay "
	    "empty."),
	SK_OPT_FLAG(T, 0, "cgroup", cgroup,
	    "put each agent into a cgroup, where that can be had",
	    "Version 2. Killing one is a single step that no program can "
	    "outrun. Without it everything is killed one by one."),
	SK_OPT_STR(T, 0, "tee", "DIR", tee, SK_C_DIR,
	    "keep the raw output of each agent in DIR",
	    "AGENT.ATTEMPT.out and .err, byte for byte."),
	SK_OPT_INT(T, 'j', "jobs", "N", jobs, 1, 100000,
	    "run at most N agents at once (all)", NULL),
	SK_OPT_INT(T, 0, "attempts", "N", attempts, 1, 1000,
	    "call an agent at most N times",
	    "1 is no retry. Without it the kind of failure decides; what "
	    "another call would only repeat is never retried."),
	SK_OPT_DUR(T, 0, "retry-for", "DURATION", retry_ms,
	    "longest time for retries (1m)",
	    "From the first failure to the end of the last wait."),
	SK_OPT_LIST(T, 0, "fallback", "[AGENT=]NAME", fallbacks, SK_C_AGENT,
	    "who answers in its place",
	    "Its answer is recorded under the name of the one that was asked. "
	    "Several are a chain."),
	SK_OPT_FLAG(T, 'w', "write", write,
	    "let agents change files (they may only read)", NULL),
	SK_OPT_FLAG(T, 0, "reuse", reuse,
	    "take a stored answer to the same question",
	    "The prompt, the answer schema, the agent, its command, its model "
	    "and its adapter must be the same."),
	SK_OPT_FLAG(T, 0, "again", again,
	    "an answer of this round counts, whatever was asked",
	    "Without it a round is one question: an answer that was committed "
	    "to another prompt or schema is an error."),
	SK_OPT_FLAG(T, 0, "until-decided", until_decided,
	    "stop when nothing can change the verdict",
	    "Which paths count is said by --require, by --policy, or by the "
	    "policy of the stage."),
	SK_OPT_LIST(T, 0, "require", "POINTER", require, SK_C_NONE,
	    "required path of that verdict", NULL),
	SK_OPT_STR(T, 0, "policy", "FILE|NAME", policy, SK_C_FILE,
	    "rules of that verdict (the stage's)", NULL),
	SK_OPT_STR(T, 0, "quorum", "N|FRACTION", quorum, SK_C_NONE,
	    "answers that are needed: 3, 2/3 (more than half)", NULL),
	SK_OPT_STR(T, 0, "record", "DIR", record, SK_C_DIR,
	    "keep what every call came to here", NULL),
	SK_OPT_STR(T, 0, "replay", "DIR", replay, SK_C_DIR,
	    "take it from here, and ask nobody", NULL),
	SK_OPT_SIZE(T, 0, "max-output", "SIZE", max_output,
	    "keep at most this much of an answer (16M)", NULL),
	SK_OPT_FLAG(T, 'n', "dry-run", dry_run,
	    "show what would be run, run and write nothing", NULL),
	SK_OPT_ENUM(T, 0, "unpriced", "WHAT", unpriced, "refuse allow",
	    "a budget and no known price (cost.unpriced)",
	    "Where a budget is set, a call whose price is not known is "
	    "refused, unless it is allowed."),
	SK_OPT_FLAG(T, 'e', "events", events,
	    "print sk.event/1 records about progress too", NULL),
	SK_OPT_FLAG(T, 0, "stream", stream,
	    "print sk.event/1 records with answers as they grow",
	    "Events named delta: agent, attempt, and the text that came. "
	    "Agents "
	    "that are asked over HTTP and stream have them."),
	SK_OPT_END
};

/* ---- until decided ---- */

/* What the verdict will be judged by. */
struct judge {
	struct sk_policy policy;
	struct sk_quorum quorum;
	const struct sk_ask *ask;
};

static bool
decided(void *arg, const struct sk_strv *expected, const struct sk_through *v,
    size_t n)
{
	const struct judge *j = arg;
	struct sk_input *in = sk_calloc(n + 1, sizeof(*in));
	struct sk_case c = { .policy = &j->policy,
		.quorum = j->quorum,
		.min = j->policy.min > 0 ? j->policy.min : 2,
		.require = j->ask->require.n > 0 ? &j->ask->require : NULL,
		.expect = expected,
		.inputs = in,
		.n_inputs = n,
		.complete = true };
	bool yes;

	for (size_t i = 0; i < n; i++) {
		in[i].agent = v[i].agent;
		in[i].state = v[i].text != NULL ? SK_INPUT_OK : SK_INPUT_FAILED;
		in[i].note = v[i].failure;
		in[i].text = v[i].text;
		in[i].text_n = v[i].text_n;
		in[i].sha256 = v[i].sha256;
	}
	yes = sk_verdict_settled(&c) != SK_SETTLED_NO;
	free(in);
	return yes;
}

/* The policy of the stage, when it has one and nothing else was said. */
static int
load_judge(struct judge *j, struct sk_ask *ask, const struct sk_config *conf,
    struct sk_err *err)
{
	const char *name = ask->policy, *stage;
	int rc = 0;

	j->ask = ask;
	if (ask->quorum != NULL &&
	    (rc = sk_quorum_parse(ask->quorum, &j->quorum, err)) != 0)
		return rc;
	ask->quorum_num = j->quorum.num;
	ask->quorum_den = j->quorum.den;
	/* A mistake in them is one, whether they count or not. */
	for (size_t i = 0; i < ask->require.n; i++)
		if ((rc = sk_jptr_check(ask->require.v[i], err)) != 0)
			return rc;
	if (!ask->until_decided && name != NULL)
		rc = sk_policy_load(&j->policy, name, err);
	if (rc != 0 || !ask->until_decided)
		return rc;
	if (name == NULL && ask->require.n == 0 && ask->stage != NULL &&
	    (stage = sk_agent_stage(ask->stage, conf)) != NULL)
		name = stage;
	if ((rc = sk_policy_load(&j->policy, name, err)) != 0)
		return rc;
	if (ask->require.n == 0 && !j->policy.has_require) {
		(void)sk_fail(err, SK_USAGE, "nothing_required",
		    "'--until-decided' needs to know which paths count");
		return sk_hint(err, "name them with --require or --policy");
	}
	if (ask->quorum == NULL)
		j->quorum = j->policy.quorum;
	ask->decided = decided;
	ask->decided_arg = j;
	return 0;
}

static int
run(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_ask *ask = ctx->opts;
	struct sk_arena arena = { 0 };
	struct judge judge = { 0 };
	struct sk_money_join money = { 0 };
	struct sk_config conf;
	struct sk_git git;
	int fd = -1, rc;

	if (!ask->dry_run && (rc = sk_guard(&fd, err)) != 0)
		return rc;
	ask->text = ctx->format == SK_FMT_TEXT;
	ask->db = ctx->db;
	ask->may_ask = !ctx->no_input;
	rc = sk_config_load(&conf, ctx->config, err);
	if (rc == 0 && ask->spec != NULL)
		rc = sk_config_spec(&conf, ask->spec, NULL, err);
	/* A run that is made here records where the project stands. */
	if (rc == 0 && !ask->dry_run && ask->run == NULL &&
	    getenv("SK_RUN") == NULL) {
		if (sk_project_git(&conf, &git, &arena, err) == 0)
			ask->git = &git;
		sk_err_clear(err);
	}
	if (rc == 0)
		rc = load_judge(&judge, ask, &conf, err);
	if (rc == 0) {
		sk_money_begin(&money, &conf, ask->unpriced, ask);
		rc = sk_ask_run(ask, &conf, fd, err);
		sk_money_end(&money);
	}
	sk_policy_free(&judge.policy);
	sk_arena_free(&arena);
	sk_config_free(&conf);
	sk_strv_free(&ask->agents);
	sk_strv_free(&ask->execs);
	sk_strv_free(&ask->models);
	sk_strv_free(&ask->fallbacks);
	sk_strv_free(&ask->require);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

/* ---- adapters ---- */

static int
adapters_verb(struct sk_ctx *ctx, struct sk_err *err)
{
	return sk_adapter_list(ctx->format == SK_FMT_TEXT, err);
}

struct check_opts {
	const char *captures;
};

static const struct sk_opt check_opts[] = {
	SK_OPT_STR(struct check_opts, 0, "captures", "DIR", captures, SK_C_DIR,
	    "the recordings",
	    "A recording, a folder of recordings, or a folder with one such "
	    "folder for each program."),
	SK_OPT_END
};

static int
check_verb(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct check_opts *o = ctx->opts;

	if (o->captures == NULL) {
		(void)sk_fail(
		    err, SK_USAGE, "no_captures", "no recordings named");
		return sk_hint(err, "--captures DIR");
	}
	return sk_adapter_check(
	    ctx->argv[0], o->captures, ctx->format == SK_FMT_TEXT, err);
}

static const char *const adapters_ex[] = { "sk-run adapters",
	"sk-run adapters --json | jq -r '.adapters[] | "
	"select(.installed).name'",
	NULL };
static const char *const check_ex[] = {
	"sk-run check-adapter claude --captures recordings/claude",
	"sk-run check-adapter ./mine.toml --captures recordings --json", NULL
};

static const char *const examples[] = {
	"sk-run -a claude -a codex --stage plan --spec SPEC-7 <prompt.md",
	"sk-run --exec 'x=my-agent --fast' <prompt.md | sk-consensus",
	"sk-run -a claude:3 --schema answer.json -p prompt.md", NULL
};

/* ---- limits ---- */

struct limit_opts {
	const char *forget;
};
static const struct sk_opt limit_opts[] = {
	SK_OPT_STR(struct limit_opts, 0, "forget", "PROVIDER", forget,
	    SK_C_NONE, "begin anew with this one", NULL),
	SK_OPT_END
};

static int
limits_verb(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct limit_opts *o = ctx->opts;
	struct sk_config conf;
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc == 0)
		rc = sk_limits(
		    ctx->db, &conf, o->forget, ctx->format == SK_FMT_TEXT, err);
	sk_config_free(&conf);
	return rc;
}

static const char *const limit_ex[] = { "sk-run limits",
	"sk-run limits --json | jq -r '.providers[] | "
	".provider + \" \" + .circuit'",
	"sk-run limits --forget anthropic", NULL };

static const struct sk_verb verbs[] = {
	{ .name = NULL,
	    .operands = "",
	    .purpose = "ask agents and print one record per answer",
	    .examples = examples,
	    .opts = opts,
	    .opts_size = sizeof(T),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = run },
	{ .name = "adapters",
	    .purpose = "list adapters: installed, version, logged in",
	    .examples = adapters_ex,
	    .run = adapters_verb },
	{ .name = "check-adapter",
	    .operands = "ADAPTER",
	    .purpose = "read recordings through an adapter, run nothing",
	    .examples = check_ex,
	    .opts = check_opts,
	    .opts_size = sizeof(struct check_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .comp = SK_C_AGENT,
	    .run = check_verb },
	{ .name = "limits",
	    .purpose = "show what is known of the providers' limits",
	    .examples = limit_ex,
	    .opts = limit_opts,
	    .opts_size = sizeof(struct limit_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = limits_verb },
	{ .run = NULL }
};

static const char *const schemas[] = { "answer", "event", "request", "plan",
	"adapters", "capture", "limits", "error", NULL };
static const char *const see_also[] = { "sk-consensus 1", "sk-auto 1",
	"sk-config 1", "sk-records 5", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-run",
	.purpose = "ask several agents at once, one record per answer",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
