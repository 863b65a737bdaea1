/* SPDX-License-Identifier: MIT */
/* What a process does before it touches a secret, and how it forgets one. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "auth/internal.h"

void
sk_auth_harden(void)
{
	struct rlimit none = { 0, 0 }, lim;

	/* A crash in a repository would leave a core file with the tokens in
	 * it; not dumpable also keeps other processes of this user out of our
	 * memory and our environment. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	/* With a limit, a later allocation would fail instead of not being
	 * locked: then only what is allocated as secret is locked. */
	if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0 &&
	    (lim.rlim_cur == RLIM_INFINITY || geteuid() == 0))
		(void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
	if (sodium_init() < 0)
		sk_bug("sodium_init");
}

void
sk_auth_wipe(struct sk_buf *b)
{
	if (b->p != NULL && b->cap > 0)
		sodium_memzero(b->p, b->cap);
	sk_buf_free(b);
}

/* Overwrites every text of a tree that lives in one of our arenas. */
void
auth_wipe_tree(struct sk_jv *v)
{
	if (v == NULL)
		return;
	if (v->type == SK_J_STR && v->n > 0) {
		union {
			const char *in;
			char *out;
		} u = { .in = v->s };

		sodium_memzero(u.out, v->n);
	} else if (v->type == SK_J_OBJ) {
		for (size_t i = 0; i < v->n; i++)
			auth_wipe_tree(v->m[i].v);
	} else if (v->type == SK_J_ARR) {
		for (size_t i = 0; i < v->n; i++)
			auth_wipe_tree(v->a[i]);
	}
}

void
auth_nap(int64_t ms)
{
	struct timespec ts = { .tv_sec = (time_t)(ms / 1000),
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

/* A buffer for secrets: so large from the start that it does not move. */
void
auth_buf(struct sk_buf *b, size_t room)
{
	sk_buf_init(b, AUTH_FILE_MAX * 2);
	(void)sk_buf_room(b, room);
}
