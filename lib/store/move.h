/* SPDX-License-Identifier: MIT */
/* What a run's rows are: shared by those who write and read them. */
#ifndef SK_STORE_MOVE_H
#define SK_STORE_MOVE_H

#include "store/internal.h"
#include "json/json.h"

/*
 * cols: "name:kind" in the order of the SELECT. Kinds: t text, T text or null,
 * i integer, I integer or null, p a path or null, x text that is redacted, X
 * the same or null, m the meta of an attempt, and numbers of rows of this
 * database: R the request's own, r a request, S the answer's own, s an answer
 * or 0, C the verdict's own, c a verdict, f the last answer before a fork, L a
 * number that only orders. In the INSERT ?1 is the run, ?2 the root, and the
 * columns follow.
 */
struct sk_move_table {
	const char *name, *cols, *select, *insert, *remove;
};
extern const struct sk_move_table sk_move_tables[]; /* name NULL ends */

struct sk_move_col {
	char name[32];
	char kind;
};
/* The next of cols; false at the end. */
bool sk_move_col(const char **cols, struct sk_move_col *c);

#endif
