/* See qf/proto/proxy.h. */
#include "qf/proto/proxy.h"

#include <string.h>

enum {
	VERSION_2 = 0x20,
	LOCAL = 0,
	PROXY = 1,
	TCP4 = 0x11, /* address family and transport in one byte */
	TCP6 = 0x21,
};

static const uint8_t signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static int malformed(struct qf_err *reterr, const char *what)
{
	return qf_err_set(reterr, QF_EMALFORMED, "PROXY header: %s", what);
}

static int read_address(struct qf_reader *r, size_t n, struct qf_proxy_client *ret, struct qf_err *reterr)
{
	struct qf_slice from = qf_read_bytes(r, n);

	qf_read_bytes(r, n); /* where it went to */
	ret->port = qf_read_u16(r);
	qf_read_u16(r);
	if (r->err)
		return malformed(reterr, "too short for its addresses");
	memcpy(ret->address, from.p, n);
	ret->known = true;
	ret->v4 = n == 4;
	return 0;
}

/* Other families say nothing that is of use here; what follows the addresses are TLVs. */
static int read_client(struct qf_reader *r, unsigned command, unsigned family, struct qf_proxy_client *ret,
		       struct qf_err *reterr)
{
	*ret = (struct qf_proxy_client){ 0 };
	if (command == LOCAL)
		return 0;
	switch (family) {
	case TCP4:
		return read_address(r, 4, ret, reterr);
	case TCP6:
		return read_address(r, 16, ret, reterr);
	default:
		return 0;
	}
}

int qf_proxy_read(struct qf_slice got, size_t *ret_need, struct qf_proxy_client *ret, struct qf_err *reterr)
{
	struct qf_reader r = qf_reader(got);
	size_t n = got.n < sizeof(signature) ? got.n : sizeof(signature);

	if (n > 0 && memcmp(got.p, signature, n) != 0)
		return malformed(reterr, "the connection does not begin with one of version 2");
	*ret_need = QF_PROXY_FIRST;
	if (got.n < QF_PROXY_FIRST)
		return 0;
	qf_read_bytes(&r, sizeof(signature));
	uint8_t version = qf_read_u8(&r), family = qf_read_u8(&r);
	size_t length = qf_read_u16(&r);

	if ((version & 0xf0) != VERSION_2 || (version & 0x0f) > PROXY)
		return malformed(reterr, "a version or command that is not known");
	if (length > QF_PROXY_MAX - QF_PROXY_FIRST)
		return malformed(reterr, "too long");
	*ret_need = QF_PROXY_FIRST + length;
	if (got.n < *ret_need)
		return 0;
	r.n = length;
	return read_client(&r, version & 0x0f, family, ret, reterr);
}
