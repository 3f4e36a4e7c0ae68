/* Framing of what a client sends, before and after the startup packet. See qf/proto/postgres.h. */
#include <string.h>

#include "qf/proto/postgres.h"

enum {
	CODE_CANCEL = 80877102,
	CODE_SSL = 80877103,
	CODE_GSS = 80877104,
	MIN_KEY = 4,
	MAX_KEY = 256,
	LENGTH = 4,
	HEADER = 5,
};

void qf_pg_decoder_init(struct qf_pg_decoder *d, size_t max_message)
{
	*d = (struct qf_pg_decoder){ .max_message = max_message };
}

static void broken(struct qf_pg_event *ev, const char *sqlstate)
{
	ev->type = QF_PG_BROKEN;
	ev->sqlstate = sqlstate;
}

/* ---- startup packets [PG 55.7 StartupMessage] ---- */

/* Pairs of NUL-terminated strings, then one empty name, and nothing behind it. */
static bool startup_layout_ok(struct qf_slice body)
{
	struct qf_reader r = qf_reader(body);

	for (;;) {
		if (qf_read_cstr(&r).n == 0)
			return qf_reader_done(&r);
		qf_read_cstr(&r);
	}
}

static void decode_startup(struct qf_slice body, uint32_t version, struct qf_pg_event *ret)
{
	ret->version = version;
	if (version >> 16 != 3) {
		broken(ret, "0A000");
		qf_err_set(&ret->error, QF_EUNSUPPORTED,
			"unsupported frontend protocol %u.%u: server supports 3.0 to 3.2", version >> 16,
			version & 0xffff);
	} else if (!startup_layout_ok(body)) {
		broken(ret, "08P01");
		qf_err_set(&ret->error, QF_EMALFORMED,
			"invalid startup packet layout: expected terminator as last byte");
	} else {
		ret->type = QF_PG_STARTUP;
		ret->body = body;
	}
}

static void startup_length_error(uint32_t n, struct qf_pg_event *ret)
{
	broken(ret, "08P01");
	qf_err_set(&ret->error, QF_EMALFORMED, "invalid length of startup packet: %u", n);
}

static void decode_cancel(struct qf_reader *r, uint32_t length, struct qf_pg_event *ret)
{
	ret->pid = qf_read_u32(r);
	if (r->err || r->n < MIN_KEY || r->n > MAX_KEY) {
		startup_length_error(length, ret);
		return;
	}
	ret->type = QF_PG_CANCEL_REQUEST;
	ret->key = qf_read_bytes(r, r->n);
}

/* Each encryption request may be made once, and not any more after the other one: as PostgreSQL. */
static bool encryption_request(struct qf_pg_decoder *d, uint32_t code, size_t rest, struct qf_pg_event *ret)
{
	if (rest != 0)
		return false;
	if (code == CODE_SSL && !d->ssl_asked) {
		d->ssl_asked = true;
		ret->type = QF_PG_SSL_REQUEST;
		return true;
	}
	if (code == CODE_GSS && !d->gss_asked) {
		d->gss_asked = true;
		ret->type = QF_PG_GSS_REQUEST;
		return true;
	}
	return false;
}

static size_t decode_first(struct qf_pg_decoder *d, struct qf_slice in, struct qf_pg_event *ret)
{
	struct qf_reader r = qf_reader(in);
	uint32_t length = qf_read_u32(&r);

	if (r.err)
		return 0;
	if (length < LENGTH + 4 || length > LENGTH + QF_PG_MAX_STARTUP) {
		startup_length_error(length, ret);
		return 0;
	}
	ret->need = length;
	struct qf_reader body = qf_reader(qf_read_bytes(&r, length - LENGTH));

	if (r.err)
		return 0;
	uint32_t code = qf_read_u32(&body);

	if (code == CODE_CANCEL) {
		decode_cancel(&body, length, ret);
	} else if (!encryption_request(d, code, body.n, ret)) {
		decode_startup(qf_read_bytes(&body, body.n), code, ret);
		d->started = ret->type == QF_PG_STARTUP;
	}
	return length;
}

/* ---- messages [PG 55.7] ---- */

/* Statements and data may be long, the rest is names and numbers. 0: no such message from a client. */
static size_t kind_limit(const struct qf_pg_decoder *d, char kind)
{
	if (d->login)
		return kind == 'p' ? QF_PG_MAX_SMALL : 0;
	switch (kind) {
	case 'Q': /* Query */
	case 'P': /* Parse */
	case 'B': /* Bind */
	case 'F': /* FunctionCall */
	case 'd': /* CopyData */
		return QF_PG_MAX_LARGE;
	case 'C': /* Close */
	case 'D': /* Describe */
	case 'E': /* Execute */
	case 'H': /* Flush */
	case 'S': /* Sync */
	case 'X': /* Terminate */
	case 'c': /* CopyDone */
	case 'f': /* CopyFail */
		return QF_PG_MAX_SMALL;
	default:
		return 0;
	}
}

static void start_skip(struct qf_pg_decoder *d, char kind, uint32_t length)
{
	d->skip_kind = kind;
	d->skip_need = (size_t)length + 1;
	d->skip = d->skip_need;
}

static size_t skip_some(struct qf_pg_decoder *d, size_t n, struct qf_pg_event *ret)
{
	size_t used = n < d->skip ? n : (size_t)d->skip;

	d->skip -= used;
	if (d->skip > 0)
		return used;
	ret->type = QF_PG_TOO_LONG;
	ret->kind = d->skip_kind;
	ret->need = d->skip_need;
	return used;
}

static bool check_header(const struct qf_pg_decoder *d, char kind, uint32_t length, struct qf_pg_event *ret)
{
	size_t limit = kind_limit(d, kind);

	if (limit == 0 && d->login) {
		broken(ret, "08P01");
		qf_err_set(&ret->error, QF_EMALFORMED, "expected password response, got message type %u", (uint8_t)kind);
		return false;
	}
	if (limit == 0) {
		broken(ret, "08P01");
		qf_err_set(&ret->error, QF_EMALFORMED, "invalid frontend message type %u", (uint8_t)kind);
		return false;
	}
	if (length < LENGTH || length > limit) {
		broken(ret, "08P01");
		qf_err_set(&ret->error, QF_EMALFORMED, "invalid message length %u", length);
		return false;
	}
	return true;
}

static size_t decode_message(struct qf_pg_decoder *d, struct qf_slice in, struct qf_pg_event *ret)
{
	struct qf_reader r = qf_reader(in);

	if (d->skip > 0)
		return skip_some(d, in.n, ret);
	if (in.n < HEADER) {
		/* An impossible type byte is told without waiting for a length that may never come. */
		if (in.n > 0)
			check_header(d, (char)in.p[0], LENGTH, ret);
		return 0;
	}
	char kind = (char)qf_read_u8(&r);
	uint32_t length = qf_read_u32(&r);

	if (!check_header(d, kind, length, ret))
		return 0;
	if (length - LENGTH > d->max_message && kind_limit(d, kind) == QF_PG_MAX_LARGE) {
		start_skip(d, kind, length);
		return skip_some(d, in.n, ret);
	}
	ret->need = (size_t)length + 1;
	struct qf_slice body = qf_read_bytes(&r, length - LENGTH);

	if (r.err)
		return 0;
	ret->type = QF_PG_MESSAGE;
	ret->kind = kind;
	ret->body = body;
	return ret->need;
}

void qf_pg_decode(struct qf_pg_decoder *d, struct qf_slice in, size_t *ret_used, struct qf_pg_event *ret)
{
	*ret = (struct qf_pg_event){ .type = QF_PG_NEED_MORE };
	*ret_used = d->started ? decode_message(d, in, ret) : decode_first(d, in, ret);
}

void qf_pg_decoder_skip(struct qf_pg_decoder *d, struct qf_slice in)
{
	struct qf_reader r = qf_reader(in);
	char kind = (char)qf_read_u8(&r);
	uint32_t length = qf_read_u32(&r);

	qf_assert(d->started && d->skip == 0 && r.err == 0 && length >= LENGTH);
	start_skip(d, kind, length);
}

int qf_pg_read_string(struct qf_slice body, struct qf_slice *ret)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice text = qf_read_cstr(&r);

	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret = text;
	return 0;
}
