/* The adapter's table of functions: see adapter.h. */
#include <openssl/crypto.h>
#include <stdlib.h>

#include "private.h"
#include "resolve.h"

enum { DIALERS = 8, CANCELLERS = 4 }; /* threads at most */

static int conn_get(struct qf_engine *e, const struct qf_engine_who *who, struct qf_engine_conn **ret,
	struct qf_sql_error *reterr)
{
	return pge_pool_get(e, who, ret, reterr);
}

/* What a session may have left is known from its statements. */
static void conn_put(struct qf_engine_conn *c, bool reset)
{
	(void)reset;
	pge_pool_put(c);
}

static unsigned capacity(const struct qf_engine *e)
{
	return e->cfg->pool_size;
}

static const char *why_down(const struct qf_engine *e)
{
	return e->service->down ? e->service->why : NULL;
}

static void watch(struct qf_engine_conn *c, void (*on_async)(void *arg, struct qf_slice message),
		  void (*on_lost)(void *arg), void *arg)
{
	c->on_async = on_async;
	c->on_lost = on_lost;
	c->watch_arg = arg;
}

static void engine_close(struct qf_engine *e)
{
	if (!e)
		return;
	e->closing = true;
	pge_looks_fini(e);
	pge_pool_fini(&e->pool);
	pge_identities_fini(e);
	e->dialers = pge_crew_free(e->dialers);
	e->cancellers = pge_crew_free(e->cancellers);
	pge_known_free(e->known);
	free(e);
}

static int engine_open(struct qf_engine **ret, const struct qf_conf_cluster *cfg, struct qf_loop *loop,
	unsigned max_running, struct qf_err *reterr)
{
	struct qf_engine *e = qf_xcalloc(1, sizeof(*e));
	int r;

	(void)max_running; /* capacity() is the limit */
	/* At exit a thread may still be connecting: OpenSSL is not taken away under it. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
	e->cfg = cfg;
	e->loop = loop;
	e->catalog = 1;
	e->catalog_ns = qf_loop_now(loop);
	qf_list_init(&e->looks);
	e->known = pge_known_new();
	e->has_service = !pge_is_personal(e) || pge_target_has_user(cfg);
	pge_identities_init(e);
	pge_pool_init(&e->pool, e);
	r = pge_crew_new(&e->dialers, loop, DIALERS, reterr);
	if (r == 0)
		r = pge_crew_new(&e->cancellers, loop, CANCELLERS, reterr);
	if (r < 0) {
		engine_close(e);
		return r;
	}
	*ret = e;
	return 0;
}

const struct qf_engine_ops qf_engine_postgres = {
	.name = "postgres",
	.dialect = QF_DIALECT_POSTGRES,
	.caps = QF_ENGINE_CAP_TRANSACTIONS,
	.open = engine_open,
	.close = engine_close,
	.conn_get = conn_get,
	.conn_put = conn_put,
	.capacity = capacity,
	.why_down = why_down,
	.submit = pge_run_submit,
	.more = pge_run_more,
	.cancel = pge_cancel,
	.input = pge_copy_input,
	.watch = watch,
	.catalog = pge_catalog,
	.lookup = pge_lookup,
};
