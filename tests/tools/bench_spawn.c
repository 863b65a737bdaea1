/* SPDX-License-Identifier: MIT */
/*
 * bench_spawn N WARMUP FILE PROGRAM [ARGUMENT]...
 *
 * Runs a program N times with FILE as its standard input and prints how long
 * each run took, in milliseconds, from spawn to reaped, and on standard error
 * the most memory that one of them had, in MiB. For the bench: the
 * hyperfine of Debian 12 cannot feed standard input without a shell.
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

extern char **environ;

static double
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

int
main(int argc, char **argv)
{
	posix_spawn_file_actions_t fa;
	struct rusage used;
	double start;
	pid_t pid;
	int status;

	if (argc < 5) {
		fputs("usage: bench_spawn N WARMUP FILE PROGRAM...\n", stderr);
		return 2;
	}
	if (posix_spawn_file_actions_init(&fa) != 0 ||
	    posix_spawn_file_actions_addopen(&fa, 0, argv[3], O_RDONLY, 0) ||
	    posix_spawn_file_actions_addopen(&fa, 1, "/dev/null", O_WRONLY, 0))
		return 1;
	for (long i = -strtol(argv[2], NULL, 10), n = strtol(argv[1], NULL, 10);
	     i < n; i++) {
		start = now_ms();
		if (posix_spawnp(&pid, argv[4], &fa, NULL, argv + 4, environ) !=
		    0) {
			perror(argv[4]);
			return 1;
		}
		if (waitpid(pid, &status, 0) != pid)
			return 1;
		if (i >= 0)
			printf("%.6f\n", now_ms() - start);
	}
	(void)posix_spawn_file_actions_destroy(&fa);
	/* The bench reads this where it wants to know. */
	if (getrusage(RUSAGE_CHILDREN, &used) == 0)
		fprintf(
		    stderr, "max rss %.1f\n", (double)used.ru_maxrss / 1024);
	return 0;
}
