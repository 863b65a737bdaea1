/* SPDX-License-Identifier: MIT */
/* The gates, and the papers that they look at. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "pipeline/gate.h"

const struct sk_gate sk_gates[] = {
	{ "clarify", "plan", "before-specify" },
	{ "checklist", "tasks", "after-specify" },
	{ "analyze", "implement", "after-tasks" },
	{ NULL, NULL, NULL },
};

const struct sk_gate *
sk_gate_find(const char *name)
{
	const struct sk_gate *g;

	for (g = sk_gates; g->name != NULL; g++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

const struct sk_gate *
sk_gate_before(const struct sk_stage *st)
{
	const struct sk_gate *g;

	for (g = sk_gates; g->name != NULL; g++)
		if (strcmp(g->stage, st->name) == 0)
			return g;
	return NULL;
}

/* A paper that may be absent; a link is not followed. */
static int
paper(const char *dir, const char *name, struct sk_buf *out, struct sk_err *err)
{
	char *path = sk_path_join(dir, name);
	struct stat st;
	int rc = 0;

	if (lstat(path, &st) == 0 && S_ISREG(st.st_mode))
		rc = sk_read_file(path, SK_BUF_MAX, out, err);
	free(path);
	return rc;
}

void
sk_papers_hash(const struct sk_papers *p, const char *spec, size_t n,
    char hex[SK_SHA256_LEN])
{
	const struct sk_buf *v[] = { &p->plan, &p->tasks, &p->constitution };
	struct sk_sha256_st st;

	sk_sha256_init(&st);
	sk_sha256_add(&st, &n, sizeof(n));
	sk_sha256_add(&st, spec, n);
	for (size_t i = 0; i < SK_ARRAY_SIZE(v); i++) {
		sk_sha256_add(&st, &v[i]->len, sizeof(v[i]->len));
		sk_sha256_add(&st, v[i]->p, v[i]->len);
	}
	sk_sha256_end(&st, hex);
}

int
sk_papers_read(const struct sk_auto *a, const struct sk_gate *g,
    struct sk_papers *p, struct sk_err *err)
{
	bool all = strcmp(g->name, "analyze") == 0;
	struct sk_buf *v[] = { &p->spec, &p->plan, &p->tasks,
		&p->constitution };
	int rc;

	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < SK_ARRAY_SIZE(v); i++)
		sk_buf_init(v[i], 0);
	rc = sk_spec_read(&a->spec, &p->spec, err);
	if (rc == 0 && strcmp(g->name, "clarify") != 0)
		rc = paper(a->spec.dir, "plan.md", &p->plan, err);
	if (rc == 0 && all)
		rc = paper(a->spec.dir, "tasks.md", &p->tasks, err);
	if (rc == 0 && all)
		rc = paper(a->conf->project_root,
		    ".specify/memory/constitution.md", &p->constitution, err);
	sk_md_scan(&p->md, p->spec.p, p->spec.len);
	sk_papers_hash(p, p->spec.p, p->spec.len, p->sha256);
	return rc;
}

void
sk_papers_free(struct sk_papers *p)
{
	sk_md_free(&p->md);
	sk_buf_free(&p->spec);
	sk_buf_free(&p->plan);
	sk_buf_free(&p->tasks);
	sk_buf_free(&p->constitution);
}
