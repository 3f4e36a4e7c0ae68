#include "metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* From a lookup that costs next to nothing to a report that runs for minutes. */
static const double bounds[] = { 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300 };
#define N_BOUNDS (sizeof bounds / sizeof *bounds)

struct metric_series {
	char *values[METRIC_LABELS];
	double value;		     /* of a histogram: the sum */
	uint64_t below[N_BOUNDS + 1]; /* not cumulative; the last is what is beyond all bounds */
};

static const char *const types[] = { [METRIC_COUNTER] = "counter",
				     [METRIC_GAUGE] = "gauge",
				     [METRIC_HISTOGRAM] = "histogram" };

void metric_init(struct metric *m, const struct metric_def *def)
{
	memset(m, 0, sizeof *m);
	m->def = def;
	while (m->n_labels < METRIC_LABELS && def->labels[m->n_labels])
		m->n_labels++;
	m->by_labels = qf_map_new();
}

void metric_clear(struct metric *m)
{
	for (size_t i = 0; i < m->n; i++) {
		for (unsigned k = 0; k < m->n_labels; k++)
			free(m->all[i]->values[k]);
		free(m->all[i]);
	}
	free(m->all);
	m->all = NULL;
	m->n = 0;
	qf_map_free(m->by_labels);
	m->by_labels = qf_map_new();
}

void metric_fini(struct metric *m)
{
	if (!m->by_labels)
		return;
	metric_clear(m);
	m->by_labels = qf_map_free(m->by_labels);
}

/* ---- series ---------------------------------------------------------------------------------------------- */

static void make_key(const struct metric *m, const char *const *values, struct qf_buf *key)
{
	qf_buf_u8(key, (uint8_t)m->n_labels);
	for (unsigned i = 0; i < m->n_labels; i++)
		qf_buf_add(key, values[i], strlen(values[i]) + 1);
}

static struct metric_series *series_new(struct metric *m, const char *const *values, struct qf_slice key)
{
	struct metric_series *s = qf_xcalloc(1, sizeof *s);

	for (unsigned i = 0; i < m->n_labels; i++)
		s->values[i] = qf_xstrdup(values[i]);
	if ((m->n & (m->n - 1)) == 0)
		m->all = qf_xrealloc(m->all, (m->n ? 2 * m->n : 1) * sizeof *m->all);
	m->all[m->n++] = s;
	qf_map_put(m->by_labels, key, s);
	return s;
}

static struct metric_series *series_of(struct metric *m, const char *const *values)
{
	static const char *const other[METRIC_LABELS] = { "other", "other", "other", "other", "other" };
	struct qf_buf key = { 0 };
	struct metric_series *s;

	make_key(m, values, &key);
	s = qf_map_get(m->by_labels, qf_buf_slice(&key));
	if (!s && m->n >= METRIC_SERIES) {
		values = other;
		qf_buf_clear(&key);
		make_key(m, values, &key);
		s = qf_map_get(m->by_labels, qf_buf_slice(&key));
	}
	if (!s)
		s = series_new(m, values, qf_buf_slice(&key));
	qf_buf_fini(&key);
	return s;
}

void metric_add(struct metric *m, const char *const *values, double by)
{
	series_of(m, values)->value += by;
}

void metric_set(struct metric *m, const char *const *values, double to)
{
	series_of(m, values)->value = to;
}

void metric_observe(struct metric *m, const char *const *values, double seconds)
{
	struct metric_series *s = series_of(m, values);
	size_t i = 0;

	while (i < N_BOUNDS && seconds > bounds[i])
		i++;
	s->below[i]++;
	s->value += seconds;
}

/* ---- text ------------------------------------------------------------------------------------------------ */

static void put_escaped(struct qf_buf *out, const char *s, bool quotes)
{
	for (; *s; s++) {
		if (*s == '\n')
			qf_buf_add_str(out, "\\n");
		else if (*s == '\\' || (quotes && *s == '"'))
			qf_buf_printf(out, "\\%c", *s);
		else
			qf_buf_u8(out, (uint8_t)*s);
	}
}

static void put_number(struct qf_buf *out, double v)
{
	if (fabs(v) < 9007199254740992.0 && trunc(v) >= v && trunc(v) <= v)
		qf_buf_printf(out, "%.0f", v);
	else
		qf_buf_printf(out, "%.15g", v);
}

static void put_name(const struct metric *m, const struct metric_series *s, const char *suffix, const char *le,
		     struct qf_buf *out)
{
	qf_buf_printf(out, "%s%s", m->def->name, suffix);
	for (unsigned i = 0; i < m->n_labels; i++) {
		qf_buf_printf(out, "%s%s=\"", i ? "," : "{", m->def->labels[i]);
		put_escaped(out, s->values[i], true);
		qf_buf_u8(out, '"');
	}
	if (le)
		qf_buf_printf(out, "%sle=\"%s\"", m->n_labels ? "," : "{", le);
	if (le || m->n_labels)
		qf_buf_u8(out, '}');
	qf_buf_u8(out, ' ');
}

static void write_histogram(const struct metric *m, const struct metric_series *s, struct qf_buf *out)
{
	struct qf_buf le = { 0 };
	uint64_t n = 0;

	for (size_t i = 0; i <= N_BOUNDS; i++) {
		n += s->below[i];
		qf_buf_clear(&le);
		if (i < N_BOUNDS)
			put_number(&le, bounds[i]);
		else
			qf_buf_add_str(&le, "+Inf");
		put_name(m, s, "_bucket", qf_buf_cstr(&le), out);
		qf_buf_printf(out, "%llu\n", (unsigned long long)n);
	}
	qf_buf_fini(&le);
	put_name(m, s, "_sum", NULL, out);
	put_number(out, s->value);
	qf_buf_u8(out, '\n');
	put_name(m, s, "_count", NULL, out);
	qf_buf_printf(out, "%llu\n", (unsigned long long)n);
}

void metric_write(const struct metric *m, struct qf_buf *out)
{
	qf_buf_printf(out, "# HELP %s ", m->def->name);
	put_escaped(out, m->def->help, false);
	qf_buf_printf(out, "\n# TYPE %s %s\n", m->def->name, types[m->def->kind]);
	for (size_t i = 0; i < m->n; i++) {
		const struct metric_series *s = m->all[i];

		if (m->def->kind == METRIC_HISTOGRAM) {
			write_histogram(m, s, out);
			continue;
		}
		put_name(m, s, "", NULL, out);
		put_number(out, s->value);
		qf_buf_u8(out, '\n');
	}
}
