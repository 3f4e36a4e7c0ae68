/* A PROXY header: cut anywhere it says the same as whole, and asks for no more than its limit. */
#include <stdlib.h>
#include <string.h>

#include "qf/proto/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct qf_proxy_client whole, cut;
	size_t need = 0, last = 0;
	int rc = qf_proxy_read(qf_slice(data, n), &need, &whole, NULL);

	if (rc == 0 && need > QF_PROXY_MAX)
		abort();
	for (size_t i = 0; i <= n && i <= QF_PROXY_MAX; i++) {
		int r = qf_proxy_read(qf_slice(data, i), &last, &cut, NULL);

		if (r < 0 && rc == 0)
			abort();
		if (r < 0)
			return 0;
		if (last <= i) {
			if (rc < 0 || last != need || memcmp(&cut, &whole, sizeof(cut)) != 0)
				abort();
			return 0;
		}
	}
	if (n <= QF_PROXY_MAX && rc < 0)
		abort();
	return 0;
}
