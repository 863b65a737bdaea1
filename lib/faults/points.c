/* SPDX-License-Identifier: MIT */
/*
 * The fail-points there are. A test holds this list against the source, both
 * ways: a plan can only be wrong loudly when every name is known.
 */
#include "faults/plan.h"

#define AROUND(w) \
	{ .name = "store." w ".before_commit" }, \
	{ \
		.name = "store." w ".after_commit" \
	}
#define A(x) (1u << SK_FAULT_##x)
#define CALL(n, e) \
	{ \
		.name = n, .call = true, .extra = e \
	}

/* clang-format off */
const struct sk_fault_point sk_fault_points[] = {
	/* Around the commit of a transaction that did this. */
	AROUND("ack"), AROUND("artefact"), AROUND("branch"), AROUND("budget"),
	AROUND("decide"), AROUND("failed"), AROUND("gate"), AROUND("import"),
	AROUND("intake"),
	AROUND("landing"), AROUND("lease"), AROUND("limit"), AROUND("release"),
	AROUND("reserve"),
	AROUND("run"), AROUND("stage"), AROUND("stage_end"), AROUND("state"),
	AROUND("stop"), AROUND("prune"), AROUND("usage"),
	/* Any transaction: its beginning, its commit. */
	{ .name = "store.begin" },
	{ .name = "store.commit" },
	{ .name = "store.ack.checked" },
	{ .name = "store.checkpoint.before" },
	{ .name = "store.checkpoint.after" },
	{ .name = "store.migrate.before_commit" },
	{ .name = "store.publish.before_rename" },
	{ .name = "store.publish.after_rename" },
	{ .name = "evidence.unlink" },
	{ .name = "land.before_rename" },
	{ .name = "land.file" },
	{ .name = "land.before_applied" },
	{ .name = "land.before_undone" },
	{ .name = "consensus.decided" },
	{ .name = "consensus.published" },
	{ .name = "auth.refresh.before_intent" },
	{ .name = "auth.refresh.after_intent" },
	{ .name = "auth.refresh.after_post" },
	{ .name = "auth.rekey.file" },
	{ .name = "auth.rekey.before_exchange" },
	{ .name = "auth.rekey.after_exchange" },
	{ .name = "auth.save.begin" },
	{ .name = "auth.save.before_rename" },
	{ .name = "auth.save.after_rename" },
	/* Functions of the C library, whoever calls them in our process. */
	CALL("malloc", 0),
	CALL("open", 0),
	CALL("read", A(SHORT) | A(GARBAGE) | A(TRICKLE)),
	CALL("write", A(SHORT) | A(TORN) | A(DROP) | A(TWICE)),
	CALL("fsync", A(DROP) | A(TWICE)),
	CALL("rename", A(DROP)),
	CALL("unlink", A(DROP)),
	CALL("mkdir", 0),
	CALL("ftruncate", A(DROP)),
	CALL("mmap", 0),
	CALL("flock", 0),
	CALL("pipe", 0),
	CALL("spawn", 0),
	CALL("epoll_wait", 0),
	CALL("clock", A(JUMP)),
	CALL("connect", 0),
	CALL("send", A(SHORT) | A(DROP)),
	CALL("recv", A(SHORT) | A(GARBAGE) | A(TRICKLE)),
	CALL("syscall", 0), /* any of those, malloc and clock aside */
	{ .name = NULL }
};
