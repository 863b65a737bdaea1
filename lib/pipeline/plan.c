/* SPDX-License-Identifier: MIT */
/* A dry run: what would be asked of whom, checked by sk-run itself. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "pipeline/pipeline.h"

static int
stage_plan(struct sk_auto *a, const struct sk_step *s, size_t *bytes,
    struct sk_jv **plan, struct sk_err *err)
{
	const struct sk_prompt q = { .task = s->stage->name,
		.before = s->stage };
	struct sk_strv argv = { 0 };
	struct sk_buf prompt, out;
	int rc, status = 0, interrupted = 0;

	sk_buf_init(&prompt, 0);
	sk_buf_init(&out, 0);
	rc = sk_prompt_build(a, &q, &prompt, NULL, err);
	*bytes = prompt.len;
	sk_strv_add(&argv, "sk-run");
	sk_strv_add(&argv, "--dry-run");
	sk_strv_add(&argv, "--json");
	sk_strv_add(&argv, "--spec");
	sk_strv_add(&argv, a->spec.id);
	sk_strv_add(&argv, "--stage");
	sk_strv_add(&argv, s->stage->name);
	if (a->config_file != NULL) {
		sk_strv_add(&argv, "--config");
		sk_strv_add(&argv, a->config_file);
	}
	for (size_t i = 0; i < s->specs.n; i++) {
		sk_strv_add(&argv, "--agent");
		sk_strv_add(&argv, s->specs.v[i]);
	}
	if (rc == 0)
		rc = sk_child_run(a, &argv, prompt.p, prompt.len, &out, &status,
		    &interrupted, err);
	if (rc == 0 && out.len > 0)
		rc = sk_json_parse(&a->arena, out.p, out.len, NULL, plan, err);
	if (rc == 0 && sk_error_from_json(*plan, err))
		rc = err->exit;
	if (rc == 0 && status != 0)
		rc = sk_fail(err, status, "dry_run",
		    "sk-run --dry-run for "
		    "stage '%s' ended with %d",
		    s->stage->name, status);
	sk_strv_free(&argv);
	sk_buf_free(&prompt);
	sk_buf_free(&out);
	return rc;
}

static void
stage_row(struct sk_table *t, const struct sk_auto *a, const struct sk_step *s,
    size_t bytes)
{
	struct sk_buf who;

	sk_buf_init(&who, 0);
	for (size_t i = 0; i < s->names.n; i++)
		sk_buf_printf(&who, "%s%s", i > 0 ? ", " : "", s->names.v[i]);
	sk_table_cell(t, s->stage->name);
	sk_table_cell(
	    t, sk_auto_sequential(a, s->stage) ? "sequential" : "parallel");
	sk_table_cell(t, who.p);
	sk_table_cellf(t, "%zu", bytes);
	sk_buf_free(&who);
}

static void
stage_json(struct sk_jw *w, const struct sk_auto *a, const struct sk_step *s,
    size_t bytes, const struct sk_jv *plan)
{
	sk_jw_obj(w);
	sk_jw_kstr(w, "stage", s->stage->name);
	sk_jw_kstr(w, "mode",
	    sk_auto_sequential(a, s->stage) ? "sequential" : "parallel");
	sk_jw_kint(w, "prompt_bytes", (int64_t)bytes);
	sk_jw_kvalue(w, "agents", sk_jget(plan, "agents"));
	sk_jw_end(w);
}

int
sk_auto_plan(struct sk_auto *a, const struct sk_step *steps, size_t n,
    struct sk_err *err)
{
	struct sk_jv *plan;
	struct sk_table t;
	struct sk_buf b;
	struct sk_jw w;
	size_t bytes;
	int rc = 0;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "schema", "sk.outline/1");
	sk_jw_kstr(&w, "spec", a->spec.id);
	sk_jw_key(&w, "stages");
	sk_jw_arr(&w);
	sk_table_init(&t, 4, 8);
	sk_table_cell(&t, "STAGE");
	sk_table_cell(&t, "MODE");
	sk_table_cell(&t, "AGENTS");
	sk_table_cell(&t, "PROMPT BYTES");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		plan = NULL;
		rc = stage_plan(a, &steps[i], &bytes, &plan, err);
		if (rc != 0)
			break;
		stage_row(&t, a, &steps[i], bytes);
		stage_json(&w, a, &steps[i], bytes, plan);
	}
	if (rc == 0) {
		sk_jw_end(&w);
		sk_jw_end(&w);
		sk_jw_done(&w);
	}
	if (rc == 0 && a->json)
		sk_out_json(&b);
	if (rc == 0 && sk_ci_format(a->opts->format))
		rc = sk_json_parse(
		    &a->arena, b.p, b.len, NULL, &a->outline, err);
	if (rc == 0 && !a->json && a->outline == NULL)
		sk_table_print(&t);
	else
		sk_strv_free(&t.cells);
	sk_buf_free(&b);
	return rc;
}
