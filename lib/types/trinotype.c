/*
 * The type of a column as Trino's clients are told it: as text, and as a signature they choose a decoder by.
 *
 * Both are the server's own, byte for byte: spaces behind commas, capitals for an interval, fields quoted when SQL
 * would need it.
 */
#include <ctype.h>

#include "col.h"

enum { UNBOUNDED_VARCHAR = INT32_MAX };

/* Trino's reserved words: as the name of a field they need quotes. */
/* clang-format off */
static const char *const reserved[] = {
	"alter", "and", "as", "auto", "between", "by", "case", "cast", "constraint", "create", "cross", "cube",
	"current_catalog", "current_date", "current_path", "current_role", "current_schema", "current_time",
	"current_timestamp", "current_user", "deallocate", "delete", "describe", "distinct", "drop", "else", "end",
	"escape", "except", "exists", "extract", "false", "for", "from", "full", "group", "grouping", "having", "in",
	"inner", "insert", "intersect", "into", "is", "join", "json_array", "json_exists", "json_object",
	"json_query", "json_table", "json_value", "left", "like", "listagg", "localtime", "localtimestamp",
	"natural", "normalize", "not", "null", "on", "or", "order", "outer", "prepare", "recursive", "right",
	"rollup", "select", "skip", "table", "then", "trim", "true", "uescape", "union", "unnest", "using", "values",
	"when", "where", "with",
};
/* clang-format on */

static bool is_plain_name(struct qf_slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] >= 0x80 || !(isalpha(name.p[i]) || (i && (isdigit(name.p[i]) || name.p[i] == '_'))))
			return false;
	}
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		if (qf_slice_caseeq_str(name, reserved[i]))
			return false;
	}
	return true;
}

static void put_field_name(struct qf_slice name, struct qf_buf *out)
{
	if (name.n == 0)
		return;
	if (is_plain_name(name)) {
		qf_buf_add_slice(out, name);
		qf_buf_u8(out, ' ');
		return;
	}
	qf_buf_u8(out, '"');
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"')
			qf_buf_u8(out, '"');
		qf_buf_u8(out, name.p[i]);
	}
	qf_buf_add_str(out, "\" ");
}

static void put_type(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out);

static void put_fields(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out)
{
	for (uint32_t i = 0; i < col->n_children; i++) {
		if (i || col->type->trino_args == QF_TRINO_TAGGED)
			qf_buf_add_str(out, ", ");
		put_field_name(col->children[i].name, out);
		put_type(&col->children[i], st, out);
	}
	qf_buf_u8(out, ')');
}

/* "time(3) with time zone": the brackets are behind the first word. */
static void put_precise(const struct qf_col *col, struct qf_buf *out)
{
	const char *name = col->type->trino_name, *rest = strchrnul(name, ' ');

	qf_buf_add(out, name, (size_t)(rest - name));
	qf_buf_printf(out, "(%u)%s", col->precision, rest);
}

static void put_type(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out)
{
	const char *name = col->type->trino_name;

	switch (col->type->trino_args) {
	case QF_TRINO_NONE:
	case QF_TRINO_VARCHAR:
		qf_buf_add_str(out, name);
		break;
	case QF_TRINO_INTERVAL:
		for (; *name; name++)
			qf_buf_u8(out, (uint8_t)toupper((unsigned char)*name));
		break;
	case QF_TRINO_DECIMAL:
		qf_buf_printf(out, "%s(%u, %u)", name, col->precision, col->scale);
		break;
	case QF_TRINO_PRECISION:
		if (st->parametric_datetime)
			put_precise(col, out);
		else
			qf_buf_add_str(out, name);
		break;
	case QF_TRINO_ARRAY:
		qf_buf_add_str(out, "array(");
		put_type(col->children, st, out);
		qf_buf_u8(out, ')');
		break;
	case QF_TRINO_MAP:
		qf_buf_add_str(out, "map(");
		put_type(&col->children->children[0], st, out);
		qf_buf_add_str(out, ", ");
		put_type(&col->children->children[1], st, out);
		qf_buf_u8(out, ')');
		break;
	case QF_TRINO_TAGGED:
		qf_buf_add_str(out, "row(tag varchar");
		put_fields(col, st, out);
		break;
	case QF_TRINO_ROW:
		qf_buf_add_str(out, "row(");
		put_fields(col, st, out);
		break;
	}
}

static int put_signature(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out,
			 struct qf_err *reterr);

static int put_member_types(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out,
			    struct qf_err *reterr)
{
	for (uint32_t i = 0; i < col->n_children; i++) {
		qf_buf_add_str(out, i ? ",{\"kind\":\"TYPE\",\"value\":" : "{\"kind\":\"TYPE\",\"value\":");
		int r = put_signature(&col->children[i], st, out, reterr);

		if (r < 0)
			return r;
		qf_buf_u8(out, '}');
	}
	return 0;
}

static void put_named(struct qf_slice name, struct qf_buf *out)
{
	qf_buf_add_str(out, "{\"kind\":\"NAMED_TYPE\",\"value\":{");
	if (name.n) {
		qf_buf_add_str(out, "\"fieldName\":{\"name\":");
		qf_json_quote_upper(out, name);
		qf_buf_add_str(out, "},");
	}
	qf_buf_add_str(out, "\"typeSignature\":");
}

static int put_named_types(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out,
			   struct qf_err *reterr)
{
	bool tagged = col->type->trino_args == QF_TRINO_TAGGED;

	if (tagged) {
		put_named(qf_slice_str("tag"), out);
		qf_buf_printf(out, "{\"rawType\":\"varchar\",\"arguments\":[{\"kind\":\"LONG\",\"value\":%d}]}}}",
			      UNBOUNDED_VARCHAR);
	}
	for (uint32_t i = 0; i < col->n_children; i++) {
		if (i || tagged)
			qf_buf_u8(out, ',');
		put_named(col->children[i].name, out);
		int r = put_signature(&col->children[i], st, out, reterr);

		if (r < 0)
			return r;
		qf_buf_add_str(out, "}}");
	}
	return 0;
}

static void put_number(uint32_t v, struct qf_buf *out)
{
	qf_buf_printf(out, "{\"kind\":\"LONG\",\"value\":%u}", v);
}

static int put_arguments(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out,
			 struct qf_err *reterr)
{
	int r = 0;

	switch (col->type->trino_args) {
	case QF_TRINO_NONE:
	case QF_TRINO_INTERVAL:
		break;
	case QF_TRINO_VARCHAR:
		put_number(UNBOUNDED_VARCHAR, out);
		break;
	case QF_TRINO_DECIMAL:
		put_number(col->precision, out);
		qf_buf_u8(out, ',');
		put_number(col->scale, out);
		break;
	case QF_TRINO_PRECISION:
		if (st->parametric_datetime)
			put_number(col->precision, out);
		break;
	case QF_TRINO_ARRAY:
		r = put_member_types(col, st, out, reterr);
		break;
	case QF_TRINO_MAP:
		r = qf_col_trino_key(col->children->children, reterr);
		if (r == 0)
			r = put_member_types(col->children, st, out, reterr);
		break;
	case QF_TRINO_TAGGED:
	case QF_TRINO_ROW:
		r = put_named_types(col, st, out, reterr);
		break;
	}
	return r;
}

static int put_signature(const struct qf_col *col, const struct qf_trino_style *st, struct qf_buf *out,
			 struct qf_err *reterr)
{
	qf_buf_printf(out, "{\"rawType\":\"%s\",\"arguments\":[", col->type->trino_name);
	int r = put_arguments(col, st, out, reterr);

	qf_buf_add_str(out, "]}");
	return r;
}

/* A server writes such keys as Java prints them, which none of its clients can read. */
int qf_col_trino_key(const struct qf_col *key, struct qf_err *reterr)
{
	if (key->type->trino_args < QF_TRINO_ARRAY)
		return 0;
	return qf_err_set(reterr, QF_EUNSUPPORTED,
			  "a MAP with keys of type %s cannot be sent to a Trino client: cast the keys to VARCHAR",
			  key->type->name);
}

int qf_col_trino_column(const struct qf_col *col, const char *name, const struct qf_trino_style *st, struct qf_buf *out,
		    struct qf_err *reterr)
{
	struct qf_buf type;

	qf_buf_init(&type);
	put_type(col, st, &type);
	qf_buf_add_str(out, "{\"name\":");
	qf_json_quote_upper(out, qf_slice_str(name));
	qf_buf_add_str(out, ",\"type\":");
	qf_json_quote_upper(out, qf_buf_slice(&type));
	qf_buf_add_str(out, ",\"typeSignature\":");
	int r = put_signature(col, st, out, reterr);

	qf_buf_u8(out, '}');
	qf_buf_fini(&type);
	return r;
}
