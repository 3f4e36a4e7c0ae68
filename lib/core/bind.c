/* See bind.h. */
#include "qf/bind.h"

const struct qf_bind qf_bind_plain = { .encodings = QF_ENC_BIT(QF_ENC_ARROW) };

bool qf_bind_binary(const struct qf_bind *b, size_t i)
{
	if (b->n_formats == 1)
		return b->formats[0] == 1;
	return i < b->n_formats && b->formats[i] == 1;
}

uint32_t qf_bind_type(const struct qf_bind *b, size_t i)
{
	return i < b->n_types ? b->types[i] : 0;
}
