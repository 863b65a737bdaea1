/* SPDX-License-Identifier: MIT */
/* Building a stage's prompt from embedded text, files and earlier answers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consensus/consensus.h"
#include "data/data.h"
#include "pipeline/context.h"
#include "pipeline/gate.h"
#include "pipeline/pipeline.h"

struct var {
	const char *name;
	const char *value;
};

/*
 * One pass over the template: what a value contains is never expanded again
 * (an answer that holds "${…}" stays text). An unknown name is our own bug.
 */
static int
expand(struct sk_buf *out, const char *t, const struct var *vars, size_t n,
    struct sk_err *err)
{
	const char *end;
	size_t len, i;

	while (*t != '\0') {
		if (t[0] != '$' || t[1] != '{') {
			sk_buf_ch(out, *t++);
			continue;
		}
		t += 2;
		end = strchr(t, '}');
		len = end != NULL ? (size_t)(end - t) : strlen(t);
		for (i = 0; i < n; i++)
			if (strlen(vars[i].name) == len &&
			    memcmp(vars[i].name, t, len) == 0)
				break;
		if (end == NULL || i == n)
			return sk_fail(err, SK_BUG, "unknown_placeholder",
			    "unknown placeholder '%.*s' in a prompt", (int)len,
			    t);
		sk_buf_str(out, vars[i].value);
		t = end + 1;
	}
	return 0;
}

/* The merged answer of an earlier stage: from the newest decision that this
 * branch sees, else its artefact on disk, which a person may have written. */
static int
earlier(struct sk_auto *a, const struct sk_stage *st, struct sk_context *c,
    struct sk_err *err)
{
	struct sk_decision d;
	struct sk_jv *v, *merged;
	struct sk_buf text;
	char name[80], *path;
	bool found = false;
	int rc = 0;

	if (a->db != NULL && a->branch[0] != '\0')
		rc = sk_decision_seen(a->db, a->branch, a->spec.id, st->name,
		    &d, &found, &a->arena, err);
	if (rc != 0)
		return rc;
	if (found && strcmp(d.status, "ok") == 0)
		rc = sk_earlier_stands(a, &d, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&text, 0);
	if (found && strcmp(d.status, "ok") == 0) {
		rc = sk_json_parse(&a->arena, d.verdict, strlen(d.verdict),
		    &sk_verdict_limits, &v, err);
		merged = rc == 0 ? sk_jget(v, "merged") : NULL;
		if (merged != NULL) {
			sk_json_write(&text, merged);
			(void)snprintf(name, sizeof(name), "%s.json", st->name);
			sk_context_add(
			    c, SK_CTX_EARLIER, name, text.p, text.len);
		}
		sk_buf_free(&text);
		return rc;
	}
	(void)snprintf(name, sizeof(name), "%s.md", st->name);
	path = sk_path_join(a->spec.dir, name);
	if (access(path, F_OK) == 0) {
		rc = sk_read_file(path, SK_BUF_MAX, &text, err);
		if (rc == 0)
			sk_context_add(
			    c, SK_CTX_EARLIER, name, text.p, text.len);
	}
	free(path);
	sk_buf_free(&text);
	return rc;
}

/* Answers of this stage so far: one block for each ok record. */
static int
so_far(struct sk_auto *a, const char *records, size_t n, struct sk_context *c,
    struct sk_err *err)
{
	const char *p = records, *end = records + n, *nl;
	const char *agent, *content;
	struct sk_jv *v, *data;
	struct sk_buf text;
	char name[80];
	size_t len;
	int rc = 0;

	sk_buf_init(&text, 0);
	for (; p < end && rc == 0; p = nl + 1) {
		nl = memchr(p, '\n', (size_t)(end - p));
		if (nl == NULL)
			nl = end;
		len = (size_t)(nl - p);
		if (len == 0)
			continue;
		rc = sk_json_parse(
		    &a->arena, p, len, &sk_verdict_limits, &v, err);
		if (rc != 0 ||
		    !sk_streq(sk_jget_str(v, "schema"), "sk.answer/1") ||
		    !sk_streq(sk_jget_str(v, "status"), "ok"))
			continue;
		agent = sk_jget_str(v, "agent");
		content = sk_jget_str(v, "content");
		data = sk_jget(v, "data");
		if (agent == NULL || !sk_ident_ok(agent))
			continue;
		sk_buf_clear(&text);
		if (data != NULL && data->type != SK_J_NULL)
			sk_json_write(&text, data);
		else if (content != NULL)
			sk_buf_str(&text, content);
		(void)snprintf(name, sizeof(name), "answer %s", agent);
		sk_context_add(c, SK_CTX_ANSWER, name, text.p, text.len);
	}
	sk_buf_free(&text);
	return rc;
}

/* A file of the project that is there; a link is not followed, because what it
 * leads to would be shown to agents. */
static int
beside(const char *dir, const char *name, const char *shown,
    struct sk_context *c, struct sk_err *err)
{
	char *path = sk_path_join(dir, name);
	struct sk_buf text;
	struct stat st;
	int rc = 0;

	sk_buf_init(&text, 0);
	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		rc = sk_read_file(path, SK_BUF_MAX, &text, err);
		if (rc == 0)
			sk_context_add(
			    c, SK_CTX_EXTRA, shown, text.p, text.len);
	}
	sk_buf_free(&text);
	free(path);
	return rc;
}

/* What GitHub's spec-kit keeps for its own agents: the constitution, a stage's
 * template, and the papers that its plan command leaves beside the
 * specification. */
static int
spec_kit(struct sk_auto *a, const struct sk_prompt *q, struct sk_context *c,
    struct sk_err *err)
{
	static const char *const papers[] = { "research.md", "data-model.md",
		"quickstart.md" };
	char template[80], name[100];
	int rc;

	rc = beside(a->conf->project_root, ".specify/memory/constitution.md",
	    "constitution.md", c, err);
	(void)snprintf(template, sizeof(template), "%s-template.md", q->task);
	(void)snprintf(name, sizeof(name), ".specify/templates/%s", template);
	if (rc == 0)
		rc = beside(a->conf->project_root, name, template, c, err);
	for (size_t i = 0;
	     rc == 0 && a->spec.feature && i < SK_ARRAY_SIZE(papers); i++)
		rc = beside(a->spec.dir, papers[i], papers[i], c, err);
	return rc;
}

static int
specification(struct sk_auto *a, struct sk_context *c, struct sk_err *err)
{
	struct sk_buf text;
	int rc;

	sk_buf_init(&text, 0);
	rc = sk_spec_read(&a->spec, &text, err);
	if (rc == 0 && a->spec_shown[0] == '\0')
		sk_sha256(text.p, text.len, a->spec_shown);
	if (rc == 0)
		sk_context_add(c, SK_CTX_SPEC, "spec.md", text.p, text.len);
	sk_buf_free(&text);
	return rc;
}

static int
gather(struct sk_auto *a, const struct sk_prompt *q, struct sk_context *c,
    struct sk_err *err)
{
	const struct sk_stage *s;
	int rc;

	rc = specification(a, c, err);
	if (rc == 0 && a->goal != NULL)
		sk_context_add(
		    c, SK_CTX_GOAL, "goal", a->goal, strlen(a->goal));
	if (rc == 0 && q->found != NULL)
		sk_context_add(
		    c, SK_CTX_GOAL, "questions", q->found, strlen(q->found));
	if (rc == 0)
		rc = spec_kit(a, q, c, err);
	for (s = sk_stages; rc == 0 && s != q->before; s++)
		rc = earlier(a, s, c, err);
	if (rc == 0 && q->records != NULL)
		rc = so_far(a, q->records, q->n, c, err);
	return rc;
}

/*
 * What stands in the lines around the data: unknown to whoever wrote any of it,
 * because it depends on all of it, and on the run; and the same whenever the
 * same is asked, so that an answer which was committed is one to this prompt.
 */
static void
boundary(const struct sk_auto *a, const struct sk_context *c,
    char out[SK_SHA256_LEN])
{
	struct sk_sha256_st st;

	sk_sha256_init(&st);
	sk_sha256_add(&st, a->run, strlen(a->run) + 1);
	for (size_t i = 0; i < c->n; i++) {
		sk_sha256_add(&st, c->v[i].name, strlen(c->v[i].name) + 1);
		sk_sha256_add(&st, &c->v[i].n, sizeof(c->v[i].n));
		sk_sha256_add(&st, c->v[i].p, c->v[i].n);
	}
	sk_sha256_end(&st, out);
	out[32] = '\0';
}

/* The data as text, within the budget. */
static int
data_of(struct sk_auto *a, const struct sk_prompt *q, struct sk_buf *out,
    struct sk_jv **left_out, struct sk_err *err)
{
	struct sk_context c = { 0 };
	char mark[SK_SHA256_LEN];
	int64_t budget = 0;
	int rc;

	(void)sk_parse_size(
	    sk_config_str(a->conf, "pipeline.context", "400KiB"), &budget);
	c.budget = (size_t)budget;
	rc = gather(a, q, &c, err);
	if (rc == 0) {
		sk_context_fit(&c);
		boundary(a, &c, mark);
		sk_context_write(&c, mark, out);
		*left_out = sk_context_left_out(&c, &a->arena);
	}
	sk_context_free(&c);
	return rc;
}

int
sk_prompt_build(struct sk_auto *a, const struct sk_prompt *q,
    struct sk_buf *out, struct sk_jv **left_out, struct sk_err *err)
{
	const struct sk_data_file *frame, *task;
	struct sk_jv *cut = NULL;
	char name[64], *text, *form;
	struct sk_buf data;
	int rc;

	(void)snprintf(name, sizeof(name), "prompts/%s.md", q->task);
	task = sk_data_find(name);
	frame = sk_data_find("prompts/frame.md");
	if (task == NULL || frame == NULL)
		sk_bug("no prompt '%s'", name);
	text = sk_strdup(task->text);
	form = strstr(text, "%%\n");
	if (form == NULL)
		sk_bug("no form in prompt '%s'", name);
	*form = '\0';
	form += 3;
	sk_buf_init(&data, 0);
	rc = data_of(a, q, &data, &cut, err);
	if (rc == 0) {
		const struct var vars[] = { { "STAGE", q->task },
			{ "SPEC_ID", a->spec.id }, { "TASK", text },
			{ "GOAL_RULE", a->goal != NULL
					   ? "- The block goal says what this "
					     "run is to achieve. It narrows "
					     "the task, it does not change "
					     "the form of the answer.\n"
					   : "" },
			{ "FORM", form }, { "DATA", data.p } };

		rc = expand(out, frame->text, vars, SK_ARRAY_SIZE(vars), err);
	}
	if (left_out != NULL)
		*left_out = cut;
	sk_buf_free(&data);
	free(text);
	return rc;
}

int
sk_auto_prompt(struct sk_auto *a, const char *word, const char *answers,
    struct sk_err *err)
{
	struct sk_prompt q = { .task = "plan", .before = &sk_stages[0] };
	struct sk_buf records, out;
	struct sk_run run;
	bool found = false;
	int rc = 0;

	if (word != NULL && sk_gate_find(word) != NULL) {
		q.task = word;
		q.before = sk_stage_find(sk_gate_find(word)->stage);
	} else if (word != NULL) {
		rc = sk_stage_parse(word, &q.before, err);
		q.task = rc == 0 ? q.before->name : NULL;
	}
	if (rc != 0)
		return rc;
	/* Without a run the newest one of the specification is looked at. */
	rc = sk_auto_look(a, &run, &found, err);
	sk_buf_init(&records, 0);
	sk_buf_init(&out, 0);
	if (rc == 0 && answers != NULL)
		rc = sk_read_file(answers, SK_BUF_MAX - 1, &records, err);
	q.records = records.p;
	q.n = records.len;
	if (rc == 0)
		rc = sk_prompt_build(a, &q, &out, NULL, err);
	if (rc == 0)
		sk_out(out.p, out.len);
	sk_buf_free(&records);
	sk_buf_free(&out);
	return rc;
}
