/* SPDX-License-Identifier: MIT */
/* The draft-07 validator: verdicts, messages, references, patterns. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "json/json.h"

static struct sk_arena arena;

static struct sk_jv *
parse(const char *s)
{
	struct sk_jv *v;
	struct sk_err err = { 0 };

	if (sk_json_parse(&arena, s, strlen(s), NULL, &v, &err) != 0)
		CHECKF(0, "%s: %s", s, err.message);
	sk_err_clear(&err);
	return v;
}

/* All findings as "POINTER KEYWORD MESSAGE" lines; "" = valid. */
static const char *
check(const char *schema, const char *value)
{
	static struct sk_buf b;
	struct sk_schema_out out;
	bool ok;

	sk_buf_free(&b);
	sk_buf_init(&b, 0);
	ok = sk_schema_check(parse(schema), parse(value), &out);
	for (size_t i = 0; i < out.n; i++)
		sk_buf_printf(&b, "%s%s %s %s", i > 0 ? "\n" : "",
		    out.v[i].pointer, out.v[i].keyword, out.v[i].message);
	if (ok != (out.n == 0))
		sk_buf_str(&b, " (verdict and findings disagree)");
	sk_schema_out_free(&out);
	return b.p;
}

/* Schema, values that fit, values that do not; NULL ends each list. */
static const struct {
	const char *schema;
	const char *good[6], *bad[6];
} cases[] = {
	{ "true", { "1", "{}" }, { NULL } },
	{ "false", { NULL }, { "1", "null" } },
	{ "{}", { "1", "[]" }, { NULL } },
	{ "{\"type\":\"integer\"}", { "1", "1.0", "1e3", "-0", "10e-1" },
	    { "1.5", "\"1\"", "1e-1", "null" } },
	{ "{\"type\":[\"null\",\"string\"]}", { "null", "\"\"" },
	    { "0", "false", "[]" } },
	{ "{\"enum\":[1,\"a\",[2],{\"b\":1}]}",
	    { "1.0", "\"a\"", "[2e0]", "{\"b\":1}" }, { "2", "\"A\"", "[]" } },
	{ "{\"const\":{\"a\":1,\"b\":2}}", { "{\"b\":2,\"a\":1.0}" },
	    { "{\"a\":1}" } },
	{ "{\"minimum\":0.1,\"exclusiveMaximum\":1e3}",
	    { "0.1", "999.99", "\"x\"" },
	    { "0.09999999999999999999", "1000" } },
	{ "{\"exclusiveMinimum\":0,\"maximum\":123456789012345678901}",
	    { "1e-300", "123456789012345678901" },
	    { "0", "-0", "123456789012345678902" } },
	{ "{\"multipleOf\":0.01}", { "0.07", "19.99", "1e300", "0", "-1.1" },
	    { "0.075", "1e-300" } },
	{ "{\"multipleOf\":12345678901234567890123}",
	    { "24691357802469135780246", "12345678901234567890123e5" },
	    { "24691357802469135780247", "1" } },
	{ "{\"minLength\":2,\"maxLength\":3}",
	    { "\"ab\"", "\"\\u00e9\\ud83d\\ude00x\"", "1" },
	    { "\"a\"", "\"\\ud83d\\ude00\"", "\"abcd\"" } },
	{ "{\"minItems\":1,\"maxItems\":2.0}", { "[1]", "[1,2]", "\"\"" },
	    { "[]", "[1,2,3]" } },
	{ "{\"uniqueItems\":true}", { "[1,2,\"1\",[1]]", "[]" },
	    { "[1,2,1.0]", "[{\"a\":1,\"b\":2},{\"b\":2,\"a\":1}]" } },
	{ "{\"items\":{\"type\":\"integer\"}}", { "[]", "[1,2]", "{}" },
	    { "[1,\"2\"]" } },
	{ "{\"items\":[{\"type\":\"integer\"},true],"
	  "\"additionalItems\":{\"type\":\"null\"}}",
	    { "[1]", "[1,2,null]" }, { "[\"1\"]", "[1,2,3]" } },
	{ "{\"items\":[{}],\"additionalItems\":false}", { "[1]" },
	    { "[1,2]" } },
	{ "{\"contains\":{\"minimum\":5}}", { "[1,5]", "{}" },
	    { "[]", "[1,2]" } },
	{ "{\"required\":[\"a\",\"b\"]}", { "{\"a\":1,\"b\":null}", "1" },
	    { "{\"a\":1}", "{}" } },
	{ "{\"minProperties\":1,\"maxProperties\":1}", { "{\"a\":1}" },
	    { "{}", "{\"a\":1,\"b\":2}" } },
	{ "{\"properties\":{\"a\":{\"type\":\"string\"}},"
	  "\"patternProperties\":{\"^x-\":{\"type\":\"integer\"}},"
	  "\"additionalProperties\":false}",
	    { "{\"a\":\"\",\"x-1\":1}", "{}" },
	    { "{\"a\":1}", "{\"x-1\":\"\"}", "{\"b\":1}" } },
	{ "{\"additionalProperties\":{\"type\":\"integer\"}}", { "{\"a\":1}" },
	    { "{\"a\":\"1\"}" } },
	{ "{\"propertyNames\":{\"maxLength\":2}}", { "{\"ab\":1}" },
	    { "{\"abc\":1}" } },
	{ "{\"dependencies\":{\"a\":[\"b\"],\"c\":{\"minProperties\":3}}}",
	    { "{\"a\":1,\"b\":2}", "{\"b\":1}", "{\"c\":1,\"d\":2,\"e\":3}" },
	    { "{\"a\":1}", "{\"c\":1}" } },
	{ "{\"allOf\":[{\"minimum\":1},{\"maximum\":2}]}", { "1", "2" },
	    { "0", "3" } },
	{ "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":3}]}",
	    { "\"\"", "3" }, { "2" } },
	{ "{\"oneOf\":[{\"multipleOf\":2},{\"multipleOf\":3}]}", { "2", "3" },
	    { "6", "1" } },
	{ "{\"not\":{\"type\":\"string\"}}", { "1" }, { "\"\"" } },
	{ "{\"if\":{\"minimum\":10},\"then\":{\"multipleOf\":10},"
	  "\"else\":{\"multipleOf\":3}}",
	    { "20", "9" }, { "11", "8" } },
	{ "{\"format\":\"date-time\"}",
	    { "\"2025-10-04T10:15:00Z\"", "\"2025-10-04T10:15:00.5+02:00\"" },
	    { "\"yesterday\"", "\"2025-13-04T10:15:00Z\"" } },
	/* references */
	{ "{\"$ref\":\"#/definitions/a%25b~1c\",\"type\":\"ignored\","
	  "\"definitions\":{\"a%b/c\":{\"type\":\"null\"}}}",
	    { "null" }, { "1" } },
	{ "{\"type\":[\"object\",\"null\"],\"properties\":{\"next\":"
	  "{\"$ref\":\"#\"}},\"additionalProperties\":false}",
	    { "{\"next\":{\"next\":null}}" },
	    { "{\"next\":{\"nxt\":null}}", "{\"next\":1}" } },
	{ "{\"$id\":\"http://x.test/root.json\",\"properties\":{"
	  "\"a\":{\"$ref\":\"sub/s.json\"},\"b\":{\"$ref\":\"#n\"},"
	  "\"c\":{\"$ref\":\"sub/s.json#/definitions/t\"}},"
	  "\"definitions\":{\"s\":{\"$id\":\"sub/s.json\",\"type\":"
	  "\"integer\",\"definitions\":{\"t\":{\"$ref\":\"u.json\"},"
	  "\"u\":{\"$id\":\"u.json\",\"const\":7}}},"
	  "\"n\":{\"$id\":\"#n\",\"type\":\"null\"}}}",
	    { "{\"a\":1,\"b\":null,\"c\":7}" },
	    { "{\"a\":\"\"}", "{\"b\":1}", "{\"c\":8}" } },
	{ "{\"$ref\":\"http://json-schema.org/draft-07/schema#\"}",
	    { "{\"type\":\"string\"}", "true" },
	    { "{\"type\":\"strin\"}", "{\"required\":1}", "3" } },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		for (const char *const *v = cases[i].good; *v != NULL; v++)
			CHECK_STR(check(cases[i].schema, *v), "");
		for (const char *const *v = cases[i].bad; *v != NULL; v++)
			CHECKF(*check(cases[i].schema, *v) != '\0',
			    "%s must not fit %s", *v, cases[i].schema);
	}
}

static void
test_messages(void)
{
	static const struct {
		const char *schema, *value, *msg;
	} t[] = {
		{ "{\"type\":\"integer\"}", "\"abc\"",
		    " type expected integer, found string 'abc'" },
		{ "{\"type\":[\"null\",\"number\",\"array\"]}", "{\"a\":1}",
		    " type expected null, number or array, found object of 1 "
		    "key" },
		{ "{\"properties\":{\"a/b\":{\"items\":{\"minimum\":3}}}}",
		    "{\"a/b\":[3,2]}",
		    "/a~1b/1 minimum expected at least 3, found number 2" },
		{ "{\"properties\":{\"color\":{},\"size\":{}},"
		  "\"additionalProperties\":false}",
		    "{\"colour\":1,\"zzz\":2}",
		    "/colour additionalProperties unknown key 'colour'; did "
		    "you mean 'color'?\n"
		    "/zzz additionalProperties unknown key 'zzz'" },
		{ "{\"enum\":[\"approved\",\"rejected\"]}", "\"aproved\"",
		    " enum expected 'approved' or 'rejected', found string "
		    "'aproved'; did you mean 'approved'?" },
		{ "{\"required\":[\"x\",\"y\"]}", "{}",
		    " required the key 'x' is missing\n"
		    " required the key 'y' is missing" },
		{ "{\"anyOf\":[{\"type\":\"null\"},{\"properties\":{\"a\":"
		  "{\"const\":1}}}]}",
		    "{\"a\":2}",
		    " anyOf fits none of 2 alternatives: (1) expected null, "
		    "found object of 1 key; (2) /a: expected number 1, found "
		    "number 2" },
		{ "{\"pattern\":\"^a+$\"}", "\"b\\u001b[31m\"",
		    " pattern expected a match of '^a+$', found string "
		    "'b\\x1b[31m'" },
		{ "{\"uniqueItems\":true}", "[1,1.0]",
		    " uniqueItems expected no two equal items, found '1' "
		    "twice" },
		{ "{\"maxItems\":1}", "[1,2]",
		    " maxItems expected at most 1 items, found 2" },
		/* faults of the schema come out wherever they are met */
		{ "{\"pattern\":\"(?=a)\"}", "\"b\"",
		    " pattern the schema's pattern '(?=a)' cannot be used: "
		    "look-around is not supported" },
		{ "{\"$ref\":\"#/nowhere\"}", "1",
		    " $ref the schema's reference '#/nowhere' leads nowhere" },
		{ "{\"not\":{\"$ref\":\"other.json\"}}", "1",
		    " $ref the schema's reference 'other.json' leads "
		    "nowhere" },
		{ "{\"$ref\":\"#\"}", "1",
		    " $ref the schema refers to itself without end" },
		{ "{\"anyOf\":[{\"$ref\":\"#/definitions/a\"}],"
		  "\"definitions\":{\"a\":{\"allOf\":[{\"$ref\":\"#\"}]}}}",
		    "1",
		    " anyOf fits none of 1 alternatives: (1) \n"
		    " $ref the schema refers to itself without end" },
		{ "{\"type\":\"int\"}", "1",
		    " type the schema names an unknown type 'int'" },
		{ "{\"items\":3}", "[1]",
		    "/0 $schema the schema holds a number where a schema "
		    "should be" },
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++)
		CHECK_STR(check(t[i].schema, t[i].value), t[i].msg);
}

static void
test_places(void)
{
	struct sk_schema_out out;

	CHECK(!sk_schema_check(
	    parse("{\"properties\":{\"a\":{\"type\":\"null\"}}}"),
	    parse("{\n  \"a\": 12}"), &out));
	CHECK(out.n == 1 && out.v[0].line == 2 && out.v[0].col == 8);
	sk_schema_out_free(&out);
	CHECK(!sk_schema_check(parse("false"), parse("1"), NULL));
}

/* Work stays bounded when the schema doubles it at every level. */
static void
test_blow_up(void)
{
	struct sk_schema_out out;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	sk_buf_str(&b, "{\"definitions\":{\"d0\":{\"type\":\"null\"}");
	for (int i = 1; i < 60; i++)
		sk_buf_printf(&b,
		    ",\"d%d\":{\"oneOf\":[{\"$ref\":\"#/definitions/d%d\"},"
		    "{\"allOf\":[{\"$ref\":\"#/definitions/d%d\"}]}]}",
		    i, i - 1, i - 1);
	sk_buf_str(&b, "},\"$ref\":\"#/definitions/d59\"}");
	CHECK(!sk_schema_check(parse(b.p), parse("1"), &out));
	CHECK(
	    out.n > 0 && strstr(out.v[out.n - 1].message, "too many") != NULL);
	sk_schema_out_free(&out);

	/* Many findings: the first hundred. */
	sk_buf_clear(&b);
	sk_buf_str(&b, "[0");
	for (int i = 0; i < 5000; i++)
		sk_buf_str(&b, ",1");
	sk_buf_ch(&b, ']');
	CHECK(!sk_schema_check(
	    parse("{\"items\":{\"type\":\"string\"}}"), parse(b.p), &out));
	CHECK_INT(out.n, 100);
	sk_schema_out_free(&out);
	sk_buf_free(&b);
}

static const struct {
	const char *re, *good[5], *bad[5];
} patterns[] = {
	{ "^abc$", { "abc" }, { "abcd", "xabc", "" } },
	{ "b", { "abc", "b" }, { "ac", "" } },
	{ "", { "", "x" }, { NULL } },
	{ "^a*b+c?$", { "b", "aabbc", "bc" }, { "a", "bcc" } },
	{ "^a{2}$", { "aa" }, { "a", "aaa" } },
	{ "^a{2,}$", { "aa", "aaaaa" }, { "a" } },
	{ "^a{1,3}$", { "a", "aaa" }, { "", "aaaa" } },
	{ "^(ab){0,2}$", { "", "ab", "abab" }, { "ababab", "a" } },
	{ "^(a|bc|)d$", { "ad", "bcd", "d" }, { "abcd", "bd" } },
	{ "^(?:x|y)+?z$", { "xz", "yxz" }, { "z" } },
	{ "^(?<n>x)$", { "x" }, { "y" } },
	{ "^a|b$", { "ax", "xb" }, { "xa", "bx" } },
	{ "^[a-cx]$", { "b", "x" }, { "d", "-", "bb" } },
	{ "^[^a-c]$", { "d", "\xc3\xa9" }, { "a", "" } },
	{ "^[\\w-]+$", { "a-B_9" }, { "a b", "\xc3\xa9" } },
	{ "^[\\d.-]+$", { "-1.5" }, { "x" } },
	{ "^[\\]\\\\]$", { "]", "\\" }, { "[" } },
	{ "^\\d\\D\\w\\W\\s\\S$", { "1a_- x" }, { "1a_-xx" } },
	{ "^.$", { "a", "\xc3\xa9", "\xf0\x9f\x98\x80" }, { "\n", "", "ab" } },
	{ "^\xc3\xa9{2}$", { "\xc3\xa9\xc3\xa9" }, { "\xc3\xa9" } },
	{ "^\\u00e9\\x41\\cJ$",
	    { "\xc3\xa9"
	      "A\n" },
	    { "e" } },
	{ "^\\ud83d\\ude00$", { "\xf0\x9f\x98\x80" }, { "x" } },
	{ "^\\u{1f600}$", { "\xf0\x9f\x98\x80" }, { "x" } },
	{ "\\bcat\\b", { "a cat.", "cat" }, { "concat", "cats" } },
	{ "\\Bcat", { "concat" }, { "cat", "a cat" } },
	{ "^a\\.b\\/c\\-d$", { "a.b/c-d" }, { "axb/c-d" } },
	{ "^{a}$", { "{a}" }, { "a" } },
	{ "^a{,2}$", { "a{,2}" }, { "aa" } },
	{ "^(()|a)*b$", { "aab", "b" }, { "aac" } },
	{ "^(a{2}|b){2}$", { "aab", "bb", "aaaa" }, { "ab" } },
	{ "^[]$", { NULL }, { "", "x" } },
	{ "^[^]$", { "x", "\n" }, { "" } },
	{ "^[a\\-z]$", { "-", "a" }, { "b" } },
};
static const char *const unusable[] = { "(", ")", "a)", "[", "[a", "*a", "a**",
	"+", "^*", "\\", "\\1", "(?!a)", "(?<=a)", "\\p{L}", "\\q", "[z-a]",
	"a{3,2}", "a{2000}", "\\u12", "((a{100}){100}){100}" };

static void
test_patterns(void)
{
	struct sk_schema_out out;
	struct sk_jv *s;

	for (size_t i = 0; i < SK_ARRAY_SIZE(patterns); i++) {
		s = sk_jnew(&arena, SK_J_OBJ);
		sk_jset(
		    &arena, s, "pattern", sk_jnew_cstr(&arena, patterns[i].re));
		for (size_t k = 0; patterns[i].good[k] != NULL; k++)
			CHECKF(sk_schema_check(s,
				   sk_jnew_cstr(&arena, patterns[i].good[k]),
				   NULL),
			    "%s matches good %zu", patterns[i].re, k);
		for (size_t k = 0; patterns[i].bad[k] != NULL; k++)
			CHECKF(
			    !sk_schema_check(s,
				sk_jnew_cstr(&arena, patterns[i].bad[k]), NULL),
			    "%s does not match bad %zu", patterns[i].re, k);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(unusable); i++) {
		s = sk_jnew(&arena, SK_J_OBJ);
		sk_jset(
		    &arena, s, "pattern", sk_jnew_cstr(&arena, unusable[i]));
		CHECKF(!sk_schema_check(s, sk_jnew_cstr(&arena, "a"), &out) &&
			   strstr(out.v[0].message, "cannot be used") != NULL,
		    "unusable: %s", unusable[i]);
		sk_schema_out_free(&out);
	}
	/* Patterns that send backtracking engines away for ever. */
	s = parse("{\"allOf\":[{\"pattern\":\"^(a+)+$\"},"
		  "{\"pattern\":\"^(a|a)*$\"},"
		  "{\"pattern\":\"^(a*)*(a*)*(a*)*$\"}]}");
	{
		char *text = sk_malloc(200001);

		memset(text, 'a', 200000);
		text[200000] = 'b';
		CHECK(!sk_schema_check(
		    s, sk_jnew_str(&arena, text, 200001), NULL));
		CHECK(sk_schema_check(
		    s, sk_jnew_str(&arena, text, 200000), NULL));
		free(text);
	}
}

int
main(void)
{
	test_cases();
	test_messages();
	test_places();
	test_blow_up();
	test_patterns();
	sk_arena_free(&arena);
	return tap_done();
}
