/* SPDX-License-Identifier: MIT */
/*
 * Answers that want to be more than data: N rounds of three agents, whose
 * texts, keys, file names and claims are put together from what CI systems,
 * terminals, browsers and Markdown readers take for orders. The same SEED gives
 * the same answers. hostile SEED N
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "json/json.h"

static const char *const bits[] = { "::error::x", "::set-output name=a::b",
	"::add-path::/tmp", "\n::set-env name=PATH::/tmp\n",
	"::stop-commands::t", " \t::debug::x", "\xe2\x80\x83::add-mask::x",
	"##[error]x", "##[set-env name=A;]b", "###[group]x", "#",
	"##vso[task.setvariable]x", "##teamcity[buildStatus status='FAILURE']",
	"section_start:1:x\r\033[0Kgone", "section_end:1:x\r\033[0K",
	"\033]52;c;aGk=\007",
	"\033]8;;http://evil.example\033\\link\033]8;;\033\\", "\033[2J",
	"\302\23331m", "\r", "\b\b\b", "\x7f", "\xe2\x80\xae", "\xe2\x81\xa6",
	"\xe2\x80\x8b", "\xef\xbb\xbf", "\xef\xbf\xbe",
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>",
	"</pre></td></table>", "]]>", "<!--", "-->", "&lt;", "&#60;script>",
	"&", "\"", "'", "![x](http://evil.example/?q=1)",
	"[x](http://evil.example)", "[x]: http://evil.example",
	"<http://evil.example>", "https://evil.example/a", "www.evil.example",
	"@everyone", "@org/team", "```", "\n```\n", "~~~~", "````\n<script>",
	"|", "\n| a | b |\n", "\n# title\n", "*x*", "_x_", "%0A::error::x", "%",
	"%25", "EOF", "\nEOF\nevil=1\n", "x<<EOF", "x=1", "=",
	",file=/etc/passwd", ":", "\xf0\x9f\x98\x80", "plain words", "a", " ",
	"${IFS}", "$(id)", "`id`", "../../../etc/passwd", "/etc/passwd",
	"file:///etc/passwd", "javascript:alert(1)", "C:\\windows",
	"\\\\evil\\share", "~/x", "-rf", "--help", "CON", "a//b", "./a",
	"a/../b", "src/a.c:12", "src/a.c:12:3" };

static uint64_t state;

static size_t
next(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)(state >> 33) % n;
}

static struct sk_jv *
text(struct sk_arena *a, size_t most)
{
	struct sk_jv *v;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	for (size_t n = next(most) + 1; n > 0; n--)
		sk_buf_str(&b, bits[next(SK_ARRAY_SIZE(bits))]);
	v = sk_jnew_str(a, b.p, b.len);
	sk_buf_free(&b);
	return v;
}

static struct sk_jv *
finding(struct sk_arena *a)
{
	static const char *const severities[] = { "high", "medium", "low",
		"blocker" };
	static const char *const keys[] = { "message", "file", "rule", "where",
		"severity", "title", "id" };
	struct sk_jv *f = sk_jnew(a, SK_J_OBJ);

	sk_jset(a, f, "severity",
	    sk_jnew_cstr(a, severities[next(SK_ARRAY_SIZE(severities))]));
	for (size_t i = 0; i < SK_ARRAY_SIZE(keys); i++)
		if (next(2) == 0)
			sk_jset(a, f, keys[i], text(a, 3));
	if (next(2) == 0)
		sk_jset(a, f, "line", sk_jnew_int(a, (int64_t)next(50)));
	return f;
}

static struct sk_jv *
answer(struct sk_arena *a)
{
	struct sk_jv *o = sk_jnew(a, SK_J_OBJ), *list = sk_jnew(a, SK_J_ARR);
	struct sk_jv *claims = sk_jnew(a, SK_J_OBJ), *c = sk_jnew(a, SK_J_ARR);
	struct sk_jv *key = text(a, 2);

	for (size_t n = next(8); n > 0; n--)
		sk_jpush(a, list, finding(a));
	sk_jset(a, o, "findings", list);
	sk_jset(a, o, "recommendation", text(a, 2));
	sk_jset(a, o, "fixed", sk_jnew_cstr(a, "same"));
	sk_jsetn(a, o, key->s, key->n, text(a, 3));
	if (next(4) == 0) {
		sk_jpush(a, c, text(a, 3));
		sk_jset(a, claims, "conflicts", c);
		sk_jset(a, o, "consensus", claims);
	}
	return o;
}

int
main(int argc, char **argv)
{
	int64_t seed, n;

	if (argc != 3 || !sk_parse_int(argv[1], 0, INT32_MAX, &seed) ||
	    !sk_parse_int(argv[2], 1, 10000, &n))
		return 2;
	state = (uint64_t)seed;
	for (int64_t i = 1; i <= n; i++)
		for (char who = 'a'; who <= 'c'; who++) {
			struct sk_arena a = { 0 };
			struct sk_buf b, content;
			struct sk_jw w;

			sk_buf_init(&b, 0);
			sk_buf_init(&content, 0);
			sk_json_write(&content, answer(&a));
			sk_jw_init(&w, &b);
			sk_jw_obj(&w);
			sk_jw_kstr(&w, "schema", "sk.answer/1");
			sk_jw_key(&w, "agent");
			sk_jw_strn(&w, &who, 1);
			sk_jw_kstr(&w, "run", "hostile");
			sk_jw_kstr(&w, "spec", "S");
			sk_jw_kstr(&w, "stage", "audit");
			sk_jw_kint(&w, "round", i);
			sk_jw_key(&w, "content");
			sk_jw_strn(&w, content.p, content.len);
			sk_jw_end(&w);
			sk_jw_done(&w);
			(void)sk_write_all(STDOUT_FILENO, b.p, b.len);
			sk_buf_free(&b);
			sk_buf_free(&content);
			sk_arena_free(&a);
		}
	return 0;
}
