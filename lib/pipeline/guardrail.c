/* SPDX-License-Identifier: MIT */
/* What must hold before the agents of a stage are asked. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "pipeline/branch.h"
#include "pipeline/gate.h"
#include "pipeline/land.h"
#include "pipeline/pipeline.h"
#include "pipeline/step.h"

#define MB ((int64_t)1 << 20)
#define DEPTH 8 /* of directories below a specification's evidence */
/* So much of what a guardrail's command prints is kept. */
#define TALK ((size_t)8 << 10)

/* ---- the record ---- */

struct rails {
	struct sk_auto *a;
	const struct sk_stage *stage;
	struct sk_buf json;
	struct sk_jw w;
	struct sk_err *err; /* the first failure; exit 0 = none */
};

static void
note(struct rails *r, const char *name, const char *status, const char *message)
{
	sk_jw_obj(&r->w);
	sk_jw_kstr(&r->w, "name", name);
	sk_jw_kstr(&r->w, "status", status);
	sk_jw_kstr(&r->w, "message", message);
	sk_jw_end(&r->w);
}

static void
failed(struct rails *r, const char *name, const char *message, const char *hint)
{
	note(r, name, "failed", message);
	if (r->err->exit != 0)
		return;
	(void)sk_fail(r->err, SK_NEGATIVE, "guardrail", "guardrail %s: %s",
	    name, message);
	(void)sk_hint(r->err, "%s", hint);
}

/* ---- evidence ---- */

static void
note_file(struct sk_evidence *ev, const char *name, const struct stat *st)
{
	int64_t at =
	    (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
	size_t i = SK_ARRAY_SIZE(ev->top);

	if (at > ev->latest_ms) {
		ev->latest_ms = at;
		(void)snprintf(ev->latest, sizeof(ev->latest), "%.255s", name);
	}
	for (; i > 0 && st->st_size > ev->top[i - 1].bytes; i--)
		if (i < SK_ARRAY_SIZE(ev->top))
			ev->top[i] = ev->top[i - 1];
	if (i == SK_ARRAY_SIZE(ev->top))
		return;
	ev->top[i].bytes = st->st_size;
	(void)snprintf(
	    ev->top[i].name, sizeof(ev->top[i].name), "%.255s", name);
}

static int64_t
size_of(int at, const char *name, int depth, struct sk_evidence *ev)
{
	int fd = openat(at, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;
	struct stat st;
	int64_t sum = 0;

	if (d == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 ||
		    strcmp(e->d_name, "..") == 0 ||
		    fstatat(fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH)
			sum += size_of(fd, e->d_name, depth + 1, ev);
		if (!S_ISREG(st.st_mode))
			continue;
		sum += st.st_size;
		note_file(ev, e->d_name, &st);
	}
	(void)closedir(d);
	return sum;
}

/* Where a specification's evidence of a kind is, below *root. malloc'd. */
static char *
evidence_dir(const struct sk_auto *a, const char *kind, const char **root)
{
	const char *base =
	    sk_config_str(a->conf, "evidence.base_dir", "docs/evidence");

	*root = base[0] == '/' ? "/" : a->conf->project_root;
	return sk_asprintf("%s/%s/%s", base, kind, a->spec.id);
}

int64_t
sk_evidence_size(const struct sk_auto *a, struct sk_evidence *ev)
{
	static const char *const kinds[] = { "consensus", "commands" };
	const char *root;
	int64_t sum = 0;
	char *rel, *dir;

	memset(ev, 0, sizeof(*ev));
	for (size_t i = 0; i < SK_ARRAY_SIZE(kinds); i++) {
		rel = evidence_dir(a, kinds[i], &root);
		dir = sk_path_join(root, rel);
		sum += size_of(AT_FDCWD, dir, 0, ev);
		free(dir);
		free(rel);
	}
	return sum;
}

static void
check_evidence(struct rails *r)
{
	int64_t warn =
	    sk_config_int(r->a->conf, "evidence.max_size_per_spec_mb", 25);
	int64_t most =
	    sk_config_int(r->a->conf, "evidence.block_size_per_spec_mb", 50);
	struct sk_evidence ev;
	int64_t size = sk_evidence_size(r->a, &ev);
	char text[200], is[32], limit[32];

	sk_size_text(size, is, sizeof(is));
	sk_size_text(
	    (size > most * MB ? most : warn) * MB, limit, sizeof(limit));
	(void)snprintf(text, sizeof(text), "%s evidence is %s (%s %s)",
	    r->a->spec.id, is, size > most * MB ? "exceeds" : "warning at",
	    limit);
	if (size > most * MB) {
		failed(r, "evidence-limit", text,
		    "archive some of it, or raise "
		    "evidence.block_size_per_spec_mb");
		return;
	}
	note(
	    r, "evidence-limit", size > warn * MB ? "warning" : "passed", text);
	if (size > warn * MB)
		sk_warn("%s", text);
}

/* ---- files ---- */

static void
check_files(struct rails *r)
{
	const char *id = r->a->spec.id;
	struct stat st = { 0 };
	int rc;

	/* What the reference's projects call their specifications. */
	note(r, "spec-id-format",
	    strrchr(id, '-') != NULL &&
		    strspn(strrchr(id, '-') + 1, "0123456789") ==
			strlen(strrchr(id, '-') + 1)
		? "passed"
		: "warning",
	    id);
	rc = stat(r->a->spec.file, &st) == 0
	         ? 0
	         : sk_fail_errno(r->err, "cannot read '%s'", r->a->spec.file);
	if (rc == 0 && S_ISREG(st.st_mode) && st.st_size > 0) {
		note(r, "spec-files", "passed", r->a->spec.file);
		return;
	}
	note(r, "spec-files", "failed", r->a->spec.file);
	if (rc == 0)
		(void)sk_fail(r->err, SK_USAGE, "empty_spec",
		    "specification '%s' is empty", r->a->spec.file);
}

/* What the pipeline itself writes does not make a tree dirty. */
bool
sk_guardrail_ours(const char *path)
{
	static const char *const parts[] = { "/plan.md", "/tasks.md",
		"/implement.md", "/validate.md", "/audit.md", "/unlock.md",
		"/evidence/", "/spec.backup_", "_cost_summary.json",
		"_telemetry.json" };
	char *p = sk_asprintf("/%s", path);
	bool yes = false;

	for (size_t i = 0; i < SK_ARRAY_SIZE(parts); i++)
		yes = yes || strstr(p, parts[i]) != NULL;
	free(p);
	return yes;
}

/* Is this the specification, and as a gate left it? */
static bool
is_gates(const struct rails *r, const char *path)
{
	struct sk_err err = { 0 };
	char *p = sk_asprintf("/%s", path);
	bool yes = false;

	if (sk_has_suffix(r->a->spec.file, p))
		(void)sk_gate_wrote(r->a, &yes, &err);
	sk_err_clear(&err);
	free(p);
	return yes;
}

static void
check_tree(struct rails *r, bool first)
{
	const char *env = getenv("SPEC_OPS_ALLOW_DIRTY"), *one = NULL;
	struct sk_strv changes = { 0 };
	bool known = false;
	char text[400];
	size_t n = 0;

	/* Once code is being written the tree is meant to change. */
	if (!first || r->stage > sk_stage_find("implement") ||
	    r->a->opts->allow_dirty || sk_streq(env, "1") ||
	    !sk_config_bool(r->a->conf, "guardrails.clean_tree", true)) {
		note(r, "clean-tree", "skipped", NULL);
		return;
	}
	sk_git_changes(r->a->conf->project_root, &changes, &known);
	for (size_t i = 0; i < changes.n; i++) {
		if (sk_guardrail_ours(changes.v[i] + 3) ||
		    is_gates(r, changes.v[i] + 3))
			continue;
		if (n++ == 0)
			one = changes.v[i] + 3;
	}
	if (!known) {
		note(r, "clean-tree", "skipped", "no git repository");
	} else if (n == 0) {
		note(r, "clean-tree", "passed", NULL);
	} else {
		(void)snprintf(text, sizeof(text),
		    "the work tree has %zu change%s that no commit holds: "
		    "%.200s%s",
		    n, n == 1 ? "" : "s", one, n > 1 ? ", ..." : "");
		failed(r, "clean-tree", text,
		    "commit or stash them; or --allow-dirty, or "
		    "SPEC_OPS_ALLOW_DIRTY=1");
	}
	sk_strv_free(&changes);
}

static void
check_order(struct rails *r)
{
	const char *needs = r->stage->needs;
	struct stat sb;
	char *path, *text;

	if (needs == NULL)
		return;
	path = sk_asprintf("%s/%s.md", r->a->spec.dir, needs);
	text = sk_asprintf("%s.md stands before %s", needs, r->stage->name);
	note(r, "stage-order", stat(path, &sb) == 0 ? "passed" : "warning",
	    text);
	free(path);
	free(text);
}

/* ---- agents' work that nobody has taken or declined ---- */

static int
check_landing(struct rails *r)
{
	const char *id = r->a->spec.id, *stage = NULL;
	struct sk_landing *v = NULL;
	size_t n = 0;
	char text[200];
	int rc;

	rc = sk_landing_list(r->a->db,
	    &(struct sk_landing_filter){
		.spec = id, .root = r->a->conf->project_root },
	    &v, &n, &r->a->arena, r->err);
	if (rc != 0)
		return rc;
	if (n > 0 && sk_landing_open(&v[0])) {
		(void)snprintf(text, sizeof(text),
		    "%s the work of '%s' was cut off", v[0].state, v[0].agent);
		failed(r, "landing", text,
		    strcmp(v[0].state, "applying") == 0
			? "sk-auto apply finishes it, sk-auto undo takes it "
			  "back"
			: "sk-auto undo finishes it");
		return 0;
	}
	if (r->stage > sk_stage_find("implement"))
		rc = sk_land_waiting(r->a, &stage, r->err);
	if (rc != 0 || stage == NULL) {
		note(r, "landing", rc == 0 ? "passed" : "failed", NULL);
		return rc;
	}
	(void)snprintf(text, sizeof(text),
	    "nobody has said which agent's work of %s is to be applied", stage);
	note(r, "landing", "failed", text);
	if (r->err->exit == 0) {
		(void)sk_fail(r->err, SK_PAUSED, "not_landed", "%s", text);
		(void)sk_hint(r->err,
		    "sk-auto diff %s; then sk-auto apply %s [--from AGENT | "
		    "--none], and resume",
		    id, id);
	}
	return 0;
}

/* ---- the user's own ---- */

static int
check_command(struct rails *r)
{
	struct sk_strv argv = { 0 };
	const struct sk_jv *list;
	int rc, status = 0, interrupted = 0;
	char key[80], text[200];
	struct sk_buf out;

	(void)snprintf(key, sizeof(key), "stages.%s.guardrail", r->stage->name);
	list = sk_config_get(r->a->conf, key);
	for (size_t i = 0; i < sk_jlen(list); i++)
		sk_strv_add(&argv, sk_jstr(sk_jat(list, i)));
	if (argv.n == 0)
		return 0;
	sk_buf_init(&out, TALK);
	rc = sk_child_run_in(r->a, r->a->conf->project_root, &argv, "", 0, &out,
	    &status, &interrupted, r->err);
	if (rc == SK_DAMAGED && out.full) {
		/* It may say more than we keep. */
		sk_err_clear(r->err);
		rc = 0;
	}
	(void)snprintf(text, sizeof(text), "%.100s ended with status %d",
	    argv.v[0], status);
	if (rc == 0 && interrupted != 0)
		rc = sk_fail(r->err, 128 + interrupted, "interrupted",
		    "stopped by signal %d", interrupted);
	else if (rc == 0 && status != 0)
		failed(r, "command", text, "what it said is above");
	else if (rc == 0)
		note(r, "command", "passed", text);
	/* It speaks to the person, through us, as data. */
	if (rc == 0 && out.len > 0) {
		struct sk_buf b;

		sk_buf_init(&b, 0);
		sk_buf_visible(&b, out.p, out.len, true);
		sk_say("%s", b.p);
		sk_buf_free(&b);
	}
	sk_buf_free(&out);
	sk_strv_free(&argv);
	return rc;
}

/* ---- all of it ---- */

int
sk_evidence_write(const struct sk_auto *a, const char *name,
    const struct sk_buf *json, struct sk_err *err)
{
	const char *root;
	char *rel = evidence_dir(a, "commands", &root);
	struct sk_dir dir;
	int rc;

	rc = sk_dir_open(&dir, root, rel, true, err);
	if (rc == 0) {
		rc = sk_dir_write(
		    &dir, name, json->p, json->len, SK_DOC_FILE, err);
		sk_dir_close(&dir);
	}
	free(rel);
	return rc;
}

/* Evidence that cannot be kept is no reason not to go on. */
static void
publish(const struct rails *r)
{
	char stamp[SK_STAMP_LEN], name[120];
	struct sk_err err = { 0 };

	sk_time_stamp(sk_now_ms(), stamp);
	(void)snprintf(name, sizeof(name), "guardrail-%s-%s_%ld.json",
	    r->stage->name, stamp, (long)getpid());
	if (sk_evidence_write(r->a, name, &r->json, &err) != 0)
		sk_warn("%s", err.message);
	sk_err_clear(&err);
}

int
sk_guardrail(
    struct sk_auto *a, const struct sk_step *s, bool first, struct sk_err *err)
{
	struct rails r = { .a = a, .stage = s->stage, .err = err };
	struct sk_err second = { 0 };
	char command[80];
	int rc = 0;

	sk_buf_init(&r.json, 0);
	sk_jw_init(&r.w, &r.json);
	sk_jw_obj(&r.w);
	sk_jw_kint(&r.w, "schemaVersion", 1);
	(void)snprintf(
	    command, sizeof(command), "guardrail.%s", s->stage->name);
	sk_jw_kstr(&r.w, "command", command);
	sk_jw_kstr(&r.w, "specId", a->spec.id);
	sk_jw_kstr(&r.w, "sessionId", a->run);
	sk_jw_ktime(&r.w, "timestamp", sk_now_ms());
	sk_jw_kstr(&r.w, "stage", s->stage->name);
	sk_jw_karr(&r.w, "checks");
	check_files(&r);
	rc = check_landing(&r);
	check_tree(&r, first);
	check_order(&r);
	check_evidence(&r);
	if (rc == 0 && err->exit == 0)
		rc = check_command(&r);
	sk_jw_end(&r.w);
	sk_jw_kbool(&r.w, "success", err->exit == 0);
	sk_jw_done(&r.w);
	if (sk_config_bool(a->conf, "evidence.enabled", true) &&
	    (err->exit != 0 ||
		sk_streq(getenv("SPEC_KIT_TELEMETRY_ENABLED"), "1")))
		publish(&r);
	sk_buf_free(&r.json);
	if (rc == 0)
		rc = err->exit;
	/* A person has something to do before it can go on, and no question to
	 * answer. */
	if (rc == SK_PAUSED && sk_phase_go(a, SK_EV_PAUSE, &second) != 0)
		sk_warn("%s", second.message);
	sk_err_clear(&second);
	return rc;
}
