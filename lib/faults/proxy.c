/* SPDX-License-Identifier: MIT */
/*
 * sk-faults proxy: before any real API or agent, on loopback, in every build.
 * What no fault hits passes through byte for byte.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults/proxy.h"

/* ---- faults ---- */

static int
check_plan(const struct sk_fault_plan *plan, struct sk_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct sk_fault_rule *r = &plan->v[i];

		if (r->kind == NULL ||
		    (r->kind->places & SK_FAULT_AT_PROXY) == 0)
			return sk_fail(err, SK_USAGE, "bad_fault",
			    "a proxy knows no fault '%s'", r->name);
		if (r->agent[0] != '\0' || r->stage[0] != '\0') {
			(void)sk_fail(err, SK_USAGE, "bad_fault",
			    "a proxy does not know the agent of '%s'", r->name);
			return sk_hint(err, "start one proxy for each agent");
		}
	}
	return 0;
}

static bool
any(const struct sk_fault_rule *r, const void *arg)
{
	(void)r;
	(void)arg;
	return true;
}

const struct sk_fault_rule *
sk_proxy_fault(struct sk_proxy *p, const struct sk_proxy_req *q)
{
	/* What only asks for a list, or whether we are there, is no call. */
	if (strcmp(q->method, "POST") != 0 ||
	    (p->o->path != NULL && strstr(q->target, p->o->path) == NULL))
		return NULL;
	return sk_fault_take(p->table, &p->plan, any, NULL);
}

/* ---- listening ---- */

static void
on_accept(struct sk_loop *l, int fd, unsigned events, void *arg)
{
	struct sk_proxy *p = arg;
	int c;

	(void)l;
	(void)events;
	while ((c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		sk_proxy_conn_new(p, c);
}

static int
listen_on(struct sk_proxy *p, int *port, struct sk_err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)p->o->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	int on = 1;

	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (p->fd < 0)
		return sk_fail_errno(err, "cannot open a socket");
	(void)setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(p->fd, (struct sockaddr *)&a, sizeof(a)) != 0 ||
	    listen(p->fd, 64) != 0 ||
	    getsockname(p->fd, (struct sockaddr *)&a, &n) != 0)
		return sk_fail_errno(err, "cannot listen on 127.0.0.1:%lld",
		    (long long)p->o->port);
	*port = ntohs(a.sin_port);
	return sk_loop_add(p->loop, p->fd, SK_EV_READ, on_accept, p, err);
}

static int
set_base(struct sk_proxy *p, struct sk_err *err)
{
	struct sk_net_url u;
	size_t n;
	int rc;

	if (p->o->to == NULL) {
		(void)sk_fail(err, SK_USAGE, "missing_option",
		    "no server to stand before");
		return sk_hint(err, "--to https://api.example.com");
	}
	if ((rc = sk_net_url(p->o->to, &u, err)) != 0)
		return rc;
	n = strlen(p->o->to);
	if (n >= sizeof(p->base) || strpbrk(p->o->to, "?#") != NULL)
		return sk_fail(err, SK_USAGE, "bad_url",
		    "'%.200s' is no base URL", p->o->to);
	memcpy(p->base, p->o->to, n + 1);
	while (n > 0 && p->base[n - 1] == '/')
		p->base[--n] = '\0';
	return 0;
}

/* ---- until it ends ---- */

struct stay {
	struct sk_proxy p;
	pid_t pid; /* 0 = no command */
	int wstatus, signo;
};

static void
on_child(struct sk_loop *l, pid_t pid, int wstatus, void *arg)
{
	struct stay *s = arg;

	(void)pid;
	s->wstatus = wstatus;
	sk_loop_stop(l);
}

static void
on_signal(struct sk_loop *l, int signo, void *arg)
{
	struct stay *s = arg;

	s->signo = signo;
	if (s->pid != 0)
		(void)kill(s->pid, signo); /* and its end is ours */
	else
		sk_loop_stop(l);
}

static void
tell_address(struct stay *s, const char *url)
{
	struct sk_buf b;
	struct sk_jw w;

	if (s->p.json) {
		sk_out_json_begin(&w, &b, "sk.proxy/1");
		sk_jw_kstr(&w, "url", url);
		sk_jw_kstr(&w, "to", s->p.base);
		sk_out_json_end(&w);
	} else {
		sk_outf("%s\n", url);
	}
	(void)sk_out_flush(&(struct sk_err){ 0 });
}

/* "NAME" or "NAME=/v1": the address, with that path. */
static int
add_env(
    struct sk_strv *env, const char *word, const char *url, struct sk_err *err)
{
	const char *eq = strchr(word, '=');
	size_t n = eq != NULL ? (size_t)(eq - word) : strlen(word);
	char *w;

	if (n == 0 ||
	    strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789_") != n ||
	    (eq != NULL && eq[1] != '/'))
		return sk_fail(err, SK_USAGE, "bad_argument",
		    "'%.100s' is not NAME or NAME=/PATH", word);
	w = sk_asprintf(
	    "%.*s=%s%s", (int)n, word, url, eq != NULL ? eq + 1 : "");
	sk_strv_add(env, w);
	free(w);
	return 0;
}

static int
run_command(
    struct stay *s, char *const *argv, const char *url, struct sk_err *err)
{
	struct sk_strv env = { 0 };
	int rc = add_env(&env, "SK_FAULTS_PROXY", url, err);

	for (size_t i = 0; rc == 0 && i < s->p.o->env.n; i++)
		rc = add_env(&env, s->p.o->env.v[i], url, err);
	if (rc == 0)
		rc = sk_faults_spawn(argv, &env, &s->pid, err);
	if (rc == 0)
		sk_loop_child(s->p.loop, s->pid, on_child, s);
	sk_strv_free(&env);
	return rc;
}

static int
result(const struct stay *s)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_fault_again_or(&b, s->p.table, &s->p.plan);
	if (b.len > 0)
		sk_say("faults that were hit: %s", b.p);
	sk_buf_free(&b);
	if (s->pid != 0)
		return sk_faults_status_of(s->wstatus);
	return s->signo == SIGINT ? SK_INT : SK_TERM;
}

static int
serve(struct stay *s, struct sk_ctx *ctx, struct sk_err *err)
{
	static const int signos[] = { SIGINT, SIGTERM, SIGHUP };
	char url[64];
	int port = 0, rc;

	rc = sk_loop_signals(
	    s->p.loop, signos, SK_ARRAY_SIZE(signos), on_signal, s, err);
	if (rc == 0)
		rc = listen_on(&s->p, &port, err);
	if (rc == 0 && (s->p.net = sk_net_new(s->p.loop, err)) == NULL)
		rc = err->exit;
	if (rc != 0)
		return rc;
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", port);
	if (ctx->argc > 0)
		rc = run_command(s, ctx->argv, url, err);
	else
		tell_address(s, url);
	if (rc == 0)
		rc = sk_loop_run(s->p.loop, err);
	return rc != 0 ? rc : result(s);
}

int
sk_faults_proxy(struct sk_ctx *ctx, struct sk_err *err)
{
	struct stay s = { .p = { .o = ctx->opts, .fd = -1 } };
	int rc = set_base(&s.p, err);

	s.p.json = ctx->argc == 0 && ctx->format == SK_FMT_JSON;
	if (rc == 0)
		rc = sk_faults_read(
		    &s.p.plan, s.p.o->plan != NULL ? s.p.o->plan : "", err);
	if (rc == 0)
		rc = check_plan(&s.p.plan, err);
	if (rc != 0)
		return rc;
	s.p.table = sk_calloc(1, sizeof(*s.p.table));
	(void)sk_fault_claim(s.p.table, &s.p.plan); /* it has room for any */
	if ((s.p.loop = sk_loop_new(err)) == NULL)
		rc = err->exit;
	else
		rc = serve(&s, ctx, err);
	sk_proxy_conns_free(&s.p);
	if (s.p.net != NULL)
		sk_net_free(s.p.net);
	if (s.p.fd >= 0)
		close(s.p.fd);
	if (s.p.loop != NULL)
		sk_loop_free(s.p.loop);
	free(s.p.table);
	return rc;
}
