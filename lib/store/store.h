/* SPDX-License-Identifier: MIT */
/*
 * store: the one shared SQLite file. The only room that includes sqlite3.
 *
 * Promises: every write happens in a transaction that holds the writer queue
 * (flock on <db>-wlock, then BEGIN IMMEDIATE, synchronous=FULL); checkpoints
 * run only under that lock; every state change appends one journal row in the
 * same transaction. A transaction never spans a spawn, a network call or a
 * print. What is acknowledged here survives kill -9 and power loss. A function
 * that writes joins the open transaction, or else makes one of its own.
 *
 * Ownership: text handed out is copied into the arena given, or malloc'd where
 * the function says so; ids in structs are inline arrays.
 */
#ifndef SK_STORE_H
#define SK_STORE_H

#include "core/core.h"

/* ---- the file (db.c, tx.c) ---- */

struct sk_db;

#define SK_DB_CREATE 1u /* make file and directory when absent */
#define SK_DB_READONLY 2u
/*
 * Open, and create or migrate when needed. path NULL: SK_DB, else
 * $XDG_STATE_HOME/sk/sk.db. Errors: SK_DAMAGED "not_a_database",
 * "foreign_database" (another application_id), "corrupt"; SK_NEWER
 * "newer_schema"; SK_IO "no_space", "io", "permission"; SK_AGAIN "busy";
 * SK_USAGE "network_file_system", "no_database" (absent and no CREATE).
 */
int sk_db_open(
    struct sk_db **db, const char *path, unsigned flags, struct sk_err *err);
void sk_db_close(struct sk_db *db); /* NULL-safe; rolls back what is open */
/* The same for a program that is about to end: the kernel lets go of everything
 * faster than we can. db must not be used again. */
void sk_db_leave(struct sk_db *db);
const char *sk_db_path(const struct sk_db *db);
/* Gives back the memory of pages that are not in use: after much was written,
 * before a long wait. */
void sk_db_trim(struct sk_db *db);
/* The path that would be opened; malloc'd. */
char *sk_db_default_path(const char *path, struct sk_err *err);

int sk_db_begin(struct sk_db *db, struct sk_err *err);
int sk_db_commit(struct sk_db *db, struct sk_err *err);
void sk_db_rollback(struct sk_db *db);
bool sk_db_in_tx(const struct sk_db *db);

/* ---- runs and branches (q_run.c, q_branch.c, q_lineage.c, q_prune.c) ---- */

#define SK_RUN_LEN 65
#define SK_BRANCH_LEN 129
#define SK_IDENT_LEN 65

/* Git facts of a directory, gathered by the caller (nothing here runs git). */
struct sk_git {
	char branch[256]; /* "" = detached or no git */
	char head[65]; /* commit, "" = unborn or no git */
	const char *root; /* project root, absolute; NULL = unknown */
	bool detached;
};
/*
 * Create the run and its root branch when they are absent (inside a
 * transaction), else check that spec and root agree: SK_USAGE "run_mismatch".
 * run "" makes a new id. branch "" takes the run's newest branch (its root
 * branch for a new run); a branch that does not belong to the run is SK_USAGE
 * "wrong_branch". On success run and branch are filled.
 */
int sk_run_ensure(struct sk_db *db, char run[SK_RUN_LEN],
    char branch[SK_BRANCH_LEN], const char *spec, const struct sk_git *git,
    struct sk_err *err);

struct sk_branch {
	char id[SK_BRANCH_LEN], parent[SK_BRANCH_LEN]; /* parent "" = root */
	char run[SK_RUN_LEN], spec[SK_IDENT_LEN];
	char *root, *git_branch, *git_head; /* arena; may be NULL */
	int64_t created_ms, active_ms;
	int64_t decisions; /* acked */
	int64_t fork; /* sees its parent's decisions up to this number */
	/* "new", "running", "interrupted" (its driver is gone), "halted",
	 * "done", "cancelled"; "open" where no pipeline drove it */
	char state[16];
};
#define SK_FORK_NEWEST (-1)
/* New branch below parent ("" = the run's newest), forked after the parent's
 * decision `after` (0 = before its first, SK_FORK_NEWEST); one that is not
 * there or not acknowledged is SK_USAGE "no_such_decision". */
int sk_branch_create(struct sk_db *db, const char *run, const char *parent,
    int64_t after, const struct sk_git *git, struct sk_branch *out,
    struct sk_arena *a, struct sk_err *err);
struct sk_branch_filter {
	/* NULL = any; a git branch "" = made without one */
	const char *spec, *git_branch, *root, *run, *state;
	bool open; /* only what can be gone on with, and nobody does */
	size_t limit; /* 0 = all */
};
/* Newest activity first. *left_out = how many more there are of f->spec. */
int sk_branch_list(struct sk_db *db, const struct sk_branch_filter *f,
    struct sk_branch **out, size_t *n, size_t *left_out, struct sk_arena *a,
    struct sk_err *err);
/* The name and the specification of every branch, newest activity first; texts
 * are valid during the call. */
int sk_branch_names(struct sk_db *db,
    void (*fn)(void *arg, const char *branch, const char *spec), void *arg,
    struct sk_err *err);
int sk_branch_get(struct sk_db *db, const char *id, struct sk_branch *out,
    struct sk_arena *a, struct sk_err *err); /* SK_USAGE "no_such_branch" */

/* What a branch sees: itself first, then its ancestors, each with the newest
 * decision and answer up to the fork. */
struct sk_seen {
	char branch[SK_BRANCH_LEN];
	int64_t decision, answer; /* INT64_MAX: all */
};
int sk_lineage(struct sk_db *db, const char *branch, struct sk_seen **out,
    size_t *n, struct sk_arena *a, struct sk_err *err);

/* A branch that nothing was asked in, decided on or forked from. Its run goes
 * with it when it was the only one and nobody ever drove the run. */
struct sk_prunable {
	char id[SK_BRANCH_LEN], run[SK_RUN_LEN], spec[SK_IDENT_LEN];
	int64_t active_ms;
	bool whole_run; /* its run goes with it */
};
/* Those without activity since before_ms, oldest first; root, spec NULL = any.
 * remove = take them away in the same transaction. */
int sk_branch_prune(struct sk_db *db, const char *root, const char *spec,
    int64_t before_ms, bool remove, struct sk_prunable **out, size_t *n,
    struct sk_arena *a, struct sk_err *err);

/* ---- requests, attempts, answers (q_answer.c, q_content.c) ---- */

/* One logical question to one agent; the idempotency key. */
struct sk_key {
	const char *run, *branch, *spec, *stage, *agent; /* spec/stage "" ok */
	int64_t round; /* from 1 */
};
/* Reserve the next attempt of a request before launch. When the request has an
 * accepted answer already: *seq > 0 and nothing is changed. */
int sk_request_reserve(struct sk_db *db, const struct sk_key *key,
    const char *adapter, const char *model, int64_t *attempt, int64_t *seq,
    struct sk_err *err);
/* It is about to be launched: from now on it may cost something. */
int sk_request_begin(struct sk_db *db, const struct sk_key *key,
    int64_t attempt, struct sk_err *err);

enum sk_intake_kind {
	SK_IN_ACCEPTED, /* first answer of the request: has a new seq */
	SK_IN_KNOWN, /* same attempt and sha256 again */
	SK_IN_DUPLICATE, /* another attempt, same sha256 */
	SK_IN_DIVERGENT, /* another answer although one was accepted */
	SK_IN_FAILED, /* a failed attempt was recorded */
	SK_IN_STOPPED /* run is stopped: not recorded */
};
struct sk_answer_row {
	struct sk_key key;
	int64_t attempt; /* 0 = unknown: the reserved one, else 1 */
	bool ok; /* status ok */
	const char *failure_kind, *failure_message; /* when !ok */
	const char *model, *adapter, *session, *host;
	const char *content;
	size_t content_n;
	const char *sha256;
	const char *meta_json; /* usage, cost, timings, exit …: one object */
	int exit_code, signal; /* -1 = none */
	int64_t started_ms, ended_ms;
};
struct sk_intake_res {
	enum sk_intake_kind kind;
	int64_t seq; /* of the accepted answer (the winner's) */
	int64_t attempt; /* of the winner */
	char sha256[SK_SHA256_LEN]; /* of the winner */
};
/* In a transaction. Counts duplicates and divergents on the request. */
int sk_answer_intake(struct sk_db *db, const struct sk_answer_row *row,
    struct sk_intake_res *res, struct sk_err *err);
const char *sk_intake_word(enum sk_intake_kind k); /* "accepted", … */
/* The text of the accepted answer that has this seq. */
int sk_answer_content(
    struct sk_db *db, int64_t seq, struct sk_buf *out, struct sk_err *err);

/* A stored answer or the last failure of a request, for judging. */
struct sk_stored {
	char agent[SK_IDENT_LEN];
	int64_t seq, attempt; /* seq 0 = no accepted answer */
	bool ok;
	char *failure_kind, *failure_message, *model, *session, *adapter;
	char *content, *meta_json;
	size_t content_n;
	char sha256[SK_SHA256_LEN];
	int64_t duplicates, divergents;
	int64_t started_ms, ended_ms;
};
/* q_stored.c: all requests of a round, by agent name. round 0 =
 * the newest round. The nearest branch that asked supplies the whole round:
 * this one, else an ancestor with what it had decided up to the fork. */
int sk_answers_of(struct sk_db *db, const struct sk_key *key,
    struct sk_stored **out, size_t *n, int64_t *round, struct sk_arena *a,
    struct sk_err *err);

/* ---- decisions (q_decision.c, q_ack.c, q_lineage.c) ---- */

struct sk_decision {
	char run[SK_RUN_LEN], branch[SK_BRANCH_LEN];
	char spec[SK_IDENT_LEN], stage[SK_IDENT_LEN];
	int64_t round, seq; /* decision_seq */
	bool acked;
	int64_t supersedes; /* earlier decision_seq of the same round, or 0 */
	int64_t epoch, ack_epoch, decided_ms, acked_ms;
	char status[16]; /* ok, degraded, conflict, unknown */
	char input_sha256[SK_SHA256_LEN];
	char *verdict; /* the pure part: one JSON object, arena */
	char *artefact; /* path or NULL */
	char artefact_sha256[SK_SHA256_LEN]; /* "" = none */
	/* The link to the decision before it, and its own; "" = none. */
	char chain_prev[SK_SHA256_LEN], chain[SK_SHA256_LEN];
};
/* What a decision's link must be: chain_prev, its facts and the bytes of its
 * verdict. */
void sk_chain_link(const struct sk_decision *d, const char *verdict, size_t n,
    char out[SK_SHA256_LEN]);
struct sk_decide {
	struct sk_key key; /* agent unused */
	const char *status, *verdict; /* JSON of the pure part */
	size_t verdict_n;
	const char *input_sha256; /* of what the verdict was made from */
	const int64_t *answer_seqs; /* accepted answers used */
	size_t n_answers;
	int64_t epoch;
};
/*
 * The newest decision of this (branch, spec, stage, round), pending or acked,
 * is returned as it is when it was made from the same input (replayed = true).
 * Any other pending decision of the branch refuses with SK_ORDER "pending", a
 * stale epoch with "fenced", a stopped run with "run_stopped". decision_seq is
 * 1, 2, 3 … without gaps.
 */
int sk_decision_make(struct sk_db *db, const struct sk_decide *d,
    struct sk_decision *out, bool *replayed, struct sk_arena *a,
    struct sk_err *err);
/* Idempotent: *already for an acked seq. Any other N is SK_ORDER
 * "out_of_order", after a stop "run_stopped", and changes nothing. */
int sk_decision_ack(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, bool *already, struct sk_err *err);
/* The artefact that was published for a pending decision. */
int sk_decision_artefact(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, const char *path, const char *sha256,
    struct sk_err *err);
/* The pending one; *found false when there is none. branch "" = any of run. */
int sk_decision_pending(struct sk_db *db, const char *run, const char *branch,
    struct sk_decision *out, bool *found, struct sk_arena *a,
    struct sk_err *err);
struct sk_decision_filter {
	const char *run, *branch, *spec, *stage; /* NULL or "" = any */
	const char *root; /* runs of this project, or of none; NULL = any */
	int64_t seq; /* 0 = any */
	bool pending; /* only these */
	size_t limit; /* 0 = all */
};
/* Newest first. */
int sk_decision_find(struct sk_db *db, const struct sk_decision_filter *f,
    struct sk_decision **out, size_t *n, struct sk_arena *a,
    struct sk_err *err);
/* Has this round a decision? (What arrives now is late.) */
int sk_round_decided(struct sk_db *db, const struct sk_key *k, bool *decided,
    struct sk_err *err);
/* Newest first; NULL or "" = any. limit 0 = all. */
int sk_decision_list(struct sk_db *db, const char *run, const char *branch,
    const char *spec, const char *stage, size_t limit, struct sk_decision **out,
    size_t *n, struct sk_arena *a, struct sk_err *err);
/* The decision on a stage that this branch stands on: its own newest one, else
 * the newest of the nearest ancestor up to the fork. Fills run, branch, round,
 * seq, acked, status, verdict and artefact. */
int sk_decision_seen(struct sk_db *db, const char *branch, const char *spec,
    const char *stage, struct sk_decision *out, bool *found, struct sk_arena *a,
    struct sk_err *err);

/* ---- the end of a run, refusals (q_ack.c) ---- */

/* Durable: nothing is taken in, decided or acked any more. */
int sk_run_stop(
    struct sk_db *db, const char *run, bool *already, struct sk_err *err);
/* 0, or SK_ORDER "run_stopped" for a closed run. */
int sk_run_open(struct sk_db *db, const char *run, struct sk_err *err);
/* Counts a refusal (class SK_ORDER) in the journal; branch may be NULL. Not
 * inside a transaction that will be rolled back. */
void sk_count_refusal(struct sk_db *db, const char *run, const char *branch,
    int64_t seq, int64_t epoch, const struct sk_err *why);

/* ---- drivers (q_lease.c) ---- */

/*
 * Become the driver of a run: kernel lock for life (a byte of <db>-drivers),
 * epoch + 1 in the lease row. Another driver alive: SK_AGAIN "driver_alive"
 * naming it, after wait_ms. Not inside a transaction.
 */
struct sk_driver {
	int lock_fd;
	int64_t epoch;
	char run[SK_RUN_LEN];
};
int sk_driver_start(struct sk_db *db, const char *run, int64_t wait_ms,
    struct sk_driver *d, struct sk_err *err);
/* The same for a driver that renews: when lease_ms have passed without, another
 * may take over although the lock is held; the epoch fences the old one, which
 * is killed if it is still the process that took the lease. */
int sk_driver_lease(struct sk_db *db, const char *run, int64_t wait_ms,
    int64_t lease_ms, struct sk_driver *d, struct sk_err *err);
int sk_driver_renew(struct sk_db *db, const struct sk_driver *d,
    int64_t lease_ms, struct sk_err *err);
void sk_driver_end(struct sk_driver *d);
/* Who drives or drove a run, and what it is doing. */
struct sk_lease {
	int64_t epoch, since_ms, phase_ms;
	struct sk_proc_id proc;
	char program[SK_IDENT_LEN];
	char phase[16]; /* "idle" for a run that nobody has driven */
	bool hung; /* it had to be renewed, and was not */
};
int sk_lease_get(struct sk_db *db, const char *run, struct sk_lease *out,
    bool *found, struct sk_err *err);
/* From one phase to the next; SK_ORDER "wrong_phase" when it is in another. */
int sk_phase_move(struct sk_db *db, const char *run, const char *from,
    const char *to, int64_t epoch, struct sk_err *err);
/* In a transaction: SK_ORDER "fenced" unless epoch is the lease's. */
int sk_epoch_check(
    struct sk_db *db, const char *run, int64_t epoch, struct sk_err *err);
/*
 * Publish a prepared file inside the fence: queue lock, epoch check, rename,
 * unlock, directory fsync. pub is consumed.
 */
int sk_db_publish(struct sk_db *db, const char *run, int64_t epoch,
    struct sk_pub *pub, struct sk_err *err);

/* ---- pipeline rows (q_pipeline.c, q_run.c) ---- */

struct sk_stage_row {
	char stage[SK_IDENT_LEN];
	char state[16]; /* running, done, halted */
	char status[16]; /* verdict status or "" */
	int64_t round, started_ms, ended_ms, decision_seq;
	char *agents; /* "a1,a2,a3" */
	char *artefact; /* path or NULL */
	char *reason; /* of a halt or NULL */
	int exit; /* the class that stopped it, 0 = none */
	char *config; /* sha256 of the configuration it ran with, or NULL */
};
/* The state for people: a stage that ended without a verdict stays "running",
 * so that the next start goes on in it, and is "halted" or "interrupted". */
const char *sk_stage_state(const struct sk_stage_row *row);
int sk_stage_start(struct sk_db *db, const char *run, const char *branch,
    const char *stage, const char *agents, int64_t epoch, struct sk_err *err);
int sk_stage_end(struct sk_db *db, const char *run, const char *branch,
    const struct sk_stage_row *row, int64_t epoch, struct sk_err *err);
/* In order of start. */
int sk_stage_list(struct sk_db *db, const char *run, const char *branch,
    struct sk_stage_row **out, size_t *n, struct sk_arena *a,
    struct sk_err *err);
/* The newest run of a spec under a root; *found false when none. state is
 * "" / running / halted / done. */
struct sk_run {
	char id[SK_RUN_LEN], branch[SK_BRANCH_LEN], spec[SK_IDENT_LEN];
	char state[16];
	char *root;
	char *goal; /* or NULL */
	int64_t created_ms, active_ms;
};
int sk_run_latest(struct sk_db *db, const char *spec, const char *root,
    struct sk_run *out, bool *found, struct sk_arena *a, struct sk_err *err);
int sk_run_get(struct sk_db *db, const char *run, struct sk_run *out,
    bool *found, struct sk_arena *a, struct sk_err *err);
/* SK_USAGE "no_such_run". */
int sk_no_run(const char *run, struct sk_err *err);
/* Is this the state of a run in which nothing may happen any more: stopped, or
 * cancelled on top of it? */
bool sk_run_closed(const char *state);
/* SK_ORDER "run_stopped" for a closed run, unless state is "cancelled". */
int sk_run_state(struct sk_db *db, const char *run, const char *state,
    int64_t epoch, struct sk_err *err);

/* ---- what providers allow (q_limit.c) ---- */

#define SK_PROVIDER_CALLS 100
#define SK_PROVIDER_BURST 5
/* What all processes know of one provider. The rules are the caller's. */
struct sk_provider {
	char name[SK_IDENT_LEN];
	int64_t limited_until_ms; /* wall clock; 0 = never was */
	char reason[24]; /* failure kind that said so */
	int64_t concurrency, cut_ms; /* calls at once, 0 = any; since when */
	int64_t opened_ms; /* circuit breaker; 0 = closed */
	char calls[SK_PROVIDER_CALLS + 1]; /* '.' and 'x', newest last */
	int64_t bad_ms[SK_PROVIDER_BURST]; /* last failures, newest last */
	/* Calls in flight of the living, this process included, and how many
	 * of them are the breaker's trial. */
	int64_t in_flight, trials;
	int64_t mine, my_trials; /* of this process */
	bool had_lease; /* a row of ours is stored */
};
/* In a transaction the calls of dead processes are let go of. */
int sk_provider_get(struct sk_db *db, const char *name, struct sk_provider *out,
    struct sk_err *err);
/* Saves the state, and what is mine. */
int sk_provider_put(
    struct sk_db *db, const struct sk_provider *p, struct sk_err *err);
int
sk_provider_list(struct sk_db *db, struct sk_strv *names, struct sk_err *err);
int sk_provider_forget(
    struct sk_db *db, const char *name, bool *found, struct sk_err *err);

/* ---- the history (q_audit.c) ---- */

/* One thing that breaks a rule; texts are gone after fn. */
struct sk_violation {
	const char *rule; /* "S0" … "S10" */
	const char *row; /* table and key */
	const char *detail;
};
typedef void (*sk_audit_fn)(void *arg, const struct sk_violation *v);
struct sk_audit_counts {
	int64_t events, answers, decisions, violations;
};
/* The whole database against the rules, in memory that grows with the number
 * of branches only. An error is only what stops the looking. */
int sk_audit(struct sk_db *db, sk_audit_fn fn, void *arg,
    struct sk_audit_counts *n, struct sk_err *err);
/* Is an answer of this number there, and of this hash? */
int sk_audit_answer(struct sk_db *db, int64_t seq, const char *sha256, bool *is,
    struct sk_err *err);

struct sk_event_row {
	int64_t lsn, at, seq, epoch, pid;
	const char *kind, *run, *branch, *key; /* but kind may be NULL */
};
typedef void (*sk_event_fn)(void *arg, const struct sk_event_row *e);
/* In order; run NULL = all. What e points to is gone after fn. */
int sk_event_each(struct sk_db *db, const char *run, sk_event_fn fn, void *arg,
    struct sk_err *err);
struct sk_event_count {
	char what[64]; /* the kind, of refusals with the reason */
	int64_t count;
};
int
sk_event_counts(struct sk_db *db, const char *run, struct sk_event_count **out,
    size_t *n, struct sk_arena *a, struct sk_err *err);

/* ---- journal (q_journal.c) ---- */

/* One row of history, in the caller's transaction. */
int sk_journal(struct sk_db *db, const char *kind, const char *run,
    const char *branch, int64_t seq, const char *key, int64_t epoch,
    struct sk_err *err);

#include "store/gates.h"
#include "store/keep.h"
#include "store/usage.h"

#endif
