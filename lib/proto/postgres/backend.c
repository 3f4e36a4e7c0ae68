/* Framing and reading of what a server sends, once authentication is over. See qf/proto/postgres.h. */
#include <string.h>

#include "qf/proto/postgres.h"
#include "qf/str.h"

enum {
	HEADER = 5,
	MAX_TAG = 1000,		/* PostgreSQL's own limit is 64 */
	MAX_REPORT = 4 << 20,	/* an error may quote a statement */
	MAX_COLUMNS = 32 << 20, /* 1664 columns by 64 bytes of name are 140 kB; look-alikes have longer names */
	MAX_STATUS = 1 << 20,
	MAX_TYPES = 2 + 4 * 65535,
};

/* Bytes of a body of that kind, the header's length included; 0: no server sends it here. */
static uint32_t kind_limit(char kind)
{
	switch (kind) {
	case 'D': /* DataRow */
	case 'd': /* CopyData */
	case 'V': /* FunctionCallResponse */
		return QF_PG_MAX_LARGE;
	case 'T': /* RowDescription */
		return MAX_COLUMNS;
	case 'E': /* ErrorResponse */
	case 'N': /* NoticeResponse */
		return MAX_REPORT;
	case 'S': /* ParameterStatus */
	case 'A': /* NotificationResponse */
		return MAX_STATUS;
	case 't': /* ParameterDescription */
		return 4 + MAX_TYPES;
	case 'C': /* CommandComplete */
		return MAX_TAG;
	case 'G': /* CopyInResponse */
	case 'H': /* CopyOutResponse */
		return 4 + 3 + 2 * 65535;
	case 'Z': /* ReadyForQuery */
		return 5;
	case '1': /* ParseComplete */
	case '2': /* BindComplete */
	case '3': /* CloseComplete */
	case 'c': /* CopyDone */
	case 'I': /* EmptyQueryResponse */
	case 'n': /* NoData */
	case 's': /* PortalSuspended */
		return 4;
	default:
		return 0;
	}
}

int qf_pg_reply_next(struct qf_slice in, struct qf_pg_reply *ret, struct qf_err *reterr)
{
	*ret = (struct qf_pg_reply){ 0 };
	if (in.n == 0)
		return 0;
	uint32_t limit = kind_limit((char)in.p[0]);

	if (limit == 0)
		return qf_err_set(reterr, QF_EMALFORMED, "the server sent a message of unknown type 0x%02x", in.p[0]);
	ret->kind = (char)in.p[0];
	if (in.n < HEADER)
		return 0;
	struct qf_reader r = qf_reader(qf_slice(in.p + 1, in.n - 1));
	uint32_t length = qf_read_u32(&r);

	if (length < 4 || length > limit)
		return qf_err_set(reterr, QF_EMALFORMED, "the server sent a message of type 0x%02x and impossible length %u",
				  in.p[0], length);
	ret->need = (size_t)length + 1;
	if (in.n < ret->need)
		return 0;
	ret->message = qf_slice(in.p, ret->need);
	ret->body = qf_slice(in.p + HEADER, length - 4);
	return 1;
}

/* DataRow begins with the number of its values. */
static bool has_columns(const uint8_t *body, size_t n, int columns)
{
	return columns < 0 || (n >= 2 && (body[0] << 8 | body[1]) == columns);
}

size_t qf_pg_reply_rows(struct qf_slice in, char kind, int columns, size_t max, uint64_t *ret_rows)
{
	size_t at = 0;
	uint64_t rows = 0;

	while (in.n - at >= HEADER && in.p[at] == (uint8_t)kind) {
		const uint8_t *p = in.p + at + 1;
		size_t length = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

		if (length < 4 || length >= in.n - at || (at > 0 && at + length + 1 > max) ||
			!has_columns(p + 4, length - 4, columns))
			break;
		at += length + 1;
		rows++;
	}
	*ret_rows = rows;
	return at;
}

/* ---- bodies ---- */

static uint32_t read_number(struct qf_slice s)
{
	uint32_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9' || v > (UINT32_MAX - 9) / 10)
			return 0;
		v = v * 10 + (uint32_t)(s.p[i] - '0');
	}
	return v;
}

int qf_pg_read_report(struct qf_slice body, struct qf_pg_report *ret)
{
	struct qf_reader r = qf_reader(body);

	*ret = (struct qf_pg_report){ 0 };
	for (;;) {
		char code = (char)qf_read_u8(&r);

		if (code == 0)
			return qf_reader_done(&r) ? 0 : QF_EMALFORMED;
		struct qf_slice text = qf_read_cstr(&r);

		if (code == 'V' || (code == 'S' && ret->severity.n == 0))
			ret->severity = text;
		else if (code == 'C')
			ret->sqlstate = text;
		else if (code == 'M')
			ret->message = text;
		else if (code == 'D')
			ret->detail = text;
		else if (code == 'H')
			ret->hint = text;
		else if (code == 'P')
			ret->position = read_number(text);
	}
}

bool qf_pg_is_sqlstate(struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'A' && s.p[i] <= 'Z'))
			return false;
	return s.n == 5;
}

bool qf_pg_report_is_whole(struct qf_slice body)
{
	struct qf_pg_report rep;

	return qf_pg_read_report(body, &rep) == 0 && rep.severity.n > 0 && rep.message.n > 0 && qf_pg_is_sqlstate(rep.sqlstate) &&
	       qf_utf8_valid(body);
}

int qf_pg_read_ready(struct qf_slice body, char *ret_status)
{
	if (body.n != 1 || !memchr("ITE", body.p[0], 3))
		return QF_EMALFORMED;
	*ret_status = (char)body.p[0];
	return 0;
}

int qf_pg_read_parameter_status(struct qf_slice body, struct qf_slice *ret_name, struct qf_slice *ret_value)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice name = qf_read_cstr(&r), value = qf_read_cstr(&r);

	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret_name = name;
	*ret_value = value;
	return 0;
}

int qf_pg_read_tag(struct qf_slice body, struct qf_slice *ret_tag, uint64_t *ret_rows)
{
	struct qf_slice tag;
	uint64_t rows = 0, unit = 1;

	if (qf_pg_read_string(body, &tag) < 0)
		return QF_EMALFORMED;
	size_t at = tag.n;

	for (; at > 0 && tag.p[at - 1] >= '0' && tag.p[at - 1] <= '9' && tag.n - at < 19; unit *= 10)
		rows += unit * (uint64_t)(tag.p[--at] - '0');
	*ret_tag = tag;
	*ret_rows = at > 0 && tag.p[at - 1] == ' ' ? rows : 0;
	return 0;
}

int qf_pg_read_parameters(struct qf_slice body, struct qf_buf *oids, size_t *ret_n)
{
	struct qf_reader r = qf_reader(body);
	size_t n = qf_read_u16(&r), before = oids->n;

	for (size_t i = 0; i < n; i++) {
		uint32_t oid = qf_read_u32(&r);

		qf_buf_add(oids, &oid, sizeof(oid));
	}
	if (!qf_reader_done(&r)) {
		oids->n = before;
		return QF_EMALFORMED;
	}
	*ret_n = n;
	return 0;
}

struct qf_reader qf_pg_columns(struct qf_slice body, uint16_t *ret_n)
{
	struct qf_reader r = qf_reader(body);

	*ret_n = qf_read_u16(&r);
	return r;
}

bool qf_pg_column_next(struct qf_reader *r, struct qf_slice body, struct qf_pg_column *ret)
{
	if (r->n == 0)
		return false;
	ret->name = qf_read_cstr(r);
	ret->table = qf_read_u32(r);
	ret->attribute = qf_read_u16(r);
	ret->oid = qf_read_u32(r);
	ret->len = (int16_t)qf_read_u16(r);
	ret->mod = (int32_t)qf_read_u32(r);
	ret->format_at = body.n - r->n;
	ret->format = qf_read_u16(r);
	return r->err == 0;
}

int qf_pg_check_columns(struct qf_slice body)
{
	struct qf_pg_column col;
	uint16_t n;
	struct qf_reader r = qf_pg_columns(body, &n);
	size_t seen = 0;

	while (qf_pg_column_next(&r, body, &col))
		seen++;
	return qf_reader_done(&r) && seen == n ? 0 : QF_EMALFORMED;
}

struct qf_slice qf_pg_read_value(struct qf_reader *r)
{
	uint32_t n = qf_read_u32(r);

	return n == UINT32_MAX ? QF_SLICE_NONE : qf_read_bytes(r, n);
}
