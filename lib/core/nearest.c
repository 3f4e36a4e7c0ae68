/* Nearest-name hints ("did you mean"): optimal string alignment distance, ASCII case folded. */
#include <string.h>

#include "qf/str.h"

enum { MAX_NAME = 64 };

static unsigned fold(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned)c | 0x20 : (unsigned char)c;
}

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

/* Three rows of the usual table: a swap of two neighbours looks two rows back. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][MAX_NAME + 1];

	for (unsigned j = 0; j <= nb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *above2 = rows[(i + 1) % 3];

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned differ = fold(a[i - 1]) != fold(b[j - 1]);

			row[j] = min3(row[j - 1] + 1, above[j] + 1, above[j - 1] + differ);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]) &&
			    above2[j - 2] + 1 < row[j])
				row[j] = above2[j - 2] + 1;
		}
	}
	return rows[na % 3][nb];
}

/* Near enough: one slip in every three letters, but never all of them. */
const char *qf_nearest(const char *s, const char *const *names)
{
	const char *best = NULL;
	unsigned best_distance = 0;
	size_t n = s ? strlen(s) : 0;

	if (n == 0 || n > MAX_NAME)
		return NULL;
	for (; *names; names++) {
		size_t len = strlen(*names);
		size_t longer = len > n ? len : n;

		if (len == 0 || len > MAX_NAME)
			continue;
		unsigned d = distance(s, n, *names, len);

		if (d >= longer || d > (longer + 2) / 3 || (best && d >= best_distance))
			continue;
		best = *names;
		best_distance = d;
	}
	return best;
}
