/* SPDX-License-Identifier: MIT */
/* Asking git, without letting it run anybody else's programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "sys/sys.h"

/* What a repository or a person may have configured git to run by itself. */
static const char *const safe[] = { "git", "-c", "core.hooksPath=/dev/null",
	"-c", "core.fsmonitor=false", "-c", "core.quotePath=true", "-c",
	"commit.gpgSign=false", "-c", "gc.auto=0", "-c",
	"maintenance.auto=false" };

/* GIT_DIR and its kin would make git speak of another repository than the one
 * that it is asked about, so little of our environment reaches it. */
static const char *const keep[] = { "PATH", "HOME", "XDG_CONFIG_HOME", "TMPDIR",
	"TZ", "EMAIL", "GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_AUTHOR_DATE",
	"GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL", "GIT_COMMITTER_DATE" };
/* Whose configuration beside the repository's own. */
static const char *const persons[] = { "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM",
	"GIT_CONFIG_NOSYSTEM" };

static void
keep_env(struct sk_strv *env, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const char *v = getenv(names[i]);
		char *e = v != NULL ? sk_asprintf("%s=%s", names[i], v) : NULL;

		if (e != NULL)
			sk_strv_add(env, e);
		free(e);
	}
}

static void
make_env(const struct sk_git_call *c, struct sk_strv *env)
{
	keep_env(env, keep, SK_ARRAY_SIZE(keep));
	sk_strv_add(env, "LC_ALL=C");
	sk_strv_add(env, "GIT_OPTIONAL_LOCKS=0");
	sk_strv_add(env, "GIT_NO_LAZY_FETCH=1");
	sk_strv_add(env, "GIT_TERMINAL_PROMPT=0");
	if (c->alone) {
		sk_strv_add(env, "GIT_CONFIG_GLOBAL=/dev/null");
		sk_strv_add(env, "GIT_CONFIG_SYSTEM=/dev/null");
		sk_strv_add(env, "GIT_CONFIG_NOSYSTEM=1");
		sk_strv_add(env, "GIT_ATTR_NOSYSTEM=1");
	} else {
		keep_env(env, persons, SK_ARRAY_SIZE(persons));
	}
	for (size_t i = 0; c->env != NULL && c->env[i] != NULL; i++)
		sk_strv_add(env, c->env[i]);
}

/* The first line of what it complained, as it can be shown. */
static void
note_said(struct sk_git_call *c, const struct sk_buf *talk)
{
	const char *nl = memchr(talk->p, '\n', talk->len);
	struct sk_buf b;

	sk_buf_init(&b, sizeof(c->said) - 1);
	sk_buf_visible(&b, talk->p,
	    nl != NULL ? (size_t)(nl - talk->p) : talk->len, false);
	(void)snprintf(c->said, sizeof(c->said), "%s", b.p);
	sk_buf_free(&b);
}

int
sk_git_ask(struct sk_git_call *c, const char *const *words, struct sk_buf *out,
    int *status, struct sk_err *err)
{
	struct sk_spawn s = { .fd_in = -1, .fd_out = -1, .fd_err = -1 };
	struct sk_strv argv = { 0 }, env = { 0 };
	struct sk_buf none, talk;
	int st = 0, rc;

	for (size_t i = 0; i < SK_ARRAY_SIZE(safe); i++)
		sk_strv_add(&argv, safe[i]);
	for (size_t i = 0; c->conf != NULL && c->conf[i] != NULL; i++) {
		sk_strv_add(&argv, "-c");
		sk_strv_add(&argv, c->conf[i]);
	}
	sk_strv_add(&argv, "-C");
	sk_strv_add(&argv, c->dir);
	for (size_t i = 0; words[i] != NULL; i++)
		sk_strv_add(&argv, words[i]);
	make_env(c, &env);
	s.argv = (const char *const *)argv.v;
	s.envp = (const char *const *)env.v;
	sk_buf_init(&none, 65536);
	sk_buf_init(&talk, 65536);
	rc = sk_capture(&s, c->in, c->n, out != NULL ? out : &none, &talk,
	    c->wait_ms != 0 ? c->wait_ms : SK_GIT_MS, &st, err);
	*status = WIFEXITED(st) ? WEXITSTATUS(st) : 255;
	note_said(c, &talk);
	if (rc == 0 && out != NULL && out->full)
		rc = sk_fail(err, SK_DAMAGED, "too_large",
		    "git %s printed more than %zu bytes", words[0], out->max);
	sk_buf_free(&none);
	sk_buf_free(&talk);
	sk_strv_free(&argv);
	sk_strv_free(&env);
	return rc;
}

int
sk_git_do(struct sk_git_call *c, const char *const *words, struct sk_buf *out,
    struct sk_err *err)
{
	int status = 0, rc = sk_git_ask(c, words, out, &status, err);

	if (rc == 0 && status != 0)
		rc = sk_fail(err, SK_USAGE, "git", "git %s: %s", words[0],
		    c->said[0] != '\0' ? c->said : "failed");
	return rc;
}
