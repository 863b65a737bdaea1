/* SPDX-License-Identifier: MIT */
/*
 * The zsh completion of a tool: _arguments for what stands before the verb and
 * once more for each verb. Fixed words only, as in the bash one.
 */
#include <string.h>

#include "cli/internal.h"

/* Text inside '…' of an _arguments specification: the quote for the shell,
 * brackets, colons and backslashes for _arguments. */
static void
spec_text(struct sk_buf *b, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '\'')
			sk_buf_str(b, "'\\''");
		else if (strchr("[]:\\", *s) != NULL)
			sk_buf_printf(b, "\\%c", *s);
		else
			sk_buf_ch(b, *s);
	}
}

static void
action(struct sk_buf *b, const char *words, enum sk_comp comp)
{
	if (words[0] != '\0')
		sk_buf_printf(b, "(%s)", words);
	else if (comp == SK_C_FILE)
		sk_buf_str(b, "_files");
	else if (comp == SK_C_DIR)
		sk_buf_str(b, "_files -/");
	else
		sk_buf_ch(b, ' ');
}

static void
opt_spec(struct sk_buf *b, const struct sk_opt *o, const char *indent)
{
	bool arg = sk_opt_has_arg(o);

	sk_buf_printf(b, "%s", indent);
	if (o->kind == SK_O_LIST)
		sk_buf_str(b, "'*'");
	else if (o->sh != 0)
		sk_buf_printf(b, "'(-%c --%s)'", o->sh, o->lg);
	if (o->sh != 0)
		sk_buf_printf(b, "{-%c%s,--%s%s}'[", o->sh, arg ? "+" : "",
		    o->lg, arg ? "=" : "");
	else
		sk_buf_printf(b, "--%s%s'[", o->lg, arg ? "=" : "");
	spec_text(b, o->help);
	sk_buf_ch(b, ']');
	if (arg) {
		sk_buf_ch(b, ':');
		spec_text(b, o->arg);
		sk_buf_ch(b, ':');
		action(b, sk_opt_words(o), o->comp);
	}
	sk_buf_str(b, "'\n");
	if (o->flags & SK_OF_NO) {
		sk_buf_printf(b, "%s--no-%s'[not ", indent, o->lg);
		spec_text(b, o->help);
		sk_buf_str(b, "]'\n");
	}
}

static void
opt_specs(struct sk_buf *b, const struct sk_verb *v, const char *indent)
{
	struct sk_opt o;

	for (size_t i = 0; sk_verb_opt(v, i, &o); i++)
		if (!(o.flags & SK_OF_HIDDEN))
			opt_spec(b, &o, indent);
}

/* '*:SPEC:action' for the operands, nothing when there are none. */
static void
operand_spec(struct sk_buf *b, const struct sk_cmd *cmd,
    const struct sk_verb *v, const char *indent)
{
	struct sk_buf text, words;
	bool first;

	if (v->max_args == 0)
		return;
	sk_buf_init(&text, 0);
	sk_buf_init(&words, 0);
	sk_operands_text(&text, v->operands);
	sk_operand_words(&words, cmd, v);
	/* A fixed word stands first, and anything may follow it. */
	first = v->max_args == 1 ||
	        (words.len > 0 && strchr(v->operands, ' ') != NULL);
	sk_buf_printf(b, "%s'%s", indent, first ? "1:" : "*:");
	spec_text(b, text.p);
	sk_buf_ch(b, ':');
	action(b, words.p, v->comp);
	sk_buf_str(b, "'\n");
	if (first && v->max_args != 1) {
		sk_buf_printf(b, "%s'*:", indent);
		spec_text(b, text.p);
		sk_buf_ch(b, ':');
		action(b, "", v->comp);
		sk_buf_str(b, "'\n");
	}
	sk_buf_free(&words);
	sk_buf_free(&text);
}

static void
verb_arm(struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	sk_buf_printf(b, "\t\t%s)\n", v->name);
	if (v->flags & SK_V_PASS) {
		/* The words are another tool's: so is their completion. */
		sk_buf_printf(b,
		    "\t\t\twords[1]=%s-$words[1]\n"
		    "\t\t\t_normal && ret=0\n\t\t\t;;\n",
		    cmd->name);
		return;
	}
	sk_buf_str(b, "\t\t\tspecs=(\n");
	opt_specs(b, v, "\t\t\t\t");
	operand_spec(b, cmd, v, "\t\t\t\t");
	sk_buf_str(b, "\t\t\t)\n\t\t\t_arguments -s -S $specs && ret=0\n"
		      "\t\t\t;;\n");
}

static void
verb_list(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;

	sk_buf_str(b, "\tverbs=(\n");
	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		if (v->flags & SK_V_HIDDEN)
			continue;
		sk_buf_printf(b, "\t\t'%s:", v->name);
		for (const char *s = v->purpose; *s != '\0'; s++)
			if (*s == '\'')
				sk_buf_str(b, "'\\''");
			else
				sk_buf_ch(b, *s);
		sk_buf_str(b, "'\n");
	}
	sk_buf_str(b, "\t)\n");
}

static void
first_operand(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	struct sk_buf words;

	sk_buf_str(b, "\tfirst)\n"
		      "\t\t_describe -t verbs verb verbs && ret=0\n");
	sk_buf_init(&words, 0);
	sk_operand_words(&words, cmd, v);
	if (words.len > 0)
		sk_buf_printf(b, "\t\tcompadd -- %s && ret=0\n", words.p);
	else if (v->run != NULL && v->comp == SK_C_FILE)
		sk_buf_str(b, "\t\t_files && ret=0\n");
	else if (v->run != NULL && v->comp == SK_C_DIR)
		sk_buf_str(b, "\t\t_files -/ && ret=0\n");
	sk_buf_str(b, "\t\t;;\n");
	sk_buf_free(&words);
}

void
sk_gen_zsh(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *top = sk_verb_at(cmd, 0), *v;

	sk_buf_printf(b,
	    "#compdef %s\n"
	    "# zsh completion for %s, made by '%s completion "
	    "zsh'\n\n_%s() {\n",
	    cmd->name, cmd->name, cmd->name, cmd->name);
	sk_buf_str(b, "\tlocal curcontext=\"$curcontext\" state line ret=1\n"
		      "\tlocal -a top specs verbs\n"
		      "\ttypeset -A opt_args\n\n"
		      "\ttop=(\n");
	opt_specs(b, top, "\t\t");
	sk_buf_str(b, "\t)\n");
	verb_list(b, cmd);
	sk_buf_str(b, "\t_arguments -C -s -S $top '1: :->first' "
		      "'*:: :->rest' && ret=0\n"
		      "\tcase $state in\n");
	first_operand(b, cmd, top);
	sk_buf_str(b, "\trest)\n\t\tcase $words[1] in\n");
	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++)
		if (!(v->flags & SK_V_HIDDEN))
			verb_arm(b, cmd, v);
	sk_buf_str(b, "\t\t*)\n\t\t\tspecs=(\n");
	operand_spec(b, cmd, top, "\t\t\t\t");
	sk_buf_str(b, "\t\t\t)\n"
		      "\t\t\t_arguments -s -S $top $specs && ret=0\n"
		      "\t\t\t;;\n\t\tesac\n\t\t;;\n\tesac\n"
		      "\treturn ret\n}\n\n");
	sk_buf_printf(b,
	    "if [[ $funcstack[1] == _%s ]]; then\n\t_%s \"$@\"\n"
	    "else\n\tcompdef _%s %s\nfi\n",
	    cmd->name, cmd->name, cmd->name, cmd->name);
}
