/* What a statement is run with, in a message. See msg.h. */
#include "qf/msg.h"

#define NO_VALUE UINT32_MAX

static void put_list(struct qf_buf *msg, uint16_t tag, const void *p, size_t n, size_t size)
{
	struct qf_buf list;

	if (n == 0)
		return;
	qf_buf_init(&list);
	for (size_t i = 0; i < n; i++) {
		if (size == 2)
			qf_buf_u16(&list, ((const uint16_t *)p)[i]);
		else if (size == 4)
			qf_buf_u32(&list, ((const uint32_t *)p)[i]);
		else
			qf_buf_u64(&list, ((const uint64_t *)p)[i]);
	}
	qf_put_slice(msg, tag, qf_buf_slice(&list));
	qf_buf_fini(&list);
}

static void put_values(struct qf_buf *msg, const struct qf_bind *b)
{
	size_t bytes = 0;
	struct qf_buf list;

	if (b->n_values == 0)
		return;
	for (size_t i = 0; i < b->n_values; i++)
		bytes += 5 + (b->values[i].p ? b->values[i].n : 0);
	qf_buf_init(&list);
	qf_buf_reserve(&list, bytes);
	for (size_t i = 0; i < b->n_values; i++) {
		const struct qf_value *v = &b->values[i];

		qf_buf_u8(&list, v->binary);
		qf_buf_u32(&list, v->p ? v->n : NO_VALUE);
		if (v->p)
			qf_buf_add(&list, v->p, v->n);
	}
	qf_put_slice(msg, QF_F_PARAMS | QF_F_REQUIRED, qf_buf_slice(&list));
	qf_buf_fini(&list);
}

void qf_bind_put(struct qf_buf *msg, const struct qf_bind *b)
{
	if (b->kind != QF_RUN_ALL)
		qf_put_u8(msg, QF_F_RUN | QF_F_REQUIRED, (uint8_t)b->kind);
	if (b->flags)
		qf_put_u8(msg, QF_F_RUN_FLAGS, (uint8_t)b->flags);
	if (b->encodings)
		qf_put_u8(msg, QF_F_ENCODINGS, (uint8_t)b->encodings);
	put_list(msg, QF_F_PARAM_TYPES, b->types, b->n_types, sizeof *b->types);
	put_values(msg, b);
	put_list(msg, QF_F_FORMATS, b->formats, b->n_formats, sizeof *b->formats);
	if (b->portal)
		qf_put_u64(msg, QF_F_PORTAL | QF_F_REQUIRED, b->portal);
	if (b->max_rows)
		qf_put_u32(msg, QF_F_MAX_ROWS | QF_F_REQUIRED, b->max_rows);
	put_list(msg, QF_F_CLOSED, b->closed, b->n_closed, sizeof *b->closed);
	if (b->form != QF_FORM_PLAIN) {
		qf_put_u8(msg, QF_F_FORM | QF_F_REQUIRED, (uint8_t)b->form);
		qf_put_slice(msg, QF_F_INNER | QF_F_REQUIRED, b->inner);
	}
	if (b->begin.n)
		qf_put_slice(msg, QF_F_BEGIN | QF_F_REQUIRED, b->begin);
}

/* A list of numbers of one size; NULL when the field has another length. */
static void *get_list(const struct qf_msg *m, enum qf_field f, size_t size, struct qf_arena *a, uint16_t *ret_n,
		      struct qf_reader *errors)
{
	struct qf_slice s = qf_get(m, f);
	struct qf_reader r = qf_reader(s);
	size_t n = s.n / size;
	void *list;

	*ret_n = 0;
	if (s.n % size || n > UINT16_MAX) {
		qf_reader_fail(errors);
		return NULL;
	}
	list = n ? qf_arena_alloc(a, n * size) : NULL;
	for (size_t i = 0; i < n && list; i++) {
		if (size == 2)
			((uint16_t *)list)[i] = qf_read_u16(&r);
		else if (size == 4)
			((uint32_t *)list)[i] = qf_read_u32(&r);
		else
			((uint64_t *)list)[i] = qf_read_u64(&r);
	}
	*ret_n = list ? (uint16_t)n : 0;
	return list;
}

static bool read_value(struct qf_reader *r, struct qf_value *ret)
{
	uint32_t n;

	ret->binary = qf_read_u8(r);
	n = qf_read_u32(r);
	ret->p = NULL;
	ret->n = 0;
	if (n == NO_VALUE)
		return !r->err;
	struct qf_slice v = qf_read_bytes(r, n);

	ret->p = v.p ? v.p : (const uint8_t *)"";
	ret->n = n;
	return !r->err;
}

static void get_values(struct qf_bind *ret, const struct qf_msg *m, struct qf_arena *a, struct qf_reader *errors)
{
	struct qf_reader count = qf_reader(qf_get(m, QF_F_PARAMS)), r = count;
	struct qf_value v, *values;
	size_t n = 0;

	while (count.n > 0 && read_value(&count, &v))
		n++;
	if (count.err || n > UINT16_MAX) {
		qf_reader_fail(errors);
		return;
	}
	values = n ? qf_arena_alloc(a, n * sizeof *values) : NULL;
	for (size_t i = 0; i < n && values; i++)
		read_value(&r, &values[i]);
	ret->values = values;
	ret->n_values = values ? (uint16_t)n : 0;
}

int qf_bind_get(struct qf_bind *ret, const struct qf_msg *m, struct qf_arena *a, struct qf_err *reterr)
{
	uint8_t kind = qf_get_u8(m, QF_F_RUN), form = qf_get_u8(m, QF_F_FORM);
	struct qf_reader errors = { 0 };

	*ret = (struct qf_bind){
		.kind = (enum qf_run_kind)kind,
		.flags = qf_get_u8(m, QF_F_RUN_FLAGS),
		.encodings = qf_get_u8(m, QF_F_ENCODINGS),
		.portal = qf_get_u64(m, QF_F_PORTAL),
		.max_rows = qf_get_u32(m, QF_F_MAX_ROWS),
		.form = (enum qf_bind_form)form,
		.inner = qf_get(m, QF_F_INNER),
		.begin = qf_get(m, QF_F_BEGIN),
	};
	ret->types = get_list(m, QF_F_PARAM_TYPES, sizeof *ret->types, a, &ret->n_types, &errors);
	ret->formats = get_list(m, QF_F_FORMATS, sizeof *ret->formats, a, &ret->n_formats, &errors);
	ret->closed = get_list(m, QF_F_CLOSED, sizeof *ret->closed, a, &ret->n_closed, &errors);
	get_values(ret, m, a, &errors);
	if (!ret->encodings)
		ret->encodings = QF_ENC_BIT(QF_ENC_ARROW);
	if (kind >= QF_RUN_KINDS || form >= QF_FORM_N || (form && ret->inner.n == 0) || errors.err)
		return qf_err_set(reterr, QF_EMALFORMED, "the parameters of a statement are malformed");
	return 0;
}
