/* SPDX-License-Identifier: MIT */
/* Which URLs are asked at all, what their origin is, which addresses count. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "net/internal.h"
#include "tap.h"

static const struct {
	const char *url, *origin; /* NULL = refused */
	bool loopback;
} urls[] = {
	{ "https://api.example.com/v1", "https://api.example.com:443", false },
	{ "https://API.Example.COM:443/", "https://api.example.com:443",
	    false },
	{ "https://api.example.com:8443/x?y=z", "https://api.example.com:8443",
	    false },
	{ "http://127.0.0.1:8080/v1", "http://127.0.0.1:8080", true },
	{ "http://127.9.8.7/", "http://127.9.8.7:80", true },
	{ "http://localhost:1/", "http://localhost:1", true },
	{ "http://[::1]:11434/api", "http://[::1]:11434", true },
	{ "https://127.0.0.1/", "https://127.0.0.1:443", true },
	/* numbers that are an address in disguise */
	{ "http://2130706433/", "http://127.0.0.1:80", true },
	{ "http://0x7f.1/", "http://127.0.0.1:80", true },
	{ "http://api.example.com/", NULL, false },
	{ "http://10.0.0.1/", NULL, false },
	{ "http://0.0.0.0:11434/", NULL, false },
	{ "http://localhost.example.com/", NULL, false },
	{ "http://127.0.0.1.example.com/", NULL, false },
	{ "http://[::ffff:10.0.0.1]/", NULL, false },
	{ "https://user@example.com/", NULL, false },
	{ "https://user:secret@example.com/", NULL, false },
	{ "http://127.0.0.1@example.com/", NULL, false },
	{ "ftp://127.0.0.1/", NULL, false },
	{ "file:///etc/passwd", NULL, false },
	{ "gopher://127.0.0.1/", NULL, false },
	{ "https://", NULL, false },
	{ "", NULL, false },
	{ "example.com/path", NULL, false },
	{ "https://exa mple.com/", NULL, false },
	{ "https://example.com/\r\nX: y", NULL, false },
	{ "https://example.com\\@evil.example/", NULL, false },
	{ "https://example.com:99999/", NULL, false },
};

static void
test_urls(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(urls); i++) {
		struct sk_net_url u;
		struct sk_err err = { 0 };
		int rc = sk_net_url(urls[i].url, &u, &err);

		if (urls[i].origin == NULL) {
			CHECKF(rc == SK_USAGE && err.message[0] != '\0' &&
				   strstr(err.message, "secret") == NULL,
			    "refused: url %zu", i);
			continue;
		}
		CHECKF(rc == 0, "accepted: url %zu", i);
		CHECK_STR(u.origin, urls[i].origin);
		CHECK(u.loopback == urls[i].loopback);
	}
}

static bool
reaches(const char *ip, bool loopback_only, bool public_only)
{
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, ip, &a4.sin_addr) == 1)
		return sk_net_address_ok(
		    (struct sockaddr *)&a4, loopback_only, public_only);
	if (inet_pton(AF_INET6, ip, &a6.sin6_addr) != 1)
		return false;
	return sk_net_address_ok(
	    (struct sockaddr *)&a6, loopback_only, public_only);
}

static const struct {
	const char *ip;
	bool local, any, everybody; /* loopback only, user's, shipped */
} addresses[] = {
	{ "127.0.0.1", true, true, false },
	{ "127.255.0.9", true, true, false },
	{ "::1", true, true, false },
	{ "::ffff:127.0.0.1", true, true, false },
	{ "10.1.2.3", false, true, false },
	{ "172.16.0.1", false, true, false },
	{ "172.32.0.1", false, true, true },
	{ "192.168.1.1", false, true, false },
	{ "100.64.0.1", false, true, false },
	{ "100.128.0.1", false, true, true },
	{ "fd00::1", false, true, false },
	{ "::ffff:10.0.0.1", false, true, false },
	{ "169.254.169.254", false, false, false },
	{ "::ffff:169.254.169.254", false, false, false },
	{ "fe80::1", false, false, false },
	{ "0.0.0.0", false, false, false },
	{ "::", false, false, false },
	{ "224.0.0.1", false, false, false },
	{ "255.255.255.255", false, false, false },
	{ "ff02::1", false, false, false },
	{ "8.8.8.8", false, true, true },
	{ "2606:4700::1", false, true, true },
};

static void
test_addresses(void)
{
	for (size_t i = 0; i < SK_ARRAY_SIZE(addresses); i++) {
		const char *ip = addresses[i].ip;

		CHECKF(reaches(ip, true, false) == addresses[i].local,
		    "%s for http", ip);
		CHECKF(reaches(ip, false, false) == addresses[i].any,
		    "%s for https", ip);
		CHECKF(reaches(ip, false, true) == addresses[i].everybody,
		    "%s for a shipped endpoint", ip);
	}
}

static void
test_words(void)
{
	struct sk_buf b;

	CHECK(sk_net_value_ok("Bearer abc-._~+/="));
	CHECK(sk_net_value_ok("a\tb"));
	CHECK(!sk_net_value_ok("a\nb"));
	CHECK(!sk_net_value_ok("a\rb"));
	CHECK(!sk_net_value_ok("a\x01"));
	CHECK(!sk_net_value_ok("a\x7f"));
	sk_buf_init(&b, 0);
	sk_net_escape(&b, "models/a b?c#d%e:\xc3\xa9");
	CHECK_STR(b.p, "models/a%20b%3Fc%23d%25e%3A%C3%A9");
	sk_buf_free(&b);
}

static void
test_spared(void)
{
	static const struct {
		const char *list, *host;
		bool is;
	} rows[] = { { "*", "api.acme.test", true },
		{ "acme.test", "api.acme.test", true },
		{ ".acme.test", "api.acme.test", true },
		{ "ACME.test", "api.Acme.test", true },
		{ "acme.test.", "acme.test", true },
		{ "other, api.acme.test", "api.acme.test", true },
		{ "other api.acme.test x", "api.acme.test", true },
		{ "10.0.0.7", "10.0.0.7", true },
		{ "[2001:db8::1]", "2001:db8::1", true },
		{ "", "api.acme.test", false },
		{ ",, ,", "api.acme.test", false },
		{ ".", "api.acme.test", false },
		{ "cme.test", "api.acme.test", false },
		{ "pi.acme.test", "api.acme.test", false },
		{ "api.acme.test.org", "api.acme.test", false },
		{ "*.acme.test", "api.acme.test", false },
		{ "0.0.7", "10.0.0.7", false } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
		CHECKF(sk_net_spared(rows[i].list, rows[i].host) == rows[i].is,
		    "'%s' spares %s: %d", rows[i].list, rows[i].host,
		    rows[i].is);
}

int
main(void)
{
	test_spared();
	test_urls();
	test_addresses();
	test_words();
	return tap_done();
}
