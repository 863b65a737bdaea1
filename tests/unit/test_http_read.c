/* SPDX-License-Identifier: MIT */
/* Answers over HTTP: every split of a stream gives the same answer, and the
 * short way through a stream never says anything else than the long one. */
#include <stdlib.h>

#include "agent/http.h"
#include "tap.h"

static uint64_t seed = 1;

static unsigned
dice(unsigned n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(seed >> 33) % n;
}

struct got {
	struct sk_outcome o;
	struct sk_tap tap;
	struct sk_http_body body;
	bool more;
};

static void
begin(struct got *g, const struct sk_adapter *ad, int status, const char *type,
    bool streamed, bool fast)
{
	struct sk_net_head h = { .status = status };

	sk_strv_add(&h.fields, "content-type");
	sk_strv_add(&h.fields, type);
	sk_outcome_init(&g->o);
	sk_tap_init(&g->tap, ad, &g->o, 10000);
	sk_http_body_init(&g->body, ad, &g->tap, 10000);
	g->more = sk_http_body_head(&g->body, &h, streamed);
	if (!fast) {
		sk_http_fast_free(g->body.fast);
		g->body.fast = NULL;
	}
	sk_strv_free(&h.fields);
}

static void
feed(struct got *g, const char *p, size_t n)
{
	if (g->more)
		g->more = sk_http_body_part(&g->body, p, n);
}

static void
end(struct got *g)
{
	sk_http_body_end(&g->body);
}

static void
drop(struct got *g)
{
	sk_http_body_free(&g->body);
	sk_tap_free(&g->tap);
	sk_outcome_free(&g->o);
}

static bool
same(const struct got *a, const struct got *b)
{
	const struct sk_reader *x = &a->tap.r, *y = &b->tap.r;

	return x->content.len == y->content.len &&
	       memcmp(x->content.p, y->content.p, x->content.len) == 0 &&
	       x->ok == y->ok && x->failed == y->failed && x->kind == y->kind &&
	       a->body.bad == b->body.bad && a->body.end == b->body.end &&
	       x->has_content == y->has_content &&
	       (a->o.model == NULL ? b->o.model == NULL
				   : sk_streq(a->o.model, b->o.model)) &&
	       a->o.usage.output == b->o.usage.output &&
	       x->error.len == y->error.len;
}

static const struct {
	const char *adapter, *type, *text, *content;
} streams[] = {
	{ "openai-chat", "text/event-stream",
	    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":"
	    "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]"
	    "}\n\n"
	    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":"
	    "{\"content\":\"Zw\xc3\xb6\"},\"finish_reason\":null}]}\n\n"
	    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"delta\":"
	    "{\"content\":\"lf\\n\"},\"finish_reason\":null}]}\n\n"
	    "data: {\"id\":\"d\",\"model\":\"m\",\"choices\":[{\"delta\":"
	    "{\"content\":\"\\ud83c\\udf4d\"},\"finish_reason\":null}]}\n\n"
	    "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"
	    "\n\ndata: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,"
	    "\"completion_tokens\":7}}\n\ndata: [DONE]\n\n",
	    "Zw\xc3\xb6lf\n\xf0\x9f\x8d\x8d" },
	{ "anthropic", "text/event-stream; charset=utf-8",
	    "event: message_start\ndata: "
	    "{\"type\":\"message_start\",\"message\""
	    ":{\"model\":\"m\",\"usage\":{\"input_tokens\":3,\"output_tokens\":"
	    "1}}}\n\nevent: ping\ndata: {\"type\":\"ping\"}\n\n"
	    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
	    "\"type\":\"text_delta\",\"text\":\"a\"}}\n\n"
	    "data: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{"
	    "\"type\":\"thinking_delta\",\"thinking\":\"no\"}}\n\n"
	    "data: {\"type\":\"content_block_delta\",\"index\":1,\"delta\":{"
	    "\"type\":\"text_delta\",\"text\":\"b\"}}\n\n"
	    "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	    "\"end_turn\"},\"usage\":{\"output_tokens\":7}}\n\n"
	    "data: {\"type\":\"message_stop\"}\n\n",
	    "ab" },
	{ "gemini-api", "text/event-stream",
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"x\"},"
	    "{\"text\":\"no\",\"thought\":true},{\"text\":\"y\"}]}}],"
	    "\"modelVersion\":\"m\"}\r\n\r\n"
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"z\"}]}"
	    "}],\"modelVersion\":\"m\"}\r\n\r\n"
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"!\"}]}"
	    ",\"finishReason\":\"STOP\"}],\"modelVersion\":\"m\","
	    "\"usageMetadata\":{\"promptTokenCount\":1,"
	    "\"candidatesTokenCount\":5,\"thoughtsTokenCount\":2}}\r\n\r\n",
	    "xyz!" },
	{ "ollama", "application/x-ndjson",
	    "{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n"
	    "{\"model\":\"m\",\"message\":{\"content\":\"b\"},\"done\":false}\n"
	    "{\"model\":\"m\",\"message\":{\"content\":\"\"},\"done\":true,"
	    "\"done_reason\":\"stop\",\"prompt_eval_count\":1,\"eval_count\":7}"
	    "\n",
	    "ab" },
	{ "openai-responses", "text/event-stream",
	    "data: {\"type\":\"response.output_text.delta\",\"n\":1,\"delta\":"
	    "\"a\"}\n\n"
	    "data: {\"type\":\"response.output_text.delta\",\"n\":2,\"delta\":"
	    "\"b\"}\n\n"
	    "data: {\"type\":\"response.output_text.delta\",\"n\":3,\"delta\":"
	    "\"c\"}\n\n"
	    "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\","
	    "\"status\":\"completed\",\"model\":\"m\",\"usage\":{"
	    "\"input_tokens\":1,\"output_tokens\":7}}}\n\n",
	    "abc" },
};

static void
test_splits(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(streams); i++) {
		const char *t = streams[i].text;
		size_t n = strlen(t), wrong = 0;
		const struct sk_adapter *ad;
		struct sk_err err = { 0 };

		if (sk_adapter_get(streams[i].adapter, &ad, &err) != 0) {
			CHECKF(
			    false, "%s: %s", streams[i].adapter, err.message);
			continue;
		}
		for (size_t cut = 0; cut <= n; cut++) {
			struct got g = { 0 };

			begin(&g, ad, 200, streams[i].type, true, true);
			feed(&g, t, cut);
			feed(&g, t + cut, n - cut);
			end(&g);
			wrong += strcmp(g.tap.r.content.p,
				     streams[i].content) != 0 ||
			         !g.tap.r.ok || g.tap.r.failed || g.body.bad ||
			         !sk_streq(g.o.model, "m") ||
			         g.o.usage.output != 7;
			drop(&g);
		}
		CHECKF(wrong == 0, "%s: every split", streams[i].adapter);
	}
}

/* The same bytes by both ways, with bytes changed at random: whatever comes of
 * them must be the same. */
static void
test_both_ways(void)
{
	static const char bytes[] = "\"\\{}[]:,0129.e-untrfalsx \n\xc3\x80";
	size_t differ = 0, good = 0;

	for (size_t round = 0; round < 20000; round++) {
		size_t i = round % SK_ARRAY_SIZE(streams), n;
		char *t = sk_strdup(streams[i].text);
		const struct sk_adapter *ad;
		struct got a = { 0 }, b = { 0 };
		struct sk_err err = { 0 };

		n = strlen(t);
		for (unsigned k = dice(4); k > 0; k--)
			t[dice((unsigned)n)] = bytes[dice(sizeof(bytes) - 1)];
		if (sk_adapter_get(streams[i].adapter, &ad, &err) != 0)
			break;
		begin(&a, ad, 200, streams[i].type, true, true);
		begin(&b, ad, 200, streams[i].type, true, false);
		feed(&a, t, n);
		feed(&b, t, n);
		end(&a);
		end(&b);
		differ += !same(&a, &b);
		good += a.tap.r.ok;
		if (!same(&a, &b) && differ == 1)
			printf("# %s\n# %s\n# %s\n", t, a.tap.r.content.p,
			    b.tap.r.content.p);
		drop(&a);
		drop(&b);
		free(t);
	}
	CHECK_INT(differ, 0);
	CHECK(good > 2000); /* else nothing was compared */
}

/* What was learnt is used: a hundred deltas after the first two. */
static void
test_fast(void)
{
	static const char doc[] = "{\"type\":\"response.output_text.delta\","
				  "\"sequence_number\":12,\"delta\":\" w\"}";
	static const char *const like[] = {
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":130,\"delta\":\"\xe4\xb8\xad \\\"x\\\"\"}",
	};
	static const char *const unlike[] = {
		/* a value that rules look at */
		"{\"type\":\"response.output_text.donee\","
		"\"sequence_number\":12,\"delta\":\" w\"}",
		/* no JSON */
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":012,\"delta\":\" w\"}",
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" \xff\"}",
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" \n\"}",
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" w\"}}",
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" w\"",
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" w",
		/* another number of members */
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\" w\",\"x\":1}",
		/* escapes that belong together */
		"{\"type\":\"response.output_text.delta\","
		"\"sequence_number\":12,\"delta\":\"\\ud83c\"}",
	};
	const struct sk_adapter *ad;
	struct sk_http_fast *f;
	struct sk_err err = { 0 };
	struct sk_buf b;

	CHECK(sk_adapter_get("openai-responses", &ad, &err) == 0);
	f = sk_http_fast_new(ad);
	sk_buf_init(&b, 100);
	CHECK(!sk_http_fast_take(f, &b, doc, strlen(doc)));
	sk_http_fast_learn(f, doc, strlen(doc));
	CHECK(sk_http_fast_take(f, &b, doc, strlen(doc)));
	CHECK_STR(b.p, " w");
	for (size_t i = 0; i < SK_ARRAY_SIZE(like); i++)
		CHECK(sk_http_fast_take(f, &b, like[i], strlen(like[i])));
	CHECK_STR(b.p, " w\xe4\xb8\xad \"x\"");
	for (size_t i = 0; i < SK_ARRAY_SIZE(unlike); i++) {
		CHECKF(!sk_http_fast_take(f, &b, unlike[i], strlen(unlike[i])),
		    "unlike %zu", i);
		CHECK_STR(b.p, " w\xe4\xb8\xad \"x\"");
	}
	sk_buf_free(&b);
	sk_http_fast_free(f);
}

static void
test_whole(void)
{
	static const char big[] =
	    "{\"error\":{\"message\":\"no\",\"code\":\"insufficient_quota\"}}";
	const struct sk_adapter *ad;
	struct sk_err err = { 0 };
	struct got g = { 0 };

	CHECK(sk_adapter_get("openai-chat", &ad, &err) == 0);
	begin(&g, ad, 429, "application/json", true, true);
	for (size_t i = 0; i < strlen(big); i++)
		feed(&g, big + i, 1);
	end(&g);
	CHECK(g.tap.r.failed);
	CHECK_STR(g.tap.r.error.p, "no");
	CHECK_INT(g.tap.r.http, 429);
	drop(&g);

	memset(&g, 0, sizeof(g));
	begin(&g, ad, 200, "text/html", false, true);
	CHECK(!g.more);
	CHECK(g.body.bad);
	drop(&g);

	/* a list of errors, as one vendor sends */
	memset(&g, 0, sizeof(g));
	begin(&g, ad, 500, "application/json", false, true);
	feed(&g, "[{\"error\":{\"message\":\"x\"}}]", 27);
	end(&g);
	CHECK_STR(g.tap.r.error.p, "x");
	drop(&g);

	memset(&g, 0, sizeof(g));
	begin(&g, ad, 502, "text/html", false, true);
	feed(&g, "<html>", 6);
	end(&g);
	CHECK_STR(
	    g.tap.r.error.p, "HTTP status 502 and something that is no JSON");
	CHECK_INT(g.tap.noise.len, 0);
	drop(&g);
}

int
main(void)
{
	/* The adapters are the shipped ones, not those of who runs this. */
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	test_splits();
	test_fast();
	test_both_ways();
	test_whole();
	return tap_done();
}
