/* Messages of PostgreSQL clients behind the startup packet. */
#include "pg_cut.h"

static void note_reader(struct qf_buf *trace, struct qf_reader r)
{
	note(trace, qf_slice(r.p, r.n));
}

/* Each body as every message that it could be: what is said to be there is there. */
static void note_body(struct qf_buf *trace, struct qf_slice body)
{
	struct qf_pg_parse p;
	struct qf_pg_bind b;
	struct qf_slice name;
	uint32_t max_rows;
	char kind;

	if (qf_pg_read_parse(body, &p) == 0) {
		note(trace, p.name);
		note(trace, p.text);
		if (p.types.n != 4u * p.n_types)
			abort();
	}
	if (qf_pg_read_bind(body, &b) == 0) {
		note(trace, b.portal);
		note(trace, b.statement);
		note_reader(trace, b.values);
		for (uint16_t i = 0; i < b.n_values; i++)
			note(trace, qf_pg_read_value(&b.values));
		if (b.param_formats.n != 2u * b.n_param_formats || b.formats.n != 2u * b.n_formats || !qf_reader_done(&b.values))
			abort();
	}
	if (qf_pg_read_target(body, &kind, &name) == 0)
		note(trace, name);
	if (qf_pg_read_execute(body, &name, &max_rows) == 0)
		note(trace, name);
}

static void note_event(struct qf_buf *trace, const struct qf_pg_event *ev)
{
	struct qf_slice text = QF_SLICE_NONE;

	qf_buf_u8(trace, (uint8_t)ev->kind);
	qf_buf_u64(trace, ev->need);
	note(trace, ev->body);
	if (ev->type == QF_PG_MESSAGE && qf_pg_read_string(ev->body, &text) == 0 && text.n + 1 != ev->body.n)
		abort();
	if (ev->type == QF_PG_MESSAGE)
		note_body(trace, ev->body);
	if (ev->type == QF_PG_BROKEN)
		note(trace, qf_slice_str(ev->error.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		compare_cuts(data, size, true);
	return 0;
}
