/* SPDX-License-Identifier: MIT */
/*
 * agent: ask N agents at once and make one record of each answer.
 *
 * Promises: an adapter is data (lib/data/adapters, or the user's own files in
 * the same form), never code; a prompt goes in by descriptor, never by argv or
 * a shell; an agent's output is bounded, decoded, read under the adapter's
 * rules and nothing in it is ever interpreted; whatever an agent started ends
 * with it. Every request is reserved before launch and every answer committed
 * before it is printed.
 *
 * Ownership: structs filled here own their strings until the matching free.
 */
#ifndef SK_AGENT_H
#define SK_AGENT_H

#include "config/config.h"
#include "core/core.h"
#include "store/store.h"
#include "json/json.h"

/* ---- failure kinds (kind.c) ---- */

enum sk_kind {
	SK_K_NONE, /* no failure */
	SK_K_AUTH,
	SK_K_RATE_LIMITED,
	SK_K_QUOTA_EXHAUSTED,
	SK_K_OVERLOADED,
	SK_K_TRANSPORT,
	SK_K_TIMEOUT_FIRST_BYTE,
	SK_K_TIMEOUT_IDLE,
	SK_K_TIMEOUT_TOTAL,
	SK_K_REFUSED,
	SK_K_NEEDS_INPUT,
	SK_K_DENIED,
	SK_K_EMPTY,
	SK_K_INVALID,
	SK_K_TRUNCATED,
	SK_K_CONTEXT_TOO_LONG,
	SK_K_USAGE,
	SK_K_CRASHED,
	SK_K_KILLED,
	SK_K_CANCELLED,
	SK_K_NOT_FOUND,
	SK_K_INTERNAL
};
const char *sk_kind_word(enum sk_kind k); /* "rate_limited" */
bool sk_kind_of(const char *word, enum sk_kind *out);
/* Exit class of a run in which every agent failed for this cause. */
int sk_kind_exit(enum sk_kind k);

/* ---- stages (request.c) ---- */

/* The word under which a stage is stored: "plan" for "spec-plan", "audit" for
 * "review". A stage that only the configuration has ([stages.NAME]) keeps its
 * name; NULL when nobody knows it. */
const char *sk_agent_stage(const char *word, const struct sk_config *c);

/* ---- adapters (adapter.c) ---- */

struct sk_adapter;
/* Loaded once per process: the user's adapters/NAME.toml, else the shipped one.
 * SK_USAGE "no_such_adapter" (with a suggestion) or "bad_adapter". */
int sk_adapter_get(
    const char *name, const struct sk_adapter **out, struct sk_err *err);
/* Names of all adapters there are, sorted. */
void sk_adapter_names(struct sk_strv *names);
/* The program that an adapter runs, for checks ("claude"); NULL for exec. */
const char *sk_adapter_program(const struct sk_adapter *ad);

/* Recordings in dir read through an adapter, by name or by file (check.c):
 * prints what it makes of each. SK_NEGATIVE when one is not as the folder's
 * expected.jsonl says. */
int sk_adapter_check(
    const char *adapter, const char *dir, bool text, struct sk_err *err);
/* What there is, installed, logged in (list.c). */
int sk_adapter_list(bool text, struct sk_err *err);

/* ---- what providers allow (limit_show.c) ---- */

/* Prints sk.limits/1 or a table; forget NULL = nothing is forgotten first. */
int sk_limits(const char *db, const struct sk_config *conf, const char *forget,
    bool text, struct sk_err *err);

/* ---- the run (run.c) ---- */

/* One agent that is through. */
struct sk_through {
	const char *agent, *text; /* text NULL = it failed */
	size_t text_n;
	const char *sha256, *failure;
};
typedef bool (*sk_decided_fn)(void *arg, const struct sk_strv *expected,
    const struct sk_through *v, size_t n);
/* Money, joined in by the program: room for a call before it is made, the cost
 * of an attempt with its answer. Both are called within a transaction. */
struct sk_money_call {
	struct sk_key key;
	int64_t attempt;
	const char *adapter, *model;
	size_t prompt_bytes;
	bool held; /* out: a budget counts it, so its begin is recorded */
};
struct sk_money {
	int (*reserve)(void *arg, struct sk_db *db, struct sk_money_call *c,
	    struct sk_err *err);
	int (*settle)(void *arg, struct sk_db *db,
	    const struct sk_answer_row *row, size_t prompt_bytes,
	    struct sk_err *err);
	void *arg;
};
struct sk_ask {
	struct sk_strv agents; /* NAME[=ADAPTER][:COUNT] */
	struct sk_strv execs; /* NAME[:COUNT]=COMMAND */
	const char *run, *branch, *spec, *stage; /* NULL = environment, none */
	struct sk_strv models; /* [AGENT=]MODEL */
	struct sk_strv fallbacks; /* [AGENT=]OTHER, in this order */
	const char *schema_file, *prompt_file;
	/* For the program that joins in a verdict; not looked at here. */
	struct sk_strv require;
	const char *policy, *quorum;
	int64_t quorum_num, quorum_den; /* answers wanted: num of den, den 0 =
	                                 * a count, num 0 = more than half */
	const char *record, *replay; /* directories, see replay.c */
	int64_t round; /* 0 = 1 */
	int64_t timeout_ms; /* 0 = configured */
	int64_t deadline_ms, straggler; /* 0 = configured */
	const char *launcher; /* words before each agent's own */
	const char *tee; /* directory for raw streams */
	bool worktree, cgroup; /* one for each agent */
	int64_t jobs; /* 0 = all at once */
	int64_t max_output; /* 0 = 16 MiB */
	int64_t attempts; /* calls of one agent; 0 = by kind of failure */
	int64_t retry_ms; /* for retries in all; 0 = configured */
	bool dry_run, events, text;
	bool stream; /* answers as they grow, where they come in pieces */
	bool write; /* agents may change files */
	bool may_ask; /* a person at the terminal, to log in on the way */
	bool reuse; /* stored answers to the same question will do */
	bool again; /* those of this round will do to any question */
	bool until_decided;
	/* Joined in by the program: is it decided what the answers so far come
	 * to, whatever the others say? names and texts of those that are
	 * through; NULL text = failed. */
	sk_decided_fn decided;
	void *decided_arg;
	const struct sk_money *money; /* NULL = nobody counts */
	const char *unpriced; /* for the program that joins it */
	const char *db; /* as for sk_db_open() */
	const struct sk_git *git; /* NULL = root of the configuration only */
};
#define SK_PROMPT_MAX ((size_t)64 << 20)

/*
 * Everything that sk-run does, in the worker of a guardian pair (guard_fd of
 * sk_guard()). Prints records (text: a table) with sk_out. 0, or a class
 * without a message when agents failed.
 */
int sk_ask_run(const struct sk_ask *ask, struct sk_config *conf, int guard_fd,
    struct sk_err *err);

#endif
