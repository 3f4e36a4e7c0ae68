/* Errors, notices and small results as messages. See session.h. */
#include <string.h>
#include <strings.h>

#include "session.h"

enum { OID_TEXT = 25 };

void pg_reply_error(struct qf_buf *out, const char *severity, const struct qf_sql_error *e)
{
	struct qf_pg_fields f = {
		.severity = severity,
		.sqlstate = *e->sqlstate ? e->sqlstate : "XX000",
		.message = e->message,
		.detail = e->detail,
		.hint = e->hint,
		.position = e->position,
	};

	qf_pg_put_error(out, &f);
}

/* The order of client_min_messages; what is not listed there is above all of it. */
static int rank(const char *severity)
{
	static const char *const order[] = { "debug", "log", "notice", "warning", "error" };

	if (strncasecmp(severity, "debug", 5) == 0)
		return 0;
	for (int i = 0; i < 5; i++)
		if (strcasecmp(severity, order[i]) == 0)
			return i;
	return 2; /* INFO is shown like NOTICE */
}

void pg_reply_notice(struct pg_session *s, const char *severity, const char *sqlstate, const char *text)
{
	struct qf_pg_fields f = { .severity = severity, .sqlstate = sqlstate, .message = text };

	if (rank(severity) < rank(pg_settings_get(&s->settings, PG_CLIENT_MIN_MESSAGES)))
		return;
	qf_pg_put_notice(&s->conn.out, &f);
}

void pg_reply_text_columns(struct qf_buf *out, const char *const *names, uint16_t n)
{
	size_t at = qf_pg_begin_row_description(out, n);

	for (uint16_t i = 0; i < n; i++)
		qf_pg_add_column(out, names[i], OID_TEXT, -1, -1);
	qf_pg_end_message(out, at);
}
