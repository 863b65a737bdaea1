/* SPDX-License-Identifier: MIT */
/* Building a stage's prompt from embedded text, files and earlier answers. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "consensus/consensus.h"
#include "data/data.h"
#include "pipeline/pipeline.h"

/* More of one file than this is left out, and the prompt says how much. */
#define CLIP ((size_t)200000)

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

/* Bytes of p that may be shown, cut at a character's start. */
static size_t
clipped(const char *p, size_t n)
{
	if (n <= CLIP)
		return n;
	n = CLIP;
	while (n > 0 && ((unsigned char)p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

static void
block(struct sk_buf *out, const char *name, const char *mark, const char *p,
    size_t n)
{
	size_t shown = clipped(p, n), at;

	sk_buf_printf(out, "<<<BEGIN %s %s\n", name, mark);
	at = out->len;
	(void)sk_utf8_clean(out, p, shown);
	/* A NUL would end the prompt for whoever reads it as a string. */
	for (; at < out->len; at++)
		if (out->p[at] == '\0')
			out->p[at] = ' ';
	if (shown > 0 && p[shown - 1] != '\n')
		sk_buf_ch(out, '\n');
	if (shown < n)
		sk_buf_printf(out, "[%zu more bytes of %s were left out]\n",
		    n - shown, name);
	sk_buf_printf(out, "<<<END %s %s\n\n", name, mark);
}

/* The merged answer of an earlier stage: from the newest decision that this
 * branch sees, else its artefact on disk, which a person may have written. */
static int
earlier(struct sk_auto *a, const struct sk_stage *st, const char *mark,
    struct sk_buf *out, struct sk_err *err)
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
	sk_buf_init(&text, 0);
	if (found && strcmp(d.status, "ok") == 0) {
		rc = sk_json_parse(&a->arena, d.verdict, strlen(d.verdict),
		    &sk_verdict_limits, &v, err);
		merged = rc == 0 ? sk_jget(v, "merged") : NULL;
		if (merged != NULL) {
			sk_json_write(&text, merged);
			(void)snprintf(name, sizeof(name), "%s.json", st->name);
			block(out, name, mark, text.p, text.len);
		}
		sk_buf_free(&text);
		return rc;
	}
	(void)snprintf(name, sizeof(name), "%s.md", st->name);
	path = sk_path_join(a->spec.dir, name);
	if (access(path, F_OK) == 0) {
		rc = sk_read_file(path, SK_BUF_MAX, &text, err);
		if (rc == 0)
			block(out, name, mark, text.p, text.len);
	}
	free(path);
	sk_buf_free(&text);
	return rc;
}

/* Answers of this stage so far: one block for each ok record. */
static int
so_far(struct sk_auto *a, const char *records, size_t n, const char *mark,
    struct sk_buf *out, struct sk_err *err)
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
		block(out, name, mark, text.p, text.len);
	}
	sk_buf_free(&text);
	return rc;
}

static int
gather(struct sk_auto *a, const struct sk_stage *st, const char *records,
    size_t n, struct sk_buf *data, struct sk_err *err)
{
	const struct sk_stage *s;
	char hex[SK_HEX32_LEN];
	struct sk_buf text;
	int rc;

	sk_hex32_new(hex);
	hex[16] = '\0';
	sk_buf_init(&text, 0);
	rc = sk_read_file(a->spec.file, SK_BUF_MAX, &text, err);
	if (rc == 0 && strspn(text.p, " \t\r\n") == text.len)
		rc = sk_fail(err, SK_USAGE, "empty_spec",
		    "specification '%s' is empty", a->spec.file);
	if (rc == 0 &&
	    (!sk_utf8_ok(text.p, text.len) || strlen(text.p) != text.len))
		rc = sk_fail(err, SK_USAGE, "not_text",
		    "specification '%s' is not UTF-8 text", a->spec.file);
	if (rc == 0)
		block(data, "spec.md", hex, text.p, text.len);
	sk_buf_free(&text);
	for (s = sk_stages; rc == 0 && s != st; s++)
		rc = earlier(a, s, hex, data, err);
	if (rc == 0 && records != NULL)
		rc = so_far(a, records, n, hex, data, err);
	return rc;
}

int
sk_prompt_build(struct sk_auto *a, const struct sk_stage *st,
    const char *records, size_t n, struct sk_buf *out, struct sk_err *err)
{
	const struct sk_data_file *frame, *task;
	char name[64], *text, *form;
	struct sk_buf data;
	int rc;

	(void)snprintf(name, sizeof(name), "prompts/%s.md", st->name);
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
	rc = gather(a, st, records, n, &data, err);
	if (rc == 0) {
		const struct var vars[] = { { "STAGE", st->name },
			{ "SPEC_ID", a->spec.id }, { "TASK", text },
			{ "FORM", form }, { "DATA", data.p } };

		rc = expand(out, frame->text, vars, SK_ARRAY_SIZE(vars), err);
	}
	sk_buf_free(&data);
	free(text);
	return rc;
}

int
sk_auto_prompt(struct sk_auto *a, const char *word, const char *answers,
    struct sk_err *err)
{
	const struct sk_stage *st = &sk_stages[0];
	struct sk_buf records, out;
	struct sk_run run;
	bool found = false;
	int rc = 0;

	if (word != NULL)
		rc = sk_stage_parse(word, &st, err);
	if (rc != 0)
		return rc;
	/* Without a run the newest one of the specification is looked at. */
	rc = sk_auto_look(a, &run, &found, err);
	sk_buf_init(&records, 0);
	sk_buf_init(&out, 0);
	if (rc == 0 && answers != NULL)
		rc = sk_read_file(answers, SK_BUF_MAX - 1, &records, err);
	if (rc == 0)
		rc = sk_prompt_build(a, st, records.p, records.len, &out, err);
	if (rc == 0)
		sk_out(out.p, out.len);
	sk_buf_free(&records);
	sk_buf_free(&out);
	return rc;
}
