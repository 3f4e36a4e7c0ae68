/* The settings of one session. See settings.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "qf/map.h"
#include "qf/str.h"
#include "settings.h"

enum { MAX_VALUE = 8192, MAX_NAME = 63, MAX_OWN = 64 };

/* A dash for an underscore, as PostgreSQL takes it on a command line (-c search-path=x). */
static bool same_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++) {
		char x = *a == '-' ? '_' : *a;

		if (strncasecmp(&x, b, 1) != 0)
			return false;
	}
	return *a == *b;
}

enum pg_setting_id pg_setting_find(const char *name)
{
	for (int i = 0; i < PG_SETTING_N; i++)
		if (same_name(name, pg_setting_table[i].name))
			return (enum pg_setting_id)i;
	return PG_SETTING_NONE;
}

/* The client's own: a dotted name as in PostgreSQL, or X-Something, which rules match as a header. */
static bool is_own_name(const char *name)
{
	if (strlen(name) > MAX_NAME || strncasecmp(name, "queryflux.", 10) == 0)
		return false;
	for (const char *p = name; *p; p++)
		if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-$", *p))
			return false;
	const char *dot = strchr(name, '.');

	return strncasecmp(name, "x-", 2) == 0 || (dot && dot > name && dot[1]);
}

static struct pg_setting_value *find(const struct pg_settings *st, const struct pg_setting *def, const char *name)
{
	for (size_t i = 0; i < st->n; i++) {
		struct pg_setting_value *v = &st->v[i];

		if (def ? v->def == def : !v->def && strcasecmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static bool is_reported(const struct pg_setting *def)
{
	return def && (def->flags & PG_SETTING_REPORT);
}

static struct pg_setting_value *find_or_add(struct pg_settings *st, const struct pg_setting *def, const char *name)
{
	struct pg_setting_value *v = find(st, def, name);

	if (v)
		return v;
	if (st->n == st->cap) {
		st->cap = st->cap ? st->cap * 2 : 8;
		st->v = qf_xrealloc(st->v, st->cap * sizeof(*st->v));
	}
	v = &st->v[st->n++];
	*v = (struct pg_setting_value){ .def = def, .name = def ? NULL : qf_xstrdup(name) };
	if (is_reported(def))
		v->reported = qf_hash(qf_slice_str(def->dflt));
	return v;
}

static void forget_savepoints(struct pg_settings *st);

void pg_settings_fini(struct pg_settings *st)
{
	for (size_t i = 0; i < st->n; i++) {
		struct pg_setting_value *v = &st->v[i];

		free(v->name);
		free(v->value);
		free(v->reset);
		free(v->before);
		free(v->kept);
	}
	free(st->v);
	forget_savepoints(st);
	*st = (struct pg_settings){ 0 };
}

static char *dup_or_null(const char *s)
{
	return s ? qf_xstrdup(s) : NULL;
}

static void replace(char **at, char *with)
{
	free(*at);
	*at = with;
}

static void changed(struct pg_settings *st, const struct pg_setting *def)
{
	st->dirty = true;
	st->report |= is_reported(def);
}

/* ---- savepoints ---- */

struct savepoint {
	uint64_t name; /* its hash */
	size_t undo;   /* how many there were */
};

struct undo { /* the n-th value before a change */
	size_t n;
	char *value, *kept, *before;
	bool touched;
};

static struct savepoint *savepoint_at(const struct pg_settings *st, size_t i)
{
	return (struct savepoint *)(void *)st->savepoints.p + i;
}

static size_t count_savepoints(const struct pg_settings *st)
{
	return st->savepoints.n / sizeof(struct savepoint);
}

static struct undo *undo_at(const struct pg_settings *st, size_t i)
{
	return (struct undo *)(void *)st->undo.p + i;
}

static size_t count_undo(const struct pg_settings *st)
{
	return st->undo.n / sizeof(struct undo);
}

static void keep_for_undo(struct pg_settings *st, const struct pg_setting_value *v)
{
	size_t n = (size_t)(v - st->v), depth = count_savepoints(st);
	struct undo u = { .n = n, .touched = v->touched };

	if (depth == 0)
		return;
	for (size_t i = savepoint_at(st, depth - 1)->undo; i < count_undo(st); i++)
		if (undo_at(st, i)->n == n)
			return; /* it was kept since the last savepoint */
	u.value = dup_or_null(v->value);
	u.kept = dup_or_null(v->kept);
	u.before = dup_or_null(v->before);
	qf_buf_add(&st->undo, &u, sizeof(u));
}

static void undo_one(struct pg_settings *st, struct undo *u)
{
	struct pg_setting_value *v = &st->v[u->n];

	replace(&v->value, u->value);
	replace(&v->kept, u->kept);
	replace(&v->before, u->before);
	v->touched = u->touched;
	changed(st, v->def);
}

static void forget_savepoints(struct pg_settings *st)
{
	for (size_t i = 0; i < count_undo(st); i++) {
		free(undo_at(st, i)->value);
		free(undo_at(st, i)->kept);
		free(undo_at(st, i)->before);
	}
	qf_buf_fini(&st->undo);
	qf_buf_fini(&st->savepoints);
}

/* The last of that name; false: an engine knows one that was not seen here. */
static bool find_savepoint(const struct pg_settings *st, const char *name, size_t *ret)
{
	uint64_t hash = qf_hash(qf_slice_str(name));

	for (size_t i = count_savepoints(st); i-- > 0;)
		if (savepoint_at(st, i)->name == hash) {
			*ret = i;
			return true;
		}
	return false;
}

void pg_settings_savepoint(struct pg_settings *st, const char *name)
{
	struct savepoint s = { .name = qf_hash(qf_slice_str(name)), .undo = count_undo(st) };

	if (st->in_transaction)
		qf_buf_add(&st->savepoints, &s, sizeof(s));
}

/* What was changed since then counts as changed since the one before. */
void pg_settings_release(struct pg_settings *st, const char *name)
{
	size_t i;

	if (!find_savepoint(st, name, &i))
		return;
	st->savepoints.n = i * sizeof(struct savepoint);
	if (i == 0)
		forget_savepoints(st);
}

void pg_settings_rollback_to(struct pg_settings *st, const char *name)
{
	size_t i;

	if (!find_savepoint(st, name, &i))
		return;
	for (size_t n = count_undo(st); n-- > savepoint_at(st, i)->undo;)
		undo_one(st, undo_at(st, n));
	st->undo.n = savepoint_at(st, i)->undo * sizeof(struct undo);
	st->savepoints.n = (i + 1) * sizeof(struct savepoint);
}

/* Takes value. */
static void assign(struct pg_settings *st, struct pg_setting_value *v, char *value, bool local)
{
	keep_for_undo(st, v);
	if (st->in_transaction && !v->touched) {
		v->touched = st->touched = true;
		v->before = dup_or_null(v->value);
		v->kept = dup_or_null(v->value);
	}
	if (v->touched && !local)
		replace(&v->kept, dup_or_null(value));
	replace(&v->value, value);
	changed(st, v->def);
}

void pg_settings_hint(const char *name, struct qf_sql_error *reterr)
{
	const char *names[PG_SETTING_N + 1];

	for (int i = 0; i < PG_SETTING_N; i++)
		names[i] = pg_setting_table[i].name;
	names[PG_SETTING_N] = NULL;
	const char *near = qf_nearest(name, names);

	if (near)
		snprintf(reterr->hint, sizeof(reterr->hint), "Perhaps you meant \"%s\".", near);
	else
		snprintf(reterr->hint, sizeof(reterr->hint), "SHOW ALL lists the settings of a session.");
}

static bool unknown(const char *name, struct qf_sql_error *reterr)
{
	qf_sql_error_set(reterr, "42704", "unrecognized configuration parameter \"%s\"", name);
	pg_settings_hint(name, reterr);
	return false;
}

static size_t count_own(const struct pg_settings *st)
{
	size_t n = 0;

	for (size_t i = 0; i < st->n; i++)
		n += !st->v[i].def;
	return n;
}

static bool check(const struct pg_settings *st, const char *name, const struct pg_setting *def, const char *value,
		  char **ret, struct qf_sql_error *reterr)
{
	*ret = NULL;
	if (!def && !is_own_name(name))
		return unknown(name, reterr);
	if (!def && !find(st, NULL, name) && count_own(st) >= MAX_OWN) {
		qf_sql_error_set(reterr, "54000", "too many settings in this session, the limit is %d", MAX_OWN);
		return false;
	}
	if (value && strlen(value) > MAX_VALUE) {
		qf_sql_error_set(reterr, "54000", "value of parameter \"%s\" is longer than %d bytes", name, MAX_VALUE);
		return false;
	}
	if (def && (def->flags & PG_SETTING_READ_ONLY) && !(def == &pg_setting_table[PG_SESSION_AUTHORIZATION] &&
		!value)) {
		qf_sql_error_set(reterr, "55P02", "parameter \"%s\" cannot be changed", def->name);
		return false;
	}
	if (!value)
		return true;
	return def ? def->check(def, value, ret, reterr) : pg_check_any(def, value, ret, reterr);
}

bool pg_settings_set(struct pg_settings *st, const char *name, const char *value, enum pg_scope scope,
		     struct qf_sql_error *reterr)
{
	enum pg_setting_id id = pg_setting_find(name);
	const struct pg_setting *def = id == PG_SETTING_NONE ? NULL : &pg_setting_table[id];
	char *canonical;

	if (!check(st, name, def, value, &canonical, reterr))
		return false;
	bool local = scope == PG_SCOPE_LOCAL || (def && (def->flags & PG_SETTING_TRANSACTION));

	if (local && !st->in_transaction) {
		free(canonical);
		return true;
	}
	struct pg_setting_value *v = find_or_add(st, def, name);

	if (scope == PG_SCOPE_STARTUP) {
		replace(&v->reset, canonical);
		changed(st, def);
		return true;
	}
	assign(st, v, canonical, local);
	return true;
}

bool pg_settings_known(const char *name)
{
	return pg_setting_find(name) != PG_SETTING_NONE || is_own_name(name) || strncasecmp(name, "queryflux.",
		10) == 0;
}

/* Beyond the limits it holds for this statement alone. */
void pg_settings_accept(struct pg_settings *st, const char *name, const char *value, bool local)
{
	if (pg_settings_known(name) || (local && !st->in_transaction) || strlen(name) > MAX_NAME)
		return;
	if ((value && strlen(value) > MAX_VALUE) || (!find(st, NULL, name) && count_own(st) >= MAX_OWN))
		return;
	assign(st, find_or_add(st, NULL, name), dup_or_null(value), local);
}

void pg_settings_set_reset(struct pg_settings *st, enum pg_setting_id id, const char *value)
{
	struct pg_setting_value *v = find_or_add(st, &pg_setting_table[id], NULL);

	replace(&v->reset, qf_xstrdup(value));
	changed(st, v->def);
}

void pg_settings_note(struct pg_settings *st, struct qf_slice name, struct qf_slice value)
{
	char *n = qf_slice_dup(name);
	enum pg_setting_id id = pg_setting_find(n);

	free(n);
	/* application_name at the engine is the toolkit's own. */
	if (id == PG_SETTING_NONE || id == PG_APPLICATION_NAME || value.n > MAX_VALUE ||
		(pg_setting_table[id].flags & (PG_SETTING_REPORT | PG_SETTING_READ_ONLY)) != PG_SETTING_REPORT ||
		qf_slice_eq_str(value, pg_settings_get(st, id)))
		return;
	assign(st, find_or_add(st, &pg_setting_table[id], NULL), qf_slice_dup(value), false);
}

void pg_settings_reset_all(struct pg_settings *st)
{
	for (size_t i = 0; i < st->n; i++) {
		struct pg_setting_value *v = &st->v[i];

		if (v->value && !(v->def && (v->def->flags & PG_SETTING_TRANSACTION)))
			assign(st, v, NULL, false);
	}
}

void pg_settings_begin(struct pg_settings *st)
{
	st->in_transaction = true;
}

void pg_settings_end(struct pg_settings *st, bool commit)
{
	st->in_transaction = false;
	forget_savepoints(st);
	if (!st->touched)
		return;
	st->touched = false;
	for (size_t i = 0; i < st->n; i++) {
		struct pg_setting_value *v = &st->v[i];

		if (!v->touched)
			continue;
		replace(&v->value, commit ? v->kept : v->before);
		free(commit ? v->before : v->kept);
		v->before = v->kept = NULL;
		v->touched = false;
		changed(st, v->def);
	}
}

/* ---- reading ---- */

const char *pg_settings_get(const struct pg_settings *st, enum pg_setting_id id)
{
	const struct pg_setting *def = &pg_setting_table[id];
	const struct pg_setting_value *v = find(st, def, NULL);

	if (v && v->value)
		return v->value;
	if (v && v->reset)
		return v->reset;
	return def->flags & PG_SETTING_TRANSACTION ? pg_settings_get(st, def->inherits) : def->dflt;
}

const char *pg_settings_said(const struct pg_settings *st, enum pg_setting_id id)
{
	const struct pg_setting *def = &pg_setting_table[id];
	const struct pg_setting_value *v = find(st, def, NULL);

	if (v && (v->value || v->reset))
		return v->value ? v->value : v->reset;
	return def->flags & PG_SETTING_TRANSACTION ? pg_settings_said(st, def->inherits) : NULL;
}

bool pg_settings_bool(const struct pg_settings *st, enum pg_setting_id id)
{
	return strcmp(pg_settings_get(st, id), "on") == 0;
}

bool pg_settings_show(const struct pg_settings *st, const char *name, const char **ret_name, const char **ret_value,
		      struct qf_sql_error *reterr)
{
	enum pg_setting_id id = pg_setting_find(name);

	if (id != PG_SETTING_NONE) {
		*ret_name = pg_setting_table[id].name;
		*ret_value = pg_settings_get(st, id);
		return true;
	}
	const struct pg_setting_value *v = find(st, NULL, name);

	if (!v)
		return unknown(name, reterr);
	*ret_name = v->name;
	*ret_value = v->value ? v->value : v->reset ? v->reset : "";
	return true;
}

bool pg_settings_next_report(struct pg_settings *st, size_t *at, const char **ret_name, const char **ret_value)
{
	for (; st->report && *at < st->n; (*at)++) {
		struct pg_setting_value *v = &st->v[*at];

		if (!is_reported(v->def))
			continue;
		const char *value = pg_settings_get(st, (enum pg_setting_id)(v->def - pg_setting_table));
		uint64_t hash = qf_hash(qf_slice_str(value));

		if (hash == v->reported)
			continue;
		v->reported = hash;
		*ret_name = v->def->name;
		*ret_value = value;
		return true;
	}
	st->report = false;
	return false;
}
