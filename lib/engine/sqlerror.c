/* An error in the client's terms: see qf/engine.h. */
#include <stdio.h>
#include <string.h>

#include "qf/engine.h"
#include "qf/str.h"

void qf_sql_error_set(struct qf_sql_error *e, const char *sqlstate, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return;
	memset(e, 0, sizeof(*e));
	snprintf(e->sqlstate, sizeof(e->sqlstate), "%s", sqlstate);
	va_start(ap, fmt);
	int n = vsnprintf(e->message, sizeof(e->message), fmt, ap);
	va_end(ap);
	/* A text that was cut must not end inside a character: the client's protocol promises valid UTF-8. */
	if (n >= (int)sizeof(e->message))
		e->message[qf_utf8_cut(qf_slice_str(e->message))] = '\0';
}
