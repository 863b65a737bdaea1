/* SPDX-License-Identifier: MIT */
/* Naming a process so that a recycled pid is not taken for it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"

static ssize_t
slurp(const char *path, char *buf, size_t n)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r;

	if (fd < 0)
		return -1;
	r = read(fd, buf, n - 1);
	(void)close(fd);
	if (r >= 0)
		buf[r] = '\0';
	return r;
}

const char *
sk_boot_id(void)
{
	static char id[37];
	char buf[64];

	if (id[0] == '\0') {
		if (slurp("/proc/sys/kernel/random/boot_id", buf, sizeof(buf)) <
		    36)
			memset(buf, '0', 36);
		memcpy(id, buf, 36);
	}
	return id;
}

bool
sk_proc_of(pid_t pid, struct sk_proc_id *id)
{
	char path[64], buf[1024], *p, *end;

	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	if (slurp(path, buf, sizeof(buf)) <= 0)
		return false;
	/* The name in parentheses may hold anything, also ") ". Field 3
	 * follows the last ')'; 22 is 19 fields further. */
	p = strrchr(buf, ')');
	if (p == NULL)
		return false;
	p += 2;
	if (*p == 'Z' || *p == 'X')
		return false;
	for (int field = 3; field < 22; field++) {
		p = strchr(p, ' ');
		if (p == NULL)
			return false;
		p++;
	}
	memcpy(id->boot_id, sk_boot_id(), sizeof(id->boot_id));
	id->pid = pid;
	id->start_ticks = strtoll(p, &end, 10);
	return end != p;
}

void
sk_proc_self(struct sk_proc_id *id)
{
	static struct sk_proc_id self;
	pid_t pid = getpid();

	/* Asked for with every lock and journal row; a fork asks anew. */
	if (self.pid != (int64_t)pid && !sk_proc_of(pid, &self)) {
		memcpy(self.boot_id, sk_boot_id(), sizeof(self.boot_id));
		self.pid = pid;
		self.start_ticks = 0;
	}
	*id = self;
}

bool
sk_proc_alive(const struct sk_proc_id *id)
{
	struct sk_proc_id now;

	return strcmp(id->boot_id, sk_boot_id()) == 0 &&
	       sk_proc_of((pid_t)id->pid, &now) &&
	       now.start_ticks == id->start_ticks;
}
