/* An engine that speaks PostgreSQL's protocol behind the PostgreSQL frontend: its messages pass as they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after those: cmocka expects them */
#include <cmocka.h>

#include "pg_server.h"
#include "pg_talk.h"

#define COLUMN "T\0\0\0\x1a\0\1n\0\0\0\0\7\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
#define ROW "D\0\0\0\x0b\0\1\0\0\0\0011"

struct qf_engine_conn {
	struct qf_engine_job *job;
	struct qf_timer timer;
	size_t taken, unacknowledged, most;
	bool deaf; /* to a cancel, which comes too late */
};

static struct qf_loop *loop;
static struct qf_engine_conn the; /* one at a time is enough */
static size_t copied;

static void job_end(struct qf_engine_conn *c, struct qf_engine_end *e)
{
	struct qf_engine_job *job = c->job;

	c->job = NULL;
	qf_timer_stop(loop, &c->timer);
	job->on_end(job, e);
}

static void answer(struct qf_engine_conn *c, struct qf_slice sql)
{
	static const char fields[] = "SERROR\0VERROR\0C42P01\0Mno such\0P3\0Fx.c\0";
	struct qf_engine_end e = { .outcome = QF_OUT_OK };
	const char *text = (const char *)sql.p;

	if (strstr(text, "rows")) {
		c->job->on_schema(c->job, qf_slice(COLUMN, sizeof(COLUMN) - 1));
		c->job->on_batch(c->job, qf_slice(ROW ROW, 2 * (sizeof(ROW) - 1)), 2);
		snprintf(e.tag, sizeof(e.tag), "ROWS 2");
	} else if (strstr(text, "out")) {
		c->job->on_schema(c->job, qf_slice("H\0\0\0\7\0\0\0", 8));
		c->job->on_batch(c->job, qf_slice("d\0\0\0\6a\n", 7), 1);
		snprintf(e.tag, sizeof(e.tag), "COPY 1");
	} else if (strstr(text, "untold")) {
		c->deaf = true;
		c->job->on_schema(c->job, qf_slice("T\0\0\0\6\0\1", 7));
		if (strstr(text, "lost")) {
			e.outcome = QF_OUT_ERROR;
			qf_sql_error_set(&e.error, "08007", "who knows");
		}
		e.in_transaction = !strstr(text, "alone");
	} else if (strstr(text, "fail")) {
		e.outcome = QF_OUT_ERROR;
		qf_sql_error_set(&e.error, "42P01", "no such");
		e.fields = qf_slice(fields, sizeof(fields));
	} else if (strstr(text, "hold")) {
		c->job->on_async(c->job, qf_slice("S\0\0\0\x15TimeZone\0Etc/GMT\0", 22));
		c->job->on_async(c->job, qf_slice("S\0\0\0\x17" "application_name\0x\0", 24));
		e.held = QF_HELD_LISTEN;
	}
	job_end(c, &e);
}

static void fired(struct qf_timer *t)
{
	struct qf_engine_conn *c = qf_container_of(t, struct qf_engine_conn, timer);
	struct qf_slice sql = c->job->sql;
	size_t n = c->unacknowledged < 100000 ? c->unacknowledged : 100000;

	if (!memmem(sql.p, sql.n, "stdin", 5)) {
		answer(c, sql);
		return;
	}
	if (c->taken == 0 && c->unacknowledged == 0) {
		c->job->on_schema(c->job, qf_slice("G\0\0\0\7\0\0\0", 8));
		return;
	}
	c->unacknowledged -= n;
	c->job->on_input_taken(c->job, n);
	if (c->unacknowledged > 0)
		qf_timer_set(loop, t, QF_MS);
}

static int submit(struct qf_engine_conn *c, struct qf_engine_job *job, struct qf_sql_error *reterr)
{
	(void)reterr;
	assert_true(job->bind->encodings & QF_ENC_BIT(QF_ENC_PG3) || qf_slice_eq_str(job->sql, "BEGIN"));
	c->job = job;
	c->taken = c->unacknowledged = 0;
	c->deaf = false;
	job->encoding = QF_ENC_PG3;
	qf_timer_set(loop, &c->timer, 0);
	return 0;
}

static void input(struct qf_engine_conn *c, struct qf_slice messages)
{
	struct qf_engine_end ok = { .outcome = QF_OUT_OK, .tag = "COPY 7" };
	struct qf_reader r = qf_reader(messages);

	c->taken += messages.n;
	c->unacknowledged += messages.n;
	c->most = c->unacknowledged > c->most ? c->unacknowledged : c->most;
	while (r.n > 0) {
		char kind = (char)qf_read_u8(&r);
		uint32_t length = qf_read_u32(&r);

		qf_read_bytes(&r, length - 4);
		assert_int_equal(r.err, 0);
		copied += kind == 'd' ? length - 4 : 0;
		if (kind == 'c') {
			job_end(c, &ok);
			return;
		}
	}
	qf_timer_set(loop, &c->timer, QF_MS);
}

static void cancel(struct qf_engine_conn *c)
{
	struct qf_engine_end e = { .outcome = QF_OUT_CANCELLED };

	qf_sql_error_set(&e.error, "57014", "canceled");
	if (c->job && !c->deaf)
		job_end(c, &e);
}

static int conn_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret,
	struct qf_sql_error *reterr)
{
	(void)e;
	(void)who;
	(void)reterr;
	the.timer.fn = fired;
	*ret = &the;
	return 0;
}

static void conn_put(struct qf_engine_conn *c, bool reset)
{
	(void)c;
	(void)reset;
}

static void more(struct qf_engine_conn *c, size_t bytes)
{
	(void)c;
	(void)bytes;
}

static void relay_open(struct server *s, struct client *c)
{
	static struct qf_engine_ops ops;
	const struct qf_engine_ops *fake;

	memset(&the, 0, sizeof(the));
	copied = 0;
	server_open(s, "default | rows 1\n");
	loop = s->hub.loop;
	fake = s->hub.ops;
	ops = (struct qf_engine_ops){ .name = "relay", .submit = submit, .input = input, .cancel = cancel, .conn_get = conn_get,
		.conn_put = conn_put, .more = more, .close = fake->close };
	s->hub.ops = &ops;
	log_in(c, s, alice);
}

static const char *say(struct client *c, const char *lines)
{
	struct qf_buf b = { 0 };
	unsigned ready = talk_lines(&b, lines);

	qf_buf_clear(&c->text);
	c->rows = 0;
	client_send(c, b.p, b.n);
	qf_buf_fini(&b);
	return client_wait(c, ready);
}

static void messages_pass_as_they_are(void **state)
{
	struct server s;
	struct client c;

	(void)state;
	relay_open(&s, &c);
	assert_string_equal(say(&c, "Q rows"), "T(n:23) D(1) D(1) C(ROWS 2) Z(I)");
	assert_string_equal(say(&c, "P -|rows\nB - -\nD P -\nE -\nS"), "1 2 T(n:23) D(1) D(1) C(ROWS 2) Z(I)");
	assert_string_equal(say(&c, "Q copy t to out"), "H d(a\n) c C(COPY 1) Z(I)");
	assert_string_equal(say(&c, "P -|copy t to out\nB - -\nD P -\nE -\nS"), "1 2 n H d(a\n) c C(COPY 1) Z(I)");
	/* The place counts what stands before the statement. */
	assert_string_equal(say(&c, "Q /*ä*/; fail"), "E(ERROR 42P01 no such p10) Z(I)");
	client_close(&c);
	server_close(&s);
}

static void a_copy_takes_what_the_client_sends(void **state)
{
	struct qf_buf b = { 0 };
	struct server s;
	struct client c;

	(void)state;
	relay_open(&s, &c);
	qf_buf_clear(&c.text);
	talk_lines(&b, "P -|copy t from stdin\nB - -\nE -\nS\nd one\nH\nd two\nc\nS\nQ rows");
	client_send(&c, b.p, b.n);
	assert_string_equal(client_wait(&c, 2), "1 2 G C(COPY 7) Z(I) T(n:23) D(1) D(1) C(ROWS 2) Z(I)");
	assert_int_equal(copied, 6);
	/* What a COPY of a table is can be told without asking whether there is that table. */
	qf_buf_clear(&s.hub.log);
	assert_string_equal(say(&c, "P s|copy t from stdin\nD S s\nS\nP -|copy t to stdout\nD S -\nS"),
		"1 t() n Z(I) 1 t() n Z(I)");
	assert_int_equal(s.hub.log.n, 0);
	qf_buf_clear(&b);
	talk_lines(&b, "B - s\nD P -\nE -\nS\nd three\nc\nS");
	qf_buf_clear(&c.text);
	client_send(&c, b.p, b.n);
	assert_string_equal(client_wait(&c, 1), "2 n G C(COPY 7) Z(I)");
	/* A message that is none of a COPY ends it, and is not answered itself. */
	qf_buf_clear(&b);
	talk_lines(&b, "Q copy t from stdin\nd one\nQ rows");
	qf_buf_clear(&c.text);
	client_send(&c, b.p, b.n);
	assert_string_equal(client_wait(&c, 1), "G E(ERROR 08P01 unexpected message type 0x51 during COPY from stdin) Z(I)");
	assert_string_equal(say(&c, "Q rows"), "T(n:23) D(1) D(1) C(ROWS 2) Z(I)");
	qf_buf_fini(&b);
	client_close(&c);
	server_close(&s);
}

static void a_write_whose_rows_cannot_be_sent_is_told_as_one(void **state)
{
	static const char took_effect[] = "E(ERROR 08007 the statement took effect, but its rows cannot be sent "
		"d[the result cannot be sent: its columns are malformed]) Z(I)";
	static const char refused[] = "E(ERROR XX000 the result cannot be sent: its columns are malformed) ";
	char in_block[200];
	struct server s;
	struct client c;

	(void)state;
	relay_open(&s, &c);
	assert_string_equal(say(&c, "Q insert untold alone"), took_effect);
	assert_memory_equal(say(&c, "P -|insert untold alone\nB - -\nE -\nS"), "1 2 E(ERROR 08007 ", 18);
	assert_string_equal(say(&c, "Q insert untold lost alone"), "E(ERROR 08007 who knows) Z(I)");
	snprintf(in_block, sizeof(in_block), "%sZ(I)", refused);
	assert_string_equal(say(&c, "Q select untold alone"), in_block);
	snprintf(in_block, sizeof(in_block), "C(BEGIN) %sZ(E)", refused);
	assert_string_equal(say(&c, "Q begin; insert untold"), in_block);
	client_close(&c);
	server_close(&s);
}

/* Far more than the window, in one message that is larger than it: never more than the window is on its way. */
static void a_copy_keeps_to_its_window(void **state)
{
	enum { BYTES = 3 << 20 };
	struct qf_buf b = { 0 };
	struct server s;
	struct client c;

	(void)state;
	relay_open(&s, &c);
	talk_lines(&b, "Q copy t from stdin");
	qf_buf_u8(&b, 'd');
	qf_buf_u32(&b, BYTES + 4);
	memset(qf_buf_reserve(&b, BYTES), 'x', BYTES);
	b.n += BYTES;
	qf_buf_clear(&c.text);
	for (size_t at = 0; at < b.n; at += 65536) {
		client_send(&c, b.p + at, b.n - at < 65536 ? b.n - at : 65536);
		turn(&c, QF_MS);
	}
	client_send(&c, "c\0\0\0\4", 5);
	assert_string_equal(client_wait(&c, 1), "G C(COPY 7) Z(I)");
	assert_int_equal(copied, BYTES);
	assert_in_range(the.most, 65536, QF_INPUT_WINDOW);
	qf_buf_fini(&b);
	client_close(&c);
	server_close(&s);
}

/* What is announced of it is counted, each piece anew, whatever was counted before. */
static void a_copy_is_counted_piece_by_piece(void **state)
{
	enum { BYTES = 20000 };
	static const char sql[] = "copy t from stdin";
	char text[BYTES];
	struct server s;
	struct client c, hog;

	(void)state;
	relay_open(&s, &c);
	s.hub.conf.max_statement_bytes = 256 << 20;
	qf_buf_clear(&c.text);
	memset(text, ' ', sizeof(text));
	memcpy(text, sql, sizeof(sql) - 1);
	text[BYTES - 1] = 0;
	send_message(&c, 'Q', text, BYTES);
	turn(&c, 5 * QF_MS);
	for (int i = 0; i < 3; i++) {
		client_send(&c, "d\0\0\x4e\x24", 5);
		turn(&c, 5 * QF_MS);
		client_send(&c, text, BYTES);
		turn(&c, 5 * QF_MS);
	}
	/* All but 30000 bytes are somebody's: the text of the statement and one piece have no room together. */
	log_in(&hog, &s, alice);
	client_send(&hog, "Q\x0f\xff\x8a\xcf", 5);
	turn(&c, 5 * QF_MS);
	client_send(&c, "d\0\0\x4e\x24", 5);
	turn(&c, 5 * QF_MS);
	client_send(&c, text, BYTES);
	assert_string_equal(client_wait(&c, 1),
		"G E(ERROR 53200 out of memory for COPY: too many bytes are pending in all sessions) Z(I)");
	assert_int_equal(copied, 3 * BYTES);
	assert_string_equal(say(&c, "Q rows"), "T(n:23) D(1) D(1) C(ROWS 2) Z(I)");
	client_close(&hog);
	client_close(&c);
	server_close(&s);
}

static void what_an_engine_keeps_is_watched(void **state)
{
	static const char notification[] = "A\0\0\0\x0b\0\0\0\1x\0\0";
	struct server s;
	struct client c;

	(void)state;
	relay_open(&s, &c);
	/* As long as a statement is out it borrows what the settings were. */
	assert_string_equal(say(&c, "Q set timezone to 'Europe/Berlin'"), "C(SET) S(TimeZone=Europe/Berlin) Z(I)");
	assert_string_equal(say(&c, "Q hold"), "C(HOLD) S(TimeZone=Etc/GMT) Z(I)");
	assert_non_null(strstr(qf_buf_cstr(&s.hub.facts), "{TimeZone=Europe/Berlin}"));
	assert_string_equal(say(&c, "Q hold"), "C(HOLD) Z(I)");
	assert_non_null(strstr(qf_buf_cstr(&s.hub.facts), "{TimeZone=Etc/GMT}"));
	qf_buf_clear(&c.text);
	s.hub.last_pin->on_async(s.hub.last_pin->arg, qf_slice(notification, sizeof(notification) - 1));
	turn(&c, 5 * QF_MS);
	assert_string_equal(qf_buf_cstr(&c.text), "A");
	qf_buf_clear(&c.text);
	hub_lose_pin(s.hub.last_pin);
	assert_string_equal(client_wait(&c, 1),
		"E(FATAL 57P01 terminating connection: the engine's connection that was kept for the session is gone) EOF");
	client_close(&c);
	server_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_pass_as_they_are),
		cmocka_unit_test(a_copy_takes_what_the_client_sends),
		cmocka_unit_test(a_write_whose_rows_cannot_be_sent_is_told_as_one),
		cmocka_unit_test(a_copy_keeps_to_its_window),
		cmocka_unit_test(a_copy_is_counted_piece_by_piece),
		cmocka_unit_test(what_an_engine_keeps_is_watched),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
