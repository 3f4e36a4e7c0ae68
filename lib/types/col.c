/* Columns: from a schema once, to a batch's buffers again and again. See col.h. */
#include <stdio.h>

#include "col.h"
#include "qf/str.h"

static const uint32_t fixed_width[][2] = {
	{ NANOARROW_TYPE_DECIMAL32, 4 },
	{ NANOARROW_TYPE_DECIMAL64, 8 },
	{ NANOARROW_TYPE_DECIMAL128, 16 },
	{ NANOARROW_TYPE_TIME32, 4 },
	{ NANOARROW_TYPE_TIME64, 8 },
};

static const struct {
	int64_t ticks;
	uint32_t digits;
} units[] = {
	[NANOARROW_TIME_UNIT_SECOND] = { 1, 0 },
	[NANOARROW_TIME_UNIT_MILLI] = { 1000, 3 },
	[NANOARROW_TIME_UNIT_MICRO] = { 1000000, 6 },
	[NANOARROW_TIME_UNIT_NANO] = { 1000000000, 9 },
};

/* Our own extension types have a width that their writers rely on. */
static int check_width(const struct qf_vtype *t, int32_t width, struct qf_err *reterr)
{
	int32_t wanted = t->pg == qf_pg_timetz ? 8 : t->pg == qf_pg_bytea ? width : 16;

	if (width > 0 && width <= 1 << 20 && width == wanted)
		return 0;
	return qf_err_set(reterr, QF_EMALFORMED, "%s in %d bytes", t->name, width);
}

static int init_scalar(struct qf_col *col, const struct ArrowSchemaView *view, struct qf_err *reterr)
{
	col->precision = col->type->trino_digits;
	for (size_t i = 0; i < sizeof(fixed_width) / sizeof(fixed_width[0]); i++) {
		if (view->type == fixed_width[i][0])
			col->width = fixed_width[i][1];
	}
	if (col->type->unit >= 0) {
		col->ticks = units[col->type->unit].ticks;
		col->precision = col->scale = units[col->type->unit].digits;
	}
	if (col->type->pg == qf_pg_decimal) {
		if (view->decimal_precision < 1 || view->decimal_precision > 38 || view->decimal_scale < 0 ||
		    view->decimal_scale > view->decimal_precision)
			return qf_err_set(reterr, QF_EUNSUPPORTED, "decimal(%d,%d)", view->decimal_precision,
					  view->decimal_scale);
		col->scale = (uint32_t)view->decimal_scale;
		col->precision = (uint32_t)view->decimal_precision;
	}
	if (view->type == NANOARROW_TYPE_FIXED_SIZE_BINARY) {
		col->width = (uint32_t)view->fixed_size;
		return check_width(col->type, view->fixed_size, reterr);
	}
	return 0;
}

/* row(1, 2) has members without names: they are f1, f2, … as in PostgreSQL. */
static int init_key(struct qf_col *col, const char *name, uint32_t i, struct qf_arena *mem, struct qf_err *reterr)
{
	struct qf_buf b;
	char number[16];

	if (!qf_utf8_valid(qf_slice_str(name)))
		return qf_err_set(reterr, QF_EMALFORMED, "a member's name is not UTF-8");
	snprintf(number, sizeof(number), "f%u", i + 1);
	qf_buf_init(&b);
	qf_json_quote(&b, qf_slice_str(name && *name ? name : number));
	qf_buf_u8(&b, ':');
	col->key = qf_slice(qf_arena_strndup(mem, b.p, b.n), b.n);
	col->name = qf_slice_str(name);
	qf_buf_fini(&b);
	return 0;
}

static int init_children(struct qf_col *col, const struct ArrowSchema *schema, struct qf_arena *mem,
			 struct qf_err *reterr)
{
	col->n_children = (uint32_t)schema->n_children;
	col->children = qf_arena_alloc(mem, sizeof(*col->children) * (size_t)schema->n_children);
	for (uint32_t i = 0; i < col->n_children; i++) {
		int r = qf_col_init(&col->children[i], schema->children[i], mem, reterr);

		if (r == 0)
			r = init_key(&col->children[i], schema->children[i]->name, i, mem, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_list(const struct qf_col *col)
{
	return col->type->pg == qf_pg_array;
}

static int unknown_type(const struct ArrowSchemaView *view, struct qf_err *reterr)
{
	struct qf_buf detail;

	qf_buf_init(&detail);
	if (view->extension_metadata.size_bytes)
		qf_quote_log(&detail,
			     qf_slice(view->extension_metadata.data, (size_t)view->extension_metadata.size_bytes), 100);
	qf_err_set(reterr, QF_EUNSUPPORTED,
		   "Arrow type %s%s%s cannot be sent to a client: cast it to VARCHAR in the query",
		   ArrowTypeString(view->type), detail.n ? " " : "", detail.n ? qf_buf_cstr(&detail) : "");
	qf_buf_fini(&detail);
	return QF_EUNSUPPORTED;
}

static int check_shape(const struct qf_col *col, const struct ArrowSchemaView *view, struct qf_err *reterr)
{
	bool one = is_list(col) || col->type->pg == qf_json_map;

	if ((one && col->n_children != 1) || (col->type->pg == qf_json_map && col->children->n_children != 2))
		return qf_err_set(reterr, QF_EMALFORMED, "a %s of the wrong shape", col->type->name);
	if (view->type == NANOARROW_TYPE_FIXED_SIZE_LIST && view->fixed_size < 0)
		return qf_err_set(reterr, QF_EMALFORMED, "an ARRAY of %d members", view->fixed_size);
	return 0;
}

int qf_col_init(struct qf_col *col, const struct ArrowSchema *schema, struct qf_arena *mem, struct qf_err *reterr)
{
	struct ArrowSchemaView view = { 0 };
	struct ArrowError why = { .message = "" };

	if (ArrowSchemaViewInit(&view, schema, &why) != NANOARROW_OK)
		return qf_err_set(reterr, QF_EMALFORMED, "%s", why.message);
	col->type = qf_vtype_find(&view);
	if (!col->type)
		return unknown_type(&view, reterr);
	col->pg = col->type->pg;
	col->binary = col->type->binary;
	col->json = col->type->json;
	col->trino = col->type->trino;
	col->wide = view.type == NANOARROW_TYPE_LARGE_STRING || view.type == NANOARROW_TYPE_LARGE_BINARY ||
		  view.type == NANOARROW_TYPE_LARGE_LIST;
	col->odd_null = view.type == NANOARROW_TYPE_NA || view.type == NANOARROW_TYPE_SPARSE_UNION;
	if (col->type->array_oid)
		return init_scalar(col, &view, reterr);
	int r = init_children(col, schema, mem, reterr);

	if (r == 0)
		r = check_shape(col, &view, reterr);
	if (r < 0)
		return r;
	if (view.type == NANOARROW_TYPE_FIXED_SIZE_LIST)
		col->width = (uint32_t)view.fixed_size;
	if (is_list(col) && !col->children->type->array_oid)
		col->pg = col->binary = col->json;
	return 0;
}

uint32_t qf_col_oid(const struct qf_col *col)
{
	return col->pg == qf_pg_array ? col->children->type->array_oid : col->type->oid;
}

static const uint8_t *buffer_at(const struct ArrowArrayView *view, int i)
{
	return view->buffer_views[i].size_bytes ? view->buffer_views[i].data.as_uint8 : NULL;
}

int qf_col_bind(struct qf_col *col, const struct ArrowArrayView *view, struct qf_err *reterr)
{
	static const uint8_t nothing[1];

	if (view->offset || view->n_children != col->n_children)
		return qf_err_set(reterr, QF_EMALFORMED, "a batch that does not fit its schema");
	col->view = view;
	col->valid = col->data = NULL;
	col->var = nothing;
	for (int i = 0; i < NANOARROW_MAX_FIXED_BUFFERS; i++) {
		enum ArrowBufferType kind = view->layout.buffer_type[i];
		const uint8_t *p = buffer_at(view, i);

		if (kind == NANOARROW_BUFFER_TYPE_VALIDITY)
			col->valid = p;
		else if (kind != NANOARROW_BUFFER_TYPE_NONE && i < 2)
			col->data = p;
		else if (kind != NANOARROW_BUFFER_TYPE_NONE && p)
			col->var = p;
	}
	for (uint32_t i = 0; i < col->n_children; i++) {
		int r = qf_col_bind(&col->children[i], view->children[i], reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

const struct qf_col *qf_col_union_member(const struct qf_col *col, uint64_t row)
{
	return &col->children[ArrowArrayViewUnionChildIndex(col->view, (int64_t)row)];
}

bool qf_col_odd_null(const struct qf_col *col, uint64_t row)
{
	if (col->type->arrow == NANOARROW_TYPE_NA)
		return true;
	return qf_col_is_null(qf_col_union_member(col, row), row);
}
