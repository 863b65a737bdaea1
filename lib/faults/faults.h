/* SPDX-License-Identifier: MIT */
/*
 * faults: fail-points, compiled only into development builds (make FAULTS=1).
 *
 * SK_FAULT(name) marks a place where a development build may be told to die,
 * sleep, freeze or fail. In a release build it is the constant 0: no symbol, no
 * variable, no name is left in the binary. Counters live in a small mapped file
 * beside the database (<db>-faults), so "three" means three across processes
 * and a killed transaction does not take a hit back.
 *
 * Plan: SPEC_KIT_FAULTS="point[:count][=action[:arg]],…" with actions kill9
 * (default), exit, sleep (ms), freeze (SIGSTOP) and errno (name or number: the
 * value of SK_FAULT, and in errno). The first `count` hits fire (default 1).
 */
#ifndef SK_FAULTS_H
#define SK_FAULTS_H

#ifdef SK_FAULTS
/* 0 = go on, otherwise an errno value that the place must fail with. */
int sk_fault_hit(const char *point);
/* Where the counters live; without it they count per process. */
void sk_fault_file(const char *db_path);
#define SK_FAULT(point) sk_fault_hit(point)
/* A safeguard that a development build can be told to leave out
 * (SK_MUTANT=NAME in the environment): the tests must notice. */
int sk_fault_mutant(const char *name);
#define SK_MUTANT(name) sk_fault_mutant(name)
#define SK_FAULT_FILE(db_path) sk_fault_file(db_path)
#else
#define SK_FAULT(point) 0
#define SK_MUTANT(name) 0
#define SK_FAULT_FILE(db_path) ((void)0)
#endif

#endif
