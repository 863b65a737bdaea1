/* SPDX-License-Identifier: MIT */
/* What a server wants the user to see, and to open: checked first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "auth/internal.h"

#define URI_MAX 512u
#define CODE_MAX 64u

/*
 * A person will type a code there: exactly the provider's own hosts, https, no
 * name that only looks like one.
 */
int
auth_show_uri(const struct sk_idp *p, const char *uri, struct sk_err *err)
{
	static const struct auth_why too_long = { "url_too_long",
		"is too long" };
	static const struct auth_why insecure = { "url_insecure",
		"is not https" };
	static const struct auth_why disguise = { "url_disguised",
		"has a host in disguise (xn--)" };
	static const struct auth_why foreign = { "url_foreign",
		"is not on a host of this provider" };
	const struct auth_why *why = &too_long, *ignored;
	const char *issuer = sk_idp_str(p, "issuer");
	struct auth_url u, own;

	if (strlen(uri) <= URI_MAX && auth_url_parse(uri, &u, &why)) {
		const char *dev = sk_idp_str(p, "endpoints.device");
		bool known =
		    provider_lists(p, "verification_hosts", u.host) ||
		    (issuer != NULL && auth_url_parse(issuer, &own, &ignored) &&
			sk_streq(own.host, u.host)) ||
		    (dev != NULL && auth_url_parse(dev, &own, &ignored) &&
			sk_streq(own.host, u.host));

		if (!u.https && !u.loopback)
			why = &insecure;
		else if (strstr(u.host, "xn--") != NULL &&
			 !provider_lists(p, "verification_hosts", u.host))
			why = &disguise;
		else if (!known)
			why = &foreign;
		else
			return 0;
	}
	(void)sk_fail(err, SK_NOANSWER, why->code,
	    "'%s' wants its user to open '%.200s', which %s", p->id, uri,
	    why->text);
	return sk_hint(err,
	    "if that is right, list the host in "
	    "verification_hosts of providers/%s.toml",
	    p->id);
}

int
auth_show_code(const char *code, struct sk_err *err)
{
	const char *word = strlen(code) > CODE_MAX ? "code_too_long" : NULL;

	for (const char *c = code; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			word = "code_bytes";
	return word == NULL
	           ? 0
	           : sk_fail(err, SK_NOANSWER, word,
			 "the server's code '%.70s' cannot be one", code);
}

/* Runs a helper program if it is there; its output goes to our stderr. */
static void
helper(const char *const *argv, const char *in)
{
	struct sk_spawn s = { .argv = argv,
		.fd_in = -1,
		.fd_out = -1,
		.fd_err = -1,
		.new_session = true };
	struct sk_err ignored = { 0 };
	struct sk_buf out, errs;
	int ws;

	sk_buf_init(&out, 65536);
	sk_buf_init(&errs, 4096);
	if (sk_capture(&s, in, in != NULL ? strlen(in) : 0, &out, &errs, 5000,
		&ws, &ignored) == 0 &&
	    WIFEXITED(ws) && WEXITSTATUS(ws) == 0 && out.len > 0)
		(void)sk_write_all(STDERR_FILENO, out.p, out.len);
	sk_buf_free(&out);
	sk_buf_free(&errs);
	sk_err_clear(&ignored);
}

void
sk_auth_show_qr(const char *uri)
{
	static const char *const argv[] = { "qrencode", "-t", "UTF8", "-o", "-",
		NULL };

	helper(argv, uri);
}

void
sk_auth_open_browser(const char *uri)
{
	const char *argv[] = { "xdg-open", uri, NULL };

	helper(argv, NULL);
}
