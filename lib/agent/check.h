/* SPDX-License-Identifier: MIT */
/* Recordings: what check.c reads and check_show.c compares and prints. */
#ifndef SK_AGENT_CHECK_H
#define SK_AGENT_CHECK_H

#include "agent/internal.h"
#include "cli/cli.h"

/* One recording, read. */
struct sk_capture {
	char *dir; /* path */
	const char *cli, *name; /* the last two parts of it */
	struct sk_strv argv;
	struct sk_buf out, err;
	int wstatus; /* as waitpid */
	int sent; /* signal that the recorder sent; 0 = none */
	bool timed_out; /* the recorder's own limit */
	bool has_argv;
};

/* What was made of one, and what is known to be right. */
struct sk_capture_line {
	const struct sk_capture *c;
	const struct sk_adapter *ad;
	const struct sk_outcome *o;
	enum sk_out_format form;
	const struct sk_jv *want; /* NULL = nothing is known */
	const struct sk_strv *d;
};

/* What differs from what is expected, in words. */
void sk_capture_compare(struct sk_strv *d, const struct sk_outcome *o,
    const struct sk_adapter *ad, const struct sk_jv *want);
void sk_capture_json(const struct sk_capture_line *l);
void sk_capture_head(struct sk_table *t);
void sk_capture_row(struct sk_table *t, const struct sk_capture_line *l);

#endif
