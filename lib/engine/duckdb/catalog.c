/*
 * What tables look like, for translation: look-ups on threads of the pool, each with a connection of its own, and
 * the number that says whether a look-up is still true.
 *
 * The number grows when a statement that is no plain read or write of rows has ended, or a COMMIT of a transaction
 * with such a one; while they run, `changing` counts them, because nobody can tell when in between they take effect.
 * A statement that was translated with a look-up is compared with the catalog between its binding and its start: by
 * the number, else by looking again while nothing begins or ends. One that is on its way all the time takes effect
 * once, so that tables that are the same before and after the binding were so when it happened. A transaction has a
 * catalog of its own, as it was when it began and with its own changes: there the tables are looked at on its
 * connection, before the statement, unless the number says that nothing has changed at all.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/str.h"

enum { MAX_COLUMNS_JSON = 256 << 10 }; /* of one table; a larger one counts as not there */

struct duck_lookup {
	struct duck_work work;
	struct qf_list link; /* of qf_engine.looked */
	struct qf_engine *engine;
	struct qf_engine_lookup *pub;
	struct qf_buf *columns; /* one a table */
	size_t n;
};

/* ---- reading ---- */

static void put_cell(const struct duck_api *api, struct qf_buf *b, duckdb_vector v, idx_t row)
{
	duckdb_string_t *cells = api->vector_get_data(v);

	qf_quote_json(b, qf_slice(api->string_t_data(&cells[row]), api->string_t_length(cells[row])));
}

static void put_rows(const struct duck_api *api, struct qf_buf *b, duckdb_data_chunk chunk)
{
	duckdb_vector name = api->data_chunk_get_vector(chunk, 0), type = api->data_chunk_get_vector(chunk, 1);

	for (idx_t i = 0; i < api->data_chunk_get_size(chunk); i++) {
		if (b->n > 1)
			qf_buf_u8(b, ',');
		put_cell(api, b, name, i);
		qf_buf_u8(b, ':');
		put_cell(api, b, type, i);
	}
}

static void put_name(struct qf_buf *sql, const char *name)
{
	qf_buf_u8(sql, '"');
	for (; *name; name++) {
		if (*name == '"')
			qf_buf_u8(sql, '"');
		qf_buf_u8(sql, (uint8_t)*name);
	}
	qf_buf_u8(sql, '"');
}

/* DuckDB binds it as it would bind the statement: search path, views, case and all. */
static void describe(struct qf_buf *sql, const struct qf_engine_table *t)
{
	const char *parts[] = { t->catalog, t->schema, t->name };

	qf_buf_add_str(sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM ");
	for (size_t i = 0; i < 3; i++) {
		if (!parts[i])
			continue;
		put_name(sql, parts[i]);
		if (i < 2)
			qf_buf_u8(sql, '.');
	}
	qf_buf_u8(sql, ')');
}

/* There is no such table, schema or database; anything else that goes wrong says nothing about the table. */
static bool is_missing(const char *error)
{
	struct qf_sql_error e;

	duck_error_read(error, &e);
	return strcmp(e.sqlstate, "42P01") == 0 || strcmp(e.sqlstate, "3F000") == 0;
}

static void read_columns(const struct duck_api *api, duckdb_connection db, const struct qf_engine_table *t, struct qf_buf *b)
{
	duckdb_data_chunk chunk;
	duckdb_result res;
	struct qf_buf sql;

	qf_buf_init(&sql);
	describe(&sql, t);
	if (api->query(db, qf_buf_cstr(&sql), &res) != DuckDBSuccess) {
		if (is_missing(api->result_error(&res)))
			qf_buf_add_str(b, "{}");
	} else {
		qf_buf_u8(b, '{');
		while (b->n < MAX_COLUMNS_JSON && (chunk = api->fetch_chunk(res))) {
			put_rows(api, b, chunk);
			api->destroy_data_chunk(&chunk);
		}
		qf_buf_u8(b, '}');
		if (b->n > MAX_COLUMNS_JSON)
			qf_buf_clear(b);
	}
	api->destroy_result(&res);
	qf_buf_fini(&sql);
}

/* Everything that is asked for, on a new connection with these settings. */
static void read_tables(struct qf_engine *e, const struct qf_engine_table *tables, size_t n,
			const struct qf_engine_setting *settings, size_t n_settings, struct qf_buf *ret)
{
	struct qf_engine_conn c = { .engine = e };
	struct qf_engine_job job = { .settings = settings, .n_settings = n_settings };
	struct qf_sql_error ignored;

	if (e->api.connect(e->db, &c.db) != DuckDBSuccess)
		return;
	if (duck_session_settings(&c, &job, &ignored) == 0)
		for (size_t i = 0; i < n && !e->closing; i++)
			read_columns(&e->api, c.db, &tables[i], &ret[i]);
	e->api.disconnect(&c.db);
	free(c.timezone);
	free(c.search_path);
}

/* ---- look-ups ---- */

static void lookup_free(struct duck_lookup *l)
{
	for (size_t i = 0; i < l->n; i++)
		qf_buf_fini(&l->columns[i]);
	free(l->columns);
	free(l);
}

static struct qf_wake *lookup_step(struct duck_work *w)
{
	struct duck_lookup *l = qf_container_of(w, struct duck_lookup, work);
	struct qf_engine *e = l->engine;

	read_tables(e, l->pub->tables, l->pub->n_tables, l->pub->settings, l->pub->n_settings, l->columns);
	pthread_mutex_lock(&e->lock);
	e->looking--;
	qf_list_append(&e->looked, &l->link);
	pthread_mutex_unlock(&e->lock);
	return e->wake;
}

int duck_lookup(struct qf_engine *e, struct qf_engine_lookup *pub)
{
	struct duck_lookup *l;

	pthread_mutex_lock(&e->lock);
	bool dead = e->dead;
	e->looking += !dead;
	pthread_mutex_unlock(&e->lock);
	if (dead)
		return -EAGAIN;
	l = qf_xcalloc(1, sizeof(*l));
	l->engine = e;
	l->pub = pub;
	l->n = pub->n_tables;
	l->columns = qf_xcalloc(l->n + 1, sizeof(*l->columns));
	l->work.fn = lookup_step;
	qf_list_init(&l->link);
	int r = duck_pool_add(e->pool, &l->work);

	if (r < 0) {
		pthread_mutex_lock(&e->lock);
		e->looking--;
		pthread_mutex_unlock(&e->lock);
		lookup_free(l);
	}
	return r;
}

/* The callback may free what it was asked with. */
static void tell(struct duck_lookup *l)
{
	struct qf_slice *columns = qf_xcalloc(l->n + 1, sizeof(*columns));

	for (size_t i = 0; i < l->n; i++)
		columns[i] = qf_buf_slice(&l->columns[i]);
	l->pub->on_done(l->pub, columns);
	free(columns);
}

void duck_lookups_deliver(struct qf_engine *e, bool to_caller)
{
	struct qf_list now, *it, *tmp;

	qf_list_init(&now);
	pthread_mutex_lock(&e->lock);
	qf_list_each(it, tmp, &e->looked) {
		qf_list_remove(it);
		qf_list_append(&now, it);
	}
	pthread_mutex_unlock(&e->lock);
	qf_list_each(it, tmp, &now) {
		struct duck_lookup *l = qf_container_of(it, struct duck_lookup, link);

		qf_list_remove(it);
		if (to_caller)
			tell(l);
		lookup_free(l);
	}
}

/* ---- the number ---- */

uint64_t duck_catalog(struct qf_engine *e)
{
	pthread_mutex_lock(&e->lock);
	uint64_t now = e->catalog;
	pthread_mutex_unlock(&e->lock);
	return now;
}

static bool leaves_catalog(const struct qf_engine_conn *c, duckdb_statement_type type, const char *sql)
{
	if (type == DUCKDB_STATEMENT_TYPE_TRANSACTION)
		return !c->dirty || !duck_session_is_commit(sql);
	return c->in_transaction || duck_session_leaves_no_state(type);
}

void duck_catalog_begin(struct qf_engine_conn *c, duckdb_statement_type type, const char *sql)
{
	struct qf_engine *e = c->engine;

	if (c->job.changes_catalog || leaves_catalog(c, type, sql))
		return;
	c->job.changes_catalog = true;
	pthread_mutex_lock(&e->lock);
	e->changing++;
	e->begun++;
	pthread_mutex_unlock(&e->lock);
}

void duck_catalog_end(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	if (!c->job.changes_catalog)
		return;
	c->job.changes_catalog = false;
	pthread_mutex_lock(&e->lock);
	e->changing--;
	e->catalog++;
	pthread_mutex_unlock(&e->lock);
}

/* As others see them, or (own) as the connection itself does. */
static bool same_columns(struct qf_engine_conn *c, bool own)
{
	const struct qf_engine_job *pub = c->job.pub;
	struct qf_buf *now = qf_xcalloc(pub->n_tables, sizeof(*now));
	bool same = true;

	if (!own)
		read_tables(c->engine, pub->tables, pub->n_tables, pub->settings, pub->n_settings, now);
	for (size_t i = 0; i < pub->n_tables && own; i++)
		read_columns(&c->engine->api, c->db, &pub->tables[i], &now[i]);
	for (size_t i = 0; i < pub->n_tables; i++) {
		same = same && (!pub->tables[i].hash || pub->tables[i].hash == qf_engine_columns_hash(qf_buf_slice(&now[i])));
		qf_buf_fini(&now[i]);
	}
	free(now);
	return same;
}

/* Without what the connection's own statement does to it. */
static struct duck_catalog_state state_now(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	pthread_mutex_lock(&e->lock);
	struct duck_catalog_state now = { .number = e->catalog, .begun = e->begun, .changing = e->changing };
	pthread_mutex_unlock(&e->lock);
	now.begun -= c->job.changes_catalog;
	now.changing -= c->job.changes_catalog;
	return now;
}

/* Views may read files, which change without a statement of ours: the number says nothing then. */
static bool reads_files(const struct qf_engine *e)
{
	return e->cfg->n_allowed_directories > 0;
}

/* Nothing has changed since the transaction began. */
static bool is_untouched(const struct qf_engine_conn *c, const struct duck_catalog_state *now)
{
	return !reads_files(c->engine) && !now->changing && now->number == c->job.pub->catalog &&
	       c->catalog == now->number && !c->dirty;
}

void duck_catalog_before(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;

	j->before = state_now(c);
	j->before_same = false;
	if (j->pub->n_tables == 0)
		return;
	if (c->in_transaction ? !is_untouched(c, &j->before) : j->before.changing == 1)
		j->before_same = same_columns(c, c->in_transaction);
}

bool duck_catalog_holds(struct qf_engine_conn *c)
{
	const struct qf_engine_job *pub = c->job.pub;
	struct duck_catalog_state before = c->job.before, now = state_now(c);

	if (pub->n_tables == 0)
		return true;
	if (c->in_transaction)
		return c->job.before_same || is_untouched(c, &now);
	if (!now.changing && now.number == pub->catalog && !reads_files(c->engine))
		return true;
	if (!same_columns(c, false))
		return false;
	now = state_now(c);
	if (now.number != before.number || now.begun != before.begun)
		return false; /* it may have been bound in between */
	return now.changing == 0 || (now.changing == 1 && c->job.before_same);
}
