/* One connection. See qf/tls.h. */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "private.h"

/* ---- the socket below: OpenSSL's own would use write(), which raises SIGPIPE ---- */

static int bio_fd(BIO *b)
{
	return (int)(intptr_t)BIO_get_data(b);
}

static int after(BIO *b, ssize_t n, int retry_flags)
{
	BIO_clear_retry_flags(b);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		BIO_set_flags(b, retry_flags | BIO_FLAGS_SHOULD_RETRY);
	return (int)n;
}

static int bio_write(BIO *b, const char *from, int n)
{
	return after(b, send(bio_fd(b), from, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *b, char *to, int n)
{
	return after(b, recv(bio_fd(b), to, (size_t)n, MSG_DONTWAIT), BIO_FLAGS_READ);
}

static long bio_ctrl(BIO *b, int command, long n, void *p)
{
	(void)b;
	(void)n;
	(void)p;
	return command == BIO_CTRL_FLUSH;
}

/* Made once, by the one loop thread; it lives as long as the process. */
static BIO_METHOD *socket_method(void)
{
	static BIO_METHOD *m;

	if (m)
		return m;
	m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "socket");
	qf_assert(m && BIO_meth_set_write(m, bio_write) == 1 && BIO_meth_set_read(m, bio_read) == 1 &&
		  BIO_meth_set_ctrl(m, bio_ctrl) == 1);
	return m;
}

/* ---- ALPN [RFC 7301] ---- */

int tls_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
		    void *arg)
{
	const struct qf_tls *t = SSL_get_app_data(ssl);
	struct qf_reader r = qf_reader(qf_slice(in, in_n));

	(void)arg;
	while (r.n > 0 && !r.err) {
		struct qf_slice name = qf_read_bytes(&r, qf_read_u8(&r));

		if (r.err || !qf_slice_eq_str(name, t->alpn))
			continue;
		*out = name.p;
		*out_n = (unsigned char)name.n;
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static bool alpn_was_chosen(const struct qf_tls *t)
{
	const unsigned char *name;
	unsigned n;

	SSL_get0_alpn_selected(t->ssl, &name, &n);
	return n > 0;
}

/* ---- the client's certificate ---- */

/* One common name, without a NUL that would hide the rest of it; caller frees. */
static char *common_name(X509 *cert)
{
	const X509_NAME *subject = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	char *name = NULL;
	int n;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return NULL;
	n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (n > 0 && !memchr(utf8, 0, (size_t)n))
		name = qf_slice_dup(qf_slice(utf8, (size_t)n));
	OPENSSL_free(utf8);
	return name;
}

static void note_peer(struct qf_tls *t)
{
	X509 *cert = SSL_get0_peer_certificate(t->ssl);

	if (cert && SSL_get_verify_result(t->ssl) == X509_V_OK)
		t->peer_name = common_name(cert);
}

/* ---- handshake, reading, writing ---- */

static ssize_t broken(struct qf_tls *t, const char *why)
{
	t->broken = true;
	t->error = why;
	return -EPROTO;
}

static ssize_t wait_for(unsigned *ret_wants, unsigned events)
{
	*ret_wants = events;
	return -EAGAIN;
}

/* Why a call of OpenSSL did nothing. */
static ssize_t outcome(struct qf_tls *t, int r, unsigned *ret_wants)
{
	int saved = errno;

	switch (SSL_get_error(t->ssl, r)) {
	case SSL_ERROR_WANT_READ:
		t->starved = true;
		return wait_for(ret_wants, EPOLLIN);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(ret_wants, EPOLLOUT);
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		ERR_clear_error();
		return broken(t, saved ? strerrordesc_np(saved) : "the connection ended without a close of TLS");
	default:
		return broken(t, tls_reason());
	}
}

/* 1: it is over. */
static ssize_t shake_hands(struct qf_tls *t, unsigned *ret_wants)
{
	int r;

	errno = 0;
	r = SSL_accept(t->ssl);
	if (r != 1) {
		ssize_t n = outcome(t, r, ret_wants);

		return n ? n : broken(t, "the client closed within the handshake");
	}
	if (t->direct && !alpn_was_chosen(t))
		return broken(t, "direct TLS without its protocol in ALPN");
	t->established = true;
	note_peer(t);
	return 1;
}

/* 1: go on. OpenSSL's queue of errors belongs to the thread, and only an empty one tells about this call. */
static ssize_t begin(struct qf_tls *t, unsigned *ret_wants)
{
	if (t->broken)
		return -EPROTO;
	ERR_clear_error();
	return t->established ? 1 : shake_hands(t, ret_wants);
}

ssize_t qf_tls_read(struct qf_tls *t, void *to, size_t n, unsigned *ret_wants)
{
	ssize_t go = begin(t, ret_wants);
	size_t got;
	int r;

	if (go != 1)
		return go;
	errno = 0;
	t->starved = false;
	r = SSL_read_ex(t->ssl, to, n, &got);
	return r == 1 ? (ssize_t)got : outcome(t, r, ret_wants);
}

ssize_t qf_tls_write(struct qf_tls *t, const void *from, size_t n, unsigned *ret_wants)
{
	ssize_t go = begin(t, ret_wants);
	size_t took;
	int r;

	if (go != 1)
		return go;
	errno = 0;
	r = SSL_write_ex(t->ssl, from, n, &took);
	if (r == 1)
		return (ssize_t)took;
	go = outcome(t, r, ret_wants);
	return go ? go : broken(t, "written after the end");
}

void qf_tls_shutdown(struct qf_tls *t)
{
	if (!t->established || t->broken)
		return;
	ERR_clear_error();
	if (SSL_shutdown(t->ssl) < 0)
		ERR_clear_error();
}

/* ---- what is known of it ---- */

bool qf_tls_established(const struct qf_tls *t)
{
	return t->established;
}

size_t qf_tls_pending(const struct qf_tls *t)
{
	int n = SSL_pending(t->ssl);

	if (t->broken)
		return 0;
	return n > 0 ? (size_t)n : !t->starved && SSL_has_pending(t->ssl);
}

const char *qf_tls_error(const struct qf_tls *t)
{
	return t->error ? t->error : "no error";
}

const char *qf_tls_version(const struct qf_tls *t)
{
	return SSL_get_version(t->ssl);
}

const char *qf_tls_peer_name(const struct qf_tls *t)
{
	return t->peer_name;
}

struct qf_slice qf_tls_end_point(const struct qf_tls *t)
{
	return qf_slice(t->config->end_point, t->config->end_point_n);
}

/* ---- life ---- */

struct qf_tls *qf_tls_new(struct qf_tls_config *c, int fd, const char *alpn, bool direct)
{
	struct qf_tls *t = qf_xcalloc(1, sizeof(*t));
	BIO *bio = BIO_new(socket_method());

	t->config = qf_tls_config_ref(c);
	t->alpn = alpn;
	t->direct = direct;
	t->ssl = SSL_new(c->ctx);
	qf_assert(t->ssl && bio); /* out of memory */
	BIO_set_data(bio, (void *)(intptr_t)fd);
	BIO_set_init(bio, 1);
	SSL_set_bio(t->ssl, bio, bio);
	SSL_set_app_data(t->ssl, t);
	SSL_set_accept_state(t->ssl);
	return t;
}

struct qf_tls *qf_tls_free(struct qf_tls *t)
{
	if (!t)
		return NULL;
	SSL_free(t->ssl);
	qf_tls_config_free(t->config);
	free(t->peer_name);
	free(t);
	return NULL;
}
