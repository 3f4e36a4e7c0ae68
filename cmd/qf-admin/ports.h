/*
 * The ports of `qf-admin up`: bound here and handed to qf-listen, the admin port to qf-admin, so that a port
 * outlives restarts. A busy default port moves up by 10000 and is said, as often as it has to; a configured
 * one is an error that names the key. Plain functions; the sockets belong to the caller.
 */
#ifndef QF_ADMIN_PORTS_H
#define QF_ADMIN_PORTS_H

#include "qf/conf.h"

#define PORTS_MAX (QF_FE_N + 1)

struct port {
	bool admin;		   /* else for clients of: */
	enum qf_frontend frontend;
	const char *name;	   /* "postgresWire", "adminApi" */
	const char *fd_name;	   /* by which it is handed over: "postgres", "admin" */
	const char *address;
	uint16_t number;
	int fd;
};

/* Binds what the configuration enables and this build speaks. Returns how many, or a negative code. */
int ports_open(const struct qf_conf *conf, unsigned offset, struct port ports[PORTS_MAX], struct qf_err *reterr);
void ports_close(struct port *ports, int n);
/* Where a client on this machine finds it: the address, but loopback for "any", in brackets when it is IPv6. */
const char *port_host(const struct port *p, char to[64]);
/* A client command that can be pasted, for the table of endpoints. */
void port_client(const struct port *p, struct qf_buf *out);

#endif
