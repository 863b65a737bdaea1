/* SPDX-License-Identifier: MIT */
/* Decisions: numbered without gaps, one pending at a time, acked in order. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define DECISION_COLS \
	"SELECT d.run_id,d.branch_id,d.spec_id,d.stage,d.round," \
	"d.decision_seq,d.state='acked',d.supersedes,d.epoch,d.ack_epoch," \
	"d.decided_at,d.acked_at,c.status,d.input_sha256,c.synthesis_json," \
	"d.artefact,d.artefact_sha256 FROM decisions d " \
	"JOIN consensus_runs c ON c.id=d.consensus_run "

static void
take(sqlite3_stmt *st, struct sk_decision *d, struct sk_arena *a)
{
	memset(d, 0, sizeof(*d));
	SK_COL(st, 0, d->run);
	SK_COL(st, 1, d->branch);
	SK_COL(st, 2, d->spec);
	SK_COL(st, 3, d->stage);
	d->round = sk_col_int(st, 4);
	d->seq = sk_col_int(st, 5);
	d->acked = sk_col_int(st, 6) != 0;
	d->supersedes = sk_col_int(st, 7);
	d->epoch = sk_col_int(st, 8);
	d->ack_epoch = sk_col_int(st, 9);
	d->decided_ms = sk_col_int(st, 10);
	d->acked_ms = sk_col_int(st, 11);
	SK_COL(st, 12, d->status);
	SK_COL(st, 13, d->input_sha256);
	d->verdict = sk_col_dup(st, 14, a);
	d->artefact = sk_col_dup(st, 15, a);
	SK_COL(st, 16, d->artefact_sha256);
}

static int
take_one(struct sk_db *db, sqlite3_stmt *st, struct sk_decision *out,
    bool *found, struct sk_arena *a, struct sk_err *err)
{
	int rc;

	*found = false;
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	*found = true;
	take(st, out, a);
	sk_q_end(st);
	return 0;
}

/* branch "" means the run's newest: people ack by hand. */
static int
which_branch(struct sk_db *db, const char *run, const char *branch,
    char out[SK_BRANCH_LEN], struct sk_err *err)
{
	if (branch == NULL || branch[0] == '\0')
		return sk_run_newest(db, run, out, err);
	(void)snprintf(out, SK_BRANCH_LEN, "%s", branch);
	return 0;
}

/* ---- looking ---- */

int
sk_decision_pending(struct sk_db *db, const char *run, const char *branch,
    struct sk_decision *out, bool *found, struct sk_arena *a,
    struct sk_err *err)
{
	memset(out, 0, sizeof(*out));
	if (branch != NULL && branch[0] != '\0')
		return take_one(db,
		    sk_q(db, err,
			DECISION_COLS "WHERE d.branch_id=?1 AND d.run_id=?2 "
				      "AND d.state='pending'",
			"tt", branch, run),
		    out, found, a, err);
	return take_one(db,
	    sk_q(db, err,
		DECISION_COLS "WHERE d.run_id=?1 AND d.state='pending'"
			      "ORDER BY d.consensus_run LIMIT 1",
		"t", run),
	    out, found, a, err);
}

static int
get(struct sk_db *db, const char *branch, int64_t seq, struct sk_decision *out,
    bool *found, struct sk_arena *a, struct sk_err *err)
{
	return take_one(db,
	    sk_q(db, err,
		DECISION_COLS "WHERE d.branch_id=?1 AND d.decision_seq=?2",
		"ti", branch, seq),
	    out, found, a, err);
}

int
sk_decision_list(struct sk_db *db, const char *run, const char *branch,
    const char *spec, const char *stage, size_t limit, struct sk_decision **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_decision *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    DECISION_COLS
	    "WHERE(?1 IS NULL OR d.run_id=?1)AND(?2 IS NULL OR d.branch_id=?2)"
	    "AND(?3 IS NULL OR d.spec_id=?3)AND(?4 IS NULL OR d.stage=?4)"
	    "ORDER BY d.consensus_run DESC LIMIT ?5",
	    "eeeei", run, branch, spec, stage,
	    limit != 0 ? (int64_t)limit : (int64_t)-1);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		take(st, &v[(*n)++], a);
	}
	*out = v;
	return -rc;
}

/* ---- making ---- */

static const char *
or_empty(const char *s)
{
	return s != NULL ? s : "";
}

static int64_t
round_of(const struct sk_key *k)
{
	return k->round > 0 ? k->round : 1;
}

/* The decision that was made from the same input already. */
static int
find_same(struct sk_db *db, const struct sk_decide *d, struct sk_decision *out,
    bool *found, struct sk_arena *a, struct sk_err *err)
{
	return take_one(db,
	    sk_q(db, err,
		DECISION_COLS
		"WHERE d.branch_id=?1 AND d.spec_id=?2 AND d.stage=?3 "
		"AND d.round=?4 AND d.input_sha256=?5",
		"tttit", d->key.branch, or_empty(d->key.spec),
		or_empty(d->key.stage), round_of(&d->key), d->input_sha256),
	    out, found, a, err);
}

static int
refuse_pending(struct sk_db *db, const struct sk_decide *d, struct sk_err *err)
{
	char stage[SK_IDENT_LEN];
	sqlite3_stmt *st;
	int64_t seq;
	int rc;

	st = sk_q(db, err,
	    "SELECT decision_seq,stage FROM decisions "
	    "WHERE branch_id=?1 AND state='pending'",
	    "t", d->key.branch);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	seq = sk_col_int(st, 0);
	SK_COL(st, 1, stage);
	sk_q_end(st);
	(void)sk_fail(err, SK_ORDER, "pending",
	    "decision %lld (stage '%s') of run '%s' is not acknowledged yet",
	    (long long)seq, stage, d->key.run);
	return sk_hint(err,
	    "finish it with 'sk-consensus ack --run %s --seq %lld'", d->key.run,
	    (long long)seq);
}

static int
insert_verdict(struct sk_db *db, const struct sk_decide *d, int64_t now,
    int64_t *id, struct sk_err *err)
{
	int rc;

	rc = sk_q_run(db, err,
	    "INSERT INTO consensus_runs(run_id,branch_id,spec_id,stage,round,"
	    "run_timestamp,consensus_ok,degraded,status,synthesis_json)"
	    "VALUES(?1,?2,?3,?4,?5,?6,?7='ok',?7='degraded',?7,?8)",
	    "ttttiitb", d->key.run, d->key.branch, or_empty(d->key.spec),
	    or_empty(d->key.stage), round_of(&d->key), now, d->status,
	    d->verdict, d->verdict_n);
	*id = sqlite3_last_insert_rowid(db->h);
	return rc;
}

/* The next number comes from the branch's row in the same transaction, so it
 * cannot have a gap: a rollback takes it back. */
static int
next_seq(struct sk_db *db, const struct sk_decide *d, int64_t now, int64_t *seq,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "UPDATE branches SET decision_seq=decision_seq+1,active_at=?3 "
	    "WHERE branch_id=?1 AND run_id=?2 RETURNING decision_seq",
	    "tti", d->key.branch, d->key.run, now);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc < 0)
		return -rc;
	if (rc == 0)
		return sk_fail(err, SK_USAGE, "wrong_branch",
		    "run '%s' has no branch '%s'", d->key.run, d->key.branch);
	*seq = sk_col_int(st, 0);
	/* RETURNING: the change is made at the first step, and ends here. */
	sk_q_end(st);
	return 0;
}

static int
insert(struct sk_db *db, const struct sk_decide *d, int64_t *seq,
    struct sk_err *err)
{
	int64_t now = sk_now_ms(), verdict = 0;
	int rc;

	rc = insert_verdict(db, d, now, &verdict, err);
	if (rc == 0)
		rc = next_seq(db, d, now, seq, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "INSERT INTO decisions(branch_id,decision_seq,run_id,"
		    "spec_id,stage,round,input_sha256,state,consensus_run,"
		    "epoch,decided_at,supersedes)VALUES(?1,?2,?3,?4,?5,?6,?7,"
		    "'pending',?8,?9,?10,ifnull((SELECT max(decision_seq)"
		    "FROM decisions WHERE branch_id=?1 AND spec_id=?4 "
		    "AND stage=?5 AND round=?6),0))",
		    "titttitiii", d->key.branch, *seq, d->key.run,
		    or_empty(d->key.spec), or_empty(d->key.stage),
		    round_of(&d->key), d->input_sha256, verdict, d->epoch, now);
	for (size_t i = 0; i < d->n_answers && rc == 0; i++)
		rc = sk_q_run(db, err,
		    "INSERT OR IGNORE INTO decision_answers(branch_id,"
		    "decision_seq,seq)VALUES(?1,?2,?3)",
		    "tii", d->key.branch, *seq, d->answer_seqs[i]);
	if (rc == 0)
		rc = sk_journal(db, "decide", d->key.run, d->key.branch, *seq,
		    d->input_sha256, d->epoch, err);
	SK_WHERE(db, "decide");
	return rc;
}

static int
make(struct sk_db *db, const struct sk_decide *d, struct sk_decision *out,
    bool *replayed, struct sk_arena *a, struct sk_err *err)
{
	int64_t seq = 0;
	bool found;
	int rc;

	rc = sk_epoch_check(db, d->key.run, d->epoch, err);
	if (rc == 0)
		rc = find_same(db, d, out, replayed, a, err);
	if (rc != 0 || *replayed)
		return rc;
	rc = refuse_pending(db, d, err);
	if (rc == 0)
		rc = insert(db, d, &seq, err);
	return rc != 0 ? rc : get(db, d->key.branch, seq, out, &found, a, err);
}

int
sk_decision_make(struct sk_db *db, const struct sk_decide *d,
    struct sk_decision *out, bool *replayed, struct sk_arena *a,
    struct sk_err *err)
{
	bool own;
	int rc;

	memset(out, 0, sizeof(*out));
	*replayed = false;
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = make(db, d, out, replayed, a, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- acknowledging ---- */

enum state { ABSENT, PENDING, ACKED };

static int
state_of(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    enum state *out, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*out = ABSENT;
	st = sk_q(db, err,
	    "SELECT state='acked' FROM decisions "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND run_id=?3",
	    "tit", branch, seq, run);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	*out = sk_col_int(st, 0) != 0 ? ACKED : PENDING;
	sk_q_end(st);
	return 0;
}

static int
out_of_order(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    struct sk_err *err)
{
	int64_t pending = 0;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    "SELECT decision_seq FROM decisions "
	    "WHERE branch_id=?1 AND state='pending'",
	    "t", branch);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc < 0)
		return -rc;
	if (rc > 0) {
		pending = sk_col_int(st, 0);
		sk_q_end(st);
	}
	(void)sk_fail(err, SK_ORDER, "out_of_order",
	    "decision %lld of run '%s' is not the pending one", (long long)seq,
	    run);
	if (pending == 0)
		return sk_hint(err, "no decision of this branch is pending");
	return sk_hint(err, "decision %lld is pending", (long long)pending);
}

static int
ack(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    int64_t epoch, bool *already, struct sk_err *err)
{
	char b[SK_BRANCH_LEN];
	enum state state;
	int rc;

	rc = which_branch(db, run, branch, b, err);
	if (rc == 0)
		rc = sk_epoch_check(db, run, epoch, err);
	if (rc == 0)
		rc = state_of(db, run, b, seq, &state, err);
	if (rc != 0)
		return rc;
	*already = state == ACKED;
	if (state == ACKED)
		return 0;
	if (state == ABSENT)
		return out_of_order(db, run, b, seq, err);
	rc = sk_q_run(db, err,
	    "UPDATE decisions SET state='acked',ack_epoch=?3,acked_at=?4 "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND state='pending'",
	    "tiii", b, seq, epoch, sk_now_ms());
	if (rc == 0)
		rc = sk_branch_touch(db, b, err);
	if (rc == 0)
		rc = sk_journal(db, "ack", run, b, seq, NULL, epoch, err);
	SK_WHERE(db, "ack");
	return rc;
}

int
sk_decision_ack(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, bool *already, struct sk_err *err)
{
	bool own;
	int rc;

	*already = false;
	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = ack(db, run, branch, seq, epoch, already, err);
	return sk_tx_leave(db, own, rc, err);
}

/* ---- the artefact of a pending decision ---- */

static int
same_artefact(struct sk_db *db, const char *branch, int64_t seq,
    const char *path, const char *sha256, bool *same, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*same = false;
	st = sk_q(db, err,
	    "SELECT 1 FROM decisions WHERE branch_id=?1 AND decision_seq=?2 "
	    "AND artefact IS ?3 AND artefact_sha256 IS ?4",
	    "tiee", branch, seq, path, sha256);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	*same = true;
	sk_q_end(st);
	return 0;
}

static int
artefact(struct sk_db *db, const char *run, const char *branch, int64_t seq,
    int64_t epoch, const char *path, const char *sha256, struct sk_err *err)
{
	char b[SK_BRANCH_LEN];
	enum state state;
	bool same = false;
	int rc;

	rc = which_branch(db, run, branch, b, err);
	if (rc == 0)
		rc = sk_epoch_check(db, run, epoch, err);
	if (rc == 0)
		rc = state_of(db, run, b, seq, &state, err);
	if (rc == 0)
		rc = same_artefact(db, b, seq, path, sha256, &same, err);
	if (rc != 0 || same)
		return rc;
	if (state != PENDING)
		return out_of_order(db, run, b, seq, err);
	rc = sk_q_run(db, err,
	    "UPDATE decisions SET artefact=?3,artefact_sha256=?4 "
	    "WHERE branch_id=?1 AND decision_seq=?2 AND state='pending'",
	    "tiee", b, seq, path, sha256);
	if (rc == 0)
		rc =
		    sk_journal(db, "artefact", run, b, seq, sha256, epoch, err);
	SK_WHERE(db, "artefact");
	return rc;
}

int
sk_decision_artefact(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, const char *path, const char *sha256,
    struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = artefact(db, run, branch, seq, epoch, path, sha256, err);
	return sk_tx_leave(db, own, rc, err);
}
