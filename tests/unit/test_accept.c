/* Accepting clients: names, a pause, closing from inside, and a process that has no descriptor left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "qf/accept.h"
#include "qf/clock.h"

enum { CLIENTS = 100 };

struct host {
	struct qf_acceptor a;
	struct qf_loop *loop;
	struct qf_timer end;
	int fds[CLIENTS];
	size_t n, close_at, pause_at;
	char name[64];
};

static void on_client(struct qf_acceptor *a, int fd, const char *name)
{
	struct host *h = qf_container_of(a, struct host, a);

	h->fds[h->n++] = fd;
	snprintf(h->name, sizeof(h->name), "%s", name);
	if (h->n == h->close_at)
		qf_acceptor_close(a);
	if (h->n == h->pause_at)
		qf_acceptor_pause(a, true);
}

static void on_end(struct qf_timer *t)
{
	qf_loop_stop(qf_container_of(t, struct host, end)->loop);
}

static void turn_for(struct host *h, unsigned ms)
{
	h->end.fn = on_end;
	qf_timer_set(h->loop, &h->end, ms * QF_MS);
	assert_int_equal(qf_loop_run(h->loop), 0);
}

static int listen_at(int family, struct sockaddr_storage *at, socklen_t *ret_n)
{
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	memset(at, 0, sizeof(*at));
	at->ss_family = (sa_family_t)family;
	*ret_n = family == AF_INET ? sizeof(struct sockaddr_in) : family == AF_INET6 ? sizeof(struct sockaddr_in6) :
		 sizeof(sa_family_t); /* an abstract name of the kernel's choice */
	if (family == AF_INET)
		((struct sockaddr_in *)(void *)at)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (family == AF_INET6)
		((struct sockaddr_in6 *)(void *)at)->sin6_addr = in6addr_loopback;
	if (fd < 0 || bind(fd, (struct sockaddr *)at, *ret_n) < 0) {
		close(fd);
		return -1;
	}
	*ret_n = sizeof(*at);
	assert_int_equal(listen(fd, CLIENTS), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)at, ret_n), 0);
	return fd;
}

static int connect_to(const struct sockaddr_storage *at, socklen_t n)
{
	int fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (const struct sockaddr *)at, n), 0);
	return fd;
}

static void open_host(struct host *h, int family, struct sockaddr_storage *at, socklen_t *n)
{
	int fd;

	memset(h, 0, sizeof(*h));
	assert_int_equal(qf_loop_new(&h->loop, NULL), 0);
	fd = listen_at(family, at, n);
	if (fd < 0) { /* a machine without IPv6 */
		h->loop = qf_loop_free(h->loop);
		return;
	}
	assert_int_equal(qf_acceptor_open(&h->a, h->loop, fd, on_client), 0);
}

static void close_host(struct host *h)
{
	for (size_t i = 0; i < h->n; i++)
		close(h->fds[i]);
	qf_acceptor_close(&h->a);
	qf_acceptor_close(&h->a);
	qf_acceptor_pause(&h->a, true); /* both harmless by now */
	qf_loop_free(h->loop);
}

static void clients_have_names(void **state)
{
	static const struct { int family; const char *begin; } cases[] = {
		{ AF_INET, "127.0.0.1:" }, { AF_INET6, "[::1]:" }, { AF_UNIX, "local" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct sockaddr_storage at;
		socklen_t n;
		struct host h;
		int fd;

		open_host(&h, cases[i].family, &at, &n);
		if (!h.loop)
			continue;
		fd = connect_to(&at, n);
		turn_for(&h, 50);
		assert_int_equal(h.n, 1);
		assert_memory_equal(h.name, cases[i].begin, strlen(cases[i].begin));
		close(fd);
		close_host(&h);
	}
}

static void a_pause_and_a_close_hold_at_once(void **state)
{
	struct sockaddr_storage at;
	struct host h;
	int fds[4];
	socklen_t n;

	(void)state;
	open_host(&h, AF_INET, &at, &n);
	for (int i = 0; i < 4; i++)
		fds[i] = connect_to(&at, n);
	h.pause_at = 1;
	h.close_at = 3;
	turn_for(&h, 50);
	assert_int_equal(h.n, 1); /* the others wait in the kernel's queue, and nothing spins */
	qf_acceptor_pause(&h.a, false);
	turn_for(&h, 50);
	assert_int_equal(h.n, 3);
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	close_host(&h);
}

/* ---- prefaces: "#", a length digit, and as many letters of a name ---- */

static bool everybody(void *arg, const char *name)
{
	(void)name;
	return *(bool *)arg;
}

static int read_name(struct qf_slice got, size_t *ret_need, char name[QF_CLIENT_NAME], struct qf_err *reterr)
{
	*ret_need = 2;
	if (got.n > 0 && got.p[0] != '#')
		return qf_err_set(reterr, QF_EMALFORMED, "no #");
	if (got.n < 2)
		return 0;
	*ret_need = 2 + (size_t)(got.p[1] - '0');
	if (got.n >= *ret_need)
		snprintf(name, QF_CLIENT_NAME, "%.*s", (int)*ret_need - 2, (const char *)got.p + 2);
	return 0;
}

static void open_prefaced(struct host *h, struct qf_preface *p, bool *expected, struct sockaddr_storage *at, socklen_t *n)
{
	*p = (struct qf_preface){ .expected = everybody, .read = read_name, .arg = expected };
	open_host(h, AF_UNIX, at, n);
	h->a.preface = p;
}

static void a_preface_names_the_client(void **state)
{
	static const char *const cases[] = { "#5alice", "#0", "#3bob and what follows" };
	static const char *const names[] = { "alice", "", "bob" }, *const rest[] = { "", "", " and what follows" };

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool expected = true;
		struct sockaddr_storage at;
		struct qf_preface p;
		struct host h;
		socklen_t n;
		char left[64] = "";

		open_prefaced(&h, &p, &expected, &at, &n);
		int fd = connect_to(&at, n);

		for (const char *c = cases[i]; *c; c++) {
			assert_int_equal(send(fd, c, 1, 0), 1);
			turn_for(&h, 2);
		}
		assert_int_equal(h.n, 1);
		assert_string_equal(h.name, names[i]);
		if (*rest[i])
			assert_true(recv(h.fds[0], left, sizeof(left) - 1, 0) > 0);
		assert_string_equal(left, rest[i]);
		assert_int_equal(h.a.n_prefaced, 0);
		close(fd);
		close_host(&h);
	}
}

static void without_its_preface_a_client_is_not_taken(void **state)
{
	static const char *const cases[] = { "x", "#5ali", "" };
	bool expected = true;
	struct sockaddr_storage at;
	struct qf_preface p;
	struct host h;
	socklen_t n;

	(void)state;
	open_prefaced(&h, &p, &expected, &at, &n);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int fd = connect_to(&at, n);
		char c;

		assert_true(send(fd, cases[i], strlen(cases[i]), 0) >= 0);
		shutdown(fd, SHUT_WR);
		turn_for(&h, 50);
		assert_int_equal(h.n, 0);
		assert_int_equal(h.a.n_prefaced, 0);
		assert_int_equal(recv(fd, &c, 1, 0), 0);
		close(fd);
	}
	int fd = connect_to(&at, n); /* one that is still under way when the acceptor closes */

	turn_for(&h, 50);
	assert_int_equal(h.a.n_prefaced, 1);
	expected = false;
	int other = connect_to(&at, n);

	turn_for(&h, 50);
	assert_int_equal(h.n, 1);
	close_host(&h);
	assert_int_equal(h.a.n_prefaced, 0);
	close(fd);
	close(other);
}

static void without_descriptors_it_waits(void **state)
{
	struct rlimit old, none;
	struct sockaddr_storage at;
	struct host h;
	socklen_t n;
	int fd;

	(void)state;
	open_host(&h, AF_INET, &at, &n);
	fd = connect_to(&at, n);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = (struct rlimit){ .rlim_cur = 3, .rlim_max = old.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	uint64_t turns = qf_loop_turns(h.loop);

	turn_for(&h, 350);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(h.n, 0);
	assert_true(qf_loop_turns(h.loop) - turns < 20);
	turn_for(&h, 250);
	assert_int_equal(h.n, 1);
	close(fd);
	close_host(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_have_names),
		cmocka_unit_test(a_pause_and_a_close_hold_at_once),
		cmocka_unit_test(a_preface_names_the_client),
		cmocka_unit_test(without_its_preface_a_client_is_not_taken),
		cmocka_unit_test(without_descriptors_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
