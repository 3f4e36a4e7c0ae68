/* See portal.h. */
#include <stdlib.h>
#include <string.h>

#include "qf/map.h"
#include "session.h"

enum {
	MAX_PORTALS = 10000,
	MAX_BYTES = 64 << 20, /* of statements and portals of one session */
	MAX_CLOSED = 60000,   /* portals that one message can name */
};

/* ---- one portal ---- */

static void copy_values(struct pg_portal *p, const struct qf_pg_bind *b)
{
	struct qf_reader r = b->values, formats = b->param_formats;
	uint16_t format = b->n_param_formats == 1 ? qf_read_u16(&formats) : 0;

	p->body = qf_xmalloc(r.n + 1);
	if (r.n)
		memcpy(p->body, r.p, r.n);
	p->n_values = b->n_values;
	p->values = p->n_values ? qf_xcalloc(p->n_values, sizeof(*p->values)) : NULL;
	for (uint16_t i = 0; i < p->n_values; i++) {
		struct qf_slice v = qf_pg_read_value(&r);

		if (b->n_param_formats > 1)
			format = qf_read_u16(&formats);
		p->values[i].binary = format == 1;
		p->values[i].n = (uint32_t)v.n;
		p->values[i].p = v.p ? p->body + (v.p - b->values.p) : NULL;
	}
}

struct pg_portal *pg_portal_new(struct pg_session *s, struct pg_statement *st, const struct qf_pg_bind *b)
{
	struct pg_portal *p = qf_xcalloc(1, sizeof(*p));
	struct qf_reader formats = b->formats;

	(void)s;
	p->refs = 1;
	p->name = qf_slice_dup(b->portal);
	p->statement = pg_statement_ref(st);
	copy_values(p, b);
	p->n_formats = b->n_formats;
	p->formats = p->n_formats ? qf_xmalloc(p->n_formats * sizeof(*p->formats)) : NULL;
	for (uint16_t i = 0; i < p->n_formats; i++)
		p->formats[i] = qf_read_u16(&formats);
	/* The statement may be dropped first: its text is then ours. */
	p->charged = sizeof(*p) + b->portal.n + b->values.n + p->n_values * sizeof(*p->values) + 2u * p->n_formats + st->n;
	return p;
}

struct pg_portal *pg_portal_ref(struct pg_portal *p)
{
	p->refs++;
	return p;
}

struct pg_portal *pg_portal_unref(struct pg_session *s, struct pg_portal *p)
{
	if (!p || --p->refs > 0)
		return NULL;
	pg_statement_unref(s, p->statement);
	free(p->formats);
	free(p->values);
	free(p->body);
	free(p->name);
	free(p);
	return NULL;
}

/* ---- those of a session ---- */

struct pg_portal *pg_portal_find(const struct pg_session *s, struct qf_slice name)
{
	if (name.n == 0)
		return s->extended.unnamed_portal;
	return s->extended.portals ? qf_map_get(s->extended.portals, name) : NULL;
}

bool pg_portal_put(struct pg_session *s, struct pg_portal *p, struct qf_sql_error *reterr)
{
	struct pg_extended *x = &s->extended;

	if (!*p->name)
		pg_portal_drop_unnamed(s);
	if (p->charged > MAX_BYTES - x->bytes || (*p->name && x->portals && qf_map_count(x->portals) >= MAX_PORTALS) ||
		!pg_listener_reserve(s->listener, p->charged)) {
		qf_sql_error_set(reterr, "53200",
			"out of memory for portals: the limit is %d, or %d MiB of a session", MAX_PORTALS,
			MAX_BYTES >> 20);
		pg_portal_unref(s, p);
		return false;
	}
	x->bytes += p->charged;
	if (!*p->name) {
		x->unnamed_portal = p;
		return true;
	}
	if (!x->portals)
		x->portals = qf_map_new();
	struct pg_portal *before = qf_map_put(x->portals, qf_slice_str(p->name), p);

	qf_assert(!before);
	return true;
}

/* With the next run of the pin, or by the end of the transaction. */
void pg_portal_close_number(struct pg_session *s, uint64_t number)
{
	struct qf_buf *closed = &s->extended.closed;

	if (closed->n < MAX_CLOSED * sizeof(number))
		qf_buf_add(closed, &number, sizeof(number));
}

static void close_at_engine(struct pg_session *s, const struct pg_portal *p)
{
	if (p->number && p->state == PG_PORTAL_SUSPENDED)
		pg_portal_close_number(s, p->number);
}

void pg_portal_drop(struct pg_session *s, struct pg_portal *p)
{
	if (pg_portal_find(s, qf_slice_str(p->name)) != p)
		return;
	if (*p->name)
		qf_map_del(s->extended.portals, qf_slice_str(p->name));
	else
		s->extended.unnamed_portal = NULL;
	close_at_engine(s, p);
	s->extended.bytes -= p->charged;
	pg_listener_release(s->listener, p->charged);
	pg_portal_unref(s, p);
}

void pg_portal_drop_unnamed(struct pg_session *s)
{
	if (s->extended.unnamed_portal)
		pg_portal_drop(s, s->extended.unnamed_portal);
}

void pg_portal_drop_all(struct pg_session *s)
{
	struct pg_portal *p;
	size_t at = 0;

	pg_portal_drop_unnamed(s);
	while (s->extended.portals && (p = qf_map_next(s->extended.portals, &at, NULL)))
		pg_portal_drop(s, p);
	s->extended.portals = qf_map_free(s->extended.portals);
	if (!pg_session_has_engine(s) || !qf_pin_held(s->txn.pin))
		qf_buf_fini(&s->extended.closed);
}

void pg_portal_missing(struct qf_slice name, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "34000", "portal \"%.*s\" does not exist", (int)name.n, (const char *)name.p);
}
