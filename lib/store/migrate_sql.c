/* SPDX-License-Identifier: MIT */
/*
 * The schema as steps. A step that was released is never changed; a new one is
 * added below. Small on purpose: every process parses the whole schema when it
 * starts. Times are integer ms since 1970, see sk-db(5).
 */
#include "store/internal.h"

static const char step1[] =
    "CREATE TABLE meta("
    "id INTEGER PRIMARY KEY CHECK(id=1),"
    "incarnation TEXT NOT NULL,"
    "created_at INTEGER NOT NULL)STRICT;"

    "CREATE TABLE runs("
    "run_id TEXT PRIMARY KEY,"
    "spec_id TEXT NOT NULL,"
    "root TEXT,"
    "branch_id TEXT NOT NULL," /* the newest */
    "state TEXT NOT NULL DEFAULT '' CHECK(state IN"
    "('','running','halted','done','stopped','cancelled')),"
    "created_at INTEGER NOT NULL)STRICT,WITHOUT ROWID;"

    "CREATE TABLE branches("
    "branch_id TEXT PRIMARY KEY,"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "parent_id TEXT REFERENCES branches,"
    "fork_decision_seq INTEGER NOT NULL DEFAULT 0,"
    "fork_seq INTEGER NOT NULL DEFAULT 0,"
    "decision_seq INTEGER NOT NULL DEFAULT 0," /* last one given */
    "git_branch TEXT,git_head TEXT,"
    "git_detached INTEGER NOT NULL DEFAULT 0,"
    "root TEXT,"
    "created_at INTEGER NOT NULL,"
    "active_at INTEGER NOT NULL)STRICT,WITHOUT ROWID;"

    "CREATE TABLE requests("
    "request_id INTEGER PRIMARY KEY,"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "branch_id TEXT NOT NULL REFERENCES branches,"
    "spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "round INTEGER NOT NULL CHECK(round>0),"
    "agent_name TEXT NOT NULL,"
    "attempt INTEGER NOT NULL," /* highest reserved */
    "duplicates INTEGER NOT NULL DEFAULT 0,"
    "divergents INTEGER NOT NULL DEFAULT 0,"
    "created_at INTEGER NOT NULL,"
    "UNIQUE(branch_id,spec_id,stage,round,agent_name))STRICT;"

    "CREATE TABLE agent_executions("
    "request_id INTEGER NOT NULL REFERENCES requests,"
    "attempt INTEGER NOT NULL,"
    "spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "agent_name TEXT NOT NULL,"
    "run_id TEXT NOT NULL,branch_id TEXT NOT NULL,"
    "status TEXT NOT NULL CHECK(status IN"
    "('spawned','accepted','duplicate','divergent','failed')),"
    "adapter TEXT,model TEXT,session TEXT,host TEXT,"
    "failure_kind TEXT,failure_message TEXT,"
    "exit_code INTEGER,signal INTEGER,"
    "spawned_at INTEGER NOT NULL,completed_at INTEGER,"
    "sha256 TEXT,meta TEXT,"
    "PRIMARY KEY(request_id,attempt))STRICT,WITHOUT ROWID;"

    "CREATE TABLE agent_outputs("
    "seq INTEGER PRIMARY KEY,"
    "request_id INTEGER NOT NULL UNIQUE REFERENCES requests,"
    "attempt INTEGER NOT NULL,"
    "agent_name TEXT NOT NULL,"
    "model_version TEXT,"
    "output_timestamp INTEGER NOT NULL,"
    "sha256 TEXT NOT NULL,"
    "content TEXT NOT NULL)STRICT;"

    "CREATE TABLE consensus_runs("
    "id INTEGER PRIMARY KEY,"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "branch_id TEXT NOT NULL REFERENCES branches,"
    "spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "round INTEGER NOT NULL,"
    "run_timestamp INTEGER NOT NULL,"
    "consensus_ok INTEGER NOT NULL,"
    "degraded INTEGER NOT NULL,"
    "status TEXT NOT NULL CHECK(status IN"
    "('ok','degraded','conflict','unknown')),"
    "synthesis_json TEXT NOT NULL)STRICT;"

    "CREATE TABLE decisions("
    "branch_id TEXT NOT NULL REFERENCES branches,"
    "decision_seq INTEGER NOT NULL CHECK(decision_seq>0),"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "round INTEGER NOT NULL,"
    "input_sha256 TEXT NOT NULL,"
    "state TEXT NOT NULL CHECK(state IN('pending','acked')),"
    "consensus_run INTEGER NOT NULL UNIQUE REFERENCES consensus_runs,"
    "supersedes INTEGER NOT NULL DEFAULT 0,"
    "epoch INTEGER NOT NULL,ack_epoch INTEGER,"
    "decided_at INTEGER NOT NULL,acked_at INTEGER,"
    "artefact TEXT,artefact_sha256 TEXT,"
    "PRIMARY KEY(branch_id,decision_seq),"
    "UNIQUE(branch_id,spec_id,stage,round,input_sha256))"
    "STRICT,WITHOUT ROWID;"
    /* The gate, by the engine: pending_ack_seq is this one row. */
    "CREATE UNIQUE INDEX one_pending ON decisions(branch_id)"
    "WHERE state='pending';"

    "CREATE TABLE decision_answers("
    "branch_id TEXT NOT NULL,decision_seq INTEGER NOT NULL,"
    "seq INTEGER NOT NULL REFERENCES agent_outputs,"
    "PRIMARY KEY(branch_id,decision_seq,seq),"
    "FOREIGN KEY(branch_id,decision_seq)REFERENCES decisions)"
    "STRICT,WITHOUT ROWID;"

    "CREATE TABLE leases("
    "run_id TEXT PRIMARY KEY,"
    "epoch INTEGER NOT NULL CHECK(epoch>0),"
    "boot_id TEXT NOT NULL,pid INTEGER NOT NULL,"
    "start_ticks INTEGER NOT NULL,"
    "program TEXT NOT NULL,"
    "since INTEGER NOT NULL,"
    "phase TEXT NOT NULL DEFAULT 'idle',phase_at INTEGER)"
    "STRICT,WITHOUT ROWID;"

    "CREATE TABLE journal("
    "lsn INTEGER PRIMARY KEY,"
    "at INTEGER NOT NULL,"
    "kind TEXT NOT NULL,"
    "run_id TEXT,branch_id TEXT,"
    "seq INTEGER,key TEXT,epoch INTEGER,"
    "pid INTEGER NOT NULL,start_ticks INTEGER NOT NULL,"
    "boot_id TEXT NOT NULL)STRICT;"

    "CREATE TRIGGER acked_update BEFORE UPDATE ON decisions "
    "WHEN old.state='acked' BEGIN "
    "SELECT raise(ABORT,'an acked decision cannot be "
    "changed');END;" SK_SQL_ACKED_DELETE ";"
    "CREATE TRIGGER epoch_update BEFORE UPDATE ON leases "
    "WHEN new.epoch<old.epoch BEGIN "
    "SELECT raise(ABORT,'an epoch cannot decrease');END;" SK_SQL_EPOCH_DELETE
    ";"
    "CREATE TRIGGER journal_update BEFORE UPDATE ON journal BEGIN "
    "SELECT raise(ABORT,'the journal cannot be "
    "changed');END;" SK_SQL_JOURNAL_DELETE ";";

static const char step2[] =
    "CREATE TABLE stages("
    "branch_id TEXT NOT NULL REFERENCES branches,"
    "stage TEXT NOT NULL,"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "position INTEGER NOT NULL," /* order of start */
    "state TEXT NOT NULL CHECK(state IN('running','done','halted')),"
    "status TEXT NOT NULL DEFAULT '',"
    "round INTEGER NOT NULL DEFAULT 0,"
    "agents TEXT NOT NULL,"
    "artefact TEXT,reason TEXT,"
    "exit INTEGER NOT NULL DEFAULT 0," /* why it stopped: exit status */
    "config TEXT," /* sha256 of the configuration it ran with */
    "decision_seq INTEGER NOT NULL DEFAULT 0,"
    "started_at INTEGER NOT NULL,"
    "ended_at INTEGER NOT NULL DEFAULT 0,"
    "PRIMARY KEY(branch_id,stage))STRICT,WITHOUT ROWID;";

/* What was used and what it cost. A row for each attempt of a request or each
 * message of an imported log; sums by day; what each budget has spent. */
static const char step3[] =
    "CREATE TABLE usage("
    "usage_id INTEGER PRIMARY KEY,"
    "hash INTEGER NOT NULL UNIQUE," /* of the key, probed on collision */
    "key TEXT NOT NULL,"
    "at INTEGER NOT NULL,"
    "run_id TEXT,branch_id TEXT," /* null: imported */
    "root TEXT NOT NULL,spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "agent_name TEXT NOT NULL,provider TEXT NOT NULL,"
    "model TEXT NOT NULL,source TEXT NOT NULL,session TEXT,"
    "fresh INTEGER NOT NULL,cache_read INTEGER NOT NULL,"
    "cache_write INTEGER NOT NULL,output INTEGER NOT NULL,"
    "reasoning INTEGER NOT NULL,"
    "cost INTEGER," /* micro USD, null = unknown */
    "flags INTEGER NOT NULL)STRICT;"
    "CREATE INDEX usage_run ON usage(run_id)WHERE run_id IS NOT NULL;"

    "CREATE TABLE usage_days("
    "day INTEGER NOT NULL," /* since 1970, UTC */
    "root TEXT NOT NULL,spec_id TEXT NOT NULL,stage TEXT NOT NULL,"
    "agent_name TEXT NOT NULL,provider TEXT NOT NULL,"
    "model TEXT NOT NULL,source TEXT NOT NULL,"
    "calls INTEGER NOT NULL,fresh INTEGER NOT NULL,"
    "cache_read INTEGER NOT NULL,cache_write INTEGER NOT NULL,"
    "output INTEGER NOT NULL,reasoning INTEGER NOT NULL,"
    "cost INTEGER NOT NULL,unpriced INTEGER NOT NULL,"
    "suspect INTEGER NOT NULL,"
    "PRIMARY KEY(day,root,spec_id,stage,agent_name,provider,model,source))"
    "STRICT,WITHOUT ROWID;"

    "CREATE TABLE spend("
    "scope TEXT NOT NULL,id TEXT NOT NULL,"
    "cost INTEGER NOT NULL,"
    "PRIMARY KEY(scope,id))STRICT,WITHOUT ROWID;"

    "CREATE TABLE reservations("
    "key TEXT PRIMARY KEY,"
    "scopes TEXT NOT NULL," /* a line for each: scope, tab, id */
    "cost INTEGER NOT NULL,"
    "at INTEGER NOT NULL,"
    "boot_id TEXT NOT NULL,pid INTEGER NOT NULL,"
    "start_ticks INTEGER NOT NULL)STRICT,WITHOUT ROWID;"

    "CREATE TABLE imports("
    "path TEXT PRIMARY KEY,"
    "ino INTEGER NOT NULL,offset INTEGER NOT NULL,"
    "head TEXT NOT NULL," /* sha256 of the beginning */
    "state TEXT NOT NULL)STRICT,WITHOUT ROWID;";

/* What providers allow, and who has calls in flight. */
static const char step4[] =
    "CREATE TABLE providers("
    "provider TEXT PRIMARY KEY,"
    "limited_until INTEGER NOT NULL,"
    "reason TEXT NOT NULL,"
    "concurrency INTEGER NOT NULL," /* 0 = any number */
    "cut_at INTEGER NOT NULL,"
    "opened_at INTEGER NOT NULL," /* 0 = circuit closed */
    "calls TEXT NOT NULL," /* '.' and 'x', newest last */
    "failed_at TEXT NOT NULL)STRICT,WITHOUT ROWID;"

    "CREATE TABLE provider_leases("
    "provider TEXT NOT NULL,"
    "boot_id TEXT NOT NULL,pid INTEGER NOT NULL,"
    "start_ticks INTEGER NOT NULL,"
    "calls INTEGER NOT NULL,trials INTEGER NOT NULL,"
    "PRIMARY KEY(provider,boot_id,pid,start_ticks))STRICT,WITHOUT ROWID;";

/* A chain of hashes over the decisions of a branch; leases that run out. */
static const char step5[] =
    "ALTER TABLE decisions ADD COLUMN chain TEXT;"
    "ALTER TABLE leases ADD COLUMN expires INTEGER NOT NULL DEFAULT 0;";

/* Which attempts were begun, so that those whose caller died are charged; and
 * how much of a sum is an estimate. */
static const char step6[] =
    "ALTER TABLE agent_executions ADD COLUMN begun_at INTEGER;"
    "ALTER TABLE usage_days ADD COLUMN estimated INTEGER NOT NULL DEFAULT 0;";

/* Agents' work in the project's tree; what was pruned, so that the history can
 * still be counted. */
static const char step7[] =
    "CREATE TABLE landings("
    "landing_id INTEGER PRIMARY KEY,"
    "run_id TEXT NOT NULL,branch_id TEXT NOT NULL REFERENCES branches,"
    "spec_id TEXT NOT NULL,stage TEXT NOT NULL,round INTEGER NOT NULL,"
    "agent_name TEXT NOT NULL," /* '' = none of them */
    "decision_seq INTEGER NOT NULL,"
    "rule TEXT NOT NULL,state TEXT NOT NULL CHECK(state IN"
    "('applying','applied','undoing','undone','declined')),"
    "root TEXT NOT NULL,base TEXT NOT NULL,"
    "patch_sha256 TEXT NOT NULL,plan TEXT NOT NULL,"
    "created_at INTEGER NOT NULL,changed_at INTEGER NOT NULL)STRICT;"

    "CREATE TABLE pruned("
    "run_id TEXT PRIMARY KEY,spec_id TEXT NOT NULL,"
    "at INTEGER NOT NULL,"
    "events INTEGER NOT NULL," /* rows of the journal that went with it */
    "answers INTEGER NOT NULL,decisions INTEGER NOT NULL,"
    "chain TEXT)STRICT,WITHOUT ROWID;"; /* the last link */

/* What a run is to achieve, and what its quality gates came to. */
static const char step8[] =
    "ALTER TABLE runs ADD COLUMN goal TEXT;"
    "CREATE TABLE gates("
    "branch_id TEXT NOT NULL REFERENCES branches,"
    "gate TEXT NOT NULL,"
    "run_id TEXT NOT NULL REFERENCES runs,"
    "round INTEGER NOT NULL,"
    "state TEXT NOT NULL CHECK(state IN"
    "('writing','waiting','answered','passed','failed')),"
    "before_sha256 TEXT NOT NULL," /* of what was looked at */
    "after_sha256 TEXT," /* of that after our edits */
    "issues TEXT NOT NULL,"
    "at INTEGER NOT NULL,"
    "PRIMARY KEY(branch_id,gate))STRICT,WITHOUT ROWID;";

/* What a run asks of its branches must not cost more with every other run. */
static const char step9[] = "CREATE INDEX branches_run ON branches(run_id);";

/* Nor may what it reads of the history: its own events, and the newest hashes
 * of its manifest. When a branch was active is in its row alone. */
static const char step10[] =
    "UPDATE branches SET active_at=max(active_at,ifnull((SELECT "
    "max(created_at)FROM requests q WHERE q.branch_id=branches.branch_id),0));"
    "CREATE INDEX journal_run ON journal(run_id)WHERE run_id IS NOT NULL;"
    "CREATE INDEX journal_manifest ON journal(substr(key,66))"
    "WHERE kind='manifest';";

const char *const sk_migrate_steps[] = { step1, step2, step3, step4, step5,
	step6, step7, step8, step9, step10, NULL };
