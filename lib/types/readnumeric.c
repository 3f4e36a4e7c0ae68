/*
 * numeric from PostgreSQL's text and binary forms, as one exact decimal literal: -0012.5e1 is -125, 1e-3 is 0.001.
 */
#include <string.h>
#include <strings.h>

#include "numeric.h"
#include "pgtype.h"

enum {
	MAX_WHOLE = 131072, /* digits before the point, and behind it: what numeric's own layout holds */
	MAX_SCALE = 16383,
	MAX_EXPONENT = INT32_MAX / 2,
};

/* A number is 0.digits × 10^point, and shows `scale` digits behind the point: what is beyond them goes. */
struct decimal {
	bool negative;
	const uint8_t *digits;
	size_t n;
	int64_t point, scale;
};

static uint8_t digit_at(const struct decimal *d, int64_t i)
{
	return i >= 0 && (uint64_t)i < d->n ? d->digits[i] : '0';
}

static int overflows(struct qf_read *ctx)
{
	return qf_read_fail(ctx, "22003", "value overflows numeric format");
}

static int put_literal(struct qf_read *ctx, struct decimal *d, struct qf_datum *ret)
{
	while (d->n && d->digits[0] == '0') {
		d->digits++;
		d->n--;
		d->point--;
	}
	int64_t whole = d->n && d->point > 0 ? d->point : 0;

	if (whole > MAX_WHOLE || d->scale > MAX_SCALE)
		return overflows(ctx);
	uint8_t *text = qf_read_alloc(ctx, (size_t)(whole + d->scale) + 3), *p = text;
	bool zero = true;

	if (!text)
		return QF_ELIMIT;
	*p++ = '-';
	if (whole == 0)
		*p++ = '0';
	for (int64_t i = d->point - whole; i < d->point + d->scale; i++) {
		if (i == d->point)
			*p++ = '.';
		*p = digit_at(d, i);
		zero = zero && *p == '0';
		p++;
	}
	bool minus = d->negative && !zero;

	ret->kind = QF_DATUM_NUMERIC;
	ret->text = qf_slice(text + !minus, (size_t)(p - text) - !minus);
	return 0;
}

static bool put_word(struct qf_slice v, struct qf_datum *ret)
{
	static const char *const words[][2] = {
		{ "nan", "NaN" },	    { "infinity", "Infinity" },	 { "+infinity", "Infinity" },
		{ "-infinity", "-Infinity" }, { "inf", "Infinity" },	 { "+inf", "Infinity" },
		{ "-inf", "-Infinity" },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (qf_slice_caseeq_str(v, words[i][0])) {
			ret->kind = QF_DATUM_NUMERIC;
			ret->text = qf_slice_str(words[i][1]);
			return true;
		}
	}
	return false;
}

static size_t count_digits(const struct qf_reader *r)
{
	size_t n = 0;

	while (n < r->n && qf_is_digit(r->p[n]))
		n++;
	return n;
}

static bool take_sign(struct qf_reader *r)
{
	if (!r->n || (r->p[0] != '-' && r->p[0] != '+'))
		return false;
	return qf_read_u8(r) == '-';
}

/* False when there is an e without a number behind it. One beyond all bounds stays MAX_EXPONENT. */
static bool take_exponent(struct qf_reader *r, int64_t *ret)
{
	*ret = 0;
	if (!r->n || (r->p[0] != 'e' && r->p[0] != 'E'))
		return true;
	(void)qf_read_u8(r);
	while (r->n && qf_is_space(r->p[0]))
		(void)qf_read_u8(r);
	bool negative = take_sign(r);
	size_t n = count_digits(r);

	for (size_t i = 0; i < n && *ret < MAX_EXPONENT; i++)
		*ret = *ret * 10 + (r->p[i] - '0');
	(void)qf_read_bytes(r, n);
	if (*ret > MAX_EXPONENT)
		*ret = MAX_EXPONENT;
	if (negative)
		*ret = -*ret;
	return n;
}

int qf_read_numeric_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_slice number = qf_read_trim(v);
	struct qf_reader r = qf_reader(number);
	uint8_t *digits = qf_read_alloc(ctx, number.n);
	struct decimal d = { .digits = digits };
	int64_t exponent;

	if (!digits)
		return QF_ELIMIT;
	if (put_word(number, ret))
		return 0;
	d.negative = take_sign(&r);
	size_t whole = count_digits(&r), fraction = 0;

	memcpy(digits, qf_read_bytes(&r, whole).p, whole);
	if (r.n && r.p[0] == '.') {
		(void)qf_read_u8(&r);
		fraction = count_digits(&r);
		memcpy(digits + whole, qf_read_bytes(&r, fraction).p, fraction);
	}
	d.n = whole + fraction;
	if (d.n == 0 || !take_exponent(&r, &exponent) || !qf_reader_done(&r))
		return qf_read_syntax(ctx, "22P02", v);
	if (exponent == MAX_EXPONENT || exponent == -MAX_EXPONENT)
		return overflows(ctx);
	d.point = (int64_t)whole + exponent;
	d.scale = (int64_t)fraction > exponent ? (int64_t)fraction - exponent : 0;
	return put_literal(ctx, &d, ret);
}

static int bad(struct qf_read *ctx, const char *what)
{
	return qf_read_fail(ctx, "22P03", "invalid %s in external \"numeric\" value", what);
}

static int put_special(struct qf_read *ctx, unsigned sign, struct qf_datum *ret)
{
	ret->kind = QF_DATUM_NUMERIC;
	switch (sign) {
	case QF_NUMERIC_NAN:
		ret->text = qf_slice_str("NaN");
		return 0;
	case QF_NUMERIC_INFINITY:
		ret->text = qf_slice_str("Infinity");
		return 0;
	case QF_NUMERIC_MINUS_INFINITY:
		ret->text = qf_slice_str("-Infinity");
		return 0;
	default:
		return bad(ctx, "sign");
	}
}

int qf_read_numeric(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	unsigned groups = qf_read_u16(&r);
	int16_t weight = (int16_t)qf_read_u16(&r);
	unsigned sign = qf_read_u16(&r), scale = qf_read_u16(&r);

	if (r.err || r.n != 2 * (size_t)groups)
		return qf_read_length(ctx, r.err || r.n < 2 * (size_t)groups);
	if (sign != 0 && sign != QF_NUMERIC_NEGATIVE)
		return put_special(ctx, sign, ret);
	if (scale > MAX_SCALE)
		return bad(ctx, "scale");
	uint8_t *digits = qf_read_alloc(ctx, (size_t)groups * QF_NUMERIC_GROUP), *p = digits;

	if (!digits)
		return QF_ELIMIT;
	for (unsigned i = 0; i < groups; i++) {
		unsigned group = qf_read_u16(&r);

		if (group > 9999)
			return bad(ctx, "digit");
		for (unsigned unit = 1000; unit; unit /= 10)
			*p++ = (uint8_t)('0' + group / unit % 10);
	}
	struct decimal d = {
		.negative = sign == QF_NUMERIC_NEGATIVE,
		.digits = digits,
		.n = (size_t)groups * QF_NUMERIC_GROUP,
		.point = ((int64_t)weight + 1) * QF_NUMERIC_GROUP,
		.scale = scale,
	};

	return put_literal(ctx, &d, ret);
}
