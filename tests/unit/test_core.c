/* SPDX-License-Identifier: MIT */
/* core: strict parsing, buffers, UTF-8, time, ids, publishing. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"
#include "tap.h"

static void
test_numbers(void)
{
	static const struct {
		const char *s;
		bool ok;
		int64_t v;
	} dur[] = { { "90", true, 90000 }, { "90s", true, 90000 },
		{ "1500ms", true, 1500 }, { "5m", true, 300000 },
		{ "1h30m", true, 5400000 }, { "2d", true, 172800000 },
		{ "", false, 0 }, { "s", false, 0 }, { "1x", false, 0 },
		{ "30m1h", false, 0 }, { "1h5", false, 0 }, { "-1", false, 0 },
		{ "1.5s", false, 0 }, { "9223372036854775807s", false, 0 } },
	  size[] = { { "10", true, 10 }, { "10K", true, 10240 },
		  { "4MiB", true, 4194304 }, { "2G", true, 2147483648 },
		  { "1B", true, 1 }, { "1KB", true, 1024 }, { "x", false, 0 },
		  { "1Q", false, 0 }, { "9223372036854775807K", false, 0 } };
	int64_t v;
	bool b, ok;

	for (size_t i = 0; i < SK_ARRAY_SIZE(dur); i++) {
		v = 0;
		ok = sk_parse_duration(dur[i].s, &v);
		CHECKF(ok == dur[i].ok && (!ok || v == dur[i].v),
		    "duration '%s'", dur[i].s);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(size); i++) {
		v = 0;
		ok = sk_parse_size(size[i].s, &v);
		CHECKF(ok == size[i].ok && (!ok || v == size[i].v), "size '%s'",
		    size[i].s);
	}
	CHECK(sk_parse_int("-5", -5, 5, &v) && v == -5);
	CHECK(!sk_parse_int("6", -5, 5, &v));
	CHECK(!sk_parse_int("5 ", -5, 5, &v));
	CHECK(!sk_parse_int("", -5, 5, &v));
	CHECK(!sk_parse_int("99999999999999999999", 0, INT64_MAX, &v));
	CHECK(sk_parse_bool(" Yes\n", &b) && b);
	CHECK(sk_parse_bool("off", &b) && !b);
	CHECK(!sk_parse_bool("perhaps", &b));
}

static void
test_money(void)
{
	static const struct {
		int64_t micro;
		int least;
		const char *text;
	} t[] = { { 250000, 2, "0.25" }, { 1000000, 2, "1.00" },
		{ 1000000, 0, "1" }, { 2736, 0, "0.002736" },
		{ 2736, 2, "0.002736" }, { 10500000, 0, "10.5" }, { 0, 0, "0" },
		{ 0, 2, "0.00" }, { 1, 6, "0.000001" }, { -1, 2, "?" } };
	char text[SK_USD_LEN];

	for (size_t i = 0; i < SK_ARRAY_SIZE(t); i++) {
		sk_usd_least(t[i].micro, t[i].least, text);
		CHECK_STR(text, t[i].text);
	}
	sk_usd(INT64_MAX, text);
	CHECK_STR(text, "9223372036854.775807");
	sk_usd(-1, text);
	CHECK_STR(text, "?");
}

static void
test_words(void)
{
	static const char *const list[] = { "agent", "timeout", "jobs", NULL };
	struct sk_strv v = { 0 };
	struct sk_err err = { 0 };
	struct sk_buf b;
	char long_id[80];

	memset(long_id, 'a', sizeof(long_id));
	long_id[64] = '\0';
	CHECK(sk_ident_ok("SPEC-7") && sk_ident_ok("a.b_c") &&
	      sk_ident_ok(long_id));
	long_id[64] = 'a';
	long_id[65] = '\0';
	CHECK(!sk_ident_ok(long_id) && sk_branch_id_ok(long_id));
	CHECK(!sk_ident_ok("") && !sk_ident_ok("..") && !sk_ident_ok("a..b") &&
	      !sk_ident_ok("-a") && !sk_ident_ok("a/b") && !sk_ident_ok("a b"));
	CHECK_STR(sk_closest("agnet", list), "agent");
	CHECK(sk_closest("zebra", list) == NULL);
	CHECK(sk_closest("--nope", (const char *const[]){ "--spec", NULL }) ==
	      NULL);
	CHECK_STR(sk_closest("--spce", (const char *const[]){ "--spec", NULL }),
	    "--spec");
	CHECK_INT(sk_strv_words(&v, "a 'b c' \"d\\\"e\" f\\ g ''", &err), 0);
	CHECK_INT(v.n, 5);
	CHECK_STR(v.v[1], "b c");
	CHECK_STR(v.v[2], "d\"e");
	CHECK_STR(v.v[3], "f g");
	CHECK_STR(v.v[4], "");
	sk_strv_free(&v);
	CHECK_INT(sk_strv_words(&v, "a 'b", &err), SK_USAGE);
	sk_strv_free(&v);
	sk_strv_split(&v, " a, b,,c ", ',');
	CHECK_INT(v.n, 3);
	CHECK_STR(v.v[2], "c");
	sk_buf_init(&b, 0);
	sk_buf_join(&b, &v, ", ");
	CHECK_STR(b.p, "a, b, c");
	sk_buf_free(&b);
	sk_strv_free(&v);
	for (int i = 0; i < 100; i++)
		sk_strv_add(&v, i % 2 != 0 ? "b" : "a");
	sk_strv_sort(&v);
	CHECK(v.n == 100 && v.v[100] == NULL && strcmp(v.v[49], "a") == 0 &&
	      strcmp(v.v[50], "b") == 0);
	sk_strv_free(&v);
	sk_buf_init(&b, 0);
	sk_shell_quote(&b, "it's");
	CHECK_STR(b.p, "'it'\\''s'");
	sk_buf_clear(&b);
	sk_shell_quote(&b, "plain-1.2/x");
	CHECK_STR(b.p, "plain-1.2/x");
	sk_buf_clear(&b);
	sk_shell_quote(&b, "");
	CHECK_STR(b.p, "''");
	sk_buf_free(&b);
}

static void
test_buffers(void)
{
	struct sk_arena a = { 0 };
	struct sk_buf b;
	char *p;

	sk_buf_init(&b, 10);
	sk_buf_printf(&b, "%s", "12345");
	sk_buf_printf(&b, "%s", "67890abc");
	CHECK(b.full && b.len == 10);
	CHECK_STR(b.p, "1234567890");
	sk_buf_clear(&b);
	CHECK(!b.full && b.len == 0);
	sk_buf_str(&b, "again");
	p = sk_buf_detach(&b);
	CHECK_STR(p, "again");
	free(p);
	CHECK_STR(b.p, "");
	sk_buf_free(&b);
	sk_buf_init(&b, 0);
	for (int i = 0; i < 10000; i++)
		sk_buf_printf(&b, "%d,", i);
	CHECK(b.len == 48890 && !b.full);
	sk_buf_free(&b);
	for (int i = 0; i < 1000; i++) {
		p = sk_arena_printf(&a, "%d", i);
		if (((uintptr_t)p & 15) != 0)
			break;
	}
	CHECK_STR(p, "999");
	CHECK(sk_arena_alloc(&a, (size_t)5 << 20) != NULL);
	sk_arena_free(&a);
}

static void
test_utf8(void)
{
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc3",
		"\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff",
		"\xf0\x80\x80\x80" };
	struct sk_buf b;

	CHECK(
	    sk_utf8_ok("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", 15));
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		CHECKF(!sk_utf8_ok(bad[i], strlen(bad[i])), "bad utf-8 %zu", i);
	sk_buf_init(&b, 0);
	CHECK(sk_utf8_clean(&b, "a\xffz", 3));
	CHECK_STR(b.p, "a\xef\xbf\xbdz");
	sk_buf_clear(&b);
	sk_buf_visible(&b, "a\033[2J\r\xe2\x80\xae##[x]\xff", 15, false);
	CHECK_STR(b.p, "a\\x1b[2J\\x0d\\u202e#\\x23[x]\\xff");
	sk_buf_clear(&b);
	sk_buf_markup(
	    &b, "<a b=\"1\" c='2'>&amp;\n\x01\xff\xef\xbf\xbf]]>", 29);
	CHECK_STR(b.p, "&lt;a b=&quot;1&quot; c=&#39;2&#39;&gt;&amp;amp;&#10;"
		       "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd]]&gt;");
	sk_buf_clear(&b);
	sk_buf_markup_visible(&b, "<\x1b\n>", 4);
	CHECK_STR(b.p, "&lt;\\x1b\\n&gt;");
	sk_buf_free(&b);
}

static void
test_time(void)
{
	static const char *const same[] = { "1970-01-01T00:00:00.000Z",
		"2000-02-29T23:59:59.999Z", "2025-10-04T10:15:00.123Z",
		"1969-12-31T23:59:59.001Z", "2400-12-31T00:00:00.000Z",
		"0001-01-01T00:00:00.000Z" };
	static const char *const bad[] = { "2025-02-29T00:00:00Z",
		"2025-13-01T00:00:00Z", "2025-01-01T24:00:00Z",
		"2025-01-01T00:00:00", "2025-01-01", "x",
		"2025-01-01T00:00:00.Z", "2025-01-01T00:00:00+0100" };
	char text[SK_TIME_LEN], stamp[SK_STAMP_LEN], dur[32];
	int64_t ms;

	for (size_t i = 0; i < SK_ARRAY_SIZE(same); i++) {
		CHECK(sk_time_parse(same[i], &ms));
		sk_time_text(ms, text);
		CHECK_STR(text, same[i]);
	}
	for (size_t i = 0; i < SK_ARRAY_SIZE(bad); i++)
		CHECKF(!sk_time_parse(bad[i], &ms), "not a time: %s", bad[i]);
	CHECK(sk_time_parse("2025-10-04T12:15:00+02:00", &ms));
	sk_time_stamp(ms, stamp);
	CHECK_STR(stamp, "20251004T101500Z");
	sk_size_text(1023, dur, sizeof(dur));
	CHECK_STR(dur, "1023 B");
	sk_size_text(1500, dur, sizeof(dur));
	CHECK_STR(dur, "1.5 KiB");
	sk_size_text((int64_t)25 << 20, dur, sizeof(dur));
	CHECK_STR(dur, "25 MiB");
	sk_duration_text(65000, dur, sizeof(dur));
	CHECK_STR(dur, "1m05s");
	sk_duration_text(1240, dur, sizeof(dur));
	CHECK_STR(dur, "1.2s");
}

static void
test_ids(void)
{
	char a[SK_ID_LEN], b[SK_ID_LEN], h[SK_SHA256_LEN], h2[SK_SHA256_LEN];
	struct sk_sha256_st st;
	struct sk_proc_id id;

	sk_id_new(a);
	sk_id_new(b);
	CHECK(strlen(a) == 26 && strcmp(a, b) != 0 && sk_ident_ok(a));
	sk_sha256("abc", 3, h);
	CHECK_STR(h, "ba7816bf8f01cfea414140de5dae2223"
		     "b00361a396177a9cb410ff61f20015ad");
	sk_sha256_init(&st);
	sk_sha256_add(&st, "a", 1);
	sk_sha256_add(&st, "bc", 2);
	sk_sha256_end(&st, h2);
	CHECK_STR(h2, h);
	sk_proc_self(&id);
	CHECK(sk_proc_alive(&id));
	id.start_ticks++;
	CHECK(!sk_proc_alive(&id));
}

static void
test_files(void)
{
	char dir[] = "/tmp/sk-core-XXXXXX", *path, *deep, *doc;
	struct sk_err err = { 0 };
	struct sk_pub pub;
	struct stat st;
	mode_t mask;
	struct sk_buf b;
	int fd;

	if (mkdtemp(dir) == NULL)
		return;
	deep = sk_path_join(dir, "a/b/c");
	CHECK_INT(sk_mkdirs(deep, 0700, &err), 0);
	CHECK_INT(sk_mkdirs(deep, 0700, &err), 0);
	path = sk_path_join(deep, "file");
	CHECK_INT(sk_write_file(path, "one", 3, 0600, &err), 0);
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	CHECK_INT(sk_pub_begin(&pub, path, "two", 3, 0600, &err), 0);
	sk_buf_init(&b, 0);
	CHECK_INT(sk_read_file(path, 100, &b, &err), 0);
	CHECK_STR(b.p, "one");
	CHECK_INT(sk_pub_commit(&pub, &err), 0);
	sk_buf_clear(&b);
	CHECK_INT(sk_read_file(path, 3, &b, &err), 0);
	CHECK_STR(b.p, "two");
	sk_buf_clear(&b);
	CHECK_INT(sk_read_file(path, 2, &b, &err), SK_DAMAGED);
	CHECK_STR(err.code, "too_large");
	CHECK(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600);
	/* A document: the umask decides, then what it has. */
	mask = umask(027);
	doc = sk_path_join(deep, "doc");
	CHECK_INT(sk_write_file(doc, "one", 3, SK_DOC_FILE, &err), 0);
	CHECK(stat(doc, &st) == 0 && (st.st_mode & 0777) == 0640);
	CHECK_INT(chmod(doc, 0664), 0);
	CHECK_INT(sk_write_file(doc, "two", 3, SK_DOC_FILE, &err), 0);
	CHECK(stat(doc, &st) == 0 && (st.st_mode & 0777) == 0664);
	(void)umask(mask);
	(void)unlink(doc);
	free(doc);
	CHECK_INT(sk_pub_begin(&pub, path, "no", 2, 0600, &err), 0);
	sk_pub_abort(&pub);
	CHECK_INT(sk_mkdirs(path, 0700, &err), SK_IO);
	CHECK_INT(sk_read_file("/nonexistent/x", 9, &b, &err), SK_IO);
	CHECK_STR(err.code, "not_found");
	fd = sk_memfd("mem", 3, &err);
	sk_buf_clear(&b);
	CHECK_INT(sk_read_fd(fd, 10, &b, "mem", &err), 0);
	CHECK_STR(b.p, "mem");
	(void)close(fd);
	sk_buf_free(&b);
	(void)unlink(path);
	for (int i = 0; i < 3; i++) {
		(void)rmdir(deep);
		*strrchr(deep, '/') = '\0';
	}
	CHECK(rmdir(dir) == 0); /* nothing was left behind */
	free(path);
	free(deep);
	sk_err_clear(&err);
}

static void
test_errors(void)
{
	struct sk_err err = { 0 };

	CHECK_INT(sk_fail(&err, SK_USAGE, "bad", "bad '%s'", "x"), SK_USAGE);
	CHECK_INT(sk_fail(&err, SK_IO, "io", "while: %s", err.message), SK_IO);
	CHECK_STR(err.message, "while: bad 'x'");
	errno = ENOSPC;
	CHECK_INT(sk_fail_errno(&err, "cannot write"), SK_IO);
	CHECK_STR(err.code, "no_space");
	CHECK(err.hint[0] != '\0');
	sk_err_clear(&err);
	CHECK_INT(err.exit, 0);
	CHECK_STR(sk_exit_word(SK_AGAIN), "try again");
}

/* The hash that sk_group() begins with: strings that it must not suffer of. */
static uint64_t
fnv(const char *s, size_t n)
{
	uint64_t h = 14695981039346656037u;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h ^ (h >> 29);
}

static void
test_group(void)
{
	static const char *const words[] = { "a", "b", "", "a", "c", "", "b" };
	static const uint32_t want[] = { 0, 1, 2, 0, 3, 2, 1 };
	enum { MANY = 1000 };
	static char text[MANY][12];
	struct sk_slice v[MANY];
	uint32_t id[MANY];
	size_t n = 0, wrong = 0;

	for (size_t i = 0; i < SK_ARRAY_SIZE(words); i++)
		v[i] = (struct sk_slice){ words[i], strlen(words[i]) };
	CHECK_INT(sk_group(v, SK_ARRAY_SIZE(words), id), 4);
	CHECK(memcmp(id, want, sizeof(want)) == 0);
	CHECK_INT(sk_group(v, 0, id), 0);
	/* All of one slot, every third one again. */
	for (unsigned i = 0; n < MANY; i++) {
		int len = snprintf(text[n], sizeof(text[n]), "%u", i);

		if (n % 3 == 2) {
			memcpy(text[n], text[n / 2], sizeof(text[n]));
			len = (int)strlen(text[n]);
		} else if ((fnv(text[n], (size_t)len) & 2047) != 0) {
			continue;
		}
		v[n] = (struct sk_slice){ text[n], (size_t)len };
		n++;
	}
	n = sk_group(v, MANY, id);
	CHECK_INT((int)n, 667);
	for (size_t i = 0, next = 0; i < MANY; i++) {
		if (id[i] == next)
			next++;
		else
			wrong += id[i] > next;
		for (size_t k = 0; k < i; k++)
			wrong +=
			    (id[i] == id[k]) != (strcmp(text[i], text[k]) == 0);
	}
	CHECK_INT((int)wrong, 0);
}

int
main(void)
{
	test_numbers();
	test_group();
	test_words();
	test_money();
	test_buffers();
	test_utf8();
	test_time();
	test_ids();
	test_files();
	test_errors();
	return tap_done();
}
