/* SPDX-License-Identifier: MIT */
/* What the files about landing share. */
#ifndef SK_PIPELINE_LAND_SHOW_H
#define SK_PIPELINE_LAND_SHOW_H

#include "pipeline/land.h"

/* sk.landing/1 or lines for a person: what was done to which files. */
void
sk_land_show(struct sk_auto *a, const char *action, const struct sk_landing *l,
    const struct sk_land_plan *p, bool already, bool dry_run);
/* Every file is what it was, or what it is to become. */
int sk_land_check(const struct sk_land_plan *p, struct sk_err *err);

/* SK_DAMAGED "bad_path": why, and the path made visible. */
int sk_land_refuse(struct sk_err *err, const char *path, const char *why);
/* Is this a path that an agent's work may touch? below is "" or ends in '/'. */
int sk_land_path(const char *path, const char *below, struct sk_err *err);
/* The plan of a row, without bytes. */
int sk_land_plan_read(struct sk_land_plan *p, const struct sk_landing *l,
    struct sk_arena *a, struct sk_err *err);

#endif
