/*
 * The frames between translator and worker; py/worker.py is the other side. All integers big-endian.
 *
 * Request: u8 1, u8 flags (1 = guard), u16 number of types, u32 oids, text from, text to, text schema, text sql. Answer: u8 status
 * (0 translated, 1 error), text sql, u16 number of warnings, texts, u16 number of doubts, texts, text error, text hint, u32
 * line, u32 column, u32 position, text sqlstate. A text is u32 length and UTF-8 bytes.
 */
#include "translator.h"

static void put_text(struct qf_buf *b, struct qf_slice s)
{
	qf_buf_u32(b, (uint32_t)s.n);
	qf_buf_add_slice(b, s);
}

void answer_request(struct qf_buf *b, const struct translate_request *r)
{
	qf_buf_u8(b, 1);
	qf_buf_u8(b, r->guard);
	qf_buf_u16(b, (uint16_t)(r->types.n / 4));
	qf_buf_add_slice(b, r->types);
	put_text(b, qf_slice_str(qf_dialect_name(r->from)));
	put_text(b, qf_slice_str(qf_dialect_name(r->to)));
	put_text(b, r->schema);
	put_text(b, r->sql);
}

static struct qf_slice get_text(struct qf_reader *r)
{
	uint32_t n = qf_read_u32(r);

	return qf_read_bytes(r, n);
}

static void get_list(struct qf_reader *r, struct translate_list *ret)
{
	size_t n = qf_read_u16(r), max = sizeof(ret->at) / sizeof(ret->at[0]);

	if (n > max)
		qf_reader_fail(r);
	for (ret->n = 0; ret->n < n && !r->err; ret->n++)
		ret->at[ret->n] = get_text(r);
}

bool answer_read(struct qf_slice bytes, struct translation *ret)
{
	struct qf_reader r = qf_reader(bytes);
	struct translation t = { 0 };
	uint8_t status = qf_read_u8(&r);

	t.status = status == 0 ? TRANSLATE_OK : TRANSLATE_ERROR;
	t.sql = get_text(&r);
	get_list(&r, &t.warnings);
	get_list(&r, &t.doubts);
	t.text = get_text(&r);
	t.hint = get_text(&r);
	t.line = qf_read_u32(&r);
	t.column = qf_read_u32(&r);
	t.position = qf_read_u32(&r);
	t.sqlstate = get_text(&r);
	if (!qf_reader_done(&r) || status > 1 || t.sqlstate.n > 5 || (status == 0 && t.sql.n == 0))
		return false;
	*ret = t;
	return true;
}
