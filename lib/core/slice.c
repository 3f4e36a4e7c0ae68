/* Borrowed bytes: see qf/buf.h. */
#include <string.h>
#include <strings.h>

#include "qf/buf.h"

struct qf_slice qf_slice(const void *p, size_t n)
{
	return (struct qf_slice){ .p = p, .n = n };
}

struct qf_slice qf_slice_str(const char *s)
{
	return qf_slice(s, s ? strlen(s) : 0);
}

bool qf_slice_eq(struct qf_slice a, struct qf_slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool qf_slice_eq_str(struct qf_slice a, const char *s)
{
	return qf_slice_eq(a, qf_slice_str(s));
}

/* Not tolower(): that one follows the locale. */
static uint8_t fold(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c | 0x20) : c;
}

bool qf_slice_caseeq_str(struct qf_slice a, const char *s)
{
	struct qf_slice b = qf_slice_str(s);

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (fold(a.p[i]) != fold(b.p[i]))
			return false;
	return true;
}

char *qf_slice_dup(struct qf_slice s)
{
	qf_assert(s.n < SIZE_MAX);
	char *p = qf_xmalloc(s.n + 1);

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = 0;
	return p;
}
