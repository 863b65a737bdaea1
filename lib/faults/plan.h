/* SPDX-License-Identifier: MIT */
/*
 * Fault plans: the grammar, the words there are, and the file of counters.
 *
 *	plan  = entry { ("," | ";") entry }
 *	entry = name [ "@" agent [ "/" stage ] ] [ what ] [ which ]
 *	what  = ":" count [ "=" argument ] | "=" argument | ":" action
 *	which = "#" n [ "-" m | "+" ]  |  "%" p [ "/" q ] [ "/seed" s ]
 *
 * A name is a kind of fault ("agent_timeout") or a fail-point
 * ("store.ack.before_commit"). The argument of a fail-point is an action, with
 * its own argument after ":" or "=" ("sleep:80ms"). ":3" is the first three
 * times, "#3" the third time, "#3+" the third and all after it, "%1/60/seed7"
 * one in sixty, chosen by the seed, the same ones every time.
 *
 * A word that nobody knows is an error, with a suggestion: a typo must not make
 * a test green.
 */
#ifndef SK_FAULTS_PLAN_H
#define SK_FAULTS_PLAN_H

#include <stdatomic.h>

#include "core/core.h"

/* ---- words (kinds.c, points.c) ---- */

enum sk_fault_place {
	SK_FAULT_AT_AGENT = 1, /* a call of an agent, in sk-run */
	SK_FAULT_AT_PRINT = 2, /* its answer, on the way out */
	SK_FAULT_AT_JUDGE = 4, /* a verdict, in sk-consensus */
	SK_FAULT_AT_PROXY = 8, /* an exchange, in sk-faults proxy */
	SK_FAULT_AT_POINT = 16 /* stands for a fail-point */
};
enum sk_fault_arg { /* of a kind */
	SK_FAULT_NO_ARG,
	SK_FAULT_WORD, /* one of .words */
	SK_FAULT_WORD_OR_TIME, /* the time is only said, nobody waits */
	SK_FAULT_TIME, /* milliseconds, or with a unit */
	SK_FAULT_BYTES,
	SK_FAULT_HINT, /* seconds, now+Ns, or RFC 3339 */
	SK_FAULT_STATUS, /* of HTTP */
	SK_FAULT_POINT
};
struct sk_fault_kind {
	const char *name, *aliases; /* blank-separated */
	unsigned places;
	enum sk_fault_arg arg;
	bool arg_needed;
	const char *words; /* blank-separated */
	const char *point; /* AT_POINT: what it stands for, as an entry */
	const char *purpose;
};
extern const struct sk_fault_kind sk_fault_kinds[]; /* name NULL ends it */

enum sk_fault_action {
	SK_FAULT_KILL9,
	SK_FAULT_TERM,
	SK_FAULT_EXIT,
	SK_FAULT_SLEEP,
	SK_FAULT_FREEZE,
	SK_FAULT_ERRNO,
	SK_FAULT_SHORT, /* half of it is done, and said so */
	SK_FAULT_TORN, /* half of it is done, then EIO */
	SK_FAULT_DROP, /* not done, and said to be */
	SK_FAULT_TWICE,
	SK_FAULT_JUMP, /* the clock, by so many ms */
	SK_FAULT_GARBAGE,
	SK_FAULT_TRICKLE /* a byte at a time */
};
/* Fail-points: those that the program marks, and the system's functions. */
struct sk_fault_point {
	const char *name;
	bool call; /* a function of the C library */
	unsigned extra; /* 1u << action, beyond those that all have */
};
extern const struct sk_fault_point sk_fault_points[]; /* name NULL ends it */

/* ---- plans (plan.c, text.c, plan_arg.c) ---- */

enum sk_fault_which { SK_FAULT_FIRST, SK_FAULT_NTH, SK_FAULT_SHARE };
#define SK_FAULT_NAME 48
struct sk_fault_rule {
	char name[SK_FAULT_NAME];
	const struct sk_fault_kind *kind; /* NULL: a fail-point */
	char agent[65], stage[65]; /* "" = any */
	enum sk_fault_action action; /* of a fail-point */
	char word[64]; /* the argument as it was written; "" = none */
	int64_t arg; /* as a number; -1 = none */
	enum sk_fault_which which;
	int64_t from, to; /* FIRST: to; NTH: both, inclusive */
	int64_t num, den; /* SHARE */
	uint64_t seed;
};
#define SK_FAULT_RULES 256
struct sk_fault_plan {
	struct sk_fault_rule v[SK_FAULT_RULES];
	size_t n;
};
/* What the environment may say beside the plan itself; NULL = nothing. */
struct sk_fault_env {
	const char *scope, *agent, *reset;
	const char *timeout; /* milliseconds, for timeouts without argument */
};
/* Adds to plan. SK_USAGE "bad_fault" with a hint. */
int sk_fault_parse(struct sk_fault_plan *plan, const char *text,
    const struct sk_fault_env *env, struct sk_err *err);
/* SPEC_KIT_FAULTS and CODEX_FAULTS with their companions. */
int sk_fault_parse_env(struct sk_fault_plan *plan, struct sk_err *err);
/* SK_USAGE "bad_fault" when a rule can only fire in the proxy. */
int sk_fault_inside(const struct sk_fault_plan *plan, struct sk_err *err);
/* One rule, so that it parses to itself. */
void sk_fault_text(struct sk_buf *b, const struct sk_fault_rule *r);
void sk_fault_plan_text(struct sk_buf *b, const struct sk_fault_plan *plan);
/* What its times are counted under: "agent_timeout@b/plan=idle". */
#define SK_FAULT_KEY 256
void sk_fault_key(const struct sk_fault_rule *r, char key[SK_FAULT_KEY]);
/* In words: "agent 'b' times out, the first 2 times". */
void sk_fault_explain(struct sk_buf *b, const struct sk_fault_rule *r);
/* The hint of a rate limit: false when it is none. *after_ms is from now on. */
bool sk_fault_reset(const char *s, int64_t now_ms, int64_t *after_ms);

/* ---- counters (table.c) ---- */

struct sk_fault_slot {
	char key[SK_FAULT_KEY]; /* "" = free */
	_Atomic uint64_t calls, hits;
};
struct sk_fault_hit {
	_Atomic uint64_t ordinal; /* from 1; 0 = not written yet */
	int64_t ms; /* wall clock */
	uint64_t call; /* the how manieth call it was */
	int32_t pid;
	char prog[20];
	char rule[SK_FAULT_KEY + 80]; /* this one hit as a plan */
};
#define SK_FAULT_SLOTS (2 * SK_FAULT_RULES)
#define SK_FAULT_HITS 1024
struct sk_fault_table {
	char magic[32];
	char plan[4096]; /* armed; "" = none */
	struct sk_fault_slot slot[SK_FAULT_SLOTS];
	_Atomic uint64_t nhits;
	struct sk_fault_hit hit[SK_FAULT_HITS]; /* the first ones */
};
/* The file of a database: db NULL = SK_FAULTS_FILE, else beside SK_DB, else
 * beside the default one; malloc'd, NULL when there is no home. */
char *sk_fault_path(const char *db);
/* Mapped until the process ends; NULL and errno: EINVAL, it holds something
 * else; ENOBUFS, no slot is free. Its slots for plan are there (NULL = none are
 * wanted); create makes it and its directory. */
struct sk_fault_table *sk_fault_table_open(
    const char *path, bool create, const struct sk_fault_plan *plan);
/* Gives every rule a slot; false when there is none left. A table that others
 * use has to be locked. */
bool sk_fault_claim(struct sk_fault_table *t, const struct sk_fault_plan *plan);
/* Counts from the beginning: only the slots of plan (NULL = none) remain. */
void sk_fault_clear(struct sk_fault_table *t, const struct sk_fault_plan *plan);
/* Slot of a rule, or NULL. */
struct sk_fault_slot *
sk_fault_slot_of(struct sk_fault_table *t, const struct sk_fault_rule *r);
/* Does a rule fire, after so many hits, at this call? */
bool sk_fault_due(const struct sk_fault_rule *r, uint64_t hits, uint64_t call);
/* One call: every rule that is about it counts it, and the first one that is
 * due fires, is written down and returned. NULL = none. */
const struct sk_fault_rule *
sk_fault_take(struct sk_fault_table *t, const struct sk_fault_plan *plan,
    bool (*about)(const struct sk_fault_rule *r, const void *arg),
    const void *arg);
/* All hits that are written down, as the plan that brings them back. */
void sk_fault_again(struct sk_buf *b, const struct sk_fault_table *t);
/* The same for whoever knows the plan: that itself, when its hits are too many
 * to be a plan. */
void sk_fault_again_or(struct sk_buf *b, const struct sk_fault_table *t,
    const struct sk_fault_plan *given);
/* How many hits are not: the table holds no more. */
uint64_t sk_fault_lost(const struct sk_fault_table *t);

#endif
