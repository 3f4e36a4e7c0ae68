/*
 * What a gateway may take of a head that is well formed: request line, target, Host, framing, expectations
 * [RFC 9110, 7 and 10; RFC 9112, 3 and 6]. Pure functions; each returns 0 or the status to refuse with.
 */
#ifndef QF_HTTP_HEAD_H
#define QF_HTTP_HEAD_H

#include "codec.h"

/* As soon as the line is there, without its CRLF: three words, and a version that is served. */
unsigned http_head_request_line(struct qf_slice line, const char **ret_why);
/* Once llhttp has read all of it. Sets what codec.h calls of the request. */
unsigned http_head_check(struct http_codec *c, const char **ret_why);

/* The next element of a comma separated list, without white space around it; false at the end. */
bool http_list_next(struct qf_slice *list, struct qf_slice *ret_element);
struct qf_slice http_trim(struct qf_slice s);

#endif
