/* SPDX-License-Identifier: MIT */
/*
 * store_check DB [SQL]: is the journal a history that our rules allow? Each
 * query must return no row. With SQL: print its rows, for the tests (the
 * sqlite3 program need not be there).
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

static const char *const rules[][2] = {
	{ "S0 integrity", "SELECT integrity_check FROM pragma_integrity_check "
			  "WHERE integrity_check<>'ok'" },
	{ "S0 foreign keys", "SELECT * FROM pragma_foreign_key_check" },
	{ "S0 identity", "SELECT application_id FROM pragma_application_id "
			 "WHERE application_id<>0x534B4954" },
	{ "S3 gap in the numbers",
	    "SELECT branch_id,s FROM(SELECT branch_id,decision_seq s,"
	    "row_number()OVER(PARTITION BY branch_id ORDER BY decision_seq)n "
	    "FROM decisions)WHERE s<>n" },
	{ "S3 counter",
	    "SELECT b.branch_id FROM branches b WHERE decision_seq<>"
	    "(SELECT count(*)FROM decisions d WHERE "
	    "d.branch_id=b.branch_id)" },
	{ "S4 decide and ack do not alternate",
	    "SELECT lsn,kind,seq FROM(SELECT lsn,kind,seq,lag(kind)OVER w pk,"
	    "lag(seq)OVER w ps FROM journal WHERE kind IN('decide','ack')"
	    "WINDOW w AS(PARTITION BY branch_id ORDER BY lsn))"
	    "WHERE(kind='decide' AND NOT(pk IS NULL OR pk='ack'))"
	    "OR(kind='ack' AND NOT(pk='decide' AND ps=seq))" },
	{ "S5 event under an old epoch",
	    "SELECT lsn,kind,epoch FROM(SELECT lsn,kind,epoch,max(epoch)OVER("
	    "PARTITION BY run_id ORDER BY lsn ROWS UNBOUNDED PRECEDING)m "
	    "FROM journal WHERE kind IN('lease','decide','ack','artefact',"
	    "'stage','stage_end','state'))WHERE epoch<m" },
	{ "S5 epoch twice",
	    "SELECT run_id,epoch FROM journal WHERE kind='lease' "
	    "GROUP BY run_id,epoch HAVING count(*)>1" },
	{ "S2 event twice",
	    "SELECT kind,branch_id,seq FROM journal WHERE kind IN"
	    "('intake','decide','ack')GROUP BY kind,branch_id,seq "
	    "HAVING count(*)>1" },
	{ "S2 request with two answers",
	    "SELECT request_id FROM agent_outputs GROUP BY request_id "
	    "HAVING count(*)>1" },
	{ "S2 answer and attempt disagree",
	    "SELECT o.seq FROM agent_outputs o LEFT JOIN agent_executions e "
	    "USING(request_id,attempt)WHERE e.status IS NOT 'accepted' "
	    "OR e.sha256<>o.sha256" },
	{ "S8 ack without journal",
	    "SELECT branch_id,decision_seq FROM decisions d WHERE("
	    "state='acked')<>EXISTS(SELECT 1 FROM journal j WHERE "
	    "j.kind='ack' AND j.branch_id=d.branch_id AND "
	    "j.seq=d.decision_seq)" },
	{ "S9 answers and journal differ",
	    "SELECT a,b FROM(SELECT(SELECT count(*)FROM agent_outputs)a,"
	    "(SELECT count(*)FROM journal WHERE kind='intake')b)WHERE a<>b" },
	{ "S9 counters and journal differ",
	    "SELECT * FROM(SELECT(SELECT total(duplicates+divergents)"
	    "FROM requests)a,(SELECT count(*)FROM journal WHERE kind IN"
	    "('duplicate','divergent'))b)WHERE a<>b" },
	{ "S10 pending but not the newest",
	    "SELECT branch_id,decision_seq FROM decisions d WHERE "
	    "state='pending' AND decision_seq<(SELECT max(decision_seq)"
	    "FROM decisions x WHERE x.branch_id=d.branch_id)" },
};

/* Rows as text; -1 = error. */
static int
rows(sqlite3 *h, const char *name, const char *sql)
{
	sqlite3_stmt *st;
	int n = 0, rc;

	if (sqlite3_prepare_v2(h, sql, -1, &st, NULL) != SQLITE_OK) {
		printf("%s: %s\n", name, sqlite3_errmsg(h));
		return -1;
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && n++ < 20) {
		if (name[0] != '\0')
			printf("%s: ", name);
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const unsigned char *s = sqlite3_column_text(st, i);

			printf("%s%s", i > 0 ? "|" : "",
			    s != NULL ? (const char *)s : "");
		}
		printf("\n");
	}
	if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
		printf("%s: %s\n", name, sqlite3_errmsg(h));
		n = -1;
	}
	(void)sqlite3_finalize(st);
	return n;
}

int
main(int argc, char **argv)
{
	sqlite3 *h;
	int bad = 0;

	if (argc < 2 || sqlite3_open_v2(argv[1], &h, SQLITE_OPEN_READWRITE,
			    NULL) != SQLITE_OK)
		return 2;
	(void)sqlite3_busy_timeout(h, 10000);
	(void)sqlite3_db_config(
	    h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, (int *)NULL);
	(void)sqlite3_wal_autocheckpoint(h, 0);
	if (argc > 2) {
		bad = rows(h, "", argv[2]) < 0;
	} else {
		/* The journal rules look up by kind and number. */
		(void)sqlite3_exec(h,
		    "CREATE TEMP TABLE copy AS SELECT * FROM main.journal;"
		    "CREATE INDEX temp.byseq ON copy(branch_id,kind,seq);"
		    "CREATE TEMP VIEW journal AS SELECT * FROM copy",
		    NULL, NULL, NULL);
		for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
			if (rows(h, rules[i][0], rules[i][1]) != 0)
				bad = 1;
		if (!bad)
			printf("ok\n");
	}
	(void)sqlite3_close(h);
	return bad;
}
