/* PostgreSQL's types in Arrow: see pgarrow.h. */
#include <string.h>

#include "calendar.h"
#include "pgarrow.h"

enum {
	MAX_PRECISION = 38, /* of decimal128 */
	TYPMOD_HEADER = 4,  /* PostgreSQL counts its own header into the typmod of numeric … */
	SCALE_BITS = 0x7ff, /* … whose scale is a number of 11 bits with a sign, since 15 */
	SCALE_SIGN = 0x400,
	FIXED_BYTES = 16,   /* about what a value of fixed size takes with its NULL bit */
	ITEM_BYTES = 4,	    /* an offset */
};

struct qf_pgarrow_form {
	uint32_t oid;
	enum ArrowType type;
	int32_t width; /* of a fixed-size binary */
	const char *extension, *metadata;
	qf_pgarrow_fn *append;
};

static int appended(int r, struct qf_err *reterr)
{
	if (r == NANOARROW_OK)
		return 0;
	if (r == EOVERFLOW)
		return qf_err_set(reterr, QF_ELIMIT, "a batch of more than 2 GiB in one column");
	return qf_err_set(reterr, r == ENOMEM ? -ENOMEM : QF_EMALFORMED, "a value that Arrow does not take");
}

static int append_int(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		      struct qf_err *reterr)
{
	(void)col;
	*bytes += FIXED_BYTES;
	return appended(ArrowArrayAppendInt(to, d->i), reterr);
}

static int append_float(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
			struct qf_err *reterr)
{
	(void)col;
	*bytes += FIXED_BYTES;
	return appended(ArrowArrayAppendDouble(to, d->f), reterr);
}

static int append_bytes(struct ArrowArray *to, const void *p, size_t n, size_t *bytes, struct qf_err *reterr)
{
	struct ArrowBufferView v = { .data.data = p, .size_bytes = (int64_t)n };

	*bytes += n + ITEM_BYTES;
	return appended(ArrowArrayAppendBytes(to, v), reterr);
}

static int append_text(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		       struct qf_err *reterr)
{
	(void)col;
	return append_bytes(to, d->text.p, d->text.n, bytes, reterr);
}

static int append_uuid(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		       struct qf_err *reterr)
{
	(void)col;
	return append_bytes(to, d->bytes16, sizeof(d->bytes16), bytes, reterr);
}

/* DuckDB's: microseconds in the upper 40 bits, (15:59:59 minus the offset) in seconds in the lower 24. */
static int append_timetz(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
			 struct qf_err *reterr)
{
	uint64_t bits = (uint64_t)d->i << 24 | (uint64_t)(16 * 3600 - 1 - d->offset);

	(void)col;
	return append_bytes(to, &bits, sizeof(bits), bytes, reterr);
}

static int append_interval(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
			   struct qf_err *reterr)
{
	struct ArrowInterval v;

	(void)col;
	ArrowIntervalInit(&v, NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO);
	v.months = d->months;
	v.days = d->days;
	if (__builtin_mul_overflow(d->i, 1000, &v.ns))
		return qf_err_set(reterr, QF_EUNSUPPORTED,
				  "an interval of over 292 years of time, %lld microseconds: cast it to text",
				  (long long)d->i);
	*bytes += FIXED_BYTES;
	return appended(ArrowArrayAppendInterval(to, &v), reterr);
}

/* DuckDB's BIT: one byte that counts the unused leading bits of the next one, then the bits, first bit on top. */
static int append_bit(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		      struct qf_err *reterr)
{
	size_t n = (d->text.n + 7) / 8, pad = n * 8 - d->text.n;
	struct qf_buf b;

	(void)col;
	qf_buf_init(&b);
	uint8_t *p = qf_buf_reserve(&b, n + 1);

	memset(p, 0, n + 1);
	p[0] = (uint8_t)pad;
	for (size_t i = 0; i < d->text.n; i++)
		p[1 + (i + pad) / 8] |= (uint8_t)((d->text.p[i] - '0') << (7 - (i + pad) % 8));
	int r = append_bytes(to, p, n + 1, bytes, reterr);

	qf_buf_fini(&b);
	return r;
}

struct digits {
	unsigned __int128 v;
	uint32_t n, most; /* without zeros in front */
};

static bool push_digit(struct digits *d, unsigned digit)
{
	d->n += d->v != 0 || digit != 0;
	if (d->n > d->most)
		return false;
	d->v = d->v * 10 + digit;
	return true;
}

/* A literal as a count of its last decimal, which is number `scale` behind the point. False: it does not fit. */
static bool parse_decimal(const struct qf_pgarrow *col, struct qf_slice text, __int128 *ret)
{
	struct digits d = { .most = col->precision };
	bool negative = text.n && text.p[0] == '-', behind = false, fits = true;
	uint32_t scale = 0;

	for (size_t i = negative; fits && i < text.n; i++) {
		if (text.p[i] == '.') {
			behind = true;
		} else if (behind && scale == col->scale) {
			fits = text.p[i] == '0';
		} else {
			fits = push_digit(&d, text.p[i] - (unsigned)'0');
			scale += behind;
		}
	}
	for (; fits && scale < col->scale; scale++)
		fits = push_digit(&d, 0);
	*ret = negative ? -(__int128)d.v : (__int128)d.v;
	return fits;
}

static int append_decimal(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
			  struct qf_err *reterr)
{
	struct ArrowDecimal v;
	__int128 digits;

	if (!qf_is_digit(d->text.p[d->text.n - 1]))
		return qf_err_set(reterr, QF_EUNSUPPORTED, "the number %.*s, which a decimal of Arrow has no form for: "
				  "cast it to text", QF_SHOW(d->text));
	if (!parse_decimal(col, d->text, &digits))
		return qf_err_set(reterr, QF_EMALFORMED, "%.*s is not a numeric(%u,%u)", QF_SHOW(d->text),
				  col->precision, col->scale);
	ArrowDecimalInit(&v, 128, (int32_t)col->precision, (int32_t)col->scale);
	v.words[v.low_word_index] = (uint64_t)digits;
	v.words[v.high_word_index] = (uint64_t)(digits >> 64);
	*bytes += FIXED_BYTES;
	return appended(ArrowArrayAppendDecimal(to, &v), reterr);
}

/* nanoarrow's type of a decimal, a list or a type with a unit is set by calls of their own. */
/* clang-format off */
static const struct qf_pgarrow_form forms[] = {
	{ OID_BOOL, NANOARROW_TYPE_BOOL, 0, NULL, NULL, append_int },
	{ OID_INT2, NANOARROW_TYPE_INT16, 0, NULL, NULL, append_int },
	{ OID_INT4, NANOARROW_TYPE_INT32, 0, NULL, NULL, append_int },
	{ OID_INT8, NANOARROW_TYPE_INT64, 0, NULL, NULL, append_int },
	{ OID_OID, NANOARROW_TYPE_UINT32, 0, NULL, NULL, append_int },
	{ OID_FLOAT4, NANOARROW_TYPE_FLOAT, 0, NULL, NULL, append_float },
	{ OID_FLOAT8, NANOARROW_TYPE_DOUBLE, 0, NULL, NULL, append_float },
	{ OID_BYTEA, NANOARROW_TYPE_BINARY, 0, NULL, NULL, append_text },
	{ OID_JSON, NANOARROW_TYPE_STRING, 0, "arrow.json", "", append_text },
	{ OID_JSONB, NANOARROW_TYPE_STRING, 0, "arrow.json", "", append_text },
	{ OID_DATE, NANOARROW_TYPE_DATE32, 0, NULL, NULL, append_int },
	{ OID_TIME, NANOARROW_TYPE_TIME64, 0, NULL, NULL, append_int },
	{ OID_TIMESTAMP, NANOARROW_TYPE_TIMESTAMP, 0, NULL, NULL, append_int },
	{ OID_TIMESTAMPTZ, NANOARROW_TYPE_TIMESTAMP, 0, NULL, NULL, append_int },
	{ OID_INTERVAL, NANOARROW_TYPE_INTERVAL_MONTH_DAY_NANO, 0, NULL, NULL, append_interval },
	{ OID_TIMETZ, NANOARROW_TYPE_FIXED_SIZE_BINARY, 8, "arrow.opaque",
	  "{\"type_name\":\"time_tz\",\"vendor_name\":\"DuckDB\"}", append_timetz },
	{ OID_BIT, NANOARROW_TYPE_BINARY, 0, "arrow.opaque",
	  "{\"type_name\":\"bit\",\"vendor_name\":\"DuckDB\"}", append_bit },
	{ OID_VARBIT, NANOARROW_TYPE_BINARY, 0, "arrow.opaque",
	  "{\"type_name\":\"bit\",\"vendor_name\":\"DuckDB\"}", append_bit },
	{ OID_UUID, NANOARROW_TYPE_FIXED_SIZE_BINARY, 16, "arrow.uuid", "", append_uuid },
};
/* clang-format on */

static const struct qf_pgarrow_form decimal_form = { .type = NANOARROW_TYPE_DECIMAL128, .append = append_decimal };
static const struct qf_pgarrow_form text_form = { .type = NANOARROW_TYPE_STRING, .append = append_text };

static const struct qf_pgarrow_form *find_form(uint32_t oid)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (forms[i].oid == oid)
			return &forms[i];
	}
	return &text_form;
}

/* A numeric(p,s) that decimal128 holds: a scale may also be negative or larger than the precision. */
static bool is_decimal(struct qf_pgarrow *col, int32_t typmod)
{
	if (col->type->oid != OID_NUMERIC || typmod < TYPMOD_HEADER)
		return false;
	uint32_t mod = (uint32_t)(typmod - TYPMOD_HEADER);
	int32_t scale = (int32_t)((mod & SCALE_BITS) ^ SCALE_SIGN) - SCALE_SIGN;
	uint32_t precision = mod >> 16;

	if (precision < 1 || precision > MAX_PRECISION || scale < 0 || (uint32_t)scale > precision)
		return false;
	col->precision = precision;
	col->scale = (uint32_t)scale;
	return true;
}

int qf_pgarrow_init(struct qf_pgarrow *col, uint32_t oid, int32_t typmod, unsigned format, struct qf_err *reterr)
{
	*col = (struct qf_pgarrow){ .binary = format == 1 };
	col->type = qf_pgtype_find(oid, &col->array);
	if (format > 1)
		return qf_err_set(reterr, QF_EMALFORMED, "the format code %u", format);
	if (!col->type && col->binary)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "type %u in binary: cast it to text", oid);
	if (!col->type)
		col->type = qf_pgtype_find(OID_TEXT, &col->array);
	col->form = is_decimal(col, typmod) ? &decimal_form : find_form(col->type->oid);
	return 0;
}

static int set_extension(const struct qf_pgarrow_form *form, struct ArrowSchema *ret)
{
	struct ArrowBuffer b;

	if (!form->extension)
		return NANOARROW_OK;
	int r = ArrowMetadataBuilderInit(&b, NULL);

	if (r == NANOARROW_OK)
		r = ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:name"),
					       ArrowCharView(form->extension));
	if (r == NANOARROW_OK)
		r = ArrowMetadataBuilderAppend(&b, ArrowCharView("ARROW:extension:metadata"),
					       ArrowCharView(form->metadata));
	if (r == NANOARROW_OK)
		r = ArrowSchemaSetMetadata(ret, (const char *)b.data);
	ArrowBufferReset(&b);
	return r;
}

static int set_scalar(const struct qf_pgarrow *col, struct ArrowSchema *ret)
{
	const struct qf_pgarrow_form *form = col->form;

	switch (form->type) {
	case NANOARROW_TYPE_DECIMAL128:
		return ArrowSchemaSetTypeDecimal(ret, form->type, (int32_t)col->precision, (int32_t)col->scale);
	case NANOARROW_TYPE_FIXED_SIZE_BINARY:
		return ArrowSchemaSetTypeFixedSize(ret, form->type, form->width);
	case NANOARROW_TYPE_TIME64:
	case NANOARROW_TYPE_TIMESTAMP:
		return ArrowSchemaSetTypeDateTime(ret, form->type, NANOARROW_TIME_UNIT_MICRO,
						  form->oid == OID_TIMESTAMPTZ ? "UTC" : NULL);
	default:
		return ArrowSchemaSetType(ret, form->type);
	}
}

int qf_pgarrow_schema(const struct qf_pgarrow *col, struct ArrowSchema *ret, struct qf_err *reterr)
{
	struct ArrowSchema *scalar = ret;
	int r = NANOARROW_OK;

	if (col->array) {
		r = ArrowSchemaSetType(ret, NANOARROW_TYPE_LIST);
		scalar = r == NANOARROW_OK ? ret->children[0] : NULL;
	}
	if (r == NANOARROW_OK)
		r = set_scalar(col, scalar);
	if (r == NANOARROW_OK)
		r = set_extension(col->form, scalar);
	return r == NANOARROW_OK ? 0 : qf_err_set(reterr, -ENOMEM, "out of memory");
}

static int append_list(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		       struct qf_err *reterr)
{
	struct ArrowArray *items = to->children[0];

	*bytes += ITEM_BYTES;
	for (size_t i = 0; i < d->n_items; i++) {
		const struct qf_datum *item = &d->items[i];
		int r;

		if (item->kind == QF_DATUM_LIST)
			return qf_err_set(reterr, QF_EUNSUPPORTED,
					  "an array of several dimensions, of which the column's type does not tell: "
					  "cast it to text");
		if (item->kind == QF_DATUM_NULL)
			r = appended(ArrowArrayAppendNull(items, 1), reterr);
		else
			r = col->form->append(col, items, item, bytes, reterr);
		if (r < 0)
			return r;
		*bytes += ITEM_BYTES;
	}
	return appended(ArrowArrayFinishElement(to), reterr);
}

int qf_pgarrow_append(const struct qf_pgarrow *col, struct ArrowArray *to, const struct qf_datum *d, size_t *bytes,
		      struct qf_err *reterr)
{
	if (d->kind == QF_DATUM_NULL) {
		*bytes += ITEM_BYTES;
		return appended(ArrowArrayAppendNull(to, 1), reterr);
	}
	if (d->kind == QF_DATUM_LIST)
		return append_list(col, to, d, bytes, reterr);
	return col->form->append(col, to, d, bytes, reterr);
}
