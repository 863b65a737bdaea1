/* SPDX-License-Identifier: MIT */
/* The TOML reader, rule by rule. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "json/json.h"

/* Documents and what they mean. */
static const struct {
	const char *toml, *json;
} valid[] = {
	{ "", "{}" },
	{ "\xef\xbb\xbf# only a comment", "{}" },
	{ "a = 1 # one\r\nb = 2\r\n", "{\"a\":1,\"b\":2}" },
	/* keys */
	{ "bare_Key-1 = 1\n1234 = 2\n\"q k\" = 3\n'l \\k' = 4\n\"\" = 5",
	    "{\"bare_Key-1\":1,\"1234\":2,\"q k\":3,\"l \\\\k\":4,\"\":5}" },
	{ "a . b.\"c.d\" = 1\na.e = 2", "{\"a\":{\"b\":{\"c.d\":1},\"e\":2}}" },
	{ "3.14159 = 'pi'", "{\"3\":{\"14159\":\"pi\"}}" },
	{ "\"\\u00e9\" = 1", "{\"\\u00e9\":1}" },
	/* strings */
	{ "s = \"a\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\U0001F600\"",
	    "{\"s\":\"a\\b\\t\\n\\f\\r\\\"\\\\\\u00e9\\ud83d\\ude00\"}" },
	{ "s = 'C:\\n<\"x\">'", "{\"s\":\"C:\\\\n\\u003c\\\"x\\\"\\u003e\"}" },
	{ "s = \"\"", "{\"s\":\"\"}" },
	{ "s = \"\"\"\nRoses\r\nViolets\"\"\"", "{\"s\":\"Roses\\nViolets\"}" },
	{ "s = \"\"\"a \\\n   \n  b\"\"\"", "{\"s\":\"a b\"}" },
	{ "s = \"\"\"a \\   \r\n  b\"\"\"", "{\"s\":\"a b\"}" },
	{ "s = \"\"\"\"a\"\" \"\"\\\"\"\"\"\"\"",
	    "{\"s\":\"\\\"a\\\"\\\" \\\"\\\"\\\"\\\"\\\"\"}" },
	{ "s = '''\n'a' ''\\'''''", "{\"s\":\"'a' ''\\\\''\"}" },
	{ "s = \"\ttab\"", "{\"s\":\"\\ttab\"}" },
	{ "s = \"\"\"\"\"\"", "{\"s\":\"\"}" },
	/* integers */
	{ "a=[+99, 42, 0, -17, +0, -0]", "{\"a\":[99,42,0,-17,0,0]}" },
	{ "a=[1_000, 5_349_221, 1_2_3]", "{\"a\":[1000,5349221,123]}" },
	{ "a=[0xDEADBEEF, 0xdead_beef, 0o0755, 0b1101_0110, 0x0]",
	    "{\"a\":[3735928559,3735928559,493,214,0]}" },
	{ "a=[9223372036854775807, -9223372036854775808]",
	    "{\"a\":[9223372036854775807,-9223372036854775808]}" },
	/* floats */
	{ "a=[+1.0, 3.1415, -0.01, 5e+22, 1e06, -2E-2, 6.626e-34]",
	    "{\"a\":[1.0,3.1415,-0.01,5e+22,1e06,-2E-2,6.626e-34]}" },
	{ "a=[224_617.445_991, 1_0e1_0, 0.0, -0.0, 0e0]",
	    "{\"a\":[224617.445991,10e10,0.0,-0.0,0e0]}" },
	{ "a=[inf, +inf, -inf, nan, +nan, -nan]",
	    "{\"a\":[\"inf\",\"inf\",\"-inf\",\"nan\",\"nan\",\"nan\"]}" },
	{ "a=[true,false]", "{\"a\":[true,false]}" },
	/* dates and times */
	{ "a=[1979-05-27T07:32:00Z, 1979-05-27T00:32:00-07:00]",
	    "{\"a\":[\"1979-05-27T07:32:00Z\","
	    "\"1979-05-27T00:32:00-07:00\"]}" },
	{ "a=[1979-05-27 07:32:00z,1979-05-27t00:32:00.999999-07:00]",
	    "{\"a\":[\"1979-05-27T07:32:00Z\","
	    "\"1979-05-27T00:32:00.999999-07:00\"]}" },
	{ "a=[1979-05-27T07:32:00, 1979-05-27 , 07:32:00.5, 2000-02-29]",
	    "{\"a\":[\"1979-05-27T07:32:00\",\"1979-05-27\",\"07:32:00.5\","
	    "\"2000-02-29\"]}" },
	/* arrays */
	{ "a = [ ]\nb = [1,]\nc = [\n 1, # x\n\n 'two',\n [3, {d=4}]\n]",
	    "{\"a\":[],\"b\":[1],\"c\":[1,\"two\",[3,{\"d\":4}]]}" },
	/* inline tables */
	{ "a = {}\nb = { x = 1, y.z = 2, y.w = {} }",
	    "{\"a\":{},\"b\":{\"x\":1,\"y\":{\"z\":2,\"w\":{}}}}" },
	{ "a = { s = \"\"\"x\ny\"\"\", l = [\n1\n] }",
	    "{\"a\":{\"s\":\"x\\ny\",\"l\":[1]}}" },
	/* tables */
	{ "[a]\nx=1\n[a.b]\ny=2\n[ c . 'd' ]\n[e]",
	    "{\"a\":{\"x\":1,\"b\":{\"y\":2}},\"c\":{\"d\":{}},\"e\":{}}" },
	{ "[x.y.z]\n[x]\nq=1", "{\"x\":{\"y\":{\"z\":{}},\"q\":1}}" },
	{ "[fruit]\napple.color=1\napple.taste.sweet=true\n"
	  "[fruit.apple.texture]\nsmooth=true",
	    "{\"fruit\":{\"apple\":{\"color\":1,\"taste\":{\"sweet\":true},"
	    "\"texture\":{\"smooth\":true}}}}" },
	{ "[a.b.c]\nz=9\n[a]\nb.x=1",
	    "{\"a\":{\"b\":{\"c\":{\"z\":9},\"x\":1}}}" },
	/* arrays of tables */
	{ "[[p]]\nn=1\n[[p]]\n[[p]]\nn=3", "{\"p\":[{\"n\":1},{},{\"n\":3}]}" },
	{ "[[f]]\nn=1\n[f.q]\nc=2\n[[f.v]]\nn=3\n[[f.v]]\nn=4\n[[f]]\nn=5\n"
	  "[[f.v]]\nn=6",
	    "{\"f\":[{\"n\":1,\"q\":{\"c\":2},\"v\":[{\"n\":3},{\"n\":4}]},"
	    "{\"n\":5,\"v\":[{\"n\":6}]}]}" },
	{ "[[a]]\n[a.b]\nx=1\n[[a]]\n[a.b]\nx=2",
	    "{\"a\":[{\"b\":{\"x\":1}},{\"b\":{\"x\":2}}]}" },
};

/* Documents and where and why they are refused. */
static const struct {
	const char *toml, *err;
} invalid[] = {
	{ "a", "1:2: no '=' after the key" },
	{ "a =", "1:4: no value here" },
	{ "= 1", "1:1: no key here" },
	{ "a = 1 b = 2", "1:7: more text where the line should end" },
	{ "a b = 1", "1:3: no '=' after the key" },
	{ "a. = 1", "1:4: no key here" },
	{ "a..b = 1", "1:3: no key here" },
	{ "\xc3\xa9 = 1",
	    "1:1: no key here (one with such letters needs quotes)" },
	{ "\"\"\"a\"\"\" = 1", "1:1: a key cannot span lines" },
	{ "x=1\na\n=1", "2:2: no '=' after the key" },
	{ "a = 1\rb = 2", "1:6: more text where the line should end" },
	{ "a = 1 # \x01", "1:9: control byte 0x01 in a comment" },
	{ "a = 1 # \x7f", "1:9: control byte 0x7f in a comment" },
	{ "a = '\xff'", "1:6: invalid UTF-8" },
	{ "a = abc", "1:5: 'abc' is no value; a string needs quotes" },
	{ "a = True", "1:5: 'True' is no value; a string needs quotes" },
	/* strings */
	{ "a = \"x", "1:5: this string does not end on its line" },
	{ "a = \"x\n\"", "1:5: this string does not end on its line" },
	{ "a = 'x\n'", "1:5: this string does not end on its line" },
	{ "a = \"\"\"x\n\"\"", "1:5: this string never ends" },
	{ "a = '''x''", "1:5: this string never ends" },
	{ "a = \"\\x\"", "1:6: a backslash that escapes nothing (in '…' it "
			 "stands for itself)" },
	{ "a = \"\"\"\\ x\"\"\"", "1:8: a backslash that escapes nothing" },
	{ "a = \"\\u12\"", "1:6: \\u needs 4 hexadecimal digits" },
	{ "a = \"\\ud800\"", "1:6: U+D800 is no character" },
	{ "a = \"\\U00110000\"", "1:6: U+110000 is no character" },
	{ "a = \"\x01\"", "1:6: control byte 0x01 in a string" },
	{ "a = '\x7f'", "1:6: control byte 0x7f in a string" },
	{ "a = \"\"\"\r\"\"\"", "1:8: control byte 0x0d in a string" },
	{ "a = \"\"\"x\"\"\"\"\"\"",
	    "1:14: more text where the line should end" },
	/* numbers */
	{ "a = 01", "1:5: '01' is no integer" },
	{ "a = +01", "1:5: '+01' is no integer" },
	{ "a = _1", "1:5: '_1' is no value; a string needs quotes" },
	{ "a = 1_", "1:5: '1_' is no integer" },
	{ "a = 1__0", "1:5: '1__0' is no integer" },
	{ "a = +0x1", "1:5: '+0x1' is no integer" },
	{ "a = 0x", "1:5: '0x' is no integer" },
	{ "a = 0x_1", "1:5: '0x_1' is no integer" },
	{ "a = 0X1", "1:5: '0X1' is no integer" },
	{ "a = 0b12", "1:5: '0b12' is no integer" },
	{ "a = 0o8", "1:5: '0o8' is no integer" },
	{ "a = 9223372036854775808", "1:5: the integer '9223372036854775808' "
				     "needs more than 64 bits" },
	{ "a = 1.", "1:5: '1.' is no number" },
	{ "a = .5", "1:5: '.5' is no value; a string needs quotes" },
	{ "a = 1.e2", "1:5: '1.e2' is no number" },
	{ "a = 1e", "1:5: '1e' is no number" },
	{ "a = 03.14", "1:5: '03.14' is no number" },
	{ "a = 1_.5", "1:5: '1_.5' is no number" },
	{ "a = 1._5", "1:5: '1._5' is no number" },
	{ "a = 1e_5", "1:5: '1e_5' is no number" },
	{ "a = 1.2.3", "1:5: '1.2.3' is no number" },
	{ "a = 1e999", "1:5: the number '1e999' is out of range" },
	{ "a = Inf", "1:5: 'Inf' is no value; a string needs quotes" },
	{ "a = ++1", "1:5: '++1' is no value; a string needs quotes" },
	/* dates */
	{ "a = 2021-02-29", "1:5: '2021-02-29' is no date or time" },
	{ "a = 0000-12-31", "1:5: '0000-12-31' is no date or time" },
	{ "a = 2006-01-30T", "1:5: '2006-01-30T' is no date or time" },
	{ "a = 1988-01-01T23:59:00+0100",
	    "1:5: '1988-01-01T23:59:00+0100' is no date or time" },
	{ "a = 1900-02-29", "1:5: '1900-02-29' is no date or time" },
	{ "a = 2021-13-01", "1:5: '2021-13-01' is no date or time" },
	{ "a = 2021-04-31", "1:5: '2021-04-31' is no date or time" },
	{ "a = 2021-1-1", "1:5: '2021-1-1' is no date or time" },
	{ "a = 2021-01-01T24:00:00",
	    "1:5: '2021-01-01T24:00:00' is no date or time" },
	{ "a = 2021-01-01T10:00",
	    "1:5: '2021-01-01T10:00' is no date or time" },
	{ "a = 2021-01-01T10:00:00.",
	    "1:5: '2021-01-01T10:00:00.' is no date or time" },
	{ "a = 2021-01-01T10:00:00+25:00",
	    "1:5: '2021-01-01T10:00:00+25:00' is no date or time" },
	{ "a = 10:60:00", "1:5: '10:60:00' is no date or time" },
	{ "a = 10:00:61", "1:5: '10:00:61' is no date or time" },
	{ "a = 10:00:00Z", "1:5: '10:00:00Z' is no date or time" },
	/* arrays and inline tables */
	{ "a = [1 2]", "1:8: no ',' or ']' after the value" },
	{ "a = [1", "1:5: this array never ends" },
	{ "a = [,1]", "1:6: no value here" },
	{ "a = [1,,2]", "1:8: no value here" },
	{ "a = {b=1,}", "1:10: no key here" },
	{ "a = {b=1\n}", "1:9: no ',' or '}' after the value; an inline "
			 "table stays on one line" },
	{ "a = {b=1 c=2}", "1:10: no ',' or '}' after the value; an inline "
			   "table stays on one line" },
	{ "a = {b}", "1:7: no '=' after the key" },
	{ "a = {b=1,b=2}", "1:10: 'b' is already defined" },
	{ "a = {b={c=1},b.d=2}",
	    "1:14: 'b' is an inline table and cannot be extended" },
	/* defining twice */
	{ "a=1\na=2", "2:1: 'a' is already defined" },
	{ "a=1\n\"a\"=2", "2:1: 'a' is already defined" },
	{ "a=1\na.b=2", "2:1: 'a' has a value and is no table" },
	{ "a.b=1\na=2", "2:1: 'a' is already defined" },
	{ "[a]\n[a]", "2:2: 'a' is already defined" },
	{ "[a]\nb=1\n[a.b]", "3:4: 'b' is already defined" },
	{ "a=1\n[a.b]", "2:2: 'a' has a value and is no table" },
	{ "a={}\n[a.b]", "2:2: 'a' is an inline table and cannot be extended" },
	{ "a={}\n[a]", "2:2: 'a' is already defined" },
	{ "a={}\na.b=1", "2:1: 'a' is an inline table and cannot be extended" },
	{ "a.b=1\n[a]", "2:2: 'a' is already defined" },
	{ "[f]\na.c=1\n[f.a]", "3:4: 'a' is already defined" },
	{ "[f]\na.t.s=1\n[f.a.t]", "3:6: 't' is already defined" },
	{ "[a.b.c]\nz=9\n[a]\nb.c.t=1",
	    "4:3: 'c' has a header of its own and cannot be extended from "
	    "here" },
	{ "[[a.b]]\n[a]\nb.y=2",
	    "3:1: 'b' has a header of its own and cannot be extended from "
	    "here" },
	{ "a=[]\n[[a]]",
	    "2:3: 'a' is already defined and is no array of tables" },
	{ "a=[{}]\n[a.b]", "2:2: 'a' has a value and is no table" },
	{ "[[a]]\n[a]", "2:2: 'a' is already defined" },
	{ "[a]\n[[a]]",
	    "2:3: 'a' is already defined and is no array of tables" },
	{ "[a.b]\n[[a]]",
	    "2:3: 'a' is already defined and is no array of tables" },
	/* headers */
	{ "[a", "1:3: no ']' to end the header" },
	{ "[[a]", "1:4: no ']]' to end the header" },
	{ "[[a] ]", "1:4: no ']]' to end the header" },
	{ "[ [a]]", "1:3: no key here" },
	{ "[]", "1:2: no key here" },
	{ "[a.]", "1:4: no key here" },
	{ "[a] b=1", "1:5: more text where the line should end" },
};

static void
test_valid(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(valid); i++) {
		struct sk_arena a = { 0 };
		struct sk_err err = { 0 };
		struct sk_jv *v;
		struct sk_buf b;

		sk_buf_init(&b, 0);
		if (sk_toml_parse(&a, valid[i].toml, strlen(valid[i].toml), "t",
			&v, &err) == 0)
			sk_json_write(&b, v);
		else
			sk_buf_str(&b, err.message);
		CHECK_STR(b.p, valid[i].json);
		sk_err_clear(&err);
		sk_buf_free(&b);
		sk_arena_free(&a);
	}
}

static void
test_invalid(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(invalid); i++) {
		struct sk_arena a = { 0 };
		struct sk_err err = { 0 };
		struct sk_jv *v;

		CHECK_INT(sk_toml_parse(&a, invalid[i].toml,
			      strlen(invalid[i].toml), "x.toml", &v, &err),
		    SK_USAGE);
		CHECK(v == NULL);
		CHECK_STR(err.code, "bad_toml");
		CHECK(strncmp(err.message, "x.toml:", 7) == 0);
		CHECK_STR(err.message + 7, invalid[i].err);
		sk_err_clear(&err);
		sk_arena_free(&a);
	}
}

static void
test_places(void)
{
	static const char text[] = "a = 1\n[b]\n  c = [\n    'x',\n    2]\n"
				   "d = '\xc3\xa9' # e\ne = {f = 1.5, g = 1}\n"
				   "h = 1979-05-27\ni = 07:00:00\nj = nan\n";
	struct sk_arena a = { 0 };
	struct sk_jv *v, *x;

	CHECK_INT(sk_toml_parse(&a, text, strlen(text), "t", &v, NULL), 0);
	x = sk_jptr(v, "/b/c/1");
	CHECK(x != NULL && x->line == 5 && x->col == 5);
	x = sk_jptr(v, "/b/e/g");
	CHECK(x != NULL && x->line == 7 && x->col == 19);
	CHECK_INT(x->toml_kind, SK_TOML_NONE);
	CHECK_INT(sk_jptr(v, "/b")->toml_kind, SK_TOML_NONE);
	CHECK_INT(sk_jptr(v, "/b")->line, 2);
	CHECK_INT(sk_jptr(v, "/b/e/f")->toml_kind, SK_TOML_FLOAT);
	CHECK_INT(sk_jptr(v, "/b/h")->toml_kind, SK_TOML_DATE_LOCAL);
	CHECK_INT(sk_jptr(v, "/b/i")->toml_kind, SK_TOML_TIME_LOCAL);
	CHECK_INT(sk_jptr(v, "/b/j")->toml_kind, SK_TOML_FLOAT);
	CHECK_INT(sk_jptr(v, "/b/j")->type, SK_J_STR);
	sk_arena_free(&a);
}

/* Deep and wide documents. */
static void
test_size(void)
{
	static const char *const open[] = { "[", "{a=", "a." };
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(open); i++) {
		sk_buf_clear(&b);
		sk_buf_str(&b, i < 2 ? "a=" : "");
		for (int k = 0; k < 100000; k++)
			sk_buf_str(&b, open[i]);
		CHECK_INT(
		    sk_toml_parse(&a, b.p, b.len, "t", &v, NULL), SK_USAGE);
	}
	/* Whatever is accepted can be written and read again. */
	for (int n = 60; n < 68; n++) {
		struct sk_buf o;

		sk_buf_clear(&b);
		sk_buf_str(&b, "[x]\ny.z=");
		for (int k = 0; k < n; k++)
			sk_buf_ch(&b, '[');
		for (int k = 0; k < n; k++)
			sk_buf_ch(&b, ']');
		if (sk_toml_parse(&a, b.p, b.len, "t", &v, NULL) != 0) {
			CHECKF(n > 61, "refused at %d", n);
			break;
		}
		sk_buf_init(&o, 0);
		sk_json_write(&o, v);
		CHECK_INT(sk_json_parse(&a, o.p, o.len, NULL, &v, NULL), 0);
		sk_buf_free(&o);
	}
	sk_buf_clear(&b);
	for (int k = 0; k < 50000; k++)
		sk_buf_printf(&b, "k%d = [1, 2]\n[t%d]\n", k, k);
	CHECK_INT(sk_toml_parse(&a, b.p, b.len, "t", &v, NULL), 0);
	CHECK_INT(sk_jlen(v), 50001);
	sk_buf_free(&b);
	sk_arena_free(&a);
}

int
main(void)
{
	test_valid();
	test_invalid();
	test_places();
	test_size();
	return tap_done();
}
