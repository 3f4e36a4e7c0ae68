/* Cache, equal requests in one, the workers behind: see translator.h. */
#include "translator.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qf/clock.h"
#include "qf/log.h"
#include "qf/lru.h"
#include "qf/map.h"
#include "qf/str.h"
#include "qf/worker.h"

enum {
	MAX_STATEMENT = 1 << 20, /* sqlglot needs seconds and hundreds of megabytes for more */
	MAX_DEPTH = 200,	 /* its compiled recursion ends in SIGSEGV, not in an exception */
	MAX_ANSWER = 32 << 20,
};
static const size_t max_rss = (size_t)768 << 20;
static const uint64_t crash_memory_ns = 60 * QF_SEC, deadline_memory_ns = 5 * QF_SEC;

/* The first byte of a cached value. */
enum { KEPT_ANSWER = 'a', KEPT_CRASH = 'c', KEPT_DEADLINE = 'd' };

struct waiter {
	struct qf_list link; /* in question->waiters */
	struct question *question;
	uint64_t id;
	translate_fn fn;
	void *arg;
};

struct question { /* one request to the workers */
	struct translator *t;
	struct qf_buf key, frame;
	struct qf_list waiters;
	uint64_t asked; /* id of the request to the workers */
	bool again;	/* asked a second time after a crash */
};

struct translator {
	struct translator_opts o;
	struct qf_worker_pool *pool;
	struct qf_lru *cache;
	struct qf_map *questions; /* by key */
	struct qf_map *waiters;	  /* by id */
	uint64_t last_id;
	const char *argv[4];
	char down[400]; /* why no worker can be started */
};

static void on_answer(void *arg, enum qf_worker_result result, struct qf_slice answer);

/* ---- what is answered without a worker ---------------------------------------------------------- */

static bool refuse(struct translation *t, const char *text, const char *hint)
{
	t->status = TRANSLATE_ERROR;
	t->text = qf_slice_str(text);
	t->hint = qf_slice_str(hint);
	return false;
}

static bool readable(const struct translate_request *r, struct translation *t)
{
	struct qf_facts f;
	size_t bad = qf_utf8_bad_at(r->sql);

	if (r->sql.n > MAX_STATEMENT)
		return refuse(t, "the statement is longer than the 1 MiB that is translated",
			      "write it in the engine's own dialect (setting queryflux.dialect)");
	if (r->types.n % 4 || r->types.n / 4 > UINT16_MAX)
		return refuse(t, "the types of the parameters cannot be read", NULL);
	if (bad < r->sql.n || memchr(r->sql.p, 0, r->sql.n)) {
		qf_text_place(r->sql, bad < r->sql.n ? bad : 0, &t->line, &t->column);
		return refuse(t, "the statement is not valid UTF-8 text", NULL);
	}
	qf_sql_facts(r->sql, r->from, &f);
	if (f.verb == QF_VERB_EMPTY)
		return refuse(t, "there is no statement, only comments", NULL);
	if (f.bad)
		return refuse(t, "the text ends inside a string, a quoted name or a comment", NULL);
	if (f.depth > MAX_DEPTH)
		return refuse(t, "the statement is nested more than 200 levels deep", "use WITH queries or fewer parentheses");
	return true;
}

static void make_key(struct qf_buf *key, const struct translate_request *r)
{
	qf_buf_u8(key, (uint8_t)r->from);
	qf_buf_u8(key, (uint8_t)r->to);
	qf_buf_u8(key, r->guard);
	qf_buf_u16(key, (uint16_t)(r->types.n / 4));
	qf_buf_add_slice(key, r->types);
	qf_buf_u64(key, r->schema.n ? qf_hash(r->schema) : 0);
	qf_buf_add_slice(key, r->sql);
}

static void explain(struct translator *t, enum qf_worker_result result, struct translation *ret)
{
	static const char *const texts[] = {
		[QF_WORKER_DEADLINE] = "the translation took longer than its deadline",
		[QF_WORKER_LATE] = "no translator was free within the deadline (translation.deadlineMs)",
		[QF_WORKER_CRASHED] = "the translator ended while it read this statement",
		[QF_WORKER_MALFORMED] = "the translator gave an answer that cannot be read",
		[QF_WORKER_BUSY] = "too many statements wait for translation",
	};

	ret->status = result == QF_WORKER_DOWN ? TRANSLATE_DOWN : TRANSLATE_TROUBLE;
	ret->text = qf_slice_str(result == QF_WORKER_DOWN ? t->down : texts[result]);
}

/* True when the cache has the last word on this text. */
static bool from_cache(struct translator *t, struct qf_slice key, struct translation *ret)
{
	struct qf_slice v;

	if (!qf_lru_get(t->cache, key, &v) || v.n < 1)
		return false;
	ret->cached = true;
	if (v.p[0] == KEPT_ANSWER)
		return answer_read(qf_slice(v.p + 1, v.n - 1), ret);
	struct qf_reader r = qf_reader(qf_slice(v.p + 1, v.n - 1));

	if (qf_read_u64(&r) < qf_loop_now(t->o.loop))
		return false;
	explain(t, v.p[0] == KEPT_CRASH ? QF_WORKER_CRASHED : QF_WORKER_DEADLINE, ret);
	return true;
}

static void keep(struct translator *t, struct qf_slice key, uint8_t kind, struct qf_slice value, uint64_t for_ns)
{
	struct qf_buf b;

	qf_buf_init(&b);
	qf_buf_u8(&b, kind);
	if (kind == KEPT_ANSWER)
		qf_buf_add_slice(&b, value);
	else
		qf_buf_u64(&b, qf_loop_now(t->o.loop) + for_ns);
	qf_lru_put(t->cache, key, qf_buf_slice(&b));
	qf_buf_fini(&b);
}

/* ---- questions --------------------------------------------------------------------------------- */

static void question_free(struct question *q)
{
	qf_buf_fini(&q->key);
	qf_buf_fini(&q->frame);
	free(q);
}

static void waiter_free(struct translator *t, struct waiter *w)
{
	qf_map_del_u64(t->waiters, w->id);
	qf_list_remove(&w->link);
	free(w);
}

static void add_waiter(struct translator *t, struct question *q, translate_fn fn, void *arg)
{
	struct waiter *w = qf_xcalloc(1, sizeof(*w));

	w->id = ++t->last_id;
	w->question = q;
	w->fn = fn;
	w->arg = arg;
	qf_list_append(&q->waiters, &w->link);
	qf_map_put_u64(t->waiters, w->id, w);
}

static void tell(struct question *q, const struct translation *ret)
{
	struct translator *t = q->t;

	qf_map_del(t->questions, qf_buf_slice(&q->key));
	while (!qf_list_empty(&q->waiters)) {
		struct waiter *w = qf_container_of(q->waiters.next, struct waiter, link);
		translate_fn fn = w->fn;
		void *arg = w->arg;

		waiter_free(t, w);
		fn(arg, ret);
	}
	question_free(q);
}

static void ask_worker(struct question *q)
{
	q->asked = qf_worker_request(q->t->pool, qf_buf_slice(&q->frame), 0, q->t->o.deadline_ns, on_answer, q);
}

static void on_answer(void *arg, enum qf_worker_result result, struct qf_slice answer)
{
	struct question *q = arg;
	struct translator *t = q->t;
	struct translation ret = { 0 };

	if (result == QF_WORKER_KILLED)
		result = QF_WORKER_CRASHED;
	if (result == QF_WORKER_CRASHED && !q->again) {
		/* It may have been killed for another reason than this text; a second crash is no accident. */
		q->again = true;
		ask_worker(q);
		return;
	}
	if (result == QF_WORKER_OK && answer_read(answer, &ret))
		keep(t, qf_buf_slice(&q->key), KEPT_ANSWER, answer, 0);
	else
		explain(t, result == QF_WORKER_OK ? QF_WORKER_MALFORMED : result, &ret);
	if (result == QF_WORKER_CRASHED)
		keep(t, qf_buf_slice(&q->key), KEPT_CRASH, QF_SLICE_NONE, crash_memory_ns);
	if (result == QF_WORKER_DEADLINE)
		keep(t, qf_buf_slice(&q->key), KEPT_DEADLINE, QF_SLICE_NONE, deadline_memory_ns);
	if (ret.status == TRANSLATE_TROUBLE)
		qf_info("no translation of a statement of %zu bytes: %.*s", q->frame.n, (int)ret.text.n, (const char *)ret.text.p);
	tell(q, &ret);
}

/* ---- the interface ----------------------------------------------------------------------------- */

static void worker_ready(void *arg)
{
	struct translator *t = arg;

	if (t->o.on_ready)
		t->o.on_ready(t->o.arg);
}

static void worker_failed(void *arg, const char *text)
{
	struct translator *t = arg;

	snprintf(t->down, sizeof(t->down), "%s", text);
	if (t->o.on_failed)
		t->o.on_failed(t->o.arg, text);
}

int translator_new(struct translator **ret, const struct translator_opts *o, struct qf_err *reterr)
{
	struct translator *t = qf_xcalloc(1, sizeof(*t));

	t->o = *o;
	t->argv[0] = "/proc/self/exe";
	t->argv[1] = "--worker";
	t->argv[2] = o->warm;
	snprintf(t->down, sizeof(t->down), "no translation worker can be started");
	struct qf_worker_opts wo = { .loop = o->loop, .argv = t->argv, .count = o->workers, .max_answer = MAX_ANSWER,
				     .max_rss = max_rss, .max_pending = o->max_pending, .name = "translation",
				     .on_ready = worker_ready, .on_failed = worker_failed, .arg = t };
	int r = qf_worker_pool_new(&t->pool, &wo, reterr);

	if (r < 0) {
		free(t);
		return r;
	}
	t->cache = qf_lru_new(o->cache_bytes);
	t->questions = qf_map_new();
	t->waiters = qf_map_new();
	*ret = t;
	return 0;
}

struct translator *translator_free(struct translator *t)
{
	struct question *q;
	struct waiter *w;
	size_t at = 0;

	if (!t)
		return NULL;
	qf_worker_pool_free(t->pool);
	while ((w = qf_map_next(t->waiters, &at, NULL)))
		waiter_free(t, w);
	for (at = 0; (q = qf_map_next(t->questions, &at, NULL));) {
		qf_map_del(t->questions, qf_buf_slice(&q->key));
		question_free(q);
	}
	qf_map_free(t->questions);
	qf_map_free(t->waiters);
	qf_lru_free(t->cache);
	free(t);
	return NULL;
}

static struct question *question_new(struct translator *t, const struct translate_request *r, struct qf_buf *key)
{
	struct question *q = qf_xcalloc(1, sizeof(*q));

	q->t = t;
	q->key = *key; /* taken over */
	qf_buf_init(key);
	qf_buf_init(&q->frame);
	qf_list_init(&q->waiters);
	answer_request(&q->frame, r);
	qf_map_put(t->questions, qf_buf_slice(&q->key), q);
	return q;
}

uint64_t translator_ask(struct translator *t, const struct translate_request *r, translate_fn fn, void *arg)
{
	struct translation ret = { 0 };
	struct question *q;
	struct qf_buf key;

	if (qf_dialect_same(r->from, r->to)) {
		ret.sql = r->sql;
		fn(arg, &ret);
		return 0;
	}
	qf_buf_init(&key);
	make_key(&key, r);
	if (from_cache(t, qf_buf_slice(&key), &ret) || !readable(r, &ret)) {
		fn(arg, &ret);
		qf_buf_fini(&key);
		return 0;
	}
	q = qf_map_get(t->questions, qf_buf_slice(&key));
	bool first = !q;

	if (first)
		q = question_new(t, r, &key);
	qf_buf_fini(&key);
	add_waiter(t, q, fn, arg);
	if (first)
		ask_worker(q);
	return t->last_id;
}

void translator_forget(struct translator *t, uint64_t id)
{
	struct waiter *w = qf_map_get_u64(t->waiters, id);

	if (!w)
		return;
	struct question *q = w->question;

	waiter_free(t, w);
	if (!qf_list_empty(&q->waiters))
		return;
	qf_worker_forget(t->pool, q->asked);
	qf_map_del(t->questions, qf_buf_slice(&q->key));
	question_free(q);
}

void translator_set_deadline(struct translator *t, uint64_t deadline_ns)
{
	t->o.deadline_ns = deadline_ns;
}
