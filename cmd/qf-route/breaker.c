#include "breaker.h"

#include <string.h>

#include "qf/clock.h"

static const uint64_t within_ns = 10 * QF_SEC, rest_ns = 5 * QF_SEC;

bool qf_breaker_allows(struct qf_breaker *b, uint64_t now_ns)
{
	if (b->state == QF_BREAKER_OPEN && now_ns >= b->until_ns) {
		b->state = QF_BREAKER_TESTING;
		return true;
	}
	return b->state == QF_BREAKER_CLOSED;
}

/* Questions asked before it opened may still be answered: only the test closes it. */
void qf_breaker_good(struct qf_breaker *b)
{
	if (b->state == QF_BREAKER_TESTING)
		*b = (struct qf_breaker){ 0 };
}

static bool open_now(struct qf_breaker *b, uint64_t now_ns)
{
	memset(b->failed_ns, 0, sizeof(b->failed_ns));
	b->state = QF_BREAKER_OPEN;
	b->until_ns = now_ns + rest_ns;
	return true;
}

bool qf_breaker_bad(struct qf_breaker *b, uint64_t now_ns)
{
	uint64_t oldest;

	if (b->state == QF_BREAKER_TESTING)
		return open_now(b, now_ns);
	if (b->state == QF_BREAKER_OPEN)
		return false;
	b->failed_ns[b->next] = now_ns;
	b->next = (b->next + 1) % QF_BREAKER_FAILURES;
	oldest = b->failed_ns[b->next];
	return oldest > 0 && now_ns - oldest <= within_ns && open_now(b, now_ns);
}

void qf_breaker_unknown(struct qf_breaker *b, uint64_t now_ns)
{
	if (b->state != QF_BREAKER_TESTING)
		return;
	b->state = QF_BREAKER_OPEN;
	b->until_ns = now_ns;
}
