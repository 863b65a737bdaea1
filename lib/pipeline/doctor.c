/* SPDX-License-Identifier: MIT */
/* sk doctor: is everything that the tools stand on in order? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/tools.h"

#define CHILD_MAX ((size_t)4 << 20)
#define ASK(...) ((const char *const[]){ __VA_ARGS__, NULL })

enum health { OK, WARN, FAIL };
static const char *const health_word[] = { "ok", "warn", "fail" };

struct check {
	enum health health;
	char *name, *detail, *hint;
};
struct report {
	struct check v[32];
	size_t n;
	const char *db; /* --db or NULL */
};

SK_PRINTF(5, 6)
static void
found(struct report *r, const char *name, enum health health, const char *hint,
    const char *fmt, ...)
{
	struct check *c = &r->v[r->n];
	struct sk_buf b;
	va_list ap;

	if (r->n == SK_ARRAY_SIZE(r->v))
		sk_bug("more than %zu checks", r->n);
	r->n++;
	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	c->name = sk_strdup(name);
	c->health = health;
	c->detail = sk_buf_detach(&b);
	c->hint = hint != NULL && hint[0] != '\0' ? sk_strdup(hint) : NULL;
}

/* What a failed child says in its sk.error/1, else its status. */
static void
child_failed(struct report *r, const char *name, const char *what,
    const struct sk_buf *out, int status)
{
	struct sk_arena a = { 0 };
	struct sk_err said = { 0 }, ignored = { 0 };
	struct sk_jv *v = NULL;
	size_t used;

	if (sk_json_prefix(&a, out->p, out->len, NULL, &v, &used, &ignored) ==
		0 &&
	    sk_error_from_json(v, &said))
		found(r, name, FAIL, said.hint, "%s", said.message);
	else
		found(r, name, FAIL, NULL, "'%s' ended with status %d", what,
		    status);
	sk_err_clear(&said);
	sk_err_clear(&ignored);
	sk_arena_free(&a);
}

static void
check_tool(struct report *r, const char *word)
{
	char *path = sk_tool_find(word), *version, *name;
	struct sk_err err = { 0 };
	struct sk_buf out;
	int status;

	name = sk_asprintf("sk-%s", word);
	if (path == NULL) {
		found(r, name, FAIL, "install it beside sk or on PATH",
		    "not found");
		free(name);
		return;
	}
	sk_buf_init(&out, CHILD_MAX);
	version = sk_asprintf("%s " SK_VERSION "\n", name);
	if (!sk_tool_ask(ASK(path, "--version"), &out, &status, &err))
		found(r, name, FAIL, err.hint, "%s", err.message);
	else if (status != 0)
		found(r, name, FAIL, NULL, "'%s --version' ended with %d", path,
		    status);
	else if (strcmp(out.p, version) != 0)
		found(r, name, WARN, "install all tools from one version",
		    "'%s' is not version " SK_VERSION, path);
	else
		found(r, name, OK, NULL, SK_VERSION ", %s", path);
	sk_err_clear(&err);
	sk_buf_free(&out);
	free(version);
	free(name);
	free(path);
}

/* May what is not there be made? It is asked of what is there above it. */
static bool
can_make(const char *path)
{
	char *p = sk_strdup(path), *slash;
	bool yes;

	while (access(p, F_OK) != 0 && (slash = strrchr(p, '/')) != NULL &&
	       p[1] != '\0')
		slash[slash == p] = '\0'; /* above "/x" is "/" */
	yes = access(p, W_OK | X_OK) == 0;
	free(p);
	return yes;
}

/* Only its owner may look into a directory or file of ours. */
static void
check_private(
    struct report *r, const char *name, const char *path, const char *hint)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		if (errno != ENOENT)
			found(r, name, FAIL, NULL, "cannot look at '%s': %s",
			    path, strerror(errno));
		else if (can_make(path))
			found(
			    r, name, OK, NULL, "'%s' is not created yet", path);
		else
			found(r, name, FAIL,
			    "SK_DB or XDG_STATE_HOME names another place",
			    "'%s' cannot be created", path);
	} else if (access(path, R_OK | W_OK) != 0) {
		found(r, name, FAIL, "give it to the user who runs sk",
		    "'%s' cannot be written", path);
	} else if (st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		found(r, name, WARN, hint, "'%s' is open to other users (%03o)",
		    path, (unsigned)(st.st_mode & 0777));
	} else {
		found(r, name, OK, NULL, "%s", path);
	}
}

/* The database's path as the store would have it, malloc'd, or NULL. */
static char *
db_path(struct report *r)
{
	const char *path = r->db != NULL ? r->db : getenv("SK_DB");
	struct sk_err err = { 0 };
	char *dir, *file;

	if (path != NULL && path[0] != '\0')
		return sk_strdup(path);
	dir = sk_xdg_dir("XDG_STATE_HOME", ".local/state", &err);
	if (dir == NULL) {
		found(r, "state", FAIL, err.hint, "%s", err.message);
		sk_err_clear(&err);
		return NULL;
	}
	file = sk_path_join(dir, "sk.db");
	free(dir);
	return file;
}

static void
check_database(struct report *r, const char *path)
{
	char *tool = sk_tool_find("branch");
	struct sk_err err = { 0 };
	struct sk_buf out;
	int status;

	if (access(path, F_OK) != 0 && errno == ENOENT) {
		found(r, "database", OK, NULL, "'%s' is not created yet", path);
		free(tool);
		return;
	}
	if (tool == NULL) {
		found(r, "database", FAIL, NULL,
		    "'%s' cannot be checked without sk-branch", path);
		return;
	}
	sk_buf_init(&out, CHILD_MAX);
	if (!sk_tool_ask(
		ASK(tool, "list", "--json", "--db", path), &out, &status, &err))
		found(r, "database", FAIL, err.hint, "%s", err.message);
	else if (status != 0)
		child_failed(r, "database", "sk-branch list", &out, status);
	else
		check_private(r, "database", path, "chmod 600 it");
	sk_err_clear(&err);
	sk_buf_free(&out);
	free(tool);
}

static void
check_state(struct report *r)
{
	char *path = db_path(r), *slash;

	if (path == NULL)
		return;
	slash = strrchr(path, '/');
	if (slash != NULL && slash != path) {
		*slash = '\0';
		check_private(r, "state", path, "chmod 700 it");
		*slash = '/';
	}
	check_database(r, path);
	free(path);
}

static void
check_sqlite(struct report *r)
{
	char *tool = sk_tool_find("branch");
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf out;
	int status;

	sk_buf_init(&out, CHILD_MAX);
	if (tool != NULL &&
	    sk_tool_ask(
		ASK(tool, "--version", "--json"), &out, &status, &err) &&
	    status == 0)
		(void)sk_json_parse(&a, out.p, out.len, NULL, &v, &err);
	if (sk_jget_str(v, "sqlite") != NULL)
		found(r, "sqlite", OK, NULL, "%s", sk_jget_str(v, "sqlite"));
	sk_err_clear(&err);
	sk_arena_free(&a);
	sk_buf_free(&out);
	free(tool);
}

/* The configuration as sk-config judges it, agents that it defines and all. */
static void
check_config(struct report *r)
{
	char *tool = sk_tool_find("config");
	const struct sk_jv *warnings, *first;
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf out;
	int status;

	sk_buf_init(&out, CHILD_MAX);
	if (tool == NULL) {
		found(r, "config", FAIL, NULL,
		    "cannot be checked without sk-config");
	} else if (!sk_tool_ask(
		       ASK(tool, "check", "--json"), &out, &status, &err)) {
		found(r, "config", FAIL, err.hint, "%s", err.message);
	} else if (status != 0) {
		child_failed(r, "config", "sk-config check", &out, status);
	} else {
		(void)sk_json_parse(&a, out.p, out.len, NULL, &v, &err);
		warnings = sk_jget(v, "warnings");
		first = sk_jat(warnings, 0);
		if (first == NULL)
			found(r, "config", OK, NULL, "loads without errors");
		else
			found(r, "config", WARN, sk_jget_str(first, "hint"),
			    "%s: %s: %s%s", sk_jget_str(first, "where"),
			    sk_jget_str(first, "key"),
			    sk_jget_str(first, "message"),
			    sk_jlen(warnings) > 1
				? "; 'sk-config check' shows all"
				: "");
	}
	sk_err_clear(&err);
	sk_arena_free(&a);
	sk_buf_free(&out);
	free(tool);
}

/* How many agents the configuration defines; they may stand in a file that is
 * named, and need no program of ours to know of. */
static size_t
own_agents(void)
{
	char *tool = sk_tool_find("config");
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf out;
	size_t n = 0;
	int status;

	sk_buf_init(&out, CHILD_MAX);
	if (tool != NULL &&
	    sk_tool_ask(ASK(tool, "get", "agents"), &out, &status, &err) &&
	    status == 0 &&
	    sk_json_parse(&a, out.p, out.len, NULL, &v, &err) == 0)
		n = sk_jlen(v);
	sk_err_clear(&err);
	sk_arena_free(&a);
	sk_buf_free(&out);
	free(tool);
	return n;
}

static void
check_programs(struct report *r)
{
	char *git = sk_program_find("git", false);
	char *claude = sk_program_find("claude", false);
	char *codex = sk_program_find("codex", false);

	if (git != NULL)
		found(r, "git", OK, NULL, "%s", git);
	else
		found(r, "git", WARN, "install git",
		    "not found: branches cannot be told apart by git");
	if (claude != NULL || codex != NULL)
		found(r, "agents", OK, NULL, "%s%s%s",
		    claude != NULL ? claude : "",
		    claude != NULL && codex != NULL ? ", " : "",
		    codex != NULL ? codex : "");
	else if (own_agents() != 0)
		found(r, "agents", OK, NULL,
		    "those that the configuration defines");
	else
		found(r, "agents", WARN,
		    "install one, or name your own in the configuration",
		    "neither claude nor codex is on PATH");
	free(git);
	free(claude);
	free(codex);
}

static void
check_machine(struct report *r)
{
	const char *preload = getenv("LD_PRELOAD");
	struct sk_err err = { 0 };
	struct rlimit core;
	struct sk_buf b;

	if (preload != NULL && strstr(preload, "eatmydata") != NULL)
		found(r, "sync", WARN, "unset LD_PRELOAD",
		    "eatmydata is loaded: a power cut may lose the database");
	else
		found(r, "sync", OK, NULL, "writes are synced");
	sk_buf_init(&b, 4096);
	if (sk_read_file("/proc/sys/kernel/core_pattern", 4096, &b, &err) ==
		0 &&
	    getrlimit(RLIMIT_CORE, &core) == 0 && core.rlim_cur > 0 &&
	    b.p[0] != '|' && b.p[0] != '/')
		found(r, "core files", WARN, "ulimit -c 0",
		    "a crash leaves its memory in the working directory");
	else
		found(
		    r, "core files", OK, NULL, "none in the working directory");
	sk_err_clear(&err);
	sk_buf_free(&b);
}

static void
doctor_json(const struct report *r, enum health worst)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.doctor/1");
	sk_jw_kstr(&w, "status", health_word[worst]);
	sk_jw_karr(&w, "checks");
	for (size_t i = 0; i < r->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "name", r->v[i].name);
		sk_jw_kstr(&w, "status", health_word[r->v[i].health]);
		sk_jw_kstr(&w, "detail", r->v[i].detail);
		sk_jw_kstr(&w, "hint", r->v[i].hint);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

int
sk_doctor(const char *db, enum sk_format format)
{
	struct report r = { .db = db };
	enum health worst = OK;
	struct sk_table t;

	for (size_t i = 0; sk_tools[i] != NULL; i++)
		check_tool(&r, sk_tools[i]);
	check_state(&r);
	check_sqlite(&r);
	check_config(&r);
	check_programs(&r);
	check_machine(&r);
	for (size_t i = 0; i < r.n; i++)
		if (r.v[i].health > worst)
			worst = r.v[i].health;
	if (format == SK_FMT_JSON)
		doctor_json(&r, worst);
	sk_table_init(&t, 3, 0);
	for (size_t i = 0; i < r.n; i++) {
		const struct check *c = &r.v[i];

		sk_table_cell(&t, health_word[c->health]);
		sk_table_cell(&t, c->name);
		sk_table_cellf(&t, "%s%s%s%s", c->detail, c->hint ? " (" : "",
		    c->hint ? c->hint : "", c->hint ? ")" : "");
		free(c->name);
		free(c->detail);
		free(c->hint);
	}
	if (format == SK_FMT_TEXT)
		sk_table_print(&t);
	else
		sk_strv_free(&t.cells);
	return worst == FAIL ? SK_NEGATIVE : SK_OK;
}
