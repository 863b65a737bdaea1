/* SPDX-License-Identifier: MIT */
/* What the files of the fault proxy share. */
#ifndef SK_FAULTS_PROXY_H
#define SK_FAULTS_PROXY_H

#include "faults/child.h"
#include "net/net.h"

/* ---- one request, as it comes in (proxy_http.c) ---- */

#define SK_PROXY_HEAD ((size_t)256 << 10)
#define SK_PROXY_BODY ((size_t)64 << 20)
struct sk_proxy_req {
	char method[16];
	char *target; /* "/v1/messages?beta=true" */
	struct sk_strv headers; /* whole lines, without what is of one hop */
	struct sk_buf body;
	bool expect; /* waits for "100 Continue" */
	/* private */
	size_t head; /* bytes of it, 0 = not complete */
	int64_t length; /* of the body; -1 = in chunks */
};
/* What has come so far: 1 = complete, 0 = more is to come, else the status to
 * refuse it with. */
int sk_proxy_read(struct sk_proxy_req *q, const struct sk_buf *in);
void sk_proxy_req_free(struct sk_proxy_req *q);
const char *sk_proxy_reason(int status);
/* "Sat, 21 Nov 2026 10:00:00 GMT" */
void sk_proxy_date(int64_t ms, char out[40]);

/* ---- the proxy (proxy.c), and one exchange (proxy_conn.c) ---- */

struct sk_proxy {
	struct sk_loop *loop;
	struct sk_net *net;
	const struct sk_faults_opts *o;
	bool json; /* exchanges as documents on standard output */
	char base[512]; /* of upstream, no slash at its end */
	struct sk_fault_plan plan;
	struct sk_fault_table *table; /* counters, of this process alone */
	struct sk_proxy_conn *conns;
	int fd; /* listens */
	uint64_t served;
};
/* Takes the connection; fd is its own. */
void sk_proxy_conn_new(struct sk_proxy *p, int fd);
void sk_proxy_conns_free(struct sk_proxy *p);
/* The fault that this request is due, noted; NULL = none. */
const struct sk_fault_rule *
sk_proxy_fault(struct sk_proxy *p, const struct sk_proxy_req *q);

#endif
