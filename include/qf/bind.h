/*
 * What a statement is run with beyond its text: parameters, result formats, portal, how its transaction begins. The
 * same structure on its way from a frontend round the ring to an engine.
 *
 * Values are as PostgreSQL's Bind has them [PG 55.7 Bind]: typed by oid, text or binary; engines that are not
 * PostgreSQL read them with qf_pg_value_read() (qf/types.h). Prepared statements and portals have no life of their own
 * on the ring: a frontend keeps the text and sends it with each run;  that an engine prepares it once and keeps it is the
 * engine's own cache. Their form in a message is in qf/msg.h.
 */
#ifndef QF_BIND_H
#define QF_BIND_H

#include "qf/buf.h"

/* How rows travel. A relay passes what client and engine both speak; DESIGN §4. */
enum qf_encoding {
	QF_ENC_ARROW, /* Arrow IPC: one schema message, then record batches */
	QF_ENC_PG3,   /* whole messages of PostgreSQL's protocol 3: RowDescription or CopyOutResponse, then DataRow, CopyData */
	QF_ENC_N
};
#define QF_ENC_BIT(e) (1u << (e))

#define QF_BATCH_MAX (256u << 10) /* largest BATCH payload on the ring; a longer row goes in pieces */
#define QF_ROW_MAX (64u << 20)	  /* largest single row batch that is put together again */

enum qf_run_kind {
	/*
	 * Run it; rows to the end, or max_rows of them and the rest stays in `portal`. Without a portal the rest is given
	 * up, and the end is `suspended` all the same.
	 */
	QF_RUN_ALL,
	QF_RUN_DESCRIBE, /* nothing runs: the types of its parameters and columns */
	QF_RUN_FETCH,	 /* the next max_rows (0: all) of `portal`; there is no text */
	QF_RUN_KINDS
};

enum qf_run_flags {
	QF_RUN_SIMPLE = 1 << 0, /* from a simple Query: no parameters, rows in text */
	QF_RUN_NAMED = 1 << 1,	/* of a named prepared statement: it is likely to come again */
	QF_RUN_HOLD = 1 << 2,	/* of QF_FORM_CURSOR: its portal outlives the transaction, or there is none */
	QF_RUN_SCROLL = 1 << 3, /* of QF_FORM_CURSOR: it must go backward, too, or be refused */
	QF_RUN_SAVEPOINT = 1 << 4, /* SAVEPOINT, RELEASE, ROLLBACK TO: the same in every dialect, so it is not translated */
};

/*
 * What a statement is that only PostgreSQL knows as such. Its text goes to engines that speak PostgreSQL; others run
 * `inner`, the query in it, and the frontend does the rest.
 */
enum qf_bind_form {
	QF_FORM_PLAIN,
	QF_FORM_CURSOR,	  /* DECLARE: inner is its query, which becomes the portal; columns are sent, no row. It is suspended */
	QF_FORM_COPY_OUT, /* COPY … TO STDOUT: inner is its query; rows are sent as of any query, in Arrow */
	/*
	 * COPY … FROM STDIN: inner is INSERT INTO t (…) SELECT * FROM qf_copy_data. The engine asks for input with a
	 * CopyInResponse in QF_ENC_PG3; how the data is written says the text of the job (qf/engine.h, qf/pgstmt.h).
	 */
	QF_FORM_COPY_IN,
	QF_FORM_N
};

struct qf_value {
	const uint8_t *p; /* NULL: SQL NULL */
	uint32_t n;
	bool binary;
};

struct qf_bind {
	enum qf_run_kind kind;
	unsigned flags;		/* enum qf_run_flags */
	unsigned encodings;	/* QF_ENC_BIT of those that the frontend can read; 0 stands for Arrow alone */
	const uint32_t *types;	/* oids that the client declared; 0 or beyond n_types: not declared */
	uint16_t n_types;
	const struct qf_value *values;
	uint16_t n_values;
	const uint16_t *formats; /* of result columns: 0 text, 1 binary; none: text; one: for all */
	uint16_t n_formats;
	uint64_t portal;	 /* 0: none; else a number of the session, never used again */
	uint32_t max_rows;	 /* 0: all */
	const uint64_t *closed;	 /* portals of this pin that the client has closed since the last run */
	uint16_t n_closed;
	enum qf_bind_form form;
	struct qf_slice inner;	 /* unless QF_FORM_PLAIN */
	struct qf_slice begin;	 /* with a pin that begins: the client's own BEGIN, when it says more than that */
};

/* All rows, in Arrow, without parameters. */
extern const struct qf_bind qf_bind_plain;

/* The format of result column i. */
bool qf_bind_binary(const struct qf_bind *b, size_t i);
/* The declared oid of parameter i, 0 when there is none. */
uint32_t qf_bind_type(const struct qf_bind *b, size_t i);

#endif
