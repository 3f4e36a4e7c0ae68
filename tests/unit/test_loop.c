/* The loop: descriptors, timers, tasks, and what callbacks may do to each other. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../lib/loop/loop_private.h"
#include "qf/clock.h"

static struct qf_loop *loop;

static int set_up(void **state)
{
	(void)state;
	alarm(60); /* a loop that sleeps for ever must not look like a slow test */
	return qf_loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	if (loop)
		loop->running = false; /* a failed assertion in a callback leaves by longjmp */
	loop = qf_loop_free(loop);
	return 0;
}

static void run(void)
{
	assert_int_equal(qf_loop_run(loop), 0);
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
	run();
}

/* ---- timers ---- */

enum { TIMERS = 3000 };

static struct numbered {
	struct qf_timer timer;
	uint64_t asked_ns, seq;
	int fired;
} timers[TIMERS];
static int fired;
static uint64_t last_at, last_seq;

static void fire(struct qf_timer *t)
{
	struct numbered *n = qf_container_of(t, struct numbered, timer);

	assert_false(qf_timer_armed(t));
	assert_true(qf_loop_now(loop) >= n->asked_ns);
	assert_true(n->asked_ns > last_at || (n->asked_ns == last_at && n->seq > last_seq));
	last_at = n->asked_ns;
	last_seq = n->seq;
	n->fired++;
	fired++;
}

static void arm_all(struct qf_task *task)
{
	(void)task;
	for (unsigned i = 0; i < TIMERS; i++) {
		struct numbered *n = &timers[i];
		uint64_t delay = ((uint64_t)rand() % 20 + 1) * QF_MS;

		*n = (struct numbered){ .timer.fn = fire, .seq = i };
		qf_timer_set(loop, &n->timer, (uint64_t)rand() % QF_SEC);
		if (i % 3 == 0)
			qf_timer_stop(loop, &n->timer);
		qf_timer_set(loop, &n->timer, delay); /* again: only this one counts */
		n->asked_ns = qf_loop_now(loop) + delay;
		assert_true(n->timer.at_ns == n->asked_ns);
	}
	for (int i = 0; i < TIMERS; i += 5)
		qf_timer_stop(loop, &timers[(i * 7) % TIMERS].timer); /* 7 and TIMERS share no factor */
}

static void timers_run_by_time_then_by_arming(void **state)
{
	struct qf_task task = { .fn = arm_all };

	(void)state;
	srand(13);
	fired = 0;
	last_at = last_seq = 0;
	qf_task_add(loop, &task);
	run_for(40 * QF_MS);
	assert_int_equal(fired, TIMERS - TIMERS / 5);
	for (int i = 0; i < TIMERS; i++)
		assert_false(qf_timer_armed(&timers[i].timer) || timers[i].fired > 1);
}

static struct {
	struct qf_timer timer;
	uint64_t first_turn, last_turn;
	int left;
} again;

static void fire_again(struct qf_timer *t)
{
	uint64_t turn = qf_loop_turns(loop);

	assert_true(turn > again.last_turn);
	again.last_turn = turn;
	if (--again.left > 0)
		qf_timer_set(loop, t, 0);
	else
		qf_loop_stop(loop);
}

static void a_timer_for_at_once_runs_in_the_next_turn(void **state)
{
	(void)state;
	memset(&again, 0, sizeof(again));
	again.timer.fn = fire_again;
	again.left = 1000;
	qf_timer_set(loop, &again.timer, 0);
	run();
	assert_in_range(again.last_turn, 1000, 1100);
}

static void timers_are_exact(bool coarse)
{
	uint64_t best = UINT64_MAX;
	uint64_t before = qf_loop_turns(loop);

	loop->coarse = coarse;
	for (int i = 0; i < 20; i++) {
		uint64_t from = qf_mono_ns();

		run_for(300000);
		uint64_t took = qf_mono_ns() - from;

		assert_true(took >= 300000);
		best = took < best ? took : best;
	}
	/* Rounding up to the next millisecond is all that the coarse call can do. */
	assert_true(best < (coarse ? 5 * QF_MS : QF_MS));
	assert_int_equal(loop->coarse, coarse);
	assert_in_range(qf_loop_turns(loop) - before, 20, 40); /* it slept, it did not spin until the time had come */
}

static void timers_are_exact_in_nanoseconds(void **state)
{
	(void)state;
	timers_are_exact(false);
}

static void timers_are_never_early_in_milliseconds(void **state)
{
	(void)state;
	timers_are_exact(true);
}

static void a_delay_beyond_time_is_never(void **state)
{
	struct qf_timer t = { .fn = fire };

	(void)state;
	qf_timer_set(loop, &t, UINT64_MAX);
	assert_true(t.at_ns == UINT64_MAX);
	run_for(2 * QF_MS);
	loop->coarse = true;
	run_for(2 * QF_MS);
	assert_true(qf_timer_armed(&t));
	qf_timer_stop(loop, &t);
	qf_timer_stop(loop, &t);
	assert_false(qf_timer_armed(&t));
}

static void stop_watch(struct qf_watch *w, uint32_t events)
{
	(void)w;
	(void)events;
	qf_loop_stop(loop);
}

/* Milliseconds beyond an int: epoll_wait would take them for "at once" or "for ever". */
static void a_long_delay_is_slept_through(void **state)
{
	static const uint64_t delays[] = { (1ull << 32) * QF_MS, (1ull << 31) * QF_MS, UINT64_MAX };
	struct itimerspec in_20_ms = { .it_value.tv_nsec = 20 * QF_MS };

	(void)state;
	for (int i = 0; i < 6; i++) {
		struct qf_timer t = { .fn = fire };
		struct qf_watch w = { .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), .events = EPOLLIN, .fn = stop_watch };
		uint64_t before = qf_loop_turns(loop);

		loop->coarse = i % 2;
		timerfd_settime(w.fd, 0, &in_20_ms, NULL);
		assert_int_equal(qf_watch_add(loop, &w), 0);
		qf_timer_set(loop, &t, delays[i / 2]);
		run();
		assert_int_equal(qf_loop_turns(loop) - before, 1);
		qf_timer_stop(loop, &t);
		qf_watch_del(loop, &w);
		close(w.fd);
	}
}

static void block(struct qf_timer *t)
{
	struct timespec long_enough = { .tv_sec = 1, .tv_nsec = 200 * QF_MS };

	(void)t;
	nanosleep(&long_enough, NULL);
}

/* A deadline that passed while nothing could be read has not been missed. */
static void time_that_is_lost_does_not_count(void **state)
{
	struct qf_timer blocks = { .fn = block };
	uint64_t from = qf_mono_ns(), loop_from = qf_loop_now(loop);

	(void)state;
	qf_timer_set(loop, &blocks, 0);
	run_for(300 * QF_MS);
	assert_in_range(qf_mono_ns() - from, 1500 * QF_MS, 4000 * QF_MS);
	assert_in_range(qf_loop_now(loop) - loop_from, 300 * QF_MS, 1000 * QF_MS);
}

static void an_idle_loop_sleeps(void **state)
{
	(void)state;
	uint64_t before = qf_loop_turns(loop);

	run_for(50 * QF_MS);
	assert_in_range(qf_loop_turns(loop) - before, 1, 3);
}

static uint64_t seen_now[2];

static void spend_time(struct qf_timer *t)
{
	struct timespec ts = { .tv_nsec = 3 * QF_MS };

	(void)t;
	seen_now[0] = qf_loop_now(loop);
	nanosleep(&ts, NULL);
	seen_now[1] = qf_loop_now(loop);
	qf_loop_stop(loop);
}

static void the_time_stands_still_within_a_turn(void **state)
{
	struct qf_timer t = { .fn = spend_time };

	(void)state;
	qf_timer_set(loop, &t, 0);
	run();
	assert_true(seen_now[0] == seen_now[1]);
	assert_true(qf_loop_now(loop) >= seen_now[1] + 3 * QF_MS);
}

/* ---- descriptors ---- */

enum { WATCHES = 40 };

static struct watched {
	struct qf_watch watch;
	int calls;
	bool dead;
} *watches[WATCHES];
static int total_calls;

static struct watched *new_watch(void (*fn)(struct qf_watch *w, uint32_t events))
{
	struct watched *w = calloc(1, sizeof(*w));

	w->watch = (struct qf_watch){ .fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK), .events = EPOLLIN, .fn = fn };
	assert_true(w->watch.fd >= 0);
	assert_int_equal(qf_watch_add(loop, &w->watch), 0);
	return w;
}

static void free_watch(int i)
{
	if (!watches[i])
		return;
	qf_watch_del(loop, &watches[i]->watch);
	close(watches[i]->watch.fd);
	free(watches[i]);
	watches[i] = NULL;
}

/* Frees itself or others at once: AddressSanitizer sees any later look at them. */
static void kill_some(struct qf_watch *w, uint32_t events)
{
	int me = -1;

	assert_int_equal(events, EPOLLIN);
	for (int i = 0; i < WATCHES; i++)
		if (watches[i] && &watches[i]->watch == w)
			me = i;
	assert_true(me >= 0);
	total_calls++;
	for (int n = rand() % 4; n > 0; n--)
		free_watch(rand() % WATCHES);
	if (rand() % 3 == 0) {
		int i = rand() % WATCHES;

		free_watch(i);
		watches[i] = new_watch(kill_some);
	}
	if (rand() % 2)
		free_watch(me);
}

static void callbacks_may_remove_and_free_any_watch(void **state)
{
	(void)state;
	srand(17);
	for (int round = 0; round < 300; round++) {
		total_calls = 0;
		for (int i = 0; i < WATCHES; i++) {
			free_watch(i);
			watches[i] = new_watch(kill_some);
		}
		run_for(100000);
		assert_true(total_calls > 0);
	}
	for (int i = 0; i < WATCHES; i++)
		free_watch(i);
}

static void count_call(struct qf_watch *w, uint32_t events)
{
	struct watched *me = qf_container_of(w, struct watched, watch);

	(void)events;
	me->calls++;
	total_calls++;
	if (me->dead)
		fail_msg("called after it was removed");
}

static struct watched *pair[2];
static int what_to_do;

/* Whichever of the two runs first decides about the other, whose event is in the same batch. */
static void change_the_other(struct qf_watch *w, uint32_t events)
{
	struct watched *me = qf_container_of(w, struct watched, watch);
	struct watched *other = me == pair[0] ? pair[1] : pair[0];

	(void)events;
	me->calls++;
	qf_loop_stop(loop);
	if (other->calls)
		return;
	if (what_to_do == 0)
		qf_watch_mod(loop, &other->watch, 0);
	qf_watch_del(loop, what_to_do == 1 ? &other->watch : w);
	if (what_to_do == 2) {
		qf_watch_del(loop, &other->watch);
		assert_int_equal(qf_watch_add(loop, &other->watch), 0);
	}
}

static void an_event_of_this_batch_is_dropped_with_its_watch(void **state)
{
	(void)state;
	for (what_to_do = 0; what_to_do < 3; what_to_do++) {
		pair[0] = new_watch(change_the_other);
		pair[1] = new_watch(change_the_other);
		run();
		assert_int_equal(pair[0]->calls + pair[1]->calls, 1);
		for (int i = 0; i < 2; i++) {
			qf_watch_del(loop, &pair[i]->watch);
			close(pair[i]->watch.fd);
			free(pair[i]);
		}
	}
}

static void events_follow_mod(void **state)
{
	struct watched *w = new_watch(count_call);

	(void)state;
	qf_watch_mod(loop, &w->watch, 0);
	run_for(QF_MS);
	assert_int_equal(w->calls, 0);
	qf_watch_mod(loop, &w->watch, EPOLLIN);
	run_for(QF_MS);
	assert_true(w->calls > 0);
	qf_watch_del(loop, &w->watch);
	qf_watch_del(loop, &w->watch);
	w->dead = true;
	qf_watch_mod(loop, &w->watch, EPOLLOUT | EPOLLIN);
	run_for(QF_MS);
	close(w->watch.fd);
	free(w);
}

static void more_than_a_batch_are_all_called(void **state)
{
	enum { MANY = 3 * QF_LOOP_EVENTS + 1 };
	struct watched *w[MANY];

	(void)state;
	for (int i = 0; i < MANY; i++)
		w[i] = new_watch(count_call);
	run_for(5 * QF_MS);
	for (int i = 0; i < MANY; i++) {
		assert_true(w[i]->calls > 0);
		qf_watch_del(loop, &w[i]->watch);
		close(w[i]->watch.fd);
		free(w[i]);
	}
}

static void a_watch_that_cannot_be_added_says_why(void **state)
{
	struct qf_watch w = { .fd = -1, .events = EPOLLIN, .fn = kill_some };
	char path[] = "/tmp/qf-test-loop-XXXXXX";
	int file = mkstemp(path);

	(void)state;
	assert_int_equal(qf_watch_add(loop, &w), -EBADF);
	w.fd = file;
	assert_int_equal(qf_watch_add(loop, &w), -EPERM); /* epoll takes no regular file */
	assert_false(w.active);
	unlink(path);
	close(file);
}

/* ---- tasks ---- */

static char order[64];

struct lettered {
	struct qf_task task;
	char letter;
	int again;
	struct qf_task *del, *add;
};

static void note(struct qf_task *t)
{
	struct lettered *l = qf_container_of(t, struct lettered, task);

	strncat(order, &l->letter, 1);
	if (l->del)
		qf_task_del(loop, l->del);
	if (l->add)
		qf_task_add(loop, l->add);
	if (l->again-- > 0)
		qf_task_add(loop, t);
	else if (!l->add)
		qf_loop_stop(loop);
}

static void tasks_run_once_in_order_at_the_end_of_the_turn(void **state)
{
	struct lettered d = { { .fn = note }, .letter = 'd' }, c = { { .fn = note }, .letter = 'c' };
	struct lettered b = { { .fn = note }, .letter = 'b', .del = &c.task, .add = &d.task };
	struct lettered a = { { .fn = note }, .letter = 'a', .add = &b.task };

	(void)state;
	order[0] = 0;
	qf_task_add(loop, &a.task);
	qf_task_add(loop, &b.task);
	qf_task_add(loop, &b.task);
	qf_task_add(loop, &c.task);
	run();
	assert_string_equal(order, "abd");
	assert_false(a.task.queued || b.task.queued || c.task.queued || d.task.queued);
}

static void a_task_may_remove_one_of_this_turn(void **state)
{
	struct lettered b = { { .fn = note }, .letter = 'b' }, c = { { .fn = note }, .letter = 'c' };
	struct lettered a = { { .fn = note }, .letter = 'a', .del = &b.task };

	(void)state;
	order[0] = 0;
	qf_task_add(loop, &a.task);
	qf_task_add(loop, &b.task);
	qf_task_add(loop, &c.task);
	run();
	assert_string_equal(order, "ac");
	qf_task_del(loop, &b.task);
}

static void a_task_that_adds_itself_runs_each_turn_without_sleep(void **state)
{
	struct lettered a = { { .fn = note }, .letter = 'a', .again = 50 };
	uint64_t before = qf_loop_turns(loop);

	(void)state;
	order[0] = 0;
	qf_task_add(loop, &a.task);
	run(); /* with nothing else in the loop, a sleep would be for ever */
	assert_int_equal(strlen(order), 51);
	assert_int_equal(qf_loop_turns(loop) - before, 51);
}

static void stop_before_run_returns_at_once(void **state)
{
	(void)state;
	qf_loop_stop(loop);
	run();
	assert_int_equal(qf_loop_turns(loop), 0);
	run_for(QF_MS);
}

static void free_runs_what_is_queued(void **state)
{
	struct lettered b = { { .fn = note }, .letter = 'b', .again = 2 };
	struct lettered a = { { .fn = note }, .letter = 'a', .add = &b.task };

	(void)state;
	order[0] = 0;
	qf_task_add(loop, &a.task);
	loop = qf_loop_free(loop);
	assert_string_equal(order, "abbb");
	assert_null(qf_loop_free(NULL));
}

/* ---- faults ---- */

static void ignore_signal(int signo, void *arg)
{
	(void)signo;
	(void)arg;
}

static void no_descriptors_left(void **state)
{
	struct rlimit old, none;
	struct qf_loop *l = NULL;
	struct qf_wake *w = NULL;
	struct qf_err e = { 0 };

	(void)state;
	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = (rlim_t)dup(0);
	close((int)none.rlim_cur);
	setrlimit(RLIMIT_NOFILE, &none);
	int r = qf_loop_new(&l, &e);
	int r2 = qf_wake_new(&w, loop, NULL, NULL);
	int r3 = qf_loop_signal(loop, SIGWINCH, ignore_signal, NULL);

	setrlimit(RLIMIT_NOFILE, &old);
	assert_int_equal(r, -EMFILE);
	assert_null(l);
	assert_string_equal(e.text, "epoll_create1: Too many open files");
	assert_int_equal(r2, -EMFILE);
	assert_null(w);
	assert_int_equal(r3, -EMFILE);
}

static void epoll_itself_fails(void **state)
{
	int fd = loop->epfd;

	(void)state;
	loop->epfd = -1;
	assert_int_equal(qf_loop_run(loop), -EBADF);
	loop->epfd = fd;
	run_for(QF_MS);
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		loop_test(timers_run_by_time_then_by_arming),
		loop_test(a_timer_for_at_once_runs_in_the_next_turn),
		loop_test(timers_are_exact_in_nanoseconds),
		loop_test(timers_are_never_early_in_milliseconds),
		loop_test(a_delay_beyond_time_is_never),
		loop_test(a_long_delay_is_slept_through),
		loop_test(time_that_is_lost_does_not_count),
		loop_test(an_idle_loop_sleeps),
		loop_test(the_time_stands_still_within_a_turn),
		loop_test(callbacks_may_remove_and_free_any_watch),
		loop_test(an_event_of_this_batch_is_dropped_with_its_watch),
		loop_test(events_follow_mod),
		loop_test(more_than_a_batch_are_all_called),
		loop_test(a_watch_that_cannot_be_added_says_why),
		loop_test(tasks_run_once_in_order_at_the_end_of_the_turn),
		loop_test(a_task_may_remove_one_of_this_turn),
		loop_test(a_task_that_adds_itself_runs_each_turn_without_sleep),
		loop_test(stop_before_run_returns_at_once),
		loop_test(free_runs_what_is_queued),
		loop_test(no_descriptors_left),
		loop_test(epoll_itself_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
