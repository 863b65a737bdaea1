/* SPDX-License-Identifier: MIT */
/* config: built-in data, the system layer, options, look-ups, bad input. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/internal.h"
#include "config/kind.h"
#include "data/data.h"
#include "tap.h"

static char *const no_env[] = { NULL };

static void
put(const char *path, const char *text)
{
	struct sk_err err = { 0 };

	if (sk_write_file(path, text, strlen(text), 0600, &err) != 0)
		printf("# %s\n", err.message);
}

static int
load(struct sk_config *c, const char *system, const char *named,
    char *const *env, struct sk_err *err)
{
	const struct sk_config_where w = {
		.system = system, .named = named, .env = env
	};

	return sk_config_load_from(c, &w, err);
}

/* The defaults are merged unchecked at every start, so they must be right. */
static void
test_builtin(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_schema_out out = { 0 };

	CHECK_INT(load(&c, "/nowhere", NULL, no_env, &err), 0);
	CHECK(c.origins->schema == NULL); /* no file, no schema parsed */
	sk_config_check(&c, 0);
	CHECK_INT(c.origins->n_findings, 0);
	CHECK(sk_schema_check(sk_config_schema(&c), c.root, &out));
	sk_schema_out_free(&out);
	CHECK_STR(sk_config_origin(&c, "run.timeout"), "default");
	CHECK(sk_config_origin(&c, "run.nothing") == NULL);
	CHECK_INT(sk_config_duration(&c, "run.timeout", 1), 20 * 60 * 1000);
	CHECK_INT(sk_config_duration(&c, "run.nothing", 77), 77);
	CHECK_INT(sk_config_int(&c, "consensus.min_agents", 0), 2);
	CHECK_INT(sk_config_int(&c, "run.timeout", -5), -5);
	CHECK(sk_config_bool(&c, "cost.enabled", false));
	CHECK(!sk_config_bool(&c, "run.jobs", false));
	CHECK_STR(sk_config_str(&c, "run.jobs", ""), "0");
	CHECK_STR(sk_config_str(&c, "run", "table"), "table");
	CHECK(sk_config_agent(&c, "x") == NULL);
	sk_config_free(&c);
	sk_config_free(&c); /* twice is once */
}

static void
test_system(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;
	char *const env[] = { (char[]){ "SPECKIT_RUN__JOBS=9" }, NULL };

	put("etc.toml", "[run]\njobs = 1\ngrace = '9s'\n"
			"[agents.a]\ncommand = ['bin/a']\n");
	put("home/.config/sk/config.toml", "[run]\njobs = 2\n");
	CHECK_INT(load(&c, "etc.toml", NULL, no_env, &err), 0);
	CHECK_INT(sk_config_int(&c, "run.jobs", 0), 2);
	CHECK_STR(sk_config_str(&c, "run.grace", ""), "9s");
	CHECK_STR(sk_config_origin(&c, "run.grace"), "etc.toml:3");
	sk_config_free(&c);
	CHECK_INT(load(&c, "etc.toml", NULL, env, &err), 0);
	CHECK_STR(
	    sk_config_origin(&c, "run.jobs"), "environment SPECKIT_RUN__JOBS");
	sk_config_free(&c);
	(void)unlink("home/.config/sk/config.toml");
	CHECK_INT(load(&c, "etc.toml", NULL, no_env, &err), 0);
	CHECK_INT(sk_config_int(&c, "run.jobs", 0), 1);
	sk_config_free(&c);

	/* A layer that is wrong leaves nothing. */
	put("etc.toml", "[run]\njobs = 'x'\n");
	CHECK_INT(load(&c, "etc.toml", NULL, no_env, &err), SK_USAGE);
	CHECK(c.root == NULL && c.origins == NULL);
	CHECK(strstr(err.message, "etc.toml:2:8: run.jobs: ") != NULL);
	sk_err_clear(&err);
	(void)unlink("etc.toml");
}

static void
test_set(void)
{
	static const struct {
		const char *key, *value, *want; /* canonical; NULL = refused */
	} cases[] = {
		{ "run.jobs", "5", "5" },
		{ "run.jobs", "five", NULL },
		{ "run.jobs", "1\nx = 2", NULL },
		{ "run.timeout", "90s", "\"90s\"" },
		{ "run.timeout", "90", "90" },
		{ "cost.enabled", "false", "false" },
		{ "cost.enabled", "0", NULL },
		{ "stages.plan.agents", "['a', 'b']", "[\"a\",\"b\"]" },
		{ "stages.plan.quorum", "2/3", "\"2/3\"" },
		{ "stages.plan.quorum", "2", "2" },
		{ "agents.x.model", "5", "\"5\"" },
		{ "agents.x.model", "gpt 'x", "\"gpt 'x\"" },
		{ "agents.\"x.y\".model", "m", "\"m\"" },
		{ "agents.x.env.A", "", "\"\"" },
		{ "run.timout", "5", NULL },
		{ "nothing.at.all", "5", NULL },
		{ "run", "5", NULL },
		{ "", "5", NULL },
		{ "run.", "5", NULL },
		{ ".jobs", "5", NULL },
		{ "consensus.min_agents", "6", NULL },
	};
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_buf b;

	sk_buf_init(&b, 0);
	CHECK_INT(load(&c, "/nowhere", NULL, no_env, &err), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		int rc = sk_config_set(
		    &c, cases[i].key, cases[i].value, "option --set", &err);

		sk_buf_clear(&b);
		if (rc == 0)
			sk_json_canon(&b, sk_config_get(&c, cases[i].key));
		CHECKF(cases[i].want != NULL
			   ? rc == 0 && strcmp(b.p, cases[i].want) == 0
			   : rc == SK_USAGE && err.message[0] != '\0',
		    "set %s = %s: %s", cases[i].key, cases[i].value,
		    rc == 0 ? b.p : err.message);
		sk_err_clear(&err);
	}
	CHECK_STR(sk_config_origin(&c, "run.timeout"), "option --set");
	CHECK_INT(sk_config_duration(&c, "run.timeout", 0), 90000);
	sk_buf_free(&b);
	sk_config_free(&c);
}

/* min_agents 6 is refused by the rule between keys, and must not stay. */
static void
test_set_is_whole(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;

	CHECK_INT(load(&c, "/nowhere", NULL, no_env, &err), 0);
	CHECK_INT(
	    sk_config_set(&c, "consensus.min_agents", "6", "option --x", &err),
	    SK_USAGE);
	CHECK(
	    strstr(err.message, "option --x: consensus.min_agents: ") != NULL);
	sk_err_clear(&err);
	CHECK_INT(sk_config_int(&c, "consensus.min_agents", 0), 2);
	CHECK_STR(sk_config_origin(&c, "consensus.min_agents"), "default");
	sk_config_free(&c);
}

static void
test_paths(void)
{
	static const struct {
		const char *base, *path, *want;
	} cases[] = { { "/a/b", "c", "/a/b/c" }, { "/a/b", "./c/.", "/a/b/c" },
		{ "/a/b", "../c", "/a/c" }, { "/a/b", "../../../c", "/c" },
		{ "/a/b", "/x//y/", "/x/y" }, { "/", "..", "/" },
		{ "/", "a", "/a" }, { "/a", "", "/a" }, { "/a", ".", "/a" },
		{ "/a", "..b/...", "/a/..b/..." } };
	struct sk_config c = { 0 };
	char *up;

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++)
		CHECK_STR(sk_config_abs(&c, cases[i].base, cases[i].path),
		    cases[i].want);
	sk_arena_free(&c.arena);

	up = sk_find_upward("/usr/bin", "usr", true);
	CHECK_STR(up, "/");
	free(up);
	up = sk_find_upward("/", "usr", true);
	CHECK_STR(up, "/");
	free(up);
	CHECK(sk_find_upward("/usr/bin", "no such thing", false) == NULL);
}

static void
test_secret(void)
{
	static const char *const yes[] = { "agents.x.env.ANYTHING",
		"agents.x.env.A.B", "models.m.api_key", "a.Token",
		"x.client_secret", "password" };
	static const char *const no[] = { "run.timeout", "models.m.max_tokens",
		"agents.token.model", "agents.x.command", "models.m.model" };

	for (size_t i = 0; i < SK_ARRAY_SIZE(yes); i++)
		CHECKF(sk_config_secret(yes[i]), "secret: %s", yes[i]);
	for (size_t i = 0; i < SK_ARRAY_SIZE(no); i++)
		CHECKF(!sk_config_secret(no[i]), "not secret: %s", no[i]);
}

/* A thousand agents: origins by address must stay right while the table of
 * them grows. */
static void
test_many(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_buf b;
	char key[64], want[64];
	bool right = true;

	sk_buf_init(&b, 0);
	for (int i = 0; i < 1000; i++)
		sk_buf_printf(&b, "[agents.a%d]\nmodel = 'm%d'\n", i, i);
	put("many.toml", b.p);
	CHECK_INT(load(&c, "/nowhere", "many.toml", no_env, &err), 0);
	for (int i = 0; i < 1000 && right; i++) {
		(void)snprintf(key, sizeof(key), "agents.a%d.model", i);
		(void)snprintf(want, sizeof(want), "/many.toml:%d", 2 * i + 2);
		right = sk_has_suffix(sk_config_origin(&c, key), want);
	}
	CHECK(right);
	sk_config_free(&c);

	/* As many findings come out, in the order of the file. */
	sk_buf_clear(&b);
	for (int i = 0; i < 1000; i++)
		sk_buf_printf(&b, "k%d = 1\n", i);
	put("many.toml", b.p);
	CHECK_INT(load(&c, "/nowhere", "many.toml", no_env, &err), SK_USAGE);
	CHECK(strstr(err.message, "many.toml:1:") != NULL);
	CHECK(strstr(err.hint, "all 1000 findings") != NULL);
	sk_err_clear(&err);
	sk_buf_free(&b);
	(void)unlink("many.toml");
}

int
main(void)
{
	char dir[] = "/tmp/test_config.XXXXXX", cmd[64], cwd[64];
	struct sk_err err = { 0 };

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	(void)snprintf(cwd, sizeof(cwd), "%s/home", dir);
	(void)setenv("HOME", cwd, 1);
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("SK_CONFIG");
	(void)sk_mkdirs("home/.config/sk", 0700, &err);
	test_builtin();
	test_system();
	test_set();
	test_set_is_whole();
	test_paths();
	test_secret();
	test_many();
	for (const char *const *p = (const char *const[]){ "home/.config/sk",
		 "home/.config", "home", NULL };
	     *p != NULL; p++)
		(void)rmdir(*p);
	(void)snprintf(cmd, sizeof(cmd), "%s", dir);
	(void)rmdir(cmd);
	return tap_done();
}
