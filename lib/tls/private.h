/* What a TLS configuration and its connections share: config.c, conn.c. See qf/tls.h. */
#ifndef QF_TLS_PRIVATE_H
#define QF_TLS_PRIVATE_H

#include <openssl/ssl.h>

#include "qf/tls.h"

struct qf_tls_config {
	unsigned refs; /* holders */
	SSL_CTX *ctx;
	uint8_t end_point[EVP_MAX_MD_SIZE];
	size_t end_point_n;
};

struct qf_tls {
	struct qf_tls_config *config;
	SSL *ssl;
	const char *alpn;  /* constant text of the owner */
	bool direct;
	bool established, broken;
	bool starved;	   /* what OpenSSL holds of the input is not a whole record */
	char *peer_name;
	const char *error; /* constant text, ours or OpenSSL's */
};

/* OpenSSL's words for the first error of its queue, which is empty after. Never NULL. */
const char *tls_reason(void);
/* SSL_CTX_set_alpn_select_cb() */
int tls_choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in, unsigned in_n,
		    void *arg);

#endif
