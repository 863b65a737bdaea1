/* SPDX-License-Identifier: MIT */
/* sk-faults: break it on purpose, the same way every time. */
#include <stddef.h>

#include "faults/tool.h"

#define T struct sk_faults_opts

static const struct sk_opt plan_opts[] = { SK_OPT_END };
static const struct sk_opt status_opts[] = { SK_OPT_RAWFLAG(T, 0, "line", line,
						 "only the line that brings "
						 "all hits back",
						 NULL),
	SK_OPT_END };
static const struct sk_opt next_opts[] = {
	SK_OPT_STR(T, 'a', "agent", "AGENT", agent, SK_C_AGENT,
	    "the agent that is called", NULL),
	SK_OPT_STR(T, 's', "stage", "STAGE", stage, SK_C_STAGE,
	    "the stage that it is called for", NULL),
	SK_OPT_END
};
static const struct sk_opt reset_opts[] = {
	SK_OPT_FLAG(T, 0, "disarm", disarm, "forget the plan as well", NULL),
	SK_OPT_END
};
static const T exec_init = { 0 };
static const struct sk_opt exec_opts[] = {
	SK_OPT_DUR(T, 't', "timeout", "TIME", timeout_ms,
	    "what takes longer is killed (never)", NULL),
	SK_OPT_END
};

static const T proxy_init = { .slow_bytes = 64 };
static const struct sk_opt proxy_opts[] = {
	SK_OPT_STR(T, 0, "to", "URL", to, SK_C_NONE,
	    "the server, or its base URL with a path", NULL),
	SK_OPT_STR(T, 'p', "plan", "PLAN", plan, SK_C_NONE,
	    "what to break (nothing)", NULL),
	SK_OPT_INT(T, 0, "port", "N", port, 0, 65535,
	    "listen there (any free port)", NULL),
	SK_OPT_STR(T, 0, "path", "TEXT", path, SK_C_NONE,
	    "count only requests with TEXT in their target", NULL),
	SK_OPT_INT(T, 0, "slow-bytes", "N", slow_bytes, 1, 1048576,
	    "bytes in a piece that is slow (64)", NULL),
	SK_OPT_LIST(T, 'e', "env", "NAME[=/PATH]", env, SK_C_NONE,
	    "tell the command the address in this variable",
	    ".Ev SK_FAULTS_PROXY\nis always set."),
	SK_OPT_END
};

static const T explore_init = { .agents = 3,
	.attempts = 2,
	.kinds = "disconnect,rate_limit=0,agent_empty",
	.timeout_ms = 30000 };
static const struct sk_opt explore_opts[] = {
	SK_OPT_INT(T, 'n', "agents", "N", agents, 1, 4,
	    "so many agents, all alike (3)", NULL),
	SK_OPT_INT(T, 0, "attempts", "N", attempts, 1, 4,
	    "each may be called so often (2)", NULL),
	SK_OPT_STR(T, 'k', "kinds", "FAULT,...", kinds, SK_C_NONE,
	    "ways to fail (disconnect,rate_limit=0,agent_empty)", NULL),
	SK_OPT_INT(T, 0, "most", "N", most, 1, 100000000,
	    "try so many schedules at most, spread evenly (all)", NULL),
	SK_OPT_DUR(T, 't', "timeout", "TIME", timeout_ms,
	    "what takes longer hangs (30s)", NULL),
	SK_OPT_END
};
static const char *const explore_ex[] = { "sk-faults explore --format text",
	"sk-faults explore -n 2 -k agent_timeout,disconnect=mid", NULL };

static const char *const plan_ex[] = {
	"sk-faults plan 'agent_timeout@b:2,rate_limit=now+30s#3'",
	"sk-faults plan # names all faults there are", NULL
};
static const char *const arm_ex[] = { "sk-faults arm agent_empty@claude:1",
	NULL };
static const char *const status_ex[] = { "sk-faults status --format text",
	"eval \"$(sk-faults status --line) sk-run -a x <prompt.md\"", NULL };
static const char *const next_ex[] = {
	"fault=$(sk-faults next --agent x) && echo \"$fault\"", NULL
};
static const char *const reset_ex[] = { "sk-faults reset --disarm", NULL };
static const char *const exec_ex[] = {
	"sk-faults exec 'agent_timeout@b:2' -- \\\n"
	"    sk-run --attempts 3 -a a -a b <prompt.md",
	"sk-faults exec 'store.ack.checked:kill9#2' -- sk-auto run SPEC-7", NULL
};

static const char *const proxy_ex[] = {
	"sk-faults proxy --to https://api.anthropic.com -p 429:2=30",
	"sk-faults proxy --to https://api.anthropic.com -p disconnect=mid \\\n"
	"    -e ANTHROPIC_BASE_URL -- sk-run -a claude <prompt.md",
	NULL
};

#define OPTS(o) .opts = o, .opts_size = sizeof(T)

static const struct sk_verb verbs[] = {
	{ .name = "plan",
	    .operands = "[PLAN]",
	    .purpose = "explain a plan, or name every fault there is",
	    .examples = plan_ex,
	    OPTS(plan_opts),
	    .max_args = 1,
	    .run = sk_faults_plan },
	{ .name = "arm",
	    .operands = "PLAN",
	    .purpose = "put a plan into force for a database",
	    .examples = arm_ex,
	    OPTS(plan_opts),
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_DB,
	    .run = sk_faults_arm },
	{ .name = "status",
	    .purpose = "show the plan, its counters and every hit",
	    .examples = status_ex,
	    OPTS(status_opts),
	    .flags = SK_V_DB,
	    .run = sk_faults_status },
	{ .name = "next",
	    .purpose = "take the fault that a call of an agent is due",
	    .examples = next_ex,
	    OPTS(next_opts),
	    .flags = SK_V_DB | SK_V_RAW,
	    .run = sk_faults_next },
	{ .name = "reset",
	    .purpose = "count from the beginning",
	    .examples = reset_ex,
	    OPTS(reset_opts),
	    .flags = SK_V_DB,
	    .run = sk_faults_reset },
	{ .name = "exec",
	    .operands = "PLAN -- COMMAND [ARG]...",
	    .purpose = "run a command under a plan",
	    .examples = exec_ex,
	    OPTS(exec_opts),
	    .opts_init = &exec_init,
	    .min_args = 2,
	    .max_args = -1,
	    .flags = SK_V_RAW,
	    .run = sk_faults_exec },
	{ .name = "explore",
	    .purpose = "try every way in which agents can fail, up to a bound",
	    .examples = explore_ex,
	    OPTS(explore_opts),
	    .opts_init = &explore_init,
	    .run = sk_faults_explore },
	{ .name = "proxy",
	    .operands = "[-- COMMAND [ARG]...]",
	    .purpose = "stand before a real server and break its answers",
	    .examples = proxy_ex,
	    OPTS(proxy_opts),
	    .opts_init = &proxy_init,
	    .max_args = -1,
	    .run = sk_faults_proxy },
	{ .run = NULL }
};

static const char *const schemas[] = { "faults", "exploration", "proxy",
	"exchange", "error", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-consensus 1",
	"sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-faults",
	.purpose = "break it on purpose, the same way every time",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
