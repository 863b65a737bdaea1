/* SPDX-License-Identifier: MIT */
/* Which decision an arbiter is asked about, and whether its word holds. */
#include <string.h>

#include "consensus/arbiter.h"

/* Has this verdict an arbiter's opinion, and on what? */
static bool
is_arbitrated(const struct sk_decision *d, struct sk_arena *a,
    struct sk_opinion *op, const char **mechanical, const char **whole)
{
	struct sk_jv *v = NULL;

	if (sk_json_parse(a, d->verdict, strlen(d->verdict), &sk_verdict_limits,
		&v, NULL) != 0 ||
	    !sk_arbiter_of(v, op))
		return false;
	*mechanical = sk_jstr(sk_jptr(v, "/mechanical/input_sha256"));
	*whole = sk_jget_str(v, "input_sha256");
	return *mechanical != NULL && *whole != NULL;
}

int
sk_arbiter_stands(struct sk_db *db, const struct sk_key *key,
    const struct sk_verdict *v, char standing[SK_SHA256_LEN],
    struct sk_err *err)
{
	const char *mechanical, *whole;
	struct sk_arena a = { 0 };
	struct sk_opinion op;
	struct sk_decision *d;
	bool decided = false;
	size_t n = 0;
	int rc;

	memcpy(standing, v->input_sha256, SK_SHA256_LEN);
	rc = sk_round_decided(db, key, &decided, err);
	if (rc != 0 || !decided)
		return rc;
	rc = sk_decision_list(db, key->run, key->branch, key->spec, key->stage,
	    1, &d, &n, &a, err);
	if (rc == 0 && n == 1 && d->round == key->round &&
	    is_arbitrated(d, &a, &op, &mechanical, &whole) &&
	    strcmp(mechanical, v->input_sha256) == 0 &&
	    strlen(whole) == SK_SHA256_LEN - 1)
		memcpy(standing, whole, SK_SHA256_LEN);
	sk_arena_free(&a);
	return rc;
}

static int
get(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    struct sk_decision *out, struct sk_arena *a, struct sk_err *err)
{
	struct sk_decision *v;
	size_t n = 0;
	int rc;

	rc = sk_decision_find(db,
	    &(struct sk_decision_filter){
		.run = run, .branch = branch, .seq = seq, .limit = 1 },
	    &v, &n, a, err);
	if (rc == 0 && n == 0)
		rc = sk_fail(err, SK_USAGE, "no_decision",
		    "run '%s' has no decision %lld", run, (long long)seq);
	if (rc == 0)
		*out = v[0];
	return rc;
}

int
sk_arbiter_base(struct sk_db *db, const struct sk_decision *d,
    struct sk_decision *base, struct sk_arena *a, struct sk_err *err)
{
	const char *mechanical, *whole;
	struct sk_opinion op;
	int rc = 0;

	*base = *d;
	if (is_arbitrated(d, a, &op, &mechanical, &whole))
		rc = get(db, d->run, d->branch, op.of, base, a, err);
	if (rc == 0 && strcmp(base->status, "conflict") != 0)
		rc = sk_fail(err, SK_USAGE, "no_conflict",
		    "decision %lld on stage '%s' is %s: there is no conflict "
		    "to settle",
		    (long long)base->seq, base->stage, base->status);
	return rc;
}

int
sk_arbiter_about(struct sk_db *db, const char *run, const char *branch,
    const char *arbiters_stage, int64_t seq, struct sk_decision *base,
    struct sk_arena *a, struct sk_err *err)
{
	char stage[SK_IDENT_LEN];
	struct sk_decision *now, whose;
	size_t n = 0;
	int rc;

	rc = get(db, run, branch, seq, base, a, err);
	if (rc == 0 && (!sk_arbiter_stage_of(arbiters_stage, stage) ||
			   strcmp(stage, base->stage) != 0))
		rc = sk_fail(err, SK_USAGE, "wrong_stage",
		    "decision %lld is on stage '%s', the answer on '%s'",
		    (long long)seq, base->stage, arbiters_stage);
	if (rc == 0)
		rc = sk_arbiter_base(db, base, &whose, a, err);
	if (rc == 0)
		rc = sk_decision_list(db, run, branch, base->spec, base->stage,
		    1, &now, &n, a, err);
	if (rc != 0 || n == 0 || now->seq == base->seq)
		return rc;
	if (sk_arbiter_base(db, now, &whose, a, err) == 0 &&
	    whose.seq == base->seq)
		return 0;
	sk_err_clear(err);
	(void)sk_fail(err, SK_ORDER, "superseded",
	    "decision %lld was superseded by %lld: the answer is about what "
	    "is no longer so",
	    (long long)seq, (long long)now->seq);
	return sk_hint(err, "'sk-consensus arbitrate --agent ...' asks anew");
}

int
sk_arbiter_answer(struct sk_db *db, const struct sk_decision *d,
    struct sk_stored **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_key key = {
		.run = d->run, .branch = d->branch, .spec = d->spec, .agent = ""
	};
	const char *mechanical, *whole;
	char stage[SK_IDENT_LEN];
	struct sk_stored *v;
	struct sk_opinion op;
	size_t all = 0;
	int64_t round;
	int rc;

	*n = 0;
	/* (Most have none, and need not be read for that.) */
	if (strstr(d->verdict, "\"arbiter\":{") == NULL ||
	    !is_arbitrated(d, a, &op, &mechanical, &whole) ||
	    !sk_arbiter_stage(d->stage, stage))
		return 0;
	key.stage = stage;
	key.round = op.of;
	rc = sk_answers_of(db, &key, &v, &all, &round, a, err);
	for (size_t i = 0; rc == 0 && *n == 0 && i < all; i++)
		if (v[i].ok && strcmp(v[i].agent, op.agent) == 0) {
			*out = &v[i];
			*n = 1;
		}
	return rc;
}
