/* SPDX-License-Identifier: MIT */
/* The option parser over a table of its own. */
#include <stdlib.h>
#include <unistd.h>

#include "cli/internal.h"
#include "tap.h"

struct opts {
	struct sk_strv agents;
	const char *file, *mode;
	int64_t jobs, any, timeout, limit;
	bool dry, colour;
};

static const struct opts init = { .jobs = 4, .mode = "fast", .colour = true };

static const struct sk_opt opts[] = { SK_OPT_LIST(struct opts, 'a', "agent",
					  "NAME", agents, SK_C_AGENT, "ask",
					  NULL),
	SK_OPT_STR(
	    struct opts, 'f', "file", "FILE", file, SK_C_FILE, "read", NULL),
	SK_OPT_ENUM(
	    struct opts, 'm', "mode", "MODE", mode, "fast slow", "how", NULL),
	SK_OPT_INT(struct opts, 'j', "jobs", "N", jobs, 1, 16, "width", NULL),
	SK_OPT_INT(struct opts, 0, "any", "N", any, 0, 0, "unbounded", NULL),
	SK_OPT_DUR(struct opts, 't', "timeout", "TIME", timeout, "time", NULL),
	SK_OPT_SIZE(struct opts, 0, "limit", "SIZE", limit, "size", NULL),
	SK_OPT_FLAG(struct opts, 'n', "dry-run", dry, "say", NULL),
	SK_OPT_NOFLAG(struct opts, 0, "colour", colour, "paint", NULL),
	SK_OPT_END };

static const struct sk_opt show_opts[] = {
	SK_OPT_STR(struct opts, 'v', "value", "V", file, SK_C_NONE,
	    "takes -v from --verbose", NULL),
	SK_OPT_RAWFLAG(struct opts, 0, "script", dry, "raw", NULL), SK_OPT_END
};

static int
nothing(struct sk_ctx *ctx, struct sk_err *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

#define V(n, o, f) \
	.name = (n), .operands = "X", .purpose = "p", .opts = (o), \
	.opts_size = sizeof(struct opts), .opts_init = &init, .flags = (f), \
	.run = nothing

static const struct sk_verb with_default[] = {
	{ V(NULL, opts, SK_V_DB), .max_args = 2 },
	{ V("show", show_opts, 0), .min_args = 1, .max_args = 1 },
	{ V("pass", NULL, SK_V_PASS), .max_args = -1 },
	{ V("hide", NULL, SK_V_HIDDEN) },
	{ .run = NULL },
};
static const struct sk_verb verbs_only[] = {
	{ V("run", opts, 0), .max_args = -1 },
	{ V("show", show_opts, 0), .min_args = 1, .max_args = 1 },
	{ .run = NULL },
};
static const struct sk_cmd one = { .name = "sk-one", .verbs = with_default };
static const struct sk_cmd two = { .name = "sk-two", .verbs = verbs_only };

static struct sk_parsed p;
static struct sk_err err;

/* Split at blanks (an argument that must be empty is written as "%"). */
static int
parse(const struct sk_cmd *cmd, const char *line)
{
	static char words[1024];
	static char *argv[64];
	int argc = 1, rc;

	if (p.ctx.verb != NULL)
		sk_parsed_free(&p);
	sk_err_clear(&err);
	snprintf(words, sizeof(words), "%s", line);
	argv[0] = words;
	for (char *s = words; *s != '\0' && argc < 63;) {
		size_t n = strcspn(s, " ");
		bool last = s[n] == '\0';

		s[n] = '\0';
		argv[argc++] = *s == '%' ? s + n : s;
		if (last)
			break;
		s += n + 1;
	}
	argv[argc] = NULL;
	rc = sk_parse(cmd, argc, argv, &p, &err);
	return rc != 0 ? rc : sk_parse_operands(&p, &err);
}

static const struct opts *
got(void)
{
	return p.ctx.opts;
}

static void
good(void)
{
	CHECK(parse(&one, "") == 0);
	CHECK(got()->jobs == 4 && got()->colour && !got()->dry);
	CHECK_STR(got()->mode, "fast");
	CHECK(p.ctx.argc == 0 && p.ctx.argv[0] == NULL);

	CHECK(parse(&one, "x -a one --agent two y --agent=three -afour") == 0);
	CHECK_INT(got()->agents.n, 4);
	CHECK_STR(got()->agents.v[3], "four");
	CHECK_INT(p.ctx.argc, 2);
	CHECK_STR(p.ctx.argv[1], "y");

	CHECK(parse(&one, "-nqj8 -t 1h30m --limit=4MiB --any -7") == 0);
	CHECK(got()->dry && p.base.quiet);
	CHECK_INT(got()->jobs, 8);
	CHECK_INT(got()->timeout, 5400000);
	CHECK_INT(got()->limit, 4 << 20);
	CHECK_INT(got()->any, -7);

	CHECK(parse(&one, "-n -n --colour --no-colour -j 2 -j 3") == 0);
	CHECK(got()->dry && !got()->colour);
	CHECK_INT(got()->jobs, 3);
	CHECK(parse(&one, "--no-colour --colour") == 0 && got()->colour);

	CHECK(parse(&one, "-n -- -j --") == 0);
	CHECK_STR(p.ctx.argv[0], "-j");
	CHECK_STR(p.ctx.argv[1], "--");
	CHECK(parse(&one, "- --file -") == 0);
	CHECK_STR(p.ctx.argv[0], "-");
	CHECK_STR(got()->file, "-");
	CHECK(parse(&one, "--file= --db=") == 0);
	CHECK_STR(got()->file, "");
	CHECK(parse(&one, "--file -n") == 0 && !got()->dry);
	CHECK_STR(got()->file, "-n");
	CHECK(parse(&one, "--file=a=b") == 0);
	CHECK_STR(got()->file, "a=b");
	CHECK(parse(&one, "%") == 0 && p.ctx.argc == 1);
	CHECK(parse(&one, "--json --format text") == 0);
	CHECK_STR(p.base.format, "text");
	CHECK(parse(&one, "--format text --json") == 0);
	CHECK_STR(p.base.format, "json");
}

static void
which_verb(void)
{
	CHECK(parse(&one, "show x") == 0);
	CHECK_STR(p.ctx.verb->name, "show");
	CHECK_STR(p.ctx.argv[0], "x");
	/* An option's argument is not the verb, an operand is not either. */
	CHECK(parse(&one, "--file show") == 0 && p.ctx.verb->name == NULL);
	CHECK(parse(&one, "-qf show") == 0 && p.ctx.verb->name == NULL);
	CHECK(parse(&one, "--file=x show") == SK_USAGE);
	CHECK_STR(p.ctx.verb->name, "show");
	CHECK(parse(&one, "x show") == 0 && p.ctx.verb->name == NULL);
	CHECK(parse(&one, "-- show") == 0 && p.ctx.verb->name == NULL);
	CHECK(parse(&one, "-q --format json show x --json") == 0);
	CHECK_STR(p.ctx.verb->name, "show");
	CHECK(parse(&one, "hide") == 0 && p.ctx.verb->name != NULL);
	CHECK(parse(&one, "completion bash") == 0);
	CHECK_STR(p.ctx.verb->name, "completion");
	CHECK(parse(&one, "schema") == 0 && p.ctx.argc == 0);
	CHECK(parse(&two, "") == 0 && p.ctx.verb->run == NULL);
	/* A short letter of a verb's own wins over the built-in one. */
	CHECK(parse(&one, "show -v 1 x") == 0 && !p.base.verbose);
	CHECK_STR(got()->file, "1");
	/* The words after such a verb are another program's. */
	CHECK(parse(&one, "pass --json -x -- --help") == 0);
	CHECK_INT(p.ctx.argc, 4);
	CHECK_STR(p.ctx.argv[2], "--");
	CHECK(!p.base.help && p.base.format == NULL);
}

static const struct {
	const struct sk_cmd *cmd;
	const char *line, *code, *message, *hint;
} refused[] = {
	{ &one, "--agnet x", "unknown_option", "unknown option '--agnet'",
	    "did you mean '--agent'?" },
	{ &one, "--agen=x", "unknown_option", "unknown option '--agen'",
	    "did you mean '--agent'?" },
	{ &one, "--zzzzzzzz", "unknown_option", "unknown option '--zzzzzzzz'",
	    "see 'sk-one --help'" },
	{ &one, "--no-dry-run", "unknown_option",
	    "unknown option '--no-dry-run'", NULL },
	{ &one, "--no-", "unknown_option", "unknown option '--no-'", NULL },
	{ &one, "--=x", "unknown_option", "unknown option '--'", NULL },
	{ &one, "-nX", "unknown_option", "unknown option '-X'",
	    "see 'sk-one --help'" },
	{ &one, "show -\xc3\xa4 x", "unknown_option",
	    "unknown option '-\xc3\xa4'", "see 'sk-one show --help'" },
	{ &one, "--value 1", "unknown_option", "unknown option '--value'",
	    "it is an option of 'sk-one show'" },
	{ &one, "show --config x", "unknown_option",
	    "unknown option '--config'", NULL },
	{ &one, "--agent", "missing_argument",
	    "option '--agent' needs an argument: NAME", "" },
	{ &one, "-nj", "missing_argument", "option '-j' needs an argument: N",
	    "" },
	{ &one, "--dry-run=1", "unexpected_argument",
	    "option '--dry-run' takes no argument, got '1'", "" },
	{ &one, "--no-colour=1", "unexpected_argument",
	    "option '--no-colour' takes no argument, got '1'", "" },
	{ &one, "-j 17", "bad_argument",
	    "option '-j': '17' is not a whole number from 1 to 16", "" },
	{ &one, "-j0x1", "bad_argument",
	    "option '-j': '0x1' is not a whole number from 1 to 16", "" },
	{ &one, "--jobs=", "bad_argument",
	    "option '--jobs': '' is not a whole number from 1 to 16", "" },
	{ &one, "--any 9223372036854775808", "bad_argument",
	    "option '--any': '9223372036854775808' is not a whole "
	    "number",
	    "" },
	{ &one, "-t soon", "bad_argument",
	    "option '-t': 'soon' is not a duration", "like 90s, 5m or 1h30m" },
	{ &one, "--limit 3X", "bad_argument",
	    "option '--limit': '3X' is not a size",
	    "like 4096, 10K, 4MiB or 2G" },
	{ &one, "-m slwo", "bad_argument",
	    "option '-m': 'slwo' is not one of fast, slow",
	    "did you mean 'slow'?" },
	{ &one, "--mode=", "bad_argument",
	    "option '--mode': '' is not one of fast, slow", NULL },
	{ &one, "-m fast\x01slow", "bad_argument", NULL, NULL },
	{ &one, "a b c", "extra_operand", "unexpected operand 'c'",
	    "usage: sk-one [options] X" },
	{ &one, "show", "missing_operand", "missing operand",
	    "usage: sk-one show [options] X" },
	{ &one, "completion", "missing_operand", "missing operand",
	    "usage: sk-one completion [options] bash|zsh" },
	{ &one, "-q pass x", "unknown_option", "unknown option '-q'",
	    "options of 'pass' stand after it" },
	{ &two, "shwo x", "unknown_verb", "unknown verb 'shwo'",
	    "did you mean 'show'?" },
	{ &two, "x --dry-run", "unknown_verb", "unknown verb 'x'",
	    "see 'sk-two --help'" },
	{ &two, "--dry-run", "unknown_option", "unknown option '--dry-run'",
	    "it is an option of 'sk-two run'" },
};

static void
bad(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(refused); i++) {
		int rc = parse(refused[i].cmd, refused[i].line);

		CHECKF(rc == SK_USAGE && err.exit == SK_USAGE, "refused: %s",
		    refused[i].line);
		CHECK_STR(err.code, refused[i].code);
		if (refused[i].message != NULL)
			CHECK_STR(err.message, refused[i].message);
		if (refused[i].hint != NULL)
			CHECK_STR(err.hint, refused[i].hint);
		CHECK(p.ctx.verb != NULL);
	}
}

static void
wrong_lines(void)
{
	char *a[] = { (char[]){ "x" }, (char[]){ "--bad" },
		(char[]){ "--json" }, (char[]){ "--" },
		(char[]){ "--format=text" }, (char[]){ "-h" }, NULL };

	CHECK(sk_argv_format(NULL, 6, a, SK_FMT_TEXT) == SK_FMT_JSON);
	CHECK(!sk_argv_help(6, a));
	a[3] = a[4];
	CHECK(sk_argv_format(NULL, 6, a, SK_FMT_JSON) == SK_FMT_TEXT);
	CHECK(sk_argv_help(6, a));
	a[1] = (char[]){ "--format" };
	a[2] = NULL;
	CHECK(sk_argv_format(NULL, 2, a, SK_FMT_JSON) == SK_FMT_JSON);
	a[1] = (char[]){ "--script" };
	CHECK(sk_argv_raw(&with_default[1], 2, a));
	CHECK(!sk_argv_raw(&with_default[0], 2, a));
	/* No argv[0] at all. */
	a[0] = NULL;
	if (p.ctx.verb != NULL)
		sk_parsed_free(&p);
	CHECK(sk_parse(&one, 0, a, &p, &err) == 0 && p.ctx.argc == 0);
}

/* The option parser takes any words: it fails or it does not, no more. */
static void
noise(void)
{
	static const char *const bits[] = { "-", "--", "=", "a", "j", "n", " ",
		"--agent", "--jobs", "show", "7", "%", "no-", "-f", "pass",
		"--format", "json" };
	uint32_t seed = 1;
	char line[256];

	for (int i = 0; i < 20000; i++) {
		line[0] = '\0';
		for (int k = 0; k < 8; k++) {
			size_t n = strlen(line);

			seed = seed * 1664525 + 1013904223;
			snprintf(line + n, sizeof(line) - n, "%s",
			    bits[(seed >> 16) % SK_ARRAY_SIZE(bits)]);
		}
		if (parse((i & 1) ? &one : &two, line) != 0 &&
		    (err.exit != SK_USAGE || err.message[0] == '\0'))
			CHECKF(false, "no reason given for: %s", line);
	}
	CHECK(true);
}

int
main(void)
{
	good();
	which_verb();
	bad();
	wrong_lines();
	noise();
	sk_parsed_free(&p);
	sk_err_clear(&err);
	return tap_done();
}
