/* Encoding: see arrow.h. */
#include "arrow.h"

#include <nanoarrow/nanoarrow_ipc.h>
#include <stdlib.h>
#include <string.h>

#include "enum.h"
#include "error.h"
#include "qf/arena.h"
#include "shown.h"
#include "text.h"

struct duck_arrow {
	const struct duck_api *api;
	duckdb_arrow_options options;
	duckdb_logical_type *types;
	idx_t n_columns;
	bool *is_text;		      /* the column's values are strings or blobs: their size is looked at */
	struct ArrowSchema raw, plain; /* DuckDB's, and the same without dictionaries */
	bool has_enum;
	struct ArrowArrayView view;
	struct ArrowIpcEncoder encoder;
	size_t row_bytes; /* of the last batch that was near the limit; 0 = whole chunks fit easily */
	duckdb_data_chunk part;
	duckdb_selection_vector part_rows;
};

static int failed(struct qf_sql_error *e, const char *doing, const char *why)
{
	qf_sql_error_set(e, "XX000", "Arrow %s failed: %s", doing, why && *why ? why : "out of memory");
	return -EINVAL;
}

/* Takes the error data that DuckDB's conversion functions return; NULL is success. */
static int check(const struct duck_api *api, duckdb_error_data data, struct qf_sql_error *e)
{
	if (!data)
		return 0;
	duck_error_read(api->error_data_message(data), e);
	api->destroy_error_data(&data);
	return -EINVAL;
}

static int read_schema(struct duck_arrow *a, const char **names, const char *sql, struct qf_sql_error *e)
{
	for (idx_t i = 0; i < a->n_columns; i++) {
		duckdb_type id = a->api->get_type_id(a->types[i]);

		a->is_text[i] = id == DUCKDB_TYPE_VARCHAR || id == DUCKDB_TYPE_BLOB || id == DUCKDB_TYPE_BIT;
	}
	int r = check(a->api, a->api->to_arrow_schema(a->options, a->types, names, a->n_columns, &a->raw), e);

	if (r < 0)
		return r;
	if (ArrowSchemaDeepCopy(&a->raw, &a->plain) != NANOARROW_OK)
		return failed(e, "schema copy", NULL);
	if (duck_enum_plain_schema(&a->plain, &a->has_enum) < 0 || duck_shown_apply(&a->plain, sql) < 0)
		return failed(e, "schema copy", NULL);
	return 0;
}

static int encode_schema(struct duck_arrow *a, struct ArrowBuffer *out, struct qf_sql_error *e)
{
	struct ArrowError why = { { 0 } };

	if (ArrowArrayViewInitFromSchema(&a->view, &a->plain, &why) != NANOARROW_OK)
		return failed(e, "schema", why.message);
	if (ArrowIpcEncoderInit(&a->encoder) != NANOARROW_OK)
		return failed(e, "encoder", NULL);
	if (ArrowIpcEncoderEncodeSchema(&a->encoder, &a->plain, &why) != NANOARROW_OK)
		return failed(e, "schema", why.message);
	if (ArrowIpcEncoderFinalizeBuffer(&a->encoder, 1, out) != NANOARROW_OK)
		return failed(e, "schema", NULL);
	return 0;
}

static struct duck_arrow *arrow_new(const struct duck_api *api, duckdb_arrow_options options, idx_t n)
{
	struct duck_arrow *a = qf_xcalloc(1, sizeof(*a));

	a->api = api;
	a->options = options;
	a->n_columns = n;
	a->types = qf_xcalloc(n + 1, sizeof(duckdb_logical_type));
	a->is_text = qf_xcalloc(n + 1, sizeof(*a->is_text));
	return a;
}

/* The name of column i, of a result or of a statement that has not run. */
struct name_of {
	duckdb_result *result;
	duckdb_prepared_statement prepared;
	const struct duck_casts *casts;
	const char *sql;
};

static const char *name_at(const struct duck_arrow *a, const struct name_of *of, idx_t i, struct qf_arena *mem)
{
	const char *own = of->prepared ? a->api->prepared_statement_column_name(of->prepared, i) : NULL;
	const char *name = of->prepared ? own : a->api->column_name(of->result, i);
	char *copy = qf_arena_strdup(mem, name ? name : "");

	a->api->free((void *)(uintptr_t)own);
	if (of->casts->n)
		duck_text_uncast(copy, of->casts);
	return copy;
}

static int make_schema(struct duck_arrow *a, const struct name_of *of, struct ArrowBuffer *schema,
	struct qf_sql_error *e)
{
	const char **names = qf_xcalloc(a->n_columns + 1, sizeof(*names));
	struct qf_arena *mem = qf_arena_new(0);

	for (idx_t i = 0; i < a->n_columns; i++)
		names[i] = name_at(a, of, i, mem);
	int r = read_schema(a, names, of->sql, e);

	if (r == 0)
		r = encode_schema(a, schema, e);
	qf_arena_free(mem);
	free(names);
	return r;
}

int duck_arrow_new(struct duck_arrow **ret, const struct duck_api *api, duckdb_result *result,
	const struct duck_casts *casts, const char *sql, struct ArrowBuffer *schema, struct qf_sql_error *reterr)
{
	struct duck_arrow *a = arrow_new(api, api->result_get_arrow_options(result), api->column_count(result));
	struct name_of names = { .result = result, .casts = casts, .sql = sql };

	for (idx_t i = 0; i < a->n_columns; i++)
		a->types[i] = api->column_logical_type(result, i);
	int r = make_schema(a, &names, schema, reterr);

	if (r < 0) {
		duck_arrow_free(a);
		return r;
	}
	*ret = a;
	return 0;
}

int duck_arrow_describe(const struct duck_api *api, duckdb_connection conn, duckdb_prepared_statement prepared,
	const struct duck_casts *casts, const char *sql, struct ArrowBuffer *schema, struct qf_sql_error *reterr)
{
	duckdb_arrow_options options = NULL;

	api->connection_get_arrow_options(conn, &options);
	struct duck_arrow *a = arrow_new(api, options, api->prepared_statement_column_count(prepared));
	struct name_of names = { .prepared = prepared, .casts = casts, .sql = sql };

	for (idx_t i = 0; i < a->n_columns; i++)
		a->types[i] = api->prepared_statement_column_logical_type(prepared, i);
	int r = make_schema(a, &names, schema, reterr);

	duck_arrow_free(a);
	return r;
}

int duck_arrow_check(const struct duck_api *api, duckdb_connection conn, duckdb_prepared_statement prepared,
	struct qf_sql_error *reterr)
{
	idx_t n = api->prepared_statement_column_count(prepared);
	duckdb_logical_type *types = qf_xcalloc(n, sizeof(duckdb_logical_type));
	const char **names = qf_xcalloc(n, sizeof(*names));
	duckdb_arrow_options options = NULL;
	struct ArrowSchema schema = { .release = NULL };

	for (idx_t i = 0; i < n; i++) {
		names[i] = "";
		types[i] = api->prepared_statement_column_logical_type(prepared, i);
	}
	api->connection_get_arrow_options(conn, &options);
	int r = check(api, api->to_arrow_schema(options, types, names, n, &schema), reterr);

	if (schema.release)
		schema.release(&schema);
	api->destroy_arrow_options(&options);
	for (idx_t i = 0; i < n; i++)
		api->destroy_logical_type(&types[i]);
	free(types);
	free(names);
	return r;
}

struct duck_arrow *duck_arrow_free(struct duck_arrow *a)
{
	if (!a)
		return NULL;
	if (a->encoder.private_data)
		ArrowIpcEncoderReset(&a->encoder);
	ArrowArrayViewReset(&a->view);
	if (a->raw.release)
		a->raw.release(&a->raw);
	if (a->plain.release)
		a->plain.release(&a->plain);
	if (a->part)
		a->api->destroy_data_chunk(&a->part);
	if (a->part_rows)
		a->api->destroy_selection_vector(a->part_rows);
	for (idx_t i = 0; i < a->n_columns; i++)
		a->api->destroy_logical_type(&a->types[i]);
	free(a->types);
	free(a->is_text);
	a->api->destroy_arrow_options(&a->options);
	free(a);
	return NULL;
}

/* Bytes of the strings of one column in rows from..to. */
static size_t text_bytes(const struct duck_arrow *a, duckdb_data_chunk chunk, idx_t column, idx_t from, idx_t to)
{
	duckdb_vector v = a->api->data_chunk_get_vector(chunk, column);
	const uint64_t *valid = a->api->vector_get_validity(v);
	const duckdb_string_t *s = a->api->vector_get_data(v);
	size_t sum = 0;

	for (idx_t row = from; row < to; row++)
		if (!valid || (valid[row / 64] >> (row % 64) & 1))
			sum += s[row].value.inlined.length;
	return sum;
}

static size_t all_text_bytes(const struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, idx_t to)
{
	size_t sum = 0;

	for (idx_t i = 0; i < a->n_columns; i++)
		if (a->is_text[i])
			sum += text_bytes(a, chunk, i, from, to);
	return sum;
}

/*
 * How many rows to try. Long strings must be seen before they are converted: a chunk may hold more than the
 * 2 GiB that Arrow's 32-bit offsets carry. All else is foretold by the batch before.
 */
static idx_t plan_rows(const struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, uint64_t most, size_t limit)
{
	idx_t n = a->api->data_chunk_get_size(chunk) - from;
	idx_t foretold = a->row_bytes ? (limit - limit / 16) / a->row_bytes : n;

	if (n > foretold)
		n = foretold ? foretold : 1;
	if (n > most)
		n = most;
	while (n > 1 && all_text_bytes(a, chunk, from, from + n) > limit)
		n /= 2;
	return n;
}

/* A chunk of our own with rows from..from+n: DuckDB converts whole chunks only. */
static duckdb_data_chunk cut(struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, idx_t n)
{
	const struct duck_api *api = a->api;
	idx_t size = api->data_chunk_get_size(chunk);

	if (from == 0 && n == size)
		return chunk;
	if (!a->part) {
		a->part = api->create_data_chunk(a->types, a->n_columns);
		a->part_rows = api->create_selection_vector(size);
	}
	if (!a->part || !a->part_rows)
		return NULL;
	sel_t *rows = api->selection_vector_get_data_ptr(a->part_rows);

	for (idx_t i = 0; i < n; i++)
		rows[i] = (sel_t)(from + i);
	api->data_chunk_reset(a->part);
	for (idx_t i = 0; i < a->n_columns; i++)
		api->vector_copy_sel(api->data_chunk_get_vector(chunk, i), api->data_chunk_get_vector(a->part, i),
			a->part_rows, n, 0, 0);
	api->data_chunk_set_size(a->part, n);
	return a->part;
}

static int encode_array(struct duck_arrow *a, struct ArrowArray *array, struct ArrowBuffer *out, struct qf_sql_error *e)
{
	struct ArrowError why = { { 0 } };
	struct ArrowBuffer body;
	int r = -EINVAL;

	ArrowBufferInit(&body);
	if (a->has_enum && duck_enum_decode(&a->raw, array) < 0)
		failed(e, "conversion of an ENUM", NULL);
	else if (ArrowArrayViewSetArray(&a->view, array, &why) != NANOARROW_OK ||
		 ArrowIpcEncoderEncodeSimpleRecordBatch(&a->encoder, &a->view, &body, &why) != NANOARROW_OK)
		failed(e, "encoding", why.message);
	else if (ArrowIpcEncoderFinalizeBuffer(&a->encoder, 1, out) != NANOARROW_OK ||
		 ArrowBufferAppend(out, body.data, body.size_bytes) != NANOARROW_OK)
		failed(e, "encoding", NULL);
	else
		r = 0;
	ArrowBufferReset(&body);
	return r;
}

static int encode_rows(struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, idx_t n, struct ArrowBuffer *out,
	struct qf_sql_error *e)
{
	struct ArrowArray array = { .release = NULL };
	duckdb_data_chunk part = cut(a, chunk, from, n);

	if (!part)
		return failed(e, "split", NULL);
	int r = check(a->api, a->api->data_chunk_to_arrow(a->options, part, &array), e);

	if (r == 0)
		r = encode_array(a, &array, out, e);
	if (array.release)
		array.release(&array);
	return r;
}

/* A row that is too large alone, or the rest of a chunk, says nothing about the rows that come. */
static void learn(struct duck_arrow *a, size_t bytes, idx_t n, bool rest, size_t limit)
{
	if (bytes <= limit && bytes > limit / 2)
		a->row_bytes = bytes / n;
	else if (!rest)
		a->row_bytes = 0;
}

/* Fewer rows, so that they fit next time: by proportion with a margin, by half when nothing is known. */
static idx_t shrink(idx_t n, size_t limit, size_t had)
{
	idx_t next = had > limit ? (idx_t)((double)n * 0.9 * (double)limit / (double)had) : n / 2;

	return next ? next : 1;
}

int duck_arrow_batch(struct duck_arrow *a, duckdb_data_chunk chunk, idx_t from, uint64_t most, size_t limit,
	struct ArrowBuffer *out, idx_t *ret_rows, struct qf_sql_error *reterr)
{
	idx_t n = plan_rows(a, chunk, from, most, limit);

	for (;;) {
		int r = encode_rows(a, chunk, from, n, out, reterr);
		size_t bytes = (size_t)out->size_bytes;

		if (n == 1 || (r == 0 && bytes <= limit)) {
			learn(a, bytes, n, from > 0 && from + n == a->api->data_chunk_get_size(chunk), limit);
			*ret_rows = n;
			return r;
		}
		n = shrink(n, limit, r == 0 ? bytes : 0);
		ArrowBufferReset(out);
		ArrowBufferInit(out);
	}
}
