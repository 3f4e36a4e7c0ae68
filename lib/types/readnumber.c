/*
 * Booleans, integers and floating-point numbers from PostgreSQL's text and binary forms.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgtype.h"

static void set_int(struct qf_datum *d, unsigned bits, int64_t v)
{
	d->kind = QF_DATUM_INT;
	d->bits = bits;
	d->i = v;
}

/* The beginnings of true, false, yes, no, on and off that are no other's; 0 and 1 [PG 8.6]. */
static int word_of_bool(struct qf_slice v)
{
	static const struct {
		const char *word;
		size_t least;
		bool value;
	} words[] = { { "true", 1, true }, { "false", 1, false }, { "yes", 1, true }, { "no", 1, false },
		      { "on", 2, true },   { "off", 2, false },	  { "1", 1, true },   { "0", 1, false } };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (v.n >= words[i].least && v.n <= strlen(words[i].word) &&
		    strncasecmp((const char *)v.p, words[i].word, v.n) == 0)
			return words[i].value;
	}
	return -1;
}

int qf_read_bool_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	int word = word_of_bool(qf_read_trim(v));

	if (word < 0)
		return qf_read_syntax(ctx, "22P02", v);
	ret->kind = QF_DATUM_BOOL;
	ret->i = word;
	return 0;
}

int qf_read_bool(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	if (v.n != 1)
		return qf_read_length(ctx, v.n == 0);
	ret->kind = QF_DATUM_BOOL;
	ret->i = v.p[0] != 0;
	return 0;
}

/* A sign and digits; more than a bigint holds is -ERANGE, anything else -EINVAL. */
static int parse_digits(struct qf_slice v, int64_t *ret)
{
	bool negative = v.n && v.p[0] == '-', beyond = false;
	int64_t sum = 0;

	if (v.n && (v.p[0] == '-' || v.p[0] == '+')) {
		v.p++;
		v.n--;
	}
	if (v.n == 0)
		return -EINVAL;
	for (size_t i = 0; i < v.n; i++) {
		if (!qf_is_digit(v.p[i]))
			return -EINVAL;
		int digit = v.p[i] - '0';

		beyond = beyond || __builtin_mul_overflow(sum, 10, &sum) ||
			 __builtin_sub_overflow(sum, negative ? digit : -digit, &sum);
	}
	*ret = sum;
	return beyond ? -ERANGE : 0;
}

static int read_integer(struct qf_read *ctx, struct qf_slice v, int64_t min, int64_t max, int64_t *ret)
{
	int r = parse_digits(qf_read_trim(v), ret);

	if (r == -EINVAL)
		return qf_read_syntax(ctx, "22P02", v);
	if (r < 0 || *ret < min || *ret > max)
		return qf_read_fail(ctx, "22003", "value \"%.*s\" is out of range for type %s", QF_SHOW(v),
				    ctx->type->said);
	return 0;
}

int qf_read_int2_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	set_int(ret, 16, 0);
	return read_integer(ctx, v, INT16_MIN, INT16_MAX, &ret->i);
}

int qf_read_int4_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	set_int(ret, 32, 0);
	return read_integer(ctx, v, INT32_MIN, INT32_MAX, &ret->i);
}

int qf_read_int8_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	set_int(ret, 64, 0);
	return read_integer(ctx, v, INT64_MIN, INT64_MAX, &ret->i);
}

/* Negative ones wrap around, as strtoul() has it. */
int qf_read_oid_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	set_int(ret, 64, 0);
	int r = read_integer(ctx, v, INT32_MIN, UINT32_MAX, &ret->i);

	ret->i &= UINT32_MAX;
	return r;
}

int qf_read_int2(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	set_int(ret, 16, (int16_t)qf_read_u16(&r));
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}

int qf_read_int4(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	set_int(ret, 32, (int32_t)qf_read_u32(&r));
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}

int qf_read_int8(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	set_int(ret, 64, (int64_t)qf_read_u64(&r));
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}

int qf_read_oid(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);

	set_int(ret, 64, qf_read_u32(&r));
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}

/* The C library's reader, as PostgreSQL's is; what over- or underflows is refused, numbers that lose digits are not. */
static int read_float(struct qf_read *ctx, struct qf_slice v, unsigned bits, struct qf_datum *ret)
{
	struct qf_slice number = qf_read_trim(v);
	char *text = qf_read_cstr_of(ctx, number), *end;

	if (!text)
		return QF_ELIMIT;
	errno = 0;
	ret->f = bits == 32 ? (double)strtof(text, &end) : strtod(text, &end);
	ret->kind = QF_DATUM_FLOAT;
	ret->bits = bits;
	if (end == text || *end)
		return qf_read_syntax(ctx, "22P02", v);
	if (errno == ERANGE && (ret->f == 0 || isinf(ret->f)))
		return qf_read_fail(ctx, "22003", "\"%.*s\" is out of range for type %s", QF_SHOW(number),
				    ctx->type->said);
	return 0;
}

int qf_read_float4_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	return read_float(ctx, v, 32, ret);
}

int qf_read_float8_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	return read_float(ctx, v, 64, ret);
}

int qf_read_float4(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	uint32_t bits = qf_read_u32(&r);
	float f;

	memcpy(&f, &bits, sizeof(f));
	ret->kind = QF_DATUM_FLOAT;
	ret->bits = 32;
	ret->f = (double)f;
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}

int qf_read_float8(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader r = qf_reader(v);
	uint64_t bits = qf_read_u64(&r);

	memcpy(&ret->f, &bits, sizeof(ret->f));
	ret->kind = QF_DATUM_FLOAT;
	ret->bits = 64;
	return qf_reader_done(&r) ? 0 : qf_read_length(ctx, r.err != 0);
}
