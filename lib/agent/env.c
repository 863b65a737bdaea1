/* SPDX-License-Identifier: MIT */
/*
 * The environment of an agent: a short list of what any program needs, what its
 * adapter names, what the configuration sets, and our marks. Everything else
 * stays here: a stray token or NODE_OPTIONS changes what an agent does.
 */
#include <stdlib.h>
#include <string.h>

#include "agent/internal.h"

extern char **environ;

static const char *const always[] = { "PATH", "HOME", "USER", "LOGNAME",
	"SHELL", "LANG", "TZ", "TMPDIR", "http_proxy", "https_proxy",
	"no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	"ALL_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", NULL };

static void
put(struct sk_strv *env, const char *name, const char *value)
{
	char *line = sk_asprintf("%s=%s", name, value);
	size_t n = strlen(name) + 1;

	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], line, n) == 0) {
			free(env->v[i]);
			env->v[i] = line;
			return;
		}
	sk_strv_add(env, line);
	free(line);
}

/* What programs that start others elsewhere look for. */
static const char *const launchers[] = { "SSH_AUTH_SOCK", "KUBECONFIG",
	"DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "SLURM_CONF",
	"SLURM_JOB_ID", "SLURM_JOBID", "XAUTHORITY", NULL };

static void
pass(struct sk_strv *env, const char *name)
{
	const char *v = name != NULL ? getenv(name) : NULL;

	if (v != NULL)
		put(env, name, v);
}

/* Families of names: LC_ALL, XDG_CONFIG_HOME … */
static void
pass_families(struct sk_strv *env)
{
	for (char **e = environ; *e != NULL; e++)
		if (strncmp(*e, "LC_", 3) == 0 || strncmp(*e, "XDG_", 4) == 0)
			sk_strv_add(env, *e);
}

static void
put_table(struct sk_strv *env, const struct sk_jv *t)
{
	for (size_t i = 0; i < sk_jlen(t); i++) {
		const char *v;

		if (t->type != SK_J_OBJ)
			return;
		v = sk_jstr(t->m[i].v);
		if (v != NULL && strchr(t->m[i].key, '=') == NULL)
			put(env, t->m[i].key, v);
	}
}

void
sk_agent_env(const struct sk_slot *slot, const char *stage, const char *spec,
    const char *token, const char *tmp, struct sk_strv *env)
{
	const struct sk_jv *names = slot->ad->pass;

	for (size_t i = 0; always[i] != NULL; i++)
		pass(env, always[i]);
	pass_families(env);
	for (size_t i = 0; slot->remote && launchers[i] != NULL; i++)
		pass(env, launchers[i]);
	if (getenv("PATH") == NULL)
		put(env, "PATH", "/usr/local/bin:/usr/bin:/bin");
	put(env, "TERM", "dumb");
	put(env, "NO_COLOR", "1");
	if (tmp != NULL && !slot->remote)
		put(env, "TMPDIR", tmp);
	for (size_t i = 0; i < sk_jlen(names); i++)
		pass(env, sk_jstr(names->a[i]));
	put_table(env, slot->ad->set);
	if (!slot->write)
		put_table(env, slot->ad->set_read);
	put_table(env, slot->env);
	put(env, "SK_AGENT", slot->name);
	put(env, "SK_STAGE", stage);
	put(env, "SK_SPEC", spec);
	put(env, "SK_AGENT_TOKEN", token);
	if (slot->write)
		put(env, "SK_WRITE", "1");
}
