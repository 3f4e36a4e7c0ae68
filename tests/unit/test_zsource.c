/*
 * ZeroMQ sockets in the loop. The pair of loops below exchanges real messages over ipc with nothing else that
 * could wake either of them: one lost wake-up and the test sleeps until its alarm.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

#include "qf/buf.h"
#include "qf/clock.h"
#include "qf/loop.h"

enum { BUDGET = 64 };

static void *context;
static char dir[] = "/tmp/qf-test-zsource-XXXXXX";
static char address[64];

static int set_up_group(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(address, sizeof(address), "ipc://%s/s", dir);
	context = zmq_ctx_new();
	return 0;
}

static int tear_down_group(void **state)
{
	(void)state;
	alarm(10); /* a failed test leaves its sockets open, and this waits for them */
	zmq_ctx_term(context);
	alarm(0);
	unlink(address + strlen("ipc://"));
	rmdir(dir);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	alarm(120);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	return 0;
}

static void *new_socket(int type, bool bind)
{
	int none = 0;
	void *s = zmq_socket(context, type);

	assert_non_null(s);
	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof(none));
	assert_int_equal(bind ? zmq_bind(s, address) : zmq_connect(s, address), 0);
	return s;
}

/* ---- echo over ROUTER and DEALER ---- */

struct server {
	struct qf_zsource source;
	struct qf_loop *loop;
	int left;
};

struct client {
	struct qf_zsource source;
	struct qf_task kick;
	struct qf_loop *loop;
	int sent, got, total, window;
};

static bool receive(void *socket, zmq_msg_t *m)
{
	zmq_msg_init(m);
	return zmq_msg_recv(m, socket, ZMQ_DONTWAIT) >= 0;
}

/* Sends back what came, part by part; identity, number, payload. */
static void serve(struct qf_zsource *z)
{
	struct server *s = qf_container_of(z, struct server, source);
	zmq_msg_t m;

	for (int n = 0; n < BUDGET && s->left > 0; n++) {
		int more = 1;

		for (int part = 0; more; part++) {
			if (!receive(z->socket, &m)) {
				assert_int_equal(part, 0);
				return;
			}
			more = zmq_msg_more(&m);
			assert_true(zmq_msg_send(&m, z->socket, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0);
		}
		s->left--;
	}
	if (s->left == 0)
		qf_loop_stop(s->loop);
}

static void fill_window(struct client *c)
{
	static const char payload[300];

	while (c->sent < c->total && c->sent - c->got < c->window) {
		int n = c->sent++;

		assert_true(zmq_send(c->source.socket, &n, sizeof(n), ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0);
		assert_true(zmq_send(c->source.socket, payload, sizeof(payload), ZMQ_DONTWAIT) >= 0);
	}
	qf_zsource_used(c->loop, &c->source);
}

static void kick(struct qf_task *t)
{
	fill_window(qf_container_of(t, struct client, kick));
}

static void take_answers(struct qf_zsource *z)
{
	struct client *c = qf_container_of(z, struct client, source);
	zmq_msg_t m;

	for (int n = 0; n < BUDGET && receive(z->socket, &m); n++) {
		int number;

		assert_int_equal(zmq_msg_size(&m), sizeof(number));
		memcpy(&number, zmq_msg_data(&m), sizeof(number));
		assert_int_equal(number, c->got);
		zmq_msg_close(&m);
		assert_true(receive(z->socket, &m));
		zmq_msg_close(&m);
		c->got++;
		/* Every other send is done after this function: then the edge may be gone already. */
		if (c->got % 2)
			fill_window(c);
		else
			qf_task_add(c->loop, &c->kick);
	}
	if (c->got == c->total)
		qf_loop_stop(c->loop);
}

static void *run_server(void *arg)
{
	struct server *s = arg;

	assert_int_equal(qf_loop_run(s->loop), 0);
	return NULL;
}

static void echo(int total, int window)
{
	struct server s = { .left = total, .source = { .fn = serve } };
	struct client c = { .total = total, .window = window, .source = { .fn = take_answers }, .kick = { .fn = kick } };
	pthread_t t;

	s.source.socket = new_socket(ZMQ_ROUTER, true);
	c.source.socket = new_socket(ZMQ_DEALER, false);
	assert_int_equal(qf_loop_new(&s.loop, NULL), 0);
	assert_int_equal(qf_loop_new(&c.loop, NULL), 0);
	assert_int_equal(qf_zsource_add(s.loop, &s.source), 0);
	assert_int_equal(qf_zsource_add(c.loop, &c.source), 0);
	qf_task_add(c.loop, &c.kick);
	uint64_t from = qf_mono_ns();

	pthread_create(&t, NULL, run_server, &s);
	assert_int_equal(qf_loop_run(c.loop), 0);
	pthread_join(t, NULL);
	print_message("%d round trips, window %d: %.2f s, client turns %llu\n", total, window,
		      (double)(qf_mono_ns() - from) / 1e9, (unsigned long long)qf_loop_turns(c.loop));
	assert_int_equal(c.got, total);
	qf_zsource_del(s.loop, &s.source);
	qf_zsource_del(c.loop, &c.source);
	qf_zsource_del(c.loop, &c.source);
	zmq_close(s.source.socket);
	zmq_close(c.source.socket);
	qf_loop_free(s.loop);
	qf_loop_free(c.loop);
}

static void two_hundred_thousand_messages(void **state)
{
	(void)state;
	echo(200000, 500);
}

static void one_at_a_time(void **state)
{
	(void)state;
	echo(5000, 1);
	echo(10000, 2);
}

static void windows_around_the_budget(void **state)
{
	(void)state;
	echo(20000, BUDGET - 1);
	echo(20000, BUDGET);
	echo(20000, BUDGET + 1);
}

/* ---- one loop, many sockets ---- */

enum { PAIRS = 4 };

static struct qf_loop *loop;
static struct qf_zsource sources[PAIRS];
static void *senders[PAIRS];
static int calls[PAIRS];

static void open_pairs(void (*fn)(struct qf_zsource *z))
{
	static int round; /* zmq_close() gives the name back later */
	char name[48];

	round++;
	assert_int_equal(qf_loop_new(&loop, NULL), 0);
	for (int i = 0; i < PAIRS; i++) {
		snprintf(name, sizeof(name), "inproc://pair-%d-%d", round, i);
		sources[i] = (struct qf_zsource){ .socket = zmq_socket(context, ZMQ_PAIR), .fn = fn };
		senders[i] = zmq_socket(context, ZMQ_PAIR);
		assert_int_equal(zmq_bind(sources[i].socket, name), 0);
		assert_int_equal(zmq_connect(senders[i], name), 0);
		assert_int_equal(qf_zsource_add(loop, &sources[i]), 0);
		calls[i] = 0;
	}
}

static void close_pairs(void)
{
	int none = 0;

	for (int i = 0; i < PAIRS; i++) {
		qf_zsource_del(loop, &sources[i]);
		zmq_setsockopt(senders[i], ZMQ_LINGER, &none, sizeof(none));
		zmq_close(sources[i].socket);
		zmq_close(senders[i]);
	}
	loop = qf_loop_free(loop);
}

static void stop_timer(struct qf_timer *t)
{
	(void)t;
	qf_loop_stop(loop);
}

static void run_for(uint64_t ns)
{
	struct qf_timer t = { .fn = stop_timer };

	qf_timer_set(loop, &t, ns);
	assert_int_equal(qf_loop_run(loop), 0);
}

static void remove_all(struct qf_zsource *z)
{
	calls[z - sources]++;
	for (int i = 0; i < PAIRS; i++)
		qf_zsource_del(loop, &sources[i]);
}

static void a_call_may_remove_any_source(void **state)
{
	int sum = 0;

	(void)state;
	open_pairs(remove_all);
	for (int i = 0; i < PAIRS; i++)
		zmq_send(senders[i], "x", 1, 0);
	run_for(20 * QF_MS);
	for (int i = 0; i < PAIRS; i++)
		sum += calls[i];
	assert_int_equal(sum, 1);
	close_pairs();
}

/* Takes one message a call and leaves the rest; with an edge alone the rest would stay for ever. */
static void take_one(struct qf_zsource *z)
{
	char c;

	assert_int_equal(zmq_recv(z->socket, &c, 1, ZMQ_DONTWAIT), 1);
	calls[z - sources]++;
}

static void what_a_budget_leaves_is_called_again(void **state)
{
	(void)state;
	open_pairs(take_one);
	for (int n = 0; n < 100; n++)
		for (int i = 0; i < PAIRS; i++)
			zmq_send(senders[i], "x", 1, 0);
	uint64_t before = qf_loop_turns(loop);

	run_for(200 * QF_MS);
	for (int i = 0; i < PAIRS; i++)
		assert_int_equal(calls[i], 100);
	assert_in_range(qf_loop_turns(loop) - before, 100, 110); /* in turn, and then asleep */
	close_pairs();
}

/* Each call makes the next message: the source is pending in every turn and the timer still runs in time. */
static void feed_itself(struct qf_zsource *z)
{
	take_one(z);
	zmq_send(senders[z - sources], "x", 1, ZMQ_DONTWAIT);
}

static void a_busy_source_does_not_starve_timers(void **state)
{
	(void)state;
	open_pairs(feed_itself);
	zmq_send(senders[1], "x", 1, 0);
	uint64_t from = qf_mono_ns();

	run_for(20 * QF_MS);
	assert_in_range(qf_mono_ns() - from, 20 * QF_MS, 500 * QF_MS);
	assert_true(calls[1] > 10);
	close_pairs();
}

/* A send by somebody else's callback takes the edge of a socket whose messages nobody has looked at yet. */
static void use_the_socket(struct qf_timer *t)
{
	(void)t;
	for (int i = 0; i < PAIRS; i++) {
		zmq_send(senders[i], "x", 1, 0);
		zmq_send(sources[i].socket, "y", 1, 0);
		qf_zsource_used(loop, &sources[i]);
	}
}

static void a_send_that_takes_the_edge_loses_nothing(void **state)
{
	struct qf_timer t = { .fn = use_the_socket };

	(void)state;
	open_pairs(take_one);
	for (int n = 1; n <= 50; n++) {
		qf_timer_set(loop, &t, 0);
		run_for(QF_MS);
		for (int i = 0; i < PAIRS; i++)
			assert_int_equal(calls[i], n);
	}
	close_pairs();
}

static void must_not_be_called(struct qf_zsource *z)
{
	calls[z - sources]++;
}

static int peers;

static void connect_a_peer(struct qf_timer *t)
{
	senders[peers++] = new_socket(ZMQ_DEALER, false);
	if (peers < PAIRS)
		qf_timer_set(loop, t, 10 * QF_MS);
}

/* A peer that comes makes the descriptor ready, and there is nothing to receive. */
static void a_command_is_not_a_message(void **state)
{
	struct qf_timer t = { .fn = connect_a_peer };

	(void)state;
	assert_int_equal(qf_loop_new(&loop, NULL), 0);
	calls[0] = peers = 0;
	sources[0] = (struct qf_zsource){ .socket = new_socket(ZMQ_ROUTER, true), .fn = must_not_be_called };
	assert_int_equal(qf_zsource_add(loop, &sources[0]), 0);
	qf_timer_set(loop, &t, 0);
	uint64_t before = qf_loop_turns(loop);

	run_for(100 * QF_MS);
	assert_int_equal(peers, PAIRS);
	assert_int_equal(calls[0], 0);
	assert_in_range(qf_loop_turns(loop) - before, PAIRS + 1, 50); /* woken, and quiet again */
	qf_zsource_del(loop, &sources[0]);
	zmq_close(sources[0].socket);
	for (int i = 0; i < PAIRS; i++)
		zmq_close(senders[i]);
	loop = qf_loop_free(loop);
}

static void a_wrong_socket_is_refused(void **state)
{
	struct qf_zsource z = { .socket = NULL, .fn = take_one };

	(void)state;
	open_pairs(take_one);
	assert_int_equal(qf_zsource_add(loop, &z), -ENOTSOCK);
	z.socket = sources[0].socket;
	assert_int_equal(qf_zsource_add(loop, &z), -EEXIST);
	qf_zsource_del(loop, &z);
	zmq_send(senders[0], "x", 1, 0);
	run_for(5 * QF_MS);
	assert_int_equal(calls[0], 1);
	close_pairs();
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		loop_test(two_hundred_thousand_messages),
		loop_test(one_at_a_time),
		loop_test(windows_around_the_budget),
		loop_test(a_call_may_remove_any_source),
		loop_test(what_a_budget_leaves_is_called_again),
		loop_test(a_busy_source_does_not_starve_timers),
		loop_test(a_send_that_takes_the_edge_loses_nothing),
		loop_test(a_command_is_not_a_message),
		loop_test(a_wrong_socket_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
