/*
 * The DuckDB adapter alone, submit to on_end on the loop: usage: duckdb [THREADS [DATABASE]]
 * Prints p50/p99 of short statements and the rate of a large result.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "qf/clock.h"
#include "qf/engine.h"

#define ROUNDS 5000

static const struct qf_engine_ops *ops;
static struct qf_loop *loop;

struct run {
	struct qf_engine_job job;
	struct qf_engine_conn *conn;
	uint64_t rows, bytes, began_ns, first_ns, end_ns;
};

static void on_schema(struct qf_engine_job *job, struct qf_slice s)
{
	struct run *r = job->arg;

	r->bytes += s.n;
}

static void on_batch(struct qf_engine_job *job, struct qf_slice s, uint64_t rows)
{
	struct run *r = job->arg;

	if (!r->first_ns)
		r->first_ns = qf_mono_ns();
	r->bytes += s.n;
	r->rows += rows;
	ops->more(r->conn, s.n);
}

static void on_end(struct qf_engine_job *job, const struct qf_engine_end *end)
{
	struct run *r = job->arg;

	r->end_ns = qf_mono_ns();
	if (end->outcome != QF_OUT_OK)
		fprintf(stderr, "%s %s\n", end->error.sqlstate, end->error.message);
	qf_loop_stop(loop);
}

static void run(struct run *r, struct qf_engine_conn *c, const char *sql)
{
	struct qf_sql_error err;

	memset(r, 0, sizeof(*r));
	r->conn = c;
	r->job = (struct qf_engine_job){ .sql = qf_slice_str(sql), .bind = &qf_bind_plain, .window = 4u << 20,
					 .batch_bytes = 256u << 10, .arg = r, .on_schema = on_schema, .on_batch = on_batch, .on_end = on_end };
	r->began_ns = qf_mono_ns();
	if (ops->submit(c, &r->job, &err) < 0 || qf_loop_run(loop) < 0)
		exit(1);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void latency(struct qf_engine_conn *c, const char *sql, unsigned pause_us)
{
	static uint64_t ns[ROUNDS];
	const struct timespec pause = { .tv_nsec = pause_us * 1000l };
	unsigned n = pause_us ? ROUNDS / 5 : ROUNDS;
	struct run r;

	for (unsigned i = 0; i < n; i++) {
		run(&r, c, sql);
		ns[i] = r.end_ns - r.began_ns;
		if (pause_us)
			nanosleep(&pause, NULL);
	}
	qsort(ns, n, sizeof(*ns), compare);
	printf("%-44s pause %3u us  p50 %6.1f us  p99 %6.1f us\n", sql, pause_us, (double)ns[n / 2] / 1e3,
		(double)ns[n * 99 / 100] / 1e3);
}

static void throughput(struct qf_engine_conn *c, const char *sql)
{
	struct run r;

	for (int i = 0; i < 3; i++) {
		run(&r, c, sql);
		double s = (double)(r.end_ns - r.began_ns) / 1e9;

		printf("%-44s first %5.1f ms  all %6.1f ms  %7.0f krows/s  %6.0f MB/s\n", sql,
			r.first_ns ? (double)(r.first_ns - r.began_ns) / 1e6 : 0, s * 1e3, (double)r.rows / s / 1e3,
			(double)r.bytes / s / 1e6);
	}
}

int main(int argc, char **argv)
{
	struct qf_conf_cluster cfg = { .name = "bench", .threads = argc > 1 ? (unsigned)atoi(argv[1]) : 0,
				       .database_path = argc > 2 ? argv[2] : NULL };
	struct qf_err err = { 0 };
	struct qf_sql_error sql_err;
	struct qf_engine *e;
	struct qf_engine_conn *c;
	struct run r;

	ops = qf_engine_find(QF_ENGINE_DUCKDB);
	if (qf_loop_new(&loop, &err) < 0 || ops->open(&e, &cfg, loop, 8, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	if (ops->conn_get(e, &(struct qf_engine_who){ 0 }, &c, &sql_err) < 0)
		return 1;
	run(&r, c, "CREATE OR REPLACE TABLE t AS SELECT range AS a, range % 1000 AS k, hash(range) AS h, "
		   "'name ' || range AS s, range / 7 AS d FROM range(5000000)");
	printf("threads %u\n", cfg.threads);
	latency(c, "SELECT 1", 0);
	latency(c, "SELECT 1", 500);
	latency(c, "SELECT * FROM t WHERE a = 4711", 0);
	latency(c, "SELECT k, count(*) FROM t WHERE a < 5000 GROUP BY k LIMIT 5", 0);
	throughput(c, "SELECT * FROM t");
	throughput(c, "SELECT k, sum(d), min(s) FROM t GROUP BY k");
	throughput(c, "SELECT count(*) FROM t x JOIN t y USING (h)");
	ops->conn_put(c, false);
	ops->close(e);
	qf_loop_free(loop);
	return 0;
}
