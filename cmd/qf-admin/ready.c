/* Ready: every program that the configuration needs is there and works, and its frontends accept. */
#include "serve.h"

#include <string.h>

struct qf_reader told_rows(const struct qf_peer *p)
{
	const struct told *t = p->user;

	return qf_reader(t ? qf_buf_slice(&t->rows) : QF_SLICE_NONE);
}

static bool is_draining(const struct qf_peer *p)
{
	struct qf_reader r = told_rows(p);
	struct qf_msg row;

	while (qf_row_next(&r, &row))
		if (qf_slice_eq_str(qf_get(&row, QF_F_EVENT), "draining"))
			return true;
	return false;
}

/* Whether one of that program works; instance NULL: any. What is said of one that does not goes to out. */
static bool works(const struct serve *s, enum qf_program program, const char *instance, struct qf_buf *out)
{
	const char *why = "is missing";
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(s->run->bus, p))) {
		if (p->program != program || (instance && strcmp(p->instance, instance) != 0))
			continue;
		why = p->suspended ? "is silent" : is_draining(p) ? "is stopping" : NULL;
		if (!why)
			return true;
	}
	qf_buf_printf(out, "qf-%s%s%s %s\n", qf_program_name(program), instance ? "-" : "", instance ? instance : "", why);
	return false;
}

static bool accepts(const struct serve *s, enum qf_frontend fe)
{
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(s->run->bus, p))) {
		struct qf_reader r = told_rows(p);
		struct qf_msg row;

		if (p->program != QF_LISTEN || p->suspended || is_draining(p))
			continue;
		while (qf_row_next(&r, &row))
			if (qf_slice_eq_str(qf_get(&row, QF_F_EVENT), "sessions") && qf_get_u8(&row, QF_F_FRONTEND) == fe)
				return true;
	}
	return false;
}

static bool frontends_accept(const struct serve *s, struct qf_buf *out)
{
	bool all = true;

	for (int fe = 0; fe < QF_FE_N; fe++) {
		if (!s->run->conf->frontends[fe].enabled || accepts(s, (enum qf_frontend)fe))
			continue;
		qf_buf_printf(out, "%s does not accept clients\n", qf_frontend_name((enum qf_frontend)fe));
		all = false;
	}
	return all;
}

/* The owners of the groups: an instance that owns several is named once. */
static bool owners_work(const struct serve *s, struct qf_buf *out)
{
	const struct qf_conf *conf = s->run->conf;
	bool all = true;

	for (size_t i = 0; i < conf->n_groups; i++) {
		bool seen = !conf->groups[i].enabled;

		for (size_t k = 0; k < i && !seen; k++)
			seen = conf->groups[k].enabled && !strcmp(conf->groups[k].instance, conf->groups[i].instance);
		if (!seen)
			all &= works(s, QF_DISPATCH, conf->groups[i].instance, out);
	}
	return all;
}

static bool frontend_differs(const struct qf_conf *conf, const struct qf_conf_cluster *c)
{
	for (int fe = 0; fe < QF_FE_N; fe++)
		if (conf->frontends[fe].enabled &&
		    !qf_dialect_same(qf_frontend_dialect((enum qf_frontend)fe), qf_engine_kind_dialect(c->engine)))
			return true;
	return false;
}

/* Some client speaks another dialect than some engine that is built. */
static bool needs_translation(const struct qf_conf *conf)
{
	for (size_t i = 0; i < conf->n_clusters; i++) {
		const struct qf_conf_cluster *c = &conf->clusters[i];

		if (c->enabled && qf_engine_kind_built(c->engine) && frontend_differs(conf, c))
			return true;
	}
	return false;
}

bool ready_write(const struct serve *s, struct qf_buf *out)
{
	bool ready = owners_work(s, out);

	if (needs_translation(s->run->conf))
		ready &= works(s, QF_TRANSLATE, NULL, out);
	ready &= works(s, QF_ROUTE, NULL, out);
	if (works(s, QF_LISTEN, NULL, out))
		ready &= frontends_accept(s, out);
	else
		ready = false;
	return ready;
}
