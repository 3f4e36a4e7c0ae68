/*
 * Portals that gave some of their rows [PG 55.2.3].
 *
 * DuckDB has one result open on a connection, and the next statement closes it: its rest is read ahead before that.
 * What changes something is read ahead at once, because its client expects it to be done. A portal WITH HOLD is read
 * ahead by the COMMIT of its transaction, and then belongs to none.
 */
#include <stdlib.h>
#include <string.h>

#include "private.h"

/* True: DuckDB is still at work for it, until the next query. */
static bool close_portal(struct qf_engine_conn *c, struct duck_portal *p)
{
	bool open = p->rows.open;

	qf_list_remove(&p->link);
	duck_rows_close(c, &p->rows);
	ArrowBufferReset(&p->schema);
	free(p);
	return open;
}

void duck_portals_drop(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->portals)
		if (close_portal(c, qf_container_of(it, struct duck_portal, link)))
			c->engine->api.interrupt(c->db);
}

void duck_portals_failed(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->portals) {
		struct duck_portal *p = qf_container_of(it, struct duck_portal, link);

		if ((!p->settled || p->rows.open) && close_portal(c, p))
			c->engine->api.interrupt(c->db);
	}
}

void duck_portals_settle(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->portals) {
		struct duck_portal *p = qf_container_of(it, struct duck_portal, link);

		p->settled = p->hold;
	}
}

bool duck_portals_any_held(const struct qf_engine_conn *c)
{
	for (const struct qf_list *it = c->portals.next; it != &c->portals; it = it->next)
		if (qf_container_of(it, struct duck_portal, link)->hold)
			return true;
	return false;
}

static struct duck_portal *find(struct qf_engine_conn *c, uint64_t id)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->portals) {
		struct duck_portal *p = qf_container_of(it, struct duck_portal, link);

		if (p->id == id)
			return p;
	}
	return NULL;
}

/* See end_given_up() in job.c. */
static void end_query(struct qf_engine_conn *c)
{
	enum duck_error_kind kind;
	struct qf_sql_error ignored;

	c->engine->api.interrupt(c->db);
	(void)!duck_session_run(c, "SELECT 1", &ignored, &kind);
}

static void drop_closed(struct qf_engine_conn *c)
{
	const struct qf_bind *b = c->job.pub->bind;

	for (size_t i = 0; i < b->n_closed; i++) {
		struct duck_portal *p = find(c, b->closed[i]);

		if (p && close_portal(c, p))
			end_query(c);
	}
}

/* The transaction ends: a COMMIT leaves those WITH HOLD, everything else those of earlier transactions. */
static void drop_ending(struct qf_engine_conn *c)
{
	bool commit = duck_session_is_commit(c->job.sql) && !c->transaction_failed;
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &c->portals) {
		struct duck_portal *p = qf_container_of(it, struct duck_portal, link);

		if (!(p->settled || (commit && p->hold)) && close_portal(c, p))
			end_query(c);
	}
}

static struct qf_slice schema_of(const struct ArrowBuffer *b)
{
	return qf_slice(b->data, (size_t)b->size_bytes);
}

bool duck_portals_make_way(struct qf_engine_conn *c)
{
	struct qf_list *it, *tmp;

	drop_closed(c);
	if (duck_session_ends_transaction(c->job.sql))
		drop_ending(c);
	qf_list_each(it, tmp, &c->portals) {
		struct duck_portal *p = qf_container_of(it, struct duck_portal, link);

		if (p->rows.open && !duck_rows_spool(c, &p->rows, schema_of(&p->schema)))
			return false;
	}
	return true;
}

bool duck_portal_take(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	struct duck_portal *p;

	drop_closed(c);
	p = find(c, j->pub->bind->portal);
	if (!p) {
		j->end.outcome = QF_OUT_ERROR;
		qf_sql_error_set(&j->end.error, "34000", "the portal does not exist");
		return false;
	}
	qf_list_remove(&p->link);
	j->rows = p->rows;
	j->hold = p->hold;
	j->settled = p->settled;
	ArrowBufferMove(&p->schema, &j->schema);
	free(p);
	return true;
}

bool duck_portal_keep(struct qf_engine_conn *c)
{
	struct duck_job *j = &c->job;
	struct duck_portal *p;
	uint64_t id = j->pub->bind->portal;

	if (j->rows.open && !duck_session_reads_only(j->type) && !duck_rows_spool(c, &j->rows, schema_of(&j->schema)))
		return false;
	j->end.suspended = true;
	p = qf_xcalloc(1, sizeof(*p));
	p->id = id;
	p->hold = j->hold;
	p->settled = j->settled;
	p->rows = j->rows;
	j->rows = (struct duck_rows){ 0 };
	ArrowBufferMove(&j->schema, &p->schema);
	qf_list_append(&c->portals, &p->link);
	if (!id && close_portal(c, p)) /* nobody will ask for it */
		end_query(c);
	return true;
}
