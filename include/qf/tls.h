/*
 * TLS for the clients' side: one certificate for all frontends, connections over non-blocking descriptors.
 *
 * A qf_tls_config is read from files and shared by the connections that were begun with it; a reload makes a new one, and
 * connections keep theirs. A qf_tls is one connection: the owner keeps the descriptor and its watch, and calls read and
 * write in place of recv and send. Versions from TLS 1.2, no compression, no renegotiation, tickets of the process
 * alone. OpenSSL's buffers are given back while a connection is idle. One loop thread.
 */
#ifndef QF_TLS_H
#define QF_TLS_H

#include <stdbool.h>
#include <sys/types.h>

#include "qf/buf.h"
#include "qf/conf.h"

struct qf_tls_config;
struct qf_tls;

/* Reads certificate, key and authorities. The error names the file and what is wrong with it. *ret is NULL without TLS. */
int qf_tls_config_new(struct qf_tls_config **ret, const struct qf_conf_tls *conf, struct qf_err *reterr) qf_must_check;
struct qf_tls_config *qf_tls_config_ref(struct qf_tls_config *c);
struct qf_tls_config *qf_tls_config_free(struct qf_tls_config *c); /* one holder less; returns NULL */

/* alpn: the one protocol that is offered ("postgresql", "http/1.1"); it must be chosen when `direct`, RFC 7301. */
struct qf_tls *qf_tls_new(struct qf_tls_config *c, int fd, const char *alpn, bool direct);
struct qf_tls *qf_tls_free(struct qf_tls *t); /* does not close fd; returns NULL */

/*
 * As recv and send: the number of bytes, 0 at the end of the stream (read only), or a negative code: -EAGAIN with
 * *ret_wants set to EPOLLIN or EPOLLOUT, what the next step of TLS waits for, whichever was called; anything else: the
 * connection is broken, and qf_tls_error() says why. The handshake is part of the first calls.
 */
ssize_t qf_tls_read(struct qf_tls *t, void *to, size_t n, unsigned *ret_wants);
ssize_t qf_tls_write(struct qf_tls *t, const void *from, size_t n, unsigned *ret_wants);
void qf_tls_shutdown(struct qf_tls *t); /* close_notify, if the socket takes it */
bool qf_tls_established(const struct qf_tls *t); /* the handshake is over */
size_t qf_tls_pending(const struct qf_tls *t);	 /* bytes that a read gives without the descriptor becoming readable */
const char *qf_tls_error(const struct qf_tls *t);
const char *qf_tls_version(const struct qf_tls *t); /* "TLSv1.3" */
/* Common name of the client's verified certificate; NULL: it showed none. */
const char *qf_tls_peer_name(const struct qf_tls *t);
/* Channel binding tls-server-end-point [RFC 5929, 4]: the hash of our certificate. Empty: there is none for its algorithm. */
struct qf_slice qf_tls_end_point(const struct qf_tls *t);

#endif
