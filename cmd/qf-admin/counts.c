#include "counts.h"

#include "metrics.h"

#include "qf/str.h"

#include <stdlib.h>
#include <string.h>

#define NONE "none"
#define OTHER "other"
#define OUTCOME_MAX 20

enum {
	QUERIES,
	DURATION,
	QUEUE_DURATION,
	REJECTIONS,
	TRANSLATED,
	SCRIPTS,
	EVENTS,
	N_METRICS
};

static const struct metric_def defs[N_METRICS] = {
	[QUERIES] = { "queryflux_queries_total", METRIC_COUNTER,
		      "Queries that ended. status: success, failed, cancelled (57014), or refused by a rule.",
		      { "engine_type", "cluster_group", "status", "protocol" } },
	[DURATION] = { "queryflux_query_duration_seconds", METRIC_HISTOGRAM,
		       "From the client's statement to its end, in qf-listen.",
		       { "engine_type", "cluster_group" } },
	[QUEUE_DURATION] = { "queryflux_queue_duration_seconds", METRIC_HISTOGRAM,
			     "Time in the queue of the group, of queries that got a slot.",
			     { "cluster_group" } },
	[REJECTIONS] = { "queryflux_queue_rejections_total", METRIC_COUNTER,
			 "Queries that found the queue full or waited for a slot too long.",
			 { "cluster_group" } },
	[TRANSLATED] = { "queryflux_translated_queries_total", METRIC_COUNTER,
			 "Queries that were sent to their engine in another dialect than they came in.",
			 { "src_dialect", "tgt_dialect" } },
	[SCRIPTS] = { "queryflux_script_runs_total", METRIC_COUNTER,
		      "What scripts of routers did. router: its number in the list, from 1.",
		      { "router", "outcome" } },
	[EVENTS] = { "queryflux_events_total", METRIC_COUNTER, "Events that this qf-admin heard.", { NULL } },
};

struct counts {
	const struct qf_conf *conf;
	struct metric metrics[N_METRICS];
};

struct counts *counts_new(const struct qf_conf *conf)
{
	struct counts *c = qf_xcalloc(1, sizeof *c);

	for (size_t i = 0; i < N_METRICS; i++)
		metric_init(&c->metrics[i], &defs[i]);
	metric_add(&c->metrics[EVENTS], NULL, 0);
	c->conf = conf;
	return c;
}

void counts_set_conf(struct counts *c, const struct qf_conf *conf)
{
	c->conf = conf;
}

struct counts *counts_free(struct counts *c)
{
	for (size_t i = 0; c && i < N_METRICS; i++)
		metric_fini(&c->metrics[i]);
	free(c);
	return NULL;
}

/* ---- labels ------------------------------------------------------------------------------------------------ */

static const struct qf_conf_group *find_group(const struct qf_conf *conf, struct qf_slice name)
{
	for (size_t i = 0; i < conf->n_groups; i++)
		if (qf_slice_eq_str(name, conf->groups[i].name))
			return &conf->groups[i];
	return NULL;
}

static const struct qf_conf_cluster *find_cluster(const struct qf_conf *conf, struct qf_slice name)
{
	for (size_t i = 0; i < conf->n_clusters; i++)
		if (qf_slice_eq_str(name, conf->clusters[i].name))
			return &conf->clusters[i];
	return NULL;
}

const char *counts_group(const struct qf_conf *conf, struct qf_slice name)
{
	const struct qf_conf_group *g = find_group(conf, name);

	return g ? g->name : name.n ? OTHER : NONE;
}

const char *counts_cluster(const struct qf_conf *conf, struct qf_slice name)
{
	const struct qf_conf_cluster *c = find_cluster(conf, name);

	return c ? c->name : name.n ? OTHER : NONE;
}

/* Of the cluster that ran it; of one that never ran, what all members of its group are. */
static const char *engine_type(const struct qf_conf *conf, const struct qf_msg *m)
{
	const struct qf_conf_cluster *c = find_cluster(conf, qf_get(m, QF_F_CLUSTER));
	const struct qf_conf_group *g = find_group(conf, qf_get(m, QF_F_GROUP));

	if (c)
		return qf_engine_kind_name(c->engine);
	if (!g || !g->n_members || qf_get(m, QF_F_CLUSTER).n)
		return NONE;
	for (size_t i = 1; i < g->n_members; i++)
		if (g->members[i]->engine != g->members[0]->engine)
			return NONE;
	return qf_engine_kind_name(g->members[0]->engine);
}

static const char *status_of(const struct qf_msg *m)
{
	struct qf_slice state = qf_get(m, QF_F_SQLSTATE);

	if (qf_slice_eq_str(state, "00000"))
		return "success";
	if (qf_slice_eq_str(state, "57014"))
		return "cancelled";
	return qf_slice_eq_str(state, "42501") && !qf_has(m, QF_F_GROUP) ? "refused" : "failed";
}

static const char *protocol_of(const struct qf_msg *m)
{
	uint8_t fe = qf_get_u8(m, QF_F_FRONTEND);

	return qf_has(m, QF_F_FRONTEND) && fe < QF_FE_N ? qf_frontend_name((enum qf_frontend)fe) : NONE;
}

static const char *dialect_of(const struct qf_msg *m, enum qf_field f)
{
	uint8_t d = qf_get_u8(m, f);

	return d != QF_DIALECT_NONE && d < QF_DIALECT_N ? qf_dialect_name((enum qf_dialect)d) : OTHER;
}

/* A router of the configuration that has a script. */
static const char *router_of(const struct qf_conf *conf, struct qf_slice number, char text[21])
{
	for (size_t i = 0; i < conf->n_routers; i++) {
		qf_decimal(text, i + 1);
		if (conf->routers[i].type == QF_ROUTER_PYTHON && qf_slice_eq_str(number, text))
			return text;
	}
	return OTHER;
}

/* A short word; whoever says more is not qf-route. */
static const char *outcome_of(struct qf_slice word, char text[OUTCOME_MAX + 1])
{
	for (size_t i = 0; i < word.n && i < OUTCOME_MAX; i++) {
		if (word.p[i] != '_' && (word.p[i] < 'a' || word.p[i] > 'z'))
			return OTHER;
		text[i] = (char)word.p[i];
	}
	text[word.n < OUTCOME_MAX ? word.n : OUTCOME_MAX] = 0;
	return word.n > 0 && word.n <= OUTCOME_MAX ? text : OTHER;
}

/* ---- events ------------------------------------------------------------------------------------------------- */

static double seconds(const struct qf_msg *m, enum qf_field f)
{
	return (double)qf_get_u64(m, f) / 1e9;
}

static void on_ended(struct counts *c, const struct qf_msg *m)
{
	const char *group = counts_group(c->conf, qf_get(m, QF_F_GROUP)), *engine = engine_type(c->conf, m);
	const char *query[] = { engine, group, status_of(m), protocol_of(m) };
	const char *where[] = { engine, group };

	metric_add(&c->metrics[QUERIES], query, 1);
	metric_observe(&c->metrics[DURATION], where, seconds(m, QF_F_TOTAL_NS));
	if (qf_has(m, QF_F_CLUSTER))
		metric_observe(&c->metrics[QUEUE_DURATION], &group, seconds(m, QF_F_QUEUE_NS));
	else if (qf_has(m, QF_F_GROUP) && qf_slice_eq_str(qf_get(m, QF_F_SQLSTATE), "53300"))
		metric_add(&c->metrics[REJECTIONS], &group, 1);
	if (qf_has(m, QF_F_TO)) {
		const char *dialects[] = { dialect_of(m, QF_F_FROM), dialect_of(m, QF_F_TO) };

		metric_add(&c->metrics[TRANSLATED], dialects, 1);
	}
}

static void on_scripts(struct counts *c, const struct qf_msg *m)
{
	char number[21], outcome[OUTCOME_MAX + 1];
	struct qf_field_iter it = qf_fields(m);
	struct qf_slice v, name, word;
	enum qf_field tag;

	while (qf_field_next(&it, &tag, &v)) {
		if (tag != QF_F_SCRIPT || !qf_pair(v, &name, &word))
			continue;
		metric_add(&c->metrics[SCRIPTS],
			   (const char *[]){ router_of(c->conf, name, number), outcome_of(word, outcome) }, 1);
	}
}

void counts_event(struct counts *c, const struct qf_msg *m)
{
	metric_add(&c->metrics[EVENTS], NULL, 1);
	if (qf_slice_eq_str(qf_get(m, QF_F_EVENT), "ended"))
		on_ended(c, m);
	else if (qf_has(m, QF_F_SCRIPT))
		on_scripts(c, m);
}

void counts_write(const struct counts *c, struct qf_buf *out)
{
	for (size_t i = 0; i < N_METRICS; i++)
		metric_write(&c->metrics[i], out);
}
