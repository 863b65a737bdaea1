/* SPDX-License-Identifier: MIT */
/* core, pipeline: text in the logs and pages of CI systems. */
#include <stdlib.h>
#include <string.h>

#include "pipeline/ci.h"
#include "tap.h"

static struct sk_buf b;

static const char *
workflow(const char *s, bool property)
{
	sk_buf_clear(&b);
	sk_buf_workflow(&b, s, strlen(s), property);
	return b.p;
}

static const char *
span(const char *s)
{
	sk_buf_clear(&b);
	sk_buf_code_span(&b, s, strlen(s));
	return b.p;
}

static void
test_workflow(void)
{
	CHECK_STR(workflow("", false), "");
	CHECK_STR(workflow("100%, a:b\n::x", false), "100%25, a:b%0A::x");
	CHECK_STR(workflow("a:b,c%", true), "a%3Ab%2Cc%25");
	CHECK(strpbrk(workflow("\033[31m\r\n\t\001", false),
		  "\033\r\n\t\001") == NULL);
	CHECK(strstr(workflow("##[error]", false), "##") == NULL);
}

static void
test_span(void)
{
	CHECK_STR(span(""), "` `");
	CHECK_STR(span("a"), "`a`");
	CHECK_STR(span("`x` | y"), "`'x' / y`");
	CHECK(strchr(span("a\nb"), '\n') == NULL);
}

static void
cut(const char *text, size_t max)
{
	sk_buf_clear(&b);
	sk_buf_str(&b, text);
	sk_ci_cut(&b, max);
}

static void
test_cut(void)
{
	struct sk_buf all;
	char *text;

	sk_buf_init(&all, 0);
	sk_buf_str(&all, "## head\n");
	for (int i = 0; i < 20; i++)
		sk_buf_str(&all, "\n### part\n\n- x\n");
	text = sk_buf_detach(&all);
	cut(text, strlen(text));
	CHECK_STR(b.p, text);
	cut(text, strlen(text) - 1);
	CHECK(b.len < strlen(text));
	CHECK(strstr(b.p, "(cut:") != NULL);
	/* Before a heading: no part is shown by half. */
	CHECK(strstr(b.p, "- x\n\n(cut:") != NULL);
	for (size_t max = 0; max < strlen(text); max++) {
		cut(text, max);
		CHECK(b.len <= max);
	}
	free(text);
}

int
main(void)
{
	sk_buf_init(&b, 0);
	test_workflow();
	test_span();
	test_cut();
	sk_buf_free(&b);
	return tap_done();
}
