/*
 * The client ports of `qf-admin up`: bound here and handed to qf-listen, so that a port outlives its
 * restarts. A busy default port moves up by 10000 and is said; a configured one is an error that names the
 * key. Plain functions; the sockets belong to the caller.
 */
#ifndef QF_ADMIN_PORTS_H
#define QF_ADMIN_PORTS_H

#include "qf/conf.h"

struct port {
	enum qf_frontend frontend;
	const char *address;
	uint16_t number;
	int fd;
};

/* Binds what the configuration enables and this build speaks. Returns how many, or a negative code. */
int ports_open(const struct qf_conf *conf, unsigned offset, struct port ports[QF_FE_N], struct qf_err *reterr);
void ports_close(struct port *ports, int n);
/* A client command that can be pasted, for the table of endpoints. */
void port_client(const struct port *p, struct qf_buf *out);

#endif
