/* The table of PostgreSQL's types, and reading by it: see pgtype.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pgtype.h"
#include "qf/str.h"

enum { SHOWN = 200 }; /* bytes of a value in an error */

#define TYPE(t, name) OID_##t, OID_##t##_ARRAY, name, name "[]", name
#define MOMENT(t, name, said) OID_##t, OID_##t##_ARRAY, name, name "[]", said
#define READ(t) qf_read_##t##_text, qf_read_##t
#define TEXT qf_read_text, qf_read_text_binary

/* clang-format off */
static const struct qf_pgtype types[] = {
	{ TYPE(BOOL, "boolean"), READ(bool) },
	{ TYPE(BYTEA, "bytea"), READ(bytea) },
	{ TYPE(NAME, "name"), TEXT },
	{ TYPE(INT8, "bigint"), READ(int8) },
	{ TYPE(INT2, "smallint"), READ(int2) },
	{ TYPE(INT4, "integer"), READ(int4) },
	{ TYPE(TEXT, "text"), TEXT },
	{ TYPE(OID, "oid"), READ(oid) },
	{ TYPE(JSON, "json"), qf_read_json, qf_read_json_binary },
	{ TYPE(FLOAT4, "real"), READ(float4) },
	{ TYPE(FLOAT8, "double precision"), READ(float8) },
	{ OID_UNKNOWN, 0, "unknown", NULL, "unknown", TEXT },
	{ TYPE(BPCHAR, "character"), TEXT },
	{ TYPE(VARCHAR, "character varying"), TEXT },
	{ TYPE(DATE, "date"), READ(date) },
	{ MOMENT(TIME, "time without time zone", "time"), READ(time) },
	{ MOMENT(TIMESTAMP, "timestamp without time zone", "timestamp"), READ(timestamp) },
	{ TYPE(TIMESTAMPTZ, "timestamp with time zone"), READ(timestamptz) },
	{ TYPE(INTERVAL, "interval"), READ(interval) },
	{ TYPE(TIMETZ, "time with time zone"), READ(timetz) },
	{ TYPE(BIT, "bit"), READ(bit) },
	{ TYPE(VARBIT, "bit varying"), READ(bit) },
	{ TYPE(NUMERIC, "numeric"), READ(numeric) },
	{ TYPE(UUID, "uuid"), READ(uuid) },
	{ MOMENT(JSONB, "jsonb", "json"), qf_read_json, qf_read_jsonb_binary },
};
/* clang-format on */

const struct qf_pgtype *qf_pgtype_find(uint32_t oid, bool *ret_array)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const struct qf_pgtype *t = &types[i];

		if (oid && (oid == t->oid || oid == t->array_oid)) {
			*ret_array = oid != t->oid;
			return t;
		}
	}
	return NULL;
}

bool qf_pg_binary_can(uint32_t oid)
{
	bool array;

	return qf_pgtype_find(oid, &array);
}

const char *qf_pg_type_name(uint32_t oid)
{
	bool array;
	const struct qf_pgtype *t = qf_pgtype_find(oid, &array);

	if (!t)
		return NULL;
	return array ? t->array_name : t->name;
}

int qf_read_fail(struct qf_read *ctx, const char *sqlstate, const char *fmt, ...)
{
	int code = strncmp(sqlstate, "0A", 2) == 0   ? QF_EUNSUPPORTED
		   : strncmp(sqlstate, "54", 2) == 0 ? QF_ELIMIT
						     : QF_EMALFORMED;
	char text[sizeof(ctx->err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(ctx->sqlstate, sqlstate, 6);
	return qf_err_set(ctx->err, code, "%s", text);
}

size_t qf_read_shown(struct qf_slice v)
{
	return v.n <= SHOWN ? v.n : qf_utf8_cut(qf_slice(v.p, SHOWN));
}

int qf_read_syntax(struct qf_read *ctx, const char *sqlstate, struct qf_slice v)
{
	return qf_read_fail(ctx, sqlstate, "invalid input syntax for type %s: \"%.*s\"", ctx->type->said, QF_SHOW(v));
}

int qf_read_length(struct qf_read *ctx, bool cut)
{
	if (cut)
		return qf_read_fail(ctx, "08P01", "insufficient data left in message");
	return qf_read_fail(ctx, "22P03", "incorrect binary data format for type %s", ctx->type->name);
}

void *qf_read_alloc(struct qf_read *ctx, size_t n)
{
	void *p = n <= ctx->budget ? qf_arena_alloc(ctx->a, n) : NULL;

	if (p)
		ctx->budget -= n;
	else
		qf_read_fail(ctx, "54000", "a value of type %s takes too much memory", ctx->type->name);
	return p;
}

char *qf_read_cstr_of(struct qf_read *ctx, struct qf_slice v)
{
	char *p = qf_read_alloc(ctx, v.n + 1);

	if (p && v.n)
		memcpy(p, v.p, v.n);
	return p;
}

struct qf_slice qf_read_trim(struct qf_slice v)
{
	while (v.n && qf_is_space(v.p[0])) {
		v.p++;
		v.n--;
	}
	while (v.n && qf_is_space(v.p[v.n - 1]))
		v.n--;
	return v;
}

int qf_read_check_utf8(struct qf_read *ctx, struct qf_slice v)
{
	const uint8_t *zero = v.n ? memchr(v.p, 0, v.n) : NULL;
	size_t bad = zero ? (size_t)(zero - v.p) : v.n;

	bad = qf_utf8_bad_at(qf_slice(v.p, bad));
	if (bad == v.n)
		return 0;
	return qf_read_fail(ctx, "22021", "invalid byte sequence for encoding \"UTF8\": 0x%02x", v.p[bad]);
}

int qf_pgtype_read(struct qf_read *ctx, bool array, bool binary, struct qf_slice v, struct qf_datum *ret)
{
	if (binary)
		return (array ? qf_read_array : ctx->type->binary)(ctx, v, ret);
	int r = qf_read_check_utf8(ctx, v);

	return r < 0 ? r : (array ? qf_read_array_text : ctx->type->text)(ctx, v, ret);
}

int qf_pg_value_read(struct qf_datum *ret, uint32_t oid, bool binary, struct qf_slice value, const struct qf_tz *tz,
		     struct qf_arena *a, char ret_sqlstate[6], struct qf_err *reterr)
{
	struct qf_read ctx = { .tz = tz, .a = a, .budget = QF_READ_BUDGET, .sqlstate = ret_sqlstate, .err = reterr };
	struct qf_datum d = { .kind = QF_DATUM_NULL };
	bool array = false;

	if (!value.p)
		value = qf_slice_str("");
	ctx.type = qf_pgtype_find(oid ? oid : OID_TEXT, &array);
	if (!ctx.type)
		return qf_read_fail(&ctx, "0A000", "parameters of type %u are not supported: cast it to text", oid);
	int r = qf_pgtype_read(&ctx, array, binary, value, &d);

	if (r == 0)
		*ret = d;
	return r;
}
