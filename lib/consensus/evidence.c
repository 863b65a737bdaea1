/* SPDX-License-Identifier: MIT */
/*
 * Evidence files. Names and bytes follow from the decision alone, so a replay
 * after a crash writes the same bytes to the same path.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "consensus/decide.h"
#include "faults/faults.h"

/* ---- files ---- */

enum there { ABSENT, SAME, OTHER };

static enum there
look(const struct sk_place *at, const char *name, const struct sk_buf *want)
{
	struct sk_err ignored = { 0 };
	enum there is = OTHER;
	struct sk_buf b;
	struct stat st;
	int fd;

	fd = openat(
	    at->dir.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ABSENT : OTHER;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (size_t)st.st_size == want->len) {
		sk_buf_init(&b, want->len + 1);
		if (sk_read_fd(fd, want->len, &b, name, &ignored) == 0 &&
		    b.len == want->len && memcmp(b.p, want->p, b.len) == 0)
			is = SAME;
		sk_buf_free(&b);
		sk_err_clear(&ignored);
	}
	(void)close(fd);
	return is;
}

/* Messages name the file as the user knows it, not the descriptor. */
static int
name_file(struct sk_err *err, const char *path)
{
	const char *fd = strstr(err->message, "'/proc/self/fd/");
	char why[sizeof(err->message)];

	if (fd == NULL)
		return err->exit;
	fd = strstr(fd + 1, "': ");
	(void)snprintf(why, sizeof(why), "%s", fd != NULL ? fd + 1 : "");
	(void)snprintf(err->message, sizeof(err->message),
	    "cannot write '%.400s'%.180s", path, why);
	return err->exit;
}

/* Writes dir/name unless these bytes are there; *path = where. */
static int
put(struct sk_db *db, const struct sk_decision *d, int64_t epoch,
    const struct sk_place *at, const char *name, const struct sk_buf *b,
    char **path, struct sk_err *err)
{
	struct sk_pub pub;
	char *held;
	int rc;

	*path = sk_path_join(at->dir.path.p, name);
	if (look(at, name, b) == SAME)
		return 0;
	if (SK_MUTANT("no_rename"))
		return sk_write_file(*path, b->p, b->len, SK_DOC_FILE, err);
	/* Through the directory that was walked to: whoever swaps a component
	 * for a link meanwhile moves nothing. */
	held = sk_asprintf("/proc/self/fd/%d/%s", at->dir.fd, name);
	rc = sk_pub_begin(&pub, held, b->p, b->len, SK_DOC_FILE, err);
	free(held);
	if (rc == 0)
		rc = sk_db_publish(db, d->run, epoch, &pub, err);
	return rc != 0 ? name_file(err, *path) : 0;
}

void
sk_evidence_stamp(
    const struct sk_decision *d, int i, char stamp[SK_EVIDENCE_STAMP])
{
	char base[SK_STAMP_LEN], sha[SK_SHA256_LEN];

	sk_time_stamp(d->decided_ms, base);
	sk_sha256(d->branch, strlen(d->branch), sha);
	if (i == 0)
		(void)snprintf(stamp, SK_EVIDENCE_STAMP, "%s", base);
	else if (i == 1)
		(void)snprintf(stamp, SK_EVIDENCE_STAMP, "%s-%lld", base,
		    (long long)d->seq);
	else
		(void)snprintf(stamp, SK_EVIDENCE_STAMP, "%s-%lld-%.8s", base,
		    (long long)d->seq, sha);
}

/* The stamp, made unique when another decision of this second has it: the
 * directory is locked, so nobody takes the name in between. */
static void
pick_stamp(const struct sk_place *at, const struct sk_decision *d,
    const struct sk_buf *b, char stamp[SK_EVIDENCE_STAMP])
{
	char name[SK_IDENT_LEN + 100];

	for (int i = 0; i < SK_EVIDENCE_STAMPS; i++) {
		sk_evidence_stamp(d, i, stamp);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_synthesis.json",
		    d->stage, stamp);
		if (look(at, name, b) != OTHER)
			return;
	}
}

/* ---- contents ---- */

static void
put_raw(struct sk_jw *w, const char *key, const char *json)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (json != NULL)
		(void)sk_json_parse(
		    &a, json, strlen(json), &sk_verdict_limits, &v, NULL);
	sk_jw_kvalue(w, key, v);
	sk_arena_free(&a);
}

static void
agent_json(
    struct sk_buf *b, const struct sk_decision *d, const struct sk_stored *s)
{
	struct sk_arena a = { 0 };
	struct sk_jv *data = NULL;
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "run", d->run);
	sk_jw_kstr(&w, "branch", d->branch);
	sk_jw_kstr(&w, "spec", d->spec);
	sk_jw_kstr(&w, "stage", d->stage);
	sk_jw_kint(&w, "round", d->round);
	sk_jw_kstr(&w, "agent", s->agent);
	sk_jw_kstr(&w, "model", s->model);
	sk_jw_kint(&w, "attempt", s->attempt);
	sk_jw_kint(&w, "seq", s->seq);
	sk_jw_kstr(&w, "sha256", s->sha256);
	sk_jw_key(&w, "content");
	sk_jw_strn(&w, s->content, s->content_n);
	(void)sk_json_find(&a, s->content, s->content_n, &data);
	sk_jw_kvalue(&w, "data", data);
	put_raw(&w, "meta", s->meta_json);
	sk_jw_done(&w);
	sk_arena_free(&a);
}

static void
telemetry_json(struct sk_buf *b, const struct sk_decision *d,
    const struct sk_jv *v, const struct sk_stored *stored, size_t n,
    const struct sk_evidence *ev)
{
	const struct sk_jv *c = sk_jget(v, "consensus");
	char command[SK_IDENT_LEN + 8];
	struct sk_jw w;
	size_t file = 0;

	(void)snprintf(command, sizeof(command), "spec-%s", d->stage);
	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "schemaVersion", "2.0");
	sk_jw_kstr(&w, "command", command);
	sk_jw_kstr(&w, "specId", d->spec);
	sk_jw_kstr(&w, "stage", d->stage);
	sk_jw_ktime(&w, "timestamp", d->decided_ms);
	sk_jw_kobj(&w, "consensus");
	sk_jw_kstr(&w, "status", d->status);
	sk_jw_kbool(&w, "ok", strcmp(d->status, "ok") == 0);
	sk_jw_kbool(&w, "degraded", strcmp(d->status, "degraded") == 0);
	sk_jw_kvalue(&w, "missingAgents", sk_jget(v, "missing_agents"));
	sk_jw_kvalue(&w, "agreements", sk_jget(c, "agreements"));
	sk_jw_kvalue(&w, "conflicts", sk_jget(c, "conflicts"));
	sk_jw_end(&w);
	sk_jw_kstr(&w, "synthesisPath", ev->synthesis);
	sk_jw_karr(&w, "artifacts");
	for (size_t i = 0; i < n; i++) {
		if (!stored[i].ok)
			continue;
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "agent", stored[i].agent);
		sk_jw_kstr(&w, "modelId", stored[i].model);
		sk_jw_kstr(&w, "sha256", stored[i].sha256);
		sk_jw_kstr(&w, "artifactPath",
		    file < ev->agents.n ? ev->agents.v[file] : NULL);
		file++;
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
}

/* ---- publishing ---- */

const char *
sk_agent_file(const char *agent)
{
	/* That name is taken. */
	return strcmp(agent, "synthesis") == 0 ? "agent-synthesis" : agent;
}

static int
put_agents(struct sk_db *db, const struct sk_decision *d, int64_t epoch,
    const struct sk_place *at, const char *stamp,
    const struct sk_stored *stored, size_t n, struct sk_evidence *ev,
    struct sk_err *err)
{
	char name[2 * SK_IDENT_LEN + 80], *path = NULL;
	struct sk_buf b;
	int rc = 0;

	sk_buf_init(&b, 0);
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (!stored[i].ok)
			continue;
		sk_buf_clear(&b);
		agent_json(&b, d, &stored[i]);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_%s.json",
		    d->stage, stamp, sk_agent_file(stored[i].agent));
		rc = put(db, d, epoch, at, name, &b, &path, err);
		if (rc == 0)
			sk_strv_add(&ev->agents, path);
		free(path);
	}
	sk_buf_free(&b);
	return rc;
}

static bool
is_answer_of(const struct sk_jv *who, const struct sk_stored *s)
{
	return s->ok && sk_streq(sk_jget_str(who, "agent"), s->agent) &&
	       sk_streq(sk_jget_str(who, "sha256"), s->sha256);
}

size_t
sk_answers_used(const struct sk_jv *v, const struct sk_stored *stored, size_t n,
    struct sk_stored *out)
{
	const struct sk_jv *in = sk_jget(v, "inputs");
	size_t k = 0;

	for (size_t i = 0; i < n; i++) {
		bool is = is_answer_of(sk_jget(v, "arbiter"), &stored[i]);

		for (size_t j = 0; !is && j < sk_jlen(in); j++)
			is = is_answer_of(in->a[j], &stored[i]);
		if (is)
			out[k++] = stored[i];
	}
	return k;
}

static int
put_telemetry(struct sk_db *db, const struct sk_decision *d, int64_t epoch,
    const struct sk_place *at, const char *stamp,
    const struct sk_buf *synthesis, const struct sk_stored *stored, size_t n,
    struct sk_evidence *ev, struct sk_err *err)
{
	char name[SK_IDENT_LEN + 100];
	struct sk_stored *mine = sk_calloc(n + 1, sizeof(*mine));
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf b;
	int rc;

	rc = sk_json_parse(
	    &a, synthesis->p, synthesis->len, &sk_verdict_limits, &v, err);
	if (rc == 0) {
		n = sk_answers_used(v, stored, n, mine);
		stored = mine;
		rc = put_agents(db, d, epoch, at, stamp, stored, n, ev, err);
	}
	if (rc == 0) {
		sk_buf_init(&b, 0);
		telemetry_json(&b, d, v, stored, n, ev);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_telemetry.jsonl",
		    d->stage, stamp);
		rc = put(db, d, epoch, at, name, &b, &ev->telemetry, err);
		sk_buf_free(&b);
	}
	sk_arena_free(&a);
	free(mine);
	return rc;
}

/* [{agent, content}] of the answers that were used. */
static struct sk_jv *
embedded(struct sk_arena *a, const struct sk_decision *d,
    const struct sk_stored *stored, size_t n)
{
	struct sk_stored *mine = sk_arena_alloc(a, (n + 1) * sizeof(*mine));
	struct sk_jv *list = sk_jnew(a, SK_J_ARR), *v = NULL, *o;

	if (sk_json_parse(a, d->verdict, strlen(d->verdict), &sk_verdict_limits,
		&v, NULL) != 0)
		return NULL;
	n = sk_answers_used(v, stored, n, mine);
	for (size_t i = 0; i < n; i++) {
		o = sk_jnew(a, SK_J_OBJ);
		sk_jset(a, o, "agent", sk_jnew_cstr(a, mine[i].agent));
		sk_jset(a, o, "content",
		    sk_jnew_str(a, mine[i].content, mine[i].content_n));
		sk_jpush(a, list, o);
	}
	return list;
}

/* Where the synthesis of a decision is, if it is there; malloc'd. */
char *
sk_evidence_find(const struct sk_place *at, const struct sk_decision *d)
{
	char stamp[SK_EVIDENCE_STAMP], name[SK_IDENT_LEN + 100], *found = NULL;
	struct sk_err ignored = { 0 };
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	struct sk_buf b;

	for (int i = 0; found == NULL && i < SK_EVIDENCE_STAMPS; i++) {
		sk_evidence_stamp(d, i, stamp);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_synthesis.json",
		    d->stage, stamp);
		sk_buf_init(&b, 0);
		if (sk_place_read(at, name, &a, &b, &v, &ignored) == 0 &&
		    sk_streq(
			sk_jstr(sk_jptr(v, "/decision/chain/hash")), d->chain))
			found = sk_path_join(at->dir.path.p, name);
		sk_err_clear(&ignored);
		sk_buf_free(&b);
	}
	sk_arena_free(&a);
	return found;
}

int
sk_evidence_publish(struct sk_place *at, struct sk_db *db,
    const struct sk_decide_opts *o, const struct sk_decision *d, int64_t epoch,
    const struct sk_stored *stored, size_t n, struct sk_evidence *ev,
    struct sk_err *err)
{
	char name[SK_IDENT_LEN + 100], stamp[SK_EVIDENCE_STAMP];
	struct sk_arena a = { 0 };
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_decision_write(&b, d, SK_FACE_FILE,
	    &(struct sk_more){
		.answers = o->embed ? embedded(&a, d, stored, n) : NULL },
	    err);
	if (rc == 0) {
		sk_place_lock(at);
		pick_stamp(at, d, &b, stamp);
		(void)snprintf(name, sizeof(name), "spec-%s_%s_synthesis.json",
		    d->stage, stamp);
		rc = put(db, d, epoch, at, name, &b, &ev->synthesis, err);
	}
	if (rc == 0 && o->telemetry)
		rc = put_telemetry(
		    db, d, epoch, at, stamp, &b, stored, n, ev, err);
	if (at->dir.fd >= 0)
		(void)flock(at->dir.fd, LOCK_UN);
	if (rc != 0 && rc != SK_ORDER && err->hint[0] == '\0')
		(void)sk_hint(err,
		    "the decision is kept; when this is mended: sk-consensus "
		    "replay --run %s --branch %s --seq %lld",
		    d->run, d->branch, (long long)d->seq);
	sk_arena_free(&a);
	sk_buf_free(&b);
	return rc;
}

void
sk_evidence_free(struct sk_evidence *ev)
{
	free(ev->synthesis);
	free(ev->telemetry);
	sk_strv_free(&ev->agents);
}
