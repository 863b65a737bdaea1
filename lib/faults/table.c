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

static const char magic[] = "sk fault counters 2\n";

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

struct sk_fault_slot *
sk_fault_slot_of(struct sk_fault_table *t, const char *key)
{
	for (size_t i = 0; i < SK_FAULT_SLOTS && t->slot[i].key[0] != '\0'; i++)
		if (strcmp(t->slot[i].key, key) == 0)
			return &t->slot[i];
	return NULL;
}

/* Under the lock of the file. */
static void
claim(struct sk_fault_table *t, const struct sk_fault_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		char key[SK_FAULT_KEY];

		sk_fault_key(&plan->v[i], key);
		for (size_t j = 0; j < SK_FAULT_SLOTS; j++) {
			if (t->slot[j].key[0] == '\0')
				memcpy(t->slot[j].key, key, sizeof(key));
			if (strcmp(t->slot[j].key, key) == 0)
				break;
		}
	}
}

struct sk_fault_table *
sk_fault_table_open(
    const char *path, bool create, const struct sk_fault_plan *plan)
{
	struct sk_fault_table *t = NULL;
	struct stat st;
	int fd, e;

	fd = open(path,
	    O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0), 0600);
	if (fd < 0)
		return NULL;
	(void)flock(fd, LOCK_EX);
	if (fstat(fd, &st) == 0 &&
	    (st.st_size >= (off_t)sizeof(*t) || ftruncate(fd, sizeof(*t)) == 0))
		t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED,
		    fd, 0);
	e = errno;
	if (t == MAP_FAILED)
		t = NULL;
	if (t != NULL && t->magic[0] == '\0')
		memcpy(t->magic, magic, sizeof(magic));
	if (t != NULL && memcmp(t->magic, magic, sizeof(magic)) != 0) {
		(void)munmap(t, sizeof(*t));
		t = NULL;
		e = EINVAL;
	}
	if (t != NULL && plan != NULL)
		claim(t, plan);
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

uint64_t
sk_fault_note(struct sk_fault_table *t, const struct sk_fault_rule *r,
    struct sk_fault_slot *s, uint64_t call)
{
	uint64_t hits = atomic_load(&s->hits), i;
	struct sk_fault_rule one = *r;
	struct sk_fault_hit *h;
	struct sk_buf b;

	/* Of those that saw it due at the same moment, one has it. */
	do {
		if (!sk_fault_due(r, hits, call))
			return 0;
	} while (!atomic_compare_exchange_weak(&s->hits, &hits, hits + 1));
	i = atomic_fetch_add(&t->nhits, 1);
	if (i >= SK_FAULT_HITS)
		return i + 1;
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
	return i + 1;
}

void
sk_fault_again(struct sk_buf *b, const struct sk_fault_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < SK_FAULT_HITS; i++)
		if (atomic_load(&t->hit[i].ordinal) != 0)
			sk_buf_printf(
			    b, "%s%s", n++ > 0 ? "," : "", t->hit[i].rule);
}
