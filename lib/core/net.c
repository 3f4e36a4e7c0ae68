/* See qf/net.h. */
#include "qf/net.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool read_address(struct qf_net *ret, const char *text, size_t n)
{
	char copy[INET6_ADDRSTRLEN];

	if (n >= sizeof(copy))
		return false;
	memcpy(copy, text, n);
	copy[n] = '\0';
	*ret = (struct qf_net){ .bits = 128 };
	if (inet_pton(AF_INET, copy, ret->address + sizeof(mapped)) == 1)
		memcpy(ret->address, mapped, sizeof(mapped));
	else if (inet_pton(AF_INET6, copy, ret->address) != 1)
		return false;
	ret->v4 = memcmp(ret->address, mapped, sizeof(mapped)) == 0;
	return true;
}

bool qf_net_parse(struct qf_net *ret, const char *text)
{
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	bool dotted = !memchr(text, ':', n);
	unsigned long bits, most = dotted ? 32 : 128;
	struct qf_net net;
	char *end;

	if (!read_address(&net, text, n))
		return false;
	if (slash) {
		if (slash[1] < '0' || slash[1] > '9')
			return false;
		bits = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || bits > most)
			return false;
		net.bits = (unsigned)(bits + 128 - most);
		net.v4 = net.v4 && net.bits >= 8 * sizeof(mapped);
	}
	*ret = net;
	return true;
}

bool qf_net_address(struct qf_net *ret, const char *text)
{
	bool bracket = *text == '[';

	text += bracket;
	return read_address(ret, text, strcspn(text, bracket ? "]%" : "%"));
}

bool qf_net_has(const struct qf_net *net, const struct qf_net *address)
{
	size_t whole = net->bits / 8;
	unsigned rest = net->bits % 8;

	if (net->v4 != address->v4 || memcmp(net->address, address->address, whole) != 0)
		return false;
	return rest == 0 || (net->address[whole] ^ address->address[whole]) >> (8 - rest) == 0;
}
