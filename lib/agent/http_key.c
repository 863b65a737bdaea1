/* SPDX-License-Identifier: MIT */
/*
 * The key of a request. A key belongs to an origin: the adapter's own variable
 * is for the adapter's own endpoint, or for the endpoint that the same
 * environment names; for a URL of the configuration the configuration must say
 * which key goes there.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/http.h"

#define FDS_MAX 64

extern char **environ;

static void
trim(char *s)
{
	size_t n = strlen(s);

	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == '\r'))
		s[--n] = '\0';
}

/* A descriptor gives its key once; the agents of the call share it. */
static int
from_fd(const char *word, char **key, struct sk_err *err)
{
	static struct {
		int64_t fd;
		char *key;
	} seen[FDS_MAX];
	struct sk_buf b;
	int64_t fd;
	size_t i = 0;
	int rc;

	if (!sk_parse_int(word, 3, 1 << 20, &fd))
		return sk_fail(err, SK_USAGE, "bad_key",
		    "'fd:%s' is no descriptor from 3 on", word);
	while (i < FDS_MAX - 1 && seen[i].key != NULL && seen[i].fd != fd)
		i++;
	if (seen[i].key == NULL || seen[i].fd != fd) {
		sk_buf_init(&b, SK_HTTP_KEY_MAX + 1);
		rc = sk_read_fd(
		    (int)fd, SK_HTTP_KEY_MAX, &b, "the key's descriptor", err);
		if (rc != 0) {
			sk_buf_free(&b);
			return rc;
		}
		seen[i].fd = fd;
		seen[i].key = sk_buf_detach(&b);
	}
	*key = sk_strdup(seen[i].key);
	return 0;
}

int
sk_http_key_set(struct sk_http_req *q, const struct sk_slot *slot, bool login,
    char *key, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	const char *form = login ? sk_jget_str(h, "login_header") : NULL;
	const char *hole;
	int rc = 0;

	if (form == NULL)
		form = sk_jget_str(h, "key_header");
	if (form == NULL)
		form = "Authorization: Bearer {key}";
	trim(key);
	hole = strstr(form, "{key}");
	if (hole == NULL)
		rc = sk_fail(err, SK_USAGE, "bad_adapter",
		    "adapter '%s' has a header for the key without a place for "
		    "it",
		    slot->ad->name);
	else if (*key == '\0' || strlen(key) > SK_HTTP_KEY_MAX ||
		 !sk_net_value_ok(key))
		rc = sk_fail(err, SK_LOGIN, "bad_key",
		    "the key for '%s' is empty, too long or holds control "
		    "bytes",
		    q->origin);
	else
		q->secret = sk_asprintf("%.*s%s%s", (int)(hole - form), form,
		    key, hole + strlen("{key}"));
	explicit_bzero(key, strlen(key));
	free(key);
	return rc;
}

/* The first variable of the adapter that holds something. */
static const char *
from_env(const struct sk_jv *names)
{
	for (size_t i = 0; i < sk_jlen(names); i++) {
		const char *v = getenv(sk_jstr(names->a[i]));

		if (v != NULL && *v != '\0')
			return v;
	}
	return NULL;
}

/* What the configuration says: env:NAME, fd:N, login:PROVIDER, none. */
static int
as_said(struct sk_http_req *q, const struct sk_slot *slot, const char *said,
    enum sk_http_key *kind, const char **provider, struct sk_err *err)
{
	char *key = NULL;
	const char *v;
	int rc;

	*kind = SK_KEY_HERE;
	if (sk_streq(said, "none")) {
		*kind = SK_KEY_NONE;
		return 0;
	}
	if (sk_has_prefix(said, "login:") && said[6] != '\0') {
		*kind = SK_KEY_LOGIN;
		*provider = said + 6;
		return 0;
	}
	if (sk_has_prefix(said, "fd:")) {
		if ((rc = from_fd(said + 3, &key, err)) != 0)
			return rc;
		return sk_http_key_set(q, slot, false, key, err);
	}
	if (!sk_has_prefix(said, "env:")) {
		/* (It may be the key itself: it is not shown.) */
		(void)sk_fail(err, SK_USAGE, "bad_key",
		    "agents.%s.key does not say where the key is", slot->base);
		return sk_hint(err, "env:NAME, fd:N, login:PROVIDER or none");
	}
	v = getenv(said + 4);
	if (v == NULL || *v == '\0')
		return sk_fail(err, SK_LOGIN, "no_key",
		    "the variable '%s' that holds the key is not set",
		    said + 4);
	return sk_http_key_set(q, slot, false, sk_strdup(v), err);
}

char *
sk_http_login_path(void)
{
	const char *const *env;
	char *const *ours = environ;
	char self[4096], *slash, *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 16);
	int why;

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash != NULL) {
			memcpy(slash + 1, "sk-login", sizeof("sk-login"));
			if (access(self, X_OK) == 0)
				return sk_strdup(self);
		}
	}
	memcpy(&env, &ours, sizeof(env));
	path = sk_find_program("sk-login", env, &why);
	return path;
}

static int
no_key(
    const struct sk_slot *slot, const struct sk_http_req *q, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	const char *name = sk_jstr(sk_jat(sk_jget(h, "key_env"), 0));

	(void)sk_fail(
	    err, SK_LOGIN, "no_key", "there is no key for '%s'", q->origin);
	return sk_hint(err, "set %s, or agents.%s.key", name, slot->base);
}

int
sk_http_key_find(struct sk_http_req *q, const struct sk_slot *slot,
    enum sk_http_key *kind, const char **provider, struct sk_err *err)
{
	const struct sk_jv *h = slot->ad->http;
	const struct sk_jv *names = sk_jget(h, "key_env");
	const char *said = sk_jget_str(slot->conf, "key"), *v;
	char *login;

	*kind = SK_KEY_NONE;
	if (said != NULL)
		return as_said(q, slot, said, kind, provider, err);
	if (!q->shipped && !q->paired)
		return 0;
	v = from_env(names);
	if (v != NULL) {
		*kind = SK_KEY_HERE;
		return sk_http_key_set(q, slot, false, sk_strdup(v), err);
	}
	if (!q->shipped || sk_jlen(names) == 0)
		return 0;
	*provider = sk_jget_str(h, "login");
	login = *provider != NULL ? sk_http_login_path() : NULL;
	if (login == NULL)
		return no_key(slot, q, err);
	free(login);
	*kind = SK_KEY_LOGIN;
	return 0;
}

/* ---- sk-login ---- */

struct sk_http_login {
	struct sk_loop *loop;
	sk_http_login_fn fn;
	void *arg;
	pid_t pid;
	int fd, wstatus;
	bool reaped;
	struct sk_buf out;
	char provider[SK_IDENT_LEN];
};

static void
login_free(struct sk_http_login *g)
{
	if (g->fd >= 0) {
		sk_loop_del(g->loop, g->fd);
		close(g->fd);
	}
	explicit_bzero(g->out.p, g->out.len);
	sk_buf_free(&g->out);
	free(g);
}

static void
login_done(struct sk_http_login *g)
{
	sk_http_login_fn fn = g->fn;
	void *arg = g->arg;
	char why[200], *key = NULL;
	bool ok = WIFEXITED(g->wstatus) && WEXITSTATUS(g->wstatus) == 0;

	if (!g->reaped || g->fd >= 0)
		return;
	if (ok && g->out.len > 0 && !g->out.full)
		key = sk_strndup(g->out.p, g->out.len);
	snprintf(why, sizeof(why),
	    "'sk-login token %s' gives no key; try 'sk-login login %s'",
	    g->provider, g->provider);
	login_free(g);
	fn(arg, key, why);
}

static void
on_login_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct sk_http_login *g = arg;

	(void)l;
	(void)pid;
	g->reaped = true;
	g->wstatus = wstatus;
	if (g->fn == NULL)
		login_free(g);
	else
		login_done(g);
}

static void
on_login_output(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_http_login *g = arg;
	char chunk[4096];
	ssize_t n = read(fd, chunk, sizeof(chunk));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		sk_buf_add(&g->out, chunk, (size_t)n);
		explicit_bzero(chunk, (size_t)n);
		return;
	}
	sk_loop_del(l, fd);
	close(fd);
	g->fd = -1;
	login_done(g);
}

struct sk_http_login *
sk_http_login_start(struct sk_loop *l, const char *provider, const char *origin,
    sk_http_login_fn fn, void *arg, struct sk_err *err)
{
	char *path = sk_http_login_path();
	const char *argv[] = { path, "token", "--for", origin, "--no-input",
		"--", provider, NULL };
	struct sk_spawn sp = { .argv = argv, .fd_in = -1, .fd_err = -1 };
	struct sk_http_login *g;
	int fd[2] = { -1, -1 }, rc;

	if (path == NULL || !sk_ident_ok(provider)) {
		free(path);
		sk_fail(err, SK_LOGIN, "no_key",
		    "there is no sk-login to ask for the key of '%s'",
		    provider);
		return NULL;
	}
	g = sk_calloc(1, sizeof(*g));
	g->loop = l;
	g->fn = fn;
	g->arg = arg;
	sk_buf_init(&g->out, SK_HTTP_KEY_MAX);
	snprintf(g->provider, sizeof(g->provider), "%s", provider);
	rc = sk_pipe(fd, true, err);
	sp.fd_out = fd[1];
	if (rc == 0)
		rc = sk_spawn(&sp, &g->pid, err);
	if (fd[1] >= 0)
		close(fd[1]);
	g->fd = -1;
	if (rc == 0 &&
	    sk_loop_add(l, fd[0], SK_EV_READ, on_login_output, g, err) != 0)
		sk_oom(); /* a pipe is only refused for that */
	free(path);
	if (rc != 0) {
		if (fd[0] >= 0)
			close(fd[0]);
		login_free(g);
		return NULL;
	}
	g->fd = fd[0];
	sk_loop_child(l, g->pid, on_login_child, g);
	return g;
}

/* The process is reaped by the loop, which frees the rest. */
void
sk_http_login_stop(struct sk_http_login *g)
{
	g->fn = NULL;
	kill(g->pid, SIGTERM);
	if (g->fd >= 0) {
		sk_loop_del(g->loop, g->fd);
		close(g->fd);
		g->fd = -1;
	}
	if (g->reaped)
		login_free(g);
}
