/* SPDX-License-Identifier: MIT */
/*
 * cli: main(), option tables and what a person sees.
 *
 * Promises: a tool is one `const struct sk_cmd sk_cmd` (tables and functions);
 * parsing, --help, bash and zsh completion and the man pages' option lists all
 * come from that table, so they cannot disagree. Standard output is flushed and
 * checked at exit, errors become one line on stderr and, in JSON mode,
 * sk.error/1 on standard output, here and nowhere else.
 *
 * Ownership: strings in parsed options point into argv and live as long as the
 * program; string lists are owned by the options struct.
 */
#ifndef SK_CLI_H
#define SK_CLI_H

#include "core/core.h"
#include "json/json.h"

/* ---- option tables (opt.c) ---- */

enum sk_opt_kind {
	SK_O_FLAG, /* bool: --x sets it; SK_OF_NO also takes --no-x */
	SK_O_STR, /* const char * */
	SK_O_INT, /* int64_t in [min, max] */
	SK_O_DUR, /* int64_t ms */
	SK_O_SIZE, /* int64_t bytes */
	SK_O_ENUM, /* const char *, one of the blank-separated choices */
	SK_O_LIST /* struct sk_strv, repeatable */
};
/* What a completion offers for the argument. */
enum sk_comp {
	SK_C_NONE,
	SK_C_FILE,
	SK_C_DIR,
	SK_C_AGENT,
	SK_C_STAGE,
	SK_C_SPEC,
	SK_C_RUN,
	SK_C_BRANCH
};
struct sk_opt {
	char sh; /* short letter or 0 */
	const char *lg; /* long name without dashes; NULL ends the table */
	enum sk_opt_kind kind;
	enum sk_comp comp;
	const char *arg; /* argument name: "FILE", "N"; NULL for flags */
	const char *choices; /* ENUM */
	size_t off;
	int64_t min, max;
	unsigned flags;
	const char *help; /* one line, at most 56 characters */
	const char *man; /* more for the manual (mdoc text) or NULL */
};
#define SK_OF_NO 1u /* also --no-NAME */
#define SK_OF_HIDDEN 2u /* parsed, not shown */
#define SK_OF_COMMON 4u /* one of the options every tool has */
#define SK_OF_RAW 8u /* with it, the verb is as if SK_V_RAW */

/* An initialiser is not a block, whatever the formatter thinks. */
/* clang-format off */
#define SK_OFF_(T, f, type) \
	(offsetof(T, f) + 0 * sizeof(char[_Generic(((T *)0)->f, type: 1)]))
#define SK_OPT_FLAG(T, s, l, f, h, m) \
	{ s, l, SK_O_FLAG, SK_C_NONE, NULL, NULL, SK_OFF_(T, f, bool), 0, 0, \
	  0, h, m }
/* A flag that makes the product one raw value (--print-script): errors go to
 * standard error only. */
#define SK_OPT_RAWFLAG(T, s, l, f, h, m) \
	{ s, l, SK_O_FLAG, SK_C_NONE, NULL, NULL, SK_OFF_(T, f, bool), 0, 0, \
	  SK_OF_RAW, h, m }
/* A flag that also takes --no-NAME (for a default of true). */
#define SK_OPT_NOFLAG(T, s, l, f, h, m) \
	{ s, l, SK_O_FLAG, SK_C_NONE, NULL, NULL, SK_OFF_(T, f, bool), 0, 0, \
	  SK_OF_NO, h, m }
#define SK_OPT_STR(T, s, l, a, f, c, h, m) \
	{ s, l, SK_O_STR, c, a, NULL, SK_OFF_(T, f, const char *), 0, 0, 0, h, \
	  m }
#define SK_OPT_INT(T, s, l, a, f, lo, hi, h, m) \
	{ s, l, SK_O_INT, SK_C_NONE, a, NULL, SK_OFF_(T, f, int64_t), lo, hi, \
	  0, h, m }
#define SK_OPT_DUR(T, s, l, a, f, h, m) \
	{ s, l, SK_O_DUR, SK_C_NONE, a, NULL, SK_OFF_(T, f, int64_t), 0, 0, 0, \
	  h, m }
#define SK_OPT_SIZE(T, s, l, a, f, h, m) \
	{ s, l, SK_O_SIZE, SK_C_NONE, a, NULL, SK_OFF_(T, f, int64_t), 0, 0, \
	  0, h, m }
#define SK_OPT_ENUM(T, s, l, a, f, ch, h, m) \
	{ s, l, SK_O_ENUM, SK_C_NONE, a, ch, SK_OFF_(T, f, const char *), 0, \
	  0, 0, h, m }
#define SK_OPT_LIST(T, s, l, a, f, c, h, m) \
	{ s, l, SK_O_LIST, c, a, NULL, SK_OFF_(T, f, struct sk_strv), 0, 0, 0, \
	  h, m }
#define SK_OPT_END { 0 }
/* clang-format on */

/* ---- commands (main.c) ---- */

enum sk_format { SK_FMT_TEXT, SK_FMT_JSON };

/* What a verb gets. */
struct sk_ctx {
	const struct sk_cmd *cmd;
	const struct sk_verb *verb;
	void *opts; /* the verb's options struct, filled */
	char **argv; /* operands, NULL-terminated */
	int argc;
	enum sk_format format;
	bool format_given; /* --format or --json was given */
	bool verbose;
	bool no_input;
	const char *db; /* --db, else NULL: store decides */
	const char *config; /* --config, else NULL: config decides */
};

struct sk_verb {
	const char *name; /* NULL: what the tool does without a verb */
	const char *operands; /* "SPEC", "[NAME]…": as in the synopsis */
	const char *purpose; /* one line */
	const char *const *examples; /* "command" lines, NULL-terminated */
	const struct sk_opt *opts;
	size_t opts_size;
	const void *opts_init; /* defaults to copy, or NULL = zeroes */
	int min_args, max_args; /* operands; max -1 = any */
	enum sk_comp comp; /* of operands */
	unsigned flags;
	/* 0 or an exit class. A class without err->message set is a result
	 * (3 = degraded), not an error: nothing is printed for it. */
	int (*run)(struct sk_ctx *ctx, struct sk_err *err);
};
#define SK_V_RAW 1u /* product is one value: errors on stderr only */
#define SK_V_DB 2u /* has --db */
#define SK_V_CONFIG 4u /* has --config */
#define SK_V_HIDDEN 8u
/* The verb stands before another program's words: no options after it, all that
 * follows is in argv as it came. */
#define SK_V_PASS 16u

struct sk_cmd {
	const char *name; /* "sk-run" */
	const char *purpose; /* one line, for --help and NAME */
	const struct sk_verb *verbs; /* first is the default when name NULL;
	                                ends with run == NULL */
	const char *const *schemas; /* names `schema` prints, NULL-terminated */
	/* Makes schemas that are not embedded as such: false when name is none
	 * of those. A tool that has one also says what `schema` prints alone
	 * (name NULL); the others list the names. */
	bool (*schema)(const char *name, struct sk_buf *out);
	const char *const *see_also; /* "sk-consensus 1", … */
	/* The SQLite library that runs, for --version --json; NULL = none. */
	const char *(*sqlite)(void);
};
/*
 * A whole tool (no main(), no flush, no printing of errors):
 *
 *	struct hello_opts { const char *name; int64_t times; };
 *	static const struct hello_opts init = { .name = "you", .times = 1 };
 *	static const struct sk_opt opts[] = {
 *		SK_OPT_STR(struct hello_opts, 0, "name", "NAME", name,
 *		    SK_C_NONE, "greet NAME", NULL),
 *		SK_OPT_INT(struct hello_opts, 'n', "times", "N", times, 1, 9,
 *		    "so often", NULL),
 *		SK_OPT_END
 *	};
 *	static int
 *	hello(struct sk_ctx *ctx, struct sk_err *err)
 *	{
 *		const struct hello_opts *o = ctx->opts;
 *
 *		if (ctx->argc > 0 && !sk_ident_ok(ctx->argv[0]))
 *			return sk_fail(err, SK_USAGE, "bad_name", "…");
 *		sk_outf("hello %s\n", o->name);
 *		return 0;
 *	}
 *	static const struct sk_verb verbs[] = {
 *		{ .purpose = "greet", .operands = "[WORD]", .max_args = 1,
 *		  .opts = opts, .opts_size = sizeof(init),
 *		  .opts_init = &init, .run = hello },
 *		{ .run = NULL }
 *	};
 *	const struct sk_cmd sk_cmd = { .name = "sk-hello",
 *		.purpose = "greet people", .verbs = verbs };
 *
 * An option that several verbs have must be of the same kind in all of them.
 * Lists in the options struct are freed after run(). tests/tools/cli_demo.c has
 * one of everything.
 */
/* Each cmd/X.c defines this; lib/cli/main.c has main(). */
extern const struct sk_cmd sk_cmd;

/* Every tool also answers: -h/--help, --version, --format, --json, -q/--quiet,
 * -v/--verbose, --no-input, and the verbs `completion bash|zsh`, `schema
 * [NAME]`, and hidden `--dump mdoc|bash|zsh|json` that the build uses. */

/* ---- seeing (out.c) ---- */

bool sk_stdout_tty(void);
bool sk_stderr_tty(void);
bool sk_color(void); /* of stdout: tty, no NO_COLOR, CI, TERM=dumb */
int sk_width(void); /* terminal columns, 80 when unknown */

/* A table for people: columns are aligned, cells made visible. */
struct sk_table {
	struct sk_strv cells;
	size_t cols;
	unsigned right; /* bit i: column i is right-aligned */
};
void sk_table_init(struct sk_table *t, size_t cols, unsigned right);
void sk_table_cell(struct sk_table *t, const char *s);
void sk_table_cellf(struct sk_table *t, const char *fmt, ...) SK_PRINTF(2, 3);
/* Prints with sk_out and frees. */
void sk_table_print(struct sk_table *t);

/* p made visible and cut to so many columns; returns how many it takes. */
size_t sk_text_clip(struct sk_buf *b, const char *p, size_t n, size_t cols);

/* ---- lines that are drawn again (screen.c, pick.c) ---- */

/* Zero-initialise, with fd. Lines are made visible and cut to the terminal. */
#define SK_SCREEN_ROWS 200
struct sk_screen {
	int fd; /* a terminal */
	bool drawn;
	size_t n, width[SK_SCREEN_ROWS]; /* of the last picture */
};
/* In the place of the last picture. */
void sk_screen_draw(struct sk_screen *s, const char *text);
/* The last picture stays; the cursor is seen again. */
void sk_screen_end(struct sk_screen *s);
size_t sk_screen_rows(int fd); /* 24 when unknown */
size_t sk_screen_cols(int fd); /* 80 when unknown */

/* One of several lines, chosen on standard input (a terminal) and shown on
 * standard error: arrows, j and k, a number, Enter; q, Escape and Ctrl-C choose
 * none. The terminal is left as it was found. */
struct sk_pick {
	const char *title, *keys;
	const struct sk_strv *rows;
	bool toggles; /* the key a ends it with SK_PICK_TOGGLE */
};
enum sk_picked { SK_PICK_NONE, SK_PICK_ROW, SK_PICK_TOGGLE };
int sk_pick(const struct sk_pick *ask, enum sk_picked *got, size_t *row,
    struct sk_err *err);

/* ---- documents ---- */

/* One JSON document (already ending in newline) to sk_out. */
void sk_out_json(const struct sk_buf *b);
/* The same from end to end: begin makes the buffer and {"schema":schema,…; end
 * closes that, prints it and frees the buffer. */
void sk_out_json_begin(struct sk_jw *w, struct sk_buf *b, const char *schema);
void sk_out_json_end(struct sk_jw *w);
/* err as one sk.error/1 line into b. */
void sk_error_json(struct sk_buf *b, const struct sk_err *err);
/* A found sk.error/1 record becomes err (exit from its "exit" field), so that
 * a filter can pass it on. False when v is no such record. */
bool sk_error_from_json(const struct sk_jv *v, struct sk_err *err);

/* ---- records on standard input (lines.c) ---- */

/* JSON Lines from a descriptor with bounded lines. */
struct sk_lines {
	int fd;
	struct sk_buf buf;
	size_t pos;
	size_t scan; /* no newline before this */
	size_t max;
	uint64_t lineno;
	bool eof;
};
void sk_lines_init(struct sk_lines *l, int fd, size_t max);
/* 1 = a line (without newline; valid until the next call), 0 = end, else
 * -(exit class) with err filled. Blank lines are skipped. */
int
sk_lines_next(struct sk_lines *l, char **line, size_t *n, struct sk_err *err);
/* Reads what is there without waiting: an earlier line is no longer valid.
 * True when next() would have to wait for input: time to commit a batch. */
bool sk_lines_would_block(struct sk_lines *l);
void sk_lines_free(struct sk_lines *l);

#endif
