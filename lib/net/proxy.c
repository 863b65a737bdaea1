/* SPDX-License-Identifier: MIT */
/* Ways that an exchange may take: proxies, and addresses that it may not. */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "net/internal.h"

static const char *
first_of(const char *const *names)
{
	for (; *names != NULL; names++) {
		const char *v = getenv(*names);

		if (v != NULL && *v != '\0')
			return v;
	}
	return NULL;
}

/* One word of a list: "*", a host, or a domain with all that is below it. */
static bool
covers(const char *word, size_t n, const char *host)
{
	size_t len = strlen(host);
	bool address =
	    strspn(host, "0123456789.") == len || strchr(host, ':') != NULL;

	if (n == 1 && *word == '*')
		return true;
	while (n > 0 && (*word == '.' || *word == '[')) {
		word++;
		n--;
	}
	while (n > 0 && (word[n - 1] == '.' || word[n - 1] == ']'))
		n--;
	if (n == 0 || n > len || strncasecmp(host + len - n, word, n) != 0)
		return false;
	return n == len || (!address && host[len - n - 1] == '.');
}

bool
sk_net_spared(const char *list, const char *host)
{
	while (*list != '\0') {
		size_t n = strcspn(list, ", \t");

		if (covers(list, n, host))
			return true;
		list += n;
		list += strspn(list, ", \t");
	}
	return false;
}

const char *
sk_net_proxy(const struct sk_net_url *u)
{
	/* Only https goes out, so http_proxy has no say. What stays on this
	 * machine needs nobody's help. */
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY",
		"all_proxy", "ALL_PROXY", NULL };
	static const char *const spared[] = { "no_proxy", "NO_PROXY", NULL };
	const char *no = first_of(spared);

	if (!u->tls || u->loopback ||
	    (no != NULL && sk_net_spared(no, u->host)))
		return NULL;
	return first_of(names);
}

/* ---- addresses ---- */

enum reach { NOWHERE, LOCAL, PRIVATE, PUBLIC };

static enum reach
reach4(uint32_t a)
{
	if (a >> 24 == 127)
		return LOCAL;
	/* 0/8, link-local (where clouds keep their metadata), multicast and
	 * beyond: nobody's endpoint. */
	if (a >> 24 == 0 || a >> 16 == 0xa9fe || a >> 28 >= 0xe)
		return NOWHERE;
	if (a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 ||
	    a >> 22 == 0x191) /* 100.64/10 */
		return PRIVATE;
	return PUBLIC;
}

static enum reach
reach6(const struct in6_addr *a)
{
	uint32_t v4;

	if (IN6_IS_ADDR_LOOPBACK(a))
		return LOCAL;
	if (IN6_IS_ADDR_V4MAPPED(a)) {
		memcpy(&v4, a->s6_addr + 12, 4);
		return reach4(ntohl(v4));
	}
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LINKLOCAL(a) ||
	    IN6_IS_ADDR_MULTICAST(a))
		return NOWHERE;
	if ((a->s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_SITELOCAL(a))
		return PRIVATE;
	return PUBLIC;
}

bool
sk_net_address_ok(
    const struct sockaddr *sa, bool loopback_only, bool public_only)
{
	struct sockaddr_in a4;
	struct sockaddr_in6 a6;
	enum reach r = NOWHERE;

	if (sa->sa_family == AF_INET) {
		memcpy(&a4, sa, sizeof(a4));
		r = reach4(ntohl(a4.sin_addr.s_addr));
	} else if (sa->sa_family == AF_INET6) {
		memcpy(&a6, sa, sizeof(a6));
		r = reach6(&a6.sin6_addr);
	}
	if (loopback_only)
		return r == LOCAL;
	return public_only ? r == PUBLIC : r != NOWHERE;
}
