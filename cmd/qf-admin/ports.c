#include "ports.h"

#include "qf/accept.h"
#include "qf/log.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOVE_UP 10000
#define MOVE_DOWN 40000
#define MOVES 5

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

static int bind_configured(const struct qf_conf *conf, const struct qf_conf_frontend *f, unsigned number, const struct port *p,
			   struct qf_err *err)
{
	int fd = bind_port(f->address, number, err);

	if (fd < 0)
		qf_err_prefix(err, "%s:%u:%u: queryflux.%s%s.port", conf->path ? conf->path : "embedded default",
			      f->place.line, f->place.column, p->admin ? "" : "frontends.", p->name);
	return fd;
}

/* Several toolkits may run on one machine: in the end any free port will do. */
static int bind_default(const struct qf_conf_frontend *f, unsigned *number, const struct port *p, struct qf_err *err)
{
	unsigned first = *number;
	int fd = bind_port(f->address, first, err);

	for (int i = 0; i < MOVES && fd == -EADDRINUSE; i++) {
		*number = i + 1 < MOVES ? shifted(*number, MOVE_UP, p->name) : 0;
		fd = bind_port(f->address, *number, err);
	}
	if (fd >= 0 && *number == 0)
		*number = qf_bound_port(fd);
	if (fd >= 0 && *number != first)
		fprintf(stderr, "%s: port %u is busy, using %u\n", p->name, first, *number);
	if (fd < 0)
		qf_err_prefix(err, "queryflux.%s%s", p->admin ? "" : "frontends.", p->name);
	return fd;
}

static int open_one(const struct qf_conf *conf, const struct qf_conf_frontend *f, unsigned offset, struct port *p,
		    struct qf_err *err)
{
	unsigned number = shifted(f->port, offset, p->name);
	int fd = f->port_set ? bind_configured(conf, f, number, p, err) : bind_default(f, &number, p, err);

	if (fd < 0)
		return fd;
	p->address = f->address;
	p->number = (uint16_t)number;
	p->fd = fd;
	return 0;
}

int ports_open(const struct qf_conf *conf, unsigned offset, struct port ports[PORTS_MAX], struct qf_err *reterr)
{
	int n = 0, rc = 0;

	for (int fe = 0; fe < QF_FE_N && rc == 0; fe++) {
		if (!conf->frontends[fe].enabled || !qf_frontend_built((enum qf_frontend)fe))
			continue;
		ports[n] = (struct port){ .frontend = (enum qf_frontend)fe,
					  .name = qf_frontend_name((enum qf_frontend)fe),
					  .fd_name = qf_frontend_short((enum qf_frontend)fe) };
		rc = open_one(conf, &conf->frontends[fe], offset, &ports[n], reterr);
		n += rc == 0;
	}
	if (rc == 0 && conf->admin.enabled) {
		ports[n] = (struct port){ .admin = true, .name = "adminApi", .fd_name = "admin" };
		rc = open_one(conf, &conf->admin, offset, &ports[n], reterr);
		n += rc == 0;
	}
	if (rc == 0)
		return n;
	ports_close(ports, n);
	return rc;
}

void ports_close(struct port *ports, int n)
{
	for (int i = 0; i < n; i++)
		close(ports[i].fd);
}

const char *port_host(const struct port *p, char to[64])
{
	const char *a = !strcmp(p->address, "0.0.0.0") ? "127.0.0.1" : !strcmp(p->address, "::") ? "::1" : p->address;

	snprintf(to, 64, strchr(a, ':') ? "[%s]" : "%s", a);
	return to;
}

void port_client(const struct port *p, struct qf_buf *out)
{
	char host[64];

	if (p->admin)
		qf_buf_printf(out, "curl http://%s:%u/readyz", port_host(p, host), p->number);
	else if (p->frontend == QF_FE_POSTGRES)
		qf_buf_printf(out, "psql -h %s -p %u -U queryflux queryflux", p->address, p->number);
	else if (p->frontend == QF_FE_TRINO)
		qf_buf_printf(out, "trino --server http://%s:%u", port_host(p, host), p->number);
}
