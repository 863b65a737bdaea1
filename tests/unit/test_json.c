/* SPDX-License-Identifier: MIT */
/* The JSON reader, and looking into its trees. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "json/json.h"

/* A literal with its length, so that it may hold NUL bytes. */
#define LIT(s) (s), sizeof(s) - 1

static struct sk_arena arena;

static struct sk_jv *
parse(const char *s)
{
	struct sk_jv *v;

	return sk_json_parse(&arena, s, strlen(s), NULL, &v, NULL) == 0 ? v
	                                                                : NULL;
}

/* Written form of a text, or "!" when it is refused. Four results live at a
 * time. */
static const char *
rewrite(const char *s)
{
	static struct sk_buf b[4];
	static unsigned k;
	struct sk_buf *o = &b[k++ % 4];
	struct sk_jv *v = parse(s);

	sk_buf_free(o);
	sk_buf_init(o, 0);
	if (v == NULL)
		sk_buf_str(o, "!");
	else
		sk_json_write(o, v);
	return o->p;
}

static void
test_accepted(void)
{
	static const char *const same[] = {
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1",
		"-1",
		"10",
		"0.5",
		"1.50",
		"1e5",
		"1E+5",
		"1e-5",
		"0e0",
		"0E99999999",
		"1.0e05",
		"123456789012345678901234567890",
		"1.7976931348623157e308",
		"5e-324",
		"\"\"",
		"\"a\"",
		"[]",
		"{}",
		"[[],{},[[]]]",
		"[1,\"2\",null,true]",
		"{\"a\":{\"b\":[{\"c\":1}]}}",
		"{\"\":1}",
		"\"\\\"\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0000\"",
		"\"\\u001f\\u007f\"",
		"\"\\ud83d\\ude00\"",
		"\"\\uffff\"",
		"{\"a\":1,\"A\":2,\"a \":3}",
	};
	static const struct {
		const char *in, *out;
	} diff[] = {
		{ " \t\r\n[ 1 , 2 ]\n", "[1,2]" },
		{ "\"\\u0041\\/\"", "\"A/\"" },
		{ "\"\xc3\xa9\"", "\"\\u00e9\"" },
		{ "\"\xf0\x9f\x98\x80\"", "\"\\ud83d\\ude00\"" },
		{ "\"\xf4\x8f\xbf\xbf\"", "\"\\udbff\\udfff\"" },
		{ "\"<a href='x'>&\"", "\"\\u003ca href='x'\\u003e\\u0026\"" },
		{ "\"##[error]\"", "\"#\\u0023[error]\"" },
		{ "\"#####\"", "\"#\\u0023#\\u0023#\"" },
		{ "{\"#\":\"#\"}", "{\"#\":\"#\"}" },
		{ "\"\x7f\"", "\"\\u007f\"" },
		{ "\"\\ud83d\\uDE00\"", "\"\\ud83d\\ude00\"" },
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(same); i++)
		CHECK_STR(rewrite(same[i]), same[i]);
	for (size_t i = 0; i < SK_ARRAY_SIZE(diff); i++)
		CHECK_STR(rewrite(diff[i].in), diff[i].out);
}

static const char *const refused[] = {
	"",
	" ",
	"nul",
	"nulll",
	"True",
	"NaN",
	"Infinity",
	"-Infinity",
	"+1",
	"-",
	"01",
	"-01",
	"00",
	"1.",
	".5",
	"1.e5",
	"1e",
	"1e+",
	"0x10",
	"1_000",
	"1 2",
	"1,",
	"1e999",
	"-1e999",
	"1e-999",
	"1.8e308",
	"1e-400",
	"0.1e999999999999999999999",
	"\"",
	"\"a",
	"\"\\",
	"\"\\x41\"",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\ud800\"",
	"\"\\udc00\"",
	"\"\\ud800\\u0041\"",
	"\"\\ud800\\ud800\"",
	"\"\\ud800x\"",
	"\"\\a\"",
	"'a'",
	"\"\t\"",
	"\"\n\"",
	"\"\x01\"",
	"\"\x80\"",
	"\"\xc0\xaf\"",
	"\"\xc3\"",
	"\"\xc3(\"",
	"\"\xed\xa0\x80\"",
	"\"\xf4\x90\x80\x80\"",
	"\"\xe0\x80\x80\"",
	"\"\xff\"",
	"[",
	"]",
	"[1",
	"[1,",
	"[,1]",
	"[1,]",
	"[1,,2]",
	"[1 2]",
	"[1}",
	"{",
	"}",
	"{1:2}",
	"{a:1}",
	"{\"a\"}",
	"{\"a\":}",
	"{\"a\":1,}",
	"{,}",
	"{\"a\":1 \"b\":2}",
	"{\"a\"::1}",
	"{\"a\":1]",
	"{\"a\":1,\"a\":2}",
	"{\"a\":1,\"\\u0061\":2}",
	"{\"\\u0000\":1}",
	"[]]",
	"{}{}",
	"[] []",
	"// x\n1",
	"/* x */1",
	"\xef\xbb\xbf[]",
	"\xfe\xff",
	"\v1",
	"\xc2\xa0[]",
	"[\"a\":1]",
	"#",
};

static void
test_refused(void)
{
	struct sk_jv *v;

	for (size_t i = 0; i < SK_ARRAY_SIZE(refused); i++)
		CHECKF(parse(refused[i]) == NULL, "refused: %zu", i);
	CHECK(
	    sk_json_parse(&arena, LIT("[1]\0"), NULL, &v, NULL) == SK_DAMAGED);
	CHECK(sk_json_parse(&arena, LIT("\"a\0b\""), NULL, &v, NULL) ==
	      SK_DAMAGED);
}

/* Depth d of arrays. */
static bool
nested(size_t d, const struct sk_jlimits *lim)
{
	char *s = sk_malloc(2 * d);
	struct sk_jv *v;
	int rc;

	memset(s, '[', d);
	memset(s + d, ']', d);
	rc = sk_json_parse(&arena, s, 2 * d, lim, &v, NULL);
	free(s);
	return rc == 0;
}

static void
test_limits(void)
{
	struct sk_jlimits lim = sk_jlimits_default;
	struct sk_jv *v;

	CHECK(nested(64, NULL));
	CHECK(!nested(65, NULL));
	CHECK(!nested(1000000, NULL));
	lim.depth = 100000;
	CHECK(nested(100000, &lim));
	lim = sk_jlimits_default;
	lim.bytes = 4;
	CHECK(sk_json_parse(&arena, LIT("[10]"), &lim, &v, NULL) == 0);
	CHECK(sk_json_parse(&arena, LIT("[100]"), &lim, &v, NULL) != 0);
	lim = sk_jlimits_default;
	lim.tokens = 4;
	CHECK(sk_json_parse(&arena, LIT("[1,2,3,4]"), &lim, &v, NULL) == 0);
	CHECK(sk_json_parse(&arena, LIT("[1,2,3,4,5]"), &lim, &v, NULL) != 0);
	CHECK(sk_json_parse(&arena, LIT("{\"a\":1,\"b\":2}"), &lim, &v, NULL) ==
	      0);
	CHECK(sk_json_parse(
		  &arena, LIT("{\"a\":1,\"b\":[2]}"), &lim, &v, NULL) != 0);
	lim = sk_jlimits_default;
	lim.string = 3;
	CHECK(sk_json_parse(&arena, LIT("\"\\u0061bc\""), &lim, &v, NULL) == 0);
	CHECK(sk_json_parse(&arena, LIT("\"abcd\""), &lim, &v, NULL) != 0);
	lim = sk_jlimits_default;
	lim.key = 2;
	CHECK(sk_json_parse(&arena, LIT("{\"ab\":1}"), &lim, &v, NULL) == 0);
	CHECK(sk_json_parse(&arena, LIT("{\"abc\":1}"), &lim, &v, NULL) != 0);
}

static void
test_errors(void)
{
	static const struct {
		const char *in, *message, *details;
	} t[] = {
		{ "{\n  \"a\": [1, 2,, 3]\n}",
		    "line 2, column 14: found ',' where a value should be",
		    "{\"line\":2,\"column\":14,\"offset\":15,"
		    "\"pointer\":\"/a/2\"}" },
		{ "[\"\xc3\xa9\xc3\xa9\" x]",
		    "line 1, column 7: found 'x' where ',' or ']' should be",
		    NULL },
		{ "{\"a\":1,\"b\":{\"x\":1,\"x\":2}}",
		    "line 1, column 19: the key \"x\" is there twice", NULL },
		{ "[1e999]", "line 1, column 2: a number out of range", NULL },
		{ "[1",
		    "line 1, column 3: the text ends where ',' or ']' "
		    "should be",
		    NULL },
		{ "\xef\xbb\xbf{}",
		    "line 1, column 1: a byte order mark is not JSON", NULL },
		{ "[\x01]",
		    "line 1, column 2: found byte 0x01 where a value should be",
		    NULL },
	};
	struct sk_err err = { 0 };
	struct sk_jv *v;

	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		CHECK_INT(sk_json_parse(
			      &arena, t[i].in, strlen(t[i].in), NULL, &v, &err),
		    SK_DAMAGED);
		CHECK_STR(err.code, "bad_json");
		CHECK_STR(err.message, t[i].message);
		if (t[i].details != NULL)
			CHECK_STR(err.details, t[i].details);
		sk_err_clear(&err);
	}
}

static void
test_twins(void)
{
	struct sk_jv *v;
	struct sk_buf b;

	/* 100,000 keys, the last one twice; sorted, not compared in pairs. */
	sk_buf_init(&b, 0);
	sk_buf_ch(&b, '{');
	for (int i = 0; i < 100000; i++)
		sk_buf_printf(&b, "\"key%d\":%d,", i, i);
	sk_buf_str(&b, "\"last\":0}");
	CHECK(sk_json_parse(&arena, b.p, b.len, NULL, &v, NULL) == 0);
	CHECK_INT(sk_jlen(v), 100001);
	b.len--;
	sk_buf_str(&b, ",\"key77\":0}");
	CHECK(sk_json_parse(&arena, b.p, b.len, NULL, &v, NULL) != 0);
	sk_buf_free(&b);
	CHECK(parse("{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,"
		    "\"g\":7,\"h\":8,\"i\":9,\"j\":10,\"k\":11,\"l\":12,"
		    "\"m\":13,\"n\":14,\"o\":15,\"p\":16,\"q\":17,"
		    "\"c\":18}") == NULL);
}

static void
test_prefix(void)
{
	struct sk_jv *v;
	size_t used;

	CHECK(sk_json_prefix(&arena, LIT(" {\"a\":1} {\"b\""), NULL, &v, &used,
		  NULL) == 0);
	CHECK_INT(used, 8);
	CHECK_INT(v->type, SK_J_OBJ);
	CHECK(sk_json_prefix(&arena, LIT("12,"), NULL, &v, &used, NULL) == 0);
	CHECK_INT(used, 2);
	CHECK(sk_json_prefix(&arena, LIT("[1"), NULL, &v, &used, NULL) != 0);
	CHECK(v == NULL && used == 0);
}

static void
test_looking(void)
{
	struct sk_jv *v = parse("{\"s\":\"x\",\"n\":12,\"f\":1.5,\"t\":true,"
				"\"a\":[1,[2,{\"b\":3}]],\"a/b\":4,"
				"\"m~n\":5,\"\":6,\"z\":\"a\\u0000b\","
				"\"big\":9007199254740991,"
				"\"bigger\":9007199254740992,\"e\":1.2e1,"
				"\"neg\":-7,\"huge\":1e300}");
	int64_t i = 0;

	CHECK_STR(sk_jget_str(v, "s"), "x");
	CHECK(sk_jget_str(v, "n") == NULL);
	CHECK(sk_jget_str(v, "z") == NULL);
	CHECK_STR(
	    sk_jget_first(v, (const char *const[]){ "z", "n", "s", NULL }),
	    "x");
	CHECK(
	    sk_jget_first(v, (const char *const[]){ "z", "n", NULL }) == NULL);
	CHECK(sk_jget_str(NULL, "z") == NULL);
	CHECK(sk_jget(sk_jget(v, "s"), "x") == NULL);
	CHECK(sk_jget_int(v, "n", &i) && i == 12);
	CHECK(sk_jget_int(v, "e", &i) && i == 12);
	CHECK(sk_jget_int(v, "neg", &i) && i == -7);
	CHECK(sk_jget_int(v, "big", &i) && i == 9007199254740991);
	CHECK(!sk_jget_int(v, "bigger", &i));
	CHECK(!sk_jget_int(v, "huge", &i));
	CHECK(!sk_jget_int(v, "f", &i));
	CHECK(!sk_jget_int(v, "s", &i));
	CHECK(sk_jget_bool(v, "t", false));
	CHECK(sk_jget_bool(v, "n", true));
	CHECK(!sk_jget_bool(v, "none", false));
	CHECK(sk_jdouble(sk_jget(v, "f"), 0) > 1.4);
	CHECK(sk_jdouble(NULL, 2) > 1.9);
	CHECK_INT(sk_jlen(sk_jget(v, "a")), 2);
	CHECK_INT(sk_jlen(sk_jget(v, "s")), 0);
	CHECK(sk_jptr(v, "") == v);
	CHECK(sk_jint(sk_jptr(v, "/a/1/1/b"), &i) && i == 3);
	CHECK(sk_jint(sk_jptr(v, "/a~1b"), &i) && i == 4);
	CHECK(sk_jint(sk_jptr(v, "/m~0n"), &i) && i == 5);
	CHECK(sk_jint(sk_jptr(v, "/"), &i) && i == 6);
	CHECK(sk_jptr(v, "/a/2") == NULL);
	CHECK(sk_jptr(v, "/a/01") == NULL);
	CHECK(sk_jptr(v, "/a/-") == NULL);
	CHECK(sk_jptr(v, "/a/") == NULL);
	CHECK(sk_jptr(v, "/s/x") == NULL);
	CHECK(sk_jptr(v, "a") == NULL);
	CHECK(sk_jptr(v, "/m~n") == NULL);
	CHECK(sk_jptr(NULL, "/a") == NULL);
	CHECK(sk_jptr_ok("/a~0~1") && !sk_jptr_ok("/~2") && !sk_jptr_ok("x"));
	CHECK_INT(sk_jget(v, "t")->line, 1);
	CHECK_INT(sk_jget(v, "n")->col, 14);
}

int
main(void)
{
	test_accepted();
	test_refused();
	test_limits();
	test_errors();
	test_twins();
	test_prefix();
	test_looking();
	(void)rewrite("0");
	sk_arena_free(&arena);
	return tap_done();
}
