/* SPDX-License-Identifier: MIT */
/* Included by internal.h: attempts, and what processes need. */
#ifndef SK_AGENT_ATTEMPT_H
#define SK_AGENT_ATTEMPT_H

#include "faults/faults.h"

/* ---- git work trees (worktree.c) ---- */

#define SK_PATTERNS_MAX ((size_t)1 << 20)
/* What all trees of a run are made from and held against, asked before the
 * first agent works. Zero-initialise. */
struct sk_trees {
	char *top, *base; /* of the repository that we stand in; its commit */
	char *objects; /* directory that the trees borrow from */
	bool sha256; /* the repository's kind of hash */
	struct sk_buf exclude; /* its info/exclude */
	struct sk_buf config; /* what of its configuration they get */
	struct sk_buf refs; /* its branches and tags */
	struct sk_buf submodules; /* paths, each with its NUL */
	char control[SK_SHA256_LEN]; /* state of its configuration */
};
int sk_trees_open(struct sk_trees *t, struct sk_err *err);
/* Warns when the repository's own configuration is not what it was. */
void sk_trees_close(struct sk_trees *t);

struct sk_tree {
	char *path; /* NULL = none */
	dev_t dev;
	ino_t ino; /* what we made there */
};
int sk_tree_make(const struct sk_trees *t, struct sk_tree *tree,
    const char *path, struct sk_err *err);
/* What was done in it since base, into o->diff, when nothing of the agent runs
 * any more; near is a directory for our own files. */
void sk_tree_diff(const struct sk_trees *t, const struct sk_tree *tree,
    const char *near, size_t max, struct sk_outcome *o);
void sk_tree_drop(struct sk_tree *tree);

/* ---- what all processes of a run share (ground.c) ---- */

struct sk_ground {
	struct sk_mark mark; /* who we are; a private directory */
	struct sk_cgroup cgroup; /* dir NULL = none */
	const char *tee; /* raw streams go there; NULL = nowhere */
	struct sk_trees trees; /* top NULL = agents get none */
	char *prefix; /* where below the top we are */
	uint64_t serial; /* of processes */
};
/* Reaps what a killed pair on this database left. */
int sk_ground_open(struct sk_ground *g, const struct sk_ask *ask,
    const char *db_path, struct sk_err *err);
void sk_ground_close(struct sk_ground *g);

/* ---- output that is read when it is complete (spool.c) ---- */

void sk_spool_init(struct sk_spool *s, const char *dir, size_t max);
void sk_spool_add(struct sk_spool *s, const char *p, size_t n);
/* All that is kept, once, into the tap, whose total is that of the spool. */
void sk_spool_feed(struct sk_spool *s, struct sk_tap *t);
/* Begin anew with the same memory. */
void sk_spool_reset(struct sk_spool *s);
/* All that is kept as one text. */
void sk_spool_load(const struct sk_spool *s, struct sk_buf *out);
void sk_spool_free(struct sk_spool *s);

/* ---- one attempt under supervision (attempt.c) ---- */

/*
 * One call of one agent: a process (attempt_proc.c), or an exchange over the
 * network. attempt.c has what all kinds share: clocks, cancelling, the end. A
 * kind has a struct of its own that begins with struct sk_attempt.
 */
struct sk_attempt;
typedef void (*sk_attempt_fn)(struct sk_attempt *at, void *arg);
struct sk_attempt_opts {
	const struct sk_slot *slot;
	const char *stage, *spec;
	const char *prompt_path; /* opened anew for every agent */
	size_t max_output;
	const struct sk_jv *schema;
	sk_attempt_fn done; /* once; never from within start or stop */
	void *arg;
	int64_t deadline; /* monotonic; 0 = none */
	struct sk_ground *ground;
	int64_t attempt; /* number of the call */
	/* The answer has grown by this, where it comes in pieces; or NULL. */
	void (*delta)(
	    struct sk_attempt *at, const char *p, size_t n, void *arg);
};
struct sk_attempt_ops {
	size_t size; /* of the kind's struct */
	/* Begin; false with the outcome filled and everything closed when that
	 * is not possible. The loop's callbacks then say sk_attempt_heard()
	 * and, once, sk_attempt_end() when the outcome is complete. */
	bool (*start)(struct sk_attempt *at);
	/* End it, politely or now; also a second time. The outcome has its
	 * kind already; sk_attempt_end() follows soon, not from in here. */
	void (*stop)(struct sk_attempt *at, bool now);
	/* Nobody takes our output: do not read until this is said with false.
	 * What has ended meanwhile is read to its end all the same. */
	void (*pause)(struct sk_attempt *at, bool on);
	/* Close and free what the kind owns, also of one that never ended. */
	void (*clear)(struct sk_attempt *at);
};
extern const struct sk_attempt_ops sk_attempt_proc;
extern const struct sk_attempt_ops sk_attempt_http;

struct sk_attempt {
	const struct sk_attempt_ops *ops;
	struct sk_loop *loop;
	struct sk_attempt_opts opts;
	struct sk_outcome *o;
	pid_t pid; /* 0 = no process of ours */
	uint64_t bytes; /* seen so far */
	int64_t start, heard; /* monotonic: begun; last byte */
	int64_t limit, clock_id; /* limit 0 = none */
	bool paused;
	bool over; /* ended by itself: too late to stop it */
#ifdef SK_FAULTS
	struct sk_fault_call fault; /* met on purpose */
	int64_t fault_id; /* timer */
#endif
};
/* An agent that cannot be started is done at once with an outcome: NULL. */
struct sk_attempt *sk_attempt_start(struct sk_loop *l,
    const struct sk_attempt_opts *opts, struct sk_outcome *o);
/* First the adapter's signal, KILL after the grace; now = KILL at once. */
void sk_attempt_cancel(struct sk_attempt *at, bool now);
/* Its peers are done: it has until this monotonic time. */
void sk_attempt_limit(struct sk_attempt *at, int64_t limit);
void sk_attempt_pause(struct sk_attempt *at, bool on);
/* Also one that was never done, when its processes are gone already. */
void sk_attempt_free(struct sk_attempt *at);
/* For the kinds: n bytes came (of the answer, or talk beside it); no clock
 * matters any more; the outcome is complete. */
void sk_attempt_heard(struct sk_attempt *at, size_t n, bool answer);
void sk_attempt_hush(struct sk_attempt *at);
void sk_attempt_end(struct sk_attempt *at);

#endif
