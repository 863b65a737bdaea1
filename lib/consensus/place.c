/* SPDX-License-Identifier: MIT */
/*
 * The evidence directory of a specification: found without following links,
 * swept of what killed writers left, and held against the database.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "consensus/decide.h"
#include "faults/faults.h"

/* ---- directories ---- */

/* Where the walk starts, malloc'd: the project, or the parent of a place that
 * is not in it and that only the user can have named. *rel = what follows. */
static char *
root_of(const struct sk_place *at, const struct sk_decide_opts *o,
    const char **rel, struct sk_err *err)
{
	const char *root = o->evidence_root != NULL ? o->evidence_root : ".";
	char *parent = NULL, *real = NULL;
	size_t n = strlen(root);
	int rc = 0;

	*rel = o->evidence_base;
	if ((*rel)[0] == '/' && strncmp(*rel, root, n) == 0 &&
	    (*rel)[n] == '/') {
		*rel += n;
	} else if ((*rel)[0] == '/') {
		n = strlen(*rel);
		while (n > 1 && (*rel)[n - 1] == '/')
			n--;
		while (n > 1 && (*rel)[n - 1] != '/')
			n--;
		root = parent = sk_strndup(*rel, n);
		*rel += n;
		if (!at->look)
			rc = sk_mkdirs(root, SK_DOC_DIR, err);
	}
	if (rc == 0) {
		real = realpath(root, NULL);
		if (real == NULL)
			(void)sk_fail_errno(
			    err, "cannot open directory '%s'", root);
	}
	free(parent);
	return real;
}

int
sk_place_open(struct sk_place *at, const struct sk_decide_opts *o,
    const char *spec, struct sk_err *err)
{
	const char *base;
	char *root, *rel;
	int rc;

	at->dir.fd = -1;
	root = root_of(at, o, &base, err);
	if (root == NULL)
		return err->exit;
	rel = sk_asprintf("%s/consensus/%s", base, spec);
	rc = sk_dir_open(&at->dir, root, rel, !at->look, err);
	free(root);
	free(rel);
	if (rc != 0 && strcmp(err->code, "symlink") == 0)
		return sk_hint(
		    err, "name the real directory with --evidence-dir");
	if (rc == 0 && !at->look &&
	    faccessat(at->dir.fd, ".", W_OK | X_OK, AT_EACCESS) != 0) {
		rc = sk_fail_errno(err, "cannot write in '%s'", at->dir.path.p);
		sk_place_close(at);
	}
	return rc;
}

void
sk_place_close(struct sk_place *at)
{
	sk_dir_close(&at->dir);
}

/* ---- what is there ---- */

void
sk_place_lock(struct sk_place *at)
{
	/* Only against name clashes: where it cannot be had, go on. */
	for (int i = 0; i < 100; i++) {
		if (flock(at->dir.fd, LOCK_EX | LOCK_NB) == 0) {
			if (!at->swept)
				sk_pub_sweep(at->dir.fd);
			at->swept = true;
			return;
		}
		(void)nanosleep(
		    &(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
}

/* ---- an older copy of the database ---- */

struct ahead {
	const struct sk_place *at;
	const struct sk_group *g;
	char stamp[SK_STAMP_LEN]; /* of what the database knows last */
	int64_t seq, found;
};

/* "spec-plan_20251004T101500Z-3_synthesis.json" → its stamp's text, or NULL. */
static const char *
stamp_of(const char *name)
{
	const char *end, *p;

	if (!sk_has_prefix(name, "spec-") ||
	    !sk_has_suffix(name, "_synthesis.json"))
		return NULL;
	end = name + strlen(name) - strlen("_synthesis.json");
	for (p = end; p > name && p[-1] != '_'; p--)
		;
	return p > name && end - p >= SK_STAMP_LEN - 1 ? p : NULL;
}

static int
read_raw(const struct sk_place *at, const char *name, struct sk_buf *raw,
    struct sk_err *err)
{
	struct stat st;
	int fd, rc;

	fd = openat(
	    at->dir.fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return sk_fail_errno(
		    err, "cannot open '%s/%s'", at->dir.path.p, name);
	rc = fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)
	         ? sk_fail(err, SK_IO, "not_a_file", "'%s/%s' is not a file",
		       at->dir.path.p, name)
	         : sk_read_fd(fd, SK_BUF_MAX - 1, raw, name, err);
	(void)close(fd);
	return rc;
}

int
sk_place_read(const struct sk_place *at, const char *name, struct sk_arena *a,
    struct sk_buf *raw, struct sk_jv **out, struct sk_err *err)
{
	int rc = read_raw(at, name, raw, err);

	*out = NULL;
	if (rc == 0)
		rc = sk_json_parse(
		    a, raw->p, raw->len, &sk_verdict_limits, out, err);
	return rc;
}

static void
look_ahead(int dirfd, const char *name, void *arg)
{
	struct ahead *x = arg;
	const char *stamp = stamp_of(name);
	struct sk_err ignored = { 0 };
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	struct sk_buf b;
	int64_t seq;

	(void)dirfd;
	if (stamp == NULL || strncmp(stamp, x->stamp, SK_STAMP_LEN - 1) <= 0)
		return;
	sk_buf_init(&b, 0);
	/* A new run meets all that earlier ones left here: what does not even
	 * hold its name is not worth reading as JSON. */
	if (read_raw(x->at, name, &b, &ignored) == 0 &&
	    memmem(b.p, b.len, x->g->run, strlen(x->g->run)) != NULL &&
	    sk_json_parse(&a, b.p, b.len, &sk_verdict_limits, &v, &ignored) ==
		0 &&
	    sk_streq(sk_jstr(sk_jptr(v, "/decision/run")), x->g->run) &&
	    sk_streq(sk_jstr(sk_jptr(v, "/decision/branch")), x->g->branch) &&
	    sk_jget_int(v, "decision_seq", &seq) && seq > x->seq &&
	    seq > x->found)
		x->found = seq;
	sk_err_clear(&ignored);
	sk_arena_free(&a);
	sk_buf_free(&b);
}

int
sk_place_check(const struct sk_place *at, struct sk_db *db,
    const struct sk_group *g, struct sk_err *err)
{
	struct ahead x = { .at = at, .g = g, .stamp = "0" };
	struct sk_arena a = { 0 };
	struct sk_decision *d;
	size_t n;
	int rc;

	rc = sk_decision_find(db,
	    &(struct sk_decision_filter){
		.run = g->run, .branch = g->branch, .limit = 1 },
	    &d, &n, &a, err);
	if (rc == 0 && n == 1) {
		sk_time_stamp(d->decided_ms, x.stamp);
		x.seq = d->seq;
	}
	sk_arena_free(&a);
	if (rc != 0)
		return rc;
	sk_dir_each(at->dir.fd, look_ahead, &x);
	if (x.found == 0)
		return 0;
	(void)sk_fail(err, SK_DAMAGED, "older_database",
	    "'%s' holds decision %lld of this run, but the database knows "
	    "only %lld",
	    at->dir.path.p, (long long)x.found, (long long)x.seq);
	return sk_hint(err,
	    "the database is an older copy: bring the newer one back, or start "
	    "another run");
}
