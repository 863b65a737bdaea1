/* SPDX-License-Identifier: MIT */
/* JSON found in answers. */
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "json/json.h"

static const struct {
	const char *text;
	enum sk_jfound how;
	const char *json; /* what is found, NULL = nothing */
} cases[] = {
	/* the whole text */
	{ "{\"a\":1}", SK_JFOUND_DIRECT, "{\"a\":1}" },
	{ " \n[1,2]\n", SK_JFOUND_DIRECT, "[1,2]" },
	{ "42", SK_JFOUND_DIRECT, "42" },
	{ "\"yes\"", SK_JFOUND_DIRECT, "\"yes\"" },
	{ "null", SK_JFOUND_DIRECT, "null" },
	{ "[]", SK_JFOUND_DIRECT, "[]" },
	{ "\xef\xbb\xbf{\"a\":1}\n", SK_JFOUND_DIRECT, "{\"a\":1}" },
	/* nothing */
	{ "", SK_JFOUND_NONE, NULL },
	{ "The answer is 42.", SK_JFOUND_NONE, NULL },
	{ "{", SK_JFOUND_NONE, NULL },
	{ "- [ ] write it\n- [x] read it\n", SK_JFOUND_NONE, NULL },
	{ "int main() {}", SK_JFOUND_NONE, NULL },
	{ "if (x) { y = a[i]; }", SK_JFOUND_NONE, NULL },
	/* fences */
	{ "Here:\n```json\n{\"a\":1}\n```\nDone.", SK_JFOUND_FENCE,
	    "{\"a\":1}" },
	{ "```\n{\"a\":1}\n```", SK_JFOUND_FENCE, "{\"a\":1}" },
	{ "~~~ json\n[1]\n~~~", SK_JFOUND_FENCE, "[1]" },
	{ "````JSON\r\n[1]\r\n````\r\n", SK_JFOUND_FENCE, "[1]" },
	{ "1. so:\n   ```json\n   {\"a\":1}\n   ```\n", SK_JFOUND_FENCE,
	    "{\"a\":1}" },
	/* the last that parses */
	{ "```json\n{\"a\":1}\n```\n```json\n{\"b\":2}\n```", SK_JFOUND_FENCE,
	    "{\"b\":2}" },
	{ "```json\n{\"a\":1}\n```\n```json\n{\"b\":,}\n```", SK_JFOUND_FENCE,
	    "{\"a\":1}" },
	{ "```json\n{\"a\":1}\n```\n```python\n[2]\n```", SK_JFOUND_FENCE,
	    "{\"a\":1}" },
	/* a small fence wins over a larger object in the prose */
	{ "{\"long\":\"object\"} and\n```json\n{\"a\":1}\n```", SK_JFOUND_FENCE,
	    "{\"a\":1}" },
	/* the last line is missing */
	{ "```json\n{\"a\":1}\n", SK_JFOUND_FENCE, "{\"a\":1}" },
	{ "```json\n{\"a\":1}", SK_JFOUND_FENCE, "{\"a\":1}" },
	/* a stray fence before */
	{ "```\ntext\n```json\n{\"a\":1}\n```", SK_JFOUND_FENCE, "{\"a\":1}" },
	/* a shorter fence does not close */
	{ "````json\n{\"a\":\n```\n1}\n````\nand {\"b\":2}", SK_JFOUND_INLINE,
	    "{\"b\":2}" },
	/* scalars and other languages in fences are not answers */
	{ "```json\n42\n```", SK_JFOUND_NONE, NULL },
	{ "```json\n\n```", SK_JFOUND_NONE, NULL },
	{ "a ```json {\"a\":1}``` b", SK_JFOUND_INLINE, "{\"a\":1}" },
	/* prose */
	{ "So {\"a\":1}.", SK_JFOUND_INLINE, "{\"a\":1}" },
	{ "{\"a\":1} or {\"bb\":22}?", SK_JFOUND_INLINE, "{\"bb\":22}" },
	{ "{\"a\":1} or {\"b\":2}?", SK_JFOUND_INLINE, "{\"b\":2}" },
	{ "[1,2,3] or {\"a\":1}", SK_JFOUND_INLINE, "{\"a\":1}" },
	{ "[1,2,3,4] or {\"a\":1}", SK_JFOUND_INLINE, "[1,2,3,4]" },
	{ "see [note {\"a\":\"}]\"}] ok", SK_JFOUND_INLINE, "{\"a\":\"}]\"}" },
	{ "use {x | x > 0}, then {\"a\":[{}]}", SK_JFOUND_INLINE,
	    "{\"a\":[{}]}" },
	{ "a 5\" disk: {\"a\":\"b\"} is 3\"", SK_JFOUND_INLINE,
	    "{\"a\":\"b\"}" },
	{ "he said \"it is {\"a\":1}\" twice", SK_JFOUND_INLINE, "{\"a\":1}" },
	{ "{\"a\":\"\\\"}\"} rest", SK_JFOUND_INLINE, "{\"a\":\"\\\"}\"}" },
	{ "\\frac{1}{2} gives {\"a\":1}", SK_JFOUND_INLINE, "{\"a\":1}" },
	{ "{\"a\":1}\n{\"b\":2}\n", SK_JFOUND_INLINE, "{\"b\":2}" },
	{ "[[[[ {\"a\":1}", SK_JFOUND_INLINE, "{\"a\":1}" },
	/* refused by the reader, so no JSON, and neither are its parts */
	{ "x {\"a\":{\"b\":1},\"a\":2}", SK_JFOUND_NONE, NULL },
	{ "x {\"a\":{\"b\":1},\"c\":\"\\ud800\"}", SK_JFOUND_NONE, NULL },
	{ "x {\"a\":1,\"a\":2} y [7]", SK_JFOUND_INLINE, "[7]" },
	/* parts of a document that was cut off or is wrong */
	{ "{\"stage\":\"plan\",\"items\":[{\"id\":1},{\"id\":2}",
	    SK_JFOUND_NONE, NULL },
	{ "{\"items\":[{\"id\":1},{\"id\":2},],\"x\":{\"y\":1}}",
	    SK_JFOUND_NONE, NULL },
	{ "{\"items\":[{\"id\":1},{\"id\":2}],}", SK_JFOUND_NONE, NULL },
	{ "{\"a\":{\"b\":1},\"c\":\"line\nbreak\",\"d\":[1]}", SK_JFOUND_NONE,
	    NULL },
	{ "{\"a\":{\"b\":1}, // why\n\"c\":[1]} but {\"d\":2}",
	    SK_JFOUND_INLINE, "{\"d\":2}" },
};

static void
test_cases(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_arena a = { 0 };
		struct sk_buf b;
		struct sk_jv *v;
		enum sk_jfound how;

		sk_buf_init(&b, 0);
		how =
		    sk_json_find(&a, cases[i].text, strlen(cases[i].text), &v);
		CHECKF(how == cases[i].how, "how: %zu", i);
		if (v != NULL)
			sk_json_write(&b, v);
		CHECKF((v == NULL) == (cases[i].json == NULL) &&
			   (v == NULL || strcmp(b.p, cases[i].json) == 0),
		    "what: %zu", i);
		sk_buf_free(&b);
		sk_arena_free(&a);
	}
}

/* Text that makes a naive scanner quadratic. At a megabyte and more, that
 * would be minutes; the test's time limit is what fails then. */
static void
test_hostile(void)
{
	static const char *const unit[] = { "{", "[", "[\"", "[\"[\\\"",
		"{\"a\":", "[1,", "[]", "[[1]", "[\"\n[\"", "{\"a\":[{},1],",
		"\"", "{a[1]", "```\n", "```json\n{\"a\"", "~~~\n[", "\\[",
		"{\"a\":1,\"a\":", "[\"\\", "{\"{\":\"[\",\"[\":[" };
	static const char tail[] = "\n. {\"answer\": [1, 2, 3, 4, 5]} .";
	const size_t size = 1 << 20;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(unit); i++) {
		struct sk_arena a = { 0 };
		struct sk_jv *v;

		sk_buf_clear(&b);
		while (b.len < size)
			sk_buf_str(&b, unit[i]);
		sk_json_find(&a, b.p, b.len, &v);
		CHECKF(v == NULL || sk_jlen(v) > 0, "hostile: %zu", i);
		sk_arena_free(&a);
	}
	/* Open brackets, however many, do not hide an answer. */
	for (size_t i = 0; i < 2; i++) {
		struct sk_arena a = { 0 };
		struct sk_jv *v;

		sk_buf_clear(&b);
		while (b.len < size)
			sk_buf_str(&b, unit[i]);
		sk_buf_str(&b, tail);
		CHECK_INT(sk_json_find(&a, b.p, b.len, &v), SK_JFOUND_INLINE);
		CHECK_INT(sk_jlen(sk_jget(v, "answer")), 5);
		sk_arena_free(&a);
	}
	sk_buf_free(&b);
}

/* Any text: no crash, and what is found is a container unless it is all. */
static void
test_random(void)
{
	static const char *const parts[] = { "{", "}", "[", "]", ",", ":", "\"",
		"\\", "\"a\":", "1", "true", "\n", "```", "```json\n", "~~~",
		" ", "x", "{\"k\":[1]}" };
	uint32_t seed = 7;
	size_t bad = 0, found = 0;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (int round = 0; round < 20000; round++) {
		struct sk_arena a = { 0 };
		struct sk_jv *v;
		enum sk_jfound how;

		sk_buf_clear(&b);
		for (int k = 0; k < 14; k++) {
			seed = seed * 1664525 + 1013904223;
			sk_buf_str(
			    &b, parts[(seed >> 8) % SK_ARRAY_SIZE(parts)]);
		}
		how = sk_json_find(&a, b.p, b.len, &v);
		bad += (how == SK_JFOUND_NONE) != (v == NULL);
		if (how == SK_JFOUND_FENCE || how == SK_JFOUND_INLINE) {
			found++;
			bad += v->type != SK_J_OBJ && v->type != SK_J_ARR;
		}
		sk_arena_free(&a);
	}
	sk_buf_free(&b);
	CHECKF(found > 1000, "found %zu", found);
	CHECK_INT(bad, 0);
}

int
main(void)
{
	test_cases();
	test_hostile();
	test_random();
	return tap_done();
}
