/* SPDX-License-Identifier: MIT */
/* Which paths an agent's work may have, and a plan as it is kept in a row. */
#include <string.h>
#include <strings.h>

#include "pipeline/land_show.h"

/* ---- what is allowed ---- */

int
sk_land_refuse(struct sk_err *err, const char *path, const char *why)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 2000);
	sk_buf_visible(&b, path, strlen(path), false);
	rc =
	    sk_fail(err, SK_DAMAGED, "bad_path", "the diff %s: '%s'", why, b.p);
	sk_buf_free(&b);
	return rc;
}

/* git has refused what leaves the tree; what is left to refuse is what is not
 * the project's, or says how git and we behave there. */
int
sk_land_path(const char *path, const char *below, struct sk_err *err)
{
	const char *p = path, *slash;
	size_t n;

	if (!sk_utf8_ok(path, strlen(path)))
		return sk_land_refuse(
		    err, path, "names a file that is not UTF-8");
	for (const char *c = path; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return sk_land_refuse(
			    err, path, "names a file with control characters");
	if (path[0] == '\0' || path[0] == '/' || strlen(path) > 4000)
		return sk_land_refuse(err, path, "has a path that cannot be");
	if (strncmp(path, below, strlen(below)) != 0)
		return sk_land_refuse(
		    err, path, "changes a file outside of the project");
	for (;; p = slash + 1) {
		slash = strchr(p, '/');
		n = slash != NULL ? (size_t)(slash - p) : strlen(p);
		if (n == 0 || (n == 1 && p[0] == '.') ||
		    (n == 2 && memcmp(p, "..", 2) == 0))
			return sk_land_refuse(
			    err, path, "has a path that cannot be");
		if ((n == 4 && strncasecmp(p, ".git", 4) == 0) ||
		    (n == 11 && strncasecmp(p, ".gitmodules", 11) == 0))
			return sk_land_refuse(
			    err, path, "changes git's own files");
		if (n == 3 && strncasecmp(p, ".sk", 3) == 0)
			return sk_land_refuse(
			    err, path, "changes the configuration of sk");
		if (slash == NULL)
			return 0;
	}
}

/* ---- the plan as it is kept ---- */

static void
side_json(struct sk_jw *w, const char *key, const struct sk_land_side *s)
{
	sk_jw_key(w, key);
	if (!s->there) {
		sk_jw_null(w);
		return;
	}
	sk_jw_obj(w);
	sk_jw_kbool(w, "exec", s->exec);
	sk_jw_kint(w, "mode", (int64_t)s->mode);
	sk_jw_kint(w, "bytes", (int64_t)s->n);
	sk_jw_kstr(w, "sha256", s->sha256);
	sk_jw_end(w);
}

void
sk_land_plan_json(const struct sk_land_plan *p, struct sk_buf *b)
{
	struct sk_jw w;

	sk_jw_init(&w, b);
	sk_jw_obj(&w);
	sk_jw_karr(&w, "files");
	for (size_t i = 0; i < p->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "path", p->v[i].path);
		side_json(&w, "before", &p->v[i].before);
		side_json(&w, "after", &p->v[i].after);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_kstrv(&w, "made", &p->made);
	sk_jw_end(&w);
}

static bool
side_read(struct sk_land_side *s, const struct sk_jv *v)
{
	const char *sha = sk_jget_str(v, "sha256");
	int64_t n = -1, mode = 0;

	memset(s, 0, sizeof(*s));
	if (v == NULL || v->type == SK_J_NULL)
		return true;
	s->there = true;
	s->exec = sk_jget_bool(v, "exec", false);
	if (sha == NULL || strlen(sha) != SK_SHA256_LEN - 1 ||
	    !sk_jget_int(v, "bytes", &n) || n < 0 ||
	    !sk_jget_int(v, "mode", &mode) || mode < 0 || mode > 0777)
		return false;
	s->mode = (unsigned)mode;
	memcpy(s->sha256, sha, SK_SHA256_LEN);
	s->n = (size_t)n;
	return true;
}

int
sk_land_plan_read(struct sk_land_plan *p, const struct sk_landing *l,
    struct sk_arena *a, struct sk_err *err)
{
	const struct sk_jv *files, *made, *o;
	struct sk_jv *v = NULL;
	bool good = true;
	int rc;

	rc = sk_json_parse(a, l->plan, strlen(l->plan), NULL, &v, err);
	if (rc != 0)
		return rc;
	files = sk_jget(v, "files");
	made = sk_jget(v, "made");
	p->v = sk_arena_alloc(a, (sk_jlen(files) + 1) * sizeof(*p->v));
	for (size_t i = 0; good && i < sk_jlen(files); i++) {
		struct sk_land_file *f = &p->v[p->n++];

		o = sk_jat(files, i);
		f->path = sk_arena_strdup(a, sk_jget_str(o, "path") != NULL
						 ? sk_jget_str(o, "path")
						 : "");
		good = sk_land_path(f->path, "", err) == 0 &&
		       side_read(&f->before, sk_jget(o, "before")) &&
		       side_read(&f->after, sk_jget(o, "after"));
	}
	for (size_t i = 0; good && i < sk_jlen(made); i++) {
		const char *dir = sk_jstr(sk_jat(made, i));

		good = dir != NULL && sk_land_path(dir, "", err) == 0;
		if (good)
			sk_strv_add(&p->made, dir);
	}
	if (good)
		return 0;
	sk_err_clear(err);
	return sk_fail(err, SK_DAMAGED, "bad_plan",
	    "the plan of landing %lld is damaged", (long long)l->id);
}
