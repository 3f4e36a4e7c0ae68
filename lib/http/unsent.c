/* Replies under way: what they take together, and who goes when it is too much. See qf/http.h. */
#include "conn.h"
#include "qf/clock.h"
#include "qf/log.h"

#define STALLED_NS QF_SEC

static void give_up(struct http_conn *c)
{
	http_conn_drop_reply(c);
	c->given_up = true;
	qf_task_add(c->server->loop, &c->task); /* its owner is told from there, never from inside a call */
}

bool http_unsent_room(struct http_conn *c, size_t bytes)
{
	struct qf_http_server *s = c->server;
	uint64_t now = qf_loop_now(s->loop);
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &s->sending) {
		struct http_conn *first = qf_container_of(it, struct http_conn, sending);

		if (s->unsent + bytes <= s->limits.max_unsent || now - first->took_ns < STALLED_NS)
			break;
		qf_debug("client %s: given up, it takes nothing and the room is needed", first->client);
		give_up(first);
	}
	/* One that is larger than all the room goes alone. */
	return s->unsent == 0 || s->unsent + bytes <= s->limits.max_unsent;
}

void http_unsent_add(struct http_conn *c, struct qf_http_body *b, size_t gzip_bytes)
{
	struct qf_http_server *s = c->server;

	c->counted = qf_http_body_ref(b);
	c->gzip_bytes = gzip_bytes;
	if ((*http_body_senders(b))++ == 0)
		s->unsent += qf_http_body_bytes(b);
	s->unsent += gzip_bytes;
	qf_list_append(&s->sending, &c->sending);
	c->took_ns = qf_loop_now(s->loop);
}

void http_unsent_took(struct http_conn *c)
{
	if (!c->counted)
		return;
	qf_list_remove(&c->sending);
	qf_list_append(&c->server->sending, &c->sending);
	c->took_ns = qf_loop_now(c->server->loop);
}

void http_unsent_done(struct http_conn *c)
{
	if (!c->counted)
		return;
	if (--*http_body_senders(c->counted) == 0)
		c->server->unsent -= qf_http_body_bytes(c->counted);
	c->server->unsent -= c->gzip_bytes;
	c->counted = qf_http_body_free(c->counted);
	qf_list_remove(&c->sending);
}

void qf_http_body_give_up(struct qf_http_server *s, const struct qf_http_body *b)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &s->sending) {
		struct http_conn *c = qf_container_of(it, struct http_conn, sending);

		if (c->counted == b)
			give_up(c);
	}
}
