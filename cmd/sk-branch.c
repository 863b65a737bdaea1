/* SPDX-License-Identifier: MIT */
/* sk-branch: keep attempts at a specification apart. */
#include "cli/cli.h"
#include "pipeline/branch_work.h"

typedef struct sk_branch_opts T;

#define STATES "new open running interrupted halted done cancelled"
#define O_SPEC(help) \
	SK_OPT_STR(T, 's', "spec", "SPEC", ask.spec, SK_C_SPEC, help, NULL)
#define O_WHERE \
	O_SPEC("only branches of this specification"), \
	    SK_OPT_STR(T, 'r', "run", "RUN", ask.run, SK_C_RUN, \
		"only branches of this run", NULL), \
	    SK_OPT_STR(T, 'g', "git-branch", "NAME", git_branch, SK_C_NONE, \
		"made on this git branch, '-' for none (this one)", NULL), \
	    SK_OPT_STR(T, 0, "root", "DIR", root, SK_C_DIR, \
		"of this project (the one we are in)", NULL), \
	    SK_OPT_ENUM(T, 0, "state", "STATE", state, STATES, \
		"only branches in this state", NULL), \
	    SK_OPT_FLAG( \
		T, 'a', "all", all, "of every project and git branch", NULL)
#define O_STAGE \
	SK_OPT_STR(T, 0, "stage", "STAGE", stage, SK_C_STAGE, \
	    "only this stage", NULL)

static const T init = { .at = SK_FORK_NEWEST, .older = -1 };

static const struct sk_opt new_opts[] = {
	SK_OPT_STR(T, 'r', "run", "RUN", ask.run, SK_C_RUN,
	    "branch off in this run (SK_RUN, else a new run)", NULL),
	O_SPEC("the specification of a new run"),
	SK_OPT_STR(T, 'p', "parent", "BRANCH", ask.parent, SK_C_BRANCH,
	    "branch off here (the run's newest branch)", NULL),
	SK_OPT_END
};
static const struct sk_opt fork_opts[] = {
	SK_OPT_STR(T, 0, "after", "STAGE", after, SK_C_STAGE,
	    "after its newest decision on this stage (the last)", NULL),
	SK_OPT_INT(T, 0, "at", "N", at, 0, INT64_MAX,
	    "after its decision N; 0: before the first", NULL),
	SK_OPT_END
};
static const struct sk_opt current_opts[] = {
	O_SPEC("only branches of this specification"), SK_OPT_END
};
static const struct sk_opt list_opts[] = { O_WHERE,
	SK_OPT_INT(
	    T, 'n', "limit", "N", limit, 1, 1000000, "show the newest N", NULL),
	SK_OPT_END };
static const struct sk_opt tree_opts[] = {
	O_SPEC("only branches of this specification"),
	SK_OPT_FLAG(T, 'a', "all", all, "of every project", NULL), SK_OPT_END
};
static const struct sk_opt stage_opts[] = { O_STAGE, SK_OPT_END };
static const struct sk_opt filter_opts[] = {
	SK_OPT_FLAG(T, 'x', "exact", exact,
	    "without what it inherited; needs no database", NULL),
	SK_OPT_END
};
static const struct sk_opt resume_opts[] = { O_WHERE,
	SK_OPT_FLAG(
	    T, 'l', "last", last, "the newest one, without asking", NULL),
	SK_OPT_END };
static const struct sk_opt prune_opts[] = {
	O_SPEC("only branches of this specification"),
	SK_OPT_DUR(T, 0, "older-than", "DURATION", older,
	    "without activity for so long (7d)", NULL),
	SK_OPT_FLAG(T, 'a', "all", all, "of every project", NULL),
	SK_OPT_FLAG(T, 'y', "yes", remove,
	    "remove them; without, only list them", NULL),
	SK_OPT_END
};
static const struct sk_opt no_opts[] = { SK_OPT_END };

#define VERB(name, flags) \
	static int verb_##name(struct sk_ctx *ctx, struct sk_err *err) \
	{ \
		return sk_branch_with(ctx, flags, sk_bverb_##name, err); \
	}
VERB(new, SK_DB_CREATE)
VERB(fork, 0)
VERB(current, 0)
VERB(list, 0)
VERB(show, 0)
VERB(tree, 0)
VERB(replay, 0)
VERB(filter, 0)
VERB(diff, 0)
VERB(resume, 0)
VERB(prune, 0)

static const char *const new_ex[] = { "sk-branch new --spec SPEC-7",
	"sk-branch new --run \"$SK_RUN\" | jq -r .branch", NULL };
static const char *const fork_ex[] = {
	"sk-branch fork \"$(sk-branch current)\" --after plan",
	"sk-auto resume SPEC-7 --branch \"$(sk-branch current)\"", NULL
};
static const char *const current_ex[] = {
	"SK_BRANCH=$(sk-branch current --spec SPEC-7)", NULL
};
static const char *const list_ex[] = { "sk-branch list --spec SPEC-7",
	"sk-branch list --all --json | jq -r '.branches[].branch'", NULL };
static const char *const show_ex[] = {
	"sk-branch show \"$(sk-branch current)\"", NULL
};
static const char *const tree_ex[] = { "sk-branch tree --spec SPEC-7", NULL };
static const char *const replay_ex[] = {
	"sk-branch replay \"$(sk-branch current)\" | sk-metrics",
	"sk-branch replay 20251129 --stage plan", NULL
};
static const char *const filter_ex[] = {
	"sk-branch filter \"$SK_BRANCH\" <records | sk-metrics", NULL
};
static const char *const diff_ex[] = { "sk-branch diff 3fa9 77c0",
	"sk-branch diff 3fa9 77c0 --stage plan --json", NULL };
static const char *const resume_ex[] = {
	"sk-auto resume SPEC-7 --branch \"$(sk-branch resume)\"",
	"sk-branch resume --last", NULL
};
static const char *const prune_ex[] = { "sk-branch prune",
	"sk-branch prune --older-than 30d --yes", NULL };

#define VERB_OPTS(o) .opts = o, .opts_size = sizeof(T), .opts_init = &init
#define BRANCH(n) .min_args = (n), .max_args = (n), .comp = SK_C_BRANCH

static const struct sk_verb verbs[] = {
	{ .name = "new",
	    .purpose = "make a branch, and a run when none is named",
	    .examples = new_ex,
	    VERB_OPTS(new_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_new },
	{ .name = "fork",
	    .operands = "BRANCH",
	    .purpose = "make a branch that goes on from a decision of another",
	    .examples = fork_ex,
	    VERB_OPTS(fork_opts),
	    BRANCH(1),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_fork },
	{ .name = "replay",
	    .operands = "BRANCH",
	    .purpose = "print its records again; asks nobody",
	    .examples = replay_ex,
	    VERB_OPTS(stage_opts),
	    BRANCH(1),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_replay },
	{ .name = "resume",
	    .operands = "[BRANCH]",
	    .purpose = "choose the branch to go on with, print its name",
	    .examples = resume_ex,
	    VERB_OPTS(resume_opts),
	    .max_args = 1,
	    .comp = SK_C_BRANCH,
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_resume },
	{ .name = "current",
	    .purpose = "print the newest branch of this project and git branch",
	    .examples = current_ex,
	    VERB_OPTS(current_opts),
	    .flags = SK_V_DB | SK_V_CONFIG | SK_V_RAW,
	    .run = verb_current },
	{ .name = "list",
	    .purpose = "print branches, newest activity first",
	    .examples = list_ex,
	    VERB_OPTS(list_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_list },
	{ .name = "tree",
	    .operands = "[BRANCH]",
	    .purpose = "print what was forked from what, and decided",
	    .examples = tree_ex,
	    VERB_OPTS(tree_opts),
	    .max_args = 1,
	    .comp = SK_C_BRANCH,
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_tree },
	{ .name = "show",
	    .operands = "BRANCH",
	    .purpose = "print one branch",
	    .examples = show_ex,
	    VERB_OPTS(no_opts),
	    BRANCH(1),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_show },
	{ .name = "diff",
	    .operands = "A B",
	    .purpose = "where their verdicts differ; status 1 when they do",
	    .examples = diff_ex,
	    VERB_OPTS(stage_opts),
	    BRANCH(2),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_diff },
	{ .name = "filter",
	    .operands = "BRANCH",
	    .purpose = "of the records on stdin, those that it sees",
	    .examples = filter_ex,
	    VERB_OPTS(filter_opts),
	    BRANCH(1),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_filter },
	{ .name = "prune",
	    .purpose = "list branches in which nothing happened, or remove",
	    .examples = prune_ex,
	    VERB_OPTS(prune_opts),
	    .flags = SK_V_DB | SK_V_CONFIG,
	    .run = verb_prune },
	{ .run = NULL }
};

static const char *const schemas[] = { "branch", "branches", "tree",
	"branch-diff", "prune", "answer", "verdict", NULL };
static const char *const see_also[] = { "sk-auto 1", "sk-consensus 1",
	"sk-db 5", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk-branch",
	.purpose = "keep attempts at a specification apart",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
