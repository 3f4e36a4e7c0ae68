/* SCRAM-SHA-256 for a client that has the keys in place of the password: see keys.h. */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

#include "keys.h"

enum { KEY = 32, KEY_BASE64 = 44, NONCE = 24, MAX_FIRST = 2000 };

static bool hmac(const uint8_t *key, struct qf_slice text, uint8_t ret[KEY])
{
	unsigned n = KEY;

	return HMAC(EVP_sha256(), key, KEY, text.p, text.n, ret, &n) && n == KEY;
}

/* Without channel binding, and with the name that the startup packet has [PG 55.3.1]. */
int pge_scram_first(struct pge_scram *s, struct qf_buf *reply)
{
	uint8_t random[NONCE];

	if (RAND_bytes(random, sizeof(random)) != 1)
		return -EIO;
	EVP_EncodeBlock((unsigned char *)s->nonce, random, sizeof(random));
	qf_buf_init(&s->auth);
	qf_buf_printf(&s->auth, "n=,r=%s", s->nonce);
	qf_buf_printf(reply, "n,,n=,r=%s", s->nonce);
	return 0;
}

int pge_scram_final(struct pge_scram *s, struct qf_slice server_first, struct qf_buf *reply)
{
	uint8_t stored[KEY], proof[KEY];
	char base64[KEY_BASE64 + 1];
	size_t n = strlen(s->nonce), nonce = 2;

	if (server_first.n > MAX_FIRST || server_first.n < 2 + n || memcmp(server_first.p, "r=", 2) != 0 ||
		memcmp(server_first.p + 2, s->nonce, n) != 0)
		return QF_EMALFORMED;
	while (nonce < server_first.n && server_first.p[nonce] != ',')
		nonce++;
	if (nonce == server_first.n || nonce == 2 + n) /* salt and rounds are in the keys already */
		return QF_EMALFORMED;
	qf_buf_u8(&s->auth, ',');
	qf_buf_add_slice(&s->auth, server_first);
	qf_buf_add_str(&s->auth, ",c=biws,");
	qf_buf_add(&s->auth, server_first.p, nonce);
	if (!EVP_Digest(s->keys->client, KEY, stored, NULL, EVP_sha256(), NULL) || !hmac(stored, qf_buf_slice(&s->auth), proof))
		return -EIO;
	for (size_t i = 0; i < KEY; i++)
		proof[i] ^= s->keys->client[i];
	EVP_EncodeBlock((unsigned char *)base64, proof, KEY);
	qf_buf_add_str(reply, "c=biws,");
	qf_buf_add(reply, server_first.p, nonce);
	qf_buf_printf(reply, ",p=%s", base64);
	return 0;
}

int pge_scram_end(struct pge_scram *s, struct qf_slice server_final)
{
	uint8_t signature[KEY];
	char base64[KEY_BASE64 + 1];

	if (!hmac(s->keys->server, qf_buf_slice(&s->auth), signature))
		return -EIO;
	EVP_EncodeBlock((unsigned char *)base64, signature, KEY);
	s->proved = server_final.n >= 2 + KEY_BASE64 && memcmp(server_final.p, "v=", 2) == 0 &&
		    CRYPTO_memcmp(server_final.p + 2, base64, KEY_BASE64) == 0;
	return s->proved ? 0 : QF_EREFUSED;
}

void pge_scram_fini(struct pge_scram *s)
{
	qf_buf_fini(&s->auth);
}
