/* SPDX-License-Identifier: MIT */
/*
 * The verb `init`: what a project needs to begin with. A file that is there is
 * kept, whatever it is; nothing is written through a link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "data/data.h"
#include "pipeline/init.h"
#include "pipeline/tools.h"

#define FILES 4

struct init {
	const struct sk_init_opts *o;
	const struct sk_ctx *ctx;
	const char *root;
	char spec[SK_IDENT_LEN];
	struct sk_strv agents, found; /* asked for; installed */
	const char *ci; /* "github", "gitlab" or NULL */
	bool ask;
	struct {
		char *path; /* below root */
		bool written;
	} file[FILES];
	size_t n;
};

/* ---- asking ---- */

/* One line, or fallback when it is empty. malloc'd. */
static char *
answer(const char *question, const char *fallback)
{
	char *line, *out;
	struct sk_buf b;
	size_t n;

	sk_buf_init(&b, 0);
	sk_buf_printf(&b, "%s [%s] ", question, fallback);
	(void)sk_write_all(STDERR_FILENO, b.p, b.len);
	sk_buf_clear(&b);
	/* (A blank line is an answer here, so lines.c is of no use.) */
	for (;;) {
		char c;
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || c == '\n')
			break;
		if (b.len < 1000)
			sk_buf_ch(&b, c);
	}
	line = b.p + strspn(b.p, " \t\r");
	n = strlen(line);
	while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
		n--;
	out = n > 0 ? sk_strndup(line, n) : sk_strdup(fallback);
	sk_buf_free(&b);
	return out;
}

/* Programs that our adapters know and that are here. */
static void
look_around(struct init *t)
{
	static const char *const programs[] = { "claude", "codex", "gemini",
		"opencode", "copilot", "qwen" };
	char *path;

	for (size_t i = 0; i < SK_ARRAY_SIZE(programs); i++) {
		path = sk_program_find(programs[i], false);
		if (path != NULL)
			sk_strv_add(&t->found, programs[i]);
		free(path);
	}
}

static void
choose_agents(struct init *t)
{
	struct sk_buf b;
	char *text;

	for (size_t i = 0; i < t->o->agents.n; i++)
		sk_strv_add(&t->agents, t->o->agents.v[i]);
	if (t->agents.n > 0)
		return;
	sk_buf_init(&b, 0);
	if (t->found.n > 0)
		sk_buf_join(&b, &t->found, ", ");
	else
		sk_buf_str(&b, "claude, codex, gemini");
	text = t->ask ? answer("agents, separated by commas", b.p)
	              : sk_strdup(b.p);
	sk_strv_split(&t->agents, text, ',');
	free(text);
	sk_buf_free(&b);
}

static int
choose(struct init *t, struct sk_err *err)
{
	char *s;
	int rc;

	s = t->ctx->argc > 0 ? sk_strdup(t->ctx->argv[0])
	    : t->ask         ? answer("name of the specification", "SPEC-1")
	                     : sk_strdup("SPEC-1");
	rc = sk_check_name("a specification", s, sk_ident_ok, err);
	if (rc != 0) {
		free(s);
		return rc;
	}
	(void)snprintf(t->spec, sizeof(t->spec), "%s", s);
	free(s);
	look_around(t);
	choose_agents(t);
	for (size_t i = 0; i < t->agents.n; i++)
		if (!sk_ident_ok(t->agents.v[i]))
			return sk_fail(err, SK_USAGE, "bad_agent",
			    "'%.200s' is not an agent's name", t->agents.v[i]);
	t->ci = t->o->ci;
	if (t->ci == NULL && t->ask) {
		s = answer("a CI job: github, gitlab or none", "none");
		t->ci = strcmp(s, "github") == 0   ? "github"
		        : strcmp(s, "gitlab") == 0 ? "gitlab"
		                                   : NULL;
		free(s);
	}
	if (sk_streq(t->ci, "none"))
		t->ci = NULL;
	return 0;
}

/* ---- writing ---- */

static void
fill(struct sk_buf *out, const char *name, const struct init *t)
{
	const struct sk_data_file *f = sk_data_find(name);
	const char *p, *at;

	if (f == NULL)
		sk_bug("no '%s' among the data", name);
	for (p = f->text; (at = strchr(p, '@')) != NULL;) {
		sk_buf_add(out, p, (size_t)(at - p));
		if (sk_has_prefix(at, "@SPEC@")) {
			sk_buf_str(out, t->spec);
			p = at + 6;
		} else if (sk_has_prefix(at, "@AGENTS@")) {
			for (size_t i = 0; i < t->agents.n; i++)
				sk_buf_printf(out, "%s\"%s\"",
				    i > 0 ? ", " : "", t->agents.v[i]);
			p = at + 8;
		} else {
			sk_buf_ch(out, '@');
			p = at + 1;
		}
	}
	sk_buf_str(out, p);
}

/* O_EXCL decides, not a look beforehand. */
static int
create(struct init *t, const char *dir, const char *name, const char *data,
    struct sk_err *err)
{
	struct sk_dir d;
	struct sk_buf b;
	int fd, rc;

	rc = sk_dir_open(&d, t->root, dir, true, err);
	if (rc != 0)
		return rc;
	t->file[t->n].path =
	    sk_asprintf("%s%s%s", dir, dir[0] != '\0' ? "/" : "", name);
	sk_buf_init(&b, 0);
	fill(&b, data, t);
	fd = openat(d.fd, name,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, SK_DOC_FILE);
	if (fd >= 0) {
		if (sk_write_all(fd, b.p, b.len) != 0 || fsync(fd) != 0)
			rc = sk_fail_errno(
			    err, "cannot write '%s'", t->file[t->n].path);
		(void)close(fd);
		t->file[t->n].written = rc == 0;
		if (rc != 0)
			(void)unlinkat(d.fd, name, 0);
	} else if (errno != EEXIST && errno != ELOOP) {
		rc =
		    sk_fail_errno(err, "cannot write '%s'", t->file[t->n].path);
	}
	t->n++;
	sk_buf_free(&b);
	sk_dir_close(&d);
	return rc;
}

/* A folder of that specification, however it is called. */
static bool
has_spec(struct init *t)
{
	struct sk_err err = { 0 };
	struct sk_spec s;
	bool yes = sk_spec_find(t->root, t->spec, &s, &err) == 0;

	if (yes) {
		t->file[t->n++].path =
		    sk_strdup(sk_has_prefix(s.file, t->root) &&
				      s.file[strlen(t->root)] == '/'
				  ? s.file + strlen(t->root) + 1
				  : s.file);
		sk_spec_free(&s);
	}
	yes = yes || strcmp(err.code, "ambiguous_spec") == 0;
	sk_err_clear(&err);
	return yes;
}

static int
write_all(struct init *t, struct sk_err *err)
{
	char *dir;
	int rc;

	rc = create(t, ".sk", "config.toml", "init/config.toml", err);
	if (rc == 0 && !has_spec(t)) {
		dir = sk_asprintf("docs/%s", t->spec);
		rc = create(t, dir, "spec.md", "init/spec.md", err);
		free(dir);
	}
	if (rc == 0 && sk_streq(t->ci, "github"))
		rc = create(
		    t, ".github/workflows", "sk.yml", "init/github.yml", err);
	if (rc == 0 && sk_streq(t->ci, "gitlab"))
		rc = create(t, "", ".gitlab-ci.yml", "init/gitlab.yml", err);
	return rc;
}

/* ---- saying ---- */

static void
say_json(const struct init *t)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.init/1");
	sk_jw_kstr(&w, "root", t->root);
	sk_jw_kstr(&w, "spec", t->spec);
	sk_jw_kstrv(&w, "agents", &t->agents);
	sk_jw_karr(&w, "files");
	for (size_t i = 0; i < t->n; i++) {
		sk_jw_obj(&w);
		sk_jw_kstr(&w, "path", t->file[i].path);
		sk_jw_kbool(&w, "written", t->file[i].written);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static void
say_text(const struct init *t)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < t->n; i++) {
		sk_buf_str(&b, t->file[i].written ? "wrote  " : "kept   ");
		sk_buf_visible(
		    &b, t->file[i].path, strlen(t->file[i].path), false);
		sk_buf_ch(&b, '\n');
	}
	sk_buf_printf(&b,
	    "next   say in spec.md what you want, then: "
	    "sk-auto run %s --dry-run\n",
	    t->spec);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	for (size_t i = 0; i < t->agents.n; i++)
		if (t->o->agents.n == 0 &&
		    !sk_strv_has(&t->found, t->agents.v[i]))
			sk_say("'%s' is not installed here", t->agents.v[i]);
}

int
sk_auto_init(struct sk_ctx *ctx, struct sk_err *err)
{
	struct init t = { .o = ctx->opts, .ctx = ctx };
	struct sk_config conf;
	int rc;

	rc = sk_config_load(&conf, ctx->config, err);
	if (rc != 0)
		return rc;
	t.root = conf.project_root;
	t.ask = !ctx->no_input && isatty(STDIN_FILENO) == 1 && sk_stderr_tty();
	rc = choose(&t, err);
	if (rc == 0)
		rc = write_all(&t, err);
	if (rc == 0 && ctx->format == SK_FMT_JSON)
		say_json(&t);
	else if (rc == 0)
		say_text(&t);
	for (size_t i = 0; i < t.n; i++)
		free(t.file[i].path);
	sk_strv_free(&t.agents);
	sk_strv_free(&t.found);
	sk_config_free(&conf);
	return rc;
}
