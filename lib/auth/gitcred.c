/* SPDX-License-Identifier: MIT */
/*
 * git's credential protocol: lines of key=value to an empty line. Reader and
 * writer have one grammar, in which a line has no CR and no NUL; an empty host
 * matches nothing; a host is compared whole.
 */
#include <stdlib.h>
#include <string.h>

#include "auth/internal.h"

struct request {
	char *protocol, *host, *username, *password;
};

static void
request_free(struct request *q)
{
	char *all[] = { q->protocol, q->host, q->username, q->password };

	for (size_t i = 0; i < SK_ARRAY_SIZE(all); i++) {
		if (all[i] != NULL)
			explicit_bzero(all[i], strlen(all[i]));
		free(all[i]);
	}
}

static int
parse(const char *p, size_t n, struct request *q, struct sk_err *err)
{
	struct {
		const char *key;
		char **to;
	} rows[] = { { "protocol", &q->protocol }, { "host", &q->host },
		{ "username", &q->username }, { "password", &q->password } };

	for (size_t i = 0; i < n;) {
		const char *end = memchr(p + i, '\n', n - i), *eq;
		size_t len = end != NULL ? (size_t)(end - p) - i : n - i;

		if (len == 0)
			break;
		eq = memchr(p + i, '=', len);
		if (eq == NULL || memchr(p + i, '\r', len) != NULL ||
		    memchr(p + i, '\0', len) != NULL)
			return sk_fail(err, SK_DAMAGED, "bad_credential_line",
			    "the input is not git's credential protocol");
		for (size_t k = 0; k < SK_ARRAY_SIZE(rows); k++) {
			size_t kn = strlen(rows[k].key);

			if ((size_t)(eq - p) - i != kn ||
			    memcmp(p + i, rows[k].key, kn) != 0)
				continue;
			if (*rows[k].to != NULL)
				return sk_fail(err, SK_DAMAGED,
				    "bad_credential_line",
				    "'%s' is given twice", rows[k].key);
			*rows[k].to = sk_strndup(eq + 1, len - kn - 1);
		}
		i += len + 1;
	}
	return 0;
}

/* The provider that names this very host. */
static bool
find(const char *host, struct sk_idp *p)
{
	struct sk_strv names = { 0 };
	struct sk_err ignored = { 0 };
	bool found = false;

	sk_idp_names(&names);
	for (size_t i = 0; !found && i < names.n; i++) {
		if (sk_idp_get(p, names.v[i], &ignored) != 0) {
			sk_err_clear(&ignored);
			continue;
		}
		found = provider_lists(p, "git_hosts", host);
		if (!found)
			sk_idp_free(p);
	}
	sk_strv_free(&names);
	return found;
}

static int
git_get(struct sk_auth *a, struct sk_idp *p, const struct request *q,
    struct sk_buf *out, struct sk_err *err)
{
	const char *user = sk_idp_str(p, "git_username");
	struct sk_token_opts o = { .min_ttl_ms = -1 };
	struct sk_buf t;
	int rc;

	rc = sk_auth_token(a, p->id, &o, &t, err);
	if (rc == 0) {
		if (q->username != NULL && q->username[0] != '\0')
			user = q->username;
		sk_buf_printf(out, "protocol=https\nhost=%s\nusername=%s\n",
		    q->host, user != NULL ? user : "oauth2");
		sk_buf_str(out, "password=");
		sk_buf_add(out, t.p, t.len);
		sk_buf_ch(out, '\n');
	}
	sk_auth_wipe(&t);
	/* git asks its next helper, or the user. */
	if (rc == SK_LOGIN) {
		sk_say("%s (%s)", err->message, err->hint);
		sk_err_clear(err);
		rc = 0;
	}
	return rc;
}

/* What git has seen work: nothing new when it came from us. */
static int
git_store(struct sk_auth *a, struct sk_idp *p, const struct request *q,
    struct sk_err *err)
{
	struct auth_doc d = { .lock = { .fd = -1 } };
	const struct sk_jv *acc;
	bool ours;
	int rc;

	rc = auth_doc_load(a, p->id, AUTH_EXT_TOKEN, &d, err);
	acc = auth_account(&d, NULL, NULL);
	ours = acc != NULL;
	auth_doc_free(&d);
	if (rc != 0 || ours)
		return rc;
	return sk_auth_put(
	    a, p->id, "git", q->password, strlen(q->password), err);
}

/* What git has seen refused: refreshed, or dropped when it was git's own. */
static int
git_erase(struct sk_auth *a, struct sk_idp *p, const struct request *q,
    struct sk_err *err)
{
	struct sk_token_opts o = { .rejected = q->password, .min_ttl_ms = -1 };
	struct auth_doc d = { .lock = { .fd = -1 } };
	const struct sk_jv *acc;
	const char *what, *name = NULL;
	struct sk_logout done;
	bool mine;
	int rc;

	rc = auth_doc_load(a, p->id, AUTH_EXT_TOKEN, &d, err);
	acc = auth_account(&d, NULL, &name);
	mine = acc != NULL && q->password != NULL &&
	       sk_streq(sk_jget_str(acc, "access_token"), q->password);
	if (rc == 0 && mine && sk_streq(name, "git"))
		rc = sk_auth_logout(a, p->id, "git", false, &done, err);
	else if (rc == 0 && mine &&
		 sk_auth_refresh(a, p->id, &o, &what, err) == SK_LOGIN) {
		sk_say("%s (%s)", err->message, err->hint);
		sk_err_clear(err);
	}
	auth_doc_free(&d);
	return rc;
}

int
sk_auth_git(struct sk_auth *a, const char *op, int fd, struct sk_buf *out,
    struct sk_err *err)
{
	struct sk_buf in;
	struct request q = { 0 };
	struct sk_idp p;
	int rc;

	auth_buf(out, 16384);
	sk_buf_init(&in, 65536);
	rc = sk_read_fd(fd, 65536, &in, "standard input", err);
	if (rc == 0)
		rc = parse(in.p, in.len, &q, err);
	/* A token goes over https or nowhere. */
	if (rc == 0 && q.host != NULL && q.host[0] != '\0' &&
	    sk_streq(q.protocol, "https") && find(q.host, &p)) {
		if (sk_streq(op, "get"))
			rc = git_get(a, &p, &q, out, err);
		else if (sk_streq(op, "store") && q.password != NULL)
			rc = git_store(a, &p, &q, err);
		else if (sk_streq(op, "erase"))
			rc = git_erase(a, &p, &q, err);
		sk_idp_free(&p);
	}
	request_free(&q);
	sk_auth_wipe(&in);
	return rc;
}
