/* Passwords and tokens. See qf/auth.h. */
#include <openssl/crypto.h>
#include <string.h>

#include "private.h"

enum { MAX_PASSWORD = 4096 };

/* ---- a password in clear ---- */

/* What is remembered of a password that was right. */
static void hash_password(const struct qf_auth *a, const char *user, struct qf_slice password, uint8_t ret[AUTH_HASH])
{
	uint8_t key[AUTH_HASH];

	auth_hmac(a->hash_key, qf_slice_str(user), key);
	auth_hmac(key, password, ret);
	OPENSSL_cleanse(key, sizeof(key));
}

static bool right_before(struct qf_auth *a, const char *user, const uint8_t hash[AUTH_HASH])
{
	struct qf_slice known;

	return qf_lru_get(a->right, qf_slice_str(user), &known) && CRYPTO_memcmp(known.p, hash, AUTH_HASH) == 0;
}

static bool fits_md5(const struct auth_user *u, const char *user, struct qf_slice password)
{
	char sum[AUTH_MD5 + 1];

	return auth_md5(password.p, password.n, user, strlen(user), sum) && u && u->has_md5 && !u->has_scram &&
	       CRYPTO_memcmp(sum, u->md5, AUTH_MD5) == 0;
}

bool qf_auth_password(struct qf_auth *a, const char *user, struct qf_slice password)
{
	uint8_t hash[AUTH_HASH], stored[AUTH_HASH], server[AUTH_HASH];
	const struct auth_user *u = auth_user_find(a, user);
	struct auth_verifier v;

	if (password.n == 0 || password.n > MAX_PASSWORD)
		return false;
	hash_password(a, user, password, hash);
	if (right_before(a, user, hash))
		return true;
	bool real = auth_verifier_of(a, user, &v);

	auth_derive(&v, password, stored, server);
	bool by_scram = CRYPTO_memcmp(stored, v.stored_key, AUTH_HASH) == 0 && real;
	bool by_md5 = fits_md5(u, user, password);
	bool ok = by_scram || by_md5;

	if (ok)
		qf_lru_put(a->right, qf_slice_str(user), qf_slice(hash, sizeof(hash)));
	OPENSSL_cleanse(&v, sizeof(v));
	OPENSSL_cleanse(stored, sizeof(stored));
	OPENSSL_cleanse(server, sizeof(server));
	return ok;
}

/* ---- MD5 ---- */

bool qf_auth_md5(struct qf_auth *a, const char *user, const uint8_t salt[4], struct qf_slice answer)
{
	const struct auth_user *u = auth_user_find(a, user);
	char none[AUTH_MD5 + 1] = "00000000000000000000000000000000", sum[AUTH_MD5 + 1];
	bool known = u && u->has_md5;

	if (!auth_md5(known ? u->md5 : none, AUTH_MD5, salt, 4, sum))
		return false;
	return answer.n == 3 + AUTH_MD5 && memcmp(answer.p, "md5", 3) == 0 &&
	       CRYPTO_memcmp(answer.p + 3, sum, AUTH_MD5) == 0 && known;
}

/* ---- tokens ---- */

const char *qf_auth_token(struct qf_auth *a, struct qf_slice token)
{
	const struct auth_user *found = NULL;
	uint8_t hash[AUTH_HASH];

	auth_hmac(a->hash_key, token, hash);
	for (size_t i = 0; i < a->n_tokens; i++)
		if (CRYPTO_memcmp(a->tokens[i].hash, hash, AUTH_HASH) == 0)
			found = a->tokens[i].user;
	return found ? found->conf->name : NULL;
}

/* ---- for the log ---- */

const char *qf_auth_why(const struct qf_auth *a, const char *user, enum qf_auth_method method)
{
	const struct auth_user *u = auth_user_find(a, user);

	if (!u)
		return "the user is not known";
	if (!u->has_scram && !u->has_md5)
		return "the user has no password";
	if (method == QF_AUTH_MD5 && !u->has_md5)
		return "the user has a SCRAM verifier, and the rule asks for md5";
	if (method == QF_AUTH_SCRAM && !u->has_scram)
		return "the user has an md5 verifier, and the rule asks for scram-sha-256";
	return "the password is wrong";
}
