/*
 * EXECUTE name [USING …] and EXECUTE IMMEDIATE 'text' [USING …]: the statement that they stand for, with the
 * parameters written in place of its question marks. Only literals are taken (numbers, texts, typed literals,
 * intervals, CAST, and ARRAY, ROW and MAP of them): for these that is exact, for anything else it is refused.
 * Pure.
 */
#ifndef QF_FRONTEND_TRINO_EXECUTE_H
#define QF_FRONTEND_TRINO_EXECUTE_H

#include "qf/proto/trino.h"
#include "session.h"

struct tr_refusal {
	enum qf_trino_code code;
	char text[512];
};

/* A name as it is meant: unquoted ones in lower case. NULL: the token is none. From the session's arena. */
const char *tr_name(const struct tr_session *s, struct qf_token t);
bool tr_is_execute(struct qf_slice sql, enum qf_dialect d);
bool tr_execute(const struct tr_session *s, struct qf_slice sql, struct qf_buf *out, struct tr_refusal *ret);

#endif
