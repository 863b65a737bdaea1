/* SPDX-License-Identifier: MIT */
/* What the user's [models.NAME] says of the model that an agent is to use: the
 * provider's name for it, where it is served, how patient we are with it. */
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

static bool
is_name_of(const struct sk_model *m, const char *word)
{
	if (sk_streq(m->name, word))
		return true;
	for (size_t i = 0; i < sk_jlen(m->aliases); i++)
		if (sk_streq(sk_jstr(m->aliases->a[i]), word))
			return true;
	return false;
}

void
sk_slot_know_model(
    struct sk_slot *s, const struct sk_ask *ask, const struct sk_config *conf)
{
	const struct sk_jv *retry;
	struct sk_model m;
	int64_t n;

	s->patience = (struct sk_patience){ -1, -1, -1 };
	if (s->model == NULL || !sk_model_find(conf, s->model, &m))
		return;
	/* What is built in knows prices; what is sent is the user's matter. */
	s->model_conf = sk_jget(sk_config_get(conf, "models"), m.name);
	if (s->model_conf == NULL)
		return;
	/* A name with a date in it means that one. */
	if (sk_jget_str(s->model_conf, "model") != NULL &&
	    is_name_of(&m, s->model)) {
		free(s->model);
		s->model = sk_strdup(m.model);
	}
	retry = sk_jget(s->model_conf, "retry");
	if (ask->attempts == 0 && sk_jget_int(retry, "max_retries", &n))
		s->patience.calls = n + 1;
	(void)sk_jget_int(retry, "base_delay_ms", &s->patience.base_ms);
	(void)sk_jget_int(retry, "max_delay_ms", &s->patience.max_ms);
}
