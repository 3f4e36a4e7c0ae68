/* See proxied.h. */
#include "proxied.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "qf/net.h"
#include "qf/proto/proxy.h"

void fe_address_of(const char *name, char *ret, size_t n)
{
	const char *port = strrchr(name, ':');
	int length = (int)(port ? (size_t)(port - name) : strlen(name));

	if (*name == '[' && length > 2)
		snprintf(ret, n, "%.*s", length - 2, name + 1);
	else
		snprintf(ret, n, "%.*s", length, name);
}

static bool expected(void *arg, const char *name)
{
	const struct fe_proxied *p = arg;
	const struct qf_conf_frontend *conf = &qf_hub_conf(p->hub)->frontends[p->fe];
	char address[QF_CLIENT_NAME];
	struct qf_net from, net;

	if (conf->n_trusted_proxies == 0)
		return false;
	fe_address_of(name, address, sizeof(address));
	if (!qf_net_address(&from, address))
		return false;
	for (size_t i = 0; i < conf->n_trusted_proxies; i++)
		if (qf_net_parse(&net, conf->trusted_proxies[i]) && qf_net_has(&net, &from))
			return true;
	return false;
}

/* A proxy that speaks for itself, or for a client of its own machine, keeps its own name. */
static int read_header(struct qf_slice got, size_t *ret_need, char name[QF_CLIENT_NAME], struct qf_err *reterr)
{
	struct qf_proxy_client client = { 0 };
	char ip[INET6_ADDRSTRLEN] = "";
	int rc = qf_proxy_read(got, ret_need, &client, reterr);

	if (rc < 0 || !client.known)
		return rc;
	inet_ntop(client.v4 ? AF_INET : AF_INET6, client.address, ip, sizeof(ip));
	snprintf(name, QF_CLIENT_NAME, client.v4 ? "%s:%u" : "[%s]:%u", ip, client.port);
	return 0;
}

void fe_proxied_init(struct fe_proxied *p, const struct qf_hub *hub, enum qf_frontend fe)
{
	*p = (struct fe_proxied){ .hub = hub, .fe = fe };
	p->preface = (struct qf_preface){ .expected = expected, .read = read_header, .arg = p };
}
