/* SPDX-License-Identifier: MIT */
/* Lines from a descriptor, and errors as records and back. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"
#include "tap.h"

static struct sk_err err;

/* All lines of text with their numbers: "1:abc 3:d ". */
static const char *
lines_of(const char *text, size_t n, size_t max, int *rc)
{
	static char got[1024];
	struct sk_lines l;
	char *line;
	size_t len;
	int fd = sk_memfd(text, n, &err);

	got[0] = '\0';
	sk_lines_init(&l, fd, max);
	while ((*rc = sk_lines_next(&l, &line, &len, &err)) == 1) {
		size_t at = strlen(got);

		CHECK(line[len] == '\0');
		snprintf(got + at, sizeof(got) - at, "%d:%.20s ", (int)l.lineno,
		    line);
	}
	sk_lines_free(&l);
	close(fd);
	return got;
}

static void
lines(void)
{
	char *big = sk_malloc(300000);
	int rc;

	CHECK_STR(lines_of("", 0, 100, &rc), "");
	CHECK_INT(rc, 0);
	CHECK_STR(lines_of("\n\n \t\r\n", 6, 100, &rc), "");
	CHECK_INT(rc, 0);
	CHECK_STR(
	    lines_of("a\n\n  \nbc\r\nd", 11, 100, &rc), "1:a 4:bc\r 5:d ");
	CHECK_INT(rc, 0);
	/* A line of the greatest length, with and without its newline. */
	CHECK_STR(lines_of("abcd\n", 5, 4, &rc), "1:abcd ");
	CHECK_INT(rc, 0);
	CHECK_STR(lines_of("abcd", 4, 4, &rc), "1:abcd ");
	CHECK_INT(rc, 0);
	CHECK_STR(lines_of("x\nabcde\ny\n", 10, 4, &rc), "1:x ");
	CHECK_INT(rc, -SK_DAMAGED);
	CHECK_STR(err.code, "line_too_long");
	CHECK(strstr(err.message, "line 2 ") != NULL);
	CHECK_STR(lines_of("abcde", 5, 4, &rc), "");
	CHECK_INT(rc, -SK_DAMAGED);
	/* Longer than the chunks it is read in. */
	memset(big, 'x', 300000);
	big[250000] = '\n';
	CHECK_STR(lines_of(big, 300000, 250000, &rc),
	    "1:xxxxxxxxxxxxxxxxxxxx 2:xxxxxxxxxxxxxxxxxxxx ");
	CHECK_INT(rc, 0);
	CHECK_STR(lines_of(big, 300000, 249999, &rc), "");
	CHECK_INT(rc, -SK_DAMAGED);
	/* A million blanks are one line too long, not a lot of memory. */
	memset(big, ' ', 300000);
	CHECK_STR(lines_of(big, 300000, 1000, &rc), "");
	CHECK_INT(rc, -SK_DAMAGED);
	free(big);
}

static void
waiting(void)
{
	struct sk_lines l;
	char *line;
	size_t n;
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) != 0)
		return;
	sk_lines_init(&l, fd[0], 100);
	CHECK(sk_lines_would_block(&l));
	CHECK(write(fd[1], "ab", 2) == 2);
	CHECK(sk_lines_would_block(&l)); /* half a line */
	CHECK(write(fd[1], "c\nd\n\n  \n", 8) == 8);
	CHECK(!sk_lines_would_block(&l));
	CHECK(sk_lines_next(&l, &line, &n, &err) == 1);
	CHECK_STR(line, "abc");
	CHECK(!sk_lines_would_block(&l));
	CHECK(sk_lines_next(&l, &line, &n, &err) == 1);
	CHECK_STR(line, "d");
	CHECK(sk_lines_would_block(&l)); /* only blank lines are left */
	CHECK(write(fd[1], "e", 1) == 1);
	CHECK(sk_lines_would_block(&l));
	close(fd[1]);
	CHECK(!sk_lines_would_block(&l)); /* the end comes without waiting */
	CHECK(sk_lines_next(&l, &line, &n, &err) == 1);
	CHECK_STR(line, "e");
	CHECK_INT(l.lineno, 5);
	CHECK_INT(sk_lines_next(&l, &line, &n, &err), 0);
	CHECK_INT(sk_lines_next(&l, &line, &n, &err), 0);
	sk_lines_free(&l);
	close(fd[0]);
	/* Not readable at all. */
	fd[0] = open("/", O_RDONLY | O_CLOEXEC);
	sk_lines_init(&l, fd[0], 100);
	CHECK(!sk_lines_would_block(&l));
	CHECK_INT(sk_lines_next(&l, &line, &n, &err), -SK_IO);
	sk_lines_free(&l);
	close(fd[0]);
	/* A descriptor that somebody made non-blocking. */
	if (pipe2(fd, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	sk_lines_init(&l, fd[0], 100);
	CHECK(sk_lines_would_block(&l));
	CHECK(write(fd[1], "z\n", 2) == 2);
	CHECK(sk_lines_next(&l, &line, &n, &err) == 1);
	sk_lines_free(&l);
	close(fd[0]);
	close(fd[1]);
}

static bool
from(struct sk_arena *a, const char *json)
{
	struct sk_jv *v = NULL;

	sk_err_clear(&err);
	if (sk_json_parse(a, json, strlen(json), NULL, &v, &err) != 0)
		return false;
	return sk_error_from_json(v, &err);
}

static void
errors(void)
{
	static char text[2048];
	struct sk_arena a = { 0 };
	struct sk_buf b;

	sk_prog = "sk-one";
	sk_buf_init(&b, 0);
	sk_fail(&err, SK_AGAIN, "busy", "cannot lock '%s'", "x##\x1b\xff");
	sk_error_json(&b, &err);
	CHECK_STR(b.p,
	    "{\"schema\":\"sk.error/1\",\"error\":{\"code\":\"busy\","
	    "\"exit\":75,\"tool\":\"sk-one\",\"message\":\"cannot lock "
	    "'x#\\u0023\\u001b\\ufffd'\",\"hint\":null,"
	    "\"retry_after_ms\":null,\"details\":null}}\n");
	sk_buf_clear(&b);
	sk_hint(&err, "wait");
	err.retry_after_ms = 12000;
	err.details = sk_strdup("{\"line\":3}");
	sk_error_json(&b, &err);
	CHECK(strstr(b.p, "\"hint\":\"wait\",\"retry_after_ms\":12000,"
			  "\"details\":{\"line\":3}}}\n") != NULL);

	/* Our own record comes back as it was. */
	snprintf(text, sizeof(text), "%s", b.p);
	CHECK(from(&a, text));
	CHECK_INT(err.exit, SK_AGAIN);
	sk_buf_clear(&b);
	sk_error_json(&b, &err);
	CHECK_STR(b.p, text);
	/* Passed on by another tool, the first one's name stays with it. */
	sk_prog = "sk-two";
	CHECK(from(&a, text));
	CHECK_STR(err.details, "{\"from\":\"sk-one\",\"line\":3}");
	sk_buf_clear(&b);
	sk_error_json(&b, &err);
	snprintf(text, sizeof(text), "%s", b.p);
	sk_prog = "sk-three";
	CHECK(from(&a, text));
	CHECK_STR(err.details, "{\"from\":\"sk-one\",\"line\":3}");

	CHECK(from(&a, "{\"schema\":\"sk.error/1\",\"error\":{}}"));
	CHECK_INT(err.exit, SK_NOANSWER);
	CHECK(err.message[0] != '\0' && err.details == NULL);
	CHECK(from(&a, "{\"schema\":\"sk.error/1\",\"error\":{\"exit\":0,"
		       "\"code\":7,\"message\":[],\"retry_after_ms\":-1,"
		       "\"details\":[1]}}"));
	CHECK(err.exit == SK_NOANSWER && err.details == NULL &&
	      err.retry_after_ms == 0);
	CHECK(from(&a, "{\"schema\":\"sk.error/1\",\"error\":{\"exit\":300}}"));
	CHECK_INT(err.exit, SK_NOANSWER);
	CHECK(!from(&a, "{\"schema\":\"sk.error/2\",\"error\":{}}"));
	CHECK(!from(&a, "{\"schema\":\"sk.error/1\"}"));
	CHECK(!from(&a, "{\"schema\":\"sk.error/1\",\"error\":\"x\"}"));
	CHECK(!from(&a, "[\"sk.error/1\"]"));
	/* Too long is cut between two characters. */
	snprintf(text, sizeof(text),
	    "{\"schema\":\"sk.error/1\",\"error\":{\"message\":\"%0*d"
	    "\xc3\xa4\xc3\xa4\"}}",
	    (int)sizeof(err.message) - 2, 0);
	CHECK(from(&a, text));
	CHECK_INT(strlen(err.message), sizeof(err.message) - 2);
	sk_buf_free(&b);
	sk_arena_free(&a);
	sk_err_clear(&err);
}

int
main(void)
{
	lines();
	waiting();
	errors();
	sk_err_clear(&err);
	return tap_done();
}
