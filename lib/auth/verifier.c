/* What is kept of a password: salt, and keys that are derived from it. RFC 5802 3, RFC 7677. See private.h. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

void auth_hmac(const uint8_t key[AUTH_HASH], struct qf_slice text, uint8_t ret[AUTH_HASH])
{
	static const uint8_t nothing;

	qf_assert(HMAC(EVP_sha256(), key, AUTH_HASH, text.p ? text.p : &nothing, text.n, ret, NULL) != NULL);
}

static void keyed(const struct qf_auth *a, const char *what, const char *name, uint8_t ret[AUTH_HASH])
{
	struct qf_buf text = { 0 };

	qf_buf_add(&text, what, strlen(what) + 1);
	qf_buf_add_str(&text, name);
	auth_hmac(a->key, qf_buf_slice(&text), ret);
	qf_buf_fini(&text);
}

void auth_salt(const struct qf_auth *a, const char *name, uint8_t ret[AUTH_SALT])
{
	uint8_t hash[AUTH_HASH];

	keyed(a, "salt", name, hash);
	memcpy(ret, hash, AUTH_SALT);
}

/*
 * The password is taken as its bytes are. For ASCII that is what SASLprep [RFC 4013] makes of it, and for what SASLprep
 * refuses it is what PostgreSQL does; other text must be in the form NFKC already.
 */
void auth_derive(const struct auth_verifier *v, struct qf_slice password, uint8_t ret_stored[AUTH_HASH],
		 uint8_t ret_server[AUTH_HASH])
{
	uint8_t salted[AUTH_HASH], client[AUTH_HASH];

	qf_assert(PKCS5_PBKDF2_HMAC(password.n ? (const char *)password.p : "", (int)password.n, v->salt, (int)v->salt_n,
				    (int)v->iterations, EVP_sha256(), AUTH_HASH, salted) == 1);
	auth_hmac(salted, qf_slice_str("Client Key"), client);
	auth_hmac(salted, qf_slice_str("Server Key"), ret_server);
	SHA256(client, AUTH_HASH, ret_stored);
	OPENSSL_cleanse(salted, sizeof(salted));
	OPENSSL_cleanse(client, sizeof(client));
}

static bool parse_key(struct qf_slice text, uint8_t ret[AUTH_HASH])
{
	size_t n;

	return auth_unbase64(text, ret, AUTH_HASH, &n) && n == AUTH_HASH;
}

/* Text up to that byte, which is dropped. */
static bool up_to(const char **at, char end, struct qf_slice *ret)
{
	const char *p = strchr(*at, end);

	if (!p)
		return false;
	*ret = qf_slice(*at, (size_t)(p - *at));
	*at = p + 1;
	return true;
}

static bool parse_iterations(struct qf_slice text, unsigned *ret)
{
	unsigned n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9' || n > AUTH_MAX_ITERATIONS)
			return false;
		n = n * 10 + text.p[i] - '0';
	}
	*ret = n;
	return n > 0 && n <= AUTH_MAX_ITERATIONS;
}

bool auth_verifier_parse(struct auth_verifier *ret, const char *text)
{
	struct qf_slice scheme, iterations, salt, stored;
	struct auth_verifier v = { 0 };

	if (!up_to(&text, '$', &scheme) || !up_to(&text, ':', &iterations) || !up_to(&text, '$', &salt) ||
	    !up_to(&text, ':', &stored))
		return false;
	if (!qf_slice_eq_str(scheme, "SCRAM-SHA-256") || !parse_iterations(iterations, &v.iterations) ||
	    !auth_unbase64(salt, v.salt, sizeof(v.salt), &v.salt_n) || v.salt_n == 0 ||
	    !parse_key(stored, v.stored_key) || !parse_key(qf_slice_str(text), v.server_key))
		return false;
	*ret = v;
	return true;
}

bool auth_is_md5(const char *text)
{
	return strlen(text) == 3 + AUTH_MD5 && strncmp(text, "md5", 3) == 0 &&
	       strspn(text + 3, "0123456789abcdef") == AUTH_MD5;
}

bool auth_verifier_of(const struct qf_auth *a, const char *name, struct auth_verifier *ret)
{
	const struct auth_user *u = auth_user_find(a, name);
	struct auth_verifier none = { .salt_n = AUTH_SALT, .iterations = a->iterations };

	/* Made for a user who is known, too: the work is the same. */
	auth_salt(a, name, none.salt);
	keyed(a, "stored", name, none.stored_key);
	keyed(a, "server", name, none.server_key);
	*ret = u && u->has_scram ? u->scram : none;
	return u && u->has_scram;
}

bool auth_md5(const void *p, size_t n, const void *salt, size_t salt_n, char ret[AUTH_MD5 + 1])
{
	static const char hex[] = "0123456789abcdef";
	uint8_t sum[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1 && EVP_DigestUpdate(ctx, p, n) == 1 &&
		  EVP_DigestUpdate(ctx, salt, salt_n) == 1 && EVP_DigestFinal_ex(ctx, sum, NULL) == 1;

	EVP_MD_CTX_free(ctx);
	for (unsigned i = 0; ok && i < AUTH_MD5; i++)
		ret[i] = hex[sum[i / 2] >> (i % 2 ? 0 : 4) & 15];
	ret[ok ? AUTH_MD5 : 0] = '\0';
	return ok;
}
