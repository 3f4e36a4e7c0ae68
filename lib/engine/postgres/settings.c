/*
 * Settings of the session, made equal on the connection before its statement: what differs is set through a bound
 * statement, what is not listed any more is reset. What a transaction has changed and rolled back is set again.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "private.h"

#define APPLICATION_NAME_MAX 63

static const char role_name[] = "role";

/* ---- what the connection has ---- */

static struct pge_setting *find(struct pge_settings *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcasecmp(s->p[i].name, name) == 0)
			return &s->p[i];
	return NULL;
}

static struct pge_setting *find_or_add(struct pge_settings *s, const char *name)
{
	struct pge_setting *t = find(s, name);

	if (t)
		return t;
	s->p = qf_xrealloc(s->p, (s->n + 1) * sizeof(*s->p));
	s->p[s->n] = (struct pge_setting){ .name = qf_xstrdup(name) };
	return &s->p[s->n++];
}

static void change(struct qf_engine_conn *c, struct pge_setting *t, const char *value)
{
	char *copy = value ? qf_xstrdup(value) : NULL;

	free(t->value);
	t->value = copy;
	t->in_transaction |= c->transaction != 'I';
}

static void drop(struct pge_settings *s, size_t i)
{
	free(s->p[i].name);
	free(s->p[i].value);
	s->p[i] = s->p[--s->n];
}

void pge_settings_forget(struct qf_engine_conn *c)
{
	while (c->settings.n > 0)
		drop(&c->settings, c->settings.n - 1);
	free(c->settings.p);
	c->settings.p = NULL;
	c->settings.baseline_gone = false;
}

/* ---- making it equal ---- */

/* Its own: it says whose statement runs. */
static bool is_origin(const char *name)
{
	return strcasecmp(name, "application_name") == 0;
}

static const struct qf_engine_setting *listed(const struct qf_engine_job *job, const char *name)
{
	for (size_t i = 0; i < job->n_settings; i++)
		if (strcasecmp(job->settings[i].name, name) == 0)
			return &job->settings[i];
	return NULL;
}

/* The neutral "schema" is the first of a search_path; it counts where that is not listed itself. */
static const struct qf_engine_setting *wanted(const struct qf_engine_job *job, const char *name)
{
	const struct qf_engine_setting *w = listed(job, name);

	return w == NULL && strcasecmp(name, "search_path") == 0 ? listed(job, "schema") : w;
}

static void put_set(struct qf_engine_conn *c, const char *name, const char *value)
{
	if (!c->settings.prepared) {
		qf_pg_put_close(&c->out, 'S', c->set_name); /* it may be there: then a Parse would be an error */
		qf_pg_put_parse(&c->out, c->set_name, qf_slice_str("SELECT pg_catalog.set_config($1, $2, false)"), NULL, 0);
	}
	c->settings.prepared = true;
	size_t at = qf_pg_begin_bind(&c->out, "", c->set_name, NULL, 2);

	qf_pg_add_value(&c->out, name, (uint32_t)strlen(name));
	qf_pg_add_value(&c->out, value, (uint32_t)strlen(value));
	qf_pg_end_bind(&c->out, at, NULL, 0);
	qf_pg_put_execute(&c->out, "", 0);
}

/* "name" or "prefix"."name" */
static void put_reset(struct qf_engine_conn *c, const char *name)
{
	struct qf_buf sql;

	qf_buf_init(&sql);
	qf_buf_add_str(&sql, "RESET \"");
	for (const char *p = name; *p; p++) {
		if (*p == '"')
			qf_buf_u8(&sql, '"');
		if (*p == '.')
			qf_buf_add_str(&sql, "\".\"");
		else
			qf_buf_u8(&sql, (uint8_t)*p);
	}
	qf_buf_u8(&sql, '"');
	qf_pg_put_parse(&c->out, "", qf_buf_slice(&sql), NULL, 0);
	size_t at = qf_pg_begin_bind(&c->out, "", "", NULL, 0);

	qf_pg_end_bind(&c->out, at, NULL, 0);
	qf_pg_put_execute(&c->out, "", 0);
	qf_buf_fini(&sql);
}

static bool put_wanted(struct qf_engine_conn *c, const struct qf_engine_setting *w)
{
	bool fresh = !find(&c->settings, w->name);
	struct pge_setting *t = find_or_add(&c->settings, w->name);

	if (t->value && !t->unsure && strcmp(t->value, w->value) == 0)
		return false;
	put_set(c, w->name, w->value);
	change(c, t, w->value);
	t->ours = true;
	t->fresh = fresh;
	t->unsure = t->sent = true;
	return true;
}

void pge_schema_path(struct qf_buf *path, const char *schema)
{
	qf_buf_u8(path, '"');
	for (const char *p = schema; *p; p++) {
		if (*p == '"')
			qf_buf_u8(path, '"');
		qf_buf_u8(path, (uint8_t)*p);
	}
	qf_buf_u8(path, '"');
}

static bool put_schema(struct qf_engine_conn *c, const char *schema)
{
	struct qf_buf name;
	bool any;

	qf_buf_init(&name);
	pge_schema_path(&name, schema);
	any = put_wanted(c, &(struct qf_engine_setting){ "search_path", qf_buf_cstr(&name) });
	qf_buf_fini(&name);
	return any;
}

static bool put_listed(struct qf_engine_conn *c, const struct qf_engine_job *job, const struct qf_engine_setting *w)
{
	if (is_origin(w->name))
		return false;
	if (strcmp(w->name, "schema") != 0)
		return put_wanted(c, w);
	return listed(job, "search_path") == NULL && put_schema(c, w->value);
}

static void put_baseline(struct qf_engine_conn *c)
{
	struct qf_buf sql;

	c->settings.baseline_gone = false;
	qf_buf_init(&sql);
	pge_baseline(&sql, c->server_version);
	qf_pg_put_query(&c->out, qf_buf_slice(&sql));
	qf_buf_fini(&sql);
	pge_conn_sent(c, PGE_GROUP_BASELINE);
}

/* The role of the user, before anything else is set: with its rights. */
static bool put_role(struct qf_engine_conn *c)
{
	struct pge_setting *t = find(&c->settings, role_name);
	bool fresh = !t;

	if (!pge_impersonates(c) || !c->user)
		return false;
	t = find_or_add(&c->settings, role_name);
	if (t->value && !t->unsure && strcmp(t->value, c->user) == 0)
		return false;
	pge_role_put(c, t->unsure);
	change(c, t, c->user);
	t->fresh = fresh;
	t->ours = t->unsure = t->sent = true;
	return true;
}

void pge_settings_role(struct qf_engine_conn *c, bool sure)
{
	struct pge_setting *t = find(&c->settings, role_name);

	if (t)
		t->unsure = !sure;
}

bool pge_settings_put(struct qf_engine_conn *c, const struct qf_engine_job *job)
{
	bool any = c->settings.baseline_gone;

	if (any)
		put_baseline(c);
	any |= put_role(c);
	for (size_t i = 0; i < job->n_settings; i++)
		any |= put_listed(c, job, &job->settings[i]);
	for (size_t i = 0; i < c->settings.n; i++) {
		struct pge_setting *t = &c->settings.p[i];

		if (wanted(job, t->name) || (!t->value && !t->unsure) || (pge_impersonates(c) && strcmp(t->name, role_name) == 0))
			continue;
		put_reset(c, t->name);
		change(c, t, NULL);
		t->ours = true;
		t->unsure = t->sent = any = true;
	}
	if (!any)
		return false;
	qf_pg_put_sync(&c->out);
	pge_conn_sent(c, PGE_GROUP_SETTINGS);
	c->group_job = job;
	qf_timer_set(c->pool->engine->loop, &c->timer, c->pool->engine->cfg->connect_timeout_ns);
	pge_wire_flush(c);
	return true;
}

/* All of a group or nothing: it is one transaction, or part of one. */
void pge_settings_done(struct qf_engine_conn *c, bool ok)
{
	for (size_t i = c->settings.n; i-- > 0;) {
		struct pge_setting *t = &c->settings.p[i];

		bool never_set = !ok && t->sent && t->fresh;

		if (ok && t->sent)
			t->unsure = false;
		t->sent = t->fresh = false;
		if (never_set || (!t->value && !t->unsure && !t->in_transaction))
			drop(&c->settings, i);
	}
	if (!ok)
		c->settings.prepared = false; /* perhaps: its Parse may have stood behind the error */
}

bool pge_settings_ours(const struct qf_engine_conn *c, struct qf_slice name)
{
	for (size_t i = 0; i < c->settings.n; i++)
		if (c->settings.p[i].ours && c->settings.p[i].in_transaction &&
			qf_slice_caseeq_str(name, c->settings.p[i].name))
			return true;
	return false;
}

/* ---- the client's own ---- */

static void read_setting(struct qf_engine_conn *c, struct qf_slice sql, struct qf_arena *a)
{
	struct qf_setting_stmt st;

	if (qf_sql_setting(sql, QF_DIALECT_POSTGRES, a, &st, NULL) < 0) {
		c->dirty = true; /* SET ROLE and the like */
		pge_settings_role(c, false);
		return;
	}
	if (st.local)
		return; /* over with its transaction */
	if (st.all) {
		pge_settings_lost(c);
		return;
	}
	struct pge_setting *t = find_or_add(&c->settings, st.name);

	change(c, t, st.to_default ? NULL : st.value);
	t->unsure = false;
	t->ours = false;
}

/* RESET ALL and DISCARD ALL take the baseline, too. */
void pge_settings_lost(struct qf_engine_conn *c)
{
	c->settings.baseline_gone = true;
	c->application_name[0] = '\0';
	for (size_t i = 0; i < c->settings.n; i++)
		c->settings.p[i].unsure = true;
}

void pge_settings_ran(struct qf_engine_conn *c, struct qf_slice sql)
{
	struct qf_arena *a = qf_arena_new(64 << 10);

	read_setting(c, sql, a);
	qf_arena_free(a);
}

void pge_settings_transaction_ended(struct qf_engine_conn *c, bool rolled_back)
{
	for (size_t i = c->settings.n; i-- > 0;) {
		struct pge_setting *t = &c->settings.p[i];

		t->unsure |= rolled_back && t->in_transaction;
		t->in_transaction &= c->transaction != 'I';
		if (!t->value && !t->unsure && !t->in_transaction)
			drop(&c->settings, i);
	}
}

/* ---- origin ---- */

static const char *client_name(const struct qf_engine_job *job)
{
	for (size_t i = 0; i < job->n_settings; i++)
		if (is_origin(job->settings[i].name) && *job->settings[i].value)
			return job->settings[i].value;
	return "queryflux";
}

static void add_part(struct qf_buf *b, const char *label, const char *s, size_t max)
{
	qf_buf_add_str(b, label);
	qf_buf_add(b, s ? s : "-", s ? strnlen(s, max) : 1);
}

/*
 * The client's name for itself gives way: who asks, and which query, stay. The server shows ASCII only. With the query
 * the name is another each time, and telling it costs the server as much as a short statement: one that was over in a
 * moment when it came last is not worth it.
 */
static void make_origin(const struct qf_engine_job *job, bool brief, char ret[APPLICATION_NAME_MAX + 1])
{
	struct qf_buf who;

	qf_buf_init(&who);
	add_part(&who, " user=", job->user, 16);
	if (!brief)
		add_part(&who, " query=", job->query_id, 32);
	size_t room = APPLICATION_NAME_MAX - who.n, n = strnlen(client_name(job), room);

	memcpy(ret, client_name(job), n);
	memcpy(ret + n, who.p, who.n);
	ret[n + who.n] = '\0';
	qf_buf_fini(&who);
	for (char *p = ret; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
}

bool pge_origin_put(struct qf_engine_conn *c, const struct qf_engine_job *job)
{
	char name[APPLICATION_NAME_MAX + 1];

	if (!c->origin_due || c->transaction == 'E' || job->bind->kind == QF_RUN_DESCRIBE)
		return false;
	c->origin_due = false;
	make_origin(job, pge_known_brief(c->pool->engine->known, &c->run.effects), name);
	if (strcmp(name, c->application_name) == 0)
		return false;
	memcpy(c->application_name, name, sizeof(name));
	put_set(c, "application_name", name);
	qf_pg_put_sync(&c->out);
	pge_conn_sent(c, PGE_GROUP_ORIGIN);
	return true;
}
