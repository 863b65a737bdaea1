/* SPDX-License-Identifier: MIT */
/*
 * --dump: the option tables in other forms. Here: JSON for tests and mdoc for
 * the manual pages (man/splice.awk puts it in place).
 */
#include <ctype.h>
#include <string.h>

#include "cli/internal.h"

const char *
sk_opt_words(const struct sk_opt *o)
{
	if (o->kind == SK_O_ENUM)
		return o->choices;
	return o->comp == SK_C_STAGE ? SK_STAGES : "";
}

/* What the first operand may be: "bash|zsh" of "bash|zsh [FILE]", the names of
 * schemas, the stages. */
void
sk_operand_words(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	const char *names[SK_SCHEMAS_MAX];
	const char *s = v->operands;

	if (v->comp == SK_C_STAGE) {
		sk_buf_str(b, SK_STAGES);
	} else if (v == &sk_builtin_verbs[SK_BUILTIN_SCHEMA]) {
		sk_schema_names(cmd, names);
		for (size_t i = 0; names[i] != NULL; i++)
			sk_buf_printf(b, "%s%s", i > 0 ? " " : "", names[i]);
	} else if (s != NULL && memchr(s, '|', strcspn(s, " ")) != NULL &&
		   strspn(s, "abcdefghijklmnopqrstuvwxyz|-[]") ==
		       strcspn(s, " ")) {
		for (; *s != '\0' && *s != ' '; s++)
			if (*s == '|')
				sk_buf_ch(b, ' ');
			else if (*s != '[' && *s != ']')
				sk_buf_ch(b, *s);
	}
}

/* ---- JSON ---- */

static void
json_words(struct sk_jw *w, const char *key, const char *words)
{
	struct sk_strv v = { 0 };

	sk_strv_split(&v, words, ' ');
	sk_jw_kstrv(w, key, &v);
	sk_strv_free(&v);
}

static void
json_opt(struct sk_jw *w, const struct sk_opt *o)
{
	static const char *const kinds[] = { "flag", "str", "int", "duration",
		"size", "enum", "list" };
	char sh[2] = { o->sh, '\0' };

	sk_jw_obj(w);
	sk_jw_kstr(w, "long", o->lg);
	sk_jw_kstr(w, "short", o->sh != 0 ? sh : NULL);
	sk_jw_kstr(w, "kind", kinds[o->kind]);
	sk_jw_kstr(w, "arg", o->arg);
	json_words(w, "choices", sk_opt_words(o));
	sk_jw_kbool(w, "no", (o->flags & SK_OF_NO) != 0);
	sk_jw_kbool(w, "hidden", (o->flags & SK_OF_HIDDEN) != 0);
	sk_jw_kbool(w, "common", (o->flags & SK_OF_COMMON) != 0);
	sk_jw_kstr(w, "help", o->help);
	sk_jw_end(w);
}

static void
gen_json(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;
	struct sk_buf words;
	struct sk_opt o;
	struct sk_jw w;

	sk_buf_init(&words, 0);
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "tool", cmd->name);
	sk_jw_kstr(&w, "purpose", cmd->purpose);
	sk_jw_karr(&w, "verbs");
	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "name", v->name);
		sk_jw_kstr(&w, "operands", v->operands);
		sk_jw_kstr(&w, "purpose", v->purpose);
		sk_jw_kbool(&w, "runs", v->run != NULL);
		sk_jw_kbool(&w, "hidden", (v->flags & SK_V_HIDDEN) != 0);
		sk_jw_kbool(&w, "raw", (v->flags & SK_V_RAW) != 0);
		sk_jw_kbool(&w, "pass", (v->flags & SK_V_PASS) != 0);
		sk_buf_clear(&words);
		sk_operand_words(&words, cmd, v);
		json_words(&w, "words", words.p);
		sk_jw_karr(&w, "options");
		for (size_t j = 0; sk_verb_opt(v, j, &o); j++)
			json_opt(&w, &o);
		sk_jw_end(&w);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
	sk_buf_free(&words);
}

/* ---- mdoc ---- */

/* What a table says in mdoc; each sentence on a line of its own, as mandoc
 * wants it, so that tables can be written as prose. */
static void
mdoc_man(struct sk_buf *b, const char *s)
{
	bool macro = *s == '.';

	for (; *s != '\0'; s++) {
		if (!macro && s[0] == '.' && s[1] == ' ' &&
		    isupper((unsigned char)s[2])) {
			sk_buf_str(b, ".\n");
			s++;
			continue;
		}
		sk_buf_ch(b, *s);
		if (*s == '\n')
			macro = s[1] == '.';
	}
	sk_buf_ch(b, '\n');
}

/* Plain text as an mdoc text line. */
static void
mdoc_text(struct sk_buf *b, const char *s, bool capital)
{
	if (*s == '.' || *s == '\'')
		sk_buf_str(b, "\\&");
	for (; *s != '\0'; s++, capital = false) {
		if (*s == '\\')
			sk_buf_str(b, "\\e");
		else
			sk_buf_ch(
			    b, capital ? (char)toupper((unsigned char)*s) : *s);
	}
}

static void
mdoc_words(struct sk_buf *b, const char *words)
{
	size_t n;

	for (; *words != '\0'; words += n) {
		words += strspn(words, " ");
		n = strcspn(words, " ");
		sk_buf_printf(
		    b, "%.*s%s", (int)n, words, words[n] != '\0' ? ", " : "");
	}
}

/* One word of the operands: fixed in lower case, else an argument's name. */
static void
mdoc_word(struct sk_buf *b, const char *s, size_t n)
{
	bool fixed = false;

	for (size_t i = 0; i < n; i++)
		fixed = fixed || islower((unsigned char)s[i]);
	sk_buf_printf(b, "%s %.*s ", fixed ? "Cm" : "Ar", (int)n, s);
}

/* "[NAME]..." as "Oo Ar NAME Oc ...": macros on one line after the dot. */
static void
mdoc_operands(struct sk_buf *b, const char *s)
{
	size_t n;

	if (s == NULL || *s == '\0')
		return;
	sk_buf_ch(b, '.');
	for (; *s != '\0'; s += n) {
		n = 1;
		if (*s == '[') {
			sk_buf_str(b, "Oo ");
		} else if (*s == ']') {
			sk_buf_str(b, "Oc ");
		} else if (*s == '|') {
			sk_buf_str(b, "| ");
		} else if (sk_has_prefix(s, "...")) {
			sk_buf_str(b, "Ns No ... ");
			n = 3;
		} else if (sk_has_prefix(s, "\xe2\x80\xa6")) {
			sk_buf_str(b, "Ns No ... ");
			n = 3;
		} else if (*s != ' ') {
			n = strcspn(s, "[]| \xe2");
			for (size_t i = 1; i < n; i++)
				if (sk_has_prefix(s + i, "..."))
					n = i;
			mdoc_word(b, s, n > 0 ? n : (n = 1));
		}
	}
	b->p[b->len - 1] = '\n';
}

static void
mdoc_arg(struct sk_buf *b, const struct sk_opt *o, const char *sep)
{
	if (sk_opt_has_arg(o))
		sk_buf_printf(b, "%sAr %s", sep, o->arg);
}

static void
mdoc_synopsis(
    struct sk_buf *b, const struct sk_cmd *cmd, const struct sk_verb *v)
{
	struct sk_opt o;

	sk_buf_printf(b, ".Nm %s\n", cmd->name);
	if (v->name != NULL)
		sk_buf_printf(b, ".Cm %s\n", v->name);
	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		if (o.flags & (SK_OF_HIDDEN | SK_OF_COMMON))
			continue;
		if (o.sh != 0)
			sk_buf_printf(b, ".Op Fl %c", o.sh);
		else
			sk_buf_printf(b, ".Op Fl -%s", o.lg);
		mdoc_arg(b, &o, " ");
		if (o.kind == SK_O_LIST)
			sk_buf_str(b, " ...");
		sk_buf_ch(b, '\n');
	}
	mdoc_operands(b, v->operands);
}

static void
mdoc_opt(struct sk_buf *b, const struct sk_opt *o)
{
	sk_buf_str(b, ".It ");
	if (o->sh != 0) {
		sk_buf_printf(b, "Fl %c", o->sh);
		mdoc_arg(b, o, " ");
		sk_buf_str(b, " , ");
	}
	sk_buf_printf(b, "Fl -%s", o->lg);
	mdoc_arg(b, o, " Ns = Ns ");
	if (o->flags & SK_OF_NO)
		sk_buf_printf(b, " , Fl -no-%s", o->lg);
	sk_buf_ch(b, '\n');
	mdoc_text(b, o->help, true);
	sk_buf_str(b, ".\n");
	if (o->kind == SK_O_LIST)
		sk_buf_str(b, "May be given more than once.\n");
	if (sk_opt_words(o)[0] != '\0') {
		sk_buf_str(b, "One of ");
		mdoc_words(b, sk_opt_words(o));
		sk_buf_str(b, ".\n");
	}
	if (o->man != NULL)
		mdoc_man(b, o->man);
}

/* The options of v with (flags & SK_OF_COMMON) == which. */
static bool
mdoc_list(struct sk_buf *b, const struct sk_verb *v, unsigned which)
{
	struct sk_opt o;
	bool any = false;

	for (size_t i = 0; sk_verb_opt(v, i, &o); i++) {
		if ((o.flags & SK_OF_HIDDEN) ||
		    (o.flags & SK_OF_COMMON) != which)
			continue;
		if (!any)
			sk_buf_str(b, ".Bl -tag -width Ds\n");
		any = true;
		mdoc_opt(b, &o);
	}
	if (any)
		sk_buf_str(b, ".El\n");
	return any;
}

static void
mdoc_exit(struct sk_buf *b)
{
	static const struct {
		int exit;
		const char *text;
	} rows[] = {
		{ SK_OK, "success; a verdict is ok" },
		{ SK_NEGATIVE, "a definite no: a verdict is conflict" },
		{ SK_USAGE, "wrong usage or configuration" },
		{ SK_DEGRADED, "degraded or unknown: usable but incomplete" },
		{ SK_LOGIN, "login needed or expired" },
		{ SK_PAUSED, "paused: needs a person" },
		{ SK_NOANSWER, "no usable answer from an agent or provider" },
		{ SK_BUDGET, "refused by the budget" },
		{ SK_ORDER, "out of order, stale or fenced" },
		{ SK_TIMEOUT, "timed out" },
		{ SK_DAMAGED, "damaged data: the database or the input" },
		{ SK_NEWER, "data of a newer version" },
		{ SK_BUG, "internal error: a bug" },
		{ SK_NOMEM, "out of memory" },
		{ SK_IO, "input or output failed; disk full" },
		{ SK_AGAIN, "try again later: busy or rate-limited" },
		{ SK_INT, "interrupted" },
		{ SK_PIPE, "the reader of standard output went away" },
		{ SK_TERM, "terminated" },
	};

	sk_buf_str(b, ".\\\" @EXIT@\n.Bl -tag -width Ds\n");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		sk_buf_printf(b, ".It %d\n", rows[i].exit);
		mdoc_text(b, rows[i].text, true);
		sk_buf_str(b, ".\n");
	}
	sk_buf_str(b, ".El\n.Pp\nThe table is the same for all tools: see\n"
		      ".Xr sk-exit-codes 7 .\n");
}

static void
gen_mdoc(struct sk_buf *b, const struct sk_cmd *cmd)
{
	const struct sk_verb *v;

	sk_buf_str(b, ".\\\" @SYNOPSIS@\n");
	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++)
		if (v->run != NULL && !(v->flags & SK_V_HIDDEN))
			mdoc_synopsis(b, cmd, v);
	sk_buf_str(b, ".\\\" @OPTIONS@\n");
	for (size_t i = 0; (v = sk_verb_at(cmd, i)) != NULL; i++) {
		if (v->run == NULL || (v->flags & SK_V_HIDDEN))
			continue;
		sk_buf_printf(b, ".Ss %s%s%s\n", cmd->name, v->name ? " " : "",
		    v->name ? v->name : "");
		mdoc_text(b, v->purpose ? v->purpose : cmd->purpose, true);
		sk_buf_str(b, ".\n");
		(void)mdoc_list(b, v, 0);
	}
	sk_buf_str(b, ".Ss Common options\nEvery verb also takes these:\n");
	(void)mdoc_list(b, sk_builtin_verbs, SK_OF_COMMON);
	mdoc_exit(b);
}

void
sk_gen(struct sk_buf *b, const struct sk_cmd *cmd, const char *what)
{
	if (strcmp(what, "bash") == 0)
		sk_gen_bash(b, cmd);
	else if (strcmp(what, "zsh") == 0)
		sk_gen_zsh(b, cmd);
	else if (strcmp(what, "json") == 0)
		gen_json(b, cmd);
	else
		gen_mdoc(b, cmd);
}
