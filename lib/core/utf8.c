/* Well-formed UTF-8 as in table 3-7 of the Unicode standard: no surrogates, no long forms, to U+10FFFF. */
#include <string.h>

#include "qf/str.h"

static bool is_tail(uint8_t c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the character at p, of which n > 0 bytes remain; 0 when it is not well-formed. */
static size_t char_len(const uint8_t *p, size_t n)
{
	uint8_t c = p[0];

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4 || n < 2)
		return 0;
	if (c < 0xe0)
		return is_tail(p[1]) ? 2 : 0;
	/* The second byte alone rules out long forms, surrogates and what is above U+10FFFF. */
	uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

	if (p[1] < low || p[1] > high || n < 3 || !is_tail(p[2]))
		return 0;
	if (c < 0xf0)
		return 3;
	return n >= 4 && is_tail(p[3]) ? 4 : 0;
}

size_t qf_utf8_bad_at(struct qf_slice s)
{
	size_t at = 0;

	while (at < s.n) {
		uint64_t eight;

		if (s.n - at >= sizeof(eight)) {
			memcpy(&eight, s.p + at, sizeof(eight));
			if (!(eight & 0x8080808080808080)) {
				at += sizeof(eight);
				continue;
			}
		}
		size_t n = char_len(s.p + at, s.n - at);

		if (n == 0)
			return at;
		at += n;
	}
	return s.n;
}

bool qf_utf8_valid(struct qf_slice s)
{
	return qf_utf8_bad_at(s) == s.n;
}

size_t qf_utf8_cut(struct qf_slice s)
{
	size_t tails = 0;

	while (tails < 3 && tails < s.n && is_tail(s.p[s.n - 1 - tails]))
		tails++;
	if (tails == s.n)
		return s.n;
	uint8_t lead = s.p[s.n - 1 - tails];
	size_t want = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1;

	return tails + 1 < want ? s.n - 1 - tails : s.n;
}
