/* SPDX-License-Identifier: MIT */
/* The six stages: one table for names, aliases, order and dependencies. */
#include <stdio.h>
#include <string.h>

#include "pipeline/pipeline.h"

const struct sk_stage sk_stages[] = { { "plan", "Plan", NULL, true },
	{ "tasks", "Tasks", "plan", true },
	{ "implement", "Implement", "tasks", true },
	{ "validate", "Validate", NULL, false },
	{ "audit", "Audit", NULL, false }, { "unlock", "Unlock", NULL, false },
	{ NULL, NULL, NULL, false } };

const struct sk_stage *
sk_stage_find(const char *word)
{
	const char *name = sk_stage_word(word);
	const struct sk_stage *st;

	for (st = sk_stages; name != NULL && st->name != NULL; st++)
		if (strcmp(name, st->name) == 0)
			return st;
	return NULL;
}

int
sk_stage_parse(
    const char *word, const struct sk_stage **out, struct sk_err *err)
{
	static const char *const names[] = { "plan", "tasks", "implement",
		"validate", "audit", "unlock", NULL };
	const char *near;

	*out = sk_stage_find(word);
	if (*out != NULL)
		return 0;
	near = sk_closest(word, names);
	(void)sk_fail(
	    err, SK_USAGE, "unknown_stage", "unknown stage '%s'", word);
	if (near != NULL)
		return sk_hint(err, "did you mean '%s'?", near);
	return sk_hint(
	    err, "stages are plan, tasks, implement, validate, audit, unlock");
}

char *
sk_stage_policy(const struct sk_auto *a, const struct sk_stage *st)
{
	const char *file;
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.policy", st->name);
	file = sk_config_str(a->conf, key, NULL);
	return file != NULL ? sk_path_join(a->conf->project_root, file)
	                    : sk_strdup(st->name);
}

const struct sk_jv *
sk_stage_rule(
    const struct sk_auto *a, const struct sk_stage *st, const char *name)
{
	const struct sk_jv *v;
	char key[80];

	(void)snprintf(key, sizeof(key), "stages.%s.%s", st->name, name);
	v = sk_config_get(a->conf, key);
	if (v != NULL)
		return v;
	(void)snprintf(key, sizeof(key), "consensus.%s", name);
	return sk_config_get(a->conf, key);
}
