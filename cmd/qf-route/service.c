#include "service.h"

#include <stdio.h>
#include <string.h>

#include "pending.h"
#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

enum { TRACE_MAX = 256, SCRIPT_WORKERS = 2 };

static void send_back(struct route *r, struct qf_peer *to)
{
	qf_msg_end(&r->out);
	(void)!qf_bus_send(r->run->bus, to, &r->out); /* a lost listener needs no answer */
}

static void refuse(struct route *r, struct qf_peer *to, const struct qf_msg *m, const struct qf_route_verdict *v)
{
	qf_msg_begin(&r->out, QF_MSG_FAILED, m->stream, m->attempt, 0);
	qf_put_str(&r->out, QF_F_SQLSTATE, v->broken ? "58000" : "42501");
	qf_put_str(&r->out, QF_F_MESSAGE, v->message);
	qf_put_str(&r->out, QF_F_HINT,
		   v->broken	     ? "Try again; the log of qf-route says what is wrong with the script."
		   : v->unauthorized ? "Its authorization in the configuration says who may."
			     : "`qf-route --explain` shows which rule refuses the statement.");
	send_back(r, to);
}

static void bounce(struct route *r, struct qf_peer *to, const struct qf_msg *m, const char *why)
{
	qf_msg_begin(&r->out, QF_MSG_BOUNCED, m->stream, m->attempt, 0);
	qf_put_str(&r->out, QF_F_MESSAGE, why);
	qf_put_u64(&r->out, QF_F_CONF_ID, r->run->conf->id);
	send_back(r, to);
}

/* The deciding rule and its place in the list; then the scripts that gave no answer, as far as there is room. */
static void write_trace(char trace[TRACE_MAX], const struct qf_route_verdict *v)
{
	const char *name = v->router ? v->router : v->group ? "pin" : "none";
	size_t n = strlen(name);

	qf_assert(n + 22 <= TRACE_MAX);
	memcpy(trace, name, n);
	trace[n] = ' ';
	n += 1 + qf_decimal(trace + n + 1, v->index);
	for (size_t i = 0; i < v->n_scripts && n + 64 < TRACE_MAX; i++)
		if (qf_script_failed(v->scripts[i].outcome))
			n += (size_t)snprintf(trace + n, TRACE_MAX - n, ", pythonScript %zu %s", v->scripts[i].index,
					      qf_script_outcome_name(v->scripts[i].outcome));
}

/*
 * ROUTED is the QUERY as it came, with the verdict's fields before it: getters take the first, so a field
 * that a listener had set under the same tag is hidden.
 */
static void forward(struct route *r, struct qf_peer *to, const struct qf_peer *listener, const struct qf_msg *m,
		    const struct qf_route_verdict *v, const char *trace)
{
	char epoch[21];

	qf_decimal(epoch, listener->epoch);
	qf_msg_begin(&r->out, QF_MSG_ROUTED, m->stream, m->attempt, 0);
	qf_put_pair(&r->out, QF_F_LISTENER | QF_F_REQUIRED, listener->instance, epoch);
	qf_put_u64(&r->out, QF_F_CONF_ID, r->run->conf->id);
	qf_put_str(&r->out, QF_F_GROUP | QF_F_REQUIRED, v->group->name);
	qf_put_str(&r->out, QF_F_TRACE, trace);
	qf_put_u8(&r->out, QF_F_TICKET, v->n_scripts == 0); /* nothing else but session and text was read */
	qf_buf_add_slice(&r->out, m->body);
	send_back(r, to);
}

static void put_scripts(struct qf_buf *out, const struct qf_route_verdict *v)
{
	char index[21];

	for (size_t i = 0; i < v->n_scripts; i++) {
		qf_decimal(index, v->scripts[i].index);
		qf_put_pair(out, QF_F_SCRIPT, index, qf_script_outcome_name(v->scripts[i].outcome));
	}
}

static void tell_admin(struct route *r, const struct qf_msg *m, const struct qf_route_verdict *v, const char *trace,
		       uint64_t ns)
{
	qf_buf_clear(&r->out);
	qf_msg_begin(&r->out, QF_MSG_EVENT, m->stream, m->attempt, 0);
	qf_put_str(&r->out, QF_F_EVENT, v->group ? "routed" : "refused");
	qf_put_slice(&r->out, QF_F_QUERY_ID, qf_get(m, QF_F_QUERY_ID));
	qf_put_str(&r->out, QF_F_GROUP, v->group ? v->group->name : NULL);
	qf_put_str(&r->out, QF_F_TRACE, trace);
	qf_put_u64(&r->out, QF_F_TOTAL_NS, ns);
	put_scripts(&r->out, v);
	qf_msg_end(&r->out);
	qf_bus_event(r->run->bus, &r->out);
}

static void log_scripts(const struct qf_route_verdict *v)
{
	static struct qf_log_limit failures, prints;
	struct qf_buf quoted;

	for (size_t i = 0; i < v->n_scripts; i++) {
		const struct qf_script_run *s = &v->scripts[i];

		if (qf_script_failed(s->outcome) && s->outcome != QF_SCRIPT_BREAKER)
			qf_log_limited(&failures, 5, QF_LOG_WARN, "router %zu (pythonScript): %.400s", s->index,
				       s->text);
		if (s->printed == NULL)
			continue;
		qf_buf_init(&quoted);
		qf_quote_log(&quoted, qf_slice_str(s->printed), 400);
		qf_log_limited(&prints, 5, QF_LOG_INFO, "router %zu (pythonScript) printed %s", s->index,
			       qf_buf_cstr(&quoted));
		qf_buf_fini(&quoted);
	}
}

void route_answer(struct pending *p, const char *why)
{
	struct route *r = p->route;
	const struct qf_route_verdict *v = &p->verdict;
	struct qf_peer *dispatch;
	char trace[TRACE_MAX];

	qf_buf_clear(&r->out);
	if (why) {
		bounce(r, p->from, &p->m, why);
		return;
	}
	write_trace(trace, v);
	if (!v->group) {
		refuse(r, p->from, &p->m, v);
	} else {
		dispatch = qf_bus_find(r->run->bus, QF_DISPATCH, qf_slice_str(v->group->instance));
		if (dispatch && !dispatch->suspended)
			forward(r, dispatch, p->from, &p->m, v, trace);
		else
			bounce(r, p->from, &p->m, "the qf-dispatch that owns the group is away");
	}
	if (v->n_scripts > 0)
		log_scripts(v);
	tell_admin(r, &p->m, v, trace, qf_mono_ns() - p->begun_ns);
}

static void on_query(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct route *r = arg;
	struct pending *p;

	if (!qf_list_empty(&r->pending)) /* a later attempt of a stream replaces the one before */
		pending_drop_of(r, from, m->stream);
	p = pending_new(r);
	p->from = from;
	p->m = *m;
	pending_run(p);
}

const struct qf_bus_handler route_handlers[] = { { QF_MSG_QUERY, QF_ROLE(QF_LISTEN), on_query }, { 0 } };

void route_on_peer(void *ctx, struct qf_peer *peer, enum qf_peer_change change)
{
	if (change == QF_PEER_LOST)
		pending_drop_of(ctx, peer, 0);
}

/* ---- configurations ------------------------------------------------------------------------------ */

static void take_fresh(struct route *r)
{
	pending_halt_all(r);
	qf_chain_free(r->chain);
	r->chain = r->fresh_chain;
	r->fresh_chain = NULL;
	if (!r->keep_scripts) {
		qf_scripts_free(r->scripts);
		r->scripts = r->fresh_scripts;
		r->fresh_scripts = NULL;
	}
	qf_task_add(r->run->loop, &r->begin); /* when the new configuration is in force everywhere */
}

static void run_begin(struct qf_task *t)
{
	pending_begin_all(qf_container_of(t, struct route, begin));
}

/* Told from inside the pool: what belongs to its owner is changed when that is over. */
static void on_known(void *arg)
{
	struct route *r = arg;

	qf_task_add(r->run->loop, &r->known);
}

/* The scripts of a configuration turned out good or bad: those of a reload, or the first. */
static void run_known(struct qf_task *t)
{
	struct route *r = qf_container_of(t, struct route, known);
	struct qf_err err = { 0 };
	int state;

	if (!r->fresh_scripts) {
		if (r->scripts && qf_scripts_state(r->scripts, &err) < 0)
			qf_run_failed(r->run, &err);
		return;
	}
	state = qf_scripts_state(r->fresh_scripts, &err);
	if (state > 0) {
		take_fresh(r);
		qf_run_applied(r->run, NULL);
	} else if (state < 0) {
		r->fresh_chain = qf_chain_free(r->fresh_chain);
		r->fresh_scripts = qf_scripts_free(r->fresh_scripts);
		qf_run_applied(r->run, &err);
	}
}

static int start_scripts(struct route *r, const struct qf_conf *conf, struct qf_scripts **ret, struct qf_err *reterr)
{
	struct qf_scripts_opts o = { .loop = r->run->loop, .conf = conf, .workers = SCRIPT_WORKERS,
				     .on_known = on_known, .arg = r };

	return qf_scripts_needed(conf) ? qf_scripts_new(ret, &o, reterr) : 0;
}

int route_setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct route *r = ctx;

	r->run = run;
	qf_buf_init(&r->out);
	qf_list_init(&r->pending);
	r->begin.fn = run_begin;
	r->known.fn = run_known;
	r->chain = qf_chain_new(run->conf, reterr);
	if (!r->chain)
		return QF_ECONFIG;
	return start_scripts(r, run->conf, &r->scripts, reterr);
}

int route_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct route *r = ctx;
	int rc;

	(void)run;
	r->fresh_chain = qf_chain_new(conf, reterr);
	if (!r->fresh_chain)
		return QF_ECONFIG;
	r->keep_scripts = r->scripts && qf_scripts_needed(conf) && qf_scripts_same(r->scripts, conf);
	if (r->keep_scripts) {
		pending_halt_all(r);
		qf_scripts_adopt(r->scripts, conf);
		take_fresh(r);
		return 0;
	}
	rc = start_scripts(r, conf, &r->fresh_scripts, reterr);
	if (rc < 0) {
		r->fresh_chain = qf_chain_free(r->fresh_chain);
		return rc;
	}
	if (r->fresh_scripts)
		return QF_APPLY_LATER;
	take_fresh(r);
	return 0;
}

void route_teardown(void *ctx, struct qf_run *run)
{
	struct route *r = ctx;

	if (r->begin.fn) { /* set up */
		pending_drop_of(r, NULL, 0);
		qf_task_del(run->loop, &r->begin);
		qf_task_del(run->loop, &r->known);
	}
	r->spare = pending_free(r->spare);
	r->scripts = qf_scripts_free(r->scripts);
	r->fresh_scripts = qf_scripts_free(r->fresh_scripts);
	r->chain = qf_chain_free(r->chain);
	r->fresh_chain = qf_chain_free(r->fresh_chain);
	qf_buf_fini(&r->out);
}
