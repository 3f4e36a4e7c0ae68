/* COPY: PostgreSQL's grammar [PG reference page, gram.y of 15]. See qf/pgstmt.h. */
#include "copyoptions.h"

#include <string.h>

/* "(query)": what stands between its brackets. */
static bool take_query(struct pg_words *p, struct qf_copy_stmt *ret)
{
	const uint8_t *from = p->w.t.text.p + 1;
	unsigned depth = 0;

	for (; p->w.t.type != QF_TOK_END; qf_words_next(&p->w)) {
		depth += pg_words_op(p, '(');
		depth -= pg_words_op(p, ')');
		if (depth > 0)
			continue;
		ret->query = qf_slice(from, (size_t)(p->w.t.text.p - from));
		qf_words_next(&p->w);
		return true;
	}
	return false;
}

static bool take_table(struct pg_words *p, struct qf_copy_stmt *ret)
{
	const uint8_t *from = p->w.t.text.p, *end;

	do {
		struct qf_slice part = p->w.t.text;

		if (!pg_words_name(p))
			return false;
		end = part.p + part.n;
	} while (qf_words_take_op(&p->w, '.'));
	ret->table = qf_slice(from, (size_t)(end - from));
	return !pg_words_op(p, '(') || pg_words_names(p, &ret->columns);
}

static bool take_end(struct pg_words *p, struct qf_copy_stmt *ret)
{
	if (qf_words_take(&p->w, "program"))
		ret->end = QF_COPY_PROGRAM;
	else if (p->w.t.type == QF_TOK_STRING)
		ret->end = QF_COPY_FILE;
	else
		return qf_words_take(&p->w, "stdin") || qf_words_take(&p->w, "stdout");
	return pg_words_string(p);
}

/* [ [USING] DELIMITERS 'c' ]: older than all the others. False: a syntax error. */
static bool take_delimiters(struct pg_words *p, const char **ret)
{
	bool using = qf_words_take(&p->w, "using");

	if (!qf_words_take(&p->w, "delimiters"))
		return !using;
	*ret = pg_words_string(p);
	return *ret;
}

static int check_ends(struct pg_words *p, const struct qf_copy_stmt *c)
{
	if (c->end == QF_COPY_PROGRAM || c->end == QF_COPY_FILE)
		return 0;
	if (c->query.p) {
		struct qf_facts f;

		qf_sql_facts(c->query, p->d, &f);
		if (f.verb < QF_VERB_SELECT || f.verb > QF_VERB_DELETE)
			return pg_words_syntax(p);
		if (!f.returns_rows)
			return pg_words_fail(p, "0A000", QF_SLICE_NONE, "COPY query must have a RETURNING clause");
	}
	return 0;
}

int qf_copy_parse(struct qf_slice stmt, enum qf_dialect d, struct qf_arena *a, struct qf_copy_stmt *ret,
	struct qf_pgstmt_error *reterr)
{
	struct pg_words p = pg_words(stmt, d, a, reterr);
	const char *delimiters = NULL;

	*ret = (struct qf_copy_stmt){ 0 };
	bool query = pg_words_op(&p, '('), binary = !query && qf_words_take(&p.w, "binary");

	if (!(query ? take_query(&p, ret) : take_table(&p, ret)))
		return pg_words_syntax(&p);
	ret->from = !query && qf_words_take(&p.w, "from");
	if (!ret->from && !qf_words_take(&p.w, "to"))
		return pg_words_syntax(&p);
	if (!take_end(&p, ret) || (!query && !take_delimiters(&p, &delimiters)))
		return pg_words_syntax(&p);
	(void)qf_words_take(&p.w, "with");
	if (copy_options_parse(&p, ret, delimiters, binary) < 0)
		return -EINVAL;
	ret->where = qf_words_at(&p.w, "where");
	if (ret->where && !ret->from && !query)
		return pg_words_fail(&p, "42601", p.w.t.text, "WHERE clause not allowed with COPY TO");
	if (!(ret->where && ret->from) && p.w.t.type != QF_TOK_END)
		return pg_words_syntax(&p);
	return check_ends(&p, ret);
}
