/* Bodies of the extended protocol, as a client sends them. See qf/proto/postgres.h; layouts are [PG 55.7]. */
#include "qf/proto/postgres.h"

static struct qf_reader list(struct qf_reader *r, size_t n, size_t size)
{
	return qf_reader(qf_read_bytes(r, n * size));
}

int qf_pg_read_parse(struct qf_slice body, struct qf_pg_parse *ret)
{
	struct qf_reader r = qf_reader(body);
	struct qf_pg_parse p;

	p.name = qf_read_cstr(&r);
	p.text = qf_read_cstr(&r);
	p.n_types = qf_read_u16(&r);
	p.types = list(&r, p.n_types, 4);
	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret = p;
	return 0;
}

/* The values end to end, each checked to be there. */
static struct qf_reader values(struct qf_reader *r, uint16_t n)
{
	struct qf_reader start = *r;

	for (uint16_t i = 0; i < n && !r->err; i++)
		(void)qf_pg_read_value(r);
	start.n -= r->n;
	return start;
}

int qf_pg_read_bind(struct qf_slice body, struct qf_pg_bind *ret)
{
	struct qf_reader r = qf_reader(body);
	struct qf_pg_bind b;

	b.portal = qf_read_cstr(&r);
	b.statement = qf_read_cstr(&r);
	b.n_param_formats = qf_read_u16(&r);
	b.param_formats = list(&r, b.n_param_formats, 2);
	b.n_values = qf_read_u16(&r);
	b.values = values(&r, b.n_values);
	b.n_formats = qf_read_u16(&r);
	b.formats = list(&r, b.n_formats, 2);
	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret = b;
	return 0;
}

int qf_pg_read_target(struct qf_slice body, char *ret_kind, struct qf_slice *ret_name)
{
	struct qf_reader r = qf_reader(body);
	char kind = (char)qf_read_u8(&r);
	struct qf_slice name = qf_read_cstr(&r);

	if (!qf_reader_done(&r) || (kind != 'S' && kind != 'P'))
		return QF_EMALFORMED;
	*ret_kind = kind;
	*ret_name = name;
	return 0;
}

int qf_pg_read_execute(struct qf_slice body, struct qf_slice *ret_portal, uint32_t *ret_max_rows)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice portal = qf_read_cstr(&r);
	uint32_t max_rows = qf_read_u32(&r);

	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret_portal = portal;
	*ret_max_rows = max_rows > INT32_MAX ? 0 : max_rows;
	return 0;
}
