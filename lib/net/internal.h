/* SPDX-License-Identifier: MIT */
/* What the files of this room share. */
#ifndef SK_NET_INTERNAL_H
#define SK_NET_INTERNAL_H

#include "net/curl.h"
#include "net/net.h"

struct sk_net {
	struct sk_loop *loop;
	CURLM *multi;
	int64_t timer_id;
	size_t calls;
	unsigned busy; /* curl or a callback of ours is on the stack */
	bool dead; /* freed meanwhile */
	struct sk_net_call *heard; /* got bytes in this turn, not told yet */
};

struct sk_net_call {
	struct sk_net *net;
	struct sk_net_req req;
	struct sk_net_url url;
	CURL *easy;
	struct curl_slist *lines;
	struct sk_net_head head;
	char errbuf[CURL_ERROR_SIZE];
	size_t header_bytes;
	uint64_t body_bytes;
	size_t fresh; /* bytes of this turn */
	struct sk_net_call *next_heard;
	int64_t start, heard_at; /* monotonic */
	int64_t clock_id;
	bool head_told, body_begun, paused;
	bool address_refused; /* every address but a forbidden one failed */
	bool proxied;
	/* Set when we ended it: the cause, before curl has one. */
	enum sk_net_class class;
	char code[24];
	char message[300];
};

/* Tell the calls that got bytes, once for all pieces of a turn. */
void sk_net_tell_heard(struct sk_net *n);
/* multi.c calls this when curl is through with it; frees c. */
void sk_net_call_done(struct sk_net_call *c, CURLcode code);

/* fault.c: what a CURLcode means here. */
void sk_net_fault(
    const struct sk_net_call *c, CURLcode code, struct sk_net_result *r);
void sk_net_result_set(struct sk_net_result *r, enum sk_net_class class,
    const char *code, const char *fmt, ...) SK_PRINTF(4, 5);

/* proxy.c: the proxy that the environment names for this URL; NULL = none. */
const char *sk_net_proxy(const struct sk_net_url *u);
/* Is a host in such a list: names, domains, addresses, "*"? */
bool sk_net_spared(const char *list, const char *host);
/* May a socket be opened to this address? */
bool sk_net_address_ok(
    const struct sockaddr *sa, bool loopback_only, bool public_only);

#endif
