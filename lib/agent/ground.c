/* SPDX-License-Identifier: MIT */
/* What all processes of a run share: their mark, their directories. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

int
sk_ground_open(struct sk_ground *g, const char *db_path, struct sk_err *err)
{
	char *dir = sk_asprintf("%s-live", db_path);
	size_t killed = 0;
	int rc;

	rc = sk_mark_open(&g->mark, dir, &killed, err);
	free(dir);
	if (killed > 0)
		sk_warn("killed %zu processes that an earlier sk-run, itself "
			"killed, had left behind",
		    killed);
	return rc;
}

void
sk_ground_close(struct sk_ground *g)
{
	sk_mark_close(&g->mark);
	free(g->tree);
	g->tree = NULL;
}
