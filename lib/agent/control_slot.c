/* SPDX-License-Identifier: MIT */
/* What options say about single agents: models, and who stands in for whom. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

#define CHAIN_MAX 8

/* ---- "AGENT=VALUE", or "VALUE" for all ---- */

static bool
names(const char *word, const char *name)
{
	size_t n = strlen(name);

	return strncmp(word, name, n) == 0 && word[n] == '=';
}

/* The part after "AGENT=" when this word is about the slot, by its own name or
 * by the one that it shares with its copies. */
static const char *
about(const char *word, const struct sk_slot *s)
{
	const char *const mine[] = { s->name, s->base };

	for (size_t i = 0; i < SK_ARRAY_SIZE(mine); i++)
		if (names(word, mine[i]))
			return word + strlen(mine[i]) + 1;
	return NULL;
}

const char *
sk_slot_model(const struct sk_ask *ask, const struct sk_slot *s)
{
	const char *all = NULL, *v;

	for (size_t i = ask->models.n; i-- > 0;) {
		if ((v = about(ask->models.v[i], s)) != NULL)
			return v;
		if (all == NULL && strchr(ask->models.v[i], '=') == NULL)
			all = ask->models.v[i];
	}
	return all;
}

static int
check_word(const struct sk_slots *s, const char *option, const char *word,
    struct sk_err *err)
{
	const char *eq = strchr(word, '='), *near;
	struct sk_strv all = { 0 };
	char *name;

	if (*word == '\0' || eq == word || (eq != NULL && eq[1] == '\0'))
		return sk_fail(err, SK_USAGE, "bad_option",
		    "bad value '%s' of '--%s'", word, option);
	if (eq == NULL)
		return 0;
	for (size_t i = 0; i < s->n; i++) {
		const struct sk_slot *t = &s->v[i];

		for (; t != NULL; t = t->fallback)
			if (about(word, t) != NULL) {
				sk_strv_free(&all);
				return 0;
			}
		sk_strv_add(&all, s->v[i].base);
	}
	name = sk_strndup(word, (size_t)(eq - word));
	(void)sk_fail(err, SK_USAGE, "not_asked",
	    "agent '%s' of '--%s' is not asked", name, option);
	near = sk_closest(name, (const char *const *)all.v);
	if (near != NULL)
		(void)sk_hint(err, "did you mean '%s'?", near);
	free(name);
	sk_strv_free(&all);
	return err->exit;
}

int
sk_slots_check(
    const struct sk_slots *s, const struct sk_ask *ask, struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ask->models.n; i++)
		rc = check_word(s, "model", ask->models.v[i], err);
	for (size_t i = 0; rc == 0 && i < ask->fallbacks.n; i++)
		rc = check_word(s, "fallback", ask->fallbacks.v[i], err);
	return rc;
}

/* ---- stand-ins ---- */

/* The names in the chain of an agent. */
static void
chain_of(const struct sk_slot *s, const struct sk_ask *ask,
    const struct sk_config *conf, struct sk_strv *chain)
{
	const struct sk_jv *l =
	    sk_jget(sk_config_agent(conf, s->base), "fallback");
	const char *v;

	for (size_t i = 0; i < ask->fallbacks.n; i++) {
		v = about(ask->fallbacks.v[i], s);
		if (v == NULL && strchr(ask->fallbacks.v[i], '=') == NULL)
			v = ask->fallbacks.v[i];
		if (v != NULL)
			sk_strv_add(chain, v);
	}
	for (size_t i = 0; ask->fallbacks.n == 0 && i < sk_jlen(l); i++)
		if (sk_jstr(l->a[i]) != NULL)
			sk_strv_add(chain, sk_jstr(l->a[i]));
}

static int
add_one(struct sk_slot *last, const struct sk_slot *first, const char *name,
    const struct sk_ask *ask, const struct sk_config *conf, const char *stage,
    struct sk_err *err)
{
	struct sk_slot *t;

	if (!sk_ident_ok(name))
		return sk_fail(err, SK_USAGE, "bad_agent",
		    "bad agent '%s' in the place of '%s'", name, first->base);
	t = sk_calloc(1, sizeof(*t));
	last->fallback = t;
	t->ops = &sk_attempt_proc;
	t->stands_in = true;
	(void)snprintf(t->base, sizeof(t->base), "%s", name);
	/* The request keeps its name, whoever answers it. */
	(void)snprintf(t->name, sizeof(t->name), "%s", name);
	if (sk_slot_resolve(t, ask, conf, stage, err) != 0)
		return err->exit;
	(void)snprintf(t->name, sizeof(t->name), "%s", first->name);
	return 0;
}

int
sk_slots_fallbacks(struct sk_slots *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		struct sk_slot *last = &s->v[i];
		struct sk_strv chain = { 0 };

		chain_of(last, ask, conf, &chain);
		if (chain.n > CHAIN_MAX)
			rc = sk_fail(err, SK_USAGE, "bad_fallback",
			    "more than %d agents in the place of '%s'",
			    CHAIN_MAX, last->base);
		for (size_t j = 0; rc == 0 && j < chain.n; j++) {
			if (strcmp(chain.v[j], s->v[i].base) == 0)
				continue; /* nobody stands in for himself */
			rc = add_one(
			    last, &s->v[i], chain.v[j], ask, conf, stage, err);
			last = last->fallback;
		}
		sk_strv_free(&chain);
	}
	return rc;
}

/* ---- the question ---- */

static void
add_part(struct sk_sha256_st *h, const char *s)
{
	/* With its end, so that no two lists look the same. */
	sk_sha256_add(h, s != NULL ? s : "", s != NULL ? strlen(s) + 1 : 1);
}

void
sk_slots_asked(
    struct sk_slots *s, const char *prompt_sha256, const char *schema_sha256)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sk_slot *t = &s->v[i];

		for (; t != NULL; t = t->fallback) {
			struct sk_sha256_st h;

			sk_sha256_init(&h);
			add_part(&h, prompt_sha256);
			add_part(&h, schema_sha256);
			add_part(&h, t->name);
			add_part(&h, t->adapter_name);
			add_part(&h, t->model);
			for (size_t j = 0; j < t->command.n; j++)
				add_part(&h, t->command.v[j]);
			sk_sha256_end(&h, t->asked);
		}
	}
}
