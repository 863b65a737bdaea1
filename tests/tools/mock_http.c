/* SPDX-License-Identifier: MIT */
/*
 * A server that says what it is told to, as rudely as it is told to. Loopback
 * only; every request is appended to DIR/requests, raw, with a line "== MODE".
 *
 *   mock_http DIR          prints its port, serves for at most ten minutes
 *   mock_http DIR full     a port whose queue is full: nobody is ever accepted
 *
 * The path decides: /MODE/NAME[,NAME...]/what-the-client-adds. NAME is a file
 * in DIR that holds a whole response, head and all; the n-th request of a list
 * gets the n-th file, the last one repeats.
 *
 *   raw     send it, close          rst     send it, reset the connection
 *   hold    send it, stay silent    byte    one byte a millisecond, close
 *   drip    one byte a second       silent  never a byte
 *   close   no byte, close          flood   head, then its last event for ever
 *   headers a header without end    interim "100 Continue" without end
 *   stream-SIZE[K|M]  head, then one event again and again up to SIZE, then the
 *           rest; each event is an HTTP chunk. The file's parts are separated
 *           by lines of "--".
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

static char *dir;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct conn {
	int fd;
	char mode[64], names[512];
	struct sk_buf req;
};

static void
nap(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static bool
put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t k = send(fd, p, n, MSG_NOSIGNAL);

		if (k <= 0)
			return false;
		p += k;
		n -= (size_t)k;
	}
	return true;
}

/* ---- the request ---- */

static size_t
content_length(const char *p)
{
	const char *h = strcasestr(p, "\r\ncontent-length:");

	return h != NULL ? strtoul(h + 17, NULL, 10) : 0;
}

static bool
read_request(struct conn *c)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	char chunk[65536];
	const char *end = NULL;

	sk_buf_init(&c->req, (size_t)100 << 20);
	for (;;) {
		ssize_t n;

		if (end == NULL &&
		    (end = strstr(c->req.p, "\r\n\r\n")) != NULL &&
		    strcasestr(c->req.p, "\r\nexpect: 100") != NULL)
			put(c->fd, go_on, sizeof(go_on) - 1);
		if (end != NULL &&
		    c->req.len >=
			(size_t)(strstr(c->req.p, "\r\n\r\n") - c->req.p) + 4 +
			    content_length(c->req.p))
			return true;
		n = recv(c->fd, chunk, sizeof(chunk), 0);
		if (n <= 0)
			return end != NULL;
		sk_buf_add(&c->req, chunk, (size_t)n);
	}
}

static void
log_request(const struct conn *c)
{
	char *path = sk_asprintf("%s/requests", dir);
	FILE *f;

	pthread_mutex_lock(&lock);
	f = fopen(path, "ae");
	if (f != NULL) {
		fprintf(f, "== %s/%s\n", c->mode, c->names);
		fwrite(c->req.p, 1, c->req.len, f);
		fputc('\n', f);
		fclose(f);
	}
	pthread_mutex_unlock(&lock);
	free(path);
}

/* The n-th of "a,b,c", by how often this list was asked for. */
static char *
next_name(const char *names)
{
	static struct {
		char names[512];
		size_t n;
	} seen[256];
	struct sk_strv v = { 0 };
	char *name = NULL;
	size_t i = 0;

	pthread_mutex_lock(&lock);
	while (i < 255 && seen[i].names[0] != '\0' &&
	       strcmp(seen[i].names, names) != 0)
		i++;
	snprintf(seen[i].names, sizeof(seen[i].names), "%s", names);
	sk_strv_split(&v, names, ',');
	if (v.n > 0)
		name = sk_strdup(v.v[seen[i].n < v.n ? seen[i].n : v.n - 1]);
	seen[i].n++;
	pthread_mutex_unlock(&lock);
	sk_strv_free(&v);
	return name;
}

static bool
load(const char *names, struct sk_buf *b)
{
	struct sk_err err = { 0 };
	char *name = next_name(names);
	char *path = sk_path_join(dir, name != NULL ? name : "none");
	bool ok = sk_read_file(path, (size_t)100 << 20, b, &err) == 0;

	free(path);
	free(name);
	sk_err_clear(&err);
	return ok;
}

/* ---- ways to answer ---- */

static void
wait_for_close(int fd)
{
	char c[4096];

	while (recv(fd, c, sizeof(c), 0) > 0)
		;
}

static void
trickle(int fd, const struct sk_buf *b, long ms)
{
	for (size_t i = 0; i < b->len; i++) {
		if (!put(fd, b->p + i, 1))
			return;
		nap(ms);
	}
}

static void
endless(int fd, const char *first, const char *piece)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (int i = 0; i < 1000; i++)
		sk_buf_str(&b, piece);
	if (put(fd, first, strlen(first)))
		while (put(fd, b.p, b.len))
			;
	sk_buf_free(&b);
}

static void
chunk(struct sk_buf *b, const char *p, size_t n)
{
	if (n == 0)
		return;
	sk_buf_printf(b, "%zx\r\n", n);
	sk_buf_add(b, p, n);
	sk_buf_str(b, "\r\n");
}

/* Head, event, rest: the event again and again up to size. */
static void
stream(int fd, const struct sk_buf *file, const char *size)
{
	int64_t want = 0, sent = 0;
	const char *event = strstr(file->p, "--\n"), *rest;
	struct sk_buf b;
	size_t n;

	if (event == NULL || !sk_parse_size(size, &want))
		return;
	rest = strstr(event + 3, "--\n");
	if (rest == NULL || !put(fd, file->p, (size_t)(event - file->p)))
		return;
	event += 3;
	n = (size_t)(rest - event);
	sk_buf_init(&b, 0);
	while (b.len < 1u << 20)
		chunk(&b, event, n);
	for (; sent < want; sent += (int64_t)b.len)
		if (!put(fd, b.p, b.len))
			break;
	sk_buf_clear(&b);
	chunk(&b, rest + 3, strlen(rest + 3));
	sk_buf_str(&b, "0\r\n\r\n");
	put(fd, b.p, b.len);
	sk_buf_free(&b);
}

static void
reset(int fd)
{
	struct linger l = { 1, 0 };

	nap(50); /* what was sent shall arrive first */
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
}

static void
answer(struct conn *c, const struct sk_buf *file)
{
	const char *m = c->mode;
	int fd = c->fd;

	if (strcmp(m, "silent") == 0) {
		wait_for_close(fd);
	} else if (strcmp(m, "byte") == 0) {
		trickle(fd, file, 1);
	} else if (strcmp(m, "drip") == 0) {
		trickle(fd, file, 1000);
	} else if (strcmp(m, "headers") == 0) {
		endless(fd, "HTTP/1.1 200 OK\r\n", "X-Filler: 0123456789\r\n");
	} else if (strcmp(m, "interim") == 0) {
		endless(fd, "", "HTTP/1.1 100 Continue\r\n\r\n");
	} else if (strcmp(m, "flood") == 0) {
		const char *e = strstr(file->p, "--\n");

		if (e != NULL && put(fd, file->p, (size_t)(e - file->p)))
			endless(fd, "", e + 3);
	} else if (strncmp(m, "stream-", 7) == 0) {
		stream(fd, file, m + 7);
	} else if (strcmp(m, "close") != 0) {
		put(fd, file->p, file->len);
		if (strcmp(m, "hold") == 0)
			wait_for_close(fd);
		else if (strcmp(m, "rst") == 0)
			reset(fd);
	}
}

static void *
serve(void *arg)
{
	struct conn *c = arg;
	struct sk_buf file;

	sk_buf_init(&file, 0);
	if (read_request(c) && sscanf(c->req.p, "%*s /%63[^/ ]/%511[^/ ]",
				   c->mode, c->names) >= 1) {
		log_request(c);
		if (!load(c->names, &file) && strcmp(c->mode, "silent") != 0 &&
		    strcmp(c->mode, "headers") != 0 &&
		    strcmp(c->mode, "interim") != 0)
			snprintf(c->mode, sizeof(c->mode), "close");
		answer(c, &file);
	}
	sk_buf_free(&file);
	sk_buf_free(&c->req);
	if (strcmp(c->mode, "rst") != 0)
		shutdown(c->fd, SHUT_WR);
	close(c->fd);
	free(c);
	return NULL;
}

/* ---- listening ---- */

static int
listen_on(int backlog, struct sockaddr_in *sa)
{
	socklen_t len = sizeof(*sa);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(sa, 0, sizeof(*sa));
	sa->sin_family = AF_INET;
	sa->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)sa, len) != 0 ||
	    listen(fd, backlog) != 0 ||
	    getsockname(fd, (struct sockaddr *)sa, &len) != 0) {
		perror("mock_http");
		exit(70);
	}
	printf("%d\n", ntohs(sa->sin_port));
	fflush(stdout);
	return fd;
}

/* Fill a queue that nobody empties: the next connection hangs. */
static void
be_full(void)
{
	struct sockaddr_in sa;
	int fd = listen_on(0, &sa);

	(void)fd;
	for (int i = 0; i < 4; i++) {
		int s = socket(
		    AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

		(void)connect(s, (struct sockaddr *)&sa, sizeof(sa));
	}
	for (;;)
		pause();
}

int
main(int argc, char **argv)
{
	struct sockaddr_in sa;
	int fd, one = 1;

	if (argc < 2)
		return 2;
	dir = argv[1];
	alarm(600);
	if (argc > 2 && strcmp(argv[2], "full") == 0)
		be_full();
	fd = listen_on(512, &sa);
	for (;;) {
		struct conn *c = sk_calloc(1, sizeof(*c));
		pthread_t t;

		c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (c->fd < 0) {
			free(c);
			continue;
		}
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (pthread_create(&t, NULL, serve, c) != 0) {
			close(c->fd);
			free(c);
			continue;
		}
		pthread_detach(t);
	}
}
