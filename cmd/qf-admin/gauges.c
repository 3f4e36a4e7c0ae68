/*
 * What is true now: built for each answer from what the programs told, from the bus and from /proc. Labels are
 * bounded as in counts.h; a program's instance is the name under which it holds its lock.
 */
#include "metrics.h"
#include "serve.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
	BUILD,
	UP,
	LOST,
	RUNNING,
	QUEUED,
	SLOTS,
	LIMIT,
	CLUSTER,
	SESSIONS,
	CPU,
	RESIDENT,
	THREADS,
	DESCRIPTORS,
	START,
	N_GAUGES
};

static const struct metric_def defs[N_GAUGES] = {
	[BUILD] = { "queryflux_build_info", METRIC_GAUGE, "1; which version qf-admin is.", { "version" } },
	[UP] = { "queryflux_up", METRIC_GAUGE, "1 when the program is there and answers; 0 when it is silent or missing.",
		 { "program", "instance" } },
	[LOST] = { "queryflux_events_lost_total", METRIC_COUNTER,
		   "Events that the program could not hand over since it started.", { "program", "instance" } },
	[RUNNING] = { "queryflux_running_queries", METRIC_GAUGE, "Queries that an engine works on.",
		      { "cluster_group", "cluster_name" } },
	[QUEUED] = { "queryflux_queued_queries", METRIC_GAUGE, "Queries that wait for a slot or their translation.",
		     { "cluster_group" } },
	[SLOTS] = { "queryflux_used_slots", METRIC_GAUGE, "Slots in use: running queries and open transactions.",
		    { "cluster_group" } },
	[LIMIT] = { "queryflux_max_running_queries", METRIC_GAUGE, "Slots that the group has.", { "cluster_group" } },
	[CLUSTER] = { "queryflux_cluster_up", METRIC_GAUGE, "1 when qf-dispatch has the engine of the cluster open.",
		      { "cluster_name", "engine_type" } },
	[SESSIONS] = { "queryflux_client_sessions", METRIC_GAUGE, "Sessions of clients.", { "protocol" } },
	[CPU] = { "process_cpu_seconds_total", METRIC_COUNTER, "User and system time.", { "program", "instance" } },
	[RESIDENT] = { "process_resident_memory_bytes", METRIC_GAUGE, "Resident memory.", { "program", "instance" } },
	[THREADS] = { "process_threads", METRIC_GAUGE, "Threads.", { "program", "instance" } },
	[DESCRIPTORS] = { "process_open_fds", METRIC_GAUGE, "Open descriptors.", { "program", "instance" } },
	[START] = { "process_start_time_seconds", METRIC_GAUGE, "Start, in seconds since 1970.", { "program", "instance" } },
};

struct gauges {
	const struct qf_conf *conf;
	struct metric metrics[N_GAUGES];
};

/* ---- programs ---------------------------------------------------------------------------------------------- */

static double boot_time(void)
{
	FILE *f = fopen("/proc/stat", "re");
	char line[4096];
	double t = 0;

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "btime %lf", &t) == 1)
			break;
	if (f)
		fclose(f);
	return t;
}

static void add_times(struct gauges *g, const char *const *who, int pid)
{
	unsigned long long user, system, started;
	long threads, pages, hz = sysconf(_SC_CLK_TCK);
	char path[64], line[1024], *behind;
	size_t n;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	n = fread(line, 1, sizeof line - 1, f);
	fclose(f);
	line[n] = 0;
	behind = strrchr(line, ')'); /* proc(5): the name may hold anything */
	if (!behind || sscanf(behind + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu %*d %*d %*d %*d %ld %*d %llu "
					  "%*u %ld",
			      &user, &system, &threads, &started, &pages) != 5)
		return;
	metric_add(&g->metrics[CPU], who, (double)(user + system) / (double)hz);
	metric_add(&g->metrics[RESIDENT], who, (double)pages * (double)sysconf(_SC_PAGESIZE));
	metric_add(&g->metrics[THREADS], who, (double)threads);
	metric_add(&g->metrics[START], who, boot_time() + (double)started / (double)hz);
}

/* Of a process of another user the kernel does not tell. */
static void add_descriptors(struct gauges *g, const char *const *who, int pid)
{
	char path[64];
	double n = 0;
	DIR *d;

	snprintf(path, sizeof path, "/proc/%d/fd", pid);
	d = opendir(path);
	if (!d)
		return;
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		n += e->d_name[0] != '.';
	closedir(d);
	metric_add(&g->metrics[DESCRIPTORS], who, n);
}

static void add_program(struct gauges *g, enum qf_program program, const char *instance, int pid, bool up)
{
	const char *who[] = { qf_program_name(program), instance };

	metric_add(&g->metrics[UP], who, up);
	add_times(g, who, pid);
	add_descriptors(g, who, pid);
}

static bool any_of(const struct qf_bus *bus, enum qf_program program)
{
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(bus, p)))
		if (p->program == program)
			return true;
	return false;
}

/* One of each there must be, of qf-dispatch each owner of a group. */
static void add_missing(struct gauges *g, const struct qf_bus *bus)
{
	for (int i = 0; i < QF_ADMIN; i++) {
		const char *who[] = { qf_program_name((enum qf_program)i), "0" };

		if (i != QF_DISPATCH && !any_of(bus, (enum qf_program)i))
			metric_add(&g->metrics[UP], who, 0);
	}
	for (size_t i = 0; i < g->conf->n_groups; i++) {
		const char *who[] = { qf_program_name(QF_DISPATCH), g->conf->groups[i].instance };

		if (g->conf->groups[i].enabled && !qf_bus_find(bus, QF_DISPATCH, qf_slice_str(who[1])))
			metric_add(&g->metrics[UP], who, 0);
	}
}

static void add_programs(struct gauges *g, const struct qf_run *run)
{
	const char *self[] = { "admin", run->instance };
	struct qf_peer *p = NULL;

	add_program(g, QF_ADMIN, run->instance, getpid(), true);
	metric_add(&g->metrics[LOST], self, 0);
	while ((p = qf_bus_next_peer(run->bus, p))) {
		const char *who[] = { qf_program_name(p->program), p->instance };

		if (p->program == QF_ADMIN)
			continue; /* a tool that asks */
		add_program(g, p->program, p->instance, p->pid, !p->suspended);
		metric_add(&g->metrics[LOST], who, (double)p->events_lost);
	}
	add_missing(g, run->bus);
}

/* ---- groups, clusters, sessions ------------------------------------------------------------------------------ */

static void add_configured(struct gauges *g)
{
	for (size_t i = 0; i < g->conf->n_groups; i++) {
		const struct qf_conf_group *gc = &g->conf->groups[i];

		if (!gc->enabled)
			continue;
		metric_add(&g->metrics[QUEUED], &gc->name, 0);
		metric_add(&g->metrics[SLOTS], &gc->name, 0);
		metric_add(&g->metrics[LIMIT], &gc->name, gc->max_running);
		for (size_t k = 0; k < gc->n_members; k++) {
			const char *where[] = { gc->name, gc->members[k]->name };

			metric_add(&g->metrics[RUNNING], where, 0);
		}
	}
	for (size_t i = 0; i < g->conf->n_clusters; i++) {
		const char *what[] = { g->conf->clusters[i].name, qf_engine_kind_name(g->conf->clusters[i].engine) };

		if (g->conf->clusters[i].enabled)
			metric_add(&g->metrics[CLUSTER], what, 0);
	}
	for (int fe = 0; fe < QF_FE_N; fe++) {
		const char *name = qf_frontend_name((enum qf_frontend)fe);

		if (g->conf->frontends[fe].enabled)
			metric_add(&g->metrics[SESSIONS], &name, 0);
	}
}

/* Any qf-dispatch that has it open will do. */
static void add_cluster(struct gauges *g, const char *name, double up)
{
	const struct qf_conf_cluster *c = qf_conf_cluster(g->conf, name);
	const char *what[] = { name, c ? qf_engine_kind_name(c->engine) : "none" };

	if (c && up > 0)
		metric_set(&g->metrics[CLUSTER], what, 1);
}

static void add_row(struct gauges *g, const struct qf_msg *row)
{
	struct qf_slice what = qf_get(row, QF_F_EVENT);
	const char *group = counts_group(g->conf, qf_get(row, QF_F_GROUP));
	const char *where[] = { group, counts_cluster(g->conf, qf_get(row, QF_F_CLUSTER)) };
	double value = (double)qf_get_u64(row, QF_F_VALUE);
	uint8_t fe = qf_get_u8(row, QF_F_FRONTEND);

	if (qf_slice_eq_str(what, "running")) {
		metric_add(&g->metrics[RUNNING], where, value);
	} else if (qf_slice_eq_str(what, "queued")) {
		metric_add(&g->metrics[QUEUED], &group, value);
	} else if (qf_slice_eq_str(what, "slots")) {
		metric_add(&g->metrics[SLOTS], &group, value);
	} else if (qf_slice_eq_str(what, "cluster")) {
		add_cluster(g, where[1], value);
	} else if (qf_slice_eq_str(what, "sessions") && fe < QF_FE_N) {
		const char *name = qf_frontend_name((enum qf_frontend)fe);

		metric_add(&g->metrics[SESSIONS], &name, value);
	}
}

static void add_states(struct gauges *g, const struct qf_bus *bus)
{
	struct qf_peer *p = NULL;

	while ((p = qf_bus_next_peer(bus, p))) {
		struct qf_reader r = told_rows(p);
		struct qf_msg row;

		while (qf_row_next(&r, &row))
			add_row(g, &row);
	}
}

void gauges_write(const struct serve *s, struct qf_buf *out)
{
	const char *version = qf_version();
	struct gauges g = { .conf = s->run->conf };

	for (size_t i = 0; i < N_GAUGES; i++)
		metric_init(&g.metrics[i], &defs[i]);
	metric_add(&g.metrics[BUILD], &version, 1);
	add_programs(&g, s->run);
	add_configured(&g);
	add_states(&g, s->run->bus);
	for (size_t i = 0; i < N_GAUGES; i++) {
		metric_write(&g.metrics[i], out);
		metric_fini(&g.metrics[i]);
	}
}
