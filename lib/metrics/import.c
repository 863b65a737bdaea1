/* SPDX-License-Identifier: MIT */
/*
 * Logs of agents into the database: in blocks, with bounded memory, from where
 * the last import stopped. A line is taken when it is whole; what is still
 * being written waits for the next time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "metrics/import.h"

#define HEAD 1024 /* of a file, to know it again */
#define DEPTH_MAX 16

/* ---- rows to the database ---- */

static void
price(struct sk_import *im, struct sk_log_row *r)
{
	const struct sk_model *m;

	if (sk_price_find(&im->m->prices, r->model, &m)) {
		if (m->provider != NULL)
			(void)snprintf(r->provider, sizeof(r->provider), "%s",
			    m->provider);
		if (r->cost < 0)
			r->cost = sk_cost_of(m, &r->t);
	}
}

static int
book(struct sk_import *im, struct sk_log_row *r)
{
	struct sk_import_count *c = &im->count[r->log];
	struct sk_usage_row u = {
		.root = "", .spec = "", .stage = "", .revise = true
	};
	enum sk_booked what;
	int rc;

	price(im, r);
	u.key = r->key;
	u.agent = u.source = sk_log_name(r->log);
	u.provider = r->provider;
	u.model = r->model;
	u.at_ms = r->at_ms;
	u.fresh = r->t.fresh;
	u.cache_read = r->t.cache_read;
	u.cache_write = r->t.cache_write;
	u.output = r->t.output;
	u.reasoning = r->t.reasoning;
	u.flags = r->t.flags;
	u.cost = r->cost;
	rc = sk_usage_book(im->m->db, &u, &what, im->err);
	if (rc == 0 && what == SK_BOOK_NEW)
		c->fresh++;
	else if (rc == 0 && what == SK_BOOK_REVISED)
		c->revised++;
	else if (rc == 0)
		c->known++;
	return rc;
}

int
sk_import_flush(struct sk_import *im)
{
	struct sk_import_count before[SK_LOGS];

	if (im->rc != 0)
		return im->rc;
	memcpy(before, im->count, sizeof(before));
	im->rc = sk_db_begin(im->m->db, im->err);
	for (size_t i = 0; im->rc == 0 && i < im->n; i++)
		im->rc = book(im, &im->rows[i]);
	if (im->rc == 0 && im->path != NULL)
		im->rc = sk_import_put(im->m->db, im->path, &im->at, im->err);
	if (im->rc == 0)
		im->rc = sk_db_commit(im->m->db, im->err);
	if (im->rc != 0) {
		sk_db_rollback(im->m->db);
		memcpy(im->count, before, sizeof(before));
	}
	im->n = 0;
	return im->rc;
}

void
sk_import_emit(struct sk_import *im, const struct sk_log_row *r)
{
	struct sk_import_count *c = &im->count[r->log];

	if (r->at_ms < im->o->since_ms) {
		c->before++;
		return;
	}
	c->calls++;
	c->suspect += (r->t.flags & SK_TF_SUSPECT) != 0;
	/* Never in the middle of a line: its place would be wrong. */
	if (im->n < 2 * SK_LOG_BATCH)
		im->rows[im->n++] = *r;
	else
		c->bad++;
}

struct sk_import_count *
sk_import_counts(struct sk_import *im, enum sk_log log)
{
	return &im->count[log];
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

bool
sk_import_own(struct sk_import *im, const char *session)
{
	return im->own.n > 0 && bsearch(&session, im->own.v, im->own.n,
				    sizeof(*im->own.v), compare) != NULL;
}

bool
sk_import_known(struct sk_import *im, const char *key)
{
	bool known = false;

	for (size_t i = im->n; i-- > 0;)
		if (strcmp(im->rows[i].key, key) == 0)
			return true;
	if (im->rc == 0)
		im->rc = sk_usage_known(im->m->db, key, &known, im->err);
	return known;
}

/* ---- where a file stands ---- */

/* The same file as last time, and longer or as long? Then its offset. */
static int
find_place(struct sk_import *im, struct sk_log_state *s, const struct stat *st,
    const char *head, size_t n)
{
	struct sk_import_row row;
	struct sk_arena a = { 0 };
	bool found = false;
	size_t h;
	int rc;

	rc = sk_import_get(im->m->db, im->path, &row, &found, &a, im->err);
	memset(&im->at, 0, sizeof(im->at));
	im->at.ino = (int64_t)st->st_ino;
	h = n < HEAD ? n : HEAD;
	/* The head of a short file grows with it. */
	if (rc == 0 && found && row.offset < (int64_t)h)
		h = (size_t)row.offset;
	sk_sha256(head, h, im->at.head);
	if (rc == 0 && found && !im->o->again &&
	    row.ino == (int64_t)st->st_ino && row.offset <= st->st_size &&
	    strcmp(row.head, im->at.head) == 0) {
		im->at.offset = row.offset;
		sk_log_state_load(im, s, row.state);
	}
	sk_arena_free(&a);
	return rc;
}

static void
note_head(struct sk_import *im, int fd)
{
	char head[HEAD];
	ssize_t n = pread(fd, head, sizeof(head), 0);

	if (n > 0 && im->at.offset < n)
		n = (ssize_t)im->at.offset;
	sk_sha256(head, n > 0 ? (size_t)n : 0, im->at.head);
}

/* ---- lines ---- */

struct reading {
	int fd;
	struct sk_log_state s;
	struct sk_buf state;
	struct sk_import_count *c;
	size_t have; /* bytes in the buffer */
	size_t cap;
};

static void
take_line(struct sk_import *im, struct reading *r, const char *p, size_t n)
{
	r->c->lines++;
	if (n > 0 && sk_log_marked(r->s.log, p, n))
		sk_log_line(im, &r->s, p, n, sk_import_emit);
}

/* Whole lines in the buffer; what is left moves to its front. */
static int
take_block(struct sk_import *im, struct reading *r)
{
	char *p = im->buf, *end = im->buf + r->have, *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		if (r->s.skipping) {
			r->s.skipping = false;
			r->c->lines++;
			r->c->too_long++;
		} else {
			take_line(im, r, p, (size_t)(nl - p));
		}
		im->at.offset += nl + 1 - p;
		p = nl + 1;
		if (im->n >= SK_LOG_BATCH) {
			sk_log_state_save(&r->s, &r->state);
			im->at.state = r->state.p;
			note_head(im, r->fd);
			if (sk_import_flush(im) != 0)
				return im->rc;
		}
	}
	r->have = (size_t)(end - p);
	if (r->s.skipping || r->have >= SK_LOG_LINE_MAX) {
		r->s.skipping = true;
		im->at.offset += (int64_t)r->have;
		r->have = 0;
	} else if (p != im->buf && r->have > 0) {
		memmove(im->buf, p, r->have);
	}
	return 0;
}

/* The last line may have no end, but be whole: its writer is gone. */
static void
take_rest(struct sk_import *im, struct reading *r)
{
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	if (r->have == 0 || r->s.skipping)
		return;
	if (im->buf[0] == '{' &&
	    sk_json_parse(&a, im->buf, r->have, NULL, &v, NULL) == 0) {
		take_line(im, r, im->buf, r->have);
		im->at.offset += (int64_t)r->have;
		r->have = 0;
	} else {
		r->c->cut++;
	}
	sk_arena_free(&a);
}

static int
read_lines(struct sk_import *im, struct reading *r, int64_t size)
{
	int64_t begin = im->at.offset, passed = im->at.offset;
	ssize_t n;

	if (lseek(r->fd, begin, SEEK_SET) < 0)
		return sk_fail_errno(im->err, "cannot read '%s'", im->path);
	/* No further than it was when we came: it may grow for ever. */
	while (passed < size && im->rc == 0) {
		size_t want = r->cap - r->have;

		if (want > SK_LOG_BLOCK)
			want = SK_LOG_BLOCK;
		n = read(r->fd, im->buf + r->have, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return sk_fail_errno(
			    im->err, "cannot read '%s'", im->path);
		if (n == 0)
			break; /* it was cut off while we read */
		passed += n;
		r->have += (size_t)n;
		if (take_block(im, r) != 0)
			return im->rc;
		if (r->cap - r->have < SK_LOG_BLOCK &&
		    r->cap < SK_LOG_LINE_MAX + SK_LOG_BLOCK) {
			r->cap = SK_LOG_LINE_MAX + SK_LOG_BLOCK;
			im->buf = sk_realloc(im->buf, r->cap);
		}
	}
	take_rest(im, r);
	r->c->bytes += im->at.offset - begin;
	return im->rc;
}

int
sk_import_unknown(const struct sk_import *im)
{
	if (im->named)
		sk_warn("'%s' is no log of a program that is known", im->path);
	return 0;
}

static int
read_log(struct sk_import *im, int fd, const struct stat *st)
{
	struct reading r = { .fd = fd, .cap = 2 * SK_LOG_BLOCK };
	ssize_t n;
	int rc;

	im->buf = sk_realloc(im->buf, r.cap);
	n = pread(fd, im->buf, SK_LOG_BLOCK, 0);
	if (n < 0)
		return sk_fail_errno(im->err, "cannot read '%s'", im->path);
	r.s.log = im->source;
	if (!im->fixed && !sk_log_sniff(im->buf, (size_t)n, &r.s.log))
		return sk_import_unknown(im);
	r.s.mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000;
	r.c = &im->count[r.s.log];
	r.c->files++;
	rc = find_place(im, &r.s, st, im->buf, (size_t)n);
	if (rc != 0)
		return rc;
	sk_buf_init(&r.state, 0);
	rc = read_lines(im, &r, st->st_size);
	if (rc == 0) {
		sk_log_state_save(&r.s, &r.state);
		im->at.state = r.state.p;
		note_head(im, fd);
		rc = sk_import_flush(im);
	}
	im->at.state = NULL;
	sk_buf_free(&r.state);
	return rc;
}

/* ---- a database of opencode ---- */

static int
one_message(void *arg, const char *id, const char *session, const char *json,
    struct sk_err *err)
{
	struct sk_import *im = arg;
	struct sk_log_state s = { .log = SK_LOG_OPENCODE };
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;

	(void)err;
	im->count[s.log].lines++;
	(void)snprintf(s.session, sizeof(s.session), "%.79s", session);
	if (json == NULL)
		im->count[s.log].too_long++;
	else if (sk_import_own(im, session))
		im->count[s.log].own++;
	else if (sk_json_parse(&a, json, strlen(json), NULL, &v, NULL) != 0)
		im->count[s.log].bad++;
	else
		sk_log_opencode(im, &s, id, v, sk_import_emit);
	sk_arena_free(&a);
	return im->n >= SK_LOG_BATCH ? sk_import_flush(im) : 0;
}

/* ---- a path ---- */

static int
read_file(struct sk_import *im, int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return sk_fail_errno(im->err, "cannot read '%s'", path);
	im->path = path;
	if (!S_ISREG(st.st_mode))
		return sk_import_unknown(im);
	if (sk_has_suffix(path, ".json"))
		return sk_import_document(im, fd);
	return read_log(im, fd, &st);
}

/* What was passed over is said with the file's name; counts have none. */
static void
name_skipped(const struct sk_import *im, const struct sk_import_count *before,
    const char *path)
{
	int64_t bad = 0, too_long = 0;

	for (int i = 0; i < SK_LOGS; i++) {
		bad += im->count[i].bad - before[i].bad;
		too_long += im->count[i].too_long - before[i].too_long;
	}
	if (bad > 0 && too_long > 0)
		sk_warn("'%s': left out: %lld not readable, %lld longer than "
			"4 MiB",
		    path, (long long)bad, (long long)too_long);
	else if (bad > 0 || too_long > 0)
		sk_warn("'%s': left out: %lld %s", path,
		    (long long)(bad + too_long),
		    bad > 0 ? "not readable" : "longer than 4 MiB");
}

static int
import_file(struct sk_import *im, const char *path)
{
	struct sk_import_count before[SK_LOGS];
	int fd, rc;

	memcpy(before, im->count, sizeof(before));
	if (sk_has_suffix(path, ".db")) {
		im->path = NULL;
		im->count[SK_LOG_OPENCODE].files++;
		rc = sk_foreign_messages(path, one_message, im, im->err);
		name_skipped(im, before, path);
		return rc;
	}
	/* (A FIFO in the tree must not stop us.) */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return sk_fail_errno(im->err, "cannot open '%s'", path);
	rc = read_file(im, fd, path);
	(void)close(fd);
	name_skipped(im, before, path);
	return rc;
}

static bool
is_log(const char *name)
{
	return sk_has_suffix(name, ".jsonl") || sk_has_suffix(name, ".json") ||
	       sk_streq(name, "opencode.db");
}

static int
import_dir(struct sk_import *im, const char *path, int depth)
{
	struct dirent **list;
	int n, rc = 0;

	n = scandir(path, &list, NULL, alphasort);
	if (n < 0)
		return sk_fail_errno(im->err, "cannot read '%s'", path);
	for (int i = 0; i < n; i++) {
		char *p = sk_path_join(path, list[i]->d_name);
		struct stat st;

		/* (Links are not followed: they may lead round in circles.) */
		if (list[i]->d_name[0] == '.' || rc != 0 || lstat(p, &st) != 0)
			;
		else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
			rc = import_dir(im, p, depth + 1);
		else if (S_ISREG(st.st_mode) && is_log(list[i]->d_name))
			rc = import_file(im, p);
		free(p);
		free(list[i]);
	}
	free(list);
	return rc;
}

int
sk_import_path(struct sk_import *im, const char *path, struct sk_err *err)
{
	char *full = realpath(path, NULL);
	struct stat st;
	int rc;

	im->err = err;
	if (full == NULL || stat(full, &st) != 0) {
		rc = sk_fail_errno(err, "cannot read '%s'", path);
		free(full);
		return rc;
	}
	im->named = !S_ISDIR(st.st_mode);
	rc = S_ISDIR(st.st_mode) ? import_dir(im, full, 0)
	                         : import_file(im, full);
	im->path = NULL;
	free(full);
	return rc;
}

/* Where programs keep their logs: under a directory that a variable names, else
 * under this user's. A newer claude uses either of two. */
static const struct place {
	enum sk_log log;
	const char *var, *home, *dir;
} places[] = {
	{ SK_LOG_CLAUDE, "CLAUDE_CONFIG_DIR", ".claude", "projects" },
	{ SK_LOG_CLAUDE, "XDG_CONFIG_HOME", ".config", "claude/projects" },
	{ SK_LOG_CODEX, "CODEX_HOME", ".codex", "sessions" },
	{ SK_LOG_CODEX, "CODEX_HOME", ".codex", "archived_sessions" },
	{ SK_LOG_GEMINI, NULL, ".gemini", "tmp" },
	{ SK_LOG_OPENCODE, "XDG_DATA_HOME", ".local/share", "opencode" },
};

static char *
place_path(const struct place *p)
{
	const char *base = p->var != NULL ? getenv(p->var) : NULL;
	const char *home = getenv("HOME");
	char *under, *path;

	if (base != NULL && base[0] != '\0')
		return sk_path_join(base, p->dir);
	under = sk_path_join(home != NULL ? home : "/", p->home);
	path = sk_path_join(under, p->dir);
	free(under);
	return path;
}

int
sk_import_home(struct sk_import *im, size_t *n, struct sk_err *err)
{
	struct stat st;
	int rc = 0;

	*n = 0;
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(places); i++) {
		char *p;

		if (im->fixed && im->source != places[i].log)
			continue;
		p = place_path(&places[i]);
		if (stat(p, &st) == 0) {
			(*n)++;
			rc = sk_import_path(im, p, err);
		}
		free(p);
	}
	return rc;
}

/* ---- the whole ---- */

static void
add_own(void *arg, const char *session)
{
	struct sk_import *im = arg;

	sk_strv_add(&im->own, session);
}

struct sk_import *
sk_import_open(
    struct sk_meter *m, const struct sk_import_opts *o, struct sk_err *err)
{
	struct sk_import *im = sk_calloc(1, sizeof(*im));

	im->m = m;
	im->o = o;
	im->err = err;
	im->rows = sk_reallocarray(NULL, 2 * SK_LOG_BATCH, sizeof(*im->rows));
	for (int i = 0; o->source != NULL && i < SK_LOGS; i++)
		if (strcmp(o->source, sk_log_name((enum sk_log)i)) == 0) {
			im->fixed = true;
			im->source = (enum sk_log)i;
		}
	im->rc = sk_sessions_each(m->db, add_own, im, err);
	sk_strv_sort(&im->own);
	return im;
}

int
sk_import_finish(struct sk_import *im, struct sk_err *err)
{
	im->err = err;
	im->path = NULL;
	return im->n > 0 ? sk_import_flush(im) : im->rc;
}

void
sk_import_close(struct sk_import *im)
{
	sk_strv_free(&im->own);
	free(im->rows);
	free(im->buf);
	free(im);
}

const struct sk_import_count *
sk_import_count_of(const struct sk_import *im, enum sk_log log)
{
	return &im->count[log];
}
