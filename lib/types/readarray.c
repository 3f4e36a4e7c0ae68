/*
 * Arrays from PostgreSQL's text and binary forms, as lists; of several dimensions as lists of lists.
 *
 * Elements count from 1: a list has no other first element, and an array that has is refused, not renumbered.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pgtype.h"

static int too_many(struct qf_read *ctx)
{
	return qf_read_fail(ctx, "54000", "an array of more than %d elements", QF_READ_MAX_ITEMS);
}

static int too_deep(struct qf_read *ctx, unsigned n)
{
	return qf_read_fail(ctx, "54000", "number of array dimensions (%u) exceeds the maximum allowed (%d)", n,
			    QF_READ_MAX_DIMENSIONS);
}

static int wrong_start(struct qf_read *ctx)
{
	return qf_read_fail(ctx, "0A000", "an array whose first element is not number 1 is not supported");
}

static void set_list(struct qf_read *ctx, struct qf_datum *d, struct qf_datum *items, size_t n)
{
	d->kind = QF_DATUM_LIST;
	d->items = items;
	d->n_items = n;
	d->item_oid = ctx->type->oid;
}

/* ---- text: {1,NULL,"a b",{…}} [PG 8.15.6] --------------------------------------------------------------------- */

struct walk {
	struct qf_read *ctx;
	struct qf_reader r;
	struct qf_slice whole;
	size_t items;		 /* of all levels */
	unsigned depth, leaf;	 /* where scalars are; 0 = none has been seen */
	size_t length[QF_READ_MAX_DIMENSIONS]; /* of each level's lists … */
	bool known[QF_READ_MAX_DIMENSIONS];    /* … once one has ended */
};

static int malformed(struct walk *w)
{
	return qf_read_fail(w->ctx, "22P02", "malformed array literal: \"%.*s\"", QF_SHOW(w->whole));
}

static void skip_space(struct walk *w)
{
	while (w->r.n && qf_is_space(w->r.p[0]))
		(void)qf_read_u8(&w->r);
}

static bool take(struct walk *w, char c)
{
	if (!w->r.n || w->r.p[0] != (uint8_t)c)
		return false;
	(void)qf_read_u8(&w->r);
	return true;
}

/* To the closing quote, without its backslashes; `to` has room for all that is left. */
static int take_quoted(struct walk *w, uint8_t *to, size_t *ret_n)
{
	size_t n = 0;

	while (w->r.n) {
		uint8_t c = qf_read_u8(&w->r);

		if (c == '"') {
			*ret_n = n;
			return 0;
		}
		if (c == '\\') {
			if (!w->r.n)
				break;
			c = qf_read_u8(&w->r);
		}
		to[n++] = c;
	}
	return malformed(w);
}

/* To a comma or brace. White space at the end goes, unless it stands behind a backslash. */
static int take_bare(struct walk *w, uint8_t *to, size_t *ret_n, bool *ret_null)
{
	size_t n = 0, end = 0;
	bool escaped = false;

	while (w->r.n && w->r.p[0] != ',' && w->r.p[0] != '}') {
		uint8_t c = qf_read_u8(&w->r);
		bool backslash = c == '\\';

		if (c == '{' || c == '"' || (backslash && !w->r.n))
			return malformed(w);
		if (backslash)
			c = qf_read_u8(&w->r);
		escaped = escaped || backslash;
		to[n++] = c;
		if (backslash || !qf_is_space(c))
			end = n;
	}
	if (end == 0)
		return malformed(w);
	*ret_n = end;
	*ret_null = !escaped && end == 4 && strncasecmp((const char *)to, "null", 4) == 0;
	return 0;
}

/* How many bytes the element that begins here takes at most. */
static size_t element_room(const struct walk *w, bool quoted)
{
	size_t n = 0;

	while (n < w->r.n && (quoted ? w->r.p[n] != '"' : w->r.p[n] != ',' && w->r.p[n] != '}'))
		n += w->r.p[n] == '\\' ? 2 : 1;
	return n < w->r.n ? n : w->r.n;
}

static int take_scalar(struct walk *w, struct qf_datum *ret)
{
	bool quoted = take(w, '"'), null = false;
	uint8_t *text = qf_read_alloc(w->ctx, element_room(w, quoted));
	size_t n = 0;

	if (!text)
		return QF_ELIMIT;
	int r = quoted ? take_quoted(w, text, &n) : take_bare(w, text, &n, &null);

	if (r < 0 || null)
		return r;
	return w->ctx->type->text(w->ctx, qf_slice(text, n), ret);
}

static int take_list(struct walk *w, struct qf_datum *ret);

/* Scalars all stand on one level. */
static int take_item(struct walk *w, struct qf_datum *ret)
{
	*ret = (struct qf_datum){ .kind = QF_DATUM_NULL };
	if (w->items++ == QF_READ_MAX_ITEMS)
		return too_many(w->ctx);
	if (w->r.n && w->r.p[0] == '{')
		return take_list(w, ret);
	if (w->leaf && w->leaf != w->depth)
		return malformed(w);
	w->leaf = w->depth;
	return take_scalar(w, ret);
}

static int take_items(struct walk *w, struct qf_buf *items)
{
	skip_space(w);
	if (take(w, '}'))
		return 0;
	for (;;) {
		struct qf_datum item;

		skip_space(w);
		int r = take_item(w, &item);

		if (r < 0)
			return r;
		qf_buf_add(items, &item, sizeof(item));
		skip_space(w);
		if (take(w, '}'))
			return 0;
		if (!take(w, ','))
			return malformed(w);
	}
}

/* All lists of a level have the same length. */
static int check_length(struct walk *w, size_t n)
{
	size_t level = w->depth - 1;

	if (w->known[level] && w->length[level] != n)
		return malformed(w);
	w->known[level] = true;
	w->length[level] = n;
	return 0;
}

static int take_list(struct walk *w, struct qf_datum *ret)
{
	struct qf_buf items;

	(void)take(w, '{');
	if (w->leaf && w->depth >= w->leaf)
		return malformed(w);
	if (++w->depth > QF_READ_MAX_DIMENSIONS)
		return too_deep(w->ctx, w->depth);
	qf_buf_init(&items);
	int r = take_items(w, &items);
	size_t n = items.n / sizeof(struct qf_datum);

	if (r == 0)
		r = n == 0 && w->depth > 1 ? malformed(w) : check_length(w, n);
	if (r == 0) {
		struct qf_datum *copy = qf_read_alloc(w->ctx, items.n);

		if (copy && n)
			memcpy(copy, items.p, items.n);
		r = copy ? 0 : QF_ELIMIT;
		set_list(w->ctx, ret, copy, n);
	}
	qf_buf_fini(&items);
	w->depth--;
	return r;
}

static bool take_number(struct walk *w, int64_t *ret)
{
	bool negative = take(w, '-');
	size_t n = 0;

	if (!negative)
		(void)take(w, '+');
	for (*ret = 0; w->r.n && qf_is_digit(w->r.p[0]) && *ret <= INT32_MAX; n++)
		*ret = *ret * 10 + (qf_read_u8(&w->r) - '0');
	if (negative)
		*ret = -*ret;
	return n && *ret <= INT32_MAX;
}

/* [1:3][1:2]= in front of it: what it says must be true. */
static int take_bounds(struct walk *w, unsigned *ret_n, int64_t *sizes)
{
	for (*ret_n = 0; take(w, '['); skip_space(w)) {
		int64_t first = 1, last;

		if (*ret_n == QF_READ_MAX_DIMENSIONS)
			return too_deep(w->ctx, *ret_n + 1);
		if (!take_number(w, &last))
			return malformed(w);
		if (take(w, ':')) {
			first = last;
			if (!take_number(w, &last))
				return malformed(w);
		}
		if (!take(w, ']'))
			return malformed(w);
		if (last < first)
			return qf_read_fail(w->ctx, "2202E", "upper bound cannot be less than lower bound");
		if (first != 1)
			return wrong_start(w->ctx);
		sizes[(*ret_n)++] = last;
	}
	if (*ret_n && !take(w, '='))
		return malformed(w);
	skip_space(w);
	return 0;
}

static bool bounds_are_true(const struct walk *w, unsigned n, const int64_t *sizes)
{
	for (unsigned i = 0; i < QF_READ_MAX_DIMENSIONS; i++) {
		if (w->known[i] != (i < n) || (i < n && w->length[i] != (size_t)sizes[i]))
			return false;
	}
	return true;
}

int qf_read_array_text(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct walk w = { .ctx = ctx, .r = qf_reader(v), .whole = v };
	int64_t sizes[QF_READ_MAX_DIMENSIONS];
	unsigned bounds;

	skip_space(&w);
	int r = take_bounds(&w, &bounds, sizes);

	if (r < 0)
		return r;
	if (!w.r.n || w.r.p[0] != '{')
		return malformed(&w);
	r = take_list(&w, ret);
	if (r < 0)
		return r;
	skip_space(&w);
	if (!qf_reader_done(&w.r) || (bounds && !bounds_are_true(&w, bounds, sizes)))
		return malformed(&w);
	return 0;
}

/* ---- binary --------------------------------------------------------------------------------------------------- */

struct shape {
	uint32_t n;
	uint32_t size[QF_READ_MAX_DIMENSIONS];
	uint64_t items;
};

static int read_sizes(struct qf_read *ctx, struct qf_reader *r, struct shape *s)
{
	bool starts_at_1 = true;

	s->items = s->n ? 1 : 0;
	for (uint32_t i = 0; i < s->n; i++) {
		s->size[i] = qf_read_u32(r);
		starts_at_1 = qf_read_u32(r) == 1 && starts_at_1;
		if (s->size[i] > INT32_MAX || s->items * s->size[i] > QF_READ_MAX_ITEMS)
			return too_many(ctx);
		s->items *= s->size[i];
	}
	if (r->err)
		return qf_read_length(ctx, true);
	return s->items && !starts_at_1 ? wrong_start(ctx) : 0;
}

static int read_shape(struct qf_read *ctx, struct qf_reader *r, struct shape *s)
{
	s->n = qf_read_u32(r);
	uint32_t flags = qf_read_u32(r), oid = qf_read_u32(r);

	if (r->err)
		return qf_read_length(ctx, true);
	if (s->n > QF_READ_MAX_DIMENSIONS)
		return s->n > INT32_MAX ? qf_read_fail(ctx, "22P03", "invalid number of dimensions: %d", (int)s->n)
					: too_deep(ctx, s->n);
	if (flags > 1)
		return qf_read_fail(ctx, "22P03", "invalid array flags");
	if (oid != ctx->type->oid) {
		const char *name = qf_pg_type_name(oid);

		return qf_read_fail(ctx, "42804",
				    "binary data has array element type %u (%s) instead of expected %u (%s)", oid,
				    name ? name : "not known here", ctx->type->oid, ctx->type->name);
	}
	return read_sizes(ctx, r, s);
}

static int read_item(struct qf_read *ctx, struct qf_reader *r, struct qf_datum *ret)
{
	uint32_t n = qf_read_u32(r);

	if (!r->err && n == UINT32_MAX)
		return 0;
	struct qf_slice v = qf_read_bytes(r, n);

	if (r->err)
		return qf_read_fail(ctx, "22P03", "insufficient data left in message");
	return ctx->type->binary(ctx, v, ret);
}

/* The lists of level `i`, which hold `n` lists or items in all. */
static struct qf_datum *group(struct qf_read *ctx, struct qf_datum *items, size_t n, uint32_t size)
{
	struct qf_datum *lists = qf_read_alloc(ctx, n / size * sizeof(*lists));

	for (size_t i = 0; lists && i < n / size; i++)
		set_list(ctx, &lists[i], items + i * size, size);
	return lists;
}

int qf_read_array(struct qf_read *ctx, struct qf_slice v, struct qf_datum *ret)
{
	struct qf_reader reader = qf_reader(v);
	struct shape s = { 0 };
	int r = read_shape(ctx, &reader, &s);

	if (r < 0)
		return r;
	if (s.items > reader.n / 4)
		return qf_read_fail(ctx, "22P03", "insufficient data left in message");
	struct qf_datum *items = qf_read_alloc(ctx, s.items * sizeof(*items));
	size_t n = s.items;

	for (size_t i = 0; items && r == 0 && i < n; i++)
		r = read_item(ctx, &reader, &items[i]);
	if (r < 0)
		return r;
	if (items && !qf_reader_done(&reader))
		return qf_read_length(ctx, reader.err != 0);
	for (uint32_t i = s.n; items && n && i-- > 1;) {
		items = group(ctx, items, n, s.size[i]);
		n /= s.size[i];
	}
	if (!items)
		return QF_ELIMIT;
	set_list(ctx, ret, items, n);
	return 0;
}
