/* SPDX-License-Identifier: MIT */
/* What a server said, and what that means: no network, no clock. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "auth/internal.h"

/* A page for people, whatever its content type says. */
static bool
looks_html(const char *p, size_t n)
{
	static const char *const marks[] = { "<!doctype", "<html", "<head",
		"<body", "<?xml" };
	size_t i = 0;

	while (i < n && (p[i] == ' ' || (p[i] >= '\t' && p[i] <= '\r')))
		i++;
	for (size_t k = 0; k < SK_ARRAY_SIZE(marks); k++)
		if (n - i >= strlen(marks[k]) &&
		    strncasecmp(p + i, marks[k], strlen(marks[k])) == 0)
			return true;
	return false;
}

static bool
looks_challenge(const char *p, size_t n)
{
	static const char *const marks[] = { "challenge-platform", "cf-chl",
		"Just a moment", "cf_chl_opt" };

	for (size_t k = 0; k < SK_ARRAY_SIZE(marks); k++)
		if (memmem(p, n, marks[k], strlen(marks[k])) != NULL)
			return true;
	return false;
}

/* The server's words, short and harmless. */
static const char *
words(struct auth_reply *r, const struct sk_jv *v)
{
	struct sk_buf b;
	const char *s = sk_jstr(v), *out;

	if (s == NULL || s[0] == '\0')
		return NULL;
	sk_buf_init(&b, 0);
	sk_buf_visible(&b, s, strlen(s) > 200 ? 200 : strlen(s), false);
	out = sk_arena_strndup(&r->arena, b.p, b.len);
	sk_buf_free(&b);
	return out;
}

/* What is wrong with a body that is no object of JSON. */
static void
body_fault(
    struct auth_reply *r, const char *type, size_t n, const struct sk_err *why)
{
	char word[24] = "";

	if (r->html)
		(void)snprintf(word, sizeof(word), "html_reply");
	else if (n == 0)
		(void)snprintf(word, sizeof(word), "empty_reply");
	else if (r->json != NULL)
		(void)snprintf(word, sizeof(word), "json_no_object");
	else if (type != NULL && type[0] != '\0' &&
		 strcasestr(type, "json") == NULL)
		(void)snprintf(word, sizeof(word), "wrong_type");
	else
		(void)snprintf(word, sizeof(word), "json_%s", sk_json_why(why));
	memcpy(r->fault, word, sizeof(r->fault));
}

const char *
auth_reply_word(struct auth_reply *r, const char *needed)
{
	bool good = r->status >= 200 && r->status <= 299;

	if (r->challenge)
		return "challenge";
	if (r->status == 429 || sk_streq(r->code, "rate_limit_exceeded"))
		return "rate_limited";
	if (r->status != 0 && !good && (!r->html || r->status >= 500))
		(void)snprintf(
		    r->fault, sizeof(r->fault), "http_%d", r->status);
	return r->fault[0] != '\0' ? r->fault : needed;
}

int
auth_reply_lost(const struct auth_reply *r)
{
	if (r->unfit)
		return SK_USAGE;
	return r->refused ? SK_NOANSWER : SK_AGAIN;
}

void
auth_reply_read(struct auth_reply *r, const struct sk_idp *p, const char *type,
    const char *body, size_t n)
{
	static const struct sk_jlimits lim = { .bytes = (size_t)4 << 20,
		.depth = 32,
		.tokens = 20000,
		.string = (size_t)4 << 20,
		.key = 1024 };
	struct sk_err why = { 0 };
	const char *code;

	r->html = looks_html(body, n) ||
	          (type != NULL && strncasecmp(type, "text/html", 9) == 0);
	r->challenge = r->challenge || (r->html && looks_challenge(body, n));
	r->json = NULL;
	if (!r->html &&
	    sk_json_parse(&r->arena, body, n, &lim, &r->json, &why) != 0) {
		r->json = NULL;
		if (p != NULL && provider_bool(p, "accept_form_response"))
			(void)auth_form_parse(&r->arena, body, n, &r->json);
	}
	if (r->json == NULL || r->json->type != SK_J_OBJ) {
		body_fault(r, type, n, &why);
		r->json = NULL;
	}
	sk_err_clear(&why);
	if (p == NULL)
		return;
	/* (The list begins with /error/code, and "error" may be a string.) */
	code = sk_jstr(provider_pick(p, "error_path", r->json));
	r->code =
	    code != NULL && code[0] != '\0' && strlen(code) <= 64 ? code : NULL;
	r->text = words(r, provider_pick(p, "error_text", r->json));
}

void
auth_reply_free(struct auth_reply *r)
{
	auth_wipe_tree(r->json);
	sk_arena_free(&r->arena);
	memset(r, 0, sizeof(*r));
}

static bool
has_result(const struct sk_idp *p, const struct auth_reply *r)
{
	if (sk_streq(sk_idp_str(p, "poll.result"), "code"))
		return sk_jget_str(r->json, "authorization_code") != NULL;
	return sk_jstr(provider_pick(p, "tokens.access_token", r->json)) !=
	       NULL;
}

/*
 * Codes before statuses: a refusal that comes with the status of "pending" is a
 * refusal. A page of HTML is never an answer of the protocol.
 */
enum auth_poll
auth_poll_class(const struct sk_idp *p, const struct auth_reply *r)
{
	static const struct {
		const char *key;
		enum auth_poll class;
	} rows[] = { { "poll.slow_down", AUTH_POLL_SLOW },
		{ "poll.denied", AUTH_POLL_DENIED },
		{ "poll.expired", AUTH_POLL_EXPIRED },
		{ "poll.disabled", AUTH_POLL_DISABLED },
		{ "poll.pending", AUTH_POLL_PENDING } };
	bool good = r->status >= 200 && r->status < 300;

	if (r->challenge)
		return AUTH_POLL_CHALLENGE;
	if (r->status == 0)
		return AUTH_POLL_BLIP;
	if (good && has_result(p, r) &&
	    !(provider_bool(p, "http_error_on_200") && r->code != NULL))
		return AUTH_POLL_OK;
	if (!good || provider_bool(p, "http_error_on_200"))
		for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
			if (provider_match(
				p, rows[i].key, r->status, r->code, true))
				return rows[i].class;
	if (good)
		return AUTH_POLL_BAD;
	if (!r->html)
		for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
			if (provider_match(
				p, rows[i].key, r->status, r->code, false))
				return rows[i].class;
	if (r->status >= 500 || r->status == 408 || r->status == 425 ||
	    r->status == 429)
		return AUTH_POLL_BLIP;
	return AUTH_POLL_BAD;
}

enum auth_fresh
auth_refresh_class(
    const struct sk_idp *p, const struct auth_reply *r, const char **reason)
{
	static const struct {
		const char *key, *reason;
	} rows[] = { { "refresh.expired", "expired" },
		{ "refresh.reused", "reused" },
		{ "refresh.revoked", "revoked" },
		{ "refresh.permanent", "refused" } };
	bool good = r->status >= 200 && r->status < 300;

	*reason = r->code;
	if (r->status == 0) {
		*reason = "no_answer";
		return r->sent ? AUTH_FRESH_UNSURE : AUTH_FRESH_RETRY;
	}
	if (good &&
	    sk_jstr(provider_pick(p, "tokens.access_token", r->json)) != NULL &&
	    !(provider_bool(p, "http_error_on_200") && r->code != NULL))
		return AUTH_FRESH_OK;
	for (int codes = 1; codes >= 0; codes--)
		for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++) {
			if (r->html || r->challenge ||
			    (good && !provider_bool(p, "http_error_on_200")) ||
			    !provider_match(
				p, rows[i].key, r->status, r->code, codes == 1))
				continue;
			/* (No more than a status: no reason was given.) */
			*reason = codes == 1 ? rows[i].reason : "rejected";
			return AUTH_FRESH_DEAD;
		}
	/* It said yes, and what it gave is lost. */
	if (good) {
		*reason = "bad_reply";
		return AUTH_FRESH_UNSURE;
	}
	if (r->challenge)
		*reason = "challenge";
	else if (*reason == NULL)
		*reason = "server_error";
	return AUTH_FRESH_RETRY;
}
