/* What a session's settings mean to the ring (facts) and to the encoder of rows (style). See session.h. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "session.h"

/* One name of search_path: plain, or in quotes with quotes doubled. Returns what follows it. */
static const char *read_name(const char *p, struct qf_buf *name)
{
	bool quoted = *p == '"';

	for (p += quoted; *p && (quoted || *p != ','); p++) {
		if (quoted && *p == '"' && *++p != '"')
			break;
		qf_buf_u8(name, (uint8_t)*p);
	}
	while (!quoted && name->n > 0 && name->p[name->n - 1] == ' ')
		name->n--;
	return p + strspn(p, " ,");
}

/*
 * The first schema of search_path that is a name. The default path names none, and neither does `public`: it
 * is PostgreSQL's word for the default schema, for which every engine has its own.
 */
static void refresh_schema(struct pg_session *s)
{
	const char *path = pg_settings_get(&s->settings, PG_SEARCH_PATH);
	struct qf_buf name;

	free(s->schema);
	s->schema = NULL;
	if (path == pg_setting_table[PG_SEARCH_PATH].dflt)
		return;
	qf_buf_init(&name);
	for (path += strspn(path, " ,"); *path && !s->schema; qf_buf_clear(&name)) {
		path = read_name(path, &name);
		if (qf_slice_eq_str(qf_buf_slice(&name), "public"))
			break;
		if (name.n > 0 && name.p[0] != '$')
			s->schema = qf_xstrdup(qf_buf_cstr(&name));
	}
	qf_buf_fini(&name);
}

/* Every setting that somebody has set: rules see them as headers. */
static void refresh_headers(struct pg_session *s)
{
	size_t n = 0;

	s->headers = qf_xrealloc(s->headers, (s->settings.n + 1) * sizeof(*s->headers));
	for (size_t i = 0; i < s->settings.n; i++) {
		const struct pg_setting_value *v = &s->settings.v[i];
		const char *value = v->value ? v->value : v->reset;

		if (value)
			s->headers[n++] = (struct qf_conf_kv){ .key = v->def ? v->def->name : v->name, .value = value };
	}
	s->facts.headers = s->headers;
	s->facts.n_headers = n;
}

/* Settings that are the toolkit's own, or that the session itself heeds: no engine is told. */
static bool is_for_engines(const struct pg_setting *def)
{
	static const enum pg_setting_id own[] = { PG_CLIENT_ENCODING, PG_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
		PG_IDLE_SESSION_TIMEOUT, PG_QUERYFLUX_DIALECT, PG_QUERYFLUX_TAGS, PG_ROLE, PG_STATEMENT_TIMEOUT };
	enum pg_setting_id id = (enum pg_setting_id)(def - pg_setting_table);

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (id == own[i])
			return false;
	return !(def->flags & (PG_SETTING_READ_ONLY | PG_SETTING_TRANSACTION));
}

/* Those that somebody has set: on an engine that has such settings the others are as its server has them. */
static void refresh_engine_settings(struct pg_session *s)
{
	size_t n = 0;

	s->engine_settings = qf_xrealloc(s->engine_settings, (s->settings.n + 1) * sizeof(*s->engine_settings));
	for (size_t i = 0; i < s->settings.n; i++) {
		const struct pg_setting_value *v = &s->settings.v[i];
		const char *value = v->value ? v->value : v->reset;
		bool sent = v->def ? is_for_engines(v->def) : strncasecmp(v->name, "x-", 2) != 0;

		if (value && sent)
			s->engine_settings[n++] = (struct qf_conf_kv){ .key = v->def ? v->def->name : v->name,
				.value = value };
	}
	s->facts.settings = s->engine_settings;
	s->facts.n_settings = n;
}

static char *trim(char *p)
{
	while (*p == ' ')
		p++;
	for (size_t n = strlen(p); n > 0 && p[n - 1] == ' '; n--)
		p[n - 1] = 0;
	return p;
}

/* "team=ads, nightly" → { team, ads }, { nightly, NULL } */
static void refresh_tags(struct pg_session *s)
{
	char *save = NULL;
	size_t n = 0;

	free(s->tags_text);
	s->tags_text = qf_xstrdup(pg_settings_get(&s->settings, PG_QUERYFLUX_TAGS));
	for (char *word = strtok_r(s->tags_text, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		char *value = strchr(word, '=');

		if (value)
			*value++ = 0;
		s->tags = qf_xrealloc(s->tags, (n + 1) * sizeof(*s->tags));
		s->tags[n++] = (struct qf_conf_kv){ .key = trim(word), .value = value ? trim(value) : NULL };
	}
	s->facts.tags = s->tags;
	s->facts.n_tags = n;
}

static void refresh_style(struct pg_session *s)
{
	const char *zone = pg_settings_get(&s->settings, PG_TIMEZONE);

	if (!s->tz || strcmp(qf_tz_name(s->tz), zone) != 0) {
		s->tz = qf_tz_free(s->tz);
		/* The name was checked when it was set; a zone file that has vanished since leaves UTC. */
		if (qf_tz_open(&s->tz, zone, NULL) < 0)
			s->tz = NULL;
	}
	s->style.tz = s->tz;
	s->style.extra_float_digits = atoi(pg_settings_get(&s->settings, PG_EXTRA_FLOAT_DIGITS));
	s->style.bytea_escape = strcmp(pg_settings_get(&s->settings, PG_BYTEA_OUTPUT), "escape") == 0;
}

static void refresh(struct pg_session *s)
{
	if (!s->settings.dirty)
		return;
	refresh_schema(s);
	refresh_headers(s);
	refresh_engine_settings(s);
	s->generation++;
	refresh_tags(s);
	refresh_style(s);
	s->facts.user = s->user;
	s->facts.database = s->database;
	s->facts.schema = s->schema;
	s->facts.time_zone = pg_settings_get(&s->settings, PG_TIMEZONE);
	s->facts.dialect = qf_dialect_find(qf_slice_str(pg_settings_get(&s->settings, PG_QUERYFLUX_DIALECT)));
	s->settings.dirty = false;
}

const struct qf_session_facts *pg_session_facts(struct pg_session *s)
{
	refresh(s);
	return &s->facts;
}

const struct qf_text_style *pg_session_style(struct pg_session *s)
{
	refresh(s);
	return &s->style;
}

void pg_session_facts_fini(struct pg_session *s)
{
	free(s->user);
	free(s->database);
	free(s->schema);
	free(s->headers);
	free(s->engine_settings);
	free(s->tags);
	free(s->tags_text);
	s->tz = qf_tz_free(s->tz);
}
