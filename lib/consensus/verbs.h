/* SPDX-License-Identifier: MIT */
/* What the verbs of sk-consensus share. */
#ifndef SK_CONSENSUS_VERBS_H
#define SK_CONSENSUS_VERBS_H

#include "cli/cli.h"
#include "config/config.h"
#include "consensus/consensus.h"

/* verb_common.c */
/* --run, else SK_RUN; --branch, else the SK_BRANCH that goes with it. */
int sk_verb_names(struct sk_verb_opts *o, struct sk_err *err);
/* The same, and there must be a run. */
int sk_verb_need_run(struct sk_verb_opts *o, struct sk_err *err);
/* SK_USAGE "no_decision" (1 is a conflict here): on what, by the options and
 * operands. */
int sk_verb_no_decision(const struct sk_ctx *ctx, struct sk_err *err);
void sk_verb_put_verdict(const struct sk_ctx *ctx, const struct sk_buf *line);
int sk_verb_no_terminal(struct sk_err *err);
/* FILE, or "-" for standard input; b is the caller's to free in any case
 * (verb_proof.c). */
int sk_verb_read_doc(const char *file, struct sk_buf *b, struct sk_err *err);
/* The project that the caller stands in; strings live in conf. */
struct sk_setup {
	struct sk_policy policy;
	struct sk_config conf;
	bool loaded, located;
	char *cwd;
	struct sk_git git; /* only the root is said */
};
/* Finds the root without reading any file. */
int
sk_setup_root(struct sk_setup *s, const struct sk_ctx *ctx, struct sk_err *err);
/* Decisions that the options and operands select, newest first: of the run that
 * was named, else of this project. *db is the caller's to close in any case. */
int sk_verb_decisions(struct sk_ctx *ctx, struct sk_setup *s, struct sk_db **db,
    struct sk_decision_filter f, struct sk_decision **v, size_t *n,
    struct sk_arena *a, struct sk_err *err);
/* Everything a wrong option can spoil, before an answer is taken. */
int
sk_setup_policy(struct sk_setup *s, struct sk_verb_opts *o, struct sk_err *err);
/* Where evidence goes, when it is wanted. */
int sk_setup_evidence(struct sk_setup *s, const struct sk_ctx *ctx,
    struct sk_verb_opts *o, bool wanted, struct sk_err *err);
void sk_setup_free(struct sk_setup *s, struct sk_verb_opts *o);

#endif
