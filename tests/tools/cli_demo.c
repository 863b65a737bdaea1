/* SPDX-License-Identifier: MIT */
/* A tool with one of everything, to test what lib/cli gives every tool. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

struct ask_opts {
	struct sk_strv agents;
	const char *stage, *file, *mode;
	int64_t jobs, timeout, limit;
	bool dry_run, colour;
};

static const struct ask_opts ask_init = {
	.jobs = 4,
	.timeout = 90000,
	.mode = "fast",
	.colour = true,
};

static const struct sk_opt ask_opts[] = {
	SK_OPT_LIST(struct ask_opts, 'a', "agent", "NAME", agents, SK_C_AGENT,
	    "ask this agent", NULL),
	SK_OPT_STR(struct ask_opts, 's', "stage", "STAGE", stage, SK_C_STAGE,
	    "the stage", NULL),
	SK_OPT_STR(struct ask_opts, 0, "file", "FILE", file, SK_C_FILE,
	    "read this [it's: a file]", NULL),
	SK_OPT_ENUM(struct ask_opts, 'm', "mode", "MODE", mode, "fast slow",
	    "how", NULL),
	SK_OPT_INT(struct ask_opts, 'j', "jobs", "N", jobs, 1, 1024,
	    "at most N at once", NULL),
	SK_OPT_DUR(struct ask_opts, 't', "timeout", "TIME", timeout,
	    "give up after TIME", NULL),
	SK_OPT_SIZE(struct ask_opts, 0, "limit", "SIZE", limit,
	    "read at most SIZE", NULL),
	SK_OPT_FLAG(struct ask_opts, 'n', "dry-run", dry_run,
	    "say what would be done", NULL),
	SK_OPT_NOFLAG(struct ask_opts, 0, "colour", colour, "paint it", NULL),
	SK_OPT_END
};

/* Says back what was parsed. */
static int
run_ask(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct ask_opts *o = ctx->opts;
	struct sk_buf b;
	struct sk_jw w;

	(void)err;
	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_key(&w, "agents");
	sk_jw_arr(&w);
	for (size_t i = 0; i < o->agents.n; i++)
		sk_jw_str(&w, o->agents.v[i]);
	sk_jw_end(&w);
	sk_jw_kint(&w, "jobs", o->jobs);
	sk_jw_kint(&w, "timeout", o->timeout);
	sk_jw_kbool(&w, "colour", o->colour);
	sk_jw_kstr(&w, "db", ctx->db);
	sk_jw_kbool(&w, "no_input", ctx->no_input);
	sk_jw_key(&w, "operands");
	sk_jw_arr(&w);
	for (int i = 0; i < ctx->argc; i++)
		sk_jw_str(&w, ctx->argv[i]);
	sk_jw_end(&w);
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_out_json(&b);
	sk_buf_free(&b);
	return 0;
}

/* "fail CLASS MESSAGE [HINT]": an error; without a message, a result. */
static int
run_fail(struct sk_ctx *ctx, struct sk_err *err)
{
	int64_t class = 0;

	(void)sk_parse_int(ctx->argv[0], 0, 255, &class);
	if (ctx->argc == 1)
		return (int)class;
	sk_fail(err, (int)class, "demo", "%s", ctx->argv[1]);
	err->retry_after_ms = 1500;
	err->details = sk_strdup("{\"line\":3}");
	return ctx->argc > 2 ? sk_hint(err, "%s", ctx->argv[2]) : (int)class;
}

/* Lines of standard input with their lengths, passing errors on. */
static int
run_lines(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_arena a = { 0 };
	struct sk_lines l;
	struct sk_jv *v;
	char *line;
	size_t n;
	int rc;

	(void)ctx;
	sk_lines_init(&l, STDIN_FILENO, 4096);
	while ((rc = sk_lines_next(&l, &line, &n, err)) == 1) {
		struct sk_err ignored = { 0 };
		bool passed = false;

		if (sk_json_parse(&a, line, n, NULL, &v, &ignored) == 0)
			passed = sk_error_from_json(v, err);
		sk_err_clear(&ignored);
		if (passed) {
			rc = -err->exit;
			break;
		}
		sk_outf("%llu %zu %s\n", (unsigned long long)l.lineno, n,
		    sk_lines_would_block(&l) ? "wait" : "more");
	}
	sk_arena_free(&a);
	sk_lines_free(&l);
	return rc < 0 ? -rc : 0;
}

static int
run_table(struct sk_ctx *ctx, struct sk_err *err)
{
	struct sk_table t;

	(void)ctx;
	(void)err;
	sk_table_init(&t, 3, 2);
	for (int i = 0; i < ctx->argc; i++)
		sk_table_cell(&t, ctx->argv[i]);
	sk_table_print(&t);
	return 0;
}

static int
run_raw(struct sk_ctx *ctx, struct sk_err *err)
{
	if (ctx->argc > 0)
		return sk_fail(err, SK_LOGIN, "demo", "no token");
	sk_out_str("value\n");
	return 0;
}

static const char *const ask_examples[] = {
	"sk-demo -a claude -a codex <prompt.md", "sk-demo --json | jq .agents",
	NULL
};
static const char *const schemas[] = { "demo", NULL };

static const struct sk_verb verbs[] = { { .operands = "[WORD]...",
					    .purpose = "ask agents",
					    .examples = ask_examples,
					    .opts = ask_opts,
					    .opts_size =
						sizeof(struct ask_opts),
					    .opts_init = &ask_init,
					    .max_args = -1,
					    .comp = SK_C_FILE,
					    .flags = SK_V_DB | SK_V_CONFIG,
					    .run = run_ask },
	{ .name = "fail",
	    .operands = "CLASS [MESSAGE [HINT]]",
	    .purpose = "end with a status: it's a test",
	    .min_args = 1,
	    .max_args = 3,
	    .flags = SK_V_DB,
	    .run = run_fail },
	{ .name = "lines", .purpose = "read records", .run = run_lines },
	{ .name = "table",
	    .operands = "CELL\xe2\x80\xa6",
	    .purpose = "print a table",
	    .max_args = -1,
	    .run = run_table },
	{ .name = "raw",
	    .operands = "[X]",
	    .purpose = "print a value",
	    .max_args = 1,
	    .flags = SK_V_RAW,
	    .run = run_raw },
	{ .name = "secret",
	    .purpose = "hidden",
	    .flags = SK_V_HIDDEN,
	    .run = run_raw },
	{ .name = "pass",
	    .operands = "[WORD]...",
	    .purpose = "take all words as they are",
	    .max_args = -1,
	    .flags = SK_V_PASS,
	    .run = run_table },
	{ .run = NULL } };

const struct sk_cmd sk_cmd = {
	.name = "sk-demo",
	.purpose = "show one of everything",
	.verbs = verbs,
	.schemas = schemas,
};
