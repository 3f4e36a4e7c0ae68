/* What a client sends. See qf/proto/postgres.h; message layouts are [PG 55.7]. */
#include <string.h>

#include "qf/proto/postgres.h"

static size_t begin(struct qf_buf *out, char kind)
{
	qf_buf_u8(out, (uint8_t)kind);
	qf_buf_u32(out, 0);
	return out->n - 4;
}

static void put_cstr(struct qf_buf *out, const char *s)
{
	qf_buf_add(out, s, strlen(s) + 1);
}

static void put_text(struct qf_buf *out, struct qf_slice s)
{
	qf_buf_add_slice(out, s);
	qf_buf_u8(out, 0);
}

void qf_pg_put_query(struct qf_buf *out, struct qf_slice sql)
{
	size_t at = begin(out, 'Q');

	put_text(out, sql);
	qf_pg_end_message(out, at);
}

void qf_pg_put_parse(struct qf_buf *out, const char *name, struct qf_slice sql, const uint32_t *oids, uint16_t n_oids)
{
	size_t at = begin(out, 'P');

	put_cstr(out, name);
	put_text(out, sql);
	qf_buf_u16(out, n_oids);
	for (uint16_t i = 0; i < n_oids; i++)
		qf_buf_u32(out, oids[i]);
	qf_pg_end_message(out, at);
}

size_t qf_pg_begin_bind(struct qf_buf *out, const char *portal, const char *statement, const uint16_t *param_formats,
			uint16_t n_params)
{
	size_t at = begin(out, 'B');

	put_cstr(out, portal);
	put_cstr(out, statement);
	qf_buf_u16(out, param_formats ? n_params : 0);
	for (uint16_t i = 0; param_formats && i < n_params; i++)
		qf_buf_u16(out, param_formats[i]);
	qf_buf_u16(out, n_params);
	return at;
}

void qf_pg_add_value(struct qf_buf *out, const void *p, uint32_t n)
{
	qf_buf_u32(out, p ? n : UINT32_MAX);
	if (p)
		qf_buf_add(out, p, n);
}

void qf_pg_end_bind(struct qf_buf *out, size_t begun, const uint16_t *formats, uint16_t n_formats)
{
	qf_buf_u16(out, n_formats);
	for (uint16_t i = 0; i < n_formats; i++)
		qf_buf_u16(out, formats[i]);
	qf_pg_end_message(out, begun);
}

static void put_named(struct qf_buf *out, char kind, char what, const char *name)
{
	size_t at = begin(out, kind);

	qf_buf_u8(out, (uint8_t)what);
	put_cstr(out, name);
	qf_pg_end_message(out, at);
}

void qf_pg_put_describe(struct qf_buf *out, char what, const char *name)
{
	put_named(out, 'D', what, name);
}

void qf_pg_put_close(struct qf_buf *out, char what, const char *name)
{
	put_named(out, 'C', what, name);
}

void qf_pg_put_execute(struct qf_buf *out, const char *portal, uint32_t max_rows)
{
	size_t at = begin(out, 'E');

	put_cstr(out, portal);
	qf_buf_u32(out, max_rows);
	qf_pg_end_message(out, at);
}

void qf_pg_put_sync(struct qf_buf *out)
{
	qf_pg_end_message(out, begin(out, 'S'));
}

void qf_pg_put_flush(struct qf_buf *out)
{
	qf_pg_end_message(out, begin(out, 'H'));
}

void qf_pg_put_copy_fail(struct qf_buf *out, const char *why)
{
	size_t at = begin(out, 'f');

	put_cstr(out, why);
	qf_pg_end_message(out, at);
}

void qf_pg_put_terminate(struct qf_buf *out)
{
	qf_pg_end_message(out, begin(out, 'X'));
}
