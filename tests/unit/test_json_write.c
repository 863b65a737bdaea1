/* SPDX-License-Identifier: MIT */
/* JSON trees that are built, the canonical form and the writer. */
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

static const char *
canon(const char *s)
{
	static struct sk_buf b;

	sk_buf_free(&b);
	sk_buf_init(&b, 0);
	sk_json_canon(&b, parse(s));
	return b.p;
}

static void
test_building(void)
{
	struct sk_jv *o = sk_jnew(&arena, SK_J_OBJ), *arr, *c;
	struct sk_buf b, key;

	arr = sk_jnew(&arena, SK_J_ARR);
	for (int i = 0; i < 100; i++)
		sk_jpush(&arena, arr, sk_jnew_int(&arena, i));
	CHECK_INT(sk_jlen(arr), 100);
	sk_jset(&arena, o, "a", sk_jnew_cstr(&arena, "x"));
	sk_jset(&arena, o, "b", sk_jnew_int(&arena, INT64_MIN));
	sk_jset(&arena, o, "c", sk_jnew_bool(&arena, true));
	sk_jset(&arena, o, "a", sk_jnew_cstr(&arena, NULL));
	sk_jset(&arena, o, "d", sk_jnew_num(&arena, "1.50", 4));
	/* A parsed object grows too. */
	c = parse("{\"x\":[1,2,3,4,5]}");
	sk_jset(&arena, c, "y", o);
	sk_jpush(&arena, sk_jget(c, "x"), sk_jnew_str(&arena, "#", 1));
	c = sk_jcopy(&arena, c);
	sk_buf_init(&b, 0);
	sk_json_write(&b, c);
	CHECK_STR(b.p, "{\"x\":[1,2,3,4,5,\"#\"],\"y\":{\"a\":null,"
		       "\"b\":-9223372036854775808,\"c\":true,\"d\":1.50}}");
	sk_buf_clear(&b);
	sk_json_pretty(&b, parse("{\"a\":[1,{}],\"b\":[]}"));
	CHECK_STR(b.p, "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}");
	sk_buf_init(&key, 0);
	sk_jptr_add(&key, "a/b~c", 5);
	CHECK_STR(key.p, "/a~1b~0c");
	sk_buf_free(&key);
	sk_buf_free(&b);
}

static void
test_canon(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "1.0", "1" },
		{ "1e0", "1" },
		{ "10e-1", "1" },
		{ "0.001e3", "1" },
		{ "-0", "0" },
		{ "-0.0e9", "0" },
		{ "100", "100" },
		{ "1e2", "100" },
		{ "12.50", "12.5" },
		{ "-0.0125e1", "-0.125" },
		{ "0.000001", "0.000001" },
		{ "123456789012345678901234567890.10",
		    "123456789012345678901234567890.1" },
		{ "1e40", "10000000000000000000000000000000000000000" },
		{ "1e41", "1e41" },
		{ "12e300", "1.2e301" },
		{ "1.2e301", "1.2e301" },
		{ "-1e-300", "-1e-300" },
		{ "0.1e-299", "1e-300" },
		{ "{\"b\":1,\"a\":2,\"B\":3,\"ab\":4}",
		    "{\"B\":3,\"a\":2,\"ab\":4,\"b\":1}" },
		{ "[\"\\u00e9\\n\\u0001\\/\\\"\"]",
		    "[\"\xc3\xa9\\n\\u0001/\\\"\"]" },
		{ "[ true , null , [ ] ]", "[true,null,[]]" },
	};
	static const char *const order[] = { "-1e300", "-12.51", "-12.5",
		"-1e-300", "0", "1e-300", "0.1", "0.11", "1", "9.99", "10",
		"99", "100.5", "123456789012345678901234567890",
		"123456789012345678901234567891", "1e300" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		CHECK_STR(canon(t[i].in), t[i].out);
		/* the form of the form is the form */
		CHECK_STR(canon(t[i].out), t[i].out);
		CHECK(sk_json_eq(parse(t[i].in), parse(t[i].out)));
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(order); i++)
		for (size_t j = 0; j < SK_ARRAY_SIZE(order); j++)
			if (sk_num_cmp(order[i], strlen(order[i]), order[j],
				strlen(order[j])) != (i > j) - (i < j))
				CHECKF(0, "%s against %s", order[i], order[j]);
	CHECK(sk_num_cmp("1e400", 5, "1e399", 5) > 0);
	CHECK(sk_json_eq(
	    parse("{\"a\":1,\"b\":[1.0]}"), parse("{\"b\":[1],\"a\":1e0}")));
	CHECK(!sk_json_eq(parse("{\"a\":1}"), parse("{\"b\":1}")));
	CHECK(!sk_json_eq(parse("[1]"), parse("[1,1]")));
	CHECK(!sk_json_eq(parse("1"), parse("\"1\"")));
	CHECK(sk_json_eq(NULL, parse("null")));
	CHECK(!sk_json_eq(parse("true"), parse("false")));
}

static void
test_writer(void)
{
	struct sk_strv v = { 0 };
	struct sk_jw w;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_jw_init(&w, &b);
	sk_jw_obj(&w);
	sk_jw_kstr(&w, "schema", "sk.test/1");
	sk_jw_kint(&w, "n", -5);
	sk_jw_kbool(&w, "t", true);
	sk_jw_knull(&w, "x");
	sk_jw_kstr(&w, "none", NULL);
	sk_jw_key(&w, "list");
	sk_jw_arr(&w);
	sk_jw_int(&w, 1);
	sk_jw_arr(&w);
	sk_jw_end(&w);
	sk_jw_obj(&w);
	sk_jw_end(&w);
	sk_jw_strn(&w, LIT("a\0b"));
	sk_jw_raw(&w, LIT("{\"r\":1}"));
	sk_jw_end(&w);
	sk_jw_kvalue(&w, "v", parse("[1.50,\"#\"]"));
	sk_jw_kvalue(&w, "no", NULL);
	sk_jw_ktime(&w, "at", 0);
	sk_jw_keyn(&w, LIT("##"));
	sk_jw_strn(&w, LIT("bad \xff\xc3 utf"));
	sk_jw_ktime(&w, "then", 1759572900000);
	sk_jw_end(&w);
	sk_jw_done(&w);
	CHECK_STR(b.p,
	    "{\"schema\":\"sk.test/1\",\"n\":-5,\"t\":true,\"x\":null,"
	    "\"none\":null,\"list\":[1,[],{},\"a\\u0000b\",{\"r\":1}],"
	    "\"v\":[1.50,\"#\"],\"no\":null,\"at\":null,"
	    "\"#\\u0023\":\"bad \\ufffd\\ufffd utf\","
	    "\"then\":\"2025-10-04T10:15:00.000Z\"}\n");
	sk_buf_free(&b);

	/* What there is none of is null; done closes the document. */
	sk_strv_add(&v, "#");
	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.test/1");
	sk_jw_kword(&w, "w", "x");
	sk_jw_kword(&w, "w0", "");
	sk_jw_kword(&w, "w1", NULL);
	sk_jw_kpos(&w, "p", 1);
	sk_jw_kpos(&w, "p0", 0);
	sk_jw_kpos(&w, "p1", INT64_MIN);
	sk_jw_kcount(&w, "c", 0);
	sk_jw_kcount(&w, "c1", -1);
	sk_jw_kobj(&w, "o");
	sk_jw_karr(&w, "a");
	sk_jw_end(&w);
	sk_jw_end(&w);
	sk_jw_kstrv(&w, "v", &v);
	sk_jw_kstrv(&w, "v0", NULL);
	sk_jw_done(&w);
	CHECK_STR(b.p,
	    "{\"schema\":\"sk.test/1\",\"w\":\"x\",\"w0\":null,"
	    "\"w1\":null,\"p\":1,\"p0\":null,\"p1\":null,\"c\":0,"
	    "\"c1\":null,\"o\":{\"a\":[]},\"v\":[\"#\"],\"v0\":[]}\n");
	sk_buf_free(&b);
	sk_strv_free(&v);

	/* The error of the buffer sticks. */
	sk_buf_init(&b, 10);
	sk_jw_init(&w, &b);
	sk_jw_str(&w, "0123456789012345");
	sk_jw_done(&w);
	CHECK(b.full);
	sk_buf_free(&b);
}

static uint32_t seed = 12345;

static uint32_t
rnd(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* Any bytes at all: the output is one printable line without ## and means
 * what went in. */
static void
test_random_bytes(void)
{
	static const char hot[] = "##<>&\"\\\n\x7f\xc3\xa9\xf0\x9f\x98\x80\xed";
	struct sk_buf b, clean;
	struct sk_jv *v;
	struct sk_jw w;
	char s[64];
	size_t n, bad = 0;

	sk_buf_init(&b, 0);
	sk_buf_init(&clean, 0);
	for (int round = 0; round < 20000; round++) {
		n = rnd(sizeof(s));
		for (size_t i = 0; i < n; i++)
			s[i] =
			    rnd(2) ? (char)rnd(256) : hot[rnd(sizeof(hot) - 1)];
		sk_buf_clear(&b);
		sk_jw_init(&w, &b);
		sk_jw_arr(&w);
		sk_jw_strn(&w, s, n);
		sk_jw_strn(&w, s, n);
		sk_jw_end(&w);
		sk_jw_done(&w);
		for (size_t i = 0; i + 1 < b.len; i++)
			if (b.p[i] < 0x20 || b.p[i] > 0x7e ||
			    strchr("<>&", b.p[i]) != NULL ||
			    (b.p[i] == '#' && b.p[i + 1] == '#'))
				bad++;
		bad += b.p[b.len - 1] != '\n';
		sk_buf_clear(&clean);
		sk_utf8_clean(&clean, s, n);
		if (sk_json_parse(&arena, b.p, b.len, NULL, &v, NULL) != 0 ||
		    sk_jat(v, 1)->n != clean.len ||
		    memcmp(sk_jat(v, 1)->s, clean.p, clean.len) != 0)
			bad++;
	}
	CHECK_INT(bad, 0);
	sk_buf_free(&b);
	sk_buf_free(&clean);
}

/* Broken documents: whatever is accepted is written, read again and is equal
 * to itself, also in its canonical form. */
static void
test_random_documents(void)
{
	static const char *const parts[] = { "{", "}", "[", "]", ",", ":",
		"\"a\"", "\"b\"", "\"\\u00e9\"", "1", "-2.5e3", "0", "true",
		"null", " ", "\"a\":1", "\"b\":[", "{\"c\":", "]}", "\n" };
	size_t accepted = 0, bad = 0;

	for (int round = 0; round < 60000; round++) {
		struct sk_buf s, o, c;
		struct sk_arena a = { 0 };
		struct sk_jv *v, *again;

		sk_buf_init(&s, 0);
		for (uint32_t k = 1 + rnd(7); k > 0; k--)
			sk_buf_str(&s, parts[rnd(SK_ARRAY_SIZE(parts))]);
		if (sk_json_parse(&a, s.p, s.len, NULL, &v, NULL) == 0) {
			accepted++;
			sk_buf_init(&o, 0);
			sk_buf_init(&c, 0);
			sk_json_write(&o, v);
			sk_json_canon(&c, v);
			bad += sk_json_parse(
				   &a, o.p, o.len, NULL, &again, NULL) != 0 ||
			       !sk_json_eq(v, again);
			bad += sk_json_parse(
				   &a, c.p, c.len, NULL, &again, NULL) != 0 ||
			       !sk_json_eq(v, again);
			sk_buf_free(&o);
			sk_buf_free(&c);
		}
		sk_buf_free(&s);
		sk_arena_free(&a);
	}
	CHECKF(accepted > 1000, "accepted %zu", accepted);
	CHECK_INT(bad, 0);
}

int
main(void)
{
	test_building();
	test_canon();
	test_writer();
	test_random_bytes();
	test_random_documents();
	(void)canon("0");
	sk_arena_free(&arena);
	return tap_done();
}
