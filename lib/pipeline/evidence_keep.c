/* SPDX-License-Identifier: MIT */
/* Looking at a specification's evidence, and making room. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/cli.h"
#include "faults/faults.h"
#include "pipeline/bundle.h"
#include "pipeline/keep.h"
#include "sys/sys.h"

struct file {
	const char *path;
	int64_t bytes, at_ms;
};
struct files {
	struct sk_strv paths;
	struct file *v;
	size_t n;
	int64_t bytes, newest;
};

static int
gather(struct sk_auto *a, struct files *f, struct sk_err *err)
{
	char *base = sk_evidence_base(a), *full;
	struct stat st;
	int rc;

	memset(f, 0, sizeof(*f));
	rc = sk_evidence_list(a, &f->paths, err);
	f->v = sk_calloc(f->paths.n + 1, sizeof(*f->v));
	for (size_t i = 0; i < f->paths.n; i++) {
		struct file *x = &f->v[f->n];

		full = sk_path_join(base, f->paths.v[i]);
		if (lstat(full, &st) == 0 && S_ISREG(st.st_mode)) {
			x->path = f->paths.v[i];
			x->bytes = st.st_size;
			x->at_ms = (int64_t)st.st_mtime * 1000;
			f->bytes += x->bytes;
			/* (What was put away says nothing about work.) */
			if (x->at_ms > f->newest &&
			    !sk_has_prefix(x->path, "archives/"))
				f->newest = x->at_ms;
			f->n++;
		}
		free(full);
	}
	free(base);
	return rc;
}

static void
drop(struct files *f)
{
	sk_strv_free(&f->paths);
	free(f->v);
}

static void
begin(struct sk_auto *a, struct sk_jw *w, struct sk_buf *b, const char *action)
{
	sk_out_json_begin(w, b, "sk.evidence/1");
	sk_jw_kstr(w, "action", action);
	sk_jw_kstr(w, "spec", a->spec.id);
}

/* ---- stats ---- */

static int
stats(struct sk_auto *a, struct sk_err *err)
{
	int64_t warn =
	    sk_config_int(a->conf, "evidence.max_size_per_spec_mb", 25);
	int64_t most =
	    sk_config_int(a->conf, "evidence.block_size_per_spec_mb", 50);
	int64_t oldest = 0, largest = 0, archives = 0;
	struct files f;
	struct sk_buf b;
	struct sk_jw w;
	char at[SK_TIME_LEN];
	int rc = gather(a, &f, err);

	for (size_t i = 0; i < f.n; i++) {
		if (oldest == 0 || f.v[i].at_ms < oldest)
			oldest = f.v[i].at_ms;
		if (f.v[i].bytes > largest)
			largest = f.v[i].bytes;
		if (sk_has_prefix(f.v[i].path, "archives/"))
			archives += f.v[i].bytes;
	}
	if (rc == 0 && a->json) {
		begin(a, &w, &b, "stats");
		sk_jw_kint(&w, "files", (int64_t)f.n);
		sk_jw_kint(&w, "bytes", f.bytes);
		sk_jw_kint(&w, "archives", archives);
		sk_jw_kint(&w, "largest", largest);
		sk_jw_ktime(&w, "oldest", oldest);
		sk_jw_ktime(&w, "newest", f.newest);
		sk_jw_kint(&w, "warn_bytes", warn << 20);
		sk_jw_kint(&w, "block_bytes", most << 20);
		sk_out_json_end(&w);
	} else if (rc == 0) {
		char all[32], old[32];

		sk_time_text(f.newest, at);
		sk_size_text(f.bytes, all, sizeof(all));
		sk_size_text(archives, old, sizeof(old));
		sk_outf("%s: %zu files, %s (warning at %lld MiB, stop at "
			"%lld MiB), %s of it in archives%s%s\n",
		    a->spec.id, f.n, all, (long long)warn, (long long)most, old,
		    f.n > 0 ? ", newest " : "", f.n > 0 ? at : "");
	}
	drop(&f);
	return rc;
}

/* ---- archive, purge ---- */

/* What may go: old enough, and nothing of it was touched lately; asked = the
 * age was asked for in so many words. */
static int
choose(struct sk_auto *a, struct files *f, int64_t older, bool asked,
    bool archives, struct sk_err *err)
{
	int64_t now = sk_now_ms();
	struct sk_decision d;
	struct sk_run run;
	bool is = false;
	size_t k = 0;
	int rc = gather(a, f, err);

	if (rc == 0 && a->run[0] != '\0')
		rc = sk_run_get(a->db, a->run, &run, &is, &a->arena, err);
	if (rc == 0 && is && strcmp(run.state, "running") == 0)
		return sk_fail(err, SK_AGAIN, "in_use",
		    "the newest run of '%s' is not over", a->spec.id);
	if (rc == 0 && is)
		rc = sk_decision_pending(
		    a->db, a->run, NULL, &d, &is, &a->arena, err);
	if (rc == 0 && is)
		return sk_fail(err, SK_AGAIN, "in_use",
		    "a decision of '%s' is not acknowledged", a->spec.id);
	if ((!asked || older >= 7 * SK_DAY_MS) &&
	    now - f->newest < 7 * SK_DAY_MS)
		f->n = 0;
	for (size_t i = 0; i < f->n; i++)
		if (now - f->v[i].at_ms >= older &&
		    !sk_has_suffix(f->v[i].path, "_removed.jsonl") &&
		    (archives || !sk_has_prefix(f->v[i].path, "archives/")))
			f->v[k++] = f->v[i];
	f->n = k;
	return rc;
}

/* tar by argv; the names come by standard input. */
static int
tar(struct sk_auto *a, const char *mode, const char *file,
    const struct sk_buf *names, struct sk_err *err)
{
	char *base = sk_evidence_base(a);
	const char *const make[] = { "tar", mode, "--gzip", "--file", file,
		"--sort=name", "--owner=0", "--group=0", "--numeric-owner",
		"-C", base, "--null", "--verbatim-files-from", "--files-from=-",
		NULL };
	const char *const diff[] = { "tar", mode, "--gzip", "--file", file,
		"-C", base, NULL };
	bool making = strcmp(mode, "--create") == 0;
	struct sk_spawn s = { .argv = making ? make : diff,
		.fd_in = -1,
		.fd_out = -1,
		.fd_err = -1 };
	struct sk_buf out, talk;
	int st = 0, rc;

	sk_buf_init(&out, 65536);
	sk_buf_init(&talk, 65536);
	rc = sk_capture(&s, making ? names->p : NULL, making ? names->len : 0,
	    &out, &talk, 600000, &st, err);
	if (rc == 0 && (!WIFEXITED(st) || WEXITSTATUS(st) != 0))
		rc = sk_fail(err, SK_IO, "tar", "tar %s '%s' failed: %.200s",
		    mode, file, talk.len > 0 ? talk.p : out.p);
	sk_buf_free(&out);
	sk_buf_free(&talk);
	free(base);
	return rc;
}

/* Into the manifest with the hash that it has now. */
static void
add_now(struct sk_auto *a, struct sk_manifest *m, const char *path)
{
	char sha[SK_SHA256_LEN];

	sk_evidence_hash(a, path, sha);
	if (sha[0] == '\0')
		return;
	sk_manifest_add(m, m->me, path, sha, true);
}

/* The manifest without what goes, with what comes; before anything goes. Of
 * another's part the line stays, and says no more than what was. */
static int
change_manifest(struct sk_auto *a, const struct files *f, const char *comes,
    struct sk_err *err)
{
	char *list = sk_asprintf("archives/%s_removed.jsonl", a->spec.id);
	struct sk_manifest m, now = { 0 };
	int rc = sk_manifest_read(a, &m, err);

	memcpy(now.me, m.me, sizeof(now.me));
	memcpy(now.noted, m.noted, sizeof(now.noted));
	for (size_t i = 0; rc == 0 && i < m.n; i++) {
		const struct sk_claim *c = &m.v[i];
		bool goes =
		    sk_streq(c->path, comes) || strcmp(c->path, list) == 0;

		for (size_t k = 0; k < f->n && !goes; k++)
			goes = strcmp(f->v[k].path, c->path) == 0;
		if (!goes || !sk_claim_mine(&m, c))
			sk_manifest_add(
			    &now, c->owner, c->path, c->hash, c->live && !goes);
	}
	if (comes != NULL)
		add_now(a, &now, comes);
	add_now(a, &now, list);
	if (rc == 0)
		rc = sk_manifest_write(a, &now, err);
	sk_manifest_free(&m);
	sk_manifest_free(&now);
	free(list);
	return rc;
}

static int
remove_files(struct sk_auto *a, const struct files *f, struct sk_err *err)
{
	char *base = sk_evidence_base(a), *full;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < f->n; i++) {
		full = sk_path_join(base, f->v[i].path);
		if (unlink(full) != 0 && errno != ENOENT)
			rc = sk_fail_errno(err, "cannot remove '%s'", full);
		free(full);
		if (rc == 0 && SK_FAULT("evidence.unlink") != 0)
			rc = sk_fail_errno(err, "cannot remove more");
	}
	free(base);
	return rc;
}

/* Named by what is in it: the same files are never packed twice. */
static int
pack(struct sk_auto *a, const struct files *f, char **rel, struct sk_err *err)
{
	char *base = sk_evidence_base(a), *dir = sk_path_join(base, "archives");
	char sha[SK_SHA256_LEN], *tmp = NULL, *full = NULL;
	struct sk_buf names, id;
	int rc, fd;

	sk_buf_init(&names, 0);
	sk_buf_init(&id, 0);
	for (size_t i = 0; i < f->n; i++) {
		sk_buf_add(&names, f->v[i].path, strlen(f->v[i].path) + 1);
		sk_evidence_hash(a, f->v[i].path, sha);
		sk_buf_printf(&id, "%s %s\n", sha, f->v[i].path);
	}
	sk_sha256(id.p, id.len, sha);
	*rel = sk_asprintf("archives/%s_%.16s.tar.gz", a->spec.id, sha);
	full = sk_path_join(base, *rel);
	tmp = sk_asprintf("%s.part", full);
	rc = sk_mkdirs(dir, SK_DOC_DIR, err);
	if (rc == 0 && access(full, F_OK) != 0) {
		(void)unlink(tmp);
		rc = tar(a, "--create", tmp, &names, err);
		fd = rc == 0 ? open(tmp, O_RDONLY | O_CLOEXEC) : -1;
		if (rc == 0 &&
		    (fd < 0 || fsync(fd) != 0 || rename(tmp, full) != 0))
			rc = sk_fail_errno(err, "cannot write '%s'", full);
		if (fd >= 0)
			(void)close(fd);
		fd = rc == 0 ? open(dir, O_RDONLY | O_CLOEXEC) : -1;
		if (fd >= 0) {
			(void)fsync(fd);
			(void)close(fd);
		}
	}
	/* Read back, byte by byte, before anything goes. */
	if (rc == 0)
		rc = tar(a, "--compare", full, NULL, err);
	sk_buf_free(&names);
	sk_buf_free(&id);
	free(tmp);
	free(full);
	free(dir);
	free(base);
	return rc;
}

/* Who took what away when. */
static int
record(struct sk_auto *a, const char *action, const struct files *f,
    const char *archive, struct sk_err *err)
{
	char *base = sk_evidence_base(a), *dir = sk_path_join(base, "archives");
	char *path = sk_asprintf("%s/%s_removed.jsonl", dir, a->spec.id);
	const char *who = getenv("USER");
	char sha[SK_SHA256_LEN];
	struct sk_buf b;
	struct sk_jw w;
	int fd, rc;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "action", action);
	sk_jw_kstr(&w, "specId", a->spec.id);
	sk_jw_ktime(&w, "timestamp", sk_now_ms());
	sk_jw_kstr(&w, "operator", who);
	sk_jw_kstr(&w, "archive", archive);
	if (archive != NULL) {
		sk_evidence_hash(a, archive, sha);
		sk_jw_kstr(&w, "sha256", sha);
	}
	sk_jw_karr(&w, "files");
	for (size_t i = 0; i < f->n; i++) {
		sk_evidence_hash(a, f->v[i].path, sha);
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "path", f->v[i].path);
		sk_jw_kint(&w, "bytes", f->v[i].bytes);
		sk_jw_kstr(&w, "sha256", sha);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_jw_done(&w);
	rc = sk_mkdirs(dir, SK_DOC_DIR, err);
	fd = rc == 0
	         ? open(path,
		       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
		       SK_DOC_FILE)
	         : -1;
	if (rc == 0 &&
	    (fd < 0 || sk_write_all(fd, b.p, b.len) != 0 || fsync(fd) != 0))
		rc = sk_fail_errno(err, "cannot write '%s'", path);
	if (fd >= 0)
		(void)close(fd);
	sk_buf_free(&b);
	free(path);
	free(dir);
	free(base);
	return rc;
}

int
sk_evidence_drop(struct sk_auto *a, const struct sk_strv *paths,
    const char *why, struct sk_err *err)
{
	struct files f = { .n = 0 };
	char *base = sk_evidence_base(a), *full;
	struct stat st;
	int rc = 0;

	f.v = sk_calloc(paths->n + 1, sizeof(*f.v));
	for (size_t i = 0; i < paths->n; i++) {
		full = sk_path_join(base, paths->v[i]);
		if (lstat(full, &st) == 0 && S_ISREG(st.st_mode)) {
			f.v[f.n].path = paths->v[i];
			f.v[f.n++].bytes = st.st_size;
		}
		free(full);
	}
	if (f.n > 0)
		rc = record(a, why, &f, NULL, err);
	if (rc == 0 && f.n > 0)
		rc = change_manifest(a, &f, NULL, err);
	if (rc == 0)
		rc = remove_files(a, &f, err);
	free(base);
	drop(&f);
	return rc;
}

static void
removed_by(const struct sk_jv *entry, struct sk_strv *lines)
{
	const struct sk_jv *files = sk_jget(entry, "files"), *f;
	const char *path, *sha;
	char *line;

	for (size_t i = 0; i < sk_jlen(files); i++) {
		f = sk_jat(files, i);
		path = sk_jget_str(f, "path");
		sha = sk_jget_str(f, "sha256");
		if (path == NULL || sha == NULL)
			continue;
		line = sk_asprintf("%s  %s", sha, path);
		sk_strv_add(lines, line);
		free(line);
	}
}

void
sk_evidence_removed(const struct sk_auto *a, struct sk_strv *lines)
{
	char *name = sk_asprintf("archives/%s_removed.jsonl", a->spec.id);
	struct sk_err ignored = { 0 };
	const char *root, *p, *end;
	char *below = sk_bundle_below(a, "evidence", name, &root);
	struct sk_buf b;
	bool there = false;

	sk_buf_init(&b, SK_BUNDLE_FILE_MAX + 1);
	(void)sk_below_read(root, below, &b, &there, &ignored);
	for (p = b.p, end = b.p + b.len; there && p < end;) {
		struct sk_arena arena = { 0 };
		struct sk_jv *v = NULL;
		size_t n = strcspn(p, "\n");

		sk_err_clear(&ignored);
		if (sk_json_parse(
			&arena, p, n, &sk_bundle_limits, &v, &ignored) == 0)
			removed_by(v, lines);
		sk_arena_free(&arena);
		p += n + 1;
	}
	sk_err_clear(&ignored);
	sk_buf_free(&b);
	free(below);
	free(name);
}

static int
make_room(struct sk_auto *a, bool purge, const struct sk_keep_opts *o,
    struct sk_err *err)
{
	int64_t days =
	    sk_config_int(a->conf, "evidence.retention_days", purge ? 180 : 30);
	int64_t older = o->older != 0 ? o->older : days * SK_DAY_MS;
	char *archive = NULL;
	int64_t bytes = 0;
	struct files f;
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	rc = choose(a, &f, older, o->older != 0, purge, err);
	for (size_t i = 0; i < f.n; i++)
		bytes += f.v[i].bytes;
	if (rc == 0 && o->yes && f.n > 0) {
		if (!purge)
			rc = pack(a, &f, &archive, err);
		if (rc == 0)
			rc = record(
			    a, purge ? "purge" : "archive", &f, archive, err);
		if (rc == 0)
			rc = change_manifest(a, &f, archive, err);
		if (rc == 0)
			rc = remove_files(a, &f, err);
	}
	if (rc == 0 && a->json) {
		begin(a, &w, &b, purge ? "purge" : "archive");
		sk_jw_kbool(&w, "done", o->yes && f.n > 0);
		sk_jw_kint(&w, "files", (int64_t)f.n);
		sk_jw_kint(&w, "bytes", bytes);
		sk_jw_kstr(&w, "archive", archive);
		sk_out_json_end(&w);
	} else if (rc == 0) {
		char size[32];

		for (size_t i = 0; !o->yes && i < f.n; i++)
			sk_outf("%s\n", f.v[i].path);
		sk_size_text(bytes, size, sizeof(size));
		sk_outf("%s: %zu files, %s%s%s%s\n", a->spec.id, f.n, size,
		    f.n == 0  ? ": nothing to do"
		    : !o->yes ? " would go; --yes does it"
		    : archive ? " are in "
			      : " are gone",
		    archive != NULL ? archive : "", "");
	}
	free(archive);
	drop(&f);
	return rc;
}

int
sk_evidence_verb(struct sk_auto *a, const char *action,
    const struct sk_keep_opts *o, struct sk_err *err)
{
	static const char *const actions[] = { "stats", "verify", "seal",
		"archive", "purge", NULL };
	const char *near;
	struct sk_run run;
	bool is = false;
	int rc;

	rc = sk_auto_look(a, &run, &is, err);
	if (rc != 0)
		return rc;
	if (strcmp(action, "stats") == 0)
		return stats(a, err);
	if (strcmp(action, "verify") == 0)
		return sk_evidence_verify(a, err);
	/* What writes waits for who drives. */
	rc = sk_auto_lock(a, a->opts->wait, err);
	if (rc == 0 && strcmp(action, "seal") == 0)
		return sk_evidence_seal(a, NULL, o->accept, err);
	if (rc == 0 && strcmp(action, "archive") == 0)
		return make_room(a, false, o, err);
	if (rc == 0 && strcmp(action, "purge") == 0)
		return make_room(a, true, o, err);
	if (rc != 0)
		return rc;
	near = sk_closest(action, actions);
	(void)sk_fail(err, SK_USAGE, "unknown_action",
	    "unknown action '%s' on evidence", action);
	return sk_hint(err,
	    near != NULL ? "did you mean '%s'?"
			 : "stats, verify, seal, archive or "
			   "purge%s",
	    near != NULL ? near : "");
}
