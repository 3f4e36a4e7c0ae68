/*
 * Metrics: counters, gauges and histograms with labels, and their text in Prometheus' format 0.0.4. Pure. One
 * thread; a metric belongs to its owner, who clears and writes it.
 *
 * The number of series of one metric is bounded: beyond METRIC_SERIES everything new is added up in one series
 * whose labels are all "other".
 */
#ifndef QF_ADMIN_METRICS_H
#define QF_ADMIN_METRICS_H

#include "qf/map.h"

#define METRIC_LABELS 5
#define METRIC_SERIES 1000

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_def {
	const char *name;
	enum metric_kind kind;
	const char *help;
	const char *labels[METRIC_LABELS + 1]; /* ends with NULL */
};

struct metric_series;

struct metric {
	const struct metric_def *def;
	unsigned n_labels;
	struct qf_map *by_labels;
	struct metric_series **all; /* by age */
	size_t n;
};

void metric_init(struct metric *m, const struct metric_def *def); /* def is borrowed */
void metric_fini(struct metric *m);
/* values: one for each label, copied. Creates the series when it is new, with 0 too. */
void metric_add(struct metric *m, const char *const *values, double by);
void metric_set(struct metric *m, const char *const *values, double to);
void metric_observe(struct metric *m, const char *const *values, double seconds); /* of a histogram */
void metric_clear(struct metric *m); /* forgets all series: of a gauge that is filled anew */
void metric_write(const struct metric *m, struct qf_buf *out);

#endif
