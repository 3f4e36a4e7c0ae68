/*
 * Logging in by the SCRAM keys of a client's login, which libpq cannot: the connection is made here, on a thread of the
 * crew, as far as the server is ready for statements. Of an endpoint it reads host, hostaddr, port, dbname, options,
 * sslmode and sslrootcert. The keys are in memory that is locked and in no core dump.
 */
#ifndef QF_ENGINE_POSTGRES_KEYS_H
#define QF_ENGINE_POSTGRES_KEYS_H

#include <openssl/ssl.h>
#include <sys/socket.h>

#include "qf/auth.h"

struct pge_dial; /* dial.h */

struct pge_own { /* a connection without libpq */
	int fd;
	SSL *ssl; /* NULL: plain */
	SSL_CTX *ctx;
	int server_version; /* as PQserverVersion() */
	bool odd_strings;   /* standard_conforming_strings is off */
	uint32_t pid, key;  /* of a cancel */
	struct sockaddr_storage address;
	socklen_t address_len;
};

struct pge_own *pge_own_free(struct pge_own *o); /* closes; returns NULL */
/* Sends a cancel for it, on a connection of its own; returns when the server has taken it, or the time is over. */
void pge_own_cancel(const struct sockaddr *to, socklen_t len, uint32_t pid, uint32_t key);

/* d->own on success, else d->err and perhaps d->sqlstate. */
void pge_keys_login(struct pge_dial *d);

struct qf_scram_keys *pge_keys_copy(const struct qf_scram_keys *keys); /* NULL: there is no memory */
void pge_keys_free(struct qf_scram_keys *keys);			       /* wipes; NULL is fine */

/* ---- scram.c: the client's side of SCRAM-SHA-256 by keys [RFC 5802, PG 55.3.1] ---- */

struct pge_scram {
	const struct qf_scram_keys *keys; /* borrowed */
	char nonce[33];
	struct qf_buf auth; /* AuthMessage, in the making */
	bool proved;	    /* the server has shown that it knows the keys as well */
};

int pge_scram_first(struct pge_scram *s, struct qf_buf *reply) qf_must_check;
int pge_scram_final(struct pge_scram *s, struct qf_slice server_first, struct qf_buf *reply) qf_must_check; /* QF_EMALFORMED */
int pge_scram_end(struct pge_scram *s, struct qf_slice server_final) qf_must_check; /* QF_EREFUSED: it does not know them */
void pge_scram_fini(struct pge_scram *s);

#endif
