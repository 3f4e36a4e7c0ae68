/* The parameters of a startup packet. See qf/proto/postgres.h. */
#include <string.h>

#include "qf/proto/postgres.h"

bool qf_pg_startup_next(struct qf_reader *r, struct qf_slice *ret_name, struct qf_slice *ret_value)
{
	struct qf_slice name = qf_read_cstr(r);

	if (name.n == 0)
		return false;
	*ret_name = name;
	*ret_value = qf_read_cstr(r);
	return true;
}

int qf_pg_read_sasl(struct qf_slice body, struct qf_slice *ret_mechanism, struct qf_slice *ret_data)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice mechanism = qf_read_cstr(&r);
	uint32_t n = qf_read_u32(&r);
	struct qf_slice data = n == UINT32_MAX ? QF_SLICE_NONE : qf_read_bytes(&r, n);

	if (!qf_reader_done(&r))
		return QF_EMALFORMED;
	*ret_mechanism = mechanism;
	*ret_data = data;
	return 0;
}

static bool is_space(uint8_t c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

bool qf_pg_options_next(struct qf_reader *r, struct qf_buf *word)
{
	while (r->n > 0 && is_space(*r->p))
		qf_read_u8(r);
	if (r->n == 0)
		return false;
	while (r->n > 0 && !is_space(*r->p)) {
		uint8_t c = qf_read_u8(r);

		if (c == '\\' && r->n > 0)
			c = qf_read_u8(r);
		qf_buf_u8(word, c);
	}
	return true;
}
