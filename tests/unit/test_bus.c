/* The bus between real processes: HELLO, messages both ways, rows, exact death, the lock. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "qf/bus.h"
#include "qf/clock.h"

static char dir[] = "/tmp/qf-test-bus-XXXXXX";

struct side {
	struct qf_loop *loop;
	struct qf_bus *bus;
	struct qf_peer *peer;
	struct qf_timer limit;
	int ups, lost, answers, rows;
	uint64_t retired;
	uint64_t first_epoch, second_epoch;
	pid_t child;
};

static void give_up(struct qf_timer *t)
{
	(void)t;
	fprintf(stderr, "test_bus: too long\n");
	_exit(9);
}

static void say(struct side *s, struct qf_peer *to, enum qf_kind kind, uint64_t stream)
{
	struct qf_buf b;

	qf_buf_init(&b);
	qf_msg_begin(&b, kind, stream, 1, 0);
	qf_msg_end(&b);
	(void)!qf_bus_send(s->bus, to, &b);
	qf_buf_fini(&b);
}

/* ---- the child: a dispatch that answers RESOLVE with RESOLVED and a row message ---------------------- */

static void child_resolve(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct side *s = arg;
	struct qf_buf b;

	say(s, from, QF_MSG_RESOLVED, m->stream);
	qf_buf_init(&b);
	qf_msg_begin(&b, QF_MSG_BATCH, m->stream, 1, 0);
	qf_msg_end(&b);
	qf_buf_add_str(&b, "rows");
	(void)!qf_bus_send_rows(s->bus, from, &b);
}

static void child_retired(void *arg, struct qf_peer *p, const uint64_t *streams, size_t n)
{
	if (n == 1)
		say(arg, p, QF_MSG_BOUNCED, streams[0]);
}

static const struct qf_bus_handler child_handlers[] = { { QF_MSG_RESOLVE, QF_ROLE(QF_LISTEN), child_resolve }, { 0 } };

static _Noreturn void run_child(void)
{
	struct side s = { .limit = { .fn = give_up } };
	struct qf_bus_opts o = { .program = QF_DISPATCH, .instance = "0", .dir = dir, .rows = true,
				 .handlers = child_handlers, .on_retired = child_retired, .arg = &s };
	struct qf_err err;

	if (qf_loop_new(&s.loop, &err) < 0)
		_exit(1);
	o.loop = s.loop;
	if (qf_bus_new(&s.bus, &o, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		_exit(1);
	}
	qf_timer_set(s.loop, &s.limit, 20 * QF_SEC);
	_exit(qf_loop_run(s.loop) < 0);
}

static pid_t start_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		run_child();
	return pid;
}

/* ---- the parent: a listener ------------------------------------------------------------------------------ */

static void on_resolved(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct side *s = arg;

	assert_ptr_equal(from, s->peer);
	assert_int_equal(m->stream, 42);
	s->answers++;
}

static void on_batch(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct side *s = arg;

	assert_true(qf_slice_eq_str(m->payload, "rows"));
	s->rows++;
	qf_bus_retire(s->bus, from, 42);
}

static void on_bounced(void *arg, struct qf_peer *from, const struct qf_msg *m)
{
	struct side *s = arg;

	(void)from;
	s->retired = m->stream;
	kill(s->child, SIGKILL); /* death must be seen, and the next epoch must be another peer */
}

static void on_peer(void *arg, struct qf_peer *p, enum qf_peer_change change)
{
	struct side *s = arg;

	if (change == QF_PEER_UP) {
		s->peer = p;
		if (s->ups++ == 0) {
			s->first_epoch = p->epoch;
			say(s, p, QF_MSG_RESOLVE, 42);
		} else {
			s->second_epoch = p->epoch;
			qf_loop_stop(s->loop);
		}
	} else if (change == QF_PEER_LOST) {
		s->lost++;
		waitpid(s->child, NULL, 0);
		s->child = start_child();
	}
}

static const struct qf_bus_handler handlers[] = { { QF_MSG_RESOLVED, QF_ROLE(QF_DISPATCH), on_resolved },
						  { QF_MSG_BATCH, QF_ROLE(QF_DISPATCH), on_batch },
						  { QF_MSG_BOUNCED, QF_ROLE(QF_DISPATCH), on_bounced },
						  { 0 } };

static void life_and_death(void **state)
{
	struct side s = { .limit = { .fn = give_up } };
	struct qf_bus_opts o = { .program = QF_LISTEN, .instance = "0", .dir = dir, .rows = true,
				 .asks = QF_ROLE(QF_DISPATCH), .handlers = handlers, .on_peer = on_peer, .arg = &s };
	struct qf_err err;

	(void)state;
	s.child = start_child();
	assert_int_equal(qf_loop_new(&s.loop, &err), 0);
	o.loop = s.loop;
	assert_int_equal(qf_bus_new(&s.bus, &o, &err), 0);
	qf_timer_set(s.loop, &s.limit, 20 * QF_SEC);
	assert_int_equal(qf_loop_run(s.loop), 0);
	assert_int_equal(s.ups, 2);
	assert_int_equal(s.lost, 1);
	assert_int_equal(s.answers, 1);
	assert_int_equal(s.rows, 1);
	assert_int_equal(s.retired, 42);
	assert_true(s.second_epoch > s.first_epoch);
	kill(s.child, SIGKILL);
	waitpid(s.child, NULL, 0);
	qf_timer_stop(s.loop, &s.limit);
	qf_bus_free(s.bus);
	qf_loop_free(s.loop);
}

static void one_holder(void **state)
{
	struct qf_bus_opts o = { .program = QF_ROUTE, .instance = "x", .dir = dir };
	struct qf_bus *a, *b;
	struct qf_loop *loop;
	struct qf_err err;

	(void)state;
	assert_int_equal(qf_loop_new(&loop, &err), 0);
	o.loop = loop;
	assert_int_equal(qf_bus_new(&a, &o, &err), 0);
	assert_int_equal(qf_bus_new(&b, &o, &err), -EBUSY);
	assert_non_null(strstr(err.text, "is running already"));
	o.instance = "Bad Name";
	assert_int_equal(qf_bus_new(&b, &o, &err), QF_ECONFIG);
	qf_bus_free(a);
	qf_loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(life_and_death), cmocka_unit_test(one_holder) };
	char cmd[64];
	int failed;

	if (!mkdtemp(dir))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	snprintf(cmd, sizeof cmd, "rm -rf %s", dir);
	return system(cmd) | failed;
}
