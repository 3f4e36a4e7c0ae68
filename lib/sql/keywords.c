#include <string.h>

#include "keywords.h"

struct keyword {
	const char *name;
	enum qf_keyword id;
	unsigned flags;
};

static const struct keyword keywords[] = {
#define KEYWORD_ROW(name, flags) { #name, KW_##name, flags },
	QF_KEYWORDS(KEYWORD_ROW)
#undef KEYWORD_ROW
};

enum qf_keyword qf_keyword_find(const char *word, unsigned *ret_flags)
{
	size_t low = 0, high = sizeof(keywords) / sizeof(keywords[0]);

	*ret_flags = 0;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = strcmp(word, keywords[mid].name);
		if (order == 0) {
			*ret_flags = keywords[mid].flags;
			return keywords[mid].id;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return KW_NONE;
}
