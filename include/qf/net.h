/*
 * Networks and the addresses in them: "10.0.0.0/8", "fd00::/8", "192.0.2.7". An IPv4 address in an IPv6 one
 * (::ffff:192.0.2.7) is that IPv4 address; a network of one family holds none of the other. Pure; any thread.
 */
#ifndef QF_NET_H
#define QF_NET_H

#include <stdbool.h>
#include <stdint.h>

struct qf_net {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	unsigned bits;	     /* of those 128 */
	bool v4;
};

bool qf_net_parse(struct qf_net *ret, const char *text); /* a network, or one address */
/* text: an address, which may stand in brackets and have a zone (%eth0); false when it is none. */
bool qf_net_address(struct qf_net *ret, const char *text);
bool qf_net_has(const struct qf_net *net, const struct qf_net *address);

#endif
