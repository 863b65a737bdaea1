/* SPDX-License-Identifier: MIT */
/*
 * Stands in for a program that was recorded: replay DIR [words…] reads its
 * standard input to the end, prints what is in DIR/stdout and DIR/stderr, and
 * ends as DIR/exit says, by exit status or by signal. With SK_REPLAY_SPEED=N
 * it takes its time as DIR/notes has it ("first_stdout_s", "wall_s"), N times
 * faster; without, none. All other words are for the program that it plays.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

static const char *dir;

static void
read_all(const char *name, struct sk_buf *b)
{
	char *path = sk_path_join(dir, name);
	struct sk_err err = { 0 };

	sk_buf_init(b, 0);
	if (sk_read_file(path, (size_t)256 << 20, b, &err) != 0) {
		fprintf(stderr, "replay: %s\n", err.message);
		exit(99);
	}
	free(path);
}

/* "wall_s": 1.044, of the notes; 0 when they do not say. */
static double
seconds(const struct sk_buf *notes, const char *key)
{
	const char *m = strstr(notes->p, key);

	m = m != NULL ? strchr(m, ':') : NULL;
	return m != NULL ? strtod(m + 1, NULL) : 0;
}

static void
wait_for(double s)
{
	struct timespec ts = { (time_t)s,
		(long)((s - (double)(time_t)s) * 1e9) };

	if (s > 0)
		(void)nanosleep(&ts, NULL);
}

/* In pieces that end anywhere, as pipes cut them. */
static void
print(int fd, const struct sk_buf *b)
{
	size_t i = 0, n = 1;

	while (i < b->len) {
		size_t k = n < b->len - i ? n : b->len - i;

		if (sk_write_all(fd, b->p + i, k) != 0)
			exit(98);
		i += k;
		n = n * 3 + 1;
	}
}

/* What the program writes beside its output, where its words say so. */
static void
extra(int argc, char **argv)
{
	char *path = sk_path_join(dir, "file.usage.json");
	struct sk_err err = { 0 };
	struct sk_buf b;

	for (int i = 2; i + 1 < argc && access(path, R_OK) == 0; i++)
		if (sk_streq(argv[i], "--usage-output-file")) {
			read_all("file.usage.json", &b);
			(void)sk_write_file(
			    argv[i + 1], b.p, b.len, 0600, &err);
			sk_buf_free(&b);
		}
	free(path);
}

int
main(int argc, char **argv)
{
	const char *speed = getenv("SK_REPLAY_SPEED");
	double fast = speed != NULL ? strtod(speed, NULL) : 0, first, wall;
	struct sk_buf out, err, notes, code;
	char sink[65536];

	if (argc < 2)
		return 99;
	dir = argv[1];
	read_all("stdout", &out);
	read_all("stderr", &err);
	read_all("exit", &code);
	read_all("notes", &notes);
	first = fast > 0 ? seconds(&notes, "first_stdout_s") / fast : 0;
	wall = fast > 0 ? seconds(&notes, "wall_s") / fast : 0;
	while (read(STDIN_FILENO, sink, sizeof(sink)) > 0)
		;
	extra(argc, argv);
	wait_for(first);
	print(STDERR_FILENO, &err);
	print(STDOUT_FILENO, &out);
	wait_for(wall - first);
	if (sk_has_prefix(code.p, "signal ")) {
		int sig = (int)strtol(code.p + 7, NULL, 10);

		(void)kill(getpid(), sig);
		wait_for(10);
	}
	_exit((int)strtol(code.p, NULL, 10)); /* nothing is worth freeing */
}
