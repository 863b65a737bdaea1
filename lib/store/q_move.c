/* SPDX-License-Identifier: MIT */
/* The rows of a run, for another database. */
#include <string.h>

#include "store/move.h"

/* History first: whoever reads it knows at once whether he has it already. */
const struct sk_move_table sk_move_tables[] = {
	{ "journal",
	    "lsn:L at:i kind:t branch_id:T seq:s key:T epoch:I pid:i "
	    "start_ticks:i boot_id:t",
	    "SELECT lsn,at,kind,branch_id,seq,key,epoch,pid,start_ticks,"
	    "boot_id FROM journal WHERE run_id=?1 ORDER BY lsn",
	    "INSERT INTO journal(run_id,at,kind,branch_id,seq,key,epoch,pid,"
	    "start_ticks,boot_id)VALUES(?1,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	    NULL },
	{ "runs", "spec_id:t branch_id:t state:t created_at:i goal:X",
	    "SELECT spec_id,branch_id,state,created_at,goal FROM runs WHERE "
	    "run_id=?1",
	    "INSERT INTO runs(run_id,root,spec_id,branch_id,state,created_at,"
	    "goal)VALUES(?1,?2,?3,?4,?5,?6,?7)",
	    "DELETE FROM runs WHERE run_id=?1" },
	{ "branches",
	    "branch_id:t parent_id:T fork_decision_seq:i fork_seq:f "
	    "decision_seq:i git_branch:T git_head:T git_detached:i "
	    "created_at:i active_at:i",
	    "SELECT branch_id,parent_id,fork_decision_seq,fork_seq,"
	    "decision_seq,git_branch,git_head,git_detached,created_at,"
	    "active_at FROM branches WHERE run_id=?1 "
	    "ORDER BY created_at,branch_id",
	    "INSERT INTO branches(run_id,root,branch_id,parent_id,"
	    "fork_decision_seq,fork_seq,decision_seq,git_branch,git_head,"
	    "git_detached,created_at,active_at)VALUES(?1,?2,?3,?4,?5,?6,?7,"
	    "?8,?9,?10,?11,?12)",
	    "DELETE FROM branches WHERE run_id=?1" },
	{ "requests",
	    "request_id:R branch_id:t spec_id:t stage:t round:i agent_name:t "
	    "attempt:i duplicates:i divergents:i created_at:i",
	    "SELECT request_id,branch_id,spec_id,stage,round,agent_name,"
	    "attempt,duplicates,divergents,created_at FROM requests "
	    "WHERE run_id=?1 ORDER BY request_id",
	    "INSERT INTO requests(run_id,branch_id,spec_id,stage,round,"
	    "agent_name,attempt,duplicates,divergents,created_at)"
	    "VALUES(?1,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	    "DELETE FROM requests WHERE run_id=?1" },
	{ "agent_executions",
	    "request_id:r attempt:i spec_id:t stage:t agent_name:t "
	    "branch_id:t status:t adapter:T model:T session:X host:X "
	    "failure_kind:T failure_message:X exit_code:I signal:I "
	    "spawned_at:i completed_at:I sha256:T meta:m begun_at:I",
	    "SELECT request_id,attempt,spec_id,stage,agent_name,branch_id,"
	    "status,adapter,model,session,host,failure_kind,failure_message,"
	    "exit_code,signal,spawned_at,completed_at,sha256,meta,begun_at "
	    "FROM agent_executions WHERE request_id IN(SELECT request_id "
	    "FROM requests WHERE run_id=?1)ORDER BY request_id,attempt",
	    "INSERT INTO agent_executions(run_id,request_id,attempt,spec_id,"
	    "stage,agent_name,branch_id,status,adapter,model,session,host,"
	    "failure_kind,failure_message,exit_code,signal,spawned_at,"
	    "completed_at,sha256,meta,begun_at)VALUES(?1,?3,?4,?5,?6,?7,?8,"
	    "?9,?10,?11,?12,?13,?14,?15,?16,?17,?18,?19,?20,?21,?22)",
	    "DELETE FROM agent_executions WHERE request_id IN(SELECT "
	    "request_id FROM requests WHERE run_id=?1)" },
	{ "agent_outputs",
	    "seq:S request_id:r attempt:i agent_name:t model_version:T "
	    "output_timestamp:i sha256:t content:x",
	    "SELECT seq,request_id,attempt,agent_name,model_version,"
	    "output_timestamp,sha256,content FROM agent_outputs WHERE "
	    "request_id IN(SELECT request_id FROM requests WHERE run_id=?1)"
	    "ORDER BY seq",
	    "INSERT INTO agent_outputs(seq,request_id,attempt,agent_name,"
	    "model_version,output_timestamp,sha256,content)"
	    "VALUES(?3,?4,?5,?6,?7,?8,?9,?10)",
	    "DELETE FROM agent_outputs WHERE request_id IN(SELECT request_id "
	    "FROM requests WHERE run_id=?1)" },
	{ "consensus_runs",
	    "id:C branch_id:t spec_id:t stage:t round:i run_timestamp:i "
	    "consensus_ok:i degraded:i status:t synthesis_json:x",
	    "SELECT id,branch_id,spec_id,stage,round,run_timestamp,"
	    "consensus_ok,degraded,status,synthesis_json FROM consensus_runs "
	    "WHERE run_id=?1 ORDER BY id",
	    "INSERT INTO consensus_runs(run_id,branch_id,spec_id,stage,round,"
	    "run_timestamp,consensus_ok,degraded,status,synthesis_json)"
	    "VALUES(?1,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	    "DELETE FROM consensus_runs WHERE run_id=?1" },
	{ "decisions",
	    "branch_id:t decision_seq:i spec_id:t stage:t round:i "
	    "input_sha256:t state:t consensus_run:c supersedes:i epoch:i "
	    "ack_epoch:I decided_at:i acked_at:I artefact:p "
	    "artefact_sha256:T chain:T",
	    "SELECT branch_id,decision_seq,spec_id,stage,round,input_sha256,"
	    "state,consensus_run,supersedes,epoch,ack_epoch,decided_at,"
	    "acked_at,artefact,artefact_sha256,chain FROM decisions "
	    "WHERE run_id=?1 ORDER BY consensus_run",
	    "INSERT INTO decisions(run_id,branch_id,decision_seq,spec_id,"
	    "stage,round,input_sha256,state,consensus_run,supersedes,epoch,"
	    "ack_epoch,decided_at,acked_at,artefact,artefact_sha256,chain)"
	    "VALUES(?1,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
	    "?18)",
	    "DELETE FROM decisions WHERE run_id=?1" },
	{ "decision_answers", "branch_id:t decision_seq:i seq:s",
	    "SELECT a.branch_id,a.decision_seq,a.seq FROM decision_answers a "
	    "JOIN branches b ON b.branch_id=a.branch_id WHERE b.run_id=?1 "
	    "ORDER BY a.seq,a.branch_id,a.decision_seq",
	    "INSERT INTO decision_answers(branch_id,decision_seq,seq)"
	    "VALUES(?3,?4,?5)",
	    "DELETE FROM decision_answers WHERE branch_id IN(SELECT branch_id "
	    "FROM branches WHERE run_id=?1)" },
	{ "stages",
	    "branch_id:t stage:t position:i state:t status:t round:i agents:t "
	    "artefact:p reason:X exit:i config:T decision_seq:i started_at:i "
	    "ended_at:i",
	    "SELECT branch_id,stage,position,state,status,round,agents,"
	    "artefact,reason,exit,config,decision_seq,started_at,ended_at "
	    "FROM stages WHERE run_id=?1 ORDER BY branch_id,position",
	    "INSERT INTO stages(run_id,branch_id,stage,position,state,status,"
	    "round,agents,artefact,reason,exit,config,decision_seq,"
	    "started_at,ended_at)VALUES(?1,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,"
	    "?13,?14,?15,?16)",
	    "DELETE FROM stages WHERE run_id=?1" },
	{ "gates",
	    "branch_id:t gate:t round:i state:t before_sha256:t "
	    "after_sha256:T issues:x at:i",
	    "SELECT branch_id,gate,round,state,before_sha256,after_sha256,"
	    "issues,at FROM gates WHERE run_id=?1 ORDER BY branch_id,gate",
	    "INSERT INTO gates(run_id,branch_id,gate,round,state,"
	    "before_sha256,after_sha256,issues,at)VALUES(?1,?3,?4,?5,?6,?7,"
	    "?8,?9,?10)",
	    "DELETE FROM gates WHERE run_id=?1" },
	{ "usage",
	    "key:t at:i branch_id:T spec_id:t stage:t agent_name:t provider:t "
	    "model:t source:t session:X fresh:i cache_read:i cache_write:i "
	    "output:i reasoning:i cost:I flags:i",
	    "SELECT key,at,branch_id,spec_id,stage,agent_name,provider,model,"
	    "source,session,fresh,cache_read,cache_write,output,reasoning,"
	    "cost,flags FROM usage WHERE run_id=?1 ORDER BY usage_id",
	    NULL, NULL },
	{ "spend", "scope:t id:t cost:i",
	    "SELECT scope,id,cost FROM spend WHERE(scope='run' AND id=?1)OR"
	    "(scope='branch' AND id IN(SELECT branch_id FROM branches WHERE "
	    "run_id=?1))ORDER BY scope,id",
	    "INSERT OR REPLACE INTO spend(scope,id,cost)VALUES(?3,?4,?5)",
	    "DELETE FROM spend WHERE(scope='run' AND id=?1)OR(scope='branch' "
	    "AND id IN(SELECT branch_id FROM branches WHERE run_id=?1))" },
	/* What was applied was applied over there. */
	{ "landings",
	    "landing_id:L branch_id:t spec_id:t stage:t round:i agent_name:t "
	    "decision_seq:i rule:t state:t base:t patch_sha256:t plan:x "
	    "created_at:i changed_at:i",
	    "SELECT landing_id,branch_id,spec_id,stage,round,agent_name,"
	    "decision_seq,rule,state,base,patch_sha256,plan,created_at,"
	    "changed_at FROM landings WHERE run_id=?1 ORDER BY landing_id",
	    "INSERT INTO landings(run_id,root,branch_id,spec_id,stage,round,"
	    "agent_name,decision_seq,rule,state,base,patch_sha256,plan,"
	    "created_at,changed_at)VALUES(?1,?2,?4,?5,?6,?7,?8,?9,?10,"
	    "iif(?11='declined',?11,'undone'),?12,?13,?14,?15,?16)",
	    "DELETE FROM landings WHERE run_id=?1" },
	{ "leases",
	    "epoch:i boot_id:t pid:i start_ticks:i program:t since:i phase:t "
	    "phase_at:I",
	    "SELECT epoch,boot_id,pid,start_ticks,program,since,phase,"
	    "phase_at FROM leases WHERE run_id=?1",
	    "INSERT INTO leases(run_id,epoch,boot_id,pid,start_ticks,program,"
	    "since,phase,phase_at)VALUES(?1,?3,?4,?5,?6,?7,?8,?9,?10)"
	    "ON CONFLICT DO UPDATE SET epoch=?3,boot_id=?4,pid=?5,"
	    "start_ticks=?6,program=?7,since=?8,phase=?9,phase_at=?10",
	    NULL },
	{ NULL, NULL, NULL, NULL, NULL }
};

bool
sk_move_col(const char **cols, struct sk_move_col *c)
{
	size_t n = strcspn(*cols, ":");

	if (**cols == '\0' || n >= sizeof(c->name))
		return false;
	memcpy(c->name, *cols, n);
	c->name[n] = '\0';
	c->kind = (*cols)[n + 1];
	*cols += n + 2;
	while (**cols == ' ')
		(*cols)++;
	return true;
}

/* ---- writing ---- */

static void
put_hash(struct sk_jw *w, const char *p, size_t n)
{
	char sha[SK_SHA256_LEN];

	sk_sha256(p, n, sha);
	sk_jw_obj(w);
	sk_jw_kint(w, "bytes", (int64_t)n);
	sk_jw_kstr(w, "sha256", sha);
	sk_jw_end(w);
}

/* Of an attempt's meta the figures; its diff as a hash. */
static void
put_meta(struct sk_jw *w, const char *p, size_t n)
{
	static const char *const keep[] = { "lossy", "usage", "cost", "timings",
		"exit", "signal", "output_bytes", "diff_base" };
	const struct sk_jv *d;
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	(void)sk_json_parse(&a, p, n, NULL, &v, NULL);
	sk_jw_obj(w);
	for (size_t i = 0; i < SK_ARRAY_SIZE(keep); i++)
		if (sk_jget(v, keep[i]) != NULL)
			sk_jw_kvalue(w, keep[i], sk_jget(v, keep[i]));
	d = sk_jget(v, "diff");
	if (d != NULL && d->type == SK_J_STR) {
		sk_jw_key(w, "diff");
		put_hash(w, d->s, d->n);
	}
	sk_jw_end(w);
	sk_arena_free(&a);
}

/* A path of the project without the place where the project is. */
static void
put_path(struct sk_jw *w, const char *p, size_t n, const char *root)
{
	size_t k = root != NULL ? strlen(root) : 0;

	if (k > 0 && n > k && strncmp(p, root, k) == 0 && p[k] == '/')
		sk_jw_strn(w, p + k + 1, n - k - 1);
	else
		sk_jw_null(w);
}

static void
put_col(struct sk_jw *w, sqlite3_stmt *st, int i, char kind, const char *root,
    bool redact)
{
	const char *p;
	size_t n;

	if (sqlite3_column_type(st, i) == SQLITE_NULL) {
		sk_jw_null(w);
		return;
	}
	if (sqlite3_column_type(st, i) == SQLITE_INTEGER) {
		sk_jw_int(w, sk_col_int(st, i));
		return;
	}
	p = sk_col_text(st, i);
	n = (size_t)sqlite3_column_bytes(st, i);
	if (kind == 'p')
		put_path(w, p, n, root);
	else if (redact && kind == 'm')
		put_meta(w, p, n);
	else if (redact && (kind == 'x' || kind == 'X'))
		put_hash(w, p, n);
	else
		sk_jw_strn(w, p, n);
}

static int
export_table(struct sk_db *db, const struct sk_move_table *t, const char *run,
    const char *root, bool redact, sk_move_fn fn, void *arg, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(db, err, t->select, "t", run);
	struct sk_move_col c;
	struct sk_buf b;
	struct sk_jw w;
	const char *cols;
	int rc = 1, more = 0;

	if (st == NULL)
		return err->exit;
	sk_buf_init(&b, (size_t)1 << 30);
	while (rc > 0 && (rc = sk_q_step(db, st, err)) > 0) {
		sk_buf_clear(&b);
		sk_jw_init(&w, &b);
		sk_jw_obj(&w);
		cols = t->cols;
		for (int i = 0; sk_move_col(&cols, &c); i++) {
			sk_jw_key(&w, c.name);
			put_col(&w, st, i, c.kind, root, redact);
		}
		sk_jw_end(&w);
		more = fn(arg, t->name, &b, err);
		if (more != 0) {
			sk_q_end(st);
			rc = -more;
		}
	}
	sk_buf_free(&b);
	return -rc;
}

int
sk_run_export(struct sk_db *db, const char *run, const char *root, bool redact,
    sk_move_fn fn, void *arg, struct sk_err *err)
{
	struct sk_err second = { 0 };
	int rc, end;

	/* One look, as of one moment; nothing is written. */
	rc = sk_q_run(db, err, "BEGIN", "");
	if (rc != 0)
		return rc;
	for (const struct sk_move_table *t = sk_move_tables;
	     rc == 0 && t->name != NULL; t++)
		rc = export_table(db, t, run, root, redact, fn, arg, err);
	end = sk_q_run(db, rc == 0 ? err : &second, "COMMIT", "");
	sk_err_clear(&second);
	return rc != 0 ? rc : end;
}
