#include "scripts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "breaker.h"
#include "qf/clock.h"
#include "qf/log.h"
#include "qf/map.h"
#include "qf/worker.h"

enum {
	MAX_ASKS = 256,
	MAX_ASK_BYTES = 64 << 20,
	MAX_KILLED = 3,
};
static const size_t max_rss = (size_t)192 << 20;
static const uint64_t start_ns = 5 * QF_SEC, idle_after_ns = 20 * QF_MS, fair_ns = 250 * QF_MS;

struct script {
	const struct qf_conf_router *conf;
	struct qf_breaker breaker;
	struct qf_list asks;
};

struct ask {
	struct qf_list link; /* in script->asks */
	struct qf_scripts *owner;
	struct script *script;
	uint64_t id, asked; /* ours, and the pool's */
	uint64_t begun_ns;
	struct qf_buf frame;
	unsigned killed; /* workers under it, by somebody else */
	qf_script_fn fn;
	void *arg;
};

struct qf_scripts {
	struct qf_scripts_opts o;
	struct qf_worker_pool *pool;
	struct script *list;
	size_t n;
	struct qf_buf sources;
	bool ready;
	struct qf_err failure; /* why they are not */
	struct qf_map *asks; /* by id */
	uint64_t last_id;
	size_t n_asks, ask_bytes;
	struct qf_task skip; /* a breaker opened: those that wait for its script need not */
};

static const char *const worker_argv[] = { "/proc/self/exe", "--worker", NULL };
static const char *const no_env[] = { NULL };

static void on_answer(void *arg, enum qf_worker_result result, struct qf_slice bytes);

/* ---- questions ----------------------------------------------------------------------------------- */

static void ask_free(struct ask *a)
{
	struct qf_scripts *s = a->owner;

	qf_map_del_u64(s->asks, a->id);
	qf_list_remove(&a->link);
	s->n_asks--;
	s->ask_bytes -= a->frame.n;
	qf_buf_fini(&a->frame);
	free(a);
}

static void finish(struct ask *a, struct qf_script_answer *answer)
{
	qf_script_fn fn = a->fn;
	void *arg = a->arg;

	answer->ns = qf_mono_ns() - a->begun_ns;
	ask_free(a);
	fn(arg, answer);
}

static void send(struct ask *a)
{
	struct qf_scripts *s = a->owner;

	a->asked = qf_worker_request(s->pool, qf_buf_slice(&a->frame), (unsigned)(a->script - s->list),
				     a->script->conf->script_deadline_ns, on_answer, a);
}

static void read_result(enum qf_worker_result result, struct qf_slice bytes,
			struct qf_script_answer *ret)
{
	static const enum qf_script_outcome outcomes[] = {
		[QF_WORKER_OK] = QF_SCRIPT_MALFORMED,
		[QF_WORKER_DEADLINE] = QF_SCRIPT_DEADLINE,
		[QF_WORKER_LATE] = QF_SCRIPT_BUSY,
		[QF_WORKER_CRASHED] = QF_SCRIPT_CRASHED,
		[QF_WORKER_KILLED] = QF_SCRIPT_CRASHED,
		[QF_WORKER_MALFORMED] = QF_SCRIPT_MALFORMED,
		[QF_WORKER_BUSY] = QF_SCRIPT_BUSY,
		[QF_WORKER_DOWN] = QF_SCRIPT_DOWN,
	};

	if (result == QF_WORKER_OK && qf_script_read_answer(bytes, ret))
		return;
	ret->outcome = outcomes[result];
	if (ret->outcome == QF_SCRIPT_CRASHED)
		ret->text = bytes;
}

static void tell_breaker(struct qf_scripts *s, struct script *sc, enum qf_script_outcome o)
{
	uint64_t now = qf_mono_ns();

	if (s->o.alone)
		return;
	if (!qf_script_hurt(o)) {
		if (o == QF_SCRIPT_BUSY || o == QF_SCRIPT_DOWN)
			qf_breaker_unknown(&sc->breaker, now);
		else
			qf_breaker_good(&sc->breaker);
		return;
	}
	if (!qf_breaker_bad(&sc->breaker, now))
		return;
	qf_warn("%s rests for 5 s: it failed %d times within 10 s, the last time: %s",
		sc->conf->script_name, QF_BREAKER_FAILURES, qf_script_outcome_name(o));
	qf_task_add(s->o.loop, &s->skip);
}

static void on_answer(void *arg, enum qf_worker_result result, struct qf_slice bytes)
{
	struct ask *a = arg;
	struct qf_scripts *s = a->owner;
	struct qf_script_answer answer = { 0 };

	a->asked = 0;
	/* A script cannot send signals. Yet time after time it is the system's answer to the memory that it takes. */
	if (result == QF_WORKER_KILLED && a->killed++ < MAX_KILLED) {
		send(a);
		return;
	}
	read_result(result, bytes, &answer);
	tell_breaker(s, a->script, answer.outcome);
	finish(a, &answer);
}

static void skip_all(struct script *sc)
{
	struct qf_list *it, *tmp, rest;

	/* Whoever is told may ask again, and is answered at once. */
	qf_list_init(&rest);
	qf_list_each(it, tmp, &sc->asks) {
		qf_list_remove(it);
		qf_list_append(&rest, it);
	}
	while (!qf_list_empty(&rest)) {
		struct ask *a = qf_container_of(rest.next, struct ask, link);
		struct qf_script_answer answer = { .outcome = QF_SCRIPT_BREAKER };

		if (a->asked)
			qf_worker_forget(a->owner->pool, a->asked);
		finish(a, &answer);
	}
}

static void run_skip(struct qf_task *t)
{
	struct qf_scripts *s = qf_container_of(t, struct qf_scripts, skip);

	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].breaker.state == QF_BREAKER_OPEN)
			skip_all(&s->list[i]);
}

/* ---- the workers --------------------------------------------------------------------------------- */

static void worker_ready(void *arg)
{
	struct qf_scripts *s = arg;

	s->ready = true;
	s->o.on_known(s->o.arg);
}

/* The worker's word on a script: "!0 4 SyntaxError: …". */
static int describe_refusal(const struct qf_scripts *s, const char *text, struct qf_err *err)
{
	const struct qf_conf_router *r;
	unsigned i, line;
	char where[32] = "";
	int used = 0;

	if (sscanf(text, "!%u %u %n", &i, &line, &used) != 2 || used == 0 || i >= s->n)
		return qf_err_set(err, -EIO, "scripts cannot run: %s", text);
	r = s->list[i].conf;
	if (line > 0)
		snprintf(where, sizeof(where), r->script_file != NULL ? ":%u" : ", line %u", line);
	return qf_err_set(err, QF_ECONFIG, "%s:%u:%u: %s%s: %s", s->o.conf->path != NULL ? s->o.conf->path : "configuration",
			  r->script_place.line, r->script_place.column, r->script_name, where, text + used);
}

static void worker_failed(void *arg, const char *text)
{
	struct qf_scripts *s = arg;

	(void)describe_refusal(s, text, &s->failure);
	s->o.on_known(s->o.arg);
}

/* Whoever was asked next is asked again: nobody else's statement goes another way for it. */
static void worker_strayed(void *arg, unsigned last, bool sure, int pid)
{
	struct qf_scripts *s = arg;
	struct script *sc = &s->list[last];

	qf_warn("%s%s wrote to the socket of its worker, which was ended: worker %d said what nobody asked for",
		sc->conf->script_name, sure ? "" : ", or the script that was asked after it,", pid);
	if (sure)
		tell_breaker(s, sc, QF_SCRIPT_MALFORMED);
}

static void list_scripts(struct qf_scripts *s, const struct qf_conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_routers; i++)
		if (conf->routers[i].type == QF_ROUTER_PYTHON)
			s->list[n++].conf = &conf->routers[i];
}

/* ---- the interface ------------------------------------------------------------------------------- */

static size_t count_scripts(const struct qf_conf *conf)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->n_routers; i++)
		n += conf->routers[i].type == QF_ROUTER_PYTHON;
	return n;
}

bool qf_scripts_needed(const struct qf_conf *conf)
{
	return count_scripts(conf) > 0;
}

int qf_scripts_new(struct qf_scripts **ret, const struct qf_scripts_opts *o, struct qf_err *reterr)
{
	struct qf_scripts *s = qf_xcalloc(1, sizeof(*s));

	s->o = *o;
	s->n = count_scripts(o->conf);
	s->list = qf_xcalloc(s->n + 1, sizeof(*s->list));
	for (size_t i = 0; i < s->n; i++)
		qf_list_init(&s->list[i].asks);
	list_scripts(s, o->conf);
	s->asks = qf_map_new();
	s->skip.fn = run_skip;
	qf_script_put_sources(&s->sources, o->conf->routers, o->conf->n_routers);
	struct qf_worker_opts wo = { .loop = o->loop, .argv = worker_argv, .env = no_env,
				     .first = qf_buf_slice(&s->sources), .start_ns = start_ns,
				     .idle_after_ns = idle_after_ns, .fair_ns = fair_ns, .count = o->workers, .no_spare = o->alone, .gentle = true,
				     .max_answer = QF_SCRIPT_ANSWER_MAX, .max_rss = max_rss, .max_pending = MAX_ASKS,
				     .name = "script", .on_ready = worker_ready, .on_failed = worker_failed,
				     .on_stray = worker_strayed, .arg = s };
	int rc = qf_worker_pool_new(&s->pool, &wo, reterr);

	if (rc < 0) {
		qf_scripts_free(s);
		return rc;
	}
	*ret = s;
	return 0;
}

struct qf_scripts *qf_scripts_free(struct qf_scripts *s)
{
	struct ask *a;
	size_t at = 0;

	if (!s)
		return NULL;
	qf_worker_pool_free(s->pool);
	while ((a = qf_map_next(s->asks, &at, NULL)))
		ask_free(a);
	qf_map_free(s->asks);
	qf_task_del(s->o.loop, &s->skip);
	qf_buf_fini(&s->sources);
	free(s->list);
	free(s);
	return NULL;
}

int qf_scripts_state(const struct qf_scripts *s, struct qf_err *reterr)
{
	if (s->ready || s->failure.code == 0)
		return s->ready;
	return qf_err_set(reterr, s->failure.code, "%s", s->failure.text);
}

bool qf_scripts_same(const struct qf_scripts *s, const struct qf_conf *conf)
{
	struct qf_buf b;
	bool same;

	qf_buf_init(&b);
	qf_script_put_sources(&b, conf->routers, conf->n_routers);
	same = qf_slice_eq(qf_buf_slice(&b), qf_buf_slice(&s->sources));
	qf_buf_fini(&b);
	return same;
}

void qf_scripts_adopt(struct qf_scripts *s, const struct qf_conf *conf)
{
	qf_assert(s->n_asks == 0 && count_scripts(conf) == s->n);
	s->o.conf = conf;
	list_scripts(s, conf);
}

static struct script *find(struct qf_scripts *s, const struct qf_conf_router *r)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->list[i].conf == r)
			return &s->list[i];
	qf_assert(!"a router of this configuration");
	return NULL;
}

/* What needs no worker to be answered. */
static bool answer_at_once(struct qf_scripts *s, struct script *sc, const struct qf_route_input *in,
			   struct qf_script_answer *ret)
{
	*ret = (struct qf_script_answer){ 0 };
	if (in->sql.n > QF_SCRIPT_QUERY_MAX) {
		ret->outcome = QF_SCRIPT_ERROR;
		ret->text = qf_slice_str("not asked: the statement is longer than the 1 MiB that a script may see");
	} else if (s->n_asks >= MAX_ASKS || s->ask_bytes > MAX_ASK_BYTES) {
		ret->outcome = QF_SCRIPT_BUSY;
	} else if (!s->o.alone && !qf_breaker_allows(&sc->breaker, qf_mono_ns())) {
		ret->outcome = QF_SCRIPT_BREAKER;
	} else {
		return false;
	}
	return true;
}

uint64_t qf_scripts_ask(struct qf_scripts *s, const struct qf_conf_router *r, const struct qf_route_input *in,
			qf_script_fn fn, void *arg, struct qf_script_answer *ret)
{
	struct script *sc = find(s, r);

	if (answer_at_once(s, sc, in, ret))
		return 0;
	struct ask *a = qf_xcalloc(1, sizeof(*a));

	a->owner = s;
	a->script = sc;
	a->id = ++s->last_id;
	a->begun_ns = qf_mono_ns();
	a->fn = fn;
	a->arg = arg;
	qf_script_put_request(&a->frame, (uint32_t)(sc - s->list), in);
	s->n_asks++;
	s->ask_bytes += a->frame.n;
	qf_list_append(&sc->asks, &a->link);
	qf_map_put_u64(s->asks, a->id, a);
	send(a);
	return a->id;
}

void qf_scripts_forget(struct qf_scripts *s, uint64_t id)
{
	struct ask *a = qf_map_get_u64(s->asks, id);

	if (!a)
		return;
	if (a->asked)
		qf_worker_forget(s->pool, a->asked);
	if (a->script->breaker.state == QF_BREAKER_TESTING)
		qf_breaker_unknown(&a->script->breaker, qf_mono_ns());
	ask_free(a);
}
