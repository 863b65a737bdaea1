/* SPDX-License-Identifier: MIT */
/* Looking up embedded files; the table itself is made by embed.awk. */
#include <string.h>

#include "data/data.h"

const struct sk_data_file *
sk_data_find(const char *name)
{
	const struct sk_data_file *f;

	for (f = sk_data_files; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}
