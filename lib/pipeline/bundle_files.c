/* SPDX-License-Identifier: MIT */
/* The files of a run: which they are, and where they go on another machine. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/bundle.h"

/* ---- places ---- */

/* A name that is the same everywhere: it needs no quoting, hides nothing. */
static bool
part_ok(const char *p, size_t n)
{
	if (n == 0 || n > 255 || p[0] == '.' || p[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((p[i] >= '0' && p[i] <= '9') ||
			((p[i] | 32) >= 'a' && (p[i] | 32) <= 'z') ||
			p[i] == '.' || p[i] == '_' || p[i] == '-'))
			return false;
	return true;
}

static bool
is_artefact(const char *name)
{
	char word[SK_IDENT_LEN];
	size_t n = strlen(name);

	if (!sk_has_suffix(name, ".md") || n - 3 >= sizeof(word))
		return false;
	memcpy(word, name, n - 3);
	word[n - 3] = '\0';
	if (strcmp(word, "spec") == 0)
		return true;
	for (const struct sk_stage *st = sk_stages; st->name != NULL; st++)
		if (strcmp(st->name, word) == 0)
			return true;
	return false;
}

bool
sk_bundle_path_ok(const char *in, const char *path, const char *spec)
{
	const char *part[4], *p = path, *slash;
	size_t len[4], n = 0, k = strlen(spec);

	for (; n < 4; p = slash + 1) {
		slash = strchr(p, '/');
		part[n] = p;
		len[n] = slash != NULL ? (size_t)(slash - p) : strlen(p);
		if (!part_ok(part[n], len[n]))
			return false;
		n++;
		if (slash == NULL)
			break;
	}
	if (strcmp(in, "evidence") == 0)
		return (n == 3 && len[1] == k &&
			   strncmp(part[1], spec, k) == 0 &&
			   (sk_has_prefix(path, "consensus/") ||
			       sk_has_prefix(path, "logs/") ||
			       sk_has_prefix(path, "commands/"))) ||
		       (n == 2 && sk_has_prefix(path, "costs/") &&
			   strncmp(part[1], spec, k) == 0 && part[1][k] == '_');
	/* docs/SPEC-7-words/plan.md */
	return strcmp(in, "project") == 0 && n == 3 &&
	       (sk_has_prefix(path, "docs/") ||
		   sk_has_prefix(path, "specs/")) &&
	       len[1] >= k && strncmp(part[1], spec, k) == 0 &&
	       (part[1][k] == '/' || part[1][k] == '-') && is_artefact(part[2]);
}

char *
sk_bundle_below(const struct sk_auto *a, const char *in, const char *path,
    const char **root)
{
	const char *base =
	    sk_config_str(a->conf, "evidence.base_dir", "docs/evidence");

	*root = a->conf->project_root;
	if (strcmp(in, "project") == 0)
		return sk_strdup(path);
	if (base[0] == '/')
		*root = "/";
	return sk_asprintf("%s/%s", base, path);
}

/* ---- out ---- */

struct pack {
	struct sk_auto *a;
	const char *run, *spec;
	bool redact;
	struct sk_buf *out;
	int64_t *n;
	struct sk_strv ours; /* beginnings of names */
};

/* A regular file below root, no link on the way; SK_OK and *there false when
 * there is none. */
int
sk_below_read(const char *root, const char *path, struct sk_buf *b, bool *there,
    struct sk_err *err)
{
	char *dir = sk_strdup(path), *slash = strrchr(dir, '/');
	struct sk_err why = { 0 };
	struct sk_dir d;
	struct stat st;
	int fd, rc = 0;

	*there = false;
	if (slash != NULL)
		*slash = '\0';
	if (sk_dir_open(&d, root, slash != NULL ? dir : "", false, &why) != 0) {
		rc = sk_streq(why.code, "not_found") ? 0 : why.exit;
		if (rc != 0)
			*err = why;
		else
			sk_err_clear(&why);
		free(dir);
		return rc;
	}
	fd = openat(d.fd, slash != NULL ? slash + 1 : dir,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
		*there = true;
		rc = sk_read_fd(fd, SK_BUNDLE_FILE_MAX, b, path, err);
	} else if (fd >= 0 || errno != ENOENT) {
		rc = sk_fail(err, SK_IO, "not_a_file",
		    "'%s/%s' is no plain file", root, path);
	}
	if (fd >= 0)
		(void)close(fd);
	sk_dir_close(&d);
	free(dir);
	return rc;
}

static void
put_file(
    struct pack *p, const char *in, const char *path, const struct sk_buf *b)
{
	char sha[SK_SHA256_LEN];
	struct sk_jw w;

	sk_sha256(b->p, b->len, sha);
	sk_jw_init(&w, p->out);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "file", path);
	sk_jw_kstr(&w, "in", in);
	sk_jw_kint(&w, "bytes", (int64_t)b->len);
	sk_jw_kstr(&w, "sha256", sha);
	if (!p->redact) {
		sk_jw_key(&w, "text");
		sk_jw_strn(&w, b->p, b->len);
	}
	sk_jw_done(&w);
	(*p->n)++;
}

/* Which run a document of ours says that it is of. */
static bool
is_of_run(struct pack *p, const struct sk_buf *b)
{
	static const char *const keys[] = { "/decision/run", "/run",
		"/sessionId", NULL };
	struct sk_arena a = { 0 };
	struct sk_jv *v = NULL;
	bool yes = false;

	if (sk_json_parse(&a, b->p, b->len, &sk_bundle_limits, &v, NULL) == 0)
		for (size_t i = 0; keys[i] != NULL; i++)
			yes = yes ||
			      sk_streq(sk_jstr(sk_jptr(v, keys[i])), p->run);
	sk_arena_free(&a);
	return yes;
}

static bool
begins_ours(const struct pack *p, const char *name)
{
	if (strstr(name, p->run) != NULL)
		return true;
	for (size_t i = 0; i < p->ours.n; i++)
		if (sk_has_prefix(name, p->ours.v[i]))
			return true;
	return false;
}

int
sk_below_list(const char *dir, struct sk_strv *names, struct sk_err *err)
{
	struct sk_strv all = { 0 };
	int rc = sk_dir_names(dir, &all, err);

	for (size_t i = 0; i < all.n; i++)
		if (part_ok(all.v[i], strlen(all.v[i])))
			sk_strv_add(names, all.v[i]);
	sk_strv_free(&all);
	sk_strv_sort(names);
	return rc;
}

/* Files of one directory of the evidence; a synthesis says whose its
 * neighbours with the same stamp are. */
static int
pack_dir(struct pack *p, const char *rel, struct sk_err *err)
{
	const char *root;
	char *below = sk_bundle_below(p->a, "evidence", rel, &root);
	char *dir = sk_path_join(root, below);
	struct sk_strv names = { 0 };
	struct sk_buf b;
	bool there;
	int rc = sk_below_list(dir, &names, err);

	sk_buf_init(&b, SK_BUNDLE_FILE_MAX + 1);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; rc == 0 && i < names.n; i++) {
			const char *name = names.v[i];
			bool synthesis = sk_has_suffix(name, "_synthesis.json");
			char *path = sk_path_join(rel, name);
			char *full = sk_path_join(below, name);

			if (synthesis == (pass == 0) &&
			    sk_bundle_path_ok("evidence", path, p->spec)) {
				sk_buf_clear(&b);
				rc = sk_below_read(root, full, &b, &there, err);
				if (rc == 0 && there &&
				    (begins_ours(p, name) ||
					is_of_run(p, &b))) {
					if (synthesis) {
						char *s = sk_strndup(
						    name, strlen(name) - 14);

						sk_strv_add(&p->ours, s);
						free(s);
					}
					if (sk_utf8_ok(b.p, b.len))
						put_file(
						    p, "evidence", path, &b);
				}
			}
			free(path);
			free(full);
		}
	sk_buf_free(&b);
	sk_strv_free(&names);
	free(below);
	free(dir);
	return rc;
}

/* The specification and what was agreed on, as it lies there now. */
static int
pack_project(struct pack *p, struct sk_err *err)
{
	struct sk_err none = { 0 };
	const char *root = p->a->conf->project_root;
	struct sk_spec spec;
	struct sk_buf b;
	bool there;
	int rc = 0;

	if (sk_spec_find(root, p->spec, &spec, &none) != 0) {
		sk_err_clear(&none);
		return 0;
	}
	sk_buf_init(&b, SK_BUNDLE_FILE_MAX + 1);
	for (const struct sk_stage *st = NULL; rc == 0;) {
		char *path =
		    sk_asprintf("%s/%s.md", spec.dir + strlen(root) + 1,
			st == NULL ? "spec" : st->name);

		sk_buf_clear(&b);
		if (sk_bundle_path_ok("project", path, p->spec)) {
			rc = sk_below_read(root, path, &b, &there, err);
			if (rc == 0 && there && sk_utf8_ok(b.p, b.len))
				put_file(p, "project", path, &b);
		}
		free(path);
		st = st == NULL ? sk_stages : st + 1;
		if (st->name == NULL)
			break;
	}
	sk_buf_free(&b);
	sk_spec_free(&spec);
	return rc;
}

int
sk_bundle_files(struct sk_auto *a, const char *run, const char *spec,
    bool redact, struct sk_buf *out, int64_t *n, struct sk_err *err)
{
	struct pack p = { .a = a,
		.run = run,
		.spec = spec,
		.redact = redact,
		.out = out,
		.n = n };
	char *rel;
	int rc;

	rel = sk_asprintf("consensus/%s", spec);
	rc = pack_dir(&p, rel, err);
	free(rel);
	rel = sk_asprintf("commands/%s", spec);
	if (rc == 0)
		rc = pack_dir(&p, rel, err);
	free(rel);
	rel = sk_asprintf("logs/%s", spec);
	if (rc == 0)
		rc = pack_dir(&p, rel, err);
	free(rel);
	if (rc == 0)
		rc = pack_dir(&p, "costs", err);
	if (rc == 0)
		rc = pack_project(&p, err);
	sk_strv_free(&p.ours);
	return rc;
}

/* ---- in ---- */

static int
unpack_one(struct sk_auto *a, const struct sk_jv *v, bool make,
    int64_t *written, struct sk_err *err)
{
	const char *path = sk_jget_str(v, "file"), *in = sk_jget_str(v, "in");
	const struct sk_jv *text = sk_jget(v, "text");
	const char *root;
	char *below = sk_bundle_below(a, in, path, &root), *name;
	struct sk_buf here;
	struct sk_dir d;
	bool there;
	int rc;

	sk_buf_init(&here, SK_BUNDLE_FILE_MAX + 1);
	rc = sk_below_read(root, below, &here, &there, err);
	/* A document of the project is people's: theirs stays. */
	if (rc == 0 && there && strcmp(in, "evidence") == 0 &&
	    (here.len != text->n || memcmp(here.p, text->s, text->n) != 0) &&
	    !sk_has_prefix(path, "costs/") && !sk_has_suffix(path, ".jsonl")) {
		(void)sk_fail(err, SK_NEGATIVE, "file_differs",
		    "'%s/%s' is there already, and is another file", root,
		    below);
		rc = sk_hint(err, "move it away, or --no-files");
	}
	if (rc == 0 && !there && make) {
		name = strrchr(below, '/');
		*name++ = '\0';
		rc = sk_dir_open(&d, root, below, true, err);
		if (rc == 0) {
			rc = sk_dir_write(
			    &d, name, text->s, text->n, SK_DOC_FILE, err);
			sk_dir_close(&d);
			(*written)++;
		}
	}
	sk_buf_free(&here);
	free(below);
	return rc;
}

int
sk_bundle_unpack(struct sk_auto *a, const struct sk_bundle *b, bool make,
    int64_t *written, struct sk_err *err)
{
	size_t at = 0;
	int rc = 0, more = 1;

	*written = 0;
	while (rc == 0 && more > 0) {
		struct sk_arena arena = { 0 };
		struct sk_jv *v = NULL;

		more = sk_bundle_line(b, &at, &arena, &v, err);
		if (more < 0)
			rc = -more;
		else if (more > 0 && sk_jget_str(v, "file") != NULL)
			rc = unpack_one(a, v, make, written, err);
		sk_arena_free(&arena);
	}
	return rc;
}
