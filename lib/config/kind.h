/* SPDX-License-Identifier: MIT */
/* What a text of the configuration must be besides a string ("x-kind"). */
#ifndef SK_CONFIG_KIND_H
#define SK_CONFIG_KIND_H

#include "config/internal.h"

/* Check v against kind (NULL = any text) and make relative paths absolute; type
 * is what the schema wants, for the message. */
void sk_config_kind(struct sk_config *c, int layer, const char *key,
    struct sk_jv *v, const char *kind, const char *type);

#endif
