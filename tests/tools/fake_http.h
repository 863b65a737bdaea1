/* SPDX-License-Identifier: MIT */
/* A small HTTP server on loopback for one test tool: connections, and the
 * answers that are wrong in the same way wherever they are given. The tool
 * defines fake_route(). */
#ifndef FAKE_HTTP_H
#define FAKE_HTTP_H

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

#define CONNS 512
#define REQ_MAX 65536

struct conn {
	int fd;
	char *in;
	size_t n;
	struct sk_buf out;
	bool hang;
	char bearer[200];
};

static struct conn conns[CONNS];
static int port, log_fd = -1;

/* Answers a request for target. */
void fake_route(struct conn *c, const char *target, const char *body);

static void
reply(struct conn *c, int status, const char *extra, const char *type,
    const char *body)
{
	sk_buf_printf(&c->out,
	    "HTTP/1.1 %d X\r\nContent-Type: %s\r\n%sConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    status, type, extra, strlen(body), body);
}

static void
json(struct conn *c, int status, const char *body)
{
	reply(c, status, "", "application/json", body);
}

static void
error(struct conn *c, int status, const char *code)
{
	char body[200];

	(void)snprintf(body, sizeof(body),
	    "{\"error\":\"%s\",\"error_description\":\"it is %s\"}", code,
	    code);
	json(c, status, body);
}

static void
base64url(struct sk_buf *b, const char *p)
{
	static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmno"
				  "pqrstuvwxyz0123456789-_";
	size_t n = strlen(p);

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)p[i] << 16;

		if (i + 1 < n)
			v |= (unsigned)(unsigned char)p[i + 1] << 8;
		if (i + 2 < n)
			v |= (unsigned char)p[i + 2];
		sk_buf_ch(b, abc[v >> 18 & 63]);
		sk_buf_ch(b, abc[v >> 12 & 63]);
		if (i + 1 < n)
			sk_buf_ch(b, abc[v >> 6 & 63]);
		if (i + 2 < n)
			sk_buf_ch(b, abc[v & 63]);
	}
}

static void
html(struct conn *c, int status)
{
	reply(c, status, "cf-mitigated: challenge\r\ncf-ray: 1\r\n",
	    "text/html; charset=UTF-8",
	    "<!DOCTYPE html><title>Just a moment...</title>challenge-platform");
}

/* Answers that are the same everywhere; false when step is none of them. */
static bool
common(struct conn *c, const char *step)
{
	const struct linger now = { 1, 0 };

	if (strcmp(step, "hang") == 0) {
		c->hang = true;
	} else if (strcmp(step, "reset") == 0) {
		(void)setsockopt(
		    c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		(void)close(c->fd);
		c->fd = -1;
	} else if (strcmp(step, "fin") == 0) {
		sk_buf_str(&c->out, "HTTP/1.1 200 OK\r\nContent-Length: "
				    "999\r\n\r\n{\"access_token\":");
	} else if (strcmp(step, "html") == 0) {
		html(c, 403);
	} else if (strcmp(step, "plainhtml") == 0) {
		reply(c, 403, "", "text/html", "<html>blocked</html>");
	} else if (strcmp(step, "badjson") == 0) {
		json(c, 200, "{\"access_token\":");
	} else if (strcmp(step, "dupkeys") == 0) {
		json(c, 200, "{\"access_token\":\"a\",\"access_token\":\"b\"}");
	} else if (strcmp(step, "empty") == 0) {
		json(c, 200, "{}");
	} else if (strcmp(step, "esc") == 0) {
		json(c, 400,
		    "{\"error\":\"server_error\",\"error_description\":"
		    "\"\\u001b]0;owned\\u0007 \\u202egnp\"}");
	} else if (strcmp(step, "redirect") == 0) {
		reply(c, 307, "Location: http://127.0.0.1:1/steal\r\n",
		    "text/plain", "");
	} else if (strcmp(step, "ratelimit") == 0) {
		reply(c, 429, "Retry-After: 7\r\n", "application/json",
		    "{\"error\":\"too_many\"}");
	} else if (step[0] == 'e' && strlen(step) == 4) {
		error(c, (int)strtol(step + 1, NULL, 10), "server_error");
	} else {
		return false;
	}
	return true;
}

/* The value of a field in a form or a flat JSON body. */
static const char *
field(const char *body, const char *key, char out[300])
{
	char want[64];
	const char *p;
	size_t o = 0;
	unsigned x;

	out[0] = '\0';
	if (body[0] == '{') {
		(void)snprintf(want, sizeof(want), "\"%s\":\"", key);
		p = strstr(body, want);
		for (p = p ? p + strlen(want) : ""; *p && *p != '"' && o < 299;
		     p++)
			out[o++] = *p;
		out[o] = '\0';
		return out;
	}
	(void)snprintf(want, sizeof(want), "%s=", key);
	for (p = body; p != NULL;
	     p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
		if (strncmp(p, want, strlen(want)) == 0)
			break;
	for (p = p ? p + strlen(want) : ""; *p && *p != '&' && o < 299; p++)
		if (*p == '%' && sscanf(p + 1, "%2x", &x) == 1) {
			out[o++] = (char)x;
			p += 2;
		} else {
			out[o++] = *p == '+' ? ' ' : *p;
		}
	out[o] = '\0';
	return out;
}

/* A whole request in c->in? Then it is answered. */
static void
request(struct conn *c)
{
	char *head = strstr(c->in, "\r\n\r\n"), *p, *target, *sp;
	size_t want = 0;
	struct sk_buf line;

	if (head == NULL)
		return;
	p = strcasestr(c->in, "content-length:");
	if (p != NULL && p < head)
		want = (size_t)strtoul(p + 15, NULL, 10);
	if (c->n - (size_t)(head + 4 - c->in) < want)
		return;
	target = strchr(c->in, ' ');
	sp = target != NULL ? strchr(target + 1, ' ') : NULL;
	if (sp == NULL) {
		error(c, 400, "bad");
		return;
	}
	*sp = '\0';
	*target++ = '\0';
	p = strcasestr(sp + 1, "authorization:");
	if (p != NULL && p < head)
		(void)snprintf(c->bearer, sizeof(c->bearer), "%.*s",
		    (int)strcspn(p + 15, "\r"), p + 15);
	sk_buf_init(&line, 0);
	sk_buf_printf(&line, "%s %s %s%.*s %s\n", c->in, target,
	    p != NULL && p < head ? "auth=" : "",
	    p != NULL && p < head ? (int)strcspn(p + 15, "\r") : 0,
	    p != NULL ? p + 15 : "", head + 4);
	(void)sk_write_all(log_fd, line.p, line.len);
	sk_buf_free(&line);
	fake_route(c, target, head + 4);
}

static void
drop(struct conn *c)
{
	if (c->fd >= 0)
		(void)close(c->fd);
	free(c->in);
	sk_buf_free(&c->out);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

static void
serve(struct conn *c)
{
	ssize_t r;

	r = read(c->fd, c->in + c->n, REQ_MAX - 1 - c->n);
	if (r <= 0) {
		drop(c);
		return;
	}
	c->n += (size_t)r;
	c->in[c->n] = '\0';
	if (c->hang)
		return;
	request(c);
	if (c->fd < 0 || c->out.len > 0) {
		if (c->fd >= 0)
			(void)sk_write_all(c->fd, c->out.p, c->out.len);
		drop(c);
	}
}

static int
listening(const char *portfile)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t len = sizeof(sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), out;
	union {
		struct sockaddr_in *in;
		struct sockaddr *any;
	} u = { .in = &sa };
	char text[16];

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, u.any, sizeof(sa)) != 0 ||
	    listen(fd, 512) != 0 || getsockname(fd, u.any, &len) != 0)
		return -1;
	port = ntohs(sa.sin_port);
	(void)snprintf(text, sizeof(text), "%d\n", port);
	out = open(portfile, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (out < 0 || sk_write_all(out, text, strlen(text)) != 0)
		return -1;
	(void)close(out);
	return fd;
}

static void
accept_one(int lfd)
{
	int fd = accept4(lfd, NULL, NULL, SOCK_CLOEXEC);

	for (int i = 0; i < CONNS && fd >= 0; i++)
		if (conns[i].fd < 0) {
			conns[i].fd = fd;
			conns[i].in = sk_calloc(1, REQ_MAX);
			sk_buf_init(&conns[i].out, 0);
			return;
		}
	if (fd >= 0)
		(void)close(fd);
}

/* The whole of main(): see fake_provider.c. */
static int
fake_http(int argc, char **argv)
{
	struct pollfd p[CONNS + 1];
	int lfd, at[CONNS + 1], n;

	if (argc < 3 || (lfd = listening(argv[1])) < 0)
		return 1;
	log_fd = open(argv[2], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	(void)alarm(argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10) : 300);
	(void)sigaction(
	    SIGPIPE, &(struct sigaction){ .sa_handler = SIG_IGN }, NULL);
	for (int i = 0; i < CONNS; i++)
		conns[i].fd = -1;
	for (;;) {
		n = 1;
		p[0] = (struct pollfd){ .fd = lfd, .events = POLLIN };
		for (int i = 0; i < CONNS; i++)
			if (conns[i].fd >= 0) {
				at[n] = i;
				p[n++] = (struct pollfd){ .fd = conns[i].fd,
					.events = POLLIN };
			}
		if (poll(p, (nfds_t)n, -1) < 0)
			continue;
		for (int i = 1; i < n; i++)
			if (p[i].revents != 0)
				serve(&conns[at[i]]);
		if (p[0].revents != 0)
			accept_one(lfd);
	}
}

#endif
