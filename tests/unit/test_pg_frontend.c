/* Sessions of the PostgreSQL frontend: how they start, what else than queries they send, how they end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <cmocka.h>

#include "pg_server.h"

static const char script[] = "match hang | hang\n"
			     "match insert | affected 1\n"
			     "default | rows 1\n";

/* ---- startup ---- */

#define V30 QF_PG_VERSION_3_0

static const struct {
	const char *name;
	uint32_t version;
	const char *params[12];
	const char *want;
	const char *facts; /* as the ring sees them with the first statement */
} startup_cases[] = {
	{ "user and database", V30, { "user", "bob", "database", "shop" }, "R Z(I)",
		"bob@shop schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "the database is the user's", V30, { "user", "bob" }, "R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "no user", V30, { "database", "x" }, "E(FATAL 28000 no PostgreSQL user name specified in startup packet) EOF", NULL },
	{ "a user name that is too long", V30,
		{ "user", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" },
		"E(FATAL 22023 user name is longer than 63 bytes) EOF", NULL },
	{ "not UTF-8", V30, { "user", "\xff" }, "E(FATAL 22021 the startup packet is not valid UTF-8) EOF", NULL },
	{ "what pgjdbc sends", V30,
		{ "user", "bob", "client_encoding", "UTF8", "DateStyle", "ISO", "TimeZone", "Europe/Paris", "search_path", "\"My\", b" },
		"R Z(I)",
		"bob@bob schema=My zone=Europe/Paris postgres headers{session_authorization=bob}{client_encoding=UTF8}"
		"{DateStyle=ISO, MDY}{TimeZone=Europe/Paris}{search_path=\"My\", b} tags" },
	{ "options, names that stand alone come last", V30,
		{ "application_name", "x", "user", "bob", "options",
			"-c application_name=y -csearch-path=s1,s2 --queryflux.tags=a=b,c -c x-target-engine=duckdb" },
		"R Z(I)",
		"bob@bob schema=s1 zone=UTC postgres headers{application_name=x}{search_path=s1,s2}{queryflux.tags=a=b,c}"
		"{x-target-engine=duckdb}{session_authorization=bob} tags{a=b}{c=*}" },
	{ "public is the default schema", V30, { "user", "bob", "search_path", "$user, public, other" }, "R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob}{search_path=$user, public, other} tags" },
	{ "dialect", V30, { "user", "bob", "queryflux.dialect", "duckdb" }, "R Z(I)",
		"bob@bob schema=~ zone=UTC duckdb headers{session_authorization=bob}{queryflux.dialect=duckdb} tags" },
	{ "an unknown setting", V30, { "user", "bob", "frobnicate", "1" },
		"E(FATAL 42704 unrecognized configuration parameter \"frobnicate\" h[SHOW ALL lists the settings of a session.]) EOF", NULL },
	{ "a setting that is fixed", V30, { "user", "bob", "server_version", "9" },
		"E(FATAL 55P02 parameter \"server_version\" cannot be changed) EOF", NULL },
	{ "a value that is wrong", V30, { "user", "bob", "options", "-c jit=maybe" },
		"E(FATAL 22023 parameter \"jit\" requires a Boolean value) EOF", NULL },
	{ "a switch that is no setting", V30, { "user", "bob", "options", "-d 5" },
		"E(FATAL 42601 invalid command-line argument for server process: -d) EOF", NULL },
	{ "a switch without a value", V30, { "user", "bob", "options", "-c" }, "E(FATAL 42601 -c  requires a value) EOF", NULL },
	{ "replication", V30, { "user", "bob", "replication", "database" },
		"E(FATAL 0A000 replication connections are not supported) EOF", NULL },
	{ "no replication", V30, { "user", "bob", "replication", "off" }, "R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "protocol 3.2", 0x00030002, { "user", "bob" }, "R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "protocol 3.1 is 3.0", 0x00030001, { "user", "bob" }, "v(3.0) R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "protocol 3.9999", 0x0003270f, { "user", "bob", "_pq_.a", "1" }, "v(3.2 _pq_.a) R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "protocol options", V30, { "user", "bob", "_pq_.a", "1", "_pq_.b", "2" }, "v(3.0 _pq_.a _pq_.b) R Z(I)",
		"bob@bob schema=~ zone=UTC postgres headers{session_authorization=bob} tags" },
	{ "protocol 4", 0x00040000, { "user", "bob" },
		"E(FATAL 0A000 unsupported frontend protocol 4.0: server supports 3.0 to 3.2) EOF", NULL },
};

static void startup_packets_make_sessions_or_say_why_not(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(startup_cases) / sizeof(startup_cases[0]); i++) {
		const char *name = startup_cases[i].name;
		struct server s;
		struct client c;

		server_open(&s, script);
		client_open(&c, s.hub.loop, s.port);
		send_startup(&c, startup_cases[i].version, startup_cases[i].params);
		wrong += differs(name, "(startup)", client_wait(&c, 1), startup_cases[i].want);
		if (startup_cases[i].facts) {
			query(&c, "select 1");
			wrong += differs(name, "(facts)", qf_buf_cstr(&s.hub.facts), startup_cases[i].facts);
		}
		client_close(&c);
		server_close(&s);
	}
	assert_int_equal(wrong, 0);
}

static void a_welcome_has_what_drivers_need(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	client_open(&c, s.hub.loop, s.port);
	c.verbose = true;
	send_startup(&c, V30, (const char *const[]){ "user", "bob", "application_name", "me", NULL });
	assert_string_equal(client_wait(&c, 1),
		"R S(application_name=me) S(client_encoding=UTF8) S(DateStyle=ISO, MDY) S(default_transaction_read_only=off) "
		"S(in_hot_standby=off) S(integer_datetimes=on) S(IntervalStyle=postgres) S(is_superuser=off) S(server_encoding=UTF8) "
		"S(server_version=15.0 (QueryFlux)) S(session_authorization=bob) S(standard_conforming_strings=on) S(TimeZone=UTC) "
		"K() Z(I)");
	assert_true(c.pid > 0 && c.pid <= INT32_MAX);
	client_close(&c);
	server_close(&s);
}

/* Raw bytes before or instead of a startup packet; the answer byte by byte. */
static const struct {
	const char *name;
	const char *in;
	size_t n;
	const char *start; /* of the answer */
	bool stays;	   /* the connection goes on */
} first_bytes[] = {
	{ "SSLRequest", "\0\0\0\x8\x4\xd2\x16\x2f", 8, "N", true },
	{ "GSSENCRequest", "\0\0\0\x8\x4\xd2\x16\x30", 8, "N", true },
	{ "SSLRequest with clear text behind it", "\0\0\0\x8\x4\xd2\x16\x2f\0\0\0\x10\0\3\0\0user\0a\0\0", 24, "E", false },
	{ "protocol 2", "\0\0\0\x9\0\2\0\0x", 9, "EFATAL:  unsupported frontend protocol 2.0: server supports 3.0 to 3.2\n", false },
	{ "HTTP", "GET / HTTP/1.1\r\n\r\n", 18, "E", false },
	{ "direct TLS", "\x16\3\1\2\0\1\0\1\xfc", 9, "E", false },
	{ "zero length", "\0\0\0\0", 4, "E", false },
};

static void first_bytes_are_answered(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(first_bytes) / sizeof(first_bytes[0]); i++) {
		struct server s;
		struct client c;

		server_open(&s, script);
		client_open(&c, s.hub.loop, s.port);
		c.raw = true;
		client_send(&c, first_bytes[i].in, first_bytes[i].n);
		while (c.in.n == 0 && !c.eof)
			turn(&c, QF_SEC);
		if (memcmp(c.in.p, first_bytes[i].start, strlen(first_bytes[i].start)) != 0)
			fail_msg("%s: answered %.*s", first_bytes[i].name, (int)c.in.n, (const char *)c.in.p);
		if (first_bytes[i].stays) {
			qf_buf_clear(&c.in);
			c.raw = false;
			send_startup(&c, V30, alice);
			assert_string_equal(client_wait(&c, 1), "R Z(I)");
		} else {
			turn(&c, QF_SEC);
			assert_true(c.eof);
		}
		client_close(&c);
		server_close(&s);
	}
}

static void max_connections_is_kept_and_room_is_given_back(void **state)
{
	struct server s;
	struct client a, b, c;

	(void)state;
	server_open(&s, script);
	s.hub.conf.frontends[QF_FE_POSTGRES].max_connections = 2;
	log_in(&a, &s, alice);
	log_in(&b, &s, alice);
	client_open(&c, s.hub.loop, s.port);
	send_startup(&c, V30, alice);
	assert_string_equal(client_wait(&c, 1), "E(FATAL 53300 sorry, too many clients already) EOF");
	client_close(&c);
	assert_int_equal(s.ops->sessions(s.l), 2);
	send_message(&a, 'X', "", 0);
	client_wait(&a, 1);
	assert_true(a.eof);
	log_in(&c, &s, alice);
	client_close(&a);
	client_close(&b);
	client_close(&c);
	server_close(&s);
}

/* ---- messages ---- */

static const struct {
	const char *name;
	const char *in;
	size_t n;
	unsigned ready;
	const char *want;
} message_cases[] = {
#define BYTES(s) s, sizeof(s) - 1
	{ "Sync alone", BYTES("S\0\0\0\4H\0\0\0\4S\0\0\0\4"), 2, "Z(I) Z(I)" },
	{ "a function call", BYTES("F\0\0\0\xe\0\0\0\1\0\0\0\0\0\0"), 1,
		"E(ERROR 0A000 function calls of the protocol are not supported h[Call the function in a SELECT.]) Z(I)" },
	{ "copy messages that nobody waits for", BYTES("d\0\0\0\5xc\0\0\0\4f\0\0\0\6x\0S\0\0\0\4"), 1, "Z(I)" },
	{ "a password that nobody asked for", BYTES("p\0\0\0\6x\0"), 1, "E(FATAL 08P01 invalid frontend message type 112) EOF" },
	{ "an unknown message", BYTES("!\0\0\0\4"), 1, "E(FATAL 08P01 invalid frontend message type 33) EOF" },
	{ "a length that cannot be", BYTES("Q\0\0\0\3"), 1, "E(FATAL 08P01 invalid message length 3) EOF" },
	{ "a Query without its NUL", BYTES("Q\0\0\0\xcselect 1"), 1, "E(ERROR 08P01 invalid message format) Z(I)" },
	{ "queries in one go are answered in turn", BYTES("Q\0\0\0\xdselect 1\0Q\0\0\0\xdshow jit\0Q\0\0\0\xdselect 2\0"), 3,
		"T(n:20) D(1) C(SELECT 1) Z(I) T(jit:25) D(off) C(SHOW) Z(I) T(n:20) D(1) C(SELECT 1) Z(I)" },
};

static void other_messages(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(message_cases) / sizeof(message_cases[0]); i++) {
		struct server s;
		struct client c;

		server_open(&s, script);
		log_in(&c, &s, alice);
		qf_buf_clear(&c.text);
		client_send(&c, message_cases[i].in, message_cases[i].n);
		wrong += differs(message_cases[i].name, "", client_wait(&c, message_cases[i].ready), message_cases[i].want);
		client_close(&c);
		server_close(&s);
	}
	assert_int_equal(wrong, 0);
}

static void an_error_of_the_extended_protocol_fails_the_block(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	query(&c, "begin");
	client_send(&c, "P\0\0\0\x8\0\0\0\0S\0\0\0\4", 14);
	client_wait(&c, 1);
	assert_string_equal(query(&c, "rollback; select 1"), "C(ROLLBACK) T(n:20) D(1) C(SELECT 1) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void long_and_deep_statements_leave_the_session_alive(void **state)
{
	struct server s;
	struct client c;
	struct qf_buf deep = { 0 };
	char *text = malloc(2001);

	(void)state;
	server_open(&s, script);
	s.hub.conf.max_statement_bytes = 1000;
	log_in(&c, &s, alice);
	memset(text, ' ', 2000);
	memcpy(text, "select 1", 8);
	text[2000] = 0;
	assert_string_equal(query(&c, text),
		"E(ERROR 54000 statement of 2000 bytes is too long, the limit is 1000 (maxStatementBytes)) Z(I)");
	text[1000] = 0;
	assert_string_equal(query(&c, text), "T(n:20) D(1) C(SELECT 1) Z(I)");
	s.hub.conf.max_statement_bytes = 1 << 20;
	qf_buf_add_str(&deep, "select ");
	for (int i = 0; i < 100000; i++)
		qf_buf_add_str(&deep, "(");
	qf_buf_add_str(&deep, "1");
	for (int i = 0; i < 100000; i++)
		qf_buf_add_str(&deep, ")");
	assert_string_equal(query(&c, qf_buf_cstr(&deep)),
		"E(ERROR 54001 statement is nested too deeply: 100000 levels, the limit is 2000) Z(I)");
	s.hub.conf.max_statement_bytes = 1000;
	qf_buf_clear(&c.text);
	send_message(&c, 'P', text, 1500); /* in the extended protocol: up to Sync */
	send_message(&c, 'B', text, 10);
	send_message(&c, 'S', "", 0);
	assert_string_equal(client_wait(&c, 1),
		"E(ERROR 54000 statement of 1499 bytes is too long, the limit is 1000 (maxStatementBytes)) Z(I)");
	assert_string_equal(query(&c, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(I)");
	qf_buf_fini(&deep);
	free(text);
	client_close(&c);
	server_close(&s);
}

/* ---- cancel, time limits, ends ---- */

static void send_cancel(struct server *s, uint32_t pid, struct qf_slice key)
{
	struct client c;
	struct qf_buf b = { 0 };

	client_open(&c, s->hub.loop, s->port);
	qf_buf_u32(&b, 12 + (uint32_t)key.n);
	qf_buf_u32(&b, 80877102);
	qf_buf_u32(&b, pid);
	qf_buf_add_slice(&b, key);
	client_send(&c, b.p, b.n);
	qf_buf_fini(&b);
	/* Never answered [PG 55.2.8]. */
	assert_string_equal(client_wait(&c, 1), "EOF");
	client_close(&c);
}

static struct qf_slice key_of(const struct client *c)
{
	return qf_slice(c->key, c->key_n);
}

static void cancel_needs_the_right_key(void **state)
{
	struct server s;

	(void)state;
	server_open(&s, script);
	for (int minor = 0; minor <= 2; minor += 2) {
		struct client c;

		s.hub.cancels = s.hub.keys_passed_on = 0;
		client_open(&c, s.hub.loop, s.port);
		send_startup(&c, V30 + (uint32_t)minor, alice);
		client_wait(&c, 1);
		assert_int_equal(c.key_n, minor ? 32 : 4);
		send_cancel(&s, c.pid, key_of(&c)); /* nothing runs: nothing happens, not later either */
		assert_string_equal(query(&c, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(I)");
		send_query(&c, "select hang; select 1");
		turn(&c, 20 * QF_MS);
		send_cancel(&s, c.pid, qf_slice(c.key, c.key_n + 1));
		send_cancel(&s, c.pid + 1, key_of(&c));
		c.key[c.key_n - 1] ^= 1;
		send_cancel(&s, c.pid, key_of(&c));
		c.key[c.key_n - 1] ^= 1;
		assert_int_equal(s.hub.cancels, 0);
		assert_int_equal(s.hub.keys_passed_on, 3); /* perhaps another process has that session */
		send_cancel(&s, c.pid, key_of(&c));
		assert_string_equal(client_wait(&c, 1), "E(ERROR 57014 canceling statement due to user request) Z(I)");
		assert_string_equal(query(&c, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(I)");
		client_close(&c);
	}
	server_close(&s);
}

static void a_cancel_that_came_to_another_process(void **state)
{
	struct qf_buf key = { 0 };
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	send_query(&c, "select hang");
	turn(&c, 20 * QF_MS);
	qf_buf_u32(&key, c.pid);
	qf_buf_add_slice(&key, key_of(&c));
	s.ops->cancel_key(s.l, qf_slice(key.p, 3));
	s.ops->cancel_key(s.l, qf_slice(key.p, 7));
	assert_int_equal(s.hub.cancels, 0);
	s.ops->cancel_key(s.l, qf_buf_slice(&key));
	assert_string_equal(client_wait(&c, 1), "E(ERROR 57014 canceling statement due to user request) Z(I)");
	qf_buf_fini(&key);
	client_close(&c);
	server_close(&s);
}

/* How a COMMIT ended could not be told: the cancel meets the statement behind it. */
static void a_commit_is_not_cancelled(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, "match commit | delay 50ms | affected 0\ndefault | rows 1\n");
	log_in(&c, &s, alice);
	send_query(&c, "begin; select 1; commit; select 2");
	turn(&c, 20 * QF_MS);
	send_cancel(&s, c.pid, key_of(&c));
	assert_string_equal(client_wait(&c, 1),
		"C(BEGIN) T(n:20) D(1) C(SELECT 1) C(COMMIT) E(ERROR 57014 canceling statement due to user request) Z(I)");
	assert_int_equal(s.hub.cancels, 0);
	client_close(&c);
	server_close(&s);
}

static void statement_timeout_is_told_in_its_own_words(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	query(&c, "set statement_timeout = 30");
	assert_string_equal(query(&c, "begin; select hang"), "C(BEGIN) E(ERROR 57014 canceling statement due to statement timeout) Z(E)");
	assert_string_equal(query(&c, "rollback"), "C(ROLLBACK) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void idle_limits_end_the_session(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	server_open(&s, script);
	log_in(&c, &s, alice);
	query(&c, "set idle_in_transaction_session_timeout = 0"); /* the server's own limit stays */
	s.hub.conf.idle_in_transaction_ns = 30 * QF_MS;
	query(&c, "begin; insert a");
	qf_buf_clear(&c.text);
	assert_string_equal(client_wait(&c, 1), "E(FATAL 25P03 terminating connection due to idle-in-transaction timeout) EOF");
	assert_string_equal(qf_buf_cstr(&s.hub.log), "1:BEGIN|1:insert a|1:(rolled back)|");
	client_close(&c);
	log_in(&c, &s, (const char *const[]){ "user", "a", "options", "-cidle_session_timeout=30", NULL });
	qf_buf_clear(&c.text);
	assert_string_equal(client_wait(&c, 1), "E(FATAL 57P05 terminating connection due to idle-session timeout) EOF");
	client_close(&c);
	server_close(&s);
}

/* However the client goes while its query runs, the query is given up at once and the transaction undone. */
static void a_client_that_vanishes_gives_up_its_query(void **state)
{
	static const char *const ways[] = { "close", "half close", "reset", "data, then close" };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct linger reset = { .l_onoff = 1 };
		struct server s;
		struct client c, other;

		server_open(&s, script);
		log_in(&other, &s, alice);
		log_in(&c, &s, alice);
		send_query(&c, "begin; insert a; select hang");
		turn(&other, 20 * QF_MS);
		if (i == 2)
			setsockopt(c.watch.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
		if (i == 3)
			send_message(&c, 'Q', "select 1", 9);
		if (i == 1)
			shutdown(c.watch.fd, SHUT_WR);
		else
			client_close(&c);
		turn(&other, 50 * QF_MS);
		if (s.hub.abandons != 1 || s.hub.pins_open != 0 || s.ops->sessions(s.l) != 1)
			fail_msg("%s: %u abandoned, %u pins, %zu sessions", ways[i], s.hub.abandons, s.hub.pins_open, s.ops->sessions(s.l));
		client_close(&c);
		assert_string_equal(query(&other, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(I)");
		client_close(&other);
		server_close(&s);
	}
}

static void note_drained(void *arg)
{
	*(bool *)arg = true;
}

static void a_drain_lets_work_finish(void **state)
{
	struct server s;
	struct client idle, busy, block, silent;
	bool drained = false;

	(void)state;
	server_open(&s, "match slow | delay 50ms | rows 1\ndefault | rows 1\n");
	log_in(&idle, &s, alice);
	log_in(&busy, &s, alice);
	log_in(&block, &s, alice);
	client_open(&silent, s.hub.loop, s.port);
	query(&block, "begin; select 1");
	send_query(&busy, "select slow");
	turn(&idle, 10 * QF_MS);
	s.ops->drain(s.l, note_drained, &drained);
	qf_buf_clear(&idle.text);
	assert_string_equal(client_wait(&idle, 1), "E(FATAL 57P01 terminating connection due to administrator command) EOF");
	assert_string_equal(client_wait(&silent, 1), "E(FATAL 57P03 the database system is shutting down) EOF");
	client_close(&silent);
	client_wait(&busy, 2);
	assert_string_equal(qf_buf_cstr(&busy.text),
		"T(n:20) D(1) C(SELECT 1) Z(I) E(FATAL 57P01 terminating connection due to administrator command) EOF");
	assert_string_equal(query(&block, "select 1"), "T(n:20) D(1) C(SELECT 1) Z(T)");
	assert_false(drained);
	assert_int_equal(connect_to(s.port, 0), -1);
	send_query(&block, "commit");
	assert_string_equal(client_wait(&block, 2), "C(COMMIT) Z(I) E(FATAL 57P01 terminating connection due to administrator command) EOF");
	client_close(&idle);
	client_close(&busy);
	client_close(&block);
	turn(&idle, 20 * QF_MS);
	assert_true(drained);
	server_close(&s);
	server_open(&s, script); /* with nobody there */
	drained = false;
	s.ops->drain(s.l, note_drained, &drained);
	assert_false(drained);
	silent = (struct client){ .loop = s.hub.loop, .guard.fn = client_guard };
	turn(&silent, QF_MS);
	assert_true(drained);
	server_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(startup_packets_make_sessions_or_say_why_not),
		cmocka_unit_test(a_welcome_has_what_drivers_need),
		cmocka_unit_test(first_bytes_are_answered),
		cmocka_unit_test(max_connections_is_kept_and_room_is_given_back),
		cmocka_unit_test(other_messages),
		cmocka_unit_test(an_error_of_the_extended_protocol_fails_the_block),
		cmocka_unit_test(long_and_deep_statements_leave_the_session_alive),
		cmocka_unit_test(cancel_needs_the_right_key),
		cmocka_unit_test(a_cancel_that_came_to_another_process),
		cmocka_unit_test(a_commit_is_not_cancelled),
		cmocka_unit_test(statement_timeout_is_told_in_its_own_words),
		cmocka_unit_test(idle_limits_end_the_session),
		cmocka_unit_test(a_client_that_vanishes_gives_up_its_query),
		cmocka_unit_test(a_drain_lets_work_finish),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
