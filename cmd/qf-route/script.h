/*
 * What is asked of a routing script and what came of it, and both as frames between qf-route and its script
 * workers (script_frame.c; the worker's side is py/worker.py). Pure: bytes in, facts out.
 *
 * Request: script u32 (its number among the scripts), then texts {length u32, bytes}, of which length
 * 0xffffffff is "none": protocol, user, database, schema, dialect, client, time zone, group of the transaction,
 * statement; then the number of headers and as many pairs of texts, and the same for tags.
 * Answer: status u8, line u32, text, printed text, and nothing behind. What a worker says is hostile.
 */
#ifndef QF_ROUTE_SCRIPT_H
#define QF_ROUTE_SCRIPT_H

#include "qf/buf.h"

struct qf_conf_router;
struct qf_route_input;

enum qf_script_outcome {
	QF_SCRIPT_GROUP,   /* it names a group: text */
	QF_SCRIPT_NONE,	   /* it has no opinion */
	QF_SCRIPT_DENY,	   /* it refuses: text, for the client */
	QF_SCRIPT_ERROR,   /* an exception, or an answer that means nothing: text, and line where known */
	QF_SCRIPT_DEADLINE,
	QF_SCRIPT_CRASHED, /* its worker was lost: text */
	QF_SCRIPT_MALFORMED,
	QF_SCRIPT_BUSY,	   /* no worker was free in time, or too many wait */
	QF_SCRIPT_BREAKER, /* not asked: it failed too often just now */
	QF_SCRIPT_DOWN,	   /* no worker can be started */
	QF_SCRIPT_N
};

struct qf_script_answer {
	enum qf_script_outcome outcome;
	struct qf_slice text, printed;
	uint32_t line; /* of the script; 0: not known */
	uint64_t ns;   /* from the question to the answer */
};

enum {
	QF_SCRIPT_TEXT_MAX = 4096,    /* bytes of either text of an answer */
	QF_SCRIPT_ANSWER_MAX = 16384, /* bytes of a whole answer */
	QF_SCRIPT_QUERY_MAX = 1 << 20,
};

const char *qf_script_outcome_name(enum qf_script_outcome o); /* "group", "deadline", … */
bool qf_script_failed(enum qf_script_outcome o);	      /* no usable answer: onError decides */
/* Cost a worker: the breaker counts these. */
bool qf_script_hurt(enum qf_script_outcome o);
/* One line on a failure, for operators: "line 4: ZeroDivisionError: division by zero". */
void qf_script_describe(struct qf_buf *out, const struct qf_script_answer *a, const struct qf_conf_router *r);

void qf_script_put_request(struct qf_buf *out, uint32_t script, const struct qf_route_input *in);
/* The frame that gives a worker its scripts: u32 number, for each name and text. */
void qf_script_put_sources(struct qf_buf *out, const struct qf_conf_router *routers, size_t n);
/* False when it is not an answer; then *ret is untouched. Borrows from the frame. */
bool qf_script_read_answer(struct qf_slice frame, struct qf_script_answer *ret);

#endif
