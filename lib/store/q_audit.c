/* SPDX-License-Identifier: MIT */
/* Reading the history back, and holding the whole against its rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

#define EVENTS \
	"SELECT lsn,at,kind,run_id,branch_id,seq,key,epoch,pid FROM journal "

int
sk_event_each(struct sk_db *db, const char *run, sk_event_fn fn, void *arg,
    struct sk_err *err)
{
	struct sk_event_row e;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(db, err,
	    run != NULL ? EVENTS "WHERE run_id=?1 ORDER BY lsn"
			: EVENTS "WHERE ?1 IS NULL ORDER BY lsn",
	    "e", run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		e.lsn = sk_col_int(st, 0);
		e.at = sk_col_int(st, 1);
		e.kind = sk_col_text(st, 2);
		e.run = sk_col_text(st, 3);
		e.branch = sk_col_text(st, 4);
		e.seq = sk_col_int(st, 5);
		e.key = sk_col_text(st, 6);
		e.epoch = sk_col_int(st, 7);
		e.pid = sk_col_int(st, 8);
		fn(arg, &e);
	}
	return -rc;
}

int
sk_event_counts(struct sk_db *db, const char *run, struct sk_event_count **out,
    size_t *n, struct sk_arena *a, struct sk_err *err)
{
	struct sk_event_count *v = NULL;
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	*out = NULL;
	*n = 0;
	st = sk_q(db, err,
	    "SELECT iif(kind='refused',kind||'.'||ifnull(key,''),kind)w,"
	    "count(*)FROM journal WHERE run_id=?1 GROUP BY w ORDER BY w",
	    "t", run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(db, st, err)) > 0) {
		SK_GROW(a, v, *n, cap);
		SK_COL(st, 0, v[*n].what);
		v[(*n)++].count = sk_col_int(st, 1);
	}
	*out = v;
	return -rc;
}

/* ---- the audit ---- */

/* What the journal says of one branch or one run. */
struct seen {
	char name[SK_BRANCH_LEN + 2];
	int64_t decided, acked; /* newest of each */
	int64_t epoch;
	bool used;
};
struct audit {
	struct sk_db *db;
	sk_audit_fn fn;
	void *arg;
	struct sk_audit_counts *n;
	struct seen *v;
	size_t cap, used;
	int64_t lsn, intakes, copies, seq, pruned;
};

static void broken(struct audit *a, const char *rule, const char *row,
    const char *fmt, ...) SK_PRINTF(4, 5);
static void
broken(struct audit *a, const char *rule, const char *row, const char *fmt, ...)
{
	struct sk_violation v = { .rule = rule, .row = row };
	char detail[400];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(detail, sizeof(detail), fmt, ap);
	va_end(ap);
	v.detail = detail;
	a->n->violations++;
	a->fn(a->arg, &v);
}

static struct seen *
seen_of(struct audit *a, char kind, const char *name)
{
	char key[SK_BRANCH_LEN + 2];
	uint64_t h = 14695981039346656037u;
	size_t i;

	if (2 * (a->used + 1) > a->cap) {
		struct seen *old = a->v;
		size_t n = a->cap;

		a->cap = n != 0 ? 2 * n : 64;
		a->v = sk_calloc(a->cap, sizeof(*a->v));
		a->used = 0;
		for (i = 0; i < n; i++)
			if (old[i].used)
				*seen_of(a, old[i].name[0], old[i].name + 1) =
				    old[i];
		free(old);
	}
	(void)snprintf(
	    key, sizeof(key), "%c%s", kind, name != NULL ? name : "");
	for (const char *p = key; *p != '\0'; p++)
		h = (h ^ (unsigned char)*p) * 1099511628211u;
	for (i = (size_t)h & (a->cap - 1); a->v[i].used;
	     i = (i + 1) & (a->cap - 1))
		if (strcmp(a->v[i].name, key) == 0)
			return &a->v[i];
	a->v[i].used = true;
	memcpy(a->v[i].name, key, sizeof(key));
	a->used++;
	return &a->v[i];
}

static bool
of_driver(const char *kind)
{
	static const char *const kinds[] = { "lease", "decide", "artefact",
		"ack", "stage", "stage_end", "state", NULL };

	for (const char *const *k = kinds; *k != NULL; k++)
		if (strcmp(*k, kind) == 0)
			return true;
	return false;
}

/* S3, S4: decide and ack take turns, on the same number, one by one. */
static void
turn(struct audit *a, const struct sk_event_row *e, const char *row)
{
	struct seen *b = seen_of(a, 'b', e->branch);

	if (strcmp(e->kind, "decide") == 0) {
		if (b->decided != b->acked)
			broken(a, "S4", row,
			    "decision %lld of '%s' while %lld is pending",
			    (long long)e->seq, e->branch,
			    (long long)b->decided);
		if (e->seq != b->decided + 1)
			broken(a, "S3", row, "decision %lld after %lld",
			    (long long)e->seq, (long long)b->decided);
		b->decided = e->seq;
	} else if (strcmp(e->kind, "ack") == 0) {
		if (e->seq != b->decided || b->acked == b->decided)
			broken(a, "S4", row,
			    "ack of %lld, the pending one is %lld",
			    (long long)e->seq,
			    (long long)(b->acked == b->decided ? 0
							       : b->decided));
		b->acked = e->seq;
	}
}

static void
look_at_event(void *arg, const struct sk_event_row *e)
{
	struct audit *a = arg;
	struct seen *r;
	char row[64];

	a->n->events++;
	(void)snprintf(row, sizeof(row), "journal %lld", (long long)e->lsn);
	/* What was pruned is gone, and counted. */
	if (e->lsn != a->lsn + 1 && a->pruned < e->lsn - a->lsn - 1)
		broken(a, "S9", row, "events %lld to %lld are gone",
		    (long long)a->lsn + 1, (long long)e->lsn - 1);
	else
		a->pruned -= e->lsn - a->lsn - 1;
	a->lsn = e->lsn;
	if (e->kind == NULL)
		return;
	if (strcmp(e->kind, "intake") == 0) {
		if (e->seq <= a->seq)
			broken(a, "S2", row, "answer %lld after %lld",
			    (long long)e->seq, (long long)a->seq);
		a->seq = e->seq;
		a->intakes++;
	} else if (strcmp(e->kind, "duplicate") == 0 ||
		   strcmp(e->kind, "divergent") == 0) {
		a->copies++;
	}
	turn(a, e, row);
	if (e->run == NULL || !of_driver(e->kind))
		return;
	r = seen_of(a, 'r', e->run);
	if (e->epoch < r->epoch)
		broken(a, "S5", row, "%s under epoch %lld after epoch %lld",
		    e->kind, (long long)e->epoch, (long long)r->epoch);
	if (strcmp(e->kind, "lease") == 0 && e->epoch == r->epoch)
		broken(a, "S5", row, "epoch %lld was issued twice",
		    (long long)e->epoch);
	r->epoch = e->epoch > r->epoch ? e->epoch : r->epoch;
}

/* ---- S0 ---- */

static int
rows_of(struct audit *a, const char *rule, const char *sql, const char *what,
    struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(a->db, err, sql, "");
	char row[200];
	int rc;

	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(a->db, st, err)) > 0) {
		sk_col_copy(st, 0, row, sizeof(row));
		broken(a, rule, row, "%s", what);
	}
	return -rc;
}

static int
identity_rules(struct audit *a, struct sk_err *err)
{
	static const struct {
		const char *sql, *what;
	} t[] = {
		{ "SELECT integrity_check FROM pragma_integrity_check(20)"
		  "WHERE integrity_check<>'ok'",
		    "the file is damaged" },
		{ "SELECT \"table\"||' '||ifnull(rowid,'')FROM "
		  "pragma_foreign_key_check",
		    "it refers to a row that is not there" },
		{ "SELECT 'application_id '||application_id FROM "
		  "pragma_application_id WHERE application_id<>1397442900",
		    "this is another program's file" },
	};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(t); i++)
		rc = rows_of(a, "S0", t[i].sql, t[i].what, err);
	return rc;
}

/* What the engine itself guards is only as good as the schema: every table,
 * key and trigger must be there, word by word. */
static int
schema_rules(struct audit *a, struct sk_err *err)
{
	sqlite3_stmt *want = NULL, *st;
	sqlite3 *fresh = NULL;
	char row[200];
	int rc, got;

	rc = sk_schema_fresh(&fresh, err);
	if (rc == 0 &&
	    sqlite3_prepare_v2(fresh,
		"SELECT type,name,sql FROM sqlite_schema ORDER BY name", -1,
		&want, NULL) != SQLITE_OK)
		rc = sk_db_fail_at(
		    fresh, ":memory:", SQLITE_ERROR, "cannot read", err);
	while (rc == 0 && sqlite3_step(want) == SQLITE_ROW) {
		st = sk_q(a->db, err,
		    "SELECT sql IS ?3 FROM sqlite_schema "
		    "WHERE type=?1 AND name=?2",
		    "ttt", sk_col_text(want, 0), sk_col_text(want, 1),
		    sk_col_text(want, 2));
		if (st == NULL) {
			rc = err->exit;
			break;
		}
		got = sk_q_step(a->db, st, err);
		(void)snprintf(row, sizeof(row), "%s %s", sk_col_text(want, 0),
		    sk_col_text(want, 1));
		if (got == 0)
			broken(a, "S0", row, "it is not there");
		else if (got > 0 && sk_col_int(st, 0) == 0)
			broken(a, "S0", row, "it is not what it should be");
		rc = got < 0 ? -got : 0;
		if (got > 0)
			sk_q_end(st);
	}
	(void)sqlite3_finalize(want);
	(void)sqlite3_close(fresh);
	return rc;
}

/* ---- answers ---- */

static int
answer_rules(struct audit *a, struct sk_err *err)
{
	char row[64], sha[SK_SHA256_LEN], is[SK_SHA256_LEN], status[16];
	sqlite3_stmt *st;
	int rc;

	st = sk_q(a->db, err,
	    "SELECT o.seq,o.sha256,o.content,e.status,e.sha256,o.request_id "
	    "FROM agent_outputs o LEFT JOIN agent_executions e "
	    "ON e.request_id=o.request_id AND e.attempt=o.attempt "
	    "ORDER BY o.seq",
	    "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(a->db, st, err)) > 0) {
		a->n->answers++;
		(void)snprintf(row, sizeof(row), "agent_outputs %lld",
		    (long long)sk_col_int(st, 0));
		SK_COL(st, 1, sha);
		sk_sha256(sqlite3_column_blob(st, 2) != NULL
			      ? sqlite3_column_blob(st, 2)
			      : "",
		    (size_t)sqlite3_column_bytes(st, 2), is);
		if (strcmp(sha, is) != 0)
			broken(a, "S2", row,
			    "its content has sha256 %s, not %s", is, sha);
		status[0] = '\0';
		SK_COL(st, 3, status);
		if (strcmp(status, "accepted") != 0)
			broken(a, "S2", row,
			    "its attempt is '%s', not accepted", status);
		SK_COL(st, 4, is);
		if (strcmp(sha, is) != 0)
			broken(a, "S2", row, "its attempt has another hash");
	}
	if (rc == 0)
		rc = -rows_of(a, "S2",
		    "SELECT 'requests '||request_id FROM agent_outputs "
		    "GROUP BY request_id HAVING count(*)>1",
		    "two answers were accepted", err);
	return -rc;
}

/* ---- decisions ---- */

/* The row before, in order of branch and number. */
struct before {
	char branch[SK_BRANCH_LEN], chain[SK_SHA256_LEN];
	int64_t seq, verdict;
};

static void
decision_row(struct audit *a, const struct sk_decision *d, int64_t verdict,
    int64_t counter, const char *fork, struct before *b)
{
	struct seen *j = seen_of(a, 'b', d->branch);
	char row[SK_BRANCH_LEN + 60], link[SK_SHA256_LEN];
	bool same = strcmp(b->branch, d->branch) == 0;
	int64_t last = same ? b->seq : 0;

	a->n->decisions++;
	(void)snprintf(row, sizeof(row), "decisions %s %lld", d->branch,
	    (long long)d->seq);
	if (d->seq != last + 1)
		broken(
		    a, "S3", row, "its number follows %lld", (long long)last);
	if (same && verdict <= b->verdict)
		broken(
		    a, "S3", row, "its verdict is older than the one before");
	if (d->seq > counter)
		broken(a, "S3", row, "the branch has given out only %lld",
		    (long long)counter);
	if (d->seq > j->decided)
		broken(a, "S8", row, "no event says that it was decided");
	if (d->acked != (d->seq <= j->acked))
		broken(a, "S8", row,
		    d->acked ? "it is acked, but no event says so"
			     : "it was acked, but is pending");
	if (!d->acked && d->seq < counter)
		broken(a, "S10", row, "it is pending, but not the newest");
	if (d->chain[0] != '\0') {
		sk_chain_link(d, d->verdict, strlen(d->verdict), link);
		if (strcmp(link, d->chain) != 0)
			broken(a, "S9", row,
			    "it is not what its link in the chain says");
		if (same ? strcmp(b->chain, d->chain_prev) != 0
			 : fork[0] != '\0' && strcmp(fork, d->chain_prev) != 0)
			broken(
			    a, "S9", row, "it is not linked to the one before");
	}
	memcpy(b->branch, d->branch, sizeof(b->branch));
	memcpy(b->chain, d->chain, sizeof(b->chain));
	b->seq = d->seq;
	b->verdict = verdict;
}

static int
decision_rules(struct audit *a, struct sk_err *err)
{
	struct before b = { .seq = 0 };
	struct sk_decision d;
	sqlite3_stmt *st;
	char both[2 * SK_SHA256_LEN], fork[2 * SK_SHA256_LEN];
	int rc;

	st = sk_q(a->db, err,
	    "SELECT d.branch_id,d.decision_seq,d.run_id,d.spec_id,d.stage,"
	    "d.round,d.state='acked',c.status,d.epoch,d.decided_at,"
	    "d.supersedes,d.chain,c.synthesis_json,d.consensus_run,"
	    "b.decision_seq,(SELECT p.chain FROM decisions p WHERE "
	    "p.branch_id=b.parent_id AND p.decision_seq=b.fork_decision_seq)"
	    "FROM decisions d JOIN consensus_runs c ON c.id=d.consensus_run "
	    "JOIN branches b ON b.branch_id=d.branch_id "
	    "ORDER BY d.branch_id,d.decision_seq",
	    "");
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(a->db, st, err)) > 0) {
		struct sk_arena arena = { 0 };

		memset(&d, 0, sizeof(d));
		SK_COL(st, 0, d.branch);
		d.seq = sk_col_int(st, 1);
		SK_COL(st, 2, d.run);
		SK_COL(st, 3, d.spec);
		SK_COL(st, 4, d.stage);
		d.round = sk_col_int(st, 5);
		d.acked = sk_col_int(st, 6) != 0;
		SK_COL(st, 7, d.status);
		d.epoch = sk_col_int(st, 8);
		d.decided_ms = sk_col_int(st, 9);
		d.supersedes = sk_col_int(st, 10);
		both[0] = fork[0] = '\0';
		SK_COL(st, 11, both);
		SK_COL(st, 15, fork);
		if (strlen(both) == 2 * (SK_SHA256_LEN - 1)) {
			memcpy(d.chain_prev, both, SK_SHA256_LEN - 1);
			memcpy(
			    d.chain, both + SK_SHA256_LEN - 1, SK_SHA256_LEN);
		}
		d.verdict = sk_col_dup(st, 12, &arena);
		decision_row(a, &d, sk_col_int(st, 13), sk_col_int(st, 14),
		    strlen(fork) == 2 * (SK_SHA256_LEN - 1)
			? fork + SK_SHA256_LEN - 1
			: "",
		    &b);
		sk_arena_free(&arena);
	}
	return -rc;
}

/* ---- sums ---- */

static int
one_number(struct audit *a, const char *sql, int64_t *out, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(a->db, err, sql, "");
	int rc;

	*out = 0;
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(a->db, st, err);
	if (rc > 0) {
		*out = sk_col_int(st, 0);
		sk_q_end(st);
	}
	return rc < 0 ? -rc : 0;
}

static int
sum_rules(struct audit *a, struct sk_err *err)
{
	int64_t copies, last;
	int rc;

	if (a->n->answers != a->intakes)
		broken(a, "S9", "agent_outputs",
		    "%lld answers, but %lld events of intake",
		    (long long)a->n->answers, (long long)a->intakes);
	rc = one_number(a, "SELECT total(duplicates+divergents)FROM requests",
	    &copies, err);
	if (rc == 0 && copies != a->copies)
		broken(a, "S9", "requests", "%lld copies counted, %lld events",
		    (long long)copies, (long long)a->copies);
	if (rc == 0)
		rc = rows_of(a, "S3",
		    "SELECT 'branches '||branch_id FROM branches b WHERE "
		    "decision_seq<>ifnull((SELECT max(decision_seq)FROM "
		    "decisions d WHERE d.branch_id=b.branch_id),0)",
		    "its counter is not its newest decision", err);
	if (rc == 0)
		rc = rows_of(a, "S10",
		    "SELECT 'decisions '||branch_id FROM decisions WHERE "
		    "state='pending' GROUP BY branch_id HAVING count(*)>1",
		    "two decisions are pending", err);
	if (rc == 0)
		rc = rows_of(a, "S5",
		    "SELECT 'leases '||run_id FROM leases l WHERE epoch<ifnull("
		    "(SELECT max(epoch)FROM decisions d WHERE "
		    "d.run_id=l.run_id),0)",
		    "a decision has a newer epoch", err);
	if (rc == 0)
		rc = one_number(
		    a, "SELECT max(seq)FROM agent_outputs", &last, err);
	if (rc == 0 && last > a->seq)
		broken(a, "S1", "agent_outputs",
		    "answer %lld was never taken in", (long long)last);
	return rc;
}

int
sk_audit(struct sk_db *db, sk_audit_fn fn, void *arg, struct sk_audit_counts *n,
    struct sk_err *err)
{
	struct audit a = { .db = db, .fn = fn, .arg = arg, .n = n };
	int rc;

	memset(n, 0, sizeof(*n));
	rc = identity_rules(&a, err);
	if (rc == 0)
		rc = one_number(
		    &a, "SELECT total(events)FROM pruned", &a.pruned, err);
	if (rc == 0)
		rc = schema_rules(&a, err);
	if (rc == 0)
		rc = sk_event_each(db, NULL, look_at_event, &a, err);
	if (rc == 0 && a.pruned != 0)
		broken(&a, "S9", "pruned",
		    "%lld more events went than are missing",
		    (long long)a.pruned);
	if (rc == 0)
		rc = answer_rules(&a, err);
	if (rc == 0)
		rc = decision_rules(&a, err);
	if (rc == 0)
		rc = sum_rules(&a, err);
	free(a.v);
	return rc;
}

int
sk_audit_answer(struct sk_db *db, int64_t seq, const char *sha256, bool *is,
    struct sk_err *err)
{
	char sha[SK_SHA256_LEN] = "";
	sqlite3_stmt *st;
	int rc;

	*is = false;
	st = sk_q(
	    db, err, "SELECT sha256 FROM agent_outputs WHERE seq=?1", "i", seq);
	if (st == NULL)
		return err->exit;
	rc = sk_q_step(db, st, err);
	if (rc <= 0)
		return -rc;
	SK_COL(st, 0, sha);
	*is = strcmp(sha, sha256) == 0;
	sk_q_end(st);
	return 0;
}
