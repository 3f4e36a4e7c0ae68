/* Bus messages from hostile bytes: decoding and every getter stay inside them. */
#include "qf/msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_slice v, name, value;
	struct qf_field_iter it;
	struct qf_arena *a;
	enum qf_field tag;
	struct qf_msg m, row;
	struct qf_reader rows;
	struct qf_bind bind;
	size_t sum = 0;

	if (qf_msg_decode(&m, qf_slice(data, size), NULL) < 0)
		return 0;
	a = qf_arena_new(1 << 20);
	it = qf_fields(&m);
	while (qf_field_next(&it, &tag, &v)) {
		sum += v.n;
		if (qf_pair(v, &name, &value))
			sum -= value.n <= v.n ? 0 : 1;
	}
	qf_assert(sum <= size);
	for (int f = 1; f < QF_F_N; f++) {
		(void)qf_get_u8(&m, (enum qf_field)f);
		(void)qf_get_u64(&m, (enum qf_field)f);
		(void)qf_get_str(&m, (enum qf_field)f, a);
	}
	(void)!qf_bind_get(&bind, &m, a, NULL);
	qf_arena_free(a);
	rows = qf_reader(m.payload);
	while (qf_row_next(&rows, &row))
		sum += row.body.n;
	return 0;
}
