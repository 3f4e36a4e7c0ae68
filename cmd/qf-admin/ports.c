#include "ports.h"

#include "qf/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOVE_UP 10000
#define MOVE_DOWN 40000

static int bind_port(const char *address, unsigned number, struct qf_err *reterr)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)number) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)number) };
	bool is_v4 = inet_pton(AF_INET, address, &v4.sin_addr) == 1;
	int fd, one = 1;

	if (!is_v4 && inet_pton(AF_INET6, address, &v6.sin6_addr) != 1)
		return qf_err_set(reterr, QF_ECONFIG, "\"%s\" is not an address", address);
	fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return qf_err_set(reterr, -errno, "socket: %s", strerror(errno));
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, is_v4 ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6, is_v4 ? sizeof v4 : sizeof v6) < 0 ||
	    listen(fd, 4096) < 0) {
		int rc = qf_err_set(reterr, -errno, "%s port %u: %s", address, number, strerror(errno));

		close(fd);
		return rc;
	}
	return fd;
}

/* A sum over 65535 loses 40000, and that is said. */
static unsigned shifted(unsigned number, unsigned offset, const char *name)
{
	unsigned sum = number + offset;

	if (sum <= 65535)
		return sum;
	fprintf(stderr, "%s: port %u is over 65535, using %u\n", name, sum, sum - MOVE_DOWN);
	return sum - MOVE_DOWN;
}

static int open_one(const struct qf_conf *conf, enum qf_frontend fe, unsigned offset, struct port *p, struct qf_err *err)
{
	const struct qf_conf_frontend *f = &conf->frontends[fe];
	unsigned number = shifted(f->port, offset, qf_frontend_name(fe));
	int fd = bind_port(f->address, number, err);

	if (fd == -EADDRINUSE && f->port_set) {
		qf_err_prefix(err, "%s:%u:%u: queryflux.frontends.%s.port", conf->path ? conf->path : "embedded default",
			      f->place.line, f->place.column, qf_frontend_name(fe));
		return fd;
	}
	if (fd == -EADDRINUSE) {
		unsigned moved = shifted(number, MOVE_UP, qf_frontend_name(fe));

		fprintf(stderr, "%s: port %u is busy, using %u\n", qf_frontend_name(fe), number, moved);
		number = moved;
		fd = bind_port(f->address, number, err);
	}
	if (fd < 0) {
		qf_err_prefix(err, "queryflux.frontends.%s", qf_frontend_name(fe));
		return fd;
	}
	*p = (struct port){ .frontend = fe, .address = f->address, .number = (uint16_t)number, .fd = fd };
	return 0;
}

int ports_open(const struct qf_conf *conf, unsigned offset, struct port ports[QF_FE_N], struct qf_err *reterr)
{
	int n = 0;

	for (int fe = 0; fe < QF_FE_N; fe++) {
		int rc;

		if (!conf->frontends[fe].enabled || !qf_frontend_built((enum qf_frontend)fe))
			continue;
		rc = open_one(conf, (enum qf_frontend)fe, offset, &ports[n], reterr);
		if (rc < 0) {
			ports_close(ports, n);
			return rc;
		}
		n++;
	}
	return n;
}

void ports_close(struct port *ports, int n)
{
	for (int i = 0; i < n; i++)
		close(ports[i].fd);
}

void port_client(const struct port *p, struct qf_buf *out)
{
	if (p->frontend == QF_FE_POSTGRES)
		qf_buf_printf(out, "psql -h %s -p %u -U queryflux queryflux", p->address, p->number);
}
