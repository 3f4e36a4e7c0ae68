/*
 * What a PostgreSQL server may send: the decoder, and the adapter with a statement on its way. Each job ends once,
 * rows come behind their columns, and nothing is left. The first input byte says: 1 rows as Arrow, 2 from a simple Query,
 * 4 named, 8 only described, 16 with a portal, 32 settings before it, 64 cancelled in the middle, 128 in single bytes.
 */
#include <sys/socket.h>
#include <unistd.h>

#include "../../lib/engine/postgres/private.h"
#include "qf/engine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct qf_loop *loop;
static struct qf_engine *engine;
static struct qf_engine_conn *conn;
static bool has_schema, ended;

/* ---- the decoder ---- */

static void read_body(const struct qf_pg_reply *m)
{
	struct qf_pg_report rep;
	struct qf_slice a, b;
	struct qf_buf oids;
	uint64_t rows;
	size_t n;
	char c;

	qf_buf_init(&oids);
	(void)!qf_pg_read_report(m->body, &rep);
	(void)!qf_pg_read_ready(m->body, &c);
	(void)!qf_pg_read_parameter_status(m->body, &a, &b);
	(void)!qf_pg_read_tag(m->body, &a, &rows);
	if (qf_pg_read_parameters(m->body, &oids, &n) == 0 && oids.n != 4 * n)
		abort();
	(void)!qf_pg_check_columns(m->body);
	qf_buf_fini(&oids);
}

/* The same messages however the bytes are cut; rows are counted as they are read one by one. */
static void decode(struct qf_slice in)
{
	struct qf_pg_reply m, part;
	struct qf_err err;

	while (qf_pg_reply_next(in, &m, &err) > 0) {
		if (m.need != m.message.n || m.need > in.n || m.body.n + 5 != m.need)
			abort();
		if (qf_pg_reply_next(qf_slice(in.p, m.need - 1), &part, &err) != 0)
			abort();
		uint64_t rows = 0;
		size_t run = qf_pg_reply_rows(in, m.kind, -1, 64, &rows);

		if (run < m.need || rows == 0 || run > in.n)
			abort();
		read_body(&m);
		in = qf_slice(in.p + m.need, in.n - m.need);
	}
}

/* ---- the adapter ---- */

static void on_schema(struct qf_engine_job *job, struct qf_slice s)
{
	if (has_schema || ended || s.n == 0)
		abort();
	(void)job;
	has_schema = true;
}

static void on_batch(struct qf_engine_job *job, struct qf_slice s, uint64_t rows)
{
	if (!has_schema || ended || rows == 0)
		abort();
	(void)job;
	qf_engine_postgres.more(conn, s.n / 2);
}

static void on_described(struct qf_engine_job *job, const uint32_t *oids, size_t n, struct qf_slice columns)
{
	(void)job;
	for (size_t i = 0; i < n; i++)
		has_schema |= oids[i] == 0;
	has_schema |= columns.n > 0;
}

static void on_notice(struct qf_engine_job *job, const char *severity, const char *text, struct qf_slice fields)
{
	(void)job;
	(void)fields;
	if (strlen(severity) > 100 || strlen(text) > 2000 || ended)
		abort();
}

static void on_async(struct qf_engine_job *job, struct qf_slice m)
{
	(void)job;
	if (ended || (m.p[0] != 'S' && m.p[0] != 'A'))
		abort();
}

static void on_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	(void)job;
	if (ended || (end->outcome != QF_OUT_OK && strlen(end->error.sqlstate) != 5))
		abort();
	ended = true;
}

static void stop(struct qf_task *t)
{
	(void)t;
	qf_loop_stop(loop);
}

static void turn(void)
{
	struct qf_task task = { .fn = stop };

	qf_task_add(loop, &task);
	if (qf_loop_run(loop) < 0)
		abort();
}

static void set_up(void)
{
	static const struct qf_conf_cluster cfg = { .name = "fuzz", .endpoint = "-", .pool_size = 4, .connect_timeout_ns = QF_SEC };
	struct qf_err err;

	if (qf_loop_new(&loop, &err) < 0 || qf_engine_postgres.open(&engine, &cfg, loop, 4, &err) < 0)
		abort();
	turn();
	qf_timer_stop(loop, &engine->pool.tick);
	engine->closing = true; /* no other connection takes the place of a lost one */
}

static void ready(struct qf_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
}

/* A connection that is open without a server. */
static void open_conn(int fd)
{
	const struct qf_engine_who who = { .session = 1 };
	struct qf_sql_error e;

	conn = pge_conn_new(&engine->pool, engine->service);
	conn->counted = true;
	engine->pool.n++;
	qf_list_append(&engine->pool.busy, &conn->link);
	conn->server_version = 150000;
	conn->fd = fd;
	conn->watch.fd = dup(fd); /* what libpq would close */
	conn->watch.fn = ready;
	conn->state = PGE_OPEN;
	pge_pool_idle(conn);
	if (qf_engine_postgres.conn_get(engine, &who, &conn, &e) < 0)
		abort();
}

static void feed(const uint8_t *p, size_t n)
{
	qf_buf_add(&conn->in, p, n);
	pge_wire_receive(conn);
}

static void run(uint8_t how, const uint8_t *p, size_t n)
{
	static const struct qf_engine_setting setting = { "timezone", "UTC" };
	const struct qf_bind bind = {
		.kind = how & 8 ? QF_RUN_DESCRIBE : QF_RUN_ALL,
		.flags = (how & 2 ? QF_RUN_SIMPLE : 0) | (how & 4 ? QF_RUN_NAMED : 0),
		.encodings = how & 1 ? QF_ENC_BIT(QF_ENC_ARROW) : QF_ENC_BIT(QF_ENC_PG3),
		.portal = how & 16 ? 7 : 0,
		.max_rows = how & 16 ? 2 : 0,
	};
	struct qf_engine_job job = { .sql = qf_slice_str("SELECT f()"), .bind = &bind, .settings = &setting,
				     .n_settings = how & 32 ? 1 : 0, .window = 64 << 10, .batch_bytes = 4096,
				     .user = "u", .query_id = "q", .on_schema = on_schema, .on_batch = on_batch,
				     .on_described = on_described, .on_notice = on_notice, .on_async = on_async, .on_end = on_end };
	size_t step = how & 128 ? 1 : how & 64 ? n / 2 + 1 : n + 1;
	struct qf_sql_error e;

	has_schema = ended = false;
	if (qf_engine_postgres.submit(conn, &job, &e) < 0)
		abort();
	for (size_t at = 0; at < n && conn->state == PGE_OPEN; at += step) {
		feed(p + at, n - at < step ? n - at : step);
		if (how & 64 && at == 0 && !ended)
			qf_engine_postgres.cancel(conn);
	}
	pge_conn_lost(conn, "the input is over");
	turn();
	if (!ended)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fds[2];

	if (size < 1)
		return 0;
	if (!loop)
		set_up();
	decode(qf_slice(data + 1, size - 1));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds) < 0)
		abort();
	open_conn(fds[0]);
	int watched = conn->watch.fd;

	run(data[0], data + 1, size - 1);
	qf_engine_postgres.conn_put(conn, false);
	turn();
	close(watched);
	close(fds[0]);
	close(fds[1]);
	if (engine->pool.n != 0 || !qf_list_empty(&engine->pool.busy))
		abort();
	return 0;
}
