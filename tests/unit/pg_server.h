/* A listening PostgreSQL frontend on a fake hub, and clients that have logged in. */
#ifndef QF_TESTS_PG_SERVER_H
#define QF_TESTS_PG_SERVER_H

#include "pg_client.h"
#include "pg_fake_hub.h"

struct server {
	struct qf_hub hub;
	const struct qf_frontend_ops *ops;
	struct qf_listener *l;
	uint16_t port;
};

static inline void server_open(struct server *s, const char *engine_script)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct qf_err err;

	hub_open(&s->hub, QF_ENGINE_FAKE, engine_script);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 128), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
	s->port = ntohs(at.sin_port);
	s->ops = qf_frontend_ops(QF_FE_POSTGRES);
	assert_non_null(s->ops);
	assert_int_equal(s->ops->open(&s->l, &s->hub, fd, &err), 0);
}

static inline void server_close(struct server *s)
{
	s->ops->close(s->l);
	/* Abandoned queries end in later turns. */
	struct client nobody = { .loop = s->hub.loop, .guard.fn = client_guard };

	for (int i = 0; i < 100 && (s->hub.queries_open || s->hub.pins_open); i++)
		turn(&nobody, QF_MS);
	assert_int_equal(s->hub.queries_open, 0);
	assert_int_equal(s->hub.pins_open, 0);
	assert_int_equal(s->hub.outstanding, 0);
	hub_close(&s->hub);
}

static const char *const alice[] = { "user", "alice", "database", "shop", NULL };

static inline void log_in(struct client *c, struct server *s, const char *const *params)
{
	client_open(c, s->hub.loop, s->port);
	send_startup(c, QF_PG_VERSION_3_0, params);
	client_wait(c, 1);
	assert_string_equal(qf_buf_cstr(&c->text), "R Z(I)");
}

/* Complains and goes on, so that one run shows every difference. */
static inline int differs(const char *name, const char *what, const char *got, const char *want)
{
	if (strcmp(got, want) == 0)
		return 0;
	print_error("%s: %s\n got %s\nwant %s\n", name, what, got, want);
	return 1;
}

#endif
