/* Text: see qf/str.h. Quoting and numbers here, UTF-8 in utf8.c, hints in nearest.c. */
#include "qf/str.h"

static void quote_byte(struct qf_buf *b, uint8_t c)
{
	switch (c) {
	case '"':
	case '\\':
		qf_buf_u8(b, '\\');
		qf_buf_u8(b, c);
		return;
	case '\n':
		qf_buf_add(b, "\\n", 2);
		return;
	case '\r':
		qf_buf_add(b, "\\r", 2);
		return;
	case '\t':
		qf_buf_add(b, "\\t", 2);
		return;
	default:
		break;
	}
	if (c < 0x20 || c >= 0x7f)
		qf_buf_printf(b, "\\x%02x", c);
	else
		qf_buf_u8(b, c);
}

/* The mark for what was cut stands outside the quotes: inside it could be the text itself. */
void qf_quote_log(struct qf_buf *b, struct qf_slice s, size_t max)
{
	size_t n = s.n > max ? max : s.n;

	qf_buf_u8(b, '"');
	for (size_t i = 0; i < n; i++)
		quote_byte(b, s.p[i]);
	qf_buf_u8(b, '"');
	if (n < s.n)
		qf_buf_add(b, "...", 3);
}

int qf_parse_u64(const char *s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;
	bool over = false;

	if (!s || !*s)
		return -EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return -EINVAL;
		uint64_t digit = (uint64_t)(*s - '0');

		over = over || v > (UINT64_MAX - digit) / 10;
		v = v * 10 + digit;
	}
	if (over || v < min || v > max)
		return -ERANGE;
	*ret = v;
	return 0;
}

void qf_quote_json(struct qf_buf *b, struct qf_slice s)
{
	qf_buf_u8(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < 0x20) {
			qf_buf_printf(b, "\\u%04x", s.p[i]);
			continue;
		}
		if (s.p[i] == '"' || s.p[i] == '\\')
			qf_buf_u8(b, '\\');
		qf_buf_u8(b, s.p[i]);
	}
	qf_buf_u8(b, '"');
}

size_t qf_decimal(char to[21], uint64_t v)
{
	size_t n = 1;

	for (uint64_t rest = v; rest >= 10; rest /= 10)
		n++;
	to[n] = 0;
	for (size_t i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	return n;
}

void qf_text_place(struct qf_slice text, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < at && i < text.n; i++) {
		if (text.p[i] == '\n') {
			line++;
			column = 1;
		} else if (i + 1 >= text.n || (text.p[i + 1] & 0xc0) != 0x80) {
			column++; /* a character counts when its last byte is behind us */
		}
	}
	*ret_line = line;
	*ret_column = column;
}
