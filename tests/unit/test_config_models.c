/* SPDX-License-Identifier: MIT */
/* config: the model registry. */
#include <stdlib.h>
#include <unistd.h>

#include "config/internal.h"
#include "tap.h"

static char *const no_env[] = { NULL };

static int
load(struct sk_config *c, const char *text, struct sk_err *err)
{
	const struct sk_config_where w = { .system = "/nowhere",
		.named = text != NULL ? "models.toml" : NULL,
		.env = no_env };

	if (text != NULL &&
	    sk_write_file("models.toml", text, strlen(text), 0600, err) != 0)
		return err->exit;
	return sk_config_load_from(c, &w, err);
}

struct count {
	size_t n, bad;
	char last[80];
};

/* Everything that is built in must be complete and sane. */
static void
one(void *arg, const struct sk_model *m)
{
	const struct sk_model_price *p = &m->price;
	struct count *c = arg;
	struct sk_schema_out none = { 0 };
	int64_t ms;
	char day[40];
	bool ok;

	(void)none;
	(void)snprintf(
	    day, sizeof(day), "%sT00:00:00Z", m->date != NULL ? m->date : "?");
	ok = sk_ident_ok(m->name) && m->provider != NULL && m->tier != NULL &&
	     m->context_window >= 100000 && p->input > 0 &&
	     p->output >= p->input && p->cached_input < p->input &&
	     (p->cache_write == -1 || p->cache_write > p->input) &&
	     sk_time_parse(day, &ms) && ms <= sk_now_ms() &&
	     sk_has_prefix(m->source, "https://") &&
	     strcmp(m->name, c->last) > 0;
	if (m->long_over != 0)
		ok = ok && m->longer.input > p->input &&
		     m->longer.output > p->output &&
		     (m->longer.cache_write == -1) == (p->cache_write == -1);
	else
		ok = ok && m->longer.input == -1;
	CHECKF(ok, "%s is complete", m->name);
	(void)snprintf(c->last, sizeof(c->last), "%s", m->name);
	c->n++;
}

static void
test_builtin(void)
{
	struct sk_err err = { 0 };
	struct count count = { 0 };
	struct sk_config c;
	struct sk_model m;

	CHECK_INT(load(&c, NULL, &err), 0);
	sk_model_each(&c, one, &count);
	CHECK(count.n >= 40);
	CHECK(sk_model_find(&c, "claude-haiku-4-5", &m));
	CHECK_STR(m.provider, "anthropic");
	CHECK_STR(m.model, "claude-haiku-4-5");
	CHECK_STR(m.tier, "medium");
	CHECK_STR(m.origin, "default");
	CHECK_STR(m.date, "2026-10-24");
	CHECK_INT(m.context_window, 200000);
	CHECK_INT(m.price.input, 1000000);
	CHECK_INT(m.price.cached_input, 100000);
	CHECK_INT(m.price.cache_write, 1250000);
	CHECK_INT(m.price.output, 5000000);
	CHECK(m.endpoint == NULL);
	CHECK(sk_model_find(&c, "claude-haiku-5-5", &m));
	CHECK_INT(m.long_over, 100000);
	CHECK_INT(m.longer.cached_input, 50000);
	CHECK(!sk_model_find(&c, "llama-7", &m));
	CHECK_INT(m.price.input, -1);
	CHECK(m.provider == NULL);
	CHECK(!sk_model_find(&c, "", &m));
	CHECK(!sk_model_find(&c, NULL, &m));
	sk_config_free(&c);
}

/* Names as vendors, programs and planning documents write them. */
static void
test_names(void)
{
	static const struct {
		const char *name, *want; /* NULL: nobody */
	} t[] = {
		{ "claude-sonnet-4-5", "claude-sonnet-4-5" },
		{ "claude-sonnet-4.5", "claude-sonnet-4-5" },
		{ "claude-sonnet-4-5-20250929", "claude-sonnet-4-5" },
		{ "claude-sonnet-4-5@20250929", "claude-sonnet-4-5" },
		{ "claude-sonnet-4-5-latest", "claude-sonnet-4-5" },
		{ "claude-opus-5-5[1m]", "claude-opus-5-5" },
		{ "anthropic/claude-opus-4.5", "claude-opus-4-5" },
		{ "Claude Opus 4.5", "claude-opus-4-5" },
		{ "claude-3-5-haiku-20241022", "claude-3-5-haiku" },
		{ "claude-sonnet-4-20250514", "claude-sonnet-4" },
		{ "gpt-5-2025-08-07", "gpt-5" },
		{ "gpt-5-codex", "gpt-5" },
		{ "openai/gpt-5.1-codex", "gpt-5.1" },
		{ "gpt5_1", "gpt-5.1" },
		{ "gpt_pro", "gpt-6.1-sol" },
		{ "gpt_codex", "gpt-5.3-codex" },
		{ "GPT-5", "gpt-5" },
		{ "models/gemini-2.5-pro", "gemini-2.5-pro" },
		{ "gemini-3.1-pro-preview", "gemini-3.1-pro" },
		{ "gemini", "gemini-3.1-pro" },
		{ "gemini_flash", "gemini-3.8-flash" },
		{ "claude", "claude-sonnet-5-5" },
		{ "claude_haiku", "claude-haiku-5-5" },
		/* Unknown is unknown: no price is better than a wrong one. */
		{ "gpt-5-turbo", NULL },
		{ "gpt-5-2025", NULL },
		{ "claude-sonnet", "claude-sonnet-5-5" },
		{ "-latest", NULL },
		{ "/", NULL },
		{ "[1m]", NULL },
		{ "gpt", NULL },
	};
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_model m;

	CHECK_INT(load(&c, NULL, &err), 0);
	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		bool found = sk_model_find(&c, t[i].name, &m);

		CHECKF(found == (t[i].want != NULL) &&
			   (!found || strcmp(m.name, t[i].want) == 0),
		    "'%s' is %s, found %s", t[i].name,
		    t[i].want != NULL ? t[i].want : "nobody",
		    found ? m.name : "nobody");
	}
	sk_config_free(&c);
}

static void
test_own(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;
	struct sk_model m;

	CHECK_INT(load(&c,
		      "[models.gpt-5]\ncost_per_input_million = 2\n"
		      "[models.fast]\nmodel = 'claude-haiku-5-5'\n"
		      "aliases = ['quick']\n"
		      "[models.local7]\nprovider = 'ollama'\n"
		      "context_window = 8192\n"
		      "endpoint = 'http://127.0.0.1:11434'\n"
		      "[models.claude]\nmodel = 'claude-opus-5'\n"
		      "cost_per_input_million = 0.000001\n"
		      "cost_per_output_million = 1e2\n"
		      "cost_per_cached_input_million = 0.5\n"
		      "cost_per_cache_write_million = 1.1234567\n",
		      &err),
	    0);
	CHECK(sk_model_find(&c, "gpt-5", &m));
	CHECK_INT(m.price.input, 2000000);
	CHECK_INT(m.price.output, 10000000); /* the rest stays */
	CHECK(m.source == NULL && m.date == NULL);
	CHECK_STR(m.provider, "openai");
	CHECK(strstr(m.origin, "models.toml:1") != NULL);
	CHECK(sk_model_find(&c, "gpt-5-codex", &m));
	CHECK_STR(m.name, "gpt-5");
	CHECK(sk_model_find(&c, "quick", &m));
	CHECK_STR(m.name, "fast");
	CHECK_STR(m.model, "claude-haiku-5-5");
	CHECK_INT(m.price.output, 500000);
	CHECK_INT(m.long_over, 100000);
	CHECK(sk_model_find(&c, "claude-haiku-5-5", &m));
	CHECK_STR(m.name, "claude-haiku-5-5");
	CHECK(sk_model_find(&c, "haiku", &m));
	CHECK_STR(m.name, "claude-haiku-5-5");
	CHECK(sk_model_find(&c, "local7", &m));
	CHECK_STR(m.model, "local7");
	CHECK_INT(m.price.input, -1);
	CHECK_INT(m.context_window, 8192);
	CHECK_STR(m.endpoint, "http://127.0.0.1:11434");
	/* A name of the user's own hides an alias of ours. */
	CHECK(sk_model_find(&c, "claude", &m));
	CHECK_STR(m.model, "claude-opus-5");
	CHECK_INT(m.price.input, 1);
	CHECK_INT(m.price.output, 100000000);
	CHECK_INT(m.price.cached_input, 500000);
	CHECK_INT(m.price.cache_write, 1123456);
	CHECK_INT(
	    sk_config_set(&c, "models.new9.tier", "low", "option", &err), 0);
	CHECK(sk_model_find(&c, "new9", &m));
	CHECK_STR(m.tier, "low");
	CHECK_STR(m.origin, "option");
	sk_config_free(&c);
	(void)unlink("models.toml");
}

static void
test_unknown(void)
{
	struct sk_err err = { 0 };
	struct sk_config c;

	CHECK_INT(load(&c, NULL, &err), 0);
	CHECK_INT(sk_model_unknown(&c, "claude-opus-5-55", &err), SK_USAGE);
	CHECK_STR(err.code, "unknown_model");
	CHECK(sk_has_prefix(err.message,
	    "unknown model 'claude-opus-5-55'; available: "
	    "claude-3-5-haiku, claude-fable-5-1, "));
	CHECK(strstr(err.message, " more") != NULL);
	CHECK(strstr(err.details, "\"gpt-6.1-sol\"") != NULL);
	CHECK_STR(err.hint, "did you mean 'claude-opus-5-5'?");
	sk_err_clear(&err);
	CHECK_INT(sk_model_unknown(&c, "xxxxxxxxxxxxx", &err), SK_USAGE);
	CHECK_STR(err.hint, "'sk-config models' shows them");
	sk_err_clear(&err);
	sk_config_free(&c);
}

int
main(void)
{
	char dir[] = "/tmp/sk-models.XXXXXX";

	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return 1;
	(void)setenv("HOME", dir, 1);
	(void)unsetenv("XDG_CONFIG_HOME");
	(void)unsetenv("SK_CONFIG");
	test_builtin();
	test_names();
	test_own();
	test_unknown();
	(void)unlink("models.toml");
	if (chdir("/") != 0)
		return 1;
	(void)rmdir(dir);
	return tap_done();
}
