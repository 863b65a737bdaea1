/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef SK_METRICS_INTERNAL_H
#define SK_METRICS_INTERNAL_H

#include "metrics/metrics.h"

#define SK_DAY_MS ((int64_t)86400000)

/* The id of a scope as its user calls it. */
const char *sk_scope_plain(const struct sk_scope *s, char *out, size_t n);

#endif
