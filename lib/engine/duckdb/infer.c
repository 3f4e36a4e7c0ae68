/*
 * Types of parameters that nobody declares and DuckDB leaves open: `$1 + 1`, `length($1)`, `i = ANY($1)`.
 *
 * Text first, as PostgreSQL takes a literal of unknown type. Where that does not fit, DuckDB's own error says what
 * stands beside it: an operator's parameter gets the type of the other side [PG 10.2, rule 2a], that of a function one
 * of few types. Each try is one prepared statement that is never run. What a table function takes is not found, because
 * any NULL pleases it: a client declares that.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

enum { MAX_TRIES = 60, MAX_CANDIDATES = 6 };

struct search {
	struct duck_plan *plan;
	struct qf_engine_conn *conn;
	unsigned tries;
};

struct candidates {
	struct duck_type types[MAX_CANDIDATES];
	unsigned n;
};

static bool can_prepare(struct search *s, bool nulls, bool *ret_known, struct qf_buf *why)
{
	const struct duck_api *api = &s->conn->engine->api;
	duckdb_prepared_statement prepared = NULL;
	struct qf_buf sql;

	qf_buf_init(&sql);
	duck_plan_put_sql(&sql, s->plan, nulls);
	s->tries++;
	bool ok = duck_prepare(s->conn, qf_buf_cstr(&sql), &prepared, why);

	qf_buf_fini(&sql);
	if (!ok)
		return false;
	*ret_known = duck_columns_known(api, prepared);
	api->destroy_prepare(&prepared);
	return true;
}

/*
 * A statement whose columns are not known yet has not been looked at in full: with NULLs it is. *why is the message
 * alone; the plan keeps the whole of the first one.
 */
static bool fits(struct search *s, struct qf_buf *why)
{
	struct qf_sql_error e;
	bool known = false;
	struct qf_buf raw;

	qf_buf_clear(why);
	qf_buf_init(&raw);
	if (!can_prepare(s, false, &known, &raw) || (!known && !can_prepare(s, true, &known, &raw))) {
		duck_error_read(qf_buf_cstr(&raw), &e);
		qf_buf_add_str(why, e.message);
		if (!s->plan->why.n)
			qf_buf_add_slice(&s->plan->why, qf_buf_slice(&raw));
	}
	qf_buf_fini(&raw);
	return why->n == 0;
}

/* ---- what the error says ---- */

/* "…argument types 'name(A, B)'…": the list, and whether the name is that of an operator. */
static bool signature(const char *why, struct qf_slice *ret, bool *ret_operator)
{
	static const char lead[] = "argument types '";
	const char *p = strstr(why, lead), *open, *end;

	if (!p)
		return false;
	p += sizeof(lead) - 1;
	open = strchr(p, '(');
	end = open ? strstr(open, ")'") : NULL;
	if (!end)
		return false;
	*ret_operator = !isalpha((unsigned char)*p) && *p != '_';
	*ret = qf_slice(open + 1, (size_t)(end - open - 1));
	return true;
}

/* The first type of a list that is not text; commas stand in brackets too. */
static bool first_other(struct qf_slice list, struct duck_type *ret)
{
	size_t from = 0;
	int depth = 0;

	for (size_t i = 0; i <= list.n; i++) {
		if (i < list.n) {
			depth += (list.p[i] == '(') - (list.p[i] == ')');
			if (depth > 0 || list.p[i] != ',')
				continue;
		}
		struct qf_slice name = qf_slice(list.p + from, i - from);

		if (duck_type_of_name(ret, name) && ret->id != DUCKDB_TYPE_VARCHAR)
			return true;
		from = i + 2; /* ", " */
		if (from > list.n)
			break;
	}
	return false;
}

/* "Cannot compare values of type A and [type] B", "Cannot concatenate types A and B" */
static bool other_side(const char *why, struct duck_type *ret)
{
	const char *p = strstr(why, "of type "), *and;
	size_t skip = 8;

	if (!p) {
		p = strstr(why, "types ");
		skip = 6;
	}
	and = p ? strstr(p, " and ") : NULL;
	if (!and)
		return false;
	if (duck_type_of_name(ret, qf_slice(p + skip, (size_t)(and - p) - skip)) && ret->id != DUCKDB_TYPE_VARCHAR)
		return true;
	p = and + 5;
	if (strncmp(p, "type ", 5) == 0)
		p += 5;
	return duck_type_of_name(ret, qf_slice(p, strcspn(p, " \n\"")));
}

static void add(struct candidates *c, struct duck_type t)
{
	if (c->n < MAX_CANDIDATES)
		c->types[c->n++] = t;
}

static void add_common(struct candidates *c)
{
	add(c, DUCK_TYPE(DOUBLE));
	add(c, DUCK_TYPE(BIGINT));
	add(c, DUCK_TYPE(TIMESTAMP));
	add(c, DUCK_TYPE(INTERVAL));
}

static void candidates(struct candidates *ret, const char *why, const struct duck_type *has)
{
	bool is_operator = false;
	struct duck_type other;
	struct qf_slice list;

	*ret = (struct candidates){ 0 };
	if (strstr(why, "UNNEST")) {
		other = DUCK_TYPE(VARCHAR);
		other.depth = 1;
		add(ret, other);
	} else if (signature(why, &list, &is_operator)) {
		if (is_operator && first_other(list, &other))
			add(ret, other);
		add_common(ret);
	} else if (other_side(why, &other)) {
		if (has->depth > other.depth)
			other.depth = has->depth;
		add(ret, other);
	}
}

/* The error speaks of another place, or of a text less: that one is right, go on with the next. */
static bool is_progress(const char *before, const char *after)
{
	return strcmp(before, after) != 0 && strstr(after, "VARCHAR");
}

/* ---- the search ---- */

/* True: *why is gone or has changed for the better. */
static bool try_one(struct search *s, struct duck_param *p, struct qf_buf *why)
{
	struct duck_type had = p->as;
	struct candidates c;
	struct qf_buf now;
	bool better = false;

	candidates(&c, qf_buf_cstr(why), &had);
	qf_buf_init(&now);
	for (unsigned i = 0; i < c.n && !better && s->tries < MAX_TRIES; i++) {
		p->as = c.types[i];
		better = fits(s, &now) || is_progress(qf_buf_cstr(why), qf_buf_cstr(&now));
	}
	if (better) {
		qf_buf_clear(why);
		qf_buf_add_slice(why, qf_buf_slice(&now));
	} else {
		p->as = had;
	}
	qf_buf_fini(&now);
	return better;
}

static bool try_each(struct search *s, struct qf_buf *why)
{
	for (unsigned i = 0; i < s->plan->text.max && s->tries < MAX_TRIES; i++) {
		struct duck_param *p = &s->plan->params[i];

		if (p->open && p->as.id == DUCKDB_TYPE_VARCHAR && try_one(s, p, why))
			return true;
	}
	return false;
}

void duck_infer(struct duck_plan *p, struct qf_engine_conn *c)
{
	struct search s = { .plan = p, .conn = c };
	struct qf_buf why;

	for (unsigned i = 0; i < p->text.max; i++)
		if (p->params[i].open)
			p->params[i].as = DUCK_TYPE(VARCHAR);
	qf_buf_init(&why);
	bool fit = fits(&s, &why);

	while (!fit && try_each(&s, &why))
		fit = why.n == 0;
	if (fit)
		qf_buf_clear(&p->why);
	for (unsigned i = 0; i < p->text.max; i++) {
		if (!p->params[i].open)
			continue;
		if (!fit)
			p->params[i].as = DUCK_TYPE(VARCHAR);
		p->params[i].oid = duck_type_oid_of(&p->params[i].as);
	}
	qf_buf_fini(&why);
}
