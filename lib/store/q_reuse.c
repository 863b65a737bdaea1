/* SPDX-License-Identifier: MIT */
/* Answers to the same question, in whatever run they were given. */
#include <stdio.h>
#include <string.h>

#include "store/internal.h"

int
sk_answer_asked(struct sk_db *db, const char *agent, const char *asked,
    struct sk_reusable *out, bool *found, struct sk_arena *a,
    struct sk_err *err)
{
	char needle[SK_SHA256_LEN + 16];
	sqlite3_stmt *st;
	int rc;

	*found = false;
	memset(out, 0, sizeof(*out));
	/* Meta is JSON of ours on one line. Nobody but --reuse asks this, so
	 * no index is kept up for it. */
	(void)snprintf(needle, sizeof(needle), "\"asked\":\"%s\"", asked);
	rc = sk_q_first(db, &st, err,
	    "SELECT o.seq,o.content,o.sha256,e.run_id,e.model,e.session,e.meta "
	    "FROM agent_executions e JOIN agent_outputs o "
	    "ON o.request_id=e.request_id AND o.attempt=e.attempt "
	    "WHERE e.agent_name=?1 AND e.status='accepted' "
	    "AND instr(e.meta,?2) ORDER BY o.seq DESC LIMIT 1",
	    "tt", agent, needle);
	if (rc <= 0)
		return -rc;
	*found = true;
	out->seq = sk_col_int(st, 0);
	out->content = sk_col_dupn(st, 1, a, &out->content_n);
	SK_COL(st, 2, out->sha256);
	out->run = sk_col_dup(st, 3, a);
	out->model = sk_col_dup(st, 4, a);
	out->session = sk_col_dup(st, 5, a);
	out->meta_json = sk_col_dup(st, 6, a);
	sk_q_end(st);
	return 0;
}
