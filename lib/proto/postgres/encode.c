/* What the server sends. See qf/proto/postgres.h; message layouts are [PG 55.7]. */
#include <stdlib.h>
#include <string.h>

#include "qf/proto/postgres.h"

static size_t begin(struct qf_buf *out, char kind)
{
	qf_buf_u8(out, (uint8_t)kind);
	qf_buf_u32(out, 0);
	return out->n - 4;
}

void qf_pg_end_message(struct qf_buf *out, size_t at)
{
	qf_buf_put_u32_at(out, at, (uint32_t)(out->n - at));
}

static void put_cstr(struct qf_buf *out, const char *s)
{
	qf_buf_add(out, s, strlen(s) + 1);
}

void qf_pg_put_mark(struct qf_buf *out, char kind)
{
	qf_pg_end_message(out, begin(out, kind));
}

void qf_pg_put_parameter_description(struct qf_buf *out, const uint32_t *oids, uint16_t n)
{
	size_t at = begin(out, 't');

	qf_buf_u16(out, n);
	for (uint16_t i = 0; i < n; i++)
		qf_buf_u32(out, oids[i]);
	qf_pg_end_message(out, at);
}

void qf_pg_put_ssl_no(struct qf_buf *out)
{
	qf_buf_u8(out, 'N');
}

void qf_pg_put_ssl_yes(struct qf_buf *out)
{
	qf_buf_u8(out, 'S');
}

void qf_pg_put_auth_ok(struct qf_buf *out)
{
	size_t at = begin(out, 'R');

	qf_buf_u32(out, 0);
	qf_pg_end_message(out, at);
}

void qf_pg_put_auth(struct qf_buf *out, enum qf_pg_auth what, struct qf_slice data)
{
	size_t at = begin(out, 'R');

	qf_buf_u32(out, what);
	qf_buf_add_slice(out, data);
	qf_pg_end_message(out, at);
}

void qf_pg_put_parameter_status(struct qf_buf *out, const char *name, const char *value)
{
	size_t at = begin(out, 'S');

	put_cstr(out, name);
	put_cstr(out, value);
	qf_pg_end_message(out, at);
}

void qf_pg_put_backend_key_data(struct qf_buf *out, uint32_t pid, struct qf_slice key)
{
	size_t at = begin(out, 'K');

	qf_buf_u32(out, pid);
	qf_buf_add_slice(out, key);
	qf_pg_end_message(out, at);
}

void qf_pg_put_negotiate_version(struct qf_buf *out, uint32_t version, struct qf_slice options, uint32_t n_options)
{
	size_t at = begin(out, 'v');

	qf_buf_u32(out, version);
	qf_buf_u32(out, n_options);
	qf_buf_add_slice(out, options);
	qf_pg_end_message(out, at);
}

void qf_pg_put_ready(struct qf_buf *out, char transaction_status)
{
	size_t at = begin(out, 'Z');

	qf_buf_u8(out, (uint8_t)transaction_status);
	qf_pg_end_message(out, at);
}

void qf_pg_put_command_complete(struct qf_buf *out, const char *tag)
{
	size_t at = begin(out, 'C');

	put_cstr(out, tag);
	qf_pg_end_message(out, at);
}

void qf_pg_put_empty_query(struct qf_buf *out)
{
	qf_pg_end_message(out, begin(out, 'I'));
}

static void put_field(struct qf_buf *out, char code, const char *text)
{
	if (!text || !*text)
		return;
	qf_buf_u8(out, (uint8_t)code);
	put_cstr(out, text);
}

static void put_fields(struct qf_buf *out, char kind, const struct qf_pg_fields *f)
{
	size_t at = begin(out, kind);

	put_field(out, 'S', f->severity);
	put_field(out, 'V', f->severity);
	put_field(out, 'C', f->sqlstate);
	/* S, V, C and M are always there: clients read them without asking. */
	qf_buf_u8(out, 'M');
	put_cstr(out, f->message ? f->message : "");
	put_field(out, 'D', f->detail);
	put_field(out, 'H', f->hint);
	if (f->position > 0) {
		qf_buf_printf(out, "P%u", f->position);
		qf_buf_u8(out, 0);
	}
	qf_buf_u8(out, 0);
	qf_pg_end_message(out, at);
}

void qf_pg_put_error(struct qf_buf *out, const struct qf_pg_fields *f)
{
	put_fields(out, 'E', f);
}

void qf_pg_put_notice(struct qf_buf *out, const struct qf_pg_fields *f)
{
	put_fields(out, 'N', f);
}

/* A field that is not text to its NUL ends the list: what stands before it is told. */
void qf_pg_put_report(struct qf_buf *out, char kind, struct qf_slice body, uint32_t shift)
{
	struct qf_reader r = qf_reader(body);
	size_t at = begin(out, kind);

	for (uint8_t code = qf_read_u8(&r); code; code = qf_read_u8(&r)) {
		struct qf_slice text = qf_read_cstr(&r);

		if (r.err)
			break;
		qf_buf_u8(out, code);
		if (code == 'P' && text.n < 10)
			qf_buf_printf(out, "%llu", strtoull((const char *)text.p, NULL, 10) + shift);
		else
			qf_buf_add_slice(out, text);
		qf_buf_u8(out, 0);
	}
	qf_buf_u8(out, 0);
	qf_pg_end_message(out, at);
}

void qf_pg_put_error_v2(struct qf_buf *out, const struct qf_pg_fields *f)
{
	qf_buf_printf(out, "E%s:  %s\n", f->severity, f->message);
	qf_buf_u8(out, 0);
}

size_t qf_pg_begin_row_description(struct qf_buf *out, uint16_t columns)
{
	size_t at = begin(out, 'T');

	qf_buf_u16(out, columns);
	return at;
}

void qf_pg_add_column(struct qf_buf *out, const char *name, uint32_t oid, int16_t len, int32_t mod)
{
	put_cstr(out, name);
	qf_buf_u32(out, 0); /* no table */
	qf_buf_u16(out, 0); /* no attribute number */
	qf_buf_u32(out, oid);
	qf_buf_u16(out, (uint16_t)len);
	qf_buf_u32(out, (uint32_t)mod);
	qf_buf_u16(out, 0); /* text */
}

void qf_pg_set_formats(uint8_t *message, size_t n, const uint16_t *formats, size_t n_formats)
{
	struct qf_slice body = qf_slice(message + 5, n - 5);
	struct qf_pg_column c;
	uint16_t columns;
	struct qf_reader r = qf_pg_columns(body, &columns);

	for (size_t i = 0; qf_pg_column_next(&r, body, &c); i++) {
		uint16_t f = n_formats == 1 ? formats[0] : i < n_formats ? formats[i] : 0;

		message[5 + c.format_at] = (uint8_t)(f >> 8);
		message[5 + c.format_at + 1] = (uint8_t)f;
	}
}

void qf_pg_put_text_row(struct qf_buf *out, const char *const *values, uint16_t n)
{
	size_t at = begin(out, 'D');

	qf_buf_u16(out, n);
	for (uint16_t i = 0; i < n; i++) {
		if (!values[i]) {
			qf_buf_u32(out, UINT32_MAX);
			continue;
		}
		size_t len = strlen(values[i]);

		qf_buf_u32(out, (uint32_t)len);
		qf_buf_add(out, values[i], len);
	}
	qf_pg_end_message(out, at);
}
