/* Log lines as a reader of stderr gets them. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "qf/log.h"

static int real_stderr, out[2];
static char got[70000];

/* stderr becomes a packet pipe: each read returns what one write(2) wrote. */
static void capture(void)
{
	real_stderr = dup(2);
	assert_int_equal(pipe2(out, O_CLOEXEC | O_DIRECT | O_NONBLOCK), 0);
	dup2(out[1], 2);
}

static void release(void)
{
	dup2(real_stderr, 2);
	close(real_stderr);
	close(out[0]);
	close(out[1]);
}

static const char *next_line(void)
{
	ssize_t n = read(out[0], got, sizeof(got) - 1);

	got[n > 0 ? n : 0] = 0;
	return got;
}

static const char *after_prefix(const char *line)
{
	const char *p = strstr(line, ": ");

	return p ? p + 2 : "";
}

static void a_line_has_time_program_and_level(void **state)
{
	unsigned v[7];
	char end = 0;

	(void)state;
	capture();
	qf_log_init("qf-test", QF_LOG_INFO);
	errno = 42;
	qf_warn("sid=%d state=%s", 7, "idle");
	int kept = errno;
	const char *line = next_line();

	release();
	assert_int_equal(kept, 42);
	assert_int_equal(sscanf(line, "%4u-%2u-%2uT%2u:%2u:%2u.%3u%c", v, v + 1, v + 2, v + 3, v + 4, v + 5, v + 6, &end), 8);
	assert_int_equal(end, 'Z');
	assert_string_equal(line + 24, " qf-test warning: sid=7 state=idle\n");
}

static void logging_without_stderr_changes_nothing(void **state)
{
	(void)state;
	capture();
	close(2);
	errno = 42;
	qf_error("to nobody");
	int kept = errno;

	release();
	assert_int_equal(kept, 42);
}

static void levels_are_filtered(void **state)
{
	(void)state;
	capture();
	qf_log_init("qf-test", QF_LOG_WARN);
	qf_info("no");
	qf_debug("no");
	qf_error("yes");
	const char *line = next_line();
	bool right = strcmp(after_prefix(line), "yes\n") == 0;
	bool more = *next_line();

	qf_log_init("qf-test", QF_LOG_DEBUG);
	qf_debug("now %s", "too");
	bool debug = strcmp(after_prefix(next_line()), "now too\n") == 0;

	release();
	assert_true(right);
	assert_false(more);
	assert_true(debug);
}

static void control_bytes_are_escaped(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] = {
		{ "a\nb", "a\\x0ab\n" },
		{ "\x1b[2J\x7f", "\\x1b[2J\\x7f\n" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f\n" },
		{ "\xc2\x9b" "31m", "\\xc2\\x9b31m\n" },
		{ "\x9b" "31m \xc3\xbc", "\\x9b31m \\xc3\\xbc\n" },
		{ "", "\n" },
	};
	(void)state;
	qf_log_init("qf-test", QF_LOG_INFO);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		capture();
		qf_info("%s", cases[i].in);
		next_line();
		release();
		assert_string_equal(after_prefix(got), cases[i].want);
	}
}

/* PIPE_BUF keeps the lines of several processes apart. */
static void a_long_line_is_cut_and_stays_one_write(void **state)
{
	static char text[60000];

	(void)state;
	for (int i = 0; i < 3; i++) {
		memset(text, i == 0 ? 'x' : 1, sizeof(text) - 1);
		for (size_t j = 0; i == 2 && j + 2 < sizeof(text); j += 2)
			memcpy(text + j, "\xc3\xa4", 2);
		capture();
		qf_error("%s", text);
		next_line();
		bool more = read(out[0], text, 1) > 0;

		release();
		assert_in_range(strlen(got), 2900, 4096);
		assert_int_equal(got[strlen(got) - 1], '\n');
		assert_ptr_equal(strchr(got, '\n'), got + strlen(got) - 1);
		assert_false(more);
	}
	assert_non_null(strstr(got, "\xc3\xa4...\n"));
}

static void journald_gets_its_prefix(void **state)
{
	struct stat st;
	char env[64];
	static const struct {
		int off; /* added to the inode */
		const char *tail;
		bool journal;
	} cases[] = { { 0, "", true }, { 1, "", false }, { 0, "x", false } };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		capture();
		fstat(2, &st);
		snprintf(env, sizeof(env), "%llu:%llu%s", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino + (unsigned)cases[i].off, cases[i].tail);
		setenv("JOURNAL_STREAM", env, 1);
		qf_log_init("qf-test", QF_LOG_INFO);
		qf_error("boom");
		next_line();
		release();
		assert_int_equal(strcmp(got, "<3>boom\n") == 0, cases[i].journal);
	}
	unsetenv("JOURNAL_STREAM");
	qf_log_init("qf-test", QF_LOG_INFO);
}

static void a_burst_is_limited_and_counted(void **state)
{
	struct qf_log_limit lim = { 0 };
	int lines = 0;

	(void)state;
	capture();
	for (int i = 0; i < 100; i++)
		qf_log_limited(&lim, 3, QF_LOG_WARN, "peer %d sent nonsense", i);
	qf_log_limited(&lim, 3, QF_LOG_DEBUG, "not even counted");
	while (*next_line())
		lines++;
	lim.second_ns -= 2000000000ull;
	qf_log_limited(&lim, 3, QF_LOG_WARN, "again");
	next_line();
	release();
	assert_int_equal(lines, 3);
	assert_string_equal(after_prefix(got), "again (97 more like this were dropped)\n");
	assert_int_equal(lim.dropped, 0);
}

/* A child, because it ends. */
static void a_broken_invariant_says_where_and_aborts(void **state)
{
	int status = 0;

	(void)state;
	capture();
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		qf_assert_fail("1 == 2", "x.c", 12);
	}
	waitpid(pid, &status, 0);
	next_line();
	release();
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_string_equal(after_prefix(got), "assertion failed: 1 == 2 at x.c:12\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_time_program_and_level),
		cmocka_unit_test(logging_without_stderr_changes_nothing),
		cmocka_unit_test(levels_are_filtered),
		cmocka_unit_test(control_bytes_are_escaped),
		cmocka_unit_test(a_long_line_is_cut_and_stays_one_write),
		cmocka_unit_test(journald_gets_its_prefix),
		cmocka_unit_test(a_burst_is_limited_and_counted),
		cmocka_unit_test(a_broken_invariant_says_where_and_aborts),
	};

	unsetenv("JOURNAL_STREAM");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
