/* SPDX-License-Identifier: MIT */
/* Reading a bundle that may be anybody's: all of it is checked first. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/bundle.h"

const struct sk_jlimits sk_bundle_limits = { .bytes = SK_BUNDLE_MAX,
	.depth = 64,
	.tokens = 1000000,
	.string = (size_t)256 << 20,
	.key = 1024 };

/* A verdict, until its decision comes. */
struct verdict {
	int64_t id;
	char sha[SK_SHA256_LEN], status[16];
};

struct check {
	struct sk_bundle *b;
	struct sk_arena arena;
	struct verdict *v;
	size_t n, cap;
	struct sk_strv files;
	uint64_t bytes;
	size_t line;
};

static int
bad(const struct check *c, const char *why, struct sk_err *err)
{
	return sk_fail(err, SK_DAMAGED, "bad_bundle",
	    "line %zu of the bundle %s", c->line, why);
}

int
sk_bundle_line(const struct sk_bundle *b, size_t *at, struct sk_arena *a,
    struct sk_jv **out, struct sk_err *err)
{
	const char *p = b->text.p + *at, *end = b->text.p + b->text.len, *nl;
	int rc;

	if (p >= end)
		return 0;
	nl = memchr(p, '\n', (size_t)(end - p));
	if (nl == NULL)
		return -sk_fail(err, SK_DAMAGED, "bad_bundle",
		    "the bundle's last line is cut off");
	rc = sk_json_parse(a, p, (size_t)(nl - p), &sk_bundle_limits, out, err);
	*at = (size_t)(nl + 1 - b->text.p);
	return rc != 0 ? -rc : 1;
}

/* ---- texts and their hashes ---- */

/* A text, or its size and hash; false when it is neither. */
static bool
hash_of(const struct sk_jv *v, char sha[SK_SHA256_LEN])
{
	const char *s;

	if (v != NULL && v->type == SK_J_STR) {
		sk_sha256(v->s, v->n, sha);
		return true;
	}
	s = sk_jget_str(v, "sha256");
	if (s == NULL || strlen(s) != SK_SHA256_LEN - 1)
		return false;
	memcpy(sha, s, SK_SHA256_LEN);
	return true;
}

static int
check_answer(struct check *c, const struct sk_jv *row, struct sk_err *err)
{
	char sha[SK_SHA256_LEN];

	c->b->answers++;
	if (!hash_of(sk_jget(row, "content"), sha) ||
	    !sk_streq(sk_jget_str(row, "sha256"), sha))
		return bad(c, "has an answer with another hash", err);
	return 0;
}

static int
keep_verdict(struct check *c, const struct sk_jv *row, struct sk_err *err)
{
	const char *status = sk_jget_str(row, "status");
	struct verdict *v;

	SK_GROW(NULL, c->v, c->n, c->cap);
	v = &c->v[c->n++];
	if (!sk_jget_int(row, "id", &v->id) || status == NULL ||
	    strlen(status) >= sizeof(v->status) ||
	    !hash_of(sk_jget(row, "synthesis_json"), v->sha))
		return bad(c, "has a verdict that is none", err);
	memcpy(v->status, status, strlen(status) + 1);
	return 0;
}

static bool
copy(char *out, size_t n, const char *s)
{
	return s != NULL && strlen(s) < n && memcpy(out, s, strlen(s) + 1);
}

/* The link that a decision carries is that of its facts and its verdict. */
static int
check_decision(struct check *c, const struct sk_jv *row, struct sk_err *err)
{
	const char *chain = sk_jget_str(row, "chain");
	struct sk_decision d = { .seq = 0 };
	char link[SK_SHA256_LEN];
	int64_t id = 0;

	c->b->decisions++;
	if (chain == NULL)
		return 0; /* of a build that had none */
	if (strlen(chain) != 2 * (SK_SHA256_LEN - 1) ||
	    !copy(d.branch, sizeof(d.branch), sk_jget_str(row, "branch_id")) ||
	    !copy(d.spec, sizeof(d.spec), sk_jget_str(row, "spec_id")) ||
	    !copy(d.stage, sizeof(d.stage), sk_jget_str(row, "stage")) ||
	    !sk_jget_int(row, "round", &d.round) ||
	    !sk_jget_int(row, "decision_seq", &d.seq) ||
	    !sk_jget_int(row, "epoch", &d.epoch) ||
	    !sk_jget_int(row, "decided_at", &d.decided_ms) ||
	    !sk_jget_int(row, "supersedes", &d.supersedes) ||
	    !sk_jget_int(row, "consensus_run", &id))
		return bad(c, "has a decision that is none", err);
	memcpy(d.run, c->b->run, sizeof(d.run));
	memcpy(d.chain_prev, chain, SK_SHA256_LEN - 1);
	for (size_t i = 0; i < c->n; i++) {
		if (c->v[i].id != id)
			continue;
		memcpy(d.status, c->v[i].status, sizeof(d.status));
		sk_chain_link_of(&d, c->v[i].sha, link);
		if (strcmp(link, chain + SK_SHA256_LEN - 1) == 0)
			return 0;
		return bad(c, "has a decision that its link does not fit", err);
	}
	return bad(c, "has a decision without its verdict", err);
}

static int
check_row(struct check *c, const struct sk_jv *v, struct sk_err *err)
{
	const char *table = sk_jget_str(v, "table");
	const struct sk_jv *row = sk_jget(v, "row");

	c->b->rows++;
	if (row == NULL || row->type != SK_J_OBJ)
		return bad(c, "has no row", err);
	if (strcmp(table, "agent_outputs") == 0)
		return check_answer(c, row, err);
	if (strcmp(table, "consensus_runs") == 0)
		return keep_verdict(c, row, err);
	if (strcmp(table, "decisions") == 0)
		return check_decision(c, row, err);
	return 0;
}

/* ---- files ---- */

static int
check_file(struct check *c, const struct sk_jv *v, struct sk_err *err)
{
	const char *path = sk_jget_str(v, "file"), *in = sk_jget_str(v, "in");
	const struct sk_jv *text = sk_jget(v, "text");
	char sha[SK_SHA256_LEN];
	int64_t n = -1;

	if (++c->b->files > SK_BUNDLE_FILES)
		return bad(c, "is one file too many", err);
	if (path == NULL || in == NULL ||
	    !sk_bundle_path_ok(in, path, c->b->spec))
		return bad(c, "names a file that has no place in a run", err);
	if (sk_strv_has(&c->files, path))
		return bad(c, "names a file for the second time", err);
	sk_strv_add(&c->files, path);
	if (!sk_jget_int(v, "bytes", &n) || n < 0 ||
	    n > (int64_t)SK_BUNDLE_FILE_MAX ||
	    (c->bytes += (uint64_t)n) > SK_BUNDLE_MAX)
		return bad(c, "has a file that is too large", err);
	if (c->b->redacted)
		return text == NULL && hash_of(v, sha)
		           ? 0
		           : bad(c, "should have no text", err);
	if (text == NULL || text->type != SK_J_STR || text->n != (size_t)n)
		return bad(c, "has a file of another size", err);
	sk_sha256(text->s, text->n, sha);
	if (!sk_streq(sk_jget_str(v, "sha256"), sha))
		return bad(c, "has a file with another hash", err);
	return 0;
}

/* ---- the whole ---- */

static int
check_header(struct check *c, const struct sk_jv *v, struct sk_err *err)
{
	const char *schema = sk_jget_str(v, "schema");

	if (schema == NULL || !sk_has_prefix(schema, "sk.bundle/"))
		return sk_fail(
		    err, SK_DAMAGED, "not_a_bundle", "that is no sk.bundle/1");
	if (strcmp(schema, "sk.bundle/1") != 0)
		return sk_fail(err, SK_NEWER, "newer_bundle",
		    "the bundle is '%.40s', this program reads sk.bundle/1",
		    schema);
	if (!copy(c->b->run, sizeof(c->b->run), sk_jget_str(v, "run")) ||
	    !copy(c->b->spec, sizeof(c->b->spec), sk_jget_str(v, "spec")) ||
	    !sk_ident_ok(c->b->run) || !sk_ident_ok(c->b->spec))
		return bad(c, "does not say which run it is", err);
	c->b->redacted = sk_jget_bool(v, "redacted", false);
	return 0;
}

static int
check_footer(
    struct check *c, const struct sk_jv *v, size_t from, struct sk_err *err)
{
	int64_t rows = -1, files = -1;

	sk_sha256(c->b->text.p, from, c->b->sha256);
	if (!sk_streq(sk_jget_str(v, "sha256"), c->b->sha256))
		return sk_fail(err, SK_DAMAGED, "bad_bundle",
		    "the bundle was altered: its hash is another one");
	if (!sk_jget_int(v, "rows", &rows) || rows != c->b->rows ||
	    !sk_jget_int(v, "files", &files) || files != c->b->files)
		return bad(c, "counts other rows and files", err);
	return 0;
}

static int
check_all(struct check *c, struct sk_err *err)
{
	size_t at = 0, from = 0;
	bool over = false;
	int rc = 0, more = 1;

	while (rc == 0 && more > 0) {
		struct sk_arena arena = { 0 };
		struct sk_jv *v = NULL;

		from = at;
		c->line++;
		more = sk_bundle_line(c->b, &at, &arena, &v, err);
		if (more < 0) {
			rc = -more;
		} else if (more > 0 && over) {
			rc = bad(c, "comes after the end", err);
		} else if (more > 0 && c->line == 1) {
			rc = check_header(c, v, err);
		} else if (more > 0 && sk_jget_str(v, "table") != NULL) {
			rc = c->b->files > 0
			         ? bad(c, "is a row among the files", err)
			         : check_row(c, v, err);
		} else if (more > 0 && sk_jget_str(v, "file") != NULL) {
			rc = check_file(c, v, err);
		} else if (more > 0 && sk_jget_bool(v, "end", false)) {
			over = true;
			rc = check_footer(c, v, from, err);
		} else if (more > 0) {
			rc = bad(c, "is neither a row nor a file", err);
		}
		sk_arena_free(&arena);
	}
	if (rc == 0 && !over)
		rc = sk_fail(err, SK_DAMAGED, "bad_bundle",
		    "the bundle is cut off: it has no last line");
	return rc;
}

int
sk_bundle_read(struct sk_bundle *b, const char *file, struct sk_err *err)
{
	struct check c = { .b = b };
	int rc;

	memset(b, 0, sizeof(*b));
	sk_buf_init(&b->text, SK_BUNDLE_MAX + 1);
	rc = strcmp(file, "-") == 0
	         ? sk_read_fd(STDIN_FILENO, SK_BUNDLE_MAX, &b->text,
		       "standard input", err)
	         : sk_read_file(file, SK_BUNDLE_MAX, &b->text, err);
	if (rc == 0)
		rc = check_all(&c, err);
	free(c.v);
	sk_strv_free(&c.files);
	sk_arena_free(&c.arena);
	return rc;
}

void
sk_bundle_free(struct sk_bundle *b)
{
	sk_buf_free(&b->text);
}
