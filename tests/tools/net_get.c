/* SPDX-License-Identifier: MIT */
/*
 * One exchange of lib/net by itself: net_get [-c MS] [-f MS] [-i MS] [-t MS]
 * [-s HEADER-LINE] [-o ORIGIN] [-p] [-b BODY] URL
 *
 * Prints "STATUS BYTES" and the body, or "CODE: MESSAGE" with status 1. -s is a
 * secret for ORIGIN (of the URL, when that is not said); -p asks for a public
 * address; -c, -f, -i and -t are clocks: connection, first byte, idle, all.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "net/net.h"

static int status;

static bool
on_part(void *arg, const char *p, size_t n)
{
	(void)arg;
	fwrite(p, 1, n, stdout);
	return true;
}

static void
on_done(void *arg, const struct sk_net_result *r)
{
	sk_loop_stop(arg);
	if (r->class == SK_NET_OK) {
		printf("\n%d %llu\n", r->status,
		    (unsigned long long)r->body_bytes);
		return;
	}
	printf("%s: %s\n", r->code, r->message);
	status = 1;
}

static int64_t
number(const char *s)
{
	int64_t x = 0;

	return sk_parse_int(s, 0, 1000000, &x) ? x : 0;
}

int
main(int argc, char **argv)
{
	struct sk_err err = { 0 };
	struct sk_loop *l = sk_loop_new(&err);
	struct sk_net *n = sk_net_new(l, &err);
	struct sk_net_req q = {
		.body_part = on_part, .done = on_done, .arg = l
	};
	struct sk_net_result r;
	struct sk_net_url u;
	int c;

	while ((c = getopt(argc, argv, "c:f:i:t:s:o:b:p")) != -1) {
		switch (c) {
		case 'c':
			q.connect_ms = number(optarg);
			break;
		case 'f':
			q.first_byte_ms = number(optarg);
			break;
		case 'i':
			q.idle_ms = number(optarg);
			break;
		case 't':
			q.total_ms = number(optarg);
			break;
		case 's':
			q.secret = optarg;
			break;
		case 'o':
			q.origin = optarg;
			break;
		case 'b':
			q.body = optarg;
			q.body_n = strlen(optarg);
			break;
		case 'p':
			q.public_only = true;
			break;
		default:
			return 2;
		}
	}
	if (optind >= argc)
		return 2;
	q.url = argv[optind];
	if (q.origin == NULL && sk_net_url(q.url, &u, &err) == 0)
		q.origin = u.origin;
	if (sk_net_start(n, &q, &r) == NULL)
		on_done(l, &r);
	else if (sk_loop_run(l, &err) != 0)
		status = 70;
	sk_net_free(n);
	sk_loop_free(l);
	sk_err_clear(&err);
	return status;
}
