/*
 * The PROXY protocol, version 2: the header that a load balancer puts before the bytes of a client whose connection it
 * passes on (haproxy.org, proxy-protocol.txt, 2.2). Version 1 is refused; of the TLVs none is needed. Pure.
 */
#ifndef QF_PROTO_PROXY_H
#define QF_PROTO_PROXY_H

#include <stdbool.h>

#include "qf/buf.h"

enum {
	QF_PROXY_FIRST = 16,  /* bytes that say how long it is */
	QF_PROXY_MAX = 4096, /* of a whole one, with its TLVs */
};

struct qf_proxy_client {
	bool known;   /* else the proxy speaks for itself, or does not say */
	bool v4;
	uint8_t address[16]; /* network order; the first 4 of IPv4 */
	uint16_t port;
};

/*
 * got: the front of the stream. 0, and *ret_need says how long the header is, as far as is known: more than got.n,
 * read on; else it is whole, and *ret is set. QF_EMALFORMED: there is no such header, as early as can be seen.
 */
int qf_proxy_read(struct qf_slice got, size_t *ret_need, struct qf_proxy_client *ret, struct qf_err *reterr) qf_must_check;

#endif
