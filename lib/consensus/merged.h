/* SPDX-License-Identifier: MIT */
/* Paths of a verdict, followed in its agreed value. */
#ifndef SK_CONSENSUS_MERGED_H
#define SK_CONSENSUS_MERGED_H

#include "consensus/consensus.h"

/* What stands at a path of the verdict's `merged`, where a record is named by
 * its key and not by its index; NULL = nothing. */
struct sk_jv *sk_merged_at(const struct sk_jv *verdict, const char *path);
/* Puts v there, in place; what is missing of objects on the way is made. *root
 * is the agreed value, which may be replaced. False when there is no such
 * place. */
bool sk_merged_put(struct sk_arena *a, const struct sk_jv *verdict,
    struct sk_jv **root, const char *path, struct sk_jv *v);

#endif
