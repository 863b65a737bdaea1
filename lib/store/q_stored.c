/* SPDX-License-Identifier: MIT */
/* The answers of a round, for judging. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

/* What of a branch may be seen: all of our own; of an ancestor only what was
 * decided up to the fork (dmax), from the answers used until then (smax). */
struct view {
	char branch[SK_BRANCH_LEN];
	int64_t dmax, smax;
	bool own;
};

static int
newest_round(struct sk_db *db, const struct sk_key *k, const struct view *v,
    int64_t *round, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*round = 0;
	rc = sk_q_first(db, &st, err,
	    "SELECT max(round)FROM requests q WHERE branch_id=?1 "
	    "AND spec_id=?2 AND stage=?3 AND(?4=0 OR round=?4)"
	    "AND(?5 OR EXISTS(SELECT 1 FROM decisions d "
	    "WHERE d.branch_id=q.branch_id AND d.spec_id=q.spec_id "
	    "AND d.stage=q.stage AND d.round=q.round "
	    "AND d.decision_seq<=?6))",
	    "tttiii", v->branch, sk_or_empty(k->spec), sk_or_empty(k->stage),
	    k->round, (int64_t)v->own, v->dmax);
	if (rc <= 0)
		return -rc;
	*round = sk_col_int(st, 0);
	sk_q_end(st);
	return 0;
}

/* The parent's view; *more false at the root. */
static int
step_up(struct sk_db *db, struct view *v, bool *more, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*more = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT parent_id,fork_decision_seq,fork_seq FROM branches "
	    "WHERE branch_id=?1 AND parent_id IS NOT NULL",
	    "t", v->branch);
	if (rc <= 0)
		return -rc;
	*more = true;
	v->dmax = sk_col_int(st, 1);
	v->smax = sk_col_int(st, 2);
	v->own = false;
	SK_COL(st, 0, v->branch);
	sk_q_end(st);
	return 0;
}

static void
take_stored(sqlite3_stmt *st, struct sk_stored *s, struct sk_arena *a)
{
	memset(s, 0, sizeof(*s));
	SK_COL(st, 0, s->agent);
	s->duplicates = sk_col_int(st, 1);
	s->divergents = sk_col_int(st, 2);
	s->seq = sk_col_int(st, 3);
	s->ok = s->seq != 0;
	SK_COL(st, 4, s->sha256);
	s->content = sk_col_dupn(st, 5, a, &s->content_n);
	s->attempt = sk_col_int(st, 6);
	s->failure_kind = sk_col_dup(st, 7, a);
	s->failure_message = sk_col_dup(st, 8, a);
	s->model = sk_col_dup(st, 9, a);
	s->session = sk_col_dup(st, 10, a);
	s->adapter = sk_col_dup(st, 11, a);
	s->meta_json = sk_col_dup(st, 12, a);
	s->started_ms = sk_col_int(st, 13);
	s->ended_ms = sk_col_int(st, 14);
}

static int
read_answers(struct sk_db *db, const struct sk_key *k, const struct view *v,
    int64_t round, struct sk_stored **out, size_t *n, struct sk_arena *a,
    struct sk_err *err)
{
	struct sk_stored *list = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT q.agent_name,q.duplicates,q.divergents,o.seq,o.sha256,"
	    "o.content,e.attempt,e.failure_kind,e.failure_message,e.model,"
	    "e.session,e.adapter,e.meta,e.spawned_at,e.completed_at "
	    "FROM requests q LEFT JOIN agent_outputs o "
	    "ON o.request_id=q.request_id AND(?5 OR o.seq<=?6)"
	    "LEFT JOIN agent_executions e ON e.request_id=q.request_id "
	    "AND e.attempt=coalesce(o.attempt,(SELECT max(x.attempt)"
	    "FROM agent_executions x WHERE x.request_id=q.request_id "
	    "AND x.status='failed'),q.attempt)"
	    "WHERE q.branch_id=?1 AND q.spec_id=?2 AND q.stage=?3 "
	    "AND q.round=?4 ORDER BY q.agent_name",
	    "tttiii", v->branch, sk_or_empty(k->spec), sk_or_empty(k->stage),
	    round, (int64_t)v->own, v->smax);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, list, *n, cap);
		take_stored(st, &list[(*n)++], a);
	}
	*out = list;
	return -rc;
}

int
sk_answers_of(struct sk_db *db, const struct sk_key *key,
    struct sk_stored **out, size_t *n, int64_t *round, struct sk_arena *a,
    struct sk_err *err)
{
	struct view v = { .own = true };
	bool more = true;
	int rc;

	*out = NULL;
	*n = 0;
	(void)snprintf(v.branch, sizeof(v.branch), "%s", key->branch);
	/* The nearest branch that asked supplies the whole round: answers of
	 * two attempts at it are not mixed. */
	for (;;) {
		rc = newest_round(db, key, &v, round, err);
		if (rc != 0 || *round != 0)
			break;
		rc = step_up(db, &v, &more, err);
		if (rc != 0 || !more)
			return rc;
	}
	return rc != 0 ? rc : read_answers(db, key, &v, *round, out, n, a, err);
}
