/* SPDX-License-Identifier: MIT */
/* Commands that sk-faults runs, and what its files share. */
#ifndef SK_FAULTS_CHILD_H
#define SK_FAULTS_CHILD_H

#include "faults/internal.h"
#include "faults/tool.h"
#include "sys/sys.h"

/* SK_USAGE "no_faults" unless this is a development build. */
int sk_faults_need(struct sk_err *err);
/* Our environment without what would arm or count other faults, and with our
 * own directory first on PATH; more: "NAME=VALUE" words. */
void sk_faults_env(struct sk_strv *env, const struct sk_strv *more);
/* The plan of the operand and of the environment together. */
int sk_faults_read(
    struct sk_fault_plan *plan, const char *text, struct sk_err *err);
/* Starts argv with our own streams. */
int sk_faults_spawn(char *const *argv, const struct sk_strv *more, pid_t *pid,
    struct sk_err *err);
/* As a shell would have it. */
int sk_faults_status_of(int wstatus);

#endif
