/* SPDX-License-Identifier: MIT */
/* What the two ways of learning git facts share. */
#ifndef SK_PIPELINE_GIT_H
#define SK_PIPELINE_GIT_H

#include "pipeline/branch.h"

bool sk_git_is_hash(const char *s);
/* A name that is too long is known by its hash: cut ones could be taken for
 * each other. */
void sk_git_set_branch(struct sk_git *git, const char *name);
/* The facts from git's files, top being where .git is; false, and git zeroed,
 * when git has to be asked. */
bool sk_git_read(
    const char *top, const char *dir, struct sk_git *git, struct sk_arena *a);

#endif
