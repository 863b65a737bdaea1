/* SPDX-License-Identifier: MIT */
/*
 * What the files of this room share: the options every verb has, and the one
 * enumeration of verbs and options that parsing, help, completions and manual
 * pages all walk, so that none of them can know an option another does not.
 */
#ifndef SK_CLI_INTERNAL_H
#define SK_CLI_INTERNAL_H

#include "cli/cli.h"

/* Where the built-in options land. */
struct sk_base {
	bool help, version, json, quiet, verbose, no_input;
	const char *format, *db, *config, *dump;
};

/* Set in sk_verb_opt()'s copy: the value goes to struct sk_base. */
#define SK_OF_BASE 0x100u

/* A parsed command line. Operands and options point into argv. */
struct sk_parsed {
	struct sk_ctx ctx;
	struct sk_base base;
};

/* table.c */
/* Verb number i: 0 is what the tool does without a verb (run is NULL when
 * that is an error), then the tool's, then the built-in ones, then NULL. */
const struct sk_verb *sk_verb_at(const struct sk_cmd *cmd, size_t i);
/* Option number i of a verb, built-in ones last; false at the end. */
bool sk_verb_opt(const struct sk_verb *v, size_t i, struct sk_opt *out);
bool sk_opt_has_arg(const struct sk_opt *o);
/* opt.c */
/* Fills p and leaves p->ctx.verb set even when it fails. */
int sk_parse(const struct sk_cmd *cmd, int argc, char **argv,
    struct sk_parsed *p, struct sk_err *err);
/* Are there too many or too few operands? */
int sk_parse_operands(const struct sk_parsed *p, struct sk_err *err);
void sk_parsed_free(struct sk_parsed *p);
/* Is the product one raw value: by the verb, or by an option given? */
bool sk_argv_raw(const struct sk_verb *v, int argc, char **argv);
/* What a command line that could not be parsed wants: help, JSON errors. */
bool sk_argv_help(int argc, char **argv);
enum sk_format sk_argv_format(
    const struct sk_verb *v, int argc, char **argv, enum sk_format dflt);

/* help.c */
/* "sk-auto run [options] SPEC" */
void sk_usage_line(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v);
void
sk_help(struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v);
void sk_help_short(struct sk_buf *b, const struct sk_cmd *cmd);

/* Operands as in the table, the ellipsis in ASCII. */
void sk_operands_text(struct sk_buf *b, const char *s);

/* gen.c, gen_bash.c, gen_zsh.c */
void sk_gen(struct sk_buf *b, const struct sk_cmd *cmd, const char *what);
void sk_gen_bash(struct sk_buf *b, const struct sk_cmd *cmd);
void sk_gen_zsh(struct sk_buf *b, const struct sk_cmd *cmd);
/* Blank-separated fixed words an operand may be; "" when there are none. */
void sk_operand_words(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v);
/* The same for an option's argument. */
const char *sk_opt_words(const struct sk_opt *o);
#define SK_STAGES "plan tasks implement validate audit unlock"

/* builtin.c */
extern const struct sk_verb sk_builtin_verbs[]; /* ends with run == NULL */
#define SK_BUILTIN_SCHEMA 1 /* its place there */
void sk_version(struct sk_buf *b, const struct sk_cmd *cmd, bool json);
/* Schemas a tool prints: its own and "error", NULL-terminated. */
#define SK_SCHEMAS_MAX 32
void
sk_schema_names(const struct sk_cmd *cmd, const char *names[SK_SCHEMAS_MAX]);

#endif
