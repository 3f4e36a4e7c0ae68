/*
 * See service.h. A statement whose translation is in doubt is refused with a hint, unless the asker says
 * that warnings and doubts may pass (translation.errorOnUnsupported: false).
 */
#include "service.h"

#include <stdlib.h>
#include <string.h>

#include "qf/log.h"

enum { CACHE_BYTES = 64 << 20, MAX_PENDING = 10000, MAX_TABLES = 1 << 20 };

struct ask {
	struct qf_list link;
	struct service *s;
	struct qf_peer *peer;
	uint64_t stream, id;
	enum qf_dialect to;
	bool lenient;
};

#define DOUBT_HINT                                                                                           \
	"Make the types known with casts, or write the statement in the engine's own dialect: SET queryflux.dialect = '%s'."

/* ---- answers ----------------------------------------------------------------------------------- */

static void put_list(struct qf_buf *b, enum qf_field f, const struct translate_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		qf_put_slice(b, f, l->at[i]);
}

static const char *sqlstate(const struct translation *t, char given[6])
{
	if (t->sqlstate.n == 5) {
		memcpy(given, t->sqlstate.p, 5);
		given[5] = '\0';
		return given;
	}
	switch (t->status) {
	case TRANSLATE_TROUBLE:
		return "53000";
	case TRANSLATE_DOWN:
		return "58000";
	case TRANSLATE_ERROR:
		return t->position ? "42601" : "0A000";
	default:
		return "0A000";
	}
}

static void put_doubts(struct qf_buf *b, const struct translation *t, enum qf_dialect to)
{
	const struct translate_list *first = t->warnings.n ? &t->warnings : &t->doubts;
	char *text = qf_xasprintf("this statement has no translation to %s that is sure to mean the same: %.*s", qf_dialect_name(to),
				  (int)first->at[0].n, (const char *)first->at[0].p);
	char *hint = qf_xasprintf(DOUBT_HINT, qf_dialect_name(to));

	qf_put_str(b, QF_F_SQLSTATE, "0A000");
	qf_put_str(b, QF_F_MESSAGE, text);
	qf_put_str(b, QF_F_HINT, hint);
	free(text);
	free(hint);
}

static void put_error(struct qf_buf *b, const struct translation *t)
{
	char given[6];

	qf_put_str(b, QF_F_SQLSTATE, sqlstate(t, given));
	qf_put_slice(b, QF_F_MESSAGE, t->text);
	if (t->hint.n > 0)
		qf_put_slice(b, QF_F_HINT, t->hint);
	if (t->position > 0)
		qf_put_u32(b, QF_F_POSITION, t->position);
}

static void reply(struct service *s, struct qf_peer *peer, uint64_t stream, bool lenient, enum qf_dialect to,
		  const struct translation *t)
{
	bool objections = t->warnings.n > 0 || t->doubts.n > 0;
	struct qf_buf b;

	qf_buf_init(&b);
	qf_msg_begin(&b, QF_MSG_TRANSLATED, stream, 0, 0);
	if (t->status != TRANSLATE_OK)
		put_error(&b, t);
	else if (objections && !lenient)
		put_doubts(&b, t, to);
	else
		qf_put_slice(&b, QF_F_SQL, t->sql);
	put_list(&b, QF_F_WARNING, &t->warnings);
	put_list(&b, QF_F_DOUBT, &t->doubts);
	qf_msg_end(&b);
	if (qf_bus_send(s->run->bus, peer, &b) < 0)
		qf_debug("answer for stream %llu not sent", (unsigned long long)stream);
	qf_buf_fini(&b);
}

/* ---- requests ---------------------------------------------------------------------------------- */

static void ask_free(struct ask *a)
{
	qf_list_remove(&a->link);
	free(a);
}

static void on_translation(void *arg, const struct translation *t)
{
	struct ask *a = arg;

	reply(a->s, a->peer, a->stream, a->lenient, a->to, t);
	ask_free(a);
}

void service_on_translate(struct service *s, struct qf_peer *from, const struct qf_msg *m)
{
	struct translate_request r = { .from = qf_get_u8(m, QF_F_FROM), .to = qf_get_u8(m, QF_F_TO), .guard = true,
				       .sql = qf_get(m, QF_F_SQL), .types = qf_get(m, QF_F_PARAM_TYPES), .schema = qf_get(m, QF_F_TABLES) };
	struct translation bad = { .status = TRANSLATE_ERROR,
				   .text = qf_slice_str("a TRANSLATE without known dialects or text, or with too many columns") };

	if (r.from == QF_DIALECT_NONE || r.from >= QF_DIALECT_N || r.to == QF_DIALECT_NONE || r.to >= QF_DIALECT_N || !r.sql.p ||
	    r.schema.n > MAX_TABLES) {
		reply(s, from, m->stream, false, QF_DIALECT_NONE, &bad);
		return;
	}
	struct ask *a = qf_xcalloc(1, sizeof(*a));

	a->s = s;
	a->peer = from;
	a->stream = m->stream;
	a->to = r.to;
	a->lenient = qf_get_u8(m, QF_F_LENIENT) != 0;
	qf_list_append(&s->asks, &a->link);
	uint64_t id = translator_ask(s->tr, &r, on_translation, a);

	if (id) /* else the answer has gone out and the ask with it */
		a->id = id;
}

void service_on_peer(struct service *s, struct qf_peer *p, enum qf_peer_change change)
{
	struct qf_list *it, *tmp;

	if (change != QF_PEER_LOST)
		return;
	qf_list_each(it, tmp, &s->asks) {
		struct ask *a = qf_container_of(it, struct ask, link);

		if (a->peer != p)
			continue;
		translator_forget(s->tr, a->id);
		ask_free(a);
	}
}

/* ---- life -------------------------------------------------------------------------------------- */

static void on_ready(void *arg)
{
	struct service *s = arg;

	qf_info("translation workers are ready");
	qf_run_status(s->run, "serving");
}

static void on_failed(void *arg, const char *text)
{
	struct service *s = arg;

	qf_error("no translation: %s; statements in the engine's own dialect run, others follow translation.onFailure", text);
	qf_run_status(s->run, "no translation: %s", text);
}

int service_setup(struct service *s, struct qf_run *run, struct qf_err *reterr)
{
	struct translator_opts o = { .loop = run->loop, .workers = run->conf->translate_workers, .max_pending = MAX_PENDING,
				     .deadline_ns = run->conf->translate_deadline_ns, .cache_bytes = CACHE_BYTES,
				     .warm = "postgres:duckdb,trino:duckdb,trino:postgres,mysql:duckdb", .on_ready = on_ready,
				     .on_failed = on_failed, .arg = s };

	s->run = run;
	qf_list_init(&s->asks);
	return translator_new(&s->tr, &o, reterr);
}

int service_apply(struct service *s, const struct qf_conf *conf)
{
	translator_set_deadline(s->tr, conf->translate_deadline_ns);
	return 0;
}

void service_teardown(struct service *s)
{
	s->tr = translator_free(s->tr);
	while (s->asks.next && !qf_list_empty(&s->asks))
		ask_free(qf_container_of(s->asks.next, struct ask, link));
}
