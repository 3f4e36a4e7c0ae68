/*
 * What the session holds on its connection, as the server knows it: asked behind statements that may have begun or ended
 * something without saying so in their text, in the same write, before their end is told.
 */
#include "private.h"

/* No search path decides what its operators are. */
#define OP(o) " OPERATOR(pg_catalog." o ") "

static const char held_sql[] =
	"SELECT (CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_depend WHERE pg_catalog.pg_my_temp_schema()" OP("<>") "0 AND "
	"refclassid" OP("=") "'pg_catalog.pg_namespace'::pg_catalog.regclass AND "
	"refobjid" OP("=") "pg_catalog.pg_my_temp_schema()) THEN 2 ELSE 0 END)" OP("|")
	"(CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_listening_channels()) THEN 4 ELSE 0 END)" OP("|")
	"(CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype" OP("=") "'advisory' AND "
	"pid" OP("=") "pg_catalog.pg_backend_pid()) THEN 8 ELSE 0 END)" OP("|")
	"(CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_cursors WHERE is_holdable) THEN 16 ELSE 0 END)";

_Static_assert(QF_HELD_TEMP == 2 && QF_HELD_LISTEN == 4 && QF_HELD_LOCK == 8 && QF_HELD_CURSOR == 16, "as the text has them");

/* Reads hold nothing; what a transaction began without saying so is looked for at its end. */
static bool may_have_changed(const struct qf_engine_conn *c)
{
	const struct pge_effects *e = &c->run.effects;

	if (c->run.job->bind->kind != QF_RUN_ALL || e->reads)
		return false;
	if (e->verb == QF_VERB_COPY) /* reads what comes behind it as its data */
		return false;
	return e->opaque || e->holds || e->releases || c->held || c->held_unsure;
}

static void put_question(struct qf_engine_conn *c, const struct pge_run *r)
{
	/* The statement itself may close what was prepared: in a transaction that would be an error of it. */
	const char *name = r->effects.discards ? "" : c->held_name;

	if (r->effects.discards || !c->settings.held_prepared) {
		qf_pg_put_close(&c->out, 'S', name);
		qf_pg_put_parse(&c->out, name, qf_slice_str(held_sql), NULL, 0);
	}
	c->settings.held_prepared |= !r->effects.discards;
	size_t at = qf_pg_begin_bind(&c->out, "", name, NULL, 0);

	qf_pg_end_bind(&c->out, at, NULL, 0);
	qf_pg_put_execute(&c->out, "", 0);
}

void pge_held_put(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	/* A failed transaction takes nothing but its end. */
	bool refused = c->transaction == 'E' && r->effects.verb != QF_VERB_ROLLBACK && r->effects.verb != QF_VERB_COMMIT;

	bool held = may_have_changed(c), role = pge_role_asks(c) && r->effects.verb != QF_VERB_COPY;

	if (r->describing || refused || !(held || role))
		return;
	if (role)
		pge_role_ask(c, held ? held_sql : "SELECT 0");
	else
		put_question(c, r);
	qf_pg_put_sync(&c->out);
	pge_conn_sent(c, PGE_GROUP_HELD);
	c->held_asked = held;
	c->role_asked = role;
	c->role_seen = false;
	c->held_seen = 0;
	r->asks_held = true;
}

void pge_held_message(struct qf_engine_conn *c, const struct qf_pg_reply *m)
{
	struct qf_reader r = qf_reader(m->body);

	if (m->kind != 'D')
		return;
	qf_read_u16(&r);
	struct qf_slice text = qf_pg_read_value(&r);

	c->held_seen = 0;
	for (size_t i = 0; i < text.n && i < 3; i++)
		c->held_seen = c->held_seen * 10 + (text.p[i] - '0');
	c->held_seen &= QF_HELD_TEMP | QF_HELD_LISTEN | QF_HELD_LOCK | QF_HELD_CURSOR;
	if (!c->role_asked)
		return;
	struct qf_slice role = qf_pg_read_value(&r), session = qf_pg_read_value(&r);

	c->role_seen = !r.err && pge_role_is(c, role, session);
}

/* In a transaction nothing is certain before its end: LISTEN begins there, a temporary table may end. */
static void note_held(struct qf_engine_conn *c, bool ok)
{
	if (!ok)
		c->settings.held_prepared = false;
	else if (c->transaction == 'I')
		c->held = c->held_seen;
	else
		c->held |= c->held_seen;
	c->held_unsure = c->transaction != 'I';
}

void pge_held_done(struct qf_engine_conn *c, bool ok)
{
	struct qf_engine_end end = c->run.end;

	if (c->role_asked)
		pge_settings_role(c, ok && c->role_seen);
	if (c->held_asked)
		note_held(c, ok);
	if (c->run.job && c->run.finishing)
		pge_run_finish(c, &end);
}
