/* SPDX-License-Identifier: MIT */
/* From "-a NAME[=ADAPTER][:COUNT]" and "--exec NAME[:COUNT]=COMMAND" to the
 * agents of this call, each with its whole argv. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/http.h"

#define COUNT_MAX 10000

extern char **environ;

/* ---- resolving one name ---- */

static void
broken(struct sk_slot *s, enum sk_kind k, char *why)
{
	s->broken = k;
	s->broken_why = why;
}

static bool
on_path(const char *name)
{
	const char *const *env;
	char *const *ours = environ, *path;
	int why;

	memcpy(&env, &ours, sizeof(env));
	path = sk_find_program(name, env, &why);
	free(path);
	return path != NULL;
}

/* "no agent, adapter or program 'clade'; did you mean 'claude'?" */
static char *
unknown(const char *name, const struct sk_config *conf)
{
	struct sk_strv all = { 0 };
	const struct sk_jv *agents = sk_config_get(conf, "agents");
	const char *near;
	char *s;

	sk_adapter_names(&all);
	for (size_t i = 0; i < sk_jlen(agents); i++)
		sk_strv_add(&all, agents->m[i].key);
	near = all.n != 0 ? sk_closest(name, (const char *const *)all.v) : NULL;
	s = near != NULL
	        ? sk_asprintf("no agent, adapter or program '%s'; did you mean "
			      "'%s'?",
		      name, near)
	        : sk_asprintf("no agent, adapter or program '%s'", name);
	sk_strv_free(&all);
	return s;
}

static int
duration(const struct sk_jv *v, int64_t *ms)
{
	const char *s = sk_jstr(v);

	if (s != NULL)
		return sk_parse_duration(s, ms) ? 0 : -1;
	if (v == NULL || v->type != SK_J_NUM)
		return -1;
	*ms = (int64_t)(sk_jdouble(v, 0) * 1000);
	return 0;
}

/* What [agents.NAME] says. */
static int
from_config(struct sk_slot *s, const struct sk_jv *ag, struct sk_err *err)
{
	const struct sk_jv *cmd = sk_jget(ag, "command");
	const char *word;

	if (!sk_jget_bool(ag, "enabled", true)) {
		(void)sk_fail(err, SK_USAGE, "disabled_agent",
		    "agent '%s' is disabled in the configuration", s->base);
		return sk_hint(err, "set agents.%s.enabled = true", s->base);
	}
	if (s->adapter_name == NULL &&
	    (word = sk_jget_str(ag, "adapter")) != NULL)
		s->adapter_name = sk_strdup(word);
	if (s->command.n > 0)
		cmd = NULL; /* --exec on the command line wins */
	for (size_t i = 0; i < sk_jlen(cmd); i++)
		if ((word = sk_jstr(cmd->a[i])) != NULL)
			sk_strv_add(&s->command, word);
	if ((word = sk_jget_str(ag, "model")) != NULL && *word != '\0')
		s->model = sk_strdup(word);
	if ((word = sk_jget_str(ag, "cwd")) != NULL && *word != '\0')
		s->cwd = sk_strdup(word);
	s->env = sk_jget(ag, "env");
	if (sk_jget(ag, "timeout") != NULL &&
	    duration(sk_jget(ag, "timeout"), &s->timeout_ms) != 0)
		return sk_fail(err, SK_USAGE, "bad_timeout",
		    "timeout of agent '%s' is not a duration", s->base);
	return 0;
}

/* The option, the agent, the stage, the run. */
static void
settle_times(struct sk_slot *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage)
{
	int64_t dflt = sk_config_duration(conf, "run.timeout", SK_TIMEOUT_MS);

	if (*stage != '\0') {
		char *key = sk_asprintf("stages.%s.timeout", stage);

		dflt = sk_config_duration(conf, key, dflt);
		free(key);
	}
	if (ask->timeout_ms > 0)
		s->timeout_ms = ask->timeout_ms;
	else if (s->timeout_ms <= 0)
		s->timeout_ms = dflt;
	s->grace_ms = sk_config_duration(conf, "run.grace", SK_GRACE_MS);
	s->first_byte_ms =
	    sk_config_duration(conf, "run.first_byte", SK_FIRST_BYTE_MS);
	s->idle_ms = sk_config_duration(conf, "run.idle", SK_IDLE_MS);
}

/* Adapter of a name: given, configured, its own, or exec of that program. */
static int
find_adapter(struct sk_slot *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	const struct sk_jv *ag = sk_config_agent(conf, s->base);
	const char *model;
	bool named;
	int rc;

	s->conf = ag;
	if (ag != NULL && (rc = from_config(s, ag, err)) != 0)
		return rc;
	if ((model = sk_slot_model(ask, s)) != NULL) {
		free(s->model);
		s->model = sk_strdup(model);
	}
	settle_times(s, ask, conf, stage);
	named = s->adapter_name != NULL;
	if (!named)
		s->adapter_name =
		    sk_strdup(s->command.n != 0 ? "exec" : s->base);
	rc = sk_adapter_get(s->adapter_name, &s->ad, err);
	if (rc == 0 && s->ad->http != NULL) {
		s->ops = &sk_attempt_http;
		return 0;
	}
	if (rc == 0 && s->ad->argv == NULL && s->command.n == 0) {
		/* "x=exec" without a command runs the program x. */
		sk_strv_add(&s->command, s->base);
		return 0;
	}
	if (rc == 0 || !sk_streq(err->code, "no_such_adapter"))
		return rc;
	if (named && ag == NULL)
		return rc; /* a wrong word on our command line */
	sk_err_clear(err);
	if (named) {
		broken(s, SK_K_NOT_FOUND,
		    sk_asprintf("no adapter '%s'", s->adapter_name));
		return 0;
	}
	if (!on_path(s->base)) {
		broken(s, SK_K_NOT_FOUND, unknown(s->base, conf));
		return 0;
	}
	free(s->adapter_name);
	s->adapter_name = sk_strdup("exec");
	sk_strv_add(&s->command, s->base);
	return sk_adapter_get("exec", &s->ad, err);
}

int
sk_slot_resolve(struct sk_slot *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	const struct sk_jv *ag = sk_config_agent(conf, s->base);
	int rc = find_adapter(s, ask, conf, stage, err);

	sk_slot_know_model(s, ask, conf);
	s->write = ask->write;
	s->provider = sk_jget_str(ag, "provider");
	if (s->provider == NULL && s->ad != NULL)
		s->provider = s->ad->family;
	return rc;
}

/* ---- names and counts ---- */

static int
bad_name(const char *what, struct sk_err *err)
{
	(void)sk_fail(err, SK_USAGE, "bad_agent", "bad agent '%s'", what);
	return sk_hint(err,
	    "a name is letters, digits, '.', '_', '-', at most 64: "
	    "NAME[=ADAPTER][:COUNT]");
}

/* Cut ":COUNT" off the end of a word; 1 when there is none. */
static int
cut_count(char *word, int64_t *count, const char *whole, struct sk_err *err)
{
	char *c = strrchr(word, ':');

	*count = 1;
	if (c == NULL)
		return 0;
	if (!sk_parse_int(c + 1, 1, COUNT_MAX, count))
		return sk_fail(err, SK_USAGE, "bad_count",
		    "bad count in '%s': 1 to %d", whole, COUNT_MAX);
	*c = '\0';
	return 0;
}

static struct sk_slot *
new_slot(struct sk_slots *s)
{
	if ((s->n & (s->n - 1)) == 0)
		s->v = sk_reallocarray(
		    s->v, s->n != 0 ? s->n * 2 : 1, sizeof(*s->v));
	memset(&s->v[s->n], 0, sizeof(*s->v));
	return &s->v[s->n++];
}

static int
add_many(struct sk_slots *s, const char *base, const char *adapter,
    const struct sk_strv *command, int64_t count, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	int rc = 0;

	for (int64_t i = 1; rc == 0 && i <= count; i++) {
		struct sk_slot *slot = new_slot(s);

		slot->ops = &sk_attempt_proc;
		snprintf(slot->base, sizeof(slot->base), "%s", base);
		if (count == 1)
			snprintf(slot->name, sizeof(slot->name), "%s", base);
		else if ((size_t)snprintf(slot->name, sizeof(slot->name),
			     "%s.%lld", base,
			     (long long)i) >= sizeof(slot->name))
			return bad_name(base, err);
		for (size_t j = 0; command != NULL && j < command->n; j++)
			sk_strv_add(&slot->command, command->v[j]);
		if (adapter != NULL)
			slot->adapter_name = sk_strdup(adapter);
		rc = sk_slot_resolve(slot, ask, conf, stage, err);
	}
	return rc;
}

static int
add_agent(struct sk_slots *s, const char *word, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	char *w = sk_strdup(word), *eq;
	int64_t count;
	int rc;

	rc = cut_count(w, &count, word, err);
	eq = strchr(w, '=');
	if (eq != NULL)
		*eq++ = '\0';
	if (rc == 0 && (!sk_ident_ok(w) || (eq != NULL && *eq == '\0')))
		rc = bad_name(word, err);
	if (rc == 0)
		rc = add_many(s, w, eq, NULL, count, ask, conf, stage, err);
	free(w);
	return rc;
}

static int
add_exec(struct sk_slots *s, const char *word, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	const char *eq = strchr(word, '=');
	struct sk_strv cmd = { 0 };
	char *w;
	int64_t count;
	int rc;

	if (eq == NULL) {
		(void)sk_fail(err, SK_USAGE, "bad_agent",
		    "no command in '--exec %s'", word);
		return sk_hint(err, "--exec NAME=COMMAND");
	}
	w = sk_strndup(word, (size_t)(eq - word));
	rc = cut_count(w, &count, word, err);
	if (rc == 0 && !sk_ident_ok(w))
		rc = bad_name(w, err);
	if (rc == 0)
		rc = sk_strv_words(&cmd, eq + 1, err);
	if (rc == 0 && (cmd.n == 0 || cmd.v[0][0] == '\0'))
		rc = sk_fail(err, SK_USAGE, "bad_agent",
		    "no command in '--exec %s'", word);
	if (rc == 0)
		rc = add_many(s, w, "exec", &cmd, count, ask, conf, stage, err);
	sk_strv_free(&cmd);
	free(w);
	return rc;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int
check_twice(const struct sk_slots *s, struct sk_err *err)
{
	const char **v = sk_reallocarray(NULL, s->n + 1, sizeof(*v));
	int rc = 0;

	for (size_t i = 0; i < s->n; i++)
		v[i] = s->v[i].name;
	qsort(v, s->n, sizeof(*v), by_name);
	for (size_t i = 1; i < s->n && rc == 0; i++)
		if (sk_streq(v[i], v[i - 1])) {
			(void)sk_fail(err, SK_USAGE, "agent_twice",
			    "agent '%s' is named twice", v[i]);
			rc = sk_hint(err, "to ask it twice say '%s:2'", v[i]);
		}
	free(v);
	return rc;
}

/* Without -a and --exec: what the configuration says for the stage. */
static int
default_agents(struct sk_slots *s, const struct sk_ask *ask,
    const struct sk_config *conf, const char *stage, struct sk_err *err)
{
	char *key = sk_asprintf("stages.%s.agents", stage);
	const struct sk_jv *l =
	    *stage != '\0' ? sk_config_get(conf, key) : NULL;
	int rc = 0;

	free(key);
	if (sk_jlen(l) == 0)
		l = sk_config_get(conf, "pipeline.agents");
	for (size_t i = 0; rc == 0 && i < sk_jlen(l); i++)
		if (sk_jstr(sk_jat(l, i)) != NULL)
			rc = add_agent(
			    s, sk_jstr(l->a[i]), ask, conf, stage, err);
	if (rc == 0 && s->n == 0) {
		(void)sk_fail(err, SK_USAGE, "no_agents", "no agent to ask");
		rc = sk_hint(err,
		    "name one with -a NAME or --exec NAME=COMMAND, or set "
		    "pipeline.agents");
	}
	return rc;
}

int
sk_slots_make(struct sk_slots *s, const struct sk_ask *ask,
    const struct sk_strv *agents, const struct sk_config *conf,
    const char *stage, struct sk_err *err)
{
	int rc = 0;

	memset(s, 0, sizeof(*s));
	for (size_t i = 0; rc == 0 && i < agents->n; i++)
		rc = add_agent(s, agents->v[i], ask, conf, stage, err);
	for (size_t i = 0; rc == 0 && i < ask->execs.n; i++)
		rc = add_exec(s, ask->execs.v[i], ask, conf, stage, err);
	if (rc == 0 && s->n == 0)
		rc = default_agents(s, ask, conf, stage, err);
	if (rc == 0)
		rc = check_twice(s, err);
	if (rc == 0)
		rc = sk_slots_fallbacks(s, ask, conf, stage, err);
	return rc != 0 ? rc : sk_slots_check(s, ask, err);
}

static void
free_slot(struct sk_slot *t)
{
	free(t->adapter_name);
	free(t->model);
	free(t->cwd);
	free(t->broken_why);
	sk_strv_free(&t->command);
	sk_strv_free(&t->argv);
}

void
sk_slots_free(struct sk_slots *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sk_slot *t = s->v[i].fallback, *next;

		free_slot(&s->v[i]);
		for (; t != NULL; t = next) {
			next = t->fallback;
			free_slot(t);
			free(t);
		}
	}
	free(s->v);
	memset(s, 0, sizeof(*s));
}

/* ---- argv ---- */

/* The value of a whole-element placeholder; *is false for ordinary words. */
static const char *
value(const struct sk_slot *s, const struct sk_subst *sub, const char *word,
    bool *is)
{
	*is = true;
	if (sk_streq(word, "{model}"))
		return s->model;
	if (sk_streq(word, "{prompt_file}"))
		return sub->prompt_file;
	if (sk_streq(word, "{schema_file}"))
		return sub->schema_file;
	if (sk_streq(word, "{schema_file_strict}"))
		return sub->schema_strict ? sub->schema_file : NULL;
	if (sk_streq(word, "{schema_json}"))
		return sub->schema_json;
	if (sk_streq(word, "{usage_file}"))
		return word; /* each attempt has one of its own */
	/* Likewise; the far side of a launcher has none. */
	if (sk_has_prefix(word, "{file:"))
		return sub->launcher == NULL ? word : NULL;
	/* Only conditions of a group, see add_group(). */
	if (sk_streq(word, "{write}"))
		return s->write ? word : NULL;
	if (sk_streq(word, "{read}"))
		return s->write ? NULL : word;
	*is = false;
	return word;
}

static void
add_group(
    struct sk_slot *s, const struct sk_subst *sub, const struct sk_jv *group)
{
	bool is;

	for (size_t i = 0; i < sk_jlen(group); i++) {
		const char *w = sk_jstr(group->a[i]);

		if (w == NULL || value(s, sub, w, &is) == NULL)
			return;
	}
	for (size_t i = 0; i < sk_jlen(group); i++) {
		const char *w = sk_jstr(group->a[i]);

		if (!sk_streq(w, "{write}") && !sk_streq(w, "{read}"))
			sk_strv_add(&s->argv, value(s, sub, w, &is));
	}
}

static int
make_argv(struct sk_slot *s, const struct sk_subst *sub, struct sk_err *err)
{
	const struct sk_jv *t = s->ad->argv;
	const char *v;
	bool is;

	if (s->model != NULL && s->model[0] == '-')
		return sk_fail(err, SK_USAGE, "bad_model",
		    "a model's name cannot begin with '-': '%s'", s->model);
	s->schema_strict = sub->schema_strict;
	if (s->ad->http != NULL)
		return sk_http_argv(s, err);
	for (size_t i = 0; i < s->command.n; i++) {
		v = value(s, sub, s->command.v[i], &is);
		if (v != NULL)
			sk_strv_add(&s->argv, v);
	}
	/* A command stands for the program alone, its arguments follow. */
	for (size_t i = s->command.n != 0 ? 1 : 0; i < sk_jlen(t); i++) {
		if (t->a[i]->type == SK_J_ARR) {
			add_group(s, sub, t->a[i]);
		} else if (sk_jstr(t->a[i]) != NULL) {
			v = value(s, sub, sk_jstr(t->a[i]), &is);
			if (v != NULL)
				sk_strv_add(&s->argv, v);
		}
	}
	return 0;
}

/*
 * The launcher's words in front. They start the agent elsewhere, so what names
 * files of this process is of no use there; and ssh hands what it is given to a
 * shell, which must find our words as they are.
 */
static void
launch_by(struct sk_slot *s, const struct sk_strv *launcher)
{
	const char *base = strrchr(launcher->v[0], '/');
	bool shell = sk_streq(base != NULL ? base + 1 : launcher->v[0], "ssh");
	struct sk_strv all = { 0 };

	for (size_t i = 0; i < launcher->n; i++)
		sk_strv_add(&all, launcher->v[i]);
	for (size_t i = 0; i < s->argv.n; i++) {
		struct sk_buf b;

		sk_buf_init(&b, 0);
		if (shell)
			sk_shell_quote(&b, s->argv.v[i]);
		else
			sk_buf_str(&b, s->argv.v[i]);
		sk_strv_add(&all, b.p);
		sk_buf_free(&b);
	}
	sk_strv_free(&s->argv);
	s->argv = all;
	s->remote = true;
}

int
sk_slots_argv(
    struct sk_slots *s, const struct sk_subst *sub, struct sk_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < s->n; i++)
		for (struct sk_slot *t = &s->v[i]; rc == 0 && t != NULL;
		     t = t->fallback)
			if (t->ad != NULL) {
				rc = make_argv(t, sub, err);
				if (rc == 0 && sub->launcher != NULL &&
				    t->ops == &sk_attempt_proc)
					launch_by(t, sub->launcher);
			}
	return rc;
}
