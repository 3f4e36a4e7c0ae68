#include "pending.h"

#include <stdlib.h>

#include "qf/clock.h"

struct pending *pending_new(struct route *r)
{
	struct pending *p = r->spare;

	r->spare = NULL;
	if (p != NULL)
		return p;
	p = qf_xcalloc(1, sizeof(*p));
	p->route = r;
	p->arena = qf_arena_new(0);
	qf_buf_init(&p->body);
	qf_list_init(&p->link);
	return p;
}

struct pending *pending_free(struct pending *p)
{
	if (p == NULL)
		return NULL;
	qf_arena_free(p->arena);
	qf_buf_fini(&p->body);
	free(p);
	return NULL;
}

/* One is kept: without scripts there is never a second. */
static void give_back(struct pending *p)
{
	struct route *r = p->route;

	qf_arena_clear(p->arena);
	qf_buf_clear(&p->body);
	p->asked = 0;
	if (r->spare == NULL)
		r->spare = p;
	else
		pending_free(p);
}

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

/* False when the group of its transaction is no more. */
static bool read_input(struct pending *p)
{
	const struct qf_msg *m = &p->m;
	const char *pinned = qf_get_u64(m, QF_F_PIN) ? qf_get_str(m, QF_F_GROUP, p->arena) : NULL;
	uint8_t fe = qf_get_u8(m, QF_F_FRONTEND), dialect = qf_get_u8(m, QF_F_DIALECT);

	p->in = (struct qf_route_input){
		.frontend = fe < QF_FE_N ? (enum qf_frontend)fe : QF_FE_POSTGRES,
		.user = qf_get_str(m, QF_F_USER, p->arena),
		.database = qf_get_str(m, QF_F_DATABASE, p->arena),
		.schema = qf_get_str(m, QF_F_DB_SCHEMA, p->arena),
		.client = qf_get_str(m, QF_F_CLIENT, p->arena),
		.time_zone = qf_get_str(m, QF_F_TIME_ZONE, p->arena),
		.dialect = dialect < QF_DIALECT_N ? (enum qf_dialect)dialect : QF_DIALECT_NONE,
		.headers = p->headers,
		.n_headers = read_pairs(m, QF_F_HEADER, p->arena, p->headers),
		.tags = p->tags,
		.n_tags = read_pairs(m, QF_F_TAG, p->arena, p->tags),
		.sql = qf_get(m, QF_F_SQL),
		.pinned = pinned ? qf_conf_group(p->route->run->conf, pinned) : NULL,
	};
	return !pinned || p->in.pinned;
}

/* Getters know places in the body, not addresses; of the input only the statement borrows from it. */
static void keep_message(struct pending *p)
{
	if (!qf_list_empty(&p->link))
		return;
	qf_buf_add_slice(&p->body, p->m.body);
	p->m.body = qf_buf_slice(&p->body);
	p->m.payload = QF_SLICE_NONE;
	p->in.sql = qf_get(&p->m, QF_F_SQL);
	qf_list_append(&p->route->pending, &p->link);
}

static void on_script(void *arg, const struct qf_script_answer *answer);

static void go_on(struct pending *p, const struct qf_conf_router *script)
{
	struct qf_script_answer at_once;

	while (script != NULL) {
		p->asked = qf_scripts_ask(p->route->scripts, script, &p->in, on_script, p, &at_once);
		if (p->asked) {
			keep_message(p);
			return;
		}
		script = qf_chain_go_on(&p->walk, &at_once);
	}
	qf_list_remove(&p->link);
	route_answer(p, NULL);
	give_back(p);
}

static void on_script(void *arg, const struct qf_script_answer *answer)
{
	struct pending *p = arg;

	p->asked = 0;
	go_on(p, qf_chain_go_on(&p->walk, answer));
}

void pending_run(struct pending *p)
{
	p->begun_ns = qf_mono_ns();
	if (!read_input(p)) {
		/* The group of an open transaction left the configuration: its dispatch still holds it. */
		qf_list_remove(&p->link);
		route_answer(p, "the transaction's group is not in the configuration any more");
		give_back(p);
		return;
	}
	go_on(p, qf_chain_begin(&p->walk, p->route->chain, &p->in, &p->verdict, p->arena));
}

void pending_drop(struct pending *p)
{
	if (p->asked)
		qf_scripts_forget(p->route->scripts, p->asked);
	qf_list_remove(&p->link);
	give_back(p);
}

void pending_halt_all(struct route *r)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &r->pending) {
		struct pending *p = qf_container_of(it, struct pending, link);

		if (p->asked)
			qf_scripts_forget(r->scripts, p->asked);
		p->asked = 0;
	}
}

void pending_begin_all(struct route *r)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &r->pending) {
		struct pending *p = qf_container_of(it, struct pending, link);

		if (p->asked) /* it came after the halt */
			continue;
		qf_arena_clear(p->arena);
		pending_run(p);
	}
}

void pending_drop_of(struct route *r, const struct qf_peer *from, uint64_t stream)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &r->pending) {
		struct pending *p = qf_container_of(it, struct pending, link);

		if (from == NULL || (p->from == from && (stream == 0 || p->m.stream == stream)))
			pending_drop(p);
	}
}
