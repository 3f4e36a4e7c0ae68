/*
 * The data of COPY as PostgreSQL writes it: text, CSV and binary [PG COPY, File Formats]. Pure.
 */
#ifndef QF_COPYDATA_H
#define QF_COPYDATA_H

#include "qf/bind.h"
#include "qf/pgstmt.h"

/* ---- writing -------------------------------------------------------------------------------------- */

/*
 * Appends one CopyData message with a row. datarow: body of its DataRow, in text, or in binary for QF_COPY_BINARY. force: of
 * each column, whether it is quoted in any case; may be NULL.
 */
void qf_copy_put_row(struct qf_buf *out, const struct qf_copy_format *f, struct qf_slice datarow, const bool *force);
/* The same with the line of names, for a format that has a header. */
void qf_copy_put_header(struct qf_buf *out, const struct qf_copy_format *f, const char *const *names, size_t n);
/* What stands before the first and behind the last row of the binary format; nothing for the others. */
void qf_copy_put_begin(struct qf_buf *out, const struct qf_copy_format *f);
void qf_copy_put_end(struct qf_buf *out, const struct qf_copy_format *f);

#endif
