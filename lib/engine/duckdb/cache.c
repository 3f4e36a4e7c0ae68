/* See cache.h. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#include "private.h"

enum { MAX_ENTRIES = 32, MAX_TEXT = 64 << 10 };

#define WRITING UINT64_MAX /* somebody writes at this moment */

struct entry {
	struct qf_list link;
	char *key;
	duckdb_prepared_statement prepared;
	uint64_t writes;
};

/* ---- what was written ---- */

void duck_writes_begin(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	if (c->job.writes)
		return;
	c->job.writes = true;
	pthread_mutex_lock(&e->lock);
	e->writing++;
	e->writes++;
	pthread_mutex_unlock(&e->lock);
}

void duck_writes_end(struct qf_engine_conn *c)
{
	struct qf_engine *e = c->engine;

	if (!c->job.writes)
		return;
	c->job.writes = false;
	pthread_mutex_lock(&e->lock);
	e->writing--;
	pthread_mutex_unlock(&e->lock);
}

static uint64_t writes_now(struct qf_engine *e)
{
	pthread_mutex_lock(&e->lock);
	uint64_t now = e->writing ? WRITING : e->writes;
	pthread_mutex_unlock(&e->lock);
	return now;
}

/* ---- entries ---- */

void duck_cache_init(struct duck_cache *cache)
{
	qf_list_init(&cache->entries);
	cache->n = 0;
}

static void drop(struct qf_engine_conn *c, struct entry *x)
{
	qf_list_remove(&x->link);
	c->cache.n--;
	c->engine->api.destroy_prepare(&x->prepared);
	free(x->key);
	free(x);
}

void duck_cache_clear(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->cache.entries)
		drop(c, qf_container_of(it, struct entry, link));
}

/* Names are bound and constants computed with the settings. */
static char *key_of(const struct qf_engine_conn *c, const char *sql)
{
	return qf_xasprintf("%s\n%s\n%s", c->timezone ? c->timezone : "", c->search_path ? c->search_path : "", sql);
}

/* A transaction sees the tables as they were when it began: its plans are its own. */
static bool is_wanted(const struct qf_engine_conn *c, const char *sql)
{
	const struct qf_conf_cluster *cfg = c->engine->cfg;

	return c->job.pub->bind->flags & QF_RUN_NAMED && !c->in_transaction && !cfg->init_sql &&
	       cfg->n_allowed_directories == 0 && strlen(sql) <= MAX_TEXT;
}

static struct entry *find(struct qf_engine_conn *c, const char *key)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->cache.entries) {
		struct entry *x = qf_container_of(it, struct entry, link);

		if (strcmp(x->key, key) == 0)
			return x;
	}
	return NULL;
}

duckdb_prepared_statement duck_cache_take(struct qf_engine_conn *c, const char *sql, uint64_t *ret_writes)
{
	duckdb_prepared_statement prepared = NULL;

	*ret_writes = WRITING;
	if (!is_wanted(c, sql))
		return NULL;
	*ret_writes = writes_now(c->engine);
	char *key = key_of(c, sql);
	struct entry *x = find(c, key);

	free(key);
	if (!x)
		return NULL;
	if (x->writes == *ret_writes) {
		prepared = x->prepared;
		x->prepared = NULL;
	}
	drop(c, x);
	return prepared;
}

void duck_cache_put(struct qf_engine_conn *c, const char *sql, duckdb_prepared_statement prepared, uint64_t writes)
{
	const struct duck_api *api = &c->engine->api;
	bool keep = prepared && writes != WRITING && is_wanted(c, sql) &&
		    api->prepared_statement_type(prepared) == DUCKDB_STATEMENT_TYPE_SELECT &&
		    api->clear_bindings(prepared) == DuckDBSuccess;
	struct entry *x;

	if (!keep) {
		api->destroy_prepare(&prepared);
		return;
	}
	x = qf_xcalloc(1, sizeof(*x));
	x->key = key_of(c, sql);
	x->prepared = prepared;
	x->writes = writes;
	qf_list_append(c->cache.entries.next, &x->link);
	if (++c->cache.n > MAX_ENTRIES)
		drop(c, qf_container_of(c->cache.entries.prev, struct entry, link));
}
