/*
 * A parameter of any type, text or binary: refused with SQLSTATE and words, or a value within the bounds of its kind.
 *
 * Input: one byte that chooses the type, its top bit binary; the value.
 */
#include <stdlib.h>
#include <string.h>

#include "qf/str.h"
#include "qf/types.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* New ones at the end, so that the corpus keeps its meaning. */
static const uint32_t oids[] = {
	16,   17,   19,	  20,	21,   23,   25,	  26,	114,  700,  701,  705,	1042, 1043, 1082, 1083, 1114,
	1184, 1186, 1266, 1560, 1562, 1700, 2950, 3802, 1000, 1001, 1003, 1005, 1007, 1009, 1014, 1015, 1016,
	1021, 1022, 1028, 1115, 1182, 1183, 1185, 1187, 1231, 1270, 1561, 1563, 2951, 199,  3807, 0,	600,
};

static bool is_literal(struct qf_slice s)
{
	size_t digits = 0, points = 0;

	if (qf_slice_eq_str(s, "NaN") || qf_slice_eq_str(s, "Infinity") || qf_slice_eq_str(s, "-Infinity"))
		return true;
	for (size_t i = 0; i < s.n; i++) {
		digits += s.p[i] >= '0' && s.p[i] <= '9';
		points += s.p[i] == '.';
	}
	return digits && points <= 1 && digits + points + (s.p[0] == '-') == s.n && s.p[s.n - 1] != '.' &&
	       s.p[0] != '.';
}

static void check(const struct qf_datum *d, unsigned depth);

static void check_list(const struct qf_datum *d, unsigned depth)
{
	qf_assert(depth < 6 && qf_pg_type_name(d->item_oid));
	for (size_t i = 0; i < d->n_items; i++)
		check(&d->items[i], depth + 1);
}

static void check_number(const struct qf_datum *d)
{
	qf_assert(d->bits == 16 || d->bits == 32 || d->bits == 64);
	qf_assert(d->bits != 16 || d->i == (int16_t)d->i);
	qf_assert(d->bits != 32 || d->i == (int32_t)d->i);
}

static void check(const struct qf_datum *d, unsigned depth)
{
	const int64_t day = 86400000000;

	switch (d->kind) {
	case QF_DATUM_NULL:
		qf_assert(depth);
		break;
	case QF_DATUM_BOOL:
		qf_assert(d->i == 0 || d->i == 1);
		break;
	case QF_DATUM_INT:
		check_number(d);
		break;
	case QF_DATUM_NUMERIC:
		qf_assert(is_literal(d->text));
		break;
	case QF_DATUM_TEXT:
	case QF_DATUM_JSON:
		qf_assert(qf_utf8_valid(d->text));
		break;
	case QF_DATUM_DATE:
		qf_assert(d->i == (int32_t)d->i && d->i != INT32_MIN);
		break;
	case QF_DATUM_TIME:
		qf_assert(d->i >= 0 && d->i <= day);
		break;
	case QF_DATUM_TIMETZ:
		qf_assert(d->i >= 0 && d->i <= day && d->offset > -57600 && d->offset < 57600);
		break;
	case QF_DATUM_TIMESTAMP:
	case QF_DATUM_TIMESTAMPTZ:
		qf_assert(d->i != INT64_MIN);
		break;
	case QF_DATUM_LIST:
		check_list(d, depth);
		break;
	case QF_DATUM_FLOAT:
	case QF_DATUM_BYTES:
	case QF_DATUM_INTERVAL:
	case QF_DATUM_UUID:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct qf_tz *tz;
	char sqlstate[6] = "";
	struct qf_err err = { .text = "" };
	struct qf_datum d;

	if (size == 0 || (data[0] & 0x7f) >= sizeof(oids) / sizeof(oids[0]))
		return 0;
	if (!tz && qf_tz_open(&tz, "CET-1CEST,M3.5.0,M10.5.0/3", NULL) != 0)
		abort();
	uint8_t *copy = qf_xmalloc(size - 1); /* of the exact size, so that a read beyond the end is seen */
	struct qf_arena *a = qf_arena_new(0);

	if (size > 1)
		memcpy(copy, data + 1, size - 1);
	int r = qf_pg_value_read(&d, oids[data[0] & 0x7f], data[0] & 0x80, qf_slice(copy, size - 1), tz, a, sqlstate,
				 &err);

	if (r == 0)
		check(&d, 0);
	else
		qf_assert(r == err.code && err.text[0] && strlen(sqlstate) == 5 &&
			  qf_utf8_valid(qf_slice_str(err.text)));
	qf_arena_free(a);
	free(copy);
	return 0;
}
