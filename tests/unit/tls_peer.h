/* The other end of TLS for tests: certificates made on the spot, and a client by OpenSSL on a non-blocking descriptor. */
#ifndef TLS_PEER_H
#define TLS_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "qf/err.h"

struct tls_files {
	char dir[64];
	char cert[96], key[96], other_key[96], ca[96];
	EVP_PKEY *pkey;
	X509 *x509;
};

static inline X509 *tls_make_cert(EVP_PKEY *key, const char *name, const EVP_MD *md)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_NAME_new();

	qf_assert(x && subject);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 86400);
	X509_set_pubkey(x, key);
	qf_assert(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const unsigned char *)name, -1, -1, 0));
	X509_set_subject_name(x, subject);
	X509_set_issuer_name(x, subject);
	X509_NAME_free(subject);
	qf_assert(X509_sign(x, key, md) > 0);
	return x;
}

static inline void tls_write_pem(const char *path, X509 *x, EVP_PKEY *key, const char *passphrase)
{
	FILE *f = fopen(path, "w");

	qf_assert(f);
	if (x)
		qf_assert(PEM_write_X509(f, x));
	if (key)
		qf_assert(PEM_write_PrivateKey(f, key, passphrase ? EVP_aes_128_cbc() : NULL,
					       (const unsigned char *)passphrase,
					       passphrase ? (int)strlen(passphrase) : 0, NULL, NULL));
	fclose(f);
}

/* A certificate of its own making for "localhost", its key, and a key that does not fit. */
static inline void tls_make_files(struct tls_files *t, EVP_PKEY *key, const EVP_MD *md)
{
	EVP_PKEY *other = EVP_EC_gen("P-256");

	snprintf(t->dir, sizeof(t->dir), "/tmp/qf-tls-XXXXXX");
	qf_assert(mkdtemp(t->dir) && key && other);
	snprintf(t->cert, sizeof(t->cert), "%s/cert", t->dir);
	snprintf(t->key, sizeof(t->key), "%s/key", t->dir);
	snprintf(t->other_key, sizeof(t->other_key), "%s/other", t->dir);
	t->pkey = key;
	t->x509 = tls_make_cert(key, "localhost", md);
	tls_write_pem(t->cert, t->x509, NULL, NULL);
	tls_write_pem(t->key, NULL, key, NULL);
	tls_write_pem(t->other_key, NULL, other, NULL);
	EVP_PKEY_free(other);
}

static inline void tls_drop_files(struct tls_files *t)
{
	unlink(t->cert);
	unlink(t->key);
	unlink(t->other_key);
	rmdir(t->dir);
	X509_free(t->x509);
	EVP_PKEY_free(t->pkey);
}

static inline SSL_CTX *tls_client_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	qf_assert(ctx);
	SSL_CTX_set_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	return ctx;
}

/* alpn: as on the wire, a length and a name; NULL: none. */
static inline SSL *tls_client(SSL_CTX *ctx, int fd, const char *alpn)
{
	SSL *ssl = SSL_new(ctx);

	qf_assert(ssl && SSL_set_fd(ssl, fd) == 1);
	if (alpn)
		SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn));
	SSL_set_connect_state(ssl);
	return ssl;
}

#endif
