/* SPDX-License-Identifier: MIT */
/* What a process does before it touches a secret, and how it forgets one. */
#include <malloc.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "auth/internal.h"

#define HEAP_AHEAD (512 << 10)
#define STACK_BELOW (64u << 10)

/* The pages of a range are locked as they are touched; whether it is allowed is
 * the system's business. */
static bool
lock_range(const void *from, const void *to)
{
	const uintptr_t mask = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	uintptr_t a = (uintptr_t)from & ~mask;
	uintptr_t b = ((uintptr_t)to + mask) & ~mask;

	return mlock2((const void *)a, b - a, MLOCK_ONFAULT) == 0;
}

/*
 * Our own data, the heap and the stack stay out of the swap. Text and libraries
 * hold no secret, and walking through all of their pages would cost more than
 * all the rest of giving a token. The heap is made as large as it gets at once:
 * what it grows by later is locked only where there is no limit.
 */
static void
lock_memory(void)
{
	extern char data_start[], end[];
	const char *exec = (const char *)getauxval(AT_EXECFN);
	const char *here = __builtin_frame_address(0);
	struct rlimit lim;
	const char *top;
	void *volatile grown;
	size_t n;

	(void)mallopt(M_MMAP_THRESHOLD, HEAP_AHEAD);
	(void)mallopt(M_TRIM_THRESHOLD, 4 * HEAP_AHEAD);
	(void)mallopt(M_TOP_PAD, HEAP_AHEAD);
	grown = sk_malloc(HEAP_AHEAD / 2);
	free(grown);
	top = sbrk(0);
	n = mallinfo2().arena;
	(void)lock_range(data_start, end);
	(void)lock_range(top - n, top);
	/* (The program's name is the last thing on the stack, after the
	 * environment.) */
	if (exec != NULL)
		(void)lock_range(here - STACK_BELOW, exec + strlen(exec) + 1);
	/* With a limit, a later allocation would fail instead of not being
	 * locked. */
	if (getrlimit(RLIMIT_MEMLOCK, &lim) == 0 &&
	    (lim.rlim_cur == RLIM_INFINITY || geteuid() == 0))
		(void)mlockall(MCL_FUTURE | MCL_ONFAULT);
}

void
sk_auth_harden(void)
{
	struct rlimit none = { 0, 0 };

	/* A crash in a repository would leave a core file with the tokens in
	 * it; not dumpable also keeps other processes of this user out of our
	 * memory and our environment. */
	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0);
	lock_memory();
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
