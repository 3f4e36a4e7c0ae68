/*
 * The client of the bench: the same statement to several servers in turn, over connections that stay open.
 *
 *	client [-c CONNECTIONS] [-n STATEMENTS] [-w WARM-UP] [-r ROUNDS] [-s SECONDS] [-q SQL] [-m MODE] [-k KEYS] [-t] [-i]
 *	       NAME=[http:]PORT[,OPTIONS] …
 *
 * A PORT speaks PostgreSQL's protocol, to which OPTIONS are startup options; with http: it speaks Trino's, and OPTIONS
 * are one more header. MODE is simple, extended or prepared, see ask.h, and -t begins a transaction that lasts until
 * the end.
 * A round runs WARM-UP statements that are not counted and then STATEMENTS at each server, each connection with one
 * statement in flight; the server to begin with changes from round to round, so that what the machine does
 * meanwhile hits all alike. No round begins after SECONDS. One line of JSON a server. One thread, epoll, no busy
 * polling.
 *
 * With -i it opens the connections and says "open"; a line on stdin makes it run the statement once on each, one after
 * the other, and say "used"; the next line, or none, ends it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "qf/buf.h"
#include "qf/clock.h"
#include "ask.h"
#include "http.h"
#include "startup.h"

enum { READ_BYTES = 1 << 20, EVENTS = 64 };

struct server;

struct conn {
	struct server *server;
	int fd;
	uint8_t head[5]; /* of the message that is arriving */
	size_t have;	 /* bytes of it */
	size_t skip;	 /* of its body are still to come */
	bool in_flight;
	uint64_t sent_ns;
	uint64_t rows, bytes; /* of the answer */
	struct qf_buf page;   /* http: of the answer, as far as it is here */
};

struct server {
	const char *name, *options;
	bool http;
	uint16_t port;
	int epfd;
	struct conn *conns;
	uint64_t *ns; /* a statement each */
	size_t n_ns;
	uint64_t busy_ns; /* rounds together, without warm-up */
	uint64_t rows, bytes; /* of the last answer */
};

static size_t n_conns = 1, n_statements = 500, n_warm = 50, n_rounds = 20;
static uint64_t limit_ns = 60 * QF_SEC;
static struct ask ask = { .sql = "SELECT 1", .keys = 1 };
static bool in_transaction, idle;
static struct qf_buf request;
static uint8_t input[READ_BYTES];

static _Noreturn void die(const struct server *s, const char *what)
{
	fprintf(stderr, "client: %s: %s\n", s->name, what);
	exit(1);
}

/* ---- the wire ---- */

static void send_all(const struct conn *c, struct qf_slice s)
{
	if (send(c->fd, s.p, s.n, MSG_NOSIGNAL) != (ssize_t)s.n)
		die(c->server, "send failed");
}

/* The fields of an ErrorResponse, as far as they have arrived. */
static _Noreturn void die_of_error(const struct conn *c, struct qf_slice body)
{
	fprintf(stderr, "client: %s:", c->server->name);
	for (size_t i = 0; i < body.n && body.p[i];) {
		size_t n = strnlen((const char *)body.p + i + 1, body.n - i - 1);

		if (strchr("CMH", body.p[i]))
			fprintf(stderr, " %.*s", (int)n, (const char *)body.p + i + 1);
		i += n + 2;
	}
	fprintf(stderr, "\n");
	exit(1);
}

/* True when ReadyForQuery is complete. */
static bool take_input(struct conn *c, const uint8_t *p, size_t n)
{
	bool ready = false;

	c->bytes += n;
	while (n > 0) {
		if (c->skip > 0) {
			size_t part = n < c->skip ? n : c->skip;

			c->skip -= part;
			p += part;
			n -= part;
		} else {
			c->head[c->have++] = *p++;
			n--;
		}
		if (c->have == sizeof(c->head)) {
			c->have = 0;
			c->skip = ((size_t)c->head[1] << 24 | c->head[2] << 16 | c->head[3] << 8 | c->head[4]) - 4;
			c->rows += c->head[0] == 'D';
			if (c->head[0] == 'E')
				die_of_error(c, qf_slice(p, n < c->skip ? n : c->skip));
		}
		ready = c->head[0] == 'Z' && c->skip == 0 && c->have == 0;
	}
	return ready;
}

/* True when the last page is here; asks for the next else. */
static bool take_page(struct conn *c, const uint8_t *p, size_t n)
{
	struct qf_buf next = { 0 };
	bool more;

	c->bytes += n;
	qf_buf_add(&c->page, p, n);
	if (!http_whole(&c->page))
		return false;
	if (!http_good(&c->page))
		die(c->server, qf_buf_cstr(&c->page));
	more = http_get_next(&c->page, &next, c->server->port);
	qf_buf_clear(&c->page);
	if (more)
		send_all(c, qf_buf_slice(&next));
	qf_buf_fini(&next);
	return !more;
}

static bool read_answer(struct conn *c)
{
	ssize_t n = recv(c->fd, input, sizeof(input), 0);

	if (n <= 0)
		die(c->server, "connection closed");
	return c->server->http ? take_page(c, input, (size_t)n) : take_input(c, input, (size_t)n);
}

/* Sends what stands in `request` and waits for the answer. */
static void ask_and_wait(struct conn *c)
{
	send_all(c, qf_buf_slice(&request));
	qf_buf_clear(&request);
	while (!read_answer(c))
		;
}

static void introduce(struct conn *c)
{
	startup_put(&request, c->server->options);
	ask_and_wait(c);
	if (ask.mode == ASK_PREPARED) {
		ask_prepare(&ask, &request);
		ask_and_wait(c);
	}
	if (in_transaction) {
		qf_pg_put_query(&request, qf_slice_str("BEGIN"));
		ask_and_wait(c);
	}
}

static void connect_one(struct server *s, struct conn *c)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(s->port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };
	int one = 1;

	c->server = s;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		die(s, "cannot connect");
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (!s->http)
		introduce(c);
	if (epoll_ctl(s->epfd, EPOLL_CTL_ADD, c->fd, &ev) < 0)
		die(s, "epoll_ctl failed");
}

/* ---- rounds ---- */

static void begin(struct conn *c)
{
	if (c->server->http)
		http_post(&request, c->server->port, c->server->options, ask.sql);
	else
		ask_put(&ask, &request);
	c->rows = c->bytes = 0;
	c->sent_ns = qf_mono_ns();
	c->in_flight = true;
	send_all(c, qf_buf_slice(&request));
	qf_buf_clear(&request);
}

static void run(struct server *s, size_t n, bool count)
{
	size_t begun = 0, ended = 0;
	struct epoll_event ev[EVENTS];
	uint64_t start = qf_mono_ns();

	while (begun < n && begun < n_conns)
		begin(&s->conns[begun++]);
	while (ended < n) {
		int n_ev = epoll_wait(s->epfd, ev, EVENTS, -1);

		for (int i = 0; i < n_ev; i++) {
			struct conn *c = ev[i].data.ptr;

			if (!read_answer(c))
				continue;
			if (count)
				s->ns[s->n_ns++] = qf_mono_ns() - c->sent_ns;
			s->rows = c->rows;
			s->bytes = c->bytes;
			ended++;
			if (begun < n) {
				begun++;
				begin(c);
			}
		}
	}
	if (count)
		s->busy_ns += qf_mono_ns() - start;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double at_us(const struct server *s, size_t percent)
{
	return (double)s->ns[(s->n_ns - 1) * percent / 100] / 1e3;
}

static void report(struct server *s)
{
	qsort(s->ns, s->n_ns, sizeof(*s->ns), compare);
	printf("{\"name\": \"%s\", \"connections\": %zu, \"statements\": %zu, \"p10_us\": %.1f, \"p50_us\": %.1f, "
	       "\"p90_us\": %.1f, \"p99_us\": %.1f, \"per_second\": %.1f, \"rows\": %llu, \"bytes\": %llu}\n",
	       s->name, n_conns, s->n_ns, at_us(s, 10), at_us(s, 50), at_us(s, 90), at_us(s, 99),
	       (double)s->n_ns * 1e9 / (double)s->busy_ns, (unsigned long long)s->rows, (unsigned long long)s->bytes);
}

static void open_server(struct server *s, char *word)
{
	char *equals = strchr(word, '='), *comma = equals ? strchr(equals, ',') : NULL;

	*s = (struct server){ .name = word, .options = comma ? comma + 1 : NULL };
	if (!equals)
		die(s, "NAME=[http:]PORT[,OPTIONS] is wanted");
	*equals = 0;
	s->http = strncmp(equals + 1, "http:", 5) == 0;
	s->port = (uint16_t)atoi(equals + (s->http ? 6 : 1));
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->conns = qf_xcalloc(n_conns, sizeof(*s->conns));
	s->ns = qf_xcalloc(n_rounds * n_statements, sizeof(*s->ns));
	for (size_t i = 0; i < n_conns; i++)
		connect_one(s, &s->conns[i]);
}

static void wait_for_line(void)
{
	for (int c = getchar(); c != '\n' && c != EOF;)
		c = getchar();
}

static void stay_idle(struct server *s)
{
	puts("open");
	fflush(stdout);
	wait_for_line();
	for (size_t i = 0; i < n_conns; i++) {
		ask_put(&ask, &request);
		ask_and_wait(&s->conns[i]);
	}
	puts("used");
	fflush(stdout);
	wait_for_line();
}

static bool options(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "c:n:w:r:s:q:m:k:ti")) >= 0;) {
		size_t n = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (o == 'c')
			n_conns = n;
		else if (o == 'n')
			n_statements = n;
		else if (o == 'w')
			n_warm = n;
		else if (o == 'r')
			n_rounds = n;
		else if (o == 's')
			limit_ns = n * QF_SEC;
		else if (o == 'q')
			ask.sql = optarg;
		else if (o == 'k')
			ask.keys = (unsigned)n;
		else if (o == 't')
			in_transaction = true;
		else if (o == 'i')
			idle = true;
		else if (o != 'm' || !ask_mode_read(optarg, &ask.mode))
			return false;
	}
	return n_conns && n_statements && n_rounds && ask.keys && optind < argc;
}

int main(int argc, char **argv)
{
	if (!options(argc, argv)) {
		fprintf(stderr, "usage: client [-c CONNECTIONS] [-n STATEMENTS] [-w WARM-UP] [-r ROUNDS] [-s SECONDS] [-q SQL] "
				"[-m MODE] [-k KEYS] [-t] [-i] NAME=[http:]PORT[,OPTIONS] ...\n");
		return 2;
	}
	size_t n = (size_t)(argc - optind);
	struct server *servers = qf_xcalloc(n, sizeof(*servers));
	uint64_t until = qf_mono_ns() + limit_ns;

	for (size_t i = 0; i < n; i++)
		open_server(&servers[i], argv[optind + (int)i]);
	if (idle) {
		stay_idle(&servers[0]);
		return 0;
	}
	for (size_t r = 0; r < n_rounds && (r == 0 || qf_mono_ns() < until); r++) {
		for (size_t i = 0; i < n; i++) {
			run(&servers[(r + i) % n], n_warm, false);
			run(&servers[(r + i) % n], n_statements, true);
		}
	}
	for (size_t i = 0; i < n; i++)
		report(&servers[i]);
	return 0;
}
