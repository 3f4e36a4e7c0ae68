/*
 * Rows on their way from the hub to the client: Arrow batches in, DataRow messages into the connection's
 * output; or the engine's own messages, which pass as they are. Never more than the socket takes: what could
 * not be written yet waits as a copy of its batch; the stream's window bounds how many. A batch is given back
 * to the window when its last byte was sent.
 */
#ifndef QF_FRONTEND_PG_RESULT_H
#define QF_FRONTEND_PG_RESULT_H

#include "conn.h"
#include "qf/copydata.h"
#include "qf/frontend.h"
#include "qf/types.h"

enum { PG_MARKS = 16 };

struct pg_result {
	struct pg_conn *conn;
	struct qf_text_style style;    /* formats are borrowed until the end */
	enum qf_encoding encoding;
	struct qf_rowset *rows;	       /* of Arrow */
	const struct qf_copy_stmt *copy; /* its rows are the data of this COPY … */
	bool *force;			 /* … with these columns in quotes */
	struct qf_buf scratch;		 /* a DataRow on its way to that */
	uint64_t skip;			 /* rows of Arrow that are still left out */
	struct qf_list waiting;	       /* struct batch, oldest first */
	uint64_t row, n_rows;	       /* of the oldest, when it is loaded */
	bool loaded;
	struct {
		uint64_t at;   /* the connection's sent_bytes when these are out */
		size_t bytes;  /* of batches */
	} marks[PG_MARKS];     /* oldest first */
	unsigned n_marks;
	bool failed;
	enum qf_stage stage;	   /* then: where PostgreSQL would have said it */
	struct qf_sql_error error; /* then */
};

void pg_result_init(struct pg_result *r, struct pg_conn *conn, const struct qf_text_style *style);
void pg_result_fini(struct pg_result *r);
/*
 * What the rows have. Appends the RowDescription to description, or for a COPY the message that begins it. Like the next
 * two it sets r->failed when the rows cannot be told to the client.
 */
void pg_result_columns(struct pg_result *r, enum qf_encoding enc, struct qf_slice schema, struct qf_buf *description);
void pg_result_rows(struct pg_result *r, struct qf_slice batch);
/* Encodes what there is room for. True when nothing waits any more. */
bool pg_result_continue(struct pg_result *r);
/* Behind the last row: what the data of a COPY ends with. */
void pg_result_end_copy(struct pg_result *r);
/* Bytes of batches whose rows were sent since the last call. */
size_t pg_result_sent(struct pg_result *r);
/* It cannot be told to the client, for this reason. */
void pg_result_fail(struct pg_result *r, enum qf_stage stage, const struct qf_sql_error *e);

#endif
