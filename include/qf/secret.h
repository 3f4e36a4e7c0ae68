/*
 * Secrets in files: passwords, tokens, keys. A name without / is looked for in $CREDENTIALS_DIRECTORY, where the service
 * manager puts what it decrypted. Errors name the file, never what stands in it. Any thread.
 */
#ifndef QF_SECRET_H
#define QF_SECRET_H

#include "qf/buf.h"

enum { QF_SECRET_MAX = 64 * 1024 }; /* bytes of such a file */

char *qf_secret_path(const char *file); /* caller frees */
/* The whole file, appended to an empty buffer; the caller ends with qf_secret_wipe(). key: of the configuration. */
int qf_secret_read(struct qf_buf *ret, const char *key, const char *file, struct qf_err *reterr) qf_must_check;
void qf_secret_wipe(struct qf_buf *b); /* and frees */
/* The first line, which is not empty; the caller ends with qf_secret_free(). */
int qf_secret_line(char **ret, const char *key, const char *file, struct qf_err *reterr) qf_must_check;
char *qf_secret_free(char *s); /* wipes; NULL is fine; returns NULL */

#endif
