/* SPDX-License-Identifier: MIT */
/* What all processes of a run share: their mark, their directories. */
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

/* Where in the tree we stand: "" or "/sub/directory". */
static char *
prefix_of(const char *top)
{
	char *here = realpath(".", NULL), *real = realpath(top, NULL);
	char *p = NULL;

	if (here != NULL && real != NULL && sk_has_prefix(here, real))
		p = sk_strdup(here + strlen(real));
	free(here);
	free(real);
	return p != NULL ? p : sk_strdup("");
}

int
sk_ground_open(struct sk_ground *g, const struct sk_ask *ask,
    const char *db_path, struct sk_err *err)
{
	char *dir = sk_asprintf("%s-live", db_path);
	struct sk_err why = { 0 };
	size_t killed = 0;
	int rc;

	rc = sk_mark_open(&g->mark, dir, &killed, err);
	free(dir);
	if (killed > 0)
		sk_warn("killed %zu processes that an earlier sk-run, itself "
			"killed, had left behind",
		    killed);
	if (rc == 0 && ask->tee != NULL) {
		g->tee = ask->tee;
		rc = sk_mkdirs(ask->tee, 0700, err);
	}
	if (rc == 0 && ask->worktree &&
	    (rc = sk_trees_open(&g->trees, err)) == 0)
		g->prefix = prefix_of(g->trees.top);
	/* A help, not a need: without one the trees are swept. */
	if (rc == 0 && ask->cgroup &&
	    sk_cgroup_new(&g->cgroup, g->mark.id, &why) != 0)
		sk_warn("going on without cgroups: %s", why.message);
	if (g->cgroup.dir != NULL)
		sk_mark_cgroup(&g->mark, g->cgroup.dir);
	sk_err_clear(&why);
	return rc;
}

void
sk_ground_close(struct sk_ground *g)
{
	sk_cgroup_free(&g->cgroup);
	sk_mark_close(&g->mark);
	sk_trees_close(&g->trees);
	free(g->prefix);
	g->prefix = NULL;
}
