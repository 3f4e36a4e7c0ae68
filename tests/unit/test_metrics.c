/* qf-admin's metrics: the text format to the byte, and what events add up to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/qf-admin/counts.c"
#include "../../cmd/qf-admin/metrics.c"

/* ---- the text format ------------------------------------------------------------------------------------- */

static const struct metric_def gauge = { "g", METRIC_GAUGE, "a \\ and\na line", { "one", "two" } };
static const struct metric_def plain = { "p_total", METRIC_COUNTER, "no labels", { NULL } };
static const struct metric_def histogram = { "h_seconds", METRIC_HISTOGRAM, "time", { "l" } };

static void expect(const struct metric *m, const char *want)
{
	struct qf_buf out = { 0 };

	metric_write(m, &out);
	assert_string_equal(qf_buf_cstr(&out), want);
	qf_buf_fini(&out);
}

static void text_format(void **state)
{
	const char *a[] = { "x", "y" }, *b[] = { "quote \" back \\ line\n", "" };
	struct metric m;

	(void)state;
	metric_init(&m, &gauge);
	expect(&m, "# HELP g a \\\\ and\\na line\n# TYPE g gauge\n");
	metric_add(&m, a, 0);
	metric_add(&m, b, 1.5);
	metric_set(&m, a, 7);
	metric_set(&m, a, 1);
	metric_add(&m, a, 2);
	expect(&m, "# HELP g a \\\\ and\\na line\n# TYPE g gauge\n"
		   "g{one=\"x\",two=\"y\"} 3\n"
		   "g{one=\"quote \\\" back \\\\ line\\n\",two=\"\"} 1.5\n");
	metric_clear(&m);
	metric_add(&m, b, 1e15);
	expect(&m, "# HELP g a \\\\ and\\na line\n# TYPE g gauge\n"
		   "g{one=\"quote \\\" back \\\\ line\\n\",two=\"\"} 1000000000000000\n");
	metric_fini(&m);
	metric_init(&m, &plain);
	metric_add(&m, NULL, 2);
	metric_add(&m, NULL, 2);
	expect(&m, "# HELP p_total no labels\n# TYPE p_total counter\np_total 4\n");
	metric_fini(&m);
}

/* Two texts are one series only when every label is the same. */
static void labels_apart(void **state)
{
	const char *a[] = { "ab", "c" }, *b[] = { "a", "bc" };
	struct metric m;

	(void)state;
	metric_init(&m, &gauge);
	metric_add(&m, a, 1);
	metric_add(&m, b, 1);
	assert_int_equal(m.n, 2);
	metric_fini(&m);
}

static void number_of(const char *text, const char *line, double want)
{
	const char *at = strstr(text, line);
	double v = -1;

	if (!at || sscanf(at + strlen(line), " %lf", &v) != 1 || v < want - 1e-9 || v > want + 1e-9)
		fail_msg("%s: %g is wanted in\n%s", line, want, text);
}

static void buckets(void **state)
{
	static const double seen[] = { 0, 0.001, 0.0010001, 0.3, 300, 300.5, 1e6 };
	const char *l[] = { "v" };
	struct qf_buf out = { 0 };
	struct metric m;

	(void)state;
	metric_init(&m, &histogram);
	for (size_t i = 0; i < sizeof seen / sizeof *seen; i++)
		metric_observe(&m, l, seen[i]);
	metric_write(&m, &out);
	qf_buf_cstr(&out);
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"0.001\"}", 2); /* a bound belongs to its bucket */
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"0.0025\"}", 3);
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"0.25\"}", 3);
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"0.5\"}", 4);
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"300\"}", 5);
	number_of((char *)out.p, "h_seconds_bucket{l=\"v\",le=\"+Inf\"}", 7);
	number_of((char *)out.p, "h_seconds_sum{l=\"v\"}", 1000600.8020001);
	number_of((char *)out.p, "h_seconds_count{l=\"v\"}", 7);
	qf_buf_fini(&out);
	metric_fini(&m);
}

static void bounded(void **state)
{
	struct metric m;
	char name[16];

	(void)state;
	metric_init(&m, &gauge);
	for (int i = 0; i < 3 * METRIC_SERIES; i++) {
		const char *l[] = { name, "x" };

		snprintf(name, sizeof name, "n%d", i);
		metric_add(&m, l, 1);
	}
	assert_int_equal(m.n, METRIC_SERIES + 1);
	assert_string_equal(m.all[METRIC_SERIES]->values[1], "other");
	assert_true(m.all[METRIC_SERIES]->value > 2 * METRIC_SERIES - 0.5);
	metric_fini(&m);
}

/* ---- events ---------------------------------------------------------------------------------------------- */

static const char yaml[] =
	"clusters: { d1: { engine: duckDb }, d2: { engine: duckDb }, t1: { engine: trino, endpoint: \"http://t:1\" } }\n"
	"clusterGroups:\n"
	"  same: { members: [d1, d2], maxRunningQueries: 1 }\n"
	"  mixed: { members: [d1, t1], maxRunningQueries: 1 }\n"
	"routers:\n- { type: header, headerName: H, headerValueToGroup: { v: same } }\n- { type: pythonScript, script: \"def route(query, ctx): return None\" }\n"
	"routingFallback: same\n";

struct ended {
	const char *group, *cluster, *sqlstate;
	int frontend; /* < 0: none */
	enum qf_dialect from, to;
};

static void tell(struct counts *c, const struct ended *e)
{
	struct qf_buf b = { 0 };
	struct qf_msg m;

	qf_msg_begin(&b, QF_MSG_EVENT, 1, 1, 0);
	qf_put_str(&b, QF_F_EVENT, "ended");
	qf_put_str(&b, QF_F_GROUP, e->group);
	qf_put_str(&b, QF_F_CLUSTER, e->cluster);
	qf_put_str(&b, QF_F_SQLSTATE, e->sqlstate);
	if (e->frontend >= 0)
		qf_put_u8(&b, QF_F_FRONTEND, (uint8_t)e->frontend);
	if (e->to) {
		qf_put_u8(&b, QF_F_FROM, (uint8_t)e->from);
		qf_put_u8(&b, QF_F_TO, (uint8_t)e->to);
	}
	qf_put_u64(&b, QF_F_TOTAL_NS, 20000000);
	qf_put_u64(&b, QF_F_QUEUE_NS, 2000000);
	qf_msg_end(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), NULL), 0);
	counts_event(c, &m);
	qf_buf_fini(&b);
}

static const struct {
	const char *name;
	struct ended event;
	const char *line; /* the series of queries_total that is 1 for it */
} cases[] = {
	{ "success", { "same", "d1", "00000", QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"duckDb\",cluster_group=\"same\",status=\"success\",protocol=\"postgresWire\"}" },
	{ "failed at the engine", { "mixed", "t1", "42P01", QF_FE_TRINO, 0, 0 },
	  "{engine_type=\"trino\",cluster_group=\"mixed\",status=\"failed\",protocol=\"trinoHttp\"}" },
	{ "the engine refuses", { "same", "d2", "42501", QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"duckDb\",cluster_group=\"same\",status=\"failed\",protocol=\"postgresWire\"}" },
	{ "a rule refuses", { NULL, NULL, "42501", QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"none\",cluster_group=\"none\",status=\"refused\",protocol=\"postgresWire\"}" },
	{ "cancelled in the queue", { "same", NULL, "57014", QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"duckDb\",cluster_group=\"same\",status=\"cancelled\",protocol=\"postgresWire\"}" },
	{ "rejected, engine unknown", { "mixed", NULL, "53300", QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"none\",cluster_group=\"mixed\",status=\"failed\",protocol=\"postgresWire\"}" },
	{ "names that are not configured", { "gr\"oup", "cluster", "00000", -1, 0, 0 },
	  "{engine_type=\"none\",cluster_group=\"other\",status=\"success\",protocol=\"none\"}" },
	{ "a frontend that does not exist", { "same", "d1", "00000", 200, 0, 0 },
	  "{engine_type=\"duckDb\",cluster_group=\"same\",status=\"success\",protocol=\"none\"}" },
	{ "no state", { "same", "d1", NULL, QF_FE_POSTGRES, 0, 0 },
	  "{engine_type=\"duckDb\",cluster_group=\"same\",status=\"failed\",protocol=\"postgresWire\"}" },
};

static struct qf_conf *load(void)
{
	struct qf_conf *conf;
	struct qf_err err;

	if (qf_conf_parse(&conf, qf_slice_str(yaml), "test.yaml", &err) < 0)
		fail_msg("%s", err.text);
	return conf;
}

static void each_end(void **state)
{
	struct qf_conf *conf = load();

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct counts *c = counts_new(conf);
		struct qf_buf out = { 0 };
		char line[300];

		tell(c, &cases[i].event);
		counts_write(c, &out);
		snprintf(line, sizeof line, "\nqueryflux_queries_total%s 1\n", cases[i].line);
		if (!strstr(qf_buf_cstr(&out), line))
			fail_msg("%s: no%sin\n%s", cases[i].name, line, (char *)out.p);
		assert_null(strstr(strstr((char *)out.p, line) + strlen(line), "queryflux_queries_total"));
		assert_int_equal(strstr((char *)out.p, "queue_rejections_total{cluster_group") != NULL,
				 cases[i].event.sqlstate && !strcmp(cases[i].event.sqlstate, "53300"));
		assert_int_equal(strstr((char *)out.p, "queue_duration_seconds_count") != NULL, cases[i].event.cluster != NULL);
		qf_buf_fini(&out);
		counts_free(c);
	}
	qf_conf_free(conf);
}

static void sums(void **state)
{
	struct qf_conf *conf = load(), *later = load();
	struct counts *c = counts_new(conf);
	struct ended e = { "same", "d1", "00000", QF_FE_POSTGRES, QF_DIALECT_POSTGRES, QF_DIALECT_DUCKDB };
	struct ended odd = { "same", "d1", "00000", QF_FE_POSTGRES, (enum qf_dialect)250, (enum qf_dialect)251 };
	struct qf_buf out = { 0 };

	(void)state;
	for (int i = 0; i < 5; i++)
		tell(c, &e);
	counts_set_conf(c, later); /* a reload: what was counted stays */
	qf_conf_free(conf);
	tell(c, &e);
	tell(c, &odd);
	counts_write(c, &out);
	qf_buf_cstr(&out);
	number_of((char *)out.p,
		  "queryflux_queries_total{engine_type=\"duckDb\",cluster_group=\"same\",status=\"success\",protocol=\"postgresWire\"}", 7);
	number_of((char *)out.p, "queryflux_query_duration_seconds_sum{engine_type=\"duckDb\",cluster_group=\"same\"}", 0.14);
	number_of((char *)out.p, "queryflux_queue_duration_seconds_sum{cluster_group=\"same\"}", 0.014);
	number_of((char *)out.p, "queryflux_translated_queries_total{src_dialect=\"postgres\",tgt_dialect=\"duckdb\"}", 6);
	number_of((char *)out.p, "queryflux_translated_queries_total{src_dialect=\"other\",tgt_dialect=\"other\"}", 1);
	number_of(strstr((char *)out.p, "# TYPE queryflux_events_total counter\n"), "\nqueryflux_events_total", 7);
	qf_buf_fini(&out);
	counts_free(c);
	qf_conf_free(later);
}

static void scripts(void **state)
{
	static const char *const told[][2] = {
		{ "2", "group" }, { "2", "group" }, { "2", "timed_out" }, { "1", "group" }, { "2 ", "group" }, { "", "group" },
		{ "2", "Odd" },	  { "2", "" },	    { "2", "a_word_of_21_letters_" }, { "2", NULL },
	};
	struct qf_conf *conf = load();
	struct counts *c = counts_new(conf);
	struct qf_buf b = { 0 }, out = { 0 };
	struct qf_msg m;

	(void)state;
	qf_msg_begin(&b, QF_MSG_EVENT, 1, 1, 0);
	qf_put_str(&b, QF_F_EVENT, "routed");
	for (size_t i = 0; i < sizeof told / sizeof *told; i++)
		qf_put_pair(&b, QF_F_SCRIPT, told[i][0], told[i][1]);
	qf_msg_end(&b);
	assert_int_equal(qf_msg_decode(&m, qf_buf_slice(&b), NULL), 0);
	counts_event(c, &m);
	counts_write(c, &out);
	qf_buf_cstr(&out);
	number_of((char *)out.p, "queryflux_script_runs_total{router=\"2\",outcome=\"group\"}", 2);
	number_of((char *)out.p, "queryflux_script_runs_total{router=\"2\",outcome=\"timed_out\"}", 1);
	number_of((char *)out.p, "queryflux_script_runs_total{router=\"other\",outcome=\"group\"}", 3);
	number_of((char *)out.p, "queryflux_script_runs_total{router=\"2\",outcome=\"other\"}", 4);
	qf_buf_fini(&out);
	qf_buf_fini(&b);
	counts_free(c);
	qf_conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_format), cmocka_unit_test(labels_apart), cmocka_unit_test(buckets),
		cmocka_unit_test(bounded),     cmocka_unit_test(each_end),     cmocka_unit_test(sums),
		cmocka_unit_test(scripts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
