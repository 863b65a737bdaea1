/* SPDX-License-Identifier: MIT */
/*
 * The option parser. It knows nothing of the running tool but the table it is
 * given, so unit tests give it their own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/internal.h"

static const struct sk_verb *
verb_named(const struct sk_cmd *cmd, const char *name)
{
	const struct sk_verb *v;

	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL; i++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

static bool
find_long(const struct sk_verb *v, const char *name, size_t n, struct sk_opt *o,
    bool *off)
{
	*off = false;
	for (size_t i = 0; sk_verb_opt(v, i, o); i++)
		if (strlen(o->lg) == n && memcmp(o->lg, name, n) == 0)
			return true;
	if (n <= 3 || memcmp(name, "no-", 3) != 0)
		return false;
	*off = true;
	for (size_t i = 0; sk_verb_opt(v, i, o); i++)
		if ((o->flags & SK_OF_NO) && strlen(o->lg) == n - 3 &&
		    memcmp(o->lg, name + 3, n - 3) == 0)
			return true;
	return false;
}

static bool
find_short(const struct sk_verb *v, char c, struct sk_opt *o)
{
	for (size_t i = 0; sk_verb_opt(v, i, o); i++)
		if (o->sh != 0 && o->sh == c)
			return true;
	return false;
}

/* ---- which verb ---- */

/*
 * Does this option word of any verb eat the next word? Options may stand before
 * the verb, when it is not known yet whose they are; an option name means the
 * same kind of option in all verbs of a tool (a test holds that).
 */
static bool
eats_next(const struct sk_cmd *cmd, const char *word)
{
	const struct sk_verb *v;
	struct sk_opt o;
	bool off;

	if (word[1] == '-') {
		if (strchr(word, '=') != NULL)
			return false;
		for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
			if (find_long(v, word + 2, strlen(word + 2), &o, &off))
				return sk_opt_has_arg(&o);
		return false;
	}
	for (const char *c = word + 1; *c != '\0'; c++) {
		bool found = false;

		for (size_t i = 0; !found && (v = sk_verb_at(cmd, i)) != NULL;
		     i++)
			found = find_short(v, *c, &o);
		if (!found)
			return false;
		if (sk_opt_has_arg(&o))
			return c[1] == '\0';
	}
	return false;
}

static bool
is_option(const char *word)
{
	return word[0] == '-' && word[1] != '\0';
}

/* The verb is the first operand or nothing; *at is its place or 0. A word
 * after "--" is never a verb. */
static const struct sk_verb *
find_verb(const struct sk_cmd *cmd, int argc, char **argv, int *at)
{
	const struct sk_verb *v;

	*at = 0;
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (is_option(argv[i])) {
			i += eats_next(cmd, argv[i]);
			continue;
		}
		if ((v = verb_named(cmd, argv[i])) != NULL) {
			*at = i;
			return v;
		}
		break;
	}
	return sk_verb_at(cmd, 0);
}

/* ---- values ---- */

static int
bad_int(const struct sk_opt *o, const char *shown, const char *s,
    struct sk_err *err)
{
	if (o->min == 0 && o->max == 0)
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "option '%s': '%s' is not a whole number", shown, s);
	if (o->max == INT64_MAX)
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "option '%s': '%s' is not a whole number of at least %lld",
		    shown, s, (long long)o->min);
	return sk_fail(err, SK_USAGE, "bad_argument",
	    "option '%s': '%s' is not a whole number from %lld to %lld", shown,
	    s, (long long)o->min, (long long)o->max);
}

static bool
is_choice(const char *choices, const char *s)
{
	size_t n = strlen(s);

	for (const char *p = choices; *p != '\0';) {
		size_t w = strcspn(p, " ");

		if (w == n && memcmp(p, s, n) == 0)
			return n > 0;
		p += w;
		p += strspn(p, " ");
	}
	return false;
}

static int
bad_choice(const struct sk_opt *o, const char *shown, const char *s,
    struct sk_err *err)
{
	struct sk_strv v = { 0 };
	struct sk_buf b;
	const char *near;
	int rc;

	sk_strv_split(&v, o->choices, ' ');
	sk_buf_init(&b, 0);
	sk_buf_join(&b, &v, ", ");
	rc = sk_fail(err, SK_USAGE, "bad_argument",
	    "option '%s': '%s' is not one of %s", shown, s, b.p);
	near = sk_closest(s, (const char *const *)v.v);
	if (near != NULL)
		rc = sk_hint(err, "did you mean '%s'?", near);
	sk_buf_free(&b);
	sk_strv_free(&v);
	return rc;
}

static int
set_value(const struct sk_opt *o, void *base, const char *shown, const char *s,
    struct sk_err *err)
{
	void *at = (char *)base + o->off;
	bool any = o->min == 0 && o->max == 0;

	switch (o->kind) {
	case SK_O_FLAG:
		*(bool *)at = true;
		break;
	case SK_O_STR:
		*(const char **)at = s;
		break;
	case SK_O_LIST:
		sk_strv_add(at, s);
		break;
	case SK_O_INT:
		if (!sk_parse_int(s, any ? INT64_MIN : o->min,
			any ? INT64_MAX : o->max, at))
			return bad_int(o, shown, s, err);
		break;
	case SK_O_DUR:
		if (!sk_parse_duration(s, at)) {
			sk_fail(err, SK_USAGE, "bad_argument",
			    "option '%s': '%s' is not a duration", shown, s);
			return sk_hint(err, "like 90s, 5m or 1h30m");
		}
		break;
	case SK_O_SIZE:
		if (!sk_parse_size(s, at)) {
			sk_fail(err, SK_USAGE, "bad_argument",
			    "option '%s': '%s' is not a size", shown, s);
			return sk_hint(err, "like 4096, 10K, 4MiB or 2G");
		}
		break;
	case SK_O_ENUM:
		if (!is_choice(o->choices, s))
			return bad_choice(o, shown, s, err);
		*(const char **)at = s;
		break;
	}
	return 0;
}

static int
set_opt(struct sk_parsed *p, const struct sk_opt *o, bool off,
    const char *shown, const char *s, struct sk_err *err)
{
	void *base = (o->flags & SK_OF_BASE) ? (void *)&p->base : p->ctx.opts;

	if (off) {
		*(bool *)((char *)base + o->off) = false;
		return 0;
	}
	/* One answer to both --json and --format: the last one given. */
	if ((o->flags & SK_OF_BASE) && strcmp(o->lg, "json") == 0)
		p->base.format = "json";
	return set_value(o, base, shown, s, err);
}

/* ---- the words ---- */

/* Another verb that has this long option: the user is in the wrong place. */
static const struct sk_verb *
owner_of(const struct sk_cmd *cmd, const char *name, size_t n)
{
	const struct sk_verb *v;
	struct sk_opt o;
	bool off;

	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
		if (find_long(v, name, n, &o, &off) &&
		    !(o.flags & SK_OF_HIDDEN))
			return v;
	return NULL;
}

/* Where the user finds out more about this verb's options. */
static int
hint_help(const struct sk_parsed *p, struct sk_err *err)
{
	const struct sk_verb *v = p->ctx.verb;

	if (v->name != NULL && (v->flags & SK_V_PASS))
		return sk_hint(err, "options of '%s' stand after it", v->name);
	return sk_hint(err, "see '%s%s%s --help'", p->ctx.cmd->name,
	    v->name ? " " : "", v->name ? v->name : "");
}

static int
unknown_long(
    const struct sk_parsed *p, const char *word, size_t n, struct sk_err *err)
{
	const struct sk_verb *owner, *v = p->ctx.verb;
	struct sk_strv names = { 0 };
	struct sk_opt o;
	char *given = sk_strndup(word, n);
	const char *near;

	sk_fail(err, SK_USAGE, "unknown_option", "unknown option '%s'", given);
	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		char name[80];

		if (o.flags & SK_OF_HIDDEN)
			continue;
		snprintf(name, sizeof(name), "--%s", o.lg);
		sk_strv_add(&names, name);
		if (o.flags & SK_OF_NO) {
			snprintf(name, sizeof(name), "--no-%s", o.lg);
			sk_strv_add(&names, name);
		}
	}
	owner = owner_of(p->ctx.cmd, word + 2, n - 2);
	near = names.n > 0 ? sk_closest(given, (const char *const *)names.v)
	                   : NULL;
	if (owner != NULL && owner->name != NULL)
		sk_hint(err, "it is an option of '%s %s'", p->ctx.cmd->name,
		    owner->name);
	else if (near != NULL)
		sk_hint(err, "did you mean '%s'?", near);
	else
		hint_help(p, err);
	sk_strv_free(&names);
	free(given);
	return err->exit;
}

/* "--name", "--name=value", "--no-name"; *used = the next word was eaten. */
static int
parse_long(struct sk_parsed *p, const char *word, const char *next, bool *used,
    struct sk_err *err)
{
	const char *eq = strchr(word, '=');
	size_t n = eq != NULL ? (size_t)(eq - word) : strlen(word);
	const char *value = NULL;
	char shown[80];
	struct sk_opt o;
	bool off;

	if (!find_long(p->ctx.verb, word + 2, n - 2, &o, &off))
		return unknown_long(p, word, n, err);
	snprintf(shown, sizeof(shown), "%.*s", (int)n, word);
	if (off || !sk_opt_has_arg(&o)) {
		if (eq != NULL)
			return sk_fail(err, SK_USAGE, "unexpected_argument",
			    "option '%s' takes no argument, got '%s'", shown,
			    eq + 1);
	} else if (eq != NULL) {
		value = eq + 1;
	} else if (next != NULL) {
		value = next;
		*used = true;
	} else {
		return sk_fail(err, SK_USAGE, "missing_argument",
		    "option '%s' needs an argument: %s", shown, o.arg);
	}
	return set_opt(p, &o, off, shown, value, err);
}

/* "-abc", "-aVALUE", "-a VALUE" */
static int
parse_short(struct sk_parsed *p, const char *word, const char *next, bool *used,
    struct sk_err *err)
{
	struct sk_opt o;
	int rc;

	for (const char *c = word + 1; *c != '\0'; c++) {
		char shown[3] = { '-', *c, '\0' };
		const char *value = NULL;

		if (!find_short(p->ctx.verb, *c, &o)) {
			/* A letter beyond ASCII is shown whole. */
			bool odd = (unsigned char)*c >= 0x80;

			sk_fail(err, SK_USAGE, "unknown_option",
			    "unknown option '%s'", odd ? word : shown);
			return hint_help(p, err);
		}
		if (sk_opt_has_arg(&o)) {
			value = c[1] != '\0' ? c + 1 : next;
			*used = c[1] == '\0' && next != NULL;
			if (value == NULL)
				return sk_fail(err, SK_USAGE,
				    "missing_argument",
				    "option '%s' needs an argument: %s", shown,
				    o.arg);
		}
		if ((rc = set_opt(p, &o, false, shown, value, err)) != 0)
			return rc;
		if (value != NULL)
			break;
	}
	return 0;
}

static int
unknown_verb(const struct sk_cmd *cmd, const char *word, struct sk_err *err)
{
	const char *names[64];
	const struct sk_verb *v;
	const char *near;
	size_t n = 0;

	for (size_t i = 1; (v = sk_verb_at(cmd, i)) != NULL && n < 63; i++)
		if (!(v->flags & SK_V_HIDDEN))
			names[n++] = v->name;
	names[n] = NULL;
	sk_fail(err, SK_USAGE, "unknown_verb", "unknown verb '%s'", word);
	near = sk_closest(word, names);
	if (near != NULL)
		return sk_hint(err, "did you mean '%s'?", near);
	return sk_hint(err, "see '%s --help'", cmd->name);
}

int
sk_parse(const struct sk_cmd *cmd, int argc, char **argv, struct sk_parsed *p,
    struct sk_err *err)
{
	const struct sk_verb *v;
	bool ended = false;
	int at, rc = 0;

	memset(p, 0, sizeof(*p));
	v = find_verb(cmd, argc, argv, &at);
	p->ctx.cmd = cmd;
	p->ctx.verb = v;
	p->ctx.argv = sk_calloc((size_t)argc + 1, sizeof(*p->ctx.argv));
	p->ctx.opts = sk_calloc(1, v->opts_size > 0 ? v->opts_size : 1);
	if (v->opts_init != NULL)
		memcpy(p->ctx.opts, v->opts_init, v->opts_size);
	for (int i = 1; i < argc && rc == 0; i++) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;
		bool used = false;

		if (ended || !is_option(argv[i])) {
			if (at != 0 && i == at) {
				ended = (v->flags & SK_V_PASS) != 0;
				continue;
			}
			/* Say "unknown verb" before anything after it. */
			if (at == 0 && !ended && v->max_args == 0)
				rc = unknown_verb(cmd, argv[i], err);
			if (v->flags & SK_V_PASS)
				ended = true;
			p->ctx.argv[p->ctx.argc++] = argv[i];
		} else if (strcmp(argv[i], "--") == 0) {
			ended = true;
		} else if (argv[i][1] == '-') {
			rc = parse_long(p, argv[i], next, &used, err);
		} else {
			rc = parse_short(p, argv[i], next, &used, err);
		}
		i += used;
	}
	return rc;
}

int
sk_parse_operands(const struct sk_parsed *p, struct sk_err *err)
{
	const struct sk_verb *v = p->ctx.verb;
	struct sk_buf b;

	if (p->ctx.argc >= v->min_args &&
	    (v->max_args < 0 || p->ctx.argc <= v->max_args))
		return 0;
	if (p->ctx.argc < v->min_args)
		sk_fail(err, SK_USAGE, "missing_operand", "missing operand");
	else
		sk_fail(err, SK_USAGE, "extra_operand",
		    "unexpected operand '%s'", p->ctx.argv[v->max_args]);
	sk_buf_init(&b, 0);
	sk_usage_line(&b, p->ctx.cmd, v);
	sk_hint(err, "usage: %s", b.p);
	sk_buf_free(&b);
	return err->exit;
}

void
sk_parsed_free(struct sk_parsed *p)
{
	struct sk_opt o;

	for (size_t i = 0; p->ctx.verb && sk_verb_opt(p->ctx.verb, i, &o); i++)
		if (o.kind == SK_O_LIST)
			sk_strv_free((void *)((char *)p->ctx.opts + o.off));
	free(p->ctx.opts);
	free(p->ctx.argv);
	memset(p, 0, sizeof(*p));
}

/* ---- a command line that is wrong ---- */

bool
sk_argv_help(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "-h") == 0 ||
		    strcmp(argv[i], "--help") == 0)
			return true;
	return false;
}

/* A form of the verb's own, which no sk.error/1 belongs in. */
static bool
own_format(const struct sk_verb *v, const char *word)
{
	struct sk_strv words = { 0 };
	bool yes = false;

	for (const struct sk_opt *o = v != NULL ? v->opts : NULL;
	     word != NULL && o != NULL && o->lg != NULL; o++) {
		if (strcmp(o->lg, "format") != 0 || o->choices == NULL)
			continue;
		sk_strv_split(&words, o->choices, ' ');
		yes = sk_strv_has(&words, word);
	}
	sk_strv_free(&words);
	return yes;
}

enum sk_format
sk_argv_format(
    const struct sk_verb *v, int argc, char **argv, enum sk_format dflt)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *s = NULL;

		if (strcmp(argv[i], "--json") == 0)
			s = "json";
		else if (strcmp(argv[i], "--format") == 0)
			s = argv[i + 1]; /* argv ends with NULL */
		else if (strncmp(argv[i], "--format=", 9) == 0)
			s = argv[i] + 9;
		if (sk_streq(s, "json"))
			dflt = SK_FMT_JSON;
		else if (sk_streq(s, "text") || own_format(v, s))
			dflt = SK_FMT_TEXT;
	}
	return dflt;
}

bool
sk_argv_raw(const struct sk_verb *v, int argc, char **argv)
{
	if (v->flags & SK_V_RAW)
		return true;
	for (const struct sk_opt *o = v->opts; o && o->lg; o++)
		for (int i = 1; (o->flags & SK_OF_RAW) && i < argc &&
				strcmp(argv[i], "--") != 0;
		     i++)
			if (sk_has_prefix(argv[i], "--") &&
			    strcmp(argv[i] + 2, o->lg) == 0)
				return true;
	return false;
}
