/* SPDX-License-Identifier: MIT */
/*
 * What adapters there are, which of their programs are installed, in which
 * version, and whether there is a login to be seen. Every program is asked for
 * its version at the same time: some take seconds for that.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/http.h"
#include "cli/cli.h"

#define ASK_MS 10000
#define OUT_MAX ((size_t)16 << 10)

extern char **environ;

struct listed {
	const char *name;
	const struct sk_adapter *ad; /* NULL: its file is wrong */
	char *wrong;
	const char *program;
	char *path; /* NULL = not installed */
	char version[48];
	const char *login; /* "yes", "no", "unknown" */
	char by[128]; /* what says so */
	char how[160]; /* what to type; "" = not known */
	struct sk_buf out;
	char token[SK_ID_LEN]; /* marks what it starts */
	int fd;
	pid_t pid;
	bool reaped;
};

struct asking {
	struct listed *v;
	size_t n, open; /* pipes and processes that are waited for */
	struct sk_loop *loop;
};

/* ---- logins ---- */

/* "$NAME/rest" and "~/rest" → a path; NULL when the variable is not set. */
static char *
expand(const char *s)
{
	size_t n = strcspn(s, "/");
	char *var;
	const char *v;

	if (*s == '~')
		return (v = getenv("HOME")) != NULL
		           ? sk_asprintf("%s%s", v, s + 1)
		           : NULL;
	if (*s != '$')
		return sk_strdup(s);
	var = sk_strndup(s + 1, n - 1);
	v = getenv(var);
	free(var);
	return v != NULL && *v != '\0' ? sk_asprintf("%s%s", v, s + n) : NULL;
}

static bool
by_env(struct listed *l, const struct sk_jv *names)
{
	for (size_t i = 0; i < sk_jlen(names); i++) {
		const char *name = sk_jstr(names->a[i]);
		const char *v = name != NULL ? getenv(name) : NULL;

		if (v != NULL && *v != '\0') {
			snprintf(l->by, sizeof(l->by), "$%s", name);
			return true;
		}
	}
	return false;
}

static bool
by_file(struct listed *l, const struct sk_jv *files)
{
	for (size_t i = 0; i < sk_jlen(files); i++) {
		const char *s = sk_jstr(files->a[i]);
		char *path = s != NULL ? expand(s) : NULL;
		bool there = path != NULL && access(path, R_OK) == 0;

		if (there)
			snprintf(l->by, sizeof(l->by), "%s", s);
		free(path);
		if (there)
			return true;
	}
	return false;
}

static struct sk_jv *
ask_store(struct sk_arena *arena)
{
	char *path = sk_http_login_path();
	const char *argv[] = { path, "status", "--json", "--no-input", NULL };
	struct sk_spawn sp = { .argv = argv, .fd_in = -1, .fd_err = -1 };
	struct sk_err ignored = { 0 };
	struct sk_jv *v = NULL;
	struct sk_buf out;
	int wstatus;

	sk_buf_init(&out, 1u << 20);
	if (path == NULL ||
	    sk_capture(&sp, NULL, 0, &out, NULL, ASK_MS, &wstatus, &ignored) !=
		0 ||
	    sk_json_parse(arena, out.p, out.len, NULL, &v, &ignored) != 0)
		v = NULL;
	sk_err_clear(&ignored);
	sk_buf_free(&out);
	free(path);
	return v;
}

/* What sk-login has for the API; it is asked once. */
static bool
by_store(struct listed *l, const char *provider)
{
	static struct sk_arena arena;
	static struct sk_jv *status;
	static bool asked;
	const struct sk_jv *v;

	if (!asked)
		status = ask_store(&arena);
	asked = true;
	v = sk_jget(status, "providers");
	for (size_t i = 0; provider != NULL && i < sk_jlen(v); i++) {
		if (!sk_streq(sk_jget_str(v->a[i], "provider"), provider) ||
		    !sk_jget_bool(v->a[i], "usable", false))
			continue;
		snprintf(l->by, sizeof(l->by), "sk-login");
		return true;
	}
	return false;
}

static void
look_for_login(struct listed *l)
{
	const struct sk_jv *t = l->ad->login;
	const struct sk_jv *key = sk_jget(l->ad->http, "key_env");
	const char *provider = sk_jget_str(l->ad->http, "login");

	l->login = "unknown";
	if (t == NULL && key == NULL)
		return;
	l->login = by_env(l, sk_jget(t, "env")) || by_env(l, key) ||
	                   by_file(l, sk_jget(t, "files")) ||
	                   by_store(l, provider)
	               ? "yes"
	               : "no";
	if (sk_jget_str(t, "how") != NULL)
		snprintf(l->how, sizeof(l->how), "%s", sk_jget_str(t, "how"));
	else if (provider != NULL && sk_jlen(key) > 0)
		snprintf(l->how, sizeof(l->how), "sk-login login %s; or set %s",
		    provider, sk_jstr(key->a[0]));
}

/* ---- versions ---- */

/* The first "1.2" or "1.2.3…" of what was printed. */
static void
take_version(struct listed *l)
{
	const char *p = l->out.p;

	for (; *p != '\0'; p++) {
		size_t n = strspn(p, "0123456789");
		size_t k = strspn(p, "0123456789.");

		if (n == 0 || p[n] != '.' || k < n + 2)
			continue;
		k += strspn(p + k, "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-+");
		while (k > 0 && strchr(".-+", p[k - 1]) != NULL)
			k--;
		if (k < sizeof(l->version))
			memcpy(l->version, p, k);
		return;
	}
}

static void
one_less(struct asking *a)
{
	if (--a->open == 0)
		sk_loop_stop(a->loop);
}

static void
on_output(struct sk_loop *loop, int fd, unsigned events, void *arg)
{
	struct asking *a = arg;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));
	struct listed *l = a->v;

	(void)events;
	while (l->fd != fd)
		l++;
	if (n > 0) {
		sk_buf_add(&l->out, chunk, (size_t)n);
		return;
	}
	sk_loop_del(loop, fd);
	close(fd);
	l->fd = -1;
	one_less(a);
}

static void
on_child(struct sk_loop *loop, pid_t pid, int wstatus, void *arg)
{
	struct asking *a = arg;

	(void)loop;
	(void)wstatus;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i].pid == pid)
			a->v[i].reaped = true;
	one_less(a);
}

static void
on_time(struct sk_loop *loop, void *arg)
{
	(void)arg;
	sk_loop_stop(loop);
}

/* Our environment and what the adapter sets: a program that is asked for its
 * version must not begin to update itself. */
static void
environment(const struct listed *l, struct sk_strv *env)
{
	const struct sk_jv *set = l->ad->set;
	char *mark = sk_asprintf("SK_AGENT_TOKEN=%s", l->token);

	sk_strv_add(env, mark);
	free(mark);
	for (size_t i = 0; i < sk_jlen(set); i++)
		if (sk_jstr(set->m[i].v) != NULL) {
			char *s = sk_asprintf(
			    "%s=%s", set->m[i].key, sk_jstr(set->m[i].v));

			sk_strv_add(env, s);
			free(s);
		}
	for (char **e = environ; *e != NULL; e++)
		sk_strv_add(env, *e);
}

static void
ask(struct asking *a, struct listed *l)
{
	const char *argv[] = { l->path, "--version", NULL };
	struct sk_err ignored = { 0 };
	struct sk_strv env = { 0 };
	int p[2] = { -1, -1 };
	struct sk_spawn sp = {
		.argv = argv, .fd_in = -1, .fd_err = -1, .new_session = true
	};

	if (sk_pipe(p, true, &ignored) != 0) {
		sk_err_clear(&ignored);
		return;
	}
	sk_id_new(l->token);
	environment(l, &env);
	sp.envp = (const char *const *)env.v;
	sp.fd_out = p[1];
	if (sk_spawn(&sp, &l->pid, &ignored) == 0) {
		l->fd = p[0];
		p[0] = -1;
		if (sk_loop_add(a->loop, l->fd, SK_EV_READ, on_output, a,
			&ignored) != 0)
			sk_oom(); /* a pipe is only refused for that */
		sk_loop_child(a->loop, l->pid, on_child, a);
		a->open += 2;
	}
	sk_err_clear(&ignored);
	if (p[0] >= 0)
		close(p[0]);
	close(p[1]);
	sk_strv_free(&env);
}

static int
ask_all(struct listed *v, size_t n, struct sk_err *err)
{
	struct asking a = { .v = v, .n = n };
	int rc = 0;

	a.loop = sk_loop_new(err);
	if (a.loop == NULL)
		return err->exit;
	for (size_t i = 0; i < n; i++)
		if (v[i].path != NULL)
			ask(&a, &v[i]);
	(void)sk_loop_timer(a.loop, sk_mono_ms() + ASK_MS, on_time, &a);
	if (a.open > 0)
		rc = sk_loop_run(a.loop, err);
	for (size_t i = 0; i < n; i++) {
		if (v[i].fd >= 0)
			close(v[i].fd);
		if (v[i].pid > 0 && !v[i].reaped)
			(void)sk_loop_tree_kill(a.loop, v[i].pid, v[i].token);
		take_version(&v[i]);
	}
	sk_loop_free(a.loop);
	return rc;
}

/* ---- all of them ---- */

static void
look(struct listed *l, const char *name)
{
	struct sk_err err = { 0 };
	const char *const *env;
	char *const *ours = environ;
	int why;

	memset(l, 0, sizeof(*l));
	l->name = name;
	l->fd = -1;
	l->login = "unknown";
	sk_buf_init(&l->out, OUT_MAX);
	if (sk_adapter_get(name, &l->ad, &err) != 0) {
		l->wrong = sk_strdup(err.message);
		sk_err_clear(&err);
		return;
	}
	l->program = sk_adapter_program(l->ad);
	memcpy(&env, &ours, sizeof(env));
	if (l->program != NULL)
		l->path = sk_find_program(l->program, env, &why);
	look_for_login(l);
}

static const char *
how_asked(const struct listed *l)
{
	if (l->ad == NULL)
		return "unknown";
	return l->ad->http != NULL ? "http" : "program";
}

static void
print_json(const struct listed *v, size_t n)
{
	struct sk_buf b;
	struct sk_jw w;

	sk_out_json_begin(&w, &b, "sk.adapters/1");
	sk_jw_karr(&w, "adapters");
	for (size_t i = 0; i < n; i++) {
		const struct listed *l = &v[i];

		sk_jw_obj(&w);
		sk_jw_kstr(&w, "name", l->name);
		sk_jw_kword(&w, "family", l->ad != NULL ? l->ad->family : NULL);
		sk_jw_kstr(&w, "kind", how_asked(l));
		sk_jw_kword(&w, "program", l->program);
		if (l->program != NULL)
			sk_jw_kbool(&w, "installed", l->path != NULL);
		else
			sk_jw_knull(&w, "installed");
		sk_jw_kword(&w, "path", l->path);
		sk_jw_kword(&w, "version", l->version);
		sk_jw_kstr(&w, "login", l->login);
		sk_jw_kword(&w, "login_by", l->by);
		sk_jw_kword(&w, "login_how", l->how);
		sk_jw_kword(&w, "error", l->wrong);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}

static void
print_text(const struct listed *v, size_t n)
{
	struct sk_table t;

	sk_table_init(&t, 5, 0);
	sk_table_cell(&t, "ADAPTER");
	sk_table_cell(&t, "PROGRAM");
	sk_table_cell(&t, "VERSION");
	sk_table_cell(&t, "LOGIN");
	sk_table_cell(&t, "BY");
	for (size_t i = 0; i < n; i++) {
		const struct listed *l = &v[i];

		sk_table_cell(&t, l->name);
		if (l->program == NULL)
			sk_table_cell(&t, l->wrong != NULL      ? "-"
					  : l->ad->http != NULL ? "(http)"
								: "(any)");
		else
			sk_table_cell(
			    &t, l->path != NULL ? l->path : "not installed");
		sk_table_cell(&t, l->version);
		sk_table_cell(
		    &t, sk_streq(l->login, "unknown") ? "-" : l->login);
		if (l->wrong != NULL)
			sk_table_cell(&t, l->wrong);
		else if (sk_streq(l->login, "no") &&
			 (l->path != NULL || l->ad->http != NULL))
			sk_table_cellf(&t, "to log in: %s",
			    l->how[0] != '\0' ? l->how : "see its manual");
		else
			sk_table_cell(&t, l->by);
	}
	sk_table_print(&t);
}

int
sk_adapter_list(bool text, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	struct listed *v;
	int rc;

	sk_adapter_names(&names);
	v = sk_calloc(names.n + 1, sizeof(*v));
	for (size_t i = 0; i < names.n; i++)
		look(&v[i], names.v[i]);
	rc = ask_all(v, names.n, err);
	if (rc == 0 && text)
		print_text(v, names.n);
	else if (rc == 0)
		print_json(v, names.n);
	for (size_t i = 0; i < names.n; i++) {
		free(v[i].wrong);
		free(v[i].path);
		sk_buf_free(&v[i].out);
	}
	free(v);
	sk_strv_free(&names);
	return rc;
}
