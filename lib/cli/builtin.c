/* SPDX-License-Identifier: MIT */
/* What every tool answers besides its own verbs: completion, schema,
 * --version. */
#include <stdio.h>
#include <string.h>

#include "cli/internal.h"
#include "data/data.h"

void
sk_version(struct sk_buf *b, const struct sk_cmd *cmd, bool json)
{
	struct sk_jw w;

	if (!json) {
		sk_buf_printf(b, "%s %s\n", cmd->name, SK_VERSION);
		return;
	}
	sk_jw_doc(&w, b, "sk.version/1");
	sk_jw_kstr(&w, "tool", cmd->name);
	sk_jw_kstr(&w, "version", SK_VERSION);
	sk_jw_kstr(&w, "sqlite", cmd->sqlite != NULL ? cmd->sqlite() : NULL);
	sk_jw_done(&w);
}

void
sk_schema_names(const struct sk_cmd *cmd, const char *names[SK_SCHEMAS_MAX])
{
	bool error = false;
	size_t n = 0;

	for (; cmd->schemas && cmd->schemas[n] && n + 2 < SK_SCHEMAS_MAX; n++) {
		names[n] = cmd->schemas[n];
		error = error || strcmp(names[n], "error") == 0;
	}
	if (!error)
		names[n++] = "error";
	names[n] = NULL;
}

static int
run_completion(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *shell = ctx->argv[0];
	struct sk_buf b;

	if (strcmp(shell, "bash") != 0 && strcmp(shell, "zsh") != 0) {
		sk_fail(err, SK_USAGE, "unknown_shell",
		    "no completion for shell '%s'", shell);
		return sk_hint(err, "there is bash and zsh");
	}
	sk_buf_init(&b, 0);
	if (strcmp(shell, "bash") == 0)
		sk_gen_bash(&b, ctx->cmd);
	else
		sk_gen_zsh(&b, ctx->cmd);
	sk_out(b.p, b.len);
	sk_buf_free(&b);
	return 0;
}

/* "answer", "sk.answer" and "sk.answer/1" are the same schema. */
static void
bare_name(const char *s, char *to, size_t size)
{
	size_t n;

	if (sk_has_prefix(s, "sk."))
		s += 3;
	n = strcspn(s, "/");
	if (s[n] != '\0' && strcmp(s + n, "/1") != 0)
		n = strlen(s);
	snprintf(to, size, "%.*s", (int)(n < size ? n : size - 1), s);
}

static int
run_schema(struct sk_ctx *ctx, struct sk_err *err)
{
	const char *names[SK_SCHEMAS_MAX], *near;
	const struct sk_data_file *f = NULL;
	char name[64], path[96];
	struct sk_buf b;
	bool made;

	sk_schema_names(ctx->cmd, names);
	if (ctx->cmd->schema != NULL) {
		if (ctx->argc > 0)
			bare_name(ctx->argv[0], name, sizeof(name));
		sk_buf_init(&b, 0);
		if (ctx->cmd->schema(ctx->argc > 0 ? name : NULL, &b))
			sk_out(b.p, b.len);
		made = b.len != 0;
		sk_buf_free(&b);
		if (made)
			return 0;
	}
	if (ctx->argc == 0) {
		for (size_t i = 0; names[i] != NULL; i++)
			sk_outf("%s\n", names[i]);
		return 0;
	}
	bare_name(ctx->argv[0], name, sizeof(name));
	for (size_t i = 0; names[i] != NULL; i++)
		if (strcmp(name, names[i]) == 0) {
			snprintf(path, sizeof(path), "schemas/%s.json", name);
			f = sk_data_find(path);
			if (f == NULL)
				sk_bug("schema '%s' is not embedded", name);
			sk_out(f->text, f->n);
			return 0;
		}
	sk_fail(err, SK_USAGE, "unknown_schema", "unknown schema '%s'",
	    ctx->argv[0]);
	if ((near = sk_closest(name, names)) != NULL)
		return sk_hint(err, "did you mean '%s'?", near);
	if (ctx->cmd->schema == NULL)
		return sk_hint(
		    err, "'%s schema' lists the names", ctx->cmd->name);
	/* (Without a name there is a schema, and no list.) */
	sk_buf_init(&b, 0);
	for (size_t i = 0; names[i] != NULL; i++)
		sk_buf_printf(&b, "%s%s", i != 0 ? ", " : "", names[i]);
	sk_hint(err, "there is %s", b.p);
	sk_buf_free(&b);
	return SK_USAGE;
}

const struct sk_verb sk_builtin_verbs[] = {
	{
	    .name = "completion",
	    .operands = "bash|zsh",
	    .purpose = "print a completion script",
	    .min_args = 1,
	    .max_args = 1,
	    .flags = SK_V_RAW,
	    .run = run_completion,
	},
	{
	    .name = "schema",
	    .operands = "[NAME]",
	    .purpose = "print a JSON Schema, or the names of all",
	    .max_args = 1,
	    .flags = SK_V_RAW,
	    .run = run_schema,
	},
	{ .run = NULL },
};
