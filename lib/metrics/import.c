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

#define BLOCK ((size_t)256 << 10)
#define LINE_MAX_BYTES ((size_t)4 << 20) /* a longer one is passed over */
#define BATCH 4096
#define HEAD 1024 /* of a file, to know it again */
#define DEPTH_MAX 16

struct sk_import {
	struct sk_meter *m;
	const struct sk_import_opts *o;
	bool fixed; /* the source was named */
	bool named; /* so was the file */
	enum sk_log source;
	struct sk_import_count count[SK_LOGS];
	struct sk_strv own; /* sessions of sk-run, sorted */
	struct sk_log_row *rows;
	size_t n;
	char *buf;
	/* The file that is read. */
	const char *path;
	struct sk_import_row at;
	int rc;
	struct sk_err *err;
};

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

/* The batch, and how far its file was read: together or not at all. */
static int
flush(struct sk_import *im)
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

static void
emit(struct sk_import *im, const struct sk_log_row *r)
{
	struct sk_import_count *c = &im->count[r->log];

	if (r->at_ms < im->o->since_ms) {
		c->before++;
		return;
	}
	c->calls++;
	c->suspect += (r->t.flags & SK_TF_SUSPECT) != 0;
	/* Never in the middle of a line: its place would be wrong. */
	if (im->n < 2 * BATCH)
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
		sk_log_line(im, &r->s, p, n, emit);
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
		if (im->n >= BATCH) {
			sk_log_state_save(&r->s, &r->state);
			im->at.state = r->state.p;
			note_head(im, r->fd);
			if (flush(im) != 0)
				return im->rc;
		}
	}
	r->have = (size_t)(end - p);
	if (r->s.skipping || r->have >= LINE_MAX_BYTES) {
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

		if (want > BLOCK)
			want = BLOCK;
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
		if (r->cap - r->have < BLOCK &&
		    r->cap < LINE_MAX_BYTES + BLOCK) {
			r->cap = LINE_MAX_BYTES + BLOCK;
			im->buf = sk_realloc(im->buf, r->cap);
		}
	}
	take_rest(im, r);
	r->c->bytes += im->at.offset - begin;
	return im->rc;
}

/* Not a log of anybody we know: said of a file that the user named. */
static int
unknown(const struct sk_import *im)
{
	if (im->named)
		sk_warn("'%s' is no log of a program that is known", im->path);
	return 0;
}

static int
read_log(struct sk_import *im, int fd, const struct stat *st)
{
	struct reading r = { .fd = fd, .cap = 2 * BLOCK };
	ssize_t n;
	int rc;

	im->buf = sk_realloc(im->buf, r.cap);
	n = pread(fd, im->buf, BLOCK, 0);
	if (n < 0)
		return sk_fail_errno(im->err, "cannot read '%s'", im->path);
	r.s.log = im->source;
	if (!im->fixed && !sk_log_sniff(im->buf, (size_t)n, &r.s.log))
		return unknown(im);
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
		rc = flush(im);
	}
	im->at.state = NULL;
	sk_buf_free(&r.state);
	return rc;
}

/* ---- whole documents ---- */

/* gemini and opencode of earlier days: one JSON document in a file. */
static int
read_document(struct sk_import *im, int fd)
{
	struct sk_log_state s = { .log = im->source };
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, LINE_MAX_BYTES);
	rc = sk_read_fd(fd, LINE_MAX_BYTES, &b, im->path, im->err);
	if (rc == SK_DAMAGED) {
		sk_err_clear(im->err);
		memset(im->err, 0, sizeof(*im->err));
		im->count[s.log].too_long++;
		rc = 0;
	} else if (rc == 0 && (im->fixed || sk_log_sniff(b.p, b.len, &s.log))) {
		im->count[s.log].files++;
		im->count[s.log].bytes += (int64_t)b.len;
		sk_log_line(im, &s, b.p, b.len, emit);
	} else if (rc == 0) {
		rc = unknown(im);
	}
	sk_buf_free(&b);
	im->path = NULL;
	if (rc == 0 && im->n >= BATCH)
		rc = flush(im);
	return rc;
}

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
	if (sk_import_own(im, session))
		im->count[s.log].own++;
	else if (sk_json_parse(&a, json, strlen(json), NULL, &v, NULL) != 0)
		im->count[s.log].bad++;
	else
		sk_log_opencode(im, &s, id, v, emit);
	sk_arena_free(&a);
	return im->n >= BATCH ? flush(im) : 0;
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
		return unknown(im);
	if (sk_has_suffix(path, ".json"))
		return read_document(im, fd);
	return read_log(im, fd, &st);
}

static int
import_file(struct sk_import *im, const char *path)
{
	int fd, rc;

	if (sk_has_suffix(path, ".db")) {
		im->path = NULL;
		im->count[SK_LOG_OPENCODE].files++;
		return sk_foreign_messages(path, one_message, im, im->err);
	}
	/* (A FIFO in the tree must not stop us.) */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return sk_fail_errno(im->err, "cannot open '%s'", path);
	rc = read_file(im, fd, path);
	(void)close(fd);
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

int
sk_import_home(struct sk_import *im, size_t *n, struct sk_err *err)
{
	static const struct {
		enum sk_log log;
		const char *var, *under, *dir;
	} places[] = {
		{ SK_LOG_CLAUDE, "CLAUDE_CONFIG_DIR", "projects",
		    ".claude/projects" },
		{ SK_LOG_CODEX, "CODEX_HOME", "sessions", ".codex/sessions" },
		{ SK_LOG_GEMINI, NULL, NULL, ".gemini/tmp" },
		{ SK_LOG_OPENCODE, NULL, NULL, ".local/share/opencode" },
	};
	const char *home = getenv("HOME"), *base;
	struct stat st;
	int rc = 0;

	*n = 0;
	for (size_t i = 0; rc == 0 && i < SK_ARRAY_SIZE(places); i++) {
		char *p;

		if (im->fixed && im->source != places[i].log)
			continue;
		base = places[i].var != NULL ? getenv(places[i].var) : NULL;
		if (base != NULL && base[0] != '\0')
			p = sk_path_join(base, places[i].under);
		else
			p = sk_path_join(
			    home != NULL ? home : "/", places[i].dir);
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
	im->rows = sk_reallocarray(NULL, 2 * BATCH, sizeof(*im->rows));
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
	return im->n > 0 ? flush(im) : im->rc;
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
