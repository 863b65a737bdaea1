/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef SK_METRICS_INTERNAL_H
#define SK_METRICS_INTERNAL_H

#include "cli/cli.h"
#include "metrics/metrics.h"

/* The id of a scope as its user calls it. */
const char *sk_scope_plain(const struct sk_scope *s, char *out, size_t n);

/* Cells of tables: "12.5k"; "$0.12", "~$0.12" when part of it is estimated,
 * "$0.12+?" when calls without a price come on top, "?" when nothing is known.
 */
void sk_cell_count(struct sk_table *t, int64_t n);
void sk_cell_cost(struct sk_table *t, int64_t cost, int64_t calls,
    int64_t unpriced, int64_t estimated);

#endif
