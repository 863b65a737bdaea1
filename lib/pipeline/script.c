/* SPDX-License-Identifier: MIT */
/* The run as a POSIX script: the same tools through the same pipes. */
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "pipeline/land.h"
#include "pipeline/pipeline.h"
#include "pipeline/skip.h"
#include "pipeline/step.h"

static void
assign(struct sk_buf *b, const char *name, const char *value)
{
	sk_buf_printf(b, "%s=", name);
	sk_shell_quote(b, value);
	sk_buf_ch(b, '\n');
}

/* judge() { WORDS; } and stage NAME MODE -a AGENT… */
static void
stage_line(struct sk_buf *b, const struct sk_auto *a, const struct sk_step *s)
{
	struct sk_strv words = { 0 };
	char *may = sk_skip_may(a, s->stage, NULL);

	if (may != NULL)
		sk_buf_str(b, "may_skip=1\n");
	if (sk_land_trees(a, s->stage))
		sk_buf_str(b, "worktree=--worktree\n");
	sk_judge_words(a, s, &words);
	sk_buf_str(b, "judge() {\n\t");
	for (size_t i = 0; i < words.n; i++) {
		sk_buf_str(b, i > 0 ? " " : "");
		sk_shell_quote(b, words.v[i]);
	}
	sk_buf_str(b, "\n}\n");
	sk_strv_free(&words);
	if (sk_arbiter_name(a, s->stage) != NULL)
		assign(b, "arbiter", sk_arbiter_name(a, s->stage));
	sk_buf_printf(
	    b, "rounds=%lld\n", (long long)sk_step_rounds(a, s->stage));
	sk_buf_printf(b, "stage %s %s", s->stage->name,
	    sk_auto_sequential(a, s->stage) ? "sequential" : "parallel");
	for (size_t i = 0; i < s->specs.n; i++) {
		sk_buf_str(b, " -a ");
		sk_shell_quote(b, s->specs.v[i]);
	}
	sk_buf_ch(b, '\n');
	if (may != NULL)
		sk_buf_str(b, "may_skip=\n");
	free(may);
	if (sk_arbiter_name(a, s->stage) != NULL)
		sk_buf_str(b, "arbiter=\n");
	if (sk_land_trees(a, s->stage)) {
		const char *rule =
		    sk_config_str(a->conf, "landing.apply", "never");

		sk_buf_str(b, "worktree=\n");
		if (strcmp(rule, "never") == 0)
			sk_buf_printf(b,
			    "# Whose work? sk-auto diff %s; sk-auto apply %s\n",
			    a->spec.id, a->spec.id);
		else
			sk_buf_printf(b,
			    "sk-auto apply \"$spec\" --run \"$SK_RUN\" "
			    "--choose %s || exit\n",
			    rule);
	}
}

/* Which stages the run is about, in the words of `end`. */
static void
range_line(struct sk_buf *b, const struct sk_auto_opts *o)
{
	const char *const words[][2] = { { "from", o->from }, { "to", o->to },
		{ "only", o->only } };
	struct sk_buf w;

	sk_buf_init(&w, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (words[i][1] != NULL)
			sk_buf_printf(&w, " --%s %s", words[i][0],
			    sk_stage_find(words[i][1])->name);
	for (size_t i = 0; i < SK_ARRAY_SIZE(o->skip); i++)
		if (o->skip[i])
			sk_buf_printf(&w, " --skip-%s", sk_stages[i].name);
	if (w.len > 0)
		assign(b, "range", w.p + 1);
	sk_buf_free(&w);
}

void
sk_auto_script(const struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_buf *b)
{
	const struct sk_data_file *body = sk_data_find("script/run.sh");
	const char *p;

	if (body == NULL)
		sk_bug("no script body");
	/* The first line, then what this run is about, then the functions. */
	p = strchr(body->text, '\n') + 1;
	sk_buf_add(b, body->text, (size_t)(p - body->text));
	sk_buf_printf(b,
	    "# The six stages of a specification as a script: what "
	    "`sk-auto run %s`\n# does, with the same tools and the same "
	    "result.\n",
	    a->spec.id);
	assign(b, "spec", a->spec.id);
	range_line(b, a->opts);
	if (a->goal != NULL)
		assign(b, "goal", a->goal);
	if (a->opts->on_gate != NULL)
		assign(b, "on_gate", a->opts->on_gate);
	if (a->opts->timeout > 0)
		sk_buf_printf(
		    b, "timeout=%lldms\n", (long long)a->opts->timeout);
	if (sk_ask_seconds(a) > 0)
		sk_buf_printf(
		    b, "deadline=%llds\n", (long long)sk_ask_seconds(a));
	if (a->opts->allow_dirty)
		sk_buf_str(b, "SPEC_OPS_ALLOW_DIRTY=1\n"
			      "export SPEC_OPS_ALLOW_DIRTY\n");
	if (a->conf->named_file != NULL) {
		assign(b, "SK_CONFIG", a->conf->named_file);
		sk_buf_str(b, "export SK_CONFIG\n");
	}
	if (a->db_file != NULL) {
		char *db = realpath(a->db_file, NULL);

		assign(b, "SK_DB", db != NULL ? db : a->db_file);
		sk_buf_str(b, "export SK_DB\n");
		free(db);
	}
	sk_buf_str(b, p);
	for (size_t i = 0; i < n; i++)
		stage_line(b, a, &steps[i]);
}
