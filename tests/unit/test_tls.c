/* TLS: files that are wrong, handshakes that are allowed and refused, data, ends, and the hash for channel binding. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>

#include <cmocka.h>

#include "qf/tls.h"
#include "tls_peer.h"

static struct tls_files files; /* P-256, SHA-256 */
static char encrypted_key[96];

static int set_up(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_DFL); /* nothing here may raise it */
	tls_make_files(&files, EVP_EC_gen("P-256"), EVP_sha256());
	snprintf(encrypted_key, sizeof(encrypted_key), "%s/encrypted", files.dir);
	tls_write_pem(encrypted_key, NULL, files.pkey, "secret");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(encrypted_key);
	tls_drop_files(&files);
	return 0;
}

static struct qf_conf_tls good_conf(void)
{
	return (struct qf_conf_tls){ .cert_file = files.cert, .key_file = files.key };
}

static struct qf_tls_config *good_config(const struct qf_conf_tls *conf)
{
	struct qf_tls_config *c;
	struct qf_err err = { 0 };

	if (qf_tls_config_new(&c, conf, &err) < 0)
		fail_msg("%s", err.text);
	return c;
}

/* ---- files ---- */

static void files_that_are_wrong(void **state)
{
	static const struct {
		const char *name, *cert, *key, *ca, *says;
	} cases[] = {
		{ "no certificate", "/nonexistent/cert", files.key, NULL, "certFile: /nonexistent/cert: No such file" },
		{ "a directory", "/tmp", files.key, NULL, "certFile: /tmp: " },
		{ "a key for a certificate", files.key, files.key, NULL, "certFile: " },
		{ "no key", files.cert, "/nonexistent/key", NULL, "keyFile: /nonexistent/key: No such file" },
		{ "a certificate for a key", files.cert, files.cert, NULL, "keyFile: " },
		{ "another's key", files.cert, files.other_key, NULL, "is not the key of the certificate" },
		{ "an encrypted key", files.cert, encrypted_key, NULL, "is encrypted" },
		{ "no authorities", files.cert, files.key, "/nonexistent/ca", "clientCaFile: /nonexistent/ca: No such" },
		{ "authorities that are none", files.cert, files.key, files.key, "clientCaFile: " },
		{ "half of it", files.cert, NULL, NULL, "go together" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_conf_tls conf = {
			.cert_file = cases[i].cert, .key_file = cases[i].key, .client_ca_file = cases[i].ca
		};
		struct qf_tls_config *c = (void *)&conf;
		struct qf_err err = { 0 };

		if (qf_tls_config_new(&c, &conf, &err) != QF_ECONFIG || c || !strstr(err.text, cases[i].says))
			fail_msg("%s: \"%s\"", cases[i].name, err.text);
	}
}

static void without_files_there_is_no_tls(void **state)
{
	struct qf_conf_tls conf = { 0 };
	struct qf_tls_config *c = (void *)&conf;

	(void)state;
	assert_int_equal(qf_tls_config_new(&c, &conf, NULL), 0);
	assert_null(c);
	assert_null(qf_tls_config_free(NULL));
	assert_null(qf_tls_free(NULL));
}

static void a_bare_name_is_a_credential(void **state)
{
	struct qf_conf_tls conf = { .cert_file = "cert", .key_file = "key" };

	(void)state;
	setenv("CREDENTIALS_DIRECTORY", files.dir, 1);
	qf_tls_config_free(good_config(&conf));
	unsetenv("CREDENTIALS_DIRECTORY");
}

/* ---- two ends of a socket ---- */

struct pair {
	int fd[2]; /* ours, the client's */
	struct qf_tls *ours;
	SSL *client;
	SSL_CTX *ctx;
	ssize_t last; /* what our side's last call gave */
};

static void pair_open(struct pair *p, const struct qf_conf_tls *conf, const char *alpn, bool direct)
{
	struct qf_tls_config *c = good_config(conf);

	*p = (struct pair){ .ctx = tls_client_ctx() };
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, p->fd), 0);
	p->ours = qf_tls_new(c, p->fd[0], "postgresql", direct);
	qf_tls_config_free(c); /* the connection holds it from here on */
	p->client = tls_client(p->ctx, p->fd[1], alpn);
}

static void pair_close(struct pair *p)
{
	qf_tls_free(p->ours);
	SSL_free(p->client);
	SSL_CTX_free(p->ctx);
	close(p->fd[0]);
	close(p->fd[1]);
}

/* Until the client has sent `text` and we have read it, or either fails. */
static bool talk(struct pair *p, const char *text, char got[64])
{
	unsigned wants = 0;
	bool sent = false;
	size_t n = 0;

	memset(got, 0, 64);
	for (int i = 0; i < 100 && n < strlen(text); i++) {
		int r = sent ? 1 : SSL_write(p->client, text, (int)strlen(text));

		sent |= r > 0;
		if (r <= 0 && SSL_get_error(p->client, r) != SSL_ERROR_WANT_READ)
			return false;
		p->last = qf_tls_read(p->ours, got + n, 63 - n, &wants);
		if (p->last == 0 || (p->last < 0 && p->last != -EAGAIN))
			return false;
		if (p->last == -EAGAIN)
			assert_int_equal(wants, EPOLLIN);
		n += p->last > 0 ? (size_t)p->last : 0;
	}
	return !strcmp(got, text);
}

static void handshakes(void **state)
{
	static const struct {
		const char *name, *alpn;
		bool direct, ok;
		int max_version;
		const char *ciphers;
		unsigned min_version;
		const char *says;
	} cases[] = {
		{ .name = "TLS 1.3", .ok = true },
		{ .name = "TLS 1.2", .ok = true, .max_version = TLS1_2_VERSION },
		{ .name = "1.2 where 1.3 is asked for", .max_version = TLS1_2_VERSION, .min_version = 1,
		  .says = "unsupported protocol" },
		{ .name = "TLS 1.1", .max_version = TLS1_1_VERSION, .ciphers = "ALL:@SECLEVEL=0",
		  .says = "unsupported protocol" },
		{ .name = "CBC", .max_version = TLS1_2_VERSION, .ciphers = "ECDHE-ECDSA-AES128-SHA256",
		  .says = "no shared cipher" },
		{ .name = "direct", .alpn = "\012postgresql", .direct = true, .ok = true },
		{ .name = "direct, among others", .alpn = "\002h2\012postgresql", .direct = true, .ok = true },
		{ .name = "direct without ALPN", .direct = true, .says = "without its protocol" },
		{ .name = "another protocol", .alpn = "\002h2", .says = "no application protocol" },
		{ .name = "asked for with ALPN", .alpn = "\012postgresql", .ok = true },
	};
	char got[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_conf_tls conf = good_conf();
		struct pair p;

		conf.min_version = cases[i].min_version;
		pair_open(&p, &conf, cases[i].alpn, cases[i].direct);
		if (cases[i].max_version)
			SSL_set_max_proto_version(p.client, cases[i].max_version);
		SSL_set_min_proto_version(p.client, TLS1_VERSION);
		if (cases[i].ciphers)
			SSL_set_cipher_list(p.client, cases[i].ciphers);
		if (talk(&p, "hello", got) != cases[i].ok)
			fail_msg("%s: \"%s\", %s", cases[i].name, got, qf_tls_error(p.ours));
		if (!cases[i].ok && !strstr(qf_tls_error(p.ours), cases[i].says))
			fail_msg("%s: %s", cases[i].name, qf_tls_error(p.ours));
		assert_int_equal(qf_tls_established(p.ours), cases[i].ok);
		if (cases[i].ok)
			assert_string_equal(qf_tls_version(p.ours), cases[i].max_version ? "TLSv1.2" : "TLSv1.3");
		pair_close(&p);
	}
}

static void what_is_no_tls_is_refused(void **state)
{
	static const char *const cases[] = { "GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\xff\xff\1\0\0", "\0\0\0\x08\x04\xd2\x16\x2f" };
	struct qf_conf_tls conf = good_conf();
	char got[64];
	unsigned wants;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pair p;

		pair_open(&p, &conf, NULL, false);
		assert_true(send(p.fd[1], cases[i], 8, 0) == 8);
		assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), -EPROTO);
		assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), -EPROTO);
		assert_int_equal(qf_tls_write(p.ours, got, sizeof(got), &wants), -EPROTO);
		assert_int_equal(qf_tls_pending(p.ours), 0);
		pair_close(&p);
	}
}

/* ---- data ---- */

static void what_is_read_in_pieces_is_pending(void **state)
{
	struct qf_conf_tls conf = good_conf();
	struct pair p;
	char got[64];
	unsigned wants;

	(void)state;
	pair_open(&p, &conf, NULL, false);
	assert_true(talk(&p, "a", got));
	assert_int_equal(qf_tls_pending(p.ours), 0);
	assert_int_equal(SSL_write(p.client, "0123456789", 10), 10);
	assert_int_equal(SSL_write(p.client, "abc", 3), 3); /* a record of its own, read ahead */
	assert_int_equal(qf_tls_read(p.ours, got, 4, &wants), 4);
	assert_int_equal(qf_tls_pending(p.ours), 6);
	assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), 6);
	assert_true(qf_tls_pending(p.ours) > 0);
	assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), 3);
	assert_int_equal(qf_tls_pending(p.ours), 0);
	assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), -EAGAIN);
	assert_int_equal(wants, EPOLLIN);
	pair_close(&p);
}

/* The caller's buffer may have moved and grown before it tries again. */
static void a_full_socket_takes_the_rest_later(void **state)
{
	enum { ALL = 1 << 20 };
	struct qf_conf_tls conf = good_conf();
	struct pair p;
	char *data = malloc(ALL), got[64], in[16384];
	size_t sent = 0, read = 0;
	unsigned wants = 0;
	bool was_full = false;

	(void)state;
	pair_open(&p, &conf, NULL, false);
	assert_true(talk(&p, "a", got));
	for (size_t i = 0; i < ALL; i++)
		data[i] = (char)(i * 7 + (i >> 9));
	while (read < ALL) {
		ssize_t n = 1;

		while (sent < ALL && (n = qf_tls_write(p.ours, data + sent, ALL - sent, &wants)) > 0)
			sent += (size_t)n;
		if (n < 0) {
			char *moved = malloc(ALL);

			assert_int_equal(n, -EAGAIN);
			assert_int_equal(wants, EPOLLOUT);
			was_full = true;
			memcpy(moved, data, ALL);
			memset(data, 0xee, ALL);
			free(data);
			data = moved;
		}
		int r = SSL_read(p.client, in, sizeof(in));

		assert_true(r > 0);
		assert_memory_equal(in, data + read, (size_t)r);
		read += (size_t)r;
	}
	assert_true(was_full);
	free(data);
	pair_close(&p);
}

/* ---- ends ---- */

static void the_end_of_a_stream_is_told_from_a_cut(void **state)
{
	struct qf_conf_tls conf = good_conf();
	struct pair p;
	char got[64];
	unsigned wants;

	(void)state;
	for (int whole = 0; whole < 2; whole++) {
		pair_open(&p, &conf, NULL, false);
		assert_true(talk(&p, "a", got));
		if (whole)
			SSL_shutdown(p.client);
		shutdown(p.fd[1], SHUT_WR);
		assert_int_equal(qf_tls_read(p.ours, got, sizeof(got), &wants), whole ? 0 : -EPROTO);
		if (!whole)
			assert_non_null(strstr(qf_tls_error(p.ours), "without a close"));
		pair_close(&p);
	}
}

static void our_end_is_told(void **state)
{
	struct qf_conf_tls conf = good_conf();
	struct pair p;
	char got[64];
	int r;

	(void)state;
	pair_open(&p, &conf, NULL, false);
	qf_tls_shutdown(p.ours); /* too early: says nothing */
	assert_true(talk(&p, "a", got));
	qf_tls_shutdown(p.ours);
	r = SSL_read(p.client, got, sizeof(got));
	assert_int_equal(SSL_get_error(p.client, r), SSL_ERROR_ZERO_RETURN);
	pair_close(&p);
}

static void a_client_that_is_gone_raises_no_signal(void **state)
{
	struct qf_conf_tls conf = good_conf();
	struct pair p;
	char got[64];
	unsigned wants;

	(void)state;
	pair_open(&p, &conf, NULL, false);
	assert_true(talk(&p, "a", got));
	shutdown(p.fd[1], SHUT_RDWR);
	assert_int_equal(qf_tls_write(p.ours, got, sizeof(got), &wants), -EPROTO);
	qf_tls_shutdown(p.ours);
	pair_close(&p);
}

/* ---- certificates ---- */

static void clients_certificates(void **state)
{
	static const struct {
		const char *name;
		const char *cn; /* NULL: none is shown */
		bool trusted, ok;
	} cases[] = {
		{ "none", NULL, false, true },
		{ "a good one", "alice", true, true },
		{ "of nobody we know", "alice", false, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct qf_conf_tls conf = good_conf();
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = tls_make_cert(key, cases[i].cn ? cases[i].cn : "nobody", EVP_sha256());
		char ca[96], got[64];
		struct pair p;

		snprintf(ca, sizeof(ca), "%s/ca", files.dir);
		tls_write_pem(ca, cases[i].trusted ? x : files.x509, NULL, NULL);
		conf.client_ca_file = ca;
		pair_open(&p, &conf, NULL, false);
		if (cases[i].cn) {
			assert_int_equal(SSL_use_certificate(p.client, x), 1);
			assert_int_equal(SSL_use_PrivateKey(p.client, key), 1);
		}
		if (talk(&p, "a", got) != cases[i].ok)
			fail_msg("%s: %s", cases[i].name, qf_tls_error(p.ours));
		if (cases[i].ok && cases[i].cn)
			assert_string_equal(qf_tls_peer_name(p.ours), cases[i].cn);
		else
			assert_null(qf_tls_peer_name(p.ours));
		pair_close(&p);
		unlink(ca);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

static void the_end_point_is_the_certificates_hash(void **state)
{
	static const struct {
		const char *name, *key, *md, *as;
	} cases[] = {
		{ "SHA-256", "EC", "SHA256", "SHA256" },
		{ "SHA-384", "EC", "SHA384", "SHA384" },
		{ "SHA-512 of RSA", "RSA", "SHA512", "SHA512" },
		{ "one without a hash", "ED25519", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		EVP_PKEY *key = !strcmp(cases[i].key, "EC")    ? EVP_EC_gen("P-256") :
				!strcmp(cases[i].key, "RSA") ? EVP_RSA_gen(2048) :
							       EVP_PKEY_Q_keygen(NULL, NULL, cases[i].key);
		struct tls_files f;
		struct pair p;
		uint8_t want[EVP_MAX_MD_SIZE];
		unsigned n = 0;

		tls_make_files(&f, key, cases[i].md ? EVP_get_digestbyname(cases[i].md) : NULL);
		pair_open(&p, &(struct qf_conf_tls){ .cert_file = f.cert, .key_file = f.key }, NULL, false);
		if (cases[i].as)
			X509_digest(f.x509, EVP_get_digestbyname(cases[i].as), want, &n);
		if (!qf_slice_eq(qf_tls_end_point(p.ours), qf_slice(want, n)))
			fail_msg("%s: %zu bytes", cases[i].name, qf_tls_end_point(p.ours).n);
		pair_close(&p);
		tls_drop_files(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_that_are_wrong),
		cmocka_unit_test(without_files_there_is_no_tls),
		cmocka_unit_test(a_bare_name_is_a_credential),
		cmocka_unit_test(handshakes),
		cmocka_unit_test(what_is_no_tls_is_refused),
		cmocka_unit_test(what_is_read_in_pieces_is_pending),
		cmocka_unit_test(a_full_socket_takes_the_rest_later),
		cmocka_unit_test(the_end_of_a_stream_is_told_from_a_cut),
		cmocka_unit_test(our_end_is_told),
		cmocka_unit_test(a_client_that_is_gone_raises_no_signal),
		cmocka_unit_test(clients_certificates),
		cmocka_unit_test(the_end_point_is_the_certificates_hash),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
