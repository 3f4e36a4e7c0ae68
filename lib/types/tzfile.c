/* TZif files: see tzfile.h. */
#include <stdlib.h>
#include <string.h>

#include "tzfile.h"

enum {
	RESERVED = 15,
	MAX_TRANSITIONS = 4096, /* the longest of tzdata has 236 */
	MAX_TYPES = 256,
	MAX_OFFSET = 167 * 3600,
};

struct header {
	uint8_t version;
	uint32_t isut, isstd, leap, times, types, chars;
};

static struct header read_header(struct qf_reader *r)
{
	struct qf_slice magic = qf_read_bytes(r, 4);
	struct header h = { .version = qf_read_u8(r) };

	(void)qf_read_bytes(r, RESERVED);
	h.isut = qf_read_u32(r);
	h.isstd = qf_read_u32(r);
	h.leap = qf_read_u32(r);
	h.times = qf_read_u32(r);
	h.types = qf_read_u32(r);
	h.chars = qf_read_u32(r);
	if (!qf_slice_eq_str(magic, "TZif") || h.times > MAX_TRANSITIONS || h.types == 0 || h.types > MAX_TYPES)
		qf_reader_fail(r);
	return h;
}

/* What follows the types: designations, leap seconds and the two flag arrays, none of which an offset needs. */
static void skip_rest(struct qf_reader *r, const struct header *h, size_t time_size)
{
	(void)qf_read_bytes(r, h->chars);
	(void)qf_read_bytes(r, h->leap * (time_size + 4));
	(void)qf_read_bytes(r, h->isstd);
	(void)qf_read_bytes(r, h->isut);
}

static void skip_block(struct qf_reader *r, const struct header *h, size_t time_size)
{
	(void)qf_read_bytes(r, h->times * (time_size + 1));
	(void)qf_read_bytes(r, h->types * (size_t)6);
	skip_rest(r, h, time_size);
}

static int64_t read_time(struct qf_reader *r, size_t time_size)
{
	return time_size == 8 ? (int64_t)qf_read_u64(r) : (int32_t)qf_read_u32(r);
}

static void read_types(struct qf_reader *r, int32_t offsets[static MAX_TYPES], uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		offsets[i] = (int32_t)qf_read_u32(r);
		(void)qf_read_bytes(r, 2); /* daylight flag and designation */
		if (offsets[i] < -MAX_OFFSET || offsets[i] > MAX_OFFSET)
			qf_reader_fail(r);
	}
}

static void read_block(struct qf_tz_table *t, struct qf_reader *r, const struct header *h, size_t time_size)
{
	int32_t offsets[MAX_TYPES] = { 0 };

	t->n = h->times;
	t->at = qf_xcalloc(t->n + 1, sizeof(*t->at));
	t->offset = qf_xcalloc(t->n + 1, sizeof(*t->offset));
	for (size_t i = 0; i < t->n; i++) {
		t->at[i] = read_time(r, time_size);
		if (i && t->at[i] <= t->at[i - 1])
			qf_reader_fail(r);
	}
	struct qf_slice index = qf_read_bytes(r, t->n);

	read_types(r, offsets, h->types);
	skip_rest(r, h, time_size);
	for (size_t i = 0; i < index.n; i++) {
		if (index.p[i] >= h->types)
			qf_reader_fail(r);
		t->offset[i] = offsets[index.p[i]];
	}
	t->before = offsets[0];
}

/* A newline, a POSIX TZ string or nothing, a newline. */
static void read_footer(struct qf_tz_table *t, struct qf_reader *r)
{
	if (qf_read_u8(r) != '\n') {
		qf_reader_fail(r);
		return;
	}
	const uint8_t *end = r->n ? memchr(r->p, '\n', r->n) : NULL;
	struct qf_slice text = qf_read_bytes(r, end ? (size_t)(end - r->p) : r->n + 1);

	t->has_rule = text.n > 0;
	if (t->has_rule && !qf_tz_rule_parse(&t->rule, text))
		qf_reader_fail(r);
}

int qf_tz_table_parse(struct qf_tz_table *ret, struct qf_slice file, struct qf_err *reterr)
{
	struct qf_tz_table t = { 0 };
	struct qf_reader r = qf_reader(file);
	struct header h = read_header(&r);
	bool modern = h.version >= '2';

	if (modern && !r.err) {
		skip_block(&r, &h, 4);
		h = read_header(&r);
	}
	if (!r.err)
		read_block(&t, &r, &h, modern ? 8 : 4);
	if (modern && !r.err)
		read_footer(&t, &r);
	if (r.err || h.leap) {
		qf_tz_table_fini(&t);
		return r.err ? qf_err_set(reterr, QF_EMALFORMED, "its file is not a valid TZif file")
			     : qf_err_set(reterr, QF_EUNSUPPORTED, "it counts leap seconds");
	}
	*ret = t;
	return 0;
}

void qf_tz_table_fini(struct qf_tz_table *t)
{
	free(t->at);
	free(t->offset);
	*t = (struct qf_tz_table){ 0 };
}

int32_t qf_tz_table_offset(const struct qf_tz_table *t, int64_t unix_seconds)
{
	size_t low = 0, high = t->n; /* at[low - 1] <= unix_seconds < at[high] */

	if (t->has_rule && (t->n == 0 || unix_seconds >= t->at[t->n - 1]))
		return qf_tz_rule_offset(&t->rule, unix_seconds);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (t->at[middle] <= unix_seconds)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? t->offset[low - 1] : t->before;
}
