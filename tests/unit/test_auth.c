/* SPDX-License-Identifier: MIT */
/* The parts of logging in that need neither network nor clock: the device
 * flow, what replies mean, addresses, id tokens, sealed messages. */
#include <sodium.h>
#include <stdlib.h>

#include "auth/internal.h"
#include "tap.h"

/* ---- the device flow ---- */

static struct sk_idp prov;

static void
fresh(const char *id)
{
	struct sk_err err = { 0 };

	sk_idp_free(&prov);
	CHECKF(sk_idp_get(&prov, id, &err) == 0, "provider %s: %s", id,
	    err.message);
	sk_err_clear(&err);
}

static void
test_flow(void)
{
	struct auth_flow f;

	fresh("oidc");
	auth_flow_begin(&f, &prov, 5000, 900000, 1000);
	CHECK_INT(f.next, 6000); /* waits first */
	CHECK_INT(f.deadline, 901000);
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_PENDING, -1, 6000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 11000);
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_SLOW, -1, 11000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 21000); /* 5 s more */
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_PENDING, -1, 21000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 31000); /* and for good */
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_SLOW, 30000, 31000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 61000); /* the server's own interval */
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_SLOW, 1000, 61000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 96000); /* never shorter */
	CHECK_INT(auth_flow_step(&f, AUTH_POLL_OK, -1, 96000), AUTH_STEP_DONE);
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_DENIED, -1, 96000), AUTH_STEP_DENIED);
	CHECK_INT(auth_flow_step(&f, AUTH_POLL_BAD, -1, 96000), AUTH_STEP_BAD);
	/* The last question is asked at the end, and none after it. */
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_PENDING, -1, 900000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 901000);
	CHECK_INT(auth_flow_step(&f, AUTH_POLL_PENDING, -1, 901000),
	    AUTH_STEP_EXPIRED);
}

static void
test_flow_blips(void)
{
	struct auth_flow f;
	int64_t t = 0;

	fresh("oidc");
	auth_flow_begin(&f, &prov, 1000, 3600000, 0);
	for (int i = 0; i < 6; i++) {
		t = f.next;
		CHECK_INT(
		    auth_flow_step(&f, AUTH_POLL_BLIP, -1, t), AUTH_STEP_WAIT);
	}
	CHECK_INT(f.next - t, 32000); /* doubled each time */
	/* An answer in between starts the count again. */
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_PENDING, -1, f.next), AUTH_STEP_WAIT);
	for (int i = 0; i < 6; i++)
		CHECK_INT(auth_flow_step(&f, AUTH_POLL_BLIP, -1, f.next),
		    AUTH_STEP_WAIT);
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_BLIP, -1, f.next), AUTH_STEP_LOST);
}

static void
test_flow_numbers(void)
{
	static const struct {
		int64_t interval, life, next, deadline;
	} rows[] = { { -1, -1, 5000, 900000 }, { 1, 1, 1000, 1000 },
		{ 86400000, 86400000, 60000, 3600000 },
		{ 0, 0, 1000, 900000 } };
	static const struct {
		const char *json;
		int64_t s;
	} numbers[] = { { "5", 5 }, { "\"5\"", 5 }, { "\"\"", -1 },
		{ "-1", -1 }, { "0", 0 }, { "1e3", 1000 }, { "2.5", 2 },
		{ "99999999999999999999999", 31622400 },
		{ "\"99999999999999999999\"", -1 }, { "null", -1 },
		{ "[5]", -1 }, { "\"5s\"", -1 } };
	struct sk_arena a = { 0 };
	struct auth_flow f;
	struct sk_jv *v;

	fresh("oidc");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		auth_flow_begin(&f, &prov, rows[i].interval, rows[i].life, 0);
		CHECKF(
		    f.deadline == rows[i].deadline, "deadline of row %zu", i);
		CHECKF(f.next == rows[i].next, "first wait of row %zu: %lld", i,
		    (long long)f.next);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(numbers); i++) {
		int64_t got = -2;

		if (sk_json_parse(&a, numbers[i].json, strlen(numbers[i].json),
			NULL, &v, NULL) == 0)
			got = auth_seconds(v);
		CHECKF(got == numbers[i].s, "seconds of %s: %lld",
		    numbers[i].json, (long long)got);
	}
	fresh("github");
	auth_flow_begin(&f, &prov, 5000, 900000, 0);
	CHECK_INT(f.next, 6000); /* with a margin */
	CHECK_INT(auth_flow_step(&f, AUTH_POLL_SLOW, -1, 6000), AUTH_STEP_WAIT);
	CHECK_INT(f.next, 6000 + 14000); /* 10 s and more of it */
	(void)auth_flow_step(&f, AUTH_POLL_SLOW, -1, f.next);
	CHECK_INT(
	    auth_flow_step(&f, AUTH_POLL_SLOW, -1, f.next), AUTH_STEP_CLOCK);
	sk_arena_free(&a);
}

/* ---- replies ---- */

static enum auth_poll
poll_of(int status, const char *type, const char *body)
{
	struct auth_reply r = { .status = status };
	enum auth_poll p;

	auth_reply_read(&r, &prov, type, body, strlen(body));
	p = auth_poll_class(&prov, &r);
	auth_reply_free(&r);
	return p;
}

static void
test_words(void)
{
	static const struct {
		int status;
		const char *type, *body, *word;
	} rows[] = { { 200, "application/json", "", "empty_reply" },
		{ 200, "text/html", "{}", "html_reply" },
		{ 200, "text/plain", "no", "wrong_type" },
		{ 200, NULL, "no", "json_syntax" },
		{ 200, "application/json", "{\"a\":", "json_cut" },
		{ 200, "application/json", "{\"a\":\"", "json_cut" },
		{ 200, "application/json", "{\"a\":1,\"a\":2}", "json_twice" },
		{ 200, "application/json", "[]", "json_no_object" },
		{ 200, "application/json", "{}", "needed" },
		{ 403, "text/html", "<html>", "html_reply" },
		{ 502, "text/html", "<html>", "http_502" },
		{ 404, "application/json", "", "http_404" },
		{ 429, "text/html", "<html>", "rate_limited" },
		{ 403, NULL, "{\"error\":\"rate_limit_exceeded\"}",
		    "rate_limited" } };

	fresh("oidc");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		struct auth_reply r = { .status = rows[i].status };

		auth_reply_read(&r, &prov, rows[i].type, rows[i].body,
		    strlen(rows[i].body));
		CHECK_STR(auth_reply_word(&r, "needed"), rows[i].word);
		auth_reply_free(&r);
	}
}

static void
test_poll(void)
{
	static const struct {
		const char *provider, *body;
		int status;
		enum auth_poll want;
	} rows[] = { { "oidc", "{\"error\":\"authorization_pending\"}", 400,
			 AUTH_POLL_PENDING },
		{ "oidc", "{\"error\":\"slow_down\"}", 400, AUTH_POLL_SLOW },
		{ "oidc", "{\"error\":\"access_denied\"}", 403,
		    AUTH_POLL_DENIED },
		{ "oidc", "{\"error\":\"x\"}", 400, AUTH_POLL_BAD },
		{ "oidc", "{\"error\":\"x\"}", 503, AUTH_POLL_BLIP },
		{ "oidc", "<html>", 200, AUTH_POLL_BAD },
		{ "oidc", "{\"access_token\":\"t\"}", 200, AUTH_POLL_OK },
		{ "oidc", "{\"access_token\":5}", 200, AUTH_POLL_BAD },
		{ "oidc", "{\"access_token\":\"t\"}", 302, AUTH_POLL_BAD },
		{ "openai", "", 404, AUTH_POLL_PENDING },
		{ "openai", "nothing", 403, AUTH_POLL_PENDING },
		{ "openai", "{\"error\":{\"code\":\"access_denied\"}}", 403,
		    AUTH_POLL_DENIED },
		{ "openai",
		    "{\"error\":{\"code\":\"deviceauth_authorization_"
		    "unknown\"}}",
		    403, AUTH_POLL_PENDING },
		{ "openai", "<!DOCTYPE html><p>no</p>", 403, AUTH_POLL_BAD },
		{ "openai", "<html>Just a moment...</html>", 403,
		    AUTH_POLL_CHALLENGE },
		{ "openai", "{\"error\":\"authorization_declined\"}", 401,
		    AUTH_POLL_DENIED },
		{ "openai", "{\"authorization_code\":\"c\"}", 200,
		    AUTH_POLL_OK },
		{ "github", "{\"error\":\"authorization_pending\"}", 200,
		    AUTH_POLL_PENDING },
		{ "github", "error=slow_down&interval=10", 200,
		    AUTH_POLL_SLOW },
		{ "github", "error=expired_token", 200, AUTH_POLL_EXPIRED },
		{ "github", "access_token=t&scope=", 200, AUTH_POLL_OK },
		{ "google", "{}", 428, AUTH_POLL_PENDING },
		{ "google", "{\"error\":\"slow_down\"}", 403, AUTH_POLL_SLOW },
		{ "google", "{\"error_code\":\"access_denied\"}", 403,
		    AUTH_POLL_DENIED },
		{ "qwen", "{\"error\":\"slow_down\"}", 429, AUTH_POLL_SLOW },
		{ "qwen", "{\"error\":\"busy\"}", 429, AUTH_POLL_BLIP },
		{ "oidc", "", 0, AUTH_POLL_BLIP } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		enum auth_poll got;

		fresh(rows[i].provider);
		got = poll_of(rows[i].status, NULL, rows[i].body);
		CHECKF(got == rows[i].want, "%s %d %s: %d", rows[i].provider,
		    rows[i].status, rows[i].body, (int)got);
	}
}

static void
test_refresh_class(void)
{
	static const struct {
		const char *body;
		int status;
		bool sent;
		enum auth_fresh want;
	} rows[] = { { "{\"access_token\":\"t\"}", 200, true, AUTH_FRESH_OK },
		{ "{\"error\":\"invalid_grant\"}", 400, true, AUTH_FRESH_DEAD },
		{ "{\"error\":\"INVALID_GRANT\"}", 400, true, AUTH_FRESH_DEAD },
		{ "{\"error\":{\"code\":\"refresh_token_reused\"}}", 401, true,
		    AUTH_FRESH_DEAD },
		{ "{\"code\":\"refresh_token_expired\"}", 401, true,
		    AUTH_FRESH_DEAD },
		{ "", 401, true, AUTH_FRESH_DEAD },
		{ "<html>", 401, true, AUTH_FRESH_RETRY },
		{ "<html>", 403, true, AUTH_FRESH_RETRY },
		{ "", 408, true, AUTH_FRESH_RETRY },
		{ "", 425, true, AUTH_FRESH_RETRY },
		{ "", 429, true, AUTH_FRESH_RETRY },
		{ "", 503, true, AUTH_FRESH_RETRY },
		{ "{", 200, true, AUTH_FRESH_UNSURE },
		{ "{}", 200, true, AUTH_FRESH_UNSURE },
		{ "", 0, true, AUTH_FRESH_UNSURE },
		{ "", 0, false, AUTH_FRESH_RETRY } };
	const char *reason;

	fresh("openai");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		struct auth_reply r = { .status = rows[i].status,
			.sent = rows[i].sent };
		enum auth_fresh got;

		auth_reply_read(
		    &r, &prov, NULL, rows[i].body, strlen(rows[i].body));
		got = auth_refresh_class(&prov, &r, &reason);
		CHECKF(got == rows[i].want, "%d %s: %d (%s)", rows[i].status,
		    rows[i].body, (int)got, reason);
		auth_reply_free(&r);
	}
}

/* ---- addresses ---- */

static void
test_url(void)
{
	static const struct {
		const char *url, *origin;
		bool loopback;
	} good[] = { { "https://Example.COM/x?y#z", "https://example.com",
			 false },
		{ "https://a.b:443", "https://a.b", false },
		{ "https://a.b:8443/", "https://a.b:8443", false },
		{ "http://127.0.0.1:80/", "http://127.0.0.1", true },
		{ "http://127.1.2.3:8/", "http://127.1.2.3:8", true },
		{ "http://[::1]:9/", "http://[::1]:9", true },
		{ "http://localhost/", "http://localhost", true },
		{ "http://127.0.0.1.evil.test/", "http://127.0.0.1.evil.test",
		    false },
		{ "http://127.0.0.1./", "http://127.0.0.1.", false },
		{ "http://localhost.evil/", "http://localhost.evil", false } };
	static const char *const bad[] = { "", "https://", "https:///x",
		"ftp://x/", "javascript:alert(1)", "//x", "https://a@b/",
		"https://a:b@c/", "https://a:0/", "https://a:65536/",
		"https://a:/", "https://a:x/", "https://a b/", "https://a\n/",
		"https://\xc3\xa4/", "https://a/\x1b[2J", "https://[::1",
		"https://a\\@b/", "https://a/\"x", "data:text/html,x" };
	struct auth_url u;
	const struct auth_why *why;

	for (size_t i = 0; i < SK_ARRAY_SIZE(good); i++) {
		CHECKF(
		    auth_url_parse(good[i].url, &u, &why), "%s", good[i].url);
		CHECK_STR(u.origin, good[i].origin);
		CHECK(u.loopback == good[i].loopback);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		CHECKF(!auth_url_parse(bad[i], &u, &why), "bad address %zu", i);
}

static void
test_form(void)
{
	static const char *const bad[] = { "", "&", "a", "=b", "a=%", "a=%4",
		"a=%zz", "a=b&a=c", "a=b&&c=d", "{\"a\":1}", "a=\x01",
		"a=%ff" };
	struct sk_arena a = { 0 };
	struct sk_jv *v;
	struct sk_buf b;

	CHECK(auth_form_parse(&a, "a=b%20c&d=e%2Bf+g&h=\n", 21, &v));
	CHECK_STR(sk_jget_str(v, "a"), "b c");
	CHECK_STR(sk_jget_str(v, "d"), "e+f g");
	CHECK_STR(sk_jget_str(v, "h"), "");
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		CHECKF(!auth_form_parse(&a, bad[i], strlen(bad[i]), &v),
		    "no form: '%s'", bad[i]);
	sk_buf_init(&b, 0);
	auth_form_add(&b, "a b", "&=%\n~");
	auth_form_add(&b, "c", "");
	CHECK_STR(b.p, "a%20b=%26%3D%25%0A~&c=");
	sk_buf_free(&b);
	sk_arena_free(&a);
}

/* ---- id tokens ---- */

static void
b64(struct sk_buf *b, const char *p)
{
	char out[2000];

	(void)sodium_bin2base64(out, sizeof(out), (const unsigned char *)p,
	    strlen(p), sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sk_buf_str(b, out);
}

static void
test_id_token(void)
{
	static const struct {
		const char *head, *claims, *why;
	} rows[] = {
#define GOOD "\"iss\":\"https://i\",\"exp\":2000"
		{ "{\"alg\":\"RS256\"}", "{" GOOD ",\"aud\":\"c\"}", NULL },
		{ "{\"alg\":\"ES256\"}",
		    "{" GOOD ",\"aud\":[\"x\",\"c\"],\"azp\":\"c\"}", NULL },
		{ "{\"alg\":\"none\"}", "{" GOOD ",\"aud\":\"c\"}", "alg" },
		{ "{\"alg\":\"NonE\"}", "{" GOOD ",\"aud\":\"c\"}", "alg" },
		{ "{}", "{" GOOD ",\"aud\":\"c\"}", "alg" },
		{ "{\"alg\":\"RS256\"}", "{" GOOD ",\"aud\":\"d\"}", "aud" },
		{ "{\"alg\":\"RS256\"}", "{" GOOD "}", "aud" },
		{ "{\"alg\":\"RS256\"}", "{" GOOD ",\"aud\":[\"c\",\"d\"]}",
		    "azp" },
		{ "{\"alg\":\"RS256\"}",
		    "{" GOOD ",\"aud\":\"c\",\"azp\":\"d\"}", "azp" },
		{ "{\"alg\":\"RS256\"}",
		    "{\"iss\":\"https://i/\",\"exp\":2000,\"aud\":\"c\"}",
		    "iss" },
		{ "{\"alg\":\"RS256\"}",
		    "{\"iss\":\"https://i\",\"exp\":1379,\"aud\":\"c\"}",
		    "exp" },
		{ "{\"alg\":\"RS256\"}",
		    "{\"iss\":\"https://i\",\"exp\":1381,\"aud\":\"c\"}",
		    NULL },
		{ "{\"alg\":\"RS256\"}",
		    "{" GOOD ",\"aud\":\"c\",\"iat\":1621}", "iat" },
		{ "{\"alg\":\"RS256\"}",
		    "{\"iss\":\"https://i\",\"aud\":"
		    "\"c\"}",
		    "exp" },
		{ "[]", "{}", "JWT" }, { "{\"alg\":\"RS256\"}", "5", "JWT" }
#undef GOOD
	};
	static const char *const broken[] = { "", ".", "..", "a.b", "a.b.",
		"a.b.c.d", "!.!.!", "e30.e30.x.", "e30=.e30.x" };
	struct sk_arena a = { 0 };
	const char *why, *alg;
	struct sk_buf b;

	fresh("oidc");
	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
		sk_buf_init(&b, 0);
		b64(&b, rows[i].head);
		sk_buf_ch(&b, '.');
		b64(&b, rows[i].claims);
		sk_buf_str(&b, ".c2ln");
		(void)auth_id_token(
		    &a, &prov, b.p, "https://i", "c", 1500000, &why);
		CHECKF(rows[i].why == NULL
			   ? why == NULL
			   : why != NULL && strstr(why, rows[i].why) != NULL,
		    "id token %zu: %s", i, why != NULL ? why : "taken");
		sk_buf_free(&b);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(broken); i++)
		CHECKF(auth_jwt_payload(&a, broken[i], &alg) == NULL,
		    "no JWT: '%s'", broken[i]);
	sk_arena_free(&a);
}

/* ---- how long a token holds, whatever the clock does ---- */

static enum auth_state
state_at(int64_t wall_left, int64_t boot_left, const char *boot, int64_t life)
{
	struct sk_arena a = { 0 };
	struct sk_jv *acc = sk_jnew(&a, SK_J_OBJ);
	enum auth_state s;
	int64_t left;

	sk_jset(
	    &a, acc, "expires_at", sk_jnew_int(&a, sk_now_ms() + wall_left));
	sk_jset(
	    &a, acc, "boot_expires", sk_jnew_int(&a, sk_boot_ms() + boot_left));
	sk_jset(&a, acc, "boot_id", sk_jnew_cstr(&a, boot));
	sk_jset(&a, acc, "life_ms", sk_jnew_int(&a, life));
	s = auth_state(&prov, acc, -1, &left);
	sk_arena_free(&a);
	return s;
}

static void
test_clock(void)
{
	const int64_t hour = 3600000;

	fresh("openai");
	/* The wall clock jumped a day ahead, or back: this boot's counts. */
	CHECK_INT(state_at(-24 * hour, hour, sk_boot_id(), hour), AUTH_VALID);
	CHECK_INT(state_at(24 * hour, -1000, sk_boot_id(), hour), AUTH_EXPIRED);
	/* Another boot: the wall clock is all there is. */
	CHECK_INT(state_at(-1000, hour, "another", hour), AUTH_EXPIRED);
	CHECK_INT(state_at(hour, -hour, "another", hour), AUTH_VALID);
	/* Due five minutes before, a little spread; a short life less. */
	CHECK_INT(state_at(0, 200000, sk_boot_id(), hour), AUTH_DUE);
	CHECK_INT(state_at(0, 340000, sk_boot_id(), hour), AUTH_VALID);
	CHECK_INT(state_at(0, 50000, sk_boot_id(), 60000), AUTH_VALID);
	CHECK_INT(state_at(0, 14000, sk_boot_id(), 60000), AUTH_DUE);
}

/* ---- sealed messages ---- */

static void
test_seal(void)
{
	unsigned char key[AUTH_KEY_LEN] = { 7 };
	struct auth_header h = { .kind = AUTH_KEY_FILE }, g;
	struct sk_err err = { 0 };
	struct sk_buf out, plain;
	size_t opened = 0;

	sk_buf_init(&out, 0);
	auth_buf(&plain, 16);
	auth_seal(&h, key, "hello", 5, &out);
	CHECK_INT(out.len, 64 + 4096 + 16);
	CHECK_INT(auth_header_read(out.p, out.len, &g, "f", &err), 0);
	CHECK_INT(auth_unseal(&g, key, out.p, out.len, "f", &plain, &err), 0);
	CHECK_STR(plain.p, "hello");
	/* No bit of the file may change. */
	for (size_t i = 0; i < out.len * 8; i += i < 640 ? 1 : 37) {
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
		plain.len = 0;
		if (auth_header_read(out.p, out.len, &g, "f", &err) == 0 &&
		    auth_unseal(&g, key, out.p, out.len, "f", &plain, &err) ==
			0)
			opened++;
		out.p[i / 8] = (char)(out.p[i / 8] ^ 1 << i % 8);
	}
	CHECK_INT(opened, 0);
	for (size_t n = 0; n < out.len; n += 13)
		if (auth_header_read(out.p, n, &g, "f", &err) == 0 &&
		    auth_unseal(&g, key, out.p, n, "f", &plain, &err) == 0)
			opened++;
	CHECK_INT(opened, 0);
	key[1] = 1;
	CHECK(auth_unseal(&h, key, out.p, out.len, "f", &plain, &err) != 0);
	sk_err_clear(&err);
	sk_auth_wipe(&plain);
	sk_buf_free(&out);
}

int
main(void)
{
	char dir[] = "/tmp/test_auth.XXXXXX";

	if (mkdtemp(dir) == NULL)
		return 1;
	/* (No provider file of whoever runs this.) */
	(void)setenv("XDG_CONFIG_HOME", dir, 1);
	if (sodium_init() < 0)
		return 1;
	test_flow();
	test_flow_blips();
	test_flow_numbers();
	test_words();
	test_poll();
	test_refresh_class();
	test_url();
	test_form();
	test_id_token();
	test_clock();
	test_seal();
	sk_idp_free(&prov);
	(void)remove(dir);
	return tap_done();
}
