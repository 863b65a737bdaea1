/* SPDX-License-Identifier: MIT */
/* What sk-login shows: the code to a person, lists, tables. */
#include <string.h>
#include <unistd.h>

#include "auth/internal.h"
#include "cli/cli.h"

/* A line of ours to the terminal, hostile bytes made visible. */
static void
talk(const char *fmt, const char *value)
{
	struct sk_buf seen, line;

	sk_buf_init(&seen, 0);
	sk_buf_init(&line, 0);
	sk_buf_visible(&seen, value != NULL ? value : "",
	    value ? strlen(value) : 0, false);
	for (const char *c = fmt; *c != '\0'; c++)
		if (c[0] == '%' && c[1] == 's') {
			sk_buf_add(&line, seen.p, seen.len);
			c++;
		} else {
			sk_buf_ch(&line, *c);
		}
	(void)sk_write_all(STDERR_FILENO, line.p, line.len);
	sk_buf_free(&line);
	sk_buf_free(&seen);
}

void
sk_auth_say(const struct sk_jv *e, bool browser, bool qr)
{
	const char *event = sk_jget_str(e, "event"), *uri;
	const char *full = sk_jget_str(e, "verification_uri_complete");

	if (sk_streq(event, "code")) {
		uri = sk_jget_str(e, "verification_uri");
		talk("To log in to %s, open\n\n", sk_jget_str(e, "name"));
		talk("    %s\n\nand enter the code\n\n", uri);
		talk("    %s\n\n", sk_jget_str(e, "user_code"));
		talk("Continue only if you started this login yourself; never "
		     "give the code to\nanybody. It is valid until %s.\n",
		    sk_jget_str(e, "expires_at"));
		if (qr && sk_stderr_tty())
			sk_auth_show_qr(full != NULL ? full : uri);
	} else if (sk_streq(event, "browser")) {
		uri = sk_jget_str(e, "url");
		talk("To log in to %s, open\n\n", sk_jget_str(e, "name"));
		talk("    %s\n\n", uri);
		talk(sk_streq(sk_jget_str(e, "method"), "paste")
			 ? "and give the code, or the address that the "
			   "browser ended at, to this program.\n"
			 : "This program waits for the browser to come "
			   "back.\n",
		    NULL);
	} else {
		return;
	}
	if (browser)
		sk_auth_open_browser(full != NULL ? full : uri);
}

static void
status_text(const struct sk_buf *b)
{
	struct sk_arena ar = { 0 };
	struct sk_table table;
	struct sk_jv *root;
	const struct sk_jv *list, *e;
	const char *until, *who;

	if (sk_json_parse(&ar, b->p, b->len, NULL, &root, NULL) != 0)
		return;
	list = sk_jget(root, "providers");
	sk_table_init(&table, 4, 0);
	sk_table_cell(&table, "PROVIDER");
	sk_table_cell(&table, "ACCOUNT");
	sk_table_cell(&table, "STATE");
	sk_table_cell(&table, "UNTIL");
	for (size_t i = 0; i < sk_jlen(list); i++) {
		e = sk_jat(list, i);
		who = sk_jget_str(e, "account");
		until = sk_jget_str(e, "expires_at");
		sk_table_cell(&table, sk_jget_str(e, "provider"));
		sk_table_cell(&table, who != NULL ? who : "-");
		sk_table_cellf(&table, "%s%s", sk_jget_str(e, "state"),
		    sk_jget_bool(e, "refreshable", false) ? ", refreshable"
							  : "");
		sk_table_cell(&table, until != NULL ? until : "-");
	}
	sk_table_print(&table);
	sk_outf("store: %s\n", sk_jget_str(root, "store"));
	sk_arena_free(&ar);
}

static void
whoami_text(const struct sk_buf *b)
{
	static const char *const keys[] = { "email", "display", "account_id",
		"account" };
	struct sk_arena ar = { 0 };
	const char *who = NULL, *plan;
	struct sk_buf line;
	struct sk_jv *e;

	if (sk_json_parse(&ar, b->p, b->len, NULL, &e, NULL) != 0)
		return;
	for (size_t i = 0; who == NULL && i < SK_ARRAY_SIZE(keys); i++)
		who = sk_jget_str(e, keys[i]);
	if (who == NULL)
		who = sk_jget_str(e, "state");
	plan = sk_jget_str(e, "plan");
	sk_buf_init(&line, 0);
	sk_buf_visible(&line, who, strlen(who), false);
	if (plan != NULL) {
		sk_buf_str(&line, " (");
		sk_buf_visible(&line, plan, strlen(plan), false);
		sk_buf_ch(&line, ')');
	}
	sk_buf_ch(&line, '\n');
	sk_out(line.p, line.len);
	sk_buf_free(&line);
	sk_arena_free(&ar);
}

int
sk_auth_show_status(struct sk_auth *a, char *const *providers,
    const struct sk_token_opts *o, bool text, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	bool needed = false;
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	rc = auth_names(a, providers, &names, err);
	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.login-status/1");
	sk_jw_karr(&w, "providers");
	for (size_t i = 0; rc == 0 && i < names.n; i++) {
		sk_jw_obj(&w);
		rc = sk_auth_status(a, names.v[i], o, &w, err);
		sk_jw_end(&w);
		if (rc == SK_LOGIN && err->message[0] == '\0') {
			needed = true;
			rc = 0;
		}
	}
	sk_jw_end(&w);
	sk_jw_kstr(&w, "store", sk_auth_where(a));
	sk_jw_done(&w);
	if (rc == 0 && !text)
		sk_out_json(&b);
	else if (rc == 0 && names.n > 0)
		status_text(&b);
	else if (rc == 0)
		sk_say("no login is stored here ('sk-login providers' lists "
		       "whom you can log in to)");
	if (rc == 0 && (needed || names.n == 0))
		rc = SK_LOGIN;
	sk_buf_free(&b);
	sk_strv_free(&names);
	return rc;
}

int
sk_auth_show_whoami(struct sk_auth *a, const char *provider,
    const struct sk_token_opts *o, bool text, struct sk_err *err)
{
	struct sk_buf b;
	struct sk_jw w;
	int rc;

	sk_buf_init(&b, 0);
	sk_jw_doc(&w, &b, "sk.login-whoami/1");
	rc = sk_auth_status(a, provider, o, &w, err);
	sk_jw_done(&w);
	if (err->message[0] == '\0' && !text)
		sk_out_json(&b);
	else if (err->message[0] == '\0')
		whoami_text(&b);
	sk_buf_free(&b);
	return rc;
}

/* {"schema":"sk.login-change/1","action":…,"provider":…,…} */
static void
show_change(bool text, const char *action, const char *provider,
    const char *account, const char *result, const char *not_revoked)
{
	struct sk_buf b;
	struct sk_jw w;

	if (text) {
		sk_outf("%s%s%s\n", provider != NULL ? provider : "",
		    provider != NULL ? ": " : "", result);
		return;
	}
	sk_out_json_begin(&w, &b, "sk.login-change/1");
	sk_jw_kstr(&w, "action", action);
	sk_jw_kstr(&w, "provider", provider);
	sk_jw_kstr(&w, "account", account);
	sk_jw_kstr(&w, "result", result);
	if (not_revoked != NULL)
		sk_jw_kstr(&w, "not_revoked", not_revoked);
	sk_out_json_end(&w);
}

void
sk_auth_show_change(bool text, const char *action, const char *provider,
    const char *account, const char *result)
{
	show_change(text, action, provider, account, result, NULL);
}

void
sk_auth_show_logout(bool text, const char *provider, const char *account,
    const struct sk_logout *done)
{
	show_change(text, "logout", provider, account,
	    !done->was      ? "not logged in"
	    : done->revoked ? "logged out, revoked"
			    : "logged out",
	    done->not_revoked[0] != '\0' ? done->not_revoked : NULL);
}

/* ---- providers ---- */

static const char *
how(const struct sk_idp *p)
{
	static const struct {
		const char *kind, *how;
	} rows[] = { { "auth_code", "browser" }, { "static_token", "token" },
		{ "api_key", "key" }, { "adc", "gcloud" } };

	for (size_t i = 0; i < SK_ARRAY_SIZE(rows); i++)
		if (sk_streq(rows[i].kind, sk_idp_str(p, "kind")))
			return rows[i].how;
	return "code";
}

/* Is everything there that a login needs from this side? */
static bool
ready(struct sk_idp *p)
{
	struct sk_err ignored = { 0 };
	const char *id = NULL;
	bool yes;

	if (!sk_streq(how(p), "code") && !sk_streq(how(p), "browser"))
		return true;
	yes = sk_idp_client(p, "client_id", &id, &ignored) == 0 && id != NULL &&
	      sk_idp_str(p, "issuer") != NULL;
	sk_err_clear(&ignored);
	return yes;
}

static int
one(struct sk_jw *w, struct sk_table *t, const char *name, struct sk_err *err)
{
	static const char *const lists[] = { "env_tokens", "api_origins",
		"git_hosts" };
	struct sk_idp p;
	const char *need;
	int rc;

	rc = sk_idp_get(&p, name, err);
	if (rc != 0)
		return rc;
	need = sk_idp_str(&p, "notes.need");
	sk_jw_obj(w);
	sk_jw_kstr(w, "provider", name);
	sk_jw_kstr(w, "name", sk_idp_str(&p, "display_name"));
	sk_jw_kstr(w, "kind", sk_idp_str(&p, "kind"));
	sk_jw_kstr(w, "login", how(&p));
	sk_jw_kbool(w, "ready", ready(&p));
	sk_jw_kstr(w, "needs", need);
	sk_jw_kstr(w, "issuer", sk_idp_str(&p, "issuer"));
	sk_jw_kstr(w, "from", sk_idp_str(&p, "foreign.app"));
	for (size_t i = 0; i < SK_ARRAY_SIZE(lists); i++) {
		sk_jw_karr(w, lists[i]);
		for (size_t k = 0; k < sk_jlen(sk_idp_val(&p, lists[i])); k++)
			sk_jw_str(
			    w, sk_jstr(sk_jat(sk_idp_val(&p, lists[i]), k)));
		sk_jw_end(w);
	}
	sk_jw_end(w);
	sk_table_cell(t, name);
	sk_table_cell(t, how(&p));
	sk_table_cell(t, ready(&p) ? "yes" : "no");
	sk_table_cell(t, need != NULL ? need : "nothing");
	sk_idp_free(&p);
	return 0;
}

/* The whole of one, as it is in force; a secret that stands in a file is not
 * shown. */
static int
whole(struct sk_buf *b, const char *name, bool text, struct sk_err *err)
{
	struct sk_idp p;
	struct sk_jw w;
	int rc;

	rc = sk_idp_get(&p, name, err);
	if (rc != 0)
		return rc;
	if (sk_idp_str(&p, "client_secret") != NULL)
		sk_idp_set(&p, "client_secret", "***");
	if (text) {
		sk_json_pretty(b, p.root);
		sk_buf_ch(b, '\n');
	} else {
		sk_jw_doc(&w, b, "sk.login-provider/1");
		sk_jw_kstr(&w, "provider", name);
		sk_jw_kvalue(&w, "settings", p.root);
		sk_jw_done(&w);
	}
	sk_idp_free(&p);
	return 0;
}

int
sk_auth_providers(
    struct sk_buf *b, const char *name, bool text, struct sk_err *err)
{
	struct sk_strv names = { 0 };
	struct sk_table t;
	struct sk_buf json;
	struct sk_jw w;
	int rc = 0;

	if (name != NULL)
		return whole(b, name, text, err);
	sk_idp_names(&names);
	sk_buf_init(&json, 0);
	sk_table_init(&t, 4, 0);
	sk_table_cell(&t, "PROVIDER");
	sk_table_cell(&t, "BY");
	sk_table_cell(&t, "READY");
	sk_table_cell(&t, "NEEDS");
	sk_jw_doc(&w, &json, "sk.login-providers/1");
	sk_jw_karr(&w, "providers");
	for (size_t i = 0; rc == 0 && i < names.n; i++)
		rc = one(&w, &t, names.v[i], err);
	sk_jw_end(&w);
	sk_jw_done(&w);
	if (rc == 0 && text)
		sk_table_print(&t);
	else
		sk_strv_free(&t.cells);
	if (rc == 0 && !text)
		sk_buf_add(b, json.p, json.len);
	sk_buf_free(&json);
	sk_strv_free(&names);
	return rc;
}
