/* SPDX-License-Identifier: MIT */
/*
 * The enumeration of a tool's verbs and their options, built-in ones included:
 * what everything else in this room walks.
 */
#include <string.h>

#include "cli/internal.h"

#define B struct sk_base
static const struct sk_opt base_opts[] = {
	SK_OPT_STR(B, 0, "db", "FILE", db, SK_C_FILE,
	    "the database, instead of $SK_DB or the default",
	    "The default is\n.Pa $XDG_STATE_HOME/sk/sk.db ."),
	SK_OPT_STR(B, 0, "config", "FILE", config, SK_C_FILE,
	    "a configuration file of yours, as $SK_CONFIG", NULL),
	SK_OPT_ENUM(B, 0, "format", "FORMAT", format, "json text",
	    "default: text on a terminal, else JSON", NULL),
	SK_OPT_FLAG(B, 0, "json", json, "the same as --format json",
	    "Verbs that know no such form do not take it."),
	SK_OPT_FLAG(
	    B, 'q', "quiet", quiet, "no progress on standard error", NULL),
	SK_OPT_FLAG(B, 'v', "verbose", verbose, "more on standard error", NULL),
	SK_OPT_FLAG(B, 0, "no-input", no_input, "never ask: fail instead",
	    "The environment variable\n.Ev SK_NO_INPUT\ndoes the same."),
	SK_OPT_FLAG(B, 'h', "help", help, "show this help", NULL),
	SK_OPT_FLAG(B, 0, "version", version, "show the version", NULL),
	{ 0, "dump", SK_O_ENUM, SK_C_NONE, "FORM", "mdoc bash zsh json",
	    offsetof(B, dump), 0, 0, SK_OF_HIDDEN, "for the build", NULL },
	SK_OPT_END
};
#undef B

/* Stands for "no verb" in a tool that needs one. */
static const struct sk_verb no_verb = { .operands = "VERB [ARG]..." };

static bool
has_default(const struct sk_cmd *cmd)
{
	return cmd->verbs[0].run != NULL && cmd->verbs[0].name == NULL;
}

const struct sk_verb *
sk_verb_at(const struct sk_cmd *cmd, size_t i)
{
	const struct sk_verb *v = cmd->verbs;

	if (i == 0)
		return has_default(cmd) ? v : &no_verb;
	i--;
	if (has_default(cmd))
		v++;
	for (; v->run != NULL; v++)
		if (i-- == 0)
			return v;
	for (v = sk_builtin_verbs; v->run != NULL; v++)
		if (i-- == 0)
			return v;
	return NULL;
}

static bool
own_long(const struct sk_verb *v, const char *lg)
{
	for (const struct sk_opt *o = v->opts; o && o->lg; o++)
		if (strcmp(o->lg, lg) == 0)
			return true;
	return false;
}

static bool
own_short(const struct sk_verb *v, char sh)
{
	for (const struct sk_opt *o = v->opts; o && o->lg; o++)
		if (o->sh == sh)
			return true;
	return false;
}

/* Has the verb forms of its own, and none of them JSON? */
static bool
own_forms(const struct sk_verb *v)
{
	for (const struct sk_opt *o = v->opts; o && o->lg; o++)
		if (strcmp(o->lg, "format") == 0)
			return strstr(o->choices, "json") == NULL;
	return false;
}

static bool
base_applies(const struct sk_verb *v, const struct sk_opt *o)
{
	if (strcmp(o->lg, "json") == 0 && own_forms(v))
		return false;
	if (strcmp(o->lg, "db") == 0 && !(v->flags & SK_V_DB))
		return false;
	if (strcmp(o->lg, "config") == 0 && !(v->flags & SK_V_CONFIG))
		return false;
	return !own_long(v, o->lg);
}

bool
sk_verb_opt(const struct sk_verb *v, size_t i, struct sk_opt *out)
{
	/* What follows such a verb is another program's. */
	if (v->name != NULL && (v->flags & SK_V_PASS))
		return false;
	for (const struct sk_opt *o = v->opts; o && o->lg; o++) {
		if (i-- == 0) {
			*out = *o;
			return true;
		}
	}
	for (const struct sk_opt *o = base_opts; o->lg; o++) {
		if (!base_applies(v, o) || i-- != 0)
			continue;
		*out = *o;
		out->flags |= SK_OF_BASE;
		if (strcmp(o->lg, "db") != 0 && strcmp(o->lg, "config") != 0)
			out->flags |= SK_OF_COMMON;
		if (o->sh && own_short(v, o->sh))
			out->sh = 0;
		return true;
	}
	return false;
}

bool
sk_opt_has_arg(const struct sk_opt *o)
{
	return o->kind != SK_O_FLAG;
}
