/* SPDX-License-Identifier: MIT */
/*
 * --help: what it is for, examples first, usage, options. Fits a screen and 80
 * columns; everything longer is in the manual page.
 */
#include <string.h>

#include "cli/internal.h"

#define HELP_WIDTH 80
#define LEFT_MAX 28

/* Operands as the table has them; the ellipsis is ASCII for any terminal. */
void
sk_operands_text(struct sk_buf *b, const char *s)
{
	static const char dots[] = "\xe2\x80\xa6";

	while (*s != '\0') {
		if (sk_has_prefix(s, dots)) {
			sk_buf_str(b, "...");
			s += sizeof(dots) - 1;
		} else {
			sk_buf_ch(b, *s++);
		}
	}
}

void
sk_usage_line(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	sk_buf_str(b, cmd->name);
	if (v->name != NULL)
		sk_buf_printf(b, " %s", v->name);
	if (v->name == NULL || !(v->flags & SK_V_PASS))
		sk_buf_str(b, " [options]");
	if (v->operands != NULL && v->operands[0] != '\0') {
		sk_buf_ch(b, ' ');
		sk_operands_text(b, v->operands);
	}
}

/* Text in the column from `col` on, where the line stands now at `at`. */
static void
wrapped(struct sk_buf *b, size_t at, size_t col, const char *text)
{
	size_t line = at;

	if (at + 2 > col) {
		sk_buf_ch(b, '\n');
		line = 0;
	}
	for (; line < col; line++)
		sk_buf_ch(b, ' ');
	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (line > col && line + 1 + n >= HELP_WIDTH) {
			sk_buf_ch(b, '\n');
			for (line = 0; line < col; line++)
				sk_buf_ch(b, ' ');
		} else if (line > col) {
			sk_buf_ch(b, ' ');
			line++;
		}
		sk_buf_add(b, text, n);
		line += n;
		text += n;
		text += strspn(text, " ");
	}
	sk_buf_ch(b, '\n');
}

/* Few short choices are shown in place of the argument's name. */
static bool
choices_fit(const struct sk_opt *o)
{
	return o->kind == SK_O_ENUM &&
	       strlen(o->choices) + strlen(o->lg) <= LEFT_MAX - 10;
}

static void
add_choices(struct sk_buf *b, const char *choices, const char *sep)
{
	for (const char *c = choices; *c != '\0'; c++) {
		if (*c == ' ')
			sk_buf_str(b, sep);
		else
			sk_buf_ch(b, *c);
	}
}

static void
opt_left(struct sk_buf *b, const struct sk_opt *o)
{
	if (o->sh != 0)
		sk_buf_printf(b, "  -%c, ", o->sh);
	else
		sk_buf_str(b, "      ");
	sk_buf_printf(b, "--%s%s", (o->flags & SK_OF_NO) ? "[no-]" : "", o->lg);
	if (!sk_opt_has_arg(o))
		return;
	sk_buf_ch(b, ' ');
	if (choices_fit(o))
		add_choices(b, o->choices, "|");
	else
		sk_buf_str(b, o->arg);
}

static void
opt_text(struct sk_buf *b, const struct sk_opt *o)
{
	sk_buf_str(b, o->help);
	if (o->kind == SK_O_LIST)
		sk_buf_str(b, " (repeatable)");
	if (o->kind == SK_O_ENUM && !choices_fit(o)) {
		sk_buf_str(b, " (");
		add_choices(b, o->choices, ", ");
		sk_buf_ch(b, ')');
	}
}

static void
help_options(struct sk_buf *b, const struct sk_verb *v)
{
	struct sk_buf left, text;
	struct sk_opt o;
	size_t col = 0;

	sk_buf_init(&left, 0);
	sk_buf_init(&text, 0);
	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		if (o.flags & SK_OF_HIDDEN)
			continue;
		sk_buf_clear(&left);
		opt_left(&left, &o);
		if (left.len > col && left.len <= LEFT_MAX)
			col = left.len;
	}
	if (col > 0)
		sk_buf_str(b, "\noptions:\n");
	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		if (o.flags & SK_OF_HIDDEN)
			continue;
		sk_buf_clear(&left);
		sk_buf_clear(&text);
		opt_left(&left, &o);
		opt_text(&text, &o);
		sk_buf_add(b, left.p, left.len);
		wrapped(b, left.len, col + 2, text.p);
	}
	sk_buf_free(&left);
	sk_buf_free(&text);
}

static void
verb_left(struct sk_buf *b, const struct sk_verb *v)
{
	sk_buf_printf(b, "  %s", v->name);
	if (v->operands != NULL && v->operands[0] != '\0') {
		sk_buf_ch(b, ' ');
		sk_operands_text(b, v->operands);
	}
}

static void
help_verbs(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;
	struct sk_buf left;
	size_t col = 0;

	sk_buf_init(&left, 0);
	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		sk_buf_clear(&left);
		verb_left(&left, v);
		if (!(v->flags & SK_V_HIDDEN) && left.len > col &&
		    left.len <= LEFT_MAX)
			col = left.len;
	}
	sk_buf_str(b, "verbs:\n");
	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		if (v->flags & SK_V_HIDDEN)
			continue;
		sk_buf_clear(&left);
		verb_left(&left, v);
		sk_buf_add(b, left.p, left.len);
		wrapped(b, left.len, col + 2, v->purpose);
	}
	sk_buf_free(&left);
}

/* A tool without a default verb shows its verbs' first examples. */
static void
help_examples(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	const struct sk_verb *w;
	size_t n = 0;

	if (v->examples != NULL)
		for (; v->examples[n] != NULL; n++)
			sk_buf_printf(b, "%s  %s\n",
			    n == 0 ? "examples:\n" : "", v->examples[n]);
	for (size_t i = 1; v->name == NULL && v->run == NULL && n < 4; i++) {
		if ((w = sk_verb_at(cmd, i)) == NULL)
			break;
		if (w->examples == NULL || w->examples[0] == NULL ||
		    (w->flags & SK_V_HIDDEN))
			continue;
		sk_buf_printf(b, "%s  %s\n", n++ == 0 ? "examples:\n" : "",
		    w->examples[0]);
	}
	if (n > 0)
		sk_buf_ch(b, '\n');
}

void
sk_help(struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	const char *purpose = v->name != NULL ? v->purpose : cmd->purpose;

	sk_buf_printf(b, "%s%s%s - %s\n\n", cmd->name, v->name ? " " : "",
	    v->name ? v->name : "", purpose);
	help_examples(b, cmd, v);
	sk_buf_str(b, "usage: ");
	sk_usage_line(b, cmd, v);
	sk_buf_ch(b, '\n');
	if (v->name == NULL) {
		if (v->run != NULL)
			sk_buf_printf(
			    b, "       %s VERB [ARG]...\n", cmd->name);
		sk_buf_ch(b, '\n');
		help_verbs(b, cmd);
	}
	help_options(b, v);
	sk_buf_str(b, "\nexit status: 0 is success, 2 wrong usage; the table "
		      "is in sk-exit-codes(7)\n");
	if (v->name == NULL)
		sk_buf_printf(b, "more: '%s VERB --help', 'man %s'\n",
		    cmd->name, cmd->name);
	else
		sk_buf_printf(b, "more: 'man %s'\n", cmd->name);
}

void
sk_help_short(struct sk_buf *b, const struct sk_cmd *cmd)
{
	sk_buf_str(b, "usage: ");
	sk_usage_line(b, cmd, sk_verb_at(cmd, 0));
	sk_buf_ch(b, '\n');
	help_verbs(b, cmd);
	sk_buf_printf(b, "more: '%s --help'\n", cmd->name);
}
