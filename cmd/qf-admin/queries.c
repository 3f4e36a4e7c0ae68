/*
 * `qf-admin queries` and `cancel`: asked of qf-listen, which owns each query, and of qf-dispatch, which knows what
 * waits and runs, and merged by the public id. So they work while the qf-admin service is away.
 */
#include "admin.h"
#include "gather.h"

#include "qf/clock.h"
#include "qf/map.h"
#include "qf/str.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ASKED (QF_ROLE(QF_LISTEN) | QF_ROLE(QF_DISPATCH))
#define SQL_IN_TABLE 60

enum { ID, STATE, AGE, USER, PROTOCOL, GROUP, CLUSTER, N_COLUMNS };

static const char *const titles[N_COLUMNS] = { "ID", "STATE", "AGE", "USER", "PROTOCOL", "GROUP", "CLUSTER" };

struct row {
	char id[64], state[16], user[64], client[64], protocol[24], group[64], cluster[64];
	uint64_t age_ns, queue_ns, run_ns;
	struct qf_buf sql;
};

struct queries {
	struct qf_map *by_id;
};

/* ---- what was answered --------------------------------------------------------------------------------------- */

static struct row *row_of(struct queries *q, const struct qf_msg *m)
{
	struct qf_slice id = qf_get(m, QF_F_QUERY_ID);
	struct row *r;

	if (id.n == 0)
		return NULL;
	r = qf_map_get(q->by_id, id);
	if (!r) {
		r = qf_xcalloc(1, sizeof *r);
		qf_get_text(m, QF_F_QUERY_ID, r->id, sizeof r->id);
		qf_map_put(q->by_id, id, r);
	}
	return r;
}

static void merge(struct queries *q, const struct qf_peer *from, const struct qf_msg *m)
{
	uint8_t fe = qf_get_u8(m, QF_F_FRONTEND);
	struct row *r = row_of(q, m);

	if (!r)
		return;
	if (from->program == QF_DISPATCH || !r->state[0])
		qf_get_text(m, QF_F_EVENT, r->state, sizeof r->state);
	qf_get_text(m, QF_F_USER, r->user, sizeof r->user);
	qf_get_text(m, QF_F_CLIENT, r->client, sizeof r->client);
	qf_get_text(m, QF_F_GROUP, r->group, sizeof r->group);
	qf_get_text(m, QF_F_CLUSTER, r->cluster, sizeof r->cluster);
	if (fe < QF_FE_N)
		snprintf(r->protocol, sizeof r->protocol, "%s", qf_frontend_short((enum qf_frontend)fe));
	if (from->program == QF_DISPATCH) {
		r->queue_ns = qf_get_u64(m, QF_F_QUEUE_NS);
		r->run_ns = qf_get_u64(m, QF_F_RUN_NS);
	}
	if (qf_has(m, QF_F_TOTAL_NS))
		r->age_ns = qf_get_u64(m, QF_F_TOTAL_NS);
	if (r->age_ns < r->queue_ns + r->run_ns)
		r->age_ns = r->queue_ns + r->run_ns;
	if (qf_has(m, QF_F_SQL) && r->sql.n == 0)
		qf_buf_add_slice(&r->sql, qf_get(m, QF_F_SQL));
}

static void on_rows(void *arg, const struct qf_peer *from, const struct qf_msg *m)
{
	struct qf_reader r = qf_reader(m->payload);
	struct qf_msg row;

	while (qf_row_next(&r, &row))
		merge(arg, from, &row);
	if (r.err)
		fprintf(stderr, "qf-admin: the answer of qf-%s-%s is malformed\n", qf_program_name(from->program), from->instance);
}

/* The oldest first. */
static int by_age(const void *a, const void *b)
{
	const struct row *x = *(const struct row *const *)a, *y = *(const struct row *const *)b;

	return x->age_ns != y->age_ns ? (x->age_ns < y->age_ns) - (x->age_ns > y->age_ns) : strcmp(x->id, y->id);
}

static struct row **sorted(const struct queries *q)
{
	struct row **rows = qf_xcalloc(qf_map_count(q->by_id) + 1, sizeof *rows), *r;
	size_t at = 0, n = 0;

	while ((r = qf_map_next(q->by_id, &at, NULL)))
		rows[n++] = r;
	qsort(rows, n, sizeof *rows, by_age);
	return rows;
}

/* ---- printed ------------------------------------------------------------------------------------------------- */

static json_t *text(const char *p, size_t n)
{
	json_t *s = json_stringn(p, n);

	return s ? s : json_string("(not UTF-8)");
}

static void set_text(json_t *o, const char *key, const char *value)
{
	json_object_set_new(o, key, value[0] ? text(value, strlen(value)) : json_null());
}

static void print_json(const struct row *r)
{
	json_t *o = json_object();

	set_text(o, "id", r->id);
	set_text(o, "state", r->state);
	json_object_set_new(o, "ageMillis", json_integer((json_int_t)(r->age_ns / QF_MS)));
	json_object_set_new(o, "queueMillis", json_integer((json_int_t)(r->queue_ns / QF_MS)));
	json_object_set_new(o, "runMillis", json_integer((json_int_t)(r->run_ns / QF_MS)));
	set_text(o, "user", r->user);
	set_text(o, "client", r->client);
	set_text(o, "protocol", r->protocol);
	set_text(o, "group", r->group);
	set_text(o, "cluster", r->cluster);
	json_object_set_new(o, "sql", text((const char *)r->sql.p, r->sql.n));
	json_dumpf(o, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(o);
}

/* One line that a terminal can take: text of clients may hold anything. */
static void put_plain(struct qf_buf *out, struct qf_slice s, size_t max)
{
	bool space = true;

	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = s.p[i];

		if (out->n >= max && (c & 0xc0) != 0x80) {
			qf_buf_add_str(out, "...");
			return;
		}
		if (c <= ' ' || c == 0x7f) {
			if (!space)
				qf_buf_u8(out, ' ');
			space = true;
			continue;
		}
		space = false;
		if (c == 0xc2 && i + 1 < s.n && s.p[i + 1] < 0xa0) { /* C1 control characters */
			qf_buf_u8(out, '?');
			i++;
		} else {
			qf_buf_u8(out, c);
		}
	}
}

static void put_age(struct qf_buf *out, uint64_t ns)
{
	unsigned long long s = ns / QF_SEC;

	if (s < 60)
		qf_buf_printf(out, "%llu.%llus", s, (unsigned long long)(ns / (100 * QF_MS) % 10));
	else if (s < 3600)
		qf_buf_printf(out, "%llum%02llus", s / 60, s % 60);
	else
		qf_buf_printf(out, "%lluh%02llum", s / 3600, s / 60 % 60);
}

static void make_cells(const struct row *r, struct qf_buf cells[N_COLUMNS])
{
	const char *texts[N_COLUMNS] = { r->id, r->state, "", r->user, r->protocol, r->group, r->cluster };

	memset(cells, 0, N_COLUMNS * sizeof *cells);
	put_age(&cells[AGE], r->age_ns);
	for (int i = 0; i < N_COLUMNS; i++) {
		put_plain(&cells[i], qf_slice_str(texts[i]), 64);
		if (cells[i].n == 0)
			qf_buf_u8(&cells[i], '-');
	}
}

static void free_cells(struct qf_buf cells[N_COLUMNS])
{
	for (int i = 0; i < N_COLUMNS; i++)
		qf_buf_fini(&cells[i]);
}

static void print_row(const struct row *r, const size_t width[N_COLUMNS])
{
	struct qf_buf cells[N_COLUMNS], sql = { 0 };

	make_cells(r, cells);
	for (int i = 0; i < N_COLUMNS; i++)
		printf("%-*s ", (int)width[i], qf_buf_cstr(&cells[i]));
	put_plain(&sql, qf_buf_slice(&r->sql), SQL_IN_TABLE);
	printf("%s\n", qf_buf_cstr(&sql));
	qf_buf_fini(&sql);
	free_cells(cells);
}

static void print_table(struct row *const *rows)
{
	size_t width[N_COLUMNS];

	for (int i = 0; i < N_COLUMNS; i++)
		width[i] = strlen(titles[i]);
	for (size_t k = 0; rows[k]; k++) {
		struct qf_buf cells[N_COLUMNS];

		make_cells(rows[k], cells);
		for (int i = 0; i < N_COLUMNS; i++)
			width[i] = cells[i].n > width[i] ? cells[i].n : width[i];
		free_cells(cells);
	}
	for (int i = 0; i < N_COLUMNS; i++)
		printf("%-*s ", (int)width[i], titles[i]);
	printf("SQL\n");
	for (size_t k = 0; rows[k]; k++)
		print_row(rows[k], width);
}

int admin_queries(void *ctx, struct qf_run *run, int argc, char **argv)
{
	const struct admin *a = ctx;
	struct queries q = { .by_id = qf_map_new() };
	struct gather g = { .roles = ASKED, .command = "queries", .on_answer = on_rows, .arg = &q };
	int status = gather_run(&g);
	struct row **rows = sorted(&q);

	(void)run;
	(void)argc;
	(void)argv;
	if (a->json)
		for (size_t i = 0; rows[i]; i++)
			print_json(rows[i]);
	else if (status != QF_EXIT_NO_SERVICE)
		print_table(rows);
	for (size_t i = 0; rows[i]; i++) {
		qf_buf_fini(&rows[i]->sql);
		free(rows[i]);
	}
	free(rows);
	qf_map_free(q.by_id);
	return status;
}

/* ---- cancel -------------------------------------------------------------------------------------------------- */

static void on_cancelled(void *arg, const struct qf_peer *from, const struct qf_msg *m)
{
	(void)from;
	*(uint64_t *)arg += qf_get_u64(m, QF_F_VALUE);
}

int admin_cancel(void *ctx, struct qf_run *run, int argc, char **argv)
{
	uint64_t found = 0;
	struct gather g = { .roles = ASKED, .command = "cancel", .id = argv[1], .on_answer = on_cancelled, .arg = &found };
	int status;

	(void)ctx;
	(void)run;
	if (argc != 2) {
		fprintf(stderr, "qf-admin cancel: the id of one query is needed; qf-admin queries lists them\n");
		return QF_EXIT_USAGE;
	}
	status = gather_run(&g);
	if (found) {
		printf("%s: cancelled\n", argv[1]);
		return QF_EXIT_OK;
	}
	if (status == QF_EXIT_OK) {
		fprintf(stderr, "qf-admin cancel: no query \"%s\" waits or runs; qf-admin queries lists them\n", argv[1]);
		return QF_EXIT_FAILED;
	}
	return status;
}
