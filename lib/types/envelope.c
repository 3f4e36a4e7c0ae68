/* Checks in front of nanoarrow: see envelope.h. The numbers of fields are those of Arrow's Message.fbs, Schema.fbs. */
#include "col.h"
#include "envelope.h"
#include "flat.h"
#include "qf/str.h"

enum {
	CONTINUATION_SIZE = 8, /* 0xFFFFFFFF and the length of the flatbuffer */
	VERSION_V5 = 4,
	HEADER_SCHEMA = 1,
	HEADER_RECORD_BATCH = 3,
	FREE_ROWS = 1 << 16, /* of types that take no bytes: NULLs, or structs of them */
	/* Names and metadata are copied each time a field refers to them, so their sum is held down. */
	SCHEMA_BUDGET = 16 << 20,
	COST_OF_FIELD = 256,
};

enum message_field {
	MESSAGE_VERSION,
	MESSAGE_HEADER_TYPE,
	MESSAGE_HEADER,
	MESSAGE_BODY_LENGTH,
};

enum schema_field {
	SCHEMA_ENDIANNESS,
	SCHEMA_FIELDS,
	SCHEMA_METADATA,
};

enum field_field {
	FIELD_NAME,
	FIELD_NULLABLE,
	FIELD_TYPE_TYPE,
	FIELD_TYPE,
	FIELD_DICTIONARY,
	FIELD_CHILDREN,
	FIELD_METADATA,
};

enum batch_field {
	BATCH_LENGTH,
	BATCH_NODES,
	BATCH_BUFFERS,
	BATCH_COMPRESSION,
};

struct message {
	struct qf_flat flat;
	struct qf_slice body;
	size_t header; /* position of the header table */
};

static int malformed(struct qf_err *reterr, const char *what)
{
	return qf_err_set(reterr, QF_EMALFORMED, "Arrow message: %s", what);
}

static int open_message(struct message *m, struct qf_slice bytes, unsigned type, struct qf_err *reterr)
{
	struct qf_flat prefix = { .p = bytes.p, .n = bytes.n };
	uint32_t mark = qf_flat_u32(&prefix, 0), length = qf_flat_u32(&prefix, 4);

	if (prefix.bad || mark != 0xffffffff)
		return malformed(reterr, "no continuation mark at its start");
	if (length == 0 || length % 8 || length > bytes.n - CONTINUATION_SIZE)
		return malformed(reterr, "a wrong length of its header");
	m->flat = (struct qf_flat){ .p = bytes.p + CONTINUATION_SIZE, .n = length };
	m->body = qf_slice(bytes.p + CONTINUATION_SIZE + length, bytes.n - CONTINUATION_SIZE - length);

	struct qf_flat *f = &m->flat;
	size_t root = qf_flat_follow(f, 0);
	size_t version = qf_flat_field(f, root, MESSAGE_VERSION);
	size_t header_type = qf_flat_field(f, root, MESSAGE_HEADER_TYPE);
	size_t body_length = qf_flat_field(f, root, MESSAGE_BODY_LENGTH);

	m->header = qf_flat_ref(f, root, MESSAGE_HEADER);
	if (f->bad || !m->header || !header_type || qf_flat_u8(f, header_type) != type)
		return malformed(reterr, type == HEADER_SCHEMA ? "not a schema" : "not a record batch");
	if (!version || qf_flat_u16(f, version) != VERSION_V5)
		return malformed(reterr, "not of metadata version 5");
	if ((body_length ? qf_flat_i64(f, body_length) : 0) != (int64_t)m->body.n)
		return malformed(reterr, "its body has another length than its header says");
	return f->bad ? malformed(reterr, "a header that breaks its format") : 0;
}

static size_t string_length(struct qf_flat *f, size_t at)
{
	return at ? qf_flat_u32(f, at) : 0;
}

static void spend(struct qf_flat *f, size_t *budget, size_t n)
{
	if (n > *budget)
		f->bad = true;
	else
		*budget -= n;
}

/* Key and value are optional in the format; nanoarrow takes them for granted. */
static void walk_metadata(struct qf_flat *f, size_t table, unsigned field, size_t *budget)
{
	struct qf_flat_vector v = qf_flat_vector(f, table, field, 4);

	for (uint32_t i = 0; i < v.n && !f->bad; i++) {
		size_t pair = qf_flat_follow(f, v.at + 4 * (size_t)i);
		size_t key = qf_flat_ref(f, pair, 0), value = qf_flat_ref(f, pair, 1);

		if (!key || !value)
			f->bad = true;
		spend(f, budget, COST_OF_FIELD + string_length(f, key) + string_length(f, value));
	}
}

static int walk_fields(struct qf_flat *f, struct qf_flat_vector v, unsigned depth, size_t *budget,
		       struct qf_err *reterr);

static int walk_field(struct qf_flat *f, size_t field, unsigned depth, size_t *budget, struct qf_err *reterr)
{
	size_t name = qf_flat_ref(f, field, FIELD_NAME);
	size_t type = qf_flat_field(f, field, FIELD_TYPE_TYPE);

	spend(f, budget, COST_OF_FIELD + string_length(f, name));
	if (!type || qf_flat_u8(f, type) == 0 || !qf_flat_ref(f, field, FIELD_TYPE))
		f->bad = true;
	if (qf_flat_ref(f, field, FIELD_DICTIONARY) && !f->bad)
		return qf_err_set(reterr, QF_EUNSUPPORTED,
				  "a column is dictionary-encoded: the engine adapter has to send plain values");
	walk_metadata(f, field, FIELD_METADATA, budget);
	return walk_fields(f, qf_flat_vector(f, field, FIELD_CHILDREN, 4), depth + 1, budget, reterr);
}

static int walk_fields(struct qf_flat *f, struct qf_flat_vector v, unsigned depth, size_t *budget,
		       struct qf_err *reterr)
{
	if (v.n && depth > QF_COL_MAX_DEPTH)
		return qf_err_set(reterr, QF_ELIMIT, "a type nested deeper than %d levels", QF_COL_MAX_DEPTH);
	for (uint32_t i = 0; i < v.n && !f->bad; i++) {
		int r = walk_field(f, qf_flat_follow(f, v.at + 4 * (size_t)i), depth, budget, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

int qf_envelope_schema(struct qf_slice bytes, struct qf_err *reterr)
{
	struct message m;
	size_t budget = SCHEMA_BUDGET;
	int r = open_message(&m, bytes, HEADER_SCHEMA, reterr);

	if (r < 0)
		return r;
	struct qf_flat_vector fields = qf_flat_vector(&m.flat, m.header, SCHEMA_FIELDS, 4);

	if (fields.n > QF_COL_MAX_COLUMNS)
		return qf_err_set(reterr, QF_ELIMIT, "%u columns, which is more than %d", fields.n, QF_COL_MAX_COLUMNS);
	walk_metadata(&m.flat, m.header, SCHEMA_METADATA, &budget);
	r = walk_fields(&m.flat, fields, 1, &budget, reterr);
	if (r == 0 && m.flat.bad)
		r = malformed(reterr, "a schema that breaks its format or is too large");
	return r;
}

/*
 * The lengths nanoarrow multiplies and adds. A value takes a bit at least, but for the few types that take nothing,
 * so that a small message cannot stand for a huge number of values.
 */
static bool batch_is_sane(struct qf_flat *f, size_t batch, size_t body)
{
	size_t length = qf_flat_field(f, batch, BATCH_LENGTH);
	int64_t rows = length ? qf_flat_i64(f, length) : 0;
	struct qf_flat_vector nodes = qf_flat_vector(f, batch, BATCH_NODES, 16);
	struct qf_flat_vector buffers = qf_flat_vector(f, batch, BATCH_BUFFERS, 16);
	int64_t most = (int64_t)body * 8 + FREE_ROWS;

	if (rows < 0 || rows > most)
		return false;
	for (uint32_t i = 0; i < nodes.n; i++) {
		int64_t n = qf_flat_i64(f, nodes.at + 16 * (size_t)i);
		int64_t nulls = qf_flat_i64(f, nodes.at + 16 * (size_t)i + 8);

		if (n < 0 || n > most || n > INT32_MAX || nulls < 0 || nulls > n)
			return false;
	}
	for (uint32_t i = 0; i < buffers.n; i++) {
		int64_t at = qf_flat_i64(f, buffers.at + 16 * (size_t)i);
		int64_t n = qf_flat_i64(f, buffers.at + 16 * (size_t)i + 8);

		if (at < 0 || n < 0 || (uint64_t)at > body || (uint64_t)n > body - (uint64_t)at || at % 8)
			return false;
	}
	return !f->bad;
}

int qf_envelope_batch(struct qf_slice bytes, struct qf_slice *ret_body, struct qf_err *reterr)
{
	struct message m;
	int r = open_message(&m, bytes, HEADER_RECORD_BATCH, reterr);

	if (r < 0)
		return r;
	if (qf_flat_field(&m.flat, m.header, BATCH_COMPRESSION))
		return qf_err_set(reterr, QF_EUNSUPPORTED, "a compressed record batch");
	if (!batch_is_sane(&m.flat, m.header, m.body.n))
		return malformed(reterr, "a record batch whose lengths cannot be true");
	*ret_body = m.body;
	return 0;
}
