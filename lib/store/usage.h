/* SPDX-License-Identifier: MIT */
/*
 * The part of store.h that is about money: what was used is booked once under
 * its key, and what may be spent is reserved before (q_usage.c); rows, sums and
 * where imports stand (q_sums.c). Include store.h.
 *
 * Strings that are handed to a callback live until it returns; those put into
 * an arena are the arena's.
 */
#ifndef SK_STORE_USAGE_H
#define SK_STORE_USAGE_H

/* One budget that a booking counts for: "run" and its id, "day" and its date.
 * limit: for a reservation, micro USD; -1 = none. */
struct sk_scope {
	const char *name, *id;
	int64_t limit;
};
#define SK_SCOPES_MAX 8
struct sk_usage_row {
	const char *key; /* unique for ever: a replay never counts twice */
	const char *run, *branch; /* NULL = imported */
	const char *root, *spec, *stage, *agent, *provider, *model, *source;
	const char *session; /* when the figures are the session's so far */
	int64_t at_ms;
	int64_t fresh, cache_read, cache_write, output, reasoning;
	int64_t cost; /* micro USD; -1 = unknown */
	int64_t flags; /* SK_USAGE_..., and the caller's */
	bool revise; /* a later one with more output replaces it */
	const struct sk_scope *scopes; /* that the cost counts for */
	size_t n_scopes;
};
#define SK_USAGE_SUSPECT 1 /* counted in the sums of its day */
#define SK_USAGE_ESTIMATED 64 /* likewise; what was said takes its place */
enum sk_booked { SK_BOOK_NEW, SK_BOOK_KNOWN, SK_BOOK_REVISED };
/* Book it, and let go of the reservation of the same key. */
int sk_usage_book(struct sk_db *db, const struct sk_usage_row *row,
    enum sk_booked *what, struct sk_err *err);
/* Booked already, and not only as an estimate? */
int sk_usage_known(
    struct sk_db *db, const char *key, bool *known, struct sk_err *err);

/* Who was refused what. */
struct sk_refusal {
	const struct sk_scope *scope; /* NULL = not refused */
	int64_t used, reserved; /* micro USD, without the request */
};
/* In one transaction: every scope has room for cost, or nothing is changed and
 * *no says which has not. holder NULL = this process. The same key again
 * replaces. */
int sk_reserve(struct sk_db *db, const char *key, const struct sk_scope *scopes,
    size_t n, int64_t cost, const struct sk_proc_id *holder,
    struct sk_refusal *no, struct sk_err *err);
int
sk_release(struct sk_db *db, const char *key, bool *was, struct sk_err *err);
struct sk_reservation {
	int64_t cost;
	char *scopes; /* that it counts for: lines of "SCOPE\tID" */
	bool alive; /* its holder is */
};
int sk_reservation_get(struct sk_db *db, const char *key,
    struct sk_reservation *out, bool *found, struct sk_arena *a,
    struct sk_err *err);
/* Spent and reserved so far. */
int sk_spent(struct sk_db *db, const struct sk_scope *s, int64_t *used,
    int64_t *reserved, struct sk_err *err);
/* The keys of those whose holder is dead. */
int sk_reservations_dead(
    struct sk_db *db, struct sk_strv *keys, struct sk_err *err);
/* Let go of one of them, if it is there, and say so in the journal. */
int sk_reservation_lost(struct sk_db *db, const char *key, struct sk_err *err);

/* An attempt that has ended, for booking; strings live until fn returns. */
struct sk_attempt_row {
	struct sk_key key;
	int64_t attempt, started_ms, ended_ms;
	const char *status, *adapter, *model, *session, *meta_json, *kind;
	const char *root;
	bool ran; /* its program or request was begun */
	size_t prompt_bytes; /* 0 = not known */
	bool lost; /* spawned, and its request has gone on without it */
};
typedef int (*sk_attempt_row_fn)(
    void *arg, const struct sk_attempt_row *row, struct sk_err *err);
/* In order of their end. stage NULL = all; fn != 0 stops. */
int sk_attempts_each(struct sk_db *db, const char *run, const char *branch,
    const char *stage, sk_attempt_row_fn fn, void *arg, struct sk_err *err);
typedef int (*sk_usage_row_fn)(
    void *arg, const struct sk_usage_row *row, struct sk_err *err);
/* The run's rows in order of time; branch, stage NULL = all. */
int sk_usage_each(struct sk_db *db, const char *run, const char *branch,
    const char *stage, sk_usage_row_fn fn, void *arg, struct sk_err *err);
/* What a session of the run was charged so far. */
int sk_usage_session(struct sk_db *db, const char *run, const char *session,
    struct sk_usage_row *sum, bool *any, struct sk_err *err);
/* Answers that came twice, over all requests of the run. */
int sk_duplicates_of(
    struct sk_db *db, const char *run, int64_t *n, struct sk_err *err);

enum sk_by {
	SK_BY_ALL,
	SK_BY_DAY,
	SK_BY_WEEK,
	SK_BY_MONTH,
	SK_BY_SPEC,
	SK_BY_STAGE,
	SK_BY_AGENT,
	SK_BY_MODEL,
	SK_BY_PROVIDER,
	SK_BY_SOURCE,
	SK_BY_RUN, /* these two: without what was imported */
	SK_BY_BRANCH
};
struct sk_sum {
	char *name; /* arena */
	int64_t calls, fresh, cache_read, cache_write, output, reasoning;
	int64_t cost, unpriced, suspect, estimated;
};
struct sk_sum_filter {
	int64_t since, until; /* days since 1970, inclusive; 0 = any */
	const char *root, *spec, *stage, *agent, *model; /* NULL = any */
};
int
sk_usage_sums(struct sk_db *db, enum sk_by by, const struct sk_sum_filter *f,
    struct sk_sum **out, size_t *n, struct sk_arena *a, struct sk_err *err);
/* Output tokens of the newest n calls of this agent (or model), for guesses. */
int sk_usage_outputs(struct sk_db *db, const char *agent, const char *model,
    int64_t *out, size_t max, size_t *n, struct sk_err *err);

/* Where the import of a log stands. */
struct sk_import_row {
	int64_t ino, offset;
	char head[SK_SHA256_LEN];
	char *state; /* JSON, arena */
};
int sk_import_get(struct sk_db *db, const char *path, struct sk_import_row *out,
    bool *found, struct sk_arena *a, struct sk_err *err);
int sk_import_put(struct sk_db *db, const char *path,
    const struct sk_import_row *row, struct sk_err *err);
/* The messages that opencode keeps in a database of its own, read only; json
 * NULL = of 4 MiB or more. */
typedef int (*sk_message_fn)(void *arg, const char *id, const char *session,
    const char *json, struct sk_err *err);
int sk_foreign_messages(
    const char *path, sk_message_fn fn, void *arg, struct sk_err *err);
/* Sessions of agents that sk-run started: their logs are ours already. */
typedef void (*sk_text_fn)(void *arg, const char *text);
int sk_sessions_each(
    struct sk_db *db, sk_text_fn fn, void *arg, struct sk_err *err);

#endif
