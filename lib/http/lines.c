/* See lines.h. */
#include <string.h>

#include "lines.h"

static bool is_tchar(uint8_t b)
{
	if ((b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9'))
		return true;
	return b != 0 && strchr("!#$%&'*+-.^_`|~", b);
}

static bool is_value_byte(uint8_t b)
{
	return (b >= 0x20 && b != 0x7f) || b == '\t';
}

static bool is_request_line_byte(uint8_t b)
{
	return b >= 0x20 && b < 0x7f;
}

bool http_is_token(struct qf_slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_tchar(s.p[i]))
			return false;
	return s.n > 0;
}

static const char *request_byte(struct http_lines *l, uint8_t b)
{
	if (b == '\r')
		l->state = HTTP_LINE_REQUEST_LF;
	else if (!is_request_line_byte(b))
		return b == '\n' ? "LF without CR in the request line" : "the request line has a byte that is not text";
	return NULL;
}

static const char *field_byte(struct http_lines *l, uint8_t b)
{
	if (b == '\r') {
		l->state = HTTP_LINE_END_LF;
		return NULL;
	}
	if (b == ' ' || b == '\t')
		return "a header line is folded, or begins with white space";
	if (!is_tchar(b))
		return b == '\n' ? "LF without CR at the end of the head" : "a header line does not begin with a name";
	l->state = HTTP_LINE_NAME;
	return NULL;
}

static const char *name_byte(struct http_lines *l, uint8_t b)
{
	if (b == ':')
		l->state = HTTP_LINE_VALUE;
	else if (b == ' ' || b == '\t')
		return "white space between a header's name and its colon";
	else if (!is_tchar(b))
		return "a header's name has a byte that may not be in it";
	return NULL;
}

static const char *value_byte(struct http_lines *l, uint8_t b)
{
	if (b == '\r')
		l->state = HTTP_LINE_VALUE_LF;
	else if (!is_value_byte(b))
		return b == '\n' ? "LF without CR behind a header" : "a header's value has a control byte";
	return NULL;
}

static const char *lf_byte(struct http_lines *l, uint8_t b)
{
	l->state = HTTP_LINE_FIELD;
	return b == '\n' ? NULL : "CR without LF";
}

enum http_scan http_lines_scan(struct http_lines *l, struct qf_slice in, size_t *ret_used, const char **ret_why)
{
	static const char *(*const byte_of[])(struct http_lines *, uint8_t) = {
		[HTTP_LINE_REQUEST] = request_byte, [HTTP_LINE_REQUEST_LF] = lf_byte, [HTTP_LINE_FIELD] = field_byte,
		[HTTP_LINE_NAME] = name_byte,	    [HTTP_LINE_VALUE] = value_byte,   [HTTP_LINE_VALUE_LF] = lf_byte,
		[HTTP_LINE_END_LF] = lf_byte,
	};
	size_t i = 0;

	while (i < in.n) {
		/* Most of a head is values. */
		while (l->state == HTTP_LINE_VALUE && i < in.n && is_value_byte(in.p[i]))
			i++;
		if (i == in.n)
			break;
		enum http_line_state was = l->state;
		const char *why = byte_of[was](l, in.p[i++]);

		*ret_used = i;
		if (why) {
			*ret_why = why;
			return HTTP_SCAN_BAD;
		}
		if (was == HTTP_LINE_REQUEST_LF)
			return HTTP_SCAN_REQUEST;
		if (was == HTTP_LINE_END_LF)
			return HTTP_SCAN_END;
	}
	*ret_used = in.n;
	return HTTP_SCAN_MORE;
}
