/* SPDX-License-Identifier: MIT */
/* From options, environment, configuration and standard input to one settled
 * call: whom to ask, what, under which names. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/prepare.h"
#include "agent/replay.h"
#include "cli/cli.h"

#define SCHEMA_INLINE_MAX 100000 /* one argument may hold 131071 bytes */

/* ---- names ---- */

/* The option, else the request, else the environment, else "". */
static const char *
first(const char *opt, const char *req, const char *env)
{
	const char *v = env != NULL ? getenv(env) : NULL;

	if (opt != NULL && *opt != '\0')
		return opt;
	if (req != NULL && *req != '\0')
		return req;
	return v != NULL ? v : "";
}

static int
check_ident(const char *what, const char *s, bool (*ok)(const char *),
    struct sk_err *err)
{
	return *s == '\0' ? 0 : sk_check_name(what, s, ok, err);
}

static int
settle_names(struct sk_prep *p, struct sk_err *err)
{
	const struct sk_ask *ask = p->ask;
	struct sk_round *r = &p->round;
	const char *run = first(ask->run, p->req.run, "SK_RUN");
	const char *branch = first(ask->branch, p->req.branch, "SK_BRANCH");
	const char *stage = first(ask->stage, p->req.stage, NULL);
	int rc;

	r->spec = first(ask->spec, p->req.spec, NULL);
	if ((rc = check_ident("a run", run, sk_ident_ok, err)) != 0 ||
	    (rc = check_ident("a branch", branch, sk_branch_id_ok, err)) != 0 ||
	    (rc = check_ident("a specification", r->spec, sk_ident_ok, err)) !=
		0)
		return rc;
	/* A branch from the environment is that of the run beside it. */
	if (ask->run != NULL && ask->branch == NULL)
		branch = p->req.branch != NULL ? p->req.branch : "";
	r->stage = "";
	if (*stage != '\0' &&
	    (rc = sk_stage_check(stage, p->conf, &r->stage, err)) != 0)
		return rc;
	snprintf(r->run, sizeof(r->run), "%s", run);
	snprintf(r->branch, sizeof(r->branch), "%s", branch);
	r->round = ask->round > 0     ? ask->round
	           : p->req.round > 0 ? p->req.round
	                              : 1;
	if (gethostname(r->host, sizeof(r->host) - 1) != 0)
		snprintf(r->host, sizeof(r->host), "unknown");
	return 0;
}

/* ---- the answer schema ---- */

/*
 * Some programs take only schemas in which every object is closed and every
 * property required; handing them another makes the call fail.
 */
static bool
strict(const struct sk_jv *v, int depth)
{
	const struct sk_jv *props = sk_jget(v, "properties");
	const struct sk_jv *req = sk_jget(v, "required");
	const struct sk_jv *add = sk_jget(v, "additionalProperties");

	if (depth > 32)
		return false;
	if (v->type == SK_J_ARR) {
		for (size_t i = 0; i < v->n; i++)
			if (!strict(v->a[i], depth + 1))
				return false;
		return true;
	}
	if (v->type != SK_J_OBJ)
		return true;
	if ((props != NULL || sk_streq(sk_jget_str(v, "type"), "object")) &&
	    (sk_jlen(req) != sk_jlen(props) || add == NULL ||
		add->type != SK_J_FALSE))
		return false;
	for (size_t i = 0; i < v->n; i++)
		if (!strict(v->m[i].v, depth + 1))
			return false;
	return true;
}

/* A sealed memory file: agents get its path and must not change it for each
 * other. */
static int
sealed(const char *p, size_t n, int *fd, char path[48], struct sk_err *err)
{
	*fd = memfd_create("sk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*fd < 0 || sk_write_all(*fd, p, n) != 0)
		return sk_fail_errno(err, "cannot keep the prompt in memory");
	(void)fcntl(*fd, F_ADD_SEALS,
	    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
	snprintf(path, 48, "/proc/%d/fd/%d", (int)getpid(), *fd);
	return 0;
}

static int
settle_schema(struct sk_prep *p, struct sk_subst *sub, struct sk_buf *text,
    struct sk_err *err)
{
	int rc;

	p->schema = p->req.schema;
	if (p->ask->schema_file != NULL &&
	    (rc = sk_schema_read(
		 &p->arena, p->ask->schema_file, &p->schema, err)) != 0)
		return rc;
	if (p->schema == NULL)
		return 0;
	sk_json_write(text, p->schema);
	if (text->len <= SCHEMA_INLINE_MAX)
		sub->schema_json = text->p;
	sub->schema_strict = strict(p->schema, 0);
	sub->schema_file = "{schema_file}";
	if (p->ask->dry_run)
		return 0;
	rc = sealed(text->p, text->len, &p->schema_fd, p->schema_path, err);
	sub->schema_file = p->schema_path;
	return rc;
}

/* ---- all of it ---- */

static int
read_prompt(struct sk_prep *p, struct sk_err *err)
{
	int rc;

	/* A dry run asks nobody, so it can do without a prompt. */
	if (p->ask->dry_run && p->ask->prompt_file == NULL &&
	    isatty(STDIN_FILENO)) {
		sk_buf_init(&p->req.prompt, 1);
		return 0;
	}
	rc = sk_request_read(&p->req, p->ask->prompt_file, err);
	if (rc != 0 && p->ask->dry_run && sk_streq(err->code, "empty_prompt")) {
		sk_err_clear(err);
		return 0;
	}
	return rc;
}

static size_t
max_output(const struct sk_ask *ask, const struct sk_config *conf)
{
	const char *s = sk_config_str(conf, "run.max_output", NULL);
	int64_t n = ask->max_output;

	if (n <= 0 && s != NULL && !sk_parse_size(s, &n))
		n = 0;
	if (n <= 0)
		n = sk_config_int(conf, "run.max_output", 0);
	return n > 0 ? (size_t)n : SK_MAX_OUTPUT;
}

int
sk_prep_make(struct sk_prep *p, const struct sk_ask *ask,
    struct sk_config *conf, struct sk_err *err)
{
	struct sk_subst sub = { 0 };
	struct sk_buf schema;
	int rc;

	memset(p, 0, sizeof(*p));
	p->ask = ask;
	p->conf = conf;
	p->prompt_fd = p->schema_fd = -1;
	p->max_output = max_output(ask, conf);
	p->jobs = ask->jobs;
	if (p->jobs <= 0)
		p->jobs = sk_config_int(conf, "run.jobs", 0);
	p->deadline_ms = ask->deadline_ms > 0
	                     ? ask->deadline_ms
	                     : sk_config_duration(conf, "run.deadline", 0);
	p->straggler = ask->straggler > 0
	                   ? ask->straggler
	                   : sk_config_int(conf, "run.straggler", 0);
	if ((rc = read_prompt(p, err)) != 0)
		return rc;
	sk_sha256(p->req.prompt.p, p->req.prompt.len, p->prompt_sha256);
	if ((rc = sk_tape_peek(p, err)) != 0 ||
	    (rc = settle_names(p, err)) != 0)
		return rc;
	rc = sk_slots_make(&p->slots, ask,
	    ask->agents.n + ask->execs.n > 0 ? &ask->agents : &p->req.agents,
	    conf, p->round.stage, err);
	if (rc != 0)
		return rc;
	sk_buf_init(&schema, 0);
	rc = settle_schema(p, &sub, &schema, err);
	sub.prompt_file = "{prompt_file}";
	if (rc == 0 && ask->launcher != NULL) {
		rc = sk_strv_words(&p->launcher, ask->launcher, err);
		sub.launcher = p->launcher.n > 0 ? &p->launcher : NULL;
	}
	if (rc == 0 && !ask->dry_run) {
		rc = sealed(p->req.prompt.p, p->req.prompt.len, &p->prompt_fd,
		    p->prompt_path, err);
		sub.prompt_file = p->prompt_path;
		sk_buf_free(&p->req.prompt); /* up to 64 MiB, now over there */
		sk_buf_init(&p->req.prompt, 1);
	}
	if (p->schema != NULL)
		sk_sha256(schema.p, schema.len, p->schema_sha256);
	if (rc == 0) {
		char both[2 * SK_SHA256_LEN];
		int n = snprintf(both, sizeof(both), "%s %s", p->prompt_sha256,
		    p->schema_sha256);

		sk_sha256(both, (size_t)n, p->round.question);
	}
	if (rc == 0)
		rc = sk_slots_argv(&p->slots, &sub, err);
	if (rc == 0)
		sk_slots_asked(&p->slots, p->prompt_sha256, p->schema_sha256);
	sk_buf_free(&schema);
	return rc;
}

void
sk_prep_free(struct sk_prep *p)
{
	if (p->prompt_fd >= 0)
		close(p->prompt_fd);
	if (p->schema_fd >= 0)
		close(p->schema_fd);
	if (p->req.prompt.p != NULL)
		sk_request_free(&p->req);
	sk_slots_free(&p->slots);
	sk_strv_free(&p->launcher);
	sk_arena_free(&p->arena);
}

/* ---- --dry-run ---- */

static void
plan_text(const struct sk_prep *p)
{
	for (size_t i = 0; i < p->slots.n; i++) {
		const struct sk_slot *s = &p->slots.v[i];
		struct sk_buf b;

		sk_buf_init(&b, 0);
		for (size_t j = 0; j < s->argv.n; j++) {
			if (j > 0)
				sk_buf_ch(&b, ' ');
			sk_shell_quote(&b, s->argv.v[j]);
		}
		if (s->broken_why != NULL)
			sk_buf_str(&b, s->broken_why);
		sk_outf("%s\t", s->name);
		sk_out(b.p, b.len);
		sk_outf("\n");
		sk_buf_free(&b);
	}
}

void
sk_prep_plan(const struct sk_prep *p)
{
	struct sk_buf b;
	struct sk_jw w;

	if (p->ask->text) {
		plan_text(p);
		return;
	}
	sk_out_json_begin(&w, &b, "sk.plan/1");
	sk_jw_karr(&w, "agents");
	for (size_t i = 0; i < p->slots.n; i++) {
		const struct sk_slot *s = &p->slots.v[i];

		sk_jw_obj(&w);
		sk_jw_kstr(&w, "agent", s->name);
		sk_jw_kstr(&w, "adapter", s->adapter_name);
		sk_jw_kstr(&w, "model", s->model);
		sk_jw_kstrv(&w, "argv", &s->argv);
		sk_jw_kint(&w, "timeout_ms", s->timeout_ms);
		if (s->broken_why != NULL)
			sk_jw_kstr(&w, "problem", s->broken_why);
		sk_jw_end(&w);
	}
	sk_jw_end(&w);
	sk_out_json_end(&w);
}
