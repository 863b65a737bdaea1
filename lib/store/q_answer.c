/* SPDX-License-Identifier: MIT */
/* Requests, their attempts, and the one answer that each may have. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

/* What is known of a request before something new arrives. */
struct known {
	int64_t id; /* 0 = never reserved */
	int64_t attempt; /* highest there is */
	int64_t reserved; /* the same as it was found */
	int64_t seq; /* accepted answer or 0 */
	int64_t winner; /* its attempt */
	char sha256[SK_SHA256_LEN];
	bool stopped;
};

static int
find_run(struct sk_db *db, const struct sk_key *k, struct known *out,
    struct sk_err *err)
{
	char state[16];
	sqlite3_stmt *st;
	int rc;

	rc = sk_run_row(db, &st, k->run, err);
	if (rc <= 0)
		return rc < 0 ? -rc : sk_no_run(k->run, err);
	SK_COL(st, SK_RUN_STATE, state);
	sk_q_end(st);
	out->stopped = sk_run_closed(state);
	return 0;
}

static int
find_winner(struct sk_db *db, struct known *out, struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	rc = sk_q_first(db, &st, err,
	    "SELECT seq,attempt,sha256 FROM agent_outputs WHERE request_id=?1",
	    "i", out->id);
	if (rc <= 0)
		return -rc;
	out->seq = sk_col_int(st, 0);
	out->winner = sk_col_int(st, 1);
	SK_COL(st, 2, out->sha256);
	sk_q_end(st);
	return 0;
}

static int
find(struct sk_db *db, const struct sk_key *k, struct known *out,
    struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	memset(out, 0, sizeof(*out));
	rc = find_run(db, k, out, err);
	if (rc != 0)
		return rc;
	rc = sk_q_first(db, &st, err,
	    "SELECT request_id,attempt FROM requests WHERE branch_id=?1 "
	    "AND spec_id=?2 AND stage=?3 AND round=?4 AND agent_name=?5",
	    "tttit", k->branch, sk_or_empty(k->spec), sk_or_empty(k->stage),
	    sk_round_of(k), k->agent);
	if (rc <= 0)
		return -rc;
	out->id = sk_col_int(st, 0);
	out->attempt = out->reserved = sk_col_int(st, 1);
	sk_q_end(st);
	return find_winner(db, out, err);
}

/* Make the request or raise its highest attempt; fills known->id. */
static int
reserve(struct sk_db *db, const struct sk_key *k, struct known *q,
    int64_t attempt, struct sk_err *err)
{
	int rc;

	if (q->id != 0) {
		if (attempt <= q->attempt)
			return 0;
		return sk_q_run(db, err,
		    "UPDATE requests SET attempt=?2 WHERE request_id=?1", "ii",
		    q->id, attempt);
	}
	rc = sk_q_run(db, err,
	    "INSERT INTO requests(run_id,branch_id,spec_id,stage,round,"
	    "agent_name,attempt,created_at)VALUES(?1,?2,?3,?4,?5,?6,?7,?8)",
	    "ttttitii", k->run, k->branch, sk_or_empty(k->spec),
	    sk_or_empty(k->stage), sk_round_of(k), k->agent, attempt,
	    sk_now_ms());
	q->id = sqlite3_last_insert_rowid(db->h);
	q->attempt = attempt;
	return rc == 0 ? sk_branch_touch(db, k->branch, err) : rc;
}

/* A new attempt's row. r NULL: it was only reserved. */
static int
add_attempt(struct sk_db *db, const struct sk_key *k, int64_t id,
    int64_t attempt, const char *status, const struct sk_answer_row *r,
    const char *adapter, const char *model, struct sk_err *err)
{
	static const struct sk_answer_row none = {
		.ok = true, .exit_code = -1, .signal = -1
	};
	int64_t now = sk_now_ms();
	const struct sk_answer_row *x = r != NULL ? r : &none;

	return sk_q_run(db, err,
	    "INSERT INTO agent_executions(request_id,attempt,spec_id,stage,"
	    "agent_name,run_id,branch_id,status,adapter,model,session,host,"
	    "failure_kind,failure_message,exit_code,signal,spawned_at,"
	    "completed_at,sha256,meta)VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,"
	    "?11,?12,?13,?14,nullif(?15,-1),nullif(?16,-1),?17,"
	    "nullif(?18,0),?19,?20)",
	    "iitttttteeeeeeiiiiet", id, attempt, sk_or_empty(k->spec),
	    sk_or_empty(k->stage), k->agent, k->run, k->branch, status, adapter,
	    model, x->session, x->host, x->ok ? NULL : x->failure_kind,
	    x->ok ? NULL : x->failure_message, (int64_t)x->exit_code,
	    (int64_t)x->signal, x->started_ms != 0 ? x->started_ms : now,
	    r == NULL || r->ended_ms != 0 ? x->ended_ms : now,
	    x->ok ? x->sha256 : NULL, x->meta_json);
}

static int
journal(struct sk_db *db, const char *kind, const struct sk_key *k,
    int64_t attempt, int64_t seq, struct sk_err *err)
{
	char key[4 * SK_IDENT_LEN];

	(void)snprintf(key, sizeof(key), "%s/%s/%lld/%s#%lld",
	    sk_or_empty(k->spec), sk_or_empty(k->stage),
	    (long long)sk_round_of(k), k->agent, (long long)attempt);
	return sk_journal(db, kind, k->run, k->branch, seq, key, 0, err);
}

static int
check_key(const struct sk_key *k, struct sk_err *err)
{
	const char *bad = NULL;

	if (!sk_ident_ok(k->agent))
		bad = k->agent;
	else if (sk_or_empty(k->spec)[0] != '\0' && !sk_ident_ok(k->spec))
		bad = k->spec;
	else if (sk_or_empty(k->stage)[0] != '\0' && !sk_ident_ok(k->stage))
		bad = k->stage;
	if (bad == NULL)
		return 0;
	(void)sk_fail(err, SK_USAGE, "bad_identifier",
	    "'%.200s' is not an identifier", bad);
	return sk_hint(err, "letters, digits, '.', '_' and '-', at most 64, "
			    "beginning with a letter or digit");
}

/* ---- reserve ---- */

static int
reserve_next(struct sk_db *db, const struct sk_key *k, const char *adapter,
    const char *model, int64_t *attempt, int64_t *seq, struct sk_err *err)
{
	struct known q;
	int rc;

	rc = find(db, k, &q, err);
	if (rc != 0)
		return rc;
	if (q.seq != 0) {
		*attempt = q.winner;
		*seq = q.seq;
		return 0;
	}
	if (q.stopped)
		return sk_fail(err, SK_ORDER, "run_stopped",
		    "run '%s' is stopped", k->run);
	*attempt = q.attempt + 1;
	rc = reserve(db, k, &q, *attempt, err);
	if (rc == 0)
		rc = add_attempt(db, k, q.id, *attempt, "spawned", NULL,
		    adapter, model, err);
	if (rc == 0)
		rc = journal(db, "reserve", k, *attempt, 0, err);
	SK_WHERE(db, "reserve");
	return rc;
}

int
sk_request_reserve(struct sk_db *db, const struct sk_key *key,
    const char *adapter, const char *model, int64_t *attempt, int64_t *seq,
    struct sk_err *err)
{
	bool own;
	int rc;

	*attempt = 0;
	*seq = 0;
	rc = check_key(key, err);
	if (rc == 0)
		rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = reserve_next(db, key, adapter, model, attempt, seq, err);
	return sk_tx_leave(db, own, rc, err);
}

int
sk_request_begin(struct sk_db *db, const struct sk_key *key, int64_t attempt,
    struct sk_err *err)
{
	bool own;
	int rc;

	rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = sk_q_run(db, err,
	    "UPDATE agent_executions SET begun_at=?7 WHERE request_id="
	    "(SELECT request_id FROM requests WHERE branch_id=?1 "
	    "AND spec_id=?2 AND stage=?3 AND round=?4 AND agent_name=?5)"
	    "AND attempt=?6",
	    "tttitii", key->branch, sk_or_empty(key->spec),
	    sk_or_empty(key->stage), sk_round_of(key), key->agent, attempt,
	    sk_now_ms());
	return sk_tx_leave(db, own, rc, err);
}

/* ---- intake ---- */

const char *
sk_intake_word(enum sk_intake_kind k)
{
	static const char *const words[] = { [SK_IN_ACCEPTED] = "accepted",
		[SK_IN_KNOWN] = "known",
		[SK_IN_DUPLICATE] = "duplicate",
		[SK_IN_DIVERGENT] = "divergent",
		[SK_IN_FAILED] = "failed",
		[SK_IN_STOPPED] = "stopped" };

	return (size_t)k < SK_ARRAY_SIZE(words) ? words[k] : "unknown";
}

static int
update_attempt(struct sk_db *db, const struct sk_answer_row *r, int64_t id,
    int64_t attempt, const char *status, struct sk_err *err)
{
	/* What a reservation said stays where the record says nothing. */
	return sk_q_run(db, err,
	    "UPDATE agent_executions SET status=?3,"
	    "adapter=ifnull(?4,adapter),model=ifnull(?5,model),session=?6,"
	    "host=?7,failure_kind=?8,failure_message=?9,"
	    "exit_code=nullif(?10,-1),signal=nullif(?11,-1),"
	    "spawned_at=iif(?12,?12,spawned_at),completed_at=?13,sha256=?14,"
	    "meta=?15 WHERE request_id=?1 AND attempt=?2",
	    "iiteeeeeeiiiiet", id, attempt, status, r->adapter, r->model,
	    r->session, r->host, r->ok ? NULL : r->failure_kind,
	    r->ok ? NULL : r->failure_message, (int64_t)r->exit_code,
	    (int64_t)r->signal, r->started_ms,
	    r->ended_ms != 0 ? r->ended_ms : sk_now_ms(),
	    r->ok ? r->sha256 : NULL, r->meta_json);
}

/* The attempt's own row: reserved, or of an unknown script. */
static int
save_attempt(struct sk_db *db, const struct sk_answer_row *r,
    const struct known *q, int64_t attempt, const char *status,
    struct sk_err *err)
{
	int rc;

	if (attempt <= q->reserved) {
		rc = update_attempt(db, r, q->id, attempt, status, err);
		if (rc != 0 || sk_q_changes(db) != 0)
			return rc;
	}
	return add_attempt(
	    db, &r->key, q->id, attempt, status, r, r->adapter, r->model, err);
}

static int
accept(struct sk_db *db, const struct sk_answer_row *r, struct known *q,
    int64_t attempt, struct sk_intake_res *res, struct sk_err *err)
{
	int rc;

	rc = reserve(db, &r->key, q, attempt, err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "INSERT INTO agent_outputs(request_id,attempt,agent_name,"
		    "model_version,output_timestamp,sha256,content)"
		    "VALUES(?1,?2,?3,?4,?5,?6,?7)",
		    "iiteitb", q->id, attempt, r->key.agent, r->model,
		    r->ended_ms != 0 ? r->ended_ms : sk_now_ms(), r->sha256,
		    r->content, r->content_n);
	if (rc != 0)
		return rc;
	res->kind = SK_IN_ACCEPTED;
	res->seq = sqlite3_last_insert_rowid(db->h);
	res->attempt = attempt;
	(void)snprintf(res->sha256, sizeof(res->sha256), "%s", r->sha256);
	rc = save_attempt(db, r, q, attempt, "accepted", err);
	if (rc == 0)
		rc = journal(db, "intake", &r->key, attempt, res->seq, err);
	SK_WHERE(db, "intake");
	return rc;
}

/* How this attempt ended when it was reported before; "" = not yet. */
static int
attempt_state(struct sk_db *db, int64_t id, int64_t attempt, char status[16],
    char sha256[SK_SHA256_LEN], struct sk_err *err)
{
	sqlite3_stmt *st;
	int rc;

	status[0] = sha256[0] = '\0';
	rc = sk_q_first(db, &st, err,
	    "SELECT status,sha256 FROM agent_executions "
	    "WHERE request_id=?1 AND attempt=?2 AND status<>'spawned'",
	    "ii", id, attempt);
	if (rc <= 0)
		return -rc;
	sk_col_copy(st, 0, status, 16);
	sk_col_copy(st, 1, sha256, SK_SHA256_LEN);
	sk_q_end(st);
	return 0;
}

/* Not recorded, but counted. */
static int
after_stop(struct sk_db *db, const struct sk_answer_row *r,
    struct sk_intake_res *res, struct sk_err *err)
{
	res->kind = SK_IN_STOPPED;
	return sk_journal(db, "refused", r->key.run, r->key.branch, 0,
	    "answer_after_stop", 0, err);
}

/* An answer to a request that has one. */
static int
another(struct sk_db *db, const struct sk_answer_row *r, struct known *q,
    struct sk_intake_res *res, struct sk_err *err)
{
	bool same = strcmp(r->sha256, q->sha256) == 0;
	char status[16], sha[SK_SHA256_LEN];
	int rc;

	res->kind = same ? SK_IN_DUPLICATE : SK_IN_DIVERGENT;
	if (same && r->attempt == q->winner) {
		res->kind = SK_IN_KNOWN;
		return 0;
	}
	if (r->attempt != 0) {
		/* The same late answer on its second way is counted once. */
		rc = attempt_state(db, q->id, r->attempt, status, sha, err);
		if (rc != 0 ||
		    (status[0] != '\0' && strcmp(sha, r->sha256) == 0))
			return rc;
	}
	if (q->stopped)
		return after_stop(db, r, res, err);
	rc = reserve(db, &r->key, q, r->attempt, err);
	if (rc == 0 && r->attempt != 0 && r->attempt != q->winner)
		rc = save_attempt(
		    db, r, q, r->attempt, sk_intake_word(res->kind), err);
	if (rc == 0)
		rc = sk_q_run(db, err,
		    "UPDATE requests SET duplicates=duplicates+?2,"
		    "divergents=divergents+?3 WHERE request_id=?1",
		    "iii", q->id, (int64_t)same, (int64_t)!same);
	if (rc == 0)
		rc = journal(db, sk_intake_word(res->kind), &r->key, r->attempt,
		    q->seq, err);
	SK_WHERE(db, "intake");
	return rc;
}

static int
failed(struct sk_db *db, const struct sk_answer_row *r, struct known *q,
    int64_t attempt, struct sk_intake_res *res, struct sk_err *err)
{
	char status[16] = "", sha[SK_SHA256_LEN];
	int rc = 0;

	res->kind = SK_IN_FAILED;
	if (q->id != 0)
		rc = attempt_state(db, q->id, attempt, status, sha, err);
	/* Known, or an attempt that has delivered cannot fail any more. */
	if (rc != 0 || status[0] != '\0')
		return rc;
	if (q->stopped)
		return after_stop(db, r, res, err);
	rc = reserve(db, &r->key, q, attempt, err);
	if (rc == 0)
		rc = save_attempt(db, r, q, attempt, "failed", err);
	if (rc == 0)
		rc = journal(db, "failed", &r->key, attempt, 0, err);
	SK_WHERE(db, "failed");
	return rc;
}

static int
intake(struct sk_db *db, const struct sk_answer_row *r,
    struct sk_intake_res *res, struct sk_err *err)
{
	int64_t attempt = r->attempt;
	struct known q;
	int rc;

	rc = find(db, &r->key, &q, err);
	if (rc != 0)
		return rc;
	res->seq = q.seq;
	res->attempt = q.winner;
	memcpy(res->sha256, q.sha256, sizeof(res->sha256));
	if (attempt == 0)
		attempt = q.attempt > 0 ? q.attempt : 1;
	if (!r->ok)
		return failed(db, r, &q, attempt, res, err);
	if (q.seq != 0 && !SK_MUTANT("no_first_wins"))
		return another(db, r, &q, res, err);
	if (q.stopped)
		return after_stop(db, r, res, err);
	return accept(db, r, &q, attempt, res, err);
}

int
sk_answer_intake(struct sk_db *db, const struct sk_answer_row *row,
    struct sk_intake_res *res, struct sk_err *err)
{
	bool own;
	int rc;

	memset(res, 0, sizeof(*res));
	rc = check_key(&row->key, err);
	if (rc == 0)
		rc = sk_tx_enter(db, &own, err);
	if (rc != 0)
		return rc;
	rc = intake(db, row, res, err);
	return sk_tx_leave(db, own, rc, err);
}
