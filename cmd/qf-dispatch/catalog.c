/*
 * The columns of the tables that statements name, for their translation: a cache for each cluster, filled by
 * look-ups in the engine's own catalog. An entry holds for one state of the catalog (qf_engine_ops.catalog) and one
 * search path; what an older state had is never found again and goes out with time.
 */
#include "dispatch.h"

#include "qf/str.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TABLES 64		/* of one statement; more are not looked up */
#define MAX_JSON (512u << 10)	/* columns that are sent with one statement */

struct lookup {
	struct qf_engine_lookup pub;
	struct request *request; /* NULL: it was given up */
	struct cluster *cluster;
	struct qf_arena *arena;
	struct qf_engine_table *tables;
	size_t *places; /* in the request's names */
	struct qf_buf *keys;
	struct qf_list link; /* of dispatch.lookups */
};

static const char *search_path(const struct stream *s)
{
	for (size_t i = 0; i < s->n_settings; i++)
		if (!strcmp(s->settings[i].name, "schema"))
			return s->settings[i].value;
	return "";
}

uint64_t catalog_state(const struct stream *s, const struct target *t)
{
	const struct cluster *c = t->cluster;

	return c && c->ops->lookup && !s->without_columns ? c->ops->catalog(c->engine) : 0;
}

void catalog_key(struct qf_buf *key, const struct stream *s, uint64_t state)
{
	qf_buf_u64(key, state);
	qf_buf_add_str(key, search_path(s));
	qf_buf_u8(key, 0);
}

static void column_key(struct qf_buf *key, const struct request *q, const struct qf_engine_table *t)
{
	const char *parts[] = { t->catalog, t->schema, t->name };

	catalog_key(key, q->stream, q->target->catalog);
	for (size_t i = 0; i < 3; i++) {
		qf_buf_add_str(key, parts[i] ? parts[i] : "");
		qf_buf_u8(key, 0);
	}
}

/* ---- what was found ---------------------------------------------------------------------------------- */

static void put_key(struct qf_buf *json, const struct qf_table_name *name)
{
	struct qf_buf key;

	qf_buf_init(&key);
	for (unsigned i = 0; i < name->n; i++) {
		qf_buf_add_str(&key, i > 0 ? "." : "");
		qf_buf_add_str(&key, name->part[i]);
	}
	qf_quote_json(json, qf_buf_slice(&key));
	qf_buf_u8(json, ':');
	qf_buf_fini(&key);
}

/*
 * {"name": {"column": "TYPE"}}; a name that means no table has no columns, one of which nothing is known is left out.
 * What the statement builds on goes with its target, for the engine to compare.
 */
static void assemble(struct request *q)
{
	struct target *t = q->target;

	t->tables = qf_arena_alloc(q->stream->arena, (q->n_names + 1) * sizeof *t->tables);
	t->n_tables = 0;
	for (size_t i = 0; i < q->n_names; i++) {
		bool fits = q->columns[i].n < MAX_JSON && q->tables.n < MAX_JSON - q->columns[i].n;

		if (!q->columns[i].n || !fits)
			continue;
		qf_buf_add_str(&q->tables, t->n_tables ? "," : "{");
		put_key(&q->tables, &q->names[i]);
		qf_buf_add_slice(&q->tables, q->columns[i]);
		q->wanted[i].hash = qf_engine_columns_hash(q->columns[i]);
		t->tables[t->n_tables++] = q->wanted[i];
	}
	if (t->n_tables)
		qf_buf_u8(&q->tables, '}');
}

/* The translation from PostgreSQL calls main what PostgreSQL calls public. */
static const char *schema_name(const struct request *q, const char *name)
{
	bool is_public = q->stream->dialect == QF_DIALECT_POSTGRES && q->target->dialect == QF_DIALECT_DUCKDB && !strcmp(name, "public");

	return is_public ? "main" : name;
}

/* PostgreSQL's own: the translation knows its columns. A bare name that begins so is looked for there first. */
static bool of_catalog(const struct stream *s, const struct qf_table_name *n)
{
	if (s->dialect != QF_DIALECT_POSTGRES)
		return false;
	if (n->n == 1)
		return strncmp(n->part[0], "pg_", 3) == 0;
	return n->n == 2 && (!strcmp(n->part[0], "pg_catalog") || !strcmp(n->part[0], "information_schema"));
}

static void find_names(struct request *q)
{
	struct stream *s = q->stream;

	q->names = qf_arena_alloc(s->arena, MAX_TABLES * sizeof *q->names);
	size_t found = qf_sql_tables(translate_text(s, q->target), s->dialect, s->arena, q->names, MAX_TABLES);

	q->n_names = 0;
	for (size_t i = 0; i < found; i++)
		if (!of_catalog(s, &q->names[i]))
			q->names[q->n_names++] = q->names[i];
	q->wanted = qf_arena_alloc(s->arena, (q->n_names + 1) * sizeof *q->wanted);
	q->columns = qf_arena_alloc(s->arena, (q->n_names + 1) * sizeof *q->columns);
	for (size_t i = 0; i < q->n_names; i++) {
		const struct qf_table_name *n = &q->names[i];
		struct qf_engine_table *t = &q->wanted[i];

		t->name = n->part[n->n - 1];
		t->schema = n->n > 1 ? schema_name(q, n->part[n->n - 2]) : NULL;
		t->catalog = n->n > 2 ? n->part[0] : NULL;
	}
}

/* ---- look-ups ---------------------------------------------------------------------------------------- */

static void lookup_free(struct lookup *l)
{
	for (size_t i = 0; i < l->pub.n_tables; i++)
		qf_buf_fini(&l->keys[i]);
	free(l->keys);
	if (l->request)
		l->request->lookup = NULL;
	qf_list_remove(&l->link);
	qf_arena_free(l->arena);
	free(l);
}

static struct qf_slice keep_slice(struct stream *s, struct qf_slice text)
{
	return qf_slice(qf_arena_strndup(s->arena, text.p, text.n), text.n);
}

static void on_done(struct qf_engine_lookup *pub, const struct qf_slice *columns)
{
	struct lookup *l = pub->arg;
	struct request *q = l->request;

	for (size_t i = 0; i < pub->n_tables; i++) {
		if (columns[i].n) /* else nothing was found out, which may be otherwise the next time */
			qf_lru_put(l->cluster->columns, qf_buf_slice(&l->keys[i]), columns[i]);
		if (q)
			q->columns[l->places[i]] = keep_slice(q->stream, columns[i]);
	}
	lookup_free(l);
	if (q) {
		assemble(q);
		translate_go_on(q);
	}
}

static const char *copy(struct lookup *l, const char *text)
{
	return text ? qf_arena_strdup(l->arena, text) : NULL;
}

/* It may outlive the request: everything in it is its own. */
static struct lookup *lookup_new(struct request *q)
{
	struct lookup *l = qf_xcalloc(1, sizeof *l);
	struct qf_engine_setting *path;

	l->arena = qf_arena_new(0);
	l->request = q;
	l->cluster = q->target->cluster;
	l->keys = qf_xcalloc(q->n_names, sizeof *l->keys);
	l->places = qf_arena_alloc(l->arena, q->n_names * sizeof *l->places);
	l->pub.arg = l;
	l->pub.on_done = on_done;
	l->tables = qf_arena_alloc(l->arena, q->n_names * sizeof *l->tables);
	l->pub.tables = l->tables;
	if (*search_path(q->stream)) {
		path = qf_arena_alloc(l->arena, sizeof *path);
		*path = (struct qf_engine_setting){ "schema", copy(l, search_path(q->stream)) };
		l->pub.settings = path;
		l->pub.n_settings = 1;
	}
	qf_list_append(&q->stream->d->lookups, &l->link);
	q->lookup = l;
	return l;
}

static void add_missing(struct lookup *l, const struct request *q, size_t place, const struct qf_buf *key)
{
	const struct qf_engine_table *t = &q->wanted[place];
	size_t i = l->pub.n_tables++;

	l->tables[i] = (struct qf_engine_table){ copy(l, t->catalog), copy(l, t->schema), copy(l, t->name), 0 };
	l->places[i] = place;
	l->keys[i] = *key;
}

bool catalog_find(struct request *q)
{
	struct cluster *c = q->target->cluster;
	struct lookup *l = NULL;
	struct qf_slice hit;
	struct qf_buf key;

	find_names(q);
	for (size_t i = 0; i < q->n_names; i++) {
		qf_buf_init(&key);
		column_key(&key, q, &q->wanted[i]);
		if (!q->stream->stale && qf_lru_get(c->columns, qf_buf_slice(&key), &hit)) {
			q->columns[i] = keep_slice(q->stream, hit);
			qf_buf_fini(&key);
			continue;
		}
		if (!l)
			l = lookup_new(q);
		add_missing(l, q, i, &key);
	}
	if (l && c->ops->lookup(c->engine, &l->pub) == 0)
		return false;
	if (l)
		lookup_free(l);
	assemble(q);
	return true;
}

void catalog_forget(struct request *q)
{
	if (q->lookup)
		q->lookup->request = NULL;
	q->lookup = NULL;
}

void catalog_close(struct dispatch *d)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->lookups)
		lookup_free(qf_container_of(it, struct lookup, link));
}
