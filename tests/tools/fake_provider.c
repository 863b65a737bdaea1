/* SPDX-License-Identifier: MIT */
/*
 * A provider on loopback whose behaviour is chosen in the address:
 *
 *	fake_provider PORTFILE LOG [LIFE_S]
 *	http://127.0.0.1:PORT/s/STEP[+STEP...][;KEY=VALUE...]/ENDPOINT
 *
 * Steps are what polls are answered with, the last one for ever. Each address
 * before ENDPOINT is a provider of its own, with its own counters at
 * ENDPOINT "stat". Refresh tokens rotate, and one that is used again revokes
 * its family. Every request is a line of LOG.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_http.h"

#define SCENS 256

struct scen {
	char name[400];
	char device[64], user[128], challenge[100];
	int polls, starts, refreshes, reuses, revokes, exchanges, discoveries;
	int generation; /* of the refresh token that is good */
	int64_t rotated_at;
	bool revoked;
};

static struct scen scens[SCENS];
static int nscens;

/* ---- what an address says ---- */

/* The value of ;key=value, "" when it is given without, NULL when not. */
static const char *
opt(const struct scen *s, const char *key, char buf[256])
{
	const char *p = strchr(s->name, ';');
	size_t n = strlen(key), o = 0;

	for (; p != NULL; p = strchr(p + 1, ';')) {
		if (strncmp(p + 1, key, n) != 0 ||
		    (p[1 + n] != '=' && p[1 + n] != ';' && p[1 + n] != '\0'))
			continue;
		if (p[1 + n] != '=')
			return "";
		for (p += n + 2; *p != '\0' && *p != ';' && o < 255; p++) {
			unsigned x;

			if (*p == '%' && isxdigit((unsigned char)p[1]) &&
			    sscanf(p + 1, "%2x", &x) == 1) {
				buf[o++] = (char)x;
				p += 2;
			} else {
				buf[o++] = *p;
			}
		}
		buf[o] = '\0';
		return buf;
	}
	return NULL;
}

/* Step number i of a list "a+b+c"; the last repeats. */
static void
step_of(const char *list, int i, char out[32])
{
	size_t n;

	for (;;) {
		n = strcspn(list, "+;");
		if (i-- <= 0 || list[n] != '+')
			break;
		list += n + 1;
	}
	(void)snprintf(out, 32, "%.*s", (int)(n > 31 ? 31 : n), list);
}

static struct scen *
scen_get(const char *name, size_t n)
{
	for (int i = 0; i < nscens; i++)
		if (strlen(scens[i].name) == n &&
		    memcmp(scens[i].name, name, n) == 0)
			return &scens[i];
	if (nscens == SCENS || n >= sizeof(scens[0].name))
		return NULL;
	memcpy(scens[nscens].name, name, n);
	(void)snprintf(scens[nscens].device, 64,
	    "skCANARY-dc-%d-abcdefghijklmnopqrstuvwxyz", nscens);
	return &scens[nscens++];
}

/* ---- answers ---- */

static void
id_token(struct scen *s, struct sk_buf *b, const char *client)
{
	char x[256], y[256], z[256], w[256], body[1500];
	const char *ws = opt(s, "ws", x), *aud = opt(s, "aud", y);
	const char *alg = opt(s, "alg", z), *email = opt(s, "email", w);
	long now = (long)time(NULL);

	(void)snprintf(body, sizeof(body), "{\"alg\":\"%s\",\"typ\":\"JWT\"}",
	    alg != NULL ? alg : "RS256");
	base64url(b, body);
	(void)snprintf(body, sizeof(body),
	    "{\"iss\":\"http://127.0.0.1:%d/s/%s\",\"aud\":\"%s\",\"sub\":"
	    "\"user-1\",\"iat\":%ld,\"exp\":%ld,\"email\":\"%s\","
	    "\"https://api.openai.com/auth\":{\"chatgpt_plan_type\":\"plus\","
	    "\"chatgpt_account_id\":\"%s\",\"chatgpt_user_id\":\"user-1\"}}",
	    port, s->name, aud != NULL ? aud : client, now, now + 3600,
	    email != NULL ? email : "alice@example.test",
	    ws != NULL ? ws : "ws-1");
	sk_buf_ch(b, '.');
	base64url(b, body);
	sk_buf_str(b, ".c2lnbmF0dXJl");
}

/* Access, refresh and id token of the current generation. */
static void
tokens(struct scen *s, struct conn *c, const char *client, bool refresh)
{
	char x[256];
	const char *exp = opt(s, "exp", x);
	bool rotate = opt(s, "norotate", x) == NULL;
	int id = (int)(s - scens);
	struct sk_buf b;

	exp = opt(s, "exp", x);
	sk_buf_init(&b, 0);
	sk_buf_printf(&b,
	    "{\"access_token\":\"skCANARY-at-%d-%d\",\"token_type\":"
	    "\"bearer\",\"scope\":\"openid email\",\"resource_url\":"
	    "\"https://api.example.test\"",
	    id, s->generation);
	if (!refresh || rotate)
		sk_buf_printf(&b, ",\"refresh_token\":\"skCANARY-rt-%d-%d\"",
		    id, s->generation);
	if (exp == NULL || strcmp(exp, "none") != 0)
		sk_buf_printf(&b, ",\"expires_in\":%s",
		    exp == NULL ? "3600"
		    : refresh   ? "3600"
				: exp);
	sk_buf_str(&b, ",\"id_token\":\"");
	id_token(s, &b, client);
	sk_buf_str(&b, "\"}");
	if (opt(s, "form", x) != NULL)
		reply(c, 200, "", "application/x-www-form-urlencoded",
		    "access_token=skCANARY-at-form&token_type=bearer&scope="
		    "repo%2Cgist");
	else
		json(c, 200, b.p);
	sk_buf_free(&b);
}

/* ---- endpoints ---- */

static void
do_start(struct scen *s, struct conn *c, const char *body)
{
	char x[256], step[32], v[300];
	const char *o = opt(s, "start", x), *iv, *uri, *code;
	struct sk_buf b;

	if (o != NULL) {
		step_of(o, s->starts++, step);
		if (common(c, step))
			return;
		if (strcmp(step, "disabled") == 0)
			error(c, 400, "device_flow_disabled");
		else if (strcmp(step, "quota") == 0)
			json(
			    c, 403, "{\"error_code\":\"rate_limit_exceeded\"}");
		if (strcmp(step, "disabled") == 0 || strcmp(step, "quota") == 0)
			return;
	}
	(void)snprintf(s->challenge, sizeof(s->challenge), "%s",
	    field(body, "code_challenge", v));
	sk_buf_init(&b, 0);
	code = opt(s, "code", x);
	(void)snprintf(
	    s->user, sizeof(s->user), "%s", code ? code : "WDJB-MJHT");
	sk_buf_printf(&b, "{\"%s\":\"%s\",\"%s\":\"%s\"",
	    opt(s, "openai", x) ? "device_auth_id" : "device_code", s->device,
	    opt(s, "usercode", x) ? "usercode" : "user_code", s->user);
	uri = opt(s, "uri", x);
	if (opt(s, "openai", v) == NULL) {
		if (uri == NULL)
			sk_buf_printf(&b,
			    ",\"%s\":\"http://127.0.0.1:%d/activate\"",
			    opt(s, "google", v) ? "verification_url"
						: "verification_uri",
			    port);
		else
			sk_buf_printf(&b, ",\"verification_uri\":\"%s\"", uri);
	}
	iv = opt(s, "iv", x);
	if (iv == NULL)
		sk_buf_str(&b, ",\"interval\":1");
	else if (strcmp(iv, "none") != 0)
		sk_buf_printf(&b, ",\"interval\":%s", iv);
	iv = opt(s, "ei", x);
	if (iv == NULL)
		iv = "900";
	if (strcmp(iv, "none") != 0)
		sk_buf_printf(&b, ",\"expires_in\":%s", iv);
	sk_buf_str(&b, "}");
	json(c, 200, b.p);
	sk_buf_free(&b);
}

static void
do_poll(struct scen *s, struct conn *c, const char *body)
{
	char step[32], v[300], x[256];

	step_of(s->name, s->polls++, step);
	if (strcmp(
		field(body,
		    opt(s, "openai", x) ? "device_auth_id" : "device_code", v),
		s->device) != 0) {
		error(c, 400, "invalid_grant");
		return;
	}
	if (common(c, step))
		return;
	if (strcmp(step, "pending") == 0)
		error(c, 400, "authorization_pending");
	else if (strcmp(step, "p200") == 0)
		error(c, 200, "authorization_pending");
	else if (strcmp(step, "p428") == 0)
		error(c, 428, "authorization_pending");
	else if (strcmp(step, "p404") == 0)
		json(c, 404, "");
	else if (strcmp(step, "p403") == 0)
		json(c, 403,
		    "{\"error\":{\"message\":\"Device authorization is "
		    "pending.\",\"type\":\"invalid_request_error\",\"code\":"
		    "\"deviceauth_authorization_pending\"}}");
	else if (strcmp(step, "slow") == 0)
		error(c, 400, "slow_down");
	else if (strcmp(step, "slowi") == 0)
		json(c, 400, "{\"error\":\"slow_down\",\"interval\":2}");
	else if (strcmp(step, "s429") == 0)
		error(c, 429, "slow_down");
	else if (strcmp(step, "denied") == 0)
		error(c, 400, "access_denied");
	else if (strcmp(step, "d403") == 0)
		error(c, 403, "access_denied");
	else if (strcmp(step, "expired") == 0)
		error(c, 400, "expired_token");
	else if (strcmp(step, "strange") == 0)
		error(c, 400, "who_knows");
	else if (opt(s, "openai", x) != NULL)
		json(c, 200,
		    "{\"status\":\"ok\",\"authorization_code\":\"skCANARY-ac-"
		    "1\",\"code_challenge\":\"x\",\"code_verifier\":"
		    "\"skCANARY-cv-1\"}");
	else
		tokens(s, c, field(body, "client_id", v), false);
}

static void
do_refresh(struct scen *s, struct conn *c, const char *body)
{
	char x[256], step[32], v[300], want[64];
	const char *o = opt(s, "refresh", x), *g;
	int64_t grace;

	s->refreshes++;
	step[0] = '\0';
	if (o != NULL)
		step_of(o, s->refreshes - 1, step);
	if (strcmp(step, "lost") == 0) {
		/* Rotated, and the answer never arrives. */
		s->generation++;
		s->rotated_at = sk_mono_ms();
		(void)common(c, "reset");
		return;
	}
	if (common(c, step))
		return;
	if (step[0] != '\0' && strcmp(step, "ok") != 0) {
		error(c, step[0] == '!' ? 401 : 400,
		    step[0] == '!' ? step + 1 : step);
		return;
	}
	(void)snprintf(want, sizeof(want), "skCANARY-rt-%d-%d",
	    (int)(s - scens), s->generation);
	g = opt(s, "grace", x);
	grace = g != NULL ? strtol(g, NULL, 10) * 1000 : 0;
	if (s->revoked) {
		error(c, 400, "invalid_grant");
	} else if (strcmp(field(body, "refresh_token", v), want) != 0 &&
		   opt(s, "norotate", x) == NULL &&
		   sk_mono_ms() - s->rotated_at > grace) {
		s->reuses++;
		s->revoked = true;
		error(c, 400, "invalid_grant");
	} else {
		s->generation++;
		s->rotated_at = sk_mono_ms();
		tokens(s, c, field(body, "client_id", v), true);
	}
}

static void
do_token(struct scen *s, struct conn *c, const char *body)
{
	char grant[300], v[300];

	(void)field(body, "grant_type", grant);
	if (strcmp(grant, "refresh_token") == 0) {
		do_refresh(s, c, body);
	} else if (strcmp(grant, "authorization_code") == 0) {
		s->exchanges++;
		if (strcmp(field(body, "code", v), "skCANARY-ac-1") != 0)
			error(c, 400, "invalid_grant");
		else
			tokens(s, c, field(body, "client_id", v), false);
	} else {
		do_poll(s, c, body);
	}
}

static void
do_discovery(struct scen *s, struct conn *c)
{
	struct sk_buf b;
	char x[256], base[500];

	s->discoveries++;
	(void)snprintf(
	    base, sizeof(base), "http://127.0.0.1:%d/s/%s", port, s->name);
	sk_buf_init(&b, 0);
	sk_buf_printf(&b,
	    "{\"issuer\":\"%s%s\",\"device_authorization_endpoint\":\"%s/"
	    "device\",\"token_endpoint\":\"%s/token\","
	    "\"revocation_endpoint\":\"%s/revoke\"}",
	    base, opt(s, "liar", x) != NULL ? "x" : "", base, base, base);
	json(c, 200, b.p);
	sk_buf_free(&b);
}

static void
do_stat(struct scen *s, struct conn *c)
{
	char b[300];

	(void)snprintf(b, sizeof(b),
	    "{\"polls\":%d,\"refreshes\":%d,\"reuses\":%d,\"revoked\":%s,"
	    "\"revokes\":%d,\"exchanges\":%d,\"discoveries\":%d,"
	    "\"generation\":%d}\n",
	    s->polls, s->refreshes, s->reuses, s->revoked ? "true" : "false",
	    s->revokes, s->exchanges, s->discoveries, s->generation);
	json(c, 200, b);
}

static void
do_revoke(struct scen *s, struct conn *c)
{
	char x[256];
	const char *o = opt(s, "revoke", x);

	s->revokes++;
	if (o != NULL && common(c, o))
		return;
	s->revoked = true;
	json(c, 200, "");
}

/* Who is it? Only the newest token, and none of a family that was revoked. */
static void
do_me(struct scen *s, struct conn *c)
{
	char want[100];

	(void)snprintf(want, sizeof(want), "Bearer skCANARY-at-%d-%d",
	    (int)(s - scens), s->generation);
	if (s->revoked || strstr(c->bearer, want) == NULL)
		error(c, 401, "invalid_token");
	else
		json(c, 200, "{\"sub\":\"user-1\"}");
}

/* ---- requests ---- */

void
fake_route(struct conn *c, const char *target, const char *body)
{
	static const char wk[] = "/.well-known/oauth-authorization-server";
	const char *end, *name = target;
	struct scen *s;

	if (strncmp(name, wk, sizeof(wk) - 1) == 0)
		name += sizeof(wk) - 1;
	if (strncmp(name, "/s/", 3) != 0) {
		error(c, 404, "not_found");
		return;
	}
	name += 3;
	end = name + strcspn(name, "/? ");
	s = scen_get(name, (size_t)(end - name));
	if (s == NULL)
		error(c, 500, "too_many");
	else if (name != target + 3 || strstr(end, "/.well-known/openid"))
		do_discovery(s, c);
	else if (strcmp(end, "/me") == 0)
		do_me(s, c);
	else if (strcmp(end, "/stat") == 0)
		do_stat(s, c);
	else if (strcmp(end, "/revoke") == 0 ||
		 strcmp(end, "/oauth/revoke") == 0)
		do_revoke(s, c);
	else if (strcmp(end, "/device") == 0 ||
		 strcmp(end, "/api/accounts/deviceauth/usercode") == 0 ||
		 strcmp(end, "/login/device/code") == 0 ||
		 strcmp(end, "/api/v1/oauth2/device/code") == 0)
		do_start(s, c, body);
	else if (strcmp(end, "/api/accounts/deviceauth/token") == 0)
		do_poll(s, c, body);
	else if (strstr(end, "token") != NULL)
		do_token(s, c, body);
	else
		error(c, 404, "not_found");
}

int
main(int argc, char **argv)
{
	return fake_http(argc, argv);
}
