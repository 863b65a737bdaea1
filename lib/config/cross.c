/* SPDX-License-Identifier: MIT */
/*
 * Rules between keys, on the effective tree: what each file says may be right,
 * and what they say together not. The finding is put where something was said
 * last, because what stood before was right until then.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/internal.h"
#include "data/data.h"

/* The tree may have mistakes already: what is no table or no list is nothing
 * here. */
static const struct sk_jv *
only(const struct sk_jv *v, enum sk_jtype type)
{
	return v != NULL && v->type == type ? v : NULL;
}

/* ---- pairs of bounds ---- */

static void
ordered(struct sk_config *c, const char *lo_key, const char *hi_key)
{
	struct sk_jv *min = sk_config_get(c, lo_key);
	struct sk_jv *max = sk_config_get(c, hi_key);
	const char *lo_name = strrchr(lo_key, '.') + 1;
	const char *hi_name = strrchr(hi_key, '.') + 1;
	int64_t lo, hi;
	int a, b;

	if (!sk_jint(min, &lo) || !sk_jint(max, &hi) || lo <= hi)
		return;
	a = sk_config_layer_of(c, min);
	b = sk_config_layer_of(c, max);
	if (a > b)
		sk_config_finding(c, a, min, lo_key, "bad_value", NULL,
		    "expected at most %s (%lld), found %lld", hi_name,
		    (long long)hi, (long long)lo);
	else
		sk_config_finding(c, b, max, hi_key, "bad_value", NULL,
		    "expected at least %s (%lld), found %lld", lo_name,
		    (long long)lo, (long long)hi);
}

/* ---- line-ups ---- */

/* NAME[=ADAPTER][:COUNT] */
struct member {
	char name[80], adapter[80];
	int64_t count;
};

static bool
member_of(const struct sk_jv *v, struct member *m)
{
	const char *s = sk_jstr(v), *eq, *colon;
	size_t n;

	if (s == NULL || strlen(s) >= sizeof(m->name))
		return false;
	colon = strrchr(s, ':');
	m->count = 1;
	if (colon != NULL && !sk_parse_int(colon + 1, 1, 100000, &m->count))
		return false;
	n = colon != NULL ? (size_t)(colon - s) : strlen(s);
	eq = memchr(s, '=', n);
	(void)snprintf(m->adapter, sizeof(m->adapter), "%.*s",
	    eq != NULL ? (int)(s + n - eq - 1) : (int)n,
	    eq != NULL ? eq + 1 : s);
	(void)snprintf(m->name, sizeof(m->name), "%.*s",
	    eq != NULL ? (int)(eq - s) : (int)n, s);
	return true;
}

struct lineup {
	const struct sk_jv *list;
	const char *key; /* "stages.plan.agents" */
	int64_t agents; /* with their counts */
	bool
	    unclear; /* one of them is wrong, so that the number is not known */
};

/* Is a bound one that somebody has set? The built-in ones leave everybody free
 * to ask one agent, or a hundred. (A running driver's values have them among
 * them, and were looked at when it read them.) */
static bool
set(const struct sk_config *c, const char *key, int64_t *v)
{
	const struct sk_jv *at = sk_config_get(c, key);
	int layer = at != NULL ? sk_config_layer_of(c, at) : 0;

	return layer > 0 &&
	       !(c->origins->snapshot &&
		   c->origins->layers[layer].kind == SK_LAYER_NAMED) &&
	       sk_jint(at, v);
}

static void
check_size(struct sk_config *c, const struct lineup *l)
{
	int layer = sk_config_layer_of(c, l->list);
	int64_t min, max;

	if (!l->unclear && l->agents > 0 &&
	    set(c, "consensus.min_agents", &min) && l->agents < min)
		sk_config_finding(c, layer, l->list, l->key, "bad_value", NULL,
		    "expected at least consensus.min_agents (%lld) agents, "
		    "found %lld",
		    (long long)min, (long long)l->agents);
	if (!l->unclear && set(c, "consensus.max_agents", &max) &&
	    l->agents > max)
		sk_config_finding(c, layer, l->list, l->key, "bad_value", NULL,
		    "expected at most consensus.max_agents (%lld) agents, "
		    "found %lld",
		    (long long)max, (long long)l->agents);
}

static void
check_twice(struct sk_config *c, const struct lineup *l)
{
	struct member a, b;

	for (size_t i = 1; i < l->list->n; i++)
		for (size_t k = 0; k < i; k++)
			if (member_of(l->list->a[i], &a) &&
			    member_of(l->list->a[k], &b) &&
			    strcmp(a.name, b.name) == 0 &&
			    /* (The schema says of equal ones.) */
			    !sk_json_eq(l->list->a[i], l->list->a[k])) {
				sk_config_finding(c,
				    sk_config_layer_of(c, l->list),
				    l->list->a[i], l->key, "duplicate_agent",
				    "NAME:COUNT asks one agent several times, "
				    "NAME=ADAPTER gives it another name",
				    "the agent '%s' is named twice", a.name);
				break;
			}
}

static bool
any_enabled(const struct sk_config *c, const struct sk_jv *list)
{
	const struct sk_jv *ag;
	struct member m;

	for (size_t i = 0; i < list->n; i++) {
		if (!member_of(list->a[i], &m))
			return true;
		ag = sk_config_agent(c, m.name);
		if (ag == NULL)
			ag = sk_config_agent(c, m.adapter);
		if (sk_jget_bool(ag, "enabled", true))
			return true;
	}
	return false;
}

/* A run in which nobody may be asked is a mistake; one stage that is left out
 * this way is not. */
static void
check_enabled(struct sk_config *c)
{
	const struct sk_jv *all =
	    only(sk_config_get(c, "pipeline.agents"), SK_J_ARR);
	const struct sk_jv *stages = only(sk_jget(c->root, "stages"), SK_J_OBJ);
	const struct sk_jv *list, *at = NULL;

	if (sk_jlen(all) != 0) {
		if (any_enabled(c, all))
			return;
		at = all;
	}
	for (size_t i = 0; i < sk_jlen(stages); i++) {
		list = only(sk_jget(stages->m[i].v, "agents"), SK_J_ARR);
		if (sk_jlen(list) == 0)
			continue;
		if (any_enabled(c, list))
			return;
		at = at == NULL ? list : at;
	}
	if (at != NULL)
		sk_config_finding(c, sk_config_layer_of(c, at), at,
		    at == all ? "pipeline.agents" : "stages",
		    "no_enabled_agent", "set enabled = true for one of them",
		    "no agent of any line-up is enabled");
}

static void
check_quorum(struct sk_config *c, const struct lineup *l, const char *key)
{
	const struct sk_jv *q = sk_config_get(c, key);
	int a, b;
	int64_t n;

	if (q == NULL || l->list->n == 0 || l->unclear ||
	    (!sk_jint(q, &n) && (sk_jstr(q) == NULL || !sk_parse_int(sk_jstr(q),
							   1, INT64_MAX, &n))))
		return; /* a fraction can always be reached */
	/* 1.0 is all of them. */
	if (n <= l->agents || (q->type == SK_J_NUM && strchr(q->s, '.')))
		return;
	a = sk_config_layer_of(c, q);
	b = sk_config_layer_of(c, l->list);
	if (a >= b)
		sk_config_finding(c, a, q, key, "quorum_unreachable", NULL,
		    "expected at most %lld, the number of %s, found %lld",
		    (long long)l->agents, l->key, (long long)n);
	else
		sk_config_finding(c, b, l->list, l->key, "quorum_unreachable",
		    NULL, "expected at least %s (%lld) agents, found %lld", key,
		    (long long)n, (long long)l->agents);
}

static struct lineup
measure(const struct sk_jv *list, const char *key)
{
	struct lineup l = { .list = list, .key = key };
	struct member m;

	for (size_t i = 0; i < list->n; i++)
		if (member_of(list->a[i], &m))
			l.agents += m.count;
		else
			l.unclear = true;
	return l;
}

static void
check_lineup(struct sk_config *c, const struct lineup *l)
{
	if (l->list->n != 0)
		check_size(c, l);
	check_twice(c, l);
}

static char *
key_of(
    struct sk_config *c, const char *table, const char *name, const char *field)
{
	struct sk_buf b;
	char *s;

	sk_buf_init(&b, 0);
	sk_config_key_add(&b, table);
	sk_config_key_add(&b, name);
	sk_config_key_add(&b, field);
	s = sk_arena_strdup(&c->arena, b.p);
	sk_buf_free(&b);
	return s;
}

static void
lineups(struct sk_config *c)
{
	const struct sk_jv *all =
	    only(sk_config_get(c, "pipeline.agents"), SK_J_ARR);
	const struct sk_jv *stages = only(sk_jget(c->root, "stages"), SK_J_OBJ);
	const struct sk_jv *list;
	struct lineup l = { 0 }, general = { 0 };
	const char *quorum;

	if (all != NULL) {
		general = measure(all, "pipeline.agents");
		check_lineup(c, &general);
		check_quorum(c, &general, "consensus.quorum");
	}
	for (size_t i = 0; i < sk_jlen(stages); i++) {
		const struct sk_jm *m = &stages->m[i];

		quorum = key_of(c, "stages", m->key, "quorum");
		list = only(sk_jget(m->v, "agents"), SK_J_ARR);
		l = general;
		if (sk_jlen(list) != 0) {
			l = measure(
			    list, key_of(c, "stages", m->key, "agents"));
			check_lineup(c, &l);
			if (sk_jget(m->v, "quorum") == NULL)
				quorum = "consensus.quorum";
		} else if (sk_jget(m->v, "quorum") == NULL) {
			continue; /* said of all stages already */
		}
		if (l.list != NULL)
			check_quorum(c, &l, quorum);
	}
}

/* ---- gates ---- */

bool
sk_config_knows_agent(const struct sk_config *c, const char *name)
{
	struct sk_err err = { 0 };
	char path[128], *dir, *file;
	bool yes;

	if (sk_config_agent(c, name) != NULL)
		return true;
	(void)snprintf(path, sizeof(path), "adapters/%.64s.toml", name);
	if (sk_data_find(path) != NULL)
		return true;
	dir = sk_xdg_dir("XDG_CONFIG_HOME", ".config", &err);
	file = dir != NULL ? sk_path_join(dir, path) : NULL;
	yes = file != NULL && access(file, F_OK) == 0;
	free(dir);
	free(file);
	sk_err_clear(&err);
	return yes;
}

/* Who is asked at a gate: agents, or models by their names in the registry. */
static void
check_gate(struct sk_config *c, const struct lineup *l)
{
	int layer = sk_config_layer_of(c, l->list);
	struct sk_err err = { 0 };
	struct sk_model model;
	struct member m;

	if (!l->unclear && (l->agents < 1 || l->agents > 5))
		sk_config_finding(c, layer, l->list, l->key, "bad_agent_count",
		    NULL, "invalid agent count: %lld (must be between 1 and 5)",
		    (long long)l->agents);
	check_twice(c, l);
	for (size_t i = 0; i < l->list->n; i++) {
		if (!member_of(l->list->a[i], &m) ||
		    sk_config_knows_agent(c, m.name) ||
		    sk_config_knows_agent(c, m.adapter) ||
		    sk_model_find(c, m.adapter, &model))
			continue;
		(void)sk_model_unknown(c, m.adapter, &err);
		sk_config_finding(c, layer, l->list->a[i], l->key,
		    "unknown_model", err.hint, "%s", err.message);
		sk_err_clear(&err);
	}
}

static void
gates(struct sk_config *c)
{
	const struct sk_jv *t =
	    only(sk_jget(c->root, "quality_gates"), SK_J_OBJ);

	for (size_t i = 0; i < sk_jlen(t); i++)
		if (t->m[i].v->type == SK_J_ARR) {
			char *key = sk_arena_printf(
			    &c->arena, "quality_gates.%s", t->m[i].key);
			struct lineup l = measure(t->m[i].v, key);

			check_gate(c, &l);
		}
}

/* ---- stages ---- */

static bool
listed(const struct sk_jv *list, const char *word)
{
	for (size_t i = 0; i < sk_jlen(list); i++)
		if (sk_streq(sk_jstr(sk_jat(list, i)), word))
			return true;
	return false;
}

/* A stage stands on another's result, and the schema says on which. */
static void
stages(struct sk_config *c)
{
	const struct sk_jv *list = sk_config_get(c, "pipeline.stages"), *needs;
	const char *need;

	if (list == NULL || list->type != SK_J_ARR)
		return;
	needs = sk_jptr(sk_config_schema(c),
	    "/properties/pipeline/properties/stages/x-needs");
	for (size_t i = 0; i < list->n; i++) {
		const char *word = sk_jstr(list->a[i]);

		need = word != NULL ? sk_jget_str(needs, word) : NULL;
		if (need == NULL || listed(list, need))
			continue;
		sk_config_finding(c, sk_config_layer_of(c, list), list->a[i],
		    "pipeline.stages", "stage_dependency",
		    "add it, or leave the other out",
		    "%s requires %s to be enabled", word, need);
	}
}

/* A condition that counts files must say which, and how many. */
static void
conditions(struct sk_config *c)
{
	static const char *const also[] = { "skip_files", "skip_below" };
	const struct sk_jv *t = only(sk_jget(c->root, "stages"), SK_J_OBJ);
	const struct sk_jv *rule;

	for (size_t i = 0; i < sk_jlen(t); i++) {
		rule = sk_jget(t->m[i].v, "skip_if");
		if (!sk_streq(sk_jstr(rule), "files_below"))
			continue;
		for (size_t k = 0; k < SK_ARRAY_SIZE(also); k++)
			if (sk_jget(t->m[i].v, also[k]) == NULL) {
				sk_config_finding(c,
				    sk_config_layer_of(c, rule), rule,
				    key_of(c, "stages", t->m[i].key, "skip_if"),
				    "missing_key", NULL,
				    "files_below needs skip_files and "
				    "skip_below, and there is no %s",
				    also[k]);
				break;
			}
	}
}

/* ---- models ---- */

static void
models(struct sk_config *c)
{
	const struct sk_jv *t = only(sk_jget(c->root, "models"), SK_J_OBJ);
	const struct sk_jv *al;

	for (size_t i = 0; i < sk_jlen(t); i++) {
		const char *name = t->m[i].key, *retry;

		retry = key_of(c, "models", name, "retry");
		ordered(c,
		    sk_arena_printf(&c->arena, "%s.base_delay_ms", retry),
		    sk_arena_printf(&c->arena, "%s.max_delay_ms", retry));
		al = sk_jget(t->m[i].v, "aliases");
		for (size_t k = 0; k < sk_jlen(al); k++) {
			const char *word = sk_jstr(sk_jat(al, k)), *other;

			other = word != NULL && sk_jget(t, word) != NULL ? word
			                                                 : NULL;
			for (size_t j = 0; other == NULL && j < i; j++)
				if (listed(sk_jget(t->m[j].v, "aliases"), word))
					other = t->m[j].key;
			if (other != NULL)
				sk_config_finding(c, sk_config_layer_of(c, al),
				    sk_jat(al, k),
				    key_of(c, "models", name, "aliases"),
				    "duplicate_alias", NULL,
				    "'%s' is a name of the model '%s' already",
				    word, other);
		}
	}
}

/* A place that has a finding needs no second one. */
static void
drop_repeats(struct sk_config_origin *o, size_t from)
{
	size_t n = from, k;

	for (size_t i = from; i < o->n_findings; i++) {
		const struct sk_finding *f = &o->findings[i];

		for (k = 0; k < from; k++)
			if (o->findings[k].layer == f->layer &&
			    o->findings[k].line == f->line &&
			    o->findings[k].col == f->col)
				break;
		if (k == from)
			o->findings[n++] = *f;
	}
	o->n_findings = n;
}

void
sk_config_cross(struct sk_config *c)
{
	size_t before = c->origins->n_findings;

	ordered(c, "consensus.min_agents", "consensus.max_agents");
	models(c);
	lineups(c);
	check_enabled(c);
	gates(c);
	stages(c);
	conditions(c);
	drop_repeats(c->origins, before);
}
