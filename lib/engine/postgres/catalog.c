/*
 * What tables look like, for translation. Look-ups have a connection of their own, because those of the pool may all be
 * busy for long; what a transaction sees of its tables is asked on its own connection, before the statement.
 *
 * Others change the catalog too, and nobody tells: the number changes each minute, and with what was changed here.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/str.h"

#define CATALOG_NS (60 * QF_SEC)

enum { MAX_COLUMNS_JSON = 256 << 10 }; /* of one table; a larger one counts as not there */

struct pge_look {
	struct qf_list link;		/* of qf_engine.looks */
	struct qf_engine_lookup *pub;	/* NULL: before a statement */
	struct qf_buf *columns;		/* one a table */
	size_t n, got;
	bool skip_row; /* of the statement before */
};

/* ---- the number ---- */

uint64_t pge_catalog(struct qf_engine *e)
{
	uint64_t now = qf_loop_now(e->loop);

	if (now - e->catalog_ns >= CATALOG_NS)
		pge_catalog_changed(e);
	return e->catalog;
}

void pge_catalog_changed(struct qf_engine *e)
{
	e->catalog++;
	e->catalog_ns = qf_loop_now(e->loop);
}

/* ---- asking ---- */

/*
 * A row for each of a JSON list of names, in its order: the columns, {} where there is no table or view. Named as the
 * server would find them: by the search path, and in this database only. What the text itself names, operators too, is
 * found by no path: one of the client's could put something else in its place.
 */
#define OP(o) " OPERATOR(pg_catalog." o ") "

static const char look_sql[] =
	"SELECT CASE WHEN c.oid IS NULL THEN '{}' ELSE pg_catalog.concat('{', (SELECT pg_catalog.string_agg("
	"pg_catalog.concat(pg_catalog.to_json(a.attname::pg_catalog.text), ':', "
	"pg_catalog.to_json(pg_catalog.format_type(a.atttypid, a.atttypmod))), ',' ORDER BY a.attnum) "
	"FROM pg_catalog.pg_attribute a WHERE a.attrelid" OP("=") "c.oid AND a.attnum" OP(">") "0 AND NOT a.attisdropped), "
	"'}') END "
	"FROM pg_catalog.json_array_elements($1::pg_catalog.json) WITH ORDINALITY AS t(e, i) "
	"LEFT JOIN pg_catalog.pg_class c ON c.relkind" OP("=") "ANY ('{r,v,m,f,p}'::pg_catalog.\"char\"[]) AND "
	"c.oid" OP("=") "CASE WHEN (e" OP("->>") "'c') IS NULL OR (e" OP("->>") "'c')" OP("=") "pg_catalog.current_database() "
	"THEN pg_catalog.to_regclass(pg_catalog.concat(pg_catalog.quote_ident(e" OP("->>") "'s')" OP("||") "'.', "
	"pg_catalog.quote_ident(e" OP("->>") "'n'))) END ORDER BY t.i";

static void put_part(struct qf_buf *json, const char *key, const char *value)
{
	if (!value)
		return;
	qf_buf_printf(json, "%s\"%s\":", json->p[json->n - 1] == '{' ? "" : ",", key);
	qf_quote_json(json, qf_slice_str(value));
}

static void put_names(struct qf_buf *json, const struct qf_engine_table *t, size_t n)
{
	qf_buf_u8(json, '[');
	for (size_t i = 0; i < n; i++) {
		qf_buf_add_str(json, i > 0 ? ",{" : "{");
		put_part(json, "c", t[i].catalog);
		put_part(json, "s", t[i].schema);
		put_part(json, "n", t[i].name);
		qf_buf_u8(json, '}');
	}
	qf_buf_u8(json, ']');
}

static void put_call(struct qf_engine_conn *c, const char *sql, struct qf_slice param)
{
	qf_pg_put_parse(&c->out, "", qf_slice_str(sql), NULL, 0);
	size_t at = qf_pg_begin_bind(&c->out, "", "", NULL, 1);

	qf_pg_add_value(&c->out, param.p, (uint32_t)param.n);
	qf_pg_end_bind(&c->out, at, NULL, 0);
	qf_pg_put_execute(&c->out, "", 0);
}

static void put_look(struct qf_engine_conn *c, struct pge_look *l, const struct qf_engine_table *t)
{
	struct qf_buf json;

	qf_buf_init(&json);
	put_names(&json, t, l->n);
	put_call(c, look_sql, qf_buf_slice(&json));
	qf_buf_fini(&json);
	qf_pg_put_sync(&c->out);
	c->look = l;
	pge_conn_sent(c, PGE_GROUP_LOOK);
	qf_timer_set(c->pool->engine->loop, &c->timer, c->pool->engine->cfg->connect_timeout_ns);
	pge_wire_flush(c);
}

static struct pge_look *look_new(struct qf_engine_lookup *pub, size_t n)
{
	struct pge_look *l = qf_xcalloc(1, sizeof(*l));

	l->pub = pub;
	l->n = n;
	l->columns = qf_xcalloc(n + 1, sizeof(*l->columns));
	qf_list_init(&l->link);
	return l;
}

void pge_look_free(struct pge_look *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++)
		qf_buf_fini(&l->columns[i]);
	qf_list_remove(&l->link);
	free(l->columns);
	free(l);
}

void pge_look_message(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct pge_look *l = c->look;
	struct qf_reader r = qf_reader(m->body);

	if (m->kind == 'C')
		l->skip_row = false;
	if (m->kind != 'D' || l->skip_row || l->got >= l->n)
		return;
	qf_read_u16(&r);
	struct qf_slice text = qf_pg_read_value(&r);

	if (!r.err && text.n <= MAX_COLUMNS_JSON)
		qf_buf_add_slice(&l->columns[l->got], text);
	l->got++;
}

/* ---- before a statement ---- */

bool pge_look_put(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	const struct qf_engine_job *job = r->job;

	if (job->n_tables == 0 || r->compared || (!c->changed_catalog && job->catalog == pge_catalog(c->pool->engine)))
		return false;
	c->group_job = job;
	put_look(c, look_new(NULL, job->n_tables), job->tables);
	return true;
}

static void compare(struct qf_engine_conn *c, struct pge_look *l, bool ok)
{
	struct pge_run *r = &c->run;
	struct qf_engine_end end = { .outcome = QF_OUT_NOT_SENT, .catalog_changed = true };
	bool same = ok && l->got == l->n;

	if (!c->group_job) /* it was cancelled; another one may have come */
		return;
	for (size_t i = 0; i < l->n && same; i++)
		same = r->job->tables[i].hash == 0 ||
		       r->job->tables[i].hash == qf_engine_columns_hash(qf_buf_slice(&l->columns[i]));
	r->compared = same;
	if (same)
		return;
	qf_sql_error_set(&end.error, "40001", "a table of the statement has changed since it was translated");
	pge_run_finish(c, &end);
}

/* ---- look-ups ---- */

static void tell(struct pge_look *l, bool ok)
{
	struct qf_slice *columns = qf_xcalloc(l->n + 1, sizeof(*columns));

	for (size_t i = 0; i < l->n && ok; i++)
		columns[i] = qf_buf_slice(&l->columns[i]);
	qf_list_remove(&l->link);
	l->pub->on_done(l->pub, columns);
	free(columns);
}

void pge_look_done(struct qf_engine_conn *c, bool ok)
{
	struct pge_look *l = c->look;

	c->look = NULL;
	if (l->pub)
		tell(l, ok);
	else
		compare(c, l, ok);
	pge_look_free(l);
}

/* What the statement's names are looked up in, as its settings say; empty: the server's default. */
static void add_search_path(struct qf_buf *path, const struct qf_engine_lookup *l)
{
	for (size_t i = 0; i < l->n_settings; i++)
		if (strcmp(l->settings[i].name, "schema") == 0)
			pge_schema_path(path, l->settings[i].value);
}

void pge_looker_advance(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->pool->engine;

	c->used_ns = qf_loop_now(e->loop);
	if (qf_list_empty(&e->looks))
		return;
	struct pge_look *l = qf_container_of(e->looks.next, struct pge_look, link);
	struct qf_buf path;

	qf_buf_init(&path);
	add_search_path(&path, l->pub);
	qf_list_remove(&l->link);
	/* Up to the Sync it is one transaction, and the setting local to it. */
	if (path.n > 0)
		put_call(c, "SELECT pg_catalog.set_config('search_path', $1, true)", qf_buf_slice(&path));
	l->skip_row = path.n > 0;
	qf_buf_fini(&path);
	put_look(c, l, l->pub->tables);
}

/* Those that wait would wait for the next attempt: not knowing is an answer. */
void pge_looker_lost(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->pool->engine;
	struct qf_list now, *it, *tmp;
	struct pge_look *l;

	qf_list_init(&now);
	e->looker = NULL;
	if (c->look)
		qf_list_append(&now, &c->look->link);
	c->look = NULL;
	qf_list_each(it, tmp, &e->looks) {
		qf_list_remove(it);
		qf_list_append(&now, it);
	}
	while (!qf_list_empty(&now)) {
		l = qf_container_of(now.next, struct pge_look, link);
		tell(l, false);
		pge_look_free(l);
	}
}

int pge_lookup(struct qf_engine *e, struct qf_engine_lookup *pub)
{
	struct pge_look *l;

	if (!e->has_service || pge_identity_backoff(e->service) > 0)
		return -EAGAIN;
	l = look_new(pub, pub->n_tables);
	qf_list_append(&e->looks, &l->link);
	if (!e->looker) {
		e->looker = pge_conn_new(&e->pool, e->service);
		e->looker->looker = true;
		pge_connect_start(e->looker, NULL);
	} else {
		pge_conn_advance(e->looker);
	}
	return 0;
}

void pge_looks_fini(struct qf_engine *e)
{
	struct qf_list *it, *tmp;

	if (e->looker)
		pge_conn_free(e->looker);
	qf_list_each(it, tmp, &e->looks)
		pge_look_free(qf_container_of(it, struct pge_look, link));
}
