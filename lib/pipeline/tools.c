/* SPDX-License-Identifier: MIT */
/* Finding and asking our own programs. */
#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipeline/tools.h"
#include "sys/sys.h"

#define ASK_MS 10000

const char *const sk_tools[] = { "run", "consensus", "auto", "metrics",
	"branch", "login", "config", "faults", NULL };

/* The directory that sk itself is in, or NULL. malloc'd. */
static char *
own_dir(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char *slash;

	if (n <= 0)
		return NULL;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return NULL;
	*slash = '\0';
	return sk_strdup(path[0] != '\0' ? path : "/");
}

/* Directories to look in: our own, then PATH. */
static void
search_dirs(struct sk_strv *dirs, bool own)
{
	const char *path = getenv("PATH");
	char *dir = own ? own_dir() : NULL;

	if (dir != NULL)
		sk_strv_add(dirs, dir);
	free(dir);
	sk_strv_split(dirs, path != NULL ? path : "/usr/bin:/bin", ':');
}

static bool
is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

char *
sk_program_find(const char *name, bool own)
{
	struct sk_strv dirs = { 0 };
	char *path = NULL;

	search_dirs(&dirs, own);
	for (size_t i = 0; i < dirs.n; i++) {
		path = sk_path_join(dirs.v[i], name);
		if (is_program(path))
			break;
		free(path);
		path = NULL;
	}
	sk_strv_free(&dirs);
	return path;
}

char *
sk_tool_find(const char *word)
{
	char *name = sk_asprintf("sk-%s", word);
	char *path = sk_ident_ok(word) ? sk_program_find(name, true) : NULL;

	free(name);
	return path;
}

void
sk_tool_list(struct sk_strv *names)
{
	struct sk_strv dirs = { 0 };

	search_dirs(&dirs, true);
	for (size_t i = 0; i < dirs.n; i++) {
		DIR *d = opendir(dirs.v[i]);
		struct dirent *e;

		while (d != NULL && (e = readdir(d)) != NULL) {
			char *path;

			if (!sk_has_prefix(e->d_name, "sk-") ||
			    !sk_ident_ok(e->d_name + 3) ||
			    sk_strv_has(names, e->d_name + 3))
				continue;
			path = sk_path_join(dirs.v[i], e->d_name);
			if (is_program(path))
				sk_strv_add(names, e->d_name + 3);
			free(path);
		}
		if (d != NULL)
			(void)closedir(d);
	}
	sk_strv_free(&dirs);
	sk_strv_sort(names);
}

bool
sk_tool_ask(const char *const *args, struct sk_buf *out, int *status,
    struct sk_err *err)
{
	struct sk_spawn s = {
		.argv = args, .fd_in = -1, .fd_out = -1, .fd_err = -1
	};
	struct sk_buf talk;
	int ws = 0, rc;

	sk_buf_init(&talk, 65536);
	rc = sk_capture(&s, NULL, 0, out, &talk, ASK_MS, &ws, err);
	sk_buf_free(&talk);
	*status = WIFEXITED(ws) ? WEXITSTATUS(ws) : 128 + WTERMSIG(ws);
	return rc == 0;
}
