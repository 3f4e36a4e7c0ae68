/* Inside the reader of COPY's data: lines, then what stands in them. See qf/copydata.h. */
#ifndef QF_PROTO_PG_COPYREAD_H
#define QF_PROTO_PG_COPYREAD_H

#include "qf/copydata.h"

enum { COPY_ROW_MAX = 64 << 20 };

enum copy_eol { COPY_EOL_UNKNOWN, COPY_EOL_NL, COPY_EOL_CR, COPY_EOL_CRNL };

struct qf_copy_reader {
	const struct qf_copy_format *f;
	const char *const *names;
	size_t n;
	struct qf_buf in;
	size_t taken;	/* of it, by the row that was given last */
	bool closed;	/* nothing more comes */
	bool ended;	/* the end of the data was read */
	bool begun;	/* the header was read */
	uint64_t line;
	/* text and CSV: how far the end of the line was searched */
	size_t at;
	bool in_quote, was_escape;
	enum copy_eol eol;
	struct qf_buf plain; /* values without their escapes; as large as the line */
	bool *force_null, *force_not_null;
};

int copy_fail(struct qf_copy_error *e, const char *sqlstate, const char *hint, const char *fmt, ...) qf_printf(4, 5);
/* 1: the next line without its end, and how many bytes it takes with that; 0: it is not there. */
int copy_line(struct qf_copy_reader *r, struct qf_slice *ret, size_t *ret_taken, struct qf_copy_error *e);
/* The values of a line; there are n. */
int copy_fields(struct qf_copy_reader *r, struct qf_slice line, struct qf_value *ret, struct qf_copy_error *e);
int copy_header(struct qf_copy_reader *r, struct qf_slice line, struct qf_copy_error *e);
/* As qf_copy_next(). */
int copy_binary(struct qf_copy_reader *r, struct qf_value *ret, struct qf_copy_error *e);

#endif
