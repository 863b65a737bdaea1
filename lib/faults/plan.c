/* SPDX-License-Identifier: MIT */
/* Reading fault plans: see plan.h for the grammar. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "faults/internal.h"

/* ---- words ---- */

bool
sk_fault_word_in(const char *list, const char *word)
{
	struct sk_strv v = { 0 };
	bool in;

	if (list == NULL)
		return false;
	sk_strv_split(&v, list, ' ');
	in = sk_strv_has(&v, word);
	sk_strv_free(&v);
	return in;
}

static const struct sk_fault_kind *
kind_of(const char *name)
{
	const struct sk_fault_kind *k = sk_fault_kinds;

	for (; k->name != NULL; k++)
		if (strcmp(k->name, name) == 0 ||
		    sk_fault_word_in(k->aliases, name))
			return k;
	return NULL;
}

/* "ack.checked" is short for "store.ack.checked", "net.recv" long for "recv".
 */
const struct sk_fault_point *
sk_fault_point_of(const char *name)
{
	const struct sk_fault_point *p;
	const char *dot;

	if (strncmp(name, "net.", 4) == 0)
		name += 4;
	for (p = sk_fault_points; p->name != NULL; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	for (p = sk_fault_points; p->name != NULL; p++)
		if ((dot = strchr(p->name, '.')) != NULL &&
		    strcmp(dot + 1, name) == 0)
			return p;
	return NULL;
}

static int
unknown(const char *what, const char *word, const struct sk_strv *known,
    struct sk_err *err)
{
	char *low = sk_strdup(word); /* all words are in lower case */
	const char *near;

	for (char *p = low; *p != '\0'; p++)
		*p = (char)tolower((unsigned char)*p);
	near = known->n > 0 ? sk_closest(low, (const char *const *)known->v)
	                    : NULL;
	free(low);
	(void)sk_fail(
	    err, SK_USAGE, "bad_fault", "unknown %s '%.60s'", what, word);
	if (near != NULL)
		return sk_hint(err, "did you mean '%s'?", near);
	return sk_hint(err, "'sk-faults plan' without a plan names them all");
}

static int
unknown_name(const char *word, struct sk_err *err)
{
	struct sk_strv all = { 0 };

	for (const struct sk_fault_kind *k = sk_fault_kinds; k->name; k++) {
		sk_strv_add(&all, k->name);
		if (k->aliases != NULL)
			sk_strv_split(&all, k->aliases, ' ');
	}
	for (const struct sk_fault_point *p = sk_fault_points; p->name; p++)
		sk_strv_add(&all, p->name);
	(void)unknown("fault", word, &all, err);
	sk_strv_free(&all);
	return err->exit;
}

int
sk_fault_unknown(
    const char *what, const char *word, const char *list, struct sk_err *err)
{
	struct sk_strv all = { 0 };

	sk_strv_split(&all, list, ' ');
	(void)unknown(what, word, &all, err);
	if (strncmp(err->hint, "did", 3) != 0)
		(void)sk_hint(err, "one of: %.250s", list);
	sk_strv_free(&all);
	return err->exit;
}

int
sk_fault_bad(const char *why, const char *entry, struct sk_err *err)
{
	return sk_fail(
	    err, SK_USAGE, "bad_fault", "%s in fault '%.80s'", why, entry);
}

/* ---- which times ---- */

static int
which_nth(
    struct sk_fault_rule *r, char *s, const char *entry, struct sk_err *err)
{
	char *dash = strchr(s, '-');
	size_t n = strlen(s);

	r->which = SK_FAULT_NTH;
	r->to = 0;
	if (n > 0 && s[n - 1] == '+') {
		s[n - 1] = '\0';
		r->to = INT64_MAX;
	} else if (dash != NULL) {
		*dash = '\0';
		if (!sk_parse_int(dash + 1, 1, INT64_MAX, &r->to))
			return sk_fault_bad("bad number after '-'", entry, err);
	}
	if (!sk_parse_int(s, 1, INT64_MAX, &r->from))
		return sk_fault_bad("bad number after '#'", entry, err);
	if (r->to == 0)
		r->to = r->from;
	return r->to >= r->from ? 0 : sk_fault_bad("empty range", entry, err);
}

static int
which_share(struct sk_fault_rule *r, const char *s, const char *entry,
    struct sk_err *err)
{
	struct sk_strv v = { 0 };
	int64_t seed = 0;
	bool ok, seeded = false;

	sk_strv_split(&v, s, '/');
	r->which = SK_FAULT_SHARE;
	r->den = 100;
	ok = v.n >= 1 && v.n <= 3 && sk_parse_int(v.v[0], 0, 1000000, &r->num);
	for (size_t i = 1; ok && i < v.n; i++)
		if (strncmp(v.v[i], "seed", 4) == 0 && i == v.n - 1)
			ok = seeded =
			    sk_parse_int(v.v[i] + 4, 0, INT64_MAX, &seed);
		else
			ok =
			    i == 1 && sk_parse_int(v.v[i], 1, 1000000, &r->den);
	sk_strv_free(&v);
	r->seed = (uint64_t)seed;
	if (ok && seeded && r->num <= r->den)
		return 0;
	(void)sk_fault_bad("bad share", entry, err);
	return sk_hint(err, "%%5/seed7 is 5 percent, %%1/60/seed7 one in "
			    "sixty; the seed makes it the same every time");
}

/* ---- one entry ---- */

static bool
of_agents(const struct sk_fault_rule *r)
{
	return r->kind != NULL &&
	       (r->kind->places & (SK_FAULT_AT_AGENT | SK_FAULT_AT_PRINT)) != 0;
}

static int
take_name(
    struct sk_fault_rule *r, char *s, const char *entry, struct sk_err *err)
{
	char *at = strchr(s, '@'), *slash;
	int64_t status;

	if (at != NULL) {
		*at++ = '\0';
		if ((slash = strchr(at, '/')) != NULL)
			*slash++ = '\0';
		if (strcmp(at, "*") != 0 && *at != '\0' && !sk_ident_ok(at))
			return sk_fault_bad("bad agent", entry, err);
		if (slash != NULL && !sk_ident_ok(slash))
			return sk_fault_bad("bad stage", entry, err);
		if (strcmp(at, "*") != 0)
			(void)snprintf(r->agent, sizeof(r->agent), "%s", at);
		if (slash != NULL)
			(void)snprintf(r->stage, sizeof(r->stage), "%s", slash);
	}
	r->kind = kind_of(s);
	if (r->kind == NULL && sk_parse_int(s, 400, 599, &status)) {
		r->kind = kind_of("http");
		r->arg = status;
		(void)snprintf(r->word, sizeof(r->word), "%s", s);
	}
	if (r->kind != NULL) {
		(void)snprintf(r->name, sizeof(r->name), "%s", r->kind->name);
	} else {
		const struct sk_fault_point *p = sk_fault_point_of(s);

		if (p == NULL)
			return unknown_name(s, err);
		(void)snprintf(r->name, sizeof(r->name), "%s", p->name);
	}
	if (at != NULL && !of_agents(r))
		return sk_fault_bad(
		    "an agent, which has nothing to do with it,", entry, err);
	return 0;
}

/* A kind that is another word for a fail-point. */
static int
as_point(struct sk_fault_rule *r, const char *entry, struct sk_err *err)
{
	const struct sk_fault_kind *k = r->kind;
	char text[128];
	char *eq;

	(void)snprintf(
	    text, sizeof(text), "%s", k->point != NULL ? k->point : r->word);
	r->kind = NULL;
	r->word[0] = '\0';
	r->arg = -1;
	if ((eq = strchr(text, '=')) != NULL)
		*eq++ = '\0';
	if (sk_fault_point_of(text) == NULL)
		return unknown_name(text, err);
	(void)snprintf(
	    r->name, sizeof(r->name), "%s", sk_fault_point_of(text)->name);
	r->action = SK_FAULT_KILL9;
	return eq != NULL ? sk_fault_point_action(r, eq, entry, err) : 0;
}

/* Cuts "#2" or "%1/60/seed7" off the end. */
static int
take_which(struct sk_fault_rule *r, char *s, bool *given, const char *entry,
    struct sk_err *err)
{
	char *mark = strrchr(s, '#');

	*given = true;
	if (mark != NULL) {
		*mark = '\0';
		return which_nth(r, mark + 1, entry, err);
	}
	if ((mark = strrchr(s, '%')) != NULL) {
		*mark = '\0';
		return which_share(r, mark + 1, entry, err);
	}
	*given = false;
	return 0;
}

static int
parse_rule(struct sk_fault_rule *r, const char *entry, struct sk_err *err)
{
	char *s = sk_strdup(entry), *rest, *arg = NULL;
	bool which, colon;
	int rc;

	memset(r, 0, sizeof(*r));
	r->arg = -1;
	r->which = SK_FAULT_FIRST;
	r->to = 1;
	rc = take_which(r, s, &which, entry, err);
	rest = strpbrk(s, ":=");
	colon = rest != NULL && *rest == ':';
	if (rest != NULL)
		*rest++ = '\0';
	if (rc == 0)
		rc = take_name(r, s, entry, err);
	if (rc == 0 && colon && rest[strspn(rest, "0123456789")] != '\0' &&
	    rest[strspn(rest, "0123456789")] != '=') {
		arg = rest; /* ":kill9", ":30s" */
		if (r->kind != NULL)
			rc = sk_fault_bad("bad count", entry, err);
	} else if (rc == 0 && colon) {
		if ((arg = strchr(rest, '=')) != NULL)
			*arg++ = '\0';
		if (which)
			rc =
			    sk_fault_bad("both ':' and '#' or '%'", entry, err);
		else if (!sk_parse_int(rest, 0, INT64_MAX, &r->to))
			rc = sk_fault_bad("bad count", entry, err);
	} else {
		arg = rest;
	}
	if (rc == 0 && r->kind != NULL) {
		if (r->word[0] == '\0')
			rc = sk_fault_kind_arg(r, arg, entry, err);
		else if (arg != NULL)
			rc = sk_fault_bad("a second argument", entry, err);
		if (rc == 0 && (r->kind->places & SK_FAULT_AT_POINT) != 0)
			rc = as_point(r, entry, err);
	} else if (rc == 0 && arg != NULL) {
		rc = sk_fault_point_action(r, arg, entry, err);
	}
	free(s);
	return rc;
}

/* ---- the whole ---- */

/* Does the scope let this rule in? */
static bool
in_scope(const struct sk_fault_rule *r, const struct sk_fault_env *e)
{
	if (sk_streq(e->scope, "agent"))
		return of_agents(r) &&
		       (r->agent[0] == '\0' || sk_streq(r->agent, e->agent));
	if (sk_streq(e->scope, "consensus"))
		return r->kind != NULL &&
		       (r->kind->places & SK_FAULT_AT_JUDGE) != 0;
	return true;
}

static int
check_env(const struct sk_fault_env *e, struct sk_err *err)
{
	static const char scopes[] =
	    "spec_kit speckit auto_drive consensus agent";
	int64_t ms;

	if (e->scope != NULL && !sk_fault_word_in(scopes, e->scope))
		return sk_fault_unknown(
		    "scope of faults", e->scope, scopes, err);
	if (e->agent != NULL && !sk_ident_ok(e->agent))
		return sk_fail(err, SK_USAGE, "bad_fault",
		    "'%.80s' is no agent's name", e->agent);
	if (e->timeout != NULL && !sk_parse_int(e->timeout, 0, 86400000, &ms))
		return sk_fail(err, SK_USAGE, "bad_fault",
		    "the time of a timeout, '%.80s', is no number of "
		    "milliseconds",
		    e->timeout);
	if (e->agent == NULL && sk_streq(e->scope, "agent")) {
		(void)sk_fail(err, SK_USAGE, "bad_fault",
		    "the scope of faults is one agent, and none is named");
		return sk_hint(err, "set SPEC_KIT_FAULTS_AGENT");
	}
	return 0;
}

/* An argument from the environment, where the plan has none. */
static int
take_companion(
    struct sk_fault_rule *r, const struct sk_fault_env *e, struct sk_err *err)
{
	char ms[32];

	if (r->kind == NULL || r->word[0] != '\0')
		return 0;
	if (e->reset != NULL && r->kind->arg == SK_FAULT_HINT)
		return sk_fault_kind_arg(r, e->reset, e->reset, err);
	if (e->timeout == NULL || r->kind->arg != SK_FAULT_WORD_OR_TIME)
		return 0;
	(void)snprintf(ms, sizeof(ms), "%sms", e->timeout);
	return sk_fault_kind_arg(r, ms, ms, err);
}

int
sk_fault_parse(struct sk_fault_plan *plan, const char *text,
    const struct sk_fault_env *env, struct sk_err *err)
{
	static const struct sk_fault_env none;
	const struct sk_fault_env *e = env != NULL ? env : &none;
	struct sk_strv v = { 0 };
	char *one;
	int rc = check_env(e, err);

	one = sk_strdup(text);
	for (char *p = one; *p != '\0'; p++)
		if (*p == ';' || *p == '\n')
			*p = ',';
	sk_strv_split(&v, one, ',');
	free(one);
	for (size_t i = 0; rc == 0 && i < v.n; i++) {
		struct sk_fault_rule *r = &plan->v[plan->n];

		if (plan->n == SK_FAULT_RULES) {
			rc = sk_fail(err, SK_USAGE, "bad_fault",
			    "more than %d faults in a plan", SK_FAULT_RULES);
			break;
		}
		rc = parse_rule(r, v.v[i], err);
		if (rc != 0 || !in_scope(r, e))
			continue;
		if (e->agent != NULL && r->agent[0] == '\0' && of_agents(r))
			(void)snprintf(
			    r->agent, sizeof(r->agent), "%s", e->agent);
		rc = take_companion(r, e, err);
		plan->n++;
	}
	sk_strv_free(&v);
	return rc;
}

static const char *
env_of(const char *name)
{
	const char *s = getenv(name);

	return s != NULL && s[0] != '\0' ? s : NULL;
}

/* Has a later entry the same label? */
static bool
said_again(const struct sk_fault_plan *p, size_t i)
{
	for (size_t j = i + 1; j < p->n; j++)
		if (strcmp(p->v[i].name, p->v[j].name) == 0 &&
		    strcmp(p->v[i].agent, p->v[j].agent) == 0 &&
		    strcmp(p->v[i].stage, p->v[j].stage) == 0)
			return true;
	return false;
}

/* The older names. One fault a call, disconnects first, then rate limits, then
 * timeouts, whatever their order in the list; the last entry of a label. */
static int
parse_codex(struct sk_fault_plan *plan, const char *text, struct sk_err *err)
{
	static const char order[] = "disconnect rate_limit agent_timeout";
	struct sk_fault_env e = { .scope = env_of("CODEX_FAULTS_SCOPE"),
		.reset = env_of("CODEX_FAULTS_429_RESET"),
		.timeout = env_of("CODEX_FAULTS_TIMEOUT_MS") };
	struct sk_fault_plan own = { .n = 0 };
	struct sk_strv names = { 0 };
	int rc = sk_fault_parse(&own, text, &e, err);

	for (size_t i = 0; rc == 0 && i < own.n; i++)
		if (!sk_fault_word_in(order, own.v[i].name))
			rc = sk_fault_unknown("fault", own.v[i].name,
			    "disconnect 429 rate_limit timeout", err);
	sk_strv_split(&names, order, ' ');
	for (size_t k = 0; rc == 0 && k < names.n; k++)
		for (size_t i = 0; i < own.n; i++)
			if (strcmp(own.v[i].name, names.v[k]) == 0 &&
			    !said_again(&own, i) && plan->n < SK_FAULT_RULES)
				plan->v[plan->n++] = own.v[i];
	sk_strv_free(&names);
	return rc;
}

int
sk_fault_inside(const struct sk_fault_plan *plan, struct sk_err *err)
{
	for (size_t i = 0; i < plan->n; i++) {
		const struct sk_fault_kind *k = plan->v[i].kind;

		if (k == NULL || k->places != SK_FAULT_AT_PROXY)
			continue;
		(void)sk_fail(err, SK_USAGE, "bad_fault",
		    "'%s' is a fault of the proxy alone", k->name);
		return sk_hint(err,
		    "'sk-faults proxy' knows it; 'agent_fail=overloaded' "
		    "is what agents make of it");
	}
	return 0;
}

int
sk_fault_parse_env(struct sk_fault_plan *plan, struct sk_err *err)
{
	struct sk_fault_env e = { .scope = env_of("SPEC_KIT_FAULTS_SCOPE"),
		.agent = env_of("SPEC_KIT_FAULTS_AGENT"),
		.reset = env_of("SPEC_KIT_FAULTS_429_RESET"),
		.timeout = env_of("SPEC_KIT_FAULTS_TIMEOUT_MS") };
	const char *s = env_of("SPEC_KIT_FAULTS");
	int rc = 0;

	if (s != NULL)
		rc = sk_fault_parse(plan, s, &e, err);
	if (rc == 0 && (s = env_of("CODEX_FAULTS")) != NULL)
		rc = parse_codex(plan, s, err);
	return rc == 0 ? sk_fault_inside(plan, err) : rc;
}
