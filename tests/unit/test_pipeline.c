/* SPDX-License-Identifier: MIT */
/* pipeline: stage words, finding specifications, rendering hostile text. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pipeline/pipeline.h"
#include "tap.h"

static void
test_stages(void)
{
	const struct sk_stage *st;
	struct sk_err err = { 0 };
	size_t n = 0;

	for (st = sk_stages; st->name != NULL; st++)
		n++;
	CHECK_INT(n, 6);
	CHECK_STR(sk_stage_find("spec-plan")->name, "plan");
	CHECK_STR(sk_stage_find("PLAN")->name, "plan");
	CHECK_STR(sk_stage_find("review")->name, "audit");
	CHECK_STR(sk_stage_find("spec-review")->name, "audit");
	CHECK(sk_stage_find("") == NULL);
	CHECK(sk_stage_find("spec-") == NULL);
	CHECK(sk_stage_find("planning") == NULL);
	CHECK_INT(sk_stage_parse("unlok", &st, &err), SK_USAGE);
	CHECK_STR(err.hint, "did you mean 'unlock'?");
	sk_err_clear(&err);
	/* A hard dependency names an earlier stage. */
	for (st = sk_stages; st->name != NULL; st++)
		CHECK(st->needs == NULL || sk_stage_find(st->needs) < st);
}

static void
put(const char *root, const char *dir)
{
	struct sk_err err = { 0 };
	char *path = sk_asprintf("%s/%s", root, dir);
	char *file = sk_asprintf("%s/spec.md", path);

	CHECK_INT(sk_mkdirs(path, 0700, &err), 0);
	CHECK_INT(sk_write_file(file, "x\n", 2, 0600, &err), 0);
	free(path);
	free(file);
	sk_err_clear(&err);
}

static void
test_specs(void)
{
	char root[] = "/tmp/sk-pipe-XXXXXX", cmd[64];
	struct sk_err err = { 0 };
	struct sk_spec s;

	if (mkdtemp(root) == NULL)
		return;
	put(root, "docs/SPEC-1-first");
	put(root, "docs/SPEC-10");
	put(root, "specs/002-second");
	CHECK_INT(sk_spec_find(root, "SPEC-1", &s, &err), 0);
	CHECK(sk_has_suffix(s.file, "/docs/SPEC-1-first/spec.md"));
	sk_spec_free(&s);
	CHECK_INT(sk_spec_find(root, "SPEC-10", &s, &err), 0);
	sk_spec_free(&s);
	CHECK_INT(sk_spec_find(root, "002", &s, &err), 0);
	sk_spec_free(&s);
	CHECK_INT(sk_spec_find(root, "SPEC", &s, &err), SK_USAGE);
	CHECK_STR(err.code, "ambiguous_spec");
	CHECK_INT(sk_spec_find(root, "SPEC-2", &s, &err), SK_USAGE);
	CHECK_STR(err.code, "no_such_spec");
	CHECK_INT(sk_spec_find(root, "../SPEC-1", &s, &err), SK_USAGE);
	CHECK_STR(err.code, "bad_identifier");
	put(root, "specs/SPEC-10-again");
	CHECK_INT(sk_spec_find(root, "SPEC-10", &s, &err), SK_USAGE);
	CHECK_STR(err.code, "ambiguous_spec");
	sk_err_clear(&err);
	/* All four are known when the name is wrong. */
	CHECK_INT(sk_spec_find(root, "002-secnd", &s, &err), SK_USAGE);
	CHECK_STR(err.code, "no_such_spec");
	CHECK_STR(err.hint, "did you mean '002-second'?");
	sk_err_clear(&err);
	for (size_t i = 0; i < 4; i++) {
		static const char *const dirs[] = { "docs/SPEC-1-first",
			"docs/SPEC-10", "specs/002-second",
			"specs/SPEC-10-again" };

		(void)snprintf(cmd, sizeof(cmd), "%s/spec.md", dirs[i]);
		if (chdir(root) == 0) {
			(void)unlink(cmd);
			(void)rmdir(dirs[i]);
		}
	}
	(void)rmdir("docs");
	(void)rmdir("specs");
	CHECK(chdir("/") == 0 && rmdir(root) == 0);
}

static void
render(const char *merged, struct sk_buf *out, int want)
{
	struct sk_arena a = { 0 };
	struct sk_err err = { 0 };
	struct sk_jv *v;
	char *doc;

	doc = sk_asprintf("{\"spec\":\"S-1\",\"stage\":\"plan\","
			  "\"present\":[\"a\",\"b\"],\"merged\":%s}",
	    merged);
	sk_buf_clear(out);
	CHECK_INT(sk_json_parse(&a, doc, strlen(doc), NULL, &v, &err), 0);
	CHECK_INT(sk_artefact_render(v, &sk_stages[0],
		      strstr(merged, "tick") != NULL, out, &err),
	    want);
	free(doc);
	sk_err_clear(&err);
	sk_arena_free(&a);
}

static void
test_render(void)
{
	struct sk_buf b;

	sk_buf_init(&b, 0);
	render("{\"complexity\":\"low\",\"work\":[{\"id\":\"W\","
	       "\"step\":\"a|b\\nc\"},{\"id\":\"X\",\"more\":1}],"
	       "\"none\":[]}",
	    &b, 0);
	CHECK_STR(b.p,
	    "# Plan: S-1\n\n## Complexity\n\nlow\n\n## Work\n\n"
	    "| Id | Step | More |\n| --- | --- | --- |\n"
	    "| W | a\\|b c |  |\n| X |  | 1 |\n\n## None\n\nNone.\n\n"
	    "## Agreement\n\n- Agents: a, b\n");
	render("{\"x\":\"<b>&[l](u)`c`@me **x** \\u001b[0m\"}", &b, 0);
	CHECK(strstr(b.p, "&lt;b\\>&amp;\\[l\\](u)\\`c\\`&#64;me \\*\\*x\\*\\* "
			  "\\\\x1b\\[0m") != NULL);
	render("{\"tasks\":[{\"id\":\"T-1\",\"title\":\"tick [x]\","
	       "\"requirement\":\"FR-1\",\"depends_on\":[]},{\"id\":\"T-2\","
	       "\"title\":\"b\",\"depends_on\":[\"T-1\",\"T-0\"]}]}",
	    &b, 0);
	CHECK(strstr(b.p, "- [ ] T-1 tick \\[x\\] (FR-1)\n"
			  "- [ ] T-2 b, after T-1, T-0\n") != NULL);
	render("\"prose\"", &b, SK_DAMAGED);
	render("null", &b, SK_DAMAGED);
	sk_buf_free(&b);
}

int
main(void)
{
	test_stages();
	test_specs();
	test_render();
	return tap_done();
}
