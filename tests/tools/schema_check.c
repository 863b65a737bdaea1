/* SPDX-License-Identifier: MIT */
/*
 * Hold the JSON Lines on standard input against a schema.
 *
 *     schema_check SCHEMA.json <records
 *
 * Prints every finding; status 1 when there is one or no line at all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "json/json.h"

static int
check_line(const struct sk_jv *schema, const char *line, size_t n)
{
	struct sk_arena a = { 0 };
	struct sk_schema_out out = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v;
	int bad = 0;

	if (sk_json_parse(&a, line, n, NULL, &v, &err) != 0) {
		printf("%s\n", err.message);
		bad = 1;
	} else if (!sk_schema_check(schema, v, &out)) {
		for (size_t i = 0; i < out.n; i++)
			printf("%s: %s\n", out.v[i].pointer, out.v[i].message);
		bad = 1;
	}
	sk_schema_out_free(&out);
	sk_err_clear(&err);
	sk_arena_free(&a);
	return bad;
}

int
main(int argc, char **argv)
{
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_buf text;
	struct sk_lines in;
	struct sk_jv *schema;
	size_t n, lines = 0;
	char *line;
	int bad = 0;

	sk_buf_init(&text, 0);
	if (argc != 2 ||
	    sk_read_file(argv[1], (size_t)1 << 20, &text, &err) != 0 ||
	    sk_json_parse(&a, text.p, text.len, NULL, &schema, &err) != 0) {
		fprintf(stderr, "schema_check: %s\n",
		    argc == 2 ? err.message : "usage: schema_check SCHEMA");
		return 2;
	}
	sk_lines_init(&in, STDIN_FILENO, (size_t)64 << 20);
	while (sk_lines_next(&in, &line, &n, &err) > 0) {
		bad |= check_line(schema, line, n);
		lines++;
	}
	sk_lines_free(&in);
	sk_buf_free(&text);
	sk_err_clear(&err);
	sk_arena_free(&a);
	return bad != 0 || lines == 0;
}
