/*
 * Translation behind a cache: statements in one dialect to statements in another.
 *
 * The answers come from worker processes (see qf/worker.h) that run this same program as
 * `qf-translate --worker`. In front of them: a check of what no parser should be asked to read, an LRU cache,
 * and one question to the workers for equal requests that wait at the same time. A text that ended a worker
 * twice, or that met the deadline, is answered from memory for a while. One loop thread.
 */
#ifndef TRANSLATOR_H
#define TRANSLATOR_H

#include "qf/loop.h"
#include "qf/sql.h"

struct translator;

struct translator_opts {
	struct qf_loop *loop;
	unsigned workers;
	unsigned max_pending; /* waiting for a worker */
	uint64_t deadline_ns;
	size_t cache_bytes; /* 0: none */
	const char *warm;   /* "from:to[,from:to…]" that workers prepare for before they are ready */
	/* Once the first worker is ready, or (text) when it cannot start. May be NULL. */
	void (*on_ready)(void *arg);
	void (*on_failed)(void *arg, const char *text);
	void *arg;
};

struct translate_request {
	struct qf_slice sql;
	enum qf_dialect from, to;
	bool guard;		/* the translated statement checks types that nobody has told, where they matter */
	struct qf_slice types;	/* u32 list: PostgreSQL's oids of the parameters, as the client declared them; 0: not */
	struct qf_slice schema; /* what is known of the tables, as JSON (see qf-translate(8)); may be empty */
};

enum translate_status {
	TRANSLATE_OK,
	TRANSLATE_ERROR,   /* this text has no faithful translation; `text` says why */
	TRANSLATE_TROUBLE, /* no answer: a deadline, a crash, too much waiting; another try may do */
	TRANSLATE_DOWN,	   /* there is no translator on this machine; `text` says what to install */
};

struct translate_list {
	struct qf_slice at[64];
	size_t n;
};

/* Borrowed for the callback. */
struct translation {
	enum translate_status status;
	struct qf_slice sql; /* with TRANSLATE_OK */
	struct translate_list warnings, doubts;
	struct qf_slice text, hint;
	struct qf_slice sqlstate; /* of an error that the source's own engine has for it; else empty */
	unsigned line, column; /* of an error in the text, from 1; 0 = unknown */
	unsigned position;     /* the same as a character number */
	bool cached;
};

typedef void (*translate_fn)(void *arg, const struct translation *t);

int translator_new(struct translator **ret, const struct translator_opts *o, struct qf_err *reterr) qf_must_check;
struct translator *translator_free(struct translator *t); /* waiting callbacks are not called */
/* fn is called once, perhaps before this returns. Returns an id for translator_forget(), 0 when it was called. */
uint64_t translator_ask(struct translator *t, const struct translate_request *r, translate_fn fn, void *arg);
void translator_forget(struct translator *t, uint64_t id);
void translator_set_deadline(struct translator *t, uint64_t deadline_ns); /* for what is asked from now on */

/* answer.c: the worker's frames. */
void answer_request(struct qf_buf *b, const struct translate_request *r);
/* False when the bytes are no answer. *ret borrows from them. */
bool answer_read(struct qf_slice bytes, struct translation *ret);

#endif
