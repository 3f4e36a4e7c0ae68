#include "private.h"

void qf_ring_row(struct qf_buf *out, const char *side, const char *state, const char *event, const char *guard,
		 const char *next, const char *const *actions, size_t n_actions, unsigned acts)
{
	qf_buf_printf(out, "%s %s %s", side, state, event);
	if (*guard)
		qf_buf_printf(out, " [%s]", guard);
	qf_buf_printf(out, " -> %s", next);
	for (size_t i = 0; i < n_actions; i++)
		if (acts & 1u << i)
			qf_buf_printf(out, " %s", actions[i]);
	qf_buf_add_str(out, "\n");
}

void qf_ring_dump(struct qf_buf *out)
{
	qf_ring_dump_listener(out);
	qf_ring_dump_dispatch(out);
}
