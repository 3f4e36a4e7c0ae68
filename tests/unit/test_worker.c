/* Worker processes: answers, deadlines, crashes, memory, starts that fail. The worker is this program itself. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "qf/clock.h"
#include "qf/worker.h"

/* ---- the worker -------------------------------------------------------------------------------- */

static void put_frame(const void *p, uint32_t n)
{
	uint8_t head[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };

	if (write(3, head, 4) != 4 || (n && write(3, p, n) != (ssize_t)n))
		_exit(9);
}

static uint32_t get_frame(char *buf, size_t size)
{
	uint8_t head[4];
	size_t at = 0;

	if (read(3, head, 4) != 4)
		_exit(0);
	uint32_t n = (uint32_t)head[0] << 24 | (uint32_t)head[1] << 16 | (uint32_t)head[2] << 8 | head[3];

	while (at < n) {
		ssize_t r = read(3, buf + at % size, n - at < size - at % size ? n - at : size - at % size);

		if (r <= 0)
			_exit(0);
		at += (size_t)r;
	}
	return n;
}

static char number[8]; /* of the request at hand */

/* As one piece, so that what comes behind it does too. */
static void put_numbered(const char *of, const void *p, uint32_t n, const char *behind, size_t n_behind)
{
	static char buf[1 << 20];
	uint8_t head[4] = { 0, (uint8_t)((n + 8) >> 16), (uint8_t)((n + 8) >> 8), (uint8_t)(n + 8) };

	memcpy(buf, head, 4);
	memcpy(buf + 4, of, 8);
	memcpy(buf + 12, p, n);
	memcpy(buf + 12 + n, behind, n_behind);
	if (write(3, buf, 12 + n + n_behind) != (ssize_t)(12 + n + n_behind))
		_exit(9);
}

static void put_answer(const void *p, uint32_t n)
{
	put_numbered(number, p, n, "", 0);
}

/* Ways to say what nobody asked for; the answer itself is the process id. */
static void forge(const char *how)
{
	static const char junk[] = "\0\0\0\x0cwhatever junk";
	char pid[16];
	uint32_t n = (uint32_t)snprintf(pid, sizeof(pid), "%d", (int)getpid());

	if (!strcmp(how, "frame before"))
		put_numbered("12345678", "forged", 6, "", 0);
	if (!strcmp(how, "junk before") && write(3, junk, sizeof(junk)) < 0)
		_exit(9);
	put_numbered(number, pid, n, junk, !strcmp(how, "at once") ? sizeof(junk) : 0);
	if (strncmp(how, "later", 5))
		return;
	usleep(60000);
	if (!strcmp(how, "later, the same"))
		put_answer("forged", 6);
	if (!strcmp(how, "later, a guess"))
		put_numbered("12345678", "forged", 6, "", 0);
	if (!strcmp(how, "later, the next")) /* as numbers in order would be */
		put_numbered((number[7]++, number), "forged", 6, "", 0);
	if (!strcmp(how, "later, a byte") && write(3, "", 1) < 0)
		_exit(9);
	if (!strcmp(how, "later, a length") && write(3, "\0\0\1\0", 4) < 0)
		_exit(9);
}

static void grow(void)
{
	static char *volatile big;

	big = malloc(64 << 20);
	for (size_t i = 0; big && i < 64 << 20; i += 4096)
		big[i] = 1;
}

static void answer(const char *q, uint32_t n)
{
	char text[64];

	if (!strncmp(q, "crash", 5))
		_exit(3);
	if (!strncmp(q, "killed", 6))
		raise(SIGKILL);
	if (!strncmp(q, "hang", 4))
		pause();
	if (!strncmp(q, "close", 5)) {
		close(3);
		pause();
	}
	if (!strncmp(q, "huge", 4))
		put_frame(NULL, 0x7fffffff);
	if (!strncmp(q, "forge ", 6)) {
		forge(q + 6);
		return;
	}
	if (!strncmp(q, "grow", 4))
		grow();
	if (!strncmp(q, "sleep", 5))
		usleep(50000);
	if (!strncmp(q, "bigrun", 6)) {
		grow();
		pause();
	}
	if (!strncmp(q, "class", 5)) {
		for (clock_t end = clock() + CLOCKS_PER_SEC / 10; strlen(q) > 5 && clock() < end;)
			;
		put_answer(text, (uint32_t)snprintf(text, sizeof(text), "%d %d", (int)getpid(), sched_getscheduler(0)));
	} else if (!strncmp(q, "env", 3)) {
		put_answer(text, (uint32_t)snprintf(text, sizeof(text), "%s %d", getenv("ONLY"), getenv("PATH") != NULL));
	} else if (!strncmp(q, "pid", 3))
		put_answer(text, (uint32_t)snprintf(text, sizeof(text), "%d", (int)getpid()));
	else
		put_answer(q, n);
}

static int work(const char *mode)
{
	static char buf[1 << 20];

	if (!strcmp(mode, "refuse")) {
		put_frame("FAILED nothing here, run make deps", 34);
		return 1;
	}
	if (!strcmp(mode, "first")) {
		uint32_t n = get_frame(buf, sizeof(buf));

		put_frame("READY", 5);
		get_frame(buf + n, sizeof(buf) - n);
		memcpy(number, buf + n, 8);
		put_answer(buf, n);
		pause();
	}
	if (!strcmp(mode, "killed"))
		raise(SIGKILL);
	if (!strcmp(mode, "slowly"))
		usleep(300000);
	if (!strcmp(mode, "never"))
		pause();
	if (!strcmp(mode, "exit"))
		return 7;
	if (!strcmp(mode, "noise")) {
		put_frame("HELLO", 5);
		pause();
	}
	put_frame("READY", 5);
	if (!strcmp(mode, "brief"))
		return 0;
	for (;;) {
		uint32_t n = get_frame(buf, sizeof(buf));

		if (n < 8)
			_exit(8);
		memcpy(number, buf, 8);
		buf[n] = 0;
		answer(buf + 8, n - 8);
	}
}

/* ---- the fixture ------------------------------------------------------------------------------- */

struct fix {
	struct qf_loop *loop;
	struct qf_worker_pool *pool;
	struct qf_timer limit;
	unsigned ready, failed, done, wanted;
	char failure[256];
	unsigned strays, last_stray;
	bool sure;
	enum qf_worker_result results[64];
	char answers[64][64];
	unsigned order[64];
};

struct ask {
	struct fix *f;
	unsigned i;
};

static struct ask asks[64];

static void out_of_time(struct qf_timer *t)
{
	(void)t;
	fail_msg("the loop did not end in time");
}

static void on_ready(void *arg)
{
	struct fix *f = arg;

	f->ready++;
	if (f->wanted == 0)
		qf_loop_stop(f->loop);
}

static void on_failed(void *arg, const char *text)
{
	struct fix *f = arg;

	f->failed++;
	snprintf(f->failure, sizeof(f->failure), "%s", text);
	if (f->wanted == 0)
		qf_loop_stop(f->loop);
}

static void on_stray(void *arg, unsigned last, bool sure, int pid)
{
	struct fix *f = arg;

	f->strays++;
	f->last_stray = last;
	f->sure = sure;
	assert_true(pid > 0);
	if (f->wanted == 0)
		qf_loop_stop(f->loop);
}

static void on_answer(void *arg, enum qf_worker_result result, struct qf_slice answer_text)
{
	struct ask *a = arg;

	a->f->results[a->i] = result;
	snprintf(a->f->answers[a->i], 64, "%.*s", (int)(answer_text.n > 60 ? 60 : answer_text.n),
		 answer_text.n ? (const char *)answer_text.p : "");
	a->f->order[a->f->done++] = a->i;
	if (a->f->done == a->f->wanted)
		qf_loop_stop(a->f->loop);
}

static uint64_t ask(struct fix *f, unsigned i, const char *text, uint64_t deadline_ns)
{
	asks[i] = (struct ask){ f, i };
	f->results[i] = (enum qf_worker_result)99;
	return qf_worker_request(f->pool, qf_slice_str(text), i, deadline_ns, on_answer, &asks[i]);
}

static void start_with(struct fix *f, const char *mode, struct qf_worker_opts o)
{
	static const char *argv[4];

	argv[0] = "/proc/self/exe";
	argv[1] = "worker";
	argv[2] = mode;
	*f = (struct fix){ .limit.fn = out_of_time };
	assert_int_equal(qf_loop_new(&f->loop, NULL), 0);
	o.loop = f->loop;
	o.argv = argv;
	o.max_answer = 1 << 20;
	o.max_pending = 4;
	o.name = "test";
	o.on_ready = on_ready;
	o.on_failed = on_failed;
	o.on_stray = on_stray;
	o.arg = f;
	assert_int_equal(qf_worker_pool_new(&f->pool, &o, NULL), 0);
	qf_timer_set(f->loop, &f->limit, 20 * QF_SEC);
}

static void start(struct fix *f, const char *mode, unsigned count, size_t max_rss)
{
	start_with(f, mode, (struct qf_worker_opts){ .count = count, .max_rss = max_rss });
}

static void run_until(struct fix *f, unsigned wanted)
{
	f->wanted = wanted;
	assert_int_equal(qf_loop_run(f->loop), 0);
}

static void stop(struct fix *f)
{
	qf_worker_pool_free(f->pool);
	qf_timer_stop(f->loop, &f->limit);
	qf_loop_free(f->loop);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void answers_come_back_in_order_of_asking(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "", 1, 0);
	ask(&f, 0, "one", 5 * QF_SEC); /* before any worker is ready */
	ask(&f, 1, "two", 5 * QF_SEC);
	ask(&f, 2, "", 5 * QF_SEC);
	run_until(&f, 3);
	assert_int_equal(f.ready, 1);
	assert_string_equal(f.answers[0], "one");
	assert_string_equal(f.answers[1], "two");
	assert_string_equal(f.answers[2], "");
	assert_int_equal(f.results[2], QF_WORKER_OK);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(f.order[i], i);
	stop(&f);
}

static void a_bad_text_fails_alone(void **state)
{
	static const struct {
		const char *name, *text;
		uint64_t deadline_ns;
		enum qf_worker_result result;
	} cases[] = {
		{ "crash", "crash", 5 * QF_SEC, QF_WORKER_CRASHED },
		{ "killed", "killed", 5 * QF_SEC, QF_WORKER_KILLED },
		{ "hang", "hang", QF_SEC, QF_WORKER_DEADLINE },
		{ "closed socket", "close", 5 * QF_SEC, QF_WORKER_CRASHED },
		{ "length beyond the limit", "huge", 5 * QF_SEC, QF_WORKER_MALFORMED },
		{ "grown while busy", "bigrun", 5 * QF_SEC, QF_WORKER_CRASHED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fix f;

		start(&f, "", 1, 48 << 20);
		ask(&f, 0, "before", 5 * QF_SEC);
		ask(&f, 1, cases[i].text, cases[i].deadline_ns);
		ask(&f, 2, "after", 5 * QF_SEC);
		run_until(&f, 3);
		if (f.results[1] != cases[i].result)
			fail_msg("%s: result %d", cases[i].name, (int)f.results[1]);
		assert_int_equal(f.results[0], QF_WORKER_OK);
		assert_string_equal(f.answers[2], "after");
		stop(&f);
	}
}

static void the_spare_is_there_at_once(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "", 1, 0);
	ask(&f, 0, "sleep", 5 * QF_SEC); /* time enough for the spare to start */
	run_until(&f, 1);
	uint64_t from = qf_mono_ns();

	ask(&f, 1, "hang", 20 * QF_MS);
	ask(&f, 2, "next", 5 * QF_SEC);
	run_until(&f, 3);
	assert_int_equal(f.results[1], QF_WORKER_DEADLINE);
	assert_string_equal(f.answers[2], "next");
	assert_true(qf_mono_ns() - from < 2 * QF_SEC);
	stop(&f);
}

/* Nobody waits for an answer when it comes. */
static void what_an_idle_worker_says_ends_it(void **state)
{
	static const char *const ways[] = { "forge later, the same", "forge later, the next", "forge later, a guess",
					    "forge later, a byte", "forge later, a length" };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct fix f;

		start(&f, "", 1, 0);
		ask(&f, 0, "x", 5 * QF_SEC);
		ask(&f, 1, ways[i], 5 * QF_SEC);
		run_until(&f, 2);
		assert_int_equal(f.results[1], QF_WORKER_OK);
		run_until(&f, 0);
		assert_int_equal(f.strays, 1);
		assert_int_equal(f.last_stray, 1);
		assert_true(f.sure);
		ask(&f, 2, "pid", 5 * QF_SEC);
		run_until(&f, 3);
		assert_string_not_equal(f.answers[1], f.answers[2]);
		stop(&f);
	}
}

/* The next request is with the same worker when the forged answer comes: it gets its own answer from another one. */
static void a_forged_answer_is_nobody_elses(void **state)
{
	static const struct {
		const char *how;
		bool sure;
	} cases[] = {
		{ "forge later, the same", true },
		{ "forge later, the next", false },
		{ "forge later, a guess", false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fix f;

		start(&f, "", 1, 0);
		ask(&f, 0, cases[i].how, 5 * QF_SEC);
		ask(&f, 1, "pid", 5 * QF_SEC);
		run_until(&f, 2);
		assert_int_equal(f.results[0], QF_WORKER_OK);
		assert_int_equal(f.results[1], QF_WORKER_OK);
		assert_string_not_equal(f.answers[0], f.answers[1]);
		assert_string_not_equal(f.answers[1], "forged");
		assert_int_equal(f.strays, 1);
		assert_int_equal(f.last_stray, 0);
		assert_int_equal(f.sure, cases[i].sure);
		stop(&f);
	}
}

static void who_forges_has_no_answer(void **state)
{
	static const char *const ways[] = { "forge frame before", "forge junk before", "forge at once" };

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct fix f;

		start(&f, "", 1, 0);
		ask(&f, 0, "pid", 5 * QF_SEC); /* so that it may have been that one: it is asked twice, and no more */
		ask(&f, 1, ways[i], 5 * QF_SEC);
		ask(&f, 2, "pid", 5 * QF_SEC);
		run_until(&f, 3);
		assert_int_equal(f.results[1], QF_WORKER_MALFORMED);
		assert_int_equal(f.results[2], QF_WORKER_OK);
		assert_string_not_equal(f.answers[0], f.answers[2]);
		stop(&f);
	}
}

static void a_grown_worker_is_replaced(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "", 1, 48 << 20);
	ask(&f, 0, "pid", 5 * QF_SEC);
	run_until(&f, 1);
	usleep(150000);
	ask(&f, 1, "grow", 5 * QF_SEC);
	run_until(&f, 2);
	/* It is seen when it has answered, or, on a busy machine, while it grows. */
	assert_true(f.results[1] == QF_WORKER_OK || f.results[1] == QF_WORKER_CRASHED);
	ask(&f, 2, "pid", 5 * QF_SEC);
	run_until(&f, 3);
	assert_string_not_equal(f.answers[0], f.answers[2]);
	stop(&f);
}

static void waiting_requests_are_bounded_and_have_deadlines(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "", 1, 0);
	run_until(&f, 0);
	ask(&f, 0, "hang", 300 * QF_MS);
	ask(&f, 1, "a", 50 * QF_MS);
	for (unsigned i = 2; i < 6; i++)
		ask(&f, i, "a", 5 * QF_SEC);
	assert_int_equal(f.done, 0); /* never from inside the call */
	run_until(&f, 6);
	assert_int_equal(f.results[5], QF_WORKER_BUSY);
	assert_int_equal(f.results[1], QF_WORKER_LATE); /* nobody has looked at it */
	assert_int_equal(f.results[0], QF_WORKER_DEADLINE);
	for (unsigned i = 2; i < 5; i++)
		assert_int_equal(f.results[i], QF_WORKER_OK);
	stop(&f);
}

static void a_forgotten_request_calls_nobody(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "", 1, 0);
	uint64_t running = ask(&f, 0, "sleep", 5 * QF_SEC);
	uint64_t waiting = ask(&f, 1, "x", 5 * QF_SEC);

	run_until(&f, 0);
	qf_worker_forget(f.pool, running);
	qf_worker_forget(f.pool, waiting);
	qf_worker_forget(f.pool, 12345);
	ask(&f, 2, "last", 5 * QF_SEC);
	run_until(&f, 1);
	assert_int_equal(f.order[0], 2);
	assert_int_equal(f.results[0], 99);
	assert_int_equal(f.results[1], 99);
	stop(&f);
}

static void a_worker_that_cannot_start_is_said_once(void **state)
{
	static const struct {
		const char *mode, *text;
	} cases[] = {
		{ "refuse", "nothing here, run make deps" },
		{ "exit", "the worker ended with status 7" },
		{ "killed", "the worker was ended by signal 9 (Killed)" }, /* after three of them */
		{ "noise", "the worker greeted with something else than READY" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fix f;

		start(&f, cases[i].mode, 2, 0);
		ask(&f, 0, "waiting", 5 * QF_SEC);
		run_until(&f, 1);
		assert_int_equal(f.results[0], QF_WORKER_DOWN);
		assert_string_equal(f.failure, cases[i].text);
		ask(&f, 1, "later", 5 * QF_SEC);
		run_until(&f, 2);
		assert_int_equal(f.results[1], QF_WORKER_DOWN);
		assert_int_equal(f.failed, 1);
		stop(&f);
	}
}

static void a_missing_program_is_an_error_text(void **state)
{
	static const char *argv[] = { "/nonexistent/worker", NULL };
	struct fix f = { .limit.fn = out_of_time };

	(void)state;
	assert_int_equal(qf_loop_new(&f.loop, NULL), 0);
	struct qf_worker_opts o = { .loop = f.loop, .argv = argv, .count = 1, .max_answer = 100, .max_pending = 1,
				    .name = "test", .on_failed = on_failed, .arg = &f };

	assert_int_equal(qf_worker_pool_new(&f.pool, &o, NULL), 0);
	assert_int_equal(f.failed, 0); /* never from inside the call */
	ask(&f, 0, "x", QF_SEC);
	run_until(&f, 1);
	assert_string_equal(f.failure, "/nonexistent/worker: No such file or directory");
	assert_int_equal(f.results[0], QF_WORKER_DOWN);
	stop(&f);
}

static void idle_deaths_are_not_repeated_at_full_speed(void **state)
{
	struct fix f;

	(void)state;
	start(&f, "brief", 1, 0);
	ask(&f, 0, "x", 500 * QF_MS);
	run_until(&f, 1);
	assert_true(f.results[0] == QF_WORKER_CRASHED || f.results[0] == QF_WORKER_LATE);
	stop(&f);
}

static void a_big_request_arrives_whole(void **state)
{
	struct fix f;
	char *big = malloc(900001);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 900000);
	big[900000] = 0;
	start(&f, "", 1, 0);
	ask(&f, 0, big, 5 * QF_SEC);
	run_until(&f, 1);
	assert_int_equal(f.results[0], QF_WORKER_OK);
	assert_int_equal(strlen(f.answers[0]), 60);
	stop(&f);
	free(big);
}

static void a_first_frame_comes_before_all(void **state)
{
	char *big = malloc(600000);
	struct fix f;

	(void)state;
	assert_non_null(big);
	memset(big, 'y', 600000); /* more than the socket takes at once */
	start_with(&f, "first", (struct qf_worker_opts){ .count = 1, .first = qf_slice(big, 600000) });
	memset(big, 'n', 600000);
	ask(&f, 0, "x", 5 * QF_SEC);
	run_until(&f, 1);
	assert_int_equal(f.results[0], QF_WORKER_OK);
	assert_int_equal(f.answers[0][0], 'y');
	stop(&f);
	free(big);
}

static void the_environment_is_what_is_given(void **state)
{
	static const char *const env[] = { "ONLY=this", NULL };
	struct fix f;

	(void)state;
	start_with(&f, "", (struct qf_worker_opts){ .count = 1, .env = env });
	ask(&f, 0, "env", 5 * QF_SEC);
	run_until(&f, 1);
	assert_string_equal(f.answers[0], "this 0");
	stop(&f);
}

static void what_is_slow_steps_back_and_is_replaced(void **state)
{
	struct fix f;
	int pid[3], class[3];

	(void)state;
	start_with(&f, "", (struct qf_worker_opts){ .count = 1, .idle_after_ns = 30 * QF_MS });
	ask(&f, 0, "class", 5 * QF_SEC);
	ask(&f, 1, "class, slowly", 10 * QF_SEC);
	ask(&f, 2, "class", 15 * QF_SEC);
	run_until(&f, 3);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(sscanf(f.answers[i], "%d %d", &pid[i], &class[i]), 2);
	assert_int_equal(class[1], SCHED_IDLE);
	assert_int_not_equal(pid[1], pid[2]);
	stop(&f);
}

static void a_start_has_its_time(void **state)
{
	struct fix f;

	(void)state;
	start_with(&f, "never", (struct qf_worker_opts){ .count = 1, .start_ns = 200 * QF_MS });
	ask(&f, 0, "x", 5 * QF_SEC);
	run_until(&f, 1);
	assert_int_equal(f.results[0], QF_WORKER_DOWN);
	assert_string_equal(f.failure, "the worker was not ready after 200 ms");
	stop(&f);
}

static void a_short_deadline_is_for_the_work_alone(void **state)
{
	struct fix f;

	(void)state;
	start_with(&f, "slowly", (struct qf_worker_opts){ .count = 1, .fair_ns = 10 * QF_SEC });
	ask(&f, 0, "one", 50 * QF_MS); /* no worker yet: waits for it beyond its deadline */
	ask(&f, 1, "two", 50 * QF_MS);
	run_until(&f, 2);
	assert_int_equal(f.results[0], QF_WORKER_OK);
	assert_int_equal(f.results[1], QF_WORKER_OK);
	ask(&f, 2, "hang", 150 * QF_MS);
	ask(&f, 3, "late", 20 * QF_MS); /* a worker is alive: it waits no longer than this */
	ask(&f, 4, "sleep", 500 * QF_MS);
	run_until(&f, 5);
	assert_int_equal(f.results[2], QF_WORKER_DEADLINE);
	assert_int_equal(f.results[3], QF_WORKER_LATE);
	assert_int_equal(f.results[4], QF_WORKER_OK); /* its time began with its turn */
	stop(&f);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_come_back_in_order_of_asking),
		cmocka_unit_test(a_bad_text_fails_alone),
		cmocka_unit_test(the_spare_is_there_at_once),
		cmocka_unit_test(what_an_idle_worker_says_ends_it),
		cmocka_unit_test(a_forged_answer_is_nobody_elses),
		cmocka_unit_test(who_forges_has_no_answer),
		cmocka_unit_test(a_grown_worker_is_replaced),
		cmocka_unit_test(waiting_requests_are_bounded_and_have_deadlines),
		cmocka_unit_test(a_forgotten_request_calls_nobody),
		cmocka_unit_test(a_worker_that_cannot_start_is_said_once),
		cmocka_unit_test(a_missing_program_is_an_error_text),
		cmocka_unit_test(idle_deaths_are_not_repeated_at_full_speed),
		cmocka_unit_test(a_big_request_arrives_whole),
		cmocka_unit_test(a_first_frame_comes_before_all),
		cmocka_unit_test(the_environment_is_what_is_given),
		cmocka_unit_test(what_is_slow_steps_back_and_is_replaced),
		cmocka_unit_test(a_start_has_its_time),
		cmocka_unit_test(a_short_deadline_is_for_the_work_alone),
	};

	if (argc > 1 && !strcmp(argv[1], "worker"))
		return work(argc > 2 ? argv[2] : "");
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
