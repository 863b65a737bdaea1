/* SPDX-License-Identifier: MIT */
/*
 * id_token: claims for display. The signature is not checked: the token came
 * from the token endpoint itself over verified TLS (OpenID Core 3.1.3.7, 6),
 * and nothing is ever allowed because of it.
 */
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "auth/internal.h"

#define JWT_MAX ((size_t)256 << 10)
#define SLACK_MS 120000

/* One part of a JWT as JSON; NULL when it is none. */
static struct sk_jv *
part(struct sk_arena *a, const char *p, size_t n)
{
	static const struct sk_jlimits lim = { JWT_MAX, 16, 5000, JWT_MAX,
		1024 };
	unsigned char *out;
	struct sk_jv *v = NULL;
	size_t len;

	if (n == 0 || n > JWT_MAX)
		return NULL;
	out = sk_arena_alloc(a, n + 1);
	if (sodium_base642bin(out, n + 1, p, n, NULL, &len, NULL,
		sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return NULL;
	if (sk_json_parse(a, (const char *)out, len, &lim, &v, NULL) != 0 ||
	    v->type != SK_J_OBJ)
		return NULL;
	return v;
}

struct sk_jv *
auth_jwt_payload(struct sk_arena *a, const char *jwt, const char **alg)
{
	const char *dot1, *dot2;
	struct sk_jv *head;

	*alg = NULL;
	if (jwt == NULL || (dot1 = strchr(jwt, '.')) == NULL ||
	    (dot2 = strchr(dot1 + 1, '.')) == NULL || dot2[1] == '\0' ||
	    strchr(dot2 + 1, '.') != NULL)
		return NULL;
	head = part(a, jwt, (size_t)(dot1 - jwt));
	if (head == NULL)
		return NULL;
	*alg = sk_jget_str(head, "alg");
	return part(a, dot1 + 1, (size_t)(dot2 - dot1) - 1);
}

static bool
audience_ok(const struct sk_jv *claims, const char *client, const char **why)
{
	const struct sk_jv *aud = sk_jget(claims, "aud");
	const char *azp = sk_jget_str(claims, "azp");
	bool found = sk_streq(sk_jstr(aud), client);

	for (size_t i = 0; aud != NULL && aud->type == SK_J_ARR && i < aud->n;
	     i++)
		found = found || sk_streq(sk_jstr(aud->a[i]), client);
	if (!found || client == NULL) {
		*why = "it is for another client (aud)";
		return false;
	}
	if (aud->type == SK_J_ARR && aud->n > 1 && azp == NULL) {
		*why = "it is for several clients and does not say which (azp)";
		return false;
	}
	if (azp != NULL && !sk_streq(azp, client)) {
		*why = "it was made for another client (azp)";
		return false;
	}
	return true;
}

struct sk_jv *
auth_id_token(struct sk_arena *a, const struct sk_idp *p, const char *jwt,
    const char *issuer, const char *client_id, int64_t now_ms, const char **why)
{
	struct sk_jv *claims;
	const char *alg, *iss;
	int64_t exp, iat;

	claims = auth_jwt_payload(a, jwt, &alg);
	*why = NULL;
	if (claims == NULL) {
		*why = "it is not a JWT";
		return NULL;
	}
	if (alg == NULL || strcasecmp(alg, "none") == 0) {
		*why = "it is not signed (alg)";
		return NULL;
	}
	iss = sk_jget_str(claims, "iss");
	if (iss == NULL || (!sk_streq(iss, issuer) &&
			       !provider_lists(p, "id_token_issuers", iss))) {
		*why = "it is of another issuer (iss)";
		return NULL;
	}
	if (!audience_ok(claims, client_id, why))
		return NULL;
	if (!sk_jget_int(claims, "exp", &exp) ||
	    exp > INT64_MAX / 1000 - SLACK_MS ||
	    exp * 1000 + SLACK_MS < now_ms) {
		*why = "it has expired (exp)";
		return NULL;
	}
	if (sk_jget_int(claims, "iat", &iat) &&
	    (iat > INT64_MAX / 1000 || iat * 1000 - SLACK_MS > now_ms)) {
		*why = "it is from the future (iat)";
		return NULL;
	}
	return claims;
}
