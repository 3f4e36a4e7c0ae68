#include "qf/msg.h"

#include <string.h>

#define MAGIC 0x5146u /* "QF" */
#define AT_BODY 24

static const char *const kind_names[QF_MSG_N] = {
	[QF_MSG_HELLO] = "HELLO",	[QF_MSG_BYE] = "BYE",		  [QF_MSG_PING] = "PING",
	[QF_MSG_QUERY] = "QUERY",	[QF_MSG_ROUTED] = "ROUTED",	  [QF_MSG_BOUNCED] = "BOUNCED",
	[QF_MSG_ACCEPTED] = "ACCEPTED", [QF_MSG_STARTED] = "STARTED",	  [QF_MSG_SCHEMA] = "SCHEMA",
	[QF_MSG_BATCH] = "BATCH",	[QF_MSG_RESULT] = "RESULT",	  [QF_MSG_DONE] = "DONE",
	[QF_MSG_FAILED] = "FAILED",	[QF_MSG_NOTICE] = "NOTICE",	  [QF_MSG_CREDIT] = "CREDIT",
	[QF_MSG_CANCEL] = "CANCEL",	[QF_MSG_EXECUTE] = "EXECUTE",	  [QF_MSG_RESOLVE] = "RESOLVE",
	[QF_MSG_RESOLVED] = "RESOLVED", [QF_MSG_TRANSLATE] = "TRANSLATE", [QF_MSG_TRANSLATED] = "TRANSLATED",
	[QF_MSG_EVENT] = "EVENT",	[QF_MSG_CONTROL] = "CONTROL",
};

const char *qf_kind_name(enum qf_kind k)
{
	return k > 0 && k < QF_MSG_N ? kind_names[k] : "unknown";
}

void qf_msg_begin(struct qf_buf *b, enum qf_kind kind, uint64_t stream, uint16_t attempt, uint16_t flags)
{
	qf_assert(b->n == 0);
	qf_buf_u16(b, MAGIC);
	qf_buf_u8(b, QF_PROTO_MAJOR);
	qf_buf_u8(b, (uint8_t)kind);
	qf_buf_u16(b, flags);
	qf_buf_u16(b, attempt);
	qf_buf_u64(b, stream);
	qf_buf_u64(b, 0);
	qf_buf_u32(b, 0);
}

void qf_msg_end(struct qf_buf *b)
{
	qf_buf_put_u32_at(b, AT_BODY, (uint32_t)(b->n - QF_MSG_HEADER));
}

static void put_head(struct qf_buf *b, uint16_t tag, size_t n)
{
	qf_buf_u16(b, tag);
	qf_buf_u32(b, (uint32_t)n);
}

void qf_put_u8(struct qf_buf *b, uint16_t tag, uint8_t v)
{
	put_head(b, tag, 1);
	qf_buf_u8(b, v);
}

void qf_put_u32(struct qf_buf *b, uint16_t tag, uint32_t v)
{
	put_head(b, tag, 4);
	qf_buf_u32(b, v);
}

void qf_put_u64(struct qf_buf *b, uint16_t tag, uint64_t v)
{
	put_head(b, tag, 8);
	qf_buf_u64(b, v);
}

void qf_put_slice(struct qf_buf *b, uint16_t tag, struct qf_slice s)
{
	put_head(b, tag, s.n);
	qf_buf_add_slice(b, s);
}

void qf_put_str(struct qf_buf *b, uint16_t tag, const char *s)
{
	if (s)
		qf_put_slice(b, tag, qf_slice_str(s));
}

void qf_put_pair(struct qf_buf *b, uint16_t tag, const char *name, const char *value)
{
	size_t nl = strlen(name);

	put_head(b, tag, 4 + nl + (value ? strlen(value) : 0) + 1);
	qf_buf_u32(b, (uint32_t)nl);
	qf_buf_add(b, name, nl);
	qf_buf_u8(b, value != NULL);
	qf_buf_add_str(b, value ? value : "");
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

static int check_body(struct qf_slice body, struct qf_err *reterr)
{
	struct qf_reader r = qf_reader(body);

	while (r.n > 0 && !r.err) {
		uint16_t tag = qf_read_u16(&r);
		uint16_t id = tag & (uint16_t)~QF_F_REQUIRED;

		qf_read_bytes(&r, qf_read_u32(&r));
		if (!r.err && (tag & QF_F_REQUIRED) && (id == 0 || id >= QF_F_N))
			return qf_err_set(reterr, QF_EUNSUPPORTED, "message needs field %u, which is not known here", id);
	}
	if (r.err)
		return qf_err_set(reterr, QF_EMALFORMED, "a field reaches beyond the message body");
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
	rc = check_body(m.body, reterr);
	if (rc == 0)
		*ret = m;
	return rc;
}

struct qf_field_iter qf_fields(const struct qf_msg *m)
{
	return (struct qf_field_iter){ .r = qf_reader(m->body) };
}

bool qf_field_next(struct qf_field_iter *it, enum qf_field *ret_tag, struct qf_slice *ret_value)
{
	if (it->r.n == 0 || it->r.err)
		return false;
	uint16_t tag = qf_read_u16(&it->r);
	struct qf_slice v = qf_read_bytes(&it->r, qf_read_u32(&it->r));

	if (it->r.err)
		return false;
	*ret_tag = (enum qf_field)(tag & ~QF_F_REQUIRED);
	*ret_value = v;
	return true;
}

struct qf_slice qf_get(const struct qf_msg *m, enum qf_field f)
{
	struct qf_field_iter it = qf_fields(m);
	enum qf_field tag;
	struct qf_slice v;

	while (qf_field_next(&it, &tag, &v))
		if (tag == f)
			return v;
	return QF_SLICE_NONE;
}

bool qf_has(const struct qf_msg *m, enum qf_field f)
{
	return qf_get(m, f).p != NULL;
}

static uint64_t get_uint(const struct qf_msg *m, enum qf_field f, size_t size)
{
	struct qf_slice s = qf_get(m, f);
	uint64_t v = 0;

	if (s.n != size)
		return 0;
	for (size_t i = 0; i < size; i++)
		v = v << 8 | s.p[i];
	return v;
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

const char *qf_get_str(const struct qf_msg *m, enum qf_field f, struct qf_arena *a)
{
	struct qf_slice s = qf_get(m, f);

	if (!s.p || memchr(s.p, 0, s.n))
		return NULL;
	return qf_arena_strndup(a, s.p, s.n);
}
