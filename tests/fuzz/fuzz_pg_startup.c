/* Startup packets of PostgreSQL clients, with what follows them. */
#include "pg_cut.h"

static void note_parameters(struct qf_buf *trace, struct qf_slice body)
{
	struct qf_reader r = qf_reader(body);
	struct qf_slice name, value;
	struct qf_buf word = { 0 };

	while (qf_pg_startup_next(&r, &name, &value)) {
		struct qf_reader options = qf_reader(value);

		note(trace, name);
		while (qf_pg_options_next(&options, &word)) {
			note(trace, qf_buf_slice(&word));
			qf_buf_clear(&word);
		}
	}
	if (!qf_reader_done(&r))
		abort(); /* the decoder promised a whole packet */
	qf_buf_fini(&word);
}

static void note_event(struct qf_buf *trace, const struct qf_pg_event *ev)
{
	qf_buf_u32(trace, ev->version);
	qf_buf_u32(trace, ev->pid);
	note(trace, ev->key);
	if (ev->type == QF_PG_STARTUP)
		note_parameters(trace, ev->body);
	if (ev->type == QF_PG_BROKEN)
		note(trace, qf_slice_str(ev->error.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0)
		compare_cuts(data, size, false);
	return 0;
}
