#include "qf/msg.h"

#include <string.h>

#define MAGIC 0x5146u /* "QF" */
#define AT_BODY 24
#define FIELD_HEAD 6
#define USUAL_SIZE 512 /* of a QUERY with a short statement: one allocation */

static const char *const kind_names[QF_MSG_N] = {
	[QF_MSG_HELLO] = "HELLO",	[QF_MSG_BYE] = "BYE",		  [QF_MSG_PING] = "PING",
	[QF_MSG_QUERY] = "QUERY",	[QF_MSG_ROUTED] = "ROUTED",	  [QF_MSG_BOUNCED] = "BOUNCED",
	[QF_MSG_ACCEPTED] = "ACCEPTED", [QF_MSG_STARTED] = "STARTED",	  [QF_MSG_SCHEMA] = "SCHEMA",
	[QF_MSG_BATCH] = "BATCH",	[QF_MSG_RESULT] = "RESULT",	  [QF_MSG_DONE] = "DONE",
	[QF_MSG_FAILED] = "FAILED",	[QF_MSG_NOTICE] = "NOTICE",	  [QF_MSG_CREDIT] = "CREDIT",
	[QF_MSG_CANCEL] = "CANCEL",	[QF_MSG_EXECUTE] = "EXECUTE",	  [QF_MSG_RESOLVE] = "RESOLVE",
	[QF_MSG_RESOLVED] = "RESOLVED", [QF_MSG_TRANSLATE] = "TRANSLATE", [QF_MSG_TRANSLATED] = "TRANSLATED",
	[QF_MSG_EVENT] = "EVENT",	[QF_MSG_CONTROL] = "CONTROL",
	[QF_MSG_INPUT] = "INPUT",	[QF_MSG_ASYNC] = "ASYNC",
	[QF_MSG_KEYS] = "KEYS",
};

const char *qf_kind_name(enum qf_kind k)
{
	return k > 0 && k < QF_MSG_N ? kind_names[k] : "unknown";
}

static inline void put_be(uint8_t *p, uint64_t v, unsigned width)
{
	for (unsigned i = 0; i < width; i++)
		p[i] = (uint8_t)(v >> (8 * (width - 1 - i)));
}

static inline uint64_t get_be(const uint8_t *p, size_t width)
{
	uint64_t v = 0;

	for (size_t i = 0; i < width; i++)
		v = v << 8 | p[i];
	return v;
}

void qf_msg_begin(struct qf_buf *b, enum qf_kind kind, uint64_t stream, uint16_t attempt, uint16_t flags)
{
	uint8_t *p = qf_buf_reserve(b, USUAL_SIZE);

	qf_assert(b->n == 0);
	memset(p, 0, QF_MSG_HEADER);
	put_be(p, MAGIC, 2);
	p[2] = QF_PROTO_MAJOR;
	p[3] = (uint8_t)kind;
	put_be(p + 4, flags, 2);
	put_be(p + 6, attempt, 2);
	put_be(p + 8, stream, 8);
	b->n = QF_MSG_HEADER;
}

void qf_msg_end(struct qf_buf *b)
{
	qf_buf_put_u32_at(b, AT_BODY, (uint32_t)(b->n - QF_MSG_HEADER));
}

/* Room for a value of n bytes behind its head; the caller fills all of it. */
static uint8_t *add_field(struct qf_buf *b, uint16_t tag, size_t n)
{
	uint8_t *p = qf_buf_reserve(b, FIELD_HEAD + n);

	put_be(p, tag, 2);
	put_be(p + 2, n, 4);
	b->n += FIELD_HEAD + n;
	return p + FIELD_HEAD;
}

void qf_put_u8(struct qf_buf *b, uint16_t tag, uint8_t v)
{
	*add_field(b, tag, 1) = v;
}

void qf_put_u32(struct qf_buf *b, uint16_t tag, uint32_t v)
{
	put_be(add_field(b, tag, 4), v, 4);
}

void qf_put_u64(struct qf_buf *b, uint16_t tag, uint64_t v)
{
	put_be(add_field(b, tag, 8), v, 8);
}

void qf_put_slice(struct qf_buf *b, uint16_t tag, struct qf_slice s)
{
	uint8_t *p = add_field(b, tag, s.n);

	if (s.n > 0)
		memcpy(p, s.p, s.n);
}

void qf_put_str(struct qf_buf *b, uint16_t tag, const char *s)
{
	if (s)
		qf_put_slice(b, tag, qf_slice(s, strlen(s)));
}

void qf_put_pair(struct qf_buf *b, uint16_t tag, const char *name, const char *value)
{
	size_t nn = strlen(name), vn = value ? strlen(value) : 0;
	uint8_t *p = add_field(b, tag, 4 + nn + 1 + vn);

	put_be(p, nn, 4);
	memcpy(p + 4, name, nn);
	p[4 + nn] = value != NULL;
	if (vn > 0)
		memcpy(p + 4 + nn + 1, value, vn);
}

bool qf_pair(struct qf_slice field, struct qf_slice *ret_name, struct qf_slice *ret_value)
{
	struct qf_reader r = qf_reader(field);
	struct qf_slice name = qf_read_bytes(&r, qf_read_u32(&r));
	bool has = qf_read_u8(&r);
	struct qf_slice value = qf_read_bytes(&r, r.n);

	if (r.err)
		return false;
	*ret_name = name;
	*ret_value = has ? value : QF_SLICE_NONE;
	return true;
}

/* The next field of *rest, which must not be empty; false when it reaches beyond the end. */
static bool next_field(struct qf_slice *rest, uint16_t *ret_tag, struct qf_slice *ret_value)
{
	if (rest->n < FIELD_HEAD)
		return false;
	uint16_t tag = (uint16_t)get_be(rest->p, 2);
	size_t n = get_be(rest->p + 2, 4);

	if (n > rest->n - FIELD_HEAD)
		return false;
	*ret_tag = tag;
	*ret_value = qf_slice(rest->p + FIELD_HEAD, n);
	*rest = qf_slice(rest->p + FIELD_HEAD + n, rest->n - FIELD_HEAD - n);
	return true;
}

/* Checks the body and notes where the fields are: getters are called often, and need not look for them. */
static int index_body(struct qf_msg *m, struct qf_err *reterr)
{
	struct qf_slice rest = m->body, v;
	uint16_t tag;

	while (rest.n > 0) {
		if (!next_field(&rest, &tag, &v))
			return qf_err_set(reterr, QF_EMALFORMED, "a field reaches beyond the message body");
		uint16_t id = tag & (uint16_t)~QF_F_REQUIRED;
		bool known = id > 0 && id < QF_F_N;

		if (!known && (tag & QF_F_REQUIRED))
			return qf_err_set(reterr, QF_EUNSUPPORTED, "message needs field %u, which is not known here", id);
		if (known && !m->at[id])
			m->at[id] = (uint32_t)(v.p - m->body.p);
	}
	return 0;
}

int qf_msg_decode(struct qf_msg *ret, struct qf_slice bytes, struct qf_err *reterr)
{
	struct qf_reader r = qf_reader(bytes);
	struct qf_msg m = { 0 };
	int rc;

	if (qf_read_u16(&r) != MAGIC || r.err)
		return qf_err_set(reterr, QF_EMALFORMED, "not a message of the bus");
	uint8_t major = qf_read_u8(&r);
	if (major != QF_PROTO_MAJOR && !r.err)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "bus protocol %u, this program speaks %u: restart the older one",
				  major, QF_PROTO_MAJOR);
	uint8_t kind = qf_read_u8(&r);
	m.kind = (enum qf_kind)kind;
	m.flags = qf_read_u16(&r);
	m.attempt = qf_read_u16(&r);
	m.stream = qf_read_u64(&r);
	m.epoch = qf_read_u64(&r);
	m.body = qf_read_bytes(&r, qf_read_u32(&r));
	if (r.err)
		return qf_err_set(reterr, QF_EMALFORMED, "message of %zu bytes is shorter than it says", bytes.n);
	if (kind == 0 || kind >= QF_MSG_N)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "unknown message kind %u", kind);
	m.payload = qf_slice(r.p, r.n);
	rc = index_body(&m, reterr);
	if (rc == 0)
		*ret = m;
	return rc;
}

struct qf_field_iter qf_fields(const struct qf_msg *m)
{
	return (struct qf_field_iter){ .rest = m->body };
}

bool qf_field_next(struct qf_field_iter *it, enum qf_field *ret_tag, struct qf_slice *ret_value)
{
	uint16_t tag;

	if (!next_field(&it->rest, &tag, ret_value))
		return false;
	*ret_tag = (enum qf_field)(tag & ~QF_F_REQUIRED);
	return true;
}

struct qf_slice qf_get(const struct qf_msg *m, enum qf_field f)
{
	uint32_t at = m->at[f];

	if (!at)
		return QF_SLICE_NONE;
	return qf_slice(m->body.p + at, get_be(m->body.p + at - 4, 4));
}

bool qf_has(const struct qf_msg *m, enum qf_field f)
{
	return qf_get(m, f).p != NULL;
}

static uint64_t get_uint(const struct qf_msg *m, enum qf_field f, size_t size)
{
	struct qf_slice s = qf_get(m, f);

	return s.n == size ? get_be(s.p, size) : 0;
}

uint8_t qf_get_u8(const struct qf_msg *m, enum qf_field f)
{
	return (uint8_t)get_uint(m, f, 1);
}

uint32_t qf_get_u32(const struct qf_msg *m, enum qf_field f)
{
	return (uint32_t)get_uint(m, f, 4);
}

uint64_t qf_get_u64(const struct qf_msg *m, enum qf_field f)
{
	return get_uint(m, f, 8);
}

void qf_get_text(const struct qf_msg *m, enum qf_field f, char *to, size_t size)
{
	struct qf_slice s = qf_get(m, f);

	if (!s.p)
		return;
	if (s.n > size - 1)
		s.n = size - 1;
	memcpy(to, s.p, s.n);
	to[s.n] = 0;
}

const char *qf_get_str(const struct qf_msg *m, enum qf_field f, struct qf_arena *a)
{
	struct qf_slice s = qf_get(m, f);

	if (!s.p || memchr(s.p, 0, s.n))
		return NULL;
	return qf_arena_strndup(a, s.p, s.n);
}

void qf_row_begin(struct qf_buf *row, const char *what)
{
	qf_buf_init(row);
	qf_msg_begin(row, QF_MSG_EVENT, 0, 0, 0);
	qf_put_str(row, QF_F_EVENT, what);
}

void qf_row_end(struct qf_buf *payload, struct qf_buf *row)
{
	qf_msg_end(row);
	qf_buf_u32(payload, (uint32_t)row->n);
	qf_buf_add_slice(payload, qf_buf_slice(row));
	qf_buf_fini(row);
}

bool qf_row_next(struct qf_reader *r, struct qf_msg *ret)
{
	struct qf_slice row;

	if (r->n == 0 || r->err)
		return false;
	row = qf_read_bytes(r, qf_read_u32(r));
	if (!r->err && qf_msg_decode(ret, row, NULL) < 0)
		qf_reader_fail(r);
	return !r->err;
}
