/* SPDX-License-Identifier: MIT */
/*
 * data: files embedded at build time: adapters, schemas, prompts, policies.
 * Names are paths below lib/data ("adapters/claude.toml"). Everything is
 * constant; nothing is owned by the caller.
 */
#ifndef SK_DATA_H
#define SK_DATA_H

#include <stddef.h>

struct sk_data_file {
	const char *name; /* NULL ends the table */
	const char *text;
	size_t n;
};
extern const struct sk_data_file sk_data_files[]; /* sorted by name */
/* NULL when there is no such file. */
const struct sk_data_file *sk_data_find(const char *name);

#endif
