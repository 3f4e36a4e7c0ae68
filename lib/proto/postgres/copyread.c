/* Rows as COPY FROM reads them. See qf/copydata.h and copyread.h. */
#include "copyread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int copy_fail(struct qf_copy_error *e, const char *sqlstate, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", sqlstate);
	snprintf(e->hint, sizeof(e->hint), "%s", hint ? hint : "");
	return -EINVAL;
}

/* ---- binary ---- */

static const char signature[11] = "PGCOPY\n\377\r\n";

enum { HEAD = sizeof(signature) + 8, WITH_OIDS = 1 << 16 };

static int read_head(struct qf_copy_reader *r, struct qf_copy_error *e)
{
	struct qf_reader in = qf_reader(qf_buf_slice(&r->in));

	if (in.n < HEAD && !r->closed)
		return 0;
	if (in.n < sizeof(signature) || memcmp(in.p, signature, sizeof(signature)) != 0)
		return copy_fail(e, "22P04", NULL, "COPY file signature not recognized");
	(void)qf_read_bytes(&in, sizeof(signature));
	uint32_t flags = qf_read_u32(&in);

	if (in.err)
		return copy_fail(e, "22P04", NULL, "invalid COPY file header (missing flags)");
	if (flags & WITH_OIDS)
		return copy_fail(e, "22P04", NULL, "invalid COPY file header (WITH OIDS)");
	if (flags >> 16)
		return copy_fail(e, "22P04", NULL, "unrecognized critical flags in COPY file header");
	uint32_t length = qf_read_u32(&in);

	if (in.err || length > INT32_MAX)
		return copy_fail(e, "22P04", NULL, "invalid COPY file header (missing length)");
	if (length > COPY_ROW_MAX)
		return copy_fail(e, "54000", NULL, "the header of COPY is longer than %d MiB", COPY_ROW_MAX >> 20);
	if (length > in.n)
		return r->closed ? copy_fail(e, "22P04", NULL, "invalid COPY file header (wrong length)") : 0;
	r->taken = HEAD + length;
	r->begun = true;
	return 1;
}

static int not_whole(const struct qf_copy_reader *r, struct qf_copy_error *e)
{
	if (r->closed)
		return copy_fail(e, "22P04", NULL, "unexpected EOF in COPY data");
	if (r->in.n > COPY_ROW_MAX)
		return copy_fail(e, "54000", NULL, "a row of COPY is longer than %d MiB", COPY_ROW_MAX >> 20);
	return 0;
}

static int read_values(struct qf_copy_reader *r, struct qf_reader *in, struct qf_value *ret, struct qf_copy_error *e)
{
	for (size_t i = 0; i < r->n; i++) {
		uint32_t length = qf_read_u32(in);

		if (in->err)
			return not_whole(r, e);
		ret[i] = (struct qf_value){ .binary = true };
		if (length == UINT32_MAX)
			continue;
		if (length > INT32_MAX)
			return copy_fail(e, "22P04", NULL, "invalid field size");
		if (length > in->n)
			return not_whole(r, e);
		ret[i].p = in->p;
		ret[i].n = length;
		(void)qf_read_bytes(in, length);
	}
	return 1;
}

static void consume(struct qf_copy_reader *r)
{
	qf_buf_consume(&r->in, r->taken);
	r->taken = 0;
}

int copy_binary(struct qf_copy_reader *r, struct qf_value *ret, struct qf_copy_error *e)
{
	int got = r->begun ? 1 : read_head(r, e);

	if (got <= 0)
		return got;
	consume(r);
	struct qf_reader in = qf_reader(qf_buf_slice(&r->in));

	if (in.n < 2)
		return 0; /* without its end it is over as well */
	r->line++;
	uint16_t n = qf_read_u16(&in);

	if (n == UINT16_MAX) {
		r->ended = true;
		return in.n == 0 ? 0 : copy_fail(e, "22P04", NULL, "received copy data after EOF marker");
	}
	if (n != r->n)
		return copy_fail(e, "22P04", NULL, "row field count is %d, expected %zu", (int16_t)n, r->n);
	got = read_values(r, &in, ret, e);
	if (got > 0)
		r->taken = r->in.n - in.n;
	else
		r->line--;
	return got;
}

/* ---- all ---- */

static bool *find_forced(const struct qf_copy_reader *r, const struct qf_names *names)
{
	bool *found = qf_xcalloc(r->n + 1, sizeof(*found));

	for (size_t i = 0; i < r->n; i++)
		for (size_t k = 0; k < names->n; k++)
			found[i] |= strcmp(r->names[i], names->v[k]) == 0;
	return found;
}

struct qf_copy_reader *qf_copy_reader_new(const struct qf_copy_format *f, const char *const *names, size_t n)
{
	struct qf_copy_reader *r = qf_xcalloc(1, sizeof(*r));

	r->f = f;
	r->names = names;
	r->n = n;
	r->force_null = find_forced(r, &f->force_null);
	r->force_not_null = find_forced(r, &f->force_not_null);
	r->begun = f->header == QF_COPY_HEADER_NONE && f->kind != QF_COPY_BINARY;
	return r;
}

struct qf_copy_reader *qf_copy_reader_free(struct qf_copy_reader *r)
{
	if (!r)
		return NULL;
	qf_buf_fini(&r->in);
	qf_buf_fini(&r->plain);
	free(r->force_null);
	free(r->force_not_null);
	free(r);
	return NULL;
}

void qf_copy_feed(struct qf_copy_reader *r, struct qf_slice bytes)
{
	bool ignored = r->ended && r->f->kind != QF_COPY_BINARY; /* what stands behind \. */

	if (!ignored && !r->closed)
		qf_buf_add_slice(&r->in, bytes);
}

void qf_copy_close(struct qf_copy_reader *r)
{
	r->closed = true;
}

int qf_copy_next(struct qf_copy_reader *r, struct qf_value *ret, struct qf_copy_error *reterr)
{
	struct qf_slice line;

	if (r->f->kind == QF_COPY_BINARY && r->ended)
		return r->in.n == 2 ? 0 : copy_fail(reterr, "22P04", NULL, "received copy data after EOF marker");
	consume(r);
	if (r->f->kind == QF_COPY_BINARY)
		return copy_binary(r, ret, reterr);
	for (;;) {
		if (r->ended)
			return 0;
		int got = copy_line(r, &line, &r->taken, reterr);

		if (got <= 0)
			return got;
		if (r->begun)
			return copy_fields(r, line, ret, reterr) < 0 ? -EINVAL : 1;
		if (copy_header(r, line, reterr) < 0)
			return -EINVAL;
		r->begun = true;
		consume(r);
	}
}

uint64_t qf_copy_line(const struct qf_copy_reader *r)
{
	return r->line;
}
