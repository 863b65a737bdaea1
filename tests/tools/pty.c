/* SPDX-License-Identifier: MIT */
/*
 * A person at a terminal: runs a program on a pseudo terminal and plays a
 * script. All that the terminal showed goes to standard output; ends with the
 * program's status, or with 99 when what was awaited did not come.
 *
 *	pty [-o FILE] [-r ROWSxCOLS] [-e TEXT] [-k KEYS] [-s SIGNAL] … -- CMD
 *
 * In order: -r resizes (at the beginning: is the size), -e waits until TEXT was
 * shown after what was waited for before, -k types (\e escape, \n return, \cX
 * control), -s sends a signal by number. -o sends the program's standard output
 * to a file instead.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/core.h"

#define WAIT_MS 20000

extern char **environ;

struct term {
	int fd;
	pid_t pid;
	struct sk_buf seen;
	size_t from; /* what was waited for ends here */
};

static void
die(const char *what)
{
	(void)fprintf(stderr, "pty: %s: %s\n", what, strerror(errno));
	exit(98);
}

static void
resize(int fd, const char *s)
{
	struct winsize ws = { 0 };
	unsigned rows, cols;

	if (sscanf(s, "%ux%u", &rows, &cols) != 2)
		die("size");
	ws.ws_row = (unsigned short)rows;
	ws.ws_col = (unsigned short)cols;
	if (ioctl(fd, TIOCSWINSZ, &ws) != 0)
		die("TIOCSWINSZ");
}

/* More of what is shown; false at its end or when nothing comes. */
static bool
more(struct term *t, int64_t until)
{
	struct pollfd p = { .fd = t->fd, .events = POLLIN };
	int64_t left = until - sk_mono_ms();
	char chunk[4096];
	ssize_t n;

	if (left <= 0 || poll(&p, 1, (int)left) <= 0)
		return false;
	n = read(t->fd, chunk, sizeof(chunk));
	if (n <= 0)
		return false;
	sk_buf_add(&t->seen, chunk, (size_t)n);
	return true;
}

static void
expect(struct term *t, const char *text)
{
	int64_t until = sk_mono_ms() + WAIT_MS;
	const char *at;

	while ((at = strstr(t->seen.p + t->from, text)) == NULL) {
		if (more(t, until))
			continue;
		(void)fprintf(stderr, "pty: '%s' did not come, but: %s\n", text,
		    t->seen.p + t->from);
		(void)kill(-t->pid, SIGKILL);
		exit(99);
	}
	t->from = (size_t)(at - t->seen.p) + strlen(text);
}

static void
keys(struct term *t, const char *s)
{
	for (; *s != '\0'; s++) {
		char c[8];
		size_t n = 0;

		if (s[0] == '\\' && s[1] == 'n') {
			c[n++] = '\r';
			s++;
		} else if (s[0] == '\\' && s[1] == 'c') {
			c[n++] = (char)(s[2] & 0x1f);
			s += 2;
		} else if (s[0] == '\\' && s[1] == 'e') {
			/* An escape sequence comes in one piece. */
			c[n++] = '\033';
			for (s += 2; *s != '\0' && *s != '\\' && n < 7; s++)
				c[n++] = *s;
			s--;
		} else {
			c[n++] = *s;
		}
		if (write(t->fd, c, n) != (ssize_t)n)
			die("write");
	}
}

static void
start(struct term *t, const char *out, const char *size, char **argv)
{
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t at;
	const char *name;

	t->fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (t->fd < 0 || grantpt(t->fd) != 0 || unlockpt(t->fd) != 0 ||
	    (name = ptsname(t->fd)) == NULL)
		die("posix_openpt");
	resize(t->fd, size);
	(void)posix_spawn_file_actions_init(&fa);
	(void)posix_spawnattr_init(&at);
	/* The leader of a session gets the first terminal that it opens. */
	(void)posix_spawnattr_setflags(&at, POSIX_SPAWN_SETSID);
	(void)posix_spawn_file_actions_addopen(&fa, 0, name, O_RDWR, 0);
	(void)posix_spawn_file_actions_adddup2(&fa, 0, 2);
	if (out != NULL)
		(void)posix_spawn_file_actions_addopen(
		    &fa, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	else
		(void)posix_spawn_file_actions_adddup2(&fa, 0, 1);
	if ((errno = posix_spawnp(&t->pid, argv[0], &fa, &at, argv, environ)) !=
	    0)
		die(argv[0]);
	(void)posix_spawn_file_actions_destroy(&fa);
	(void)posix_spawnattr_destroy(&at);
}

static int
script_end(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i + 1 >= argc)
		die("usage: pty [SCRIPT] -- PROGRAM");
	return i;
}

int
main(int argc, char **argv)
{
	int end = script_end(argc, argv), i = 1, status;
	struct term t = { 0 };
	const char *out = NULL, *size = "24x80";

	sk_buf_init(&t.seen, 0);
	for (; i + 1 < end; i += 2)
		if (strcmp(argv[i], "-o") == 0)
			out = argv[i + 1];
		else if (strcmp(argv[i], "-r") == 0)
			size = argv[i + 1];
		else
			break;
	start(&t, out, size, argv + end + 1);
	for (; i + 1 < end; i += 2) {
		if (strcmp(argv[i], "-r") == 0)
			resize(t.fd, argv[i + 1]);
		else if (strcmp(argv[i], "-e") == 0)
			expect(&t, argv[i + 1]);
		else if (strcmp(argv[i], "-k") == 0)
			keys(&t, argv[i + 1]);
		else if (strcmp(argv[i], "-s") == 0)
			(void)kill(t.pid, (int)strtol(argv[i + 1], NULL, 10));
		else
			die(argv[i]);
	}
	while (more(&t, sk_mono_ms() + WAIT_MS))
		;
	if (waitpid(t.pid, &status, WNOHANG) == 0) {
		(void)poll(NULL, 0, 200);
		if (waitpid(t.pid, &status, WNOHANG) == 0) {
			(void)kill(-t.pid, SIGKILL);
			(void)fprintf(stderr, "pty: it did not end\n");
			return 99;
		}
	}
	(void)fwrite(t.seen.p, 1, t.seen.len, stdout);
	sk_buf_free(&t.seen);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
	                           : WEXITSTATUS(status);
}
