/*
 * The line discipline of a head and of trailers [RFC 9112, 2.2 and 5]: CRLF and nothing else ends a line, a field name
 * is a token with its colon right behind it, no line is folded, no control byte stands in a value. Two programs that
 * disagree on any of these read different requests from the same bytes, so what breaks it is refused before llhttp
 * sees it. Bytes in, any cut gives the same answer. Keeps no memory.
 */
#ifndef QF_HTTP_LINES_H
#define QF_HTTP_LINES_H

#include "qf/buf.h"

enum http_line_state {
	HTTP_LINE_REQUEST,
	HTTP_LINE_REQUEST_LF,
	HTTP_LINE_FIELD, /* the first byte of a line */
	HTTP_LINE_NAME,
	HTTP_LINE_VALUE,
	HTTP_LINE_VALUE_LF,
	HTTP_LINE_END_LF,
};

struct http_lines {
	enum http_line_state state; /* HTTP_LINE_REQUEST for a head, HTTP_LINE_FIELD for trailers */
};

enum http_scan {
	HTTP_SCAN_MORE,	   /* all is used */
	HTTP_SCAN_REQUEST, /* the request line ends at *ret_used, its CRLF included */
	HTTP_SCAN_END,	   /* the empty line ends at *ret_used */
	HTTP_SCAN_BAD,	   /* *ret_why, a constant, says what */
};

enum http_scan http_lines_scan(struct http_lines *l, struct qf_slice in, size_t *ret_used, const char **ret_why);
bool http_is_token(struct qf_slice s); /* 1*tchar */

#endif
