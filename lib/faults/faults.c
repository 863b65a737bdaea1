/* SPDX-License-Identifier: MIT */
/*
 * Fail-points of development builds. Counters are in a mapped file beside the
 * database, so that they count over all processes and are not rolled back with
 * the transaction that a fault killed. In a release this file is empty.
 */
#include "faults/faults.h"

#ifdef SK_FAULTS
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/core.h"

enum action { KILL9, EXIT, SLEEP, FREEZE, ERRNO };

/* One entry of the plan. */
struct point {
	char name[56];
	int64_t count, arg;
	enum action action;
};
/* One counter; an empty name is free. */
struct slot {
	char name[56];
	_Atomic uint64_t hits;
};
#define NPOINT 32
#define NSLOT 63
struct table {
	char magic[64];
	struct slot slot[NSLOT];
};
static const char magic[] = "sk fault counters 1\n";

static struct point plan[NPOINT];
static size_t nplan;
static bool plan_read;
static struct table *table; /* NULL: counted per process */
static struct table local;

/* ---- the plan ---- */

static bool
errno_of(const char *s, int64_t *out)
{
	if (sk_parse_int(s, 1, 4095, out))
		return true;
	for (int e = 1; e < 134; e++) {
		const char *name = strerrorname_np(e);

		if (name != NULL && strcasecmp(name, s) == 0) {
			*out = e;
			return true;
		}
	}
	return false;
}

static bool
parse_action(struct point *p, const char *s)
{
	static const char *const words[] = { "kill9", "exit", "sleep", "freeze",
		"errno" };
	const char *arg = strchr(s, ':');
	size_t n = arg != NULL ? (size_t)(arg - s) : strlen(s), i;

	for (i = 0; i < SK_ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			break;
	if (i == SK_ARRAY_SIZE(words))
		return false;
	p->action = (enum action)i;
	arg = arg != NULL ? arg + 1 : NULL;
	switch (p->action) {
	case KILL9:
	case FREEZE:
		return arg == NULL;
	case EXIT:
		p->arg = SK_BUG;
		return arg == NULL || sk_parse_int(arg, 0, 255, &p->arg);
	case SLEEP:
		return arg != NULL && sk_parse_int(arg, 0, 86400000, &p->arg);
	case ERRNO:
		p->arg = EIO;
		return arg == NULL || errno_of(arg, &p->arg);
	}
	return false;
}

/* point[:count][=action[:arg]] */
static bool
parse_point(char *s, struct point *p)
{
	char *act = strchr(s, '='), *count;

	if (act != NULL)
		*act++ = '\0';
	count = strrchr(s, ':');
	if (count != NULL)
		*count++ = '\0';
	p->count = 1;
	p->action = KILL9;
	if (s[0] == '\0' || strlen(s) >= sizeof(p->name) ||
	    (count != NULL && !sk_parse_int(count, 0, INT64_MAX, &p->count)) ||
	    (act != NULL && !parse_action(p, act)))
		return false;
	(void)snprintf(p->name, sizeof(p->name), "%s", s);
	return true;
}

static void
read_plan(void)
{
	const char *s = getenv("SPEC_KIT_FAULTS");
	struct sk_strv v = { NULL, 0 };

	plan_read = true;
	if (s == NULL || s[0] == '\0')
		return;
	sk_strv_split(&v, s, ',');
	for (size_t i = 0; i < v.n && nplan < NPOINT; i++) {
		char *copy = sk_strdup(v.v[i]);

		if (parse_point(copy, &plan[nplan]))
			nplan++;
		else
			sk_warn(
			    "fault '%s' is not understood and ignored", v.v[i]);
		free(copy);
	}
	sk_strv_free(&v);
}

/* ---- the counters ---- */

void
sk_fault_file(const char *db_path)
{
	char *path;
	struct table *t;
	int fd;

	if (!plan_read)
		read_plan();
	if (nplan == 0 || table != NULL)
		return;
	path = sk_asprintf("%s-faults", db_path);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	free(path);
	if (fd < 0)
		return;
	(void)flock(fd, LOCK_EX);
	if (ftruncate(fd, sizeof(*t)) == 0) {
		t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
		if (t != MAP_FAILED) {
			/* Slots are claimed here only, under the lock. */
			memcpy(t->magic, magic, sizeof(magic));
			for (size_t i = 0, j = 0; i < nplan; i++) {
				for (j = 0; j < NSLOT; j++)
					if (t->slot[j].name[0] == '\0' ||
					    strcmp(t->slot[j].name,
						plan[i].name) == 0)
						break;
				if (j < NSLOT)
					memcpy(t->slot[j].name, plan[i].name,
					    sizeof(t->slot[j].name));
			}
			table = t;
		}
	}
	/* Said aloud: the mapping keeps the file, and so the lock, open. */
	(void)flock(fd, LOCK_UN);
	(void)close(fd);
}

static uint64_t
count_hit(const struct point *p)
{
	struct table *t = table != NULL ? table : &local;

	for (size_t j = 0; j < NSLOT; j++) {
		if (t == &local && local.slot[j].name[0] == '\0')
			memcpy(local.slot[j].name, p->name, sizeof(p->name));
		if (strcmp(t->slot[j].name, p->name) == 0)
			return atomic_fetch_add(&t->slot[j].hits, 1);
	}
	return UINT64_MAX;
}

/* ---- the place
 * ---------------------------------------------------------------- */

static int
fire(const struct point *p)
{
	struct timespec ts = { .tv_sec = (time_t)(p->arg / 1000),
		.tv_nsec = (long)(p->arg % 1000) * 1000000 };

	switch (p->action) {
	case KILL9:
		(void)kill(getpid(), SIGKILL);
		break;
	case EXIT:
		_exit((int)p->arg);
	case SLEEP:
		while (nanosleep(&ts, &ts) != 0 && errno == EINTR)
			;
		break;
	case FREEZE:
		(void)kill(getpid(), SIGSTOP);
		break;
	case ERRNO:
		errno = (int)p->arg;
		return (int)p->arg;
	}
	return 0;
}

int
sk_fault_hit(const char *point)
{
	if (!plan_read)
		read_plan();
	for (size_t i = 0; i < nplan; i++)
		if (strcmp(plan[i].name, point) == 0 &&
		    count_hit(&plan[i]) < (uint64_t)plan[i].count)
			return fire(&plan[i]);
	return 0;
}

int
sk_fault_mutant(const char *name)
{
	const char *want = getenv("SK_MUTANT");

	return want != NULL && strcmp(want, name) == 0;
}
#endif
