/* SPDX-License-Identifier: MIT */
/*
 * Loading and validating a configuration, N times over in one process: one line
 * for each, in milliseconds.
 *
 *	bench_config load N FILE
 *	bench_config reload N FILE	the file is edited before each
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/config.h"

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int
bad(const struct sk_err *err)
{
	fprintf(stderr, "bench_config: %s\n", err->message);
	return 1;
}

static int
edit(const char *file, const struct sk_buf *text, int i, struct sk_err *err)
{
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	sk_buf_add(&b, text->p, text->len);
	sk_buf_printf(&b, "\n[hot_reload]\ndebounce_ms = %d\n", 500 + i % 1000);
	rc = sk_write_file(file, b.p, b.len, 0600, err);
	sk_buf_free(&b);
	return rc;
}

int
main(int argc, char **argv)
{
	int n = argc == 4 ? (int)strtol(argv[2], NULL, 10) : 0;
	struct sk_strv sections = { 0 };
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_buf text;
	bool again;
	double t;

	if (n <= 0) {
		fprintf(stderr, "usage: bench_config load|reload N FILE\n");
		return 2;
	}
	again = strcmp(argv[1], "reload") == 0;
	sk_buf_init(&text, 0);
	if (sk_read_file(argv[3], 1 << 20, &text, &err) != 0)
		return bad(&err);
	if (again && sk_config_load(&c, argv[3], &err) != 0)
		return bad(&err);
	for (int i = 0; i < n; i++) {
		if (again && edit(argv[3], &text, i, &err) != 0)
			return bad(&err);
		t = now();
		if (again) {
			if (sk_config_reload(&c, &sections, &err) != 0)
				return bad(&err);
		} else {
			if (sk_config_load(&c, argv[3], &err) != 0)
				return bad(&err);
			sk_config_free(&c);
		}
		printf("%.6f\n", now() - t);
		if (again && (sections.n != 1 ||
				 strcmp(sections.v[0], "hot_reload") != 0))
			return 1;
		sk_strv_free(&sections);
	}
	if (again)
		sk_config_free(&c);
	sk_buf_free(&text);
	return 0;
}
