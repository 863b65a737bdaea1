/* SPDX-License-Identifier: MIT */
/*
 * Does the evidence of a decision stand as it was published? Who goes on from a
 * decision asks first: a file that is gone is an agent that is missing, and one
 * that was edited is named by its hash.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "consensus/arbiter.h"

struct check {
	const struct sk_decision *d;
	struct sk_place at;
	struct sk_arena a;
	char stamp[SK_EVIDENCE_STAMP];
	struct sk_err *err;
};

static int
again_hint(const struct check *c, bool answers)
{
	return sk_hint(c->err,
	    "bring it back, or write it again: %ssk-consensus replay --run %s "
	    "--branch %s --seq %lld",
	    answers ? "SPEC_KIT_TELEMETRY_ENABLED=1 " : "", c->d->run,
	    c->d->branch, (long long)c->d->seq);
}

static int
gone(const struct check *c, const char *what, const char *name, bool answers)
{
	(void)sk_fail(c->err, SK_DEGRADED, "evidence_missing",
	    "%s of decision %lld on stage '%s' is gone: '%s%s%s'", what,
	    (long long)c->d->seq, c->d->stage,
	    c->at.dir.fd >= 0 ? c->at.dir.path.p : "",
	    c->at.dir.fd >= 0 ? "/" : "", name);
	return again_hint(c, answers);
}

static int
altered(const struct check *c, const char *name, const char *is,
    const char *was, bool answers)
{
	(void)sk_fail(c->err, SK_DAMAGED, "evidence_altered",
	    "evidence file '%s/%s' was altered: it has sha256 %.16s..., not "
	    "%.16s...",
	    c->at.dir.path.p, name, is, was);
	return again_hint(c, answers);
}

/* ---- the synthesis ---- */

static bool
is_of(const struct check *c, const struct sk_jv *v)
{
	int64_t seq;

	return sk_streq(sk_jstr(sk_jptr(v, "/decision/run")), c->d->run) &&
	       sk_streq(
		   sk_jstr(sk_jptr(v, "/decision/branch")), c->d->branch) &&
	       sk_jget_int(v, "decision_seq", &seq) && seq == c->d->seq;
}

/* What must be in the file; answers that stand in it are taken over, for their
 * hashes tell what they must be. */
static int
expected(struct check *c, const struct sk_jv *v, struct sk_buf *b)
{
	return sk_decision_write(b, c->d, SK_FACE_FILE,
	    &(struct sk_more){ .answers = sk_jget(v, "answers") }, c->err);
}

/* *is: 1 = it stands, 0 = not this one, -1 = it is ours and was altered. */
static int
look_at(struct check *c, const char *name, int *is, char sha[2][SK_SHA256_LEN])
{
	struct sk_err ignored = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf raw, want;
	int rc = 0;

	*is = 0;
	sk_buf_init(&raw, 0);
	sk_buf_init(&want, 0);
	if (sk_place_read(&c->at, name, &c->a, &raw, &v, &ignored) == 0)
		*is = is_of(c, v) ? -1 : 0;
	else if (strcmp(ignored.code, "not_found") != 0)
		*is = -1;
	if (*is != 0) {
		rc = expected(c, v, &want);
		sk_sha256(raw.p, raw.len, sha[0]);
		sk_sha256(want.p, want.len, sha[1]);
		if (rc == 0 && strcmp(sha[0], sha[1]) == 0)
			*is = 1;
	}
	sk_err_clear(&ignored);
	sk_buf_free(&raw);
	sk_buf_free(&want);
	return rc;
}

static int
check_synthesis(struct check *c)
{
	char name[SK_IDENT_LEN + 100], bad[sizeof(name)] = "";
	char sha[2][SK_SHA256_LEN], bad_sha[2][SK_SHA256_LEN];
	int is, rc;

	for (int i = 0; i < SK_EVIDENCE_STAMPS; i++) {
		sk_evidence_stamp(c->d, i, c->stamp);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_synthesis.json",
		    c->d->stage, c->stamp);
		rc = look_at(c, name, &is, sha);
		if (rc != 0 || is == 1)
			return rc;
		if (is < 0 && bad[0] == '\0') {
			memcpy(bad, name, sizeof(bad));
			memcpy(bad_sha, sha, sizeof(sha));
		}
	}
	if (bad[0] != '\0')
		return altered(c, bad, bad_sha[0], bad_sha[1], false);
	sk_evidence_stamp(c->d, 0, c->stamp);
	(void)snprintf(name, sizeof(name), "spec-%s_%s_synthesis.json",
	    c->d->stage, c->stamp);
	return gone(c, "the synthesis", name, false);
}

/* ---- the answers ---- */

static bool
is_there(const struct check *c, const char *name)
{
	struct stat st;

	return fstatat(c->at.dir.fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void
agent_name(
    const struct check *c, const char *agent, char name[2 * SK_IDENT_LEN + 80])
{
	(void)snprintf(name, 2 * SK_IDENT_LEN + 80, "spec-%s_%s_%s.json",
	    c->d->stage, c->stamp, sk_agent_file(agent));
}

static int
check_answer(struct check *c, const char *agent, const char *sha)
{
	char name[2 * SK_IDENT_LEN + 80], is[SK_SHA256_LEN];
	struct sk_err ignored = { 0 };
	struct sk_jv *v = NULL, *text;
	struct sk_buf raw;
	bool there;
	int rc;

	agent_name(c, agent, name);
	sk_buf_init(&raw, 0);
	rc = sk_place_read(&c->at, name, &c->a, &raw, &v, &ignored);
	there = rc == 0 || strcmp(ignored.code, "not_found") != 0;
	text = sk_jget(v, "content");
	if (text != NULL && text->type == SK_J_STR)
		sk_sha256(text->s, text->n, is);
	else
		sk_sha256(raw.p, raw.len, is);
	sk_err_clear(&ignored);
	sk_buf_free(&raw);
	if (!there)
		return gone(c, "the answer of an agent", name, true);
	return strcmp(is, sha) == 0 ? 0 : altered(c, name, is, sha, true);
}

/* Agent files are written where telemetry is on: when one of them is there, all
 * must be. */
static int
check_answers(struct check *c, const struct sk_jv *v)
{
	const struct sk_jv *in = sk_jget(v, "inputs");
	char name[2 * SK_IDENT_LEN + 80];
	struct sk_opinion op;
	const char *agent, *sha;
	bool any;
	int rc = 0;

	(void)snprintf(name, sizeof(name), "spec-%s_%s_telemetry.jsonl",
	    c->d->stage, c->stamp);
	any = is_there(c, name);
	for (size_t i = 0; !any && i < sk_jlen(in); i++) {
		agent = sk_jget_str(sk_jat(in, i), "agent");
		if (agent == NULL)
			continue;
		agent_name(c, agent, name);
		any = is_there(c, name);
	}
	for (size_t i = 0; rc == 0 && any && i < sk_jlen(in); i++) {
		agent = sk_jget_str(sk_jat(in, i), "agent");
		sha = sk_jget_str(sk_jat(in, i), "sha256");
		if (agent != NULL && sha != NULL)
			rc = check_answer(c, agent, sha);
	}
	if (rc == 0 && any && sk_arbiter_of(v, &op) && op.sha256 != NULL)
		rc = check_answer(c, op.agent, op.sha256);
	return rc;
}

int
sk_evidence_stands(const char *root, const char *base,
    const struct sk_decision *d, struct sk_err *err)
{
	const struct sk_decide_opts o = { .evidence_root = root,
		.evidence_base = base };
	struct check c = { .d = d, .at.look = true, .err = err };
	struct sk_jv *v = NULL;
	int rc;

	rc = sk_place_open(&c.at, &o, d->spec, err);
	if (rc != 0 && strcmp(err->code, "not_found") == 0) {
		sk_err_clear(err);
		rc = gone(&c, "the evidence", base, false);
	}
	if (rc == 0)
		rc = check_synthesis(&c);
	if (rc == 0)
		rc = sk_json_parse(&c.a, d->verdict, strlen(d->verdict),
		    &sk_verdict_limits, &v, err);
	if (rc == 0)
		rc = check_answers(&c, v);
	sk_place_close(&c.at);
	sk_arena_free(&c.a);
	return rc;
}
