/* SPDX-License-Identifier: MIT */
/*
 * Our own programs: where they are, and whether everything around them is in
 * order (sk doctor). Needs neither the database nor the configuration itself:
 * it asks the tools, so that `sk` stays small and sees what a user would see.
 */
#ifndef SK_PIPELINE_TOOLS_H
#define SK_PIPELINE_TOOLS_H

#include "cli/cli.h"

/* The tools of this distribution without "sk-", NULL-terminated. */
extern const char *const sk_tools[];
/* Path of a program on PATH, or with own first in the directory of the running
 * executable; malloc'd, or NULL. */
char *sk_program_find(const char *name, bool own);
/* The same for "run" → sk-run; NULL for words that can be no tool. */
char *sk_tool_find(const char *word);
/* Every sk-* program there is, without "sk-", sorted. */
void sk_tool_list(struct sk_strv *names);
/* Run a program to its end; standard output into out, the rest is dropped.
 * args NULL-terminated, args[0] the program. False with err when it did not
 * start or did not end in time. *status is as a shell would have it. */
bool sk_tool_ask(const char *const *args, struct sk_buf *out, int *status,
    struct sk_err *err);
/* `sk doctor`: prints sk.doctor/1 or a table; 0 or SK_NEGATIVE. db is --db or
 * NULL. */
int sk_doctor(const char *db, enum sk_format format);

#endif
