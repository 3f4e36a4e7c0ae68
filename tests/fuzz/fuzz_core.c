/* Hostile bytes against lib/core: text functions beside a naive decoder, the reader and the buffer beside arithmetic. */
#include <string.h>

#include "qf/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One character by its value instead of by byte ranges: 0 when it is not well-formed. */
static size_t naive_char(const uint8_t *p, size_t n)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	uint32_t c = len == 1 ? p[0] : len ? p[0] & (0xffu >> (len + 1)) : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

static void check_text(struct qf_slice s)
{
	size_t at = 0, n = 1, characters = 0;
	struct qf_buf b = { 0 };
	unsigned line, column;

	for (; at < s.n && (n = naive_char(s.p + at, s.n - at)) > 0; at += n)
		characters += s.p[at] != '\n';
	qf_assert(qf_utf8_bad_at(s) == at);
	qf_assert(qf_utf8_valid(s) == (at == s.n));
	size_t cut = qf_utf8_cut(s);

	qf_assert(cut <= s.n && s.n - cut < 4);
	/* Any beginning of good text is good again once it is cut. */
	for (size_t i = at > 8 ? at - 8 : 0; i <= at; i++)
		qf_assert(qf_utf8_valid(qf_slice(s.p, qf_utf8_cut(qf_slice(s.p, i)))));
	qf_text_place(s, at, &line, &column);
	qf_assert(line >= 1 && column >= 1 && line - 1 + column - 1 <= at);
	if (line == 1 && at == s.n)
		qf_assert(column == characters + 1);
	qf_quote_log(&b, s, 100);
	for (size_t i = 0; i < b.n; i++)
		qf_assert(b.p[i] >= 0x20 && b.p[i] < 0x7f);
	qf_assert(b.n <= 4 * 100 + 5);
	qf_buf_fini(&b);
}

static size_t hostile_length(uint8_t op, size_t left)
{
	static const size_t odd[] = { SIZE_MAX, SIZE_MAX / 2, (size_t)-2, UINT32_MAX };

	return op & 0x80 ? odd[op & 3] : op & 0x40 ? left + (op & 1) : op & 0x3f;
}

static void step(struct qf_reader *r, uint8_t what, uint8_t how)
{
	size_t before = r->n;
	size_t n;

	switch (what % 6) {
	case 0:
		qf_read_u8(r);
		break;
	case 1:
		qf_read_u16(r);
		break;
	case 2:
		qf_read_u32(r);
		break;
	case 3:
		qf_read_u64(r);
		break;
	case 4:
		n = qf_read_cstr(r).n;
		qf_assert(n < before || r->err);
		break;
	default:
		n = hostile_length(how, before);
		qf_assert(qf_read_bytes(r, n).n == (r->err ? 0 : n));
		break;
	}
	qf_assert(r->n <= before && (!r->err || r->n == 0));
}

/* The first half of the input is the script, the second what it reads; what was read adds up to what is gone. */
static void check_reader(struct qf_slice script, struct qf_slice in)
{
	struct qf_reader r = qf_reader(in);

	for (size_t i = 0; i + 1 < script.n; i += 2) {
		step(&r, script.p[i], script.p[i + 1]);
		qf_assert(r.err || (size_t)(r.p - in.p) + r.n == in.n);
	}
	qf_assert(qf_reader_done(&r) == (!r.err && (size_t)(r.p - in.p) == in.n));
}

/* Bytes go in at the end and out at the front; what is left is always a piece of the input. */
static void check_buf(struct qf_slice script, struct qf_slice in)
{
	struct qf_buf b = { 0 };
	size_t from = 0, to = 0;

	for (size_t i = 0; i < script.n; i++) {
		size_t n = script.p[i] >> 1;

		if (script.p[i] & 1) {
			n = n < in.n - to ? n : in.n - to;
			qf_buf_add(&b, in.p + to, n);
			to += n;
		} else {
			n = n < b.n ? n : b.n;
			qf_buf_consume(&b, n);
			from += n;
		}
		qf_assert(b.n == to - from && b.n <= b.cap);
		qf_assert(b.n == 0 || memcmp(b.p, in.p + from, b.n) == 0);
	}
	qf_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t half = size / 2;

	check_text(qf_slice(data, size));
	check_reader(qf_slice(data, half), qf_slice(data + half, size - half));
	check_buf(qf_slice(data, half), qf_slice(data + half, size - half));
	return 0;
}
