/* Messages of PostgreSQL clients behind the startup packet. */
#include "pg_cut.h"

static void note_event(struct qf_buf *trace, const struct qf_pg_event *ev)
{
	struct qf_slice text = QF_SLICE_NONE;

	qf_buf_u8(trace, (uint8_t)ev->kind);
	qf_buf_u64(trace, ev->need);
	note(trace, ev->body);
	if (ev->type == QF_PG_MESSAGE && qf_pg_read_string(ev->body, &text) == 0 && text.n + 1 != ev->body.n)
		abort();
	if (ev->type == QF_PG_BROKEN)
		note(trace, qf_slice_str(ev->error.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		compare_cuts(data, size, true);
	return 0;
}
