/* SPDX-License-Identifier: MIT */
/*
 * The rows of a run from another database. Numbers of rows are given anew; the
 * history is held against the one that is here, and when that is its beginning,
 * only the rest is added to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/move.h"

struct pair {
	int64_t from, to;
};
struct map {
	struct pair *v;
	size_t n, cap;
};

/* An event that is here already. */
struct event {
	int64_t at, seq, epoch, pid;
	char *kind, *key, *boot;
};

struct sk_move {
	struct sk_db *db;
	struct sk_arena arena;
	char run[SK_RUN_LEN];
	const char *root;
	struct event *here;
	size_t n_here, seen; /* events here; events that have come */
	struct map requests, answers, verdicts;
	int64_t next_answer;
	bool rest; /* the history has come, now the other rows do */
	bool skip; /* there is nothing new */
	bool existed;
	bool plain; /* the number of this event is no answer's */
	struct sk_strv branches; /* of the run */
};

/* ---- numbers ---- */

static void
map_add(struct map *m, int64_t from, int64_t to)
{
	SK_GROW(NULL, m->v, m->n, m->cap);
	m->v[m->n++] = (struct pair){ from, to };
}

/* They come in rising order. */
static const struct pair *
map_floor(const struct map *m, int64_t from)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->v[mid].from <= from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo > 0 ? &m->v[lo - 1] : NULL;
}

static bool
map_get(const struct map *m, int64_t from, int64_t *to)
{
	const struct pair *p = map_floor(m, from);

	if (p == NULL || p->from != from)
		return false;
	*to = p->to;
	return true;
}

static bool
map_new(struct map *m, int64_t from, int64_t to)
{
	if (m->n > 0 && m->v[m->n - 1].from >= from)
		return false;
	map_add(m, from, to);
	return true;
}

/* ---- one row ---- */

static int
bad(struct sk_err *err, const char *table, const char *col)
{
	return sk_fail(err, SK_DAMAGED, "bad_row",
	    "a row of '%s' has a wrong '%s'", table, col);
}

static bool
int_of(const struct sk_jv *v, int64_t *out)
{
	return v != NULL && v->type == SK_J_NUM &&
	       sk_parse_int(v->s, INT64_MIN, INT64_MAX, out);
}

static bool
bind_text(sqlite3_stmt *st, int at, const struct sk_jv *v)
{
	return v != NULL && v->type == SK_J_STR &&
	       memchr(v->s, '\0', v->n) == NULL &&
	       sqlite3_bind_text64(
		   st, at, v->s, v->n, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

/* A path of the project, which is here now. */
static bool
bind_path(struct sk_move *m, sqlite3_stmt *st, int at, const struct sk_jv *v)
{
	char *full;
	size_t n;

	if (v == NULL || v->type != SK_J_STR || m->root == NULL)
		return false;
	full = sk_arena_printf(&m->arena, "%s/%s", m->root, v->s);
	n = strlen(full);
	return v->n > 0 && v->s[0] != '/' &&
	       strstr(full + strlen(m->root), "/../") == NULL &&
	       !sk_has_suffix(full, "/..") && strlen(v->s) == v->n &&
	       sqlite3_bind_text64(
		   st, at, full, n, SQLITE_STATIC, SQLITE_UTF8) == SQLITE_OK;
}

/* A number of a row: what it is here. */
static bool
number(struct sk_move *m, char kind, int64_t i, int64_t *out)
{
	const struct pair *p;

	switch (kind) {
	case 'r':
		return map_get(&m->requests, i, out);
	case 'S':
		return map_get(&m->answers, i, out);
	case 's':
		*out = m->plain ? i : 0;
		return m->plain || i == 0 || map_get(&m->answers, i, out);
	case 'c':
		return map_get(&m->verdicts, i, out);
	case 'f':
		p = map_floor(&m->answers, i);
		*out = p != NULL ? p->to : 0;
		return true;
	default:
		*out = i;
		return true;
	}
}

/* Names that become parts of paths and commands elsewhere; and a run can bring
 * rows for its own branches only. */
static bool
good_name(struct sk_move *m, const char *table, const char *col,
    const struct sk_jv *v)
{
	static const char *const idents[] = { "spec_id", "stage", "agent_name",
		"program", "phase", "kind", NULL };
	const char *s = sk_jstr(v);

	if (s == NULL)
		return true;
	for (size_t i = 0; idents[i] != NULL; i++)
		if (strcmp(col, idents[i]) == 0)
			return s[0] == '\0' || sk_ident_ok(s);
	if (strcmp(table, "spend") == 0 && strcmp(col, "id") == 0)
		return strcmp(s, m->run) == 0 || sk_strv_has(&m->branches, s);
	if (strcmp(table, "spend") == 0 && strcmp(col, "scope") == 0)
		return strcmp(s, "run") == 0 || strcmp(s, "branch") == 0;
	if (strcmp(col, "branch_id") != 0)
		return true;
	if (strcmp(table, "branches") == 0)
		sk_strv_add(&m->branches, s);
	return sk_branch_id_ok(s) &&
	       (strcmp(table, "journal") == 0 || strcmp(table, "runs") == 0 ||
		   sk_strv_has(&m->branches, s));
}

static bool
bind_col(struct sk_move *m, sqlite3_stmt *st, int at, char kind,
    const struct sk_jv *v)
{
	bool null = v == NULL || v->type == SK_J_NULL;
	int64_t i;

	if (null)
		return strchr("TIXpms", kind) != NULL;
	if (kind == 'p')
		return bind_path(m, st, at, v);
	if (strchr("tTxXm", kind) != NULL)
		return bind_text(st, at, v);
	if (!int_of(v, &i) || !number(m, kind, i, &i))
		return false;
	/* (Those two are not among the parameters.) */
	return kind == 'R' || kind == 'C' || kind == 'L' ||
	       sqlite3_bind_int64(st, at, i) == SQLITE_OK;
}

static int
insert(struct sk_move *m, const struct sk_move_table *t,
    const struct sk_jv *row, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(m->db, err, t->insert, "tt", m->run, m->root);
	const char *cols = t->cols;
	struct sk_move_col c;
	int64_t own = -1;
	char kind = 0;
	int rc = 0;

	if (st == NULL)
		return err->exit;
	for (int at = 3; rc == 0 && sk_move_col(&cols, &c); at++) {
		const struct sk_jv *v = sk_jget(row, c.name);

		if (!good_name(m, t->name, c.name, v) ||
		    !bind_col(m, st, at, c.kind, v))
			rc = bad(err, t->name, c.name);
		if (c.kind == 'R' || c.kind == 'C') {
			kind = c.kind;
			if (!int_of(v, &own))
				rc = bad(err, t->name, c.name);
		}
	}
	if (rc != 0) {
		sk_q_end(st);
		return rc;
	}
	rc = sk_q_step(m->db, st, err);
	if (rc < 0)
		return sk_fail(err, SK_DAMAGED, "bad_row",
		    "a row of '%s' does not fit: %s", t->name,
		    sqlite3_errmsg(m->db->h));
	if (kind != 0 && !map_new(kind == 'R' ? &m->requests : &m->verdicts,
			     own, sqlite3_last_insert_rowid(m->db->h)))
		return bad(err, t->name, "order");
	return 0;
}

/* ---- the history ---- */

static bool
same(const char *here, const struct sk_jv *v)
{
	const char *s = sk_jstr(v);

	return strcmp(here != NULL ? here : "", s != NULL ? s : "") == 0;
}

static bool
is_intake(const char *kind)
{
	return strcmp(kind, "intake") == 0;
}

/* The same event as the one that is here; what it says of an answer's number
 * is where that number is learnt. */
static bool
is_here(struct sk_move *m, const struct event *e, const struct sk_jv *row)
{
	int64_t at = 0, epoch = 0, pid = 0, seq = 0;

	(void)sk_jget_int(row, "at", &at);
	(void)sk_jget_int(row, "epoch", &epoch);
	(void)sk_jget_int(row, "pid", &pid);
	(void)sk_jget_int(row, "seq", &seq);
	return e->at == at && e->epoch == epoch && e->pid == pid &&
	       same(e->kind, sk_jget(row, "kind")) &&
	       same(e->key, sk_jget(row, "key")) &&
	       same(e->boot, sk_jget(row, "boot_id")) &&
	       (!is_intake(e->kind) || map_new(&m->answers, seq, e->seq));
}

/* Numbers in events are those of answers only where answers come. */
static int
add_event(struct sk_move *m, const struct sk_move_table *t,
    const struct sk_jv *row, struct sk_err *err)
{
	static const char *const of_answers[] = { "intake", "duplicate",
		"divergent", NULL };
	const char *kind = sk_jget_str(row, "kind");
	bool answer = false;
	int64_t seq = 0;
	int rc;

	if (kind == NULL)
		return bad(err, t->name, "kind");
	for (size_t i = 0; of_answers[i] != NULL; i++)
		answer = answer || strcmp(kind, of_answers[i]) == 0;
	(void)sk_jget_int(row, "seq", &seq);
	if (is_intake(kind) && !map_new(&m->answers, seq, m->next_answer++))
		return bad(err, t->name, "seq");
	m->plain = !answer;
	rc = insert(m, t, row, err);
	m->plain = false;
	return rc;
}

static int
event(struct sk_move *m, const struct sk_move_table *t, const struct sk_jv *row,
    struct sk_err *err)
{
	if (m->rest)
		return bad(err, t->name, "place");
	if (m->seen++ >= m->n_here)
		return add_event(m, t, row, err);
	if (is_here(m, &m->here[m->seen - 1], row))
		return 0;
	(void)sk_fail(err, SK_ORDER, "other_history",
	    "run '%s' is here already, and from event %zu on it is another one",
	    m->run, m->seen);
	return sk_hint(err, "import it into another database: --db FILE");
}

/* Rows that are about to come again, whole. */
static int
remove_rows(struct sk_move *m, struct sk_err *err)
{
	size_t n = 0;
	int rc;

	rc = sk_q_run(m->db, err, "DROP TRIGGER acked_delete", "");
	while (sk_move_tables[n].name != NULL)
		n++;
	while (rc == 0 && n-- > 0)
		if (sk_move_tables[n].remove != NULL)
			rc = sk_q_run(
			    m->db, err, sk_move_tables[n].remove, "t", m->run);
	if (rc == 0)
		rc = sk_q_run(m->db, err, SK_SQL_ACKED_DELETE, "");
	return rc;
}

static int
history_is_over(struct sk_move *m, struct sk_err *err)
{
	m->rest = true;
	if (m->seen <= m->n_here && m->existed) {
		m->skip = true;
		return 0;
	}
	return m->existed ? remove_rows(m, err) : 0;
}

/* ---- usage: booked as it always is ---- */

static const char *
text(const struct sk_jv *row, const char *key)
{
	const char *s = sk_jget_str(row, key);

	return s != NULL ? s : "";
}

static int
book(struct sk_move *m, const struct sk_jv *row, struct sk_err *err)
{
	struct sk_usage_row u = { .key = text(row, "key"),
		.run = m->run,
		.branch = sk_jget_str(row, "branch_id"),
		.root = m->root,
		.spec = text(row, "spec_id"),
		.stage = text(row, "stage"),
		.agent = text(row, "agent_name"),
		.provider = text(row, "provider"),
		.model = text(row, "model"),
		.source = text(row, "source"),
		.session = sk_jget_str(row, "session"),
		.cost = -1 };
	enum sk_booked what;

	if (u.key[0] == '\0')
		return bad(err, "usage", "key");
	if (!sk_jget_int(row, "at", &u.at_ms) ||
	    !sk_jget_int(row, "fresh", &u.fresh) ||
	    !sk_jget_int(row, "cache_read", &u.cache_read) ||
	    !sk_jget_int(row, "cache_write", &u.cache_write) ||
	    !sk_jget_int(row, "output", &u.output) ||
	    !sk_jget_int(row, "reasoning", &u.reasoning) ||
	    !sk_jget_int(row, "flags", &u.flags))
		return bad(err, "usage", "figure");
	(void)sk_jget_int(row, "cost", &u.cost);
	return sk_usage_book(m->db, &u, &what, err);
}

int
sk_move_row(struct sk_move *m, const char *table, const struct sk_jv *row,
    struct sk_err *err)
{
	const struct sk_move_table *t = sk_move_tables;
	int rc = 0;

	while (t->name != NULL && strcmp(t->name, table) != 0)
		t++;
	/* A table of a newer build, which we could not keep. */
	if (t->name == NULL)
		return sk_fail(err, SK_NEWER, "unknown_table",
		    "rows of '%.60s' are unknown to this program", table);
	if (strcmp(table, "journal") == 0)
		return event(m, t, row, err);
	if (!m->rest)
		rc = history_is_over(m, err);
	if (rc != 0 || m->skip)
		return rc;
	return strcmp(table, "usage") == 0 ? book(m, row, err)
	                                   : insert(m, t, row, err);
}

/* ---- beginning and end ---- */

static int
load_here(struct sk_move *m, struct sk_err *err)
{
	size_t cap = 0;
	sqlite3_stmt *st;
	int rc;

	st = sk_q(m->db, err,
	    "SELECT at,kind,seq,key,epoch,pid,boot_id FROM journal WHERE "
	    "run_id=?1 ORDER BY lsn",
	    "t", m->run);
	if (st == NULL)
		return err->exit;
	while ((rc = sk_q_step(m->db, st, err)) > 0) {
		struct event *e;

		SK_GROW(&m->arena, m->here, m->n_here, cap);
		e = &m->here[m->n_here++];
		e->at = sk_col_int(st, 0);
		e->kind = sk_col_dup(st, 1, &m->arena);
		e->seq = sk_col_int(st, 2);
		e->key = sk_col_dup(st, 3, &m->arena);
		e->epoch = sk_col_int(st, 4);
		e->pid = sk_col_int(st, 5);
		e->boot = sk_col_dup(st, 6, &m->arena);
	}
	return -rc;
}

static int
look(struct sk_move *m, struct sk_err *err)
{
	struct sk_run run;
	sqlite3_stmt *st;
	int rc;

	rc = sk_run_get(m->db, m->run, &run, &m->existed, &m->arena, err);
	if (rc != 0)
		return rc;
	if (m->existed && !sk_streq(run.root, m->root)) {
		(void)sk_fail(err, SK_USAGE, "run_mismatch",
		    "run '%s' is here already, for project '%s'", m->run,
		    run.root != NULL ? run.root : "");
		return sk_hint(err, "import it there, or into another "
				    "database: --db FILE");
	}
	rc = load_here(m, err);
	if (rc != 0)
		return rc;
	rc = sk_q_first(m->db, &st, err,
	    "SELECT 1+max(ifnull((SELECT max(seq)FROM agent_outputs),0),"
	    "ifnull((SELECT max(seq)FROM journal WHERE kind='intake'),0))",
	    "");
	if (rc <= 0)
		return -rc;
	m->next_answer = sk_col_int(st, 0);
	sk_q_end(st);
	/* Branches may come before their parents. */
	return sk_q_run(m->db, err, "PRAGMA defer_foreign_keys=1", "");
}

int
sk_move_begin(struct sk_move **out, struct sk_db *db, const char *run,
    const char *root, struct sk_err *err)
{
	struct sk_move *m = sk_calloc(1, sizeof(*m));
	int rc;

	m->db = db;
	m->root = root;
	(void)snprintf(m->run, sizeof(m->run), "%s", run);
	rc = sk_db_begin(db, err);
	if (rc == 0)
		rc = look(m, err);
	*out = m;
	return rc == 0 ? 0 : sk_move_end(m, rc, false, NULL, err);
}

static void
first_only(void *arg, const struct sk_violation *v)
{
	struct sk_err *err = arg;

	if (err->exit == 0)
		(void)sk_fail(err, SK_DAMAGED, "bad_history",
		    "the run breaks rule %s: %.200s: %.200s", v->rule, v->row,
		    v->detail);
}

/* Events and the run's row came before its branches were known. */
static int
check_branches(struct sk_move *m, struct sk_err *err)
{
	sqlite3_stmt *st = sk_q(m->db, err,
	    "SELECT 1 FROM journal WHERE run_id=?1 AND branch_id IS NOT NULL "
	    "AND branch_id NOT IN(SELECT branch_id FROM branches WHERE "
	    "run_id=?1)UNION ALL SELECT 1 FROM runs WHERE run_id=?1 AND "
	    "branch_id NOT IN(SELECT branch_id FROM branches WHERE run_id=?1)",
	    "t", m->run);
	int rc = st != NULL ? sk_q_step(m->db, st, err) : -err->exit;

	if (rc <= 0)
		return -rc;
	sk_q_end(st);
	return bad(err, "journal", "branch_id");
}

static int
hold_against_rules(struct sk_move *m, struct sk_err *err)
{
	struct sk_err found = { 0 };
	struct sk_audit_counts n;
	int rc = check_branches(m, err);

	if (rc == 0)
		rc = sk_audit(m->db, first_only, &found, &n, err);
	if (rc == 0 && found.exit != 0) {
		*err = found;
		rc = found.exit;
	}
	return rc;
}

/* It may not be the run that breaks them. */
static int
blame(struct sk_move *m, int rc, struct sk_err *err)
{
	struct sk_err found = { 0 }, second = { 0 };
	struct sk_audit_counts n;

	if (!sk_streq(err->code, "bad_history"))
		return rc;
	if (sk_audit(m->db, first_only, &found, &n, &second) == 0 &&
	    found.exit != 0) {
		rc = sk_fail(err, SK_DAMAGED, "corrupt",
		    "the database '%s' breaks its own rules",
		    sk_db_path(m->db));
		(void)sk_hint(err, "sk-auto db check");
	}
	sk_err_clear(&second);
	return rc;
}

int
sk_move_end(struct sk_move *m, int rc, bool dry_run, enum sk_moved *what,
    struct sk_err *err)
{
	if (rc == 0 && !m->rest)
		rc = bad(err, "journal", "end");
	if (rc == 0)
		*what = m->skip      ? SK_MOVED_KNOWN
		        : m->existed ? SK_MOVED_ADVANCED
		                     : SK_MOVED_NEW;
	if (rc == 0 && !m->skip) {
		rc = sk_journal(m->db, "import", m->run, NULL, 0,
		    m->existed ? "advanced" : "new", 0, err);
		if (rc == 0)
			rc = hold_against_rules(m, err);
		SK_WHERE(m->db, "import");
	}
	if (rc == 0 && !m->skip && !dry_run)
		rc = sk_db_commit(m->db, err);
	else
		sk_db_rollback(m->db);
	if (rc != 0)
		rc = blame(m, rc, err);
	sk_strv_free(&m->branches);
	free(m->requests.v);
	free(m->answers.v);
	free(m->verdicts.v);
	sk_arena_free(&m->arena);
	free(m);
	return rc;
}
