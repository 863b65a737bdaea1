/* SPDX-License-Identifier: MIT */
/* Waiting for the approval of a device login, perhaps in another process than
 * the one that began it. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "auth/internal.h"

struct waiting {
	struct sk_auth *a;
	struct sk_idp p;
	struct auth_doc d;
	struct auth_flow f;
	const char *handle;
	struct auth_reply reply;
};

/* Sleeps until `at`; the number of a signal that came, else 0. */
static int
sleep_until(int64_t at, const sigset_t *set)
{
	struct timespec ts;
	int64_t left;
	int s;

	while ((left = at - sk_boot_ms()) > 0) {
		ts.tv_sec = (time_t)(left / 1000);
		ts.tv_nsec = (long)(left % 1000) * 1000000;
		s = sigtimedwait(set, NULL, &ts);
		if (s > 0)
			return s;
	}
	ts = (struct timespec){ 0, 0 };
	s = sigtimedwait(set, NULL, &ts);
	return s > 0 ? s : 0;
}

static int
ask(struct waiting *w, struct sk_err *err)
{
	const struct sk_jv *send = sk_idp_val(&w->p, "poll.send");
	const char *grant = sk_idp_str(&w->p, "poll.grant_type");
	const char *verifier = sk_jget_str(w->d.root, "verifier");
	struct auth_request q = { .what = "poll" };
	struct sk_arena tmp = { 0 };
	int rc;

	rc = provider_endpoint(&w->p, "poll", &q.url, err);
	if (rc == 0 && q.url == NULL)
		rc = provider_endpoint(&w->p, "token", &q.url, err);
	if (rc == 0 && q.url == NULL)
		rc = sk_fail(err, SK_USAGE, "no_endpoint",
		    "'%s' names no token endpoint", w->p.id);
	q.fields = sk_jnew(&tmp, SK_J_OBJ);
	if (rc == 0 && provider_bool(&w->p, "poll.send_client_id"))
		rc = auth_client_fields(&w->p, "poll", &tmp, &q, err);
	else
		q.json = sk_streq(sk_idp_str(&w->p, "encoding.poll"), "json");
	if (grant != NULL)
		sk_jset(
		    &tmp, q.fields, "grant_type", sk_jnew_cstr(&tmp, grant));
	for (size_t i = 0; i < sk_jlen(send); i++)
		sk_jset(&tmp, q.fields, send->m[i].key,
		    sk_jnew_cstr(
			&tmp, sk_jget_str(w->d.root, sk_jstr(send->m[i].v))));
	if (verifier != NULL)
		sk_jset(&tmp, q.fields, "code_verifier",
		    sk_jnew_cstr(&tmp, verifier));
	if (rc == 0)
		rc = auth_http(&q, &w->p, &w->reply, err);
	auth_wipe_tree(q.fields);
	sk_arena_free(&tmp);
	return rc;
}

static int
ended(struct waiting *w, enum auth_step step, struct sk_err *err)
{
	struct auth_reply *r = &w->reply;
	const char *id = w->p.id, *note = NULL, *word;

	switch (step) {
	case AUTH_STEP_EXPIRED:
		(void)sk_fail(err, SK_TIMEOUT, "code_expired",
		    "the code for '%s' has expired", id);
		return sk_hint(err, "sk-login login %s", id);
	case AUTH_STEP_DENIED:
		return sk_fail(err, SK_LOGIN, "access_denied",
		    "the login of '%s' was denied", id);
	case AUTH_STEP_CLOCK:
		(void)sk_fail(err, SK_NOANSWER, "slow_down",
		    "'%s' says slow_down again and again", id);
		return sk_hint(err, "the clock of this machine may run too "
				    "fast (virtual machines, WSL)");
	case AUTH_STEP_LOST:
		(void)sk_fail(err, auth_reply_lost(r),
		    auth_reply_word(r, "no_token"),
		    "no answer from '%s', %d times in a row: %s", id,
		    w->f.blips,
		    r->status == 0 ? r->why : "errors of the server");
		return sk_hint(err, "sk-login login wait %s", w->handle);
	case AUTH_STEP_CHALLENGE:
		note = sk_idp_str(&w->p, "notes.challenge");
		(void)sk_fail(err, SK_NOANSWER, "challenge",
		    "'%s' answers with a browser check (Cloudflare)", id);
		return sk_hint(err, "%s",
		    note != NULL ? note
				 : "try again later or "
				   "from another "
				   "network");
	case AUTH_STEP_DISABLED:
		note = sk_idp_str(&w->p, "notes.disabled");
		(void)sk_fail(err, SK_NOANSWER, "device_disabled",
		    "'%s' does not allow device login here", id);
		return note != NULL ? sk_hint(err, "%s", note) : err->exit;
	case AUTH_STEP_BAD:
	case AUTH_STEP_WAIT:
	case AUTH_STEP_DONE:
		break;
	}
	word = auth_token_fault(
	    provider_pick(&w->p, "tokens.access_token", r->json));
	word = r->code != NULL
	           ? "login_refused"
	           : auth_reply_word(r, word != NULL ? word : "no_token");
	return sk_fail(err, SK_NOANSWER, word,
	    "'%s' refuses the login (status %d%s%s%s%s)", id, r->status,
	    r->code != NULL ? ", " : "", r->code != NULL ? r->code : "",
	    r->text != NULL ? ": " : "", r->text != NULL ? r->text : "");
}

/* Asks until there is an answer; *step says which. */
static int
poll_loop(struct waiting *w, int64_t timeout_ms, enum auth_step *step,
    struct sk_err *err)
{
	int64_t slow, end;
	enum auth_poll class;
	sigset_t set, old;
	int rc = 0, signo;

	end = timeout_ms > 0 ? sk_boot_ms() + timeout_ms : INT64_MAX;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &set, &old);
	*step = AUTH_STEP_WAIT;
	while (rc == 0 && *step == AUTH_STEP_WAIT) {
		signo = sleep_until(w->f.next < end ? w->f.next : end, &set);
		if (signo != 0) {
			rc = sk_fail(err, signo == SIGINT ? SK_INT : SK_TERM,
			    "interrupted", "interrupted while waiting");
			(void)sk_hint(err, "sk-login login wait %s", w->handle);
		} else if (w->f.next > end) {
			rc = sk_fail(
			    err, SK_TIMEOUT, "timeout", "not approved in time");
			(void)sk_hint(err, "sk-login login wait %s", w->handle);
		} else {
			auth_reply_free(&w->reply);
			rc = ask(w, err);
			class = auth_poll_class(&w->p, &w->reply);
			slow = auth_seconds(provider_pick(
			    &w->p, "reply.interval", w->reply.json));
			if (rc == 0)
				*step = auth_flow_step(&w->f, class,
				    slow > 0 ? slow * 1000 : -1, sk_boot_ms());
		}
	}
	(void)sigprocmask(SIG_SETMASK, &old, NULL);
	return rc;
}

static int
no_such_handle(const char *handle, struct sk_err *err)
{
	(void)sk_fail(err, SK_USAGE, "no_such_handle",
	    "no login is waiting under '%s'", handle);
	return sk_hint(err, "'sk-login login start PROVIDER' prints a handle");
}

static int
resume(struct waiting *w, struct sk_err *err)
{
	const struct sk_jv *root;
	int64_t left = 0, at, step = -1;
	int rc;

	rc = auth_doc_lock(w->a, w->handle, 0, &w->d, err);
	if (rc == 0)
		rc = auth_doc_load(w->a, w->handle, AUTH_EXT_LOGIN, &w->d, err);
	if (rc != 0)
		return rc;
	root = w->d.root;
	if (root == NULL)
		return no_such_handle(w->handle, err);
	rc = auth_provider_of(&w->p, sk_jget_str(root, "provider"), root, err);
	if (rc != 0)
		return rc;
	if (sk_streq(sk_jget_str(root, "boot_id"), sk_boot_id())) {
		if (sk_jget_int(root, "boot_deadline", &at))
			left = at - sk_boot_ms();
	} else if (sk_jget_int(root, "deadline", &at)) {
		left = at - sk_now_ms();
	}
	(void)sk_jget_int(root, "interval_ms", &step);
	auth_flow_begin(&w->f, &w->p, step, left > 0 ? left : 1, sk_boot_ms());
	if (left <= 0)
		return ended(w, AUTH_STEP_EXPIRED, err);
	return 0;
}

/* A code that may be given once is asked for again only when it cannot have
 * arrived. */
static int
exchange(struct waiting *w, struct sk_err *err)
{
	struct auth_reply r;
	const char *redirect;
	int rc;

	rc = provider_endpoint(&w->p, "redirect", &redirect, err);
	for (int i = 0; rc == 0; i++) {
		rc = auth_exchange(&w->p,
		    sk_jget_str(w->reply.json, "authorization_code"),
		    sk_jget_str(w->reply.json, "code_verifier"), redirect, &r,
		    err);
		if (rc != 0)
			break;
		if ((r.status == 0 ? r.sent : r.status < 500) || i >= 5)
			break;
		auth_reply_free(&r);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0,
		    &(struct timespec){ .tv_nsec = 300000000 }, NULL);
	}
	if (rc != 0)
		return rc;
	auth_reply_free(&w->reply);
	w->reply = r;
	if (sk_jstr(provider_pick(&w->p, "tokens.access_token", r.json)) ==
	    NULL)
		return auth_exchange_failed(&w->p, &w->reply, err);
	return 0;
}

static void
forget(struct sk_auth *a, const char *handle)
{
	struct sk_err ignored = { 0 };
	char *lock = sk_asprintf("%s.lock", handle);

	(void)auth_doc_remove(a, handle, AUTH_EXT_LOGIN, &ignored);
	if (a->dirfd >= 0)
		(void)unlinkat(a->dirfd, lock, 0);
	sk_err_clear(&ignored);
	free(lock);
}

int
sk_login_wait(struct sk_auth *a, const char *handle,
    const struct sk_login_opts *o, sk_login_fn tell, void *arg,
    struct sk_err *err)
{
	struct waiting w = { .a = a, .handle = handle };
	struct sk_login_opts mine = *o;
	struct sk_jv *list;
	enum auth_step step = AUTH_STEP_WAIT;
	bool there, over = false;
	int rc;

	w.d.lock.fd = -1;
	if (!sk_ident_ok(handle))
		return sk_fail(err, SK_USAGE, "no_such_handle",
		    "'%.64s' is not a handle", handle);
	rc = auth_open(a, false, &there, err);
	if (rc == 0 && !there)
		rc = no_such_handle(handle, err);
	if (rc == 0)
		rc = resume(&w, err);
	/* (An expired one is done with, too.) */
	over = rc == SK_TIMEOUT;
	if (rc == 0)
		rc = poll_loop(&w, o->timeout_ms, &step, err);
	if (rc == 0 && step != AUTH_STEP_DONE) {
		rc = ended(&w, step, err);
		over = step != AUTH_STEP_LOST;
	}
	if (rc == 0 && sk_streq(sk_idp_str(&w.p, "poll.result"), "code")) {
		over = true;
		rc = exchange(&w, err);
	}
	if (rc == 0) {
		over = true;
		mine.account = sk_jget_str(w.d.root, "account");
		mine.workspaces = (struct sk_strv){ 0 };
		list = sk_jget(w.d.root, "workspaces");
		for (size_t i = 0; i < sk_jlen(list); i++)
			sk_strv_add(&mine.workspaces, sk_jstr(sk_jat(list, i)));
		if (sk_jget(w.d.root, "over") != NULL)
			sk_jset(&w.p.arena, w.p.root, "over",
			    sk_jcopy(&w.p.arena, sk_jget(w.d.root, "over")));
		rc = auth_login_store(
		    a, &w.p, &mine, w.reply.json, tell, arg, err);
		sk_strv_free(&mine.workspaces);
	}
	if (over)
		forget(a, handle);
	auth_reply_free(&w.reply);
	auth_doc_free(&w.d);
	if (w.p.root != NULL)
		sk_idp_free(&w.p);
	return rc;
}

int
sk_login_cancel(struct sk_auth *a, const char *handle, struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	bool there;
	int rc;

	if (!sk_ident_ok(handle))
		return sk_fail(err, SK_USAGE, "no_such_handle",
		    "'%.64s' is not a handle", handle);
	rc = auth_open(a, false, &there, err);
	if (rc == 0 && there)
		rc = auth_doc_load(a, handle, AUTH_EXT_LOGIN, &d, err);
	if (rc == 0 && d.root == NULL)
		rc = no_such_handle(handle, err);
	if (rc == 0)
		forget(a, handle);
	auth_doc_free(&d);
	return rc;
}
