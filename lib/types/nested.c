/*
 * Values of several parts: PostgreSQL arrays for lists of scalars, JSON for everything deeper, and Trino's own JSON.
 *
 * JSON is laid out as PostgreSQL's to_json() lays it out: no spaces, members in the type's order. Depth was limited
 * when the columns were made, and every part looks at the row's limit, because few bytes can describe a huge text
 * (a list of NULLs takes none).
 */
#include <strings.h>

#include "col.h"

int qf_sink_check(const struct qf_sink *s)
{
	if (s->out->n <= s->limit)
		return 0;
	return qf_err_set(s->err, QF_ELIMIT, "a row of more than %d MiB of text", QF_COL_MAX_VALUE_BYTES >> 20);
}

int qf_col_field(const struct qf_col *col, uint64_t row, qf_write_fn *put, struct qf_sink *s)
{
	struct qf_buf *out = s->out;
	size_t at = out->n;

	if (qf_col_is_null(col, row)) {
		qf_sink_u32(s, UINT32_MAX);
		return qf_sink_check(s);
	}
	(void)qf_sink_room(s, 4);
	out->n += 4;
	int r = put(col, row, s);

	if (r == 0)
		r = qf_sink_check(s);
	if (r == 0)
		qf_buf_put_u32_at(out, at, (uint32_t)(out->n - at - 4));
	return r;
}

struct range {
	uint64_t from, to;
};

static struct range list_range(const struct qf_col *col, uint64_t row)
{
	if (col->width)
		return (struct range){ row * col->width, (row + 1) * col->width };
	if (!col->data)
		return (struct range){ 0 };
	return (struct range){ (uint64_t)qf_col_offset(col, row), (uint64_t)qf_col_offset(col, row + 1) };
}

static bool is_array_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What makes an element need double quotes [PG 8.15.6]; *ret_escapes counts the bytes that get a backslash. */
static bool needs_quotes(const uint8_t *p, size_t n, size_t *ret_escapes)
{
	bool needed = n == 0 || (n == 4 && strncasecmp((const char *)p, "null", 4) == 0);
	size_t escapes = 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		escapes += c == '"' || c == '\\';
		needed = needed || c == '{' || c == '}' || c == ',' || is_array_space(c);
	}
	*ret_escapes = escapes;
	return needed || escapes;
}

/* Quotes the element that starts at `at` in place, from its end backwards. */
static void quote_element(struct qf_buf *b, size_t at)
{
	size_t n = b->n - at, escapes;

	if (!needs_quotes(b->p + at, n, &escapes))
		return;
	(void)qf_buf_reserve(b, escapes + 2);
	uint8_t *from = b->p + b->n, *to = from + escapes + 2;

	b->n += escapes + 2;
	*--to = '"';
	for (; n; n--) {
		*--to = *--from;
		if (*to == '"' || *to == '\\')
			*--to = '\\';
	}
	*--to = '"';
}

int qf_pg_array(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *element = col->children;
	struct range range = list_range(col, row);

	qf_buf_u8(s->out, '{');
	for (uint64_t i = range.from; i < range.to; i++) {
		if (i > range.from)
			qf_buf_u8(s->out, ',');
		if (qf_col_is_null(element, i)) {
			qf_buf_add_str(s->out, "NULL");
		} else {
			size_t at = s->out->n;
			int r = element->pg(element, i, s);

			if (r < 0)
				return r;
			if (element->type->quoted)
				quote_element(s->out, at);
		}
		int r = qf_sink_check(s);

		if (r < 0)
			return r;
	}
	qf_buf_u8(s->out, '}');
	return 0;
}

/* One dimension that starts at 1 (of no elements none at all), whether there are NULLs, then each with its length. */
int qf_binary_array(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *element = col->children;
	struct range range = list_range(col, row);
	uint64_t n = range.to - range.from;
	size_t head = s->out->n;

	if (n > INT32_MAX)
		return qf_err_set(s->err, QF_ELIMIT, "an array of more than %d elements", INT32_MAX);
	qf_sink_u32(s, n ? 1 : 0);
	qf_sink_u32(s, 0);
	qf_sink_u32(s, element->type->oid);
	if (n) {
		qf_sink_u32(s, (uint32_t)n);
		qf_sink_u32(s, 1);
	}
	for (uint64_t i = range.from; i < range.to; i++) {
		int r = qf_col_field(element, i, element->binary, s);

		if (r < 0)
			return r;
		if (qf_col_is_null(element, i))
			qf_buf_put_u32_at(s->out, head + 4, 1);
	}
	return 0;
}

static int put_json(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	if (!qf_col_is_null(col, row))
		return col->json(col, row, s);
	qf_buf_add_str(s->out, "null");
	return 0;
}

int qf_col_trino_value(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	if (!qf_col_is_null(col, row))
		return col->trino(col, row, s);
	qf_buf_add_str(s->out, "null");
	return 0;
}

static int put_list(const struct qf_col *col, uint64_t row, struct qf_sink *s, qf_write_fn *put)
{
	struct range range = list_range(col, row);

	qf_buf_u8(s->out, '[');
	for (uint64_t i = range.from; i < range.to; i++) {
		if (i > range.from)
			qf_buf_u8(s->out, ',');
		int r = put(col->children, i, s);

		if (r == 0)
			r = qf_sink_check(s);
		if (r < 0)
			return r;
	}
	qf_buf_u8(s->out, ']');
	return 0;
}

int qf_json_list(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_list(col, row, s, put_json);
}

int qf_trino_list(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	return put_list(col, row, s, qf_col_trino_value);
}

int qf_json_struct(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	for (uint32_t i = 0; i < col->n_children; i++) {
		qf_buf_u8(s->out, i ? ',' : '{');
		qf_buf_add_slice(s->out, col->children[i].key);
		int r = put_json(&col->children[i], row, s);

		if (r == 0)
			r = qf_sink_check(s);
		if (r < 0)
			return r;
	}
	qf_buf_add_str(s->out, col->n_children ? "}" : "{}");
	return 0;
}

/* {"tag":value}, as DuckDB's own to_json() has it. */
int qf_json_union(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *member = qf_col_union_member(col, row);

	qf_buf_u8(s->out, '{');
	qf_buf_add_slice(s->out, member->key);
	int r = put_json(member, row, s);

	qf_buf_u8(s->out, '}');
	return r;
}

static int put_entry(const struct qf_col *entries, uint64_t i, bool object, struct qf_sink *s)
{
	const struct qf_col *key = &entries->children[0], *value = &entries->children[1];

	if (qf_col_is_null(key, i))
		return qf_err_set(s->err, QF_EMALFORMED, "a map with a NULL key");
	qf_buf_add_str(s->out, object ? "" : "{\"key\":");
	int r = key->json(key, i, s);

	if (r < 0)
		return r;
	qf_buf_add_str(s->out, object ? ":" : ",\"value\":");
	r = put_json(value, i, s);
	qf_buf_add_str(s->out, object ? "" : "}");
	return r;
}

/* An object when the keys are text, else a list of {"key":…,"value":…}, since JSON has only text keys. */
int qf_json_map(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *entries = col->children;
	bool object = entries->children[0].json == qf_json_text;
	struct range range = list_range(col, row);

	qf_buf_u8(s->out, object ? '{' : '[');
	for (uint64_t i = range.from; i < range.to; i++) {
		if (i > range.from)
			qf_buf_u8(s->out, ',');
		int r = put_entry(entries, i, object, s);

		if (r == 0)
			r = qf_sink_check(s);
		if (r < 0)
			return r;
	}
	qf_buf_u8(s->out, object ? '}' : ']');
	return 0;
}

int qf_trino_row(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	qf_buf_u8(s->out, '[');
	for (uint32_t i = 0; i < col->n_children; i++) {
		if (i)
			qf_buf_u8(s->out, ',');
		int r = qf_col_trino_value(&col->children[i], row, s);

		if (r == 0)
			r = qf_sink_check(s);
		if (r < 0)
			return r;
	}
	qf_buf_u8(s->out, ']');
	return 0;
}

/* A row of the tag, then one field a member, all but one of them NULL. */
int qf_trino_union(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *member = qf_col_union_member(col, row);

	qf_buf_u8(s->out, '[');
	qf_json_quote_upper(s->out, member->name);
	for (const struct qf_col *c = col->children; c < col->children + col->n_children; c++) {
		qf_buf_u8(s->out, ',');
		if (c != member) {
			qf_buf_add_str(s->out, "null");
			continue;
		}
		int r = qf_col_trino_value(c, row, s);

		if (r < 0)
			return r;
	}
	qf_buf_u8(s->out, ']');
	return qf_sink_check(s);
}

/*
 * The value in quotes. Moments keep all their digits even when the client's type has none: a Trino server rounds
 * values only, and keys could become equal.
 */
static int put_trino_key(const struct qf_col *key, uint64_t row, struct qf_sink *s)
{
	struct qf_trino_style exact = { .tz = s->trino->tz, .parametric_datetime = true };
	struct qf_sink to = *s;
	size_t at = s->out->n;

	to.trino = &exact;
	if (qf_col_is_null(key, row))
		return qf_err_set(s->err, QF_EMALFORMED, "a map with a NULL key");
	int r = key->trino(key, row, &to);

	if (r < 0 || s->out->p[at] == '"')
		return r;
	(void)qf_buf_reserve(s->out, 2);
	memmove(s->out->p + at + 1, s->out->p + at, s->out->n - at);
	s->out->p[at] = '"';
	s->out->n++;
	qf_buf_u8(s->out, '"');
	return 0;
}

/* An object, whatever the type of the keys. */
int qf_trino_map(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	const struct qf_col *key = &col->children->children[0], *value = &col->children->children[1];
	struct range range = list_range(col, row);
	int r = qf_col_trino_key(key, s->err);

	qf_buf_u8(s->out, '{');
	for (uint64_t i = range.from; r == 0 && i < range.to; i++) {
		if (i > range.from)
			qf_buf_u8(s->out, ',');
		r = put_trino_key(key, i, s);
		qf_buf_u8(s->out, ':');
		if (r == 0)
			r = qf_col_trino_value(value, i, s);
		if (r == 0)
			r = qf_sink_check(s);
	}
	qf_buf_u8(s->out, '}');
	return r;
}

/* For types whose PostgreSQL text needs no escapes: dates, intervals, uuids, bits. */
int qf_json_quoted(const struct qf_col *col, uint64_t row, struct qf_sink *s)
{
	qf_buf_u8(s->out, '"');
	int r = col->pg(col, row, s);

	qf_buf_u8(s->out, '"');
	return r;
}
