/* SPDX-License-Identifier: MIT */
/* sk: runs the other tools by name. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/tools.h"

/* ---- running a tool ---- */

static int
unknown_tool(const char *word, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	const char *near;

	for (size_t i = 0; sk_tools[i] != NULL; i++)
		if (strcmp(sk_tools[i], word) == 0) {
			sk_fail(err, SK_USAGE, "missing_tool",
			    "tool 'sk-%s' is not installed", word);
			return sk_hint(err, "'sk doctor' says what is missing");
		}
	sk_tool_list(&names);
	sk_strv_add(&names, "doctor");
	sk_strv_add(&names, "help");
	sk_fail(err, SK_USAGE, "unknown_tool", "unknown tool '%s'", word);
	near = sk_closest(word, (const char *const *)names.v);
	if (near != NULL)
		sk_hint(err, "did you mean '%s'?", near);
	else
		sk_hint(err, "'sk --list' names them all");
	sk_strv_free(&names);
	return err->exit;
}

/* sk-WORD in place of this process; argv[0] is replaced. */
static int
exec_tool(const char *word, char **argv, struct sk_err *err)
{
	char *path = sk_tool_find(word);
	int rc;

	if (path == NULL)
		return unknown_tool(word, err);
	argv[0] = path;
	(void)execv(path, argv);
	rc = sk_fail_errno(err, "cannot run '%s'", path);
	free(path);
	return rc;
}

struct sk_opts {
	bool list;
};

static const struct sk_opt sk_opts[] = { SK_OPT_FLAG(struct sk_opts, 0, "list",
					     list, "name every tool there is",
					     NULL),
	SK_OPT_END };

static int
run_any(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_opts *o = ctx->opts;
	struct sk_strv names = { 0 };

	if (o->list) {
		sk_tool_list(&names);
		for (size_t i = 0; i < names.n; i++)
			sk_outf("%s\n", names.v[i]);
		sk_strv_free(&names);
		return 0;
	}
	if (ctx->argc == 0) {
		sk_fail(err, SK_USAGE, "missing_verb", "no tool given");
		return sk_hint(err, "see 'sk --help'");
	}
	return exec_tool(ctx->argv[0], ctx->argv, err);
}

static int
run_tool(struct sk_ctx *ctx, struct sk_err *err)
{
	char **argv = sk_calloc((size_t)ctx->argc + 2, sizeof(*argv));
	int rc;

	for (int i = 0; i < ctx->argc; i++)
		argv[i + 1] = ctx->argv[i];
	rc = exec_tool(ctx->verb->name, argv, err);
	free(argv);
	return rc;
}

/* The manual page when there is one and a person looks, else --help. */
static int
run_help(struct sk_ctx *ctx, struct sk_err *err)
{
	static char help[] = "--help", name[] = "sk";
	const char *word = ctx->argc > 0 ? ctx->argv[0] : NULL;
	char *page, *man, *argv[3] = { name, help, NULL };
	struct sk_err ignored = { 0 };
	struct sk_buf out;
	int status;

	if (word != NULL && sk_has_prefix(word, "sk-"))
		word += 3;
	page = word != NULL ? sk_asprintf("sk-%s", word) : sk_strdup("sk");
	man = sk_stdout_tty() ? sk_program_find("man", false) : NULL;
	sk_buf_init(&out, 65536);
	if (man != NULL &&
	    sk_tool_ask((const char *const[]){ man, "-w", page, NULL }, &out,
		&status, &ignored) &&
	    status == 0)
		(void)execv(man, (char *[]){ man, page, NULL });
	sk_err_clear(&ignored);
	sk_buf_free(&out);
	free(man);
	free(page);
	if (word != NULL)
		return exec_tool(word, argv, err);
	(void)execv("/proc/self/exe", argv);
	return sk_fail_errno(err, "cannot run '/proc/self/exe'");
}

static int
run_doctor(struct sk_ctx *ctx, struct sk_err *err)
{
	(void)err;
	return sk_doctor(ctx->db, ctx->format);
}

/* ---- the table ---- */

static const char *const any_examples[] = {
	"sk run -a claude -a codex <prompt.md | sk consensus",
	"sk auto run SPEC-7", "sk doctor", NULL
};

#define TOOL(n, p) \
	{ \
		.name = n, .operands = "[ARG]...", .purpose = p, \
		.max_args = -1, .flags = SK_V_PASS, .run = run_tool \
	}
static const struct sk_verb verbs[] = {
	{ .operands = "TOOL [ARG]...",
	    .purpose = "run the tool sk-TOOL, from sk's own directory or PATH",
	    .examples = any_examples,
	    .opts = sk_opts,
	    .opts_size = sizeof(struct sk_opts),
	    .max_args = -1,
	    .flags = SK_V_PASS,
	    .run = run_any },
	TOOL("run", "ask several agents at once"),
	TOOL("consensus", "decide whether the agents agree"),
	TOOL("auto", "drive a specification through its stages"),
	TOOL("metrics", "count tokens and money, hold budgets"),
	TOOL("branch", "keep attempts apart"),
	TOOL("login", "log in, keep tokens, hand them out"),
	TOOL("config", "show the configuration and where it is from"),
	TOOL("faults", "break it on purpose, the same way every time"),
	{ .name = "doctor",
	    .purpose = "look whether everything is in order",
	    .flags = SK_V_DB,
	    .run = run_doctor },
	{ .name = "help",
	    .operands = "[TOOL]",
	    .purpose = "show a tool's manual",
	    .max_args = 1,
	    .flags = SK_V_RAW,
	    .run = run_help },
	{ .run = NULL }
};

static const char *const schemas[] = { "doctor", NULL };
static const char *const see_also[] = { "sk-run 1", "sk-consensus 1",
	"sk-auto 1", "sk-config 1", "sk-branch 1", "sk-exit-codes 7", NULL };

const struct sk_cmd sk_cmd = {
	.name = "sk",
	.purpose = "several coding agents on one specification, by script",
	.verbs = verbs,
	.schemas = schemas,
	.see_also = see_also,
};
