/* Values of X-Trino-* headers and of Authorization. See qf/proto/trino.h. */
#include <string.h>

#include "qf/proto/trino.h"

static bool is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

static struct qf_slice trim(struct qf_slice s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = qf_slice(s.p + 1, s.n - 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool qf_trino_list_next(struct qf_slice *rest, struct qf_slice *ret)
{
	while (rest->n > 0) {
		const uint8_t *comma = memchr(rest->p, ',', rest->n);
		size_t n = comma ? (size_t)(comma - rest->p) : rest->n;
		struct qf_slice item = trim(qf_slice(rest->p, n));

		*rest = qf_slice(rest->p + n + (comma != NULL), rest->n - n - (comma != NULL));
		if (item.n > 0) {
			*ret = item;
			return true;
		}
	}
	return false;
}

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool qf_trino_decode(struct qf_slice in, struct qf_buf *out)
{
	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];

		if (c == '%') {
			if (in.n - i < 3 || hex_digit(in.p[i + 1]) < 0 || hex_digit(in.p[i + 2]) < 0)
				return false;
			c = (uint8_t)(hex_digit(in.p[i + 1]) << 4 | hex_digit(in.p[i + 2]));
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == 0)
			return false;
		qf_buf_u8(out, c);
	}
	return true;
}

/* As Java's URLEncoder does: letters, digits and ".-*_" stay, a space is '+'. */
void qf_trino_encode(struct qf_slice in, struct qf_buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < in.n; i++) {
		uint8_t c = in.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr(".-*_", c))) {
			qf_buf_u8(out, c);
		} else if (c == ' ') {
			qf_buf_u8(out, '+');
		} else {
			qf_buf_u8(out, '%');
			qf_buf_u8(out, (uint8_t)digits[c >> 4]);
			qf_buf_u8(out, (uint8_t)digits[c & 15]);
		}
	}
}

bool qf_trino_property(struct qf_slice item, struct qf_buf *name, struct qf_buf *value)
{
	const uint8_t *equals = item.n ? memchr(item.p, '=', item.n) : NULL;

	if (!equals)
		return false;
	size_t n = (size_t)(equals - item.p);

	return qf_trino_decode(trim(qf_slice(item.p, n)), name) && name->n > 0 &&
	       qf_trino_decode(trim(qf_slice(equals + 1, item.n - n - 1)), value);
}

void qf_trino_tag(struct qf_slice item, struct qf_slice *ret_key, struct qf_slice *ret_value)
{
	size_t n = 0;

	while (n < item.n && item.p[n] != ':' && item.p[n] != '=')
		n++;
	*ret_value = QF_SLICE_NONE;
	*ret_key = item;
	if (n == 0 || n == item.n)
		return;
	*ret_key = trim(qf_slice(item.p, n));
	*ret_value = trim(qf_slice(item.p + n + 1, item.n - n - 1));
}

/* ---- Authorization [RFC 7617] -------------------------------------------------------------------------- */

static int base64_digit(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static bool base64(struct qf_slice in, struct qf_buf *out)
{
	uint32_t bits = 0;
	unsigned have = 0;

	while (in.n > 0 && in.p[in.n - 1] == '=')
		in.n--;
	for (size_t i = 0; i < in.n; i++) {
		int digit = base64_digit(in.p[i]);

		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		have += 6;
		if (have >= 8) {
			have -= 8;
			qf_buf_u8(out, (uint8_t)(bits >> have));
		}
	}
	return have < 6;
}

bool qf_trino_bearer(struct qf_slice authorization, struct qf_slice *ret_token)
{
	if (authorization.n < 7 || !qf_slice_caseeq_str(qf_slice(authorization.p, 7), "bearer "))
		return false;
	*ret_token = trim(qf_slice(authorization.p + 7, authorization.n - 7));
	return ret_token->n > 0;
}

bool qf_trino_basic(struct qf_slice authorization, struct qf_buf *user, struct qf_buf *password)
{
	struct qf_buf clear;
	bool ok = false;

	if (authorization.n < 6 || !qf_slice_caseeq_str(qf_slice(authorization.p, 6), "basic "))
		return false;
	qf_buf_init(&clear);
	qf_buf_reserve(&clear, authorization.n); /* at once: what grows leaves copies behind */
	if (base64(trim(qf_slice(authorization.p + 6, authorization.n - 6)), &clear)) {
		const uint8_t *colon = clear.n ? memchr(clear.p, ':', clear.n) : NULL;
		size_t n = colon ? (size_t)(colon - clear.p) : 0;

		ok = colon && n > 0 && !memchr(clear.p, 0, n);
		if (ok) {
			qf_buf_add(user, clear.p, n);
			qf_buf_add(password, colon + 1, clear.n - n - 1);
		}
	}
	if (clear.n > 0)
		explicit_bzero(clear.p, clear.n); /* a password may be in it */
	qf_buf_fini(&clear);
	return ok;
}
