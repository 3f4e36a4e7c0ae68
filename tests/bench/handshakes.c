/*
 * The TLS client of the bench: connections to servers of PostgreSQL's protocol, from the first byte to ReadyForQuery.
 *
 *	handshakes [-n CONNECTIONS] [-r ROUNDS] [-i] NAME=PORT …
 *
 * A round opens and ends CONNECTIONS at each server, one after the other, without resumption. One line of JSON a server.
 *
 * With -i it opens CONNECTIONS to the first one, keeps them, and says "open"; a line on stdin makes it run a statement
 * on each and say "used"; the next line, or none, ends it.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "qf/buf.h"
#include "qf/clock.h"
#include "startup.h"

enum { MAX_ROUNDS = 1000 };

struct server {
	const char *name;
	uint16_t port;
	uint64_t ns; /* of all rounds */
};

static size_t n_connections = 100, n_rounds = 5;
static bool idle;

static void fail(const char *what)
{
	fprintf(stderr, "handshakes: %s\n", what);
	exit(1);
}

static int open_socket(uint16_t port)
{
	static const uint8_t ask[8] = { 0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f };
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char yes;

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		fail("cannot connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (send(fd, ask, sizeof(ask), MSG_NOSIGNAL) != sizeof(ask) || recv(fd, &yes, 1, 0) != 1 || yes != 'S')
		fail("no TLS there");
	return fd;
}

/* ReadyForQuery is what the answers end with. */
static void read_ready(SSL *ssl)
{
	static const uint8_t ready[6] = { 'Z', 0, 0, 0, 5, 'I' };
	struct qf_buf in = { 0 };

	do {
		int n = SSL_read(ssl, qf_buf_reserve(&in, 8192), 8192);

		if (n <= 0)
			fail("the server closed");
		in.n += (size_t)n;
	} while (in.n < sizeof(ready) || memcmp(in.p + in.n - sizeof(ready), ready, sizeof(ready)) != 0);
	qf_buf_fini(&in);
}

static void say(SSL *ssl, const void *p, size_t n)
{
	if (SSL_write(ssl, p, (int)n) != (int)n)
		fail("the server closed");
}

static SSL *open_one(SSL_CTX *ctx, uint16_t port)
{
	struct qf_buf out = { 0 };
	SSL *ssl = SSL_new(ctx);

	if (!ssl || SSL_set_fd(ssl, open_socket(port)) != 1 || SSL_connect(ssl) != 1)
		fail("no handshake");
	startup_put(&out, NULL);
	say(ssl, out.p, out.n);
	qf_buf_fini(&out);
	read_ready(ssl);
	return ssl;
}

static void end_one(SSL *ssl)
{
	int fd = SSL_get_fd(ssl);

	say(ssl, "X\0\0\0\4", 5);
	SSL_free(ssl);
	close(fd);
}

static void run_round(SSL_CTX *ctx, struct server *s)
{
	uint64_t begin = qf_mono_ns();

	for (size_t i = 0; i < n_connections; i++)
		end_one(open_one(ctx, s->port));
	s->ns += qf_mono_ns() - begin;
}

static bool told(const char *state)
{
	char line[8];

	puts(state);
	return fflush(stdout) == 0 && fgets(line, sizeof(line), stdin);
}

static void stay_idle(SSL_CTX *ctx, const struct server *s)
{
	static const char query[] = "Q\0\0\0\15select 1"; /* with its NUL */
	SSL **all = qf_xcalloc(n_connections, sizeof(*all));

	for (size_t i = 0; i < n_connections; i++)
		all[i] = open_one(ctx, s->port);
	if (told("open")) {
		for (size_t i = 0; i < n_connections; i++) {
			say(all[i], query, sizeof(query));
			read_ready(all[i]);
		}
		told("used");
	}
	free(all);
}

static bool options(int argc, char **argv)
{
	int o;

	while ((o = getopt(argc, argv, "n:r:i")) >= 0) {
		if (o == 'n')
			n_connections = strtoul(optarg, NULL, 10);
		else if (o == 'r')
			n_rounds = strtoul(optarg, NULL, 10);
		else if (o == 'i')
			idle = true;
		else
			return false;
	}
	return optind < argc && n_connections > 0 && n_rounds > 0 && n_rounds <= MAX_ROUNDS;
}

static struct server server_of(char *word)
{
	char *equals = strchr(word, '=');

	if (!equals)
		fail("NAME=PORT is wanted");
	*equals = 0;
	return (struct server){ .name = word, .port = (uint16_t)atoi(equals + 1) };
}

int main(int argc, char **argv)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (!ctx || !options(argc, argv)) {
		fprintf(stderr, "usage: handshakes [-n CONNECTIONS] [-r ROUNDS] [-i] NAME=PORT ...\n");
		return 2;
	}
	size_t n = (size_t)(argc - optind);
	struct server *servers = qf_xcalloc(n, sizeof(*servers));

	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	for (size_t i = 0; i < n; i++)
		servers[i] = server_of(argv[optind + (int)i]);
	if (idle) {
		stay_idle(ctx, &servers[0]);
		return 0;
	}
	for (size_t r = 0; r < n_rounds; r++)
		for (size_t i = 0; i < n; i++)
			run_round(ctx, &servers[(r + i) % n]);
	for (size_t i = 0; i < n; i++)
		printf("{\"name\": \"%s\", \"connections\": %zu, \"us\": %.1f}\n", servers[i].name, n_connections * n_rounds,
		       (double)servers[i].ns / 1e3 / (double)(n_connections * n_rounds));
	return 0;
}
