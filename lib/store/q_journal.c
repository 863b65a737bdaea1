/* SPDX-License-Identifier: MIT */
/* The append-only history: one row per state change, in its transaction. */
#include "store/internal.h"

int
sk_journal(struct sk_db *db, const char *kind, const char *run,
    const char *branch, int64_t seq, const char *key, int64_t epoch,
    struct sk_err *err)
{
	struct sk_proc_id self;

	sk_proc_self(&self);
	return sk_q_run(db, err,
	    "INSERT INTO journal(at,kind,run_id,branch_id,seq,key,epoch,pid,"
	    "start_ticks,boot_id)VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	    "iteeieiiit", sk_now_ms(), kind, run, branch, seq, key, epoch,
	    self.pid, self.start_ticks, self.boot_id);
}
