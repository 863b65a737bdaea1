/* SPDX-License-Identifier: MIT */
/* Circuit breaker, rate-limit window, concurrency; and their rows. */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/retry.h"
#include "store_help.h"
#include "tap.h"

#define NOW ((int64_t)1790000000000)

static struct sk_retry pol;

static void
notes(struct sk_provider *v, const char *calls, int64_t at, int64_t apart)
{
	for (; *calls != '\0'; calls++, at += apart)
		sk_breaker_note(&pol, v, *calls == '.', false, at);
}

static void
test_breaker(void)
{
	static const struct {
		const char *calls;
		int64_t apart;
		enum sk_circuit want;
	} cases[] = {
		{ "", 1000, SK_CLOSED }, { "xxxx", 1000, SK_CLOSED },
		{ "xxxxx", 1000, SK_OPEN }, /* five in a minute */
		{ "xxxxx", 15000, SK_OPEN }, /* first to last: 60 s */
		{ "xxxxx", 15001, SK_CLOSED }, { "x.x.x.x.x", 7500, SK_OPEN },
		{ "xxxxxxxxx", 20000, SK_CLOSED }, /* nine calls: no opinion */
		{ "xxxxxxxxxx", 20000, SK_OPEN },
		{ ".....xxxxx", 20000, SK_OPEN }, /* half of ten */
		{ "......xxxxx", 20000, SK_CLOSED }, /* 5 of 11 */
		{ "......xxxxxx", 20000, SK_OPEN }, /* 6 of 12 */
	};

	for (size_t i = 0; i < SK_ARRAY_SIZE(cases); i++) {
		struct sk_provider v = { 0 };
		int64_t end =
		    NOW + (int64_t)strlen(cases[i].calls) * cases[i].apart;

		notes(&v, cases[i].calls, NOW, cases[i].apart);
		if (cases[i].want == SK_OPEN)
			end = v.opened_ms;
		CHECKF(sk_breaker_state(&pol, &v, end) == cases[i].want,
		    "'%s' every %lld ms", cases[i].calls,
		    (long long)cases[i].apart);
	}
}

/* Only the last hundred calls count. */
static void
test_window(void)
{
	struct sk_provider v = { 0 };
	char calls[151];

	memset(calls, '.', 150);
	calls[150] = '\0';
	notes(&v, calls, NOW, 20000);
	CHECK_INT(strlen(v.calls), 100);
	notes(&v, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	    NOW + 4000000, 20000);
	CHECK_INT(v.opened_ms, 0);
	CHECK_INT(strlen(v.calls), 100);
	notes(&v, "x", NOW + 9000000, 1);
	CHECK_INT(v.opened_ms, NOW + 9000000);
}

static void
test_half_open(void)
{
	struct sk_provider v = { 0 };
	struct sk_leave l;
	int64_t t;

	notes(&v, "xxxxx", NOW, 1);
	t = v.opened_ms;
	sk_limit_ask(&pol, &v, t + 29999, &l);
	CHECK(!l.go);
	CHECK_STR(l.why, "circuit_open");
	CHECK_INT(l.until_ms, t + 30000);
	CHECK_INT(l.kind, SK_K_OVERLOADED);
	/* One trial, and only one. */
	sk_limit_ask(&pol, &v, t + 30000, &l);
	CHECK(l.go && l.trial);
	sk_limit_ask(&pol, &v, t + 30001, &l);
	CHECK(!l.go);
	CHECK_INT(l.until_ms, 0);
	/* A late answer of an older call opens or closes nothing. */
	sk_limit_end(&pol, &v, SK_K_NONE, false, t - 5, 0, t + 30002);
	CHECK_INT(v.opened_ms, t);
	/* It fails: open for another cool-down. */
	v.mine = v.in_flight = 1;
	sk_limit_end(&pol, &v, SK_K_TRANSPORT, true, t + 30000, 0, t + 31000);
	CHECK_INT(v.opened_ms, t + 31000);
	CHECK_INT(v.trials, 0);
	CHECK_INT(sk_breaker_state(&pol, &v, t + 60999), SK_OPEN);
	/* One that was cancelled proved nothing: the next may try. */
	sk_limit_ask(&pol, &v, t + 61000, &l);
	CHECK(l.go && l.trial);
	sk_limit_end(&pol, &v, SK_K_CANCELLED, true, t + 61000, 0, t + 61001);
	sk_limit_ask(&pol, &v, t + 61002, &l);
	CHECK(l.go && l.trial);
	/* "too long" is an answer of a provider that works. */
	sk_limit_end(
	    &pol, &v, SK_K_CONTEXT_TOO_LONG, true, t + 61002, 0, t + 61003);
	CHECK_INT(v.opened_ms, 0);
	CHECK_STR(v.calls, ".");
	/* A clock that was set back is no year in jail. */
	v.opened_ms = NOW + 86400000;
	CHECK_INT(sk_breaker_state(&pol, &v, NOW), SK_HALF_OPEN);
}

static void
test_kinds(void)
{
	for (enum sk_kind kind = SK_K_NONE; kind <= SK_K_INTERNAL; kind++) {
		struct sk_provider v = { 0 };
		bool bad = kind == SK_K_OVERLOADED || kind == SK_K_TRANSPORT ||
		           kind == SK_K_TIMEOUT_FIRST_BYTE ||
		           kind == SK_K_TIMEOUT_IDLE;

		for (int i = 0; i < 12; i++)
			sk_limit_end(&pol, &v, kind, false, NOW, 0, NOW + i);
		CHECKF((v.opened_ms != 0) == bad, "breaker and '%s'",
		    sk_kind_word(kind));
	}
}

static void
test_limits(void)
{
	struct sk_provider v = { 0 };
	struct sk_leave l;

	sk_limit_ask(&pol, &v, NOW, &l);
	CHECK(l.go && !l.trial);
	sk_limit_end(
	    &pol, &v, SK_K_RATE_LIMITED, false, NOW, NOW + 5000, NOW + 10);
	sk_limit_ask(&pol, &v, NOW + 4999, &l);
	CHECK(!l.go);
	CHECK_STR(l.why, "rate_limited");
	CHECK_INT(l.until_ms, NOW + 5000);
	CHECK_INT(l.kind, SK_K_RATE_LIMITED);
	/* A shorter time does not open what a longer one closed. */
	sk_limit_end(
	    &pol, &v, SK_K_RATE_LIMITED, false, NOW, NOW + 100, NOW + 11);
	CHECK_INT(v.limited_until_ms, NOW + 5000);
	sk_limit_ask(&pol, &v, NOW + 5000, &l);
	CHECK(l.go);
	sk_limit_end(&pol, &v, SK_K_QUOTA_EXHAUSTED, false, NOW, NOW + 90000,
	    NOW + 5001);
	sk_limit_ask(&pol, &v, NOW + 6000, &l);
	CHECK_INT(l.kind, SK_K_QUOTA_EXHAUSTED);
}

static void
test_concurrency(void)
{
	struct sk_provider v = { 0 };
	struct sk_leave l;

	for (int i = 0; i < 20; i++)
		sk_limit_ask(&pol, &v, NOW, &l);
	CHECK_INT(v.in_flight, 20);
	CHECK_INT(v.concurrency, 0);
	/* Twenty calls that began together complain once. */
	for (int i = 0; i < 5; i++)
		sk_limit_end(
		    &pol, &v, SK_K_RATE_LIMITED, false, NOW, 0, NOW + 100 + i);
	CHECK_INT(v.concurrency, 10);
	CHECK_INT(v.in_flight, 15);
	sk_limit_ask(&pol, &v, NOW + 200, &l);
	CHECK(!l.go);
	CHECK_STR(l.why, "concurrency");
	CHECK_INT(l.until_ms, 0);
	/* One more after each success. */
	for (int i = 0; i < 3; i++)
		sk_limit_end(&pol, &v, SK_K_NONE, false, NOW, 0, NOW + 300);
	CHECK_INT(v.concurrency, 13);
	sk_limit_ask(&pol, &v, NOW + 300, &l);
	CHECK(l.go);
	/* A call that began after the cut is another complaint. */
	sk_limit_end(
	    &pol, &v, SK_K_RATE_LIMITED, false, NOW + 300, 0, NOW + 400);
	CHECK_INT(v.concurrency, 6);
	for (int i = 0; i < 9; i++)
		sk_limit_end(&pol, &v, SK_K_RATE_LIMITED, false,
		    NOW + 500 + i * 10, 0, NOW + 505 + i * 10);
	CHECK_INT(v.concurrency, 1);
	v.in_flight = 1;
	sk_limit_ask(&pol, &v, NOW + 1000, &l);
	CHECK(!l.go);
	/* Forgotten when nothing more came. */
	sk_limit_ask(&pol, &v, NOW + 1000 + pol.quiet_ms, &l);
	CHECK(l.go);
	/* The configured ceiling holds without any complaint. */
	pol.concurrency = 3;
	v = (struct sk_provider){ .in_flight = 2 };
	sk_limit_ask(&pol, &v, NOW, &l);
	CHECK(l.go);
	sk_limit_ask(&pol, &v, NOW, &l);
	CHECK(!l.go);
	pol.concurrency = 0;
}

/* A process that has n calls in flight until it is killed. */
static pid_t
holder(const char *db_name, int64_t n, int fd)
{
	struct sk_provider v;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	db = open_db(db_name);
	if (db == NULL || sk_db_begin(db, &err) != 0 ||
	    sk_provider_get(db, "acme", &v, &err) != 0)
		_exit(1);
	v.mine = n;
	if (sk_provider_put(db, &v, &err) != 0 || sk_db_commit(db, &err) != 0)
		_exit(1);
	if (write(fd, "x", 1) != 1)
		_exit(1);
	for (;;)
		(void)pause();
}

static void
test_rows(void)
{
	struct sk_provider v;
	struct sk_strv names = { 0 };
	int fd[2];
	char c;
	bool found;
	pid_t pid;

	db = open_db("limit.db");
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	CHECK_INT(v.in_flight + v.limited_until_ms + v.concurrency, 0);
	CHECK_STR(v.name, "acme");
	v.limited_until_ms = NOW;
	(void)snprintf(v.reason, sizeof(v.reason), "rate_limited");
	v.concurrency = 7;
	v.cut_ms = NOW - 5;
	v.opened_ms = NOW - 9;
	(void)snprintf(v.calls, sizeof(v.calls), "..x");
	v.bad_ms[0] = 0;
	v.bad_ms[4] = NOW - 3;
	v.mine = 2;
	v.my_trials = 1;
	CHECK_INT(sk_db_begin(db, &err), 0);
	CHECK_INT(sk_provider_put(db, &v, &err), 0);
	CHECK_INT(sk_db_commit(db, &err), 0);
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	CHECK_INT(v.limited_until_ms, NOW);
	CHECK_STR(v.reason, "rate_limited");
	CHECK_INT(v.concurrency, 7);
	CHECK_STR(v.calls, "..x");
	CHECK_INT(v.bad_ms[0], 0);
	CHECK_INT(v.bad_ms[4], NOW - 3);
	CHECK_INT(v.mine, 2);
	CHECK_INT(v.in_flight, 2);
	CHECK_INT(v.trials, 1);

	/* Another process has five: counted while it lives. */
	CHECK_INT(pipe(fd), 0);
	pid = holder("limit.db", 5, fd[1]);
	CHECK_INT(read(fd[0], &c, 1), 1);
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	CHECK_INT(v.in_flight, 7);
	CHECK_INT(v.mine, 2);
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	CHECK_INT(v.in_flight, 2);
	CHECK_INT(number("limit.db", "SELECT count(*)FROM provider_leases"), 2);
	CHECK_INT(sk_db_begin(db, &err), 0);
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	v.mine = v.my_trials = 0;
	CHECK_INT(sk_provider_put(db, &v, &err), 0);
	CHECK_INT(sk_db_commit(db, &err), 0);
	CHECK_INT(number("limit.db", "SELECT count(*)FROM provider_leases"), 0);

	CHECK_INT(sk_provider_list(db, &names, &err), 0);
	CHECK_INT(names.n, 1);
	CHECK_INT(sk_provider_forget(db, "acme", &found, &err), 0);
	CHECK(found);
	CHECK_INT(sk_provider_forget(db, "acme", &found, &err), 0);
	CHECK(!found);
	CHECK_INT(sk_provider_get(db, "acme", &v, &err), 0);
	CHECK_INT(v.limited_until_ms, 0);
	sk_strv_free(&names);
	sk_db_close(db);
	(void)close(fd[0]);
	(void)close(fd[1]);
}

int
main(void)
{
	struct sk_config conf = { 0 };

	begin_tests("test_retry_limit");
	CHECK_INT(sk_retry_load(&pol, &conf, 0, -1, &err), 0);
	test_breaker();
	test_window();
	test_half_open();
	test_kinds();
	test_limits();
	test_concurrency();
	test_rows();
	return end_tests();
}
