/* Certificate, key and authorities out of files, and what all connections obey. See qf/tls.h. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "private.h"
#include "qf/secret.h"

/* Forward secrecy and AEAD, for TLS 1.2; those of TLS 1.3 have no others. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20"
static char groups[] = "X25519:P-256:P-384"; /* which a macro of OpenSSL casts */

const char *tls_reason(void)
{
	const char *text = ERR_reason_error_string(ERR_peek_error());

	ERR_clear_error();
	return text ? text : "an error without a name";
}

/* ---- files ---- */

/* OpenSSL's own words for a file that cannot be opened say little. */
static int check_readable(const char *key, const char *path, struct qf_err *reterr)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return qf_err_set(reterr, QF_ECONFIG, "queryflux.tls.%s: %s: %s", key, path, strerror(errno));
	close(fd);
	return 0;
}

static int bad_file(const char *key, const char *path, struct qf_err *reterr)
{
	return qf_err_set(reterr, QF_ECONFIG, "queryflux.tls.%s: %s: %s", key, path, tls_reason());
}

/* Nobody is there to be asked. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	*(bool *)arg = true;
	return -1;
}

static int read_certificate(struct qf_tls_config *c, const char *path, struct qf_err *reterr)
{
	int rc = check_readable("certFile", path, reterr);

	if (rc == 0 && SSL_CTX_use_certificate_chain_file(c->ctx, path) != 1)
		rc = bad_file("certFile", path, reterr);
	return rc;
}

/* The certificate is there already, and OpenSSL compares the two. */
static int bad_key(const char *path, struct qf_err *reterr)
{
	unsigned long e = ERR_peek_error();

	if (ERR_GET_LIB(e) != ERR_LIB_X509 ||
	    (ERR_GET_REASON(e) != X509_R_KEY_VALUES_MISMATCH && ERR_GET_REASON(e) != X509_R_KEY_TYPE_MISMATCH))
		return bad_file("keyFile", path, reterr);
	ERR_clear_error();
	return qf_err_set(reterr, QF_ECONFIG, "queryflux.tls.keyFile: %s is not the key of the certificate in certFile", path);
}

static int read_key(struct qf_tls_config *c, const char *path, struct qf_err *reterr)
{
	bool encrypted = false;
	int rc = check_readable("keyFile", path, reterr);

	if (rc < 0)
		return rc;
	SSL_CTX_set_default_passwd_cb(c->ctx, no_passphrase);
	SSL_CTX_set_default_passwd_cb_userdata(c->ctx, &encrypted);
	if (SSL_CTX_use_PrivateKey_file(c->ctx, path, SSL_FILETYPE_PEM) != 1)
		rc = bad_key(path, reterr);
	SSL_CTX_set_default_passwd_cb_userdata(c->ctx, NULL);
	SSL_CTX_set_default_passwd_cb(c->ctx, NULL);
	if (encrypted)
		return qf_err_set(reterr, QF_ECONFIG, "queryflux.tls.keyFile: %s: the key is encrypted and nobody can be "
				  "asked for its passphrase; store it without one", path);
	return rc;
}

/* What a ticket brings back would outlive the authorities that vouched for it. */
static int read_authorities(struct qf_tls_config *c, const char *path, struct qf_err *reterr)
{
	int rc = check_readable("clientCaFile", path, reterr);
	STACK_OF(X509_NAME) *names;

	if (rc < 0)
		return rc;
	names = SSL_load_client_CA_file(path);
	if (!names || SSL_CTX_load_verify_file(c->ctx, path) != 1) {
		sk_X509_NAME_pop_free(names, X509_NAME_free);
		return bad_file("clientCaFile", path, reterr);
	}
	SSL_CTX_set_client_CA_list(c->ctx, names);
	SSL_CTX_set_verify(c->ctx, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_options(c->ctx, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(c->ctx, 0);
	return 0;
}

static int read_file(struct qf_tls_config *c, const char *name, struct qf_err *reterr,
		     int (*read)(struct qf_tls_config *c, const char *path, struct qf_err *reterr))
{
	char *path = qf_secret_path(name);
	int rc = read(c, path, reterr);

	free(path);
	return rc;
}

/* ---- the whole ---- */

static int set_rules(struct qf_tls_config *c, const struct qf_conf_tls *conf, struct qf_err *reterr)
{
	static const unsigned char context[] = "queryflux";

	SSL_CTX_set_options(c->ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
			    SSL_OP_PRIORITIZE_CHACHA);
	SSL_CTX_set_mode(c->ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
			 SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(c->ctx, 1);
	SSL_CTX_set_session_cache_mode(c->ctx, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c->ctx, 1);
	SSL_CTX_set_alpn_select_cb(c->ctx, tls_choose_alpn, NULL);
	if (SSL_CTX_set_min_proto_version(c->ctx, conf->min_version > 0 ? TLS1_3_VERSION : TLS1_2_VERSION) == 1 &&
	    SSL_CTX_set_max_proto_version(c->ctx, 0) == 1 && SSL_CTX_set_cipher_list(c->ctx, CIPHERS) == 1 &&
	    SSL_CTX_set1_groups_list(c->ctx, groups) == 1 &&
	    SSL_CTX_set_session_id_context(c->ctx, context, sizeof(context) - 1) == 1)
		return 0;
	return qf_err_set(reterr, QF_EUNSUPPORTED, "OpenSSL: %s", tls_reason());
}

/* RFC 5929, 4.1: the hash of the certificate's signature, but SHA-256 in place of MD5 and SHA-1. */
static void hash_certificate(struct qf_tls_config *c)
{
	X509 *cert = SSL_CTX_get0_certificate(c->ctx);
	const EVP_MD *md;
	unsigned n = 0;
	int nid;

	if (X509_get_signature_info(cert, &nid, NULL, NULL, NULL) != 1 || nid == NID_undef) {
		ERR_clear_error();
		return;
	}
	md = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
	if (md && X509_digest(cert, md, c->end_point, &n) == 1)
		c->end_point_n = n;
	ERR_clear_error();
}

static int fill(struct qf_tls_config *c, const struct qf_conf_tls *conf, struct qf_err *reterr)
{
	int rc;

	c->ctx = SSL_CTX_new(TLS_server_method());
	if (!c->ctx)
		return qf_err_set(reterr, QF_EUNSUPPORTED, "OpenSSL: %s", tls_reason());
	rc = set_rules(c, conf, reterr);
	if (rc == 0)
		rc = read_file(c, conf->cert_file, reterr, read_certificate);
	if (rc == 0)
		rc = read_file(c, conf->key_file, reterr, read_key);
	if (rc == 0 && conf->client_ca_file)
		rc = read_file(c, conf->client_ca_file, reterr, read_authorities);
	if (rc == 0)
		hash_certificate(c);
	return rc;
}

int qf_tls_config_new(struct qf_tls_config **ret, const struct qf_conf_tls *conf, struct qf_err *reterr)
{
	struct qf_tls_config *c;
	int rc;

	*ret = NULL;
	if (!conf->cert_file && !conf->key_file)
		return 0;
	if (!conf->cert_file || !conf->key_file)
		return qf_err_set(reterr, QF_ECONFIG, "queryflux.tls: certFile and keyFile go together");
	ERR_clear_error();
	c = qf_xcalloc(1, sizeof(*c));
	c->refs = 1;
	rc = fill(c, conf, reterr);
	if (rc < 0)
		c = qf_tls_config_free(c);
	*ret = c;
	return rc;
}

struct qf_tls_config *qf_tls_config_ref(struct qf_tls_config *c)
{
	c->refs++;
	return c;
}

struct qf_tls_config *qf_tls_config_free(struct qf_tls_config *c)
{
	if (!c || --c->refs > 0)
		return NULL;
	SSL_CTX_free(c->ctx);
	free(c);
	return NULL;
}
