/* See value.h. */
#include "value.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_DIGITS = 38, /* of DuckDB's DECIMAL */
	SHOWN = 60,
};

/* ---- exact numbers ---- */

/* magnitude / 10^scale; `whole` is how many digits stand before the point. */
struct number {
	bool negative;
	unsigned __int128 magnitude;
	unsigned whole, scale;
};

static bool add_digit(struct number *n, uint8_t digit)
{
	const unsigned __int128 max = ~(unsigned __int128)0;

	if (n->magnitude > (max - digit) / 10)
		return false;
	n->magnitude = 10 * n->magnitude + digit;
	return true;
}

/* Without the zeros at the end of a fraction that has too many digits. */
static struct qf_slice cut_zeros(struct qf_slice s)
{
	if (s.n <= MAX_DIGITS || !memchr(s.p, '.', s.n))
		return s;
	while (s.n > 0 && s.p[s.n - 1] == '0')
		s.n--;
	return s;
}

/* False: NaN, an infinity, or more digits than 128 bits hold. */
static bool read_number(struct qf_slice s, struct number *ret)
{
	bool point = false;

	*ret = (struct number){ .negative = s.n > 0 && s.p[0] == '-' };
	if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
		s = qf_slice(s.p + 1, s.n - 1);
	s = cut_zeros(s);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s.p[i] < '0' || s.p[i] > '9' || !add_digit(ret, s.p[i] - '0'))
			return false;
		ret->scale += point;
		ret->whole += !point && ret->magnitude > 0;
	}
	return s.n > 0;
}

static bool is_hugeint(const struct number *n)
{
	const unsigned __int128 limit = (unsigned __int128)1 << 127;

	return n->scale == 0 && n->magnitude <= limit - !n->negative;
}

static __int128 signed_of(const struct number *n)
{
	return (__int128)(n->negative ? 0 - n->magnitude : n->magnitude);
}

static duckdb_hugeint hugeint(__int128 v)
{
	return (duckdb_hugeint){ .lower = (uint64_t)v, .upper = (int64_t)(v >> 64) };
}

/* With exactly that many digits behind the point, when that is possible. */
static bool rescale(struct number *n, unsigned scale)
{
	for (; n->scale > scale; n->scale--) {
		if (n->magnitude % 10)
			return false;
		n->magnitude /= 10;
	}
	for (; n->scale < scale; n->scale++)
		if (!add_digit(n, 0))
			return false;
	return true;
}

static bool has_digits(unsigned __int128 magnitude, unsigned width)
{
	unsigned __int128 limit = 1;

	for (unsigned i = 0; i < width; i++)
		limit *= 10;
	return magnitude < limit;
}

static int out_of_range(struct qf_slice s, struct qf_sql_error *e)
{
	qf_sql_error_set(e, "22003", "numeric value %.*s%s is out of range: DuckDB's DECIMAL has %d digits",
		(int)(s.n < SHOWN ? s.n : SHOWN), (const char *)s.p, s.n > SHOWN ? "…" : "", MAX_DIGITS);
	return -ERANGE;
}

/* Widens the type so that it holds the number, too. */
static int widen(struct duck_type *t, unsigned *whole, struct qf_slice text, struct qf_sql_error *e)
{
	struct number n;

	if (!read_number(text, &n))
		return out_of_range(text, e);
	if (n.whole > *whole)
		*whole = n.whole;
	if (n.scale > t->scale)
		t->scale = (uint8_t)n.scale;
	if (t->scale == 0 && *whole > MAX_DIGITS && is_hugeint(&n))
		t->id = DUCKDB_TYPE_HUGEINT;
	else if (*whole + t->scale > MAX_DIGITS)
		return out_of_range(text, e);
	return 0;
}

static int widen_all(struct duck_type *t, unsigned *whole, const struct qf_datum *d, struct qf_sql_error *e)
{
	int r = 0;

	if (d->kind == QF_DATUM_NUMERIC)
		return widen(t, whole, d->text, e);
	for (size_t i = 0; d->kind == QF_DATUM_LIST && i < d->n_items && r == 0; i++)
		r = widen_all(t, whole, &d->items[i], e);
	return r;
}

static unsigned depth_of(const struct qf_datum *d)
{
	unsigned depth = 0;

	for (; d->kind == QF_DATUM_LIST; d = d->items) {
		depth++;
		if (d->n_items == 0)
			break;
	}
	return depth;
}

int duck_value_type(struct duck_type *ret, const struct qf_datum *d, const struct duck_type *base,
	struct qf_sql_error *reterr)
{
	struct duck_type t = *base;
	unsigned whole = 0;
	int r = 0;

	if (d->kind == QF_DATUM_LIST)
		t.depth = (uint8_t)depth_of(d);
	if (t.id == DUCKDB_TYPE_DECIMAL && d->kind != QF_DATUM_NULL) {
		t.width = t.scale = 0;
		r = widen_all(&t, &whole, d, reterr);
		t.width = (uint8_t)(whole + t.scale ? whole + t.scale : 1);
	}
	if (r == 0)
		*ret = t;
	return r;
}

/* ---- values ---- */

static duckdb_value decimal(const struct duck_api *api, struct number n, unsigned width, unsigned scale)
{
	if (!rescale(&n, scale) || !has_digits(n.magnitude, width))
		return NULL;
	return api->create_decimal((duckdb_decimal){
		.width = (uint8_t)width, .scale = (uint8_t)scale, .value = hugeint(signed_of(&n)) });
}

static duckdb_value numeric(const struct duck_api *api, const struct qf_datum *d, const struct duck_type *t)
{
	struct number n;

	if (t->id != DUCKDB_TYPE_DECIMAL && t->id != DUCKDB_TYPE_HUGEINT)
		return api->create_varchar_length((const char *)d->text.p, d->text.n);
	if (!read_number(d->text, &n))
		return NULL;
	return t->id == DUCKDB_TYPE_HUGEINT ? api->create_hugeint(hugeint(signed_of(&n))) :
					      decimal(api, n, t->width, t->scale);
}

static duckdb_value integer(const struct duck_api *api, int64_t v, duckdb_type id)
{
	switch (id) {
	case DUCKDB_TYPE_SMALLINT:
		return api->create_int16((int16_t)v);
	case DUCKDB_TYPE_INTEGER:
		return api->create_int32((int32_t)v);
	default:
		return api->create_int64(v);
	}
}

static duckdb_value uuid(const struct duck_api *api, const uint8_t bytes[16])
{
	duckdb_uhugeint v = { 0 };

	for (unsigned i = 0; i < 8; i++) {
		v.upper = v.upper << 8 | bytes[i];
		v.lower = v.lower << 8 | bytes[i + 8];
	}
	return api->create_uuid(v);
}

static duckdb_value list(const struct duck_api *api, const struct qf_datum *d, const struct duck_type *t)
{
	struct duck_type element = *t;
	duckdb_value *items = qf_xcalloc(d->n_items ? d->n_items : 1, sizeof(duckdb_value));

	element.depth = (uint8_t)(t->depth ? t->depth - 1 : 0);
	for (size_t i = 0; i < d->n_items; i++)
		items[i] = duck_value_new(api, &d->items[i], &element);
	if (!duck_type_is_native(t))
		element.id = DUCKDB_TYPE_VARCHAR;
	duckdb_logical_type type = duck_type_logical(api, &element);
	duckdb_value v = api->create_list_value(type, items, d->n_items);

	api->destroy_logical_type(&type);
	for (size_t i = 0; i < d->n_items; i++)
		api->destroy_value(&items[i]);
	free(items);
	return v;
}

duckdb_value duck_value_new(const struct duck_api *api, const struct qf_datum *d, const struct duck_type *t)
{
	switch (d->kind) {
	case QF_DATUM_NULL:
		return api->create_null_value();
	case QF_DATUM_BOOL:
		return api->create_bool(d->i);
	case QF_DATUM_INT:
		return integer(api, d->i, t->id);
	case QF_DATUM_FLOAT:
		return t->id == DUCKDB_TYPE_FLOAT ? api->create_float((float)d->f) : api->create_double(d->f);
	case QF_DATUM_NUMERIC:
		return numeric(api, d, t);
	case QF_DATUM_TEXT:
	case QF_DATUM_JSON:
		return api->create_varchar_length((const char *)d->text.p, d->text.n);
	case QF_DATUM_BYTES:
		return api->create_blob(d->text.p, d->text.n);
	case QF_DATUM_DATE:
		return api->create_date((duckdb_date){ .days = (int32_t)d->i });
	case QF_DATUM_TIME:
		return api->create_time((duckdb_time){ .micros = d->i });
	case QF_DATUM_TIMETZ:
		return api->create_time_tz_value(api->create_time_tz(d->i, d->offset));
	case QF_DATUM_TIMESTAMP:
		return api->create_timestamp((duckdb_timestamp){ .micros = d->i });
	case QF_DATUM_TIMESTAMPTZ:
		return api->create_timestamp_tz((duckdb_timestamp){ .micros = d->i });
	case QF_DATUM_INTERVAL:
		return api->create_interval(
			(duckdb_interval){ .months = d->months, .days = d->days, .micros = d->i });
	case QF_DATUM_UUID:
		return uuid(api, d->bytes16);
	case QF_DATUM_LIST:
		return list(api, d, t);
	}
	return NULL;
}

/* ---- in the type that DuckDB chose ---- */

static duckdb_value fit_integer(const struct duck_api *api, __int128 v, duckdb_type id)
{
	switch (id) {
	case DUCKDB_TYPE_TINYINT:
		return v == (int8_t)v ? api->create_int8((int8_t)v) : NULL;
	case DUCKDB_TYPE_SMALLINT:
		return v == (int16_t)v ? api->create_int16((int16_t)v) : NULL;
	case DUCKDB_TYPE_INTEGER:
		return v == (int32_t)v ? api->create_int32((int32_t)v) : NULL;
	case DUCKDB_TYPE_BIGINT:
		return v == (int64_t)v ? api->create_int64((int64_t)v) : NULL;
	case DUCKDB_TYPE_UTINYINT:
		return v == (uint8_t)v ? api->create_uint8((uint8_t)v) : NULL;
	case DUCKDB_TYPE_USMALLINT:
		return v == (uint16_t)v ? api->create_uint16((uint16_t)v) : NULL;
	case DUCKDB_TYPE_UINTEGER:
		return v == (uint32_t)v ? api->create_uint32((uint32_t)v) : NULL;
	case DUCKDB_TYPE_UBIGINT:
		return v == (uint64_t)v ? api->create_uint64((uint64_t)v) : NULL;
	case DUCKDB_TYPE_HUGEINT:
		return api->create_hugeint(hugeint(v));
	default:
		return NULL;
	}
}

static duckdb_value fit_numeric(const struct duck_api *api, const struct qf_datum *d, duckdb_logical_type type)
{
	duckdb_type id = api->get_type_id(type);
	struct number n;

	if (!read_number(d->text, &n))
		return NULL;
	if (id == DUCKDB_TYPE_DECIMAL)
		return decimal(api, n, api->decimal_width(type), api->decimal_scale(type));
	return rescale(&n, 0) && is_hugeint(&n) ? fit_integer(api, signed_of(&n), id) : NULL;
}

static duckdb_value fit_timestamp(const struct duck_api *api, int64_t micros, duckdb_type id)
{
	int64_t unit = id == DUCKDB_TYPE_TIMESTAMP_S ? 1000000 : 1000;

	if (micros == INT64_MAX || micros == -INT64_MAX || micros % unit)
		return NULL;
	if (id == DUCKDB_TYPE_TIMESTAMP_S)
		return api->create_timestamp_s((duckdb_timestamp_s){ .seconds = micros / unit });
	return api->create_timestamp_ms((duckdb_timestamp_ms){ .millis = micros / unit });
}

duckdb_value duck_value_fit(const struct duck_api *api, const struct qf_datum *d, duckdb_logical_type type)
{
	duckdb_type id = api->get_type_id(type);

	if (d->kind == QF_DATUM_INT)
		return fit_integer(api, d->i, id);
	if (d->kind == QF_DATUM_NUMERIC)
		return fit_numeric(api, d, type);
	if (d->kind == QF_DATUM_TIMESTAMP && (id == DUCKDB_TYPE_TIMESTAMP_S || id == DUCKDB_TYPE_TIMESTAMP_MS))
		return fit_timestamp(api, d->i, id);
	return NULL;
}
