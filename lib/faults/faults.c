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
static char *place; /* the file of counters that we expect, or NULL */
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
	(void)sk_fault_claim(&local, &plan);
}

/* What was counted before the file was known. */
static void
merge(struct sk_fault_table *t)
{
	for (size_t i = 0; i < plan.n; i++) {
		struct sk_fault_slot *from =
		    sk_fault_slot_of(&local, &plan.v[i]);
		struct sk_fault_slot *to = sk_fault_slot_of(t, &plan.v[i]);

		if (from == NULL || to == NULL)
			continue;
		atomic_fetch_add(&to->calls, atomic_exchange(&from->calls, 0));
		atomic_fetch_add(&to->hits, atomic_exchange(&from->hits, 0));
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

/* Three times would be three times in each process. */
static void
no_counters(const char *path)
{
	struct sk_err err = { 0 };

	if (errno == EINVAL || errno == ENOBUFS) {
		(void)sk_fail(&err, SK_USAGE, "no_counters", "'%s' %s", path,
		    errno == EINVAL ? "holds no counters of faults"
				    : "is full of counters");
		(void)sk_hint(&err,
		    errno == EINVAL ? "remove it, or set SPEC_KIT_FAULTS_FILE"
				    : "'sk-faults reset' "
				      "forgets them");
	} else {
		(void)sk_fail(&err, SK_USAGE, "no_counters",
		    "faults cannot be counted in '%s': %s", path,
		    strerror(errno));
	}
	refuse(&err);
}

/* The file at a path: counters when there is a plan, and an armed plan. */
static void
adopt(const char *path)
{
	bool own = plan.n > 0;
	struct sk_fault_table *t =
	    sk_fault_table_open(path, own, own ? &plan : NULL);
	struct sk_err err = { 0 };

	if (t == NULL && own)
		no_counters(path);
	if (t == NULL)
		return;
	if (t->plan[0] != '\0') {
		if (sk_fault_parse(&plan, t->plan, NULL, &err) != 0)
			refuse(&err);
		look();
		t = sk_fault_table_open(path, true, &plan);
		if (t == NULL)
			no_counters(path);
	}
	if (plan.n == 0)
		return;
	merge(t);
	table = t;
}

/* "--db FILE" of the command line: before main() somebody has to look. */
static const char *
db_of(int argc, char *const *argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strncmp(argv[i], "--db=", 5) == 0)
			return argv[i] + 5;
		if (strcmp(argv[i], "--db") == 0 && i + 1 < argc)
			return argv[i + 1];
	}
	return NULL;
}

/* Before main(): a plan may be about the very first call of malloc(). */
static void __attribute__((constructor)) begin(int argc, char **argv)
{
	struct sk_err err = { 0 };

	inside++;
	/* The tool that looks at the counters does not disturb them. */
	if (strcmp(program_invocation_short_name, "sk-faults") != 0) {
		sk_prog = program_invocation_short_name;
		if (sk_fault_parse_env(&plan, &err) != 0)
			refuse(&err);
		look();
		place = sk_fault_path(db_of(argc, argv));
		if (place != NULL &&
		    (getenv("SPEC_KIT_FAULTS_FILE") != NULL || plan.n == 0)) {
			adopt(place);
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

struct call {
	const char *point, *all; /* NULL = none */
	const char *agent, *stage;
	unsigned place;
};

static bool
about(const struct sk_fault_rule *r, const void *arg)
{
	const struct call *c = arg;

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
	size_t i = 0;

	while (i < plan.n && !about(&plan.v[i], c))
		i++;
	if (i == plan.n)
		return NULL;
	if (table == NULL && !asked) {
		asked = true;
		if (place != NULL)
			adopt(place);
	}
	return sk_fault_take(table != NULL ? table : &local, &plan, about, c);
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
