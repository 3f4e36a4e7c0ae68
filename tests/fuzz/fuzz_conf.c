/* A configuration file: whatever it holds, it loads or is refused with a place, and its id is stable. */
#include <stdlib.h>
#include <string.h>

#include "qf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qf_conf *c = NULL, *again = NULL;
	struct qf_err err;

	if (qf_conf_parse(&c, qf_slice(data, size), "fuzz", &err) != 0) {
		qf_assert(err.code == QF_ECONFIG && strncmp(err.text, "fuzz:", 5) == 0);
		return 0;
	}
	qf_assert(qf_conf_parse(&again, qf_slice(data, size), "fuzz", &err) == 0);
	qf_assert(again->id == c->id);
	qf_conf_free(again);
	qf_conf_free(c);
	return 0;
}
