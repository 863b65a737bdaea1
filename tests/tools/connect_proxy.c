/* SPDX-License-Identifier: MIT */
/*
 * A proxy that makes tunnels: connect_proxy PORT LOG [STATUS]. Prints its own
 * port. Whatever host a CONNECT names, the tunnel leads to that port of this
 * machine. LOG gets each head, and each byte that a client sends afterwards.
 * STATUS in place of 200 makes none; "silent" says nothing at all.
 */
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static FILE *file;

static int
reach(int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port),
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return fd;
	close(fd);
	return -1;
}

/* The request's head, byte by byte: what follows is the tunnel's. */
static int
head(int fd)
{
	char b[16384];
	size_t n = 0;

	while (n < sizeof(b) && read(fd, b + n, 1) == 1) {
		n++;
		if (n >= 4 && memcmp(b + n - 4, "\r\n\r\n", 4) == 0)
			break;
	}
	fwrite(b, 1, n, file);
	fflush(file);
	return n > 8 && memcmp(b, "CONNECT ", 8) == 0;
}

static int
pass(int from, int to, FILE *copy)
{
	char b[16384];
	ssize_t n = read(from, b, sizeof(b));

	if (n <= 0)
		return 0;
	if (copy != NULL) {
		fwrite(b, 1, (size_t)n, copy);
		fflush(copy);
	}
	return write(to, b, (size_t)n) == n;
}

static void
tunnel(int client, int server)
{
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };

	while (poll(p, 2, -1) > 0) {
		if (p[0].revents != 0 && !pass(client, server, file))
			return;
		if (p[1].revents != 0 && !pass(server, client, NULL))
			return;
	}
}

int
main(int argc, char **argv)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	const char *say = argc > 3 ? argv[3] : "200";
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), fd;

	if (argc < 3 || (file = fopen(argv[2], "w")) == NULL || l < 0 ||
	    bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 8) != 0 ||
	    getsockname(l, (struct sockaddr *)&a, &len) != 0)
		return 1;
	(void)sigaction(SIGPIPE, &ignore, NULL);
	printf("%d\n", ntohs(a.sin_port));
	fflush(stdout);
	while ((fd = accept(l, NULL, NULL)) >= 0) {
		int to = head(fd) ? reach((int)strtol(argv[1], NULL, 10)) : -1;

		if (strcmp(say, "silent") == 0)
			pause();
		dprintf(fd, "HTTP/1.1 %s X\r\n\r\n", say);
		if (to >= 0 && strcmp(say, "200") == 0)
			tunnel(fd, to);
		if (to >= 0)
			close(to);
		close(fd);
	}
	return 0;
}
