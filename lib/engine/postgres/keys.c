/* SCRAM keys, and logging in by them: see keys.h. */
#include "keys.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "dial.h"
#include "qf/clock.h"
#include "qf/log.h"
#include "qf/proto/postgres.h"

#define CANCEL_NS (10 * QF_SEC)

enum { MAX_MESSAGE = 64 << 10, SLICE_MS = 200, CANCEL_REQUEST = 80877102, SSL_REQUEST = 80877103 };

/* A page each: there are as many as connections are being made. What cannot be locked is kept out of dumps at least. */
struct qf_scram_keys *pge_keys_copy(const struct qf_scram_keys *keys)
{
	struct qf_scram_keys *k = mmap(NULL, sizeof(*k), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (k == MAP_FAILED)
		return NULL;
	if (mlock(k, sizeof(*k)) < 0)
		qf_debug("memory for SCRAM keys is not locked: %s", qf_strerror(-errno));
	if (madvise(k, sizeof(*k), MADV_DONTDUMP) < 0)
		qf_debug("memory for SCRAM keys is not kept out of dumps: %s", qf_strerror(-errno));
	*k = *keys;
	return k;
}

void pge_keys_free(struct qf_scram_keys *keys)
{
	if (!keys)
		return;
	explicit_bzero(keys, sizeof(*keys));
	munmap(keys, sizeof(*keys));
}

struct pge_own *pge_own_free(struct pge_own *o)
{
	if (!o)
		return NULL;
	SSL_free(o->ssl);
	SSL_CTX_free(o->ctx);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
	return NULL;
}

/* ---- a socket with a deadline ---- */

struct peer {
	struct pge_dial *d;
	struct pge_own *own;
	struct qf_buf in, out;
	struct pge_scram scram;
	const char *host; /* as the endpoint names it */
};

static int fail(struct peer *p, const char *what)
{
	return qf_err_set(&p->d->err, QF_ECLOSED, "connection to server at \"%s\" failed: %s", p->host, what);
}

static int wait_for(struct peer *p, short events)
{
	struct pollfd f = { .fd = p->own->fd, .events = events };

	while (!pge_dial_is_over(p->d))
		if (poll(&f, 1, SLICE_MS) > 0)
			return 0;
	return fail(p, "it took longer than connectTimeoutSecs");
}

static int tls_wait(struct peer *p, int got)
{
	switch (SSL_get_error(p->own->ssl, got)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(p, POLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(p, POLLOUT);
	default:
		break;
	}
	long verify = SSL_get_verify_result(p->own->ssl);
	const char *why = ERR_reason_error_string(ERR_get_error());

	return fail(p, verify != X509_V_OK ? X509_verify_cert_error_string(verify) : why ? why : "the server closed the connection");
}

static int send_out(struct peer *p)
{
	while (p->out.n > 0) {
		ERR_clear_error();
		ssize_t n = p->own->ssl ? SSL_write(p->own->ssl, p->out.p, (int)p->out.n) :
					  send(p->own->fd, p->out.p, p->out.n, MSG_NOSIGNAL);

		int r = n > 0 ? 0 : p->own->ssl ? tls_wait(p, (int)n) : errno == EAGAIN ? wait_for(p, POLLOUT) : fail(p, strerror(errno));

		if (r < 0)
			return r;
		if (n > 0)
			qf_buf_consume(&p->out, (size_t)n);
	}
	return 0;
}

/* At least one byte more. */
static int receive(struct peer *p)
{
	for (;;) {
		uint8_t *to = qf_buf_reserve(&p->in, MAX_MESSAGE);

		ERR_clear_error();
		ssize_t n = p->own->ssl ? SSL_read(p->own->ssl, to, MAX_MESSAGE) : recv(p->own->fd, to, MAX_MESSAGE, 0);

		if (n > 0) {
			p->in.n += (size_t)n;
			return 0;
		}
		int r = p->own->ssl ? tls_wait(p, (int)n) : n == 0 ? fail(p, "the server closed the connection") :
			errno == EAGAIN ? wait_for(p, POLLIN) : fail(p, strerror(errno));

		if (r < 0)
			return r;
	}
}

/* ---- the way to the server ---- */

static const char *option(const PQconninfoOption *o, const char *key, const char *otherwise)
{
	for (; o && o->keyword; o++)
		if (strcmp(o->keyword, key) == 0 && o->val && *o->val)
			return o->val;
	return otherwise;
}

static int open_to(struct peer *p, const struct sockaddr *to, socklen_t len)
{
	struct pge_own *o = p->own;
	int err = 0;
	socklen_t n = sizeof(err);

	if (o->fd >= 0)
		close(o->fd);
	o->fd = socket(to->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (o->fd < 0)
		return fail(p, strerror(errno));
	int r = connect(o->fd, to, len);

	if (r < 0 && errno != EINPROGRESS)
		return fail(p, strerror(errno));
	if (r < 0)
		r = wait_for(p, POLLOUT);
	if (r < 0)
		return r;
	if (getsockopt(o->fd, SOL_SOCKET, SO_ERROR, &err, &n) < 0 || err)
		return fail(p, strerror(err ? err : errno));
	memcpy(&o->address, to, len);
	o->address_len = len;
	(void)setsockopt(o->fd, SOL_SOCKET, SO_KEEPALIVE, &(int){ 1 }, sizeof(int));
	return 0;
}

static int open_unix(struct peer *p, const char *dir, const char *port)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	size_t n = (size_t)snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%s", dir, port);

	if (n >= sizeof(a.sun_path))
		return fail(p, "the path of the socket is too long");
	if (a.sun_path[0] == '@')
		a.sun_path[0] = '\0';
	return open_to(p, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (a.sun_path[0] != '\0')));
}

static int open_host(struct peer *p, const char *host, const char *address, const char *port)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *all = NULL;
	int r = -1;

	p->host = host;
	if (!address && (host[0] == '/' || host[0] == '@'))
		return open_unix(p, host, port);
	int e = getaddrinfo(address ? address : host, port, &hints, &all);

	if (e != 0)
		return fail(p, gai_strerror(e));
	for (struct addrinfo *a = all; a && r < 0; a = a->ai_next)
		r = open_to(p, a->ai_addr, a->ai_addrlen);
	freeaddrinfo(all);
	if (r == 0 && p->own->address.ss_family != AF_UNIX)
		(void)setsockopt(p->own->fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
	return r;
}

/* ---- TLS ---- */

static bool is_verified(const char *mode)
{
	return strcmp(mode, "verify-ca") == 0 || strcmp(mode, "verify-full") == 0;
}

static int tls_context(struct peer *p, const PQconninfoOption *o, const char *mode)
{
	const char *ca = option(o, "sslrootcert", NULL);

	p->own->ctx = SSL_CTX_new(TLS_client_method());
	if (!p->own->ctx)
		return fail(p, "no memory for TLS");
	SSL_CTX_set_min_proto_version(p->own->ctx, TLS1_2_VERSION);
	if (!is_verified(mode))
		return 0;
	if (!ca || SSL_CTX_load_verify_locations(p->own->ctx, ca, NULL) != 1)
		return fail(p, "sslmode verify-ca and verify-full need an sslrootcert that can be read");
	SSL_CTX_set_verify(p->own->ctx, SSL_VERIFY_PEER, NULL);
	return 0;
}

static bool name_server(struct peer *p, const char *mode)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST }, *ip = NULL;
	SSL *ssl = p->own->ssl;
	bool numeric = getaddrinfo(p->host, NULL, &hints, &ip) == 0;

	if (ip)
		freeaddrinfo(ip);
	/* The macro for it casts a const away, which clang refuses; the name is copied. */
	if (!numeric && SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)p->host) != 1)
		return false;
	if (strcmp(mode, "verify-full") != 0)
		return true;
	return numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), p->host) == 1 : SSL_set1_host(ssl, p->host) == 1;
}

static int tls_begin(struct peer *p, const PQconninfoOption *o, const char *mode)
{
	int r = tls_context(p, o, mode), done;

	if (r < 0)
		return r;
	p->own->ssl = SSL_new(p->own->ctx);
	if (!p->own->ssl || SSL_set_fd(p->own->ssl, p->own->fd) != 1 || !name_server(p, mode))
		return fail(p, "TLS cannot be begun");
	while (ERR_clear_error(), (done = SSL_connect(p->own->ssl)) != 1) {
		r = tls_wait(p, done);
		if (r < 0)
			return r;
	}
	return 0;
}

/* One byte, and not more: what the server encrypts begins behind it. */
static int read_answer(struct peer *p, uint8_t *ret)
{
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = recv(p->own->fd, ret, 1, 0)) != 1)
		r = n < 0 && errno == EAGAIN ? wait_for(p, POLLIN) : fail(p, "it does not answer the request for TLS");
	return r;
}

/* As libpq's sslmode; "allow" is "prefer" here. [PG 55.2.10] */
static int negotiate_tls(struct peer *p, const PQconninfoOption *o)
{
	const char *mode = option(o, "sslmode", "prefer");
	bool must = strcmp(mode, "require") == 0 || is_verified(mode);
	uint8_t answer = 0;

	if (strcmp(mode, "disable") == 0 || p->own->address.ss_family == AF_UNIX)
		return 0;
	qf_buf_u32(&p->out, 8);
	qf_buf_u32(&p->out, SSL_REQUEST);
	int r = send_out(p);

	if (r == 0)
		r = read_answer(p, &answer);
	if (r < 0)
		return r;
	if (answer == 'S')
		return tls_begin(p, o, mode);
	return must || answer != 'N' ? fail(p, "the server does not support TLS, but sslmode asks for it") : 0;
}

/* ---- the session ---- */

static void put_pair(struct qf_buf *b, const char *name, const char *value)
{
	qf_buf_add(b, name, strlen(name) + 1);
	qf_buf_add(b, value, strlen(value) + 1);
}

static void put_startup(struct peer *p, const PQconninfoOption *o)
{
	const struct pge_target *t = &p->d->target;
	size_t at = p->out.n;

	qf_buf_u32(&p->out, 0);
	qf_buf_u32(&p->out, QF_PG_VERSION_3_0);
	put_pair(&p->out, "user", t->username);
	put_pair(&p->out, "database", t->database ? t->database : option(o, "dbname", t->username));
	put_pair(&p->out, "client_encoding", "UTF8");
	put_pair(&p->out, "application_name", option(o, "application_name", "queryflux"));
	if (option(o, "options", NULL))
		put_pair(&p->out, "options", option(o, "options", NULL));
	qf_buf_u8(&p->out, 0);
	uint32_t n = (uint32_t)(p->out.n - at);

	for (unsigned i = 0; i < 4; i++)
		p->out.p[at + i] = (uint8_t)(n >> (24 - 8 * i));
}

static void put_answer(struct peer *p, bool first, const struct qf_buf *text)
{
	qf_buf_u8(&p->out, 'p');
	if (!first) {
		qf_buf_u32(&p->out, 4 + (uint32_t)text->n);
	} else {
		qf_buf_u32(&p->out, 4 + sizeof("SCRAM-SHA-256") + 4 + (uint32_t)text->n);
		qf_buf_add(&p->out, "SCRAM-SHA-256", sizeof("SCRAM-SHA-256"));
		qf_buf_u32(&p->out, (uint32_t)text->n);
	}
	qf_buf_add_slice(&p->out, qf_buf_slice(text));
}

static bool offers_scram(struct qf_reader *r)
{
	while (r->n > 0) {
		const uint8_t *end = memchr(r->p, 0, r->n);

		if (!end)
			return false;
		if (strcmp((const char *)r->p, "SCRAM-SHA-256") == 0)
			return true;
		qf_read_bytes(r, (size_t)(end - r->p) + 1);
	}
	return false;
}

/* AuthenticationRequest [PG 55.7] */
static int authenticate(struct peer *p, struct qf_slice body)
{
	struct qf_reader r = qf_reader(body);
	uint32_t code = qf_read_u32(&r);
	bool first = code == 10 && !p->scram.nonce[0];
	struct qf_buf text;
	int rc = QF_EMALFORMED;

	if (r.err)
		return fail(p, "its request for authentication cannot be read");
	if (code == 0 && p->scram.nonce[0] && !p->scram.proved)
		return fail(p, "it lets the user in without having shown that it knows the keys itself");
	if (code == 0)
		return 0;
	qf_buf_init(&text);
	if (first && offers_scram(&r))
		rc = pge_scram_first(&p->scram, &text);
	else if (code == 11 && p->scram.nonce[0])
		rc = pge_scram_final(&p->scram, qf_slice(r.p, r.n), &text);
	else if (code == 12 && p->scram.nonce[0])
		rc = pge_scram_end(&p->scram, qf_slice(r.p, r.n));
	if (rc == 0 && code != 12)
		put_answer(p, first, &text);
	qf_buf_fini(&text);
	if (rc == 0)
		return send_out(p);
	return fail(p, code == 12 ? "the server does not know the keys of this user itself" :
			       "it does not ask for SCRAM-SHA-256, which is the only way to log in with the keys of a client");
}

static void note_parameter(struct pge_own *o, struct qf_slice body)
{
	struct qf_slice name, value;

	if (qf_pg_read_parameter_status(body, &name, &value) < 0)
		return;
	if (qf_slice_eq_str(name, "standard_conforming_strings"))
		o->odd_strings = !qf_slice_eq_str(value, "on");
	if (!qf_slice_eq_str(name, "server_version"))
		return;
	unsigned part[2] = { 0 }, k = 0;

	for (size_t i = 0; i < value.n && k < 2; i++) {
		if (value.p[i] >= '0' && value.p[i] <= '9' && part[k] < 10000)
			part[k] = part[k] * 10 + (value.p[i] - '0');
		else
			k = value.p[i] == '.' ? k + 1 : 2;
	}
	o->server_version = (int)(part[0] * 10000 + (part[0] >= 10 ? part[1] : part[1] * 100));
}

static int refused(struct peer *p, struct qf_slice body)
{
	struct qf_pg_report rep;

	if (qf_pg_read_report(body, &rep) < 0 || rep.message.n == 0)
		return fail(p, "the server sent an error that cannot be read");
	if (qf_pg_is_sqlstate(rep.sqlstate)) {
		memcpy(p->d->sqlstate, rep.sqlstate.p, 5);
		p->d->sqlstate[5] = '\0';
	}
	return qf_err_set(&p->d->err, QF_EREFUSED, "connection to server at \"%s\" failed: %.*s: %.*s", p->host, (int)rep.severity.n,
			  (const char *)rep.severity.p, (int)(rep.message.n < 200 ? rep.message.n : 200), (const char *)rep.message.p);
}

/* 1: the server is ready for statements. */
static int take(struct peer *p, char kind, struct qf_slice body)
{
	struct qf_reader r = qf_reader(body);

	switch (kind) {
	case 'R':
		return authenticate(p, body);
	case 'E':
		return refused(p, body);
	case 'S':
		note_parameter(p->own, body);
		return 0;
	case 'K':
		p->own->pid = qf_read_u32(&r);
		p->own->key = qf_read_u32(&r);
		return 0;
	case 'N':
		return 0;
	case 'Z':
		return p->in.n == 6 ? 1 : fail(p, "the server goes on unasked");
	default:
		return fail(p, "the server sent a message that does not belong to a login");
	}
}

static int converse(struct peer *p)
{
	int r = send_out(p);

	while (r == 0) {
		struct qf_reader in = qf_reader(qf_buf_slice(&p->in));
		char kind = (char)qf_read_u8(&in);
		uint32_t n = qf_read_u32(&in);

		if (!in.err && (n < 4 || n > MAX_MESSAGE))
			return fail(p, "the server sent a message of a length that does not belong to a login");
		if (in.err || n - 4 > in.n) {
			r = pge_dial_is_over(p->d) ? fail(p, "it took longer than connectTimeoutSecs") : receive(p);
			continue;
		}
		r = take(p, kind, qf_slice(in.p, n - 4));
		qf_buf_consume(&p->in, 1 + (size_t)n);
	}
	return r < 0 ? r : 0;
}

static int log_in(struct peer *p, const PQconninfoOption *o)
{
	int r = negotiate_tls(p, o);

	if (r < 0)
		return r;
	put_startup(p, o);
	return converse(p);
}

/* What a trusted server lets anybody do proves nothing: who it let in without the exchange may be let in. */
void pge_keys_login(struct pge_dial *d)
{
	struct peer p = { .d = d, .scram = { .keys = d->target.keys }, .host = "" };
	PQconninfoOption *o = PQconninfoParse(d->target.endpoint, NULL);
	const char *host = option(o, "host", option(o, "hostaddr", "/var/run/postgresql"));
	int r;

	p.own = qf_xcalloc(1, sizeof(*p.own));
	p.own->fd = -1;
	if (!o || option(o, "service", NULL) || strchr(host, ',') || strcmp(option(o, "channel_binding", "prefer"), "require") == 0)
		r = qf_err_set(&d->err, QF_ECONFIG, "with queryAuth scramKeys the endpoint names one host: no list, no service, no channel_binding");
	else
		r = open_host(&p, host, option(o, "hostaddr", NULL), option(o, "port", "5432"));
	if (r == 0)
		r = log_in(&p, o);
	d->own = r == 0 ? p.own : pge_own_free(p.own);
	pge_scram_fini(&p.scram);
	qf_buf_fini(&p.in);
	qf_buf_fini(&p.out);
	if (o)
		PQconninfoFree(o);
}

/* ---- cancels ---- */

void pge_own_cancel(const struct sockaddr *to, socklen_t len, uint32_t pid, uint32_t key)
{
	struct pge_dial d = { .deadline_ns = qf_mono_ns() + CANCEL_NS };
	struct peer p = { .d = &d, .host = "" };

	p.own = qf_xcalloc(1, sizeof(*p.own));
	p.own->fd = -1;
	qf_buf_u32(&p.out, 16);
	qf_buf_u32(&p.out, CANCEL_REQUEST);
	qf_buf_u32(&p.out, pid);
	qf_buf_u32(&p.out, key);
	if (open_to(&p, to, len) == 0 && send_out(&p) == 0)
		(void)receive(&p); /* the server closes when the signal has been sent */
	pge_own_free(p.own);
	qf_buf_fini(&p.in);
	qf_buf_fini(&p.out);
}
