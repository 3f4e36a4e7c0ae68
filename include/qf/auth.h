/*
 * Who a client is: users and host rules of the configuration, and the exchanges that prove it. Used by the frontends.
 *
 * A qf_auth is made from one configuration: files are read then, secrets are kept as SCRAM verifiers or hashes, not as
 * they stand (a password in clear is forgotten once its verifier is made). A login borrows it (qf_auth_ref) until it is
 * freed. Nothing here tells a user that is not known from a wrong password, neither in text nor in the work it takes: an
 * unknown user runs the exchange against a verifier made from its name and a key of the process. Everything but the
 * reading of files is free of descriptors and clocks. One loop thread.
 */
#ifndef QF_AUTH_H
#define QF_AUTH_H

#include "qf/buf.h"
#include "qf/conf.h"

struct qf_auth;

/* QF_ECONFIG when a file cannot be read or a verifier is malformed: the error names user and key, never the secret. */
int qf_auth_new(struct qf_auth **ret, const struct qf_conf *conf, struct qf_err *reterr) qf_must_check;
struct qf_auth *qf_auth_ref(struct qf_auth *a);
struct qf_auth *qf_auth_free(struct qf_auth *a); /* one holder less; returns NULL */

struct qf_auth_client { /* who asks, and how it comes */
	enum qf_frontend frontend;
	const char *address; /* without its port, "local" for a Unix socket: behind a trusted proxy the real client's */
	bool tls;
	const char *user, *database; /* database may be NULL */
	const char *certificate;     /* common name of its verified certificate; NULL: none */
};

/* What the host rules ask of that client. QF_AUTH_TRUST when there is no provider; REJECT when no rule fits. */
enum qf_auth_method qf_auth_method(const struct qf_auth *a, const struct qf_auth_client *c);

/*
 * Failed logins of one address in the last minute have reached the limit: it is refused without a look at its
 * password. now_ns as of qf_mono_ns().
 */
bool qf_auth_blocked(struct qf_auth *a, const char *address, uint64_t now_ns);
void qf_auth_failed(struct qf_auth *a, const char *address, uint64_t now_ns);

/* A password in clear (the Password message, HTTP Basic). Costs a key derivation unless it was right a moment ago. */
bool qf_auth_password(struct qf_auth *a, const char *user, struct qf_slice password);
/* The answer to AuthenticationMD5Password [PG 55.2.1] with that salt. */
bool qf_auth_md5(struct qf_auth *a, const char *user, const uint8_t salt[4], struct qf_slice answer);
/* The user that this bearer token belongs to, or NULL. Takes the same time for every token. */
const char *qf_auth_token(struct qf_auth *a, struct qf_slice token);
/* For the log alone, after a password that was refused: why. */
const char *qf_auth_why(const struct qf_auth *a, const char *user, enum qf_auth_method method);

/* SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, server side [RFC 5802, RFC 7677, PG 55.3.1]. */
struct qf_scram;
enum qf_scram_step { QF_SCRAM_FAILED, QF_SCRAM_CONTINUE, QF_SCRAM_DONE };
struct qf_scram_keys { /* of a login that succeeded: by them one may log in as that user where the verifier is the same */
	uint8_t client[32], server[32];
};

/* end_point: of the TLS connection (qf/tls.h), empty without TLS. plus: the client chose SCRAM-SHA-256-PLUS. */
struct qf_scram *qf_scram_new(struct qf_auth *a, const char *user, bool plus, struct qf_slice end_point);
/* Takes the client's message and appends the server's. FAILED: reply has nothing; a malformed message sets *ret_malformed. */
enum qf_scram_step qf_scram_step(struct qf_scram *s, struct qf_slice message, struct qf_buf *reply, bool *ret_malformed);
const char *qf_scram_why(const struct qf_scram *s); /* after FAILED: why, for the log; when malformed, for the client too */
bool qf_scram_keys(const struct qf_scram *s, struct qf_scram_keys *ret); /* after DONE */
struct qf_scram *qf_scram_free(struct qf_scram *s);			 /* wipes; returns NULL */

#endif
