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
	MESSAGE_METADATA,
};

enum schema_field {
	SCHEMA_ENDIANNESS,
	SCHEMA_FIELDS,
	SCHEMA_METADATA,
	SCHEMA_FEATURES,
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
	BATCH_VARIADIC_COUNTS,
};

struct message {
	struct qf_flat flat;
	struct qf_slice body;
	size_t header; /* position of the header table */
	size_t budget; /* what is left of SCHEMA_BUDGET */
};

/* The tables of the members of Arrow's union Type that have fields, as qf_flat_check() reads them. */
static const char *const type_fields[] = {
	[2] = "41",  /* Int */
	[3] = "2",   /* FloatingPoint */
	[7] = "444", /* Decimal */
	[8] = "2",   /* Date */
	[9] = "24",  /* Time */
	[10] = "2s", /* Timestamp */
	[11] = "2",  /* Interval */
	[14] = "2v", /* Union */
	[15] = "4",  /* FixedSizeBinary */
	[16] = "4",  /* FixedSizeList */
	[17] = "1",  /* Map */
	[18] = "2",  /* Duration */
	[26] = NULL, /* LargeListView, the last */
};

static int malformed(struct qf_err *reterr, const char *what)
{
	return qf_err_set(reterr, QF_EMALFORMED, "Arrow message: %s", what);
}

static void spend(struct message *m, size_t n)
{
	if (n > m->budget)
		m->flat.bad = true;
	else
		m->budget -= n;
}

/* Key and value are optional in the format; nanoarrow takes them for granted. */
static void walk_metadata(struct message *m, size_t table, unsigned field)
{
	struct qf_flat *f = &m->flat;
	struct qf_flat_vector v = qf_flat_vector(f, table, field, 4, 4);

	for (uint32_t i = 0; i < v.n && !f->bad; i++) {
		size_t pair = qf_flat_follow(f, v.at + 4 * (size_t)i);
		size_t key, value;

		if (!qf_flat_string(f, pair, 0, &key) || !qf_flat_string(f, pair, 1, &value))
			f->bad = true;
		else
			spend(m, COST_OF_FIELD + key + value);
	}
}

/* The type has to be there: nanoarrow asks its table without looking. */
static void walk_type(struct qf_flat *f, size_t field)
{
	size_t at = qf_flat_field(f, field, FIELD_TYPE_TYPE, 1);
	size_t table = qf_flat_ref(f, field, FIELD_TYPE);
	uint8_t type = at ? qf_flat_u8(f, at) : 0;

	if (type == 0 || !table || type >= sizeof(type_fields) / sizeof(type_fields[0]))
		f->bad = true;
	else
		qf_flat_check(f, table, type_fields[type] ? type_fields[type] : "");
}

static int walk_fields(struct message *m, struct qf_flat_vector v, unsigned depth, struct qf_err *reterr);

static int walk_field(struct message *m, size_t field, unsigned depth, struct qf_err *reterr)
{
	struct qf_flat *f = &m->flat;
	size_t name;

	(void)qf_flat_string(f, field, FIELD_NAME, &name);
	(void)qf_flat_field(f, field, FIELD_NULLABLE, 1);
	spend(m, COST_OF_FIELD + name);
	walk_type(f, field);
	if (qf_flat_ref(f, field, FIELD_DICTIONARY))
		return qf_err_set(reterr, QF_EUNSUPPORTED,
				  "a column is dictionary-encoded: the engine adapter has to send plain values");
	walk_metadata(m, field, FIELD_METADATA);
	return walk_fields(m, qf_flat_vector(f, field, FIELD_CHILDREN, 4, 4), depth + 1, reterr);
}

static int walk_fields(struct message *m, struct qf_flat_vector v, unsigned depth, struct qf_err *reterr)
{
	if (v.n && depth > QF_COL_MAX_DEPTH)
		return qf_err_set(reterr, QF_ELIMIT, "a type nested deeper than %d levels", QF_COL_MAX_DEPTH);
	for (uint32_t i = 0; i < v.n && !m->flat.bad; i++) {
		int r = walk_field(m, qf_flat_follow(&m->flat, v.at + 4 * (size_t)i), depth, reterr);

		if (r < 0)
			return r;
	}
	return 0;
}

static int open_frame(struct message *m, struct qf_slice bytes, struct qf_err *reterr)
{
	struct qf_flat prefix = { .p = bytes.p, .n = bytes.n };
	uint32_t mark = qf_flat_u32(&prefix, 0), length = qf_flat_u32(&prefix, 4);

	if (prefix.bad || mark != 0xffffffff)
		return malformed(reterr, "no continuation mark at its start");
	if (length == 0 || length % 8 || length > bytes.n - CONTINUATION_SIZE)
		return malformed(reterr, "a wrong length of its header");
	*m = (struct message){
		.flat = { .p = bytes.p + CONTINUATION_SIZE, .n = length },
		.body = qf_slice(bytes.p + CONTINUATION_SIZE + length, bytes.n - CONTINUATION_SIZE - length),
		.budget = SCHEMA_BUDGET,
	};
	return 0;
}

static int open_message(struct message *m, struct qf_slice bytes, unsigned type, struct qf_err *reterr)
{
	int r = open_frame(m, bytes, reterr);

	if (r < 0)
		return r;
	struct qf_flat *f = &m->flat;
	size_t root = qf_flat_follow(f, 0);
	size_t version = qf_flat_field(f, root, MESSAGE_VERSION, 2);
	size_t header_type = qf_flat_field(f, root, MESSAGE_HEADER_TYPE, 1);
	size_t body_length = qf_flat_field(f, root, MESSAGE_BODY_LENGTH, 8);

	m->header = qf_flat_ref(f, root, MESSAGE_HEADER);
	walk_metadata(m, root, MESSAGE_METADATA);
	if (f->bad || !m->header || !header_type || qf_flat_u8(f, header_type) != type)
		return malformed(reterr, type == HEADER_SCHEMA ? "not a schema" : "not a record batch");
	if (!version || qf_flat_u16(f, version) != VERSION_V5)
		return malformed(reterr, "not of metadata version 5");
	if ((body_length ? qf_flat_i64(f, body_length) : 0) != (int64_t)m->body.n)
		return malformed(reterr, "its body has another length than its header says");
	return 0;
}

int qf_envelope_schema(struct qf_slice bytes, struct qf_err *reterr)
{
	struct message m;
	int r = open_message(&m, bytes, HEADER_SCHEMA, reterr);

	if (r < 0)
		return r;
	struct qf_flat_vector fields = qf_flat_vector(&m.flat, m.header, SCHEMA_FIELDS, 4, 4);

	if (fields.n > QF_COL_MAX_COLUMNS)
		return qf_err_set(reterr, QF_ELIMIT, "%u columns, which is more than %d", fields.n, QF_COL_MAX_COLUMNS);
	(void)qf_flat_field(&m.flat, m.header, SCHEMA_ENDIANNESS, 2);
	(void)qf_flat_vector(&m.flat, m.header, SCHEMA_FEATURES, 8, 8);
	walk_metadata(&m, m.header, SCHEMA_METADATA);
	r = walk_fields(&m, fields, 1, reterr);
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
	size_t length = qf_flat_field(f, batch, BATCH_LENGTH, 8);
	int64_t rows = length ? qf_flat_i64(f, length) : 0;
	struct qf_flat_vector nodes = qf_flat_vector(f, batch, BATCH_NODES, 16, 8);
	struct qf_flat_vector buffers = qf_flat_vector(f, batch, BATCH_BUFFERS, 16, 8);
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
	(void)qf_flat_vector(f, batch, BATCH_VARIADIC_COUNTS, 8, 8);
	return !f->bad;
}

int qf_envelope_batch(struct qf_slice bytes, struct qf_slice *ret_body, struct qf_err *reterr)
{
	struct message m;
	int r = open_message(&m, bytes, HEADER_RECORD_BATCH, reterr);

	if (r < 0)
		return r;
	if (qf_flat_ref(&m.flat, m.header, BATCH_COMPRESSION))
		return qf_err_set(reterr, QF_EUNSUPPORTED, "a compressed record batch");
	if (!batch_is_sane(&m.flat, m.header, m.body.n))
		return malformed(reterr, "a record batch whose lengths cannot be true");
	*ret_body = m.body;
	return 0;
}
