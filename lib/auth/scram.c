/* SCRAM-SHA-256(-PLUS), the server's side. [RFC 5802 5 and 7, RFC 7677, PG 55.3.1] See qf/auth.h. */
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "private.h"
#include "qf/secret.h"

enum {
	MAX_MESSAGE = 1024, /* as PostgreSQL */
	MAX_NONCE = 256,
	NONCE = 18, /* random bytes of ours */
	MAX_END_POINT = 64,
};

static const char binding_type[] = "tls-server-end-point"; /* RFC 5929 4 */

struct qf_scram {
	struct qf_auth *auth;
	struct auth_verifier v;
	bool real; /* the verifier is the user's: the exchange may succeed */
	bool plus;
	enum { FIRST, FINAL, OVER } state;
	uint8_t end_point[MAX_END_POINT];
	size_t end_point_n;
	char server_nonce[40];
	struct qf_buf nonce;   /* the client's and ours */
	struct qf_buf binding; /* what c= must be, in base64 */
	struct qf_buf message; /* AuthMessage, as far as it has come */
	struct qf_scram_keys keys;
	bool proven;
	const char *why;
};

struct qf_scram *qf_scram_new(struct qf_auth *a, const char *user, bool plus, struct qf_slice end_point)
{
	struct qf_scram *s = qf_xcalloc(1, sizeof(*s));
	struct qf_buf text = { 0 };
	uint8_t random[NONCE];

	s->auth = qf_auth_ref(a);
	s->real = auth_verifier_of(a, user, &s->v);
	s->plus = plus;
	s->why = "the exchange was not finished";
	qf_assert(end_point.n <= MAX_END_POINT);
	if (end_point.n > 0)
		memcpy(s->end_point, end_point.p, end_point.n);
	s->end_point_n = end_point.n;
	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		s->state = OVER;
	auth_base64(&text, random, sizeof(random));
	auth_scram_nonce(s, qf_buf_cstr(&text));
	qf_buf_fini(&text);
	return s;
}

void auth_scram_nonce(struct qf_scram *s, const char *nonce)
{
	qf_assert(strlen(nonce) < sizeof(s->server_nonce));
	memcpy(s->server_nonce, nonce, strlen(nonce) + 1);
}

struct qf_scram *qf_scram_free(struct qf_scram *s)
{
	if (!s)
		return NULL;
	qf_buf_fini(&s->nonce);
	qf_buf_fini(&s->binding);
	qf_secret_wipe(&s->message);
	qf_auth_free(s->auth);
	OPENSSL_cleanse(s, sizeof(*s));
	free(s);
	return NULL;
}

/* ---- reading ---- */

static bool malformed(struct qf_scram *s, const char *why, bool *ret_malformed)
{
	s->why = why;
	*ret_malformed = true;
	return false;
}

static bool take(struct qf_slice *rest, const char *text)
{
	size_t n = strlen(text);

	if (rest->n < n || memcmp(rest->p, text, n) != 0)
		return false;
	*rest = qf_slice(rest->p + n, rest->n - n);
	return true;
}

/* Up to the next comma or the end; the comma stays. */
static struct qf_slice value(struct qf_slice *rest)
{
	const uint8_t *comma = rest->n ? memchr(rest->p, ',', rest->n) : NULL;
	size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
	struct qf_slice ret = qf_slice(rest->p, n);

	*rest = qf_slice(rest->p + n, rest->n - n);
	return ret;
}

static bool printable(struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < 0x21 || s.p[i] > 0x7e)
			return false;
	return s.n > 0;
}

/* ---- client-first-message ---- */

/* gs2-cbind-flag. The client says "y" when it could bind, and believes that we cannot: somebody took -PLUS from our list. */
static bool read_flag(struct qf_scram *s, struct qf_slice *rest, bool *ret_malformed)
{
	if (take(rest, "p=")) {
		if (!s->plus)
			return malformed(s, "the client binds to a channel without having selected it", ret_malformed);
		if (!qf_slice_eq_str(value(rest), binding_type))
			return malformed(s, "unsupported SCRAM channel-binding type", ret_malformed);
		return true;
	}
	bool thinks_not = take(rest, "y");

	if (!thinks_not && !take(rest, "n"))
		return malformed(s, "unexpected channel-binding flag", ret_malformed);
	if (s->plus)
		return malformed(s, "the client selected SCRAM-SHA-256-PLUS, but does not bind to the channel", ret_malformed);
	if (thinks_not && s->end_point_n > 0) {
		s->why = "the client was told that there is no channel binding, but there is: somebody is in between";
		return false;
	}
	return true;
}

/* What c= will have to be: the header, and with it the channel's name. */
static void expect_binding(struct qf_scram *s, struct qf_slice header)
{
	struct qf_buf raw = { 0 };

	qf_buf_add_slice(&raw, header);
	if (s->plus)
		qf_buf_add(&raw, s->end_point, s->end_point_n);
	auth_base64(&s->binding, raw.p, raw.n);
	qf_buf_fini(&raw);
}

static bool read_first(struct qf_scram *s, struct qf_slice message, bool *ret_malformed)
{
	struct qf_slice rest = message, bare, nonce;

	if (!read_flag(s, &rest, ret_malformed))
		return false;
	if (!take(&rest, ","))
		return malformed(s, "comma expected behind the channel-binding flag", ret_malformed);
	if (!take(&rest, ","))
		return malformed(s, "an authorization identity is not supported", ret_malformed);
	expect_binding(s, qf_slice(message.p, message.n - rest.n));
	bare = rest;
	if (take(&rest, "m="))
		return malformed(s, "the client requires an unsupported SCRAM extension", ret_malformed);
	if (!take(&rest, "n="))
		return malformed(s, "user name expected", ret_malformed);
	value(&rest); /* the startup packet's counts, as in PostgreSQL */
	if (!take(&rest, ",r="))
		return malformed(s, "nonce expected", ret_malformed);
	nonce = value(&rest);
	if (!printable(nonce) || nonce.n > MAX_NONCE)
		return malformed(s, "non-printable characters in the nonce, or too many", ret_malformed);
	qf_buf_add_slice(&s->nonce, nonce);
	qf_buf_add_str(&s->nonce, s->server_nonce);
	qf_buf_add_slice(&s->message, bare);
	return true;
}

static void put_first(struct qf_scram *s, struct qf_buf *reply)
{
	size_t begin = reply->n;

	qf_buf_add_str(reply, "r=");
	qf_buf_add_slice(reply, qf_buf_slice(&s->nonce));
	qf_buf_add_str(reply, ",s=");
	auth_base64(reply, s->v.salt, s->v.salt_n);
	qf_buf_printf(reply, ",i=%u", s->v.iterations);
	qf_buf_add_str(&s->message, ",");
	qf_buf_add(&s->message, reply->p + begin, reply->n - begin);
}

/* ---- client-final-message ---- */

struct final {
	struct qf_slice binding, nonce, without_proof;
	uint8_t proof[AUTH_HASH];
};

static bool read_final(struct qf_scram *s, struct qf_slice message, struct final *ret, bool *ret_malformed)
{
	struct qf_slice rest = message;
	size_t n;

	if (!take(&rest, "c="))
		return malformed(s, "channel binding expected", ret_malformed);
	ret->binding = value(&rest);
	if (!take(&rest, ",r="))
		return malformed(s, "nonce expected", ret_malformed);
	ret->nonce = value(&rest);
	ret->without_proof = qf_slice(message.p, message.n - rest.n);
	while (!take(&rest, ",p=")) { /* extensions */
		if (!take(&rest, ","))
			return malformed(s, "proof expected", ret_malformed);
		value(&rest);
		ret->without_proof = qf_slice(message.p, message.n - rest.n);
	}
	if (!auth_unbase64(value(&rest), ret->proof, sizeof(ret->proof), &n) || n != sizeof(ret->proof) || rest.n > 0)
		return malformed(s, "malformed proof", ret_malformed);
	return true;
}

/* The keys are made for an unknown user too, and are of no use then. */
static bool prove(struct qf_scram *s, struct final *f)
{
	uint8_t signature[AUTH_HASH], hash[AUTH_HASH];

	qf_buf_add_str(&s->message, ",");
	qf_buf_add_slice(&s->message, f->without_proof);
	auth_hmac(s->v.stored_key, qf_buf_slice(&s->message), signature);
	for (unsigned i = 0; i < AUTH_HASH; i++)
		s->keys.client[i] = f->proof[i] ^ signature[i];
	SHA256(s->keys.client, AUTH_HASH, hash);
	memcpy(s->keys.server, s->v.server_key, AUTH_HASH);
	return CRYPTO_memcmp(hash, s->v.stored_key, AUTH_HASH) == 0 && s->real;
}

static bool check_final(struct qf_scram *s, struct qf_slice message, bool *ret_malformed)
{
	struct final f;

	if (!read_final(s, message, &f, ret_malformed))
		return false;
	if (!qf_slice_eq(f.nonce, qf_buf_slice(&s->nonce)))
		return malformed(s, "nonce does not match", ret_malformed);
	if (!qf_slice_eq(f.binding, qf_buf_slice(&s->binding))) {
		s->why = "SCRAM channel binding check failed";
		return false;
	}
	s->why = s->real ? "the password is wrong" : "the user is not known, or has no SCRAM verifier";
	return prove(s, &f);
}

static void put_final(const struct qf_scram *s, struct qf_buf *reply)
{
	uint8_t signature[AUTH_HASH];

	auth_hmac(s->v.server_key, qf_buf_slice(&s->message), signature);
	qf_buf_add_str(reply, "v=");
	auth_base64(reply, signature, sizeof(signature));
}

/* ---- the exchange ---- */

enum qf_scram_step qf_scram_step(struct qf_scram *s, struct qf_slice message, struct qf_buf *reply, bool *ret_malformed)
{
	bool first = s->state == FIRST, ok;

	*ret_malformed = false;
	if (s->state == OVER)
		return QF_SCRAM_FAILED;
	s->state = first ? FINAL : OVER;
	if (message.n == 0 || message.n > MAX_MESSAGE || memchr(message.p, '\0', message.n))
		ok = malformed(s, "a message that is empty, too long or holds a NUL", ret_malformed);
	else if (first)
		ok = read_first(s, message, ret_malformed);
	else
		ok = check_final(s, message, ret_malformed);
	if (!ok) {
		s->state = OVER;
		return QF_SCRAM_FAILED;
	}
	if (first) {
		put_first(s, reply);
		return QF_SCRAM_CONTINUE;
	}
	put_final(s, reply);
	s->proven = true;
	return QF_SCRAM_DONE;
}

const char *qf_scram_why(const struct qf_scram *s)
{
	return s->why;
}

bool qf_scram_keys(const struct qf_scram *s, struct qf_scram_keys *ret)
{
	if (s->proven)
		*ret = s->keys;
	return s->proven;
}
