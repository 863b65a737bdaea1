/* SPDX-License-Identifier: MIT */
/* sk-faults exec: a command under a plan, and how to see its end again. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "faults/child.h"

extern char **environ;

static void
own_path(struct sk_strv *env)
{
	const char *path = getenv("PATH");
	char dir[PATH_MAX], *slash, *word;
	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (n <= 0)
		return;
	dir[n] = '\0';
	if ((slash = strrchr(dir, '/')) != NULL)
		*slash = '\0';
	word = sk_asprintf("PATH=%s:%s", dir,
	    path != NULL ? path : "/usr/local/bin:/usr/bin:/bin");
	sk_strv_add(env, word);
	free(word);
}

/* Is the variable of this word given anew? (The first of two counts.) */
static bool
replaced(const char *word, const struct sk_strv *more)
{
	size_t n = strcspn(word, "=") + 1;

	for (size_t i = 0; more != NULL && i < more->n; i++)
		if (strncmp(more->v[i], word, n) == 0)
			return true;
	return false;
}

void
sk_faults_env(struct sk_strv *env, const struct sk_strv *more)
{
	for (char **e = environ; *e != NULL; e++)
		if (!replaced(*e, more) &&
		    !sk_has_prefix(*e, "SPEC_KIT_FAULTS") &&
		    !sk_has_prefix(*e, "CODEX_FAULTS") &&
		    !sk_has_prefix(*e, "PATH="))
			sk_strv_add(env, *e);
	own_path(env);
	for (size_t i = 0; more != NULL && i < more->n; i++)
		sk_strv_add(env, more->v[i]);
}

int
sk_faults_spawn(char *const *argv, const struct sk_strv *more, pid_t *pid,
    struct sk_err *err)
{
	struct sk_strv env = { 0 };
	struct sk_spawn sp = {
		.fd_in = STDIN_FILENO, .fd_out = -2, .fd_err = -2
	};
	struct sk_strv words = { 0 };
	int rc;

	for (size_t i = 0; argv[i] != NULL; i++)
		sk_strv_add(&words, argv[i]);
	sk_faults_env(&env, more);
	sp.argv = (const char *const *)words.v;
	sp.envp = (const char *const *)env.v;
	rc = sk_spawn(&sp, pid, err);
	sk_strv_free(&words);
	sk_strv_free(&env);
	return rc;
}

int
sk_faults_status_of(int wstatus)
{
	return WIFEXITED(wstatus) ? WEXITSTATUS(wstatus)
	                          : 128 + WTERMSIG(wstatus);
}

/* ---- waiting for it ---- */

struct run {
	struct sk_loop *loop;
	pid_t pid;
	int wstatus, signo;
	bool late;
};

static void
on_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct run *r = arg;

	(void)pid;
	r->wstatus = wstatus;
	sk_loop_stop(l);
}

static void
on_late(struct sk_loop *l, void *arg)
{
	struct run *r = arg;

	(void)l;
	r->late = true;
	sk_tree_signal(r->pid, SIGKILL);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct run *r = arg;

	(void)l;
	r->signo = signo;
	(void)kill(r->pid, signo);
}

static int
wait_for(char *const *argv, const struct sk_strv *more, int64_t limit_ms,
    struct run *r, struct sk_err *err)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP };
	int rc;

	if ((r->loop = sk_loop_new(err)) == NULL)
		return err->exit;
	sk_subreaper();
	rc = sk_loop_signals(
	    r->loop, signos, SK_ARRAY_SIZE(signos), on_signal, r, err);
	if (rc == 0)
		rc = sk_faults_spawn(argv, more, &r->pid, err);
	if (rc == 0) {
		sk_loop_child(r->loop, r->pid, on_child, r);
		if (limit_ms > 0)
			(void)sk_loop_timer(
			    r->loop, sk_mono_ms() + limit_ms, on_late, r);
		rc = sk_loop_run(r->loop, err);
		(void)sk_tree_sweep(NULL, 0, 500);
	}
	sk_loop_free(r->loop);
	return rc;
}

/* ---- the verb ---- */

/* One line that brings back what has just happened. */
static void
say_again(const struct sk_fault_table *t, const struct sk_fault_plan *given,
    char *const *argv, const char *how)
{
	struct sk_buf b, plan;

	sk_buf_init(&plan, 0);
	sk_fault_again_or(&plan, t, given);
	if (plan.len == 0) {
		sk_warn("%s; no fault was hit", how);
		sk_buf_free(&plan);
		return;
	}
	sk_buf_init(&b, 0);
	sk_buf_str(&b, "sk-faults exec ");
	sk_shell_quote(&b, plan.p);
	sk_buf_str(&b, " --");
	for (size_t i = 0; argv[i] != NULL; i++) {
		sk_buf_ch(&b, ' ');
		sk_shell_quote(&b, argv[i]);
	}
	sk_warn("%s; again with: %s", how, b.p);
	sk_buf_free(&b);
	sk_buf_free(&plan);
}

int
sk_faults_exec(struct sk_ctx *ctx, struct sk_err *err)
{
	const struct sk_faults_opts *o = ctx->opts;
	struct sk_strv more = { 0 };
	struct sk_fault_plan plan;
	struct sk_fault_table *t = NULL;
	struct run r = { .pid = 0 };
	char *dir = NULL, *path = NULL, how[64];
	int rc, status = 0;

	rc = sk_faults_need(err);
	if (rc == 0)
		rc = sk_faults_read(&plan, ctx->argv[0], err);
	if (rc == 0)
		rc = sk_fault_inside(&plan, err);
	if (rc == 0 && (dir = sk_tmpdir_new(err)) == NULL)
		rc = err->exit;
	if (rc == 0) {
		/* Counters of its own: the same plan, the same hits. */
		path = sk_path_join(dir, "faults");
		t = sk_fault_table_open(path, true, &plan);
		if (t == NULL)
			rc = sk_fail_errno(err, "cannot make '%s'", path);
	}
	if (rc == 0) {
		char *w = sk_asprintf("SPEC_KIT_FAULTS=%s", ctx->argv[0]);

		sk_strv_add(&more, w);
		free(w);
		w = sk_asprintf("SPEC_KIT_FAULTS_FILE=%s", path);
		sk_strv_add(&more, w);
		free(w);
		rc = wait_for(ctx->argv + 1, &more, o->timeout_ms, &r, err);
	}
	if (rc == 0) {
		status = r.late ? SK_TIMEOUT : sk_faults_status_of(r.wstatus);
		(void)snprintf(how, sizeof(how), "status %d%s", status,
		    r.late ? ", it did not end in time" : "");
		if (status != 0)
			say_again(t, &plan, ctx->argv + 1, how);
	}
	if (dir != NULL)
		sk_tmpdir_remove(dir);
	free(path);
	free(dir);
	sk_strv_free(&more);
	return rc != 0 ? rc : status;
}
