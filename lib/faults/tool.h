/* SPDX-License-Identifier: MIT */
/*
 * The upper floor of the room, for sk-faults alone: its verbs, the proxy, and
 * the explorer. In every build; what needs fail-points says so in a release.
 *
 * Promises: the proxy listens on loopback only, passes what it is not told to
 * break through byte for byte, and never writes a key anywhere. The explorer
 * works in directories of its own and leaves none behind.
 *
 * Ownership: verbs own nothing when they return.
 */
#ifndef SK_FAULTS_TOOL_H
#define SK_FAULTS_TOOL_H

#include "cli/cli.h"

struct sk_faults_opts {
	const char *agent, *stage; /* next */
	bool line, disarm;
	int64_t timeout_ms; /* exec, explore */
	/* proxy */
	const char *to, *plan, *path;
	struct sk_strv env;
	int64_t port, slow_bytes;
	/* explore */
	int64_t agents, attempts, most;
	const char *kinds;
};

int sk_faults_plan(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_arm(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_status(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_next(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_reset(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_exec(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_proxy(struct sk_ctx *ctx, struct sk_err *err);
int sk_faults_explore(struct sk_ctx *ctx, struct sk_err *err);

#endif
