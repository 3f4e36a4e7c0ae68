/*
 * A whole PostgreSQL session with hostile bytes, on a hub in the same process: nothing may crash, leak or stay.
 * The first input byte says: 1 a good startup packet goes first, 2 the client closes its half at the end,
 * 4 the bytes go in two pieces, 8 each line is the text of a Query, 16 each two bytes are a message of the extended
 * protocol.
 */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "../unit/pg_fake_hub.h"
#include "qf/proto/postgres.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct qf_hub hub;
static struct qf_listener *listener;
static struct sockaddr_un address = { .sun_family = AF_UNIX };
static socklen_t address_n = sizeof(sa_family_t);

static void set_up(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct qf_err err;

	hub_open(&hub, QF_ENGINE_FAKE, "match fail | error 42P01 no\nmatch lost | lost gone\nmatch insert | affected 1\n"
				       "match many | rows 3000 bytes 300\nmatch careful | notice mind | rows 1\ndefault | rows 2\n");
	hub.conf.max_statement_bytes = 2000;
	/* An abstract address of the kernel's choice. */
	if (bind(fd, (struct sockaddr *)&address, address_n) < 0 || listen(fd, 8) < 0)
		abort();
	address_n = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &address_n) < 0 ||
		qf_frontend_ops(QF_FE_POSTGRES)->open(&listener, &hub, fd, &err) < 0)
		abort();
}

struct counter {
	struct qf_timer timer;
	int fd, left;
};

static void count_turn(struct qf_timer *t)
{
	struct counter *c = qf_container_of(t, struct counter, timer);
	char sink[65536];

	while (c->fd >= 0 && recv(c->fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
		continue;
	if (--c->left <= 0)
		qf_loop_stop(hub.loop);
	else
		qf_timer_set(hub.loop, t, 1);
}

static void turn_loop(int fd, int turns)
{
	struct counter c = { .timer = { .fn = count_turn }, .fd = fd, .left = turns };

	qf_timer_set(hub.loop, &c.timer, 1);
	if (qf_loop_run(hub.loop) < 0)
		abort();
	qf_timer_stop(hub.loop, &c.timer);
}

static void must_send(int fd, const void *p, size_t n)
{
	if (send(fd, p, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EPIPE && errno != EAGAIN && errno != ECONNRESET)
		abort();
}

static struct qf_buf queries_of(const uint8_t *p, size_t n)
{
	struct qf_buf b = { 0 };

	while (n > 0) {
		const uint8_t *end = memchr(p, '\n', n);
		size_t len = end ? (size_t)(end - p) : n;

		qf_buf_u8(&b, 'Q');
		qf_buf_u32(&b, (uint32_t)len + 5);
		qf_buf_add(&b, p, len);
		qf_buf_u8(&b, 0);
		p += len + (end != NULL);
		n -= len + (end != NULL);
	}
	return b;
}

/* The first byte says which message and which names, the second which text, value or limit. */
static void put_extended(struct qf_buf *b, uint8_t how, uint8_t what)
{
	static const char *const texts[] = { "select 1", "insert a $1", "many", "fail", "begin", "commit", "rollback", "savepoint x",
		"rollback to x", "lost", "set jit = on", "show jit", "", "select $1, $2", "prepare a as select $1", "execute a(1)",
		"deallocate all", "select set_config($1, $2, true)", "careful", "hang", "discard all", "set nosuch = 1", "close b" };
	static const char *const names[] = { "", "a", "b" };
	const char *one = names[(how >> 4) % 3], *two = names[(how >> 6) % 3];
	const char *text = texts[what % (sizeof(texts) / sizeof(texts[0]))];
	const uint32_t oids[] = { 23, 25, 0 };
	const uint16_t formats[] = { what & 1, what >> 1 & 1, 0 };
	size_t at;

	switch (how & 15) {
	case 0:
	case 1:
		qf_pg_put_parse(b, one, qf_slice_str(text), oids, what >> 6);
		break;
	case 2:
	case 3:
	case 4:
		at = qf_pg_begin_bind(b, one, two, formats, what >> 5 & 1 ? 2 : what >> 6);
		for (uint8_t i = 0; i < (what >> 5 & 1 ? 2 : what >> 6); i++)
			qf_pg_add_value(b, i ? NULL : "12345678", what & 7);
		qf_pg_end_bind(b, at, formats, what >> 2 & 1);
		break;
	case 5:
		qf_pg_put_describe(b, 'S', one);
		break;
	case 6:
		qf_pg_put_describe(b, 'P', one);
		break;
	case 7:
	case 8:
	case 9:
		qf_pg_put_execute(b, one, what & 3 ? what >> 2 : 0);
		break;
	case 10:
		qf_pg_put_close(b, what & 1 ? 'S' : 'P', one);
		break;
	case 11:
		qf_pg_put_query(b, qf_slice_str(text));
		break;
	case 12:
		qf_buf_add(b, "H\0\0\0\4", 5);
		break;
	default:
		qf_pg_put_sync(b);
		break;
	}
}

static struct qf_buf messages_of(const uint8_t *p, size_t n)
{
	struct qf_buf b = { 0 };

	for (size_t i = 0; i + 1 < n && i < 400; i += 2)
		put_extended(&b, p[i], p[i + 1]);
	return b;
}

static void converse(uint8_t how, const uint8_t *p, size_t n)
{
	static const char startup[] = "\0\0\0\x10\0\3\0\0user\0a\0";
	size_t half = how & 4 ? n / 2 : 0;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (connect(fd, (struct sockaddr *)&address, address_n) < 0)
		abort();
	if (how & 1)
		must_send(fd, startup, sizeof(startup));
	must_send(fd, p, half);
	if (half)
		turn_loop(fd, 20);
	must_send(fd, p + half, n - half);
	if (how & 2)
		shutdown(fd, SHUT_WR);
	turn_loop(fd, 60);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!hub.loop)
		set_up();
	if (size < 2 || size > 100000)
		return 0;
	struct qf_buf queries = data[0] & 8 ? queries_of(data + 1, size - 1) :
				data[0] & 16 ? messages_of(data + 1, size - 1) : (struct qf_buf){ 0 };

	if (data[0] & 24 && queries.n > 0)
		converse(data[0], queries.p, queries.n);
	else if (!(data[0] & 24))
		converse(data[0], data + 1, size - 1);
	qf_buf_fini(&queries);
	for (int i = 0; i < 1000 && (hub.queries_open || hub.pins_open || hub.outstanding); i++)
		turn_loop(-1, 20);
	turn_loop(-1, 5);
	if (hub.queries_open || hub.pins_open || hub.outstanding || qf_frontend_ops(QF_FE_POSTGRES)->sessions(listener))
		abort();
	qf_buf_fini(&hub.log);
	return 0;
}
