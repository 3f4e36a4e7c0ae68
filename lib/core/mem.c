/* Memory that is there or the process ends with one line: see qf/buf.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "qf/buf.h"
#include "qf/log.h"

/* No core file: it would be as large as the memory that ran out, and would say nothing more. */
static _Noreturn void die(size_t n)
{
	qf_log(QF_LOG_ERROR, "out of memory: %zu bytes asked for", n);
	_exit(EX_OSERR);
}

void *qf_xmalloc(size_t n)
{
	void *p = malloc(n ? n : 1);

	if (!p)
		die(n);
	return p;
}

void *qf_xcalloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		die(size && n > SIZE_MAX / size ? SIZE_MAX : n * size);
	return p;
}

void *qf_xrealloc(void *p, size_t n)
{
	p = realloc(p, n ? n : 1);
	if (!p)
		die(n);
	return p;
}

char *qf_xstrdup(const char *s)
{
	size_t n = strlen(s) + 1;

	return memcpy(qf_xmalloc(n), s, n);
}

char *qf_xasprintf(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&s, fmt, ap);
	va_end(ap);
	if (n < 0)
		die(0);
	return s;
}
