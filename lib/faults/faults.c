/* SPDX-License-Identifier: MIT */
/*
 * Fail-points of development builds: which rule applies here, and what it does.
 * In a release this file is empty.
 */
#include "faults/faults.h"

#ifdef SK_FAULTS
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "faults/internal.h"
#include "faults/run.h"

static struct sk_fault_plan plan;
static struct sk_fault_table *table; /* NULL: counted in local */
static struct sk_fault_table local;
static bool live; /* the plan has been read */
static bool asked; /* the file has been looked for */
static bool any_call; /* a rule is about a function of the C library */
/* What we call ourselves, to count, does not count. */
static _Thread_local int inside;

/* ---- the plan ---- */

static void
refuse(struct sk_err *err)
{
	sk_warn("%s%s%s%s", err->message, err->hint[0] != '\0' ? " (" : "",
	    err->hint, err->hint[0] != '\0' ? ")" : "");
	_exit(SK_USAGE);
}

static void
look(void)
{
	any_call = false;
	for (size_t i = 0; i < plan.n; i++) {
		const struct sk_fault_point *p =
		    plan.v[i].kind == NULL ? sk_fault_point_of(plan.v[i].name)
					   : NULL;

		if (p != NULL && p->call)
			any_call = true;
	}
}

/* What was counted before the file was known. */
static void
merge(struct sk_fault_table *t)
{
	for (size_t i = 0; i < SK_FAULT_SLOTS; i++) {
		struct sk_fault_slot *s;

		if (local.slot[i].key[0] == '\0')
			break;
		s = sk_fault_slot_of(t, local.slot[i].key);
		if (s == NULL)
			continue;
		atomic_fetch_add(&s->calls, atomic_load(&local.slot[i].calls));
		atomic_fetch_add(&s->hits, atomic_load(&local.slot[i].hits));
	}
	for (size_t i = 0; i < SK_FAULT_HITS; i++) {
		struct sk_fault_hit *from = &local.hit[i], *to;
		uint64_t n;

		if (atomic_load(&from->ordinal) == 0)
			break;
		n = atomic_fetch_add(&t->nhits, 1);
		if (n >= SK_FAULT_HITS)
			break;
		to = &t->hit[n];
		to->ms = from->ms;
		to->call = from->call;
		to->pid = from->pid;
		memcpy(to->prog, from->prog, sizeof(to->prog));
		memcpy(to->rule, from->rule, sizeof(to->rule));
		atomic_store(&to->ordinal, n + 1);
	}
}

/* The file at a path: counters when there is a plan, and an armed plan. */
static void
adopt(const char *path)
{
	struct sk_fault_table *t =
	    sk_fault_table_open(path, plan.n > 0, plan.n > 0 ? &plan : NULL);
	struct sk_err err = { 0 };

	if (t == NULL)
		return;
	if (t->plan[0] != '\0') {
		if (sk_fault_parse(&plan, t->plan, NULL, &err) != 0)
			refuse(&err);
		look();
		t = sk_fault_table_open(path, true, &plan);
	}
	if (t == NULL || plan.n == 0)
		return;
	merge(t);
	table = t;
}

/* Before main(): a plan may be about the very first call of malloc(). */
static void __attribute__((constructor)) begin(void)
{
	struct sk_err err = { 0 };
	char *path;

	inside++;
	/* The tool that looks at the counters does not disturb them. */
	if (strcmp(program_invocation_short_name, "sk-faults") != 0) {
		sk_prog = program_invocation_short_name;
		if (sk_fault_parse_env(&plan, &err) != 0)
			refuse(&err);
		look();
		if (getenv("SPEC_KIT_FAULTS_FILE") != NULL || plan.n == 0) {
			path = sk_fault_path(NULL);
			if (path != NULL)
				adopt(path);
			free(path);
			asked = table != NULL;
		}
		live = true;
	}
	inside--;
}

void
sk_fault_file(const char *db_path)
{
	char *path;

	if (!live || table != NULL)
		return;
	inside++;
	path = sk_fault_path(db_path);
	if (path != NULL)
		adopt(path);
	free(path);
	inside--;
}

/* ---- does a rule apply? ---- */

static struct sk_fault_slot *
slot_for(struct sk_fault_table *t, const struct sk_fault_rule *r)
{
	char key[SK_FAULT_KEY];

	sk_fault_key(r, key);
	for (size_t i = 0; t == &local && i < SK_FAULT_SLOTS; i++) {
		if (t->slot[i].key[0] == '\0')
			memcpy(t->slot[i].key, key, sizeof(key));
		if (strcmp(t->slot[i].key, key) == 0)
			break;
	}
	return sk_fault_slot_of(t, key);
}

struct call {
	const char *point, *all; /* NULL = none */
	const char *agent, *stage;
	unsigned place;
};

static bool
about(const struct sk_fault_rule *r, const struct call *c)
{
	if (c->point != NULL)
		return r->kind == NULL &&
		       (strcmp(r->name, c->point) == 0 ||
			   (c->all != NULL && strcmp(r->name, c->all) == 0));
	if (r->kind == NULL || (r->kind->places & c->place) == 0)
		return false;
	return (r->agent[0] == '\0' || strcmp(r->agent, c->agent) == 0) &&
	       (r->stage[0] == '\0' || strcmp(r->stage, c->stage) == 0);
}

static const struct sk_fault_rule *
pass(const struct call *c)
{
	struct sk_fault_slot *slots[SK_FAULT_RULES];
	uint64_t calls[SK_FAULT_RULES];
	const struct sk_fault_rule *fired = NULL;
	struct sk_fault_table *t;
	size_t n = 0, j;

	for (size_t i = 0; i < plan.n; i++) {
		const struct sk_fault_rule *r = &plan.v[i];
		char *path;

		if (!about(r, c))
			continue;
		if (table == NULL && !asked) {
			asked = true;
			path = sk_fault_path(NULL);
			if (path != NULL)
				adopt(path);
			free(path);
		}
		t = table != NULL ? table : &local;
		slots[n] = slot_for(t, r);
		if (slots[n] == NULL)
			continue;
		/* Rules about the same thing count it once. */
		for (j = 0; j < n && slots[j] != slots[n]; j++)
			;
		calls[n] = j < n ? calls[j]
		                 : atomic_fetch_add(&slots[n]->calls, 1) + 1;
		if (fired == NULL &&
		    sk_fault_due(r, atomic_load(&slots[n]->hits), calls[n]) &&
		    sk_fault_note(t, r, slots[n], calls[n]) != 0)
			fired = r;
		n++;
	}
	return fired;
}

/* ---- what it does ---- */

int
sk_fault_do(const struct sk_fault_rule *r)
{
	struct timespec ts = { .tv_sec = (time_t)(r->arg / 1000),
		.tv_nsec = (long)(r->arg % 1000) * 1000000 };

	switch (r->action) {
	case SK_FAULT_KILL9:
		(void)kill(getpid(), SIGKILL);
		break;
	case SK_FAULT_TERM:
		(void)kill(getpid(), SIGTERM);
		break;
	case SK_FAULT_EXIT:
		_exit((int)r->arg);
	case SK_FAULT_SLEEP:
		while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
			;
		break;
	case SK_FAULT_FREEZE:
		(void)kill(getpid(), SIGSTOP);
		break;
	case SK_FAULT_ERRNO:
		errno = (int)r->arg;
		return (int)r->arg;
	default:
		break; /* the function itself knows */
	}
	return 0;
}

const struct sk_fault_rule *
sk_fault_call(const char *name, const char *all)
{
	struct call c = { .point = name, .all = all };
	const struct sk_fault_rule *r;
	int e = errno;

	if (!any_call || !live || inside > 0)
		return NULL;
	inside++;
	r = pass(&c);
	inside--;
	errno = e;
	return r;
}

int
sk_fault_hit(const char *point)
{
	struct call c = { .point = point };
	const struct sk_fault_rule *r;
	int e = errno;

	if (!live || plan.n == 0)
		return 0;
	inside++;
	r = pass(&c);
	inside--;
	errno = e;
	return r != NULL ? sk_fault_do(r) : 0;
}

bool
sk_fault_next(
    const char *agent, const char *stage, int when, struct sk_fault_call *out)
{
	static const unsigned places[] = { SK_FAULT_AT_AGENT, SK_FAULT_AT_PRINT,
		SK_FAULT_AT_JUDGE };
	struct call c = {
		.agent = agent, .stage = stage, .place = places[when]
	};
	const struct sk_fault_rule *r;
	int e = errno;

	if (!live || plan.n == 0)
		return false;
	inside++;
	r = pass(&c);
	if (r != NULL) {
		(void)snprintf(out->kind, sizeof(out->kind), "%s", r->name);
		(void)snprintf(out->word, sizeof(out->word), "%s", r->word);
		out->arg = r->arg;
		/* "now+30s" is from the hit on, not from the start. */
		if (r->kind->arg == SK_FAULT_HINT && r->word[0] != '\0')
			(void)sk_fault_reset(r->word, sk_now_ms(), &out->arg);
	}
	inside--;
	errno = e;
	return r != NULL;
}

int
sk_fault_mutant(const char *name)
{
	const char *want = getenv("SK_MUTANT");

	return want != NULL && strcmp(want, name) == 0;
}
#endif
