/*
 * Prepared statements of one connection, by text and declared types. Named statements of clients are prepared under a
 * name of ours where they run and stay until they are the longest unused of many.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"

enum { MAX_STATEMENTS = 256, MAX_TEXT = 256 << 10 };

void pge_statements_init(struct pge_statements *s, const char *suffix)
{
	s->suffix = suffix;
	s->by_text = qf_map_new();
	qf_list_init(&s->used);
	s->count = 0;
	qf_buf_init(&s->key);
}

static void statement_free(struct pge_statements *s, struct pge_statement *st)
{
	qf_map_del(s->by_text, qf_buf_slice(&st->key));
	qf_list_remove(&st->link);
	qf_buf_fini(&st->key);
	qf_buf_fini(&st->columns);
	free(st);
	s->count--;
}

void pge_statements_clear(struct pge_statements *s)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &s->used)
		statement_free(s, qf_container_of(it, struct pge_statement, link));
}

void pge_statements_doubt(struct pge_statements *s)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &s->used) {
		struct pge_statement *st = qf_container_of(it, struct pge_statement, link);

		st->doubtful |= st->parsed;
		st->parsed = st->described = false;
		qf_buf_clear(&st->columns);
	}
}

void pge_statements_fini(struct pge_statements *s)
{
	pge_statements_clear(s);
	s->by_text = qf_map_free(s->by_text);
	qf_buf_fini(&s->key);
}

static void make_key(struct qf_buf *key, struct qf_slice sql, const struct qf_bind *b)
{
	qf_buf_clear(key);
	qf_buf_u16(key, b->n_types);
	for (uint16_t i = 0; i < b->n_types; i++)
		qf_buf_u32(key, b->types[i]);
	qf_buf_add_slice(key, sql);
}

/*
 * The server infers the types of parameters when it parses, once and for all. A value in binary needs the type that its
 * client knows of; one in text is read as what the tables were like then.
 */
static bool infers(const struct qf_bind *b)
{
	for (uint16_t i = 0; i < b->n_values; i++)
		if (qf_bind_type(b, i) == 0)
			return true;
	return false;
}

static bool misreads(const struct qf_bind *b)
{
	for (uint16_t i = 0; i < b->n_values; i++)
		if (qf_bind_type(b, i) == 0 && b->values[i].binary)
			return true;
	return false;
}

void pge_statements_drop(struct pge_statements *s, struct pge_statement *st, struct qf_buf *out)
{
	if (st->parsed || st->doubtful)
		qf_pg_put_close(out, 'S', st->name);
	statement_free(s, st);
}

/* In a transaction a plan that does not fit is an error that undoes it all; outside the statement is tried again. */
static bool is_stale(const struct qf_engine_conn *c, const struct pge_statement *st, uint64_t catalog, const struct qf_bind *b)
{
	return c->changed_catalog || (st->catalog != catalog && (infers(b) || c->transaction != 'I'));
}

struct pge_statement *pge_statements_get(struct qf_engine_conn *c, struct qf_slice sql, const struct qf_bind *b)
{
	struct pge_statements *s = &c->statements;
	struct qf_buf *out = &c->out;
	uint64_t catalog = pge_catalog(c->pool->engine);
	struct pge_statement *st;

	if (sql.n > MAX_TEXT || misreads(b))
		return NULL;
	make_key(&s->key, sql, b);
	st = qf_map_get(s->by_text, qf_buf_slice(&s->key));
	if (st && is_stale(c, st, catalog, b)) {
		pge_statements_drop(s, st, out);
		st = NULL;
	}
	if (st) {
		qf_list_remove(&st->link);
		qf_list_append(&s->used, &st->link);
		return st;
	}
	if (s->count >= MAX_STATEMENTS)
		pge_statements_drop(s, qf_container_of(s->used.next, struct pge_statement, link), out);
	st = qf_xcalloc(1, sizeof(*st));
	qf_buf_add_slice(&st->key, qf_buf_slice(&s->key));
	snprintf(st->name, sizeof(st->name), "qf%llu_%s", (unsigned long long)++s->last, s->suffix);
	st->catalog = catalog;
	qf_map_put(s->by_text, qf_buf_slice(&st->key), st);
	qf_list_append(&s->used, &st->link);
	s->count++;
	return st;
}
