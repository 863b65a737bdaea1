/* SPDX-License-Identifier: MIT */
/*
 * faults: break it on purpose, the same way every time. This header is what the
 * other rooms see, and it is for development builds (make FAULTS=1) only: in a
 * release every line below is a constant, and no symbol, no variable and no
 * name is left in the binary.
 *
 * SK_FAULT(name) marks a place where a development build may be told to die,
 * sleep, freeze or fail; lib/faults/points.c lists them. Counters live in a
 * small mapped file beside the database (<db>-faults), so "three" means three
 * across processes and a killed transaction does not take a hit back. plan.h
 * has the grammar of plans, sk-faults(1) explains it to people.
 *
 * Ownership: nothing here is the caller's to free.
 */
#ifndef SK_FAULTS_H
#define SK_FAULTS_H

#ifdef SK_FAULTS
#include <stdbool.h>
#include <stdint.h>

/* What a rule says about one call of an agent. */
struct sk_fault_call {
	char kind[48]; /* "agent_timeout", as in lib/faults/kinds.c */
	char word[64]; /* its argument as written, "" = none */
	int64_t arg; /* the same as a number: ms or bytes; -1 = none */
};

/* 0 = go on, otherwise an errno value that the place must fail with. */
int sk_fault_hit(const char *point);
/* Where the counters live, once the database is known. */
void sk_fault_file(const char *db_path);
/* A safeguard that a development build can be told to leave out
 * (SK_MUTANT=NAME in the environment): the tests must notice. */
int sk_fault_mutant(const char *name);
/* Does a rule apply to this call? Counts it, also when none does. `when` is one
 * of the below; stage may be "". */
#define SK_FAULT_CALL 0 /* an agent is about to be called */
#define SK_FAULT_PRINT 1 /* its answer is about to be printed */
#define SK_FAULT_JUDGE 2 /* a verdict is about to be made; agent is "" */
bool sk_fault_next(
    const char *agent, const char *stage, int when, struct sk_fault_call *out);

#define SK_FAULT(point) sk_fault_hit(point)
#define SK_MUTANT(name) sk_fault_mutant(name)
#define SK_FAULT_FILE(db_path) sk_fault_file(db_path)
#else
#define SK_FAULT(point) 0
#define SK_MUTANT(name) 0
#define SK_FAULT_FILE(db_path) ((void)0)
#endif

#endif
