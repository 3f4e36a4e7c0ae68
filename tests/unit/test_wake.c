/* Waking the loop: from threads by eventfd, from the kernel by signals. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/loop.h"

enum { POSTERS = 2, POSTS = 200000 };

static struct qf_loop *loop;
static struct qf_wake *wake;

static int set_up(void **state)
{
	(void)state;
	alarm(60);
	return qf_loop_new(&loop, NULL);
}

static int tear_down(void **state)
{
	(void)state;
	alarm(0);
	wake = qf_wake_free(wake);
	loop = qf_loop_free(loop);
	return 0;
}

/* Relaxed on purpose: the wake-up itself must carry what was done before the post. */
static _Atomic int posted[POSTERS];
static int calls;

static void *post_many(void *arg)
{
	int me = *(int *)arg;

	for (int i = 1; i <= POSTS; i++) {
		atomic_store_explicit(&posted[me], i, memory_order_relaxed);
		qf_wake_post(wake);
	}
	return NULL;
}

static void until_all_came(void *arg)
{
	int sum = 0;

	(void)arg;
	calls++;
	for (int i = 0; i < POSTERS; i++)
		sum += atomic_load_explicit(&posted[i], memory_order_relaxed);
	if (sum == POSTERS * POSTS)
		qf_loop_stop(loop);
}

static void no_post_of_two_threads_is_lost(void **state)
{
	pthread_t t[POSTERS];
	int id[POSTERS] = { 0, 1 };

	(void)state;
	assert_int_equal(qf_wake_new(&wake, loop, until_all_came, NULL), 0);
	for (int i = 0; i < POSTERS; i++)
		pthread_create(&t[i], NULL, post_many, &id[i]);
	assert_int_equal(qf_loop_run(loop), 0); /* a lost last post would be a sleep for ever */
	for (int i = 0; i < POSTERS; i++)
		pthread_join(t[i], NULL);
	assert_in_range(calls, 1, POSTERS * POSTS);
}

/* Ping-pong: the poster waits for each call, so every single post must come through by itself. */
static _Atomic int answered;
static int handed_over;

static void *post_one_by_one(void *arg)
{
	(void)arg;
	for (int i = 1; i <= 20000; i++) {
		handed_over = i; /* not atomic: ThreadSanitizer checks that post and call order it */
		qf_wake_post(wake);
		while (atomic_load(&answered) != i)
			sched_yield();
	}
	return NULL;
}

static void answer(void *arg)
{
	int got = handed_over;

	(void)arg;
	atomic_store(&answered, got);
	if (got == 20000)
		qf_loop_stop(loop);
}

static void each_post_comes_through(void **state)
{
	pthread_t t;

	(void)state;
	assert_int_equal(qf_wake_new(&wake, loop, answer, NULL), 0);
	pthread_create(&t, NULL, post_one_by_one, NULL);
	assert_int_equal(qf_loop_run(loop), 0);
	pthread_join(t, NULL);
	assert_int_equal(answered, 20000);
}

static void count(void *arg)
{
	++*(int *)arg;
	qf_loop_stop(loop);
}

static void many_posts_are_one_call(void **state)
{
	int n = 0;

	(void)state;
	assert_int_equal(qf_wake_new(&wake, loop, count, &n), 0);
	for (int i = 0; i < 1000; i++)
		qf_wake_post(wake);
	assert_int_equal(qf_loop_run(loop), 0);
	assert_int_equal(n, 1);
	qf_wake_post(wake);
	assert_int_equal(qf_loop_run(loop), 0);
	assert_int_equal(n, 2);
}

static void free_itself(void *arg)
{
	(void)arg;
	wake = qf_wake_free(wake);
	qf_loop_stop(loop);
}

static void a_call_may_free_its_wake(void **state)
{
	(void)state;
	assert_int_equal(qf_wake_new(&wake, loop, free_itself, NULL), 0);
	qf_wake_post(wake);
	assert_int_equal(qf_loop_run(loop), 0);
	assert_null(qf_wake_free(NULL));
}

/* ---- signals ---- */

static int last_signal;

static void on_signal(int signo, void *arg)
{
	++*(int *)arg;
	last_signal = signo;
	qf_loop_stop(loop);
}

static void signals_come_through_the_loop(void **state)
{
	int usr = 0, rt = 0;

	(void)state;
	assert_int_equal(qf_loop_signal(loop, SIGUSR1, on_signal, &usr), 0);
	assert_int_equal(qf_loop_signal(loop, SIGRTMIN + 1, on_signal, &rt), 0);
	assert_int_equal(qf_loop_signal(loop, SIGUSR1, on_signal, &usr), 0);
	kill(getpid(), SIGUSR1);
	assert_int_equal(qf_loop_run(loop), 0);
	assert_int_equal(usr, 1);
	assert_int_equal(last_signal, SIGUSR1);
	for (int i = 0; i < 20; i++) /* real-time signals queue */
		kill(getpid(), SIGRTMIN + 1);
	while (rt < 20)
		assert_int_equal(qf_loop_run(loop), 0);
	assert_int_equal(rt, 20);
	assert_int_equal(usr, 1);
}

static void a_childs_end_is_a_signal(void **state)
{
	int n = 0, status = 0;

	(void)state;
	assert_int_equal(qf_loop_signal(loop, SIGCHLD, on_signal, &n), 0);
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	assert_int_equal(qf_loop_run(loop), 0);
	assert_int_equal(n, 1);
	assert_int_equal(waitpid(pid, &status, WNOHANG), pid);
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void signals_that_cannot_be_had_are_refused(void **state)
{
	static const int wrong[] = { 0, -1, 65, 1000, SIGKILL, SIGSTOP };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(qf_loop_signal(loop, wrong[i], on_signal, NULL), -EINVAL);
	assert_int_equal(qf_loop_signal(loop, SIGUSR2, NULL, NULL), -EINVAL);
}

#define loop_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		loop_test(no_post_of_two_threads_is_lost),
		loop_test(each_post_comes_through),
		loop_test(many_posts_are_one_call),
		loop_test(a_call_may_free_its_wake),
		loop_test(signals_come_through_the_loop),
		loop_test(a_childs_end_is_a_signal),
		loop_test(signals_that_cannot_be_had_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
