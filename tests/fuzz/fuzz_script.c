/* Answers of a script worker from hostile bytes: what is taken is whole, bounded, valid text. */
#include "../../cmd/qf-route/script_frame.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_conf_router r = { .script_deadline_ns = 50 * QF_MS };
	struct qf_script_answer a = { 0 };
	struct qf_buf out = { 0 };

	if (qf_script_read_answer(qf_slice(data, size), &a)) {
		qf_assert(a.text.n <= QF_SCRIPT_TEXT_MAX && a.printed.n <= QF_SCRIPT_TEXT_MAX);
		qf_assert(qf_utf8_valid(a.text) && qf_utf8_valid(a.printed));
		qf_assert(a.outcome == QF_SCRIPT_NONE || a.text.n > 0);
		qf_script_describe(&out, &a, &r);
		for (size_t i = 0; i < out.n; i++)
			qf_assert(out.p[i] >= ' ' && out.p[i] != 0x7f);
	}
	qf_buf_fini(&out);
	return 0;
}
