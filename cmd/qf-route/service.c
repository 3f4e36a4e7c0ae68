#include "service.h"

#include <string.h>

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/str.h"

#define TRACE_MAX 64
#define PAIRS_MAX 256 /* headers, and tags, of one session; the rest cannot matter to a rule by accident */

static size_t read_pairs(const struct qf_msg *m, enum qf_field f, struct qf_arena *a, struct qf_conf_kv *list)
{
	struct qf_field_iter it = qf_fields(m);
	struct qf_slice v, name, value;
	enum qf_field tag;
	size_t n = 0;

	if (!qf_has(m, f))
		return 0;
	while (n < PAIRS_MAX && qf_field_next(&it, &tag, &v)) {
		if (tag != f || !qf_pair(v, &name, &value))
			continue;
		list[n].key = qf_arena_strndup(a, name.p, name.n);
		list[n++].value = value.p ? qf_arena_strndup(a, value.p, value.n) : NULL;
	}
	return n;
}

static void send_back(struct route *r, struct qf_peer *to)
{
	qf_msg_end(&r->out);
	(void)!qf_bus_send(r->run->bus, to, &r->out); /* a lost listener needs no answer */
}

static void refuse(struct route *r, struct qf_peer *to, const struct qf_msg *m, const char *message)
{
	qf_msg_begin(&r->out, QF_MSG_FAILED, m->stream, m->attempt, 0);
	qf_put_str(&r->out, QF_F_SQLSTATE, "42501");
	qf_put_str(&r->out, QF_F_MESSAGE, message);
	qf_put_str(&r->out, QF_F_HINT, "`qf-route --explain` shows which rule refuses the statement.");
	send_back(r, to);
}

static void bounce(struct route *r, struct qf_peer *to, const struct qf_msg *m, const char *why)
{
	qf_msg_begin(&r->out, QF_MSG_BOUNCED, m->stream, m->attempt, 0);
	qf_put_str(&r->out, QF_F_MESSAGE, why);
	qf_put_u64(&r->out, QF_F_CONF_ID, r->run->conf->id);
	send_back(r, to);
}

/* The deciding rule and its place in the list. */
static void write_trace(char trace[TRACE_MAX], const struct qf_route_verdict *v)
{
	const char *name = v->router ? v->router : v->group ? "pin" : "none";
	size_t n = strlen(name);

	qf_assert(n + 22 <= TRACE_MAX);
	memcpy(trace, name, n);
	trace[n] = ' ';
	qf_decimal(trace + n + 1, v->index);
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
	qf_buf_add_slice(&r->out, m->body);
	send_back(r, to);
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
	qf_msg_end(&r->out);
	qf_bus_event(r->run->bus, &r->out);
}

static void on_query(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct route *r = arg;
	struct qf_conf_kv headers[PAIRS_MAX], tags[PAIRS_MAX];
	const char *pinned = qf_get_u64(m, QF_F_PIN) ? qf_get_str(m, QF_F_GROUP, r->arena) : NULL;
	uint8_t fe = qf_get_u8(m, QF_F_FRONTEND);
	struct qf_route_input in = {
		.frontend = fe < QF_FE_N ? (enum qf_frontend)fe : QF_FE_POSTGRES,
		.user = qf_get_str(m, QF_F_USER, r->arena),
		.database = qf_get_str(m, QF_F_DATABASE, r->arena),
		.headers = headers,
		.n_headers = read_pairs(m, QF_F_HEADER, r->arena, headers),
		.tags = tags,
		.n_tags = read_pairs(m, QF_F_TAG, r->arena, tags),
		.sql = qf_get(m, QF_F_SQL),
		.pinned = pinned ? qf_conf_group(r->run->conf, pinned) : NULL,
	};
	struct qf_route_verdict v = { 0 };
	uint64_t start = qf_mono_ns();
	struct qf_peer *dispatch;
	char trace[TRACE_MAX];

	qf_buf_clear(&r->out);
	if (pinned && !in.pinned) {
		/* The group of an open transaction left the configuration: its dispatch still holds it. */
		bounce(r, from, m, "the transaction's group is not in the configuration any more");
		goto out;
	}
	qf_chain_route(r->chain, &in, &v, r->arena);
	write_trace(trace, &v);
	if (!v.group) {
		refuse(r, from, m, v.message);
	} else {
		dispatch = qf_bus_find(r->run->bus, QF_DISPATCH, qf_slice_str(v.group->instance));
		if (dispatch && !dispatch->suspended)
			forward(r, dispatch, from, m, &v, trace);
		else
			bounce(r, from, m, "the qf-dispatch that owns the group is away");
	}
	tell_admin(r, m, &v, trace, qf_mono_ns() - start);
out:
	qf_arena_clear(r->arena);
}

const struct qf_bus_handler route_handlers[] = { { QF_MSG_QUERY, QF_ROLE(QF_LISTEN), on_query }, { 0 } };

int route_setup(void *ctx, struct qf_run *run, struct qf_err *reterr)
{
	struct route *r = ctx;

	r->run = run;
	r->arena = qf_arena_new(0);
	qf_buf_init(&r->out);
	r->chain = qf_chain_new(run->conf, reterr);
	return r->chain ? 0 : QF_ECONFIG;
}

int route_apply(void *ctx, struct qf_run *run, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct route *r = ctx;
	struct qf_chain *fresh = qf_chain_new(conf, reterr);

	(void)run;
	if (!fresh)
		return QF_ECONFIG;
	qf_chain_free(r->chain);
	r->chain = fresh;
	return 0;
}

void route_teardown(void *ctx, struct qf_run *run)
{
	struct route *r = ctx;

	(void)run;
	r->chain = qf_chain_free(r->chain);
	r->arena = qf_arena_free(r->arena);
	qf_buf_fini(&r->out);
}
