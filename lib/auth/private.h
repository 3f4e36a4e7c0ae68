/* What the parts of lib/auth know of each other. See qf/auth.h. */
#ifndef QF_AUTH_PRIVATE_H
#define QF_AUTH_PRIVATE_H

#include "qf/auth.h"
#include "qf/lru.h"
#include "qf/map.h"
#include "qf/net.h"

enum {
	AUTH_HASH = 32,		   /* bytes of SHA-256 */
	AUTH_SALT = 16,		   /* of a salt made here, as PostgreSQL */
	AUTH_MAX_SALT = 64,
	AUTH_ITERATIONS = 4096,	   /* of a verifier made here, as PostgreSQL */
	AUTH_MAX_ITERATIONS = 100000, /* of one that was given: a derivation runs on the loop */
	AUTH_MD5 = 32,		   /* its hex digits */
};

struct auth_verifier { /* RFC 5802, 3 */
	uint8_t salt[AUTH_MAX_SALT];
	size_t salt_n;
	unsigned iterations;
	uint8_t stored_key[AUTH_HASH], server_key[AUTH_HASH];
};

struct auth_user {
	const struct qf_conf_user *conf;
	bool has_scram, has_md5;
	struct auth_verifier scram;
	char md5[AUTH_MD5 + 1]; /* of password and name, in hex */
};

struct auth_token {
	uint8_t hash[AUTH_HASH];
	const struct auth_user *user;
};

struct auth_rule {
	const struct qf_conf_host_rule *conf;
	struct qf_net *nets;
	size_t n_nets;
	bool local;
	unsigned protocols; /* bits of enum qf_frontend */
};

struct qf_auth {
	unsigned refs; /* holders beyond the first */
	struct qf_conf *conf;
	struct auth_user *users;
	struct qf_map *by_name;
	struct auth_token *tokens;
	size_t n_tokens;
	struct auth_rule *rules;
	unsigned iterations;	/* that an unknown user seems to have */
	uint8_t key[AUTH_HASH]; /* from which salts come */
	uint8_t hash_key[AUTH_HASH]; /* of tokens, and of passwords that were right */
	struct qf_lru *right;	/* user → hash of its password when it was right */
	struct qf_lru *failures; /* address → struct failures of rules.c */
};

const struct auth_user *auth_user_find(const struct qf_auth *a, const char *name);
void auth_hmac(const uint8_t key[AUTH_HASH], struct qf_slice text, uint8_t ret[AUTH_HASH]);

/* verifier.c */
/* The salt of that user, of one who is not known too. */
void auth_salt(const struct qf_auth *a, const char *name, uint8_t ret[AUTH_SALT]);
/* A password → the verifier's keys, with its salt and iterations. */
void auth_derive(const struct auth_verifier *v, struct qf_slice password, uint8_t ret_stored[AUTH_HASH],
		 uint8_t ret_server[AUTH_HASH]);
/* SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY */
bool auth_verifier_parse(struct auth_verifier *ret, const char *text);
bool auth_is_md5(const char *text); /* md5 and 32 hex digits */
/* The user's, or one that no password fits (false), which looks like the user's. */
bool auth_verifier_of(const struct qf_auth *a, const char *name, struct auth_verifier *ret);
/* In hex; false where the system forbids MD5. */
bool auth_md5(const void *p, size_t n, const void *salt, size_t salt_n, char ret[AUTH_MD5 + 1]) qf_must_check;

/* base64.c, RFC 4648 4; nothing but the alphabet and its padding */
void auth_base64(struct qf_buf *out, const uint8_t *p, size_t n);
bool auth_unbase64(struct qf_slice text, uint8_t *to, size_t max, size_t *ret_n);

/* rules.c */
int auth_rules_load(struct qf_auth *a, struct qf_err *reterr) qf_must_check;
void auth_rules_free(struct qf_auth *a);

/* scram.c, for its tests: the server's part of the nonce. */
void auth_scram_nonce(struct qf_scram *s, const char *nonce);

#endif
