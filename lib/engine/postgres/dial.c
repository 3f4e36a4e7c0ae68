/* Connecting on a thread: see dial.h. */
#include "dial.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "qf/clock.h"

enum {
	MAX_ROUNDS = 10000000, /* of SCRAM: libpq derives a key in one go, and a server may ask for minutes of that */
	MAX_AUTH = 2000,       /* bytes of an authentication request: libpq reads no longer one */
	MAX_WELCOME = 1 << 20, /* bytes before the session is open: libpq makes room for any message and keeps any setting */
	AUTH_SASL = 10,
	AUTH_SASL_CONTINUE = 11,
	AUTH_SASL_FINAL = 12,
	PAUSE_MS = 5,
	SLICE_MS = 200, /* then it looks whether anybody still waits */
};

void pge_dial_fini(struct pge_dial *d)
{
	PQfinish(d->pg);
	d->pg = NULL;
	d->own = pge_own_free(d->own);
	pge_target_fini(&d->target);
}

/* ---- what the server asks for, before libpq does it ---- */

static ssize_t peek(PGconn *pg, uint8_t *to, size_t n)
{
	if (!PQsslInUse(pg))
		return recv(PQsocket(pg), to, n, MSG_PEEK | MSG_DONTWAIT);
	ERR_clear_error();
	int got = SSL_peek(PQsslStruct(pg, "OpenSSL"), to, (int)n);

	ERR_clear_error();
	return got;
}

/* RFC 5802, 5.1: the i attribute of a server-first-message. */
static uint64_t rounds_of(struct qf_slice text)
{
	uint64_t n = 0;

	for (size_t i = 0; i + 3 <= text.n; i++) {
		if (memcmp(text.p + i, ",i=", 3) != 0)
			continue;
		for (i += 3; i < text.n && text.p[i] >= '0' && text.p[i] <= '9' && n <= MAX_ROUNDS; i++)
			n = n * 10 + (text.p[i] - '0');
		break;
	}
	return n;
}

enum look { LOOK_FINE, LOOK_WAIT, LOOK_BAD };

/* One AuthenticationRequest at the front of what has arrived; *ret_n: its bytes. [PG 55.7] */
static enum look look_at_request(struct qf_slice in, size_t *ret_n, struct qf_err *err)
{
	struct qf_reader r = qf_reader(qf_slice(in.p + 1, in.n - 1));
	uint32_t len = qf_read_u32(&r), code = qf_read_u32(&r);

	if (r.err)
		return LOOK_WAIT;
	if (len < 8 || len > MAX_AUTH)
		return LOOK_FINE; /* libpq refuses it */
	if (len - 8 > r.n)
		return LOOK_WAIT;
	*ret_n = 1 + (size_t)len;
	if (code == AUTH_SASL_CONTINUE && rounds_of(qf_slice(r.p, len - 8)) > MAX_ROUNDS) {
		qf_err_set(err, QF_ELIMIT, "the server asks for more than %d rounds of SCRAM", MAX_ROUNDS);
		return LOOK_BAD;
	}
	if (code != 0 && code != AUTH_SASL_FINAL && in.n > *ret_n) {
		qf_err_set(err, QF_EMALFORMED, "the server goes on before its authentication request is answered");
		return LOOK_BAD;
	}
	return LOOK_FINE;
}

/*
 * libpq reads what is there only at the start of PQconnectPoll(), so a request that is whole now is all of what it sees.
 * What is cut is waited for, or it would read the rounds together with what was looked at here.
 */
static enum look look(PGconn *pg, struct qf_err *err)
{
	uint8_t buf[2 * MAX_AUTH];
	ssize_t got = PQstatus(pg) == CONNECTION_AWAITING_RESPONSE ? peek(pg, buf, sizeof(buf)) : 0;
	struct qf_slice in = qf_slice(buf, got > 0 ? (size_t)got : 0);
	enum look l = LOOK_FINE;

	while (in.n > 0 && in.p[0] == 'R' && l == LOOK_FINE) {
		size_t n = in.n;

		l = look_at_request(in, &n, err);
		in = qf_slice(in.p + n, in.n - n);
	}
	return l;
}

/* ---- libpq ---- */

/* The first line of libpq's text, without the SQLSTATE that it has between severity and text. */
static void libpq_failed(struct pge_dial *d)
{
	const char *text = PQerrorMessage(d->pg), *end = strchrnul(text, '\n');

	for (const char *p = text; p + 10 <= end; p++) {
		if (memcmp(p, ":  ", 3) != 0 || memcmp(p + 8, ": ", 2) != 0 || strspn(p + 3, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") < 5)
			continue;
		memcpy(d->sqlstate, p + 3, 5);
		qf_err_set(&d->err, QF_EREFUSED, "%.*s%.*s", (int)(p + 3 - text), text, (int)(end - p - 10), p + 10);
		return;
	}
	qf_err_set(&d->err, QF_ECLOSED, "%.*s", (int)(end - text), text);
}

static int timed_out(struct pge_dial *d)
{
	return qf_err_set(&d->err, QF_ECLOSED, "connecting took longer than connectTimeoutSecs");
}

bool pge_dial_is_over(const struct pge_dial *d)
{
	return qf_mono_ns() >= d->deadline_ns || atomic_load_explicit(&d->stop, memory_order_relaxed);
}

static int wait_for(struct pge_dial *d, short events)
{
	struct pollfd p = { .fd = PQsocket(d->pg), .events = events };

	while (!pge_dial_is_over(d))
		if (poll(&p, 1, SLICE_MS) > 0)
			return 0;
	return timed_out(d);
}

static int look_until_whole(struct pge_dial *d)
{
	enum look l;

	while ((l = look(d->pg, &d->err)) == LOOK_WAIT) {
		if (pge_dial_is_over(d))
			return timed_out(d);
		nanosleep(&(struct timespec){ .tv_nsec = PAUSE_MS * QF_MS }, NULL);
	}
	return l == LOOK_BAD ? d->err.code : 0;
}

/* Counts what has arrived on the socket, through TLS too. */
static int check_size(struct pge_dial *d)
{
	struct tcp_info info = { 0 };
	socklen_t n = sizeof(info);

	/* A socket of another kind leads to this machine. */
	if (getsockopt(PQsocket(d->pg), IPPROTO_TCP, TCP_INFO, &info, &n) < 0 || info.tcpi_bytes_received <= MAX_WELCOME)
		return 0;
	return qf_err_set(&d->err, QF_ELIMIT, "the server sent more than %d KiB before the session was open", MAX_WELCOME >> 10);
}

/* As if PQconnectPoll() had said PGRES_POLLING_WRITING. The socket may be another one after each call. */
static int go_on(struct pge_dial *d)
{
	PostgresPollingStatusType st = PGRES_POLLING_WRITING;

	PQsetErrorVerbosity(d->pg, PQERRORS_VERBOSE); /* the only way to the SQLSTATE of a refusal */
	while (st != PGRES_POLLING_OK) {
		int r = wait_for(d, st == PGRES_POLLING_READING ? POLLIN : POLLOUT);

		if (r == 0)
			r = look_until_whole(d);
		if (r == 0)
			r = check_size(d);
		if (r < 0)
			return r;
		st = PQconnectPoll(d->pg);
		if (st == PGRES_POLLING_FAILED) {
			libpq_failed(d);
			return QF_ECLOSED;
		}
	}
	return 0;
}

void pge_dial_run(struct pge_dial *d)
{
	if (pge_dial_is_over(d)) {
		timed_out(d);
		return;
	}
	if (d->target.keys) {
		pge_keys_login(d);
		return;
	}
	if (pge_target_connect(&d->target, &d->pg, &d->err) < 0) {
		d->pg = NULL;
		return;
	}
	if (go_on(d) == 0)
		return;
	PQfinish(d->pg);
	d->pg = NULL;
}
