/*
 * The PostgreSQL adapter and a server that lies: lengths, order, errors that are none, connections that end anywhere.
 * What it says to the statement is given; every case ends with one outcome, and the next connection is a good one.
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

#include "engine_run.h"

#define BYTES(s) s, sizeof(s) - 1
#define READY "Z\0\0\0\5I"
#define DONE(tag, n) "C\0\0\0" n tag "\0"
#define COLUMN "T\0\0\0\x1a\0\1a\0\0\0\0\0\0\0\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
#define ROW "D\0\0\0\x0b\0\1\0\0\0\x01x"
#define SELECTED DONE("SELECT 1", "\x0d")
#define REFUSED "E\0\0\0\x10" "C22012\0Mno\0\0" READY
#define FATAL "E\0\0\0\x24SFATAL\0VFATAL\0C57P01\0Mshut down\0\0"

static struct {
	int fd;
	unsigned port;
	const char *say; /* to the next statement */
	size_t n;
	bool close; /* behind that */
	const char *refuses; /* a text of ours, with an error */
	unsigned clients;
} liar;

static bool read_all(int fd, void *to, size_t n)
{
	return recv(fd, to, n, MSG_WAITALL) == (ssize_t)n;
}

static void say(int fd, const char *p, size_t n)
{
	ssize_t put = send(fd, p, n, MSG_NOSIGNAL);

	(void)put;
}

static _Thread_local char body[1 << 16];

/* A message of the client: its kind, 0 at the end. */
static char read_message(int fd)
{
	uint8_t head[5];

	if (!read_all(fd, head, 5))
		return 0;
	uint32_t n = (uint32_t)head[3] << 8 | head[4];

	return read_all(fd, body, n - 4) ? (char)head[0] : 0;
}

/* The baseline, then what comes before the statement, then the statement. */
static void serve(int fd)
{
	unsigned queries = 0;
	char kind;

	while ((kind = read_message(fd)) != 0 && kind != 'X') {
		if (kind == 'S')
			say(fd, BYTES(READY));
		if (kind != 'Q')
			continue;
		if (liar.refuses && strncmp(body, liar.refuses, strlen(liar.refuses)) == 0 && queries++ > 0) {
			say(fd, BYTES(REFUSED));
			continue;
		}
		if (queries++ == 0) {
			say(fd, BYTES(DONE("SET", "\x08") DONE("SET", "\x08") READY));
			continue;
		}
		say(fd, liar.say, liar.n);
		if (liar.close)
			return;
	}
}

static void *liar_client(void *arg)
{
	static const char hello[] = "R\0\0\0\x08\0\0\0\0S\0\0\0\x18server_version\0"
				    "15.1\0K\0\0\0\x0c\0\0\0\1\0\0\0\2" READY;
	int fd = (int)(intptr_t)arg;
	uint8_t head[8];
	char sink[4096];

	while (read_all(fd, head, 8)) {
		uint32_t n = (uint32_t)head[2] << 8 | head[3];

		if (head[4] == 0x04 && head[5] == 0xd2) { /* encryption */
			say(fd, "N", 1);
			continue;
		}
		if (n - 8 > sizeof(sink) || !read_all(fd, sink, n - 8))
			break;
		__atomic_add_fetch(&liar.clients, 1, __ATOMIC_RELAXED);
		say(fd, hello, sizeof(hello) - 1);
		serve(fd);
		break;
	}
	close(fd);
	return NULL;
}

static void *liar_main(void *arg)
{
	(void)arg;
	for (;;) {
		pthread_t t;
		int fd = accept(liar.fd, NULL, NULL);

		if (fd < 0)
			return NULL;
		pthread_create(&t, NULL, liar_client, (void *)(intptr_t)fd);
		pthread_detach(t);
	}
}

static pthread_t liar_thread;

static int liar_start(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);

	(void)state;
	liar.fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(bind(liar.fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(liar.fd, 16), 0);
	assert_int_equal(getsockname(liar.fd, (struct sockaddr *)&a, &n), 0);
	liar.port = ntohs(a.sin_port);
	return pthread_create(&liar_thread, NULL, liar_main, NULL);
}

static int liar_stop(void **state)
{
	(void)state;
	shutdown(liar.fd, SHUT_RDWR);
	pthread_join(liar_thread, NULL);
	return close(liar.fd);
}

static const struct {
	const char *name, *say;
	size_t n;
	bool close;
	enum qf_engine_outcome outcome;
	const char *sqlstate;
	bool broken;
} cases[] = {
	{ "the truth", BYTES(COLUMN ROW SELECTED READY), false, QF_OUT_OK, "", false },
	{ "nothing", "", 0, true, QF_OUT_UNKNOWN, "08006", true },
	{ "half a message", BYTES("T\0\0"), true, QF_OUT_UNKNOWN, "08006", true },
	{ "ends among rows", BYTES(COLUMN ROW "D\0\0\1\0"), true, QF_OUT_UNKNOWN, "08006", true },
	{ "ends before ReadyForQuery", BYTES(COLUMN ROW SELECTED), true, QF_OUT_UNKNOWN, "08006", true },
	{ "length 0", BYTES("T\0\0\0\0"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "length 3", BYTES(COLUMN "D\0\0\0\3"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "length of 4 GB", BYTES("T\xff\xff\xff\xff"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "a tag of 1 MB", BYTES("C\0\x10\0\0"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "no such type", BYTES("\x07\0\0\0\4"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "authentication again", BYTES("R\0\0\0\x08\0\0\0\0"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "rows first", BYTES(ROW COLUMN SELECTED READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "columns twice", BYTES(COLUMN COLUMN SELECTED READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "columns that are fewer", BYTES("T\0\0\0\x06\0\2" READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "two results", BYTES(COLUMN ROW SELECTED COLUMN ROW SELECTED READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "rows behind the end", BYTES(COLUMN SELECTED ROW READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "CopyData without COPY", BYTES("d\0\0\0\5x" READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "both ways of COPY", BYTES("G\0\0\0\7\0\0\0H\0\0\0\7\0\0\0" READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "ready for nothing", BYTES(READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "ready with a state that is none", BYTES(SELECTED "Z\0\0\0\5x"), false, QF_OUT_UNKNOWN, "08006", true },
	{ "an error without SQLSTATE", BYTES("E\0\0\0\x0bMoops\0\0" READY), false, QF_OUT_ERROR, "XX000", false },
	{ "an error without anything", BYTES("E\0\0\0\5\0" READY), false, QF_OUT_ERROR, "XX000", false },
	{ "an error that ends nowhere", BYTES("E\0\0\0\x08Mno" "x" READY), false, QF_OUT_ERROR, "XX000", false },
	{ "an empty error", BYTES("E\0\0\0\4" READY), false, QF_OUT_ERROR, "XX000", false },
	{ "an odd SQLSTATE", BYTES("E\0\0\0\x0e" "C4\0Moops\0\0" READY), false, QF_OUT_ERROR, "XX000", false },
	{ "shut down before it began", BYTES(FATAL), true, QF_OUT_NOT_SENT, "57P01", true },
	{ "shut down among rows", BYTES(COLUMN ROW FATAL), true, QF_OUT_ERROR, "57P01", true },
	{ "shut down when it was over", BYTES(COLUMN ROW SELECTED FATAL), true, QF_OUT_UNKNOWN, "57P01", true },
	{ "a ParameterStatus that is none", BYTES("S\0\0\0\6ab" READY), false, QF_OUT_UNKNOWN, "08006", true },
	{ "a row of 1 GB", BYTES(COLUMN "D\x3f\xff\xff\xff\0\1\x3f\xff"), true, QF_OUT_UNKNOWN, "08006", true },
	{ "an error, then rows", BYTES(COLUMN "E\0\0\0\x11" "C22012\0Mdiv\0\0" ROW READY), false, QF_OUT_ERROR, "22012", false },
	{ "answers to what was not asked", BYTES("1\0\0\0\0042\0\0\0\4n\0\0\0\4" SELECTED READY), false, QF_OUT_UNKNOWN, "08006", true },
};

static void run_case(struct cluster *cl, size_t i)
{
	static const struct qf_bind simple = { .flags = QF_RUN_SIMPLE, .encodings = QF_ENC_BIT(QF_ENC_PG3) };
	struct run r;
	struct qf_engine_conn *c = get_conn(cl);

	liar.say = cases[i].say;
	liar.n = cases[i].n;
	liar.close = cases[i].close;
	run_init(&r, cl, c, "SELECT 1");
	r.job.bind = &simple;
	run_submit(&r);
	wait_end(&r);
	if (r.end.outcome != cases[i].outcome || strcmp(r.end.error.sqlstate, cases[i].sqlstate) != 0 ||
		r.end.conn_broken != cases[i].broken)
		fail_msg("%s: outcome %d, %s %s, broken %d", cases[i].name, (int)r.end.outcome, r.end.error.sqlstate,
			 r.end.error.message, r.end.conn_broken);
	cl->ops->conn_put(c, false);
}

static void liar_open(struct cluster *cl)
{
	static char endpoint[100];

	snprintf(endpoint, sizeof(endpoint), "postgres://liar@127.0.0.1:%u/x", liar.port);
	*cl = (struct cluster){ .cfg = { .engine = QF_ENGINE_POSTGRES, .endpoint = endpoint, .pool_size = 2,
					 .connect_timeout_ns = 2 * QF_SEC } };
	cluster_open(cl, QF_ENGINE_POSTGRES, 8);
}

static void test_lies(void **state)
{
	struct cluster cl;

	(void)state;
	liar_open(&cl);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run_case(&cl, i);
		run_case(&cl, 0);
	}
	cluster_close(&cl);
}

/* A connection that keeps what its session left is not given to another one. */
static void test_refuses(void **state)
{
	static const struct qf_bind simple = { .flags = QF_RUN_SIMPLE, .encodings = QF_ENC_BIT(QF_ENC_PG3) };
	struct cluster cl;
	struct run r;

	(void)state;
	liar_open(&cl);
	liar.say = DONE("DEALLOCATE ALL", "\x13") READY;
	liar.n = sizeof(DONE("DEALLOCATE ALL", "\x13") READY) - 1;
	liar.close = false;
	for (int i = 0; i < 2; i++) {
		unsigned before = liar.clients;
		struct qf_engine_conn *c = get_conn(&cl);

		liar.refuses = i == 1 ? "DISCARD ALL" : NULL;
		run_init(&r, &cl, c, "DEALLOCATE ALL");
		r.job.bind = &simple;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
		cl.ops->conn_put(c, false);
		before = i == 1 ? before : liar.clients;
		turn_for(cl.loop, 50 * QF_MS);
		c = get_conn(&cl);
		run_init(&r, &cl, c, "SELECT 1");
		r.job.bind = &simple;
		run_submit(&r);
		wait_end(&r);
		assert_int_equal(r.end.outcome, QF_OUT_OK);
		assert_int_equal(liar.clients, before + (unsigned)i);
		cl.ops->conn_put(c, false);
	}
	liar.refuses = NULL;
	cluster_close(&cl);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_lies), cmocka_unit_test(test_refuses) };

	return cmocka_run_group_tests(tests, liar_start, liar_stop);
}
