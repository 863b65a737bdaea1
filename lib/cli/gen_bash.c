/* SPDX-License-Identifier: MIT */
/*
 * The bash completion of a tool. One function, fixed words only: nothing that a
 * user typed or a program printed is ever evaluated. It stands on its own, with
 * or without the bash-completion package, and passes shellcheck.
 */
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"

static const char head[] =
    "	local IFS=$' \\t\\n'\n"
    "	local cur=${COMP_WORDS[COMP_CWORD]} verb='' opt='' pre='' word\n"
    "	local words='' kind='' end='' seen='' i=1\n"
    "\n"
    "	COMPREPLY=()\n"
    "	while ((i < COMP_CWORD)); do\n"
    "		word=${COMP_WORDS[i]}\n"
    "		i=$((i + 1))\n"
    "		if [[ -n $opt ]]; then\n"
    "			# bash splits --name=value into three words\n"
    "			[[ $word == '=' ]] || opt=''\n"
    "			continue\n"
    "		fi\n"
    "		if [[ -n $end ]]; then\n"
    "			seen=1\n"
    "			continue\n"
    "		fi\n"
    "		case $word in\n"
    "		--) end=1 ;;\n";

static const char middle[] =
    "		-*) ;;\n"
    "		*) seen=1 ;;\n"
    "		esac\n"
    "	done\n"
    "	if [[ -z $opt && -z $end && $cur == --*=* ]]; then\n"
    "		opt=${cur%%=*} pre=${cur%%=*}= cur=${cur#*=}\n"
    "	elif [[ -n $opt && $cur == '=' ]]; then\n"
    "		cur=''\n"
    "	fi\n";

static const char tail[] =
    "	for word in $words; do\n"
    "		[[ $word != \"$cur\"* ]] || COMPREPLY+=(\"$pre$word\")\n"
    "	done\n"
    "	case $kind in\n"
    "	file | dir)\n"
    "		while IFS= read -r word; do\n"
    "			COMPREPLY+=(\"$pre$word\")\n"
    "		done < <(compgen -A \"${kind/dir/directory}\" -- \"$cur\")\n"
    "		compopt -o filenames 2>/dev/null\n"
    "		;;\n"
    "	esac\n"
    "	return 0\n"
    "}\n";

/* A shell function's name: no '-' in POSIX names. */
static void
function_name(struct sk_buf *b, const char *tool)
{
	sk_buf_ch(b, '_');
	for (; *tool != '\0'; tool++)
		sk_buf_ch(b, *tool == '-' ? '_' : *tool);
}

static const char *
verb_key(const struct sk_verb *v)
{
	return v->name != NULL ? v->name : "''";
}

/* Option words of all verbs that eat the next word, each once. */
static void
arg_options(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;
	struct sk_strv seen = { 0 };
	char word[80];
	struct sk_opt o;

	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
		for (size_t j = 0; sk_verb_opt(v, j, &o); j++) {
			if (!sk_opt_has_arg(&o) || (o.flags & SK_OF_HIDDEN))
				continue;
			snprintf(word, sizeof(word), "--%s", o.lg);
			if (!sk_strv_has(&seen, word))
				sk_strv_add(&seen, word);
			snprintf(word, sizeof(word), "-%c", o.sh);
			if (o.sh != 0 && !sk_strv_has(&seen, word))
				sk_strv_add(&seen, word);
		}
	sk_strv_sort(&seen);
	if (seen.n > 0)
		sk_buf_str(b, "\t\t");
	for (size_t i = 0; i < seen.n; i++)
		sk_buf_printf(b, "%s%s", seen.v[i],
		    i + 1 == seen.n ? ") opt=$word ;;\n"
		    : i % 6 == 5    ? " | \\\n\t\t\t"
				    : " | ");
	sk_strv_free(&seen);
}

/* Names of the verbs that do or do not pass their words on. */
static size_t
verb_names(struct sk_buf *b, const struct sk_cmd *cmd, bool pass,
    const char *before, const char *sep)
{
	const struct sk_verb *v;
	size_t n = 0;

	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++)
		if (!(v->flags & SK_V_HIDDEN) &&
		    ((v->flags & SK_V_PASS) != 0) == pass)
			sk_buf_printf(
			    b, "%s%s", n++ > 0 ? sep : before, v->name);
	return n;
}

/* A verb that hands its words to another tool hands their completion over
 * too, to that tool's own function if it can be had. */
static void
pass_verbs(struct sk_buf *b, const struct sk_cmd *cmd)
{
	if (verb_names(b, cmd, true, "\t\t", " | ") == 0)
		return;
	sk_buf_printf(b,
	    ")\n"
	    "\t\t\t[[ -z $seen ]] || continue\n"
	    "\t\t\tword=%s-$word\n"
	    "\t\t\tCOMP_WORDS=(\"$word\" \"${COMP_WORDS[@]:i}\")\n"
	    "\t\t\tCOMP_CWORD=$((COMP_CWORD - i + 1))\n"
	    "\t\t\tif ! declare -F \"_${word//-/_}\" >/dev/null &&\n"
	    "\t\t\t\tdeclare -F _completion_loader >/dev/null; then\n"
	    "\t\t\t\t_completion_loader \"$word\"\n"
	    "\t\t\tfi\n"
	    "\t\t\tdeclare -F \"_${word//-/_}\" >/dev/null || return 0\n"
	    "\t\t\t\"_${word//-/_}\"\n"
	    "\t\t\treturn 0\n"
	    "\t\t\t;;\n",
	    cmd->name);
}

/* The other verbs: the first operand is one, or there is none. */
static void
own_verbs(struct sk_buf *b, const struct sk_cmd *cmd)
{
	if (verb_names(b, cmd, false, "\t\t", " | ") > 0)
		sk_buf_str(b, ")\n"
			      "\t\t\t[[ -n $seen ]] || verb=$word\n"
			      "\t\t\tseen=1\n"
			      "\t\t\t;;\n");
}

static const char *
comp_kind(enum sk_comp c)
{
	return c == SK_C_FILE  ? "kind='file'"
	       : c == SK_C_DIR ? "kind='dir'"
	                       : "";
}

/* Arms "verb:option)" that say what an option's argument may be. */
static void
arg_arms(struct sk_buf *b, const struct sk_verb *v, bool common)
{
	struct sk_opt o;

	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		const char *words = sk_opt_words(&o);
		const char *key = common ? "*" : verb_key(v);

		if (!sk_opt_has_arg(&o) || (o.flags & SK_OF_HIDDEN) ||
		    ((o.flags & SK_OF_BASE) != 0) != common)
			continue;
		sk_buf_printf(b, "\t\t%s:--%s", key, o.lg);
		if (o.sh != 0)
			sk_buf_printf(b, " | %s:-%c", key, o.sh);
		if (words[0] != '\0')
			sk_buf_printf(b, ") words='%s' ;;\n", words);
		else if (comp_kind(o.comp)[0] != '\0')
			sk_buf_printf(b, ") %s ;;\n", comp_kind(o.comp));
		else
			sk_buf_str(b, ") ;;\n");
	}
}

static void
option_words(struct sk_buf *b, const struct sk_verb *v)
{
	struct sk_opt o;
	size_t n = 0;

	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		if (o.flags & SK_OF_HIDDEN)
			continue;
		if (n++ > 0)
			sk_buf_ch(b, ' ');
		if (o.sh != 0)
			sk_buf_printf(b, "-%c ", o.sh);
		sk_buf_printf(b, "--%s", o.lg);
		if (o.flags & SK_OF_NO)
			sk_buf_printf(b, " --no-%s", o.lg);
	}
}

static void
operand_arm(struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	size_t from = b->len, before;

	sk_buf_printf(b, "\t\t%s) ", verb_key(v));
	before = b->len;
	if (comp_kind(v->comp)[0] != '\0')
		sk_buf_printf(b, "%s ", comp_kind(v->comp));
	sk_buf_str(b, "words='");
	sk_operand_words(b, cmd, v);
	if (sk_has_suffix(b->p, "words='")) {
		b->len -= strlen("words='");
		b->p[b->len] = '\0';
	} else {
		sk_buf_str(b, "' ");
	}
	if (b->len == before)
		b->len = from;
	else
		sk_buf_str(b, ";;\n");
	b->p[b->len] = '\0';
}

/* The part that knows the verbs. */
static void
arms(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;

	sk_buf_str(b,
	    "	if [[ -n $opt ]]; then\n		case $verb:$opt in\n");
	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
		arg_arms(b, v, false);
	/* --db and --config are the same wherever they are. */
	arg_arms(b, &(struct sk_verb){ .flags = SK_V_DB | SK_V_CONFIG }, true);
	sk_buf_str(b, "		esac\n"
		      "	elif [[ -z $end && $cur == -* ]]; then\n"
		      "		case $verb in\n");
	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		if (v->flags & (SK_V_PASS | SK_V_HIDDEN))
			continue;
		sk_buf_printf(b, "\t\t%s) words='", v->name);
		option_words(b, v);
		sk_buf_str(b, "' ;;\n");
	}
	sk_buf_str(b, "\t\t*) words='");
	option_words(b, sk_verb_at(cmd, 0));
	sk_buf_str(
	    b, "' ;;\n		esac\n	else\n		case $verb in\n");
	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
		operand_arm(b, cmd, v);
	sk_buf_str(b, "		esac\n"
		      "		[[ -n $seen || -n $end ]] ||\n"
		      "			words+='");
	verb_names(b, cmd, true, " ", " ");
	verb_names(b, cmd, false, " ", " ");
	sk_buf_str(b, "'\n	fi\n");
}

void
sk_gen_bash(struct sk_buf *b, const struct sk_cmd *cmd)
{
	sk_buf_printf(b,
	    "# shellcheck shell=bash\n"
	    "# bash completion for %s, made by '%s completion "
	    "bash'\n\n",
	    cmd->name, cmd->name);
	function_name(b, cmd->name);
	sk_buf_str(b, "()\n{\n");
	sk_buf_str(b, head);
	arg_options(b, cmd);
	pass_verbs(b, cmd);
	own_verbs(b, cmd);
	sk_buf_str(b, middle);
	arms(b, cmd);
	sk_buf_str(b, tail);
	sk_buf_str(b, "\ncomplete -F ");
	function_name(b, cmd->name);
	sk_buf_printf(b, " %s\n", cmd->name);
}
