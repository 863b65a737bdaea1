/* SPDX-License-Identifier: MIT */
/* What comes in: the prompt as text, or a document sk.request/1; the answer
 * schema; the words for stages. */
#include <string.h>
#include <unistd.h>

#include "agent/internal.h"
#include "cli/cli.h"

/* ---- stages ---- */

/* "plan.arbiter", or "arbiter" alone. */
static bool
is_arbiters(const char *word, const struct sk_config *c)
{
	char base[SK_IDENT_LEN];
	size_t n = strlen(word);
	const char *stage;

	if (strcmp(word, SK_ARBITER_STAGE) == 0)
		return true;
	if (n >= sizeof(base) || !sk_has_suffix(word, "." SK_ARBITER_STAGE))
		return false;
	n -= strlen("." SK_ARBITER_STAGE);
	memcpy(base, word, n);
	base[n] = '\0';
	stage = sk_agent_stage(base, c);
	return stage != NULL && strcmp(stage, base) == 0;
}

const char *
sk_agent_stage(const char *word, const struct sk_config *c)
{
	const char *built_in = sk_stage_word(word);
	const struct sk_jv *own;

	if (built_in != NULL)
		return built_in;
	if (is_arbiters(word, c))
		return word;
	own = c != NULL ? sk_config_get(c, "stages") : NULL;
	return sk_ident_ok(word) && sk_jget(own, word) != NULL ? word : NULL;
}

int
sk_stage_check(const char *word, const struct sk_config *c, const char **out,
    struct sk_err *err)
{
	const char *near;

	*out = sk_agent_stage(word, c);
	if (*out != NULL)
		return 0;
	(void)sk_fail(
	    err, SK_USAGE, "unknown_stage", "unknown stage '%s'", word);
	near = sk_closest(word, sk_stage_words);
	if (near != NULL)
		return sk_hint(err, "did you mean '%s'?", near);
	return sk_hint(err,
	    "stages are plan, tasks, implement, validate, audit, unlock, "
	    "clarify, analyze, checklist, specify, and [stages.NAME] of the "
	    "configuration");
}

/* ---- sk.request/1 ---- */

static int
bad(struct sk_err *err, const char *what)
{
	return sk_fail(
	    err, SK_USAGE, "bad_request", "bad sk.request/1: %s", what);
}

static int
take_agents(struct sk_request *q, const struct sk_jv *l, struct sk_err *err)
{
	if (l != NULL && l->type != SK_J_ARR)
		return bad(err, "'agents' must be an array of strings");
	for (size_t i = 0; i < sk_jlen(l); i++) {
		if (sk_jstr(l->a[i]) == NULL)
			return bad(err, "'agents' must be an array of strings");
		sk_strv_add(&q->agents, sk_jstr(l->a[i]));
	}
	return 0;
}

static int
take_request(struct sk_request *q, const struct sk_jv *v, struct sk_err *err)
{
	const struct sk_jv *p = sk_jget(v, "prompt");
	const struct sk_jv *schema = sk_jget(v, "answer_schema");
	int rc;

	if (p == NULL ||
	    (p->type != SK_J_STR && p->type != SK_J_OBJ && p->type != SK_J_ARR))
		return bad(err, "'prompt' must be a text or a document");
	if ((rc = take_agents(q, sk_jget(v, "agents"), err)) != 0)
		return rc;
	q->run = sk_jget_str(v, "run");
	q->branch = sk_jget_str(v, "branch");
	q->spec = sk_jget_str(v, "spec");
	q->stage = sk_jget_str(v, "stage");
	if (sk_jget(v, "round") != NULL &&
	    (!sk_jget_int(v, "round", &q->round) || q->round < 1))
		return bad(err, "'round' must be a number from 1");
	if (schema != NULL && schema->type != SK_J_NULL) {
		if (schema->type != SK_J_OBJ)
			return bad(err, "'answer_schema' must be an object");
		q->schema = sk_jcopy(&q->arena, schema);
	}
	sk_buf_clear(&q->prompt);
	if (p->type == SK_J_STR)
		sk_buf_add(&q->prompt, p->s, p->n);
	else
		sk_json_write(&q->prompt, p); /* the agent gets it as JSON */
	return 0;
}

/* Only a document that names one of our schemas is more than a text. */
static bool
names_schema(const struct sk_buf *b, const char *schema)
{
	size_t i = 0;

	while (i < b->len && strchr(" \t\r\n", b->p[i]) != NULL)
		i++;
	return i < b->len && b->p[i] == '{' &&
	       memmem(b->p, b->len, schema, strlen(schema)) != NULL;
}

static bool
blank(const struct sk_buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (strchr(" \t\r\n\f\v", b->p[i]) == NULL || b->p[i] == '\0')
			return false;
	return true;
}

static int
take_document(struct sk_request *q, struct sk_err *err)
{
	struct sk_jv *v;
	int rc;

	if (names_schema(&q->prompt, "\"sk.error/1\"")) {
		struct sk_err ignored = { 0 };

		/* The first line is the record; the tool before us failed. */
		const char *nl = memchr(q->prompt.p, '\n', q->prompt.len);
		size_t n =
		    nl != NULL ? (size_t)(nl - q->prompt.p) : q->prompt.len;

		if (sk_json_parse(
			&q->arena, q->prompt.p, n, NULL, &v, &ignored) == 0 &&
		    sk_error_from_json(v, err))
			return err->exit;
		sk_err_clear(&ignored);
	}
	if (!names_schema(&q->prompt, "\"sk.request/1\""))
		return 0;
	rc =
	    sk_json_parse(&q->arena, q->prompt.p, q->prompt.len, NULL, &v, err);
	if (rc != 0)
		return rc;
	if (!sk_streq(sk_jget_str(v, "schema"), "sk.request/1"))
		return 0;
	return take_request(q, v, err);
}

int
sk_request_read(struct sk_request *q, const char *file, struct sk_err *err)
{
	int rc;

	memset(q, 0, sizeof(*q));
	sk_buf_init(&q->prompt, SK_PROMPT_MAX + 4096);
	if (file != NULL && strcmp(file, "-") != 0) {
		rc = sk_read_file(file, SK_PROMPT_MAX, &q->prompt, err);
	} else {
		if (isatty(STDIN_FILENO))
			sk_say("reading the prompt from the terminal, "
			       "Ctrl-D ends it");
		rc = sk_read_fd(STDIN_FILENO, SK_PROMPT_MAX, &q->prompt,
		    "standard input", err);
	}
	if (rc == 0)
		rc = take_document(q, err);
	if (rc == 0 && blank(&q->prompt)) {
		(void)sk_fail(
		    err, SK_USAGE, "empty_prompt", "the prompt is empty");
		rc = sk_hint(err, "sk-run -a NAME <prompt.md");
	}
	return rc;
}

void
sk_request_free(struct sk_request *q)
{
	sk_buf_free(&q->prompt);
	sk_strv_free(&q->agents);
	sk_arena_free(&q->arena);
}

/* A schema that is none is found before anybody is asked. */
static int
check_meta(struct sk_arena *a, const struct sk_jv *schema, const char *file,
    struct sk_err *err)
{
	static const char ref[] =
	    "{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}";
	struct sk_schema_out out = { 0 };
	struct sk_jv *meta;
	int rc;

	rc = sk_json_parse(a, ref, sizeof(ref) - 1, NULL, &meta, err);
	if (rc == 0 && !sk_schema_check(meta, schema, &out))
		rc = sk_fail(err, SK_USAGE, "bad_schema",
		    "schema '%s' is no JSON Schema: at '%s': %s", file,
		    out.n > 0 ? out.v[0].pointer : "",
		    out.n > 0 ? out.v[0].message : "invalid");
	sk_schema_out_free(&out);
	return rc;
}

int
sk_schema_read(struct sk_arena *a, const char *file, struct sk_jv **out,
    struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_read_file(file, (size_t)4 << 20, &b, err);
	if (rc == 0)
		rc = sk_json_parse(a, b.p, b.len, NULL, out, err);
	if (rc != 0 && strcmp(err->code, "bad_json") == 0)
		rc = sk_fail(err, SK_DAMAGED, "bad_json", "schema '%s': %s",
		    file, err->message);
	if (rc == 0 && (*out)->type != SK_J_OBJ)
		rc = sk_fail(err, SK_USAGE, "bad_schema",
		    "schema '%s' is not an object", file);
	sk_buf_free(&b);
	return rc == 0 ? check_meta(a, *out, file, err) : rc;
}
