/*
 * Rows on their way from the hub to pages: Arrow batches in, the JSON of the page that is being filled out.
 *
 * A batch waits as a copy until the page has taken its last row; it is given back to the stream's window when
 * that page is handed out. So what waits here, with the page being filled, is bounded by the window: a client
 * that stops asking stalls the engine. Work is done in steps, so that the loop is not held for long.
 */
#ifndef QF_FRONTEND_TRINO_RESULT_H
#define QF_FRONTEND_TRINO_RESULT_H

#include "qf/frontend.h"
#include "qf/proto/trino.h"
#include "qf/types.h"

struct tr_result {
	const char *id;
	const struct qf_trino_style *style;
	struct qf_rowset *rows;
	struct qf_buf columns;	 /* JSON; empty while not known */
	struct qf_list waiting;	 /* struct batch, oldest first */
	uint64_t row, n_rows;	 /* of the oldest, when it is loaded */
	bool loaded;
	struct qf_buf page;	 /* empty: not begun */
	size_t page_head;	 /* its bytes before the rows */
	uint64_t page_rows;
	size_t page_batches;	 /* bytes of the batches that end in this page */
	uint64_t rows_all, bytes_all;
	bool failed;
	struct qf_sql_error error; /* then */
};

/* id and style are borrowed. */
void tr_result_init(struct tr_result *r, const char *id, const struct qf_trino_style *style);
void tr_result_fini(struct tr_result *r);
/* Like the next two it sets r->failed when the rows cannot be told to the client. */
void tr_result_columns(struct tr_result *r, struct qf_slice ipc_schema);
void tr_result_rows(struct tr_result *r, struct qf_slice ipc_batch);
/* Encodes rows into the page until it has `target` bytes of them, for one step. True when there is more to be done. */
bool tr_result_fill(struct tr_result *r, size_t target);
bool tr_result_waits(const struct tr_result *r); /* batches wait for a page */

/* Rows made here: columns are varchar. One row's values, NULL for null. */
void tr_result_text_columns(struct tr_result *r, const char *const *names, size_t n);
void tr_result_text_row(struct tr_result *r, const char *const *values, size_t n);
/* The answer to an update: one row with its count. */
void tr_result_count(struct tr_result *r, uint64_t count);
/* The answer to what has neither rows nor a count. */
void tr_result_nothing(struct tr_result *r);

/* The page as it is, begun if need be, with its columns; it is the caller's, and the next one may be filled. */
struct qf_buf tr_result_take(struct tr_result *r, uint64_t *ret_rows, size_t *ret_batches);
/* Rows that were not handed out are left out. */
void tr_result_drop(struct tr_result *r);

#endif
