/* SPDX-License-Identifier: MIT */
/* One accepted answer's text, for who could not keep it in memory. */
#include <string.h>

#include "store/internal.h"

int
sk_answer_content(
    struct sk_db *db, int64_t seq, struct sk_buf *out, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(db, err,
	    "SELECT content FROM agent_outputs WHERE seq=?1", "i", seq);
	int rc = st != NULL ? sk_q_step(db, st, err) : -err->exit;

	if (rc < 0)
		return err->exit;
	if (rc == 0)
		return sk_fail(err, SK_DAMAGED, "lost_answer",
		    "answer %lld is not in the database", (long long)seq);
	sk_buf_add(
	    out, sk_col_text(st, 0), (size_t)sqlite3_column_bytes(st, 0));
	sk_q_end(st);
	return 0;
}
