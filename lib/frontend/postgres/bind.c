/* Parse and Bind. See extended.h; errors and their order are PostgreSQL's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static bool ends_transaction(const struct qf_facts *f)
{
	return f->verb == QF_VERB_COMMIT || f->verb == QF_VERB_ROLLBACK || f->verb == QF_VERB_ROLLBACK_TO;
}

/* ---- Parse ---- */

static bool check_name(const struct pg_session *s, struct qf_slice name, struct qf_sql_error *reterr)
{
	if (name.n == 0 || !pg_prepared_find(s, name))
		return true;
	qf_sql_error_set(reterr, "42P05", "prepared statement \"%.*s\" already exists", (int)pg_name_shown(name).n,
		(const char *)name.p);
	return false;
}

static struct pg_statement *make_statement(struct pg_session *s, const struct qf_pg_parse *p,
	struct qf_sql_error *reterr)
{
	struct qf_statement stmt;

	if (!pg_check_text(p->name, reterr) || !pg_check_parse(s, p->text, &stmt, reterr))
		return NULL;
	if (!check_name(s, p->name, reterr))
		return NULL;
	struct pg_statement *st = pg_statement_new(s, p->name, p->text, &stmt, p->types, p->n_types);

	if (pg_is_aborted(s) && st->n > 0 && !ends_transaction(&st->facts)) {
		pg_aborted_error(reterr);
		return pg_statement_unref(s, st);
	}
	return pg_prepared_put(s, st, reterr) ? st : NULL;
}

/* Its description is known here: nobody else needs to be asked. */
static bool is_local(struct pg_session *s, struct pg_statement *st)
{
	struct qf_buf columns = { 0 };

	st->local = st->n == 0 || pg_statement_is_local(s, qf_slice(st->text, st->n), &st->facts, &columns);
	if (st->local)
		pg_statement_describe(s, st, NULL, 0, &columns);
	qf_buf_fini(&columns);
	return st->local;
}

void pg_on_parse(struct pg_session *s, const struct qf_pg_parse *p)
{
	struct qf_sql_error e;

	if (p->name.n == 0)
		pg_prepared_drop_unnamed(s);
	struct pg_statement *st = make_statement(s, p, &e);

	if (!st)
		pg_extended_fail(s, &e);
	else if (is_local(s, st))
		qf_pg_put_mark(&s->conn.out, '1');
	else
		pg_owe(s, PG_OWED_PARSE, st, NULL);
}

/* ---- Bind ---- */

static bool check_counts(const struct pg_statement *st, const struct qf_pg_bind *b, struct qf_sql_error *reterr)
{
	if (b->n_param_formats > 1 && b->n_param_formats != b->n_values) {
		qf_sql_error_set(reterr, "08P01", "bind message has %u parameter formats but %u parameters",
			b->n_param_formats, b->n_values);
		return false;
	}
	if (b->n_values == st->n_params)
		return true;
	qf_sql_error_set(reterr, "08P01",
		"bind message supplies %u parameters, but prepared statement \"%.*s\" requires %u",
		b->n_values, PG_NAME_SHOWN, st->name, st->n_params);
	return false;
}

static bool check_formats(struct qf_reader r, uint16_t n, struct qf_sql_error *reterr)
{
	for (uint16_t i = 0; i < n; i++) {
		uint16_t format = qf_read_u16(&r);

		if (format <= 1)
			continue;
		qf_sql_error_set(reterr, "22023", "unsupported format code: %d", (int16_t)format);
		return false;
	}
	return true;
}

static bool check_text_values(const struct pg_portal *p, struct qf_sql_error *reterr)
{
	for (uint16_t i = 0; i < p->n_values; i++) {
		const struct qf_value *v = &p->values[i];

		if (v->p && !v->binary && !pg_check_text(qf_slice(v->p, v->n), reterr))
			return false;
	}
	return true;
}

static struct pg_portal *make_portal(struct pg_session *s, struct pg_statement *st, const struct qf_pg_bind *b,
				     struct qf_sql_error *reterr)
{
	if (!check_counts(st, b, reterr))
		return NULL;
	if (pg_is_aborted(s) && !ends_transaction(&st->facts)) {
		pg_aborted_error(reterr);
		return NULL;
	}
	if (b->portal.n && pg_portal_find(s, b->portal)) {
		qf_sql_error_set(reterr, "42P03", "portal \"%.*s\" already exists", (int)pg_name_shown(b->portal).n,
			(const char *)b->portal.p);
		return NULL;
	}
	if (!check_formats(b->param_formats, b->n_param_formats, reterr))
		return NULL;
	if (!check_formats(b->formats, b->n_formats, reterr))
		return NULL;
	struct pg_portal *p = pg_portal_new(s, st, b);

	if (!check_text_values(p, reterr))
		return pg_portal_unref(s, p);
	return pg_portal_put(s, p, reterr) ? p : NULL;
}

/* Is the statement the one that was parsed just before? */
static bool follows_parse(const struct pg_session *s, const struct pg_statement *st)
{
	return s->extended.owed == PG_OWED_PARSE && st == s->extended.owed_statement;
}

bool pg_on_bind(struct pg_session *s, const struct qf_pg_bind *b)
{
	struct pg_statement *st = pg_prepared_find(s, b->statement);
	struct pg_portal *p = NULL;
	struct qf_sql_error e;
	bool follows = st && follows_parse(s, st);

	if (!follows && !pg_settle(s))
		return false;
	if (s->skip_to_sync)
		return true;
	if (!st)
		pg_prepared_missing(pg_name_shown(b->statement), &e);
	else
		p = make_portal(s, st, b, &e);
	if (p && st->local) {
		qf_pg_put_mark(&s->conn.out, '2');
	} else if (p) {
		pg_owe(s, PG_OWED_BIND, st, p);
	} else {
		if (!pg_settle(s))
			return false; /* an error of its Parse comes first */
		if (!s->skip_to_sync)
			pg_extended_fail(s, &e);
	}
	return true;
}
