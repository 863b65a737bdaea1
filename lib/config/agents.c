/* SPDX-License-Identifier: MIT */
/*
 * What is allowed and will hardly be meant: a line-up of nobody, agents that
 * nobody knows or whose program is not there, models without a price. Found
 * before work starts instead of in its middle.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/internal.h"
#include "data/data.h"
#include "sys/sys.h"

struct warn {
	struct sk_config *c;
	sk_config_warn_fn fn;
	void *arg;
	size_t n;
};

SK_PRINTF(5, 6)
static void
tell(struct warn *w, const struct sk_jv *at, const char *key, const char *hint,
    const char *fmt, ...)
{
	struct sk_buf b;
	va_list ap;

	sk_buf_init(&b, 0);
	va_start(ap, fmt);
	sk_buf_vprintf(&b, fmt, ap);
	va_end(ap);
	w->n++;
	w->fn(w->arg, sk_config_origin_of(w->c, at), key, b.p, hint);
	sk_buf_free(&b);
}

/* Names of agents and adapters that are close to word. */
static const char *
suggestion(struct sk_config *c, const char *word)
{
	const struct sk_jv *agents = sk_jget(c->root, "agents");
	struct sk_strv names = { 0 };
	const struct sk_data_file *f;
	const char *near, *s, *dot;

	for (size_t i = 0; i < sk_jlen(agents); i++)
		sk_strv_add(&names, agents->m[i].key);
	for (f = sk_data_files; f->name != NULL; f++)
		if (sk_has_prefix(f->name, "adapters/") &&
		    (dot = strrchr(f->name, '.')) != NULL) {
			s = f->name + strlen("adapters/");
			s = sk_arena_strndup(&c->arena, s, (size_t)(dot - s));
			sk_strv_add(&names, s);
		}
	near = sk_closest(word, (const char *const *)names.v);
	near = near != NULL
	           ? sk_arena_printf(&c->arena, "did you mean '%s'?", near)
	           : "define it as [agents.NAME]";
	sk_strv_free(&names);
	return near;
}

static void
check_member(struct warn *w, const struct sk_jv *list, const struct sk_jv *v,
    const char *key)
{
	const char *s = sk_jstr(v), *name, *adapter;
	const struct sk_jv *ag;
	char *copy, *cut;

	if (s == NULL)
		return;
	copy = sk_strdup(s);
	if ((cut = strrchr(copy, ':')) != NULL)
		*cut = '\0';
	name = copy;
	adapter = copy;
	if ((cut = strchr(copy, '=')) != NULL) {
		*cut = '\0';
		adapter = cut + 1;
	}
	ag = sk_config_agent(w->c, name);
	if (ag == NULL)
		ag = sk_config_agent(w->c, adapter);
	if (!sk_config_knows_agent(w->c, name) &&
	    !sk_config_knows_agent(w->c, adapter))
		tell(w, list, key, suggestion(w->c, adapter),
		    "there is no agent or adapter '%s'", adapter);
	else if (!sk_jget_bool(ag, "enabled", true))
		tell(w, list, key, NULL, "the agent '%s' is not enabled", name);
	free(copy);
}

static void
check_lineup(struct warn *w, const struct sk_jv *list, const char *key)
{
	if (list == NULL || list->type != SK_J_ARR)
		return;
	if (list->n == 0)
		tell(w, list, key, NULL, "this line-up names nobody");
	for (size_t i = 0; i < list->n; i++)
		check_member(w, list, list->a[i], key);
}

static void
check_program(struct warn *w, const char *key, const struct sk_jv *command)
{
	const char *program = sk_jstr(sk_jat(command, 0));
	char *path;
	int why = 0;

	if (program == NULL)
		return;
	path = sk_find_program(program, (const char *const *)environ, &why);
	if (path == NULL || access(path, X_OK) != 0)
		tell(w, command, key, NULL, "cannot run '%s': %s", program,
		    strerror(path == NULL ? why : errno));
	free(path);
}

static void
check_agents(struct warn *w)
{
	const struct sk_jv *agents = sk_jget(w->c->root, "agents");
	struct sk_model model;
	struct sk_buf key;
	const char *name;
	size_t len;

	sk_buf_init(&key, 0);
	for (size_t i = 0; i < sk_jlen(agents); i++) {
		const struct sk_jv *ag = agents->m[i].v;
		const struct sk_jv *m = sk_jget(ag, "model");

		sk_buf_clear(&key);
		sk_config_key_add(&key, "agents");
		sk_config_key_add(&key, agents->m[i].key);
		len = key.len;
		if (sk_jget_bool(ag, "enabled", true)) {
			sk_config_key_add(&key, "command");
			check_program(w, key.p, sk_jget(ag, "command"));
		}
		key.len = len;
		key.p[len] = '\0';
		name = sk_jstr(m);
		if (name != NULL && !sk_model_find(w->c, name, &model)) {
			sk_config_key_add(&key, "model");
			tell(w, m, key.p,
			    "'sk-config models' shows those that are known",
			    "no price is known for the model '%s'", name);
		}
	}
	sk_buf_free(&key);
}

/* A gate whose agents can never agree. */
static void
check_gates(struct warn *w)
{
	static const char *const stages[] = { "plan", "tasks", "implement" };
	int64_t min = sk_config_int(w->c, "quality_gates.min_agents", 3);
	const struct sk_jv *list;
	char key[40];

	for (size_t i = 0; i < SK_ARRAY_SIZE(stages); i++) {
		int64_t n = 0, more;

		(void)snprintf(key, sizeof(key), "quality_gates.%s", stages[i]);
		list = sk_config_get(w->c, key);
		if (list == NULL || list->type != SK_J_ARR)
			continue;
		for (size_t k = 0; k < list->n; k++) {
			const char *s = sk_jstr(list->a[k]);
			const char *colon = s != NULL ? strrchr(s, ':') : NULL;

			n += colon != NULL &&
			             sk_parse_int(colon + 1, 1, 5, &more)
			         ? more
			         : 1;
		}
		if (n < min)
			tell(w, list, key,
			    "name more, or set quality_gates.min_agents",
			    "all that %lld agent%s can say is a question to "
			    "a person: agreement takes %lld",
			    (long long)n, n == 1 ? "" : "s", (long long)min);
	}
}

/* Known from other programs' files; x-idle in the schema. */
static void
check_idle(struct warn *w)
{
	static const struct {
		const char *key, *why;
	} idle[] = {
		{ "quality_gates.validate", "no gate stands before validate" },
		{ "quality_gates.audit", "no gate stands before audit" },
		{ "quality_gates.unlock", "no gate stands before unlock" },
		{ "quality_gates.min_test_coverage",
		    "nobody here measures coverage" },
		{ "quality_gates.schema_validation",
		    "files and answers are validated in any case" },
	};
	const struct sk_jv *v;

	for (size_t i = 0; i < SK_ARRAY_SIZE(idle); i++) {
		v = sk_config_get(w->c, idle[i].key);
		if (v != NULL)
			tell(w, v, idle[i].key, NULL, "this has no effect: %s",
			    idle[i].why);
	}
}

size_t
sk_config_warnings(struct sk_config *c, sk_config_warn_fn fn, void *arg)
{
	const struct sk_jv *stages = sk_jget(c->root, "stages");
	struct warn w = { .c = c, .fn = fn, .arg = arg };
	struct sk_buf key;

	check_lineup(
	    &w, sk_config_get(c, "pipeline.agents"), "pipeline.agents");
	for (size_t i = 0; i < sk_jlen(stages); i++) {
		sk_buf_init(&key, 0);
		sk_config_key_add(&key, "stages");
		sk_config_key_add(&key, stages->m[i].key);
		sk_config_key_add(&key, "agents");
		check_lineup(&w, sk_jget(stages->m[i].v, "agents"), key.p);
		sk_buf_free(&key);
	}
	check_gates(&w);
	check_idle(&w);
	check_agents(&w);
	return w.n;
}
