/* See private.h. */
#include <string.h>

#include "private.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void auth_base64(struct qf_buf *out, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 3) {
		size_t have = n - i < 3 ? n - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (have > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (have > 2 ? p[i + 2] : 0);

		for (unsigned k = 0; k < 4; k++)
			qf_buf_u8(out, k <= have ? (uint8_t)alphabet[v >> (18 - 6 * k) & 63] : '=');
	}
}

static bool digit(uint8_t c, uint32_t *ret)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	if (at)
		*ret = (uint32_t)(at - alphabet);
	return at != NULL;
}

/* Four characters, of which the last two may be padding at the end of the text. False: they are none, or lose bits. */
static bool quantum(const uint8_t *p, bool last, uint8_t to[3], size_t *ret_n)
{
	size_t pads = last ? (size_t)(p[3] == '=') + (p[3] == '=' && p[2] == '=') : 0;
	uint32_t v = 0, d;

	for (size_t i = 0; i < 4 - pads; i++) {
		if (!digit(p[i], &d))
			return false;
		v |= d << (18 - 6 * i);
	}
	for (size_t i = 0; i < 3; i++)
		to[i] = (uint8_t)(v >> (16 - 8 * i));
	*ret_n = 3 - pads;
	return (pads == 0 || to[2] == 0) && (pads < 2 || to[1] == 0);
}

bool auth_unbase64(struct qf_slice text, uint8_t *to, size_t max, size_t *ret_n)
{
	uint8_t three[3];
	size_t n = 0, got;

	if (text.n % 4 != 0)
		return false;
	for (size_t i = 0; i < text.n; i += 4) {
		if (!quantum(text.p + i, i + 4 == text.n, three, &got) || got > max - n)
			return false;
		memcpy(to + n, three, got);
		n += got;
	}
	*ret_n = n;
	return true;
}
