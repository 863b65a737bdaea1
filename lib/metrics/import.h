/* SPDX-License-Identifier: MIT */
/* Logs of agents: what the reader and the rules of the sources share. */
#ifndef SK_METRICS_IMPORT_H
#define SK_METRICS_IMPORT_H

#include "metrics/internal.h"

enum sk_log { SK_LOG_CLAUDE, SK_LOG_CODEX, SK_LOG_GEMINI, SK_LOG_OPENCODE };
#define SK_LOGS 4

/* One call that a log tells of, waiting for the database. */
struct sk_log_row {
	char key[160];
	char model[96], provider[32];
	struct sk_tokens t;
	int64_t at_ms, cost;
	enum sk_log log;
};

/* What is remembered from line to line, and from one import to the next. */
struct sk_log_state {
	enum sk_log log;
	char session[80], model[96];
	struct sk_tokens total; /* codex: the running total */
	bool any;
	bool copied; /* codex: in what a fork copied of its parent */
	bool old_turn; /* and the turn is older than the fork */
	char above[160]; /* the sessions it was forked from: "ID,ID" */
	bool met; /* a call of theirs was found in the copy */
	int64_t start_ms; /* of the session */
	int64_t mtime_ms; /* for lines without a time */
	bool own; /* a session that sk-run started */
	bool skipping; /* in a line that is too long */
};

#define SK_LOG_BLOCK ((size_t)256 << 10)
#define SK_LOG_LINE_MAX ((size_t)4 << 20) /* what is longer is passed over */
#define SK_LOG_BATCH 4096

/* The whole import. */
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
typedef void (*sk_log_row_fn)(struct sk_import *im, const struct sk_log_row *r);

/* A call waits for the next batch. */
void sk_import_emit(struct sk_import *im, const struct sk_log_row *r);
/* The batch, and how far its file was read: together or not at all. */
int sk_import_flush(struct sk_import *im);
/* Not a log of anybody we know: said of a file that the user named. */
int sk_import_unknown(const struct sk_import *im);
/* A file that is one JSON document (import_doc.c). */
int sk_import_document(struct sk_import *im, int fd);
/* Does this line matter? A quick look, before it is parsed. */
bool sk_log_marked(enum sk_log log, const char *line, size_t n);
/* One line that does: calls emit for each call in it. */
void sk_log_line(struct sk_import *im, struct sk_log_state *s, const char *line,
    size_t n, sk_log_row_fn emit);
/* One document of opencode (a row of its database, or a file). */
void sk_log_opencode(struct sk_import *im, struct sk_log_state *s,
    const char *id, const struct sk_jv *v, sk_log_row_fn emit);
/* What the next import of the file goes on from, as JSON. */
void sk_log_state_save(const struct sk_log_state *s, struct sk_buf *b);
void sk_log_state_load(
    struct sk_import *im, struct sk_log_state *s, const char *json);
/* Which program wrote this? */
bool sk_log_sniff(const char *p, size_t n, enum sk_log *log);
const char *sk_log_name(enum sk_log log);
struct sk_import_count *sk_import_counts(struct sk_import *im, enum sk_log log);
bool sk_import_own(struct sk_import *im, const char *session);
/* Taken already, in this import or an earlier one? */
bool sk_import_known(struct sk_import *im, const char *key);
const struct sk_import_count *
sk_import_count_of(const struct sk_import *im, enum sk_log log);

#endif
