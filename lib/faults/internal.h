/* SPDX-License-Identifier: MIT */
/* What the lower files of this room share. */
#ifndef SK_FAULTS_INTERNAL_H
#define SK_FAULTS_INTERNAL_H

#include <stdio.h>

#include "faults/plan.h"

bool sk_fault_word_in(const char *list, const char *word);
const struct sk_fault_point *sk_fault_point_of(const char *name);
const char *sk_fault_action_word(enum sk_fault_action a);
/* Errors: "WHY in fault 'ENTRY'", and a word that is not in the list. */
int sk_fault_bad(const char *why, const char *entry, struct sk_err *err);
int sk_fault_unknown(
    const char *what, const char *word, const char *list, struct sk_err *err);
/* The argument of a kind (s NULL = none), the action of a fail-point. */
int sk_fault_kind_arg(struct sk_fault_rule *r, const char *s, const char *entry,
    struct sk_err *err);
int sk_fault_point_action(
    struct sk_fault_rule *r, char *s, const char *entry, struct sk_err *err);

#endif
