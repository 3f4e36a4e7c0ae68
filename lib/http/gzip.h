/*
 * A body as gzip in the chunked coding, a step at a time, so that the loop does other things between the steps. Holds a
 * reference of the body. One loop thread.
 */
#ifndef QF_HTTP_GZIP_H
#define QF_HTTP_GZIP_H

#include "qf/http.h"

struct http_gzip;

/* What one takes: zlib's window, hash and output at these settings, and a chunk on its way. */
enum { HTTP_GZIP_BYTES = 384 * 1024 };

/* NULL when zlib has no memory: the body goes out as it is. */
struct http_gzip *http_gzip_new(struct qf_http_body *body);
struct http_gzip *http_gzip_free(struct http_gzip *z);
/* Compresses up to 64 KiB and appends what came of it, maybe nothing, to out. False when that was the end. */
bool http_gzip_step(struct http_gzip *z, struct qf_buf *out);

/* What Accept-Encoding says [RFC 9110, 12.5.3]; an absent one is no. */
bool http_gzip_accepted(struct qf_slice accept_encoding);

#endif
