/* The PostgreSQL frontend under load: slow and stalled readers, large statements, memory of idle sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <cmocka.h>
#include <malloc.h>
#include <sys/resource.h>

#include "pg_server.h"
#include "pg_talk.h"

enum { MANY = 1000, IDLE_LIMIT = 16 * 1024 };

static const char script[] = "match big | rows 20000 bytes 1000\n"
			     "match endless | rows 100000000 bytes 1000\n"
			     "default | rows 1\n";

/* 0 under AddressSanitizer, which has a heap of its own: nothing is compared then. */
static size_t heap(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Connects with a receive buffer so small that the server's socket blocks soon. */
static void connect_lazy(struct client *c, struct server *s)
{
	memset(c, 0, sizeof(*c));
	c->loop = s->hub.loop;
	c->guard.fn = client_guard;
	c->watch = (struct qf_watch){ .fd = connect_to(s->port, 4096), .events = EPOLLIN, .fn = client_readable };
	send_startup(c, QF_PG_VERSION_3_0, alice);
}

static void a_slow_reader_gets_every_row_in_bounded_memory(void **state)
{
	struct server s;
	struct client c;
	size_t most = 0;

	(void)state;
	server_open(&s, script);
	connect_lazy(&c, &s);
	size_t before = heap();

	send_query(&c, "select big");
	while (!strstr(qf_buf_cstr(&c.text), "C(SELECT 20000) Z(I)") && !c.eof) {
		char piece[20000];
		ssize_t n = recv(c.watch.fd, piece, sizeof(piece), MSG_DONTWAIT);

		if (n > 0) {
			qf_buf_add(&c.in, piece, (size_t)n);
			take_messages(&c);
		}
		if (heap() > most)
			most = heap();
		turn(&c, 10000);
	}
	assert_int_equal(c.rows, 20000);
	/* One window, and what is encoded of it. */
	assert_in_range(s.hub.most_outstanding, 1, HUB_WINDOW + HUB_BATCH);
	assert_in_range(most - before, 0, 3 * HUB_WINDOW);
	client_close(&c);
	server_close(&s);
}

static void a_stalled_reader_is_dropped_and_disturbs_nobody(void **state)
{
	struct server s;
	struct client lazy, other;

	(void)state;
	server_open(&s, script);
	s.hub.conf.client_stall_ns = 300 * QF_MS;
	connect_lazy(&lazy, &s);
	log_in(&other, &s, alice);
	size_t before = heap();

	send_query(&lazy, "select endless");
	uint64_t start = qf_mono_ns();
	unsigned answered = 0;

	while (s.ops->sessions(s.l) == 2 && qf_mono_ns() - start < 5 * QF_SEC) {
		assert_string_equal(query(&other, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(I)");
		answered++;
		assert_in_range(heap(), 0, before + 3 * HUB_WINDOW);
	}
	uint64_t took = qf_mono_ns() - start;

	assert_int_equal(s.ops->sessions(s.l), 1);
	assert_int_equal(s.hub.abandons, 1);
	assert_in_range(took / QF_MS, 300, 2000);
	assert_in_range(answered, 50, 10000000);
	client_close(&lazy);
	client_close(&other);
	server_close(&s);
}

static void queries_in_advance_do_not_pile_up_answers(void **state)
{
	enum { QUERIES = 3000 };
	struct server s;
	struct client c;
	struct qf_buf all = { 0 };
	size_t at = 0;

	(void)state;
	server_open(&s, script);
	connect_lazy(&c, &s);
	for (int i = 0; i < QUERIES; i++)
		put_message(&all, 'Q', "show all", 9);
	size_t before = heap();

	for (int i = 0; i < 300; i++) {
		ssize_t n = send(c.watch.fd, all.p + at, all.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turn(&c, 100000);
		assert_in_range(heap(), 0, before + (1 << 20));
	}
	assert_int_equal(at, all.n);
	assert_int_equal(qf_watch_add(c.loop, &c.watch), 0);
	/* One more for the startup, which nobody has read yet. */
	client_wait(&c, QUERIES + 1);
	assert_int_equal(c.ready, QUERIES + 1);
	qf_buf_fini(&all);
	client_close(&c);
	server_close(&s);
}

static void rows_that_cannot_be_told_end_the_statement_not_the_session(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	s.hub.cut_batches = true;
	query(&c, "begin; select endless");
	assert_non_null(strstr(qf_buf_cstr(&c.text), "E(ERROR XX000 the result cannot be sent: "));
	assert_non_null(strstr(qf_buf_cstr(&c.text), ") Z(E)"));
	assert_int_equal(s.hub.cancels, 1);
	s.hub.cut_batches = false;
	assert_string_equal(query(&c, "rollback; select 1"), "C(ROLLBACK) T(n:20) D(1) C(SELECT 1) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void a_conversation_byte_by_byte_is_the_same(void **state)
{
	static const char *const sqls[] = { "begin; select 1", "select broken", "commit", "" };
	struct server s;
	struct client c;
	struct qf_buf all = { 0 };

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	qf_buf_clear(&c.text);
	for (int i = 0; i < 4; i++)
		put_message(&all, 'Q', sqls[i], strlen(sqls[i]) + 1);
	for (size_t i = 0; i < all.n; i++) {
		client_send(&c, all.p + i, 1);
		turn(&c, 20000);
	}
	if (c.ready < 5)
		client_wait(&c, 5 - c.ready);
	assert_string_equal(qf_buf_cstr(&c.text),
		"C(BEGIN) T(n:20) D(1) C(SELECT 1) Z(T) T(n:20) D(1) C(SELECT 1) Z(T) C(COMMIT) Z(I) I Z(I)");
	qf_buf_fini(&all);
	client_close(&c);
	server_close(&s);
}

static void a_statement_of_sixteen_megabytes_passes_and_leaves_nothing(void **state)
{
	enum { N = 16 << 20 };
	struct server s;
	struct client c;
	struct qf_buf all = { 0 };
	char *text = malloc(N + 1);
	size_t at = 0;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	memset(text, ' ', N);
	memcpy(text, "select '", 8);
	text[N - 1] = '\'';
	text[N] = 0;
	put_message(&all, 'Q', text, N + 1);
	free(text);
	/* Half of it and a pause: the memory of what came is there, of what is to come is not. */
	size_t before = heap();

	qf_buf_clear(&c.text);
	while (at < all.n) {
		ssize_t n = send(c.watch.fd, all.p + at, all.n - at, MSG_DONTWAIT | MSG_NOSIGNAL);

		at += n > 0 ? (size_t)n : 0;
		turn(&c, 100000);
	}
	assert_string_equal(client_wait(&c, 1), "T(n:20) D(1) C(SELECT 1) Z(I)");
	qf_buf_clear(&s.hub.log);
	qf_buf_fini(&s.hub.log);
	assert_in_range(heap(), 0, before + 200000);
	qf_buf_fini(&all);
	client_close(&c);
	server_close(&s);
}

/* What all sessions together may have pending is reserved by announced length. */
static void announced_statements_are_bounded_together(void **state)
{
	struct server s;
	struct client hogs[4], c;
	static const char announced[] = "Q\x3f\xff\xff\x00select 1";
	char half[20000];

	(void)state;
	server_open(&s, script);
	s.hub.conf.max_statement_bytes = 64 << 20;
	memset(half, ' ', sizeof(half));
	memcpy(half, "Q\0\0\x9c\x40select 1", 13); /* 40000 bytes */
	for (int i = 0; i < 4; i++) {
		uint8_t head[16];

		log_in(&hogs[i], &s, alice);
		memcpy(head, announced, 13);
		head[1] = 3;
		client_send(&hogs[i], head, 13);
		turn(&hogs[i], 10 * QF_MS);
	}
	log_in(&c, &s, alice);
	qf_buf_clear(&c.text);
	client_send(&c, half, sizeof(half));
	turn(&c, 20 * QF_MS);
	memset(half, ' ', sizeof(half));
	client_send(&c, half, sizeof(half));
	client_send(&c, "\0", 1);
	assert_string_equal(client_wait(&c, 1),
		"E(ERROR 53200 out of memory for statements: too many bytes are pending in all sessions) Z(I)");
	/* What one of them gave back is there for others. */
	client_close(&hogs[0]);
	turn(&c, 20 * QF_MS);
	qf_buf_clear(&c.text);
	memcpy(half, "Q\0\0\x9c\x40select 1", 13);
	client_send(&c, half, sizeof(half));
	turn(&c, 20 * QF_MS);
	memset(half, ' ', sizeof(half));
	client_send(&c, half, sizeof(half));
	client_send(&c, "\0", 1);
	assert_string_equal(client_wait(&c, 1), "T(n:20) D(1) C(SELECT 1) Z(I)");
	for (int i = 1; i < 4; i++)
		client_close(&hogs[i]);
	client_close(&c);
	server_close(&s);
}

/* What finds no room and is not answered leaves nothing behind: half a message later is waited for, not turned over. */
static void what_passes_by_unanswered_is_forgotten(void **state)
{
	struct server s;
	struct client hogs[4], c;
	struct qf_buf b = { 0 };

	(void)state;
	server_open(&s, script);
	s.hub.conf.max_statement_bytes = 64 << 20;
	for (int i = 0; i < 4; i++) {
		log_in(&hogs[i], &s, alice);
		client_send(&hogs[i], "Q\x03\xff\xff\x00select 1", 13);
		turn(&hogs[i], 10 * QF_MS);
	}
	log_in(&c, &s, alice);
	qf_buf_clear(&c.text);
	talk_lines(&b, "E nosuch");
	qf_buf_add(&b, "P\0\0\x9c\x40", 5);
	memset(qf_buf_reserve(&b, 39996), ' ', 39996);
	client_send(&c, b.p, b.n + 20000);
	turn(&c, 20 * QF_MS);
	client_send(&c, b.p + b.n + 20000, 19996);
	client_send(&c, "S\0\0\0\4", 5);
	assert_string_equal(client_wait(&c, 1), "E(ERROR 34000 portal \"nosuch\" does not exist) Z(I)");
	alarm(20);
	client_send(&c, "Q\0\0\0\x0dsel", 8);
	turn(&c, 20 * QF_MS);
	alarm(0);
	qf_buf_clear(&c.text);
	client_send(&c, "ect 1\0", 6);
	assert_string_equal(client_wait(&c, 1), "T(n:20) D(1) C(SELECT 1) Z(I)");
	qf_buf_fini(&b);
	for (int i = 0; i < 4; i++)
		client_close(&hogs[i]);
	client_close(&c);
	server_close(&s);
}

static long resident_bytes(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	if (!f || fscanf(f, "%*d %ld", &pages) != 1)
		fail_msg("no /proc/self/statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}

/* One answer, read without a struct client, which would count too. */
static void read_ready(struct client *nobody, int fd)
{
	char buf[4096];
	ssize_t n = 0;

	do {
		turn(nobody, QF_MS / 5);
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
		assert_true(n > 0 || errno == EAGAIN);
	} while (n < 6 || memcmp(buf + n - 6, "Z\0\0\0\5I", 6) != 0);
}

static void an_idle_session_is_small(void **state)
{
	struct rlimit files = { 4 * MANY, 4 * MANY };
	struct server s;
	struct client nobody = { .guard.fn = client_guard };
	static int fds[MANY];

	(void)state;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		skip();
	server_open(&s, script);
	nobody.loop = s.hub.loop;
	size_t heap_before = 0;
	long resident_before = 0;

	for (int i = 0; i < MANY; i++) {
		struct client c = { .watch.fd = fds[i] = connect_to(s.port, 0) };
		static const char *const params[] = { "user", "alice", "database", "shop", "application_name", "test", "TimeZone",
			"Europe/Berlin", "DateStyle", "ISO", NULL };

		assert_true(fds[i] >= 0);
		send_startup(&c, QF_PG_VERSION_3_0, params);
		read_ready(&nobody, fds[i]);
		send_message(&c, 'Q', "select 1", 9);
		read_ready(&nobody, fds[i]);
		if (i == 0) { /* what is made once is not counted */
			heap_before = heap();
			resident_before = resident_bytes();
		}
	}
	assert_int_equal(s.ops->sessions(s.l), MANY);
	size_t per_session = (heap() - heap_before) / (MANY - 1);
	long resident = (resident_bytes() - resident_before) / (MANY - 1);

	print_message("an idle session takes %zu bytes of heap, %ld resident\n", per_session, resident);
	assert_in_range(per_session, heap() ? 500 : 0, IDLE_LIMIT);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	server_close(&s);
}

/* Beyond maxConnections a few may come in to cancel; who comes after them is told at once. */
static void a_crowd_is_turned_away_at_the_door(void **state)
{
	struct server s;
	struct client c;
	int fds[65];

	(void)state;
	server_open(&s, script);
	s.hub.conf.frontends[QF_FE_POSTGRES].max_connections = 1;
	for (int i = 0; i < 65; i++)
		fds[i] = connect_to(s.port, 0);
	client_open(&c, s.hub.loop, s.port);
	assert_string_equal(client_wait(&c, 1), "E(FATAL 53300 sorry, too many clients already) EOF");
	client_close(&c);
	for (int i = 0; i < 65; i++)
		close(fds[i]);
	server_close(&s);
}

static void without_descriptors_a_connection_waits(void **state)
{
	struct rlimit before, none;
	struct server s;
	struct client c, nobody = { .guard.fn = client_guard };

	(void)state;
	server_open(&s, script);
	nobody.loop = s.hub.loop;
	client_open(&c, s.hub.loop, s.port);
	send_startup(&c, QF_PG_VERSION_3_0, alice);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 3;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	uint64_t turns = qf_loop_turns(s.hub.loop);

	turn(&nobody, 50 * QF_MS);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_in_range(qf_loop_turns(s.hub.loop) - turns, 1, 20); /* it sleeps meanwhile */
	assert_string_equal(client_wait(&c, 1), "R Z(I)");
	client_close(&c);
	server_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_reader_gets_every_row_in_bounded_memory),
		cmocka_unit_test(a_stalled_reader_is_dropped_and_disturbs_nobody),
		cmocka_unit_test(queries_in_advance_do_not_pile_up_answers),
		cmocka_unit_test(rows_that_cannot_be_told_end_the_statement_not_the_session),
		cmocka_unit_test(a_conversation_byte_by_byte_is_the_same),
		cmocka_unit_test(a_statement_of_sixteen_megabytes_passes_and_leaves_nothing),
		cmocka_unit_test(announced_statements_are_bounded_together),
		cmocka_unit_test(what_passes_by_unanswered_is_forgotten),
		cmocka_unit_test(a_crowd_is_turned_away_at_the_door),
		cmocka_unit_test(without_descriptors_a_connection_waits),
		cmocka_unit_test(an_idle_session_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
