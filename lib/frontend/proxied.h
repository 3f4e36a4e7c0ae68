/*
 * The header of trusted proxies before a client's own bytes, for all frontends: whose connections have one is in the
 * configuration of now. Elsewhere such a header is garbage, as in any protocol.
 */
#ifndef QF_FRONTEND_PROXIED_H
#define QF_FRONTEND_PROXIED_H

#include "qf/accept.h"
#include "qf/frontend.h"

struct fe_proxied {
	struct qf_preface preface; /* for the acceptor */
	const struct qf_hub *hub;
	enum qf_frontend fe;
};

void fe_proxied_init(struct fe_proxied *p, const struct qf_hub *hub, enum qf_frontend fe);
/* The client's address without port and brackets: "127.0.0.1", "::1", "local". */
void fe_address_of(const char *name, char *ret, size_t n);

#endif
