/* SPDX-License-Identifier: MIT */
/* Decisions: numbered without gaps, one pending at a time, acked in order. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

#define DECISION_COLS \
	"SELECT d.run_id,d.branch_id,d.spec_id,d.stage,d.round," \
	"d.decision_seq,d.state='acked',d.supersedes,d.epoch,d.ack_epoch," \
	"d.decided_at,d.acked_at,c.status,d.input_sha256,c.synthesis_json," \
	"d.artefact,d.artefact_sha256,d.chain FROM decisions d " \
	"JOIN consensus_runs c ON c.id=d.consensus_run "

static void
take(sqlite3_stmt *st, struct sk_decision *d, struct sk_arena *a)
{
	const char *chain;

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
	chain = sk_col_dup(st, 17, a);
	if (chain != NULL && strlen(chain) == 2 * (SK_SHA256_LEN - 1)) {
		memcpy(d->chain_prev, chain, SK_SHA256_LEN - 1);
		memcpy(d->chain, chain + SK_SHA256_LEN - 1, SK_SHA256_LEN);
	}
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

#define FILTER \
	" AND(?1 IS NULL OR d.run_id=?1)AND(?3 IS NULL OR d.spec_id=?3)" \
	"AND(?4 IS NULL OR d.stage=?4)AND(?5=0 OR d.decision_seq=?5)" \
	"AND(NOT ?6 OR d.state='pending')" \
	"AND(?7 IS NULL OR(SELECT r.root FROM runs r WHERE " \
	"r.run_id=d.run_id)IS NULL OR(SELECT r.root FROM runs r WHERE " \
	"r.run_id=d.run_id)=?7)" \
	"ORDER BY d.consensus_run DESC LIMIT ?8"

int
sk_decision_find(struct sk_db *db, const struct sk_decision_filter *f,
    struct sk_decision **out, size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_decision *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	/* (Two texts: a branch is found by its key, whatever else is there.) */
	st = sk_q(db, err,
	    f->branch != NULL && f->branch[0] != '\0'
		? DECISION_COLS "WHERE d.branch_id=?2" FILTER
		: DECISION_COLS "WHERE ?2 IS NULL" FILTER,
	    "eeeeiiei", f->run, f->branch, f->spec, f->stage, f->seq,
	    (int64_t)f->pending, f->root,
	    f->limit != 0 ? (int64_t)f->limit : (int64_t)-1);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		take(st, &v[(*n)++], a);
	}
	*out = v;
	return -rc;
}

int
sk_decision_list(struct sk_db *db, const char *run, const char *branch,
    const char *spec, const char *stage, size_t limit, struct sk_decision **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	return sk_decision_find(db,
	    &(struct sk_decision_filter){ .run = run,
		.branch = branch,
		.spec = spec,
		.stage = stage,
		.limit = limit },
	    out, n, a, err);
}

int
sk_round_decided(
    struct sk_db *db, const struct sk_key *k, bool *decided, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	*decided = false;
	rc = sk_q_first(db, &st, err,
	    "SELECT 1 FROM decisions WHERE branch_id=?1 AND spec_id=?2 "
	    "AND stage=?3 AND round=?4 LIMIT 1",
	    "ttti", k->branch, k->spec != NULL ? k->spec : "",
	    k->stage != NULL ? k->stage : "", k->round > 0 ? k->round : 1);
	if (rc <= 0)
		return -rc;
	*decided = true;
	sk_q_end(st);
	return 0;
}

/* ---- making ---- */

/*
 * What tells the decisions of one round apart: the input, and the decision that
 * is superseded. So the newest one is repeated when its input comes again, and
 * an input that was decided before a newer one is decided afresh.
 */
static void
input_key(const char *input, int64_t supersedes, char out[SK_SHA256_LEN])
{
	char s[SK_SHA256_LEN + 24];
	int n;

	if (supersedes == 0) {
		(void)snprintf(out, SK_SHA256_LEN, "%s", input);
		return;
	}
	n = snprintf(s, sizeof(s), "%s:%lld", input, (long long)supersedes);
	sk_sha256(s, (size_t)n, out);
}

/* The newest decision of this round; *found false when there is none. */
static int
newest(struct sk_db *db, const struct sk_decide *d, struct sk_decision *out,
    bool *found, struct sk_arena *a, struct sk_err *err)
{
	return take_one(db,
	    sk_q(db, err,
		DECISION_COLS "WHERE d.branch_id=?1 AND d.spec_id=?2 "
			      "AND d.stage=?3 AND d.round=?4 "
			      "ORDER BY d.decision_seq DESC LIMIT 1",
		"ttti", d->key.branch, sk_or_empty(d->key.spec),
		sk_or_empty(d->key.stage), sk_round_of(&d->key)),
	    out, found, a, err);
}

static int
refuse_pending(struct sk_db *db, const struct sk_decide *d, struct sk_err *err)
{
	char stage[SK_IDENT_LEN];
	sqlite3_stmt *st;
	int64_t seq;
	int rc;

	rc = sk_q_first(db, &st, err,
	    "SELECT decision_seq,stage FROM decisions "
	    "WHERE branch_id=?1 AND state='pending'",
	    "t", d->key.branch);
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
	    "ttttiitb", d->key.run, d->key.branch, sk_or_empty(d->key.spec),
	    sk_or_empty(d->key.stage), sk_round_of(&d->key), now, d->status,
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

	rc = sk_q_first(db, &st, err,
	    "UPDATE branches SET decision_seq=decision_seq+1,active_at=?3 "
	    "WHERE branch_id=?1 AND run_id=?2 RETURNING decision_seq",
	    "tti", d->key.branch, d->key.run, now);
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

/* ---- the chain ---- */

void
sk_chain_link(const struct sk_decision *d, const char *verdict, size_t n,
    char out[SK_SHA256_LEN])
{
	char sha[SK_SHA256_LEN];

	sk_sha256(verdict, n, sha);
	sk_chain_link_of(d, sha, out);
}

void
sk_chain_link_of(
    const struct sk_decision *d, const char *sha, char out[SK_SHA256_LEN])
{
	struct sk_buf b;

	sk_buf_init(&b, 4096);
	sk_buf_printf(&b,
	    "sk.chain/1\n%s\n%s\n%s\n%s\n%s\n%lld\n%lld\n%s\n%lld\n%lld\n%lld\n"
	    "%s\n",
	    d->chain_prev, d->run, d->branch, d->spec, d->stage,
	    (long long)d->round, (long long)d->seq, d->status,
	    (long long)d->epoch, (long long)d->decided_ms,
	    (long long)d->supersedes, sha);
	sk_sha256(b.p, b.len, out);
	sk_buf_free(&b);
}

/* The link before: of this branch, or of the parent where it was forked. */
static int
chain_before(struct sk_db *db, const char *branch, int64_t seq,
    char out[SK_SHA256_LEN], struct sk_err *err)
{
	char both[2 * SK_SHA256_LEN] = "";
	sqlite3_stmt *st;
	int rc;

	memset(out, '0', SK_SHA256_LEN - 1);
	out[SK_SHA256_LEN - 1] = '\0';
	if (seq > 1)
		rc = sk_q_first(db, &st, err,
		    "SELECT chain FROM decisions WHERE branch_id=?1 "
		    "AND decision_seq=?2",
		    "ti", branch, seq - 1);
	else
		rc = sk_q_first(db, &st, err,
		    "SELECT d.chain FROM branches b JOIN decisions d ON "
		    "d.branch_id=b.parent_id AND d.decision_seq="
		    "b.fork_decision_seq WHERE b.branch_id=?1",
		    "t", branch);
	if (rc <= 0)
		return -rc;
	SK_COL(st, 0, both);
	sk_q_end(st);
	if (strlen(both) == 2 * (SK_SHA256_LEN - 1))
		memcpy(out, both + SK_SHA256_LEN - 1, SK_SHA256_LEN);
	return 0;
}

static int
insert_row(struct sk_db *db, const struct sk_decide *d,
    const struct sk_decision *row, int64_t verdict, struct sk_err *err)
{
	char both[2 * SK_SHA256_LEN];

	(void)snprintf(both, sizeof(both), "%s%s", row->chain_prev, row->chain);
	return sk_q_run(db, err,
	    "INSERT INTO decisions(branch_id,decision_seq,run_id,spec_id,"
	    "stage,round,input_sha256,state,consensus_run,epoch,decided_at,"
	    "supersedes,chain)"
	    "VALUES(?1,?2,?3,?4,?5,?6,?7,'pending',?8,?9,?10,?11,?12)",
	    "titttitiiiit", d->key.branch, row->seq, d->key.run,
	    sk_or_empty(d->key.spec), sk_or_empty(d->key.stage), row->round,
	    row->input_sha256, verdict, d->epoch, row->decided_ms,
	    row->supersedes, both);
}

/* row: supersedes is set. */
static int
insert(struct sk_db *db, const struct sk_decide *d, struct sk_decision *row,
    struct sk_err *err)
{
	int64_t verdict = 0;
	int rc;

	row->decided_ms = sk_now_ms();
	rc = insert_verdict(db, d, row->decided_ms, &verdict, err);
	if (rc == 0)
		rc = next_seq(db, d, row->decided_ms, &row->seq, err);
	if (rc == 0)
		rc = chain_before(
		    db, d->key.branch, row->seq, row->chain_prev, err);
	if (rc != 0)
		return rc;
	(void)snprintf(row->run, sizeof(row->run), "%s", d->key.run);
	(void)snprintf(row->branch, sizeof(row->branch), "%s", d->key.branch);
	(void)snprintf(
	    row->spec, sizeof(row->spec), "%s", sk_or_empty(d->key.spec));
	(void)snprintf(
	    row->stage, sizeof(row->stage), "%s", sk_or_empty(d->key.stage));
	(void)snprintf(row->status, sizeof(row->status), "%s", d->status);
	row->round = sk_round_of(&d->key);
	row->epoch = d->epoch;
	input_key(d->input_sha256, row->supersedes, row->input_sha256);
	sk_chain_link(row, d->verdict, d->verdict_n, row->chain);
	if (SK_MUTANT("no_chain"))
		memset(row->chain, '0', SK_SHA256_LEN - 1);
	rc = insert_row(db, d, row, verdict, err);
	for (size_t i = 0; i < d->n_answers && rc == 0; i++)
		rc = sk_q_run(db, err,
		    "INSERT OR IGNORE INTO decision_answers(branch_id,"
		    "decision_seq,seq)VALUES(?1,?2,?3)",
		    "tii", d->key.branch, row->seq, d->answer_seqs[i]);
	if (rc == 0 && !SK_MUTANT("no_decide_journal"))
		rc = sk_journal(db, "decide", d->key.run, d->key.branch,
		    row->seq, row->input_sha256, d->epoch, err);
	SK_WHERE(db, "decide");
	return rc;
}

static int
make(struct sk_db *db, const struct sk_decide *d, struct sk_decision *out,
    bool *replayed, struct sk_arena *a, struct sk_err *err)
{
	char same[SK_SHA256_LEN];
	struct sk_decision row = { .seq = 0 };
	bool found = false;
	int rc = 0;

	if (!SK_MUTANT("no_decide_epoch"))
		rc = sk_epoch_check(db, d->key.run, d->epoch, err);
	if (rc == 0)
		rc = newest(db, d, out, &found, a, err);
	if (rc == 0 && found) {
		row.supersedes = out->seq;
		input_key(d->input_sha256, out->supersedes, same);
		*replayed = strcmp(same, out->input_sha256) == 0 ||
		            SK_MUTANT("always_replay");
	}
	if (rc == 0 && *replayed)
		return sk_journal(db, "replay", d->key.run, d->key.branch,
		    out->seq, NULL, d->epoch, err);
	if (rc == 0)
		rc = sk_run_open(db, d->key.run, err);
	if (rc == 0 && !SK_MUTANT("no_gate"))
		rc = refuse_pending(db, d, err);
	if (rc == 0)
		rc = insert(db, d, &row, err);
	return rc != 0 ? rc
	               : get(db, d->key.branch, row.seq, out, &found, a, err);
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
