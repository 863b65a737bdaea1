/* SPDX-License-Identifier: MIT */
/*
 * Counters of faults in a mapped file, for all processes of one database: not
 * in the database, so that what a fault kills does not take the hit back.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faults/internal.h"

static const char magic[] = "sk fault counters 3\n";

/* A link to a database is that database. */
static char *
beside(const char *db)
{
	char buf[PATH_MAX];

	return sk_asprintf("%s-faults", realpath(db, buf) != NULL ? buf : db);
}

char *
sk_fault_path(const char *db)
{
	const char *own = getenv("SPEC_KIT_FAULTS_FILE");
	struct sk_err ignored = { 0 };
	char *dir, *path;

	if (own != NULL && own[0] != '\0')
		return sk_strdup(own);
	if (db == NULL || db[0] == '\0')
		db = getenv("SK_DB");
	if (db != NULL && db[0] != '\0')
		return beside(db);
	dir = sk_xdg_dir("XDG_STATE_HOME", ".local/state", &ignored);
	sk_err_clear(&ignored);
	if (dir == NULL)
		return NULL;
	path = sk_path_join(dir, "sk.db");
	free(dir);
	dir = beside(path);
	free(path);
	return dir;
}

/* ---- slots ---- */

static struct sk_fault_slot *
slot_of(struct sk_fault_table *t, const char *key)
{
	for (size_t i = 0; i < SK_FAULT_SLOTS && t->slot[i].key[0] != '\0'; i++)
		if (strcmp(t->slot[i].key, key) == 0)
			return &t->slot[i];
	return NULL;
}

struct sk_fault_slot *
sk_fault_slot_of(struct sk_fault_table *t, const struct sk_fault_rule *r)
{
	char key[SK_FAULT_KEY];

	sk_fault_key(r, key);
	return slot_of(t, key);
}

bool
sk_fault_claim(struct sk_fault_table *t, const struct sk_fault_plan *plan)
{
	size_t used = 0;

	while (used < SK_FAULT_SLOTS && t->slot[used].key[0] != '\0')
		used++;
	for (size_t i = 0; i < plan->n; i++) {
		char key[SK_FAULT_KEY];

		sk_fault_key(&plan->v[i], key);
		if (slot_of(t, key) != NULL)
			continue;
		if (used == SK_FAULT_SLOTS)
			return false;
		memcpy(t->slot[used++].key, key, sizeof(key));
	}
	return true;
}

void
sk_fault_clear(struct sk_fault_table *t, const struct sk_fault_plan *plan)
{
	memset(t->slot, 0, sizeof(t->slot));
	atomic_store(&t->nhits, 0);
	for (size_t i = 0; i < SK_FAULT_HITS; i++)
		atomic_store(&t->hit[i].ordinal, 0);
	if (plan != NULL)
		(void)sk_fault_claim(t, plan);
}

/* ---- the file ---- */

static int
open_file(const char *path, bool create)
{
	int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
	int fd = open(path, flags, 0600);
	struct sk_err ignored = { 0 };
	char *dir, *slash;

	if (fd >= 0 || !create || errno != ENOENT)
		return fd;
	dir = sk_strdup(path);
	if ((slash = strrchr(dir, '/')) != NULL && slash != dir) {
		*slash = '\0';
		if (sk_mkdirs(dir, 0700, &ignored) == 0)
			fd = open(path, flags, 0600);
		else
			errno = ENOENT;
	}
	sk_err_clear(&ignored);
	free(dir);
	return fd;
}

struct sk_fault_table *
sk_fault_table_open(
    const char *path, bool create, const struct sk_fault_plan *plan)
{
	struct sk_fault_table *t = NULL;
	int fd = open_file(path, create), e;
	struct stat st;

	if (fd < 0)
		return NULL;
	(void)flock(fd, LOCK_EX);
	/* A file of another size is somebody else's. */
	if (fstat(fd, &st) != 0)
		;
	else if (st.st_size != 0 && st.st_size != (off_t)sizeof(*t))
		errno = EINVAL;
	else if (st.st_size != 0 || ftruncate(fd, sizeof(*t)) == 0)
		t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	e = errno;
	if (t == MAP_FAILED)
		t = NULL;
	if (t != NULL && t->magic[0] == '\0')
		memcpy(t->magic, magic, sizeof(magic));
	if (t != NULL && memcmp(t->magic, magic, sizeof(magic)) != 0)
		e = EINVAL;
	else if (t != NULL && plan != NULL && !sk_fault_claim(t, plan))
		e = ENOBUFS;
	else
		e = t != NULL ? 0 : e;
	if (t != NULL && e != 0) {
		(void)munmap(t, sizeof(*t));
		t = NULL;
	}
	/* Said aloud: the mapping keeps the file, and so the lock, open. */
	(void)flock(fd, LOCK_UN);
	(void)close(fd);
	errno = e;
	return t;
}

/* ---- calls and hits ---- */

/* Evenly spread bits of two numbers (splitmix64). */
static uint64_t
mix(uint64_t seed, uint64_t n)
{
	uint64_t z = seed * 0x9e3779b97f4a7c15u + (n + 1) * 0xbf58476d1ce4e5b9u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

bool
sk_fault_due(const struct sk_fault_rule *r, uint64_t hits, uint64_t call)
{
	switch (r->which) {
	case SK_FAULT_FIRST:
		return hits < (uint64_t)r->to;
	case SK_FAULT_NTH:
		return call >= (uint64_t)r->from && call <= (uint64_t)r->to;
	case SK_FAULT_SHARE:
		return mix(r->seed, call) % (uint64_t)r->den < (uint64_t)r->num;
	}
	return false;
}

/* Writes the hit down; false when another process has taken the last one. */
static bool
note(struct sk_fault_table *t, const struct sk_fault_rule *r,
    struct sk_fault_slot *s, uint64_t call)
{
	uint64_t hits = atomic_load(&s->hits), i;
	struct sk_fault_rule one = *r;
	struct sk_fault_hit *h;
	struct sk_buf b;

	/* Of those that saw it due at the same moment, one has it. */
	do {
		if (!sk_fault_due(r, hits, call))
			return false;
	} while (!atomic_compare_exchange_weak(&s->hits, &hits, hits + 1));
	i = atomic_fetch_add(&t->nhits, 1);
	if (i >= SK_FAULT_HITS)
		return true;
	h = &t->hit[i];
	h->ms = sk_now_ms();
	h->call = call;
	h->pid = (int32_t)getpid();
	(void)snprintf(h->prog, sizeof(h->prog), "%s", sk_prog);
	one.which = SK_FAULT_NTH;
	one.from = one.to = (int64_t)call;
	sk_buf_init(&b, 0);
	sk_fault_text(&b, &one);
	(void)snprintf(h->rule, sizeof(h->rule), "%s", b.p);
	sk_buf_free(&b);
	atomic_store(&h->ordinal, i + 1);
	return true;
}

const struct sk_fault_rule *
sk_fault_take(struct sk_fault_table *t, const struct sk_fault_plan *plan,
    bool (*about)(const struct sk_fault_rule *r, const void *arg),
    const void *arg)
{
	struct {
		struct sk_fault_slot *slot;
		uint64_t call;
	} seen[SK_FAULT_RULES];
	const struct sk_fault_rule *fired = NULL;
	size_t n = 0, j;

	for (size_t i = 0; i < plan->n; i++) {
		const struct sk_fault_rule *r = &plan->v[i];
		struct sk_fault_slot *s;

		if (!about(r, arg) || (s = sk_fault_slot_of(t, r)) == NULL)
			continue;
		/* Rules that are counted together count it once. */
		for (j = 0; j < n && seen[j].slot != s; j++)
			;
		if (j == n) {
			seen[n].slot = s;
			seen[n++].call = atomic_fetch_add(&s->calls, 1) + 1;
		}
		if (fired == NULL &&
		    sk_fault_due(r, atomic_load(&s->hits), seen[j].call) &&
		    note(t, r, s, seen[j].call))
			fired = r;
	}
	return fired;
}

/* ---- what brings them back ---- */

/* "disconnect@a#" of "disconnect@a#2" */
static size_t
stem(const struct sk_fault_hit *h)
{
	const char *mark = strrchr(h->rule, '#');

	return mark != NULL ? (size_t)(mark - h->rule) + 1 : 0;
}

static bool
written(const struct sk_fault_hit *h)
{
	return atomic_load(&h->ordinal) != 0;
}

/* Is this call of the fault of h, which is at place i, the first of a row, and
 * which is the last of it? */
static bool
row_of(const struct sk_fault_table *t, size_t i, uint64_t *last)
{
	const struct sk_fault_hit *h = &t->hit[i];
	bool more = true;

	*last = h->call;
	while (more) {
		more = false;
		for (size_t j = 0; j < SK_FAULT_HITS; j++) {
			const struct sk_fault_hit *o = &t->hit[j];

			if (!written(o) ||
			    strncmp(o->rule, h->rule, stem(h)) != 0)
				continue;
			if (o->call + 1 == h->call)
				return false;
			if (o->call == *last + 1) {
				*last = o->call;
				more = true;
			}
		}
	}
	return true;
}

void
sk_fault_again(struct sk_buf *b, const struct sk_fault_table *t)
{
	uint64_t last;
	size_t n = 0;

	for (size_t i = 0; i < SK_FAULT_HITS; i++) {
		const struct sk_fault_hit *h = &t->hit[i];

		if (!written(h) || !row_of(t, i, &last))
			continue;
		sk_buf_printf(b, "%s%s", n++ > 0 ? "," : "", h->rule);
		if (last > h->call)
			sk_buf_printf(b, "-%llu", (unsigned long long)last);
	}
}

void
sk_fault_again_or(struct sk_buf *b, const struct sk_fault_table *t,
    const struct sk_fault_plan *given)
{
	struct sk_buf all;
	size_t n = 1;

	if (atomic_load(&t->nhits) == 0)
		return;
	sk_buf_init(&all, 0);
	sk_fault_again(&all, t);
	for (size_t i = 0; i < all.len; i++)
		n += all.p[i] == ',';
	if (sk_fault_lost(t) > 0 || n > SK_FAULT_RULES)
		sk_fault_plan_text(b, given);
	else
		sk_buf_add(b, all.p, all.len);
	sk_buf_free(&all);
}

uint64_t
sk_fault_lost(const struct sk_fault_table *t)
{
	uint64_t n = atomic_load(&t->nhits);

	return n > SK_FAULT_HITS ? n - SK_FAULT_HITS : 0;
}
