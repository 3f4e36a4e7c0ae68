/*
 * Text, JSON, bytes, uuids and bit strings from PostgreSQL's text and binary forms.
 */
#include <string.h>

#include "col.h"
#include "pgtype.h"

static int set_text(struct qf_datum *d, enum qf_datum_kind kind, struct qf_slice v)
{
	d->kind = kind;
	d->text = v;
	return 0;
}

int qf_read_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	(void)ctx;
	return set_text(ret, QF_DATUM_TEXT, v);
}

int qf_read_text_binary(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	int r = qf_read_check_utf8(ctx, v);

	return r < 0 ? r : set_text(ret, QF_DATUM_TEXT, v);
}

int qf_read_json(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	if (!qf_json_valid(v))
		return qf_read_fail(ctx, "22P02", "invalid input syntax for type json");
	return set_text(ret, QF_DATUM_JSON, v);
}

int qf_read_json_binary(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	int r = qf_read_check_utf8(ctx, v);

	return r < 0 ? r : qf_read_json(ctx, v, ret);
}

/* A version, which is 1, then the same. */
int qf_read_jsonb_binary(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	unsigned version = qf_read_u8(&r);

	if (r.err)
		return qf_read_length(ctx, true);
	if (version != 1)
		return qf_read_fail(ctx, "22P03", "unsupported jsonb version number %u", version);
	return qf_read_json_binary(ctx, qf_slice(r.p, r.n), ret);
}

static int hex_value(uint8_t c)
{
	if (qf_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The character that v begins with, for an error. */
static struct qf_slice first_character(struct qf_slice v)
{
	size_t n = 1;

	while (n < v.n && (v.p[n] & 0xc0) == 0x80)
		n++;
	return qf_slice(v.p, n);
}

static int bad_hex(struct qf_read *ctx, struct qf_slice at)
{
	struct qf_slice c = first_character(at);

	return qf_read_fail(ctx, "22023", "invalid hexadecimal digit: \"%.*s\"", QF_SHOW(c));
}

/* Pairs of digits, with white space allowed between them [PG 8.4.1]. */
static int read_hex(struct qf_read *ctx, struct qf_slice v, uint8_t *to, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == ' ' || v.p[i] == '\n' || v.p[i] == '\t' || v.p[i] == '\r')
			continue;
		int high = hex_value(v.p[i]), low;

		if (high < 0)
			return bad_hex(ctx, qf_slice(v.p + i, v.n - i));
		if (++i == v.n)
			return qf_read_fail(ctx, "22023", "invalid hexadecimal data: odd number of digits");
		low = hex_value(v.p[i]);
		if (low < 0)
			return bad_hex(ctx, qf_slice(v.p + i, v.n - i));
		to[n++] = (uint8_t)(high << 4 | low);
	}
	*ret_n = n;
	return 0;
}

static bool is_octal(const uint8_t *p, size_t n)
{
	return n >= 3 && p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

/* A backslash stands before another one or before three octal digits [PG 8.4.2]. */
static int read_escaped(struct qf_read *ctx, struct qf_slice v, uint8_t *to, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < v.n; i++) {
		const uint8_t *rest = v.p + i + 1;

		if (v.p[i] != '\\') {
			to[n++] = v.p[i];
		} else if (i + 1 < v.n && rest[0] == '\\') {
			to[n++] = '\\';
			i++;
		} else if (is_octal(rest, v.n - i - 1)) {
			to[n++] = (uint8_t)((rest[0] - '0') << 6 | (rest[1] - '0') << 3 | (rest[2] - '0'));
			i += 3;
		} else {
			return qf_read_fail(ctx, "22P02", "invalid input syntax for type bytea");
		}
	}
	*ret_n = n;
	return 0;
}

int qf_read_bytea_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	bool hex = v.n >= 2 && v.p[0] == '\\' && v.p[1] == 'x';
	uint8_t *bytes = qf_read_alloc(ctx, v.n);
	size_t n = 0;

	if (!bytes)
		return QF_ELIMIT;
	int r = hex ? read_hex(ctx, qf_slice(v.p + 2, v.n - 2), bytes, &n) : read_escaped(ctx, v, bytes, &n);

	return r < 0 ? r : set_text(ret, QF_DATUM_BYTES, qf_slice(bytes, n));
}

int qf_read_bytea(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	(void)ctx;
	return set_text(ret, QF_DATUM_BYTES, v);
}

/* 32 digits in braces or without, a hyphen behind any four of them [PG 8.12]. */
int qf_read_uuid_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_slice s = v;
	bool braces = s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}';

	if (braces)
		s = qf_slice(s.p + 1, s.n - 2);
	for (size_t i = 0; i < sizeof(ret->bytes16); i++) {
		int high = s.n >= 2 ? hex_value(s.p[0]) : -1, low = s.n >= 2 ? hex_value(s.p[1]) : -1;

		if (high < 0 || low < 0)
			return qf_read_syntax(ctx, "22P02", v);
		ret->bytes16[i] = (uint8_t)(high << 4 | low);
		s = qf_slice(s.p + 2, s.n - 2);
		if (i % 2 == 1 && i < 15 && s.n && s.p[0] == '-')
			s = qf_slice(s.p + 1, s.n - 1);
	}
	ret->kind = QF_DATUM_UUID;
	return s.n ? qf_read_syntax(ctx, "22P02", v) : 0;
}

int qf_read_uuid(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	if (v.n != sizeof(ret->bytes16))
		return qf_read_length(ctx, v.n < sizeof(ret->bytes16));
	ret->kind = QF_DATUM_UUID;
	memcpy(ret->bytes16, v.p, v.n);
	return 0;
}

static uint8_t *put_bits(uint8_t *p, unsigned v, unsigned n)
{
	while (n--)
		*p++ = (uint8_t)('0' + (v >> n & 1));
	return p;
}

/* B'1010' or X'A', of which PostgreSQL's input has the letter only; no letter is B. */
int qf_read_bit_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	bool letter = v.n && memchr("bBxX", v.p[0], 4), hex = letter && (v.p[0] | 0x20) == 'x';
	struct qf_slice s = letter ? qf_slice(v.p + 1, v.n - 1) : v;
	uint8_t *bits = qf_read_alloc(ctx, s.n * (hex ? 4 : 1)), *p = bits;

	if (!bits)
		return QF_ELIMIT;
	for (size_t i = 0; i < s.n; i++) {
		int digit = hex_value(s.p[i]);
		struct qf_slice c = first_character(qf_slice(s.p + i, s.n - i));

		if (digit < 0 || (!hex && digit > 1))
			return qf_read_fail(ctx, "22P02", "\"%.*s\" is not a valid %s digit", QF_SHOW(c),
					    hex ? "hexadecimal" : "binary");
		p = put_bits(p, (unsigned)digit, hex ? 4 : 1);
	}
	return set_text(ret, QF_DATUM_TEXT, qf_slice(bits, (size_t)(p - bits)));
}

int qf_read_bit(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	uint32_t n = qf_read_u32(&r);

	if (r.err || r.n != ((uint64_t)n + 7) / 8)
		return qf_read_fail(ctx, "22P03", "invalid length in external bit string");
	uint8_t *bits = qf_read_alloc(ctx, 8 * r.n), *p = bits;

	if (!bits)
		return QF_ELIMIT;
	for (size_t i = 0; i < r.n; i++)
		p = put_bits(p, r.p[i], 8);
	return set_text(ret, QF_DATUM_TEXT, qf_slice(bits, n));
}
