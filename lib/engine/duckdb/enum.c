/* ENUM → utf8: see enum.h. */
#include "enum.h"

#include <string.h>

#include "qf/err.h"

int duck_enum_plain_schema(struct ArrowSchema *s, bool *ret_any)
{
	if (s->dictionary) {
		if (ArrowSchemaSetFormat(s, s->dictionary->format) != NANOARROW_OK)
			return -ENOMEM;
		ArrowSchemaRelease(s->dictionary);
		ArrowFree(s->dictionary);
		s->dictionary = NULL;
		*ret_any = true;
	}
	for (int64_t i = 0; i < s->n_children; i++)
		if (duck_enum_plain_schema(s->children[i], ret_any) < 0)
			return -ENOMEM;
	return 0;
}

static uint32_t index_at(const struct ArrowArray *a, char format, int64_t row)
{
	const uint8_t *p = a->buffers[1];
	uint16_t two;
	uint32_t four;

	switch (format) {
	case 'C':
		return p[row];
	case 'S':
		memcpy(&two, p + 2 * row, sizeof(two));
		return two;
	default:
		memcpy(&four, p + 4 * row, sizeof(four));
		return four;
	}
}

static int append_values(const struct ArrowArray *a, char format, struct ArrowArray *out)
{
	const int32_t *offsets = a->dictionary->buffers[1];
	const char *text = a->dictionary->buffers[2];
	const uint8_t *valid = a->buffers[0];
	int r = ArrowArrayStartAppending(out);

	for (int64_t i = 0; i < a->length && r == NANOARROW_OK; i++) {
		if (valid && !ArrowBitGet(valid, i)) {
			r = ArrowArrayAppendNull(out, 1);
			continue;
		}
		uint32_t k = index_at(a, format, i);

		if (k >= a->dictionary->length)
			return -EINVAL;
		struct ArrowStringView v = { .data = text + offsets[k], .size_bytes = offsets[k + 1] - offsets[k] };

		r = ArrowArrayAppendString(out, v);
	}
	if (r == NANOARROW_OK)
		r = ArrowArrayFinishBuildingDefault(out, NULL);
	return r == NANOARROW_OK ? 0 : -ENOMEM;
}

/* A child may be moved out of its parent and replaced [Arrow C data interface, "Moving child arrays"]. */
static int replace(char format, struct ArrowArray *a)
{
	struct ArrowArray out;

	if (ArrowArrayInitFromType(&out, NANOARROW_TYPE_STRING) != NANOARROW_OK)
		return -ENOMEM;
	int r = append_values(a, format, &out);

	if (r < 0) {
		out.release(&out);
		return r;
	}
	a->release(a);
	*a = out;
	return 0;
}

int duck_enum_decode(const struct ArrowSchema *s, struct ArrowArray *a)
{
	if (s->dictionary)
		return replace(s->format[0], a);
	for (int64_t i = 0; i < s->n_children; i++) {
		int r = duck_enum_decode(s->children[i], a->children[i]);

		if (r < 0)
			return r;
	}
	return 0;
}
