/* Clusters and groups from the configuration: opened at the start, compared and changed by a reload, closed at the end. */
#include "dispatch.h"

#include "qf/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMNS_CACHE (4u << 20) /* bytes, of one cluster */

struct group *group_find(struct dispatch *d, struct qf_slice name)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);

		if (g->conf && qf_slice_eq_str(name, g->name))
			return g;
	}
	return NULL;
}

static struct cluster *cluster_find(struct dispatch *d, const char *name)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->clusters) {
		struct cluster *c = qf_container_of(it, struct cluster, link);

		if (!strcmp(c->conf->name, name))
			return c;
	}
	return NULL;
}

/* The most jobs that the groups may run on this cluster at once. */
static unsigned most_jobs(const struct qf_conf *conf, const struct qf_conf_cluster *cc)
{
	unsigned n = 0;

	for (size_t i = 0; i < conf->n_groups; i++)
		for (size_t k = 0; k < conf->groups[i].n_members; k++)
			if (conf->groups[i].members[k] == cc)
				n += conf->groups[i].max_running;
	return cc->max_running && cc->max_running < n ? cc->max_running : n;
}

static void cluster_open(struct dispatch *d, struct cluster *c, unsigned jobs)
{
	struct qf_err err = { 0 };

	c->ops = qf_engine_find(c->conf->engine);
	if (!c->ops) {
		snprintf(c->why, sizeof c->why, "engine \"%s\" of cluster \"%s\" is known but not built yet",
			 qf_engine_kind_name(c->conf->engine), c->conf->name);
	} else if (c->ops->open(&c->engine, c->conf, d->run->loop, jobs, &err) < 0) {
		c->engine = NULL;
		snprintf(c->why, sizeof c->why, "%s", err.text);
	} else {
		return;
	}
	qf_error("cluster %s: %s", c->conf->name, c->why);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* As whom statements run there. */
static bool same_users(const struct qf_conf_cluster *a, const struct qf_conf_cluster *b)
{
	bool same = a->query_auth == b->query_auth && same_text(a->username, b->username) && same_text(a->password, b->password) &&
		    same_text(a->password_file, b->password_file) && a->n_engine_users == b->n_engine_users;

	for (size_t i = 0; same && i < a->n_engine_users; i++) {
		const struct qf_conf_engine_user *x = &a->engine_users[i], *y = &b->engine_users[i];

		same = same_text(x->name, y->name) && same_text(x->username, y->username) && same_text(x->password, y->password) &&
		       same_text(x->password_file, y->password_file);
	}
	return same;
}

/* An engine is opened once: what it was opened with cannot change under it. */
static bool same_engine(const struct qf_conf_cluster *a, const struct qf_conf_cluster *b)
{
	bool same = a->engine == b->engine && same_text(a->endpoint, b->endpoint) &&
		    same_text(a->database_path, b->database_path) && same_text(a->init_sql, b->init_sql) &&
		    same_text(a->memory_limit, b->memory_limit) && a->threads == b->threads &&
		    same_text(a->script, b->script) && a->n_allowed_directories == b->n_allowed_directories &&
		    same_users(a, b);

	for (size_t i = 0; same && i < a->n_allowed_directories; i++)
		same = same_text(a->allowed_directories[i], b->allowed_directories[i]);
	return same;
}

static int check_clusters(struct dispatch *d, const struct qf_conf *conf, struct qf_err *reterr)
{
	for (size_t i = 0; i < conf->n_clusters; i++) {
		const struct qf_conf_cluster *cc = &conf->clusters[i];
		struct cluster *c = cluster_find(d, cc->name);

		if (c && !same_engine(c->conf, cc))
			return qf_err_set(reterr, QF_EUNSUPPORTED,
					  "%s:%u: cluster \"%s\" changed: restart qf-dispatch for that, or give it a new name",
					  conf->path ? conf->path : "embedded default", cc->place.line, cc->name);
	}
	return 0;
}

static bool same_members(const struct group *g, const struct qf_conf_group *gc)
{
	size_t n = 0;

	for (size_t i = 0; i < gc->n_members; i++)
		if (gc->members[i]->enabled &&
		    (n == g->n_members || strcmp(g->members[n++]->conf->name, gc->members[i]->name) != 0))
			return false;
	return n == g->n_members;
}

static void group_set_members(struct group *g)
{
	free(g->members);
	g->members = qf_xcalloc(g->conf->n_members ? g->conf->n_members : 1, sizeof *g->members);
	g->n_members = 0;
	for (size_t i = 0; i < g->conf->n_members; i++)
		if (g->conf->members[i]->enabled)
			g->members[g->n_members++] = cluster_find(g->d, g->conf->members[i]->name);
}

static void apply_clusters(struct dispatch *d, const struct qf_conf *conf)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->clusters) { /* gone ones keep what they were opened with */
		struct cluster *c = qf_container_of(it, struct cluster, link);

		c->conf = qf_conf_cluster(c->model, c->conf->name);
	}
	for (size_t i = 0; i < conf->n_clusters; i++) {
		const struct qf_conf_cluster *cc = &conf->clusters[i];
		struct cluster *c = cluster_find(d, cc->name);

		if (!c && !cc->enabled)
			continue;
		if (!c) {
			c = qf_xcalloc(1, sizeof *c);
			c->conf = cc;
			c->model = qf_conf_ref(conf);
			c->columns = qf_lru_new(COLUMNS_CACHE);
			qf_list_append(&d->clusters, &c->link);
			cluster_open(d, c, most_jobs(conf, cc));
		}
		c->conf = cc;
	}
}

static bool is_ours(const struct dispatch *d, const struct qf_conf_group *gc)
{
	return gc->enabled && !strcmp(gc->instance, d->run->instance);
}

/* Those of one listener that wait for this group, in its queue or for a translation; not what is in a transaction. */
static void bounce_waiting(struct listener *l, const struct group *g)
{
	struct stream *s;
	size_t at = 0;

	while ((s = qf_map_next(l->streams, &at, NULL)))
		if (s->group == g && s->rd.state == QF_RD_QUEUED && !stream_in_pin(s))
			stream_step(s, QF_RD_EV_BOUNCE, s->rd.attempt);
}

/* What waits was judged, and translated, for what the group was: BOUNCED tells the listener to ask again. */
static void bounce_group(struct group *g)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &g->d->listeners)
		bounce_waiting(qf_container_of(it, struct listener, link), g);
}

static const struct qf_conf_group *conf_of(const struct dispatch *d, const struct qf_conf *conf, const struct group *g)
{
	const struct qf_conf_group *gc = qf_conf_group(conf, g->name);

	return gc && is_ours(d, gc) ? gc : NULL;
}

int groups_apply(struct dispatch *d, const struct qf_conf *conf, struct qf_err *reterr)
{
	struct qf_list *it, *tmp;
	int rc = check_clusters(d, conf, reterr);

	if (rc < 0)
		return rc;
	apply_clusters(d, conf);
	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);
		const struct qf_conf_group *gc = conf_of(d, conf, g);

		if (!gc || !same_members(g, gc))
			bounce_group(g);
		g->conf = gc; /* NULL: it keeps what it runs and takes nothing new, until it comes back */
	}
	for (size_t i = 0; i < conf->n_groups; i++) {
		const struct qf_conf_group *gc = &conf->groups[i];
		struct group *g = group_find(d, qf_slice_str(gc->name));

		if (!is_ours(d, gc))
			continue;
		if (!g) {
			g = qf_xcalloc(1, sizeof *g);
			g->d = d;
			g->name = qf_xstrdup(gc->name);
			qf_list_init(&g->queue);
			qf_list_init(&g->describes);
			qf_list_init(&g->busy);
			g->stall.fn = group_stall;
			qf_list_append(&d->groups, &g->link);
		}
		g->conf = gc;
		group_set_members(g);
		group_serve(g);
	}
	return 0;
}

void groups_close(struct dispatch *d)
{
	struct qf_list *it, *tmp;

	qf_list_each(it, tmp, &d->groups) {
		struct group *g = qf_container_of(it, struct group, link);

		qf_list_remove(&g->link);
		qf_timer_stop(d->run->loop, &g->stall);
		free(g->members);
		free(g->name);
		free(g);
	}
	qf_list_each(it, tmp, &d->clusters) {
		struct cluster *c = qf_container_of(it, struct cluster, link);

		if (c->engine)
			c->ops->close(c->engine);
		qf_list_remove(&c->link);
		qf_conf_free(c->model);
		qf_lru_free(c->columns);
		free(c);
	}
}
