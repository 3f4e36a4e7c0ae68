/* Error text: see qf/err.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/err.h"
#include "qf/log.h"
#include "qf/str.h"

/* A text that was cut may end inside a character; clients refuse messages that are not UTF-8. */
static void fill(char *to, size_t size, const char *from, size_t full)
{
	memcpy(to, from, size);
	to[size - 1] = 0;
	if (full >= size)
		to[qf_utf8_cut(qf_slice(to, size - 1))] = 0;
}

/* Both format into a local buffer first: the arguments may point into e->text. */
int qf_err_set(struct qf_err *e, int code, const char *fmt, ...)
{
	char text[sizeof(e->text)] = { 0 };
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	int full = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fill(e->text, sizeof(text), text, full < 0 ? 0 : (size_t)full);
	e->code = code;
	return code;
}

void qf_err_prefix(struct qf_err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)] = { 0 };
	va_list ap;

	if (!e)
		return;
	va_start(ap, fmt);
	int full = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	size_t n = full < 0 ? 0 : (size_t)full;

	if (n < sizeof(text))
		n += (size_t)snprintf(text + n, sizeof(text) - n, ": %s", e->text);
	fill(e->text, sizeof(text), text, n);
}

const char *qf_strerror(int code)
{
	switch (code) {
	case QF_EMALFORMED:
		return "malformed data";
	case QF_ELIMIT:
		return "limit exceeded";
	case QF_ECONFIG:
		return "configuration error";
	case QF_EUNSUPPORTED:
		return "not supported";
	case QF_EREFUSED:
		return "refused";
	case QF_ECLOSED:
		return "connection closed";
	default:
		break;
	}
	/* Not strerror(): that one may share a buffer between threads. */
	const char *text = code <= 0 && code > QF_EMALFORMED ? strerrordesc_np(-code) : NULL;

	return text ? text : "unknown error";
}

_Noreturn void qf_assert_fail(const char *expr, const char *file, int line)
{
	qf_log(QF_LOG_ERROR, "assertion failed: %s at %s:%d", expr, file, line);
	abort();
}
