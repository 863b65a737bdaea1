/* SPDX-License-Identifier: MIT */
/* One line of input: what it is, and whether it can be taken. */
#include <stdlib.h>
#include <string.h>

#include "consensus/record.h"
#include "faults/faults.h"

#define ATTEMPT_MAX 1000000
#define ROUND_MAX 1000000

/* An answer of 16 MiB may be six times as long when it is escaped, and the JSON
 * found in it stands in the record once more, one level deeper. */
static const struct sk_jlimits limits = {
	.bytes = (size_t)128 << 20,
	.depth = 72,
	.tokens = 4000000,
	.string = (size_t)64 << 20,
	.key = 1024,
};

/* ---- parts ---- */

/* Absent and null are "". False when it is something else than a name. */
static bool
name(const struct sk_jv *v, const char *key, bool (*ok)(const char *),
    const char **out)
{
	const struct sk_jv *x = sk_jget(v, key);
	const char *s = sk_jstr(x);

	*out = "";
	if (x == NULL || x->type == SK_J_NULL)
		return true;
	if (s == NULL || !ok(s))
		return false;
	*out = s;
	return true;
}

/* Absent and null leave *out alone. */
static bool
count(const struct sk_jv *v, const char *key, int64_t max, int64_t *out)
{
	const struct sk_jv *x = sk_jget(v, key);
	int64_t i;

	if (x == NULL || x->type == SK_J_NULL)
		return true;
	if (!sk_jint(x, &i) || i < 1 || i > max)
		return false;
	*out = i;
	return true;
}

/* NULL, or what is wrong with the names. */
static const char *
read_key(const struct sk_jv *v, struct sk_key *k)
{
	k->round = 1;
	if (!name(v, "run", sk_ident_ok, &k->run))
		return "bad_run";
	if (!name(v, "branch", sk_branch_id_ok, &k->branch))
		return "bad_branch";
	if (!name(v, "spec", sk_ident_ok, &k->spec))
		return "bad_spec";
	if (!name(v, "stage", sk_ident_ok, &k->stage))
		return "bad_stage";
	if (!count(v, "round", ROUND_MAX, &k->round))
		return "bad_round";
	return NULL;
}

static void
add_meta(struct sk_arena *a, const struct sk_jv *v, struct sk_answer_row *row)
{
	static const char *const keys[] = { "lossy", "usage", "cost", "timings",
		"exit", "signal", "host" };
	struct sk_buf b;
	struct sk_jw w;
	bool any = false;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++) {
		const struct sk_jv *x = sk_jget(v, keys[i]);

		if (x == NULL)
			continue;
		sk_jw_kvalue(&w, keys[i], x);
		any = true;
	}
	sk_jw_end(&w);
	if (any)
		row->meta_json = sk_arena_strndup(a, b.p, b.len);
	sk_buf_free(&b);
}

static void
read_meta(struct sk_arena *a, const struct sk_jv *v, struct sk_answer_row *row)
{
	const struct sk_jv *t = sk_jget(v, "timings");
	const char *s;
	int64_t i;

	row->model = sk_jget_str(v, "model");
	row->adapter = sk_jget_str(v, "adapter");
	row->session = sk_jget_str(v, "session");
	row->host = sk_jget_str(v, "host");
	row->exit_code = row->signal = -1;
	if (sk_jget_int(v, "exit", &i) && i >= 0 && i <= 255)
		row->exit_code = (int)i;
	if (sk_jget_int(v, "signal", &i) && i >= 1 && i <= 64)
		row->signal = (int)i;
	s = sk_jget_str(t, "started_at");
	if (s != NULL && sk_time_parse(s, &i))
		row->started_ms = i;
	s = sk_jget_str(t, "ended_at");
	if (s != NULL && sk_time_parse(s, &i))
		row->ended_ms = i;
	add_meta(a, v, row);
}

static void
read_failure(const struct sk_jv *v, struct sk_answer_row *row)
{
	const struct sk_jv *f = sk_jget(v, "failure");
	const char *kind = sk_jget_str(f, "kind");

	row->failure_kind =
	    kind != NULL && sk_ident_ok(kind) ? kind : "internal";
	/* It was stopped, and why makes a difference to the verdict. */
	if (sk_streq(kind, "cancelled") &&
	    sk_streq(sk_jget_str(f, "code"), SK_NOTE_NOT_NEEDED))
		row->failure_kind = SK_NOTE_NOT_NEEDED;
	row->failure_message = sk_jget_str(f, "message");
}

static bool
blank(const char *s, size_t n)
{
	return strspn(s, " \t\r\n") >= n;
}

/* NULL, or why there is no answer in it. */
static const char *
read_content(struct sk_arena *a, const struct sk_jv *v, struct sk_rec *r)
{
	const struct sk_jv *c = sk_jget(v, "content");
	const struct sk_jv *data = sk_jget(v, "data");
	const struct sk_jv *sha = sk_jget(v, "sha256");
	struct sk_buf b;

	if (c != NULL && c->type == SK_J_STR) {
		r->row.content = c->s;
		r->row.content_n = c->n;
	} else if (c != NULL && c->type != SK_J_NULL) {
		return "bad_content";
	} else if (data != NULL && data->type != SK_J_NULL) {
		sk_buf_init(&b, 0);
		sk_json_canon(&b, data);
		r->row.content = sk_arena_strndup(a, b.p, b.len);
		r->row.content_n = b.len;
		sk_buf_free(&b);
	}
	if (r->row.content == NULL || blank(r->row.content, r->row.content_n))
		return "no_content";
	sk_sha256(r->row.content, r->row.content_n, r->sha256);
	r->row.sha256 = r->sha256;
	if (sha != NULL && sha->type != SK_J_NULL && !SK_MUTANT("no_sha") &&
	    !sk_streq(sk_jstr(sha), r->sha256))
		return "sha256_mismatch";
	return NULL;
}

/* ---- kinds ---- */

static void
read_answer(struct sk_arena *a, const struct sk_jv *v, struct sk_rec *r)
{
	const struct sk_jv *status = sk_jget(v, "status");
	const char *word = sk_jstr(status);

	r->kind = SK_REC_ANSWER;
	r->bad = read_key(v, &r->row.key);
	r->row.key.agent = sk_jget_str(v, "agent");
	if (r->row.key.agent == NULL || !sk_ident_ok(r->row.key.agent)) {
		r->row.key.agent = "";
		r->bad = "bad_agent";
	}
	if (r->bad != NULL)
		return;
	r->keyed = true;
	r->row.ok = true;
	if (status != NULL && status->type != SK_J_NULL) {
		r->row.ok = sk_streq(word, "ok");
		if (!r->row.ok && !sk_streq(word, "failed"))
			r->bad = "bad_status";
	}
	if (!count(v, "attempt", ATTEMPT_MAX, &r->row.attempt))
		r->bad = "bad_attempt";
	read_meta(a, v, &r->row);
	if (r->bad == NULL && r->row.ok)
		r->bad = read_content(a, v, r);
	else if (r->bad == NULL)
		read_failure(v, &r->row);
}

/* The major of "sk.answer/N"; 0 = another kind. */
static int64_t
answer_major(const char *schema)
{
	static const char prefix[] = "sk.answer/";
	int64_t n;

	if (schema == NULL || !sk_has_prefix(schema, prefix) ||
	    !sk_parse_int(schema + sizeof(prefix) - 1, 1, INT64_MAX, &n))
		return 0;
	return n;
}

static int
bad_line(const struct sk_err *why, uint64_t lineno, struct sk_err *err)
{
	const char *msg = why->message;

	/* A record is one line: the parser's line is always the first. */
	if (sk_has_prefix(msg, "line 1, "))
		msg += strlen("line 1, ");
	(void)sk_fail(err, SK_DAMAGED, "bad_record",
	    "bad record in line %llu: %s", (unsigned long long)lineno, msg);
	err->details =
	    sk_asprintf("{\"line\":%llu}", (unsigned long long)lineno);
	return sk_hint(err, "every line of the input is one JSON document; "
			    "what came before this line is recorded");
}

int
sk_rec_read(struct sk_arena *a, const char *line, size_t n, uint64_t lineno,
    struct sk_rec *r, struct sk_err *err)
{
	struct sk_err why = { 0 };
	struct sk_jv *v = NULL;
	const char *schema;
	int64_t major;
	int rc;

	memset(r, 0, sizeof(*r));
	if (sk_json_parse(a, line, n, &limits, &v, &why) != 0) {
		rc = bad_line(&why, lineno, err);
		sk_err_clear(&why);
		return rc;
	}
	schema = sk_jget_str(v, "schema");
	major = answer_major(schema);
	if (major == 1) {
		read_answer(a, v, r);
	} else if (major > 1) {
		(void)sk_fail(err, SK_NEWER, "newer_record",
		    "record in line %llu has schema '%.40s', newer than this "
		    "program",
		    (unsigned long long)lineno, schema);
		return sk_hint(err, "update sk, or write sk.answer/1");
	} else if (sk_streq(schema, "sk.event/1")) {
		if (sk_streq(sk_jget_str(v, "event"), "run.end") &&
		    read_key(v, &r->row.key) == NULL)
			r->kind = SK_REC_END;
	} else if (sk_error_from_json(v, err)) {
		return err->exit;
	}
	return 0;
}

static const struct {
	const char *word, *text;
} refusals[] = {
	{ "bad_agent", "no agent is named, or not by an identifier" },
	{ "bad_run", "the run is not an identifier" },
	{ "bad_branch", "the branch is not a branch id" },
	{ "bad_spec", "the specification is not an identifier" },
	{ "bad_stage", "the stage is not an identifier" },
	{ "bad_round", "the round is not a number from 1" },
	{ "bad_attempt", "the attempt is not a number from 1" },
	{ "bad_status", "the status is neither ok nor failed" },
	{ "bad_content", "the content is not a string" },
	{ "no_content", "there is neither content nor data" },
	{ "sha256_mismatch", "the content is not what its sha256 says" },
	{ "run_mismatch", "the run belongs to another project" },
	{ "wrong_branch", "the branch belongs to another run" },
	{ "wrong_run", "it belongs to another run than the one asked for" },
	{ "bad_identifier", "a name in it is not an identifier" },
};

const char *
sk_refusal_text(const char *reason)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(refusals); i++)
		if (sk_streq(reason, refusals[i].word))
			return refusals[i].text;
	return "it cannot be used";
}
