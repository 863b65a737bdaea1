/* SPDX-License-Identifier: MIT */
/*
 * Runs the schema validator over files in the form of the public JSON Schema
 * test suite: arrays of {description, schema, tests[{description, data,
 * valid}]}. Prints what differs and the counts.
 *
 *     schema_suite FILE|DIRECTORY...
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

static unsigned passed, failed;

static void
run_group(const char *path, const struct sk_jv *g)
{
	const struct sk_jv *tests = sk_jget(g, "tests"), *t;
	struct sk_schema_out out;
	bool want, got;

	for (size_t i = 0; (t = sk_jat(tests, i)) != NULL; i++) {
		want = sk_jget_bool(t, "valid", false);
		got = sk_schema_check(
		    sk_jget(g, "schema"), sk_jget(t, "data"), &out);
		if (want == got) {
			passed++;
		} else {
			failed++;
			printf("%s: %s: %s: %s\n", path,
			    sk_jget_str(g, "description"),
			    sk_jget_str(t, "description"),
			    got ? "was found valid" : out.v[0].message);
		}
		sk_schema_out_free(&out);
	}
}

static int
run_file(const char *path)
{
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v, *g;
	struct sk_buf b;
	int rc;

	sk_buf_init(&b, 0);
	rc = sk_read_file(path, (size_t)1 << 26, &b, &err);
	if (rc == 0)
		rc = sk_json_parse(&a, b.p, b.len, NULL, &v, &err);
	if (rc == 0)
		for (size_t i = 0; (g = sk_jat(v, i)) != NULL; i++)
			run_group(path, g);
	else
		fprintf(stderr, "%s: %s\n", path, err.message);
	sk_err_clear(&err);
	sk_buf_free(&b);
	sk_arena_free(&a);
	return rc;
}

int
main(int argc, char **argv)
{
	struct dirent *e;
	int bad = argc < 2;
	char *path;
	DIR *d;

	for (int i = 1; i < argc; i++) {
		d = opendir(argv[i]);
		if (d == NULL) {
			bad |= run_file(argv[i]) != 0;
			continue;
		}
		while ((e = readdir(d)) != NULL)
			if (sk_has_suffix(e->d_name, ".json")) {
				path = sk_path_join(argv[i], e->d_name);
				bad |= run_file(path) != 0;
				free(path);
			}
		closedir(d);
	}
	printf("%u passed, %u failed\n", passed, failed);
	return bad || failed != 0;
}
