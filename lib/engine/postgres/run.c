/* A statement on its way: what is sent for it, and how it ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "private.h"
#include "qf/str.h"

void pge_run_clear(struct pge_run *r)
{
	r->arrow = qf_pgrows_free(r->arrow);
	qf_buf_fini(&r->columns);
	qf_buf_fini(&r->oids);
	qf_buf_fini(&r->fields);
	memset(r, 0, sizeof(*r));
}

bool pge_run_paused(const struct qf_engine_conn *c)
{
	const struct pge_run *r = &c->run;

	return r->job && r->sent && r->credit <= 0 && !r->cancelled && !r->failed && !r->complete;
}

/* ---- messages ---- */

enum { FEW_VALUES = 32 };

static void put_bind(struct qf_engine_conn *c, const char *portal, const char *statement)
{
	const struct qf_bind *b = c->run.job->bind;
	uint16_t few[FEW_VALUES];
	uint16_t *formats = b->n_values > FEW_VALUES ? qf_xcalloc(b->n_values, sizeof(*formats)) : few;
	bool any = false;

	for (uint16_t i = 0; i < b->n_values; i++) {
		formats[i] = b->values[i].binary;
		any |= b->values[i].binary;
	}
	size_t at = qf_pg_begin_bind(&c->out, portal, statement, any ? formats : NULL, b->n_values);

	c->run.binding = true;
	for (uint16_t i = 0; i < b->n_values; i++)
		qf_pg_add_value(&c->out, b->values[i].p, b->values[i].n);
	if (c->run.job->encoding == QF_ENC_PG3)
		qf_pg_end_bind(&c->out, at, b->formats, b->n_formats);
	else
		pge_arrow_end_bind(c, at);
	if (formats != few)
		free(formats);
}

static const char *portal_name(const struct qf_bind *b, char buf[32])
{
	buf[0] = '\0';
	if (b->portal) {
		buf[0] = 'p';
		qf_decimal(buf + 1, b->portal);
	}
	return buf;
}

static void put_closed(struct qf_engine_conn *c)
{
	const struct qf_bind *b = c->run.job->bind;
	char name[32] = "p";

	for (uint16_t i = 0; i < b->n_closed; i++) {
		qf_decimal(name + 1, b->closed[i]);
		qf_pg_put_close(&c->out, 'P', name);
	}
}

/* Parses the statement unless the server has it; its name. */
static const char *put_parse(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	const struct qf_engine_job *job = r->job;

	/* What is described is parsed each time: the types of its parameters are those of now. */
	if (job->bind->flags & QF_RUN_NAMED && job->bind->kind == QF_RUN_ALL && !r->statement)
		r->statement = pge_statements_get(c, job->sql, job->bind);
	r->parsed = r->reused = r->statement && r->statement->parsed;
	const char *name = r->statement ? r->statement->name : "";

	if (!r->parsed && r->statement && r->statement->doubtful)
		qf_pg_put_close(&c->out, 'S', name);
	if (!r->parsed)
		qf_pg_put_parse(&c->out, name, job->sql, job->bind->types, job->bind->n_types);
	r->parsing = !r->parsed;
	return name;
}

static bool knows_columns(const struct pge_run *r)
{
	return r->statement ? r->statement->described : r->described;
}

static void put_extended(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	const struct qf_bind *b = r->job->bind;
	char buf[32];
	const char *portal = portal_name(b, buf);

	if (b->kind == QF_RUN_FETCH) {
		r->parsed = r->bound = true;
	} else if (r->described && !r->statement) {
		r->parsed = true; /* the unnamed one that was described just before */
		put_bind(c, portal, "");
	} else {
		const char *name = put_parse(c);

		r->describing = b->kind == QF_RUN_DESCRIBE || (r->job->encoding == QF_ENC_ARROW && !knows_columns(r));
		if (r->describing)
			qf_pg_put_describe(&c->out, 'S', name);
		else
			put_bind(c, portal, name);
	}
	if (!r->describing) {
		qf_pg_put_describe(&c->out, 'P', portal);
		qf_pg_put_execute(&c->out, portal, b->max_rows);
	}
	/* A server that takes data reads a Sync as part of it, or not, when it gives up: it is sent when that is clear. */
	r->copy_sync = !r->describing && r->effects.verb == QF_VERB_COPY;
	if (r->copy_sync)
		qf_pg_put_flush(&c->out);
	else
		qf_pg_put_sync(&c->out);
}

/* A text that the server would read otherwise than we do could be two statements: Parse takes only one. */
static bool can_be_simple(const struct qf_engine_conn *c)
{
	const struct qf_engine_job *job = c->run.job;

	return job->bind->flags & QF_RUN_SIMPLE && job->encoding == QF_ENC_PG3 && job->bind->kind == QF_RUN_ALL &&
	       job->bind->n_values == 0 && !job->bind->portal && !c->odd_strings;
}

void pge_run_put(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	r->sent = true;
	r->sent_ns = qf_loop_now(c->pool->engine->loop);
	r->describing = r->parsed = r->bound = r->asks_held = r->parsing = r->binding = false;
	put_closed(c);
	r->simple = can_be_simple(c);
	if (r->simple) {
		r->parsed = r->bound = true;
		qf_pg_put_query(&c->out, r->job->sql);
	} else {
		put_extended(c);
	}
	pge_conn_sent(c, PGE_GROUP_RUN);
	pge_held_put(c);
}

void pge_run_start(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;

	/* A failed transaction takes nothing but its end. */
	if (c->transaction != 'E') {
		if (pge_settings_put(c, r->job) || pge_look_put(c))
			return;
		pge_origin_put(c, r->job);
	}
	pge_run_put(c);
	pge_wire_flush(c);
}

/* ---- submit ---- */

static int check(const struct qf_engine_conn *c, const struct qf_engine_job *job, struct qf_sql_error *reterr)
{
	const struct qf_conf_cluster *cfg = c->pool->engine->cfg;

	if (memchr(job->sql.p ? job->sql.p : (const uint8_t *)"", 0, job->sql.n)) {
		qf_sql_error_set(reterr, "22021", "invalid byte sequence for encoding \"UTF8\": 0x00");
		return -EINVAL;
	}
	if (cfg->pool_mode == QF_POOL_STATEMENT && c->run.effects.verb == QF_VERB_BEGIN) {
		qf_sql_error_set(reterr, "0A000", "cluster \"%s\" has poolMode: statement, so there are no transactions",
				 cfg->name);
		snprintf(reterr->hint, sizeof(reterr->hint), "Set poolMode: transaction, or run the statements one by one.");
		return -EINVAL;
	}
	return pge_role_check(c, job, reterr);
}

int pge_run_submit(struct qf_engine_conn *c, struct qf_engine_job *job, struct qf_sql_error *reterr)
{
	struct pge_run *r = &c->run;
	unsigned encodings = job->bind->encodings;

	qf_assert(!r->job && c->assigned);
	if (job->bind->kind == QF_RUN_ALL)
		pge_known_effects(c->pool->engine->known, job->sql, &r->effects);
	int rc = check(c, job, reterr);

	if (rc < 0) {
		pge_run_clear(r);
		return rc;
	}
	job->encoding = encodings & QF_ENC_BIT(QF_ENC_PG3) ? QF_ENC_PG3 : QF_ENC_ARROW;
	r->job = job;
	r->credit = (int64_t)job->window;
	r->before = c->transaction;
	if (c->state == PGE_LOST)
		qf_task_add(c->pool->engine->loop, &c->ending);
	else
		pge_conn_advance(c);
	return 0;
}

void pge_run_more(struct qf_engine_conn *c, size_t bytes)
{
	bool was_paused = pge_run_paused(c);

	c->run.credit += (int64_t)bytes;
	if (was_paused && c->state == PGE_OPEN)
		qf_task_add(c->pool->engine->loop, &c->resume); /* not within the caller's call */
}

/* ---- the end ---- */

/* The statement is over; what runs on the connection is what the callback submits. */
void pge_run_finish(struct qf_engine_conn *c, struct qf_engine_end *end)
{
	struct qf_engine_job *job = c->run.job;
	struct qf_buf fields = c->run.fields;
	bool broken = c->state == PGE_LOST;

	if (end->outcome == QF_OUT_OK)
		pge_known_took(c->pool->engine->known, &c->run.effects,
			       qf_loop_now(c->pool->engine->loop) - c->run.sent_ns);
	qf_buf_init(&c->run.fields);
	qf_timer_stop(c->pool->engine->loop, &c->linger);
	/* Else it is that of connecting, or of what was asked before the statement and is still not answered. */
	if (c->state == PGE_OPEN && c->n_groups == 0)
		qf_timer_stop(c->pool->engine->loop, &c->timer);
	pge_run_clear(&c->run);
	c->group_job = NULL;
	c->input_queued = c->input_taken = 0; /* the next one has not sent it */
	end->fields = end->outcome == QF_OUT_ERROR ? qf_buf_slice(&fields) : QF_SLICE_NONE;
	end->conn_broken = broken;
	end->in_transaction = !broken && c->transaction != 'I';
	end->transaction_failed = !broken && c->transaction == 'E';
	end->held = broken ? 0 : c->held;
	if (!broken && c->pool->engine->cfg->pool_mode == QF_POOL_SESSION)
		end->held |= QF_HELD_MODE;
	job->on_end(job, end);
	qf_buf_fini(&fields);
}

void pge_run_end(struct qf_engine_conn *c, enum qf_engine_outcome outcome, const struct qf_sql_error *e)
{
	struct qf_engine_end end = { .outcome = outcome, .error = *e };

	pge_run_finish(c, &end);
}

/*
 * The connection went away under it. What the server said last tells more than the loss: ended by an administrator it
 * has undone what is done whole or not at all, and where nothing had come of it, it may run elsewhere.
 */
/* Its effect, if it had any, is there without a COMMIT to come. */
static bool may_last(const struct pge_run *r)
{
	return !r->effects.reads && (r->before == 'I' || r->effects.verb == QF_VERB_COMMIT);
}

static bool not_let_in(const struct qf_engine_conn *c)
{
	return pge_is_personal(c->pool->engine) && strncmp(c->refused, "28", 2) == 0;
}

static void tell_refusal(const struct qf_engine_conn *c, struct qf_sql_error *e)
{
	const struct qf_conf_cluster *cfg = c->pool->engine->cfg;
	bool keys = cfg->query_auth == QF_QUERY_AUTH_SCRAM_KEYS;

	qf_sql_error_set(e, c->refused, "cluster \"%s\" does not let in the user of \"%s\": %s", cfg->name, c->identity->user,
			 c->lost_why);
	snprintf(e->hint, sizeof(e->hint), "%s",
		 keys ? "The verifier of this user here must be the one that the server has: the same password, salt and rounds." :
			"Its entry in queryAuth.users of the cluster has the engine's user and password.");
}

void pge_run_lost(struct qf_engine_conn *c)
{
	struct pge_run *r = &c->run;
	struct qf_engine_end end = r->end;
	bool shut_down = c->fatal && strcmp(c->group_error.sqlstate, "57P01") == 0;
	bool idle_before = r->before == 'I' && c->held == 0;

	if (r->finishing) { /* it was over */
		pge_run_finish(c, &end);
		return;
	}
	end.has_rows = r->has_schema;
	end.rows = 0;
	end.tag[0] = '\0';
	if (!r->sent || (shut_down && !r->answered && idle_before && r->effects.whole)) {
		end.outcome = QF_OUT_NOT_SENT;
		end.elsewhere = idle_before;
	} else {
		end.outcome = shut_down && !r->complete ? QF_OUT_ERROR : QF_OUT_UNKNOWN;
	}
	bool unknown = end.outcome == QF_OUT_UNKNOWN && may_last(r);

	if (not_let_in(c)) {
		end.elsewhere = false; /* it is about the user, not about the server */
		tell_refusal(c, &end.error);
	} else if (c->fatal && !unknown) {
		end.error = c->group_error;
	} else if (c->server_version == 0) {
		qf_sql_error_set(&end.error, "08001", "cluster \"%s\" cannot be reached: %s", c->pool->engine->cfg->name,
				 c->lost_why);
	} else {
		qf_sql_error_set(&end.error, unknown ? "08007" : "08006", "the connection to cluster \"%s\" was lost%s: %s",
				 c->pool->engine->cfg->name, unknown ? ", and whether the statement took effect is unknown" : "",
				 c->fatal ? c->group_error.message : c->lost_why);
	}
	pge_run_finish(c, &end);
}
