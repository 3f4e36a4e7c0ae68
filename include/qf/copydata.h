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

/* ---- reading -------------------------------------------------------------------------------------- */

/* Reads what COPY FROM is given, in pieces of any size, row by row. One thread at a time. */
struct qf_copy_reader;

struct qf_copy_error {
	char sqlstate[6];
	char text[300], hint[100];
};

/* names: of the n columns; they and what f points to are borrowed. */
struct qf_copy_reader *qf_copy_reader_new(const struct qf_copy_format *f, const char *const *names, size_t n);
struct qf_copy_reader *qf_copy_reader_free(struct qf_copy_reader *r); /* NULL is fine; returns NULL */
void qf_copy_feed(struct qf_copy_reader *r, struct qf_slice bytes); /* copied; body of CopyData */
void qf_copy_close(struct qf_copy_reader *r); /* nothing more comes */
/*
 * 1: ret has the n values of the next row, borrowed until the next call; 0: there is none (yet); -EINVAL with PostgreSQL's
 * words. After an error nothing more is read.
 */
int qf_copy_next(struct qf_copy_reader *r, struct qf_value *ret, struct qf_copy_error *reterr) qf_must_check;
uint64_t qf_copy_line(const struct qf_copy_reader *r); /* of the last row, or of the error; 1-based */

#endif
